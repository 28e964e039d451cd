/* Amending an order: lines grow, shrink, go and come, all or nothing. Engine thread. */
#ifndef STK_FLOW_AMEND_H
#define STK_FLOW_AMEND_H

#include "core/flow/apply.h"

enum stk_status stk_order_amend(struct stk_apply *apply);

#endif
