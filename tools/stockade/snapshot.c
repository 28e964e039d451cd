/* A whole set of counts: its rows go in messages of STK_LINES_MAX, and it is applied when the last
 * one is there. Its id is made of all its rows. A set that would take away too much is held by the
 * engine's breaker until a person agrees; the report says how. */
#include "tools/stockade/json.h"
#include "tools/stockade/stock.h"
#include "tools/stockade/texts.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- SKUs that are not there --- */

static void on_look(void *arg, const struct client_reply *reply)
{
    struct gathered *row = arg;
    row->unknown = reply->status == STK_NOT_FOUND;
}

static enum stk_status look(struct import *import, struct stk_error *err)
{
    struct stock *own = import->own;
    struct buffer room = {0};
    enum stk_status status = STK_OK;
    for (size_t i = 0; i < own->count && status == STK_OK; i++) {
        struct stk_doc doc;
        json_t *params = json_pack("{s:s}", "sku", own->rows[i].sku);
        status = json_document(params, &room, &doc, err);
        if (status == STK_OK)
            status = client_send(import->client, "stock.get", &doc, 1, on_look, &own->rows[i], err);
        json_decref(params);
    }
    buffer_fini(&room);
    enum stk_status drained = client_drain(import->client, err);
    return status == STK_OK ? drained : status;
}

static void leave_out(struct import *import)
{
    struct stock *own = import->own;
    struct buffer reason = {0};
    size_t kept = 0;
    for (size_t i = 0; i < own->count; i++) {
        struct gathered *row = &own->rows[i];
        if (!row->unknown) {
            own->rows[kept++] = *row;
            continue;
        }
        buffer_clear(&reason);
        buffer_printf(&reason, T_SNAPSHOT_UNKNOWN, row->sku);
        report_refuse(&import->report, row->line, "NOT_FOUND", reason.data, row->raw);
        free(row->sku);
        free(row->location);
        free(row->raw);
    }
    own->count = kept;
    buffer_fini(&reason);
}

/* --- the set --- */

struct part {
    struct import *import;
    uint64_t line;
    const char *raw; /* of its first row */
    char set[IMPORT_ID_TEXT];
};

static int is_text(const struct stk_value *value, const char *text)
{
    return value && value->type == STK_VALUE_STR && value->size == strlen(text) &&
           !memcmp(value->as.text, text, value->size);
}

static void on_part(void *arg, const struct client_reply *reply)
{
    struct part *part = arg;
    struct report *report = &part->import->report;
    if (reply->status != STK_OK) {
        report_refuse(report, part->line, stk_status_name(reply->status), reply->message,
                      part->raw);
        report_note(report, T_SNAPSHOT_INCOMPLETE);
    } else {
        report_add(report, T_COUNT_PARTS, 1);
        if (import_is_repeat(part->import, reply))
            report_add(report, T_COUNT_REPEATS, 1);
        if (is_text(stk_value_get(reply->result, "state"), "held"))
            report_note(report, T_SNAPSHOT_HELD, part->set);
        if (is_text(stk_value_get(reply->result, "state"), "judging"))
            ((struct stock *)part->import->own)->judging = 1;
    }
    free(part);
}

/* The state of the set as snapshot.list has it: 0 when it is judged. Notes that it is held. */
static int is_judged(struct import *import, const char *set, struct stk_error *err)
{
    uint8_t room[1];
    struct stk_doc none = stk_doc(room, sizeof(room));
    struct client_reply reply;
    stk_doc_map(&none, 0);
    if (client_call(import->client, "snapshot.list", &none, 1, &reply, err) != STK_OK)
        return 1;
    const struct stk_value *list = stk_value_get(reply.result, "snapshots");
    for (uint32_t i = 0; list && i < list->size; i++) {
        const struct stk_value *at = &list->as.items[i];
        if (!is_text(stk_value_get(at, "snapshot"), set))
            continue;
        if (is_text(stk_value_get(at, "state"), "held"))
            report_note(&import->report, T_SNAPSHOT_HELD, set);
        return !is_text(stk_value_get(at, "state"), "judging");
    }
    return 1;
}

/* A large set is judged beside orders: wait until it is, so that the report says when it is held.
 */
static enum stk_status wait_for_judgement(struct import *import, const char *set,
                                          struct stk_error *err)
{
    struct stock *own = import->own;
    const struct timespec pause = {0, 20000000};
    enum stk_status status = client_drain(import->client, err);
    for (int tries = 0; own->judging && status == STK_OK && tries < 3000; tries++) {
        if (is_judged(import, set, err))
            break;
        nanosleep(&pause, NULL);
    }
    return status;
}

static json_t *make_parts(const struct import *import)
{
    const struct stock *own = import->own;
    json_t *parts = json_array(), *rows = NULL;
    for (size_t i = 0; i < own->count; i++) {
        if (i % STK_LINES_MAX == 0) {
            rows = json_array();
            json_array_append_new(parts, rows);
        }
        json_array_append_new(rows,
                              json_pack("{s:s,s:I}", "sku", own->rows[i].sku, "quantity",
                                        (json_int_t)stock_share(import, own->rows[i].quantity)));
    }
    return parts;
}

/* The id of the set: of all its rows, a thousand at a time. */
static void make_id(const struct import *import, const json_t *parts, char set[IMPORT_ID_TEXT])
{
    const struct stock *own = import->own;
    struct buffer salt = {0};
    buffer_printf(&salt, "%s %" PRId64 " %s", import->options.location, own->as_of,
                  import->options.batch ? import->options.batch : "");
    for (size_t i = 0; i < json_array_size(parts); i++) {
        import_id(json_array_get(parts, i), salt.data, set);
        buffer_text(&salt, set + strlen("import-"));
    }
    buffer_fini(&salt);
}

static enum stk_status send_part(struct import *import, const char *set, json_t *rows, size_t index,
                                 struct stk_error *err)
{
    struct stock *own = import->own;
    char id[IMPORT_ID_TEXT];
    json_t *params =
        json_pack("{s:s,s:s,s:I,s:I,s:s,s:O}", "snapshot", set, "location",
                  import->options.location, "total", (json_int_t)own->count, "as_of",
                  (json_int_t)own->as_of, "missing", import->options.missing, "rows", rows);
    struct part *part = import->client ? must_alloc(sizeof(*part)) : NULL;
    if (part) {
        *part = (struct part){.import = import,
                              .line = own->rows[index * STK_LINES_MAX].line,
                              .raw = own->rows[index * STK_LINES_MAX].raw};
        snprintf(part->set, sizeof(part->set), "%s", set);
    }
    snprintf(id, sizeof(id), "%.39s.%u", set, (unsigned)index);
    enum stk_status status = import_send(import, "stock.snapshot", params, id, on_part, part, err);
    json_decref(params);
    return status;
}

enum stk_status snapshot_send(struct import *import, struct stk_error *err)
{
    struct stock *own = import->own;
    char set[IMPORT_ID_TEXT] = "";
    enum stk_status status = import->client ? look(import, err) : STK_OK;
    json_t *row;
    size_t i;
    if (status != STK_OK)
        return status;
    leave_out(import);
    json_t *parts = make_parts(import);
    make_id(import, parts, set);
    json_array_foreach(json_array_get(parts, 0), i, row)
    {
        import_show(import, json_incref(row));
    }
    for (i = 0; i < json_array_size(parts) && status == STK_OK; i++)
        status = send_part(import, set, json_array_get(parts, i), i, err);
    if (import->client && status == STK_OK)
        status = wait_for_judgement(import, set, err);
    report_add(&import->report, T_COUNT_SNAPSHOT, own->count);
    json_decref(parts);
    return status;
}
