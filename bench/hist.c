/* Reading of histograms. A quantile is the upper edge of its bucket, but never above the largest
 * value seen. Whoever owns the histogram calls. */
#include "bench/hist.h"

void bench_hist_merge(struct bench_hist *into, const struct bench_hist *from)
{
    into->count += from->count;
    if (from->max > into->max)
        into->max = from->max;
    for (uint32_t i = 0; i < BENCH_HIST_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

static uint64_t upper_edge(uint32_t bucket)
{
    if (bucket < BENCH_HIST_STEPS)
        return bucket;
    uint32_t power = bucket / BENCH_HIST_STEPS + 5;
    uint64_t step = bucket % BENCH_HIST_STEPS + BENCH_HIST_STEPS;
    return ((step + 1) << (power - 6)) - 1;
}

double bench_hist_us(const struct bench_hist *hist, double share)
{
    uint64_t wanted = (uint64_t)((double)hist->count * share), seen = 0;
    for (uint32_t i = 0; i < BENCH_HIST_BUCKETS; i++) {
        seen += hist->buckets[i];
        if (seen > wanted || (seen && seen == hist->count)) {
            uint64_t edge = upper_edge(i);
            return (double)(edge < hist->max ? edge : hist->max) / 1000.0;
        }
    }
    return 0;
}
