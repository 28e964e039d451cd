/* The bytes of a budget. Numbers are varints, signed ones and times zigzag; times are kept as
 * differences to the image's own.
 *
 *   u8 1, time, buckets; each: name, rate (tokens, burst, period), level, hold, fails, learned
 * until, then its windows; each: kind, and for a kind: period, phase, limit, fixed: used, urgent,
 * before, after, urgent after, end sliding: entries (age of the last call, used, urgent), oldest
 * first, at most ENTRIES_MAX
 *
 * Read twice: once to see that it is sound, once to apply it, so that a bad one changes nothing.
 * What is read is checked as if a stranger had written it. */
#include "core/flow/throttle_image.h"
#include "core/base/codec.h"
#include <stddef.h>
#include <string.h>

#define FORMAT      1
#define ENTRIES_MAX 32
#define FAILS_MAX   32

_Static_assert(16 +
                       STK_BUCKETS_MAX * (STK_BUCKET_NAME_MAX + 10 + 7 * STK_VARINT_MAX +
                                          STK_BUCKET_WINDOWS_MAX * 10 * STK_VARINT_MAX) +
                       STK_SLIDES_MAX * ENTRIES_MAX * 3 * STK_VARINT_MAX <=
                   STK_THROTTLE_IMAGE_MAX,
               "an image fits");

/* --- writing --- */

/* Neighbours are joined where there are too many; they leave with the later one. */
static uint8_t *put_slide(uint8_t *at, const struct stk_slide *slide, stk_time_t now_ms)
{
    uint32_t join = (slide->count + ENTRIES_MAX - 1) / ENTRIES_MAX;
    at = stk_put_varint(at, join ? (slide->count + join - 1) / join : 0);
    for (uint32_t i = 0; i < slide->count; i += join) {
        uint64_t used = 0, urgent = 0;
        stk_time_t last_ms = 0;
        for (uint32_t j = i; j < i + join && j < slide->count; j++) {
            uint32_t entry = (slide->first + j) % STK_SLIDE_ENTRIES;
            used += slide->entry[entry].used;
            urgent += slide->entry[entry].urgent;
            last_ms = slide->entry[entry].last_ms;
        }
        at = stk_put_zigzag(at, now_ms - last_ms);
        at = stk_put_varint(at, used);
        at = stk_put_varint(at, urgent);
    }
    return at;
}

static uint8_t *put_window(uint8_t *at, const struct stk_throttle *throttle,
                           const struct stk_window_config *how, const struct stk_window *window)
{
    stk_time_t now_ms = throttle->pace.now_ms;
    at = stk_put_varint(at, how->kind);
    if (how->kind == STK_WINDOW_NONE)
        return at;
    at = stk_put_varint(at, (uint64_t)how->period_ms);
    at = stk_put_zigzag(at, how->phase_ms);
    at = stk_put_varint(at, window->limit);
    if (how->kind == STK_WINDOW_SLIDING)
        return put_slide(at, &throttle->slide[window->slide], now_ms);
    at = stk_put_varint(at, window->used);
    at = stk_put_varint(at, window->used_urgent);
    at = stk_put_varint(at, window->before);
    at = stk_put_varint(at, window->after);
    at = stk_put_varint(at, window->after_urgent);
    return stk_put_zigzag(at, window->end_ms - now_ms);
}

static uint8_t *put_bucket(uint8_t *at, const struct stk_throttle *throttle,
                           const struct stk_bucket *bucket)
{
    stk_time_t now_ms = throttle->pace.now_ms;
    const char *name = bucket->config.name;
    at = stk_put_bytes(at, name, (uint32_t)strlen(name));
    at = stk_put_varint(at, bucket->rate.tokens);
    at = stk_put_varint(at, bucket->rate.burst);
    at = stk_put_varint(at, (uint64_t)bucket->rate.period_ms);
    at = stk_put_zigzag(at, bucket->level);
    at = stk_put_varint(at, bucket->hold_ms > now_ms ? (uint64_t)(bucket->hold_ms - now_ms) : 0);
    at = stk_put_varint(at, bucket->fails);
    at = stk_put_varint(at, bucket->learned_ms ? (uint64_t)(bucket->learned_ms - now_ms) : 0);
    for (int i = 0; i < STK_BUCKET_WINDOWS_MAX; i++)
        at = put_window(at, throttle, &bucket->config.window[i], &bucket->window[i]);
    return at;
}

uint32_t stk_throttle_encode(struct stk_throttle *throttle, stk_time_t now_ms, uint8_t *to)
{
    uint8_t *at = to;
    stk_throttle_advance(throttle, now_ms);
    *at++ = FORMAT;
    at = stk_put_zigzag(at, throttle->pace.now_ms);
    at = stk_put_varint(at, throttle->bucket_count);
    for (uint32_t i = 0; i < throttle->bucket_count; i++)
        at = put_bucket(at, throttle, &throttle->bucket[i]);
    stk_assert(at - to <= STK_THROTTLE_IMAGE_MAX);
    return (uint32_t)(at - to);
}

/* --- reading --- */

struct stored_window {
    uint8_t kind;
    int64_t period_ms, phase_ms;
    uint32_t limit;
    struct stk_window window;
    uint32_t entries;
    struct {
        stk_time_t last_ms;
        uint32_t used, urgent;
    } entry[ENTRIES_MAX];
};
struct stored_bucket {
    struct stk_bytes name;
    struct stk_rate rate;
    int64_t level, hold_left_ms, learned_left_ms;
    uint32_t fails;
    struct stored_window window[STK_BUCKET_WINDOWS_MAX];
};

static void get_slide(struct stk_reader *in, struct stored_window *window, stk_time_t now_ms)
{
    int64_t age_ms = INT64_MAX;
    window->entries = (uint32_t)stk_get_max(in, ENTRIES_MAX);
    for (uint32_t i = 0; i < window->entries && !in->bad; i++) {
        int64_t before_ms = age_ms;
        age_ms = stk_get_zigzag(in);
        if (age_ms < 0 || age_ms > before_ms || age_ms > 2 * STK_PERIOD_MS_MAX)
            stk_reader_fail(in);
        window->entry[i].last_ms = now_ms - age_ms;
        window->entry[i].used = (uint32_t)stk_get_max(in, UINT32_MAX);
        window->entry[i].urgent = (uint32_t)stk_get_max(in, window->entry[i].used);
    }
}

static void get_window(struct stk_reader *in, struct stored_window *window, stk_time_t now_ms)
{
    int64_t left_ms;
    window->kind = (uint8_t)stk_get_max(in, STK_WINDOW_SLIDING);
    if (window->kind == STK_WINDOW_NONE)
        return;
    window->period_ms = (int64_t)stk_get_max(in, (uint64_t)STK_PERIOD_MS_MAX);
    window->phase_ms = stk_get_zigzag(in);
    window->limit = (uint32_t)stk_get_max(in, STK_TOKENS_MAX);
    if (!window->period_ms || !window->limit)
        stk_reader_fail(in);
    if (window->kind == STK_WINDOW_SLIDING) {
        get_slide(in, window, now_ms);
        return;
    }
    window->window.used = (uint32_t)stk_get_max(in, UINT32_MAX);
    window->window.used_urgent = (uint32_t)stk_get_max(in, UINT32_MAX);
    window->window.before = (uint32_t)stk_get_max(in, UINT32_MAX);
    window->window.after = (uint32_t)stk_get_max(in, UINT32_MAX);
    window->window.after_urgent = (uint32_t)stk_get_max(in, UINT32_MAX);
    left_ms = stk_get_zigzag(in);
    if (left_ms < 0 || left_ms > 2 * STK_PERIOD_MS_MAX)
        stk_reader_fail(in);
    window->window.end_ms = now_ms + left_ms;
    window->window.begin_ms = window->window.end_ms - window->period_ms;
}

static void get_bucket(struct stk_reader *in, struct stored_bucket *bucket, stk_time_t now_ms)
{
    memset(bucket, 0, sizeof *bucket);
    bucket->name = stk_get_bytes(in);
    bucket->rate.tokens = (uint32_t)stk_get_max(in, STK_TOKENS_MAX);
    bucket->rate.burst = (uint32_t)stk_get_max(in, STK_TOKENS_MAX);
    bucket->rate.period_ms = (int64_t)stk_get_max(in, (uint64_t)STK_PERIOD_MS_MAX);
    bucket->level = stk_get_zigzag(in);
    bucket->hold_left_ms = (int64_t)stk_get_max(in, (uint64_t)STK_HOLD_MS_MAX);
    bucket->fails = (uint32_t)stk_get_max(in, FAILS_MAX);
    bucket->learned_left_ms = (int64_t)stk_get_max(in, (uint64_t)STK_LEARNED_MS);
    if (bucket->rate.tokens && (!bucket->rate.period_ms || !bucket->rate.burst))
        stk_reader_fail(in);
    for (int i = 0; i < STK_BUCKET_WINDOWS_MAX; i++)
        get_window(in, &bucket->window[i], now_ms);
}

static void apply_rate(struct stk_throttle *throttle, struct stk_bucket *bucket,
                       const struct stored_bucket *stored)
{
    struct stk_rate rate;
    if (!stored->rate.tokens || !bucket->config.rate.tokens)
        return;
    if (stored->learned_left_ms) { /* lower only, unless the bucket may be raised */
        struct stk_news news = STK_NEWS(STK_PART_RATE);
        news.rate_tokens = stored->rate.tokens;
        news.rate_period_ms = stored->rate.period_ms;
        news.limit = stored->rate.burst;
        stk_bucket_learn(bucket, throttle->slide, &throttle->pace, &news);
    }
    rate = bucket->rate;
    bucket->rate = stored->rate;
    bucket->level = stored->level;
    stk_bucket_set_rate(bucket, rate);
}

static void apply_window(struct stk_throttle *throttle, struct stk_bucket *bucket, int which,
                         const struct stored_bucket *stored)
{
    const struct stored_window *from = &stored->window[which];
    const struct stk_window_config *how = &bucket->config.window[which];
    struct stk_window *window = &bucket->window[which];
    if (from->kind != how->kind || from->kind == STK_WINDOW_NONE ||
        from->period_ms != how->period_ms)
        return;
    if (stored->learned_left_ms) {
        struct stk_news news = STK_NEWS(STK_PART_WINDOW + which);
        news.limit = from->limit;
        stk_bucket_learn(bucket, throttle->slide, &throttle->pace, &news);
    }
    if (how->kind == STK_WINDOW_SLIDING) {
        for (uint32_t i = 0; i < from->entries; i++)
            stk_bucket_restore_slide(bucket, throttle->slide, which, from->entry[i].used,
                                     from->entry[i].urgent, from->entry[i].last_ms);
        return;
    }
    window->used = from->window.used;
    window->used_urgent = from->window.used_urgent;
    if (from->phase_ms != how->phase_ms)
        return; /* its hours were changed; what was spent counts in the present one */
    window->before = from->window.before;
    window->after = from->window.after;
    window->after_urgent = from->window.after_urgent;
    window->begin_ms = from->window.begin_ms;
    window->end_ms = from->window.end_ms;
}

static void apply_bucket(struct stk_throttle *throttle, const struct stored_bucket *stored)
{
    for (uint32_t i = 0; i < throttle->bucket_count; i++) {
        struct stk_bucket *bucket = &throttle->bucket[i];
        stk_time_t now_ms = throttle->pace.now_ms;
        int64_t hold_ms = stored->hold_left_ms;
        if (strlen(bucket->config.name) != stored->name.size ||
            memcmp(bucket->config.name, stored->name.data, stored->name.size))
            continue;
        apply_rate(throttle, bucket, stored);
        for (int w = 0; w < STK_BUCKET_WINDOWS_MAX; w++)
            apply_window(throttle, bucket, w, stored);
        if (hold_ms > throttle->hold_max_ms && hold_ms > throttle->backoff_max_ms)
            hold_ms = throttle->hold_max_ms;
        bucket->hold_ms = hold_ms ? now_ms + hold_ms : 0;
        bucket->learned_ms =
            stored->learned_left_ms && bucket->learned_ms ? now_ms + stored->learned_left_ms : 0;
        bucket->fails = stored->fails;
    }
}

/* The whole image, applied or only looked at. Returns its time. */
static stk_time_t read_image(struct stk_throttle *throttle, struct stk_reader *in, int apply,
                             stk_time_t now_ms)
{
    stk_time_t saved_ms = stk_get_zigzag(in);
    uint64_t count = stk_get_max(in, STK_BUCKETS_MAX);
    if (saved_ms > now_ms)
        saved_ms = now_ms; /* a clock went back; what is left of anything stays as long */
    for (uint64_t i = 0; i < count && !in->bad; i++) {
        struct stored_bucket stored;
        get_bucket(in, &stored, saved_ms);
        if (apply && !in->bad)
            apply_bucket(throttle, &stored);
    }
    if (in->at != in->end)
        stk_reader_fail(in);
    return saved_ms;
}

/* As new, at another time. */
static void begin_at(struct stk_throttle *throttle, stk_time_t at_ms)
{
    struct stk_calendar calendar = throttle->pace.calendar;
    stk_pace_init(&throttle->pace, &calendar, at_ms);
    throttle->slide_count = 0;
    memset(throttle->slide, 0, sizeof throttle->slide);
    for (uint32_t i = 0; i < throttle->bucket_count; i++) {
        struct stk_bucket_config config = throttle->bucket[i].config;
        stk_bucket_init(&throttle->bucket[i], &config, &throttle->slide_count, &throttle->pace);
    }
}

/* The most that can have passed a window in gap_ms: what was left, and what its resets gave back.
 */
static uint64_t most_in_window(const struct stk_throttle *throttle, const struct stk_bucket *bucket,
                               int which, int64_t gap_ms)
{
    const struct stk_window_config *how = &bucket->config.window[which];
    const struct stk_window *window = &bucket->window[which];
    const struct stk_slide *slide = &throttle->slide[window->slide];
    stk_time_t until_ms = throttle->pace.now_ms + gap_ms;
    uint64_t left = window->limit > window->used ? window->limit - window->used : 0;
    if (how->kind == STK_WINDOW_FIXED && until_ms + bucket->config.jitter_ms < window->end_ms)
        return left;
    if (how->kind == STK_WINDOW_FIXED || gap_ms >= how->period_ms)
        return left + (uint64_t)window->limit * (uint64_t)(gap_ms / how->period_ms + 2);
    for (uint32_t i = 0; i < slide->count; i++) {
        uint32_t at = (slide->first + i) % STK_SLIDE_ENTRIES;
        if (slide->entry[at].last_ms + how->period_ms + bucket->config.jitter_ms <= until_ms)
            left += slide->entry[at].used;
    }
    return left;
}

/* The most that can have passed a bucket in gap_ms. */
static uint32_t most_in_gap(const struct stk_throttle *throttle, uint32_t index, int64_t gap_ms,
                            const uint32_t *most)
{
    const struct stk_bucket *bucket = &throttle->bucket[index];
    uint32_t parent = bucket->config.parent;
    uint64_t bound = UINT32_MAX;
    if (parent != STK_BUCKET_NONE && (bucket->config.flags & STK_BUCKET_CALLS ||
                                      !(throttle->bucket[parent].config.flags & STK_BUCKET_CALLS)))
        bound = most[parent];
    if (bucket->rate.tokens) {
        __int128 flows = (__int128)bucket->rate.tokens * gap_ms / bucket->rate.period_ms + 1;
        int64_t left = stk_bucket_tokens(bucket);
        flows += left > 0 ? left : 0;
        bound = flows < (__int128)bound ? (uint64_t)flows : bound;
    }
    for (int i = 0; i < STK_BUCKET_WINDOWS_MAX; i++) {
        uint64_t left;
        if (bucket->config.window[i].kind == STK_WINDOW_NONE)
            continue;
        left = most_in_window(throttle, bucket, i, gap_ms);
        bound = left < bound ? left : bound;
    }
    return (uint32_t)bound;
}

static void assume_gap(struct stk_throttle *throttle, int64_t gap_ms, stk_time_t now_ms)
{
    uint32_t most[STK_BUCKETS_MAX];
    stk_time_t until_ms = throttle->pace.now_ms + gap_ms;
    for (uint32_t i = 0; i < throttle->bucket_count; i++)
        most[i] = most_in_gap(throttle, i, gap_ms, most);
    stk_throttle_advance(throttle, until_ms < now_ms ? until_ms : now_ms);
    for (uint32_t i = 0; i < throttle->bucket_count; i++) {
        struct stk_bucket *bucket = &throttle->bucket[i];
        int64_t level = bucket->level < 0 ? bucket->level : 0;
        stk_bucket_spend(bucket, throttle->slide, most[i], 0, throttle->pace.now_ms);
        bucket->level = level;
    }
}

enum stk_status stk_throttle_decode(struct stk_throttle *throttle, const void *image, uint32_t size,
                                    int64_t gap_ms, struct stk_error *err)
{
    struct stk_reader in = stk_reader(image, size);
    stk_time_t now_ms = throttle->pace.now_ms, saved_ms;
    stk_assert(gap_ms >= 0);
    if (stk_get_u8(&in) != FORMAT && !in.bad)
        return stk_error_set(err, STK_VERSION, "budget: stored by another version");
    saved_ms = read_image(throttle, &in, 0, now_ms);
    if (in.bad)
        return stk_error_set(err, STK_CORRUPT, "budget: the stored image is damaged");
    begin_at(throttle, saved_ms);
    in = stk_reader((const uint8_t *)image + 1, size - 1);
    read_image(throttle, &in, 1, now_ms);
    stk_assert(!in.bad);
    if (gap_ms)
        assume_gap(throttle, gap_ms < STK_PERIOD_MS_MAX ? gap_ms : STK_PERIOD_MS_MAX, now_ms);
    return STK_OK;
}
