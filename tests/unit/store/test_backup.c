/* Hot backups: taken beside a writer and a fold, whole or not at all, and every change is found. */
#include "core/base/fault.h"
#include "core/base/mem.h"
#include "core/store/backup.h"
#include "core/store/files.h"
#include "core/store/image.h"
#include "tests/lib/folder.h"
#include "tests/lib/segments.h"
#include "tests/lib/store_pair.h"
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
#include <unistd.h>

#include <cmocka.h>

static struct test_folder folder;
static char data[600], target[600];
static struct store_pair pair;

static int setup(void **state)
{
    (void)state;
    test_folder_make_quick(&folder);
    snprintf(data, sizeof(data), "%s/data", folder.path);
    snprintf(target, sizeof(target), "%s/backup", folder.path);
    store_pair_open(&pair, data);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stk_fault_init(NULL, NULL);
    store_pair_close(&pair);
    test_folder_remove(&folder);
    return 0;
}

static struct stk_backup_result make(void)
{
    struct stk_backup_result result;
    struct stk_error err = {0};
    if (stk_backup_make(pair.journal, pair.rows, target, &result, &err) != STK_OK)
        fail_msg("%s", err.text);
    return result;
}

static struct stk_backup_result verify(void)
{
    struct stk_backup_result result;
    struct stk_error err = {0};
    if (stk_backup_verify(target, &result, &err) != STK_OK)
        fail_msg("%s", err.text);
    return result;
}

static void test_make_and_verify(void **state)
{
    (void)state;
    store_pair_feed(&pair, 100);
    store_pair_fold(&pair);
    store_pair_feed(&pair, 50);
    struct stk_backup_result made = make(), checked = verify();
    assert_int_equal(made.folded, 1000);
    assert_int_equal(made.last, 1500);
    assert_true(made.bytes > 100000);
    assert_memory_equal(&made, &checked, sizeof(made));
    struct stk_error err = {0};
    assert_int_equal(stk_backup_make(pair.journal, pair.rows, target, &made, &err), STK_EXISTS);
    assert_non_null(strstr(err.text, "is there already"));
    verify(); /* and it is as it was */
    assert_int_equal(stk_backup_verify("/nowhere", &made, &err), STK_NOT_FOUND);
}

static void test_of_nothing(void **state)
{
    (void)state;
    make();
    struct stk_backup_result result = verify();
    assert_int_equal(result.folded, 0);
    assert_int_equal(result.last, 0);
}

static void test_nothing_folded(void **state)
{
    (void)state;
    store_pair_feed(&pair, 5);
    make();
    struct stk_backup_result result = verify();
    assert_int_equal(result.folded, 0);
    assert_int_equal(result.last, 50);
}

/* A writer and a fold that go on all the time. */
static _Atomic int done;

static void *write_and_fold(void *arg)
{
    (void)arg;
    for (int i = 0; !atomic_load(&done); i++) {
        store_pair_feed(&pair, 5);
        if (i % 3 == 0)
            store_pair_fold(&pair);
    }
    return NULL;
}

static void test_beside_a_writer(void **state)
{
    (void)state;
    pthread_t thread;
    stk_seq_t before = 0;
    atomic_store(&done, 0);
    store_pair_feed(&pair, 200);
    store_pair_fold(&pair);
    assert_int_equal(pthread_create(&thread, NULL, write_and_fold, NULL), 0);
    for (int i = 0; i < 8; i++) {
        stk_seq_t durable = pair.log.durable(pair.log.self);
        struct stk_backup_result made = make();
        assert_true(made.last >= durable && made.last >= before);
        assert_true(made.folded <= made.last && made.folded >= 2000);
        struct stk_backup_result checked = verify();
        assert_memory_equal(&made, &checked, sizeof(made));
        before = made.last;
        assert_int_equal(stk_folder_remove(target, NULL), STK_OK);
    }
    assert_true(before > 2000); /* the writer was at work */
    atomic_store(&done, 1);
    pthread_join(thread, NULL);
}

static void bad(const char *word)
{
    struct stk_backup_result result;
    struct stk_error err = {0};
    assert_int_equal(stk_backup_verify(target, &result, &err), STK_CORRUPT);
    if (!strstr(err.text, word))
        fail_msg("\"%s\" does not say \"%s\"", err.text, word);
}

static void test_changes_are_found(void **state)
{
    (void)state;
    char path[700];
    store_pair_feed(&pair, 100);
    store_pair_fold(&pair);
    store_pair_feed(&pair, 50);
    make();
    static const char *const names[] = {"state.mdb", "journal/00000000000000000991.seg"};
    for (int i = 0; i < 2; i++) {
        uint64_t bytes;
        snprintf(path, sizeof(path), "%s/%s", target, names[i]);
        assert_int_equal(stk_file_size(path, &bytes, NULL), STK_OK);
        for (uint64_t bit = 77; bit < bytes * 8; bit += bytes / 3 * 8 + 1) {
            test_flip_bit(path, bit);
            bad("its SHA-256 is another one");
            test_flip_bit(path, bit);
        }
        verify();
    }
    assert_int_equal(unlink(path), 0);
    bad("00000000000000000991.seg: is missing");
    snprintf(path, sizeof(path), "%s/manifest", target);
    test_flip_bit(path, 500);
    bad("manifest");
}

/* A backup that breaks off leaves no backup, and does not stand in the way of the next one. */
static void test_breaks_off(void **state)
{
    (void)state;
    static const char *const points[] = {"backup.state_copied", "backup.journal_copied",
                                         "backup.before_rename"};
    store_pair_feed(&pair, 30);
    store_pair_fold(&pair);
    for (int i = 0; i < 3; i++) {
        char spec[80], part[700];
        struct stk_backup_result result;
        struct stk_error err = {0};
        snprintf(spec, sizeof(spec), "%s:1:error", points[i]);
        snprintf(part, sizeof(part), "%s.part", target);
        stk_fault_init(spec, NULL);
        assert_int_equal(stk_backup_make(pair.journal, pair.rows, target, &result, &err), STK_IO);
        assert_int_equal(access(target, F_OK), -1);
        assert_int_equal(access(part, F_OK), -1);
        stk_fault_init(NULL, NULL);
        /* as a crash would leave it */
        assert_int_equal(stk_folder_make(part, NULL), STK_OK);
        make();
        verify();
        assert_int_equal(stk_folder_remove(target, NULL), STK_OK);
    }
}

static _Atomic stk_seq_t lowest;

static void *watch_pins(void *arg)
{
    (void)arg;
    while (!atomic_load(&done)) {
        stk_seq_t pinned = stk_journal_pinned(pair.journal);
        if (pinned < atomic_load(&lowest))
            atomic_store(&lowest, pinned);
    }
    return NULL;
}

/* While it is made, nothing is cut that the backup needs, whatever the fold allows. */
static void test_pins_the_journal(void **state)
{
    (void)state;
    pthread_t thread;
    store_pair_feed(&pair, 100);
    store_pair_fold(&pair);
    stk_journal_pin(pair.journal, STK_PIN_FOLD, 5000);
    atomic_store(&lowest, UINT64_MAX);
    atomic_store(&done, 0);
    assert_int_equal(pthread_create(&thread, NULL, watch_pins, NULL), 0);
    while (atomic_load(&lowest) == UINT64_MAX)
        ;
    for (int i = 0; i < 500 && atomic_load(&lowest) == 5000; i++) { /* until it is looked at */
        make();
        assert_int_equal(stk_folder_remove(target, NULL), STK_OK);
    }
    atomic_store(&done, 1);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&lowest), 1000);
    assert_int_equal(stk_journal_pinned(pair.journal), 5000);
}

/* The n-th allocation fails, for every n, in a fold, a backup and its check. */
static void test_no_memory(void **state)
{
    (void)state;
    int refused = 0, done_whole = 0;
    store_pair_feed(&pair, 60); /* keys enough for a run */
    for (int64_t n = 1; done_whole < 3; n++) {
        struct stk_backup_result result;
        struct stk_error err = {0};
        uint64_t folded;
        stk_alloc_fail_at(n, 1);
        enum stk_status status = stk_fold_step(pair.fold, &folded, &err);
        if (status == STK_OK)
            status = stk_backup_make(pair.journal, pair.rows, target, &result, &err);
        if (status == STK_OK)
            status = stk_backup_verify(target, &result, &err);
        stk_alloc_fail_at(0, 0);
        if (status != STK_OK && status != STK_NO_MEMORY)
            fail_msg("%lld: %s", (long long)n, err.text);
        refused += status != STK_OK;
        done_whole += status == STK_OK;
        stk_folder_remove(target, NULL);
        store_pair_feed(&pair, 12);
        assert_true(n < 1000);
    }
    assert_true(refused > 20);
    store_pair_fold(&pair);
    make();
    verify();
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_make_and_verify),  UNIT(test_of_nothing),        UNIT(test_nothing_folded),
        UNIT(test_beside_a_writer),  UNIT(test_changes_are_found), UNIT(test_breaks_off),
        UNIT(test_pins_the_journal), UNIT(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
