/* The spool: batches come out as they went in, and only in their order. */
#include "core/store/spool.h"
#include "core/store/walk.h"
#include "tests/lib/feed.h"
#include "tests/lib/folder.h"
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
static char from[600], to[600];
static struct test_chain chain;

static int setup(void **state)
{
    (void)state;
    test_folder_make_quick(&folder);
    snprintf(from, sizeof(from), "%s/from", folder.path);
    snprintf(to, sizeof(to), "%s/to", folder.path);
    assert_int_equal(stk_folder_make(from, NULL), STK_OK);
    assert_int_equal(stk_folder_make(to, NULL), STK_OK);
    memset(&chain, 0, sizeof(chain));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_chain_fini(&chain);
    test_folder_remove(&folder);
    return 0;
}

static enum stk_status add(void *arg, const struct stk_batch_view *batch, struct stk_error *err)
{
    return stk_spool_add(arg, batch, err);
}

static enum stk_status no_lock_file(void *arg, const char *name, struct stk_error *err)
{
    (void)arg, (void)err;
    assert_null(strstr(name, STK_KV_LOCK_SUFFIX));
    return STK_OK;
}

static void test_copy(void **state)
{
    (void)state;
    struct stk_spool spool;
    struct stk_journal_report before, after;
    test_segments_fill(&chain, from, 3, 400, 3, 900);
    struct stk_kv *kv = test_segment_new(&chain, from);
    for (int i = 0; i < 12; i++) /* more than one buffer */
        test_segment_add(&chain, kv, i == 0, 2, 2000000, 1);
    stk_kv_close(kv);
    assert_int_equal(stk_journal_verify(from, &before, NULL), STK_OK);
    assert_int_equal(stk_spool_init(&spool, to, before.id, NULL), STK_OK);
    assert_int_equal(stk_journal_read_folder(from, 1201, add, &spool, NULL), STK_OK);
    assert_int_equal(stk_spool_end(&spool, NULL), STK_OK);
    assert_int_equal(spool.first, 1201);
    assert_int_equal(spool.last, before.last);
    assert_memory_equal(spool.chain, before.chain, STK_CHAIN_BYTES);
    stk_spool_fini(&spool);
    assert_int_equal(stk_folder_each(to, no_lock_file, NULL, NULL), STK_OK);
    struct stk_error err = {0};
    if (stk_journal_verify(to, &after, &err) != STK_OK)
        fail_msg("%s", err.text);
    assert_int_equal(after.first, 1201);
    assert_int_equal(after.last, before.last);
    assert_int_equal(after.number, before.number);
    assert_memory_equal(after.chain, before.chain, STK_CHAIN_BYTES);
    struct test_reading original = {0}, copy = {0};
    stk_journal_read_folder(from, 1201, test_reading_add, &original, NULL);
    stk_journal_read_folder(to, 1201, test_reading_add, &copy, NULL);
    assert_int_equal(original.hash, copy.hash);
}

static void test_nothing(void **state)
{
    (void)state;
    struct stk_spool spool;
    struct stk_journal_report report;
    assert_int_equal(stk_spool_init(&spool, to, chain.id, NULL), STK_OK);
    assert_int_equal(stk_spool_end(&spool, NULL), STK_OK);
    stk_spool_fini(&spool);
    assert_int_equal(stk_journal_verify(to, &report, NULL), STK_OK);
    assert_int_equal(report.last, 0);
}

/* More than one segment's map: 1 GiB of batches would be slow, so batches of one page each, whose
 * own cost in pages is what fills the map, are left to test_segment; here the order alone. */
static void test_only_in_order(void **state)
{
    (void)state;
    struct stk_spool spool;
    struct stk_error err = {0};
    test_segments_fill(&chain, from, 2, 3, 2, 50);
    assert_int_equal(stk_spool_init(&spool, to, chain.id, NULL), STK_OK);
    assert_int_equal(stk_journal_read_folder(from, 1, add, &spool, NULL), STK_OK);
    assert_int_equal(stk_journal_read_folder(from, 3, add, &spool, &err), STK_CORRUPT);
    assert_non_null(strstr(err.text, "sequence 3 follows 12"));
    chain.chain[0] ^= 1;
    test_segments_fill(&chain, from, 1, 1, 2, 50);
    assert_int_equal(stk_journal_read_folder(from, 13, add, &spool, &err), STK_CORRUPT);
    assert_non_null(strstr(err.text, "sequence 13: the chain is broken"));
    assert_int_equal(stk_spool_end(&spool, NULL), STK_OK);
    stk_spool_fini(&spool);
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_copy),
        UNIT(test_nothing),
        UNIT(test_only_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
