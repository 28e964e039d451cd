/* Carrier commands: quote, label, pick-up, intercept, void. Stability: draft; the id stays when it
 * becomes stable.
 *
 * Addresses are personal data and never in a message: `address` names a sealed envelope, which
 * comes with the extension that opens it. */
#ifndef STOCKADE_CARRIER_H
#define STOCKADE_CARRIER_H

#include <stockade/plugin.h>

#define STK_EXT_CARRIER "stk.carrier/1" /* of both sides */

enum stk_carrier_deed {
    STK_CARRIER_QUOTE = 1,
    STK_CARRIER_LABEL = 2,
    STK_CARRIER_PICK_UP = 3,
    STK_CARRIER_INTERCEPT = 4, /* bring it back */
    STK_CARRIER_VOID = 5,      /* a label that was not used */
};
struct stk_parcel {
    uint32_t weight_g;
    uint32_t length_mm;
    uint32_t width_mm;
    uint32_t height_mm;
};
struct stk_call_carrier {
    struct stk_call_head head; /* STK_CALL_CARRIER */
    struct stk_text id;        /* of this deed, the same on each try */
    struct stk_text order;
    struct stk_text address;  /* name of the sealed envelope */
    struct stk_text from;     /* location */
    struct stk_text service;  /* the carrier's code; quote: absent = all */
    struct stk_text tracking; /* intercept, void */
    struct stk_list parcels;  /* struct stk_parcel */
    int64_t ready_from_ms;    /* pick-up */
    int64_t ready_to_ms;
    int64_t insured_minor; /* 0 = not */
    stk_currency_t currency;
    stk_country_t country; /* where it goes */
    uint16_t deed;         /* enum stk_carrier_deed */
};
struct stk_quote {
    struct stk_text service;
    struct stk_text name; /* for people */
    int64_t cost_minor;
    int64_t arrives_ms; /* 0 = not told */
    stk_currency_t currency;
    uint32_t reserved; /* zero */
};
struct stk_done_carrier {
    struct stk_done_head head;
    struct stk_list quotes;       /* struct stk_quote */
    struct stk_text tracking;     /* label */
    struct stk_text reference;    /* the carrier's id of it */
    struct stk_text label;        /* the document's bytes, at most 512 KiB */
    struct stk_text content_type; /* of the label */
    int64_t cost_minor;           /* STK_ABSENT = not told */
    stk_currency_t currency;
    uint16_t outcome;  /* enum stk_outcome */
    uint16_t reserved; /* zero */
};

struct stk_plugin_carrier {
    /* Do it; answered by carrier_done. Lent for the call. [plugin-thread & active] */
    stk_status_t (*command)(const struct stk_plugin *plugin, const struct stk_call_carrier *call);
};

struct stk_host_carrier {
    /* The answer; copied. STK_NOT_FOUND: no such call is open; STK_STALE: after the deadline, still
     * noted: a label that was paid is not lost. [plugin-thread & active] */
    stk_status_t (*carrier_done)(const struct stk_host *host, const struct stk_done_carrier *done);
};

#endif
