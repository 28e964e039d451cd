/* The client side of MessagePack-RPC: calls in flight up to a window, answers in any order.
 *
 * BUSY is sent again after a pause that grows. When the connection is lost it is made again, and
 * what had no answer yet is sent again if that is safe: reads, and writes with an id. One thread;
 * callbacks run inside client_send, client_drain and client_call. */
#ifndef STK_STOCKADE_CLIENT_H
#define STK_STOCKADE_CLIENT_H

#include "core/base/doc.h"

#define CLIENT_WINDOW_MAX 1024

struct client_options {
    const char *socket; /* path, or NULL */
    const char *tcp;    /* HOST:PORT, or NULL. Neither: $STOCKADE_ADDRESS, then the defaults */
    int64_t timeout_ms; /* for an answer, BUSY and lost connections included; 0: 30 s */
    unsigned window;    /* in flight at most; 0: 64 */
};

struct client_reply {
    enum stk_status status;         /* STK_OK, what the engine said, or STK_IO, STK_TIMEOUT: ours */
    int unanswered;                 /* ours: nobody knows whether it was done */
    const char *message;            /* for people; "" when STK_OK */
    const struct stk_value *result; /* STK_OK, else NULL */
    const struct stk_value *error;  /* the engine's error map, else NULL */
};
/* Everything in reply is lent until the function returns. It may call client_send. */
typedef void (*client_fn)(void *arg, const struct client_reply *reply);

struct client;
/* STK_IO names the address and the cause. */
enum stk_status client_open(struct client **out, const struct client_options *options,
                            struct stk_error *err);
const char *client_address(const struct client *client);
/* params: a finished document, a map. repeatable: it may be sent twice. Waits while the window is
 * full. STK_TOO_LARGE; STK_IO when the engine cannot be reached again (all callbacks have run). */
enum stk_status client_send(struct client *client, const char *verb, const struct stk_doc *params,
                            int repeatable, client_fn fn, void *arg, struct stk_error *err);
/* Until everything is answered. */
enum stk_status client_drain(struct client *client, struct stk_error *err);
unsigned client_in_flight(const struct client *client);
/* One call and its answer, which is lent until the next one. Returns reply->status. */
enum stk_status client_call(struct client *client, const char *verb, const struct stk_doc *params,
                            int repeatable, struct client_reply *reply, struct stk_error *err);
void client_close(struct client *client);

#endif
