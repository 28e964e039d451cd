/* The one door to LMDB. Always true here: default sync mode (no NOSYNC, NOMETASYNC, WRITEMAP);
 * readers hold their slot by transaction, not by thread (NOTLS); every transaction holds the gate
 * shared, so that the map is never moved under one.
 *
 * Any thread enters; a write transaction belongs to the one writing thread of its environment. */
#include "core/store/kv.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MODE         0640
#define READERS_MAX  126
#define GROW_WAIT_MS 200 /* meanwhile no new reader comes in */

/* Where LMDB 0.9 (64 bits) has these in a meta page: a page's head of 16 bytes, then MDB_meta. */
#define META_PAGE_BYTES_AT 40
#define META_LAST_PAGE_AT  136
#define META_NUMBER_AT     144

struct stk_kv_txn {
    struct stk_kv *kv;
    MDB_txn *txn;
    int rc;           /* the first error, sticky */
    const char *what; /* and what met it */
    int write;
};

struct stk_kv_cursor {
    struct stk_kv_txn *txn;
    MDB_cursor *cursor;
};

struct stk_kv {
    MDB_env *env;
    uint32_t page_bytes;
    uint32_t tables_count;
    int read_only;
    struct stk_kv *next_open; /* registry, under its lock */
    dev_t device;
    ino_t inode;
    pid_t process;
    unsigned users;
    pthread_rwlock_t gate;       /* shared: in a transaction; alone: the map is being moved */
    struct stk_kv_txn write_txn; /* the writing thread's: it needs no memory to begin */
    MDB_dbi tables[];            /* 0 = absent (a table's number is at least 2) */
};

/* What this process has open. LMDB's locks belong to a process, so that a second handle of one file
 * would drop the locks of the first: this list is about the process as well. */
static struct {
    pthread_mutex_t lock;
    struct stk_kv *first;
} registry = {PTHREAD_MUTEX_INITIALIZER, NULL};

/* A child opens its own; it must not find the list locked by a thread that it does not have. */
static void lock_registry(void)
{
    pthread_mutex_lock(&registry.lock);
}

static void unlock_registry(void)
{
    pthread_mutex_unlock(&registry.lock);
}

static void guard_forks(void)
{
    pthread_atfork(lock_registry, unlock_registry, unlock_registry);
}

static enum stk_status status_of(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return STK_OK;
    case MDB_NOTFOUND:
        return STK_NOT_FOUND;
    case MDB_MAP_FULL:
        return STK_FULL;
    case MDB_READERS_FULL:
        return STK_BUSY;
    case MDB_VERSION_MISMATCH:
        return STK_VERSION;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PANIC:
    case MDB_INCOMPATIBLE:
        return STK_CORRUPT;
    case ENOSPC:
    case EDQUOT:
        return STK_NO_SPACE;
    case ENOMEM:
        return STK_NO_MEMORY;
    default:
        return STK_IO;
    }
}

static enum stk_status fail(struct stk_error *err, int rc, const char *what)
{
    return stk_error_set(err, status_of(rc), "%s: %s", what, mdb_strerror(rc));
}

static MDB_val val_of(struct stk_kv_bytes bytes)
{
    return (MDB_val){bytes.size, (void *)bytes.data};
}

static struct stk_kv_bytes bytes_of(MDB_val val)
{
    return (struct stk_kv_bytes){val.mv_data, val.mv_size};
}

/* ---- open and close ---- */

static enum stk_status gate_init(pthread_rwlock_t *gate)
{
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    /* a growing map must not wait for ever behind readers that follow each other */
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    int rc = pthread_rwlock_init(gate, &attr);
    pthread_rwlockattr_destroy(&attr);
    return rc ? STK_NO_MEMORY : STK_OK;
}

static int open_tables(struct stk_kv *kv, const char *const *names)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(kv->env, NULL, kv->read_only ? MDB_RDONLY : 0, &txn);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < kv->tables_count && !rc; i++) {
        rc = mdb_dbi_open(txn, names[i], kv->read_only ? 0 : MDB_CREATE, &kv->tables[i]);
        if (rc == MDB_NOTFOUND && kv->read_only)
            rc = 0, kv->tables[i] = 0;
    }
    if (!rc)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static enum stk_status open_env(struct stk_kv *kv, const char *path,
                                const struct stk_kv_options *options, struct stk_error *err)
{
    int dead;
    MDB_stat stat;
    int rc = mdb_env_create(&kv->env);
    if (!rc && options->map_bytes)
        rc = mdb_env_set_mapsize(kv->env, options->map_bytes);
    if (!rc)
        rc = mdb_env_set_maxdbs(kv->env, options->tables_count ? options->tables_count : 1);
    if (!rc)
        rc = mdb_env_set_maxreaders(kv->env, READERS_MAX);
    unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | (options->read_only ? MDB_RDONLY : 0) |
                     (options->read_only && options->alone ? MDB_NOLOCK : 0);
    if (!rc)
        rc = mdb_env_open(kv->env, path, flags, MODE);
    if (!rc)
        rc = mdb_reader_check(kv->env, &dead);
    if (!rc)
        rc = mdb_env_stat(kv->env, &stat);
    if (!rc) {
        kv->page_bytes = stat.ms_psize;
        rc = open_tables(kv, options->tables);
    }
    return rc ? fail(err, rc, path) : STK_OK;
}

static void destroy(struct stk_kv *kv)
{
    if (kv->env)
        mdb_env_close(kv->env);
    pthread_rwlock_destroy(&kv->gate);
    stk_free(kv);
}

/* LMDB writes two meta pages in turn and takes the one with the larger commit number, without a
 * checksum. A flipped bit in that number would make it take the older page, and the last commit
 * would be gone unseen. So: the numbers follow each other, and the file never got shorter. */
static int metas_agree(const uint8_t *pages, uint32_t page_bytes)
{
    uint64_t last_page[2], number[2];
    uint32_t size[2];
    for (int i = 0; i < 2; i++) {
        const uint8_t *page = pages + (size_t)i * page_bytes;
        memcpy(&size[i], page + META_PAGE_BYTES_AT, sizeof(size[i]));
        memcpy(&last_page[i], page + META_LAST_PAGE_AT, sizeof(last_page[i]));
        memcpy(&number[i], page + META_NUMBER_AT, sizeof(number[i]));
    }
    int newer = number[1] > number[0];
    if (size[0] != page_bytes || size[1] != page_bytes)
        return 0;
    if (number[0] == 0 && number[1] == 0)
        return 1;
    return number[newer] - number[!newer] == 1 && last_page[newer] >= last_page[!newer];
}

static enum stk_status check_metas(int fd, const char *path, const struct stat *file,
                                   struct stk_error *err)
{
    uint32_t page_bytes = (uint32_t)sysconf(_SC_PAGESIZE);
    uint8_t *pages = file->st_size ? stk_alloc(2 * page_bytes) : NULL;
    if (!file->st_size)
        return STK_OK; /* to be made */
    if (!pages)
        return stk_error_set(err, STK_NO_MEMORY, "%s: out of memory", path);
    int good = 0;
    /* another process may commit twice between the two pages: look again */
    for (int i = 0; i < 20 && !good; i++)
        good = pread(fd, pages, 2 * page_bytes, 0) == (ssize_t)(2 * page_bytes) &&
               metas_agree(pages, page_bytes);
    stk_free(pages);
    return good ? STK_OK
                : stk_error_set(err, STK_CORRUPT, "%s: its two meta pages do not agree", path);
}

static struct stk_kv *find_open(const struct stat *file)
{
    struct stk_kv *kv = registry.first;
    /* an entry of another process came over a fork and is not ours to use */
    while (kv &&
           !(kv->device == file->st_dev && kv->inode == file->st_ino && kv->process == getpid()))
        kv = kv->next_open;
    return kv;
}

/* Under the registry's lock. */
static enum stk_status open_locked(struct stk_kv **out, const char *path, const struct stat *file,
                                   const struct stk_kv_options *options, struct stk_error *err)
{
    struct stk_kv *kv = find_open(file);
    if (kv) {
        if (kv->tables_count != options->tables_count || (kv->read_only && !options->read_only))
            return stk_error_set(err, STK_STATE, "%s: open in this process in another way", path);
        kv->users++;
        *out = kv;
        return STK_OK;
    }
    kv = stk_alloc(sizeof(*kv) + options->tables_count * sizeof(MDB_dbi));
    if (!kv)
        return stk_error_set(err, STK_NO_MEMORY, "%s: out of memory", path);
    kv->tables_count = options->tables_count;
    kv->read_only = options->read_only;
    enum stk_status status = gate_init(&kv->gate);
    if (status != STK_OK) {
        stk_free(kv);
        return stk_error_set(err, status, "%s: out of memory", path);
    }
    status = open_env(kv, path, options, err);
    if (status != STK_OK) {
        destroy(kv);
        return status;
    }
    kv->device = file->st_dev;
    kv->inode = file->st_ino;
    kv->process = getpid();
    kv->users = 1;
    kv->next_open = registry.first;
    registry.first = kv;
    *out = kv;
    return STK_OK;
}

enum stk_status stk_kv_open(struct stk_kv **out, const char *path,
                            const struct stk_kv_options *options, struct stk_error *err)
{
    struct stat file;
    *out = NULL;
    int create = options->map_bytes && !options->read_only ? O_CREAT : 0;
    int fd = open(path, (options->read_only ? O_RDONLY : O_RDWR) | create | O_CLOEXEC, MODE);
    if (fd < 0 && errno == ENOENT)
        return stk_error_set(err, STK_NOT_FOUND, "%s: no such file", path);
    if (fd < 0 || fstat(fd, &file) != 0) {
        int errno_value = errno;
        if (fd >= 0)
            close(fd);
        return stk_error_errno(err, errno_value, "%s", path);
    }
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, guard_forks);
    pthread_mutex_lock(&registry.lock);
    enum stk_status status = check_metas(fd, path, &file, err);
    if (status == STK_OK)
        status = open_locked(out, path, &file, options, err);
    pthread_mutex_unlock(&registry.lock);
    close(fd);
    return status;
}

void stk_kv_close(struct stk_kv *kv)
{
    if (!kv)
        return;
    pthread_mutex_lock(&registry.lock);
    stk_assert(kv->users > 0 && kv->process == getpid());
    if (--kv->users == 0) {
        struct stk_kv **link = &registry.first;
        while (*link != kv)
            link = &(*link)->next_open;
        *link = kv->next_open;
        destroy(kv);
    }
    pthread_mutex_unlock(&registry.lock);
}

enum stk_status stk_kv_grow(struct stk_kv *kv, uint64_t map_bytes, struct stk_error *err)
{
    struct stk_clock clock = stk_clock_real();
    stk_time_t until_ms = clock.now_ms(clock.self) + GROW_WAIT_MS;
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    if (pthread_rwlock_timedwrlock(&kv->gate, &until) != 0)
        return stk_error_set(err, STK_BUSY, "growing the map: a transaction stays open");
    int rc = mdb_env_set_mapsize(kv->env, map_bytes);
    pthread_rwlock_unlock(&kv->gate);
    return rc ? fail(err, rc, "growing the map") : STK_OK;
}

void stk_kv_clear_stale_readers(struct stk_kv *kv)
{
    int dead;
    mdb_reader_check(kv->env, &dead);
}

void stk_kv_usage(struct stk_kv *kv, uint64_t *used_bytes, uint64_t *map_bytes)
{
    MDB_envinfo info;
    mdb_env_info(kv->env, &info);
    *used_bytes = ((uint64_t)info.me_last_pgno + 1) * kv->page_bytes;
    *map_bytes = info.me_mapsize;
}

/* ---- transactions ---- */

/* Another process made the map larger: take its size over. */
static int begin_resized(struct stk_kv *kv, unsigned flags, MDB_txn **txn)
{
    pthread_rwlock_unlock(&kv->gate);
    pthread_rwlock_wrlock(&kv->gate);
    int rc = mdb_env_set_mapsize(kv->env, 0);
    pthread_rwlock_unlock(&kv->gate);
    pthread_rwlock_rdlock(&kv->gate);
    return rc ? rc : mdb_txn_begin(kv->env, NULL, flags, txn);
}

enum stk_status stk_kv_begin(struct stk_kv *kv, int write, struct stk_kv_txn **out,
                             struct stk_error *err)
{
    stk_assert(!(write && kv->read_only));
    struct stk_kv_txn *txn = write ? &kv->write_txn : stk_alloc(sizeof(*txn));
    *out = NULL;
    if (!txn)
        return stk_error_set(err, STK_NO_MEMORY, "begin: out of memory");
    unsigned flags = write ? 0 : MDB_RDONLY;
    MDB_txn *begun = NULL;
    pthread_rwlock_rdlock(&kv->gate);
    int rc = mdb_txn_begin(kv->env, NULL, flags, &begun);
    if (rc == MDB_MAP_RESIZED)
        rc = begin_resized(kv, flags, &begun);
    if (rc) {
        pthread_rwlock_unlock(&kv->gate);
        if (!write)
            stk_free(txn);
        return fail(err, rc, "begin");
    }
    *txn = (struct stk_kv_txn){kv, begun, 0, NULL, write};
    *out = txn;
    return STK_OK;
}

static void txn_end(struct stk_kv_txn *txn)
{
    struct stk_kv *kv = txn->kv;
    if (!txn->write)
        stk_free(txn);
    pthread_rwlock_unlock(&kv->gate);
}

enum stk_status stk_kv_commit(struct stk_kv_txn *txn, struct stk_error *err)
{
    enum stk_status status = stk_kv_status(txn, err);
    if (status != STK_OK) {
        stk_kv_abort(txn);
        return status;
    }
    int rc = mdb_txn_commit(txn->txn);
    txn_end(txn);
    return rc ? fail(err, rc, "commit") : STK_OK;
}

void stk_kv_abort(struct stk_kv_txn *txn)
{
    if (!txn)
        return;
    mdb_txn_abort(txn->txn);
    txn_end(txn);
}

enum stk_status stk_kv_status(const struct stk_kv_txn *txn, struct stk_error *err)
{
    return txn->rc ? fail(err, txn->rc, txn->what) : STK_OK;
}

uint64_t stk_kv_txn_number(const struct stk_kv_txn *txn)
{
    return mdb_txn_id(txn->txn);
}

/* Keep the first error. Returns 1 when all is well. */
static int keep(struct stk_kv_txn *txn, int rc, const char *what)
{
    if (rc && !txn->rc)
        txn->rc = rc, txn->what = what;
    return txn->rc == 0;
}

/* The table's number at LMDB; 0 when the transaction is spoilt or the table absent. */
static MDB_dbi dbi_of(const struct stk_kv_txn *txn, uint32_t table)
{
    stk_assert(table < txn->kv->tables_count);
    return txn->rc ? 0 : txn->kv->tables[table];
}

enum stk_status stk_kv_get(struct stk_kv_txn *txn, uint32_t table, struct stk_kv_bytes key,
                           struct stk_kv_bytes *value)
{
    MDB_dbi dbi = dbi_of(txn, table);
    if (!dbi)
        return txn->rc ? status_of(txn->rc) : STK_NOT_FOUND;
    MDB_val at = val_of(key), found = {0};
    int rc = mdb_get(txn->txn, dbi, &at, &found);
    if (rc == MDB_NOTFOUND)
        return STK_NOT_FOUND;
    keep(txn, rc, "get");
    *value = bytes_of(found);
    return status_of(rc);
}

void stk_kv_put(struct stk_kv_txn *txn, uint32_t table, struct stk_kv_bytes key,
                struct stk_kv_bytes value)
{
    MDB_dbi dbi = dbi_of(txn, table);
    MDB_val at = val_of(key), data = val_of(value);
    if (dbi)
        keep(txn, mdb_put(txn->txn, dbi, &at, &data, 0), "put");
}

void *stk_kv_append(struct stk_kv_txn *txn, uint32_t table, struct stk_kv_bytes key,
                    struct stk_kv_bytes value)
{
    MDB_dbi dbi = dbi_of(txn, table);
    MDB_val at = val_of(key), data = val_of(value);
    if (!dbi)
        return NULL;
    unsigned flags = MDB_APPEND | (value.data ? 0 : MDB_RESERVE);
    int ok = keep(txn, mdb_put(txn->txn, dbi, &at, &data, flags), "append");
    return ok && !value.data ? data.mv_data : NULL;
}

void stk_kv_delete(struct stk_kv_txn *txn, uint32_t table, struct stk_kv_bytes key)
{
    MDB_dbi dbi = dbi_of(txn, table);
    MDB_val at = val_of(key);
    if (!dbi)
        return;
    int rc = mdb_del(txn->txn, dbi, &at, NULL);
    keep(txn, rc == MDB_NOTFOUND ? 0 : rc, "delete");
}

void stk_kv_clear(struct stk_kv_txn *txn, uint32_t table)
{
    MDB_dbi dbi = dbi_of(txn, table);
    if (dbi)
        keep(txn, mdb_drop(txn->txn, dbi, 0), "clear");
}

uint64_t stk_kv_count(struct stk_kv_txn *txn, uint32_t table)
{
    MDB_dbi dbi = dbi_of(txn, table);
    MDB_stat stat = {0};
    if (dbi)
        keep(txn, mdb_stat(txn->txn, dbi, &stat), "count");
    return stat.ms_entries;
}

/* ---- cursors ---- */

struct stk_kv_cursor *stk_kv_cursor_open(struct stk_kv_txn *txn, uint32_t table)
{
    MDB_dbi dbi = dbi_of(txn, table);
    if (txn->rc)
        return NULL;
    struct stk_kv_cursor *cursor = stk_alloc(sizeof(*cursor));
    if (!cursor) {
        keep(txn, ENOMEM, "cursor");
        return NULL;
    }
    cursor->txn = txn;
    if (dbi && !keep(txn, mdb_cursor_open(txn->txn, dbi, &cursor->cursor), "cursor")) {
        stk_free(cursor);
        return NULL;
    }
    return cursor;
}

static int move(struct stk_kv_cursor *cursor, MDB_cursor_op op, struct stk_kv_bytes key,
                struct stk_kv_bytes *found_key, struct stk_kv_bytes *value)
{
    MDB_val at = val_of(key), data = {0};
    if (!cursor || cursor->txn->rc || !cursor->cursor)
        return 0;
    int rc = mdb_cursor_get(cursor->cursor, &at, &data, op);
    if (rc == MDB_NOTFOUND || !keep(cursor->txn, rc, "cursor"))
        return 0;
    *found_key = bytes_of(at);
    *value = bytes_of(data);
    return 1;
}

int stk_kv_seek(struct stk_kv_cursor *cursor, struct stk_kv_bytes key,
                struct stk_kv_bytes *found_key, struct stk_kv_bytes *value)
{
    return move(cursor, key.size ? MDB_SET_RANGE : MDB_FIRST, key, found_key, value);
}

int stk_kv_last(struct stk_kv_cursor *cursor, struct stk_kv_bytes *key, struct stk_kv_bytes *value)
{
    return move(cursor, MDB_LAST, (struct stk_kv_bytes){0}, key, value);
}

int stk_kv_next(struct stk_kv_cursor *cursor, struct stk_kv_bytes *key, struct stk_kv_bytes *value)
{
    return move(cursor, MDB_NEXT, (struct stk_kv_bytes){0}, key, value);
}

int stk_kv_previous(struct stk_kv_cursor *cursor, struct stk_kv_bytes *key,
                    struct stk_kv_bytes *value)
{
    return move(cursor, MDB_PREV, (struct stk_kv_bytes){0}, key, value);
}

int stk_kv_find(struct stk_kv_cursor *cursor, struct stk_kv_bytes key, struct stk_kv_bytes *value)
{
    struct stk_kv_bytes found;
    return move(cursor, MDB_SET_KEY, key, &found, value);
}

static void *put_at(struct stk_kv_cursor *cursor, struct stk_kv_bytes key,
                    struct stk_kv_bytes value, unsigned flags)
{
    MDB_val at = val_of(key), data = val_of(value);
    if (!cursor || cursor->txn->rc || !cursor->cursor)
        return NULL;
    flags |= value.data ? 0 : MDB_RESERVE;
    int ok = keep(cursor->txn, mdb_cursor_put(cursor->cursor, &at, &data, flags), "put");
    return ok && !value.data ? data.mv_data : NULL;
}

void *stk_kv_cursor_put(struct stk_kv_cursor *cursor, struct stk_kv_bytes key,
                        struct stk_kv_bytes value, int append)
{
    return put_at(cursor, key, value, append ? MDB_APPEND : 0);
}

void *stk_kv_cursor_replace(struct stk_kv_cursor *cursor, struct stk_kv_bytes key,
                            struct stk_kv_bytes value)
{
    return put_at(cursor, key, value, MDB_CURRENT);
}

void stk_kv_cursor_delete(struct stk_kv_cursor *cursor)
{
    if (cursor && !cursor->txn->rc && cursor->cursor)
        keep(cursor->txn, mdb_cursor_del(cursor->cursor, 0), "delete");
}

void stk_kv_cursor_close(struct stk_kv_cursor *cursor)
{
    if (!cursor)
        return;
    if (cursor->cursor)
        mdb_cursor_close(cursor->cursor);
    stk_free(cursor);
}

enum stk_status stk_kv_copy(struct stk_kv *kv, int fd, struct stk_error *err)
{
    pthread_rwlock_rdlock(&kv->gate);
    int rc = mdb_env_copyfd(kv->env, fd);
    pthread_rwlock_unlock(&kv->gate);
    return rc ? fail(err, rc, "copy") : STK_OK;
}
