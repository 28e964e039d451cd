/* The data folder is built by the engine itself, in this process, with the fold driven by hand:
 * the SKUs are loaded and folded, then a million orders are placed whose effects stay in J alone.
 * Then the real daemon is started on it. Memory is what belongs to the process alone (RssAnon), so
 * that pages of mapped files, which the kernel takes back at will, count for nobody; what an engine
 * with the same capacities and no SKUs has is taken off, for Redis likewise. Main thread only. */
#include "bench/large.h"
#include "bench/child.h"
#include "bench/daemon.h"
#include "bench/embed.h"
#include "bench/keys.h"
#include "bench/redis.h"
#include "bench/report.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stockade/version.h>
#include <string.h>

#define STOCK    1000000u
#define UNFOLDED 1000000u
#define ORDERS   2000000u

static void report(const struct bench_options *options, const char *system, const char *version,
                   double per_s, const struct bench_extra *extra, const char *failure)
{
    struct bench_row row = {.bench = bench_options_name(options),
                            .system = system,
                            .version = version,
                            .ops_per_s = per_s,
                            .p50_us = -1,
                            .p99_us = -1,
                            .p999_us = -1,
                            .extra = extra,
                            .note = failure,
                            .failed = failure != NULL};
    bench_report_row(options, &row);
}

static int place_order(struct bench_embed *embed, uint64_t number, uint32_t sku_number)
{
    uint8_t bytes[256];
    char sku[BENCH_SKU_SIZE + 1], id[BENCH_ORDER_SIZE + 1];
    bench_sku_name(sku, sku_number);
    bench_order_name(id, number);
    struct stk_doc doc = stk_doc(bytes, sizeof(bytes));
    stk_doc_map(&doc, 3);
    stk_doc_key_text(&doc, "source", "bench");
    stk_doc_key_text(&doc, "id", id);
    stk_doc_text(&doc, "lines");
    stk_doc_array(&doc, 1);
    stk_doc_map(&doc, 2);
    stk_doc_key_text(&doc, "sku", sku);
    stk_doc_key_int(&doc, "quantity", 1);
    return bench_embed_submit(embed, "order.place", &doc, number);
}

/* Fills the folder; *unfolded: effects that J has and S has not. */
static int build(const struct bench_options *options, const char *folder, uint32_t orders,
                 uint64_t *unfolded)
{
    struct bench_embed_options wanted = {
        .folder = folder, .skus = options->skus, .orders = ORDERS, .by_hand = 1};
    struct bench_picks none = {NULL, 0};
    struct bench_picker picker = bench_picker(&none, options, 0);
    int64_t start_ns = bench_now_ns();
    struct bench_embed *embed = bench_embed_open(&wanted);
    int ok = embed && bench_embed_load(embed, STOCK) && bench_embed_fold(embed);
    for (uint32_t i = 1; ok && i <= orders && !bench_stopping(); i++)
        ok = place_order(embed, i, bench_pick(&picker));
    ok = ok && bench_embed_settle(embed) && !bench_stopping();
    *unfolded = ok ? bench_embed_durable(embed) - bench_embed_folded(embed) : 0;
    bench_embed_close(embed);
    if (ok)
        bench_report_line(options, "  built in %.0f s: %u SKUs folded, %llu effects not",
                          (double)(bench_now_ns() - start_ns) / 1e9, options->skus,
                          (unsigned long long)*unfolded);
    return ok;
}

/* Everything that was acknowledged before is there. */
static const char *is_whole(struct bench_daemon *daemon, const struct bench_options *options,
                            uint32_t orders)
{
    int64_t skus = 0, open = 0;
    const struct stk_value *status = bench_rpc_ask(daemon->rpc, "status");
    if (!status || !bench_value_at(status, "capacities.skus.used", &skus) ||
        !bench_value_at(status, "counts.orders_open", &open))
        return "status does not tell skus and orders_open";
    return skus == options->skus && open == orders ? NULL : "SKUs or orders are missing";
}

static double restart_stockade(const struct bench_options *options)
{
    struct bench_daemon daemon;
    uint64_t unfolded = 0;
    double best_s = 0;
    int ok = bench_daemon_init(&daemon, options, "stockade", ORDERS, 0) &&
             build(options, daemon.data, UNFOLDED, &unfolded);
    /* the first start is the one that counts: it alone finds the effects unfolded */
    if (ok && bench_daemon_start(&daemon, options)) {
        best_s = daemon.ready_s;
        const struct bench_extra extra[] = {
            {"seconds_to_ready", best_s},
            {"unfolded_effects", (double)unfolded},
            {"bytes_of_memory", (double)bench_child_memory(daemon.pid)},
            {NULL, 0}};
        report(options, "stockade", STK_VERSION_TEXT, options->skus / best_s, extra,
               is_whole(&daemon, options, UNFOLDED));
    } else if (!bench_stopping()) {
        report(options, "stockade", STK_VERSION_TEXT, 0, NULL, "could not be built or started");
    }
    bench_daemon_fini(&daemon);
    return best_s;
}

/* Load, dump, start again on the dump. *memory: own bytes more than when it was empty. */
static double restart_redis(const struct bench_options *options, uint64_t *memory, char *version)
{
    struct bench_redis redis;
    double seconds = 0;
    int there = bench_redis_init(&redis, 0);
    int ok = there > 0 && bench_redis_start(&redis, 0);
    uint64_t before = ok ? bench_child_memory(redis.pid) : 0;
    ok = ok && bench_redis_load(&redis, options->skus, STOCK);
    *memory = ok ? bench_child_memory(redis.pid) - before : 0;
    strcpy(version, redis.version);
    if (ok && options->kind == BENCH_RESTART) {
        redisReply *reply = redisCommand(redis.context, "SAVE");
        ok = reply && reply->type == REDIS_REPLY_STATUS;
        freeReplyObject(reply);
        bench_redis_kill(&redis);
        int64_t start_ns = bench_now_ns();
        ok = ok && bench_redis_start(&redis, 0);
        seconds = (double)(bench_now_ns() - start_ns) / 1e9;
    }
    if (there > 0)
        bench_redis_fini(&redis);
    return ok ? seconds : 0;
}

int bench_restart_run(const struct bench_options *options)
{
    char title[200], version[32];
    uint64_t memory;
    double own_s = 0, redis_s = 0;
    snprintf(title, sizeof(title),
             "restart: from the start of the process to its first answer, files in the page cache; "
             "%u SKUs with one cell each in S and %u effects in J (ops/s: SKUs a second)",
             options->skus, UNFOLDED);
    bench_report_title(options, title);
    if (!options->only_rivals)
        own_s = restart_stockade(options);
    if (options->vs & BENCH_VS_REDIS && !bench_stopping()) {
        redis_s = restart_redis(options, &memory, version);
        const struct bench_extra extra[] = {{"seconds_to_ready", redis_s}, {NULL, 0}};
        report(options, "redis", version, redis_s > 0 ? options->skus / redis_s : 0, extra,
               redis_s > 0 ? NULL : "could not be loaded or started");
    }
    bench_report_ratio(options, "restart", own_s > 0 ? redis_s / own_s : 0, 0);
    return 1;
}

/* Own memory of the engine, started on the folder. 0: it did not start. */
static uint64_t started_memory(struct bench_daemon *daemon, const struct bench_options *options)
{
    if (!bench_daemon_start(daemon, options))
        return 0;
    uint64_t memory = bench_child_memory(daemon->pid);
    bench_daemon_stop(daemon, 0);
    return memory;
}

static double memory_stockade(const struct bench_options *options)
{
    struct bench_daemon daemon;
    uint64_t unfolded, empty = 0, full = 0;
    int ok = bench_daemon_init(&daemon, options, "stockade", ORDERS, 0);
    empty = ok ? started_memory(&daemon, options) : 0;
    if (empty)
        bench_scratch_remove(daemon.data);
    ok = empty && build(options, daemon.data, 0, &unfolded);
    full = ok ? started_memory(&daemon, options) : 0;
    double per_sku = full > empty ? (double)(full - empty) / options->skus : 0;
    const struct bench_extra extra[] = {
        {"bytes_per_sku", per_sku}, {"bytes_of_memory", (double)full}, {NULL, 0}};
    if (!bench_stopping())
        report(options, "stockade", STK_VERSION_TEXT, 0, extra,
               per_sku > 0 ? NULL : "could not be built or started");
    bench_daemon_fini(&daemon);
    return per_sku;
}

int bench_memory_run(const struct bench_options *options)
{
    char title[200], version[32];
    uint64_t memory = 0;
    double own = 0, redis = 0;
    snprintf(title, sizeof(title),
             "memory: own memory of the process per SKU (12 letters) with one cell, after a start "
             "with %u SKUs, less that of an empty one (Redis: a hash of two fields)",
             options->skus);
    bench_report_title(options, title);
    if (!options->only_rivals)
        own = memory_stockade(options);
    if (options->vs & BENCH_VS_REDIS && !bench_stopping()) {
        restart_redis(options, &memory, version);
        redis = (double)memory / options->skus;
        const struct bench_extra extra[] = {
            {"bytes_per_sku", redis}, {"bytes_of_memory", (double)memory}, {NULL, 0}};
        report(options, "redis", version, 0, extra, memory ? NULL : "could not be loaded");
    }
    bench_report_ratio(options, "memory", own > 0 ? redis / own : 0, 0);
    return 1;
}
