/* A segment of J: one LMDB file, named by its first sequence, that holds batches by theirs.
 *
 *   meta   "head": format, id of the journal, first sequence and batch number, chain hash before
 *          it, commits before it, checksum
 *   batch  u64 first sequence -> the batch, as batch.h has it
 *
 * A segment is written full of zeros under the name next.tmp, renamed to next.seg when it is whole
 * and on the disk, and to its number when it is taken into use. Its head is committed together with
 * its first batch, so that a numbered segment without a head holds nothing. */
#ifndef STK_STORE_SEGMENT_H
#define STK_STORE_SEGMENT_H

#include "core/store/batch.h"
#include "core/store/files.h"
#include "core/store/kv.h"

#define STK_JOURNAL_ID_BYTES 16
#define STK_SEGMENT_NEXT     "next.seg"
#define STK_SEGMENT_MAKING   "next.tmp"
/* LMDB's own pages for one append: paths copied, free pages noted. Measured: below 10. */
#define STK_SEGMENT_MARGIN (64u * 4096)
#define STK_CHUNK_BYTES    (1024u * 1024) /* read at a time, or one batch when that is larger */

struct stk_segment_head {
    uint8_t id[STK_JOURNAL_ID_BYTES];
    stk_seq_t first;
    uint64_t number;                 /* of its first batch */
    uint8_t before[STK_CHAIN_BYTES]; /* chain hash of the batch before `first` */
    /* The file's commits before its first batch. Given to stk_segment_append: 0 = several batches
     * may come in one commit, so they cannot be counted by it; else it is filled in. */
    uint64_t base;
};

/* "folder/<20 digits>.seg" */
enum stk_status stk_segment_path(struct stk_path *path, const char *folder, stk_seq_t first,
                                 struct stk_error *err);
/* The first sequences of all segments in a folder, ascending. Free the array with stk_free. */
enum stk_status stk_segment_list(const char *folder, stk_seq_t **firsts, uint32_t *count,
                                 struct stk_error *err);

/* Make next.seg of `bytes`, written with zeros in small synced steps so that flushes beside it do
 * not wait. stop (may be NULL) is asked between steps: 1 = give up with STK_STOPPING. On a failure
 * nothing is left behind. */
enum stk_status stk_segment_make(const char *folder, uint64_t bytes, int (*stop)(void *arg),
                                 void *arg, struct stk_error *err);
/* Give next.seg its number. */
enum stk_status stk_segment_take(const char *folder, stk_seq_t first, struct stk_error *err);
/* The other way round: nothing was written to it. */
enum stk_status stk_segment_put_back(const char *folder, stk_seq_t first, struct stk_error *err);
/* The file and its reader table. */
enum stk_status stk_segment_remove(const char *folder, stk_seq_t first, struct stk_error *err);

enum stk_segment_use { STK_SEGMENT_WRITE, STK_SEGMENT_READ, STK_SEGMENT_ALONE };
/* map_bytes: of a file that is not there yet; 0 otherwise. */
enum stk_status stk_segment_open(struct stk_kv **kv, const char *path, enum stk_segment_use use,
                                 uint64_t map_bytes, struct stk_error *err);
/* STK_NOT_FOUND: never used. STK_CORRUPT, STK_VERSION. */
enum stk_status stk_segment_head(struct stk_kv *kv, struct stk_segment_head *head,
                                 struct stk_error *err);
/* The number of the last batch, told by LMDB's count of commits and not by the pages that lead to
 * it: a flipped bit in those may lead to an older state of the file that is sound in itself, and
 * the last batches would be gone unseen. *number 0: not known (several batches in one commit). */
enum stk_status stk_segment_committed(struct stk_kv *kv, const struct stk_segment_head *head,
                                      uint64_t *number, struct stk_error *err);
/* A head alone, for a journal that begins after a restored state. */
enum stk_status stk_segment_begin(struct stk_kv *kv, struct stk_segment_head *head,
                                  struct stk_error *err);
/* 1 when a batch of `size` bytes surely fits. */
int stk_segment_fits(struct stk_kv *kv, uint64_t size);
/* Room for batches that is left, roughly. */
uint64_t stk_segment_room(struct stk_kv *kv);
/* Append closed batches in one commit, with the head when the segment is new (else NULL). Any
 * failure is final. */
enum stk_status stk_segment_append(struct stk_kv *kv, struct stk_segment_head *head,
                                   const struct stk_bytes *batches, uint32_t count,
                                   struct stk_error *err);

/* Batches copied out of a segment. Zero it, use it any number of times, end with fini. */
struct stk_chunk {
    uint8_t *data;
    size_t size, capacity;
    size_t at; /* where stk_chunk_next goes on */
};
/* Copy batches that hold sequences >= from: some, at least one when there is one. chunk->size 0:
 * there is none. The read transaction ends before this returns. */
enum stk_status stk_segment_read(struct stk_kv *kv, stk_seq_t from, struct stk_chunk *chunk,
                                 struct stk_error *err);
/* Copy the last batch; chunk->size 0: there is none. */
enum stk_status stk_segment_last(struct stk_kv *kv, struct stk_chunk *chunk, struct stk_error *err);
/* The next batch, checked. STK_AGAIN at the end of the chunk. */
enum stk_status stk_chunk_next(struct stk_chunk *chunk, struct stk_batch_view *view,
                               struct stk_error *err);
void stk_chunk_fini(struct stk_chunk *chunk);

#endif
