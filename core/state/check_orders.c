/* Adds up each order's holds and compares them with its lines; then where the order waits. */
#include "core/state/check_orders.h"
#include "core/base/hash.h"
#include <string.h>

#define BROKEN(...) stk_error_set(err, STK_CORRUPT, __VA_ARGS__)

/* Units of one component of an order: now held, ordered ahead, shipped and not returned. */
struct sum {
    uint64_t held, ahead, shipped;
};

struct totals {
    uint64_t orders, holds, of_cells, data_bytes, short_lines;
};

static enum stk_status check_hold(const struct stk_state *state, uint32_t slot, uint32_t at,
                                  struct stk_error *err)
{
    const struct stk_order *order = stk_orders_at(&state->orders, slot);
    const struct stk_hold *hold = stk_orders_hold(&state->orders, at);
    const struct stk_order_line *line = stk_order_lines(&state->orders, order) + hold->line;
    if (hold->order != slot)
        return BROKEN("order %u: hold %u is of another order", slot, at);
    if (hold->line >= order->lines || hold->component < line->first_component ||
        hold->component >= line->first_component + line->component_count)
        return BROKEN("order %u: hold %u is of no component of a line", slot, at);
    if (hold->cell >= state->catalog.cells.top ||
        stk_catalog_cell(&state->catalog, hold->cell)->sku !=
            stk_order_components(&state->orders, order)[hold->component].sku)
        return BROKEN("order %u: hold %u is at a cell of another SKU", slot, at);
    if (hold->quantity == 0 && hold->shipped == 0)
        return BROKEN("order %u: hold %u is of nothing", slot, at);
    if (hold->incoming != STK_NONE && !stk_book_incoming_lives(&state->book, hold->incoming))
        return BROKEN("order %u: hold %u waits for a document that is not there", slot, at);
    if (hold->earmark != STK_NONE && (hold->incoming != STK_NONE || hold->quantity == 0 ||
                                      !stk_book_earmark_kept(&state->book, hold->earmark)))
        return BROKEN("order %u: hold %u is of an earmark that is not there", slot, at);
    if (hold->prev_of_cell == at)
        return BROKEN("order %u: hold %u is in no list of a cell or document", slot, at);
    return STK_OK;
}

static enum stk_status add_up(const struct stk_state *state, uint32_t slot, struct sum *sums,
                              struct totals *totals, struct stk_error *err)
{
    const struct stk_order *order = stk_orders_at(&state->orders, slot);
    uint32_t at = order->first_hold;
    memset(sums, 0, order->components * sizeof *sums);
    while (at != STK_NONE) {
        const struct stk_hold *hold = stk_orders_hold(&state->orders, at);
        enum stk_status status;
        if (at >= state->orders.holds.top || ++totals->holds > state->orders.holds.used)
            return BROKEN("order %u: its list of holds has no end", slot);
        status = check_hold(state, slot, at, err);
        if (status != STK_OK)
            return status;
        sums[hold->component].shipped += hold->shipped;
        if (hold->incoming == STK_NONE) {
            sums[hold->component].held += hold->quantity;
            totals->of_cells++;
        } else {
            sums[hold->component].ahead += hold->quantity;
        }
        at = hold->next_of_order;
    }
    return STK_OK;
}

static enum stk_status check_component(const struct stk_order_line *line,
                                       const struct stk_order_component *component,
                                       const struct sum *sum, uint32_t slot, uint16_t index,
                                       struct stk_error *err)
{
    uint64_t done = (uint64_t)line->shipped + line->cancelled + line->short_units + line->preorder;
    uint64_t units = component->units;
    if (sum->held != (line->quantity - done) * units)
        return BROKEN("order %u: line %u: holds are %llu, should be %llu", slot, index,
                      (unsigned long long)sum->held,
                      (unsigned long long)((line->quantity - done) * units));
    if (sum->ahead != line->preorder * units)
        return BROKEN("order %u: line %u: %llu units wait for incoming, should be %llu", slot,
                      index, (unsigned long long)sum->ahead,
                      (unsigned long long)(line->preorder * units));
    if (sum->shipped != (uint64_t)(line->shipped - line->returned) * units)
        return BROKEN("order %u: line %u: holds say %llu shipped, should be %llu", slot, index,
                      (unsigned long long)sum->shipped,
                      (unsigned long long)(line->shipped - line->returned) * units);
    return STK_OK;
}

static enum stk_status check_line(const struct stk_state *state, uint32_t slot, uint16_t index,
                                  const struct sum *sums, uint64_t *short_of, struct stk_error *err)
{
    const struct stk_order *order = stk_orders_at(&state->orders, slot);
    const struct stk_order_line *line = stk_order_lines(&state->orders, order) + index;
    const struct stk_order_component *component = stk_order_components(&state->orders, order);
    uint32_t entry = stk_book_find_shortfall(&state->book, order->number, index);
    const struct stk_shortfall *shortfall = stk_pool_at(&state->book.shortfalls, entry);
    if ((uint64_t)line->shipped + line->cancelled + line->short_units + line->preorder >
            line->quantity ||
        line->returned > line->shipped)
        return BROKEN("order %u: line %u: more is done than was ordered", slot, index);
    for (uint16_t c = 0; c < line->component_count; c++) {
        uint16_t at = (uint16_t)(line->first_component + c);
        enum stk_status status = check_component(line, &component[at], &sums[at], slot, index, err);
        if (status != STK_OK)
            return status;
        short_of[component[at].sku] += (uint64_t)line->short_units * component[at].units;
    }
    if ((line->short_units != 0) != (entry != STK_NONE) ||
        (entry != STK_NONE && (shortfall->units != line->short_units ||
                               !stk_hash_equal(shortfall->order_key, order->key))))
        return BROKEN("order %u: line %u: shortfall and its entry do not agree", slot, index);
    return STK_OK;
}

/* Ranges first: nothing else is looked at before they are right. */
static enum stk_status check_shape(const struct stk_state *state, uint32_t slot,
                                   struct stk_error *err)
{
    const struct stk_order *order = stk_orders_at(&state->orders, slot);
    const struct stk_order_line *line = stk_order_lines(&state->orders, order);
    const struct stk_order_component *component = stk_order_components(&state->orders, order);
    if (stk_orders_find(&state->orders, order->key) != slot)
        return BROKEN("order %u: its key does not lead to it", slot);
    for (uint16_t i = 0; i < order->lines; i++)
        if (line[i].first_component + line[i].component_count > order->components)
            return BROKEN("order %u: line %u has components that are not there", slot, i);
    for (uint16_t i = 0; i < order->components; i++)
        if (!stk_catalog_sku_lives(&state->catalog, component[i].sku) || component[i].units == 0)
            return BROKEN("order %u: component %u is of no SKU", slot, i);
    return STK_OK;
}

/* Closed ones wait for the archive, placed ones that are not firm for their expiry, others not. */
static enum stk_status check_waiting(const struct stk_state *state, uint32_t slot,
                                     struct stk_error *err)
{
    const struct stk_order *order = stk_orders_at(&state->orders, slot);
    const struct stk_order_line *line = stk_order_lines(&state->orders, order);
    int closed = (order->flags & STK_ORDER_CLOSED) != 0;
    int waits = !closed && order->state == STK_ORDER_PLACED && order->expires_ms != 0;
    uint32_t place = order->wheel_slot;
    int open = 0;
    for (uint16_t i = 0; i < order->lines; i++)
        open |= line[i].shipped + line[i].cancelled != line[i].quantity;
    if (closed == open)
        return BROKEN("order %u: is %s and has %s open", slot, closed ? "closed" : "not closed",
                      open ? "something" : "nothing");
    if ((place == STK_WHEEL_CLOSED) != closed ||
        (place != STK_WHEEL_CLOSED && (place != STK_NONE) != waits))
        return BROKEN("order %u: waits in list %u, in state %u with flags %u", slot, place,
                      order->state, order->flags);
    return STK_OK;
}

static enum stk_status check_order(const struct stk_state *state, uint32_t slot, struct sum *sums,
                                   uint64_t *short_of, struct totals *totals, struct stk_error *err)
{
    const struct stk_order *order = stk_orders_at(&state->orders, slot);
    const struct stk_order_line *line = stk_order_lines(&state->orders, order);
    enum stk_status status = check_shape(state, slot, err);
    if (status == STK_OK)
        status = add_up(state, slot, sums, totals, err);
    for (uint16_t i = 0; i < order->lines && status == STK_OK; i++) {
        status = check_line(state, slot, i, sums, short_of, err);
        totals->short_lines += line[i].short_units != 0;
    }
    totals->orders++;
    totals->data_bytes += stk_heap_rounded(
        (uint32_t)(order->lines * sizeof(struct stk_order_line) +
                   order->components * sizeof(struct stk_order_component) + order->id_size));
    return status == STK_OK ? check_waiting(state, slot, err) : status;
}

static uint64_t holds_of_cells(const struct stk_state *state)
{
    uint64_t count = 0;
    for (stk_cell_t cell = 0; cell < state->catalog.cells.top; cell++)
        for (uint32_t at = stk_catalog_cell(&state->catalog, cell)->first_hold; at != STK_NONE;
             at = stk_orders_hold(&state->orders, at)->next_of_cell)
            count++;
    return count;
}

static enum stk_status check_totals(const struct stk_state *state, const struct totals *totals,
                                    const uint64_t *short_of, struct stk_error *err)
{
    const struct stk_orders *orders = &state->orders;
    if (totals->orders != orders->orders.used || totals->holds != orders->holds.used ||
        totals->orders != orders->keys.count)
        return BROKEN("orders: %llu and %llu holds are linked, %u and %u are in use, %u keys",
                      (unsigned long long)totals->orders, (unsigned long long)totals->holds,
                      orders->orders.used, orders->holds.used, orders->keys.count);
    if (totals->of_cells != holds_of_cells(state))
        return BROKEN("orders: %llu holds are at cells, the cells have %llu",
                      (unsigned long long)totals->of_cells,
                      (unsigned long long)holds_of_cells(state));
    if (totals->data_bytes != orders->data.used_bytes)
        return BROKEN("orders: they have %llu bytes, %llu are in use",
                      (unsigned long long)totals->data_bytes,
                      (unsigned long long)orders->data.used_bytes);
    if (totals->short_lines != state->book.shortfalls.used ||
        totals->short_lines != state->book.short_lines)
        return BROKEN("shortfalls: %llu lines are short, %u entries are in use",
                      (unsigned long long)totals->short_lines, state->book.shortfalls.used);
    for (stk_sku_t sku = stk_catalog_next_sku(&state->catalog, 0); sku != STK_NONE;
         sku = stk_catalog_next_sku(&state->catalog, sku + 1))
        if (short_of[sku] != stk_catalog_sku_more(&state->catalog, sku)->shortfall)
            return BROKEN("sku %u: its shortfall is %u, orders lack %llu units", sku,
                          stk_catalog_sku_more(&state->catalog, sku)->shortfall,
                          (unsigned long long)short_of[sku]);
    return STK_OK;
}

enum stk_status stk_check_orders(const struct stk_state *state, struct stk_error *err)
{
    const struct stk_orders *orders = &state->orders;
    struct totals totals = {0};
    enum stk_status status = STK_OK;
    uint32_t components = 0;
    for (uint32_t slot = stk_orders_next(orders, 0); slot != STK_NONE;
         slot = stk_orders_next(orders, slot + 1))
        if (stk_orders_at(orders, slot)->components > components)
            components = stk_orders_at(orders, slot)->components;
    struct sum *sums = stk_alloc(components * sizeof *sums);
    uint64_t *short_of = stk_alloc(state->catalog.skus.top * sizeof *short_of);
    if (!sums || !short_of)
        status = stk_error_set(err, STK_NO_MEMORY, "no memory to check orders in");
    for (uint32_t slot = stk_orders_next(orders, 0); slot != STK_NONE && status == STK_OK;
         slot = stk_orders_next(orders, slot + 1))
        status = check_order(state, slot, sums, short_of, &totals, err);
    if (status == STK_OK)
        status = check_totals(state, &totals, short_of, err);
    stk_free(sums);
    stk_free(short_of);
    return status == STK_OK ? stk_wheel_check(&state->wheel, orders, err) : status;
}
