/* What every door does with a call: find the verb, see whether the caller may, decode it into the
 * inbox of the engine, or answer it right here.
 *
 * Threads: all of it on the one thread that owns the inbox. Stability: internal. */
#ifndef STK_NET_API_H
#define STK_NET_API_H

#include "core/base/chain.h"
#include "core/flow/engine.h"
#include "core/flow/verb.h"

#define STK_API_TOKENS_MAX      256
#define STK_API_AUTH_FAILURES   3           /* then the door cuts the connection */
#define STK_API_LOCAL_DOC_BYTES (64 * 1024) /* an answer that is made at the door itself */

#define STK_SCOPE_BIT(scope) (UINT32_C(1) << (scope))
#define STK_SCOPES_ALL       (STK_SCOPE_BIT(STK_SCOPE_OPERATE + 1) - 1)
/* "view" and so on; NULL past the last. */
const char *stk_scope_name(unsigned scope);

/* A token is known by the hash of its text; the text itself is nowhere kept. */
struct stk_api_token {
    char name[STK_ID_MAX + 1];
    uint8_t sha256[STK_CHAIN_BYTES];
    uint32_t scopes; /* STK_SCOPE_BIT */
};
/* The number of a principal in commands and records: from its name, so that it stays the same when
 * the config is sorted another way. 0 is a local caller, and no name's number. */
uint32_t stk_api_who(const char *name);

struct stk_api_options {
    struct stk_engine *engine;
    struct stk_inbox *inbox;
    const struct stk_api_token *tokens; /* lent until destroy */
    uint32_t token_count;
    /* Writes the answer of `status`: one map. */
    void (*status)(void *arg, struct stk_doc *answer);
    void *arg;
};
struct stk_api;
struct stk_api *stk_api_create(const struct stk_api_options *options, struct stk_error *err);
void stk_api_destroy(struct stk_api *api);

/* Who is at the other end of a connection. */
struct stk_caller {
    uint32_t scopes; /* what it may */
    uint32_t who;
    uint32_t failures; /* wrong tokens so far */
};
/* A peer whose right is its place: the Unix socket's same user, or loopback without tokens. */
struct stk_caller stk_caller_local(void);
/* Loopback or further, when there are tokens: `auth` must come first. */
struct stk_caller stk_caller_unknown(void);

/* A call. STK_AGAIN: it was handed to the engine (not yet published) and is answered through the
 * inbox under this ticket. STK_OK: `answer` holds the result. Anything else: `answer` holds the
 * refusal, a map of code, message and what else there is to say; nothing was handed over.
 * *verb: number of the verb, 0 when it is the door's own or unknown. */
enum stk_status stk_api_call(struct stk_api *api, struct stk_caller *caller, struct stk_bytes name,
                             const struct stk_value *params, uint32_t message_size, uint64_t ticket,
                             uint16_t *verb, struct stk_doc *answer);
/* A refusal as a document. Returns status. */
enum stk_status stk_api_refuse(struct stk_doc *answer, enum stk_status status, const char *message);
/* How much a call in flight counts against the limit of its connection: pages are large. */
uint32_t stk_api_weight(unsigned verb);
#define STK_API_WEIGHT_PAGE 64

/* The engine sees what was handed over; once per read event. */
void stk_api_publish(struct stk_api *api);
const struct stk_answer *stk_api_answer(struct stk_api *api);
void stk_api_release(struct stk_api *api);
/* Every quarter of a second or so: how fast answers come decides how many calls may wait. More are
 * refused with BUSY, so that those that are taken are answered in time. */
void stk_api_tick(struct stk_api *api, uint32_t passed_ms);

/* Calls since the start, by the thread of the api; read by any. */
struct stk_api_counters {
    struct stk_counter calls, refused, busy, unauthorized;
};
const struct stk_api_counters *stk_api_counters(const struct stk_api *api);

#endif
