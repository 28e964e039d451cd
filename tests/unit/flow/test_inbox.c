/* Answers wait for their flush; who is woken. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_answer_before_its_flush, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_refusal_waits_for_its_cause, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
