/* Shortfalls. Always: a line's short units and its entry in the book are changed together, by
 * stk_order_short. */
#include "core/flow/shortfall.h"
#include "core/flow/about.h"
#include "core/flow/allocate.h"
#include "core/flow/earmark.h"
#include "core/flow/life.h"
#include "core/flow/place.h"

/* Hold up to `units` of a line that is short, as far as stock goes. whole: all or nothing. Returns
 * the units covered; picks are left in the scratch. */
static uint32_t choose_for_short(struct stk_apply *apply, const struct stk_about *about,
                                 uint16_t line, uint32_t units, stk_location_t only, int whole)
{
    uint32_t wanted[STK_LINES_MAX];
    uint8_t partial[STK_LINES_MAX];
    struct stk_wants wants = stk_order_wants(apply, about->order);
    wants.only = only;
    memset(partial, 1, about->order->lines);
    wants.partial = whole ? NULL : partial;
    apply->scratch->demands = 0;
    memset(wanted, 0, about->order->lines * sizeof wanted[0]);
    wanted[line] = units;
    stk_order_line_demand(apply, about->slot, line, units);
    enum stk_status status = stk_allocate(apply, &wants, wanted, about->order->lines);
    stk_allocate_end(apply);
    return status == STK_OK ? apply->scratch->line_units[line] : 0;
}

static enum stk_status resolve_at(struct stk_apply *apply, struct stk_about *about, uint16_t line,
                                  uint32_t units)
{
    const struct stk_args_shortfall_resolve *args = apply->args;
    stk_location_t location = UINT16_MAX;
    if (args->location.size) {
        enum stk_status status = stk_apply_location(apply, args->location, &location);
        if (status != STK_OK)
            return status;
    }
    if (choose_for_short(apply, about, line, units, location, 1) != units)
        return stk_apply_refuse(apply, STK_SHORT, "not enough available stock there for %u units",
                                units);
    struct stk_wants wants = stk_order_wants(apply, about->order);
    enum stk_status fits = stk_order_holds_refused(apply, wants.use, wants.channel_name, 0);
    if (fits != STK_OK)
        return fits;
    stk_apply_begin(apply);
    stk_order_book_picks(apply, about->slot);
    stk_order_short(apply, about->slot, line, -(int64_t)units);
    return STK_OK;
}

static enum stk_status resolve_by(struct stk_apply *apply, struct stk_about *about, uint16_t line,
                                  uint32_t units)
{
    const struct stk_args_shortfall_resolve *args = apply->args;
    struct stk_book *book = &apply->state->book;
    if (args->action == STK_RESOLVE_LOCATION)
        return resolve_at(apply, about, line, units);
    stk_apply_begin(apply);
    if (args->action == STK_RESOLVE_CANCEL) {
        stk_order_short(apply, about->slot, line, -(int64_t)units);
        about->line[line].cancelled += units;
        return STK_OK;
    }
    uint32_t entry = stk_book_find_shortfall(book, about->order->number, line);
    stk_assert(entry != STK_NONE);
    ((struct stk_shortfall *)stk_pool_at(&book->shortfalls, entry))->back_order = 1;
    stk_row_put_shortfall(&apply->record, apply->state, entry);
    return STK_OK;
}

enum stk_status stk_shortfall_resolve(struct stk_apply *apply)
{
    const struct stk_args_shortfall_resolve *args = apply->args;
    struct stk_about about;
    enum stk_status status = stk_about_order(apply, &about);
    if (status != STK_OK)
        return status;
    if (args->line == 0 || args->line > about.order->lines)
        return stk_apply_refuse(apply, STK_NOT_FOUND, "line: the order has %u lines",
                                about.order->lines);
    uint16_t line = (uint16_t)(args->line - 1);
    uint32_t missing = about.line[line].short_units;
    uint32_t units = STK_GIVEN(args, SHORTFALL_RESOLVE_QUANTITY) ? args->quantity : missing;
    if (missing == 0 || units > missing)
        return stk_apply_refuse(apply, STK_STATE, "quantity: %u units of this line are short",
                                missing);
    status = resolve_by(apply, &about, line, units);
    if (status != STK_OK)
        return status;
    stk_about_settle(apply, &about);
    stk_apply_say_uint(apply, "shortfall", about.line[line].short_units);
    return STK_OK;
}

/* The oldest back-order of the SKU that stock could cover now, by order number; STK_NONE. */
static uint32_t next_back_order(const struct stk_apply *apply, stk_sku_t sku, uint64_t after)
{
    const struct stk_state *state = apply->state;
    const struct stk_pool *pool = &state->book.shortfalls;
    uint32_t best = STK_NONE;
    uint64_t best_number = UINT64_MAX;
    for (uint32_t i = 0; i < pool->top; i++) {
        const struct stk_shortfall *entry = stk_pool_at(pool, i);
        if (!entry->order_number || !entry->back_order || entry->order_number <= after ||
            entry->order_number >= best_number)
            continue;
        uint32_t slot = stk_orders_find(&state->orders, entry->order_key);
        if (slot == STK_NONE) /* recovery refuses such an entry; nothing may crash for it */
            continue;
        const struct stk_order *order = stk_orders_at(&state->orders, slot);
        if (order->number != entry->order_number || entry->line >= order->lines)
            continue;
        const struct stk_order_line *line = stk_order_lines(&state->orders, order) + entry->line;
        const struct stk_order_component *component = stk_order_components(&state->orders, order);
        for (uint16_t c = 0; c < line->component_count; c++)
            if (component[line->first_component + c].sku == sku)
                best = i, best_number = entry->order_number;
    }
    return best;
}

#define EARMARK_ROW_MAX 128

static int booking_fits(struct stk_apply *apply, const struct stk_about *about)
{
    const struct stk_pool *pool = &apply->state->orders.holds;
    struct stk_wants wants = stk_order_wants(apply, about->order);
    uint32_t holds = stk_earmark_holds(apply, wants.use, wants.channel_name);
    return holds <= STK_HOLDS_PER_ORDER_MAX && pool->capacity - pool->used >= holds &&
           stk_record_room(&apply->record, stk_row_order_max(apply->state, about->slot, holds) +
                                               holds * EARMARK_ROW_MAX);
}

void stk_order_cover_back_orders(struct stk_apply *apply, stk_sku_t sku)
{
    struct stk_state *state = apply->state;
    uint64_t after = 0;
    stk_assert(apply->open);
    while (stk_catalog_sku_more(&state->catalog, sku)->shortfall) {
        uint32_t entry = next_back_order(apply, sku, after);
        if (entry == STK_NONE)
            return;
        struct stk_shortfall *shortfall = stk_pool_at(&state->book.shortfalls, entry);
        struct stk_about about =
            stk_about_slot(apply, stk_orders_find(&state->orders, shortfall->order_key));
        uint16_t line = shortfall->line;
        after = shortfall->order_number;
        uint32_t covered = choose_for_short(apply, &about, line, shortfall->units, UINT16_MAX, 0);
        if (!covered || !booking_fits(apply, &about))
            continue;
        stk_order_book_picks(apply, about.slot);
        stk_order_short(apply, about.slot, line, -(int64_t)covered);
        stk_order_file(apply, about.slot);
        stk_row_put_order(&apply->record, state, about.slot, STK_TABLE_ORDER);
    }
}
