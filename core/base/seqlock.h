/* Seqlock: one writer, readers on any thread that never wait for it and retry when it was writing.
 * The payload is read and written by relaxed atomics (C11), or it would be a data race.
 *
 * Write: stk_seqlock_write_begin; relaxed stores; stk_seqlock_write_end.
 * Read:  do { s = stk_seqlock_read_begin(&v); relaxed loads; } while (stk_seqlock_read_retry(&v,
 * s)); */
#ifndef STK_BASE_SEQLOCK_H
#define STK_BASE_SEQLOCK_H

#include <stdatomic.h>
#include <stdint.h>

struct stk_seqlock {
    _Atomic uint32_t version; /* odd while the writer is inside */
};

static inline uint32_t stk_seqlock_read_begin(const struct stk_seqlock *lock)
{
    uint32_t version;
    /* acquire: pairs with the release store in write_end; payload loads stay behind it */
    while ((version = atomic_load_explicit(&lock->version, memory_order_acquire)) & 1u)
        ;
    return version;
}

static inline int stk_seqlock_read_retry(const struct stk_seqlock *lock, uint32_t version)
{
    /* payload loads stay before the second look at the version; pairs with write_begin's fence */
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&lock->version, memory_order_relaxed) != version;
}

static inline void stk_seqlock_write_begin(struct stk_seqlock *lock)
{
    uint32_t version = atomic_load_explicit(&lock->version, memory_order_relaxed);
    atomic_store_explicit(&lock->version, version + 1, memory_order_relaxed);
    /* the odd version is seen before any payload store; pairs with read_retry's fence */
    atomic_thread_fence(memory_order_release);
}

static inline void stk_seqlock_write_end(struct stk_seqlock *lock)
{
    uint32_t version = atomic_load_explicit(&lock->version, memory_order_relaxed);
    /* release: payload stores are seen before the even version; pairs with read_begin */
    atomic_store_explicit(&lock->version, version + 1, memory_order_release);
}

#endif
