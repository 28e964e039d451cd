/* Stockade: a stockaded of our own on an empty data folder, with the capacities that the run needs.
 * Main thread only. */
#include "bench/child.h"
#include "bench/keys.h"
#include "bench/rpc.h"
#include "bench/scratch.h"
#include "bench/system.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stockade/version.h>
#include <string.h>
#include <unistd.h>

#define READY_MS 60000

struct stockade {
    char folder[BENCH_PATH_MAX], config[BENCH_PATH_MAX], socket[BENCH_PATH_MAX],
        log[BENCH_PATH_MAX];
    unsigned port;
    struct bench_rpc *rpc; /* not one of the measured connections */
};

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

static int write_config(struct stockade *stockade, const struct bench_options *options)
{
    FILE *file = fopen(stockade->config, "w");
    uint64_t orders = orders_at_once(options);
    if (!file) {
        perror(stockade->config);
        return 0;
    }
    fprintf(file, "capacity:\n  skus: %u\n  cells: %u\n", options->skus + 1000,
            options->skus + 1000);
    fprintf(file, "  orders: %llu\n  holds: %llu\n  keys: %llu\n", (unsigned long long)orders,
            (unsigned long long)orders, (unsigned long long)orders);
    if (stockade->port)
        fprintf(file, "listen:\n  - unix:%s\n  - 127.0.0.1:%u\n", stockade->socket, stockade->port);
    else
        fprintf(file, "listen:\n  - unix:%s\n", stockade->socket);
    return fclose(file) == 0;
}

static int find_daemon(const struct bench_options *options, char *out)
{
    if (options->daemon) {
        snprintf(out, BENCH_PATH_MAX, "%s", options->daemon);
        return access(out, X_OK) == 0;
    }
    ssize_t size = readlink("/proc/self/exe", out, BENCH_PATH_MAX - 16);
    out[size > 0 ? size : 0] = 0;
    char *slash = strrchr(out, '/');
    strcpy(slash ? slash + 1 : out, "stockaded");
    return access(out, X_OK) == 0;
}

static int wait_ready(struct bench_system *system)
{
    struct stockade *stockade = system->state;
    for (int waited = 0; waited < READY_MS && !bench_stopping(); waited += 5) {
        int fd = bench_dial(stockade->socket, 0);
        if (fd >= 0) {
            stockade->rpc = bench_rpc_create(fd);
            return stockade->rpc && bench_rpc_ask(stockade->rpc, "status") != NULL;
        }
        if (!bench_child_alive(system->pid))
            break;
        bench_sleep_ms(5);
    }
    fprintf(stderr, "stockade-bench: stockaded does not answer\n");
    bench_child_show_log(stockade->log);
    return 0;
}

static enum bench_presence start(struct bench_system *system)
{
    char program[BENCH_PATH_MAX], data[BENCH_PATH_MAX];
    struct stockade *stockade = calloc(1, sizeof(*stockade));
    system->state = stockade;
    if (!stockade || !find_daemon(system->options, program)) {
        fprintf(stderr, "stockade-bench: there is no stockaded beside this program (--daemon)\n");
        return BENCH_BROKEN;
    }
    if (!bench_scratch_folder(stockade->folder, "stockade"))
        return BENCH_BROKEN;
    bench_scratch_file(stockade->config, "stockade/config.yaml");
    bench_scratch_file(stockade->socket, "stockade/socket");
    bench_scratch_file(stockade->log, "stockade.log");
    bench_scratch_file(data, "stockade/data");
    stockade->port = system->options->tcp ? bench_free_port() : 0;
    if (!write_config(stockade, system->options))
        return BENCH_BROKEN;
    const char *argv[] = {program, "--config", stockade->config, "--data", data, NULL};
    system->pid = bench_child_start(argv, NULL, stockade->log);
    if (!system->pid || !wait_ready(system))
        return BENCH_BROKEN;
    snprintf(system->version, sizeof(system->version), "%s", STK_VERSION_TEXT);
    snprintf(system->settings, sizeof(system->settings),
             "journal synced before each answer, fold on; order.place over MessagePack-RPC, %s",
             stockade->port ? "loopback TCP" : "Unix socket");
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
    struct stockade *stockade = system->state;
    struct bench_rpc *rpc = stockade->rpc;
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
    struct stockade *stockade = system->state;
    int fd = bench_dial(stockade->port ? NULL : stockade->socket, stockade->port);
    if (fd < 0)
        fprintf(stderr, "stockade-bench: cannot connect to stockaded\n");
    return fd;
}

/* The held of a SKU's one cell. */
static void add_held(void *arg, const struct stk_value *result)
{
    int64_t held = 0;
    if (bench_value_find(result, "held", &held))
        *(uint64_t *)arg += (uint64_t)held;
}

static int64_t ask_number(struct bench_rpc *rpc, const char *key)
{
    int64_t number = -1;
    const struct stk_value *status = bench_rpc_ask(rpc, "status");
    if (!status || !bench_value_find(status, key, &number))
        return -1;
    return number;
}

static int check(struct bench_system *system, uint64_t held, char *why, uint32_t why_size)
{
    struct stockade *stockade = system->state;
    struct bench_rpc *rpc = stockade->rpc;
    char sku[BENCH_SKU_SIZE + 1];
    uint64_t sum = 0;
    int64_t placed = ask_number(rpc, "orders_placed");
    int64_t expired = ask_number(rpc, "expired");
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
    struct stockade *stockade = system->state;
    const struct stk_value *status = bench_rpc_ask(stockade->rpc, "status");
    int64_t durable = 0, folded = 0, placed = 0;
    if (!status || !bench_value_find(status, "durable", &durable) ||
        !bench_value_find(status, "folded", &folded))
        return 0;
    bench_value_find(status, "orders_placed", &placed);
    snprintf(line, line_size,
             "durable %lld, folded %lld, backlog %lld effects; orders %lld; %.0f MB",
             (long long)durable, (long long)folded, (long long)(durable - folded),
             (long long)placed, (double)bench_child_resident(system->pid) / 1e6);
    return 1;
}

static void stop(struct bench_system *system)
{
    struct stockade *stockade = system->state;
    if (stockade)
        bench_rpc_destroy(stockade->rpc);
    bench_child_stop(system->pid, SIGKILL, 5000); /* its data are thrown away */
    if (stockade && stockade->folder[0])
        bench_scratch_remove(stockade->folder);
    free(stockade);
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
