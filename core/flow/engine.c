/* The engine thread's loop: inboxes, repeats, dispatch, the open batch, answers.
 *
 * Always: one command is decided and applied whole before the next; its record is in the open batch
 * before its answer is in a ring; a batch is submitted only after the answers that rest on it were
 * published; so the order of the journal is the order of applying, and no answer overtakes its
 * record. Nothing between taking a command and committing its answer locks, allocates, reads a
 * clock, logs or calls the system. */
#include "core/flow/engine.h"
#include "core/base/fault.h"
#include "core/base/hash.h"
#include "core/flow/ahead.h"
#include "core/flow/apply.h"
#include "core/flow/count.h"
#include "core/flow/life.h"
#include "core/flow/place.h"
#include "core/flow/plant.h"
#include "core/flow/recover.h"
#include "core/flow/stock.h"
#include "core/flow/time.h"

#define ANSWER_SMALL       4096
#define ANSWER_LARGE       (512 * 1024)
#define HOUSEKEEPING_MS    1000
#define SLICE_HOUSEKEEPING 1000

/* Verbs of the engine's own inboxes, not in the table. */
#define VERB_RUN_MADE    0xf001
#define VERB_RUN_DROPPED 0xf002

struct stk_inbox {
    struct stk_ring_spsc commands;
    struct stk_ring_spsc answers;
    struct stk_engine *engine;
    void (*wake)(void *arg);
    void *arg;
    uint8_t number;
    uint8_t dirty;     /* engine: answers committed, not yet published */
    uint8_t published; /* engine: something may be ready, tell the owner at the end of the turn */
};

struct stk_engine {
    /* never changes after create */
    struct stk_engine_options options;
    struct stk_inbox *inbox[STK_SUBMITTERS_MAX];
    uint32_t inboxes;
    /* engine thread */
    struct stk_state state;
    struct stk_scratch *scratch;
    struct stk_time time;
    stk_time_t now;
    struct stk_batch *batch; /* the open one; NULL while all are on their way */
    stk_time_t grace_until_ms;
    stk_time_t housekept_ms;
    uint64_t run_epoch;     /* grows with every run made or dropped */
    struct stk_run run[64]; /* runs whose keys are leaving memory */
    uint32_t runs;
    uint32_t forget_run_of_class[2];
    int full;
    char full_why[STK_TEXT_MAX];
    struct stk_engine_counters counters;
    struct stk_ring_spsc parked;
    /* shared */
    struct stk_park bell;
    struct stk_park parked_bell;
    _Atomic int stop;
};

void stk_engine_defaults(struct stk_engine_options *options)
{
    const int64_t day_ms = INT64_C(24) * 3600 * 1000;
    *options = (struct stk_engine_options){
        .skus = 1000000,
        .cells = 2000000,
        .listings = 1000000,
        .components = 2000000,
        .orders = 4000000,
        .holds = 8000000,
        .order_bytes = UINT64_C(4) << 30,
        .text_bytes = UINT64_C(1) << 30,
        .keys = 4000000,
        .key_bytes = UINT64_C(1) << 30,
        .keys_on_disk = 100000000,
        .movements = 4000000,
        .incoming = 100000,
        .earmarks = 10000,
        .transfers = 10000,
        .shortfalls = 100000,
        .snapshot_rows = 1000000,
        .early = 100000,
        .key_window_ms = 7 * day_ms,
        .closed_keep_ms = day_ms,
        .closed_keep_max = 1000000,
        .movement_window_ms = 7 * day_ms,
        .breaker_percent = 30,
        .recovery_grace_ms = STK_RECOVERY_GRACE_MS,
        .clock = stk_clock_real(),
    };
}

static struct stk_state_capacity capacity_of(const struct stk_engine_options *o)
{
    return (struct stk_state_capacity){
        .catalog = {.skus = o->skus,
                    .cells = o->cells,
                    .aliases = o->skus,
                    .listings = o->listings,
                    .components = o->components,
                    .text_bytes = o->text_bytes},
        .book = {.movements = o->movements,
                 .incoming = o->incoming,
                 .earmarks = o->earmarks,
                 .transfers = o->transfers,
                 .snapshots = 64,
                 .snapshot_rows = o->snapshot_rows,
                 .shortfalls = o->shortfalls,
                 .early = o->early,
                 .text_bytes = UINT64_C(256) << 20},
        .orders = o->orders,
        .holds = o->holds,
        .keys = o->keys,
        .keys_on_disk = o->keys_on_disk,
        .order_bytes = o->order_bytes,
        .key_bytes = o->key_bytes,
    };
}

enum stk_status stk_engine_create(struct stk_engine **out, const struct stk_engine_options *options,
                                  struct stk_error *err)
{
    struct stk_state_capacity capacity = capacity_of(options);
    struct stk_engine *engine = stk_alloc(sizeof *engine);
    if (!engine)
        return stk_error_set(err, STK_NO_MEMORY, "engine: out of memory");
    engine->options = *options;
    engine->scratch = stk_alloc(sizeof *engine->scratch);
    if (!engine->scratch) {
        stk_engine_destroy(engine);
        return stk_error_set(err, STK_NO_MEMORY, "engine: out of memory");
    }
    engine->scratch->marks =
        stk_mem_reserve((uint64_t)options->cells * sizeof(struct stk_mark), 0, err);
    if (!engine->scratch->marks || stk_state_init(&engine->state, &capacity, err) != STK_OK ||
        stk_ring_spsc_init(&engine->parked, STK_INBOX_BYTES, err) != STK_OK) {
        enum stk_status status = err ? err->status : STK_NO_MEMORY;
        stk_engine_destroy(engine);
        return status;
    }
    stk_orders_touch(&engine->state.orders, options->orders_touched);
    stk_time_init(&engine->time, options->clock, 0);
    engine->now = stk_time_now_ms(&engine->time);
    *out = engine;
    return STK_OK;
}

enum stk_status stk_engine_load(struct stk_engine *engine, struct stk_rows *rows,
                                struct stk_error *err)
{
    enum stk_status status = stk_recover(&engine->state, rows, &engine->options.log, err);
    if (status != STK_OK)
        return status;
    stk_time_init(&engine->time, engine->options.clock, engine->state.time_ms);
    engine->now = stk_time_now_ms(&engine->time);
    engine->grace_until_ms =
        engine->state.seq ? engine->now + engine->options.recovery_grace_ms : 0;
    stk_counter_set(&engine->counters.sequence,
                    engine->state.seq); /* known before the first turn */
    return STK_OK;
}

void stk_engine_destroy(struct stk_engine *engine)
{
    if (!engine)
        return;
    for (uint32_t i = 0; i < engine->inboxes; i++) {
        stk_ring_spsc_fini(&engine->inbox[i]->commands);
        stk_ring_spsc_fini(&engine->inbox[i]->answers);
        stk_free(engine->inbox[i]);
    }
    stk_ring_spsc_fini(&engine->parked);
    stk_state_fini(&engine->state);
    if (engine->scratch && engine->scratch->marks)
        stk_mem_unreserve(engine->scratch->marks,
                          (uint64_t)engine->options.cells * sizeof(struct stk_mark));
    stk_free(engine->scratch);
    stk_free(engine);
}

/* ---- inboxes ---- */

struct stk_inbox *stk_engine_inbox_open(struct stk_engine *engine, void (*wake)(void *arg),
                                        void *arg, struct stk_error *err)
{
    if (engine->inboxes == STK_SUBMITTERS_MAX) {
        stk_error_set(err, STK_FULL, "engine: no more than %d inboxes", STK_SUBMITTERS_MAX);
        return NULL;
    }
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
    inbox->engine = engine;
    inbox->wake = wake;
    inbox->arg = arg;
    inbox->number = (uint8_t)engine->inboxes;
    engine->inbox[engine->inboxes++] = inbox;
    return inbox;
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
        stk_park_wake(&inbox->engine->bell);
}

const struct stk_answer *stk_inbox_answer(struct stk_inbox *inbox)
{
    const struct stk_log *log = &inbox->engine->options.log;
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
    stk_park_wake(&inbox->engine->bell);
}

struct stk_ring_spsc *stk_engine_parked(struct stk_engine *engine)
{
    return &engine->parked;
}

struct stk_park *stk_engine_parked_bell(struct stk_engine *engine)
{
    return &engine->parked_bell;
}

void stk_engine_run_changed(struct stk_inbox *inbox, const struct stk_run *run, int dropped)
{
    uint32_t size = STK_COMMAND_ARGS + (uint32_t)sizeof *run;
    struct stk_command *command = stk_inbox_reserve(inbox, size);
    stk_assert(command); /* runs are rare and the ring is large */
    memset(command, 0, STK_COMMAND_ARGS);
    command->size = size;
    command->verb = dropped ? VERB_RUN_DROPPED : VERB_RUN_MADE;
    memcpy((uint8_t *)command + STK_COMMAND_ARGS, run, sizeof *run);
    stk_inbox_commit(inbox, command);
    stk_inbox_publish(inbox);
}

void stk_engine_durable(struct stk_engine *engine, stk_seq_t seq)
{
    (void)seq;
    stk_park_wake(&engine->bell);
    /* after the durable sequence is stored: an answer that is published later is looked at by the
     * engine itself; pairs with the fence in publish_answers */
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t i = 0; i < engine->inboxes; i++)
        if (engine->inbox[i]->wake && stk_ring_spsc_used(&engine->inbox[i]->answers))
            engine->inbox[i]->wake(engine->inbox[i]->arg);
}

/* ---- the batch ---- */

static void publish_answers(struct stk_engine *engine)
{
    const struct stk_log *log = &engine->options.log;
    (void)log;
    for (uint32_t i = 0; i < engine->inboxes; i++) {
        struct stk_inbox *inbox = engine->inbox[i];
        if (!inbox->dirty)
            continue;
        stk_ring_spsc_publish(&inbox->answers);
        inbox->dirty = 0;
        inbox->published = 1;
    }
}

/* Answers that wait for nothing that is still on its way: the journal will not wake their owners.
 */
static void wake_ready(struct stk_engine *engine)
{
    const struct stk_log *log = &engine->options.log;
    /* pairs with the fence in stk_engine_durable: one of the two sees the other's store */
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t i = 0; i < engine->inboxes; i++) {
        struct stk_inbox *inbox = engine->inbox[i];
        if (!inbox->published)
            continue;
        inbox->published = 0;
        if (inbox->wake && (log->idle(log->self) || log->durable(log->self) >= engine->state.seq))
            inbox->wake(inbox->arg);
        else if (inbox->wake)
            inbox->published =
                1; /* looked at again in the next turn, unless the journal comes first */
    }
}

static int batch_ready(struct stk_engine *engine)
{
    const struct stk_log *log = &engine->options.log;
    if (engine->batch && stk_batch_has_room(engine->batch))
        return 1;
    if (engine->batch) {
        publish_answers(engine);
        log->submit(log->self, engine->batch);
    }
    engine->batch = log->take(log->self);
    if (engine->batch)
        stk_batch_reset(engine->batch, engine->state.seq + 1);
    else
        stk_counter_add(&engine->counters.batch_full_waits, 1);
    return engine->batch != NULL;
}

static void submit_when_idle(struct stk_engine *engine)
{
    const struct stk_log *log = &engine->options.log;
    if (!engine->batch || engine->batch->count == 0 || !log->idle(log->self))
        return;
    log->submit(log->self, engine->batch);
    engine->batch = NULL;
}

/* ---- one command ---- */

static struct stk_apply begin_apply(struct stk_engine *engine, const struct stk_command *command)
{
    engine->scratch->turn++;
    if (engine->scratch->turn == 0) /* the marks' numbers come round: none may look fresh */
        engine->scratch->turn = 1;
    engine->scratch->touched_count = 0;
    return (struct stk_apply){
        .state = &engine->state,
        .options = &engine->options,
        .counters = &engine->counters,
        .scratch = engine->scratch,
        .command = command,
        .args = command ? stk_command_args(command) : NULL,
        .present = command ? *(const uint64_t *)stk_command_args(command) : 0,
        .now = engine->now,
        .seq = engine->state.seq + 1,
        .batch = engine->batch,
        .wait_seq = engine->state.seq,
    };
}

static void end_record(struct stk_engine *engine, struct stk_apply *apply)
{
    stk_plant_cells(apply);
    stk_apply_rows_of_cells(apply);
    stk_seq_t seq =
        stk_batch_record_close(engine->batch, stk_record_size(&apply->record), engine->now);
    stk_assert(seq == apply->seq);
    engine->state.seq = seq;
    engine->state.time_ms = engine->now;
    apply->open = 0;
    stk_counter_add(&engine->counters.effects, 1);
    (void)stk_fault_point(STK_FAULT_ENGINE_AFTER_APPEND);
}

static int is_order_key(const struct stk_command *command)
{
    return command->verb == STK_VERB_ORDER_PLACE || command->verb == STK_VERB_ORDER_SELL;
}

static int is_remembered(enum stk_status status)
{
    switch (status) {
    case STK_OK:
    case STK_SHORT:
    case STK_STATE:
    case STK_STALE:
    case STK_TOO_OLD:
    case STK_MISMATCH:
    case STK_CANCELLED:
    case STK_BREAKER:
    case STK_EXISTS:
        return 1;
    default:
        return 0;
    }
}

/* Give the answer that was given before, byte for byte. */
static enum stk_status repeat(struct stk_engine *engine, struct stk_apply *apply,
                              struct stk_hash body, enum stk_status status, struct stk_bytes doc,
                              stk_seq_t seq)
{
    if (!stk_hash_equal(body, apply->command->body))
        return stk_apply_refuse(apply, STK_CONFLICT,
                                "id: this id was used before by this source with other contents");
    stk_counter_add(&engine->counters.repeated, 1);
    stk_doc_raw(&apply->answer, doc.data, doc.size);
    apply->wait_seq = seq;
    return status;
}

static enum stk_status repeat_order(struct stk_engine *engine, struct stk_apply *apply,
                                    uint32_t slot)
{
    const struct stk_order *order = stk_orders_at(&engine->state.orders, slot);
    if (!stk_hash_equal(order->body, apply->command->body))
        return stk_apply_refuse(apply, STK_CONFLICT, "id: this order exists with other contents");
    stk_counter_add(&engine->counters.repeated, 1);
    stk_apply_say_uint(apply, "seq", order->number);
    stk_order_say_placed(apply, order);
    return STK_OK;
}

static enum stk_status repeat_from_disk(struct stk_engine *engine, struct stk_apply *apply)
{
    const struct stk_command *command = apply->command;
    struct stk_key_answer kept;
    struct stk_error err = {0};
    struct stk_bytes value = stk_command_bytes(command, command->attached);
    enum stk_status status = stk_row_read_key(value, &kept, &err);
    if (status != STK_OK)
        return stk_apply_refuse(apply, status, "%s", err.text);
    return repeat(engine, apply, kept.body, kept.status, kept.doc, 0);
}

/* Has this key been used? *fresh = 1: no. Else the status to answer with; STK_AGAIN: ask the disk.
 */
static enum stk_status find_repeat(struct stk_engine *engine, struct stk_apply *apply, int *fresh)
{
    struct stk_state *state = &engine->state;
    const struct stk_command *command = apply->command;
    *fresh = 0;
    if (is_order_key(command)) {
        uint32_t slot = stk_orders_find(&state->orders, command->key);
        if (slot != STK_NONE)
            return repeat_order(engine, apply, slot);
    }
    const struct stk_key_entry *entry = stk_dedupe_find(&state->dedupe, command->key);
    if (entry && entry->class == 0)
        return repeat(engine, apply, entry->body, entry->status,
                      stk_dedupe_doc(&state->dedupe, entry), entry->seq);
    if (command->attach == STK_ATTACH_FAILED)
        return stk_apply_refuse(apply, STK_IO, "the state on disk could not be read");
    if (command->attach == STK_ATTACH_KEY)
        return repeat_from_disk(engine, apply);
    if (is_order_key(command) && command->attach == STK_ATTACH_ORDER) {
        uint32_t slot;
        enum stk_status status = stk_apply_order(apply, &slot);
        return status == STK_OK ? repeat_order(engine, apply, slot) : status;
    }
    if (entry || (command->attach == STK_ATTACH_NONE &&
                  stk_dedupe_may_be_on_disk(&state->dedupe, command->key)))
        return STK_AGAIN;
    *fresh = 1;
    return STK_OK;
}

/* Remember the answer under the command's key, in the record and in memory. */
static void remember(struct stk_engine *engine, struct stk_apply *apply, enum stk_status status)
{
    const struct stk_command *command = apply->command;
    struct stk_key_entry entry = {
        .key = command->key,
        .body = command->body,
        .seq = apply->seq,
        .status = (uint16_t)status,
        .verb = command->verb,
        .doc_size = apply->answer.size,
    };
    struct stk_bytes doc = {(const char *)apply->answer.data, apply->answer.size};
    if (!stk_plant_key(apply, &entry, engine->now, doc))
        stk_row_put_key(&apply->record, &entry, engine->now,
                        stk_command_bytes(command, command->source),
                        stk_command_bytes(command, command->id), doc);
    stk_dedupe_add(&engine->state.dedupe, &entry, doc);
}

/* A refusal that is remembered has a record of its own, with nothing but the key. */
static void remember_refusal(struct stk_engine *engine, struct stk_apply *apply,
                             enum stk_status status)
{
    const struct stk_command *command = apply->command;
    stk_time_t base_ms = engine->batch->count ? engine->batch->time_ms : engine->now;
    stk_record_begin(&apply->record, stk_batch_record_open(engine->batch), command->verb,
                     engine->now - base_ms, command->who);
    apply->open = 1;
    apply->wait_seq = apply->seq;
    remember(engine, apply, status);
    end_record(engine, apply);
}

static enum stk_status may_write(struct stk_engine *engine, struct stk_apply *apply)
{
    if (engine->full)
        return stk_apply_refuse(apply, STK_NO_SPACE, "%s", engine->full_why);
    if (apply->command->key_size && !stk_dedupe_has_room(&engine->state.dedupe, ANSWER_LARGE))
        return stk_apply_refuse(
            apply, STK_FULL,
            "capacity \"keys\" is used up: recent idempotency keys fill the memory");
    return STK_OK;
}

static enum stk_status write_command(struct stk_engine *engine, struct stk_apply *apply)
{
    const struct stk_command *command = apply->command;
    enum stk_status status;
    int fresh = 1;
    if (command->key_size) {
        status = find_repeat(engine, apply, &fresh);
        if (!fresh)
            return status;
    }
    status = may_write(engine, apply);
    if (status != STK_OK)
        return status;
    status = stk_apply_verb(command->verb)(apply);
    (void)stk_fault_point(STK_FAULT_ENGINE_AFTER_APPLY);
    if (status == STK_AGAIN)
        return status;
    if (apply->open) {
        stk_assert(status == STK_OK);
        stk_doc_map_close(&apply->answer, apply->answer_mark, apply->pairs);
        apply->pairs = 0;
        if (command->key_size && !is_order_key(command))
            remember(engine, apply, status);
        end_record(engine, apply);
    } else if (command->key_size && is_remembered(status)) {
        stk_doc_map_close(&apply->answer, apply->answer_mark, apply->pairs);
        apply->pairs = 0;
        remember_refusal(engine, apply, status);
    }
    if (status != STK_OK)
        stk_counter_add(&engine->counters.refused, 1);
    return status;
}

/* Of an order that has left memory so recently that its key is in no run on disk yet: the reader
 * could not find it by its key. */
static const struct stk_key_entry *archived(const struct stk_engine *engine,
                                            const struct stk_command *command)
{
    const struct stk_key_entry *entry = stk_dedupe_find(
        &engine->state.dedupe, is_order_key(command) ? command->key : command->order_key);
    return entry && entry->class == 1 ? entry : NULL;
}

/* A copy goes to the reader thread, which brings it again with what it found. */
static enum stk_status park(struct stk_engine *engine, struct stk_apply *apply)
{
    const struct stk_command *command = apply->command;
    struct stk_command *copy = stk_ring_spsc_reserve(&engine->parked, command->size);
    if (!copy)
        return stk_apply_refuse(apply, STK_BUSY, "too many look-ups on disk are waiting");
    memcpy(copy, command, command->size);
    copy->attach = STK_ATTACH_NONE;
    const struct stk_key_entry *entry = archived(engine, command);
    copy->order_number = entry ? entry->number : 0;
    copy->parked_seq = entry ? entry->seq : engine->state.seq;
    copy->attach_epoch = engine->run_epoch;
    stk_ring_spsc_commit(&engine->parked, command->size);
    stk_counter_add(&engine->counters.parked, 1);
    if (stk_ring_spsc_publish(&engine->parked))
        stk_park_wake(&engine->parked_bell);
    return STK_AGAIN;
}

/* What the reader found may be old: a run was made or dropped since, or the order came back,
 * changed and was archived again. */
static int attachment_is_old(const struct stk_engine *engine, const struct stk_command *command)
{
    if (command->attach != STK_ATTACH_ABSENT && command->attach != STK_ATTACH_ORDER)
        return 0;
    if (command->attach_epoch != engine->run_epoch)
        return 1;
    const struct stk_key_entry *entry = archived(engine, command);
    return entry && entry->seq > command->parked_seq;
}

static enum stk_status decide(struct stk_engine *engine, struct stk_apply *apply)
{
    const struct stk_command *command = apply->command;
    const struct stk_verb *verb = stk_verb_by_number(command->verb);
    stk_apply_fn fn = stk_apply_verb(command->verb);
    enum stk_status status;
    if (verb && verb->kind == STK_VERB_READER)
        return park(engine, apply);
    if (!verb || !fn)
        return stk_apply_refuse(apply, STK_UNKNOWN, "unknown verb %u", command->verb);
    if (attachment_is_old(engine, command))
        return park(engine, apply);
    status = verb->kind == STK_VERB_WRITE ? write_command(engine, apply) : fn(apply);
    if (apply->loaded && !apply->began) /* it was only looked at: nothing to archive anew */
        stk_order_unload(&engine->state, apply->loaded - 1);
    return status == STK_AGAIN ? park(engine, apply) : status;
}

static uint32_t answer_room(const struct stk_command *command)
{
    const struct stk_verb *verb = stk_verb_by_number(command->verb);
    if (command->attach == STK_ATTACH_ANSWER)
        return (uint32_t)sizeof(struct stk_answer) + command->attached.size;
    if (verb && verb->kind == STK_VERB_READ)
        return STK_ANSWER_MAX;
    return command->size > 4096 || command->attach == STK_ATTACH_KEY ? ANSWER_LARGE : ANSWER_SMALL;
}

static void relay(struct stk_inbox *to, struct stk_answer *room, const struct stk_command *command)
{
    stk_assert(command->attached.size >= sizeof *room);
    memcpy(room, (const uint8_t *)command + command->attached.offset, command->attached.size);
    room->ticket = command->ticket;
    stk_ring_spsc_commit(&to->answers, command->attached.size);
    to->dirty = 1;
}

static void answer_command(struct stk_engine *engine, const struct stk_command *command,
                           struct stk_answer *room, uint32_t room_size)
{
    struct stk_inbox *to = engine->inbox[command->submitter];
    if (command->attach == STK_ATTACH_ANSWER) {
        relay(to, room, command);
        return;
    }
    struct stk_apply apply = begin_apply(engine, command);
    apply.answer = stk_doc(room + 1, room_size - (uint32_t)sizeof *room);
    enum stk_status status = decide(engine, &apply);
    if (status == STK_AGAIN)
        return; /* parked: the answer comes later */
    if (apply.pairs)
        stk_doc_map_close(&apply.answer, apply.answer_mark, apply.pairs);
    else if (apply.answer.size == 0)
        stk_doc_map(&apply.answer, 0);
    stk_assert(!apply.answer.overflow);
    if (status != STK_OK && stk_fault_point(STK_FAULT_PLANT_REFUSAL_EARLY))
        apply.wait_seq = 0;
    *room = (struct stk_answer){.ticket = command->ticket,
                                .wait_seq = apply.wait_seq,
                                .status = (uint16_t)status,
                                .verb = command->verb,
                                .doc_size = apply.answer.size};
    stk_ring_spsc_commit(&to->answers, (uint32_t)sizeof *room + apply.answer.size);
    to->dirty = 1;
}

/* ---- runs of keys ---- */

static void run_changed(struct stk_engine *engine, const struct stk_command *command)
{
    const struct stk_run *run =
        (const struct stk_run *)((const uint8_t *)command + STK_COMMAND_ARGS);
    engine->run_epoch++;
    if (command->verb == VERB_RUN_DROPPED)
        stk_dedupe_drop_run(&engine->state.dedupe, run->id);
    else if (engine->runs < 64)
        engine->run[engine->runs++] = *run;
}

/* Runs come in pairs of classes for the same sequences, or one of them alone; keys leave memory in
 * slices. Returns 1 when there is more to do. */
static int forget_slice(struct stk_engine *engine)
{
    if (engine->runs == 0)
        return 0;
    stk_seq_t last = engine->run[0].last;
    uint32_t of_class[2] = {0, 0};
    uint32_t same = 0;
    while (same < engine->runs && engine->run[same].last == last) {
        of_class[engine->run[same].class & 1] = engine->run[same].id;
        same++;
    }
    enum stk_status status = STK_OK;
    uint32_t gone =
        stk_dedupe_forget(&engine->state.dedupe, last, of_class, SLICE_HOUSEKEEPING, &status);
    if (status != STK_OK || gone == SLICE_HOUSEKEEPING)
        return status == STK_OK;
    engine->runs -= same;
    memmove(engine->run, engine->run + same, engine->runs * sizeof engine->run[0]);
    return engine->runs > 0;
}

/* ---- the engine's own doings ---- */

static void expire_slice(struct stk_engine *engine)
{
    struct stk_state *state = &engine->state;
    stk_wheel_advance(&state->wheel, &state->orders, engine->now);
    if (engine->now < engine->grace_until_ms)
        return;
    for (uint32_t n = 0; n < STK_EXPIRY_SLICE && !engine->full; n++) {
        uint32_t slot = stk_wheel_due(&state->wheel);
        if (slot == STK_NONE || !batch_ready(engine))
            return;
        struct stk_apply apply = begin_apply(engine, NULL);
        stk_order_expire(&apply, slot);
        end_record(engine, &apply);
        stk_counter_add(&engine->counters.expired, 1);
    }
}

static int archive_is_due(const struct stk_engine *engine)
{
    const struct stk_wheel *wheel = &engine->state.wheel;
    if (stk_wheel_closed(wheel) == STK_NONE)
        return 0;
    const struct stk_order *order = stk_orders_at(&engine->state.orders, stk_wheel_closed(wheel));
    return order->changed_ms + engine->options.closed_keep_ms <= engine->now ||
           wheel->closed_count > engine->options.closed_keep_max;
}

static void archive_slice(struct stk_engine *engine)
{
    for (uint32_t n = 0; n < SLICE_HOUSEKEEPING && !engine->full && archive_is_due(engine); n++) {
        if (!stk_dedupe_has_room(&engine->state.dedupe, 0) || !batch_ready(engine))
            return;
        struct stk_apply apply = begin_apply(engine, NULL);
        stk_order_archive(&apply, stk_wheel_closed(&engine->state.wheel));
        end_record(engine, &apply);
        stk_counter_add(&engine->counters.archived, 1);
    }
}

/* One own doing with a record if it did anything. */
static uint32_t own_doing(struct stk_engine *engine,
                          uint32_t (*doing)(struct stk_apply *, uint32_t))
{
    if (engine->full || !batch_ready(engine))
        return 0;
    struct stk_apply apply = begin_apply(engine, NULL);
    uint32_t done = doing(&apply, SLICE_HOUSEKEEPING);
    if (apply.open)
        end_record(engine, &apply);
    return done;
}

static void count_up(struct stk_engine *engine)
{
    struct stk_engine_counters *counters = &engine->counters;
    const struct stk_state *state = &engine->state;
    stk_counter_set(&counters->skus, state->catalog.skus.used);
    stk_counter_set(&counters->cells, state->catalog.cells.used);
    stk_counter_set(&counters->listings, state->catalog.listings.used);
    stk_counter_set(&counters->orders, state->orders.orders.used);
    stk_counter_set(&counters->orders_open, state->orders.orders.used - state->wheel.closed_count);
    stk_counter_set(&counters->holds, state->orders.holds.used);
    stk_counter_set(&counters->keys, state->dedupe.count);
    stk_counter_set(&counters->keys_on_disk, state->dedupe.filter_count);
    stk_counter_set(&counters->sequence, state->seq);
    stk_counter_set(&counters->time_ms, (uint64_t)engine->now);
}

static void housekeep(struct stk_engine *engine)
{
    const struct stk_engine_options *options = &engine->options;
    own_doing(engine, stk_snapshot_slice);
    forget_slice(engine);
    if (engine->now < engine->housekept_ms + HOUSEKEEPING_MS)
        return;
    engine->full = options->full &&
                   options->full(options->full_arg, engine->full_why, sizeof engine->full_why);
    own_doing(engine, stk_stock_end_earmarks);
    if (own_doing(engine, stk_stock_forget_movements) < SLICE_HOUSEKEEPING)
        engine->housekept_ms = engine->now;
}

/* ---- the turn ---- */

static uint32_t take_slice(struct stk_engine *engine, struct stk_inbox *inbox)
{
    uint32_t taken = 0;
    for (; taken < STK_SLICE_COMMANDS; taken++) {
        uint32_t size;
        struct stk_command *command =
            (struct stk_command *)stk_ring_spsc_peek(&inbox->commands, &size);
        if (!command || !batch_ready(engine))
            break;
        if (taken % STK_AHEAD == 0)
            stk_ahead(&engine->state, &inbox->commands);
        stk_assert(command->size <= size && command->submitter < engine->inboxes);
        if (command->verb == VERB_RUN_MADE || command->verb == VERB_RUN_DROPPED) {
            run_changed(engine, command);
        } else {
            uint32_t room_size = answer_room(command);
            struct stk_answer *room =
                stk_ring_spsc_reserve(&engine->inbox[command->submitter]->answers, room_size);
            if (!room)
                break; /* its owner must take answers first */
            command->time_ms = engine->now;
            answer_command(engine, command, room, room_size);
        }
        stk_ring_spsc_next(&inbox->commands, &size);
    }
    if (taken)
        stk_ring_spsc_release(&inbox->commands);
    return taken;
}

uint32_t stk_engine_turn(struct stk_engine *engine)
{
    uint32_t taken = 0;
    stk_assert(stk_thread_is(STK_ROLE_ENGINE));
    engine->now = stk_time_now_ms(&engine->time);
    expire_slice(engine);
    for (uint32_t i = 0; i < engine->inboxes; i++)
        taken += take_slice(engine, engine->inbox[i]);
    archive_slice(engine);
    housekeep(engine);
    publish_answers(engine);
    submit_when_idle(engine);
    wake_ready(engine);
    stk_counter_add(&engine->counters.commands, taken);
    count_up(engine);
    return taken;
}

/* Milliseconds until something is due by itself. */
static int64_t sleep_ns(struct stk_engine *engine)
{
    stk_time_t next_ms = stk_wheel_next_ms(&engine->state.wheel);
    int64_t wait_ms = 100;
    if (engine->now < engine->grace_until_ms)
        next_ms = engine->grace_until_ms;
    if (next_ms < engine->now + wait_ms)
        wait_ms = next_ms - engine->now;
    return wait_ms <= 0 ? 0 : wait_ms * 1000000;
}

static void sleep_until_told(struct stk_engine *engine)
{
    uint32_t prepared = 0;
    int64_t wait_ns = sleep_ns(engine);
    for (; prepared < engine->inboxes; prepared++)
        if (!stk_ring_spsc_prepare_sleep(&engine->inbox[prepared]->commands))
            break;
    if (prepared == engine->inboxes && wait_ns)
        stk_park_wait(&engine->bell, wait_ns);
    for (uint32_t i = 0; i < prepared; i++)
        stk_ring_spsc_cancel_sleep(&engine->inbox[i]->commands);
}

void stk_engine_run(struct stk_engine *engine)
{
    const struct stk_log *log = &engine->options.log;
    /* acquire: pairs with the store in stk_engine_stop */
    while (!atomic_load_explicit(&engine->stop, memory_order_acquire))
        if (stk_engine_turn(engine) == 0)
            sleep_until_told(engine);
    while (engine->batch && engine->batch->count) {
        publish_answers(engine);
        submit_when_idle(engine);
        stk_park_wait(&engine->bell, 1000000);
    }
    while (!log->idle(log->self))
        stk_park_wait(&engine->bell, 1000000);
    publish_answers(engine);
    wake_ready(engine);
}

void stk_engine_stop(struct stk_engine *engine)
{
    /* release: pairs with the acquire in run */
    atomic_store_explicit(&engine->stop, 1, memory_order_release);
    stk_park_wake(&engine->bell);
}

const struct stk_engine_counters *stk_engine_counters(const struct stk_engine *engine)
{
    return &engine->counters;
}

struct stk_state *stk_engine_state(struct stk_engine *engine)
{
    return &engine->state;
}
