/* Nested buckets: a call passes every one from its leaf up, or none.
 *
 * Always true: what is charged to a bucket is charged to all above it. Each bucket says when it has
 * room, and what it says only gets looser while nothing is taken, but for the calendar's closed
 * spans; so the time to ask again is the first open instant after the latest of them.
 *
 * One thread at a time; nothing here reads a clock or allocates. */
#include "core/flow/throttle.h"
#include <stddef.h>
#include <string.h>

#define FAILS_MAX 32

_Static_assert(STK_BUCKETS_MAX < STK_BUCKET_NONE, "an index fits beside `none`");

/* --- create --- */

static const char *bucket_fault(const struct stk_throttle_config *config, uint32_t index)
{
    const struct stk_bucket_config *bucket = &config->bucket[index];
    uint32_t depth = 1;
    const char *fault = stk_bucket_fault(bucket);
    if (fault)
        return fault;
    for (uint32_t i = 0; i < index; i++) {
        if (!strcmp(config->bucket[i].name, bucket->name))
            return "its name is used twice";
    }
    if (bucket->parent != STK_BUCKET_NONE && bucket->parent >= index)
        return "its parent does not come before it";
    for (uint32_t up = bucket->parent; up != STK_BUCKET_NONE; up = config->bucket[up].parent)
        depth++;
    if (depth > STK_BUCKET_DEPTH_MAX)
        return "it is nested too deep";
    return NULL;
}

static enum stk_status config_check(const struct stk_throttle_config *config, struct stk_error *err)
{
    uint32_t slides = 0;
    if (!config->bucket_count || config->bucket_count > STK_BUCKETS_MAX)
        return stk_error_set(err, STK_INVALID, "budget: %u buckets, 1 to %d are possible",
                             config->bucket_count, STK_BUCKETS_MAX);
    for (uint32_t i = 0; i < config->bucket_count; i++) {
        const char *fault = bucket_fault(config, i);
        if (fault)
            return stk_error_set(err, STK_INVALID, "budget: bucket %u \"%.*s\": %s", i + 1,
                                 STK_BUCKET_NAME_MAX, config->bucket[i].name, fault);
        for (int w = 0; w < STK_BUCKET_WINDOWS_MAX; w++)
            slides += config->bucket[i].window[w].kind == STK_WINDOW_SLIDING;
    }
    if (slides > STK_SLIDES_MAX)
        return stk_error_set(err, STK_INVALID, "budget: %u sliding windows, at most %d", slides,
                             STK_SLIDES_MAX);
    if (config->backoff_ms < 1 || config->backoff_max_ms < config->backoff_ms ||
        config->backoff_max_ms > STK_HOLD_MS_MAX)
        return stk_error_set(err, STK_INVALID, "budget: back-off is out of range");
    if (config->hold_max_ms < 1 || config->hold_max_ms > STK_HOLD_MS_MAX)
        return stk_error_set(err, STK_INVALID, "budget: hold_max is out of range");
    return stk_calendar_check(&config->calendar, err);
}

enum stk_status stk_throttle_init(struct stk_throttle *throttle,
                                  const struct stk_throttle_config *config, stk_time_t now_ms,
                                  struct stk_error *err)
{
    enum stk_status status = config_check(config, err);
    if (status != STK_OK)
        return status;
    memset(throttle, 0, sizeof *throttle);
    throttle->random = config->seed;
    throttle->backoff_ms = config->backoff_ms;
    throttle->backoff_max_ms = config->backoff_max_ms;
    throttle->hold_max_ms = config->hold_max_ms;
    throttle->bucket_count = config->bucket_count;
    stk_pace_init(&throttle->pace, &config->calendar, now_ms);
    for (uint32_t i = 0; i < config->bucket_count; i++)
        stk_bucket_init(&throttle->bucket[i], &config->bucket[i], &throttle->slide_count,
                        &throttle->pace);
    return STK_OK;
}

uint32_t stk_throttle_find(const struct stk_throttle *throttle, const char *name)
{
    for (uint32_t i = 0; i < throttle->bucket_count; i++) {
        if (!strcmp(throttle->bucket[i].config.name, name))
            return i;
    }
    return STK_NONE;
}

/* --- calls --- */

/* for (index = leaf; index != STK_BUCKET_NONE; index = parent) */
static uint32_t parent_of(const struct stk_throttle *throttle, uint32_t index)
{
    return throttle->bucket[index].config.parent;
}

uint32_t stk_throttle_cost_max(const struct stk_throttle *throttle, uint32_t leaf)
{
    uint32_t most = UINT32_MAX;
    stk_assert(leaf < throttle->bucket_count);
    for (uint32_t i = leaf; i != STK_BUCKET_NONE; i = parent_of(throttle, i)) {
        uint32_t own = stk_bucket_cost_max(&throttle->bucket[i]);
        most = own < most ? own : most;
    }
    return most;
}

static stk_time_t path_ready(const struct stk_throttle *throttle, uint32_t leaf, uint32_t cost,
                             int urgent)
{
    stk_time_t ready = throttle->pace.now_ms;
    for (uint32_t i = leaf; i != STK_BUCKET_NONE; i = parent_of(throttle, i)) {
        stk_time_t at = stk_bucket_ready(&throttle->bucket[i], throttle->slide, &throttle->pace,
                                         stk_bucket_cost(&throttle->bucket[i], cost), urgent);
        ready = at > ready ? at : ready;
    }
    if (ready == throttle->pace.now_ms && throttle->pace.span.percent)
        return ready;
    return stk_calendar_open(&throttle->pace.calendar, ready);
}

static int path_is_free(const struct stk_throttle *throttle, uint32_t leaf, int urgent)
{
    for (uint32_t i = leaf; i != STK_BUCKET_NONE; i = parent_of(throttle, i)) {
        if (!stk_bucket_is_free(&throttle->bucket[i], urgent))
            return 0;
    }
    return 1;
}

enum stk_status stk_throttle_take(struct stk_throttle *throttle, uint32_t leaf, uint32_t cost,
                                  int urgent, stk_time_t now_ms, struct stk_throttle_call *call,
                                  stk_time_t *again_ms)
{
    stk_time_t ready;
    stk_assert(leaf < throttle->bucket_count && cost > 0);
    urgent = urgent != 0;
    stk_pace_to(&throttle->pace, now_ms);
    for (uint32_t i = leaf; i != STK_BUCKET_NONE; i = parent_of(throttle, i))
        stk_bucket_to(&throttle->bucket[i], throttle->slide, &throttle->pace);
    if (cost > stk_throttle_cost_max(throttle, leaf))
        return STK_TOO_LARGE;
    ready = path_ready(throttle, leaf, cost, urgent);
    if (ready > throttle->pace.now_ms) {
        *again_ms = ready;
        return STK_AGAIN;
    }
    if (!path_is_free(throttle, leaf, urgent))
        return STK_BUSY;
    for (uint32_t i = leaf; i != STK_BUCKET_NONE; i = parent_of(throttle, i)) {
        uint32_t own = stk_bucket_cost(&throttle->bucket[i], cost);
        stk_bucket_spend(&throttle->bucket[i], throttle->slide, own, urgent, throttle->pace.now_ms);
        throttle->bucket[i].calls++;
        throttle->bucket[i].calls_urgent += (uint32_t)urgent;
        throttle->bucket[i].cost_under_way += own;
    }
    *call = (struct stk_throttle_call){throttle->pace.now_ms, cost, (uint8_t)leaf, (uint8_t)urgent};
    return STK_OK;
}

static void call_ends(struct stk_throttle *throttle, uint32_t index,
                      const struct stk_throttle_call *call)
{
    struct stk_bucket *bucket = &throttle->bucket[index];
    stk_assert(bucket->calls > 0 && bucket->calls_urgent >= call->urgent);
    stk_bucket_to(&throttle->bucket[index], throttle->slide, &throttle->pace);
    bucket->calls--;
    bucket->calls_urgent -= call->urgent;
    bucket->cost_under_way -= stk_bucket_cost(bucket, call->cost);
}

void stk_throttle_give_back(struct stk_throttle *throttle, const struct stk_throttle_call *call,
                            stk_time_t now_ms)
{
    stk_pace_to(&throttle->pace, now_ms);
    for (uint32_t i = call->leaf; i != STK_BUCKET_NONE; i = parent_of(throttle, i)) {
        call_ends(throttle, i, call);
        stk_bucket_unspend(&throttle->bucket[i], throttle->slide, &throttle->pace,
                           stk_bucket_cost(&throttle->bucket[i], call->cost), call->urgent,
                           call->taken_ms);
    }
}

void stk_throttle_done(struct stk_throttle *throttle, const struct stk_throttle_call *call,
                       uint32_t actual_cost, stk_time_t now_ms)
{
    stk_pace_to(&throttle->pace, now_ms);
    for (uint32_t i = call->leaf; i != STK_BUCKET_NONE; i = parent_of(throttle, i)) {
        call_ends(throttle, i, call);
        if (throttle->bucket[i].config.flags & STK_BUCKET_CALLS)
            continue;
        if (actual_cost < call->cost)
            stk_bucket_refund(&throttle->bucket[i], throttle->slide, &throttle->pace,
                              call->cost - actual_cost, call->urgent, call->taken_ms);
        else if (actual_cost > call->cost)
            stk_bucket_spend(&throttle->bucket[i], throttle->slide, actual_cost - call->cost,
                             call->urgent, throttle->pace.now_ms);
    }
}

void stk_throttle_charge(struct stk_throttle *throttle, uint32_t leaf, uint32_t cost, int urgent,
                         stk_time_t at_ms)
{
    stk_assert(leaf < throttle->bucket_count);
    stk_pace_to(&throttle->pace, at_ms);
    for (uint32_t i = leaf; i != STK_BUCKET_NONE; i = parent_of(throttle, i)) {
        stk_bucket_to(&throttle->bucket[i], throttle->slide, &throttle->pace);
        stk_bucket_spend(&throttle->bucket[i], throttle->slide,
                         stk_bucket_cost(&throttle->bucket[i], cost), urgent != 0, at_ms);
    }
}

/* --- what a channel says --- */

enum stk_status stk_throttle_learn(struct stk_throttle *throttle, uint32_t bucket,
                                   const struct stk_news *news, stk_time_t now_ms)
{
    stk_assert(bucket < throttle->bucket_count);
    stk_pace_to(&throttle->pace, now_ms);
    stk_bucket_to(&throttle->bucket[bucket], throttle->slide, &throttle->pace);
    return stk_bucket_learn(&throttle->bucket[bucket], throttle->slide, &throttle->pace, news);
}

void stk_throttle_retry_after(struct stk_throttle *throttle, uint32_t bucket, stk_time_t until_ms,
                              stk_time_t now_ms)
{
    stk_time_t most;
    stk_assert(bucket < throttle->bucket_count);
    stk_pace_to(&throttle->pace, now_ms);
    most = throttle->pace.now_ms + throttle->hold_max_ms;
    if (until_ms > most)
        until_ms = most;
    if (until_ms > throttle->bucket[bucket].hold_ms)
        throttle->bucket[bucket].hold_ms = until_ms;
}

/* splitmix64: the next of a series that the seed decides. */
static uint64_t draw(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

stk_time_t stk_throttle_failed(struct stk_throttle *throttle, uint32_t bucket, stk_time_t now_ms)
{
    struct stk_bucket *at = &throttle->bucket[bucket];
    int64_t delay, most = throttle->backoff_max_ms;
    stk_assert(bucket < throttle->bucket_count);
    stk_pace_to(&throttle->pace, now_ms);
    if (at->fails && throttle->pace.now_ms < at->hold_ms)
        return at->hold_ms;
    if (at->fails < FAILS_MAX)
        at->fails++;
    delay = throttle->backoff_ms;
    for (uint32_t i = 1; i < at->fails && delay < most; i++)
        delay *= 2;
    delay = delay < most ? delay : most;
    delay = delay / 2 + (int64_t)(draw(&throttle->random) % (uint64_t)(delay - delay / 2)) + 1;
    if (throttle->pace.now_ms + delay > at->hold_ms)
        at->hold_ms = throttle->pace.now_ms + delay;
    return at->hold_ms;
}

void stk_throttle_well(struct stk_throttle *throttle, const struct stk_throttle_call *call,
                       stk_time_t now_ms)
{
    stk_pace_to(&throttle->pace, now_ms);
    for (uint32_t i = call->leaf; i != STK_BUCKET_NONE; i = parent_of(throttle, i)) {
        if (throttle->pace.now_ms >= throttle->bucket[i].hold_ms) /* not of before the failure */
            throttle->bucket[i].fails = 0;
    }
}

void stk_throttle_resume(struct stk_throttle *throttle, uint32_t bucket, stk_time_t now_ms)
{
    stk_assert(bucket < throttle->bucket_count);
    stk_pace_to(&throttle->pace, now_ms);
    stk_bucket_to(&throttle->bucket[bucket], throttle->slide, &throttle->pace);
    stk_bucket_forget(&throttle->bucket[bucket]);
    throttle->bucket[bucket].hold_ms = 0;
    throttle->bucket[bucket].fails = 0;
}

/* --- look at --- */

void stk_throttle_advance(struct stk_throttle *throttle, stk_time_t now_ms)
{
    stk_pace_to(&throttle->pace, now_ms);
    for (uint32_t i = 0; i < throttle->bucket_count; i++)
        stk_bucket_to(&throttle->bucket[i], throttle->slide, &throttle->pace);
}

int64_t stk_throttle_tokens(const struct stk_throttle *throttle, uint32_t bucket)
{
    stk_assert(bucket < throttle->bucket_count);
    return stk_bucket_tokens(&throttle->bucket[bucket]);
}
