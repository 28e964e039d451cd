/* A journal in memory for tests and the simulator: batches are kept as they would lie in J. What
 * was submitted becomes durable when the test says so, or at once. One thread. */
#ifndef STK_TESTS_MEMORY_LOG_H
#define STK_TESTS_MEMORY_LOG_H

#include "core/store/journal.h"

struct memory_log {
    struct stk_batch batch[STK_BATCHES];
    int busy[STK_BATCHES];         /* 1 taken by the engine, 2 submitted and not durable */
    unsigned waiting[STK_BATCHES]; /* submitted, in order */
    unsigned waiting_count;
    struct {
        uint8_t *data;
        uint32_t size;
    } * kept; /* durable batches */
    uint32_t kept_count, kept_room;
    stk_seq_t durable;
    int manual; /* 1: memory_log_flush makes durable; 0: submit does */
    struct stk_chain *chain;
    uint8_t previous[STK_CHAIN_BYTES];
};
void memory_log_init(struct memory_log *log);
void memory_log_fini(struct memory_log *log);
struct stk_log memory_log_face(struct memory_log *log);
/* Make up to max submitted batches durable; returns how many. */
unsigned memory_log_flush(struct memory_log *log, unsigned max);
/* The power goes: what is not durable is gone, no batch is taken. */
void memory_log_crash(struct memory_log *log);

#endif
