/* Payments of a provider apart from the channel. Stability: draft; the id stays when it becomes
 * stable.
 *
 * Event: STK_EVENT_PAYMENT. Providers push (ext/webhook.h); the poll fills the gaps. A payment that
 * comes before its order is kept until the order is there. */
#ifndef STOCKADE_PAYMENTS_H
#define STOCKADE_PAYMENTS_H

#include <stockade/ext/feed.h>

#define STK_EXT_PAYMENTS_IN "stk.payments-in/1" /* struct stk_plugin_feed, struct stk_host_feed */

#endif
