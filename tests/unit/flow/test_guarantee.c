/* Guaranteed mode through the verbs: what is promised is kept free, whoever else asks. */
#include "core/flow/guarantee.h"
#include "tests/lib/engine_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CALL(status, ...) assert_int_equal(fixture_call(f, __VA_ARGS__), STK_##status)
#define APPLY_MS          10000

/* Channel `name` in guaranteed mode with one listing of A, on the way to be written. */
static void open_channel(struct fixture *f, const char *name, const char *write)
{
    CALL(OK, "channel.put",
         "{'source':'t','channel':'%s','mode':'guaranteed','write':'%s','proof':'answer','apply_ms'"
         ":%d,'order_ms':1000,'breaker':0}",
         name, write, APPLY_MS);
    CALL(OK, "listing.put",
         "{'source':'t','channel':'%s','listing':'L','components':[{'sku':'A'}]}", name);
    CALL(OK, "channel.golive", "{'source':'t','channel':'%s','step':'full'}", name);
    fixture_wait(f, 10);
}

static int64_t grant_value, grant_number;

/* One call for grants: 1 when the listing got one. */
static int granted(struct fixture *f, const char *name)
{
    CALL(OK, "channel.grant", "{'source':'t','channel':'%s','limit':10}", name);
    if (!fixture_get(f, "items.0"))
        return 0;
    grant_value = fixture_int(f, "items.0.value");
    grant_number = fixture_int(f, "items.0.grant");
    return 1;
}

static void outcome(struct fixture *f, const char *name, const char *word)
{
    CALL(OK, "channel.result",
         "{'source':'t','channel':'%s','items':[{'grant':%lld,'outcome':'%s'}]}", name,
         (long long)grant_number, word);
}

static void seen(struct fixture *f, const char *name, int64_t value)
{
    CALL(OK, "channel.observe",
         "{'source':'t','channel':'%s','items':[{'listing':'L','value':%lld}]}", name,
         (long long)value);
}

/* All orders of the channel have been told up to now. */
static void watermark(struct fixture *f, const char *name)
{
    CALL(OK, "channel.note",
         "{'source':'t','channel':'%s','key':'orders','value':'x','watermark':%lld}", name,
         (long long)f->clock.wall_ms);
    fixture_wait(f, 10);
}

/* First contact: it has a counter of `there`, and tells of its orders. */
static void contact(struct fixture *f, const char *name, int64_t there)
{
    seen(f, name, there);
    fixture_wait(f, 1000);
    watermark(f, name);
}

static int64_t promised(struct fixture *f, const char *name)
{
    CALL(OK, "listing.get", "{'channel':'%s','listing':'L'}", name);
    return fixture_int(f, "published.0.promised");
}

static enum stk_status sell(struct fixture *f, const char *id, unsigned quantity)
{
    return fixture_call(
        f, "order.place",
        "{'source':'till','id':'%s','split':true,'lines':[{'sku':'A','quantity':%u}]}", id,
        quantity);
}

static void fact(struct fixture *f, const char *name, const char *id, unsigned quantity)
{
    CALL(OK, "order.place",
         "{'source':'%s','id':'%s','channel':'%s','fact':true,'lines':[{'listing':'L','quantity':%"
         "u}]}",
         name, id, name, quantity);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_init(f);
    fixture_start(f);
    CALL(OK, "location.put", "{'source':'t','location':'main'}");
    CALL(OK, "location.put", "{'source':'t','location':'east'}");
    CALL(OK, "sku.put", "{'source':'t','sku':'A'}");
    CALL(OK, "stock.receive", "{'source':'t','id':'r','sku':'A','location':'main','quantity':100}");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_restart(*state);
    fixture_fini(*state);
    free(*state);
    return 0;
}

static void test_nothing_is_free_before_first_contact(void **state)
{
    struct fixture *f = *state;
    open_channel(f, "m", "set");
    assert_int_equal(sell(f, "o1", 1), STK_SHORT);
    assert_false(granted(f, "m"));
    assert_true(fixture_is(f, "look.0", "L"));
    assert_false(granted(f, "m"));
    assert_null(fixture_get(f, "look.0")); /* not again within a minute */
    seen(f, "m", 30);
    assert_int_equal(sell(f, "o2", 1), STK_SHORT);
    fixture_wait(f, 1000);
    watermark(f, "m");
    assert_int_equal(promised(f, "m"), 30);
    assert_int_equal(sell(f, "o3", 71), STK_SHORT);
    assert_int_equal(sell(f, "o4", 70), STK_OK);
    assert_int_equal(sell(f, "o5", 1), STK_SHORT);
}

static void test_half_of_it_by_set(void **state)
{
    struct fixture *f = *state;
    open_channel(f, "m", "set");
    contact(f, "m", 0);
    assert_true(granted(f, "m"));
    assert_int_equal(grant_value, 50);
    assert_int_equal(promised(f, "m"), 50);
    outcome(f, "m", "applied");
    assert_int_equal(sell(f, "o", 51), STK_SHORT);
    assert_int_equal(sell(f, "p", 50), STK_OK);
}

static void test_an_order_takes_off_its_promise(void **state)
{
    struct fixture *f = *state;
    open_channel(f, "m", "set");
    contact(f, "m", 0);
    granted(f, "m");
    outcome(f, "m", "applied");
    assert_int_equal(sell(f, "o", 50), STK_OK);
    fact(f, "m", "m1", 50);
    assert_int_equal(fixture_int(f, "shortfall"), 0);
    assert_int_equal(promised(f, "m"), 0);
}

static void test_a_breach_takes_from_others(void **state)
{
    struct fixture *f = *state;
    open_channel(f, "m", "set");
    open_channel(f, "n", "set");
    contact(f, "m", 0);
    contact(f, "n", 0);
    assert_true(granted(f, "m"));
    assert_int_equal(grant_value, 25);
    outcome(f, "m", "applied");
    assert_true(granted(f, "n"));
    assert_int_equal(grant_value, 25);
    outcome(f, "n", "applied");
    fact(f, "m", "m1", 90); /* 65 more than it was allowed to: they are sold all the same */
    assert_int_equal(fixture_int(f, "shortfall"), 0);
    assert_int_equal(promised(f, "n"), 25);
    assert_int_equal(sell(f, "o", 1), STK_SHORT);
    assert_true(granted(f, "n")); /* the other one falls at once */
    assert_int_equal(grant_value, 0);
}

static void test_on_its_way_is_counted_after_a_crash(void **state)
{
    struct fixture *f = *state;
    open_channel(f, "m", "set");
    contact(f, "m", 0);
    granted(f, "m");
    fixture_restart(f);
    fixture_wait(f, 10);
    assert_int_equal(promised(f, "m"), 50);
    assert_int_equal(sell(f, "o", 51), STK_SHORT);
    fixture_wait(f, STK_ANSWER_WAIT_MS + APPLY_MS);
    granted(f, "m");
    assert_true(promised(f, "m") >= 50);
}

static void test_the_old_counter_stays_counted(void **state)
{
    struct fixture *f = *state;
    open_channel(f, "m", "set");
    contact(f, "m", 0);
    granted(f, "m");
    outcome(f, "m", "applied");
    fixture_wait(f, 2 * APPLY_MS);
    watermark(f, "m");
    CALL(OK, "channel.put", "{'source':'t','channel':'m','cap':20}");
    fixture_wait(f, 2 * APPLY_MS);
    assert_true(granted(f, "m"));
    assert_int_equal(grant_value, 20);
    assert_int_equal(promised(f, "m"), 70);
    outcome(f, "m", "applied");
    assert_int_equal(promised(f, "m"), 70); /* orders of the old one may not have been told yet */
    fixture_wait(f, 1000);
    watermark(f, "m");
    assert_int_equal(promised(f, "m"), 20);
}

static void test_adjust_loses_nothing(void **state)
{
    struct fixture *f = *state;
    open_channel(f, "m", "adjust");
    contact(f, "m", 10);
    assert_true(granted(f, "m"));
    assert_int_equal(grant_value, 90);
    assert_true(fixture_is(f, "items.0.write", "adjust"));
    assert_int_equal(promised(f, "m"), 100);
    outcome(f, "m", "refused");
    assert_int_equal(promised(f, "m"), 10);
}

static void test_cas_names_what_it_expects(void **state)
{
    struct fixture *f = *state;
    open_channel(f, "m", "cas");
    contact(f, "m", 10);
    assert_true(granted(f, "m"));
    assert_int_equal(grant_value, 100);
    assert_int_equal(fixture_int(f, "items.0.expected"), 10);
    outcome(f, "m", "applied");
    assert_int_equal(promised(f, "m"), 100);
    assert_int_equal(sell(f, "o", 1), STK_SHORT);
}

static void test_stock_in_two_places(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "location.put", "{'source':'t','location':'east','channels':['own']}");
    CALL(OK, "stock.receive", "{'source':'t','id':'e','sku':'A','location':'east','quantity':10}");
    open_channel(f, "m", "adjust");
    contact(f, "m", 0);
    assert_true(granted(f, "m"));
    assert_int_equal(grant_value, 100); /* it may not ship from the east */
    outcome(f, "m", "applied");
    assert_int_equal(sell(f, "o1", 1), STK_SHORT);
    CALL(OK, "order.place",
         "{'source':'till','id':'o2','channel':'own','split':true,'lines':[{'sku':'A','quantity':"
         "10}]}");
    CALL(SHORT, "order.place",
         "{'source':'till','id':'o3','channel':'own','split':true,'lines':[{'sku':'A','quantity':1}"
         "]}");
}

static void test_a_split_keeps_the_promise(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "stock.receive", "{'source':'t','id':'e','sku':'A','location':'east','quantity':100}");
    open_channel(f, "m", "adjust");
    contact(f, "m", 0);
    CALL(OK, "channel.put", "{'source':'t','channel':'m','cap':60}");
    fixture_wait(f, 10);
    assert_true(granted(f, "m"));
    assert_int_equal(grant_value, 60);
    outcome(f, "m", "applied");
    assert_int_equal(sell(f, "o1", 141), STK_SHORT);
    assert_int_equal(sell(f, "o2", 140), STK_OK); /* 60 are left in any of the two */
    assert_int_equal(sell(f, "o3", 1), STK_SHORT);
    fact(f, "m", "m1", 60);
    assert_int_equal(fixture_int(f, "shortfall"), 0);
}

static void test_kits_promise_their_parts(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "sku.put", "{'source':'t','sku':'B'}");
    CALL(OK, "stock.receive", "{'source':'t','id':'b','sku':'B','location':'main','quantity':10}");
    open_channel(f, "m", "adjust");
    CALL(OK, "listing.put",
         "{'source':'t','channel':'m','listing':'L','components':[{'sku':'A','units':3},{'sku':'B'}"
         "]}");
    contact(f, "m", 0);
    assert_true(granted(f, "m"));
    assert_int_equal(grant_value, 10);
    outcome(f, "m", "applied");
    assert_int_equal(sell(f, "o1", 71), STK_SHORT);
    assert_int_equal(sell(f, "o2", 70), STK_OK);
    CALL(SHORT, "order.place", "{'source':'till','id':'o3','lines':[{'sku':'B','quantity':1}]}");
}

static void test_a_count_may_break_it(void **state)
{
    struct fixture *f = *state;
    open_channel(f, "m", "adjust");
    contact(f, "m", 0);
    granted(f, "m");
    outcome(f, "m", "applied");
    CALL(OK, "stock.adjust",
         "{'source':'t','id':'fire','sku':'A','location':'main','kind':'lost','quantity':60}");
    assert_true(granted(f, "m"));
    assert_int_equal(grant_value, -60);
    outcome(f, "m", "unknown");
    assert_int_equal(promised(f, "m"), 100); /* it may not have landed */
}

static void test_cancelled_there_is_on_sale_there(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "channel.put", "{'source':'t','channel':'m','restocks':'cancel'}");
    open_channel(f, "m", "adjust");
    contact(f, "m", 0);
    granted(f, "m");
    outcome(f, "m", "applied");
    fact(f, "m", "m1", 40);
    assert_int_equal(promised(f, "m"), 60);
    CALL(OK, "order.cancel", "{'source':'m','id':'c','order':'m1'}");
    assert_int_equal(promised(f, "m"), 100);
    assert_int_equal(sell(f, "o", 1), STK_SHORT);
}

static void test_a_listing_that_may_be_sold_stays(void **state)
{
    struct fixture *f = *state;
    open_channel(f, "m", "adjust");
    contact(f, "m", 0);
    granted(f, "m");
    outcome(f, "m", "applied");
    CALL(STATE, "listing.delete", "{'source':'t','channel':'m','listing':'L'}");
    CALL(OK, "listing.put", "{'source':'t','channel':'m','listing':'L','active':false}");
    assert_true(granted(f, "m"));
    assert_int_equal(grant_value, -100);
    outcome(f, "m", "applied");
    fixture_wait(f, APPLY_MS + 1000);
    seen(f, "m", 0);
    fixture_wait(f, 1000);
    watermark(f, "m");
    assert_int_equal(promised(f, "m"), 0);
    CALL(OK, "listing.delete", "{'source':'t','channel':'m','listing':'L'}");
    assert_int_equal(sell(f, "o", 100), STK_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_is_free_before_first_contact, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_of_it_by_set, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_order_takes_off_its_promise, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_breach_takes_from_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_on_its_way_is_counted_after_a_crash, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_old_counter_stays_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adjust_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cas_names_what_it_expects, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stock_in_two_places, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_split_keeps_the_promise, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kits_promise_their_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_count_may_break_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancelled_there_is_on_sale_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_listing_that_may_be_sold_stays, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
