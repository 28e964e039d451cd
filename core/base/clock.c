/* Time comes into the program here and nowhere else. The real clock is stateless and may be read
 * from any thread; the fake one belongs to the thread that moves it. */
#include "core/base/clock.h"
#include "core/base/err.h"
#include <stddef.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec at;
    stk_assert(clock_gettime(id, &at) == 0);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static stk_time_t real_now_ms(void *self)
{
    (void)self;
    return read_ns(CLOCK_REALTIME) / 1000000;
}

static int64_t real_monotonic_ns(void *self)
{
    (void)self;
    return read_ns(CLOCK_MONOTONIC);
}

struct stk_clock stk_clock_real(void)
{
    return (struct stk_clock){real_now_ms, real_monotonic_ns, NULL};
}

static stk_time_t fake_now_ms(void *self)
{
    return ((struct stk_clock_fake *)self)->wall_ms;
}

static int64_t fake_monotonic_ns(void *self)
{
    return ((struct stk_clock_fake *)self)->monotonic_ns;
}

struct stk_clock stk_clock_fake(struct stk_clock_fake *fake)
{
    return (struct stk_clock){fake_now_ms, fake_monotonic_ns, fake};
}
