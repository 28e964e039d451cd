/* Flat messages: everything that crosses between host and plugin and is not answered at once.
 * Stability: spaces, types, fields and their places are stable; types are appended, structs grow at
 * their end only.
 *
 * A message is one piece of memory without pointers:
 *
 *     struct stk_message | the type's fixed fields | texts, lists and messages, named by offset
 *
 * In process a function pointer gets the address of a message; in a child process the same bytes
 * travel through a ring. A message that is passed to a function is lent until the function returns.
 * Write one with struct stk_composer, read one with stk_message_read() and its kin (message.h).
 *
 * Growth. `fixed_size` and a list's `item_size` say what the sender knew. A reader takes what both
 * know and sees zero in the rest; so zero always means "absent", and a new field is safe to ignore.
 * A plugin skips a type that it does not know. The host refuses one with STK_UNKNOWN: an order
 * never vanishes in silence.
 *
 * Checked by the host, in process too; anything else is STK_MALFORMED: size is a multiple of 8 and
 * within the bound, sizes and offsets stay inside the message, offsets of lists are multiples of 8,
 * texts are UTF-8 without control characters where not said otherwise, flags and reserved fields
 * are zero, enumerations are in range.
 *
 * Words: _ms is milliseconds (times since 1970-01-01 UTC, 0 = absent), _minor is money in minor
 * units of the currency beside it, quantities are units. Ids are texts of at most STK_EVENT_ID_MAX
 * bytes, other texts of at most STK_EVENT_TEXT_MAX where not said otherwise. No personal data of
 * buyers and no card numbers, anywhere. */
#ifndef STOCKADE_EVENT_H
#define STOCKADE_EVENT_H

#include <stockade/types.h>

#define STK_EVENT_SIZE_MAX   (256u * 1024)  /* one event */
#define STK_MESSAGE_SIZE_MAX (1024u * 1024) /* one call or answer, nested events included */
#define STK_EVENT_ID_MAX     64u
#define STK_EVENT_TEXT_MAX   512u
#define STK_EVENT_LINES_MAX  1000u /* lines of an order, offers of a listing, rows of a count */
#define STK_CALL_ITEMS_MAX   4096u /* events of a submit, items of a push or a read-back */
#define STK_CURSOR_SIZE_MAX  4096u /* value of a cursor */

struct stk_message {
    uint32_t size;       /* of the whole message, multiple of 8 */
    uint16_t space;      /* enum stk_space */
    uint16_t type;       /* within the space */
    uint32_t fixed_size; /* of this header and the fixed fields, as the sender knew them */
    uint32_t flags;      /* zero */
};

enum stk_space {
    STK_SPACE_EVENT = 1, /* what happened at the channel: enum stk_event_type; goes into a submit */
    STK_SPACE_CALL = 2,  /* the host asks the plugin: enum stk_call */
    STK_SPACE_DONE = 3,  /* the plugin's answer to a call: same numbers as the call */
    STK_SPACE_ASK = 4,   /* the plugin asks the host: enum stk_ask */
    STK_SPACE_REPLY = 5, /* the host's answer to an ask: same numbers as the ask */
    STK_SPACE_OUT = 6,   /* what the engine did, for sinks: enum stk_out */
    STK_SPACE_HOST = 7,  /* between the host's own processes; no plugin ever sees one */
};

/* ---- events -----------------------------------------------------------------------------------
 *
 * An event has an `id` by which it may come again (duplicates, disorder and delays are normal): the
 * same id with the same content changes nothing, with another content it is STK_CONFLICT. For an
 * order it is the order's id at the channel; for what happened to it, the channel's own id of that
 * (refund id, shipment id), or one made of what makes it one: "ORDER-7/cancelled/line-2". */

enum stk_event_type {
    STK_EVENT_ORDER = 1,         /* struct stk_event_order */
    STK_EVENT_ORDER_PAID = 2,    /* struct stk_event_order_deed, and so on to 7 */
    STK_EVENT_ORDER_CANCEL = 3,  /* of parts, or of all that is left */
    STK_EVENT_ORDER_SHIP = 4,    /* left the building; `carrier` and `tracking` if known */
    STK_EVENT_ORDER_RETURN = 5,  /* came back, sellable or not */
    STK_EVENT_ORDER_REFUND = 6,  /* money went back */
    STK_EVENT_ORDER_REVIEW = 7,  /* held for review by the channel (fraud, address) */
    STK_EVENT_ORDER_RELEASE = 8, /* review is over */
    STK_EVENT_ORDER_AMEND = 9,   /* struct stk_event_order: its lines as they are now, at
                                    modified_at_ms (required; an older one is STK_STALE) */
    STK_EVENT_OFFERS = 10,       /* struct stk_event_offers */
    STK_EVENT_STOCK_COUNT = 11,  /* struct stk_event_stock */
    STK_EVENT_SNAPSHOT = 12,     /* struct stk_event_stock, a part of a whole set */
    STK_EVENT_OBSERVED = 13,     /* struct stk_event_observed */
    STK_EVENT_LISTING = 14,      /* struct stk_event_listing */
    STK_EVENT_LISTING_GONE = 15, /* struct stk_event_listing: only `listing` and `asked_at_ms` */
    STK_EVENT_WRITE = 16,        /* struct stk_event_write */
    STK_EVENT_RATE = 17,         /* struct stk_event_rate */
    STK_EVENT_COST = 18,         /* struct stk_event_cost */
    STK_EVENT_PAYMENT = 19,      /* struct stk_event_payment */
    STK_EVENT_SETTLEMENT = 20,   /* struct stk_event_settlement */
    STK_EVENT_SHIPMENT = 21,     /* struct stk_event_shipment */
};

/* One line of an order. Lines are numbered from 1 in the order of the first STK_EVENT_ORDER; a
 * plugin whose channel gives them in changing order sorts them by line_id first. */
struct stk_event_line {
    struct stk_text line_id;  /* the channel's own; may be absent */
    struct stk_text listing;  /* the channel's id of the listing; or: */
    struct stk_text sku;      /* the seller's SKU (also an alias or a barcode) */
    struct stk_text pool;     /* the counter it was sold from; absent = the listing's only one */
    uint32_t quantity;        /* 1 and up; in an amendment 0 takes the line away */
    uint8_t tax_included;     /* 1: unit_price_minor holds the tax */
    uint8_t discount_by;      /* enum stk_funding */
    uint8_t preorder;         /* 1: sold ahead of stock that is incoming */
    uint8_t reserved;         /* zero */
    int64_t unit_price_minor; /* before discount; STK_ABSENT while the channel does not tell */
    int64_t discount_minor;   /* of the whole line, 0 and up */
    int64_t tax_minor;        /* of the whole line, 0 and up */
};

enum stk_funding {
    STK_FUNDING_SELLER = 0,
    STK_FUNDING_CHANNEL = 1,
};

/* An order was made: it is a fact, so stock that is not there becomes a shortfall. Orders that
 * still wait for payment are placed too, with the time at which the channel lets them go: they hold
 * stock. */
struct stk_event_order {
    struct stk_message message;
    struct stk_text id;       /* of the order, as buyer and seller see it */
    struct stk_text location; /* who ships: absent = the engine chooses; else a location's name
                                 (marketplace-fulfilled orders name that warehouse) */
    struct stk_list lines;    /* struct stk_event_line, 1..STK_EVENT_LINES_MAX */
    int64_t placed_at_ms;     /* at the channel; required */
    int64_t modified_at_ms;   /* the state that this message describes */
    int64_t seen_at_ms;       /* when the plugin first saw it */
    int64_t hold_ms;          /* 0 = firm; else it lapses this long after placed_at_ms if it is
                                 not paid, unless the channel says otherwise before */
    stk_currency_t currency;  /* of all amounts */
    stk_country_t country;    /* of the buyer, for tax; 0 = absent */
    uint8_t test;             /* 1: a test order of the channel: remembered, holds nothing */
    uint8_t reserved;         /* zero */
};

/* A part of an order. */
struct stk_event_part {
    uint32_t line;           /* from 1; 0 = by line_id */
    uint32_t quantity;       /* 1 and up; a refund of money alone says 0 */
    struct stk_text line_id; /* as given with the order */
    int64_t amount_minor;    /* refund; else 0 */
    uint8_t unsellable;      /* return: 1 = damaged, does not go back on sale */
    uint8_t restocked;       /* cancel, refund: 1 = the channel put the units on sale by itself */
    uint8_t reserved[6];     /* zero */
};

/* Something happened to an order. It may come before its order: that is remembered. */
struct stk_event_order_deed {
    struct stk_message message;
    struct stk_text order;    /* the order's id; required */
    struct stk_text id;       /* of this event; required */
    struct stk_text reason;   /* the channel's word */
    struct stk_text carrier;  /* ship */
    struct stk_text tracking; /* ship */
    struct stk_text location; /* ship: from where; return: to where; absent = where it was held */
    struct stk_list parts;    /* struct stk_event_part; none = all that is left */
    int64_t occurred_at_ms;   /* required */
    int64_t amount_minor;     /* refund of the order as a whole, paid: what was paid; else 0 */
    stk_currency_t currency;  /* of the amounts; 0 = the order's */
    uint32_t reserved;        /* zero */
};

/* One competitor's price on a listing. */
struct stk_event_offer {
    struct stk_text seller; /* the channel's id of the rival; absent = anonymous */
    int64_t price_minor;
    int64_t shipping_minor;   /* STK_ABSENT = not told */
    uint32_t rating_permille; /* 0..1000 of the rival; 0 = absent */
    uint32_t review_count;
    uint32_t handling_hours; /* until it leaves; 0 = absent */
    stk_country_t country;   /* ships from; 0 = absent */
    uint8_t condition;       /* enum stk_condition */
    uint8_t fulfilment;      /* enum stk_fulfilment */
    uint8_t is_mine;
    uint8_t has_buy_box;
    uint8_t is_featured; /* may win the buy box */
    uint8_t reserved[5]; /* zero */
};

enum stk_condition {
    STK_CONDITION_ANY = 0,
    STK_CONDITION_NEW = 1,
    STK_CONDITION_LIKE_NEW = 2,
    STK_CONDITION_VERY_GOOD = 3,
    STK_CONDITION_GOOD = 4,
    STK_CONDITION_ACCEPTABLE = 5,
    STK_CONDITION_REFURBISHED = 6,
};
enum stk_fulfilment {
    STK_FULFILMENT_ANY = 0,
    STK_FULFILMENT_SELLER = 1,
    STK_FULFILMENT_CHANNEL = 2,
};

/* The offers on one listing at one instant; they replace what was known. Older than what is known:
 * STK_STALE. */
struct stk_event_offers {
    struct stk_message message;
    struct stk_text listing;
    struct stk_list offers; /* struct stk_event_offer; none = nobody else sells it */
    int64_t as_of_ms;       /* the channel's time of change; required */
    int64_t asked_at_ms;    /* when it was asked for; a notification: when it arrived */
    uint32_t total_count;   /* offers there are, those left out included; 0 = as listed */
    stk_currency_t currency;
};

/* Stock that somebody else is the authority for: an ERP, a marketplace's warehouse. */
struct stk_event_stock_row {
    struct stk_text sku;
    uint32_t quantity; /* 0 and up */
    uint32_t reserved; /* zero */
};
struct stk_event_subtracted { /* holds that the source has taken off its number already */
    struct stk_text source;   /* of the orders: the name of a channel */
    int64_t until_ms;         /* orders placed up to here */
};
struct stk_event_stock {
    struct stk_message message;
    struct stk_text id;         /* of this count, or of the snapshot that this is a part of */
    struct stk_text location;   /* required */
    struct stk_list rows;       /* struct stk_event_stock_row, at most STK_EVENT_LINES_MAX */
    struct stk_list subtracted; /* struct stk_event_subtracted; STK_STOCK_AVAILABLE */
    int64_t as_of_ms;           /* when it was true; required */
    uint32_t total_count;       /* snapshot: rows of the whole set; applied when all are there */
    uint8_t basis;              /* enum stk_stock_basis */
    uint8_t missing;            /* snapshot: enum stk_stock_missing */
    uint8_t reserved[2];        /* zero */
};
enum stk_stock_basis {
    STK_STOCK_PHYSICAL = 0,  /* what lies there */
    STK_STOCK_AVAILABLE = 1, /* what the source would still sell */
};
enum stk_stock_missing {
    STK_STOCK_MISSING_KEEP = 0, /* SKUs that are not in the set stay as they are */
    STK_STOCK_MISSING_ZERO = 1,
};

/* One published thing of a listing. */
enum stk_published {
    STK_PUBLISHED_QUANTITY = 1,    /* units, of a pool */
    STK_PUBLISHED_PRICE = 2,       /* minor units; the base price */
    STK_PUBLISHED_SALE_PRICE = 3,  /* with a span of validity; value 0 = no sale */
    STK_PUBLISHED_LIST_PRICE = 4,  /* the price that is struck through */
    STK_PUBLISHED_GROUP_PRICE = 5, /* of `group` */
    STK_PUBLISHED_TIER_PRICE = 6,  /* from `tier_quantity` units on */
    STK_PUBLISHED_ACTIVE = 7,      /* 1 on sale, 0 not */
};
struct stk_published_key {
    struct stk_text listing; /* the channel's id; required */
    struct stk_text sku;    /* the seller's SKU as the channel knows it, for those who address by it
                               (not kept by the engine's side: a convenience) */
    struct stk_text pool;   /* quantity: the counter's id; absent = the listing's only one */
    struct stk_text group;  /* group price */
    uint32_t tier_quantity; /* tier price */
    uint16_t field;         /* enum stk_published */
    uint16_t reserved;      /* zero */
};

/* A value as the channel shows it: a read-back, or a notification of the channel. */
struct stk_event_observed {
    struct stk_message message;
    struct stk_published_key key;
    int64_t value;         /* units, minor units, 0/1; STK_ABSENT = not there */
    int64_t asked_at_ms;   /* when the question left; a notification: the channel's time of the
                              change. Required: what is proven rests on it */
    int64_t age_max_ms;    /* the value may be that old at asked_at_ms; STK_ABSENT = as declared
                              in the manifest (read_back_age_ms) */
    int64_t valid_from_ms; /* sale price; 0 = absent */
    int64_t valid_to_ms;
    stk_currency_t currency; /* prices */
    uint8_t origin;          /* enum stk_observed_origin */
    uint8_t state;           /* enum stk_observed_state */
    uint8_t reserved[2];     /* zero */
    struct stk_text text;    /* why it is locked or under review, in the channel's words */
};
enum stk_observed_origin {
    STK_OBSERVED_READ_BACK = 0,
    STK_OBSERVED_NOTIFIED = 1,
};
enum stk_observed_state {
    STK_OBSERVED_NORMAL = 0,
    STK_OBSERVED_LOCKED = 1,       /* the channel does not let us change it now */
    STK_OBSERVED_UNDER_REVIEW = 2, /* a change waits for the channel's approval */
};

/* A listing that discovery found, or that changed. */
struct stk_event_listing {
    struct stk_message message;
    struct stk_text listing; /* the channel's id by which it is written; required */
    struct stk_text parent;  /* the product it is a variant of */
    struct stk_text sku;     /* the seller's SKU there */
    struct stk_text barcode; /* GTIN, EAN, UPC */
    struct stk_text title;
    struct stk_text pool;     /* its counter, if it is not its own (shared, or per location) */
    struct stk_text category; /* the channel's word, for fees */
    int64_t price_minor;      /* STK_ABSENT = not told */
    int64_t quantity;         /* STK_ABSENT = not told */
    int64_t asked_at_ms;      /* when the question left; required */
    stk_currency_t currency;
    uint8_t active;     /* 1: on sale */
    uint8_t state;      /* enum stk_observed_state */
    uint8_t by_channel; /* 1: fulfilled by the channel; its quantity is not ours to write */
    uint8_t reserved;   /* zero */
};

/* What became of a value that was sent: item by item, at once or (a feed) hours later. Which one is
 * meant is said by the grant number alone. */
struct stk_write_outcome {
    uint64_t grant;        /* as in the update */
    int64_t sent_at_ms;    /* the last instant at which a byte of it may have left; 0 = none left */
    int64_t applied_at_ms; /* APPLIED: it was in force at this time, at the latest */
    int64_t counter;       /* the value there afterwards as the channel told; STK_ABSENT */
    uint32_t retry_after_ms; /* RETRY; 0 = the host's own back-off */
    uint16_t outcome;        /* enum stk_outcome */
    uint16_t reserved;       /* zero */
    struct stk_text code;    /* the channel's error code */
    struct stk_text text;    /* one line of the channel's, for people */
};
enum stk_outcome {
    STK_OUTCOME_NOT_SENT = 1, /* no byte has left; the grant goes back, a later one will come */
    STK_OUTCOME_ACCEPTED = 2, /* the channel took it; proof comes later */
    STK_OUTCOME_APPLIED = 3,  /* proven: the value is in force */
    STK_OUTCOME_REFUSED = 4,  /* the channel said no: it did not and will not take effect */
    STK_OUTCOME_RETRY = 5,    /* refused for now (quota, outage); did not take effect */
    STK_OUTCOME_UNKNOWN = 6,  /* time-out, connection lost: it may or may not have landed. When in
                                 doubt, this one; never send it again without a new grant */
    STK_OUTCOME_MISMATCH = 7, /* cas: the counter was not `expected`; nothing changed */
    STK_OUTCOME_LOCKED = 8,   /* refused: locked by the channel (a campaign, a review) */
    STK_OUTCOME_REVIEW = 9,   /* taken, and waits for the channel's approval */
    STK_OUTCOME_NO_LISTING = 10, /* refused: the channel knows no such listing any more */
};
struct stk_event_write {
    struct stk_message message;
    struct stk_write_outcome outcome;
};

/* One unit of `base` costs rate_e9 / 1e9 units of `quote` (major units both). */
struct stk_event_rate {
    struct stk_message message;
    struct stk_text source; /* who publishes it: "ecb" */
    int64_t rate_e9;        /* 1 and up */
    int64_t as_of_ms;       /* required */
    stk_currency_t base;
    stk_currency_t quote;
};

/* What a supplier asks for a SKU, and whether there is some. */
struct stk_event_cost {
    struct stk_message message;
    struct stk_text supplier;
    struct stk_text sku;
    int64_t cost_minor;        /* net, a unit */
    int64_t as_of_ms;          /* required */
    int64_t quantity;          /* the supplier has; STK_ABSENT = not told */
    uint32_t quantity_minimum; /* at that cost from so many units on; 0 = 1 */
    uint32_t lead_time_days;
    stk_currency_t currency;
    uint32_t reserved; /* zero */
};

enum stk_payment {
    STK_PAYMENT_AUTHORISED = 1,
    STK_PAYMENT_CAPTURED = 2,
    STK_PAYMENT_FAILED = 3,
    STK_PAYMENT_REFUNDED = 4,
    STK_PAYMENT_DISPUTED = 5,
    STK_PAYMENT_REVERSED = 6, /* charged back */
};
struct stk_event_payment {
    struct stk_message message;
    struct stk_text id;     /* the provider's, of this event */
    struct stk_text order;  /* absent = the provider does not know */
    struct stk_text source; /* of the order: the name of a channel; absent = this one */
    int64_t amount_minor;
    int64_t fee_minor;      /* STK_ABSENT = not told */
    int64_t occurred_at_ms; /* required */
    stk_currency_t currency;
    uint16_t kind;     /* enum stk_payment */
    uint16_t reserved; /* zero */
};

/* One line of a channel's statement of account. */
struct stk_event_settlement {
    struct stk_message message;
    struct stk_text id;        /* of the line */
    struct stk_text statement; /* id of the whole */
    struct stk_text order;
    struct stk_text kind; /* the channel's word: "Commission" */
    int64_t amount_minor; /* + to the seller, - from the seller */
    int64_t posted_at_ms; /* required */
    stk_currency_t currency;
    uint32_t reserved; /* zero */
};

enum stk_shipment_state {
    STK_SHIPMENT_ANNOUNCED = 1,
    STK_SHIPMENT_COLLECTED = 2,
    STK_SHIPMENT_IN_TRANSIT = 3,
    STK_SHIPMENT_OUT_FOR_DELIVERY = 4,
    STK_SHIPMENT_DELIVERED = 5,
    STK_SHIPMENT_FAILED = 6,    /* an attempt; it goes on */
    STK_SHIPMENT_RETURNING = 7, /* on its way back */
    STK_SHIPMENT_RETURNED = 8,
    STK_SHIPMENT_LOST = 9,
};
/* Where a parcel is, out or back. */
struct stk_event_shipment {
    struct stk_message message;
    struct stk_text id; /* of this event */
    struct stk_text order;
    struct stk_text source; /* of the order: the name of a channel; absent = this one */
    struct stk_text carrier;
    struct stk_text tracking;
    struct stk_text text;   /* the carrier's words */
    int64_t occurred_at_ms; /* required */
    uint16_t state;         /* enum stk_shipment_state */
    uint8_t inbound;        /* 1: a return, or goods of a supplier */
    uint8_t reserved[5];    /* zero */
};

/* ---- calls: the host asks the plugin --------------------------------------------------------
 *
 * `call` is chosen by the host, never 0, never used twice by one instance while it lives. The
 * plugin answers each call exactly once, through the same extension of the host, inside the call or
 * later; a call that it refused by a status other than STK_OK is over. */

enum stk_call {
    STK_CALL_POLL = 1,      /* ext/feed.h */
    STK_CALL_PUSH = 2,      /* ext/listings.h */
    STK_CALL_READ_BACK = 3, /* ext/listings.h */
    STK_CALL_DISCOVER = 4,  /* ext/discovery.h */
    STK_CALL_WEBHOOK = 5,   /* ext/webhook.h */
    STK_CALL_DELIVER = 6,   /* ext/sink.h */
    STK_CALL_CONSENT = 7,   /* ext/authorize.h */
    STK_CALL_CODE = 8,      /* ext/authorize.h */
    STK_CALL_FULFIL = 9,    /* ext/draft/fulfilment.h */
    STK_CALL_CARRIER = 10,  /* ext/draft/carrier.h */
};
struct stk_call_head {
    struct stk_message message; /* STK_SPACE_CALL */
    uint64_t call;
    int64_t deadline_ms; /* wall time by which the host wants the answer; then it counts the call
                            as failed (a push: as unknown), and a late answer is STK_STALE */
};

/* What every answer begins with. */
struct stk_done_head {
    struct stk_message message; /* STK_SPACE_DONE, type of the call */
    uint64_t call;
    stk_status_t status;     /* STK_OK, or why the call as a whole failed: STK_BUSY throttled,
                                STK_IO network or channel, STK_UNAUTHORIZED, STK_DENIED,
                                STK_MALFORMED the channel's answer cannot be read, STK_TIMEOUT,
                                STK_CANCELLED by deactivate */
    uint32_t retry_after_ms; /* not before; 0 = the host's own back-off */
    struct stk_text text;    /* one line for people: what the channel said */
    struct stk_list budgets; /* struct stk_budget: what this call's answers told */
};

/* A budget as the channel's headers tell it. */
struct stk_budget {
    struct stk_text bucket;  /* a name of the manifest */
    int64_t limit;           /* tokens of a full bucket; STK_ABSENT = not told */
    int64_t remaining;       /* STK_ABSENT = not told */
    uint32_t reset_ms;       /* from now until it is full again; 0 = not told */
    uint32_t retry_after_ms; /* nothing before; 0 = not told */
};

/* ---- asks: the plugin asks the host ---------------------------------------------------------
 *
 * `call` is chosen by the plugin, never 0 and unique among its asks under way. */

enum stk_ask {
    STK_ASK_SUBMIT = 1,  /* ext/submit.h */
    STK_ASK_KV_GET = 2,  /* ext/kv.h */
    STK_ASK_KV_PUT = 3,  /* ext/kv.h */
    STK_ASK_EXPIRES = 4, /* ext/authorize.h; has no reply */
};
struct stk_ask_head {
    struct stk_message message; /* STK_SPACE_ASK */
    uint64_t call;
};
struct stk_reply_head {
    struct stk_message message; /* STK_SPACE_REPLY, type of the ask */
    uint64_t call;
    stk_status_t status;
    uint32_t reserved; /* zero */
};

/* ---- what the engine did, for sinks --------------------------------------------------------- */

enum stk_out {
    STK_OUT_EFFECT = 1, /* struct stk_out_effect */
};
struct stk_out_effect {
    struct stk_message message; /* STK_SPACE_OUT */
    stk_seq_t sequence;         /* of the effect; several may bear the same one */
    uint32_t part;              /* from 0, among those of one sequence: sequence and part name it */
    uint32_t reserved;          /* zero */
    int64_t time_ms;            /* of the decision */
    struct stk_text name;       /* "stock.changed", "order.placed", "shortfall.opened" */
    struct stk_text source;     /* the channel it came from; absent = none */
    struct stk_text key;        /* what it is about: the SKU, the order's id */
    struct stk_text data;       /* a JSON document, UTF-8, at most STK_EVENT_SIZE_MAX */
};

#endif
