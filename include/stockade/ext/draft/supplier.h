/* Suppliers' costs and stock. Stability: draft; the id stays when it becomes stable.
 *
 * Event: STK_EVENT_COST. A quantity of 0, or below the configured threshold, delists what only this
 * supplier can deliver. */
#ifndef STOCKADE_SUPPLIER_H
#define STOCKADE_SUPPLIER_H

#include <stockade/ext/feed.h>

#define STK_EXT_SUPPLIER_COST_IN                                                                   \
    "stk.supplier-cost-in/1" /* struct stk_plugin_feed, struct stk_host_feed */

#endif
