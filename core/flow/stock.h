/* Verbs that move stock: receive, adjust, transfer, incoming documents. Engine thread. */
#ifndef STK_FLOW_STOCK_H
#define STK_FLOW_STOCK_H

#include "core/flow/apply.h"

enum stk_status stk_stock_receive(struct stk_apply *apply);
enum stk_status stk_stock_adjust(struct stk_apply *apply);
enum stk_status stk_stock_transfer(struct stk_apply *apply);
enum stk_status stk_incoming_put(struct stk_apply *apply);

/* Movements older than the window: up to max are forgotten, one record. Returns how many. */
uint32_t stk_stock_forget_movements(struct stk_apply *apply, uint32_t max);

#endif
