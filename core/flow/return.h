/* order.return: units that were shipped come back, to be sold again or set apart. Engine thread. */
#ifndef STK_FLOW_RETURN_H
#define STK_FLOW_RETURN_H

#include "core/flow/apply.h"

enum stk_status stk_order_return(struct stk_apply *apply);

#endif
