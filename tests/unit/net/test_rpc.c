/* MessagePack-RPC over real sockets: a loop in its own thread, an engine that answers on the spot.
 */
#include "core/base/mem.h"
#include "core/net/rpc.h"
#include "tests/lib/json_doc.h"
#include "tests/lib/rpc_client.h"
#include "tests/unit/net/fake_engine.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PAY      "{'source':'s','id':'1','order':'o'}"
#define TIMEOUT  2250 /* of the server; less tick and lingering: 1 s */
#define SECRET_1 0x2b, 0xb8, 0x0d, 0x53, 0x7b, 0x1d, 0xa3, 0xe3, 0x8b, 0xd3, 0x03, 0x61, 0xaa
#define SECRET_2 0x85, 0x56, 0x86, 0xbd, 0xe0, 0xea, 0xcd, 0x71, 0x62, 0xfe, 0xf6, 0xa2, 0x5f
#define SECRET_3 0xe9, 0x7b, 0xf5, 0x27, 0xa2, 0x5b

static const struct stk_api_token tokens[] = {
    {"till", {SECRET_1, SECRET_2, SECRET_3}, STK_SCOPE_BIT(STK_SCOPE_ORDERS)}};

static struct {
    struct stk_loop *loop;
    struct stk_api *api;
    struct stk_rpc *rpc;
    pthread_t thread;
    int running;
    _Atomic int drain;
    _Atomic int drained;
    char socket_path[64];
    char unix_address[80];
    char tcp_address[STK_ADDRESS_MAX];
} server;

static void write_status(void *arg, struct stk_doc *doc)
{
    (void)arg;
    stk_doc_map(doc, 0);
}

static void on_drained(void *arg)
{
    (void)arg;
    atomic_store(&server.drained, 1);
}

static void woken(void *arg)
{
    (void)arg;
    if (atomic_exchange(&server.drain, 0))
        stk_rpc_drain(server.rpc, on_drained, NULL);
    stk_rpc_woken(server.rpc);
}

static void *run(void *arg)
{
    stk_loop_run(arg);
    return NULL;
}

static void start_with(const struct stk_rpc_options *wanted)
{
    struct stk_rpc_options options = *wanted;
    struct stk_api_options api_options = {
        .tokens = tokens, .token_count = 1, .status = write_status};
    struct stk_error err;
    memset(&server, 0, sizeof server);
    server.loop = stk_loop_create(&err);
    fake_reset(server.loop);
    server.api = stk_api_create(&api_options, &err);
    options.loop = server.loop;
    options.api = server.api;
    options.clock = stk_clock_real();
    if (stk_rpc_create(&server.rpc, &options, &err) != STK_OK)
        fail_msg("%s", err.text);
    snprintf(server.socket_path, sizeof server.socket_path, "/tmp/stockade-test-rpc-%d.sock",
             (int)getpid());
    snprintf(server.unix_address, sizeof server.unix_address, "unix:%s", server.socket_path);
    if (stk_rpc_listen(server.rpc, server.unix_address, &err) != STK_OK ||
        stk_rpc_listen(server.rpc, "127.0.0.1:0", &err) != STK_OK)
        fail_msg("%s", err.text);
    strcpy(server.tcp_address, stk_rpc_address(server.rpc, 1));
    stk_loop_on_wake(server.loop, woken, NULL);
    assert_int_equal(pthread_create(&server.thread, NULL, run, server.loop), 0);
    server.running = 1;
}

static struct stk_rpc_options options_for_tests(void)
{
    struct stk_rpc_options options;
    stk_rpc_defaults(&options);
    options.timeout_ms = TIMEOUT;
    options.connections_max = 300;
    return options;
}

static int set_up(void **state)
{
    struct stk_rpc_options options = options_for_tests();
    (void)state;
    start_with(&options);
    return 0;
}

static void halt(void)
{
    stk_loop_stop(server.loop);
    pthread_join(server.thread, NULL);
    server.running = 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (server.running)
        halt();
    stk_rpc_destroy(server.rpc);
    stk_api_destroy(server.api);
    fake_clear();
    stk_loop_destroy(server.loop);
    return access(server.socket_path, F_OK) == 0 ? -1 : 0; /* the name is removed */
}

static void restart_with(const struct stk_rpc_options *options)
{
    tear_down(NULL);
    start_with(options);
}

static uint64_t counted(const struct stk_counter *counter)
{
    return stk_counter_get(counter);
}

static void pause_ms(int ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

/* Until the counter has the value: 5 s at most. */
static void wait_for(const struct stk_counter *counter, uint64_t value)
{
    for (int i = 0; i < 5000 && counted(counter) != value; i++)
        pause_ms(1);
    assert_int_equal(counted(counter), value);
}

static void wait_taken(int count)
{
    for (int i = 0; i < 5000 && atomic_load(&fake.taken) < count; i++)
        pause_ms(1);
    assert_int_equal(atomic_load(&fake.taken), count);
}

static struct test_rpc opened(const char *address)
{
    struct test_rpc client = test_rpc_open(address);
    assert_true(client.fd >= 0);
    return client;
}

/* --- what is said --- */

static void calls_are_answered_at_both_addresses(void **state)
{
    (void)state;
    const char *const addresses[] = {server.unix_address, server.tcp_address};
    for (int i = 0; i < 2; i++) {
        struct test_rpc client = opened(addresses[i]);
        struct test_response response = test_rpc_ask(&client, "order.pay", PAY);
        assert_string_equal(test_text(response.result, "verb"), "order.pay");
        assert_int_equal(test_number(response.result, "who"), 0);
        response = test_rpc_ask(&client, "order.pay", "{'source':'s','id':'short','order':'o'}");
        assert_string_equal(test_code(&response), "SHORT");
        response = test_rpc_ask(&client, "stock.get", "{'sku':'A'}");
        assert_int_equal(test_number(response.result, "available"), 7);
        response = test_rpc_ask(&client, "stock.got", "{'sku':'A'}");
        assert_string_equal(test_code(&response), "UNKNOWN");
        response = test_rpc_ask(&client, "order.pay", "{'source':'s','id':'1'}");
        assert_string_equal(test_text(response.error, "message"), "params.order: is missing");
        response = test_rpc_ask(&client, "order.pay", PAY); /* and it goes on */
        assert_string_equal(test_code(&response), "OK");
        test_rpc_close(&client);
    }
}

static void params_come_in_several_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *params, *code;
        size_t size;
    } shapes[] = {
        {"\x90", "OK", 1},              /* [] */
        {"\x91\x80", "OK", 2},          /* [{}] */
        {"\x80", "OK", 1},              /* {} */
        {"\xc0", "OK", 1},              /* nil */
        {"\x91\x90", "INVALID", 2},     /* [[]] */
        {"\x92\x80\x80", "INVALID", 3}, /* [{}, {}] */
        {"\x01", "INVALID", 1},
        {"\xa1x", "INVALID", 2},
    };
    struct test_rpc client = opened(server.unix_address);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct test_response response;
        assert_true(test_rpc_send(&client, "\x94\x00\xce\xff\xff\xff\xff\xa8sku.list", 16));
        assert_true(test_rpc_send(&client, shapes[i].params, shapes[i].size));
        assert_int_equal(test_rpc_read(&client, &response, 5000), 1);
        assert_int_equal(response.msgid, UINT32_MAX);
        assert_string_equal(test_code(&response), shapes[i].code);
    }
    test_rpc_close(&client);
}

static void notifications_are_done_and_not_answered(void **state)
{
    (void)state;
    uint8_t room[256];
    struct stk_doc doc = stk_doc(room, sizeof room);
    struct test_rpc client = opened(server.unix_address);
    struct test_response response;
    for (int i = 0; i < 2; i++) {
        stk_doc_array(&doc, 3);
        stk_doc_uint(&doc, 2);
        stk_doc_text(&doc, i ? "no.such" : "order.pay");
        stk_doc_array(&doc, 1);
        test_doc_json(&doc, PAY);
    }
    assert_true(test_rpc_send(&client, room, doc.size));
    assert_int_equal(test_rpc_read(&client, &response, 100), -1);
    assert_int_equal(atomic_load(&fake.taken), 1);
    response = test_rpc_ask(&client, "order.pay", PAY);
    assert_string_equal(test_code(&response), "OK");
    test_rpc_close(&client);
}

/* --- pieces and pipelines --- */

static void a_thousand_at_once_and_each_is_answered_once(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    uint8_t *room = malloc(COUNT * 128);
    uint8_t seen[COUNT] = {0};
    size_t size = 0;
    struct test_rpc client = opened(server.tcp_address);
    for (uint32_t i = 0; i < COUNT; i++)
        size += test_rpc_request(room + size, 128, i,
                                 i % 10 == 0   ? "stock.get"
                                 : i % 10 == 1 ? "order.get"
                                               : "order.pay",
                                 i % 10 == 0   ? "{'sku':'A'}"
                                 : i % 10 == 1 ? "{'order':'o','order_source':'s'}"
                                               : PAY);
    assert_true(test_rpc_send(&client, room, size));
    for (int i = 0; i < COUNT; i++) {
        struct test_response response;
        assert_int_equal(test_rpc_read(&client, &response, 5000), 1);
        assert_in_range(response.msgid, 0, COUNT - 1);
        assert_string_equal(test_code(&response), "OK");
        assert_int_equal(seen[response.msgid]++, 0);
    }
    assert_true(atomic_load(&fake.published) < 500); /* once per read, not per message */
    test_rpc_close(&client);
    free(room);
}

static void a_request_may_be_split_anywhere(void **state)
{
    (void)state;
    uint8_t room[512];
    struct test_rpc client = opened(server.unix_address);
    size_t size = test_rpc_request(
        room, sizeof room, 70000, "order.place",
        "{'source':'shop','id':'o-1','lines':[{'sku':'A','quantity':70000,'unit_price':199900}]}");
    for (size_t at = 1; at < size; at++) {
        struct test_response response;
        uint64_t bytes = counted(&stk_rpc_counters(server.rpc)->bytes_in);
        assert_true(test_rpc_send(&client, room, at));
        wait_for(&stk_rpc_counters(server.rpc)->bytes_in, bytes + at);
        assert_true(test_rpc_send(&client, room + at, size - at));
        assert_int_equal(test_rpc_read(&client, &response, 5000), 1);
        assert_int_equal(response.msgid, 70000);
        assert_string_equal(test_code(&response), "OK");
    }
    for (size_t at = 0; at < size; at++)
        assert_true(test_rpc_send(&client, room + at, 1));
    struct test_response response;
    assert_int_equal(test_rpc_read(&client, &response, 5000), 1);
    assert_string_equal(test_code(&response), "OK");
    test_rpc_close(&client);
}

/* 1,000 lines with long ids: beyond what is kept beside the shared buffer. In pieces. */
static void a_long_request_in_pieces(void **state)
{
    (void)state;
    char *json = malloc(400 * 1024);
    uint8_t *room = malloc(800 * 1024);
    size_t used = (size_t)sprintf(json, "{'source':'s','id':'x','lines':[");
    struct test_rpc client = opened(server.unix_address);
    struct test_response response;
    size_t size;
    for (int i = 0; i < 1000; i++)
        used += (size_t)sprintf(json + used, "%s{'sku':'%060d','quantity':%d,'unit_price':%d}",
                                i ? "," : "", i, i + 1, i * 100000);
    strcpy(json + used, "]}");
    size = test_rpc_request(room, 800 * 1024, 1, "order.place", json);
    assert_true(size > 90000);
    /* a short one in the same write before and behind it, and all of it twice */
    size_t before = test_rpc_request(room + size, 256, 2, "order.pay", PAY);
    for (int round = 1; round <= 2; round++) {
        assert_true(test_rpc_send(&client, room + size, before));
        for (size_t at = 0; at < size; at += 5000) {
            uint64_t bytes = counted(&stk_rpc_counters(server.rpc)->bytes_in);
            size_t piece = size - at < 5000 ? size - at : 5000;
            assert_true(test_rpc_send(&client, room + at, piece));
            for (int i = 0; i < 1000 && counted(&stk_rpc_counters(server.rpc)->bytes_in) == bytes;
                 i++)
                pause_ms(1);
        }
        assert_true(test_rpc_send(&client, room + size, before));
        for (int i = 0; i < 3; i++) {
            assert_int_equal(test_rpc_read(&client, &response, 5000), 1);
            assert_string_equal(test_code(&response), "OK");
        }
        assert_int_equal(atomic_load(&fake.taken), 3 * round);
    }
    test_rpc_close(&client);
    free(json);
    free(room);
}

static void who_stops_sending_still_gets_its_answers(void **state)
{
    (void)state;
    struct test_rpc client = opened(server.tcp_address);
    struct test_response response;
    atomic_store(&fake.hold, 1);
    for (int i = 0; i < 10; i++)
        test_rpc_call(&client, "order.pay", PAY);
    assert_true(test_rpc_send(&client, "\x94\x00", 2)); /* half of one more */
    shutdown(client.fd, SHUT_WR);
    wait_taken(10);
    fake_let_go();
    for (int i = 0; i < 10; i++)
        assert_int_equal(test_rpc_read(&client, &response, 5000), 1);
    assert_int_equal(test_rpc_read(&client, &response, 5000), 0);
    test_rpc_close(&client);
    wait_for(&stk_rpc_counters(server.rpc)->connections, 0);
}

/* --- bad input --- */

static void bytes_that_are_no_request_end_the_connection(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *code;
        size_t size;
    } bad[] = {
        {"\xc1", "MALFORMED", 1}, /* no MessagePack at all */
        {"GET / HTTP/1.1\r\n\r\n", "MALFORMED", 18},
        {"\x01", "MALFORMED", 1}, /* no array */
        {"\x90", "MALFORMED", 1},
        {"\x94\x01\x01\xc0\xc0", "MALFORMED", 5},  /* a response */
        {"\x94\x02\x01\xa1x\x90", "MALFORMED", 6}, /* a notification with a msgid */
        {"\x93\x00\xa1x\x90", "MALFORMED", 5},     /* a request without one */
        {"\x94\x00\xff\xa1x\x90", "MALFORMED", 6}, /* msgid -1 */
        {"\x94\x00\xcf\0\0\0\1\0\0\0\0\xa1x\x90", "MALFORMED", 14}, /* msgid 2^32 */
        {"\x94\x00\x01\x02\x90", "MALFORMED", 5},                   /* method 2 */
        {"\x94\x00\xa1"
         "1\xa1x\x90",
         "MALFORMED", 7}, /* msgid "1" */
        {"\x95\x00\x01\xa1x\x90\x90", "MALFORMED", 7},
        {"\xdd\xff\xff\xff\xff", "TOO_LARGE", 5},             /* an array of 2^32 - 1 */
        {"\xdb\xff\xff\xff\xff", "TOO_LARGE", 5},             /* a string of 2^32 - 1 */
        {"\x94\x00\x01\xdb\x00\x20\x00\x00", "TOO_LARGE", 8}, /* a method of 2 MiB */
        {"\x94\x00\x01\xa1x\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91"
         "\x91",
         "TOO_LARGE", 23}, /* 18 deep */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct test_rpc client = opened(i % 2 ? server.unix_address : server.tcp_address);
        struct test_response response;
        test_rpc_call(&client, "order.pay", PAY); /* what came before is answered */
        assert_true(test_rpc_send(&client, bad[i].bytes, bad[i].size));
        test_rpc_call(&client, "order.pay", PAY); /* what comes after is not even looked at */
        assert_int_equal(test_rpc_read(&client, &response, 5000), 1);
        assert_string_equal(test_code(&response), "OK");
        if (test_rpc_read(&client, &response, 5000) != 1)
            fail_msg("case %zu is not answered", i);
        assert_int_equal(response.msgid, 0);
        if (strcmp(test_code(&response), bad[i].code) != 0)
            fail_msg("case %zu: %s", i, test_code(&response));
        assert_int_equal(test_rpc_read(&client, &response, 5000), 0);
        test_rpc_close(&client);
        assert_int_equal(atomic_load(&fake.taken), i + 1);
    }
    wait_for(&stk_rpc_counters(server.rpc)->connections, 0);
    assert_int_equal(counted(&stk_rpc_counters(server.rpc)->malformed), sizeof bad / sizeof *bad);
}

/* --- limits --- */

static void a_full_inbox_is_busy(void **state)
{
    (void)state;
    struct test_rpc client = opened(server.unix_address);
    struct test_response response;
    int busy = 0;
    atomic_store(&fake.hold, 1);
    atomic_store(&fake.capacity, 5);
    for (int i = 0; i < 20; i++)
        test_rpc_call(&client, "order.pay", PAY);
    for (; busy < 15; busy++) {
        assert_int_equal(test_rpc_read(&client, &response, 5000), 1);
        assert_string_equal(test_code(&response), "BUSY");
    }
    assert_int_equal(atomic_load(&fake.taken), 5);
    fake_let_go();
    for (int i = 0; i < 5; i++) {
        assert_int_equal(test_rpc_read(&client, &response, 5000), 1);
        assert_string_equal(test_code(&response), "OK");
    }
    test_rpc_close(&client);
}

static void no_more_in_flight_than_allowed(void **state)
{
    (void)state;
    enum { COUNT = 5000, MAX = 100 };
    struct stk_rpc_options options = options_for_tests();
    struct test_response response;
    uint8_t *room = malloc(COUNT * 128);
    size_t size = 0;
    options.inflight_max = MAX;
    restart_with(&options);
    struct test_rpc client = opened(server.unix_address), other = opened(server.tcp_address);
    atomic_store(&fake.hold, 1);
    for (uint32_t i = 0; i < COUNT; i++)
        size += test_rpc_request(room + size, 128, i, "order.pay", PAY);
    fcntl(client.fd, F_SETFL, O_NONBLOCK);
    size_t sent = 0;
    for (int i = 0; i < 200; i++) {
        ssize_t done = send(client.fd, room + sent, size - sent, MSG_NOSIGNAL);
        if (done > 0)
            sent += (size_t)done;
        pause_ms(1);
    }
    assert_int_equal(atomic_load(&fake.taken), MAX);
    test_rpc_call(&other, "order.pay", PAY); /* another one is not concerned */
    wait_taken(MAX + 1);
    fake_let_go();
    assert_int_equal(test_rpc_read(&other, &response, 5000), 1);
    for (int i = 0; i < COUNT; i++) {
        ssize_t done = sent < size ? send(client.fd, room + sent, size - sent, MSG_NOSIGNAL) : 0;
        if (done > 0)
            sent += (size_t)done;
        assert_int_equal(test_rpc_read(&client, &response, 5000), 1);
        assert_string_equal(test_code(&response), "OK");
    }
    assert_int_equal(sent, size);
    test_rpc_close(&client);
    test_rpc_close(&other);
    free(room);
}

static void who_was_not_read_is_read_again(void **state)
{
    (void)state;
    struct stk_rpc_options options = options_for_tests();
    struct test_response response;
    uint8_t room[256];
    size_t size = test_rpc_request(room, sizeof room / 2, 1, "order.pay", PAY);
    options.inflight_max = 1;
    restart_with(&options);
    struct test_rpc client = opened(server.unix_address);
    atomic_store(&fake.hold, 1);
    memcpy(room + size, room, size);
    assert_true(test_rpc_send(&client, room, size + 10)); /* one, and some of the next */
    wait_taken(1);
    fake_let_go();
    assert_int_equal(test_rpc_read(&client, &response, 5000), 1);
    assert_true(test_rpc_send(&client, room + 10, size - 10));
    assert_int_equal(test_rpc_read(&client, &response, 5000), 1);
    assert_string_equal(test_code(&response), "OK");
    test_rpc_close(&client);
}

static void pages_in_flight_count_for_many(void **state)
{
    (void)state;
    struct stk_rpc_options options = options_for_tests();
    struct test_response response;
    options.inflight_max = 3 * STK_API_WEIGHT_PAGE;
    restart_with(&options);
    struct test_rpc client = opened(server.unix_address);
    atomic_store(&fake.hold, 1);
    for (int i = 0; i < 50; i++)
        test_rpc_call(&client, "sku.list", "{}");
    wait_taken(3);
    pause_ms(50);
    assert_int_equal(atomic_load(&fake.taken), 3);
    fake_let_go();
    for (int i = 0; i < 50; i++)
        assert_int_equal(test_rpc_read(&client, &response, 5000), 1);
    test_rpc_close(&client);
}

static void half_a_message_is_waited_for_only_so_long(void **state)
{
    (void)state;
    struct test_rpc slow = opened(server.tcp_address), idle = opened(server.tcp_address);
    struct test_response response;
    uint8_t room[256];
    size_t size = test_rpc_request(room, sizeof room, 1, "order.pay", PAY);
    int ended = -1;
    for (size_t at = 0; at < size && ended < 0; at++) { /* a byte now and then does not help */
        assert_true(test_rpc_send(&slow, room + at, 1));
        ended = test_rpc_read(&slow, &response, 200);
        assert_true(at < 15);
    }
    assert_int_equal(ended, 1);
    assert_string_equal(test_code(&response), "TIMEOUT");
    assert_int_equal(test_rpc_read(&slow, &response, 2000), 0);
    response = test_rpc_ask(&idle, "order.pay", PAY); /* silence alone is no fault */
    assert_string_equal(test_code(&response), "OK");
    test_rpc_close(&slow);
    test_rpc_close(&idle);
}

static void who_never_reads_is_cut(void **state)
{
    (void)state;
    struct stk_rpc_options options = options_for_tests();
    struct pollfd ready;
    options.out_max_bytes = 1024 * 1024;
    restart_with(&options);
    struct test_rpc client = opened(server.tcp_address), good = opened(server.tcp_address);
    uint8_t room[64];
    size_t size = test_rpc_request(room, sizeof room, 1, "help", "{}");
    ready = (struct pollfd){.fd = client.fd, .events = POLLOUT};
    fcntl(client.fd, F_SETFL, O_NONBLOCK);
    int64_t most = 0;
    for (int i = 0; i < 20000 && counted(&stk_rpc_counters(server.rpc)->cut) == 0; i++) {
        if (poll(&ready, 1, 1) == 1 && !test_rpc_send(&client, room, size) && errno != EAGAIN)
            break;
        int64_t bytes = (int64_t)counted(&stk_rpc_counters(server.rpc)->buffers_bytes);
        most = bytes > most ? bytes : most;
        if (i % 100 == 0) { /* and others go on */
            struct test_response response = test_rpc_ask(&good, "order.pay", PAY);
            assert_string_equal(test_code(&response), "OK");
        }
    }
    wait_for(&stk_rpc_counters(server.rpc)->cut, 1);
    assert_in_range(most, 1024 * 1024, 4 * 1024 * 1024);
    wait_for(&stk_rpc_counters(server.rpc)->connections, 1);
    test_rpc_close(&client);
    test_rpc_close(&good);
}

static void all_buffers_together_are_bounded(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    struct stk_rpc_options options = options_for_tests();
    struct test_rpc clients[COUNT], good;
    static uint8_t half[300 * 1024] = {0x94, 0x00, 0x01, 0xdb, 0x00, 0x0f, 0x00, 0x00};
    int64_t most = 0;
    options.buffers_max_bytes = 4 * 1024 * 1024;
    restart_with(&options);
    for (int i = 0; i < COUNT; i++) {
        clients[i] = opened(server.tcp_address);
        test_rpc_send(&clients[i], half, sizeof half); /* of a method of nearly 1 MiB */
        int64_t bytes = (int64_t)counted(&stk_rpc_counters(server.rpc)->buffers_bytes);
        most = bytes > most ? bytes : most;
    }
    for (int i = 0; i < 400 && counted(&stk_rpc_counters(server.rpc)->cut) == 0; i++)
        pause_ms(5);
    assert_true(counted(&stk_rpc_counters(server.rpc)->cut) > 0);
    assert_true(most <= 4 * 1024 * 1024);
    good = opened(server.tcp_address);
    struct test_response response = test_rpc_ask(&good, "stock.get", "{'sku':'A'}");
    assert_string_equal(test_code(&response), "OK");
    for (int i = 0; i < COUNT; i++)
        test_rpc_close(&clients[i]);
    test_rpc_close(&good);
}

static void one_connection_too_many_is_told_so(void **state)
{
    (void)state;
    enum { MAX = 20 };
    struct stk_rpc_options options = options_for_tests();
    struct test_rpc clients[MAX], more;
    struct test_response response;
    options.connections_max = MAX;
    restart_with(&options);
    for (int i = 0; i < MAX; i++) {
        clients[i] = opened(server.tcp_address);
        response = test_rpc_ask(&clients[i], "order.pay", PAY);
    }
    more = opened(server.tcp_address);
    assert_int_equal(test_rpc_read(&more, &response, 5000), 1);
    assert_string_equal(test_code(&response), "FULL");
    assert_int_equal(test_rpc_read(&more, &response, 5000), 0);
    test_rpc_close(&more);
    test_rpc_close(&clients[7]);
    wait_for(&stk_rpc_counters(server.rpc)->connections, MAX - 1);
    clients[7] = opened(server.tcp_address);
    response = test_rpc_ask(&clients[7], "order.pay", PAY);
    assert_string_equal(test_code(&response), "OK");
    for (int i = 0; i < MAX; i++)
        test_rpc_close(&clients[i]);
}

static int64_t thread_cpu_ms(void)
{
    struct timespec time;
    clockid_t clock;
    assert_int_equal(pthread_getcpuclockid(server.thread, &clock), 0);
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void no_fd_left_is_no_busy_loop(void **state)
{
    (void)state;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct rlimit old, low;
    struct test_rpc clients[64];
    struct test_response response;
    int count = 0;
    name.sin_port = htons((uint16_t)atoi(strrchr(server.tcp_address, ':') + 1));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = (struct rlimit){.rlim_cur = 64, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    while (count < 64 && (clients[count].fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0)
        count++;
    assert_in_range(count, 20, 63);
    for (int i = 0; i < 10; i++) { /* ten sockets connect, and the server has no fd for them */
        int fd = clients[i].fd;
        clients[i] = (struct test_rpc){.fd = fd, .next_msgid = 1};
        assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
    }
    pause_ms(300);
    int64_t cpu = thread_cpu_ms();
    pause_ms(1000);
    assert_true(thread_cpu_ms() - cpu < 100);
    for (int i = 10; i < count; i++)
        close(clients[i].fd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    for (int i = 0; i < 10; i++) {
        response = test_rpc_ask(&clients[i], "order.pay", PAY);
        assert_string_equal(test_code(&response), "OK");
        test_rpc_close(&clients[i]);
    }
}

/* --- the life of connections --- */

static void answers_of_the_dead_go_to_nobody(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    struct test_rpc clients[COUNT];
    struct test_response response;
    atomic_store(&fake.hold, 1);
    for (int i = 0; i < COUNT; i++) {
        struct test_rpc gone = opened(server.tcp_address);
        struct linger now = {.l_onoff = 1};
        gone.next_msgid = 1000;
        for (int j = 0; j < 3; j++)
            test_rpc_call(&gone, "order.pay", PAY);
        wait_taken(3 * (i + 1));
        setsockopt(gone.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        test_rpc_close(&gone); /* a reset, not an end */
    }
    wait_for(&stk_rpc_counters(server.rpc)->connections, 0);
    for (int i = 0; i < COUNT; i++) {
        clients[i] = opened(server.tcp_address);
        test_rpc_call(&clients[i], "order.pay", PAY);
    }
    wait_taken(4 * COUNT);
    fake_let_go();
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(test_rpc_read(&clients[i], &response, 5000), 1);
        assert_int_equal(response.msgid, 1);
        assert_int_equal(test_rpc_read(&clients[i], &response, 0), -1);
        test_rpc_close(&clients[i]);
    }
    /* their slots are free again */
    wait_for(&stk_rpc_counters(server.rpc)->connections, 0);
    for (int i = 0; i < 600; i++) {
        struct test_rpc client = opened(server.unix_address);
        response = test_rpc_ask(&client, "stock.get", "{'sku':'A'}");
        assert_string_equal(test_code(&response), "OK");
        test_rpc_close(&client);
    }
}

static void idle_connections_have_no_buffers(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    struct test_rpc clients[COUNT];
    uint8_t room[256];
    size_t size = test_rpc_request(room, sizeof room, 1, "order.pay", PAY);
    for (int i = 0; i < COUNT; i++) {
        struct test_response response;
        uint64_t bytes = counted(&stk_rpc_counters(server.rpc)->bytes_in);
        clients[i] = opened(server.unix_address);
        assert_true(test_rpc_send(&clients[i], room, 10));
        wait_for(&stk_rpc_counters(server.rpc)->bytes_in, bytes + 10);
        assert_true(test_rpc_send(&clients[i], room + 10, size - 10));
        assert_int_equal(test_rpc_read(&clients[i], &response, 5000), 1);
        assert_string_equal(test_code(&response), "OK");
    }
    wait_for(&stk_rpc_counters(server.rpc)->connections, COUNT);
    for (int i = 0; i < 5000 && i >= 0; i++) {
        if (i > 600 && counted(&stk_rpc_counters(server.rpc)->buffers_bytes) == 0)
            break;
        pause_ms(1);
    }
    assert_int_equal(counted(&stk_rpc_counters(server.rpc)->buffers_bytes), 0);
    for (int i = 0; i < COUNT; i++)
        test_rpc_close(&clients[i]);
}

static void an_end_in_order_answers_what_is_in_flight(void **state)
{
    (void)state;
    struct test_rpc busy = opened(server.tcp_address), idle = opened(server.unix_address);
    struct test_response response;
    response = test_rpc_ask(&idle, "order.pay", PAY);
    atomic_store(&fake.hold, 1);
    for (int i = 0; i < 5; i++)
        test_rpc_call(&busy, "order.pay", PAY);
    wait_taken(6);
    atomic_store(&server.drain, 1);
    stk_loop_wake(server.loop);
    assert_int_equal(test_rpc_read(&idle, &response, 5000), 0);
    test_rpc_call(&busy, "order.pay", PAY); /* too late */
    assert_int_equal(test_rpc_read(&busy, &response, 50), -1);
    assert_int_equal(atomic_load(&server.drained), 0);
    assert_int_equal(test_rpc_open(server.tcp_address).fd, -1);
    assert_int_equal(test_rpc_open(server.unix_address).fd, -1);
    fake_let_go();
    for (int i = 0; i < 5; i++)
        assert_int_equal(test_rpc_read(&busy, &response, 5000), 1);
    assert_int_equal(test_rpc_read(&busy, &response, 5000), 0);
    test_rpc_close(&busy);
    test_rpc_close(&idle);
    for (int i = 0; i < 2000 && !atomic_load(&server.drained); i++)
        pause_ms(1);
    assert_int_equal(atomic_load(&server.drained), 1);
    assert_int_equal(atomic_load(&fake.taken), 6);
}

/* --- who may --- */

static void tokens_are_asked_for_over_tcp_only(void **state)
{
    (void)state;
    struct stk_rpc_options options = options_for_tests();
    struct test_response response;
    options.tokens = 1;
    restart_with(&options);
    struct test_rpc owner = opened(server.unix_address), far = opened(server.tcp_address);
    response = test_rpc_ask(&owner, "sku.put", "{'source':'s','sku':'A'}");
    assert_string_equal(test_code(&response), "OK");
    response = test_rpc_ask(&far, "order.pay", PAY);
    assert_string_equal(test_code(&response), "UNAUTHORIZED");
    response = test_rpc_ask(&far, "auth", "{'token':'secret'}");
    assert_string_equal(test_code(&response), "OK");
    response = test_rpc_ask(&far, "order.pay", PAY);
    assert_int_equal(test_number(response.result, "who"), stk_api_who("till"));
    response = test_rpc_ask(&far, "sku.put", "{'source':'s','sku':'A'}");
    assert_string_equal(test_code(&response), "DENIED");
    test_rpc_close(&owner);
    test_rpc_close(&far);
    far = opened(server.tcp_address); /* a token is not for the next connection */
    for (int i = 0; i < STK_API_AUTH_FAILURES; i++) {
        response = test_rpc_ask(&far, "auth", "{'token':'guess'}");
        assert_string_equal(test_code(&response), "UNAUTHORIZED");
    }
    assert_int_equal(test_rpc_read(&far, &response, 5000), 1);
    assert_int_equal(test_rpc_read(&far, &response, 5000), 0);
    test_rpc_close(&far);
}

static void nothing_breaks_when_memory_is_short(void **state)
{
    (void)state;
    for (int nth = 1; nth <= 12; nth++) {
        stk_alloc_fail_at(nth, 1);
        struct test_rpc client = opened(server.unix_address);
        struct test_response response;
        for (int i = 0; i < 3; i++) {
            test_rpc_call(&client, "order.pay", PAY);
            if (test_rpc_read(&client, &response, 5000) != 1)
                break; /* cut or turned away: fine */
            assert_non_null(strstr("OK FULL", test_code(&response)));
        }
        test_rpc_close(&client);
        stk_alloc_fail_at(0, 0);
        wait_for(&stk_rpc_counters(server.rpc)->connections, 0);
    }
    struct test_rpc client = opened(server.unix_address);
    struct test_response response = test_rpc_ask(&client, "order.pay", PAY);
    assert_string_equal(test_code(&response), "OK");
    test_rpc_close(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(calls_are_answered_at_both_addresses),
        TEST(params_come_in_several_shapes),
        TEST(notifications_are_done_and_not_answered),
        TEST(a_thousand_at_once_and_each_is_answered_once),
        TEST(a_request_may_be_split_anywhere),
        TEST(a_long_request_in_pieces),
        TEST(who_stops_sending_still_gets_its_answers),
        TEST(bytes_that_are_no_request_end_the_connection),
        TEST(a_full_inbox_is_busy),
        TEST(no_more_in_flight_than_allowed),
        TEST(who_was_not_read_is_read_again),
        TEST(pages_in_flight_count_for_many),
        TEST(half_a_message_is_waited_for_only_so_long),
        TEST(who_never_reads_is_cut),
        TEST(all_buffers_together_are_bounded),
        TEST(one_connection_too_many_is_told_so),
        TEST(no_fd_left_is_no_busy_loop),
        TEST(answers_of_the_dead_go_to_nobody),
        TEST(idle_connections_have_no_buffers),
        TEST(an_end_in_order_answers_what_is_in_flight),
        TEST(tokens_are_asked_for_over_tcp_only),
        TEST(nothing_breaks_when_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
