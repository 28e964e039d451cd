/* One writer, two readers of cells and of a growing catalogue.
 *
 * The writer changes on_hand and held of a few cells and keeps on_hand - held and unsellable +
 * earmarked as they were: a reader that sees another sum has met numbers of two writes. Meanwhile
 * it adds SKUs with their cells, gives and takes aliases, and removes SKUs: a reader looks each
 * name up and must find the SKU that bears it, with its cells complete and in order, or nothing at
 * all when it may have gone. TORTURE_SECONDS (or the first argument): how long. */
#include "core/base/thread.h"
#include "core/state/catalog.h"
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READERS    2
#define HOT        4 /* cells that are written without end: of SKU 0, at locations 0, 2, 4, 6 */
#define SKUS       2000000u
#define AHEAD      1000u /* on_hand - held */
#define MARKED     77u   /* unsellable + earmarked */
#define GONE_EVERY 5     /* SKUs whose number is divisible by it (not 0) are removed again */
#define NAMES_BACK 64    /* as far back readers look */

struct reader {
    struct stk_thread thread;
    unsigned seed;
    uint64_t reads, changes, torn, found, missed, wrong;
};

static struct stk_catalog catalog;
static _Atomic uint32_t published; /* SKUs that are there: numbers below it */
static _Atomic int stop;

static struct stk_bytes name_of(char room[32], const char *kind, uint32_t number)
{
    return (struct stk_bytes){room, (uint32_t)snprintf(room, 32, "%s-%" PRIu32, kind, number)};
}

/* ---- writer ---- */

static void write_hot(uint64_t number)
{
    stk_cell_t cell = stk_catalog_find_cell(&catalog, 0, (stk_location_t)(number % HOT * 2));
    uint32_t held = (uint32_t)(number * 2654435761u) >> 8;
    stk_cell_write(
        stk_catalog_cell(&catalog, cell),
        (struct stk_cell_numbers){held + AHEAD, held, held % MARKED, MARKED - held % MARKED});
}

static int add_cells(stk_sku_t sku, const stk_location_t *at, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        stk_cell_t cell;
        if (stk_catalog_add_cell(&catalog, sku, at[i], &cell, NULL) != STK_OK)
            return 0;
    }
    return 1;
}

/* The next SKU: one cell before it is found, another one in front of that later; an alias that the
 * SKU before it gives up. */
static int add_sku(uint32_t number)
{
    char room[32], alias[32];
    stk_sku_t sku = STK_NONE;
    struct stk_bytes name = name_of(alias, "alias", number);
    if (stk_catalog_add_sku(&catalog, name_of(room, "sku", number), &sku, NULL) != STK_OK ||
        sku != number || !add_cells(sku, (const stk_location_t[]){3, 1}, 2) ||
        stk_catalog_set_aliases(&catalog, sku, &name, 1, NULL) != STK_OK)
        return 0;
    atomic_store_explicit(&published, number + 1, memory_order_release);
    if (number > NAMES_BACK && (number - NAMES_BACK) % GONE_EVERY == 0)
        stk_catalog_remove_sku(&catalog, number - NAMES_BACK);
    return 1;
}

/* ---- readers ---- */

static void read_hot(struct reader *reader, uint32_t last[HOT])
{
    stk_cell_t at =
        atomic_load_explicit(&stk_catalog_sku(&catalog, 0)->first_cell, memory_order_acquire);
    for (unsigned i = 0; i < HOT; i++) {
        const struct stk_cell *cell = stk_catalog_cell(&catalog, at);
        struct stk_cell_numbers n = stk_cell_read(cell);
        reader->reads++;
        reader->torn += n.on_hand - n.held != AHEAD || n.unsellable + n.earmarked != MARKED;
        reader->torn += cell->location != i * 2;
        reader->changes += n.held != last[i];
        last[i] = n.held;
        at = atomic_load_explicit(&cell->next, memory_order_acquire);
    }
}

/* Cells of a SKU: each complete, ascending. */
static int cells_are_right(stk_sku_t sku)
{
    int last = -1;
    stk_cell_t at =
        atomic_load_explicit(&stk_catalog_sku(&catalog, sku)->first_cell, memory_order_acquire);
    for (; at != STK_NONE;
         at = atomic_load_explicit(&stk_catalog_cell(&catalog, at)->next, memory_order_acquire)) {
        const struct stk_cell *cell = stk_catalog_cell(&catalog, at);
        if (cell->sku != sku || (int)cell->location <= last)
            return 0;
        last = cell->location;
    }
    return 1;
}

static void read_names(struct reader *reader)
{
    char room[32];
    uint32_t count = atomic_load_explicit(&published, memory_order_acquire);
    uint32_t number = count - 1 - (uint32_t)rand_r(&reader->seed) % (2 * NAMES_BACK);
    const char *kind = rand_r(&reader->seed) % 2 ? "sku" : "alias";
    stk_sku_t sku;
    if (number >= count)
        return;
    sku = stk_catalog_find_sku(&catalog, name_of(room, kind, number));
    if (sku == STK_NONE) {
        /* removed, or SKU 0 has no alias */
        reader->missed++;
        reader->wrong += number ? number % GONE_EVERY != 0 : *kind == 's';
        return;
    }
    reader->found++;
    reader->wrong += sku != number || !cells_are_right(sku);
    reader->wrong += stk_catalog_find_sku(&catalog, name_of(room, "nobody", number)) != STK_NONE;
}

static void read_all(void *arg)
{
    struct reader *reader = arg;
    uint32_t last[HOT] = {0};
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        read_hot(reader, last);
        read_names(reader);
    }
}

static int64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static int prepare(void)
{
    struct stk_catalog_capacity capacity = {.skus = SKUS,
                                            .cells = 2 * SKUS + HOT,
                                            .aliases = SKUS,
                                            .listings = 1,
                                            .components = 1,
                                            .text_bytes = 4096};
    stk_sku_t sku = STK_NONE;
    if (stk_catalog_init(&catalog, &capacity, NULL) != STK_OK ||
        stk_catalog_add_sku(&catalog, (struct stk_bytes){"sku-0", 5}, &sku, NULL) != STK_OK ||
        !add_cells(sku, (const stk_location_t[]){6, 0, 4, 2}, HOT))
        return 0;
    for (uint64_t i = 0; i < HOT; i++)
        write_hot(i);
    atomic_store_explicit(&published, 1, memory_order_release);
    return 1;
}

int main(int argc, char **argv)
{
    static struct reader readers[READERS];
    const char *given = argc > 1 ? argv[1] : getenv("TORTURE_SECONDS");
    double seconds = given ? atof(given) : 1;
    uint64_t number = 0, bad = 0, seen_by_all = 1;
    uint32_t skus = 1;
    if (!(seconds > 0 && seconds < 1e6)) {
        fprintf(stderr, "torture_cell: \"%s\" is no number of seconds\n", given);
        return 2;
    }
    if (!prepare())
        return 1;
    for (unsigned i = 0; i < READERS; i++) {
        readers[i].seed = i + 1;
        if (stk_thread_start(&readers[i].thread, STK_ROLE_NONE, "reader", read_all, &readers[i],
                             NULL) != STK_OK)
            return 1;
    }
    for (int64_t end = now_ns() + (int64_t)(seconds * 1e9); now_ns() < end;) {
        for (unsigned i = 0; i < 1000; i++)
            write_hot(number++);
        for (unsigned i = 0; i < 10 && skus < SKUS; i++)
            bad += !add_sku(skus++);
        sched_yield(); /* fewer cores than threads */
    }
    atomic_store_explicit(&stop, 1, memory_order_relaxed);
    for (unsigned i = 0; i < READERS; i++) {
        const struct reader *r = &readers[i];
        stk_thread_join(&readers[i].thread);
        printf("reader %u: %10" PRIu64 " reads, %9" PRIu64 " changes seen, %" PRIu64
               " torn; %9" PRIu64 " names found, %8" PRIu64 " gone, %" PRIu64 " wrong\n",
               i, r->reads, r->changes, r->torn, r->found, r->missed, r->wrong);
        bad += r->torn + r->wrong;
        seen_by_all &= r->changes > 0 && r->found > 0 && r->missed > 0;
    }
    printf("%" PRIu64 " writes, %" PRIu32 " SKUs\n", number, skus);
    stk_catalog_fini(&catalog);
    return bad == 0 && seen_by_all ? 0 : 1;
}
