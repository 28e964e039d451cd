/* Looking. Always: nothing changes, and a page ends before its answer does. A cursor is the number
 * of the slot to go on from; slots do not move, so a page neither skips nor repeats what was there
 * all the time. */
#include "core/flow/query.h"
#include "core/flow/channel.h"
#include "core/flow/page.h"
#include "core/state/earmark.h"

/* ---- SKUs ---- */

static void say_list(struct stk_doc *doc, const char *key, const struct stk_bytes *item,
                     uint32_t count)
{
    stk_doc_text(doc, key);
    stk_doc_array(doc, count);
    for (uint32_t i = 0; i < count; i++)
        stk_doc_str(doc, item[i]);
}

static void currency_text(stk_currency_t currency, char text[4])
{
    text[0] = (char)(currency >> 16), text[1] = (char)(currency >> 8), text[2] = (char)currency,
    text[3] = 0;
}

static uint32_t say_money(struct stk_doc *doc, const char *key, int64_t minor)
{
    if (minor == INT64_MIN)
        return 0;
    stk_doc_key_int(doc, key, minor);
    return 1;
}

static uint32_t say_attributes(struct stk_apply *apply, stk_sku_t sku)
{
    struct stk_doc *doc = &apply->answer;
    struct stk_attributes a;
    char currency[4];
    if (stk_attributes_read(stk_catalog_attributes(&apply->state->catalog, sku), &a) != STK_OK)
        return 0;
    stk_doc_key_str(doc, "title", a.title);
    say_list(doc, "barcodes", a.barcodes, a.barcode_count);
    say_list(doc, "aliases", a.aliases, a.alias_count);
    say_list(doc, "tags", a.tags, a.tag_count);
    uint32_t pairs = 4;
    pairs += say_money(doc, "cost", a.cost);
    pairs += say_money(doc, "list_price", a.list_price);
    pairs += say_money(doc, "map_price", a.map_price);
    if (a.currency) {
        currency_text(a.currency, currency);
        stk_doc_key_text(doc, "currency", currency);
        pairs++;
    }
    if (a.tax_class.size) {
        stk_doc_key_str(doc, "tax_class", a.tax_class);
        pairs++;
    }
    stk_doc_key_uint(doc, "reorder_point", a.reorder_point);
    stk_doc_key_uint(doc, "reorder_quantity", a.reorder_quantity);
    stk_doc_key_uint(doc, "lead_time_days", a.lead_time_days);
    return pairs + 3;
}

struct totals {
    uint64_t on_hand, held, available, exposed, unsellable;
    uint64_t received, returned, found, shipped, written_off;
};

static struct totals totals_of(const struct stk_catalog *catalog, stk_sku_t sku)
{
    struct totals t = {0};
    for (stk_cell_t i = stk_catalog_sku(catalog, sku)->first_cell; i != STK_NONE;) {
        const struct stk_cell *cell = stk_catalog_cell(catalog, i);
        struct stk_cell_numbers n = stk_cell_numbers(cell);
        uint32_t there = stk_cell_available(n);
        t.on_hand += n.on_hand;
        t.held += n.held;
        t.unsellable += n.unsellable;
        t.exposed += stk_cell_exposed(n);
        if (catalog->location[cell->location].ships)
            t.available += there > n.earmarked ? there - n.earmarked : 0;
        t.received += cell->received;
        t.shipped += cell->shipped;
        t.returned += cell->returned;
        t.found += cell->found;
        t.written_off += cell->written_off;
        i = cell->next;
    }
    return t;
}

static uint64_t incoming_units(const struct stk_state *state, stk_sku_t sku)
{
    uint64_t sum = 0;
    for (uint32_t i = stk_book_first_incoming(&state->book, &state->catalog, sku); i != STK_NONE;) {
        const struct stk_incoming *incoming = stk_pool_at(&state->book.incoming, i);
        sum += incoming->quantity;
        i = incoming->next_of_sku;
    }
    return sum;
}

static uint32_t say_totals(struct stk_apply *apply, stk_sku_t sku)
{
    struct stk_doc *doc = &apply->answer;
    const struct stk_state *state = apply->state;
    const struct stk_sku_more *more = stk_catalog_sku_more(&state->catalog, sku);
    struct totals t = totals_of(&state->catalog, sku);
    stk_doc_key_uint(doc, "on_hand", t.on_hand);
    stk_doc_key_uint(doc, "held", t.held);
    stk_doc_key_uint(doc, "available", t.available);
    stk_doc_key_uint(doc, "exposed", t.exposed);
    stk_doc_key_uint(doc, "unsellable", t.unsellable);
    stk_doc_key_uint(doc, "in_transit", more->in_transit);
    stk_doc_key_uint(doc, "incoming", incoming_units(state, sku));
    stk_doc_key_uint(doc, "shortfall", more->shortfall);
    stk_doc_key_uint(doc, "received", t.received);
    stk_doc_key_uint(doc, "returned", t.returned);
    stk_doc_key_uint(doc, "found", t.found);
    stk_doc_key_uint(doc, "shipped", t.shipped);
    stk_doc_key_uint(doc, "written_off", t.written_off);
    return 13;
}

static struct stk_bytes location_id(const struct stk_catalog *catalog, stk_location_t location)
{
    return (struct stk_bytes){catalog->location[location].id, catalog->location[location].id_size};
}

static void say_cells(struct stk_apply *apply, stk_sku_t sku)
{
    struct stk_doc *doc = &apply->answer;
    const struct stk_catalog *catalog = &apply->state->catalog;
    uint32_t mark, count = 0;
    stk_doc_text(doc, "cells");
    mark = stk_doc_array_open(doc);
    for (stk_cell_t i = stk_catalog_sku(catalog, sku)->first_cell; i != STK_NONE; count++) {
        const struct stk_cell *cell = stk_catalog_cell(catalog, i);
        struct stk_cell_numbers n = stk_cell_numbers(cell);
        stk_doc_map(doc, 7);
        stk_doc_key_str(doc, "location", location_id(catalog, cell->location));
        stk_doc_key_uint(doc, "on_hand", n.on_hand);
        stk_doc_key_uint(doc, "held", n.held);
        stk_doc_key_uint(doc, "available", stk_cell_available(n));
        stk_doc_key_uint(doc, "unsellable", n.unsellable);
        stk_doc_key_uint(doc, "earmarked", n.earmarked);
        stk_doc_key_int(doc, "counted_at", *stk_catalog_counted(catalog, i));
        i = cell->next;
    }
    stk_doc_array_close(doc, mark, count);
}

static void say_sku(struct stk_apply *apply, stk_sku_t sku)
{
    struct stk_doc *doc = &apply->answer;
    uint32_t mark = stk_doc_map_open(doc), pairs = 2;
    stk_doc_key_str(doc, "sku", stk_catalog_sku_id(&apply->state->catalog, sku));
    pairs += say_attributes(apply, sku);
    pairs += say_totals(apply, sku);
    say_cells(apply, sku);
    stk_doc_map_close(doc, mark, pairs);
}

enum stk_status stk_sku_get(struct stk_apply *apply)
{
    const struct stk_args_name *args = apply->args;
    stk_sku_t sku;
    enum stk_status status = stk_apply_sku(apply, args->name, &sku);
    if (status != STK_OK)
        return status;
    say_sku(apply, sku);
    return stk_page_none(apply);
}

static int has_tag(const struct stk_state *state, stk_sku_t sku, struct stk_bytes tag)
{
    struct stk_attributes a;
    if (tag.size == 0)
        return 1;
    if (stk_attributes_read(stk_catalog_attributes(&state->catalog, sku), &a) != STK_OK)
        return 0;
    for (uint32_t i = 0; i < a.tag_count; i++)
        if (a.tags[i].size == tag.size && memcmp(a.tags[i].data, tag.data, tag.size) == 0)
            return 1;
    return 0;
}

enum stk_status stk_sku_list(struct stk_apply *apply)
{
    const struct stk_args_page *args = apply->args;
    const struct stk_catalog *catalog = &apply->state->catalog;
    struct stk_bytes tag = stk_apply_text(apply, args->tag);
    struct stk_page page;
    uint32_t looked = 0;
    enum stk_status status = stk_page_open(apply, "skus", &page);
    if (status != STK_OK)
        return status;
    stk_sku_t sku = stk_catalog_next_sku(catalog, page.from);
    for (; sku != STK_NONE && stk_page_has_room(apply, &page) && looked < 100000; looked++) {
        if (has_tag(apply->state, sku, tag)) {
            say_sku(apply, sku);
            page.count++;
        }
        sku = stk_catalog_next_sku(catalog, sku + 1);
    }
    return stk_page_close(apply, &page, sku);
}

/* ---- locations ---- */

static const char *const kind_names[] = {"own", "marketplace", "supplier", "store", "consignment"};

static void say_countries(struct stk_doc *doc, const char *key, const stk_country_t *country,
                          uint32_t count)
{
    stk_doc_text(doc, key);
    stk_doc_array(doc, count);
    for (uint32_t i = 0; i < count; i++) {
        char text[3] = {(char)(country[i] >> 8), (char)country[i], 0};
        stk_doc_text(doc, text);
    }
}

static void say_location(struct stk_apply *apply, stk_location_t index)
{
    struct stk_doc *doc = &apply->answer;
    const struct stk_location *at = &apply->state->catalog.location[index];
    uint32_t mark, count = 0;
    stk_doc_map(doc, 9);
    stk_doc_key_str(doc, "location", (struct stk_bytes){at->id, at->id_size});
    stk_doc_key_str(doc, "name", (struct stk_bytes){at->name, at->name_size});
    stk_doc_key_text(doc, "kind", at->kind < 5 ? kind_names[at->kind] : "?");
    say_countries(doc, "country", &at->country, at->country ? 1 : 0);
    stk_doc_key_int(doc, "priority", at->priority);
    stk_doc_key_bool(doc, "ships", at->ships);
    stk_doc_key_bool(doc, "split", at->split);
    say_countries(doc, "near", at->near, at->near_count);
    stk_doc_text(doc, "channels");
    mark = stk_doc_array_open(doc);
    for (uint16_t i = 1; i < STK_CHANNELS_MAX; i++) {
        if (!(at->channels[i / 64] >> (i % 64) & 1))
            continue;
        stk_doc_str(doc, stk_names_text(apply->state->names, STK_NAME_CHANNEL, i));
        count++;
    }
    stk_doc_array_close(doc, mark, count);
}

enum stk_status stk_location_get(struct stk_apply *apply)
{
    const struct stk_args_name *args = apply->args;
    stk_location_t location;
    enum stk_status status = stk_apply_location(apply, args->name, &location);
    if (status != STK_OK)
        return status;
    say_location(apply, location);
    return stk_page_none(apply);
}

enum stk_status stk_location_list(struct stk_apply *apply)
{
    struct stk_page page;
    enum stk_status status = stk_page_open(apply, "locations", &page);
    if (status != STK_OK)
        return status;
    uint32_t at = page.from, end = apply->state->catalog.locations;
    for (; at < end && stk_page_has_room(apply, &page); at++, page.count++)
        say_location(apply, (stk_location_t)at);
    return stk_page_close(apply, &page, at < end ? at : STK_NONE);
}

/* ---- listings ---- */

static void say_listing(struct stk_apply *apply, stk_listing_t index)
{
    struct stk_doc *doc = &apply->answer;
    const struct stk_state *state = apply->state;
    const struct stk_listing *at = stk_catalog_listing(&state->catalog, index);
    stk_doc_map(doc, 5);
    stk_doc_key_str(doc, "channel", stk_names_text(state->names, STK_NAME_CHANNEL, at->channel));
    stk_doc_text(doc, "published");
    stk_channel_say_published(apply, index);
    stk_doc_key_str(doc, "listing", stk_catalog_listing_id(&state->catalog, index));
    stk_doc_key_bool(doc, "active", at->active);
    stk_doc_text(doc, "components");
    stk_doc_array(doc, at->component_count);
    for (uint32_t i = at->first_component; i != STK_NONE;) {
        const struct stk_component *component = stk_catalog_component(&state->catalog, i);
        stk_doc_map(doc, 2);
        stk_doc_key_str(doc, "sku", stk_catalog_sku_id(&state->catalog, component->sku));
        stk_doc_key_uint(doc, "units", component->units);
        i = component->next_of_listing;
    }
}

enum stk_status stk_listing_get(struct stk_apply *apply)
{
    const struct stk_args_listing *args = apply->args;
    const struct stk_state *state = apply->state;
    struct stk_bytes id = stk_apply_text(apply, args->listing);
    uint16_t channel =
        stk_names_find(state->names, STK_NAME_CHANNEL, stk_apply_text(apply, args->channel));
    stk_listing_t listing =
        channel ? stk_catalog_find_listing(&state->catalog, channel, id) : STK_NONE;
    if (listing == STK_NONE)
        return stk_apply_refuse(apply, STK_NOT_FOUND,
                                "listing: no listing \"%.*s\" of this channel", (int)id.size,
                                id.data);
    say_listing(apply, listing);
    return stk_page_none(apply);
}

static int listing_wanted(const struct stk_state *state, stk_listing_t index, uint16_t channel,
                          stk_sku_t sku)
{
    const struct stk_listing *at = stk_catalog_listing(&state->catalog, index);
    if (channel && at->channel != channel)
        return 0;
    if (sku == STK_NONE)
        return 1;
    for (uint32_t i = at->first_component; i != STK_NONE;) {
        const struct stk_component *component = stk_catalog_component(&state->catalog, i);
        if (component->sku == sku)
            return 1;
        i = component->next_of_listing;
    }
    return 0;
}

/* The filters of a page: what is asked for and unknown is an error, not an empty list. */
static enum stk_status filters(struct stk_apply *apply, uint16_t *channel, stk_sku_t *sku)
{
    const struct stk_args_page *args = apply->args;
    struct stk_bytes name = stk_apply_text(apply, args->channel);
    *sku = STK_NONE;
    *channel = stk_names_find(apply->state->names, STK_NAME_CHANNEL, name);
    if (name.size && !*channel)
        return stk_apply_refuse(apply, STK_NOT_FOUND, "channel: no channel \"%.*s\"",
                                (int)name.size, name.data);
    return args->sku.size ? stk_apply_sku(apply, args->sku, sku) : STK_OK;
}

enum stk_status stk_listing_list(struct stk_apply *apply)
{
    const struct stk_catalog *catalog = &apply->state->catalog;
    struct stk_page page;
    uint16_t channel;
    stk_sku_t sku;
    uint32_t looked = 0;
    enum stk_status status = filters(apply, &channel, &sku);
    if (status == STK_OK)
        status = stk_page_open(apply, "listings", &page);
    if (status != STK_OK)
        return status;
    stk_listing_t at = stk_catalog_next_listing(catalog, page.from);
    for (; at != STK_NONE && stk_page_has_room(apply, &page) && looked < 100000; looked++) {
        if (listing_wanted(apply->state, at, channel, sku)) {
            say_listing(apply, at);
            page.count++;
        }
        at = stk_catalog_next_listing(catalog, at + 1);
    }
    return stk_page_close(apply, &page, at);
}

/* ---- incoming, shortfalls ---- */

enum stk_status stk_incoming_list(struct stk_apply *apply)
{
    const struct stk_state *state = apply->state;
    struct stk_page page;
    uint16_t channel;
    stk_sku_t sku;
    enum stk_status status = filters(apply, &channel, &sku);
    if (status == STK_OK)
        status = stk_page_open(apply, "incoming", &page);
    if (status != STK_OK)
        return status;
    struct stk_doc *doc = &apply->answer;
    uint32_t at = page.from;
    for (; at < state->book.incoming.top && stk_page_has_room(apply, &page); at++) {
        const struct stk_incoming *incoming = stk_pool_at(&state->book.incoming, at);
        if (!stk_book_incoming_lives(&state->book, at) || (sku != STK_NONE && incoming->sku != sku))
            continue;
        stk_doc_map(doc, 8);
        stk_doc_key_str(doc, "document", stk_book_text(&state->book, incoming->document));
        stk_doc_key_str(doc, "sku", stk_catalog_sku_id(&state->catalog, incoming->sku));
        stk_doc_key_str(doc, "location", location_id(&state->catalog, incoming->location));
        stk_doc_key_uint(doc, "quantity", incoming->quantity);
        stk_doc_key_uint(doc, "preorders", incoming->preorders);
        stk_doc_key_uint(doc, "preorder_limit", incoming->preorder_limit);
        stk_doc_key_int(doc, "expected_at", incoming->expected_ms);
        stk_doc_key_int(doc, "ship_by", incoming->ship_by_ms);
        page.count++;
    }
    return stk_page_close(apply, &page, at < state->book.incoming.top ? at : STK_NONE);
}

static int shortfall_is_of(const struct stk_state *state, const struct stk_order *order,
                           uint16_t line, stk_sku_t sku)
{
    const struct stk_order_line *at = stk_order_lines(&state->orders, order) + line;
    const struct stk_order_component *component = stk_order_components(&state->orders, order);
    for (uint16_t c = 0; c < at->component_count; c++)
        if (sku == STK_NONE || component[at->first_component + c].sku == sku)
            return 1;
    return 0;
}

enum stk_status stk_shortfall_list(struct stk_apply *apply)
{
    const struct stk_state *state = apply->state;
    struct stk_page page;
    uint16_t channel;
    stk_sku_t sku;
    enum stk_status status = filters(apply, &channel, &sku);
    if (status == STK_OK)
        status = stk_page_open(apply, "shortfalls", &page);
    if (status != STK_OK)
        return status;
    struct stk_doc *doc = &apply->answer;
    uint32_t at = page.from;
    for (; at < state->book.shortfalls.top && stk_page_has_room(apply, &page); at++) {
        const struct stk_shortfall *entry = stk_pool_at(&state->book.shortfalls, at);
        uint32_t slot =
            entry->order_number ? stk_orders_find(&state->orders, entry->order_key) : STK_NONE;
        if (slot == STK_NONE)
            continue;
        const struct stk_order *order = stk_orders_at(&state->orders, slot);
        if (!shortfall_is_of(state, order, entry->line, sku) ||
            (channel && order->channel != channel))
            continue;
        stk_doc_map(doc, 6);
        stk_doc_key_str(doc, "order", stk_order_id(&state->orders, order));
        stk_doc_key_str(doc, "order_source",
                        stk_names_text(state->names, STK_NAME_SOURCE, order->source));
        stk_doc_key_uint(doc, "line", entry->line + 1u);
        stk_doc_key_uint(doc, "units", entry->units);
        stk_doc_key_int(doc, "since", entry->since_ms);
        stk_doc_key_bool(doc, "back_order", entry->back_order);
        page.count++;
    }
    return stk_page_close(apply, &page, at < state->book.shortfalls.top ? at : STK_NONE);
}

/* ---- orders ---- */

static void say_goods(struct stk_apply *apply, const struct stk_order_line *line)
{
    const struct stk_catalog *catalog = &apply->state->catalog;
    struct stk_doc *doc = &apply->answer;
    if (line->sku != STK_NONE)
        stk_doc_key_str(doc, "sku", stk_catalog_sku_id(catalog, line->sku));
    else if (stk_catalog_listing_lives(catalog, line->listing))
        stk_doc_key_str(doc, "listing", stk_catalog_listing_id(catalog, line->listing));
    else
        stk_doc_key_text(doc, "listing", "(deleted)");
}

static void say_line(struct stk_apply *apply, const struct stk_order *order, uint16_t index)
{
    struct stk_doc *doc = &apply->answer;
    const struct stk_orders *orders = &apply->state->orders;
    const struct stk_order_line *line = stk_order_lines(orders, order) + index;
    const struct stk_order_component *component = stk_order_components(orders, order);
    uint32_t unshipped = line->quantity - line->shipped - line->cancelled;
    stk_doc_map(doc, 16);
    stk_doc_key_uint(doc, "line", index + 1u);
    say_goods(apply, line);
    stk_doc_key_uint(doc, "quantity", line->quantity);
    stk_doc_key_uint(doc, "held", unshipped - line->short_units - line->preorder);
    stk_doc_key_uint(doc, "shipped", line->shipped);
    stk_doc_key_uint(doc, "cancelled", line->cancelled);
    stk_doc_key_uint(doc, "returned", line->returned);
    stk_doc_key_uint(doc, "shortfall", line->short_units);
    stk_doc_key_uint(doc, "preorder", line->preorder);
    stk_doc_key_int(doc, "unit_price", line->unit_price);
    stk_doc_key_int(doc, "discount", line->discount);
    stk_doc_key_text(doc, "discount_by",
                     line->discount_by == STK_FUNDED_CHANNEL ? "channel" : "seller");
    stk_doc_key_int(doc, "tax", line->tax);
    stk_doc_key_bool(doc, "tax_included", line->tax_included);
    stk_doc_key_int(doc, "refunded", line->refunded);
    stk_doc_text(doc, "components");
    stk_doc_array(doc, line->component_count);
    for (uint16_t c = 0; c < line->component_count; c++) {
        stk_doc_map(doc, 2);
        stk_doc_key_str(
            doc, "sku",
            stk_catalog_sku_id(&apply->state->catalog, component[line->first_component + c].sku));
        stk_doc_key_uint(doc, "units", component[line->first_component + c].units);
    }
}

static void say_holds(struct stk_apply *apply, const struct stk_order *order)
{
    struct stk_doc *doc = &apply->answer;
    const struct stk_state *state = apply->state;
    uint32_t count = 0;
    stk_doc_text(doc, "holds");
    uint32_t mark = stk_doc_array_open(doc);
    for (uint32_t at = order->first_hold; at != STK_NONE; count++) {
        const struct stk_hold *hold = stk_orders_hold(&state->orders, at);
        const struct stk_cell *cell = stk_catalog_cell(&state->catalog, hold->cell);
        int marked = stk_book_earmark_lives(&state->book, hold->earmark);
        stk_doc_map(doc, marked ? 7 : 6);
        stk_doc_key_uint(doc, "line", hold->line + 1u);
        stk_doc_key_str(doc, "sku", stk_catalog_sku_id(&state->catalog, cell->sku));
        stk_doc_key_str(doc, "location", location_id(&state->catalog, cell->location));
        stk_doc_key_uint(doc, "quantity", hold->quantity);
        stk_doc_key_uint(doc, "shipped", hold->shipped);
        stk_doc_key_bool(doc, "preorder", hold->incoming != STK_NONE);
        if (marked)
            stk_doc_key_str(
                doc, "earmark",
                stk_book_text(&state->book, stk_earmark_at(&state->book, hold->earmark)->id));
        at = hold->next_of_order;
    }
    stk_doc_array_close(doc, mark, count);
}

static void say_order(struct stk_apply *apply, const struct stk_order *order, int holds)
{
    struct stk_doc *doc = &apply->answer;
    const struct stk_names *names = apply->state->names;
    char currency[4];
    stk_doc_map(doc, holds ? 16 : 15);
    stk_doc_key_str(doc, "order", stk_order_id(&apply->state->orders, order));
    stk_doc_key_str(doc, "source", stk_names_text(names, STK_NAME_SOURCE, order->source));
    stk_doc_key_str(doc, "channel", stk_names_text(names, STK_NAME_CHANNEL, order->channel));
    stk_doc_key_uint(doc, "seq", order->number);
    stk_doc_key_text(doc, "state", stk_order_state_name(order->state));
    stk_doc_key_bool(doc, "paid", (order->flags & STK_ORDER_PAID_FLAG) != 0);
    stk_doc_key_bool(doc, "fact", (order->flags & STK_ORDER_FACT) != 0);
    stk_doc_key_int(doc, "placed_at", order->placed_ms);
    stk_doc_key_int(doc, "expires_at", order->expires_ms);
    stk_doc_key_int(doc, "changed_at", order->changed_ms);
    say_countries(doc, "country", &order->country, order->country ? 1 : 0);
    currency_text(order->currency, currency);
    stk_doc_key_text(doc, "currency", order->currency ? currency : "");
    stk_doc_key_int(doc, "refunded", order->refunded_minor);
    stk_doc_key_str(doc, "for", stk_names_text(names, STK_NAME_USE, order->use));
    stk_doc_text(doc, "lines");
    stk_doc_array(doc, order->lines);
    for (uint16_t i = 0; i < order->lines; i++)
        say_line(apply, order, i);
    if (holds)
        say_holds(apply, order);
}

enum stk_status stk_order_get(struct stk_apply *apply)
{
    uint32_t slot;
    enum stk_status status = stk_apply_order(apply, &slot);
    if (status != STK_OK)
        return status;
    say_order(apply, stk_orders_at(&apply->state->orders, slot), 1);
    return stk_page_none(apply);
}

/* Bytes that an order may take in a list: long ones end the page. */
static uint32_t order_bytes(const struct stk_order *order)
{
    return 1024 + order->lines * 384u + order->components * 96u;
}

enum stk_status stk_order_list(struct stk_apply *apply)
{
    const struct stk_args_page *args = apply->args;
    const struct stk_orders *orders = &apply->state->orders;
    struct stk_page page;
    uint16_t channel;
    stk_sku_t sku;
    uint32_t looked = 0;
    enum stk_status status = filters(apply, &channel, &sku);
    if (status == STK_OK && args->archived)
        return STK_AGAIN; /* the reader thread lists them */
    if (status == STK_OK)
        status = stk_page_open(apply, "orders", &page);
    if (status != STK_OK)
        return status;
    uint32_t slot = stk_orders_next(orders, page.from);
    for (; slot != STK_NONE && stk_page_has_room(apply, &page) && looked < 100000; looked++) {
        const struct stk_order *order = stk_orders_at(orders, slot);
        if ((!channel || order->channel == channel) &&
            (!args->state || order->state == args->state)) {
            if (apply->answer.capacity - apply->answer.size <
                order_bytes(order) + STK_PAGE_ITEM_MAX)
                break;
            say_order(apply, order, 0);
            page.count++;
        }
        slot = stk_orders_next(orders, slot + 1);
    }
    return stk_page_close(apply, &page, slot);
}
