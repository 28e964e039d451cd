/* The segments that a live journal holds, in order, lent to readers and cut from the front.
 *
 * A lent segment stays open until it is given back, also when it is cut meanwhile. Thread-safe: one
 * lock, held for looking up and never while batches are read; the journal thread takes it only when
 * it changes segments. */
#ifndef STK_STORE_SHELF_H
#define STK_STORE_SHELF_H

#include "core/store/segment.h"

struct stk_shelf;

struct stk_shelf_segment {
    stk_seq_t first;
    stk_seq_t last;     /* of a closed one; the one in use: as it was when opened */
    stk_time_t last_ms; /* time of its last batch, likewise */
    uint64_t file_bytes;
    struct stk_kv *kv; /* open while lent */
    unsigned users;
    int leaving; /* its file is being removed: not lent any more */
    int cut;     /* off the shelf; the last user closes it */
};

/* What lies at the end. */
struct stk_shelf_end {
    uint8_t id[STK_JOURNAL_ID_BYTES];
    stk_seq_t first, last; /* 0, 0: no segment at all; first = last + 1: nothing since `last` */
    uint64_t number;       /* of the last batch */
    uint8_t chain[STK_CHAIN_BYTES]; /* its hash */
};

/* Looks at every segment: heads, order, no gap; and checks the last batch. A last segment that was
 * numbered but never written to becomes next.seg again. STK_CORRUPT names the segment. */
enum stk_status stk_shelf_open(struct stk_shelf **out, const char *folder,
                               struct stk_shelf_end *end, struct stk_error *err);
void stk_shelf_close(struct stk_shelf *shelf); /* NULL-safe; nothing is lent */

/* Lend the segment that holds seq, or would when it is later than all; NULL, STK_OK: there is no
 * segment. STK_TOO_OLD: it was cut. */
enum stk_status stk_shelf_lend(struct stk_shelf *shelf, stk_seq_t seq,
                               struct stk_shelf_segment **out, struct stk_error *err);
void stk_shelf_give_back(struct stk_shelf *shelf, struct stk_shelf_segment *segment);
/* The first sequence after a segment that is not the last; 0 for the last. */
stk_seq_t stk_shelf_after(struct stk_shelf *shelf, const struct stk_shelf_segment *segment);

/* Journal thread: the last segment is closed at `last`; number next.seg `first` and lend it. */
enum stk_status stk_shelf_extend(struct stk_shelf *shelf, stk_seq_t first, stk_time_t last_ms,
                                 struct stk_shelf_segment **out, struct stk_error *err);
/* Journal thread: the first batch of the last segment is committed. */
void stk_shelf_written(struct stk_shelf *shelf);
/* Take the first segment off and remove its file, if it is not the last one that was written to and
 * holds nothing at or after pin - 1, and when all files are more than keep_bytes (0 = any number)
 * or its last batch is older than keep_since. Returns 1 when one was cut. */
int stk_shelf_cut(struct stk_shelf *shelf, stk_seq_t pin, uint64_t keep_bytes,
                  stk_time_t keep_since, struct stk_error *err);

stk_seq_t stk_shelf_first(struct stk_shelf *shelf); /* 0: no segment */
uint32_t stk_shelf_count(struct stk_shelf *shelf);
uint64_t stk_shelf_bytes(struct stk_shelf *shelf);

#endif
