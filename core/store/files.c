/* Durable file work. A failed fsync is reported and never tried again here: the caller gives the
 * file up. */
#include "core/store/files.h"
#include "core/base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FOLDER_MODE 0750
#define FILE_MODE   0640
#define COPY_BYTES  (256u * 1024)
#define DEPTH_MAX   2 /* a backup: the folder, and journal/ in it */

static enum stk_status fail(struct stk_error *err, const char *what, const char *path)
{
    return stk_error_errno(err, errno, "%s %s", what, path);
}

enum stk_status stk_path_set(struct stk_path *path, const char *text, struct stk_error *err)
{
    size_t size = strlen(text);
    if (size == 0 || size >= sizeof(path->text))
        return stk_error_set(err, STK_INVALID, "path: empty, or longer than %d bytes",
                             STK_PATH_MAX - 1);
    memcpy(path->text, text, size + 1);
    return STK_OK;
}

enum stk_status stk_path_join(struct stk_path *path, const char *folder, const char *name,
                              struct stk_error *err)
{
    int size = snprintf(path->text, sizeof(path->text), "%s/%s", folder, name);
    if (size < 0 || (size_t)size >= sizeof(path->text))
        return stk_error_set(err, STK_TOO_LARGE, "path of %s: longer than %d bytes", name,
                             STK_PATH_MAX - 1);
    return STK_OK;
}

/* The folder that holds path. */
static enum stk_status parent_of(const char *path, struct stk_path *parent, struct stk_error *err)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    while (size > 0 && path[size - 1] != '/')
        size--;
    while (size > 1 && path[size - 1] == '/')
        size--;
    if (size >= sizeof(parent->text))
        return stk_error_set(err, STK_TOO_LARGE, "path: longer than %d bytes", STK_PATH_MAX - 1);
    memcpy(parent->text, path, size);
    memcpy(parent->text + size, size ? "" : ".", size ? 1 : 2);
    return STK_OK;
}

static enum stk_status sync_parent(const char *path, struct stk_error *err)
{
    struct stk_path parent;
    enum stk_status status = parent_of(path, &parent, err);
    return status == STK_OK ? stk_folder_sync(parent.text, err) : status;
}

/* ---- folders ---- */

enum stk_status stk_folder_make(const char *path, struct stk_error *err)
{
    struct stat stat_of;
    if (mkdir(path, FOLDER_MODE) == 0)
        return sync_parent(path, err);
    if (errno != EEXIST)
        return fail(err, "making folder", path);
    if (stat(path, &stat_of) != 0)
        return fail(err, "looking at", path);
    if (!S_ISDIR(stat_of.st_mode))
        return stk_error_set(err, STK_EXISTS, "%s: is there and is no folder", path);
    return STK_OK;
}

static enum stk_status sync_path(const char *path, int flags, struct stk_error *err)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        return fail(err, "opening", path);
    enum stk_status status = fsync(fd) == 0 ? STK_OK : fail(err, "syncing", path);
    close(fd);
    return status;
}

enum stk_status stk_folder_sync(const char *path, struct stk_error *err)
{
    return sync_path(path, O_RDONLY | O_DIRECTORY, err);
}

enum stk_status stk_file_sync(const char *path, struct stk_error *err)
{
    return sync_path(path, O_RDWR, err);
}

enum stk_status stk_folder_each(const char *path, stk_folder_fn fn, void *arg,
                                struct stk_error *err)
{
    DIR *folder = opendir(path);
    enum stk_status status = STK_OK;
    struct dirent *entry = NULL;
    if (!folder && errno == ENOENT)
        return stk_error_set(err, STK_NOT_FOUND, "%s: no such folder", path);
    if (!folder)
        return fail(err, "opening folder", path);
    while (status == STK_OK && (errno = 0, entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = fn(arg, entry->d_name, err);
    if (status == STK_OK && errno != 0)
        status = fail(err, "reading folder", path);
    closedir(folder);
    return status;
}

static enum stk_status stop_at_first(void *arg, const char *name, struct stk_error *err)
{
    (void)arg, (void)name, (void)err;
    return STK_EXISTS;
}

int stk_folder_empty(const char *path)
{
    enum stk_status status = stk_folder_each(path, stop_at_first, NULL, NULL);
    return status == STK_NOT_FOUND ? -1 : status == STK_OK;
}

struct removal {
    const char *folder;
    int depth;
};

static enum stk_status remove_tree(const char *path, int depth, struct stk_error *err);

static enum stk_status remove_one(void *arg, const char *name, struct stk_error *err)
{
    const struct removal *removal = arg;
    struct stk_path path;
    struct stat stat_of;
    enum stk_status status = stk_path_join(&path, removal->folder, name, err);
    if (status != STK_OK)
        return status;
    if (lstat(path.text, &stat_of) == 0 && S_ISDIR(stat_of.st_mode))
        return remove_tree(path.text, removal->depth + 1, err);
    return stk_file_remove(path.text, err);
}

static enum stk_status remove_tree(const char *path, int depth, struct stk_error *err)
{
    struct removal removal = {path, depth};
    if (depth > DEPTH_MAX)
        return stk_error_set(err, STK_EXISTS, "%s: deeper than anything of ours, left alone", path);
    enum stk_status status = stk_folder_each(path, remove_one, &removal, err);
    if (status == STK_NOT_FOUND)
        return STK_OK;
    if (status == STK_OK && rmdir(path) != 0)
        return fail(err, "removing folder", path);
    return status;
}

enum stk_status stk_folder_remove(const char *path, struct stk_error *err)
{
    return remove_tree(path, 0, err);
}

enum stk_status stk_folder_lock(const char *path, int *fd, struct stk_error *err)
{
    struct stk_path lock;
    enum stk_status status = stk_path_join(&lock, path, "LOCK", err);
    if (status != STK_OK)
        return status;
    *fd = open(lock.text, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (*fd < 0)
        return fail(err, "opening", lock.text);
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return STK_OK;
    status = errno == EWOULDBLOCK
                 ? stk_error_set(err, STK_STATE, "%s: in use by another process", path)
                 : fail(err, "locking", lock.text);
    close(*fd);
    *fd = -1;
    return status;
}

enum stk_status stk_folder_free_bytes(const char *path, uint64_t *bytes, struct stk_error *err)
{
    struct statvfs disk;
    if (statvfs(path, &disk) != 0)
        return fail(err, "asking the free space of", path);
    *bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    return STK_OK;
}

/* ---- files ---- */

enum stk_status stk_file_rename(const char *from, const char *to, struct stk_error *err)
{
    if (rename(from, to) != 0)
        return fail(err, "renaming to", to);
    return sync_parent(to, err);
}

enum stk_status stk_file_remove(const char *path, struct stk_error *err)
{
    return unlink(path) == 0 || errno == ENOENT ? STK_OK : fail(err, "removing", path);
}

enum stk_status stk_file_size(const char *path, uint64_t *bytes, struct stk_error *err)
{
    struct stat stat_of;
    if (stat(path, &stat_of) != 0)
        return fail(err, "looking at", path);
    *bytes = (uint64_t)stat_of.st_size;
    return STK_OK;
}

enum stk_status stk_file_write(int fd, const void *data, size_t size, struct stk_error *err)
{
    const char *at = data;
    while (size > 0) {
        ssize_t done = write(fd, at, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return stk_error_errno(err, done < 0 ? errno : EIO, "writing");
        at += done;
        size -= (size_t)done;
    }
    return STK_OK;
}

enum stk_status stk_file_put_text(const char *path, const char *text, struct stk_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return fail(err, "opening", path);
    enum stk_status status = stk_file_write(fd, text, strlen(text), err);
    if (status == STK_OK && fsync(fd) != 0)
        status = fail(err, "syncing", path);
    close(fd);
    return status;
}

/* Up to size bytes; less only at the end of the file. -1 and errno on a failure. */
static ssize_t read_full(int fd, void *data, size_t size)
{
    size_t have = 0;
    while (have < size) {
        ssize_t got = read(fd, (char *)data + have, size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

enum stk_status stk_file_get_text(const char *path, char *text, size_t capacity,
                                  struct stk_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return stk_error_set(err, STK_NOT_FOUND, "%s: no such file", path);
    if (fd < 0)
        return fail(err, "opening", path);
    ssize_t size = read_full(fd, text, capacity);
    int errno_value = errno;
    close(fd);
    text[size < 0 || (size_t)size == capacity ? 0 : size] = 0;
    if (size < 0)
        return stk_error_errno(err, errno_value, "reading %s", path);
    if ((size_t)size == capacity)
        return stk_error_set(err, STK_TOO_LARGE, "%s: longer than %zu bytes", path, capacity - 1);
    return STK_OK;
}

static enum stk_status hash_and_copy(int in, int out, struct stk_chain *chain, uint64_t *bytes,
                                     struct stk_error *err)
{
    uint8_t *buffer = stk_alloc(COPY_BYTES);
    enum stk_status status = STK_OK;
    ssize_t size = 1;
    if (!buffer)
        return stk_error_set(err, STK_NO_MEMORY, "out of memory");
    for (*bytes = 0; status == STK_OK && (size = read_full(in, buffer, COPY_BYTES)) > 0;) {
        stk_chain_add(chain, buffer, (size_t)size);
        *bytes += (uint64_t)size;
        if (out >= 0)
            status = stk_file_write(out, buffer, (size_t)size, err);
    }
    if (size < 0)
        status = stk_error_errno(err, errno, "reading");
    if (status == STK_OK && out >= 0 && fsync(out) != 0)
        status = stk_error_errno(err, errno, "syncing");
    stk_free(buffer);
    return status;
}

enum stk_status stk_file_hash(const char *path, const char *copy_to, uint8_t hash[STK_CHAIN_BYTES],
                              uint64_t *bytes, struct stk_error *err)
{
    int out = -1;
    int in = open(path, O_RDONLY | O_CLOEXEC);
    if (in < 0 && errno == ENOENT)
        return stk_error_set(err, STK_NOT_FOUND, "%s: no such file", path);
    if (in < 0)
        return fail(err, "opening", path);
    enum stk_status status = STK_OK;
    if (copy_to && (out = open(copy_to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE)) < 0)
        status = fail(err, "making", copy_to);
    struct stk_chain *chain = stk_chain_create();
    if (status == STK_OK && !chain)
        status = stk_error_set(err, STK_NO_MEMORY, "out of memory");
    if (status == STK_OK) {
        stk_chain_begin(chain);
        status = hash_and_copy(in, out, chain, bytes, err);
        stk_chain_end(chain, hash);
        if (status != STK_OK)
            stk_error_prefix(err, "%s", copy_to ? copy_to : path);
    }
    stk_chain_destroy(chain);
    close(in);
    if (out >= 0)
        close(out);
    return status;
}
