/* Open addressing with linear probing over 8-byte words.
 *
 * Always true: an entry stands at its home or behind it with no empty entry between; its home is
 * made from its tag alone, so that a remove can move entries up without knowing the whole hash.
 * Equal tags of different keys are as rare as count / 2^32. The writer is one thread. */
#include "core/state/index.h"
#include <stockade/types.h>

static uint64_t entry_of(uint64_t hash, uint32_t value)
{
    return (hash & 0xffffffff00000000u) | (uint64_t)(value + 1);
}

/* Multiply and shift: any size will do, not only powers of two. */
static uint64_t home_of(const struct stk_index *index, uint64_t hash)
{
    return ((hash >> 32) * index->size) >> 32;
}

static uint64_t next_of(const struct stk_index *index, uint64_t at)
{
    return at + 1 == index->size ? 0 : at + 1;
}

/* Steps from one place to another, around the end. */
static uint64_t distance(const struct stk_index *index, uint64_t from, uint64_t to)
{
    return to >= from ? to - from : to + index->size - from;
}

enum stk_status stk_index_init(struct stk_index *index, uint32_t capacity, struct stk_error *err)
{
    *index = (struct stk_index){0};
    stk_assert(capacity > 0 && capacity < STK_NONE);
    /* three quarters full at most, and at least one empty entry to end a search */
    index->size = (uint64_t)capacity + capacity / 3 + 2;
    if (index->size > UINT32_MAX)
        return stk_error_set(err, STK_INVALID, "an index cannot hold %u values", capacity);
    index->entries = stk_mem_reserve(index->size * 8, index->size * 8 >= 8u << 20, err);
    if (!index->entries)
        return err ? err->status : STK_NO_MEMORY;
    index->capacity = capacity;
    return STK_OK;
}

void stk_index_fini(struct stk_index *index)
{
    if (index && index->entries)
        stk_mem_unreserve(index->entries, index->size * 8);
    if (index)
        *index = (struct stk_index){0};
}

uint32_t stk_index_next(const struct stk_index *index, uint64_t hash, uint64_t *cursor)
{
    uint64_t at = home_of(index, hash) + *cursor;
    if (at >= index->size)
        at -= index->size;
    for (; *cursor < index->size; at = next_of(index, at)) {
        /* acquire: pairs with the release stores in insert and remove */
        uint64_t entry = atomic_load_explicit(&index->entries[at], memory_order_acquire);
        ++*cursor;
        if (entry == 0)
            break;
        if ((entry ^ hash) >> 32 == 0)
            return (uint32_t)entry - 1;
    }
    *cursor = index->size;
    return STK_NONE;
}

void stk_index_prefetch(const struct stk_index *index, uint64_t hash)
{
    __builtin_prefetch((const void *)&index->entries[home_of(index, hash)]);
}

enum stk_status stk_index_insert(struct stk_index *index, uint64_t hash, uint32_t value)
{
    uint64_t at = home_of(index, hash);
    stk_assert(value != STK_NONE);
    if (index->count == index->capacity)
        return STK_FULL;
    while (atomic_load_explicit(&index->entries[at], memory_order_relaxed) != 0)
        at = next_of(index, at);
    /* release: pairs with the load in next; what the value stands for is seen by whoever sees the
     * entry */
    atomic_store_explicit(&index->entries[at], entry_of(hash, value), memory_order_release);
    index->count++;
    return STK_OK;
}

void stk_index_remove(struct stk_index *index, uint64_t hash, uint32_t value)
{
    uint64_t hole = home_of(index, hash), at;
    uint64_t entry = entry_of(hash, value), found;
    while ((found = atomic_load_explicit(&index->entries[hole], memory_order_relaxed)) != entry) {
        stk_assert(found != 0);
        hole = next_of(index, hole);
    }
    stk_seqlock_write_begin(&index->moves);
    for (at = next_of(index, hole);; at = next_of(index, at)) {
        entry = atomic_load_explicit(&index->entries[at], memory_order_relaxed);
        if (entry == 0)
            break;
        /* it may move up when its home does not lie behind the hole */
        if (distance(index, home_of(index, entry), at) < distance(index, hole, at))
            continue;
        /* release: pairs with the load in next */
        atomic_store_explicit(&index->entries[hole], entry, memory_order_release);
        hole = at;
    }
    atomic_store_explicit(&index->entries[hole], 0, memory_order_relaxed);
    stk_seqlock_write_end(&index->moves);
    index->count--;
}
