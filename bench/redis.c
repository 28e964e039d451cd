/* redis-server on a Unix socket in the scratch folder, or on loopback as well. */
#include "bench/redis.h"
#include "bench/child.h"
#include "bench/keys.h"
#include "bench/system.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int bench_redis_init(struct bench_redis *redis, int tcp)
{
    char program[BENCH_PATH_MAX], line[256];
    memset(redis, 0, sizeof(*redis));
    if (!bench_child_find(program, "redis-server", NULL)) {
        fprintf(stderr, "redis: redis-server is not installed; left out\n");
        return -1;
    }
    if (!bench_scratch_folder(redis->folder, "redis"))
        return 0;
    bench_scratch_file(redis->log, "redis/log");
    bench_scratch_file(redis->socket, "redis/socket");
    redis->port = tcp ? bench_free_port() : 0;
    const char *ask[] = {program, "--version", NULL};
    char *version = bench_child_line(ask, line, sizeof(line)) ? strstr(line, "v=") : NULL;
    snprintf(redis->version, sizeof(redis->version), "%.*s",
             version ? (int)strcspn(version + 2, " ") : 1, version ? version + 2 : "?");
    return 1;
}

/* A PING is answered only when the dump is loaded. */
static int is_ready(struct bench_redis *redis)
{
    redisReply *reply = redisCommand(redis->context, "PING");
    int ready = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return ready;
}

static int wait_ready(struct bench_redis *redis)
{
    for (int waited = 0; waited < 120000 && !bench_stopping(); waited++) {
        redis->context = redis->port ? redisConnect("127.0.0.1", (int)redis->port)
                                     : redisConnectUnix(redis->socket);
        if (redis->context && !redis->context->err && is_ready(redis))
            return 1;
        redisFree(redis->context);
        redis->context = NULL;
        if (!bench_child_alive(redis->pid))
            break;
        bench_sleep_ms(1);
    }
    fprintf(stderr, "stockade-bench: redis-server does not answer\n");
    bench_child_show_log(redis->log);
    return 0;
}

int bench_redis_start(struct bench_redis *redis, int durable)
{
    char port[16];
    const char *argv[] = {"redis-server",
                          "--port",
                          port,
                          "--bind",
                          "127.0.0.1",
                          "--unixsocket",
                          redis->socket,
                          "--dir",
                          redis->folder,
                          "--loglevel",
                          "warning",
                          "--save",
                          "",
                          "--appendfsync",
                          "always",
                          "--auto-aof-rewrite-percentage",
                          "0",
                          "--appendonly",
                          durable ? "yes" : "no",
                          NULL};
    snprintf(port, sizeof(port), "%u", redis->port);
    redis->pid = bench_child_start(argv, NULL, redis->log);
    return redis->pid && wait_ready(redis);
}

void bench_redis_kill(struct bench_redis *redis)
{
    if (redis->context)
        redisFree(redis->context);
    redis->context = NULL;
    bench_child_stop(redis->pid, SIGKILL, 5000);
    redis->pid = 0;
}

void bench_redis_fini(struct bench_redis *redis)
{
    bench_redis_kill(redis);
    if (redis->folder[0])
        bench_scratch_remove(redis->folder);
}

/* Take the replies to what was appended. 1: none was an error. */
static int take_replies(redisContext *context, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        redisReply *reply = NULL;
        if (redisGetReply(context, (void **)&reply) != REDIS_OK ||
            (reply && reply->type == REDIS_REPLY_ERROR)) {
            fprintf(stderr, "stockade-bench: redis: %s\n", reply ? reply->str : context->errstr);
            freeReplyObject(reply);
            return 0;
        }
        freeReplyObject(reply);
    }
    return 1;
}

int bench_redis_load(struct bench_redis *redis, uint32_t skus, uint32_t stock)
{
    char sku[BENCH_SKU_SIZE + 1];
    uint32_t pending = 0;
    for (uint32_t i = 0; i < skus; i++) {
        bench_sku_name(sku, i);
        redisAppendCommand(redis->context, "HSET s:%s on_hand %u available %u", sku, stock, stock);
        if (++pending < 1000 && i + 1 < skus)
            continue;
        if (bench_stopping() || !take_replies(redis->context, pending))
            return 0;
        pending = 0;
    }
    return 1;
}
