/* One writer, two readers of one alias slot. The writer gives and takes two names in turn, each of
 * its own SKU, so that the same slot bears one and then the other; a reader that looks a name up
 * must find its SKU or nothing, never the other one. TORTURE_SECONDS (or the first argument): how
 * long. */
#include "core/base/thread.h"
#include "core/state/catalog.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READERS 2

static struct stk_catalog catalog;
static _Atomic int stop;
static const struct stk_bytes names[2] = {{"4006381333931", 13}, {"5901234123457", 13}};

struct reader {
    uint64_t found, nothing, wrong;
};

static void read_names(void *arg)
{
    struct reader *reader = arg;
    while (!atomic_load_explicit(&stop, memory_order_acquire))
        for (stk_sku_t i = 0; i < 2; i++) {
            stk_sku_t sku = stk_catalog_find_sku(&catalog, names[i]);
            reader->found += sku == i;
            reader->nothing += sku == STK_NONE;
            reader->wrong += sku != i && sku != STK_NONE;
        }
}

int main(int argc, char **argv)
{
    struct stk_catalog_capacity capacity = {2, 2, 2, 2, 2, 1024};
    struct stk_thread threads[READERS];
    struct reader readers[READERS] = {{0}};
    const char *text = argc > 1 ? argv[1] : getenv("TORTURE_SECONDS");
    time_t end = time(NULL) + (text && *text ? atoi(text) : 2);
    uint64_t changes = 0, wrong = 0;
    if (stk_catalog_init(&catalog, &capacity, NULL) != STK_OK)
        return 1;
    for (unsigned i = 0; i < 2; i++) {
        stk_sku_t sku = STK_NONE;
        stk_catalog_add_sku(&catalog, (struct stk_bytes){i ? "b" : "a", 1}, &sku, NULL);
    }
    for (unsigned i = 0; i < READERS; i++)
        if (stk_thread_start(&threads[i], STK_ROLE_NONE, "reader", read_names, &readers[i], NULL) !=
            STK_OK)
            return 1;
    while (time(NULL) < end)
        for (int i = 0; i < 1000; i++, changes++) {
            stk_sku_t sku = changes & 1;
            if (stk_catalog_set_aliases(&catalog, sku ^ 1, NULL, 0, NULL) != STK_OK ||
                stk_catalog_set_aliases(&catalog, sku, &names[sku], 1, NULL) != STK_OK)
                return 1;
        }
    atomic_store_explicit(&stop, 1, memory_order_release);
    for (unsigned i = 0; i < READERS; i++) {
        stk_thread_join(&threads[i]);
        printf("reader %u: %12" PRIu64 " found, %12" PRIu64 " nothing, %" PRIu64 " wrong\n", i,
               readers[i].found, readers[i].nothing, readers[i].wrong);
        wrong += readers[i].wrong;
    }
    printf("%" PRIu64 " changes, %u slots\n", changes, catalog.aliases.used - 1);
    return wrong != 0 || catalog.aliases.used > 2;
}
