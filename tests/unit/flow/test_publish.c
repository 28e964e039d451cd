/* What a channel is told, and when: grants, results, read-backs, the ladder, the breaker. */
#include "core/flow/publish.h"
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
    CALL(OK, "location.put", "{'source':'t','location':'main'}");
    CALL(OK, "location.put", "{'source':'t','location':'east','channels':['web']}");
    CALL(OK, "sku.put", "{'source':'t','sku':'A'}");
    CALL(OK, "sku.put", "{'source':'t','sku':'B'}");
    CALL(OK, "stock.receive", "{'source':'t','id':'a','sku':'A','location':'main','quantity':10}");
    CALL(OK, "stock.receive", "{'source':'t','id':'b','sku':'B','location':'main','quantity':7}");
    CALL(OK, "channel.put", "{'source':'t','channel':'shop'}");
    CALL(OK, "listing.put",
         "{'source':'t','channel':'shop','listing':'LA','components':[{'sku':'A'}]}");
    CALL(OK, "listing.put",
         "{'source':'t','channel':'shop','listing':'KIT','components':[{'sku':'A','units':2},{'sku'"
         ":'B'}]}");
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

static void go(struct fixture *f, const char *step)
{
    CALL(OK, "channel.golive", "{'source':'t','channel':'shop','step':'%s'}", step);
    fixture_wait(f, 10);
}

static uint32_t grants(struct fixture *f)
{
    CALL(OK, "channel.grant", "{'source':'t','channel':'shop','limit':1000}");
    uint32_t count = 0;
    char path[32];
    do
        snprintf(path, sizeof path, "items.%u", count);
    while (fixture_get(f, path) && ++count);
    return count;
}

/* Value that was granted for a listing in the last answer; -1: none. */
static int64_t granted(struct fixture *f, const char *listing)
{
    char path[48];
    for (unsigned i = 0;; i++) {
        snprintf(path, sizeof path, "items.%u.listing", i);
        if (!fixture_get(f, path))
            return -1;
        if (!fixture_is(f, path, listing))
            continue;
        snprintf(path, sizeof path, "items.%u.value", i);
        return fixture_int(f, path);
    }
}

/* Number of the grant of a listing in the last answer. */
static int64_t number_of(struct fixture *f, const char *listing)
{
    char path[48];
    for (unsigned i = 0;; i++) {
        snprintf(path, sizeof path, "items.%u.listing", i);
        assert_non_null(fixture_get(f, path));
        if (!fixture_is(f, path, listing))
            continue;
        snprintf(path, sizeof path, "items.%u.grant", i);
        return fixture_int(f, path);
    }
}

static void outcome(struct fixture *f, int64_t grant, const char *word)
{
    CALL(OK, "channel.result",
         "{'source':'t','channel':'shop','items':[{'grant':%lld,'outcome':'%s'}]}",
         (long long)grant, word);
}

/* All that is wanted is sent and applied. */
static void settle(struct fixture *f)
{
    static const char *const listing[] = {"LA", "KIT"};
    int64_t grant[2] = {0};
    grants(f);
    for (unsigned i = 0; i < 2; i++)
        if (granted(f, listing[i]) >= 0)
            grant[i] = number_of(f, listing[i]);
    for (unsigned i = 0; i < 2; i++)
        if (grant[i])
            outcome(f, grant[i], "applied");
}

static void receive(struct fixture *f, const char *id, const char *sku, unsigned quantity)
{
    CALL(OK, "stock.receive", "{'source':'t','id':'%s','sku':'%s','location':'main','quantity':%u}",
         id, sku, quantity);
}

static void lose(struct fixture *f, const char *id, const char *sku, unsigned quantity)
{
    CALL(OK, "stock.adjust",
         "{'source':'t','id':'%s','sku':'%s','location':'main','kind':'lost','quantity':%u}", id,
         sku, quantity);
}

static void test_observe_writes_nothing(void **state)
{
    struct fixture *f = *state;
    fixture_wait(f, 10);
    receive(f, "r", "A", 5);
    assert_int_equal(grants(f), 0);
    assert_null(fixture_get(f, "seq"));
}

static void test_the_newest_value_once(void **state)
{
    struct fixture *f = *state;
    char id[16];
    go(f, "full");
    assert_int_equal(grants(f), 2);
    assert_int_equal(granted(f, "LA"), 10);
    assert_int_equal(granted(f, "KIT"), 5);
    settle(f);
    for (int i = 0; i < 500; i++) {
        snprintf(id, sizeof id, "n%d", i);
        receive(f, id, "A", 1);
    }
    /* on their way still: nothing more leaves before they are answered */
    assert_int_equal(grants(f), 0);
    fixture_wait(f, STK_ANSWER_WAIT_MS + 1000);
    assert_int_equal(grants(f), 2);
    assert_int_equal(granted(f, "LA"), 510);
    assert_int_equal(granted(f, "KIT"), 7);
}

static void test_same_value_is_not_sent_again(void **state)
{
    struct fixture *f = *state;
    go(f, "full");
    settle(f);
    assert_int_equal(grants(f), 0);
    receive(f, "x", "A", 1);
    lose(f, "y", "A", 1);
    assert_int_equal(grants(f), 0);
}

static void test_zero_goes_at_once_and_first(void **state)
{
    struct fixture *f = *state;
    go(f, "full");
    grants(f); /* 10 is on its way ... */
    int64_t first = number_of(f, "LA");
    lose(f, "gone", "A", 10);
    assert_int_equal(grants(f), 2); /* ... and zero overtakes it */
    assert_int_equal(granted(f, "LA"), 0);
    int64_t second = number_of(f, "LA");
    outcome(f, first, "applied");
    assert_int_equal(fixture_int(f, "stale"), 1);
    outcome(f, second, "applied");
    assert_int_equal(fixture_int(f, "stale"), 0);
    assert_int_equal(grants(f), 0);
}

static void test_the_ladder(void **state)
{
    struct fixture *f = *state;
    go(f, "full");
    settle(f);
    go(f, "lower");
    receive(f, "up", "A", 5);
    assert_int_equal(grants(f), 0);
    lose(f, "down", "A", 8);
    assert_int_equal(grants(f), 2);
    assert_int_equal(granted(f, "LA"), 7);
    settle(f);
    fixture_wait(f, STK_ANSWER_WAIT_MS + 1000);
    settle(f);
    go(f, "zero_only");
    lose(f, "down2", "A", 3);
    assert_int_equal(grants(f), 0);
    lose(f, "down3", "A", 4);
    assert_int_equal(grants(f), 2);
    assert_int_equal(granted(f, "LA"), 0);
}

static void test_policy(void **state)
{
    struct fixture *f = *state;
    go(f, "full");
    CALL(OK, "channel.put", "{'source':'t','channel':'shop','buffer':2,'share':50}");
    fixture_wait(f, 10);
    grants(f);
    assert_int_equal(granted(f, "LA"), 4); /* half of 10 - 2 */
    CALL(OK, "channel.put", "{'source':'t','channel':'shop','cap':3,'last_units':10}");
    fixture_wait(f, STK_ANSWER_WAIT_MS + 1000);
    grants(f);
    assert_int_equal(granted(f, "LA"), 0); /* the last ten are sold elsewhere */
    receive(f, "more", "A", 1);
    fixture_wait(f, STK_ANSWER_WAIT_MS + 1000);
    grants(f);
    assert_int_equal(granted(f, "LA"), 3);
}

static void test_only_locations_that_may_sell(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "stock.receive", "{'source':'t','id':'e','sku':'A','location':'east','quantity':90}");
    go(f, "full");
    grants(f);
    assert_int_equal(granted(f, "LA"), 10);
    CALL(OK, "location.put", "{'source':'t','location':'east','channels':['web','shop']}");
    fixture_wait(f, STK_ANSWER_WAIT_MS + 1000);
    grants(f);
    assert_int_equal(granted(f, "LA"), 100);
}

static void test_a_refusal_is_tried_later(void **state)
{
    struct fixture *f = *state;
    go(f, "full");
    grants(f);
    outcome(f, number_of(f, "LA"), "refused");
    CALL(OK, "listing.get", "{'channel':'shop','listing':'LA'}");
    assert_true(fixture_is(f, "published.0.state", "refused"));
    assert_null(fixture_get(f, "published.0.accepted"));
    assert_int_equal(grants(f), 0);
    fixture_wait(f, STK_RETRY_FIRST_MS + 1);
    assert_int_equal(grants(f), 1);
    outcome(f, number_of(f, "LA"), "refused");
    fixture_wait(f, STK_RETRY_FIRST_MS + 1);
    assert_int_equal(grants(f), 0); /* twice as long now */
    fixture_wait(f, STK_RETRY_FIRST_MS + 1);
    assert_int_equal(grants(f), 1);
}

static void test_no_answer_is_unknown(void **state)
{
    struct fixture *f = *state;
    go(f, "full");
    assert_int_equal(grants(f), 2);
    fixture_restart(f);
    fixture_wait(f, 10);
    assert_int_equal(grants(f), 0); /* still counted as on its way */
    CALL(OK, "listing.get", "{'channel':'shop','listing':'LA'}");
    assert_true(fixture_is(f, "published.0.state", "on_way"));
    fixture_wait(f, STK_ANSWER_WAIT_MS);
    assert_int_equal(grants(f), 2);
    assert_int_equal(granted(f, "LA"), 10);
}

static void test_drift_is_repaired_then_contested(void **state)
{
    struct fixture *f = *state;
    go(f, "full");
    settle(f);
    fixture_wait(f, STK_ANSWER_WAIT_MS + 1000);
    settle(f);
    for (int i = 0; i < STK_REPAIRS_MAX; i++) {
        CALL(OK, "channel.observe",
             "{'source':'t','channel':'shop','items':[{'listing':'LA','value':77}]}");
        assert_int_equal(grants(f), 1);
        assert_int_equal(granted(f, "LA"), 10);
        outcome(f, number_of(f, "LA"), "applied");
        fixture_wait(f, 1000);
    }
    CALL(OK, "channel.observe",
         "{'source':'t','channel':'shop','items':[{'listing':'LA','value':77}]}");
    assert_int_equal(grants(f), 0);
    CALL(OK, "listing.get", "{'channel':'shop','listing':'LA'}");
    assert_true(fixture_is(f, "published.0.state", "contested"));
    CALL(OK, "channel.status", "{'channel':'shop'}");
    assert_int_equal(fixture_int(f, "states.contested"), 1);
}

static void test_an_old_read_back_says_nothing(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "channel.put", "{'source':'t','channel':'shop','lag_ms':60000}");
    go(f, "full");
    settle(f);
    fixture_wait(f, STK_ANSWER_WAIT_MS + 1000);
    settle(f);
    CALL(OK, "channel.observe",
         "{'source':'t','channel':'shop','items':[{'listing':'LA','value':3}]}");
    assert_int_equal(grants(f), 0);
    fixture_wait(f, 61000);
    CALL(OK, "channel.observe",
         "{'source':'t','channel':'shop','items':[{'listing':'LA','value':12}]}");
    assert_int_equal(grants(f), 1);
}

static void test_a_sale_there_is_no_news_for_it(void **state)
{
    struct fixture *f = *state;
    go(f, "full");
    settle(f);
    fixture_wait(f, STK_ANSWER_WAIT_MS + 1000);
    settle(f);
    fixture_wait(f, 1000);
    CALL(OK, "order.place",
         "{'source':'shop','id':'o1','channel':'shop','fact':true,'lines':[{'listing':'LA','"
         "quantity':1}]}");
    /* its own counter went down with it: 9 there, 9 wanted; only the kit is told */
    assert_int_equal(grants(f), 1);
    assert_int_equal(granted(f, "KIT"), 4);
}

static void test_a_shortfall_empties_the_shelf(void **state)
{
    struct fixture *f = *state;
    go(f, "full");
    settle(f);
    CALL(OK, "order.place",
         "{'source':'shop','id':'o1','channel':'shop','fact':true,'lines':[{'listing':'LA','"
         "quantity':11}]}");
    assert_int_equal(fixture_int(f, "shortfall"), 1);
    receive(f, "r", "B", 1); /* there may be more of it: not before it is settled */
    fixture_wait(f, STK_ANSWER_WAIT_MS + 1000);
    grants(f);
    assert_int_equal(granted(f, "KIT"), 0);
}

static void test_the_breaker(void **state)
{
    struct fixture *f = *state;
    char json[256];
    for (int i = 0; i < 40; i++) {
        CALL(OK, "sku.put", "{'source':'t','sku':'S%d'}", i);
        snprintf(json, sizeof json, "s%d", i);
        CALL(OK, "stock.receive",
             "{'source':'t','id':'s%d','sku':'S%d','location':'main','quantity':5}", i, i);
        CALL(OK, "listing.put",
             "{'source':'t','channel':'shop','listing':'L%d','components':[{'sku':'S%d'}]}", i, i);
    }
    go(f, "full");
    assert_int_equal(grants(f), 42);
    fixture_wait(f, STK_BREAKER_WINDOW_MS);
    for (int i = 0; i < 40; i++)
        CALL(OK, "stock.adjust",
             "{'source':'t','id':'l%d','sku':'S%d','location':'main','kind':'lost','quantity':5}",
             i, i);
    assert_int_equal(grants(f), 12); /* 30 % of 42 */
    CALL(OK, "channel.status", "{'channel':'shop'}");
    assert_true(fixture_is(f, "state", "held"));
    assert_int_equal(grants(f), 0);
    CALL(OK, "channel.resume", "{'source':'t','channel':'shop','reason':'it is a clearance'}");
    fixture_wait(f, 10);
    assert_true(grants(f) > 0);
}

static void test_a_share_of_the_listings(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 200; i++)
        CALL(OK, "listing.put",
             "{'source':'t','channel':'shop','listing':'L%d','components':[{'sku':'A'}]}", i);
    CALL(OK, "channel.golive", "{'source':'t','channel':'shop','step':'full','canary':10}");
    fixture_wait(f, 10);
    uint32_t few = grants(f);
    assert_in_range(few, 8, 36);
    go(f, "full");
    assert_int_equal(grants(f) + few, 202);
}

static void test_a_deleted_listing_is_forgotten(void **state)
{
    struct fixture *f = *state;
    go(f, "full");
    grants(f);
    int64_t grant = number_of(f, "LA");
    CALL(OK, "listing.delete", "{'source':'t','channel':'shop','listing':'LA'}");
    outcome(f, grant, "applied");
    assert_int_equal(fixture_int(f, "stale"), 1);
    fixture_restart(f);
    fixture_wait(f, STK_ANSWER_WAIT_MS + 1000);
    grants(f);
    assert_int_equal(granted(f, "LA"), -1);
}

static void test_handback_stops_at_once(void **state)
{
    struct fixture *f = *state;
    go(f, "full");
    grants(f);
    int64_t la = number_of(f, "LA"), kit = number_of(f, "KIT");
    receive(f, "r", "A", 5);
    CALL(OK, "channel.handback", "{'source':'t','channel':'shop'}");
    assert_int_equal(fixture_int(f, "on_way"), 2);
    assert_int_equal(grants(f), 0);
    outcome(f, la, "applied");
    outcome(f, kit, "applied");
    CALL(OK, "channel.status", "{'channel':'shop'}");
    assert_true(fixture_is(f, "state", "handed_back"));
    lose(f, "l", "A", 15);
    fixture_wait(f, STK_ANSWER_WAIT_MS + 1000);
    assert_int_equal(grants(f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_observe_writes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_newest_value_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_value_is_not_sent_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_zero_goes_at_once_and_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_ladder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_policy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_locations_that_may_sell, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_refusal_is_tried_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_answer_is_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drift_is_repaired_then_contested, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_old_read_back_says_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_sale_there_is_no_news_for_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_shortfall_empties_the_shelf, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_breaker, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_share_of_the_listings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_deleted_listing_is_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handback_stops_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
