/* Open addressing from a 64-bit hash to a 32-bit value; one writer, readers on any thread. An entry
 * is one 8-byte word (the upper half of the hash, value + 1), so a reader sees it whole. The caller
 * compares what the value stands for. Fixed capacity; no tombstones: removing moves the entries
 * behind it up, which a reader on another thread learns from read_retry after a miss. */
#ifndef STK_STATE_INDEX_H
#define STK_STATE_INDEX_H

#include "core/base/mem.h"
#include "core/base/seqlock.h"
#include <stdatomic.h>

struct stk_index {
    _Atomic uint64_t *entries; /* 0 = empty */
    uint64_t size;             /* entries: a third more than the capacity, no power of two */
    uint32_t capacity;         /* values it takes */
    uint32_t count;            /* writer */
    struct stk_seqlock moves;  /* entries are being moved by a remove */
};
/* All memory is reserved, none touched: 10.7 bytes per value of the capacity. */
enum stk_status stk_index_init(struct stk_index *index, uint32_t capacity, struct stk_error *err);
void stk_index_fini(struct stk_index *index); /* also on a zeroed one */

/* Candidates whose tag agrees: start with cursor 0 and go on until STK_NONE. Any thread; the
 * acquire pairs with the release in insert: what was written before is seen. */
uint32_t stk_index_next(const struct stk_index *index, uint64_t hash, uint64_t *cursor);
void stk_index_prefetch(const struct stk_index *index, uint64_t hash);
/* Threads that are not the writer: begin, look, and when nothing was found and retry says 1, look
 * again. */
static inline uint32_t stk_index_read_begin(const struct stk_index *index)
{
    return stk_seqlock_read_begin(&index->moves);
}
static inline int stk_index_read_retry(const struct stk_index *index, uint32_t version)
{
    return stk_seqlock_read_retry(&index->moves, version);
}
/* Writer: STK_FULL when the capacity is used up. The caller has looked that it is not there. */
enum stk_status stk_index_insert(struct stk_index *index, uint64_t hash, uint32_t value);
/* Writer: asserts it is there. */
void stk_index_remove(struct stk_index *index, uint64_t hash, uint32_t value);

#endif
