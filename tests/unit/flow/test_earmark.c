/* Earmarks: whom they are for, when they end, what they cost. */
#include "tests/lib/engine_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static void test_an_earmark_is_for_its_use_alone(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "stock.earmark",
         "{'source':'t','id':'1','earmark':'E','sku':'A','location':'main','quantity':6,'for':'vip'"
         "}");
    assert_int_equal(fixture_sku(f, "A", "available"), 4);
    fixture_restart(f);
    CALL(SHORT, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':5}]}");
    CALL(OK, "order.place",
         "{'source':'w','id':'2','for':'vip','lines':[{'sku':'A','quantity':7}]}");
    assert_int_equal(fixture_sku(f, "A", "available"), 3);
    CALL(SHORT, "stock.earmark",
         "{'source':'t','id':'2','earmark':'E2','sku':'A','location':'main','quantity':4,'for':'x'"
         "}");
    CALL(OK, "stock.earmark",
         "{'source':'t','id':'3','earmark':'E2','sku':'A','location':'main','quantity':3,'for':'x'"
         "}");
    CALL(OK, "stock.earmark",
         "{'source':'t','id':'4','earmark':'E2','sku':'A','location':'main','quantity':0,'for':'x'"
         "}");
    assert_int_equal(fixture_sku(f, "A", "available"), 3);
    fixture_restart(f);
}

static void test_an_earmark_ends(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "stock.earmark",
         "{'source':'t','id':'1','earmark':'E','sku':'A','location':'main','quantity':6,'for':'vip'"
         ",'until':%lld}",
         (long long)f->clock.wall_ms + 60000);
    fixture_wait(f, 120000);
    assert_int_equal(fixture_sku(f, "A", "available"), 10);
    fixture_restart(f);
}

static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int64_t orders_cost(struct fixture *f, const char *sku)
{
    static unsigned number;
    int64_t before_ns = cpu_ns();
    for (int i = 0; i < 300; i++)
        CALL(OK, "order.place",
             "{'source':'w','id':'%u','for':'vip','lines':[{'sku':'%s',"
             "'quantity':1}]}",
             number++, sku);
    return cpu_ns() - before_ns;
}

/* What an order costs depends on the earmarks of its cells, not on how many there are in all. */
static void test_many_earmarks_elsewhere_cost_nothing(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    (void)state;
    fixture_init(f);
    f->options.earmarks = 50001;
    f->options.keys = 100000;
    f->options.key_bytes = 64 << 20;
    fixture_start(f);
    CALL(OK, "location.put", "{'source':'t','location':'main'}");
    for (int i = 0; i < 102; i++) {
        CALL(OK, "sku.put", "{'source':'t','sku':'S%d'}", i);
        CALL(OK, "stock.receive",
             "{'source':'t','id':'r%d','sku':'S%d','location':'main','quantity':100000}", i, i);
    }
    for (int i = 0; i < 50000; i++)
        CALL(OK, "stock.earmark",
             "{'source':'t','id':'e%d','earmark':'E%d','sku':'S%d','location':'main','quantity':9,"
             "'for':'%s'}",
             i, i, i % 100, i % 2 ? "vip" : "other");
    CALL(OK, "stock.earmark",
         "{'source':'t','id':'one','earmark':'one','sku':'S100','location':'main','quantity':5000,"
         "'for':'vip'}");
    int64_t plain_ns = orders_cost(f, "S101"), with_one_ns = orders_cost(f, "S100");
    assert_in_range(with_one_ns, 0, plain_ns * 4);
    assert_int_equal(fixture_sku(f, "S100", "cells.0.earmarked"), 4700);
    fixture_check(f);
    fixture_fini(f);
    free(f);
}

static void test_a_cell_has_so_many_earmarks(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    (void)state;
    fixture_init(f);
    f->options.earmarks = 2000;
    fixture_start(f);
    CALL(OK, "location.put", "{'source':'t','location':'main'}");
    CALL(OK, "location.put", "{'source':'t','location':'east'}");
    CALL(OK, "sku.put", "{'source':'t','sku':'A'}");
    for (int i = 0; i < 2; i++)
        CALL(OK, "stock.receive",
             "{'source':'t','id':'r%d','sku':'A','location':'%s','quantity':5000}", i,
             i ? "east" : "main");
    for (int i = 0; i < STK_EARMARKS_PER_CELL_MAX; i++)
        CALL(OK, "stock.earmark",
             "{'source':'t','id':'e%d','earmark':'E%d','sku':'A','location':'main','quantity':1,"
             "'for':'vip'}",
             i, i);
    CALL(FULL, "stock.earmark",
         "{'source':'t','id':'x','earmark':'X','sku':'A','location':'main','quantity':1,'for':"
         "'vip'}");
    CALL(OK, "stock.earmark",
         "{'source':'t','id':'y','earmark':'E7','sku':'A','location':'main','quantity':2,'for':"
         "'vip'}");
    CALL(OK, "stock.earmark",
         "{'source':'t','id':'x','earmark':'X','sku':'A','location':'east','quantity':1,'for':"
         "'vip'}");
    fixture_restart(f);
    fixture_fini(f);
    free(f);
}

/* Units that would be free first are sold first. */
static void test_the_earmark_that_ends_first_is_taken_first(void **state)
{
    struct fixture *f = *state;
    long long now = (long long)f->clock.wall_ms;
    CALL(OK, "stock.earmark",
         "{'source':'t','id':'1','earmark':'open','sku':'A','location':'main','quantity':2,'for':"
         "'vip'}");
    CALL(OK, "stock.earmark",
         "{'source':'t','id':'2','earmark':'soon','sku':'A','location':'main','quantity':2,'for':"
         "'vip','until':%lld}",
         now + 30000);
    CALL(OK, "stock.earmark",
         "{'source':'t','id':'3','earmark':'late','sku':'A','location':'main','quantity':2,'for':"
         "'vip','until':%lld}",
         now + 90000);
    CALL(OK, "order.place",
         "{'source':'w','id':'1','for':'vip','lines':[{'sku':'A','quantity':3}]}");
    fixture_restart(f);
    assert_int_equal(fixture_sku(f, "A", "cells.0.earmarked"), 3);
    fixture_wait(f, 40000);
    fixture_wait(f, 1100);
    assert_int_equal(fixture_sku(f, "A", "cells.0.earmarked"), 3); /* of "soon" nothing was left */
    fixture_wait(f, 60000);
    fixture_wait(f, 1100);
    assert_int_equal(fixture_sku(f, "A", "cells.0.earmarked"), 2);
    fixture_restart(f);
}

/* ---- what comes back ---- */

#define EARMARK(status, id, mark, sku, quantity, more)                                             \
    CALL(status, "stock.earmark",                                                                  \
         "{'source':'t','id':'" id "','earmark':'" mark "','sku':'" sku                            \
         "','location':'main','quantity':" quantity ",'for':'vip'" more "}")

static int64_t earmarked(struct fixture *f, const char *sku)
{
    return fixture_sku(f, sku, "cells.0.earmarked");
}

static void test_what_is_cancelled_goes_back_to_its_earmark(void **state)
{
    struct fixture *f = *state;
    EARMARK(OK, "1", "E", "A", "4", "");
    CALL(OK, "order.place",
         "{'source':'w','id':'1','for':'vip','lines':[{'sku':'A','quantity':6}]}");
    assert_int_equal(earmarked(f, "A"), 0);
    CALL(OK, "order.get", "{'source':'w','order':'1'}");
    assert_true(fixture_is(f, "holds.0.earmark", "E"));
    assert_int_equal(fixture_int(f, "holds.0.quantity"), 4);
    assert_int_equal(fixture_int(f, "holds.1.quantity"), 2);
    assert_null(fixture_get(f, "holds.1.earmark"));
    fixture_restart(f);
    fixture_wait(f, 60000); /* used up, and yet there: units may come back */
    /* as if three had been ordered: those two that were free go first */
    CALL(OK, "order.cancel",
         "{'source':'w','id':'c1','order':'1','lines':[{'line':1,'quantity':3}]}");
    assert_int_equal(earmarked(f, "A"), 1);
    assert_int_equal(fixture_sku(f, "A", "available"), 6);
    fixture_restart(f);
    CALL(OK, "order.ship", "{'source':'w','id':'s','order':'1','lines':[{'line':1,'quantity':1}]}");
    CALL(OK, "order.cancel", "{'source':'w','id':'c2','order':'1'}");
    assert_int_equal(earmarked(f, "A"), 3);
    fixture_restart(f);
    CALL(SHORT, "order.place", "{'source':'w','id':'2','lines':[{'sku':'A','quantity':7}]}");
    CALL(OK, "order.place",
         "{'source':'w','id':'3','for':'vip','lines':[{'sku':'A','quantity':9}]}");
    fixture_restart(f);
}

static void test_what_expires_goes_back_to_its_earmark(void **state)
{
    struct fixture *f = *state;
    EARMARK(OK, "1", "E", "A", "4", "");
    CALL(OK, "order.place",
         "{'source':'w','id':'1','for':'vip','ttl_ms':1000,'lines':[{'sku':'A','quantity':4}]}");
    fixture_restart(f);
    fixture_wait(f, 10000);
    assert_int_equal(earmarked(f, "A"), 4);
    assert_int_equal(fixture_sku(f, "A", "cells.0.held"), 0);
    fixture_restart(f);
}

static void test_what_is_shipped_is_used_up(void **state)
{
    struct fixture *f = *state;
    EARMARK(OK, "1", "E", "A", "4", "");
    CALL(OK, "order.place",
         "{'source':'w','id':'1','for':'vip','lines':[{'sku':'A','quantity':4}]}");
    CALL(OK, "order.ship", "{'source':'w','id':'s','order':'1'}");
    fixture_wait(f, 5000);
    assert_int_equal(stk_engine_state(f->engine)->book.earmarks.used, 0);
    CALL(OK, "order.return", "{'source':'w','id':'r','order':'1'}");
    assert_int_equal(earmarked(f, "A"), 0); /* a return is free stock */
    assert_int_equal(fixture_sku(f, "A", "available"), 10);
    fixture_restart(f);
}

static void test_nothing_goes_back_when_its_time_is_over(void **state)
{
    struct fixture *f = *state;
    char until[48];
    snprintf(until, sizeof until, "%lld", (long long)f->clock.wall_ms + 30000);
    CALL(OK, "stock.earmark",
         "{'source':'t','id':'1','earmark':'E','sku':'A','location':'main','quantity':4,'for':"
         "'vip','until':%s}",
         until);
    CALL(OK, "order.place",
         "{'source':'w','id':'1','for':'vip','lines':[{'sku':'A','quantity':4}]}");
    f->clock.wall_ms += 30000, f->clock.monotonic_ns += INT64_C(30000000000);
    CALL(OK, "order.cancel", "{'source':'w','id':'c','order':'1'}");
    assert_int_equal(earmarked(f, "A"), 0);
    assert_int_equal(fixture_sku(f, "A", "available"), 10);
    fixture_wait(f, 2000);
    assert_int_equal(stk_engine_state(f->engine)->book.earmarks.used, 0);
    fixture_restart(f);
}

/* An earmark ends while its units are out, and another one is made: the units are not that one's,
 * before a restart and after. */
static void test_nothing_goes_back_to_another_earmark(void **state)
{
    struct fixture *f = *state;
    EARMARK(OK, "1", "E", "A", "4", "");
    CALL(OK, "order.place",
         "{'source':'w','id':'1','for':'vip','lines':[{'sku':'A','quantity':4}]}");
    CALL(OK, "order.place",
         "{'source':'w','id':'2','for':'vip','ttl_ms':100000,'lines':[{'sku':'A','quantity':1}]}");
    EARMARK(OK, "2", "E", "A", "0", "");
    EARMARK(OK, "3", "E", "B", "2", "");
    EARMARK(OK, "4", "E2", "A", "1", "");
    CALL(OK, "order.cancel",
         "{'source':'w','id':'c1','order':'1','lines':[{'line':1,'quantity':1}]}");
    assert_int_equal(earmarked(f, "A"), 1);
    assert_int_equal(earmarked(f, "B"), 2);
    fixture_restart(f);
    EARMARK(OK, "5", "E3", "A", "1", "");
    CALL(OK, "order.cancel", "{'source':'w','id':'c2','order':'1'}");
    assert_int_equal(earmarked(f, "A"), 2);
    assert_int_equal(earmarked(f, "B"), 2);
    assert_int_equal(stk_engine_state(f->engine)->book.earmarks.used, 3);
    fixture_restart(f);
}

static void test_an_amendment_gives_back_and_takes_again(void **state)
{
    struct fixture *f = *state;
    EARMARK(OK, "1", "E", "A", "4", "");
    CALL(OK, "order.place",
         "{'source':'w','id':'1','for':'vip','lines':[{'sku':'A','quantity':10}]}");
    CALL(OK, "order.amend",
         "{'source':'w','id':'m','order':'1','lines':[{'line':1,'quantity':1},{'sku':'A',"
         "'quantity':9}]}");
    assert_int_equal(earmarked(f, "A"), 0);
    fixture_restart(f);
    CALL(OK, "order.amend",
         "{'source':'w','id':'m2','order':'1','lines':[{'line':2,'quantity':0}]}");
    assert_int_equal(earmarked(f, "A"), 3);
    assert_int_equal(fixture_sku(f, "A", "held"), 1);
    fixture_restart(f);
}

static void test_units_of_several_earmarks(void **state)
{
    struct fixture *f = *state;
    EARMARK(OK, "1", "E1", "A", "2", "");
    EARMARK(OK, "2", "E2", "A", "3", "");
    CALL(OK, "stock.earmark",
         "{'source':'t','id':'3','earmark':'E3','sku':'A','location':'main','quantity':2,'for':"
         "'shop'}");
    CALL(OK, "order.place",
         "{'source':'w','id':'1','channel':'shop','for':'vip','lines':[{'sku':'A','quantity':6}]}");
    assert_int_equal(earmarked(f, "A"), 1);
    CALL(OK, "order.cancel",
         "{'source':'w','id':'c','order':'1','lines':[{'line':1,'quantity':2}]}");
    CALL(OK, "order.get", "{'source':'w','order':'1'}"); /* the last taken went first */
    assert_int_equal(fixture_int(f, "holds.0.quantity"), 2);
    assert_true(fixture_is(f, "holds.1.earmark", "E2"));
    assert_int_equal(fixture_int(f, "holds.1.quantity"), 2);
    assert_null(fixture_get(f, "holds.2"));
    fixture_restart(f);
    CALL(OK, "order.cancel", "{'source':'w','id':'c2','order':'1'}");
    assert_int_equal(earmarked(f, "A"), 7);
    fixture_restart(f);
}

static void test_room_for_holds_of_many_earmarks(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char lines[1024] = "";
    (void)state;
    fixture_init(f);
    f->options.earmarks = 10000;
    f->options.holds = 60;
    f->options.keys = 40000;
    fixture_start(f);
    CALL(OK, "location.put", "{'source':'t','location':'main'}");
    for (int i = 0; i < 10; i++) {
        CALL(OK, "sku.put", "{'source':'t','sku':'S%d'}", i);
        CALL(OK, "stock.receive",
             "{'source':'t','id':'r%d','sku':'S%d','location':'main','quantity':1000}", i, i);
        snprintf(lines + strlen(lines), sizeof lines - strlen(lines),
                 "%s{'sku':'S%d','quantity':950}", i ? "," : "", i);
    }
    for (int i = 0; i < 10000; i++)
        CALL(OK, "stock.earmark",
             "{'source':'t','id':'e%d','earmark':'E%d','sku':'S%d','location':'main','quantity':1,"
             "'for':'vip'}",
             i, i, i % 10);
    CALL(TOO_LARGE, "order.place", "{'source':'w','id':'1','for':'vip','lines':[%s]}", lines);
    CALL(FULL, "order.place",
         "{'source':'w','id':'2','for':'vip','lines':[{'sku':'S0','quantity':61}]}");
    CALL(OK, "order.place",
         "{'source':'w','id':'3','for':'vip','lines':[{'sku':'S0','quantity':50}]}");
    assert_int_equal(earmarked(f, "S0"), 950);
    fixture_restart(f);
    fixture_fini(f);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_earmark_is_for_its_use_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_earmark_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_earmark_that_ends_first_is_taken_first, setup,
                                        teardown),
        cmocka_unit_test(test_many_earmarks_elsewhere_cost_nothing),
        cmocka_unit_test(test_a_cell_has_so_many_earmarks),
        cmocka_unit_test_setup_teardown(test_what_is_cancelled_goes_back_to_its_earmark, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_expires_goes_back_to_its_earmark, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_is_shipped_is_used_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_goes_back_when_its_time_is_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_nothing_goes_back_to_another_earmark, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_amendment_gives_back_and_takes_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_units_of_several_earmarks, setup, teardown),
        cmocka_unit_test(test_room_for_holds_of_many_earmarks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
