#include "tests/lib/full_state.h"
#include "core/flow/attributes.h"
#include "core/flow/command.h"
#include "core/state/earmark.h"
#include <stdio.h>
#include <string.h>

#define NOW_MS INT64_C(1700000000000)

const struct stk_state_capacity full_state_capacity = {
    .catalog = {8, 16, 8, 8, 16, 4096},
    .book = {16, 8, 8, 8, 8, 16, 8, 8, 4096},
    .orders = 16,
    .holds = 32,
    .keys = 16,
    .keys_on_disk = 64,
    .order_bytes = 16384,
    .key_bytes = 16384,
    .published = 16,
    .promises = 16,
    .notes = 8,
    .note_bytes = 16384,
};

static struct stk_bytes bytes(const char *text)
{
    return (struct stk_bytes){text, (uint32_t)strlen(text)};
}

static void must(enum stk_status status)
{
    stk_assert(status == STK_OK);
}

static struct stk_cell *cell_at(struct full_state *full, stk_cell_t cell)
{
    return stk_catalog_cell(&full->state.catalog, cell);
}

static void change(struct full_state *full, stk_cell_t cell, int32_t on_hand, int32_t held,
                   int32_t earmarked)
{
    struct stk_cell_numbers n = stk_cell_numbers(cell_at(full, cell));
    n.on_hand += (uint32_t)on_hand;
    n.held += (uint32_t)held;
    n.earmarked += (uint32_t)earmarked;
    stk_cell_write(cell_at(full, cell), n);
}

static void make_names(struct full_state *full)
{
    stk_names_put(full->state.names, STK_NAME_SOURCE, 1, bytes("shop"));
    stk_names_put(full->state.names, STK_NAME_SOURCE, 2, bytes("erp"));
    stk_names_put(full->state.names, STK_NAME_CHANNEL, 1, bytes("web"));
    stk_names_put(full->state.names, STK_NAME_PRINCIPAL, 1, bytes("anna"));
    stk_names_put(full->state.names, STK_NAME_USE, 1, bytes("fair"));
}

static void make_locations(struct full_state *full)
{
    for (unsigned i = 0; i < 4; i++) {
        struct stk_location *location = &full->state.catalog.location[i];
        location->id_size = (uint8_t)snprintf(location->id, sizeof location->id, "loc%u", i);
        location->name_size = (uint16_t)snprintf(location->name, sizeof location->name, "Halle");
        location->priority = 100 - (int32_t)i * 60;
        location->country = 'D' << 8 | 'E';
        location->ships = i != 1;
        location->split = 1;
        location->authority = i == 2 ? 2 : 0;
        location->near_count = (uint8_t)i;
        for (unsigned n = 0; n < i; n++)
            location->near[n] = (stk_country_t)('A' << 8 | ('A' + n));
        location->channels[0] = i == 3 ? 2 : 0;
        location->used = 1;
        full->state.catalog.locations++;
    }
}

static void make_skus(struct full_state *full)
{
    static const char *ids[] = {"a", "b", "c"};
    static const stk_location_t where[] = {0, 3, 0, 0};
    struct stk_catalog *catalog = &full->state.catalog;
    struct stk_attributes attributes = {.title = bytes("Mug, red"),
                                        .cost = 250,
                                        .list_price = 999,
                                        .map_price = INT64_MIN,
                                        .barcodes = {bytes("4001")},
                                        .barcode_count = 1,
                                        .aliases = {bytes("4002")},
                                        .alias_count = 1};
    uint8_t room[256];
    for (unsigned i = 0; i < 3; i++) {
        stk_sku_t sku = STK_NONE;
        must(stk_catalog_add_sku(catalog, bytes(ids[i]), &sku, NULL));
    }
    for (unsigned i = 0; i < 4; i++) {
        stk_cell_t cell;
        must(stk_catalog_add_cell(catalog, i ? i - 1 : 0, where[i], &cell, NULL));
        cell_at(full, cell)->received = 100;
        change(full, cell, 100, 0, 0);
    }
    struct stk_cell_more *more = stk_catalog_cell_more(catalog, 1);
    *stk_catalog_counted(catalog, 1) = NOW_MS - 70;
    more->moves_since = NOW_MS - 90;
    more->transferred_in = 6, more->transferred_out = 5;
    cell_at(full, 1)->returned = 4, cell_at(full, 1)->found = 3, cell_at(full, 1)->written_off = 2;
    stk_cell_write(cell_at(full, 1), (struct stk_cell_numbers){99, 0, 7, 0});
    struct stk_bytes names[] = {bytes("4001"), bytes("4002")};
    must(stk_catalog_set_aliases(catalog, 0, names, 2, NULL));
    uint32_t size = stk_attributes_write(&attributes, room);
    must(stk_catalog_set_attributes(catalog, 0, (struct stk_bytes){(char *)room, size}, NULL));
}

static void make_listings(struct full_state *full)
{
    struct stk_component_spec kit[] = {{0, 2}, {1, 1}};
    stk_listing_t listing = STK_NONE;
    must(stk_catalog_put_listing(&full->state.catalog, 1, bytes("kit"), kit, 2, 1, &listing, NULL));
    listing = STK_NONE;
    must(stk_catalog_put_listing(&full->state.catalog, 1, bytes("one"), kit, 1, 0, &listing, NULL));
}

/* --- orders --- */

static struct stk_order *order_at(struct full_state *full, unsigned i)
{
    return stk_orders_at(&full->state.orders, full->order[i]);
}

static struct stk_order_line *line_at(struct full_state *full, unsigned i, unsigned line)
{
    return stk_order_lines(&full->state.orders, order_at(full, i)) + line;
}

static void make_order(struct full_state *full, unsigned i, uint16_t lines, uint16_t components,
                       uint8_t phase)
{
    char id[32];
    struct stk_bytes text = {id, (uint32_t)snprintf(id, sizeof id, "order-%u", i)};
    struct stk_hash key = stk_command_key(STK_KEY_ORDER, bytes("shop"), text);
    must(stk_orders_add(&full->state.orders, key, lines, components, text, &full->order[i], NULL));
    struct stk_order *order = order_at(full, i);
    order->number = i + 1;
    order->state = phase;
    order->source = 1;
    order->body = (struct stk_hash){i, 99};
    order->placed_ms = order->changed_ms = NOW_MS;
}

static void make_line(struct full_state *full, unsigned i, uint16_t line, uint32_t quantity,
                      uint16_t first, uint16_t count)
{
    struct stk_order_line *at = line_at(full, i, line);
    const struct stk_order_component *component =
        stk_order_components(&full->state.orders, order_at(full, i));
    at->quantity = quantity;
    at->first_component = first;
    at->component_count = count;
    at->sku = count == 1 ? component[first].sku : STK_NONE;
    at->listing = count == 1 ? STK_NONE : 0;
    at->unit_price = 1999;
}

static void component(struct full_state *full, unsigned i, unsigned at, stk_sku_t sku,
                      uint32_t units)
{
    stk_order_components(&full->state.orders, order_at(full, i))[at] =
        (struct stk_order_component){sku, units};
}

static uint32_t hold(struct full_state *full, unsigned i, uint16_t line, uint16_t at,
                     stk_cell_t cell, uint32_t units)
{
    uint32_t slot = stk_orders_add_hold(&full->state.orders, &full->state.catalog, full->order[i],
                                        line, at, cell, units);
    change(full, cell, 0, (int32_t)units, 0);
    return slot;
}

/* Units that came off an earmark, and off one that is not there any more. */
static void take_off_earmarks(struct full_state *full)
{
    struct stk_book *book = &full->state.book;
    uint32_t at = order_at(full, 0)->first_hold;
    full->gone_earmark = stk_book_add_earmark(book, STK_NONE, bytes("last year"));
    stk_earmark_place(book, full->gone_earmark, 1, 0);
    stk_earmark_join(book, &full->state.orders, full->earmark, at);
    stk_earmark_join(book, &full->state.orders, full->gone_earmark,
                     stk_orders_hold(&full->state.orders, at)->next_of_order);
    stk_book_remove_earmark(book, full->gone_earmark);
}

static void make_first_orders(struct full_state *full)
{
    make_order(full, 0, 2, 3, STK_ORDER_PLACED);
    component(full, 0, 0, 0, 1), component(full, 0, 1, 0, 2), component(full, 0, 2, 1, 1);
    make_line(full, 0, 0, 5, 0, 1), make_line(full, 0, 1, 3, 1, 2);
    hold(full, 0, 0, 0, 0, 4), hold(full, 0, 0, 0, 1, 1);
    hold(full, 0, 1, 1, 0, 6), hold(full, 0, 1, 2, 2, 3);
    take_off_earmarks(full);
    order_at(full, 0)->channel = 1;
    order_at(full, 0)->currency = 'E' << 16 | 'U' << 8 | 'R';
    order_at(full, 0)->country = 'F' << 8 | 'R';
    order_at(full, 0)->expires_ms = order_at(full, 0)->first_expires_ms = NOW_MS + 100000;
    stk_wheel_add(&full->state.wheel, &full->state.orders, full->order[0]);

    make_order(full, 1, 1, 1, STK_ORDER_SHIPPED);
    component(full, 1, 0, 0, 1), make_line(full, 1, 0, 4, 0, 1);
    line_at(full, 1, 0)->shipped = 4, line_at(full, 1, 0)->returned = 1;
    struct stk_hold *left = stk_orders_hold(&full->state.orders, hold(full, 1, 0, 0, 0, 4));
    left->quantity = 0, left->shipped = 3;
    cell_at(full, 0)->shipped = 4, cell_at(full, 0)->returned = 1;
    change(full, 0, -3, -4, 0);
    order_at(full, 1)->flags = STK_ORDER_CLOSED | STK_ORDER_PAID_FLAG;
    order_at(full, 1)->changed_ms = NOW_MS + 5000;
    order_at(full, 1)->refunded_minor = 1999;
    line_at(full, 1, 0)->refunded = 1999;
    stk_wheel_close(&full->state.wheel, &full->state.orders, full->order[1]);
}

static void make_last_orders(struct full_state *full)
{
    struct stk_book *book = &full->state.book;
    make_order(full, 2, 1, 1, STK_ORDER_PAID);
    component(full, 2, 0, 2, 2), make_line(full, 2, 0, 60, 0, 1);
    hold(full, 2, 0, 0, 3, 100);
    order_at(full, 2)->flags = STK_ORDER_FACT | STK_ORDER_PAID_FLAG;
    order_at(full, 2)->first_short = line_at(full, 2, 0)->short_units = 10;
    stk_catalog_sku_more(&full->state.catalog, 2)->shortfall = 20;
    book->short_lines = 1;
    full->shortfall = stk_book_add_shortfall(book, 3, 0);
    struct stk_shortfall *shortfall = stk_pool_at(&book->shortfalls, full->shortfall);
    shortfall->units = 10, shortfall->order_key = order_at(full, 2)->key;
    shortfall->since_ms = NOW_MS, shortfall->back_order = 1;

    make_order(full, 3, 1, 1, STK_ORDER_PAID);
    component(full, 3, 0, 1, 1), make_line(full, 3, 0, 7, 0, 1);
    line_at(full, 3, 0)->preorder = 5, line_at(full, 3, 0)->may_preorder = 1;
    hold(full, 3, 0, 0, 2, 2);
    stk_book_join_incoming(
        book, &full->state.orders, full->incoming,
        stk_orders_add_preorder(&full->state.orders, full->order[3], 0, 0, 2, 5));
}

/* --- books --- */

static void make_incoming(struct full_state *full)
{
    struct stk_book *book = &full->state.book;
    full->incoming =
        stk_book_add_incoming(book, &full->state.catalog, STK_NONE, bytes("po"), 1, 0, NOW_MS + 9);
    struct stk_incoming *incoming = stk_pool_at(&book->incoming, full->incoming);
    incoming->quantity = 40, incoming->preorder_limit = 20, incoming->ship_by_ms = NOW_MS + 99;
    stk_book_add_incoming(book, &full->state.catalog, STK_NONE, bytes("po2"), 1, 0, NOW_MS + 12);
}

static void make_books(struct full_state *full)
{
    struct stk_book *book = &full->state.book;
    for (unsigned i = 0; i < 3; i++) {
        uint32_t at = stk_book_add_movement(book, &full->state.catalog, 0, NOW_MS - (stk_time_t)i,
                                            10 + i / 2, i ? -2 : 7);
        struct stk_movement *movement = stk_pool_at(&book->movements, at);
        movement->source = i == 1, movement->placed_ms = i == 1 ? NOW_MS - 1000 : 0;
    }
    full->earmark = stk_book_add_earmark(book, STK_NONE, bytes("fair"));
    struct stk_earmark *mark = stk_pool_at(&book->earmarks, full->earmark);
    mark->quantity = 8, mark->use = 1;
    stk_earmark_place(book, full->earmark, 3, NOW_MS + 1);
    change(full, 3, 0, 0, 8);
    full->transfer = stk_book_add_transfer(book, STK_NONE, bytes("truck"), 1);
    struct stk_transfer *transfer = stk_pool_at(&book->transfers, full->transfer);
    transfer->from = 0, transfer->to = 3;
    *(struct stk_transfer_line *)stk_heap_at(&book->text, transfer->lines) =
        (struct stk_transfer_line){.sku = 0, .sent = 9, .arrived = 2, .lost = 1};
    stk_catalog_sku_more(&full->state.catalog, 0)->in_transit = 6;
    full->snapshot = stk_book_add_snapshot(book, STK_NONE, bytes("erp-7"));
    struct stk_snapshot *snapshot = stk_pool_at(&book->snapshots, full->snapshot);
    snapshot->state = STK_SNAPSHOT_HELD, snapshot->total = 3, snapshot->source = 2;
    snapshot->as_of_ms = NOW_MS, snapshot->seq = 4, snapshot->subtracted = 1;
    snapshot->subtracted_source[0] = 1, snapshot->subtracted_until[0] = NOW_MS - 5;
    for (stk_sku_t sku = 0; sku < 3; sku++)
        stk_book_set_snapshot_row(book, full->snapshot, sku, 5 + sku);
    stk_book_add_early(book, (struct stk_hash){77, 78}, NOW_MS);
}

static void make_keys(struct full_state *full)
{
    for (uint64_t n = 1; n <= 3; n++) {
        struct stk_key_entry key = {.key = {n << 40, n}, .body = {n, 1}, .seq = n, .class = n == 3};
        if (key.class)
            key.number = 77;
        else
            key.status = (uint16_t)n, key.verb = 15;
        stk_dedupe_add(&full->state.dedupe, &key, bytes(key.class ? "" : "\x81\xa1k\x01"));
    }
    must(stk_dedupe_filter_add(&full->state.dedupe, 5, 0, (struct stk_hash){1, 2}));
}

static void make_published(struct full_state *full)
{
    struct stk_channels *channels = &full->state.channels;
    stk_channel_t number = stk_catalog_listing(&full->state.catalog, 0)->channel;
    stk_channel_open(channels, number);
    stk_channel_at(channels, number)->step[STK_PUBLISH_QUANTITY] = STK_STEP_FULL;
    stk_channel_at(channels, number)->cap = 50;
    uint32_t slot = stk_published_add(channels, 0, number, STK_PUBLISH_QUANTITY);
    struct stk_publication *at = stk_published_at(channels, slot);
    at->known = STK_KNOWN_SENT | STK_KNOWN_ACCEPTED | STK_KNOWN_OBSERVED;
    at->sent = at->accepted = 7, at->observed = 6;
    at->sent_ms = NOW_MS - 3000, at->accepted_ms = NOW_MS - 2000, at->observed_ms = NOW_MS - 1000;
    at->grant = 5;
    at->on_disk = 1;
    stk_published_state(channels, slot, STK_PUBLISH_ACCEPTED);
    stk_notes_put(&full->state.notes, number, bytes("cursor"), bytes("page 3"));
}

void full_state_init(struct full_state *full)
{
    must(stk_state_init(&full->state, &full_state_capacity, NULL));
    make_names(full);
    make_locations(full);
    make_skus(full);
    make_listings(full);
    make_incoming(full);
    make_books(full);
    make_first_orders(full);
    make_last_orders(full);
    make_keys(full);
    make_published(full);
    stk_wheel_advance(&full->state.wheel, &full->state.orders, NOW_MS);
}

void full_state_fini(struct full_state *full)
{
    stk_state_fini(&full->state);
}
