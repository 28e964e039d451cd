/* Counters, gauges and latency histograms: written by one thread each, summed when read. */
#ifndef STK_BASE_METRICS_H
#define STK_BASE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

/* One writer, any reader: a relaxed load and store, no lock prefix. */
struct stk_counter {
    _Atomic uint64_t value;
};
static inline void stk_counter_add(struct stk_counter *counter, uint64_t by)
{
    atomic_store_explicit(&counter->value,
                          atomic_load_explicit(&counter->value, memory_order_relaxed) + by,
                          memory_order_relaxed);
}
static inline void stk_counter_set(struct stk_counter *counter, uint64_t value)
{
    atomic_store_explicit(&counter->value, value, memory_order_relaxed);
}
static inline uint64_t stk_counter_get(const struct stk_counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

/* Log-linear histogram of 64-bit values (16 steps per power of two: 6 % wide). */
#define STK_HISTOGRAM_BUCKETS 976
struct stk_histogram {
    _Atomic uint64_t buckets[STK_HISTOGRAM_BUCKETS];
    _Atomic uint64_t count;
    _Atomic uint64_t sum;
};
void stk_histogram_add(struct stk_histogram *histogram, uint64_t value); /* one writer */
/* The upper edge of the bucket that holds the quantile; 0 when empty. quantile in parts per 10,000.
 */
uint64_t stk_histogram_quantile(const struct stk_histogram *histogram, unsigned per_10000);

#endif
