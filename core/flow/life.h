/* The life of an order after its placing. Engine thread. */
#ifndef STK_FLOW_LIFE_H
#define STK_FLOW_LIFE_H

#include "core/flow/apply.h"

enum stk_status stk_order_pay(struct stk_apply *apply);
enum stk_status stk_order_ship(struct stk_apply *apply);
enum stk_status stk_order_cancel(struct stk_apply *apply);
enum stk_status stk_order_return(struct stk_apply *apply);
enum stk_status stk_order_refund(struct stk_apply *apply);
enum stk_status stk_order_amend(struct stk_apply *apply);
enum stk_status stk_order_extend(struct stk_apply *apply);
enum stk_status stk_order_review(struct stk_apply *apply);
enum stk_status stk_order_release(struct stk_apply *apply);
enum stk_status stk_shortfall_resolve(struct stk_apply *apply);

/* The engine's own, apply->command NULL, record not yet begun: this order's time is over; this
 * closed order leaves memory for the archive. */
void stk_order_expire(struct stk_apply *apply, uint32_t slot);
void stk_order_archive(struct stk_apply *apply, uint32_t slot);
/* All that is held leaves (order.sell, right after placing, in the same record). */
void stk_order_ship_all(struct stk_apply *apply, uint32_t slot, stk_time_t occurred_ms);

#endif
