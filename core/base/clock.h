/* The only reader of time, and a fake one for tests and the simulator. */
#ifndef STK_BASE_CLOCK_H
#define STK_BASE_CLOCK_H

#include <stockade/types.h>

/* now_ms: wall time. monotonic_ns: never goes back, no relation to the wall. Thread-safe when real.
 */
struct stk_clock {
    stk_time_t (*now_ms)(void *self);
    int64_t (*monotonic_ns)(void *self);
    void *self;
};

struct stk_clock stk_clock_real(void);

/* A clock that moves when it is told to. One thread. */
struct stk_clock_fake {
    stk_time_t wall_ms;
    int64_t monotonic_ns;
};
struct stk_clock stk_clock_fake(struct stk_clock_fake *fake);

#endif
