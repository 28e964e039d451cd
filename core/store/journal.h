/* J: segments of batches in LMDB, appended and synced by one thread, hash-chained.
 *
 * Every user holds it by `struct stk_log`, so that a follower, a replicated log or the simulator's
 * fake can stand in its place. The engine owns one open batch; it submits it when the log is idle
 * or the batch is full, and takes another. */
#ifndef STK_STORE_JOURNAL_H
#define STK_STORE_JOURNAL_H

#include "core/base/thread.h"
#include "core/store/walk.h"

struct stk_log {
    /* Engine thread: an empty batch to fill, its first sequence set, or NULL when all are on their
     * way to the disk. */
    struct stk_batch *(*take)(void *self);
    /* Engine thread: this batch is closed; it will be appended after those before it. */
    void (*submit)(void *self, struct stk_batch *batch);
    /* Engine thread: 1 when nothing is submitted and not yet durable. */
    int (*idle)(void *self);
    /* Any thread: everything up to this sequence is durable. */
    stk_seq_t (*durable)(void *self);
    /* Any thread but the journal's: batches that hold sequences >= from, up to what is durable now.
     * No transaction is open while fn runs, it may take its time. STK_TOO_OLD: `from` was cut. */
    enum stk_status (*read)(void *self, stk_seq_t from, stk_batch_fn fn, void *arg,
                            struct stk_error *err);
    void *self;
    uint8_t id[STK_JOURNAL_ID_BYTES]; /* of the journal; S remembers it (zeros: it does not) */
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
 * segment is removed. STK_CORRUPT names segment and sequence; STK_STATE: another process has it. */
enum stk_status stk_journal_open(struct stk_journal **out,
                                 const struct stk_journal_options *options, struct stk_error *err);
enum stk_status stk_journal_start(struct stk_journal *journal, struct stk_error *err);
/* Flushes what was submitted, stops the threads. */
void stk_journal_stop(struct stk_journal *journal);
void stk_journal_close(struct stk_journal *journal);
struct stk_log stk_journal_log(struct stk_journal *journal);

/* First and last sequence that it holds; 0, 0 when empty; last + 1, last when it goes on after a
 * restored state and holds nothing yet. Any thread. */
void stk_journal_range(struct stk_journal *journal, stk_seq_t *first, stk_seq_t *last);
/* 1 when the disk or the map is nearly full: the engine refuses writes with STK_NO_SPACE until it
 * is not; `why` gets one line. Any thread; looks at the disk at most once a second. */
int stk_journal_full(struct stk_journal *journal, char *why, uint32_t why_size);
/* Nothing at or after this sequence may be cut, nor the one before it; 0 = no pin. Nothing at all
 * is cut before the fold's pin was set. */
enum stk_journal_pin {
    STK_PIN_FOLD,         /* folded + 1 */
    STK_PIN_BACKUP,       /* a backup that is being made */
    STK_PIN_BACKUP_AFTER, /* what the last verified backup does not hold */
    STK_PIN_SINK,         /* 5 sinks from here on */
    STK_JOURNAL_PINS = 8,
};
void stk_journal_pin(struct stk_journal *journal, unsigned pin, stk_seq_t seq); /* any thread */
/* The lowest of them; 0 while the fold has set none. Any thread. */
stk_seq_t stk_journal_pinned(struct stk_journal *journal);
/* Made with the first segment, the same for ever; S and backups carry it. Any thread. */
void stk_journal_id(struct stk_journal *journal, uint8_t id[STK_JOURNAL_ID_BYTES]);
/* The chain hash of the batch that ends at `seq`: what an S folded so far must carry.
 * STK_NOT_FOUND: no batch ends there, or it was cut. */
enum stk_status stk_journal_chain_at(struct stk_journal *journal, stk_seq_t seq,
                                     uint8_t chain[STK_CHAIN_BYTES], struct stk_error *err);
/* Flush statistics since the start: flushes, effects, bytes, p50/p99 of a flush in us. */
struct stk_journal_stats {
    uint64_t flushes, effects, bytes;
    uint64_t flush_p50_us, flush_p99_us;
    uint32_t segments;
};
void stk_journal_stats(struct stk_journal *journal, struct stk_journal_stats *out);

#endif
