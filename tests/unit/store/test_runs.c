/* Runs: every key that left KEY is found, once, with its newest value, until its window ends. */
#include "core/store/fold.h"
#include "core/store/image.h"
#include "core/store/runs.h"
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

#include <cmocka.h>

static struct test_folder folder;
static struct memory_log memory;
static struct stk_log log_face;
static struct row_feed feed;

static int setup(void **state)
{
    (void)state;
    test_folder_make_quick(&folder);
    memory_log_init(&memory);
    log_face = memory_log_face(&memory);
    row_feed_init(&feed, &log_face, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    memory_log_fini(&memory);
    test_folder_remove(&folder);
    return 0;
}

static struct stk_rows *open_rows(void)
{
    struct stk_rows *rows;
    struct stk_error err = {0};
    struct stk_rows_options options = {.folder = folder.path};
    if (stk_rows_open(&rows, &options, &err) != STK_OK)
        fail_msg("%s", err.text);
    return rows;
}

static struct stk_hash key_of(uint64_t number)
{
    return stk_hash128(&number, sizeof(number), 9);
}

static void feed_key(uint64_t number, uint8_t class_)
{
    row_feed_begin(&feed);
    row_feed_put_key(&feed, key_of(number), class_, &number, sizeof(number));
    row_feed_end(&feed);
}

static void fold(struct stk_rows *rows, uint32_t run_keys)
{
    struct stk_fold *folder_of_rows;
    struct stk_error err = {0};
    uint64_t folded;
    struct stk_fold_options options = {.log = log_face, .rows = rows, .run_keys = run_keys};
    row_feed_submit(&feed);
    assert_int_equal(stk_fold_create(&folder_of_rows, &options, NULL), STK_OK);
    if (stk_fold_step(folder_of_rows, &folded, &err) != STK_OK)
        fail_msg("%s", err.text);
    stk_fold_destroy(folder_of_rows);
}

static enum stk_status find(struct stk_rows *rows, uint64_t number, uint64_t *payload)
{
    stk_seq_t seq;
    uint8_t value[200];
    uint32_t size = sizeof(value);
    enum stk_status status = stk_rows_find_key(rows, key_of(number), &seq, value, &size, NULL);
    if (status == STK_OK)
        memcpy(payload, value + size - sizeof(*payload), sizeof(*payload));
    return status;
}

static void test_nothing(void **state)
{
    (void)state;
    uint64_t payload;
    struct stk_rows *rows = open_rows();
    assert_int_equal(find(rows, 1, &payload), STK_NOT_FOUND);
    assert_int_equal(stk_rows_each_run_key(rows, NULL, NULL, NULL), STK_OK);
    stk_rows_close(rows);
}

struct seen {
    uint64_t count[2];
    uint32_t ids[2];
};

static enum stk_status see(void *arg, const struct stk_run *run, struct stk_hash key)
{
    struct seen *seen = arg;
    (void)key;
    seen->count[run->class]++;
    seen->ids[run->class] = run->id;
    return STK_OK;
}

static void test_both_classes(void **state)
{
    (void)state;
    uint64_t payload;
    struct stk_rows *rows = open_rows();
    for (uint64_t i = 1; i <= 3000; i++)
        feed_key(i, i % 3 == 0);
    fold(rows, 3000);
    for (int again = 0; again < 2; again++) {
        struct seen seen = {0};
        for (uint64_t i = 1; i <= 3000; i++) {
            assert_int_equal(find(rows, i, &payload), STK_OK);
            assert_int_equal(payload, i);
        }
        assert_int_equal(find(rows, 3001, &payload), STK_NOT_FOUND);
        assert_int_equal(stk_rows_each_run_key(rows, see, &seen, NULL), STK_OK);
        assert_int_equal(seen.count[0], 2000);
        assert_int_equal(seen.count[1], 1000);
        assert_int_not_equal(seen.ids[0], seen.ids[1]);
        stk_rows_close(rows); /* and the same after a restart */
        rows = open_rows();
    }
    stk_seq_t seq;
    uint8_t small[4];
    uint32_t size = sizeof(small);
    struct stk_error err = {0};
    assert_int_equal(stk_rows_find_key(rows, key_of(1), &seq, small, &size, &err), STK_TOO_LARGE);
    stk_rows_close(rows);
}

static enum stk_status stop(void *arg, const struct stk_run *run, struct stk_hash key)
{
    (void)arg, (void)run, (void)key;
    return STK_FULL;
}

/* The same key twice in one run, then in a later run: the newest answers. */
static void test_the_newest_answers(void **state)
{
    (void)state;
    stk_seq_t seq;
    uint8_t value[100];
    uint32_t size = sizeof(value);
    struct stk_rows *rows = open_rows();
    for (uint8_t i = 1; i <= 4; i++) {
        for (uint64_t k = 100; k < 110; k++)
            feed_key(k * i, 0);
        row_feed_begin(&feed);
        row_feed_put_key(&feed, key_of(7), 0, &i, 1);
        row_feed_end(&feed);
        if (i < 3)
            continue;
        fold(rows, i == 3 ? 33 : 11);
        assert_int_equal(rows->runs_count, i - 2);
        assert_int_equal(rows->runs[0].count, 31); /* the key that came three times is there once */
        size = sizeof(value);
        assert_int_equal(stk_rows_find_key(rows, key_of(7), &seq, value, &size, NULL), STK_OK);
        assert_int_equal(value[size - 1], i);
    }
    assert_int_equal(stk_rows_check(rows, NULL), STK_OK);
    assert_int_equal(stk_rows_each_run_key(rows, stop, NULL, NULL), STK_FULL);
    stk_rows_close(rows);
}

/* Keys whose hashes share their first half are told apart by the second. */
static void test_hashes_that_begin_alike(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows();
    for (uint64_t i = 500; i > 0; i--) {
        row_feed_begin(&feed);
        row_feed_put_key(&feed, (struct stk_hash){42, i * 0x9e3779b97f4a7c15ull}, i % 2, &i, 8);
        row_feed_end(&feed);
    }
    fold(rows, 500);
    for (uint64_t i = 1; i <= 500; i++) {
        stk_seq_t seq;
        uint8_t value[100];
        uint32_t size = sizeof(value);
        struct stk_hash key = {42, i * 0x9e3779b97f4a7c15ull};
        assert_int_equal(stk_rows_find_key(rows, key, &seq, value, &size, NULL), STK_OK);
        assert_int_equal(seq, 501 - i);
        assert_memory_equal(value + size - 8, &i, 8);
    }
    stk_rows_close(rows);
}

static void test_damaged_list_is_refused(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows();
    for (uint64_t i = 1; i <= 10; i++)
        feed_key(i, 0);
    fold(rows, 10);
    struct stk_kv_txn *txn;
    uint8_t key[4], junk[41] = {0};
    stk_put_be32(key, 1);
    assert_int_equal(stk_kv_begin(rows->kv, 1, &txn, NULL), STK_OK);
    stk_kv_put(txn, STK_IMAGE_RUNS, (struct stk_kv_bytes){key, 4},
               (struct stk_kv_bytes){junk, sizeof(junk)});
    assert_int_equal(stk_kv_commit(txn, NULL), STK_OK);
    stk_rows_close(rows);
    struct stk_error err = {0};
    struct stk_rows_options options = {.folder = folder.path};
    assert_int_equal(stk_rows_open(&rows, &options, &err), STK_CORRUPT);
    assert_non_null(strstr(err.text, "runs: an entry is damaged"));
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_nothing),
        UNIT(test_both_classes),
        UNIT(test_the_newest_answers),
        UNIT(test_hashes_that_begin_alike),
        UNIT(test_damaged_list_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
