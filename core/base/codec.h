/* Bytes of records: fixed big-endian for keys (cursor order is number order), varints for values.
 * Writers never overflow: the caller reserves the bound. Readers are sticky: after the first fault
 * every get returns 0 and `bad` is set; one check at the end. */
#ifndef STK_BASE_CODEC_H
#define STK_BASE_CODEC_H

#include <stdint.h>
#include <stockade/types.h>
#include <string.h>

#define STK_VARINT_MAX 10

static inline uint8_t *stk_put_be16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8), at[1] = (uint8_t)value;
    return at + 2;
}

static inline uint8_t *stk_put_be32(uint8_t *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, 4);
    return at + 4;
}

static inline uint8_t *stk_put_be64(uint8_t *at, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(at, &value, 8);
    return at + 8;
}

static inline uint8_t *stk_put_varint(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* Signed numbers: small ones of either sign stay short. */
static inline uint8_t *stk_put_zigzag(uint8_t *at, int64_t value)
{
    return stk_put_varint(at, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

/* Length, then the bytes. */
static inline uint8_t *stk_put_bytes(uint8_t *at, const void *data, uint32_t size)
{
    at = stk_put_varint(at, size);
    if (size)
        memcpy(at, data, size);
    return at + size;
}

static inline uint8_t *stk_put_hash(uint8_t *at, struct stk_hash hash)
{
    memcpy(at, &hash.low, 8);
    memcpy(at + 8, &hash.high, 8);
    return at + 16;
}

struct stk_reader {
    const uint8_t *at;
    const uint8_t *end;
    int bad;
};

static inline struct stk_reader stk_reader(const void *data, uint64_t size)
{
    return (struct stk_reader){data, (const uint8_t *)data + size, 0};
}

static inline int stk_reader_fail(struct stk_reader *in)
{
    in->bad = 1;
    in->at = in->end;
    return 0;
}

static inline int stk_reader_has(struct stk_reader *in, uint64_t size)
{
    return (uint64_t)(in->end - in->at) >= size ? 1 : stk_reader_fail(in);
}

static inline uint8_t stk_get_u8(struct stk_reader *in)
{
    return stk_reader_has(in, 1) ? *in->at++ : 0;
}

static inline uint16_t stk_get_be16(struct stk_reader *in)
{
    if (!stk_reader_has(in, 2))
        return 0;
    in->at += 2;
    return (uint16_t)(in->at[-2] << 8 | in->at[-1]);
}

static inline uint32_t stk_get_be32(struct stk_reader *in)
{
    uint32_t value;
    if (!stk_reader_has(in, 4))
        return 0;
    memcpy(&value, in->at, 4);
    in->at += 4;
    return __builtin_bswap32(value);
}

static inline uint64_t stk_get_be64(struct stk_reader *in)
{
    uint64_t value;
    if (!stk_reader_has(in, 8))
        return 0;
    memcpy(&value, in->at, 8);
    in->at += 8;
    return __builtin_bswap64(value);
}

static inline uint64_t stk_get_varint(struct stk_reader *in)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = stk_get_u8(in);
        if (in->bad)
            return 0;
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    return (uint64_t)stk_reader_fail(in);
}

/* A varint of at most max; anything above is a fault. */
static inline uint64_t stk_get_max(struct stk_reader *in, uint64_t max)
{
    uint64_t value = stk_get_varint(in);
    return value > max ? (uint64_t)stk_reader_fail(in) : value;
}

static inline int64_t stk_get_zigzag(struct stk_reader *in)
{
    uint64_t value = stk_get_varint(in);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* A view into the record; empty on a fault. */
static inline struct stk_bytes stk_get_bytes(struct stk_reader *in)
{
    uint64_t size = stk_get_varint(in);
    if (size > UINT32_MAX)
        stk_reader_fail(in);
    if (in->bad || !stk_reader_has(in, size))
        return (struct stk_bytes){0};
    struct stk_bytes view = {(const char *)in->at, (uint32_t)size};
    in->at += size;
    return view;
}

static inline struct stk_hash stk_get_hash(struct stk_reader *in)
{
    struct stk_hash hash = {0};
    if (!stk_reader_has(in, 16))
        return hash;
    memcpy(&hash.low, in->at, 8);
    memcpy(&hash.high, in->at + 8, 8);
    in->at += 16;
    return hash;
}

#endif
