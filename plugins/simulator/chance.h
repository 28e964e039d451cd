/* Seeded chance, in whole numbers only: the same seed gives the same run on every machine.
 * Stability: internal. */
#ifndef SIMULATOR_CHANCE_H
#define SIMULATOR_CHANCE_H

#include <stdint.h>

struct chance {
    uint64_t state;
};

/* A stream of its own for each (seed, purpose). */
struct chance chance_seed(uint64_t seed, uint64_t purpose);
uint64_t chance_next(struct chance *chance);
/* 0 .. limit - 1; 0 when limit is 0. */
uint64_t chance_below(struct chance *chance, uint64_t limit);
/* low .. high, both included. */
int64_t chance_between(struct chance *chance, int64_t low, int64_t high);
/* 1 in ppm of a million cases. */
int chance_hits(struct chance *chance, uint32_t ppm);
/* Exponential with that mean: the time to the next of what comes at random. */
int64_t chance_mean(struct chance *chance, int64_t mean);
/* (rank + 1) ^ -(milli / 1000), as a share of 2^32; rank 0 is the most popular. */
uint64_t chance_zipf_weight(uint32_t rank, uint32_t milli);

#endif
