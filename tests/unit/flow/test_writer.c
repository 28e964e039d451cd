/* The open batch: it is filled, handed over, waited for. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_full_journal_stops_the_inbox_and_loses_nothing,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
