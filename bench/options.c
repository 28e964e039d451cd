/* The command line: one table of options, each checked for its range. An option that does not
 * concern the chosen bench is accepted and without effect. Main thread only. */
#include "bench/options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_type { OPTION_FLAG, OPTION_UINT, OPTION_REAL, OPTION_SPAN, OPTION_TEXT, OPTION_VS };

struct option {
    const char *name;
    enum option_type type;
    size_t offset;
    double min, max;
    const char *help;
};

#define AT(field) offsetof(struct bench_options, field)
static const struct option option_table[] = {
    {"conns", OPTION_UINT, AT(conns), 1, 1000, "connections (50)"},
    {"inflight", OPTION_UINT, AT(inflight), 1, 4096,
     "messages in flight on each (64; --inproc: 320)"},
    {"threads", OPTION_UINT, AT(threads), 1, 64, "of the client (1), of readers (2)"},
    {"seconds", OPTION_REAL, AT(seconds), 0.1, 86400, "measured time (10)"},
    {"warmup", OPTION_REAL, AT(warmup), 0, 600, "before it, not counted (2)"},
    {"skus", OPTION_UINT, AT(skus), 1, 50000000, "SKUs (100000; restart, memory: 10000000)"},
    {"stock", OPTION_UINT, AT(stock), 1, 2000000000, "units of each (more than can be sold)"},
    {"zipf", OPTION_REAL, AT(zipf), 0, 4, "SKUs by Zipf with this exponent (uniform)"},
    {"hot", OPTION_FLAG, AT(hot), 0, 0, "all orders on one SKU"},
    {"rate", OPTION_REAL, AT(rate), 1, 1e8, "open loop: so many arrivals a second"},
    {"open", OPTION_UINT, AT(open_percent), 0, 95,
     "after a closed loop an open one at this percentage of its rate (50; 0 = none)"},
    {"ttl-ms", OPTION_SPAN, AT(ttl_ms), 1, 86400000, "life of a hold (900000)"},
    {"vs", OPTION_VS, AT(vs), 0, 0, "redis,postgres: the same work there"},
    {"only-rivals", OPTION_FLAG, AT(only_rivals), 0, 0, "with --vs: leave Stockade out"},
    {"inproc", OPTION_FLAG, AT(inproc), 0, 0, "hold: inside one process, hold and release"},
    {"writes", OPTION_FLAG, AT(writes), 0, 0, "read: while orders are placed"},
    {"cpus", OPTION_UINT, AT(cpus), 0, 1024, "processors that everything shares (2; 0 = all)"},
    {"tcp", OPTION_FLAG, AT(tcp), 0, 0, "loopback TCP instead of Unix sockets"},
    {"seed", OPTION_UINT, AT(seed), 0, 4294967295.0, "of the random choices (1)"},
    {"folder", OPTION_TEXT, AT(folder), 0, 0, "temporary folders go below this ($TMPDIR, /tmp)"},
    {"daemon", OPTION_TEXT, AT(daemon), 0, 0, "stockaded (beside this program)"},
    {"keep", OPTION_FLAG, AT(keep), 0, 0, "leave the temporary folder"},
    {"json", OPTION_FLAG, AT(json), 0, 0, "one JSON object a line instead of the table"},
};
#define OPTION_COUNT (sizeof(option_table) / sizeof(option_table[0]))

static const struct {
    const char *name;
    enum bench_kind kind;
    const char *help;
} kind_table[] = {
    {"hold", BENCH_HOLD, "durable idempotent holds over the socket (--inproc: inside the process)"},
    {"engine", BENCH_ENGINE, "the engine's thread alone, on a log that forgets: for profiles"},
    {"read", BENCH_READ, "reads of available, in process"},
    {"restart", BENCH_RESTART, "start with many SKUs and a million unfolded effects"},
    {"memory", BENCH_MEMORY, "bytes of a SKU with one cell and its key"},
    {"client", BENCH_CLIENT, "the load generator against a stub: what it can do by itself"},
    {"short", BENCH_SHORT, "a short run of each (the default)"},
};
#define KIND_COUNT (sizeof(kind_table) / sizeof(kind_table[0]))

void bench_options_help(void)
{
    printf("usage: stockade-bench BENCH [options]\n\n");
    for (size_t i = 0; i < KIND_COUNT; i++)
        printf("  %-10s %s\n", kind_table[i].name, kind_table[i].help);
    printf("\noptions (defaults in brackets):\n");
    for (size_t i = 0; i < OPTION_COUNT; i++)
        printf("  --%-12s %s\n", option_table[i].name, option_table[i].help);
    printf("\nbench/README.md says what each does and how it is fair.\n");
}

static int parse_vs(struct bench_options *options, const char *text)
{
    char copy[64];
    if (strlen(text) >= sizeof(copy))
        return 0;
    strcpy(copy, text);
    char *rest = NULL;
    for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        if (strcmp(word, "redis") == 0)
            options->vs |= BENCH_VS_REDIS;
        else if (strcmp(word, "postgres") == 0)
            options->vs |= BENCH_VS_POSTGRES;
        else
            return 0;
    }
    return options->vs != 0;
}

/* 1 when the value was understood and lies in the option's range. */
static int parse_value(struct bench_options *options, const struct option *option, const char *text)
{
    void *field = (char *)options + option->offset;
    if (option->type == OPTION_TEXT) {
        *(const char **)field = text;
        return text[0] != 0;
    }
    if (option->type == OPTION_VS)
        return parse_vs(options, text);
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= option->min && value <= option->max))
        return 0;
    if (option->type == OPTION_REAL) {
        *(double *)field = value;
        return 1;
    }
    if (value != (double)(int64_t)value)
        return 0;
    if (option->type == OPTION_SPAN)
        *(int64_t *)field = (int64_t)value;
    else
        *(uint32_t *)field = (uint32_t)value;
    return 1;
}

static const struct option *find_option(const char *word, size_t size)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strlen(option_table[i].name) == size && memcmp(option_table[i].name, word, size) == 0)
            return &option_table[i];
    return NULL;
}

static void complain(const struct option *option, const char *value)
{
    if (option->type == OPTION_UINT || option->type == OPTION_REAL || option->type == OPTION_SPAN)
        fprintf(stderr, "stockade-bench: --%s %s: a number from %.15g to %.15g is expected\n",
                option->name, value, option->min, option->max);
    else
        fprintf(stderr, "stockade-bench: --%s %s: not understood (%s)\n", option->name, value,
                option->help);
}

/* One option at argv[*at]; moves *at over what it took. */
static int parse_option(struct bench_options *options, int argc, char **argv, int *at)
{
    const char *word = argv[*at] + 2;
    const char *equals = strchr(word, '=');
    const struct option *option =
        find_option(word, equals ? (size_t)(equals - word) : strlen(word));
    if (!option) {
        fprintf(stderr, "stockade-bench: unknown option %s (see --help)\n", argv[*at]);
        return 0;
    }
    if (option->type == OPTION_FLAG) {
        if (equals) {
            fprintf(stderr, "stockade-bench: --%s takes no value\n", option->name);
            return 0;
        }
        *(int *)((char *)options + option->offset) = 1;
        return 1;
    }
    if (!equals && *at + 1 >= argc) {
        fprintf(stderr, "stockade-bench: --%s needs a value\n", option->name);
        return 0;
    }
    const char *value = equals ? equals + 1 : argv[++*at];
    if (parse_value(options, option, value))
        return 1;
    complain(option, value);
    return 0;
}

static int parse_kind(struct bench_options *options, const char *word)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(kind_table[i].name, word) == 0) {
            options->kind = kind_table[i].kind;
            return 1;
        }
    }
    fprintf(stderr, "stockade-bench: unknown bench \"%s\" (see --help)\n", word);
    return 0;
}

/* What was not said. */
static void fill_defaults(struct bench_options *options)
{
    int large = options->kind == BENCH_RESTART || options->kind == BENCH_MEMORY;
    if (!options->skus)
        options->skus = large ? 10000000 : 100000;
    if (!options->threads)
        options->threads = options->kind == BENCH_READ ? 2 : 1;
    if (!options->inflight) /* in process there are no sockets that bundle */
        options->inflight =
            options->kind == BENCH_INPROC || options->kind == BENCH_ENGINE ? 320 : 64;
    if (!options->seconds)
        options->seconds = 10;
    if (!options->ttl_ms) /* a long run lets its holds expire, or memory would hold them all */
        options->ttl_ms = options->seconds > 60 ? 20000 : 900000;
    if (!options->folder)
        options->folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
}

int bench_options_parse(struct bench_options *options, int argc, char **argv)
{
    *options = (struct bench_options){
        .kind = BENCH_SHORT, .conns = 50, .warmup = 2, .open_percent = 50, .cpus = 2, .seed = 1};
    int at = 1;
    if (at < argc && argv[at][0] != '-' && !parse_kind(options, argv[at++]))
        return 0;
    for (; at < argc; at++) {
        if (strncmp(argv[at], "--", 2) != 0) {
            fprintf(stderr, "stockade-bench: unexpected \"%s\" (see --help)\n", argv[at]);
            return 0;
        }
        if (!parse_option(options, argc, argv, &at))
            return 0;
    }
    if (options->only_rivals && !options->vs) {
        fprintf(stderr, "stockade-bench: --only-rivals needs --vs\n");
        return 0;
    }
    if (options->threads > options->conns && options->kind != BENCH_READ) {
        fprintf(stderr, "stockade-bench: --threads %u: more than --conns %u\n", options->threads,
                options->conns);
        return 0;
    }
    if (options->inproc && options->kind == BENCH_HOLD)
        options->kind = BENCH_INPROC;
    fill_defaults(options);
    return 1;
}

const char *bench_options_name(const struct bench_options *options)
{
    if (options->kind == BENCH_INPROC)
        return "hold-inproc";
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (kind_table[i].kind == options->kind)
            return kind_table[i].name;
    return "?";
}

const char *bench_options_pattern(const struct bench_options *options)
{
    static char text[32];
    if (options->hot)
        return "hot";
    if (options->zipf <= 0)
        return "uniform";
    snprintf(text, sizeof(text), "zipf %.2f", options->zipf);
    return text;
}
