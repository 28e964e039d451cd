/* The budget against a log of every call and the sentences of the header read literally: for each
 * bucket, sums over all pairs of calls. The log shares no code with the buckets. */
#include "core/flow/throttle.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000)
#define DAY    INT64_C(86400000)
/* Monday 2026-11-23 00:00 UTC. */
#define MONDAY INT64_C(1795392000000)

typedef __int128 wide;

/* --- the log --- */

enum { LOG_MAX = 400, HORIZON_MIN = 5 * 1440 };

struct logged {
    stk_time_t at;
    uint32_t leaf, cost;
    int urgent;
};
struct log {
    struct stk_throttle_config config;
    unsigned count;
    struct logged call[LOG_MAX];
    int64_t flow[HORIZON_MIN + 1]; /* from MONDAY to that minute */
    int64_t percent[HORIZON_MIN];
};

static struct log logs;

static int is_below(const struct log *log, uint32_t leaf, uint32_t bucket)
{
    for (uint32_t i = leaf; i != STK_BUCKET_NONE; i = log->config.bucket[i].parent) {
        if (i == bucket)
            return 1;
    }
    return 0;
}

static int64_t cost_at(const struct log *log, const struct logged *call, uint32_t bucket)
{
    if (!is_below(log, call->leaf, bucket))
        return 0;
    return log->config.bucket[bucket].flags & STK_BUCKET_CALLS ? 1 : call->cost;
}

/* The calendar, a minute at a time. */
static void log_calendar(struct log *log)
{
    log->flow[0] = 0;
    for (int64_t i = 0; i < HORIZON_MIN; i++) {
        log->percent[i] = stk_calendar_at(&log->config.calendar, MONDAY + i * MINUTE).percent;
        log->flow[i + 1] = log->flow[i] + MINUTE * (log->percent[i] ? log->percent[i] : 100);
    }
}

static int64_t flow_at(const struct log *log, stk_time_t at)
{
    int64_t minute = (at - MONDAY) / MINUTE, percent = log->percent[minute];
    return log->flow[minute] + (at - MONDAY) % MINUTE * (percent ? percent : 100);
}

static int64_t share(int64_t whole, int64_t percent)
{
    return (whole * percent + 99) / 100;
}

/* Would the rate allow one more? In 1 / (100 period) tokens. */
static int rate_allows(const struct log *log, uint32_t bucket, const struct logged *more)
{
    const struct stk_bucket_config *config = &log->config.bucket[bucket];
    const struct stk_rate *rate = &config->rate;
    wide scale = (wide)rate->period_ms * 100, full = rate->burst * scale, level = full;
    wide need = cost_at(log, more, bucket) * scale, sum = 0;
    if (!rate->tokens)
        return 1;
    for (unsigned i = log->count; i-- > 0;) {
        int64_t cost = cost_at(log, &log->call[i], bucket);
        int64_t flow = flow_at(log, more->at) - flow_at(log, log->call[i].at);
        if (!cost)
            continue;
        sum += cost * scale;
        wide left = full + (wide)rate->tokens * (flow - config->jitter_ms * 100) - sum;
        level = left < level ? left : level;
    }
    if (!more->urgent)
        need += full * config->reserve_percent / 100;
    return level >= (need < full ? need : full);
}

/* May the call have been counted in [from, to) by a clock that is off by jitter? */
static int may_be_in(const struct logged *call, stk_time_t from, stk_time_t to, int64_t jitter)
{
    return call->at >= from - jitter && call->at < to + jitter;
}

static int fixed_allows(const struct log *log, uint32_t bucket, const struct stk_window_config *how,
                        const struct logged *more)
{
    const struct stk_bucket_config *config = &log->config.bucket[bucket];
    int64_t cost = cost_at(log, more, bucket);
    int64_t first = (more->at - how->phase_ms) / how->period_ms;
    for (int64_t k = first - 1; k <= first + 1; k++) {
        stk_time_t from = how->phase_ms + k * how->period_ms, to = from + how->period_ms;
        int64_t sum = 0, urgent = 0, reserve = share(how->limit, config->reserve_percent);
        if (!may_be_in(more, from, to, config->jitter_ms))
            continue;
        for (unsigned i = 0; i < log->count; i++) {
            int64_t own = cost_at(log, &log->call[i], bucket);
            if (!may_be_in(&log->call[i], from, to, config->jitter_ms))
                continue;
            sum += own;
            urgent += log->call[i].urgent ? own : 0;
        }
        reserve = reserve > how->limit - cost ? how->limit - cost : reserve;
        if (k == first && !more->urgent && urgent < reserve) /* kept in the window itself */
            sum += reserve - urgent;
        if (sum + cost > how->limit)
            return 0;
    }
    return 1;
}

static int slide_allows(const struct log *log, uint32_t bucket, const struct stk_window_config *how,
                        const struct logged *more)
{
    const struct stk_bucket_config *config = &log->config.bucket[bucket];
    int64_t sum = 0, urgent = 0, cost = cost_at(log, more, bucket);
    int64_t reserve = share(how->limit, config->reserve_percent);
    for (unsigned i = 0; i < log->count; i++) {
        int64_t own = cost_at(log, &log->call[i], bucket);
        if (log->call[i].at + how->period_ms + config->jitter_ms <= more->at)
            continue;
        sum += own;
        urgent += log->call[i].urgent ? own : 0;
    }
    reserve = reserve > how->limit - cost ? how->limit - cost : reserve;
    if (!more->urgent && urgent < reserve)
        sum += reserve - urgent;
    return sum + cost <= how->limit;
}

static int log_allows(const struct log *log, const struct logged *more)
{
    if (log->percent[(more->at - MONDAY) / MINUTE] == 0)
        return 0;
    for (uint32_t i = more->leaf; i != STK_BUCKET_NONE; i = log->config.bucket[i].parent) {
        if (!rate_allows(log, i, more))
            return 0;
        for (int w = 0; w < STK_BUCKET_WINDOWS_MAX; w++) {
            const struct stk_window_config *how = &log->config.bucket[i].window[w];
            if (how->kind == STK_WINDOW_FIXED && !fixed_allows(log, i, how, more))
                return 0;
            if (how->kind == STK_WINDOW_SLIDING && !slide_allows(log, i, how, more))
                return 0;
        }
    }
    return 1;
}

/* --- random trees and walks --- */

static unsigned seed_of_round;

static uint32_t any(uint32_t from, uint32_t to)
{
    return from + (uint32_t)rand_r(&seed_of_round) % (to - from + 1);
}

enum { WITH_SLIDES = 1, WITH_CALENDAR = 2, WITH_JITTER = 4, WITH_RESERVE = 8, WITH_RETURNS = 16 };

static void random_bucket(struct stk_bucket_config *bucket, uint32_t index, int with)
{
    *bucket = (struct stk_bucket_config){.parent = STK_BUCKET_NONE};
    snprintf(bucket->name, sizeof bucket->name, "b%u", index);
    if (index && any(0, 5))
        bucket->parent = (uint8_t)any(0, index - 1);
    if (any(0, 3) == 0)
        bucket->flags = STK_BUCKET_CALLS;
    if (any(0, 4))
        bucket->rate = (struct stk_rate){any(1, 40), any(6, 30), (int64_t)any(1, 20) * 937};
    if (with & WITH_JITTER && any(0, 1))
        bucket->jitter_ms = any(1, 400);
    if (with & WITH_RESERVE)
        bucket->reserve_percent = (uint8_t)(any(0, 2) * 20);
    if (any(0, 2) == 0)
        bucket->window[0] = (struct stk_window_config){
            STK_WINDOW_FIXED, any(6, 60), (int64_t)any(1, 60) * 1000, (int64_t)any(0, 5000) - 2500};
    if (with & WITH_SLIDES && any(0, 2) == 0)
        bucket->window[1] =
            (struct stk_window_config){STK_WINDOW_SLIDING, any(6, 60), any(1, 60000), 0};
}

static struct stk_throttle_config random_config(int with)
{
    struct stk_throttle_config config = {.seed = 1,
                                         .backoff_ms = 1000,
                                         .backoff_max_ms = 60000,
                                         .hold_max_ms = DAY,
                                         .bucket_count = any(1, 6)};
    for (uint32_t i = 0; i < config.bucket_count; i++)
        random_bucket(&config.bucket[i], i, with);
    if (with & WITH_CALENDAR) {
        config.calendar.count = any(1, 3);
        for (uint32_t i = 0; i < config.calendar.count; i++)
            config.calendar.window[i] =
                (struct stk_calendar_window){(uint8_t)any(1, 127), (uint8_t)(any(0, 3) * 25),
                                             (int16_t)((int)any(0, 28) * 30 - 420),
                                             (uint16_t)any(0, 1439), (uint16_t)any(1, 1440)};
    }
    return config;
}

static struct stk_throttle throttle, copy;

static int has_slide(const struct stk_throttle_config *config)
{
    int slides = 0;
    for (uint32_t i = 0; i < config->bucket_count; i++)
        slides |= config->bucket[i].window[1].kind == STK_WINDOW_SLIDING;
    return slides;
}

/* Refused until `again`: then it goes, and a millisecond before it would break a bucket. */
static int check_again(const struct log *log, struct logged more, stk_time_t again, int exact)
{
    struct stk_throttle_call call;
    stk_time_t at = 0;
    copy = throttle;
    if (again <= more.at ||
        stk_throttle_take(&copy, more.leaf, more.cost, more.urgent, again - 1, &call, &at) !=
            STK_AGAIN ||
        at != again ||
        stk_throttle_take(&copy, more.leaf, more.cost, more.urgent, again, &call, &at) != STK_OK)
        return 0;
    more.at = again;
    if (!log_allows(log, &more))
        return 0;
    more.at = again - 1;
    return !exact || !log_allows(log, &more);
}

/* What was taken comes back at random, as if it had never left. */
static void give_back_one(struct log *log, struct stk_throttle_call *calls, stk_time_t now)
{
    unsigned at = any(0, log->count - 1);
    if (log->call[at].at < now - 30000)
        return;
    stk_throttle_give_back(&throttle, &calls[at], now);
    log->count--;
    memmove(&log->call[at], &log->call[at + 1], (log->count - at) * sizeof *log->call);
    memmove(&calls[at], &calls[at + 1], (log->count - at) * sizeof *calls);
}

/* Said before a failure, so that it can be run again alone. */
static int walk_is(int fine, unsigned round, int with)
{
    if (!fine)
        print_error("round %u, features %d\n", round, with);
    return fine;
}

static unsigned walk(unsigned round, int with)
{
    static struct stk_throttle_call calls[LOG_MAX];
    stk_time_t now = MONDAY + MINUTE, again = now;
    unsigned steps = 0;
    int exact;
    seed_of_round = round * 7919 + 1;
    logs.config = random_config(with);
    logs.count = 0;
    log_calendar(&logs);
    now += any(0, 1000) * MINUTE;
    exact = !has_slide(&logs.config) && !(with & WITH_RETURNS);
    assert_int_equal(stk_throttle_init(&throttle, &logs.config, now, NULL), STK_OK);
    while (logs.count < LOG_MAX && steps < 500) {
        uint32_t leaf = any(0, logs.config.bucket_count - 1);
        struct logged more = {now, leaf, any(1, 6), any(0, 3) == 0};
        struct stk_throttle_call call;
        enum stk_status status =
            stk_throttle_take(&throttle, leaf, more.cost, more.urgent, now, &call, &again);
        steps++;
        if (status == STK_OK) {
            assert_true(walk_is(log_allows(&logs, &more), round, with));
            calls[logs.count] = call;
            logs.call[logs.count++] = more;
            if (!(with & WITH_RETURNS) && any(0, 1))
                stk_throttle_done(&throttle, &call, call.cost, now);
        } else {
            assert_int_equal(status, STK_AGAIN);
            if (again >= MONDAY + (HORIZON_MIN - 10) * MINUTE)
                break;
            assert_true(walk_is(check_again(&logs, more, again, exact), round, with));
            now = any(0, 1) ? again - any(0, 1) : now;
        }
        if (with & WITH_RETURNS && logs.count && any(0, 3) == 0)
            give_back_one(&logs, calls, now);
        now += any(0, 2) ? 0 : any(0, 3000);
        if (now >= MONDAY + (HORIZON_MIN - 10) * MINUTE)
            break;
    }
    return steps;
}

static unsigned rounds(void)
{
    const char *text = getenv("THROTTLE_ROUNDS");
    return text ? (unsigned)atoi(text) : 30;
}

/* No call above any bucket, no millisecond too late; every mixture of features. */
static void test_random_walks_against_the_log(void **state)
{
    unsigned steps = 0;
    (void)state;
    for (int with = 0; with < 32; with++) {
        for (unsigned round = 0; round < rounds(); round++)
            steps += walk(round * 32 + (unsigned)with, with);
    }
    print_message("%u steps\n", steps);
}

/* --- what stands in the header, one by one --- */

static struct stk_throttle_config plain_config(void)
{
    return (struct stk_throttle_config){.seed = 42,
                                        .backoff_ms = 1000,
                                        .backoff_max_ms = 60000,
                                        .hold_max_ms = DAY,
                                        .bucket_count = 1,
                                        .bucket = {{.name = "app", .parent = STK_BUCKET_NONE}}};
}

static void start(const struct stk_throttle_config *config)
{
    struct stk_error err;
    if (stk_throttle_init(&throttle, config, MONDAY, &err) != STK_OK)
        fail_msg("%s", err.text);
}

/* Takes as many as go at that instant; they are done at once. */
static unsigned take_all(uint32_t leaf, int urgent, stk_time_t now, stk_time_t *again)
{
    struct stk_throttle_call call;
    unsigned count = 0;
    while (stk_throttle_take(&throttle, leaf, 1, urgent, now, &call, again) == STK_OK) {
        stk_throttle_done(&throttle, &call, 1, now);
        count++;
        assert_true(count < 10000000);
    }
    return count;
}

static void test_slow_rates_lose_nothing(void **state)
{
    /* 0.0056 a second: the 56th token comes exactly 10,000 s after the first one was taken. */
    struct stk_throttle_config config = plain_config();
    stk_time_t again = 0, now = MONDAY;
    (void)state;
    config.bucket[0].rate.burst = 1;
    assert_int_equal(stk_rate_parse((struct stk_bytes){"0.0056", 6}, &config.bucket[0].rate),
                     STK_OK);
    start(&config);
    for (int i = 0; i <= 56; i++) {
        struct stk_throttle_call call;
        assert_int_equal(stk_throttle_take(&throttle, 0, 1, 0, now, &call, &again), STK_OK);
        assert_int_equal(stk_throttle_take(&throttle, 0, 1, 0, now, &call, &again), STK_AGAIN);
        /* ceil, so that each wait ends at a whole millisecond */
        assert_in_range(again - now, 178571, 178572);
        now = i < 56 ? again : now;
    }
    assert_in_range(now - MONDAY, 10000000, 10000056);
    /* Asked late, the fractions are not lost: 56 in 10,000 s with a burst that holds them. */
    config.bucket[0].rate.burst = 56;
    start(&config);
    assert_int_equal(take_all(0, 0, MONDAY, &again), 56);
    assert_int_equal(take_all(0, 0, MONDAY + 9999999, &again), 55);
    assert_int_equal(again, MONDAY + 10000000);
    assert_int_equal(take_all(0, 0, again, &again), 1);
}

static void test_boundary_instants(void **state)
{
    struct stk_throttle_config config = plain_config();
    stk_time_t again = 0, midnight = MONDAY + 16 * 60 * MINUTE; /* of +08:00 */
    (void)state;
    config.bucket[0].window[0] =
        (struct stk_window_config){STK_WINDOW_FIXED, 10, DAY, -8 * 60 * MINUTE};
    config.bucket[0].window[1] = (struct stk_window_config){STK_WINDOW_SLIDING, 4, 1000, 0};
    start(&config);
    assert_int_equal(take_all(0, 0, MONDAY, &again), 4);
    assert_int_equal(again, MONDAY + 1000);
    assert_int_equal(take_all(0, 0, MONDAY + 999, &again), 0);
    assert_int_equal(take_all(0, 0, MONDAY + 1000, &again), 4);
    assert_int_equal(take_all(0, 0, MONDAY + 2000, &again), 2);
    assert_int_equal(again, midnight); /* Monday midnight in Shanghai */
    assert_int_equal(take_all(0, 0, midnight - 1, &again), 0);
    assert_int_equal(again, midnight);
    assert_int_equal(take_all(0, 0, midnight, &again), 4);
    /* a day with nobody calling: the count of yesterday is gone, not doubled */
    assert_int_equal(take_all(0, 0, midnight + 3 * DAY, &again), 4);
    assert_int_equal(throttle.bucket[0].window[0].used, 4);
}

static void test_time_that_goes_back_is_taken_for_the_latest(void **state)
{
    struct stk_throttle_config config = plain_config();
    stk_time_t again = 0;
    (void)state;
    config.bucket[0].rate = (struct stk_rate){1, 2, 1000};
    start(&config);
    assert_int_equal(take_all(0, 0, MONDAY + 5000, &again), 2);
    assert_int_equal(take_all(0, 0, MONDAY, &again), 0);
    assert_int_equal(again, MONDAY + 6000);
}

static void test_calls_under_way(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_throttle_call call[4];
    stk_time_t again = 0;
    (void)state;
    config.bucket[0].calls_max = 4;
    config.bucket[0].reserve_percent = 25;
    start(&config);
    for (int i = 0; i < 3; i++)
        assert_int_equal(stk_throttle_take(&throttle, 0, 1, 0, MONDAY, &call[i], &again), STK_OK);
    assert_int_equal(stk_throttle_take(&throttle, 0, 1, 0, MONDAY, &call[3], &again), STK_BUSY);
    assert_int_equal(stk_throttle_take(&throttle, 0, 1, 1, MONDAY, &call[3], &again), STK_OK);
    assert_int_equal(stk_throttle_take(&throttle, 0, 1, 1, MONDAY, &call[3], &again), STK_BUSY);
    stk_throttle_done(&throttle, &call[0], 1, MONDAY);
    assert_int_equal(stk_throttle_take(&throttle, 0, 1, 0, MONDAY, &call[0], &again), STK_OK);
    stk_throttle_give_back(&throttle, &call[1], MONDAY);
    assert_int_equal(throttle.bucket[0].calls, 3);
    assert_int_equal(throttle.bucket[0].cost_under_way, 3);
}

static void test_a_share_is_kept_for_urgent_calls(void **state)
{
    struct stk_throttle_config config = plain_config();
    stk_time_t again = 0, next = 0;
    unsigned normal = 0;
    (void)state;
    config.bucket_count = 2;
    config.bucket[0].rate = (struct stk_rate){10, 20, 1000};
    config.bucket[0].window[0] = (struct stk_window_config){STK_WINDOW_FIXED, 1000, DAY, 0};
    config.bucket[0].reserve_percent = 25;
    config.bucket[1] = (struct stk_bucket_config){.name = "prices", .parent = 0};
    start(&config);
    assert_int_equal(take_all(1, 0, MONDAY, &again), 15);
    assert_int_equal(take_all(0, 1, MONDAY, &again), 5);
    assert_int_equal(again, MONDAY + 100);
    /* A flood of others never takes what is kept: at any time 5 go at once, if the day has them. */
    normal = 15;
    for (int second = 1; second < 300; second++) {
        normal += take_all(1, 0, MONDAY + second * 1000, &next);
        copy = throttle;
        assert_true(take_all(0, 1, MONDAY + second * 1000, &again) >= (second == 1 ? 4 : 5));
        throttle = copy;
    }
    /* 750 of the day's 1,000; the 5 urgent ones came out of their share */
    assert_int_equal(normal, 750);
    assert_int_equal(next, MONDAY + DAY);
    assert_int_equal(take_all(0, 1, MONDAY + 301000, &again), 20);
}

static void test_too_large_is_told_at_once(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_throttle_call call;
    stk_time_t again = 0;
    (void)state;
    config.bucket_count = 2;
    config.bucket[0].rate = (struct stk_rate){100, 1000, 1000};
    config.bucket[1] = (struct stk_bucket_config){.name = "leaf", .parent = 0};
    config.bucket[1].window[0] = (struct stk_window_config){STK_WINDOW_FIXED, 50, 1000, 0};
    start(&config);
    assert_int_equal(stk_throttle_cost_max(&throttle, 0), 1000);
    assert_int_equal(stk_throttle_cost_max(&throttle, 1), 50);
    assert_int_equal(stk_throttle_take(&throttle, 1, 51, 0, MONDAY, &call, &again), STK_TOO_LARGE);
    assert_int_equal(stk_throttle_take(&throttle, 1, 50, 0, MONDAY, &call, &again), STK_OK);
    config.bucket[1].flags = STK_BUCKET_CALLS; /* 51 points, but one call */
    start(&config);
    assert_int_equal(stk_throttle_take(&throttle, 1, 51, 0, MONDAY, &call, &again), STK_OK);
    assert_int_equal(throttle.bucket[1].window[0].used, 1);
}

static void test_calculated_costs_come_back(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_throttle_call call;
    stk_time_t again = 0;
    (void)state;
    config.bucket[0].rate = (struct stk_rate){100, 2000, 1000};
    start(&config);
    assert_int_equal(stk_throttle_take(&throttle, 0, 1000, 0, MONDAY, &call, &again), STK_OK);
    stk_throttle_done(&throttle, &call, 12, MONDAY + 300);
    assert_int_equal(stk_throttle_tokens(&throttle, 0), 2000); /* 1030 + 988: full */
    assert_int_equal(stk_throttle_take(&throttle, 0, 1000, 0, MONDAY + 300, &call, &again), STK_OK);
    stk_throttle_done(&throttle, &call, 1500, MONDAY + 400); /* it cost more than it said */
    assert_int_equal(stk_throttle_tokens(&throttle, 0), 510);
    assert_int_equal(stk_throttle_take(&throttle, 0, 1, 0, MONDAY + 400, &call, &again), STK_OK);
    stk_throttle_done(&throttle, &call, UINT32_MAX, MONDAY + 400); /* nonsense is a debt, bounded */
    assert_true(throttle.bucket[0].level < 0);
    stk_throttle_resume(&throttle, 0, MONDAY + 400);
}

/* --- what channels say --- */

static void test_headers_lower_at_once_and_never_raise(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_news news = STK_NEWS(STK_PART_RATE);
    stk_time_t again = 0;
    (void)state;
    config.bucket[0].rate = (struct stk_rate){5, 10, 1000};
    start(&config);
    news.rate_tokens = 50, news.rate_period_ms = 1000, news.limit = 100;
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY), STK_OK);
    assert_int_equal(take_all(0, 0, MONDAY, &again), 10);
    assert_int_equal(again, MONDAY + 200);
    news.rate_tokens = 5, news.rate_period_ms = 10000, news.limit = 4; /* 0.5 a second */
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY), STK_OK);
    assert_int_equal(take_all(0, 0, MONDAY, &again), 0);
    assert_int_equal(again, MONDAY + 2000);
    assert_int_equal(stk_throttle_cost_max(&throttle, 0), 4);
    assert_int_equal(take_all(0, 0, MONDAY + 60000, &again), 4);
    /* it may take back what it lowered, and what it said is not believed for ever */
    news.rate_tokens = 4, news.rate_period_ms = 1000, news.limit = 8;
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY + 60000), STK_OK);
    assert_int_equal(take_all(0, 0, MONDAY + 120000, &again), 8);
    assert_int_equal(again, MONDAY + 120250);
    assert_int_equal(take_all(0, 0, MONDAY + 60000 + STK_LEARNED_MS, &again), 8);
    assert_int_equal(again, MONDAY + 60000 + STK_LEARNED_MS + 200); /* as declared again */
    config.bucket[0].flags = STK_BUCKET_RAISE;
    start(&config);
    news.rate_tokens = 50, news.rate_period_ms = 1000, news.limit = 100;
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY), STK_OK);
    assert_int_equal(take_all(0, 0, MONDAY + 60000, &again), 100);
}

static void test_others_on_the_same_account(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_throttle_call call[3];
    struct stk_news news = STK_NEWS(STK_PART_RATE);
    stk_time_t again = 0;
    (void)state;
    config.bucket[0].rate = (struct stk_rate){10, 100, 1000};
    start(&config);
    for (int i = 0; i < 3; i++)
        assert_int_equal(stk_throttle_take(&throttle, 0, 10, 0, MONDAY, &call[i], &again), STK_OK);
    stk_throttle_done(&throttle, &call[0], 10, MONDAY);
    news.remaining = 90; /* nobody else: two of ours are still on their way there */
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY), STK_OK);
    assert_int_equal(stk_throttle_tokens(&throttle, 0), 70);
    news.remaining = 55; /* somebody took 35 */
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY), STK_OK);
    assert_int_equal(stk_throttle_tokens(&throttle, 0), 35);
    news.remaining = 99;
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY), STK_OK);
    assert_int_equal(stk_throttle_tokens(&throttle, 0), 35); /* never up */
    news.remaining = 3;                                      /* less than what is on its way */
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY), STK_OK);
    assert_int_equal(stk_throttle_tokens(&throttle, 0), 0);
}

/* A channel that rounds down and answers with each call must not cost us tokens. */
static void test_honest_headers_cost_nothing(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_news news = STK_NEWS(STK_PART_RATE);
    stk_time_t now = MONDAY, again = 0;
    unsigned calls = 0;
    (void)state;
    config.bucket[0].rate = (struct stk_rate){7, 3, 1000};
    start(&config);
    while (now < MONDAY + 100000) {
        struct stk_throttle_call call;
        if (stk_throttle_take(&throttle, 0, 1, 0, now, &call, &again) != STK_OK) {
            now = again;
            continue;
        }
        stk_throttle_done(&throttle, &call, 1, now);
        news.remaining = stk_throttle_tokens(&throttle, 0);
        assert_int_equal(stk_throttle_learn(&throttle, 0, &news, now), STK_OK);
        calls++;
    }
    assert_in_range(calls, 3 + 700 - 1, 3 + 700);
}

static void test_rounded_headers_take_no_fractions(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_news news = STK_NEWS(STK_PART_RATE);
    stk_time_t again = 0;
    unsigned calls = 0;
    (void)state;
    config.bucket[0].rate = (struct stk_rate){7, 30, 1000};
    start(&config);
    for (stk_time_t now = MONDAY; now <= MONDAY + 100000; now += 500) { /* 3.5 tokens each */
        calls += take_all(0, 0, now, &again);
        news.remaining = stk_throttle_tokens(&throttle, 0);
        assert_int_equal(news.remaining, 0);
        assert_int_equal(stk_throttle_learn(&throttle, 0, &news, now), STK_OK);
    }
    assert_int_equal(calls, 30 + 700);
}

static void test_windows_count_what_is_on_its_way(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_throttle_call call[3];
    struct stk_news news = STK_NEWS(STK_PART_WINDOW);
    stk_time_t again = 0;
    (void)state;
    config.bucket[0].window[0] = (struct stk_window_config){STK_WINDOW_FIXED, 100, DAY, 0};
    start(&config);
    for (int i = 0; i < 3; i++)
        assert_int_equal(stk_throttle_take(&throttle, 0, 10, 0, MONDAY, &call[i], &again), STK_OK);
    stk_throttle_done(&throttle, &call[0], 10, MONDAY);
    news.limit = 100, news.remaining = 60; /* 40 counted there, 20 of ours are still under way */
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY), STK_OK);
    assert_int_equal(throttle.bucket[0].window[0].used, 60);
}

static void test_windows_learn_counts_and_resets(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_news news = STK_NEWS(STK_PART_WINDOW);
    stk_time_t again = 0;
    (void)state;
    config.bucket[0].window[0] = (struct stk_window_config){STK_WINDOW_FIXED, 5000, DAY, 0};
    config.bucket[0].window[1] = (struct stk_window_config){STK_WINDOW_SLIDING, 100, 1000, 0};
    start(&config);
    assert_int_equal(take_all(0, 0, MONDAY, &again), 100);
    news.limit = 5000, news.remaining = 4000; /* 900 by others */
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY + 1), STK_OK);
    assert_int_equal(throttle.bucket[0].window[0].used, 1000);
    news.remaining = 4999;
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY + 2), STK_OK);
    assert_int_equal(throttle.bucket[0].window[0].used, 1000);
    /* a reset that is later than ours holds; an earlier one only where that is allowed */
    news.remaining = 0, news.reset_ms = MONDAY + DAY + 3; /* beyond one period: nonsense */
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY), STK_OK);
    assert_int_equal(throttle.bucket[0].window[0].end_ms, MONDAY + DAY);
    news.reset_ms = MONDAY + 8 * 60 * MINUTE;
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY), STK_OK);
    assert_int_equal(take_all(0, 0, MONDAY + 2000, &again), 0);
    assert_int_equal(again, MONDAY + DAY);
    news.reset_ms = MONDAY + DAY + 1000;
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY + 3000), STK_OK);
    assert_int_equal(take_all(0, 0, MONDAY + 3000, &again), 0);
    assert_int_equal(again, MONDAY + STK_LEARNED_MS + 1000);
    /* a sliding one: the foreign calls leave it when they are a period old */
    news = STK_NEWS(STK_PART_WINDOW + 1);
    news.limit = 40, news.remaining = 10;
    config.bucket[0].window[0].kind = STK_WINDOW_NONE;
    config.bucket[0].flags = STK_BUCKET_PHASE;
    start(&config);
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY), STK_OK);
    assert_int_equal(take_all(0, 0, MONDAY + 500, &again), 10);
    assert_int_equal(again, MONDAY + 1000);
    assert_int_equal(take_all(0, 0, MONDAY + 1000, &again), 30);
    news.limit = 1000; /* never above what is declared */
    news.remaining = -1;
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY + 9000), STK_OK);
    assert_int_equal(take_all(0, 0, MONDAY + 9000, &again), 100);
}

static void test_resets_may_come_forward_where_allowed(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_news news = STK_NEWS(STK_PART_WINDOW);
    stk_time_t again = 0;
    (void)state;
    config.bucket[0].flags = STK_BUCKET_PHASE;
    config.bucket[0].window[0] = (struct stk_window_config){STK_WINDOW_FIXED, 50, DAY, 0};
    start(&config);
    news.remaining = 0, news.reset_ms = MONDAY + 8 * 60 * MINUTE;
    assert_int_equal(stk_throttle_learn(&throttle, 0, &news, MONDAY), STK_OK);
    assert_int_equal(take_all(0, 0, MONDAY, &again), 0);
    assert_int_equal(again, news.reset_ms);
    assert_int_equal(take_all(0, 0, again, &again), 50);
    assert_int_equal(again, news.reset_ms + DAY);
}

static void test_nonsense_changes_nothing(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_news bad[] = {STK_NEWS(-1), STK_NEWS(3), STK_NEWS(STK_PART_RATE),
                             STK_NEWS(STK_PART_WINDOW + 1), STK_NEWS(STK_PART_RATE)};
    (void)state;
    config.bucket[0].rate = (struct stk_rate){5, 10, 1000};
    config.bucket[0].window[0] = (struct stk_window_config){STK_WINDOW_FIXED, 50, DAY, 0};
    start(&config);
    bad[2].limit = 0;
    bad[4].rate_tokens = 1, bad[4].rate_period_ms = STK_PERIOD_MS_MAX + 1;
    copy = throttle;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(stk_throttle_learn(&throttle, 0, &bad[i], MONDAY), STK_INVALID);
    assert_memory_equal(&throttle, &copy, sizeof copy);
    bad[0] = STK_NEWS(STK_PART_WINDOW);
    bad[0].limit = 50, bad[0].remaining = 51; /* more left than there is: not believed */
    assert_int_equal(stk_throttle_learn(&throttle, 0, &bad[0], MONDAY), STK_OK);
    assert_int_equal(throttle.bucket[0].window[0].used, 0);
}

static void test_retry_after_holds_and_is_cut(void **state)
{
    struct stk_throttle_config config = plain_config();
    stk_time_t again = 0;
    (void)state;
    config.bucket_count = 3;
    config.hold_max_ms = 3600000;
    config.bucket[1] = (struct stk_bucket_config){.name = "a", .parent = 0, .calls_max = 5};
    config.bucket[2] =
        (struct stk_bucket_config){.name = "b", .parent = 0, .rate = (struct stk_rate){1, 1, 1000}};
    start(&config);
    stk_throttle_retry_after(&throttle, 1, MONDAY + 5000, MONDAY);
    stk_throttle_retry_after(&throttle, 1, MONDAY + 2000, MONDAY); /* the later one holds */
    assert_int_equal(take_all(1, 1, MONDAY, &again), 0);
    assert_int_equal(again, MONDAY + 5000);
    assert_int_equal(take_all(2, 0, MONDAY, &again), 1); /* others go on */
    stk_throttle_retry_after(&throttle, 0, INT64_MAX, MONDAY);
    assert_int_equal(take_all(2, 0, MONDAY + 1000, &again), 0);
    assert_int_equal(again, MONDAY + 3600000);
    stk_throttle_resume(&throttle, 0, MONDAY + 1000);
    assert_int_equal(take_all(2, 0, MONDAY + 1000, &again), 1);
}

static void test_back_off_doubles_with_jitter_and_probes(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_throttle_call call, second;
    stk_time_t now = MONDAY, until, again = 0;
    (void)state;
    start(&config);
    assert_int_equal(stk_throttle_take(&throttle, 0, 1, 0, now, &second, &again), STK_OK);
    for (int64_t delay = 1000, i = 0; i < 40; i++, delay = delay < 30000 ? delay * 2 : 60000) {
        until = stk_throttle_failed(&throttle, 0, now);
        assert_in_range(until - now, delay / 2 + 1, delay);
        assert_int_equal(stk_throttle_failed(&throttle, 0, until - 1),
                         until); /* the same trouble */
        now = until;
    }
    /* one at a time until one is well */
    assert_int_equal(stk_throttle_take(&throttle, 0, 1, 0, now, &call, &again), STK_BUSY);
    stk_throttle_done(&throttle, &second, 1, now);
    stk_throttle_well(&throttle, &second, now - 1); /* now is the latest: the hold is over */
    assert_int_equal(throttle.bucket[0].fails, 0);
    stk_throttle_failed(&throttle, 0, now);
    stk_throttle_well(&throttle, &second, now); /* was under way before the failure */
    assert_int_equal(throttle.bucket[0].fails, 1);
    now += 1000;
    assert_int_equal(stk_throttle_take(&throttle, 0, 1, 0, now, &call, &again), STK_OK);
    assert_int_equal(stk_throttle_take(&throttle, 0, 1, 0, now, &second, &again), STK_BUSY);
    stk_throttle_done(&throttle, &call, 1, now);
    stk_throttle_well(&throttle, &call, now);
    assert_int_equal(stk_throttle_take(&throttle, 0, 1, 0, now, &call, &again), STK_OK);
    assert_int_equal(stk_throttle_take(&throttle, 0, 1, 0, now, &second, &again), STK_OK);
}

static void test_jitter_comes_from_the_seed(void **state)
{
    struct stk_throttle_config config = plain_config();
    stk_time_t first[20];
    int same = 0;
    (void)state;
    for (int run = 0; run < 3; run++) {
        config.seed = run < 2 ? 9 : 10;
        start(&config);
        for (int i = 0; i < 20; i++) {
            stk_time_t until = stk_throttle_failed(&throttle, 0, MONDAY + i * DAY);
            if (run == 0)
                first[i] = until;
            else if (run == 1)
                assert_int_equal(until, first[i]);
            else
                same += until == first[i];
        }
    }
    assert_true(same < 5);
}

static void test_closed_and_slow(void **state)
{
    struct stk_throttle_config config = plain_config();
    stk_time_t again = 0, six = MONDAY + 6 * 60 * MINUTE;
    (void)state;
    config.bucket[0].rate = (struct stk_rate){1, 10, 60000};
    config.calendar = (struct stk_calendar){
        2, {{STK_SUNDAY, 0, 0, 22 * 60, 6 * 60}, {STK_MONDAY, 50, 0, 6 * 60, 8 * 60}}};
    start(&config);
    assert_int_equal(take_all(0, 1, MONDAY, &again), 0); /* urgent or not */
    assert_int_equal(again, six);
    assert_int_equal(take_all(0, 0, six, &again), 10);
    assert_int_equal(again, six + 2 * MINUTE); /* half the rate */
    assert_int_equal(take_all(0, 0, six + 2 * MINUTE - 1, &again), 0);
    assert_int_equal(take_all(0, 0, six + 119 * MINUTE, &again), 10); /* full: 59 came */
    assert_int_equal(again, six + 120 * MINUTE + 30000);              /* half slow, half not */
    assert_int_equal(take_all(0, 0, again, &again), 1);
    config.calendar = (struct stk_calendar){1, {{STK_EVERY_DAY, 0, 0, 0, 1440}}};
    start(&config);
    assert_int_equal(take_all(0, 0, MONDAY, &again), 0);
    assert_true(again == INT64_MAX);
}

/* --- a million --- */

enum { MILLION = 1000000 };
static stk_time_t when[MILLION];

/* No two of them closer than the rate allows; the highest level that they would have needed. */
static void check_rate(const struct stk_rate *rate, uint64_t count)
{
    wide scale = rate->period_ms, most = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (i)
            most -= (wide)rate->tokens * (when[i] - when[i - 1]);
        most = (most > 0 ? most : 0) + scale;
        assert_true(most <= rate->burst * scale);
    }
}

static void check_window(const struct stk_window_config *how, uint64_t count)
{
    uint64_t first = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (how->kind == STK_WINDOW_SLIDING) {
            while (when[first] + how->period_ms <= when[i])
                first++;
        } else {
            while ((when[first] - how->phase_ms) / how->period_ms !=
                   (when[i] - how->phase_ms) / how->period_ms)
                first++;
        }
        assert_true(i - first + 1 <= how->limit);
    }
}

/* All at once through application > account > endpoint; which bucket binds, differs. Nobody asks
 * more often than told: one refusal at most per call. `ideal` is what the arithmetic says. */
static void burst(struct stk_throttle_config *config, stk_time_t ideal_ms)
{
    struct stk_throttle_call call;
    stk_time_t now = MONDAY, again = 0;
    uint64_t asked = 0;
    start(config);
    for (uint32_t i = 0; i < MILLION; asked++) {
        if (stk_throttle_take(&throttle, config->bucket_count - 1, 1, 0, now, &call, &again) !=
            STK_OK) {
            assert_true(again > now);
            now = again;
            continue;
        }
        stk_throttle_done(&throttle, &call, 1, now);
        when[i++] = now;
    }
    for (uint32_t i = 0; i < config->bucket_count; i++) {
        if (config->bucket[i].rate.tokens)
            check_rate(&config->bucket[i].rate, MILLION);
        for (int w = 0; w < STK_BUCKET_WINDOWS_MAX; w++) {
            if (config->bucket[i].window[w].kind)
                check_window(&config->bucket[i].window[w], MILLION);
        }
    }
    print_message("%lld ms, ideal %lld ms, asked %llu times\n", (long long)(now - MONDAY),
                  (long long)ideal_ms, (unsigned long long)asked);
    assert_true(asked <= 2 * MILLION);
    assert_true(now - MONDAY >= ideal_ms);
    assert_true((now - MONDAY - ideal_ms) * 100 < ideal_ms); /* less than 1 % is wasted */
}

static struct stk_throttle_config three_levels(void)
{
    struct stk_throttle_config config = plain_config();
    config.bucket_count = 3;
    config.bucket[0].rate = (struct stk_rate){200, 400, 1000};
    config.bucket[0].window[0] = (struct stk_window_config){STK_WINDOW_FIXED, 2000000, DAY, 0};
    config.bucket[1] = (struct stk_bucket_config){
        .name = "account", .parent = 0, .rate = (struct stk_rate){333, 50, 3000}};
    config.bucket[2] = (struct stk_bucket_config){
        .name = "endpoint", .parent = 1, .window[0] = {STK_WINDOW_SLIDING, 7000, 60000, 0}};
    return config;
}

static void test_a_million_requests_at_once(void **state)
{
    struct stk_throttle_config config = three_levels();
    (void)state;
    /* the account binds: 50 at once, then 111 a second */
    burst(&config, (int64_t)(MILLION - 50) * 3000 / 333);
    /* the endpoint's sliding minute binds: 166 times 6,000, and 4,000 more */
    config.bucket[2].window[0].limit = 6000;
    burst(&config, (int64_t)(MILLION / 6000) * 60000 + (int64_t)(4000 - 50) * 3000 / 333);
    /* the application's day binds: three days full, and 100,000 of the fourth */
    config.bucket[0].window[0].limit = 300000;
    config.bucket[2].window[0].limit = 7000;
    burst(&config, 3 * DAY + (int64_t)(100000 - 50) * 3000 / 333);
    /* a slow sliding window with a steady trickle into it */
    config = three_levels();
    config.bucket[1].window[0] =
        (struct stk_window_config){STK_WINDOW_SLIDING, 100000, DAY / 24, 0};
    burst(&config, (int64_t)9 * 3600000 + (int64_t)(100000 - 50) * 3000 / 333);
}

/* --- config --- */

static void expect_fault(const struct stk_throttle_config *config, const char *text)
{
    struct stk_error err = {0};
    assert_int_equal(stk_throttle_init(&throttle, config, MONDAY, &err), STK_INVALID);
    if (!strstr(err.text, text))
        fail_msg("\"%s\" does not say \"%s\"", err.text, text);
}

static void test_faults_of_a_tree_are_named(void **state)
{
    struct stk_throttle_config config = plain_config();
    (void)state;
    config.bucket_count = 0;
    expect_fault(&config, "0 buckets, 1 to 32");
    config.bucket_count = STK_BUCKETS_MAX + 1;
    expect_fault(&config, "33 buckets");
    config.bucket_count = 2;
    config.bucket[1] = config.bucket[0];
    expect_fault(&config, "bucket 2 \"app\": its name is used twice");
    strcpy(config.bucket[1].name, "b");
    config.bucket[1].parent = 1;
    expect_fault(&config, "bucket 2 \"b\": its parent does not come before it");
    config = plain_config();
    config.bucket_count = STK_BUCKET_DEPTH_MAX + 1;
    for (uint32_t i = 1; i < config.bucket_count; i++) {
        config.bucket[i].parent = (uint8_t)(i - 1);
        snprintf(config.bucket[i].name, sizeof config.bucket[i].name, "d%u", i);
    }
    expect_fault(&config, "nested too deep");
    config.bucket_count--;
    start(&config);
    config.backoff_ms = 0;
    expect_fault(&config, "back-off");
    config.backoff_ms = 2, config.backoff_max_ms = 1;
    expect_fault(&config, "back-off");
    config.backoff_max_ms = STK_HOLD_MS_MAX + 1;
    expect_fault(&config, "back-off");
    config = plain_config();
    config.hold_max_ms = STK_HOLD_MS_MAX + 1;
    expect_fault(&config, "hold_max");
    config = plain_config();
    config.calendar = (struct stk_calendar){1, {{0}}};
    expect_fault(&config, "calendar window 1");
    config = plain_config();
    config.bucket_count = STK_SLIDES_MAX + 1;
    for (uint32_t i = 0; i < config.bucket_count; i++) {
        config.bucket[i] = (struct stk_bucket_config){.parent = STK_BUCKET_NONE};
        snprintf(config.bucket[i].name, sizeof config.bucket[i].name, "s%u", i);
        config.bucket[i].window[0] = (struct stk_window_config){STK_WINDOW_SLIDING, 1, 1, 0};
    }
    expect_fault(&config, "17 sliding windows, at most 16");
    config.bucket_count--;
    start(&config);
    assert_int_equal(stk_throttle_find(&throttle, "s3"), 3);
    assert_int_equal(stk_throttle_find(&throttle, "s16"), STK_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_walks_against_the_log),
        cmocka_unit_test(test_slow_rates_lose_nothing),
        cmocka_unit_test(test_boundary_instants),
        cmocka_unit_test(test_time_that_goes_back_is_taken_for_the_latest),
        cmocka_unit_test(test_calls_under_way),
        cmocka_unit_test(test_a_share_is_kept_for_urgent_calls),
        cmocka_unit_test(test_too_large_is_told_at_once),
        cmocka_unit_test(test_calculated_costs_come_back),
        cmocka_unit_test(test_headers_lower_at_once_and_never_raise),
        cmocka_unit_test(test_others_on_the_same_account),
        cmocka_unit_test(test_honest_headers_cost_nothing),
        cmocka_unit_test(test_rounded_headers_take_no_fractions),
        cmocka_unit_test(test_windows_count_what_is_on_its_way),
        cmocka_unit_test(test_windows_learn_counts_and_resets),
        cmocka_unit_test(test_resets_may_come_forward_where_allowed),
        cmocka_unit_test(test_nonsense_changes_nothing),
        cmocka_unit_test(test_retry_after_holds_and_is_cut),
        cmocka_unit_test(test_back_off_doubles_with_jitter_and_probes),
        cmocka_unit_test(test_jitter_comes_from_the_seed),
        cmocka_unit_test(test_closed_and_slow),
        cmocka_unit_test(test_a_million_requests_at_once),
        cmocka_unit_test(test_faults_of_a_tree_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
