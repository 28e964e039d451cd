/* Verbs of channels: their arguments and fields. A part of the one table (verb.h). */
#ifndef STK_FLOW_VERB_CHANNEL_H
#define STK_FLOW_VERB_CHANNEL_H

#include "core/flow/verb.h"
#include "core/state/channel.h"

struct stk_args_channel_put {
    uint64_t present;
    struct stk_ref channel;
    uint8_t mode;        /* enum stk_quantity_mode */
    uint32_t cap;        /* units shown at most; 0 = no cap */
    uint32_t share;      /* percent of what is available */
    uint32_t buffer;     /* units kept back */
    uint32_t last_units; /* so many are left to other channels */
    uint32_t breaker;    /* percent of listings within 15 minutes; 0 = off */
    int64_t lag_ms;      /* a write is seen there so long after it was taken, at the latest */
    uint8_t write;       /* what it declares (promise.h): enum stk_write_kind less one */
    uint8_t proof;       /* enum stk_proof_kind less one */
    uint8_t restocks;    /* enum stk_restock_kind */
    int64_t apply_ms, read_ms, order_ms, cancel_ms;
};
enum {
    STK_HAS_CHANNEL_PUT_CHANNEL,
    STK_HAS_CHANNEL_PUT_MODE,
    STK_HAS_CHANNEL_PUT_CAP,
    STK_HAS_CHANNEL_PUT_SHARE,
    STK_HAS_CHANNEL_PUT_BUFFER,
    STK_HAS_CHANNEL_PUT_LAST_UNITS,
    STK_HAS_CHANNEL_PUT_BREAKER,
    STK_HAS_CHANNEL_PUT_LAG_MS,
    STK_HAS_CHANNEL_PUT_WRITE,
    STK_HAS_CHANNEL_PUT_PROOF,
    STK_HAS_CHANNEL_PUT_RESTOCKS,
    STK_HAS_CHANNEL_PUT_APPLY_MS,
    STK_HAS_CHANNEL_PUT_READ_MS,
    STK_HAS_CHANNEL_PUT_ORDER_MS,
    STK_HAS_CHANNEL_PUT_CANCEL_MS
};

struct stk_args_channel { /* status pause resume handback flush resync discover diff */
    uint64_t present;
    struct stk_ref channel;
    struct stk_ref reason;
    struct stk_ref cursor;
    uint32_t limit;
};
enum {
    STK_HAS_CHANNEL_CHANNEL,
    STK_HAS_CHANNEL_REASON,
    STK_HAS_CHANNEL_CURSOR,
    STK_HAS_CHANNEL_LIMIT
};

struct stk_args_channel_golive {
    uint64_t present;
    struct stk_ref channel;
    uint8_t kind;    /* 0 = all; else enum stk_publish_kind + 1 */
    uint8_t step;    /* enum stk_step */
    uint32_t canary; /* percent of the listings */
};
enum {
    STK_HAS_CHANNEL_GOLIVE_CHANNEL,
    STK_HAS_CHANNEL_GOLIVE_KIND,
    STK_HAS_CHANNEL_GOLIVE_STEP,
    STK_HAS_CHANNEL_GOLIVE_CANARY
};

struct stk_args_channel_grant {
    uint64_t present;
    struct stk_ref channel;
    uint32_t limit;
    uint8_t urgent; /* only what cannot wait for a normal flush */
};
enum { STK_HAS_CHANNEL_GRANT_CHANNEL, STK_HAS_CHANNEL_GRANT_LIMIT, STK_HAS_CHANNEL_GRANT_URGENT };

/* enum stk_outcome of <stockade/event.h> less one. */
enum stk_result {
    STK_RESULT_NOT_SENT, /* nothing has left */
    STK_RESULT_ACCEPTED, /* the channel said yes; proof comes later */
    STK_RESULT_APPLIED,  /* proven: the value is in force */
    STK_RESULT_REFUSED,  /* it said no: the value did not get there and will not */
    STK_RESULT_RETRY,    /* refused for now */
    STK_RESULT_UNKNOWN,  /* no answer: it may be there or not, now or later */
    STK_RESULT_MISMATCH, /* the counter was not what was expected: nothing changed */
    STK_RESULT_LOCKED,   /* by the channel */
    STK_RESULT_REVIEW,   /* taken, waits for the channel's approval */
    STK_RESULT_NO_LISTING,
    STK_RESULTS
};
struct stk_args_result_item {
    uint64_t present;
    int64_t grant; /* its number */
    uint8_t outcome;
    int64_t wait_ms; /* not again before */
};
enum { STK_HAS_RESULT_ITEM_GRANT, STK_HAS_RESULT_ITEM_OUTCOME, STK_HAS_RESULT_ITEM_WAIT_MS };
struct stk_args_channel_result {
    uint64_t present;
    struct stk_ref channel;
    struct stk_ref items;
};
enum { STK_HAS_CHANNEL_RESULT_CHANNEL, STK_HAS_CHANNEL_RESULT_ITEMS };

struct stk_args_observed_item {
    uint64_t present;
    struct stk_ref listing;
    uint8_t kind;
    int64_t value;
};
enum { STK_HAS_OBSERVED_ITEM_LISTING, STK_HAS_OBSERVED_ITEM_KIND, STK_HAS_OBSERVED_ITEM_VALUE };
struct stk_args_channel_observe {
    uint64_t present;
    struct stk_ref channel;
    int64_t asked_at; /* the values are of this time or before; default now */
    struct stk_ref items;
};
enum {
    STK_HAS_CHANNEL_OBSERVE_CHANNEL,
    STK_HAS_CHANNEL_OBSERVE_ASKED_AT,
    STK_HAS_CHANNEL_OBSERVE_ITEMS
};

struct stk_args_channel_note { /* note, notes */
    uint64_t present;
    struct stk_ref channel;
    struct stk_ref key;
    struct stk_ref value;
    int64_t watermark; /* every sale before has been submitted */
};
enum {
    STK_HAS_CHANNEL_NOTE_CHANNEL,
    STK_HAS_CHANNEL_NOTE_KEY,
    STK_HAS_CHANNEL_NOTE_VALUE,
    STK_HAS_CHANNEL_NOTE_WATERMARK
};

extern const struct stk_field stk_channel_put_fields[];
extern const struct stk_field stk_channel_fields[];
extern const struct stk_field stk_channel_diff_fields[];
extern const struct stk_field stk_channel_golive_fields[];
extern const struct stk_field stk_channel_grant_fields[];
extern const struct stk_field stk_channel_result_fields[];
extern const struct stk_field stk_channel_observe_fields[];
extern const struct stk_field stk_channel_note_fields[];
extern const struct stk_field stk_channel_note_get_fields[];

/* "quantity" and so on; "?" for any other number. Thread-safe; constant. */
const char *stk_publish_kind_name(unsigned kind);
const char *stk_publish_state_name(unsigned state);
const char *stk_step_name(unsigned step);
const char *stk_mode_name(unsigned mode);

#endif
