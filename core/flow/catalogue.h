/* Verbs on SKUs, locations and listings. Engine thread. */
#ifndef STK_FLOW_CATALOGUE_H
#define STK_FLOW_CATALOGUE_H

#include "core/flow/apply.h"

enum stk_status stk_sku_put(struct stk_apply *apply);
enum stk_status stk_sku_delete(struct stk_apply *apply);
enum stk_status stk_location_put(struct stk_apply *apply);
enum stk_status stk_listing_put(struct stk_apply *apply);
enum stk_status stk_listing_delete(struct stk_apply *apply);

#endif
