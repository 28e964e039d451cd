/* backup.start and backup.verify of the real stockaded, while it works: a sound backup, damaged
 * ones, and an engine that is not harmed by reading them. */
#include "tests/lib/rpc_client.h"
#include "tests/lib/stockaded.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct stockaded server;
static struct test_rpc client;

static int set_up(void **state)
{
    (void)state;
    stockaded_start(&server, "");
    client = test_rpc_open(server.unix_address);
    test_rpc_ask(&client, "location.put", "{'source':'t','location':'main'}");
    for (int i = 0; i < 2000; i++) {
        char json[128];
        struct test_response response;
        snprintf(json, sizeof json, "{'source':'t','sku':'S%d','title':'number %d'}", i, i);
        test_rpc_call(&client, "sku.put", json);
        if (i % 100 == 99)
            for (int j = 0; j < 100; j++)
                assert_int_equal(test_rpc_read(&client, &response, 30000), 1);
    }
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

static int64_t last;

static void made_while_it_works(void **state)
{
    struct test_rpc other = test_rpc_open(server.tcp_address);
    struct test_response response;
    uint32_t backup = test_rpc_call(&client, "backup.start", "{'target':'monday'}");
    (void)state;
    for (int i = 0; i < 200; i++) { /* others are not held up */
        char json[64];
        snprintf(json, sizeof json, "{'source':'t','sku':'S%d','cost':%d}", i, i);
        response = test_rpc_ask(&other, "sku.put", json);
        assert_null(response.error);
    }
    assert_int_equal(test_rpc_read(&client, &response, 60000), 1);
    assert_int_equal(response.msgid, backup);
    if (response.error)
        fail_msg("%s", test_text(response.error, "message"));
    last = test_number(response.result, "last");
    assert_true(last >= 2001 && last <= 2201);
    assert_true(test_number(response.result, "bytes") > 0);
    response = test_rpc_ask(&client, "backup.start", "{'target':'monday'}");
    assert_non_null(response.error); /* it is there */
    test_rpc_close(&other);
}

static void checked_in_a_child(void **state)
{
    (void)state;
    struct test_response response = test_rpc_ask(&client, "backup.verify", "{'target':'monday'}");
    if (response.error)
        fail_msg("%s", test_text(response.error, "message"));
    assert_int_equal(test_number(response.result, "last"), last);
    response = test_rpc_ask(&client, "backup.verify", "{'target':'tuesday'}");
    assert_non_null(response.error);
    assert_non_null(strstr(test_text(response.error, "message"), "tuesday"));
}

static void damage_is_found_and_harms_nobody(void **state)
{
    char path[700];
    uint8_t noise[4096];
    (void)state;
    snprintf(path, sizeof path, "%s/data/backups/monday/state.mdb", server.folder.path);
    for (int round = 0; round < 6; round++) {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)rand();
        assert_int_equal(pwrite(fd, noise, sizeof noise, 4096 * (2 + round * 7)), sizeof noise);
        close(fd);
        struct test_response response =
            test_rpc_ask(&client, "backup.verify", "{'target':'monday'}");
        assert_string_equal(test_code(&response), "CORRUPT");
        response = test_rpc_ask(&client, "sku.get", "{'sku':'S7'}");
        assert_null(response.error);
    }
    assert_true(stockaded_runs(&server));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_while_it_works),
        cmocka_unit_test(checked_in_a_child),
        cmocka_unit_test(damage_is_found_and_harms_nobody),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
