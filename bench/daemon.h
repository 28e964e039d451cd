/* A stockaded of our own: its config, its start on a data folder, its end. Main thread only. */
#ifndef STK_BENCH_DAEMON_H
#define STK_BENCH_DAEMON_H

#include "bench/options.h"
#include "bench/rpc.h"
#include "bench/scratch.h"

#include <sys/types.h>

struct bench_daemon {
    char folder[BENCH_PATH_MAX]; /* config, socket, data */
    char data[BENCH_PATH_MAX], config[BENCH_PATH_MAX], socket[BENCH_PATH_MAX], log[BENCH_PATH_MAX];
    unsigned port; /* 0: Unix socket alone */
    pid_t pid;
    struct bench_rpc *rpc; /* for loading and looking */
    double ready_s;        /* from its start to its first answer */
};
/* Makes <scratch>/<name> with a config for so many SKUs and orders; the memory of `touched` orders
 * is taken at the start. 0: it printed why not. */
int bench_daemon_init(struct bench_daemon *daemon, const struct bench_options *options,
                      const char *name, uint64_t orders, uint64_t touched);
/* Starts it and waits for its first answer. */
int bench_daemon_start(struct bench_daemon *daemon, const struct bench_options *options);
/* Asks it to stop, or kills it. */
void bench_daemon_stop(struct bench_daemon *daemon, int kill_it);
/* Removes the folder. */
void bench_daemon_fini(struct bench_daemon *daemon);

#endif
