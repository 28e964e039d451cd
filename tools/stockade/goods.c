/* import skus and import stock.
 *
 * skus: one sku.put a row. A file of orders names a SKU many times: each field is taken from the
 * first row that has it, and a row that adds nothing is not sent.
 * stock: counts or deliveries row by row; snapshots and --sum gather the whole file first. */
#include "tools/stockade/args.h"
#include "tools/stockade/import.h"
#include "tools/stockade/json.h"
#include "tools/stockade/stock.h"
#include "tools/stockade/texts.h"
#include "tools/stockade/when.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GATHER_MAX 20000000 /* SKUs that a snapshot or a sum may hold in memory */

/* --- a row under way --- */

struct sent {
    struct import *import;
    uint64_t line;
    const char *done; /* name of its count */
    char *raw;
};

static void on_answer(void *arg, const struct client_reply *reply)
{
    struct sent *sent = arg;
    struct report *report = &sent->import->report;
    if (reply->status != STK_OK) {
        report_refuse(report, sent->line, stk_status_name(reply->status), reply->message,
                      sent->raw);
        if (import_is_repeat(sent->import, reply))
            report_add(report, T_COUNT_REPEATS, 1);
    } else {
        report_add(report, sent->done, 1);
        if (import_is_repeat(sent->import, reply))
            report_add(report, T_COUNT_REPEATS, 1);
    }
    free(sent->raw);
    free(sent);
}

/* Sends one row's call; what is too large for a message is that row's own fault. */
static enum stk_status send_row(struct import *import, const char *verb, json_t *params,
                                const char *id, uint64_t line, const char *raw, const char *done,
                                struct stk_error *err)
{
    struct sent *sent = NULL;
    if (import->client) {
        sent = must_alloc(sizeof(*sent));
        *sent = (struct sent){import, line, done, must_copy(raw, strlen(raw))};
    } else {
        import_show(import, json_deep_copy(params));
        report_add(&import->report, done, 1);
    }
    enum stk_status status = import_send(import, verb, params, id, on_answer, sent, err);
    if (status == STK_OK || status == STK_IO)
        return status; /* lost: the callback has run or never will, and the import ends */
    report_refuse(&import->report, line, stk_status_name(status), err->text, raw);
    if (sent)
        free(sent->raw);
    free(sent);
    return STK_OK;
}

/* --- SKUs --- */

struct skus {
    const struct stk_verb *verb;
    struct map given; /* SKU to the fields it has got, a bit each, and bit 63: sent */
    char salt[WHEN_TEXT];
};
#define SENT_BIT (UINT64_C(1) << 63)

static const char *sku_fields[STK_FIELDS_MAX + 1];

static enum stk_status skus_begin(struct import *import, struct stk_error *err)
{
    struct skus *own = must_alloc(sizeof(*own));
    (void)err;
    own->verb = stk_verb_by_number(STK_VERB_SKU_PUT);
    /* The file's own time is in the ids: putting back what an older file said is a new deed. */
    snprintf(own->salt, sizeof(own->salt), "%" PRId64, import->file_ms);
    if (import->options.batch)
        snprintf(own->salt, sizeof(own->salt), "%s", import->options.batch);
    import->own = own;
    return STK_OK;
}

static void skus_fini(struct import *import)
{
    struct skus *own = import->own;
    if (own)
        map_fini(&own->given);
    free(own);
}

/* What this row adds to what its SKU has got. NULL: the row is refused (err). */
static json_t *sku_params(struct import *import, const struct csv_row *row, const char *sku,
                          uint64_t *given, struct stk_error *err)
{
    struct skus *own = import->own;
    json_t *params = json_object();
    uint64_t adds = 0;
    int money = 0;
    err->status = STK_OK;
    const char *currency = import_currency(import, row, err);
    json_object_set_new(params, "sku", json_string(sku));
    for (int i = 0; err->status == STK_OK && own->verb->fields[i].name; i++) {
        const struct stk_field *field = &own->verb->fields[i];
        if (!strcmp(field->name, "sku") || *given & UINT64_C(1) << i)
            continue;
        json_t *value = import_value(import, row, field, currency, err);
        if (!value)
            continue;
        json_object_set_new(params, field->name, value);
        adds |= UINT64_C(1) << i;
        money |= field->type == STK_FIELD_MONEY;
    }
    if (err->status != STK_OK) {
        json_decref(params);
        return NULL;
    }
    if (money && currency)
        json_object_set_new(params, "currency", json_string(currency));
    *given |= adds;
    return params;
}

static enum stk_status skus_row(struct import *import, const struct csv_row *row,
                                struct stk_error *err)
{
    struct skus *own = import->own;
    char sku[STK_ID_MAX + 1], id[IMPORT_ID_TEXT];
    if (!import_sku(import, row, sku, err)) {
        import_refuse(import, row, "SKU", err);
        return STK_OK;
    }
    if (import_skips(import, sku)) {
        report_add(&import->report, T_COUNT_SKIPPED, 1);
        return STK_OK;
    }
    uint64_t *given = map_at(&own->given, sku, strlen(sku), NULL);
    uint64_t before = *given;
    json_t *params = sku_params(import, row, sku, given, err);
    if (!params) {
        import_refuse(import, row, "INVALID", err);
        return STK_OK;
    }
    if (before & SENT_BIT && *given == before) {
        report_add(&import->report, T_COUNT_SAME_SKU, 1);
        json_decref(params);
        return STK_OK;
    }
    *given |= SENT_BIT;
    char *raw = import_raw(row);
    import_id(params, own->salt, id);
    enum stk_status status = send_row(import, "sku.put", params, id, row->line, raw,
                                      before & SENT_BIT ? T_COUNT_SKUS_FILLED : T_COUNT_SKUS, err);
    free(raw);
    json_decref(params);
    return status;
}

static enum stk_status nothing_left(struct import *import, struct stk_error *err)
{
    (void)import;
    (void)err;
    return STK_OK;
}

/* The fields of sku.put by their names, made before the first file is read. */
__attribute__((constructor)) static void name_sku_fields(void)
{
    const struct stk_field *fields = stk_verb_by_number(STK_VERB_SKU_PUT)->fields;
    for (int i = 0; fields[i].name && i < STK_FIELDS_MAX; i++)
        sku_fields[i] = fields[i].name;
}

const struct import_kind import_skus = {"skus",   sku_fields,   "sku",    skus_begin,
                                        skus_row, nothing_left, skus_fini};

/* --- stock --- */

static enum stk_status stock_begin(struct import *import, struct stk_error *err)
{
    const struct import_options *chosen = &import->options;
    struct stock *own = must_alloc(sizeof(*own));
    const char *slash = strrchr(import->path, '/');
    import->own = own;
    own->receives = !strcmp(chosen->as, "receive");
    own->snapshot = !strcmp(chosen->as, "snapshot");
    own->gathers = chosen->sum || own->snapshot;
    own->batch = chosen->batch ? chosen->batch : slash ? slash + 1 : import->path;
    own->as_of = import->file_ms;
    struct stk_clock clock = stk_clock_real();
    if (chosen->as_of && !strcmp(chosen->as_of, "now"))
        own->as_of = clock.now_ms(clock.self);
    else if (chosen->as_of && when_parse(chosen->as_of, strlen(chosen->as_of), import->offset_ms,
                                         &own->as_of, err) != STK_OK)
        return stk_error_prefix(err, "--as-of");
    if (!chosen->location && (own->snapshot || !columns_has(&import->columns, "location")))
        return stk_error_set(err, STK_INVALID, T_IMPORT_LOCATION);
    return STK_OK;
}

static void stock_fini(struct import *import)
{
    struct stock *own = import->own;
    if (!own)
        return;
    for (size_t i = 0; i < own->count; i++) {
        free(own->rows[i].sku);
        free(own->rows[i].location);
        free(own->rows[i].raw);
    }
    free(own->rows);
    map_fini(&own->seen);
    free(own);
}

int64_t stock_share(const struct import *import, int64_t quantity)
{
    int64_t percent = import->options.percent;
    return percent ? (quantity * percent + 50) / 100 : quantity;
}

static enum stk_status send_stock(struct import *import, const char *sku, const char *location,
                                  int64_t quantity, json_t *more, uint64_t line, const char *raw,
                                  struct stk_error *err)
{
    struct stock *own = import->own;
    char id[IMPORT_ID_TEXT], salt[STK_ID_MAX * 2 + 32] = "";
    json_t *params = json_pack("{s:s,s:s,s:I}", "sku", sku, "location", location, "quantity",
                               (json_int_t)stock_share(import, quantity));
    json_object_update(params, more);
    json_decref(more);
    if (own->receives) {
        char *words = json_dumps(params, JSON_COMPACT);
        uint64_t *times = map_at(&own->seen, words, strlen(words), NULL);
        snprintf(salt, sizeof(salt), "%.64s#%" PRIu64, own->batch, ++*times);
        free(words);
    } else if (!json_object_get(params, "as_of")) {
        json_object_set_new(params, "as_of", json_integer(own->as_of));
    }
    if (own->receives && json_number(params, "quantity", 0) == 0) {
        report_add(&import->report, T_COUNT_NOTHING, 1);
        json_decref(params);
        return STK_OK;
    }
    import_id(params, salt, id);
    enum stk_status status =
        send_row(import, own->receives ? "stock.receive" : "stock.count", params, id, line, raw,
                 own->receives ? T_COUNT_RECEIVED : T_COUNT_COUNTED, err);
    json_decref(params);
    return status;
}

static enum stk_status gather(struct import *import, const struct csv_row *row, const char *sku,
                              const char *location, int64_t quantity, struct stk_error *err)
{
    struct stock *own = import->own;
    char key[STK_ID_MAX * 2 + 2];
    int is_new;
    int size = snprintf(key, sizeof(key), "%s%c%s", sku, '\1', location);
    uint64_t *index = map_at(&own->seen, key, (size_t)size, &is_new);
    if (!is_new && !import->options.sum) {
        stk_error_set(err, STK_INVALID, T_IMPORT_SKU_TWICE, own->rows[*index].line);
        import_refuse(import, row, "DUPLICATE", err);
        return STK_OK;
    }
    if (!is_new) {
        own->rows[*index].quantity += quantity;
        return STK_OK;
    }
    if (own->count == GATHER_MAX)
        return stk_error_set(err, STK_FULL, T_IMPORT_GATHER, GATHER_MAX);
    if (own->count == own->room) {
        own->room = own->room ? own->room * 2 : 1024;
        own->rows = must_resize(own->rows, own->room * sizeof(*own->rows));
    }
    *index = own->count;
    own->rows[own->count++] = (struct gathered){must_copy(sku, strlen(sku)),
                                                must_copy(location, strlen(location)),
                                                import_raw(row),
                                                row->line,
                                                quantity,
                                                0};
    return STK_OK;
}

/* document and a time, when the file has them. NULL: err. */
static json_t *more_of(struct import *import, const struct csv_row *row, struct stk_error *err)
{
    struct stock *own = import->own;
    const struct stk_verb *verb =
        stk_verb_by_number(own->receives ? STK_VERB_STOCK_RECEIVE : STK_VERB_STOCK_COUNT);
    static const char *const names[] = {"document", "occurred_at", "as_of"};
    json_t *more = json_object();
    for (int i = 0; i < 3; i++) {
        const struct stk_field *field = args_field(verb->fields, names[i], strlen(names[i]));
        json_t *value = field ? import_value(import, row, field, NULL, err) : NULL;
        if (value) {
            json_object_set_new(more, names[i], value);
        } else if (field && err->status != STK_OK) {
            json_decref(more);
            return NULL;
        }
    }
    return more;
}

static enum stk_status stock_row(struct import *import, const struct csv_row *row,
                                 struct stk_error *err)
{
    struct stock *own = import->own;
    char sku[STK_ID_MAX + 1], location[STK_ID_MAX + 1];
    int64_t quantity;
    struct stk_bytes place = import_cell(import, row, "location");
    if (!import_sku(import, row, sku, err)) {
        import_refuse(import, row, "SKU", err);
        return STK_OK;
    }
    if (import_skips(import, sku)) {
        report_add(&import->report, T_COUNT_SKIPPED, 1);
        return STK_OK;
    }
    if (!import_quantity(import_cell(import, row, "quantity"), &quantity, err)) {
        import_refuse(import, row, "QUANTITY", err);
        return STK_OK;
    }
    if (quantity <= 0 && import->options.only_positive) {
        report_add(&import->report, T_COUNT_NOT_POSITIVE, 1);
        return STK_OK;
    }
    if (quantity < 0) {
        stk_error_set(err, STK_INVALID, T_IMPORT_NEGATIVE);
        import_refuse(import, row, "NEGATIVE", err);
        return STK_OK;
    }
    if (place.size > STK_ID_MAX || (!place.size && !import->options.location)) {
        stk_error_set(err, STK_INVALID, T_IMPORT_NO_LOCATION);
        import_refuse(import, row, "LOCATION", err);
        return STK_OK;
    }
    snprintf(location, sizeof(location), "%.*s",
             place.size ? (int)place.size : (int)strlen(import->options.location),
             place.size ? place.data : import->options.location);
    if (own->gathers)
        return gather(import, row, sku, location, quantity, err);
    json_t *more = more_of(import, row, err);
    if (!more) {
        import_refuse(import, row, "INVALID", err);
        return STK_OK;
    }
    char *raw = import_raw(row);
    enum stk_status status = send_stock(import, sku, location, quantity, more, row->line, raw, err);
    free(raw);
    return status;
}

static enum stk_status stock_end(struct import *import, struct stk_error *err)
{
    struct stock *own = import->own;
    enum stk_status status = STK_OK;
    if (own->snapshot)
        return snapshot_send(import, err);
    for (size_t i = 0; i < own->count && status == STK_OK; i++) {
        const struct gathered *row = &own->rows[i];
        status = send_stock(import, row->sku, row->location, row->quantity, json_object(),
                            row->line, row->raw, err);
        report_progress(&import->report, import->charset.bytes);
    }
    return status;
}

static const char *const stock_fields[] = {"sku",      "location",    "quantity", "as_of",
                                           "document", "occurred_at", NULL};
const struct import_kind import_stock = {"stock",   stock_fields, "sku quantity", stock_begin,
                                         stock_row, stock_end,    stock_fini};
