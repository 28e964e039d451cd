/* The two rings of an inbox and who wakes whom.
 *
 * Always: an answer that was published after the journal looked is found by the engine at the end
 * of its turn. The fence before stk_inbox_wake_ready pairs with the one before
 * stk_inbox_wake_waiting, so that one of the two sees the other's store. */
#include "core/flow/inbox.h"
#include "core/base/fault.h"
#include "core/base/mem.h"

struct stk_inbox *stk_inbox_create(const struct stk_log *log, struct stk_park *bell, uint8_t number,
                                   void (*wake)(void *arg), void *arg, struct stk_error *err)
{
    struct stk_inbox *inbox = stk_alloc(sizeof *inbox);
    if (!inbox) {
        stk_error_set(err, STK_NO_MEMORY, "engine: inbox: out of memory");
        return NULL;
    }
    if (stk_ring_spsc_init(&inbox->commands, STK_INBOX_BYTES, err) != STK_OK ||
        stk_ring_spsc_init(&inbox->answers, STK_ANSWER_RING_BYTES, err) != STK_OK) {
        stk_ring_spsc_fini(&inbox->commands);
        stk_free(inbox);
        return NULL;
    }
    inbox->log = log;
    inbox->bell = bell;
    inbox->wake = wake;
    inbox->arg = arg;
    inbox->number = number;
    return inbox;
}

void stk_inbox_destroy(struct stk_inbox *inbox)
{
    if (!inbox)
        return;
    stk_ring_spsc_fini(&inbox->commands);
    stk_ring_spsc_fini(&inbox->answers);
    stk_free(inbox);
}

struct stk_command *stk_inbox_reserve(struct stk_inbox *inbox, uint32_t size)
{
    stk_assert(size >= STK_COMMAND_ARGS && size <= STK_COMMAND_MAX);
    return stk_ring_spsc_reserve(&inbox->commands, size);
}

void stk_inbox_commit(struct stk_inbox *inbox, struct stk_command *command)
{
    if (command->attach == STK_ATTACH_NONE)
        command->submitter =
            inbox->number; /* a command that was parked keeps its first submitter */
    stk_ring_spsc_commit(&inbox->commands, command->size);
}

void stk_inbox_publish(struct stk_inbox *inbox)
{
    if (stk_ring_spsc_publish(&inbox->commands))
        stk_park_wake(inbox->bell);
}

const struct stk_answer *stk_inbox_answer(struct stk_inbox *inbox)
{
    const struct stk_log *log = inbox->log;
    uint32_t size;
    const struct stk_answer *answer = stk_ring_spsc_peek(&inbox->answers, &size);
    if (!answer || (answer->wait_seq > log->durable(log->self) &&
                    !stk_fault_point(STK_FAULT_PLANT_EARLY_ANSWER)))
        return NULL;
    return stk_ring_spsc_next(&inbox->answers, &size);
}

void stk_inbox_release(struct stk_inbox *inbox)
{
    stk_ring_spsc_release(&inbox->answers);
    /* the engine may have stopped for want of room here */
    stk_park_wake(inbox->bell);
}

void stk_inbox_publish_answers(struct stk_inbox *inbox)
{
    if (!inbox->dirty)
        return;
    stk_ring_spsc_publish(&inbox->answers);
    inbox->dirty = 0;
    inbox->published = 1;
}

void stk_inbox_wake_ready(struct stk_inbox *inbox, stk_seq_t seq)
{
    const struct stk_log *log = inbox->log;
    if (!inbox->published)
        return;
    inbox->published = 0;
    if (inbox->wake && (log->idle(log->self) || log->durable(log->self) >= seq))
        inbox->wake(inbox->arg);
    else if (inbox->wake)
        inbox->published = 1; /* looked at again in the next turn, unless the journal comes first */
}

void stk_inbox_wake_waiting(struct stk_inbox *inbox)
{
    if (inbox->wake && stk_ring_spsc_used(&inbox->answers))
        inbox->wake(inbox->arg);
}
