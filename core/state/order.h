/* Orders and their holds, in memory while they are open and for a while after.
 * Engine thread only.
 *
 * An order has a fixed part (here, by slot) and a body in a heap (lines, frozen components, id).
 * Its number is the sequence of the effect that placed it. A hold is units of one component of one
 * line at one cell; it is linked to its order and to its cell.
 *
 * Always, per line and component: held + shipped + cancelled + short (in units of the component)
 * = line quantity x units of the component; the cell's `held` is the sum of its holds. */
#ifndef STK_STATE_ORDER_H
#define STK_STATE_ORDER_H

#include "core/base/limits.h"
#include "core/state/catalog.h"

enum stk_order_phase { /* their names on the wire: stk_order_state_name in flow/verb.h */
                       STK_ORDER_PLACED = 1,
                       STK_ORDER_REVIEW,
                       STK_ORDER_PAID,
                       STK_ORDER_SHIPPED,
                       STK_ORDER_CANCELLED,
                       STK_ORDER_EXPIRED,
                       STK_ORDER_RETURNED,
};
#define STK_ORDER_FACT      1u  /* a marketplace sold it */
#define STK_ORDER_SPLIT     2u  /* may be held at several locations */
#define STK_ORDER_PAID_FLAG 4u  /* was paid (its phase may have moved on) */
#define STK_ORDER_CLOSED    8u  /* nothing held or short any more: waits for the archive */
#define STK_ORDER_TILL      16u /* order.sell */

/* Two cache lines. A free slot's first bytes link the free list, so that `number` is not there. */
struct stk_order {
    uint32_t first_hold;
    uint32_t data;                               /* heap handle of the body */
    uint32_t wheel_next, wheel_prev, wheel_slot; /* expiry or the archive queue; see wheel.h */
    uint32_t first_short; /* units short when it was placed, as first answered */
    uint64_t number;      /* sequence of its placing; 0 = free slot */
    struct stk_hash key;
    stk_time_t expires_ms; /* 0 = firm */
    stk_time_t changed_ms;
    struct stk_hash body; /* hash of the placing command: same key, other body is a conflict */
    stk_time_t placed_ms; /* engine time of the placing */
    stk_time_t first_expires_ms; /* as first answered */
    int64_t refunded_minor;
    stk_currency_t currency;
    uint32_t review_left_ms; /* time to live that was left when the review began; 0 = was firm */
    uint16_t source, channel, use;
    stk_country_t country;
    uint16_t lines;
    uint16_t components; /* frozen components of all lines */
    uint8_t state;       /* enum stk_order_phase */
    uint8_t flags;
    uint8_t id_size;
    uint8_t unused;
};
_Static_assert(sizeof(struct stk_order) == 128, "two cache lines");

struct stk_order_line {
    stk_sku_t sku;         /* STK_NONE when it was ordered by listing */
    stk_listing_t listing; /* STK_NONE when it was ordered by SKU */
    uint32_t quantity;     /* ordered, after amendments */
    uint32_t shipped, cancelled, returned;
    uint32_t short_units; /* sold and not covered (facts); in units of the line */
    uint32_t preorder;    /* waiting for incoming stock; in units of the line */
    int64_t unit_price, discount, tax, refunded;
    uint16_t first_component; /* in the order's frozen components */
    uint16_t component_count;
    uint8_t discount_by, tax_included, may_preorder, unused;
};
_Static_assert(sizeof(struct stk_order_line) == 72,
               "one line, one component and an id of 16 bytes fill a heap block of 96");
/* What one unit of the line took when it was ordered. */
struct stk_order_component {
    stk_sku_t sku;
    uint32_t units;
};

/* quantity is what is held now; shipped is what left from this cell (the hold stays with quantity
 * 0, so that a return knows where its units came from). A pre-order waits for an incoming document:
 * incoming is its slot, the hold is linked to that document (oldest first) instead of the cell, and
 * the cell's `held` does not count it. When all its units came off an earmark, earmark is that
 * one's slot (earmark.h keeps it), so that they go back there when they are not wanted any more. */
struct stk_hold {
    stk_cell_t cell;
    uint32_t order; /* slot; STK_NONE = free */
    uint32_t quantity;
    uint32_t shipped;   /* and not returned */
    uint32_t incoming;  /* STK_NONE = a hold of stock */
    uint32_t earmark;   /* STK_NONE = of what was free */
    uint16_t line;      /* index from 0 */
    uint16_t component; /* index in the order's frozen components */
    uint32_t next_of_order;
    uint32_t next_of_cell, prev_of_cell; /* or of the incoming document; prev is the hold itself: in
                                            neither */
};

struct stk_orders {
    struct stk_pool orders, holds;
    uint32_t tail, tail_order; /* the last hold of the order that got one last; STK_NONE */
    struct stk_heap data;
    struct stk_index keys; /* by key.low */
};
enum stk_status stk_orders_init(struct stk_orders *orders, uint32_t orders_max, uint32_t holds_max,
                                uint64_t data_bytes, struct stk_error *err);
void stk_orders_fini(struct stk_orders *orders);
/* Touch the memory of so many orders of one line now, so that the first of them wait for no page.
 */
void stk_orders_touch(struct stk_orders *orders, uint32_t count);

static inline struct stk_order *stk_orders_at(const struct stk_orders *orders, uint32_t slot)
{
    return (struct stk_order *)stk_pool_at(&orders->orders, slot);
}
static inline struct stk_hold *stk_orders_hold(const struct stk_orders *orders, uint32_t hold)
{
    return (struct stk_hold *)stk_pool_at(&orders->holds, hold);
}
/* The body: lines, then components, then the id. Valid until the order is resized or removed. */
static inline struct stk_order_line *stk_order_lines(const struct stk_orders *orders,
                                                     const struct stk_order *order)
{
    return (struct stk_order_line *)stk_heap_at(&orders->data, order->data);
}
static inline struct stk_order_component *stk_order_components(const struct stk_orders *orders,
                                                               const struct stk_order *order)
{
    return (struct stk_order_component *)(stk_order_lines(orders, order) + order->lines);
}
static inline struct stk_bytes stk_order_id(const struct stk_orders *orders,
                                            const struct stk_order *order)
{
    return (struct stk_bytes){
        (const char *)(stk_order_components(orders, order) + order->components), order->id_size};
}

uint32_t stk_orders_find(const struct stk_orders *orders,
                         struct stk_hash key); /* slot or STK_NONE */
/* Bring into the cache what a find will touch; then, a while after, the order that it will find:
 * its slot, or STK_NONE. It may guess wrong. */
void stk_orders_prefetch(const struct stk_orders *orders, struct stk_hash key);
uint32_t stk_orders_prefetch_order(const struct stk_orders *orders, struct stk_hash key);
/* A new order with room for lines, components and id (copied); all else zero, links STK_NONE. Its
 * number is the caller's to set at once. STK_FULL names the capacity, nothing changed. The caller
 * has looked that the key is new. */
enum stk_status stk_orders_add(struct stk_orders *orders, struct stk_hash key, uint16_t lines,
                               uint16_t components, struct stk_bytes id, uint32_t *slot,
                               struct stk_error *err);
/* Other numbers of lines and components; old lines and components are kept as far as they fit
 * (components are moved), new ones are zero; lent pointers are void. STK_FULL leaves it as it was.
 */
enum stk_status stk_orders_resize(struct stk_orders *orders, uint32_t slot, uint16_t lines,
                                  uint16_t components, struct stk_error *err);
void stk_orders_remove(struct stk_orders *orders, uint32_t slot);         /* no holds, in no list */
uint32_t stk_orders_next(const struct stk_orders *orders, uint32_t from); /* used slot >= from */

/* A hold of stock; links it to order (in the order of their making) and cell (newest first); the
 * cell's numbers are the caller's business. STK_NONE when full. Pre-orders: linked to the order
 * only, the caller links them to their document (book.h). */
uint32_t stk_orders_add_hold(struct stk_orders *orders, struct stk_catalog *catalog, uint32_t order,
                             uint16_t line, uint16_t component, stk_cell_t cell, uint32_t quantity);
uint32_t stk_orders_add_preorder(struct stk_orders *orders, uint32_t order, uint16_t line,
                                 uint16_t component, stk_cell_t cell, uint32_t quantity);
/* Unlinks from the cell (a hold of stock; one of an incoming document was unlinked by the caller)
 * and the order. */
void stk_orders_remove_hold(struct stk_orders *orders, struct stk_catalog *catalog, uint32_t hold);
void stk_orders_remove_holds(struct stk_orders *orders, struct stk_catalog *catalog,
                             uint32_t order);

#endif
