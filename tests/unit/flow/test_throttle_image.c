/* A budget that is stored and read again goes on as if nothing had happened; damaged bytes change
 * nothing; what may have left unseen is taken for spent. */
#include "core/flow/throttle_image.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000)
#define DAY    INT64_C(86400000)
#define MONDAY INT64_C(1795392000000)

static struct stk_throttle throttle, twin, copy;
static uint8_t image[STK_THROTTLE_IMAGE_MAX];
static unsigned seed;

static uint32_t any(uint32_t from, uint32_t to)
{
    return from + (uint32_t)rand_r(&seed) % (to - from + 1);
}

static struct stk_throttle_config random_config(int slides)
{
    struct stk_throttle_config config = {.seed = 1,
                                         .backoff_ms = 1000,
                                         .backoff_max_ms = 60000,
                                         .hold_max_ms = DAY,
                                         .bucket_count = any(1, 5)};
    for (uint32_t i = 0; i < config.bucket_count; i++) {
        struct stk_bucket_config *bucket = &config.bucket[i];
        snprintf(bucket->name, sizeof bucket->name, "b%u", i);
        bucket->parent = i && any(0, 3) ? (uint8_t)any(0, i - 1) : STK_BUCKET_NONE;
        bucket->reserve_percent = (uint8_t)(any(0, 1) * 20);
        bucket->jitter_ms = any(0, 1) ? any(0, 400) : 0;
        bucket->flags = any(0, 4) ? 0 : STK_BUCKET_CALLS;
        if (any(0, 3))
            bucket->rate = (struct stk_rate){any(1, 30), any(6, 30), any(500, 20000)};
        if (any(0, 1))
            bucket->window[0] = (struct stk_window_config){STK_WINDOW_FIXED, any(6, 90),
                                                           any(1000, 90000), any(0, 900)};
        if (slides && any(0, 1))
            bucket->window[1] =
                (struct stk_window_config){STK_WINDOW_SLIDING, any(6, 90), any(1000, 90000), 0};
    }
    if (any(0, 1))
        config.calendar = (struct stk_calendar){1, {{STK_EVERY_DAY, 40, 0, 0, 2}}};
    return config;
}

static stk_time_t ready(struct stk_throttle *of, uint32_t leaf, int urgent, stk_time_t now)
{
    struct stk_throttle_call call;
    stk_time_t again = 0;
    enum stk_status status;
    copy = *of;
    status = stk_throttle_take(&copy, leaf, 3, urgent, now, &call, &again);
    assert_true(status == STK_OK || status == STK_AGAIN);
    return status == STK_OK ? now : again;
}

/* Some takes, news, holds. */
static stk_time_t stir(stk_time_t now)
{
    for (int step = 0; step < 60; step++) {
        struct stk_throttle_call call;
        stk_time_t again = 0;
        uint32_t leaf = any(0, throttle.bucket_count - 1);
        struct stk_news news = STK_NEWS((int)any(0, 2));
        if (stk_throttle_take(&throttle, leaf, any(1, 5), any(0, 1) != 0, now, &call, &again) ==
            STK_OK)
            stk_throttle_done(&throttle, &call, call.cost, now);
        if (any(0, 20) == 0) {
            news.limit = any(5, 100);
            news.remaining = (int64_t)any(0, 51) - 1;
            stk_throttle_learn(&throttle, leaf, &news, now);
        }
        if (any(0, 30) == 0)
            stk_throttle_retry_after(&throttle, leaf, now + any(0, 9000), now);
        if (any(0, 30) == 0)
            stk_throttle_failed(&throttle, leaf, now);
        now += any(0, 3) ? any(0, 200) : any(0, 5000);
    }
    return now;
}

static void restart(const struct stk_throttle_config *config, stk_time_t saved, stk_time_t now,
                    int64_t gap_ms)
{
    uint32_t size;
    memset(image, 0xee, sizeof image);
    size = stk_throttle_encode(&throttle, saved, image);
    assert_int_equal(image[size], 0xee);
    assert_int_equal(stk_throttle_init(&twin, config, now, NULL), STK_OK);
    assert_int_equal(stk_throttle_decode(&twin, image, size, gap_ms, NULL), STK_OK);
}

static void test_it_goes_on_as_if_nothing_had_happened(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct stk_throttle_config config;
        stk_time_t saved, now;
        seed = round + 1;
        config = random_config(0);
        assert_int_equal(stk_throttle_init(&throttle, &config, MONDAY, NULL), STK_OK);
        saved = stir(MONDAY);
        now = saved + any(0, 1) * any(0, 100000);
        restart(&config, saved, now, 0);
        for (int step = 0; step < 30; step++) {
            for (uint32_t i = 0; i < config.bucket_count; i++) {
                assert_int_equal(ready(&twin, i, 0, now), ready(&throttle, i, 0, now));
                assert_int_equal(ready(&twin, i, 1, now), ready(&throttle, i, 1, now));
            }
            for (int which = 0; which < 2; which++) {
                struct stk_throttle *at = which ? &twin : &throttle;
                struct stk_throttle_call call;
                stk_time_t again;
                if (stk_throttle_take(at, (uint32_t)step % config.bucket_count, 2, 0, now, &call,
                                      &again) == STK_OK)
                    stk_throttle_done(at, &call, 2, now);
            }
            now += any(0, 3000);
        }
    }
}

/* Entries of a sliding window are joined in the image: later, never earlier, by some hundredths. */
static void test_sliding_windows_are_never_earlier(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct stk_throttle_config config;
        stk_time_t saved;
        seed = round + 1;
        config = random_config(1);
        assert_int_equal(stk_throttle_init(&throttle, &config, MONDAY, NULL), STK_OK);
        saved = stir(MONDAY);
        restart(&config, saved, saved, 0);
        for (uint32_t i = 0; i < config.bucket_count; i++) {
            stk_time_t there = ready(&throttle, i, 0, saved), here = ready(&twin, i, 0, saved);
            assert_in_range(here - there, 0, 90000 / 20);
        }
    }
}

/* The worst that can have happened in the gap: somebody took all he could. */
static void test_a_gap_is_taken_for_spent(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 1000; round++) {
        struct stk_throttle_config config;
        stk_time_t saved, now, again = 0;
        int64_t gap;
        seed = round + 1;
        config = random_config(1);
        assert_int_equal(stk_throttle_init(&throttle, &config, MONDAY, NULL), STK_OK);
        saved = stir(MONDAY);
        gap = any(1, 20000);
        restart(&config, saved, saved + gap + 100, gap);
        for (now = saved; now <= saved + gap; now += any(1, 500)) {
            for (int tries = 0; tries < 20; tries++) {
                struct stk_throttle_call call;
                if (stk_throttle_take(&throttle, any(0, config.bucket_count - 1), any(1, 5), 1, now,
                                      &call, &again) == STK_OK)
                    stk_throttle_done(&throttle, &call, call.cost, now);
            }
        }
        for (now = saved + gap + 100; now < saved + gap + 60000; now += 997) {
            for (uint32_t i = 0; i < config.bucket_count; i++) {
                if (ready(&twin, i, 1, now) == now)
                    assert_int_equal(ready(&throttle, i, 1, now), now);
            }
        }
    }
}

static struct stk_throttle_config amazon(void)
{
    return (struct stk_throttle_config){
        .seed = 1,
        .backoff_ms = 1000,
        .backoff_max_ms = 60000,
        .hold_max_ms = DAY,
        .bucket_count = 3,
        .bucket = {
            {.name = "app", .parent = STK_BUCKET_NONE, .rate = {50, 100, 1000}},
            {.name = "listings", .parent = 0, .rate = {5, 10, 1000}},
            {.name = "day",
             .parent = 0,
             .window = {{STK_WINDOW_FIXED, 100, DAY, 0}, {STK_WINDOW_SLIDING, 50, 60000, 0}}}}};
}

static unsigned take_all(struct stk_throttle *at, uint32_t leaf, stk_time_t now, stk_time_t *again)
{
    struct stk_throttle_call call;
    unsigned count = 0;
    while (stk_throttle_take(at, leaf, 1, 0, now, &call, again) == STK_OK) {
        stk_throttle_done(at, &call, 1, now);
        count++;
    }
    return count;
}

static void test_days_holds_and_lessons_survive(void **state)
{
    struct stk_throttle_config config = amazon();
    struct stk_news news = STK_NEWS(STK_PART_RATE);
    stk_time_t again = 0;
    (void)state;
    assert_int_equal(stk_throttle_init(&throttle, &config, MONDAY, NULL), STK_OK);
    assert_int_equal(take_all(&throttle, 2, MONDAY, &again), 50);
    assert_int_equal(take_all(&throttle, 2, MONDAY + MINUTE, &again), 50);
    stk_throttle_retry_after(&throttle, 1, MONDAY + 10 * MINUTE, MONDAY + MINUTE);
    news.rate_tokens = 1, news.rate_period_ms = 2000, news.limit = 3;
    assert_int_equal(stk_throttle_learn(&throttle, 1, &news, MONDAY + MINUTE), STK_OK);
    restart(&config, MONDAY + 2 * MINUTE, MONDAY + 5 * MINUTE, 0);
    assert_int_equal(take_all(&twin, 2, MONDAY + 5 * MINUTE, &again), 0);
    assert_int_equal(again, MONDAY + DAY);
    assert_int_equal(take_all(&twin, 1, MONDAY + 5 * MINUTE, &again), 0);
    assert_int_equal(again, MONDAY + 10 * MINUTE);
    assert_int_equal(take_all(&twin, 1, again, &again), 3);
    assert_int_equal(again, MONDAY + 10 * MINUTE + 2000);
    assert_int_equal(take_all(&twin, 1, MONDAY + MINUTE + STK_LEARNED_MS, &again), 3);
    assert_int_equal(again, MONDAY + MINUTE + STK_LEARNED_MS + 200); /* as declared */
}

static void test_failures_and_the_near_side_of_a_reset_survive(void **state)
{
    struct stk_throttle_config config = amazon();
    struct stk_throttle_call call;
    stk_time_t again = 0, end = MONDAY + DAY, until = 0;
    (void)state;
    config.bucket[2].jitter_ms = 500;
    assert_int_equal(stk_throttle_init(&throttle, &config, MONDAY, NULL), STK_OK);
    for (int i = 0; i < 5; i++)
        until = stk_throttle_failed(&throttle, 1, end - 81000 + i * 20000);
    assert_int_equal(stk_throttle_take(&throttle, 2, 7, 1, end - 100, &call, &again), STK_OK);
    restart(&config, end - 100, end - 50, 0);
    assert_int_equal(twin.bucket[1].fails, 5);
    assert_int_equal(twin.bucket[1].hold_ms, until);
    assert_int_equal(twin.bucket[2].calls, 0);
    stk_throttle_advance(&twin, end);
    assert_int_equal(twin.bucket[2].window[0].used, 7);
    assert_int_equal(twin.bucket[2].window[0].used_urgent, 7);
    assert_int_equal(twin.bucket[2].window[0].before, 7);
}

/* More entries than an image holds: joined, and gone with the last of them. */
static void test_a_full_sliding_window_survives(void **state)
{
    struct stk_throttle_config config = amazon();
    stk_time_t now = MONDAY;
    (void)state;
    config.bucket[2].window[1].limit = 200;
    config.bucket[2].window[0].limit = 200;
    assert_int_equal(stk_throttle_init(&throttle, &config, MONDAY, NULL), STK_OK);
    for (int i = 0; i < 100; i++, now += 590)
        stk_throttle_charge(&throttle, 2, 1 + (uint32_t)i % 3, 0, now);
    restart(&config, now, now, 0);
    assert_int_equal(twin.bucket[2].window[1].used, throttle.bucket[2].window[1].used);
    for (; now < MONDAY + 120000; now += 100) {
        stk_throttle_advance(&throttle, now);
        stk_throttle_advance(&twin, now);
        assert_true(twin.bucket[2].window[1].used >= throttle.bucket[2].window[1].used);
        assert_true(twin.bucket[2].window[1].used <= throttle.bucket[2].window[1].used + 8);
    }
    assert_int_equal(twin.bucket[2].window[1].used, 0);
}

static void test_a_gap_is_not_a_debt(void **state)
{
    struct stk_throttle_config config = amazon();
    stk_time_t again = 0;
    (void)state;
    assert_int_equal(stk_throttle_init(&throttle, &config, MONDAY, NULL), STK_OK);
    restart(&config, MONDAY, MONDAY + 60000, 1000);
    assert_int_equal(take_all(&twin, 1, MONDAY + 1199, &again), 0);
    assert_int_equal(again, MONDAY + 1200); /* empty at the end of the gap, then the rate */
    assert_int_equal(take_all(&twin, 1, MONDAY + 60000, &again), 10);
    assert_int_equal(twin.bucket[2].window[0].used, 50); /* what its minute allowed */
}

static void test_disorder_is_damage(void **state)
{
    static const uint8_t sound[] = {0xe0, 0xd4, 0x03, 1, 0, 0, 1, 0}; /* ages 30,000 and 0 */
    static const uint8_t swapped[] = {0, 1, 0, 0xe0, 0xd4, 0x03, 1, 0};
    struct stk_throttle_config config = amazon();
    uint32_t size;
    uint8_t *at;
    (void)state;
    assert_int_equal(stk_throttle_init(&throttle, &config, MONDAY, NULL), STK_OK);
    stk_throttle_charge(&throttle, 2, 1, 0, MONDAY);
    stk_throttle_charge(&throttle, 2, 1, 0, MONDAY + 30000);
    size = stk_throttle_encode(&throttle, MONDAY + 30000, image);
    at = memmem(image, size, sound, sizeof sound);
    assert_non_null(at);
    assert_int_equal(stk_throttle_decode(&throttle, image, size, 0, NULL), STK_OK);
    memcpy(at, swapped, sizeof swapped);
    assert_int_equal(stk_throttle_decode(&throttle, image, size, 0, NULL), STK_CORRUPT);
}

static void test_calls_since_the_image_are_charged_at_their_times(void **state)
{
    struct stk_throttle_config config = amazon();
    stk_time_t again = 0;
    (void)state;
    assert_int_equal(stk_throttle_init(&throttle, &config, MONDAY, NULL), STK_OK);
    restart(&config, MONDAY, MONDAY + 20000, 0);
    for (int i = 0; i < 10; i++)
        stk_throttle_charge(&twin, 1, 1, 0, MONDAY + 18000 + i);
    assert_int_equal(take_all(&twin, 1, MONDAY + 18200, &again), 1);
    /* 10 - 10 + 1.0 - 1: 0.0 at 18,200; 9 more tokens at 20,000 */
    assert_int_equal(take_all(&twin, 1, MONDAY + 20000, &again), 9);
    stk_throttle_charge(&twin, 2, 30, 0, MONDAY + 20000);
    assert_int_equal(take_all(&twin, 2, MONDAY + 20000, &again), 20);
}

static void test_a_changed_config_keeps_what_fits(void **state)
{
    struct stk_throttle_config config = amazon(), other = amazon();
    stk_time_t again = 0;
    (void)state;
    assert_int_equal(stk_throttle_init(&throttle, &config, MONDAY, NULL), STK_OK);
    assert_int_equal(take_all(&throttle, 1, MONDAY, &again), 10);
    assert_int_equal(take_all(&throttle, 2, MONDAY, &again), 50);
    other.bucket[0] = config.bucket[2]; /* "day" is the root now, with other hours and limits */
    other.bucket[0].parent = STK_BUCKET_NONE;
    other.bucket[0].window[0].limit = 60;
    other.bucket[0].window[0].phase_ms = 3600000;
    other.bucket[0].window[1].limit = 55;
    other.bucket[1].rate = (struct stk_rate){1, 4, 7000};
    strcpy(other.bucket[2].name, "new");
    other.bucket[2].window[0] = other.bucket[2].window[1] = (struct stk_window_config){0};
    restart(&other, MONDAY, MONDAY, 0);
    assert_int_equal(stk_throttle_tokens(&twin, 1), 0);
    assert_int_equal(take_all(&twin, 2, MONDAY, &again), 5);
    assert_int_equal(again, MONDAY + MINUTE);
    assert_int_equal(take_all(&twin, 2, MONDAY + MINUTE, &again), 5);
    assert_int_equal(again, MONDAY + 3600000);
}

static void test_a_clock_that_went_back(void **state)
{
    struct stk_throttle_config config = amazon();
    stk_time_t again = 0, now = MONDAY - 5 * DAY;
    (void)state;
    assert_int_equal(stk_throttle_init(&throttle, &config, MONDAY, NULL), STK_OK);
    assert_int_equal(take_all(&throttle, 1, MONDAY, &again), 10);
    stk_throttle_retry_after(&throttle, 2, MONDAY + MINUTE, MONDAY);
    restart(&config, MONDAY, now, 0);
    assert_int_equal(take_all(&twin, 1, now, &again), 0);
    assert_int_equal(again, now + 200);
    assert_int_equal(take_all(&twin, 2, now, &again), 0);
    assert_int_equal(again, now + MINUTE); /* not five days and a minute */
}

static void test_damage_changes_nothing(void **state)
{
    struct stk_throttle_config config = amazon();
    static struct stk_throttle fresh;
    static uint8_t bad[STK_THROTTLE_IMAGE_MAX];
    struct stk_error err;
    stk_time_t again = 0;
    uint32_t size, refused = 0;
    (void)state;
    assert_int_equal(stk_throttle_init(&throttle, &config, MONDAY, NULL), STK_OK);
    take_all(&throttle, 2, MONDAY, &again);
    size = stk_throttle_encode(&throttle, MONDAY, image);
    assert_int_equal(stk_throttle_init(&fresh, &config, MONDAY, NULL), STK_OK);
    for (uint32_t cut = 0; cut < size; cut++) {
        memcpy(bad, image, cut);
        twin = fresh;
        assert_int_equal(stk_throttle_decode(&twin, bad, cut, 0, &err), STK_CORRUPT);
        assert_memory_equal(&twin, &fresh, sizeof twin);
    }
    for (uint32_t bit = 8; bit < size * 8; bit++) {
        memcpy(bad, image, size);
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        twin = fresh;
        if (stk_throttle_decode(&twin, bad, size, any(0, 1) * 1000, &err) != STK_OK) {
            assert_memory_equal(&twin, &fresh, sizeof twin);
            refused++;
        } else { /* another sound image: it can be worked with */
            take_all(&twin, 2, MONDAY + 1000, &again);
            stk_throttle_advance(&twin, MONDAY + 40 * DAY);
        }
    }
    assert_true(refused > size);
    for (int round = 0; round < 20000; round++) {
        for (uint32_t i = 0; i < 64; i++)
            bad[i] = (uint8_t)any(0, 255);
        bad[0] = 1;
        twin = fresh;
        stk_throttle_decode(&twin, bad, any(0, 64), 0, &err);
    }
    memcpy(bad, image, size);
    bad[size] = 0;
    assert_int_equal(stk_throttle_decode(&twin, bad, size + 1, 0, &err), STK_CORRUPT);
    bad[0] = 2;
    assert_int_equal(stk_throttle_decode(&twin, bad, size, 0, &err), STK_VERSION);
}

static void test_the_largest_image_fits(void **state)
{
    struct stk_throttle_config config = amazon();
    uint32_t size, slides = 0;
    (void)state;
    config.bucket_count = STK_BUCKETS_MAX;
    for (uint32_t i = 0; i < STK_BUCKETS_MAX; i++) {
        struct stk_bucket_config *bucket = &config.bucket[i];
        *bucket = (struct stk_bucket_config){.parent = STK_BUCKET_NONE,
                                             .rate = {1, 1000, STK_PERIOD_MS_MAX}};
        snprintf(bucket->name, sizeof bucket->name, "a bucket of a very long name %02u", i);
        for (int w = 0; w < STK_BUCKET_WINDOWS_MAX; w++)
            bucket->window[w] = (struct stk_window_config){
                slides++ < STK_SLIDES_MAX ? STK_WINDOW_SLIDING : STK_WINDOW_FIXED, STK_TOKENS_MAX,
                STK_PERIOD_MS_MAX, 0};
    }
    assert_int_equal(stk_throttle_init(&throttle, &config, MONDAY, NULL), STK_OK);
    for (stk_time_t at = MONDAY; at < MONDAY + STK_PERIOD_MS_MAX; at += STK_PERIOD_MS_MAX / 300) {
        for (uint32_t i = 0; i < STK_BUCKETS_MAX; i++)
            stk_throttle_charge(&throttle, i, 700000, 1, at);
    }
    restart(&config, MONDAY + STK_PERIOD_MS_MAX, MONDAY + STK_PERIOD_MS_MAX, 0);
    size = stk_throttle_encode(&throttle, MONDAY + STK_PERIOD_MS_MAX, image);
    print_message("%u bytes\n", size);
    assert_true(size < STK_THROTTLE_IMAGE_MAX);
    assert_true(twin.bucket[0].window[0].used >= throttle.bucket[0].window[0].used);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_goes_on_as_if_nothing_had_happened),
        cmocka_unit_test(test_sliding_windows_are_never_earlier),
        cmocka_unit_test(test_a_gap_is_taken_for_spent),
        cmocka_unit_test(test_days_holds_and_lessons_survive),
        cmocka_unit_test(test_failures_and_the_near_side_of_a_reset_survive),
        cmocka_unit_test(test_a_full_sliding_window_survives),
        cmocka_unit_test(test_a_gap_is_not_a_debt),
        cmocka_unit_test(test_disorder_is_damage),
        cmocka_unit_test(test_calls_since_the_image_are_charged_at_their_times),
        cmocka_unit_test(test_a_changed_config_keeps_what_fits),
        cmocka_unit_test(test_a_clock_that_went_back),
        cmocka_unit_test(test_damage_changes_nothing),
        cmocka_unit_test(test_the_largest_image_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
