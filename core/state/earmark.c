/* Lists of earmarks, one for each cell that has any. Always: the index holds exactly the first of
 * each list; an earmark without a cell is in none. A cell has few earmarks
 * (STK_EARMARKS_PER_CELL_MAX), so that a place in the list is found by walking. */
#include "core/state/earmark.h"
#include "core/base/hash.h"

static uint64_t cell_hash(stk_cell_t cell)
{
    return stk_hash64(&cell, sizeof cell, 0);
}

uint32_t stk_earmark_first(const struct stk_book *book, stk_cell_t cell)
{
    uint64_t cursor = 0, hash = cell_hash(cell);
    uint32_t slot;
    while ((slot = stk_index_next(&book->earmark_cells, hash, &cursor)) != STK_NONE)
        if (stk_earmark_at(book, slot)->cell == cell)
            return slot;
    return STK_NONE;
}

static int goes_before(const struct stk_book *book, uint32_t a, uint32_t b)
{
    stk_time_t end_a = stk_earmark_at(book, a)->until_ms, end_b = stk_earmark_at(book, b)->until_ms;
    if (end_a != end_b)
        return end_b == 0 || (end_a != 0 && end_a < end_b);
    return a < b;
}

void stk_earmark_displace(struct stk_book *book, uint32_t slot)
{
    struct stk_earmark *mark = stk_earmark_at(book, slot);
    if (mark->cell == STK_NONE)
        return;
    if (mark->next_of_cell != STK_NONE)
        stk_earmark_at(book, mark->next_of_cell)->prev_of_cell = mark->prev_of_cell;
    if (mark->prev_of_cell != STK_NONE) {
        stk_earmark_at(book, mark->prev_of_cell)->next_of_cell = mark->next_of_cell;
    } else {
        uint64_t hash = cell_hash(mark->cell);
        stk_index_remove(&book->earmark_cells, hash, slot);
        if (mark->next_of_cell != STK_NONE)
            stk_assert(stk_index_insert(&book->earmark_cells, hash, mark->next_of_cell) == STK_OK);
    }
    mark->cell = STK_NONE;
}

void stk_earmark_place(struct stk_book *book, uint32_t slot, stk_cell_t cell, stk_time_t until_ms)
{
    struct stk_earmark *mark = stk_earmark_at(book, slot);
    uint32_t before = STK_NONE, at;
    if (mark->cell == cell && mark->until_ms == until_ms)
        return;
    stk_assert(cell != STK_NONE);
    stk_earmark_displace(book, slot);
    mark->until_ms = until_ms;
    at = stk_earmark_first(book, cell);
    for (; at != STK_NONE && goes_before(book, at, slot);
         at = stk_earmark_at(book, at)->next_of_cell)
        before = at;
    mark->cell = cell;
    mark->next_of_cell = at;
    mark->prev_of_cell = before;
    if (at != STK_NONE)
        stk_earmark_at(book, at)->prev_of_cell = slot;
    if (before != STK_NONE) {
        stk_earmark_at(book, before)->next_of_cell = slot;
        return;
    }
    if (at != STK_NONE)
        stk_index_remove(&book->earmark_cells, cell_hash(cell), at);
    stk_assert(stk_index_insert(&book->earmark_cells, cell_hash(cell), slot) == STK_OK);
}

void stk_earmark_join(struct stk_book *book, struct stk_orders *orders, uint32_t slot,
                      uint32_t index)
{
    struct stk_hold *hold = stk_orders_hold(orders, index);
    stk_assert(hold->earmark == STK_NONE && hold->incoming == STK_NONE && hold->quantity);
    hold->earmark = slot;
    stk_book_earmark_out(book, slot, hold->quantity);
}

void stk_earmark_leave(struct stk_book *book, struct stk_orders *orders, uint32_t index,
                       uint32_t units)
{
    struct stk_hold *hold = stk_orders_hold(orders, index);
    stk_assert(units <= hold->quantity);
    if (hold->earmark == STK_NONE)
        return;
    stk_book_earmark_out(book, hold->earmark, -(int64_t)units);
    if (units == hold->quantity)
        hold->earmark = STK_NONE;
}
