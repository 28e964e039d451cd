/* Portions in order of need: a run that is being made, then windows, then leftovers, then merges.
 * Any of them may be cut off by a crash and is begun again from what is committed. */
#include "core/store/compact.h"
#include "core/base/fault.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/store/build.h"

#define CLEAN_ROWS    (32u * 1024) /* KEY rows deleted in one commit */
#define SWEEP_ROWS    4096         /* ARCHIVE rows looked at in one portion */
#define SWEEP_SKIPPED 16384        /* rows that stay, until a sweep gives up */
#define SWEEP_MS      60000        /* between sweeps */
#define MERGE_ROWS    (48u * 1024) /* in one commit */
#define MERGE_BYTES   (6u * 1024 * 1024)
#define SPANS         8 /* a merged table spans at most this part of its window */

struct merge {
    int active;
    uint16_t from[2]; /* numbers of the run tables: older, newer */
    struct stk_run_table to;
    uint8_t key[16]; /* the last one written */
    int begun;
};

struct stk_compact {
    struct stk_compact_options options;
    struct stk_rows *rows;
    struct stk_build *build;
    struct merge merge;
    stk_seq_t clean_to; /* KEY rows up to here are deleted */
    stk_time_t swept_ms;
    uint8_t sweep_key[8];
    uint32_t sweep_skipped;
};

enum stk_status stk_compact_create(struct stk_compact **out,
                                   const struct stk_compact_options *options, struct stk_error *err)
{
    struct stk_compact *compact = stk_alloc(sizeof(*compact));
    *out = NULL;
    if (!compact)
        return stk_error_set(err, STK_NO_MEMORY, "runs: out of memory");
    compact->options = *options;
    compact->rows = options->rows;
    compact->swept_ms = INT64_MIN;
    enum stk_status status = stk_build_create(&compact->build, options, err);
    if (status != STK_OK) {
        stk_free(compact);
        return status;
    }
    *out = compact;
    return STK_OK;
}

void stk_compact_destroy(struct stk_compact *compact)
{
    if (!compact)
        return;
    stk_build_destroy(compact->build);
    stk_free(compact);
}

/* A fault point of the fold that can only kill or stop. */
static enum stk_status injected(enum stk_fault point, struct stk_error *err)
{
    if (!stk_fault_point(point))
        return STK_OK;
    return stk_error_set(err, STK_IO, "fault injected at %s", stk_fault_name(point));
}

static void used_tables(const struct stk_compact *compact, uint8_t used[STK_RUN_TABLES])
{
    stk_runs_used(compact->rows, used);
    stk_build_used(compact->build, used);
    if (compact->merge.active)
        used[compact->merge.to.number] = 1;
}

static void delete_table(struct stk_kv_txn *txn, uint16_t number)
{
    uint8_t key[2];
    stk_put_be16(key, number);
    stk_kv_delete(txn, STK_IMAGE_RUN_TABLES, (struct stk_kv_bytes){key, sizeof(key)});
    stk_kv_clear(txn, STK_IMAGE_RUN + number);
}

static void forget_table(struct stk_rows *rows, uint16_t number)
{
    for (uint32_t i = 0; i < rows->tables_count; i++)
        if (rows->tables[i].number == number)
            rows->tables[i--] = rows->tables[--rows->tables_count];
    stk_runs_order(rows);
}

/* ---- windows of runs ---- */

static int64_t window_of(const struct stk_compact *compact, uint8_t class)
{
    return class == 0 ? compact->options.key_window_ms : compact->options.order_window_ms;
}

/* How many runs of a class, from its first one at *first on, are beyond the window. */
static uint32_t expired_runs(const struct stk_compact *compact, uint8_t class, uint32_t *first)
{
    const struct stk_rows *rows = compact->rows;
    int64_t window_ms = window_of(compact, class);
    uint32_t count = 0, i = 0;
    while (i < rows->runs_count && rows->runs[i].class < class)
        i++;
    *first = i;
    while (window_ms && i + count < rows->runs_count && rows->runs[i + count].class == class &&
           rows->runs[i + count].newest_ms < rows->head.time_ms - window_ms)
        count++;
    return count;
}

static int merging(const struct stk_compact *compact, uint16_t number)
{
    return compact->merge.active &&
           (compact->merge.from[0] == number || compact->merge.from[1] == number);
}

/* Run tables of which every run is gone. */
static uint32_t empty_tables(const struct stk_compact *compact, const struct stk_image_head *head,
                             uint16_t numbers[STK_RUN_TABLES])
{
    const struct stk_rows *rows = compact->rows;
    uint32_t count = 0;
    for (uint32_t i = 0; i < rows->tables_count; i++)
        if (rows->tables[i].last <= head->dropped_to[rows->tables[i].class] &&
            !merging(compact, rows->tables[i].number))
            numbers[count++] = rows->tables[i].number;
    return count;
}

static enum stk_status drop_locked(struct stk_compact *compact, uint32_t first, uint32_t count,
                                   const struct stk_image_head *head, struct stk_error *err)
{
    struct stk_rows *rows = compact->rows;
    struct stk_kv_txn *txn;
    uint16_t numbers[STK_RUN_TABLES];
    uint32_t tables = empty_tables(compact, head, numbers);
    enum stk_status status = stk_kv_begin(rows->kv, 1, &txn, err);
    if (status != STK_OK)
        return status;
    for (uint32_t i = first; i < first + count; i++) {
        uint8_t key[4];
        stk_put_be32(key, rows->runs[i].id);
        stk_kv_delete(txn, STK_IMAGE_RUNS, (struct stk_kv_bytes){key, sizeof(key)});
    }
    for (uint32_t i = 0; i < tables; i++)
        delete_table(txn, numbers[i]);
    stk_image_put_head(txn, head);
    status = stk_kv_commit(txn, err);
    if (status != STK_OK)
        return status;
    rows->head = *head;
    memcpy(rows->dropped_to, head->dropped_to, sizeof(rows->dropped_to));
    rows->runs_count -= count;
    memmove(rows->runs + first, rows->runs + first + count,
            (rows->runs_count - first) * sizeof(*rows->runs));
    for (uint32_t i = 0; i < tables; i++)
        forget_table(rows, numbers[i]);
    return STK_OK;
}

static enum stk_status drop_runs(struct stk_compact *compact, uint32_t first, uint32_t count,
                                 struct stk_error *err)
{
    struct stk_rows *rows = compact->rows;
    struct stk_image_head head = rows->head;
    struct stk_run *gone = stk_alloc(count * sizeof(*gone));
    if (!gone)
        return stk_error_set(err, STK_NO_MEMORY, "runs: out of memory");
    memcpy(gone, rows->runs + first, count * sizeof(*gone));
    head.dropped_to[gone->class] = gone[count - 1].last;
    pthread_rwlock_wrlock(&rows->runs_lock);
    enum stk_status status = drop_locked(compact, first, count, &head, err);
    pthread_rwlock_unlock(&rows->runs_lock);
    if (status == STK_OK)
        status = injected(STK_FAULT_FOLD_RUN_DROPPED, err);
    for (uint32_t i = 0; i < count && status == STK_OK; i++)
        if (compact->options.on_run)
            compact->options.on_run(compact->options.arg, &gone[i], 1);
    stk_free(gone);
    return status;
}

/* ---- what runs left in KEY ---- */

static enum stk_status clean_in(struct stk_compact *compact, struct stk_kv_txn *txn, int *deleted,
                                struct stk_error *err)
{
    struct stk_kv_bytes key, found;
    struct stk_kv_cursor *cursor = stk_kv_cursor_open(txn, STK_TABLE_KEY);
    if (!cursor)
        return stk_kv_status(txn, err);
    *deleted = 0;
    int more = stk_kv_seek(cursor, (struct stk_kv_bytes){0}, &key, &found);
    for (uint32_t i = 0; more && i < CLEAN_ROWS; i++) {
        struct stk_reader in = stk_reader(key.data, key.size);
        if (stk_get_be64(&in) > compact->rows->head.runs_to)
            break;
        stk_kv_cursor_delete(cursor);
        *deleted = 1;
        more = stk_kv_next(cursor, &key, &found);
    }
    stk_kv_cursor_close(cursor);
    return stk_kv_status(txn, err);
}

static enum stk_status clean(struct stk_compact *compact, int *worked, struct stk_error *err)
{
    struct stk_kv_txn *txn;
    enum stk_status status = stk_kv_begin(compact->rows->kv, 1, &txn, err);
    if (status != STK_OK)
        return status;
    status = clean_in(compact, txn, worked, err);
    if (status == STK_OK && *worked)
        return stk_kv_commit(txn, err);
    stk_kv_abort(txn);
    if (status == STK_OK)
        compact->clean_to = compact->rows->head.runs_to;
    return status;
}

/* ---- archived orders beyond their window ---- */

/* From the lowest number on, and on past rows that stay: an order that was open for long may stand
 * before those that were archived sooner. */
static enum stk_status sweep_in(struct stk_compact *compact, struct stk_kv_txn *txn,
                                struct stk_digest *digest, int *end, struct stk_error *err)
{
    struct stk_kv_bytes key, found;
    struct stk_bytes value;
    struct stk_hash hash;
    int64_t before_ms = compact->rows->head.time_ms - compact->options.order_window_ms;
    struct stk_kv_cursor *cursor = stk_kv_cursor_open(txn, STK_TABLE_ARCHIVE);
    if (!cursor)
        return stk_kv_status(txn, err);
    enum stk_status status = STK_OK;
    int more = stk_kv_seek(cursor, (struct stk_kv_bytes){compact->sweep_key, 8}, &key, &found);
    for (uint32_t i = 0; more && i < SWEEP_ROWS && status == STK_OK; i++) {
        status = stk_image_check(STK_TABLE_ARCHIVE, key, found, &value, &hash, err);
        if (status != STK_OK)
            break;
        memcpy(compact->sweep_key, key.data, sizeof(compact->sweep_key));
        /* minutes were rounded down: a row stays a little longer rather than shorter */
        if (((int64_t)stk_image_minutes(found) + 1) * 60000 < before_ms) {
            stk_digest_take(digest, hash);
            stk_kv_cursor_delete(cursor);
        } else if (++compact->sweep_skipped == SWEEP_SKIPPED) {
            break;
        }
        more = stk_kv_next(cursor, &key, &found);
    }
    *end = !more || compact->sweep_skipped == SWEEP_SKIPPED;
    stk_kv_cursor_close(cursor);
    return status == STK_OK ? stk_kv_status(txn, err) : status;
}

static enum stk_status sweep(struct stk_compact *compact, struct stk_error *err)
{
    struct stk_rows *rows = compact->rows;
    struct stk_image_head head = rows->head;
    struct stk_kv_txn *txn;
    int end = 0;
    enum stk_status status = stk_kv_begin(rows->kv, 1, &txn, err);
    if (status != STK_OK)
        return status;
    status = sweep_in(compact, txn, &head.digest[STK_TABLE_ARCHIVE], &end, err);
    if (status == STK_OK &&
        head.digest[STK_TABLE_ARCHIVE].count != rows->head.digest[STK_TABLE_ARCHIVE].count) {
        stk_image_put_head(txn, &head);
        status = stk_kv_commit(txn, err);
        if (status == STK_OK)
            rows->head = head;
    } else {
        stk_kv_abort(txn);
    }
    if (status == STK_OK && end) {
        compact->swept_ms = rows->head.time_ms;
        compact->sweep_skipped = 0;
        memset(compact->sweep_key, 0, sizeof(compact->sweep_key));
    }
    return status;
}

static int sweep_wanted(const struct stk_compact *compact)
{
    const struct stk_image_head *head = &compact->rows->head;
    if (compact->options.order_window_ms == 0 || head->digest[STK_TABLE_ARCHIVE].count == 0)
        return 0;
    return compact->swept_ms == INT64_MIN || head->time_ms - compact->swept_ms >= SWEEP_MS;
}

/* ---- merging ---- */

/* The newest time in a run table and the oldest end of a run in it: what it spans. */
static int64_t span_of(const struct stk_rows *rows, const struct stk_run_table *older,
                       const struct stk_run_table *newer)
{
    stk_time_t from_ms = INT64_MAX, to_ms = INT64_MIN;
    for (uint32_t i = 0; i < rows->runs_count; i++) {
        const struct stk_run *run = &rows->runs[i];
        if (run->class != older->class || run->last < older->first || run->first > newer->last)
            continue;
        from_ms = run->newest_ms < from_ms ? run->newest_ms : from_ms;
        to_ms = run->newest_ms > to_ms ? run->newest_ms : to_ms;
    }
    return to_ms < from_ms ? 0 : to_ms - from_ms;
}

static uint32_t count_tables(const struct stk_rows *rows, uint8_t class)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < rows->tables_count; i++)
        count += rows->tables[i].class == class;
    return count;
}

/* The neighbours of one class that cost least; tables are listed newest first. */
static int choose_pair(struct stk_compact *compact, uint8_t class)
{
    const struct stk_rows *rows = compact->rows;
    const struct stk_run_table *newer = NULL, *best_older = NULL, *best_newer = NULL;
    uint64_t best = UINT64_MAX;
    int64_t window_ms = window_of(compact, class);
    if (count_tables(rows, class) <= STK_RUN_TABLES_KEPT)
        return 0;
    for (uint32_t i = 0; i < rows->tables_count; i++) {
        const struct stk_run_table *table = &rows->tables[i];
        if (table->class != class)
            continue;
        uint64_t cost = newer ? newer->digest.count + table->digest.count : UINT64_MAX;
        if (newer && cost < best &&
            (window_ms == 0 || span_of(rows, table, newer) <= window_ms / SPANS)) {
            best = cost;
            best_older = table;
            best_newer = newer;
        }
        newer = table;
    }
    if (!best_older)
        return 0;
    compact->merge = (struct merge){
        .from = {best_older->number, best_newer->number},
        .to = {.class = class, .first = best_older->first, .last = best_newer->last}};
    return 1;
}

static int begin_merge(struct stk_compact *compact)
{
    uint8_t used[STK_RUN_TABLES];
    if (!choose_pair(compact, 0) && !choose_pair(compact, 1))
        return 0;
    used_tables(compact, used);
    unsigned number = 0;
    while (number < STK_RUN_TABLES && used[number])
        number++;
    compact->merge.to.number = (uint16_t)number;
    compact->merge.active = number < STK_RUN_TABLES;
    return compact->merge.active;
}

/* One of the two tables that are merged. */
struct source {
    struct stk_kv_cursor *cursor;
    struct stk_kv_bytes key, found;
    int more;
};

static void source_open(struct source *source, struct stk_kv_txn *txn, const struct merge *merge,
                        unsigned which)
{
    struct stk_kv_bytes from = {merge->key, merge->begun ? sizeof(merge->key) : 0};
    source->cursor = stk_kv_cursor_open(txn, STK_IMAGE_RUN + merge->from[which]);
    source->more =
        source->cursor && stk_kv_seek(source->cursor, from, &source->key, &source->found);
    if (source->more && merge->begun && memcmp(source->key.data, merge->key, 16) == 0)
        source->more = stk_kv_next(source->cursor, &source->key, &source->found);
}

static void source_next(struct source *source)
{
    source->more = stk_kv_next(source->cursor, &source->key, &source->found);
}

/* Copy a row as it is, unless its run was dropped. */
static enum stk_status merge_row(struct stk_compact *compact, const struct source *source,
                                 struct stk_kv_cursor *to, struct merge *merge,
                                 struct stk_error *err)
{
    struct stk_hash hash_key, hash;
    struct stk_bytes value;
    stk_seq_t seq;
    enum stk_status status =
        stk_runs_row(source->key, source->found, &hash_key, &seq, &value, &hash, err);
    if (status != STK_OK)
        return status;
    memcpy(merge->key, source->key.data, sizeof(merge->key));
    merge->begun = 1;
    if (seq <= compact->rows->head.dropped_to[merge->to.class])
        return STK_OK;
    stk_digest_add(&merge->to.digest, hash);
    stk_kv_cursor_put(to, (struct stk_kv_bytes){merge->key, sizeof(merge->key)}, source->found, 1);
    return STK_OK;
}

static enum stk_status merge_in(struct stk_compact *compact, struct stk_kv_txn *txn,
                                struct merge *merge, int *end, struct stk_error *err)
{
    struct source source[2];
    struct stk_kv_cursor *to = stk_kv_cursor_open(txn, STK_IMAGE_RUN + merge->to.number);
    enum stk_status status = STK_OK;
    size_t bytes = 0;
    source_open(&source[0], txn, merge, 0);
    source_open(&source[1], txn, merge, 1);
    for (uint32_t i = 0; i < MERGE_ROWS && bytes < MERGE_BYTES && status == STK_OK; i++) {
        if (!to || (!source[0].more && !source[1].more))
            break;
        int order = !source[0].more   ? 1
                    : !source[1].more ? -1
                                      : memcmp(source[0].key.data, source[1].key.data, 16);
        const struct source *take = &source[order >= 0]; /* of equals the newer one */
        bytes += take->found.size + 40;
        status = merge_row(compact, take, to, merge, err);
        if (order <= 0)
            source_next(&source[0]);
        if (order >= 0)
            source_next(&source[1]);
    }
    *end = !source[0].more && !source[1].more;
    stk_kv_cursor_close(source[0].cursor);
    stk_kv_cursor_close(source[1].cursor);
    stk_kv_cursor_close(to);
    return status == STK_OK ? stk_kv_status(txn, err) : status;
}

/* The merged table takes the place of the two. */
static enum stk_status end_merge_locked(struct stk_compact *compact, struct stk_error *err)
{
    struct stk_rows *rows = compact->rows;
    struct merge *merge = &compact->merge;
    struct stk_kv_txn *txn;
    int empty = merge->to.digest.count == 0;
    enum stk_status status = stk_kv_begin(rows->kv, 1, &txn, err);
    if (status != STK_OK)
        return status;
    delete_table(txn, merge->from[0]);
    delete_table(txn, merge->from[1]);
    if (!empty)
        stk_runs_put_table(txn, &merge->to);
    status = stk_kv_commit(txn, err);
    if (status != STK_OK)
        return status;
    forget_table(rows, merge->from[0]);
    forget_table(rows, merge->from[1]);
    if (!empty)
        rows->tables[rows->tables_count++] = merge->to;
    stk_runs_order(rows);
    merge->active = 0;
    return STK_OK;
}

static enum stk_status merge_part(struct stk_compact *compact, struct stk_error *err)
{
    struct stk_rows *rows = compact->rows;
    struct merge merge = compact->merge;
    struct stk_kv_txn *txn;
    int end = 0;
    enum stk_status status = stk_kv_begin(rows->kv, 1, &txn, err);
    if (status != STK_OK)
        return status;
    status = merge_in(compact, txn, &merge, &end, err);
    if (status == STK_OK)
        status = stk_kv_commit(txn, err);
    else
        stk_kv_abort(txn);
    if (status != STK_OK)
        return status;
    compact->merge = merge;
    status = injected(STK_FAULT_FOLD_MERGE_PART, err);
    if (status != STK_OK || !end)
        return status;
    pthread_rwlock_wrlock(&rows->runs_lock);
    status = end_merge_locked(compact, err);
    pthread_rwlock_unlock(&rows->runs_lock);
    return status == STK_OK ? injected(STK_FAULT_FOLD_MERGED, err) : status;
}

/* ---- one portion ---- */

static enum stk_status build_step(struct stk_compact *compact, struct stk_error *err)
{
    uint8_t used[STK_RUN_TABLES];
    used_tables(compact, used);
    return stk_build_step(compact->build, used, err);
}

enum stk_status stk_compact_step(struct stk_compact *compact, int *worked, struct stk_error *err)
{
    int wanted = 0;
    uint32_t first, count;
    *worked = 1;
    enum stk_status status = stk_build_wanted(compact->build, &wanted, err);
    if (status == STK_OK && wanted)
        status = build_step(compact, err);
    if (status != STK_BUSY && (status != STK_OK || wanted))
        return status; /* busy: no table is free, a merge may help */
    for (uint8_t class = 0; class < STK_RUN_CLASSES; class ++)
        if ((count = expired_runs(compact, class, &first)) > 0)
            return drop_runs(compact, first, count, err);
    if (compact->clean_to < compact->rows->head.runs_to) {
        status = clean(compact, worked, err);
        if (status != STK_OK || *worked)
            return status;
        *worked = 1;
    }
    if (sweep_wanted(compact))
        return sweep(compact, err);
    if (compact->merge.active || begin_merge(compact))
        return merge_part(compact, err);
    *worked = 0;
    return STK_OK;
}
