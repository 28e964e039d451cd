/* Timers on the plugin-thread. Stability: stable. */
#ifndef STOCKADE_TIMER_H
#define STOCKADE_TIMER_H

#include <stockade/plugin.h>

#define STK_EXT_TIMER "stk.timer/1" /* of both sides */

#define STK_TIMERS_MAX 64u /* set at once, of one instance */

struct stk_host_timer {
    /* Fire once, in in_ms (0 = in the next turn of the loop). `id` is the plugin's own number; a
     * timer of that id that is set already is replaced. STK_FULL: STK_TIMERS_MAX are set.
     * Local. [plugin-thread & active] */
    stk_status_t (*set)(const struct stk_host *host, uint32_t id, uint64_t in_ms);
    /* STK_NOT_FOUND: it is not set. It does not fire after this has returned.
     * Local. [plugin-thread & active] */
    stk_status_t (*cancel)(const struct stk_host *host, uint32_t id);
};

struct stk_plugin_timer {
    /* The timer has fired and is no longer set; it never comes early. [plugin-thread & active] */
    void (*on_timer)(const struct stk_plugin *plugin, uint32_t id);
};

#endif
