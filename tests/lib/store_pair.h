/* A journal and a state in one data folder, with a fold, for tests of what works on both. */
#ifndef STK_TESTS_STORE_PAIR_H
#define STK_TESTS_STORE_PAIR_H

#include "core/store/fold.h"
#include "tests/lib/row_feed.h"

struct store_pair {
    char data[600], journal_folder[700], state_folder[700];
    struct stk_journal *journal;
    struct stk_rows *rows;
    struct stk_fold *fold;
    struct stk_log log;
    struct row_feed feed;
};
/* Opens or makes it; the journal runs, the fold does not. Aborts on an error. */
void store_pair_open(struct store_pair *pair, const char *data);
void store_pair_close(struct store_pair *pair);
/* `batches` batches of 10 records: an order of its own each, one of 100 cells, now and then a key;
 * the clock goes on by 1 s a batch. Waits until they are durable. */
void store_pair_feed(struct store_pair *pair, int batches);
void store_pair_fold(struct store_pair *pair);
/* A hash over every row of S; the state is folded as far as the journal reaches first. */
uint64_t store_pair_hash(struct store_pair *pair);

#endif
