/* Tokens, windows and what was learned, in integers.
 *
 * A level counts 1 / (100 * period_ms) tokens, so that a millisecond at the calendar's percent adds
 * exactly tokens * percent.
 *
 * Always true, with J the jitter: for any two calls i < j through a rate, the costs from i to j are
 * at most burst + rate * (t_j - t_i - J), and no single one is above burst. A bucket of burst -
 * rate
 * * J holds this, whose level may rise up to the burst itself for the sake of one large call.
 * Constraints only get looser while nothing is taken, so the time at which one is met is exact. */
#include "core/flow/bucket.h"
#include <string.h>

#define LEVEL_MAX  (INT64_C(1) << 61)
#define JITTER_MAX 60000

_Static_assert((int64_t)STK_TOKENS_MAX *JITTER_MAX * 100 < LEVEL_MAX, "jitter fits a level");

/* --- a rate --- */

static int64_t scale_of(const struct stk_rate *rate)
{
    return rate->period_ms * 100;
}

static int64_t full_level(const struct stk_rate *rate)
{
    return rate->burst * scale_of(rate);
}

static void refill(struct stk_bucket *bucket, const struct stk_pace *pace)
{
    int64_t full = full_level(&bucket->rate), flow = pace->flow - bucket->level_at;
    __int128 more = (__int128)bucket->rate.tokens * flow;
    bucket->level_at = pace->flow;
    if (bucket->rate.tokens)
        bucket->level = more >= full - bucket->level ? full : bucket->level + (int64_t)more;
}

/* Another rate from now on; what was saved up is worth as many tokens, rounded down. */
void stk_bucket_set_rate(struct stk_bucket *bucket, struct stk_rate rate)
{
    if (rate.tokens && bucket->rate.tokens) {
        __int128 level = (__int128)bucket->level * scale_of(&rate);
        __int128 scale = scale_of(&bucket->rate), whole = level / scale;
        whole -= level % scale < 0;
        if (whole > full_level(&rate))
            whole = full_level(&rate);
        bucket->level = whole < -LEVEL_MAX ? -LEVEL_MAX : (int64_t)whole;
    }
    bucket->rate = rate;
}

static stk_time_t rate_ready(const struct stk_bucket *bucket, const struct stk_pace *pace,
                             uint32_t cost, int urgent)
{
    int64_t full = full_level(&bucket->rate), need = cost * scale_of(&bucket->rate), less;
    uint32_t reserve_percent = bucket->config.reserve_percent;
    if (!bucket->rate.tokens)
        return pace->now_ms;
    if (!urgent) /* a burst too small for both is the call's */
        need += full / 100 * reserve_percent + full % 100 * reserve_percent / 100;
    less = (need < full ? need : full) - bucket->level;
    if (less <= 0)
        return pace->now_ms;
    return stk_pace_when(pace, less / bucket->rate.tokens + (less % bucket->rate.tokens != 0));
}

/* The most that calls close together may take. */
static int64_t level_after_use(const struct stk_bucket *bucket)
{
    return full_level(&bucket->rate) - bucket->config.jitter_ms * 100 * bucket->rate.tokens;
}

static void rate_spend(struct stk_bucket *bucket, uint32_t cost)
{
    int64_t most = level_after_use(bucket);
    __int128 level = bucket->level < most ? bucket->level : most;
    if (!bucket->rate.tokens)
        return;
    level -= (__int128)cost * scale_of(&bucket->rate);
    bucket->level = level < -LEVEL_MAX ? -LEVEL_MAX : (int64_t)level;
}

static void rate_refund(struct stk_bucket *bucket, __int128 back)
{
    int64_t most = level_after_use(bucket);
    if (bucket->rate.tokens && back > 0 && bucket->level < most)
        bucket->level = back > most - bucket->level ? most : bucket->level + (int64_t)back;
}

/* --- windows --- */

static uint32_t share_of(uint32_t whole, uint32_t percent)
{
    return (uint32_t)(((uint64_t)whole * percent + 99) / 100);
}

/* Is there room for cost, leaving what is reserved and not used by urgent ones? */
static int has_room(uint32_t limit, uint64_t used, uint32_t used_urgent, uint32_t percent,
                    uint32_t cost, int urgent)
{
    uint32_t reserve = share_of(limit, percent);
    if (reserve > limit - cost)
        reserve = limit - cost;
    if (!urgent && used_urgent < reserve)
        used += reserve - used_urgent;
    return used + cost <= limit;
}

static void count_up(uint32_t *count, uint64_t by)
{
    *count = *count + by > UINT32_MAX ? UINT32_MAX : (uint32_t)(*count + by);
}

static void count_down(uint32_t *count, uint32_t by)
{
    *count = *count > by ? *count - by : 0;
}

static void window_roll(struct stk_window *window, const struct stk_window_config *config,
                        stk_time_t now_ms)
{
    int64_t passed;
    if (now_ms < window->end_ms)
        return;
    passed = (now_ms - window->end_ms) / config->period_ms;
    window->before = passed == 0 ? window->used : passed == 1 ? window->after : 0;
    window->used = passed == 0 ? window->after : 0;
    window->used_urgent = passed == 0 ? window->after_urgent : 0;
    window->after = window->after_urgent = 0;
    window->begin_ms = window->end_ms + passed * config->period_ms;
    window->end_ms = window->begin_ms + config->period_ms;
}

static void slide_roll(struct stk_slide *slide, struct stk_window *window, int64_t period_ms,
                       stk_time_t now_ms)
{
    while (slide->count && slide->entry[slide->first].last_ms + period_ms <= now_ms) {
        count_down(&window->used, slide->entry[slide->first].used);
        count_down(&window->used_urgent, slide->entry[slide->first].urgent);
        slide->first = (slide->first + 1) % STK_SLIDE_ENTRIES;
        slide->count--;
    }
}

static void slide_add(struct stk_slide *slide, int64_t period_ms, uint32_t used, uint32_t urgent,
                      stk_time_t at_ms)
{
    int64_t width = period_ms / (STK_SLIDE_ENTRIES - 1);
    uint32_t at = (slide->first + slide->count + STK_SLIDE_ENTRIES - 1) % STK_SLIDE_ENTRIES;
    if (!slide->count || at_ms - slide->newest_from_ms >= (width ? width : 1)) {
        if (slide->count == STK_SLIDE_ENTRIES) { /* the two oldest leave together */
            uint32_t next = (slide->first + 1) % STK_SLIDE_ENTRIES;
            count_up(&slide->entry[next].used, slide->entry[slide->first].used);
            count_up(&slide->entry[next].urgent, slide->entry[slide->first].urgent);
            slide->first = next;
            slide->count--;
        }
        at = (slide->first + slide->count++) % STK_SLIDE_ENTRIES;
        slide->newest_from_ms = slide->entry[at].last_ms = at_ms;
        slide->entry[at].used = slide->entry[at].urgent = 0;
    }
    if (slide->entry[at].last_ms < at_ms)
        slide->entry[at].last_ms = at_ms;
    count_up(&slide->entry[at].used, used);
    count_up(&slide->entry[at].urgent, urgent);
}

/* Takes a call out again whose entry is still there. */
static void slide_remove(struct stk_slide *slide, struct stk_window *window, uint32_t used,
                         uint32_t urgent, stk_time_t at_ms)
{
    for (uint32_t i = 0; i < slide->count; i++) {
        uint32_t at = (slide->first + i) % STK_SLIDE_ENTRIES;
        if (slide->entry[at].last_ms < at_ms)
            continue;
        count_down(&slide->entry[at].used, used);
        count_down(&slide->entry[at].urgent, urgent);
        count_down(&window->used, used);
        count_down(&window->used_urgent, urgent);
        return;
    }
}

static stk_time_t fixed_ready(const struct stk_bucket_config *config,
                              const struct stk_window_config *how, const struct stk_window *window,
                              uint32_t cost, int urgent, stk_time_t now_ms)
{
    uint64_t full = window->used;
    stk_time_t ready = window->end_ms;
    if (!has_room(window->limit, window->used, window->used_urgent, config->reserve_percent, cost,
                  urgent)) {
        if (!has_room(window->limit, window->after, window->after_urgent, config->reserve_percent,
                      cost, urgent)) {
            full = window->after; /* the next one cannot take it either */
            ready += how->period_ms;
        }
        /* what is full may still be counting for the jitter */
        return full + cost <= window->limit ? ready : ready + config->jitter_ms;
    }
    if (now_ms < window->begin_ms + config->jitter_ms &&
        (uint64_t)window->before + cost > window->limit)
        return window->begin_ms + config->jitter_ms;
    return now_ms;
}

static stk_time_t slide_ready(const struct stk_bucket_config *config, int64_t period_ms,
                              const struct stk_slide *slide, const struct stk_window *window,
                              uint32_t cost, int urgent, stk_time_t now_ms)
{
    uint32_t used = window->used, used_urgent = window->used_urgent;
    stk_time_t ready = now_ms;
    for (uint32_t i = 0; i < slide->count; i++) {
        uint32_t at = (slide->first + i) % STK_SLIDE_ENTRIES;
        if (has_room(window->limit, used, used_urgent, config->reserve_percent, cost, urgent))
            break;
        count_down(&used, slide->entry[at].used);
        count_down(&used_urgent, slide->entry[at].urgent);
        ready = slide->entry[at].last_ms + period_ms + config->jitter_ms;
    }
    return ready;
}

static void window_spend(struct stk_slide *slides, const struct stk_bucket_config *config,
                         struct stk_window *window, const struct stk_window_config *how,
                         uint32_t cost, int urgent, stk_time_t at_ms)
{
    if (how->kind == STK_WINDOW_SLIDING) {
        slide_add(&slides[window->slide], how->period_ms, cost, urgent ? cost : 0, at_ms);
    } else {
        if (at_ms < window->begin_ms)
            return;
        if (at_ms < window->begin_ms + config->jitter_ms)
            count_up(&window->before, cost);
        if (at_ms >= window->end_ms - config->jitter_ms) {
            count_up(&window->after, cost);
            count_up(&window->after_urgent, urgent ? cost : 0);
        }
    }
    count_up(&window->used, cost);
    count_up(&window->used_urgent, urgent ? cost : 0);
}

static void window_unspend(struct stk_slide *slides, const struct stk_pace *pace,
                           const struct stk_bucket_config *config, struct stk_window *window,
                           const struct stk_window_config *how, uint32_t cost, int urgent,
                           stk_time_t at_ms)
{
    if (how->kind == STK_WINDOW_SLIDING) {
        if (at_ms + how->period_ms + config->jitter_ms > pace->now_ms)
            slide_remove(&slides[window->slide], window, cost, urgent ? cost : 0, at_ms);
        return;
    }
    if (at_ms < window->begin_ms) { /* the window before, or further back */
        if (at_ms >= window->begin_ms - how->period_ms)
            count_down(&window->before, cost);
        if (at_ms >= window->begin_ms - config->jitter_ms) {
            count_down(&window->used, cost);
            count_down(&window->used_urgent, urgent ? cost : 0);
        }
        return;
    }
    count_down(&window->used, cost);
    count_down(&window->used_urgent, urgent ? cost : 0);
    if (at_ms < window->begin_ms + config->jitter_ms)
        count_down(&window->before, cost);
    if (at_ms >= window->end_ms - config->jitter_ms) {
        count_down(&window->after, cost);
        count_down(&window->after_urgent, urgent ? cost : 0);
    }
}

/* --- a bucket --- */

static const char *window_fault(const struct stk_bucket_config *bucket,
                                const struct stk_window_config *window)
{
    if (window->kind == STK_WINDOW_NONE)
        return NULL;
    if (window->kind > STK_WINDOW_SLIDING)
        return "a window of unknown kind";
    if (!window->limit || window->limit > STK_TOKENS_MAX)
        return "the tokens of a window are none or too many";
    if (window->period_ms < 1 || window->period_ms > STK_PERIOD_MS_MAX)
        return "the length of a window is out of range";
    if (window->kind == STK_WINDOW_FIXED && 2 * bucket->jitter_ms > window->period_ms)
        return "the jitter is more than half a window";
    if (window->phase_ms <= -STK_PERIOD_MS_MAX || window->phase_ms >= STK_PERIOD_MS_MAX)
        return "the phase of a window is out of range";
    return NULL;
}

static const char *rate_fault(const struct stk_rate *rate)
{
    if (!rate->tokens)
        return NULL;
    if (rate->tokens > STK_TOKENS_MAX || !rate->burst || rate->burst > STK_TOKENS_MAX)
        return "tokens or burst are none or too many";
    if (rate->period_ms < 1 || rate->period_ms > STK_PERIOD_MS_MAX)
        return "the period of the rate is out of range";
    if ((__int128)rate->burst * rate->period_ms * 100 >= LEVEL_MAX)
        return "burst times period is too large";
    return NULL;
}

const char *stk_bucket_fault(const struct stk_bucket_config *config)
{
    const char *fault = rate_fault(&config->rate);
    if (!memchr(config->name, 0, sizeof config->name) || !*config->name)
        return "its name is empty or too long";
    if (config->reserve_percent > 90)
        return "more than 90 percent are reserved";
    if (config->jitter_ms < 0 || config->jitter_ms > JITTER_MAX)
        return "the jitter is out of range";
    for (int i = 0; !fault && i < STK_BUCKET_WINDOWS_MAX; i++)
        fault = window_fault(config, &config->window[i]);
    return fault;
}

void stk_bucket_init(struct stk_bucket *bucket, const struct stk_bucket_config *config,
                     uint32_t *slide_count, const struct stk_pace *pace)
{
    *bucket = (struct stk_bucket){.config = *config, .rate = config->rate};
    bucket->level = full_level(&bucket->rate);
    bucket->level_at = pace->flow;
    for (int i = 0; i < STK_BUCKET_WINDOWS_MAX; i++) {
        const struct stk_window_config *how = &config->window[i];
        struct stk_window *window = &bucket->window[i];
        window->limit = how->limit;
        if (how->kind == STK_WINDOW_SLIDING) {
            window->slide = (*slide_count)++;
        } else if (how->kind == STK_WINDOW_FIXED) {
            int64_t past = (pace->now_ms - how->phase_ms) % how->period_ms;
            window->begin_ms = pace->now_ms - (past < 0 ? past + how->period_ms : past);
            window->end_ms = window->begin_ms + how->period_ms;
        }
    }
}

void stk_bucket_forget(struct stk_bucket *bucket)
{
    stk_bucket_set_rate(bucket, bucket->config.rate);
    for (int i = 0; i < STK_BUCKET_WINDOWS_MAX; i++)
        bucket->window[i].limit = bucket->config.window[i].limit;
    bucket->learned_ms = 0;
}

void stk_bucket_to(struct stk_bucket *bucket, struct stk_slide *slides, const struct stk_pace *pace)
{
    refill(bucket, pace);
    if (bucket->learned_ms && pace->now_ms >= bucket->learned_ms)
        stk_bucket_forget(bucket);
    for (int i = 0; i < STK_BUCKET_WINDOWS_MAX; i++) {
        const struct stk_window_config *how = &bucket->config.window[i];
        struct stk_window *window = &bucket->window[i];
        if (how->kind == STK_WINDOW_FIXED)
            window_roll(window, how, pace->now_ms);
        else if (how->kind == STK_WINDOW_SLIDING)
            slide_roll(&slides[window->slide], window, how->period_ms + bucket->config.jitter_ms,
                       pace->now_ms);
    }
}

uint32_t stk_bucket_cost(const struct stk_bucket *bucket, uint32_t cost)
{
    return bucket->config.flags & STK_BUCKET_CALLS ? 1 : cost;
}

uint32_t stk_bucket_cost_max(const struct stk_bucket *bucket)
{
    uint32_t most = UINT32_MAX;
    if (bucket->config.flags & STK_BUCKET_CALLS)
        return most;
    if (bucket->rate.tokens)
        most = bucket->rate.burst;
    for (int i = 0; i < STK_BUCKET_WINDOWS_MAX; i++) {
        if (bucket->config.window[i].kind != STK_WINDOW_NONE && bucket->window[i].limit < most)
            most = bucket->window[i].limit;
    }
    return most;
}

int stk_bucket_is_free(const struct stk_bucket *bucket, int urgent)
{
    if (bucket->fails)
        return bucket->calls == 0;
    return !bucket->config.calls_max ||
           has_room(bucket->config.calls_max, bucket->calls, bucket->calls_urgent,
                    bucket->config.reserve_percent, 1, urgent);
}

stk_time_t stk_bucket_ready(const struct stk_bucket *bucket, const struct stk_slide *slides,
                            const struct stk_pace *pace, uint32_t cost, int urgent)
{
    const struct stk_bucket_config *config = &bucket->config;
    stk_time_t ready = rate_ready(bucket, pace, cost, urgent), at;
    for (int i = 0; i < STK_BUCKET_WINDOWS_MAX; i++) {
        const struct stk_window_config *how = &config->window[i];
        const struct stk_window *window = &bucket->window[i];
        if (how->kind == STK_WINDOW_NONE)
            continue;
        at = how->kind == STK_WINDOW_FIXED
                 ? fixed_ready(config, how, window, cost, urgent, pace->now_ms)
                 : slide_ready(config, how->period_ms, &slides[window->slide], window, cost, urgent,
                               pace->now_ms);
        ready = at > ready ? at : ready;
    }
    /* what was learned may be forgotten before that */
    if (bucket->learned_ms && ready > bucket->learned_ms)
        ready = bucket->learned_ms;
    return bucket->hold_ms > ready ? bucket->hold_ms : ready;
}

void stk_bucket_spend(struct stk_bucket *bucket, struct stk_slide *slides, uint32_t cost,
                      int urgent, stk_time_t at_ms)
{
    rate_spend(bucket, cost);
    for (int i = 0; i < STK_BUCKET_WINDOWS_MAX; i++) {
        if (bucket->config.window[i].kind != STK_WINDOW_NONE)
            window_spend(slides, &bucket->config, &bucket->window[i], &bucket->config.window[i],
                         cost, urgent, at_ms);
    }
}

static void windows_unspend(struct stk_bucket *bucket, struct stk_slide *slides,
                            const struct stk_pace *pace, uint32_t cost, int urgent,
                            stk_time_t at_ms)
{
    for (int i = 0; i < STK_BUCKET_WINDOWS_MAX; i++) {
        if (bucket->config.window[i].kind != STK_WINDOW_NONE)
            window_unspend(slides, pace, &bucket->config, &bucket->window[i],
                           &bucket->config.window[i], cost, urgent, at_ms);
    }
}

/* Had a call not been taken, its tokens would be here still, less what the bucket would have lost
 * by being full; that is at most what has flowed in since. */
void stk_bucket_unspend(struct stk_bucket *bucket, struct stk_slide *slides,
                        const struct stk_pace *pace, uint32_t cost, int urgent, stk_time_t at_ms)
{
    __int128 back = (__int128)cost * scale_of(&bucket->rate) -
                    (__int128)bucket->rate.tokens * (pace->now_ms - at_ms) * 100;
    rate_refund(bucket, back);
    windows_unspend(bucket, slides, pace, cost, urgent, at_ms);
}

void stk_bucket_refund(struct stk_bucket *bucket, struct stk_slide *slides,
                       const struct stk_pace *pace, uint32_t cost, int urgent, stk_time_t at_ms)
{
    rate_refund(bucket, (__int128)cost * scale_of(&bucket->rate));
    windows_unspend(bucket, slides, pace, cost, urgent, at_ms);
}

/* --- what a channel says --- */

static int is_lower(const struct stk_rate *a, const struct stk_rate *b)
{
    return (__int128)a->tokens * b->period_ms < (__int128)b->tokens * a->period_ms;
}

static uint32_t limit_of(int64_t said, uint32_t declared, int raise)
{
    int64_t limit = said > STK_TOKENS_MAX ? STK_TOKENS_MAX : said;
    return limit > declared && !raise ? declared : (uint32_t)limit;
}

static enum stk_status learn_rate(struct stk_bucket *bucket, const struct stk_news *news)
{
    const struct stk_bucket_config *config = &bucket->config;
    int raise = config->flags & STK_BUCKET_RAISE;
    struct stk_rate rate = bucket->rate;
    int64_t scale, remaining, left, most;
    if (!config->rate.tokens)
        return STK_INVALID;
    if (news->rate_tokens > 0 && news->rate_period_ms > 0) {
        struct stk_rate said = {0, rate.burst, news->rate_period_ms};
        said.tokens =
            news->rate_tokens > STK_TOKENS_MAX ? STK_TOKENS_MAX : (uint32_t)news->rate_tokens;
        if (!raise && !is_lower(&said, &config->rate))
            said = config->rate, said.burst = rate.burst;
        rate = said;
    }
    if (news->limit > 0)
        rate.burst = limit_of(news->limit, config->rate.burst, raise);
    if (rate_fault(&rate))
        return STK_INVALID;
    stk_bucket_set_rate(bucket, rate);
    scale = scale_of(&rate);
    if (bucket->level > full_level(&rate))
        bucket->level = full_level(&rate);
    if (news->remaining < 0)
        return STK_OK;
    /* The channel rounds down, so it may have all but a whole token more. */
    remaining = news->remaining < rate.burst ? news->remaining : rate.burst;
    left = remaining - bucket->cost_under_way;
    most = left < 0 ? 0 : (left + 1) * scale - 1;
    if (bucket->level > most)
        bucket->level = most;
    else if (raise && bucket->level < left * scale)
        bucket->level = left * scale;
    return STK_OK;
}

static void learn_count(const struct stk_bucket *bucket, struct stk_slide *slides,
                        const struct stk_pace *pace, struct stk_window *window,
                        const struct stk_window_config *how, int64_t used)
{
    used += bucket->cost_under_way;
    if (used > STK_TOKENS_MAX)
        used = STK_TOKENS_MAX;
    if (used > window->used) {
        uint32_t foreign = (uint32_t)used - window->used;
        if (how->kind == STK_WINDOW_SLIDING)
            slide_add(&slides[window->slide], how->period_ms, foreign, 0, pace->now_ms);
        window->used = (uint32_t)used;
    } else if (bucket->config.flags & STK_BUCKET_RAISE && how->kind == STK_WINDOW_FIXED) {
        window->used = (uint32_t)used;
    }
}

static enum stk_status learn_window(struct stk_bucket *bucket, struct stk_slide *slides,
                                    const struct stk_pace *pace, int which,
                                    const struct stk_news *news)
{
    const struct stk_bucket_config *config = &bucket->config;
    struct stk_window *window = &bucket->window[which];
    const struct stk_window_config *how = &config->window[which];
    int64_t said = news->limit > 0 ? news->limit : window->limit;
    if (how->kind == STK_WINDOW_NONE)
        return STK_INVALID;
    if (news->limit > 0)
        window->limit = limit_of(news->limit, how->limit, config->flags & STK_BUCKET_RAISE);
    if (news->remaining >= 0 && news->remaining <= said)
        learn_count(bucket, slides, pace, window, how, said - news->remaining);
    if (how->kind == STK_WINDOW_FIXED && news->reset_ms > pace->now_ms &&
        news->reset_ms <= pace->now_ms + how->period_ms &&
        (news->reset_ms > window->end_ms ||
         config->flags & (STK_BUCKET_PHASE | STK_BUCKET_RAISE))) {
        window->end_ms = news->reset_ms;
        window->begin_ms = news->reset_ms - how->period_ms;
    }
    return STK_OK;
}

static int is_as_declared(const struct stk_bucket *bucket)
{
    const struct stk_rate *rate = &bucket->config.rate;
    for (int i = 0; i < STK_BUCKET_WINDOWS_MAX; i++) {
        if (bucket->window[i].limit != bucket->config.window[i].limit)
            return 0;
    }
    return bucket->rate.tokens == rate->tokens && bucket->rate.burst == rate->burst &&
           bucket->rate.period_ms == rate->period_ms;
}

enum stk_status stk_bucket_learn(struct stk_bucket *bucket, struct stk_slide *slides,
                                 const struct stk_pace *pace, const struct stk_news *news)
{
    enum stk_status status;
    if (news->limit == 0 || news->part < STK_PART_RATE ||
        news->part >= STK_PART_WINDOW + STK_BUCKET_WINDOWS_MAX)
        return STK_INVALID;
    if (news->part == STK_PART_RATE)
        status = learn_rate(bucket, news);
    else
        status = learn_window(bucket, slides, pace, news->part - STK_PART_WINDOW, news);
    if (status == STK_OK)
        bucket->learned_ms = is_as_declared(bucket) ? 0 : pace->now_ms + STK_LEARNED_MS;
    return status;
}

/* --- a stored image --- */

void stk_bucket_restore_slide(struct stk_bucket *bucket, struct stk_slide *slides, int which,
                              uint32_t used, uint32_t urgent, stk_time_t last_ms)
{
    struct stk_window *window = &bucket->window[which];
    slide_add(&slides[window->slide], bucket->config.window[which].period_ms, used, urgent,
              last_ms);
    count_up(&window->used, used);
    count_up(&window->used_urgent, urgent);
}

/* --- look at --- */

int64_t stk_bucket_tokens(const struct stk_bucket *bucket)
{
    int64_t scale = scale_of(&bucket->rate);
    if (!bucket->rate.tokens)
        return INT64_MAX;
    return bucket->level / scale - (bucket->level % scale < 0);
}

enum stk_status stk_rate_parse(struct stk_bytes text, struct stk_rate *rate)
{
    uint64_t tokens = 0;
    int64_t period_ms = 1000;
    int digits = 0, point = 0;
    for (uint32_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '.' && !point && digits) {
            point = 1;
            continue;
        }
        if (c < '0' || c > '9' || (point && period_ms == 1000000000))
            return STK_INVALID;
        tokens = tokens * 10 + (uint64_t)(c - '0');
        if (tokens > STK_TOKENS_MAX)
            return STK_INVALID;
        period_ms *= point ? 10 : 1;
        digits = 1;
    }
    if (!tokens || text.data[text.size - 1] == '.')
        return STK_INVALID;
    while (tokens % 10 == 0 && period_ms > 1000)
        tokens /= 10, period_ms /= 10;
    rate->tokens = (uint32_t)tokens;
    rate->period_ms = period_ms;
    return STK_OK;
}
