/* SKUs, locations, listings, and looking at them. */
#include "tests/lib/engine_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CALL(status, ...) assert_int_equal(fixture_call(f, __VA_ARGS__), STK_##status)

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_init(f);
    fixture_start(f);
    CALL(OK, "location.put", "{'source':'t','location':'main','priority':10}");
    CALL(OK, "location.put", "{'source':'t','location':'east','priority':20}");
    CALL(OK, "sku.put", "{'source':'t','sku':'A'}");
    CALL(OK, "sku.put", "{'source':'t','sku':'B'}");
    CALL(OK, "stock.receive", "{'source':'t','id':'ra','sku':'A','location':'main','quantity':10}");
    CALL(OK, "stock.receive", "{'source':'t','id':'rb','sku':'B','location':'main','quantity':3}");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_fini(*state);
    free(*state);
    return 0;
}

static void test_put_keeps_what_is_not_given(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "sku.put",
         "{'source':'t','sku':'C','title':'Mug','barcodes':['4006381333931'],'aliases':['C-old'],'"
         "cost':250,'currency':'EUR','tags':['red']}");
    CALL(OK, "sku.put", "{'source':'t','sku':'C','reorder_point':5}");
    CALL(OK, "sku.get", "{'sku':'4006381333931'}");
    assert_true(fixture_is(f, "title", "Mug"));
    assert_int_equal(fixture_int(f, "cost"), 250);
    assert_int_equal(fixture_int(f, "reorder_point"), 5);
    fixture_restart(f);
    CALL(OK, "sku.get", "{'sku':'C-old'}");
    assert_true(fixture_is(f, "sku", "C"));
    CALL(EXISTS, "sku.put", "{'source':'t','sku':'D','aliases':['C-old']}");
    CALL(EXISTS, "sku.put", "{'source':'t','sku':'C-old'}");
    CALL(NOT_FOUND, "sku.get", "{'sku':'D'}");
    fixture_restart(f);
}

static void test_delete_only_without_a_history(void **state)
{
    struct fixture *f = *state;
    CALL(STATE, "sku.delete", "{'source':'t','sku':'A'}");
    CALL(OK, "sku.put", "{'source':'t','sku':'C'}");
    CALL(OK, "listing.put",
         "{'source':'t','channel':'shop','listing':'L','components':[{'sku':'C'}]}");
    CALL(STATE, "sku.delete", "{'source':'t','sku':'C'}");
    CALL(OK, "listing.delete", "{'source':'t','channel':'shop','listing':'L'}");
    CALL(OK, "sku.delete", "{'source':'t','sku':'C'}");
    CALL(NOT_FOUND, "sku.get", "{'sku':'C'}");
    fixture_restart(f);
}

static void test_listings(void **state)
{
    struct fixture *f = *state;
    CALL(INVALID, "listing.put", "{'source':'t','channel':'shop','listing':'L'}");
    CALL(NOT_FOUND, "listing.put",
         "{'source':'t','channel':'shop','listing':'L','components':[{'sku':'Z'}]}");
    CALL(INVALID, "listing.put",
         "{'source':'t','channel':'shop','listing':'L','components':[{'sku':'A'},{'sku':'A'}]}");
    CALL(OK, "listing.put",
         "{'source':'t','channel':'shop','listing':'L','components':[{'sku':'A','units':2},{'sku':'"
         "B'}]}");
    CALL(OK, "listing.put", "{'source':'t','channel':'shop','listing':'L','active':false}");
    CALL(OK, "listing.get", "{'channel':'shop','listing':'L'}");
    assert_int_equal(fixture_int(f, "components.0.units"), 2);
    CALL(OK, "listing.list", "{'sku':'B'}");
    assert_true(fixture_is(f, "listings.0.listing", "L"));
    CALL(NOT_FOUND, "listing.delete", "{'source':'t','channel':'shop','listing':'M'}");
    fixture_restart(f);
}

static void test_a_channel_sells_from_its_locations_alone(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "location.put", "{'source':'t','location':'main','channels':['amz']}");
    CALL(SHORT, "order.place",
         "{'source':'w','id':'1','channel':'shop','lines':[{'sku':'A','quantity':1}]}");
    CALL(OK, "order.place",
         "{'source':'w','id':'2','channel':'amz','lines':[{'sku':'A','quantity':1}]}");
    fixture_restart(f);
}

static void test_the_nearest_location_of_equal_priority(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "location.put", "{'source':'t','location':'main','country':'GB','priority':20}");
    CALL(OK, "location.put",
         "{'source':'t','location':'east','country':'PL','near':['PL','DE'],'priority':20}");
    CALL(OK, "stock.receive", "{'source':'t','id':'re','sku':'A','location':'east','quantity':10}");
    CALL(OK, "order.place",
         "{'source':'w','id':'1','country':'DE','lines':[{'sku':'A','quantity':1}]}");
    CALL(OK, "order.get", "{'order':'1','order_source':'w'}");
    assert_true(fixture_is(f, "holds.0.location", "east"));
    CALL(OK, "order.place",
         "{'source':'w','id':'2','country':'GB','lines':[{'sku':'A','quantity':1}]}");
    CALL(OK, "order.get", "{'order':'2','order_source':'w'}");
    assert_true(fixture_is(f, "holds.0.location", "main"));
    fixture_restart(f);
}

static void test_pages(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 25; i++)
        CALL(OK, "sku.put", "{'source':'t','sku':'P%d'}", i);
    CALL(OK, "sku.list", "{'limit':10}");
    assert_non_null(fixture_get(f, "skus.9"));
    assert_null(fixture_get(f, "skus.10"));
    assert_true(fixture_is(f, "next", "10"));
    CALL(OK, "sku.list", "{'limit':10,'cursor':'20'}");
    assert_non_null(fixture_get(f, "skus.6"));
    assert_null(fixture_get(f, "next"));
    CALL(INVALID, "sku.list", "{'cursor':'x'}");
    CALL(OK, "location.list", "{}");
    CALL(OK, "order.list", "{}");
    CALL(OK, "shortfall.list", "{}");
    CALL(OK, "incoming.list", "{}");
    fixture_restart(f);
}

static enum stk_status count_engine_rows(void *arg, const struct stk_batch_view *batch,
                                         struct stk_error *err)
{
    struct stk_batch_view view = *batch;
    struct stk_record_view record;
    struct stk_row_view row;
    struct stk_bytes bytes;
    for (stk_seq_t seq = view.first; stk_batch_next(&view, &bytes); seq++) {
        if (stk_record_open(bytes, seq, view.time_ms, &record, err) != STK_OK)
            return STK_CORRUPT;
        while (stk_record_next(&record, &row))
            *(unsigned *)arg += row.table == STK_TABLE_ENGINE;
    }
    return STK_OK;
}

/* An archived order may name a SKU for years: nobody else gets its number. */
static void test_a_deleted_skus_number_is_not_given_again(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "sku.put", "{'source':'t','sku':'last'}");
    const struct stk_catalog *catalog = &stk_engine_state(f->engine)->catalog;
    stk_sku_t last = stk_catalog_find_sku(catalog, (struct stk_bytes){"last", 4});
    CALL(OK, "order.place",
         "{'source':'amz','id':'1','fact':true,'lines':[{'sku':'last','quantity':1}]}");
    CALL(OK, "order.cancel", "{'source':'amz','id':'c','order':'1'}");
    fixture_wait(f, INT64_C(2) * 24 * 3600 * 1000); /* the order is archived */
    CALL(OK, "sku.delete", "{'source':'t','sku':'last'}");
    unsigned rows = 0; /* for a start from S, where nothing else is left of it */
    struct stk_error err = {0};
    f->options.log.read(f->options.log.self, 1, count_engine_rows, &rows, &err);
    assert_int_equal(rows, 1);
    fixture_restart(f);
    CALL(OK, "sku.put", "{'source':'t','sku':'next'}");
    catalog = &stk_engine_state(f->engine)->catalog;
    assert_int_equal(stk_catalog_find_sku(catalog, (struct stk_bytes){"next", 4}), last + 1);
    fixture_restart(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put_keeps_what_is_not_given, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delete_only_without_a_history, setup, teardown),
        cmocka_unit_test_setup_teardown(test_listings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_channel_sells_from_its_locations_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_nearest_location_of_equal_priority, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_deleted_skus_number_is_not_given_again, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
