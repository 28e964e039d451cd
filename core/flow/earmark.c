/* Earmarks. Always: a cell's `earmarked` is the sum of its earmarks; every change of one is a row.
 * What an order takes, it takes from the earmark that ends first, into holds of their own; what is
 * cancelled of such a hold goes back there, what is shipped of it is used up. An earmark that is
 * used up is over when nothing can come back to it. */
#include "core/flow/earmark.h"
#include "core/state/earmark.h"

/* ---- the verb ---- */

static void change_earmark(struct stk_apply *apply, uint32_t slot, uint32_t quantity)
{
    struct stk_state *state = apply->state;
    struct stk_earmark *mark = stk_pool_at(&state->book.earmarks, slot);
    struct stk_cell *cell = stk_catalog_cell(&state->catalog, mark->cell);
    struct stk_cell_numbers numbers = stk_cell_numbers(cell);
    numbers.earmarked = numbers.earmarked - mark->quantity + quantity;
    stk_cell_write(cell, numbers);
    stk_apply_touch(apply, mark->cell);
    mark->quantity = quantity;
}

static void end_earmark(struct stk_apply *apply, uint32_t slot)
{
    change_earmark(apply, slot, 0);
    stk_row_delete_u32(&apply->record, STK_TABLE_EARMARK, slot);
    stk_book_remove_earmark(&apply->state->book, slot);
}

static int cell_is_full(const struct stk_book *book, stk_cell_t cell)
{
    uint32_t count = 0;
    for (uint32_t i = stk_earmark_first(book, cell); i != STK_NONE;
         i = stk_earmark_at(book, i)->next_of_cell)
        count++;
    return count >= STK_EARMARKS_PER_CELL_MAX;
}

static enum stk_status earmark_refused(struct stk_apply *apply,
                                       const struct stk_args_stock_earmark *args, uint32_t slot,
                                       stk_sku_t sku, stk_location_t location)
{
    struct stk_book *book = &apply->state->book;
    const struct stk_catalog *catalog = &apply->state->catalog;
    stk_cell_t cell = stk_catalog_find_cell(catalog, sku, location);
    struct stk_cell_numbers n = {0};
    uint32_t own = 0;
    if (cell != STK_NONE)
        n = stk_cell_numbers(stk_catalog_cell(catalog, cell));
    if (slot != STK_NONE) {
        const struct stk_earmark *mark = stk_pool_at(&book->earmarks, slot);
        if (mark->cell != cell)
            return stk_apply_refuse(apply, STK_STATE, "earmark: is of another SKU or location");
        own = mark->quantity;
    }
    uint32_t others = n.earmarked - own;
    uint32_t available = stk_cell_available(n);
    uint32_t free_units = available > others ? available - others : 0;
    if (args->quantity > free_units) {
        stk_apply_refuse(apply, STK_SHORT, "quantity: only %u units are free there", free_units);
        return STK_SHORT;
    }
    if (args->quantity && args->until && args->until <= apply->now)
        return stk_apply_refuse(apply, STK_INVALID, "until: lies in the past");
    if (slot == STK_NONE && book->earmarks.used == book->earmarks.capacity)
        return stk_apply_refuse(apply, STK_FULL, "capacity \"earmarks\" is used up");
    if (slot == STK_NONE && cell != STK_NONE && cell_is_full(book, cell))
        return stk_apply_refuse(apply, STK_FULL,
                                "earmark: a SKU has at most %d earmarks at one location",
                                STK_EARMARKS_PER_CELL_MAX);
    if (!stk_apply_cell_fits(apply, 1))
        return stk_apply_refuse(apply, STK_FULL, "capacity \"cells\" is used up");
    if (!stk_apply_name_fits(apply, STK_NAME_USE, stk_apply_text(apply, args->use)))
        return stk_apply_refuse(apply, STK_FULL, "for: too many different uses");
    return STK_OK;
}

enum stk_status stk_stock_earmark(struct stk_apply *apply)
{
    const struct stk_args_stock_earmark *args = apply->args;
    struct stk_state *state = apply->state;
    struct stk_bytes id = stk_apply_text(apply, args->earmark);
    uint32_t slot = stk_book_find_earmark(&state->book, id);
    stk_sku_t sku;
    stk_location_t location;
    enum stk_status status = stk_apply_sku(apply, args->sku, &sku);
    if (status == STK_OK)
        status = stk_apply_location(apply, args->location, &location);
    if (status == STK_OK)
        status = earmark_refused(apply, args, slot, sku, location);
    if (status != STK_OK)
        return status;
    if (slot == STK_NONE && args->quantity) {
        slot = stk_book_add_earmark(&state->book, STK_NONE, id);
        if (slot == STK_NONE)
            return stk_apply_refuse(apply, STK_FULL, "capacity \"earmarks\" is used up");
    }
    stk_apply_begin(apply);
    if (args->quantity) {
        struct stk_earmark *mark = stk_pool_at(&state->book.earmarks, slot);
        stk_earmark_place(&state->book, slot, stk_apply_cell(apply, sku, location), args->until);
        mark->use = stk_apply_name(apply, STK_NAME_USE, stk_apply_text(apply, args->use));
        change_earmark(apply, slot, args->quantity);
        stk_row_put_earmark(&apply->record, state, slot);
    } else if (slot != STK_NONE) {
        end_earmark(apply, slot);
    }
    stk_apply_say_uint(apply, "quantity", args->quantity);
    return STK_OK;
}

/* ---- what orders take ---- */

static uint16_t use_of(const struct stk_apply *apply, struct stk_bytes text)
{
    return stk_names_find(apply->state->names, STK_NAME_USE, text);
}

struct stk_uses stk_earmark_uses(const struct stk_apply *apply, struct stk_bytes use,
                                 struct stk_bytes channel)
{
    return (struct stk_uses){use_of(apply, use), use_of(apply, channel)};
}

static int is_for(const struct stk_earmark *mark, struct stk_uses uses)
{
    return (uses.use && mark->use == uses.use) || (uses.channel && mark->use == uses.channel);
}

uint32_t stk_earmark_units(const struct stk_apply *apply, struct stk_uses uses, stk_cell_t cell)
{
    const struct stk_book *book = &apply->state->book;
    uint64_t sum = 0;
    if (!uses.use && !uses.channel)
        return 0;
    for (uint32_t i = stk_earmark_first(book, cell); i != STK_NONE;) {
        const struct stk_earmark *mark = stk_earmark_at(book, i);
        sum += is_for(mark, uses) ? mark->quantity : 0;
        i = mark->next_of_cell;
    }
    return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

static uint32_t eligible(const struct stk_apply *apply, struct stk_uses uses, stk_cell_t cell)
{
    const struct stk_book *book = &apply->state->book;
    uint32_t count = 0;
    for (uint32_t i = stk_earmark_first(book, cell); i != STK_NONE;) {
        const struct stk_earmark *mark = stk_earmark_at(book, i);
        /* also those that an amendment is about to give units back to */
        count += (mark->quantity || mark->out) && is_for(mark, uses);
        i = mark->next_of_cell;
    }
    return count;
}

uint32_t stk_earmark_holds(const struct stk_apply *apply, struct stk_bytes use,
                           struct stk_bytes channel)
{
    const struct stk_scratch *scratch = apply->scratch;
    uint64_t holds = scratch->picks;
    for (uint32_t i = 0; i < scratch->picks; i++) {
        const struct stk_pick *pick = &scratch->pick[i];
        const struct stk_cell *cell = stk_catalog_cell(&apply->state->catalog, pick->cell);
        if (!stk_cell_numbers(cell).earmarked)
            continue;
        uint32_t marks = eligible(apply, stk_earmark_uses(apply, use, channel), pick->cell);
        holds += marks < pick->quantity ? marks : pick->quantity;
    }
    return holds > UINT32_MAX ? UINT32_MAX : (uint32_t)holds;
}

struct stk_earmark_taking stk_earmark_taking(const struct stk_apply *apply,
                                             const struct stk_order *order, stk_cell_t cell)
{
    const struct stk_names *names = apply->state->names;
    struct stk_earmark_taking taking = {{0, 0}, cell};
    if (stk_cell_numbers(stk_catalog_cell(&apply->state->catalog, cell)).earmarked)
        taking.uses = (struct stk_uses){
            order->use, use_of(apply, stk_names_text(names, STK_NAME_CHANNEL, order->channel))};
    return taking;
}

static uint32_t first_for(const struct stk_book *book, stk_cell_t cell, uint16_t use)
{
    uint32_t at = use ? stk_earmark_first(book, cell) : STK_NONE;
    while (at != STK_NONE &&
           (stk_earmark_at(book, at)->use != use || !stk_earmark_at(book, at)->quantity))
        at = stk_earmark_at(book, at)->next_of_cell;
    return at;
}

uint32_t stk_earmark_take(struct stk_apply *apply, const struct stk_earmark_taking *taking,
                          uint32_t wanted, uint32_t *slot)
{
    const struct stk_book *book = &apply->state->book;
    *slot = first_for(book, taking->cell, taking->uses.use);
    if (*slot == STK_NONE)
        *slot = first_for(book, taking->cell, taking->uses.channel);
    if (*slot == STK_NONE)
        return 0;
    uint32_t left = stk_earmark_at(book, *slot)->quantity;
    uint32_t taken = left < wanted ? left : wanted;
    change_earmark(apply, *slot, left - taken);
    stk_row_put_earmark(&apply->record, apply->state, *slot);
    return taken;
}

void stk_earmark_give_back(struct stk_apply *apply, uint32_t hold, uint32_t units)
{
    struct stk_state *state = apply->state;
    uint32_t slot = stk_orders_hold(&state->orders, hold)->earmark;
    if (slot == STK_NONE)
        return;
    stk_earmark_leave(&state->book, &state->orders, hold, units);
    if (!stk_book_earmark_lives(&state->book, slot))
        return;
    const struct stk_earmark *mark = stk_earmark_at(&state->book, slot);
    if (mark->until_ms && mark->until_ms <= apply->now)
        return;
    change_earmark(apply, slot, mark->quantity + units);
    stk_row_put_earmark(&apply->record, state, slot);
}

/* ---- their end ---- */

#define LOOKS 16 /* for each that may end in one go */

static int is_over(const struct stk_apply *apply, const struct stk_earmark *mark)
{
    return (mark->quantity == 0 && mark->out == 0) ||
           (mark->until_ms && mark->until_ms <= apply->now);
}

uint32_t stk_earmark_end_slice(struct stk_apply *apply, uint32_t max)
{
    struct stk_book *book = &apply->state->book;
    uint32_t ended = 0, left = max * LOOKS < book->earmarks.top ? max * LOOKS : book->earmarks.top;
    for (; left && ended < max; left--) {
        if (book->earmark_from >= book->earmarks.top)
            book->earmark_from = 0;
        uint32_t slot = book->earmark_from++;
        if (!stk_book_earmark_lives(book, slot) || !is_over(apply, stk_earmark_at(book, slot)))
            continue;
        if (!apply->open)
            stk_apply_begin(apply);
        end_earmark(apply, slot);
        ended++;
    }
    return ended;
}
