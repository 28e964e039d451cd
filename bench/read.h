/* read: how many times a second readers on any thread see what is available. */
#ifndef STK_BENCH_READ_H
#define STK_BENCH_READ_H

#include "bench/options.h"

/* 0: it could not be run at all. */
int bench_read_run(const struct bench_options *options);

#endif
