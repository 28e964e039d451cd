/* The cell: the stock of one SKU at one location. One cache line, one writer, readers by seqlock.
 *
 * Always: received + returned + found + transferred_in = on_hand + unsellable + shipped +
 * written_off + transferred_out. held may exceed on_hand (a count or a loss came after the hold):
 * exposed. */
#ifndef STK_STATE_CELL_H
#define STK_STATE_CELL_H

#include "core/base/seqlock.h"
#include <stdalign.h>
#include <stockade/types.h>

struct stk_cell {
    struct stk_seqlock lock;
    stk_sku_t sku;
    _Atomic stk_cell_t next; /* of the same SKU, ascending location; STK_NONE = last; readers follow
                                it */
    stk_location_t location;
    uint16_t flags;
    _Atomic uint32_t on_hand;
    _Atomic uint32_t held;
    _Atomic uint32_t unsellable;
    _Atomic uint32_t earmarked; /* part of what is available that only its use may take */
    uint64_t received, shipped; /* the ledger: engine only */
    uint32_t returned, found, written_off;
    uint32_t first_hold; /* newest first; STK_NONE */
};
_Static_assert(sizeof(struct stk_cell) == 64, "one cache line");

/* What most cells never need, beside them in an array of its own, untouched until something is
 * written: so zero means nothing everywhere. */
struct stk_cell_more {
    stk_time_t moves_since; /* movements before this are not kept (capacity or window) */
    uint32_t transferred_in, transferred_out;
    uint32_t first_move, last_move; /* of book's movements, oldest first, by time of
                                       occurrence; 0 = none */
};

/* The numbers of a cell at one instant. Any thread. */
struct stk_cell_numbers {
    uint32_t on_hand, held, unsellable, earmarked;
};
struct stk_cell_numbers stk_cell_read(const struct stk_cell *cell);
/* Engine thread: plain look and atomic change. */
struct stk_cell_numbers stk_cell_numbers(const struct stk_cell *cell);
void stk_cell_write(struct stk_cell *cell, struct stk_cell_numbers numbers);
/* available = max(0, on_hand - held); earmarks are left out of it unless the caller may take them.
 */
static inline uint32_t stk_cell_available(struct stk_cell_numbers n)
{
    return n.on_hand > n.held ? n.on_hand - n.held : 0;
}
static inline uint32_t stk_cell_exposed(struct stk_cell_numbers n)
{
    return n.held > n.on_hand ? n.held - n.on_hand : 0;
}
/* The equation above; `more` may be NULL. Asserted after every change by the engine. */
int stk_cell_balanced(const struct stk_cell *cell, const struct stk_cell_more *more);

#endif
