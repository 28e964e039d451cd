/* Folders for tests. */
#include "tests/lib/folder.h"
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void must(int good, const char *what, const char *path)
{
    if (good)
        return;
    fprintf(stderr, "test folder: %s %s: ", what, path);
    perror("");
    abort();
}

static void make_below(struct test_folder *folder, const char *base)
{
    snprintf(folder->path, sizeof(folder->path), "%s/stk-test-XXXXXX", base);
    must(mkdtemp(folder->path) != NULL, "making", folder->path);
}

void test_folder_make(struct test_folder *folder)
{
    const char *base = getenv("TMPDIR");
    make_below(folder, base ? base : "/tmp");
}

void test_folder_make_quick(struct test_folder *folder)
{
    if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0)
        make_below(folder, "/dev/shm");
    else
        test_folder_make(folder);
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *ftw)
{
    (void)stat, (void)kind, (void)ftw;
    return remove(path);
}

void test_folder_remove(struct test_folder *folder)
{
    must(nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, "removing", folder->path);
}

void test_file_write(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    must(fd >= 0, "opening", path);
    must(write(fd, data, size) == (ssize_t)size, "writing", path);
    close(fd);
}
