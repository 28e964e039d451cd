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

#define FUTURE_MS      (5 * 60 * 1000)
#define SUBTRACTED_MAX 16

struct subtracted {
    uint16_t source;
    stk_time_t until_ms;
};

struct spec {
    stk_time_t as_of_ms;
    uint8_t basis;
    uint32_t subtracted_count;
    struct subtracted subtracted[SUBTRACTED_MAX];
};

/* ---- one cell ---- */

static int64_t subtracted_units(const struct stk_apply *apply, const struct spec *spec,
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
static enum stk_status decide(const struct stk_apply *apply, const struct spec *spec,
                              stk_cell_t cell, uint32_t quantity, uint32_t *on_hand)
{
    const struct stk_state *state = apply->state;
    int64_t target = quantity;
    int known = 1;
    stk_time_t last_ms = cell == STK_NONE ? 0 : stk_catalog_cell_more(&state->catalog, cell)->as_of;
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

static int64_t book(struct stk_apply *apply, const struct spec *spec, stk_cell_t cell,
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
    stk_catalog_cell_more(catalog, cell)->as_of = spec->as_of_ms;
    stk_apply_touch(apply, cell);
    if (difference > 0)
        stk_order_cover_back_orders(apply, at->sku);
    return difference;
}

/* ---- stock.count ---- */

static enum stk_status read_spec(struct stk_apply *apply, struct stk_ref subtracted, int64_t as_of,
                                 uint8_t basis, struct spec *spec)
{
    const struct stk_args_subtracted *item = stk_command_list(apply->command, subtracted);
    if (as_of > apply->now + FUTURE_MS)
        return stk_apply_refuse(apply, STK_INVALID, "as_of: lies in the future");
    if (subtracted.size > SUBTRACTED_MAX)
        return stk_apply_refuse(apply, STK_INVALID, "subtracted: at most %d sources",
                                SUBTRACTED_MAX);
    if (subtracted.size && basis != STK_BASIS_AVAILABLE)
        return stk_apply_refuse(apply, STK_INVALID,
                                "subtracted: goes with basis \"available\" only");
    *spec = (struct spec){.as_of_ms = as_of, .basis = basis, .subtracted_count = subtracted.size};
    for (uint32_t i = 0; i < subtracted.size; i++)
        spec->subtracted[i] =
            (struct subtracted){stk_names_find(apply->state->names, STK_NAME_SOURCE,
                                               stk_apply_text(apply, item[i].source)),
                                item[i].until};
    return STK_OK;
}

static enum stk_status check_authority(struct stk_apply *apply, stk_location_t location)
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
    stk_time_t last_ms =
        cell == STK_NONE ? 0 : stk_catalog_cell_more(&apply->state->catalog, cell)->as_of;
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
    struct spec spec;
    stk_sku_t sku;
    stk_location_t location;
    uint32_t on_hand;
    enum stk_status status = stk_apply_sku(apply, args->sku, &sku);
    if (status == STK_OK)
        status = stk_apply_location(apply, args->location, &location);
    if (status == STK_OK)
        status = check_authority(apply, location);
    int64_t as_of = STK_GIVEN(args, STOCK_COUNT_AS_OF) ? args->as_of : apply->now;
    if (status == STK_OK)
        status = read_spec(apply, args->subtracted, as_of, args->basis, &spec);
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

/* ---- stock.snapshot ---- */

static const char *const state_names[] = {"?", "filling", "held", "applying"};

struct verdict {
    uint32_t skus, moved;
};

/* How much of the location's stock the set would take away. One look at each SKU. */
static struct verdict judge(const struct stk_apply *apply, uint32_t slot)
{
    const struct stk_state *state = apply->state;
    const struct stk_snapshot *snapshot = stk_pool_at(&state->book.snapshots, slot);
    struct verdict verdict = {0, 0};
    for (stk_sku_t sku = stk_catalog_next_sku(&state->catalog, 0); sku != STK_NONE;
         sku = stk_catalog_next_sku(&state->catalog, sku + 1)) {
        stk_cell_t cell = stk_catalog_find_cell(&state->catalog, sku, snapshot->location);
        uint32_t now = cell == STK_NONE
                           ? 0
                           : stk_cell_numbers(stk_catalog_cell(&state->catalog, cell)).on_hand;
        if (now == 0)
            continue;
        uint32_t row = stk_book_find_snapshot_row(&state->book, slot, sku);
        uint32_t then = snapshot->missing == STK_MISSING_ZERO ? 0 : now;
        if (row != STK_NONE)
            then = ((const struct stk_snapshot_row *)stk_pool_at(&state->book.snapshot_rows, row))
                       ->quantity;
        verdict.skus++;
        verdict.moved += then < (now + 1) / 2;
    }
    return verdict;
}

static int is_held_back(const struct stk_apply *apply, struct verdict verdict)
{
    return verdict.skus > 10 &&
           (uint64_t)verdict.moved * 100 > (uint64_t)verdict.skus * apply->options->breaker_percent;
}

static void say_snapshot(struct stk_apply *apply, uint32_t slot)
{
    const struct stk_snapshot *snapshot = stk_pool_at(&apply->state->book.snapshots, slot);
    stk_apply_say_text(apply, "state", state_names[snapshot->state]);
    stk_apply_say_uint(apply, "rows", snapshot->rows);
    stk_apply_say_uint(apply, "total", snapshot->total);
}

static enum stk_status rows_refused(struct stk_apply *apply,
                                    const struct stk_args_stock_snapshot *args, uint32_t slot,
                                    stk_sku_t *skus)
{
    const struct stk_args_snapshot_row *row = stk_command_list(apply->command, args->rows);
    const struct stk_book *book = &apply->state->book;
    const struct stk_snapshot *snapshot =
        slot == STK_NONE ? NULL : stk_pool_at(&book->snapshots, slot);
    uint32_t there = snapshot ? snapshot->rows : 0;
    uint32_t total = snapshot ? snapshot->total : args->total;
    if (there + args->rows.size > total)
        return stk_apply_refuse(apply, STK_INVALID, "rows: more than the total of %u", total);
    if (book->snapshot_rows.capacity - book->snapshot_rows.used < args->rows.size)
        return stk_apply_refuse(apply, STK_FULL, "capacity \"snapshot_rows\" is used up");
    for (uint32_t i = 0; i < args->rows.size; i++) {
        struct stk_bytes name = stk_apply_text(apply, row[i].sku);
        skus[i] = stk_catalog_find_sku(&apply->state->catalog, name);
        if (skus[i] == STK_NONE)
            return stk_apply_refuse(apply, STK_NOT_FOUND, "rows[%u].sku: no SKU \"%.*s\"", i,
                                    (int)name.size, name.data);
        int twice = snapshot && stk_book_find_snapshot_row(book, slot, skus[i]) != STK_NONE;
        for (uint32_t j = 0; j < i && !twice; j++)
            twice = skus[j] == skus[i];
        if (twice)
            return stk_apply_refuse(apply, STK_INVALID,
                                    "rows[%u].sku: \"%.*s\" is in the set twice", i, (int)name.size,
                                    name.data);
    }
    return STK_OK;
}

static enum stk_status open_snapshot(struct stk_apply *apply,
                                     const struct stk_args_stock_snapshot *args,
                                     const struct spec *spec, stk_location_t location,
                                     uint32_t *slot)
{
    struct stk_book *book = &apply->state->book;
    *slot = stk_book_add_snapshot(book, STK_NONE, stk_apply_text(apply, args->snapshot));
    if (*slot == STK_NONE)
        return stk_apply_refuse(apply, STK_FULL, "too many snapshots are open");
    struct stk_snapshot *snapshot = stk_pool_at(&book->snapshots, *slot);
    snapshot->location = location;
    snapshot->state = STK_SNAPSHOT_FILLING;
    snapshot->missing = args->missing;
    snapshot->basis = spec->basis;
    snapshot->total = args->total;
    snapshot->as_of_ms = spec->as_of_ms;
    snapshot->seq = apply->seq;
    snapshot->subtracted = (uint8_t)spec->subtracted_count;
    for (uint32_t i = 0; i < spec->subtracted_count; i++) {
        snapshot->subtracted_source[i] = spec->subtracted[i].source;
        snapshot->subtracted_until[i] = spec->subtracted[i].until_ms;
    }
    return STK_OK;
}

static void add_rows(struct stk_apply *apply, const struct stk_args_stock_snapshot *args,
                     uint32_t slot, const stk_sku_t *skus)
{
    const struct stk_args_snapshot_row *row = stk_command_list(apply->command, args->rows);
    struct stk_book *book = &apply->state->book;
    struct stk_snapshot *snapshot = stk_pool_at(&book->snapshots, slot);
    for (uint32_t i = 0; i < args->rows.size; i++) {
        uint32_t at = stk_book_set_snapshot_row(book, slot, skus[i], row[i].quantity);
        stk_assert(at != STK_NONE);
    }
    if (snapshot->rows == snapshot->total) {
        struct verdict verdict = judge(apply, slot);
        snapshot->state = is_held_back(apply, verdict) ? STK_SNAPSHOT_HELD : STK_SNAPSHOT_APPLYING;
        stk_apply_say_uint(apply, "skus_with_stock", verdict.skus);
        stk_apply_say_uint(apply, "skus_zeroed_or_halved", verdict.moved);
    }
    stk_row_put_snapshot(&apply->record, apply->state, slot);
    for (uint32_t i = 0; i < args->rows.size; i++)
        stk_row_put_snapshot_row(&apply->record, slot, skus[i], row[i].quantity);
}

static enum stk_status snapshot_rows(struct stk_apply *apply, uint32_t slot)
{
    const struct stk_args_stock_snapshot *args = apply->args;
    struct spec spec;
    stk_location_t location;
    stk_sku_t skus[STK_LINES_MAX];
    if (slot != STK_NONE) {
        const struct stk_snapshot *snapshot = stk_pool_at(&apply->state->book.snapshots, slot);
        if (snapshot->state != STK_SNAPSHOT_FILLING)
            return stk_apply_refuse(apply, STK_STATE, "snapshot: it is complete and %s",
                                    state_names[snapshot->state]);
    }
    if (!args->location.size || !args->total)
        return stk_apply_refuse(apply, STK_INVALID, "location and total are needed");
    enum stk_status status = stk_apply_location(apply, args->location, &location);
    if (status == STK_OK)
        status = check_authority(apply, location);
    int64_t as_of = STK_GIVEN(args, STOCK_SNAPSHOT_AS_OF) ? args->as_of : apply->now;
    if (status == STK_OK)
        status = read_spec(apply, args->subtracted, as_of, args->basis, &spec);
    if (status == STK_OK)
        status = rows_refused(apply, args, slot, skus);
    if (status == STK_OK && slot == STK_NONE)
        status = open_snapshot(apply, args, &spec, location, &slot);
    if (status != STK_OK)
        return status;
    stk_apply_begin(apply);
    add_rows(apply, args, slot, skus);
    say_snapshot(apply, slot);
    return STK_OK;
}

static void drop_snapshot(struct stk_apply *apply, uint32_t slot)
{
    struct stk_book *book = &apply->state->book;
    const struct stk_snapshot *snapshot = stk_pool_at(&book->snapshots, slot);
    while (snapshot->rows) {
        const struct stk_snapshot_row *row = stk_pool_at(&book->snapshot_rows, snapshot->first_row);
        stk_sku_t sku = row->sku;
        stk_row_delete_snapshot_row(&apply->record, slot, sku);
        stk_book_drop_snapshot_row(book, slot, sku);
    }
    stk_row_delete_u32(&apply->record, STK_TABLE_SNAPSHOT, slot);
    stk_book_remove_snapshot(book, slot);
}

enum stk_status stk_stock_snapshot(struct stk_apply *apply)
{
    const struct stk_args_stock_snapshot *args = apply->args;
    struct stk_bytes id = stk_apply_text(apply, args->snapshot);
    uint32_t slot = stk_book_find_snapshot(&apply->state->book, id);
    if (args->action == STK_SNAPSHOT_ROWS)
        return snapshot_rows(apply, slot);
    if (slot == STK_NONE)
        return stk_apply_refuse(apply, STK_NOT_FOUND, "snapshot: no snapshot \"%.*s\" is open",
                                (int)id.size, id.data);
    struct stk_snapshot *snapshot = stk_pool_at(&apply->state->book.snapshots, slot);
    if (args->action == STK_SNAPSHOT_APPROVE && snapshot->state != STK_SNAPSHOT_HELD)
        return stk_apply_refuse(apply, STK_STATE, "snapshot: it is %s, not held",
                                state_names[snapshot->state]);
    if (args->action == STK_SNAPSHOT_DISCARD && snapshot->state == STK_SNAPSHOT_APPLYING)
        return stk_apply_refuse(apply, STK_STATE, "snapshot: it is being applied");
    if (args->action == STK_SNAPSHOT_DISCARD && snapshot->rows > 60000)
        return stk_apply_refuse(apply, STK_TOO_LARGE, "snapshot: approve or let it lapse");
    stk_apply_begin(apply);
    if (args->action == STK_SNAPSHOT_APPROVE) {
        snapshot->state = STK_SNAPSHOT_APPLYING;
        stk_row_put_snapshot(&apply->record, apply->state, slot);
        say_snapshot(apply, slot);
        return STK_OK;
    }
    drop_snapshot(apply, slot);
    stk_apply_say_text(apply, "state", "discarded");
    return STK_OK;
}

/* ---- applying in slices ---- */

static struct spec spec_of(const struct stk_snapshot *snapshot)
{
    struct spec spec = {.as_of_ms = snapshot->as_of_ms,
                        .basis = snapshot->basis,
                        .subtracted_count = snapshot->subtracted};
    for (unsigned i = 0; i < snapshot->subtracted; i++)
        spec.subtracted[i] =
            (struct subtracted){snapshot->subtracted_source[i], snapshot->subtracted_until[i]};
    return spec;
}

/* One SKU of the set. What cannot be counted (a later count is there, too old) stays as it is. */
static void apply_one(struct stk_apply *apply, const struct spec *spec, stk_location_t location,
                      stk_sku_t sku, uint32_t quantity)
{
    stk_cell_t cell = stk_catalog_find_cell(&apply->state->catalog, sku, location);
    uint32_t on_hand;
    if (decide(apply, spec, cell, quantity, &on_hand) != STK_OK ||
        !ledger_fits(apply, cell, on_hand) || !stk_apply_cell_fits(apply, 1))
        return;
    book(apply, spec, stk_apply_cell(apply, sku, location), on_hand);
}

static uint32_t apply_rows(struct stk_apply *apply, uint32_t slot, const struct spec *spec,
                           uint32_t max)
{
    struct stk_book *book = &apply->state->book;
    const struct stk_snapshot *snapshot = stk_pool_at(&book->snapshots, slot);
    uint32_t done = 0;
    for (; done < max && snapshot->rows; done++) {
        const struct stk_snapshot_row *row = stk_pool_at(&book->snapshot_rows, snapshot->first_row);
        stk_sku_t sku = row->sku;
        apply_one(apply, spec, snapshot->location, sku, row->quantity);
        stk_row_delete_snapshot_row(&apply->record, slot, sku);
        stk_book_drop_snapshot_row(book, slot, sku);
    }
    return done;
}

/* SKUs that are not in the set: those of the location that nobody counted since the set's instant.
 * next_row is the SKU to go on from. Returns SKUs looked at; 0 = the end. */
static uint32_t zero_missing(struct stk_apply *apply, uint32_t slot, const struct spec *spec,
                             uint32_t max)
{
    const struct stk_catalog *catalog = &apply->state->catalog;
    struct stk_snapshot *snapshot = stk_pool_at(&apply->state->book.snapshots, slot);
    uint32_t looked = 0;
    while (looked < max) {
        stk_sku_t sku = stk_catalog_next_sku(catalog, snapshot->next_row);
        if (sku == STK_NONE)
            break;
        stk_cell_t cell = stk_catalog_find_cell(catalog, sku, snapshot->location);
        if (cell != STK_NONE && stk_catalog_cell_more(catalog, cell)->as_of < snapshot->as_of_ms &&
            stk_cell_numbers(stk_catalog_cell(catalog, cell)).on_hand)
            apply_one(apply, spec, snapshot->location, sku, 0);
        snapshot->next_row = sku + 1;
        looked++;
    }
    return looked;
}

uint32_t stk_snapshot_slice(struct stk_apply *apply, uint32_t max)
{
    struct stk_book *book = &apply->state->book;
    uint32_t slot = 0;
    for (; slot < book->snapshots.top; slot++) {
        const struct stk_snapshot *at = stk_pool_at(&book->snapshots, slot);
        if (stk_book_snapshot_lives(book, slot) && at->state == STK_SNAPSHOT_APPLYING)
            break;
    }
    if (slot == book->snapshots.top)
        return 0;
    struct stk_snapshot *snapshot = stk_pool_at(&book->snapshots, slot);
    struct spec spec = spec_of(snapshot);
    stk_apply_begin(apply);
    uint32_t done = apply_rows(apply, slot, &spec, max);
    if (done == 0 && snapshot->missing == STK_MISSING_ZERO)
        done = zero_missing(apply, slot, &spec, max);
    if (done == 0)
        drop_snapshot(apply, slot);
    else
        stk_row_put_snapshot(&apply->record, apply->state, slot);
    return done ? done : 1;
}
