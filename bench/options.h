/* What the command line of stockade-bench asks for. */
#ifndef STK_BENCH_OPTIONS_H
#define STK_BENCH_OPTIONS_H

#include <stdint.h>

enum bench_kind {
    BENCH_HOLD,
    BENCH_INPROC, /* hold --inproc */
    BENCH_ENGINE, /* the engine's own thread alone */
    BENCH_READ,
    BENCH_RESTART,
    BENCH_MEMORY,
    BENCH_CLIENT, /* the load generator against a stub: its own ceiling */
    BENCH_SHORT,  /* a short run of each: make bench */
};

#define BENCH_VS_REDIS    1u
#define BENCH_VS_POSTGRES 2u

struct bench_options {
    enum bench_kind kind;
    uint32_t conns;
    uint32_t inflight; /* per connection */
    uint32_t threads;  /* of the client, or of readers */
    uint32_t skus;
    uint32_t stock; /* units of each SKU; 0 = enough for the whole run */
    double seconds, warmup;
    double rate; /* arrivals/s of an open loop; 0 = closed loop */
    double zipf; /* exponent; 0 = uniform */
    int hot;     /* one SKU */
    int64_t ttl_ms;
    unsigned
        open_percent; /* after a closed loop, an open one at this share of its rate; 0 = none */
    unsigned vs;      /* BENCH_VS_* */
    int only_rivals;  /* leave Stockade out */
    int inproc;       /* hold: without sockets */
    int writes;       /* read: while orders are placed */
    int json, tcp, keep;
    unsigned cpus;      /* everything runs on so many of them; 0 = all */
    const char *folder; /* temporary folders are made below it */
    const char *daemon; /* stockaded */
    uint32_t seed;
};

/* Fills options from the command line; prints what is wrong and returns 0, or returns 1. */
int bench_options_parse(struct bench_options *options, int argc, char **argv);
void bench_options_help(void);
/* The name that stands in the output. */
const char *bench_options_name(const struct bench_options *options);
/* "uniform", "zipf 1.0", "hot". */
const char *bench_options_pattern(const struct bench_options *options);

#endif
