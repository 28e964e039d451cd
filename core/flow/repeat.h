/* Idempotency: was this key used before, and what was answered then; what is remembered of this
 * command. Rules: core/README.md, "Idempotency". Engine thread. */
#ifndef STK_FLOW_REPEAT_H
#define STK_FLOW_REPEAT_H

#include "core/flow/apply.h"

/* The key is an order's id: the order itself remembers it. */
int stk_repeat_is_order(const struct stk_command *command);
/* Has the command's key been used? *fresh = 1: no. Else the status to answer with, the answer being
 * written already; STK_AGAIN: ask the disk. */
enum stk_status stk_repeat_find(struct stk_apply *apply, int *fresh);
/* A command that ended so is answered so again, for as long as its key is known. */
int stk_repeat_is_remembered(enum stk_status status);
/* Remember the whole answer under the command's key: a row in the open record, and in memory. */
void stk_repeat_remember(struct stk_apply *apply, enum stk_status status);
/* The entry of an order that has left memory so recently that its key is in no run on disk yet: the
 * reader could not find it by its key. Or NULL. */
const struct stk_key_entry *stk_repeat_archived(const struct stk_state *state,
                                                const struct stk_command *command);

#endif
