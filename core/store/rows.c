/* Reading S. Each call reads one moment of the file in a transaction of its own. */
#include "core/store/rows.h"
#include "core/base/mem.h"
#include "core/store/image.h"

static struct stk_kv_bytes as_kv(struct stk_bytes bytes)
{
    return (struct stk_kv_bytes){bytes.data, bytes.size};
}

static struct stk_bytes as_bytes(struct stk_kv_bytes bytes)
{
    return (struct stk_bytes){bytes.data, (uint32_t)bytes.size};
}

/* ---- life ---- */

enum stk_status stk_rows_open(struct stk_rows **out, const struct stk_rows_options *options,
                              struct stk_error *err)
{
    struct stk_rows *rows = stk_alloc(sizeof(*rows));
    *out = NULL;
    if (!rows)
        return stk_error_set(err, STK_NO_MEMORY, "state: out of memory");
    pthread_rwlock_init(&rows->runs_lock, NULL);
    enum stk_status status = stk_path_set(&rows->folder, options->folder, err);
    if (status == STK_OK)
        status = stk_image_open(rows, options->map_bytes, options->read_only, options->alone, err);
    if (status == STK_OK)
        status = stk_runs_load(rows, err);
    if (status != STK_OK) {
        stk_error_prefix(err, "state");
        stk_rows_close(rows);
        return status;
    }
    *out = rows;
    return STK_OK;
}

void stk_rows_close(struct stk_rows *rows)
{
    if (!rows)
        return;
    stk_runs_fini(rows);
    stk_kv_close(rows->kv);
    pthread_rwlock_destroy(&rows->runs_lock);
    stk_free(rows);
}

stk_seq_t stk_rows_folded(struct stk_rows *rows)
{
    /* acquire: pairs with the fold's release store after its commit */
    return atomic_load_explicit(&rows->folded, memory_order_acquire);
}

int stk_rows_stuck(struct stk_rows *rows)
{
    return atomic_load_explicit(&rows->stuck, memory_order_relaxed);
}

/* ---- whole tables ---- */

static int same_digest(const struct stk_digest *a, const struct stk_digest *b)
{
    return a->count == b->count && stk_hash_equal(a->sum, b->sum);
}

/* One row of a walk: checked, counted, given to fn (which may be NULL). */
static enum stk_status visit(enum stk_table table, struct stk_kv_bytes key,
                             struct stk_kv_bytes found, struct stk_digest *digest, stk_row_fn fn,
                             void *arg, struct stk_error *err)
{
    struct stk_bytes value;
    struct stk_hash hash;
    if (key.size != stk_table_key_size(table))
        return stk_error_set(err, STK_CORRUPT, "table %s: a key of %zu bytes",
                             stk_table_name(table), key.size);
    enum stk_status status = stk_image_check(table, key, found, &value, &hash, err);
    if (status != STK_OK)
        return status;
    stk_digest_add(digest, hash);
    return fn ? fn(arg, as_bytes(key), value, err) : STK_OK;
}

/* Where the rows of a table begin: KEY rows that went into runs do not count any more. */
static struct stk_kv_bytes first_key(const struct stk_image_head *head, enum stk_table table,
                                     uint8_t room[8])
{
    if (table != STK_TABLE_KEY || head->runs_to == 0)
        return (struct stk_kv_bytes){0};
    stk_put_be64(room, head->runs_to + 1);
    return (struct stk_kv_bytes){room, 8};
}

static enum stk_status each_in(struct stk_kv_txn *txn, const struct stk_image_head *head,
                               enum stk_table table, stk_row_fn fn, void *arg,
                               struct stk_error *err)
{
    uint8_t room[8];
    struct stk_kv_bytes key, found;
    struct stk_digest digest = {0};
    struct stk_kv_cursor *cursor = stk_kv_cursor_open(txn, table);
    if (!cursor)
        return stk_kv_status(txn, err);
    enum stk_status status = STK_OK;
    for (int more = stk_kv_seek(cursor, first_key(head, table, room), &key, &found);
         more && status == STK_OK; more = status == STK_OK && stk_kv_next(cursor, &key, &found))
        status = visit(table, key, found, &digest, fn, arg, err);
    stk_kv_cursor_close(cursor);
    if (status == STK_OK)
        status = stk_kv_status(txn, err);
    if (status == STK_OK && !same_digest(&digest, &head->digest[table]))
        status = stk_error_set(err, STK_CORRUPT,
                               "table %s: %llu rows do not agree with the digest over %llu",
                               stk_table_name(table), (unsigned long long)digest.count,
                               (unsigned long long)head->digest[table].count);
    return status;
}

enum stk_status stk_rows_each(struct stk_rows *rows, enum stk_table table, stk_row_fn fn, void *arg,
                              struct stk_error *err)
{
    struct stk_kv_txn *txn;
    struct stk_image_head head;
    stk_assert(table > 0 && table < STK_TABLE_COUNT);
    enum stk_status status = stk_kv_begin(rows->kv, 0, &txn, err);
    if (status != STK_OK)
        return status;
    status = stk_image_get_head(txn, &head, err);
    if (status == STK_OK)
        status = each_in(txn, &head, table, fn, arg, err);
    stk_kv_abort(txn);
    return status;
}

enum stk_status stk_rows_check(struct stk_rows *rows, struct stk_error *err)
{
    enum stk_status status = STK_OK;
    for (unsigned table = 1; table < STK_TABLE_COUNT && status == STK_OK; table++)
        status = stk_rows_each(rows, table, NULL, NULL, err);
    if (status == STK_OK)
        status = stk_runs_check(rows, err);
    if (status != STK_OK)
        stk_error_prefix(err, "state");
    return status;
}

/* ---- single rows ---- */

enum stk_status stk_rows_get(struct stk_rows *rows, enum stk_table table, struct stk_bytes key,
                             void *value, uint32_t *value_size, struct stk_error *err)
{
    struct stk_kv_txn *txn;
    struct stk_kv_bytes found;
    struct stk_bytes bytes;
    struct stk_hash hash;
    stk_assert(table > 0 && table < STK_TABLE_COUNT);
    enum stk_status status = stk_kv_begin(rows->kv, 0, &txn, err);
    if (status != STK_OK)
        return status;
    status = stk_kv_get(txn, table, as_kv(key), &found);
    if (status == STK_OK)
        status = stk_image_check(table, as_kv(key), found, &bytes, &hash, err);
    else
        stk_error_set(err, status, "table %s: %s", stk_table_name(table), stk_status_text(status));
    if (status == STK_OK && bytes.size > *value_size)
        status =
            stk_error_set(err, STK_TOO_LARGE, "table %s: a row of %u bytes, there is room for %u",
                          stk_table_name(table), bytes.size, *value_size);
    if (status == STK_OK) {
        memcpy(value, bytes.data, bytes.size);
        *value_size = bytes.size;
    }
    stk_kv_abort(txn);
    return status;
}

static enum stk_status range_in(struct stk_kv_txn *txn, enum stk_table table, struct stk_bytes from,
                                uint32_t max, stk_row_fn fn, void *arg, struct stk_error *err)
{
    struct stk_kv_bytes key, found;
    struct stk_digest unused = {0};
    struct stk_kv_cursor *cursor = stk_kv_cursor_open(txn, table);
    if (!cursor)
        return stk_kv_status(txn, err);
    enum stk_status status = STK_OK;
    int more = stk_kv_seek(cursor, as_kv(from), &key, &found);
    for (uint32_t i = 0; i < max && more && status == STK_OK; i++) {
        status = visit(table, key, found, &unused, fn, arg, err);
        more = status == STK_OK && stk_kv_next(cursor, &key, &found);
    }
    stk_kv_cursor_close(cursor);
    return status == STK_OK ? stk_kv_status(txn, err) : status;
}

enum stk_status stk_rows_range(struct stk_rows *rows, enum stk_table table, struct stk_bytes from,
                               uint32_t max, stk_row_fn fn, void *arg, struct stk_error *err)
{
    struct stk_kv_txn *txn;
    stk_assert(table > 0 && table < STK_TABLE_COUNT);
    enum stk_status status = stk_kv_begin(rows->kv, 0, &txn, err);
    if (status != STK_OK)
        return status;
    status = range_in(txn, table, from, max, fn, arg, err);
    stk_kv_abort(txn);
    return status;
}

/* ---- S beside J ---- */

static enum stk_status compare_chains(const struct stk_image_head *head,
                                      struct stk_journal *journal, struct stk_error *err)
{
    uint8_t chain[STK_CHAIN_BYTES];
    enum stk_status status = stk_journal_chain_at(journal, head->folded, chain, err);
    if (status != STK_OK)
        return status;
    if (memcmp(chain, head->chain, sizeof(chain)) != 0)
        return stk_error_set(err, STK_CORRUPT,
                             "at sequence %llu state and journal went different ways; restore both "
                             "from one backup",
                             (unsigned long long)head->folded);
    return STK_OK;
}

enum stk_status stk_rows_follow(struct stk_rows *rows, struct stk_journal *journal,
                                struct stk_error *err)
{
    uint8_t id[STK_JOURNAL_ID_BYTES];
    stk_seq_t first, last;
    const struct stk_image_head *head = &rows->head;
    stk_journal_id(journal, id);
    stk_journal_range(journal, &first, &last);
    if (head->folded > last)
        return stk_error_set(
            err, STK_CORRUPT,
            "the state holds effects up to %llu, the journal ends at %llu: put the "
            "rest of the journal back, or restore both from one backup",
            (unsigned long long)head->folded, (unsigned long long)last);
    if (last == 0)
        return STK_OK;
    if (head->folded && memcmp(id, head->id, sizeof(id)) != 0)
        return stk_error_set(err, STK_CORRUPT, "the state was folded from another journal");
    if (head->folded + 1 < first)
        return stk_error_set(err, STK_CORRUPT,
                             "the state holds effects up to %llu, the journal begins at %llu: what "
                             "lies between is missing; restore from a backup",
                             (unsigned long long)head->folded, (unsigned long long)first);
    return head->folded ? compare_chains(head, journal, err) : STK_OK;
}
