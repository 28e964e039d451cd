/* Events out: what the engine did, in order, at least once. Stability: stable.
 *
 * The host keeps a durable cursor per sink. Batches come one at a time; the next one when the
 * answer to the one before is there. Nothing is delivered before it is durable here. */
#ifndef STOCKADE_SINK_H
#define STOCKADE_SINK_H

#include <stockade/plugin.h>

#define STK_EXT_EVENTS_OUT "stk.events-out/1" /* of both sides */

struct stk_call_deliver {
    struct stk_call_head head;  /* STK_CALL_DELIVER */
    struct stk_messages events; /* STK_SPACE_OUT, in the order of (sequence, part) */
    stk_seq_t first;            /* sequence of the first and of the last one */
    stk_seq_t last;
};
struct stk_done_deliver {
    struct stk_done_head head; /* STK_OK: all; otherwise up to `delivered_count`, and the rest is
                                  delivered again after retry_after_ms */
    uint32_t delivered_count;  /* from the first one on, without a gap */
    uint32_t refused_count;    /* of these, those that the receiver refused for good */
};

struct stk_plugin_events_out {
    /* Deliver; answered by deliver_done. A receiver sees (sequence, part) and drops repeats.
     * STK_BUSY or any other status: nothing was delivered. Lent for the call. [plugin-thread &
     * active] */
    stk_status_t (*deliver)(const struct stk_plugin *plugin, const struct stk_call_deliver *call);
};

struct stk_host_events_out {
    /* The answer; copied. STK_NOT_FOUND: no such call is open. [plugin-thread & active] */
    stk_status_t (*deliver_done)(const struct stk_host *host, const struct stk_done_deliver *done);
};

#endif
