/* An engine in a test: one inbox, a journal in memory, a clock that stands still until told. Verbs
 * are called by name with JSON, answers are looked at as values. One thread plays every role. */
#ifndef STK_TESTS_ENGINE_FIXTURE_H
#define STK_TESTS_ENGINE_FIXTURE_H

#include "core/flow/engine.h"
#include "core/flow/verb.h"
#include "core/state/state.h"
#include "tests/lib/memory_log.h"

struct fixture {
    struct stk_engine_options options;
    struct stk_engine *engine;
    struct stk_inbox *inbox;
    struct stk_clock_fake clock;
    struct memory_log log;
    uint64_t ticket;
    uint32_t who;           /* of the commands that are sent */
    enum stk_status status; /* of the last answer */
    uint8_t *doc;           /* its bytes */
    uint32_t doc_size;
    struct stk_value *values;
    const struct stk_value *answer; /* its map */
    char text[65536];
};
/* options are made small; change what you like before fixture_start. */
void fixture_init(struct fixture *f);
void fixture_start(struct fixture *f);
void fixture_fini(struct fixture *f);

/* Call a verb; JSON may use single quotes; printf words are filled in. Returns the status;
 * STK_AGAIN: no answer came (parked). Time stands still. A refusal by the decoder comes back as
 * such. */
enum stk_status fixture_call(struct fixture *f, const char *verb, const char *json, ...)
    __attribute__((format(printf, 3, 4)));
/* The same without waiting for the answer: the command lies in the inbox. Returns its ticket. */
uint64_t fixture_send(struct fixture *f, const char *verb, const char *json);
/* The next answer that may leave now, into f->status and f->answer; its ticket, 0 = none. */
uint64_t fixture_receive(struct fixture *f);
/* Time goes on, the engine has turns. */
void fixture_wait(struct fixture *f, int64_t ms);
/* A number of the answer: "cells.0.held". Aborts when it is not there. */
int64_t fixture_int(struct fixture *f, const char *path);
const struct stk_value *fixture_get(struct fixture *f, const char *path); /* NULL when not there */
int fixture_is(struct fixture *f, const char *path, const char *text);
/* sku.get, and one number of it. */
int64_t fixture_sku(struct fixture *f, const char *sku, const char *path);
/* Everything of the state agrees with itself, and conservation holds for each SKU. Aborts when not.
 */
void fixture_check(struct fixture *f);
/* A second engine from the journal has the same state, row by row; it goes on as the fixture's. */
void fixture_restart(struct fixture *f);
/* All rows of a state, sorted, as bytes: for comparisons. Free it. */
uint8_t *fixture_dump(const struct stk_state *state, uint32_t *size);

#endif
