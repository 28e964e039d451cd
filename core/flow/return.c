/* Units come back to the holds they were shipped from, or to the location that the command names.
 * Always: every cell is asked whether it may grow before anything is changed. */
#include "core/flow/return.h"
#include "core/flow/about.h"
#include "core/flow/shortfall.h"

static uint32_t returnable(const struct stk_order_line *line)
{
    return line->shipped - line->returned;
}

static void restock(struct stk_apply *apply, stk_cell_t index, uint32_t units, int unsellable,
                    stk_time_t occurred_ms)
{
    struct stk_cell *cell = stk_catalog_cell(&apply->state->catalog, index);
    cell->returned += units;
    if (!unsellable) {
        stk_apply_moved(apply, index, occurred_ms, (int32_t)units);
        return;
    }
    struct stk_cell_numbers numbers = stk_cell_numbers(cell);
    numbers.unsellable += units;
    stk_cell_write(cell, numbers);
    stk_apply_touch(apply, index);
}

/* Walks the holds that units of a component were shipped from. fn gets each and how many units of
 * it. */
struct come_back {
    stk_location_t location; /* UINT16_MAX = where it was shipped from */
    uint16_t line, component;
    uint32_t units;
    int unsellable;
    stk_time_t occurred_ms;
};

static int may_come_back(struct stk_apply *apply, const struct stk_about *about,
                         const struct come_back *back)
{
    struct stk_orders *orders = &apply->state->orders;
    uint32_t left = back->units;
    if (back->location != UINT16_MAX) {
        stk_cell_t cell = stk_catalog_find_cell(
            &apply->state->catalog, about->component[back->component].sku, back->location);
        return cell == STK_NONE || stk_apply_may_grow(apply, cell, left);
    }
    for (uint32_t at = about->order->first_hold; at != STK_NONE && left;) {
        const struct stk_hold *hold = stk_orders_hold(orders, at);
        at = hold->next_of_order;
        if (hold->line != back->line || hold->component != back->component || !hold->shipped)
            continue;
        uint32_t taken = hold->shipped < left ? hold->shipped : left;
        if (!stk_apply_may_grow(apply, hold->cell, taken))
            return 0;
        left -= taken;
    }
    return 1;
}

static void come_back(struct stk_apply *apply, const struct stk_about *about,
                      const struct come_back *back)
{
    struct stk_state *state = apply->state;
    uint32_t left = back->units;
    for (uint32_t at = about->order->first_hold; at != STK_NONE && left;) {
        struct stk_hold *hold = stk_orders_hold(&state->orders, at);
        uint32_t slot = at;
        at = hold->next_of_order;
        if (hold->line != back->line || hold->component != back->component || !hold->shipped)
            continue;
        uint32_t taken = hold->shipped < left ? hold->shipped : left;
        stk_cell_t cell = hold->cell;
        hold->shipped -= taken;
        left -= taken;
        if (hold->shipped == 0 && hold->quantity == 0 && hold->incoming == STK_NONE)
            stk_orders_remove_hold(&state->orders, &state->catalog, slot);
        if (back->location != UINT16_MAX)
            cell = stk_apply_cell(apply, about->component[back->component].sku, back->location);
        restock(apply, cell, taken, back->unsellable, back->occurred_ms);
    }
    stk_assert(left == 0);
}

/* Each line's units, sellable and not, each component: check them all, or do them all. */
static int each_return(struct stk_apply *apply, struct stk_about *about, stk_location_t location,
                       int check)
{
    struct stk_scratch *scratch = apply->scratch;
    for (uint16_t i = 0; i < about->order->lines; i++) {
        struct stk_order_line *line = &about->line[i];
        for (int bad = 0; bad < 2; bad++) {
            uint32_t units =
                bad ? scratch->line_value[i] : scratch->line_units[i] - scratch->line_value[i];
            for (uint16_t c = 0; c < line->component_count && units; c++) {
                uint16_t component = (uint16_t)(line->first_component + c);
                struct come_back back = {location,  i,
                                         component, units * about->component[component].units,
                                         bad,       stk_about_occurred(apply)};
                if (check && !may_come_back(apply, about, &back))
                    return 0;
                if (!check)
                    come_back(apply, about, &back);
            }
        }
        if (!check)
            line->returned += scratch->line_units[i];
    }
    return 1;
}

static void cover_after_return(struct stk_apply *apply, const struct stk_about *about)
{
    for (uint16_t c = 0; c < about->order->components; c++)
        stk_order_cover_back_orders(apply, about->component[c].sku);
}

enum stk_status stk_order_return(struct stk_apply *apply)
{
    const struct stk_args_order *args = apply->args;
    stk_location_t location = UINT16_MAX;
    struct stk_about about;
    uint64_t sum;
    enum stk_status status = stk_about_order(apply, &about);
    if (status == STK_OK && args->location.size)
        status = stk_apply_location(apply, args->location, &location);
    if (status == STK_OK)
        status = stk_about_parts(apply, &about, returnable, "returned", &sum);
    if (status != STK_OK)
        return status;
    if (sum == 0)
        return stk_about_refuse(apply, &about, "return: nothing is out with the buyer");
    if (!stk_apply_cell_fits(apply, location == UINT16_MAX ? 0 : about.order->components))
        return stk_apply_refuse(apply, STK_FULL, "capacity \"cells\" is used up");
    if (!each_return(apply, &about, location, 1))
        return stk_apply_refuse(apply, STK_FULL, "return: a cell would hold more than %d units",
                                STK_QUANTITY_MAX);
    stk_apply_begin(apply);
    each_return(apply, &about, location, 0);
    stk_about_settle(apply, &about);
    cover_after_return(apply, &about);
    return STK_OK;
}
