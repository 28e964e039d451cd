/* The slower work: windows, archived orders, merges that nobody outside notices, kills in between.
 */
#include "core/base/fault.h"
#include "core/store/compact.h"
#include "core/store/fold.h"
#include "tests/lib/folder.h"
#include "tests/lib/memory_log.h"
#include "tests/lib/row_feed.h"
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

#define HOUR 3600000ll

static struct test_folder folder;
static struct memory_log memory;
static struct stk_log log_face;
static struct row_feed feed;
static int made, dropped;
static struct stk_run last_dropped;

static void on_run(void *arg, const struct stk_run *run, int is_dropped)
{
    (void)arg;
    made += !is_dropped;
    dropped += is_dropped;
    if (is_dropped)
        last_dropped = *run;
}

static int setup(void **state)
{
    (void)state;
    test_folder_make_quick(&folder);
    memory_log_init(&memory);
    log_face = memory_log_face(&memory);
    row_feed_init(&feed, &log_face, 0);
    made = dropped = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stk_fault_init(NULL, NULL);
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

static void feed_keys(uint64_t from, uint64_t to, uint8_t class_)
{
    for (uint64_t i = from; i < to; i++) {
        row_feed_begin(&feed);
        row_feed_put_key(&feed, key_of(i), class_, &i, sizeof(i));
        row_feed_end(&feed);
    }
    row_feed_submit(&feed);
}

static const struct stk_fold_options usual = {
    .run_keys = 100, .key_window_ms = 24 * HOUR, .order_window_ms = 100 * HOUR};

static void step(struct stk_rows *rows, const struct stk_fold_options *given)
{
    struct stk_fold *fold;
    struct stk_error err = {0};
    struct stk_fold_options options = *given;
    uint64_t folded = 1;
    options.log = log_face;
    options.rows = rows;
    options.on_run = on_run;
    assert_int_equal(stk_fold_create(&fold, &options, NULL), STK_OK);
    while (folded)
        if (stk_fold_step(fold, &folded, &err) != STK_OK)
            fail_msg("%s", err.text);
    stk_fold_destroy(fold);
}

static int is_found(struct stk_rows *rows, uint64_t number)
{
    stk_seq_t seq;
    uint8_t value[100];
    uint32_t size = sizeof(value);
    return stk_rows_find_key(rows, key_of(number), &seq, value, &size, NULL) == STK_OK &&
           memcmp(value + size - 8, &number, 8) == 0;
}

static void sound(struct stk_rows *rows)
{
    struct stk_error err = {0};
    if (stk_rows_check(rows, &err) != STK_OK)
        fail_msg("%s", err.text);
}

static void test_windows(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows();
    for (uint64_t hour = 0; hour < 30; hour++) { /* a run of class 0 an hour, one of class 1 */
        feed_keys(hour * 100, hour * 100 + 60, 0);
        feed_keys(hour * 100 + 60, hour * 100 + 100, 1);
        step(rows, &usual);
        feed.now_ms += HOUR;
    }
    /* it is hour 29 now; beyond the window of 24 are the runs of hours 0 to 4 */
    assert_int_equal(made, 60);
    assert_int_equal(dropped, 5);
    assert_int_equal(last_dropped.class, 0);
    assert_int_equal(last_dropped.last, 460);
    assert_false(is_found(rows, 0));
    assert_false(is_found(rows, 459));
    assert_true(is_found(rows, 460)); /* of class 1 */
    assert_true(is_found(rows, 500));
    sound(rows);
    stk_rows_close(rows);
    rows = open_rows();
    assert_int_equal(rows->runs_count, 55);
    assert_false(is_found(rows, 459));
    feed.now_ms += 200 * HOUR;
    feed_keys(100000, 100001, 0);
    step(rows, &usual);
    assert_int_equal(rows->runs_count, 0);
    assert_int_equal(rows->tables_count, 0);
    assert_false(is_found(rows, 2999));
    sound(rows);
    stk_rows_close(rows);
}

/* With more runs than may stay apart: they are merged, each keeps its id and its end. */
static void test_merges_are_not_noticed(void **state)
{
    (void)state;
    enum { RUNS = STK_RUN_TABLES_KEPT * 2 };
    struct stk_rows *rows = open_rows();
    struct stk_fold_options options = usual;
    options.key_window_ms = 1000 * HOUR;
    for (uint64_t i = 0; i < RUNS; i++) {
        feed_keys(i * 100, i * 100 + 100, 0);
        step(rows, &options);
        feed.now_ms += HOUR;
    }
    assert_int_equal(made, RUNS);
    assert_int_equal(dropped, 0);
    assert_int_equal(rows->runs_count, RUNS);
    assert_int_equal(rows->tables_count, STK_RUN_TABLES_KEPT);
    for (uint64_t i = 0; i < RUNS * 100; i++)
        assert_true(is_found(rows, i));
    sound(rows);
    /* the first ten end: inside a merged table */
    feed.now_ms += 1000 * HOUR - RUNS * HOUR + 9 * HOUR + 1;
    feed_keys(1000000, 1000001, 0);
    step(rows, &options);
    assert_int_equal(dropped, 10);
    assert_false(is_found(rows, 999));
    assert_true(is_found(rows, 1000));
    sound(rows);
    stk_rows_close(rows);
    rows = open_rows();
    assert_false(is_found(rows, 999));
    assert_true(is_found(rows, 1000));
    stk_rows_close(rows);
}

/* A key that came again lies in two runs; when they are merged, the newer one stays. */
static void test_merges_keep_the_newer(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows();
    for (uint64_t i = 0; i <= STK_RUN_TABLES_KEPT; i++) {
        row_feed_begin(&feed);
        row_feed_put_key(&feed, key_of(7777), 0, &i, sizeof(i));
        row_feed_end(&feed);
        feed_keys(i * 100, i * 100 + 99, 0);
        step(rows, &usual);
    }
    assert_int_equal(rows->tables_count, STK_RUN_TABLES_KEPT);
    /* those that were merged are the oldest or any others: look at each table alone */
    int found = 0;
    for (uint32_t i = 0; i < rows->tables_count; i++) {
        struct stk_kv_txn *txn;
        struct stk_kv_bytes value;
        uint8_t key[16];
        stk_put_hash(key, key_of(7777));
        assert_int_equal(stk_kv_begin(rows->kv, 0, &txn, NULL), STK_OK);
        assert_int_equal(stk_kv_get(txn, STK_IMAGE_RUN + rows->tables[i].number,
                                    (struct stk_kv_bytes){key, 16}, &value),
                         STK_OK);
        struct stk_reader in = stk_reader(value.data, value.size);
        stk_seq_t seq = stk_get_be64(&in);
        stk_kv_abort(txn);
        assert_true(seq >= rows->tables[i].first && seq <= rows->tables[i].last);
        if (rows->tables[i].digest.count > 100) { /* of two runs: the key of the second */
            assert_int_equal(seq, rows->tables[i].first + 100);
            assert_int_equal(rows->tables[i].digest.count, 199);
            found++;
        }
    }
    assert_int_equal(found, 1);
    sound(rows);
    stk_rows_close(rows);
}

static enum stk_status count_keys(void *arg, const struct stk_run *run, struct stk_hash key)
{
    uint64_t *count = arg;
    (void)run, (void)key;
    ++*count;
    return STK_OK;
}

/* Merged tables span a part of the window only, or nothing would ever be dropped whole. */
static void test_merges_stay_within_their_span(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows();
    struct stk_fold_options options = usual;
    for (uint64_t i = 0; i < 400; i++) { /* six runs an hour, a window of 24 hours */
        feed_keys(i * 100, i * 100 + 100, 0);
        step(rows, &options);
        feed.now_ms += HOUR / 6;
        assert_true(rows->tables_count <= STK_RUN_TABLES_KEPT + 1);
    }
    assert_true(rows->runs_count <= 24 * 6 + 1);
    uint64_t live = 0;
    assert_int_equal(stk_rows_each_run_key(rows, count_keys, &live, NULL), STK_OK);
    assert_int_equal(live, rows->runs_count * 100);
    uint64_t stored = 0;
    for (uint32_t i = 0; i < rows->tables_count; i++)
        stored += rows->tables[i].digest.count;
    assert_true(stored <= live + live / 4);
    sound(rows);
    stk_rows_close(rows);
}

static void killed_at(const char *spec)
{
    pid_t child = fork();
    if (child == 0) {
        stk_fault_init(spec, NULL);
        step(open_rows(), &usual);
        _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        fail_msg("%s was not reached", spec);
}

static void test_killed_while_merging_and_dropping(void **state)
{
    (void)state;
    static const char *const points[] = {"fold.merge_part:1:kill", "fold.merged:1:kill",
                                         "fold.run_dropped:1:kill"};
    struct stk_rows *rows = open_rows();
    for (uint64_t i = 0; i <= STK_RUN_TABLES_KEPT; i++) {
        feed_keys(i * 100, i * 100 + 100, 0);
        if (i < STK_RUN_TABLES_KEPT)
            step(rows, &usual);
        feed.now_ms += 1000;
    }
    stk_rows_close(rows);
    for (int i = 0; i < 3; i++) {
        if (i == 1)
            feed_keys(10000, 10100, 0);
        if (i == 2) {
            feed.now_ms += 24 * HOUR - 39 * 1000; /* the first ones end */
            feed_keys(20000, 20001, 0);
        }
        killed_at(points[i]);
        rows = open_rows();
        sound(rows);
        for (uint64_t k = i == 2 ? 1000 : 0; k < STK_RUN_TABLES_KEPT * 100; k++)
            assert_true(is_found(rows, k));
        assert_int_equal(is_found(rows, 0), i < 2);
        step(rows, &usual);
        assert_true(rows->tables_count <= STK_RUN_TABLES_KEPT);
        sound(rows);
        stk_rows_close(rows);
    }
}

static uint64_t archived(struct stk_rows *rows)
{
    return rows->head.digest[STK_TABLE_ARCHIVE].count;
}

/* Orders leave the archive by when they came into it, not by their number. */
static void test_archive(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows();
    uint8_t key[8], value[64];
    uint32_t size = sizeof(value);
    for (uint64_t i = 0; i < 200; i++) {
        /* number 3 stays open for long */
        uint64_t number = i == 199 ? 3 : i + (i >= 3);
        row_feed_begin(&feed);
        row_feed_put_number(&feed, STK_TABLE_ARCHIVE, number, 50, 1);
        row_feed_end(&feed);
        feed.now_ms += HOUR;
        row_feed_submit(&feed);
        step(rows, &usual);
    }
    /* it is hour 199; what came before hour 99 is gone */
    assert_int_equal(archived(rows), 101);
    sound(rows);
    stk_put_be64(key, 3);
    struct stk_bytes wanted = {(char *)key, 8};
    assert_int_equal(stk_rows_get(rows, STK_TABLE_ARCHIVE, wanted, value, &size, NULL), STK_OK);
    assert_int_equal(size, 50);
    stk_put_be64(key, 99);
    assert_int_equal(stk_rows_get(rows, STK_TABLE_ARCHIVE, wanted, value, &size, NULL),
                     STK_NOT_FOUND);
    stk_put_be64(key, 100);
    assert_int_equal(stk_rows_get(rows, STK_TABLE_ARCHIVE, wanted, value, &size, NULL), STK_OK);
    /* for ever when no window is given */
    struct stk_fold_options options = usual;
    options.order_window_ms = 0;
    feed.now_ms += 10000 * HOUR;
    row_feed_begin(&feed);
    row_feed_put_number(&feed, STK_TABLE_SKU, 1, 50, 1);
    row_feed_end(&feed);
    row_feed_submit(&feed);
    step(rows, &options);
    assert_int_equal(archived(rows), 101);
    stk_rows_close(rows);
}

/* A sweep goes on where it stopped, over more rows than one portion takes. */
static void test_large_archive(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows();
    for (uint64_t i = 0; i < 30000; i++) {
        row_feed_begin(&feed);
        row_feed_put_number(&feed, STK_TABLE_ARCHIVE, i, 20, 1);
        row_feed_end(&feed);
        if (i == 20000)
            feed.now_ms += 90 * HOUR;
        if (i % 10000 == 9999)
            row_feed_submit(&feed);
    }
    step(rows, &usual);
    assert_int_equal(archived(rows), 30000);
    feed.now_ms += 20 * HOUR;
    feed_keys(1, 2, 0);
    step(rows, &usual);
    assert_int_equal(archived(rows), 9999);
    sound(rows);
    stk_rows_close(rows);
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_windows),
        UNIT(test_merges_are_not_noticed),
        UNIT(test_merges_keep_the_newer),
        UNIT(test_merges_stay_within_their_span),
        UNIT(test_killed_while_merging_and_dropping),
        UNIT(test_archive),
        UNIT(test_large_archive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
