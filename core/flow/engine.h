/* The engine: the only writer of state. Takes commands from inboxes, decides, applies, appends one
 * record each to the open batch, and writes the answer, which may leave when its sequence is
 * durable.
 *
 * Threads: create, inbox_open, load, destroy: main, before start or after stop. run: the engine
 * thread; or turn: the simulator, which is every thread. submit: the one thread that owns the
 * inbox. */
#ifndef STK_FLOW_ENGINE_H
#define STK_FLOW_ENGINE_H

#include "core/base/clock.h"
#include "core/base/metrics.h"
#include "core/flow/command.h"
#include "core/flow/inbox.h"
#include "core/flow/view.h"
#include "core/store/fold.h"
#include "core/store/journal.h"

struct stk_engine;

/* Capacities: reserved as untouched virtual memory. When one is full the command is refused with
 * STK_FULL and the text names it; raised by a restart with another config. */
struct stk_engine_options {
    uint32_t skus, cells, listings, components;
    uint32_t orders, holds; /* in memory: open ones, and closed ones until they are archived */
    uint64_t order_bytes;   /* heap of orders: lines, ids */
    uint64_t text_bytes;    /* heap of ids and attributes of SKUs and listings */
    uint32_t keys;          /* recent idempotency keys in memory */
    uint64_t key_bytes;     /* heap of their answers */
    uint32_t keys_on_disk;  /* keys behind the filter: 4 bytes each */
    uint32_t movements, incoming, earmarks, transfers, shortfalls, snapshot_rows, early;
    uint32_t published; /* things that channels are told: one or more a listing */
    uint32_t promises;  /* counters in guaranteed mode */
    uint32_t notes;     /* plugins' durable key-values */
    uint64_t note_bytes;
    int64_t key_window_ms;      /* default 7 days */
    int64_t closed_keep_ms;     /* closed orders stay in memory this long (default 1 day) ... */
    uint32_t closed_keep_max;   /* ... but at most so many of them */
    int64_t movement_window_ms; /* default 7 days */
    unsigned breaker_percent;   /* of SKUs that a snapshot may zero or halve before it is held */
    int64_t recovery_grace_ms;  /* nothing expires this long after recovery */
    uint32_t orders_touched;    /* memory of so many orders is touched at start */
    struct stk_log log;
    struct stk_clock clock; /* read once per turn, never inside apply */
    /* The name of a principal by its number in commands: asked once or so for each, on the engine
     * thread, so it looks at what is in memory. NULL: it has none. May be NULL. */
    const char *(*principal)(void *arg, uint32_t who);
    void *principal_arg;
    /* 1 when the disk is nearly full: writes are refused with STK_NO_SPACE. Asked every turn. */
    int (*full)(void *arg, char *why, uint32_t why_size);
    void *full_arg;
};
void stk_engine_defaults(struct stk_engine_options *options);

enum stk_status stk_engine_create(struct stk_engine **out, const struct stk_engine_options *options,
                                  struct stk_error *err);
/* S, then J from the folded sequence on: the same function for recovery, a standby, a restore.
 * STK_CORRUPT, STK_VERSION, STK_FULL (a capacity is smaller than what is stored). rows may be NULL.
 */
enum stk_status stk_engine_load(struct stk_engine *engine, struct stk_rows *rows,
                                struct stk_error *err);
void stk_engine_destroy(struct stk_engine *engine);

/* An inbox: commands in, answers out, one owner thread on the far side of both. wake is called by
 * the engine or the journal thread when answers may have become ready to leave; it must be cheap.
 */
struct stk_inbox *stk_engine_inbox_open(struct stk_engine *engine, void (*wake)(void *arg),
                                        void *arg, struct stk_error *err);
/* The reader's side of parked commands (see reader.h): its requests. */
struct stk_ring_spsc *stk_engine_parked(struct stk_engine *engine);
struct stk_park *stk_engine_parked_bell(struct stk_engine *engine);
/* Any thread: a run of keys was made or dropped (the fold's on_run); the fold thread owns this
 * inbox. */
void stk_engine_run_changed(struct stk_inbox *inbox, const struct stk_run *run, int dropped);
/* Journal thread, from on_durable: wakes the engine and the owners of waiting answers. */
void stk_engine_durable(struct stk_engine *engine, stk_seq_t seq);

/* The engine thread: until stk_engine_stop; then what is applied is submitted and the log drained.
 */
void stk_engine_run(struct stk_engine *engine);
void stk_engine_stop(struct stk_engine *engine); /* any thread */
/* One turn: every inbox a slice, expiry a slice, the batch submitted when the log is idle. Returns
 * the commands taken. For the simulator and in-process benches. */
uint32_t stk_engine_turn(struct stk_engine *engine);

/* For the simulator and tests, on the engine thread: everything it knows. */
struct stk_state;
struct stk_state *stk_engine_state(struct stk_engine *engine);

/* Counters, written by the engine thread, read by anyone. */
struct stk_engine_counters {
    struct stk_counter commands, effects, refused, repeated, parked, expired, archived;
    struct stk_counter orders_placed, orders_short, shortfall_units;
    struct stk_counter skus, cells, listings, orders, orders_open, holds, keys, keys_on_disk;
    struct stk_counter sequence, time_ms;
    struct stk_counter granted, drifted, breakers, breaches;
    struct stk_counter batch_full_waits;
};
const struct stk_engine_counters *stk_engine_counters(const struct stk_engine *engine);

#endif
