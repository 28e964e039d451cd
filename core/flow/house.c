/* Slices of the engine's own doings, so that orders never wait long. Always: each is an effect in
 * the journal with a record of its own; when the disk is full nothing of it is done; a replay never
 * does any of it by its own clock. */
#include "core/flow/house.h"
#include "core/flow/count.h"
#include "core/flow/earmark.h"
#include "core/flow/life.h"
#include "core/flow/publish.h"
#include "core/flow/snapshot.h"
#include "core/flow/stock.h"

#define HOUSEKEEPING_MS    1000
#define SLICE_HOUSEKEEPING 1000

/* ---- runs of keys ---- */

void stk_house_run_changed(struct stk_house *house, struct stk_state *state,
                           const struct stk_run *run, int dropped)
{
    house->run_epoch++;
    if (dropped) {
        stk_dedupe_drop_run(&state->dedupe, run->id);
        for (uint32_t i = 0; i < house->runs; i++)
            if (house->leaving[i].run.id == run->id)
                house->leaving[i].dropped = 1;
    } else if (house->runs < STK_RUNS_LEAVING_MAX) {
        house->leaving[house->runs++] = (struct stk_leaving){.run = *run};
    }
}

/* The keys up to there are gone from memory, and the runs that end there have all theirs. */
static void pop_runs(struct stk_house *house, struct stk_state *state, stk_seq_t last)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < house->runs; i++) {
        const struct stk_leaving *leaving = &house->leaving[i];
        if (leaving->run.last > last)
            house->leaving[kept++] = *leaving;
        else if (leaving->dropped)
            stk_dedupe_drop_run(&state->dedupe, leaving->run.id);
    }
    house->runs = kept;
}

/* Keys leave memory in slices, up to where the first run of either class ends: those that were made
 * together end at the last key of their own class each. Returns 1 when there is more to do. */
static int forget_slice(struct stk_house *house, struct stk_state *state)
{
    uint32_t of_class[STK_RUN_CLASSES] = {0, 0};
    stk_seq_t last = UINT64_MAX;
    if (house->runs == 0)
        return 0;
    for (uint32_t i = 0; i < house->runs; i++) {
        const struct stk_run *run = &house->leaving[i].run;
        if (of_class[run->class & 1])
            continue;
        of_class[run->class & 1] = run->id;
        last = run->last < last ? run->last : last;
    }
    enum stk_status status = STK_OK;
    uint32_t gone = stk_dedupe_forget(&state->dedupe, last, of_class, SLICE_HOUSEKEEPING, &status);
    if (status != STK_OK || gone == SLICE_HOUSEKEEPING)
        return status == STK_OK;
    pop_runs(house, state, last);
    return house->runs > 0;
}

/* ---- the engine's own doings ---- */

/* Every turn: what may be on its way to the disk when it is said to be full is the batches there
 * are, and so much room the log keeps. */
void stk_house_look(struct stk_house *house, const struct stk_writer *writer)
{
    const struct stk_engine_options *options = writer->options;
    house->full =
        options->full && options->full(options->full_arg, house->full_why, sizeof house->full_why);
}

void stk_house_expire(struct stk_house *house, struct stk_writer *writer)
{
    struct stk_state *state = writer->state;
    stk_wheel_advance(&state->wheel, &state->orders, writer->now);
    if (writer->now < house->grace_until_ms)
        return;
    for (uint32_t n = 0; n < STK_EXPIRY_SLICE && !house->full; n++) {
        uint32_t slot = stk_wheel_due(&state->wheel);
        if (slot == STK_NONE || !stk_writer_ready(writer))
            return;
        struct stk_apply apply = stk_writer_apply(writer, NULL);
        stk_order_expire(&apply, slot);
        stk_writer_end(writer, &apply);
        stk_counter_add(&writer->counters->expired, 1);
    }
}

static int archive_is_due(const struct stk_writer *writer)
{
    const struct stk_wheel *wheel = &writer->state->wheel;
    if (stk_wheel_closed(wheel) == STK_NONE)
        return 0;
    const struct stk_order *order = stk_orders_at(&writer->state->orders, stk_wheel_closed(wheel));
    return order->changed_ms + writer->options->closed_keep_ms <= writer->now ||
           wheel->closed_count > writer->options->closed_keep_max;
}

void stk_house_archive(struct stk_house *house, struct stk_writer *writer)
{
    for (uint32_t n = 0; n < SLICE_HOUSEKEEPING && !house->full && archive_is_due(writer); n++) {
        if (!stk_dedupe_has_room(&writer->state->dedupe, 0) || !stk_writer_ready(writer))
            return;
        struct stk_apply apply = stk_writer_apply(writer, NULL);
        stk_order_archive(&apply, stk_wheel_closed(&writer->state->wheel));
        stk_writer_end(writer, &apply);
        stk_counter_add(&writer->counters->archived, 1);
    }
}

/* One own doing with a record if it did anything. */
static uint32_t own_doing(struct stk_house *house, struct stk_writer *writer,
                          uint32_t (*doing)(struct stk_apply *, uint32_t))
{
    if (house->full || !stk_writer_ready(writer))
        return 0;
    struct stk_apply apply = stk_writer_apply(writer, NULL);
    uint32_t done = doing(&apply, SLICE_HOUSEKEEPING);
    if (apply.open)
        stk_writer_end(writer, &apply);
    return done;
}

void stk_house_keep(struct stk_house *house, struct stk_writer *writer)
{
    house->busy = own_doing(house, writer, stk_snapshot_slice) != 0;
    if (writer->state->channels.sweep != STK_NONE)
        own_doing(house, writer, stk_publish_slice);
    forget_slice(house, writer->state);
    if (writer->now < house->housekept_ms + HOUSEKEEPING_MS)
        return;
    own_doing(house, writer, stk_earmark_end_slice);
    uint32_t early = own_doing(house, writer, stk_order_forget_early);
    uint32_t movements = own_doing(house, writer, stk_stock_forget_movements);
    if (early < SLICE_HOUSEKEEPING && movements < SLICE_HOUSEKEEPING)
        house->housekept_ms = writer->now;
}

stk_time_t stk_house_next_ms(const struct stk_house *house, struct stk_writer *writer)
{
    if (house->busy || writer->state->channels.sweep != STK_NONE)
        return writer->now;
    return writer->now < house->grace_until_ms ? house->grace_until_ms
                                               : stk_wheel_next_ms(&writer->state->wheel);
}
