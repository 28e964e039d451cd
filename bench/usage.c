/* Samples of /proc, taken before and after a run. Main thread only. */
#include "bench/usage.h"
#include "bench/report.h"
#include "bench/scratch.h"

#include <stdio.h>
#include <string.h>

void bench_usage_take(struct bench_usage *usage, pid_t pid)
{
    usage->count = pid ? bench_child_threads(pid, usage->threads, 32) : 0;
    usage->process_us = pid ? bench_child_cpu_us(pid) : 0;
    usage->busy_us = bench_child_busy_us();
    usage->at_ns = bench_now_ns();
}

static uint64_t of_name(const struct bench_usage *usage, const char *name)
{
    for (unsigned i = 0; i < usage->count; i++)
        if (strcmp(usage->threads[i].name, name) == 0)
            return usage->threads[i].cpu_us;
    return 0;
}

uint64_t bench_usage_thread(const struct bench_usage *before, const struct bench_usage *after,
                            const char *name)
{
    return of_name(after, name) - of_name(before, name);
}

void bench_usage_show(const struct bench_options *options, const struct bench_usage *before,
                      const struct bench_usage *after, uint64_t client_us)
{
    char line[400];
    double seconds = (double)(after->at_ns - before->at_ns) / 1e9;
    int at = snprintf(line, sizeof(line), "    processor:");
    for (unsigned i = 0; i < after->count && at < 300; i++) {
        uint64_t used = bench_usage_thread(before, after, after->threads[i].name);
        if ((double)used >= seconds * 5000)
            at += snprintf(line + at, sizeof(line) - (size_t)at, " %s %.0f %%,",
                           after->threads[i].name, (double)used / seconds / 1e4);
    }
    at += snprintf(line + at, sizeof(line) - (size_t)at, " all of it %.0f %%",
                   (double)(after->process_us - before->process_us) / seconds / 1e4);
    if (client_us)
        snprintf(line + at, sizeof(line) - (size_t)at, ", client %.0f %%",
                 (double)client_us / seconds / 1e4);
    bench_report_line(options, "%s", line);
}

double bench_usage_others(const struct bench_usage *before, const struct bench_usage *after,
                          uint64_t client_us)
{
    double ours = (double)(after->process_us - before->process_us) + (double)client_us;
    double others = (double)(after->busy_us - before->busy_us) - ours;
    return others > 0 ? others * 1e5 / (double)(after->at_ns - before->at_ns) : 0;
}
