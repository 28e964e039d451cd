/* One temporary folder for a whole run. Signals only set a flag; every loop of the program looks at
 * it, so that the ordinary way out does the cleaning. A second signal ends the program at once; the
 * kernel then kills the children (child.c). */
#include "bench/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

static char scratch_path[BENCH_PATH_MAX];
static int scratch_keep;
static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
    if (stop_signal)
        _exit(128 + number);
    stop_signal = number;
}

int bench_stopping(void)
{
    return stop_signal != 0;
}

int bench_exit_code(int code)
{
    return stop_signal ? 128 + stop_signal : code;
}

int bench_scratch_open(const char *parent, int keep)
{
    if (snprintf(scratch_path, sizeof(scratch_path), "%s/stockade-bench-XXXXXX", parent) > 80) {
        /* Unix socket paths below it must fit into 108 bytes */
        fprintf(stderr, "stockade-bench: --folder %s: the path is too long\n", parent);
        return 0;
    }
    if (!mkdtemp(scratch_path)) {
        fprintf(stderr, "stockade-bench: %s: %s\n", scratch_path, strerror(errno));
        scratch_path[0] = 0;
        return 0;
    }
    chmod(scratch_path, 0755); /* PostgreSQL runs as another user and must get through */
    scratch_keep = keep;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    return 1;
}

const char *bench_scratch_path(void)
{
    return scratch_path;
}

char *bench_scratch_file(char *out, const char *name)
{
    if (snprintf(out, BENCH_PATH_MAX, "%s/%s", scratch_path, name) >= BENCH_PATH_MAX)
        abort(); /* names are ours and short */
    return out;
}

int bench_scratch_folder(char *out, const char *name)
{
    bench_scratch_file(out, name);
    if (mkdir(out, 0755) == 0)
        return 1;
    fprintf(stderr, "stockade-bench: %s: %s\n", out, strerror(errno));
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path) && errno != ENOENT ? -1 : 0;
}

void bench_scratch_remove(const char *path)
{
    size_t size = strlen(scratch_path);
    if (!size || scratch_keep || strncmp(path, scratch_path, size) != 0)
        return;
    if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) && errno != ENOENT)
        fprintf(stderr, "stockade-bench: cannot remove %s: %s\n", path, strerror(errno));
}

void bench_scratch_close(void)
{
    if (!scratch_path[0])
        return;
    if (scratch_keep)
        fprintf(stderr, "kept: %s\n", scratch_path);
    bench_scratch_remove(scratch_path);
    scratch_path[0] = 0;
}

const char *bench_scratch_disk(void)
{
    static const struct {
        long type;
        const char *name;
    } known[] = {{0xef53, "ext4"},      {0x58465342, "xfs"},     {0x9123683e, "btrfs"},
                 {0x01021994, "tmpfs"}, {0x794c7630, "overlay"}, {0x2fc12fc1, "zfs"}};
    struct statfs info;
    if (statfs(scratch_path, &info))
        return "unknown";
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if ((long)info.f_type == known[i].type)
            return known[i].name;
    return "unknown";
}

static int compare_ns(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

double bench_scratch_sync_us(unsigned count)
{
    char path[BENCH_PATH_MAX];
    char block[4096] = {1};
    int64_t taken[256];
    count = count < 256 ? count : 256;
    int fd = open(bench_scratch_file(path, "sync-probe"), O_CREAT | O_WRONLY | O_TRUNC, 0644);
    if (fd < 0)
        return 0;
    unsigned done = 0;
    for (; done < count; done++) {
        int64_t start = bench_now_ns();
        if (write(fd, block, sizeof(block)) != sizeof(block) || fdatasync(fd))
            break;
        taken[done] = bench_now_ns() - start;
    }
    close(fd);
    unlink(path);
    if (!done)
        return 0;
    qsort(taken, done, sizeof(taken[0]), compare_ns);
    return (double)taken[done / 2] / 1000.0;
}

void bench_sleep_ms(int ms)
{
    struct timespec time = {ms / 1000, (ms % 1000) * 1000000L};
    nanosleep(&time, NULL); /* a signal ends it early: that is wanted */
}

int64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t bench_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t bench_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
