/* Statements of account in. Stability: draft; the id stays when it becomes stable.
 *
 * Event: STK_EVENT_SETTLEMENT, a line each; ids make repeats free. */
#ifndef STOCKADE_SETTLEMENT_H
#define STOCKADE_SETTLEMENT_H

#include <stockade/ext/feed.h>

#define STK_EXT_SETTLEMENT_IN                                                                      \
    "stk.settlement-in/1" /* struct stk_plugin_feed, struct stk_host_feed */

#endif
