/* Orders in. Stability: stable.
 *
 * Events: STK_EVENT_ORDER to STK_EVENT_ORDER_AMEND. Windows overlap and repeats are free, so fetch
 * rather too much: by the time of change, from the cursor less the channel's delay. Orders that
 * wait for payment are submitted too; they hold stock. */
#ifndef STOCKADE_ORDERS_H
#define STOCKADE_ORDERS_H

#include <stockade/ext/feed.h>

#define STK_EXT_ORDERS_IN "stk.orders-in/1" /* struct stk_plugin_feed, struct stk_host_feed */

#endif
