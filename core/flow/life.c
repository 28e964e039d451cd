/* After the placing: pay, ship, cancel, return, refund, extend, review, expiry, archive,
 * shortfalls.
 *
 * A verb on parts first turns its arguments into units per line (scratch->line_units), checks them
 * all, and only then begins. Always, per line: quantity = held + shipped + cancelled + short +
 * ordered ahead, in units of the line, and the same per component for its holds. amend.c holds the
 * one verb that can also add lines. */
#include "core/flow/life.h"
#include "core/flow/allocate.h"
#include "core/flow/place.h"

struct about { /* the order that a verb is about */
    uint32_t slot;
    struct stk_order *order;
    struct stk_order_line *line;
    const struct stk_order_component *component;
};

static struct about about_slot(struct stk_apply *apply, uint32_t slot)
{
    struct stk_orders *orders = &apply->state->orders;
    struct stk_order *order = stk_orders_at(orders, slot);
    return (struct about){slot, order, stk_order_lines(orders, order),
                          stk_order_components(orders, order)};
}

static enum stk_status about_order(struct stk_apply *apply, struct about *about)
{
    uint32_t slot;
    enum stk_status status = stk_apply_order(apply, &slot);
    if (status == STK_OK)
        *about = about_slot(apply, slot);
    return status;
}

static uint32_t unshipped(const struct stk_order_line *line)
{
    return line->quantity - line->shipped - line->cancelled;
}

static uint32_t held_units(const struct stk_order_line *line)
{
    return unshipped(line) - line->short_units - line->preorder;
}

static enum stk_status refuse_state(struct stk_apply *apply, const struct about *about,
                                    const char *what)
{
    const char *name = stk_order_state_name(about->order->state);
    stk_apply_refuse(apply, STK_STATE, "%s: the order is %s", what, name);
    stk_apply_say_text(apply, "state", name);
    return STK_STATE;
}

static void finish(struct stk_apply *apply, struct about *about)
{
    uint64_t open = 0, shipped = 0, returned = 0;
    struct stk_order *order = about->order;
    for (uint16_t i = 0; i < order->lines; i++) {
        open += unshipped(&about->line[i]);
        shipped += about->line[i].shipped;
        returned += about->line[i].returned;
    }
    if (open == 0 && shipped)
        order->state = returned == shipped ? STK_ORDER_RETURNED : STK_ORDER_SHIPPED;
    else if (open == 0 && order->state != STK_ORDER_EXPIRED)
        order->state = STK_ORDER_CANCELLED;
    order->changed_ms = apply->now;
    stk_order_file(apply, about->slot);
    stk_row_put_order(&apply->record, apply->state, about->slot, STK_TABLE_ORDER);
    if (apply->command)
        stk_apply_say_text(apply, "state", stk_order_state_name(order->state));
}

void stk_order_settle(struct stk_apply *apply, uint32_t slot)
{
    struct about about = about_slot(apply, slot);
    finish(apply, &about);
}

/* ---- parts ---- */

typedef uint32_t (*units_fn)(const struct stk_order_line *line);

/* The command's parts as units per line; without parts: all that `most` says of each line. Refuses
 * a line that is not there and more units than there are. *any = 1 when there is anything to do. */
static enum stk_status parts_of(struct stk_apply *apply, const struct about *about, units_fn most,
                                const char *what, uint64_t *sum)
{
    const struct stk_args_order *args = apply->args;
    const struct stk_args_part *part = stk_command_list(apply->command, args->parts);
    uint32_t *units = apply->scratch->line_units;
    *sum = 0;
    for (uint16_t i = 0; i < about->order->lines; i++) {
        units[i] = args->parts.size ? 0 : most(&about->line[i]);
        apply->scratch->line_value[i] = 0;
        *sum += units[i];
    }
    for (uint32_t i = 0; i < args->parts.size; i++) {
        if (part[i].line == 0 || part[i].line > about->order->lines)
            return stk_apply_refuse(apply, STK_NOT_FOUND, "lines[%u].line: the order has %u lines",
                                    i, about->order->lines);
        uint32_t at = part[i].line - 1, limit = most(&about->line[at]);
        uint64_t wanted = (uint64_t)units[at] + (part[i].quantity ? part[i].quantity : limit);
        if (wanted > limit)
            return stk_apply_refuse(apply, STK_STATE, "lines[%u].quantity: only %u units can be %s",
                                    i, limit, what);
        *sum += wanted - units[at];
        units[at] = (uint32_t)wanted;
        if (part[i].unsellable)
            apply->scratch->line_value[at] = units[at];
    }
    return STK_OK;
}

static stk_time_t occurred(const struct stk_apply *apply)
{
    const struct stk_args_order *args = apply->args;
    int given = STK_GIVEN(args, ORDER_OCCURRED_AT) && args->occurred_at < apply->now;
    return given ? args->occurred_at : apply->now;
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

/* Give `units` of the SKU held for this component back to their cells. */
static void drop_holds(struct stk_apply *apply, uint32_t slot, uint16_t line, uint16_t component,
                       uint32_t units)
{
    struct stk_state *state = apply->state;
    uint32_t at = stk_orders_at(&state->orders, slot)->first_hold;
    while (at != STK_NONE && units) {
        struct stk_hold *hold = stk_orders_hold(&state->orders, at);
        uint32_t next = hold->next_of_order;
        if (hold->incoming == STK_NONE && hold->line == line && hold->component == component &&
            hold->quantity) {
            uint32_t taken = hold->quantity < units ? hold->quantity : units;
            stk_apply_held(apply, hold->cell, -(int64_t)taken);
            hold->quantity -= taken;
            if (hold->quantity == 0 && hold->shipped == 0)
                stk_orders_remove_hold(&state->orders, &state->catalog, at);
            units -= taken;
        }
        at = next;
    }
    stk_assert(units == 0);
}

void stk_order_give_back(struct stk_apply *apply, uint32_t slot, uint16_t index, uint32_t units)
{
    struct about about = about_slot(apply, slot);
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

static void cancel_units(struct stk_apply *apply, struct about *about, uint16_t line,
                         uint32_t units)
{
    if (!units)
        return;
    stk_order_give_back(apply, about->slot, line, units);
    about->line[line].cancelled += units;
}

/* ---- pay, review, release, extend, refund ---- */

enum stk_status stk_order_pay(struct stk_apply *apply)
{
    struct about about;
    enum stk_status status = about_order(apply, &about);
    if (status != STK_OK)
        return status;
    if (about.order->state == STK_ORDER_CANCELLED || about.order->state == STK_ORDER_EXPIRED)
        return refuse_state(apply, &about, "pay");
    stk_apply_begin(apply);
    about.order->flags |= STK_ORDER_PAID_FLAG;
    if (about.order->state == STK_ORDER_PLACED)
        about.order->state = STK_ORDER_PAID;
    about.order->expires_ms = 0;
    about.order->review_left_ms = 0; /* firm also after the review */
    finish(apply, &about);
    return STK_OK;
}

static int in_life(const struct stk_order *order)
{
    return order->state == STK_ORDER_PLACED || order->state == STK_ORDER_PAID;
}

enum stk_status stk_order_review(struct stk_apply *apply)
{
    struct about about;
    enum stk_status status = about_order(apply, &about);
    if (status != STK_OK)
        return status;
    if (!in_life(about.order) && about.order->state != STK_ORDER_REVIEW)
        return refuse_state(apply, &about, "review");
    stk_apply_begin(apply);
    if (about.order->state != STK_ORDER_REVIEW) {
        stk_time_t left_ms = about.order->expires_ms ? about.order->expires_ms - apply->now : 0;
        about.order->review_left_ms = left_ms <= 0           ? (about.order->expires_ms ? 1 : 0)
                                      : left_ms < UINT32_MAX ? (uint32_t)left_ms
                                                             : UINT32_MAX;
        about.order->state = STK_ORDER_REVIEW;
        about.order->expires_ms = 0;
    }
    finish(apply, &about);
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
    struct about about;
    enum stk_status status = about_order(apply, &about);
    if (status != STK_OK)
        return status;
    if (about.order->state != STK_ORDER_REVIEW)
        return refuse_state(apply, &about, "release");
    stk_apply_begin(apply);
    struct stk_order *order = about.order;
    order->state = order->flags & STK_ORDER_PAID_FLAG ? STK_ORDER_PAID : STK_ORDER_PLACED;
    if (order->state == STK_ORDER_PLACED && STK_GIVEN(args, ORDER_TTL_MS))
        order->expires_ms = apply->now + args->ttl_ms;
    else if (order->state == STK_ORDER_PLACED && order->review_left_ms)
        order->expires_ms = apply->now + order->review_left_ms;
    order->review_left_ms = 0;
    finish(apply, &about);
    say_deadline(apply, order);
    return STK_OK;
}

enum stk_status stk_order_extend(struct stk_apply *apply)
{
    const struct stk_args_order *args = apply->args;
    struct about about;
    enum stk_status status = about_order(apply, &about);
    if (status != STK_OK)
        return status;
    if (about.order->state != STK_ORDER_PLACED || !about.order->expires_ms)
        return refuse_state(apply, &about, "extend");
    stk_apply_begin(apply);
    about.order->expires_ms = apply->now + args->ttl_ms;
    finish(apply, &about);
    say_deadline(apply, about.order);
    return STK_OK;
}

/* What the buyer owes in all; 0 when no prices were given. */
static __int128 order_total(const struct about *about)
{
    __int128 total = 0;
    for (uint16_t i = 0; i < about->order->lines; i++) {
        const struct stk_order_line *line = &about->line[i];
        total += (__int128)line->unit_price * line->quantity - line->discount;
        total += line->tax_included ? 0 : line->tax;
    }
    return total;
}

static enum stk_status refund_sum(struct stk_apply *apply, const struct about *about, __int128 *sum)
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
    struct about about;
    __int128 sum;
    enum stk_status status = about_order(apply, &about);
    if (status == STK_OK)
        status = refund_sum(apply, &about, &sum);
    if (status != STK_OK)
        return status;
    stk_apply_begin(apply);
    for (uint32_t i = 0; i < args->parts.size; i++)
        about.line[part[i].line - 1].refunded += part[i].amount;
    about.order->refunded_minor += (int64_t)sum;
    finish(apply, &about);
    stk_apply_say_int(apply, "refunded", about.order->refunded_minor);
    return STK_OK;
}

/* ---- ship ---- */

/* Units of the SKU leave from one hold. What the book does not have, but a person shipped, was
 * found. */
static void ship_from(struct stk_apply *apply, struct stk_hold *hold, uint32_t units,
                      stk_time_t occurred_ms)
{
    struct stk_cell *cell = stk_catalog_cell(&apply->state->catalog, hold->cell);
    struct stk_cell_numbers numbers = stk_cell_numbers(cell);
    if (numbers.on_hand < units) {
        cell->found += units - numbers.on_hand;
        numbers.on_hand = units;
        stk_cell_write(cell, numbers);
    }
    hold->quantity -= units;
    hold->shipped += units;
    cell->shipped += units;
    stk_apply_held(apply, hold->cell, -(int64_t)units);
    stk_apply_moved(apply, hold->cell, occurred_ms, -(int32_t)units);
}

static void ship_units(struct stk_apply *apply, struct about *about, uint16_t index, uint32_t units,
                       stk_time_t occurred_ms)
{
    struct stk_orders *orders = &apply->state->orders;
    struct stk_order_line *line = &about->line[index];
    apply->shipping = about->order;
    for (uint16_t c = 0; c < line->component_count && units; c++) {
        uint16_t component = (uint16_t)(line->first_component + c);
        uint32_t left = units * about->component[component].units;
        for (uint32_t at = about->order->first_hold; at != STK_NONE && left;) {
            struct stk_hold *hold = stk_orders_hold(orders, at);
            at = hold->next_of_order;
            if (hold->incoming != STK_NONE || hold->line != index || hold->component != component ||
                !hold->quantity)
                continue;
            uint32_t taken = hold->quantity < left ? hold->quantity : left;
            ship_from(apply, hold, taken, occurred_ms);
            left -= taken;
        }
        stk_assert(left == 0);
    }
    line->shipped += units;
    apply->shipping = NULL;
}

void stk_order_ship_all(struct stk_apply *apply, uint32_t slot, stk_time_t occurred_ms)
{
    struct about about = about_slot(apply, slot);
    for (uint16_t i = 0; i < about.order->lines; i++)
        ship_units(apply, &about, i, held_units(&about.line[i]), occurred_ms);
    about.order->state = STK_ORDER_SHIPPED;
}

enum stk_status stk_order_ship(struct stk_apply *apply)
{
    struct about about;
    uint64_t sum;
    enum stk_status status = about_order(apply, &about);
    if (status != STK_OK)
        return status;
    if (!in_life(about.order))
        return refuse_state(apply, &about, "ship");
    status = parts_of(apply, &about, held_units, "shipped", &sum);
    if (status != STK_OK)
        return status;
    if (sum == 0)
        return stk_apply_refuse(apply, STK_STATE, "ship: nothing of the order is held");
    stk_apply_begin(apply);
    for (uint16_t i = 0; i < about.order->lines; i++)
        ship_units(apply, &about, i, apply->scratch->line_units[i], occurred(apply));
    finish(apply, &about);
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
    stk_row_put_early(&apply->record, apply->state, slot);
    stk_apply_say_text(apply, "state", stk_order_state_name(STK_ORDER_CANCELLED));
    stk_apply_say_bool(apply, "early", 1);
    return STK_OK;
}

enum stk_status stk_order_cancel(struct stk_apply *apply)
{
    struct about about;
    uint64_t sum;
    enum stk_status status = about_order(apply, &about);
    if (status == STK_NOT_FOUND)
        return cancel_early(apply);
    if (status != STK_OK)
        return status;
    status = parts_of(apply, &about, unshipped, "cancelled", &sum);
    if (status != STK_OK)
        return status;
    int done = about.order->state == STK_ORDER_CANCELLED || about.order->state == STK_ORDER_EXPIRED;
    if (sum == 0 && !done)
        return refuse_state(apply, &about, "cancel");
    stk_apply_begin(apply);
    for (uint16_t i = 0; i < about.order->lines; i++)
        cancel_units(apply, &about, i, apply->scratch->line_units[i]);
    finish(apply, &about);
    return STK_OK;
}

/* ---- return ---- */

static uint32_t returnable(const struct stk_order_line *line)
{
    return line->shipped - line->returned;
}

static void restock(struct stk_apply *apply, stk_cell_t index, uint32_t units, int unsellable,
                    stk_time_t occurred_ms)
{
    struct stk_cell *cell = stk_catalog_cell(&apply->state->catalog, index);
    cell->returned += units;
    if (!unsellable) {
        stk_apply_moved(apply, index, occurred_ms, (int32_t)units);
        return;
    }
    struct stk_cell_numbers numbers = stk_cell_numbers(cell);
    numbers.unsellable += units;
    stk_cell_write(cell, numbers);
    stk_apply_touch(apply, index);
}

/* Walks the holds that units of a component were shipped from. fn gets each and how many units of
 * it. */
struct come_back {
    stk_location_t location; /* UINT16_MAX = where it was shipped from */
    uint16_t line, component;
    uint32_t units;
    int unsellable;
    stk_time_t occurred_ms;
};

static int may_come_back(struct stk_apply *apply, const struct about *about,
                         const struct come_back *back)
{
    struct stk_orders *orders = &apply->state->orders;
    uint32_t left = back->units;
    if (back->location != UINT16_MAX) {
        stk_cell_t cell = stk_catalog_find_cell(
            &apply->state->catalog, about->component[back->component].sku, back->location);
        return cell == STK_NONE || stk_apply_may_grow(apply, cell, left);
    }
    for (uint32_t at = about->order->first_hold; at != STK_NONE && left;) {
        const struct stk_hold *hold = stk_orders_hold(orders, at);
        at = hold->next_of_order;
        if (hold->line != back->line || hold->component != back->component || !hold->shipped)
            continue;
        uint32_t taken = hold->shipped < left ? hold->shipped : left;
        if (!stk_apply_may_grow(apply, hold->cell, taken))
            return 0;
        left -= taken;
    }
    return 1;
}

static void come_back(struct stk_apply *apply, const struct about *about,
                      const struct come_back *back)
{
    struct stk_state *state = apply->state;
    uint32_t left = back->units;
    for (uint32_t at = about->order->first_hold; at != STK_NONE && left;) {
        struct stk_hold *hold = stk_orders_hold(&state->orders, at);
        uint32_t slot = at;
        at = hold->next_of_order;
        if (hold->line != back->line || hold->component != back->component || !hold->shipped)
            continue;
        uint32_t taken = hold->shipped < left ? hold->shipped : left;
        stk_cell_t cell = hold->cell;
        hold->shipped -= taken;
        left -= taken;
        if (hold->shipped == 0 && hold->quantity == 0 && hold->incoming == STK_NONE)
            stk_orders_remove_hold(&state->orders, &state->catalog, slot);
        if (back->location != UINT16_MAX)
            cell = stk_apply_cell(apply, about->component[back->component].sku, back->location);
        restock(apply, cell, taken, back->unsellable, back->occurred_ms);
    }
    stk_assert(left == 0);
}

/* Each line's units, sellable and not, each component: check them all, or do them all. */
static int each_return(struct stk_apply *apply, struct about *about, stk_location_t location,
                       int check)
{
    struct stk_scratch *scratch = apply->scratch;
    for (uint16_t i = 0; i < about->order->lines; i++) {
        struct stk_order_line *line = &about->line[i];
        for (int bad = 0; bad < 2; bad++) {
            uint32_t units =
                bad ? scratch->line_value[i] : scratch->line_units[i] - scratch->line_value[i];
            for (uint16_t c = 0; c < line->component_count && units; c++) {
                uint16_t component = (uint16_t)(line->first_component + c);
                struct come_back back = {location,  i,
                                         component, units * about->component[component].units,
                                         bad,       occurred(apply)};
                if (check && !may_come_back(apply, about, &back))
                    return 0;
                if (!check)
                    come_back(apply, about, &back);
            }
        }
        if (!check)
            line->returned += scratch->line_units[i];
    }
    return 1;
}

static void cover_after_return(struct stk_apply *apply, const struct about *about)
{
    for (uint16_t c = 0; c < about->order->components; c++)
        stk_order_cover_back_orders(apply, about->component[c].sku);
}

enum stk_status stk_order_return(struct stk_apply *apply)
{
    const struct stk_args_order *args = apply->args;
    stk_location_t location = UINT16_MAX;
    struct about about;
    uint64_t sum;
    enum stk_status status = about_order(apply, &about);
    if (status == STK_OK && args->location.size)
        status = stk_apply_location(apply, args->location, &location);
    if (status == STK_OK)
        status = parts_of(apply, &about, returnable, "returned", &sum);
    if (status != STK_OK)
        return status;
    if (sum == 0)
        return refuse_state(apply, &about, "return: nothing is out with the buyer");
    if (!stk_apply_cell_fits(apply, location == UINT16_MAX ? 0 : about.order->components))
        return stk_apply_refuse(apply, STK_FULL, "capacity \"cells\" is used up");
    if (!each_return(apply, &about, location, 1))
        return stk_apply_refuse(apply, STK_FULL, "return: a cell would hold more than %d units",
                                STK_QUANTITY_MAX);
    stk_apply_begin(apply);
    each_return(apply, &about, location, 0);
    finish(apply, &about);
    cover_after_return(apply, &about);
    return STK_OK;
}

/* ---- shortfalls ---- */

/* Demands of `units` of one line of an order that is there already. */
void stk_order_line_demand(struct stk_apply *apply, uint32_t slot, uint16_t index, uint32_t units)
{
    struct about about = about_slot(apply, slot);
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

/* Hold up to `units` of a line that is short, as far as stock goes. whole: all or nothing. Returns
 * the units covered; picks are left in the scratch. */
static uint32_t choose_for_short(struct stk_apply *apply, const struct about *about, uint16_t line,
                                 uint32_t units, stk_location_t only, int whole)
{
    uint32_t wanted[STK_LINES_MAX];
    uint8_t partial[STK_LINES_MAX];
    struct stk_wants wants = stk_order_wants(apply, about->order);
    wants.only = only;
    memset(partial, 1, about->order->lines);
    wants.partial = whole ? NULL : partial;
    apply->scratch->demands = 0;
    memset(wanted, 0, about->order->lines * sizeof wanted[0]);
    wanted[line] = units;
    stk_order_line_demand(apply, about->slot, line, units);
    enum stk_status status = stk_allocate(apply, &wants, wanted, about->order->lines);
    stk_allocate_end(apply);
    return status == STK_OK ? apply->scratch->line_units[line] : 0;
}

static int holds_fit(struct stk_apply *apply)
{
    const struct stk_pool *holds = &apply->state->orders.holds;
    return holds->capacity - holds->used >= apply->scratch->picks;
}

static enum stk_status resolve_at(struct stk_apply *apply, struct about *about, uint16_t line,
                                  uint32_t units)
{
    const struct stk_args_shortfall_resolve *args = apply->args;
    stk_location_t location = UINT16_MAX;
    if (args->location.size) {
        enum stk_status status = stk_apply_location(apply, args->location, &location);
        if (status != STK_OK)
            return status;
    }
    if (choose_for_short(apply, about, line, units, location, 1) != units)
        return stk_apply_refuse(apply, STK_SHORT, "not enough available stock there for %u units",
                                units);
    if (!holds_fit(apply))
        return stk_apply_refuse(apply, STK_FULL, "capacity \"holds\" is used up");
    stk_apply_begin(apply);
    stk_order_book_picks(apply, about->slot);
    stk_order_short(apply, about->slot, line, -(int64_t)units);
    return STK_OK;
}

static enum stk_status resolve_by(struct stk_apply *apply, struct about *about, uint16_t line,
                                  uint32_t units)
{
    const struct stk_args_shortfall_resolve *args = apply->args;
    struct stk_book *book = &apply->state->book;
    if (args->action == STK_RESOLVE_LOCATION)
        return resolve_at(apply, about, line, units);
    stk_apply_begin(apply);
    if (args->action == STK_RESOLVE_CANCEL) {
        stk_order_short(apply, about->slot, line, -(int64_t)units);
        about->line[line].cancelled += units;
        return STK_OK;
    }
    uint32_t entry = stk_book_find_shortfall(book, about->order->number, line);
    stk_assert(entry != STK_NONE);
    ((struct stk_shortfall *)stk_pool_at(&book->shortfalls, entry))->back_order = 1;
    stk_row_put_shortfall(&apply->record, apply->state, entry);
    return STK_OK;
}

enum stk_status stk_shortfall_resolve(struct stk_apply *apply)
{
    const struct stk_args_shortfall_resolve *args = apply->args;
    struct about about;
    enum stk_status status = about_order(apply, &about);
    if (status != STK_OK)
        return status;
    if (args->line == 0 || args->line > about.order->lines)
        return stk_apply_refuse(apply, STK_NOT_FOUND, "line: the order has %u lines",
                                about.order->lines);
    uint16_t line = (uint16_t)(args->line - 1);
    uint32_t missing = about.line[line].short_units;
    uint32_t units = STK_GIVEN(args, SHORTFALL_RESOLVE_QUANTITY) ? args->quantity : missing;
    if (missing == 0 || units > missing)
        return stk_apply_refuse(apply, STK_STATE, "quantity: %u units of this line are short",
                                missing);
    status = resolve_by(apply, &about, line, units);
    if (status != STK_OK)
        return status;
    finish(apply, &about);
    stk_apply_say_uint(apply, "shortfall", about.line[line].short_units);
    return STK_OK;
}

/* The oldest back-order of the SKU that stock could cover now, by order number; STK_NONE. */
static uint32_t next_back_order(const struct stk_apply *apply, stk_sku_t sku, uint64_t after)
{
    const struct stk_state *state = apply->state;
    const struct stk_pool *pool = &state->book.shortfalls;
    uint32_t best = STK_NONE;
    uint64_t best_number = UINT64_MAX;
    for (uint32_t i = 0; i < pool->top; i++) {
        const struct stk_shortfall *entry = stk_pool_at(pool, i);
        if (!entry->order_number || !entry->back_order || entry->order_number <= after ||
            entry->order_number >= best_number)
            continue;
        uint32_t slot = stk_orders_find(&state->orders, entry->order_key);
        const struct stk_order *order = stk_orders_at(&state->orders, slot);
        const struct stk_order_line *line = stk_order_lines(&state->orders, order) + entry->line;
        const struct stk_order_component *component = stk_order_components(&state->orders, order);
        for (uint16_t c = 0; c < line->component_count; c++)
            if (component[line->first_component + c].sku == sku)
                best = i, best_number = entry->order_number;
    }
    return best;
}

void stk_order_cover_back_orders(struct stk_apply *apply, stk_sku_t sku)
{
    struct stk_state *state = apply->state;
    uint64_t after = 0;
    stk_assert(apply->open);
    while (stk_catalog_sku_more(&state->catalog, sku)->shortfall) {
        uint32_t entry = next_back_order(apply, sku, after);
        if (entry == STK_NONE)
            return;
        struct stk_shortfall *shortfall = stk_pool_at(&state->book.shortfalls, entry);
        struct about about =
            about_slot(apply, stk_orders_find(&state->orders, shortfall->order_key));
        uint16_t line = shortfall->line;
        after = shortfall->order_number;
        uint32_t covered = choose_for_short(apply, &about, line, shortfall->units, UINT16_MAX, 0);
        if (!covered || !holds_fit(apply) ||
            !stk_record_room(&apply->record,
                             stk_row_order_max(state, about.slot, apply->scratch->picks)))
            continue;
        stk_order_book_picks(apply, about.slot);
        stk_order_short(apply, about.slot, line, -(int64_t)covered);
        stk_order_file(apply, about.slot);
        stk_row_put_order(&apply->record, state, about.slot, STK_TABLE_ORDER);
    }
}

/* ---- the engine's own ---- */

void stk_order_expire(struct stk_apply *apply, uint32_t slot)
{
    struct about about = about_slot(apply, slot);
    stk_assert(about.order->state == STK_ORDER_PLACED && about.order->expires_ms <= apply->now);
    stk_apply_begin(apply);
    about.order->state = STK_ORDER_EXPIRED;
    for (uint16_t i = 0; i < about.order->lines; i++)
        cancel_units(apply, &about, i, unshipped(&about.line[i]));
    finish(apply, &about);
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
    stk_row_put_key(&apply->record, &entry, apply->now, (struct stk_bytes){0},
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
