/* Percentiles against a sorted list, forgetting, merging, stored bytes. */
#include "core/flow/lag.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void test_every_step_is_within_an_eighth(void **state)
{
    (void)state;
    for (int64_t ms = 0; ms < INT64_C(15) << 28; ms += 1 + ms / 1000) {
        struct stk_lag lag = {0};
        int64_t p;
        stk_lag_add(&lag, ms);
        stk_lag_add(&lag, INT64_C(1)
                              << 33); /* in the last slot, so that the maximum does not help */
        p = stk_lag_at(&lag, 5000);
        assert_true(p >= ms && p - ms <= ms / 8);
        if (ms < 16)
            assert_int_equal(p, ms);
        assert_int_equal(stk_lag_at(&lag, 10000), INT64_C(1) << 33);
    }
}

static void test_percentiles_against_a_sorted_list(void **state)
{
    enum { MANY = 5000 };
    static const uint32_t shares[] = {0, 1, 100, 5000, 9000, 9900, 9990, 10000};
    static int64_t value[MANY];
    unsigned seed = 3;
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct stk_lag lag = {0};
        int many = 1 + rand_r(&seed) % MANY, bits = 1 + rand_r(&seed) % 31;
        for (int i = 0; i < many; i++) {
            value[i] = rand_r(&seed) & (int)((1u << bits) - 1);
            stk_lag_add(&lag, value[i]);
        }
        qsort(value, (size_t)many, sizeof *value, by_value);
        for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
            int64_t rank = ((int64_t)many * shares[i] + 9999) / 10000;
            int64_t exact = value[rank ? rank - 1 : 0], p = stk_lag_at(&lag, shares[i]);
            assert_true(p >= exact && p - exact <= exact / 8);
        }
        assert_int_equal(stk_lag_at(&lag, 10000), value[many - 1]);
        assert_int_equal(lag.count, many);
    }
}

static void test_ends(void **state)
{
    struct stk_lag lag = {0};
    (void)state;
    assert_true(sizeof lag <= 1024);
    assert_int_equal(stk_lag_at(&lag, 5000), -1);
    stk_lag_add(&lag, -5);
    assert_int_equal(stk_lag_at(&lag, 10000), 0);
    stk_lag_add(&lag, INT64_MAX);
    assert_int_equal(lag.slot[STK_LAG_SLOTS - 1], 1);
    assert_true(stk_lag_at(&lag, 10000) == INT64_MAX);
    memset(&lag, 0, sizeof lag);
    lag.slot[3] = UINT32_MAX, lag.count = UINT32_MAX, lag.max_ms = 3;
    stk_lag_add(&lag, 3); /* full: half is forgotten first */
    assert_int_equal(lag.slot[3], UINT32_MAX / 2 + 1);
    assert_int_equal(lag.count, UINT32_MAX / 2 + 1);
}

static void test_it_forgets(void **state)
{
    struct stk_lag lag = {0};
    (void)state;
    for (int i = 0; i < 1000; i++)
        stk_lag_add(&lag, 60000);
    stk_lag_add(&lag, 9000000);
    stk_lag_halve(&lag);
    assert_int_equal(lag.count, 500);
    assert_int_equal(stk_lag_at(&lag, 10000), 61439); /* the long one is gone, its like too */
    for (int day = 0; day < 10; day++) {
        for (int i = 0; i < 1000; i++)
            stk_lag_add(&lag, 100);
        stk_lag_halve(&lag);
    }
    assert_int_equal(stk_lag_at(&lag, 9900), 103);
    assert_int_equal(lag.count, 999); /* 1,000 at most, less what rounding lost */
    for (int i = 0; i < 12; i++)
        stk_lag_halve(&lag);
    assert_int_equal(stk_lag_at(&lag, 5000), -1);
    assert_int_equal(lag.max_ms, 0);
}

static struct stk_lag some(unsigned seed)
{
    struct stk_lag lag = {0};
    for (int i = 0; i < 3000; i++)
        stk_lag_add(&lag, rand_r(&seed) >> rand_r(&seed) % 31);
    return lag;
}

static void test_merge_is_adding_both(void **state)
{
    struct stk_lag a = some(1), b = some(2), both = {0};
    unsigned seed;
    (void)state;
    for (unsigned from = 1; from <= 2; from++) {
        seed = from;
        for (int i = 0; i < 3000; i++)
            stk_lag_add(&both, rand_r(&seed) >> rand_r(&seed) % 31);
    }
    stk_lag_merge(&a, &b);
    assert_memory_equal(&a, &both, sizeof a);
    a.slot[0] = UINT32_MAX;
    b.slot[0] = 1;
    stk_lag_merge(&a, &b);
    assert_int_equal(a.slot[0], UINT32_MAX);
}

static void test_stored_bytes(void **state)
{
    static uint8_t image[STK_LAG_IMAGE_MAX + 1];
    struct stk_lag lag = some(7), read = some(8), before = read;
    uint32_t size = stk_lag_encode(&lag, image);
    (void)state;
    for (uint32_t cut = 0; cut < size; cut++) {
        /* cut between two slots the maximum is not in the last one */
        assert_int_equal(stk_lag_decode(&read, image, cut), STK_CORRUPT);
        assert_memory_equal(&read, &before, sizeof read);
    }
    assert_int_equal(stk_lag_decode(&read, image, size), STK_OK);
    assert_memory_equal(&read, &lag, sizeof read);
    image[0] = 2;
    assert_int_equal(stk_lag_decode(&read, image, size), STK_VERSION);
    memset(&lag, 0, sizeof lag);
    size = stk_lag_encode(&lag, image);
    assert_int_equal(stk_lag_decode(&read, image, size), STK_OK);
    assert_memory_equal(&read, &lag, sizeof read);
    for (uint32_t i = 0; i < STK_LAG_SLOTS; i++)
        lag.slot[i] = UINT32_MAX, lag.count += UINT32_MAX;
    lag.max_ms = INT64_MAX;
    memset(image, 0xee, sizeof image);
    size = stk_lag_encode(&lag, image);
    assert_true(size <= STK_LAG_IMAGE_MAX && image[STK_LAG_IMAGE_MAX] == 0xee);
    assert_int_equal(stk_lag_decode(&read, image, size), STK_OK);
    assert_memory_equal(&read, &lag, sizeof read);
}

static void test_hostile_bytes(void **state)
{
    static const uint8_t bad[][8] = {
        {1, 0, 0xff, 1, 1}, /* slot 255 */
        {1, 0, 0, 0},       /* a slot that is empty */
        {1, 3, 3, 1, 0, 1}, /* the same slot twice */
        {1, 9, 3, 1},       /* the maximum is in another slot */
        {1, 3},             /* a maximum of nothing */
    };
    static const uint8_t sizes[] = {5, 4, 6, 4, 2};
    struct stk_lag lag = {0};
    (void)state;
    for (size_t i = 0; i < sizeof sizes; i++)
        assert_int_equal(stk_lag_decode(&lag, bad[i], sizes[i]), STK_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_step_is_within_an_eighth),
        cmocka_unit_test(test_percentiles_against_a_sorted_list),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_it_forgets),
        cmocka_unit_test(test_merge_is_adding_both),
        cmocka_unit_test(test_stored_bytes),
        cmocka_unit_test(test_hostile_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
