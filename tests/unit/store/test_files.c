/* Durable file work: what is made is there, what cannot be is refused with its name. */
#include "core/store/files.h"
#include "tests/lib/folder.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct test_folder folder;

static int setup(void **state)
{
    (void)state;
    test_folder_make(&folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static struct stk_path at(const char *name)
{
    struct stk_path path;
    assert_int_equal(stk_path_join(&path, folder.path, name, NULL), STK_OK);
    return path;
}

static void test_paths(void **state)
{
    (void)state;
    struct stk_path path;
    char longest[STK_PATH_MAX + 1];
    memset(longest, 'a', sizeof(longest));
    longest[STK_PATH_MAX] = 0;
    assert_int_equal(stk_path_set(&path, longest, NULL), STK_INVALID);
    assert_int_equal(stk_path_set(&path, "", NULL), STK_INVALID);
    longest[STK_PATH_MAX - 1] = 0;
    assert_int_equal(stk_path_set(&path, longest, NULL), STK_OK);
    assert_int_equal(stk_path_join(&path, longest, "b", NULL), STK_TOO_LARGE);
    assert_int_equal(stk_path_join(&path, "a", "b", NULL), STK_OK);
    assert_string_equal(path.text, "a/b");
}

static void test_folders(void **state)
{
    (void)state;
    struct stk_path one = at("one"), deep = at("one/two/three"), two = at("one/two");
    struct stk_path file = at("one/file"), inner = at("one/two/file");
    struct stk_error err = {0};
    assert_int_equal(stk_folder_empty(one.text), -1);
    assert_int_equal(stk_folder_make(one.text, &err), STK_OK);
    assert_int_equal(stk_folder_make(one.text, &err), STK_OK);
    assert_int_equal(stk_folder_empty(one.text), 1);
    assert_int_equal(stk_folder_make(deep.text, &err), STK_IO); /* its parent is not there */
    assert_int_equal(stk_file_put_text(file.text, "x", &err), STK_OK);
    assert_int_equal(stk_folder_empty(one.text), 0);
    assert_int_equal(stk_folder_make(file.text, &err), STK_EXISTS);
    assert_int_equal(stk_folder_make(two.text, &err), STK_OK);
    assert_int_equal(stk_file_put_text(inner.text, "x", &err), STK_OK);
    assert_int_equal(stk_folder_remove(one.text, &err), STK_OK);
    assert_int_equal(stk_folder_remove(one.text, &err), STK_OK);
    assert_int_equal(stk_folder_empty(one.text), -1);
    /* nothing of ours is that deep: hands off */
    const char *chain[] = {"a", "a/b", "a/b/c", "a/b/c/d"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(stk_folder_make(at(chain[i]).text, NULL), STK_OK);
    assert_int_equal(stk_folder_remove(at("a").text, &err), STK_EXISTS);
    assert_int_equal(access(at("a/b/c/d").text, F_OK), 0);
}

static void test_relative_folder(void **state)
{
    (void)state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(folder.path), 0);
    assert_int_equal(stk_folder_make("plain", NULL), STK_OK);
    assert_int_equal(stk_folder_make("plain/inner/", NULL), STK_OK);
    assert_int_equal(stk_folder_empty("plain"), 0);
    assert_int_equal(chdir(before), 0);
}

static void test_lock(void **state)
{
    (void)state;
    int first, second;
    struct stk_error err = {0};
    assert_int_equal(stk_folder_lock(folder.path, &first, &err), STK_OK);
    assert_int_equal(stk_folder_lock(folder.path, &second, &err), STK_STATE);
    assert_int_equal(second, -1);
    close(first);
    assert_int_equal(stk_folder_lock(folder.path, &second, &err), STK_OK);
    close(second);
    assert_int_equal(stk_folder_lock("/nowhere", &second, &err), STK_IO);
}

static void test_text_files(void **state)
{
    (void)state;
    struct stk_path path = at("text"), to = at("renamed");
    char text[16];
    struct stk_error err = {0};
    assert_int_equal(stk_file_get_text(path.text, text, sizeof(text), &err), STK_NOT_FOUND);
    assert_int_equal(stk_file_put_text(path.text, "long before", &err), STK_OK);
    assert_int_equal(stk_file_put_text(path.text, "fifteen letters", &err), STK_OK);
    assert_int_equal(stk_file_get_text(path.text, text, sizeof(text), &err), STK_OK);
    assert_string_equal(text, "fifteen letters");
    assert_int_equal(stk_file_get_text(path.text, text, 15, &err), STK_TOO_LARGE);
    assert_int_equal(stk_file_rename(path.text, to.text, &err), STK_OK);
    assert_int_equal(stk_file_rename(path.text, to.text, &err), STK_IO);
    uint64_t bytes;
    assert_int_equal(stk_file_size(to.text, &bytes, &err), STK_OK);
    assert_int_equal(bytes, 15);
    assert_int_equal(stk_file_sync(to.text, &err), STK_OK);
    assert_int_equal(stk_file_remove(to.text, &err), STK_OK);
    assert_int_equal(stk_file_remove(to.text, &err), STK_OK);
    assert_int_equal(stk_file_size(to.text, &bytes, &err), STK_IO);
    assert_non_null(strstr(err.text, "renamed"));
    assert_int_equal(stk_folder_free_bytes(folder.path, &bytes, &err), STK_OK);
    assert_true(bytes > 0);
}

static void test_hash_and_copy(void **state)
{
    (void)state;
    enum { SIZE = 1000003 };
    struct stk_path path = at("data"), copy = at("copy");
    uint8_t hash[STK_CHAIN_BYTES], again[STK_CHAIN_BYTES];
    uint64_t bytes;
    struct stk_error err = {0};
    char *data = malloc(SIZE);
    for (int i = 0; i < SIZE; i++)
        data[i] = (char)(i * 7 + i / 1000);
    test_file_write(path.text, data, SIZE);
    struct stk_chain *chain = stk_chain_create();
    stk_chain_begin(chain);
    stk_chain_add(chain, data, SIZE);
    stk_chain_end(chain, again);
    stk_chain_destroy(chain);
    assert_int_equal(stk_file_hash(path.text, copy.text, hash, &bytes, &err), STK_OK);
    assert_int_equal(bytes, SIZE);
    assert_memory_equal(hash, again, sizeof(hash));
    assert_int_equal(stk_file_hash(copy.text, NULL, again, &bytes, &err), STK_OK);
    assert_memory_equal(hash, again, sizeof(hash));
    assert_int_equal(stk_file_hash(path.text, copy.text, hash, &bytes, &err), STK_IO);
    assert_non_null(strstr(err.text, "copy"));
    assert_int_equal(stk_file_hash("/nowhere", NULL, hash, &bytes, &err), STK_NOT_FOUND);
    int fd = open("/dev/full", O_WRONLY);
    assert_int_equal(stk_file_write(fd, data, SIZE, &err), STK_NO_SPACE);
    close(fd);
    free(data);
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_paths), UNIT(test_folders),    UNIT(test_relative_folder),
        UNIT(test_lock),  UNIT(test_text_files), UNIT(test_hash_and_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
