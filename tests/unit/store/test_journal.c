/* The journal: what is durable is there after any end, in order, chained; the rest never was. */
#include "core/base/fault.h"
#include "core/base/mem.h"
#include "core/store/journal.h"
#include "tests/lib/feed.h"
#include "tests/lib/folder.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SEGMENT STK_SEGMENT_BYTES_MIN

static struct test_folder folder;
static char path[600];

struct watch {
    _Atomic stk_seq_t durable;
    _Atomic int fatal;
    struct stk_error err;
};

static void on_durable(void *arg, stk_seq_t seq)
{
    struct watch *watch = arg;
    atomic_store(&watch->durable, seq);
}

static void on_fatal(void *arg, const struct stk_error *err)
{
    struct watch *watch = arg;
    watch->err = *err;
    atomic_store(&watch->fatal, 1);
}

static int setup(void **state)
{
    (void)state;
    test_folder_make_quick(&folder);
    snprintf(path, sizeof(path), "%s/journal", folder.path);
    stk_fault_init(NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stk_fault_init(NULL, NULL);
    test_folder_remove(&folder);
    return 0;
}

static struct stk_journal_options options_of(struct watch *watch)
{
    return (struct stk_journal_options){.folder = path,
                                        .segment_bytes = SEGMENT,
                                        .on_durable = on_durable,
                                        .on_fatal = on_fatal,
                                        .arg = watch};
}

static struct stk_journal *open_with(const struct stk_journal_options *options)
{
    struct stk_journal *journal;
    struct stk_error err = {0};
    if (stk_journal_open(&journal, options, &err) != STK_OK)
        fail_msg("open: %s", err.text);
    return journal;
}

static struct stk_journal *start_with(const struct stk_journal_options *options)
{
    struct stk_journal *journal = open_with(options);
    struct stk_error err = {0};
    if (stk_journal_start(journal, &err) != STK_OK)
        fail_msg("start: %s", err.text);
    return journal;
}

static void end(struct stk_journal *journal)
{
    stk_journal_stop(journal);
    stk_journal_close(journal);
}

static void sleep_ms(int ms)
{
    struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&span, NULL);
}

static struct stk_journal_report verify(void)
{
    struct stk_journal_report report;
    struct stk_error err = {0};
    if (stk_journal_verify(path, &report, &err) != STK_OK)
        fail_msg("verify: %s", err.text);
    return report;
}

static void test_write_read_reopen(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct stk_journal_options options = options_of(&watch);
    struct stk_journal *journal = start_with(&options);
    struct stk_log log = stk_journal_log(journal);
    stk_seq_t first, last;
    uint8_t id[STK_JOURNAL_ID_BYTES], again[STK_JOURNAL_ID_BYTES];
    stk_journal_range(journal, &first, &last);
    assert_int_equal(first, 0);
    assert_int_equal(last, 0);
    for (uint32_t i = 1; i <= 20; i++)
        test_feed_batch(&log, i, i * 40, 1000 + i);
    assert_int_equal(test_feed_wait(&log), 210);
    assert_int_equal(atomic_load(&watch.durable), 210);
    struct test_reading all = {0}, part = {0}, none = {0}, some = {.stop_after = 50};
    assert_int_equal(log.read(log.self, 1, test_reading_add, &all, NULL), STK_OK);
    assert_int_equal(all.effects, 210);
    assert_int_equal(log.read(log.self, 100, test_reading_add, &part, NULL), STK_OK);
    assert_int_equal(part.first, 92); /* the batch that holds 100 */
    assert_int_equal(part.last, 210);
    assert_int_equal(log.read(log.self, 211, test_reading_add, &none, NULL), STK_OK);
    assert_int_equal(none.batches, 0);
    assert_int_equal(log.read(log.self, 1, test_reading_add, &some, NULL), STK_AGAIN);
    assert_int_equal(some.last, 55);
    stk_journal_id(journal, id);
    end(journal);

    journal = start_with(&options);
    log = stk_journal_log(journal);
    stk_journal_id(journal, again);
    assert_memory_equal(id, again, sizeof(id));
    assert_int_equal(log.durable(log.self), 210);
    test_feed_batch(&log, 1, 5000000 / 2, 2000);
    assert_int_equal(test_feed_wait(&log), 211);
    struct stk_journal_stats stats;
    stk_journal_stats(journal, &stats);
    assert_int_equal(stats.flushes, 1);
    assert_int_equal(stats.effects, 1);
    assert_int_equal(stats.segments, 1);
    assert_true(stats.flush_p99_us >= stats.flush_p50_us && stats.flush_p50_us > 0);
    struct stk_journal_report live = verify(); /* beside the running one */
    end(journal);
    struct stk_journal_report report = verify();
    assert_int_equal(report.first, 1);
    assert_int_equal(report.last, 211);
    assert_int_equal(report.effects, 211);
    assert_int_equal(report.first_ms, 1001);
    assert_int_equal(report.last_ms, 2000);
    assert_memory_equal(&report, &live, sizeof(report));
    assert_memory_equal(report.id, id, sizeof(id));
}

static void test_segments_follow_each_other(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct stk_journal_options options = options_of(&watch);
    struct stk_journal *journal = start_with(&options);
    struct stk_log log = stk_journal_log(journal);
    stk_seq_t count = 0;
    /* sizes of all kinds, so that the ends of segments are met at different fillings */
    for (uint32_t i = 0; i < 60; i++, count += 2)
        test_feed_batch(&log, 2, i % 7 == 0 ? 2900000 : 400000 + 7919 * i, i);
    assert_int_equal(test_feed_wait(&log), count);
    struct stk_journal_stats stats;
    stk_journal_stats(journal, &stats);
    assert_true(stats.segments >= 3);
    struct test_reading all = {0}, tail = {0};
    assert_int_equal(log.read(log.self, 1, test_reading_add, &all, NULL), STK_OK);
    assert_int_equal(all.effects, count);
    assert_int_equal(log.read(log.self, count - 1, test_reading_add, &tail, NULL), STK_OK);
    assert_int_equal(tail.batches, 1);
    end(journal);
    assert_int_equal(atomic_load(&watch.fatal), 0);
    struct stk_journal_report report = verify();
    assert_int_equal(report.segments, stats.segments);
    assert_int_equal(report.last, count);
    struct test_reading walked = {0};
    assert_int_equal(stk_journal_read_folder(path, 1, test_reading_add, &walked, NULL), STK_OK);
    assert_int_equal(walked.hash, all.hash);
}

/* Small batches: LMDB's own pages are what fills the segment. With a reader that pins old pages. */
static void test_small_batches_never_overfill(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct stk_journal_options options = options_of(&watch);
    struct stk_journal *journal = start_with(&options);
    struct stk_log log = stk_journal_log(journal);
    test_feed_batch(&log, 1, 2900000, 1);
    for (int i = 0; i < 9; i++)
        test_feed_batch(&log, 1, 2900000, 1);
    for (int i = 0; i < 1200; i++)
        test_feed_batch(&log, 1, 3000, 1);
    test_feed_wait(&log);
    assert_int_equal(atomic_load(&watch.fatal), 0);
    end(journal);
    assert_true(verify().segments >= 2);
}

static void test_one_process_at_a_time(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct stk_journal_options options = options_of(&watch);
    struct stk_journal *journal = open_with(&options), *second;
    struct stk_error err = {0};
    assert_int_equal(stk_journal_open(&second, &options, &err), STK_STATE);
    assert_non_null(strstr(err.text, "in use by another process"));
    stk_journal_close(journal);
    journal = open_with(&options);
    stk_journal_close(journal);
    stk_journal_close(NULL);
}

static void test_bad_options(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct stk_journal_options options = options_of(&watch);
    struct stk_journal *journal;
    struct stk_error err = {0};
    options.segment_bytes = SEGMENT - 1;
    assert_int_equal(stk_journal_open(&journal, &options, &err), STK_INVALID);
    assert_null(journal);
    options = options_of(&watch);
    options.retain_ms = -1;
    assert_int_equal(stk_journal_open(&journal, &options, &err), STK_INVALID);
    options = options_of(&watch);
    options.folder = "/dev/null/journal";
    assert_int_equal(stk_journal_open(&journal, &options, &err), STK_IO);
    char longest[STK_PATH_MAX + 10];
    memset(longest, 'a', sizeof(longest));
    longest[sizeof(longest) - 1] = 0;
    options.folder = longest;
    assert_int_equal(stk_journal_open(&journal, &options, &err), STK_INVALID);
}

/* A failed commit is final: told once, nothing later becomes durable, the next start goes on from
 * what was durable. */
static void test_failed_commit_is_fatal(void **state)
{
    (void)state;
    static const char *const points[] = {"journal.before_commit", "journal.in_commit"};
    for (size_t i = 0; i < 2; i++) {
        struct watch watch = {0};
        struct stk_journal_options options = options_of(&watch);
        struct stk_journal *journal = start_with(&options);
        struct stk_log log = stk_journal_log(journal);
        stk_seq_t before = log.durable(log.self);
        for (int k = 0; k < 3; k++)
            test_feed_batch(&log, 3, 100, 1), test_feed_wait(&log);
        char spec[80];
        snprintf(spec, sizeof(spec), "%s:1:error", points[i]);
        stk_fault_init(spec, NULL);
        test_feed_batch(&log, 3, 100, 1);
        test_feed_batch(&log, 3, 100, 1);
        for (int k = 0; k < 5000 && !atomic_load(&watch.fatal); k++)
            sleep_ms(1);
        assert_int_equal(atomic_load(&watch.fatal), 1);
        assert_int_equal(watch.err.status, STK_IO);
        assert_non_null(strstr(watch.err.text, "batch at sequence"));
        sleep_ms(20);
        assert_int_equal(log.durable(log.self), before + 9);
        assert_int_equal(log.idle(log.self), 0);
        end(journal);
        stk_fault_init(NULL, NULL);
        assert_int_equal(verify().last, before + 9);
    }
}

/* The child's side of a crash: it tells what was durable by shared memory. */
static void child_feed(const struct stk_journal_options *given, _Atomic stk_seq_t *told)
{
    struct watch watch = {0};
    struct stk_journal_options options = *given;
    struct stk_journal *journal;
    options.arg = &watch;
    if (stk_journal_open(&journal, &options, NULL) != STK_OK ||
        stk_journal_start(journal, NULL) != STK_OK)
        _exit(2);
    stk_journal_pin(journal, STK_PIN_FOLD, UINT64_MAX);
    struct stk_log log = stk_journal_log(journal);
    for (int i = 0; i < 120; i++) {
        test_feed_batch(&log, 4, i % 3 ? 100 : 600000, i);
        atomic_store(told, log.durable(log.self));
        if (i % 10 == 0)
            atomic_store(told, test_feed_wait(&log));
    }
    atomic_store(told, test_feed_wait(&log));
    sleep_ms(1500); /* the keeper has its turns */
    _exit(0);
}

static int crash_at(const char *point, int count, _Atomic stk_seq_t *told)
{
    struct watch watch = {0};
    struct stk_journal_options options = options_of(&watch);
    options.retain_bytes = 1;
    char spec[80];
    snprintf(spec, sizeof(spec), "%s:%d:kill", point, count);
    atomic_store(told, 0);
    pid_t child = fork();
    if (child == 0) {
        stk_fault_init(spec, NULL);
        child_feed(&options, told);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Killed at every point of the journal, twice: what was told durable is there, the chain holds, and
 * the next engine goes on. */
static void test_kill_at_every_point(void **state)
{
    (void)state;
    _Atomic stk_seq_t *told =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (unsigned point = 0; stk_fault_name(point); point++) {
        const char *name = stk_fault_name(point);
        if (strncmp(name, "journal.", 8) != 0)
            continue;
        teardown(state), setup(state);
        for (int count = 1; count <= 2; count++) {
            if (!crash_at(name, count, told))
                fail_msg("%s:%d was not reached", name, count);
            if (atomic_load(told) == 0 && access(path, F_OK) != 0)
                continue;
            struct watch watch = {0};
            struct stk_journal_options options = options_of(&watch);
            struct stk_journal *journal = start_with(&options);
            struct stk_log log = stk_journal_log(journal);
            stk_seq_t durable = log.durable(log.self);
            if (durable < atomic_load(told))
                fail_msg("%s:%d: told %llu, there is %llu", name, count,
                         (unsigned long long)atomic_load(told), (unsigned long long)durable);
            test_feed_batch(&log, 1, 10, 1);
            assert_int_equal(test_feed_wait(&log), durable + 1);
            end(journal);
            assert_int_equal(verify().last, durable + 1);
        }
    }
    munmap((void *)told, 4096);
}

static void fill_segments(struct stk_journal *journal, uint32_t segments, stk_time_t time_ms)
{
    struct stk_log log = stk_journal_log(journal);
    struct stk_journal_stats stats;
    do {
        test_feed_batch(&log, 2, 2000000, time_ms);
        test_feed_wait(&log);
        stk_journal_stats(journal, &stats);
    } while (stats.segments < segments);
}

static uint32_t segments_after(struct stk_journal *journal, int wait_ms, uint32_t wanted)
{
    struct stk_journal_stats stats;
    do {
        stk_journal_stats(journal, &stats);
        sleep_ms(20);
        wait_ms -= 20;
    } while (wait_ms > 0 && stats.segments != wanted);
    return stats.segments;
}

static void test_retention(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct stk_journal_options options = options_of(&watch);
    struct stk_journal *journal = start_with(&options);
    fill_segments(journal, 5, 1);
    end(journal);

    /* by size, but nothing before the fold's pin is set, and nothing past a pin */
    options.retain_bytes = 3 * SEGMENT;
    journal = start_with(&options);
    struct stk_log log = stk_journal_log(journal);
    stk_seq_t first, last;
    assert_int_equal(segments_after(journal, 300, 3), 5);
    stk_journal_pin(journal, STK_PIN_BACKUP_AFTER, 1);
    stk_journal_pin(journal, STK_PIN_FOLD, UINT64_MAX);
    assert_int_equal(segments_after(journal, 1300, 3), 5);
    stk_journal_range(journal, &first, &last);
    stk_journal_pin(journal, STK_PIN_BACKUP_AFTER, last);
    assert_int_equal(segments_after(journal, 5000, 3), 3);
    stk_journal_range(journal, &first, &last);
    assert_true(first > 1);
    struct stk_error err = {0};
    struct test_reading reading = {0};
    assert_int_equal(log.read(log.self, 1, test_reading_add, &reading, &err), STK_TOO_OLD);
    assert_int_equal(log.read(log.self, first, test_reading_add, &reading, &err), STK_OK);
    assert_int_equal(reading.first, first);
    end(journal);
    struct stk_journal_report report = verify(); /* anchored in the head of what is left */
    assert_int_equal(report.first, first);
    assert_int_equal(report.last, last);

    /* by age: all but the one in use */
    options.retain_bytes = 0;
    options.retain_ms = 1000;
    journal = start_with(&options);
    stk_journal_pin(journal, STK_PIN_FOLD, last);
    assert_int_equal(segments_after(journal, 5000, 1), 1);
    end(journal);
    report = verify();
    assert_int_equal(report.last, last);
    assert_int_equal(report.segments, 1);
}

/* Reads of everything go on while segments are written and cut away below them. */
static void test_read_beside_cutting(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct stk_journal_options options = options_of(&watch);
    options.retain_bytes = 2 * SEGMENT;
    struct stk_journal *journal = start_with(&options);
    struct stk_log log = stk_journal_log(journal);
    stk_journal_pin(journal, STK_PIN_FOLD, 1);
    int too_old = 0, whole = 0;
    for (int i = 0; i < 60; i++) {
        stk_seq_t first, last;
        test_feed_batch(&log, 2, 1500000, 1);
        stk_seq_t durable = test_feed_wait(&log);
        stk_journal_pin(journal, STK_PIN_FOLD, durable);
        stk_journal_range(journal, &first, &last);
        struct test_reading reading = {0};
        enum stk_status status = log.read(log.self, first, test_reading_add, &reading, NULL);
        if (status == STK_TOO_OLD)
            too_old++;
        else if (status == STK_OK)
            whole++, assert_int_equal(reading.last, durable);
        else
            fail_msg("read: %s", stk_status_name(status));
    }
    assert_true(whole > 50);
    (void)too_old;
    end(journal);
    verify();
}

/* No room for the next segment: full() says so before the one in use ends, and it resumes by itself
 * when there is room again. A limit on the size of files stands for a full disk. */
static void test_full_and_resume(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct stk_journal_options options = options_of(&watch);
    struct stk_journal *journal = start_with(&options);
    struct stk_log log = stk_journal_log(journal);
    char why[200] = "";
    test_feed_batch(&log, 1, 100, 1);
    test_feed_wait(&log);
    assert_int_equal(stk_journal_full(journal, why, sizeof(why)), 0);
    end(journal);
    char next[700];
    snprintf(next, sizeof(next), "%s/" STK_SEGMENT_NEXT, path);
    unlink(next);

    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = SEGMENT / 2;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    journal = start_with(&options);
    log = stk_journal_log(journal);
    for (int i = 0; i < 3000 && !stk_journal_full(journal, why, sizeof(why)); i++) {
        if (i < 3)
            test_feed_batch(&log, 2, 2000000, 1);
        sleep_ms(1);
    }
    assert_int_equal(stk_journal_full(journal, why, sizeof(why)), 1);
    assert_non_null(strstr(why, "no space for the next segment"));
    /* what was accepted before still has its place */
    test_feed_wait(&log);
    assert_int_equal(atomic_load(&watch.fatal), 0);
    assert_int_equal(access(next, F_OK), -1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    for (int i = 0; i < 5000 && stk_journal_full(journal, why, sizeof(why)); i++)
        sleep_ms(1);
    assert_int_equal(stk_journal_full(journal, why, sizeof(why)), 0);
    for (int i = 0; i < 12; i++)
        test_feed_batch(&log, 2, 2000000, 1);
    test_feed_wait(&log);
    end(journal);
    assert_true(verify().segments >= 2);

    /* and the other reason: the disk's free space */
    options.free_bytes_min = UINT64_MAX / 2;
    journal = start_with(&options);
    assert_int_equal(stk_journal_full(journal, why, sizeof(why)), 1);
    assert_non_null(strstr(why, "MiB of disk are free"));
    assert_int_equal(stk_journal_full(journal, NULL, 0), 1);
    end(journal);
}

static void test_stop_while_there_is_no_segment(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct stk_journal_options options = options_of(&watch);
    options.free_bytes_min = UINT64_MAX / 2;
    struct stk_journal *journal = start_with(&options);
    struct stk_log log = stk_journal_log(journal);
    test_feed_batch(&log, 1, 100, 1);
    sleep_ms(50);
    assert_int_equal(log.durable(log.self), 0);
    end(journal); /* does not hang */
    assert_int_equal(atomic_load(&watch.fatal), 1);
    assert_int_equal(watch.err.status, STK_NO_SPACE);
}

static void test_chain_at(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct stk_journal_options options = options_of(&watch);
    struct stk_journal *journal = start_with(&options);
    struct stk_log log = stk_journal_log(journal);
    uint8_t chain[STK_CHAIN_BYTES], zeros[STK_CHAIN_BYTES] = {0};
    assert_int_equal(stk_journal_chain_at(journal, 0, chain, NULL), STK_OK);
    assert_memory_equal(chain, zeros, sizeof(zeros));
    assert_int_equal(stk_journal_chain_at(journal, 1, chain, NULL), STK_NOT_FOUND);
    for (int i = 0; i < 3; i++)
        test_feed_batch(&log, 5, 100, 1);
    test_feed_wait(&log);
    assert_int_equal(stk_journal_chain_at(journal, 15, chain, NULL), STK_OK);
    struct stk_journal_report report = verify();
    assert_memory_equal(chain, report.chain, sizeof(chain));
    assert_int_equal(stk_journal_chain_at(journal, 10, chain, NULL), STK_OK);
    assert_memory_not_equal(chain, report.chain, sizeof(chain));
    assert_int_equal(stk_journal_chain_at(journal, 7, chain, NULL), STK_NOT_FOUND);
    assert_int_equal(stk_journal_chain_at(journal, 16, chain, NULL), STK_NOT_FOUND);
    end(journal);
}

/* The n-th allocation fails, for every n: opened or refused, nothing is left behind (ASan looks).
 */
static void test_no_memory(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct stk_journal_options options = options_of(&watch);
    struct stk_journal *journal = start_with(&options);
    fill_segments(journal, 3, 1);
    end(journal);
    int refused = 0, opened = 0;
    for (int64_t n = 1; opened < 3; n++) {
        struct stk_error err = {0};
        stk_alloc_fail_at(n, 1);
        enum stk_status status = stk_journal_open(&journal, &options, &err);
        if (status == STK_OK) {
            struct test_reading reading = {0};
            struct stk_log log = stk_journal_log(journal);
            status = log.read(log.self, 1, test_reading_add, &reading, &err);
            opened += status == STK_OK;
            stk_journal_close(journal);
        }
        stk_alloc_fail_at(0, 0);
        refused += status != STK_OK;
        if (status != STK_OK && status != STK_NO_MEMORY)
            fail_msg("%lld: %s", (long long)n, err.text);
        assert_true(n < 1000);
    }
    assert_true(refused > 10);
    verify();
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_write_read_reopen),
        UNIT(test_segments_follow_each_other),
        UNIT(test_small_batches_never_overfill),
        UNIT(test_one_process_at_a_time),
        UNIT(test_bad_options),
        UNIT(test_failed_commit_is_fatal),
        UNIT(test_kill_at_every_point),
        UNIT(test_retention),
        UNIT(test_read_beside_cutting),
        UNIT(test_full_and_resume),
        UNIT(test_stop_while_there_is_no_segment),
        UNIT(test_chain_at),
        UNIT(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
