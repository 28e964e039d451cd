/* Folding: batches are copied as they are, their rows listed, sorted by table and key, the last of
 * each key put. Rows beyond the last key of their table are appended, which is the way of new
 * orders, keys and archived orders; others are replaced on the page where they lie.
 *
 * Always true: S changes only in whole folds, and the head that names the sequence is in the same
 * commit. Fold thread, or the one thread that calls stk_fold_step. */
#include "core/store/fold.h"
#include "core/base/clock.h"
#include "core/base/fault.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/store/compact.h"
#include "core/store/sort.h"
#include <sys/resource.h>

#define BYTES_DEFAULT (16u * 1024 * 1024)
#define PORTIONS_NS   50000000ll /* of slower work between two folds */
#define SPACE_NS      500000000ll
#define READERS_NS    30000000000ll
#define FREE_MIN      (32ull * 1024 * 1024) /* disk that a fold does not begin without */
#define GROW_TRIES    3
#define NICE          5

/* A row of the batches in the arena. */
struct row_ref {
    uint8_t key[STK_KEY_MAX]; /* zeros behind its end */
    uint32_t at, size;        /* of its value in the arena; size 0: deleted */
    uint32_t minutes;         /* when, for ARCHIVE */
    uint32_t table;
};

struct stk_fold {
    struct stk_fold_options options;
    struct stk_rows *rows;
    struct stk_clock clock;
    struct stk_compact *compact;
    struct stk_chain *chain;
    struct stk_thread thread;
    int64_t readers_ns;
    int started;

    /* what is being folded */
    uint8_t *arena;
    uint32_t arena_size, arena_capacity;
    struct row_ref *refs;
    uint32_t refs_count, refs_capacity;
    struct stk_sort_item *items, *spare;
    uint32_t items_capacity;
    uint32_t counts[STK_TABLE_COUNT];
    stk_seq_t first, last;
    stk_time_t last_ms;
    uint32_t last_at, last_size; /* the last batch in the arena */
    uint8_t last_previous[STK_CHAIN_BYTES];

    struct stk_counter folds, effects, rows_put, bytes;
    struct stk_histogram fold_us;

    /* any thread writes */
    struct stk_park park;
    _Atomic int stopping, finish;
};

/* ---- collecting ---- */

static enum stk_status add_ref(struct stk_fold *fold, const struct stk_row_view *row,
                               stk_time_t time_ms, struct stk_error *err)
{
    if (fold->refs_count == fold->refs_capacity) {
        uint32_t capacity = fold->refs_capacity ? fold->refs_capacity * 2 : 1u << 16;
        struct row_ref *more = stk_realloc(fold->refs, capacity * sizeof(*more));
        if (!more)
            return stk_error_set(err, STK_NO_MEMORY, "fold: out of memory");
        fold->refs = more;
        fold->refs_capacity = capacity;
    }
    struct row_ref *ref = &fold->refs[fold->refs_count++];
    *ref = (struct row_ref){
        .at = row->value.data ? (uint32_t)((const uint8_t *)row->value.data - fold->arena) : 0,
        .size = row->value.size,
        .minutes = time_ms > 0 ? (uint32_t)(time_ms / 60000) : 0,
        .table = row->table,
    };
    memcpy(ref->key, row->key.data, row->key.size);
    fold->counts[row->table]++;
    return STK_OK;
}

static enum stk_status collect_record(struct stk_fold *fold, struct stk_bytes bytes, stk_seq_t seq,
                                      stk_time_t batch_ms, struct stk_error *err)
{
    struct stk_record_view record;
    struct stk_row_view row;
    enum stk_status status = stk_record_open(bytes, seq, batch_ms, &record, err);
    while (status == STK_OK && stk_record_next(&record, &row))
        status = add_ref(fold, &row, record.time_ms, err);
    if (status == STK_OK && record.rows.bad)
        status = stk_error_set(err, STK_CORRUPT, "its rows are damaged");
    if (status == STK_OK && record.time_ms > fold->last_ms)
        fold->last_ms = record.time_ms;
    return status;
}

static enum stk_status collect_batch(void *arg, const struct stk_batch_view *given,
                                     struct stk_error *err)
{
    struct stk_fold *fold = arg;
    struct stk_batch_view view = *given;
    struct stk_bytes bytes;
    if (fold->arena_size + view.whole.size > fold->arena_capacity)
        return STK_AGAIN;
    if (view.first != fold->last + 1)
        return stk_error_set(err, STK_CORRUPT, "the journal goes on at %llu after %llu",
                             (unsigned long long)view.first, (unsigned long long)fold->last);
    uint8_t *copy = fold->arena + fold->arena_size;
    memcpy(copy, view.whole.data, view.whole.size);
    fold->last_at = fold->arena_size;
    fold->last_size = view.whole.size;
    memcpy(fold->last_previous, view.previous, STK_CHAIN_BYTES);
    fold->arena_size += view.whole.size;
    view.records = stk_reader(copy + STK_BATCH_HEADER, view.whole.size - STK_BATCH_HEADER);
    stk_seq_t seq = view.first;
    for (; stk_batch_next(&view, &bytes); seq++) {
        enum stk_status status = collect_record(fold, bytes, seq, view.time_ms, err);
        if (status == STK_OK)
            continue;
        stk_error_prefix(err, "effect %llu", (unsigned long long)seq);
        return status;
    }
    if (view.records.bad)
        return stk_error_set(err, STK_CORRUPT, "batch %llu: its records do not add up",
                             (unsigned long long)view.first);
    fold->last = view.first + view.count - 1;
    return fold->arena_size >= fold->options.batch_bytes_max ? STK_AGAIN : STK_OK;
}

static enum stk_status collect(struct stk_fold *fold, struct stk_error *err)
{
    const struct stk_log *log = &fold->options.log;
    fold->arena_size = fold->refs_count = 0;
    memset(fold->counts, 0, sizeof(fold->counts));
    fold->first = fold->rows->head.folded + 1;
    fold->last = fold->rows->head.folded;
    fold->last_ms = fold->rows->head.time_ms;
    if (log->durable(log->self) <= fold->last)
        return STK_OK;
    enum stk_status status = log->read(log->self, fold->first, collect_batch, fold, err);
    return status == STK_AGAIN ? STK_OK : status;
}

/* ---- sorting ---- */

/* Eight bytes of a key as a number that compares as they do. */
static uint64_t key_part(const struct row_ref *ref, unsigned part)
{
    struct stk_reader in = stk_reader(ref->key + part * 8, 8);
    return stk_get_be64(&in);
}
_Static_assert(STK_KEY_MAX == 16, "a key has two parts");

/* Rows by table, in the order they were written; starts[t] is where table t begins. */
static enum stk_status spread(struct stk_fold *fold, uint32_t starts[STK_TABLE_COUNT],
                              struct stk_error *err)
{
    uint32_t at[STK_TABLE_COUNT], sum = 0;
    if (fold->refs_count > fold->items_capacity) {
        stk_free(fold->items);
        fold->items_capacity = 0;
        fold->items = stk_alloc((size_t)fold->refs_capacity * 2 * sizeof(*fold->items));
        if (!fold->items)
            return stk_error_set(err, STK_NO_MEMORY, "fold: out of memory");
        fold->items_capacity = fold->refs_capacity;
        fold->spare = fold->items + fold->items_capacity;
    }
    for (unsigned table = 0; table < STK_TABLE_COUNT; table++) {
        at[table] = starts[table] = sum;
        sum += fold->counts[table];
    }
    for (uint32_t i = 0; i < fold->refs_count; i++) {
        const struct row_ref *ref = &fold->refs[i];
        fold->items[at[ref->table]++] = (struct stk_sort_item){.key = key_part(ref, 0), .at = i};
    }
    return STK_OK;
}

/* By key, and stable: the last of equals is the newest. */
static void sort_table(struct stk_fold *fold, struct stk_sort_item *items, uint32_t count,
                       unsigned key_size)
{
    if (key_size > 8) { /* the second part first; the first one stands there already */
        for (uint32_t i = 0; i < count; i++)
            items[i].key = key_part(&fold->refs[items[i].at], 1);
        stk_sort(items, fold->spare, count);
        for (uint32_t i = 0; i < count; i++)
            items[i].key = key_part(&fold->refs[items[i].at], 0);
    }
    stk_sort(items, fold->spare, count);
}

/* ---- writing ---- */

struct table_writer {
    struct stk_kv_txn *txn;
    struct stk_kv_cursor *cursor;
    struct stk_digest *digest;
    uint32_t table;
    unsigned key_size;
    uint8_t last[STK_KEY_MAX]; /* the largest key, when there is any row */
    int any;
};

static void seal_row(struct table_writer *writer, struct stk_kv_bytes key, uint8_t *room,
                     struct stk_bytes value, uint32_t minutes)
{
    size_t size = value.size;
    if (!room)
        return;
    memcpy(room, value.data, size);
    if (writer->table == STK_TABLE_ARCHIVE)
        size = (size_t)(stk_put_be32(room + size, minutes) - room);
    stk_digest_add(writer->digest, stk_image_seal(writer->table, key, room, size));
}

/* data NULL: deleted. */
static struct stk_bytes value_of(const struct stk_fold *fold, const struct row_ref *ref)
{
    return (struct stk_bytes){ref->size ? (const char *)fold->arena + ref->at : NULL, ref->size};
}

static enum stk_status put_row(struct table_writer *writer, const struct row_ref *ref,
                               struct stk_bytes value, struct stk_error *err)
{
    uint32_t minutes = ref->minutes;
    struct stk_kv_bytes key = {ref->key, writer->key_size}, found;
    struct stk_kv_bytes room = {NULL, value.size + stk_image_trailer(writer->table)};
    struct stk_bytes old;
    struct stk_hash hash;
    int beyond = !writer->any || memcmp(key.data, writer->last, key.size) > 0;
    if (beyond && !value.data)
        return STK_OK;
    if (beyond) {
        memcpy(writer->last, key.data, key.size);
        writer->any = 1;
        seal_row(writer, key, stk_kv_cursor_put(writer->cursor, key, room, 1), value, minutes);
        return STK_OK;
    }
    if (!stk_kv_find(writer->cursor, key, &found)) {
        if (value.data)
            seal_row(writer, key, stk_kv_cursor_put(writer->cursor, key, room, 0), value, minutes);
        return STK_OK;
    }
    enum stk_status status = stk_image_check(writer->table, key, found, &old, &hash, err);
    if (status != STK_OK)
        return status;
    stk_digest_take(writer->digest, hash);
    if (value.data)
        seal_row(writer, key, stk_kv_cursor_replace(writer->cursor, key, room), value, minutes);
    else
        stk_kv_cursor_delete(writer->cursor);
    return STK_OK;
}

static void open_writer(struct table_writer *writer, struct stk_kv_txn *txn, uint32_t table,
                        struct stk_image_head *head)
{
    struct stk_kv_bytes key, value;
    *writer = (struct table_writer){.txn = txn,
                                    .cursor = stk_kv_cursor_open(txn, table),
                                    .digest = &head->digest[table],
                                    .table = table,
                                    .key_size = stk_table_key_size(table)};
    if (writer->cursor && stk_kv_last(writer->cursor, &key, &value) &&
        key.size == writer->key_size) {
        memcpy(writer->last, key.data, key.size);
        writer->any = 1;
    }
}

static int same_key(const struct stk_fold *fold, const struct stk_sort_item *a,
                    const struct stk_sort_item *b, unsigned key_size)
{
    return a->key == b->key &&
           (key_size <= 8 || memcmp(fold->refs[a->at].key, fold->refs[b->at].key, key_size) == 0);
}

static enum stk_status write_table(struct stk_fold *fold, struct stk_kv_txn *txn, uint32_t table,
                                   const struct stk_sort_item *items, uint32_t count,
                                   struct stk_image_head *head, struct stk_error *err)
{
    struct table_writer writer;
    enum stk_status status = STK_OK;
    open_writer(&writer, txn, table, head);
    for (uint32_t i = 0; i < count && status == STK_OK; i++) {
        const struct row_ref *ref = &fold->refs[items[i].at];
        if (i + 1 < count && same_key(fold, &items[i], &items[i + 1], writer.key_size))
            continue;
        status = put_row(&writer, ref, value_of(fold, ref), err);
        stk_counter_add(&fold->rows_put, 1);
        if ((i & 1023) == 0 && status == STK_OK)
            status = stk_kv_status(txn, err);
    }
    stk_kv_cursor_close(writer.cursor);
    return status == STK_OK ? stk_kv_status(txn, err) : status;
}

/* The id of the journal is taken over with the first fold and compared ever after. */
static enum stk_status set_id(struct stk_fold *fold, struct stk_image_head *head,
                              struct stk_error *err)
{
    static const uint8_t zeros[STK_JOURNAL_ID_BYTES];
    const uint8_t *id = fold->options.log.id;
    if (memcmp(id, zeros, sizeof(zeros)) == 0)
        return STK_OK;
    if (head->folded && memcmp(head->id, zeros, sizeof(zeros)) != 0 &&
        memcmp(head->id, id, sizeof(zeros)) != 0)
        return stk_error_set(err, STK_CORRUPT, "the state was folded from another journal");
    memcpy(head->id, id, sizeof(zeros));
    return STK_OK;
}

static enum stk_status injected(enum stk_fault point, struct stk_error *err)
{
    if (!stk_fault_point(point))
        return STK_OK;
    return stk_error_set(err, STK_IO, "fault injected at %s", stk_fault_name(point));
}

static enum stk_status write_all(struct stk_fold *fold, struct stk_kv_txn *txn,
                                 const uint32_t starts[STK_TABLE_COUNT],
                                 struct stk_image_head *head, struct stk_error *err)
{
    enum stk_status status = set_id(fold, head, err);
    for (unsigned table = 1; table < STK_TABLE_COUNT && status == STK_OK; table++)
        if (fold->counts[table])
            status = write_table(fold, txn, table, fold->items + starts[table], fold->counts[table],
                                 head, err);
    if (status != STK_OK)
        return status;
    head->folded = fold->last;
    head->time_ms = fold->last_ms;
    stk_chain_next(fold->chain, fold->last_previous, fold->arena + fold->last_at, fold->last_size,
                   head->chain);
    stk_image_put_head(txn, head);
    return injected(STK_FAULT_FOLD_IN_COMMIT, err);
}

/* One transaction; the rows' head is changed when it is committed. */
static enum stk_status write_once(struct stk_fold *fold, const uint32_t starts[STK_TABLE_COUNT],
                                  struct stk_error *err)
{
    struct stk_image_head head = fold->rows->head;
    struct stk_kv_txn *txn;
    enum stk_status status = stk_kv_begin(fold->rows->kv, 1, &txn, err);
    if (status != STK_OK)
        return status;
    status = write_all(fold, txn, starts, &head, err);
    if (status == STK_OK)
        status = stk_kv_commit(txn, err);
    else
        stk_kv_abort(txn);
    if (status == STK_OK)
        fold->rows->head = head;
    return status;
}

/* ---- one fold ---- */

/* A disk that is nearly full is told before anything is written to it: LMDB calls a write that was
 * cut short an I/O error, and that would be final. */
static enum stk_status check_space(struct stk_fold *fold, struct stk_error *err)
{
    uint64_t free_bytes;
    enum stk_status status = stk_folder_free_bytes(fold->rows->folder.text, &free_bytes, err);
    if (status == STK_OK && free_bytes < FREE_MIN + 4ull * fold->arena_size)
        status = stk_error_set(err, STK_NO_SPACE, "%llu MiB of disk are free",
                               (unsigned long long)(free_bytes >> 20));
    return status;
}

static enum stk_status write_and_grow(struct stk_fold *fold, struct stk_error *err)
{
    uint32_t starts[STK_TABLE_COUNT];
    enum stk_status status = check_space(fold, err);
    if (status == STK_OK)
        status = spread(fold, starts, err);
    for (unsigned table = 1; table < STK_TABLE_COUNT && status == STK_OK; table++)
        sort_table(fold, fold->items + starts[table], fold->counts[table],
                   stk_table_key_size(table));
    if (status == STK_OK && stk_image_nearly_full(fold->rows))
        stk_image_grow(fold->rows, NULL); /* busy: there is some room yet */
    if (status == STK_OK)
        status = injected(STK_FAULT_FOLD_BEFORE_COMMIT, err);
    if (status == STK_OK)
        status = write_once(fold, starts, err);
    for (int i = 0; i < GROW_TRIES && status == STK_FULL; i++) {
        status = stk_image_grow(fold->rows, err);
        if (status == STK_OK)
            status = write_once(fold, starts, err);
    }
    return status;
}

/* *folded: effects taken. */
static enum stk_status fold_once(struct stk_fold *fold, uint64_t *folded, struct stk_error *err)
{
    int64_t begun_ns = fold->clock.monotonic_ns(fold->clock.self);
    *folded = 0;
    enum stk_status status = collect(fold, err);
    if (status != STK_OK || fold->last < fold->first)
        return status;
    status = write_and_grow(fold, err);
    if (status == STK_OK)
        status = injected(STK_FAULT_FOLD_AFTER_COMMIT, err);
    if (status != STK_OK)
        return status;
    *folded = fold->last - fold->first + 1;
    stk_counter_add(&fold->folds, 1);
    stk_counter_add(&fold->effects, *folded);
    stk_counter_add(&fold->bytes, fold->arena_size);
    stk_histogram_add(&fold->fold_us,
                      (uint64_t)(fold->clock.monotonic_ns(fold->clock.self) - begun_ns) / 1000);
    /* release: pairs with the acquire load in stk_rows_folded */
    atomic_store_explicit(&fold->rows->folded, fold->last, memory_order_release);
    if (fold->options.on_folded)
        fold->options.on_folded(fold->options.arg, fold->last);
    return STK_OK;
}

/* Nothing was written, or nothing that counts: the file is as it was. */
static int is_passing(enum stk_status status)
{
    return status == STK_NO_SPACE || status == STK_FULL || status == STK_BUSY ||
           status == STK_NO_MEMORY;
}

/* A portion of slower work; a full map is grown and the portion comes again. */
static enum stk_status compact_once(struct stk_fold *fold, int *worked, struct stk_error *err)
{
    if (stk_image_nearly_full(fold->rows))
        stk_image_grow(fold->rows, NULL);
    enum stk_status status = stk_compact_step(fold->compact, worked, err);
    return status == STK_FULL ? stk_image_grow(fold->rows, err) : status;
}

enum stk_status stk_fold_step(struct stk_fold *fold, uint64_t *folded, struct stk_error *err)
{
    int worked = 1;
    enum stk_status status = fold_once(fold, folded, err);
    while (status == STK_OK && worked)
        status = compact_once(fold, &worked, err);
    return status;
}

/* ---- the thread ---- */

static int stopping(const struct stk_fold *fold)
{
    return atomic_load_explicit(&fold->stopping, memory_order_relaxed);
}

static enum stk_status portions(struct stk_fold *fold, int *worked, struct stk_error *err)
{
    int64_t until_ns = fold->clock.monotonic_ns(fold->clock.self) + PORTIONS_NS;
    enum stk_status status = STK_OK;
    *worked = 1;
    while (status == STK_OK && *worked && !stopping(fold) &&
           fold->clock.monotonic_ns(fold->clock.self) < until_ns)
        status = compact_once(fold, worked, err);
    return status;
}

static void free_readers(struct stk_fold *fold)
{
    int64_t now_ns = fold->clock.monotonic_ns(fold->clock.self);
    if (now_ns - fold->readers_ns < READERS_NS)
        return;
    fold->readers_ns = now_ns;
    stk_kv_clear_stale_readers(fold->rows->kv);
}

/* Returns 0 when the thread must end. */
static int one_round(struct stk_fold *fold, struct stk_error *err)
{
    uint64_t folded = 0;
    int worked = 0;
    stk_assert(stk_thread_is(STK_ROLE_FOLD));
    enum stk_status status = fold_once(fold, &folded, err);
    if (status == STK_OK)
        status = portions(fold, &worked, err);
    if (status != STK_OK && !is_passing(status))
        return 0;
    atomic_store_explicit(&fold->rows->stuck, status == STK_NO_SPACE, memory_order_relaxed);
    if (status != STK_OK)
        stk_log_limited(STK_LOG_WARN, 10000, "fold: later: %s", err->text);
    free_readers(fold);
    int behind = fold->arena_size >= fold->options.batch_bytes_max;
    int64_t pause_ns = fold->options.pause_ms * 1000000;
    if (status != STK_OK)
        stk_park_wait(&fold->park, SPACE_NS);
    else if (!behind && !stopping(fold))
        stk_park_wait(&fold->park, worked ? pause_ns / 10 : pause_ns);
    return 1;
}

static enum stk_status fold_rest(struct stk_fold *fold, struct stk_error *err)
{
    uint64_t folded = 1;
    enum stk_status status = STK_OK;
    while (status == STK_OK && folded)
        status = fold_once(fold, &folded, err);
    return status;
}

static void run(void *arg)
{
    struct stk_fold *fold = arg;
    struct stk_error err = {0};
    int good = 1;
    /* the engine and the journal come first; a thread's own nice value on Linux */
    setpriority(PRIO_PROCESS, 0, NICE);
    while (good && !stopping(fold))
        good = one_round(fold, &err);
    if (good && atomic_load_explicit(&fold->finish, memory_order_relaxed)) {
        enum stk_status status = fold_rest(fold, &err);
        good = status == STK_OK || is_passing(status);
    }
    if (good)
        return;
    stk_error_prefix(&err, "fold: state at sequence %llu",
                     (unsigned long long)fold->rows->head.folded);
    stk_log(STK_LOG_ERROR, "%s", err.text);
    if (fold->options.on_fatal)
        fold->options.on_fatal(fold->options.arg, &err);
}

/* ---- life ---- */

enum stk_status stk_fold_create(struct stk_fold **out, const struct stk_fold_options *options,
                                struct stk_error *err)
{
    struct stk_compact_options compact = {.rows = options->rows,
                                          .run_keys = options->run_keys,
                                          .run_age_ms = options->run_age_ms,
                                          .key_window_ms = options->key_window_ms,
                                          .order_window_ms = options->order_window_ms,
                                          .on_run = options->on_run,
                                          .arg = options->arg};
    *out = NULL;
    if (options->batch_bytes_max > STK_FOLD_BYTES_MAX)
        return stk_error_set(err, STK_INVALID, "fold: %u bytes at a time, %llu are the most",
                             options->batch_bytes_max, STK_FOLD_BYTES_MAX);
    struct stk_fold *fold = stk_alloc(sizeof(*fold));
    if (!fold)
        return stk_error_set(err, STK_NO_MEMORY, "fold: out of memory");
    fold->options = *options;
    fold->rows = options->rows;
    fold->clock = stk_clock_real();
    if (fold->options.batch_bytes_max == 0)
        fold->options.batch_bytes_max = BYTES_DEFAULT;
    fold->arena_capacity = fold->options.batch_bytes_max + STK_BATCH_BYTES;
    fold->chain = stk_chain_create();
    fold->arena = stk_mem_reserve(fold->arena_capacity, 0, err);
    enum stk_status status = fold->chain && fold->arena ? STK_OK : STK_NO_MEMORY;
    if (status != STK_OK)
        stk_error_set(err, status, "fold: out of memory");
    else
        status = stk_compact_create(&fold->compact, &compact, err);
    if (status != STK_OK) {
        stk_fold_destroy(fold);
        return status;
    }
    *out = fold;
    return STK_OK;
}

enum stk_status stk_fold_start(struct stk_fold *fold, struct stk_error *err)
{
    enum stk_status status =
        stk_thread_start(&fold->thread, STK_ROLE_FOLD, "stk-fold", run, fold, err);
    fold->started = status == STK_OK;
    return status;
}

void stk_fold_wake(struct stk_fold *fold)
{
    stk_park_wake(&fold->park);
}

void stk_fold_stop(struct stk_fold *fold, int finish)
{
    if (!fold->started)
        return;
    atomic_store_explicit(&fold->finish, finish, memory_order_relaxed);
    atomic_store_explicit(&fold->stopping, 1, memory_order_relaxed);
    stk_park_wake(&fold->park);
    stk_thread_join(&fold->thread);
    fold->started = 0;
}

void stk_fold_stats(struct stk_fold *fold, struct stk_fold_stats *out)
{
    uint64_t map;
    out->folds = stk_counter_get(&fold->folds);
    out->effects = stk_counter_get(&fold->effects);
    out->rows = stk_counter_get(&fold->rows_put);
    out->bytes = stk_counter_get(&fold->bytes);
    out->fold_p50_us = stk_histogram_quantile(&fold->fold_us, 5000);
    out->fold_p99_us = stk_histogram_quantile(&fold->fold_us, 9900);
    stk_kv_usage(fold->rows->kv, &out->state_bytes, &map);
}

void stk_fold_destroy(struct stk_fold *fold)
{
    if (!fold)
        return;
    stk_assert(!fold->started);
    stk_compact_destroy(fold->compact);
    stk_chain_destroy(fold->chain);
    if (fold->arena)
        stk_mem_unreserve(fold->arena, fold->arena_capacity);
    stk_free(fold->refs);
    stk_free(fold->items);
    stk_free(fold);
}
