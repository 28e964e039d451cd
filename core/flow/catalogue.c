/* SKUs, locations and listings. Always: a name (id, alias, barcode) leads to one SKU only; a SKU
 * that has any history is never deleted, or conservation could not be shown; a location is never
 * deleted. */
#include "core/flow/catalogue.h"
#include "core/flow/guarantee.h"
#include "core/flow/publish.h"

/* ---- SKUs ---- */

static uint32_t list_of(const struct stk_apply *apply, struct stk_ref ref, struct stk_bytes *out)
{
    const struct stk_ref *item = stk_command_list(apply->command, ref);
    for (uint32_t i = 0; i < ref.size; i++)
        out[i] = stk_apply_text(apply, item[i]);
    return ref.size;
}

/* What the command gives replaces what was there; the rest stays. */
static void merge(const struct stk_apply *apply, struct stk_attributes *into)
{
    const struct stk_args_sku_put *args = apply->args;
    if (STK_GIVEN(args, SKU_PUT_TITLE))
        into->title = stk_apply_text(apply, args->title);
    if (STK_GIVEN(args, SKU_PUT_BARCODES))
        into->barcode_count = list_of(apply, args->barcodes, into->barcodes);
    if (STK_GIVEN(args, SKU_PUT_ALIASES))
        into->alias_count = list_of(apply, args->aliases, into->aliases);
    if (STK_GIVEN(args, SKU_PUT_TAGS))
        into->tag_count = list_of(apply, args->tags, into->tags);
    if (STK_GIVEN(args, SKU_PUT_COST))
        into->cost = args->cost;
    if (STK_GIVEN(args, SKU_PUT_CURRENCY))
        into->currency = args->currency;
    if (STK_GIVEN(args, SKU_PUT_LIST_PRICE))
        into->list_price = args->list_price;
    if (STK_GIVEN(args, SKU_PUT_MAP_PRICE))
        into->map_price = args->map_price;
    if (STK_GIVEN(args, SKU_PUT_TAX_CLASS))
        into->tax_class = stk_apply_text(apply, args->tax_class);
    if (STK_GIVEN(args, SKU_PUT_REORDER_POINT))
        into->reorder_point = args->reorder_point;
    if (STK_GIVEN(args, SKU_PUT_REORDER_QUANTITY))
        into->reorder_quantity = args->reorder_quantity;
    if (STK_GIVEN(args, SKU_PUT_LEAD_TIME_DAYS))
        into->lead_time_days = args->lead_time_days;
}

/* Aliases and barcodes must not lead elsewhere. */
static enum stk_status check_names(struct stk_apply *apply, stk_sku_t sku, const char *field,
                                   const struct stk_bytes *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        stk_sku_t other = stk_catalog_find_sku(&apply->state->catalog, names[i]);
        if (other != STK_NONE && other != sku)
            return stk_apply_refuse(apply, STK_EXISTS,
                                    "%s[%u]: \"%.*s\" leads to another SKU already", field, i,
                                    (int)names[i].size, names[i].data);
    }
    return STK_OK;
}

static enum stk_status set_names(struct stk_apply *apply, stk_sku_t sku,
                                 const struct stk_attributes *attributes, struct stk_error *err)
{
    struct stk_bytes names[2 * STK_ATTR_LIST_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < attributes->alias_count; i++)
        names[count++] = attributes->aliases[i];
    for (uint32_t i = 0; i < attributes->barcode_count; i++)
        names[count++] = attributes->barcodes[i];
    return stk_catalog_set_aliases(&apply->state->catalog, sku, names, count, err);
}

/* All that can fail, before begin. A SKU made here is taken back by a refusal. */
static enum stk_status sku_store(struct stk_apply *apply, struct stk_bytes id, stk_sku_t *sku,
                                 const struct stk_attributes *attributes, struct stk_bytes bytes)
{
    struct stk_catalog *catalog = &apply->state->catalog;
    struct stk_error err = {0};
    int fresh = *sku == STK_NONE;
    enum stk_status status = fresh ? stk_catalog_add_sku(catalog, id, sku, &err) : STK_OK;
    if (status == STK_OK)
        status = set_names(apply, *sku, attributes, &err);
    if (status == STK_OK)
        status = stk_catalog_set_attributes(catalog, *sku, bytes, &err);
    if (status == STK_OK)
        return STK_OK;
    if (fresh && *sku != STK_NONE)
        stk_catalog_remove_sku(catalog, *sku);
    return stk_apply_refuse(apply, status, "%s", err.text);
}

enum stk_status stk_sku_put(struct stk_apply *apply)
{
    const struct stk_args_sku_put *args = apply->args;
    struct stk_bytes id = stk_apply_text(apply, args->sku);
    const struct stk_catalog *catalog = &apply->state->catalog;
    struct stk_attributes attributes;
    uint8_t room[STK_ATTRIBUTES_MAX];
    uint8_t old[STK_ATTRIBUTES_MAX];
    stk_sku_t sku = stk_catalog_find_sku(catalog, id);
    struct stk_bytes present = {0};
    if (sku != STK_NONE) {
        struct stk_bytes own = stk_catalog_sku_id(catalog, sku);
        if (own.size != id.size || memcmp(own.data, id.data, id.size) != 0)
            return stk_apply_refuse(apply, STK_EXISTS, "sku: \"%.*s\" is an alias of SKU \"%.*s\"",
                                    (int)id.size, id.data, (int)own.size, own.data);
        present = stk_catalog_attributes(catalog, sku);
        memcpy(old, present.data ? present.data : "",
               present.size); /* it moves while it is replaced */
        present.data = (const char *)old;
    }
    if (stk_attributes_read(present, &attributes) != STK_OK)
        return stk_apply_refuse(apply, STK_CORRUPT, "sku: its attributes cannot be read");
    merge(apply, &attributes);
    enum stk_status status =
        check_names(apply, sku, "aliases", attributes.aliases, attributes.alias_count);
    if (status == STK_OK)
        status = check_names(apply, sku, "barcodes", attributes.barcodes, attributes.barcode_count);
    if (status != STK_OK)
        return status;
    struct stk_bytes bytes = {(const char *)room, stk_attributes_write(&attributes, room)};
    int fresh = sku == STK_NONE;
    status = sku_store(apply, id, &sku, &attributes, bytes);
    if (status != STK_OK)
        return status;
    stk_apply_begin(apply);
    stk_row_put_sku(&apply->record, apply->state, sku);
    stk_apply_say_bool(apply, "created", fresh);
    return STK_OK;
}

static int has_history(const struct stk_catalog *catalog, stk_sku_t sku)
{
    for (stk_cell_t i = stk_catalog_sku(catalog, sku)->first_cell; i != STK_NONE;) {
        const struct stk_cell *cell = stk_catalog_cell(catalog, i);
        const struct stk_cell_more *more = stk_catalog_cell_more(catalog, i);
        struct stk_cell_numbers numbers = stk_cell_numbers(cell);
        if (numbers.held || numbers.earmarked || cell->received || cell->shipped ||
            cell->returned || cell->found || cell->written_off || more->transferred_in ||
            more->transferred_out || cell->first_hold != STK_NONE)
            return 1;
        i = cell->next;
    }
    return 0;
}

/* An order that is all short or ordered ahead has no hold, but names the SKU all the same. */
static int in_an_order(const struct stk_state *state, stk_sku_t sku)
{
    const struct stk_orders *orders = &state->orders;
    for (uint32_t slot = stk_orders_next(orders, 0); slot != STK_NONE;
         slot = stk_orders_next(orders, slot + 1)) {
        const struct stk_order *order = stk_orders_at(orders, slot);
        const struct stk_order_component *component = stk_order_components(orders, order);
        for (uint16_t c = 0; c < order->components; c++)
            if (component[c].sku == sku)
                return 1;
    }
    return 0;
}

static int in_a_snapshot(const struct stk_book *book, stk_sku_t sku)
{
    for (uint32_t slot = 0; slot < book->snapshots.top; slot++)
        if (stk_book_find_snapshot_row(book, slot, sku) != STK_NONE)
            return 1;
    return 0;
}

enum stk_status stk_sku_delete(struct stk_apply *apply)
{
    const struct stk_args_name *args = apply->args;
    struct stk_state *state = apply->state;
    const struct stk_catalog *catalog = &state->catalog;
    stk_sku_t sku;
    enum stk_status status = stk_apply_sku(apply, args->name, &sku);
    if (status != STK_OK)
        return status;
    if (stk_catalog_sku(catalog, sku)->first_component != STK_NONE)
        return stk_apply_refuse(apply, STK_STATE, "sku: it is in a listing; delete that first");
    if (stk_book_first_incoming(&state->book, catalog, sku) != STK_NONE)
        return stk_apply_refuse(apply, STK_STATE, "sku: an incoming document names it");
    if (in_a_snapshot(&state->book, sku))
        return stk_apply_refuse(apply, STK_STATE, "sku: a snapshot that is open names it");
    if (has_history(catalog, sku) || stk_catalog_sku_more(catalog, sku)->in_transit)
        return stk_apply_refuse(apply, STK_STATE, "sku: it has stock or a history of stock");
    if (in_an_order(state, sku))
        return stk_apply_refuse(apply, STK_STATE, "sku: an order names it");
    stk_apply_begin(apply);
    for (stk_cell_t i = stk_catalog_sku(catalog, sku)->first_cell; i != STK_NONE;) {
        stk_row_delete_cell(&apply->record, state, i);
        i = stk_catalog_cell(catalog, i)->next;
    }
    stk_row_delete_u32(&apply->record, STK_TABLE_SKU, sku);
    stk_row_put_next_sku(&apply->record, state);
    stk_catalog_remove_sku(&state->catalog, sku);
    return STK_OK;
}

/* ---- locations ---- */

static enum stk_status channels_fit(struct stk_apply *apply,
                                    const struct stk_args_location_put *args)
{
    const struct stk_ref *item = stk_command_list(apply->command, args->channels);
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < args->channels.size; i++)
        fresh += stk_names_find(apply->state->names, STK_NAME_CHANNEL,
                                stk_apply_text(apply, item[i])) == 0;
    uint16_t next = stk_names_peek(apply->state->names, STK_NAME_CHANNEL);
    if (fresh && (next == 0 || next + fresh > STK_CHANNELS_MAX))
        return stk_apply_refuse(apply, STK_FULL, "channels: no more than %d channels",
                                STK_CHANNELS_MAX - 1);
    if (!stk_apply_name_fits(apply, STK_NAME_SOURCE, stk_apply_text(apply, args->authority)))
        return stk_apply_refuse(apply, STK_FULL, "authority: no more than %d sources",
                                STK_SOURCES_MAX - 1);
    return STK_OK;
}

static void set_location(struct stk_apply *apply, const struct stk_args_location_put *args,
                         struct stk_location *at)
{
    uint64_t channels[STK_CHANNELS_MAX / 64] = {0};
    const struct stk_ref *item = stk_command_list(apply->command, args->channels);
    int fresh = !at->used;
    if (fresh || STK_GIVEN(args, LOCATION_PUT_KIND))
        at->kind = args->kind;
    if (fresh || STK_GIVEN(args, LOCATION_PUT_COUNTRY))
        at->country = args->country;
    if (fresh || STK_GIVEN(args, LOCATION_PUT_PRIORITY))
        at->priority = (int32_t)args->priority;
    if (fresh || STK_GIVEN(args, LOCATION_PUT_SHIPS))
        at->ships = args->ships;
    if (fresh || STK_GIVEN(args, LOCATION_PUT_SPLIT))
        at->split = args->split;
    if (STK_GIVEN(args, LOCATION_PUT_AUTHORITY))
        at->authority =
            stk_apply_name(apply, STK_NAME_SOURCE, stk_apply_text(apply, args->authority));
    if (STK_GIVEN(args, LOCATION_PUT_NEAR)) {
        at->near_count = (uint8_t)args->near.size;
        memcpy(at->near, stk_command_list(apply->command, args->near),
               args->near.size * sizeof at->near[0]);
    }
    if (STK_GIVEN(args, LOCATION_PUT_NAME)) {
        struct stk_bytes name = stk_apply_text(apply, args->name);
        at->name_size = (uint16_t)name.size;
        memcpy(at->name, name.data, name.size);
    }
    if (!STK_GIVEN(args, LOCATION_PUT_CHANNELS))
        return;
    for (uint32_t i = 0; i < args->channels.size; i++) {
        uint16_t number = stk_apply_name(apply, STK_NAME_CHANNEL, stk_apply_text(apply, item[i]));
        channels[number / 64] |= UINT64_C(1) << (number % 64);
    }
    for (unsigned i = 0; i < STK_CHANNELS_MAX / 64; i++)
        at->channels[i] = channels[i];
}

enum stk_status stk_location_put(struct stk_apply *apply)
{
    const struct stk_args_location_put *args = apply->args;
    struct stk_catalog *catalog = &apply->state->catalog;
    struct stk_bytes id = stk_apply_text(apply, args->location);
    stk_location_t location = stk_catalog_find_location(catalog, id);
    int fresh = location == UINT16_MAX;
    enum stk_status status = channels_fit(apply, args);
    if (status != STK_OK)
        return status;
    if (args->near.size > sizeof catalog->location[0].near / sizeof catalog->location[0].near[0])
        return stk_apply_refuse(apply, STK_INVALID, "near: at most 32 countries");
    if (fresh && catalog->locations == STK_LOCATIONS_MAX)
        return stk_apply_refuse(apply, STK_FULL, "no more than %d locations", STK_LOCATIONS_MAX);
    if (fresh)
        location = catalog->locations;
    struct stk_location *at = &catalog->location[location];
    stk_apply_begin(apply);
    set_location(apply, args, at);
    if (fresh) {
        at->id_size = (uint8_t)id.size;
        memcpy(at->id, id.data, id.size);
        at->used = 1;
        catalog->locations = (uint16_t)(location + 1); /* readers see it from here on, complete */
    }
    stk_row_put_location(&apply->record, apply->state, location);
    stk_publish_resync(apply->state, 0); /* other channels may sell from it now */
    stk_apply_say_bool(apply, "created", fresh);
    return STK_OK;
}

/* ---- listings ---- */

static enum stk_status components_of(struct stk_apply *apply,
                                     const struct stk_args_listing_put *args,
                                     struct stk_component_spec *spec)
{
    const struct stk_args_component *item = stk_command_list(apply->command, args->components);
    for (uint32_t i = 0; i < args->components.size; i++) {
        struct stk_bytes name = stk_apply_text(apply, item[i].sku);
        spec[i].sku = stk_catalog_find_sku(&apply->state->catalog, name);
        spec[i].units = item[i].units;
        if (spec[i].sku == STK_NONE)
            return stk_apply_refuse(apply, STK_NOT_FOUND, "components[%u].sku: no SKU \"%.*s\"", i,
                                    (int)name.size, name.data);
        for (uint32_t j = 0; j < i; j++)
            if (spec[j].sku == spec[i].sku)
                return stk_apply_refuse(apply, STK_INVALID,
                                        "components[%u].sku: \"%.*s\" is there twice", i,
                                        (int)name.size, name.data);
    }
    return STK_OK;
}

/* Components that are not given stay. */
static uint32_t keep_components(const struct stk_catalog *catalog, stk_listing_t listing,
                                struct stk_component_spec *spec)
{
    uint32_t count = 0;
    for (uint32_t i = stk_catalog_listing(catalog, listing)->first_component; i != STK_NONE;) {
        const struct stk_component *component = stk_catalog_component(catalog, i);
        spec[count++] = (struct stk_component_spec){component->sku, component->units};
        i = component->next_of_listing;
    }
    return count;
}

enum stk_status stk_listing_put(struct stk_apply *apply)
{
    const struct stk_args_listing_put *args = apply->args;
    struct stk_catalog *catalog = &apply->state->catalog;
    struct stk_component_spec spec[STK_COMPONENTS_MAX];
    struct stk_bytes id = stk_apply_text(apply, args->listing);
    struct stk_bytes channel_name = stk_apply_text(apply, args->channel);
    uint16_t channel = stk_names_find(apply->state->names, STK_NAME_CHANNEL, channel_name);
    uint16_t next = channel ? channel : stk_names_peek(apply->state->names, STK_NAME_CHANNEL);
    stk_listing_t listing = channel ? stk_catalog_find_listing(catalog, channel, id) : STK_NONE;
    int fresh = listing == STK_NONE;
    struct stk_error err = {0};
    uint32_t count = args->components.size;
    enum stk_status status = components_of(apply, args, spec);
    if (status != STK_OK)
        return status;
    if (fresh && count == 0)
        return stk_apply_refuse(apply, STK_INVALID, "components: a new listing needs at least one");
    if (next == 0 || next >= STK_CHANNELS_MAX)
        return stk_apply_refuse(apply, STK_FULL, "channel: no more than %d channels",
                                STK_CHANNELS_MAX - 1);
    if (count == 0)
        count = keep_components(catalog, listing, spec);
    int active = fresh || STK_GIVEN(args, LISTING_PUT_ACTIVE)
                     ? args->active
                     : stk_catalog_listing(catalog, listing)->active;
    if (!fresh)
        stk_guarantee_count(apply->state, listing, -1);
    status = stk_catalog_put_listing(catalog, next, id, spec, count, active, &listing, &err);
    if (!fresh)
        stk_guarantee_count(apply->state, listing, 1);
    if (status != STK_OK)
        return stk_apply_refuse(apply, status, "%s", err.text);
    stk_apply_begin(apply);
    uint16_t named = stk_apply_name(apply, STK_NAME_CHANNEL, channel_name);
    stk_assert(named == next);
    stk_row_put_listing(&apply->record, apply->state, listing);
    stk_publish_listing(apply, listing);
    stk_apply_say_bool(apply, "created", fresh);
    return STK_OK;
}

enum stk_status stk_listing_delete(struct stk_apply *apply)
{
    const struct stk_args_listing *args = apply->args;
    struct stk_catalog *catalog = &apply->state->catalog;
    struct stk_bytes id = stk_apply_text(apply, args->listing);
    uint16_t channel =
        stk_names_find(apply->state->names, STK_NAME_CHANNEL, stk_apply_text(apply, args->channel));
    stk_listing_t listing = channel ? stk_catalog_find_listing(catalog, channel, id) : STK_NONE;
    if (listing == STK_NONE)
        return stk_apply_refuse(apply, STK_NOT_FOUND,
                                "listing: no listing \"%.*s\" of this channel", (int)id.size,
                                id.data);
    if (stk_publish_promised(apply, listing))
        return stk_apply_refuse(apply, STK_STATE,
                                "listing: the channel may still sell %u of it: make it inactive "
                                "first",
                                stk_publish_promised(apply, listing));
    stk_apply_begin(apply);
    stk_publish_forget(apply, listing);
    stk_catalog_remove_listing(catalog, listing);
    stk_row_delete_u32(&apply->record, STK_TABLE_LISTING, listing);
    return STK_OK;
}
