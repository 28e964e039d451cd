#include "core/base/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static void real_clock_tells_the_time(void **state)
{
    struct stk_clock clock = stk_clock_real();
    (void)state;
    int64_t before = clock.monotonic_ns(clock.self);
    stk_time_t wall = clock.now_ms(clock.self);
    time_t seconds = time(NULL);
    assert_true(wall / 1000 >= (int64_t)seconds - 2 && wall / 1000 <= (int64_t)seconds + 2);
    nanosleep(&(struct timespec){0, 2000000}, NULL);
    int64_t passed = clock.monotonic_ns(clock.self) - before;
    assert_true(passed >= 2000000 && passed < 60000000000);
}

static void fake_clock_moves_when_told(void **state)
{
    struct stk_clock_fake fake = {.wall_ms = 1000, .monotonic_ns = 5};
    struct stk_clock clock = stk_clock_fake(&fake);
    (void)state;
    assert_int_equal(clock.now_ms(clock.self), 1000);
    assert_int_equal(clock.monotonic_ns(clock.self), 5);
    fake.wall_ms = 10; /* the wall may go back */
    fake.monotonic_ns += 7;
    assert_int_equal(clock.now_ms(clock.self), 10);
    assert_int_equal(clock.monotonic_ns(clock.self), 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_clock_tells_the_time),
        cmocka_unit_test(fake_clock_moves_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
