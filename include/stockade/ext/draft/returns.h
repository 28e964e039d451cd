/* Shipments and returns in. Stability: draft; the id stays when it becomes stable.
 *
 * Events: STK_EVENT_SHIPMENT where a parcel is, STK_EVENT_ORDER_RETURN when goods have been looked
 * at and booked, sellable or not. */
#ifndef STOCKADE_RETURNS_H
#define STOCKADE_RETURNS_H

#include <stockade/ext/feed.h>

#define STK_EXT_RETURNS_IN "stk.returns-in/1" /* struct stk_plugin_feed, struct stk_host_feed */

#endif
