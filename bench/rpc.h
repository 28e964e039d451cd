/* A plain client of Stockade for what is not measured: loading and looking. Blocking, pipelined,
 * one thread. */
#ifndef STK_BENCH_RPC_H
#define STK_BENCH_RPC_H

#include "core/base/doc.h"

struct bench_rpc;
/* fd: connected, non-blocking; taken over. NULL: out of memory. */
struct bench_rpc *bench_rpc_create(int fd);
void bench_rpc_destroy(struct bench_rpc *rpc); /* NULL-safe; closes the fd */

/* Begin a call: the caller then writes its params, one map, into the document that is returned.
 * finish sends, and takes answers when many are in flight. Answers are looked at for errors only.
 * 0: it printed what went wrong. */
struct stk_doc *bench_rpc_begin(struct bench_rpc *rpc, const char *verb);
int bench_rpc_finish(struct bench_rpc *rpc);
/* Wait for all answers. 0: it printed what went wrong. */
int bench_rpc_drain(struct bench_rpc *rpc);
/* Called with each answer's result while draining; NULL = not interested. */
void bench_rpc_on_result(struct bench_rpc *rpc,
                         void (*seen)(void *arg, const struct stk_value *result), void *arg);

/* A call without params whose result is wanted: valid until the next call. NULL: it printed why. */
const struct stk_value *bench_rpc_ask(struct bench_rpc *rpc, const char *verb);
/* The integer at a path of keys and list indexes, "capacities.skus.used"; 0: there is none. */
int bench_value_at(const struct stk_value *value, const char *path, int64_t *out);

#endif
