/* How many bytes an order takes. */
#include "core/flow/rows.h"
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

static void test_a_one_line_order_is_small(void **state)
{
    struct fixture *f = *state;
    uint8_t room[4096];
    struct stk_record record;
    CALL(
        OK, "order.place",
        "{'source':'w','id':'order-0123456789','ttl_ms':60000,'lines':[{'sku':'A','quantity':1}]}");
    const struct stk_state *now = stk_engine_state(f->engine);
    stk_record_begin(&record, room, 1, 21, 0, 0);
    uint32_t head = stk_record_size(&record);
    stk_row_put_order(&record, now, stk_orders_next(&now->orders, 0), STK_TABLE_ORDER);
    assert_in_range(stk_record_size(&record) - head, 40, 75);
    uint32_t order = stk_record_size(&record);
    stk_row_put_cell(&record, now, stk_catalog_sku(&now->catalog, 0)->first_cell);
    assert_in_range(stk_record_size(&record) - order, 8, 25);
    assert_in_range(stk_record_size(&record), 50, 120);
    fixture_restart(f);
}

static void test_the_bound_holds(void **state)
{
    struct fixture *f = *state;
    uint8_t room[65536];
    struct stk_record record;
    CALL(OK, "listing.put",
         "{'source':'t','channel':'shop','listing':'K','components':[{'sku':'A','units':2},{'sku':'"
         "B'}]}");
    CALL(OK, "order.place",
         "{'source':'w','id':'1','channel':'shop','country':'DE','currency':'EUR','for':'vip','ttl_"
         "ms':60000,'lines':[{'listing':'K','quantity':1,'unit_price':100000000,'discount':77,'tax'"
         ":19,'tax_included':true},{'sku':'A','quantity':2}]}");
    const struct stk_state *now = stk_engine_state(f->engine);
    uint32_t slot = stk_orders_next(&now->orders, 0);
    stk_record_begin(&record, room, 1, 21, 0, 0);
    uint32_t head = stk_record_size(&record);
    stk_row_put_order(&record, now, slot, STK_TABLE_ORDER);
    assert_in_range(stk_record_size(&record) - head, 1, stk_row_order_max(now, slot, 0));
    fixture_restart(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_one_line_order_is_small, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_bound_holds, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
