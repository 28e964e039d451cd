/* Expiry: a hierarchical timing wheel of 1 ms ticks over orders (their wheel_next/prev/slot links),
 * and the queue of closed orders in the order of their closing. Engine thread only. Orders of one
 * tick come out in the order in which they were put in. */
#ifndef STK_STATE_WHEEL_H
#define STK_STATE_WHEEL_H

#include "core/state/order.h"

#define STK_WHEEL_LEVELS 6 /* 64^6 ms = 795 days; later deadlines wait in the last slot */
#define STK_WHEEL_SLOTS  64
struct stk_wheel {
    stk_time_t now_ms; /* every deadline <= now has come out or is in `due` */
    uint64_t occupied[STK_WHEEL_LEVELS];
    uint32_t first[STK_WHEEL_LEVELS][STK_WHEEL_SLOTS];
    uint32_t last[STK_WHEEL_LEVELS][STK_WHEEL_SLOTS];
    uint32_t due_first, due_last;
    uint32_t closed_first, closed_last; /* the archive queue, oldest first */
    uint32_t closed_count;
};
void stk_wheel_init(struct stk_wheel *wheel, stk_time_t now_ms);
/* Put in by order->expires_ms (not 0). It must be in no list. */
void stk_wheel_add(struct stk_wheel *wheel, struct stk_orders *orders, uint32_t slot);
void stk_wheel_remove(struct stk_wheel *wheel, struct stk_orders *orders,
                      uint32_t slot); /* none: fine */
/* Time moves on to now_ms (never back). */
void stk_wheel_advance(struct stk_wheel *wheel, struct stk_orders *orders, stk_time_t now_ms);
/* The next order that is due, still in the list; STK_NONE. */
uint32_t stk_wheel_due(const struct stk_wheel *wheel);
/* The earliest instant at which something may become due; INT64_MAX when nothing waits. */
stk_time_t stk_wheel_next_ms(const struct stk_wheel *wheel);

/* The archive queue. */
void stk_wheel_close(struct stk_wheel *wheel, struct stk_orders *orders, uint32_t slot);

#endif
