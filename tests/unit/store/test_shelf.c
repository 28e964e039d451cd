/* The shelf: what it takes in and refuses, lending across segments, cutting below readers. */
#include "core/base/fault.h"
#include "core/store/shelf.h"
#include "tests/lib/folder.h"
#include "tests/lib/segments.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct test_folder folder;
static struct test_chain chain;

static int setup(void **state)
{
    (void)state;
    test_folder_make_quick(&folder);
    memset(&chain, 0, sizeof(chain));
    memset(chain.id, 7, sizeof(chain.id));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stk_fault_init(NULL, NULL);
    test_chain_fini(&chain);
    test_folder_remove(&folder);
    return 0;
}

static struct stk_shelf *open_shelf(struct stk_shelf_end *end)
{
    struct stk_shelf *shelf;
    struct stk_error err = {0};
    if (stk_shelf_open(&shelf, folder.path, end, &err) != STK_OK)
        fail_msg("%s", err.text);
    return shelf;
}

static void refused(enum stk_status expected, const char *word)
{
    struct stk_shelf *shelf;
    struct stk_shelf_end end;
    struct stk_error err = {0};
    assert_int_equal(stk_shelf_open(&shelf, folder.path, &end, &err), expected);
    assert_null(shelf);
    if (!strstr(err.text, word))
        fail_msg("\"%s\" does not say \"%s\"", err.text, word);
}

static struct stk_path segment_path(stk_seq_t first)
{
    struct stk_path path;
    stk_segment_path(&path, folder.path, first, NULL);
    return path;
}

static void test_empty_and_end(void **state)
{
    (void)state;
    struct stk_shelf_end end;
    struct stk_shelf_segment *segment;
    struct stk_shelf *shelf = open_shelf(&end);
    assert_int_equal(end.first, 0);
    assert_int_equal(end.last, 0);
    assert_int_equal(stk_shelf_lend(shelf, 1, &segment, NULL), STK_OK);
    assert_null(segment);
    assert_int_equal(stk_shelf_first(shelf), 0);
    stk_shelf_close(shelf);
    stk_shelf_close(NULL);
    test_segments_fill(&chain, folder.path, 3, 4, 5, 100);
    shelf = open_shelf(&end);
    assert_int_equal(end.first, 1);
    assert_int_equal(end.last, 60);
    assert_memory_equal(end.chain, chain.chain, STK_CHAIN_BYTES);
    assert_memory_equal(end.id, chain.id, sizeof(end.id));
    assert_int_equal(stk_shelf_count(shelf), 3);
    assert_true(stk_shelf_bytes(shelf) > 0);
    stk_shelf_close(shelf);
}

static void test_lend(void **state)
{
    (void)state;
    struct stk_shelf_end end;
    struct stk_shelf_segment *segment, *again;
    test_segments_fill(&chain, folder.path, 3, 4, 5, 100); /* 1, 21, 41 */
    assert_int_equal(stk_segment_remove(folder.path, 1, NULL), STK_OK);
    struct stk_shelf *shelf = open_shelf(&end);
    struct stk_error err = {0};
    assert_int_equal(stk_shelf_lend(shelf, 20, &segment, &err), STK_TOO_OLD);
    assert_int_equal(stk_shelf_lend(shelf, 21, &segment, &err), STK_OK);
    assert_int_equal(segment->first, 21);
    assert_int_equal(segment->last, 40);
    assert_int_equal(segment->last_ms, 1003);
    assert_int_equal(stk_shelf_after(shelf, segment), 41);
    assert_int_equal(stk_shelf_lend(shelf, 40, &again, &err), STK_OK);
    assert_ptr_equal(segment, again);
    stk_shelf_give_back(shelf, again);
    stk_shelf_give_back(shelf, segment);
    assert_int_equal(stk_shelf_lend(shelf, 1000, &segment, &err), STK_OK);
    assert_int_equal(segment->first, 41);
    assert_int_equal(stk_shelf_after(shelf, segment), 0);
    stk_shelf_give_back(shelf, segment);
    stk_shelf_give_back(shelf, NULL);
    stk_shelf_close(shelf);
}

static void test_cut(void **state)
{
    (void)state;
    struct stk_shelf_end end;
    struct stk_shelf_segment *segment;
    struct stk_chunk chunk = {0};
    struct stk_error err = {0};
    test_segments_fill(&chain, folder.path, 4, 2, 5, 100); /* 1, 11, 21, 31; times 1, 1001, ... */
    struct stk_shelf *shelf = open_shelf(&end);
    assert_int_equal(stk_shelf_cut(shelf, 10, 1, INT64_MIN, &err), 0);   /* pinned */
    assert_int_equal(stk_shelf_cut(shelf, 1000, 0, INT64_MIN, &err), 0); /* no limit */
    assert_int_equal(stk_shelf_cut(shelf, 1000, 0, 1, &err), 0);         /* not old enough */
    stk_fault_init("journal.cut:1:error", NULL);
    assert_int_equal(stk_shelf_lend(shelf, 1, &segment, &err), STK_OK);
    assert_int_equal(stk_shelf_cut(shelf, 12, 1, INT64_MIN, &err), 0);
    assert_int_equal(err.status, STK_IO);
    assert_int_equal(stk_shelf_first(shelf), 1);                       /* it stays on the shelf */
    assert_int_equal(stk_shelf_cut(shelf, 11, 1, INT64_MIN, &err), 0); /* 10 stays */
    assert_int_equal(stk_shelf_cut(shelf, 12, 1, INT64_MIN, &err), 1);
    assert_int_equal(stk_shelf_first(shelf), 11);
    assert_int_equal(access(segment_path(1).text, F_OK), -1);
    /* the reader that has it reads on */
    assert_int_equal(stk_segment_read(segment->kv, 1, &chunk, &err), STK_OK);
    assert_true(chunk.size > 0);
    stk_shelf_give_back(shelf, segment);
    assert_int_equal(stk_shelf_lend(shelf, 1, &segment, &err), STK_TOO_OLD);
    assert_int_equal(stk_shelf_cut(shelf, 1000, 0, 1002, &err), 1); /* by age */
    assert_int_equal(stk_shelf_cut(shelf, 1000, 1, INT64_MAX, &err), 1);
    assert_int_equal(stk_shelf_cut(shelf, 1000, 1, INT64_MAX, &err), 0); /* never the last one */
    assert_int_equal(stk_shelf_count(shelf), 1);
    stk_chunk_fini(&chunk);
    stk_shelf_close(shelf);
    shelf = open_shelf(&end);
    assert_int_equal(end.first, 31);
    stk_shelf_close(shelf);
}

static void test_extend(void **state)
{
    (void)state;
    struct stk_shelf_end end;
    struct stk_shelf_segment *segment;
    struct stk_error err = {0};
    test_segments_fill(&chain, folder.path, 1, 2, 5, 100);
    struct stk_shelf *shelf = open_shelf(&end);
    assert_int_equal(stk_shelf_extend(shelf, 11, 77, &segment, &err), STK_IO); /* none made */
    assert_int_equal(stk_segment_make(folder.path, 8u << 20, NULL, NULL, &err), STK_OK);
    assert_int_equal(stk_shelf_extend(shelf, 11, 77, &segment, &err), STK_OK);
    assert_int_equal(segment->first, 11);
    assert_int_equal(segment->file_bytes, 8u << 20);
    /* the only segment with batches stays until the new one has its first */
    assert_int_equal(stk_shelf_cut(shelf, 1000, 1, INT64_MAX, &err), 0);
    stk_shelf_give_back(shelf, segment);
    assert_int_equal(stk_shelf_lend(shelf, 5, &segment, &err), STK_OK);
    assert_int_equal(segment->last, 10);
    assert_int_equal(segment->last_ms, 77);
    stk_shelf_give_back(shelf, segment);
    stk_shelf_close(shelf);
    /* nothing was written to it: the next start puts it back */
    shelf = open_shelf(&end);
    assert_int_equal(end.last, 10);
    assert_int_equal(stk_shelf_count(shelf), 1);
    assert_int_equal(access(segment_path(11).text, F_OK), -1);
    stk_shelf_close(shelf);
    struct stk_path next;
    stk_path_join(&next, folder.path, STK_SEGMENT_NEXT, NULL);
    assert_int_equal(access(next.text, F_OK), 0);
}

static void test_cut_waits_for_the_first_batch(void **state)
{
    (void)state;
    struct stk_shelf_end end;
    struct stk_shelf_segment *segment;
    test_segments_fill(&chain, folder.path, 2, 2, 5, 100); /* 1, 11 */
    struct stk_shelf *shelf = open_shelf(&end);
    assert_int_equal(stk_segment_make(folder.path, 8u << 20, NULL, NULL, NULL), STK_OK);
    assert_int_equal(stk_shelf_extend(shelf, 21, 77, &segment, NULL), STK_OK);
    stk_shelf_give_back(shelf, segment);
    assert_int_equal(stk_shelf_cut(shelf, 1000, 1, INT64_MAX, NULL), 1);
    assert_int_equal(stk_shelf_cut(shelf, 1000, 1, INT64_MAX, NULL), 0);
    assert_int_equal(stk_shelf_first(shelf), 11);
    stk_shelf_written(shelf);
    assert_int_equal(stk_shelf_cut(shelf, 1000, 1, INT64_MAX, NULL), 1);
    assert_int_equal(stk_shelf_first(shelf), 21);
    stk_shelf_close(shelf);
}

static void test_a_gap_is_refused(void **state)
{
    (void)state;
    test_segments_fill(&chain, folder.path, 3, 2, 5, 100);
    assert_int_equal(stk_segment_remove(folder.path, 11, NULL), STK_OK);
    refused(STK_CORRUPT, "segment 21: begins at 21, the one before ends at 10");
}

static void test_a_stranger_is_refused(void **state)
{
    (void)state;
    test_segments_fill(&chain, folder.path, 1, 2, 5, 100);
    chain.id[0] = 8;
    test_segments_fill(&chain, folder.path, 1, 2, 5, 100);
    refused(STK_CORRUPT, "segment 11: belongs to another journal");
}

static void test_a_wrong_name_is_refused(void **state)
{
    (void)state;
    test_segments_fill(&chain, folder.path, 1, 2, 5, 100);
    assert_int_equal(rename(segment_path(1).text, segment_path(2).text), 0);
    refused(STK_CORRUPT, "segment 2: its head says it begins at 1");
}

static void test_a_damaged_last_batch_is_refused(void **state)
{
    (void)state;
    test_segments_fill(&chain, folder.path, 1, 2, 5, 3000);
    uint64_t at = test_find_bytes(segment_path(1).text, chain.batch.data, chain.batch.size);
    test_flip_bit(segment_path(1).text, (at + 9000) * 8);
    refused(STK_CORRUPT, "segment 1: sequence 6: batch: the checksum does not agree");
}

static void test_rubbish_in_the_middle_is_refused(void **state)
{
    (void)state;
    char junk[9000];
    memset(junk, 'x', sizeof(junk));
    test_segments_fill(&chain, folder.path, 3, 2, 5, 100);
    test_file_write(segment_path(11).text, junk, sizeof(junk));
    refused(STK_CORRUPT, "segment 11");
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_empty_and_end),
        UNIT(test_lend),
        UNIT(test_cut),
        UNIT(test_extend),
        UNIT(test_cut_waits_for_the_first_batch),
        UNIT(test_a_gap_is_refused),
        UNIT(test_a_stranger_is_refused),
        UNIT(test_a_wrong_name_is_refused),
        UNIT(test_a_damaged_last_batch_is_refused),
        UNIT(test_rubbish_in_the_middle_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
