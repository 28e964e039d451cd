/* A folder of its own for a test, below TMPDIR or /tmp, removed with all that is in it. */
#ifndef STK_TESTS_FOLDER_H
#define STK_TESTS_FOLDER_H

#include <stddef.h>

struct test_folder {
    char path[512];
};
void test_folder_make(struct test_folder *folder); /* aborts the test when it cannot */
/* In memory where the system has that: for tests of logic, which need no disk to wait for. */
void test_folder_make_quick(struct test_folder *folder);
void test_folder_remove(struct test_folder *folder);
/* Replace a file's contents. */
void test_file_write(const char *path, const void *data, size_t size);

#endif
