/* S on disk: hashing and sealing of rows, the head, making and opening the file. */
#include "core/store/image.h"
#include "core/base/fault.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include <stdio.h>

#define HEAD_FORMAT 1
#define HEAD_SEED   0x53544b5353544154ull /* "STKSSTAT" */
#define ROW_SEED    0x53544b53524f5753ull /* "STKSROWS" */
#define NEW_FILE    "state.new"
#define MAP_DEFAULT (1ull << 30)
#define HEAD_MAX    (256 + STK_TABLE_COUNT * 32)

static const struct stk_kv_bytes head_key = {"head", 4};

/* ---- rows ---- */

struct stk_hash stk_image_hash(uint32_t table, struct stk_kv_bytes key, const void *value,
                               size_t size)
{
    return stk_hash128(value, size, stk_hash64(key.data, key.size, ROW_SEED + table));
}

void stk_digest_add(struct stk_digest *digest, struct stk_hash hash)
{
    digest->count++;
    digest->sum.high +=
        hash.high + __builtin_add_overflow(digest->sum.low, hash.low, &digest->sum.low);
}

void stk_digest_take(struct stk_digest *digest, struct stk_hash hash)
{
    digest->count--;
    digest->sum.high -=
        hash.high + __builtin_sub_overflow(digest->sum.low, hash.low, &digest->sum.low);
}

struct stk_hash stk_image_seal(uint32_t table, struct stk_kv_bytes key, uint8_t *value, size_t size)
{
    struct stk_hash hash = stk_image_hash(table, key, value, size);
    stk_put_be32(value + size, (uint32_t)(hash.high >> 32));
    return hash;
}

enum stk_status stk_image_check(uint32_t table, struct stk_kv_bytes key, struct stk_kv_bytes found,
                                struct stk_bytes *value, struct stk_hash *hash,
                                struct stk_error *err)
{
    const char *name = table < STK_TABLE_COUNT ? stk_table_name(table) : "run";
    uint32_t trailer = stk_image_trailer(table);
    if (found.size <= trailer || found.size > STK_RECORD_MAX + trailer)
        return stk_error_set(err, STK_CORRUPT, "table %s: a row of %zu bytes", name, found.size);
    size_t size = found.size - STK_TRAILER;
    struct stk_reader in = stk_reader((const uint8_t *)found.data + size, STK_TRAILER);
    *hash = stk_image_hash(table, key, found.data, size);
    if (stk_get_be32(&in) != (uint32_t)(hash->high >> 32))
        return stk_error_set(err, STK_CORRUPT, "table %s: the checksum of a row does not agree",
                             name);
    *value = (struct stk_bytes){found.data, (uint32_t)(found.size - trailer)};
    return STK_OK;
}

uint32_t stk_image_minutes(struct stk_kv_bytes found)
{
    struct stk_reader in =
        stk_reader((const uint8_t *)found.data + found.size - STK_TRAILER_ARCHIVE, 4);
    return stk_get_be32(&in);
}

/* ---- head ---- */

static uint8_t *put_raw(uint8_t *at, const void *data, size_t size)
{
    memcpy(at, data, size);
    return at + size;
}

void stk_image_put_head(struct stk_kv_txn *txn, const struct stk_image_head *head)
{
    uint8_t bytes[HEAD_MAX];
    uint8_t *at = bytes;
    *at++ = HEAD_FORMAT;
    at = put_raw(at, head->id, sizeof(head->id));
    at = stk_put_be64(at, head->folded);
    at = put_raw(at, head->chain, sizeof(head->chain));
    at = stk_put_be64(at, (uint64_t)head->time_ms);
    at = stk_put_be64(at, head->runs_to);
    at = stk_put_be32(at, head->next_run);
    for (unsigned i = 0; i < STK_RUN_CLASSES; i++)
        at = stk_put_be64(at, head->dropped_to[i]);
    for (uint8_t table = 1; table < STK_TABLE_COUNT; table++) {
        *at++ = table;
        at = stk_put_be64(at, head->digest[table].count);
        at = stk_put_hash(at, head->digest[table].sum);
    }
    at = stk_put_be64(at, stk_hash64(bytes, (size_t)(at - bytes), HEAD_SEED));
    stk_kv_put(txn, STK_IMAGE_META, head_key, (struct stk_kv_bytes){bytes, (size_t)(at - bytes)});
}

static void get_raw(struct stk_reader *in, void *out, size_t size)
{
    if (stk_reader_has(in, size)) {
        memcpy(out, in->at, size);
        in->at += size;
    }
}

static enum stk_status parse_head(struct stk_kv_bytes value, struct stk_image_head *head,
                                  struct stk_error *err)
{
    const uint8_t *bytes = value.data;
    if (value.size > 0 && bytes[0] != HEAD_FORMAT)
        return stk_error_set(err, STK_VERSION, "head: format %u is not known here", bytes[0]);
    if (value.size < 9)
        return stk_error_set(err, STK_CORRUPT, "head: %zu bytes", value.size);
    struct stk_reader check = stk_reader(bytes + value.size - 8, 8);
    if (stk_get_be64(&check) != stk_hash64(bytes, value.size - 8, HEAD_SEED))
        return stk_error_set(err, STK_CORRUPT, "head: the checksum does not agree");
    struct stk_reader in = stk_reader(bytes + 1, value.size - 9);
    get_raw(&in, head->id, sizeof(head->id));
    head->folded = stk_get_be64(&in);
    get_raw(&in, head->chain, sizeof(head->chain));
    head->time_ms = (stk_time_t)stk_get_be64(&in);
    head->runs_to = stk_get_be64(&in);
    head->next_run = stk_get_be32(&in);
    for (unsigned i = 0; i < STK_RUN_CLASSES; i++)
        head->dropped_to[i] = stk_get_be64(&in);
    while (!in.bad && in.at < in.end) {
        uint8_t table = stk_get_u8(&in);
        struct stk_digest digest;
        digest.count = stk_get_be64(&in);
        digest.sum = stk_get_hash(&in);
        if (table == 0 || table >= STK_TABLE_COUNT)
            return stk_error_set(err, STK_VERSION, "head: table %u is not known here", table);
        head->digest[table] = digest;
    }
    return in.bad ? stk_error_set(err, STK_CORRUPT, "head: it ends too early") : STK_OK;
}

enum stk_status stk_image_get_head(struct stk_kv_txn *txn, struct stk_image_head *head,
                                   struct stk_error *err)
{
    struct stk_kv_bytes value;
    *head = (struct stk_image_head){.next_run = 1};
    enum stk_status status = stk_kv_get(txn, STK_IMAGE_META, head_key, &value);
    if (status == STK_OK)
        return parse_head(value, head, err);
    if (status != STK_NOT_FOUND)
        return stk_kv_status(txn, err);
    return STK_OK;
}

/* ---- the file ---- */

struct names {
    char runs[STK_RUN_TABLES][8];
    const char *all[STK_IMAGE_TABLES];
};

static void fill_names(struct names *names)
{
    names->all[STK_IMAGE_META] = "meta";
    for (unsigned table = 1; table < STK_TABLE_COUNT; table++)
        names->all[table] = stk_table_name(table);
    names->all[STK_IMAGE_RUNS] = "runs";
    names->all[STK_IMAGE_RUN_TABLES] = "run_tables";
    for (unsigned i = 0; i < STK_RUN_TABLES; i++) {
        snprintf(names->runs[i], sizeof(names->runs[i]), "run%03u", i);
        names->all[STK_IMAGE_RUN + i] = names->runs[i];
    }
}

static enum stk_status open_file(struct stk_kv **kv, const char *path, uint64_t map_bytes,
                                 int read_only, int alone, struct stk_error *err)
{
    struct names names;
    fill_names(&names);
    struct stk_kv_options options = {.map_bytes = map_bytes,
                                     .tables = names.all,
                                     .tables_count = STK_IMAGE_TABLES,
                                     .read_only = read_only,
                                     .alone = alone};
    return stk_kv_open(kv, path, &options, err);
}

/* Under another name first: what bears its own name was whole and on the disk before. */
static enum stk_status make_file(const char *folder, const char *path, uint64_t map_bytes,
                                 struct stk_error *err)
{
    struct stk_path making, lock;
    struct stk_kv *kv;
    enum stk_status status = stk_path_join(&making, folder, NEW_FILE, err);
    if (status == STK_OK)
        status = stk_path_join(&lock, folder, NEW_FILE STK_KV_LOCK_SUFFIX, err);
    if (status == STK_OK)
        status = stk_file_remove(making.text, err);
    if (status == STK_OK)
        status = open_file(&kv, making.text, map_bytes, 0, 0, err);
    if (status != STK_OK)
        return status;
    stk_kv_close(kv);
    status = stk_file_sync(making.text, err);
    if (status == STK_OK)
        status = stk_file_rename(making.text, path, err);
    stk_file_remove(lock.text, NULL);
    return status;
}

enum stk_status stk_image_open(struct stk_rows *rows, uint64_t map_bytes, int read_only, int alone,
                               struct stk_error *err)
{
    struct stk_path path;
    struct stk_kv_txn *txn;
    uint64_t bytes;
    enum stk_status status = read_only ? STK_OK : stk_folder_make(rows->folder.text, err);
    if (status == STK_OK)
        status = stk_path_join(&path, rows->folder.text, STK_IMAGE_FILE, err);
    if (status == STK_OK && !read_only && stk_file_size(path.text, &bytes, NULL) != STK_OK)
        status = make_file(rows->folder.text, path.text, map_bytes ? map_bytes : MAP_DEFAULT, err);
    if (status == STK_OK)
        status = open_file(&rows->kv, path.text, 0, read_only, alone, err);
    if (status == STK_OK)
        status = stk_kv_begin(rows->kv, 0, &txn, err);
    if (status != STK_OK)
        return status;
    status = stk_image_get_head(txn, &rows->head, err);
    stk_kv_abort(txn);
    rows->read_only = read_only;
    atomic_store_explicit(&rows->folded, rows->head.folded, memory_order_relaxed);
    uint64_t used, map;
    stk_kv_usage(rows->kv, &used, &map);
    if (status == STK_OK && !read_only && map < map_bytes)
        status = stk_kv_grow(rows->kv, map_bytes, err);
    return status;
}

int stk_image_nearly_full(const struct stk_rows *rows)
{
    uint64_t used, map;
    stk_kv_usage(rows->kv, &used, &map);
    return used > map / 5 * 4;
}

enum stk_status stk_image_grow(struct stk_rows *rows, struct stk_error *err)
{
    uint64_t used, map;
    stk_kv_usage(rows->kv, &used, &map);
    enum stk_status status = stk_kv_grow(rows->kv, map * 2, err);
    if (status == STK_OK)
        stk_log(STK_LOG_INFO, "state: map grown to %llu MiB", (unsigned long long)(map >> 19));
    return status;
}
