/* The engine as a whole: what it refuses before a verb is asked, its inboxes. */
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

static int disk_is_full(void *arg, char *why, uint32_t why_size)
{
    if (*(int *)arg)
        snprintf(why, why_size, "disk: nearly full");
    return *(int *)arg;
}

static void test_a_full_disk_refuses_writes_and_answers_reads(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    int full = 0;
    (void)state;
    fixture_init(f);
    f->options.full = disk_is_full;
    f->options.full_arg = &full;
    fixture_start(f);
    CALL(OK, "location.put", "{'source':'t','location':'main'}");
    CALL(OK, "sku.put", "{'source':'t','sku':'A'}");
    CALL(OK, "stock.receive", "{'source':'t','id':'r','sku':'A','location':'main','quantity':9}");
    CALL(OK, "order.place",
         "{'source':'w','id':'1','ttl_ms':60000,'lines':[{'sku':'A','quantity':2}]}");
    full = 1; /* and the next one is refused */
    CALL(NO_SPACE, "stock.receive",
         "{'source':'t','id':'r2','sku':'A','location':'main','quantity':1}");
    assert_true(fixture_is(f, "message", "disk: nearly full"));
    CALL(OK, "stock.receive", "{'source':'t','id':'r','sku':'A','location':'main','quantity':9}");
    fixture_wait(f, 120000); /* nor does it write of its own accord */
    assert_int_equal(fixture_sku(f, "A", "held"), 2);
    full = 0;
    CALL(OK, "stock.receive", "{'source':'t','id':'r2','sku':'A','location':'main','quantity':1}");
    fixture_wait(f, 2000);
    assert_int_equal(fixture_sku(f, "A", "held"), 0);
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 10);
    fixture_restart(f);
    fixture_fini(f);
    free(f);
}

static void test_there_are_so_many_inboxes(void **state)
{
    struct fixture *f = *state;
    struct stk_error err = {0};
    int more = 0;
    while (stk_engine_inbox_open(f->engine, NULL, NULL, &err))
        more++;
    assert_int_equal(more, STK_SUBMITTERS_MAX - 1);
    assert_int_equal(err.status, STK_FULL);
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_disk_refuses_writes_and_answers_reads),
        cmocka_unit_test_setup_teardown(test_there_are_so_many_inboxes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
