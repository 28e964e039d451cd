/* Restoring: to a sequence, to a time, with what survived of the journal; each result equals what
 * the original was at that point. */
#include "core/base/fault.h"
#include "core/store/backup.h"
#include "core/store/files.h"
#include "core/store/image.h"
#include "core/store/restore.h"
#include "tests/lib/folder.h"
#include "tests/lib/segments.h"
#include "tests/lib/store_pair.h"
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
static char data[600], target[600], restored[600];
static struct store_pair pair;

static int setup(void **state)
{
    (void)state;
    test_folder_make_quick(&folder);
    snprintf(data, sizeof(data), "%s/data", folder.path);
    snprintf(target, sizeof(target), "%s/backup", folder.path);
    snprintf(restored, sizeof(restored), "%s/restored", folder.path);
    store_pair_open(&pair, data);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stk_fault_init(NULL, NULL);
    if (pair.journal)
        store_pair_close(&pair);
    test_folder_remove(&folder);
    return 0;
}

static void backup(void)
{
    struct stk_backup_result result;
    struct stk_error err = {0};
    if (stk_backup_make(pair.journal, pair.rows, target, &result, &err) != STK_OK)
        fail_msg("%s", err.text);
}

static enum stk_status restore(const char *journal, stk_seq_t seq, stk_time_t ms,
                               struct stk_error *err)
{
    struct stk_backup_result result;
    return stk_restore(target, journal, seq, ms, restored, &result, err);
}

/* The hash of a folder that was fed as the original was, up to `last`. */
static uint64_t reference(stk_seq_t last)
{
    struct store_pair other;
    char path[600];
    snprintf(path, sizeof(path), "%s/reference", folder.path);
    store_pair_open(&other, path);
    store_pair_feed(&other, (int)(last / 10));
    if (last % 10) { /* the first records of one more batch */
        other.feed.now_ms += 1000;
        for (stk_seq_t i = 0; i < last % 10; i++) {
            row_feed_begin(&other.feed);
            row_feed_put_number(&other.feed, STK_TABLE_ORDER, other.feed.next, 100, 1);
            row_feed_put_number(&other.feed, STK_TABLE_CELL, other.feed.next % 100, 30,
                                (uint8_t)other.feed.next);
            if (other.feed.next % 3 == 0)
                row_feed_put_key(&other.feed,
                                 (struct stk_hash){other.feed.next * 7777, other.feed.next}, 0,
                                 &other.feed.next, sizeof(other.feed.next));
            row_feed_end(&other.feed);
        }
        row_feed_submit(&other.feed);
        store_pair_feed(&other, 0);
    }
    uint64_t hash = store_pair_hash(&other);
    store_pair_close(&other);
    assert_int_equal(stk_folder_remove(path, NULL), STK_OK);
    return hash;
}

/* The restored folder is a normal one: it opens, holds what it should, and goes on. */
static void expect_restored(stk_seq_t last)
{
    struct store_pair other;
    store_pair_open(&other, restored);
    assert_int_equal(other.log.durable(other.log.self), last);
    assert_int_equal(store_pair_hash(&other), reference(last));
    store_pair_feed(&other, 3);
    assert_int_equal(other.log.durable(other.log.self), last + 30);
    store_pair_fold(&other);
    store_pair_close(&other);
    struct stk_journal_report report;
    struct stk_error err = {0};
    if (stk_journal_verify(other.journal_folder, &report, &err) != STK_OK)
        fail_msg("%s", err.text);
    assert_int_equal(report.last, last + 30);
    store_pair_open(&other, restored); /* and opens again */
    store_pair_close(&other);
    assert_int_equal(stk_folder_remove(restored, NULL), STK_OK);
}

static void must(enum stk_status status, const struct stk_error *err)
{
    if (status != STK_OK)
        fail_msg("%s", err->text);
}

/* 1,000 folded, up to 1,500 in the backup, up to 2,000 in the journal. */
static void fill(void)
{
    store_pair_feed(&pair, 100);
    store_pair_fold(&pair);
    store_pair_feed(&pair, 50);
    backup();
    store_pair_feed(&pair, 50);
}

static void test_the_backup_as_it_is(void **state)
{
    (void)state;
    struct stk_error err = {0};
    fill();
    must(restore(NULL, 0, 0, &err), &err);
    expect_restored(1500);
    /* into an empty folder too */
    assert_int_equal(stk_folder_make(restored, NULL), STK_OK);
    must(restore(NULL, 0, 0, &err), &err);
    expect_restored(1500);
}

static void test_to_a_sequence(void **state)
{
    (void)state;
    struct stk_error err = {0};
    static const stk_seq_t ends[] = {1000, 1001, 1009, 1010, 1234, 1499, 1500};
    fill();
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        must(restore(NULL, ends[i], 0, &err), &err);
        expect_restored(ends[i]);
    }
    assert_int_equal(restore(NULL, 999, 0, &err), STK_TOO_OLD);
    assert_non_null(strstr(err.text, "holds effects up to 1000 already"));
    assert_int_equal(restore(NULL, 1501, 0, &err), STK_NOT_FOUND);
    assert_non_null(strstr(err.text, "the journal ends at sequence 1500"));
    assert_int_equal(access(restored, F_OK), -1);
}

static void test_with_what_survived(void **state)
{
    (void)state;
    struct stk_error err = {0};
    fill();
    must(restore(pair.journal_folder, 0, 0, &err), &err); /* beside the running engine */
    expect_restored(2000);
    must(restore(pair.journal_folder, 1777, 0, &err), &err);
    expect_restored(1777);
    must(restore(pair.journal_folder, 1200, 0, &err), &err);
    expect_restored(1200);
    assert_int_equal(restore(pair.journal_folder, 2001, 0, &err), STK_NOT_FOUND);
}

static void test_to_a_time(void **state)
{
    (void)state;
    struct stk_error err = {0};
    fill(); /* batch n has the time 1,000,000 + 1,000 n ms */
    must(restore(pair.journal_folder, 0, 1000000 + 120 * 1000, &err), &err);
    expect_restored(1200);
    must(restore(pair.journal_folder, 0, 1000000 + 121 * 1000 - 1, &err), &err);
    expect_restored(1200);
    must(restore(pair.journal_folder, 0, 1000000 + 900 * 1000, &err), &err);
    expect_restored(2000);
    assert_int_equal(restore(pair.journal_folder, 0, 1000000 + 99 * 1000, &err), STK_TOO_OLD);
}

static void test_a_stranger_does_not_survive(void **state)
{
    (void)state;
    struct store_pair other;
    struct stk_error err = {0};
    char path[600];
    fill();
    snprintf(path, sizeof(path), "%s/other", folder.path);
    store_pair_open(&other, path);
    store_pair_feed(&other, 200);
    assert_int_equal(restore(other.journal_folder, 0, 0, &err), STK_CORRUPT);
    assert_non_null(strstr(err.text, "is not the journal of this backup"));
    store_pair_close(&other);
    /* the same journal, gone another way after the backup's end */
    must(restore(NULL, 0, 0, &err), &err);
    store_pair_open(&other, restored);
    other.feed.now_ms += 5;
    store_pair_feed(&other, 10);
    store_pair_close(&other);
    char branch[700];
    snprintf(branch, sizeof(branch), "%s", other.journal_folder);
    struct stk_backup_result result;
    char mixed[600];
    snprintf(mixed, sizeof(mixed), "%s/mixed", folder.path);
    must(stk_restore(target, branch, 0, 0, mixed, &result, &err), &err); /* of one history */
    assert_int_equal(result.last, 1600);
}

static void test_refusals(void **state)
{
    (void)state;
    struct stk_error err = {0};
    char file[700];
    fill();
    assert_int_equal(stk_folder_make(restored, NULL), STK_OK);
    snprintf(file, sizeof(file), "%s/something", restored);
    test_file_write(file, "x", 1);
    assert_int_equal(restore(NULL, 0, 0, &err), STK_EXISTS);
    assert_int_equal(access(file, F_OK), 0);
    unlink(file);
    snprintf(file, sizeof(file), "%s/state.mdb", target);
    test_flip_bit(file, 300000);
    assert_int_equal(restore(NULL, 0, 0, &err), STK_CORRUPT);
    assert_non_null(strstr(err.text, "state.mdb: its SHA-256 is another one"));
    assert_int_equal(stk_folder_empty(restored), 1);
    test_flip_bit(file, 300000);
    stk_fault_init("restore.before_rename:1:error", NULL);
    assert_int_equal(restore(NULL, 0, 0, &err), STK_IO);
    assert_int_equal(stk_folder_empty(restored), 1);
    must(restore(NULL, 0, 0, &err), &err);
    expect_restored(1500);
}

static void test_rebuild(void **state)
{
    (void)state;
    struct stk_error err = {0};
    char file[700];
    fill();
    uint64_t hash = store_pair_hash(&pair);
    assert_int_equal(stk_state_rebuild(data, &err), STK_STATE); /* it runs */
    store_pair_close(&pair);
    /* damaged, then gone */
    snprintf(file, sizeof(file), "%s/state/state.mdb", data);
    for (int i = 0; i < 2; i++) {
        if (i == 0)
            test_file_write(file, "rubbish", 7);
        else
            assert_int_equal(unlink(file), 0);
        must(stk_state_rebuild(data, &err), &err);
        store_pair_open(&pair, data);
        assert_int_equal(stk_rows_folded(pair.rows), 2000 + 10 * i);
        assert_int_equal(store_pair_hash(&pair), hash);
        store_pair_feed(&pair, 1);
        store_pair_fold(&pair);
        hash = store_pair_hash(&pair);
        store_pair_close(&pair);
        unlink(file);
        must(stk_state_rebuild(data, &err), &err);
    }
    pair.journal = NULL;
    /* from a journal that does not reach back to the first effect */
    char state_folder[700];
    struct stk_backup_result result;
    must(stk_restore(target, NULL, 0, 0, restored, &result, &err), &err);
    snprintf(state_folder, sizeof(state_folder), "%s/state", restored);
    assert_int_equal(stk_folder_remove(state_folder, NULL), STK_OK);
    assert_int_equal(stk_state_rebuild(restored, &err), STK_TOO_OLD);
    assert_non_null(strstr(err.text, "begins at sequence 991"));
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_the_backup_as_it_is),
        UNIT(test_to_a_sequence),
        UNIT(test_with_what_survived),
        UNIT(test_to_a_time),
        UNIT(test_a_stranger_does_not_survive),
        UNIT(test_refusals),
        UNIT(test_rebuild),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
