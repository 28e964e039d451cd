/* Redis: a redis-server of our own with the append-only file synced before each answer, and one Lua
 * script that does what order.place does. Main thread only. */
#include "bench/keys.h"
#include "bench/redis.h"
#include "bench/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static enum bench_presence start(struct bench_system *system)
{
    struct bench_redis *redis = calloc(1, sizeof(*redis));
    system->state = redis;
    int there = redis ? bench_redis_init(redis, system->options->tcp) : 0;
    if (there < 0)
        return BENCH_ABSENT;
    if (!there || !bench_redis_start(redis, 1))
        return BENCH_BROKEN;
    system->pid = redis->pid;
    snprintf(system->version, sizeof(system->version), "%s", redis->version);
    snprintf(system->settings, sizeof(system->settings),
             "appendonly yes, appendfsync always, save \"\", no rewrite of the log during the run; "
             "EVALSHA of one script, %s",
             redis->port ? "loopback TCP" : "Unix socket");
    return BENCH_READY;
}

static int load(struct bench_system *system)
{
    struct bench_redis *redis = system->state;
    redisReply *reply = redisCommand(redis->context, "SCRIPT LOAD %s", hold_script);
    if (!reply || reply->type != REDIS_REPLY_STRING) {
        fprintf(stderr, "stockade-bench: redis refuses the script\n");
        freeReplyObject(reply);
        return 0;
    }
    bench_wire_resp(&system->wire, reply->str, system->options->ttl_ms);
    freeReplyObject(reply);
    return bench_redis_load(redis, system->options->skus, bench_stock(system->options));
}

static int dial(struct bench_system *system)
{
    struct bench_redis *redis = system->state;
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
    struct bench_redis *redis = system->state;
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
    if (system->state)
        bench_redis_fini(system->state);
    free(system->state);
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
