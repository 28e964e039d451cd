/* order.amend. What shrinks is planned as free before what grows is chosen, so that an exchange of
 * one variant for another works with the last unit. Always: nothing is changed before begin but the
 * room for new lines, which are empty and are taken back by a refusal. */
#include "core/flow/amend.h"
#include "core/flow/allocate.h"
#include "core/flow/life.h"
#include "core/flow/place.h"

struct amend {
    uint32_t slot;
    const struct stk_args_line *args;
    uint32_t count;
    uint16_t old_lines, new_lines;
    uint16_t old_components;
};

static uint32_t active(const struct stk_order_line *line)
{
    return line->quantity - line->cancelled;
}

static enum stk_status check_line(struct stk_apply *apply, const struct stk_order *order,
                                  const struct stk_args_line *args, uint32_t at)
{
    const struct stk_order_line *line = stk_order_lines(&apply->state->orders, order);
    if (args->line == 0 || args->line > order->lines)
        return stk_apply_refuse(apply, STK_NOT_FOUND, "lines[%u].line: the order has %u lines", at,
                                order->lines);
    if (args->sku.size || args->listing.size)
        return stk_apply_refuse(apply, STK_INVALID,
                                "lines[%u]: a line keeps its goods; take it away and add another",
                                at);
    if (args->quantity < line[args->line - 1].shipped)
        return stk_apply_refuse(apply, STK_STATE,
                                "lines[%u].quantity: %u units are shipped already", at,
                                line[args->line - 1].shipped);
    return STK_OK;
}

/* Per old line, in scratch->line_value: the new number of active units. */
static enum stk_status read_lines(struct stk_apply *apply, struct amend *amend)
{
    const struct stk_order *order = stk_orders_at(&apply->state->orders, amend->slot);
    const struct stk_order_line *line = stk_order_lines(&apply->state->orders, order);
    uint32_t *wanted = apply->scratch->line_value;
    uint32_t *seen = apply->scratch->line_units;
    for (uint16_t i = 0; i < order->lines; i++)
        wanted[i] = active(&line[i]), seen[i] = 0;
    amend->new_lines = 0;
    for (uint32_t i = 0; i < amend->count; i++) {
        const struct stk_args_line *args = &amend->args[i];
        if (!STK_GIVEN(args, LINE_LINE)) {
            if (args->quantity == 0)
                return stk_apply_refuse(apply, STK_INVALID,
                                        "lines[%u].quantity: a new line needs units", i);
            amend->new_lines++;
            continue;
        }
        enum stk_status status = check_line(apply, order, args, i);
        if (status != STK_OK)
            return status;
        if (seen[args->line - 1]++)
            return stk_apply_refuse(apply, STK_INVALID, "lines[%u].line: line %u is there twice", i,
                                    args->line);
        wanted[args->line - 1] = args->quantity;
    }
    if (order->lines + amend->new_lines > STK_LINES_MAX)
        return stk_apply_refuse(apply, STK_TOO_LARGE, "lines: an order has at most %d",
                                STK_LINES_MAX);
    return STK_OK;
}

/* The holds that will be given back count as free for what grows. Short and ordered-ahead units go
 * first, as stk_order_give_back does it. */
static void plan_free(struct stk_apply *apply, const struct amend *amend)
{
    const struct stk_orders *orders = &apply->state->orders;
    const struct stk_order *order = stk_orders_at(orders, amend->slot);
    const struct stk_order_component *component = stk_order_components(orders, order);
    for (uint16_t i = 0; i < order->lines; i++) {
        const struct stk_order_line *line = stk_order_lines(orders, order) + i;
        uint32_t less = active(line) > apply->scratch->line_value[i]
                            ? active(line) - apply->scratch->line_value[i]
                            : 0;
        uint32_t cushion = line->short_units + line->preorder;
        if (less <= cushion)
            continue;
        for (uint16_t c = 0; c < line->component_count; c++) {
            uint16_t index = (uint16_t)(line->first_component + c);
            struct stk_drop drop = stk_order_drop(orders, amend->slot, i, index,
                                                  (less - cushion) * component[index].units);
            for (uint32_t at = order->first_hold; at != STK_NONE;) {
                const struct stk_hold *hold = stk_orders_hold(orders, at);
                uint32_t taken = stk_order_dropped(&drop, hold);
                at = hold->next_of_order;
                if (taken)
                    stk_allocate_plan(apply, hold->cell, taken);
            }
        }
    }
}

/* Demands of what grows: old lines, then new ones; units[line] gets the units. */
static enum stk_status collect(struct stk_apply *apply, const struct amend *amend, uint32_t *units)
{
    struct stk_orders *orders = &apply->state->orders;
    const struct stk_order *order = stk_orders_at(orders, amend->slot);
    const struct stk_order_line *line = stk_order_lines(orders, order);
    uint16_t component = amend->old_components;
    uint16_t next = amend->old_lines;
    apply->scratch->demands = 0;
    for (uint16_t i = 0; i < amend->old_lines; i++) {
        uint32_t wanted = apply->scratch->line_value[i];
        units[i] = wanted > active(&line[i]) ? wanted - active(&line[i]) : 0;
        if ((uint64_t)line[i].quantity + units[i] > STK_QUANTITY_MAX)
            return stk_apply_refuse(apply, STK_INVALID, "lines: line %u: more than %d units", i + 1,
                                    STK_QUANTITY_MAX);
        if (apply->scratch->demands + line[i].component_count > STK_HOLDS_PER_ORDER_MAX)
            return stk_apply_refuse(apply, STK_TOO_LARGE, "lines: too many components");
        if (units[i])
            stk_order_line_demand(apply, amend->slot, i, units[i]);
    }
    for (uint32_t i = 0; i < amend->count; i++) {
        uint16_t count;
        if (STK_GIVEN(&amend->args[i], LINE_LINE))
            continue;
        enum stk_status status =
            stk_order_demand(apply, order->channel, &amend->args[i], next, component, &count);
        if (status != STK_OK)
            return status;
        units[next++] = amend->args[i].quantity;
        component = (uint16_t)(component + count);
    }
    return STK_OK;
}

static enum stk_status choose(struct stk_apply *apply, const struct amend *amend,
                              const uint32_t *units)
{
    const struct stk_order *order = stk_orders_at(&apply->state->orders, amend->slot);
    uint8_t partial[STK_LINES_MAX];
    struct stk_wants wants = stk_order_wants(apply, order);
    uint16_t lines = (uint16_t)(amend->old_lines + amend->new_lines);
    memset(partial, 1, lines);
    wants.partial = wants.fact ? partial : NULL;
    plan_free(apply, amend);
    enum stk_status status = stk_allocate(apply, &wants, units, lines);
    stk_allocate_end(apply);
    if (status != STK_OK)
        return stk_apply_refuse(apply, STK_SHORT,
                                "not enough available stock for the amended lines");
    status = stk_order_holds_refused(apply, wants.use, wants.channel_name, 0);
    if (status != STK_OK)
        return status;
    const struct stk_pool *shortfalls = &apply->state->book.shortfalls;
    if (wants.fact && shortfalls->capacity - shortfalls->used < lines)
        return stk_apply_refuse(apply, STK_FULL, "capacity \"shortfalls\" is used up");
    return STK_OK;
}

/* Demands of new lines begin after those of old ones. */
static void fill_new_lines(struct stk_apply *apply, const struct amend *amend)
{
    struct stk_orders *orders = &apply->state->orders;
    const struct stk_order *order = stk_orders_at(orders, amend->slot);
    struct stk_order_line *line = stk_order_lines(orders, order);
    struct stk_order_component *component = stk_order_components(orders, order);
    const struct stk_scratch *scratch = apply->scratch;
    uint16_t next = amend->old_lines;
    uint32_t demand = 0;
    while (demand < scratch->demands && scratch->demand[demand].line < amend->old_lines)
        demand++;
    for (uint32_t i = 0; i < amend->count; i++) {
        if (STK_GIVEN(&amend->args[i], LINE_LINE))
            continue;
        stk_order_fill_line(apply, &line[next], order->channel, &amend->args[i], demand);
        line[next].quantity = amend->args[i].quantity;
        line[next].first_component =
            demand < scratch->demands ? scratch->demand[demand].component : amend->old_components;
        for (; demand < scratch->demands && scratch->demand[demand].line == next; demand++) {
            component[scratch->demand[demand].component] = (struct stk_order_component){
                scratch->demand[demand].sku, scratch->demand[demand].units};
            line[next].component_count++;
        }
        next++;
    }
}

/* Money of a line that is there: what is given replaces what was. */
static void amend_money(struct stk_order_line *line, const struct stk_args_line *args)
{
    if (STK_GIVEN(args, LINE_UNIT_PRICE))
        line->unit_price = args->unit_price;
    if (STK_GIVEN(args, LINE_DISCOUNT))
        line->discount = args->discount;
    if (STK_GIVEN(args, LINE_DISCOUNT_BY))
        line->discount_by = args->discount_by;
    if (STK_GIVEN(args, LINE_TAX))
        line->tax = args->tax;
    if (STK_GIVEN(args, LINE_TAX_INCLUDED))
        line->tax_included = args->tax_included;
}

static void book(struct stk_apply *apply, const struct amend *amend, const uint32_t *units)
{
    struct stk_orders *orders = &apply->state->orders;
    const struct stk_order *order = stk_orders_at(orders, amend->slot);
    struct stk_order_line *line = stk_order_lines(orders, order);
    for (uint16_t i = 0; i < amend->old_lines; i++) {
        uint32_t wanted = apply->scratch->line_value[i], is = active(&line[i]);
        if (wanted < is) {
            stk_order_give_back(apply, amend->slot, i, is - wanted);
            line[i].quantity -= is - wanted;
        }
        line[i].quantity += units[i];
    }
    fill_new_lines(apply, amend);
    stk_order_book_picks(apply, amend->slot);
    for (uint32_t i = 0; i < amend->count; i++)
        if (STK_GIVEN(&amend->args[i], LINE_LINE))
            amend_money(&line[amend->args[i].line - 1], &amend->args[i]);
    for (uint16_t i = 0; i < order->lines; i++)
        stk_order_short(apply, amend->slot, i, (int64_t)units[i] - apply->scratch->line_units[i]);
}

static enum stk_status make_room(struct stk_apply *apply, const struct amend *amend)
{
    struct stk_error err = {0};
    uint32_t components = amend->old_components;
    for (uint32_t i = 0; i < apply->scratch->demands; i++)
        components += apply->scratch->demand[i].line >= amend->old_lines;
    if (components > STK_HOLDS_PER_ORDER_MAX)
        return stk_apply_refuse(apply, STK_TOO_LARGE, "lines: too many components");
    if (amend->new_lines == 0)
        return STK_OK;
    enum stk_status status = stk_orders_resize(&apply->state->orders, amend->slot,
                                               (uint16_t)(amend->old_lines + amend->new_lines),
                                               (uint16_t)components, &err);
    return status == STK_OK ? STK_OK : stk_apply_refuse(apply, status, "%s", err.text);
}

enum stk_status stk_order_amend(struct stk_apply *apply)
{
    const struct stk_args_order *args = apply->args;
    struct amend amend = {.args = stk_command_list(apply->command, args->lines),
                          .count = args->lines.size};
    uint32_t units[STK_LINES_MAX];
    enum stk_status status = stk_apply_order(apply, &amend.slot);
    if (status != STK_OK)
        return status;
    const struct stk_order *order = stk_orders_at(&apply->state->orders, amend.slot);
    if (order->flags & STK_ORDER_CLOSED) {
        stk_apply_refuse(apply, STK_STATE, "amend: the order is %s",
                         stk_order_state_name(order->state));
        return STK_STATE;
    }
    amend.old_lines = order->lines;
    amend.old_components = order->components;
    status = read_lines(apply, &amend);
    if (status == STK_OK)
        status = collect(apply, &amend, units);
    if (status == STK_OK)
        status = choose(apply, &amend, units);
    if (status == STK_OK)
        status = make_room(apply, &amend);
    if (status != STK_OK)
        return status;
    stk_apply_begin(apply);
    book(apply, &amend, units);
    stk_order_settle(apply, amend.slot);
    return STK_OK;
}
