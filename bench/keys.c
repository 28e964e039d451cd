/* Names and choices. Zipf is drawn by the alias method (Vose) into a sample before the run, so that
 * the client pays one sequential read per order; ranks are spread over the SKU numbers, so that
 * popular SKUs are no neighbours in memory. Thread-safe once made. */
#include "bench/keys.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SAMPLE_COUNT (1u << 22)

const char bench_two_digits[200] = "00010203040506070809101112131415161718192021222324"
                                   "25262728293031323334353637383940414243444546474849"
                                   "50515253545556575859606162636465666768697071727374"
                                   "75767778798081828384858687888990919293949596979899";
const char bench_two_hex[512] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
                                "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
                                "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
                                "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
                                "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
                                "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
                                "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
                                "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

void bench_sku_name(char out[BENCH_SKU_SIZE + 1], uint32_t sku)
{
    snprintf(out, BENCH_SKU_SIZE + 1, "SKU-%08u", sku % 100000000u);
}

void bench_order_name(char out[BENCH_ORDER_SIZE + 1], uint64_t order)
{
    snprintf(out, BENCH_ORDER_SIZE + 1, "ORD-%012llx",
             (unsigned long long)(order & 0xffffffffffffu));
}

/* Vose: each slot is kept with its own probability, else its alias is taken. */
struct alias {
    double *keep;
    uint32_t *other;
};

static int alias_fill(struct alias *alias, uint32_t count, double exponent)
{
    uint32_t *small = malloc(count * sizeof(*small)), *large = malloc(count * sizeof(*large));
    if (!small || !large) {
        free(small);
        free(large);
        return 0;
    }
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += alias->keep[i] = pow((double)i + 1, -exponent);
    uint32_t smalls = 0, larges = 0;
    for (uint32_t i = 0; i < count; i++) {
        alias->keep[i] *= count / sum;
        alias->other[i] = i;
        if (alias->keep[i] < 1)
            small[smalls++] = i;
        else
            large[larges++] = i;
    }
    while (smalls && larges) {
        uint32_t low = small[--smalls], high = large[larges - 1];
        alias->other[low] = high;
        alias->keep[high] -= 1 - alias->keep[low];
        if (alias->keep[high] < 1) {
            larges--;
            small[smalls++] = high;
        }
    }
    while (smalls) /* rounding left them a hair below 1 */
        alias->keep[small[--smalls]] = 1;
    free(small);
    free(large);
    return 1;
}

/* A number prime to count, about 0.6 of it: multiplying by it spreads ranks over all SKUs. */
static uint64_t spreading_factor(uint32_t count)
{
    for (uint64_t factor = (uint64_t)(count * 0.618) | 1;; factor += 2) {
        uint64_t a = factor, b = count;
        while (b) {
            uint64_t rest = a % b;
            a = b;
            b = rest;
        }
        if (a == 1)
            return factor;
    }
}

int bench_picks_make(struct bench_picks *picks, const struct bench_options *options)
{
    *picks = (struct bench_picks){NULL, 0};
    if (options->zipf <= 0 || options->hot)
        return 1;
    struct alias alias = {malloc(options->skus * sizeof(double)),
                          malloc(options->skus * sizeof(uint32_t))};
    picks->sample = malloc(SAMPLE_COUNT * sizeof(uint32_t));
    int ok = alias.keep && alias.other && picks->sample &&
             alias_fill(&alias, options->skus, options->zipf);
    uint64_t state = options->seed, factor = ok ? spreading_factor(options->skus) : 0;
    for (uint32_t i = 0; ok && i < SAMPLE_COUNT; i++) {
        uint64_t random = bench_random(&state);
        uint32_t rank = (uint32_t)((random >> 32) * options->skus >> 32);
        if ((double)(random & 0xffffffffu) / 4294967296.0 >= alias.keep[rank])
            rank = alias.other[rank];
        picks->sample[i] = (uint32_t)(rank * factor % options->skus);
    }
    picks->count = SAMPLE_COUNT;
    free(alias.keep);
    free(alias.other);
    if (!ok) {
        fprintf(stderr, "stockade-bench: out of memory for %u SKUs\n", options->skus);
        bench_picks_free(picks);
    }
    return ok;
}

void bench_picks_free(struct bench_picks *picks)
{
    free(picks->sample);
    *picks = (struct bench_picks){NULL, 0};
}

struct bench_picker bench_picker(const struct bench_picks *picks,
                                 const struct bench_options *options, unsigned thread)
{
    return (struct bench_picker){.state = options->seed * 1000003 + thread,
                                 .skus = options->skus,
                                 .hot = options->hot,
                                 .sample = picks->sample,
                                 .sample_mask = picks->count - 1,
                                 .at = thread * 0x10001u};
}
