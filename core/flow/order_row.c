/* Bytes of an order. A one-line order by SKU with a 16-byte id takes about 60: fields that are zero
 * are left out by a mask, times are differences to the placing, and what a line froze is written
 * only when it is not simply one unit of the line's SKU.
 *
 *   u8 version · varint mask · bytes id · varint source · 16 bytes body hash · zigzag placed_ms ·
 * u8 state · u8 flags · fields of the mask · lines · components (if the mask says so) · holds line:
 * varint mask · varint sku or listing · varint quantity · fields of the mask hold: u8 mask · varint
 * line, varint component (more than one line or component) · varint location · varint quantity ·
 * fields of the mask */
#include "core/flow/order_row.h"
#include "core/flow/command.h"
#include "core/flow/verb.h"
#include "core/state/earmark.h"

#define VERSION 1

enum {
    HAS_CHANNEL = 1,
    HAS_EXPIRES = 2,
    HAS_FIRST_EXPIRES = 4,
    HAS_CHANGED = 8,
    HAS_COUNTRY = 16,
    HAS_CURRENCY = 32,
    HAS_USE = 64,
    HAS_REFUNDED = 128,
    HAS_FIRST_SHORT = 256,
    HAS_REVIEW_LEFT = 512,
    HAS_COMPONENTS = 1024,
};
enum {
    LINE_LISTING = 1,
    LINE_PRICE = 2,
    LINE_DISCOUNT = 4,
    LINE_TAX = 8,
    LINE_SHIPPED = 16,
    LINE_CANCELLED = 32,
    LINE_RETURNED = 64,
    LINE_FLAGS = 128,
    LINE_SHORT = 256,
    LINE_PREORDER = 512,
    LINE_REFUNDED = 1024,
};
enum { HOLD_SHIPPED = 1, HOLD_INCOMING = 2, HOLD_EARMARK = 4 };

/* ---- writing ---- */

static int components_are_plain(const struct stk_orders *orders, const struct stk_order *order)
{
    const struct stk_order_line *line = stk_order_lines(orders, order);
    const struct stk_order_component *component = stk_order_components(orders, order);
    if (order->lines != order->components)
        return 0;
    for (uint16_t i = 0; i < order->lines; i++)
        if (line[i].component_count != 1 || line[i].first_component != i ||
            line[i].sku == STK_NONE || component[i].sku != line[i].sku || component[i].units != 1)
            return 0;
    return 1;
}

static uint64_t order_mask(const struct stk_orders *orders, const struct stk_order *order)
{
    uint64_t mask = 0;
    mask |= order->channel ? HAS_CHANNEL : 0;
    mask |= order->expires_ms ? HAS_EXPIRES : 0;
    mask |= order->first_expires_ms != order->expires_ms ? HAS_FIRST_EXPIRES : 0;
    mask |= order->changed_ms != order->placed_ms ? HAS_CHANGED : 0;
    mask |= order->country ? HAS_COUNTRY : 0;
    mask |= order->currency ? HAS_CURRENCY : 0;
    mask |= order->use ? HAS_USE : 0;
    mask |= order->refunded_minor ? HAS_REFUNDED : 0;
    mask |= order->first_short ? HAS_FIRST_SHORT : 0;
    mask |= order->review_left_ms ? HAS_REVIEW_LEFT : 0;
    mask |= components_are_plain(orders, order) ? 0 : HAS_COMPONENTS;
    return mask;
}

static uint8_t *put_time(uint8_t *at, stk_time_t time_ms, stk_time_t base_ms)
{
    return stk_put_zigzag(at, time_ms ? time_ms - base_ms : INT64_MIN / 2);
}

static uint8_t *put_head(uint8_t *at, const struct stk_orders *orders,
                         const struct stk_order *order, uint64_t mask)
{
    struct stk_bytes id = stk_order_id(orders, order);
    *at++ = VERSION;
    at = stk_put_varint(at, mask);
    at = stk_put_bytes(at, id.data, id.size);
    at = stk_put_varint(at, order->source);
    at = stk_put_hash(at, order->body);
    at = stk_put_zigzag(at, order->placed_ms);
    *at++ = order->state;
    *at++ = order->flags;
    if (mask & HAS_CHANNEL)
        at = stk_put_varint(at, order->channel);
    if (mask & HAS_EXPIRES)
        at = put_time(at, order->expires_ms, order->placed_ms);
    if (mask & HAS_FIRST_EXPIRES)
        at = put_time(at, order->first_expires_ms, order->placed_ms);
    if (mask & HAS_CHANGED)
        at = put_time(at, order->changed_ms, order->placed_ms);
    if (mask & HAS_COUNTRY)
        at = stk_put_varint(at, order->country);
    if (mask & HAS_CURRENCY)
        at = stk_put_varint(at, order->currency);
    if (mask & HAS_USE)
        at = stk_put_varint(at, order->use);
    if (mask & HAS_REFUNDED)
        at = stk_put_zigzag(at, order->refunded_minor);
    if (mask & HAS_FIRST_SHORT)
        at = stk_put_varint(at, order->first_short);
    if (mask & HAS_REVIEW_LEFT)
        at = stk_put_varint(at, order->review_left_ms);
    return at;
}

static uint64_t line_mask(const struct stk_order_line *line)
{
    uint64_t mask = 0;
    mask |= line->sku == STK_NONE ? LINE_LISTING : 0;
    mask |= line->unit_price ? LINE_PRICE : 0;
    mask |= line->discount ? LINE_DISCOUNT : 0;
    mask |= line->tax ? LINE_TAX : 0;
    mask |= line->shipped ? LINE_SHIPPED : 0;
    mask |= line->cancelled ? LINE_CANCELLED : 0;
    mask |= line->returned ? LINE_RETURNED : 0;
    mask |= line->discount_by || line->tax_included || line->may_preorder ? LINE_FLAGS : 0;
    mask |= line->short_units ? LINE_SHORT : 0;
    mask |= line->preorder ? LINE_PREORDER : 0;
    mask |= line->refunded ? LINE_REFUNDED : 0;
    return mask;
}

static uint8_t *put_line(uint8_t *at, const struct stk_order_line *line)
{
    uint64_t mask = line_mask(line);
    at = stk_put_varint(at, mask);
    at = stk_put_varint(at, mask & LINE_LISTING ? line->listing : line->sku);
    at = stk_put_varint(at, line->quantity);
    if (mask & LINE_PRICE)
        at = stk_put_zigzag(at, line->unit_price);
    if (mask & LINE_DISCOUNT)
        at = stk_put_zigzag(at, line->discount);
    if (mask & LINE_TAX)
        at = stk_put_zigzag(at, line->tax);
    if (mask & LINE_SHIPPED)
        at = stk_put_varint(at, line->shipped);
    if (mask & LINE_CANCELLED)
        at = stk_put_varint(at, line->cancelled);
    if (mask & LINE_RETURNED)
        at = stk_put_varint(at, line->returned);
    if (mask & LINE_FLAGS)
        *at++ = (uint8_t)(line->discount_by | (line->tax_included ? 2 : 0) |
                          (line->may_preorder ? 4 : 0));
    if (mask & LINE_SHORT)
        at = stk_put_varint(at, line->short_units);
    if (mask & LINE_PREORDER)
        at = stk_put_varint(at, line->preorder);
    if (mask & LINE_REFUNDED)
        at = stk_put_zigzag(at, line->refunded);
    return at;
}

static uint8_t *put_components(uint8_t *at, const struct stk_orders *orders,
                               const struct stk_order *order)
{
    const struct stk_order_line *line = stk_order_lines(orders, order);
    const struct stk_order_component *component = stk_order_components(orders, order);
    for (uint16_t i = 0; i < order->lines; i++) {
        at = stk_put_varint(at, line[i].component_count);
        for (uint16_t c = 0; c < line[i].component_count; c++) {
            at = stk_put_varint(at, component[line[i].first_component + c].sku);
            at = stk_put_varint(at, component[line[i].first_component + c].units);
        }
    }
    return at;
}

static uint8_t *put_holds(uint8_t *at, const struct stk_state *state, const struct stk_order *order)
{
    int many = order->lines > 1 || order->components > 1;
    uint32_t count = 0;
    for (uint32_t i = order->first_hold; i != STK_NONE;
         i = stk_orders_hold(&state->orders, i)->next_of_order)
        count++;
    at = stk_put_varint(at, count);
    for (uint32_t i = order->first_hold; i != STK_NONE;) {
        const struct stk_hold *hold = stk_orders_hold(&state->orders, i);
        *at++ = (uint8_t)((hold->shipped ? HOLD_SHIPPED : 0) |
                          (hold->incoming != STK_NONE ? HOLD_INCOMING : 0) |
                          (hold->earmark != STK_NONE ? HOLD_EARMARK : 0));
        if (many) {
            at = stk_put_varint(at, hold->line);
            at = stk_put_varint(at, hold->component);
        }
        at = stk_put_varint(at, stk_catalog_cell(&state->catalog, hold->cell)->location);
        at = stk_put_varint(at, hold->quantity);
        if (hold->shipped)
            at = stk_put_varint(at, hold->shipped);
        if (hold->incoming != STK_NONE)
            at = stk_put_varint(at, hold->incoming);
        if (hold->earmark != STK_NONE)
            at = stk_put_varint(at, hold->earmark);
        i = hold->next_of_order;
    }
    return at;
}

void stk_row_put_order(struct stk_record *out, const struct stk_state *state, uint32_t slot,
                       enum stk_table table)
{
    const struct stk_orders *orders = &state->orders;
    const struct stk_order *order = stk_orders_at(orders, slot);
    const struct stk_order_line *line = stk_order_lines(orders, order);
    uint64_t mask = order_mask(orders, order);
    uint8_t key[8];
    stk_put_be64(key, order->number);
    uint8_t *value = stk_record_row_open(out, (uint8_t)table, key, sizeof key);
    uint8_t *at = put_head(value, orders, order, mask);
    at = stk_put_varint(at, order->lines);
    for (uint16_t i = 0; i < order->lines; i++)
        at = put_line(at, &line[i]);
    if (mask & HAS_COMPONENTS)
        at = put_components(at, orders, order);
    at = put_holds(at, state, order);
    stk_record_row_close(out, value, at);
    if (table == STK_TABLE_ARCHIVE)
        stk_record_row_deleted(out, STK_TABLE_ORDER, key, sizeof key);
}

uint32_t stk_row_order_max(const struct stk_state *state, uint32_t slot, uint32_t more_holds)
{
    const struct stk_order *order = stk_orders_at(&state->orders, slot);
    uint32_t holds = more_holds;
    for (uint32_t i = order->first_hold; i != STK_NONE;
         i = stk_orders_hold(&state->orders, i)->next_of_order)
        holds++;
    return 256 + order->lines * 96u + order->components * 16u + holds * 32u;
}

/* ---- reading ---- */

struct image {
    uint64_t mask;
    struct stk_bytes id;
    struct stk_order order;  /* the fixed part, links unset */
    struct stk_reader lines; /* stands at the first line */
};

static stk_time_t get_time(struct stk_reader *in, stk_time_t base_ms)
{
    int64_t delta = stk_get_zigzag(in), time_ms;
    if (delta == INT64_MIN / 2)
        return 0;
    if (__builtin_add_overflow(base_ms, delta, &time_ms)) /* damaged */
        in->bad = 1, time_ms = 0;
    return time_ms;
}

static void get_fields(struct stk_reader *in, uint64_t mask, struct stk_order *order)
{
    if (mask & HAS_CHANNEL)
        order->channel = (uint16_t)stk_get_max(in, UINT16_MAX);
    if (mask & HAS_EXPIRES)
        order->expires_ms = get_time(in, order->placed_ms);
    order->first_expires_ms =
        mask & HAS_FIRST_EXPIRES ? get_time(in, order->placed_ms) : order->expires_ms;
    order->changed_ms = mask & HAS_CHANGED ? get_time(in, order->placed_ms) : order->placed_ms;
    if (mask & HAS_COUNTRY)
        order->country = (stk_country_t)stk_get_max(in, UINT16_MAX);
    if (mask & HAS_CURRENCY)
        order->currency = (stk_currency_t)stk_get_max(in, UINT32_MAX);
    if (mask & HAS_USE)
        order->use = (uint16_t)stk_get_max(in, UINT16_MAX);
    if (mask & HAS_REFUNDED)
        order->refunded_minor = stk_get_zigzag(in);
    if (mask & HAS_FIRST_SHORT)
        order->first_short = (uint32_t)stk_get_max(in, UINT32_MAX);
    if (mask & HAS_REVIEW_LEFT)
        order->review_left_ms = (uint32_t)stk_get_max(in, UINT32_MAX);
}

static enum stk_status read_head(uint64_t number, struct stk_bytes value, struct image *image,
                                 struct stk_error *err)
{
    struct stk_reader in = stk_reader(value.data, value.size);
    memset(image, 0, sizeof *image);
    if (stk_get_u8(&in) != VERSION)
        return stk_error_set(err, STK_VERSION, "order %llu: a row format that is not known here",
                             (unsigned long long)number);
    image->mask = stk_get_varint(&in);
    image->id = stk_get_bytes(&in);
    image->order.number = number;
    image->order.source = (uint16_t)stk_get_max(&in, UINT16_MAX);
    image->order.body = stk_get_hash(&in);
    image->order.placed_ms = stk_get_zigzag(&in);
    image->order.state = stk_get_u8(&in);
    image->order.flags = stk_get_u8(&in);
    get_fields(&in, image->mask, &image->order);
    uint64_t lines = stk_get_varint(&in);
    const struct stk_order *order = &image->order;
    if (in.bad || order->source > stk_names_max(STK_NAME_SOURCE) ||
        order->channel > stk_names_max(STK_NAME_CHANNEL) ||
        order->use > stk_names_max(STK_NAME_USE) || order->expires_ms < 0 ||
        order->expires_ms > STK_WHEEL_TIME_MAX || lines == 0 || lines > STK_LINES_MAX ||
        image->id.size == 0 || image->id.size > STK_ID_MAX ||
        image->order.state < STK_ORDER_PLACED || image->order.state > STK_ORDER_RETURNED)
        return stk_error_set(err, STK_CORRUPT, "order %llu: damaged row",
                             (unsigned long long)number);
    image->order.lines = (uint16_t)lines;
    image->lines = in;
    return STK_OK;
}

static void get_line(struct stk_reader *in, struct stk_order_line *line)
{
    uint64_t mask = stk_get_varint(in);
    uint32_t goods = (uint32_t)stk_get_max(in, UINT32_MAX);
    memset(line, 0, sizeof *line);
    line->sku = mask & LINE_LISTING ? STK_NONE : goods;
    line->listing = mask & LINE_LISTING ? goods : STK_NONE;
    line->quantity = (uint32_t)stk_get_max(in, UINT32_MAX);
    line->unit_price = mask & LINE_PRICE ? stk_get_zigzag(in) : 0;
    line->discount = mask & LINE_DISCOUNT ? stk_get_zigzag(in) : 0;
    line->tax = mask & LINE_TAX ? stk_get_zigzag(in) : 0;
    line->shipped = mask & LINE_SHIPPED ? (uint32_t)stk_get_max(in, UINT32_MAX) : 0;
    line->cancelled = mask & LINE_CANCELLED ? (uint32_t)stk_get_max(in, UINT32_MAX) : 0;
    line->returned = mask & LINE_RETURNED ? (uint32_t)stk_get_max(in, UINT32_MAX) : 0;
    uint8_t flags = mask & LINE_FLAGS ? stk_get_u8(in) : 0;
    line->discount_by = flags & 1;
    line->tax_included = flags >> 1 & 1;
    line->may_preorder = flags >> 2 & 1;
    line->short_units = mask & LINE_SHORT ? (uint32_t)stk_get_max(in, UINT32_MAX) : 0;
    line->preorder = mask & LINE_PREORDER ? (uint32_t)stk_get_max(in, UINT32_MAX) : 0;
    line->refunded = mask & LINE_REFUNDED ? stk_get_zigzag(in) : 0;
}

/* Counts components, without keeping them: the order's room must be known before it is taken. */
static uint32_t count_components(const struct image *image)
{
    struct stk_reader in = image->lines;
    struct stk_order_line line;
    uint64_t sum = 0;
    if (!(image->mask & HAS_COMPONENTS))
        return image->order.lines;
    for (uint16_t i = 0; i < image->order.lines; i++)
        get_line(&in, &line);
    for (uint16_t i = 0; i < image->order.lines && !in.bad; i++) {
        uint64_t count = stk_get_varint(&in);
        sum += count;
        for (uint64_t c = 0; c < count && !in.bad; c++) {
            stk_get_varint(&in);
            stk_get_varint(&in);
        }
    }
    return in.bad || sum > STK_HOLDS_PER_ORDER_MAX ? UINT32_MAX : (uint32_t)sum;
}

static void get_components(struct stk_reader *in, const struct image *image,
                           struct stk_order_line *line, struct stk_order_component *component)
{
    uint16_t at = 0;
    for (uint16_t i = 0; i < image->order.lines; i++) {
        uint16_t count = image->mask & HAS_COMPONENTS ? (uint16_t)stk_get_max(in, UINT16_MAX) : 1;
        line[i].first_component = at;
        line[i].component_count = count;
        for (uint16_t c = 0; c < count; c++, at++) {
            if (image->mask & HAS_COMPONENTS) {
                component[at].sku = (stk_sku_t)stk_get_max(in, UINT32_MAX);
                component[at].units = (uint32_t)stk_get_max(in, UINT32_MAX);
            } else {
                component[at] = (struct stk_order_component){line[i].sku, 1};
            }
        }
    }
}

struct hold_image {
    uint8_t mask;
    uint32_t line, component, location, quantity, shipped, incoming, earmark;
};

static void get_hold(struct stk_reader *in, const struct image *image, uint32_t components,
                     struct hold_image *hold)
{
    int many = image->order.lines > 1 || components > 1;
    hold->mask = stk_get_u8(in);
    hold->line = many ? (uint32_t)stk_get_max(in, UINT32_MAX) : 0;
    hold->component = many ? (uint32_t)stk_get_max(in, UINT32_MAX) : 0;
    hold->location = (uint32_t)stk_get_max(in, UINT32_MAX);
    hold->quantity = (uint32_t)stk_get_max(in, UINT32_MAX);
    hold->shipped = hold->mask & HOLD_SHIPPED ? (uint32_t)stk_get_max(in, UINT32_MAX) : 0;
    hold->incoming = hold->mask & HOLD_INCOMING ? (uint32_t)stk_get_max(in, UINT32_MAX) : STK_NONE;
    hold->earmark = hold->mask & HOLD_EARMARK ? (uint32_t)stk_get_max(in, UINT32_MAX) : STK_NONE;
}

/* ---- into the state ---- */

/* The SKUs' open shortfall follows the orders that are in memory. */
static enum stk_status count_short(struct stk_state *state, uint32_t slot, int sign)
{
    const struct stk_order *order = stk_orders_at(&state->orders, slot);
    const struct stk_order_line *line = stk_order_lines(&state->orders, order);
    const struct stk_order_component *component = stk_order_components(&state->orders, order);
    for (uint16_t i = 0; i < order->lines; i++) {
        state->book.short_lines += line[i].short_units ? (uint32_t)sign : 0;
        for (uint16_t c = 0; c < line[i].component_count && line[i].short_units; c++) {
            const struct stk_order_component *part = &component[line[i].first_component + c];
            struct stk_sku_more *more = stk_catalog_sku_more(&state->catalog, part->sku);
            more->shortfall += (uint32_t)sign * line[i].short_units * part->units;
        }
    }
    return STK_OK;
}

static void unload(struct stk_state *state, uint32_t slot, int counted)
{
    struct stk_orders *orders = &state->orders;
    if (counted)
        count_short(state, slot, -1);
    for (uint32_t at = stk_orders_at(orders, slot)->first_hold; at != STK_NONE;) {
        const struct stk_hold *hold = stk_orders_hold(orders, at);
        if (hold->incoming != STK_NONE)
            stk_book_leave_incoming(&state->book, orders, at);
        stk_earmark_leave(&state->book, orders, at, hold->quantity);
        at = hold->next_of_order;
    }
    stk_wheel_remove(&state->wheel, orders, slot);
    stk_orders_remove_holds(orders, &state->catalog, slot);
    stk_orders_remove(orders, slot);
}

static struct stk_hash key_of(const struct stk_state *state, const struct image *image)
{
    struct stk_bytes source = stk_names_text(state->names, STK_NAME_SOURCE, image->order.source);
    return stk_command_key(STK_KEY_ORDER, source, image->id);
}

enum stk_status stk_row_unload_order(struct stk_state *state, struct stk_bytes value,
                                     struct stk_error *err)
{
    struct image image;
    enum stk_status status = read_head(0, value, &image, err);
    if (status != STK_OK)
        return status;
    uint32_t slot = stk_orders_find(&state->orders, key_of(state, &image));
    if (slot != STK_NONE)
        unload(state, slot, 1);
    return STK_OK;
}

static enum stk_status damaged(uint64_t number, struct stk_error *err)
{
    return stk_error_set(err, STK_CORRUPT, "order %llu: damaged row", (unsigned long long)number);
}

/* A pre-order waits for a document that is there and of its SKU. */
static int may_wait_for(const struct stk_state *state, const struct hold_image *image,
                        const struct stk_order_component *component)
{
    const struct stk_incoming *incoming = stk_pool_at(&state->book.incoming, image->incoming);
    return stk_book_incoming_lives(&state->book, image->incoming) &&
           incoming->sku == component[image->component].sku &&
           incoming->preorders <= UINT32_MAX - image->quantity;
}

/* Units came off an earmark, which may have ended since. */
static enum stk_status check_earmark(const struct stk_state *state, uint64_t order,
                                     const struct hold_image *image, struct stk_error *err)
{
    const struct stk_book *book = &state->book;
    if (image->earmark == STK_NONE)
        return STK_OK;
    if (image->incoming != STK_NONE || !image->quantity)
        return damaged(order, err);
    if (image->earmark >= book->earmarks.capacity)
        return stk_error_set(err, STK_FULL, "capacity \"earmarks\" is smaller than what is stored");
    return stk_book_earmark_kept(book, image->earmark) &&
                   stk_earmark_at(book, image->earmark)->out > UINT32_MAX - image->quantity
               ? damaged(order, err)
               : STK_OK;
}

static enum stk_status load_hold(struct stk_state *state, uint32_t slot,
                                 const struct hold_image *image, struct stk_error *err)
{
    struct stk_order *order = stk_orders_at(&state->orders, slot);
    const struct stk_order_component *component = stk_order_components(&state->orders, order);
    if (image->line >= order->lines || image->location >= STK_LOCATIONS_MAX ||
        (!image->quantity && !image->shipped))
        return damaged(order->number, err);
    const struct stk_order_line *line = stk_order_lines(&state->orders, order) + image->line;
    if (image->component < line->first_component ||
        image->component >= line->first_component + line->component_count)
        return damaged(order->number, err);
    stk_cell_t cell = stk_catalog_find_cell(&state->catalog, component[image->component].sku,
                                            (stk_location_t)image->location);
    if (cell == STK_NONE)
        return damaged(order->number, err);
    if (image->incoming != STK_NONE && !may_wait_for(state, image, component))
        return damaged(order->number, err);
    enum stk_status status = check_earmark(state, order->number, image, err);
    if (status != STK_OK)
        return status;
    uint32_t hold =
        image->incoming == STK_NONE
            ? stk_orders_add_hold(&state->orders, &state->catalog, slot, (uint16_t)image->line,
                                  (uint16_t)image->component, cell, image->quantity)
            : stk_orders_add_preorder(&state->orders, slot, (uint16_t)image->line,
                                      (uint16_t)image->component, cell, image->quantity);
    if (hold == STK_NONE)
        return stk_error_set(err, STK_FULL, "capacity \"holds\" is smaller than what is stored");
    stk_orders_hold(&state->orders, hold)->shipped = image->shipped;
    if (image->incoming != STK_NONE)
        stk_book_join_incoming(&state->book, &state->orders, image->incoming, hold);
    if (image->earmark != STK_NONE)
        stk_earmark_join(&state->book, &state->orders, image->earmark, hold);
    return STK_OK;
}

static enum stk_status load_parts(struct stk_state *state, uint32_t slot, struct image *image,
                                  struct stk_error *err)
{
    struct stk_order *order = stk_orders_at(&state->orders, slot);
    struct stk_order_line *line = stk_order_lines(&state->orders, order);
    struct stk_order_component *component = stk_order_components(&state->orders, order);
    struct stk_reader in = image->lines;
    struct hold_image hold;
    for (uint16_t i = 0; i < order->lines; i++)
        get_line(&in, &line[i]);
    get_components(&in, image, line, component);
    for (uint16_t c = 0; c < order->components; c++)
        if (!stk_catalog_sku_lives(&state->catalog, component[c].sku) || !component[c].units)
            return damaged(order->number, err);
    for (uint16_t i = 0; i < order->lines; i++)
        if (!line[i].component_count ||
            (line[i].listing != STK_NONE && line[i].listing >= state->catalog.listings.capacity))
            return damaged(order->number, err);
    uint64_t holds = stk_get_varint(&in);
    for (uint64_t i = 0; i < holds && !in.bad; i++) {
        get_hold(&in, image, order->components, &hold);
        enum stk_status status = in.bad ? STK_CORRUPT : load_hold(state, slot, &hold, err);
        if (status != STK_OK)
            return in.bad ? damaged(order->number, err) : status;
    }
    return in.bad || in.at != in.end ? damaged(order->number, err) : STK_OK;
}

static void file(struct stk_state *state, uint32_t slot)
{
    const struct stk_order *order = stk_orders_at(&state->orders, slot);
    if (order->flags & STK_ORDER_CLOSED)
        stk_wheel_close(&state->wheel, &state->orders, slot);
    else if (order->state == STK_ORDER_PLACED && order->expires_ms)
        stk_wheel_add(&state->wheel, &state->orders, slot);
}

/* The row's fixed part over the new order's: links and body of the new one stay. */
static void take_head(struct stk_order *order, const struct stk_order *image)
{
    order->number = image->number;
    order->body = image->body;
    order->placed_ms = image->placed_ms;
    order->expires_ms = image->expires_ms;
    order->first_expires_ms = image->first_expires_ms;
    order->changed_ms = image->changed_ms;
    order->refunded_minor = image->refunded_minor;
    order->first_short = image->first_short;
    order->currency = image->currency;
    order->review_left_ms = image->review_left_ms;
    order->source = image->source;
    order->channel = image->channel;
    order->use = image->use;
    order->country = image->country;
    order->state = image->state;
    order->flags = image->flags;
}

enum stk_status stk_row_load_order(struct stk_state *state, uint64_t number, struct stk_bytes value,
                                   uint32_t *slot, struct stk_error *err)
{
    struct image image;
    uint32_t at;
    enum stk_status status = read_head(number, value, &image, err);
    if (status != STK_OK)
        return status;
    uint32_t components = count_components(&image);
    struct stk_hash key = key_of(state, &image);
    if (components == UINT32_MAX || number == 0)
        return damaged(number, err);
    at = stk_orders_find(&state->orders, key);
    if (at != STK_NONE)
        unload(state, at, 1);
    status = stk_orders_add(&state->orders, key, image.order.lines, (uint16_t)components, image.id,
                            &at, err);
    if (status != STK_OK)
        return status;
    take_head(stk_orders_at(&state->orders, at), &image.order);
    status = load_parts(state, at, &image, err);
    if (status != STK_OK) {
        unload(state, at, 0);
        return status;
    }
    count_short(state, at, 1);
    file(state, at);
    if (slot)
        *slot = at;
    return STK_OK;
}

/* ---- for people ---- */

static void describe_line(struct stk_doc *doc, const struct stk_order_line *line)
{
    stk_doc_map(doc, 11);
    stk_doc_key_uint(doc, line->sku == STK_NONE ? "listing" : "sku",
                     line->sku == STK_NONE ? line->listing : line->sku);
    stk_doc_key_uint(doc, "quantity", line->quantity);
    stk_doc_key_uint(doc, "shipped", line->shipped);
    stk_doc_key_uint(doc, "cancelled", line->cancelled);
    stk_doc_key_uint(doc, "returned", line->returned);
    stk_doc_key_uint(doc, "shortfall", line->short_units);
    stk_doc_key_uint(doc, "preorder", line->preorder);
    stk_doc_key_int(doc, "unit_price", line->unit_price);
    stk_doc_key_int(doc, "discount", line->discount);
    stk_doc_key_int(doc, "tax", line->tax);
    stk_doc_key_int(doc, "refunded", line->refunded);
}

static void describe_holds(struct stk_doc *doc, struct stk_reader *in, const struct image *image,
                           uint32_t components)
{
    struct hold_image hold;
    uint64_t holds = stk_get_varint(in);
    uint32_t mark = stk_doc_array_open(doc), count = 0;
    for (uint64_t i = 0; i < holds && !in->bad; i++, count++) {
        get_hold(in, image, components, &hold);
        stk_doc_map(doc, hold.earmark == STK_NONE ? 5 : 6);
        stk_doc_key_uint(doc, "line", hold.line + 1);
        stk_doc_key_uint(doc, "component", hold.component);
        stk_doc_key_uint(doc, "location", hold.location);
        stk_doc_key_uint(doc, "quantity", hold.quantity);
        stk_doc_key_uint(doc, "shipped", hold.shipped);
        if (hold.earmark != STK_NONE)
            stk_doc_key_uint(doc, "earmark", hold.earmark);
    }
    stk_doc_array_close(doc, mark, count);
}

enum stk_status stk_row_describe_order(const struct stk_names *names, uint64_t number,
                                       struct stk_bytes value, struct stk_doc *doc,
                                       struct stk_error *err)
{
    struct image image;
    struct stk_order_line line;
    enum stk_status status = read_head(number, value, &image, err);
    uint32_t components = status == STK_OK ? count_components(&image) : 0;
    if (status != STK_OK || components == UINT32_MAX)
        return status != STK_OK ? status : damaged(number, err);
    struct stk_reader in = image.lines;
    stk_doc_map(doc, 9);
    stk_doc_key_uint(doc, "order_number", number);
    stk_doc_key_str(doc, "id", image.id);
    stk_doc_text(doc, "source");
    if (names)
        stk_doc_str(doc, stk_names_text(names, STK_NAME_SOURCE, image.order.source));
    else
        stk_doc_uint(doc, image.order.source);
    stk_doc_text(doc, "channel");
    if (names)
        stk_doc_str(doc, stk_names_text(names, STK_NAME_CHANNEL, image.order.channel));
    else
        stk_doc_uint(doc, image.order.channel);
    stk_doc_key_text(doc, "state", stk_order_state_name(image.order.state));
    stk_doc_key_int(doc, "placed_at", image.order.placed_ms);
    stk_doc_key_int(doc, "expires_at", image.order.expires_ms);
    stk_doc_text(doc, "lines");
    stk_doc_array(doc, image.order.lines);
    for (uint16_t i = 0; i < image.order.lines; i++) {
        get_line(&in, &line);
        describe_line(doc, &line);
    }
    if (image.mask & HAS_COMPONENTS)
        for (uint16_t i = 0; i < image.order.lines && !in.bad; i++)
            for (uint64_t c = stk_get_varint(&in); c && !in.bad; c--) {
                stk_get_varint(&in);
                stk_get_varint(&in);
            }
    stk_doc_text(doc, "holds");
    describe_holds(doc, &in, &image, components);
    return in.bad || in.at != in.end ? damaged(number, err) : STK_OK;
}
