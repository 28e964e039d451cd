/* xxHash and SHA-256 behind one door each: keys and checksums here, the audit chain in chain.h. */
#ifndef STK_BASE_HASH_H
#define STK_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <stockade/types.h>

/* XXH3, not cryptographic. The seeds keep the domains apart. Thread-safe. */
uint64_t stk_hash64(const void *data, size_t size, uint64_t seed);
struct stk_hash stk_hash128(const void *data, size_t size, uint64_t seed);

/* The idempotency key of source and id, at most STK_ID_MAX bytes each. It is on disk. */
struct stk_hash stk_hash_key(unsigned space, struct stk_bytes source, struct stk_bytes id);

static inline int stk_hash_equal(struct stk_hash a, struct stk_hash b)
{
    return a.low == b.low && a.high == b.high;
}

#endif
