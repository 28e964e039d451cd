/* The fold: durable batches of J become rows of S. Every 0.2 to 1 s the fold thread reads J from
 * where it stopped, keeps the last after-image per row, sorts, and writes one transaction together
 * with the sequence folded so far, the chain hash there, and a digest per table (image.h). Between
 * folds it does portions of slower work (compact.h).
 *
 * A fold that failed for lack of space changed nothing and is tried again; any other failure is
 * final. */
#ifndef STK_STORE_FOLD_H
#define STK_STORE_FOLD_H

#include "core/store/journal.h"
#include "core/store/rows.h"
#include "core/store/runs.h"

#define STK_FOLD_BYTES_MAX (512ull * 1024 * 1024)

struct stk_fold_options {
    struct stk_log log;       /* what to fold */
    struct stk_rows *rows;    /* where */
    int64_t pause_ms;         /* between folds when there is little to do: 200 to 1000 */
    uint32_t batch_bytes_max; /* of J taken into one fold: bounds memory (default 16 MiB; at most
                                 STK_FOLD_BYTES_MAX) */
    uint32_t run_keys;        /* KEY rows that make a run (default 1 M) */
    int64_t run_age_ms;       /* or when the oldest is so old */
    int64_t key_window_ms;    /* class 0 runs are dropped after this */
    int64_t order_window_ms;  /* class 1 runs and ARCHIVE rows after this */
    /* Fold thread: S holds everything up to seq. */
    void (*on_folded)(void *arg, stk_seq_t seq);
    /* Fold thread: this run is durable in S: its keys may leave memory. dropped: it is gone. */
    void (*on_run)(void *arg, const struct stk_run *run, int dropped);
    void (*on_fatal)(void *arg, const struct stk_error *err);
    void *arg;
};
struct stk_fold;
enum stk_status stk_fold_create(struct stk_fold **out, const struct stk_fold_options *options,
                                struct stk_error *err);
enum stk_status stk_fold_start(struct stk_fold *fold, struct stk_error *err);
/* One fold now, and all slower work that waits, on the calling thread, which is the only one
 * (tests, the simulator, restore). *folded: effects taken, 0 = nothing is left. */
enum stk_status stk_fold_step(struct stk_fold *fold, uint64_t *folded, struct stk_error *err);
/* Any thread: somebody waits for what is durable now; fold soon and not at the end of the pause. */
void stk_fold_wake(struct stk_fold *fold);
/* Figures since the start. Any thread. */
struct stk_fold_stats {
    uint64_t folds, effects, rows, bytes; /* rows: written; bytes: of J read */
    uint64_t fold_p50_us, fold_p99_us;
    uint64_t state_bytes; /* of the file, in use */
};
void stk_fold_stats(struct stk_fold *fold, struct stk_fold_stats *out);
/* finish: fold all that is durable before stopping. The journal may be stopped, not closed. */
void stk_fold_stop(struct stk_fold *fold, int finish);
void stk_fold_destroy(struct stk_fold *fold);

#endif
