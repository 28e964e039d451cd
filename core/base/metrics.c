/* Histograms. A value below 16 has a bucket of its own; above, each power of two is cut into 16
 * steps. The writer's stores are relaxed: a reader beside it sees each bucket whole, and the sum of
 * what it sees is a moment that may never have been, off by the values of that moment. */
#include "core/base/metrics.h"

#define STEP_BITS 4
#define STEPS     (1u << STEP_BITS)

_Static_assert(STK_HISTOGRAM_BUCKETS == STEPS + (64 - STEP_BITS) * STEPS,
               "every value has a bucket");

static unsigned bucket_of(uint64_t value)
{
    if (value < STEPS)
        return (unsigned)value;
    unsigned power = 63 - (unsigned)__builtin_clzll(value);
    unsigned step = (unsigned)(value >> (power - STEP_BITS)) & (STEPS - 1);
    return (power - STEP_BITS + 1) * STEPS + step;
}

static uint64_t upper_edge(unsigned bucket)
{
    if (bucket < STEPS)
        return bucket;
    unsigned shift = bucket / STEPS - 1;
    /* the last bucket's edge wraps to 0 and is UINT64_MAX after the subtraction, as it should be */
    return ((uint64_t)(STEPS + bucket % STEPS + 1) << shift) - 1;
}

static void add(_Atomic uint64_t *word, uint64_t by)
{
    atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

void stk_histogram_add(struct stk_histogram *histogram, uint64_t value)
{
    add(&histogram->buckets[bucket_of(value)], 1);
    add(&histogram->count, 1);
    add(&histogram->sum, value);
}

uint64_t stk_histogram_quantile(const struct stk_histogram *histogram, unsigned per_10000)
{
    uint64_t counts[STK_HISTOGRAM_BUCKETS];
    uint64_t total = 0, seen = 0;
    for (unsigned i = 0; i < STK_HISTOGRAM_BUCKETS; i++) {
        counts[i] = atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
        total += counts[i];
    }
    if (total == 0)
        return 0;
    if (per_10000 > 10000)
        per_10000 = 10000;
    /* the rank of the value that is asked for, from 1; rounded up */
    uint64_t rank = (uint64_t)(((unsigned __int128)total * per_10000 + 9999) / 10000);
    if (rank == 0)
        rank = 1;
    for (unsigned i = 0; i < STK_HISTOGRAM_BUCKETS; i++) {
        seen += counts[i];
        if (seen >= rank)
            return upper_edge(i);
    }
    return UINT64_MAX;
}
