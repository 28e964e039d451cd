/* Looking ahead: whatever lies in the ring, nothing is changed, and what will be found is found. */
#include "core/flow/ahead.h"
#include "tests/lib/engine_fixture.h"
#include "tests/lib/json_doc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_init(f);
    fixture_start(f);
    fixture_call(f, "location.put", "{'source':'t','location':'main'}");
    fixture_call(f, "sku.put", "{'source':'t','sku':'A','aliases':['Alpha']}");
    fixture_call(f, "sku.put", "{'source':'t','sku':'B'}"); /* has no cell */
    fixture_call(f, "stock.receive",
                 "{'source':'t','id':'r','sku':'A','location':'main','quantity':9}");
    fixture_call(f, "listing.put",
                 "{'source':'t','channel':'c','listing':'L','components':[{'sku':'A'}]}");
    assert_int_equal(fixture_call(f, "order.place",
                                  "{'source':'w','id':'1','lines':[{'sku':'A','quantity':2}]}"),
                     STK_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_fini(*state);
    free(*state);
    return 0;
}

static const struct {
    const char *verb, *json;
} mixed[] = {
    {"order.place", "{'source':'w','id':'2','lines':[{'sku':'A','quantity':1}]}"},
    {"order.place", "{'source':'w','id':'3','lines':[{'sku':'Alpha','quantity':1}]}"},
    {"order.place", "{'source':'w','id':'4','lines':[{'sku':'B','quantity':1}]}"},
    {"order.place", "{'source':'w','id':'5','lines':[{'sku':'nobody','quantity':1}]}"},
    {"order.sell", "{'source':'w','id':'6','channel':'c','lines':[{'listing':'L','quantity':1}]}"},
    {"order.cancel", "{'source':'w','id':'x','order':'1'}"},
    {"order.ship", "{'source':'w','id':'y','order':'unknown'}"},
    {"order.get", "{'source':'w','order':'1'}"},
    {"sku.put", "{'source':'t','sku':'C'}"},
    {"status", "{}"},
};
#define MIXED (sizeof mixed / sizeof mixed[0])

static void put(struct stk_ring_spsc *ring, const char *verb_name, const char *json)
{
    static uint8_t bytes[4096];
    static struct stk_value values[256];
    struct stk_bytes name = {verb_name, (uint32_t)strlen(verb_name)};
    struct stk_doc doc = stk_doc(bytes, sizeof bytes);
    struct stk_parse parse;
    struct stk_error err;
    test_doc_json(&doc, json);
    assert_int_equal(stk_doc_parse(doc.data, doc.size, sizeof bytes, 16, values, 256, &parse),
                     STK_OK);
    struct stk_command *command = stk_ring_spsc_reserve(ring, 4096);
    assert_non_null(command);
    if (stk_command_decode(stk_verb_by_name(name), parse.root, command, 4096, &err) != STK_OK)
        fail_msg("%s: %s", verb_name, err.text);
    stk_ring_spsc_commit(ring, command->size);
}

static void nothing_is_changed(void **state)
{
    struct fixture *f = *state;
    struct stk_state *inside = stk_engine_state(f->engine);
    struct stk_ring_spsc ring;
    uint32_t before_size, after_size, size;
    uint8_t *before = fixture_dump(inside, &before_size), *after;
    assert_int_equal(stk_ring_spsc_init(&ring, 1 << 16, NULL), STK_OK);
    stk_ahead(inside, &ring);                /* nothing there */
    for (unsigned i = 0; i < 2 * MIXED; i++) /* more than one look takes */
        put(&ring, mixed[i % MIXED].verb, mixed[i % MIXED].json);
    stk_ring_spsc_publish(&ring);
    for (unsigned i = 0; i < 2 * MIXED; i++) {
        assert_non_null(stk_ring_spsc_peek(&ring, &size));
        stk_ahead(inside, &ring);
        assert_non_null(stk_ring_spsc_next(&ring, &size)); /* it was not taken */
    }
    assert_null(stk_ring_spsc_next(&ring, &size));
    after = fixture_dump(inside, &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    free(before);
    free(after);
    stk_ring_spsc_fini(&ring);
    fixture_check(f);
}

/* The guesses lead to where the finds will look. */
static void guesses_are_right(void **state)
{
    struct fixture *f = *state;
    const struct stk_state *inside = stk_engine_state(f->engine);
    const struct stk_catalog *catalog = &inside->catalog;
    struct stk_bytes a = {"A", 1}, nobody = {"nobody", 6}, alias = {"Alpha", 5};
    stk_sku_t sku = stk_catalog_find_sku(catalog, a);
    assert_int_equal(stk_catalog_prefetch_sku(catalog, stk_catalog_prefetch_name(catalog, a)), sku);
    assert_int_equal(stk_catalog_prefetch_cell(catalog, sku),
                     stk_catalog_find_cell(catalog, sku, 0));
    assert_int_equal(stk_catalog_prefetch_sku(catalog, stk_catalog_prefetch_name(catalog, nobody)),
                     STK_NONE);
    assert_int_equal(stk_catalog_prefetch_sku(catalog, stk_catalog_prefetch_name(catalog, alias)),
                     STK_NONE);
    struct stk_hash key =
        stk_command_key(STK_KEY_ORDER, (struct stk_bytes){"w", 1}, (struct stk_bytes){"1", 1});
    uint32_t slot = stk_orders_find(&inside->orders, key);
    assert_int_not_equal(slot, STK_NONE);
    assert_int_equal(stk_orders_prefetch_order(&inside->orders, key), slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(guesses_are_right, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
