/* LD_PRELOAD: logs storage calls below one folder, and socket writes, in one global order (see
 * record.h). One lock keeps the order; it is held while an entry is written and never across the
 * real call, except for renames, unlinks and opens, whose order among each other matters.
 *
 * Memory maps: a shared writable map of a recorded file cannot be seen and halts the recording,
 * but for lock files (*lock*, *.lck), which carry nothing over a crash. Threads: any. */
#include "tests/crash/record.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define FDS    65536

struct handle {
    uint32_t number; /* 0: not recorded */
    uint8_t durable;
    uint8_t append;
    uint8_t socket;
};

static struct handle handles[FDS];
static uint32_t handle_last;
static int log_fd = -1;
static char root[PATH_MAX];
static size_t root_size;
static int plant_nosync;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static pid_t owner;

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv(RECORD_ENV_LOG), *below = getenv(RECORD_ENV_ROOT);
    const char *plant = getenv(RECORD_ENV_PLANT);
    if (!path || !below)
        return;
    snprintf(root, sizeof(root), "%s", below);
    root_size = strlen(root);
    plant_nosync = plant && !strcmp(plant, "nosync");
    log_fd =
        (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    owner = getpid();
}

static int recording(void)
{
    return log_fd >= 0 && getpid() == owner;
}

/* Caller holds the order. */
static void put(uint32_t kind, uint32_t flags, uint32_t handle, uint64_t offset, uint64_t extra,
                const void *data, size_t size)
{
    static const char padding[8];
    struct record_entry entry = {kind, flags, handle, (uint32_t)size, offset, extra};
    struct iovec parts[3] = {{&entry, sizeof(entry)},
                             {(void *)(uintptr_t)data, size},
                             {(void *)(uintptr_t)padding, record_padded(size) - size}};
    size_t left = sizeof(entry) + record_padded(size);
    long done = syscall(SYS_writev, log_fd, parts, 3);
    if (done != (long)left) {
        static const char text[] = "recorder: the log cannot be written\n";
        (void)!syscall(SYS_write, 2, text, sizeof(text) - 1);
        abort();
    }
}

static void put_locked(uint32_t kind, uint32_t flags, uint32_t handle, uint64_t offset,
                       uint64_t extra, const void *data, size_t size)
{
    int saved = errno;
    pthread_mutex_lock(&order);
    put(kind, flags, handle, offset, extra, data, size);
    pthread_mutex_unlock(&order);
    errno = saved;
}

static struct handle *of(int fd)
{
    if (fd < 0 || fd >= FDS || !handles[fd].number || !recording())
        return NULL;
    return &handles[fd];
}

static struct handle *file_of(int fd)
{
    struct handle *handle = of(fd);
    return handle && !handle->socket ? handle : NULL;
}

/* Absolute path of what dirfd and path name; 1 when it is to be recorded. */
static int below_root(int dirfd, const char *path, char out[PATH_MAX])
{
    char base[PATH_MAX] = "";
    if (log_fd < 0 || getpid() != owner || !path)
        return 0;
    if (path[0] == '/') {
        snprintf(out, PATH_MAX, "%s", path);
    } else {
        if (dirfd == AT_FDCWD) {
            if (!getcwd(base, sizeof(base)))
                return 0;
        } else {
            char link[64];
            snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
            if (readlink(link, base, sizeof(base) - 1) < 0)
                return 0;
        }
        if (snprintf(out, PATH_MAX, "%s/%s", base, path) >= PATH_MAX)
            return 0;
    }
    size_t size = strlen(out);
    while (size > 1 && out[size - 1] == '/')
        out[--size] = 0;
    return !strncmp(out, root, root_size) && (out[root_size] == '/' || !out[root_size]);
}

static int is_zeros(const char *data, size_t size)
{
    return size >= 4096 && !data[0] && !memcmp(data, data + 1, size - 1);
}

static void put_write(const struct handle *handle, const struct iovec *parts, int count,
                      uint64_t offset, size_t done)
{
    uint32_t flags = handle->durable ? RECORD_DURABLE : 0;
    int saved = errno;
    pthread_mutex_lock(&order);
    for (int i = 0; i < count && done; i++) {
        size_t size = parts[i].iov_len < done ? parts[i].iov_len : done;
        if (is_zeros(parts[i].iov_base, size))
            put(RECORD_WRITE, flags | RECORD_ZEROS, handle->number, offset, size, NULL, 0);
        else
            put(RECORD_WRITE, flags, handle->number, offset, 0, parts[i].iov_base, size);
        offset += size;
        done -= size;
    }
    pthread_mutex_unlock(&order);
    errno = saved;
}

/* Caller holds the order. The answer to a client, as far as the kernel took it. */
static void put_sent(const struct handle *handle, const struct iovec *parts, size_t count,
                     ssize_t sent)
{
    size_t left = sent > 0 ? (size_t)sent : 0;
    int saved = errno;
    for (size_t i = 0; i < count && left; i++) {
        size_t size = parts[i].iov_len < left ? parts[i].iov_len : left;
        put(RECORD_SENT, 0, handle->number, 0, 0, parts[i].iov_base, size);
        left -= size;
    }
    errno = saved;
}

static size_t total(const struct iovec *parts, int count)
{
    size_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += parts[i].iov_len;
    return sum;
}

/* All writes end here. offset < 0: at the file's position. */
static ssize_t write_any(int fd, const struct iovec *parts, int count, off_t offset)
{
    const struct handle *handle = of(fd);
    if (!handle)
        return offset < 0 ? (ssize_t)syscall(SYS_writev, fd, parts, count)
                          : (ssize_t)syscall(SYS_pwritev, fd, parts, count, (long)offset, 0L);
    if (handle->socket) {
        pthread_mutex_lock(&order);
        ssize_t sent = (ssize_t)syscall(SYS_writev, fd, parts, count);
        put_sent(handle, parts, (size_t)count, sent);
        pthread_mutex_unlock(&order);
        return sent;
    }
    off_t at = offset;
    if (at < 0 && handle->append) {
        struct stat status;
        at = fstat(fd, &status) ? 0 : status.st_size;
    } else if (at < 0) {
        at = lseek(fd, 0, SEEK_CUR);
    }
    if (handle->durable)
        put_write(handle, parts, count, (uint64_t)at, total(parts, count));
    ssize_t done = offset < 0 ? (ssize_t)syscall(SYS_writev, fd, parts, count)
                              : (ssize_t)syscall(SYS_pwritev, fd, parts, count, (long)offset, 0L);
    if (handle->durable)
        put_locked(RECORD_WRITE_DONE, 0, handle->number, 0, 0, NULL, 0);
    else if (done > 0)
        put_write(handle, parts, count, (uint64_t)at, (size_t)done);
    return done;
}

/* ---- opening ------------------------------------------------------------------------------- */

static int open_any(int dirfd, const char *path, int flags, mode_t mode)
{
    char whole[PATH_MAX];
    struct stat status;
    if (!below_root(dirfd, path, whole))
        return (int)syscall(SYS_openat, dirfd, path, flags, mode);
    pthread_mutex_lock(&order);
    int there = !syscall(SYS_newfstatat, AT_FDCWD, whole, &status, 0);
    int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
    int saved = errno;
    if (fd >= 0 && fd < FDS) {
        int folder = !fstat(fd, &status) && S_ISDIR(status.st_mode);
        struct handle *handle = &handles[fd];
        *handle = (struct handle){++handle_last, (flags & (O_SYNC | O_DSYNC)) != 0,
                                  (flags & O_APPEND) != 0, 0};
        put(RECORD_OPEN,
            (there ? 0 : RECORD_CREATED) | (flags & O_TRUNC ? RECORD_TRUNC : 0) |
                (folder ? RECORD_FOLDER : 0),
            handle->number, 0, 0, whole, strlen(whole));
    }
    pthread_mutex_unlock(&order);
    errno = saved;
    return fd;
}

static mode_t mode_of(int flags, va_list more)
{
    return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(more, unsigned) : 0;
}

#define OPEN_BODY(dirfd)                                                                           \
    va_list more;                                                                                  \
    va_start(more, flags);                                                                         \
    mode_t mode = mode_of(flags, more);                                                            \
    va_end(more);                                                                                  \
    return open_any(dirfd, path, flags, mode)

EXPORT int open(const char *path, int flags, ...)
{
    OPEN_BODY(AT_FDCWD);
}
EXPORT int open64(const char *path, int flags, ...)
{
    OPEN_BODY(AT_FDCWD);
}
EXPORT int openat(int dirfd, const char *path, int flags, ...)
{
    OPEN_BODY(dirfd);
}
EXPORT int openat64(int dirfd, const char *path, int flags, ...)
{
    OPEN_BODY(dirfd);
}
EXPORT int creat(const char *path, mode_t mode)
{
    return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

EXPORT int close(int fd)
{
    if (fd >= 0 && fd < FDS)
        handles[fd] = (struct handle){0, 0, 0, 0};
    return (int)syscall(SYS_close, fd);
}

EXPORT int fcntl64(int fd, int command, ...);
EXPORT int fcntl64(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    long argument = va_arg(more, long);
    va_end(more);
    int result = (int)syscall(SYS_fcntl, fd, command, argument);
    struct handle *handle = file_of(fd);
    if (handle && (command == F_DUPFD || command == F_DUPFD_CLOEXEC) && result >= 0 && result < FDS)
        handles[result] = *handle;
    return result;
}

static int accepted(int fd)
{
    if (fd >= 0 && fd < FDS && recording()) {
        pthread_mutex_lock(&order);
        handles[fd] = (struct handle){++handle_last, 0, 0, 1};
        pthread_mutex_unlock(&order);
    }
    return fd;
}
EXPORT int accept(int fd, struct sockaddr *address, socklen_t *size)
{
    return accepted((int)syscall(SYS_accept4, fd, address, size, 0));
}
EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    return accepted((int)syscall(SYS_accept4, fd, address, size, flags));
}

/* ---- writing ------------------------------------------------------------------------------- */

EXPORT ssize_t write(int fd, const void *data, size_t size)
{
    struct iovec part = {(void *)(uintptr_t)data, size};
    return of(fd) ? write_any(fd, &part, 1, -1) : (ssize_t)syscall(SYS_write, fd, data, size);
}
EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return write_any(fd, parts, count, -1);
}
EXPORT ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    struct iovec part = {(void *)(uintptr_t)data, size};
    return write_any(fd, &part, 1, offset);
}
EXPORT ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    return pwrite(fd, data, size, offset);
}
EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return write_any(fd, parts, count, offset);
}
EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    return write_any(fd, parts, count, offset);
}
EXPORT ssize_t send(int fd, const void *data, size_t size, int flags)
{
    struct iovec part = {(void *)(uintptr_t)data, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return sendmsg(fd, &message, flags);
}
EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct handle *handle = of(fd);
    if (!handle)
        return (ssize_t)syscall(SYS_sendmsg, fd, message, flags);
    pthread_mutex_lock(&order);
    ssize_t sent = (ssize_t)syscall(SYS_sendmsg, fd, message, flags);
    put_sent(handle, message->msg_iov, message->msg_iovlen, sent);
    pthread_mutex_unlock(&order);
    return sent;
}

EXPORT int ftruncate(int fd, off_t size)
{
    int result = (int)syscall(SYS_ftruncate, fd, size);
    const struct handle *handle = file_of(fd);
    if (handle && !result)
        put_locked(RECORD_TRUNCATE, 0, handle->number, (uint64_t)size, 0, NULL, 0);
    return result;
}
EXPORT int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}
EXPORT int fallocate(int fd, int mode, off_t offset, off_t size)
{
    int result = (int)syscall(SYS_fallocate, fd, mode, offset, size);
    const struct handle *handle = file_of(fd);
    if (handle && !result)
        put_locked(mode ? RECORD_HALTED : RECORD_ALLOCATE, 0, handle->number, (uint64_t)offset,
                   (uint64_t)size, "fallocate with a mode", mode ? 21 : 0);
    return result;
}
EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t size)
{
    return fallocate(fd, mode, offset, size);
}
EXPORT int posix_fallocate(int fd, off_t offset, off_t size)
{
    return fallocate(fd, 0, offset, size) ? errno : 0;
}
EXPORT int posix_fallocate64(int fd, off64_t offset, off64_t size)
{
    return posix_fallocate(fd, offset, size);
}

/* ---- syncing ------------------------------------------------------------------------------- */

static int sync_any(int fd, long number)
{
    const struct handle *handle = file_of(fd);
    if (!handle)
        return (int)syscall(number, fd);
    if (plant_nosync)
        return 0;
    put_locked(RECORD_SYNC, 0, handle->number, 0, 0, NULL, 0);
    int result = (int)syscall(number, fd);
    if (!result)
        put_locked(RECORD_SYNC_DONE, 0, handle->number, 0, 0, NULL, 0);
    return result;
}
EXPORT int fsync(int fd)
{
    return sync_any(fd, SYS_fsync);
}
EXPORT int fdatasync(int fd)
{
    return sync_any(fd, SYS_fdatasync);
}

static void halt(const char *why)
{
    if (recording())
        put_locked(RECORD_HALTED, 0, 0, 0, 0, why, strlen(why));
}

/* Promises less than a sync: logged as nothing, so what it wrote stays unsynced. */
EXPORT int sync_file_range(int fd, off64_t offset, off64_t size, unsigned flags)
{
    return (int)syscall(SYS_sync_file_range, fd, offset, size, flags);
}
EXPORT void sync(void)
{
    halt("sync() is not followed");
    (void)syscall(SYS_sync);
}
EXPORT void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    char link[64], path[PATH_MAX];
    if (file_of(fd) && (protection & PROT_WRITE) && (flags & MAP_SHARED)) {
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof(path) - 1);
        path[length < 0 ? 0 : length] = 0;
        if (!strstr(path, "lock") && !strstr(path, ".lck"))
            halt("a file is written through a map");
    }
    return (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}
EXPORT void *mmap64(void *address, size_t size, int protection, int flags, int fd, off64_t offset)
{
    return mmap(address, size, protection, flags, fd, offset);
}

/* Buffered files write behind our back. */
static FILE *stdio_any(const char *path, const char *mode, const char *name)
{
    char whole[PATH_MAX], why[PATH_MAX + 64];
    FILE *(*real)(const char *, const char *);
    if (strpbrk(mode, "wa+") && below_root(AT_FDCWD, path, whole)) {
        snprintf(why, sizeof(why), "%s is written through stdio", whole);
        halt(why);
    }
    *(void **)&real = dlsym(RTLD_NEXT, name);
    return real(path, mode);
}
EXPORT FILE *fopen(const char *path, const char *mode)
{
    return stdio_any(path, mode, "fopen");
}
EXPORT FILE *fopen64(const char *path, const char *mode)
{
    return stdio_any(path, mode, "fopen64");
}

/* ---- names --------------------------------------------------------------------------------- */

static int rename_any(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    char both[2 * PATH_MAX], target[PATH_MAX];
    int inside = below_root(from_fd, from, both);
    if (below_root(to_fd, to, target) != inside)
        halt("a rename across the recorded folder's edge");
    if (!inside)
        return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
    size_t size = strlen(both) + 1;
    memcpy(both + size, target, strlen(target));
    size += strlen(target);
    pthread_mutex_lock(&order);
    int result = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
    int saved = errno;
    if (!result)
        put(RECORD_RENAME, 0, 0, 0, 0, both, size);
    pthread_mutex_unlock(&order);
    errno = saved;
    return result;
}
EXPORT int rename(const char *from, const char *to)
{
    return rename_any(AT_FDCWD, from, AT_FDCWD, to, 0);
}
EXPORT int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return rename_any(from_fd, from, to_fd, to, 0);
}
EXPORT int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    return rename_any(from_fd, from, to_fd, to, flags);
}

static int name_any(uint32_t kind, int dirfd, const char *path,
                    long result_of(int, const char *, long), long argument)
{
    char whole[PATH_MAX];
    if (!below_root(dirfd, path, whole))
        return (int)result_of(dirfd, path, argument);
    pthread_mutex_lock(&order);
    int result = (int)result_of(dirfd, path, argument);
    int saved = errno;
    if (!result)
        put(kind, 0, 0, 0, 0, whole, strlen(whole));
    pthread_mutex_unlock(&order);
    errno = saved;
    return result;
}
static long call_unlink(int dirfd, const char *path, long flags)
{
    return syscall(SYS_unlinkat, dirfd, path, flags);
}
static long call_mkdir(int dirfd, const char *path, long mode)
{
    return syscall(SYS_mkdirat, dirfd, path, mode);
}
EXPORT int unlink(const char *path)
{
    return name_any(RECORD_UNLINK, AT_FDCWD, path, call_unlink, 0);
}
EXPORT int unlinkat(int dirfd, const char *path, int flags)
{
    return name_any(flags & AT_REMOVEDIR ? RECORD_RMDIR : RECORD_UNLINK, dirfd, path, call_unlink,
                    flags);
}
EXPORT int remove(const char *path)
{
    int result = unlink(path);
    return result && (errno == EISDIR || errno == EPERM) ? rmdir(path) : result;
}
EXPORT int rmdir(const char *path)
{
    return name_any(RECORD_RMDIR, AT_FDCWD, path, call_unlink, AT_REMOVEDIR);
}
EXPORT int mkdir(const char *path, mode_t mode)
{
    return name_any(RECORD_MKDIR, AT_FDCWD, path, call_mkdir, (long)mode);
}
EXPORT int mkdirat(int dirfd, const char *path, mode_t mode)
{
    return name_any(RECORD_MKDIR, dirfd, path, call_mkdir, (long)mode);
}
