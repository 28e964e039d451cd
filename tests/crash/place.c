/* Paths and folders for crash tests. One thread. */
#include "tests/crash/place.h"
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

const char *place_build(void)
{
    static char path[PATH_MAX];
    const char *given = getenv("STK_BUILD");
    if (path[0])
        return path;
    if (given) {
        snprintf(path, sizeof(path), "%s", given);
        return path;
    }
    /* <build>/tests/<kind>/<program> */
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[size < 0 ? 0 : size] = 0;
    for (int up = 0; up < 3; up++) {
        char *slash = strrchr(path, '/');
        if (slash)
            *slash = 0;
    }
    return path;
}

char *place_built(const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", place_build(), name) < 0)
        abort();
    return path;
}

char *place_folder(const char *name, int memory, uint64_t bytes)
{
    const char *parent = getenv("STK_TEST_DATA");
    struct statvfs space;
    char *path;
    if (!parent && memory && !statvfs("/dev/shm", &space) &&
        (uint64_t)space.f_bavail * space.f_frsize > bytes)
        parent = "/dev/shm";
    if (asprintf(&path, "%s/stockade-%s-XXXXXX", parent ? parent : "/tmp", name) < 0)
        abort();
    if (!mkdtemp(path)) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
    return path;
}

char *place_join(char out[PLACE_PATH], const char *folder, const char *name)
{
    if (snprintf(out, PLACE_PATH, "%s/%s", folder, name) >= PLACE_PATH)
        abort();
    return out;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path) && errno != ENOENT ? -1 : 0;
}

void place_remove(const char *path)
{
    nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

static uint64_t bytes_found;
static int count_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)path;
    (void)walk;
    if (kind == FTW_F)
        bytes_found += (uint64_t)status->st_blocks * 512;
    return 0;
}

uint64_t place_bytes(const char *path)
{
    bytes_found = 0;
    nftw(path, count_one, 32, FTW_PHYS);
    return bytes_found;
}

uint64_t place_bytes_of(const char *file)
{
    struct stat status;
    return stat(file, &status) ? 0 : (uint64_t)status.st_size;
}

int64_t place_number(const char *variable, int64_t otherwise)
{
    const char *text = getenv(variable);
    return text && *text ? strtoll(text, NULL, 10) : otherwise;
}
