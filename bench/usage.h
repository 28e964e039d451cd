/* Processor time: of a process by thread, and of whoever else runs on the machine. */
#ifndef STK_BENCH_USAGE_H
#define STK_BENCH_USAGE_H

#include "bench/child.h"
#include "bench/options.h"

struct bench_usage {
    struct bench_thread_cpu threads[32];
    unsigned count;
    uint64_t process_us, busy_us; /* the process and its children; all processors */
    int64_t at_ns;
};
/* pid 0: a system that has no process. */
void bench_usage_take(struct bench_usage *usage, pid_t pid);
/* A line for people: what each thread took of one processor. client_us: a client outside. */
void bench_usage_show(const struct bench_options *options, const struct bench_usage *before,
                      const struct bench_usage *after, uint64_t client_us);
/* In us between the two: what the threads of that name took. */
uint64_t bench_usage_thread(const struct bench_usage *before, const struct bench_usage *after,
                            const char *name);
/* What others took, in per cent of one processor: above a few the figure is not to be believed. */
double bench_usage_others(const struct bench_usage *before, const struct bench_usage *after,
                          uint64_t client_us);

#endif
