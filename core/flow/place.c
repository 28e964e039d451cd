/* Placing: every line whole or nothing; a fact takes what there is and the rest is a shortfall.
 *
 * Stages: words and lines are resolved into demands (decide), cells are chosen (stk_allocate), what
 * is missing is ordered ahead, booked as a shortfall or refused, then everything is booked at once.
 * Always: nothing is changed before begin but the new order itself, which is taken back by a
 * refusal. */
#include "core/flow/place.h"
#include "core/flow/allocate.h"
#include "core/flow/earmark.h"
#include "core/flow/life.h"
#include "core/flow/publish.h"
#include "core/state/earmark.h"

struct place {
    const struct stk_args_order_place *args;
    const struct stk_args_line *line;
    struct stk_bytes source, channel, use;
    stk_channel_t channel_number;
    uint16_t lines;
};

/* ---- lines into demands ---- */

static enum stk_status demand_add(struct stk_apply *apply, stk_sku_t sku, uint64_t units,
                                  uint32_t quantity, uint16_t line, uint16_t component)
{
    struct stk_scratch *scratch = apply->scratch;
    if (scratch->demands == STK_HOLDS_PER_ORDER_MAX)
        return stk_apply_refuse(apply, STK_TOO_LARGE, "lines: more than %d components in one order",
                                STK_HOLDS_PER_ORDER_MAX);
    if (units * quantity > STK_QUANTITY_MAX)
        return stk_apply_refuse(apply, STK_INVALID,
                                "lines[%u].quantity: %u x %llu units are more than %d", line,
                                quantity, (unsigned long long)units, STK_QUANTITY_MAX);
    scratch->demand[scratch->demands++] = (struct stk_demand){
        .sku = sku,
        .units = (uint32_t)units,
        .wanted = (uint32_t)units * quantity,
        .line = line,
        .component = component,
    };
    return STK_OK;
}

static enum stk_status demand_listing(struct stk_apply *apply, stk_listing_t index,
                                      uint32_t quantity, uint16_t line, uint16_t first_component,
                                      uint16_t *count)
{
    const struct stk_catalog *catalog = &apply->state->catalog;
    const struct stk_listing *listing = stk_catalog_listing(catalog, index);
    uint32_t at = listing->first_component;
    *count = 0;
    while (at != STK_NONE) {
        const struct stk_component *component = stk_catalog_component(catalog, at);
        enum stk_status status = demand_add(apply, component->sku, component->units, quantity, line,
                                            (uint16_t)(first_component + *count));
        if (status != STK_OK)
            return status;
        at = component->next_of_listing;
        (*count)++;
    }
    return STK_OK;
}

enum stk_status stk_order_demand(struct stk_apply *apply, stk_channel_t channel,
                                 const struct stk_args_line *line, uint16_t index,
                                 uint16_t first_component, uint16_t *component_count)
{
    struct stk_bytes name = stk_apply_text(apply, line->sku.size ? line->sku : line->listing);
    if ((line->sku.size != 0) == (line->listing.size != 0))
        return stk_apply_refuse(apply, STK_INVALID, "lines[%u]: give either sku or listing", index);
    if (line->sku.size) {
        stk_sku_t sku = stk_catalog_find_sku(&apply->state->catalog, name);
        if (sku == STK_NONE)
            return stk_apply_refuse(apply, STK_NOT_FOUND, "lines[%u].sku: no SKU \"%.*s\"", index,
                                    (int)name.size, name.data);
        *component_count = 1;
        return demand_add(apply, sku, 1, line->quantity, index, first_component);
    }
    stk_listing_t listing = stk_catalog_find_listing(&apply->state->catalog, channel, name);
    if (listing == STK_NONE)
        return stk_apply_refuse(apply, STK_NOT_FOUND,
                                "lines[%u].listing: no listing \"%.*s\" of the order's channel",
                                index, (int)name.size, name.data);
    return demand_listing(apply, listing, line->quantity, index, first_component, component_count);
}

/* The demands, in order, are also the components that the order will keep. */
static enum stk_status resolve(struct stk_apply *apply, const struct place *place)
{
    apply->scratch->demands = 0;
    for (uint16_t i = 0; i < place->lines; i++) {
        uint16_t count;
        enum stk_status status = stk_order_demand(apply, place->channel_number, &place->line[i], i,
                                                  (uint16_t)apply->scratch->demands, &count);
        if (status != STK_OK)
            return status;
    }
    return STK_OK;
}

/* ---- what is missing ---- */

static uint32_t ahead_already(const struct stk_scratch *scratch, uint32_t incoming)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < scratch->aheads; i++)
        if (scratch->ahead[i].cell == incoming)
            sum += scratch->ahead[i].quantity;
    return sum;
}

/* Order ahead from incoming documents: all of `units` of the demand, or nothing. */
static int order_ahead(struct stk_apply *apply, uint32_t demand, uint32_t units,
                       stk_channel_t channel)
{
    struct stk_scratch *scratch = apply->scratch;
    const struct stk_state *state = apply->state;
    uint32_t before = scratch->aheads;
    uint32_t at =
        stk_book_first_incoming(&state->book, &state->catalog, scratch->demand[demand].sku);
    for (; at != STK_NONE && units && scratch->aheads < STK_LINES_MAX;) {
        const struct stk_incoming *incoming = stk_pool_at(&state->book.incoming, at);
        uint32_t limit = incoming->preorder_limit < incoming->quantity ? incoming->preorder_limit
                                                                       : incoming->quantity;
        uint64_t taken = (uint64_t)incoming->preorders + ahead_already(scratch, at);
        uint32_t room = limit > taken ? limit - (uint32_t)taken : 0;
        uint32_t share = room < units ? room : units;
        if (share && stk_allocate_allowed(&state->catalog.location[incoming->location], channel)) {
            scratch->ahead[scratch->aheads++] = (struct stk_pick){at, share, demand};
            units -= share;
        }
        at = incoming->next_of_sku;
    }
    if (units)
        scratch->aheads = before;
    return units == 0;
}

static uint32_t demand_of_line(const struct stk_scratch *scratch, uint16_t line, uint32_t *count)
{
    uint32_t first = 0;
    while (first < scratch->demands && scratch->demand[first].line != line)
        first++;
    *count = 0;
    while (first + *count < scratch->demands && scratch->demand[first + *count].line == line)
        (*count)++;
    return first;
}

/* The SHORT answer names each line of which there was too little. */
static enum stk_status refuse_short(struct stk_apply *apply, const struct place *place)
{
    const struct stk_scratch *scratch = apply->scratch;
    uint32_t short_lines = 0;
    for (uint16_t i = 0; i < place->lines; i++)
        short_lines += scratch->line_units[i] < place->line[i].quantity;
    stk_apply_refuse(apply, STK_SHORT, "not enough available stock for %u of %u lines",
                     short_lines ? short_lines : 1, place->lines);
    stk_apply_say_key(apply, "lines");
    stk_doc_array(&apply->answer, short_lines);
    for (uint16_t i = 0; i < place->lines; i++) {
        const struct stk_args_line *line = &place->line[i];
        if (scratch->line_units[i] >= line->quantity)
            continue;
        stk_doc_map(&apply->answer, 4);
        stk_doc_key_int(&apply->answer, "line", i + 1);
        stk_doc_key_str(&apply->answer, line->sku.size ? "sku" : "listing",
                        stk_apply_text(apply, line->sku.size ? line->sku : line->listing));
        stk_doc_key_uint(&apply->answer, "wanted", line->quantity);
        stk_doc_key_uint(&apply->answer, "available", scratch->line_units[i]);
    }
    return STK_SHORT;
}

/* Lines that stock does not cover: ordered ahead where the line allows it, else short, else
 * refused. line_value[line] becomes the units that are ordered ahead. */
static enum stk_status settle_missing(struct stk_apply *apply, const struct place *place)
{
    struct stk_scratch *scratch = apply->scratch;
    scratch->aheads = 0;
    for (uint16_t i = 0; i < place->lines; i++) {
        uint32_t missing = place->line[i].quantity - scratch->line_units[i];
        uint32_t count;
        scratch->line_value[i] = 0;
        if (missing == 0)
            continue;
        uint32_t demand = demand_of_line(scratch, i, &count);
        if (place->line[i].preorder && count == 1 &&
            order_ahead(apply, demand, missing * scratch->demand[demand].units,
                        place->channel_number)) {
            scratch->line_value[i] = missing;
            continue;
        }
        if (!place->args->fact)
            return refuse_short(apply, place);
    }
    return STK_OK;
}

/* What a channel has sold it can no longer sell: its promises shrink before cells are chosen. */
static void remember_sold(struct stk_apply *apply, const struct place *place)
{
    struct stk_scratch *scratch = apply->scratch;
    scratch->solds = 0;
    if (!place->args->fact || !place->channel_number)
        return;
    for (uint16_t i = 0; i < place->lines; i++)
        if (place->line[i].listing.size)
            scratch->sold[scratch->solds++] = (struct stk_sold){
                stk_catalog_find_listing(&apply->state->catalog, place->channel_number,
                                         stk_apply_text(apply, place->line[i].listing)),
                place->line[i].quantity};
}

static int is_uncovered(const struct stk_apply *apply, const struct place *place)
{
    const struct stk_scratch *scratch = apply->scratch;
    int uncovered = 0, promised = 0;
    for (uint16_t i = 0; i < place->lines; i++)
        uncovered |= scratch->line_units[i] < place->line[i].quantity;
    for (uint32_t i = 0; i < scratch->demands && uncovered; i++)
        promised |=
            stk_catalog_sku_more(&apply->state->catalog, scratch->demand[i].sku)->pools != 0;
    return uncovered && promised;
}

static enum stk_status choose(struct stk_apply *apply, const struct place *place)
{
    uint8_t partial[STK_LINES_MAX];
    uint32_t units[STK_LINES_MAX];
    int any_partial = 0;
    for (uint16_t i = 0; i < place->lines; i++) {
        units[i] = place->line[i].quantity;
        partial[i] = place->args->fact || place->line[i].preorder;
        any_partial |= partial[i];
    }
    struct stk_wants wants = {
        .channel = place->channel_number,
        .channel_name = place->channel,
        .use = place->use,
        .country = place->args->country,
        .split = place->args->split || place->args->fact,
        .fact = place->args->fact,
        .only = UINT16_MAX,
        .partial = any_partial ? partial : NULL,
    };
    remember_sold(apply, place);
    enum stk_status status = stk_allocate(apply, &wants, units, place->lines);
    stk_allocate_end(apply);
    if (place->args->fact && is_uncovered(apply, place)) {
        wants.beyond = 1; /* it is sold: what is promised elsewhere is taken, too */
        status = stk_allocate(apply, &wants, units, place->lines);
        stk_allocate_end(apply);
    }
    apply->scratch->solds = 0;
    return status == STK_SHORT ? refuse_short(apply, place) : settle_missing(apply, place);
}

/* ---- booking ---- */

enum stk_status stk_order_holds_refused(struct stk_apply *apply, struct stk_bytes use,
                                        struct stk_bytes channel, uint32_t more)
{
    const struct stk_pool *pool = &apply->state->orders.holds;
    uint64_t holds = (uint64_t)stk_earmark_holds(apply, use, channel) + more;
    if (holds > STK_HOLDS_PER_ORDER_MAX + STK_LINES_MAX)
        return stk_apply_refuse(apply, STK_TOO_LARGE,
                                "lines: the order would take units of too many earmarks");
    if (pool->capacity - pool->used < holds)
        return stk_apply_refuse(apply, STK_FULL, "capacity \"holds\" is used up");
    return STK_OK;
}

void stk_order_book_picks(struct stk_apply *apply, uint32_t slot)
{
    struct stk_scratch *scratch = apply->scratch;
    struct stk_state *state = apply->state;
    const struct stk_order *order = stk_orders_at(&state->orders, slot);
    for (uint32_t i = 0; i < scratch->picks; i++) {
        const struct stk_pick *pick = &scratch->pick[i];
        const struct stk_demand *demand = &scratch->demand[pick->demand];
        struct stk_earmark_taking taking = stk_earmark_taking(apply, order, pick->cell);
        for (uint32_t left = pick->quantity; left;) {
            uint32_t mark, marked = stk_earmark_take(apply, &taking, left, &mark);
            uint32_t units = marked ? marked : left;
            uint32_t hold = stk_orders_add_hold(&state->orders, &state->catalog, slot, demand->line,
                                                demand->component, pick->cell, units);
            stk_assert(hold != STK_NONE);
            if (marked)
                stk_earmark_join(&state->book, &state->orders, mark, hold);
            left -= units;
        }
        stk_apply_held(apply, pick->cell, pick->quantity);
    }
}

static void book_aheads(struct stk_apply *apply, uint32_t slot)
{
    struct stk_scratch *scratch = apply->scratch;
    struct stk_state *state = apply->state;
    for (uint32_t i = 0; i < scratch->aheads; i++) {
        const struct stk_pick *ahead = &scratch->ahead[i];
        const struct stk_demand *demand = &scratch->demand[ahead->demand];
        const struct stk_incoming *incoming = stk_pool_at(&state->book.incoming, ahead->cell);
        stk_cell_t cell = stk_apply_cell(apply, demand->sku, incoming->location);
        uint32_t hold = stk_orders_add_preorder(&state->orders, slot, demand->line,
                                                demand->component, cell, ahead->quantity);
        stk_assert(hold != STK_NONE);
        stk_apply_touch(apply, cell); /* it may be new */
        stk_book_join_incoming(&state->book, &state->orders, ahead->cell, hold);
        stk_row_put_incoming(&apply->record, state, ahead->cell);
    }
}

void stk_order_short(struct stk_apply *apply, uint32_t slot, uint16_t line, int64_t units)
{
    struct stk_state *state = apply->state;
    const struct stk_order *order = stk_orders_at(&state->orders, slot);
    struct stk_order_line *at = stk_order_lines(&state->orders, order) + line;
    const struct stk_order_component *component = stk_order_components(&state->orders, order);
    if (units == 0)
        return;
    uint32_t entry = stk_book_find_shortfall(&state->book, order->number, line);
    stk_assert((int64_t)at->short_units + units >= 0);
    at->short_units = (uint32_t)((int64_t)at->short_units + units);
    for (uint16_t c = 0; c < at->component_count; c++) {
        const struct stk_order_component *part = &component[at->first_component + c];
        struct stk_sku_more *sku = stk_catalog_sku_more(&state->catalog, part->sku);
        int64_t open = sku->shortfall + units * part->units;
        stk_assert(open >= 0 && open <= UINT32_MAX);
        sku->shortfall = (uint32_t)open;
        stk_publish_sku(apply, part->sku); /* nothing of it is shown while it is short */
    }
    if (at->short_units == 0) {
        state->book.short_lines--;
        stk_book_remove_shortfall(&state->book, entry);
        stk_row_delete_shortfall(&apply->record, order->number, line);
        return;
    }
    if (entry == STK_NONE) {
        state->book.short_lines++;
        entry = stk_book_add_shortfall(&state->book, order->number, line);
    }
    stk_assert(entry != STK_NONE);
    struct stk_shortfall *shortfall = stk_pool_at(&state->book.shortfalls, entry);
    if (shortfall->since_ms == 0)
        shortfall->since_ms = apply->now;
    shortfall->order_key = order->key;
    shortfall->units = at->short_units;
    stk_row_put_shortfall(&apply->record, state, entry);
    if (units > 0)
        stk_counter_add(&apply->counters->shortfall_units, (uint64_t)units);
}

static int is_settled(const struct stk_orders *orders, const struct stk_order *order)
{
    const struct stk_order_line *line = stk_order_lines(orders, order);
    for (uint16_t i = 0; i < order->lines; i++)
        if (line[i].shipped + line[i].cancelled != line[i].quantity)
            return 0;
    return 1;
}

void stk_order_file(struct stk_apply *apply, uint32_t slot)
{
    struct stk_state *state = apply->state;
    struct stk_order *order = stk_orders_at(&state->orders, slot);
    stk_wheel_remove(&state->wheel, &state->orders, slot);
    if (is_settled(&state->orders, order)) {
        order->flags |= STK_ORDER_CLOSED;
        stk_wheel_close(&state->wheel, &state->orders, slot);
        return;
    }
    order->flags &= (uint8_t)~STK_ORDER_CLOSED;
    if (order->state == STK_ORDER_PLACED && order->expires_ms)
        stk_wheel_add(&state->wheel, &state->orders, slot);
}

void stk_order_fill_line(struct stk_apply *apply, struct stk_order_line *line,
                         stk_channel_t channel, const struct stk_args_line *args, uint32_t demand)
{
    const struct stk_catalog *catalog = &apply->state->catalog;
    stk_assert(!args->sku.size || demand < apply->scratch->demands);
    line->sku = args->sku.size ? apply->scratch->demand[demand].sku : STK_NONE;
    line->listing = args->sku.size ? STK_NONE
                                   : stk_catalog_find_listing(catalog, channel,
                                                              stk_apply_text(apply, args->listing));
    line->unit_price = args->unit_price;
    line->discount = args->discount;
    line->discount_by = args->discount_by;
    line->tax = args->tax;
    line->tax_included = args->tax_included;
    line->may_preorder = args->preorder;
}

static void fill_lines(struct stk_apply *apply, const struct place *place, uint32_t slot)
{
    struct stk_orders *orders = &apply->state->orders;
    const struct stk_order *order = stk_orders_at(orders, slot);
    struct stk_order_line *line = stk_order_lines(orders, order);
    struct stk_order_component *component = stk_order_components(orders, order);
    const struct stk_scratch *scratch = apply->scratch;
    uint32_t at = 0;
    for (uint16_t i = 0; i < place->lines; i++) {
        stk_order_fill_line(apply, &line[i], place->channel_number, &place->line[i], at);
        line[i].quantity = place->line[i].quantity;
        line[i].preorder = scratch->line_value[i];
        line[i].first_component = (uint16_t)at;
        for (; at < scratch->demands && scratch->demand[at].line == i; at++)
            component[at] =
                (struct stk_order_component){scratch->demand[at].sku, scratch->demand[at].units};
        line[i].component_count = (uint16_t)(at - line[i].first_component);
    }
}

static void fill_order(struct stk_apply *apply, const struct place *place, struct stk_order *order)
{
    const struct stk_args_order_place *args = place->args;
    order->number = apply->seq;
    order->body = apply->command->body;
    order->placed_ms = apply->now;
    if (STK_GIVEN(args, ORDER_PLACE_PLACED_AT) && args->placed_at < apply->now)
        order->placed_ms = args->placed_at;
    order->expires_ms = STK_GIVEN(args, ORDER_PLACE_TTL_MS) ? apply->now + args->ttl_ms : 0;
    order->first_expires_ms = order->expires_ms;
    order->changed_ms = apply->now;
    order->currency = args->currency;
    order->country = args->country;
    order->source = stk_apply_name(apply, STK_NAME_SOURCE, place->source);
    order->channel = stk_apply_name(apply, STK_NAME_CHANNEL, place->channel);
    order->use = stk_apply_name(apply, STK_NAME_USE, place->use);
    order->state = STK_ORDER_PLACED;
    order->flags =
        (uint8_t)((args->fact ? STK_ORDER_FACT : 0) | (args->split ? STK_ORDER_SPLIT : 0));
}

/* Capacities that booking may need; the order itself is taken here. */
static enum stk_status make_room(struct stk_apply *apply, const struct place *place, uint32_t *slot)
{
    struct stk_state *state = apply->state;
    const struct stk_scratch *scratch = apply->scratch;
    struct stk_error err = {0};
    uint32_t shorts = place->args->fact ? place->lines : 0;
    enum stk_status status =
        stk_order_holds_refused(apply, place->use, place->channel, scratch->aheads);
    if (status != STK_OK)
        return status;
    if (state->book.shortfalls.capacity - state->book.shortfalls.used < shorts)
        return stk_apply_refuse(apply, STK_FULL, "capacity \"shortfalls\" is used up");
    if (!stk_apply_cell_fits(apply, scratch->aheads))
        return stk_apply_refuse(apply, STK_FULL, "capacity \"cells\" is used up");
    if (!stk_apply_name_fits(apply, STK_NAME_SOURCE, place->source) ||
        !stk_apply_name_fits(apply, STK_NAME_CHANNEL, place->channel) ||
        !stk_apply_name_fits(apply, STK_NAME_USE, place->use))
        return stk_apply_refuse(apply, STK_FULL, "too many different sources, channels or uses");
    status = stk_orders_add(&state->orders, apply->command->key, place->lines,
                            (uint16_t)scratch->demands, stk_apply_text(apply, apply->command->id),
                            slot, &err);
    return status == STK_OK ? STK_OK : stk_apply_refuse(apply, status, "%s", err.text);
}

void stk_order_say_placed(struct stk_apply *apply, const struct stk_order *order)
{
    int till = order->flags & STK_ORDER_TILL;
    stk_apply_say_text(apply, "state",
                       stk_order_state_name(till ? STK_ORDER_SHIPPED : STK_ORDER_PLACED));
    if (order->first_expires_ms)
        stk_apply_say_int(apply, "expires_at", order->first_expires_ms);
    if (order->flags & STK_ORDER_FACT)
        stk_apply_say_uint(apply, "shortfall", order->first_short);
}

static void book(struct stk_apply *apply, const struct place *place, uint32_t slot)
{
    struct stk_state *state = apply->state;
    struct stk_order *order = stk_orders_at(&state->orders, slot);
    const struct stk_scratch *scratch = apply->scratch;
    fill_order(apply, place, order);
    fill_lines(apply, place, slot);
    stk_order_book_picks(apply, slot);
    book_aheads(apply, slot);
    for (uint16_t i = 0; i < place->lines; i++) {
        uint32_t covered = scratch->line_units[i] + scratch->line_value[i];
        uint32_t missing = place->line[i].quantity - covered;
        order->first_short += missing;
        stk_order_short(apply, slot, i, missing);
        stk_listing_t listing = stk_order_lines(&state->orders, order)[i].listing;
        if (place->args->fact && listing != STK_NONE)
            stk_publish_sold(apply, listing, place->line[i].quantity, order->placed_ms);
    }
    if (apply->command->verb == STK_VERB_ORDER_SELL) {
        order->flags |= STK_ORDER_TILL | STK_ORDER_PAID_FLAG;
        stk_order_ship_all(apply, slot, order->placed_ms);
    }
    stk_order_file(apply, slot);
    stk_row_put_order(&apply->record, state, slot, STK_TABLE_ORDER);
    stk_order_say_placed(apply, order);
    stk_counter_add(&apply->counters->orders_placed, 1);
    if (order->first_short)
        stk_counter_add(&apply->counters->orders_short, 1);
}

static enum stk_status check_times(struct stk_apply *apply, const struct stk_args_order_place *args)
{
    if (args->fact && apply->command->verb == STK_VERB_ORDER_SELL)
        return stk_apply_refuse(apply, STK_INVALID,
                                "fact: a sale at the till is no fact of a marketplace");
    if (STK_GIVEN(args, ORDER_PLACE_TTL_MS) && apply->command->verb == STK_VERB_ORDER_SELL)
        return stk_apply_refuse(apply, STK_INVALID, "ttl_ms: a sale at the till does not expire");
    return STK_OK;
}

enum stk_status stk_order_place(struct stk_apply *apply)
{
    const struct stk_args_order_place *args = apply->args;
    struct place place = {
        .args = args,
        .line = stk_command_list(apply->command, args->lines),
        .lines = (uint16_t)args->lines.size,
        .source = stk_apply_text(apply, apply->command->source),
        .channel = stk_apply_text(apply, args->channel),
        .use = stk_apply_text(apply, args->use),
    };
    uint32_t slot;
    place.channel_number = stk_names_find(apply->state->names, STK_NAME_CHANNEL, place.channel);
    if (stk_book_find_early(&apply->state->book, apply->command->key) != STK_NONE)
        return stk_apply_refuse(apply, STK_CANCELLED, "this order was cancelled before it came");
    enum stk_status status = check_times(apply, args);
    if (status == STK_OK)
        status = resolve(apply, &place);
    if (status == STK_OK)
        status = choose(apply, &place);
    if (status == STK_OK)
        status = make_room(apply, &place, &slot);
    if (status != STK_OK)
        return status;
    stk_apply_begin(apply);
    book(apply, &place, slot);
    return STK_OK;
}
