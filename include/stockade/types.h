/* Ids, quantities, money, time, byte views; places in flat messages. Stability: stable.
 *
 * Units stand at the end of names: _ms is milliseconds since 1970-01-01 UTC (or a span of them),
 * _minor is money in the minor unit of its currency (ISO 4217 exponent), quantities are units. */
#ifndef STOCKADE_TYPES_H
#define STOCKADE_TYPES_H

#include <stdint.h>

/* Bytes that somebody else owns; not terminated by zero. */
struct stk_bytes {
    const char *data;
    uint32_t size;
};

/* 128 bits: keys and hashes. */
struct stk_hash {
    uint64_t low;
    uint64_t high;
};

typedef uint32_t stk_sku_t;      /* slot of a SKU, fixed for its life; STK_NONE = none */
typedef uint32_t stk_listing_t;  /* slot of a listing */
typedef uint32_t stk_cell_t;     /* slot of a cell */
typedef uint16_t stk_location_t; /* number of a location */
typedef uint16_t stk_channel_t;  /* number of a channel name; 0 = none */
typedef uint64_t stk_seq_t;      /* sequence of an effect, 1 and up; 0 = none */
typedef int64_t stk_time_t;      /* ms since 1970-01-01 UTC */

#define STK_NONE         UINT32_MAX
#define STK_QUANTITY_MAX INT32_MAX

/* Currency as its three letters, e.g. 'G' << 16 | 'B' << 8 | 'P'; 0 = none. Country: two letters.
 */
typedef uint32_t stk_currency_t;
typedef uint16_t stk_country_t;

#define STK_CURRENCY(a, b, c)                                                                      \
    ((stk_currency_t)(((uint32_t)(a) << 16) | ((uint32_t)(b) << 8) | (uint32_t)(c)))
#define STK_COUNTRY(a, b) ((stk_country_t)(((uint32_t)(a) << 8) | (uint32_t)(b)))

/* What a function of the plugin ABI returns: an enum stk_status (status.h) in a fixed width. */
typedef int32_t stk_status_t;

/* A number that nobody knows: a shipping price that a channel does not tell. Times say 0. */
#define STK_ABSENT INT64_MIN

/* Places inside one flat message (event.h). Offsets count from the message's first byte. */
struct stk_text { /* UTF-8 or bytes, not terminated by zero; size 0 = absent */
    uint32_t offset;
    uint32_t size;
};
struct stk_list {       /* items of one struct, one after the other */
    uint32_t offset;    /* multiple of 8 */
    uint32_t count;     /* 0 = none */
    uint32_t item_size; /* of the sender's struct: step by it; multiple of 8 */
    uint32_t reserved;  /* zero */
};
struct stk_messages {  /* whole messages, one after the other, each led by its own size */
    uint32_t offset;   /* multiple of 8 */
    uint32_t size;     /* bytes of all of them */
    uint32_t count;    /* 0 = none */
    uint32_t reserved; /* zero */
};

#endif
