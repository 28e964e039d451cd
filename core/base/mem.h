/* Memory whose capacity is fixed at start: reserved as untouched virtual memory, touched as used.
 * Nothing here takes a lock; each object has one writing thread. A slot never moves. */
#ifndef STK_BASE_MEM_H
#define STK_BASE_MEM_H

#include "core/base/err.h"
#include <stddef.h>
#include <stdint.h>

/* Reserve `bytes` of zeroed memory that costs nothing until touched (mmap, MAP_NORESERVE;
 * transparent huge pages are asked for when huge). NULL and err on failure. Free with
 * stk_mem_unreserve. */
void *stk_mem_reserve(uint64_t bytes, int huge, struct stk_error *err);
void stk_mem_unreserve(void *base, uint64_t bytes);
/* Have the first `bytes` of it touched now rather than when they are used; no effect where the
 * system cannot. */
void stk_mem_touch(void *base, uint64_t bytes);

/* A pool of equal items, addressed by a 32-bit index. take gives the most recently freed one first;
 * a taken item is zeroed. The first 4 bytes of a free item link the free list: an item has 4 bytes
 * or more. */
struct stk_pool {
    uint8_t *base;
    uint32_t item_size;
    uint32_t capacity;
    uint32_t used; /* items in use */
    uint32_t top;  /* items ever touched: [0, top) */
    uint32_t free_head;
};
enum stk_status stk_pool_init(struct stk_pool *pool, uint32_t item_size, uint32_t capacity,
                              struct stk_error *err);
void stk_pool_fini(struct stk_pool *pool); /* NULL-safe, also on a zeroed pool */
/* STK_NONE when full. */
uint32_t stk_pool_take(struct stk_pool *pool);
void stk_pool_give(struct stk_pool *pool, uint32_t index);
/* For recovery: take exactly this index (index < capacity, not in use). After a series of these,
 * stk_pool_rebuild_free makes the free list from used(self, index). */
void stk_pool_take_at(struct stk_pool *pool, uint32_t index);
void stk_pool_rebuild_free(struct stk_pool *pool, int (*used)(void *self, uint32_t index),
                           void *self);
static inline void *stk_pool_at(const struct stk_pool *pool, uint32_t index)
{
    return pool->base + (uint64_t)index * pool->item_size;
}

/* A heap of byte blocks in one reserved area, addressed by a 32-bit handle in units of 16 bytes
 * (64 GiB at most). Sizes are rounded up to classes (16, 32, 48, 64, 80, 96, 112, 128, then steps
 * of an eighth of a power of two) and freed blocks are reused within their class. */
#define STK_HEAP_CLASSES 160
struct stk_heap {
    uint8_t *base;
    uint64_t capacity_bytes;
    uint64_t top_bytes;
    uint64_t used_bytes; /* in use, rounded sizes */
    uint32_t free_head[STK_HEAP_CLASSES];
};
enum stk_status stk_heap_init(struct stk_heap *heap, uint64_t capacity_bytes,
                              struct stk_error *err);
void stk_heap_fini(struct stk_heap *heap);
/* STK_NONE when full. Contents are not zeroed. size 1 to 16 MiB. */
uint32_t stk_heap_take(struct stk_heap *heap, uint32_t size);
void stk_heap_give(struct stk_heap *heap, uint32_t handle, uint32_t size);
uint32_t stk_heap_rounded(uint32_t size);
static inline void *stk_heap_at(const struct stk_heap *heap, uint32_t handle)
{
    return heap->base + (uint64_t)handle * 16;
}

/* malloc family that can be told to fail, for tests (goal R13): the n-th call from now fails, m
 * times. Used wherever core allocates at start or on cold paths. Thread-safe. */
void *stk_alloc(size_t size); /* zeroed; from 64 bytes on it starts on a cache line */
void *stk_realloc(void *old, size_t size);
void stk_free(void *memory);
void stk_alloc_fail_at(int64_t nth, int64_t times); /* nth 0 = off */
int64_t stk_alloc_calls(void);

#endif
