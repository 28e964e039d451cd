/* Walks the catalogue from both ends of every link. Nothing is trusted: a number that leads nowhere
 * or a list without an end is reported, not followed. */
#include "core/state/check_catalog.h"

#define BROKEN(...) stk_error_set(err, STK_CORRUPT, __VA_ARGS__)

struct totals {
    uint64_t skus, cells, aliases, listings, of_listings, of_skus, text_bytes;
};

static enum stk_status check_holds(const struct stk_state *state, stk_cell_t index,
                                   struct stk_error *err)
{
    const struct stk_cell *cell = stk_catalog_cell(&state->catalog, index);
    const struct stk_pool *holds = &state->orders.holds;
    uint64_t held = 0, count = 0;
    uint32_t before = STK_NONE, at = cell->first_hold;
    for (; at != STK_NONE; at = stk_orders_hold(&state->orders, at)->next_of_cell) {
        const struct stk_hold *hold = stk_orders_hold(&state->orders, at);
        if (at >= holds->top || ++count > holds->used)
            return BROKEN("cell %u: its list of holds has no end", index);
        if (hold->order == STK_NONE || hold->cell != index || hold->prev_of_cell != before ||
            hold->incoming != STK_NONE)
            return BROKEN("cell %u: hold %u is not linked both ways", index, at);
        held += hold->quantity;
        before = at;
    }
    if (held != stk_cell_numbers(cell).held)
        return BROKEN("cell %u: held is %u, its holds are %llu", index, stk_cell_numbers(cell).held,
                      (unsigned long long)held);
    return STK_OK;
}

static enum stk_status check_cells(const struct stk_state *state, stk_sku_t sku,
                                   struct totals *totals, struct stk_error *err)
{
    const struct stk_catalog *catalog = &state->catalog;
    enum stk_status status = STK_OK;
    int last = -1;
    stk_cell_t at = stk_catalog_sku(catalog, sku)->first_cell;
    while (at != STK_NONE && status == STK_OK) {
        const struct stk_cell *cell = stk_catalog_cell(catalog, at);
        if (at >= catalog->cells.top || cell->sku != sku || (int)cell->location <= last)
            return BROKEN("sku %u: cell %u is not in its place", sku, at);
        if (!stk_cell_balanced(cell, stk_catalog_cell_more(catalog, at)))
            return BROKEN("cell %u: its ledger does not balance", at);
        status = check_holds(state, at, err);
        last = cell->location;
        at = cell->next;
        totals->cells++;
    }
    return status;
}

static enum stk_status check_names(const struct stk_catalog *catalog, stk_sku_t sku,
                                   struct totals *totals, struct stk_error *err)
{
    uint32_t at = stk_catalog_sku_more(catalog, sku)->first_alias;
    if (stk_catalog_find_sku(catalog, stk_catalog_sku_id(catalog, sku)) != sku)
        return BROKEN("sku %u: its id does not lead to it", sku);
    while (at) {
        const struct stk_alias *alias = stk_pool_at(&catalog->aliases, at);
        const char *text = catalog->ids + alias->text;
        if (at >= catalog->aliases.top || alias->sku != sku ||
            stk_catalog_find_sku(catalog, (struct stk_bytes){text + 1, (uint8_t)*text}) != sku)
            return BROKEN("sku %u: alias %u does not lead to it", sku, at);
        at = alias->next;
        if (++totals->aliases > catalog->aliases.used)
            return BROKEN("sku %u: its list of aliases has no end", sku);
    }
    return STK_OK;
}

static enum stk_status check_listings_of(const struct stk_catalog *catalog, stk_sku_t sku,
                                         struct totals *totals, struct stk_error *err)
{
    uint32_t before = STK_NONE, at = stk_catalog_sku(catalog, sku)->first_component;
    while (at != STK_NONE) {
        const struct stk_component *component = stk_catalog_component(catalog, at);
        if (at >= catalog->components.top || component->sku != sku ||
            component->prev_of_sku != before ||
            !stk_catalog_listing_lives(catalog, component->listing))
            return BROKEN("sku %u: component %u is not linked both ways", sku, at);
        if (++totals->of_skus > catalog->components.used)
            return BROKEN("sku %u: its list of components has no end", sku);
        before = at;
        at = component->next_of_sku;
    }
    return STK_OK;
}

static enum stk_status check_skus(const struct stk_state *state, struct totals *totals,
                                  struct stk_error *err)
{
    const struct stk_catalog *catalog = &state->catalog;
    enum stk_status status = STK_OK;
    for (stk_sku_t sku = stk_catalog_next_sku(catalog, 0); sku != STK_NONE && status == STK_OK;
         sku = stk_catalog_next_sku(catalog, sku + 1)) {
        uint32_t size = stk_catalog_attributes(catalog, sku).size;
        totals->skus++;
        totals->text_bytes += size ? stk_heap_rounded(size + 4) : 0;
        status = check_names(catalog, sku, totals, err);
        if (status == STK_OK)
            status = check_cells(state, sku, totals, err);
        if (status == STK_OK)
            status = check_listings_of(catalog, sku, totals, err);
    }
    return status;
}

static enum stk_status check_listings(const struct stk_catalog *catalog, struct totals *totals,
                                      struct stk_error *err)
{
    for (stk_listing_t slot = stk_catalog_next_listing(catalog, 0); slot != STK_NONE;
         slot = stk_catalog_next_listing(catalog, slot + 1)) {
        const struct stk_listing *listing = stk_catalog_listing(catalog, slot);
        uint32_t count = 0, at = listing->first_component;
        if (stk_catalog_find_listing(catalog, listing->channel,
                                     stk_catalog_listing_id(catalog, slot)) != slot)
            return BROKEN("listing %u: its id does not lead to it", slot);
        for (; at != STK_NONE; at = stk_catalog_component(catalog, at)->next_of_listing)
            if (at >= catalog->components.top ||
                stk_catalog_component(catalog, at)->listing != slot ||
                ++count > listing->component_count)
                return BROKEN("listing %u: component %u is not in its place", slot, at);
        if (count != listing->component_count || count == 0)
            return BROKEN("listing %u: %u components are linked, it says %u", slot, count,
                          listing->component_count);
        totals->of_listings += count;
        totals->listings++;
    }
    return STK_OK;
}

static enum stk_status check_locations(const struct stk_catalog *catalog, struct stk_error *err)
{
    for (stk_location_t i = 0; i < STK_LOCATIONS_MAX; i++) {
        const struct stk_location *at = &catalog->location[i];
        struct stk_bytes id = {at->id, at->id_size};
        if (i < catalog->locations && at->used && stk_catalog_find_location(catalog, id) != i)
            return BROKEN("location %u: its id does not lead to it", i);
    }
    return STK_OK;
}

/* A cell that its SKU does not lead to was left behind by a SKU that is gone: it is empty. */
static enum stk_status check_unlinked(const struct stk_catalog *catalog, struct stk_error *err)
{
    for (stk_cell_t i = 0; i < catalog->cells.top; i++) {
        const struct stk_cell *cell = stk_catalog_cell(catalog, i);
        struct stk_cell_numbers n = stk_cell_numbers(cell);
        if ((n.on_hand || n.held || n.unsellable || n.earmarked || cell->first_hold != STK_NONE) &&
            stk_catalog_find_cell(catalog, cell->sku, cell->location) != i)
            return BROKEN("cell %u: is not empty, and its SKU does not lead to it", i);
    }
    return STK_OK;
}

static enum stk_status check_totals(const struct stk_catalog *catalog, const struct totals *totals,
                                    struct stk_error *err)
{
    if (totals->skus != catalog->sku_count || totals->listings != catalog->listing_count)
        return BROKEN("catalog: %llu SKUs and %llu listings live, the counts say %u and %u",
                      (unsigned long long)totals->skus, (unsigned long long)totals->listings,
                      catalog->sku_count, catalog->listing_count);
    if (totals->skus != catalog->sku_names.count || totals->aliases != catalog->alias_names.count ||
        totals->listings != catalog->listing_names.count)
        return BROKEN("catalog: its indexes have names that nothing has");
    if (totals->of_skus != totals->of_listings || totals->of_skus != catalog->components.used)
        return BROKEN("catalog: SKUs have %llu components, listings %llu, %u are in use",
                      (unsigned long long)totals->of_skus, (unsigned long long)totals->of_listings,
                      catalog->components.used);
    if (totals->cells > catalog->cells.used)
        return BROKEN("catalog: %llu cells are linked, %u are in use",
                      (unsigned long long)totals->cells, catalog->cells.used);
    if (totals->text_bytes != catalog->text.used_bytes)
        return BROKEN("catalog: attributes have %llu bytes, %llu are in use",
                      (unsigned long long)totals->text_bytes,
                      (unsigned long long)catalog->text.used_bytes);
    return STK_OK;
}

enum stk_status stk_check_catalog(const struct stk_state *state, struct stk_error *err)
{
    struct totals totals = {0};
    enum stk_status status = check_skus(state, &totals, err);
    if (status == STK_OK)
        status = check_listings(&state->catalog, &totals, err);
    if (status == STK_OK)
        status = check_locations(&state->catalog, err);
    if (status == STK_OK)
        status = check_unlinked(&state->catalog, err);
    return status == STK_OK ? check_totals(&state->catalog, &totals, err) : status;
}
