/* Sold, and not there: back-orders, another location, cancelled. */
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

static void test_a_fact_is_held_as_far_as_stock_goes(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        fixture_call(f, "order.place",
                     "{'source':'amz','id':'1','fact':true,'lines':[{'sku':'B','quantity':5}]}"),
        STK_OK);
    assert_int_equal(fixture_int(f, "shortfall"), 2);
    assert_int_equal(fixture_sku(f, "B", "held"), 3);
    assert_int_equal(fixture_sku(f, "B", "shortfall"), 2);
    fixture_restart(f);
    assert_int_equal(fixture_call(f, "shortfall.resolve",
                                  "{'source':'t','id':'s','order':'1','order_source':'amz','line':"
                                  "1,'action':'back_order'}"),
                     STK_OK);
    assert_int_equal(
        fixture_call(f, "stock.receive",
                     "{'source':'t','id':'r3','sku':'B','location':'main','quantity':1}"),
        STK_OK);
    assert_int_equal(fixture_sku(f, "B", "shortfall"), 1);
    fixture_restart(f);
    assert_int_equal(
        fixture_call(
            f, "shortfall.resolve",
            "{'source':'t','id':'s2','order':'1','order_source':'amz','line':1,'action':'cancel'}"),
        STK_OK);
    assert_int_equal(fixture_sku(f, "B", "shortfall"), 0);
    fixture_restart(f);
}

static void test_back_orders_are_covered_oldest_first(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place",
         "{'source':'amz','id':'1','fact':true,'lines':[{'sku':'B','quantity':5}]}");
    CALL(OK, "order.place",
         "{'source':'amz','id':'2','fact':true,'lines':[{'sku':'B','quantity':4}]}");
    CALL(
        OK, "shortfall.resolve",
        "{'source':'t','id':'b2','order':'2','order_source':'amz','line':1,'action':'back_order'}");
    CALL(
        OK, "shortfall.resolve",
        "{'source':'t','id':'b1','order':'1','order_source':'amz','line':1,'action':'back_order'}");
    CALL(OK, "stock.receive", "{'source':'t','id':'r','sku':'B','location':'main','quantity':3}");
    CALL(OK, "order.get", "{'source':'t','order':'1','order_source':'amz'}");
    assert_int_equal(fixture_int(f, "holds.0.quantity") + fixture_int(f, "holds.1.quantity"), 5);
    CALL(OK, "order.get", "{'source':'t','order':'2','order_source':'amz'}");
    assert_int_equal(fixture_int(f, "holds.0.quantity"), 1);
    assert_int_equal(fixture_sku(f, "B", "shortfall"), 3);
    fixture_restart(f);
}

static void test_a_person_takes_it_from_elsewhere(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place",
         "{'source':'amz','id':'1','fact':true,'lines':[{'sku':'B','quantity':5}]}");
    CALL(SHORT, "shortfall.resolve",
         "{'source':'t','id':'e1','order':'1','order_source':'amz','line':1,'action':'location',"
         "'location':'east'}");
    CALL(OK, "stock.receive", "{'source':'t','id':'r','sku':'B','location':'east','quantity':2}");
    CALL(STATE, "shortfall.resolve",
         "{'source':'t','id':'e2','order':'1','order_source':'amz','line':1,'action':'location',"
         "'location':'east','quantity':3}");
    CALL(OK, "shortfall.resolve",
         "{'source':'t','id':'e3','order':'1','order_source':'amz','line':1,'action':'location',"
         "'location':'east'}");
    assert_int_equal(fixture_sku(f, "B", "shortfall"), 0);
    assert_int_equal(fixture_sku(f, "B", "held"), 5);
    fixture_restart(f);
}

/* What recovery refuses, planted in memory: covering goes past it. */
static void test_a_shortfall_without_its_order_is_passed_over(void **state)
{
    struct fixture *f = *state;
    struct stk_book *book = &stk_engine_state(f->engine)->book;
    CALL(OK, "order.place",
         "{'source':'amz','id':'1','fact':true,'lines':[{'sku':'B','quantity':5}]}");
    CALL(
        OK, "shortfall.resolve",
        "{'source':'t','id':'b1','order':'1','order_source':'amz','line':1,'action':'back_order'}");
    uint32_t slot = stk_book_add_shortfall(book, 1, 0);
    struct stk_shortfall *lost = stk_pool_at(&book->shortfalls, slot);
    lost->order_key = (struct stk_hash){7, 7};
    lost->back_order = 1;
    lost->units = 1;
    CALL(OK, "stock.receive", "{'source':'t','id':'r','sku':'B','location':'main','quantity':2}");
    assert_int_equal(fixture_sku(f, "B", "shortfall"), 0);
    stk_book_remove_shortfall(book, slot);
    fixture_restart(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_fact_is_held_as_far_as_stock_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_back_orders_are_covered_oldest_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_person_takes_it_from_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_shortfall_without_its_order_is_passed_over, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
