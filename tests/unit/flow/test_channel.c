/* Channels: settings, the ladder, pages of what differs, notes. */
#include "core/flow/channel.h"
#include "tests/lib/engine_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define CALL(status, ...) assert_int_equal(fixture_call(f, __VA_ARGS__), STK_##status)

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_init(f);
    fixture_start(f);
    CALL(OK, "location.put", "{'source':'t','location':'main'}");
    CALL(OK, "sku.put", "{'source':'t','sku':'A'}");
    CALL(OK, "stock.receive", "{'source':'t','id':'r','sku':'A','location':'main','quantity':10}");
    CALL(OK, "channel.put", "{'source':'t','channel':'shop'}");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_check(*state);
    fixture_fini(*state);
    free(*state);
    return 0;
}

static void test_a_new_one_observes(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "channel.status", "{'channel':'shop'}");
    assert_true(fixture_is(f, "steps.quantity", "observe"));
    assert_true(fixture_is(f, "mode", "shared"));
    assert_true(fixture_is(f, "state", "open"));
    CALL(NOT_FOUND, "channel.status", "{'channel':'other'}");
    CALL(INVALID, "channel.put", "{'source':'t','channel':'shop','mode':'guaranteed'}");
    CALL(OK, "channel.put",
         "{'source':'t','channel':'shop','write':'set','proof':'answer','apply_ms':1000}");
    CALL(OK, "channel.put", "{'source':'t','channel':'shop','mode':'guaranteed'}");
    CALL(INVALID, "channel.put", "{'source':'t','channel':'shop','share':101}");
}

static void test_settings_stay(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "channel.put", "{'source':'t','channel':'shop','cap':5,'buffer':2}");
    CALL(OK, "channel.put", "{'source':'t','channel':'shop','share':50}");
    CALL(OK, "channel.golive", "{'source':'t','channel':'shop','kind':'quantity','step':'lower'}");
    fixture_restart(f);
    CALL(OK, "channel.list", "{}");
    assert_int_equal(fixture_int(f, "channels.0.cap"), 5);
    assert_int_equal(fixture_int(f, "channels.0.buffer"), 2);
    assert_int_equal(fixture_int(f, "channels.0.share"), 50);
    assert_true(fixture_is(f, "channels.0.steps.quantity", "lower"));
    assert_true(fixture_is(f, "channels.0.steps.price", "observe"));
    assert_null(fixture_get(f, "channels.1"));
}

static void test_what_differs(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++)
        CALL(OK, "listing.put",
             "{'source':'t','channel':'shop','listing':'L%d','components':[{'sku':'A'}]}", i);
    fixture_wait(f, 10);
    CALL(OK, "channel.observe",
         "{'source':'t','channel':'shop','items':[{'listing':'L1','value':10},{'listing':'L2','"
         "value':99},{'listing':'nobody','value':1}]}");
    assert_int_equal(fixture_int(f, "unknown"), 1);
    CALL(OK, "channel.diff", "{'channel':'shop'}");
    assert_true(fixture_is(f, "differences.0.listing", "L0"));
    assert_true(fixture_is(f, "differences.1.listing", "L2"));
    assert_int_equal(fixture_int(f, "differences.1.published.desired"), 10);
    assert_int_equal(fixture_int(f, "differences.1.published.observed"), 99);
    assert_null(fixture_get(f, "differences.4"));
    CALL(OK, "channel.diff", "{'channel':'shop','limit':2}");
    assert_true(fixture_is(f, "next", "3"));
    CALL(OK, "channel.diff", "{'channel':'shop','cursor':'3'}");
    assert_true(fixture_is(f, "differences.0.listing", "L3"));
    CALL(OK, "listing.get", "{'channel':'shop','listing':'L2'}");
    assert_int_equal(fixture_int(f, "published.0.observed"), 99);
}

static void test_notes(void **state)
{
    struct fixture *f = *state;
    CALL(NOT_FOUND, "channel.note_get", "{'channel':'shop','key':'orders'}");
    CALL(
        OK, "channel.note",
        "{'source':'t','channel':'shop','key':'orders','value':'4111111111111111','watermark':77}");
    CALL(OK, "channel.note",
         "{'source':'t','channel':'shop','key':'offers','value':'b','watermark':50}");
    fixture_restart(f);
    CALL(OK, "channel.note_get", "{'channel':'shop','key':'orders'}");
    assert_true(fixture_is(f, "value", "4111111111111111"));
    CALL(OK, "channel.status", "{'channel':'shop'}");
    assert_int_equal(fixture_int(f, "watermark_at"), 77); /* it never goes back */
    CALL(NOT_FOUND, "channel.note", "{'source':'t','channel':'other','key':'k','value':'v'}");
}

static void test_pause_and_handback(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "channel.golive", "{'source':'t','channel':'shop','step':'full','canary':50}");
    CALL(OK, "channel.pause", "{'source':'t','channel':'shop','reason':'stocktaking'}");
    CALL(OK, "channel.status", "{'channel':'shop'}");
    assert_true(fixture_is(f, "state", "paused"));
    CALL(OK, "channel.resume", "{'source':'t','channel':'shop'}");
    CALL(OK, "channel.handback", "{'source':'t','channel':'shop'}");
    CALL(STATE, "channel.golive", "{'source':'t','channel':'shop','step':'full'}");
    CALL(OK, "channel.status", "{'channel':'shop'}");
    assert_true(fixture_is(f, "state", "handed_back"));
    assert_true(fixture_is(f, "steps.quantity", "observe"));
    CALL(OK, "channel.resume", "{'source':'t','channel':'shop'}");
    CALL(OK, "channel.golive", "{'source':'t','channel':'shop','step':'full'}");
    CALL(OK, "channel.discover", "{'source':'t','channel':'shop'}");
    CALL(OK, "channel.flush", "{'source':'t','channel':'shop'}");
    CALL(OK, "channel.resync", "{'source':'t','channel':'shop'}");
    fixture_restart(f);
    CALL(OK, "channel.grant", "{'source':'t','channel':'shop'}");
    assert_int_equal(fixture_int(f, "discover_asked"), 1);
    assert_int_equal(fixture_int(f, "flush_asked"), 1);
    assert_int_equal(fixture_int(f, "resync_asked"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_new_one_observes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settings_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_differs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_notes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pause_and_handback, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
