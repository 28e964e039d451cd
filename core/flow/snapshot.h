/* stock.snapshot: the counts of a whole location, in one or many messages, behind a breaker. Engine
 * thread. */
#ifndef STK_FLOW_SNAPSHOT_H
#define STK_FLOW_SNAPSHOT_H

#include "core/flow/apply.h"

enum stk_status stk_stock_snapshot(struct stk_apply *apply);
/* The sets that are open, and what the breaker found. */
enum stk_status stk_snapshot_list(struct stk_apply *apply);
/* A set that is judged or applied: up to max SKUs or rows of it; begins when it changes something.
 * Returns how many were looked at; 0 = nothing is to be done. apply->command NULL. */
uint32_t stk_snapshot_slice(struct stk_apply *apply, uint32_t max);

#endif
