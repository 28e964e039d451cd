/* Orders by slot, their bodies in a heap, their holds between order and cell.
 *
 * Always true: a key of the index leads to an order with that key; the holds of an order and the
 * holds of a cell are the same holds seen from two sides; a free hold has quantity 0, a free order
 * number 0 (from its number on, an order is used). Engine thread only. */
#include "core/state/order.h"
#include <string.h>

enum stk_status stk_orders_init(struct stk_orders *orders, uint32_t orders_max, uint32_t holds_max,
                                uint64_t data_bytes, struct stk_error *err)
{
    enum stk_status status;
    memset(orders, 0, sizeof *orders);
    orders->tail = orders->tail_order = STK_NONE;
    status = stk_pool_init(&orders->orders, sizeof(struct stk_order), orders_max, err);
    if (status == STK_OK)
        status = stk_pool_init(&orders->holds, sizeof(struct stk_hold), holds_max, err);
    if (status == STK_OK)
        status = stk_heap_init(&orders->data, data_bytes, err);
    if (status == STK_OK)
        status = stk_index_init(&orders->keys, orders_max, err);
    if (status != STK_OK)
        stk_orders_fini(orders);
    return status;
}

#define TYPICAL_BODY 128 /* bytes of lines, components and id of a one-line order */

void stk_orders_touch(struct stk_orders *orders, uint32_t count)
{
    uint64_t body = (uint64_t)count * TYPICAL_BODY;
    uint32_t holds = count < orders->holds.capacity ? count : orders->holds.capacity;
    if (count > orders->orders.capacity)
        count = orders->orders.capacity;
    if (body > orders->data.capacity_bytes)
        body = orders->data.capacity_bytes;
    if (!count)
        return;
    stk_mem_touch(orders->orders.base, (uint64_t)count * orders->orders.item_size);
    stk_mem_touch(orders->holds.base, (uint64_t)holds * orders->holds.item_size);
    stk_mem_touch(orders->data.base, body);
    stk_mem_touch((void *)orders->keys.entries, orders->keys.size * sizeof orders->keys.entries[0]);
}

void stk_orders_fini(struct stk_orders *orders)
{
    stk_pool_fini(&orders->orders);
    stk_pool_fini(&orders->holds);
    stk_heap_fini(&orders->data);
    stk_index_fini(&orders->keys);
}

uint32_t stk_orders_find(const struct stk_orders *orders, struct stk_hash key)
{
    uint64_t cursor = 0;
    uint32_t slot;
    while ((slot = stk_index_next(&orders->keys, key.low, &cursor)) != STK_NONE) {
        const struct stk_order *order = stk_orders_at(orders, slot);
        if (order->key.low == key.low && order->key.high == key.high)
            return slot;
    }
    return STK_NONE;
}

void stk_orders_prefetch(const struct stk_orders *orders, struct stk_hash key)
{
    stk_index_prefetch(&orders->keys, key.low);
}

uint32_t stk_orders_prefetch_order(const struct stk_orders *orders, struct stk_hash key)
{
    uint64_t cursor = 0;
    uint32_t slot = stk_index_next(&orders->keys, key.low, &cursor);
    if (slot != STK_NONE) {
        __builtin_prefetch(stk_orders_at(orders, slot), 1);
        __builtin_prefetch((const char *)stk_orders_at(orders, slot) + 64, 1);
    }
    return slot;
}

static uint32_t body_bytes(uint16_t lines, uint16_t components, uint32_t id_size)
{
    return (uint32_t)(lines * sizeof(struct stk_order_line) +
                      components * sizeof(struct stk_order_component) + id_size);
}

static uint32_t body_size(const struct stk_order *order)
{
    return body_bytes(order->lines, order->components, order->id_size);
}

static enum stk_status full(struct stk_error *err, const char *name, uint64_t capacity)
{
    return stk_error_set(err, STK_FULL, "capacity %s (%llu) is used up", name,
                         (unsigned long long)capacity);
}

enum stk_status stk_orders_add(struct stk_orders *orders, struct stk_hash key, uint16_t lines,
                               uint16_t components, struct stk_bytes id, uint32_t *slot,
                               struct stk_error *err)
{
    uint32_t size = body_bytes(lines, components, id.size);
    uint32_t data, index;
    struct stk_order *order;
    char *body;
    stk_assert(size > 0 && id.size <= STK_ID_MAX);
    data = stk_heap_take(&orders->data, size);
    if (data == STK_NONE)
        return full(err, "order_bytes", orders->data.capacity_bytes);
    index = stk_pool_take(&orders->orders);
    if (index == STK_NONE) {
        stk_heap_give(&orders->data, data, size);
        return full(err, "orders", orders->orders.capacity);
    }
    body = stk_heap_at(&orders->data, data);
    memset(body, 0, size - id.size);
    if (id.size)
        memcpy(body + size - id.size, id.data, id.size);
    order = stk_orders_at(orders, index);
    order->key = key;
    order->data = data;
    order->lines = lines;
    order->components = components;
    order->id_size = (uint8_t)id.size;
    order->first_hold = order->wheel_next = order->wheel_prev = order->wheel_slot = STK_NONE;
    stk_assert(stk_index_insert(&orders->keys, key.low, index) == STK_OK);
    *slot = index;
    return STK_OK;
}

static uint16_t smaller(uint16_t a, uint16_t b)
{
    return a < b ? a : b;
}

enum stk_status stk_orders_resize(struct stk_orders *orders, uint32_t slot, uint16_t lines,
                                  uint16_t components, struct stk_error *err)
{
    struct stk_order *order = stk_orders_at(orders, slot);
    uint32_t size = body_bytes(lines, components, order->id_size);
    uint32_t data, old_data = order->data, old_size = body_size(order);
    const struct stk_order_line *old_lines = stk_order_lines(orders, order);
    const struct stk_order_component *old_components = stk_order_components(orders, order);
    struct stk_bytes id = stk_order_id(orders, order);
    uint16_t kept_lines = smaller(lines, order->lines);
    uint16_t kept_components = smaller(components, order->components);
    if (lines == order->lines && components == order->components)
        return STK_OK;
    stk_assert(size > 0);
    data = stk_heap_take(&orders->data, size);
    if (data == STK_NONE)
        return full(err, "order_bytes", orders->data.capacity_bytes);
    memset(stk_heap_at(&orders->data, data), 0, size);
    order->data = data;
    order->lines = lines;
    order->components = components;
    memcpy(stk_order_lines(orders, order), old_lines, kept_lines * sizeof *old_lines);
    memcpy(stk_order_components(orders, order), old_components,
           kept_components * sizeof *old_components);
    if (id.size)
        memcpy((char *)stk_heap_at(&orders->data, data) + size - id.size, id.data, id.size);
    stk_heap_give(&orders->data, old_data, old_size);
    return STK_OK;
}

void stk_orders_remove(struct stk_orders *orders, uint32_t slot)
{
    struct stk_order *order = stk_orders_at(orders, slot);
    stk_assert(order->first_hold == STK_NONE && order->wheel_slot == STK_NONE);
    stk_index_remove(&orders->keys, order->key.low, slot);
    stk_heap_give(&orders->data, order->data, body_size(order));
    order->number = 0;
    stk_pool_give(&orders->orders, slot);
}

uint32_t stk_orders_next(const struct stk_orders *orders, uint32_t from)
{
    for (; from < orders->orders.top; from++)
        if (stk_orders_at(orders, from)->number != 0)
            return from;
    return STK_NONE;
}

/* --- holds --- */

/* A hold at the end of its order's list. Holds are mostly made for one order in one go: then the
 * end is known. */
static uint32_t take_hold(struct stk_orders *orders, uint32_t slot, uint16_t line,
                          uint16_t component, stk_cell_t cell, uint32_t quantity)
{
    struct stk_order *order = stk_orders_at(orders, slot);
    uint32_t *link = &order->first_hold;
    uint32_t index = stk_pool_take(&orders->holds);
    if (index == STK_NONE)
        return STK_NONE;
    stk_assert(line < order->lines && component < order->components);
    if (orders->tail_order == slot)
        link = &stk_orders_hold(orders, orders->tail)->next_of_order;
    while (*link != STK_NONE)
        link = &stk_orders_hold(orders, *link)->next_of_order;
    *link = index;
    *stk_orders_hold(orders, index) = (struct stk_hold){
        .cell = cell,
        .order = slot,
        .quantity = quantity,
        .incoming = STK_NONE,
        .earmark = STK_NONE,
        .line = line,
        .component = component,
        .next_of_order = STK_NONE,
        .next_of_cell = STK_NONE,
        .prev_of_cell = index,
    };
    orders->tail = index;
    orders->tail_order = slot;
    return index;
}

uint32_t stk_orders_add_hold(struct stk_orders *orders, struct stk_catalog *catalog, uint32_t order,
                             uint16_t line, uint16_t component, stk_cell_t cell, uint32_t quantity)
{
    struct stk_cell *at = stk_catalog_cell(catalog, cell);
    uint32_t index = take_hold(orders, order, line, component, cell, quantity);
    if (index == STK_NONE)
        return STK_NONE;
    stk_orders_hold(orders, index)->next_of_cell = at->first_hold;
    stk_orders_hold(orders, index)->prev_of_cell = STK_NONE;
    if (at->first_hold != STK_NONE)
        stk_orders_hold(orders, at->first_hold)->prev_of_cell = index;
    at->first_hold = index;
    return index;
}

uint32_t stk_orders_add_preorder(struct stk_orders *orders, uint32_t order, uint16_t line,
                                 uint16_t component, stk_cell_t cell, uint32_t quantity)
{
    return take_hold(orders, order, line, component, cell, quantity);
}

/* Out of its cell's list, and free. */
static void give_hold(struct stk_orders *orders, struct stk_catalog *catalog, uint32_t index)
{
    struct stk_hold *hold = stk_orders_hold(orders, index);
    stk_assert(hold->order != STK_NONE && hold->incoming == STK_NONE);
    stk_assert(hold->earmark == STK_NONE);
    if (hold->prev_of_cell != index) {
        if (hold->prev_of_cell == STK_NONE)
            stk_catalog_cell(catalog, hold->cell)->first_hold = hold->next_of_cell;
        else
            stk_orders_hold(orders, hold->prev_of_cell)->next_of_cell = hold->next_of_cell;
        if (hold->next_of_cell != STK_NONE)
            stk_orders_hold(orders, hold->next_of_cell)->prev_of_cell = hold->prev_of_cell;
    }
    hold->order = STK_NONE;
    stk_pool_give(&orders->holds, index);
}

static void forget_tail(struct stk_orders *orders, uint32_t order)
{
    if (orders->tail_order == order)
        orders->tail = orders->tail_order = STK_NONE;
}

void stk_orders_remove_hold(struct stk_orders *orders, struct stk_catalog *catalog, uint32_t index)
{
    const struct stk_hold *hold = stk_orders_hold(orders, index);
    uint32_t *link;
    stk_assert(hold->order != STK_NONE);
    forget_tail(orders, hold->order);
    /* an order has few holds; a cell may have a million, so that only cells are linked both ways */
    link = &stk_orders_at(orders, hold->order)->first_hold;
    while (*link != index) {
        stk_assert(*link != STK_NONE);
        link = &stk_orders_hold(orders, *link)->next_of_order;
    }
    *link = hold->next_of_order;
    give_hold(orders, catalog, index);
}

void stk_orders_remove_holds(struct stk_orders *orders, struct stk_catalog *catalog, uint32_t slot)
{
    struct stk_order *order = stk_orders_at(orders, slot);
    uint32_t next, index = order->first_hold;
    forget_tail(orders, slot);
    order->first_hold = STK_NONE;
    for (; index != STK_NONE; index = next) {
        next = stk_orders_hold(orders, index)->next_of_order;
        give_hold(orders, catalog, index);
    }
}
