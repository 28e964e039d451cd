/* restart and memory: ten million SKUs, in Stockade and, when wanted, as hashes in Redis. */
#ifndef STK_BENCH_LARGE_H
#define STK_BENCH_LARGE_H

#include "bench/options.h"

/* A start with all SKUs folded into S and a million effects in J alone. 0: could not be run. */
int bench_restart_run(const struct bench_options *options);
/* Own memory of a started engine per SKU with one cell and its key. */
int bench_memory_run(const struct bench_options *options);

#endif
