/* Walking a folder: the first bad batch is named, and no flipped bit changes what is read unseen.
 */
#include "core/store/record.h"
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct test_folder folder;
static struct test_chain chain;

static int setup(void **state)
{
    (void)state;
    test_folder_make_quick(&folder);
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

static struct stk_path segment_path(stk_seq_t first)
{
    struct stk_path path;
    stk_segment_path(&path, folder.path, first, NULL);
    return path;
}

static struct stk_journal_report sound(void)
{
    struct stk_journal_report report;
    struct stk_error err = {0};
    if (stk_journal_verify(folder.path, &report, &err) != STK_OK)
        fail_msg("%s", err.text);
    return report;
}

static void bad(const char *word, stk_seq_t sound_to)
{
    struct stk_journal_report report;
    struct stk_error err = {0};
    assert_int_equal(stk_journal_verify(folder.path, &report, &err), STK_CORRUPT);
    if (!strstr(err.text, word))
        fail_msg("\"%s\" does not say \"%s\"", err.text, word);
    assert_int_equal(report.last, sound_to);
}

static void test_empty(void **state)
{
    (void)state;
    struct test_reading reading = {0};
    struct stk_journal_report report = sound();
    assert_int_equal(report.first, 0);
    assert_int_equal(report.last, 0);
    assert_int_equal(stk_journal_read_folder(folder.path, 1, test_reading_add, &reading, NULL),
                     STK_OK);
    assert_int_equal(stk_journal_look(folder.path, &report, NULL), STK_OK);
    assert_int_equal(report.last, 0);
    assert_int_equal(stk_journal_verify("/nowhere", &report, NULL), STK_NOT_FOUND);
    assert_int_equal(stk_journal_look("/nowhere", &report, NULL), STK_NOT_FOUND);
}

static void test_sound(void **state)
{
    (void)state;
    test_segments_fill(&chain, folder.path, 3, 10, 4, 300);
    struct stk_journal_report report = sound(), look;
    assert_int_equal(report.first, 1);
    assert_int_equal(report.last, 120);
    assert_int_equal(report.batches, 30);
    assert_int_equal(report.effects, 120);
    assert_int_equal(report.segments, 3);
    assert_int_equal(report.last_ms, 2009);
    assert_memory_equal(report.chain, chain.chain, STK_CHAIN_BYTES);
    assert_int_equal(stk_journal_look(folder.path, &look, NULL), STK_OK);
    assert_int_equal(look.first, 1);
    assert_int_equal(look.last, 120);
    struct test_reading reading = {0};
    assert_int_equal(stk_journal_read_folder(folder.path, 42, test_reading_add, &reading, NULL),
                     STK_OK);
    assert_int_equal(reading.first, 41);
    assert_int_equal(reading.last, 120);
    struct test_reading some = {.stop_after = 50};
    assert_int_equal(stk_journal_read_folder(folder.path, 1, test_reading_add, &some, NULL),
                     STK_AGAIN);
    assert_int_equal(stk_segment_remove(folder.path, 1, NULL), STK_OK);
    report = sound(); /* anchored in the head of the second */
    assert_int_equal(report.first, 41);
    assert_memory_equal(report.chain, chain.chain, STK_CHAIN_BYTES);
    struct stk_error err = {0};
    assert_int_equal(stk_journal_read_folder(folder.path, 40, test_reading_add, &reading, &err),
                     STK_TOO_OLD);
    assert_non_null(strstr(err.text, "begins at sequence 41, not at 40"));
}

static void test_first_bad_batch_is_named(void **state)
{
    (void)state;
    uint8_t marker[3000];
    test_segments_fill(&chain, folder.path, 3, 10, 1, 3000); /* batches are sequences */
    memset(marker, 14, sizeof(marker));
    marker[0] = 14;
    struct stk_path path = segment_path(11);
    uint64_t at = test_find_bytes(path.text, marker, sizeof(marker));
    test_flip_bit(path.text, (at + 1500) * 8 + 5);
    bad("journal: segment 11: sequence 14: batch: the checksum does not agree", 13);
    struct test_reading reading = {0};
    struct stk_error err = {0};
    assert_int_equal(stk_journal_read_folder(folder.path, 1, test_reading_add, &reading, &err),
                     STK_CORRUPT);
    assert_int_equal(reading.last, 13);
}

static void test_gap_between_segments(void **state)
{
    (void)state;
    test_segments_fill(&chain, folder.path, 3, 2, 5, 100);
    assert_int_equal(stk_segment_remove(folder.path, 11, NULL), STK_OK);
    bad("segment 21: sequences 11 to 20 are missing", 10);
    struct test_reading reading = {0};
    assert_int_equal(stk_journal_read_folder(folder.path, 1, test_reading_add, &reading, NULL),
                     STK_CORRUPT);
}

/* A batch that is true to itself, but was written by somebody who forgot the chain. */
static void test_broken_chain(void **state)
{
    (void)state;
    struct stk_kv *kv = test_segment_new(&chain, folder.path);
    for (int i = 0; i < 5; i++) {
        if (i == 3)
            chain.chain[5] ^= 1;
        test_segment_add(&chain, kv, i == 0, 2, 10, i);
    }
    stk_kv_close(kv);
    bad("segment 1: sequence 7: the chain is broken", 6);
}

static void test_broken_chain_between_segments(void **state)
{
    (void)state;
    test_segments_fill(&chain, folder.path, 1, 2, 5, 100);
    chain.chain[0] ^= 1;
    test_segments_fill(&chain, folder.path, 1, 2, 5, 100);
    bad("segment 11: the chain is broken before it", 10);
}

static void test_first_batch_follows_nothing(void **state)
{
    (void)state;
    chain.chain[0] = 1;
    test_segments_fill(&chain, folder.path, 1, 2, 5, 100);
    bad("the first batch of all follows another one", 0);
}

static void test_bad_record_inside_a_good_batch(void **state)
{
    (void)state;
    struct stk_kv *kv = test_segment_new(&chain, folder.path);
    test_segment_add(&chain, kv, 1, 2, 10, 1);
    struct stk_chain *hash = stk_chain_create();
    uint8_t own[STK_CHAIN_BYTES];
    stk_batch_reset(&chain.batch, 3);
    chain.batch.number = 2;
    memcpy(stk_batch_record_open(&chain.batch), "\x01\x01\x00\x00\x10\x02KK\x02V", 10);
    stk_batch_record_close(&chain.batch, 10, 1);
    stk_batch_seal(&chain.batch, hash, chain.chain, own);
    struct stk_bytes whole = {(char *)chain.batch.data, chain.batch.size};
    assert_int_equal(stk_segment_append(kv, NULL, &whole, 1, NULL), STK_OK);
    stk_chain_destroy(hash);
    stk_kv_close(kv);
    bad("sequence 3: effect 3: record: its rows are damaged", 2);
}

/* In a child, since damaged pages may crash LMDB: 0 when everything reads as `hash`, 1 when damage
 * was found, else it reads otherwise: what must never be. */
static int read_in_child(uint64_t hash)
{
    pid_t child = fork();
    if (child == 0) {
        struct stk_journal_report report;
        struct test_reading reading = {0};
        test_child_begin();
        if (stk_journal_verify(folder.path, &report, NULL) != STK_OK ||
            stk_journal_read_folder(folder.path, 1, test_reading_add, &reading, NULL) != STK_OK)
            _exit(1);
        _exit(reading.hash == hash ? 0 : 2);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* R14 for J. Bits are flipped anywhere in the used pages: LMDB's own included. */
static void test_flipped_bits(void **state)
{
    (void)state;
    unsigned seed = 20261122;
    test_segments_fill(&chain, folder.path, 1, 150, 1, 700); /* inside LMDB's leaves */
    struct stk_kv *kv;
    struct stk_path path = segment_path(1);
    uint64_t used, map;
    assert_int_equal(stk_segment_open(&kv, path.text, STK_SEGMENT_WRITE, 0, NULL), STK_OK);
    for (int i = 0; i < 40; i++)
        test_segment_add(&chain, kv, 0, 10, 2000, 1); /* on pages of their own */
    stk_kv_usage(kv, &used, &map);
    stk_kv_close(kv);
    struct test_reading reading = {0};
    assert_int_equal(stk_journal_read_folder(folder.path, 1, test_reading_add, &reading, NULL),
                     STK_OK);
    assert_int_equal(read_in_child(reading.hash), 0);
    int found = 0;
    for (int i = 0; i < 150; i++) {
        uint64_t bit = (((uint64_t)rand_r(&seed) << 31) ^ (uint64_t)rand_r(&seed)) % (used * 8);
        test_flip_bit(path.text, bit);
        int result = read_in_child(reading.hash);
        test_flip_bit(path.text, bit);
        if (result > 1)
            fail_msg("bit %llu changes what is read, unseen", (unsigned long long)bit);
        found += result;
    }
    assert_true(found > 75);
    assert_int_equal(read_in_child(reading.hash), 0);
}

/* A bit in the pages that lead to the data may lead to an older state of the file instead, which is
 * sound in itself: the last batches would be gone. Every bit of LMDB's two meta pages. */
static void test_flipped_bits_of_the_meta_pages(void **state)
{
    (void)state;
    const char *all = getenv("TEST_ALL_BITS");
    test_segments_fill(&chain, folder.path, 1, 40, 1, 700);
    struct stk_path path = segment_path(1);
    struct test_reading reading = {0};
    assert_int_equal(stk_journal_read_folder(folder.path, 1, test_reading_add, &reading, NULL),
                     STK_OK);
    for (uint64_t page = 0; page < 2; page++)
        for (uint64_t bit = page * 4096 * 8; bit < (page * 4096 + 160) * 8; bit += all ? 1 : 7) {
            test_flip_bit(path.text, bit);
            int result = read_in_child(reading.hash);
            test_flip_bit(path.text, bit);
            if (result > 1)
                fail_msg("bit %llu changes what is read, unseen", (unsigned long long)bit);
        }
}

static void test_a_lost_head_is_noticed(void **state)
{
    (void)state;
    struct stk_kv *kv = test_segment_new(&chain, folder.path);
    for (int i = 0; i < 5; i++)
        test_segment_add(&chain, kv, i == 0, 2, 10, i);
    struct stk_kv_txn *txn;
    assert_int_equal(stk_kv_begin(kv, 1, &txn, NULL), STK_OK);
    stk_kv_delete(txn, 0, (struct stk_kv_bytes){"head", 4});
    assert_int_equal(stk_kv_commit(txn, NULL), STK_OK);
    stk_kv_close(kv);
    bad("segment 1: it was written to, but has no head", 0);
}

static void test_a_lost_end_is_noticed(void **state)
{
    (void)state;
    struct stk_kv *kv = test_segment_new(&chain, folder.path);
    for (int i = 0; i < 5; i++)
        test_segment_add(&chain, kv, i == 0, 2, 10, i);
    struct stk_kv_txn *txn;
    uint8_t key[8];
    stk_put_be64(key, 9);
    assert_int_equal(stk_kv_begin(kv, 1, &txn, NULL), STK_OK);
    stk_kv_delete(txn, 1, (struct stk_kv_bytes){key, 8});
    assert_int_equal(stk_kv_commit(txn, NULL), STK_OK);
    stk_kv_close(kv);
    bad("segment 1: ends with batch 4, 6 was committed", 8);
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_empty),
        UNIT(test_sound),
        UNIT(test_first_bad_batch_is_named),
        UNIT(test_gap_between_segments),
        UNIT(test_broken_chain),
        UNIT(test_broken_chain_between_segments),
        UNIT(test_first_batch_follows_nothing),
        UNIT(test_bad_record_inside_a_good_batch),
        UNIT(test_flipped_bits),
        UNIT(test_flipped_bits_of_the_meta_pages),
        UNIT(test_a_lost_head_is_noticed),
        UNIT(test_a_lost_end_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
