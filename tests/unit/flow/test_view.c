/* Stock read at the cell. */
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

static void test_numbers_at_one_instant(void **state)
{
    struct fixture *f = *state;
    struct stk_stock_view view;
    stk_sku_t sku = stk_engine_find_sku(f->engine, (struct stk_bytes){"A", 1});
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':4}]}");
    CALL(OK, "stock.receive", "{'source':'t','id':'x','sku':'A','location':'east','quantity':5}");
    CALL(OK, "stock.earmark",
         "{'source':'t','id':'e','earmark':'E','sku':'A','location':'east','quantity':2,'for':'vip'"
         "}");
    assert_int_equal(stk_engine_available(f->engine, sku), 9);
    assert_int_equal(stk_engine_stock(f->engine, sku, (struct stk_bytes){0}, UINT16_MAX, &view),
                     STK_OK);
    assert_int_equal(view.cells, 2);
    assert_int_equal(view.available, 9);
    assert_int_equal(view.cell[0].held, 4);
    assert_int_equal(view.cell[1].earmarked, 2);
    fixture_restart(f);
}

static void test_a_channel_sees_its_locations(void **state)
{
    struct fixture *f = *state;
    struct stk_stock_view view;
    stk_sku_t sku = stk_engine_find_sku(f->engine, (struct stk_bytes){"A", 1});
    CALL(OK, "location.put", "{'source':'t','location':'main','channels':['amz']}");
    assert_int_equal(
        stk_engine_stock(f->engine, sku, (struct stk_bytes){"amz", 3}, UINT16_MAX, &view), STK_OK);
    assert_int_equal(view.available, 10);
    assert_int_equal(
        stk_engine_stock(f->engine, sku, (struct stk_bytes){"web", 3}, UINT16_MAX, &view), STK_OK);
    assert_int_equal(view.available, 0);
    assert_int_equal(
        stk_engine_stock(f->engine, 1u << 30, (struct stk_bytes){0}, UINT16_MAX, &view),
        STK_NOT_FOUND);
    fixture_restart(f);
}

/* Names of every kind, in groups that are full, over-full and empty. */
static void test_many_at_once(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name;
        uint32_t available;
    } known[] = {{"A", 10}, {"alias of A", 10}, {"B", 3},
                 {"C", 0},  {"gone", STK_NONE}, {"", STK_NONE}};
    struct stk_bytes names[100];
    uint32_t available[101];
    CALL(OK, "sku.put", "{'source':'t','sku':'A','aliases':['alias of A']}");
    CALL(OK, "sku.put", "{'source':'t','sku':'C'}"); /* no cell */
    CALL(OK, "sku.put", "{'source':'t','sku':'gone'}");
    CALL(OK, "sku.delete", "{'source':'t','sku':'gone'}");
    for (uint32_t count = 0; count <= 100; count += 10) {
        memset(available, 0xee, sizeof available);
        for (uint32_t i = 0; i < count; i++)
            names[i] = (struct stk_bytes){known[i % 6].name, (uint32_t)strlen(known[i % 6].name)};
        stk_engine_available_many(f->engine, names, count, available);
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(available[i], known[i % 6].available);
        assert_int_equal(available[count], 0xeeeeeeee); /* and nothing behind them */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers_at_one_instant, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_channel_sees_its_locations, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
