/* One writer, three readers, a few cells. The words of a cell follow from the number of its write:
 * a reader that sees words of two writes, or a number that goes back, has met a torn read.
 * TORTURE_SECONDS (or the first argument): how long. */
#include "core/base/seqlock.h"
#include "core/base/thread.h"
#include <inttypes.h>
#include <sched.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READERS 3
#define CELLS   4
#define WORDS   12 /* more than one cache line: words of one write arrive at different times */

struct cell {
    alignas(64) struct stk_seqlock lock;
    _Atomic uint64_t words[WORDS];
};

struct reader {
    struct stk_thread thread;
    uint64_t reads, retries, changes, torn;
};

static struct cell cells[CELLS];
static _Atomic int stop;

static void write_cell(struct cell *cell, uint64_t number)
{
    stk_seqlock_write_begin(&cell->lock);
    /* now up, now down, so that no order of stores hides a tear */
    for (unsigned i = 0; i < WORDS; i++) {
        unsigned at = number & 1 ? i : WORDS - 1 - i;
        atomic_store_explicit(&cell->words[at], number * (at + 1), memory_order_relaxed);
    }
    stk_seqlock_write_end(&cell->lock);
}

static uint64_t read_cell(const struct cell *cell, uint64_t words[WORDS])
{
    uint64_t tries = 0;
    uint32_t version;
    do {
        tries++;
        version = stk_seqlock_read_begin(&cell->lock);
        for (unsigned i = 0; i < WORDS; i++)
            words[i] = atomic_load_explicit(&cell->words[i], memory_order_relaxed);
    } while (stk_seqlock_read_retry(&cell->lock, version));
    return tries - 1;
}

static void read_all(void *arg)
{
    struct reader *reader = arg;
    uint64_t words[WORDS], last[CELLS] = {0};
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        for (unsigned c = 0; c < CELLS; c++) {
            reader->retries += read_cell(&cells[c], words);
            reader->reads++;
            for (unsigned i = 1; i < WORDS; i++)
                reader->torn += words[i] != words[0] * (i + 1);
            reader->torn += words[0] < last[c];
            reader->changes += words[0] != last[c];
            last[c] = words[0];
        }
    }
}

static int64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

int main(int argc, char **argv)
{
    static struct reader readers[READERS];
    const char *given = argc > 1 ? argv[1] : getenv("TORTURE_SECONDS");
    double seconds = given ? atof(given) : 1;
    uint64_t number = 0, torn = 0, seen_by_all = 1;
    if (!(seconds > 0 && seconds < 1e6)) {
        fprintf(stderr, "torture_seqlock: \"%s\" is no number of seconds\n", given);
        return 2;
    }
    for (unsigned i = 0; i < READERS; i++)
        if (stk_thread_start(&readers[i].thread, STK_ROLE_NONE, "reader", read_all, &readers[i],
                             NULL) != STK_OK)
            return 1;
    for (int64_t end = now_ns() + (int64_t)(seconds * 1e9); now_ns() < end;) {
        for (unsigned i = 0; i < 1000; i++)
            write_cell(&cells[number % CELLS], number + 1), number++;
        sched_yield(); /* fewer cores than threads */
    }
    atomic_store_explicit(&stop, 1, memory_order_relaxed);
    for (unsigned i = 0; i < READERS; i++) {
        stk_thread_join(&readers[i].thread);
        printf("reader %u: %10" PRIu64 " reads, %9" PRIu64 " changes seen, %8" PRIu64
               " retries, %" PRIu64 " torn\n",
               i, readers[i].reads, readers[i].changes, readers[i].retries, readers[i].torn);
        torn += readers[i].torn;
        seen_by_all &= readers[i].changes > 0;
    }
    printf("%" PRIu64 " writes\n", number);
    return torn == 0 && number > 0 && seen_by_all ? 0 : 1;
}
