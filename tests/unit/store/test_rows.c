/* Reading S: single rows, pages, whole tables; and no flipped bit changes what is read unseen. */
#include "core/base/hash.h"
#include "core/store/fold.h"
#include "core/store/image.h"
#include "core/store/rows.h"
#include "tests/lib/folder.h"
#include "tests/lib/memory_log.h"
#include "tests/lib/row_feed.h"
#include "tests/lib/segments.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ORDERS = 3000, CELLS = 500, KEYS = 200 };

static struct test_folder folder;

static struct stk_rows *open_rows(int read_only)
{
    struct stk_rows *rows;
    struct stk_error err = {0};
    struct stk_rows_options options = {.folder = folder.path, .read_only = read_only};
    if (stk_rows_open(&rows, &options, &err) != STK_OK)
        fail_msg("%s", err.text);
    return rows;
}

/* Orders 1 to ORDERS of 40 to 140 bytes, a few of several pages, cells, keys. */
static int setup(void **state)
{
    struct memory_log memory;
    struct row_feed feed;
    struct stk_fold *fold;
    uint64_t folded;
    (void)state;
    test_folder_make_quick(&folder);
    memory_log_init(&memory);
    struct stk_log log = memory_log_face(&memory);
    row_feed_init(&feed, &log, 0);
    for (uint64_t i = 1; i <= ORDERS; i++) {
        row_feed_begin(&feed);
        uint32_t size = i % 500 == 0 ? 9000 : 40 + (uint32_t)i % 100;
        row_feed_put_number(&feed, STK_TABLE_ORDER, i, size, 1);
        if (i <= CELLS)
            row_feed_put_number(&feed, STK_TABLE_CELL, i, 40, 2);
        if (i <= KEYS)
            row_feed_put_key(&feed, (struct stk_hash){i * 77, i}, i % 2, "payload", 7);
        row_feed_end(&feed);
        if (i % 1000 == 0)
            row_feed_submit(&feed);
    }
    struct stk_rows *rows = open_rows(0);
    struct stk_fold_options options = {.log = log, .rows = rows, .run_keys = KEYS / 2};
    assert_int_equal(stk_fold_create(&fold, &options, NULL), STK_OK);
    assert_int_equal(stk_fold_step(fold, &folded, NULL), STK_OK);
    stk_fold_destroy(fold);
    stk_rows_close(rows);
    memory_log_fini(&memory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static void test_get(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows(1);
    uint8_t key[8], value[9000], expected[9000];
    struct stk_error err = {0};
    uint32_t size = sizeof(value);
    stk_put_be64(key, 500);
    struct stk_bytes wanted = {(char *)key, 8};
    assert_int_equal(stk_rows_get(rows, STK_TABLE_ORDER, wanted, value, &size, &err), STK_OK);
    assert_int_equal(size, 9000);
    row_feed_value(expected, 500, 9000, 1);
    assert_memory_equal(value, expected, 9000);
    size = 8999;
    assert_int_equal(stk_rows_get(rows, STK_TABLE_ORDER, wanted, value, &size, &err),
                     STK_TOO_LARGE);
    stk_put_be64(key, ORDERS + 1);
    assert_int_equal(stk_rows_get(rows, STK_TABLE_ORDER, wanted, value, &size, &err),
                     STK_NOT_FOUND);
    assert_int_equal(stk_rows_get(rows, STK_TABLE_SKU, wanted, value, &size, &err), STK_NOT_FOUND);
    stk_rows_close(rows);
}

struct page {
    uint64_t first, last, count;
    int stop;
};

static enum stk_status add_to_page(void *arg, struct stk_bytes key, struct stk_bytes value,
                                   struct stk_error *err)
{
    struct page *page = arg;
    struct stk_reader in = stk_reader(key.data, key.size);
    (void)value, (void)err;
    page->last = stk_get_be64(&in);
    if (page->count++ == 0)
        page->first = page->last;
    return page->stop ? STK_AGAIN : STK_OK;
}

static void test_range(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows(1);
    struct page page = {0}, rest = {0}, none = {0}, stopped = {.stop = 1};
    uint8_t key[8];
    struct stk_bytes from = {(char *)key, 8};
    stk_put_be64(key, 100);
    assert_int_equal(stk_rows_range(rows, STK_TABLE_ORDER, from, 50, add_to_page, &page, NULL),
                     STK_OK);
    assert_int_equal(page.first, 100);
    assert_int_equal(page.last, 149);
    stk_put_be64(key, ORDERS - 9);
    assert_int_equal(stk_rows_range(rows, STK_TABLE_ORDER, from, 50, add_to_page, &rest, NULL),
                     STK_OK);
    assert_int_equal(rest.count, 10);
    stk_put_be64(key, ORDERS + 1);
    assert_int_equal(stk_rows_range(rows, STK_TABLE_ORDER, from, 50, add_to_page, &none, NULL),
                     STK_OK);
    assert_int_equal(none.count, 0);
    assert_int_equal(stk_rows_range(rows, STK_TABLE_ORDER, (struct stk_bytes){0}, 50, add_to_page,
                                    &stopped, NULL),
                     STK_AGAIN);
    assert_int_equal(stopped.count, 1);
    assert_int_equal(stopped.first, 1);
    stk_rows_close(rows);
}

static void test_each_and_check(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows(1);
    struct page page = {0}, keys = {0};
    assert_int_equal(stk_rows_each(rows, STK_TABLE_ORDER, add_to_page, &page, NULL), STK_OK);
    assert_int_equal(page.count, ORDERS);
    assert_int_equal(stk_rows_each(rows, STK_TABLE_KEY, add_to_page, &keys, NULL), STK_OK);
    assert_int_equal(keys.count, 0); /* they lie in runs */
    assert_int_equal(stk_rows_check(rows, NULL), STK_OK);
    stk_rows_close(rows);
}

/* A row that is taken out behind the fold's back: each row that is left is sound in itself. */
static void test_a_missing_row_is_found(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows(0);
    struct stk_kv_txn *txn;
    uint8_t key[8];
    struct stk_error err = {0};
    stk_put_be64(key, 42);
    assert_int_equal(stk_kv_begin(rows->kv, 1, &txn, NULL), STK_OK);
    stk_kv_delete(txn, STK_TABLE_ORDER, (struct stk_kv_bytes){key, 8});
    assert_int_equal(stk_kv_commit(txn, NULL), STK_OK);
    assert_int_equal(stk_rows_check(rows, &err), STK_CORRUPT);
    assert_non_null(strstr(err.text, "table order: 2999 rows do not agree with the digest over"));
    stk_rows_close(rows);
}

/* ---- flipped bits ---- */

static enum stk_status add_to_hash(void *arg, struct stk_bytes key, struct stk_bytes value,
                                   struct stk_error *err)
{
    uint64_t *hash = arg;
    (void)err;
    *hash = stk_hash64(key.data, key.size, *hash);
    *hash = stk_hash64(value.data, value.size, *hash);
    return STK_OK;
}

static enum stk_status add_run_key(void *arg, const struct stk_run *run, struct stk_hash key)
{
    uint64_t *hash = arg;
    *hash = stk_hash64(&key, sizeof(key), *hash + run->id);
    return STK_OK;
}

/* A hash over all that can be read; 0: damage was found. */
static uint64_t read_all(void)
{
    uint64_t hash = 1;
    struct stk_rows *rows;
    struct stk_rows_options options = {.folder = folder.path, .read_only = 1, .alone = 1};
    if (stk_rows_open(&rows, &options, NULL) != STK_OK)
        return 0;
    enum stk_status status = stk_rows_check(rows, NULL);
    for (unsigned table = 1; table < STK_TABLE_COUNT && status == STK_OK; table++)
        status = stk_rows_each(rows, table, add_to_hash, &hash, NULL);
    if (status == STK_OK)
        status = stk_rows_each_run_key(rows, add_run_key, &hash, NULL);
    stk_rows_close(rows);
    return status == STK_OK ? hash : 0;
}

static int read_in_child(uint64_t expected)
{
    pid_t child = fork();
    if (child == 0) {
        test_child_begin();
        uint64_t hash = read_all();
        _exit(hash == 0 ? 1 : hash == expected ? 0 : 2);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* R14 for S: found, or in nothing that lives. */
static void test_flipped_bits(void **state)
{
    (void)state;
    unsigned seed = 20261122;
    struct stk_path path;
    uint64_t used, map, expected = read_all();
    const char *more = getenv("TEST_ALL_BITS");
    stk_path_join(&path, folder.path, STK_IMAGE_FILE, NULL);
    struct stk_rows *rows = open_rows(1);
    stk_kv_usage(rows->kv, &used, &map);
    stk_rows_close(rows);
    assert_int_not_equal(expected, 0);
    assert_int_equal(read_in_child(expected), 0);
    int found = 0, count = more ? 4000 : 150;
    for (int i = 0; i < count; i++) {
        uint64_t bit = (((uint64_t)rand_r(&seed) << 31) ^ (uint64_t)rand_r(&seed)) % (used * 8);
        test_flip_bit(path.text, bit);
        int result = read_in_child(expected);
        test_flip_bit(path.text, bit);
        if (result > 1)
            fail_msg("bit %llu changes what is read, unseen", (unsigned long long)bit);
        found += result;
    }
    assert_true(found > count / 3);
    assert_int_equal(read_in_child(expected), 0);
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_get),
        UNIT(test_range),
        UNIT(test_each_and_check),
        UNIT(test_a_missing_row_is_found),
        UNIT(test_flipped_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
