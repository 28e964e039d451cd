/* Counts: one cell, or a whole set (snapshot) with its breaker. Engine thread. */
#ifndef STK_FLOW_COUNT_H
#define STK_FLOW_COUNT_H

#include "core/flow/apply.h"

enum stk_status stk_stock_count(struct stk_apply *apply);
enum stk_status stk_stock_snapshot(struct stk_apply *apply);
/* A snapshot that is being applied: up to max rows of it, one record. Returns how many; 0 = none is
 * being applied. apply->command NULL. */
uint32_t stk_snapshot_slice(struct stk_apply *apply, uint32_t max);

#endif
