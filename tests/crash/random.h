/* Seeded random numbers (splitmix64): the same seed gives the same run. */
#ifndef TESTS_CRASH_RANDOM_H
#define TESTS_CRASH_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

static inline struct random random_seed(uint64_t seed)
{
    return (struct random){seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
}

static inline uint64_t random_next(struct random *random)
{
    uint64_t value = random->state += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

/* 0 .. limit - 1; 0 when limit is 0. */
static inline uint64_t random_below(struct random *random, uint64_t limit)
{
    return limit ? (uint64_t)(((__uint128_t)random_next(random) * limit) >> 64) : 0;
}

/* 1 in `percent` of a hundred cases. */
static inline int random_percent(struct random *random, unsigned percent)
{
    return random_below(random, 100) < percent;
}

#endif
