/* Choosing cells. Always: nothing of the state is changed here; what earlier demands of the same
 * command took stands in the marks, so that two lines sharing a component never count it twice.
 *
 * The usual case, one line of one SKU with one cell, touches that cell and nothing else. */
#include "core/flow/allocate.h"
#include "core/base/fault.h"
#include "core/flow/earmark.h"
#include "core/flow/guarantee.h"

int stk_allocate_allowed(const struct stk_location *location, stk_channel_t channel)
{
    uint64_t any = 0;
    if (!location->used || !location->ships)
        return 0;
    for (unsigned i = 0; i < STK_CHANNELS_MAX / 64; i++)
        any |= atomic_load_explicit(&location->channels[i], memory_order_relaxed);
    if (!any)
        return 1;
    return channel && (location->channels[channel / 64] >> (channel % 64) & 1);
}

uint32_t stk_allocate_usable(struct stk_apply *apply, const struct stk_wants *wants,
                             stk_cell_t cell)
{
    const struct stk_cell *at = stk_catalog_cell(&apply->state->catalog, cell);
    struct stk_cell_numbers numbers = stk_cell_numbers(at);
    int64_t usable = (int64_t)numbers.on_hand - numbers.held;
    if (apply->scratch->planned_count)
        usable -= apply->scratch->marks[cell].planned;
    if (numbers.earmarked) {
        uint32_t mine = stk_earmark_units(
            apply, stk_earmark_uses(apply, wants->use, wants->channel_name), cell);
        usable -= numbers.earmarked > mine ? numbers.earmarked - mine : 0;
    }
    if (usable <= 0)
        return 0;
    if (wants->beyond || stk_fault_point(STK_FAULT_PLANT_SHOP_IGNORES) ||
        !stk_catalog_sku_more(&apply->state->catalog, at->sku)->pools)
        return (uint32_t)usable;
    uint64_t room = stk_guarantee_room(apply, at->sku, UINT64_C(1) << at->location);
    return room < (uint64_t)usable ? (uint32_t)room : (uint32_t)usable;
}

void stk_allocate_plan(struct stk_apply *apply, stk_cell_t cell, int64_t units)
{
    struct stk_scratch *scratch = apply->scratch;
    struct stk_mark *mark = &scratch->marks[cell];
    stk_assert(units >= INT32_MIN && units <= INT32_MAX);
    if (mark->listed != scratch->turn) {
        mark->listed = scratch->turn;
        stk_assert(scratch->planned_count < STK_TOUCHED_MAX);
        scratch->planned[scratch->planned_count++] = cell;
    }
    mark->planned -= (int32_t)units;
}

void stk_allocate_end(struct stk_apply *apply)
{
    struct stk_scratch *scratch = apply->scratch;
    for (uint32_t i = 0; i < scratch->planned_count; i++) {
        scratch->marks[scratch->planned[i]].planned = 0;
        scratch->marks[scratch->planned[i]].listed = 0;
    }
    scratch->planned_count = 0;
}

/* What is taken at one location may lessen what may be taken at another: it must be planned. */
static int is_promised(const struct stk_apply *apply, stk_sku_t sku)
{
    return stk_catalog_sku_more(&apply->state->catalog, sku)->pools != 0;
}

static void pick(struct stk_apply *apply, uint32_t demand, stk_cell_t cell, uint32_t quantity)
{
    struct stk_scratch *scratch = apply->scratch;
    stk_assert(scratch->picks < STK_HOLDS_PER_ORDER_MAX);
    scratch->pick[scratch->picks++] = (struct stk_pick){cell, quantity, demand};
    if (scratch->demands > 1 || is_promised(apply, scratch->demand[demand].sku))
        stk_allocate_plan(apply, cell, -(int64_t)quantity);
}

static void unpick(struct stk_apply *apply, uint32_t to)
{
    struct stk_scratch *scratch = apply->scratch;
    while (scratch->picks > to) {
        const struct stk_pick *last = &scratch->pick[--scratch->picks];
        if (scratch->demands > 1 || is_promised(apply, scratch->demand[last->demand].sku))
            stk_allocate_plan(apply, last->cell, last->quantity);
    }
}

static unsigned distance(const struct stk_location *location, stk_country_t country)
{
    if (!country || location->country == country)
        return 0;
    for (unsigned i = 0; i < location->near_count; i++)
        if (location->near[i] == country)
            return 1 + i;
    return 255;
}

static int goes_before(const struct stk_location *location, stk_location_t a, stk_location_t b,
                       stk_country_t country)
{
    if (location[a].priority != location[b].priority)
        return location[a].priority < location[b].priority;
    unsigned near_a = distance(&location[a], country), near_b = distance(&location[b], country);
    return near_a != near_b ? near_a < near_b : a < b;
}

/* The locations that may serve, best first. */
static unsigned rank_locations(struct stk_apply *apply, const struct stk_wants *wants,
                               stk_location_t ranked[STK_LOCATIONS_MAX])
{
    const struct stk_catalog *catalog = &apply->state->catalog;
    unsigned count = 0;
    for (stk_location_t i = 0; i < catalog->locations; i++) {
        if (wants->only != UINT16_MAX && wants->only != i)
            continue;
        if (!stk_allocate_allowed(&catalog->location[i], wants->channel))
            continue;
        unsigned at = count++;
        for (; at && goes_before(catalog->location, i, ranked[at - 1], wants->country); at--)
            ranked[at] = ranked[at - 1];
        ranked[at] = i;
    }
    return count;
}

/* All demands whole at one location: picks made, or none. */
static int cover_at(struct stk_apply *apply, const struct stk_wants *wants, stk_location_t location)
{
    struct stk_scratch *scratch = apply->scratch;
    for (uint32_t i = 0; i < scratch->demands; i++) {
        const struct stk_demand *demand = &scratch->demand[i];
        stk_cell_t cell = stk_catalog_find_cell(&apply->state->catalog, demand->sku, location);
        if (cell == STK_NONE || stk_allocate_usable(apply, wants, cell) < demand->wanted) {
            unpick(apply, 0);
            return 0;
        }
        pick(apply, i, cell, demand->wanted);
    }
    return 1;
}

struct split {
    const struct stk_wants *wants;
    const stk_location_t *ranked;
    unsigned count;
    int any_location; /* facts: also locations that do not take part in splits */
};

/* What there is of one SKU over the locations. */
static uint64_t usable_in_all(struct stk_apply *apply, const struct split *split, stk_sku_t sku)
{
    uint64_t sum = 0;
    uint32_t taken[STK_LOCATIONS_MAX] = {0};
    for (unsigned i = 0; i < split->count; i++) {
        stk_cell_t cell = stk_catalog_find_cell(&apply->state->catalog, sku, split->ranked[i]);
        if (cell == STK_NONE ||
            !(split->any_location || apply->state->catalog.location[split->ranked[i]].split))
            continue;
        taken[i] = stk_allocate_usable(apply, split->wants, cell);
        sum += taken[i];
        if (is_promised(apply, sku))
            stk_allocate_plan(apply, cell, -(int64_t)taken[i]);
    }
    for (unsigned i = 0; i < split->count && is_promised(apply, sku); i++)
        if (taken[i])
            stk_allocate_plan(apply,
                              stk_catalog_find_cell(&apply->state->catalog, sku, split->ranked[i]),
                              taken[i]);
    return sum;
}

/* `wanted` units of one demand, which are there: one location if one has all, else as ranked. */
static void take_split(struct stk_apply *apply, const struct split *split, uint32_t demand,
                       uint32_t wanted)
{
    const struct stk_catalog *catalog = &apply->state->catalog;
    stk_sku_t sku = apply->scratch->demand[demand].sku;
    for (int whole = 1; whole >= 0; whole--) {
        for (unsigned i = 0; i < split->count && wanted; i++) {
            stk_cell_t cell = stk_catalog_find_cell(catalog, sku, split->ranked[i]);
            if (cell == STK_NONE ||
                !(split->any_location || catalog->location[split->ranked[i]].split))
                continue;
            uint32_t usable = stk_allocate_usable(apply, split->wants, cell);
            if (whole && usable < wanted)
                continue;
            uint32_t taken = usable < wanted ? usable : wanted;
            if (taken)
                pick(apply, demand, cell, taken);
            wanted -= taken;
        }
    }
    stk_assert(wanted == 0);
}

/* One line over several locations: as many units as all its components allow. */
static uint32_t cover_line(struct stk_apply *apply, const struct split *split, uint32_t first,
                           uint32_t end, uint32_t units)
{
    const struct stk_demand *demand = apply->scratch->demand;
    uint64_t covered = units;
    for (uint32_t i = first; i < end; i++) {
        uint64_t there = usable_in_all(apply, split, demand[i].sku) / demand[i].units;
        covered = there < covered ? there : covered;
    }
    for (uint32_t i = first; i < end && covered; i++)
        take_split(apply, split, i, (uint32_t)covered * demand[i].units);
    return (uint32_t)covered;
}

/* Without a split: the one location that has most of the line. */
static uint32_t cover_line_at_one(struct stk_apply *apply, const struct split *split,
                                  uint32_t first, uint32_t end, uint32_t units)
{
    struct split one = *split;
    uint32_t best = 0;
    unsigned best_at = 0;
    one.count = 1, one.any_location = 1;
    for (unsigned l = 0; l < split->count; l++) {
        uint64_t covered = units;
        one.ranked = &split->ranked[l];
        for (uint32_t i = first; i < end; i++) {
            const struct stk_demand *demand = &apply->scratch->demand[i];
            uint64_t there = usable_in_all(apply, &one, demand->sku) / demand->units;
            covered = there < covered ? there : covered;
        }
        if (covered > best)
            best = (uint32_t)covered, best_at = l;
    }
    if (!best)
        return 0;
    one.ranked = &split->ranked[best_at];
    return cover_line(apply, &one, first, end, best);
}

/* Line by line. Returns STK_SHORT when a line that must be whole is not. */
static enum stk_status cover_lines(struct stk_apply *apply, const struct stk_wants *wants,
                                   const struct split *split, const uint32_t *units_of_line)
{
    struct stk_scratch *scratch = apply->scratch;
    enum stk_status status = STK_OK;
    for (uint32_t first = 0, end; first < scratch->demands; first = end) {
        uint16_t line = scratch->demand[first].line;
        for (end = first; end < scratch->demands && scratch->demand[end].line == line;)
            end++;
        uint32_t units = units_of_line[line];
        uint32_t covered = wants->split ? cover_line(apply, split, first, end, units)
                                        : cover_line_at_one(apply, split, first, end, units);
        scratch->line_units[line] = covered;
        if (covered < units && !(wants->partial && wants->partial[line]))
            status = STK_SHORT;
    }
    return status;
}

/* One demand of one SKU that has one cell: the usual case. */
static int cover_single(struct stk_apply *apply, const struct stk_wants *wants)
{
    const struct stk_demand *demand = &apply->scratch->demand[0];
    const struct stk_catalog *catalog = &apply->state->catalog;
    stk_cell_t index = stk_catalog_sku(catalog, demand->sku)->first_cell;
    if (apply->scratch->demands != 1 || index == STK_NONE)
        return 0;
    const struct stk_cell *cell = stk_catalog_cell(catalog, index);
    if (cell->next != STK_NONE || (wants->only != UINT16_MAX && wants->only != cell->location) ||
        !stk_allocate_allowed(&catalog->location[cell->location], wants->channel) ||
        stk_allocate_usable(apply, wants, index) < demand->wanted)
        return 0;
    pick(apply, 0, index, demand->wanted);
    return 1;
}

static void all_covered(struct stk_apply *apply, const uint32_t *units_of_line, uint16_t lines)
{
    for (uint16_t i = 0; i < lines; i++)
        apply->scratch->line_units[i] = units_of_line[i];
}

enum stk_status stk_allocate(struct stk_apply *apply, const struct stk_wants *wants,
                             const uint32_t *units_of_line, uint16_t lines)
{
    stk_location_t ranked[STK_LOCATIONS_MAX];
    struct stk_scratch *scratch = apply->scratch;
    scratch->picks = 0;
    all_covered(apply, units_of_line, lines);
    if (scratch->demands == 0 || cover_single(apply, wants))
        return STK_OK;
    unsigned count = rank_locations(apply, wants, ranked);
    for (unsigned i = 0; i < count; i++)
        if (cover_at(apply, wants, ranked[i]))
            return STK_OK;
    struct split split = {wants, ranked, count, wants->fact};
    enum stk_status status = cover_lines(apply, wants, &split, units_of_line);
    if (status == STK_OK && !wants->split && wants->partial == NULL && scratch->demands > 1)
        status = STK_SHORT; /* each line alone has a location, but not the same one */
    if (status != STK_OK)
        unpick(apply, 0);
    return status;
}
