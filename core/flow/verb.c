/* The verb table. Every door, the CLI, the help and the documentation are made from it.
 *
 * Always true: a field stands in its table in the order of its struct, its bit is the member's own,
 * and no table has more than STK_FIELDS_MAX fields. All of it is constant; any thread may read. */
#include "core/flow/verb.h"
#include "core/flow/verb_channel.h"
#include "core/flow/verb_make.h"
#include "core/state/order.h"
#include <string.h>

/* --- names of enums --- */

static const char *const location_kinds[] = {"own",   "marketplace", "supplier",
                                             "store", "consignment", NULL};
static const char *const adjust_kinds[] = {"found",    "lost",     "damaged",
                                           "repaired", "scrapped", NULL};
static const char *const bases[] = {"physical", "available", NULL};
static const char *const missing_rules[] = {"keep", "zero", NULL};
static const char *const snapshot_actions[] = {"rows", "approve", "discard", NULL};
static const char *const transfer_actions[] = {"move", "send", "receive", "lose", NULL};
static const char *const funders[] = {"seller", "channel", NULL};
static const char *const resolve_actions[] = {"location", "back_order", "cancel", NULL};
static const char *const order_states[] = {"any",       "placed",  "review",   "paid", "shipped",
                                           "cancelled", "expired", "returned", NULL};

const char *stk_order_state_name(unsigned state)
{
    return state >= STK_ORDER_PLACED && state <= STK_ORDER_RETURNED ? order_states[state] : "?";
}

/* --- SKUs, locations, listings --- */

static const struct stk_field sku_put_fields[] = {
    {FIELD(sku_put, SKU_PUT, sku, SKU, STR), REQUIRED, ID_RANGE, .help = "its id"},
    {FIELD(sku_put, SKU_PUT, title, TITLE, TEXT), .max = STK_TITLE_MAX,
     .help = "for people; card numbers are refused"},
    {FIELD(sku_put, SKU_PUT, barcodes, BARCODES, STRS), .max = STK_ATTR_LIST_MAX,
     .help = "replaces all barcodes"},
    {FIELD(sku_put, SKU_PUT, aliases, ALIASES, STRS), .max = STK_ATTR_LIST_MAX,
     .help = "other ids that mean this SKU; replaces all"},
    {FIELD(sku_put, SKU_PUT, cost, COST, MONEY), MONEY_RANGE, .help = "of one unit, minor units"},
    {FIELD(sku_put, SKU_PUT, currency, CURRENCY, CURRENCY),
     .help = "of cost, list_price and map_price"},
    {FIELD(sku_put, SKU_PUT, list_price, LIST_PRICE, MONEY), MONEY_RANGE, .help = "minor units"},
    {FIELD(sku_put, SKU_PUT, map_price, MAP_PRICE, MONEY), MONEY_RANGE,
     .help = "lowest price that may be advertised, minor units"},
    {FIELD(sku_put, SKU_PUT, tax_class, TAX_CLASS, STR), .max = STK_ID_MAX,
     .help = "a name that tax rates are looked up by"},
    {FIELD(sku_put, SKU_PUT, tags, TAGS, STRS), .max = STK_ATTR_LIST_MAX,
     .help = "words to select by; replaces all"},
    {FIELD(sku_put, SKU_PUT, reorder_point, REORDER_POINT, QUANTITY), UNITS(0),
     .help = "stock at which more is to be ordered"},
    {FIELD(sku_put, SKU_PUT, reorder_quantity, REORDER_QUANTITY, QUANTITY), UNITS(0),
     .help = "how much more"},
    {FIELD(sku_put, SKU_PUT, lead_time_days, LEAD_TIME_DAYS, QUANTITY), .max = 3650,
     .help = "days until it comes"},
    {0}};

static const struct stk_field sku_name_fields[] = {{NAMED("sku", name, NAME, name, NAME, STR),
                                                    REQUIRED, ID_RANGE,
                                                    .help = "its id, an alias or a barcode"},
                                                   {0}};
static const struct stk_field location_name_fields[] = {
    {NAMED("location", name, NAME, name, NAME, STR), REQUIRED, ID_RANGE, .help = "its id"}, {0}};

#define PAGE_CURSOR                                                                                \
    {                                                                                              \
        FIELD(page, PAGE, cursor, CURSOR, STR),                                                    \
            .max = CURSOR_BYTES, .help = "next of the page before; absent: from the start"         \
    }
#define PAGE_LIMIT                                                                                 \
    {                                                                                              \
        FIELD(page, PAGE, limit, LIMIT, QUANTITY), .min = 1, .max = STK_PAGE_MAX,                  \
                                                   .fallback = STK_PAGE_DEFAULT,                   \
                                                   .help = "rows at most; default 100"             \
    }
#define PAGE_SKU                                                                                   \
    {                                                                                              \
        FIELD(page, PAGE, sku, SKU, STR), ID_RANGE, .help = "only of this SKU"                     \
    }
#define PAGE_CHANNEL                                                                               \
    {                                                                                              \
        FIELD(page, PAGE, channel, CHANNEL, STR), ID_RANGE, .help = "only of this channel"         \
    }

static const struct stk_field sku_list_fields[] = {
    PAGE_CURSOR,
    PAGE_LIMIT,
    {FIELD(page, PAGE, tag, TAG, STR), ID_RANGE, .help = "only with this tag"},
    {0}};
static const struct stk_field location_list_fields[] = {PAGE_CURSOR, PAGE_LIMIT, {0}};
static const struct stk_field listing_list_fields[] = {
    PAGE_CURSOR, PAGE_LIMIT, PAGE_SKU, PAGE_CHANNEL, {0}};
static const struct stk_field sku_page_fields[] = {PAGE_CURSOR, PAGE_LIMIT, PAGE_SKU, {0}};
static const struct stk_field order_list_fields[] = {
    PAGE_CURSOR,
    PAGE_LIMIT,
    PAGE_CHANNEL,
    {FIELD(page, PAGE, state, STATE, ENUM), .names = order_states,
     .help = "only in this state; default any"},
    {FIELD(page, PAGE, archived, ARCHIVED, BOOL), FLAG_RANGE,
     .help = "those that have left memory; default false"},
    {0}};

static const struct stk_field location_put_fields[] = {
    {FIELD(location_put, LOCATION_PUT, location, LOCATION, STR), REQUIRED, ID_RANGE,
     .help = "its id"},
    {FIELD(location_put, LOCATION_PUT, name, NAME, TEXT), .max = STK_TEXT_MAX,
     .help = "for people; card numbers are refused"},
    {FIELD(location_put, LOCATION_PUT, kind, KIND, ENUM), .names = location_kinds,
     .help = "whose stock it is; default own"},
    {FIELD(location_put, LOCATION_PUT, country, COUNTRY, COUNTRY), .help = "where it is"},
    {FIELD(location_put, LOCATION_PUT, priority, PRIORITY, INT), .max = UNITS_MAX, .fallback = 100,
     .help = "lower is taken first; default 100"},
    {FIELD(location_put, LOCATION_PUT, ships, SHIPS, BOOL), FLAG_RANGE, .fallback = 1,
     .help = "orders may be shipped from it; default true"},
    {FIELD(location_put, LOCATION_PUT, channels, CHANNELS, STRS), .max = STK_CHANNELS_MAX,
     .help = "channels that may sell from it; default all"},
    {FIELD(location_put, LOCATION_PUT, split, SPLIT, BOOL), FLAG_RANGE, .fallback = 1,
     .help = "may be one of several locations of an order; default true"},
    {FIELD(location_put, LOCATION_PUT, authority, AUTHORITY, STR), .max = STK_ID_MAX,
     .help = "the source whose counts it believes; default anyone's"},
    {FIELD(location_put, LOCATION_PUT, near, NEAR, COUNTRIES), .max = STK_TEXT_MAX,
     .help = "countries that it serves, nearest first"},
    {0}};

static const struct stk_field component_fields[] = {
    {FIELD(component, COMPONENT, sku, SKU, STR), REQUIRED, ID_RANGE, .help = "id of a SKU"},
    {FIELD(component, COMPONENT, units, UNITS, QUANTITY), .min = 1, .max = UNITS_MAX, .fallback = 1,
     .help = "of it in one unit of the listing; default 1"},
    {0}};
static const struct stk_field listing_put_fields[] = {
    {FIELD(listing_put, LISTING_PUT, channel, CHANNEL, STR), REQUIRED, ID_RANGE,
     .help = "name of the channel"},
    {FIELD(listing_put, LISTING_PUT, listing, LISTING, STR), REQUIRED, ID_RANGE,
     .help = "the channel's own id"},
    {FIELD(listing_put, LISTING_PUT, components, COMPONENTS, LIST),
     ITEMS(component, 0, STK_COMPONENTS_MAX), .help = "what one unit of it takes"},
    {FIELD(listing_put, LISTING_PUT, active, ACTIVE, BOOL), FLAG_RANGE, .fallback = 1,
     .help = "may be sold; default true"},
    {0}};
static const struct stk_field listing_fields[] = {
    {FIELD(listing, LISTING, channel, CHANNEL, STR), REQUIRED, ID_RANGE,
     .help = "name of the channel"},
    {FIELD(listing, LISTING, listing, LISTING, STR), REQUIRED, ID_RANGE,
     .help = "the channel's own id"},
    {0}};

/* --- stock --- */

static const struct stk_field stock_get_fields[] = {
    {FIELD(stock_get, STOCK_GET, sku, SKU, STR), REQUIRED, ID_RANGE,
     .help = "its id, an alias or a barcode"},
    {FIELD(stock_get, STOCK_GET, location, LOCATION, STR), ID_RANGE,
     .help = "only there; default everywhere"},
    {FIELD(stock_get, STOCK_GET, channel, CHANNEL, STR), ID_RANGE,
     .help = "available to this channel; default to any"},
    {0}};

#define OCCURRED(args, ARGS)                                                                       \
    {                                                                                              \
        FIELD(args, ARGS, occurred_at, OCCURRED_AT, TIME), TIME_RANGE,                             \
            .help = "when it happened, ms since 1970; default now"                                 \
    }

static const struct stk_field stock_receive_fields[] = {
    {FIELD(stock_receive, STOCK_RECEIVE, sku, SKU, STR), REQUIRED, ID_RANGE, .help = "id of a SKU"},
    {FIELD(stock_receive, STOCK_RECEIVE, location, LOCATION, STR), REQUIRED, ID_RANGE,
     .help = "where it came to"},
    {FIELD(stock_receive, STOCK_RECEIVE, quantity, QUANTITY, QUANTITY), REQUIRED, UNITS(1),
     .help = "units that came"},
    {FIELD(stock_receive, STOCK_RECEIVE, unsellable, UNSELLABLE, BOOL), FLAG_RANGE,
     .help = "they cannot be sold; default false"},
    {FIELD(stock_receive, STOCK_RECEIVE, document, DOCUMENT, STR), ID_RANGE,
     .help = "incoming document that they are taken off"},
    OCCURRED(stock_receive, STOCK_RECEIVE),
    {0}};

static const struct stk_field stock_adjust_fields[] = {
    {FIELD(stock_adjust, STOCK_ADJUST, sku, SKU, STR), REQUIRED, ID_RANGE, .help = "id of a SKU"},
    {FIELD(stock_adjust, STOCK_ADJUST, location, LOCATION, STR), REQUIRED, ID_RANGE,
     .help = "where"},
    {FIELD(stock_adjust, STOCK_ADJUST, kind, KIND, ENUM), REQUIRED, .names = adjust_kinds,
     .help = "found and lost move on_hand, damaged and repaired move between it and unsellable, "
             "scrapped takes off unsellable"},
    {FIELD(stock_adjust, STOCK_ADJUST, quantity, QUANTITY, QUANTITY), REQUIRED, UNITS(1),
     .help = "units"},
    {FIELD(stock_adjust, STOCK_ADJUST, expect, EXPECT, QUANTITY), UNITS(0),
     .help = "on_hand must be this now, else MISMATCH"},
    {FIELD(stock_adjust, STOCK_ADJUST, note, NOTE, TEXT), .max = STK_TEXT_MAX,
     .help = "for people; card numbers are refused"},
    OCCURRED(stock_adjust, STOCK_ADJUST),
    {0}};

static const struct stk_field subtracted_fields[] = {
    {FIELD(subtracted, SUBTRACTED, source, SOURCE, STR), REQUIRED, ID_RANGE,
     .help = "a source of orders"},
    {FIELD(subtracted, SUBTRACTED, until, UNTIL, TIME), REQUIRED, TIME_RANGE,
     .help = "its orders placed up to then are off the number already"},
    {0}};
#define SUBTRACTED(args, ARGS)                                                                     \
    {                                                                                              \
        FIELD(args, ARGS, subtracted, SUBTRACTED, LIST), ITEMS(subtracted, 0, STK_ATTR_LIST_MAX),  \
            .help = "basis available: holds that the number is less already"                       \
    }
#define BASIS(args, ARGS)                                                                          \
    {                                                                                              \
        FIELD(args, ARGS, basis, BASIS, ENUM),                                                     \
            .names = bases,                                                                        \
            .help = "what was counted: physical stock or what is available; default physical"      \
    }

static const struct stk_field stock_count_fields[] = {
    {FIELD(stock_count, STOCK_COUNT, sku, SKU, STR), REQUIRED, ID_RANGE, .help = "id of a SKU"},
    {FIELD(stock_count, STOCK_COUNT, location, LOCATION, STR), REQUIRED, ID_RANGE,
     .help = "where it was counted"},
    {FIELD(stock_count, STOCK_COUNT, quantity, QUANTITY, QUANTITY), REQUIRED, UNITS(0),
     .help = "units that were there"},
    {FIELD(stock_count, STOCK_COUNT, as_of, AS_OF, TIME), TIME_RANGE,
     .help = "when, ms since 1970; default now"},
    BASIS(stock_count, STOCK_COUNT),
    {FIELD(stock_count, STOCK_COUNT, expect, EXPECT, QUANTITY), UNITS(0),
     .help = "on_hand must be this now, else MISMATCH"},
    SUBTRACTED(stock_count, STOCK_COUNT),
    {0}};

static const struct stk_field snapshot_row_fields[] = {
    {FIELD(snapshot_row, SNAPSHOT_ROW, sku, SKU, STR), REQUIRED, ID_RANGE, .help = "id of a SKU"},
    {FIELD(snapshot_row, SNAPSHOT_ROW, quantity, QUANTITY, QUANTITY), REQUIRED, UNITS(0),
     .help = "units that were there"},
    {0}};
static const struct stk_field stock_snapshot_fields[] = {
    {FIELD(stock_snapshot, STOCK_SNAPSHOT, snapshot, SNAPSHOT, STR), REQUIRED, ID_RANGE,
     .help = "id of the whole set; its rows may come in several messages"},
    {FIELD(stock_snapshot, STOCK_SNAPSHOT, location, LOCATION, STR), ID_RANGE,
     .help = "where it was counted; needed with rows"},
    {FIELD(stock_snapshot, STOCK_SNAPSHOT, action, ACTION, ENUM), .names = snapshot_actions,
     .help = "rows come, or a set that the breaker holds is approved or discarded; default rows"},
    {FIELD(stock_snapshot, STOCK_SNAPSHOT, total, TOTAL, QUANTITY), UNITS(0),
     .help = "rows of the whole set; applied when all are there"},
    {FIELD(stock_snapshot, STOCK_SNAPSHOT, as_of, AS_OF, TIME), TIME_RANGE,
     .help = "when, ms since 1970; default now"},
    BASIS(stock_snapshot, STOCK_SNAPSHOT),
    {FIELD(stock_snapshot, STOCK_SNAPSHOT, missing, MISSING, ENUM), .names = missing_rules,
     .help = "what becomes of SKUs that are not in the set; default keep"},
    {FIELD(stock_snapshot, STOCK_SNAPSHOT, rows, ROWS, LIST), ITEMS(snapshot_row, 0, STK_LINES_MAX),
     .help = "some or all rows of the set"},
    SUBTRACTED(stock_snapshot, STOCK_SNAPSHOT),
    {0}};

static const struct stk_field transfer_line_fields[] = {
    {FIELD(transfer_line, TRANSFER_LINE, sku, SKU, STR), REQUIRED, ID_RANGE, .help = "id of a SKU"},
    {FIELD(transfer_line, TRANSFER_LINE, quantity, QUANTITY, QUANTITY), REQUIRED, UNITS(1),
     .help = "units"},
    {0}};
static const struct stk_field stock_transfer_fields[] = {
    {FIELD(stock_transfer, STOCK_TRANSFER, transfer, TRANSFER, STR), REQUIRED, ID_RANGE,
     .help = "its id"},
    {FIELD(stock_transfer, STOCK_TRANSFER, action, ACTION, ENUM), .names = transfer_actions,
     .help = "move at once, or send and then receive or lose; default move"},
    {FIELD(stock_transfer, STOCK_TRANSFER, from, FROM, STR), ID_RANGE,
     .help = "move, send: location that it leaves"},
    {FIELD(stock_transfer, STOCK_TRANSFER, to, TO, STR), ID_RANGE,
     .help = "move, send: location that it goes to"},
    {FIELD(stock_transfer, STOCK_TRANSFER, lines, LINES, LIST),
     ITEMS(transfer_line, 0, STK_LINES_MAX),
     .help = "what is moved; receive, lose: default all that is under way"},
    OCCURRED(stock_transfer, STOCK_TRANSFER),
    {0}};

static const struct stk_field stock_earmark_fields[] = {
    {FIELD(stock_earmark, STOCK_EARMARK, earmark, EARMARK, STR), REQUIRED, ID_RANGE,
     .help = "its id"},
    {FIELD(stock_earmark, STOCK_EARMARK, sku, SKU, STR), ID_RANGE, .help = "id of a SKU"},
    {FIELD(stock_earmark, STOCK_EARMARK, location, LOCATION, STR), ID_RANGE, .help = "where"},
    {FIELD(stock_earmark, STOCK_EARMARK, quantity, QUANTITY, QUANTITY), REQUIRED, UNITS(0),
     .help = "units kept back; 0 removes the earmark"},
    {NAMED("for", stock_earmark, STOCK_EARMARK, use, USE, STR), ID_RANGE,
     .help = "channel, campaign or customer that may take them"},
    {FIELD(stock_earmark, STOCK_EARMARK, until, UNTIL, TIME), TIME_RANGE,
     .help = "when it ends, ms since 1970; default 0, never"},
    {0}};

static const struct stk_field incoming_put_fields[] = {
    {FIELD(incoming_put, INCOMING_PUT, document, DOCUMENT, STR), REQUIRED, ID_RANGE,
     .help = "purchase order or shipment that brings it"},
    {FIELD(incoming_put, INCOMING_PUT, sku, SKU, STR), REQUIRED, ID_RANGE, .help = "id of a SKU"},
    {FIELD(incoming_put, INCOMING_PUT, location, LOCATION, STR), REQUIRED, ID_RANGE,
     .help = "where it will come to"},
    {FIELD(incoming_put, INCOMING_PUT, quantity, QUANTITY, QUANTITY), REQUIRED, UNITS(0),
     .help = "units still to come; 0 closes it"},
    {FIELD(incoming_put, INCOMING_PUT, expected_at, EXPECTED_AT, TIME), TIME_RANGE,
     .help = "when, ms since 1970"},
    {FIELD(incoming_put, INCOMING_PUT, preorder_limit, PREORDER_LIMIT, QUANTITY), UNITS(0),
     .help = "units that may be sold ahead; default 0"},
    {FIELD(incoming_put, INCOMING_PUT, ship_by, SHIP_BY, TIME), TIME_RANGE,
     .help = "promised to those who order ahead, ms since 1970"},
    {0}};

/* --- orders --- */

#define LINE_ITEM(low)                                                                             \
    {FIELD(line, LINE, sku, SKU, STR), ID_RANGE, .help = "id of a SKU, or else listing"},          \
        {FIELD(line, LINE, listing, LISTING, STR), ID_RANGE,                                       \
         .help = "id of a listing of the order's channel"},                                        \
        {FIELD(line, LINE, quantity, QUANTITY, QUANTITY), REQUIRED, UNITS(low), .help = "units"},  \
        {FIELD(line, LINE, unit_price, UNIT_PRICE, MONEY), MONEY_RANGE, .help = "minor units"},    \
        {FIELD(line, LINE, discount, DISCOUNT, MONEY), MONEY_RANGE,                                \
         .help = "of the whole line, minor units"},                                                \
        {FIELD(line, LINE, discount_by, DISCOUNT_BY, ENUM), .names = funders,                      \
         .help = "who pays for the discount; default seller"},                                     \
        {FIELD(line, LINE, tax, TAX, MONEY), MONEY_RANGE,                                          \
         .help = "of the whole line, minor units"},                                                \
        {FIELD(line, LINE, tax_included, TAX_INCLUDED, BOOL), FLAG_RANGE,                          \
         .help = "unit_price holds the tax; default false"},                                       \
        {FIELD(line, LINE, preorder, PREORDER, BOOL), FLAG_RANGE,                                  \
         .help = "may be taken from what is incoming; default false"},                             \
    {                                                                                              \
        0                                                                                          \
    }

static const struct stk_field line_fields[] = {LINE_ITEM(1)};
static const struct stk_field amend_line_fields[] = {
    {FIELD(line, LINE, line, LINE, QUANTITY), .min = 1, .max = STK_LINES_MAX,
     .help = "an existing line, from 1; default a new one"},
    LINE_ITEM(0)};

#define PLACE_CHANNEL                                                                              \
    {                                                                                              \
        FIELD(order_place, ORDER_PLACE, channel, CHANNEL, STR), ID_RANGE,                          \
            .help = "where it was sold"                                                            \
    }
#define PLACE_COUNTRY                                                                              \
    {                                                                                              \
        FIELD(order_place, ORDER_PLACE, country, COUNTRY, COUNTRY),                                \
            .help = "where it goes; the nearest location is taken"                                 \
    }
#define PLACE_CURRENCY                                                                             \
    {                                                                                              \
        FIELD(order_place, ORDER_PLACE, currency, CURRENCY, CURRENCY), .help = "of all its money"  \
    }
#define PLACE_FACT                                                                                 \
    {                                                                                              \
        FIELD(order_place, ORDER_PLACE, fact, FACT, BOOL), FLAG_RANGE,                             \
            .help = "a marketplace sold it: hold what there is, the rest is a shortfall; default " \
                    "false"                                                                        \
    }
#define PLACE_SPLIT                                                                                \
    {                                                                                              \
        FIELD(order_place, ORDER_PLACE, split, SPLIT, BOOL), FLAG_RANGE,                           \
            .help = "may be held at several locations; default false"                              \
    }
#define PLACE_USE                                                                                  \
    {                                                                                              \
        NAMED("for", order_place, ORDER_PLACE, use, USE, STR), ID_RANGE,                           \
            .help = "may take what is earmarked for this"                                          \
    }
#define PLACE_LINES                                                                                \
    {                                                                                              \
        FIELD(order_place, ORDER_PLACE, lines, LINES, LIST), REQUIRED,                             \
            ITEMS(line, 1, STK_LINES_MAX), .help = "what is ordered"                               \
    }
#define PLACE_TIME                                                                                 \
    {                                                                                              \
        FIELD(order_place, ORDER_PLACE, placed_at, PLACED_AT, TIME), TIME_RANGE,                   \
            .help = "when it was made, ms since 1970; default now"                                 \
    }

static const struct stk_field place_fields[] = {
    PLACE_CHANNEL,
    PLACE_COUNTRY,
    PLACE_CURRENCY,
    {FIELD(order_place, ORDER_PLACE, ttl_ms, TTL_MS, SPAN), .min = 1, .max = SPAN_MAX,
     .help = "expires so long after it was taken unless paid; default firm"},
    PLACE_FACT,
    PLACE_SPLIT,
    PLACE_USE,
    PLACE_LINES,
    PLACE_TIME,
    {0}};
static const struct stk_field sell_fields[] = {PLACE_CHANNEL, PLACE_COUNTRY, PLACE_CURRENCY,
                                               PLACE_FACT,    PLACE_SPLIT,   PLACE_USE,
                                               PLACE_LINES,   PLACE_TIME,    {0}};

#define PART_LINE                                                                                  \
    {                                                                                              \
        FIELD(part, PART, line, LINE, QUANTITY), REQUIRED, .min = 1, .max = STK_LINES_MAX,         \
                                                           .help = "number of the line, from 1"    \
    }
#define PART_QUANTITY                                                                              \
    {                                                                                              \
        FIELD(part, PART, quantity, QUANTITY, QUANTITY), UNITS(1),                                 \
            .help = "units of it; default all that is left"                                        \
    }

static const struct stk_field part_fields[] = {PART_LINE, PART_QUANTITY, {0}};
static const struct stk_field return_part_fields[] = {
    PART_LINE,
    PART_QUANTITY,
    {FIELD(part, PART, unsellable, UNSELLABLE, BOOL), FLAG_RANGE,
     .help = "it cannot be sold again; default false"},
    {0}};
static const struct stk_field refund_part_fields[] = {
    PART_LINE,
    PART_QUANTITY,
    {FIELD(part, PART, amount, AMOUNT, MONEY), REQUIRED, MONEY_RANGE, .help = "minor units"},
    {0}};

#define OF_ORDER                                                                                   \
    {FIELD(order, ORDER, order, ORDER, STR), REQUIRED, ID_RANGE, .help = "its id"},                \
    {                                                                                              \
        FIELD(order, ORDER, order_source, ORDER_SOURCE, STR), ID_RANGE,                            \
            .help = "the source that placed it; default source"                                    \
    }
#define PARTS(args)                                                                                \
    {                                                                                              \
        NAMED("lines", order, ORDER, parts, PARTS, LIST),                                          \
            .min = 1, .max = STK_LINES_MAX, .sub = args##_fields,                                  \
            .sub_size = sizeof(struct stk_args_part), .help = "parts of it; default all of it"     \
    }
#define REASON                                                                                     \
    {                                                                                              \
        FIELD(order, ORDER, reason, REASON, TEXT), .max = STK_TEXT_MAX,                            \
                                                   .help = "for people; card numbers are refused"  \
    }
#define ORDER_TTL(required_, words)                                                                \
    {                                                                                              \
        FIELD(order, ORDER, ttl_ms, TTL_MS, SPAN), .required = (required_), .min = 1,              \
                                                   .max = SPAN_MAX, .help = words                  \
    }

static const struct stk_field pay_fields[] = {OF_ORDER, OCCURRED(order, ORDER), {0}};
static const struct stk_field ship_fields[] = {OF_ORDER, PARTS(part), OCCURRED(order, ORDER), {0}};
static const struct stk_field cancel_fields[] = {
    OF_ORDER, PARTS(part), REASON, OCCURRED(order, ORDER), {0}};
static const struct stk_field return_fields[] = {
    OF_ORDER,
    PARTS(return_part),
    {FIELD(order, ORDER, location, LOCATION, STR), ID_RANGE,
     .help = "where it came back to; default where it was shipped from"},
    REASON,
    OCCURRED(order, ORDER),
    {0}};
static const struct stk_field refund_fields[] = {
    OF_ORDER,
    PARTS(refund_part),
    {FIELD(order, ORDER, amount, AMOUNT, MONEY), MONEY_RANGE,
     .help = "of the whole order, minor units; or else lines"},
    REASON,
    OCCURRED(order, ORDER),
    {0}};
static const struct stk_field amend_fields[] = {
    OF_ORDER,
    {FIELD(order, ORDER, lines, LINES, LIST), REQUIRED, .min = 1, .max = STK_LINES_MAX,
     .sub = amend_line_fields, .sub_size = sizeof(struct stk_args_line),
     .help = "lines to change (quantity 0 takes one away) or to add"},
    REASON,
    OCCURRED(order, ORDER),
    {0}};
static const struct stk_field extend_fields[] = {
    OF_ORDER, ORDER_TTL(1, "expires so long after now"), {0}};
static const struct stk_field review_fields[] = {OF_ORDER, REASON, OCCURRED(order, ORDER), {0}};
static const struct stk_field release_fields[] = {
    OF_ORDER, ORDER_TTL(0, "expires so long after now; default what was left"), {0}};
static const struct stk_field order_get_fields[] = {OF_ORDER, {0}};

static const struct stk_field resolve_fields[] = {
    {FIELD(shortfall_resolve, SHORTFALL_RESOLVE, order, ORDER, STR), REQUIRED, ID_RANGE,
     .help = "id of the order"},
    {FIELD(shortfall_resolve, SHORTFALL_RESOLVE, order_source, ORDER_SOURCE, STR), ID_RANGE,
     .help = "the source that placed it; default source"},
    {FIELD(shortfall_resolve, SHORTFALL_RESOLVE, line, LINE, QUANTITY), REQUIRED, .min = 1,
     .max = STK_LINES_MAX, .help = "number of the line, from 1"},
    {FIELD(shortfall_resolve, SHORTFALL_RESOLVE, action, ACTION, ENUM), REQUIRED,
     .names = resolve_actions, .help = "hold it at another location, wait for stock, or cancel"},
    {FIELD(shortfall_resolve, SHORTFALL_RESOLVE, location, LOCATION, STR), ID_RANGE,
     .help = "action location: where"},
    {FIELD(shortfall_resolve, SHORTFALL_RESOLVE, quantity, QUANTITY, QUANTITY), UNITS(1),
     .help = "units; default all that is short"},
    {0}};

/* --- journal, backups, status --- */

static const struct stk_field journal_read_fields[] = {
    {FIELD(journal_read, JOURNAL_READ, from, FROM, INT), .min = 1, .max = INT64_MAX, .fallback = 1,
     .help = "first sequence; default 1"},
    {FIELD(journal_read, JOURNAL_READ, limit, LIMIT, QUANTITY), .min = 1, .max = STK_PAGE_MAX,
     .fallback = STK_PAGE_DEFAULT, .help = "effects at most; default 100"},
    {0}};
static const struct stk_field backup_start_fields[] = {{FIELD(backup, BACKUP, target, TARGET, STR),
                                                        REQUIRED, .min = 1, .max = STK_TEXT_MAX,
                                                        .help = "a folder that is not there yet"},
                                                       {0}};
static const struct stk_field backup_verify_fields[] = {{FIELD(backup, BACKUP, target, TARGET, STR),
                                                         REQUIRED, .min = 1, .max = STK_TEXT_MAX,
                                                         .help = "the folder of a backup"},
                                                        {0}};
static const struct stk_field none_fields[] = {{0}};

/* --- verbs --- */

#define VERB(NAME, wire, kind_, scope_, args, fields_)                                             \
    .name = wire, .name_size = sizeof(wire) - 1, .number = STK_VERB_##NAME,                        \
    .kind = STK_VERB_##kind_, .scope = STK_SCOPE_##scope_,                                         \
    .args_size = sizeof(struct stk_args_##args), .fields = fields_
#define WITH_ID .id_required = 1, .key_space = STK_KEY_OTHER
#define MAY_ID  .key_space = STK_KEY_OTHER
#define ITS_ID  .id_required = 1, .key_space = STK_KEY_ORDER
#define OF      .order_at = offsetof(struct stk_args_order, order)

#define CHANGED_ORDER "seq, state"
#define CHANGED_CELL  "seq, on_hand, held, available, unsellable, exposed"
#define PAGE_OF(rows) rows ", next (the cursor of the next page; absent at the end)"

static const struct stk_verb verbs[STK_VERB_COUNT] = {
    [STK_VERB_SKU_PUT] = {VERB(SKU_PUT, "sku.put", WRITE, CATALOG, sku_put, sku_put_fields), MAY_ID,
                          .help = "make or change a SKU; fields that are absent stay as they are",
                          .result = "seq, created"},
    [STK_VERB_SKU_GET] = {VERB(SKU_GET, "sku.get", READ, VIEW, name, sku_name_fields),
                          .help = "attributes of a SKU",
                          .result = "the fields of sku.put, and its stock"},
    [STK_VERB_SKU_DELETE] = {VERB(SKU_DELETE, "sku.delete", WRITE, CATALOG, name, sku_name_fields),
                             MAY_ID, .help = "remove a SKU that nothing refers to any more",
                             .result = "seq"},
    [STK_VERB_SKU_LIST] = {VERB(SKU_LIST, "sku.list", READ, VIEW, page, sku_list_fields),
                           .help = "SKUs, a page at a time", .result = PAGE_OF("skus")},
    [STK_VERB_LOCATION_PUT] = {VERB(LOCATION_PUT, "location.put", WRITE, CATALOG, location_put,
                                    location_put_fields),
                               MAY_ID,
                               .help = "make or change a location; absent fields stay as they are",
                               .result = "seq, created"},
    [STK_VERB_LOCATION_GET] = {VERB(LOCATION_GET, "location.get", READ, VIEW, name,
                                    location_name_fields),
                               .help = "a location", .result = "the fields of location.put"},
    [STK_VERB_LOCATION_LIST] = {VERB(LOCATION_LIST, "location.list", READ, VIEW, page,
                                     location_list_fields),
                                .help = "locations, a page at a time",
                                .result = PAGE_OF("locations")},
    [STK_VERB_LISTING_PUT] = {VERB(LISTING_PUT, "listing.put", WRITE, CATALOG, listing_put,
                                   listing_put_fields),
                              MAY_ID,
                              .help = "make or change what a channel sells: a SKU, a multiple, a "
                                      "kit",
                              .result = "seq, created"},
    [STK_VERB_LISTING_GET] = {VERB(LISTING_GET, "listing.get", READ, VIEW, listing, listing_fields),
                              .help = "a listing",
                              .result = "the fields of listing.put, and how many are available"},
    [STK_VERB_LISTING_DELETE] = {VERB(LISTING_DELETE, "listing.delete", WRITE, CATALOG, listing,
                                      listing_fields),
                                 MAY_ID, .help = "remove a listing", .result = "seq"},
    [STK_VERB_LISTING_LIST] = {VERB(LISTING_LIST, "listing.list", READ, VIEW, page,
                                    listing_list_fields),
                               .help = "listings, a page at a time", .result = PAGE_OF("listings")},
    [STK_VERB_STOCK_GET] = {VERB(STOCK_GET, "stock.get", CELL, VIEW, stock_get, stock_get_fields),
                            .help = "stock of a SKU, read at once, never waiting",
                            .result = "sku, available, exposed, cells (location, on_hand, held, "
                                      "unsellable, earmarked)"},
    [STK_VERB_STOCK_RECEIVE] = {VERB(STOCK_RECEIVE, "stock.receive", WRITE, STOCK, stock_receive,
                                     stock_receive_fields),
                                WITH_ID, .help = "units came in", .result = CHANGED_CELL},
    [STK_VERB_STOCK_ADJUST] = {VERB(STOCK_ADJUST, "stock.adjust", WRITE, STOCK, stock_adjust,
                                    stock_adjust_fields),
                               WITH_ID,
                               .help = "units were found, lost, damaged, repaired, scrapped",
                               .result = CHANGED_CELL},
    [STK_VERB_STOCK_COUNT] =
        {VERB(STOCK_COUNT, "stock.count", WRITE, STOCK, stock_count, stock_count_fields), WITH_ID,
         .help = "so many units were there at a time; what moved since then is "
                 "applied again",
         .result = "seq, on_hand, difference, exposed"},
    [STK_VERB_STOCK_SNAPSHOT] = {VERB(STOCK_SNAPSHOT, "stock.snapshot", WRITE, STOCK,
                                      stock_snapshot, stock_snapshot_fields),
                                 WITH_ID,
                                 .help = "a whole set of counts of a location; a breaker holds one "
                                         "that moves too much",
                                 .result =
                                     "seq, state, rows, refused, total; refused_rows (row, sku, "
                                     "why), the first hundred; skus_with_stock and "
                                     "skus_zeroed_or_halved when it is judged"},
    [STK_VERB_SNAPSHOT_LIST] = {VERB(SNAPSHOT_LIST, "snapshot.list", READ, VIEW, page,
                                     location_list_fields),
                                .help = "sets of counts that are filling, judged, held or "
                                        "applied, a page at a time",
                                .result = PAGE_OF("snapshots")},
    [STK_VERB_STOCK_TRANSFER] = {VERB(STOCK_TRANSFER, "stock.transfer", WRITE, STOCK,
                                      stock_transfer, stock_transfer_fields),
                                 WITH_ID, .help = "move units from one location to another",
                                 .result = "seq, state"},
    [STK_VERB_STOCK_EARMARK] = {VERB(STOCK_EARMARK, "stock.earmark", WRITE, STOCK, stock_earmark,
                                     stock_earmark_fields),
                                WITH_ID, .help = "keep units back for one use",
                                .result = "seq, quantity"},
    [STK_VERB_INCOMING_PUT] = {VERB(INCOMING_PUT, "incoming.put", WRITE, STOCK, incoming_put,
                                    incoming_put_fields),
                               WITH_ID, .help = "units are expected", .result = "seq, quantity"},
    [STK_VERB_INCOMING_LIST] = {VERB(INCOMING_LIST, "incoming.list", READ, VIEW, page,
                                     sku_page_fields),
                                .help = "what is expected, a page at a time",
                                .result = PAGE_OF("incoming")},
    [STK_VERB_ORDER_PLACE] = {VERB(ORDER_PLACE, "order.place", WRITE, ORDERS, order_place,
                                   place_fields),
                              ITS_ID,
                              .help = "hold every line or nothing; with fact, hold what there is",
                              .result = CHANGED_ORDER ", expires_at unless firm, shortfall of a "
                                                      "fact"},
    [STK_VERB_ORDER_PAY] = {VERB(ORDER_PAY, "order.pay", WRITE, ORDERS, order, pay_fields), WITH_ID,
                            OF, .help = "make it firm", .result = CHANGED_ORDER},
    [STK_VERB_ORDER_SHIP] = {VERB(ORDER_SHIP, "order.ship", WRITE, ORDERS, order, ship_fields),
                             WITH_ID, OF, .help = "units of it left the house",
                             .result = CHANGED_ORDER},
    [STK_VERB_ORDER_CANCEL] = {VERB(ORDER_CANCEL, "order.cancel", WRITE, ORDERS, order,
                                    cancel_fields),
                               WITH_ID, OF, .help = "give back what it holds",
                               .result = CHANGED_ORDER ", early: it came before its order"},
    [STK_VERB_ORDER_RETURN] = {VERB(ORDER_RETURN, "order.return", WRITE, ORDERS, order,
                                    return_fields),
                               WITH_ID, OF, .help = "shipped units came back",
                               .result = CHANGED_ORDER},
    [STK_VERB_ORDER_REFUND] = {VERB(ORDER_REFUND, "order.refund", WRITE, ORDERS, order,
                                    refund_fields),
                               WITH_ID, OF, .help = "money was given back; never moves stock",
                               .result = CHANGED_ORDER ", refunded"},
    [STK_VERB_ORDER_AMEND] = {VERB(ORDER_AMEND, "order.amend", WRITE, ORDERS, order, amend_fields),
                              WITH_ID, OF, .help = "change, add or take away lines, all or none",
                              .result = CHANGED_ORDER},
    [STK_VERB_ORDER_EXTEND] = {VERB(ORDER_EXTEND, "order.extend", WRITE, ORDERS, order,
                                    extend_fields),
                               WITH_ID, OF, .help = "hold it longer",
                               .result = CHANGED_ORDER ", expires_at"},
    [STK_VERB_ORDER_REVIEW] = {VERB(ORDER_REVIEW, "order.review", WRITE, ORDERS, order,
                                    review_fields),
                               WITH_ID, OF, .help = "a person looks at it; it does not expire",
                               .result = CHANGED_ORDER},
    [STK_VERB_ORDER_RELEASE] = {VERB(ORDER_RELEASE, "order.release", WRITE, ORDERS, order,
                                     release_fields),
                                WITH_ID, OF, .help = "the review is over; it goes on",
                                .result = CHANGED_ORDER ", expires_at"},
    [STK_VERB_ORDER_SELL] = {VERB(ORDER_SELL, "order.sell", WRITE, ORDERS, order_place,
                                  sell_fields),
                             ITS_ID, .help = "place, pay and ship at once: a till",
                             .result = CHANGED_ORDER},
    [STK_VERB_ORDER_GET] = {VERB(ORDER_GET, "order.get", READ, VIEW, order, order_get_fields), OF,
                            .takes_source = 1, .help = "an order, also one that is archived",
                            .result = "the order as it was placed and what became of each line"},
    [STK_VERB_ORDER_LIST] = {VERB(ORDER_LIST, "order.list", READ, VIEW, page, order_list_fields),
                             .help = "orders, a page at a time", .result = PAGE_OF("orders")},
    [STK_VERB_SHORTFALL_LIST] = {VERB(SHORTFALL_LIST, "shortfall.list", READ, VIEW, page,
                                      sku_page_fields),
                                 .help = "units sold that stock does not cover",
                                 .result = PAGE_OF("shortfalls")},
    [STK_VERB_SHORTFALL_RESOLVE] = {VERB(SHORTFALL_RESOLVE, "shortfall.resolve", WRITE, ORDERS,
                                         shortfall_resolve, resolve_fields),
                                    WITH_ID,
                                    .order_at = offsetof(struct stk_args_shortfall_resolve, order),
                                    .help = "settle a line's shortfall",
                                    .result = CHANGED_ORDER ", shortfall that is left"},
    [STK_VERB_JOURNAL_READ] = {VERB(JOURNAL_READ, "journal.read", READER, OPERATE, journal_read,
                                    journal_read_fields),
                               .help = "effects in their order, a page at a time",
                               .result = "effects (seq, time, verb, who, rows), next, last"},
    [STK_VERB_BACKUP_START] = {VERB(BACKUP_START, "backup.start", READER, OPERATE, backup,
                                    backup_start_fields),
                               .help =
                                   "make a backup while the engine runs; answers when it is made",
                               .result = "target, folded, last, bytes"},
    [STK_VERB_BACKUP_VERIFY] = {VERB(BACKUP_VERIFY, "backup.verify", READER, OPERATE, backup,
                                     backup_verify_fields),
                                .help = "check every file, checksum and chain of a backup",
                                .result = "target, folded, last, bytes"},
    [STK_VERB_STATUS] = {VERB(STATUS, "status", READER, VIEW, none, none_fields),
                         .help = "how the engine is",
                         .result = "version, uptime, sequences, flush times, capacities, warnings"},
    [STK_VERB_CHANNEL_PUT] = {VERB(CHANNEL_PUT, "channel.put", WRITE, OPERATE, channel_put,
                                   stk_channel_put_fields),
                              MAY_ID,
                              .help = "open a channel as an outlet, or change its quantity policy; "
                                      "a new one only observes",
                              .result = "seq, created"},
    [STK_VERB_CHANNEL_LIST] = {VERB(CHANNEL_LIST, "channel.list", READ, VIEW, page,
                                    location_list_fields),
                               .help = "channels, a page at a time", .result = PAGE_OF("channels")},
    [STK_VERB_CHANNEL_STATUS] = {VERB(CHANNEL_STATUS, "channel.status", READ, VIEW, channel,
                                      stk_channel_fields),
                                 .help = "a channel: policy, ladder, what is queued and on its way",
                                 .result = "the fields of channel.put, steps, states, queued, "
                                           "oldest_unsent_ms, watermark_at"},
    [STK_VERB_CHANNEL_PAUSE] = {VERB(CHANNEL_PAUSE, "channel.pause", WRITE, OPERATE, channel,
                                     stk_channel_fields),
                                MAY_ID, .help = "write nothing until it is resumed",
                                .result = "seq"},
    [STK_VERB_CHANNEL_RESUME] = {VERB(CHANNEL_RESUME, "channel.resume", WRITE, OPERATE, channel,
                                      stk_channel_fields),
                                 MAY_ID, .help = "go on, also after a breaker or a hand-back",
                                 .result = "seq"},
    [STK_VERB_CHANNEL_GOLIVE] = {VERB(CHANNEL_GOLIVE, "channel.golive", WRITE, OPERATE,
                                      channel_golive, stk_channel_golive_fields),
                                 MAY_ID,
                                 .help = "how far the engine may go: observe, zero_only, lower, "
                                         "full; for all listings or a share of them",
                                 .result = "seq"},
    [STK_VERB_CHANNEL_HANDBACK] = {VERB(CHANNEL_HANDBACK, "channel.handback", WRITE, OPERATE,
                                        channel, stk_channel_fields),
                                   MAY_ID,
                                   .help = "stop writing now; what is on its way is waited for, "
                                           "then the channel only observes",
                                   .result = "seq, on_way"},
    [STK_VERB_CHANNEL_FLUSH] = {VERB(CHANNEL_FLUSH, "channel.flush", WRITE, OPERATE, channel,
                                     stk_channel_fields),
                                MAY_ID, .help = "send what is queued as soon as budget allows",
                                .result = "seq, queued"},
    [STK_VERB_CHANNEL_RESYNC] = {VERB(CHANNEL_RESYNC, "channel.resync", WRITE, OPERATE, channel,
                                      stk_channel_fields),
                                 MAY_ID,
                                 .help = "look at every listing, and forget what it was told: all "
                                         "values are sent again",
                                 .result = "seq, listings"},
    [STK_VERB_CHANNEL_DISCOVER] = {VERB(CHANNEL_DISCOVER, "channel.discover", WRITE, OPERATE,
                                        channel, stk_channel_fields),
                                   MAY_ID, .help = "read the shop's listings anew",
                                   .result = "seq"},
    [STK_VERB_CHANNEL_DIFF] = {VERB(CHANNEL_DIFF, "channel.diff", READ, VIEW, channel,
                                    stk_channel_diff_fields),
                               .help = "what would be written, and what there is now",
                               .result = PAGE_OF("differences (listing, kind, desired, sent, "
                                                 "accepted, observed, state)")},
    [STK_VERB_CHANNEL_GRANT] = {VERB(CHANNEL_GRANT, "channel.grant", WRITE, OPERATE, channel_grant,
                                     stk_channel_grant_fields),
                                MAY_ID,
                                .help = "for the channel's own thread: leave to send these values",
                                .result = "seq, items (grant, listing, kind, value, before), "
                                          "queued, flush_asked, discover_asked, resync_asked, "
                                          "paused, handing_back"},
    [STK_VERB_CHANNEL_RESULT] = {VERB(CHANNEL_RESULT, "channel.result", WRITE, OPERATE,
                                      channel_result, stk_channel_result_fields),
                                 MAY_ID, .help = "what the channel said to granted values",
                                 .result = "seq, stale"},
    [STK_VERB_CHANNEL_OBSERVE] = {VERB(CHANNEL_OBSERVE, "channel.observe", WRITE, OPERATE,
                                       channel_observe, stk_channel_observe_fields),
                                  MAY_ID, .help = "values that were read at the channel",
                                  .result = "seq, unknown, older"},
    [STK_VERB_CHANNEL_NOTE] = {VERB(CHANNEL_NOTE, "channel.note", WRITE, OPERATE, channel_note,
                                    stk_channel_note_fields),
                               MAY_ID,
                               .help = "a durable key-value of the channel's plugin, its cursors "
                                       "among them, and its watermark",
                               .result = "seq"},
    [STK_VERB_CHANNEL_NOTE_GET] = {VERB(CHANNEL_NOTE_GET, "channel.note_get", READ, OPERATE,
                                        channel_note, stk_channel_note_get_fields),
                                   .help = "a key-value of the channel's plugin",
                                   .result = "value"},
};

const struct stk_verb *stk_verb_by_number(unsigned number)
{
    return number > 0 && number < STK_VERB_COUNT ? &verbs[number] : NULL;
}

const struct stk_verb *stk_verb_by_name(struct stk_bytes name)
{
    for (unsigned i = 1; i < STK_VERB_COUNT; i++)
        if (verbs[i].name_size == name.size && memcmp(verbs[i].name, name.data, name.size) == 0)
            return &verbs[i];
    return NULL;
}
