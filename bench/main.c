/* stockade-bench: what Stockade does a second, held against what a seller's engineers would
 * otherwise use. See bench/README.md. */
#include "bench/child.h"
#include "bench/hold.h"
#include "bench/inproc.h"
#include "bench/large.h"
#include "bench/options.h"
#include "bench/read.h"
#include "bench/report.h"
#include "bench/scratch.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

/* All that follows, the children included, runs on the first `count` processors we may use. */
static void limit_processors(struct bench_options *options)
{
    cpu_set_t allowed, used;
    unsigned taken = 0;
    if (sched_getaffinity(0, sizeof(allowed), &allowed))
        return;
    CPU_ZERO(&used);
    for (int i = 0; i < CPU_SETSIZE && (!options->cpus || taken < options->cpus); i++) {
        if (CPU_ISSET(i, &allowed)) {
            CPU_SET(i, &used);
            taken++;
        }
    }
    sched_setaffinity(0, sizeof(used), &used);
    options->cpus = taken;
}

/* make bench: a few minutes, every system, so that a change for the worse is seen. */
static int run_short(const struct bench_options *options)
{
    struct bench_options part = *options;
    part.kind = BENCH_HOLD;
    part.seconds = 4;
    part.warmup = 1;
    part.vs = BENCH_VS_REDIS | BENCH_VS_POSTGRES;
    if (!bench_hold_run(&part) || bench_stopping())
        return 0;
    part.inflight = 1;
    part.open_percent = 0;
    if (!bench_hold_run(&part) || bench_stopping())
        return 0;
    part.inflight = options->inflight;
    part.vs = 0;
    part.hot = 1;
    if (!bench_hold_run(&part) || bench_stopping())
        return 0;
    part.hot = 0;
    part.kind = BENCH_INPROC;
    part.inflight = 320;
    if (!bench_inproc_run(&part) || bench_stopping())
        return 0;
    part.kind = BENCH_READ;
    part.threads = 2;
    return bench_read_run(&part);
}

static int run(const struct bench_options *options)
{
    switch (options->kind) {
    case BENCH_HOLD:
        return bench_hold_run(options);
    case BENCH_INPROC:
    case BENCH_ENGINE:
        return bench_inproc_run(options);
    case BENCH_READ:
        return bench_read_run(options);
    case BENCH_RESTART:
        return bench_restart_run(options);
    case BENCH_MEMORY:
        return bench_memory_run(options);
    case BENCH_CLIENT:
        return bench_client_run(options);
    case BENCH_SHORT:
        return run_short(options);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct bench_options options;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            bench_options_help();
            return 0;
        }
    }
    if (!bench_options_parse(&options, argc, argv))
        return 2;
    limit_processors(&options);
    if (!bench_scratch_open(options.folder, options.keep))
        return 1;
    int ok = run(&options) && bench_report_good();
    bench_child_stop_all();
    bench_scratch_close();
    return bench_exit_code(ok ? 0 : 1);
}
