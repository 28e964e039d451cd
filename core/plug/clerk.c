/* Tickets name a slot of a small table. Always: each command that was taken has one slot until its
 * answer came; answers are durable when they are seen, because the inbox holds them back. */
#include "core/plug/clerk.h"
#include "core/base/mem.h"

enum stk_status stk_clerk_init(struct stk_clerk *clerk, struct stk_inbox *inbox, uint32_t who,
                               struct stk_error *err)
{
    memset(clerk, 0, sizeof *clerk);
    clerk->inbox = inbox;
    clerk->who = who;
    for (uint32_t i = 0; i < STK_CLERK_OPEN_MAX; i++)
        clerk->ticket[i].next = i + 1 < STK_CLERK_OPEN_MAX ? i + 2 : 0;
    clerk->free = 1;
    clerk->values = stk_alloc(STK_CLERK_VALUES_MAX * sizeof *clerk->values);
    return clerk->values ? STK_OK : stk_error_set(err, STK_NO_MEMORY, "out of memory");
}

void stk_clerk_fini(struct stk_clerk *clerk)
{
    stk_free(clerk->values);
    clerk->values = NULL;
}

enum stk_status stk_clerk_send(struct stk_clerk *clerk, const struct stk_verb *verb,
                               const struct stk_value *params, uint32_t bytes, stk_clerk_answer *fn,
                               void *arg, uint64_t number, struct stk_error *err)
{
    uint32_t bound = stk_command_bound(verb, params, bytes);
    struct stk_command *command = clerk->free ? stk_inbox_reserve(clerk->inbox, bound) : NULL;
    if (!command)
        return stk_error_set(err, STK_BUSY, "%s", stk_status_text(STK_BUSY));
    enum stk_status status = stk_command_decode(verb, params, command, bound, err);
    if (status != STK_OK) /* what was reserved is reserved anew by the next one */
        return status;
    uint32_t slot = clerk->free - 1;
    clerk->free = clerk->ticket[slot].next;
    clerk->ticket[slot].fn = fn;
    clerk->ticket[slot].arg = arg;
    clerk->ticket[slot].number = number;
    clerk->open++;
    command->ticket = slot;
    command->who = clerk->who;
    stk_inbox_commit(clerk->inbox, command);
    return STK_OK;
}

void stk_clerk_publish(struct stk_clerk *clerk)
{
    stk_inbox_publish(clerk->inbox);
}

static void give(struct stk_clerk *clerk, const struct stk_answer *answer)
{
    struct stk_parse parse = {0};
    uint32_t slot = (uint32_t)answer->ticket;
    stk_assert(slot < STK_CLERK_OPEN_MAX && clerk->ticket[slot].fn);
    stk_clerk_answer *fn = clerk->ticket[slot].fn;
    void *arg = clerk->ticket[slot].arg;
    uint64_t number = clerk->ticket[slot].number;
    clerk->ticket[slot].fn = NULL;
    clerk->ticket[slot].next = clerk->free;
    clerk->free = slot + 1;
    clerk->open--;
    if (stk_doc_parse(stk_answer_doc(answer), answer->doc_size, STK_ANSWER_MAX, STK_DEPTH_MAX,
                      clerk->values, STK_CLERK_VALUES_MAX, &parse) != STK_OK)
        parse.root = NULL;
    fn(arg, number, (enum stk_status)answer->status, parse.root);
}

void stk_clerk_drain(struct stk_clerk *clerk)
{
    const struct stk_answer *answer;
    while ((answer = stk_inbox_answer(clerk->inbox)) != NULL) {
        give(clerk, answer);
        stk_inbox_release(clerk->inbox);
    }
}
