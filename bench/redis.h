/* A redis-server of our own. Main thread only. */
#ifndef STK_BENCH_REDIS_H
#define STK_BENCH_REDIS_H

#include "bench/scratch.h"

#include <hiredis/hiredis.h>
#include <sys/types.h>

struct bench_redis {
    char folder[BENCH_PATH_MAX], socket[BENCH_PATH_MAX], log[BENCH_PATH_MAX];
    char version[32];
    unsigned port; /* 0: Unix socket alone */
    pid_t pid;
    redisContext *context;
};
/* Makes its folder below the scratch. 1: yes; 0: broken; -1: redis-server is not installed. */
int bench_redis_init(struct bench_redis *redis, int tcp);
/* Starts it: every write synced before its answer, or no log at all; waits until it answers. */
int bench_redis_start(struct bench_redis *redis, int durable);
void bench_redis_kill(struct bench_redis *redis);
void bench_redis_fini(struct bench_redis *redis);

/* SKUs as hashes of two fields. 0: it printed why not. */
int bench_redis_load(struct bench_redis *redis, uint32_t skus, uint32_t stock);

#endif
