/* Segments on disk: names, making, taking, appending, reading. No thread and no state of its own:
 * the journal thread appends, its keeper makes and removes, any thread reads. */
#include "core/store/segment.h"
#include "core/base/fault.h"
#include "core/base/hash.h"
#include "core/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SEGMENT_FORMAT 1
#define HEAD_SEED      0x53544b5345474d54ull /* "STKSEGMT" */
#define NAME_DIGITS    20
#define STEP_BYTES     (256u * 1024) /* of zeros; more at once makes flushes beside it wait */
#define CACHED_BYTES   (4u * 1024 * 1024)
#define PAGE_BYTES     4096u
#define CHUNK_HEAD     16 /* key and size before each batch in a chunk */
#define MAKING_COMMITS 1  /* the tables */

enum { TABLE_META, TABLE_BATCH, TABLES };
static const char *const tables[TABLES] = {"meta", "batch"};
static const struct stk_kv_bytes head_key = {"head", 4};

/* ---- names ---- */

static void name_of(char name[STK_PATH_MAX], stk_seq_t first)
{
    snprintf(name, STK_PATH_MAX, "%0*llu.seg", NAME_DIGITS, (unsigned long long)first);
}

enum stk_status stk_segment_path(struct stk_path *path, const char *folder, stk_seq_t first,
                                 struct stk_error *err)
{
    char name[STK_PATH_MAX];
    name_of(name, first);
    return stk_path_join(path, folder, name, err);
}

/* The sequence in a segment's name; 0 when it is no such name. */
static stk_seq_t number_in(const char *name)
{
    char expected[STK_PATH_MAX];
    stk_seq_t first = strtoull(name, NULL, 10); /* 0 when there is no number */
    name_of(expected, first);
    return strcmp(name, expected) == 0 ? first : 0;
}

struct list {
    stk_seq_t *firsts;
    uint32_t count, capacity;
};

static enum stk_status list_one(void *arg, const char *name, struct stk_error *err)
{
    struct list *list = arg;
    stk_seq_t first = number_in(name);
    if (!first)
        return STK_OK;
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 64;
        stk_seq_t *more = stk_realloc(list->firsts, capacity * sizeof(*more));
        if (!more)
            return stk_error_set(err, STK_NO_MEMORY, "segments: out of memory");
        list->firsts = more;
        list->capacity = capacity;
    }
    list->firsts[list->count++] = first;
    return STK_OK;
}

static int by_number(const void *a, const void *b)
{
    stk_seq_t left = *(const stk_seq_t *)a, right = *(const stk_seq_t *)b;
    return left < right ? -1 : left > right;
}

enum stk_status stk_segment_list(const char *folder, stk_seq_t **firsts, uint32_t *count,
                                 struct stk_error *err)
{
    struct list list = {0};
    enum stk_status status = stk_folder_each(folder, list_one, &list, err);
    if (status != STK_OK) {
        stk_free(list.firsts);
        return status;
    }
    if (list.count)
        qsort(list.firsts, list.count, sizeof(*list.firsts), by_number);
    *firsts = list.firsts;
    *count = list.count;
    return STK_OK;
}

/* ---- making, taking, removing ---- */

static enum stk_status remove_with_lock(const struct stk_path *path, struct stk_error *err)
{
    char lock[STK_PATH_MAX + sizeof(STK_KV_LOCK_SUFFIX)];
    snprintf(lock, sizeof(lock), "%s" STK_KV_LOCK_SUFFIX, path->text);
    enum stk_status status = stk_file_remove(path->text, err);
    return status == STK_OK ? stk_file_remove(lock, err) : status;
}

/* Past the page cache, where the file system can do it: a sixth of the processor time, and nothing
 * is put out of the cache. The first page at `at` is written to see whether it can. */
static int try_direct(int fd, const void *page, uint64_t at)
{
    int flags = fcntl(fd, F_GETFL);
    if (fcntl(fd, F_SETFL, flags | O_DIRECT) != 0)
        return 0;
    if (pwrite(fd, page, PAGE_BYTES, (off_t)at) == (ssize_t)PAGE_BYTES)
        return 1;
    (void)fcntl(fd, F_SETFL, flags);
    return 0;
}

/* Zeros from where LMDB's first pages end. One step is on its way to the disk at a time: the disk's
 * queue stays short, so a flush of the journal finds its turn. */
static enum stk_status fill(int fd, uint64_t from, uint64_t bytes, int (*stop)(void *arg),
                            void *arg, struct stk_error *err)
{
    uint8_t *room = stk_alloc(STEP_BYTES + PAGE_BYTES);
    enum stk_status status = STK_OK;
    if (!room)
        return stk_error_set(err, STK_NO_MEMORY, "out of memory");
    const uint8_t *zeros = room + (PAGE_BYTES - (uintptr_t)room % PAGE_BYTES) % PAGE_BYTES;
    bytes -= bytes % PAGE_BYTES; /* a map has whole pages */
    int direct = from < bytes && try_direct(fd, zeros, from);
    while (from < bytes && status == STK_OK) {
        uint64_t step = bytes - from < STEP_BYTES ? bytes - from : STEP_BYTES;
        if ((stop && stop(arg)) || stk_fault_point(STK_FAULT_JOURNAL_SEGMENT_PART))
            status = stk_error_set(err, STK_STOPPING, "given up");
        else if (lseek(fd, (off_t)from, SEEK_SET) < 0)
            status = stk_error_errno(err, errno, "seeking");
        else
            status = stk_file_write(fd, zeros, step, err);
        from += step;
        /* through the cache: not too much at once may wait for the disk */
        if (status == STK_OK && !direct && from % CACHED_BYTES < STEP_BYTES && fdatasync(fd) != 0)
            status = stk_error_errno(err, errno, "syncing");
    }
    stk_free(room);
    return status;
}

/* An environment with its tables in path, then zeros behind it. */
static enum stk_status make_file(const char *path, uint64_t bytes, int (*stop)(void *arg),
                                 void *arg, struct stk_error *err)
{
    struct stk_kv *kv;
    uint64_t used, map;
    enum stk_status status = stk_segment_open(&kv, path, STK_SEGMENT_WRITE, bytes, err);
    if (status != STK_OK)
        return status;
    stk_kv_usage(kv, &used, &map);
    stk_kv_close(kv);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return stk_error_errno(err, errno, "opening");
    status = fill(fd, used, bytes, stop, arg, err);
    if (status == STK_OK && fsync(fd) != 0)
        status = stk_error_errno(err, errno, "syncing");
    close(fd);
    return status;
}

enum stk_status stk_segment_make(const char *folder, uint64_t bytes, int (*stop)(void *arg),
                                 void *arg, struct stk_error *err)
{
    struct stk_path making, next;
    enum stk_status status = stk_path_join(&making, folder, STK_SEGMENT_MAKING, err);
    if (status == STK_OK)
        status = stk_path_join(&next, folder, STK_SEGMENT_NEXT, err);
    if (status == STK_OK)
        status = remove_with_lock(&making, err);
    if (status != STK_OK)
        return status;
    status = make_file(making.text, bytes, stop, arg, err);
    if (status == STK_OK && stk_fault_point(STK_FAULT_JOURNAL_SEGMENT_MADE))
        status = stk_error_set(err, STK_IO, "fault injected");
    if (status == STK_OK)
        status = stk_file_rename(making.text, next.text, err);
    remove_with_lock(&making, NULL);
    if (status != STK_OK)
        stk_error_prefix(err, "next segment");
    return status;
}

enum stk_status stk_segment_take(const char *folder, stk_seq_t first, struct stk_error *err)
{
    struct stk_path next, path;
    enum stk_status status = stk_path_join(&next, folder, STK_SEGMENT_NEXT, err);
    if (status == STK_OK)
        status = stk_segment_path(&path, folder, first, err);
    return status == STK_OK ? stk_file_rename(next.text, path.text, err) : status;
}

enum stk_status stk_segment_put_back(const char *folder, stk_seq_t first, struct stk_error *err)
{
    struct stk_path next, path;
    enum stk_status status = stk_path_join(&next, folder, STK_SEGMENT_NEXT, err);
    if (status == STK_OK)
        status = stk_segment_path(&path, folder, first, err);
    if (status == STK_OK)
        status = stk_file_rename(path.text, next.text, err);
    return status == STK_OK ? remove_with_lock(&path, err) : status;
}

enum stk_status stk_segment_remove(const char *folder, stk_seq_t first, struct stk_error *err)
{
    struct stk_path path;
    enum stk_status status = stk_segment_path(&path, folder, first, err);
    if (status == STK_OK)
        status = remove_with_lock(&path, err);
    return status == STK_OK ? stk_folder_sync(folder, err) : status;
}

/* ---- open, head ---- */

enum stk_status stk_segment_open(struct stk_kv **kv, const char *path, enum stk_segment_use use,
                                 uint64_t map_bytes, struct stk_error *err)
{
    struct stk_kv_options options = {.map_bytes = map_bytes,
                                     .tables = tables,
                                     .tables_count = TABLES,
                                     .read_only = use != STK_SEGMENT_WRITE,
                                     .alone = use == STK_SEGMENT_ALONE};
    return stk_kv_open(kv, path, &options, err);
}

#define HEAD_HASHED (1 + STK_JOURNAL_ID_BYTES + 8 + 8 + STK_CHAIN_BYTES + 8)
#define HEAD_BYTES  (HEAD_HASHED + 8)

static void put_head(struct stk_kv_txn *txn, const struct stk_segment_head *head)
{
    uint8_t bytes[HEAD_BYTES];
    bytes[0] = SEGMENT_FORMAT;
    memcpy(bytes + 1, head->id, STK_JOURNAL_ID_BYTES);
    uint8_t *at = stk_put_be64(bytes + 1 + STK_JOURNAL_ID_BYTES, head->first);
    at = stk_put_be64(at, head->number);
    memcpy(at, head->before, STK_CHAIN_BYTES);
    stk_put_be64(at + STK_CHAIN_BYTES, head->base);
    stk_put_be64(bytes + HEAD_HASHED, stk_hash64(bytes, HEAD_HASHED, HEAD_SEED));
    stk_kv_put(txn, TABLE_META, head_key, (struct stk_kv_bytes){bytes, sizeof(bytes)});
}

static enum stk_status parse_head(struct stk_kv_bytes value, struct stk_segment_head *head,
                                  struct stk_error *err)
{
    const uint8_t *bytes = value.data;
    if (value.size > 0 && bytes[0] != SEGMENT_FORMAT)
        return stk_error_set(err, STK_VERSION, "head: format %u is not known here", bytes[0]);
    if (value.size != HEAD_BYTES)
        return stk_error_set(err, STK_CORRUPT, "head: %zu bytes", value.size);
    struct stk_reader in = stk_reader(bytes + 1, HEAD_HASHED - 1);
    struct stk_reader check = stk_reader(bytes + HEAD_HASHED, 8);
    if (stk_get_be64(&check) != stk_hash64(bytes, HEAD_HASHED, HEAD_SEED))
        return stk_error_set(err, STK_CORRUPT, "head: the checksum does not agree");
    memcpy(head->id, in.at, STK_JOURNAL_ID_BYTES);
    in.at += STK_JOURNAL_ID_BYTES;
    head->first = stk_get_be64(&in);
    head->number = stk_get_be64(&in);
    memcpy(head->before, in.at, STK_CHAIN_BYTES);
    in.at += STK_CHAIN_BYTES;
    head->base = stk_get_be64(&in);
    return STK_OK;
}

enum stk_status stk_segment_head(struct stk_kv *kv, struct stk_segment_head *head,
                                 struct stk_error *err)
{
    struct stk_kv_txn *txn;
    struct stk_kv_bytes value;
    enum stk_status status = stk_kv_begin(kv, 0, &txn, err);
    if (status != STK_OK)
        return status;
    status = stk_kv_get(txn, TABLE_META, head_key, &value);
    if (status == STK_OK)
        status = parse_head(value, head, err);
    else if (status == STK_NOT_FOUND && stk_kv_txn_number(txn) > MAKING_COMMITS)
        status = stk_error_set(err, STK_CORRUPT, "it was written to, but has no head");
    else
        stk_error_set(err, status, "head: %s", stk_status_text(status));
    stk_kv_abort(txn);
    return status;
}

enum stk_status stk_segment_committed(struct stk_kv *kv, const struct stk_segment_head *head,
                                      uint64_t *number, struct stk_error *err)
{
    struct stk_kv_txn *txn;
    *number = 0;
    if (head->base == 0)
        return STK_OK;
    enum stk_status status = stk_kv_begin(kv, 0, &txn, err);
    if (status != STK_OK)
        return status;
    *number = head->number + stk_kv_txn_number(txn) - head->base - 1;
    stk_kv_abort(txn);
    return STK_OK;
}

enum stk_status stk_segment_begin(struct stk_kv *kv, struct stk_segment_head *head,
                                  struct stk_error *err)
{
    struct stk_kv_txn *txn;
    enum stk_status status = stk_kv_begin(kv, 1, &txn, err);
    if (status != STK_OK)
        return status;
    head->base = stk_kv_txn_number(txn);
    put_head(txn, head);
    return stk_kv_commit(txn, err);
}

/* ---- append ---- */

uint64_t stk_segment_room(struct stk_kv *kv)
{
    uint64_t used, map;
    stk_kv_usage(kv, &used, &map);
    return used + STK_SEGMENT_MARGIN < map ? map - used - STK_SEGMENT_MARGIN : 0;
}

int stk_segment_fits(struct stk_kv *kv, uint64_t size)
{
    return size < stk_segment_room(kv);
}

static stk_seq_t first_of(struct stk_bytes batch)
{
    stk_assert(batch.size > STK_BATCH_HEADER);
    struct stk_reader in = stk_reader(batch.data + 8, 8);
    return stk_get_be64(&in);
}

enum stk_status stk_segment_append(struct stk_kv *kv, struct stk_segment_head *head,
                                   const struct stk_bytes *batches, uint32_t count,
                                   struct stk_error *err)
{
    struct stk_kv_txn *txn;
    enum stk_status status = stk_kv_begin(kv, 1, &txn, err);
    if (status != STK_OK)
        return status;
    if (head) {
        head->base = head->base ? stk_kv_txn_number(txn) - 1 : 0;
        put_head(txn, head);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint8_t key[8];
        stk_put_be64(key, first_of(batches[i]));
        void *room = stk_kv_append(txn, TABLE_BATCH, (struct stk_kv_bytes){key, sizeof(key)},
                                   (struct stk_kv_bytes){NULL, batches[i].size});
        if (room)
            memcpy(room, batches[i].data, batches[i].size);
    }
    if (stk_fault_point(STK_FAULT_JOURNAL_IN_COMMIT)) {
        stk_kv_abort(txn);
        return stk_error_set(err, STK_IO, "commit: fault injected");
    }
    return stk_kv_commit(txn, err);
}

/* ---- reading ---- */

/* Put one row behind those in the chunk. */
static enum stk_status chunk_add(struct stk_chunk *chunk, struct stk_kv_bytes key,
                                 struct stk_kv_bytes value, struct stk_error *err)
{
    if (key.size != 8 || value.size < STK_BATCH_HEADER || value.size > STK_BATCH_BYTES)
        return stk_error_set(err, STK_CORRUPT, "batch: key of %zu, value of %zu bytes", key.size,
                             value.size);
    size_t padded = (value.size + 7) & ~(size_t)7;
    if (chunk->size + CHUNK_HEAD + padded > chunk->capacity) {
        size_t capacity = chunk->size + CHUNK_HEAD + padded;
        if (capacity < STK_CHUNK_BYTES)
            capacity = STK_CHUNK_BYTES;
        uint8_t *more = stk_realloc(chunk->data, capacity);
        if (!more)
            return stk_error_set(err, STK_NO_MEMORY, "batch: out of memory");
        chunk->data = more;
        chunk->capacity = capacity;
    }
    uint8_t *at = chunk->data + chunk->size;
    uint64_t size = value.size;
    memcpy(at, key.data, 8);
    memcpy(at + 8, &size, 8);
    memcpy(at + CHUNK_HEAD, value.data, value.size);
    chunk->size += CHUNK_HEAD + padded;
    return STK_OK;
}

/* Stand on the batch that holds `from`, or on the first one after it. A batch that begins before
 * `from` may end before it too: the caller skips it. */
static int seek_holding(struct stk_kv_cursor *cursor, stk_seq_t from, struct stk_kv_bytes *key,
                        struct stk_kv_bytes *value)
{
    uint8_t bytes[8];
    struct stk_kv_bytes found_key, found_value;
    stk_put_be64(bytes, from);
    struct stk_kv_bytes wanted = {bytes, sizeof(bytes)};
    if (!stk_kv_seek(cursor, wanted, key, value))
        return stk_kv_last(cursor, key, value);
    if (key->size == 8 && memcmp(key->data, bytes, 8) == 0)
        return 1;
    if (stk_kv_previous(cursor, &found_key, &found_value)) {
        *key = found_key;
        *value = found_value;
        return 1;
    }
    return stk_kv_seek(cursor, wanted, key, value);
}

/* The last sequence of a batch by its head alone. */
static stk_seq_t last_of(struct stk_kv_bytes value)
{
    struct stk_reader in = stk_reader(value.data, value.size);
    if (!stk_reader_has(&in, STK_BATCH_HEADER))
        return 0;
    in.at += 8;
    stk_seq_t first = stk_get_be64(&in);
    return first + stk_get_be32(&in) - 1;
}

static enum stk_status read_in(struct stk_kv_txn *txn, stk_seq_t from, struct stk_chunk *chunk,
                               struct stk_error *err)
{
    struct stk_kv_bytes key, value;
    struct stk_kv_cursor *cursor = stk_kv_cursor_open(txn, TABLE_BATCH);
    enum stk_status status = STK_OK;
    if (!cursor)
        return stk_kv_status(txn, err);
    int more = seek_holding(cursor, from, &key, &value);
    if (more && last_of(value) < from)
        more = stk_kv_next(cursor, &key, &value);
    while (more && status == STK_OK) {
        status = chunk_add(chunk, key, value, err);
        more = status == STK_OK && stk_kv_next(cursor, &key, &value) &&
               chunk->size + value.size + CHUNK_HEAD + 8 <= STK_CHUNK_BYTES;
    }
    stk_kv_cursor_close(cursor);
    return status == STK_OK ? stk_kv_status(txn, err) : status;
}

enum stk_status stk_segment_read(struct stk_kv *kv, stk_seq_t from, struct stk_chunk *chunk,
                                 struct stk_error *err)
{
    struct stk_kv_txn *txn;
    chunk->size = chunk->at = 0;
    enum stk_status status = stk_kv_begin(kv, 0, &txn, err);
    if (status != STK_OK)
        return status;
    status = read_in(txn, from, chunk, err);
    stk_kv_abort(txn);
    return status;
}

enum stk_status stk_segment_last(struct stk_kv *kv, struct stk_chunk *chunk, struct stk_error *err)
{
    struct stk_kv_txn *txn;
    struct stk_kv_bytes key, value;
    chunk->size = chunk->at = 0;
    enum stk_status status = stk_kv_begin(kv, 0, &txn, err);
    if (status != STK_OK)
        return status;
    struct stk_kv_cursor *cursor = stk_kv_cursor_open(txn, TABLE_BATCH);
    if (cursor && stk_kv_last(cursor, &key, &value))
        status = chunk_add(chunk, key, value, err);
    stk_kv_cursor_close(cursor);
    if (status == STK_OK)
        status = stk_kv_status(txn, err);
    stk_kv_abort(txn);
    return status;
}

enum stk_status stk_chunk_next(struct stk_chunk *chunk, struct stk_batch_view *view,
                               struct stk_error *err)
{
    if (chunk->at == chunk->size)
        return STK_AGAIN;
    const uint8_t *at = chunk->data + chunk->at;
    struct stk_reader in = stk_reader(at, 8);
    stk_seq_t key = stk_get_be64(&in);
    uint64_t size;
    memcpy(&size, at + 8, 8);
    chunk->at += CHUNK_HEAD + ((size + 7) & ~(uint64_t)7);
    enum stk_status status = stk_batch_open(at + CHUNK_HEAD, size, view, err);
    if (status == STK_OK && key != view->first)
        status = stk_error_set(err, STK_CORRUPT, "batch: says it begins at %llu",
                               (unsigned long long)view->first);
    if (status != STK_OK)
        stk_error_prefix(err, "sequence %llu", (unsigned long long)key);
    return status;
}

void stk_chunk_fini(struct stk_chunk *chunk)
{
    stk_free(chunk->data);
    *chunk = (struct stk_chunk){0};
}
