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
/* Holds that booking the picks of the scratch takes at the most: one each, and one for every
 * earmark that some of its units may come off. */
uint32_t stk_earmark_holds(const struct stk_apply *apply, struct stk_bytes use,
                           struct stk_bytes channel);
/* An order takes units of a cell, step by step: off the earmarks for its use, then off those for
 * its channel. */
struct stk_earmark_taking {
    struct stk_uses uses;
    stk_cell_t cell;
};
struct stk_earmark_taking stk_earmark_taking(const struct stk_apply *apply,
                                             const struct stk_order *order, stk_cell_t cell);
/* Up to `wanted` units off one earmark, and its slot; 0 = there is none for this order any more.
 * After begin. */
uint32_t stk_earmark_take(struct stk_apply *apply, const struct stk_earmark_taking *taking,
                          uint32_t wanted, uint32_t *slot);
/* So many units of the hold, which has them still, are not wanted any more: they go back to the
 * earmark they came off, if that is there and its time is not over. After begin. */
void stk_earmark_give_back(struct stk_apply *apply, uint32_t hold, uint32_t units);
/* Earmarks whose time is over: up to max of them end, one record. Looks at a bounded part of them
 * and goes on from there the next time. Returns how many. apply->command NULL. */
uint32_t stk_earmark_end_slice(struct stk_apply *apply, uint32_t max);

#endif
