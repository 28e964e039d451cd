/* MessagePack-RPC, the public spec, over Unix sockets and TCP. Stability: the wire is stable.
 *
 *   request       [0, msgid, method, params]     params: an array with one map, or empty; a bare
 * map response      [1, msgid, error, result]      one of them is nil; an error is a map of code
 * and message, and what else the verb has to say notification  [2, method, params]            done
 * and not answered
 *
 * Requests are pipelined; responses come in any order. A connection has at most inflight_max calls
 * in flight (a page counts STK_API_WEIGHT_PAGE): it is not read further until answers have left. An
 * inbox that is full answers BUSY. Bytes that are no message are answered once, with msgid 0, and
 * the connection ends when what was in flight is answered.
 *
 * Threads: open, close: main, while the loop does not run; all else on the loop's thread. */
#ifndef STK_NET_RPC_H
#define STK_NET_RPC_H

#include "core/base/clock.h"
#include "core/base/loop.h"
#include "core/base/metrics.h"
#include "core/net/api.h"
#include "core/net/listen.h"

#define STK_RPC_ADDRESSES_MAX   16
#define STK_RPC_CONNECTIONS_MAX (1u << 18) /* the bits of a slot in a ticket */

struct stk_rpc_options {
    struct stk_loop *loop;
    struct stk_api *api;
    struct stk_clock clock;
    int tokens; /* there are some: who comes by TCP must call auth */
    uint32_t connections_max;
    uint32_t inflight_max;
    uint32_t out_max_bytes;     /* of answers that wait for one peer; then it is not read */
    uint64_t buffers_max_bytes; /* of all connections together; then who has most is cut */
    int64_t timeout_ms; /* half a message, or answers that are not fetched: then it is cut */
};
void stk_rpc_defaults(struct stk_rpc_options *options);

struct stk_rpc;
enum stk_status stk_rpc_create(struct stk_rpc **out, const struct stk_rpc_options *options,
                               struct stk_error *err);
/* Listen at one more address (see listen.h). */
enum stk_status stk_rpc_listen(struct stk_rpc *rpc, const char *address, struct stk_error *err);
/* The n-th address, NULL past the last. */
const char *stk_rpc_address(const struct stk_rpc *rpc, unsigned index);
/* From the loop's wake: sends the answers that may leave now. */
void stk_rpc_woken(struct stk_rpc *rpc);
/* No further connections or requests; what is in flight is answered, then drained is called. */
void stk_rpc_drain(struct stk_rpc *rpc, void (*drained)(void *arg), void *arg);
void stk_rpc_destroy(struct stk_rpc *rpc); /* NULL-safe; cuts what is still open */

/* By the loop's thread; read by any. */
struct stk_rpc_counters {
    struct stk_counter connections;       /* open now */
    struct stk_counter accepted, refused; /* connections */
    struct stk_counter malformed, cut; /* connections ended for what they sent, or for sleeping */
    struct stk_counter requests, responses, bytes_in, bytes_out;
    struct stk_counter buffers_bytes;
};
const struct stk_rpc_counters *stk_rpc_counters(const struct stk_rpc *rpc);

#endif
