/* Files and folders that outlive a power cut: what is made or renamed here is synced together with
 * the folder that names it. Cold paths; thread-safe, no state. */
#ifndef STK_STORE_FILES_H
#define STK_STORE_FILES_H

#include "core/base/chain.h"
#include "core/base/err.h"

#define STK_PATH_MAX 1024

struct stk_path {
    char text[STK_PATH_MAX];
};
enum stk_status stk_path_set(struct stk_path *path, const char *text, struct stk_error *err);
/* "folder/name"; STK_TOO_LARGE when it does not fit. */
enum stk_status stk_path_join(struct stk_path *path, const char *folder, const char *name,
                              struct stk_error *err);

/* Exists already is fine; its parent must exist. */
enum stk_status stk_folder_make(const char *path, struct stk_error *err);
enum stk_status stk_folder_sync(const char *path, struct stk_error *err);
/* 1 when it is there and holds nothing, 0 when it holds something, -1 when it is not there. */
int stk_folder_empty(const char *path);
/* Each name in it but "." and ".."; stops with what fn returns other than STK_OK. */
typedef enum stk_status (*stk_folder_fn)(void *arg, const char *name, struct stk_error *err);
enum stk_status stk_folder_each(const char *path, stk_folder_fn fn, void *arg,
                                struct stk_error *err);
/* With all that is in it, folders one deep included. Absent is fine. */
enum stk_status stk_folder_remove(const char *path, struct stk_error *err);
/* One process at a time: holds the file LOCK in the folder until the descriptor is closed or the
 * process dies. STK_STATE: another one has it. */
enum stk_status stk_folder_lock(const char *path, int *fd, struct stk_error *err);
/* Free bytes of the disk below it, for us. */
enum stk_status stk_folder_free_bytes(const char *path, uint64_t *bytes, struct stk_error *err);

/* Rename, then sync the folder of the new name. */
enum stk_status stk_file_rename(const char *from, const char *to, struct stk_error *err);
enum stk_status stk_file_remove(const char *path, struct stk_error *err); /* absent is fine */
enum stk_status stk_file_sync(const char *path, struct stk_error *err);
enum stk_status stk_file_size(const char *path, uint64_t *bytes, struct stk_error *err);
/* All bytes to fd, short writes and interrupts seen to. */
enum stk_status stk_file_write(int fd, const void *data, size_t size, struct stk_error *err);
/* A small text file: written and synced under its name; read whole, zero-terminated, refused when
 * it does not fit. */
enum stk_status stk_file_put_text(const char *path, const char *text, struct stk_error *err);
enum stk_status stk_file_get_text(const char *path, char *text, size_t capacity,
                                  struct stk_error *err);
/* SHA-256 over a file; copy_to (which must not exist) gets the same bytes and is synced, or NULL.
 */
enum stk_status stk_file_hash(const char *path, const char *copy_to, uint8_t hash[STK_CHAIN_BYTES],
                              uint64_t *bytes, struct stk_error *err);

#endif
