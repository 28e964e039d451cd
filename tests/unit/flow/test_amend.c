/* Amendments: all or nothing. */
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

static void test_a_fact_grows_into_a_shortfall(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place",
         "{'source':'w','id':'1','fact':true,'lines':[{'sku':'B','quantity':2}]}");
    CALL(OK, "order.amend",
         "{'source':'w','id':'m','order':'1','lines':[{'line':1,'quantity':5}]}");
    assert_int_equal(fixture_sku(f, "B", "shortfall"), 2);
    assert_int_equal(fixture_sku(f, "B", "held"), 3);
    CALL(OK, "order.amend",
         "{'source':'w','id':'m2','order':'1','lines':[{'line':1,'quantity':1}]}");
    assert_int_equal(fixture_sku(f, "B", "shortfall"), 0);
    assert_int_equal(fixture_sku(f, "B", "held"), 1);
    fixture_restart(f);
}

static void test_money_alone(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place",
         "{'source':'w','id':'1','lines':[{'sku':'A','quantity':2,'unit_price':100}]}");
    CALL(OK, "order.amend",
         "{'source':'w','id':'m','order':'1','lines':[{'line':1,'quantity':2,'unit_price':90}]}");
    CALL(OK, "order.get", "{'order':'1','order_source':'w'}");
    assert_int_equal(fixture_int(f, "lines.0.unit_price"), 90);
    assert_int_equal(fixture_int(f, "lines.0.held"), 2);
    fixture_restart(f);
}

static void test_below_what_is_shipped(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':4}]}");
    CALL(OK, "order.ship", "{'source':'w','id':'s','order':'1','lines':[{'line':1,'quantity':3}]}");
    CALL(STATE, "order.amend",
         "{'source':'w','id':'m','order':'1','lines':[{'line':1,'quantity':2}]}");
    CALL(OK, "order.amend",
         "{'source':'w','id':'m2','order':'1','lines':[{'line':1,'quantity':3}]}");
    assert_true(fixture_is(f, "state", "shipped"));
    fixture_restart(f);
}

static void test_a_new_line_by_listing(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "listing.put",
         "{'source':'t','channel':'shop','listing':'K','components':[{'sku':'A','units':2},{'sku':'"
         "B'}]}");
    CALL(OK, "order.place",
         "{'source':'w','id':'1','channel':'shop','lines':[{'sku':'A','quantity':1}]}");
    CALL(OK, "order.amend",
         "{'source':'w','id':'m','order':'1','lines':[{'listing':'K','quantity':2}]}");
    assert_int_equal(fixture_sku(f, "A", "held"), 5);
    assert_int_equal(fixture_sku(f, "B", "held"), 2);
    fixture_restart(f);
    CALL(OK, "order.ship", "{'source':'w','id':'s','order':'1'}");
    assert_int_equal(fixture_sku(f, "B", "shipped"), 2);
    fixture_restart(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_fact_grows_into_a_shortfall, setup, teardown),
        cmocka_unit_test_setup_teardown(test_money_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_below_what_is_shipped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_new_line_by_listing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
