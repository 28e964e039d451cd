/* Runs: keys that left the engine's memory. */
#ifndef STK_STORE_RUNS_H
#define STK_STORE_RUNS_H

#include "core/base/err.h"
#include <stockade/types.h>

struct stk_rows;

/* Runs: keys that left the engine's memory, sorted, immutable, dropped whole at the end of their
 * window. A run holds (key hash -> payload); class 0 idempotency keys, class 1 order keys. The fold
 * thread makes them from rows of table KEY once enough have gathered and tells the engine, which
 * may then forget those keys: lookups go to the reader thread, behind the engine's filter. */
#define STK_RUN_CLASSES 2
#define STK_RUN_KEYS_MAX                                                                           \
    (8u * 1024 * 1024)     /* in one run: 60 bytes of memory each while it is made */
#define STK_RUN_TABLES 128 /* run tables of S; several runs share one after they were merged */

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
enum stk_status stk_rows_find_key(struct stk_rows *rows, struct stk_hash key, stk_seq_t *seq,
                                  void *payload, uint32_t *payload_size, struct stk_error *err);

/* For rows.c: read the list of runs, and empty run tables that no run owns (a crash while one was
 * made). Free the list with stk_runs_fini. */
enum stk_status stk_runs_load(struct stk_rows *rows, struct stk_error *err);
void stk_runs_fini(struct stk_rows *rows);
/* For check and compact: every row of every run table against checksums and digests. */
enum stk_status stk_runs_check(struct stk_rows *rows, struct stk_error *err);

#endif
