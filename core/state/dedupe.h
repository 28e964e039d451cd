/* Idempotency keys. Recent ones in memory, in the order of their sequence, bounded; older ones in
 * runs on disk, behind a filter that says "certainly new" or "look it up". Engine thread only.
 *
 * Class 0 keys carry the remembered answer. Class 1 keys are of archived orders: they carry the
 * order's number. */
#ifndef STK_STATE_DEDUPE_H
#define STK_STATE_DEDUPE_H

#include "core/state/fifo.h"
#include "core/state/index.h"
#include <stockade/types.h>

struct stk_key_entry {
    struct stk_hash key;
    struct stk_hash body;
    stk_seq_t seq;
    uint32_t doc; /* position of the answer's document (class 0), or STK_NONE */
    uint32_t doc_size;
    uint64_t number; /* class 1: the order */
    uint16_t status;
    uint16_t verb;
    uint8_t class;
    uint8_t unused[3];
};

_Static_assert(sizeof(struct stk_key_entry) == 64, "one cache line");

struct stk_dedupe_run {
    uint32_t id; /* 0 = free slot; of one class, a later run has a higher number and lives longer */
    uint32_t count; /* entries of the filter */
    uint8_t class;
};
struct stk_dedupe {
    struct stk_fifo entries;        /* in the order of their sequences */
    uint32_t capacity, head, count; /* head: position of the oldest */
    stk_seq_t last;                 /* of the newest entry */
    struct stk_fifo docs;
    struct stk_index index; /* value: position in entries */
    /* The filter: cuckoo table, 4 bytes an entry: 16 bits of fingerprint, 16 bits of run slot. */
    uint32_t *filter;
    uint64_t filter_buckets; /* of 4 */
    uint64_t filter_count, filter_capacity;
    struct stk_dedupe_run *runs; /* by run slot, from 1 */
    uint32_t run_top, run_next;
    uint32_t slot_last[2]; /* that were used last: forgetting goes to and fro between two runs */
};
#define STK_DEDUPE_RUNS 65535

enum stk_status stk_dedupe_init(struct stk_dedupe *dedupe, uint32_t keys, uint64_t doc_bytes,
                                uint32_t keys_on_disk, struct stk_error *err);
void stk_dedupe_fini(struct stk_dedupe *dedupe);
/* In memory; NULL when not. */
const struct stk_key_entry *stk_dedupe_find(const struct stk_dedupe *dedupe, struct stk_hash key);
struct stk_bytes stk_dedupe_doc(const struct stk_dedupe *dedupe, const struct stk_key_entry *entry);
/* 1 when it may lie in a run on disk. */
int stk_dedupe_may_be_on_disk(const struct stk_dedupe *dedupe, struct stk_hash key);
/* Bring into the cache what find and may_be_on_disk will touch. */
void stk_dedupe_prefetch(const struct stk_dedupe *dedupe, struct stk_hash key);
/* 1 when there is room for one more with a document of up to that size (1 MiB at most). */
int stk_dedupe_has_room(const struct stk_dedupe *dedupe, uint32_t doc_size);
/* Sequences ascend. The document is copied. Room was asked for. */
void stk_dedupe_add(struct stk_dedupe *dedupe, const struct stk_key_entry *entry,
                    struct stk_bytes doc);
/* Sequence of the newest entry that was ever added; 0 = none. */
stk_seq_t stk_dedupe_last(const struct stk_dedupe *dedupe);
/* A key of a run goes into the filter (at start). A key that lies in several runs of a class, as
 * that of an order which was archived again does, has one entry, under the latest of them.
 * STK_FULL: the filter's capacity. */
enum stk_status stk_dedupe_filter_add(struct stk_dedupe *dedupe, uint32_t run_id, uint8_t class,
                                      struct stk_hash key);
/* Up to max entries with sequence <= last leave memory for the filter, each under the run of its
 * class. Returns how many; fewer than max: done; max also when the run of a class that is met is
 * not told yet (0). STK_FULL in *status: the filter is full, the next one stays in memory. */
uint32_t stk_dedupe_forget(struct stk_dedupe *dedupe, stk_seq_t last, uint32_t run_of_class[2],
                           uint32_t max, enum stk_status *status);
/* The keys of a dropped run are as good as gone; their places are used again by and by. */
void stk_dedupe_drop_run(struct stk_dedupe *dedupe, uint32_t run_id);

/* Every key in memory is found, in the order of the sequences, and the counts are right. For
 * stk_state_check. */
enum stk_status stk_dedupe_check(const struct stk_dedupe *dedupe, struct stk_error *err);

#endif
