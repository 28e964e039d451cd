/* Making runs. The span of KEY rows is fixed when the scan begins; rows that are folded meanwhile
 * have later sequences and wait for the next run. Nothing that is written counts before
 * build_register has committed; a crash before leaves tables without an owner, which the next start
 * empties. */
#include "core/store/build.h"
#include "core/base/fault.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/store/sort.h"

#define SCAN_ROWS  (64u * 1024) /* in one read transaction: some 20 ms */
#define PART_ROWS  (48u * 1024) /* in one commit */
#define PART_BYTES (6u * 1024 * 1024)

enum phase { WAITING, SCANNING, WRITING, REGISTERING };

struct key_ref {
    struct stk_hash hash;
    uint64_t seq_and_class; /* sequence << 1 | class */
};

struct stk_build {
    struct stk_compact_options options;
    enum phase phase;
    struct key_ref *refs;
    struct stk_sort_item *items;
    uint32_t count, capacity;
    uint32_t written;         /* items that are in a committed part */
    stk_seq_t next, last;     /* scan: the next sequence; span: the last one */
    struct stk_digest digest; /* of the KEY rows of the span */
    struct stk_run run[STK_RUN_CLASSES];
    struct stk_run_table table[STK_RUN_CLASSES];
    stk_time_t oldest_ms; /* of the first KEY row that waits; INT64_MAX: not looked for yet */
    stk_seq_t oldest_after;
};

enum stk_status stk_build_create(struct stk_build **out, const struct stk_compact_options *options,
                                 struct stk_error *err)
{
    *out = NULL;
    if (options->run_keys > STK_RUN_KEYS_MAX)
        return stk_error_set(err, STK_INVALID, "runs: %u keys in one, %u are the most",
                             options->run_keys, STK_RUN_KEYS_MAX);
    struct stk_build *build = stk_alloc(sizeof(*build));
    *out = build;
    if (!build)
        return stk_error_set(err, STK_NO_MEMORY, "runs: out of memory");
    build->options = *options;
    if (build->options.run_keys == 0)
        build->options.run_keys = 1000000;
    build->oldest_ms = INT64_MAX;
    return STK_OK;
}

static void forget(struct stk_build *build)
{
    stk_free(build->refs);
    stk_free(build->items);
    build->refs = NULL;
    build->items = NULL;
    build->count = build->capacity = build->written = 0;
    build->phase = WAITING;
    build->oldest_ms = INT64_MAX;
}

void stk_build_destroy(struct stk_build *build)
{
    if (build)
        forget(build);
    stk_free(build);
}

void stk_build_used(const struct stk_build *build, uint8_t used[STK_RUN_TABLES])
{
    if (build->phase == WRITING || build->phase == REGISTERING)
        for (unsigned class = 0; class < STK_RUN_CLASSES; class ++)
            used[build->table[class].number] = 1;
}

/* ---- is there enough ---- */

/* What the rows of KEY say: hash, class, time. The hash stands there, or is made of source and id.
 * 0: damaged. */
static int parse_key_row(struct stk_bytes value, struct stk_hash *hash, uint8_t *class,
                         stk_time_t *time_ms)
{
    struct stk_reader in = stk_reader(value.data, value.size);
    stk_get_u8(&in); /* version */
    uint8_t kind = stk_get_u8(&in);
    unsigned space = kind >> 1;
    *class = kind & 1;
    if (!space)
        *hash = stk_get_hash(&in);
    *time_ms = stk_get_zigzag(&in);
    if (space) {
        stk_get_hash(&in);   /* of the body */
        stk_get_varint(&in); /* status */
        stk_get_varint(&in); /* verb */
        struct stk_bytes source = stk_get_bytes(&in), id = stk_get_bytes(&in);
        if (in.bad || source.size > STK_ID_MAX || id.size > STK_ID_MAX)
            return 0;
        *hash = stk_hash_key(space, source, id);
    }
    return !in.bad && in.at < in.end && (space == 0 || *class == 0);
}

static enum stk_status key_row(struct stk_kv_bytes key, struct stk_kv_bytes found,
                               struct key_ref *ref, stk_time_t *time_ms, struct stk_hash *row_hash,
                               struct stk_error *err)
{
    struct stk_bytes value;
    uint8_t class;
    struct stk_reader in = stk_reader(key.data, key.size);
    stk_seq_t seq = stk_get_be64(&in);
    enum stk_status status = stk_image_check(STK_TABLE_KEY, key, found, &value, row_hash, err);
    if (status != STK_OK)
        return status;
    if (in.bad || !parse_key_row(value, &ref->hash, &class, time_ms))
        return stk_error_set(err, STK_CORRUPT, "table key: row %llu is damaged",
                             (unsigned long long)seq);
    ref->seq_and_class = seq << 1 | class;
    return STK_OK;
}

/* The first KEY row that is in no run. */
static enum stk_status find_oldest(struct stk_build *build, struct stk_error *err)
{
    struct stk_rows *rows = build->options.rows;
    struct stk_kv_txn *txn;
    struct stk_kv_bytes key, found;
    struct key_ref ref;
    struct stk_hash hash;
    uint8_t bytes[8];
    enum stk_status status = stk_kv_begin(rows->kv, 0, &txn, err);
    if (status != STK_OK)
        return status;
    stk_put_be64(bytes, rows->head.runs_to + 1);
    struct stk_kv_cursor *cursor = stk_kv_cursor_open(txn, STK_TABLE_KEY);
    if (cursor && stk_kv_seek(cursor, (struct stk_kv_bytes){bytes, 8}, &key, &found))
        status = key_row(key, found, &ref, &build->oldest_ms, &hash, err);
    stk_kv_cursor_close(cursor);
    if (status == STK_OK)
        status = stk_kv_status(txn, err);
    stk_kv_abort(txn);
    return status;
}

enum stk_status stk_build_wanted(struct stk_build *build, int *wanted, struct stk_error *err)
{
    const struct stk_image_head *head = &build->options.rows->head;
    uint64_t waiting = head->digest[STK_TABLE_KEY].count;
    *wanted = build->phase != WAITING || waiting >= build->options.run_keys;
    if (*wanted || waiting == 0 || build->options.run_age_ms == 0)
        return STK_OK;
    if (build->oldest_ms == INT64_MAX) {
        enum stk_status status = find_oldest(build, err);
        if (status != STK_OK)
            return status;
    }
    *wanted = build->oldest_ms != INT64_MAX &&
              head->time_ms - build->oldest_ms >= build->options.run_age_ms;
    return STK_OK;
}

/* ---- scan ---- */

static enum stk_status begin(struct stk_build *build, struct stk_error *err)
{
    const struct stk_image_head *head = &build->options.rows->head;
    uint64_t waiting = head->digest[STK_TABLE_KEY].count;
    forget(build);
    build->capacity =
        waiting < build->options.run_keys ? (uint32_t)waiting : build->options.run_keys;
    build->refs = stk_alloc(build->capacity * sizeof(*build->refs));
    build->items = stk_alloc((size_t)build->capacity * 2 * sizeof(*build->items));
    if (!build->refs || !build->items) {
        forget(build);
        return stk_error_set(err, STK_NO_MEMORY, "runs: out of memory");
    }
    build->next = head->runs_to + 1;
    build->last = head->folded;
    build->digest = (struct stk_digest){0};
    for (uint8_t class = 0; class < STK_RUN_CLASSES; class ++) {
        build->run[class] = (struct stk_run){.class = class, .newest_ms = INT64_MIN};
        build->table[class] = (struct stk_run_table){.class = class};
    }
    build->phase = SCANNING;
    return STK_OK;
}

static void take_ref(struct stk_build *build, const struct key_ref *ref, stk_time_t time_ms)
{
    struct stk_run *run = &build->run[ref->seq_and_class & 1];
    stk_seq_t seq = ref->seq_and_class >> 1;
    if (run->first == 0)
        run->first = seq;
    run->last = seq;
    if (time_ms > run->newest_ms)
        run->newest_ms = time_ms;
    build->refs[build->count] = *ref;
    build->items[build->count] =
        (struct stk_sort_item){.key = __builtin_bswap64(ref->hash.low), .at = build->count};
    build->count++;
    build->next = seq + 1;
}

static enum stk_status scan_in(struct stk_build *build, struct stk_kv_txn *txn, int *end,
                               struct stk_error *err)
{
    struct stk_kv_bytes key, found;
    struct stk_hash hash;
    struct key_ref ref;
    stk_time_t time_ms;
    uint8_t bytes[8];
    stk_put_be64(bytes, build->next);
    struct stk_kv_cursor *cursor = stk_kv_cursor_open(txn, STK_TABLE_KEY);
    if (!cursor)
        return stk_kv_status(txn, err);
    enum stk_status status = STK_OK;
    int more = stk_kv_seek(cursor, (struct stk_kv_bytes){bytes, 8}, &key, &found);
    for (uint32_t i = 0; more && i < SCAN_ROWS && build->count < build->capacity; i++) {
        status = key_row(key, found, &ref, &time_ms, &hash, err);
        if (status != STK_OK || ref.seq_and_class >> 1 > build->last)
            break;
        stk_digest_add(&build->digest, hash);
        take_ref(build, &ref, time_ms);
        more = stk_kv_next(cursor, &key, &found);
    }
    *end = !more || build->count == build->capacity ||
           (status == STK_OK && ref.seq_and_class >> 1 > build->last);
    stk_kv_cursor_close(cursor);
    return status == STK_OK ? stk_kv_status(txn, err) : status;
}

/* As the keys' bytes compare: first the sort's key, then the rest of the hash, then the class. */
static int after(const struct stk_build *build, const struct stk_sort_item *a,
                 const struct stk_sort_item *b)
{
    const struct key_ref *left = &build->refs[a->at], *right = &build->refs[b->at];
    if (a->key != b->key)
        return a->key > b->key;
    if (left->hash.high != right->hash.high)
        return __builtin_bswap64(left->hash.high) > __builtin_bswap64(right->hash.high);
    return (left->seq_and_class & 1) > (right->seq_and_class & 1);
}

/* The sort is stable, so sequences ascend among equals, and knows 64 bits of 128: put equals of
 * those in order too. */
static void sort(struct stk_build *build)
{
    struct stk_sort_item *items = build->items;
    stk_sort(items, items + build->capacity, build->count);
    for (uint32_t i = 1; i < build->count; i++) {
        struct stk_sort_item item = items[i];
        uint32_t k = i;
        for (; k > 0 && after(build, &items[k - 1], &item); k--)
            items[k] = items[k - 1];
        items[k] = item;
    }
}

/* Numbers of tables that nobody uses, one a class. */
static enum stk_status choose_tables(struct stk_build *build, uint8_t taken[STK_RUN_TABLES],
                                     struct stk_error *err)
{
    unsigned number = 0;
    for (unsigned class = 0; class < STK_RUN_CLASSES; class ++) {
        while (number < STK_RUN_TABLES && taken[number])
            number++;
        if (number == STK_RUN_TABLES)
            return stk_error_set(err, STK_BUSY, "runs: all %d tables are in use", STK_RUN_TABLES);
        build->table[class].number = (uint16_t)number++;
    }
    return STK_OK;
}

static enum stk_status scan(struct stk_build *build, uint8_t taken[STK_RUN_TABLES],
                            struct stk_error *err)
{
    struct stk_kv_txn *txn;
    int end = 0;
    enum stk_status status = stk_kv_begin(build->options.rows->kv, 0, &txn, err);
    if (status != STK_OK)
        return status;
    status = scan_in(build, txn, &end, err);
    stk_kv_abort(txn);
    if (status != STK_OK || !end)
        return status;
    status = choose_tables(build, taken, err);
    if (status != STK_OK)
        return status;
    sort(build);
    build->phase = WRITING;
    return STK_OK;
}

/* ---- write ---- */

/* Two items of the same key and class: the later one counts. */
static int same_key(const struct stk_build *build, uint32_t a, uint32_t b)
{
    const struct key_ref *left = &build->refs[build->items[a].at];
    const struct key_ref *right = &build->refs[build->items[b].at];
    return stk_hash_equal(left->hash, right->hash) &&
           (left->seq_and_class & 1) == (right->seq_and_class & 1);
}

static enum stk_status write_row(struct stk_kv_txn *txn, struct stk_kv_cursor *cursor,
                                 const struct key_ref *ref, struct stk_digest *digest,
                                 uint32_t *bytes, struct stk_error *err)
{
    uint8_t seq[8], hash[16];
    struct stk_kv_bytes found, key = {hash, sizeof(hash)};
    stk_put_be64(seq, ref->seq_and_class >> 1);
    stk_put_hash(hash, ref->hash);
    enum stk_status status = stk_kv_get(txn, STK_TABLE_KEY, (struct stk_kv_bytes){seq, 8}, &found);
    if (status != STK_OK || found.size <= STK_TRAILER)
        return stk_error_set(err, STK_CORRUPT, "table key: row %llu is gone",
                             (unsigned long long)(ref->seq_and_class >> 1));
    size_t size = 8 + found.size - STK_TRAILER;
    const void *from = found.data; /* stays: nothing writes to KEY in this transaction */
    uint8_t *room =
        stk_kv_cursor_put(cursor, key, (struct stk_kv_bytes){NULL, size + STK_TRAILER}, 1);
    if (!room)
        return stk_kv_status(txn, err);
    memcpy(room, seq, sizeof(seq));
    memcpy(room + 8, from, size - 8);
    stk_digest_add(digest, stk_image_seal(STK_IMAGE_RUN, key, room, size));
    *bytes += (uint32_t)size + 40;
    return STK_OK;
}

static enum stk_status write_in(struct stk_build *build, struct stk_kv_txn *txn, uint32_t *at,
                                struct stk_digest digest[STK_RUN_CLASSES], struct stk_error *err)
{
    struct stk_kv_cursor *cursor[STK_RUN_CLASSES];
    enum stk_status status = STK_OK;
    uint32_t bytes = 0;
    for (unsigned class = 0; class < STK_RUN_CLASSES; class ++)
        cursor[class] = stk_kv_cursor_open(txn, STK_IMAGE_RUN + build->table[class].number);
    if (!cursor[0] || !cursor[1])
        status = stk_kv_status(txn, err);
    for (uint32_t i = 0; i < PART_ROWS && bytes < PART_BYTES && status == STK_OK; i++) {
        if (*at == build->count)
            break;
        const struct key_ref *ref = &build->refs[build->items[*at].at];
        unsigned class = ref->seq_and_class & 1;
        int doubled = *at + 1 < build->count && same_key(build, *at, *at + 1);
        if (!doubled)
            status = write_row(txn, cursor[class], ref, &digest[class], &bytes, err);
        ++*at;
    }
    for (unsigned class = 0; class < STK_RUN_CLASSES; class ++)
        stk_kv_cursor_close(cursor[class]);
    return status;
}

static enum stk_status write_part(struct stk_build *build, struct stk_error *err)
{
    struct stk_kv_txn *txn;
    uint32_t at = build->written;
    struct stk_digest digest[STK_RUN_CLASSES] = {build->table[0].digest, build->table[1].digest};
    enum stk_status status = stk_kv_begin(build->options.rows->kv, 1, &txn, err);
    if (status != STK_OK)
        return status;
    status = write_in(build, txn, &at, digest, err);
    if (status == STK_OK)
        status = stk_kv_commit(txn, err);
    else
        stk_kv_abort(txn);
    if (status != STK_OK)
        return status;
    build->written = at;
    build->table[0].digest = digest[0];
    build->table[1].digest = digest[1];
    if (stk_fault_point(STK_FAULT_FOLD_RUN_PART))
        return stk_error_set(err, STK_IO, "fault injected at fold.run_part");
    if (at == build->count)
        build->phase = REGISTERING;
    return STK_OK;
}

/* ---- register ---- */

/* Lists and head as they will be; the head is copied so that a failed commit changes nothing. */
static void put_lists(struct stk_build *build, struct stk_kv_txn *txn, struct stk_image_head *head)
{
    for (unsigned class = 0; class < STK_RUN_CLASSES; class ++) {
        struct stk_run *run = &build->run[class];
        struct stk_run_table *table = &build->table[class];
        if (run->first == 0)
            continue;
        run->id = head->next_run++;
        run->count = table->digest.count;
        table->first = run->first;
        table->last = run->last;
        stk_runs_put(txn, run);
        stk_runs_put_table(txn, table);
    }
    struct stk_digest *digest = &head->digest[STK_TABLE_KEY];
    digest->count -= build->digest.count;
    digest->sum.high -=
        build->digest.sum.high +
        __builtin_sub_overflow(digest->sum.low, build->digest.sum.low, &digest->sum.low);
    head->runs_to = build->next - 1;
    stk_image_put_head(txn, head);
}

static enum stk_status register_locked(struct stk_build *build, struct stk_error *err)
{
    struct stk_rows *rows = build->options.rows;
    struct stk_image_head head = rows->head;
    struct stk_kv_txn *txn;
    enum stk_status status = stk_runs_reserve(rows, STK_RUN_CLASSES, err);
    if (status == STK_OK)
        status = stk_kv_begin(rows->kv, 1, &txn, err);
    if (status != STK_OK)
        return status;
    put_lists(build, txn, &head);
    status = stk_kv_commit(txn, err);
    if (status != STK_OK)
        return status;
    rows->head = head;
    for (unsigned class = 0; class < STK_RUN_CLASSES; class ++) {
        if (build->run[class].first == 0)
            continue;
        rows->runs[rows->runs_count++] = build->run[class];
        rows->tables[rows->tables_count++] = build->table[class];
    }
    stk_runs_order(rows);
    return STK_OK;
}

static enum stk_status build_register(struct stk_build *build, struct stk_error *err)
{
    struct stk_rows *rows = build->options.rows;
    struct stk_run runs[STK_RUN_CLASSES];
    if (stk_fault_point(STK_FAULT_FOLD_RUN_BEFORE_REGISTER))
        return stk_error_set(err, STK_IO, "fault injected at fold.run_before_register");
    pthread_rwlock_wrlock(&rows->runs_lock);
    enum stk_status status = register_locked(build, err);
    pthread_rwlock_unlock(&rows->runs_lock);
    if (status != STK_OK)
        return status;
    memcpy(runs, build->run, sizeof(runs));
    forget(build);
    if (stk_fault_point(STK_FAULT_FOLD_RUN_REGISTERED))
        return stk_error_set(err, STK_IO, "fault injected at fold.run_registered");
    for (unsigned class = 0; class < STK_RUN_CLASSES; class ++)
        if (runs[class].first && build->options.on_run)
            build->options.on_run(build->options.arg, &runs[class], 0);
    return STK_OK;
}

enum stk_status stk_build_step(struct stk_build *build, uint8_t taken[STK_RUN_TABLES],
                               struct stk_error *err)
{
    switch (build->phase) {
    case WAITING:
        return begin(build, err);
    case SCANNING:
        return scan(build, taken, err);
    case WRITING:
        return write_part(build, err);
    case REGISTERING:
        return build_register(build, err);
    }
    return STK_OK;
}
