/* Submits and key-values through a real engine: what is answered when, and that the cursor never
 * runs ahead of its events. */
#include "core/base/mem.h"
#include "core/plug/check.h"
#include "core/plug/intake.h"
#include "tests/lib/engine_fixture.h"
#include "tests/lib/messages.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stockade/ext/kv.h>

#include <cmocka.h>

static struct fixture f;
static struct test_messages m;
static struct stk_desk desk;
static struct stk_intake *intake;
static struct stk_link *peer;
static struct stk_loop *loop;
static struct stk_error err;
static int full; /* the disk */

static struct stk_reply_submit reply; /* the last one */
static struct stk_event_answer answers[8];
static struct stk_reply_kv_get got;
static char value[256];
static uint64_t replies;

static void on_reply(void *arg, const void *data, uint32_t size)
{
    const struct stk_message *message = data;
    (void)arg, (void)size;
    replies++;
    assert_int_equal(message->space, STK_SPACE_REPLY);
    if (message->type == STK_ASK_SUBMIT) {
        stk_message_read(message, &reply, sizeof reply);
        for (uint32_t i = 0; i < reply.answers.count && i < 8; i++)
            stk_message_item(message, reply.answers, i, &answers[i], sizeof answers[i]);
    }
    if (message->type == STK_ASK_KV_GET) {
        stk_message_read(message, &got, sizeof got);
        struct stk_bytes bytes = stk_message_text(message, got.value);
        memcpy(value, bytes.data, bytes.size);
        value[bytes.size] = 0;
    }
    stk_loop_stop(loop);
}

static void on_broken(void *arg)
{
    (void)arg;
    fail();
}

static int disk_full(void *arg, char *why, uint32_t why_size)
{
    (void)arg;
    snprintf(why, why_size, "the test says so");
    return full;
}

static uint32_t orders_max = 5000;

static int setup(void **state)
{
    (void)state;
    memset(&desk, 0, sizeof desk);
    full = 0;
    replies = 0;
    fixture_init(&f);
    f.options.full = disk_full;
    f.options.orders = orders_max;
    fixture_start(&f);
    desk.instance = desk.translate.instance = "shop";
    desk.clock = f.options.clock;
    desk.translate.values = calloc(STK_TRANSLATE_VALUES, sizeof *desk.translate.values);
    desk.manifest.declares_watermark = 1;
    loop = stk_loop_create(&err);
    desk.link = stk_link_create(&err);
    peer = stk_link_peer(desk.link, &err);
    stk_link_attach(peer, loop, on_reply, on_broken, NULL);
    assert_int_equal(stk_clerk_init(&desk.clerk, f.inbox, 0, &err), STK_OK);
    intake = stk_intake_create(&desk, &err);
    fixture_call(&f, "channel.put", "{'source':'t','channel':'shop'}");
    fixture_call(&f, "location.put", "{'source':'t','location':'main'}");
    fixture_call(&f, "sku.put", "{'source':'t','sku':'S'}");
    fixture_call(&f, "stock.receive",
                 "{'source':'t','id':'r','sku':'S','location':'main','quantity':10}");
    return 0;
}

static int setup_small(void **state)
{
    orders_max = 1;
    setup(state);
    orders_max = 5000;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stk_intake_destroy(intake);
    stk_link_destroy(peer);
    stk_link_destroy(desk.link);
    stk_loop_destroy(loop);
    stk_clerk_fini(&desk.clerk);
    free(desk.translate.values);
    fixture_fini(&f);
    return 0;
}

/* Until the engine has nothing more to do; then what was replied is read. */
static void settle(void)
{
    for (int i = 0; i < 20; i++) {
        stk_intake_pump(intake);
        stk_clerk_publish(&desk.clerk);
        stk_engine_turn(f.engine);
        stk_clerk_drain(&desk.clerk);
    }
}

static void ask(const struct stk_message *message)
{
    assert_int_equal(stk_check_message(message, message->size, &err), STK_OK);
    assert_int_equal(stk_intake_ask(intake, message), STK_OK);
    settle();
}

static void read_reply(void)
{
    uint64_t before = replies;
    stk_loop_run(loop);
    assert_int_equal(replies, before + 1);
}

static const char *cursor(void)
{
    fixture_call(&f, "channel.note_get", "{'channel':'shop','key':'orders'}");
    const struct stk_value *text = f.status == STK_OK ? fixture_get(&f, "value") : NULL;
    snprintf(value, sizeof value, "%.*s", text ? (int)text->size : 0, text ? text->as.text : "");
    return value;
}

static const struct stk_message *two_orders(uint64_t call, const char *to)
{
    test_submit_begin(&m);
    test_order(&m, "A", "sku:S", 8, f.clock.wall_ms);
    test_order(&m, "B", "sku:S", 4, f.clock.wall_ms);
    return test_submit_end(&m, call, "orders", to, 777);
}

static void events_then_cursor(void **state)
{
    (void)state;
    ask(two_orders(5, "next"));
    read_reply();
    assert_int_equal(reply.head.call, 5);
    assert_int_equal(reply.head.status, STK_OK);
    assert_int_equal(reply.answers.count, 2);
    assert_int_equal(answers[0].shortfall, 0);
    assert_int_equal(answers[1].shortfall, 2);
    assert_true(answers[0].sequence < answers[1].sequence);
    assert_string_equal(cursor(), "tnext");
    fixture_call(&f, "channel.status", "{'channel':'shop'}");
    assert_int_equal(fixture_int(&f, "watermark_at"), 777);
}

/* Nothing is durable: no reply, and no cursor is on its way either. */
static void not_before_it_is_durable(void **state)
{
    (void)state;
    f.log.manual = 1;
    ask(two_orders(1, "next"));
    assert_int_equal(stk_engine_state(f.engine)->notes.pool.used, 0);
    memory_log_flush(&f.log, 9); /* the events */
    settle();
    assert_int_equal(stk_engine_state(f.engine)->notes.pool.used, 1);
    memory_log_crash(&f.log); /* the note is lost: the events are not */
    f.log.manual = 0;
}

static void a_full_disk_moves_no_cursor(void **state)
{
    (void)state;
    full = 1;
    ask(two_orders(1, "next"));
    read_reply();
    assert_int_equal(reply.head.status, STK_NO_SPACE);
    assert_int_equal(reply.answers.count, 0);
    full = 0;
    assert_string_equal(cursor(), "");
    ask(two_orders(2, "next")); /* the plugin comes again */
    read_reply();
    assert_int_equal(reply.head.status, STK_OK);
    assert_string_equal(cursor(), "tnext");
    assert_int_equal(fixture_sku(&f, "S", "held"), 10);
}

/* One event passes, one meets a state that passes, and the note by itself would succeed. */
static void a_full_capacity_moves_no_cursor(void **state)
{
    (void)state;
    ask(two_orders(1, "next"));
    read_reply();
    assert_int_equal(reply.head.status, STK_FULL);
    assert_string_equal(cursor(), "");
    fixture_call(&f, "channel.status", "{'channel':'shop'}");
    assert_int_equal(fixture_int(&f, "watermark_at"), 0);
    assert_int_equal(
        fixture_call(&f, "channel.note", "{'source':'t','channel':'shop','key':'k','value':'v'}"),
        STK_OK);
}

static void refusals_are_answers(void **state)
{
    (void)state;
    test_submit_begin(&m);
    test_order(&m, "A", "sku:none", 1, f.clock.wall_ms);
    test_order(&m, "B", "sku:S", 1, f.clock.wall_ms);
    ask(test_submit_end(&m, 1, "orders", "next", 0));
    read_reply();
    assert_int_equal(reply.head.status, STK_OK);
    assert_int_equal(answers[0].status, STK_NOT_FOUND);
    assert_int_equal(answers[1].status, STK_OK);
    assert_string_equal(cursor(), "tnext");
    assert_int_equal(stk_counter_get(&desk.counters.refused), 1);
}

/* One event that cannot be taken: none is. */
static void unknown_before_anything(void **state)
{
    struct stk_event_order_deed deed = {.occurred_at_ms = 1};
    struct stk_event_part part = {.quantity = 1};
    (void)state;
    test_submit_begin(&m);
    test_order(&m, "B", "sku:S", 1, f.clock.wall_ms);
    stk_compose_begin(&m.out, sizeof deed);
    deed.order = stk_compose_string(&m.out, "B");
    deed.id = stk_compose_string(&m.out, "c");
    deed.parts = stk_compose_list(&m.out, &part, sizeof part, 1);
    stk_compose_end(&m.out, &deed.message, STK_SPACE_EVENT, STK_EVENT_ORDER_CANCEL, sizeof deed);
    m.count++;
    ask(test_submit_end(&m, 1, "orders", "next", 0));
    read_reply();
    assert_int_equal(reply.head.status, STK_UNKNOWN);
    assert_int_equal(reply.bad_index, 1);
    assert_string_equal(cursor(), "");
    assert_int_equal(fixture_sku(&f, "S", "held"), 0);
}

static const struct stk_message *put(const char *key, const char *data, uint32_t size)
{
    static struct test_messages other;
    struct stk_ask_kv_put message = {.head.call = 9};
    struct stk_kv_entry entry;
    test_messages_begin(&other);
    stk_compose_begin(&other.out, sizeof message);
    entry.key = stk_compose_string(&other.out, key);
    entry.value = stk_compose_text(&other.out, data, size);
    message.entries = stk_compose_list(&other.out, &entry, sizeof entry, 1);
    return stk_compose_end(&other.out, &message.head.message, STK_SPACE_ASK, STK_ASK_KV_PUT,
                           sizeof message);
}

static const struct stk_message *get(const char *key)
{
    static struct test_messages other;
    struct stk_ask_kv_get message = {.head.call = 9};
    test_messages_begin(&other);
    stk_compose_begin(&other.out, sizeof message);
    message.key = stk_compose_string(&other.out, key);
    return stk_compose_end(&other.out, &message.head.message, STK_SPACE_ASK, STK_ASK_KV_GET,
                           sizeof message);
}

static void key_values(void **state)
{
    (void)state;
    ask(get("token"));
    read_reply();
    assert_int_equal(got.head.status, STK_NOT_FOUND);
    ask(put("token", "\x01\xff\x80", 3));
    read_reply();
    ask(get("token"));
    read_reply();
    assert_int_equal(got.head.status, STK_OK);
    assert_int_equal(got.value.size, 3);
    assert_memory_equal(value, "\x01\xff\x80", 3);
    ask(put("token", NULL, 0)); /* forgotten */
    read_reply();
    ask(get("token"));
    read_reply();
    assert_int_equal(got.head.status, STK_NOT_FOUND);
}

static void bounded(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < STK_INTAKE_MAX; i++)
        assert_int_equal(stk_intake_ask(intake, get("k")), STK_OK);
    assert_int_equal(stk_intake_ask(intake, get("k")), STK_BUSY);
    stk_intake_drop(intake);
    assert_int_equal(stk_intake_ask(intake, get("k")), STK_OK);
}

/* Answers for a plugin that has fallen belong to nobody. */
static void dropped(void **state)
{
    (void)state;
    const struct stk_message *message = two_orders(1, "next");
    assert_int_equal(stk_intake_ask(intake, message), STK_OK);
    stk_intake_pump(intake);
    stk_intake_drop(intake);
    settle();
    assert_int_equal(desk.clerk.open, 0);
    assert_string_equal(cursor(), "");
    assert_int_equal(fixture_sku(&f, "S", "held"), 10); /* the engine had them */
    ask(two_orders(2, "next"));
    read_reply();
    assert_int_equal(reply.head.call, 2);
    assert_int_equal(fixture_sku(&f, "S", "held"), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_then_cursor, setup, teardown),
        cmocka_unit_test_setup_teardown(not_before_it_is_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_moves_no_cursor, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_capacity_moves_no_cursor, setup_small, teardown),
        cmocka_unit_test_setup_teardown(refusals_are_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_before_anything, setup, teardown),
        cmocka_unit_test_setup_teardown(key_values, setup, teardown),
        cmocka_unit_test_setup_teardown(bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(dropped, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
