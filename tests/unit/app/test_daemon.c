/* The whole engine in one process: started, asked, stopped, started again. */
#include "core/app/daemon.h"
#include "tests/lib/folder.h"
#include "tests/lib/rpc_client.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct test_folder folder;
static struct stk_config config;
static struct stk_error err;
static struct stk_daemon *daemon_;
static char address[STK_ADDRESS_MAX];

static int set_up(void **state)
{
    (void)state;
    test_folder_make(&folder);
    stk_config_defaults(&config);
    config.engine.skus = config.engine.cells = 1000;
    config.engine.listings = config.engine.components = 1000;
    config.engine.orders = config.engine.holds = 10000;
    config.engine.keys = 10000;
    config.engine.keys_on_disk = 100000;
    config.engine.order_bytes = config.engine.text_bytes = config.engine.key_bytes = 16 << 20;
    config.engine.recovery_grace_ms = 0;
    config.journal.segment_bytes = STK_SEGMENT_BYTES_MIN;
    config.journal.free_bytes_min = 0;
    config.rpc_listen_count = 0;
    config.token_count = 0;
    config.log_level = STK_LOG_WARN;
    stk_log_level_set(STK_LOG_WARN);
    snprintf(config.data, sizeof config.data, "%s/data", folder.path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stk_daemon_stop(daemon_);
    daemon_ = NULL;
    test_folder_remove(&folder);
    return 0;
}

static struct test_rpc start(void)
{
    struct test_rpc client;
    if (stk_daemon_start(&daemon_, &config, &err) != STK_OK)
        fail_msg("%s", err.text);
    snprintf(address, sizeof address, "%s", stk_daemon_address(daemon_, 0));
    client = test_rpc_open(address);
    assert_true(client.fd >= 0);
    return client;
}

static void stop(void)
{
    stk_daemon_stop(daemon_);
    daemon_ = NULL;
}

static void ask_ok(struct test_rpc *client, const char *verb, const char *json)
{
    struct test_response response = test_rpc_ask(client, verb, json);
    if (response.error)
        fail_msg("%s: %s", verb, test_text(response.error, "message"));
}

static int64_t available(struct test_rpc *client)
{
    struct test_response response = test_rpc_ask(client, "stock.get", "{'sku':'A'}");
    return test_number(response.result, "available");
}

static void what_was_answered_is_there_after_a_restart(void **state)
{
    (void)state;
    struct test_rpc client = start();
    ask_ok(&client, "location.put", "{'source':'t','location':'main'}");
    ask_ok(&client, "sku.put", "{'source':'t','sku':'A'}");
    ask_ok(&client, "stock.receive",
           "{'source':'t','id':'1','sku':'A','location':'main','quantity':10}");
    for (int i = 0; i < 3; i++) {
        char json[128];
        snprintf(json, sizeof json, "{'source':'t','id':'o%d','lines':[{'sku':'A','quantity':2}]}",
                 i);
        ask_ok(&client, "order.place", json);
    }
    assert_int_equal(available(&client), 4);
    stk_seq_t seq = stk_daemon_sequence(daemon_);
    test_rpc_close(&client);
    for (int round = 0; round < 2; round++) {
        stop();
        assert_int_not_equal(access(address + 5, F_OK), 0); /* the socket is gone */
        client = start();
        assert_int_equal(stk_daemon_sequence(daemon_), seq);
        assert_int_equal(available(&client), 4);
        struct test_response again = test_rpc_ask(
            &client, "order.place", "{'source':'t','id':'o1','lines':[{'sku':'A','quantity':2}]}");
        assert_string_equal(test_code(&again), "OK"); /* a repeat, not an order */
        assert_int_equal(available(&client), 4);
        test_rpc_close(&client);
    }
}

static void the_journal_and_the_status_can_be_read(void **state)
{
    (void)state;
    struct test_rpc client = start();
    ask_ok(&client, "location.put", "{'source':'t','location':'main'}");
    struct test_response response = test_rpc_ask(&client, "journal.read", "{}");
    assert_non_null(response.result);
    const struct stk_value *effects = stk_value_get(response.result, "effects");
    assert_int_equal(effects->size, 1);
    assert_string_equal(test_text(&effects->as.items[0], "verb"), "location.put");
    response = test_rpc_ask(&client, "status", "{}");
    assert_int_equal(test_number(response.result, "seq"), 1);
    assert_int_equal(test_number(stk_value_get(response.result, "rpc"), "connections"), 1);
    assert_int_equal(stk_value_get(response.result, "warnings")->size, 0);
    test_rpc_close(&client);
}

static void the_journal_says_who_did_it(void **state)
{
    /* sha256sum of "secret" */
    static const uint8_t hash[STK_CHAIN_BYTES] = {0x2b, 0xb8, 0x0d, 0x53, 0x7b, 0x1d, 0xa3, 0xe3,
                                                  0x8b, 0xd3, 0x03, 0x61, 0xaa, 0x85, 0x56, 0x86,
                                                  0xbd, 0xe0, 0xea, 0xcd, 0x71, 0x62, 0xfe, 0xf6,
                                                  0xa2, 0x5f, 0xe9, 0x7b, 0xf5, 0x27, 0xa2, 0x5b};
    (void)state;
    config.token_count = 1;
    snprintf(config.tokens[0].name, sizeof config.tokens[0].name, "the till");
    memcpy(config.tokens[0].sha256, hash, sizeof hash);
    config.tokens[0].scopes = STK_SCOPE_BIT(STK_SCOPE_CATALOG);
    config.rpc_listen_count = 1;
    snprintf(config.rpc_listen[0], STK_ADDRESS_MAX, "127.0.0.1:0");
    struct test_rpc local = start(), far = test_rpc_open(stk_daemon_address(daemon_, 1));
    ask_ok(&local, "sku.put", "{'source':'t','sku':'A'}");
    ask_ok(&far, "auth", "{'token':'secret'}");
    ask_ok(&far, "sku.put", "{'source':'t','sku':'B'}");
    struct test_response response = test_rpc_ask(&local, "journal.read", "{}");
    const struct stk_value *effects = stk_value_get(response.result, "effects");
    assert_int_equal(effects->size, 2);
    assert_int_equal(test_number(&effects->as.items[0], "who"), 0);
    assert_string_equal(test_text(&effects->as.items[1], "who"), "the till");
    test_rpc_close(&local);
    test_rpc_close(&far);
    stop();
    config.rpc_listen_count = 0;
    config.token_count = 0; /* the token is gone: what it did is not */
    local = start();
    response = test_rpc_ask(&local, "journal.read", "{'from':2}");
    effects = stk_value_get(response.result, "effects");
    assert_string_equal(test_text(&effects->as.items[0], "who"), "the till");
    test_rpc_close(&local);
}

static void one_engine_per_folder(void **state)
{
    (void)state;
    struct stk_daemon *second = NULL;
    struct test_rpc client = start();
    assert_int_equal(stk_daemon_start(&second, &config, &err), STK_STATE);
    assert_non_null(strstr(err.text, "another engine runs on this folder"));
    assert_null(second);
    ask_ok(&client, "status", "{}"); /* the first one is not harmed, its socket neither */
    test_rpc_close(&client);
    client = test_rpc_open(address);
    ask_ok(&client, "status", "{}");
    test_rpc_close(&client);
}

static void a_start_that_fails_leaves_nothing_behind(void **state)
{
    (void)state;
    config.rpc_listen_count = 1;
    snprintf(config.rpc_listen[0], STK_ADDRESS_MAX, "192.0.2.1:7460");
    assert_int_equal(stk_daemon_start(&daemon_, &config, &err), STK_IO);
    assert_non_null(strstr(err.text, "192.0.2.1:7460"));
    assert_null(daemon_);
    config.rpc_listen_count = 0;
    struct test_rpc client = start();
    ask_ok(&client, "status", "{}");
    test_rpc_close(&client);
    stop();
    snprintf(config.data, sizeof config.data, "/proc/nothing/here");
    assert_int_not_equal(stk_daemon_start(&daemon_, &config, &err), STK_OK);
    assert_non_null(strstr(err.text, "/proc/nothing/here"));
}

static void stopping_answers_what_is_in_flight(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    struct test_rpc client = start();
    struct test_response response;
    int answered = 0;
    ask_ok(&client, "location.put", "{'source':'t','location':'main'}");
    ask_ok(&client, "sku.put", "{'source':'t','sku':'A'}");
    for (int i = 0; i < COUNT; i++) {
        char json[128];
        snprintf(json, sizeof json,
                 "{'source':'t','id':'r%d','sku':'A','location':'main','quantity':1}", i);
        test_rpc_call(&client, "stock.receive", json);
    }
    assert_int_equal(test_rpc_read(&client, &response, 5000), 1); /* some are under way */
    answered++;
    stop();
    while (test_rpc_read(&client, &response, 1000) == 1) {
        assert_null(response.error);
        answered++;
    }
    test_rpc_close(&client);
    client = start();
    assert_int_equal(available(&client), answered); /* what was taken was answered, and no more */
    test_rpc_close(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_answered_is_there_after_a_restart),
        TEST(the_journal_and_the_status_can_be_read),
        TEST(the_journal_says_who_did_it),
        TEST(one_engine_per_folder),
        TEST(a_start_that_fails_leaves_nothing_behind),
        TEST(stopping_answers_what_is_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
