/* Expiry, exact to the millisecond, over orders (their wheel_next/prev/slot links), and the queue
 * of closed orders in the order of their closing. Engine thread only. Orders come out by deadline;
 * those of one tick in the order in which they were put in.
 *
 * Three levels, each of 2 x 65,536 slots that are lists: level 0 has a slot per millisecond for
 * this window of 65,536 ms and the next one, level 1 a slot per such window, level 2 a slot per
 * 49.7 days. A slot moves down one level while the window before it runs, a few orders per advance,
 * so that no turn of the engine meets a million of them at once. */
#ifndef STK_STATE_WHEEL_H
#define STK_STATE_WHEEL_H

#include "core/state/order.h"

#define STK_WHEEL_LEVELS   3
#define STK_WHEEL_BITS     16                       /* of a window */
#define STK_WHEEL_SLOTS    (2u << STK_WHEEL_BITS)   /* two windows */
#define STK_WHEEL_MOVES    512                      /* orders that one advance moves down */
#define STK_WHEEL_TIME_MAX ((INT64_C(1) << 48) - 1) /* the year 10889; deadlines are below it */

struct stk_wheel_list { /* order slot + 1; 0 = none */
    uint32_t first, last;
};
struct stk_wheel_level {
    struct stk_wheel_list *lists;              /* STK_WHEEL_SLOTS of them, reserved */
    uint64_t *bits;                            /* which are not empty */
    uint64_t words[STK_WHEEL_SLOTS / 64 / 64]; /* which words of bits are not zero */
};
struct stk_wheel {
    stk_time_t now_ms;
    struct stk_wheel_level level[STK_WHEEL_LEVELS];
    struct stk_wheel_list late;   /* deadlines of windows that are over, by deadline */
    struct stk_wheel_list closed; /* the archive queue */
    uint32_t waiting_count;       /* in the levels and late */
    uint32_t closed_count;
    int closed_unsorted; /* recovery closed them in another order; advance sorts */
};
/* wheel_slot of orders that are in no level; else it is level and list. STK_NONE: in no list. */
#define STK_WHEEL_LATE   (STK_NONE - 1)
#define STK_WHEEL_CLOSED (STK_NONE - 2)

enum stk_status stk_wheel_init(struct stk_wheel *wheel, stk_time_t now_ms, struct stk_error *err);
void stk_wheel_fini(struct stk_wheel *wheel);
/* Put in by order->expires_ms (not 0, at most STK_WHEEL_TIME_MAX; may have passed). It must be in
 * no list. */
void stk_wheel_add(struct stk_wheel *wheel, struct stk_orders *orders, uint32_t slot);
/* Out of whichever list it is in, the archive queue too; none: fine. */
void stk_wheel_remove(struct stk_wheel *wheel, struct stk_orders *orders, uint32_t slot);
/* Time moves on to now_ms (back: nothing happens). Once per turn. */
void stk_wheel_advance(struct stk_wheel *wheel, struct stk_orders *orders, stk_time_t now_ms);
/* The next order whose deadline is not after now, still in the list; STK_NONE. */
uint32_t stk_wheel_due(const struct stk_wheel *wheel);
/* The earliest instant at which advance should be called for something to become due, or to be
 * moved down in time; INT64_MAX when nothing waits. */
stk_time_t stk_wheel_next_ms(const struct stk_wheel *wheel);

/* The archive queue, by changed_ms; those of one millisecond as they were put in. The oldest;
 * STK_NONE. */
void stk_wheel_close(struct stk_wheel *wheel, struct stk_orders *orders, uint32_t slot);
uint32_t stk_wheel_closed(const struct stk_wheel *wheel);

/* Every list linked both ways, every order where its deadline says, the counts right. For
 * stk_state_check. */
enum stk_status stk_wheel_check(const struct stk_wheel *wheel, const struct stk_orders *orders,
                                struct stk_error *err);

#endif
