/* The keeper of a journal's folder: a thread that makes the next segment ahead of need, cuts old
 * ones, watches the free space of the disk, and frees reader slots of dead processes. */
#ifndef STK_STORE_KEEPER_H
#define STK_STORE_KEEPER_H

#include "core/base/thread.h"
#include "core/store/shelf.h"

/* A new journal begins with a small segment, to be ready at once; each one after it is twice as
 * large, up to the configured size: the time to fill one is the time to make the next. */
#define STK_SEGMENT_BYTES_FIRST (64ull * 1024 * 1024)

struct stk_keeper;

struct stk_keeper_options {
    const char *folder;
    struct stk_shelf *shelf;
    uint64_t segment_bytes, retain_bytes, free_bytes_min;
    int64_t retain_ms;
    /* Nothing at or after this sequence is cut; 0 = nothing at all may be cut. */
    stk_seq_t (*pin)(void *arg);
    /* Room for batches in the segment in use. */
    uint64_t (*room)(void *arg);
    void (*on_ready)(void *arg); /* keeper: next.seg is there, or there is no space for it */
    void *arg;
};

/* last_bytes: size of the segment in use, 0 = none. */
enum stk_status stk_keeper_create(struct stk_keeper **out, const struct stk_keeper_options *options,
                                  uint64_t last_bytes, struct stk_error *err);
enum stk_status stk_keeper_start(struct stk_keeper *keeper, struct stk_error *err);
void stk_keeper_stop(struct stk_keeper *keeper);
void stk_keeper_destroy(struct stk_keeper *keeper); /* NULL-safe */

/* Journal thread: 1 when next.seg may be taken. */
int stk_keeper_ready(const struct stk_keeper *keeper);
/* Journal thread: 1 when the disk has no space for it now; it is tried again. */
int stk_keeper_blocked(const struct stk_keeper *keeper);
/* Journal thread: next.seg, so many bytes long, was taken: make another one. */
void stk_keeper_taken(struct stk_keeper *keeper, uint64_t bytes);
/* Any thread: look at what may be cut now rather than at the next tick. */
void stk_keeper_wake(struct stk_keeper *keeper);
/* Any thread: as stk_journal_full. */
int stk_keeper_full(struct stk_keeper *keeper, char *why, uint32_t why_size);

#endif
