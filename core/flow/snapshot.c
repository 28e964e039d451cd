/* Whole sets of counts. Always: a set is complete when each of its rows is here or was refused;
 * then it is judged, and applied or held; both go beside orders, in slices. What a set would change
 * is judged by what is there now, and applied by the rules of a count (count.c). */
#include "core/flow/snapshot.h"
#include "core/flow/count.h"
#include "core/flow/page.h"

static const char *const state_names[] = {"?", "filling", "held", "applying", "judging"};

static struct stk_snapshot *snapshot_at(const struct stk_apply *apply, uint32_t slot)
{
    return stk_pool_at(&apply->state->book.snapshots, slot);
}

/* ---- the breaker ---- */

static void judge_one(const struct stk_state *state, uint32_t slot, stk_sku_t sku)
{
    struct stk_snapshot *snapshot = stk_pool_at(&state->book.snapshots, slot);
    stk_cell_t cell = stk_catalog_find_cell(&state->catalog, sku, snapshot->location);
    uint32_t now =
        cell == STK_NONE ? 0 : stk_cell_numbers(stk_catalog_cell(&state->catalog, cell)).on_hand;
    if (now == 0)
        return;
    uint32_t row = stk_book_find_snapshot_row(&state->book, slot, sku);
    uint32_t then = snapshot->missing == STK_MISSING_ZERO ? 0 : now;
    if (row != STK_NONE)
        then = ((const struct stk_snapshot_row *)stk_pool_at(&state->book.snapshot_rows, row))
                   ->quantity;
    snapshot->judge_skus++;
    snapshot->judge_moved += then < (now + 1) / 2;
}

/* How much of the location's stock the set would take away: a look at each SKU, up to max of them,
 * from where the last one ended. Returns how many; fewer than max: that was all. After a restart it
 * begins anew. */
static uint32_t judge(const struct stk_apply *apply, uint32_t slot, uint32_t max)
{
    struct stk_snapshot *snapshot = snapshot_at(apply, slot);
    uint32_t looked = 0;
    for (; looked < max; looked++) {
        stk_sku_t sku = stk_catalog_next_sku(&apply->state->catalog, snapshot->judge_next);
        if (sku == STK_NONE)
            break;
        judge_one(apply->state, slot, sku);
        snapshot->judge_next = sku + 1;
    }
    return looked;
}

static void conclude(struct stk_apply *apply, uint32_t slot)
{
    struct stk_snapshot *snapshot = snapshot_at(apply, slot);
    snapshot->skus = snapshot->judge_skus;
    snapshot->moved = snapshot->judge_moved;
    int hold = snapshot->skus > STK_BREAKER_SKUS &&
               (uint64_t)snapshot->moved * 100 >
                   (uint64_t)snapshot->skus * apply->options->breaker_percent;
    snapshot->state = hold ? STK_SNAPSHOT_HELD : STK_SNAPSHOT_APPLYING;
}

/* ---- rows come ---- */

static void say_snapshot(struct stk_apply *apply, uint32_t slot)
{
    const struct stk_snapshot *snapshot = snapshot_at(apply, slot);
    stk_apply_say_text(apply, "state", state_names[snapshot->state]);
    stk_apply_say_uint(apply, "rows", snapshot->rows);
    stk_apply_say_uint(apply, "refused", snapshot->refused);
    stk_apply_say_uint(apply, "total", snapshot->total);
    if (snapshot->state == STK_SNAPSHOT_HELD || snapshot->state == STK_SNAPSHOT_APPLYING) {
        stk_apply_say_uint(apply, "skus_with_stock", snapshot->skus);
        stk_apply_say_uint(apply, "skus_zeroed_or_halved", snapshot->moved);
    }
}

/* The rows of one message: their SKUs, STK_NONE where a row is refused. */
struct taken {
    stk_sku_t sku[STK_LINES_MAX];
    uint8_t twice[STK_LINES_MAX]; /* why it is refused, else the SKU is not known */
    uint32_t refused;
};

static void look_at_rows(struct stk_apply *apply, const struct stk_args_stock_snapshot *args,
                         uint32_t slot, struct taken *taken)
{
    const struct stk_args_snapshot_row *row = stk_command_list(apply->command, args->rows);
    const struct stk_book *book = &apply->state->book;
    taken->refused = 0;
    for (uint32_t i = 0; i < args->rows.size; i++) {
        stk_sku_t sku =
            stk_catalog_find_sku(&apply->state->catalog, stk_apply_text(apply, row[i].sku));
        int twice = sku != STK_NONE && slot != STK_NONE &&
                    stk_book_find_snapshot_row(book, slot, sku) != STK_NONE;
        for (uint32_t j = 0; j < i && sku != STK_NONE && !twice; j++)
            twice = taken->sku[j] == sku;
        taken->sku[i] = twice ? STK_NONE : sku;
        taken->twice[i] = (uint8_t)twice;
        taken->refused += taken->sku[i] == STK_NONE;
    }
}

/* The set goes on without them: one unknown SKU must not keep a location from being counted. */
static void say_refused(struct stk_apply *apply, const struct stk_args_stock_snapshot *args,
                        const struct taken *taken)
{
    const struct stk_args_snapshot_row *row = stk_command_list(apply->command, args->rows);
    struct stk_doc *doc = &apply->answer;
    uint32_t said = 0;
    if (!taken->refused)
        return;
    stk_apply_say_key(apply, "refused_rows");
    uint32_t mark = stk_doc_array_open(doc);
    for (uint32_t i = 0; i < args->rows.size && said < STK_SNAPSHOT_REFUSED_MAX; i++) {
        if (taken->sku[i] != STK_NONE || doc->capacity - doc->size < STK_ID_MAX + 512)
            continue;
        stk_doc_map(doc, 3);
        stk_doc_key_uint(doc, "row", i + 1);
        stk_doc_key_str(doc, "sku", stk_apply_text(apply, row[i].sku));
        stk_doc_key_text(doc, "why", taken->twice[i] ? "twice" : "not_found");
        said++;
    }
    stk_doc_array_close(doc, mark, said);
}

static enum stk_status rows_refused(struct stk_apply *apply,
                                    const struct stk_args_stock_snapshot *args, uint32_t slot)
{
    const struct stk_book *book = &apply->state->book;
    const struct stk_snapshot *snapshot = slot == STK_NONE ? NULL : snapshot_at(apply, slot);
    uint64_t there = snapshot ? (uint64_t)snapshot->rows + snapshot->refused : 0;
    uint32_t total = snapshot ? snapshot->total : args->total;
    if (there + args->rows.size > total)
        return stk_apply_refuse(apply, STK_INVALID, "rows: more than the total of %u", total);
    if (book->snapshot_rows.capacity - book->snapshot_rows.used < args->rows.size)
        return stk_apply_refuse(apply, STK_FULL, "capacity \"snapshot_rows\" is used up");
    return STK_OK;
}

static enum stk_status open_snapshot(struct stk_apply *apply,
                                     const struct stk_args_stock_snapshot *args,
                                     const struct stk_count_spec *spec, stk_location_t location,
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

/* The first slice is judged at once: of a usual location the answer says what becomes of the set.
 */
static void add_rows(struct stk_apply *apply, const struct stk_args_stock_snapshot *args,
                     uint32_t slot, const struct taken *taken)
{
    const struct stk_args_snapshot_row *row = stk_command_list(apply->command, args->rows);
    struct stk_book *book = &apply->state->book;
    struct stk_snapshot *snapshot = snapshot_at(apply, slot);
    for (uint32_t i = 0; i < args->rows.size; i++) {
        if (taken->sku[i] == STK_NONE)
            continue;
        uint32_t at = stk_book_set_snapshot_row(book, slot, taken->sku[i], row[i].quantity);
        stk_assert(at != STK_NONE);
    }
    snapshot->refused += taken->refused;
    if (snapshot->rows + snapshot->refused == snapshot->total) {
        snapshot->state = STK_SNAPSHOT_JUDGING;
        if (judge(apply, slot, STK_JUDGE_SLICE) < STK_JUDGE_SLICE)
            conclude(apply, slot);
    }
    stk_row_put_snapshot(&apply->record, apply->state, slot);
    for (uint32_t i = 0; i < args->rows.size; i++)
        if (taken->sku[i] != STK_NONE)
            stk_row_put_snapshot_row(&apply->record, slot, taken->sku[i], row[i].quantity);
}

static enum stk_status snapshot_rows(struct stk_apply *apply, uint32_t slot)
{
    const struct stk_args_stock_snapshot *args = apply->args;
    struct stk_count_spec spec;
    stk_location_t location;
    struct taken taken;
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
        status = stk_count_authority(apply, location);
    int64_t as_of = STK_GIVEN(args, STOCK_SNAPSHOT_AS_OF) ? args->as_of : apply->now;
    if (status == STK_OK)
        status = stk_count_spec(apply, args->subtracted, as_of, args->basis, &spec);
    if (status == STK_OK)
        status = rows_refused(apply, args, slot);
    if (status == STK_OK)
        look_at_rows(apply, args, slot, &taken);
    if (status == STK_OK && slot == STK_NONE)
        status = open_snapshot(apply, args, &spec, location, &slot);
    if (status != STK_OK)
        return status;
    stk_apply_begin(apply);
    add_rows(apply, args, slot, &taken);
    say_snapshot(apply, slot);
    say_refused(apply, args, &taken);
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

enum stk_status stk_snapshot_list(struct stk_apply *apply)
{
    const struct stk_book *book = &apply->state->book;
    struct stk_doc *doc = &apply->answer;
    struct stk_page page;
    enum stk_status status = stk_page_open(apply, "snapshots", &page);
    if (status != STK_OK)
        return status;
    uint32_t at = page.from;
    for (; at < book->snapshots.top && stk_page_has_room(apply, &page); at++) {
        const struct stk_snapshot *snapshot = snapshot_at(apply, at);
        const struct stk_location *location = &apply->state->catalog.location[snapshot->location];
        if (!stk_book_snapshot_lives(book, at))
            continue;
        stk_doc_map(doc, 9);
        stk_doc_key_str(doc, "snapshot", stk_book_text(book, snapshot->id));
        stk_doc_key_str(doc, "location", (struct stk_bytes){location->id, location->id_size});
        stk_doc_key_text(doc, "state", state_names[snapshot->state]);
        stk_doc_key_int(doc, "as_of", snapshot->as_of_ms);
        stk_doc_key_uint(doc, "rows", snapshot->rows);
        stk_doc_key_uint(doc, "refused", snapshot->refused);
        stk_doc_key_uint(doc, "total", snapshot->total);
        stk_doc_key_uint(doc, "skus_with_stock", snapshot->skus);
        stk_doc_key_uint(doc, "skus_zeroed_or_halved", snapshot->moved);
        page.count++;
    }
    return stk_page_close(apply, &page, at < book->snapshots.top ? at : STK_NONE);
}

/* ---- in slices ---- */

static struct stk_count_spec spec_of(const struct stk_snapshot *snapshot)
{
    struct stk_count_spec spec = {.as_of_ms = snapshot->as_of_ms,
                                  .basis = snapshot->basis,
                                  .subtracted_count = snapshot->subtracted};
    for (unsigned i = 0; i < snapshot->subtracted; i++)
        spec.subtracted[i] =
            (struct stk_subtracted){snapshot->subtracted_source[i], snapshot->subtracted_until[i]};
    return spec;
}

static uint32_t apply_rows(struct stk_apply *apply, uint32_t slot,
                           const struct stk_count_spec *spec, uint32_t max)
{
    struct stk_book *book = &apply->state->book;
    const struct stk_snapshot *snapshot = stk_pool_at(&book->snapshots, slot);
    uint32_t done = 0;
    for (; done < max && snapshot->rows; done++) {
        const struct stk_snapshot_row *row = stk_pool_at(&book->snapshot_rows, snapshot->first_row);
        stk_sku_t sku = row->sku;
        stk_count_apply(apply, spec, snapshot->location, sku, row->quantity);
        stk_row_delete_snapshot_row(&apply->record, slot, sku);
        stk_book_drop_snapshot_row(book, slot, sku);
    }
    return done;
}

/* SKUs that are not in the set: those of the location that nobody counted since the set's instant.
 * next_row is the SKU to go on from. Returns SKUs looked at; 0 = the end. */
static uint32_t zero_missing(struct stk_apply *apply, uint32_t slot,
                             const struct stk_count_spec *spec, uint32_t max)
{
    const struct stk_catalog *catalog = &apply->state->catalog;
    struct stk_snapshot *snapshot = stk_pool_at(&apply->state->book.snapshots, slot);
    uint32_t looked = 0;
    while (looked < max) {
        stk_sku_t sku = stk_catalog_next_sku(catalog, snapshot->next_row);
        if (sku == STK_NONE)
            break;
        stk_cell_t cell = stk_catalog_find_cell(catalog, sku, snapshot->location);
        if (cell != STK_NONE && *stk_catalog_counted(catalog, cell) < snapshot->as_of_ms &&
            stk_cell_numbers(stk_catalog_cell(catalog, cell)).on_hand)
            stk_count_apply(apply, spec, snapshot->location, sku, 0);
        snapshot->next_row = sku + 1;
        looked++;
    }
    return looked;
}

static uint32_t judge_slice(struct stk_apply *apply, uint32_t slot, uint32_t max)
{
    if (judge(apply, slot, max) == max)
        return max;
    stk_apply_begin(apply);
    conclude(apply, slot);
    stk_row_put_snapshot(&apply->record, apply->state, slot);
    return max;
}

uint32_t stk_snapshot_slice(struct stk_apply *apply, uint32_t max)
{
    struct stk_book *book = &apply->state->book;
    uint32_t slot = 0;
    for (; slot < book->snapshots.top; slot++) {
        const struct stk_snapshot *at = stk_pool_at(&book->snapshots, slot);
        if (stk_book_snapshot_lives(book, slot) &&
            (at->state == STK_SNAPSHOT_APPLYING || at->state == STK_SNAPSHOT_JUDGING))
            break;
    }
    if (slot == book->snapshots.top)
        return 0;
    struct stk_snapshot *snapshot = stk_pool_at(&book->snapshots, slot);
    struct stk_count_spec spec = spec_of(snapshot);
    if (snapshot->state == STK_SNAPSHOT_JUDGING)
        return judge_slice(apply, slot, max);
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
