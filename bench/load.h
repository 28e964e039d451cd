/* The load generator: connections driven by epoll from one or two threads, closed or open loop.
 *
 * Closed: each connection keeps `inflight` requests in flight; a latency is from the write to the
 * read of the answer. Open: arrivals are fixed in time by the rate alone; a latency is from the
 * instant when the arrival was due, whether or not the client or the server was late, so that
 * waiting is never left out (co-ordinated omission). */
#ifndef STK_BENCH_LOAD_H
#define STK_BENCH_LOAD_H

#include "bench/hist.h"
#include "bench/keys.h"
#include "bench/wire.h"

struct bench_load {
    const struct bench_wire *wire;
    const int *fds; /* connected, non-blocking */
    const struct bench_options *options;
    const struct bench_picks *picks;
    double seconds, warmup, rate;
    uint64_t first_order; /* order ids go up from here */
    /* Main thread, about every 100 ms while it runs; may be NULL. */
    void (*watch)(void *arg, double elapsed);
    void *arg;
};

struct bench_result {
    struct bench_hist hist;            /* of what was counted */
    double seconds;                    /* counted */
    uint64_t counted;                  /* answers OK or SHORT within them */
    uint64_t outcomes[BENCH_OUTCOMES]; /* of all answers, warm-up included */
    uint64_t asked, answered;          /* all */
    uint64_t client_cpu_us;            /* of the client's threads, all */
    uint64_t next_order;               /* the first id that was not used */
    double ops_per_s;
    char failure[256]; /* the first answer that was no answer, or what broke */
};

/* Runs it to the end, or to Ctrl-C; all that was asked is waited for. 0: something broke, said in
 * result->failure. */
int bench_load_run(const struct bench_load *load, struct bench_result *result);

#endif
