/* Notes: durable key-values of plugins, their cursors among them. Engine thread only. */
#ifndef STK_STATE_NOTE_H
#define STK_STATE_NOTE_H

#include "core/base/limits.h"
#include "core/state/index.h"
#include <stockade/types.h>

struct stk_note {
    uint32_t data; /* heap: key, then value; STK_NONE = free (not in the first four bytes) */
    uint32_t value_size;
    stk_channel_t channel;
    uint8_t key_size, unused;
};
struct stk_notes {
    struct stk_pool pool;
    struct stk_heap heap;
    struct stk_index index;
};
enum stk_status stk_notes_init(struct stk_notes *notes, uint32_t capacity, uint64_t bytes,
                               struct stk_error *err);
void stk_notes_fini(struct stk_notes *notes);
uint32_t stk_notes_find(const struct stk_notes *notes, stk_channel_t channel, struct stk_bytes key);
/* New or changed. STK_NONE when full, and nothing is changed. */
uint32_t stk_notes_put(struct stk_notes *notes, stk_channel_t channel, struct stk_bytes key,
                       struct stk_bytes value);
/* 1: it would not fail now. */
int stk_notes_has_room(const struct stk_notes *notes, uint32_t bytes);
struct stk_bytes stk_notes_key(const struct stk_notes *notes, uint32_t slot);
struct stk_bytes stk_notes_value(const struct stk_notes *notes, uint32_t slot);
static inline struct stk_note *stk_notes_at(const struct stk_notes *notes, uint32_t slot)
{
    return (struct stk_note *)stk_pool_at(&notes->pool, slot);
}

#endif
