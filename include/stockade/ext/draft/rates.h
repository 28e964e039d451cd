/* Exchange rates in. Stability: draft; the id stays when it becomes stable.
 *
 * Event: STK_EVENT_RATE. The cursor is the day or the time of the last set. */
#ifndef STOCKADE_RATES_H
#define STOCKADE_RATES_H

#include <stockade/ext/feed.h>

#define STK_EXT_RATES_IN "stk.rates-in/1" /* struct stk_plugin_feed, struct stk_host_feed */

#endif
