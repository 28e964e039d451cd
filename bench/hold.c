/* For each system: start it on empty data, load the SKUs, connect, run the closed loop (and then an
 * open one), compare its own count with what was acknowledged, stop it. Main thread only. */
#include "bench/hold.h"
#include "bench/child.h"
#include "bench/load.h"
#include "bench/report.h"
#include "bench/scratch.h"
#include "bench/system.h"
#include "bench/usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPEN_SECONDS_MAX 10
#define SAMPLE_SECONDS   10

struct hold {
    const struct bench_options *options;
    struct bench_system system;
    struct bench_picks picks;
    struct bench_result result;
    int *fds;
    uint64_t held; /* acknowledged so far */
    uint64_t next_order;
    double sampled;
};

static void watch(void *arg, double elapsed)
{
    struct hold *hold = arg;
    char line[200];
    if (!hold->system.sample || elapsed < hold->sampled + SAMPLE_SECONDS)
        return;
    hold->sampled += SAMPLE_SECONDS;
    if (hold->system.sample(&hold->system, line, sizeof(line)))
        bench_report_line(hold->options, "    %5.0f s  %s", elapsed, line);
}

static int dial_all(struct hold *hold)
{
    for (uint32_t i = 0; i < hold->options->conns; i++) {
        hold->fds[i] = hold->system.dial(&hold->system);
        if (hold->fds[i] < 0)
            return 0;
    }
    return 1;
}

static void report(struct hold *hold, const char *bench, int ok, const struct bench_usage *before,
                   const struct bench_usage *after)
{
    const struct bench_result *result = &hold->result;
    double answered = result->answered ? (double)result->answered : 1;
    const struct bench_extra extra[] = {
        {"short", (double)result->outcomes[BENCH_OUTCOME_SHORT]},
        {"busy", (double)result->outcomes[BENCH_OUTCOME_BUSY]},
        {"errors", (double)result->outcomes[BENCH_OUTCOME_FAILED]},
        {"server_cpu_us", (double)(after->process_us - before->process_us) / answered},
        {"client_cpu_us", (double)result->client_cpu_us / answered},
        {"others_percent", bench_usage_others(before, after, result->client_cpu_us)},
        {NULL, 0}};
    struct bench_row row = {.bench = bench,
                            .system = hold->system.name,
                            .version = hold->system.version,
                            .ops_per_s = result->ops_per_s,
                            .p50_us = bench_hist_us(&result->hist, 0.5),
                            .p99_us = bench_hist_us(&result->hist, 0.99),
                            .p999_us = bench_hist_us(&result->hist, 0.999),
                            .extra = extra,
                            .note = result->failure[0] ? result->failure : NULL,
                            .failed = !ok};
    bench_report_row(hold->options, &row);
}

/* One loop: closed when rate is 0. Returns 0 when it or the count after it failed. */
static int run_loop(struct hold *hold, const char *bench, double seconds, double warmup,
                    double rate)
{
    const struct bench_options *options = hold->options;
    struct bench_load load = {.wire = &hold->system.wire,
                              .fds = hold->fds,
                              .options = options,
                              .picks = &hold->picks,
                              .seconds = seconds,
                              .warmup = warmup,
                              .rate = rate,
                              .first_order = hold->next_order,
                              .watch = seconds > 2 * SAMPLE_SECONDS ? watch : NULL,
                              .arg = hold};
    struct bench_usage before, after;
    char why[200];
    hold->sampled = 0;
    bench_usage_take(&before, hold->system.pid);
    int ok = bench_load_run(&load, &hold->result);
    bench_usage_take(&after, hold->system.pid);
    hold->next_order = hold->result.next_order;
    hold->held += hold->result.outcomes[BENCH_OUTCOME_OK];
    if (ok && !hold->system.check(&hold->system, hold->held, why, sizeof(why))) {
        snprintf(hold->result.failure, sizeof(hold->result.failure),
                 "the client was told of %llu holds, %s has %s", (unsigned long long)hold->held,
                 hold->system.name, why);
        ok = 0;
    }
    if (ok && hold->result.outcomes[BENCH_OUTCOME_FAILED])
        ok = 0;
    report(hold, bench, ok, &before, &after);
    if (hold->system.pid)
        bench_usage_show(options, &before, &after, hold->result.client_cpu_us);
    return ok;
}

static double run_loops(struct hold *hold, const char *bench)
{
    const struct bench_options *options = hold->options;
    int ok = run_loop(hold, bench, options->seconds, options->warmup, options->rate);
    double figure = hold->result.ops_per_s;
    if (ok && options->rate <= 0 && options->open_percent && !bench_stopping()) {
        char name[32];
        double seconds = options->seconds < OPEN_SECONDS_MAX ? options->seconds : OPEN_SECONDS_MAX;
        snprintf(name, sizeof(name), "%s-open", bench);
        run_loop(hold, name, seconds, options->warmup < 1 ? options->warmup : 1,
                 figure * options->open_percent / 100);
    }
    return ok ? figure : 0;
}

/* One system from start to stop; its ops/s, 0 when it was not run to the end. */
static double run_system(struct hold *hold, const char *bench)
{
    double figure = 0;
    hold->held = 0;
    hold->next_order = 1;
    hold->fds = malloc(hold->options->conns * sizeof(*hold->fds));
    memset(hold->fds, -1, hold->options->conns * sizeof(*hold->fds));
    enum bench_presence presence = hold->system.start(&hold->system);
    if (presence == BENCH_READY) {
        bench_report_line(hold->options, "  %s %s: %s", hold->system.name, hold->system.version,
                          hold->system.settings);
        if (hold->system.load(&hold->system) && dial_all(hold))
            figure = run_loops(hold, bench);
        else
            presence = BENCH_BROKEN;
    }
    if (presence == BENCH_BROKEN && !bench_stopping()) {
        struct bench_row row = {.bench = bench,
                                .system = hold->system.name,
                                .version = "?",
                                .p50_us = -1,
                                .p99_us = -1,
                                .p999_us = -1,
                                .note = "could not be started or loaded",
                                .failed = 1};
        bench_report_row(hold->options, &row);
    }
    for (uint32_t i = 0; i < hold->options->conns; i++)
        if (hold->fds[i] >= 0)
            close(hold->fds[i]);
    hold->system.stop(&hold->system);
    free(hold->fds);
    return figure;
}

static void describe(const struct bench_options *options)
{
    char text[300], loop[80];
    if (options->rate > 0)
        snprintf(loop, sizeof(loop), "open loop of %.0f/s", options->rate);
    else
        snprintf(loop, sizeof(loop), "%u in flight on each", options->inflight);
    snprintf(text, sizeof(text),
             "%s: idempotent holds of one unit with expiry, one order a message, durable when "
             "answered; %u connections, %s; %u SKUs, %s; %g s after %g s",
             bench_options_name(options), options->conns, loop, options->skus,
             bench_options_pattern(options), options->seconds, options->warmup);
    bench_report_title(options, text);
}

int bench_hold_run(const struct bench_options *options)
{
    struct hold hold = {.options = options};
    double own = 0, redis = 0, postgres = 0;
    const char *bench = bench_options_name(options);
    if (!bench_picks_make(&hold.picks, options))
        return 0;
    describe(options);
    if (!options->only_rivals) {
        bench_system_stockade(&hold.system, options);
        own = run_system(&hold, bench);
    }
    if (options->vs & BENCH_VS_REDIS && !bench_stopping()) {
        bench_system_redis(&hold.system, options);
        redis = run_system(&hold, bench);
    }
    if (options->vs & BENCH_VS_POSTGRES && !bench_stopping()) {
        bench_system_postgres(&hold.system, options);
        postgres = run_system(&hold, bench);
    }
    bench_report_ratio(options, bench, redis > 0 ? own / redis : 0,
                       postgres > 0 ? own / postgres : 0);
    bench_picks_free(&hold.picks);
    return 1;
}

int bench_client_run(const struct bench_options *options)
{
    struct hold hold = {.options = options};
    if (!bench_picks_make(&hold.picks, options))
        return 0;
    describe(options);
    bench_system_stub(&hold.system, options);
    run_system(&hold, bench_options_name(options));
    bench_picks_free(&hold.picks);
    return 1;
}
