/* The keeper's loop: make what is missing, cut what is too old, look at the disk, sleep. It shares
 * words with the journal thread and with whoever asks full(), no lock. */
#include "core/store/keeper.h"
#include "core/base/clock.h"
#include "core/base/fault.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define TICK_NS         1000000000ll
#define TICK_BLOCKED_NS 200000000ll
#define READERS_MS      30000
/* What may be on its way to the segment in use when writes are refused at last. */
#define ROOM_MIN ((uint64_t)STK_BATCHES * STK_BATCH_BYTES + STK_SEGMENT_MARGIN)

struct stk_keeper {
    struct stk_keeper_options options;
    struct stk_path folder;
    struct stk_clock clock;
    struct stk_thread thread;
    struct stk_park park;
    stk_time_t readers_ms; /* when dead readers were last looked for */
    /* keeper writes */
    _Atomic uint64_t free_bytes;
    _Atomic int blocked;
    /* keeper sets, journal thread clears */
    _Atomic int ready;
    /* others write */
    _Atomic int stopping;
    _Atomic uint64_t last_bytes; /* size of the segment that was taken last */
};

static int stopping(void *arg)
{
    struct stk_keeper *keeper = arg;
    return atomic_load_explicit(&keeper->stopping, memory_order_relaxed);
}

static uint64_t next_bytes(const struct stk_keeper *keeper)
{
    uint64_t last = atomic_load_explicit(&keeper->last_bytes, memory_order_relaxed);
    uint64_t bytes = last ? last * 2 : STK_SEGMENT_BYTES_FIRST;
    return bytes < keeper->options.segment_bytes ? bytes : keeper->options.segment_bytes;
}

/* ---- the thread ---- */

static void look_at_disk(struct stk_keeper *keeper)
{
    uint64_t bytes;
    struct stk_error err;
    if (stk_folder_free_bytes(keeper->folder.text, &bytes, &err) == STK_OK)
        atomic_store_explicit(&keeper->free_bytes, bytes, memory_order_relaxed);
    else
        stk_log_limited(STK_LOG_WARN, 60000, "journal: %s", err.text);
}

/* Whoever sees `ready` set sees the file, whoever sees it cleared sees the size of the one that was
 * taken. */
static int is_ready(const struct stk_keeper *keeper)
{
    /* acquire: pairs with the releases where it is set (keeper) and cleared (journal thread) */
    return atomic_load_explicit(&keeper->ready, memory_order_acquire);
}

static void set_blocked(struct stk_keeper *keeper, int blocked, const char *why)
{
    int before = atomic_exchange_explicit(&keeper->blocked, blocked, memory_order_relaxed);
    if (blocked && !before)
        stk_log(STK_LOG_WARN, "journal: the next segment cannot be made: %s", why);
    if (!blocked && before)
        stk_log(STK_LOG_INFO, "journal: the next segment could be made again");
}

static void make_next(struct stk_keeper *keeper)
{
    struct stk_error err = {0};
    uint64_t bytes = next_bytes(keeper);
    uint64_t free_bytes = atomic_load_explicit(&keeper->free_bytes, memory_order_relaxed);
    enum stk_status status = STK_NO_SPACE;
    if (free_bytes < bytes + keeper->options.free_bytes_min)
        stk_error_set(&err, status, "%llu MiB are free", (unsigned long long)(free_bytes >> 20));
    else
        status = stk_segment_make(keeper->folder.text, bytes, stopping, keeper, &err);
    if (status == STK_OK && stk_fault_point(STK_FAULT_JOURNAL_SEGMENT_PREPARED))
        status = stk_error_set(&err, STK_IO, "fault injected");
    if (status == STK_OK) {
        /* release: pairs with the acquire load in is_ready */
        atomic_store_explicit(&keeper->ready, 1, memory_order_release);
        set_blocked(keeper, 0, NULL);
    } else if (!stopping(keeper)) {
        set_blocked(keeper, 1, err.text);
    }
    keeper->options.on_ready(keeper->options.arg);
}

static void cut(struct stk_keeper *keeper)
{
    struct stk_error err = {0};
    const struct stk_keeper_options *options = &keeper->options;
    stk_seq_t pin = options->pin(options->arg);
    stk_time_t since = INT64_MIN;
    if (options->retain_ms)
        since = keeper->clock.now_ms(keeper->clock.self) - options->retain_ms;
    while (pin && !stopping(keeper) &&
           stk_shelf_cut(options->shelf, pin, options->retain_bytes, since, &err))
        stk_log(STK_LOG_INFO, "journal: cut, begins at sequence=%llu now",
                (unsigned long long)stk_shelf_first(options->shelf));
    if (err.status != STK_OK)
        stk_log_limited(STK_LOG_WARN, 60000, "journal: cutting: %s", err.text);
}

static void free_readers(struct stk_keeper *keeper)
{
    struct stk_shelf_segment *segment;
    stk_time_t now_ms = keeper->clock.now_ms(keeper->clock.self);
    if (now_ms >= keeper->readers_ms && now_ms - keeper->readers_ms < READERS_MS)
        return;
    keeper->readers_ms = now_ms;
    if (stk_shelf_lend(keeper->options.shelf, UINT64_MAX, &segment, NULL) != STK_OK || !segment)
        return;
    stk_kv_clear_stale_readers(segment->kv);
    stk_shelf_give_back(keeper->options.shelf, segment);
}

static void run(void *arg)
{
    struct stk_keeper *keeper = arg;
    while (!stopping(keeper)) {
        look_at_disk(keeper);
        cut(keeper);
        if (!is_ready(keeper))
            make_next(keeper);
        free_readers(keeper);
        int blocked = atomic_load_explicit(&keeper->blocked, memory_order_relaxed);
        int low = atomic_load_explicit(&keeper->free_bytes, memory_order_relaxed) <
                  keeper->options.free_bytes_min;
        stk_park_wait(&keeper->park, blocked || low ? TICK_BLOCKED_NS : TICK_NS);
    }
}

/* ---- life ---- */

enum stk_status stk_keeper_create(struct stk_keeper **out, const struct stk_keeper_options *options,
                                  uint64_t last_bytes, struct stk_error *err)
{
    struct stk_path next;
    struct stk_keeper *keeper = stk_alloc(sizeof(*keeper));
    *out = NULL;
    if (!keeper)
        return stk_error_set(err, STK_NO_MEMORY, "journal's keeper: out of memory");
    keeper->options = *options;
    keeper->clock = stk_clock_real();
    keeper->readers_ms = keeper->clock.now_ms(keeper->clock.self);
    atomic_store_explicit(&keeper->last_bytes, last_bytes, memory_order_relaxed);
    atomic_store_explicit(&keeper->free_bytes, UINT64_MAX, memory_order_relaxed);
    uint64_t bytes;
    enum stk_status status = stk_path_set(&keeper->folder, options->folder, err);
    if (status == STK_OK)
        status = stk_path_join(&next, options->folder, STK_SEGMENT_NEXT, err);
    if (status != STK_OK) {
        stk_free(keeper);
        return status;
    }
    int there = stk_file_size(next.text, &bytes, NULL) == STK_OK;
    atomic_store_explicit(&keeper->ready, there, memory_order_relaxed);
    look_at_disk(keeper);
    *out = keeper;
    return STK_OK;
}

enum stk_status stk_keeper_start(struct stk_keeper *keeper, struct stk_error *err)
{
    return stk_thread_start(&keeper->thread, STK_ROLE_JOURNAL, "stk-keeper", run, keeper, err);
}

void stk_keeper_stop(struct stk_keeper *keeper)
{
    atomic_store_explicit(&keeper->stopping, 1, memory_order_relaxed);
    stk_park_wake(&keeper->park);
    stk_thread_join(&keeper->thread);
}

void stk_keeper_destroy(struct stk_keeper *keeper)
{
    stk_free(keeper);
}

/* ---- words for others ---- */

int stk_keeper_ready(const struct stk_keeper *keeper)
{
    return is_ready(keeper);
}

int stk_keeper_blocked(const struct stk_keeper *keeper)
{
    return atomic_load_explicit(&keeper->blocked, memory_order_relaxed);
}

void stk_keeper_taken(struct stk_keeper *keeper, uint64_t bytes)
{
    atomic_store_explicit(&keeper->last_bytes, bytes, memory_order_relaxed);
    /* release: pairs with the acquire load in is_ready */
    atomic_store_explicit(&keeper->ready, 0, memory_order_release);
    stk_park_wake(&keeper->park);
}

void stk_keeper_wake(struct stk_keeper *keeper)
{
    stk_park_wake(&keeper->park);
}

int stk_keeper_full(struct stk_keeper *keeper, char *why, uint32_t why_size)
{
    const struct stk_keeper_options *options = &keeper->options;
    uint64_t free_bytes = atomic_load_explicit(&keeper->free_bytes, memory_order_relaxed);
    if (free_bytes < options->free_bytes_min) {
        if (why_size)
            snprintf(why, why_size, "journal: %llu MiB of disk are free, %llu MiB are the least",
                     (unsigned long long)(free_bytes >> 20),
                     (unsigned long long)(options->free_bytes_min >> 20));
        return 1;
    }
    if (!stk_keeper_blocked(keeper) || is_ready(keeper) || options->room(options->arg) >= ROOM_MIN)
        return 0;
    if (why_size)
        snprintf(why, why_size, "journal: no space for the next segment of %llu MiB",
                 (unsigned long long)(next_bytes(keeper) >> 20));
    return 1;
}
