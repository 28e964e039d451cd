/* A feed of effects into a log, for tests of the store: what an engine would write, without one. */
#ifndef STK_TESTS_FEED_H
#define STK_TESTS_FEED_H

#include "core/store/journal.h"
#include "core/store/record.h"

/* Fill the next batch with `records` records of about `bytes` each (an ORDER row by sequence, and
 * an ENGINE row) and submit it; waits while all batches are on their way, aborts after 20 s. */
void test_feed_batch(const struct stk_log *log, uint32_t records, uint32_t bytes,
                     stk_time_t time_ms);
/* The last sequence that was fed is durable; aborts after 20 s. Returns it. */
stk_seq_t test_feed_wait(const struct stk_log *log);

/* Counts what a read gives and checks its order; the hash covers every byte in order. */
struct test_reading {
    stk_seq_t first, last;
    uint64_t batches, effects, hash;
    stk_seq_t stop_after; /* 0 = never; else STK_AGAIN once reached */
};
enum stk_status test_reading_add(void *arg, const struct stk_batch_view *view,
                                 struct stk_error *err);

#endif
