/* A blocking MessagePack-RPC client for tests. */
#include "tests/lib/rpc_client.h"
#include "core/base/limits.h"
#include "tests/lib/json_doc.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void give_up(const char *what)
{
    fprintf(stderr, "rpc client: %s: %s\n", what, strerror(errno));
    abort();
}

static int connect_unix(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        give_up("socket");
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&name, sizeof name) == 0)
        return fd;
    close(fd);
    return -1;
}

static int connect_tcp(const char *address)
{
    char host[160];
    const char *colon = strrchr(address, ':');
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int one = 1, fd;
    if (!colon)
        give_up(address);
    snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    if (host[0] == '[')
        memmove(host, host + 1, strlen(host)), host[strlen(host) - 1] = 0;
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        give_up(address);
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        give_up("socket");
    if (connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        close(fd);
        fd = -1;
    } else {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    freeaddrinfo(found);
    return fd;
}

struct test_rpc test_rpc_open(const char *address)
{
    struct test_rpc client = {.next_msgid = 1};
    client.fd =
        strncmp(address, "unix:", 5) == 0 ? connect_unix(address + 5) : connect_tcp(address);
    return client;
}

void test_rpc_close(struct test_rpc *client)
{
    if (client->fd >= 0)
        close(client->fd);
    free(client->in);
    free(client->values);
    *client = (struct test_rpc){.fd = -1};
}

int test_rpc_send(struct test_rpc *client, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        ssize_t sent = send(client->fd, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return 0;
        at += sent;
        size -= (size_t)sent;
    }
    return 1;
}

size_t test_rpc_request(uint8_t *room, size_t room_size, uint32_t msgid, const char *method,
                        const char *json)
{
    struct stk_doc doc = stk_doc(room, (uint32_t)room_size);
    stk_doc_array(&doc, 4);
    stk_doc_uint(&doc, 0);
    stk_doc_uint(&doc, msgid);
    stk_doc_text(&doc, method);
    stk_doc_array(&doc, 1);
    test_doc_json(&doc, json);
    if (doc.overflow)
        give_up("request too large");
    return doc.size;
}

uint32_t test_rpc_call(struct test_rpc *client, const char *method, const char *json)
{
    size_t room_size = strlen(json) * 2 + strlen(method) + 64;
    uint8_t *room = malloc(room_size);
    uint32_t msgid = client->next_msgid++;
    size_t size = test_rpc_request(room, room_size, msgid, method, json);
    test_rpc_send(client, room, size);
    free(room);
    return msgid;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 1 more bytes, 0 closed, -1 nothing in time. */
static int fetch(struct test_rpc *client, int timeout_ms)
{
    struct pollfd ready = {.fd = client->fd, .events = POLLIN};
    ssize_t got;
    int polled;
    if (client->capacity - client->size < 65536) {
        client->capacity = client->capacity * 2 + 131072;
        client->in = realloc(client->in, client->capacity);
        if (!client->in)
            give_up("realloc");
    }
    do
        polled = poll(&ready, 1, timeout_ms);
    while (polled < 0 && errno == EINTR);
    if (polled <= 0)
        return -1;
    got = recv(client->fd, client->in + client->size, client->capacity - client->size, 0);
    if (got <= 0)
        return 0;
    client->size += (size_t)got;
    return 1;
}

static void split_response(const struct stk_value *root, struct test_response *response)
{
    const struct stk_value *item = root->as.items;
    if (root->type != STK_VALUE_ARRAY || root->size != 4 || item[0].type != STK_VALUE_INT ||
        item[0].as.integer != 1 || item[1].type != STK_VALUE_INT)
        give_up("not a response");
    if ((item[2].type == STK_VALUE_NIL) == (item[3].type == STK_VALUE_NIL))
        give_up("a response with both error and result, or none");
    response->msgid = (uint32_t)item[1].as.integer;
    response->error = item[2].type == STK_VALUE_NIL ? NULL : &item[2];
    response->result = item[3].type == STK_VALUE_NIL ? NULL : &item[3];
}

int test_rpc_read(struct test_rpc *client, struct test_response *response, int timeout_ms)
{
    int64_t end = now_ms() + timeout_ms;
    if (!client->values)
        client->values = malloc(TEST_RPC_VALUES * sizeof *client->values);
    client->size -= client->taken;
    if (client->taken)
        memmove(client->in, client->in + client->taken, client->size);
    client->taken = 0;
    for (;;) {
        struct stk_parse parse;
        enum stk_status status =
            client->size == 0
                ? STK_AGAIN
                : stk_doc_parse(client->in, client->size, STK_ANSWER_MAX, STK_DEPTH_MAX,
                                client->values, TEST_RPC_VALUES, &parse);
        int64_t left = end - now_ms();
        int got;
        if (status == STK_OK) {
            client->taken = parse.consumed;
            split_response(parse.root, response);
            return 1;
        }
        if (status != STK_AGAIN)
            give_up("a response that is not well-formed");
        got = fetch(client, left > 0 ? (int)left : 0);
        if (got <= 0)
            return got;
    }
}

struct test_response test_rpc_ask(struct test_rpc *client, const char *method, const char *json)
{
    uint32_t msgid = test_rpc_call(client, method, json);
    struct test_response response;
    if (test_rpc_read(client, &response, 30000) != 1 || response.msgid != msgid)
        give_up(method);
    return response;
}

const char *test_text(const struct stk_value *map, const char *key)
{
    static char text[1024];
    const struct stk_value *value = map ? stk_value_get(map, key) : NULL;
    if (!value || value->type != STK_VALUE_STR)
        return "";
    snprintf(text, sizeof text, "%.*s", (int)value->size, value->as.text);
    return text;
}

int64_t test_number(const struct stk_value *map, const char *key)
{
    const struct stk_value *value = map ? stk_value_get(map, key) : NULL;
    return value && value->type == STK_VALUE_INT ? value->as.integer : INT64_MIN;
}

const char *test_code(const struct test_response *response)
{
    return response->error ? test_text(response->error, "code") : "OK";
}
