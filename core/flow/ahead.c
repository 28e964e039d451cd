/* Four steps over up to STK_AHEAD commands; each step reads only what the one before has asked for:
 *
 *   1  the command; asks for the places of its keys, and of the name of its first SKU, in the
 * indexes 2  the indexes; asks for the SKU, or for the order that the command is about 3  SKU,
 * order; asks for the id and the cell, or for the order's body and its first hold 4  cell, hold;
 * asks for the cell's newest hold (a new one is linked before it), or the hold's cell
 *
 * A guess that is wrong (equal tags, an alias) costs a line of cache and nothing else. */
#include "core/flow/ahead.h"
#include "core/flow/verb.h"

struct item {
    const struct stk_command *command;
    uint64_t name_hash;
    stk_sku_t sku;
    uint32_t order;
    stk_cell_t cell;
    uint32_t hold;
};

static int places(const struct stk_command *command)
{
    return command->verb == STK_VERB_ORDER_PLACE || command->verb == STK_VERB_ORDER_SELL;
}

/* The first SKU that the command names; empty when it names none here. */
static struct stk_bytes first_sku(const struct stk_command *command)
{
    const struct stk_args_order_place *args = stk_command_args(command);
    if (!places(command) || args->lines.size == 0)
        return (struct stk_bytes){0};
    const struct stk_args_line *line = stk_command_list(command, args->lines);
    return stk_command_bytes(command, line->sku);
}

static void ask_indexes(const struct stk_state *state, struct item *item)
{
    const struct stk_command *command = item->command;
    struct stk_bytes sku = first_sku(command);
    if (command->key_size) {
        stk_dedupe_prefetch(&state->dedupe, command->key);
        if (places(command))
            stk_orders_prefetch(&state->orders, command->key);
    }
    if (command->order_key.low | command->order_key.high)
        stk_orders_prefetch(&state->orders, command->order_key);
    item->name_hash = sku.size ? stk_catalog_prefetch_name(&state->catalog, sku) : 0;
}

static void ask_entries(const struct stk_state *state, struct item *item)
{
    const struct stk_command *command = item->command;
    item->sku = item->order = STK_NONE;
    if (item->name_hash)
        item->sku = stk_catalog_prefetch_sku(&state->catalog, item->name_hash);
    if (command->order_key.low | command->order_key.high)
        item->order = stk_orders_prefetch_order(&state->orders, command->order_key);
}

static void ask_parts(const struct stk_state *state, struct item *item)
{
    item->cell = item->hold = STK_NONE;
    if (item->sku != STK_NONE)
        item->cell = stk_catalog_prefetch_cell(&state->catalog, item->sku);
    if (item->order == STK_NONE)
        return;
    const struct stk_order *order = stk_orders_at(&state->orders, item->order);
    const char *body = (const char *)stk_order_lines(&state->orders, order);
    __builtin_prefetch(body, 1);
    __builtin_prefetch(body + 64, 1);
    item->hold = order->first_hold;
    if (item->hold != STK_NONE)
        __builtin_prefetch(stk_orders_hold(&state->orders, item->hold), 1);
}

static void ask_neighbours(const struct stk_state *state, const struct item *item)
{
    if (item->cell != STK_NONE) {
        uint32_t newest = stk_catalog_cell(&state->catalog, item->cell)->first_hold;
        if (newest != STK_NONE)
            __builtin_prefetch(stk_orders_hold(&state->orders, newest), 1);
    }
    if (item->hold != STK_NONE) {
        const struct stk_hold *hold = stk_orders_hold(&state->orders, item->hold);
        __builtin_prefetch(stk_catalog_cell(&state->catalog, hold->cell), 1);
        __builtin_prefetch(stk_catalog_cell_more(&state->catalog, hold->cell));
    }
}

void stk_ahead(const struct stk_state *state, const struct stk_ring_spsc *commands)
{
    struct item items[STK_AHEAD];
    uint64_t position = 0;
    unsigned count = 0;
    uint32_t size;
    while (count < STK_AHEAD &&
           (items[count].command = stk_ring_spsc_ahead(commands, &position, &size)))
        ask_indexes(state, &items[count++]);
    for (unsigned i = 0; i < count; i++)
        ask_entries(state, &items[i]);
    for (unsigned i = 0; i < count; i++)
        ask_parts(state, &items[i]);
    for (unsigned i = 0; i < count; i++)
        ask_neighbours(state, &items[i]);
}
