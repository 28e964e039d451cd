/* Whole sets of counts, behind their breaker. */
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

static void test_a_snapshot_that_empties_the_shop_waits_for_a_person(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 44; i++) {
        CALL(OK, "sku.put", "{'source':'t','sku':'S%d'}", i);
        CALL(OK, "stock.receive",
             "{'source':'t','id':'s%d','sku':'S%d','location':'east','quantity':10}", i, i);
    }
    fixture_wait(f, 1000);
    CALL(OK, "stock.snapshot",
         "{'source':'t','id':'n1','snapshot':'N','location':'east','total':2,'missing':'zero','"
         "rows':[{'sku':'S0','quantity':9}]}");
    assert_true(fixture_is(f, "state", "filling"));
    CALL(INVALID, "stock.snapshot",
         "{'source':'t','id':'n2','snapshot':'N','location':'east','total':2,'missing':'zero','"
         "rows':[{'sku':'S1','quantity':9},{'sku':'S2','quantity':9}]}");
    CALL(OK, "stock.snapshot",
         "{'source':'t','id':'n3','snapshot':'N','location':'east','total':2,'missing':'zero','"
         "rows':[{'sku':'S1','quantity':8}]}");
    assert_true(fixture_is(f, "state", "held"));
    fixture_wait(f, 5000);
    assert_int_equal(fixture_sku(f, "S2", "on_hand"), 10);
    fixture_restart(f);
    CALL(STATE, "stock.snapshot",
         "{'source':'t','id':'n4','snapshot':'N','location':'east','total':2,'rows':[{'sku':'S3','"
         "quantity':8}]}");
    CALL(OK, "stock.snapshot", "{'source':'t','id':'n5','snapshot':'N','action':'approve'}");
    fixture_wait(f, 1000);
    assert_int_equal(fixture_sku(f, "S0", "on_hand"), 9);
    assert_int_equal(fixture_sku(f, "S1", "on_hand"), 8);
    assert_int_equal(fixture_sku(f, "S2", "on_hand"), 0);
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 10);
    CALL(NOT_FOUND, "stock.snapshot", "{'source':'t','id':'n6','snapshot':'N','action':'approve'}");
    fixture_restart(f);
}

static void test_a_small_snapshot_applies_by_itself(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "stock.snapshot",
         "{'source':'t','id':'n1','snapshot':'N','location':'main','total':1,'rows':[{'sku':'A','"
         "quantity':1}]}");
    assert_true(fixture_is(f, "state", "applying"));
    fixture_wait(f, 1000);
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 1);
    assert_int_equal(fixture_sku(f, "B", "on_hand"), 3);
    fixture_restart(f);
}

static void test_refused_rows_are_named_and_the_set_goes_on(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "stock.snapshot",
         "{'source':'t','id':'n1','snapshot':'N','location':'main','total':6,'rows':[{'sku':'A',"
         "'quantity':8},{'sku':'nobody','quantity':5},{'sku':'A','quantity':9}]}");
    assert_true(fixture_is(f, "state", "filling"));
    assert_int_equal(fixture_int(f, "rows"), 1);
    assert_int_equal(fixture_int(f, "refused"), 2);
    assert_int_equal(fixture_int(f, "refused_rows.0.row"), 2);
    assert_true(fixture_is(f, "refused_rows.0.sku", "nobody"));
    assert_true(fixture_is(f, "refused_rows.0.why", "not_found"));
    assert_int_equal(fixture_int(f, "refused_rows.1.row"), 3);
    assert_true(fixture_is(f, "refused_rows.1.why", "twice"));
    fixture_restart(f);
    CALL(OK, "snapshot.list", "{}");
    assert_true(fixture_is(f, "snapshots.0.snapshot", "N"));
    assert_true(fixture_is(f, "snapshots.0.location", "main"));
    assert_true(fixture_is(f, "snapshots.0.state", "filling"));
    assert_int_equal(fixture_int(f, "snapshots.0.refused"), 2);
    CALL(INVALID, "stock.snapshot",
         "{'source':'t','id':'n2','snapshot':'N','location':'main','total':6,'rows':[{'sku':'x',"
         "'quantity':1},{'sku':'y','quantity':1},{'sku':'z','quantity':1},{'sku':'B','quantity':1}"
         "]}");
    CALL(OK, "stock.snapshot",
         "{'source':'t','id':'n3','snapshot':'N','location':'main','total':6,'rows':[{'sku':'B',"
         "'quantity':2},{'sku':'A','quantity':1},{'sku':'nobody','quantity':1}]}");
    assert_true(fixture_is(f, "state", "applying"));
    assert_true(fixture_is(f, "refused_rows.0.why", "twice"));
    fixture_wait(f, 1000);
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 8); /* the first one of the SKU */
    assert_int_equal(fixture_sku(f, "B", "on_hand"), 2);
    CALL(OK, "snapshot.list", "{}");
    assert_null(fixture_get(f, "snapshots.0"));
    fixture_restart(f);
}

/* A message of many rows of which none is known: the first of them are named. */
static void test_so_many_refused_rows_are_named(void **state)
{
    struct fixture *f = *state;
    char *json = malloc(200000);
    int at = sprintf(json, "{'source':'t','id':'n1','snapshot':'N','location':'main','total':600,"
                           "'rows':[");
    for (int i = 0; i < 600; i++)
        at += sprintf(json + at, "%s{'sku':'%040d','quantity':%d}", i ? "," : "", i, i);
    sprintf(json + at, "]}");
    CALL(OK, "stock.snapshot", "%s", json);
    assert_int_equal(fixture_int(f, "refused"), 600);
    assert_int_equal(fixture_int(f, "refused_rows.99.row"), 100);
    assert_null(fixture_get(f, "refused_rows.100"));
    assert_true(fixture_is(f, "state", "applying")); /* nothing is missing: it keeps all */
    /* a small message has a small answer */
    at = sprintf(json, "{'source':'t','id':'n2','snapshot':'M','location':'main','total':1000,"
                       "'rows':[");
    for (int i = 0; i < 44; i++)
        at += sprintf(json + at, "%s{'sku':'%064d','quantity':%d}", i ? "," : "", i, i);
    sprintf(json + at, "]}");
    CALL(OK, "stock.snapshot", "%s", json);
    assert_int_equal(fixture_int(f, "refused"), 44);
    assert_in_range(f->doc_size, 3000, 4096);
    free(json);
    fixture_wait(f, 1000);
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 10);
    fixture_restart(f);
}

static struct fixture *large(int skus, const char *id_prefix)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_init(f);
    f->options.skus = 10000;
    f->options.cells = 10000;
    f->options.text_bytes = 16 << 20;
    f->options.snapshot_rows = 10000;
    fixture_start(f);
    CALL(OK, "location.put", "{'source':'t','location':'main'}");
    for (int i = 0; i < skus; i++) {
        CALL(OK, "sku.put", "{'source':'t','sku':'S%d'}", i);
        CALL(OK, "stock.receive",
             "{'source':'t','id':'%s%d','sku':'S%d','location':'main','quantity':10}", id_prefix, i,
             i);
    }
    return f;
}

static void give(struct fixture *f)
{
    fixture_fini(f);
    free(f);
}

/* A large location is judged in slices: orders go on between them, and a restart begins anew. */
static void test_a_large_set_is_judged_in_slices(void **state)
{
    struct fixture *f = large(5500, "s");
    (void)state;
    CALL(OK, "stock.snapshot",
         "{'source':'t','id':'n1','snapshot':'N','location':'main','total':1,'missing':'zero',"
         "'rows':[{'sku':'S0','quantity':9}]}");
    assert_true(fixture_is(f, "state", "judging"));
    CALL(STATE, "stock.snapshot", "{'source':'t','id':'n2','snapshot':'N','action':'approve'}");
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'S1','quantity':10}]}");
    CALL(OK, "snapshot.list", "{}");
    assert_true(fixture_is(f, "snapshots.0.state", "judging"));
    struct stk_error err = {0}; /* the power goes: what was looked at is looked at again */
    stk_engine_destroy(f->engine);
    assert_int_equal(stk_engine_create(&f->engine, &f->options, &err), STK_OK);
    f->inbox = stk_engine_inbox_open(f->engine, NULL, NULL, &err);
    assert_int_equal(stk_engine_load(f->engine, NULL, &err), STK_OK);
    const struct stk_snapshot *snapshot =
        stk_pool_at(&stk_engine_state(f->engine)->book.snapshots, 0);
    unsigned turns = 0;
    for (; snapshot->state == STK_SNAPSHOT_JUDGING && turns < 100; turns++)
        stk_engine_turn(f->engine);
    assert_in_range(turns, 5, 7); /* 5,500 SKUs, a thousand at a time */
    CALL(OK, "snapshot.list", "{}");
    assert_true(fixture_is(f, "snapshots.0.state", "held"));
    assert_int_equal(fixture_int(f, "snapshots.0.skus_with_stock"), 5500);
    assert_int_equal(fixture_int(f, "snapshots.0.skus_zeroed_or_halved"), 5499);
    fixture_restart(f);
    CALL(OK, "snapshot.list", "{}");
    assert_int_equal(fixture_int(f, "snapshots.0.skus_with_stock"), 5500);
    CALL(OK, "stock.snapshot", "{'source':'t','id':'d','snapshot':'N','action':'discard'}");
    assert_int_equal(fixture_sku(f, "S7", "on_hand"), 10);
    fixture_restart(f);
    give(f);
}

/* Few SKUs are not judged: a shop with ten may sell out. */
static void test_few_skus_are_not_held(void **state)
{
    (void)state;
    for (int skus = STK_BREAKER_SKUS; skus <= STK_BREAKER_SKUS + 1; skus++) {
        struct fixture *f = large(skus, "r");
        CALL(OK, "stock.snapshot",
             "{'source':'t','id':'n1','snapshot':'N','location':'main','total':1,'missing':'zero',"
             "'rows':[{'sku':'S0','quantity':9}]}");
        assert_true(fixture_is(f, "state", skus == STK_BREAKER_SKUS ? "applying" : "held"));
        assert_int_equal(fixture_int(f, "skus_zeroed_or_halved"), skus - 1);
        give(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_snapshot_that_empties_the_shop_waits_for_a_person,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_small_snapshot_applies_by_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_rows_are_named_and_the_set_goes_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_so_many_refused_rows_are_named, setup, teardown),
        cmocka_unit_test(test_a_large_set_is_judged_in_slices),
        cmocka_unit_test(test_few_skus_are_not_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
