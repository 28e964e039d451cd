/* Units that were sold and that stock does not cover: how a person works them off, and how
 * back-orders are covered when stock comes. Engine thread. */
#ifndef STK_FLOW_SHORTFALL_H
#define STK_FLOW_SHORTFALL_H

#include "core/flow/apply.h"

enum stk_status stk_shortfall_resolve(struct stk_apply *apply);
/* Stock of this SKU has come: cover back-orders, oldest order first, as far as it goes. After
 * begin. */
void stk_order_cover_back_orders(struct stk_apply *apply, stk_sku_t sku);

#endif
