/* import orders.
 *
 * Rows of one order are gathered until none came for --group-rows rows (or memory is used up), then
 * the order is placed under its own id; so a second run repeats what is there. Lines that were
 * placed are remembered by customer and SKU: a cancellation (an order id with --cancel-prefix)
 * gives them back, the newest first. */
#include "tools/stockade/orders.h"
#include "core/base/limits.h"
#include "tools/stockade/args.h"
#include "tools/stockade/country.h"
#include "tools/stockade/texts.h"
#include <stdlib.h>
#include <string.h>

#define GROUP_ROWS_DEFAULT 10000
#define GROUP_BYTES_MAX    (256 * 1024 * 1024)
#define ROW_BYTES          400 /* about: a row's JSON and bookkeeping */

/* --- begin and end --- */

static enum stk_status orders_begin(struct import *import, struct stk_error *err)
{
    struct orders *own = must_alloc(sizeof(*own));
    import->own = own;
    own->stage = import->options.stage[0] == 's' ? 2 : import->options.stage[1] == 'a' ? 1 : 0;
    own->verb = stk_verb_by_number(own->stage == 2 ? STK_VERB_ORDER_SELL : STK_VERB_ORDER_PLACE);
    own->line_fields = args_field(own->verb->fields, "lines", 5)->sub;
    if (!import->options.group_rows)
        import->options.group_rows = GROUP_ROWS_DEFAULT;
    if (!columns_has(&import->columns, "sku") && !columns_has(&import->columns, "listing"))
        return stk_error_set(err, STK_INVALID, T_IMPORT_COLUMN, "sku", import->report.header,
                             "sku");
    if (columns_has(&import->columns, "unit_price") && !import->exponent_of[0] &&
        !columns_has(&import->columns, "currency"))
        return stk_error_set(err, STK_INVALID, T_IMPORT_NEEDS_CURRENCY);
    return STK_OK;
}

void order_free(struct order *order)
{
    for (size_t i = 0; i < order->count; i++) {
        free(order->rows[i].raw);
        free(order->rows[i].reason);
        json_decref(order->rows[i].item);
    }
    free(order->rows);
    free(order->id);
    free(order->customer);
    json_decref(order->params);
    free(order);
}

static void orders_fini(struct import *import)
{
    struct orders *own = import->own;
    if (!own)
        return;
    while (own->first) {
        struct order *next = own->first->next;
        order_free(own->first);
        own->first = next;
    }
    give_back_fini(own);
    map_fini(&own->open);
    map_fini(&own->done);
    free(own);
}

/* --- refusals --- */

void order_refuse_row(struct order *order, struct order_row *row, const char *code,
                      const char *reason)
{
    report_refuse(&order->import->report, row->line, code, reason, row->raw);
}

/* The whole order: rows that were bad say why themselves. */
void order_refuse(struct order *order, const char *code, const char *reason)
{
    for (size_t i = 0; i < order->count; i++) {
        struct order_row *row = &order->rows[i];
        order_refuse_row(order, row, row->reason ? row->code : code,
                         row->reason ? row->reason : reason);
    }
}

void order_spoil(struct order *order, struct order_row *row, const char *code, const char *reason)
{
    if (row->reason)
        return;
    row->reason = must_copy(reason, strlen(reason));
    snprintf(row->code, sizeof(row->code), "%s", code);
    order->bad++;
}

/* --- answers --- */

static void on_paid(void *arg, const struct client_reply *reply)
{
    struct order *order = arg;
    if (reply->status != STK_OK)
        order_refuse(order, stk_status_name(reply->status), reply->message);
    else
        report_add(&order->import->report, T_COUNT_PAID, 1);
    order_free(order);
}

/* Paying follows placing; a callback may send. */
static int send_pay(struct order *order)
{
    struct stk_error err = {0};
    char id[IMPORT_ID_TEXT];
    json_t *params = json_pack("{s:s}", "order", order->id);
    import_id(params, "pay", id);
    enum stk_status status =
        import_send(order->import, "order.pay", params, id, on_paid, order, &err);
    json_decref(params);
    if (status != STK_OK)
        order_refuse(order, stk_status_name(status), err.text);
    return status == STK_OK;
}

/* Units of a marketplace's order that stock does not cover. */
static uint64_t shortfall_of(const struct stk_value *result)
{
    const struct stk_value *whole = stk_value_get(result, "shortfall");
    const struct stk_value *lines = stk_value_get(result, "lines");
    uint64_t units = 0;
    if (whole && whole->type == STK_VALUE_INT)
        return (uint64_t)whole->as.integer;
    for (uint32_t i = 0; lines && lines->type == STK_VALUE_ARRAY && i < lines->size; i++) {
        const struct stk_value *part = stk_value_get(&lines->as.items[i], "shortfall");
        units += part && part->type == STK_VALUE_INT ? (uint64_t)part->as.integer : 0;
    }
    return units;
}

/* The engine names the lines that are short; the other rows stay away with them. */
static void refuse_short(struct order *order, const struct client_reply *reply)
{
    const struct stk_value *lines = stk_value_get(reply->error, "lines");
    char reason[128];
    report_add(&order->import->report, T_COUNT_SHORT, 1);
    report_add(&order->import->report, T_COUNT_SHORT_ROWS, order->count);
    if (!lines || lines->type != STK_VALUE_ARRAY || !lines->size) {
        order_refuse(order, "SHORT", reply->message);
        return;
    }
    for (uint32_t i = 0; i < lines->size; i++) {
        const struct stk_value *line = stk_value_get(&lines->as.items[i], "line");
        const struct stk_value *wanted = stk_value_get(&lines->as.items[i], "wanted");
        const struct stk_value *there = stk_value_get(&lines->as.items[i], "available");
        if (!line || !wanted || !there || line->type != STK_VALUE_INT || line->as.integer < 1 ||
            (uint64_t)line->as.integer > order->count)
            continue;
        snprintf(reason, sizeof(reason), T_ORDER_SHORT, wanted->as.integer, there->as.integer);
        order_spoil(order, &order->rows[line->as.integer - 1], "SHORT", reason);
    }
    order_refuse(order, "SHORT_ORDER", T_ORDER_OTHER_SHORT);
}

static void on_placed(void *arg, const struct client_reply *reply)
{
    struct order *order = arg;
    struct report *report = &order->import->report;
    struct orders *own = order->import->own;
    if (reply->status != STK_OK) {
        if (reply->status == STK_SHORT)
            refuse_short(order, reply);
        else
            order_refuse(order, stk_status_name(reply->status), reply->message);
        if (import_is_repeat(order->import, reply))
            report_add(report, T_COUNT_REPEATS, 1);
        order_free(order);
        return;
    }
    uint64_t units = shortfall_of(reply->result);
    report_add(report, own->stage == 2 ? T_COUNT_SHIPPED : T_COUNT_PLACED, 1);
    report_add(report, T_COUNT_LINES, order->count);
    if (import_is_repeat(order->import, reply))
        report_add(report, T_COUNT_REPEATS, 1);
    if (units)
        report_add(report, T_COUNT_SHORTFALL, units);
    give_back_remember(order);
    if (own->stage != 1 || !send_pay(order))
        order_free(order);
}

/* --- placing --- */

static int is_cancellation(const struct import *import, const char *id)
{
    const char *prefix = import->options.cancel_prefix;
    return prefix && *prefix && !strncmp(id, prefix, strlen(prefix));
}

static void show_order(struct order *order)
{
    for (size_t i = 0; i < order->count; i++) {
        json_t *row =
            json_pack("{s:s,s:I}", "order", order->id, "line", (json_int_t)order->rows[i].line);
        json_object_update(row, order->rows[i].item);
        json_object_update_missing(row, order->params);
        import_show(order->import, row);
    }
}

static enum stk_status place_order(struct order *order, struct stk_error *err)
{
    struct import *import = order->import;
    struct orders *own = import->own;
    json_t *lines = json_array();
    for (size_t i = 0; i < order->count; i++)
        json_array_append(lines, order->rows[i].item);
    json_object_set_new(order->params, "lines", lines);
    enum stk_status status =
        import_send(import, own->verb->name, order->params, order->id, on_placed, order, err);
    if (status == STK_OK || status == STK_IO)
        return status;
    order_refuse(order, stk_status_name(status), err->text);
    order_free(order);
    return STK_OK;
}

/* The oldest order is complete: it leaves the gathering for good. */
static enum stk_status dispatch(struct import *import, struct stk_error *err)
{
    struct orders *own = import->own;
    struct order *order = own->first;
    own->first = order->next;
    if (!own->first)
        own->last = NULL;
    own->gathered_bytes -= order->count * ROW_BYTES;
    *map_at(&own->open, order->id, strlen(order->id), NULL) = 0;
    map_at(&own->done, order->id, strlen(order->id), NULL);
    if (is_cancellation(import, order->id))
        return give_back_order(order, err);
    for (size_t i = 0; i < order->count; i++)
        if (order->rows[i].quantity < 0)
            order_spoil(order, &order->rows[i], "NEGATIVE", T_ORDER_NEGATIVE);
    if (order->count > STK_LINES_MAX)
        order_spoil(order, &order->rows[0], "TOO_LARGE", T_ORDER_LARGE);
    if (order->bad) {
        report_add(&import->report, T_COUNT_BAD_ORDERS, 1);
        order_refuse(order, "ORDER", T_ORDER_SPOILED);
    } else if (import->client) {
        return place_order(order, err);
    } else {
        report_add(&import->report, T_COUNT_WOULD_PLACE, 1);
        report_add(&import->report, T_COUNT_LINES, order->count);
        show_order(order);
    }
    order_free(order);
    return STK_OK;
}

/* --- gathering --- */

static void set_text(json_t *map, const char *name, const char *text)
{
    if (text && *text)
        json_object_set_new(map, name, json_string(text));
}

/* What holds for the whole order, from its first row. */
static void read_head(struct order *order, const struct csv_row *row, struct order_row *first,
                      const char *currency)
{
    struct import *import = order->import;
    const struct import_options *chosen = &import->options;
    struct orders *own = import->own;
    struct stk_error err = {0};
    struct stk_bytes country = import_cell(import, row, "country");
    struct stk_bytes channel = import_cell(import, row, "channel");
    char code[3] = "", name[STK_ID_MAX + 1];
    snprintf(name, sizeof(name), "%.*s", (int)channel.size, channel.data);
    set_text(order->params, "channel", channel.size ? name : chosen->channel);
    if (country.size && !country_code(country.data, country.size, code))
        report_add(&import->report, T_COUNT_COUNTRIES, 1);
    if (!*code && chosen->country && !country_code(chosen->country, strlen(chosen->country), code))
        order_spoil(order, first, "INVALID", T_ORDER_COUNTRY);
    set_text(order->params, "country", code);
    set_text(order->params, "currency", currency);
    const struct stk_field *field = args_field(own->verb->fields, "placed_at", 9);
    json_t *when = import_value(import, row, field, NULL, &err);
    if (when)
        json_object_set_new(order->params, "placed_at", when);
    else if (err.status != STK_OK)
        order_spoil(order, first, "DATE", err.text);
    if (chosen->fact)
        json_object_set_new(order->params, "fact", json_true());
    if (chosen->split)
        json_object_set_new(order->params, "split", json_true());
}

static struct order *open_order(struct import *import, const char *id, const struct csv_row *row,
                                int *is_first)
{
    struct orders *own = import->own;
    uint64_t *slot = map_at(&own->open, id, strlen(id), NULL);
    struct order *order = (struct order *)(uintptr_t)*slot;
    *is_first = !order;
    if (order)
        return order;
    struct stk_bytes customer = import_cell(import, row, "customer");
    order = must_alloc(sizeof(*order));
    *slot = (uint64_t)(uintptr_t)order;
    order->import = import;
    order->id = must_copy(id, strlen(id));
    order->customer = must_copy(customer.data, customer.size);
    order->params = json_object();
    if (own->last)
        own->last->next = order;
    else
        own->first = order;
    own->last = order;
    return order;
}

static struct order_row *add_row(struct order *order, const struct csv_row *row)
{
    struct orders *own = order->import->own;
    if (order->count == order->room) {
        order->room = order->room ? order->room * 2 : 4;
        order->rows = must_resize(order->rows, order->room * sizeof(*order->rows));
    }
    struct order_row *added = &order->rows[order->count++];
    memset(added, 0, sizeof(*added));
    added->line = row->line;
    added->raw = import_raw(row);
    added->item = json_object();
    order->last_row = own->row;
    own->gathered_bytes += ROW_BYTES;
    return added;
}

/* One row's SKU, quantity and money. */
static void read_line(struct order *order, struct order_row *added, const struct csv_row *row,
                      const char *sku, const char *currency)
{
    static const char *const names[] = {"listing", "unit_price", "discount", "tax"};
    struct import *import = order->import;
    struct orders *own = import->own;
    struct stk_error err = {0};
    struct stk_bytes quantity = import_cell(import, row, "quantity");
    snprintf(added->sku, sizeof(added->sku), "%s", sku);
    set_text(added->item, "sku", sku);
    if (!import_quantity(quantity, &added->quantity, &err))
        order_spoil(order, added, "QUANTITY", err.text);
    else if (!added->quantity)
        order_spoil(order, added, "QUANTITY", T_ORDER_ZERO);
    json_object_set_new(added->item, "quantity", json_integer(added->quantity));
    for (int i = 0; i < 4; i++) {
        const struct stk_field *field = args_field(own->line_fields, names[i], strlen(names[i]));
        json_t *value = import_value(import, row, field, currency, &err);
        if (value)
            json_object_set_new(added->item, names[i], value);
        else if (err.status != STK_OK)
            order_spoil(order, added, "INVALID", err.text);
    }
}

/* 0: the row is refused or skipped. An order may name listings instead of SKUs. */
static int row_ids(struct import *import, const struct csv_row *row, char *id, char *sku,
                   struct stk_error *err)
{
    struct orders *own = import->own;
    struct stk_bytes order = import_cell(import, row, "order");
    struct stk_bytes listing = import_cell(import, row, "listing");
    if (!order.size || order.size > STK_ID_MAX) {
        stk_error_set(err, STK_INVALID, order.size ? T_ORDER_ID_LONG : T_ORDER_ID_EMPTY,
                      STK_ID_MAX);
        import_refuse(import, row, "ORDER_ID", err);
        return 0;
    }
    snprintf(id, STK_ID_MAX + 1, "%.*s", (int)order.size, order.data);
    *sku = '\0';
    if (!(listing.size && !import_cell(import, row, "sku").size) &&
        !import_sku(import, row, sku, err)) {
        import_refuse(import, row, "SKU", err);
        return 0;
    }
    if (*sku && import_skips(import, sku)) {
        report_add(&import->report, T_COUNT_SKIPPED, 1);
        return 0;
    }
    if (map_find(&own->done, id, strlen(id))) {
        stk_error_set(err, STK_INVALID, T_ORDER_SCATTERED, import->options.group_rows);
        import_refuse(import, row, "SCATTERED", err);
        return 0;
    }
    return 1;
}

static enum stk_status orders_row(struct import *import, const struct csv_row *row,
                                  struct stk_error *err)
{
    struct orders *own = import->own;
    char id[STK_ID_MAX + 1], sku[STK_ID_MAX + 1];
    enum stk_status status = STK_OK;
    int is_first;
    own->row++;
    if (row_ids(import, row, id, sku, err)) {
        struct order *order = open_order(import, id, row, &is_first);
        struct order_row *added = add_row(order, row);
        err->status = STK_OK;
        const char *currency = import_currency(import, row, err);
        if (err->status != STK_OK)
            order_spoil(order, added, "INVALID", err->text);
        if (is_first)
            read_head(order, row, added, currency);
        read_line(order, added, row, sku, currency);
    }
    while (own->first && status == STK_OK &&
           (own->first->last_row + (uint64_t)import->options.group_rows < own->row ||
            own->gathered_bytes > GROUP_BYTES_MAX))
        status = dispatch(import, err);
    return status;
}

static enum stk_status orders_end(struct import *import, struct stk_error *err)
{
    struct orders *own = import->own;
    enum stk_status status = STK_OK;
    while (own->first && status == STK_OK) {
        status = dispatch(import, err);
        report_progress(&import->report, import->charset.bytes);
    }
    return status;
}

static const char *const order_fields[] = {
    "order",    "sku",     "listing",  "quantity", "unit_price", "discount", "tax",
    "customer", "country", "currency", "channel",  "placed_at",  NULL};
const struct import_kind import_orders = {"orders",   order_fields, "order quantity", orders_begin,
                                          orders_row, orders_end,   orders_fini};
