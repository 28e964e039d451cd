/* The engine thread's loop: inboxes, repeats, dispatch, the open batch, answers.
 *
 * Always: one command is decided and applied whole before the next; its record is in the open batch
 * before its answer is in a ring; a batch is submitted only after the answers that rest on it were
 * published; so the order of the journal is the order of applying, and no answer overtakes its
 * record. Nothing between taking a command and committing its answer locks, allocates, reads a
 * clock, logs or calls the system. */
#include "core/flow/engine.h"
#include "core/base/fault.h"
#include "core/flow/ahead.h"
#include "core/flow/house.h"
#include "core/flow/life.h"
#include "core/flow/principal.h"
#include "core/flow/recover.h"
#include "core/flow/repeat.h"
#include "core/flow/time.h"
#include "core/flow/writer.h"

#define ANSWER_SMALL 4096
#define ANSWER_LARGE (512 * 1024)

/* Verbs of the engine's own inboxes, not in the table. */
#define VERB_RUN_MADE    0xf001
#define VERB_RUN_DROPPED 0xf002

struct stk_engine {
    /* never changes after create */
    struct stk_engine_options options;
    struct stk_inbox *inbox[STK_SUBMITTERS_MAX];
    uint32_t inboxes;
    /* engine thread */
    struct stk_state state;
    struct stk_scratch *scratch;
    struct stk_time time;
    struct stk_writer writer;
    struct stk_house house;
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
        .published = 2000000,
        .promises = 1000000,
        .notes = 10000,
        .note_bytes = UINT64_C(64) << 20,
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
        .published = o->published,
        .promises = o->promises,
        .notes = o->notes,
        .note_bytes = o->note_bytes,
    };
}

static void publish_answers(void *arg)
{
    struct stk_engine *engine = arg;
    for (uint32_t i = 0; i < engine->inboxes; i++)
        stk_inbox_publish_answers(engine->inbox[i]);
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
    engine->writer = (struct stk_writer){.state = &engine->state,
                                         .options = &engine->options,
                                         .counters = &engine->counters,
                                         .scratch = engine->scratch,
                                         .before_submit = publish_answers,
                                         .arg = engine};
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
    engine->writer.now = stk_time_now_ms(&engine->time);
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
    engine->writer.now = stk_time_now_ms(&engine->time);
    engine->house.grace_until_ms =
        engine->state.seq ? engine->writer.now + engine->options.recovery_grace_ms : 0;
    stk_counter_set(&engine->counters.sequence,
                    engine->state.seq); /* known before the first turn */
    return STK_OK;
}

void stk_engine_destroy(struct stk_engine *engine)
{
    if (!engine)
        return;
    for (uint32_t i = 0; i < engine->inboxes; i++) {
        stk_inbox_destroy(engine->inbox[i]);
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
    struct stk_inbox *inbox = stk_inbox_create(&engine->options.log, &engine->bell,
                                               (uint8_t)engine->inboxes, wake, arg, err);
    if (inbox)
        engine->inbox[engine->inboxes++] = inbox;
    return inbox;
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
     * engine itself; pairs with the fence in wake_ready */
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t i = 0; i < engine->inboxes; i++)
        stk_inbox_wake_waiting(engine->inbox[i]);
}

static void wake_ready(struct stk_engine *engine)
{
    /* pairs with the fence in stk_engine_durable: one of the two sees the other's store */
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t i = 0; i < engine->inboxes; i++)
        stk_inbox_wake_ready(engine->inbox[i], engine->state.seq);
}

/* ---- one command ---- */

static enum stk_status may_write(struct stk_engine *engine, struct stk_apply *apply)
{
    if (engine->house.full)
        return stk_apply_refuse(apply, STK_NO_SPACE, "%s", engine->house.full_why);
    if (apply->command->key_size && !stk_dedupe_has_room(&engine->state.dedupe, ANSWER_LARGE))
        return stk_apply_refuse(
            apply, STK_FULL,
            "capacity \"keys\" is used up: recent idempotency keys fill the memory");
    if (!stk_principal_fits(apply))
        return stk_apply_refuse(apply, STK_FULL, "too many different names of tokens");
    return STK_OK;
}

static enum stk_status write_command(struct stk_engine *engine, struct stk_apply *apply)
{
    const struct stk_command *command = apply->command;
    enum stk_status status;
    int fresh = 1;
    if (command->key_size) {
        status = stk_repeat_find(apply, &fresh);
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
        if (command->key_size && !stk_repeat_is_order(command))
            stk_repeat_remember(apply, status);
        stk_writer_end(&engine->writer, apply);
    } else if (command->key_size && stk_repeat_is_remembered(status)) {
        stk_apply_say_uint(apply, "seq", apply->seq); /* whoever asks again sees that it is old */
        stk_doc_map_close(&apply->answer, apply->answer_mark, apply->pairs);
        apply->pairs = 0;
        stk_writer_begin_refusal(&engine->writer, apply);
        stk_repeat_remember(apply, status);
        stk_writer_end(&engine->writer, apply);
    }
    if (status != STK_OK)
        stk_counter_add(&engine->counters.refused, 1);
    return status;
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
    const struct stk_key_entry *entry = stk_repeat_archived(&engine->state, command);
    copy->order_number = entry ? entry->number : 0;
    copy->parked_seq = entry ? entry->seq : engine->state.seq;
    copy->attach_epoch = engine->house.run_epoch;
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
    if (command->attach_epoch != engine->house.run_epoch)
        return 1;
    const struct stk_key_entry *entry = stk_repeat_archived(&engine->state, command);
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
    return command->size > 4096 || command->attach == STK_ATTACH_KEY ||
                   command->verb == STK_VERB_CHANNEL_GRANT
               ? ANSWER_LARGE
               : ANSWER_SMALL;
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
    struct stk_apply apply = stk_writer_apply(&engine->writer, command);
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
    stk_counter_set(&counters->time_ms, (uint64_t)engine->writer.now);
}

/* ---- the turn ---- */

static uint32_t take_slice(struct stk_engine *engine, struct stk_inbox *inbox)
{
    uint32_t taken = 0;
    for (; taken < STK_SLICE_COMMANDS; taken++) {
        uint32_t size;
        struct stk_command *command =
            (struct stk_command *)stk_ring_spsc_peek(&inbox->commands, &size);
        if (!command || !stk_writer_ready(&engine->writer))
            break;
        if (taken % STK_AHEAD == 0)
            stk_ahead(&engine->state, &inbox->commands);
        stk_assert(command->size <= size && command->submitter < engine->inboxes);
        if (command->verb == VERB_RUN_MADE || command->verb == VERB_RUN_DROPPED) {
            stk_house_run_changed(
                &engine->house, &engine->state,
                (const struct stk_run *)((const uint8_t *)command + STK_COMMAND_ARGS),
                command->verb == VERB_RUN_DROPPED);
        } else {
            uint32_t room_size = answer_room(command);
            struct stk_answer *room =
                stk_ring_spsc_reserve(&engine->inbox[command->submitter]->answers, room_size);
            if (!room)
                break; /* its owner must take answers first */
            command->time_ms = engine->writer.now;
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
    engine->writer.now = stk_time_now_ms(&engine->time);
    stk_house_look(&engine->house, &engine->writer);
    stk_house_expire(&engine->house, &engine->writer);
    for (uint32_t i = 0; i < engine->inboxes; i++)
        taken += take_slice(engine, engine->inbox[i]);
    stk_house_archive(&engine->house, &engine->writer);
    stk_house_keep(&engine->house, &engine->writer);
    publish_answers(engine);
    stk_writer_submit_when_idle(&engine->writer);
    wake_ready(engine);
    stk_counter_add(&engine->counters.commands, taken);
    count_up(engine);
    return taken;
}

/* Milliseconds until something is due by itself. */
static int64_t sleep_ns(struct stk_engine *engine)
{
    stk_time_t next_ms = stk_house_next_ms(&engine->house, &engine->writer);
    int64_t wait_ms = 100;
    if (next_ms < engine->writer.now + wait_ms)
        wait_ms = next_ms - engine->writer.now;
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
    while (engine->writer.batch && engine->writer.batch->count) {
        publish_answers(engine);
        stk_writer_submit_when_idle(&engine->writer);
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
