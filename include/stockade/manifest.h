/* The manifest: what a plugin is and what it declares, read from its file without loading it.
 * Stability: stable; it grows at its end, as messages do.
 *
 * It is an ELF note of owner "Stockade" and type 1 in a section of its own, so plain bytes:
 *
 *     STK_MANIFEST(.name = "sample", .vendor = "Stockade", .version = "1.0.0",
 *                  .kinds = STK_KIND_BIT(ORDERS_IN) | STK_KIND_BIT(LISTING_UPDATES), ...);
 *
 * once in a file, outside functions, the fields in the order of the struct. Texts are UTF-8, padded
 * with zeros, and may fill their field.
 *
 * Bounds are promises of the channel, and what *guaranteed* mode rests on: a channel that breaks
 * one is an alarm. Declare what the platform documents, rounded up; leave a bound 0 where nobody
 * promises anything, and the channel runs in *shared* mode. The config may widen each; so do
 * measured values. */
#ifndef STOCKADE_MANIFEST_H
#define STOCKADE_MANIFEST_H

#include <stockade/version.h>

enum stk_kind {
    STK_KIND_ORDERS_IN = 0,
    STK_KIND_LISTING_UPDATES = 1,
    STK_KIND_DISCOVERY = 2,
    STK_KIND_WEBHOOK_IN = 3,
    STK_KIND_OFFERS_IN = 4,
    STK_KIND_EVENTS_OUT = 5,
    STK_KIND_STOCK_IN = 6, /* draft, and all that follow */
    STK_KIND_SUPPLIER_COST_IN = 7,
    STK_KIND_PAYMENTS_IN = 8,
    STK_KIND_RETURNS_IN = 9, /* shipments and returns */
    STK_KIND_SETTLEMENT_IN = 10,
    STK_KIND_RATES_IN = 11,
    STK_KIND_FULFILMENT_OUT = 12,
    STK_KIND_CARRIER = 13,
    STK_KIND_COUNT,
};
#define STK_KIND_BIT(name) (UINT64_C(1) << STK_KIND_##name)

/* How a quantity may be written at the channel. */
enum stk_push_kind {
    STK_PUSH_SET = 1,    /* absolute */
    STK_PUSH_ADJUST = 2, /* relative */
    STK_PUSH_CAS = 4,    /* absolute, applied only if the counter equals an expected value */
};

/* What proves that a write took effect. */
enum stk_proven_by {
    STK_PROVEN_BY_NOTHING = 0,
    STK_PROVEN_BY_ANSWER = 1,    /* the synchronous answer: STK_OUTCOME_APPLIED */
    STK_PROVEN_BY_REPORT = 2,    /* a feed's result, later: STK_EVENT_WRITE */
    STK_PROVEN_BY_READ_BACK = 3, /* only looking */
};

/* When the channel puts units on sale again by itself. */
enum stk_restocks {
    STK_RESTOCKS_NEVER = 0,
    STK_RESTOCKS_CANCEL = 1,
    STK_RESTOCKS_REFUND = 2,  /* on cancellation, and on a refund before shipment */
    STK_RESTOCKS_UNKNOWN = 3, /* also after shipment, or by people: no claim is made */
};

/* Calls that take from a bucket. */
enum stk_operation {
    STK_OPERATION_QUANTITY = 1, /* a push with quantities */
    STK_OPERATION_PRICE = 2,    /* a push with prices or active */
    STK_OPERATION_READ_BACK = 4,
    STK_OPERATION_DISCOVER = 8,
    STK_OPERATION_ORDERS = 16, /* a poll of orders */
    STK_OPERATION_OFFERS = 32, /* a poll of offers */
    STK_OPERATION_OTHER = 64,  /* any other call */
};

/* Whom a bucket belongs to. */
enum stk_bucket_scope {
    STK_BUCKET_APPLICATION = 1, /* all instances of this plugin with the same application key */
    STK_BUCKET_ACCOUNT = 2,     /* all instances of one account */
    STK_BUCKET_ENDPOINT = 3,    /* this instance */
    STK_BUCKET_LISTING = 4,     /* each listing has one of its own */
};
enum stk_bucket_refill {
    STK_REFILL_STEADY = 1, /* `refill` tokens each `refill_ms`, spread evenly */
    STK_REFILL_WINDOW = 2, /* full again refill_ms after the first token was taken */
    STK_REFILL_DAY = 3,    /* full again at midnight, at utc_offset_minutes */
};

/* A token bucket. "0.0056 calls/s, burst 20" is burst 20, refill 1 in 178,572 ms. "At most 250
 * revisions a day" is scope LISTING, burst 250, STK_REFILL_DAY. */
struct stk_manifest_bucket {
    char name[24];              /* as in struct stk_budget; unique in the manifest */
    uint32_t operations;        /* enum stk_operation, or-ed; a call pays at each bucket it meets */
    uint32_t burst;             /* tokens of a full bucket, 1 and up */
    uint32_t refill;            /* tokens, 1 and up; DAY, WINDOW: zero, it is filled whole */
    uint32_t refill_ms;         /* 1 and up; DAY: zero */
    uint32_t cost_per_call;     /* tokens */
    uint32_t cost_per_item;     /* tokens, besides; LISTING: of its own items */
    int32_t utc_offset_minutes; /* DAY */
    uint8_t scope;              /* enum stk_bucket_scope */
    uint8_t kind;               /* enum stk_bucket_refill */
    uint8_t reserved[2];        /* zero */
};
#define STK_MANIFEST_BUCKETS_MAX 12

struct stk_plugin_manifest {
    uint32_t size; /* of this struct, as the plugin was compiled; filled in by STK_MANIFEST */
    uint32_t abi_major;
    uint32_t abi_minor;
    uint32_t reserved; /* zero */
    char name[32];     /* [a-z0-9-], the word in the config's `plugin:` */
    char vendor[32];   /* for people */
    char version[16];  /* of the plugin, for people */
    uint64_t kinds;    /* STK_KIND_BIT, or-ed */

    /* Bounds. */
    int64_t apply_within_ms;    /* A: a quantity write that takes effect at all does so within
                                   this after its last byte left, and once; 0 = nobody knows */
    int64_t read_back_age_ms;   /* R: greatest age of a read-back; 0 = nobody knows */
    int64_t order_delay_ms;     /* L: how late an order may show in a complete poll; 0 = nobody
                                   knows, or the plugin declares watermarks */
    int64_t restock_delay_ms;   /* Lc: how late a restock by the channel shows */
    uint8_t declares_watermark; /* 1: submits carry a watermark */
    uint8_t write_kinds;        /* enum stk_push_kind, or-ed; the host prefers CAS, ADJUST, SET
                                   in this order */
    uint8_t proof;              /* enum stk_proven_by, of quantities */
    uint8_t restocks_on;        /* enum stk_restocks */
    uint8_t price_proof;        /* enum stk_proven_by, of prices and active */
    uint8_t adjust_clamps;      /* 1: the channel stops at zero where a fall goes below */
    uint8_t gross_prices;       /* 1: the channel wants prices with tax */
    uint8_t reserved_flags;     /* zero */
    uint32_t published;         /* bit (1 << enum stk_published) per field that push takes */

    /* Batches: the most items in one call; 0 = this call is not taken. */
    uint32_t push_quantity_max;
    uint32_t push_price_max;
    uint32_t push_mixed; /* 1: one push may hold quantities and prices */
    uint32_t read_back_max;
    uint32_t push_open_max; /* pushes under way at once; 0 = 1 */

    uint32_t reserved_count; /* zero */
    uint32_t bucket_count;
    struct stk_manifest_bucket buckets[STK_MANIFEST_BUCKETS_MAX];
};

#define STK_NOTE_OWNER   "Stockade"
#define STK_NOTE_TYPE    1u
#define STK_NOTE_SECTION ".note.stockade"

struct stk_manifest_note {
    uint32_t owner_size; /* zero at its end included */
    uint32_t manifest_size;
    uint32_t type;
    char owner[12];
    struct stk_plugin_manifest manifest;
};

#define STK_MANIFEST(...)                                                                          \
    __attribute__((used, section(STK_NOTE_SECTION),                                                \
                   aligned(8))) static const struct stk_manifest_note stk_manifest_note = {        \
        sizeof STK_NOTE_OWNER,                                                                     \
        sizeof(struct stk_plugin_manifest),                                                        \
        STK_NOTE_TYPE,                                                                             \
        STK_NOTE_OWNER,                                                                            \
        {sizeof(struct stk_plugin_manifest), STK_ABI_MAJOR, STK_ABI_MINOR, 0, __VA_ARGS__}}

#endif
