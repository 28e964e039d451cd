/* import stock: what rows (goods.c) and whole sets (snapshot.c) share. */
#ifndef STK_STOCKADE_STOCK_H
#define STK_STOCKADE_STOCK_H

#include "tools/stockade/import.h"
#include "tools/stockade/map.h"

struct gathered {
    char *sku, *location, *raw;
    uint64_t line;
    int64_t quantity;
    int unknown; /* the engine has no such SKU */
};
struct stock {
    int gathers, receives, snapshot;
    int judging; /* the engine has the whole set and looks at it */
    const char *batch;
    int64_t as_of;
    struct map seen; /* receive: how often the same words came; gather: index + 1 */
    struct gathered *rows;
    size_t count, room;
};

/* The quantity, or its --percent. */
int64_t stock_share(const struct import *import, int64_t quantity);
/* The gathered rows as one stock.snapshot. SKUs that the engine does not know are refused first,
 * so that one of them does not keep the whole set away. */
enum stk_status snapshot_send(struct import *import, struct stk_error *err);

#endif
