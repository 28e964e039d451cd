/* The forecast against arithmetic where there is any, and against a clock that looks at every
 * single millisecond. */
#include "core/flow/estimate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000)
#define HOUR   INT64_C(3600000)
#define DAY    INT64_C(86400000)
#define MONDAY INT64_C(1795392000000)

static struct stk_throttle throttle;
static struct stk_estimate estimate, other;

static struct stk_throttle_config plain_config(void)
{
    return (struct stk_throttle_config){.seed = 42,
                                        .backoff_ms = 1000,
                                        .backoff_max_ms = 60000,
                                        .hold_max_ms = DAY,
                                        .bucket_count = 1,
                                        .bucket = {{.name = "app", .parent = STK_BUCKET_NONE}}};
}

static struct stk_estimate_input plain_input(void)
{
    return (struct stk_estimate_input){
        .batch = 1, .call_cost = 1, .horizon_ms = DAY, .listings = 1000};
}

static const struct stk_estimate_result *run(const struct stk_throttle_config *config,
                                             const struct stk_estimate_input *input)
{
    struct stk_error err;
    assert_int_equal(stk_throttle_init(&throttle, config, MONDAY, NULL), STK_OK);
    if (stk_estimate_init(&estimate, &throttle, input, MONDAY, &err) != STK_OK)
        fail_msg("%s", err.text);
    assert_int_equal(stk_estimate_run(&estimate, UINT64_MAX), STK_OK);
    return &estimate.result;
}

static void test_full_sync_by_arithmetic(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_estimate_input input = plain_input();
    const struct stk_estimate_result *result;
    (void)state;
    config.bucket[0].rate = (struct stk_rate){5, 10, 1000};
    input.call_ms = 700;
    result = run(&config, &input);
    assert_int_equal(result->sync_calls, 1000);
    assert_int_equal(result->sync_ms, 990 * 200 + 700);
    assert_int_equal(result->budget_calls,
                     10 + 5 * 86400 - 1); /* the last is due at the very end */
    input.batch = 25;
    result = run(&config, &input);
    assert_int_equal(result->sync_calls, 40);
    assert_int_equal(result->sync_ms, 30 * 200 + 700);
    input.key_cost = 1; /* 26 points a call: more than the burst */
    assert_int_equal(stk_estimate_init(&other, &throttle, &input, MONDAY, NULL), STK_TOO_LARGE);
    config.bucket[0].rate.burst = 26; /* points 26, then 5.2 s each */
    result = run(&config, &input);
    assert_int_equal(result->sync_ms, 39 * 5200 + 700);
}

static void test_calls_under_way_bind(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_estimate_input input = plain_input();
    const struct stk_estimate_result *result;
    (void)state;
    config.bucket[0].calls_max = 4;
    input.call_ms = 500;
    result = run(&config, &input);
    assert_int_equal(result->sync_calls, 1000);
    assert_int_equal(result->sync_ms, 250 * 500);
    assert_int_equal(result->budget_calls, 8 * 86400);
}

/* What is under way now ends; a forecast is not stopped by it. */
static void test_calls_of_now_do_not_stay(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_estimate_input input = plain_input();
    struct stk_throttle_call call;
    stk_time_t again;
    (void)state;
    config.bucket[0].calls_max = 1;
    input.call_ms = 500;
    assert_int_equal(stk_throttle_init(&throttle, &config, MONDAY, NULL), STK_OK);
    assert_int_equal(stk_throttle_take(&throttle, 0, 1, 0, MONDAY, &call, &again), STK_OK);
    assert_int_equal(stk_estimate_init(&estimate, &throttle, &input, MONDAY, NULL), STK_OK);
    assert_int_equal(stk_estimate_run(&estimate, UINT64_MAX), STK_OK);
    assert_int_equal(estimate.result.sync_ms, 1000 * 500);
}

static void test_a_day_that_is_too_small(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_estimate_input input = plain_input();
    const struct stk_estimate_result *result;
    (void)state;
    config.bucket[0].window[0] = (struct stk_window_config){STK_WINDOW_FIXED, 5000, DAY, 12 * HOUR};
    input.listings = 12000;
    input.keys_per_hour[STK_CLASS_PRICE] = 400;
    result = run(&config, &input);
    assert_int_equal(result->sync_calls, 12000);
    assert_int_equal(result->sync_ms, 12 * HOUR + DAY); /* 5,000 now, at noon, and at the next */
    assert_int_equal(result->budget_calls, 10000);
    assert_true(result->keeps_up);
    input.keys_per_hour[STK_CLASS_PRICE] = 1000; /* 24,000 a day: 5,000 by 5:00, then noon ... */
    result = run(&config, &input);
    assert_int_equal(result->calls, 10000);
    assert_int_equal(result->used_percent, 100);
    assert_false(result->keeps_up);
    assert_int_equal(result->part_waiting[4], 0);
    assert_int_equal(result->part_waiting[11], 2000); /* noon: 7,000 went, 12,000 came: 5,000 ... */
    assert_int_equal(result->waiting_end[STK_CLASS_PRICE], 12000);
    config.bucket[0].window[0].limit = 1;
    input.listings = 40;
    assert_true(run(&config, &input)->sync_ms == INT64_MAX); /* not within a month */
}

static void test_a_flush_collects(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_estimate_input input = plain_input();
    const struct stk_estimate_result *result;
    (void)state;
    config.bucket[0].rate = (struct stk_rate){10, 10, 1000};
    input.batch = 10, input.flush_ms = 120000;
    input.listings = 100000;
    input.keys_per_hour[STK_CLASS_PRICE] = 3600;
    result = run(&config, &input);
    /* 720 flushes, of which the first is empty; 120 keys each, 12 calls */
    assert_int_equal(result->calls, 719 * 12);
    assert_int_equal(result->keys, 719 * 120);
    assert_in_range(result->wait_most_ms[STK_CLASS_PRICE], 119000, 120300);
    assert_int_equal(result->waiting_most[STK_CLASS_PRICE], 120);
    assert_true(result->keeps_up);
    input.keys_per_hour[STK_CLASS_URGENT] = 60; /* each leaves at once and takes others along */
    result = run(&config, &input);
    assert_int_equal(result->wait_most_ms[STK_CLASS_URGENT], 0);
    assert_true(result->calls > 1439);
    assert_true(result->calls < 719 * 12 + 1439);
}

static void test_urgent_keys_do_not_wait_for_a_flood(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_estimate_input input = plain_input();
    const struct stk_estimate_result *result;
    (void)state;
    config.bucket[0].rate = (struct stk_rate){1, 20, 1000};
    config.bucket[0].reserve_percent = 25;
    input.listings = 1000000;
    input.waiting[STK_CLASS_PRICE] = 900000; /* ten days of it */
    input.keys_per_hour[STK_CLASS_URGENT] = 360;
    result = run(&config, &input);
    assert_int_equal(result->wait_most_ms[STK_CLASS_URGENT], 0);
    assert_int_equal(result->wait_most_ms[STK_CLASS_PRICE], DAY);
    assert_true(result->waiting_end[STK_CLASS_PRICE] > 800000);
    assert_in_range(result->calls, 86400, 86420);
}

static void test_other_calls_take_their_part(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_estimate_input input = plain_input();
    const struct stk_estimate_result *result;
    (void)state;
    config.bucket_count = 2;
    config.bucket[0].rate = (struct stk_rate){1, 1, 1000};
    config.bucket[1] = (struct stk_bucket_config){.name = "orders", .parent = 0};
    input.other_count = 1;
    input.other[0] = (struct stk_estimate_other){1, 1, 10000, 1};
    result = run(&config, &input);
    assert_in_range(result->other_calls, 8639, 8640);
    assert_in_range(result->budget_calls, 86400 - 8641, 86400 - 8638);
    assert_in_range(result->sync_ms, 1110000 - 2000, 1110000 + 2000);
}

static void test_closed_hours_and_what_was_spent_count(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_estimate_input input = plain_input();
    struct stk_throttle_call call;
    stk_time_t again;
    (void)state;
    config.bucket[0].rate = (struct stk_rate){1, 1, 1000};
    config.calendar = (struct stk_calendar){1, {{STK_EVERY_DAY, 0, 0, 0, 6 * 60}}};
    assert_int_equal(run(&config, &input)->sync_ms, 6 * HOUR + 999 * 1000);
    assert_int_equal(estimate.result.budget_calls, 18 * 3600);
    config = plain_config();
    config.bucket[0].window[0] = (struct stk_window_config){STK_WINDOW_FIXED, 1000, DAY, 0};
    assert_int_equal(stk_throttle_init(&throttle, &config, MONDAY, NULL), STK_OK);
    assert_int_equal(stk_throttle_take(&throttle, 0, 1, 0, MONDAY, &call, &again), STK_OK);
    assert_int_equal(stk_estimate_init(&estimate, &throttle, &input, MONDAY + HOUR, NULL), STK_OK);
    assert_int_equal(stk_estimate_run(&estimate, UINT64_MAX), STK_OK);
    assert_int_equal(estimate.result.sync_ms, DAY - HOUR);  /* one was spent: the last must wait */
    assert_int_equal(throttle.bucket[0].window[0].used, 1); /* and nothing was by this */
}

/* --- every millisecond --- */

struct plain {
    struct stk_throttle throttle;
    struct stk_throttle_call call[4096];
    unsigned first, last;
    uint64_t arrived[STK_CLASSES], due;
    uint32_t waiting[STK_CLASSES];
    stk_time_t other_ms[STK_ESTIMATE_OTHERS_MAX];
    uint64_t calls, keys, others;
};
static struct plain plain;

static uint64_t plain_sum(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < STK_CLASSES; i++)
        sum += plain.waiting[i];
    return sum;
}

static void plain_arrive(const struct stk_estimate_input *input, int64_t passed)
{
    for (int i = 0; i < STK_CLASSES; i++) {
        uint64_t arrived = input->waiting[i] + input->keys_per_hour[i] * (uint64_t)passed / HOUR;
        for (; plain.arrived[i] < arrived; plain.arrived[i]++)
            plain.waiting[i] += plain.waiting[i] < input->listings;
    }
}

static int plain_update(const struct stk_estimate_input *input, stk_time_t now)
{
    uint32_t keys = plain_sum() < input->batch ? (uint32_t)plain_sum() : input->batch;
    stk_time_t again;
    int urgent = plain.waiting[0] > 0;
    if (!urgent && plain.due < keys)
        keys = (uint32_t)plain.due;
    if (!keys ||
        stk_throttle_take(&plain.throttle, input->leaf, input->call_cost + keys * input->key_cost,
                          urgent, now, &plain.call[plain.last % 4096], &again) != STK_OK)
        return 0;
    plain.last++;
    plain.calls++;
    plain.keys += keys;
    for (uint32_t k = 0, i = 0; k < keys; k++) {
        while (!plain.waiting[i])
            i++;
        plain.waiting[i]--;
        plain.due -= plain.due > 0;
    }
    return 1;
}

static void plain_run(const struct stk_estimate_input *input)
{
    memset(&plain, 0, sizeof plain);
    plain.throttle = throttle;
    for (uint32_t i = 0; i < input->other_count; i++)
        plain.other_ms[i] = MONDAY + input->other[i].every_ms;
    for (int i = 0; i < STK_CLASSES; i++)
        plain.waiting[i] = input->waiting[i], plain.arrived[i] = input->waiting[i];
    for (stk_time_t now = MONDAY; now < MONDAY + input->horizon_ms; now++) {
        stk_time_t again;
        for (; plain.first < plain.last &&
               plain.call[plain.first % 4096].taken_ms + input->call_ms <= now;
             plain.first++)
            stk_throttle_done(&plain.throttle, &plain.call[plain.first % 4096],
                              plain.call[plain.first % 4096].cost, now);
        plain_arrive(input, now - MONDAY);
        if (!input->flush_ms || (now - MONDAY) % input->flush_ms == 0)
            plain.due = plain_sum();
        for (uint32_t i = 0; i < input->other_count; i++) {
            if (plain.other_ms[i] > now ||
                stk_throttle_take(&plain.throttle, input->other[i].leaf, input->other[i].cost,
                                  input->other[i].urgent, now, &plain.call[plain.last % 4096],
                                  &again) != STK_OK)
                continue;
            plain.last++;
            plain.others++;
            plain.other_ms[i] = now + input->other[i].every_ms;
        }
        while (plain_update(input, now))
            ;
    }
    plain_arrive(input, input->horizon_ms);
}

static unsigned seed;
static uint32_t any(uint32_t from, uint32_t to)
{
    return from + (uint32_t)rand_r(&seed) % (to - from + 1);
}

static void test_against_every_millisecond(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 120; round++) {
        struct stk_throttle_config config = plain_config();
        struct stk_estimate_input input = plain_input();
        const struct stk_estimate_result *result;
        seed = round;
        config.bucket_count = 2;
        config.bucket[0].rate = (struct stk_rate){any(1, 60), any(20, 60), any(500, 3000)};
        config.bucket[0].reserve_percent = (uint8_t)any(0, 40);
        config.bucket[1] = (struct stk_bucket_config){.name = "leaf", .parent = 0};
        if (any(0, 1))
            config.bucket[1].calls_max = any(1, 5);
        if (any(0, 1))
            config.bucket[1].window[0] =
                (struct stk_window_config){STK_WINDOW_FIXED, any(20, 200), any(5000, 40000), 0};
        if (any(0, 1))
            config.bucket[1].window[1] =
                (struct stk_window_config){STK_WINDOW_SLIDING, any(20, 200), any(5000, 40000), 0};
        input.leaf = any(0, 1);
        input.batch = any(1, 10), input.key_cost = any(0, 1);
        input.call_ms = any(0, 900), input.flush_ms = any(0, 1) * any(1, 20000);
        input.horizon_ms = 60000, input.listings = any(20, 3000);
        for (int i = 0; i < STK_CLASSES; i++) {
            input.waiting[i] = any(0, 20);
            input.keys_per_hour[i] = any(0, 40000);
        }
        input.other_count = any(0, 2);
        for (uint32_t i = 0; i < input.other_count; i++)
            input.other[i] =
                (struct stk_estimate_other){any(0, 1), any(1, 3), any(500, 9000), any(0, 1) != 0};
        result = run(&config, &input);
        plain_run(&input);
        assert_int_equal(result->calls, plain.calls);
        assert_int_equal(result->keys, plain.keys);
        assert_int_equal(result->other_calls, plain.others);
        for (int i = 0; i < STK_CLASSES; i++)
            assert_int_equal(result->waiting_end[i], plain.waiting[i]);
    }
}

static void test_slices_are_the_whole(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_estimate_input input = plain_input();
    uint64_t slices = 0;
    (void)state;
    config.bucket[0].rate = (struct stk_rate){3, 5, 1000};
    input.batch = 7, input.flush_ms = 60000, input.horizon_ms = HOUR;
    for (int i = 0; i < STK_CLASSES; i++)
        input.waiting[i] = 100, input.keys_per_hour[i] = 5000;
    run(&config, &input);
    assert_int_equal(stk_estimate_init(&other, &throttle, &input, MONDAY, NULL), STK_OK);
    while (stk_estimate_run(&other, 100) == STK_AGAIN)
        slices++;
    assert_true(slices > 100);
    assert_memory_equal(&other.result, &estimate.result, sizeof other.result);
    assert_int_equal(stk_estimate_run(&other, 1), STK_OK);
}

static void test_without_limits_and_bad_input(void **state)
{
    struct stk_throttle_config config = plain_config();
    struct stk_estimate_input input = plain_input(), bad;
    struct stk_error err;
    (void)state;
    assert_int_equal(run(&config, &input)->sync_ms, 0);
    assert_int_equal(estimate.result.budget_calls, 0);
    bad = input, bad.leaf = 1;
    assert_int_equal(stk_estimate_init(&other, &throttle, &bad, MONDAY, &err), STK_INVALID);
    bad = input, bad.batch = 0;
    assert_int_equal(stk_estimate_init(&other, &throttle, &bad, MONDAY, &err), STK_INVALID);
    bad = input, bad.call_cost = 0;
    assert_int_equal(stk_estimate_init(&other, &throttle, &bad, MONDAY, &err), STK_INVALID);
    bad = input, bad.horizon_ms = STK_PERIOD_MS_MAX + 1;
    assert_int_equal(stk_estimate_init(&other, &throttle, &bad, MONDAY, &err), STK_INVALID);
    bad = input, bad.other_count = STK_ESTIMATE_OTHERS_MAX + 1;
    assert_int_equal(stk_estimate_init(&other, &throttle, &bad, MONDAY, &err), STK_INVALID);
    bad = input, bad.other_count = 1;
    assert_int_equal(stk_estimate_init(&other, &throttle, &bad, MONDAY, &err), STK_INVALID);
    bad = input, bad.batch = UINT32_MAX, bad.key_cost = 2;
    assert_int_equal(stk_estimate_init(&other, &throttle, &bad, MONDAY, &err), STK_TOO_LARGE);
    assert_non_null(strstr(err.text, "a call of 4294967295 keys costs 8589934591"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_sync_by_arithmetic),
        cmocka_unit_test(test_calls_under_way_bind),
        cmocka_unit_test(test_calls_of_now_do_not_stay),
        cmocka_unit_test(test_a_day_that_is_too_small),
        cmocka_unit_test(test_a_flush_collects),
        cmocka_unit_test(test_urgent_keys_do_not_wait_for_a_flood),
        cmocka_unit_test(test_other_calls_take_their_part),
        cmocka_unit_test(test_closed_hours_and_what_was_spent_count),
        cmocka_unit_test(test_against_every_millisecond),
        cmocka_unit_test(test_slices_are_the_whole),
        cmocka_unit_test(test_without_limits_and_bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
