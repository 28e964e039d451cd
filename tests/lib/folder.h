/* A folder of its own for a test, below TMPDIR or /tmp, removed with all that is in it. */
#ifndef STK_TESTS_FOLDER_H
#define STK_TESTS_FOLDER_H

#include <stddef.h>

struct test_folder {
    char path[512];
};
void test_folder_make(struct test_folder *folder); /* aborts the test when it cannot */
void test_folder_remove(struct test_folder *folder);
/* Replace a file's contents. */
void test_file_write(const char *path, const void *data, size_t size);

#endif
