/* Bounded lock-free ring of variable-size records, one producer thread and one consumer thread.
 * The suffix is the contract. Records are contiguous and 8-byte aligned. */
#ifndef STK_BASE_RING_H
#define STK_BASE_RING_H

#include "core/base/err.h"
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

struct stk_ring_spsc {
    uint8_t *data;
    uint32_t size; /* a power of two */
    /* producer's own line */
    alignas(64) _Atomic uint64_t tail; /* published */
    uint64_t tail_open;                /* reserved and committed, not yet published */
    uint64_t head_seen;
    uint64_t reserved;
    /* consumer's own line */
    alignas(64) _Atomic uint64_t head; /* released to the producer */
    uint64_t head_next;                /* read, not yet released */
    uint64_t tail_seen;
    /* the consumer says here that it is going to sleep; the producer reads it after publishing */
    alignas(64) _Atomic uint32_t asleep;
};

/* size_bytes: a power of two. */
enum stk_status stk_ring_spsc_init(struct stk_ring_spsc *ring, uint32_t size_bytes,
                                   struct stk_error *err);
void stk_ring_spsc_fini(struct stk_ring_spsc *ring);

/* Producer: room for a record of up to `size` bytes, 8-aligned, or NULL when full. One at a time;
 * one that is never committed leaves no trace. A record and its 8 bytes of header take at most half
 * of the ring. */
void *stk_ring_spsc_reserve(struct stk_ring_spsc *ring, uint32_t size);
/* Producer: the reserved record is `size` bytes long (<= what was reserved). Not visible yet. */
void stk_ring_spsc_commit(struct stk_ring_spsc *ring, uint32_t size);
/* Producer: make all committed records visible. Returns 1 when the consumer sleeps and the caller
 * must wake it (the flag is cleared: one wake-up per sleep). */
int stk_ring_spsc_publish(struct stk_ring_spsc *ring);

/* Consumer: the next record and its size, or NULL. It stays valid until stk_ring_spsc_release. */
const void *stk_ring_spsc_next(struct stk_ring_spsc *ring, uint32_t *size);
/* Consumer: look at the next record without moving on; NULL when there is none. */
const void *stk_ring_spsc_peek(struct stk_ring_spsc *ring, uint32_t *size);
/* Consumer: records beyond the next one, without taking any: *position starts at 0 (the next one).
 * Only those that were visible at the last peek. NULL: no more. */
const void *stk_ring_spsc_ahead(const struct stk_ring_spsc *ring, uint64_t *position,
                                uint32_t *size);
/* Consumer: give back the room of all records that next() returned. */
void stk_ring_spsc_release(struct stk_ring_spsc *ring);
/* Consumer: say that it is about to sleep. Returns 0 when something came meanwhile: do not sleep.
 */
int stk_ring_spsc_prepare_sleep(struct stk_ring_spsc *ring);
void stk_ring_spsc_cancel_sleep(struct stk_ring_spsc *ring);

/* Any thread, approximate: bytes in use. */
uint32_t stk_ring_spsc_used(const struct stk_ring_spsc *ring);

#endif
