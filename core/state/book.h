/* The smaller books: movements, incoming documents, earmarks, transfers, snapshots, shortfalls, and
 * cancellations that came before their order. Engine thread only. Items live in pools; those with
 * an id of their own are found by it. */
#ifndef STK_STATE_BOOK_H
#define STK_STATE_BOOK_H

#include "core/state/order.h"

/* A physical movement of a cell, kept so that a late count can be brought up to date. */
struct stk_movement {
    stk_time_t occurred_ms;
    stk_seq_t seq;
    stk_time_t placed_ms; /* of the order that left with it */
    stk_cell_t cell;
    int32_t delta;       /* of on_hand */
    uint16_t part;       /* which one of its effect, from 0 */
    uint16_t source;     /* of that order; 0 = no order */
    uint32_t next, prev; /* of the cell, by occurred_ms, then as they were booked; STK_NONE */
    uint32_t next_all;   /* in the order of their booking, oldest first; STK_NONE */
};
_Static_assert(sizeof(struct stk_movement) == 48, "millions of them are kept");

/* Slots of the next four are row keys: recovery takes them by number. Free ones have STK_NONE for
 * their id (never in the first four bytes, which link the free ones). */
struct stk_incoming {
    stk_sku_t sku;
    uint32_t document; /* text; STK_NONE = free */
    stk_location_t location;
    uint16_t unused;
    uint32_t quantity;  /* still to come */
    uint32_t preorders; /* units sold ahead */
    uint32_t preorder_limit;
    stk_time_t expected_ms, ship_by_ms; /* expected_ms: changed by stk_book_expect_incoming */
    uint32_t next_of_sku;               /* by expected_ms; STK_NONE */
    uint32_t first_hold, last_hold;     /* pre-orders, oldest first; STK_NONE */
};

struct stk_earmark {
    stk_cell_t cell;   /* changed by stk_earmark_place; STK_NONE = none yet */
    uint32_t id;       /* text; STK_NONE = free */
    uint32_t quantity; /* left */
    uint16_t use;      /* number of a name */
    uint16_t unused;
    stk_time_t until_ms; /* 0 = no end; changed by stk_earmark_place */
    uint32_t next_of_cell, prev_of_cell;
    uint32_t out; /* units that orders hold of it. Its slot is not used again before they are gone:
                     what is left of an earmark that was removed is its slot and this */
};

#define STK_TRANSFER_LINES_MAX 1000
struct stk_transfer {
    uint32_t lines; /* in text: struct stk_transfer_line[] */
    uint32_t id;    /* text; STK_NONE = free */
    stk_location_t from, to;
    uint16_t line_count;
    uint16_t unused;
};
struct stk_transfer_line {
    stk_sku_t sku;
    uint32_t sent, arrived, lost;
};

enum stk_snapshot_state {
    STK_SNAPSHOT_FILLING = 1,
    STK_SNAPSHOT_HELD,
    STK_SNAPSHOT_APPLYING,
    STK_SNAPSHOT_JUDGING,
};
struct stk_snapshot {
    uint32_t total;
    uint32_t id; /* text; STK_NONE = free */
    stk_location_t location;
    uint8_t state, missing, basis, unused;
    uint16_t source;
    uint32_t rows, next_row; /* that are here; next_row: the flow's own */
    uint32_t refused;        /* rows that count in the total and are not here */
    uint32_t skus, moved;    /* what the breaker found; before that judge_..., which no row keeps */
    uint32_t judge_next, judge_skus, judge_moved;
    stk_time_t as_of_ms;
    stk_seq_t seq;                /* of its first command: its age */
    uint32_t first_row, last_row; /* STK_NONE */
    uint16_t subtracted_source[16];
    stk_time_t subtracted_until[16];
    uint8_t subtracted;
};
struct stk_snapshot_row {
    uint32_t snapshot;
    stk_sku_t sku;
    uint32_t quantity;
    uint32_t next, prev;
};

/* A line of an order that stock did not cover. */
struct stk_shortfall {
    uint32_t units;     /* of the line */
    uint16_t line;      /* index from 0 */
    uint8_t back_order; /* a person decided to wait for stock */
    uint8_t unused;
    uint64_t order_number; /* 0 = free */
    struct stk_hash order_key;
    stk_time_t since_ms;
};

/* A cancellation that was there before its order: the order is refused when it comes. */
struct stk_early {
    struct stk_hash order_key;
    stk_time_t since_ms;
    uint32_t used;
};

struct stk_book {
    struct stk_pool movements, incoming, earmarks, transfers, snapshots, snapshot_rows, shortfalls,
        early;
    struct stk_heap text;
    struct stk_index incoming_ids; /* document and sku and location */
    struct stk_index earmark_ids, transfer_ids, snapshot_ids;
    struct stk_index earmark_cells;     /* the first earmark of each cell */
    struct stk_index snapshot_row_keys; /* snapshot and SKU */
    struct stk_index shortfall_keys;    /* order number and line */
    struct stk_index early_keys;
    uint32_t first_movement, last_movement; /* of all; STK_NONE */
    uint32_t short_lines;  /* of the orders that are in memory; each has an entry in shortfalls */
    uint32_t early_from;   /* where stk_book_forget_early goes on */
    uint32_t earmark_from; /* the flow's own: where it looks for those to end */
    uint8_t by_number[4];  /* slots were taken by number since the free lists of
                              incoming, earmarks, transfers, snapshots were made */
};
struct stk_book_capacity {
    uint32_t movements, incoming, earmarks, transfers, snapshots, snapshot_rows, shortfalls, early;
    uint64_t text_bytes;
};
enum stk_status stk_book_init(struct stk_book *book, const struct stk_book_capacity *capacity,
                              struct stk_error *err);
void stk_book_fini(struct stk_book *book);

/* Movements, each later than those before it by (seq, part): part counts within a seq from 0 on.
 * STK_NONE when the pool is full: forget some first. */
uint32_t stk_book_add_movement(struct stk_book *book, struct stk_catalog *catalog, stk_cell_t cell,
                               stk_time_t occurred_ms, stk_seq_t seq, int32_t delta);
/* Sum of what occurred after `as_of`; 0 in *known when the cell's movements do not reach back so
 * far. */
int64_t stk_book_moved_since(const struct stk_book *book, const struct stk_catalog *catalog,
                             stk_cell_t cell, stk_time_t as_of, int *known);
/* Units that left after `as_of` for orders of this source that were placed up to `until`. */
int64_t stk_book_shipped_since(const struct stk_book *book, const struct stk_catalog *catalog,
                               stk_cell_t cell, stk_time_t as_of, uint16_t source,
                               stk_time_t until);
/* Forget up to max movements, the oldest of all first, as long as they occurred before `before_ms`.
 * Their cells' moves_since moves on. The callback (may be NULL) hears of each, so that its row is
 * deleted and its cell's row written. Returns how many. */
uint32_t stk_book_forget_movements(struct stk_book *book, struct stk_catalog *catalog,
                                   stk_time_t before_ms, uint32_t max,
                                   void (*gone)(void *arg, const struct stk_movement *movement),
                                   void *arg);

/* By id: the slot or STK_NONE; add takes a slot (STK_NONE: any; else that one), STK_NONE when full.
 */
uint32_t stk_book_find_incoming(const struct stk_book *book, struct stk_bytes document,
                                stk_sku_t sku, stk_location_t location);
uint32_t stk_book_add_incoming(struct stk_book *book, struct stk_catalog *catalog, uint32_t slot,
                               struct stk_bytes document, stk_sku_t sku, stk_location_t location,
                               stk_time_t expected_ms);
void stk_book_expect_incoming(struct stk_book *book, struct stk_catalog *catalog, uint32_t slot,
                              stk_time_t expected_ms);
void stk_book_remove_incoming(struct stk_book *book, struct stk_catalog *catalog,
                              uint32_t slot); /* no pre-orders */
/* 1 when the slot is in use; any number may be asked. */
int stk_book_incoming_lives(const struct stk_book *book, uint32_t slot);
int stk_book_earmark_lives(const struct stk_book *book, uint32_t slot);
/* 1 when the slot is taken: an earmark lives there, or units of one that lived there are out. */
int stk_book_earmark_kept(const struct stk_book *book, uint32_t slot);
int stk_book_transfer_lives(const struct stk_book *book, uint32_t slot);
int stk_book_snapshot_lives(const struct stk_book *book, uint32_t slot);
/* The SKU's first incoming document (by expected_ms), or STK_NONE. */
uint32_t stk_book_first_incoming(const struct stk_book *book, const struct stk_catalog *catalog,
                                 stk_sku_t sku);
/* A pre-order joins (at the end) or leaves the queue of a document; `preorders` is kept here.
 * Changing a queued hold's quantity: leave, change, or by stk_book_preorder_less, which keeps its
 * place. */
void stk_book_join_incoming(struct stk_book *book, struct stk_orders *orders, uint32_t slot,
                            uint32_t hold);
void stk_book_leave_incoming(struct stk_book *book, struct stk_orders *orders, uint32_t hold);
void stk_book_preorder_less(struct stk_book *book, struct stk_orders *orders, uint32_t hold,
                            uint32_t by);
uint32_t stk_book_find_earmark(const struct stk_book *book, struct stk_bytes id);
uint32_t stk_book_add_earmark(struct stk_book *book, uint32_t slot, struct stk_bytes id);
void stk_book_remove_earmark(struct stk_book *book, uint32_t slot);
/* Units go out to an order's hold, or are no more out: they came back or were shipped. Recovery may
 * find units out of an earmark that is not there any more. */
void stk_book_earmark_out(struct stk_book *book, uint32_t slot, int64_t units);
uint32_t stk_book_find_transfer(const struct stk_book *book, struct stk_bytes id);
uint32_t stk_book_add_transfer(struct stk_book *book, uint32_t slot, struct stk_bytes id,
                               uint16_t lines);
void stk_book_remove_transfer(struct stk_book *book, uint32_t slot);
uint32_t stk_book_find_snapshot(const struct stk_book *book, struct stk_bytes id);
uint32_t stk_book_add_snapshot(struct stk_book *book, uint32_t slot, struct stk_bytes id);
/* Rows of a snapshot, each SKU once (found by an index); first_row is the next to be applied. */
uint32_t stk_book_find_snapshot_row(const struct stk_book *book, uint32_t snapshot, stk_sku_t sku);
uint32_t stk_book_set_snapshot_row(struct stk_book *book, uint32_t snapshot, stk_sku_t sku,
                                   uint32_t quantity); /* new or changed; STK_NONE: full */
void stk_book_drop_snapshot_row(struct stk_book *book, uint32_t snapshot,
                                stk_sku_t sku);                      /* none: fine */
void stk_book_remove_snapshot(struct stk_book *book, uint32_t slot); /* its rows too */
uint32_t stk_book_find_shortfall(const struct stk_book *book, uint64_t order_number, uint16_t line);
uint32_t stk_book_add_shortfall(struct stk_book *book, uint64_t order_number, uint16_t line);
void stk_book_remove_shortfall(struct stk_book *book, uint32_t slot);
uint32_t stk_book_find_early(const struct stk_book *book, struct stk_hash order_key);
uint32_t stk_book_add_early(struct stk_book *book, struct stk_hash order_key, stk_time_t since_ms);
void stk_book_remove_early(struct stk_book *book, uint32_t slot);
/* Forget up to max of those that came before `before_ms`; looks at a bounded part of the book and
 * goes on from there the next time. The callback (may be NULL) hears of each, so that its row is
 * deleted. Returns how many. */
uint32_t stk_book_forget_early(struct stk_book *book, stk_time_t before_ms, uint32_t max,
                               void (*gone)(void *arg, struct stk_hash order_key), void *arg);
struct stk_bytes stk_book_text(const struct stk_book *book, uint32_t handle);

#endif
