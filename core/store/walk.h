/* A journal's folder read without an engine: verify, tools, restore. Works beside a running engine;
 * a suspect folder is walked in a child process, because damaged LMDB pages may crash the reader.
 */
#ifndef STK_STORE_WALK_H
#define STK_STORE_WALK_H

#include "core/store/segment.h"

/* Called with each batch in order; return other than STK_OK to stop with that. */
typedef enum stk_status (*stk_batch_fn)(void *arg, const struct stk_batch_view *batch,
                                        struct stk_error *err);

struct stk_journal_report {
    uint8_t id[STK_JOURNAL_ID_BYTES];
    stk_seq_t first, last; /* 0, 0: empty; last + 1, last: nothing since a restored state */
    uint64_t batches, effects, bytes;
    uint32_t segments;
    stk_time_t first_ms, last_ms;
    uint64_t number;                 /* of the last batch, counted from the first one ever */
    uint8_t before[STK_CHAIN_BYTES]; /* chain hash before `first` */
    uint8_t chain[STK_CHAIN_BYTES];  /* at `last` */
};
/* Walk the whole folder: heads, order, checksums, chain, records. On STK_CORRUPT err names the
 * first bad batch (segment, sequence) and the report says what was sound before it. */
enum stk_status stk_journal_verify(const char *folder, struct stk_journal_report *report,
                                   struct stk_error *err);
/* The batches that hold sequences >= from, checksums checked. STK_TOO_OLD: `from` was cut.
 * STK_OK at the end. */
enum stk_status stk_journal_read_folder(const char *folder, stk_seq_t from, stk_batch_fn fn,
                                        void *arg, struct stk_error *err);
/* First and last sequence and the id, from the ends alone. */
enum stk_status stk_journal_look(const char *folder, struct stk_journal_report *report,
                                 struct stk_error *err);

#endif
