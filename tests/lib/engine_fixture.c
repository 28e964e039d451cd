#include "tests/lib/engine_fixture.h"
#include "core/base/doc.h"
#include "core/flow/publish_row.h"
#include "core/flow/rows.h"
#include "tests/lib/json_doc.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define VALUES 200000

static void fail(const char *what, const char *detail)
{
    fprintf(stderr, "fixture: %s: %s\n", what, detail);
    abort();
}

void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->clock.wall_ms = INT64_C(1700000000000);
    f->clock.monotonic_ns = 1000000000;
    memory_log_init(&f->log);
    stk_engine_defaults(&f->options);
    f->options.skus = 2000;
    f->options.cells = 8000;
    f->options.listings = 1000;
    f->options.components = 4000;
    f->options.orders = 5000;
    f->options.holds = 20000;
    f->options.order_bytes = 16 << 20;
    f->options.text_bytes = 4 << 20;
    f->options.keys = 20000;
    f->options.key_bytes = 16 << 20;
    f->options.keys_on_disk = 10000;
    f->options.movements = 20000;
    f->options.incoming = 100;
    f->options.earmarks = 100;
    f->options.transfers = 100;
    f->options.shortfalls = 1000;
    f->options.snapshot_rows = 5000;
    f->options.early = 100;
    f->options.recovery_grace_ms = 5000;
    f->options.log = memory_log_face(&f->log);
    f->options.clock = stk_clock_fake(&f->clock);
    f->doc = malloc(STK_ANSWER_MAX);
    f->values = malloc(VALUES * sizeof *f->values);
}

static void start(struct fixture *f)
{
    struct stk_error err = {0};
    if (stk_engine_create(&f->engine, &f->options, &err) != STK_OK)
        fail("create", err.text);
    f->inbox = stk_engine_inbox_open(f->engine, NULL, NULL, &err);
    if (stk_engine_load(f->engine, NULL, &err) != STK_OK)
        fail("load", err.text);
}

void fixture_start(struct fixture *f)
{
    start(f);
}

void fixture_fini(struct fixture *f)
{
    stk_engine_destroy(f->engine);
    memory_log_fini(&f->log);
    free(f->doc);
    free(f->values);
}

static enum stk_status decode(struct fixture *f, const char *verb_name, const char *json,
                              uint64_t *ticket)
{
    const struct stk_verb *verb =
        stk_verb_by_name((struct stk_bytes){verb_name, (uint32_t)strlen(verb_name)});
    struct test_value params = test_value_json(json);
    struct stk_error err = {0};
    if (!verb)
        fail("no such verb", verb_name);
    struct stk_command *command = stk_inbox_reserve(f->inbox, STK_COMMAND_MAX);
    if (!command)
        fail("inbox full", verb_name);
    enum stk_status status = stk_command_decode(verb, params.root, command, STK_COMMAND_MAX, &err);
    test_value_free(&params);
    if (status != STK_OK) {
        struct stk_doc doc = stk_doc(f->doc, STK_ANSWER_MAX);
        stk_doc_map(&doc, 1);
        stk_doc_key_text(&doc, "message", err.text);
        f->doc_size = doc.size;
        return status;
    }
    *ticket = command->ticket = ++f->ticket;
    command->who = f->who;
    stk_inbox_commit(f->inbox, command);
    stk_inbox_publish(f->inbox);
    return STK_OK;
}

static void parse_answer(struct fixture *f)
{
    struct stk_parse parse = {0};
    if (stk_doc_parse(f->doc, f->doc_size, STK_ANSWER_MAX, STK_DEPTH_MAX, f->values, VALUES,
                      &parse) != STK_OK)
        fail("answer", "is no document");
    f->answer = parse.root;
}

uint64_t fixture_receive(struct fixture *f)
{
    const struct stk_answer *answer = stk_inbox_answer(f->inbox);
    if (!answer)
        return 0;
    uint64_t ticket = answer->ticket;
    f->status = answer->status;
    f->doc_size = answer->doc_size;
    memcpy(f->doc, stk_answer_doc(answer), answer->doc_size);
    stk_inbox_release(f->inbox);
    parse_answer(f);
    return ticket;
}

uint64_t fixture_send(struct fixture *f, const char *verb, const char *json)
{
    uint64_t ticket = 0;
    if (decode(f, verb, json, &ticket) != STK_OK)
        fail("refused by the decoder", json);
    return ticket;
}

enum stk_status fixture_call(struct fixture *f, const char *verb, const char *json, ...)
{
    uint64_t ticket = 0, got;
    va_list list;
    va_start(list, json);
    vsnprintf(f->text, sizeof f->text, json, list);
    va_end(list);
    f->status = decode(f, verb, f->text, &ticket);
    if (f->status != STK_OK) {
        parse_answer(f);
        return f->status;
    }
    for (int turn = 0; turn < 4; turn++) {
        stk_engine_turn(f->engine);
        while ((got = fixture_receive(f)) != 0)
            if (got == ticket)
                return f->status;
    }
    return f->status = STK_AGAIN;
}

void fixture_wait(struct fixture *f, int64_t ms)
{
    while (ms > 0) {
        int64_t step = ms > 50 ? ms / 4 + 1 : ms;
        f->clock.wall_ms += step;
        f->clock.monotonic_ns += step * 1000000;
        ms -= step;
        stk_engine_turn(f->engine);
    }
    stk_engine_turn(f->engine);
}

const struct stk_value *fixture_get(struct fixture *f, const char *path)
{
    char part[64];
    const struct stk_value *at = f->answer;
    while (*path && at) {
        size_t size = strcspn(path, ".");
        memcpy(part, path, size);
        part[size] = 0;
        path += size + (path[size] == '.');
        if (at->type == STK_VALUE_ARRAY) {
            uint32_t index = (uint32_t)strtoul(part, NULL, 10);
            at = index < at->size ? &at->as.items[index] : NULL;
        } else {
            at = stk_value_get(at, part);
        }
    }
    return at;
}

int64_t fixture_int(struct fixture *f, const char *path)
{
    const struct stk_value *value = fixture_get(f, path);
    if (!value || value->type != STK_VALUE_INT)
        fail("no number in the answer", path);
    return value->as.integer;
}

int fixture_is(struct fixture *f, const char *path, const char *text)
{
    const struct stk_value *value = fixture_get(f, path);
    return value && value->type == STK_VALUE_STR && value->size == strlen(text) &&
           memcmp(value->as.text, text, value->size) == 0;
}

int64_t fixture_sku(struct fixture *f, const char *sku, const char *path)
{
    if (fixture_call(f, "sku.get", "{'sku':'%s'}", sku) != STK_OK)
        fail("sku.get", sku);
    return fixture_int(f, path);
}

void fixture_check(struct fixture *f)
{
    struct stk_error err = {0};
    const struct stk_state *state = stk_engine_state(f->engine);
    if (stk_state_check(state, &err) != STK_OK)
        fail("state", err.text);
    for (stk_sku_t sku = stk_catalog_next_sku(&state->catalog, 0); sku != STK_NONE;
         sku = stk_catalog_next_sku(&state->catalog, sku + 1)) {
        char id[STK_ID_MAX + 1] = {0};
        struct stk_bytes view = stk_catalog_sku_id(&state->catalog, sku);
        memcpy(id, view.data, view.size);
        fixture_sku(f, id, "received");
        if (fixture_int(f, "received") + fixture_int(f, "returned") + fixture_int(f, "found") !=
            fixture_int(f, "on_hand") + fixture_int(f, "unsellable") +
                fixture_int(f, "in_transit") + fixture_int(f, "shipped") +
                fixture_int(f, "written_off"))
            fail("conservation", id);
    }
}

/* ---- dumps ---- */

struct row {
    const uint8_t *bytes; /* table, key size, key, value */
    uint32_t size;
};

static int by_bytes(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    uint32_t least = x->size < y->size ? x->size : y->size;
    int order = memcmp(x->bytes, y->bytes, least);
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

static void put_all(struct stk_record *out, const struct stk_state *state)
{
    const struct stk_book *book = &state->book;
    for (unsigned kind = 1; kind < STK_NAME_KINDS; kind++)
        for (uint32_t n = 1; n < stk_names_peek(state->names, kind); n++)
            stk_row_put_name(out, kind, (uint16_t)n,
                             stk_names_text(state->names, kind, (uint16_t)n));
    for (uint16_t i = 0; i < state->catalog.locations; i++)
        stk_row_put_location(out, state, i);
    for (stk_sku_t sku = stk_catalog_next_sku(&state->catalog, 0); sku != STK_NONE;
         sku = stk_catalog_next_sku(&state->catalog, sku + 1)) {
        stk_row_put_sku(out, state, sku);
        for (stk_cell_t i = stk_catalog_sku(&state->catalog, sku)->first_cell; i != STK_NONE;
             i = stk_catalog_cell(&state->catalog, i)->next)
            stk_row_put_cell(out, state, i);
    }
    for (stk_listing_t i = stk_catalog_next_listing(&state->catalog, 0); i != STK_NONE;
         i = stk_catalog_next_listing(&state->catalog, i + 1))
        stk_row_put_listing(out, state, i);
    for (uint32_t i = stk_orders_next(&state->orders, 0); i != STK_NONE;
         i = stk_orders_next(&state->orders, i + 1))
        stk_row_put_order(out, state, i, STK_TABLE_ORDER);
    for (uint32_t i = 0; i < book->incoming.top; i++)
        if (stk_book_incoming_lives(book, i))
            stk_row_put_incoming(out, state, i);
    for (uint32_t i = 0; i < book->earmarks.top; i++)
        if (stk_book_earmark_lives(book, i))
            stk_row_put_earmark(out, state, i);
    for (uint32_t i = 0; i < book->transfers.top; i++)
        if (stk_book_transfer_lives(book, i))
            stk_row_put_transfer(out, state, i);
    for (uint32_t i = 0; i < book->snapshots.top; i++)
        if (stk_book_snapshot_lives(book, i))
            stk_row_put_snapshot(out, state, i);
    for (uint32_t i = 0; i < book->shortfalls.top; i++)
        if (((const struct stk_shortfall *)stk_pool_at(&book->shortfalls, i))->order_number)
            stk_row_put_shortfall(out, state, i);
    for (uint32_t i = 0; i < book->early.top; i++)
        if (((const struct stk_early *)stk_pool_at(&book->early, i))->used)
            stk_row_put_early(out, state, i);
    for (unsigned i = 1; i < STK_CHANNELS_MAX; i++)
        if (stk_channel_at(&state->channels, (stk_channel_t)i)->used)
            stk_row_put_channel(out, state, (stk_channel_t)i);
    for (uint32_t i = 0; i < state->channels.published.top; i++)
        if (stk_published_at(&state->channels, i)->on_disk)
            stk_row_put_published(out, state, i);
    for (uint32_t i = 0; i < state->notes.pool.top; i++)
        if (stk_notes_at(&state->notes, i)->key_size)
            stk_row_put_note(out, state, i);
}

uint8_t *fixture_dump(const struct stk_state *state, uint32_t *size)
{
    uint8_t *room = malloc(STK_RECORD_MAX);
    struct row *rows = malloc(200000 * sizeof *rows);
    struct stk_record out;
    struct stk_record_view view;
    struct stk_row_view row;
    uint32_t count = 0;
    stk_record_begin(&out, room, 0, 0, 0, 0);
    put_all(&out, state);
    struct stk_bytes bytes = {(const char *)room, stk_record_size(&out)};
    if (stk_record_open(bytes, 0, 0, &view, NULL) != STK_OK)
        fail("dump", "cannot be read back");
    for (const uint8_t *start = view.rows.at; stk_record_next(&view, &row); start = view.rows.at)
        rows[count++] = (struct row){start, (uint32_t)(view.rows.at - start)};
    qsort(rows, count, sizeof *rows, by_bytes);
    uint8_t *sorted = malloc(STK_RECORD_MAX);
    *size = 0;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(sorted + *size, rows[i].bytes, rows[i].size);
        *size += rows[i].size;
    }
    free(rows);
    free(room);
    return sorted;
}

void fixture_restart(struct fixture *f)
{
    uint32_t before_size, after_size;
    fixture_check(f);
    uint8_t *before = fixture_dump(stk_engine_state(f->engine), &before_size);
    uint32_t keys = stk_engine_state(f->engine)->dedupe.count;
    uint32_t movements = stk_engine_state(f->engine)->book.movements.used;
    stk_seq_t seq = stk_engine_state(f->engine)->seq;
    stk_engine_destroy(f->engine);
    memory_log_crash(&f->log);
    start(f);
    uint8_t *after = fixture_dump(stk_engine_state(f->engine), &after_size);
    if (before_size != after_size || memcmp(before, after, before_size) != 0)
        fail("restart", "the state is not the same");
    if (stk_engine_state(f->engine)->dedupe.count != keys ||
        stk_engine_state(f->engine)->seq != seq ||
        stk_engine_state(f->engine)->book.movements.used != movements)
        fail("restart", "keys, movements or the sequence are not the same");
    free(before);
    free(after);
    fixture_check(f);
}
