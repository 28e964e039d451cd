/* A blocking MessagePack-RPC client for tests: sends what it is told, also what is wrong, and reads
 * responses with a time limit. Aborts the program when something that cannot fail does. */
#ifndef STK_TESTS_RPC_CLIENT_H
#define STK_TESTS_RPC_CLIENT_H

#include "core/base/doc.h"
#include <stddef.h>

#define TEST_RPC_VALUES 65536

struct test_rpc {
    int fd;
    uint8_t *in;
    size_t size, capacity;
    size_t taken; /* of the response that was read last: gone at the next one */
    struct stk_value *values;
    uint32_t next_msgid;
};
struct test_response {
    uint32_t msgid;
    const struct stk_value *error;  /* NULL = none */
    const struct stk_value *result; /* NULL = none */
};

/* "unix:/path" or "host:port". -1 as fd when it is refused. */
struct test_rpc test_rpc_open(const char *address);
void test_rpc_close(struct test_rpc *client);
/* Bytes as they are; 0 when the other side has closed. */
int test_rpc_send(struct test_rpc *client, const void *bytes, size_t size);
/* A request from JSON params into room; returns its size. */
size_t test_rpc_request(uint8_t *room, size_t room_size, uint32_t msgid, const char *method,
                        const char *json);
/* Send one. Returns its msgid. */
uint32_t test_rpc_call(struct test_rpc *client, const char *method, const char *json);
/* 1 a response, 0 the other side has closed, -1 nothing within the time. */
int test_rpc_read(struct test_rpc *client, struct test_response *response, int timeout_ms);
/* Call and wait for its response; aborts when there is none in 30 s. */
struct test_response test_rpc_ask(struct test_rpc *client, const char *method, const char *json);
/* The text of a field, "" when it is not there. Valid until the next call. */
const char *test_text(const struct stk_value *map, const char *key);
int64_t test_number(const struct stk_value *map, const char *key);
/* The code of an error, "OK" when there is none. */
const char *test_code(const struct test_response *response);

#endif
