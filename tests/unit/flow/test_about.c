/* What the verbs on an order share: finding it, counting its parts. */
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

static void test_unknown_orders(void **state)
{
    struct fixture *f = *state;
    CALL(NOT_FOUND, "order.pay", "{'source':'w','id':'p','order':'77'}");
    CALL(NOT_FOUND, "order.ship", "{'source':'w','id':'p','order':'77'}");
    CALL(NOT_FOUND, "order.pay", "{'source':'w','id':'p','order':'77'}");
    fixture_restart(f);
}

static void test_parts_are_checked_before_anything_changes(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place",
         "{'source':'w','id':'1','lines':[{'sku':'A','quantity':3},{'sku':'B','quantity':1}]}");
    CALL(NOT_FOUND, "order.ship",
         "{'source':'w','id':'s1','order':'1','lines':[{'line':1,'quantity':1},{'line':3}]}");
    CALL(NOT_FOUND, "order.cancel", "{'source':'w','id':'s2','order':'1','lines':[{'line':9}]}");
    CALL(STATE, "order.ship",
         "{'source':'w','id':'s3','order':'1','lines':[{'line':1,'quantity':2},{'line':1,'quantity'"
         ":2}]}");
    assert_int_equal(fixture_sku(f, "A", "held"), 3);
    CALL(OK, "order.ship",
         "{'source':'w','id':'s4','order':'1','lines':[{'line':1,'quantity':2},{'line':1,'quantity'"
         ":1}]}");
    assert_int_equal(fixture_sku(f, "A", "shipped"), 3);
    assert_int_equal(fixture_sku(f, "B", "held"), 1);
    fixture_restart(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_unknown_orders, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts_are_checked_before_anything_changes, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
