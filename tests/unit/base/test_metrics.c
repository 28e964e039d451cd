#include "core/base/metrics.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct stk_histogram histogram;

static void counters_count(void **state)
{
    struct stk_counter counter = {0};
    (void)state;
    stk_counter_add(&counter, 2);
    stk_counter_add(&counter, 3);
    assert_int_equal(stk_counter_get(&counter), 5);
    stk_counter_set(&counter, 1);
    assert_int_equal(stk_counter_get(&counter), 1);
}

static void empty_histogram_says_zero(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof histogram);
    assert_int_equal(stk_histogram_quantile(&histogram, 5000), 0);
}

/* One value alone: the edge is at or above it, at most 1/16 away. */
static void every_value_finds_its_bucket(void **state)
{
    (void)state;
    for (int bit = 0; bit < 64; bit++) {
        for (int around = -1; around <= 1; around++) {
            uint64_t value = (1ull << bit) + (uint64_t)(int64_t)around;
            memset(&histogram, 0, sizeof histogram);
            stk_histogram_add(&histogram, value);
            uint64_t edge = stk_histogram_quantile(&histogram, 5000);
            assert_true(edge >= value);
            assert_true(edge - value <= value / 16);
        }
    }
    memset(&histogram, 0, sizeof histogram);
    for (uint64_t value = 0; value < 32; value++) { /* small ones are told exactly */
        memset(&histogram, 0, sizeof histogram);
        stk_histogram_add(&histogram, value);
        assert_int_equal(stk_histogram_quantile(&histogram, 5000), value);
    }
    memset(&histogram, 0, sizeof histogram);
    stk_histogram_add(&histogram, UINT64_MAX);
    assert_int_equal(stk_histogram_quantile(&histogram, 1), UINT64_MAX);
}

static void edges_part_the_values(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < 5000; value++) {
        memset(&histogram, 0, sizeof histogram);
        stk_histogram_add(&histogram, value);
        uint64_t edge = stk_histogram_quantile(&histogram, 10000);
        stk_histogram_add(&histogram, edge + 1); /* belongs to the next bucket */
        assert_int_equal(stk_histogram_quantile(&histogram, 5000), edge);
        assert_true(stk_histogram_quantile(&histogram, 5001) > edge);
    }
}

static void quantiles_are_ranks(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof histogram);
    for (uint64_t value = 1; value <= 10; value++)
        stk_histogram_add(&histogram, value);
    assert_int_equal(histogram.count, 10);
    assert_int_equal(histogram.sum, 55);
    assert_int_equal(stk_histogram_quantile(&histogram, 0), 1);
    assert_int_equal(stk_histogram_quantile(&histogram, 1000), 1);
    assert_int_equal(stk_histogram_quantile(&histogram, 1001), 2);
    assert_int_equal(stk_histogram_quantile(&histogram, 5000), 5);
    assert_int_equal(stk_histogram_quantile(&histogram, 9000), 9);
    assert_int_equal(stk_histogram_quantile(&histogram, 9999), 10);
    assert_int_equal(stk_histogram_quantile(&histogram, 10000), 10);
    assert_int_equal(stk_histogram_quantile(&histogram, 99999), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_count),
        cmocka_unit_test(empty_histogram_says_zero),
        cmocka_unit_test(every_value_finds_its_bucket),
        cmocka_unit_test(edges_part_the_values),
        cmocka_unit_test(quantiles_are_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
