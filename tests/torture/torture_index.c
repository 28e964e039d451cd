/* One writer, two readers of a small index that is nearly full: keys come and go and push the
 * others to and fro. Each key has a number that is even while the key is in. A reader that misses
 * one that was in all the while, having been told that nothing moved, or is given a value that no
 * key has, is wrong. TORTURE_SECONDS (or the first argument): how long. */
#include "core/base/hash.h"
#include "core/base/thread.h"
#include "core/state/index.h"
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define READERS 2
#define KEYS    72
#define ROOM    64

struct reader {
    struct stk_thread thread;
    unsigned seed;
    uint64_t reads, misses, wrong;
};

static struct stk_index table;
static _Atomic uint32_t changes[KEYS]; /* odd: the key is not in, or on its way */
static _Atomic int stop;

static uint64_t hash_of(uint32_t value)
{
    return stk_hash64(&value, sizeof value, 3);
}

static int look(uint32_t value)
{
    uint64_t cursor = 0;
    uint32_t found;
    while ((found = stk_index_next(&table, hash_of(value), &cursor)) != STK_NONE)
        if (found == value)
            return 1;
    return 0;
}

static void read_all(void *arg)
{
    struct reader *reader = arg;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        uint32_t value = (uint32_t)rand_r(&reader->seed) % KEYS, version;
        uint32_t before = atomic_load_explicit(&changes[value], memory_order_acquire);
        int found;
        if (before & 1)
            continue;
        do {
            version = stk_index_read_begin(&table);
            found = look(value);
            reader->misses += !found;
        } while (!found && stk_index_read_retry(&table, version));
        atomic_thread_fence(memory_order_acquire);
        reader->reads++;
        reader->wrong +=
            !found && atomic_load_explicit(&changes[value], memory_order_relaxed) == before;
        reader->wrong += look(KEYS + value);
    }
}

static int64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

/* A key comes, or goes. */
static void turn(unsigned *seed)
{
    uint32_t value = (uint32_t)rand_r(seed) % KEYS;
    uint32_t number = atomic_load_explicit(&changes[value], memory_order_relaxed);
    if (number & 1) {
        if (stk_index_insert(&table, hash_of(value), value) == STK_OK)
            atomic_store_explicit(&changes[value], number + 1, memory_order_release);
        return;
    }
    atomic_store_explicit(&changes[value], number + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    stk_index_remove(&table, hash_of(value), value);
}

int main(int argc, char **argv)
{
    static struct reader readers[READERS];
    const char *given = argc > 1 ? argv[1] : getenv("TORTURE_SECONDS");
    double seconds = given ? atof(given) : 1;
    uint64_t turns = 0, wrong = 0;
    unsigned seed = 1;
    if (!(seconds > 0 && seconds < 1e6)) {
        fprintf(stderr, "torture_index: \"%s\" is no number of seconds\n", given);
        return 2;
    }
    if (stk_index_init(&table, ROOM, NULL) != STK_OK)
        return 1;
    for (uint32_t value = 0; value < KEYS; value++)
        changes[value] = 1;
    for (unsigned i = 0; i < READERS; i++) {
        readers[i].seed = i + 1;
        if (stk_thread_start(&readers[i].thread, STK_ROLE_NONE, "reader", read_all, &readers[i],
                             NULL) != STK_OK)
            return 1;
    }
    for (int64_t end = now_ns() + (int64_t)(seconds * 1e9); now_ns() < end;) {
        for (unsigned i = 0; i < 10000; i++, turns++)
            turn(&seed);
        sched_yield(); /* fewer cores than threads */
    }
    atomic_store_explicit(&stop, 1, memory_order_relaxed);
    for (unsigned i = 0; i < READERS; i++) {
        stk_thread_join(&readers[i].thread);
        printf("reader %u: %10" PRIu64 " reads, %8" PRIu64 " misses, %" PRIu64 " wrong\n", i,
               readers[i].reads, readers[i].misses, readers[i].wrong);
        wrong += readers[i].wrong;
    }
    printf("%" PRIu64 " turns\n", turns);
    stk_index_fini(&table);
    return wrong == 0 && turns > 0 ? 0 : 1;
}
