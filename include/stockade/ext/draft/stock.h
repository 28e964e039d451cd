/* Stock counts of somebody else: an ERP, a marketplace's warehouse. Stability: draft; the id stays
 * when it becomes stable.
 *
 * Events: STK_EVENT_STOCK_COUNT for what changed, STK_EVENT_SNAPSHOT for a whole set in parts of
 * one id. Say as_of_ms as the source says it, not when it was asked: movements that came later are
 * applied again. A source that subtracts orders itself names them in `subtracted`. */
#ifndef STOCKADE_STOCK_H
#define STOCKADE_STOCK_H

#include <stockade/ext/feed.h>

#define STK_EXT_STOCK_IN "stk.stock-in/1" /* struct stk_plugin_feed, struct stk_host_feed */

#endif
