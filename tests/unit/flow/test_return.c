/* Goods that come back: restocked, set apart, elsewhere, or not at all. */
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

static void test_return_restocks_or_sets_apart(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':4}]}");
    CALL(OK, "order.ship", "{'source':'w','id':'s','order':'1'}");
    CALL(OK, "order.return",
         "{'source':'w','id':'r1','order':'1','lines':[{'line':1,'quantity':1}]}");
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 7);
    CALL(
        OK, "order.return",
        "{'source':'w','id':'r2','order':'1','lines':[{'line':1,'quantity':2,'unsellable':true}]}");
    assert_int_equal(fixture_sku(f, "A", "unsellable"), 2);
    assert_int_equal(fixture_sku(f, "A", "returned"), 3);
    fixture_restart(f);
    CALL(
        OK, "order.return",
        "{'source':'w','id':'r2','order':'1','lines':[{'line':1,'quantity':2,'unsellable':true}]}");
    assert_int_equal(fixture_sku(f, "A", "returned"), 3);
    CALL(STATE, "order.return",
         "{'source':'w','id':'r3','order':'1','lines':[{'line':1,'quantity':2}]}");
    CALL(OK, "order.return", "{'source':'w','id':'r4','order':'1','location':'east'}");
    assert_true(fixture_is(f, "state", "returned"));
    assert_int_equal(fixture_sku(f, "A", "returned"), 4);
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 8);
    CALL(STATE, "order.return", "{'source':'w','id':'r5','order':'1'}");
    fixture_restart(f);
}

/* A cell at its limit takes nothing back; nothing of the order comes back then. */
static void test_a_return_that_does_not_fit_changes_nothing(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place",
         "{'source':'w','id':'1','lines':[{'sku':'B','quantity':1},{'sku':'A','quantity':2}]}");
    CALL(OK, "order.ship", "{'source':'w','id':'s','order':'1'}");
    CALL(OK, "stock.receive",
         "{'source':'t','id':'full','sku':'A','location':'main','quantity':2147483638}");
    CALL(FULL, "order.return", "{'source':'w','id':'r','order':'1'}");
    assert_int_equal(fixture_sku(f, "B", "on_hand"), 2);
    assert_int_equal(fixture_sku(f, "B", "returned"), 0);
    CALL(OK, "order.return",
         "{'source':'w','id':'r2','order':'1','lines':[{'line':1,'quantity':1}]}");
    assert_int_equal(fixture_sku(f, "B", "on_hand"), 3);
    fixture_restart(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_return_restocks_or_sets_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_return_that_does_not_fit_changes_nothing, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
