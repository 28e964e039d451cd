/* A ring of bytes between two threads.
 *
 * A record is 8 bytes of header (its size) and its bytes, rounded up to 8. Positions only grow; the
 * place in memory is the position modulo the size. A record that would run over the end leaves a
 * skip mark there and lies at the start instead; mark and record become visible together, so the
 * consumer never meets a mark with nothing behind it. A record takes at most half of the ring, so
 * that an empty ring has room for it wherever its end lies.
 *
 * Sleeping: the producer writes tail, then reads asleep; the consumer writes asleep, then reads
 * tail. All four are sequentially consistent, so at least one of them sees the other's write, and a
 * wake-up is never lost. */
#include "core/base/ring.h"
#include "core/base/mem.h"
#include <string.h>

#define HEADER_BYTES 8u
#define SKIP_MARK    UINT32_MAX
#define NOTHING      UINT64_MAX /* no record is reserved */

static uint64_t record_bytes(uint32_t size)
{
    return HEADER_BYTES + (((uint64_t)size + 7) & ~7ull);
}

static uint32_t *header_at(const struct stk_ring_spsc *ring, uint64_t position)
{
    return (uint32_t *)(void *)(ring->data + (position & (ring->size - 1)));
}

enum stk_status stk_ring_spsc_init(struct stk_ring_spsc *ring, uint32_t size_bytes,
                                   struct stk_error *err)
{
    memset(ring, 0, sizeof *ring);
    if (size_bytes < 64 || (size_bytes & (size_bytes - 1)))
        return stk_error_set(err, STK_INVALID, "a ring of %u bytes: must be a power of two",
                             size_bytes);
    ring->data = stk_mem_reserve(size_bytes, 0, err);
    if (!ring->data)
        return err ? err->status : STK_NO_MEMORY;
    ring->size = size_bytes;
    ring->reserved = NOTHING;
    return STK_OK;
}

void stk_ring_spsc_fini(struct stk_ring_spsc *ring)
{
    if (!ring || !ring->data)
        return;
    stk_mem_unreserve(ring->data, ring->size);
    memset(ring, 0, sizeof *ring);
}

/* --- producer --- */

void *stk_ring_spsc_reserve(struct stk_ring_spsc *ring, uint32_t size)
{
    uint64_t need = record_bytes(size);
    uint64_t start = ring->tail_open;
    uint64_t to_end = ring->size - (start & (ring->size - 1));
    stk_assert(need <= ring->size / 2);
    if (need > to_end)
        start += to_end;
    if (start + need - ring->head_seen > ring->size) {
        /* acquire: pairs with the store in release; what the consumer read there is done with */
        ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
        if (start + need - ring->head_seen > ring->size)
            return NULL;
    }
    ring->reserved = start;
    *header_at(ring, start) = size;
    return header_at(ring, start) + 2;
}

void stk_ring_spsc_commit(struct stk_ring_spsc *ring, uint32_t size)
{
    uint64_t start = ring->reserved;
    stk_assert(start != NOTHING && size <= *header_at(ring, start));
    *header_at(ring, start) = size;
    if (start != ring->tail_open)
        *header_at(ring, ring->tail_open) = SKIP_MARK;
    ring->tail_open = start + record_bytes(size);
    ring->reserved = NOTHING;
}

int stk_ring_spsc_publish(struct stk_ring_spsc *ring)
{
    if (atomic_load_explicit(&ring->tail, memory_order_relaxed) == ring->tail_open)
        return 0;
    /* pairs with the loads of tail in next and prepare_sleep */
    atomic_store_explicit(&ring->tail, ring->tail_open, memory_order_seq_cst);
    /* pairs with the store in prepare_sleep */
    if (!atomic_load_explicit(&ring->asleep, memory_order_seq_cst))
        return 0;
    return (int)atomic_exchange_explicit(&ring->asleep, 0, memory_order_acq_rel);
}

/* --- consumer --- */

const void *stk_ring_spsc_peek(struct stk_ring_spsc *ring, uint32_t *size)
{
    const uint32_t *header;
    if (ring->head_next == ring->tail_seen) {
        /* acquire: pairs with the store in publish; the records before it are whole */
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (ring->head_next == ring->tail_seen)
            return NULL;
    }
    header = header_at(ring, ring->head_next);
    if (*header == SKIP_MARK) {
        ring->head_next += ring->size - (ring->head_next & (ring->size - 1));
        header = header_at(ring, ring->head_next);
    }
    *size = *header;
    return header + 2;
}

const void *stk_ring_spsc_next(struct stk_ring_spsc *ring, uint32_t *size)
{
    const void *record = stk_ring_spsc_peek(ring, size);
    if (record)
        ring->head_next += record_bytes(*size);
    return record;
}

const void *stk_ring_spsc_ahead(const struct stk_ring_spsc *ring, uint64_t *position,
                                uint32_t *size)
{
    uint64_t at = *position ? *position : ring->head_next;
    if (at >= ring->tail_seen)
        return NULL;
    const uint32_t *header = header_at(ring, at);
    if (*header == SKIP_MARK) {
        at += ring->size - (at & (ring->size - 1));
        header = header_at(ring, at);
    }
    *size = *header;
    *position = at + record_bytes(*size);
    return header + 2;
}

void stk_ring_spsc_release(struct stk_ring_spsc *ring)
{
    /* release: pairs with the load in reserve; our reads of the records stay before it */
    if (atomic_load_explicit(&ring->head, memory_order_relaxed) != ring->head_next)
        atomic_store_explicit(&ring->head, ring->head_next, memory_order_release);
}

int stk_ring_spsc_prepare_sleep(struct stk_ring_spsc *ring)
{
    /* pairs with the load in publish */
    atomic_store_explicit(&ring->asleep, 1, memory_order_seq_cst);
    /* pairs with the store in publish */
    ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_seq_cst);
    if (ring->head_next == ring->tail_seen)
        return 1;
    stk_ring_spsc_cancel_sleep(ring);
    return 0;
}

void stk_ring_spsc_cancel_sleep(struct stk_ring_spsc *ring)
{
    /* A producer that cleared it already wakes us once for nothing, which is allowed. */
    atomic_store_explicit(&ring->asleep, 0, memory_order_relaxed);
}

uint32_t stk_ring_spsc_used(const struct stk_ring_spsc *ring)
{
    /* head first: it never passes tail, so the difference is not negative; pairs with the store in
     * stk_ring_spsc_release */
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint64_t used = atomic_load_explicit(&ring->tail, memory_order_relaxed) - head;
    return used > ring->size ? ring->size : (uint32_t)used;
}
