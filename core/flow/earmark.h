/* stock.earmark, and what orders take of it: units that only one use (a channel, a campaign, a
 * customer) may have. Engine thread. */
#ifndef STK_FLOW_EARMARK_H
#define STK_FLOW_EARMARK_H

#include "core/flow/apply.h"

/* Who asks: earmarks for one of these may be taken. 0 = none. */
struct stk_uses {
    uint16_t use, channel; /* numbers of uses */
};

enum stk_status stk_stock_earmark(struct stk_apply *apply);
struct stk_uses stk_earmark_uses(const struct stk_apply *apply, struct stk_bytes use,
                                 struct stk_bytes channel);
/* Units that are earmarked at this cell for one of the uses. */
uint32_t stk_earmark_units(const struct stk_apply *apply, struct stk_uses uses, stk_cell_t cell);
/* An order holds `quantity` more units of the cell: they come off earmarks for its use, then for
 * its channel, as far as those go, and else off what is free. After begin. */
void stk_earmark_take(struct stk_apply *apply, const struct stk_order *order, stk_cell_t cell,
                      uint32_t quantity);
/* Earmarks whose time is over: up to max of them end, one record. Looks at a bounded part of them
 * and goes on from there the next time. Returns how many. apply->command NULL. */
uint32_t stk_earmark_end_slice(struct stk_apply *apply, uint32_t max);

#endif
