/* The client against a server that answers well and badly. */
#include "tests/lib/fake_rpc.h"
#include "tools/stockade/client.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct plan {
    atomic_uint requests;
    unsigned busy;     /* the first so many requests are BUSY */
    unsigned close_at; /* this request (from 1) loses the connection */
    int swap;          /* answers come in pairs, the second one first */
};

static enum fake_deed answer(void *arg, struct stk_bytes verb, const struct stk_value *params,
                             struct stk_doc *out)
{
    struct plan *plan = arg;
    const struct stk_value *n = stk_value_get(params, "n");
    unsigned number = atomic_fetch_add(&plan->requests, 1) + 1;
    if (number <= plan->busy) {
        fake_rpc_refuse(out, "BUSY", "later");
        return FAKE_ANSWER;
    }
    if (number == plan->close_at)
        return FAKE_CLOSE;
    if (verb.size == 5 && !memcmp(verb.data, "short", 5)) {
        fake_rpc_refuse(out, "SHORT", "line 1: 3 of X, 2 there");
        return FAKE_ANSWER;
    }
    if (verb.size == 6 && !memcmp(verb.data, "silent", 6))
        return FAKE_SILENCE;
    plan->swap |= verb.size == 4 && !memcmp(verb.data, "late", 4) ? 2 : 0;
    stk_doc_nil(out);
    stk_doc_map(out, 1);
    stk_doc_key_int(out, "n", n ? n->as.integer * 2 : -1);
    return (plan->swap == 1 && number % 2) || (plan->swap == 2 && number == 1) ? FAKE_LATER
                                                                               : FAKE_ANSWER;
}

static struct client *open_to(struct fake_rpc *fake, int64_t timeout_ms, unsigned window)
{
    struct client *client;
    struct stk_error err = {0};
    struct client_options options = {
        .socket = fake_rpc_path(fake), .timeout_ms = timeout_ms, .window = window};
    assert_int_equal(client_open(&client, &options, &err), STK_OK);
    return client;
}

static struct stk_doc params(uint8_t *room, uint32_t size, int64_t n)
{
    struct stk_doc doc = stk_doc(room, size);
    stk_doc_map(&doc, 1);
    stk_doc_key_int(&doc, "n", n);
    return doc;
}

struct seen {
    int64_t n;
    unsigned *done, *failed;
};

static void on_answer(void *arg, const struct client_reply *reply)
{
    struct seen *seen = arg;
    if (reply->status == STK_OK) {
        assert_int_equal(stk_value_get(reply->result, "n")->as.integer, seen->n * 2);
        ++*seen->done;
    } else {
        assert_true(reply->unanswered);
        ++*seen->failed;
    }
}

/* Sends `count` calls, returns those answered well. */
static unsigned many(struct client *client, unsigned count, int repeatable, unsigned *failed)
{
    struct seen *seen = calloc(count, sizeof(*seen));
    unsigned done = 0;
    struct stk_error err = {0};
    *failed = 0;
    for (unsigned i = 0; i < count; i++) {
        uint8_t room[64];
        struct stk_doc doc = params(room, sizeof(room), i);
        seen[i] = (struct seen){i, &done, failed};
        assert_int_equal(client_send(client, "double", &doc, repeatable, on_answer, &seen[i], &err),
                         STK_OK);
    }
    assert_int_equal(client_drain(client, &err), STK_OK);
    assert_int_equal(client_in_flight(client), 0);
    free(seen);
    return done;
}

static void test_pipelined(void **state)
{
    unsigned failed;
    (void)state;
    for (size_t piece = 0; piece < 8; piece++) {
        struct plan plan = {.swap = piece % 2};
        struct fake_rpc *fake = fake_rpc_start(answer, &plan, piece);
        struct client *client = open_to(fake, 5000, 16);
        assert_int_equal(many(client, 500, 1, &failed), 500);
        assert_int_equal(failed, 0);
        assert_int_equal(fake_rpc_connections(fake), 1);
        client_close(client);
        fake_rpc_stop(fake);
    }
}

static void test_call_and_refusal(void **state)
{
    struct plan plan = {0};
    struct fake_rpc *fake = fake_rpc_start(answer, &plan, 3);
    struct client *client = open_to(fake, 5000, 1);
    struct client_reply reply;
    struct stk_error err = {0};
    uint8_t room[64];
    struct stk_doc doc = params(room, sizeof(room), 21);
    (void)state;
    assert_int_equal(client_call(client, "double", &doc, 1, &reply, &err), STK_OK);
    assert_int_equal(stk_value_get(reply.result, "n")->as.integer, 42);
    assert_int_equal(client_call(client, "short", &doc, 1, &reply, &err), STK_SHORT);
    assert_string_equal(reply.message, "line 1: 3 of X, 2 there");
    assert_false(reply.unanswered);
    assert_int_equal(stk_value_get(reply.error, "code")->size, 5);
    client_close(client);
    fake_rpc_stop(fake);
}

static void test_busy_is_sent_again(void **state)
{
    struct plan plan = {.busy = 30};
    struct fake_rpc *fake = fake_rpc_start(answer, &plan, 0);
    struct client *client = open_to(fake, 20000, 8);
    unsigned failed;
    (void)state;
    assert_int_equal(many(client, 40, 0, &failed), 40);
    assert_int_equal(atomic_load(&plan.requests), 70);
    client_close(client);
    fake_rpc_stop(fake);
}

static void test_lost_connection(void **state)
{
    struct plan plan = {.close_at = 20};
    struct fake_rpc *fake = fake_rpc_start(answer, &plan, 0);
    struct client *client = open_to(fake, 10000, 8);
    unsigned failed;
    (void)state;
    assert_int_equal(many(client, 100, 1, &failed), 100);
    assert_int_equal(fake_rpc_connections(fake), 2);
    client_close(client);
    fake_rpc_stop(fake);
}

/* What may not be sent twice is reported, and never sent twice. */
static void test_lost_and_not_repeatable(void **state)
{
    struct plan plan = {.close_at = 20};
    struct fake_rpc *fake = fake_rpc_start(answer, &plan, 0);
    struct client *client = open_to(fake, 10000, 8);
    unsigned failed, done;
    (void)state;
    done = many(client, 100, 0, &failed);
    assert_int_equal(done + failed, 100);
    assert_in_range(failed, 1, 8);
    assert_true(atomic_load(&plan.requests) <= 100);
    client_close(client);
    fake_rpc_stop(fake);
}

static void test_timeout(void **state)
{
    struct plan plan = {0};
    struct fake_rpc *fake = fake_rpc_start(answer, &plan, 0);
    struct client *client = open_to(fake, 100, 8);
    struct client_reply reply;
    struct stk_error err = {0};
    uint8_t room[64];
    struct stk_doc doc = params(room, sizeof(room), 1);
    (void)state;
    assert_int_equal(client_call(client, "silent", &doc, 1, &reply, &err), STK_TIMEOUT);
    assert_true(reply.unanswered);
    assert_int_equal(client_call(client, "double", &doc, 1, &reply, &err), STK_OK);
    client_close(client);
    fake_rpc_stop(fake);
}

static void send_from_callback(void *arg, const struct client_reply *reply)
{
    struct seen *seen = arg;
    struct stk_error err = {0};
    uint8_t room[64];
    struct stk_doc doc = params(room, sizeof(room), seen[1].n);
    on_answer(&seen[0], reply);
    assert_int_equal(
        client_send((struct client *)seen[2].done, "double", &doc, 1, on_answer, &seen[1], &err),
        STK_OK);
}

/* The answer to a call that was given up comes while its slot belongs to another call. */
static void test_late_answer_is_nobodys(void **state)
{
    struct plan plan = {0};
    struct fake_rpc *fake = fake_rpc_start(answer, &plan, 0);
    struct client *client = open_to(fake, 200, 1);
    struct client_reply reply;
    struct stk_error err = {0};
    uint8_t room[64];
    struct stk_doc doc = params(room, sizeof(room), 1000);
    unsigned done = 0, failed = 0;
    struct seen seen[3] = {{7, &done, &failed}, {8, &done, &failed}, {0, (unsigned *)client, NULL}};
    (void)state;
    assert_int_equal(client_call(client, "late", &doc, 1, &reply, &err), STK_TIMEOUT);
    doc = params(room, sizeof(room), 7);
    assert_int_equal(client_send(client, "double", &doc, 1, send_from_callback, seen, &err),
                     STK_OK);
    assert_int_equal(client_drain(client, &err), STK_OK);
    assert_int_equal(done, 2);
    client_close(client);
    fake_rpc_stop(fake);
}

static void test_no_server(void **state)
{
    struct client *client;
    struct stk_error err = {0};
    struct client_options options = {.socket = "/nonexistent/stockade.sock"};
    (void)state;
    assert_int_equal(client_open(&client, &options, &err), STK_IO);
    assert_non_null(strstr(err.text, "/nonexistent/stockade.sock"));
    options = (struct client_options){.tcp = "nowhere"};
    assert_int_equal(client_open(&client, &options, &err), STK_INVALID);
    assert_non_null(strstr(err.text, "HOST:PORT"));
}

static void test_too_large(void **state)
{
    struct plan plan = {0};
    struct fake_rpc *fake = fake_rpc_start(answer, &plan, 0);
    struct client *client = open_to(fake, 5000, 8);
    struct client_reply reply;
    struct stk_error err = {0};
    const uint32_t size = 2 * 1024 * 1024;
    uint8_t *room = calloc(1, size);
    struct stk_doc doc = stk_doc(room, size);
    (void)state;
    stk_doc_map(&doc, 1);
    stk_doc_text(&doc, "x");
    stk_doc_bin(&doc, room + 1024 * 1024, 1024 * 1024 - 10);
    assert_int_equal(client_call(client, "double", &doc, 1, &reply, &err), STK_TOO_LARGE);
    free(room);
    client_close(client);
    fake_rpc_stop(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_call_and_refusal),
        cmocka_unit_test(test_busy_is_sent_again),
        cmocka_unit_test(test_lost_connection),
        cmocka_unit_test(test_lost_and_not_repeatable),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_late_answer_is_nobodys),
        cmocka_unit_test(test_no_server),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
