/* Start: folder and lock, journal, state, engine loaded, then threads from the disk outwards
 * (journal, fold, reader, engine), doors last. Stop: doors first. Always: no thread runs before
 * what it needs, and nothing is freed while a thread may look at it.
 *
 * A fault of the disk ends the process at once: nothing is acknowledged after it, and recovery
 * decides. */
#include "core/app/daemon.h"
#include "core/app/channels.h"
#include "core/app/status.h"
#include "core/app/verify.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/flow/reader.h"
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXIT_FATAL   75  /* the disk failed: start again, recovery decides */
#define EXIT_DAMAGED 65  /* stored data crashed who read it */
#define DRAIN_S      10  /* for what is in flight to be answered, and the answers to be fetched */
#define FDS_BESIDE   256 /* files, folders, listeners: all but connections */

struct stk_daemon {
    struct stk_config config;
    char journal_folder[STK_PATH_MAX + 16];
    char state_folder[STK_PATH_MAX + 16];
    char backup_folder[STK_PATH_MAX + 16];
    char unix_address[STK_PATH_MAX + 32];
    int lock_fd;
    struct stk_journal *journal;
    struct stk_rows *rows;
    struct stk_engine *engine;
    struct stk_fold *fold;
    struct stk_lookup *reader;
    struct stk_inbox *fold_inbox, *net_inbox;
    struct stk_loop *loop;
    struct stk_api *api;
    struct stk_rpc *rpc;
    struct stk_thread engine_thread, net_thread;
    struct stk_status_sources status;
    struct stk_instance *instance[STK_APP_CHANNELS_MAX];
    uint32_t instance_count;
    int instances_run;
    int journal_runs, fold_runs, reader_runs, engine_runs, net_runs;
    _Atomic int drain; /* main asks the net thread */
    sem_t drained;
};

/* ---- what the disk says ---- */

static void fatal(void *arg, const struct stk_error *err)
{
    (void)arg;
    fprintf(stderr, "stockaded: %s; nothing is acknowledged any more, the process ends\n",
            err->text);
    _exit(EXIT_FATAL);
}

static void durable(void *arg, stk_seq_t seq)
{
    struct stk_daemon *daemon = arg;
    stk_engine_durable(daemon->engine, seq);
}

static void folded(void *arg, stk_seq_t seq)
{
    struct stk_daemon *daemon = arg;
    stk_journal_pin(daemon->journal, STK_PIN_FOLD, seq + 1);
}

static void run_changed(void *arg, const struct stk_run *run, int dropped)
{
    struct stk_daemon *daemon = arg;
    stk_engine_run_changed(daemon->fold_inbox, run, dropped);
}

static int disk_full(void *arg, char *why, uint32_t why_size)
{
    struct stk_daemon *daemon = arg;
    return stk_journal_full(daemon->journal, why, why_size);
}

static void hurry(void *arg)
{
    struct stk_daemon *daemon = arg;
    stk_fold_wake(daemon->fold);
}

static const char *name_of(void *arg, uint32_t number)
{
    const struct stk_daemon *daemon = arg;
    for (uint32_t i = 0; i < daemon->config.token_count; i++)
        if (stk_api_who(daemon->config.tokens[i].name) == number)
            return daemon->config.tokens[i].name;
    for (uint32_t i = 0; i < daemon->config.channel_count; i++) {
        char who[STK_ID_MAX + 16];
        snprintf(who, sizeof who, "channel %s", daemon->config.channels[i].name);
        if (stk_api_who(who) == number)
            return daemon->config.channels[i].name;
    }
    return NULL;
}

static void write_status(void *arg, struct stk_doc *answer)
{
    struct stk_daemon *daemon = arg;
    stk_status_write(&daemon->status, answer);
}

/* ---- folders ---- */

static enum stk_status open_folder(struct stk_daemon *daemon, struct stk_error *err)
{
    char path[STK_PATH_MAX + 16];
    const char *data = daemon->config.data;
    if (mkdir(data, 0700) != 0 && errno != EEXIST)
        return stk_error_errno(err, errno, "%s: cannot be made", data);
    snprintf(path, sizeof path, "%s/lock", data);
    daemon->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (daemon->lock_fd < 0)
        return stk_error_errno(err, errno, "%s: cannot be opened", path);
    if (flock(daemon->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return stk_error_set(err, STK_STATE, "%s: another engine runs on this folder", data);
    snprintf(daemon->journal_folder, sizeof daemon->journal_folder, "%s/journal", data);
    snprintf(daemon->state_folder, sizeof daemon->state_folder, "%s/state", data);
    if (*daemon->config.backup_folder)
        snprintf(daemon->backup_folder, sizeof daemon->backup_folder, "%s",
                 daemon->config.backup_folder);
    else
        snprintf(daemon->backup_folder, sizeof daemon->backup_folder, "%s/backups", data);
    return STK_OK;
}

/* ---- loading ---- */

#define REMEDY                                                                                     \
    "restore a backup (stockade restore BACKUP --data DIR), or, when the journal is sound "        \
    "(stockade journal verify), rebuild the state from it (stockade state rebuild --data DIR)"

/* A damaged page of LMDB crashes who reads it: say in one line what it was and what helps. The line
 * is made beforehand: nothing but a write is safe then. */
static char crash_line[3 * STK_PATH_MAX];
static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGABRT};
#define CRASH_SIGNALS (sizeof crash_signals / sizeof crash_signals[0])

static void crashed_while_loading(int signal_number)
{
    (void)signal_number;
    ssize_t ignored = write(STDERR_FILENO, crash_line, strlen(crash_line));
    (void)ignored;
    _exit(EXIT_DAMAGED);
}

static void guard_begin(const struct stk_daemon *daemon, struct sigaction before[CRASH_SIGNALS])
{
    struct sigaction action = {.sa_handler = crashed_while_loading};
    snprintf(crash_line, sizeof crash_line,
             "stockaded: reading %s or %s crashed: damaged; " REMEDY "\n", daemon->state_folder,
             daemon->journal_folder);
    for (unsigned i = 0; i < CRASH_SIGNALS; i++)
        sigaction(crash_signals[i], &action, &before[i]);
}

static void guard_end(const struct sigaction before[CRASH_SIGNALS])
{
    for (unsigned i = 0; i < CRASH_SIGNALS; i++)
        sigaction(crash_signals[i], &before[i], NULL);
}

static enum stk_status open_store(struct stk_daemon *daemon, struct stk_error *err)
{
    struct stk_journal_options journal = daemon->config.journal;
    struct stk_rows_options rows = {.folder = daemon->state_folder,
                                    .map_bytes = daemon->config.state_map_bytes};
    journal.folder = daemon->journal_folder;
    journal.on_durable = durable;
    journal.on_fatal = fatal;
    journal.arg = daemon;
    enum stk_status status = stk_journal_open(&daemon->journal, &journal, err);
    if (status == STK_OK)
        status = stk_rows_open(&daemon->rows, &rows, err);
    return status == STK_OK ? stk_rows_follow(daemon->rows, daemon->journal, err) : status;
}

static enum stk_status load_engine(struct stk_daemon *daemon, struct stk_error *err)
{
    struct stk_engine_options *options = &daemon->config.engine;
    options->log = stk_journal_log(daemon->journal);
    options->full = disk_full;
    options->full_arg = daemon;
    options->principal = name_of;
    options->principal_arg = daemon;
    enum stk_status status = stk_engine_create(&daemon->engine, options, err);
    return status == STK_OK ? stk_engine_load(daemon->engine, daemon->rows, err) : status;
}

/* ---- parts ---- */

static void drained(void *arg)
{
    struct stk_daemon *daemon = arg;
    sem_post(&daemon->drained);
}

static void woken(void *arg)
{
    struct stk_daemon *daemon = arg;
    /* acquire: pairs with the store in drain_doors */
    if (atomic_exchange_explicit(&daemon->drain, 0, memory_order_acquire))
        stk_rpc_drain(daemon->rpc, drained, daemon);
    stk_rpc_woken(daemon->rpc);
}

static void wake_net(void *arg)
{
    stk_loop_wake(arg);
}

static enum stk_status make_fold(struct stk_daemon *daemon, struct stk_error *err)
{
    struct stk_fold_options fold = daemon->config.fold;
    fold.log = stk_journal_log(daemon->journal);
    fold.rows = daemon->rows;
    fold.key_window_ms = daemon->config.engine.key_window_ms;
    fold.on_folded = folded;
    fold.on_run = run_changed;
    fold.on_fatal = fatal;
    fold.arg = daemon;
    daemon->fold_inbox = stk_engine_inbox_open(daemon->engine, NULL, NULL, err);
    if (!daemon->fold_inbox)
        return err->status;
    return stk_fold_create(&daemon->fold, &fold, err);
}

static enum stk_status make_reader(struct stk_daemon *daemon, struct stk_error *err)
{
    struct stk_reader_options reader = {.engine = daemon->engine,
                                        .rows = daemon->rows,
                                        .log = stk_journal_log(daemon->journal),
                                        .journal = daemon->journal,
                                        .backup_folder = daemon->backup_folder,
                                        .verify = stk_verify_in_child,
                                        .hurry = hurry,
                                        .arg = daemon};
    return stk_reader_create(&daemon->reader, &reader, err);
}

static enum stk_status listen_everywhere(struct stk_daemon *daemon, struct stk_error *err)
{
    const struct stk_config *config = &daemon->config;
    if (strcmp(config->rpc_unix, "none") != 0) {
        const char *path = config->rpc_unix;
        if (*path)
            snprintf(daemon->unix_address, sizeof daemon->unix_address, "unix:%s", path);
        else
            snprintf(daemon->unix_address, sizeof daemon->unix_address, "unix:%s/stockade.sock",
                     config->data);
        enum stk_status status = stk_rpc_listen(daemon->rpc, daemon->unix_address, err);
        if (status != STK_OK)
            return status;
    }
    for (uint32_t i = 0; i < config->rpc_listen_count; i++) {
        enum stk_status status = stk_rpc_listen(daemon->rpc, config->rpc_listen[i], err);
        if (status != STK_OK)
            return status;
    }
    return STK_OK;
}

static enum stk_status make_doors(struct stk_daemon *daemon, struct stk_error *err)
{
    daemon->loop = stk_loop_create(err);
    if (!daemon->loop)
        return err->status;
    daemon->net_inbox = stk_engine_inbox_open(daemon->engine, wake_net, daemon->loop, err);
    if (!daemon->net_inbox)
        return err->status;
    daemon->status = (struct stk_status_sources){.engine = daemon->engine,
                                                 .capacities = &daemon->config.engine,
                                                 .journal = daemon->journal,
                                                 .rows = daemon->rows,
                                                 .folder = daemon->config.data,
                                                 .clock = stk_clock_real()};
    daemon->status.started_ms = daemon->status.clock.now_ms(daemon->status.clock.self);
    struct stk_api_options api = {.engine = daemon->engine,
                                  .inbox = daemon->net_inbox,
                                  .tokens = daemon->config.tokens,
                                  .token_count = daemon->config.token_count,
                                  .status = write_status,
                                  .arg = daemon};
    daemon->api = stk_api_create(&api, err);
    if (!daemon->api)
        return err->status;
    struct stk_rpc_options rpc = daemon->config.rpc;
    rpc.loop = daemon->loop;
    rpc.api = daemon->api;
    rpc.clock = stk_clock_real();
    rpc.tokens = daemon->config.token_count > 0;
    enum stk_status status = stk_rpc_create(&daemon->rpc, &rpc, err);
    daemon->status.rpc = daemon->rpc;
    stk_loop_on_wake(daemon->loop, woken, daemon);
    return status == STK_OK ? listen_everywhere(daemon, err) : status;
}

/* Before the engine runs: each has an inbox there. One that cannot be made hurts itself alone. */
static void make_instances(struct stk_daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->config.channel_count; i++) {
        struct stk_instance_options options = daemon->config.channels[i];
        struct stk_error err = {0};
        char who[STK_ID_MAX + 16];
        snprintf(who, sizeof who, "channel %s", options.name);
        options.who = stk_api_who(who);
        struct stk_instance *instance = stk_instance_create(daemon->engine, &options, &err);
        if (instance)
            daemon->instance[daemon->instance_count++] = instance;
        else
            stk_log(STK_LOG_ERROR, "%s; the engine goes on without it", err.text);
    }
    daemon->status.instances = daemon->instance;
    daemon->status.instance_count = daemon->instance_count;
}

static enum stk_status start_instances(struct stk_daemon *daemon, struct stk_error *err)
{
    enum stk_status status = STK_OK;
    daemon->instances_run = 1;
    for (uint32_t i = 0; status == STK_OK && i < daemon->instance_count; i++)
        status = stk_instance_start(daemon->instance[i], err);
    return status;
}

/* All drain at the same time. */
static void stop_instances(struct stk_daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->instance_count; i++)
        stk_instance_stop(daemon->instance[i]);
    for (uint32_t i = 0; i < daemon->instance_count; i++)
        stk_instance_join(daemon->instance[i]);
}

static void run_engine(void *arg)
{
    stk_engine_run(arg);
}

static void run_net(void *arg)
{
    stk_loop_run(arg);
}

static enum stk_status start_threads(struct stk_daemon *daemon, struct stk_error *err)
{
    enum stk_status status = stk_journal_start(daemon->journal, err);
    daemon->journal_runs = status == STK_OK;
    if (status == STK_OK)
        status = stk_fold_start(daemon->fold, err);
    daemon->fold_runs = status == STK_OK;
    if (status == STK_OK)
        status = stk_reader_start(daemon->reader, err);
    daemon->reader_runs = status == STK_OK;
    if (status == STK_OK)
        status = stk_thread_start(&daemon->engine_thread, STK_ROLE_ENGINE, "engine", run_engine,
                                  daemon->engine, err);
    daemon->engine_runs = status == STK_OK;
    if (status == STK_OK)
        status =
            stk_thread_start(&daemon->net_thread, STK_ROLE_NET, "net", run_net, daemon->loop, err);
    daemon->net_runs = status == STK_OK;
    return status == STK_OK ? start_instances(daemon, err) : status;
}

/* The soft limit of open files is small for historic reasons; what is left to do is to say so. */
static void allow_fds(uint32_t connections_max)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)connections_max + FDS_BESIDE;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
        stk_log(STK_LOG_WARN,
                "open files are limited to %llu: fewer connections than rpc.connections_max=%u",
                (unsigned long long)limit.rlim_cur, connections_max);
}

static enum stk_status build(struct stk_daemon *daemon, struct stk_error *err)
{
    struct sigaction before[CRASH_SIGNALS];
    enum stk_status status = open_folder(daemon, err);
    if (status != STK_OK)
        return status;
    allow_fds(daemon->config.rpc.connections_max);
    guard_begin(daemon, before);
    status = open_store(daemon, err);
    if (status == STK_OK)
        status = load_engine(daemon, err);
    guard_end(before);
    if (status == STK_CORRUPT)
        stk_log(STK_LOG_ERROR, "what is stored is damaged: " REMEDY);
    if (status == STK_OK)
        status = make_fold(daemon, err);
    if (status == STK_OK)
        status = make_reader(daemon, err);
    if (status == STK_OK)
        status = make_doors(daemon, err);
    if (status == STK_OK)
        make_instances(daemon);
    return status == STK_OK ? start_threads(daemon, err) : status;
}

enum stk_status stk_daemon_start(struct stk_daemon **out, const struct stk_config *config,
                                 struct stk_error *err)
{
    struct stk_daemon *daemon = stk_alloc(sizeof *daemon);
    if (!daemon)
        return stk_error_set(err, STK_NO_MEMORY, "out of memory");
    daemon->config = *config;
    daemon->lock_fd = -1;
    sem_init(&daemon->drained, 0, 0);
    enum stk_status status = build(daemon, err);
    if (status != STK_OK) {
        stk_daemon_stop(daemon);
        return status;
    }
    *out = daemon;
    return STK_OK;
}

const char *stk_daemon_address(const struct stk_daemon *daemon, unsigned index)
{
    return stk_rpc_address(daemon->rpc, index);
}

stk_seq_t stk_daemon_sequence(const struct stk_daemon *daemon)
{
    return stk_counter_get(&stk_engine_counters(daemon->engine)->sequence);
}

/* ---- stop ---- */

static void free_parts(struct stk_daemon *daemon)
{
    stk_rpc_destroy(daemon->rpc);
    stk_api_destroy(daemon->api);
    if (daemon->loop)
        stk_loop_destroy(daemon->loop);
    stk_reader_destroy(daemon->reader);
    stk_fold_destroy(daemon->fold);
    stk_engine_destroy(daemon->engine);
    for (uint32_t i = 0; i < daemon->instance_count; i++)
        stk_instance_destroy(daemon->instance[i]);
    stk_rows_close(daemon->rows);
    if (daemon->journal)
        stk_journal_close(daemon->journal);
    if (daemon->lock_fd >= 0)
        close(daemon->lock_fd);
    sem_destroy(&daemon->drained);
    stk_free(daemon);
}

/* What is in flight is answered while engine and journal still run. */
static void drain_doors(struct stk_daemon *daemon)
{
    struct stk_clock clock = stk_clock_real();
    int64_t now_ns = clock.monotonic_ns(clock.self);
    struct timespec end = {.tv_sec = now_ns / 1000000000 + DRAIN_S, .tv_nsec = now_ns % 1000000000};
    /* release: pairs with the exchange in woken */
    atomic_store_explicit(&daemon->drain, 1, memory_order_release);
    stk_loop_wake(daemon->loop);
    while (sem_clockwait(&daemon->drained, CLOCK_MONOTONIC, &end) != 0)
        if (errno != EINTR) {
            stk_log(STK_LOG_WARN, "stopping: some clients did not fetch their answers");
            return;
        }
}

void stk_daemon_stop(struct stk_daemon *daemon)
{
    if (!daemon)
        return;
    if (daemon->net_runs) {
        drain_doors(daemon);
        stk_loop_stop(daemon->loop);
        stk_thread_join(&daemon->net_thread);
    }
    if (daemon->instances_run)
        stop_instances(daemon);
    if (daemon->reader_runs)
        stk_reader_stop(daemon->reader);
    if (daemon->engine_runs) {
        stk_engine_stop(daemon->engine);
        stk_thread_join(&daemon->engine_thread);
    }
    if (daemon->fold_runs)
        stk_fold_stop(daemon->fold, 1);
    if (daemon->journal_runs)
        stk_journal_stop(daemon->journal);
    free_parts(daemon);
}
