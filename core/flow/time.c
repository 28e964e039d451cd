/* Slewed time. Always: the result never goes back; over an elapsed time e it moves by e * (1 +-
 * 1/5000). */
#include "core/flow/time.h"

void stk_time_init(struct stk_time *time, struct stk_clock clock, stk_time_t last_journaled_ms)
{
    stk_time_t wall_ms = clock.now_ms(clock.self);
    time->clock = clock;
    time->now_ns = (wall_ms > last_journaled_ms ? wall_ms : last_journaled_ms) * 1000000;
    time->monotonic_ns = clock.monotonic_ns(clock.self);
}

stk_time_t stk_time_now_ms(struct stk_time *time)
{
    int64_t monotonic_ns = time->clock.monotonic_ns(time->clock.self);
    int64_t elapsed_ns = monotonic_ns - time->monotonic_ns;
    if (elapsed_ns <= 0)
        return time->now_ns / 1000000;
    int64_t off_ns = time->clock.now_ms(time->clock.self) * 1000000 - (time->now_ns + elapsed_ns);
    int64_t slew_ns = elapsed_ns / STK_TIME_SLEW;
    if (off_ns > -1000000 && off_ns < 1000000)
        slew_ns = 0; /* within the wall clock's own millisecond */
    else if (off_ns < slew_ns && off_ns > -slew_ns)
        slew_ns = off_ns;
    else if (off_ns < 0)
        slew_ns = -slew_ns;
    time->now_ns += elapsed_ns + slew_ns;
    time->monotonic_ns = monotonic_ns;
    return time->now_ns / 1000000;
}
