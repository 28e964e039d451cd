/* import orders: what gathering and placing (orders.c) share with giving back (give_back.c). */
#ifndef STK_STOCKADE_ORDERS_H
#define STK_STOCKADE_ORDERS_H

#include "core/base/limits.h"
#include "tools/stockade/import.h"
#include "tools/stockade/map.h"

struct order_row {
    uint64_t line;
    char *raw;
    char *reason; /* why it is refused, or NULL */
    char code[16];
    json_t *item; /* of "lines" */
    int64_t quantity;
    char sku[STK_ID_MAX + 1];
};
struct order {
    struct order *next; /* in the order of their first rows */
    char *id, *customer;
    json_t *params;
    struct order_row *rows;
    size_t count, room, bad;
    uint64_t last_row; /* number of the newest row */
    struct import *import;
};

/* A line that is placed and may be cancelled: the newest of its customer and SKU comes first. */
struct placed {
    struct placed *older;
    char *order;
    uint32_t line; /* from 1 */
    int64_t left;  /* units not given back */
};

struct orders {
    const struct stk_verb *verb;
    const struct stk_field *line_fields;
    struct order *first, *last; /* being gathered, and those whose answer is to come */
    size_t gathered_bytes;
    struct map open;   /* order id to struct order * of those being gathered */
    struct map done;   /* ids of those that were sent */
    struct map placed; /* customer \1 SKU to struct placed * */
    int stage;         /* 0 placed, 1 paid, 2 shipped */
    uint64_t row;
};

void order_free(struct order *order);
void order_refuse_row(struct order *order, struct order_row *row, const char *code,
                      const char *reason);
/* The whole order: rows that were bad say why themselves. */
void order_refuse(struct order *order, const char *code, const char *reason);
/* This row is bad; the first reason stays. */
void order_spoil(struct order *order, struct order_row *row, const char *code, const char *reason);

/* Its lines may be given back later, if cancellations are looked for at all. */
void give_back_remember(struct order *order);
/* A cancellation: each row against earlier lines of its customer and SKU, the newest first. Waits
 * for the answers to what was placed before. Frees the order. */
enum stk_status give_back_order(struct order *order, struct stk_error *err);
void give_back_fini(struct orders *own);

#endif
