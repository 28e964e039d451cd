/* R5: the arithmetic of *guaranteed* mode over every interleaving of small cases.
 *
 * Each clean case must end without a shortfall, and in every state U must cover what was sold
 * unseen and can be sold. Each mutation, one of the simplifications that promise.md names, must end
 * in a shortfall. PROMISE_SIZE (tests/tiers.txt) says how large the cases may be; PROMISE_CASE=name
 * runs one and shows the way to what it found. */
#include "core/base/fault.h"
#include "tests/promise/search.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SET(mask_, counter_)                                                                       \
    {                                                                                              \
        .write = STK_WRITE_SET, .proof = STK_PROOF_ANSWER, .mask = mask_, .counter = counter_      \
    }
#define ADJUST(mask_, counter_)                                                                    \
    {                                                                                              \
        .write = STK_WRITE_ADJUST, .proof = STK_PROOF_ANSWER, .mask = mask_, .counter = counter_   \
    }
#define CAS(mask_, counter_)                                                                       \
    {                                                                                              \
        .write = STK_WRITE_CAS, .proof = STK_PROOF_ANSWER, .mask = mask_, .counter = counter_      \
    }

static const struct setup clean[] = {
    {.name = "set, stock 2, 2 writes",
     .size = 1,
     .stock = {2},
     .channels = 1,
     .channel = {SET(1, 2)},
     .apply = 1,
     .writes = 2,
     .sales = 3,
     .shop = 1,
     .ticks = 4},
    {.name = "set, stock 2, 3 writes",
     .size = 2,
     .stock = {2},
     .channels = 1,
     .channel = {SET(1, 1)},
     .apply = 1,
     .writes = 3,
     .sales = 3,
     .shop = 1,
     .ticks = 5},
    {.name = "set, stock 2, 2 writes, read-backs",
     .size = 2,
     .stock = {2},
     .channels = 1,
     .channel = {SET(1, 2)},
     .apply = 1,
     .read = 1,
     .writes = 2,
     .sales = 3,
     .shop = 1,
     .reads = 2,
     .ticks = 4},
    {.name = "set, stock 2, first contact",
     .size = 2,
     .stock = {2},
     .channels = 1,
     .channel = {{.write = STK_WRITE_SET,
                  .proof = STK_PROOF_ANSWER,
                  .mask = 1,
                  .counter = 1,
                  .unknown = 1,
                  .old = 1}},
     .apply = 1,
     .read = 1,
     .writes = 2,
     .sales = 3,
     .shop = 1,
     .reads = 2,
     .ticks = 4},
    {.name = "set, stock 2, crash",
     .size = 1,
     .stock = {2},
     .channels = 1,
     .channel = {SET(1, 2)},
     .apply = 1,
     .writes = 2,
     .sales = 3,
     .shop = 1,
     .crashes = 1,
     .ticks = 3,
     .durable = 1},
    {.name = "set, stock 2, cancellations",
     .size = 2,
     .stock = {2},
     .channels = 1,
     .channel = {{.write = STK_WRITE_SET,
                  .proof = STK_PROOF_ANSWER,
                  .mask = 1,
                  .counter = 2,
                  .restocks = 1}},
     .apply = 0,
     .read = 1,
     .writes = 1,
     .sales = 4,
     .shop = 1,
     .reads = 1,
     .cancels = 2,
     .ticks = 3},
    {.name = "two channels, set, stock 2",
     .size = 1,
     .stock = {2},
     .channels = 2,
     .channel = {SET(1, 1), SET(1, 1)},
     .apply = 1,
     .writes = 2,
     .sales = 3,
     .ticks = 4},
    {.name = "two locations, set, stock 1 + 1",
     .size = 1,
     .stock = {1, 1},
     .channels = 2,
     .channel = {SET(1, 1), SET(3, 1)},
     .apply = 1,
     .writes = 2,
     .sales = 3,
     .shop = 1,
     .ticks = 4},
    {.name = "adjust, stock 2, 2 writes",
     .size = 1,
     .stock = {2},
     .channels = 1,
     .channel = {ADJUST(1, 2)},
     .apply = 1,
     .writes = 2,
     .sales = 3,
     .shop = 1,
     .ticks = 4},
    {.name = "adjust, stock 2, read-backs",
     .size = 1,
     .stock = {2},
     .channels = 1,
     .channel = {ADJUST(1, 1)},
     .apply = 1,
     .read = 1,
     .writes = 2,
     .sales = 3,
     .shop = 1,
     .reads = 1,
     .ticks = 3},
    {.name = "cas, stock 2, 2 writes",
     .size = 1,
     .stock = {2},
     .channels = 1,
     .channel = {CAS(1, 2)},
     .apply = 1,
     .writes = 2,
     .sales = 3,
     .shop = 1,
     .ticks = 4},
    {.name = "cas, stock 2, 3 writes, read-back",
     .size = 1,
     .stock = {2},
     .channels = 1,
     .channel = {CAS(1, 2)},
     .apply = 1,
     .read = 1,
     .writes = 3,
     .sales = 3,
     .shop = 1,
     .reads = 1,
     .ticks = 4},
};

#define ONE_SET .stock = {2}, .channels = 1, .channel = {SET(1, 1)}, .apply = 1, .sales = 4
static const struct setup mutated[] = {
    {.name = "counting only the newest value",
     ONE_SET,
     .writes = 2,
     .shop = 2,
     .ticks = 4,
     .plant = "plant.promise_newest"},
    {.name = "retiring at any later proof",
     ONE_SET,
     .writes = 3,
     .shop = 2,
     .ticks = 5,
     .plant = "plant.promise_any_proof"},
    {.name = "retiring without waiting for the watermark",
     ONE_SET,
     .writes = 2,
     .shop = 2,
     .ticks = 4,
     .plant = "plant.promise_no_watermark"},
    {.name = "dropping the rest at a read-back",
     ONE_SET,
     .writes = 1,
     .shop = 2,
     .reads = 1,
     .ticks = 4,
     .plant = "plant.promise_drop_rest"},
    {.name = "a write that looks lost is given back",
     ONE_SET,
     .writes = 2,
     .shop = 2,
     .reads = 1,
     .ticks = 4,
     .plant = "plant.promise_lost"},
    {.name = "a read-back older than assumed, by us",
     ONE_SET,
     .read = 1,
     .writes = 2,
     .shop = 2,
     .reads = 1,
     .ticks = 5,
     .plant = "plant.promise_old_read"},
    {.name = "a read-back older than declared, by the channel",
     ONE_SET,
     .read = 1,
     .writes = 2,
     .shop = 2,
     .reads = 1,
     .ticks = 5,
     .wrong = WRONG_OLDER_READS},
    {.name = "one sum over all locations",
     .stock = {1, 1},
     .channels = 2,
     .channel = {SET(1, 1), SET(3, 0)},
     .apply = 1,
     .sales = 3,
     .writes = 1,
     .shop = 1,
     .ticks = 3,
     .plant = "plant.allot_one_sum"},
    {.name = "a write that lands twice",
     ONE_SET,
     .writes = 2,
     .shop = 2,
     .ticks = 4,
     .wrong = WRONG_LANDS_TWICE},
    {.name = "an own shop that ignores the promises",
     ONE_SET,
     .writes = 0,
     .shop = 2,
     .ticks = 2,
     .wrong = WRONG_SHOP_IGNORES},
    {.name = "the rest of a read-back retires at t - R",
     ONE_SET,
     .read = 1,
     .writes = 0,
     .shop = 2,
     .reads = 1,
     .ticks = 4,
     .plant = "plant.promise_read_early"},
    {.name = "a cancellation counted by a read-back is not added",
     .stock = {2},
     .channels = 1,
     .channel = {{.write = STK_WRITE_SET,
                  .proof = STK_PROOF_ANSWER,
                  .mask = 1,
                  .counter = 2,
                  .restocks = 1}},
     .apply = 0,
     .read = 0,
     .sales = 4,
     .shop = 2,
     .reads = 1,
     .cancels = 1,
     .ticks = 3,
     .plant = "plant.promise_counted"},
};

static const char *const outcomes[] = {[GOES_ON] = "clean",
                                       [SHORTFALL] = "SHORTFALL",
                                       [TOO_SMALL] = "PROMISE TOO SMALL",
                                       [BREACH] = "BREACH",
                                       [DRIFT] = "DRIFT WITHOUT CAUSE"};

static void show_way(const struct result *result)
{
    for (unsigned i = 0; i < result->length; i++) {
        char text[64];
        model_describe(result->way[i], text, sizeof text);
        printf("%s%s", i ? ", " : "    ", text);
    }
    printf("\n");
}

/* 1 when it ended as it must. */
static int run(const struct setup *setup, int wrong, int show)
{
    static struct result result;
    char plant[64];
    struct timespec from, to;
    int ok;
    clock_gettime(CLOCK_MONOTONIC, &from);
    snprintf(plant, sizeof plant, "%s:1:always", setup->plant ? setup->plant : "");
    if (stk_fault_init(setup->plant ? plant : NULL, NULL) != STK_OK) {
        printf("%s: no such point\n", plant);
        return 0;
    }
    search(setup, wrong, &result);
    stk_fault_init(NULL, NULL);
    clock_gettime(CLOCK_MONOTONIC, &to);
    ok = wrong ? result.outcome == SHORTFALL : result.outcome == GOES_ON;
    printf("%-52s %10llu states %6.2f s  %s\n", setup->name, (unsigned long long)result.states,
           (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9,
           wrong && ok ? "caught" : outcomes[result.outcome]);
    if (show || !ok)
        show_way(&result);
    fflush(stdout);
    return ok;
}

/* A mutation must be caught, and the same setup without it be clean. */
static int run_both(const struct setup *setup, int show)
{
    struct setup right = *setup;
    right.name = "  the same without it";
    right.plant = NULL;
    right.wrong = WRONG_NOTHING;
    return run(setup, 1, show) & run(&right, 0, 0);
}

int main(void)
{
    const char *size = getenv("PROMISE_SIZE"), *only = getenv("PROMISE_CASE");
    int most = size ? atoi(size) : 1;
    unsigned passed = 0, failed = 0;
    for (unsigned i = 0; i < sizeof clean / sizeof *clean; i++)
        if (only ? !strcmp(only, clean[i].name) : clean[i].size <= most)
            run(&clean[i], 0, only != NULL) ? passed++ : failed++;
    for (unsigned i = 0; i < sizeof mutated / sizeof *mutated; i++)
        if (only ? !strcmp(only, mutated[i].name) : mutated[i].size <= most)
            run_both(&mutated[i], only != NULL) ? passed++ : failed++;
    printf("%u passed, %u failed\n", passed, failed);
    return failed ? 1 : 0;
}
