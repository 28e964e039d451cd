/* The fold against a model that keeps every row in an array: after any mixture of rows, folds,
 * restarts and kills, S reads as the model and its digests agree. */
#include "core/base/fault.h"
#include "core/base/mem.h"
#include "core/store/fold.h"
#include "tests/lib/folder.h"
#include "tests/lib/memory_log.h"
#include "tests/lib/row_feed.h"
#include "tests/lib/segments.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct test_folder folder;
static char path[600];

static int setup(void **state)
{
    (void)state;
    test_folder_make_quick(&folder);
    snprintf(path, sizeof(path), "%s/state", folder.path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stk_fault_init(NULL, NULL);
    test_folder_remove(&folder);
    return 0;
}

static struct stk_rows *open_rows(uint64_t map_bytes)
{
    struct stk_rows *rows;
    struct stk_error err = {0};
    struct stk_rows_options options = {.folder = path, .map_bytes = map_bytes};
    if (stk_rows_open(&rows, &options, &err) != STK_OK)
        fail_msg("%s", err.text);
    return rows;
}

static struct stk_fold *make_fold(struct stk_rows *rows, const struct stk_log *log)
{
    struct stk_fold *fold;
    struct stk_fold_options options = {.log = *log, .rows = rows, .pause_ms = 5};
    assert_int_equal(stk_fold_create(&fold, &options, NULL), STK_OK);
    return fold;
}

static void step(struct stk_fold *fold)
{
    struct stk_error err = {0};
    uint64_t folded;
    if (stk_fold_step(fold, &folded, &err) != STK_OK)
        fail_msg("step: %s", err.text);
}

static void sound(struct stk_rows *rows)
{
    struct stk_error err = {0};
    if (stk_rows_check(rows, &err) != STK_OK)
        fail_msg("check: %s", err.text);
}

/* ---- the model ---- */

enum { NUMBERS = 300, TABLES = 5 };
static const uint8_t tables[TABLES] = {STK_TABLE_ORDER, STK_TABLE_CELL, STK_TABLE_MOVEMENT,
                                       STK_TABLE_ARCHIVE, STK_TABLE_EARLY};
struct cell {
    uint32_t size; /* 0 = no row */
    uint8_t salt;
};
struct model {
    struct cell cells[TABLES][NUMBERS];
};

struct comparison {
    const struct model *model;
    int table;
    uint64_t next;
};

static enum stk_status compare_row(void *arg, struct stk_bytes key, struct stk_bytes value,
                                   struct stk_error *err)
{
    struct comparison *comparison = arg;
    const struct cell *cells = comparison->model->cells[comparison->table];
    uint8_t expected[9000], expected_key[STK_KEY_MAX];
    while (comparison->next < NUMBERS && cells[comparison->next].size == 0)
        comparison->next++;
    if (comparison->next == NUMBERS)
        return stk_error_set(err, STK_INTERNAL, "a row too many");
    const struct cell *cell = &cells[comparison->next];
    row_feed_key(expected_key, tables[comparison->table], comparison->next);
    row_feed_value(expected, comparison->next, cell->size, cell->salt);
    comparison->next++;
    if (value.size != cell->size || memcmp(value.data, expected, cell->size) != 0 ||
        memcmp(key.data, expected_key, key.size) != 0)
        return stk_error_set(err, STK_INTERNAL, "row %llu is another one",
                             (unsigned long long)comparison->next - 1);
    return STK_OK;
}

static void compare(struct stk_rows *rows, const struct model *model)
{
    for (int i = 0; i < TABLES; i++) {
        struct comparison comparison = {model, i, 0};
        struct stk_error err = {0};
        if (stk_rows_each(rows, tables[i], compare_row, &comparison, &err) != STK_OK)
            fail_msg("%s: %s", stk_table_name(tables[i]), err.text);
        while (comparison.next < NUMBERS && model->cells[i][comparison.next].size == 0)
            comparison.next++;
        assert_int_equal(comparison.next, NUMBERS);
    }
}

static void random_record(struct row_feed *feed, struct model *model, unsigned *seed,
                          unsigned *grown)
{
    row_feed_begin(feed);
    for (int rows = rand_r(seed) % 6; rows >= 0; rows--) {
        int table = rand_r(seed) % TABLES;
        uint64_t number = (uint64_t)rand_r(seed) % NUMBERS;
        if (rand_r(seed) % 2) /* as new orders do: numbers that grow */
            number = (*grown)++ / 4 % NUMBERS;
        struct cell *cell = &model->cells[table][number];
        uint8_t salt = (uint8_t)rand_r(seed);
        uint32_t size = 1 + (uint32_t)rand_r(seed) % (rand_r(seed) % 20 ? 200 : 8000);
        if (cell->size && rand_r(seed) % 3 == 0)
            size = cell->size; /* in place */
        if (rand_r(seed) % 4 == 0) {
            row_feed_delete_number(feed, tables[table], number);
            *cell = (struct cell){0};
        } else {
            row_feed_put_number(feed, tables[table], number, size, salt);
            *cell = (struct cell){size, salt};
        }
    }
    row_feed_end(feed);
}

static void test_against_model(void **state)
{
    (void)state;
    struct memory_log memory;
    struct row_feed feed;
    static struct model model;
    unsigned seed = 20261122, grown = 0;
    memory_log_init(&memory);
    struct stk_log log = memory_log_face(&memory);
    row_feed_init(&feed, &log, 0);
    memset(&model, 0, sizeof(model));
    struct stk_rows *rows = open_rows(0);
    struct stk_fold *fold = make_fold(rows, &log);
    for (int round = 0; round < 150; round++) {
        for (int i = rand_r(&seed) % 40; i >= 0; i--) {
            feed.now_ms += 10;
            random_record(&feed, &model, &seed, &grown);
        }
        row_feed_submit(&feed);
        if (rand_r(&seed) % 3 == 0)
            continue; /* several batches in one fold */
        step(fold);
        assert_int_equal(stk_rows_folded(rows), feed.next - 1);
        if (round % 10 == 0)
            compare(rows, &model);
        if (round % 25 == 0) {
            stk_fold_destroy(fold);
            stk_rows_close(rows);
            rows = open_rows(0);
            fold = make_fold(rows, &log);
            assert_int_equal(stk_rows_folded(rows), feed.next - 1);
        }
    }
    step(fold);
    compare(rows, &model);
    sound(rows);
    stk_fold_destroy(fold);
    stk_rows_close(rows);
    memory_log_fini(&memory);
}

/* One cell changed 20,000 times is one row; each fold takes no more of J than it may. */
static void test_hot_row_and_bounds(void **state)
{
    (void)state;
    struct memory_log memory;
    struct row_feed feed;
    memory_log_init(&memory);
    struct stk_log log = memory_log_face(&memory);
    row_feed_init(&feed, &log, 0);
    struct stk_rows *rows = open_rows(0);
    struct stk_fold *fold;
    struct stk_fold_options options = {.log = log, .rows = rows, .batch_bytes_max = 100000};
    assert_int_equal(stk_fold_create(&fold, &options, NULL), STK_OK);
    for (int i = 0; i < 20000; i++) {
        row_feed_begin(&feed);
        row_feed_put_number(&feed, STK_TABLE_CELL, 77, 40, (uint8_t)i);
        row_feed_end(&feed);
        if (i % 100 == 99)
            row_feed_submit(&feed);
    }
    uint64_t folded, total = 0;
    int folds = 0;
    do {
        assert_int_equal(stk_fold_step(fold, &folded, NULL), STK_OK);
        total += folded;
        folds += folded != 0;
        assert_true(folded <= 100000 / 40 + 100);
    } while (folded);
    assert_int_equal(total, 20000);
    assert_true(folds > 8);
    struct stk_fold *none;
    struct stk_error err = {0};
    options.batch_bytes_max = STK_FOLD_BYTES_MAX + 1;
    assert_int_equal(stk_fold_create(&none, &options, &err), STK_INVALID);
    assert_null(none);
    struct stk_fold_stats stats;
    stk_fold_stats(fold, &stats);
    assert_int_equal(stats.folds, folds);
    assert_int_equal(stats.effects, 20000);
    assert_int_equal(stats.rows, folds); /* one a fold */
    uint8_t key[STK_KEY_MAX], value[40], expected[40];
    uint32_t size = sizeof(value);
    row_feed_key(key, STK_TABLE_CELL, 77);
    row_feed_value(expected, 77, 40, (uint8_t)19999);
    assert_int_equal(
        stk_rows_get(rows, STK_TABLE_CELL, (struct stk_bytes){(char *)key, 6}, value, &size, NULL),
        STK_OK);
    assert_memory_equal(value, expected, 40);
    sound(rows);
    stk_fold_destroy(fold);
    stk_rows_close(rows);
    memory_log_fini(&memory);
}

/* The map begins far too small and grows as it is needed. */
static void test_map_grows(void **state)
{
    (void)state;
    struct memory_log memory;
    struct row_feed feed;
    memory_log_init(&memory);
    struct stk_log log = memory_log_face(&memory);
    row_feed_init(&feed, &log, 0);
    struct stk_rows *rows = open_rows(2u << 20);
    struct stk_fold *fold = make_fold(rows, &log);
    for (uint64_t i = 1; i <= 12000; i++) {
        row_feed_begin(&feed);
        row_feed_put_number(&feed, STK_TABLE_ORDER, i, 1000, 1);
        row_feed_end(&feed);
        if (i % 4000 == 0) {
            row_feed_submit(&feed); /* 4 MB at once into a map of 2 */
            step(fold);
        }
    }
    struct stk_fold_stats stats;
    stk_fold_stats(fold, &stats);
    assert_true(stats.state_bytes > 12u << 20);
    sound(rows);
    stk_fold_destroy(fold);
    stk_rows_close(rows);
    rows = open_rows(2u << 20);
    sound(rows);
    assert_int_equal(stk_rows_folded(rows), 12000);
    stk_rows_close(rows);
    memory_log_fini(&memory);
}

static void test_damage_in_the_journal_stops_it(void **state)
{
    (void)state;
    struct memory_log memory;
    memory_log_init(&memory);
    struct stk_log log = memory_log_face(&memory);
    struct stk_rows *rows = open_rows(0);
    struct stk_fold *fold = make_fold(rows, &log);
    struct stk_batch *batch = log.take(log.self);
    stk_batch_reset(batch, 1);
    memcpy(stk_batch_record_open(batch), "\x01\x01\x00\x00\x10\x02KK\x02V", 10);
    stk_batch_record_close(batch, 10, 1);
    log.submit(log.self, batch);
    struct stk_error err = {0};
    uint64_t folded;
    assert_int_equal(stk_fold_step(fold, &folded, &err), STK_CORRUPT);
    assert_non_null(strstr(err.text, "effect 1"));
    assert_int_equal(stk_rows_folded(rows), 0);
    stk_fold_destroy(fold);
    stk_rows_close(rows);
    memory_log_fini(&memory);
}

/* A log that leaves out what it was asked for first. */
static enum stk_status read_later(void *self, stk_seq_t from, stk_batch_fn fn, void *arg,
                                  struct stk_error *err)
{
    struct stk_log whole = memory_log_face(self);
    return whole.read(self, from + 20, fn, arg, err);
}

static void feed_orders(struct row_feed *feed, int batches);

static void test_a_gap_stops_it(void **state)
{
    (void)state;
    struct memory_log memory;
    struct row_feed feed;
    memory_log_init(&memory);
    struct stk_log log = memory_log_face(&memory);
    row_feed_init(&feed, &log, 0);
    feed_orders(&feed, 3);
    struct stk_rows *rows = open_rows(0);
    log.read = read_later;
    struct stk_fold *fold = make_fold(rows, &log);
    struct stk_error err = {0};
    uint64_t folded;
    assert_int_equal(stk_fold_step(fold, &folded, &err), STK_CORRUPT);
    assert_non_null(strstr(err.text, "the journal goes on at 21 after 0"));
    assert_int_equal(stk_rows_folded(rows), 0);
    stk_fold_destroy(fold);
    stk_rows_close(rows);
    memory_log_fini(&memory);
}

/* ---- the thread ---- */

struct watch {
    _Atomic stk_seq_t folded;
    _Atomic int fatal;
    struct stk_error err;
};

static void on_folded(void *arg, stk_seq_t seq)
{
    struct watch *watch = arg;
    atomic_store(&watch->folded, seq);
}

static void on_fatal(void *arg, const struct stk_error *err)
{
    struct watch *watch = arg;
    watch->err = *err;
    atomic_store(&watch->fatal, 1);
}

static void sleep_ms(int ms)
{
    struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&span, NULL);
}

static struct stk_journal *start_journal(void)
{
    static char journal_path[600];
    struct stk_journal *journal;
    snprintf(journal_path, sizeof(journal_path), "%s/journal", folder.path);
    struct stk_journal_options options = {.folder = journal_path,
                                          .segment_bytes = STK_SEGMENT_BYTES_MIN};
    assert_int_equal(stk_journal_open(&journal, &options, NULL), STK_OK);
    assert_int_equal(stk_journal_start(journal, NULL), STK_OK);
    return journal;
}

static void feed_orders(struct row_feed *feed, int batches)
{
    for (int b = 0; b < batches; b++) {
        for (int i = 0; i < 20; i++) {
            row_feed_begin(feed);
            row_feed_put_number(feed, STK_TABLE_ORDER, feed->next, 100, 1);
            row_feed_put_number(feed, STK_TABLE_CELL, feed->next % 50, 40, (uint8_t)feed->next);
            row_feed_end(feed);
        }
        row_feed_submit(feed);
    }
}

static void test_thread_beside_the_journal(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct row_feed feed;
    struct stk_journal *journal = start_journal();
    struct stk_log log = stk_journal_log(journal);
    struct stk_rows *rows = open_rows(0);
    struct stk_fold *fold;
    struct stk_fold_options options = {.log = log,
                                       .rows = rows,
                                       .pause_ms = 10,
                                       .on_folded = on_folded,
                                       .on_fatal = on_fatal,
                                       .arg = &watch};
    assert_int_equal(stk_rows_follow(rows, journal, NULL), STK_OK);
    assert_int_equal(stk_fold_create(&fold, &options, NULL), STK_OK);
    assert_int_equal(stk_fold_start(fold, NULL), STK_OK);
    row_feed_init(&feed, &log, 0);
    feed_orders(&feed, 200);
    for (int i = 0; i < 5000 && atomic_load(&watch.folded) < 4000; i++)
        sleep_ms(1);
    assert_int_equal(atomic_load(&watch.folded), 4000);
    feed_orders(&feed, 5);
    stk_fold_wake(fold);
    stk_journal_stop(journal);
    stk_fold_stop(fold, 1); /* the rest too */
    assert_int_equal(stk_rows_folded(rows), 4100);
    assert_int_equal(atomic_load(&watch.fatal), 0);
    stk_fold_destroy(fold);
    sound(rows);
    assert_int_equal(stk_rows_follow(rows, journal, NULL), STK_OK);
    stk_rows_close(rows);
    stk_journal_close(journal);
}

static void test_fatal_once_and_nothing_after(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct memory_log memory;
    struct row_feed feed;
    memory_log_init(&memory);
    struct stk_log log = memory_log_face(&memory);
    row_feed_init(&feed, &log, 0);
    feed_orders(&feed, 1);
    struct stk_rows *rows = open_rows(0);
    struct stk_fold *fold;
    struct stk_fold_options options = {
        .log = log, .rows = rows, .pause_ms = 1, .on_fatal = on_fatal, .arg = &watch};
    stk_fault_init("fold.in_commit:1:error", NULL);
    assert_int_equal(stk_fold_create(&fold, &options, NULL), STK_OK);
    assert_int_equal(stk_fold_start(fold, NULL), STK_OK);
    for (int i = 0; i < 5000 && !atomic_load(&watch.fatal); i++)
        sleep_ms(1);
    assert_int_equal(atomic_load(&watch.fatal), 1);
    assert_int_equal(watch.err.status, STK_IO);
    stk_fold_stop(fold, 1);
    assert_int_equal(stk_rows_folded(rows), 0);
    stk_fold_destroy(fold);
    stk_rows_close(rows);
    memory_log_fini(&memory);
}

/* ---- kills ---- */

/* Killed at each point of a fold: what was folded before stays, and the next fold goes on. */
static void test_kill_and_go_on(void **state)
{
    (void)state;
    static const char *const points[] = {"fold.before_commit", "fold.in_commit",
                                         "fold.after_commit"};
    struct memory_log memory;
    struct row_feed feed;
    memory_log_init(&memory);
    struct stk_log log = memory_log_face(&memory);
    row_feed_init(&feed, &log, 0);
    stk_seq_t before = 0;
    for (int i = 0; i < 3; i++) {
        char spec[80];
        snprintf(spec, sizeof(spec), "%s:1:kill", points[i]);
        feed_orders(&feed, 3);
        pid_t child = fork();
        if (child == 0) {
            stk_fault_init(spec, NULL);
            struct stk_rows *rows = open_rows(0);
            step(make_fold(rows, &log));
            _exit(1);
        }
        int status = 0;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        struct stk_rows *rows = open_rows(0);
        assert_int_equal(stk_rows_folded(rows), i == 2 ? feed.next - 1 : before);
        sound(rows);
        struct stk_fold *fold = make_fold(rows, &log);
        step(fold);
        before = stk_rows_folded(rows);
        assert_int_equal(before, feed.next - 1);
        sound(rows);
        stk_fold_destroy(fold);
        stk_rows_close(rows);
    }
    memory_log_fini(&memory);
}

/* ---- S and J ---- */

static void expect_refused(struct stk_rows *rows, struct stk_journal *journal, const char *word)
{
    struct stk_error err = {0};
    assert_int_equal(stk_rows_follow(rows, journal, &err), STK_CORRUPT);
    if (!strstr(err.text, word))
        fail_msg("\"%s\" does not say \"%s\"", err.text, word);
}

static void fold_all(struct stk_rows *rows, struct stk_journal *journal)
{
    struct stk_log log = stk_journal_log(journal);
    struct stk_fold *fold = make_fold(rows, &log);
    while (!log.idle(log.self))
        sleep_ms(1);
    step(fold);
    stk_fold_destroy(fold);
}

static void end_journal(struct stk_journal *journal)
{
    stk_journal_stop(journal);
    stk_journal_close(journal);
}

static void test_a_journal_whose_beginning_is_gone(void **state)
{
    (void)state;
    char where[600];
    struct stk_rows *fresh;
    struct stk_journal *journal;
    struct stk_rows_options options = {.folder = where};
    snprintf(where, sizeof(where), "%s/fresh", folder.path);
    assert_int_equal(stk_rows_open(&fresh, &options, NULL), STK_OK);
    snprintf(where, sizeof(where), "%s/later", folder.path);
    struct test_chain chain = {0};
    assert_int_equal(stk_folder_make(where, NULL), STK_OK);
    test_segments_fill(&chain, where, 2, 2, 5, 100);
    assert_int_equal(stk_segment_remove(where, 1, NULL), STK_OK);
    struct stk_journal_options later = {.folder = where, .segment_bytes = STK_SEGMENT_BYTES_MIN};
    assert_int_equal(stk_journal_open(&journal, &later, NULL), STK_OK);
    expect_refused(fresh, journal, "holds effects up to 0, the journal begins at 11");
    stk_journal_close(journal);
    stk_rows_close(fresh);
    test_chain_fini(&chain);
}

static void test_state_and_journal_belong_together(void **state)
{
    (void)state;
    char keep[600], journal_path[600], command[2000];
    struct row_feed feed;
    snprintf(keep, sizeof(keep), "%s/keep", folder.path);
    snprintf(journal_path, sizeof(journal_path), "%s/journal", folder.path);
    struct stk_journal *journal = start_journal();
    struct stk_log log = stk_journal_log(journal);
    struct stk_rows *rows = open_rows(0);
    row_feed_init(&feed, &log, 0);
    feed_orders(&feed, 2);
    fold_all(rows, journal);
    end_journal(journal);
    snprintf(command, sizeof(command), "cp -r %s %s", journal_path, keep);
    assert_int_equal(system(command), 0);

    /* the state goes on, the journal is put back as it was */
    journal = start_journal();
    log = stk_journal_log(journal);
    row_feed_init(&feed, &log, 40);
    feed_orders(&feed, 2);
    fold_all(rows, journal);
    assert_int_equal(stk_rows_follow(rows, journal, NULL), STK_OK);
    end_journal(journal);
    snprintf(command, sizeof(command), "rm -r %s && cp -r %s %s", journal_path, keep, journal_path);
    assert_int_equal(system(command), 0);
    journal = start_journal();
    expect_refused(rows, journal, "holds effects up to 80, the journal ends at 40");

    /* and goes another way from there */
    log = stk_journal_log(journal);
    row_feed_init(&feed, &log, 40);
    feed.now_ms++;
    feed_orders(&feed, 2);
    while (!log.idle(log.self))
        sleep_ms(1);
    expect_refused(rows, journal, "went different ways");
    end_journal(journal);

    /* another journal altogether */
    snprintf(command, sizeof(command), "rm -r %s", journal_path);
    assert_int_equal(system(command), 0);
    journal = start_journal();
    log = stk_journal_log(journal);
    expect_refused(rows, journal, "the journal ends at 0");
    row_feed_init(&feed, &log, 0);
    feed_orders(&feed, 5);
    while (!log.idle(log.self))
        sleep_ms(1);
    expect_refused(rows, journal, "folded from another journal");
    struct stk_fold *fold = make_fold(rows, &log);
    uint64_t folded;
    struct stk_error err = {0};
    assert_int_equal(stk_fold_step(fold, &folded, &err), STK_CORRUPT);
    stk_fold_destroy(fold);
    stk_rows_close(rows);
    end_journal(journal);
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_against_model),
        UNIT(test_hot_row_and_bounds),
        UNIT(test_map_grows),
        UNIT(test_damage_in_the_journal_stops_it),
        UNIT(test_a_gap_stops_it),
        UNIT(test_thread_beside_the_journal),
        UNIT(test_fatal_once_and_nothing_after),
        UNIT(test_kill_and_go_on),
        UNIT(test_a_journal_whose_beginning_is_gone),
        UNIT(test_state_and_journal_belong_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
