/* Where units come from. */
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

static void test_priority_before_number(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "location.put", "{'source':'t','location':'east','priority':1}");
    CALL(OK, "stock.receive", "{'source':'t','id':'x','sku':'A','location':'east','quantity':5}");
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':1}]}");
    CALL(OK, "order.get", "{'order':'1','order_source':'w'}");
    assert_true(fixture_is(f, "holds.0.location", "east"));
    fixture_restart(f);
}

static void test_one_location_before_a_split(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "location.put", "{'source':'t','location':'east','priority':1}");
    CALL(OK, "stock.receive", "{'source':'t','id':'x','sku':'A','location':'east','quantity':5}");
    CALL(OK, "order.place",
         "{'source':'w','id':'1','split':true,'lines':[{'sku':'A','quantity':6}]}");
    CALL(OK, "order.get", "{'order':'1','order_source':'w'}");
    assert_true(fixture_is(f, "holds.0.location", "main"));
    assert_null(fixture_get(f, "holds.1"));
    fixture_restart(f);
}

static void test_a_location_that_takes_no_part_in_splits(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "stock.receive", "{'source':'t','id':'x','sku':'A','location':'east','quantity':5}");
    CALL(OK, "location.put", "{'source':'t','location':'east','split':false}");
    CALL(SHORT, "order.place",
         "{'source':'w','id':'1','split':true,'lines':[{'sku':'A','quantity':12}]}");
    CALL(OK, "order.place",
         "{'source':'w','id':'2','fact':true,'lines':[{'sku':'A','quantity':12}]}");
    assert_int_equal(fixture_int(f, "shortfall"), 0);
    fixture_restart(f);
}

static void test_a_location_that_does_not_ship(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "location.put", "{'source':'t','location':'main','ships':false}");
    CALL(SHORT, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':1}]}");
    CALL(OK, "order.place",
         "{'source':'w','id':'2','fact':true,'lines':[{'sku':'A','quantity':1}]}");
    assert_int_equal(fixture_int(f, "shortfall"), 1);
    fixture_restart(f);
}

static void test_lines_of_one_order_stay_together(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "stock.receive", "{'source':'t','id':'x','sku':'A','location':'east','quantity':5}");
    CALL(OK, "sku.put", "{'source':'t','sku':'D'}");
    CALL(OK, "stock.receive", "{'source':'t','id':'y','sku':'D','location':'east','quantity':5}");
    CALL(SHORT, "order.place",
         "{'source':'w','id':'1','lines':[{'sku':'B','quantity':1},{'sku':'D','quantity':1}]}");
    CALL(OK, "order.place",
         "{'source':'w','id':'2','lines':[{'sku':'A','quantity':1},{'sku':'D','quantity':1}]}");
    CALL(OK, "order.get", "{'order':'2','order_source':'w'}");
    assert_true(fixture_is(f, "holds.0.location", "east"));
    assert_true(fixture_is(f, "holds.1.location", "east"));
    fixture_restart(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_priority_before_number, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_location_before_a_split, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_location_that_takes_no_part_in_splits, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_location_that_does_not_ship, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines_of_one_order_stay_together, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
