/* LMDB behind one door. An environment (one file), sticky transactions, cursors. Default sync mode
 * only.
 *
 * A transaction keeps its first error: later calls are no-ops, one check at the commit. Values that
 * a read lends live until the transaction ends. No transaction crosses a socket write or a plugin
 * call; a thread has one open at a time. No environment crosses a fork: a child opens its own. */
#ifndef STK_STORE_KV_H
#define STK_STORE_KV_H

#include "core/base/err.h"
#include <stddef.h>
#include <stdint.h>

struct stk_kv;
struct stk_kv_txn;
struct stk_kv_cursor;

#define STK_KV_LOCK_SUFFIX "-lock" /* LMDB's reader table lies beside the file under this name */

struct stk_kv_options {
    uint64_t map_bytes;        /* size of the map; 0 = as it was, and the file must be there */
    const char *const *tables; /* their names; a table is used by its place in this list */
    uint32_t tables_count;
    int read_only;
    int alone; /* read-only, and nobody writes or ever will: no lock file is made (a backup) */
};

struct stk_kv_bytes {
    const void *data;
    size_t size;
};

/* Make the file and the tables that are not there (not when read-only: then such a table reads as
 * empty), clear stale readers. A file that this process has open already is lent out again, since
 * LMDB may not open one twice in a process. STK_CORRUPT when it is no environment, STK_NOT_FOUND.
 */
enum stk_status stk_kv_open(struct stk_kv **out, const char *path,
                            const struct stk_kv_options *options, struct stk_error *err);
void stk_kv_close(struct stk_kv *kv); /* NULL-safe */
/* Waits up to 0.2 s for the transactions of all threads to end, else STK_BUSY: come again (a hot
 * copy runs). Not inside a transaction. */
enum stk_status stk_kv_grow(struct stk_kv *kv, uint64_t map_bytes, struct stk_error *err);
/* Readers of processes that died no longer hold old pages. Any thread, on a timer. */
void stk_kv_clear_stale_readers(struct stk_kv *kv);
/* Bytes of the file up to the last page ever used, and the size of the map. Any thread. */
void stk_kv_usage(struct stk_kv *kv, uint64_t *used_bytes, uint64_t *map_bytes);

/* A read: any thread, shorter than 1 s. A write: the one writing thread. STK_BUSY: no reader slot.
 */
enum stk_status stk_kv_begin(struct stk_kv *kv, int write, struct stk_kv_txn **out,
                             struct stk_error *err);
/* STK_OK, or the first error of the transaction. A failed commit of a write (other than STK_FULL:
 * map full) must not be tried again: the caller stops. Frees the transaction either way. */
enum stk_status stk_kv_commit(struct stk_kv_txn *txn, struct stk_error *err);
void stk_kv_abort(struct stk_kv_txn *txn); /* NULL-safe */
/* A number that each commit of a change makes larger by one; of a write: what it will be. */
uint64_t stk_kv_txn_number(const struct stk_kv_txn *txn);
/* The first error so far; a caller that works long may stop early. */
enum stk_status stk_kv_status(const struct stk_kv_txn *txn, struct stk_error *err);

/* STK_NOT_FOUND is a result, not an error that sticks. */
enum stk_status stk_kv_get(struct stk_kv_txn *txn, uint32_t table, struct stk_kv_bytes key,
                           struct stk_kv_bytes *value);
void stk_kv_put(struct stk_kv_txn *txn, uint32_t table, struct stk_kv_bytes key,
                struct stk_kv_bytes value);
/* The key is larger than any in the table. With value.data NULL: returns room of value.size to fill
 * before the next call (NULL on an error); else copies and returns NULL. */
void *stk_kv_append(struct stk_kv_txn *txn, uint32_t table, struct stk_kv_bytes key,
                    struct stk_kv_bytes value);
void stk_kv_delete(struct stk_kv_txn *txn, uint32_t table,
                   struct stk_kv_bytes key);               /* absent is fine */
void stk_kv_clear(struct stk_kv_txn *txn, uint32_t table); /* all rows, by whole pages */
uint64_t stk_kv_count(struct stk_kv_txn *txn, uint32_t table);

/* Cursors. Each of these returns 1 and lends the row, or 0: there is none, or the transaction has
 * an error. NULL in place of a cursor is what an error left: no row is there, nothing is put. */
struct stk_kv_cursor *stk_kv_cursor_open(struct stk_kv_txn *txn,
                                         uint32_t table); /* NULL: sticky error */
/* The first key >= key; an empty key: the first of all. */
int stk_kv_seek(struct stk_kv_cursor *cursor, struct stk_kv_bytes key,
                struct stk_kv_bytes *found_key, struct stk_kv_bytes *value);
int stk_kv_last(struct stk_kv_cursor *cursor, struct stk_kv_bytes *key, struct stk_kv_bytes *value);
int stk_kv_next(struct stk_kv_cursor *cursor, struct stk_kv_bytes *key, struct stk_kv_bytes *value);
int stk_kv_previous(struct stk_kv_cursor *cursor, struct stk_kv_bytes *key,
                    struct stk_kv_bytes *value);
/* This very key. Quick when it lies on the page where the cursor stands: go in key order. */
int stk_kv_find(struct stk_kv_cursor *cursor, struct stk_kv_bytes key, struct stk_kv_bytes *value);
/* Put a row and stand on it; append: its key is larger than any. With value.data NULL: returns room
 * of value.size to fill before the next call. */
void *stk_kv_cursor_put(struct stk_kv_cursor *cursor, struct stk_kv_bytes key,
                        struct stk_kv_bytes value, int append);
/* Put in place of the row it stands on, whose key this is. As above. */
void *stk_kv_cursor_replace(struct stk_kv_cursor *cursor, struct stk_kv_bytes key,
                            struct stk_kv_bytes value);
void stk_kv_cursor_delete(struct stk_kv_cursor *cursor); /* the row it stands on */
void stk_kv_cursor_close(struct stk_kv_cursor *cursor);  /* NULL-safe */

/* A copy of a live environment into an open, empty file (LMDB's own hot copy). */
enum stk_status stk_kv_copy(struct stk_kv *kv, int fd, struct stk_error *err);

#endif
