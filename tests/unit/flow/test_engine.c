/* The turn: answers wait for their flush, capacities refuse, repeats and conflicts. */
#include "tests/lib/engine_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
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

static void test_no_answer_before_its_flush(void **state)
{
    struct fixture *f = *state;
    f->log.manual = 1;
    fixture_send(f, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':10}]}");
    fixture_send(f, "order.place", "{'source':'w','id':'2','lines':[{'sku':'A','quantity':1}]}");
    stk_engine_turn(f->engine);
    assert_int_equal(fixture_receive(f), 0);
    memory_log_flush(&f->log, 1);
    assert_int_not_equal(fixture_receive(f), 0);
    assert_int_equal(f->status, STK_OK);
    assert_int_not_equal(fixture_receive(f), 0);
    assert_int_equal(f->status, STK_SHORT);
    f->log.manual = 0;
    fixture_restart(f);
}

static void test_a_refusal_waits_for_its_cause(void **state)
{
    struct fixture *f = *state;
    f->log.manual = 1;
    fixture_send(f, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':10}]}");
    stk_engine_turn(f->engine);
    fixture_send(f, "order.place", "{'source':'w','id':'2','lines':[{'sku':'A','quantity':1}]}");
    stk_engine_turn(f->engine);
    memory_log_flush(&f->log, 1);
    assert_int_not_equal(fixture_receive(f), 0);
    assert_int_equal(fixture_receive(f), 0); /* SHORT lies in the next batch */
    stk_engine_turn(f->engine);
    memory_log_flush(&f->log, 1);
    assert_int_not_equal(fixture_receive(f), 0);
    assert_int_equal(f->status, STK_SHORT);
    f->log.manual = 0;
    fixture_restart(f);
}

static void test_a_full_journal_stops_the_inbox_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    char json[128];
    f->log.manual = 1;
    for (int i = 0; i < 50; i++) {
        snprintf(json, sizeof json,
                 "{'source':'w','id':'%d','sku':'A','location':'main','quantity':1}", i);
        fixture_send(f, "stock.receive", json);
        stk_engine_turn(f->engine);
    }
    int answered = 0;
    for (int i = 0; i < 200; i++) {
        memory_log_flush(&f->log, 1);
        stk_engine_turn(f->engine);
        while (fixture_receive(f))
            answered++;
    }
    assert_int_equal(answered, 50);
    f->log.manual = 0;
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 60);
    fixture_restart(f);
}

static void test_the_same_id_with_another_body_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "stock.receive", "{'source':'t','id':'k','sku':'A','location':'main','quantity':1}");
    CALL(OK, "stock.receive", "{'quantity':1,'location':'main','id':'k','source':'t','sku':'A'}");
    CALL(CONFLICT, "stock.receive",
         "{'source':'t','id':'k','sku':'A','location':'main','quantity':2}");
    CALL(CONFLICT, "stock.adjust",
         "{'source':'t','id':'k','sku':'A','location':'main','kind':'found','quantity':1}");
    CALL(OK, "stock.receive", "{'source':'u','id':'k','sku':'A','location':'main','quantity':2}");
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 13);
    fixture_restart(f);
}

static void test_not_found_is_not_remembered(void **state)
{
    struct fixture *f = *state;
    CALL(NOT_FOUND, "order.place", "{'source':'w','id':'1','lines':[{'sku':'new','quantity':1}]}");
    CALL(OK, "sku.put", "{'source':'t','sku':'new'}");
    CALL(OK, "stock.receive", "{'source':'t','id':'n','sku':'new','location':'main','quantity':1}");
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'new','quantity':1}]}");
    fixture_restart(f);
}

/* The wall clock is set right between the making of an engine and its loading, which takes seconds
 * when there is much to load: nothing ends early by the wrong time. */
static void test_a_clock_set_back_while_loading_ends_nothing_early(void **state)
{
    struct fixture *f = *state;
    struct stk_error err = {0};
    CALL(OK, "order.place",
         "{'source':'w','id':'1','ttl_ms':1800000,'lines':[{'sku':'A','quantity':3}]}");
    stk_engine_destroy(f->engine);
    f->clock.wall_ms += 3600000;
    assert_int_equal(stk_engine_create(&f->engine, &f->options, &err), STK_OK);
    f->clock.wall_ms -= 3600000;
    f->inbox = stk_engine_inbox_open(f->engine, NULL, NULL, &err);
    assert_int_equal(stk_engine_load(f->engine, NULL, &err), STK_OK);
    fixture_wait(f, 1700000);
    assert_int_equal(fixture_sku(f, "A", "cells.0.held"), 3);
    fixture_wait(f, 200000);
    assert_int_equal(fixture_sku(f, "A", "cells.0.held"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_answer_before_its_flush, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_refusal_waits_for_its_cause, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_journal_stops_the_inbox_and_loses_nothing,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_same_id_with_another_body_is_a_conflict, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_not_found_is_not_remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_clock_set_back_while_loading_ends_nothing_early,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
