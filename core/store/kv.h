/* LMDB behind one door. An environment, sticky transactions, cursors. Default sync mode only.
 *
 * A transaction keeps its first error: later calls are no-ops, one check at the commit. Values that
 * a read lends live until the transaction ends. No transaction crosses a socket write or a plugin
 * call. */
#ifndef STK_STORE_KV_H
#define STK_STORE_KV_H

#include "core/base/err.h"
#include <stddef.h>
#include <stdint.h>

struct stk_kv;
struct stk_kv_txn;

struct stk_kv_options {
    uint64_t map_bytes;         /* size of the map; grown by stk_kv_grow */
    uint32_t tables_max;        /* named tables */
    uint64_t preallocate_bytes; /* grow the file to this by writing zeros, 0 = not */
    int read_only;
    int single_file; /* path is the file itself, not a folder */
};

struct stk_kv_bytes {
    const void *data;
    size_t size;
};

/* Clears stale readers. STK_CORRUPT when it is no environment of ours. */
enum stk_status stk_kv_open(struct stk_kv **out, const char *path,
                            const struct stk_kv_options *options, struct stk_error *err);
void stk_kv_close(struct stk_kv *kv); /* NULL-safe */
/* Open (and create unless read-only) a named table; number chosen by the caller, < tables_max. */
enum stk_status stk_kv_table(struct stk_kv *kv, uint32_t number, const char *name,
                             struct stk_error *err);
enum stk_status stk_kv_grow(struct stk_kv *kv, uint64_t map_bytes, struct stk_error *err);
void stk_kv_clear_stale_readers(struct stk_kv *kv);
/* Bytes of the map in use, and its size. */
void stk_kv_usage(struct stk_kv *kv, uint64_t *used_bytes, uint64_t *map_bytes);

enum stk_status stk_kv_begin(struct stk_kv *kv, int write, struct stk_kv_txn **out,
                             struct stk_error *err);
/* STK_OK, or the first error of the transaction. A failed commit of a write (other than STK_FULL:
 * map full) must not be tried again: the caller stops. Frees the transaction either way. */
enum stk_status stk_kv_commit(struct stk_kv_txn *txn, struct stk_error *err);
void stk_kv_abort(struct stk_kv_txn *txn); /* NULL-safe */

/* STK_NOT_FOUND is a result, not an error that sticks. */
enum stk_status stk_kv_get(struct stk_kv_txn *txn, uint32_t table, struct stk_kv_bytes key,
                           struct stk_kv_bytes *value);
void stk_kv_put(struct stk_kv_txn *txn, uint32_t table, struct stk_kv_bytes key,
                struct stk_kv_bytes value);
/* The key is larger than any in the table. With value.data NULL: returns room of value.size to fill
 * before the next call; else copies and returns NULL. */
void *stk_kv_append(struct stk_kv_txn *txn, uint32_t table, struct stk_kv_bytes key,
                    struct stk_kv_bytes value);
void stk_kv_delete(struct stk_kv_txn *txn, uint32_t table,
                   struct stk_kv_bytes key); /* absent is fine */
uint64_t stk_kv_count(struct stk_kv_txn *txn, uint32_t table);

/* Cursor: seek to the first key >= key (empty key: first), then next. */
struct stk_kv_cursor;
struct stk_kv_cursor *stk_kv_cursor_open(struct stk_kv_txn *txn,
                                         uint32_t table); /* NULL: sticky error */
int stk_kv_seek(struct stk_kv_cursor *cursor, struct stk_kv_bytes key,
                struct stk_kv_bytes *found_key, struct stk_kv_bytes *value); /* 1 found, 0 end */
int stk_kv_last(struct stk_kv_cursor *cursor, struct stk_kv_bytes *key, struct stk_kv_bytes *value);
int stk_kv_next(struct stk_kv_cursor *cursor, struct stk_kv_bytes *key, struct stk_kv_bytes *value);
void stk_kv_cursor_delete(struct stk_kv_cursor *cursor); /* the row it stands on */
void stk_kv_cursor_close(struct stk_kv_cursor *cursor);

/* A copy of a live environment into an open, empty file (LMDB's own hot copy). */
enum stk_status stk_kv_copy(struct stk_kv *kv, int fd, struct stk_error *err);

#endif
