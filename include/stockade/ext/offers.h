/* Competitors' offers in. Stability: stable.
 *
 * Event: STK_EVENT_OFFERS. The host names the listings whose offers it wants next, as many as the
 * budget allows; a plugin whose channel pushes them (notifications) submits them at any time. */
#ifndef STOCKADE_OFFERS_H
#define STOCKADE_OFFERS_H

#include <stockade/ext/feed.h>

#define STK_EXT_OFFERS_IN "stk.offers-in/1" /* struct stk_plugin_feed, struct stk_host_feed */

#endif
