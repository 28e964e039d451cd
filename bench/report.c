/* Rows are printed as they come, so that a run that is cut short has shown what it had. Whatever a
 * bench measures, a row has the same first columns. */
#include "bench/report.h"
#include "bench/child.h"
#include "bench/scratch.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static int failures, headed;

int bench_report_good(void)
{
    return failures == 0;
}

/* The commit of the tree that the program lies in, "-dirty" when it was changed; "?" elsewhere. */
static const char *commit(void)
{
    static char text[64];
    char program[BENCH_PATH_MAX], changed[16];
    if (text[0])
        return text;
    ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[size > 0 ? size : 0] = 0;
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = 0;
    const char *head[] = {"git", "-C", program, "rev-parse", "--short=12", "HEAD", NULL};
    const char *status[] = {"git", "-C", program, "status", "--porcelain", "-uno", NULL};
    if (!bench_child_line(head, text, 32))
        snprintf(text, sizeof(text), "?");
    else if (bench_child_line(status, changed, sizeof(changed)))
        strcat(text, "-dirty");
    return text;
}

static const char *processor(void)
{
    static char text[128];
    FILE *file = text[0] ? NULL : fopen("/proc/cpuinfo", "r");
    char line[256];
    while (file && !text[0] && fgets(line, sizeof(line), file))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':'))
            snprintf(text, sizeof(text), "%.*s", (int)strcspn(strchr(line, ':') + 2, "\n"),
                     strchr(line, ':') + 2);
    if (file)
        fclose(file);
    return text[0] ? text : "?";
}

void bench_report_line(const struct bench_options *options, const char *format, ...)
{
    va_list list;
    if (options->json)
        return;
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
    fflush(stdout);
}

void bench_report_title(const struct bench_options *options, const char *what)
{
    static int machine_shown;
    headed = 0;
    if (options->json)
        return;
    if (!machine_shown++) {
        struct utsname name;
        uname(&name);
        printf("commit %s; %s, %u processors used; Linux %s; disk %s, append of 4 KiB + fdatasync "
               "%.0f us (median)\n",
               commit(), processor(), options->cpus, name.release, bench_scratch_disk(),
               bench_scratch_sync_us(200));
        if (strcmp(bench_scratch_disk(), "tmpfs") == 0)
            printf("warning: the folder lies in memory; no figure of a durable write counts "
                   "(--folder)\n");
    }
    printf("\n%s\n", what);
    fflush(stdout);
}

static void print_latency(double value_us)
{
    if (value_us < 0)
        printf(" %10s", "-");
    else
        printf(" %10.*f", value_us < 100 ? 1 : 0, value_us);
}

static void print_row(const struct bench_row *row)
{
    if (!headed++)
        printf("  %-14s %-10s %-10s %13s %10s %10s %10s\n", "bench", "system", "version", "ops/s",
               "p50 us", "p99 us", "p999 us");
    printf("  %-14s %-10s %-10s %13.0f", row->bench, row->system, row->version, row->ops_per_s);
    print_latency(row->p50_us);
    print_latency(row->p99_us);
    print_latency(row->p999_us);
    for (const struct bench_extra *extra = row->extra; extra && extra->name; extra++)
        printf("  %s %.*f", extra->name, extra->value < 100 ? 2 : 0, extra->value);
    if (row->note)
        printf("  %s%s", row->failed ? "FAILED: " : "", row->note);
    putchar('\n');
}

static json_t *latency(double value_us)
{
    return value_us < 0 ? json_null() : json_real(value_us);
}

static json_t *number(double value)
{
    return value == (double)(int64_t)value ? json_integer((int64_t)value) : json_real(value);
}

static void dump(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(7));
    putchar('\n');
    json_decref(object);
}

static void dump_row(const struct bench_options *options, const struct bench_row *row)
{
    json_t *object = json_object();
    json_object_set_new(object, "bench", json_string(row->bench));
    json_object_set_new(object, "system", json_string(row->system));
    json_object_set_new(object, "ops_per_s", json_real(row->ops_per_s));
    json_object_set_new(object, "p50_us", latency(row->p50_us));
    json_object_set_new(object, "p99_us", latency(row->p99_us));
    json_object_set_new(object, "p999_us", latency(row->p999_us));
    for (const struct bench_extra *extra = row->extra; extra && extra->name; extra++)
        json_object_set_new(object, extra->name, number(extra->value));
    json_object_set_new(object, "conns", json_integer(options->conns));
    json_object_set_new(object, "inflight", json_integer(options->inflight));
    json_object_set_new(object, "seconds", number(options->seconds));
    json_object_set_new(object, "skus", json_integer(options->skus));
    json_object_set_new(object, "pattern", json_string(bench_options_pattern(options)));
    json_object_set_new(object, "cpus", json_integer(options->cpus));
    json_object_set_new(object, "version", json_string(row->version));
    json_object_set_new(object, "commit", json_string(commit()));
    json_object_set_new(object, "ok", json_boolean(!row->failed));
    if (row->note)
        json_object_set_new(object, "note", json_string(row->note));
    dump(object);
}

void bench_report_row(const struct bench_options *options, const struct bench_row *row)
{
    failures += row->failed != 0;
    if (options->json)
        dump_row(options, row);
    else
        print_row(row);
    fflush(stdout);
}

void bench_report_ratio(const struct bench_options *options, const char *bench, double redis,
                        double postgres)
{
    if (redis <= 0 && postgres <= 0 && !options->json)
        return;
    if (options->json) {
        json_t *object = json_object(), *ratio = json_object();
        json_object_set_new(ratio, "redis", redis > 0 ? json_real(redis) : json_null());
        json_object_set_new(ratio, "postgres", postgres > 0 ? json_real(postgres) : json_null());
        json_object_set_new(object, "bench", json_string(bench));
        json_object_set_new(object, "ratio", ratio);
        dump(object);
        fflush(stdout);
        return;
    }
    printf("  %s:", bench);
    if (redis > 0)
        printf(" %.1f x redis", redis);
    if (postgres > 0)
        printf("%s %.1f x postgres", redis > 0 ? "," : "", postgres);
    putchar('\n');
    fflush(stdout);
}
