/* Events of a plugin, through a real engine: what they do there, also the second time. */
#include "core/plug/clerk.h"
#include "core/plug/translate.h"
#include "tests/lib/engine_fixture.h"
#include "tests/lib/messages.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct fixture f;
static struct test_messages m;
static struct stk_clerk clerk;
static struct stk_translate translate;
static struct stk_error err;
static struct stk_task task;
static struct stk_value params;
static uint32_t bytes;
static int commands;

static void go_on(void *arg, uint64_t number, enum stk_status status,
                  const struct stk_value *answer)
{
    (void)arg, (void)number;
    const struct stk_verb *verb =
        stk_translate_next(&translate, &task, answer, status, &params, &bytes);
    if (!verb)
        return;
    commands++;
    assert_int_equal(stk_clerk_send(&clerk, verb, &params, bytes, go_on, NULL, 0, &err), STK_OK);
}

/* The status that the plugin is told. */
static stk_status_t run(const struct stk_message *event)
{
    memset(&task, 0, sizeof task);
    task.event = event;
    commands = 0;
    assert_int_equal(stk_translate_can(event, &err), STK_OK);
    go_on(NULL, 0, STK_OK, NULL);
    for (int i = 0; i < 10 && clerk.open; i++) {
        stk_clerk_publish(&clerk);
        stk_engine_turn(f.engine);
        stk_clerk_drain(&clerk);
    }
    assert_int_equal(clerk.open, 0);
    return task.status;
}

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    fixture_start(&f);
    assert_int_equal(stk_clerk_init(&clerk, f.inbox, 0, &err), STK_OK);
    memset(&translate, 0, sizeof translate);
    translate.instance = "shop";
    translate.match = 1;
    translate.values = calloc(STK_TRANSLATE_VALUES, sizeof *translate.values);
    test_messages_begin(&m);
    fixture_call(&f, "channel.put", "{'source':'t','channel':'shop'}");
    fixture_call(&f, "location.put", "{'source':'t','location':'main'}");
    fixture_call(&f, "sku.put", "{'source':'t','sku':'S','barcodes':['4006381333931']}");
    fixture_call(&f, "stock.receive",
                 "{'source':'t','id':'r','sku':'S','location':'main','quantity':10}");
    fixture_call(&f, "listing.put",
                 "{'source':'t','channel':'shop','listing':'L1','components':[{'sku':'S'}]}");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_check(&f);
    stk_clerk_fini(&clerk);
    free(translate.values);
    fixture_fini(&f);
    return 0;
}

static void orders(void **state)
{
    (void)state;
    const struct stk_message *order = test_order(&m, "A-7", "L1", 3, f.clock.wall_ms);
    assert_int_equal(run(order), STK_OK);
    stk_seq_t seq = task.sequence;
    assert_true(seq > 0);
    assert_int_equal(fixture_sku(&f, "S", "held"), 3);
    fixture_wait(&f, 60000); /* the same event later is the same command */
    assert_int_equal(run(order), STK_OK);
    assert_int_equal(task.sequence, seq);
    assert_int_equal(fixture_sku(&f, "S", "held"), 3);
    assert_int_equal(run(test_order(&m, "A-7", "L1", 4, f.clock.wall_ms)), STK_CONFLICT);
    assert_int_equal(run(test_order(&m, "A-8", "sku:S", 9, f.clock.wall_ms)), STK_OK);
    assert_int_equal(task.shortfall, 2);
    assert_int_equal(run(test_order(&m, "A-9", "none", 1, f.clock.wall_ms)), STK_NOT_FOUND);
    fixture_call(&f, "order.get", "{'order':'A-7','source':'shop'}");
    assert_int_equal(fixture_int(&f, "lines.0.unit_price"), 1999);
    assert_true(fixture_is(&f, "currency", "GBP"));
    assert_true(fixture_is(&f, "channel", "shop"));
}

static void deeds(void **state)
{
    (void)state;
    run(test_order(&m, "A", "L1", 4, f.clock.wall_ms));
    assert_int_equal(run(test_deed(&m, STK_EVENT_ORDER_PAID, "A", "p", 0, 0)), STK_OK);
    assert_int_equal(run(test_deed(&m, STK_EVENT_ORDER_CANCEL, "A", "c", 1, 1)), STK_OK);
    assert_int_equal(run(test_deed(&m, STK_EVENT_ORDER_CANCEL, "A", "c", 1, 1)), STK_OK);
    assert_int_equal(fixture_sku(&f, "S", "held"), 3);
    assert_int_equal(run(test_deed(&m, STK_EVENT_ORDER_REVIEW, "A", "v", 0, 0)), STK_OK);
    assert_int_equal(run(test_deed(&m, STK_EVENT_ORDER_RELEASE, "A", "l", 0, 0)), STK_OK);
    assert_int_equal(run(test_deed(&m, STK_EVENT_ORDER_SHIP, "A", "s", 1, 2)), STK_OK);
    assert_int_equal(run(test_deed(&m, STK_EVENT_ORDER_SHIP, "A", "s2", 0, 0)), STK_OK);
    assert_int_equal(fixture_sku(&f, "S", "on_hand"), 7);
    assert_int_equal(run(test_deed(&m, STK_EVENT_ORDER_RETURN, "A", "r", 1, 1)), STK_OK);
    assert_int_equal(fixture_sku(&f, "S", "on_hand"), 8);
    assert_int_equal(run(test_deed(&m, STK_EVENT_ORDER_REFUND, "A", "m", 0, 0)), STK_OK);
    /* before its order: remembered */
    assert_int_equal(run(test_deed(&m, STK_EVENT_ORDER_CANCEL, "E", "c9", 0, 0)), STK_OK);
    run(test_order(&m, "E", "L1", 1, f.clock.wall_ms));
    assert_int_equal(fixture_sku(&f, "S", "held"), 0);
    assert_int_equal(stk_translate_can(test_deed(&m, STK_EVENT_ORDER_SHIP, "A", "x", 0, 0), &err),
                     STK_OK);
}

static void amendments(void **state)
{
    uint32_t fewer[] = {1}, more[] = {1, 2}, none[] = {0, 2};
    (void)state;
    run(test_order(&m, "A", "L1", 4, f.clock.wall_ms));
    assert_int_equal(run(test_amend(&m, "A", "L1", fewer, 1, 5)), STK_OK);
    assert_int_equal(fixture_sku(&f, "S", "held"), 1);
    assert_int_equal(run(test_amend(&m, "A", "L1", more, 2, 6)), STK_OK);
    assert_int_equal(fixture_sku(&f, "S", "held"), 3);
    assert_int_equal(run(test_amend(&m, "A", "L1", more, 2, 6)), STK_OK); /* again */
    assert_int_equal(fixture_sku(&f, "S", "held"), 3);
    assert_int_equal(run(test_amend(&m, "A", "L1", none, 2, 7)), STK_OK);
    assert_int_equal(fixture_sku(&f, "S", "held"), 2);
    assert_int_equal(run(test_amend(&m, "Z", "L1", fewer, 1, 5)), STK_NOT_FOUND);
}

static void stock(void **state)
{
    (void)state;
    int64_t now = f.clock.wall_ms;
    assert_int_equal(run(test_count(&m, STK_EVENT_STOCK_COUNT, "k1", "S", 25, now)), STK_OK);
    assert_int_equal(fixture_sku(&f, "S", "on_hand"), 25);
    assert_int_equal(run(test_count(&m, STK_EVENT_STOCK_COUNT, "k0", "S", 9, now - 1)), STK_STALE);
    fixture_wait(&f, 1000);
    now = f.clock.wall_ms;
    assert_int_equal(run(test_count(&m, STK_EVENT_SNAPSHOT, "n1", "S", 30, now)), STK_OK);
    assert_int_equal(fixture_sku(&f, "S", "on_hand"), 30);
}

static void listings(void **state)
{
    (void)state;
    assert_int_equal(run(test_listing(&m, "L2", "S", NULL, 4)), STK_OK);
    assert_int_equal(commands, 4); /* get, sku.get, put, observe */
    assert_int_equal(fixture_call(&f, "listing.get", "{'channel':'shop','listing':'L2'}"), STK_OK);
    assert_int_equal(run(test_listing(&m, "L3", "other", "4006381333931", STK_ABSENT)), STK_OK);
    assert_int_equal(fixture_call(&f, "listing.get", "{'channel':'shop','listing':'L3'}"), STK_OK);
    assert_int_equal(run(test_listing(&m, "L4", "other", NULL, 4)), STK_OK);
    assert_int_equal(translate.unmatched, 1);
    assert_int_equal(fixture_call(&f, "listing.get", "{'channel':'shop','listing':'L4'}"),
                     STK_NOT_FOUND);
    translate.match = 0;
    assert_int_equal(run(test_listing(&m, "L5", "S", NULL, 4)), STK_OK);
    assert_int_equal(translate.unmatched, 2);
    assert_int_equal(fixture_call(&f, "listing.get", "{'channel':'shop','listing':'L5'}"),
                     STK_NOT_FOUND);
}

static void what_is_seen_and_what_became(void **state)
{
    (void)state;
    assert_int_equal(run(test_observed(&m, "L1", 4, f.clock.wall_ms)), STK_OK);
    fixture_call(&f, "listing.get", "{'channel':'shop','listing':'L1'}");
    assert_int_equal(fixture_int(&f, "published.0.observed"), 4);
    fixture_call(&f, "channel.golive", "{'source':'t','channel':'shop','step':'full'}");
    fixture_wait(&f, 10);
    fixture_call(&f, "channel.grant", "{'source':'t','channel':'shop'}");
    uint64_t grant = (uint64_t)fixture_int(&f, "items.0.grant");
    assert_int_equal(run(test_write(&m, grant, STK_OUTCOME_ACCEPTED)), STK_OK);
    fixture_call(&f, "listing.get", "{'channel':'shop','listing':'L1'}");
    assert_int_equal(fixture_int(&f, "published.0.accepted"), 10);
    assert_int_equal(run(test_write(&m, grant, STK_OUTCOME_APPLIED)), STK_OK);
    fixture_call(&f, "listing.get", "{'channel':'shop','listing':'L1'}");
    assert_true(fixture_is(&f, "published.0.state", "observed"));
}

static void what_cannot_be_taken(void **state)
{
    struct stk_event_order order = {.placed_at_ms = 1};
    struct stk_event_line line = {.quantity = 1};
    (void)state;
    stk_compose_begin(&m.out, sizeof order);
    order.id = stk_compose_string(&m.out, "A");
    order.location = stk_compose_string(&m.out, "theirs");
    order.lines = stk_compose_list(&m.out, &line, sizeof line, 1);
    assert_int_equal(stk_translate_can(stk_compose_end(&m.out, &order.message, STK_SPACE_EVENT,
                                                       STK_EVENT_ORDER, sizeof order),
                                       &err),
                     STK_UNKNOWN);
    assert_non_null(strstr(err.text, "location"));
    assert_false(stk_translate_is_final(STK_NO_SPACE));
    assert_false(stk_translate_is_final(STK_FULL));
    assert_false(stk_translate_is_final(STK_BUSY));
    assert_true(stk_translate_is_final(STK_CONFLICT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(orders, setup, teardown),
        cmocka_unit_test_setup_teardown(deeds, setup, teardown),
        cmocka_unit_test_setup_teardown(amendments, setup, teardown),
        cmocka_unit_test_setup_teardown(stock, setup, teardown),
        cmocka_unit_test_setup_teardown(listings, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_seen_and_what_became, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_taken, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
