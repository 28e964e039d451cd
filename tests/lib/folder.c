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

void test_folder_make(struct test_folder *folder)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder->path, sizeof(folder->path), "%s/stk-test-XXXXXX", base ? base : "/tmp");
    must(mkdtemp(folder->path) != NULL, "making", folder->path);
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
