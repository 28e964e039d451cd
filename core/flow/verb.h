/* The one verb table: every door, the CLI, the help and the documentation are made from it.
 *
 * A verb's arguments are a struct; its fields are described by name, type, offset and range.
 * `present` has a bit for each member of the struct, in their order (STK_HAS_* below), set when the
 * caller gave it; several verbs share a struct and each takes some of its members. Strings and
 * lists are refs into the command. Verb numbers and table numbers are on disk; they never change
 * and are never used again. Field numbers (bits) are in the hash of a body that is remembered: a
 * new member goes to the end of its struct.
 */
#ifndef STK_FLOW_VERB_H
#define STK_FLOW_VERB_H

#include "core/base/doc.h"
#include "core/flow/command.h"

enum stk_field_type {
    STK_FIELD_STR,      /* struct stk_ref; min..max bytes of UTF-8, no control characters */
    STK_FIELD_INT,      /* int64_t; min..max */
    STK_FIELD_QUANTITY, /* uint32_t; min..max, at most STK_QUANTITY_MAX */
    STK_FIELD_MONEY,    /* int64_t minor units */
    STK_FIELD_TIME,     /* int64_t ms since 1970 */
    STK_FIELD_SPAN,     /* int64_t ms */
    STK_FIELD_BOOL,     /* uint8_t */
    STK_FIELD_ENUM,     /* uint8_t; index into names */
    STK_FIELD_CURRENCY, /* uint32_t; three capital letters */
    STK_FIELD_COUNTRY,  /* uint16_t; two capital letters */
    STK_FIELD_LIST,     /* struct stk_ref to structs described by sub; min..max items */
    STK_FIELD_STRS, /* struct stk_ref to struct stk_ref[]; at most max items of STK_ID_MAX bytes */
    STK_FIELD_TEXT, /* as STR, free text: tab and line feed are fine, card numbers are refused */
    STK_FIELD_COUNTRIES, /* struct stk_ref to stk_country_t[]; at most max items */
};

struct stk_field {
    const char *name;
    uint8_t name_size;
    uint8_t type;
    uint8_t required;
    uint8_t bit; /* in `present`, STK_HAS_* */
    uint16_t offset;
    int64_t min, max;
    int64_t fallback;            /* numbers, enums: the value when it is absent; the bit stays 0 */
    const char *const *names;    /* ENUM: NULL-terminated */
    const struct stk_field *sub; /* LIST: fields of an item, ended by a NULL name */
    uint16_t sub_size;           /* LIST: bytes of an item's struct */
    const char *help;
};

#define STK_FIELDS_MAX 16 /* of one table */

enum stk_verb_kind {
    STK_VERB_WRITE,  /* engine, journaled, takes source (required) and id */
    STK_VERB_READ,   /* engine, not journaled */
    STK_VERB_CELL,   /* read at the cell by the door itself, never waits for the engine */
    STK_VERB_READER, /* the reader thread: journal, backups */
};

enum stk_scope {
    STK_SCOPE_VIEW,
    STK_SCOPE_STOCK,
    STK_SCOPE_ORDERS,
    STK_SCOPE_CATALOG,
    STK_SCOPE_OPERATE
};

struct stk_verb {
    const char *name;
    uint8_t name_size;
    uint16_t number;
    uint8_t kind;
    uint8_t scope;
    uint8_t id_required;  /* WRITE: refuse without an id */
    uint8_t takes_source; /* not WRITE: may be told the source that an order belongs to */
    uint8_t key_space;    /* STK_KEY_ORDER: its id is the id of the order that it makes */
    uint16_t order_at;    /* offset of args.order of verbs about an order that is there; 0 = none */
    uint16_t args_size;
    const struct stk_field *fields; /* ended by a NULL name; source and id are not among them */
    const char *help;
    const char *result; /* the fields of the answer, in words */
};

/* STK_VERB(NAME, number, "name") */
#define STK_VERB_LIST(STK_VERB)                                                                    \
    STK_VERB(SKU_PUT, 1, "sku.put")                                                                \
    STK_VERB(SKU_GET, 2, "sku.get")                                                                \
    STK_VERB(SKU_DELETE, 3, "sku.delete")                                                          \
    STK_VERB(SKU_LIST, 4, "sku.list")                                                              \
    STK_VERB(LOCATION_PUT, 5, "location.put")                                                      \
    STK_VERB(LOCATION_GET, 6, "location.get")                                                      \
    STK_VERB(LOCATION_LIST, 7, "location.list")                                                    \
    STK_VERB(LISTING_PUT, 8, "listing.put")                                                        \
    STK_VERB(LISTING_GET, 9, "listing.get")                                                        \
    STK_VERB(LISTING_DELETE, 10, "listing.delete")                                                 \
    STK_VERB(LISTING_LIST, 11, "listing.list")                                                     \
    STK_VERB(STOCK_GET, 12, "stock.get")                                                           \
    STK_VERB(STOCK_RECEIVE, 13, "stock.receive")                                                   \
    STK_VERB(STOCK_ADJUST, 14, "stock.adjust")                                                     \
    STK_VERB(STOCK_COUNT, 15, "stock.count")                                                       \
    STK_VERB(STOCK_SNAPSHOT, 16, "stock.snapshot")                                                 \
    STK_VERB(STOCK_TRANSFER, 17, "stock.transfer")                                                 \
    STK_VERB(STOCK_EARMARK, 18, "stock.earmark")                                                   \
    STK_VERB(INCOMING_PUT, 19, "incoming.put")                                                     \
    STK_VERB(INCOMING_LIST, 20, "incoming.list")                                                   \
    STK_VERB(ORDER_PLACE, 21, "order.place")                                                       \
    STK_VERB(ORDER_PAY, 22, "order.pay")                                                           \
    STK_VERB(ORDER_SHIP, 23, "order.ship")                                                         \
    STK_VERB(ORDER_CANCEL, 24, "order.cancel")                                                     \
    STK_VERB(ORDER_RETURN, 25, "order.return")                                                     \
    STK_VERB(ORDER_REFUND, 26, "order.refund")                                                     \
    STK_VERB(ORDER_AMEND, 27, "order.amend")                                                       \
    STK_VERB(ORDER_EXTEND, 28, "order.extend")                                                     \
    STK_VERB(ORDER_REVIEW, 29, "order.review")                                                     \
    STK_VERB(ORDER_RELEASE, 30, "order.release")                                                   \
    STK_VERB(ORDER_SELL, 31, "order.sell")                                                         \
    STK_VERB(ORDER_GET, 32, "order.get")                                                           \
    STK_VERB(ORDER_LIST, 33, "order.list")                                                         \
    STK_VERB(SHORTFALL_LIST, 34, "shortfall.list")                                                 \
    STK_VERB(SHORTFALL_RESOLVE, 35, "shortfall.resolve")                                           \
    STK_VERB(JOURNAL_READ, 36, "journal.read")                                                     \
    STK_VERB(BACKUP_START, 37, "backup.start")                                                     \
    STK_VERB(BACKUP_VERIFY, 38, "backup.verify")                                                   \
    STK_VERB(STATUS, 39, "status")                                                                 \
    STK_VERB(CHANNEL_PUT, 40, "channel.put")                                                       \
    STK_VERB(CHANNEL_LIST, 41, "channel.list")                                                     \
    STK_VERB(CHANNEL_STATUS, 42, "channel.status")                                                 \
    STK_VERB(CHANNEL_PAUSE, 43, "channel.pause")                                                   \
    STK_VERB(CHANNEL_RESUME, 44, "channel.resume")                                                 \
    STK_VERB(CHANNEL_GOLIVE, 45, "channel.golive")                                                 \
    STK_VERB(CHANNEL_HANDBACK, 46, "channel.handback")                                             \
    STK_VERB(CHANNEL_FLUSH, 47, "channel.flush")                                                   \
    STK_VERB(CHANNEL_RESYNC, 48, "channel.resync")                                                 \
    STK_VERB(CHANNEL_DISCOVER, 49, "channel.discover")                                             \
    STK_VERB(CHANNEL_DIFF, 50, "channel.diff")                                                     \
    STK_VERB(CHANNEL_GRANT, 51, "channel.grant")                                                   \
    STK_VERB(CHANNEL_RESULT, 52, "channel.result")                                                 \
    STK_VERB(CHANNEL_OBSERVE, 53, "channel.observe")                                               \
    STK_VERB(CHANNEL_NOTE, 54, "channel.note")                                                     \
    STK_VERB(CHANNEL_NOTE_GET, 55, "channel.note_get")                                             \
    STK_VERB(SNAPSHOT_LIST, 56, "snapshot.list")

enum stk_verb_number {
    STK_VERB_ENGINE = 0, /* in records: the engine's own doing */
#define STK_VERB_ENUM(name, number, text) STK_VERB_##name = number,
    STK_VERB_LIST(STK_VERB_ENUM)
#undef STK_VERB_ENUM
        STK_VERB_COUNT
};

/* NULL when there is none. Thread-safe; constant. */
const struct stk_verb *stk_verb_by_number(unsigned number);
const struct stk_verb *stk_verb_by_name(struct stk_bytes name);

/* Make a command in `room` from a map of params. Every field is checked: unknown names, missing
 * ones, types, ranges, UTF-8; nil is as good as absent. STK_INVALID with
 * "params.lines[2].quantity: ..." in err; STK_TOO_LARGE when it does not fit into room_size, which
 * is known before anything is written beyond it. The hashes are filled in; ticket, time, who,
 * submitter are the caller's (zero). Thread-safe, no allocation. */
enum stk_status stk_command_decode(const struct stk_verb *verb, const struct stk_value *params,
                                   void *room, uint32_t room_size, struct stk_error *err);

/* The most bytes that the command of these params can need (STK_COMMAND_MAX at most): what a caller
 * reserves before it decodes. message_size: bytes of the message that params came from. */
uint32_t stk_command_bound(const struct stk_verb *verb, const struct stk_value *params,
                           uint32_t message_size);

/* Was it given? STK_GIVEN(args, ORDER_CHANNEL) with the names below. */
#define STK_FIELD_BIT(index)  (UINT64_C(1) << (index))
#define STK_GIVEN(args, name) (((args)->present >> STK_HAS_##name) & 1)

/* "placed" and so on for enum stk_order_phase (core/state/order.h); "?" for any other number.
 * Thread-safe. */
const char *stk_order_state_name(unsigned state);

/* Arguments. */

struct stk_args_sku_put {
    uint64_t present;
    struct stk_ref sku;
    struct stk_ref title;
    struct stk_ref barcodes; /* replaces the list */
    struct stk_ref aliases;
    int64_t cost;
    stk_currency_t currency; /* of cost, list_price, map_price */
    int64_t list_price;
    int64_t map_price;
    struct stk_ref tax_class;
    struct stk_ref tags;
    uint32_t reorder_point;
    uint32_t reorder_quantity;
    uint32_t lead_time_days;
};
enum {
    STK_HAS_SKU_PUT_SKU,
    STK_HAS_SKU_PUT_TITLE,
    STK_HAS_SKU_PUT_BARCODES,
    STK_HAS_SKU_PUT_ALIASES,
    STK_HAS_SKU_PUT_COST,
    STK_HAS_SKU_PUT_CURRENCY,
    STK_HAS_SKU_PUT_LIST_PRICE,
    STK_HAS_SKU_PUT_MAP_PRICE,
    STK_HAS_SKU_PUT_TAX_CLASS,
    STK_HAS_SKU_PUT_TAGS,
    STK_HAS_SKU_PUT_REORDER_POINT,
    STK_HAS_SKU_PUT_REORDER_QUANTITY,
    STK_HAS_SKU_PUT_LEAD_TIME_DAYS
};

struct stk_args_name { /* sku.get, sku.delete, location.get */
    uint64_t present;
    struct stk_ref name; /* on the wire "sku" (sku, alias or barcode) or "location" */
};
enum { STK_HAS_NAME_NAME };

struct stk_args_page { /* sku.list, location.list, incoming.list, shortfall.list, order.list */
    uint64_t present;
    struct stk_ref cursor;  /* as given by the page before */
    uint32_t limit;         /* 1 .. STK_PAGE_MAX, default STK_PAGE_DEFAULT */
    struct stk_ref sku;     /* incoming.list, shortfall.list, listing.list: of this SKU */
    struct stk_ref channel; /* listing.list, order.list */
    uint8_t state;          /* order.list: enum stk_order_phase; 0 = any */
    uint8_t archived;       /* order.list: those that have left memory */
    struct stk_ref tag;     /* sku.list */
};
enum {
    STK_HAS_PAGE_CURSOR,
    STK_HAS_PAGE_LIMIT,
    STK_HAS_PAGE_SKU,
    STK_HAS_PAGE_CHANNEL,
    STK_HAS_PAGE_STATE,
    STK_HAS_PAGE_ARCHIVED,
    STK_HAS_PAGE_TAG
};

enum stk_location_kind {
    STK_LOCATION_OWN,
    STK_LOCATION_MARKETPLACE, /* the marketplace ships from it */
    STK_LOCATION_SUPPLIER,
    STK_LOCATION_STORE,
    STK_LOCATION_CONSIGNMENT,
};
struct stk_args_location_put {
    uint64_t present;
    struct stk_ref location;
    struct stk_ref name;
    uint8_t kind;
    stk_country_t country;
    int64_t priority;         /* lower is taken first; default 100 */
    uint8_t ships;            /* orders may be shipped from it; default true */
    struct stk_ref channels;  /* which channels may sell from it; empty = all */
    uint8_t split;            /* may be one of several locations of an order; default true */
    struct stk_ref authority; /* the source whose counts it believes; empty = anyone's */
    struct stk_ref near;      /* stk_country_t[]: countries that it serves, nearest first */
};
enum {
    STK_HAS_LOCATION_PUT_LOCATION,
    STK_HAS_LOCATION_PUT_NAME,
    STK_HAS_LOCATION_PUT_KIND,
    STK_HAS_LOCATION_PUT_COUNTRY,
    STK_HAS_LOCATION_PUT_PRIORITY,
    STK_HAS_LOCATION_PUT_SHIPS,
    STK_HAS_LOCATION_PUT_CHANNELS,
    STK_HAS_LOCATION_PUT_SPLIT,
    STK_HAS_LOCATION_PUT_AUTHORITY,
    STK_HAS_LOCATION_PUT_NEAR
};

struct stk_args_component {
    uint64_t present;
    struct stk_ref sku;
    uint32_t units; /* default 1 */
};
enum { STK_HAS_COMPONENT_SKU, STK_HAS_COMPONENT_UNITS };
struct stk_args_listing_put {
    uint64_t present;
    struct stk_ref channel;
    struct stk_ref listing;    /* the channel's own id */
    struct stk_ref components; /* struct stk_args_component */
    uint8_t active;            /* default true */
};
enum {
    STK_HAS_LISTING_PUT_CHANNEL,
    STK_HAS_LISTING_PUT_LISTING,
    STK_HAS_LISTING_PUT_COMPONENTS,
    STK_HAS_LISTING_PUT_ACTIVE
};
struct stk_args_listing { /* listing.get, listing.delete */
    uint64_t present;
    struct stk_ref channel;
    struct stk_ref listing;
};
enum { STK_HAS_LISTING_CHANNEL, STK_HAS_LISTING_LISTING };

struct stk_args_stock_get {
    uint64_t present;
    struct stk_ref sku;
    struct stk_ref location; /* absent: all */
    struct stk_ref channel;  /* available is over the locations that this channel may sell from */
};
enum { STK_HAS_STOCK_GET_SKU, STK_HAS_STOCK_GET_LOCATION, STK_HAS_STOCK_GET_CHANNEL };
struct stk_args_stock_receive {
    uint64_t present;
    struct stk_ref sku;
    struct stk_ref location;
    uint32_t quantity;
    uint8_t unsellable;      /* goes to unsellable */
    struct stk_ref document; /* takes it off this incoming document */
    int64_t occurred_at;     /* default: now */
};
enum {
    STK_HAS_STOCK_RECEIVE_SKU,
    STK_HAS_STOCK_RECEIVE_LOCATION,
    STK_HAS_STOCK_RECEIVE_QUANTITY,
    STK_HAS_STOCK_RECEIVE_UNSELLABLE,
    STK_HAS_STOCK_RECEIVE_DOCUMENT,
    STK_HAS_STOCK_RECEIVE_OCCURRED_AT
};
enum stk_adjust_kind {
    STK_ADJUST_FOUND,    /* + on_hand */
    STK_ADJUST_LOST,     /* - on_hand */
    STK_ADJUST_DAMAGED,  /* on_hand to unsellable */
    STK_ADJUST_REPAIRED, /* unsellable to on_hand */
    STK_ADJUST_SCRAPPED, /* - unsellable */
};
struct stk_args_stock_adjust {
    uint64_t present;
    struct stk_ref sku;
    struct stk_ref location;
    uint8_t kind;
    uint32_t quantity;
    uint32_t expect; /* on_hand must be this now, else STK_MISMATCH */
    struct stk_ref note;
    int64_t occurred_at;
};
enum {
    STK_HAS_STOCK_ADJUST_SKU,
    STK_HAS_STOCK_ADJUST_LOCATION,
    STK_HAS_STOCK_ADJUST_KIND,
    STK_HAS_STOCK_ADJUST_QUANTITY,
    STK_HAS_STOCK_ADJUST_EXPECT,
    STK_HAS_STOCK_ADJUST_NOTE,
    STK_HAS_STOCK_ADJUST_OCCURRED_AT
};
enum stk_basis { STK_BASIS_PHYSICAL, STK_BASIS_AVAILABLE };
struct stk_args_subtracted { /* the source's holds placed up to `until` are off the number already
                              */
    uint64_t present;
    struct stk_ref source;
    int64_t until;
};
enum { STK_HAS_SUBTRACTED_SOURCE, STK_HAS_SUBTRACTED_UNTIL };
struct stk_args_stock_count {
    uint64_t present;
    struct stk_ref sku;
    struct stk_ref location;
    uint32_t quantity; /* 0 and up */
    int64_t as_of;
    uint8_t basis;
    uint32_t expect;           /* on_hand must be this now */
    struct stk_ref subtracted; /* struct stk_args_subtracted; basis available */
};
enum {
    STK_HAS_STOCK_COUNT_SKU,
    STK_HAS_STOCK_COUNT_LOCATION,
    STK_HAS_STOCK_COUNT_QUANTITY,
    STK_HAS_STOCK_COUNT_AS_OF,
    STK_HAS_STOCK_COUNT_BASIS,
    STK_HAS_STOCK_COUNT_EXPECT,
    STK_HAS_STOCK_COUNT_SUBTRACTED
};
enum stk_missing { STK_MISSING_KEEP, STK_MISSING_ZERO };
enum stk_snapshot_action { STK_SNAPSHOT_ROWS, STK_SNAPSHOT_APPROVE, STK_SNAPSHOT_DISCARD };
struct stk_args_snapshot_row {
    uint64_t present;
    struct stk_ref sku;
    uint32_t quantity;
};
enum { STK_HAS_SNAPSHOT_ROW_SKU, STK_HAS_SNAPSHOT_ROW_QUANTITY };
struct stk_args_stock_snapshot {
    uint64_t present;
    struct stk_ref snapshot; /* its id; rows may come in several messages */
    struct stk_ref location;
    uint8_t action;
    uint32_t total; /* rows of the whole set; applied when all are there */
    int64_t as_of;
    uint8_t basis;
    uint8_t missing;           /* SKUs with stock at the location that are not in the set */
    struct stk_ref rows;       /* struct stk_args_snapshot_row */
    struct stk_ref subtracted; /* struct stk_args_subtracted */
};
enum {
    STK_HAS_STOCK_SNAPSHOT_SNAPSHOT,
    STK_HAS_STOCK_SNAPSHOT_LOCATION,
    STK_HAS_STOCK_SNAPSHOT_ACTION,
    STK_HAS_STOCK_SNAPSHOT_TOTAL,
    STK_HAS_STOCK_SNAPSHOT_AS_OF,
    STK_HAS_STOCK_SNAPSHOT_BASIS,
    STK_HAS_STOCK_SNAPSHOT_MISSING,
    STK_HAS_STOCK_SNAPSHOT_ROWS,
    STK_HAS_STOCK_SNAPSHOT_SUBTRACTED
};
enum stk_transfer_action {
    STK_TRANSFER_MOVE,
    STK_TRANSFER_SEND,
    STK_TRANSFER_RECEIVE,
    STK_TRANSFER_LOSE
};
struct stk_args_transfer_line {
    uint64_t present;
    struct stk_ref sku;
    uint32_t quantity;
};
enum { STK_HAS_TRANSFER_LINE_SKU, STK_HAS_TRANSFER_LINE_QUANTITY };
struct stk_args_stock_transfer {
    uint64_t present;
    struct stk_ref transfer; /* its id */
    uint8_t action;
    struct stk_ref from; /* send, move */
    struct stk_ref to;   /* send, move */
    struct stk_ref
        lines; /* struct stk_args_transfer_line; receive, lose: default all that is left */
    int64_t occurred_at;
};
enum {
    STK_HAS_STOCK_TRANSFER_TRANSFER,
    STK_HAS_STOCK_TRANSFER_ACTION,
    STK_HAS_STOCK_TRANSFER_FROM,
    STK_HAS_STOCK_TRANSFER_TO,
    STK_HAS_STOCK_TRANSFER_LINES,
    STK_HAS_STOCK_TRANSFER_OCCURRED_AT
};
struct stk_args_stock_earmark {
    uint64_t present;
    struct stk_ref earmark; /* its id */
    struct stk_ref sku;
    struct stk_ref location;
    uint32_t quantity;  /* 0 removes it */
    struct stk_ref use; /* on the wire "for": the channel, campaign or customer that may take it */
    int64_t until;      /* 0 = no end */
};
enum {
    STK_HAS_STOCK_EARMARK_EARMARK,
    STK_HAS_STOCK_EARMARK_SKU,
    STK_HAS_STOCK_EARMARK_LOCATION,
    STK_HAS_STOCK_EARMARK_QUANTITY,
    STK_HAS_STOCK_EARMARK_USE,
    STK_HAS_STOCK_EARMARK_UNTIL
};
struct stk_args_incoming_put {
    uint64_t present;
    struct stk_ref document;
    struct stk_ref sku;
    struct stk_ref location;
    uint32_t quantity; /* still to come; 0 closes it */
    int64_t expected_at;
    uint32_t preorder_limit; /* units that may be sold ahead; default 0 */
    int64_t ship_by;         /* promised to those who order ahead */
};
enum {
    STK_HAS_INCOMING_PUT_DOCUMENT,
    STK_HAS_INCOMING_PUT_SKU,
    STK_HAS_INCOMING_PUT_LOCATION,
    STK_HAS_INCOMING_PUT_QUANTITY,
    STK_HAS_INCOMING_PUT_EXPECTED_AT,
    STK_HAS_INCOMING_PUT_PREORDER_LIMIT,
    STK_HAS_INCOMING_PUT_SHIP_BY
};

enum stk_funded_by { STK_FUNDED_SELLER, STK_FUNDED_CHANNEL };
struct stk_args_line { /* place, sell, amend */
    uint64_t present;
    uint32_t line;          /* amend: the existing line (from 1); absent: a new one */
    struct stk_ref sku;     /* or: */
    struct stk_ref listing; /* of the order's channel */
    uint32_t quantity;      /* amend: 0 takes the line away */
    int64_t unit_price;     /* minor units of the order's currency */
    int64_t discount;       /* of the whole line */
    uint8_t discount_by;
    int64_t tax;          /* of the whole line */
    uint8_t tax_included; /* unit_price holds the tax */
    uint8_t preorder;     /* may be taken from incoming */
};
enum {
    STK_HAS_LINE_LINE,
    STK_HAS_LINE_SKU,
    STK_HAS_LINE_LISTING,
    STK_HAS_LINE_QUANTITY,
    STK_HAS_LINE_UNIT_PRICE,
    STK_HAS_LINE_DISCOUNT,
    STK_HAS_LINE_DISCOUNT_BY,
    STK_HAS_LINE_TAX,
    STK_HAS_LINE_TAX_INCLUDED,
    STK_HAS_LINE_PREORDER
};
struct stk_args_order_place { /* place, sell; the order's id is the command's id */
    uint64_t present;
    struct stk_ref channel;
    stk_country_t country;
    stk_currency_t currency;
    int64_t ttl_ms;       /* absent: firm */
    uint8_t fact;         /* a marketplace sold it: hold what there is, the rest is a shortfall */
    uint8_t split;        /* may be held at several locations */
    struct stk_ref use;   /* on the wire "for": may take what is earmarked for this */
    struct stk_ref lines; /* struct stk_args_line */
    int64_t placed_at;    /* default: now */
};
enum {
    STK_HAS_ORDER_PLACE_CHANNEL,
    STK_HAS_ORDER_PLACE_COUNTRY,
    STK_HAS_ORDER_PLACE_CURRENCY,
    STK_HAS_ORDER_PLACE_TTL_MS,
    STK_HAS_ORDER_PLACE_FACT,
    STK_HAS_ORDER_PLACE_SPLIT,
    STK_HAS_ORDER_PLACE_USE,
    STK_HAS_ORDER_PLACE_LINES,
    STK_HAS_ORDER_PLACE_PLACED_AT
};
struct stk_args_part { /* a part of an order: line and quantity */
    uint64_t present;
    uint32_t line; /* from 1 */
    uint32_t quantity;
    uint8_t unsellable; /* return */
    int64_t amount;     /* refund */
};
enum { STK_HAS_PART_LINE, STK_HAS_PART_QUANTITY, STK_HAS_PART_UNSELLABLE, STK_HAS_PART_AMOUNT };
struct stk_args_order { /* pay ship cancel return refund amend extend review release get */
    uint64_t present;
    struct stk_ref order;
    struct stk_ref order_source; /* default: the command's source */
    struct stk_ref parts;        /* on the wire "lines": struct stk_args_part; default: all of it */
    struct stk_ref lines;        /* amend, on the wire "lines": struct stk_args_line */
    int64_t ttl_ms;              /* extend, release */
    int64_t amount;              /* refund, whole order */
    struct stk_ref location; /* return: where it came back to; default: where it was shipped from */
    struct stk_ref reason;
    int64_t occurred_at;
};
enum {
    STK_HAS_ORDER_ORDER,
    STK_HAS_ORDER_ORDER_SOURCE,
    STK_HAS_ORDER_PARTS,
    STK_HAS_ORDER_LINES,
    STK_HAS_ORDER_TTL_MS,
    STK_HAS_ORDER_AMOUNT,
    STK_HAS_ORDER_LOCATION,
    STK_HAS_ORDER_REASON,
    STK_HAS_ORDER_OCCURRED_AT
};
enum stk_resolve_action { STK_RESOLVE_LOCATION, STK_RESOLVE_BACK_ORDER, STK_RESOLVE_CANCEL };
struct stk_args_shortfall_resolve {
    uint64_t present;
    struct stk_ref order;
    struct stk_ref order_source;
    uint32_t line;
    uint8_t action;
    struct stk_ref location; /* action location: hold it there */
    uint32_t quantity;       /* default: all of the line's shortfall */
};
enum {
    STK_HAS_SHORTFALL_RESOLVE_ORDER,
    STK_HAS_SHORTFALL_RESOLVE_ORDER_SOURCE,
    STK_HAS_SHORTFALL_RESOLVE_LINE,
    STK_HAS_SHORTFALL_RESOLVE_ACTION,
    STK_HAS_SHORTFALL_RESOLVE_LOCATION,
    STK_HAS_SHORTFALL_RESOLVE_QUANTITY
};

struct stk_args_journal_read {
    uint64_t present;
    uint64_t from;
    uint32_t limit;
};
enum { STK_HAS_JOURNAL_READ_FROM, STK_HAS_JOURNAL_READ_LIMIT };
struct stk_args_backup {
    uint64_t present;
    struct stk_ref target; /* a folder */
};
enum { STK_HAS_BACKUP_TARGET };
struct stk_args_none {
    uint64_t present;
};

#endif
