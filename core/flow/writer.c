/* One record after another goes into the open batch. Always: a batch is submitted only after the
 * answers that rest on it were published, so no answer overtakes its record; a record's sequence is
 * the last one and one. */
#include "core/flow/writer.h"
#include "core/base/fault.h"
#include "core/flow/plant.h"
#include "core/flow/principal.h"

int stk_writer_ready(struct stk_writer *writer)
{
    const struct stk_log *log = &writer->options->log;
    if (writer->batch && stk_batch_has_room(writer->batch))
        return 1;
    if (writer->batch) {
        writer->before_submit(writer->arg);
        log->submit(log->self, writer->batch);
    }
    writer->batch = log->take(log->self);
    if (writer->batch)
        stk_batch_reset(writer->batch, writer->state->seq + 1);
    else
        stk_counter_add(&writer->counters->batch_full_waits, 1);
    return writer->batch != NULL;
}

void stk_writer_submit_when_idle(struct stk_writer *writer)
{
    const struct stk_log *log = &writer->options->log;
    if (!writer->batch || writer->batch->count == 0 || !log->idle(log->self))
        return;
    log->submit(log->self, writer->batch);
    writer->batch = NULL;
}

struct stk_apply stk_writer_apply(struct stk_writer *writer, const struct stk_command *command)
{
    struct stk_scratch *scratch = writer->scratch;
    scratch->turn++;
    if (scratch->turn == 0) /* the marks' numbers come round: none may look fresh */
        scratch->turn = 1;
    scratch->touched_count = 0;
    return (struct stk_apply){
        .state = writer->state,
        .options = writer->options,
        .counters = writer->counters,
        .scratch = scratch,
        .command = command,
        .args = command ? stk_command_args(command) : NULL,
        .present = command ? *(const uint64_t *)stk_command_args(command) : 0,
        .now = writer->now,
        .seq = writer->state->seq + 1,
        .batch = writer->batch,
        .wait_seq = writer->state->seq,
    };
}

void stk_writer_begin_refusal(struct stk_writer *writer, struct stk_apply *apply)
{
    stk_assert(!apply->open && stk_batch_has_room(writer->batch));
    stk_principal_begin(apply);
    apply->open = 1;
    apply->wait_seq = apply->seq;
}

void stk_writer_end(struct stk_writer *writer, struct stk_apply *apply)
{
    stk_plant_cells(apply);
    stk_apply_rows_of_cells(apply);
    stk_seq_t seq =
        stk_batch_record_close(writer->batch, stk_record_size(&apply->record), writer->now);
    stk_assert(seq == apply->seq);
    writer->state->seq = seq;
    writer->state->time_ms = writer->now;
    apply->open = 0;
    stk_counter_add(&writer->counters->effects, 1);
    (void)stk_fault_point(STK_FAULT_ENGINE_AFTER_APPEND);
}
