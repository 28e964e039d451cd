/* A system that holds stock: started on its own data in the scratch folder, loaded, connected to,
 * asked whether it counts what the client counted, stopped. Main thread only. */
#ifndef STK_BENCH_SYSTEM_H
#define STK_BENCH_SYSTEM_H

#include "bench/options.h"
#include "bench/wire.h"

#include <sys/types.h>

enum bench_presence { BENCH_ABSENT, BENCH_BROKEN, BENCH_READY };

struct bench_system {
    const char *name;
    /* Mandatory. start: BENCH_ABSENT when the program is not installed (it said so). */
    enum bench_presence (*start)(struct bench_system *system);
    /* options->skus SKUs with options->stock units each. 0: it printed why not. */
    int (*load)(struct bench_system *system);
    /* A connection ready for the wire; -1: it printed why not. */
    int (*dial)(struct bench_system *system);
    /* Does it hold exactly this many units for this many orders? 1 yes; else `why` says what it
     * has. */
    int (*check)(struct bench_system *system, uint64_t held, char *why, uint32_t why_size);
    void (*stop)(struct bench_system *system);
    /* Optional. sample: one line for people about what is behind, every 10 s of a long run. */
    int (*sample)(struct bench_system *system, char *line, uint32_t line_size);

    const struct bench_options *options;
    struct bench_wire wire; /* filled by start or load */
    pid_t pid;
    char version[64];
    char settings[400];
    void *state;
};

void bench_system_stockade(struct bench_system *system, const struct bench_options *options);
void bench_system_redis(struct bench_system *system, const struct bench_options *options);
void bench_system_postgres(struct bench_system *system, const struct bench_options *options);
void bench_system_stub(struct bench_system *system, const struct bench_options *options);

/* Connect to a Unix socket (path) or to a port on 127.0.0.1 (path NULL), non-blocking; -1: not
 * there (yet). */
int bench_dial(const char *path, unsigned port);
/* A port of 127.0.0.1 that is free now. */
unsigned bench_free_port(void);
/* Units of each SKU so that none runs out unless it was asked for. */
uint32_t bench_stock(const struct bench_options *options);

#endif
