/* R18: recorded requests, cut in two at every byte, sent byte by byte, and in pipelines of 1,000,
 * against the real stockaded. Every verb that changes something is repeated under its id, so each
 * response must be the same bytes as that to the request in one piece. */
#include "tests/lib/json_doc.h"
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

#define REQUEST_MAX 4096
#define CLIENTS     400

struct recorded {
    uint8_t request[REQUEST_MAX];
    size_t size;
    uint8_t *response;
    size_t response_size;
};

static struct stockaded server;
static struct recorded *recorded;
static int count;
static struct test_rpc clients[CLIENTS];

/* One of each kind; then orders, each with its own words. */
static const struct {
    const char *verb, *json;
} fixed[] = {
    {"location.put", "{'source':'t','id':'l1','location':'main','near':['GB','FR']}"},
    {"location.put", "{'source':'t','id':'l2','location':'east','kind':'store'}"},
    {"sku.put", "{'source':'t','id':'s1','sku':'A','title':'a caf\xc3\xa9','tags':['x','y']}"},
    {"sku.put", "{'source':'t','id':'s2','sku':'B','barcodes':['4006381333931']}"},
    {"stock.receive", "{'source':'t','id':'r1','sku':'A','location':'main','quantity':1000000}"},
    {"stock.receive", "{'source':'t','id':'r2','sku':'B','location':'main','quantity':70000}"},
    {"listing.put", "{'source':'t','id':'g1','channel':'web','listing':'kit',"
                    "'components':[{'sku':'A'},{'sku':'B','units':2}]}"},
    {"stock.adjust", "{'source':'t','id':'a1','sku':'B','location':'main','kind':'damaged',"
                     "'quantity':3,'note':'wet'}"},
    {"order.place", "{'source':'web','id':'short','lines':[{'sku':'B','quantity':2147483647}]}"},
    {"order.pay", "{'source':'web','id':'p0','order':'nowhere'}"},
    {"sku.get", "{'sku':'nothing'}"},
    {"no.such", "{}"},
    {"order.place", "{'source':'web'}"},
    {"location.list", "{}"},
    {"help", "{'verb':'order.place'}"},
};

static void record(struct test_rpc *client, const char *verb, const char *json)
{
    struct recorded *to = &recorded[count];
    struct test_response response;
    to->size = test_rpc_request(to->request, REQUEST_MAX, (uint32_t)count + 1000, verb, json);
    assert_true(test_rpc_send(client, to->request, to->size));
    assert_int_equal(test_rpc_read(client, &response, 30000), 1);
    to->response_size = client->taken;
    to->response = malloc(to->response_size);
    memcpy(to->response, client->in, to->response_size);
    count++;
}

static int set_up(void **state)
{
    int wanted = (int)test_size("SPLIT_REQUESTS", 100);
    struct test_rpc client;
    (void)state;
    stockaded_start(&server, "");
    client = test_rpc_open(server.unix_address);
    recorded = calloc((size_t)wanted + sizeof fixed / sizeof *fixed, sizeof *recorded);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        record(&client, fixed[i].verb, fixed[i].json);
    for (int i = 0; count < wanted; i++) {
        char json[512];
        snprintf(json, sizeof json,
                 i % 3 == 0   ? "{'source':'web','id':'o%d','channel':'web','currency':'GBP',"
                                "'lines':[{'listing':'kit','quantity':2,'unit_price':129900}]}"
                 : i % 3 == 1 ? "{'source':'web','id':'o%d','ttl_ms':86400000,'country':'GB',"
                                "'lines':[{'sku':'A','quantity':1},{'sku':'B','quantity':300}]}"
                              : "{'source':'web','id':'o%d','fact':true,"
                                "'lines':[{'sku':'B','quantity':70000,'tax_included':true}]}",
                 i);
        record(&client, "order.place", json);
    }
    test_rpc_close(&client);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = test_rpc_open(i % 2 ? server.unix_address : server.tcp_address);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < CLIENTS; i++)
        test_rpc_close(&clients[i]);
    for (int i = 0; i < count; i++)
        free(recorded[i].response);
    free(recorded);
    int code = stockaded_end(&server, SIGTERM);
    stockaded_remove(&server);
    return code;
}

static void expect(struct test_rpc *client, const struct recorded *wanted, const char *how,
                   size_t at)
{
    struct test_response response;
    if (test_rpc_read(client, &response, 30000) != 1)
        fail_msg("request %d %s at byte %zu is not answered", (int)(wanted - recorded), how, at);
    if (client->taken != wanted->response_size ||
        memcmp(client->in, wanted->response, wanted->response_size) != 0)
        fail_msg("request %d %s at byte %zu is answered otherwise", (int)(wanted - recorded), how,
                 at);
}

static void pause_us(long us)
{
    struct timespec time = {.tv_nsec = us * 1000};
    nanosleep(&time, NULL);
}

static void cut_in_two_at_every_byte(void **state)
{
    (void)state;
    for (int i = 0; i < count; i++) {
        const struct recorded *one = &recorded[i];
        for (size_t from = 1; from < one->size; from += CLIENTS) {
            size_t until = from + CLIENTS < one->size ? from + CLIENTS : one->size;
            for (size_t at = from; at < until; at++)
                assert_true(test_rpc_send(&clients[at - from], one->request, at));
            pause_us(2000); /* so that the halves are read apart */
            for (size_t at = from; at < until; at++)
                assert_true(test_rpc_send(&clients[at - from], one->request + at, one->size - at));
            for (size_t at = from; at < until; at++)
                expect(&clients[at - from], one, "cut", at);
        }
    }
}

static void byte_by_byte(void **state)
{
    (void)state;
    for (int from = 0; from < count; from += CLIENTS) {
        int until = from + CLIENTS < count ? from + CLIENTS : count;
        size_t longest = 0;
        for (int i = from; i < until; i++)
            longest = recorded[i].size > longest ? recorded[i].size : longest;
        for (size_t at = 0; at < longest; at++)
            for (int i = from; i < until; i++)
                if (at < recorded[i].size)
                    assert_true(test_rpc_send(&clients[i - from], recorded[i].request + at, 1));
        for (int i = from; i < until; i++)
            expect(&clients[i - from], &recorded[i], "byte by byte", 0);
    }
}

/* A thousand at once, in pieces of every size; responses come in any order. */
static void pipelines_of_a_thousand(void **state)
{
    enum { LENGTH = 1000 };
    (void)state;
    uint8_t *bytes = malloc(LENGTH * REQUEST_MAX);
    for (size_t piece = 1; piece <= 65536; piece = piece * 5 + 2) {
        int *left = calloc((size_t)count, sizeof *left);
        struct test_rpc *client = &clients[piece % CLIENTS];
        size_t size = 0;
        for (int i = 0; i < LENGTH; i++) {
            const struct recorded *one = &recorded[i % count];
            memcpy(bytes + size, one->request, one->size);
            size += one->size;
            left[i % count]++;
        }
        for (size_t at = 0; at < size; at += piece)
            assert_true(test_rpc_send(client, bytes + at, size - at < piece ? size - at : piece));
        for (int i = 0; i < LENGTH; i++) {
            struct test_response response;
            assert_int_equal(test_rpc_read(client, &response, 30000), 1);
            assert_in_range(response.msgid, 1000, 1000 + count - 1);
            const struct recorded *one = &recorded[response.msgid - 1000];
            assert_true(left[response.msgid - 1000]-- > 0);
            assert_int_equal(client->taken, one->response_size);
            assert_memory_equal(client->in, one->response, one->response_size);
        }
        free(left);
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_in_two_at_every_byte),
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(pipelines_of_a_thousand),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
