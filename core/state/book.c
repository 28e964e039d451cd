/* The smaller books.
 *
 * Always true: what has an id is found by it in an index; a free slot has no id (STK_NONE), also
 * those below the top that recovery has skipped; lists run both ways where something leaves from
 * their middle. While slots are taken by number (recovery, in any order) nothing is put on a free
 * list: the lists are made when any slot will do again. Engine thread only. */
#include "core/state/book.h"
#include "core/base/hash.h"
#include "core/state/earmark.h"
#include <string.h>

enum { BY_INCOMING, BY_EARMARKS, BY_TRANSFERS, BY_SNAPSHOTS };

/* --- create, destroy --- */

static enum stk_status init_indexes(struct stk_book *book, const struct stk_book_capacity *capacity,
                                    struct stk_error *err)
{
    struct {
        struct stk_index *index;
        uint32_t capacity;
    } indexes[] = {
        {&book->incoming_ids, capacity->incoming},
        {&book->earmark_ids, capacity->earmarks},
        {&book->earmark_cells, capacity->earmarks},
        {&book->transfer_ids, capacity->transfers},
        {&book->snapshot_ids, capacity->snapshots},
        {&book->snapshot_row_keys, capacity->snapshot_rows},
        {&book->shortfall_keys, capacity->shortfalls},
        {&book->early_keys, capacity->early},
    };
    for (unsigned i = 0; i < sizeof indexes / sizeof *indexes; i++) {
        enum stk_status status = stk_index_init(indexes[i].index, indexes[i].capacity, err);
        if (status != STK_OK)
            return status;
    }
    return STK_OK;
}

static enum stk_status init_pools(struct stk_book *book, const struct stk_book_capacity *capacity,
                                  struct stk_error *err)
{
    struct {
        struct stk_pool *pool;
        size_t size;
        uint32_t capacity;
    } pools[] = {
        {&book->movements, sizeof(struct stk_movement), capacity->movements},
        {&book->incoming, sizeof(struct stk_incoming), capacity->incoming},
        {&book->earmarks, sizeof(struct stk_earmark), capacity->earmarks},
        {&book->transfers, sizeof(struct stk_transfer), capacity->transfers},
        {&book->snapshots, sizeof(struct stk_snapshot), capacity->snapshots},
        {&book->snapshot_rows, sizeof(struct stk_snapshot_row), capacity->snapshot_rows},
        {&book->shortfalls, sizeof(struct stk_shortfall), capacity->shortfalls},
        {&book->early, sizeof(struct stk_early), capacity->early},
    };
    for (unsigned i = 0; i < sizeof pools / sizeof *pools; i++) {
        enum stk_status status =
            stk_pool_init(pools[i].pool, (uint32_t)pools[i].size, pools[i].capacity, err);
        if (status != STK_OK)
            return status;
    }
    return STK_OK;
}

enum stk_status stk_book_init(struct stk_book *book, const struct stk_book_capacity *capacity,
                              struct stk_error *err)
{
    enum stk_status status;
    memset(book, 0, sizeof *book);
    book->first_movement = book->last_movement = STK_NONE;
    status = init_pools(book, capacity, err);
    if (status == STK_OK)
        status = init_indexes(book, capacity, err);
    if (status == STK_OK)
        status = stk_heap_init(&book->text, capacity->text_bytes, err);
    if (status != STK_OK)
        stk_book_fini(book);
    return status;
}

void stk_book_fini(struct stk_book *book)
{
    stk_pool_fini(&book->movements);
    stk_pool_fini(&book->incoming);
    stk_pool_fini(&book->earmarks);
    stk_pool_fini(&book->transfers);
    stk_pool_fini(&book->snapshots);
    stk_pool_fini(&book->snapshot_rows);
    stk_pool_fini(&book->shortfalls);
    stk_pool_fini(&book->early);
    stk_index_fini(&book->incoming_ids);
    stk_index_fini(&book->earmark_ids);
    stk_index_fini(&book->earmark_cells);
    stk_index_fini(&book->transfer_ids);
    stk_index_fini(&book->snapshot_ids);
    stk_index_fini(&book->snapshot_row_keys);
    stk_index_fini(&book->shortfall_keys);
    stk_index_fini(&book->early_keys);
    stk_heap_fini(&book->text);
}

/* --- movements --- */

static struct stk_movement *movement_at(const struct stk_book *book, uint32_t index)
{
    return stk_pool_at(&book->movements, index);
}

/* Into its cell's list, by time of occurrence; equal times as they were booked. Mostly the last. */
static void link_movement(struct stk_book *book, struct stk_cell_more *more, uint32_t index)
{
    struct stk_movement *movement = movement_at(book, index);
    uint32_t after = more->last_move - 1; /* none: 0 - 1 is STK_NONE */
    while (after != STK_NONE && movement_at(book, after)->occurred_ms > movement->occurred_ms)
        after = movement_at(book, after)->prev;
    movement->prev = after;
    movement->next = after == STK_NONE ? more->first_move - 1 : movement_at(book, after)->next;
    if (movement->prev == STK_NONE)
        more->first_move = index + 1;
    else
        movement_at(book, movement->prev)->next = index;
    if (movement->next == STK_NONE)
        more->last_move = index + 1;
    else
        movement_at(book, movement->next)->prev = index;
}

static void unlink_movement(struct stk_book *book, struct stk_cell_more *more,
                            const struct stk_movement *movement)
{
    if (movement->prev == STK_NONE)
        more->first_move = movement->next + 1;
    else
        movement_at(book, movement->prev)->next = movement->next;
    if (movement->next == STK_NONE)
        more->last_move = movement->prev + 1;
    else
        movement_at(book, movement->next)->prev = movement->prev;
}

uint32_t stk_book_add_movement(struct stk_book *book, struct stk_catalog *catalog, stk_cell_t cell,
                               stk_time_t occurred_ms, stk_seq_t seq, int32_t delta)
{
    uint32_t index = stk_pool_take(&book->movements);
    struct stk_movement *movement, *last = NULL;
    if (index == STK_NONE)
        return STK_NONE;
    movement = movement_at(book, index);
    *movement = (struct stk_movement){
        .occurred_ms = occurred_ms, .seq = seq, .cell = cell, .delta = delta, .next_all = STK_NONE};
    if (book->last_movement == STK_NONE) {
        book->first_movement = index;
    } else {
        last = movement_at(book, book->last_movement);
        stk_assert(last->seq <= seq);
        movement->part = last->seq == seq ? (uint16_t)(last->part + 1) : 0;
        last->next_all = index;
    }
    book->last_movement = index;
    link_movement(book, stk_catalog_cell_more(catalog, cell), index);
    return index;
}

int64_t stk_book_moved_since(const struct stk_book *book, const struct stk_catalog *catalog,
                             stk_cell_t cell, stk_time_t as_of, int *known)
{
    const struct stk_cell_more *more = stk_catalog_cell_more(catalog, cell);
    int64_t sum = 0;
    for (uint32_t i = more->last_move - 1; i != STK_NONE; i = movement_at(book, i)->prev) {
        if (movement_at(book, i)->occurred_ms <= as_of)
            break;
        sum += movement_at(book, i)->delta;
    }
    *known = as_of >= more->moves_since;
    return sum;
}

int64_t stk_book_shipped_since(const struct stk_book *book, const struct stk_catalog *catalog,
                               stk_cell_t cell, stk_time_t as_of, uint16_t source, stk_time_t until)
{
    const struct stk_cell_more *more = stk_catalog_cell_more(catalog, cell);
    int64_t sum = 0;
    for (uint32_t i = more->last_move - 1; i != STK_NONE; i = movement_at(book, i)->prev) {
        const struct stk_movement *movement = movement_at(book, i);
        if (movement->occurred_ms <= as_of)
            break;
        if (source && movement->source == source && movement->placed_ms <= until &&
            movement->delta < 0)
            sum -= movement->delta;
    }
    return sum;
}

uint32_t stk_book_forget_movements(struct stk_book *book, struct stk_catalog *catalog,
                                   stk_time_t before_ms, uint32_t max,
                                   void (*gone)(void *arg, const struct stk_movement *movement),
                                   void *arg)
{
    uint32_t count = 0;
    for (; count < max && book->first_movement != STK_NONE; count++) {
        uint32_t index = book->first_movement;
        struct stk_movement *movement = movement_at(book, index);
        struct stk_cell_more *more = stk_catalog_cell_more(catalog, movement->cell);
        if (movement->occurred_ms >= before_ms)
            break;
        if (more->moves_since < movement->occurred_ms)
            more->moves_since = movement->occurred_ms;
        unlink_movement(book, more, movement);
        book->first_movement = movement->next_all;
        if (book->first_movement == STK_NONE)
            book->last_movement = STK_NONE;
        if (gone)
            gone(arg, movement);
        stk_pool_give(&book->movements, index);
    }
    return count;
}

/* --- slots with an id --- */

/* A pool whose free slots have STK_NONE for an id: `id` is where in the item it stands. */
struct slots {
    struct stk_pool *pool;
    size_t id;
    size_t out; /* 0, or where a number stands that keeps the slot as long as it is not zero */
    uint8_t *by_number;
    struct stk_index *index;
};

static struct slots incoming_slots(struct stk_book *book)
{
    return (struct slots){&book->incoming, offsetof(struct stk_incoming, document), 0,
                          &book->by_number[BY_INCOMING], &book->incoming_ids};
}

static struct slots earmark_slots(struct stk_book *book)
{
    return (struct slots){&book->earmarks, offsetof(struct stk_earmark, id),
                          offsetof(struct stk_earmark, out), &book->by_number[BY_EARMARKS],
                          &book->earmark_ids};
}

static struct slots transfer_slots(struct stk_book *book)
{
    return (struct slots){&book->transfers, offsetof(struct stk_transfer, id), 0,
                          &book->by_number[BY_TRANSFERS], &book->transfer_ids};
}

static struct slots snapshot_slots(struct stk_book *book)
{
    return (struct slots){&book->snapshots, offsetof(struct stk_snapshot, id), 0,
                          &book->by_number[BY_SNAPSHOTS], &book->snapshot_ids};
}

static uint32_t *id_of(const struct slots *slots, uint32_t slot)
{
    return (uint32_t *)((uint8_t *)stk_pool_at(slots->pool, slot) + slots->id);
}

static int slot_lives(const struct slots *slots, uint32_t slot)
{
    return slot < slots->pool->top && *id_of(slots, slot) != STK_NONE;
}

static uint32_t out_of(const struct slots *slots, uint32_t slot)
{
    const uint8_t *item = stk_pool_at(slots->pool, slot);
    return slots->out ? *(const uint32_t *)(item + slots->out) : 0;
}

static int slot_kept(const struct slots *slots, uint32_t slot)
{
    return slot_lives(slots, slot) || (slot < slots->pool->top && out_of(slots, slot));
}

static int slot_used(void *self, uint32_t slot)
{
    return slot_kept(self, slot);
}

static uint32_t take_slot(struct slots *slots, uint32_t slot)
{
    struct stk_pool *pool = slots->pool;
    if (slot == STK_NONE) {
        if (*slots->by_number)
            stk_pool_rebuild_free(pool, slot_used, slots);
        *slots->by_number = 0;
        return stk_pool_take(pool);
    }
    stk_assert(slot < pool->capacity && !slot_kept(slots, slot));
    *slots->by_number = 1;
    for (uint32_t skipped = pool->top; skipped < slot; skipped++)
        *id_of(slots, skipped) = STK_NONE;
    stk_pool_take_at(pool, slot);
    return slot;
}

static void give_slot(struct slots *slots, uint32_t slot)
{
    *id_of(slots, slot) = STK_NONE;
    if (out_of(slots, slot))
        return; /* the last unit gives it */
    if (*slots->by_number)
        slots->pool->used--; /* free lists are made later */
    else
        stk_pool_give(slots->pool, slot);
}

/* --- texts --- */

struct stk_bytes stk_book_text(const struct stk_book *book, uint32_t handle)
{
    const char *text = stk_heap_at(&book->text, handle);
    return (struct stk_bytes){text + 1, (uint8_t)*text};
}

static uint32_t take_text(struct stk_book *book, struct stk_bytes text)
{
    uint32_t handle;
    char *to;
    stk_assert(text.size >= 1 && text.size <= STK_ID_MAX);
    handle = stk_heap_take(&book->text, text.size + 1);
    if (handle == STK_NONE)
        return STK_NONE;
    to = stk_heap_at(&book->text, handle);
    *to = (char)text.size;
    memcpy(to + 1, text.data, text.size);
    return handle;
}

static void give_text(struct stk_book *book, uint32_t handle)
{
    stk_heap_give(&book->text, handle, stk_book_text(book, handle).size + 1);
}

static uint64_t text_hash(struct stk_bytes text, uint64_t seed)
{
    return stk_hash64(text.data, text.size, seed);
}

static int text_is(const struct stk_book *book, uint32_t handle, struct stk_bytes text)
{
    struct stk_bytes is = stk_book_text(book, handle);
    return is.size == text.size && memcmp(is.data, text.data, text.size) == 0;
}

/* The slot with this id, where the id is all there is to compare. */
static uint32_t find_id(const struct stk_book *book, const struct slots *slots, struct stk_bytes id)
{
    uint64_t hash = text_hash(id, slots->id), cursor = 0;
    uint32_t slot;
    while ((slot = stk_index_next(slots->index, hash, &cursor)) != STK_NONE)
        if (text_is(book, *id_of(slots, slot), id))
            return slot;
    return STK_NONE;
}

/* A slot under its id: STK_NONE with nothing changed when the pool or the texts are full. */
static uint32_t add_id(struct stk_book *book, struct slots *slots, uint32_t slot,
                       struct stk_bytes id, uint64_t hash)
{
    uint32_t text;
    if (slots->pool->used == slots->pool->capacity)
        return STK_NONE;
    text = take_text(book, id);
    if (text == STK_NONE)
        return STK_NONE;
    slot = take_slot(slots, slot);
    stk_assert(slot != STK_NONE);
    *id_of(slots, slot) = text;
    stk_assert(stk_index_insert(slots->index, hash, slot) == STK_OK);
    return slot;
}

static void remove_id(struct stk_book *book, struct slots *slots, uint32_t slot, uint64_t hash)
{
    stk_assert(slot_lives(slots, slot));
    stk_index_remove(slots->index, hash, slot);
    give_text(book, *id_of(slots, slot));
    give_slot(slots, slot);
}

int stk_book_incoming_lives(const struct stk_book *book, uint32_t slot)
{
    struct slots slots = incoming_slots((struct stk_book *)book);
    return slot_lives(&slots, slot);
}

int stk_book_earmark_lives(const struct stk_book *book, uint32_t slot)
{
    struct slots slots = earmark_slots((struct stk_book *)book);
    return slot_lives(&slots, slot);
}

int stk_book_earmark_kept(const struct stk_book *book, uint32_t slot)
{
    struct slots slots = earmark_slots((struct stk_book *)book);
    return slot_kept(&slots, slot);
}

int stk_book_transfer_lives(const struct stk_book *book, uint32_t slot)
{
    struct slots slots = transfer_slots((struct stk_book *)book);
    return slot_lives(&slots, slot);
}

int stk_book_snapshot_lives(const struct stk_book *book, uint32_t slot)
{
    struct slots slots = snapshot_slots((struct stk_book *)book);
    return slot_lives(&slots, slot);
}

/* --- incoming --- */

static struct stk_incoming *incoming_at(const struct stk_book *book, uint32_t slot)
{
    return stk_pool_at(&book->incoming, slot);
}

static uint64_t incoming_hash(struct stk_bytes document, stk_sku_t sku, stk_location_t location)
{
    return text_hash(document, (uint64_t)sku << 16 | location);
}

uint32_t stk_book_find_incoming(const struct stk_book *book, struct stk_bytes document,
                                stk_sku_t sku, stk_location_t location)
{
    uint64_t hash = incoming_hash(document, sku, location), cursor = 0;
    uint32_t slot;
    while ((slot = stk_index_next(&book->incoming_ids, hash, &cursor)) != STK_NONE) {
        const struct stk_incoming *incoming = incoming_at(book, slot);
        if (incoming->sku == sku && incoming->location == location &&
            text_is(book, incoming->document, document))
            return slot;
    }
    return STK_NONE;
}

uint32_t stk_book_first_incoming(const struct stk_book *book, const struct stk_catalog *catalog,
                                 stk_sku_t sku)
{
    (void)book;
    return stk_catalog_sku_more(catalog, sku)->incoming - 1; /* none: 0 - 1 is STK_NONE */
}

static void link_incoming(struct stk_book *book, struct stk_catalog *catalog, uint32_t slot)
{
    struct stk_incoming *incoming = incoming_at(book, slot);
    struct stk_sku_more *more = stk_catalog_sku_more(catalog, incoming->sku);
    uint32_t before = STK_NONE, at = more->incoming - 1;
    while (at != STK_NONE && incoming_at(book, at)->expected_ms <= incoming->expected_ms) {
        before = at;
        at = incoming_at(book, at)->next_of_sku;
    }
    incoming->next_of_sku = at;
    if (before == STK_NONE)
        more->incoming = slot + 1;
    else
        incoming_at(book, before)->next_of_sku = slot;
}

static void unlink_incoming(struct stk_book *book, struct stk_catalog *catalog, uint32_t slot)
{
    const struct stk_incoming *incoming = incoming_at(book, slot);
    struct stk_sku_more *more = stk_catalog_sku_more(catalog, incoming->sku);
    uint32_t before = more->incoming - 1;
    if (before == slot) {
        more->incoming = incoming->next_of_sku + 1;
        return;
    }
    while (incoming_at(book, before)->next_of_sku != slot) {
        before = incoming_at(book, before)->next_of_sku;
        stk_assert(before != STK_NONE);
    }
    incoming_at(book, before)->next_of_sku = incoming->next_of_sku;
}

uint32_t stk_book_add_incoming(struct stk_book *book, struct stk_catalog *catalog, uint32_t slot,
                               struct stk_bytes document, stk_sku_t sku, stk_location_t location,
                               stk_time_t expected_ms)
{
    struct slots slots = incoming_slots(book);
    struct stk_incoming *incoming;
    stk_assert(stk_catalog_sku_lives(catalog, sku));
    slot = add_id(book, &slots, slot, document, incoming_hash(document, sku, location));
    if (slot == STK_NONE)
        return STK_NONE;
    incoming = incoming_at(book, slot);
    incoming->sku = sku;
    incoming->location = location;
    incoming->expected_ms = expected_ms;
    incoming->first_hold = incoming->last_hold = STK_NONE;
    link_incoming(book, catalog, slot);
    return slot;
}

void stk_book_expect_incoming(struct stk_book *book, struct stk_catalog *catalog, uint32_t slot,
                              stk_time_t expected_ms)
{
    if (incoming_at(book, slot)->expected_ms == expected_ms)
        return;
    unlink_incoming(book, catalog, slot);
    incoming_at(book, slot)->expected_ms = expected_ms;
    link_incoming(book, catalog, slot);
}

void stk_book_remove_incoming(struct stk_book *book, struct stk_catalog *catalog, uint32_t slot)
{
    struct slots slots = incoming_slots(book);
    const struct stk_incoming *incoming = incoming_at(book, slot);
    stk_assert(slot_lives(&slots, slot));
    stk_assert(incoming->first_hold == STK_NONE && incoming->preorders == 0);
    unlink_incoming(book, catalog, slot);
    remove_id(
        book, &slots, slot,
        incoming_hash(stk_book_text(book, incoming->document), incoming->sku, incoming->location));
}

void stk_book_join_incoming(struct stk_book *book, struct stk_orders *orders, uint32_t slot,
                            uint32_t index)
{
    struct stk_incoming *incoming = incoming_at(book, slot);
    struct stk_hold *hold = stk_orders_hold(orders, index);
    stk_assert(stk_book_incoming_lives(book, slot));
    stk_assert(hold->incoming == STK_NONE && hold->prev_of_cell == index); /* in no list */
    hold->incoming = slot;
    hold->next_of_cell = STK_NONE;
    hold->prev_of_cell = incoming->last_hold;
    if (incoming->last_hold == STK_NONE)
        incoming->first_hold = index;
    else
        stk_orders_hold(orders, incoming->last_hold)->next_of_cell = index;
    incoming->last_hold = index;
    incoming->preorders += hold->quantity;
}

void stk_book_leave_incoming(struct stk_book *book, struct stk_orders *orders, uint32_t index)
{
    struct stk_hold *hold = stk_orders_hold(orders, index);
    struct stk_incoming *incoming = incoming_at(book, hold->incoming);
    stk_assert(stk_book_incoming_lives(book, hold->incoming));
    stk_assert(incoming->preorders >= hold->quantity);
    incoming->preorders -= hold->quantity;
    if (hold->prev_of_cell == STK_NONE)
        incoming->first_hold = hold->next_of_cell;
    else
        stk_orders_hold(orders, hold->prev_of_cell)->next_of_cell = hold->next_of_cell;
    if (hold->next_of_cell == STK_NONE)
        incoming->last_hold = hold->prev_of_cell;
    else
        stk_orders_hold(orders, hold->next_of_cell)->prev_of_cell = hold->prev_of_cell;
    hold->incoming = STK_NONE;
    hold->next_of_cell = STK_NONE;
    hold->prev_of_cell = index;
}

void stk_book_preorder_less(struct stk_book *book, struct stk_orders *orders, uint32_t index,
                            uint32_t by)
{
    struct stk_hold *hold = stk_orders_hold(orders, index);
    struct stk_incoming *incoming = incoming_at(book, hold->incoming);
    stk_assert(by < hold->quantity && incoming->preorders >= by);
    hold->quantity -= by;
    incoming->preorders -= by;
}

/* --- earmarks, transfers --- */

uint32_t stk_book_find_earmark(const struct stk_book *book, struct stk_bytes id)
{
    struct slots slots = earmark_slots((struct stk_book *)book);
    return find_id(book, &slots, id);
}

uint32_t stk_book_add_earmark(struct stk_book *book, uint32_t slot, struct stk_bytes id)
{
    struct slots slots = earmark_slots(book);
    slot = add_id(book, &slots, slot, id, text_hash(id, slots.id));
    if (slot != STK_NONE)
        ((struct stk_earmark *)stk_pool_at(&book->earmarks, slot))->cell = STK_NONE;
    return slot;
}

void stk_book_remove_earmark(struct stk_book *book, uint32_t slot)
{
    struct slots slots = earmark_slots(book);
    stk_earmark_displace(book, slot);
    remove_id(book, &slots, slot, text_hash(stk_book_text(book, *id_of(&slots, slot)), slots.id));
}

void stk_book_earmark_out(struct stk_book *book, uint32_t slot, int64_t units)
{
    struct slots slots = earmark_slots(book);
    struct stk_earmark *mark;
    if (!slot_kept(&slots, slot)) {
        take_slot(&slots, slot);
        *id_of(&slots, slot) = STK_NONE;
        ((struct stk_earmark *)stk_pool_at(&book->earmarks, slot))->cell = STK_NONE;
    }
    mark = stk_pool_at(&book->earmarks, slot);
    stk_assert((int64_t)mark->out + units >= 0 && (int64_t)mark->out + units <= UINT32_MAX);
    mark->out = (uint32_t)((int64_t)mark->out + units);
    if (mark->out == 0 && !slot_lives(&slots, slot))
        give_slot(&slots, slot);
}

uint32_t stk_book_find_transfer(const struct stk_book *book, struct stk_bytes id)
{
    struct slots slots = transfer_slots((struct stk_book *)book);
    return find_id(book, &slots, id);
}

uint32_t stk_book_add_transfer(struct stk_book *book, uint32_t slot, struct stk_bytes id,
                               uint16_t lines)
{
    struct slots slots = transfer_slots(book);
    uint32_t size = lines * (uint32_t)sizeof(struct stk_transfer_line), handle;
    struct stk_transfer *transfer;
    stk_assert(lines >= 1 && lines <= STK_TRANSFER_LINES_MAX);
    handle = stk_heap_take(&book->text, size);
    if (handle == STK_NONE)
        return STK_NONE;
    slot = add_id(book, &slots, slot, id, text_hash(id, slots.id));
    if (slot == STK_NONE) {
        stk_heap_give(&book->text, handle, size);
        return STK_NONE;
    }
    transfer = stk_pool_at(&book->transfers, slot);
    transfer->lines = handle;
    transfer->line_count = lines;
    memset(stk_heap_at(&book->text, handle), 0, size);
    return slot;
}

void stk_book_remove_transfer(struct stk_book *book, uint32_t slot)
{
    struct slots slots = transfer_slots(book);
    struct stk_transfer *transfer = stk_pool_at(&book->transfers, slot);
    stk_assert(slot_lives(&slots, slot));
    stk_heap_give(&book->text, transfer->lines,
                  transfer->line_count * (uint32_t)sizeof(struct stk_transfer_line));
    remove_id(book, &slots, slot, text_hash(stk_book_text(book, transfer->id), slots.id));
}

/* --- snapshots --- */

static struct stk_snapshot *snapshot_at(const struct stk_book *book, uint32_t slot)
{
    return stk_pool_at(&book->snapshots, slot);
}

static struct stk_snapshot_row *row_at(const struct stk_book *book, uint32_t row)
{
    return stk_pool_at(&book->snapshot_rows, row);
}

static uint64_t pair_hash(uint64_t a, uint64_t b)
{
    uint64_t pair[2] = {a, b};
    return stk_hash64(pair, sizeof pair, 0);
}

uint32_t stk_book_find_snapshot(const struct stk_book *book, struct stk_bytes id)
{
    struct slots slots = snapshot_slots((struct stk_book *)book);
    return find_id(book, &slots, id);
}

uint32_t stk_book_add_snapshot(struct stk_book *book, uint32_t slot, struct stk_bytes id)
{
    struct slots slots = snapshot_slots(book);
    slot = add_id(book, &slots, slot, id, text_hash(id, slots.id));
    if (slot != STK_NONE)
        snapshot_at(book, slot)->first_row = snapshot_at(book, slot)->last_row = STK_NONE;
    return slot;
}

uint32_t stk_book_find_snapshot_row(const struct stk_book *book, uint32_t snapshot, stk_sku_t sku)
{
    uint64_t cursor = 0, hash = pair_hash(snapshot, sku);
    uint32_t row;
    while ((row = stk_index_next(&book->snapshot_row_keys, hash, &cursor)) != STK_NONE)
        if (row_at(book, row)->snapshot == snapshot && row_at(book, row)->sku == sku)
            return row;
    return STK_NONE;
}

uint32_t stk_book_set_snapshot_row(struct stk_book *book, uint32_t slot, stk_sku_t sku,
                                   uint32_t quantity)
{
    struct stk_snapshot *snapshot = snapshot_at(book, slot);
    uint32_t row = stk_book_find_snapshot_row(book, slot, sku);
    stk_assert(stk_book_snapshot_lives(book, slot));
    if (row != STK_NONE) {
        row_at(book, row)->quantity = quantity;
        return row;
    }
    row = stk_pool_take(&book->snapshot_rows);
    if (row == STK_NONE)
        return STK_NONE;
    *row_at(book, row) =
        (struct stk_snapshot_row){slot, sku, quantity, STK_NONE, snapshot->last_row};
    if (snapshot->last_row == STK_NONE)
        snapshot->first_row = row;
    else
        row_at(book, snapshot->last_row)->next = row;
    snapshot->last_row = row;
    snapshot->rows++;
    stk_assert(stk_index_insert(&book->snapshot_row_keys, pair_hash(slot, sku), row) == STK_OK);
    return row;
}

void stk_book_drop_snapshot_row(struct stk_book *book, uint32_t slot, stk_sku_t sku)
{
    struct stk_snapshot *snapshot = snapshot_at(book, slot);
    uint32_t index = stk_book_find_snapshot_row(book, slot, sku);
    const struct stk_snapshot_row *row;
    if (index == STK_NONE)
        return;
    row = row_at(book, index);
    stk_assert(snapshot->rows > 0);
    stk_index_remove(&book->snapshot_row_keys, pair_hash(slot, sku), index);
    if (row->prev == STK_NONE)
        snapshot->first_row = row->next;
    else
        row_at(book, row->prev)->next = row->next;
    if (row->next == STK_NONE)
        snapshot->last_row = row->prev;
    else
        row_at(book, row->next)->prev = row->prev;
    snapshot->rows--;
    stk_pool_give(&book->snapshot_rows, index);
}

void stk_book_remove_snapshot(struct stk_book *book, uint32_t slot)
{
    struct slots slots = snapshot_slots(book);
    struct stk_snapshot *snapshot = snapshot_at(book, slot);
    stk_assert(slot_lives(&slots, slot));
    while (snapshot->first_row != STK_NONE)
        stk_book_drop_snapshot_row(book, slot, row_at(book, snapshot->first_row)->sku);
    remove_id(book, &slots, slot, text_hash(stk_book_text(book, snapshot->id), slots.id));
}

/* --- shortfalls, early cancellations --- */

static struct stk_shortfall *shortfall_at(const struct stk_book *book, uint32_t slot)
{
    return stk_pool_at(&book->shortfalls, slot);
}

uint32_t stk_book_find_shortfall(const struct stk_book *book, uint64_t order_number, uint16_t line)
{
    uint64_t cursor = 0, hash = pair_hash(order_number, line);
    uint32_t slot;
    while ((slot = stk_index_next(&book->shortfall_keys, hash, &cursor)) != STK_NONE)
        if (shortfall_at(book, slot)->order_number == order_number &&
            shortfall_at(book, slot)->line == line)
            return slot;
    return STK_NONE;
}

uint32_t stk_book_add_shortfall(struct stk_book *book, uint64_t order_number, uint16_t line)
{
    uint32_t slot = stk_pool_take(&book->shortfalls);
    stk_assert(order_number != 0);
    if (slot == STK_NONE)
        return STK_NONE;
    shortfall_at(book, slot)->order_number = order_number;
    shortfall_at(book, slot)->line = line;
    stk_assert(stk_index_insert(&book->shortfall_keys, pair_hash(order_number, line), slot) ==
               STK_OK);
    return slot;
}

void stk_book_remove_shortfall(struct stk_book *book, uint32_t slot)
{
    struct stk_shortfall *shortfall = shortfall_at(book, slot);
    stk_assert(slot < book->shortfalls.top && shortfall->order_number != 0);
    stk_index_remove(&book->shortfall_keys, pair_hash(shortfall->order_number, shortfall->line),
                     slot);
    shortfall->order_number = 0;
    stk_pool_give(&book->shortfalls, slot);
}

static struct stk_early *early_at(const struct stk_book *book, uint32_t slot)
{
    return stk_pool_at(&book->early, slot);
}

uint32_t stk_book_find_early(const struct stk_book *book, struct stk_hash order_key)
{
    uint64_t cursor = 0;
    uint32_t slot;
    if (book->early.used == 0) /* mostly: then no memory is touched */
        return STK_NONE;
    while ((slot = stk_index_next(&book->early_keys, order_key.low, &cursor)) != STK_NONE)
        if (stk_hash_equal(early_at(book, slot)->order_key, order_key))
            return slot;
    return STK_NONE;
}

uint32_t stk_book_add_early(struct stk_book *book, struct stk_hash order_key, stk_time_t since_ms)
{
    uint32_t slot = stk_pool_take(&book->early);
    if (slot == STK_NONE)
        return STK_NONE;
    *early_at(book, slot) = (struct stk_early){order_key, since_ms, 1};
    stk_assert(stk_index_insert(&book->early_keys, order_key.low, slot) == STK_OK);
    return slot;
}

void stk_book_remove_early(struct stk_book *book, uint32_t slot)
{
    struct stk_early *early = early_at(book, slot);
    stk_assert(slot < book->early.top && early->used);
    stk_index_remove(&book->early_keys, early->order_key.low, slot);
    early->used = 0;
    stk_pool_give(&book->early, slot);
}

#define EARLY_LOOKS 16 /* for each that may be forgotten in one go */

uint32_t stk_book_forget_early(struct stk_book *book, stk_time_t before_ms, uint32_t max,
                               void (*gone)(void *arg, struct stk_hash order_key), void *arg)
{
    uint32_t count = 0, left = max * EARLY_LOOKS;
    if (left > book->early.top)
        left = book->early.top;
    for (; left && count < max && book->early.used; left--) {
        if (book->early_from >= book->early.top)
            book->early_from = 0;
        uint32_t slot = book->early_from++;
        const struct stk_early *early = early_at(book, slot);
        if (!early->used || early->since_ms >= before_ms)
            continue;
        if (gone)
            gone(arg, early->order_key);
        stk_book_remove_early(book, slot);
        count++;
    }
    return count;
}
