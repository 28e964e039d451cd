/* hold --inproc: what the engine, the journal and the fold do without sockets. */
#ifndef STK_BENCH_INPROC_H
#define STK_BENCH_INPROC_H

#include "bench/options.h"

/* 0: it could not be run at all. */
int bench_inproc_run(const struct bench_options *options);

#endif
