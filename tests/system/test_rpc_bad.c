/* R19: bad requests of every kind against the real stockaded. Each is refused or ends its
 * connection, others are not concerned, and memory and fds stay as they were. */
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
#include <sys/socket.h>

#include <cmocka.h>

#define ROOM   (2 * 1024 * 1024)
#define GROWTH (10 * 1024 * 1024)

static struct stockaded server;
static struct test_rpc good;
static uint8_t *room;
static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 33) % below;
}

static int set_up(void **state)
{
    (void)state;
    seed = (uint64_t)test_size("SEED", 1) * UINT64_C(0x9e3779b97f4a7c15);
    stockaded_start(&server, "");
    good = test_rpc_open(server.tcp_address);
    room = malloc(ROOM);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_rpc_close(&good);
    free(room);
    int code = stockaded_end(&server, SIGTERM);
    if (*stockaded_words(&server))
        fprintf(stderr, "it said: %s\n", stockaded_words(&server));
    stockaded_remove(&server);
    return code;
}

/* Requests that leave no trace, whatever is flipped in them: what they name is not there. */
static const struct {
    const char *verb, *json;
} sound[] = {
    {"order.pay", "{'source':'web','id':'p','order':'nowhere'}"},
    {"stock.receive", "{'source':'t','id':'r','sku':'A','location':'moon','quantity':70000}"},
    {"sku.get", "{'sku':'nothing'}"},
    {"stock.get", "{'sku':'nothing','channel':'web'}"},
    {"order.list", "{'state':'paid','limit':10}"},
    {"order.cancel", "{'source':'w','id':'c','order':'o','lines':[{'line':1,'quantity':2}],"
                     "'order_source':'nowhere'}"},
    {"journal.read", "{'from':1,'limit':10}"},
    {"status", "{}"},
    {"help", "{'verb':'order.place'}"},
};

static size_t a_sound_one(void)
{
    uint32_t which = draw(sizeof sound / sizeof *sound);
    return test_rpc_request(room, ROOM, draw(100000), sound[which].verb, sound[which].json);
}

static size_t flipped(void)
{
    size_t size = a_sound_one();
    for (uint32_t i = draw(8); i < 8; i++)
        room[draw((uint32_t)size)] ^= (uint8_t)(1u << draw(8));
    return size;
}

static size_t cut_short(void)
{
    return 1 + draw((uint32_t)a_sound_one() - 1);
}

static size_t noise(void)
{
    size_t size = 1 + draw(300);
    for (size_t i = 0; i < size; i++)
        room[i] = (uint8_t)draw(256);
    return size;
}

/* A header in a sound request becomes one that claims up to 4 GiB. */
static size_t claiming(void)
{
    static const uint8_t heads[] = {0xc6, 0xc9, 0xdb, 0xdd, 0xdf, 0xc5, 0xda, 0xdc, 0xde};
    size_t size = a_sound_one();
    size_t at = draw((uint32_t)size);
    room[at] = heads[draw(sizeof heads)];
    for (size_t i = 1; i <= 4 && at + i < size; i++)
        room[at + i] = draw(2) ? 0xff : (uint8_t)draw(256);
    return size;
}

static size_t deep(void)
{
    size_t levels = 14 + draw(2000);
    size_t size = 0;
    memcpy(room, "\x94\x00\x01\xa6status\x91", 11);
    size = 11;
    for (size_t i = 0; i < levels; i++)
        room[size++] = draw(2) ? 0x91 : 0x81;
    return size;
}

static size_t large(void)
{
    size_t size = 1100 * 1024 + draw(500000);
    memset(room, 'x', size);
    memcpy(room, "\x94\x00\x01\xa6status\x91\xdb", 12);
    room[12] = 0, room[13] = (uint8_t)(16 + draw(8)), room[14] = room[15] = 0;
    return size;
}

static size_t bad(uint32_t number)
{
    if (number % 500 == 7)
        return large();
    switch (draw(6)) {
    case 0:
    case 1:
        return flipped();
    case 2:
        return cut_short();
    case 3:
        return noise();
    case 4:
        return claiming();
    default:
        return deep();
    }
}

static void send_bad(uint32_t number)
{
    struct test_rpc client = test_rpc_open(number % 50 ? server.unix_address : server.tcp_address);
    struct test_response response;
    size_t size = bad(number);
    int got;
    assert_true(client.fd >= 0);
    test_rpc_send(&client, room, size); /* it may have been cut already */
    shutdown(client.fd, SHUT_WR);
    while ((got = test_rpc_read(&client, &response, 20000)) == 1)
        ; /* what is answered is well-formed, or the client aborts */
    if (got != 0)
        fail_msg("bad request %u: neither answered nor ended", number);
    test_rpc_close(&client);
}

static void ping(void)
{
    int64_t begin = test_now_us();
    struct test_response response = test_rpc_ask(&good, "stock.get", "{'sku':'nothing'}");
    assert_string_equal(test_code(&response), "NOT_FOUND");
    assert_true(test_now_us() - begin < 2000000);
}

static void bytes_of_every_kind(void **state)
{
    uint32_t count = (uint32_t)test_size("BAD_REQUESTS", 5000);
    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        send_bad(i);
    ping();
    int64_t rss = stockaded_rss_bytes(&server);
    int fds = stockaded_fds(&server);
    for (uint32_t i = 0; i < count; i++) {
        send_bad(i);
        if (i % 100 == 0)
            ping();
        if (i % 1000 == 0 && !stockaded_runs(&server))
            fail_msg("dead after %u: %s", i, stockaded_words(&server));
    }
    ping();
    for (int i = 0; i < 300 && stockaded_fds(&server) > fds; i++)
        ping();
    assert_true(stockaded_fds(&server) <= fds);
    int64_t growth = stockaded_rss_bytes(&server) - rss;
    printf("%u bad requests: resident memory grew by %lld KiB\n", count, (long long)growth / 1024);
    if (growth > GROWTH)
        fail_msg("resident memory grew by %lld bytes", (long long)growth);
}

/* Well-formed, and beyond what fields may be: refused by name, the connection goes on. */
static void fields_beyond_their_limits(void **state)
{
    static const struct {
        const char *json, *where;
    } cases[] = {
        {"{'source':'w','id':'1','lines':[{'sku':'A','quantity':0}]}", "params.lines[0].quantity"},
        {"{'source':'w','id':'1','lines':[{'sku':'A','quantity':-1}]}", "params.lines[0].quantity"},
        {"{'source':'w','id':'1','lines':[{'sku':'A','quantity':2147483648}]}",
         "params.lines[0].quantity"},
        {"{'source':'w','id':'1','lines':[{'sku':"
         "'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA','quantity':1}]}",
         "params.lines[0].sku"},
        {"{'source':'w','id':'1','lines':[]}", "params.lines"},
        {"{'source':'w','id':'1','wrong':1,'lines':[{'sku':'A','quantity':1}]}", "params.wrong"},
        {"{'source':'w','id':'1','lines':[{'sku':'A\\u0000','quantity':1}]}",
         "params.lines[0].sku"},
    };
    int64_t rss = stockaded_rss_bytes(&server);
    (void)state;
    for (int round = 0; round < 200; round++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct test_response response = test_rpc_ask(&good, "order.place", cases[i].json);
            assert_string_equal(test_code(&response), "INVALID");
            if (strncmp(test_text(response.error, "message"), cases[i].where,
                        strlen(cases[i].where)) != 0)
                fail_msg("%s: %s", cases[i].where, test_text(response.error, "message"));
        }
    assert_true(stockaded_rss_bytes(&server) - rss < GROWTH);
}

static void a_thousand_and_one_lines(void **state)
{
    char *json = malloc(64 * 1001 + 64);
    (void)state;
    for (int lines = 1000; lines <= 1001; lines++) {
        size_t used = (size_t)sprintf(json, "{'source':'w','id':'l','lines':[");
        for (int i = 0; i < lines; i++)
            used += (size_t)sprintf(json + used, "%s{'sku':'none','quantity':1}", i ? "," : "");
        sprintf(json + used, "]}");
        struct test_response response = test_rpc_ask(&good, "order.place", json);
        assert_string_equal(test_code(&response), lines == 1000 ? "NOT_FOUND" : "INVALID");
    }
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_every_kind),
        cmocka_unit_test(fields_beyond_their_limits),
        cmocka_unit_test(a_thousand_and_one_lines),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
