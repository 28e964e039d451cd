/* Reserved memory, pools, heaps, and an allocator that can be told to fail.
 *
 * Always true: a pool's items [0, top) were taken at least once, those above are untouched zero
 * pages; the free list runs through the first four bytes of free items below top. A heap's blocks
 * below top_bytes are in use or on the list of their class. One thread writes each object. */
#include "core/base/mem.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <stockade/types.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_BYTES       4096ull
#define HUGE_BYTES       (2ull * 1024 * 1024)
#define LINE_BYTES       64
#define HEAP_UNIT        16u
#define HEAP_SMALL_MAX   128u /* classes of 16 bytes up to here, then eighths of a power of two */
#define HEAP_SMALL_COUNT (HEAP_SMALL_MAX / HEAP_UNIT)
#define HEAP_SIZE_MAX    (16u * 1024 * 1024)
#define HEAP_BYTES_MAX   (64ull * 1024 * 1024 * 1024)

/* --- failing on purpose --- */

static _Atomic int64_t alloc_calls;
static _Atomic int64_t alloc_fail_from = INT64_MAX;
static _Atomic int64_t alloc_fail_until = INT64_MAX;

/* Counts this call; 1 when it is one of those that must fail. */
static int alloc_must_fail(void)
{
    int64_t call = atomic_fetch_add_explicit(&alloc_calls, 1, memory_order_relaxed) + 1;
    if (call < atomic_load_explicit(&alloc_fail_from, memory_order_relaxed))
        return 0;
    return call < atomic_load_explicit(&alloc_fail_until, memory_order_relaxed);
}

void stk_alloc_fail_at(int64_t nth, int64_t times)
{
    int64_t from = atomic_load_explicit(&alloc_calls, memory_order_relaxed) + nth;
    int64_t until = times > INT64_MAX - from ? INT64_MAX : from + times;
    int off = nth <= 0 || times <= 0;
    /* until first: no call sees a window that is half old and half new and wider than either */
    atomic_store_explicit(&alloc_fail_from, INT64_MAX, memory_order_relaxed);
    atomic_store_explicit(&alloc_fail_until, off ? INT64_MAX : until, memory_order_relaxed);
    atomic_store_explicit(&alloc_fail_from, off ? INT64_MAX : from, memory_order_relaxed);
}

int64_t stk_alloc_calls(void)
{
    return atomic_load_explicit(&alloc_calls, memory_order_relaxed);
}

void *stk_alloc(size_t size)
{
    void *memory;
    if (alloc_must_fail())
        return NULL;
    if (size < LINE_BYTES)
        return calloc(1, size ? size : 1);
    if (size > SIZE_MAX - LINE_BYTES)
        return NULL;
    memory = aligned_alloc(LINE_BYTES, (size + LINE_BYTES - 1) & ~(size_t)(LINE_BYTES - 1));
    return memory ? memset(memory, 0, size) : NULL;
}

void *stk_realloc(void *old, size_t size)
{
    return alloc_must_fail() ? NULL : realloc(old, size ? size : 1);
}

void stk_free(void *memory)
{
    free(memory);
}

/* --- reserved memory --- */

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

/* Cut the ends off a mapping so that it starts on a huge page. */
static uint8_t *trim_to_huge(uint8_t *raw, uint64_t raw_bytes, uint64_t bytes)
{
    uint8_t *base = (uint8_t *)round_up((uintptr_t)raw, HUGE_BYTES);
    uint64_t before = (uint64_t)(base - raw);
    uint64_t after = raw_bytes - before - bytes;
    if (before)
        munmap(raw, before);
    if (after)
        munmap(base + bytes, after);
    /* advice only: without it the memory works the same, a little slower */
    madvise(base, bytes, MADV_HUGEPAGE);
    return base;
}

void *stk_mem_reserve(uint64_t bytes, int huge, struct stk_error *err)
{
    uint64_t want = round_up(bytes, PAGE_BYTES);
    uint64_t raw_bytes = huge ? want + HUGE_BYTES : want;
    if (bytes == 0 || want < bytes || raw_bytes < want) {
        stk_error_set(err, STK_INVALID, "cannot reserve %llu bytes", (unsigned long long)bytes);
        return NULL;
    }
    void *raw = alloc_must_fail() ? (errno = ENOMEM, MAP_FAILED)
                                  : mmap(NULL, raw_bytes, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) {
        stk_error_errno(err, errno, "cannot reserve %llu bytes of memory",
                        (unsigned long long)bytes);
        return NULL;
    }
    return huge ? trim_to_huge(raw, raw_bytes, want) : raw;
}

void stk_mem_touch(void *base, uint64_t bytes)
{
    madvise(base, round_up(bytes, PAGE_BYTES), MADV_POPULATE_WRITE);
}

void stk_mem_unreserve(void *base, uint64_t bytes)
{
    if (base)
        munmap(base, round_up(bytes, PAGE_BYTES));
}

/* --- pool --- */

static uint64_t pool_bytes(const struct stk_pool *pool)
{
    return (uint64_t)pool->item_size * pool->capacity;
}

enum stk_status stk_pool_init(struct stk_pool *pool, uint32_t item_size, uint32_t capacity,
                              struct stk_error *err)
{
    stk_assert(item_size >= sizeof(uint32_t));
    *pool = (struct stk_pool){0};
    if (capacity == 0 || capacity == STK_NONE)
        return stk_error_set(err, STK_INVALID, "a pool cannot hold %u items", capacity);
    pool->item_size = item_size;
    pool->capacity = capacity;
    pool->free_head = STK_NONE;
    /* Filled from the bottom up, so huge pages waste at most one, which small pools cannot spare.
     */
    pool->base = stk_mem_reserve(pool_bytes(pool), pool_bytes(pool) >= 4 * HUGE_BYTES, err);
    if (!pool->base) {
        *pool = (struct stk_pool){0};
        return err ? err->status : STK_NO_MEMORY;
    }
    return STK_OK;
}

void stk_pool_fini(struct stk_pool *pool)
{
    if (!pool || !pool->base)
        return;
    stk_mem_unreserve(pool->base, pool_bytes(pool));
    *pool = (struct stk_pool){0};
}

uint32_t stk_pool_take(struct stk_pool *pool)
{
    uint32_t index = pool->free_head;
    if (index != STK_NONE) {
        void *item = stk_pool_at(pool, index);
        memcpy(&pool->free_head, item, sizeof pool->free_head);
        memset(item, 0, pool->item_size);
    } else if (pool->top < pool->capacity) {
        index = pool->top++;
    } else {
        return STK_NONE;
    }
    pool->used++;
    return index;
}

void stk_pool_give(struct stk_pool *pool, uint32_t index)
{
    stk_assert(index < pool->top && pool->used > 0 && index != pool->free_head);
    memcpy(stk_pool_at(pool, index), &pool->free_head, sizeof pool->free_head);
    pool->free_head = index;
    pool->used--;
}

void stk_pool_take_at(struct stk_pool *pool, uint32_t index)
{
    stk_assert(index < pool->capacity);
    if (index < pool->top)
        memset(stk_pool_at(pool, index), 0, pool->item_size);
    else
        pool->top = index + 1;
    pool->used++;
}

void stk_pool_rebuild_free(struct stk_pool *pool, int (*used)(void *self, uint32_t index),
                           void *self)
{
    uint32_t count = 0;
    pool->free_head = STK_NONE;
    /* from the top down, so that the lowest free index is the next one taken */
    for (uint32_t index = pool->top; index-- > 0;) {
        if (used(self, index)) {
            count++;
            continue;
        }
        memcpy(stk_pool_at(pool, index), &pool->free_head, sizeof pool->free_head);
        pool->free_head = index;
    }
    pool->used = count;
}

/* --- heap --- */

/* The class of a size, and what it is rounded to. Above HEAP_SMALL_MAX the sizes in (2^p, 2^(p+1)]
 * are cut into eight steps of 2^p / 8. */
static uint32_t heap_class(uint32_t size, uint32_t *rounded)
{
    uint32_t power, step, eighth;
    stk_assert(size > 0 && size <= HEAP_SIZE_MAX);
    if (size <= HEAP_SMALL_MAX) {
        uint32_t units = (size + HEAP_UNIT - 1) / HEAP_UNIT;
        *rounded = units * HEAP_UNIT;
        return units - 1;
    }
    power = 31 - (uint32_t)__builtin_clz(size - 1);
    step = 1u << (power - 3);
    eighth = (size - (1u << power) + step - 1) / step; /* 1 to 8 */
    *rounded = (1u << power) + eighth * step;
    return HEAP_SMALL_COUNT + (power - 7) * 8 + eighth - 1;
}

_Static_assert(HEAP_SMALL_COUNT + (23 - 7) * 8 + 8 <= STK_HEAP_CLASSES,
               "the class of the largest block has a list");

uint32_t stk_heap_rounded(uint32_t size)
{
    uint32_t rounded;
    heap_class(size, &rounded);
    return rounded;
}

enum stk_status stk_heap_init(struct stk_heap *heap, uint64_t capacity_bytes, struct stk_error *err)
{
    memset(heap, 0, sizeof *heap);
    if (capacity_bytes < HEAP_UNIT || capacity_bytes > HEAP_BYTES_MAX)
        return stk_error_set(err, STK_INVALID, "a heap cannot hold %llu bytes",
                             (unsigned long long)capacity_bytes);
    heap->base = stk_mem_reserve(capacity_bytes, capacity_bytes >= 4 * HUGE_BYTES, err);
    if (!heap->base)
        return err ? err->status : STK_NO_MEMORY;
    heap->capacity_bytes = capacity_bytes;
    for (unsigned i = 0; i < STK_HEAP_CLASSES; i++)
        heap->free_head[i] = STK_NONE;
    return STK_OK;
}

void stk_heap_fini(struct stk_heap *heap)
{
    if (!heap || !heap->base)
        return;
    stk_mem_unreserve(heap->base, heap->capacity_bytes);
    memset(heap, 0, sizeof *heap);
}

uint32_t stk_heap_take(struct stk_heap *heap, uint32_t size)
{
    uint32_t rounded;
    uint32_t *head = &heap->free_head[heap_class(size, &rounded)];
    uint32_t handle = *head;
    if (handle != STK_NONE) {
        memcpy(head, stk_heap_at(heap, handle), sizeof *head);
    } else {
        if (heap->capacity_bytes - heap->top_bytes < rounded ||
            heap->top_bytes / HEAP_UNIT >= STK_NONE)
            return STK_NONE;
        handle = (uint32_t)(heap->top_bytes / HEAP_UNIT);
        heap->top_bytes += rounded;
    }
    heap->used_bytes += rounded;
    return handle;
}

void stk_heap_give(struct stk_heap *heap, uint32_t handle, uint32_t size)
{
    uint32_t rounded;
    uint32_t *head = &heap->free_head[heap_class(size, &rounded)];
    stk_assert((uint64_t)handle * HEAP_UNIT + rounded <= heap->top_bytes);
    stk_assert(heap->used_bytes >= rounded && handle != *head);
    memcpy(stk_heap_at(heap, handle), head, sizeof *head);
    *head = handle;
    heap->used_bytes -= rounded;
}
