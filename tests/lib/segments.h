/* Segments written by hand, for tests of what reads them. */
#ifndef STK_TESTS_SEGMENTS_H
#define STK_TESTS_SEGMENTS_H

#include "core/store/segment.h"

/* Keeps sequence and chain from batch to batch. Zero it; first batch is sequence 1. */
struct test_chain {
    stk_seq_t last;
    uint64_t number;
    uint8_t chain[STK_CHAIN_BYTES];
    uint8_t id[STK_JOURNAL_ID_BYTES];
    struct stk_batch batch;
};
void test_chain_fini(struct test_chain *chain);
/* A new segment file (not preallocated) that goes on where the chain is. Aborts on an error. */
struct stk_kv *test_segment_new(struct test_chain *chain, const char *folder);
/* Append a batch of `records` ORDER rows of `bytes` each; with_head for the first of a segment. */
void test_segment_add(struct test_chain *chain, struct stk_kv *kv, int with_head, uint32_t records,
                      uint32_t bytes, stk_time_t time_ms);
/* A folder with `segments` segments of `batches` batches each. */
void test_segments_fill(struct test_chain *chain, const char *folder, uint32_t segments,
                        uint32_t batches, uint32_t records, uint32_t bytes);

/* In a forked child that reads damaged files: cmocka's signal handlers off (they would go on with
 * the next test), quiet, and ended by SIGALRM after 5 s. */
void test_child_begin(void);
/* Flip one bit of a file in place. */
void test_flip_bit(const char *path, uint64_t bit);
/* Where these bytes lie in a file; aborts when they do not. */
uint64_t test_find_bytes(const char *path, const void *bytes, size_t size);

#endif
