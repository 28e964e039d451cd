/* The one door to xxHash. Compiled in from its header, so that short keys cost no call. */
#define XXH_INLINE_ALL
#include "core/base/hash.h"
#include "core/base/err.h"
#include "core/base/limits.h"
#include <string.h>
#include <xxhash.h>

#define KEY_SEED UINT64_C(0x73746b2d6b657931) /* "stk-key1": keys are on disk */

uint64_t stk_hash64(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}

struct stk_hash stk_hash128(const void *data, size_t size, uint64_t seed)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(data, size, seed);
    return (struct stk_hash){.low = hash.low64, .high = hash.high64};
}

struct stk_hash stk_hash_key(unsigned space, struct stk_bytes source, struct stk_bytes id)
{
    uint8_t bytes[2 + 2 * STK_ID_MAX];
    stk_assert(source.size <= STK_ID_MAX && id.size <= STK_ID_MAX);
    bytes[0] = (uint8_t)space;
    bytes[1] = (uint8_t)source.size;
    if (source.size)
        memcpy(bytes + 2, source.data, source.size);
    if (id.size)
        memcpy(bytes + 2 + source.size, id.data, id.size);
    return stk_hash128(bytes, 2 + source.size + id.size, KEY_SEED);
}
