/* S on disk: digests that come and go, sealed rows, the head and its damage, a file half made. */
#include "core/store/image.h"
#include "core/store/rows.h"
#include "tests/lib/folder.h"
#include "tests/lib/segments.h"
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
    test_folder_make_quick(&folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static struct stk_rows *open_rows(void)
{
    struct stk_rows *rows;
    struct stk_error err = {0};
    struct stk_rows_options options = {.folder = folder.path, .map_bytes = 4u << 20};
    if (stk_rows_open(&rows, &options, &err) != STK_OK)
        fail_msg("%s", err.text);
    return rows;
}

static void test_digest(void **state)
{
    (void)state;
    struct stk_digest digest = {0};
    struct stk_hash large = {UINT64_MAX, UINT64_MAX}, small = {5, 7};
    stk_digest_add(&digest, large);
    stk_digest_add(&digest, small); /* carries */
    assert_int_equal(digest.count, 2);
    assert_int_equal(digest.sum.low, 4);
    assert_int_equal(digest.sum.high, 7);
    stk_digest_take(&digest, large);
    assert_true(stk_hash_equal(digest.sum, small));
    stk_digest_take(&digest, small);
    assert_int_equal(digest.count, 0);
    assert_int_equal(digest.sum.low | digest.sum.high, 0);
}

static void test_sealed_rows(void **state)
{
    (void)state;
    uint8_t value[40];
    struct stk_kv_bytes key = {"\1\2", 2}, other = {"\1\3", 2}, found = {value, 24};
    struct stk_bytes bytes;
    struct stk_hash hash, again;
    memset(value, 3, sizeof(value));
    hash = stk_image_seal(STK_TABLE_LOCATION, key, value, 20);
    assert_int_equal(stk_image_check(STK_TABLE_LOCATION, key, found, &bytes, &again, NULL), STK_OK);
    assert_true(stk_hash_equal(hash, again));
    assert_int_equal(bytes.size, 20);
    /* under another key, in another table, cut, or with any bit flipped */
    assert_int_equal(stk_image_check(STK_TABLE_LOCATION, other, found, &bytes, &again, NULL),
                     STK_CORRUPT);
    assert_int_equal(stk_image_check(STK_TABLE_SKU, key, found, &bytes, &again, NULL), STK_CORRUPT);
    for (size_t size = 0; size < 24; size++) {
        found.size = size;
        assert_int_equal(stk_image_check(STK_TABLE_LOCATION, key, found, &bytes, &again, NULL),
                         STK_CORRUPT);
    }
    found.size = 24;
    for (int bit = 0; bit < 24 * 8; bit++) {
        value[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(stk_image_check(STK_TABLE_LOCATION, key, found, &bytes, &again, NULL),
                         STK_CORRUPT);
        value[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    /* ARCHIVE keeps its minutes behind the value */
    stk_put_be32(value + 20, 29000000);
    stk_image_seal(STK_TABLE_ARCHIVE, key, value, 24);
    found.size = 28;
    assert_int_equal(stk_image_check(STK_TABLE_ARCHIVE, key, found, &bytes, &again, NULL), STK_OK);
    assert_int_equal(bytes.size, 20);
    assert_int_equal(stk_image_minutes(found), 29000000);
}

static void put_head(struct stk_rows *rows, const struct stk_image_head *head)
{
    struct stk_kv_txn *txn;
    assert_int_equal(stk_kv_begin(rows->kv, 1, &txn, NULL), STK_OK);
    stk_image_put_head(txn, head);
    assert_int_equal(stk_kv_commit(txn, NULL), STK_OK);
}

static void test_head(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows();
    struct stk_image_head head = {
        .folded = 77, .time_ms = -5, .runs_to = 12, .next_run = 9, .dropped_to = {3, 4}};
    assert_int_equal(rows->head.next_run, 1);
    assert_int_equal(stk_rows_folded(rows), 0);
    memset(head.id, 0x5b, sizeof(head.id));
    memset(head.chain, 0x6c, sizeof(head.chain));
    for (unsigned table = 1; table < STK_TABLE_COUNT; table++)
        head.digest[table] = (struct stk_digest){table, {table * 3ull, table * 5ull}};
    put_head(rows, &head);
    stk_rows_close(rows);
    rows = open_rows();
    assert_memory_equal(&rows->head, &head, sizeof(head));
    assert_int_equal(stk_rows_folded(rows), 77);
    stk_rows_close(rows);

    struct stk_path path;
    struct stk_error err = {0};
    struct stk_rows_options options = {.folder = folder.path};
    stk_path_join(&path, folder.path, STK_IMAGE_FILE, NULL);
    uint64_t at = test_find_bytes(path.text, head.id, sizeof(head.id)) - 1;
    for (uint64_t byte = 0; byte < 300; byte += 7) {
        test_flip_bit(path.text, (at + byte) * 8 + 2);
        assert_int_equal(stk_rows_open(&rows, &options, &err), byte ? STK_CORRUPT : STK_VERSION);
        assert_non_null(strstr(err.text, "state: head"));
        test_flip_bit(path.text, (at + byte) * 8 + 2);
    }
    rows = open_rows();
    stk_rows_close(rows);
}

static void test_half_made_file(void **state)
{
    (void)state;
    struct stk_path making, path;
    stk_path_join(&making, folder.path, "state.new", NULL);
    stk_path_join(&path, folder.path, STK_IMAGE_FILE, NULL);
    test_file_write(making.text, "half", 4);
    struct stk_rows *rows = open_rows();
    stk_rows_close(rows);
    assert_int_equal(access(making.text, F_OK), -1);
    assert_int_equal(access(path.text, F_OK), 0);
}

static void test_read_only(void **state)
{
    (void)state;
    struct stk_rows *rows;
    struct stk_error err = {0};
    struct stk_rows_options options = {.folder = folder.path, .read_only = 1, .alone = 1};
    assert_int_equal(stk_rows_open(&rows, &options, &err), STK_NOT_FOUND);
    assert_null(rows);
    stk_rows_close(open_rows());
    assert_int_equal(stk_rows_open(&rows, &options, &err), STK_OK);
    assert_int_equal(stk_rows_check(rows, &err), STK_OK);
    stk_rows_close(rows);
    options.folder = "/nowhere/at/all";
    options.read_only = options.alone = 0;
    assert_int_equal(stk_rows_open(&rows, &options, &err), STK_IO);
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_digest),         UNIT(test_sealed_rows), UNIT(test_head),
        UNIT(test_half_made_file), UNIT(test_read_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
