/* Cancellations of an import. Lines that were placed are chained by customer and SKU; a cancelled
 * quantity takes from the newest first, and what finds no line is refused with its reason. */
#include "tools/stockade/orders.h"
#include "tools/stockade/texts.h"
#include <stdlib.h>
#include <string.h>

static struct placed **placed_at(struct orders *own, const char *customer, const char *sku)
{
    struct buffer key = {0};
    buffer_printf(&key, "%s\1%s", customer, sku);
    uint64_t *value = map_at(&own->placed, key.data, key.size, NULL);
    buffer_fini(&key);
    return (struct placed **)(void *)value;
}

void give_back_remember(struct order *order)
{
    struct orders *own = order->import->own;
    if (!order->import->options.cancel_prefix || !*order->customer)
        return;
    for (size_t i = 0; i < order->count; i++) {
        struct placed **at = placed_at(own, order->customer, order->rows[i].sku);
        struct placed *placed = must_alloc(sizeof(*placed));
        *placed = (struct placed){*at, must_copy(order->id, strlen(order->id)), (uint32_t)i + 1,
                                  order->rows[i].quantity};
        *at = placed;
    }
}

struct give_back {
    struct import *import;
    uint64_t line;
    char *raw;
    int64_t quantity;
};

static void on_given_back(void *arg, const struct client_reply *reply)
{
    struct give_back *deed = arg;
    struct orders *own = deed->import->own;
    struct report *report = &deed->import->report;
    if (reply->status != STK_OK) {
        report_refuse(report, deed->line, stk_status_name(reply->status), reply->message,
                      deed->raw);
        if (import_is_repeat(deed->import, reply))
            report_add(report, T_COUNT_REPEATS, 1);
    } else {
        report_add(report, own->stage == 2 ? T_COUNT_RETURNED : T_COUNT_CANCELLED,
                   (uint64_t)deed->quantity);
        if (import_is_repeat(deed->import, reply))
            report_add(report, T_COUNT_REPEATS, 1);
    }
    free(deed->raw);
    free(deed);
}

static enum stk_status send_back(struct order *order, const struct order_row *row, size_t number,
                                 struct placed *placed, int64_t quantity, struct stk_error *err)
{
    struct orders *own = order->import->own;
    char id[IMPORT_ID_TEXT], salt[STK_ID_MAX + 32];
    json_t *params = json_pack("{s:s,s:[{s:i,s:I}]}", "order", placed->order, "lines", "line",
                               (int)placed->line, "quantity", (json_int_t)quantity);
    json_t *when = json_object_get(order->params, "placed_at");
    if (when && own->stage == 2)
        json_object_set(params, "occurred_at", when);
    struct give_back *deed = must_alloc(sizeof(*deed));
    *deed = (struct give_back){order->import, row->line, must_copy(row->raw, strlen(row->raw)),
                               quantity};
    /* Its row and the line that it gives back: the same in every run. */
    snprintf(salt, sizeof(salt), "%s %zu", order->id, number);
    import_id(params, salt, id);
    enum stk_status status =
        import_send(order->import, own->stage == 2 ? "order.return" : "order.cancel", params, id,
                    on_given_back, deed, err);
    json_decref(params);
    return status;
}

static enum stk_status cancel_row(struct order *order, struct order_row *row, size_t number,
                                  struct stk_error *err)
{
    struct orders *own = order->import->own;
    int64_t want = -row->quantity, left = want;
    struct placed *at = *order->customer ? *placed_at(own, order->customer, row->sku) : NULL;
    struct buffer reason = {0};
    for (; at && left > 0; at = at->older) {
        int64_t part = at->left < left ? at->left : left;
        if (!part)
            continue;
        if (send_back(order, row, number, at, part, err) != STK_OK)
            return err->status;
        at->left -= part;
        left -= part;
    }
    if (!left)
        return STK_OK;
    if (!*order->customer)
        buffer_text(&reason, T_CANCEL_NO_CUSTOMER);
    else
        buffer_printf(&reason, T_CANCEL_UNMATCHED, order->customer, row->sku, left, want);
    order_refuse_row(order, row, "UNMATCHED", reason.data);
    buffer_fini(&reason);
    return STK_OK;
}

/* What was placed before must have its answer first. */
enum stk_status give_back_order(struct order *order, struct stk_error *err)
{
    struct import *import = order->import;
    enum stk_status status = STK_OK;
    report_add(&import->report, T_COUNT_CANCELLATIONS, 1);
    if (import->client)
        status = client_drain(import->client, err);
    for (size_t i = 0; i < order->count && status == STK_OK; i++) {
        struct order_row *row = &order->rows[i];
        if (!row->reason && row->quantity > 0)
            order_spoil(order, row, "QUANTITY", T_CANCEL_POSITIVE);
        if (row->reason)
            order_refuse_row(order, row, row->code, row->reason);
        else if (import->client)
            status = cancel_row(order, row, i + 1, err);
    }
    order_free(order);
    return status;
}

void give_back_fini(struct orders *own)
{
    for (size_t i = 0; i < own->placed.capacity; i++) {
        struct placed *at = own->placed.entries[i].key
                                ? (struct placed *)(uintptr_t)own->placed.entries[i].value
                                : NULL;
        while (at) {
            struct placed *older = at->older;
            free(at->order);
            free(at);
            at = older;
        }
    }
    map_fini(&own->placed);
}
