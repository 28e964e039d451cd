/* Any bytes as what is stored of a budget, and any headers as what a channel says of it. The first
 * byte chooses: 0 a stored image, 1 a stored histogram, 2 calls, answers, times and headers one
 * after the other. No crash, no overflow, and whatever came in, never a call above what was
 * declared: the day's window is counted here as well. */
#include "core/base/codec.h"
#include "core/flow/lag.h"
#include "core/flow/throttle_image.h"
#include <stdlib.h>
#include <string.h>

#define START INT64_C(1795392000000)
#define DAY   INT64_C(86400000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct stk_throttle_config config = {
    .seed = 1,
    .backoff_ms = 1000,
    .backoff_max_ms = 60000,
    .hold_max_ms = DAY,
    .bucket_count = 4,
    .bucket = {{.name = "app", .parent = STK_BUCKET_NONE, .rate = {50, 100, 1000}, .calls_max = 9},
               {.name = "points", .parent = 0, .rate = {100, 2000, 1000}, .jitter_ms = 300},
               {.name = "day",
                .parent = 0,
                .reserve_percent = 20,
                .jitter_ms = 200,
                .flags = STK_BUCKET_CALLS,
                .window = {{STK_WINDOW_FIXED, 300, DAY, 0}, {STK_WINDOW_SLIDING, 50, 60000, 0}}},
               {.name = "raised",
                .parent = 0,
                .flags = STK_BUCKET_RAISE | STK_BUCKET_PHASE,
                .rate = {1, 10, 1000},
                .window = {{STK_WINDOW_FIXED, 300, 3600000, 0},
                           {STK_WINDOW_SLIDING, 50, 60000, 0}}}},
    .calendar = {1, {{STK_EVERY_DAY, 50, 60, 120, 240}}}};

static struct stk_throttle throttle;

static void start(void)
{
    stk_assert(stk_throttle_init(&throttle, &config, START, NULL) == STK_OK);
}

/* As declared or below, wherever that was asked for. */
static void check(void)
{
    for (uint32_t i = 0; i < 3; i++) {
        const struct stk_bucket *bucket = &throttle.bucket[i];
        stk_assert(!bucket->rate.tokens || stk_bucket_tokens(bucket) <= bucket->rate.burst);
        stk_assert(bucket->rate.burst <= config.bucket[i].rate.burst);
        stk_assert((__int128)bucket->rate.tokens * config.bucket[i].rate.period_ms <=
                   (__int128)config.bucket[i].rate.tokens * bucket->rate.period_ms);
        for (int w = 0; w < STK_BUCKET_WINDOWS_MAX; w++)
            stk_assert(bucket->window[w].limit <= config.bucket[i].window[w].limit);
    }
}

static void image(const uint8_t *data, size_t size)
{
    static uint8_t first[STK_THROTTLE_IMAGE_MAX], second[STK_THROTTLE_IMAGE_MAX];
    struct stk_throttle_call call;
    stk_time_t again = 0;
    uint32_t written;
    int64_t gap_ms = size > 1 ? data[0] * 100 : 0;
    start();
    if (!size ||
        stk_throttle_decode(&throttle, data + 1, (uint32_t)size - 1, gap_ms, NULL) != STK_OK)
        return;
    written = stk_throttle_encode(&throttle, START, first);
    check();
    start();
    stk_assert(stk_throttle_decode(&throttle, first, written, 0, NULL) == STK_OK);
    written = stk_throttle_encode(&throttle, START, second);
    check();
    for (uint32_t leaf = 0; leaf < 4; leaf++) {
        enum stk_status status = stk_throttle_take(&throttle, leaf, 1, 0, START, &call, &again);
        stk_assert(status != STK_AGAIN || again > throttle.pace.now_ms);
    }
    stk_throttle_advance(&throttle, START + 400 * DAY);
    check();
}

static void histogram(const uint8_t *data, size_t size)
{
    static uint8_t bytes[STK_LAG_IMAGE_MAX];
    struct stk_lag lag, copy;
    int64_t last = -1;
    if (stk_lag_decode(&lag, data, (uint32_t)size) != STK_OK)
        return;
    for (uint32_t share = 0; share <= 10000; share += 500) {
        stk_assert(stk_lag_at(&lag, share) >= last);
        last = stk_lag_at(&lag, share);
    }
    stk_assert(stk_lag_decode(&copy, bytes, stk_lag_encode(&lag, bytes)) == STK_OK);
    stk_assert(!memcmp(&lag, &copy, sizeof lag));
    stk_lag_merge(&lag, &copy);
    while (lag.count)
        stk_lag_halve(&lag);
}

static struct stk_throttle_call calls[16];
static uint32_t open_calls;

static int64_t number(struct stk_reader *in)
{
    uint8_t how = stk_get_u8(in);
    return how < 128 ? how : how < 200 ? stk_get_zigzag(in) : (int64_t)stk_get_be64(in);
}

static void end_one(struct stk_reader *in, stk_time_t now, int given_back, uint32_t *of_the_day)
{
    struct stk_throttle_call call;
    if (!open_calls)
        return;
    call = calls[--open_calls];
    if (given_back) {
        stk_throttle_give_back(&throttle, &call, now);
        *of_the_day -= call.leaf == 2 && call.taken_ms < START + DAY;
        return;
    }
    stk_throttle_done(&throttle, &call, (uint32_t)number(in), now);
    stk_throttle_well(&throttle, &call, now);
}

static void steps(struct stk_reader in)
{
    stk_time_t now = START, again = 0;
    uint32_t of_the_day = 0;
    start();
    open_calls = 0;
    while (!in.bad && in.at < in.end) {
        uint8_t what = stk_get_u8(&in);
        uint32_t leaf = what / 8 % 4;
        struct stk_news news = STK_NEWS(what / 32 % 3);
        switch (what % 8) {
        case 0:
        case 1:
            if (open_calls == 16 ||
                stk_throttle_take(&throttle, leaf, 1 + stk_get_u8(&in), what & 1, now,
                                  &calls[open_calls], &again) != STK_OK)
                break;
            open_calls++;
            of_the_day += leaf == 2 && now < START + DAY;
            stk_assert(of_the_day <= 300);
            break;
        case 2:
            end_one(&in, now, what & 16, &of_the_day);
            break;
        case 3:
            news.limit = number(&in), news.remaining = number(&in), news.reset_ms = number(&in);
            news.rate_tokens = number(&in), news.rate_period_ms = number(&in);
            news.reset_ms += news.reset_ms < DAY && news.reset_ms > 0 ? now : 0;
            stk_throttle_learn(&throttle, leaf, &news, now);
            break;
        case 4:
            stk_throttle_retry_after(&throttle, leaf, number(&in), now);
            break;
        case 5:
            stk_throttle_failed(&throttle, leaf, now);
            break;
        case 6:
            now += stk_get_u8(&in) * (what & 128 ? 60000 : 10);
            break;
        default:
            now = again > now && again < START + 30 * DAY ? again : now;
        }
        if (what % 8 == 3)
            check();
    }
    stk_throttle_advance(&throttle, now);
    check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 1024)
        return 0;
    if (data[0] % 3 == 0)
        image(data + 1, size - 1);
    else if (data[0] % 3 == 1)
        histogram(data + 1, size - 1);
    else
        steps(stk_reader(data + 1, size - 1));
    return 0;
}
