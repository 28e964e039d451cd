/* Movements of stock: receive, adjust, transfers, incoming documents. */
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

static void test_adjust_kinds(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "stock.adjust",
         "{'source':'t','id':'1','sku':'A','location':'main','kind':'found','quantity':2}");
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 12);
    CALL(OK, "stock.adjust",
         "{'source':'t','id':'2','sku':'A','location':'main','kind':'damaged','quantity':3}");
    assert_int_equal(fixture_sku(f, "A", "unsellable"), 3);
    CALL(OK, "stock.adjust",
         "{'source':'t','id':'3','sku':'A','location':'main','kind':'repaired','quantity':1}");
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 10);
    CALL(OK, "stock.adjust",
         "{'source':'t','id':'4','sku':'A','location':'main','kind':'scrapped','quantity':2}");
    CALL(OK, "stock.adjust",
         "{'source':'t','id':'5','sku':'A','location':'main','kind':'lost','quantity':10}");
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 0);
    assert_int_equal(fixture_sku(f, "A", "written_off"), 12);
    CALL(STATE, "stock.adjust",
         "{'source':'t','id':'6','sku':'A','location':'main','kind':'lost','quantity':1}");
    CALL(STATE, "stock.adjust",
         "{'source':'t','id':'7','sku':'A','location':'main','kind':'scrapped','quantity':1}");
    CALL(MISMATCH, "stock.adjust",
         "{'source':'t','id':'8','sku':'A','location':'main','kind':'found','quantity':1,'expect':"
         "5}");
    assert_int_equal(fixture_int(f, "on_hand"), 0);
    fixture_restart(f);
}

static void test_a_loss_exposes(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':9}]}");
    CALL(OK, "stock.adjust",
         "{'source':'t','id':'1','sku':'A','location':'main','kind':'lost','quantity':4}");
    assert_int_equal(fixture_int(f, "exposed"), 3);
    CALL(SHORT, "order.place", "{'source':'w','id':'2','lines':[{'sku':'A','quantity':1}]}");
    CALL(OK, "order.ship", "{'source':'w','id':'s','order':'1'}");
    assert_int_equal(fixture_sku(f, "A", "shipped"), 9);
    assert_int_equal(fixture_sku(f, "A", "found"), 3);
    fixture_restart(f);
}

static void test_receive_limits(void **state)
{
    struct fixture *f = *state;
    CALL(FULL, "stock.receive",
         "{'source':'t','id':'1','sku':'A','location':'main','quantity':2147483647}");
    CALL(NOT_FOUND, "stock.receive",
         "{'source':'t','id':'2','sku':'Z','location':'main','quantity':1}");
    CALL(NOT_FOUND, "stock.receive",
         "{'source':'t','id':'3','sku':'A','location':'moon','quantity':1}");
    CALL(INVALID, "stock.receive",
         "{'source':'t','id':'4','sku':'A','location':'main','quantity':1,'occurred_at':%lld}",
         (long long)f->clock.wall_ms + 3600000);
    CALL(NOT_FOUND, "stock.receive",
         "{'source':'t','id':'5','sku':'A','location':'main','quantity':1,'document':'PO1'}");
    CALL(OK, "stock.receive",
         "{'source':'t','id':'6','sku':'A','location':'main','quantity':4,'unsellable':true}");
    assert_int_equal(fixture_sku(f, "A", "unsellable"), 4);
    fixture_restart(f);
}

static void test_transfer_in_two_legs(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "stock.transfer",
         "{'source':'t','id':'1','transfer':'T1','action':'send','from':'main','to':'east','lines':"
         "[{'sku':'A','quantity':4}]}");
    assert_int_equal(fixture_sku(f, "A", "in_transit"), 4);
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 6);
    fixture_restart(f);
    CALL(EXISTS, "stock.transfer",
         "{'source':'t','id':'2','transfer':'T1','action':'send','from':'main','to':'east','lines':"
         "[{'sku':'A','quantity':1}]}");
    CALL(OK, "stock.transfer",
         "{'source':'t','id':'3','transfer':'T1','action':'receive','lines':[{'sku':'A','quantity':"
         "3}]}");
    assert_int_equal(fixture_sku(f, "A", "in_transit"), 1);
    CALL(STATE, "stock.transfer",
         "{'source':'t','id':'4','transfer':'T1','action':'receive','lines':[{'sku':'A','quantity':"
         "2}]}");
    CALL(OK, "stock.transfer", "{'source':'t','id':'5','transfer':'T1','action':'lose'}");
    assert_int_equal(fixture_sku(f, "A", "in_transit"), 0);
    assert_int_equal(fixture_sku(f, "A", "written_off"), 1);
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 9);
    CALL(NOT_FOUND, "stock.transfer", "{'source':'t','id':'6','transfer':'T1','action':'receive'}");
    fixture_restart(f);
}

static void test_transfer_leaves_what_is_held(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':8}]}");
    CALL(SHORT, "stock.transfer",
         "{'source':'t','id':'1','transfer':'T1','action':'send','from':'main','to':'east','lines':"
         "[{'sku':'A','quantity':3}]}");
    CALL(OK, "stock.transfer",
         "{'source':'t','id':'2','transfer':'T2','action':'move','from':'main','to':'east','lines':"
         "[{'sku':'A','quantity':2}]}");
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 10);
    fixture_restart(f);
}

static void test_preorders_are_kept_by_incoming_stock(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "incoming.put",
         "{'source':'t','id':'i1','document':'PO1','sku':'B','location':'main','quantity':10,'"
         "preorder_limit':5,'expected_at':1800000000000}");
    CALL(OK, "order.place",
         "{'source':'w','id':'1','lines':[{'sku':'B','quantity':6,'preorder':true}]}");
    assert_int_equal(fixture_sku(f, "B", "held"), 3);
    CALL(SHORT, "order.place",
         "{'source':'w','id':'2','lines':[{'sku':'B','quantity':3,'preorder':true}]}");
    fixture_restart(f);
    CALL(OK, "stock.receive",
         "{'source':'t','id':'2','sku':'B','location':'main','quantity':2,'document':'PO1'}");
    assert_int_equal(fixture_sku(f, "B", "held"), 5);
    fixture_restart(f);
    CALL(OK, "incoming.put",
         "{'source':'t','id':'i2','document':'PO1','sku':'B','location':'main','quantity':0}");
    assert_int_equal(fixture_sku(f, "B", "shortfall"), 1);
    fixture_restart(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_adjust_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_loss_exposes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_receive_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transfer_in_two_legs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transfer_leaves_what_is_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_preorders_are_kept_by_incoming_stock, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
