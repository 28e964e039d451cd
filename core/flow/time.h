/* The engine's time: milliseconds since 1970 that never go back and never jump. It follows the
 * monotonic clock and is slewed towards the wall by at most 1 part in 5,000, so that a step of the
 * wall clock ends no hold early; after a restart it begins at max(last journaled, wall). Engine
 * thread. */
#ifndef STK_FLOW_TIME_H
#define STK_FLOW_TIME_H

#include "core/base/clock.h"

#define STK_TIME_SLEW 5000
struct stk_time {
    struct stk_clock clock;
    int64_t now_ns; /* engine time, in ns since 1970 */
    int64_t monotonic_ns;
};
void stk_time_init(struct stk_time *time, struct stk_clock clock, stk_time_t last_journaled_ms);
stk_time_t stk_time_now_ms(struct stk_time *time);

#endif
