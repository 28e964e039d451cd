#include "plugins/simulator/chance.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Written down once: another machine, another compiler, the same numbers. */
static void a_seed_replays(void **state)
{
    struct chance chance = chance_seed(1, 2);
    (void)state;
    assert_int_equal(chance_next(&chance), UINT64_C(0xf6162783af27a3fc));
    assert_int_equal(chance_mean(&chance, 1000000), 363193);
    assert_int_equal(chance_between(&chance, -5, 5), 1);
}

static void purposes_differ(void **state)
{
    struct chance one = chance_seed(7, 1), two = chance_seed(7, 2), three = chance_seed(8, 1);
    uint64_t first = chance_next(&one);
    (void)state;
    assert_int_not_equal(first, chance_next(&two));
    assert_int_not_equal(first, chance_next(&three));
}

static void shares_are_right(void **state)
{
    struct chance chance = chance_seed(3, 0);
    int hits = 0, never = 0, always = 0;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        hits += chance_hits(&chance, 50000);
        never += chance_hits(&chance, 0);
        always += chance_hits(&chance, 1000000);
    }
    assert_in_range(hits, 4700, 5300);
    assert_int_equal(never, 0);
    assert_int_equal(always, 100000);
}

static void ranges_hold_their_ends(void **state)
{
    struct chance chance = chance_seed(4, 0);
    int low = 0, high = 0;
    (void)state;
    for (int i = 0; i < 10000; i++) {
        int64_t value = chance_between(&chance, 10, 13);
        assert_true(value >= 10 && value <= 13);
        low += value == 10;
        high += value == 13;
    }
    assert_true(low > 2200 && high > 2200);
    assert_int_equal(chance_between(&chance, 5, 5), 5);
    assert_int_equal(chance_between(&chance, 5, 4), 5);
    assert_int_equal(chance_below(&chance, 0), 0);
}

/* Mean m, and e^-1 = 36.79 % of the draws above it. */
static void waiting_times_are_exponential(void **state)
{
    struct chance chance = chance_seed(5, 0);
    int64_t sum = 0;
    int above = 0;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        int64_t value = chance_mean(&chance, 100000);
        assert_true(value >= 0);
        sum += value;
        above += value > 100000;
    }
    assert_in_range(sum / 100000, 98500, 101500);
    assert_in_range(above, 36300, 37300);
    assert_int_equal(chance_mean(&chance, 0), 0);
}

static void popularity_follows_zipf(void **state)
{
    uint64_t one = chance_zipf_weight(0, 1000);
    (void)state;
    assert_in_range(one / chance_zipf_weight(9, 1000), 9, 10);
    assert_in_range(one * 100 / chance_zipf_weight(9, 700), 499, 503); /* 10^0.7 = 5.012 */
    assert_int_equal(chance_zipf_weight(500, 0), one);
    for (uint32_t rank = 1; rank < 10000; rank++)
        assert_true(chance_zipf_weight(rank, 700) <= chance_zipf_weight(rank - 1, 700) + 1);
    assert_true(chance_zipf_weight(UINT32_MAX, 4000) >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_replays),
        cmocka_unit_test(purposes_differ),
        cmocka_unit_test(shares_are_right),
        cmocka_unit_test(ranges_hold_their_ends),
        cmocka_unit_test(waiting_times_are_exponential),
        cmocka_unit_test(popularity_follows_zipf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
