/* The fold thread's slower work on S, in portions between folds: KEY rows become sorted runs, runs
 * are merged so that look-ups stay few, runs and ARCHIVE rows beyond their window are dropped.
 *
 * A run is written to a table of its own in several commits and counts from the commit that
 * registers it; from then on its KEY rows count no more and are deleted by and by. One thread. */
#ifndef STK_STORE_COMPACT_H
#define STK_STORE_COMPACT_H

#include "core/store/image.h"

/* Above so many run tables of a class, neighbours are merged. */
#define STK_RUN_TABLES_KEPT 40

struct stk_compact_options {
    struct stk_rows *rows;
    uint32_t run_keys;       /* KEY rows that make a run */
    int64_t run_age_ms;      /* or when the oldest is so old; 0 = never for that */
    int64_t key_window_ms;   /* 0 = for ever */
    int64_t order_window_ms; /* 0 = for ever */
    void (*on_run)(void *arg, const struct stk_run *run, int dropped);
    void *arg;
};

struct stk_compact;
enum stk_status stk_compact_create(struct stk_compact **out,
                                   const struct stk_compact_options *options,
                                   struct stk_error *err);
/* One portion: one commit at most. *worked 0: there is nothing to do now. Time is that of the last
 * batch folded, never a clock. STK_FULL, STK_NO_SPACE: nothing is lost, come again. */
enum stk_status stk_compact_step(struct stk_compact *compact, int *worked, struct stk_error *err);
void stk_compact_destroy(struct stk_compact *compact); /* NULL-safe */

/* Shared with runs.c: rows of the lists and of run tables. */
void stk_runs_put(struct stk_kv_txn *txn, const struct stk_run *run);
void stk_runs_put_table(struct stk_kv_txn *txn, const struct stk_run_table *table);
void stk_runs_order(struct stk_rows *rows);
enum stk_status stk_runs_reserve(struct stk_rows *rows, uint32_t more, struct stk_error *err);
void stk_runs_used(const struct stk_rows *rows, uint8_t used[STK_RUN_TABLES]);
enum stk_status stk_runs_row(struct stk_kv_bytes key, struct stk_kv_bytes found,
                             struct stk_hash *hash_key, stk_seq_t *seq, struct stk_bytes *value,
                             struct stk_hash *hash, struct stk_error *err);

#endif
