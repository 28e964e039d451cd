/* What the verbs on an order share. A verb on parts first turns its arguments into units per line,
 * checks them all, and only then begins. Always, per line: quantity = held + shipped + cancelled +
 * short + ordered ahead, in units of the line, and the same per component for its holds. */
#include "core/flow/about.h"
#include "core/flow/place.h"

struct stk_about stk_about_slot(struct stk_apply *apply, uint32_t slot)
{
    struct stk_orders *orders = &apply->state->orders;
    struct stk_order *order = stk_orders_at(orders, slot);
    return (struct stk_about){slot, order, stk_order_lines(orders, order),
                              stk_order_components(orders, order)};
}

enum stk_status stk_about_order(struct stk_apply *apply, struct stk_about *about)
{
    uint32_t slot;
    enum stk_status status = stk_apply_order(apply, &slot);
    if (status == STK_OK)
        *about = stk_about_slot(apply, slot);
    return status;
}

enum stk_status stk_about_refuse(struct stk_apply *apply, const struct stk_about *about,
                                 const char *what)
{
    const char *name = stk_order_state_name(about->order->state);
    stk_apply_refuse(apply, STK_STATE, "%s: the order is %s", what, name);
    stk_apply_say_text(apply, "state", name);
    return STK_STATE;
}

enum stk_status stk_about_parts(struct stk_apply *apply, const struct stk_about *about,
                                uint32_t (*most)(const struct stk_order_line *line),
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

stk_time_t stk_about_occurred(const struct stk_apply *apply)
{
    const struct stk_args_order *args = apply->args;
    int given = STK_GIVEN(args, ORDER_OCCURRED_AT) && args->occurred_at < apply->now;
    return given ? args->occurred_at : apply->now;
}

void stk_about_settle(struct stk_apply *apply, struct stk_about *about)
{
    uint64_t open = 0, shipped = 0, returned = 0;
    struct stk_order *order = about->order;
    for (uint16_t i = 0; i < order->lines; i++) {
        open += stk_line_unshipped(&about->line[i]);
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
