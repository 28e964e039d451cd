/* The bench that everything is about: durable, idempotent holds of one unit, over a socket. */
#ifndef STK_BENCH_HOLD_H
#define STK_BENCH_HOLD_H

#include "bench/options.h"

/* Every system in turn. 0: something could not be run at all. */
int bench_hold_run(const struct bench_options *options);
/* The load generator against the stub. */
int bench_client_run(const struct bench_options *options);

#endif
