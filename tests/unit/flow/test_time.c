/* Engine time: slewed, never back. */
#include "core/flow/time.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_a_step_of_the_wall_is_not_followed_at_once(void **state)
{
    (void)state;
    struct stk_clock_fake fake = {1000000, 0};
    struct stk_time time;
    stk_time_init(&time, stk_clock_fake(&fake), 0);
    stk_time_t before = stk_time_now_ms(&time);
    fake.wall_ms += 3600000;
    fake.monotonic_ns += INT64_C(10000000000);
    stk_time_t after = stk_time_now_ms(&time);
    assert_in_range(after - before, 10000, 10000 + 10000 / STK_TIME_SLEW + 1);
}

static void test_a_step_back_never_goes_back(void **state)
{
    (void)state;
    struct stk_clock_fake fake = {100000000, 0};
    struct stk_time time;
    stk_time_init(&time, stk_clock_fake(&fake), 0);
    stk_time_t last = stk_time_now_ms(&time);
    fake.wall_ms -= 86400000;
    for (int i = 0; i < 1000; i++) {
        fake.monotonic_ns += 1000000;
        fake.wall_ms += 1;
        stk_time_t now = stk_time_now_ms(&time);
        assert_true(now >= last);
        last = now;
    }
    assert_in_range(last, 100000000 + 998, 100000000 + 1000);
}

static void test_it_comes_home_to_the_wall(void **state)
{
    (void)state;
    struct stk_clock_fake fake = {1000000, 0};
    struct stk_time time;
    stk_time_init(&time, stk_clock_fake(&fake), 0);
    fake.wall_ms += 100;
    for (int i = 0; i < 600000; i++) {
        fake.monotonic_ns += 1000000;
        fake.wall_ms += 1;
        stk_time_now_ms(&time);
    }
    assert_in_range(stk_time_now_ms(&time), fake.wall_ms - 1, fake.wall_ms + 1);
}

static void test_it_begins_after_what_was_journaled(void **state)
{
    (void)state;
    struct stk_clock_fake fake = {1000, 0};
    struct stk_time time;
    stk_time_init(&time, stk_clock_fake(&fake), 5000);
    assert_int_equal(stk_time_now_ms(&time), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_step_of_the_wall_is_not_followed_at_once),
        cmocka_unit_test(test_a_step_back_never_goes_back),
        cmocka_unit_test(test_it_comes_home_to_the_wall),
        cmocka_unit_test(test_it_begins_after_what_was_journaled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
