/* Readers of cells. Threads: any. Always: each cell is read at one instant; the sum over cells is
 * not. */
#include "core/flow/view.h"
#include "core/flow/allocate.h"
#include "core/flow/engine.h"
#include "core/state/state.h"
#include <stdatomic.h>

static const struct stk_state *state_of(const struct stk_engine *engine)
{
    return stk_engine_state((struct stk_engine *)(uintptr_t)engine);
}

stk_sku_t stk_engine_find_sku(const struct stk_engine *engine, struct stk_bytes name)
{
    return stk_catalog_find_sku(&state_of(engine)->catalog, name);
}

stk_location_t stk_engine_find_location(const struct stk_engine *engine, struct stk_bytes name)
{
    return stk_catalog_find_location(&state_of(engine)->catalog, name);
}

struct stk_bytes stk_engine_location_id(const struct stk_engine *engine, stk_location_t location)
{
    const struct stk_location *at = &state_of(engine)->catalog.location[location];
    return (struct stk_bytes){at->id, at->id_size};
}

#define GROUP 16 /* names whose memory is asked for together */

/* What the look-ups of a group will touch, in three steps, so that its waits overlap. */
static void prefetch_group(const struct stk_catalog *catalog, const struct stk_bytes *names,
                           uint32_t count)
{
    uint64_t hash[GROUP];
    stk_sku_t sku[GROUP];
    for (uint32_t i = 0; i < count; i++)
        hash[i] = stk_catalog_prefetch_name(catalog, names[i]);
    for (uint32_t i = 0; i < count; i++)
        sku[i] = stk_catalog_prefetch_sku(catalog, hash[i]);
    for (uint32_t i = 0; i < count; i++)
        if (sku[i] != STK_NONE)
            stk_catalog_prefetch_cell(catalog, sku[i]);
}

void stk_engine_available_many(const struct stk_engine *engine, const struct stk_bytes *names,
                               uint32_t count, uint32_t *available)
{
    const struct stk_catalog *catalog = &state_of(engine)->catalog;
    for (uint32_t from = 0; from < count; from += GROUP) {
        uint32_t until = count - from < GROUP ? count : from + GROUP;
        prefetch_group(catalog, names + from, until - from);
        for (uint32_t i = from; i < until; i++) {
            stk_sku_t sku = stk_catalog_find_sku(catalog, names[i]);
            available[i] = sku == STK_NONE ? STK_NONE : stk_engine_available(engine, sku);
        }
    }
}

static stk_cell_t first_cell(const struct stk_catalog *catalog, stk_sku_t sku)
{
    /* acquire: pairs with the release with which the catalog publishes a complete cell */
    return atomic_load_explicit(&stk_catalog_sku(catalog, sku)->first_cell, memory_order_acquire);
}

static stk_cell_t next_cell(const struct stk_cell *cell)
{
    /* acquire: pairs with the same release as in first_cell */
    return atomic_load_explicit(&cell->next, memory_order_acquire);
}

enum stk_status stk_engine_stock(const struct stk_engine *engine, stk_sku_t sku,
                                 struct stk_bytes channel, stk_location_t location,
                                 struct stk_stock_view *out)
{
    const struct stk_state *state = state_of(engine);
    const struct stk_catalog *catalog = &state->catalog;
    stk_channel_t number = stk_names_find(state->names, STK_NAME_CHANNEL, channel);
    uint64_t available = 0, exposed = 0;
    *out = (struct stk_stock_view){.sku = sku};
    if (sku >= catalog->skus.capacity)
        return STK_NOT_FOUND;
    stk_cell_t index = first_cell(catalog, sku);
    while (index != STK_NONE && out->cells < STK_LOCATIONS_MAX) {
        const struct stk_cell *cell = stk_catalog_cell(catalog, index);
        const struct stk_location *place = &catalog->location[cell->location];
        struct stk_cell_numbers numbers = stk_cell_read(cell);
        index = next_cell(cell);
        if (location != UINT16_MAX && location != cell->location)
            continue;
        uint32_t there = stk_cell_available(numbers);
        exposed += stk_cell_exposed(numbers);
        if (channel.size ? stk_allocate_allowed(place, number) : place->ships)
            available += there > numbers.earmarked ? there - numbers.earmarked : 0;
        out->cell[out->cells++] = (struct stk_cell_view){
            cell->location, numbers.on_hand, numbers.held, numbers.unsellable, numbers.earmarked};
    }
    out->available = available > UINT32_MAX ? UINT32_MAX : (uint32_t)available;
    out->exposed = exposed > UINT32_MAX ? UINT32_MAX : (uint32_t)exposed;
    return STK_OK;
}

uint32_t stk_engine_available(const struct stk_engine *engine, stk_sku_t sku)
{
    const struct stk_catalog *catalog = &state_of(engine)->catalog;
    uint64_t available = 0;
    stk_cell_t index = first_cell(catalog, sku);
    while (index != STK_NONE) {
        const struct stk_cell *cell = stk_catalog_cell(catalog, index);
        struct stk_cell_numbers numbers = stk_cell_read(cell);
        uint32_t there = stk_cell_available(numbers);
        if (catalog->location[cell->location].ships && there > numbers.earmarked)
            available += there - numbers.earmarked;
        index = next_cell(cell);
    }
    return available > UINT32_MAX ? UINT32_MAX : (uint32_t)available;
}
