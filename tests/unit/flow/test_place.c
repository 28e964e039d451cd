/* Placing orders: whole or nothing, kits, facts, splits, repeats. */
#include "tests/lib/engine_fixture.h"
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
    assert_int_equal(
        fixture_call(f, "location.put", "{'source':'t','location':'main','priority':10}"), STK_OK);
    assert_int_equal(
        fixture_call(f, "location.put", "{'source':'t','location':'east','priority':20}"), STK_OK);
    assert_int_equal(fixture_call(f, "sku.put", "{'source':'t','sku':'A'}"), STK_OK);
    assert_int_equal(fixture_call(f, "sku.put", "{'source':'t','sku':'B'}"), STK_OK);
    assert_int_equal(
        fixture_call(f, "stock.receive",
                     "{'source':'t','id':'r1','sku':'A','location':'main','quantity':10}"),
        STK_OK);
    assert_int_equal(
        fixture_call(f, "stock.receive",
                     "{'source':'t','id':'r2','sku':'B','location':'main','quantity':3}"),
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

static void test_last_unit(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_call(f, "order.place",
                                  "{'source':'w','id':'1','lines':[{'sku':'A','quantity':10}]}"),
                     STK_OK);
    assert_true(fixture_is(f, "state", "placed"));
    assert_int_equal(fixture_call(f, "order.place",
                                  "{'source':'w','id':'2','lines':[{'sku':'A','quantity':1}]}"),
                     STK_SHORT);
    assert_true(fixture_is(f, "lines.0.sku", "A"));
    assert_int_equal(fixture_int(f, "lines.0.available"), 0);
    assert_int_equal(fixture_sku(f, "A", "held"), 10);
    fixture_restart(f);
    assert_int_equal(fixture_sku(f, "A", "held"), 10);
}

static void test_whole_or_nothing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        fixture_call(
            f, "order.place",
            "{'source':'w','id':'1','lines':[{'sku':'A','quantity':1},{'sku':'B','quantity':4}]}"),
        STK_SHORT);
    assert_int_equal(fixture_int(f, "lines.0.line"), 2);
    assert_int_equal(fixture_int(f, "lines.0.available"), 3);
    assert_int_equal(fixture_sku(f, "A", "held"), 0);
    fixture_restart(f);
}

static void test_kit_with_a_shared_component(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_call(f, "listing.put",
                                  "{'source':'t','channel':'shop','listing':'K1','components':[{'"
                                  "sku':'A','units':2},{'sku':'B','units':1}]}"),
                     STK_OK);
    assert_int_equal(
        fixture_call(
            f, "listing.put",
            "{'source':'t','channel':'shop','listing':'K2','components':[{'sku':'B','units':2}]}"),
        STK_OK);
    assert_int_equal(fixture_call(f, "order.place",
                                  "{'source':'w','id':'1','channel':'shop','lines':[{'listing':'K1'"
                                  ",'quantity':2},{'listing':'K2','quantity':1}]}"),
                     STK_SHORT);
    assert_int_equal(fixture_call(f, "order.place",
                                  "{'source':'w','id':'2','channel':'shop','lines':[{'listing':'K1'"
                                  ",'quantity':1},{'listing':'K2','quantity':1}]}"),
                     STK_OK);
    assert_int_equal(fixture_sku(f, "A", "held"), 2);
    assert_int_equal(fixture_sku(f, "B", "held"), 3);
    fixture_restart(f);
}

static void test_split_only_where_allowed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        fixture_call(f, "stock.receive",
                     "{'source':'t','id':'r3','sku':'A','location':'east','quantity':5}"),
        STK_OK);
    assert_int_equal(fixture_call(f, "order.place",
                                  "{'source':'w','id':'1','lines':[{'sku':'A','quantity':12}]}"),
                     STK_SHORT);
    assert_int_equal(
        fixture_call(f, "order.place",
                     "{'source':'w','id':'2','split':true,'lines':[{'sku':'A','quantity':12}]}"),
        STK_OK);
    assert_int_equal(fixture_call(f, "order.get", "{'source':'w','order':'2','order_source':'w'}"),
                     STK_OK);
    assert_int_equal(fixture_int(f, "holds.0.quantity") + fixture_int(f, "holds.1.quantity"), 12);
    fixture_restart(f);
}

static void test_early_cancel_wins(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_call(f, "order.cancel", "{'source':'w','id':'c','order':'1'}"),
                     STK_OK);
    fixture_restart(f);
    assert_int_equal(fixture_call(f, "order.place",
                                  "{'source':'w','id':'1','lines':[{'sku':'A','quantity':4}]}"),
                     STK_CANCELLED);
    assert_int_equal(fixture_sku(f, "A", "held"), 0);
    fixture_restart(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_last_unit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whole_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kit_with_a_shared_component, setup, teardown),
        cmocka_unit_test_setup_teardown(test_split_only_where_allowed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_early_cancel_wins, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
