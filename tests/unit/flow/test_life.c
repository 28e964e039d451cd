/* The life of an order: pay, ship, cancel, return, refund, review, expiry, amendments. */
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

static void test_pay_makes_it_firm(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place",
         "{'source':'w','id':'1','ttl_ms':1000,'lines':[{'sku':'A','quantity':2}]}");
    CALL(OK, "order.pay", "{'source':'w','id':'p','order':'1'}");
    assert_true(fixture_is(f, "state", "paid"));
    fixture_wait(f, 5000);
    assert_int_equal(fixture_sku(f, "A", "held"), 2);
    CALL(OK, "order.pay", "{'source':'w','id':'p2','order':'1'}");
    CALL(STATE, "order.extend", "{'source':'w','id':'e','order':'1','ttl_ms':5000}");
    fixture_restart(f);
}

static void test_ship_in_part_then_cancel_the_rest(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':5}]}");
    CALL(OK, "order.ship", "{'source':'w','id':'s','order':'1','lines':[{'line':1,'quantity':2}]}");
    assert_true(fixture_is(f, "state", "placed"));
    assert_int_equal(fixture_sku(f, "A", "held"), 3);
    assert_int_equal(fixture_sku(f, "A", "shipped"), 2);
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 8);
    fixture_restart(f);
    CALL(STATE, "order.ship",
         "{'source':'w','id':'s2','order':'1','lines':[{'line':1,'quantity':4}]}");
    CALL(OK, "order.cancel", "{'source':'w','id':'c','order':'1'}");
    assert_true(fixture_is(f, "state", "shipped"));
    assert_int_equal(fixture_sku(f, "A", "held"), 0);
    CALL(STATE, "order.cancel", "{'source':'w','id':'c2','order':'1'}");
    CALL(STATE, "order.ship", "{'source':'w','id':'s3','order':'1'}");
    fixture_restart(f);
}

static void test_expiry_after_a_partial_shipment(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place",
         "{'source':'w','id':'1','ttl_ms':1000,'lines':[{'sku':'A','quantity':5}]}");
    CALL(OK, "order.ship", "{'source':'w','id':'s','order':'1','lines':[{'line':1,'quantity':1}]}");
    fixture_wait(f, 2000);
    assert_int_equal(fixture_sku(f, "A", "held"), 0);
    assert_int_equal(fixture_sku(f, "A", "shipped"), 1);
    CALL(OK, "order.get", "{'source':'w','order':'1'}");
    assert_true(fixture_is(f, "state", "shipped"));
    fixture_restart(f);
}

static void test_refund_never_moves_stock(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place",
         "{'source':'w','id':'1','currency':'GBP','lines':[{'sku':'A','quantity':2,'unit_price':"
         "500}]}");
    CALL(OK, "order.ship", "{'source':'w','id':'s','order':'1'}");
    CALL(OK, "order.refund", "{'source':'w','id':'f1','order':'1','amount':300}");
    assert_int_equal(fixture_int(f, "refunded"), 300);
    CALL(STATE, "order.refund", "{'source':'w','id':'f2','order':'1','amount':701}");
    CALL(OK, "order.refund",
         "{'source':'w','id':'f3','order':'1','lines':[{'line':1,'amount':700}]}");
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 8);
    CALL(INVALID, "order.refund", "{'source':'w','id':'f4','order':'1'}");
    fixture_restart(f);
}

static void test_review_stops_expiry(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place",
         "{'source':'w','id':'1','ttl_ms':1000,'lines':[{'sku':'A','quantity':1}]}");
    fixture_wait(f, 400);
    CALL(OK, "order.review", "{'source':'w','id':'v','order':'1'}");
    fixture_wait(f, 5000);
    assert_int_equal(fixture_sku(f, "A", "held"), 1);
    CALL(STATE, "order.ship", "{'source':'w','id':'s','order':'1'}");
    fixture_restart(f);
    CALL(OK, "order.release", "{'source':'w','id':'l','order':'1'}");
    fixture_wait(f, 500);
    assert_int_equal(fixture_sku(f, "A", "held"), 1);
    fixture_wait(f, 6000);
    assert_int_equal(fixture_sku(f, "A", "held"), 0);
    fixture_restart(f);
}

static void test_extend(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place",
         "{'source':'w','id':'1','ttl_ms':1000,'lines':[{'sku':'A','quantity':1}]}");
    CALL(OK, "order.extend", "{'source':'w','id':'e','order':'1','ttl_ms':10000}");
    fixture_wait(f, 9000);
    assert_int_equal(fixture_sku(f, "A", "held"), 1);
    fixture_wait(f, 2000);
    assert_int_equal(fixture_sku(f, "A", "held"), 0);
    CALL(STATE, "order.extend", "{'source':'w','id':'e2','order':'1','ttl_ms':10000}");
    fixture_restart(f);
}

static void test_amend_grows_shrinks_adds(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place",
         "{'source':'w','id':'1','lines':[{'sku':'A','quantity':2},{'sku':'B','quantity':1}]}");
    CALL(OK, "order.amend",
         "{'source':'w','id':'m','order':'1','lines':[{'line':1,'quantity':5},{'line':2,'quantity':"
         "0},{'sku':'B','quantity':3}]}");
    assert_int_equal(fixture_sku(f, "A", "held"), 5);
    assert_int_equal(fixture_sku(f, "B", "held"), 3);
    fixture_restart(f);
    CALL(SHORT, "order.amend",
         "{'source':'w','id':'m2','order':'1','lines':[{'line':1,'quantity':11},{'line':3,'"
         "quantity':1}]}");
    assert_int_equal(fixture_sku(f, "A", "held"), 5);
    assert_int_equal(fixture_sku(f, "B", "held"), 3);
    CALL(INVALID, "order.amend",
         "{'source':'w','id':'m3','order':'1','lines':[{'line':1,'quantity':1},{'line':1,'quantity'"
         ":2}]}");
    CALL(NOT_FOUND, "order.amend",
         "{'source':'w','id':'m4','order':'1','lines':[{'line':9,'quantity':1}]}");
    CALL(OK, "order.ship", "{'source':'w','id':'s','order':'1'}");
    CALL(STATE, "order.amend",
         "{'source':'w','id':'m5','order':'1','lines':[{'line':1,'quantity':1}]}");
    fixture_restart(f);
}

static void test_amend_may_use_what_it_gives_back(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':10}]}");
    CALL(OK, "order.amend",
         "{'source':'w','id':'m','order':'1','lines':[{'line':1,'quantity':0},{'sku':'A','quantity'"
         ":10}]}");
    assert_int_equal(fixture_sku(f, "A", "held"), 10);
    fixture_restart(f);
}

static void test_sell_at_the_till(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.sell", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':3}]}");
    assert_true(fixture_is(f, "state", "shipped"));
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 7);
    assert_int_equal(fixture_sku(f, "A", "shipped"), 3);
    CALL(OK, "order.sell", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':3}]}");
    assert_int_equal(fixture_sku(f, "A", "shipped"), 3);
    CALL(SHORT, "order.sell", "{'source':'w','id':'2','lines':[{'sku':'A','quantity':8}]}");
    fixture_restart(f);
}

static void test_ship_before_pay_and_pay_after(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':1}]}");
    CALL(OK, "order.ship", "{'source':'w','id':'s','order':'1'}");
    CALL(OK, "order.pay", "{'source':'w','id':'p','order':'1'}");
    assert_true(fixture_is(f, "state", "shipped"));
    fixture_restart(f);
}

static void test_a_cancelled_order_cannot_be_paid(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':1}]}");
    CALL(OK, "order.cancel", "{'source':'w','id':'c','order':'1'}");
    CALL(OK, "order.cancel", "{'source':'w','id':'c2','order':'1'}");
    CALL(STATE, "order.pay", "{'source':'w','id':'p','order':'1'}");
    CALL(STATE, "order.pay", "{'source':'w','id':'p','order':'1'}");
    assert_int_equal(fixture_sku(f, "A", "held"), 0);
    fixture_restart(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pay_makes_it_firm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ship_in_part_then_cancel_the_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expiry_after_a_partial_shipment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refund_never_moves_stock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_review_stops_expiry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_extend, setup, teardown),
        cmocka_unit_test_setup_teardown(test_amend_grows_shrinks_adds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_amend_may_use_what_it_gives_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sell_at_the_till, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ship_before_pay_and_pay_after, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_cancelled_order_cannot_be_paid, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
