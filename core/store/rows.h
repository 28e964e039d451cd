/* S, opened: reading rows. The fold writes them (fold.h); what lies where is said in image.h.
 *
 * Reads see one moment each and may run beside the fold. Every row is checked by its own checksum;
 * a table that is read whole is checked by its digest too. */
#ifndef STK_STORE_ROWS_H
#define STK_STORE_ROWS_H

#include "core/store/journal.h"
#include "core/store/record.h"

struct stk_rows; /* S, opened */

struct stk_rows_options {
    const char *folder;
    uint64_t map_bytes; /* first size of the map; doubled when nearly full */
    int read_only;
    int alone; /* read-only, and nobody writes or ever will: a backup */
};
/* STK_CORRUPT, STK_VERSION (written by a newer one), STK_IO. */
enum stk_status stk_rows_open(struct stk_rows **out, const struct stk_rows_options *options,
                              struct stk_error *err);
void stk_rows_close(struct stk_rows *rows);
stk_seq_t stk_rows_folded(struct stk_rows *rows); /* any thread */
/* 1 while the fold cannot write for want of disk space, and tries again. Any thread. */
int stk_rows_stuck(struct stk_rows *rows);

/* Each row of a table in key order, checked against the table's digest at the end: STK_CORRUPT when
 * it does not agree. Before any fold has begun, or from a tool. */
typedef enum stk_status (*stk_row_fn)(void *arg, struct stk_bytes key, struct stk_bytes value,
                                      struct stk_error *err);
enum stk_status stk_rows_each(struct stk_rows *rows, enum stk_table table, stk_row_fn fn, void *arg,
                              struct stk_error *err);
/* One row, copied out. *value_size: room in, size out. STK_NOT_FOUND, STK_CORRUPT. Any thread. */
enum stk_status stk_rows_get(struct stk_rows *rows, enum stk_table table, struct stk_bytes key,
                             void *value, uint32_t *value_size, struct stk_error *err);
/* Rows of a table from `from` on, at most `max`: for pages of archived orders and for tools. fn is
 * called within a read transaction: it must not wait for anything. Any thread. */
enum stk_status stk_rows_range(struct stk_rows *rows, enum stk_table table, struct stk_bytes from,
                               uint32_t max, stk_row_fn fn, void *arg, struct stk_error *err);
/* Walk everything: structure, row checksums, digests, runs. For verify and doctor, in a child
 * process. */
enum stk_status stk_rows_check(struct stk_rows *rows, struct stk_error *err);

/* S and J belong together: the id of the journal is the one that S was folded from, S is not ahead,
 * nothing is missing between them, and the chain hash where S ends is the one that J has there.
 * Else STK_CORRUPT or STK_STATE, and err says what is needed. At start, before the engine loads. */
enum stk_status stk_rows_follow(struct stk_rows *rows, struct stk_journal *journal,
                                struct stk_error *err);

#endif
