/* What the host answers out of its own memory: log, clock, timers, fds, options, secrets, metrics,
 * roles. Parts of struct stk_hosting; used by host.c alone. */
#ifndef STK_PLUG_LOCAL_H
#define STK_PLUG_LOCAL_H

#include "core/base/loop.h"
#include "core/plug/settings.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stockade/ext/fd.h>
#include <stockade/ext/kv.h>
#include <stockade/ext/listings.h>
#include <stockade/ext/metrics.h>
#include <stockade/ext/timer.h>

#define STK_SECRET_MAX      65536u
#define STK_SECRETS_MAX     32u
#define STK_LOG_LINES_PER_S 100

enum stk_hosting_state {
    STK_HOSTING_MADE,
    STK_HOSTING_READY,
    STK_HOSTING_ACTIVE,
    STK_HOSTING_GONE
};

struct stk_local;
struct stk_local_timer {
    struct stk_local *local;
    struct stk_loop_timer *timer;
    uint32_t id;
    uint8_t set;
};
struct stk_local_fd {
    struct stk_local *local;
    struct stk_loop_fd *watch;
    int32_t fd;
};
struct stk_local_metric {
    char name[64];
    uint32_t kind;
    _Atomic int64_t value;
    int64_t told;
};
struct stk_local_secret {
    char name[65];
    char from[1025];
    int is_environment;
};

struct stk_local {
    const char *instance;
    struct stk_loop *loop;
    const struct stk_plugin *plugin;
    const struct stk_plugin_timer *plugin_timer;
    const struct stk_plugin_fd *plugin_fd;
    enum stk_hosting_state state;
    pthread_t thread, main_thread;
    struct stk_settings settings;
    struct stk_local_timer timer[STK_TIMERS_MAX];
    struct stk_local_fd fd[STK_FDS_MAX];
    struct stk_local_metric metric[STK_METRICS_MAX];
    uint32_t metrics, secrets;
    struct stk_local_secret secret[STK_SECRETS_MAX];
    char secret_room[STK_SECRET_MAX + 1];
    _Atomic int64_t log_second;
    _Atomic uint32_t log_lines, log_dropped;
};

/* The local extension of that id, or NULL. Each function finds its struct stk_local at
 * host->host_data. */
const void *stk_local_extension(const char *id);
/* All fds are forgotten, all timers too: after deactivate. */
void stk_local_clear(struct stk_local *local);

/* 1 on the instance's own thread; otherwise the culprit is named in the log. */
int stk_local_is_here(const struct stk_local *local, const char *function);

#endif
