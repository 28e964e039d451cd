/* J: segments of batches in LMDB, appended and synced by one thread, hash-chained.
 *
 * Every user holds it by `struct stk_log`, so that a follower, a replicated log or the simulator's
 * fake can stand in its place. The engine owns one open batch; it submits it when the log is idle
 * or the batch is full, and takes another. */
#ifndef STK_STORE_JOURNAL_H
#define STK_STORE_JOURNAL_H

#include "core/base/thread.h"
#include "core/store/batch.h"

/* Called with each batch in order; return other than STK_OK to stop with that. */
typedef enum stk_status (*stk_batch_fn)(void *arg, const struct stk_batch_view *batch,
                                        struct stk_error *err);

struct stk_log {
    /* Engine thread: an empty batch to fill, or NULL when all are on their way to the disk. */
    struct stk_batch *(*take)(void *self);
    /* Engine thread: this batch is closed; it will be appended after those before it. */
    void (*submit)(void *self, struct stk_batch *batch);
    /* Engine thread: 1 when nothing is submitted and not yet durable. */
    int (*idle)(void *self);
    /* Any thread: everything up to this sequence is durable. */
    stk_seq_t (*durable)(void *self);
    /* Any thread but the journal's: batches that hold sequences >= from, up to what is durable now.
     */
    enum stk_status (*read)(void *self, stk_seq_t from, stk_batch_fn fn, void *arg,
                            struct stk_error *err);
    void *self;
};

struct stk_journal_options {
    const char *folder;      /* created when missing */
    uint64_t segment_bytes;  /* preallocated by writing; the next one is made ahead of need */
    uint64_t retain_bytes;   /* cut whole segments beyond this ... */
    int64_t retain_ms;       /* ... or older than this (0 = no limit) */
    uint64_t free_bytes_min; /* below this much free disk, full() says so */
    /* Journal thread, after each flush: everything up to seq is durable. Wakes whom it concerns. */
    void (*on_durable)(void *arg, stk_seq_t seq);
    /* Journal thread: a flush failed. The process must stop acknowledging and exit. */
    void (*on_fatal)(void *arg, const struct stk_error *err);
    void *arg;
};

struct stk_journal;
/* Opens the folder, checks the last batch, clears stale readers. No thread yet. An interrupted new
 * segment is removed. STK_CORRUPT names segment and sequence. */
enum stk_status stk_journal_open(struct stk_journal **out,
                                 const struct stk_journal_options *options, struct stk_error *err);
enum stk_status stk_journal_start(struct stk_journal *journal, struct stk_error *err);
/* Flushes what was submitted, stops the threads. */
void stk_journal_stop(struct stk_journal *journal);
void stk_journal_close(struct stk_journal *journal);
struct stk_log stk_journal_log(struct stk_journal *journal);

/* First and last sequence that it holds; 0, 0 when empty. Any thread. */
void stk_journal_range(struct stk_journal *journal, stk_seq_t *first, stk_seq_t *last);
/* 1 when the disk or the map is nearly full: the engine refuses writes with STK_NO_SPACE until it
 * is not; `why` gets one line. Any thread; looks at the disk at most once a second. */
int stk_journal_full(struct stk_journal *journal, char *why, uint32_t why_size);
/* Nothing at or after this sequence may be cut: what is not folded, the last verified backup, a
 * sink. */
#define STK_JOURNAL_PINS 8
void stk_journal_pin(struct stk_journal *journal, unsigned pin, stk_seq_t seq); /* seq 0 = no pin */
/* Flush statistics since the start: flushes, effects, bytes, p50/p99 of a flush in us. */
struct stk_journal_stats {
    uint64_t flushes, effects, bytes;
    uint64_t flush_p50_us, flush_p99_us;
    uint32_t segments;
};
void stk_journal_stats(struct stk_journal *journal, struct stk_journal_stats *out);

/* Without an engine: walk the whole folder, checksums and chain. On STK_CORRUPT err names the first
 * bad batch (segment, sequence). report gets counts. Works beside a running engine. */
struct stk_journal_report {
    stk_seq_t first, last;
    uint64_t batches, effects, bytes;
    uint32_t segments;
    stk_time_t first_ms, last_ms;
    uint8_t chain[STK_CHAIN_BYTES];
};
enum stk_status stk_journal_verify(const char *folder, struct stk_journal_report *report,
                                   struct stk_error *err);
/* Without an engine: read batches from a folder (for tools and restore). */
enum stk_status stk_journal_read_folder(const char *folder, stk_seq_t from, stk_batch_fn fn,
                                        void *arg, struct stk_error *err);

#endif
