/* A small MessagePack-RPC server on a thread, for tests of clients. What it answers is up to the
 * test's function; what it does wrong too. */
#ifndef STK_LIB_FAKE_RPC_H
#define STK_LIB_FAKE_RPC_H

#include "core/base/doc.h"

enum fake_deed {
    FAKE_ANSWER,  /* what the function wrote: the error (or nil), then the result */
    FAKE_SILENCE, /* no answer, ever */
    FAKE_LATER,   /* the same answer, but after that of the next request */
    FAKE_CLOSE,   /* close the connection without an answer */
};
/* Runs on the server's thread. Writes two values into out: error or nil, result or nil. */
typedef enum fake_deed (*fake_rpc_fn)(void *arg, struct stk_bytes verb,
                                      const struct stk_value *params, struct stk_doc *out);

struct fake_rpc;
/* Listens on a Unix socket in a fresh folder below /tmp. piece: bytes per write of an answer, 0 =
 * all at once. Aborts when it cannot. */
struct fake_rpc *fake_rpc_start(fake_rpc_fn fn, void *arg, size_t piece);
const char *fake_rpc_path(const struct fake_rpc *fake);
unsigned fake_rpc_connections(const struct fake_rpc *fake); /* so far */
void fake_rpc_stop(struct fake_rpc *fake);

/* {code: name, message: text} and nil: a refusal. */
void fake_rpc_refuse(struct stk_doc *out, const char *code, const char *message);

#endif
