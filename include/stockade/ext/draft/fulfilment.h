/* Fulfilment and order status out: what the channel is told about an order. Stability: draft; the
 * id stays when it becomes stable. */
#ifndef STOCKADE_FULFILMENT_H
#define STOCKADE_FULFILMENT_H

#include <stockade/plugin.h>

#define STK_EXT_FULFILMENT_OUT "stk.fulfilment-out/1" /* of both sides */

enum stk_fulfil_deed {
    STK_FULFIL_SHIP = 1,          /* parts have left */
    STK_FULFIL_CANCEL = 2,        /* we cancel parts */
    STK_FULFIL_ACCEPT_CANCEL = 3, /* the buyer asked */
    STK_FULFIL_REFUSE_CANCEL = 4,
    STK_FULFIL_REFUND = 5,
    STK_FULFIL_RETURN_RECEIVED = 6,
};
struct stk_fulfil_part {
    struct stk_text line_id; /* as given with the order; absent = by line */
    uint32_t line;           /* from 1 */
    uint32_t quantity;
    int64_t amount_minor; /* refund; else 0 */
};
struct stk_call_fulfil {
    struct stk_call_head head; /* STK_CALL_FULFIL */
    struct stk_text order;
    struct stk_text id;      /* of this deed: the same on each try. Channels without idempotency
                                keys are asked first whether it is there already */
    struct stk_text carrier; /* the channel's code, by the config's table */
    struct stk_text tracking;
    struct stk_text reason; /* cancel, refund: the channel's code */
    struct stk_list parts;  /* struct stk_fulfil_part; none = all that is left */
    int64_t occurred_at_ms;
    int64_t amount_minor; /* refund of the whole; else 0 */
    stk_currency_t currency;
    uint16_t deed;     /* enum stk_fulfil_deed */
    uint16_t reserved; /* zero */
};
struct stk_done_fulfil {
    struct stk_done_head head; /* STK_OK: the channel has it */
    struct stk_text reference; /* the channel's id of it */
    struct stk_text code;      /* the channel's error code */
    uint16_t outcome;          /* enum stk_outcome: APPLIED, ACCEPTED, REFUSED, RETRY, UNKNOWN,
                                  NOT_SENT */
    uint16_t reserved[3];      /* zero */
};

struct stk_plugin_fulfilment {
    /* Tell the channel; answered by fulfil_done. Lent for the call. [plugin-thread & active] */
    stk_status_t (*fulfil)(const struct stk_plugin *plugin, const struct stk_call_fulfil *call);
};

struct stk_host_fulfilment {
    /* The answer; copied. STK_NOT_FOUND: no such call is open; STK_STALE: after the deadline, still
     * noted. [plugin-thread & active] */
    stk_status_t (*fulfil_done)(const struct stk_host *host, const struct stk_done_fulfil *done);
};

#endif
