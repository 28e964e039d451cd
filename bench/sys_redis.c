/* Redis: a redis-server of our own with the append-only file synced before each answer, and one Lua
 * script that does what order.place does. Main thread only. */
#include "bench/child.h"
#include "bench/keys.h"
#include "bench/scratch.h"
#include "bench/system.h"

#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* KEYS: stock hash, order key. ARGV: instant of expiry in ms.
 *
 * The cheapest script found here that means the same: three commands for a hold. The order key is
 * the idempotency key; it remembers refusals too and lives for Stockade's window of seven days.
 * What is held is on_hand less available. Open holds stand in a sorted set by expiry, where a
 * sweeper would find those to be given back. */
static const char hold_script[] =
    "if not redis.call('SET', KEYS[2], 'OK', 'NX', 'PX', 604800000) then\n"
    "  return redis.status_reply(redis.call('GET', KEYS[2]))\n"
    "end\n"
    "if redis.call('HINCRBY', KEYS[1], 'available', -1) < 0 then\n"
    "  redis.call('HINCRBY', KEYS[1], 'available', 1)\n"
    "  redis.call('SET', KEYS[2], 'SHORT', 'PX', 604800000)\n"
    "  return redis.status_reply('SHORT')\n"
    "end\n"
    "redis.call('ZADD', 'holds', ARGV[1], KEYS[2])\n"
    "return redis.status_reply('OK')\n";

struct redis {
    char folder[BENCH_PATH_MAX], socket[BENCH_PATH_MAX], log[BENCH_PATH_MAX];
    unsigned port;
    redisContext *context;
};

static int connect_to(struct redis *redis, pid_t pid)
{
    for (int tries = 0; tries < 2000 && !bench_stopping(); tries++) {
        redisContext *context = redis->port ? redisConnect("127.0.0.1", (int)redis->port)
                                            : redisConnectUnix(redis->socket);
        if (context && !context->err) {
            redis->context = context;
            return 1;
        }
        redisFree(context);
        if (!bench_child_alive(pid))
            break;
        bench_sleep_ms(5);
    }
    fprintf(stderr, "stockade-bench: redis-server does not answer\n");
    bench_child_show_log(redis->log);
    return 0;
}

static enum bench_presence start(struct bench_system *system)
{
    char program[BENCH_PATH_MAX], port[16], line[256];
    struct redis *redis = calloc(1, sizeof(*redis));
    system->state = redis;
    if (!redis || !bench_child_find(program, "redis-server", NULL)) {
        fprintf(stderr, "redis: redis-server is not installed; left out\n");
        return BENCH_ABSENT;
    }
    if (!bench_scratch_folder(redis->folder, "redis"))
        return BENCH_BROKEN;
    bench_scratch_file(redis->log, "redis.log");
    bench_scratch_file(redis->socket, "redis/socket");
    redis->port = system->options->tcp ? bench_free_port() : 0;
    snprintf(port, sizeof(port), "%u", redis->port);
    const char *argv[] = {program,
                          "--port",
                          port,
                          "--bind",
                          "127.0.0.1",
                          "--unixsocket",
                          redis->socket,
                          "--dir",
                          redis->folder,
                          "--save",
                          "",
                          "--appendonly",
                          "yes",
                          "--appendfsync",
                          "always",
                          "--daemonize",
                          "no",
                          "--loglevel",
                          "warning",
                          "--auto-aof-rewrite-percentage",
                          "0",
                          NULL};
    system->pid = bench_child_start(argv, NULL, redis->log);
    if (!system->pid || !connect_to(redis, system->pid))
        return BENCH_BROKEN;
    const char *ask[] = {program, "--version", NULL};
    char *version = bench_child_line(ask, line, sizeof(line)) ? strstr(line, "v=") : NULL;
    snprintf(system->version, sizeof(system->version), "%.*s",
             version ? (int)strcspn(version + 2, " ") : 1, version ? version + 2 : "?");
    snprintf(system->settings, sizeof(system->settings),
             "appendonly yes, appendfsync always, save \"\", no rewrite of the log during the run; "
             "EVALSHA of one script, %s",
             redis->port ? "loopback TCP" : "Unix socket");
    return BENCH_READY;
}

/* Send with redisAppendCommand, then take all replies. 1: none was an error. */
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

static int load(struct bench_system *system)
{
    struct redis *redis = system->state;
    char sku[BENCH_SKU_SIZE + 1];
    uint32_t pending = 0, stock = bench_stock(system->options);
    redisReply *reply = redisCommand(redis->context, "SCRIPT LOAD %s", hold_script);
    if (!reply || reply->type != REDIS_REPLY_STRING) {
        fprintf(stderr, "stockade-bench: redis refuses the script\n");
        freeReplyObject(reply);
        return 0;
    }
    bench_wire_resp(&system->wire, reply->str, system->options->ttl_ms);
    freeReplyObject(reply);
    for (uint32_t i = 0; i < system->options->skus; i++) {
        bench_sku_name(sku, i);
        redisAppendCommand(redis->context, "HSET s:%s on_hand %u available %u", sku, stock, stock);
        if (++pending < 1000 && i + 1 < system->options->skus)
            continue;
        if (bench_stopping() || !take_replies(redis->context, pending))
            return 0;
        pending = 0;
    }
    return 1;
}

static int dial(struct bench_system *system)
{
    struct redis *redis = system->state;
    int fd = bench_dial(redis->port ? NULL : redis->socket, redis->port);
    if (fd < 0)
        fprintf(stderr, "stockade-bench: cannot connect to redis-server\n");
    return fd;
}

/* Units held of `count` SKUs; -1: no answer. */
static int64_t held_of_chunk(redisContext *context, uint32_t from, uint32_t count, uint32_t stock)
{
    char sku[BENCH_SKU_SIZE + 1];
    int64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        bench_sku_name(sku, from + i);
        redisAppendCommand(context, "HGET s:%s available", sku);
    }
    for (uint32_t i = 0; i < count; i++) {
        redisReply *reply = NULL;
        if (redisGetReply(context, (void **)&reply) != REDIS_OK)
            return -1;
        sum += reply->type == REDIS_REPLY_STRING ? stock - atoll(reply->str) : 0;
        freeReplyObject(reply);
    }
    return sum;
}

static int check(struct bench_system *system, uint64_t held, char *why, uint32_t why_size)
{
    struct redis *redis = system->state;
    uint32_t skus = system->options->skus;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < skus; i += 1000) {
        int64_t part = held_of_chunk(redis->context, i, skus - i < 1000 ? skus - i : 1000,
                                     bench_stock(system->options));
        if (part < 0) {
            snprintf(why, why_size, "redis no longer answers");
            return 0;
        }
        sum += (uint64_t)part;
    }
    redisReply *reply = redisCommand(redis->context, "ZCARD holds");
    uint64_t orders = reply && reply->type == REDIS_REPLY_INTEGER ? (uint64_t)reply->integer : 0;
    freeReplyObject(reply);
    snprintf(why, why_size, "%llu units held, %llu orders", (unsigned long long)sum,
             (unsigned long long)orders);
    return sum == held && orders == held;
}

static void stop(struct bench_system *system)
{
    struct redis *redis = system->state;
    if (redis && redis->context)
        redisFree(redis->context);
    bench_child_stop(system->pid, SIGKILL, 1000); /* its data are thrown away */
    if (redis && redis->folder[0])
        bench_scratch_remove(redis->folder);
    free(redis);
    system->state = NULL;
    system->pid = 0;
}

void bench_system_redis(struct bench_system *system, const struct bench_options *options)
{
    *system = (struct bench_system){.name = "redis",
                                    .start = start,
                                    .load = load,
                                    .dial = dial,
                                    .check = check,
                                    .stop = stop,
                                    .options = options};
}
