/* An inbox of the engine: commands in, answers out, one owner thread on the far side of both.
 *
 * The rules are "reserve, commit, publish" (core/README.md). An answer leaves when the sequence it
 * waits for is durable. Threads: the owner, the engine, and for one wake-up the journal. */
#ifndef STK_FLOW_INBOX_H
#define STK_FLOW_INBOX_H

#include "core/base/ring.h"
#include "core/base/thread.h"
#include "core/flow/command.h"
#include "core/store/journal.h"

struct stk_inbox {
    struct stk_ring_spsc commands;
    struct stk_ring_spsc answers;
    const struct stk_log *log;
    struct stk_park *bell; /* the engine's */
    void (*wake)(void *arg);
    void *arg;
    uint8_t number;
    uint8_t dirty;     /* engine: answers committed, not yet published */
    uint8_t published; /* engine: something may be ready, tell the owner at the end of the turn */
};

/* Before the engine starts. wake may be NULL. NULL: err says why. */
struct stk_inbox *stk_inbox_create(const struct stk_log *log, struct stk_park *bell, uint8_t number,
                                   void (*wake)(void *arg), void *arg, struct stk_error *err);
void stk_inbox_destroy(struct stk_inbox *inbox);

/* Owner: room for a command of up to `size` bytes, or NULL: answer STK_BUSY, never wait. */
struct stk_command *stk_inbox_reserve(struct stk_inbox *inbox, uint32_t size);
/* Owner: it is command->size bytes long; sets the submitter. Not seen by the engine yet. */
void stk_inbox_commit(struct stk_inbox *inbox, struct stk_command *command);
/* Owner: the engine sees all that was committed, and is woken when it sleeps. Once per read event.
 */
void stk_inbox_publish(struct stk_inbox *inbox);
/* Owner: the next answer that may leave now (its sequence is durable), or NULL. It stays valid
 * until stk_inbox_release. */
const struct stk_answer *stk_inbox_answer(struct stk_inbox *inbox);
void stk_inbox_release(struct stk_inbox *inbox);

/* Engine: the answers that were committed are there for the owner. */
void stk_inbox_publish_answers(struct stk_inbox *inbox);
/* Engine, at the end of a turn: answers that wait for nothing that is still on its way, the last
 * sequence being `seq`. The journal will not wake their owners. */
void stk_inbox_wake_ready(struct stk_inbox *inbox, stk_seq_t seq);
/* Journal: more became durable. */
void stk_inbox_wake_waiting(struct stk_inbox *inbox);

#endif
