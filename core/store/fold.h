/* S: the rows, written by the fold thread from durable batches. Every 0.2 to 1 s it reads J from
 * where it stopped, keeps the last after-image per row, sorts, and writes one transaction together
 * with the sequence folded so far, the chain hash there, and a digest per table.
 *
 * Digest: the sum modulo 2^128 of the hash of (key, value) of all rows of a table. A bit flipped in
 * S is found when a table is read whole. Values in S end with 4 bytes of checksum of their own, so
 * that one row fetched alone is checked too. */
#ifndef STK_STORE_FOLD_H
#define STK_STORE_FOLD_H

#include "core/store/journal.h"
#include "core/store/record.h"

struct stk_rows; /* S, opened */

struct stk_rows_options {
    const char *folder;
    uint64_t map_bytes; /* first size of the map; doubled when nearly full */
    int read_only;
};
/* STK_CORRUPT, STK_VERSION (written by a newer one), STK_IO. */
enum stk_status stk_rows_open(struct stk_rows **out, const struct stk_rows_options *options,
                              struct stk_error *err);
void stk_rows_close(struct stk_rows *rows);
stk_seq_t stk_rows_folded(struct stk_rows *rows); /* any thread */

/* Each row of a table in key order, checked against the table's digest at the end: STK_CORRUPT when
 * it does not agree. Before any fold has begun, or from a tool. */
typedef enum stk_status (*stk_row_fn)(void *arg, struct stk_bytes key, struct stk_bytes value,
                                      struct stk_error *err);
enum stk_status stk_rows_each(struct stk_rows *rows, enum stk_table table, stk_row_fn fn, void *arg,
                              struct stk_error *err);
/* One row, copied out. *value_size: room in, size out. STK_NOT_FOUND, STK_CORRUPT. Any thread. */
enum stk_status stk_rows_get(struct stk_rows *rows, enum stk_table table, struct stk_bytes key,
                             void *value, uint32_t *value_size, struct stk_error *err);
/* Rows of a table from `from` on, at most `max`: for pages of archived orders and for tools. */
enum stk_status stk_rows_range(struct stk_rows *rows, enum stk_table table, struct stk_bytes from,
                               uint32_t max, stk_row_fn fn, void *arg, struct stk_error *err);
/* Walk everything: structure, row checksums, digests, runs. For verify and doctor, in a child
 * process. */
enum stk_status stk_rows_check(struct stk_rows *rows, struct stk_error *err);

/* Runs: keys that left the engine's memory, sorted, immutable, dropped whole at the end of their
 * window. A run holds (key hash -> payload); class 0 idempotency keys, class 1 order keys. The fold
 * thread makes them from rows of table KEY once enough have gathered and tells the engine, which
 * may then forget those keys: lookups go to the reader thread, behind the engine's filter. */
struct stk_run {
    uint32_t id;
    uint8_t class;
    stk_seq_t first, last; /* sequences of the KEY rows in it */
    stk_time_t newest_ms;  /* the run is dropped when this is older than the window */
    uint64_t count;
};
/* Each run and each of its keys: to fill the filter at start. */
typedef enum stk_status (*stk_run_fn)(void *arg, const struct stk_run *run, struct stk_hash key);
enum stk_status stk_rows_each_run_key(struct stk_rows *rows, stk_run_fn fn, void *arg,
                                      struct stk_error *err);
/* Look a key up in all runs (newest first): payload is the value of its KEY row. Any thread. */
enum stk_status stk_rows_find_key(struct stk_rows *rows, struct stk_hash key, void *payload,
                                  uint32_t *payload_size, struct stk_error *err);

struct stk_fold_options {
    struct stk_log log;       /* what to fold */
    struct stk_rows *rows;    /* where */
    int64_t pause_ms;         /* between folds when there is little to do: 200 to 1000 */
    uint32_t batch_bytes_max; /* of J taken into one fold: bounds memory */
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
/* One fold now, on the calling thread (tests, the simulator, restore). *folded: effects taken. */
enum stk_status stk_fold_step(struct stk_fold *fold, uint64_t *folded, struct stk_error *err);
void stk_fold_wake(struct stk_fold *fold); /* any thread: durable moved on */
/* finish: fold all that is durable before stopping. */
void stk_fold_stop(struct stk_fold *fold, int finish);
void stk_fold_destroy(struct stk_fold *fold);

#endif
