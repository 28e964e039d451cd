/* Counts by basis. */
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

static void test_a_count_is_the_truth(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "stock.count", "{'source':'t','id':'1','sku':'A','location':'main','quantity':7}");
    assert_int_equal(fixture_int(f, "difference"), -3);
    assert_int_equal(fixture_sku(f, "A", "written_off"), 3);
    fixture_wait(f, 1000);
    CALL(OK, "stock.count", "{'source':'t','id':'2','sku':'A','location':'main','quantity':9}");
    assert_int_equal(fixture_sku(f, "A", "found"), 2);
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 9);
    fixture_restart(f);
}

static void test_later_movements_are_applied_again(void **state)
{
    struct fixture *f = *state;
    fixture_wait(f, 10000);
    CALL(OK, "stock.receive", "{'source':'t','id':'9','sku':'A','location':'main','quantity':5}");
    CALL(OK, "stock.count",
         "{'source':'t','id':'1','sku':'A','location':'main','quantity':10,'as_of':%lld}",
         (long long)f->clock.wall_ms - 5000);
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 15);
    assert_int_equal(fixture_sku(f, "A", "found"), 0);
    CALL(STALE, "stock.count",
         "{'source':'t','id':'2','sku':'A','location':'main','quantity':10,'as_of':%lld}",
         (long long)f->clock.wall_ms - 6000);
    CALL(OK, "stock.count",
         "{'source':'t','id':'3','sku':'A','location':'main','quantity':10,'as_of':%lld}",
         (long long)f->clock.wall_ms - 5000);
    CALL(STALE, "stock.count",
         "{'source':'t','id':'4','sku':'A','location':'main','quantity':11,'as_of':%lld}",
         (long long)f->clock.wall_ms - 5000);
    fixture_restart(f);
}

static void test_too_old_and_too_new(void **state)
{
    struct fixture *f = *state;
    CALL(TOO_OLD, "stock.count",
         "{'source':'t','id':'1','sku':'A','location':'main','quantity':10,'as_of':%lld}",
         (long long)f->clock.wall_ms - 8LL * 24 * 3600 * 1000);
    CALL(INVALID, "stock.count",
         "{'source':'t','id':'2','sku':'A','location':'main','quantity':10,'as_of':%lld}",
         (long long)f->clock.wall_ms + 3600000);
    CALL(MISMATCH, "stock.count",
         "{'source':'t','id':'3','sku':'A','location':'main','quantity':10,'expect':9}");
    fixture_restart(f);
}

static void test_holds_are_untouched(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':4}]}");
    fixture_wait(f, 1000);
    CALL(OK, "stock.count", "{'source':'t','id':'1','sku':'A','location':'main','quantity':2}");
    assert_int_equal(fixture_int(f, "exposed"), 2);
    assert_int_equal(fixture_sku(f, "A", "held"), 4);
    fixture_restart(f);
}

static void test_available_adds_back_what_the_source_subtracted(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place", "{'source':'erp','id':'1','lines':[{'sku':'A','quantity':4}]}");
    CALL(OK, "order.place", "{'source':'web','id':'1','lines':[{'sku':'A','quantity':1}]}");
    fixture_wait(f, 1000);
    CALL(OK, "stock.count",
         "{'source':'t','id':'1','sku':'A','location':'main','quantity':6,'basis':'available','"
         "subtracted':[{'source':'erp','until':%lld}]}",
         (long long)f->clock.wall_ms);
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 10);
    assert_int_equal(fixture_sku(f, "A", "held"), 5);
    fixture_restart(f);
}

static void test_a_shipment_after_the_report_is_not_taken_off_twice(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place", "{'source':'erp','id':'1','lines':[{'sku':'A','quantity':4}]}");
    fixture_wait(f, 10000);
    CALL(OK, "order.ship", "{'source':'erp','id':'s','order':'1'}");
    CALL(OK, "stock.count",
         "{'source':'t','id':'1','sku':'A','location':'main','quantity':6,'basis':'available','as_"
         "of':%lld,'subtracted':[{'source':'erp','until':%lld}]}",
         (long long)f->clock.wall_ms - 5000, (long long)f->clock.wall_ms - 5000);
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 6);
    assert_int_equal(fixture_sku(f, "A", "written_off"), 0);
    assert_int_equal(fixture_sku(f, "A", "found"), 0);
    fixture_restart(f);
}

static void test_the_authority_alone_counts(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "location.put", "{'source':'t','location':'main','authority':'wms'}");
    CALL(DENIED, "stock.count", "{'source':'t','id':'1','sku':'A','location':'main','quantity':1}");
    CALL(OK, "stock.count", "{'source':'wms','id':'2','sku':'A','location':'main','quantity':9}");
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 9);
    fixture_restart(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_count_is_the_truth, setup, teardown),
        cmocka_unit_test_setup_teardown(test_later_movements_are_applied_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_old_and_too_new, setup, teardown),
        cmocka_unit_test_setup_teardown(test_holds_are_untouched, setup, teardown),
        cmocka_unit_test_setup_teardown(test_available_adds_back_what_the_source_subtracted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_shipment_after_the_report_is_not_taken_off_twice,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_authority_alone_counts, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
