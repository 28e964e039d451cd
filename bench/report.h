/* Output: an aligned table for people, or one JSON object a line. Main thread only. */
#ifndef STK_BENCH_REPORT_H
#define STK_BENCH_REPORT_H

#include "bench/options.h"

/* A figure of a row beside those that every row has. A NULL name ends a list. */
struct bench_extra {
    const char *name; /* "bytes_per_effect" */
    double value;
};

struct bench_row {
    const char *bench, *system, *version;
    double ops_per_s, p50_us, p99_us, p999_us; /* latencies < 0: not measured */
    const struct bench_extra *extra;
    const char *note; /* for people, behind the row; NULL = none */
    int failed;       /* note says why */
};

/* What is measured and where: machine, disk, sizes. */
void bench_report_title(const struct bench_options *options, const char *what);
/* A line for people only: settings of a system, a sample of a long run. */
void bench_report_line(const struct bench_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void bench_report_row(const struct bench_options *options, const struct bench_row *row);
/* How many times better than each rival ours is; 0 = was not run. */
void bench_report_ratio(const struct bench_options *options, const char *bench, double redis,
                        double postgres);
/* 1 when no row was marked as failed so far. */
int bench_report_good(void);

#endif
