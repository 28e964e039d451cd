/* After the placing: pay, ship, cancel, refund, extend, review, expiry, archive. The invariant of
 * an order's lines stands in about.c; amend.c holds the one verb that can also add lines. */
#include "core/flow/life.h"
#include "core/flow/about.h"
#include "core/flow/allocate.h"
#include "core/flow/earmark.h"
#include "core/flow/place.h"
#include "core/flow/publish.h"
#include "core/state/earmark.h"

void stk_order_settle(struct stk_apply *apply, uint32_t slot)
{
    struct stk_about about = stk_about_slot(apply, slot);
    stk_about_settle(apply, &about);
}
/* ---- giving back ---- */

/* Take `units` of the SKU off the pre-orders of this component. */
static void drop_preorders(struct stk_apply *apply, uint32_t slot, uint16_t line,
                           uint16_t component, uint32_t units)
{
    struct stk_state *state = apply->state;
    uint32_t at = stk_orders_at(&state->orders, slot)->first_hold;
    while (at != STK_NONE && units) {
        struct stk_hold *hold = stk_orders_hold(&state->orders, at);
        uint32_t next = hold->next_of_order;
        if (hold->incoming != STK_NONE && hold->line == line && hold->component == component) {
            uint32_t incoming = hold->incoming;
            uint32_t taken = hold->quantity < units ? hold->quantity : units;
            if (taken < hold->quantity) {
                stk_book_preorder_less(&state->book, &state->orders, at, taken);
            } else {
                stk_book_leave_incoming(&state->book, &state->orders, at);
                stk_orders_remove_hold(&state->orders, &state->catalog, at);
            }
            stk_row_put_incoming(&apply->record, state, incoming);
            units -= taken;
        }
        at = next;
    }
    stk_assert(units == 0);
}

struct stk_drop stk_order_drop(const struct stk_orders *orders, uint32_t slot, uint16_t line,
                               uint16_t component, uint32_t units)
{
    struct stk_drop drop = {line, component, 0, 0};
    uint32_t marked = 0;
    for (uint32_t at = stk_orders_at(orders, slot)->first_hold; at != STK_NONE;) {
        const struct stk_hold *hold = stk_orders_hold(orders, at);
        at = hold->next_of_order;
        if (hold->incoming == STK_NONE && hold->line == line && hold->component == component)
            *(hold->earmark == STK_NONE ? &drop.free_units : &marked) += hold->quantity;
    }
    drop.free_units = units < drop.free_units ? units : drop.free_units;
    stk_assert(units - drop.free_units <= marked);
    drop.kept = marked - (units - drop.free_units);
    return drop;
}

uint32_t stk_order_dropped(struct stk_drop *drop, const struct stk_hold *hold)
{
    if (hold->incoming != STK_NONE || hold->line != drop->line ||
        hold->component != drop->component)
        return 0;
    uint32_t *left = hold->earmark == STK_NONE ? &drop->free_units : &drop->kept;
    uint32_t units = hold->quantity < *left ? hold->quantity : *left;
    *left -= units;
    return hold->earmark == STK_NONE ? units : hold->quantity - units;
}

/* Give `units` of the SKU held for this component back to their cells, and earmarks. */
static void drop_holds(struct stk_apply *apply, uint32_t slot, uint16_t line, uint16_t component,
                       uint32_t units)
{
    struct stk_state *state = apply->state;
    struct stk_drop drop = stk_order_drop(&state->orders, slot, line, component, units);
    uint32_t at = stk_orders_at(&state->orders, slot)->first_hold;
    while (at != STK_NONE) {
        struct stk_hold *hold = stk_orders_hold(&state->orders, at);
        uint32_t next = hold->next_of_order, taken = stk_order_dropped(&drop, hold);
        if (taken) {
            stk_apply_held(apply, hold->cell, -(int64_t)taken);
            stk_earmark_give_back(apply, at, taken);
            hold->quantity -= taken;
            if (hold->quantity == 0 && hold->shipped == 0)
                stk_orders_remove_hold(&state->orders, &state->catalog, at);
        }
        at = next;
    }
}

void stk_order_give_back(struct stk_apply *apply, uint32_t slot, uint16_t index, uint32_t units)
{
    struct stk_about about = stk_about_slot(apply, slot);
    struct stk_order_line *line = &about.line[index];
    uint32_t from_short = units < line->short_units ? units : line->short_units;
    uint32_t rest = units - from_short;
    uint32_t from_ahead = rest < line->preorder ? rest : line->preorder;
    rest -= from_ahead;
    stk_order_short(apply, slot, index, -(int64_t)from_short);
    for (uint16_t c = 0; c < line->component_count; c++) {
        uint16_t component = (uint16_t)(line->first_component + c);
        uint32_t each = about.component[component].units;
        if (from_ahead)
            drop_preorders(apply, slot, index, component, from_ahead * each);
        if (rest)
            drop_holds(apply, slot, index, component, rest * each);
    }
    line->preorder -= from_ahead;
}

static void cancel_units(struct stk_apply *apply, struct stk_about *about, uint16_t line,
                         uint32_t units)
{
    if (!units)
        return;
    stk_order_give_back(apply, about->slot, line, units);
    about->line[line].cancelled += units;
    if (about->order->flags & STK_ORDER_FACT && about->line[line].listing != STK_NONE)
        stk_publish_restocked(apply, about->line[line].listing, units);
}

/* ---- pay, review, release, extend, refund ---- */

enum stk_status stk_order_pay(struct stk_apply *apply)
{
    struct stk_about about;
    enum stk_status status = stk_about_order(apply, &about);
    if (status != STK_OK)
        return status;
    if (about.order->state == STK_ORDER_CANCELLED || about.order->state == STK_ORDER_EXPIRED)
        return stk_about_refuse(apply, &about, "pay");
    stk_apply_begin(apply);
    about.order->flags |= STK_ORDER_PAID_FLAG;
    if (about.order->state == STK_ORDER_PLACED)
        about.order->state = STK_ORDER_PAID;
    about.order->expires_ms = 0;
    about.order->review_left_ms = 0; /* firm also after the review */
    stk_about_settle(apply, &about);
    return STK_OK;
}

static int in_life(const struct stk_order *order)
{
    return order->state == STK_ORDER_PLACED || order->state == STK_ORDER_PAID;
}

enum stk_status stk_order_review(struct stk_apply *apply)
{
    struct stk_about about;
    enum stk_status status = stk_about_order(apply, &about);
    if (status != STK_OK)
        return status;
    if (!in_life(about.order) && about.order->state != STK_ORDER_REVIEW)
        return stk_about_refuse(apply, &about, "review");
    stk_apply_begin(apply);
    if (about.order->state != STK_ORDER_REVIEW) {
        stk_time_t left_ms = about.order->expires_ms ? about.order->expires_ms - apply->now : 0;
        about.order->review_left_ms = left_ms <= 0           ? (about.order->expires_ms ? 1 : 0)
                                      : left_ms < UINT32_MAX ? (uint32_t)left_ms
                                                             : UINT32_MAX;
        about.order->state = STK_ORDER_REVIEW;
        about.order->expires_ms = 0;
    }
    stk_about_settle(apply, &about);
    return STK_OK;
}

static void say_deadline(struct stk_apply *apply, const struct stk_order *order)
{
    if (order->expires_ms)
        stk_apply_say_int(apply, "expires_at", order->expires_ms);
}

enum stk_status stk_order_release(struct stk_apply *apply)
{
    const struct stk_args_order *args = apply->args;
    struct stk_about about;
    enum stk_status status = stk_about_order(apply, &about);
    if (status != STK_OK)
        return status;
    if (about.order->state != STK_ORDER_REVIEW)
        return stk_about_refuse(apply, &about, "release");
    stk_apply_begin(apply);
    struct stk_order *order = about.order;
    order->state = order->flags & STK_ORDER_PAID_FLAG ? STK_ORDER_PAID : STK_ORDER_PLACED;
    if (order->state == STK_ORDER_PLACED && STK_GIVEN(args, ORDER_TTL_MS))
        order->expires_ms = apply->now + args->ttl_ms;
    else if (order->state == STK_ORDER_PLACED && order->review_left_ms)
        order->expires_ms = apply->now + order->review_left_ms;
    order->review_left_ms = 0;
    stk_about_settle(apply, &about);
    say_deadline(apply, order);
    return STK_OK;
}

enum stk_status stk_order_extend(struct stk_apply *apply)
{
    const struct stk_args_order *args = apply->args;
    struct stk_about about;
    enum stk_status status = stk_about_order(apply, &about);
    if (status != STK_OK)
        return status;
    if (about.order->state != STK_ORDER_PLACED || !about.order->expires_ms)
        return stk_about_refuse(apply, &about, "extend");
    stk_apply_begin(apply);
    about.order->expires_ms = apply->now + args->ttl_ms;
    stk_about_settle(apply, &about);
    say_deadline(apply, about.order);
    return STK_OK;
}

/* What the buyer owes in all; 0 when no prices were given. */
static __int128 order_total(const struct stk_about *about)
{
    __int128 total = 0;
    for (uint16_t i = 0; i < about->order->lines; i++) {
        const struct stk_order_line *line = &about->line[i];
        total += (__int128)line->unit_price * line->quantity - line->discount;
        total += line->tax_included ? 0 : line->tax;
    }
    return total;
}

static enum stk_status refund_sum(struct stk_apply *apply, const struct stk_about *about,
                                  __int128 *sum)
{
    const struct stk_args_order *args = apply->args;
    const struct stk_args_part *part = stk_command_list(apply->command, args->parts);
    __int128 total = order_total(about);
    *sum = STK_GIVEN(args, ORDER_AMOUNT) ? args->amount : 0;
    for (uint32_t i = 0; i < args->parts.size; i++) {
        if (part[i].line == 0 || part[i].line > about->order->lines)
            return stk_apply_refuse(apply, STK_NOT_FOUND, "lines[%u].line: the order has %u lines",
                                    i, about->order->lines);
        *sum += part[i].amount;
    }
    if (*sum <= 0)
        return stk_apply_refuse(apply, STK_INVALID,
                                "amount: give an amount above 0, of the order or of lines");
    __int128 after = *sum + about->order->refunded_minor;
    if (total > 0 ? after > total : after > INT64_MAX)
        return stk_apply_refuse(apply, STK_STATE,
                                "amount: more than was paid: %lld of %lld refunded already",
                                (long long)about->order->refunded_minor, (long long)total);
    return STK_OK;
}

enum stk_status stk_order_refund(struct stk_apply *apply)
{
    const struct stk_args_order *args = apply->args;
    const struct stk_args_part *part = stk_command_list(apply->command, args->parts);
    struct stk_about about;
    __int128 sum;
    enum stk_status status = stk_about_order(apply, &about);
    if (status == STK_OK)
        status = refund_sum(apply, &about, &sum);
    if (status != STK_OK)
        return status;
    stk_apply_begin(apply);
    for (uint32_t i = 0; i < args->parts.size; i++)
        about.line[part[i].line - 1].refunded += part[i].amount;
    about.order->refunded_minor += (int64_t)sum;
    stk_about_settle(apply, &about);
    stk_apply_say_int(apply, "refunded", about.order->refunded_minor);
    return STK_OK;
}

/* ---- ship ---- */

/* Units of the SKU leave from one hold. What the book does not have, but a person shipped, was
 * found. */
static void ship_from(struct stk_apply *apply, uint32_t at, uint32_t units, stk_time_t occurred_ms)
{
    struct stk_hold *hold = stk_orders_hold(&apply->state->orders, at);
    struct stk_cell *cell = stk_catalog_cell(&apply->state->catalog, hold->cell);
    struct stk_cell_numbers numbers = stk_cell_numbers(cell);
    if (numbers.on_hand < units) {
        cell->found += units - numbers.on_hand;
        numbers.on_hand = units;
        stk_cell_write(cell, numbers);
    }
    stk_earmark_leave(&apply->state->book, &apply->state->orders, at, units);
    hold->quantity -= units;
    hold->shipped += units;
    cell->shipped += units;
    stk_apply_held(apply, hold->cell, -(int64_t)units);
    stk_apply_moved(apply, hold->cell, occurred_ms, -(int32_t)units);
}

static void ship_units(struct stk_apply *apply, struct stk_about *about, uint16_t index,
                       uint32_t units, stk_time_t occurred_ms)
{
    struct stk_orders *orders = &apply->state->orders;
    struct stk_order_line *line = &about->line[index];
    apply->shipping = about->order;
    for (uint16_t c = 0; c < line->component_count && units; c++) {
        uint16_t component = (uint16_t)(line->first_component + c);
        uint32_t left = units * about->component[component].units;
        for (uint32_t at = about->order->first_hold; at != STK_NONE && left;) {
            const struct stk_hold *hold = stk_orders_hold(orders, at);
            uint32_t slot = at;
            at = hold->next_of_order;
            if (hold->incoming != STK_NONE || hold->line != index || hold->component != component ||
                !hold->quantity)
                continue;
            uint32_t taken = hold->quantity < left ? hold->quantity : left;
            ship_from(apply, slot, taken, occurred_ms);
            left -= taken;
        }
        stk_assert(left == 0);
    }
    line->shipped += units;
    apply->shipping = NULL;
}

void stk_order_ship_all(struct stk_apply *apply, uint32_t slot, stk_time_t occurred_ms)
{
    struct stk_about about = stk_about_slot(apply, slot);
    for (uint16_t i = 0; i < about.order->lines; i++)
        ship_units(apply, &about, i, stk_line_held(&about.line[i]), occurred_ms);
    about.order->state = STK_ORDER_SHIPPED;
}

enum stk_status stk_order_ship(struct stk_apply *apply)
{
    struct stk_about about;
    uint64_t sum;
    enum stk_status status = stk_about_order(apply, &about);
    if (status != STK_OK)
        return status;
    if (!in_life(about.order))
        return stk_about_refuse(apply, &about, "ship");
    status = stk_about_parts(apply, &about, stk_line_held, "shipped", &sum);
    if (status != STK_OK)
        return status;
    if (sum == 0)
        return stk_apply_refuse(apply, STK_STATE, "ship: nothing of the order is held");
    stk_apply_begin(apply);
    for (uint16_t i = 0; i < about.order->lines; i++)
        ship_units(apply, &about, i, apply->scratch->line_units[i], stk_about_occurred(apply));
    stk_about_settle(apply, &about);
    return STK_OK;
}

/* ---- cancel ---- */

/* A cancellation that is here before its order: it wins when the order comes. */
static enum stk_status cancel_early(struct stk_apply *apply)
{
    struct stk_book *book = &apply->state->book;
    if (((const struct stk_args_order *)apply->args)->parts.size)
        return STK_NOT_FOUND; /* a part of an order that is not there: refused already */
    if (stk_book_find_early(book, apply->command->order_key) == STK_NONE &&
        book->early.used == book->early.capacity)
        return stk_apply_refuse(apply, STK_FULL, "capacity \"early\" is used up");
    apply->answer.size = 0;
    apply->pairs = 0;
    stk_apply_begin(apply);
    uint32_t slot = stk_book_find_early(book, apply->command->order_key);
    if (slot == STK_NONE)
        slot = stk_book_add_early(book, apply->command->order_key, apply->now);
    /* also when it was there: this answer is good for a whole window, too */
    ((struct stk_early *)stk_pool_at(&book->early, slot))->since_ms = apply->now;
    stk_row_put_early(&apply->record, apply->state, slot);
    stk_apply_say_text(apply, "state", stk_order_state_name(STK_ORDER_CANCELLED));
    stk_apply_say_bool(apply, "early", 1);
    return STK_OK;
}

static void early_gone(void *arg, struct stk_hash order_key)
{
    struct stk_apply *apply = arg;
    if (!apply->open)
        stk_apply_begin(apply);
    stk_row_delete_early(&apply->record, order_key);
}

uint32_t stk_order_forget_early(struct stk_apply *apply, uint32_t max)
{
    return stk_book_forget_early(&apply->state->book, apply->now - apply->options->key_window_ms,
                                 max, early_gone, apply);
}

enum stk_status stk_order_cancel(struct stk_apply *apply)
{
    struct stk_about about;
    uint64_t sum;
    enum stk_status status = stk_about_order(apply, &about);
    if (status == STK_NOT_FOUND)
        return cancel_early(apply);
    if (status != STK_OK)
        return status;
    status = stk_about_parts(apply, &about, stk_line_unshipped, "cancelled", &sum);
    if (status != STK_OK)
        return status;
    int done = about.order->state == STK_ORDER_CANCELLED || about.order->state == STK_ORDER_EXPIRED;
    if (sum == 0 && !done)
        return stk_about_refuse(apply, &about, "cancel");
    stk_apply_begin(apply);
    for (uint16_t i = 0; i < about.order->lines; i++)
        cancel_units(apply, &about, i, apply->scratch->line_units[i]);
    stk_about_settle(apply, &about);
    return STK_OK;
}

/* ---- for others that decide about an order that is there ---- */

/* Demands of `units` of one line of an order that is there already. */
void stk_order_line_demand(struct stk_apply *apply, uint32_t slot, uint16_t index, uint32_t units)
{
    struct stk_about about = stk_about_slot(apply, slot);
    struct stk_scratch *scratch = apply->scratch;
    const struct stk_order_line *line = &about.line[index];
    for (uint16_t c = 0; c < line->component_count; c++) {
        const struct stk_order_component *component = &about.component[line->first_component + c];
        stk_assert(scratch->demands < STK_HOLDS_PER_ORDER_MAX);
        scratch->demand[scratch->demands++] = (struct stk_demand){
            .sku = component->sku,
            .units = component->units,
            .wanted = units * component->units,
            .line = index,
            .component = (uint16_t)(line->first_component + c),
        };
    }
}

struct stk_wants stk_order_wants(struct stk_apply *apply, const struct stk_order *order)
{
    const struct stk_names *names = apply->state->names;
    int fact = (order->flags & STK_ORDER_FACT) != 0;
    return (struct stk_wants){
        .channel = order->channel,
        .channel_name = stk_names_text(names, STK_NAME_CHANNEL, order->channel),
        .use = stk_names_text(names, STK_NAME_USE, order->use),
        .country = order->country,
        .split = fact || (order->flags & STK_ORDER_SPLIT),
        .fact = fact,
        .only = UINT16_MAX,
    };
}

/* ---- the engine's own ---- */

void stk_order_expire(struct stk_apply *apply, uint32_t slot)
{
    struct stk_about about = stk_about_slot(apply, slot);
    stk_assert(about.order->state == STK_ORDER_PLACED && about.order->expires_ms <= apply->now);
    stk_apply_begin(apply);
    about.order->state = STK_ORDER_EXPIRED;
    for (uint16_t i = 0; i < about.order->lines; i++)
        cancel_units(apply, &about, i, stk_line_unshipped(&about.line[i]));
    stk_about_settle(apply, &about);
}

void stk_order_archive(struct stk_apply *apply, uint32_t slot)
{
    struct stk_state *state = apply->state;
    struct stk_order *order = stk_orders_at(&state->orders, slot);
    struct stk_key_entry entry = {
        .key = order->key,
        .body = order->body,
        .seq = apply->seq,
        .doc = STK_NONE,
        .number = order->number,
        .class = 1,
    };
    stk_assert(order->flags & STK_ORDER_CLOSED);
    stk_apply_begin(apply);
    stk_row_put_order(&apply->record, state, slot, STK_TABLE_ARCHIVE);
    stk_row_put_key(&apply->record, &entry, 0, apply->now, (struct stk_bytes){0},
                    (struct stk_bytes){0}, (struct stk_bytes){0});
    stk_dedupe_add(&state->dedupe, &entry, (struct stk_bytes){0});
    stk_order_unload(state, slot);
}

void stk_order_unload(struct stk_state *state, uint32_t slot)
{
    stk_wheel_remove(&state->wheel, &state->orders, slot);
    stk_orders_remove_holds(&state->orders, &state->catalog, slot);
    stk_orders_remove(&state->orders, slot);
}
