/* Making runs: when, of what, in parts, and killed between any two of them. */
#include "core/base/fault.h"
#include "core/store/build.h"
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

static struct test_folder folder;
static struct memory_log memory;
static struct stk_log log_face;
static struct row_feed feed;

static struct {
    struct stk_run run[64];
    int dropped[64];
    int count;
} told;

static void on_run(void *arg, const struct stk_run *run, int dropped)
{
    (void)arg;
    assert_true(told.count < 64);
    told.run[told.count] = *run;
    told.dropped[told.count++] = dropped;
}

static int setup(void **state)
{
    (void)state;
    test_folder_make_quick(&folder);
    memory_log_init(&memory);
    log_face = memory_log_face(&memory);
    row_feed_init(&feed, &log_face, 0);
    told.count = 0;
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
        if (i % 5000 == 4999)
            row_feed_submit(&feed);
    }
    row_feed_submit(&feed);
}

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

static void all_found(struct stk_rows *rows, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i<to; i += to - from> 5000 ? 7 : 1) {
        stk_seq_t seq;
        uint8_t value[100];
        uint32_t size = sizeof(value);
        if (stk_rows_find_key(rows, key_of(i), &seq, value, &size, NULL) != STK_OK)
            fail_msg("key %llu is not found", (unsigned long long)i);
        assert_memory_equal(value + size - 8, &i, 8);
    }
}

static uint64_t key_rows(struct stk_rows *rows)
{
    struct stk_kv_txn *txn;
    assert_int_equal(stk_kv_begin(rows->kv, 0, &txn, NULL), STK_OK);
    uint64_t count = stk_kv_count(txn, STK_TABLE_KEY);
    stk_kv_abort(txn);
    return count;
}

static void test_when_enough_have_gathered(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows();
    struct stk_fold_options options = {.run_keys = 1000};
    feed_keys(0, 999, 0);
    step(rows, &options);
    assert_int_equal(told.count, 0);
    assert_int_equal(key_rows(rows), 999);
    feed_keys(999, 2500, 0);
    step(rows, &options);
    assert_int_equal(told.count, 2);
    assert_int_equal(told.run[0].first, 1);
    assert_int_equal(told.run[0].last, 1000);
    assert_int_equal(told.run[0].count, 1000);
    assert_int_equal(told.run[0].class, 0);
    assert_int_equal(told.run[0].newest_ms, feed.now_ms);
    assert_int_equal(told.run[1].first, 1001);
    assert_int_equal(told.run[1].last, 2000);
    assert_int_equal(told.run[1].id, told.run[0].id + 1);
    assert_int_equal(key_rows(rows), 500); /* the rest waits, the others are deleted */
    assert_int_equal(rows->head.digest[STK_TABLE_KEY].count, 500);
    all_found(rows, 0, 2000);
    assert_int_equal(stk_rows_check(rows, NULL), STK_OK);
    stk_rows_close(rows);
}

static struct stk_bytes id_of(uint32_t number, char text[16])
{
    return (struct stk_bytes){text, (uint32_t)snprintf(text, 16, "c-%u", number)};
}

/* A row that has no key, but what makes it: space, source and id. */
static void feed_made_key(unsigned space, uint32_t number)
{
    uint8_t seq[8], value[100], *at = value;
    char text[16];
    struct stk_bytes id = id_of(number, text);
    stk_put_be64(seq, feed.next);
    *at++ = 1;
    *at++ = (uint8_t)(space << 1);
    at = stk_put_zigzag(at, feed.now_ms);
    at = stk_put_hash(at, (struct stk_hash){number, 1});
    *at++ = 0; /* status, verb */
    *at++ = 9;
    at = stk_put_bytes(at, "shop", 4);
    at = stk_put_bytes(at, id.data, id.size);
    *at++ = 0; /* answer */
    row_feed_begin(&feed);
    row_feed_put(&feed, STK_TABLE_KEY, seq, value, (uint32_t)(at - value));
    row_feed_end(&feed);
}

static void test_keys_made_of_source_and_id(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows();
    struct stk_fold_options options = {.run_keys = 200};
    for (uint32_t i = 0; i < 200; i++)
        feed_made_key(1 + i % 2, i);
    row_feed_submit(&feed);
    step(rows, &options);
    assert_int_equal(told.count, 1);
    for (uint32_t i = 0; i < 200; i++) {
        uint8_t value[100];
        char text[16];
        stk_seq_t seq = 0;
        uint32_t size = sizeof value;
        struct stk_bytes source = {"shop", 4}, id = id_of(i, text);
        struct stk_hash key = stk_hash_key(1 + i % 2, source, id);
        assert_int_equal(stk_rows_find_key(rows, key, &seq, value, &size, NULL), STK_OK);
        assert_int_equal(seq, i + 1);
        key = stk_hash_key(2 - i % 2, source, id); /* the other space */
        assert_int_equal(stk_rows_find_key(rows, key, &seq, value, &size, NULL), STK_NOT_FOUND);
    }
    stk_rows_close(rows);
}

static void test_when_the_oldest_is_old(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows();
    struct stk_fold_options options = {.run_keys = 1000, .run_age_ms = 60000};
    feed_keys(0, 10, 0);
    step(rows, &options);
    assert_int_equal(told.count, 0);
    feed.now_ms += 59999;
    feed_keys(10, 20, 1);
    step(rows, &options);
    assert_int_equal(told.count, 0);
    feed.now_ms += 1;
    feed_keys(20, 30, 0);
    step(rows, &options);
    assert_int_equal(told.count, 2); /* one of each class, over the same span */
    assert_int_equal(told.run[0].class, 0);
    assert_int_equal(told.run[0].count, 20);
    assert_int_equal(told.run[0].last, 30);
    assert_int_equal(told.run[1].class, 1);
    assert_int_equal(told.run[1].count, 10);
    assert_int_equal(told.run[1].first, 11);
    all_found(rows, 0, 30);
    /* and the next ones wait their own time */
    feed_keys(30, 40, 0);
    step(rows, &options);
    assert_int_equal(told.count, 2);
    stk_rows_close(rows);
}

static void test_many_parts(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows();
    struct stk_fold_options options = {.run_keys = 110000};
    feed_keys(0, 110000, 0);
    step(rows, &options);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.run[0].count, 110000);
    assert_int_equal(key_rows(rows), 0);
    all_found(rows, 0, 110000);
    assert_int_equal(stk_rows_check(rows, NULL), STK_OK);
    stk_rows_close(rows);
}

static void killed_at(const char *spec)
{
    pid_t child = fork();
    if (child == 0) {
        struct stk_fold_options options = {.run_keys = 60000};
        stk_fault_init(spec, NULL);
        step(open_rows(), &options);
        _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        fail_msg("%s was not reached", spec);
}

/* Before the run is registered its keys are in KEY, after that in the run; never in none. */
static void test_killed_between_parts(void **state)
{
    (void)state;
    static const char *const points[] = {"fold.run_part:1:kill", "fold.run_part:2:kill",
                                         "fold.run_before_register:1:kill",
                                         "fold.run_registered:1:kill"};
    struct stk_fold_options options = {.run_keys = 60000};
    for (int i = 0; i < 4; i++) {
        teardown(state), setup(state);
        feed_keys(0, 70000, 0);
        killed_at(points[i]);
        struct stk_rows *rows = open_rows();
        assert_int_equal(stk_rows_check(rows, NULL), STK_OK);
        assert_int_equal(rows->runs_count, i == 3);
        assert_int_equal(rows->head.digest[STK_TABLE_KEY].count, i == 3 ? 10000 : 70000);
        struct stk_kv_txn *txn; /* what was half made is cleared */
        assert_int_equal(stk_kv_begin(rows->kv, 0, &txn, NULL), STK_OK);
        assert_int_equal(stk_kv_count(txn, STK_IMAGE_RUN), i == 3 ? 60000 : 0);
        stk_kv_abort(txn);
        step(rows, &options);
        assert_int_equal(told.count, i == 3 ? 0 : 1);
        assert_int_equal(key_rows(rows), 10000);
        all_found(rows, 0, 60000);
        assert_int_equal(stk_rows_check(rows, NULL), STK_OK);
        stk_rows_close(rows);
    }
}

static void test_too_large_runs_are_refused(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows();
    struct stk_fold *fold;
    struct stk_error err = {0};
    struct stk_fold_options options = {
        .log = log_face, .rows = rows, .run_keys = STK_RUN_KEYS_MAX + 1};
    assert_int_equal(stk_fold_create(&fold, &options, &err), STK_INVALID);
    assert_null(fold);
    stk_rows_close(rows);
}

static void test_a_damaged_key_row_stops_it(void **state)
{
    (void)state;
    struct stk_rows *rows = open_rows();
    struct stk_fold *fold;
    struct stk_error err = {0};
    uint64_t folded;
    uint8_t key[8], value[18] = {1};
    row_feed_begin(&feed);
    stk_put_be64(key, 1);
    row_feed_put(&feed, STK_TABLE_KEY, key, value, sizeof(value)); /* no time behind the class */
    row_feed_end(&feed);
    row_feed_submit(&feed);
    struct stk_fold_options options = {.log = log_face, .rows = rows, .run_keys = 1};
    assert_int_equal(stk_fold_create(&fold, &options, NULL), STK_OK);
    assert_int_equal(stk_fold_step(fold, &folded, &err), STK_CORRUPT);
    assert_non_null(strstr(err.text, "table key: row 1 is damaged"));
    stk_fold_destroy(fold);
    stk_rows_close(rows);
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_when_enough_have_gathered),  UNIT(test_keys_made_of_source_and_id),
        UNIT(test_when_the_oldest_is_old),     UNIT(test_many_parts),
        UNIT(test_killed_between_parts),       UNIT(test_a_damaged_key_row_stops_it),
        UNIT(test_too_large_runs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
