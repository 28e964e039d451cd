/* LD_PRELOAD: makes storage calls and allocations fail, the disk full, the wall clock step (see
 * control.h). Storage calls: writes, truncations, fallocations, syncs, renames and opens for
 * writing, of files below one folder. Threads: any. */
#include "tests/crash/control.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static struct control *control;
static char root[PATH_MAX];
static size_t root_size;
static char failed[PATH_MAX]; /* the file of the call that failed; written before `fired` */

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv(CONTROL_ENV_FILE), *below = getenv(CONTROL_ENV_ROOT);
    if (!path || !below)
        return;
    snprintf(root, sizeof(root), "%s", below);
    root_size = strlen(root);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    control = map == MAP_FAILED ? NULL : map;
    syscall(SYS_close, fd);
}

static int is_ours(int fd, char path[PATH_MAX])
{
    char link[64];
    struct stat status;
    if (!control || fd < 0)
        return 0;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    if (size < 0)
        return 0;
    path[size] = 0;
    return !strncmp(path, root, root_size) && !syscall(SYS_fstat, fd, &status) &&
           (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

static int64_t now_ns(void)
{
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Count a call; the kind of fault when it is the one that fails, else 0. */
static unsigned turn(const char *name, const char *path, int is_sync)
{
    uint64_t number = atomic_fetch_add(&control->calls, 1) + 1;
    unsigned kind = atomic_load(&control->kind);
    if (atomic_load(&control->fired) && kind != CONTROL_EINTR && !strcmp(path, failed))
        atomic_fetch_add(is_sync ? &control->syncs_after : &control->writes_after, 1);
    if (number != atomic_load(&control->fail_at))
        return 0;
    if (kind == CONTROL_EINTR && is_sync) { /* the next write, then */
        atomic_fetch_add(&control->fail_at, 1);
        return 0;
    }
    snprintf(failed, sizeof(failed), "%s", path);
    snprintf(control->what, sizeof(control->what), "%s %s", name, path + root_size);
    atomic_store(&control->failed_at_ns, now_ns());
    atomic_store(&control->fired, 1);
    return kind;
}

static int fail(unsigned kind)
{
    errno = kind == CONTROL_EINTR ? EINTR : EIO;
    return -1;
}

/* 1 when the disk has no room for a file to grow to `end`; takes the room otherwise. */
static int no_room(int fd, uint64_t end)
{
    struct stat status;
    int64_t free_bytes = atomic_load(&control->free_bytes);
    if (free_bytes < 0 || syscall(SYS_fstat, fd, &status) || end <= (uint64_t)status.st_size)
        return 0;
    int64_t growth = (int64_t)(end - (uint64_t)status.st_size);
    if (growth > free_bytes) {
        atomic_fetch_add(&control->refused_growths, 1);
        errno = ENOSPC;
        return 1;
    }
    atomic_fetch_sub(&control->free_bytes, growth);
    return 0;
}

/* ---- writing ------------------------------------------------------------------------------- */

static ssize_t really(int fd, const struct iovec *parts, int count, off_t offset)
{
    return offset < 0 ? (ssize_t)syscall(SYS_writev, fd, parts, count)
                      : (ssize_t)syscall(SYS_pwritev, fd, parts, count, (long)offset, 0L);
}

static ssize_t write_any(int fd, const struct iovec *parts, int count, off_t offset)
{
    char path[PATH_MAX];
    if (!is_ours(fd, path))
        return really(fd, parts, count, offset);
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    off_t at = offset < 0 ? (off_t)syscall(SYS_lseek, fd, 0L, SEEK_CUR) : offset;
    unsigned kind = turn("write", path, 0);
    if (kind == CONTROL_SHORT && size > 1) {
        struct iovec half = {parts[0].iov_base,
                             parts[0].iov_len < size / 2 ? parts[0].iov_len : size / 2};
        return really(fd, &half, 1, offset);
    }
    if (kind)
        return fail(kind);
    if (no_room(fd, (uint64_t)at + size))
        return -1;
    return really(fd, parts, count, offset);
}

EXPORT ssize_t write(int fd, const void *data, size_t size)
{
    struct iovec part = {(void *)(uintptr_t)data, size};
    return control ? write_any(fd, &part, 1, -1) : (ssize_t)syscall(SYS_write, fd, data, size);
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

EXPORT int ftruncate(int fd, off_t size)
{
    char path[PATH_MAX];
    unsigned kind = is_ours(fd, path) ? turn("ftruncate", path, 0) : 0;
    return kind ? fail(kind) : (int)syscall(SYS_ftruncate, fd, size);
}
EXPORT int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}
EXPORT int fallocate(int fd, int mode, off_t offset, off_t size)
{
    char path[PATH_MAX];
    int ours = is_ours(fd, path);
    unsigned kind = ours ? turn("fallocate", path, 0) : 0;
    if (kind)
        return fail(kind);
    if (ours && no_room(fd, (uint64_t)offset + (uint64_t)size))
        return -1;
    return (int)syscall(SYS_fallocate, fd, mode, offset, size);
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

static int sync_any(int fd, long number, const char *name)
{
    char path[PATH_MAX];
    unsigned kind = is_ours(fd, path) ? turn(name, path, 1) : 0;
    return kind ? fail(kind) : (int)syscall(number, fd);
}
EXPORT int fsync(int fd)
{
    return sync_any(fd, SYS_fsync, "fsync");
}
EXPORT int fdatasync(int fd)
{
    return sync_any(fd, SYS_fdatasync, "fdatasync");
}

/* ---- names --------------------------------------------------------------------------------- */

static int open_any(int dirfd, const char *path, int flags, mode_t mode)
{
    if (control && (flags & O_CREAT) && !strncmp(path, root, root_size)) {
        unsigned kind = turn("open", path, 0);
        if (kind)
            return fail(kind);
    }
    return (int)syscall(SYS_openat, dirfd, path, flags, mode);
}

#define OPEN_BODY(dirfd)                                                                           \
    va_list more;                                                                                  \
    va_start(more, flags);                                                                         \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(more, unsigned) : 0;              \
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
EXPORT int rename(const char *from, const char *to)
{
    unsigned kind = control && !strncmp(to, root, root_size) ? turn("rename", to, 0) : 0;
    return kind ? fail(kind) : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0u);
}

/* ---- space --------------------------------------------------------------------------------- */

static void as_told(struct statvfs *space)
{
    int64_t free_bytes = control ? atomic_load(&control->free_bytes) : -1;
    if (free_bytes >= 0 && !atomic_load(&control->untold))
        space->f_bavail = space->f_bfree = (fsblkcnt_t)free_bytes / space->f_frsize;
}

/* The real answer, by the C library's own function. */
static int really_statvfs(int fd, const char *path, struct statvfs *out)
{
    static int (*by_fd)(int, struct statvfs *);
    static int (*by_path)(const char *, struct statvfs *);
    if (!by_fd) {
        *(void **)&by_fd = dlsym(RTLD_NEXT, "fstatvfs");
        *(void **)&by_path = dlsym(RTLD_NEXT, "statvfs");
    }
    int result = path ? by_path(path, out) : by_fd(fd, out);
    if (!result)
        as_told(out);
    return result;
}
EXPORT int statvfs(const char *path, struct statvfs *out)
{
    return really_statvfs(-1, path, out);
}
EXPORT int fstatvfs(int fd, struct statvfs *out)
{
    return really_statvfs(fd, NULL, out);
}
EXPORT int fstatvfs64(int fd, struct statvfs64 *out)
{
    return fstatvfs(fd, (struct statvfs *)out);
}
EXPORT int statvfs64(const char *path, struct statvfs64 *out)
{
    return statvfs(path, (struct statvfs *)out);
}

/* ---- the wall clock ------------------------------------------------------------------------ */

EXPORT int clock_gettime(clockid_t clock, struct timespec *out)
{
    int result = (int)syscall(SYS_clock_gettime, clock, out);
    if (!result && control && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t offset_ms = atomic_load(&control->clock_offset_ms);
        int64_t nanos = out->tv_nsec + offset_ms % 1000 * 1000000;
        out->tv_sec += offset_ms / 1000 + (nanos < 0 ? -1 : nanos >= 1000000000 ? 1 : 0);
        out->tv_nsec = nanos < 0             ? nanos + 1000000000
                       : nanos >= 1000000000 ? nanos - 1000000000
                                             : nanos;
    }
    return result;
}
EXPORT int gettimeofday(struct timeval *out, void *zone)
{
    struct timespec now;
    (void)zone;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return result;
}
EXPORT time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

/* ---- memory -------------------------------------------------------------------------------- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

/* Count a call; 1 when it is the one that fails. */
static int no_memory(void)
{
    if (!control)
        return 0;
    uint64_t number = atomic_fetch_add(&control->allocations, 1) + 1;
    if (number != atomic_load(&control->alloc_fail_at))
        return 0;
    atomic_store(&control->alloc_fired, 1);
    errno = ENOMEM;
    return 1;
}
static void *in_use(void *memory)
{
    if (memory && control)
        atomic_fetch_add(&control->in_use, 1);
    return memory;
}
EXPORT void *malloc(size_t size)
{
    return no_memory() ? NULL : in_use(__libc_malloc(size));
}
EXPORT void *calloc(size_t count, size_t size)
{
    return no_memory() ? NULL : in_use(__libc_calloc(count, size));
}
EXPORT void *realloc(void *old, size_t size)
{
    if (no_memory())
        return NULL;
    return old ? __libc_realloc(old, size) : in_use(__libc_realloc(NULL, size));
}
EXPORT void *memalign(size_t alignment, size_t size)
{
    return no_memory() ? NULL : in_use(__libc_memalign(alignment, size));
}
EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}
EXPORT int posix_memalign(void **out, size_t alignment, size_t size)
{
    *out = memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}
EXPORT void free(void *memory)
{
    if (memory && control)
        atomic_fetch_sub(&control->in_use, 1);
    __libc_free(memory);
}
