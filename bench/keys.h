/* Names and choices that are the same for every system: SKU ids of 12 characters, order ids of 16,
 * and which SKU the n-th order asks for. */
#ifndef STK_BENCH_KEYS_H
#define STK_BENCH_KEYS_H

#include "bench/options.h"

#define BENCH_SKU_SIZE   12 /* "SKU-00001234" */
#define BENCH_ORDER_SIZE 16 /* "ORD-00000000abcd" */

/* Write the changing part of an id at its place, cheaply: 8 decimal or 12 hexadecimal digits. */
extern const char bench_two_digits[200];
extern const char bench_two_hex[512];
static inline void bench_put_digits(uint8_t *at, uint32_t number)
{
    uint32_t high = number / 10000, low = number % 10000;
    __builtin_memcpy(at, bench_two_digits + 2 * (high / 100), 2);
    __builtin_memcpy(at + 2, bench_two_digits + 2 * (high % 100), 2);
    __builtin_memcpy(at + 4, bench_two_digits + 2 * (low / 100), 2);
    __builtin_memcpy(at + 6, bench_two_digits + 2 * (low % 100), 2);
}
static inline void bench_put_hex(uint8_t *at, uint64_t number)
{
    for (int i = 0; i < 6; i++)
        __builtin_memcpy(at + 2 * i, bench_two_hex + 2 * (number >> (40 - 8 * i) & 255), 2);
}
void bench_sku_name(char out[BENCH_SKU_SIZE + 1], uint32_t sku);
void bench_order_name(char out[BENCH_ORDER_SIZE + 1], uint64_t order);

/* A source of choices; one thread each. */
struct bench_picker {
    uint64_t state;
    uint32_t skus;
    int hot;
    const uint32_t *sample; /* Zipf: drawn before the run; NULL: uniform */
    uint32_t sample_mask, at;
};
static inline uint64_t bench_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
static inline uint32_t bench_pick(struct bench_picker *picker)
{
    if (picker->hot)
        return 0;
    if (picker->sample)
        return picker->sample[picker->at++ & picker->sample_mask];
    return (uint32_t)((bench_random(&picker->state) >> 32) * picker->skus >> 32);
}
/* The sample is shared by all pickers and lives until bench_picks_free. 0: out of memory. */
struct bench_picks {
    uint32_t *sample;
    uint32_t count;
};
int bench_picks_make(struct bench_picks *picks, const struct bench_options *options);
void bench_picks_free(struct bench_picks *picks);
struct bench_picker bench_picker(const struct bench_picks *picks,
                                 const struct bench_options *options, unsigned thread);

#endif
