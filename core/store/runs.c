/* Reading runs, and the list of them. Look-ups hold the list's lock only until their transaction
 * has begun: from then on the tables are as the list said. */
#include "core/store/runs.h"
#include "core/base/mem.h"
#include "core/store/compact.h"
#include "core/store/image.h"
#include <stdlib.h>

/* ---- rows of the lists ---- */

#define RUN_BYTES   33
#define TABLE_BYTES 41
#define LIST_SEED   0x53544b5352554e53ull /* "STKSRUNS" */

static uint8_t *put_check(uint8_t *from, uint8_t *at, uint64_t key)
{
    return stk_put_be64(at, stk_hash64(from, (size_t)(at - from), LIST_SEED ^ key));
}

static int good_check(struct stk_kv_bytes value, size_t size, uint64_t key)
{
    if (value.size != size + 8)
        return 0;
    struct stk_reader in = stk_reader((const uint8_t *)value.data + size, 8);
    return stk_get_be64(&in) == stk_hash64(value.data, size, LIST_SEED ^ key);
}

void stk_runs_put(struct stk_kv_txn *txn, const struct stk_run *run)
{
    uint8_t key[4], value[RUN_BYTES + 8];
    uint8_t *at = value;
    stk_put_be32(key, run->id);
    *at++ = run->class;
    at = stk_put_be64(at, run->first);
    at = stk_put_be64(at, run->last);
    at = stk_put_be64(at, (uint64_t)run->newest_ms);
    at = stk_put_be64(at, run->count);
    at = put_check(value, at, run->id);
    stk_kv_put(txn, STK_IMAGE_RUNS, (struct stk_kv_bytes){key, sizeof(key)},
               (struct stk_kv_bytes){value, (size_t)(at - value)});
}

void stk_runs_put_table(struct stk_kv_txn *txn, const struct stk_run_table *table)
{
    uint8_t key[2], value[TABLE_BYTES + 8];
    uint8_t *at = value;
    stk_put_be16(key, table->number);
    *at++ = table->class;
    at = stk_put_be64(at, table->first);
    at = stk_put_be64(at, table->last);
    at = stk_put_be64(at, table->digest.count);
    at = stk_put_hash(at, table->digest.sum);
    at = put_check(value, at, table->number);
    stk_kv_put(txn, STK_IMAGE_RUN_TABLES, (struct stk_kv_bytes){key, sizeof(key)},
               (struct stk_kv_bytes){value, (size_t)(at - value)});
}

static int parse_run(struct stk_kv_bytes key, struct stk_kv_bytes value, struct stk_run *run)
{
    struct stk_reader in = stk_reader(key.data, key.size);
    run->id = stk_get_be32(&in);
    if (in.bad || key.size != 4 || !good_check(value, RUN_BYTES, run->id))
        return 0;
    in = stk_reader(value.data, value.size);
    run->class = stk_get_u8(&in);
    run->first = stk_get_be64(&in);
    run->last = stk_get_be64(&in);
    run->newest_ms = (stk_time_t)stk_get_be64(&in);
    run->count = stk_get_be64(&in);
    return run->class < STK_RUN_CLASSES && run->first <= run->last;
}

static int parse_table(struct stk_kv_bytes key, struct stk_kv_bytes value,
                       struct stk_run_table *table)
{
    struct stk_reader in = stk_reader(key.data, key.size);
    table->number = stk_get_be16(&in);
    if (in.bad || key.size != 2 || !good_check(value, TABLE_BYTES, table->number))
        return 0;
    in = stk_reader(value.data, value.size);
    table->class = stk_get_u8(&in);
    table->first = stk_get_be64(&in);
    table->last = stk_get_be64(&in);
    table->digest.count = stk_get_be64(&in);
    table->digest.sum = stk_get_hash(&in);
    return table->class < STK_RUN_CLASSES && table->number < STK_RUN_TABLES;
}

/* ---- the list ---- */

static int by_class_and_sequence(const void *a, const void *b)
{
    const struct stk_run *left = a, *right = b;
    if (left->class != right->class)
        return left->class < right->class ? -1 : 1;
    return left->first < right->first ? -1 : left->first > right->first;
}

static int newest_first(const void *a, const void *b)
{
    const struct stk_run_table *left = a, *right = b;
    return left->last > right->last ? -1 : left->last < right->last;
}

void stk_runs_order(struct stk_rows *rows)
{
    if (rows->runs_count)
        qsort(rows->runs, rows->runs_count, sizeof(*rows->runs), by_class_and_sequence);
    if (rows->tables_count)
        qsort(rows->tables, rows->tables_count, sizeof(*rows->tables), newest_first);
}

enum stk_status stk_runs_reserve(struct stk_rows *rows, uint32_t more, struct stk_error *err)
{
    if (rows->runs_count + more <= rows->runs_capacity)
        return STK_OK;
    uint32_t capacity = (rows->runs_count + more) * 2;
    struct stk_run *larger = stk_realloc(rows->runs, capacity * sizeof(*larger));
    if (!larger)
        return stk_error_set(err, STK_NO_MEMORY, "runs: out of memory");
    rows->runs = larger;
    rows->runs_capacity = capacity;
    return STK_OK;
}

static enum stk_status load_runs(struct stk_rows *rows, struct stk_kv_txn *txn,
                                 struct stk_error *err)
{
    struct stk_kv_bytes key, value;
    struct stk_run run;
    struct stk_kv_cursor *cursor = stk_kv_cursor_open(txn, STK_IMAGE_RUNS);
    if (!cursor)
        return stk_kv_status(txn, err);
    enum stk_status status = STK_OK;
    for (int more = stk_kv_seek(cursor, (struct stk_kv_bytes){0}, &key, &value);
         more && status == STK_OK; more = stk_kv_next(cursor, &key, &value)) {
        if (!parse_run(key, value, &run))
            status = stk_error_set(err, STK_CORRUPT, "runs: an entry is damaged");
        else if ((status = stk_runs_reserve(rows, 1, err)) == STK_OK)
            rows->runs[rows->runs_count++] = run;
    }
    stk_kv_cursor_close(cursor);
    return status;
}

static enum stk_status load_tables(struct stk_rows *rows, struct stk_kv_txn *txn,
                                   struct stk_error *err)
{
    struct stk_kv_bytes key, value;
    struct stk_kv_cursor *cursor = stk_kv_cursor_open(txn, STK_IMAGE_RUN_TABLES);
    if (!cursor)
        return stk_kv_status(txn, err);
    enum stk_status status = STK_OK;
    for (int more = stk_kv_seek(cursor, (struct stk_kv_bytes){0}, &key, &value);
         more && status == STK_OK; more = stk_kv_next(cursor, &key, &value)) {
        if (rows->tables_count == STK_RUN_TABLES ||
            !parse_table(key, value, &rows->tables[rows->tables_count]))
            status = stk_error_set(err, STK_CORRUPT, "runs: a table is damaged");
        else
            rows->tables_count++;
    }
    stk_kv_cursor_close(cursor);
    return status;
}

/* Bit i: run table i is in use. */
void stk_runs_used(const struct stk_rows *rows, uint8_t used[STK_RUN_TABLES])
{
    memset(used, 0, STK_RUN_TABLES);
    for (uint32_t i = 0; i < rows->tables_count; i++)
        used[rows->tables[i].number] = 1;
}

/* A run that was being made when the power went. */
static enum stk_status clear_orphans(struct stk_rows *rows, struct stk_error *err)
{
    uint8_t used[STK_RUN_TABLES];
    struct stk_kv_txn *txn;
    int found = 0;
    stk_runs_used(rows, used);
    enum stk_status status = stk_kv_begin(rows->kv, 1, &txn, err);
    if (status != STK_OK)
        return status;
    for (unsigned i = 0; i < STK_RUN_TABLES; i++) {
        if (used[i] || stk_kv_count(txn, STK_IMAGE_RUN + i) == 0)
            continue;
        stk_kv_clear(txn, STK_IMAGE_RUN + i);
        found = 1;
    }
    if (found || stk_kv_status(txn, NULL) != STK_OK)
        return stk_kv_commit(txn, err);
    stk_kv_abort(txn);
    return STK_OK;
}

enum stk_status stk_runs_load(struct stk_rows *rows, struct stk_error *err)
{
    struct stk_kv_txn *txn;
    enum stk_status status = stk_kv_begin(rows->kv, 0, &txn, err);
    if (status != STK_OK)
        return status;
    status = load_runs(rows, txn, err);
    if (status == STK_OK)
        status = load_tables(rows, txn, err);
    if (status == STK_OK)
        status = stk_kv_status(txn, err);
    stk_kv_abort(txn);
    memcpy(rows->dropped_to, rows->head.dropped_to, sizeof(rows->dropped_to));
    stk_runs_order(rows);
    return status == STK_OK && !rows->read_only ? clear_orphans(rows, err) : status;
}

void stk_runs_fini(struct stk_rows *rows)
{
    stk_free(rows->runs);
    rows->runs = NULL;
    rows->runs_count = rows->runs_capacity = 0;
}

/* The run of that class that holds seq; NULL: it was dropped. */
static const struct stk_run *run_of(const struct stk_rows *rows, uint8_t class, stk_seq_t seq)
{
    uint32_t low = 0, high = rows->runs_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct stk_run *run = &rows->runs[middle];
        if (run->class < class || (run->class == class && run->last < seq))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == rows->runs_count || rows->runs[low].class != class || rows->runs[low].first > seq)
        return NULL;
    return &rows->runs[low];
}

/* ---- each key ---- */

/* A row of a run table, checked: its key, its sequence, the KEY row's value. */
enum stk_status stk_runs_row(struct stk_kv_bytes key, struct stk_kv_bytes found,
                             struct stk_hash *hash_key, stk_seq_t *seq, struct stk_bytes *value,
                             struct stk_hash *hash, struct stk_error *err)
{
    enum stk_status status = stk_image_check(STK_IMAGE_RUN, key, found, value, hash, err);
    if (status != STK_OK)
        return status;
    if (key.size != 16 || value->size <= 8)
        return stk_error_set(err, STK_CORRUPT, "run: a row of %zu and %u bytes", key.size,
                             value->size);
    struct stk_reader in = stk_reader(key.data, key.size);
    *hash_key = stk_get_hash(&in);
    in = stk_reader(value->data, value->size);
    *seq = stk_get_be64(&in);
    value->data += 8;
    value->size -= 8;
    return STK_OK;
}

static enum stk_status each_of_table(struct stk_rows *rows, struct stk_kv_txn *txn,
                                     const struct stk_run_table *table, stk_run_fn fn, void *arg,
                                     struct stk_error *err)
{
    struct stk_kv_bytes key, found;
    struct stk_bytes value;
    struct stk_hash hash_key, hash;
    struct stk_digest digest = {0};
    stk_seq_t seq;
    struct stk_kv_cursor *cursor = stk_kv_cursor_open(txn, STK_IMAGE_RUN + table->number);
    if (!cursor)
        return stk_kv_status(txn, err);
    enum stk_status status = STK_OK;
    for (int more = stk_kv_seek(cursor, (struct stk_kv_bytes){0}, &key, &found);
         more && status == STK_OK; more = stk_kv_next(cursor, &key, &found)) {
        status = stk_runs_row(key, found, &hash_key, &seq, &value, &hash, err);
        if (status != STK_OK)
            break;
        stk_digest_add(&digest, hash);
        const struct stk_run *run = fn ? run_of(rows, table->class, seq) : NULL;
        if (run)
            status = fn(arg, run, hash_key);
    }
    stk_kv_cursor_close(cursor);
    if (status == STK_OK)
        status = stk_kv_status(txn, err);
    if (status == STK_OK &&
        (digest.count != table->digest.count || !stk_hash_equal(digest.sum, table->digest.sum)))
        status = stk_error_set(err, STK_CORRUPT, "run table %u: rows do not agree with its digest",
                               table->number);
    return status;
}

enum stk_status stk_rows_each_run_key(struct stk_rows *rows, stk_run_fn fn, void *arg,
                                      struct stk_error *err)
{
    struct stk_kv_txn *txn;
    pthread_rwlock_rdlock(&rows->runs_lock);
    enum stk_status status = stk_kv_begin(rows->kv, 0, &txn, err);
    for (uint32_t i = 0; i < rows->tables_count && status == STK_OK; i++)
        status = each_of_table(rows, txn, &rows->tables[i], fn, arg, err);
    stk_kv_abort(txn);
    pthread_rwlock_unlock(&rows->runs_lock);
    return status;
}

enum stk_status stk_runs_check(struct stk_rows *rows, struct stk_error *err)
{
    return stk_rows_each_run_key(rows, NULL, NULL, err);
}

/* ---- one key ---- */

static enum stk_status take_payload(struct stk_kv_bytes key, struct stk_kv_bytes found,
                                    const stk_seq_t dropped_to, stk_seq_t *seq, void *payload,
                                    uint32_t *payload_size, struct stk_error *err)
{
    struct stk_hash hash_key, hash;
    struct stk_bytes value;
    enum stk_status status = stk_runs_row(key, found, &hash_key, seq, &value, &hash, err);
    if (status != STK_OK)
        return status;
    if (*seq <= dropped_to)
        return STK_NOT_FOUND;
    if (value.size > *payload_size)
        return stk_error_set(err, STK_TOO_LARGE, "run: a row of %u bytes, there is room for %u",
                             value.size, *payload_size);
    memcpy(payload, value.data, value.size);
    *payload_size = value.size;
    return STK_OK;
}

enum stk_status stk_rows_find_key(struct stk_rows *rows, struct stk_hash key, stk_seq_t *seq,
                                  void *payload, uint32_t *payload_size, struct stk_error *err)
{
    struct stk_run_table tables[STK_RUN_TABLES];
    stk_seq_t dropped_to[STK_RUN_CLASSES];
    struct stk_kv_txn *txn;
    uint8_t bytes[16];
    stk_put_hash(bytes, key);
    struct stk_kv_bytes wanted = {bytes, sizeof(bytes)}, found;
    pthread_rwlock_rdlock(&rows->runs_lock);
    uint32_t count = rows->tables_count;
    memcpy(tables, rows->tables, count * sizeof(*tables));
    memcpy(dropped_to, rows->dropped_to, sizeof(dropped_to));
    enum stk_status status = stk_kv_begin(rows->kv, 0, &txn, err);
    pthread_rwlock_unlock(&rows->runs_lock);
    if (status != STK_OK)
        return status;
    status = STK_NOT_FOUND;
    for (uint32_t i = 0; i < count && status == STK_NOT_FOUND; i++) {
        status = stk_kv_get(txn, STK_IMAGE_RUN + tables[i].number, wanted, &found);
        if (status == STK_OK)
            status = take_payload(wanted, found, dropped_to[tables[i].class], seq, payload,
                                  payload_size, err);
    }
    if (stk_kv_status(txn, err) != STK_OK)
        status = stk_kv_status(txn, err);
    else if (status == STK_NOT_FOUND)
        stk_error_set(err, status, "run: no such key");
    stk_kv_abort(txn);
    return status;
}
