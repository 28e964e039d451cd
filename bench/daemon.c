/* Ready is when `status` was answered, not when the socket is there. */
#include "bench/daemon.h"
#include "bench/child.h"
#include "bench/system.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READY_MS 120000
#define STOP_MS  60000

static int write_config(const struct bench_daemon *daemon, const struct bench_options *options,
                        uint64_t orders, uint64_t touched)
{
    FILE *file = fopen(daemon->config, "w");
    if (!file) {
        perror(daemon->config);
        return 0;
    }
    unsigned long long many = orders, bytes = orders * 400 + (1ull << 30);
    fprintf(file, "engine:\n  skus: %u\n  cells: %u\n", options->skus + 1000, options->skus + 1000);
    fprintf(file, "  orders: %llu\n  holds: %llu\n  keys: %llu\n", many, many, many);
    fprintf(file, "  orders_touched: %llu\n", (unsigned long long)touched);
    fprintf(file, "  order_bytes: %llu B\n  key_bytes: %llu B\n", bytes, bytes);
    fprintf(file, "  text_bytes: %llu B\n", (unsigned long long)options->skus * 64 + (64u << 20));
    fprintf(file, "rpc:\n  unix: %s\n", daemon->socket);
    if (daemon->port)
        fprintf(file, "  listen:\n    - 127.0.0.1:%u\n", daemon->port);
    else
        fprintf(file, "  listen: []\n");
    return fclose(file) == 0;
}

int bench_daemon_init(struct bench_daemon *daemon, const struct bench_options *options,
                      const char *name, uint64_t orders, uint64_t touched)
{
    char file[128];
    memset(daemon, 0, sizeof(*daemon));
    if (!bench_scratch_folder(daemon->folder, name))
        return 0;
    snprintf(file, sizeof(file), "%s/stockade.yaml", name);
    bench_scratch_file(daemon->config, file);
    snprintf(file, sizeof(file), "%s/socket", name);
    bench_scratch_file(daemon->socket, file);
    snprintf(file, sizeof(file), "%s/log", name);
    bench_scratch_file(daemon->log, file);
    snprintf(file, sizeof(file), "%s/data", name);
    bench_scratch_file(daemon->data, file);
    daemon->port = options->tcp ? bench_free_port() : 0;
    return write_config(daemon, options, orders, touched);
}

static int find_program(const struct bench_options *options, char *out)
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

static int wait_ready(struct bench_daemon *daemon)
{
    for (int waited = 0; waited < READY_MS && !bench_stopping(); waited++) {
        int fd = bench_dial(daemon->socket, 0);
        if (fd >= 0) {
            daemon->rpc = bench_rpc_create(fd);
            return daemon->rpc && bench_rpc_ask(daemon->rpc, "status") != NULL;
        }
        if (!bench_child_alive(daemon->pid))
            break;
        bench_sleep_ms(1);
    }
    if (!bench_stopping())
        fprintf(stderr, "stockade-bench: stockaded does not answer\n");
    bench_child_show_log(daemon->log);
    return 0;
}

int bench_daemon_start(struct bench_daemon *daemon, const struct bench_options *options)
{
    char program[BENCH_PATH_MAX];
    if (!find_program(options, program)) {
        fprintf(stderr, "stockade-bench: there is no stockaded beside this program (--daemon)\n");
        return 0;
    }
    const char *argv[] = {program, "--config", daemon->config, "--data", daemon->data, NULL};
    int64_t start_ns = bench_now_ns();
    daemon->pid = bench_child_start(argv, NULL, daemon->log);
    if (!daemon->pid || !wait_ready(daemon))
        return 0;
    daemon->ready_s = (double)(bench_now_ns() - start_ns) / 1e9;
    return 1;
}

void bench_daemon_stop(struct bench_daemon *daemon, int kill_it)
{
    bench_rpc_destroy(daemon->rpc);
    daemon->rpc = NULL;
    bench_child_stop(daemon->pid, kill_it ? SIGKILL : SIGTERM, STOP_MS);
    daemon->pid = 0;
}

void bench_daemon_fini(struct bench_daemon *daemon)
{
    bench_daemon_stop(daemon, 1);
    if (daemon->folder[0])
        bench_scratch_remove(daemon->folder);
}
