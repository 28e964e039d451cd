/* The journal: batches go from the engine to the journal thread and back in a circle of three;
 * the thread closes, appends, commits, publishes. Nobody waits for a lock on that way.
 *
 * Threads: take, submit, idle: engine. flush and all below it: journal. read, durable, pin, range,
 * full, stats: any. The keeper and the hasher are threads of their own with their own files.
 *
 * Always true: a sequence is published as durable only after the commit that holds it returned
 * success; after a failed commit nothing is written any more. */
#include "core/store/journal.h"
#include "core/base/clock.h"
#include "core/base/fault.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/store/hasher.h"
#include "core/store/keeper.h"
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

struct stk_journal {
    /* constant after open */
    struct stk_journal_options options;
    struct stk_path folder;
    struct stk_clock clock;
    struct stk_shelf *shelf;
    struct stk_keeper *keeper;
    struct stk_hasher *hasher;
    struct stk_thread thread;
    struct stk_batch batches[STK_BATCHES];
    uint8_t id[STK_JOURNAL_ID_BYTES];
    int lock_fd;
    int started;

    /* engine writes */
    alignas(64) uint64_t taken;
    stk_seq_t next_first;
    _Atomic uint64_t submitted;

    /* journal thread writes */
    alignas(64) _Atomic stk_seq_t durable;
    _Atomic uint64_t flushed;    /* batches that are durable */
    _Atomic uint64_t returned;   /* and whose memory the engine may have again */
    _Atomic uint64_t room_bytes; /* in the segment in use */
    struct stk_shelf_segment *current;
    stk_time_t last_ms;
    uint64_t number;                /* of the last batch */
    uint8_t chain[STK_CHAIN_BYTES]; /* its hash */
    int hashing;                    /* the hash of the last batch is not here yet */
    struct stk_counter flushes, effects, bytes;
    struct stk_histogram flush_us;

    /* any thread writes */
    alignas(64) struct stk_park park;
    _Atomic int stopping;
    _Atomic stk_seq_t pins[STK_JOURNAL_PINS];
};

/* ---- the engine's side ---- */

static struct stk_batch *take(void *self)
{
    struct stk_journal *journal = self;
    stk_assert(stk_thread_is(STK_ROLE_ENGINE));
    /* acquire: pairs with the release store in give_back; the hasher is done with the bytes */
    if (journal->taken - atomic_load_explicit(&journal->returned, memory_order_acquire) ==
        STK_BATCHES)
        return NULL;
    struct stk_batch *batch = &journal->batches[journal->taken++ % STK_BATCHES];
    stk_batch_reset(batch, journal->next_first);
    return batch;
}

static void submit(void *self, struct stk_batch *batch)
{
    struct stk_journal *journal = self;
    uint64_t submitted = atomic_load_explicit(&journal->submitted, memory_order_relaxed);
    stk_assert(stk_thread_is(STK_ROLE_ENGINE));
    stk_assert(submitted < journal->taken && batch == &journal->batches[submitted % STK_BATCHES]);
    stk_assert(batch->count > 0 && batch->first == journal->next_first);
    journal->next_first += batch->count;
    /* release: pairs with the acquire load in next_batch */
    atomic_store_explicit(&journal->submitted, submitted + 1, memory_order_release);
    stk_park_wake(&journal->park);
}

static int idle(void *self)
{
    struct stk_journal *journal = self;
    /* acquire: pairs with the release store in publish */
    return atomic_load_explicit(&journal->flushed, memory_order_acquire) ==
           atomic_load_explicit(&journal->submitted, memory_order_relaxed);
}

static stk_seq_t durable(void *self)
{
    struct stk_journal *journal = self;
    /* acquire: pairs with the release store in publish */
    return atomic_load_explicit(&journal->durable, memory_order_acquire);
}

/* ---- the journal thread ---- */

/* Wait for the keeper's next segment. STK_NO_SPACE: told to stop while there is no room for it. */
static enum stk_status await_segment(struct stk_journal *journal, struct stk_error *err)
{
    while (!stk_keeper_ready(journal->keeper)) {
        if (atomic_load_explicit(&journal->stopping, memory_order_relaxed) &&
            stk_keeper_blocked(journal->keeper))
            return stk_error_set(err, STK_NO_SPACE, "no segment to write to, told to stop");
        stk_keeper_wake(journal->keeper);
        stk_park_wait(&journal->park, 100000000);
    }
    return STK_OK;
}

static enum stk_status change_segment(struct stk_journal *journal, stk_seq_t first,
                                      struct stk_error *err)
{
    struct stk_shelf_segment *next;
    enum stk_status status = await_segment(journal, err);
    if (status == STK_OK)
        status = stk_shelf_extend(journal->shelf, first, journal->last_ms, &next, err);
    if (status != STK_OK)
        return status;
    stk_shelf_give_back(journal->shelf, journal->current);
    journal->current = next;
    return STK_OK;
}

static void end_hash(struct stk_journal *journal)
{
    if (journal->hashing)
        stk_hasher_end(journal->hasher, journal->chain);
    journal->hashing = 0;
}

static enum stk_status injected(struct stk_error *err, enum stk_fault point)
{
    if (!stk_fault_point(point))
        return STK_OK;
    return stk_error_set(err, STK_IO, "fault injected at %s", stk_fault_name(point));
}

/* The batch into the segment in use, or into a new one. */
static enum stk_status append(struct stk_journal *journal, struct stk_batch *batch,
                              struct stk_error *err)
{
    struct stk_segment_head head = {.first = batch->first, .base = 1};
    int is_new = !journal->current || !stk_segment_fits(journal->current->kv, batch->size);
    enum stk_status status = is_new ? change_segment(journal, batch->first, err) : STK_OK;
    if (status != STK_OK)
        return status;
    memcpy(head.id, journal->id, sizeof(head.id));
    memcpy(head.before, journal->chain, sizeof(head.before));
    head.number = batch->number = journal->number + 1;
    stk_batch_close(batch, journal->chain);
    stk_hasher_begin(journal->hasher, journal->chain, batch->data, batch->size);
    journal->hashing = 1;
    status = injected(err, STK_FAULT_JOURNAL_BEFORE_COMMIT);
    struct stk_bytes bytes = {(const char *)batch->data, batch->size};
    if (status == STK_OK)
        status = stk_segment_append(journal->current->kv, is_new ? &head : NULL, &bytes, 1, err);
    if (status == STK_OK) {
        journal->number++;
        status = injected(err, STK_FAULT_JOURNAL_AFTER_COMMIT);
    }
    if (status == STK_OK && is_new) {
        stk_shelf_written(journal->shelf);
        stk_keeper_taken(journal->keeper, journal->current->file_bytes);
        status = injected(err, STK_FAULT_JOURNAL_SEGMENT_SWITCHED);
    }
    return status;
}

static void publish(struct stk_journal *journal, const struct stk_batch *batch, int64_t begun_ns)
{
    stk_seq_t last = batch->first + batch->count - 1;
    int64_t took_ns = journal->clock.monotonic_ns(journal->clock.self) - begun_ns;
    journal->last_ms = batch->time_ms;
    atomic_store_explicit(&journal->room_bytes, stk_segment_room(journal->current->kv),
                          memory_order_relaxed);
    stk_counter_add(&journal->flushes, 1);
    stk_counter_add(&journal->effects, batch->count);
    stk_counter_add(&journal->bytes, batch->size);
    stk_histogram_add(&journal->flush_us, (uint64_t)took_ns / 1000);
    /* release: pairs with the acquire loads in durable and idle */
    atomic_store_explicit(&journal->durable, last, memory_order_release);
    atomic_store_explicit(&journal->flushed,
                          atomic_load_explicit(&journal->flushed, memory_order_relaxed) + 1,
                          memory_order_release);
    if (journal->options.on_durable)
        journal->options.on_durable(journal->options.arg, last);
}

/* One batch to the disk: take, close, append, commit, publish, give its memory back. */
static enum stk_status flush(struct stk_journal *journal, struct stk_batch *batch,
                             struct stk_error *err)
{
    int64_t begun_ns = journal->clock.monotonic_ns(journal->clock.self);
    stk_assert(stk_thread_is(STK_ROLE_JOURNAL));
    stk_assert(batch->first == durable(journal) + 1);
    enum stk_status status = injected(err, STK_FAULT_JOURNAL_BATCH_TAKEN);
    if (status == STK_OK)
        status = append(journal, batch, err);
    if (status == STK_OK)
        status = injected(err, STK_FAULT_JOURNAL_BEFORE_DURABLE);
    if (status == STK_OK)
        publish(journal, batch, begun_ns);
    end_hash(journal);
    if (status != STK_OK)
        return status;
    /* release: pairs with the acquire load in take */
    atomic_store_explicit(&journal->returned,
                          atomic_load_explicit(&journal->returned, memory_order_relaxed) + 1,
                          memory_order_release);
    return injected(err, STK_FAULT_JOURNAL_AFTER_DURABLE);
}

/* The next submitted batch, or NULL when told to stop and none is left. */
static struct stk_batch *next_batch(struct stk_journal *journal)
{
    uint64_t flushed = atomic_load_explicit(&journal->flushed, memory_order_relaxed);
    for (;;) {
        /* acquire: pairs with the store in stk_journal_stop */
        int stopping = atomic_load_explicit(&journal->stopping, memory_order_acquire);
        /* acquire: pairs with the release store in submit */
        if (atomic_load_explicit(&journal->submitted, memory_order_acquire) != flushed)
            return &journal->batches[flushed % STK_BATCHES];
        if (stopping)
            return NULL;
        stk_park_wait(&journal->park, -1);
    }
}

static void run(void *arg)
{
    struct stk_journal *journal = arg;
    struct stk_batch *batch;
    struct stk_error err = {0};
    while ((batch = next_batch(journal)) != NULL) {
        if (flush(journal, batch, &err) == STK_OK)
            continue;
        stk_error_prefix(&err, "journal: batch at sequence %llu", (unsigned long long)batch->first);
        stk_log(STK_LOG_ERROR, "%s", err.text);
        if (journal->options.on_fatal)
            journal->options.on_fatal(journal->options.arg, &err);
        return;
    }
}

/* ---- the keeper's questions ---- */

stk_seq_t stk_journal_pinned(struct stk_journal *journal)
{
    stk_seq_t lowest = UINT64_MAX;
    if (atomic_load_explicit(&journal->pins[STK_PIN_FOLD], memory_order_relaxed) == 0)
        return 0;
    for (unsigned i = 0; i < STK_JOURNAL_PINS; i++) {
        stk_seq_t pin = atomic_load_explicit(&journal->pins[i], memory_order_relaxed);
        if (pin && pin < lowest)
            lowest = pin;
    }
    return lowest;
}

static stk_seq_t lowest_pin(void *arg)
{
    return stk_journal_pinned(arg);
}

static uint64_t room(void *arg)
{
    struct stk_journal *journal = arg;
    return atomic_load_explicit(&journal->room_bytes, memory_order_relaxed);
}

static void on_ready(void *arg)
{
    struct stk_journal *journal = arg;
    stk_park_wake(&journal->park);
}

/* ---- life ---- */

static enum stk_status check_options(struct stk_journal_options *options, struct stk_error *err)
{
    if (options->segment_bytes == 0)
        options->segment_bytes = STK_SEGMENT_BYTES_DEFAULT;
    if (options->segment_bytes < STK_SEGMENT_BYTES_MIN)
        return stk_error_set(err, STK_INVALID, "segments of %llu bytes, %llu are the least",
                             (unsigned long long)options->segment_bytes,
                             (unsigned long long)STK_SEGMENT_BYTES_MIN);
    options->segment_bytes &= ~4095ull;
    if (options->retain_ms < 0)
        return stk_error_set(err, STK_INVALID, "retention of less than nothing");
    return STK_OK;
}

/* Folder, lock, what a crash left half made. */
static enum stk_status open_folder(struct stk_journal *journal, struct stk_error *err)
{
    struct stk_path making;
    enum stk_status status = stk_path_set(&journal->folder, journal->options.folder, err);
    journal->options.folder = journal->folder.text;
    if (status == STK_OK)
        status = stk_folder_make(journal->folder.text, err);
    if (status == STK_OK)
        status = stk_folder_lock(journal->folder.text, &journal->lock_fd, err);
    if (status == STK_OK)
        status = stk_path_join(&making, journal->folder.text, STK_SEGMENT_MAKING, err);
    return status == STK_OK ? stk_file_remove(making.text, err) : status;
}

/* The last segment goes on being written to, unless it holds batches and is shorter than its map: a
 * restore wrote it, and appending would make the file grow. */
static enum stk_status open_current(struct stk_journal *journal, const struct stk_shelf_end *end,
                                    struct stk_error *err)
{
    uint64_t used, map;
    memcpy(journal->chain, end->chain, sizeof(journal->chain));
    journal->number = end->number;
    atomic_store_explicit(&journal->durable, end->last, memory_order_relaxed);
    journal->next_first = end->last + 1;
    if (end->first == 0)
        return getrandom(journal->id, sizeof(journal->id), 0) == (ssize_t)sizeof(journal->id)
                   ? STK_OK
                   : stk_error_set(err, STK_IO, "no random bytes for the journal's id");
    memcpy(journal->id, end->id, sizeof(journal->id));
    enum stk_status status = stk_shelf_lend(journal->shelf, UINT64_MAX, &journal->current, err);
    if (status != STK_OK)
        return status;
    journal->last_ms = journal->current->last_ms;
    stk_kv_usage(journal->current->kv, &used, &map);
    if (journal->current->file_bytes >= map || end->last < end->first) {
        atomic_store_explicit(&journal->room_bytes, stk_segment_room(journal->current->kv),
                              memory_order_relaxed);
        return STK_OK;
    }
    stk_shelf_give_back(journal->shelf, journal->current);
    journal->current = NULL;
    return STK_OK;
}

static enum stk_status open_parts(struct stk_journal *journal, struct stk_error *err)
{
    struct stk_shelf_end end;
    enum stk_status status = check_options(&journal->options, err);
    if (status == STK_OK)
        status = open_folder(journal, err);
    for (unsigned i = 0; i < STK_BATCHES && status == STK_OK; i++)
        status = stk_batch_init(&journal->batches[i], err);
    if (status == STK_OK)
        status = stk_shelf_open(&journal->shelf, journal->folder.text, &end, err);
    if (status == STK_OK)
        status = open_current(journal, &end, err);
    if (status != STK_OK)
        return status;
    struct stk_keeper_options keeper = {
        .folder = journal->folder.text,
        .shelf = journal->shelf,
        .segment_bytes = journal->options.segment_bytes,
        .retain_bytes = journal->options.retain_bytes,
        .free_bytes_min = journal->options.free_bytes_min,
        .retain_ms = journal->options.retain_ms,
        .pin = lowest_pin,
        .room = room,
        .on_ready = on_ready,
        .arg = journal,
    };
    uint64_t last_bytes = journal->current ? journal->current->file_bytes : 0;
    return stk_keeper_create(&journal->keeper, &keeper, last_bytes, err);
}

enum stk_status stk_journal_open(struct stk_journal **out,
                                 const struct stk_journal_options *options, struct stk_error *err)
{
    struct stk_journal *journal = stk_mem_reserve(sizeof(*journal), 0, err);
    *out = NULL;
    if (!journal)
        return STK_NO_MEMORY;
    journal->options = *options;
    journal->clock = stk_clock_real();
    journal->lock_fd = -1;
    enum stk_status status = open_parts(journal, err);
    if (status != STK_OK) {
        stk_error_prefix(err, "journal");
        stk_journal_close(journal);
        return status;
    }
    *out = journal;
    return STK_OK;
}

enum stk_status stk_journal_start(struct stk_journal *journal, struct stk_error *err)
{
    stk_assert(!journal->started);
    enum stk_status status = stk_hasher_create(&journal->hasher, err);
    if (status == STK_OK)
        status = stk_keeper_start(journal->keeper, err);
    if (status == STK_OK)
        status =
            stk_thread_start(&journal->thread, STK_ROLE_JOURNAL, "stk-journal", run, journal, err);
    journal->started = 1;
    if (status != STK_OK)
        stk_journal_stop(journal);
    return status;
}

void stk_journal_stop(struct stk_journal *journal)
{
    if (!journal->started)
        return;
    /* release: pairs with the acquire load in next_batch; what was submitted before is flushed */
    atomic_store_explicit(&journal->stopping, 1, memory_order_release);
    stk_park_wake(&journal->park);
    stk_thread_join(&journal->thread);
    stk_keeper_stop(journal->keeper);
    stk_hasher_destroy(journal->hasher);
    journal->hasher = NULL;
    journal->started = 0;
}

void stk_journal_close(struct stk_journal *journal)
{
    if (!journal)
        return;
    stk_assert(!journal->started);
    stk_keeper_destroy(journal->keeper);
    if (journal->shelf)
        stk_shelf_give_back(journal->shelf, journal->current);
    stk_shelf_close(journal->shelf);
    for (unsigned i = 0; i < STK_BATCHES; i++)
        stk_batch_fini(&journal->batches[i]);
    if (journal->lock_fd >= 0)
        close(journal->lock_fd);
    stk_mem_unreserve(journal, sizeof(*journal));
}

/* ---- reading ---- */

/* Hand out the batches of one segment from *from on, as far as they are durable now. */
static enum stk_status read_segment(struct stk_journal *journal, struct stk_kv *kv, stk_seq_t *from,
                                    struct stk_chunk *chunk, stk_batch_fn fn, void *arg,
                                    struct stk_error *err)
{
    struct stk_batch_view view;
    enum stk_status status = stk_segment_read(kv, *from, chunk, err);
    while (status == STK_OK && chunk->size && *from <= durable(journal)) {
        status = stk_chunk_next(chunk, &view, err);
        if (status == STK_AGAIN) {
            status = stk_segment_read(kv, *from, chunk, err);
            continue;
        }
        if (status == STK_OK && view.first > *from)
            return stk_error_set(err, STK_CORRUPT, "sequences %llu to %llu are missing",
                                 (unsigned long long)*from, (unsigned long long)view.first - 1);
        if (status == STK_OK && view.first > durable(journal))
            return STK_OK;
        if (status == STK_OK)
            status = fn(arg, &view, err);
        if (status == STK_OK)
            *from = view.first + view.count;
    }
    return status;
}

static enum stk_status read_from(void *self, stk_seq_t from, stk_batch_fn fn, void *arg,
                                 struct stk_error *err)
{
    struct stk_journal *journal = self;
    struct stk_shelf_segment *segment;
    struct stk_chunk chunk = {0};
    enum stk_status status = STK_OK;
    while (status == STK_OK && from <= durable(journal)) {
        stk_seq_t before = from;
        status = stk_shelf_lend(journal->shelf, from, &segment, err);
        if (status != STK_OK || !segment)
            break;
        status = read_segment(journal, segment->kv, &from, &chunk, fn, arg, err);
        if (status == STK_OK && from == before && from <= durable(journal))
            status = stk_error_set(err, STK_CORRUPT, "sequence %llu is missing",
                                   (unsigned long long)from);
        stk_shelf_give_back(journal->shelf, segment);
    }
    stk_chunk_fini(&chunk);
    return status;
}

struct stk_log stk_journal_log(struct stk_journal *journal)
{
    struct stk_log log = {.take = take,
                          .submit = submit,
                          .idle = idle,
                          .durable = durable,
                          .read = read_from,
                          .self = journal};
    memcpy(log.id, journal->id, sizeof(log.id));
    return log;
}

/* ---- looking at it ---- */

void stk_journal_range(struct stk_journal *journal, stk_seq_t *first, stk_seq_t *last)
{
    *last = durable(journal);
    *first = *last ? stk_shelf_first(journal->shelf) : 0;
}

int stk_journal_full(struct stk_journal *journal, char *why, uint32_t why_size)
{
    return stk_keeper_full(journal->keeper, why, why_size);
}

void stk_journal_pin(struct stk_journal *journal, unsigned pin, stk_seq_t seq)
{
    stk_assert(pin < STK_JOURNAL_PINS);
    atomic_store_explicit(&journal->pins[pin], seq, memory_order_relaxed);
}

void stk_journal_id(struct stk_journal *journal, uint8_t id[STK_JOURNAL_ID_BYTES])
{
    memcpy(id, journal->id, STK_JOURNAL_ID_BYTES);
}

/* The batch after seq carries it; for the last batch of all it is computed from that batch. */
struct chain_search {
    stk_seq_t seq;
    uint8_t *out;
    int found;
};

static enum stk_status look_for_chain(void *arg, const struct stk_batch_view *view,
                                      struct stk_error *err)
{
    struct chain_search *search = arg;
    stk_seq_t last = view->first + view->count - 1;
    if (view->first == search->seq + 1) {
        memcpy(search->out, view->previous, STK_CHAIN_BYTES);
        search->found = 1;
    } else if (last == search->seq) {
        struct stk_chain *chain = stk_chain_create();
        if (!chain)
            return stk_error_set(err, STK_NO_MEMORY, "out of memory");
        stk_chain_next(chain, view->previous, view->whole.data, view->whole.size, search->out);
        stk_chain_destroy(chain);
        search->found = 1;
    }
    return STK_AGAIN;
}

/* Of a journal that holds no batch yet, but goes on after a restored state. */
static enum stk_status chain_before_all(struct stk_journal *journal, uint8_t chain[STK_CHAIN_BYTES],
                                        struct stk_error *err)
{
    struct stk_segment_head head;
    struct stk_shelf_segment *segment;
    enum stk_status status = stk_shelf_lend(journal->shelf, UINT64_MAX, &segment, err);
    if (status == STK_OK)
        status = stk_segment_head(segment->kv, &head, err);
    if (status == STK_OK)
        memcpy(chain, head.before, STK_CHAIN_BYTES);
    stk_shelf_give_back(journal->shelf, segment);
    return status;
}

enum stk_status stk_journal_chain_at(struct stk_journal *journal, stk_seq_t seq,
                                     uint8_t chain[STK_CHAIN_BYTES], struct stk_error *err)
{
    struct chain_search search = {seq, chain, 0};
    stk_seq_t first, last;
    stk_journal_range(journal, &first, &last);
    if (seq == 0) {
        memset(chain, 0, STK_CHAIN_BYTES);
        return STK_OK;
    }
    if (first == last + 1 && seq == last)
        return chain_before_all(journal, chain, err);
    stk_seq_t from = seq < last ? seq + 1 : seq;
    enum stk_status status =
        from <= last ? read_from(journal, from, look_for_chain, &search, err) : STK_NOT_FOUND;
    if (search.found)
        return STK_OK;
    if (status != STK_AGAIN && status != STK_OK && status != STK_NOT_FOUND && status != STK_TOO_OLD)
        return status;
    return stk_error_set(err, STK_NOT_FOUND, "no batch of the journal ends at sequence %llu",
                         (unsigned long long)seq);
}

void stk_journal_stats(struct stk_journal *journal, struct stk_journal_stats *out)
{
    out->flushes = stk_counter_get(&journal->flushes);
    out->effects = stk_counter_get(&journal->effects);
    out->bytes = stk_counter_get(&journal->bytes);
    out->flush_p50_us = stk_histogram_quantile(&journal->flush_us, 5000);
    out->flush_p99_us = stk_histogram_quantile(&journal->flush_us, 9900);
    out->segments = stk_shelf_count(journal->shelf);
}
