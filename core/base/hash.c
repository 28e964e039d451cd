/* The one door to xxHash. Compiled in from its header, so that short keys cost no call. */
#define XXH_INLINE_ALL
#include "core/base/hash.h"
#include <xxhash.h>

uint64_t stk_hash64(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}

struct stk_hash stk_hash128(const void *data, size_t size, uint64_t seed)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(data, size, seed);
    return (struct stk_hash){.low = hash.low64, .high = hash.high64};
}
