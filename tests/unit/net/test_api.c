/* Calls at the door: scopes, tokens, help, stock, and what goes on to the engine. */
#include "core/net/api.h"
#include "tests/lib/json_doc.h"
#include "tests/lib/rpc_client.h"
#include "tests/unit/net/fake_engine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stockade/version.h>

#include <cmocka.h>

static uint8_t room[STK_API_LOCAL_DOC_BYTES];
static struct stk_value values[65536];
static const struct stk_value *answer;
static struct stk_api *api;
static struct stk_caller caller;
static uint16_t verb;

/* sha256sum of "secret" and of "other" */
static const struct stk_api_token tokens[] = {
    {"till",
     {0x2b, 0xb8, 0x0d, 0x53, 0x7b, 0x1d, 0xa3, 0xe3, 0x8b, 0xd3, 0x03,
      0x61, 0xaa, 0x85, 0x56, 0x86, 0xbd, 0xe0, 0xea, 0xcd, 0x71, 0x62,
      0xfe, 0xf6, 0xa2, 0x5f, 0xe9, 0x7b, 0xf5, 0x27, 0xa2, 0x5b},
     STK_SCOPE_BIT(STK_SCOPE_ORDERS) | STK_SCOPE_BIT(STK_SCOPE_VIEW)},
    {"audit",
     {0xd9, 0x29, 0x8a, 0x10, 0xd1, 0xb0, 0x73, 0x58, 0x37, 0xdc, 0x4b,
      0xd8, 0x5d, 0xac, 0x64, 0x1b, 0x0f, 0x3c, 0xef, 0x27, 0xa4, 0x7e,
      0x5d, 0x53, 0xa5, 0x4f, 0x2f, 0x3f, 0x5b, 0x2f, 0xcf, 0xfa},
     STK_SCOPE_BIT(STK_SCOPE_VIEW)},
};

static void write_status(void *arg, struct stk_doc *doc)
{
    (void)arg;
    stk_doc_map(doc, 1);
    stk_doc_key_text(doc, "version", STK_VERSION_TEXT);
}

static int set_up(void **state)
{
    struct stk_error err;
    struct stk_loop *loop = stk_loop_create(&err);
    struct stk_api_options options = {.tokens = tokens, .token_count = 2, .status = write_status};
    *state = loop;
    fake_reset(loop);
    api = stk_api_create(&options, &err);
    caller = stk_caller_local();
    return loop && api ? 0 : -1;
}

static int tear_down(void **state)
{
    fake_clear();
    stk_api_destroy(api);
    stk_loop_destroy(*state);
    return 0;
}

static enum stk_status call(const char *name, const char *json)
{
    struct test_value params = test_value_json(json);
    struct stk_doc doc = stk_doc(room, sizeof room);
    struct stk_parse parse;
    enum stk_status status =
        stk_api_call(api, &caller, (struct stk_bytes){name, (uint32_t)strlen(name)}, params.root,
                     params.size, 99, &verb, &doc);
    assert_false(doc.overflow);
    answer = NULL;
    if (status == STK_AGAIN) {
        assert_int_equal(doc.size, 0);
    } else {
        assert_int_equal(
            stk_doc_parse(room, doc.size, sizeof room, STK_DEPTH_MAX, values, 65536, &parse),
            STK_OK);
        assert_int_equal(parse.consumed, doc.size);
        answer = parse.root;
        if (status != STK_OK)
            assert_string_equal(test_text(answer, "code"), stk_status_name((int)status));
    }
    test_value_free(&params);
    return status;
}

#define PAY "{'source':'s','id':'1','order':'o'}"

static void a_write_goes_to_the_inbox(void **state)
{
    (void)state;
    assert_int_equal(call("order.pay", PAY), STK_AGAIN);
    assert_int_equal(verb, STK_VERB_ORDER_PAY);
    const struct stk_answer *made = stk_api_answer(api);
    assert_int_equal(made->ticket, 99);
    assert_int_equal(made->verb, STK_VERB_ORDER_PAY);
    assert_null(stk_api_answer(api));
    stk_api_release(api);
    assert_int_equal(call("sku.list", "{}"), STK_AGAIN);
    assert_int_equal(call("journal.read", "{}"), STK_AGAIN);
}

static void refusals_name_their_cause(void **state)
{
    (void)state;
    assert_int_equal(call("order.lay", "{}"), STK_UNKNOWN);
    assert_string_equal(test_text(answer, "message"), "no such verb: \"order.lay\"");
    assert_int_equal(call("", "{}"), STK_UNKNOWN);
    assert_int_equal(call("\xff\xfe", "{}"), STK_UNKNOWN);
    assert_int_equal(call("order.pay", "{'source':'s'}"), STK_INVALID);
    assert_string_equal(test_text(answer, "message"), "params.order: is missing");
    assert_int_equal(call("status", "{'x':1}"), STK_INVALID);
    assert_int_equal(call("status", "[]"), STK_INVALID);
    fake.capacity = 0;
    assert_int_equal(call("order.pay", PAY), STK_BUSY);
    assert_int_equal(stk_counter_get(&stk_api_counters(api)->busy), 1);
    assert_int_equal(stk_counter_get(&stk_api_counters(api)->refused), 7);
    assert_int_equal(atomic_load(&fake.taken), 0);
}

static int taken_until_busy(int most)
{
    int taken = 0;
    while (taken < most && call("order.pay", PAY) == STK_AGAIN)
        taken++;
    return taken;
}

static int answer_all(void)
{
    int answers = 0;
    for (; stk_api_answer(api); answers++)
        stk_api_release(api);
    return answers;
}

static void no_more_wait_than_are_answered_in_time(void **state)
{
    (void)state;
    int first = taken_until_busy(100000);
    assert_in_range(first, 10000, 20000);
    assert_int_equal(call("stock.get", "{'sku':'A'}"), STK_OK); /* that needs no engine */
    assert_int_equal(call("order.pay", PAY), STK_BUSY);
    assert_int_equal(answer_all(), first);
    stk_api_tick(api, 20); /* fast: 800,000 a second */
    int fast = taken_until_busy(200000);
    assert_in_range(fast, 70000, 100000);
    answer_all();
    for (int i = 0; i < 7; i++) { /* a disk that stops does not shut the door at once */
        stk_api_tick(api, 250);
        if (i < 6)
            assert_true(taken_until_busy(first + 1) == first + 1);
        if (i < 6)
            answer_all();
    }
    for (int i = 0; i < 9; i++)
        stk_api_tick(api, 250);
    assert_int_equal(taken_until_busy(100000), first); /* slow again */
    stk_api_tick(api, 0);
}

static void stock_is_read_at_the_door(void **state)
{
    (void)state;
    fake.capacity = 0; /* whatever the engine does */
    assert_int_equal(call("stock.get", "{'sku':'A'}"), STK_OK);
    assert_int_equal(test_number(answer, "available"), 7);
    const struct stk_value *cells = stk_value_get(answer, "cells");
    assert_int_equal(cells->size, 1);
    assert_string_equal(test_text(&cells->as.items[0], "location"), "main");
    assert_int_equal(test_number(&cells->as.items[0], "on_hand"), 10);
    assert_int_equal(test_number(&cells->as.items[0], "held"), 3);
    assert_int_equal(call("stock.get", "{'sku':'A','location':'main'}"), STK_OK);
    assert_int_equal(call("stock.get", "{'sku':'B'}"), STK_NOT_FOUND);
    assert_string_equal(test_text(answer, "message"), "sku: there is no \"B\"");
    assert_int_equal(call("stock.get", "{'sku':'A','location':'moon'}"), STK_NOT_FOUND);
    assert_int_equal(call("stock.get", "{'sku':'A','channel':'moon'}"), STK_NOT_FOUND);
    assert_int_equal(call("stock.get", "{}"), STK_INVALID);
    assert_int_equal(call("status", "{}"), STK_OK);
    assert_string_equal(test_text(answer, "version"), STK_VERSION_TEXT);
}

static void tokens_open_their_scopes_and_no_others(void **state)
{
    (void)state;
    caller = stk_caller_unknown();
    assert_int_equal(call("order.pay", PAY), STK_UNAUTHORIZED);
    assert_int_equal(call("stock.get", "{'sku':'A'}"), STK_UNAUTHORIZED);
    assert_int_equal(call("status", "{}"), STK_UNAUTHORIZED);
    assert_int_equal(call("auth", "{'token':'wrong'}"), STK_UNAUTHORIZED);
    assert_int_equal(call("auth", "{'token':''}"), STK_UNAUTHORIZED);
    assert_int_equal(caller.failures, 2);
    assert_int_equal(call("auth", "{'token':7}"), STK_INVALID);
    assert_int_equal(call("auth", "{'token':'secret','more':1}"), STK_INVALID);
    assert_int_equal(call("auth", "[]"), STK_INVALID);
    assert_int_equal(caller.scopes, 0);
    assert_int_equal(call("auth", "{'token':'secret'}"), STK_OK);
    assert_string_equal(test_text(answer, "name"), "till");
    assert_int_equal(stk_value_get(answer, "scopes")->size, 2);
    assert_int_equal(caller.who, stk_api_who("till"));
    assert_int_not_equal(caller.who, stk_api_who("audit"));
    assert_int_equal(call("order.pay", PAY), STK_AGAIN);
    assert_int_equal(call("stock.get", "{'sku':'A'}"), STK_OK);
    assert_int_equal(call("sku.put", "{'source':'s','sku':'A'}"), STK_DENIED);
    assert_string_equal(test_text(answer, "message"),
                        "needs the scope \"catalog\", which this token has not");
    assert_int_equal(call("journal.read", "{}"), STK_DENIED);
}

static void every_verb_asks_for_its_scope(void **state)
{
    (void)state;
    caller = stk_caller_unknown();
    for (unsigned i = 1; i < STK_VERB_COUNT; i++) {
        caller.scopes = 0;
        assert_int_equal(call(stk_verb_by_number(i)->name, "{}"), STK_UNAUTHORIZED);
        caller.scopes = STK_SCOPES_ALL & ~STK_SCOPE_BIT(stk_verb_by_number(i)->scope);
        assert_int_equal(call(stk_verb_by_number(i)->name, "{}"), STK_DENIED);
    }
    assert_int_equal(atomic_load(&fake.taken), 0);
}

static void help_tells_the_whole_table(void **state)
{
    (void)state;
    caller = stk_caller_unknown();
    assert_int_equal(call("help", "{}"), STK_OK);
    assert_int_equal(stk_value_get(answer, "verbs")->size, STK_VERB_COUNT - 1);
    assert_int_equal(call("help", "{'verb':'order.place'}"), STK_OK);
    assert_string_equal(test_text(answer, "name"), "order.place");
    assert_string_equal(test_text(answer, "scope"), "orders");
    assert_string_equal(test_text(answer, "id"), "required");
    const struct stk_value *fields = stk_value_get(answer, "fields");
    int found = 0;
    for (uint32_t i = 0; i < fields->size; i++)
        if (strcmp(test_text(&fields->as.items[i], "name"), "lines") == 0) {
            assert_true(stk_value_get(&fields->as.items[i], "required")->as.boolean);
            assert_true(stk_value_get(&fields->as.items[i], "fields")->size >= 8);
            found = 1;
        }
    assert_true(found);
    assert_int_equal(call("help", "{'verb':'nothing'}"), STK_UNKNOWN);
    assert_int_equal(call("help", "{'what':'x'}"), STK_INVALID);
}

static void pages_weigh_more(void **state)
{
    (void)state;
    assert_int_equal(stk_api_weight(STK_VERB_ORDER_PLACE), 1);
    assert_int_equal(stk_api_weight(STK_VERB_ORDER_LIST), STK_API_WEIGHT_PAGE);
    assert_int_equal(stk_api_weight(STK_VERB_JOURNAL_READ), STK_API_WEIGHT_PAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_write_goes_to_the_inbox, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals_name_their_cause, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_wait_than_are_answered_in_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stock_is_read_at_the_door, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tokens_open_their_scopes_and_no_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_verb_asks_for_its_scope, set_up, tear_down),
        cmocka_unit_test_setup_teardown(help_tells_the_whole_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages_weigh_more, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
