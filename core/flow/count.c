/* Counts. Always: held is untouched; the difference to what the book says is found or written off;
 * a cell's last count never goes back in time.
 *
 * basis physical: on_hand was so many at as_of; what moved since is applied again.
 *
 * basis available: the source reports what it would still sell. Of each order of a source named in
 * `subtracted`, placed up to `until`, the units were off that number already at as_of although they
 * lay there, unless they had left before. So they are added back: those that we hold now, and those
 * that left after as_of (their leaving is among the movements, which would take them off a second
 * time). An order that was cancelled since is not added back: the next report holds its units, and
 * until then we say too little rather than too much. */
#include "core/flow/count.h"
#include "core/flow/shortfall.h"

#define FUTURE_MS (5 * 60 * 1000)

/* ---- one cell ---- */

static int64_t subtracted_units(const struct stk_apply *apply, const struct stk_count_spec *spec,
                                stk_cell_t cell)
{
    const struct stk_state *state = apply->state;
    int64_t units = 0;
    for (uint32_t at = stk_catalog_cell(&state->catalog, cell)->first_hold; at != STK_NONE;) {
        const struct stk_hold *hold = stk_orders_hold(&state->orders, at);
        const struct stk_order *order = stk_orders_at(&state->orders, hold->order);
        for (uint32_t i = 0; i < spec->subtracted_count; i++)
            if (order->source == spec->subtracted[i].source &&
                order->placed_ms <= spec->subtracted[i].until_ms) {
                units += hold->quantity;
                break;
            }
        at = hold->next_of_cell;
    }
    for (uint32_t i = 0; i < spec->subtracted_count; i++)
        units += stk_book_shipped_since(&state->book, &state->catalog, cell, spec->as_of_ms,
                                        spec->subtracted[i].source, spec->subtracted[i].until_ms);
    return units;
}

/* What on_hand becomes. STK_STALE, STK_TOO_OLD, STK_FULL: not counted. cell may be STK_NONE. */
static enum stk_status decide(const struct stk_apply *apply, const struct stk_count_spec *spec,
                              stk_cell_t cell, uint32_t quantity, uint32_t *on_hand)
{
    const struct stk_state *state = apply->state;
    int64_t target = quantity;
    int known = 1;
    stk_time_t last_ms = cell == STK_NONE ? 0 : *stk_catalog_counted(&state->catalog, cell);
    if (spec->as_of_ms < last_ms)
        return STK_STALE;
    if (cell != STK_NONE) {
        target += stk_book_moved_since(&state->book, &state->catalog, cell, spec->as_of_ms, &known);
        if (spec->basis == STK_BASIS_AVAILABLE)
            target += subtracted_units(apply, spec, cell);
    }
    if (!known || spec->as_of_ms < apply->now - apply->options->movement_window_ms)
        return STK_TOO_OLD;
    if (target > STK_QUANTITY_MAX)
        return STK_FULL;
    *on_hand = target < 0 ? 0 : (uint32_t)target;
    if (cell == STK_NONE)
        return STK_OK;
    struct stk_cell_numbers numbers = stk_cell_numbers(stk_catalog_cell(&state->catalog, cell));
    return spec->as_of_ms == last_ms && numbers.on_hand != *on_hand ? STK_STALE : STK_OK;
}

/* The ledger's counters have an end: refuse rather than wrap. */
static int ledger_fits(const struct stk_apply *apply, stk_cell_t cell, uint32_t on_hand)
{
    if (cell == STK_NONE)
        return 1;
    const struct stk_cell *at = stk_catalog_cell(&apply->state->catalog, cell);
    uint32_t now = stk_cell_numbers(at).on_hand;
    return on_hand > now ? (uint64_t)at->found + (on_hand - now) <= UINT32_MAX
                         : (uint64_t)at->written_off + (now - on_hand) <= UINT32_MAX;
}

static int64_t book(struct stk_apply *apply, const struct stk_count_spec *spec, stk_cell_t cell,
                    uint32_t on_hand)
{
    struct stk_catalog *catalog = &apply->state->catalog;
    struct stk_cell *at = stk_catalog_cell(catalog, cell);
    struct stk_cell_numbers numbers = stk_cell_numbers(at);
    int64_t difference = (int64_t)on_hand - numbers.on_hand;
    if (difference > 0)
        at->found += (uint32_t)difference;
    else
        at->written_off += (uint32_t)-difference;
    numbers.on_hand = on_hand;
    stk_cell_write(at, numbers);
    *stk_catalog_counted(catalog, cell) = spec->as_of_ms;
    stk_apply_touch(apply, cell);
    if (difference > 0)
        stk_order_cover_back_orders(apply, at->sku);
    return difference;
}

/* ---- stock.count ---- */

enum stk_status stk_count_spec(struct stk_apply *apply, struct stk_ref subtracted, int64_t as_of,
                               uint8_t basis, struct stk_count_spec *spec)
{
    const struct stk_args_subtracted *item = stk_command_list(apply->command, subtracted);
    if (as_of > apply->now + FUTURE_MS)
        return stk_apply_refuse(apply, STK_INVALID, "as_of: lies in the future");
    if (subtracted.size > STK_SUBTRACTED_MAX)
        return stk_apply_refuse(apply, STK_INVALID, "subtracted: at most %d sources",
                                STK_SUBTRACTED_MAX);
    if (subtracted.size && basis != STK_BASIS_AVAILABLE)
        return stk_apply_refuse(apply, STK_INVALID,
                                "subtracted: goes with basis \"available\" only");
    *spec = (struct stk_count_spec){
        .as_of_ms = as_of, .basis = basis, .subtracted_count = subtracted.size};
    for (uint32_t i = 0; i < subtracted.size; i++)
        spec->subtracted[i] =
            (struct stk_subtracted){stk_names_find(apply->state->names, STK_NAME_SOURCE,
                                                   stk_apply_text(apply, item[i].source)),
                                    item[i].until};
    return STK_OK;
}

enum stk_status stk_count_authority(struct stk_apply *apply, stk_location_t location)
{
    const struct stk_location *at = &apply->state->catalog.location[location];
    struct stk_bytes source = stk_apply_text(apply, apply->command->source);
    if (!at->authority ||
        stk_names_find(apply->state->names, STK_NAME_SOURCE, source) == at->authority)
        return STK_OK;
    struct stk_bytes authority =
        stk_names_text(apply->state->names, STK_NAME_SOURCE, at->authority);
    return stk_apply_refuse(apply, STK_DENIED, "source: counts of this location come from \"%.*s\"",
                            (int)authority.size, authority.data);
}

static enum stk_status refuse_count(struct stk_apply *apply, enum stk_status status,
                                    stk_cell_t cell)
{
    stk_time_t last_ms = cell == STK_NONE ? 0 : *stk_catalog_counted(&apply->state->catalog, cell);
    switch (status) {
    case STK_STALE:
        stk_apply_refuse(apply, status,
                         "as_of: the cell was counted later, or otherwise at that instant");
        stk_apply_say_int(apply, "as_of", last_ms);
        return status;
    case STK_TOO_OLD:
        return stk_apply_refuse(apply, status, "as_of: older than the movements that are kept");
    default:
        return stk_apply_refuse(apply, status, "quantity: the cell would hold more than %d units",
                                STK_QUANTITY_MAX);
    }
}

enum stk_status stk_stock_count(struct stk_apply *apply)
{
    const struct stk_args_stock_count *args = apply->args;
    struct stk_catalog *catalog = &apply->state->catalog;
    struct stk_count_spec spec;
    stk_sku_t sku;
    stk_location_t location;
    uint32_t on_hand;
    enum stk_status status = stk_apply_sku(apply, args->sku, &sku);
    if (status == STK_OK)
        status = stk_apply_location(apply, args->location, &location);
    if (status == STK_OK)
        status = stk_count_authority(apply, location);
    int64_t as_of = STK_GIVEN(args, STOCK_COUNT_AS_OF) ? args->as_of : apply->now;
    if (status == STK_OK)
        status = stk_count_spec(apply, args->subtracted, as_of, args->basis, &spec);
    if (status != STK_OK)
        return status;
    stk_cell_t cell = stk_catalog_find_cell(catalog, sku, location);
    uint32_t present =
        cell == STK_NONE ? 0 : stk_cell_numbers(stk_catalog_cell(catalog, cell)).on_hand;
    if (STK_GIVEN(args, STOCK_COUNT_EXPECT) && args->expect != present) {
        stk_apply_refuse(apply, STK_MISMATCH, "expect: on_hand is %u", present);
        stk_apply_say_uint(apply, "on_hand", present);
        return STK_MISMATCH;
    }
    status = decide(apply, &spec, cell, args->quantity, &on_hand);
    if (status != STK_OK)
        return refuse_count(apply, status, cell);
    if (!stk_apply_cell_fits(apply, 1) || !ledger_fits(apply, cell, on_hand))
        return stk_apply_refuse(apply, STK_FULL,
                                "capacity \"cells\", or the cell's ledger, is used up");
    stk_apply_begin(apply);
    cell = stk_apply_cell(apply, sku, location);
    int64_t difference = book(apply, &spec, cell, on_hand);
    struct stk_cell_numbers numbers = stk_cell_numbers(stk_catalog_cell(catalog, cell));
    stk_apply_say_uint(apply, "on_hand", numbers.on_hand);
    stk_apply_say_int(apply, "difference", difference);
    stk_apply_say_uint(apply, "exposed", stk_cell_exposed(numbers));
    return STK_OK;
}

void stk_count_apply(struct stk_apply *apply, const struct stk_count_spec *spec,
                     stk_location_t location, stk_sku_t sku, uint32_t quantity)
{
    stk_cell_t cell = stk_catalog_find_cell(&apply->state->catalog, sku, location);
    uint32_t on_hand;
    if (decide(apply, spec, cell, quantity, &on_hand) != STK_OK ||
        !ledger_fits(apply, cell, on_hand) || !stk_apply_cell_fits(apply, 1))
        return;
    book(apply, spec, stk_apply_cell(apply, sku, location), on_hand);
}
