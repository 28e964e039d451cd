/* The batch: what one flush makes durable. Bytes as they lie in J.
 *
 *   header   STK_BATCH_HEADER bytes: format, first sequence, count, time of the first record, size,
 *            number of the batch, chain hash of the one before, checksum over all of it
 *   records  each: varint size, then `size` bytes (see record.h)
 *
 * The sequence of the i-th record is first + i. An effect is one record: what one command did. */
#ifndef STK_STORE_BATCH_H
#define STK_STORE_BATCH_H

#include "core/base/chain.h"
#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/limits.h"

#define STK_BATCH_HEADER 96

/* One writer at a time: the engine while open, then the journal thread. */
struct stk_batch {
    uint8_t *data;      /* capacity STK_BATCH_BYTES; records start at data + STK_BATCH_HEADER */
    uint32_t size;      /* bytes so far, header included */
    uint32_t count;     /* records */
    stk_seq_t first;    /* sequence of record 0 */
    stk_time_t time_ms; /* of the first record; records carry the difference */
    uint64_t number;    /* of the batch in its journal, 1 and up; set before it is closed */
};

enum stk_status stk_batch_init(struct stk_batch *batch, struct stk_error *err);
void stk_batch_fini(struct stk_batch *batch);
void stk_batch_reset(struct stk_batch *batch, stk_seq_t first);
static inline int stk_batch_has_room(const struct stk_batch *batch)
{
    return batch->size + STK_RECORD_MAX + STK_VARINT_MAX <= STK_BATCH_BYTES;
}
/* Room for one record; write at most STK_RECORD_MAX bytes there, then close with what was written.
 * The caller has asked stk_batch_has_room. */
uint8_t *stk_batch_record_open(struct stk_batch *batch);
stk_seq_t stk_batch_record_close(struct stk_batch *batch, uint32_t size, stk_time_t time_ms);

/* Fill in the header. previous: chain hash of the batch before (zeros for the first one ever). */
void stk_batch_close(struct stk_batch *batch, const uint8_t previous[STK_CHAIN_BYTES]);
/* The same, and own: chain hash of this batch, for the next one: SHA-256(previous || all bytes). */
void stk_batch_seal(struct stk_batch *batch, struct stk_chain *chain,
                    const uint8_t previous[STK_CHAIN_BYTES], uint8_t own[STK_CHAIN_BYTES]);

/* A batch read back. */
struct stk_batch_view {
    stk_seq_t first;
    uint32_t count;
    stk_time_t time_ms;
    uint64_t number;
    const uint8_t *previous; /* STK_CHAIN_BYTES */
    struct stk_reader records;
    uint32_t left;          /* records not yet given by stk_batch_next */
    struct stk_bytes whole; /* as it lies in J, header included */
};
/* The view points into data. STK_OK, STK_CORRUPT (checksum, sizes), STK_VERSION. */
enum stk_status stk_batch_open(const void *data, size_t size, struct stk_batch_view *view,
                               struct stk_error *err);
/* The next record's bytes; 0 at the end or on damage (then view->records.bad): a size beyond the
 * batch, or more or fewer records than the header says. */
int stk_batch_next(struct stk_batch_view *view, struct stk_bytes *record);
/* The sequence of the record that was given last. */
static inline stk_seq_t stk_batch_seq(const struct stk_batch_view *view)
{
    return view->first + (view->count - view->left) - 1;
}

#endif
