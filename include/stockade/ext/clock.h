/* The host's clock; the only one a plugin reads. Under the simulator it runs faster. Stability:
 * stable. */
#ifndef STOCKADE_CLOCK_H
#define STOCKADE_CLOCK_H

#include <stockade/host.h>

#define STK_EXT_CLOCK "stk.clock/1"

struct stk_host_clock {
    /* Wall time in ms since 1970-01-01 UTC; may step. Local. [any-thread] */
    stk_time_t (*now_ms)(const struct stk_host *host);
    /* Time since an instant that does not matter, in ms; never goes back. Local. [any-thread] */
    stk_time_t (*monotonic_ms)(const struct stk_host *host);
};

#endif
