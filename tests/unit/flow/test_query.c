/* Looking: one order whole, pages with filters. */
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

static void test_an_order_whole(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place",
         "{'source':'w','id':'1','currency':'GBP','country':'GB','lines':[{'sku':'A','quantity':2,'"
         "unit_price':255,'discount':10,'discount_by':'channel','tax':40,'tax_included':true}]}");
    CALL(OK, "order.get", "{'order':'1','order_source':'w'}");
    assert_int_equal(fixture_int(f, "lines.0.unit_price"), 255);
    assert_true(fixture_is(f, "lines.0.discount_by", "channel"));
    assert_true(fixture_is(f, "currency", "GBP"));
    assert_true(fixture_is(f, "holds.0.location", "main"));
    assert_int_equal(fixture_int(f, "holds.0.quantity"), 2);
    fixture_restart(f);
}

static void test_orders_by_state_and_channel(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place",
         "{'source':'w','id':'1','channel':'web','lines':[{'sku':'A','quantity':1}]}");
    CALL(OK, "order.place",
         "{'source':'w','id':'2','channel':'amz','lines':[{'sku':'A','quantity':1}]}");
    CALL(OK, "order.pay", "{'source':'w','id':'p','order':'2'}");
    CALL(OK, "order.list", "{'state':'paid'}");
    assert_true(fixture_is(f, "orders.0.order", "2"));
    assert_null(fixture_get(f, "orders.1"));
    CALL(OK, "order.list", "{'channel':'web'}");
    assert_true(fixture_is(f, "orders.0.order", "1"));
    CALL(NOT_FOUND, "order.list", "{'channel':'none'}");
    fixture_restart(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_order_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_orders_by_state_and_channel, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
