/* Batches written as they are into a folder of segments, for backups and restored journals: many in
 * one commit, no file preallocated, the chain checked as they come. One thread. */
#ifndef STK_STORE_SPOOL_H
#define STK_STORE_SPOOL_H

#include "core/store/segment.h"

struct stk_spool {
    const char *folder; /* given; exists and is empty */
    uint8_t id[STK_JOURNAL_ID_BYTES];
    /* what was added */
    stk_seq_t first, last; /* 0, 0: nothing */
    uint64_t number;
    stk_time_t last_ms;
    uint8_t chain[STK_CHAIN_BYTES];
    /* its own */
    struct stk_chain *hasher;
    struct stk_kv *kv;
    struct stk_segment_head head;
    int head_waits; /* the segment in use has no head yet */
    uint8_t *buffer;
    uint32_t used;
    struct stk_bytes *batches;
    uint32_t count;
};
enum stk_status stk_spool_init(struct stk_spool *spool, const char *folder,
                               const uint8_t id[STK_JOURNAL_ID_BYTES], struct stk_error *err);
/* The next batch. STK_CORRUPT: it does not follow the one before. */
enum stk_status stk_spool_add(struct stk_spool *spool, const struct stk_batch_view *batch,
                              struct stk_error *err);
/* All of it is on the disk, and no reader table lies beside it. */
enum stk_status stk_spool_end(struct stk_spool *spool, struct stk_error *err);
void stk_spool_fini(struct stk_spool *spool);

#endif
