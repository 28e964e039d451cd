/* The counter of a day in four bytes. */
#include "core/flow/daily.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MONDAY INT64_C(1795392000000)

static void test_a_cap_and_its_midnight(void **state)
{
    struct stk_daily daily = {0};
    stk_time_t again = 0, midnight = MONDAY + STK_DAY_MS - 8 * INT64_C(3600000); /* +08:00 */
    (void)state;
    assert_int_equal(sizeof daily, 4);
    for (int i = 0; i < 5; i++) {
        assert_true(stk_daily_allows(daily, 5, 480, MONDAY, &again));
        stk_daily_add(&daily, 480, MONDAY);
    }
    assert_false(stk_daily_allows(daily, 5, 480, MONDAY, &again));
    assert_int_equal(again, midnight);
    assert_false(stk_daily_allows(daily, 5, 480, midnight - 1, &again));
    assert_true(stk_daily_allows(daily, 5, 480, midnight, &again));
    assert_true(stk_daily_allows(daily, 0, 480, MONDAY, &again)); /* no cap */
    assert_int_equal(stk_daily_count(daily, 480, midnight), 0);
    stk_daily_give_back(&daily, 480, MONDAY);
    assert_int_equal(stk_daily_count(daily, 480, MONDAY), 4);
    stk_daily_add(&daily, 480, midnight);
    assert_int_equal(stk_daily_count(daily, 480, midnight), 1);
    stk_daily_give_back(&daily, 480, MONDAY); /* of yesterday: today's stay */
    assert_int_equal(stk_daily_count(daily, 480, midnight), 1);
}

static void test_zones_west(void **state)
{
    struct stk_daily daily = {0};
    stk_time_t again = 0;
    (void)state;
    stk_daily_add(&daily, -300, MONDAY); /* still Sunday, 19:00 */
    assert_false(stk_daily_allows(daily, 1, -300, MONDAY, &again));
    assert_int_equal(again, MONDAY + 5 * INT64_C(3600000));
    assert_true(stk_daily_allows(daily, 1, -300, again, &again));
}

static void test_it_neither_wraps_nor_goes_back(void **state)
{
    struct stk_daily daily = {0};
    stk_time_t again = 0;
    (void)state;
    for (int i = 0; i < 70000; i++)
        stk_daily_add(&daily, 0, MONDAY);
    assert_int_equal(daily.count, UINT16_MAX);
    assert_false(stk_daily_allows(daily, UINT16_MAX, 0, MONDAY, &again));
    daily.count = 7;
    stk_daily_add(&daily, 0, MONDAY - STK_DAY_MS); /* a clock that went back forgets nothing */
    assert_int_equal(stk_daily_count(daily, 0, MONDAY), 8);
    daily = (struct stk_daily){0};
    stk_daily_give_back(&daily, 0, MONDAY);
    assert_int_equal(daily.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cap_and_its_midnight),
        cmocka_unit_test(test_zones_west),
        cmocka_unit_test(test_it_neither_wraps_nor_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
