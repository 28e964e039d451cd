/* A channel's hand in the engine's inbox: parameters become commands, answers come back to whoever
 * asked, once they are durable. Bounded; never waits. One thread: the channel's. */
#ifndef STK_PLUG_CLERK_H
#define STK_PLUG_CLERK_H

#include "core/flow/inbox.h"
#include "core/flow/verb.h"
#include "core/plug/tree.h"

#define STK_CLERK_OPEN_MAX   1024  /* commands whose answers are not there yet */
#define STK_CLERK_VALUES_MAX 32768 /* of one answer: a grant of 1,000 values has 14,000 */

/* answer: its map, or NULL when it is larger than STK_CLERK_VALUES_MAX. Lent for the call. */
typedef void stk_clerk_answer(void *arg, uint64_t number, enum stk_status status,
                              const struct stk_value *answer);

struct stk_clerk {
    struct stk_inbox *inbox;
    uint32_t who;
    uint32_t open; /* of them */
    uint32_t free; /* first free one + 1 */
    struct {
        stk_clerk_answer *fn;
        void *arg;
        uint64_t number;
        uint32_t next; /* free + 1 */
    } ticket[STK_CLERK_OPEN_MAX];
    struct stk_value *values;
};

/* inbox: this thread's alone. who: on whose behalf, in the journal. STK_NO_MEMORY. */
enum stk_status stk_clerk_init(struct stk_clerk *clerk, struct stk_inbox *inbox, uint32_t who,
                               struct stk_error *err);
void stk_clerk_fini(struct stk_clerk *clerk); /* also a zeroed one */

/* `fn(arg, number, ...)` is called with the answer, from stk_clerk_drain. bytes: an upper bound of
 * the texts in params. STK_BUSY: no room now, come again; anything else: params are not what the
 * verb takes, err says why. */
enum stk_status stk_clerk_send(struct stk_clerk *clerk, const struct stk_verb *verb,
                               const struct stk_value *params, uint32_t bytes, stk_clerk_answer *fn,
                               void *arg, uint64_t number, struct stk_error *err);
/* The engine sees what was sent. At the end of a turn. */
void stk_clerk_publish(struct stk_clerk *clerk);
/* Answers that are there. When the inbox has rung. */
void stk_clerk_drain(struct stk_clerk *clerk);

#endif
