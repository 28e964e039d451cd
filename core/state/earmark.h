/* The earmarks of a cell: units of it that only one use may take, in the order in which they are
 * taken: the one that ends first, those without an end last. Engine thread only; the book
 * (book.h) has the slots, and finds an earmark by its id. */
#ifndef STK_STATE_EARMARK_H
#define STK_STATE_EARMARK_H

#include "core/state/book.h"

static inline struct stk_earmark *stk_earmark_at(const struct stk_book *book, uint32_t slot)
{
    return (struct stk_earmark *)stk_pool_at(&book->earmarks, slot);
}
/* The first one of the cell, or STK_NONE; go on by next_of_cell. */
uint32_t stk_earmark_first(const struct stk_book *book, stk_cell_t cell);
/* It is of this cell and ends then; also when it was of another one, or had another end. */
void stk_earmark_place(struct stk_book *book, uint32_t slot, stk_cell_t cell, stk_time_t until_ms);
/* All units of the hold came off this earmark. */
void stk_earmark_join(struct stk_book *book, struct stk_orders *orders, uint32_t slot,
                      uint32_t hold);
/* So many units of the hold, which has them still, are no more out of its earmark, if it has one.
 */
void stk_earmark_leave(struct stk_book *book, struct stk_orders *orders, uint32_t hold,
                       uint32_t units);
/* It is of no cell. */
void stk_earmark_displace(struct stk_book *book, uint32_t slot);

#endif
