/* The open batch, and what it takes to write one record into it: begin, decide and change, end.
 * Engine thread. */
#ifndef STK_FLOW_WRITER_H
#define STK_FLOW_WRITER_H

#include "core/flow/apply.h"

struct stk_writer {
    /* never changes after the engine was made */
    struct stk_state *state;
    const struct stk_engine_options *options;
    struct stk_engine_counters *counters;
    struct stk_scratch *scratch;
    void (*before_submit)(void *arg); /* answers that rest on the batch are published here */
    void *arg;
    /* engine thread */
    stk_time_t now;          /* of this turn */
    struct stk_batch *batch; /* the open one; NULL while all are on their way */
};

/* 1: there is a batch with room for the largest record. */
int stk_writer_ready(struct stk_writer *writer);
/* Hands the batch over when the log has nothing to do. The answers were published before. */
void stk_writer_submit_when_idle(struct stk_writer *writer);
/* What a command, or with NULL the engine itself, may decide and change. A record is begun later,
 * by stk_apply_begin or stk_writer_begin_refusal, if at all. */
struct stk_apply stk_writer_apply(struct stk_writer *writer, const struct stk_command *command);
/* The command was refused, and that is to be remembered: a record with nothing of the verb. */
void stk_writer_begin_refusal(struct stk_writer *writer, struct stk_apply *apply);
/* Closes the record that was begun; it has its sequence now. */
void stk_writer_end(struct stk_writer *writer, struct stk_apply *apply);

#endif
