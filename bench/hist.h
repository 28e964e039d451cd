/* Latency histogram: 64 steps per power of two (1.6 % wide), nanoseconds. One thread each; added up
 * at the end. */
#ifndef STK_BENCH_HIST_H
#define STK_BENCH_HIST_H

#include <stdint.h>

#define BENCH_HIST_STEPS   64
#define BENCH_HIST_BUCKETS (64 * BENCH_HIST_STEPS)

struct bench_hist {
    uint64_t count, max;
    uint64_t buckets[BENCH_HIST_BUCKETS];
};

static inline uint32_t bench_hist_bucket(uint64_t value)
{
    if (value < BENCH_HIST_STEPS)
        return (uint32_t)value;
    uint32_t power = 63u - (uint32_t)__builtin_clzll(value);
    return (power - 5) * BENCH_HIST_STEPS + (uint32_t)(value >> (power - 6)) - BENCH_HIST_STEPS;
}

static inline void bench_hist_add(struct bench_hist *hist, int64_t value_ns)
{
    uint64_t value = value_ns > 0 ? (uint64_t)value_ns : 0;
    hist->count++;
    if (value > hist->max)
        hist->max = value;
    hist->buckets[bench_hist_bucket(value)]++;
}

void bench_hist_merge(struct bench_hist *into, const struct bench_hist *from);
/* The upper edge in us of the bucket where that share (0 to 1) of the values ends; 0 when empty. */
double bench_hist_us(const struct bench_hist *hist, double share);

#endif
