/* Splitmix64, and the two functions that need a logarithm, in fixed point with 24 bits: libm may
 * differ from machine to machine, and then a seed would not replay. */
#include "plugins/simulator/chance.h"

#define ONE   (UINT64_C(1) << 24)
#define LN2   UINT64_C(11629080) /* of ONE */
#define MIX_A UINT64_C(0xbf58476d1ce4e5b9)
#define MIX_B UINT64_C(0x94d049bb133111eb)
#define STEP  UINT64_C(0x9e3779b97f4a7c15)

uint64_t chance_next(struct chance *chance)
{
    uint64_t value = chance->state += STEP;
    value = (value ^ (value >> 30)) * MIX_A;
    value = (value ^ (value >> 27)) * MIX_B;
    return value ^ (value >> 31);
}

struct chance chance_seed(uint64_t seed, uint64_t purpose)
{
    struct chance chance = {seed * STEP + 1};
    chance.state = chance_next(&chance) ^ (purpose * MIX_B);
    chance.state = chance_next(&chance);
    return chance;
}

uint64_t chance_below(struct chance *chance, uint64_t limit)
{
    return limit ? (uint64_t)(((__uint128_t)chance_next(chance) * limit) >> 64) : 0;
}

int64_t chance_between(struct chance *chance, int64_t low, int64_t high)
{
    return high <= low ? low : low + (int64_t)chance_below(chance, (uint64_t)(high - low) + 1);
}

int chance_hits(struct chance *chance, uint32_t ppm)
{
    return ppm && chance_below(chance, 1000000) < ppm;
}

/* log2(x) of ONE, x >= 1: the whole part is the highest bit, each squaring gives one bit more. */
static uint64_t log2_of(uint64_t x)
{
    int whole = 63 - __builtin_clzll(x);
    uint64_t mantissa = x << (63 - whole), part = 0;
    for (uint64_t bit = ONE >> 1; bit; bit >>= 1) {
        __uint128_t square = ((__uint128_t)mantissa * mantissa) >> 63;
        if (square >> 64) {
            part |= bit;
            square >>= 1;
        }
        mantissa = (uint64_t)square;
    }
    return (uint64_t)whole * ONE + part;
}

int64_t chance_mean(struct chance *chance, int64_t mean)
{
    uint64_t x = (chance_next(chance) >> 11) + 1; /* 1 .. 2^53 */
    uint64_t minus_log2 = 53 * ONE - log2_of(x);
    if (mean <= 0)
        return 0;
    return (int64_t)(((__uint128_t)((__uint128_t)minus_log2 * LN2) * (uint64_t)mean) >> 48);
}

uint64_t chance_zipf_weight(uint32_t rank, uint32_t milli)
{
    uint64_t power = log2_of((uint64_t)rank + 1) * milli / 1000;
    uint64_t whole = power / ONE, f = power % ONE, f2 = (f * f) / ONE, f3 = (f2 * f) / ONE;
    /* 2^-f for 0 <= f < 1: four terms of the series, good to 1 in 700 */
    uint64_t part = ONE - LN2 * f / ONE + 4030333 * f2 / ONE - 931205 * f3 / ONE +
                    161365 * ((f2 * f2) / ONE) / ONE;
    return whole > 31 ? 1 : ((part << 8) >> whole) + 1;
}
