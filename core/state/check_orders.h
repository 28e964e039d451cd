/* A part of stk_state_check: orders with their lines and holds, where they wait, and what the SKUs'
 * shortfall says. err names the first thing that does not agree. STK_CORRUPT; STK_NO_MEMORY when
 * there is none to add up in. */
#ifndef STK_STATE_CHECK_ORDERS_H
#define STK_STATE_CHECK_ORDERS_H

#include "core/state/state.h"

enum stk_status stk_check_orders(const struct stk_state *state, struct stk_error *err);

#endif
