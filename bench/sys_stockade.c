/* Stockade: a stockaded of our own on an empty data folder, with the capacities that the run needs.
 * Main thread only. */
#include "bench/child.h"
#include "bench/daemon.h"
#include "bench/keys.h"
#include "bench/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <stockade/version.h>
#include <string.h>

/* Orders that may be in memory at once: what a million a second brings, or what the open loop
 * brings, until the holds expire. */
static uint64_t orders_at_once(const struct bench_options *options)
{
    double rate = options->rate > 0 ? options->rate : 1200000;
    double seconds = options->warmup + options->seconds + (options->open_percent ? 8 : 0);
    double life = (double)options->ttl_ms / 1000 + 10;
    double orders = rate * (seconds < life ? seconds : life) * 1.1 + 1000000;
    return orders < 40e6 ? (uint64_t)orders : 40000000;
}

static enum bench_presence start(struct bench_system *system)
{
    struct bench_daemon *daemon = calloc(1, sizeof(*daemon));
    system->state = daemon;
    uint64_t orders = orders_at_once(system->options);
    if (!daemon || !bench_daemon_init(daemon, system->options, "stockade", orders, orders) ||
        !bench_daemon_start(daemon, system->options))
        return BENCH_BROKEN;
    system->pid = daemon->pid;
    snprintf(system->version, sizeof(system->version), "%s", STK_VERSION_TEXT);
    snprintf(
        system->settings, sizeof(system->settings),
        "journal synced before each answer, fold on; memory of %.0f million orders taken at the "
        "start; order.place over MessagePack-RPC, %s",
        (double)orders / 1e6, daemon->port ? "loopback TCP" : "Unix socket");
    return BENCH_READY;
}

static int put_sku(struct bench_rpc *rpc, uint32_t number, uint32_t stock)
{
    char sku[BENCH_SKU_SIZE + 1], id[32];
    bench_sku_name(sku, number);
    snprintf(id, sizeof(id), "put-%u", number);
    struct stk_doc *doc = bench_rpc_begin(rpc, "sku.put");
    stk_doc_map(doc, 3);
    stk_doc_key_text(doc, "source", "bench");
    stk_doc_key_text(doc, "id", id);
    stk_doc_key_text(doc, "sku", sku);
    if (!bench_rpc_finish(rpc))
        return 0;
    snprintf(id, sizeof(id), "receive-%u", number);
    doc = bench_rpc_begin(rpc, "stock.receive");
    stk_doc_map(doc, 5);
    stk_doc_key_text(doc, "source", "bench");
    stk_doc_key_text(doc, "id", id);
    stk_doc_key_text(doc, "sku", sku);
    stk_doc_key_text(doc, "location", "main");
    stk_doc_key_int(doc, "quantity", stock);
    return bench_rpc_finish(rpc);
}

static int load(struct bench_system *system)
{
    struct bench_daemon *daemon = system->state;
    struct bench_rpc *rpc = daemon->rpc;
    struct stk_doc *doc = bench_rpc_begin(rpc, "location.put");
    stk_doc_map(doc, 3);
    stk_doc_key_text(doc, "source", "bench");
    stk_doc_key_text(doc, "id", "location");
    stk_doc_key_text(doc, "location", "main");
    if (!bench_rpc_finish(rpc))
        return 0;
    for (uint32_t i = 0; i < system->options->skus; i++)
        if (!put_sku(rpc, i, bench_stock(system->options)))
            return 0;
    bench_wire_rpc(&system->wire, system->options->ttl_ms);
    return bench_rpc_drain(rpc);
}

static int dial(struct bench_system *system)
{
    struct bench_daemon *daemon = system->state;
    int fd = bench_dial(daemon->port ? NULL : daemon->socket, daemon->port);
    if (fd < 0)
        fprintf(stderr, "stockade-bench: cannot connect to stockaded\n");
    return fd;
}

/* The held of a SKU's one cell. */
static void add_held(void *arg, const struct stk_value *result)
{
    int64_t held = 0;
    if (bench_value_at(result, "cells.0.held", &held))
        *(uint64_t *)arg += (uint64_t)held;
}

static int64_t ask_number(struct bench_rpc *rpc, const char *key)
{
    int64_t number = -1;
    const struct stk_value *status = bench_rpc_ask(rpc, "status");
    if (!status || !bench_value_at(status, key, &number))
        return -1;
    return number;
}

static int check(struct bench_system *system, uint64_t held, char *why, uint32_t why_size)
{
    struct bench_daemon *daemon = system->state;
    struct bench_rpc *rpc = daemon->rpc;
    char sku[BENCH_SKU_SIZE + 1];
    uint64_t sum = 0;
    int64_t placed = ask_number(rpc, "counts.orders_placed");
    int64_t expired = ask_number(rpc, "counts.expired");
    bench_rpc_on_result(rpc, add_held, &sum);
    int ok = 1;
    for (uint32_t i = 0; i < system->options->skus && ok; i++) {
        bench_sku_name(sku, i);
        struct stk_doc *doc = bench_rpc_begin(rpc, "stock.get");
        stk_doc_map(doc, 1);
        stk_doc_key_text(doc, "sku", sku);
        ok = bench_rpc_finish(rpc);
    }
    ok = ok && bench_rpc_drain(rpc);
    bench_rpc_on_result(rpc, NULL, NULL);
    snprintf(why, why_size, "%lld orders placed, %lld expired, %llu units held", (long long)placed,
             (long long)expired, (unsigned long long)sum);
    /* while holds expire the sum moves on under our eyes: then the orders alone are compared */
    return ok && placed == (int64_t)held && (expired > 0 || sum == held) &&
           (expired == 0 || sum <= held - (uint64_t)expired);
}

static int sample(struct bench_system *system, char *line, uint32_t line_size)
{
    struct bench_daemon *daemon = system->state;
    const struct stk_value *status = bench_rpc_ask(daemon->rpc, "status");
    int64_t durable = 0, folded = 0, placed = 0;
    if (!status || !bench_value_at(status, "journal.durable", &durable) ||
        !bench_value_at(status, "journal.folded", &folded))
        return 0;
    bench_value_at(status, "counts.orders_placed", &placed);
    snprintf(line, line_size,
             "durable %lld, folded %lld, backlog %lld effects; orders %lld; %.0f MB",
             (long long)durable, (long long)folded, (long long)(durable - folded),
             (long long)placed, (double)bench_child_memory(system->pid) / 1e6);
    return 1;
}

static void stop(struct bench_system *system)
{
    if (system->state)
        bench_daemon_fini(system->state);
    free(system->state);
    system->state = NULL;
    system->pid = 0;
}

void bench_system_stockade(struct bench_system *system, const struct bench_options *options)
{
    *system = (struct bench_system){.name = "stockade",
                                    .start = start,
                                    .load = load,
                                    .dial = dial,
                                    .check = check,
                                    .sample = sample,
                                    .stop = stop,
                                    .options = options};
}
