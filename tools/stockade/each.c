/* A page of the list, then its things by pipelined calls; kept until the page is whole, so that
 * they come in order whatever the answers do. */
#include "tools/stockade/each.h"
#include "tools/stockade/cli.h"
#include "tools/stockade/json.h"
#include "tools/stockade/show.h"
#include <stdint.h>
#include <stdlib.h>

struct slot {
    json_t *thing;
    enum stk_status status;
    char message[128];
};

static void on_thing(void *arg, const struct client_reply *reply)
{
    struct slot *slot = arg;
    slot->status = reply->status;
    if (reply->status == STK_OK)
        slot->thing = json_of(reply->result);
    else
        snprintf(slot->message, sizeof(slot->message), "%s", reply->message);
}

static enum stk_status ask(struct client *client, const struct each *each, const json_t *row,
                           struct slot *slot, struct buffer *room, struct stk_error *err)
{
    struct stk_doc doc;
    if (json_object_get(row, each->whole)) {
        slot->thing = json_incref((json_t *)(uintptr_t)row);
        return STK_OK;
    }
    json_t *params = json_object();
    for (const char *const *key = each->keys; *key; key++)
        if (json_object_get(row, *key))
            json_object_set(params, *key, json_object_get(row, *key));
    enum stk_status status = json_document(params, room, &doc, err);
    if (status == STK_OK)
        status = client_send(client, each->get, &doc, 1, on_thing, slot, err);
    json_decref(params);
    return status;
}

static enum stk_status take_page(struct client *client, const struct each *each, const json_t *rows,
                                 struct stk_error *err)
{
    size_t count = json_array_size(rows);
    struct slot *slots = must_alloc(count * sizeof(*slots));
    struct buffer room = {0};
    enum stk_status status = STK_OK;
    for (size_t i = 0; i < count && status == STK_OK; i++)
        status = ask(client, each, json_array_get(rows, i), &slots[i], &room, err);
    enum stk_status drained = client_drain(client, err);
    if (status == STK_OK)
        status = drained;
    for (size_t i = 0; i < count && status == STK_OK; i++) {
        if (slots[i].status == STK_NOT_FOUND)
            continue;
        status = slots[i].status == STK_OK
                     ? each->fn(each->arg, json_array_get(rows, i), slots[i].thing, err)
                     : stk_error_set(err, slots[i].status, "%s: %s", each->get, slots[i].message);
    }
    for (size_t i = 0; i < count; i++)
        json_decref(slots[i].thing);
    free(slots);
    buffer_fini(&room);
    return status;
}

enum stk_status each_thing(struct client *client, const struct each *each, struct stk_error *err)
{
    json_t *params = each->params ? json_deep_copy(each->params) : json_object();
    enum stk_status status = STK_OK;
    json_object_set_new(params, "limit", json_integer(STK_PAGE_MAX));
    for (int more = 1; more && status == STK_OK;) {
        struct client_reply reply;
        json_t *page = cli_call(client, each->list, params, 1, &reply);
        if (!page) {
            status = stk_error_set(err, reply.status, "%s: %s", each->list, reply.message);
            break;
        }
        const json_t *rows = show_rows(page);
        json_t *next = json_object_get(page, "next");
        more = json_is_string(next);
        if (rows)
            status = take_page(client, each, rows, err);
        if (more)
            json_object_set(params, "cursor", next);
        json_decref(page);
    }
    json_decref(params);
    return status;
}
