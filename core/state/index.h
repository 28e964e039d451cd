/* Open addressing from a 64-bit hash to a 32-bit value; one writer, readers on any thread. An entry
 * is one 8-byte word (tag, value + 1), so a reader sees it whole. The caller compares what the
 * value stands for. Fixed capacity; deletion leaves a tombstone that an insert uses again. */
#ifndef STK_STATE_INDEX_H
#define STK_STATE_INDEX_H

#include "core/base/mem.h"
#include <stdatomic.h>

struct stk_index {
    _Atomic uint64_t *entries;
    uint64_t mask;
    uint32_t capacity; /* values it takes, at most 0.75 of the entries */
    uint32_t count;
};
enum stk_status stk_index_init(struct stk_index *index, uint32_t capacity, struct stk_error *err);
void stk_index_fini(struct stk_index *index);

/* Candidates whose tag agrees: start with cursor 0 and go on until STK_NONE. Any thread. */
uint32_t stk_index_next(const struct stk_index *index, uint64_t hash, uint64_t *cursor);
void stk_index_prefetch(const struct stk_index *index, uint64_t hash);
/* Writer: STK_FULL when the capacity is used up. The caller has looked that it is not there. */
enum stk_status stk_index_insert(struct stk_index *index, uint64_t hash, uint32_t value);
void stk_index_remove(struct stk_index *index, uint64_t hash,
                      uint32_t value); /* asserts it is there */

#endif
