/* Walks each book from both ends of its links and adds up what cells and SKUs keep as sums. */
#include "core/state/check_books.h"
#include "core/state/earmark.h"

#define BROKEN(...) stk_error_set(err, STK_CORRUPT, __VA_ARGS__)

/* --- movements --- */

static const struct stk_movement *movement_at(const struct stk_state *state, uint32_t at)
{
    return stk_pool_at(&state->book.movements, at);
}

static enum stk_status check_moves_of(const struct stk_state *state, stk_cell_t cell,
                                      uint64_t *count, struct stk_error *err)
{
    const struct stk_cell_more *more = stk_catalog_cell_more(&state->catalog, cell);
    uint32_t before = STK_NONE, at = more->first_move - 1;
    for (; at != STK_NONE; at = movement_at(state, at)->next) {
        const struct stk_movement *movement = movement_at(state, at);
        if (at >= state->book.movements.top || ++*count > state->book.movements.used ||
            movement->cell != cell || movement->prev != before)
            return BROKEN("cell %u: movement %u is not linked both ways", cell, at);
        if (before != STK_NONE && movement_at(state, before)->occurred_ms > movement->occurred_ms)
            return BROKEN("cell %u: movement %u is not in its place", cell, at);
        before = at;
    }
    return before == more->last_move - 1 ? STK_OK
                                         : BROKEN("cell %u: its movements end elsewhere", cell);
}

static enum stk_status check_movements(const struct stk_state *state, struct stk_error *err)
{
    const struct stk_book *book = &state->book;
    uint64_t of_cells = 0, of_all = 0;
    uint32_t before = STK_NONE, at = book->first_movement;
    for (; at != STK_NONE; at = movement_at(state, at)->next_all) {
        const struct stk_movement *movement = movement_at(state, at);
        if (at >= book->movements.top || ++of_all > book->movements.used)
            return BROKEN("movements: their list has no end");
        if (before != STK_NONE) {
            const struct stk_movement *older = movement_at(state, before);
            if (older->seq > movement->seq ||
                (older->seq == movement->seq && older->part >= movement->part))
                return BROKEN("movements: %u is not in its place", at);
        }
        before = at;
    }
    if (before != book->last_movement)
        return BROKEN("movements: their list ends elsewhere");
    for (stk_cell_t cell = 0; cell < state->catalog.cells.top; cell++) {
        enum stk_status status = check_moves_of(state, cell, &of_cells, err);
        if (status != STK_OK)
            return status;
    }
    if (of_all != book->movements.used || of_cells != of_all)
        return BROKEN("movements: %llu are listed, %llu at cells, %u are in use",
                      (unsigned long long)of_all, (unsigned long long)of_cells,
                      book->movements.used);
    return STK_OK;
}

/* --- incoming --- */

static uint64_t text_bytes(const struct stk_book *book, uint32_t handle)
{
    return stk_heap_rounded(stk_book_text(book, handle).size + 1);
}

static const struct stk_incoming *incoming_at(const struct stk_state *state, uint32_t at)
{
    return stk_pool_at(&state->book.incoming, at);
}

static enum stk_status check_queue(const struct stk_state *state, uint32_t slot, uint64_t *queued,
                                   struct stk_error *err)
{
    const struct stk_incoming *incoming = incoming_at(state, slot);
    uint64_t units = 0;
    uint32_t before = STK_NONE, at = incoming->first_hold;
    for (; at != STK_NONE; at = stk_orders_hold(&state->orders, at)->next_of_cell) {
        const struct stk_hold *hold = stk_orders_hold(&state->orders, at);
        if (at >= state->orders.holds.top || ++*queued > state->orders.holds.used ||
            hold->order == STK_NONE || hold->incoming != slot || hold->prev_of_cell != before)
            return BROKEN("incoming %u: hold %u is not linked both ways", slot, at);
        units += hold->quantity;
        before = at;
    }
    if (before != incoming->last_hold)
        return BROKEN("incoming %u: its pre-orders end elsewhere", slot);
    if (units != incoming->preorders)
        return BROKEN("incoming %u: preorders is %u, its holds are %llu", slot, incoming->preorders,
                      (unsigned long long)units);
    return STK_OK;
}

static enum stk_status check_incoming_of(const struct stk_state *state, stk_sku_t sku,
                                         uint64_t *listed, struct stk_error *err)
{
    uint32_t before = STK_NONE, at = stk_book_first_incoming(&state->book, &state->catalog, sku);
    for (; at != STK_NONE; at = incoming_at(state, at)->next_of_sku) {
        if (!stk_book_incoming_lives(&state->book, at) || incoming_at(state, at)->sku != sku ||
            ++*listed > state->book.incoming.used)
            return BROKEN("sku %u: incoming %u is not one of its", sku, at);
        if (before != STK_NONE &&
            incoming_at(state, before)->expected_ms > incoming_at(state, at)->expected_ms)
            return BROKEN("sku %u: incoming %u is not in its place", sku, at);
        before = at;
    }
    return STK_OK;
}

static enum stk_status check_incoming(const struct stk_state *state, uint64_t *bytes,
                                      struct stk_error *err)
{
    const struct stk_book *book = &state->book;
    uint64_t count = 0, queued = 0, listed = 0, ahead = 0;
    enum stk_status status = STK_OK;
    for (uint32_t i = 0; i < book->incoming.top && status == STK_OK; i++) {
        const struct stk_incoming *at = incoming_at(state, i);
        if (!stk_book_incoming_lives(book, i))
            continue;
        if (stk_book_find_incoming(book, stk_book_text(book, at->document), at->sku,
                                   at->location) != i)
            return BROKEN("incoming %u: its document does not lead to it", i);
        *bytes += text_bytes(book, at->document);
        count++;
        status = check_queue(state, i, &queued, err);
    }
    for (stk_sku_t sku = stk_catalog_next_sku(&state->catalog, 0);
         sku != STK_NONE && status == STK_OK; sku = stk_catalog_next_sku(&state->catalog, sku + 1))
        status = check_incoming_of(state, sku, &listed, err);
    for (uint32_t i = 0; i < state->orders.holds.top; i++)
        ahead += stk_orders_hold(&state->orders, i)->order != STK_NONE &&
                 stk_orders_hold(&state->orders, i)->incoming != STK_NONE;
    if (status == STK_OK && (count != book->incoming.used || listed != count ||
                             count != book->incoming_ids.count || queued != ahead))
        return BROKEN("incoming: %llu live, %llu are listed, %u are in use; %llu holds of %llu "
                      "are queued",
                      (unsigned long long)count, (unsigned long long)listed, book->incoming.used,
                      (unsigned long long)queued, (unsigned long long)ahead);
    return status;
}

/* --- earmarks, transfers --- */

static enum stk_status check_earmarks(const struct stk_state *state, uint64_t *of_cell,
                                      uint64_t *bytes, struct stk_error *err)
{
    const struct stk_book *book = &state->book;
    uint64_t count = 0, gone = 0, out = 0, held = 0;
    for (uint32_t i = 0; i < book->earmarks.top; i++) {
        const struct stk_earmark *mark = stk_pool_at(&book->earmarks, i);
        out += stk_book_earmark_kept(book, i) ? mark->out : 0;
        gone += stk_book_earmark_kept(book, i) && !stk_book_earmark_lives(book, i);
        if (!stk_book_earmark_lives(book, i))
            continue;
        if (stk_book_find_earmark(book, stk_book_text(book, mark->id)) != i)
            return BROKEN("earmark %u: its id does not lead to it", i);
        if (mark->cell >= state->catalog.cells.top)
            return BROKEN("earmark %u: its cell is not there", i);
        if (mark->next_of_cell != STK_NONE &&
            (stk_earmark_at(book, mark->next_of_cell)->prev_of_cell != i ||
             stk_earmark_at(book, mark->next_of_cell)->cell != mark->cell))
            return BROKEN("earmark %u: is in no order with the next one of its cell", i);
        if ((mark->prev_of_cell == STK_NONE) != (stk_earmark_first(book, mark->cell) == i))
            return BROKEN("earmark %u: its cell does not lead to it", i);
        of_cell[mark->cell] += mark->quantity;
        *bytes += text_bytes(book, mark->id);
        count++;
    }
    for (stk_cell_t i = 0; i < state->catalog.cells.top; i++) {
        uint32_t kept = stk_cell_numbers(stk_catalog_cell(&state->catalog, i)).earmarked;
        if (kept != of_cell[i])
            return BROKEN("cell %u: earmarked is %u, its earmarks are %llu", i, kept,
                          (unsigned long long)of_cell[i]);
    }
    if (count + gone != book->earmarks.used || count != book->earmark_ids.count)
        return BROKEN("earmarks: %llu live and %llu have units out, %u are in use",
                      (unsigned long long)count, (unsigned long long)gone, book->earmarks.used);
    for (uint32_t i = 0; i < state->orders.holds.top; i++) {
        const struct stk_hold *hold = stk_orders_hold(&state->orders, i);
        if (hold->order != STK_NONE && hold->earmark != STK_NONE)
            held += hold->quantity;
    }
    if (held != out)
        return BROKEN("earmarks: %llu units are out, orders hold %llu", (unsigned long long)out,
                      (unsigned long long)held);
    return STK_OK;
}

static enum stk_status check_transfers(const struct stk_state *state, uint64_t *of_sku,
                                       uint64_t *bytes, struct stk_error *err)
{
    const struct stk_book *book = &state->book;
    uint64_t count = 0;
    for (uint32_t i = 0; i < book->transfers.top; i++) {
        const struct stk_transfer *transfer = stk_pool_at(&book->transfers, i);
        if (!stk_book_transfer_lives(book, i))
            continue;
        const struct stk_transfer_line *line = stk_heap_at(&book->text, transfer->lines);
        if (stk_book_find_transfer(book, stk_book_text(book, transfer->id)) != i)
            return BROKEN("transfer %u: its id does not lead to it", i);
        for (uint16_t l = 0; l < transfer->line_count; l++) {
            if (!stk_catalog_sku_lives(&state->catalog, line[l].sku) ||
                (uint64_t)line[l].arrived + line[l].lost > line[l].sent)
                return BROKEN("transfer %u: line %u: more came than was sent", i, l);
            of_sku[line[l].sku] += line[l].sent - line[l].arrived - line[l].lost;
        }
        *bytes += text_bytes(book, transfer->id) +
                  stk_heap_rounded((uint32_t)(transfer->line_count * sizeof *line));
        count++;
    }
    for (stk_sku_t sku = stk_catalog_next_sku(&state->catalog, 0); sku != STK_NONE;
         sku = stk_catalog_next_sku(&state->catalog, sku + 1))
        if (of_sku[sku] != stk_catalog_sku_more(&state->catalog, sku)->in_transit)
            return BROKEN("sku %u: in transit is %u, transfers have %llu units under way", sku,
                          stk_catalog_sku_more(&state->catalog, sku)->in_transit,
                          (unsigned long long)of_sku[sku]);
    if (count != book->transfers.used || count != book->transfer_ids.count)
        return BROKEN("transfers: %llu live, %u are in use", (unsigned long long)count,
                      book->transfers.used);
    return STK_OK;
}

/* --- snapshots, shortfalls, early cancellations --- */

static enum stk_status check_rows(const struct stk_state *state, uint32_t slot, uint64_t *all,
                                  struct stk_error *err)
{
    const struct stk_book *book = &state->book;
    const struct stk_snapshot *snapshot = stk_pool_at(&book->snapshots, slot);
    uint32_t count = 0, before = STK_NONE, at = snapshot->first_row;
    while (at != STK_NONE) {
        const struct stk_snapshot_row *row = stk_pool_at(&book->snapshot_rows, at);
        if (at >= book->snapshot_rows.top || ++*all > book->snapshot_rows.used ||
            row->snapshot != slot || row->prev != before ||
            stk_book_find_snapshot_row(book, slot, row->sku) != at ||
            !stk_catalog_sku_lives(&state->catalog, row->sku))
            return BROKEN("snapshot %u: row %u is not in its place", slot, at);
        count++;
        before = at;
        at = row->next;
    }
    if (count != snapshot->rows || before != snapshot->last_row)
        return BROKEN("snapshot %u: %u rows are linked, it says %u", slot, count, snapshot->rows);
    return STK_OK;
}

static enum stk_status check_snapshots(const struct stk_state *state, uint64_t *bytes,
                                       struct stk_error *err)
{
    const struct stk_book *book = &state->book;
    uint64_t count = 0, rows = 0;
    for (uint32_t i = 0; i < book->snapshots.top; i++) {
        const struct stk_snapshot *snapshot = stk_pool_at(&book->snapshots, i);
        enum stk_status status;
        if (!stk_book_snapshot_lives(book, i))
            continue;
        if (stk_book_find_snapshot(book, stk_book_text(book, snapshot->id)) != i)
            return BROKEN("snapshot %u: its id does not lead to it", i);
        status = check_rows(state, i, &rows, err);
        if (status != STK_OK)
            return status;
        *bytes += text_bytes(book, snapshot->id);
        count++;
    }
    if (count != book->snapshots.used || count != book->snapshot_ids.count ||
        rows != book->snapshot_rows.used || rows != book->snapshot_row_keys.count)
        return BROKEN("snapshots: %llu with %llu rows live, %u with %u are in use",
                      (unsigned long long)count, (unsigned long long)rows, book->snapshots.used,
                      book->snapshot_rows.used);
    return STK_OK;
}

static enum stk_status check_keyed(const struct stk_state *state, struct stk_error *err)
{
    const struct stk_book *book = &state->book;
    uint64_t shortfalls = 0, early = 0;
    for (uint32_t i = 0; i < book->shortfalls.top; i++) {
        const struct stk_shortfall *at = stk_pool_at(&book->shortfalls, i);
        if (at->order_number == 0)
            continue;
        if (stk_book_find_shortfall(book, at->order_number, at->line) != i)
            return BROKEN("shortfall %u: its order and line do not lead to it", i);
        shortfalls++;
    }
    for (uint32_t i = 0; i < book->early.top; i++) {
        const struct stk_early *at = stk_pool_at(&book->early, i);
        if (!at->used)
            continue;
        if (stk_book_find_early(book, at->order_key) != i)
            return BROKEN("early cancellation %u: its key does not lead to it", i);
        early++;
    }
    if (shortfalls != book->shortfalls.used || shortfalls != book->shortfall_keys.count)
        return BROKEN("shortfalls: %llu live, %u are in use", (unsigned long long)shortfalls,
                      book->shortfalls.used);
    if (early != book->early.used || early != book->early_keys.count)
        return BROKEN("early cancellations: %llu live, %u are in use", (unsigned long long)early,
                      book->early.used);
    return STK_OK;
}

enum stk_status stk_check_books(const struct stk_state *state, struct stk_error *err)
{
    uint64_t *of_cell = stk_alloc(state->catalog.cells.top * sizeof *of_cell);
    uint64_t *of_sku = stk_alloc(state->catalog.skus.top * sizeof *of_sku);
    uint64_t bytes = 0;
    enum stk_status status = STK_OK;
    if (!of_cell || !of_sku)
        status = stk_error_set(err, STK_NO_MEMORY, "no memory to check books in");
    if (status == STK_OK)
        status = check_movements(state, err);
    if (status == STK_OK)
        status = check_incoming(state, &bytes, err);
    if (status == STK_OK)
        status = check_earmarks(state, of_cell, &bytes, err);
    if (status == STK_OK)
        status = check_transfers(state, of_sku, &bytes, err);
    if (status == STK_OK)
        status = check_snapshots(state, &bytes, err);
    if (status == STK_OK)
        status = check_keyed(state, err);
    stk_free(of_cell);
    stk_free(of_sku);
    if (status == STK_OK && bytes != state->book.text.used_bytes)
        return BROKEN("books: texts have %llu bytes, %llu are in use", (unsigned long long)bytes,
                      (unsigned long long)state->book.text.used_bytes);
    return status;
}
