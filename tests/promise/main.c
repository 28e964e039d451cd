/* R5: the arithmetic of *guaranteed* mode over every interleaving of small cases.
 *
 * Each clean case must end without a shortfall, and in every state U must cover what was sold
 * unseen and can be sold. Each mutation, one of the simplifications that promise.md names, must end
 * in a shortfall. PROMISE_SIZE (tests/tiers.txt) says how large the cases may be; PROMISE_CASE=name
 * runs one and shows the way to what it found. */
#include "core/base/fault.h"
#include "tests/promise/cases.h"
#include "tests/promise/search.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    for (unsigned i = 0; i < clean_count; i++)
        if (only ? !strcmp(only, clean_cases[i].name) : clean_cases[i].size <= most)
            run(&clean_cases[i], 0, only != NULL) ? passed++ : failed++;
    for (unsigned i = 0; i < mutated_count; i++)
        if (only ? !strcmp(only, mutated_cases[i].name) : mutated_cases[i].size <= most)
            run_both(&mutated_cases[i], only != NULL) ? passed++ : failed++;
    printf("%u passed, %u failed\n", passed, failed);
    return failed ? 1 : 0;
}
