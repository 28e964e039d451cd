/* The life of an order after its placing. Engine thread. */
#ifndef STK_FLOW_LIFE_H
#define STK_FLOW_LIFE_H

#include "core/flow/allocate.h"
#include "core/flow/apply.h"

enum stk_status stk_order_pay(struct stk_apply *apply);
enum stk_status stk_order_ship(struct stk_apply *apply);
enum stk_status stk_order_cancel(struct stk_apply *apply);
enum stk_status stk_order_refund(struct stk_apply *apply);
enum stk_status stk_order_extend(struct stk_apply *apply);
enum stk_status stk_order_review(struct stk_apply *apply);
enum stk_status stk_order_release(struct stk_apply *apply);

/* The engine's own, apply->command NULL, record not yet begun: this order's time is over; this
 * closed order leaves memory for the archive. */
void stk_order_expire(struct stk_apply *apply, uint32_t slot);
void stk_order_archive(struct stk_apply *apply, uint32_t slot);
/* Cancellations whose order did not come within the key window are forgotten, up to max. Returns
 * how many; begins when there is one. */
uint32_t stk_order_forget_early(struct stk_apply *apply, uint32_t max);
/* It leaves memory; what is on disk stays. */
void stk_order_unload(struct stk_state *state, uint32_t slot);

/* All that is held leaves (order.sell, right after placing, in the same record). */
void stk_order_ship_all(struct stk_apply *apply, uint32_t slot, stk_time_t occurred_ms);
/* The end of every verb on an order: the state that follows from its lines, lists, row, answer. */
void stk_order_settle(struct stk_apply *apply, uint32_t slot);
/* `units` of a line are wanted no more: off its shortfall first, then what is ordered ahead, then
 * its holds. The line's own counters but short_units and preorder are the caller's. After begin. */
void stk_order_give_back(struct stk_apply *apply, uint32_t slot, uint16_t line, uint32_t units);
/* Which holds of a component go when so many units of it are wanted no more: what was free first,
 * in the order of the list, then what came off earmarks, the last taken first; so that the rest is
 * as if no more had been ordered. Ask for each hold of the order, in the order of the list. */
struct stk_drop {
    uint16_t line, component;
    uint32_t free_units; /* still to go */
    uint32_t kept;       /* units of earmarks still to be kept */
};
struct stk_drop stk_order_drop(const struct stk_orders *orders, uint32_t slot, uint16_t line,
                               uint16_t component, uint32_t units);
uint32_t stk_order_dropped(struct stk_drop *drop, const struct stk_hold *hold);
/* Append the demands of `units` of a line that is there already to the scratch. */
void stk_order_line_demand(struct stk_apply *apply, uint32_t slot, uint16_t line, uint32_t units);
/* What an order that is there may take from: as when it was placed. */
struct stk_wants stk_order_wants(struct stk_apply *apply, const struct stk_order *order);

#endif
