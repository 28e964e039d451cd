/* Notes. Always: a note's key is in the index once; its bytes are its own block of the heap. */
#include "core/state/note.h"
#include "core/base/hash.h"
#include <string.h>

enum stk_status stk_notes_init(struct stk_notes *notes, uint32_t capacity, uint64_t bytes,
                               struct stk_error *err)
{
    *notes = (struct stk_notes){0};
    enum stk_status status = stk_pool_init(&notes->pool, sizeof(struct stk_note), capacity, err);
    if (status == STK_OK)
        status = stk_heap_init(&notes->heap, bytes, err);
    if (status == STK_OK)
        status = stk_index_init(&notes->index, capacity, err);
    if (status != STK_OK)
        stk_notes_fini(notes);
    return status;
}

void stk_notes_fini(struct stk_notes *notes)
{
    stk_index_fini(&notes->index);
    stk_heap_fini(&notes->heap);
    stk_pool_fini(&notes->pool);
}

static uint64_t hash_of(stk_channel_t channel, struct stk_bytes key)
{
    return stk_hash64(key.data, key.size, channel);
}

struct stk_bytes stk_notes_key(const struct stk_notes *notes, uint32_t slot)
{
    const struct stk_note *note = stk_notes_at(notes, slot);
    return (struct stk_bytes){stk_heap_at(&notes->heap, note->data), note->key_size};
}

struct stk_bytes stk_notes_value(const struct stk_notes *notes, uint32_t slot)
{
    const struct stk_note *note = stk_notes_at(notes, slot);
    return (struct stk_bytes){(const char *)stk_heap_at(&notes->heap, note->data) + note->key_size,
                              note->value_size};
}

uint32_t stk_notes_find(const struct stk_notes *notes, stk_channel_t channel, struct stk_bytes key)
{
    uint64_t cursor = 0;
    uint32_t slot;
    while ((slot = stk_index_next(&notes->index, hash_of(channel, key), &cursor)) != STK_NONE) {
        struct stk_bytes there = stk_notes_key(notes, slot);
        if (stk_notes_at(notes, slot)->channel == channel && there.size == key.size &&
            memcmp(there.data, key.data, key.size) == 0)
            return slot;
    }
    return STK_NONE;
}

int stk_notes_has_room(const struct stk_notes *notes, uint32_t bytes)
{
    return notes->pool.used < notes->pool.capacity &&
           notes->heap.capacity_bytes - notes->heap.top_bytes >= stk_heap_rounded(bytes);
}

uint32_t stk_notes_put(struct stk_notes *notes, stk_channel_t channel, struct stk_bytes key,
                       struct stk_bytes value)
{
    stk_assert(key.size > 0 && key.size <= STK_ID_MAX && value.size <= STK_NOTE_MAX);
    uint32_t slot = stk_notes_find(notes, channel, key);
    if (slot == STK_NONE && notes->pool.used == notes->pool.capacity)
        return STK_NONE;
    uint32_t data = stk_heap_take(&notes->heap, key.size + value.size);
    if (data == STK_NONE)
        return STK_NONE;
    uint8_t *to = stk_heap_at(&notes->heap, data);
    memcpy(to, key.data, key.size);
    if (value.size)
        memcpy(to + key.size, value.data, value.size);
    if (slot != STK_NONE) {
        struct stk_note *old = stk_notes_at(notes, slot);
        stk_heap_give(&notes->heap, old->data, old->key_size + old->value_size);
    } else {
        slot = stk_pool_take(&notes->pool);
        enum stk_status status = stk_index_insert(&notes->index, hash_of(channel, key), slot);
        stk_assert(status == STK_OK);
    }
    *stk_notes_at(notes, slot) = (struct stk_note){
        .data = data,
        .value_size = value.size,
        .channel = channel,
        .key_size = (uint8_t)key.size,
    };
    return slot;
}
