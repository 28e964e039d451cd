/* The numbers of a cell, read and changed as one.
 *
 * Always true: between write_begin and write_end only the four numbers change; everything else in
 * the cell is constant (sku, location), published by itself (next), or the engine's own (the
 * ledger, the holds). Any thread reads, the engine thread writes. */
#include "core/state/cell.h"
#include <stddef.h>

struct stk_cell_numbers stk_cell_numbers(const struct stk_cell *cell)
{
    struct stk_cell_numbers numbers;
    /* relaxed: what makes them one is the version around them */
    numbers.on_hand = atomic_load_explicit(&cell->on_hand, memory_order_relaxed);
    numbers.held = atomic_load_explicit(&cell->held, memory_order_relaxed);
    numbers.unsellable = atomic_load_explicit(&cell->unsellable, memory_order_relaxed);
    numbers.earmarked = atomic_load_explicit(&cell->earmarked, memory_order_relaxed);
    return numbers;
}

struct stk_cell_numbers stk_cell_read(const struct stk_cell *cell)
{
    struct stk_cell_numbers numbers;
    uint32_t version;
    do {
        version = stk_seqlock_read_begin(&cell->lock);
        numbers = stk_cell_numbers(cell);
    } while (stk_seqlock_read_retry(&cell->lock, version));
    return numbers;
}

void stk_cell_write(struct stk_cell *cell, struct stk_cell_numbers numbers)
{
    stk_seqlock_write_begin(&cell->lock);
    atomic_store_explicit(&cell->on_hand, numbers.on_hand, memory_order_relaxed);
    atomic_store_explicit(&cell->held, numbers.held, memory_order_relaxed);
    atomic_store_explicit(&cell->unsellable, numbers.unsellable, memory_order_relaxed);
    atomic_store_explicit(&cell->earmarked, numbers.earmarked, memory_order_relaxed);
    stk_seqlock_write_end(&cell->lock);
}

int stk_cell_balanced(const struct stk_cell *cell, const struct stk_cell_more *more)
{
    struct stk_cell_numbers numbers = stk_cell_numbers(cell);
    uint64_t came = cell->received + cell->returned + cell->found;
    uint64_t is = cell->shipped + cell->written_off + numbers.on_hand + numbers.unsellable;
    if (more) {
        came += more->transferred_in;
        is += more->transferred_out;
    }
    return came == is;
}
