/* Pages of the journal and of archived orders, from effects that a real engine wrote. */
#include "core/flow/reader_page.h"
#include "tests/lib/engine_fixture.h"
#include "tests/lib/json_doc.h"
#include "tests/lib/rpc_client.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DOC_BYTES (2 * 1024 * 1024)

static struct fixture f;
static struct stk_reader_page page;
static struct stk_error err;
static uint8_t *bytes;
static struct stk_value *values;

/* --- S: the ARCHIVE rows are the ORDER rows of the journal, by number --- */

static struct {
    uint64_t number[64];
    struct stk_bytes value[64];
    unsigned count;
} archive;

static enum stk_status range(struct stk_rows *rows, enum stk_table table, struct stk_bytes from,
                             uint32_t max, stk_row_fn fn, void *arg, struct stk_error *error)
{
    struct stk_reader in = stk_reader(from.data, from.size);
    uint64_t first = stk_get_be64(&in);
    (void)rows;
    assert_int_equal(table, STK_TABLE_ARCHIVE);
    for (unsigned i = 0; i < archive.count && max; i++) {
        uint8_t key[8];
        if (archive.number[i] < first)
            continue;
        stk_put_be64(key, archive.number[i]);
        enum stk_status status =
            fn(arg, (struct stk_bytes){(char *)key, 8}, archive.value[i], error);
        if (status != STK_OK)
            return status;
        max--;
    }
    return STK_OK;
}

static enum stk_status keep_orders(void *arg, const struct stk_batch_view *batch,
                                   struct stk_error *error)
{
    struct stk_batch_view view = *batch;
    struct stk_bytes record;
    (void)arg;
    while (stk_batch_next(&view, &record)) {
        struct stk_record_view in;
        struct stk_row_view row;
        assert_int_equal(stk_record_open(record, stk_batch_seq(&view), view.time_ms, &in, error),
                         STK_OK);
        while (stk_record_next(&in, &row)) {
            if (row.table != STK_TABLE_ORDER)
                continue;
            struct stk_reader key = stk_reader(row.key.data, row.key.size);
            uint64_t number = stk_get_be64(&key);
            unsigned slot = 0;
            while (slot < archive.count && archive.number[slot] != number)
                slot++;
            archive.number[slot] = number;
            char *copy = malloc(row.value.size);
            memcpy(copy, row.value.data, row.value.size);
            free((void *)archive.value[slot].data);
            archive.value[slot] = (struct stk_bytes){copy, row.value.size};
            archive.count += slot == archive.count;
        }
    }
    return STK_OK;
}

static int set_up(void **state)
{
    (void)state;
    fixture_init(&f);
    fixture_start(&f);
    fixture_call(&f, "location.put", "{'source':'t','location':'main'}");
    fixture_call(&f, "sku.put", "{'source':'t','sku':'A'}");
    fixture_call(&f, "stock.receive",
                 "{'source':'t','id':'r','sku':'A','location':'main','quantity':1000}");
    for (int i = 0; i < 30; i++)
        assert_int_equal(
            fixture_call(&f, "order.place",
                         "{'source':'web','id':'o%d','channel':'%s','lines':[{'sku':'A',"
                         "'quantity':1}]}",
                         i, i % 3 ? "shop" : "market"),
            STK_OK);
    for (int i = 0; i < 10; i++)
        assert_int_equal(
            fixture_call(&f, "order.cancel", "{'source':'web','id':'c%d','order':'o%d'}", i, i),
            STK_OK);
    struct stk_log log = memory_log_face(&f.log);
    assert_int_equal(log.read(log.self, 1, keep_orders, NULL, &err), STK_OK);
    assert_int_equal(archive.count, 30);
    bytes = malloc(DOC_BYTES);
    values = malloc(65536 * sizeof *values);
    page = (struct stk_reader_page){
        .names = stk_engine_state(f.engine)->names,
        .log = log,
        .range = range,
        .value = malloc(STK_READER_VALUE_BYTES),
        .values = malloc(STK_READER_VALUES_MAX * sizeof *page.values),
    };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < archive.count; i++)
        free((void *)archive.value[i].data);
    memset(&archive, 0, sizeof archive);
    free(page.value);
    free(page.values);
    free(bytes);
    free(values);
    fixture_fini(&f);
    return 0;
}

static const struct stk_value *parsed(const struct stk_doc *doc)
{
    struct stk_parse parse;
    assert_false(doc->overflow);
    assert_int_equal(
        stk_doc_parse(doc->data, doc->size, DOC_BYTES, STK_DEPTH_MAX, values, 65536, &parse),
        STK_OK);
    assert_int_equal(parse.consumed, doc->size);
    return parse.root;
}

static const struct stk_value *journal_page(uint64_t from, uint32_t limit, uint32_t room)
{
    struct stk_args_journal_read args = {.from = from, .limit = limit};
    struct stk_doc doc = stk_doc(bytes, room);
    if (stk_reader_page_journal(&page, &args, &doc, &err) != STK_OK)
        return NULL;
    return parsed(&doc);
}

static void effects_are_shown_with_their_rows(void **state)
{
    (void)state;
    uint64_t last = stk_engine_state(f.engine)->seq, seen = 0, orders = 0;
    for (uint64_t from = 1; from <= last;) {
        const struct stk_value *got = journal_page(from, 7, DOC_BYTES);
        const struct stk_value *effects = stk_value_get(got, "effects");
        assert_int_equal(test_number(got, "last"), (int64_t)last);
        assert_int_equal(effects->size, last - from + 1 < 7 ? last - from + 1 : 7);
        for (uint32_t i = 0; i < effects->size; i++) {
            const struct stk_value *effect = &effects->as.items[i];
            assert_int_equal(test_number(effect, "seq"), (int64_t)++seen);
            assert_true(stk_value_get(effect, "rows")->size > 0);
            orders += strcmp(test_text(effect, "verb"), "order.place") == 0;
        }
        from = (uint64_t)test_number(got, "next");
    }
    assert_int_equal(seen, last);
    assert_int_equal(orders, 30);
}

static void a_page_ends_when_its_room_does(void **state)
{
    (void)state;
    const struct stk_value *got = journal_page(1, 1000, 4096);
    uint32_t count = stk_value_get(got, "effects")->size;
    assert_in_range(count, 2, 20);
    assert_int_equal(test_number(got, "next"), count + 1);
    assert_null(journal_page(4, 10, 400)); /* one that does not fit at all is said */
    assert_non_null(strstr(err.text, "effect 4 is larger than an answer"));
}

static const struct stk_value *archived_page(const char *json)
{
    static _Alignas(8) uint8_t room[4096];
    struct test_value params = test_value_json(json);
    struct stk_doc doc = stk_doc(bytes, DOC_BYTES);
    enum stk_status status = stk_command_decode(stk_verb_by_number(STK_VERB_ORDER_LIST),
                                                params.root, room, sizeof room, &err);
    test_value_free(&params);
    assert_int_equal(status, STK_OK);
    status = stk_reader_page_archived(&page, (const void *)room, &doc, &err);
    return status == STK_OK ? parsed(&doc) : NULL;
}

static void archived_orders_are_listed_page_by_page(void **state)
{
    (void)state;
    char json[128] = "{'archived':true,'limit':12}";
    int seen = 0, pages = 0;
    for (; *json; pages++) {
        const struct stk_value *got = archived_page(json);
        const struct stk_value *orders = stk_value_get(got, "orders");
        for (uint32_t i = 0; i < orders->size; i++) {
            char id[16];
            snprintf(id, sizeof id, "o%d", seen++);
            assert_string_equal(test_text(&orders->as.items[i], "id"), id);
            assert_string_equal(test_text(&orders->as.items[i], "source"), "web");
            assert_true(test_number(&orders->as.items[i], "order_number") > 3);
        }
        *json = 0;
        if (*test_text(got, "next"))
            snprintf(json, sizeof json, "{'archived':true,'limit':12,'cursor':'%s'}",
                     test_text(got, "next"));
    }
    assert_int_equal(seen, 30);
    assert_int_equal(pages, 3);
}

static void archived_orders_of_a_state(void **state)
{
    (void)state;
    const struct stk_value *got = archived_page("{'archived':true,'state':'cancelled'}");
    const struct stk_value *orders = stk_value_get(got, "orders");
    assert_int_equal(orders->size, 10);
    assert_string_equal(test_text(&orders->as.items[9], "id"), "o9");
    assert_string_equal(test_text(&orders->as.items[9], "state"), "cancelled");
    assert_int_equal(stk_value_get(got, "next")->type, STK_VALUE_NIL);
    assert_null(archived_page("{'archived':true,'cursor':'x7'}"));
    assert_string_equal(err.text, "params.cursor: is none of this list");
}

static void archived_orders_of_a_channel(void **state)
{
    (void)state;
    const struct stk_value *orders =
        stk_value_get(archived_page("{'archived':true,'channel':'market'}"), "orders");
    assert_int_equal(orders->size, 10);
    assert_string_equal(test_text(&orders->as.items[9], "id"), "o27");
    assert_string_equal(test_text(&orders->as.items[9], "channel"), "market");
    orders = stk_value_get(
        archived_page("{'archived':true,'channel':'shop','state':'cancelled','limit':4}"),
        "orders");
    assert_int_equal(orders->size, 4);
    assert_string_equal(test_text(&orders->as.items[3], "id"), "o5");
    /* a channel that nobody knows is an error, as among the orders in memory */
    assert_int_equal(fixture_call(&f, "order.list", "{'archived':true,'channel':'nobody'}"),
                     STK_NOT_FOUND);
    assert_int_equal(fixture_call(&f, "order.list", "{'archived':true,'channel':'shop'}"),
                     STK_AGAIN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(effects_are_shown_with_their_rows),
        TEST(a_page_ends_when_its_room_does),
        TEST(archived_orders_are_listed_page_by_page),
        TEST(archived_orders_of_a_state),
        TEST(archived_orders_of_a_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
