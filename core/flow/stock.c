/* Movements of stock. Always: each change of a cell keeps its ledger balanced; physical changes of
 * on_hand are movements, so that a count of an earlier instant can be brought up to date. */
#include "core/flow/stock.h"
#include "core/flow/place.h"
#include "core/flow/shortfall.h"

#define FUTURE_MS (5 * 60 * 1000) /* clocks of senders may be off by so much */

/* ---- common ---- */

static enum stk_status when(struct stk_apply *apply, int given, int64_t occurred_at,
                            stk_time_t *out)
{
    *out = given ? occurred_at : apply->now;
    if (*out > apply->now + FUTURE_MS)
        return stk_apply_refuse(apply, STK_INVALID, "occurred_at: lies in the future");
    return STK_OK;
}

static enum stk_status sku_and_location(struct stk_apply *apply, struct stk_ref sku_ref,
                                        struct stk_ref location_ref, stk_sku_t *sku,
                                        stk_location_t *location)
{
    enum stk_status status = stk_apply_sku(apply, sku_ref, sku);
    if (status == STK_OK)
        status = stk_apply_location(apply, location_ref, location);
    if (status == STK_OK && !stk_apply_cell_fits(apply, 1))
        return stk_apply_refuse(apply, STK_FULL, "capacity \"cells\" is used up");
    return status;
}

/* The numbers of a cell that may not exist yet. */
static struct stk_cell_numbers numbers_at(struct stk_apply *apply, stk_sku_t sku,
                                          stk_location_t location, stk_cell_t *cell)
{
    const struct stk_catalog *catalog = &apply->state->catalog;
    *cell = stk_catalog_find_cell(catalog, sku, location);
    return *cell == STK_NONE ? (struct stk_cell_numbers){0}
                             : stk_cell_numbers(stk_catalog_cell(catalog, *cell));
}

static int may_grow(struct stk_apply *apply, stk_cell_t cell, uint32_t by)
{
    return cell == STK_NONE ? by <= STK_QUANTITY_MAX : stk_apply_may_grow(apply, cell, by);
}

static enum stk_status refuse_full_cell(struct stk_apply *apply)
{
    return stk_apply_refuse(apply, STK_FULL, "quantity: the cell would hold more than %d units",
                            STK_QUANTITY_MAX);
}

static void add_unsellable(struct stk_apply *apply, stk_cell_t cell, int64_t delta)
{
    struct stk_cell *at = stk_catalog_cell(&apply->state->catalog, cell);
    struct stk_cell_numbers numbers = stk_cell_numbers(at);
    int64_t unsellable = (int64_t)numbers.unsellable + delta;
    stk_assert(unsellable >= 0 && unsellable <= STK_QUANTITY_MAX);
    numbers.unsellable = (uint32_t)unsellable;
    stk_cell_write(at, numbers);
    stk_apply_touch(apply, cell);
}

static void say_cell(struct stk_apply *apply, stk_cell_t cell)
{
    struct stk_cell_numbers n = stk_cell_numbers(stk_catalog_cell(&apply->state->catalog, cell));
    stk_apply_say_uint(apply, "on_hand", n.on_hand);
    stk_apply_say_uint(apply, "held", n.held);
    stk_apply_say_uint(apply, "available", stk_cell_available(n));
    stk_apply_say_uint(apply, "unsellable", n.unsellable);
    stk_apply_say_uint(apply, "exposed", stk_cell_exposed(n));
}

/* ---- receive ---- */

/* A pre-order at the head of a document becomes a hold of stock, as far as `units` go. Returns the
 * units. */
static uint32_t fulfil_head(struct stk_apply *apply, uint32_t incoming, uint32_t units)
{
    struct stk_state *state = apply->state;
    struct stk_incoming *document = stk_pool_at(&state->book.incoming, incoming);
    uint32_t at = document->first_hold;
    struct stk_hold ahead = *stk_orders_hold(&state->orders, at);
    struct stk_order *order = stk_orders_at(&state->orders, ahead.order);
    struct stk_order_line *line = stk_order_lines(&state->orders, order) + ahead.line;
    uint32_t each = stk_order_components(&state->orders, order)[ahead.component].units;
    uint32_t whole = (units < ahead.quantity ? units : ahead.quantity) / each * each;
    if (whole == 0 || state->orders.holds.used == state->orders.holds.capacity ||
        !stk_record_room(&apply->record, stk_row_order_max(state, ahead.order, 1)))
        return 0;
    if (whole < ahead.quantity) {
        stk_book_preorder_less(&state->book, &state->orders, at, whole);
    } else {
        stk_book_leave_incoming(&state->book, &state->orders, at);
        stk_orders_remove_hold(&state->orders, &state->catalog, at);
    }
    uint32_t hold = stk_orders_add_hold(&state->orders, &state->catalog, ahead.order, ahead.line,
                                        ahead.component, ahead.cell, whole);
    stk_assert(hold != STK_NONE);
    stk_apply_held(apply, ahead.cell, whole);
    line->preorder -= whole / each;
    stk_row_put_order(&apply->record, state, ahead.order, STK_TABLE_ORDER);
    return whole;
}

static void fulfil(struct stk_apply *apply, uint32_t incoming, stk_cell_t cell)
{
    struct stk_state *state = apply->state;
    const struct stk_incoming *document = stk_pool_at(&state->book.incoming, incoming);
    while (document->preorders) {
        struct stk_cell_numbers n = stk_cell_numbers(stk_catalog_cell(&state->catalog, cell));
        uint32_t free_units = stk_cell_available(n);
        free_units = free_units > n.earmarked ? free_units - n.earmarked : 0;
        if (!free_units || !fulfil_head(apply, incoming, free_units))
            break;
    }
}

static void take_off_document(struct stk_apply *apply, uint32_t incoming, uint32_t quantity,
                              stk_cell_t cell)
{
    struct stk_state *state = apply->state;
    struct stk_incoming *document = stk_pool_at(&state->book.incoming, incoming);
    document->quantity -= quantity < document->quantity ? quantity : document->quantity;
    fulfil(apply, incoming, cell);
    if (document->quantity == 0 && document->preorders == 0) {
        stk_row_delete_u32(&apply->record, STK_TABLE_INCOMING, incoming);
        stk_book_remove_incoming(&state->book, &state->catalog, incoming);
        return;
    }
    stk_row_put_incoming(&apply->record, state, incoming);
}

enum stk_status stk_stock_receive(struct stk_apply *apply)
{
    const struct stk_args_stock_receive *args = apply->args;
    struct stk_state *state = apply->state;
    stk_sku_t sku;
    stk_location_t location;
    stk_time_t occurred_ms;
    stk_cell_t cell;
    uint32_t incoming = STK_NONE;
    enum stk_status status = sku_and_location(apply, args->sku, args->location, &sku, &location);
    if (status == STK_OK)
        status = when(apply, STK_GIVEN(args, STOCK_RECEIVE_OCCURRED_AT), args->occurred_at,
                      &occurred_ms);
    if (status != STK_OK)
        return status;
    numbers_at(apply, sku, location, &cell);
    if (!may_grow(apply, cell, args->quantity))
        return refuse_full_cell(apply);
    if (args->document.size) {
        struct stk_bytes document = stk_apply_text(apply, args->document);
        incoming = stk_book_find_incoming(&state->book, document, sku, location);
        if (incoming == STK_NONE)
            return stk_apply_refuse(apply, STK_NOT_FOUND,
                                    "document: nothing of this SKU is announced there by \"%.*s\"",
                                    (int)document.size, document.data);
    }
    stk_apply_begin(apply);
    cell = stk_apply_cell(apply, sku, location);
    stk_catalog_cell(&state->catalog, cell)->received += args->quantity;
    if (args->unsellable)
        add_unsellable(apply, cell, args->quantity);
    else
        stk_apply_moved(apply, cell, occurred_ms, (int32_t)args->quantity);
    if (incoming != STK_NONE)
        take_off_document(apply, incoming, args->quantity, cell);
    stk_order_cover_back_orders(apply, sku);
    say_cell(apply, cell);
    return STK_OK;
}

/* ---- adjust ---- */

static enum stk_status adjust_refused(struct stk_apply *apply,
                                      const struct stk_args_stock_adjust *args,
                                      struct stk_cell_numbers n, stk_cell_t cell)
{
    int from_hand = args->kind == STK_ADJUST_LOST || args->kind == STK_ADJUST_DAMAGED;
    int from_apart = args->kind == STK_ADJUST_REPAIRED || args->kind == STK_ADJUST_SCRAPPED;
    if (STK_GIVEN(args, STOCK_ADJUST_EXPECT) && args->expect != n.on_hand) {
        stk_apply_refuse(apply, STK_MISMATCH, "expect: on_hand is %u", n.on_hand);
        stk_apply_say_uint(apply, "on_hand", n.on_hand);
        return STK_MISMATCH;
    }
    if (from_hand && args->quantity > n.on_hand)
        return stk_apply_refuse(apply, STK_STATE, "quantity: on_hand is %u", n.on_hand);
    if (from_apart && args->quantity > n.unsellable)
        return stk_apply_refuse(apply, STK_STATE, "quantity: unsellable is %u", n.unsellable);
    if (args->kind == STK_ADJUST_FOUND && !may_grow(apply, cell, args->quantity))
        return refuse_full_cell(apply);
    if ((args->kind == STK_ADJUST_LOST || args->kind == STK_ADJUST_SCRAPPED) &&
        (uint64_t)stk_catalog_cell(&apply->state->catalog, cell)->written_off + args->quantity >
            UINT32_MAX)
        return stk_apply_refuse(apply, STK_FULL,
                                "quantity: the cell's write-offs are at their limit");
    return STK_OK;
}

enum stk_status stk_stock_adjust(struct stk_apply *apply)
{
    const struct stk_args_stock_adjust *args = apply->args;
    struct stk_catalog *catalog = &apply->state->catalog;
    stk_sku_t sku;
    stk_location_t location;
    stk_time_t occurred_ms;
    stk_cell_t cell;
    int32_t units = (int32_t)args->quantity;
    enum stk_status status = sku_and_location(apply, args->sku, args->location, &sku, &location);
    if (status == STK_OK)
        status =
            when(apply, STK_GIVEN(args, STOCK_ADJUST_OCCURRED_AT), args->occurred_at, &occurred_ms);
    if (status != STK_OK)
        return status;
    struct stk_cell_numbers numbers = numbers_at(apply, sku, location, &cell);
    status = adjust_refused(apply, args, numbers, cell);
    if (status != STK_OK)
        return status;
    stk_apply_begin(apply);
    cell = stk_apply_cell(apply, sku, location);
    struct stk_cell *at = stk_catalog_cell(catalog, cell);
    if (args->kind == STK_ADJUST_FOUND)
        at->found += args->quantity;
    if (args->kind == STK_ADJUST_LOST || args->kind == STK_ADJUST_SCRAPPED)
        at->written_off += args->quantity;
    if (args->kind == STK_ADJUST_DAMAGED)
        add_unsellable(apply, cell, units);
    if (args->kind == STK_ADJUST_REPAIRED || args->kind == STK_ADJUST_SCRAPPED)
        add_unsellable(apply, cell, -units);
    if (args->kind == STK_ADJUST_FOUND || args->kind == STK_ADJUST_REPAIRED)
        stk_apply_moved(apply, cell, occurred_ms, units);
    if (args->kind == STK_ADJUST_LOST || args->kind == STK_ADJUST_DAMAGED)
        stk_apply_moved(apply, cell, occurred_ms, -units);
    stk_order_cover_back_orders(apply, sku);
    say_cell(apply, cell);
    return STK_OK;
}

/* ---- transfers ---- */

struct leg {
    const struct stk_args_stock_transfer *args;
    const struct stk_args_transfer_line *line;
    uint32_t lines;
    stk_location_t from, to;
    stk_time_t occurred_ms;
    stk_sku_t sku[STK_LINES_MAX];
};

static struct stk_transfer_line *lines_of(const struct stk_state *state, uint32_t slot)
{
    const struct stk_transfer *transfer = stk_pool_at(&state->book.transfers, slot);
    return (struct stk_transfer_line *)stk_heap_at(&state->book.text, transfer->lines);
}

static enum stk_status leg_skus(struct stk_apply *apply, struct leg *leg)
{
    for (uint32_t i = 0; i < leg->lines; i++) {
        struct stk_bytes name = stk_apply_text(apply, leg->line[i].sku);
        leg->sku[i] = stk_catalog_find_sku(&apply->state->catalog, name);
        if (leg->sku[i] == STK_NONE)
            return stk_apply_refuse(apply, STK_NOT_FOUND, "lines[%u].sku: no SKU \"%.*s\"", i,
                                    (int)name.size, name.data);
        for (uint32_t j = 0; j < i; j++)
            if (leg->sku[j] == leg->sku[i])
                return stk_apply_refuse(apply, STK_INVALID,
                                        "lines[%u].sku: \"%.*s\" is there twice", i, (int)name.size,
                                        name.data);
    }
    return STK_OK;
}

static enum stk_status may_send(struct stk_apply *apply, const struct leg *leg)
{
    for (uint32_t i = 0; i < leg->lines; i++) {
        stk_cell_t cell, there;
        struct stk_cell_numbers n = numbers_at(apply, leg->sku[i], leg->from, &cell);
        if (leg->line[i].quantity > stk_cell_available(n)) {
            stk_apply_refuse(apply, STK_SHORT,
                             "lines[%u].quantity: only %u units are available there", i,
                             stk_cell_available(n));
            return STK_SHORT;
        }
        numbers_at(apply, leg->sku[i], leg->to, &there);
        if (!may_grow(apply, there, leg->line[i].quantity))
            return refuse_full_cell(apply);
    }
    return STK_OK;
}

static enum stk_status send_refused(struct stk_apply *apply, struct leg *leg)
{
    struct stk_book *book = &apply->state->book;
    const struct stk_args_stock_transfer *args = leg->args;
    if (!leg->lines || !args->from.size || !args->to.size)
        return stk_apply_refuse(apply, STK_INVALID, "from, to and lines are needed");
    enum stk_status status = stk_apply_location(apply, args->from, &leg->from);
    if (status == STK_OK)
        status = stk_apply_location(apply, args->to, &leg->to);
    if (status == STK_OK)
        status = leg_skus(apply, leg);
    if (status != STK_OK)
        return status;
    if (leg->from == leg->to)
        return stk_apply_refuse(apply, STK_INVALID, "to: is the same location as from");
    if (stk_book_find_transfer(book, stk_apply_text(apply, args->transfer)) != STK_NONE)
        return stk_apply_refuse(apply, STK_EXISTS, "transfer: this transfer is under way already");
    if (book->transfers.used == book->transfers.capacity)
        return stk_apply_refuse(apply, STK_FULL, "capacity \"transfers\" is used up");
    if (!stk_apply_cell_fits(apply, leg->lines))
        return stk_apply_refuse(apply, STK_FULL, "capacity \"cells\" is used up");
    return may_send(apply, leg);
}

static void leave(struct stk_apply *apply, stk_sku_t sku, stk_location_t from, uint32_t units,
                  stk_time_t occurred_ms)
{
    struct stk_catalog *catalog = &apply->state->catalog;
    stk_cell_t cell = stk_apply_cell(apply, sku, from);
    stk_catalog_cell_more(catalog, cell)->transferred_out += units;
    stk_catalog_sku_more(catalog, sku)->in_transit += units;
    stk_apply_moved(apply, cell, occurred_ms, -(int32_t)units);
}

/* lost: the units are booked at the destination and written off there. */
static void arrive(struct stk_apply *apply, stk_sku_t sku, stk_location_t to, uint32_t units,
                   int lost, stk_time_t occurred_ms)
{
    struct stk_catalog *catalog = &apply->state->catalog;
    stk_cell_t cell = stk_apply_cell(apply, sku, to);
    stk_catalog_cell_more(catalog, cell)->transferred_in += units;
    stk_catalog_sku_more(catalog, sku)->in_transit -= units;
    if (lost) {
        stk_catalog_cell(catalog, cell)->written_off += units;
        stk_apply_touch(apply, cell);
        return;
    }
    stk_apply_moved(apply, cell, occurred_ms, (int32_t)units);
}

static enum stk_status send(struct stk_apply *apply, struct leg *leg)
{
    struct stk_state *state = apply->state;
    int at_once = leg->args->action == STK_TRANSFER_MOVE;
    enum stk_status status = send_refused(apply, leg);
    if (status != STK_OK)
        return status;
    uint32_t slot = STK_NONE;
    if (!at_once) {
        slot =
            stk_book_add_transfer(&state->book, STK_NONE,
                                  stk_apply_text(apply, leg->args->transfer), (uint16_t)leg->lines);
        if (slot == STK_NONE)
            return stk_apply_refuse(apply, STK_FULL, "capacity \"transfers\" is used up");
    }
    stk_apply_begin(apply);
    for (uint32_t i = 0; i < leg->lines; i++) {
        uint32_t units = leg->line[i].quantity;
        leave(apply, leg->sku[i], leg->from, units, leg->occurred_ms);
        if (at_once)
            arrive(apply, leg->sku[i], leg->to, units, 0, leg->occurred_ms);
        else
            lines_of(state, slot)[i] = (struct stk_transfer_line){leg->sku[i], units, 0, 0};
        if (at_once)
            stk_order_cover_back_orders(apply, leg->sku[i]);
    }
    if (!at_once) {
        struct stk_transfer *transfer = stk_pool_at(&state->book.transfers, slot);
        transfer->from = leg->from;
        transfer->to = leg->to;
        stk_row_put_transfer(&apply->record, state, slot);
    }
    stk_apply_say_text(apply, "state", at_once ? "done" : "in_transit");
    return STK_OK;
}

/* Units per line of the transfer (scratch->line_units): all that is left, or what the command says.
 */
static enum stk_status arrival_refused(struct stk_apply *apply, struct leg *leg, uint32_t slot)
{
    const struct stk_transfer *transfer = stk_pool_at(&apply->state->book.transfers, slot);
    const struct stk_transfer_line *line = lines_of(apply->state, slot);
    uint32_t *units = apply->scratch->line_units;
    leg->to = transfer->to;
    for (uint16_t i = 0; i < transfer->line_count; i++)
        units[i] = leg->lines ? 0 : line[i].sent - line[i].arrived - line[i].lost;
    for (uint32_t i = 0; i < leg->lines; i++) {
        uint16_t at = 0;
        while (at < transfer->line_count && line[at].sku != leg->sku[i])
            at++;
        uint32_t left =
            at < transfer->line_count ? line[at].sent - line[at].arrived - line[at].lost : 0;
        if (leg->line[i].quantity > left)
            return stk_apply_refuse(apply, STK_STATE,
                                    "lines[%u].quantity: only %u units are under way", i, left);
        units[at] = leg->line[i].quantity;
    }
    for (uint16_t i = 0; i < transfer->line_count; i++) {
        stk_cell_t cell;
        numbers_at(apply, line[i].sku, transfer->to, &cell);
        if (!may_grow(apply, cell, units[i]))
            return refuse_full_cell(apply);
    }
    if (!stk_apply_cell_fits(apply, transfer->line_count))
        return stk_apply_refuse(apply, STK_FULL, "capacity \"cells\" is used up");
    return STK_OK;
}

static enum stk_status receive_transfer(struct stk_apply *apply, struct leg *leg)
{
    struct stk_state *state = apply->state;
    struct stk_bytes id = stk_apply_text(apply, leg->args->transfer);
    int lost = leg->args->action == STK_TRANSFER_LOSE;
    uint32_t slot = stk_book_find_transfer(&state->book, id);
    if (slot == STK_NONE)
        return stk_apply_refuse(apply, STK_NOT_FOUND, "transfer: \"%.*s\" is not under way",
                                (int)id.size, id.data);
    enum stk_status status = leg_skus(apply, leg);
    if (status == STK_OK)
        status = arrival_refused(apply, leg, slot);
    if (status != STK_OK)
        return status;
    const struct stk_transfer *transfer = stk_pool_at(&state->book.transfers, slot);
    struct stk_transfer_line *line = lines_of(state, slot);
    uint64_t left = 0;
    stk_apply_begin(apply);
    for (uint16_t i = 0; i < transfer->line_count; i++) {
        uint32_t units = apply->scratch->line_units[i];
        if (units)
            arrive(apply, line[i].sku, transfer->to, units, lost, leg->occurred_ms);
        line[i].arrived += lost ? 0 : units;
        line[i].lost += lost ? units : 0;
        left += line[i].sent - line[i].arrived - line[i].lost;
    }
    if (left)
        stk_row_put_transfer(&apply->record, state, slot);
    else
        stk_row_delete_u32(&apply->record, STK_TABLE_TRANSFER, slot);
    for (uint16_t i = 0; i < transfer->line_count && !lost; i++)
        stk_order_cover_back_orders(apply, line[i].sku);
    if (!left)
        stk_book_remove_transfer(&state->book, slot);
    stk_apply_say_text(apply, "state", left ? "in_transit" : "done");
    return STK_OK;
}

enum stk_status stk_stock_transfer(struct stk_apply *apply)
{
    const struct stk_args_stock_transfer *args = apply->args;
    struct leg leg = {.args = args,
                      .line = stk_command_list(apply->command, args->lines),
                      .lines = args->lines.size};
    enum stk_status status = when(apply, STK_GIVEN(args, STOCK_TRANSFER_OCCURRED_AT),
                                  args->occurred_at, &leg.occurred_ms);
    if (status != STK_OK)
        return status;
    if (args->action == STK_TRANSFER_SEND || args->action == STK_TRANSFER_MOVE)
        return send(apply, &leg);
    return receive_transfer(apply, &leg);
}

/* ---- incoming ---- */

/* The document is closed: what was sold ahead of it is a shortfall now. */
static void close_incoming(struct stk_apply *apply, uint32_t slot)
{
    struct stk_state *state = apply->state;
    const struct stk_incoming *document = stk_pool_at(&state->book.incoming, slot);
    while (document->preorders) {
        uint32_t at = document->first_hold;
        struct stk_hold ahead = *stk_orders_hold(&state->orders, at);
        struct stk_order *order = stk_orders_at(&state->orders, ahead.order);
        struct stk_order_line *line = stk_order_lines(&state->orders, order) + ahead.line;
        uint32_t each = stk_order_components(&state->orders, order)[ahead.component].units;
        stk_book_leave_incoming(&state->book, &state->orders, at);
        stk_orders_remove_hold(&state->orders, &state->catalog, at);
        line->preorder -= ahead.quantity / each;
        stk_order_short(apply, ahead.order, ahead.line, ahead.quantity / each);
        stk_row_put_order(&apply->record, state, ahead.order, STK_TABLE_ORDER);
    }
    stk_row_delete_u32(&apply->record, STK_TABLE_INCOMING, slot);
    stk_book_remove_incoming(&state->book, &state->catalog, slot);
}

static enum stk_status incoming_refused(struct stk_apply *apply, uint32_t slot,
                                        const struct stk_args_incoming_put *args)
{
    const struct stk_book *book = &apply->state->book;
    if (slot == STK_NONE)
        return book->incoming.used < book->incoming.capacity
                   ? STK_OK
                   : stk_apply_refuse(apply, STK_FULL, "capacity \"incoming\" is used up");
    const struct stk_incoming *document = stk_pool_at(&book->incoming, slot);
    uint32_t held = 0;
    for (uint32_t at = document->first_hold; at != STK_NONE && document->preorders; held++)
        at = stk_orders_hold(&apply->state->orders, at)->next_of_cell;
    if (args->quantity == 0 && book->shortfalls.capacity - book->shortfalls.used < held)
        return stk_apply_refuse(apply, STK_FULL, "capacity \"shortfalls\" is used up");
    if (args->quantity && args->quantity < document->preorders)
        return stk_apply_refuse(apply, STK_STATE, "quantity: %u units are sold ahead already",
                                document->preorders);
    return STK_OK;
}

enum stk_status stk_incoming_put(struct stk_apply *apply)
{
    const struct stk_args_incoming_put *args = apply->args;
    struct stk_state *state = apply->state;
    struct stk_bytes document = stk_apply_text(apply, args->document);
    stk_sku_t sku;
    stk_location_t location;
    enum stk_status status = sku_and_location(apply, args->sku, args->location, &sku, &location);
    if (status != STK_OK)
        return status;
    uint32_t slot = stk_book_find_incoming(&state->book, document, sku, location);
    status = incoming_refused(apply, slot, args);
    if (status != STK_OK)
        return status;
    if (slot == STK_NONE && args->quantity) {
        slot = stk_book_add_incoming(&state->book, &state->catalog, STK_NONE, document, sku,
                                     location, args->expected_at);
        if (slot == STK_NONE)
            return stk_apply_refuse(apply, STK_FULL, "capacity \"incoming\" is used up");
    }
    stk_apply_begin(apply);
    if (args->quantity == 0 && slot != STK_NONE) {
        close_incoming(apply, slot);
    } else if (slot != STK_NONE) {
        struct stk_incoming *at = stk_pool_at(&state->book.incoming, slot);
        at->quantity = args->quantity;
        if (STK_GIVEN(args, INCOMING_PUT_PREORDER_LIMIT))
            at->preorder_limit = args->preorder_limit;
        if (STK_GIVEN(args, INCOMING_PUT_EXPECTED_AT))
            stk_book_expect_incoming(&state->book, &state->catalog, slot, args->expected_at);
        if (STK_GIVEN(args, INCOMING_PUT_SHIP_BY))
            at->ship_by_ms = args->ship_by;
        stk_row_put_incoming(&apply->record, state, slot);
    }
    stk_apply_say_uint(apply, "quantity", args->quantity);
    return STK_OK;
}

/* ---- the window of movements ---- */

static void movement_gone(void *arg, const struct stk_movement *movement)
{
    struct stk_apply *apply = arg;
    if (!apply->open)
        stk_apply_begin(apply);
    stk_row_delete_movement(&apply->record, apply->state, movement);
    stk_apply_touch(apply, movement->cell); /* its moves_since has moved on */
}

uint32_t stk_stock_forget_movements(struct stk_apply *apply, uint32_t max)
{
    struct stk_state *state = apply->state;
    return stk_book_forget_movements(&state->book, &state->catalog,
                                     apply->now - apply->options->movement_window_ms, max,
                                     movement_gone, apply);
}
