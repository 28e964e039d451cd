/* Verbs that only look: one thing, or a page of them by cursor. Engine thread. */
#ifndef STK_FLOW_QUERY_H
#define STK_FLOW_QUERY_H

#include "core/flow/apply.h"

enum stk_status stk_sku_get(struct stk_apply *apply);
enum stk_status stk_sku_list(struct stk_apply *apply);
enum stk_status stk_location_get(struct stk_apply *apply);
enum stk_status stk_location_list(struct stk_apply *apply);
enum stk_status stk_listing_get(struct stk_apply *apply);
enum stk_status stk_listing_list(struct stk_apply *apply);
enum stk_status stk_incoming_list(struct stk_apply *apply);
enum stk_status stk_order_get(struct stk_apply *apply);
enum stk_status stk_order_list(struct stk_apply *apply);
enum stk_status stk_shortfall_list(struct stk_apply *apply);

#endif
