/* Recovery: gaps and damage are named, nothing is guessed. */
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

static void test_a_gap_is_named(void **state)
{
    struct fixture *f = *state;
    struct stk_error err = {0};
    struct stk_engine *engine;
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':1}]}");
    assert_true(f->log.kept_count > 3);
    free(f->log.kept[2].data);
    memmove(&f->log.kept[2], &f->log.kept[3], (f->log.kept_count - 3) * sizeof f->log.kept[0]);
    f->log.kept_count--;
    assert_int_equal(stk_engine_create(&engine, &f->options, &err), STK_OK);
    assert_int_equal(stk_engine_load(engine, NULL, &err), STK_CORRUPT);
    assert_non_null(strstr(err.text, "missing"));
    stk_engine_destroy(engine);
}

static void test_damage_is_named(void **state)
{
    struct fixture *f = *state;
    struct stk_error err = {0};
    struct stk_engine *engine;
    f->log.kept[3].data[STK_BATCH_HEADER + 3] ^= 4;
    assert_int_equal(stk_engine_create(&engine, &f->options, &err), STK_OK);
    assert_int_equal(stk_engine_load(engine, NULL, &err), STK_CORRUPT);
    assert_true(err.text[0] != 0);
    stk_engine_destroy(engine);
}

static void test_a_capacity_that_shrank_is_named(void **state)
{
    struct fixture *f = *state;
    struct stk_error err = {0};
    struct stk_engine *engine;
    f->options.skus = 1;
    assert_int_equal(stk_engine_create(&engine, &f->options, &err), STK_OK);
    assert_int_equal(stk_engine_load(engine, NULL, &err), STK_FULL);
    assert_non_null(strstr(err.text, "sku"));
    stk_engine_destroy(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_gap_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_capacity_that_shrank_is_named, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
