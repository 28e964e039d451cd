/* The door to LMDB: sticky transactions, cursors, growth, sharing in a process, dead readers. */
#include "core/base/codec.h"
#include "core/store/kv.h"
#include "tests/lib/folder.h"
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MAP (4u << 20)

static const char *const names[] = {"first", "second"};
static struct test_folder folder;
static char path[600];

static struct stk_kv_options options_of(uint64_t map_bytes)
{
    return (struct stk_kv_options){map_bytes, names, 2, 0, 0};
}

static int setup(void **state)
{
    (void)state;
    test_folder_make_quick(&folder);
    snprintf(path, sizeof(path), "%s/env.mdb", folder.path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static struct stk_kv *open_kv(uint64_t map_bytes)
{
    struct stk_kv *kv;
    struct stk_error err = {0};
    struct stk_kv_options options = options_of(map_bytes);
    enum stk_status status = stk_kv_open(&kv, path, &options, &err);
    if (status != STK_OK)
        fail_msg("open: %s", err.text);
    return kv;
}

static struct stk_kv_txn *begin(struct stk_kv *kv, int write)
{
    struct stk_kv_txn *txn;
    assert_int_equal(stk_kv_begin(kv, write, &txn, NULL), STK_OK);
    return txn;
}

struct number {
    uint8_t bytes[8];
};

static struct number number_of(uint64_t value)
{
    struct number number;
    stk_put_be64(number.bytes, value);
    return number;
}

#define KEY(number) ((struct stk_kv_bytes){(number).bytes, 8})

static void put_range(struct stk_kv *kv, uint32_t table, uint64_t from, uint64_t to, size_t size)
{
    struct stk_kv_txn *txn = begin(kv, 1);
    for (uint64_t i = from; i < to; i++) {
        struct number key = number_of(i);
        uint8_t *room = stk_kv_append(txn, table, KEY(key), (struct stk_kv_bytes){NULL, size});
        assert_non_null(room);
        memset(room, (int)i, size);
    }
    assert_int_equal(stk_kv_commit(txn, NULL), STK_OK);
}

static void test_put_get_delete(void **state)
{
    (void)state;
    struct stk_kv *kv = open_kv(MAP);
    struct stk_kv_bytes key = {"key", 3}, other = {"other", 5}, value = {"value", 5}, found;
    struct stk_kv_txn *txn = begin(kv, 1);
    stk_kv_put(txn, 0, key, value);
    assert_int_equal(stk_kv_get(txn, 0, key, &found), STK_OK);
    assert_int_equal(stk_kv_get(txn, 1, key, &found), STK_NOT_FOUND);
    assert_int_equal(stk_kv_get(txn, 0, other, &found), STK_NOT_FOUND);
    assert_int_equal(stk_kv_commit(txn, NULL), STK_OK);

    txn = begin(kv, 1);
    stk_kv_delete(txn, 0, key);
    stk_kv_delete(txn, 0, other);
    stk_kv_abort(txn);
    stk_kv_abort(NULL);

    txn = begin(kv, 0);
    assert_int_equal(stk_kv_get(txn, 0, key, &found), STK_OK);
    assert_int_equal(found.size, 5);
    assert_memory_equal(found.data, "value", 5);
    assert_int_equal(stk_kv_count(txn, 0), 1);
    stk_kv_abort(txn);

    txn = begin(kv, 1);
    stk_kv_delete(txn, 0, key);
    assert_int_equal(stk_kv_commit(txn, NULL), STK_OK);
    stk_kv_close(kv);
    kv = open_kv(0);
    txn = begin(kv, 0);
    assert_int_equal(stk_kv_get(txn, 0, key, &found), STK_NOT_FOUND);
    stk_kv_abort(txn);
    stk_kv_close(kv);
    stk_kv_close(NULL);
}

static void test_first_error_sticks(void **state)
{
    (void)state;
    struct stk_kv *kv = open_kv(MAP);
    struct number five = number_of(5), four = number_of(4), six = number_of(6);
    struct stk_kv_bytes value = {"v", 1}, found;
    struct stk_error err = {0};
    struct stk_kv_txn *txn = begin(kv, 1);
    assert_null(stk_kv_append(txn, 0, KEY(five), value));
    stk_kv_append(txn, 0, KEY(four), value); /* out of order */
    assert_int_not_equal(stk_kv_status(txn, &err), STK_OK);
    assert_non_null(strstr(err.text, "append"));
    stk_kv_put(txn, 0, KEY(six), value);
    assert_int_not_equal(stk_kv_get(txn, 0, KEY(five), &found), STK_OK);
    assert_null(stk_kv_cursor_open(txn, 0));
    /* and none is no cursor with nothing in it, not a fault */
    struct stk_kv_bytes key;
    assert_int_equal(stk_kv_last(NULL, &key, &found), 0);
    assert_null(stk_kv_cursor_put(NULL, KEY(six), (struct stk_kv_bytes){NULL, 3}, 1));
    assert_null(stk_kv_cursor_replace(NULL, KEY(six), (struct stk_kv_bytes){NULL, 3}));
    stk_kv_cursor_delete(NULL);
    assert_int_not_equal(stk_kv_commit(txn, &err), STK_OK);
    txn = begin(kv, 0);
    assert_int_equal(stk_kv_count(txn, 0), 0);
    stk_kv_abort(txn);
    stk_kv_close(kv);
}

static void test_cursor(void **state)
{
    (void)state;
    struct stk_kv *kv = open_kv(MAP);
    struct stk_kv_bytes key, value, none = {0};
    put_range(kv, 0, 10, 20, 50);
    struct stk_kv_txn *txn = begin(kv, 1);
    struct stk_kv_cursor *cursor = stk_kv_cursor_open(txn, 0);
    struct number at = number_of(15);
    assert_int_equal(stk_kv_seek(cursor, none, &key, &value), 1);
    assert_memory_equal(key.data, number_of(10).bytes, 8);
    assert_int_equal(stk_kv_find(cursor, KEY(at), &value), 1);
    assert_int_equal(((const uint8_t *)value.data)[0], 15);
    stk_kv_cursor_delete(cursor);
    assert_int_equal(stk_kv_find(cursor, KEY(at), &value), 0);
    assert_int_equal(stk_kv_seek(cursor, KEY(at), &key, &value), 1);
    assert_memory_equal(key.data, number_of(16).bytes, 8);
    assert_int_equal(stk_kv_previous(cursor, &key, &value), 1);
    assert_memory_equal(key.data, number_of(14).bytes, 8);
    stk_kv_cursor_put(cursor, KEY(at), (struct stk_kv_bytes){"back", 4}, 0);
    assert_int_equal(stk_kv_next(cursor, &key, &value), 1);
    assert_memory_equal(key.data, number_of(16).bytes, 8);
    assert_int_equal(stk_kv_last(cursor, &key, &value), 1);
    assert_memory_equal(key.data, number_of(19).bytes, 8);
    assert_int_equal(stk_kv_next(cursor, &key, &value), 0);
    at = number_of(20);
    uint8_t *room = stk_kv_cursor_put(cursor, KEY(at), (struct stk_kv_bytes){NULL, 3}, 1);
    assert_non_null(room);
    memcpy(room, "end", 3);
    assert_int_equal(stk_kv_seek(cursor, KEY(at), &key, &value), 1);
    at = number_of(21);
    assert_int_equal(stk_kv_seek(cursor, KEY(at), &key, &value), 0);
    stk_kv_cursor_close(cursor);
    assert_int_equal(stk_kv_count(txn, 0), 11);
    stk_kv_clear(txn, 0);
    assert_int_equal(stk_kv_count(txn, 0), 0);
    assert_int_equal(stk_kv_commit(txn, NULL), STK_OK);
    stk_kv_cursor_close(NULL);
    stk_kv_close(kv);
}

static void test_full_map_grows(void **state)
{
    (void)state;
    struct stk_kv *kv = open_kv(1u << 20);
    struct stk_error err = {0};
    uint64_t used, map;
    put_range(kv, 0, 0, 100, 4000);
    struct stk_kv_txn *txn = begin(kv, 1);
    struct number key = number_of(200);
    stk_kv_append(txn, 0, KEY(key), (struct stk_kv_bytes){NULL, 900000});
    assert_int_equal(stk_kv_commit(txn, &err), STK_FULL);
    stk_kv_usage(kv, &used, &map);
    assert_int_equal(map, 1u << 20);
    assert_true(used > 400000 && used < 1u << 20);

    struct stk_kv_txn *reader = begin(kv, 0);
    assert_int_equal(stk_kv_grow(kv, 2u << 20, &err), STK_BUSY);
    stk_kv_abort(reader);
    assert_int_equal(stk_kv_grow(kv, 2u << 20, &err), STK_OK);
    put_range(kv, 0, 200, 201, 900000);
    stk_kv_usage(kv, &used, &map);
    assert_int_equal(map, 2u << 20);
    stk_kv_close(kv);
    kv = open_kv(0); /* the size was kept in the file */
    stk_kv_usage(kv, &used, &map);
    assert_int_equal(map, 2u << 20);
    stk_kv_close(kv);
}

static void test_what_is_no_environment(void **state)
{
    (void)state;
    struct stk_kv *kv;
    struct stk_error err = {0};
    struct stk_kv_options options = options_of(MAP);
    options.read_only = 1;
    assert_int_equal(stk_kv_open(&kv, path, &options, &err), STK_NOT_FOUND);
    assert_null(kv);
    char junk[9000];
    memset(junk, 'x', sizeof(junk));
    test_file_write(path, junk, sizeof(junk));
    assert_int_equal(stk_kv_open(&kv, path, &options, &err), STK_CORRUPT);
    options.read_only = 0;
    assert_int_equal(stk_kv_open(&kv, path, &options, &err), STK_CORRUPT);
    test_file_write(path, junk, 100);
    assert_int_equal(stk_kv_open(&kv, path, &options, &err), STK_CORRUPT);
    assert_int_equal(stk_kv_open(&kv, "/nowhere/at/all", &options, &err), STK_NOT_FOUND);
}

static void test_read_only_and_absent_table(void **state)
{
    (void)state;
    static const char *const more[] = {"first", "second", "third"};
    struct stk_kv *kv = open_kv(MAP);
    put_range(kv, 0, 0, 3, 10);
    stk_kv_close(kv);
    struct stk_kv_options options = {0, more, 3, 1, 1};
    char lock[700];
    snprintf(lock, sizeof(lock), "%s" STK_KV_LOCK_SUFFIX, path);
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(stk_kv_open(&kv, path, &options, NULL), STK_OK);
    struct stk_kv_txn *txn = begin(kv, 0);
    struct stk_kv_bytes key, value, none = {0};
    assert_int_equal(stk_kv_count(txn, 0), 3);
    assert_int_equal(stk_kv_count(txn, 2), 0);
    assert_int_equal(stk_kv_get(txn, 2, (struct stk_kv_bytes){"k", 1}, &value), STK_NOT_FOUND);
    struct stk_kv_cursor *cursor = stk_kv_cursor_open(txn, 2);
    assert_non_null(cursor);
    assert_int_equal(stk_kv_seek(cursor, none, &key, &value), 0);
    stk_kv_cursor_close(cursor);
    stk_kv_abort(txn);
    stk_kv_close(kv);
    assert_int_equal(access(lock, F_OK), -1); /* alone: leaves nothing behind */
}

static void test_shared_within_a_process(void **state)
{
    (void)state;
    struct stk_kv *kv = open_kv(MAP), *again, *odd;
    put_range(kv, 0, 0, 3, 10);
    struct stk_kv_options options = options_of(0);
    options.read_only = 1;
    assert_int_equal(stk_kv_open(&again, path, &options, NULL), STK_OK);
    assert_ptr_equal(again, kv);
    options.tables_count = 1;
    struct stk_error err = {0};
    assert_int_equal(stk_kv_open(&odd, path, &options, &err), STK_STATE);
    stk_kv_close(kv);
    struct stk_kv_txn *txn = begin(again, 0); /* lives on for the second user */
    assert_int_equal(stk_kv_count(txn, 0), 3);
    stk_kv_abort(txn);
    stk_kv_close(again);
}

static void test_child_opens_its_own(void **state)
{
    (void)state;
    struct stk_kv *kv = open_kv(MAP);
    put_range(kv, 0, 0, 3, 10);
    pid_t child = fork();
    if (child == 0) {
        struct stk_kv *own;
        struct stk_kv_txn *txn;
        struct stk_kv_options options = options_of(0);
        options.read_only = 1;
        int good = stk_kv_open(&own, path, &options, NULL) == STK_OK && own != kv &&
                   stk_kv_begin(own, 0, &txn, NULL) == STK_OK && stk_kv_count(txn, 0) == 3;
        _exit(good ? 0 : 1); /* the read transaction is left open on purpose */
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    /* pages are used again only when the dead child's reader slot is cleared */
    uint64_t before, after, map;
    stk_kv_clear_stale_readers(kv);
    for (int i = 0; i < 300; i++) {
        struct stk_kv_txn *txn = begin(kv, 1);
        stk_kv_put(txn, 0, (struct stk_kv_bytes){"k", 1}, (struct stk_kv_bytes){&i, sizeof(i)});
        assert_int_equal(stk_kv_commit(txn, NULL), STK_OK);
        if (i == 20)
            stk_kv_usage(kv, &before, &map);
    }
    stk_kv_usage(kv, &after, &map);
    assert_int_equal(before, after);
    stk_kv_close(kv);
}

static void test_reader_slots_end(void **state)
{
    (void)state;
    enum { MANY = 200 };
    static struct stk_kv_txn *txns[MANY];
    struct stk_kv *kv = open_kv(MAP);
    struct stk_error err = {0};
    int count = 0;
    enum stk_status status = STK_OK;
    while (count < MANY && (status = stk_kv_begin(kv, 0, &txns[count], &err)) == STK_OK)
        count++;
    assert_int_equal(status, STK_BUSY);
    assert_true(count >= 100);
    for (int i = 0; i < count; i++)
        stk_kv_abort(txns[i]);
    stk_kv_abort(begin(kv, 0));
    stk_kv_close(kv);
}

static void test_copy(void **state)
{
    (void)state;
    struct stk_kv *kv = open_kv(MAP), *copy;
    put_range(kv, 1, 0, 1000, 100);
    char copy_path[700];
    snprintf(copy_path, sizeof(copy_path), "%s/copy.mdb", folder.path);
    int fd = open(copy_path, O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(stk_kv_copy(kv, fd, NULL), STK_OK);
    close(fd);
    put_range(kv, 1, 1000, 1001, 100);
    struct stk_kv_options options = options_of(0);
    options.read_only = options.alone = 1;
    assert_int_equal(stk_kv_open(&copy, copy_path, &options, NULL), STK_OK);
    struct stk_kv_txn *txn = begin(copy, 0);
    assert_int_equal(stk_kv_count(txn, 1), 1000);
    stk_kv_abort(txn);
    stk_kv_close(copy);
    fd = open(copy_path, O_RDONLY);
    struct stk_error err = {0};
    assert_int_equal(stk_kv_copy(kv, fd, &err), STK_IO); /* cannot be written */
    close(fd);
    stk_kv_close(kv);
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_put_get_delete),
        UNIT(test_first_error_sticks),
        UNIT(test_cursor),
        UNIT(test_full_map_grows),
        UNIT(test_what_is_no_environment),
        UNIT(test_read_only_and_absent_table),
        UNIT(test_shared_within_a_process),
        UNIT(test_child_opens_its_own),
        UNIT(test_reader_slots_end),
        UNIT(test_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
