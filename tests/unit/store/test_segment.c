/* One segment: names, making ahead, the edge of what fits, reading from the middle. */
#include "core/base/fault.h"
#include "core/base/mem.h"
#include "core/store/segment.h"
#include "tests/lib/folder.h"
#include "tests/lib/segments.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
    stk_fault_init(NULL, NULL);
    test_folder_remove(&folder);
    return 0;
}

static void touch(const char *name)
{
    struct stk_path path;
    stk_path_join(&path, folder.path, name, NULL);
    test_file_write(path.text, "x", 1);
}

static void test_names_and_list(void **state)
{
    (void)state;
    static const char *const odd[] = {"1.seg",
                                      "next.seg",
                                      "0000000000000000000a.seg",
                                      "00000000000000000001.seg-lock",
                                      "00000000000000000000.seg",
                                      "LOCK",
                                      "99999999999999999999.seg",
                                      "000000000000000000007.seg"};
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
        touch(odd[i]);
    touch("00000000000000000012.seg");
    touch("18446744073709551615.seg");
    touch("00000000000000000002.seg");
    stk_seq_t *firsts;
    uint32_t count;
    assert_int_equal(stk_segment_list(folder.path, &firsts, &count, NULL), STK_OK);
    assert_int_equal(count, 3);
    assert_int_equal(firsts[0], 2);
    assert_int_equal(firsts[1], 12);
    assert_int_equal(firsts[2], UINT64_MAX);
    stk_free(firsts);
    struct stk_path path;
    assert_int_equal(stk_segment_path(&path, "f", 12, NULL), STK_OK);
    assert_string_equal(path.text, "f/00000000000000000012.seg");
    assert_int_equal(stk_segment_list("/nowhere", &firsts, &count, NULL), STK_NOT_FOUND);
}

static int countdown(void *arg)
{
    int *left = arg;
    return (*left)-- == 0;
}

static void test_make_take_put_back(void **state)
{
    (void)state;
    struct stk_path next, numbered, lock;
    struct stk_error err = {0};
    struct stat file;
    stk_path_join(&next, folder.path, STK_SEGMENT_NEXT, NULL);
    stk_segment_path(&numbered, folder.path, 7, NULL);
    int steps = 3;
    assert_int_equal(stk_segment_make(folder.path, 8u << 20, countdown, &steps, &err),
                     STK_STOPPING);
    assert_int_equal(stk_folder_empty(folder.path), 1); /* nothing half made is left */
    assert_int_equal(stk_segment_make(folder.path, 8u << 20, NULL, NULL, &err), STK_OK);
    assert_int_equal(stat(next.text, &file), 0);
    assert_int_equal(file.st_size, 8 << 20);
    assert_true(file.st_blocks * 512 >= file.st_size); /* written, not a hole */
    assert_int_equal(stk_segment_take(folder.path, 7, &err), STK_OK);
    struct stk_kv *kv;
    struct stk_segment_head head;
    struct stk_chunk chunk = {0};
    assert_int_equal(stk_segment_open(&kv, numbered.text, STK_SEGMENT_WRITE, 0, &err), STK_OK);
    assert_int_equal(stk_segment_head(kv, &head, &err), STK_NOT_FOUND);
    assert_int_equal(stk_segment_last(kv, &chunk, &err), STK_OK);
    assert_int_equal(chunk.size, 0);
    assert_int_equal(stk_segment_read(kv, 1, &chunk, &err), STK_OK);
    assert_int_equal(chunk.size, 0);
    stk_kv_close(kv);
    assert_int_equal(stk_segment_put_back(folder.path, 7, &err), STK_OK);
    assert_int_equal(access(next.text, F_OK), 0);
    snprintf(lock.text, sizeof(lock.text), "%.900s" STK_KV_LOCK_SUFFIX, numbered.text);
    assert_int_equal(access(lock.text, F_OK), -1);
    assert_int_equal(stk_segment_take(folder.path, 9, &err), STK_OK);
    assert_int_equal(stk_segment_remove(folder.path, 9, &err), STK_OK);
    assert_int_equal(stk_folder_empty(folder.path), 1);
    assert_int_equal(stk_segment_take(folder.path, 10, &err), STK_IO);
    stk_fault_init("journal.segment_made:1:error", NULL);
    assert_int_equal(stk_segment_make(folder.path, 8u << 20, NULL, NULL, &err), STK_IO);
    assert_int_equal(stk_folder_empty(folder.path), 1);
}

/* Batches of one size until it says that no more fits: none of them may meet a full map. */
static uint64_t fill_up(uint32_t bytes, int with_reader)
{
    struct test_chain chain = {0};
    struct stk_path path;
    struct stk_kv *kv;
    struct stk_kv_txn *reader = NULL;
    uint64_t used, map, count = 0;
    assert_int_equal(stk_segment_path(&path, folder.path, 1, NULL), STK_OK);
    assert_int_equal(stk_segment_open(&kv, path.text, STK_SEGMENT_WRITE, 4u << 20, NULL), STK_OK);
    while (stk_segment_fits(kv, bytes + STK_BATCH_HEADER + 30)) {
        test_segment_add(&chain, kv, count == 0, 1, bytes, 1); /* aborts when it fails */
        if (with_reader && count++ == 0)
            assert_int_equal(stk_kv_begin(kv, 0, &reader, NULL), STK_OK);
        count += !with_reader;
    }
    stk_kv_usage(kv, &used, &map);
    assert_true(used <= map);
    stk_kv_abort(reader);
    stk_kv_close(kv);
    test_chain_fini(&chain);
    stk_segment_remove(folder.path, 1, NULL);
    return used;
}

static void test_what_fits_fits(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1900, 2100, 5000, 70000, 1000000, 2900000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        fill_up(sizes[i], 0);
        fill_up(sizes[i], 1); /* a reader keeps every old page from being used again */
    }
    assert_true(fill_up(5000, 0) > 3u << 20); /* and it is filled, not given up early */
}

static void test_read_from_anywhere(void **state)
{
    (void)state;
    struct test_chain chain = {.last = 100};
    struct stk_kv *kv = test_segment_new(&chain, folder.path);
    struct stk_chunk chunk = {0};
    struct stk_batch_view view;
    struct stk_segment_head head;
    for (int i = 0; i < 10; i++)
        test_segment_add(&chain, kv, i == 0, 5, 50, i); /* 101..105, 106..110, ... 146..150 */
    assert_int_equal(stk_segment_head(kv, &head, NULL), STK_OK);
    assert_int_equal(head.first, 101);
    for (stk_seq_t from = 1; from <= 150; from++) {
        stk_seq_t expected = from < 101 ? 101 : 101 + (from - 101) / 5 * 5, last = 0;
        assert_int_equal(stk_segment_read(kv, from, &chunk, NULL), STK_OK);
        assert_int_equal(stk_chunk_next(&chunk, &view, NULL), STK_OK);
        assert_int_equal(view.first, expected);
        do
            last = view.first + view.count - 1;
        while (stk_chunk_next(&chunk, &view, NULL) == STK_OK);
        assert_int_equal(last, 150);
    }
    assert_int_equal(stk_segment_read(kv, 151, &chunk, NULL), STK_OK);
    assert_int_equal(chunk.size, 0);
    assert_int_equal(stk_segment_last(kv, &chunk, NULL), STK_OK);
    assert_int_equal(stk_chunk_next(&chunk, &view, NULL), STK_OK);
    assert_int_equal(view.first, 146);
    assert_int_equal(stk_chunk_next(&chunk, &view, NULL), STK_AGAIN);
    stk_chunk_fini(&chunk);
    stk_kv_close(kv);
    test_chain_fini(&chain);
}

static void test_chunks_stay_small(void **state)
{
    (void)state;
    struct test_chain chain = {0};
    struct stk_kv *kv = test_segment_new(&chain, folder.path);
    struct stk_chunk chunk = {0};
    struct stk_batch_view view;
    for (int i = 0; i < 30; i++)
        test_segment_add(&chain, kv, i == 0, 1, i == 20 ? 2500000 : 300000, i);
    stk_seq_t from = 1;
    while (stk_segment_read(kv, from, &chunk, NULL) == STK_OK && chunk.size) {
        int count = 0;
        while (stk_chunk_next(&chunk, &view, NULL) == STK_OK)
            count++, from = view.first + view.count;
        assert_true(chunk.size <= STK_CHUNK_BYTES || count == 1);
    }
    assert_int_equal(from, 31);
    stk_chunk_fini(&chunk);
    stk_kv_close(kv);
    test_chain_fini(&chain);
}

static void test_damaged_head(void **state)
{
    (void)state;
    struct test_chain chain = {0};
    memset(chain.id, 0x5a, sizeof(chain.id));
    test_segments_fill(&chain, folder.path, 1, 1, 1, 10);
    struct stk_path path;
    struct stk_kv *kv;
    struct stk_segment_head head;
    struct stk_error err = {0};
    stk_segment_path(&path, folder.path, 1, NULL);
    uint64_t at = test_find_bytes(path.text, chain.id, sizeof(chain.id));
    for (int byte = -1; byte < 60; byte++) {
        test_flip_bit(path.text, (uint64_t)((int64_t)at + byte) * 8 + 3);
        assert_int_equal(stk_segment_open(&kv, path.text, STK_SEGMENT_READ, 0, &err), STK_OK);
        assert_int_equal(stk_segment_head(kv, &head, &err), byte < 0 ? STK_VERSION : STK_CORRUPT);
        stk_kv_close(kv);
        test_flip_bit(path.text, (uint64_t)((int64_t)at + byte) * 8 + 3);
    }
    test_chain_fini(&chain);
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_names_and_list),     UNIT(test_make_take_put_back), UNIT(test_what_fits_fits),
        UNIT(test_read_from_anywhere), UNIT(test_chunks_stay_small),  UNIT(test_damaged_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
