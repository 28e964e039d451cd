/* Orders and keys that have left memory: found again by the reader thread, the same answers, also
 * after a kill. Memory is kept so small that nearly everything is on disk. */
#include "tests/lib/rpc_client.h"
#include "tests/lib/stockaded.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define ORDERS 3000

static struct stockaded server;
static struct test_rpc client;
static struct {
    uint8_t bytes[512];
    size_t size;
} first[ORDERS]; /* the answers to their placing */

static void pause_ms(int ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

static void place_json(int i, char *json, size_t size, int quantity)
{
    snprintf(json, size,
             "{'source':'web','id':'o%d','lines':[{'sku':'A','quantity':%d,'unit_price':%d}]}", i,
             quantity, i);
}

static int64_t counted(const char *map, const char *name)
{
    struct test_response response = test_rpc_ask(&client, "status", "{}");
    return test_number(stk_value_get(response.result, map), name);
}

static int set_up(void **state)
{
    (void)state;
    stockaded_start(&server, "engine: {skus: 100, cells: 100, listings: 16, components: 16,\n"
                             "  orders: 100000, holds: 100000, keys: 20000, keys_on_disk: 100000,\n"
                             "  closed_keep: 0, closed_keep_max: 0, recovery_grace: 0}\n"
                             "state: {run_keys: 1024, run_age: 1s, fold_pause: 100ms}\n");
    client = test_rpc_open(server.unix_address);
    test_rpc_ask(&client, "location.put", "{'source':'t','location':'main'}");
    test_rpc_ask(&client, "sku.put", "{'source':'t','sku':'A'}");
    test_rpc_ask(&client, "stock.receive",
                 "{'source':'t','id':'r','sku':'A','location':'main','quantity':1000000}");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_rpc_close(&client);
    int code = stockaded_end(&server, SIGTERM);
    stockaded_remove(&server);
    return code;
}

/* Placed, shipped whole: closed. Archived at once when closed_keep is 0. */
static void orders_close_and_leave_memory(void **state)
{
    (void)state;
    for (int i = 0; i < ORDERS; i++) {
        char json[256];
        place_json(i, json, sizeof json, 2);
        uint32_t msgid = test_rpc_call(&client, "order.place", json);
        struct test_response response;
        assert_int_equal(test_rpc_read(&client, &response, 30000), 1);
        assert_int_equal(response.msgid, msgid);
        assert_null(response.error);
        first[i].size = client.taken - 7; /* without the envelope: [1, msgid below 2^16, nil */
        assert_true(first[i].size < sizeof first[i].bytes);
        memcpy(first[i].bytes, client.in + client.taken - first[i].size, first[i].size);
        snprintf(json, sizeof json, "{'source':'web','id':'s%d','order':'o%d'}", i, i);
        response = test_rpc_ask(&client, i % 3 ? "order.ship" : "order.cancel", json);
        if (response.error)
            fail_msg("%s", test_text(response.error, "message"));
    }
    for (int i = 0; i < 300 && counted("counts", "archived") < ORDERS; i++)
        pause_ms(100);
    assert_int_equal(counted("counts", "archived"), ORDERS);
}

static void they_can_be_looked_at(void **state)
{
    (void)state;
    for (int i = 0; i < ORDERS; i += 7) {
        char json[128];
        snprintf(json, sizeof json, "{'order_source':'web','order':'o%d'}", i);
        struct test_response response = test_rpc_ask(&client, "order.get", json);
        if (response.error)
            fail_msg("o%d: %s", i, test_text(response.error, "message"));
        assert_string_equal(test_text(response.result, "state"), i % 3 ? "shipped" : "cancelled");
    }
    struct test_response response =
        test_rpc_ask(&client, "order.get", "{'order_source':'web','order':'never'}");
    assert_string_equal(test_code(&response), "NOT_FOUND");
}

static void placing_them_again_is_a_repeat(void **state)
{
    (void)state;
    int64_t before =
        test_number(test_rpc_ask(&client, "stock.get", "{'sku':'A'}").result, "available");
    for (int i = 0; i < ORDERS; i += 11) {
        char json[256];
        struct test_response response;
        place_json(i, json, sizeof json, 2);
        client.next_msgid = 30000;
        response = test_rpc_ask(&client, "order.place", json);
        if (response.error)
            fail_msg("o%d: %s", i, test_text(response.error, "message"));
        assert_true(client.taken > first[i].size);
        assert_memory_equal(client.in + client.taken - first[i].size, first[i].bytes,
                            first[i].size);
        place_json(i, json, sizeof json, 3);
        response = test_rpc_ask(&client, "order.place", json);
        assert_string_equal(test_code(&response), "CONFLICT");
        snprintf(json, sizeof json, "{'source':'web','id':'s%d','order':'o%d'}", i, i);
        response = test_rpc_ask(&client, i % 3 ? "order.ship" : "order.cancel", json);
        assert_string_equal(test_code(&response), "OK"); /* remembered */
        snprintf(json, sizeof json, "{'source':'web','id':'s%d','order':'o%d'}", i, i + 1);
        response = test_rpc_ask(&client, i % 3 ? "order.ship" : "order.cancel", json);
        assert_string_equal(test_code(&response), "CONFLICT");
    }
    assert_int_equal(
        test_number(test_rpc_ask(&client, "stock.get", "{'sku':'A'}").result, "available"), before);
}

static void they_can_still_change(void **state)
{
    (void)state;
    for (int i = 1; i < 300; i += 3) { /* a return of one unit, long after */
        char json[256];
        snprintf(json, sizeof json,
                 "{'source':'web','id':'t%d','order':'o%d','lines':[{'line':1,'quantity':1}]}", i,
                 i);
        struct test_response response = test_rpc_ask(&client, "order.return", json);
        if (response.error)
            fail_msg("o%d: %s", i, test_text(response.error, "message"));
        response = test_rpc_ask(&client, "order.return", json); /* again: once */
        assert_null(response.error);
        snprintf(json, sizeof json, "{'order_source':'web','order':'o%d'}", i);
        response = test_rpc_ask(&client, "order.get", json);
        const struct stk_value *lines = stk_value_get(response.result, "lines");
        assert_non_null(lines);
        assert_int_equal(test_number(&lines->as.items[0], "returned"), 1);
    }
}

static void they_are_listed(void **state)
{
    char json[128] = "{'archived':true,'limit':500}";
    int seen = 0;
    (void)state;
    for (int i = 0; i < 100 && counted("journal", "backlog"); i++)
        pause_ms(100);
    while (*json) {
        struct test_response response = test_rpc_ask(&client, "order.list", json);
        assert_null(response.error);
        seen += (int)stk_value_get(response.result, "orders")->size;
        const char *next = test_text(response.result, "next");
        if (*next)
            snprintf(json, sizeof json, "{'archived':true,'limit':500,'cursor':'%s'}", next);
        else
            *json = 0;
    }
    assert_in_range(seen, ORDERS - 100, ORDERS); /* some came back to memory a moment ago */
}

static void the_same_after_a_kill(void **state)
{
    test_rpc_close(&client);
    assert_int_equal(stockaded_end(&server, SIGKILL), -SIGKILL);
    stockaded_again(&server);
    client = test_rpc_open(server.unix_address);
    they_can_be_looked_at(state);
    placing_them_again_is_a_repeat(state);
    they_can_still_change(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_close_and_leave_memory),
        cmocka_unit_test(they_can_be_looked_at),
        cmocka_unit_test(placing_them_again_is_a_repeat),
        cmocka_unit_test(they_can_still_change),
        cmocka_unit_test(they_are_listed),
        cmocka_unit_test(the_same_after_a_kill),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
