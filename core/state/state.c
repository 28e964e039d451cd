/* All books together, and the check of everything. */
#include "core/state/state.h"
#include <string.h>

enum stk_status stk_state_init(struct stk_state *state, const struct stk_state_capacity *capacity,
                               struct stk_error *err)
{
    memset(state, 0, sizeof *state);
    enum stk_status status = stk_names_create(&state->names, err);
    if (status == STK_OK)
        status = stk_catalog_init(&state->catalog, &capacity->catalog, err);
    if (status == STK_OK)
        status = stk_orders_init(&state->orders, capacity->orders, capacity->holds,
                                 capacity->order_bytes, err);
    if (status == STK_OK)
        status = stk_wheel_init(&state->wheel, 0, err);
    if (status == STK_OK)
        status = stk_dedupe_init(&state->dedupe, capacity->keys, capacity->key_bytes,
                                 capacity->keys_on_disk, err);
    if (status == STK_OK)
        status = stk_book_init(&state->book, &capacity->book, err);
    if (status != STK_OK)
        stk_state_fini(state);
    return status;
}

void stk_state_fini(struct stk_state *state)
{
    stk_book_fini(&state->book);
    stk_dedupe_fini(&state->dedupe);
    stk_wheel_fini(&state->wheel);
    stk_orders_fini(&state->orders);
    stk_catalog_fini(&state->catalog);
    stk_names_destroy(state->names);
    state->names = NULL;
}

/* ---- the check ---- */

#define BROKEN(...) stk_error_set(err, STK_CORRUPT, __VA_ARGS__)

static enum stk_status check_cell(const struct stk_state *state, stk_cell_t index,
                                  struct stk_error *err)
{
    const struct stk_cell *cell = stk_catalog_cell(&state->catalog, index);
    struct stk_cell_numbers numbers = stk_cell_numbers(cell);
    uint64_t held = 0;
    uint32_t before = STK_NONE;
    if (!stk_cell_balanced(cell, stk_catalog_cell_more(&state->catalog, index)))
        return BROKEN("cell %u: its ledger does not balance", index);
    for (uint32_t at = cell->first_hold; at != STK_NONE;) {
        const struct stk_hold *hold = stk_orders_hold(&state->orders, at);
        if (hold->cell != index || hold->prev_of_cell != before || hold->incoming != STK_NONE)
            return BROKEN("cell %u: hold %u is not linked both ways", index, at);
        held += hold->quantity;
        before = at;
        at = hold->next_of_cell;
    }
    if (held != numbers.held)
        return BROKEN("cell %u: held is %u, its holds are %llu", index, numbers.held,
                      (unsigned long long)held);
    return STK_OK;
}

static enum stk_status check_skus(const struct stk_state *state, struct stk_error *err)
{
    for (stk_sku_t sku = stk_catalog_next_sku(&state->catalog, 0); sku != STK_NONE;
         sku = stk_catalog_next_sku(&state->catalog, sku + 1)) {
        int last = -1;
        if (stk_catalog_find_sku(&state->catalog, stk_catalog_sku_id(&state->catalog, sku)) != sku)
            return BROKEN("sku %u: its id does not lead to it", sku);
        for (stk_cell_t i = stk_catalog_sku(&state->catalog, sku)->first_cell; i != STK_NONE;) {
            const struct stk_cell *cell = stk_catalog_cell(&state->catalog, i);
            if (cell->sku != sku || (int)cell->location <= last)
                return BROKEN("sku %u: cell %u is not in its place", sku, i);
            last = cell->location;
            enum stk_status status = check_cell(state, i, err);
            if (status != STK_OK)
                return status;
            i = cell->next;
        }
    }
    return STK_OK;
}

struct component_sum {
    uint64_t held, ahead;
};

static struct component_sum sum_of(const struct stk_state *state, const struct stk_order *order,
                                   uint16_t line, uint16_t component)
{
    struct component_sum sum = {0, 0};
    for (uint32_t at = order->first_hold; at != STK_NONE;) {
        const struct stk_hold *hold = stk_orders_hold(&state->orders, at);
        if (hold->line == line && hold->component == component)
            *(hold->incoming == STK_NONE ? &sum.held : &sum.ahead) += hold->quantity;
        at = hold->next_of_order;
    }
    return sum;
}

static enum stk_status check_line(const struct stk_state *state, uint32_t slot, uint16_t index,
                                  struct stk_error *err)
{
    const struct stk_order *order = stk_orders_at(&state->orders, slot);
    const struct stk_order_line *line = stk_order_lines(&state->orders, order) + index;
    const struct stk_order_component *component = stk_order_components(&state->orders, order);
    uint64_t done = (uint64_t)line->shipped + line->cancelled + line->short_units + line->preorder;
    uint32_t entry = stk_book_find_shortfall(&state->book, order->number, index);
    if (done > line->quantity || line->returned > line->shipped)
        return BROKEN("order %u: line %u: more is done than was ordered", slot, index);
    for (uint16_t c = 0; c < line->component_count; c++) {
        uint16_t at = (uint16_t)(line->first_component + c);
        struct component_sum sum = sum_of(state, order, index, at);
        if (sum.held != (line->quantity - done) * component[at].units ||
            sum.ahead != (uint64_t)line->preorder * component[at].units)
            return BROKEN("order %u: line %u: component %u: holds are %llu and %llu ahead", slot,
                          index, at, (unsigned long long)sum.held, (unsigned long long)sum.ahead);
    }
    if ((line->short_units != 0) != (entry != STK_NONE))
        return BROKEN("order %u: line %u: shortfall and its entry do not agree", slot, index);
    if (entry != STK_NONE &&
        ((struct stk_shortfall *)stk_pool_at(&state->book.shortfalls, entry))->units !=
            line->short_units)
        return BROKEN("order %u: line %u: the shortfall's entry has other units", slot, index);
    return STK_OK;
}

static enum stk_status check_orders(const struct stk_state *state, struct stk_error *err)
{
    uint64_t holds = 0, orders = 0, closed = 0;
    for (uint32_t slot = stk_orders_next(&state->orders, 0); slot != STK_NONE;
         slot = stk_orders_next(&state->orders, slot + 1)) {
        const struct stk_order *order = stk_orders_at(&state->orders, slot);
        orders++;
        closed += (order->flags & STK_ORDER_CLOSED) != 0;
        if (stk_orders_find(&state->orders, order->key) != slot)
            return BROKEN("order %u: its key does not lead to it", slot);
        for (uint16_t i = 0; i < order->lines; i++) {
            enum stk_status status = check_line(state, slot, i, err);
            if (status != STK_OK)
                return status;
        }
        for (uint32_t at = order->first_hold; at != STK_NONE; holds++) {
            const struct stk_hold *hold = stk_orders_hold(&state->orders, at);
            if (hold->order != slot)
                return BROKEN("order %u: hold %u is of another order", slot, at);
            at = hold->next_of_order;
        }
    }
    if (orders != state->orders.orders.used || holds != state->orders.holds.used)
        return BROKEN("orders: %llu and %llu holds are linked, %u and %u are in use",
                      (unsigned long long)orders, (unsigned long long)holds,
                      state->orders.orders.used, state->orders.holds.used);
    if (closed != state->wheel.closed_count)
        return BROKEN("orders: %llu are closed, %u wait for the archive",
                      (unsigned long long)closed, state->wheel.closed_count);
    return STK_OK;
}

/* Sums that are kept beside what they sum: per SKU its shortfall and what is under way. */
static enum stk_status check_sums(const struct stk_state *state, struct stk_error *err)
{
    const struct stk_book *book = &state->book;
    uint64_t under_way = 0, kept = 0, short_units = 0, kept_short = 0;
    for (uint32_t i = 0; i < book->transfers.top; i++) {
        const struct stk_transfer *transfer = stk_pool_at(&book->transfers, i);
        if (!stk_book_transfer_lives(book, i))
            continue;
        const struct stk_transfer_line *line =
            (const struct stk_transfer_line *)stk_heap_at(&book->text, transfer->lines);
        for (uint16_t l = 0; l < transfer->line_count; l++)
            under_way += line[l].sent - line[l].arrived - line[l].lost;
    }
    for (uint32_t slot = stk_orders_next(&state->orders, 0); slot != STK_NONE;
         slot = stk_orders_next(&state->orders, slot + 1)) {
        const struct stk_order *order = stk_orders_at(&state->orders, slot);
        const struct stk_order_line *line = stk_order_lines(&state->orders, order);
        const struct stk_order_component *component = stk_order_components(&state->orders, order);
        for (uint16_t l = 0; l < order->lines; l++)
            for (uint16_t c = 0; c < line[l].component_count; c++)
                short_units +=
                    (uint64_t)line[l].short_units * component[line[l].first_component + c].units;
    }
    for (stk_sku_t sku = stk_catalog_next_sku(&state->catalog, 0); sku != STK_NONE;
         sku = stk_catalog_next_sku(&state->catalog, sku + 1)) {
        kept += stk_catalog_sku_more(&state->catalog, sku)->in_transit;
        kept_short += stk_catalog_sku_more(&state->catalog, sku)->shortfall;
    }
    if (under_way != kept)
        return BROKEN("transfers: %llu units are under way, the SKUs say %llu",
                      (unsigned long long)under_way, (unsigned long long)kept);
    if (short_units != kept_short)
        return BROKEN("shortfalls: orders lack %llu units, the SKUs say %llu",
                      (unsigned long long)short_units, (unsigned long long)kept_short);
    return STK_OK;
}

static enum stk_status check_earmarks(const struct stk_state *state, struct stk_error *err)
{
    const struct stk_book *book = &state->book;
    uint64_t marked = 0, kept = 0;
    for (uint32_t i = 0; i < book->earmarks.top; i++)
        if (stk_book_earmark_lives(book, i))
            marked += ((const struct stk_earmark *)stk_pool_at(&book->earmarks, i))->quantity;
    for (stk_sku_t sku = stk_catalog_next_sku(&state->catalog, 0); sku != STK_NONE;
         sku = stk_catalog_next_sku(&state->catalog, sku + 1))
        for (stk_cell_t i = stk_catalog_sku(&state->catalog, sku)->first_cell; i != STK_NONE;
             i = stk_catalog_cell(&state->catalog, i)->next)
            kept += stk_cell_numbers(stk_catalog_cell(&state->catalog, i)).earmarked;
    if (marked != kept)
        return BROKEN("earmarks: %llu units are earmarked, the cells say %llu",
                      (unsigned long long)marked, (unsigned long long)kept);
    return STK_OK;
}

enum stk_status stk_state_check(const struct stk_state *state, struct stk_error *err)
{
    enum stk_status status = check_skus(state, err);
    if (status == STK_OK)
        status = check_orders(state, err);
    if (status == STK_OK)
        status = check_sums(state, err);
    return status == STK_OK ? check_earmarks(state, err) : status;
}
