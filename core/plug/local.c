/* The host's local functions. Always: what is tagged for the plugin-thread looks whether it is
 * there; what is for any thread touches only what is constant or atomic. */
#include "core/plug/local.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/plug/check.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <stockade/ext/clock.h>
#include <stockade/ext/log.h>
#include <stockade/ext/secret.h>
#include <stockade/ext/thread.h>
#include <string.h>
#include <unistd.h>

static struct stk_local *of(const struct stk_host *host)
{
    return host->host_data;
}

int stk_local_is_here(const struct stk_local *local, const char *function)
{
    if (pthread_equal(pthread_self(), local->thread))
        return 1;
    stk_log_limited(STK_LOG_ERROR, 1000, "plugin called %s on a wrong thread channel=%s", function,
                    local->instance);
    return 0;
}

/* ---- log ---- */

static void log_say(const struct stk_host *host, uint32_t severity, const char *line, uint32_t size)
{
    static const enum stk_log_level levels[] = {STK_LOG_DEBUG, STK_LOG_INFO, STK_LOG_WARN,
                                                STK_LOG_ERROR};
    struct stk_local *local = of(host);
    struct stk_clock clock = stk_clock_real();
    int64_t second = clock.monotonic_ns(clock.self) / 1000000000;
    char text[STK_EVENT_TEXT_MAX + 1];
    /* relaxed: lines may be counted into either second; pairs with nothing */
    if (atomic_exchange_explicit(&local->log_second, second, memory_order_relaxed) != second) {
        uint32_t dropped = atomic_exchange_explicit(&local->log_dropped, 0, memory_order_relaxed);
        atomic_store_explicit(&local->log_lines, 0, memory_order_relaxed);
        if (dropped)
            stk_log(STK_LOG_WARN, "plugin wrote too many lines channel=%s dropped=%u",
                    local->instance, dropped);
    }
    if (atomic_fetch_add_explicit(&local->log_lines, 1, memory_order_relaxed) >=
        STK_LOG_LINES_PER_S) {
        atomic_fetch_add_explicit(&local->log_dropped, 1, memory_order_relaxed);
        return;
    }
    size = size < STK_EVENT_TEXT_MAX ? size : STK_EVENT_TEXT_MAX;
    for (uint32_t i = 0; i < size; i++)
        text[i] = (unsigned char)line[i] < ' ' || line[i] == 0x7f ? ' ' : line[i];
    text[size] = 0;
    stk_log(severity < 4 ? levels[severity] : STK_LOG_ERROR, "plugin: %s channel=%s", text,
            local->instance);
}

/* ---- clock ---- */

static stk_time_t clock_now(const struct stk_host *host)
{
    struct stk_clock clock = stk_clock_real();
    (void)host;
    return clock.now_ms(clock.self);
}

static stk_time_t clock_monotonic(const struct stk_host *host)
{
    struct stk_clock clock = stk_clock_real();
    (void)host;
    return clock.monotonic_ns(clock.self) / 1000000;
}

/* ---- timers ---- */

static void timer_fired(void *arg)
{
    struct stk_local_timer *timer = arg;
    struct stk_local *local = timer->local;
    timer->set = 0;
    if (local->state == STK_HOSTING_ACTIVE && local->plugin_timer)
        local->plugin_timer->on_timer(local->plugin, timer->id);
}

static struct stk_local_timer *timer_of(struct stk_local *local, uint32_t id, int set)
{
    for (uint32_t i = 0; i < STK_TIMERS_MAX; i++)
        if (local->timer[i].set == set && (!set || local->timer[i].id == id))
            return &local->timer[i];
    return NULL;
}

static stk_status_t timer_set(const struct stk_host *host, uint32_t id, uint64_t in_ms)
{
    struct stk_local *local = of(host);
    if (!stk_local_is_here(local, "timer.set") || local->state != STK_HOSTING_ACTIVE)
        return STK_STATE;
    struct stk_local_timer *timer = timer_of(local, id, 1);
    if (!timer)
        timer = timer_of(local, id, 0);
    if (!timer)
        return STK_FULL;
    if (!timer->timer)
        timer->timer = stk_loop_timer_add(local->loop, timer_fired, timer);
    if (!timer->timer)
        return STK_NO_MEMORY;
    timer->local = local;
    timer->id = id;
    timer->set = 1;
    /* one more: it never comes early */
    stk_loop_timer_arm(timer->timer, in_ms < INT32_MAX ? (int64_t)in_ms + (in_ms > 0) : INT32_MAX,
                       0);
    return STK_OK;
}

static stk_status_t timer_cancel(const struct stk_host *host, uint32_t id)
{
    struct stk_local *local = of(host);
    struct stk_local_timer *timer;
    if (!stk_local_is_here(local, "timer.cancel") || local->state != STK_HOSTING_ACTIVE)
        return STK_STATE;
    timer = timer_of(local, id, 1);
    if (!timer)
        return STK_NOT_FOUND;
    stk_loop_timer_disarm(timer->timer);
    timer->set = 0;
    return STK_OK;
}

/* ---- file descriptors ---- */

static void fd_ready(void *arg, int events)
{
    struct stk_local_fd *watch = arg;
    struct stk_local *local = watch->local;
    uint32_t told =
        (events & STK_LOOP_READ ? STK_FD_READ : 0u) | (events & STK_LOOP_WRITE ? STK_FD_WRITE : 0u);
    if (local->state == STK_HOSTING_ACTIVE && local->plugin_fd)
        local->plugin_fd->on_fd(local->plugin, watch->fd, told);
}

static struct stk_local_fd *fd_of(struct stk_local *local, int32_t fd)
{
    for (uint32_t i = 0; i < STK_FDS_MAX; i++)
        if (fd < 0 ? !local->fd[i].watch : local->fd[i].watch && local->fd[i].fd == fd)
            return &local->fd[i];
    return NULL;
}

static int interest_of(uint32_t events)
{
    return (events & STK_FD_READ ? STK_LOOP_READ : 0) |
           (events & STK_FD_WRITE ? STK_LOOP_WRITE : 0);
}

static stk_status_t fd_add(const struct stk_host *host, int32_t fd, uint32_t events)
{
    struct stk_local *local = of(host);
    struct stk_local_fd *watch;
    if (!stk_local_is_here(local, "fd.add") || local->state != STK_HOSTING_ACTIVE)
        return STK_STATE;
    if (fd < 0 || !events || events > (STK_FD_READ | STK_FD_WRITE) || fcntl(fd, F_GETFD) < 0)
        return STK_INVALID;
    if (fd_of(local, fd))
        return STK_EXISTS;
    watch = fd_of(local, -1);
    if (!watch)
        return STK_FULL;
    watch->local = local;
    watch->fd = fd;
    watch->watch = stk_loop_fd_add(local->loop, fd, interest_of(events), fd_ready, watch);
    return watch->watch ? STK_OK : STK_INVALID;
}

static stk_status_t fd_change(const struct stk_host *host, int32_t fd, uint32_t events)
{
    struct stk_local *local = of(host);
    struct stk_local_fd *watch;
    if (!stk_local_is_here(local, "fd.change") || local->state != STK_HOSTING_ACTIVE)
        return STK_STATE;
    if (events > (STK_FD_READ | STK_FD_WRITE))
        return STK_INVALID;
    watch = fd < 0 ? NULL : fd_of(local, fd);
    return watch ? (stk_status_t)stk_loop_fd_interest(watch->watch, interest_of(events))
                 : STK_NOT_FOUND;
}

static stk_status_t fd_remove(const struct stk_host *host, int32_t fd)
{
    struct stk_local *local = of(host);
    struct stk_local_fd *watch;
    if (!stk_local_is_here(local, "fd.remove") || local->state != STK_HOSTING_ACTIVE)
        return STK_STATE;
    watch = fd < 0 ? NULL : fd_of(local, fd);
    if (!watch)
        return STK_NOT_FOUND;
    stk_loop_fd_remove(watch->watch);
    watch->watch = NULL;
    return STK_OK;
}

void stk_local_clear(struct stk_local *local)
{
    for (uint32_t i = 0; i < STK_TIMERS_MAX; i++) {
        if (local->timer[i].timer)
            stk_loop_timer_remove(local->timer[i].timer);
        local->timer[i].timer = NULL;
        local->timer[i].set = 0;
    }
    for (uint32_t i = 0; i < STK_FDS_MAX; i++) {
        if (local->fd[i].watch)
            stk_loop_fd_remove(local->fd[i].watch);
        local->fd[i].watch = NULL;
    }
}

/* ---- options ---- */

static stk_status_t config_text(const struct stk_host *host, const char *name,
                                struct stk_bytes *value)
{
    const struct stk_local *local = of(host);
    const struct stk_setting *setting = stk_settings_find(&local->settings, name);
    if (!setting)
        return STK_NOT_FOUND;
    if (setting->option->kind != STK_OPTION_KIND_TEXT &&
        setting->option->kind != STK_OPTION_KIND_CHOICE)
        return STK_INVALID;
    *value = (struct stk_bytes){local->settings.text + setting->offset, setting->size};
    return STK_OK;
}

static stk_status_t config_integer(const struct stk_host *host, const char *name, int64_t *value)
{
    const struct stk_setting *setting = stk_settings_find(&of(host)->settings, name);
    if (!setting)
        return STK_NOT_FOUND;
    if (setting->option->kind != STK_OPTION_KIND_INT)
        return STK_INVALID;
    *value = setting->number;
    return STK_OK;
}

static stk_status_t config_boolean(const struct stk_host *host, const char *name, uint8_t *value)
{
    const struct stk_setting *setting = stk_settings_find(&of(host)->settings, name);
    if (!setting)
        return STK_NOT_FOUND;
    if (setting->option->kind != STK_OPTION_KIND_BOOL)
        return STK_INVALID;
    *value = (uint8_t)setting->number;
    return STK_OK;
}

/* ---- secrets ---- */

/* The file without its last newline. */
static int32_t read_file(const char *path, char *room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, room, STK_SECRET_MAX);
    if (fd >= 0)
        close(fd);
    if (size > 0 && room[size - 1] == '\n')
        size--;
    return (int32_t)size;
}

static stk_status_t secret_get(const struct stk_host *host, const char *name,
                               struct stk_bytes *value)
{
    struct stk_local *local = of(host);
    int32_t size = -1;
    if (!stk_local_is_here(local, "secret.get"))
        return STK_STATE;
    for (uint32_t i = 0; i < local->secrets; i++) {
        const struct stk_local_secret *secret = &local->secret[i];
        const char *word = secret->is_environment ? getenv(secret->from) : NULL;
        if (strcmp(secret->name, name))
            continue;
        if (word && strlen(word) <= STK_SECRET_MAX) {
            size = (int32_t)strlen(word);
            memcpy(local->secret_room, word, (size_t)size);
        } else if (!secret->is_environment) {
            size = read_file(secret->from, local->secret_room);
        }
        if (size < 0)
            return STK_IO;
        local->secret_room[size] = 0;
        *value = (struct stk_bytes){local->secret_room, (uint32_t)size};
        return STK_OK;
    }
    return STK_NOT_FOUND;
}

/* ---- metrics ---- */

static int is_metric_name(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size < 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == size;
}

static stk_status_t metrics_declare(const struct stk_host *host, uint32_t kind, const char *name,
                                    const char *help, uint32_t *id)
{
    struct stk_local *local = of(host);
    (void)help;
    if (!stk_local_is_here(local, "metrics.declare"))
        return STK_STATE;
    if (kind < STK_METRIC_COUNTER || kind > STK_METRIC_HISTOGRAM || !is_metric_name(name))
        return STK_INVALID;
    for (uint32_t i = 0; i < local->metrics; i++)
        if (strcmp(local->metric[i].name, name) == 0) {
            *id = i + 1;
            return local->metric[i].kind == kind ? STK_OK : STK_EXISTS;
        }
    if (local->metrics == STK_METRICS_MAX)
        return STK_FULL;
    snprintf(local->metric[local->metrics].name, 64, "%s", name);
    local->metric[local->metrics].kind = kind;
    *id = ++local->metrics;
    return STK_OK;
}

static void metrics_put(const struct stk_host *host, uint32_t id, int64_t value)
{
    struct stk_local *local = of(host);
    if (id == 0 || id > STK_METRICS_MAX || !local->metric[id - 1].kind) {
        stk_log_limited(STK_LOG_WARN, 10000, "plugin put to a metric that is none channel=%s",
                        local->instance);
        return;
    }
    /* relaxed: a number for display; pairs with the load in host.c */
    if (local->metric[id - 1].kind == STK_METRIC_COUNTER)
        atomic_fetch_add_explicit(&local->metric[id - 1].value, value > 0 ? value : 0,
                                  memory_order_relaxed);
    else
        atomic_store_explicit(&local->metric[id - 1].value, value, memory_order_relaxed);
}

/* ---- roles ---- */

static stk_status_t on_main_thread(const struct stk_host *host)
{
    return pthread_equal(pthread_self(), of(host)->main_thread) ? STK_OK : STK_STATE;
}

static stk_status_t on_plugin_thread(const struct stk_host *host)
{
    return pthread_equal(pthread_self(), of(host)->thread) ? STK_OK : STK_STATE;
}

/* ---- all of them ---- */

static const struct stk_host_log ext_log = {log_say};
static const struct stk_host_clock ext_clock = {clock_now, clock_monotonic};
static const struct stk_host_timer ext_timer = {timer_set, timer_cancel};
static const struct stk_host_fd ext_fd = {fd_add, fd_change, fd_remove};
static const struct stk_host_config ext_config = {config_text, config_integer, config_boolean};
static const struct stk_host_secret ext_secret = {secret_get};
static const struct stk_host_metrics ext_metrics = {metrics_declare, metrics_put};
static const struct stk_host_thread_check ext_thread = {on_main_thread, on_plugin_thread};

const void *stk_local_extension(const char *id)
{
    static const struct {
        const char *id;
        const void *extension;
    } all[] = {{STK_EXT_LOG, &ext_log},         {STK_EXT_CLOCK, &ext_clock},
               {STK_EXT_TIMER, &ext_timer},     {STK_EXT_FD, &ext_fd},
               {STK_EXT_CONFIG, &ext_config},   {STK_EXT_SECRET, &ext_secret},
               {STK_EXT_METRICS, &ext_metrics}, {STK_EXT_THREAD_CHECK, &ext_thread}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].id, id) == 0)
            return all[i].extension;
    return NULL;
}
