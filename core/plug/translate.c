/* Events to commands. Always: the same event makes the same command, so that a repeat answers what
 * the first one did; nothing of the present (a clock, a counter) goes into one. Where an event has
 * no id of its own, or makes several commands, their ids are made from its content. */
#include "core/plug/translate.h"
#include "core/base/hash.h"
#include "core/flow/verb_channel.h"
#include <stdio.h>
#include <stockade/message.h>

#define ID_SEED UINT64_C(0x706c7567)

static struct stk_bytes text_of(const struct stk_task *task, struct stk_text text)
{
    return text.size ? stk_message_text(task->event, text) : (struct stk_bytes){NULL, 0};
}

static const struct stk_verb *command(struct stk_twig *map, unsigned verb, struct stk_value *params,
                                      uint32_t *bytes)
{
    *params = stk_value_of_twig(map, 1);
    *bytes = map->tree->bytes + 4 * map->tree->used;
    stk_assert(!map->tree->overflow);
    return stk_verb_by_number(verb);
}

static const struct stk_verb *done(struct stk_task *task, enum stk_status status)
{
    task->status = (stk_status_t)status;
    return NULL;
}

static int64_t number_in(const struct stk_value *answer, const char *key)
{
    const struct stk_value *value = answer ? stk_value_get(answer, key) : NULL;
    return value && value->type == STK_VALUE_INT ? value->as.integer : 0;
}

static void finish(struct stk_task *task, const struct stk_value *answer, enum stk_status status)
{
    task->status = (stk_status_t)status;
    task->shortfall = (uint32_t)number_in(answer, "shortfall");
    task->sequence = (stk_seq_t)number_in(answer, "seq");
}

/* An id from the content: "prefix/" and 32 digits. */
static void make_id(struct stk_task *task, const char *prefix, const void *data, uint32_t size,
                    uint64_t salt)
{
    struct stk_hash hash = stk_hash128(data, size, ID_SEED ^ salt);
    snprintf(task->id, sizeof task->id, "%s/%016llx%016llx", prefix, (unsigned long long)hash.high,
             (unsigned long long)hash.low);
}

/* ---- orders ---- */

static void put_letters(struct stk_twig *map, const char *key, uint32_t packed, unsigned letters,
                        char *room)
{
    if (!packed)
        return;
    for (unsigned i = 0; i < letters; i++)
        room[i] = (char)(packed >> 8 * (letters - 1 - i));
    stk_twig_str(map, key, (struct stk_bytes){room, letters});
}

static void put_goods(struct stk_twig *map, const struct stk_task *task,
                      const struct stk_event_line *line)
{
    struct stk_bytes listing = text_of(task, line->listing);
    if (listing.size)
        stk_twig_str(map, "listing", listing);
    else
        stk_twig_str(map, "sku", text_of(task, line->sku));
    if (line->unit_price_minor != STK_ABSENT)
        stk_twig_int(map, "unit_price", line->unit_price_minor);
    if (line->discount_minor) {
        stk_twig_int(map, "discount", line->discount_minor);
        stk_twig_text(map, "discount_by",
                      line->discount_by == STK_FUNDING_CHANNEL ? "channel" : "seller");
    }
    if (line->tax_minor)
        stk_twig_int(map, "tax", line->tax_minor);
    if (line->tax_included)
        stk_twig_bool(map, "tax_included", 1);
    if (line->preorder)
        stk_twig_bool(map, "preorder", 1);
}

static struct stk_twig new_map(struct stk_translate *translate, struct stk_tree *tree)
{
    *tree = stk_tree(translate->values, STK_TRANSLATE_VALUES);
    struct stk_twig map = stk_twig_map(tree, 16);
    stk_twig_text(&map, "source", translate->instance);
    return map;
}

static const struct stk_verb *next_order(struct stk_translate *translate, struct stk_task *task,
                                         struct stk_value *params, uint32_t *bytes)
{
    static _Thread_local char letters[2][4];
    struct stk_event_order order;
    struct stk_tree tree;
    stk_message_read(task->event, &order, sizeof order);
    if (order.test) {
        translate->tests++;
        return done(task, STK_OK);
    }
    struct stk_twig map = new_map(translate, &tree);
    struct stk_twig lines = stk_twig(&tree, order.lines.count);
    stk_twig_str(&map, "id", text_of(task, order.id));
    stk_twig_text(&map, "channel", translate->instance);
    stk_twig_text(&map, "for", translate->instance);
    stk_twig_bool(&map, "fact", 1);
    stk_twig_bool(&map, "split", 1);
    stk_twig_int(&map, "placed_at", order.placed_at_ms);
    if (order.hold_ms)
        stk_twig_int(&map, "ttl_ms", order.hold_ms);
    put_letters(&map, "currency", order.currency, 3, letters[0]);
    put_letters(&map, "country", order.country, 2, letters[1]);
    for (uint32_t i = 0; i < order.lines.count; i++) {
        struct stk_event_line line;
        stk_message_item(task->event, order.lines, i, &line, sizeof line);
        struct stk_twig item = stk_twig_map(&tree, 10);
        put_goods(&item, task, &line);
        stk_twig_int(&item, "quantity", line.quantity);
        stk_twig_add(&lines, stk_value_of_twig(&item, 1));
    }
    stk_twig_list_at(&map, "lines", &lines);
    return command(&map, STK_VERB_ORDER_PLACE, params, bytes);
}

/* ---- amendments: what is there decides which lines are new ---- */

static const struct stk_verb *ask_order(struct stk_translate *translate,
                                        const struct stk_task *task, struct stk_bytes order,
                                        struct stk_value *params, uint32_t *bytes)
{
    struct stk_tree tree;
    (void)task;
    struct stk_twig map = new_map(translate, &tree);
    stk_twig_str(&map, "order", order);
    return command(&map, STK_VERB_ORDER_GET, params, bytes);
}

static const struct stk_verb *next_amend(struct stk_translate *translate, struct stk_task *task,
                                         const struct stk_value *answer, enum stk_status status,
                                         struct stk_value *params, uint32_t *bytes)
{
    struct stk_event_order order;
    struct stk_tree tree;
    stk_message_read(task->event, &order, sizeof order);
    struct stk_bytes id = text_of(task, order.id);
    if (!answer)
        return ask_order(translate, task, id, params, bytes);
    const struct stk_value *there = stk_value_get(answer, "lines");
    if (status != STK_OK || !there)
        return done(task, status != STK_OK ? status : STK_INTERNAL);
    make_id(task, "amend", id.data, id.size,
            (uint64_t)order.modified_at_ms ^ (uint64_t)there->size << 48);
    struct stk_twig map = new_map(translate, &tree);
    struct stk_twig lines = stk_twig(&tree, order.lines.count);
    stk_twig_text(&map, "id", task->id);
    stk_twig_str(&map, "order", id);
    stk_twig_int(&map, "occurred_at", order.modified_at_ms);
    for (uint32_t i = 0; i < order.lines.count; i++) {
        struct stk_event_line line;
        stk_message_item(task->event, order.lines, i, &line, sizeof line);
        struct stk_twig item = stk_twig_map(&tree, 10);
        if (i < there->size)
            stk_twig_int(&item, "line", i + 1);
        else if (line.quantity)
            put_goods(&item, task, &line);
        else
            continue;
        stk_twig_int(&item, "quantity", line.quantity);
        stk_twig_add(&lines, stk_value_of_twig(&item, 1));
    }
    stk_twig_list_at(&map, "lines", &lines);
    return command(&map, STK_VERB_ORDER_AMEND, params, bytes);
}

/* ---- deeds ---- */

static const uint8_t deed_verbs[] = {[STK_EVENT_ORDER_PAID] = STK_VERB_ORDER_PAY,
                                     [STK_EVENT_ORDER_CANCEL] = STK_VERB_ORDER_CANCEL,
                                     [STK_EVENT_ORDER_SHIP] = STK_VERB_ORDER_SHIP,
                                     [STK_EVENT_ORDER_RETURN] = STK_VERB_ORDER_RETURN,
                                     [STK_EVENT_ORDER_REFUND] = STK_VERB_ORDER_REFUND,
                                     [STK_EVENT_ORDER_REVIEW] = STK_VERB_ORDER_REVIEW,
                                     [STK_EVENT_ORDER_RELEASE] = STK_VERB_ORDER_RELEASE};

static int has_parts(unsigned type)
{
    return type == STK_EVENT_ORDER_CANCEL || type == STK_EVENT_ORDER_SHIP ||
           type == STK_EVENT_ORDER_RETURN || type == STK_EVENT_ORDER_REFUND;
}

static void put_parts(struct stk_twig *map, const struct stk_task *task, struct stk_list list,
                      unsigned type)
{
    struct stk_twig parts = stk_twig(map->tree, list.count);
    if (!list.count)
        return;
    for (uint32_t i = 0; i < list.count; i++) {
        struct stk_event_part part;
        stk_message_item(task->event, list, i, &part, sizeof part);
        struct stk_twig item = stk_twig_map(map->tree, 4);
        stk_twig_int(&item, "line", part.line);
        if (part.quantity)
            stk_twig_int(&item, "quantity", part.quantity);
        if (type == STK_EVENT_ORDER_RETURN && part.unsellable)
            stk_twig_bool(&item, "unsellable", 1);
        if (type == STK_EVENT_ORDER_REFUND)
            stk_twig_int(&item, "amount", part.amount_minor);
        stk_twig_add(&parts, stk_value_of_twig(&item, 1));
    }
    stk_twig_list_at(map, "lines", &parts);
}

/* At most `max` bytes of whole characters. */
static struct stk_bytes cut(struct stk_bytes text, uint32_t max)
{
    if (text.size <= max)
        return text;
    while (max > 0 && ((unsigned char)text.data[max] & 0xc0) == 0x80)
        max--;
    return (struct stk_bytes){text.data, max};
}

static const struct stk_verb *next_deed(struct stk_translate *translate, struct stk_task *task,
                                        struct stk_value *params, uint32_t *bytes)
{
    struct stk_event_order_deed deed;
    struct stk_tree tree;
    unsigned type = task->event->type;
    stk_message_read(task->event, &deed, sizeof deed);
    struct stk_twig map = new_map(translate, &tree);
    stk_twig_str(&map, "id", text_of(task, deed.id));
    stk_twig_str(&map, "order", text_of(task, deed.order));
    if (type != STK_EVENT_ORDER_RELEASE)
        stk_twig_int(&map, "occurred_at", deed.occurred_at_ms);
    if (has_parts(type))
        put_parts(&map, task, deed.parts, type);
    if (type == STK_EVENT_ORDER_REFUND && !deed.parts.count)
        stk_twig_int(&map, "amount", deed.amount_minor);
    if (type == STK_EVENT_ORDER_RETURN)
        stk_twig_str(&map, "location", text_of(task, deed.location));
    if (!task->without_reason &&
        (type == STK_EVENT_ORDER_CANCEL || type == STK_EVENT_ORDER_RETURN ||
         type == STK_EVENT_ORDER_REFUND || type == STK_EVENT_ORDER_REVIEW))
        stk_twig_str(&map, "reason", cut(text_of(task, deed.reason), STK_TEXT_MAX));
    return command(&map, deed_verbs[type], params, bytes);
}

/* ---- stock ---- */

static void put_subtracted(struct stk_twig *map, const struct stk_task *task, struct stk_list list)
{
    struct stk_twig items = stk_twig(map->tree, list.count);
    if (!list.count)
        return;
    for (uint32_t i = 0; i < list.count; i++) {
        struct stk_event_subtracted from;
        stk_message_item(task->event, list, i, &from, sizeof from);
        struct stk_twig item = stk_twig_map(map->tree, 2);
        stk_twig_str(&item, "source", text_of(task, from.source));
        stk_twig_int(&item, "until", from.until_ms);
        stk_twig_add(&items, stk_value_of_twig(&item, 1));
    }
    stk_twig_list_at(map, "subtracted", &items);
}

static void put_stock(struct stk_twig *map, const struct stk_task *task,
                      const struct stk_event_stock *stock)
{
    stk_twig_str(map, "location", text_of(task, stock->location));
    stk_twig_int(map, "as_of", stock->as_of_ms);
    stk_twig_text(map, "basis", stock->basis == STK_STOCK_AVAILABLE ? "available" : "physical");
    put_subtracted(map, task, stock->subtracted);
}

/* A count for each row, one after the other. */
static const struct stk_verb *next_count(struct stk_translate *translate, struct stk_task *task,
                                         const struct stk_value *answer, enum stk_status status,
                                         struct stk_value *params, uint32_t *bytes)
{
    struct stk_event_stock stock;
    struct stk_event_stock_row row;
    struct stk_tree tree;
    stk_message_read(task->event, &stock, sizeof stock);
    if (answer) {
        if (status != STK_OK && task->status == STK_OK)
            task->status = (stk_status_t)status; /* the first refusal is told */
        task->sequence = (stk_seq_t)number_in(answer, "seq");
    }
    if (task->row == stock.rows.count)
        return NULL;
    stk_message_item(task->event, stock.rows, task->row++, &row, sizeof row);
    struct stk_bytes id = text_of(task, stock.id), sku = text_of(task, row.sku);
    make_id(task, "count", id.data, id.size, stk_hash64(sku.data, sku.size, ID_SEED));
    struct stk_twig map = new_map(translate, &tree);
    stk_twig_text(&map, "id", task->id);
    stk_twig_str(&map, "sku", sku);
    stk_twig_int(&map, "quantity", row.quantity);
    put_stock(&map, task, &stock);
    return command(&map, STK_VERB_STOCK_COUNT, params, bytes);
}

static const struct stk_verb *next_snapshot(struct stk_translate *translate, struct stk_task *task,
                                            struct stk_value *params, uint32_t *bytes)
{
    struct stk_event_stock stock;
    struct stk_tree tree;
    stk_message_read(task->event, &stock, sizeof stock);
    make_id(task, "part", task->event, task->event->size, 0);
    struct stk_twig map = new_map(translate, &tree);
    struct stk_twig rows = stk_twig(&tree, stock.rows.count);
    stk_twig_text(&map, "id", task->id);
    stk_twig_str(&map, "snapshot", text_of(task, stock.id));
    stk_twig_int(&map, "total", stock.total_count);
    stk_twig_text(&map, "missing", stock.missing == STK_STOCK_MISSING_ZERO ? "zero" : "keep");
    put_stock(&map, task, &stock);
    for (uint32_t i = 0; i < stock.rows.count; i++) {
        struct stk_event_stock_row row;
        stk_message_item(task->event, stock.rows, i, &row, sizeof row);
        struct stk_twig item = stk_twig_map(&tree, 2);
        stk_twig_str(&item, "sku", text_of(task, row.sku));
        stk_twig_int(&item, "quantity", row.quantity);
        stk_twig_add(&rows, stk_value_of_twig(&item, 1));
    }
    stk_twig_list_at(&map, "rows", &rows);
    return command(&map, STK_VERB_STOCK_SNAPSHOT, params, bytes);
}

/* ---- what the channel shows ---- */

static void add_observed(struct stk_twig *items, struct stk_bytes listing, unsigned kind,
                         int64_t value)
{
    struct stk_twig item = stk_twig_map(items->tree, 3);
    stk_twig_str(&item, "listing", listing);
    stk_twig_text(&item, "kind", stk_publish_kind_name(kind));
    stk_twig_int(&item, "value", value);
    stk_twig_add(items, stk_value_of_twig(&item, 1));
}

static const struct stk_verb *next_observed(struct stk_translate *translate, struct stk_task *task,
                                            struct stk_value *params, uint32_t *bytes)
{
    struct stk_event_observed observed;
    struct stk_tree tree;
    stk_message_read(task->event, &observed, sizeof observed);
    if (observed.value == STK_ABSENT)
        return done(task, STK_OK);
    struct stk_twig map = new_map(translate, &tree);
    struct stk_twig items = stk_twig(&tree, 1);
    stk_twig_text(&map, "channel", translate->instance);
    stk_twig_int(&map, "asked_at", observed.asked_at_ms);
    add_observed(&items, text_of(task, observed.key.listing), observed.key.field - 1u,
                 observed.value);
    stk_twig_list_at(&map, "items", &items);
    return command(&map, STK_VERB_CHANNEL_OBSERVE, params, bytes);
}

static const char *const outcome_names[] = {"?",       "not_sent", "accepted",  "applied",
                                            "refused", "retry",    "unknown",   "mismatch",
                                            "locked",  "review",   "no_listing"};
_Static_assert(sizeof outcome_names / sizeof *outcome_names == STK_RESULTS + 1, "each has a name");

static const struct stk_verb *next_write(struct stk_translate *translate, struct stk_task *task,
                                         struct stk_value *params, uint32_t *bytes)
{
    struct stk_event_write written;
    struct stk_tree tree;
    stk_message_read(task->event, &written, sizeof written);
    struct stk_twig map = new_map(translate, &tree);
    struct stk_twig items = stk_twig(&tree, 1), item = stk_twig_map(&tree, 3);
    stk_twig_text(&map, "channel", translate->instance);
    stk_twig_int(&item, "grant", (int64_t)written.outcome.grant);
    stk_twig_text(&item, "outcome", outcome_names[written.outcome.outcome]);
    if (written.outcome.retry_after_ms)
        stk_twig_int(&item, "wait_ms", written.outcome.retry_after_ms);
    stk_twig_add(&items, stk_value_of_twig(&item, 1));
    stk_twig_list_at(&map, "items", &items);
    return command(&map, STK_VERB_CHANNEL_RESULT, params, bytes);
}

/* ---- listings: known, or paired by SKU, then barcode; then what they show ---- */

enum { LOOK, BY_SKU, BY_BARCODE, PAIRED, SHOWN };

static const struct stk_verb *look_sku(struct stk_translate *translate, struct stk_task *task,
                                       struct stk_bytes name, uint32_t step,
                                       struct stk_value *params, uint32_t *bytes)
{
    struct stk_tree tree = stk_tree(translate->values, STK_TRANSLATE_VALUES);
    struct stk_twig map = stk_twig_map(&tree, 1);
    stk_twig_str(&map, "sku", name);
    task->step = step;
    return command(&map, STK_VERB_SKU_GET, params, bytes);
}

static const struct stk_verb *pair(struct stk_translate *translate, struct stk_task *task,
                                   struct stk_bytes listing, const struct stk_value *answer,
                                   struct stk_value *params, uint32_t *bytes)
{
    const struct stk_value *sku = stk_value_get(answer, "sku");
    struct stk_tree tree;
    if (!sku || sku->type != STK_VALUE_STR || sku->size > STK_ID_MAX)
        return done(task, STK_INTERNAL);
    memcpy(task->sku, sku->as.text, sku->size);
    task->sku[sku->size] = 0;
    struct stk_twig map = new_map(translate, &tree);
    struct stk_twig parts = stk_twig(&tree, 1), part = stk_twig_map(&tree, 1);
    stk_twig_text(&map, "channel", translate->instance);
    stk_twig_str(&map, "listing", listing);
    stk_twig_text(&part, "sku", task->sku);
    stk_twig_add(&parts, stk_value_of_twig(&part, 1));
    stk_twig_list_at(&map, "components", &parts);
    task->step = PAIRED;
    return command(&map, STK_VERB_LISTING_PUT, params, bytes);
}

static const struct stk_verb *show(struct stk_translate *translate, struct stk_task *task,
                                   const struct stk_event_listing *event, struct stk_value *params,
                                   uint32_t *bytes)
{
    struct stk_bytes listing = text_of(task, event->listing);
    struct stk_tree tree;
    struct stk_twig map = new_map(translate, &tree);
    struct stk_twig items = stk_twig(&tree, 3);
    stk_twig_text(&map, "channel", translate->instance);
    stk_twig_int(&map, "asked_at", event->asked_at_ms);
    if (event->quantity != STK_ABSENT)
        add_observed(&items, listing, STK_PUBLISH_QUANTITY, event->quantity);
    if (event->price_minor != STK_ABSENT)
        add_observed(&items, listing, STK_PUBLISH_PRICE, event->price_minor);
    if (!items.size)
        return done(task, STK_OK);
    stk_twig_list_at(&map, "items", &items);
    task->step = SHOWN;
    return command(&map, STK_VERB_CHANNEL_OBSERVE, params, bytes);
}

static const struct stk_verb *unmatched(struct stk_translate *translate, struct stk_task *task)
{
    translate->unmatched++;
    return done(task, STK_OK);
}

static const struct stk_verb *next_listing(struct stk_translate *translate, struct stk_task *task,
                                           const struct stk_value *answer, enum stk_status status,
                                           struct stk_value *params, uint32_t *bytes)
{
    struct stk_event_listing event;
    stk_message_read(task->event, &event, sizeof event);
    struct stk_bytes listing = text_of(task, event.listing);
    struct stk_bytes sku = text_of(task, event.sku), barcode = text_of(task, event.barcode);
    if (!answer) {
        struct stk_tree tree = stk_tree(translate->values, STK_TRANSLATE_VALUES);
        struct stk_twig map = stk_twig_map(&tree, 2);
        stk_twig_text(&map, "channel", translate->instance);
        stk_twig_str(&map, "listing", listing);
        return command(&map, STK_VERB_LISTING_GET, params, bytes);
    }
    if (status != STK_OK && status != STK_NOT_FOUND)
        return done(task, status);
    if (task->step == SHOWN) {
        finish(task, answer, status);
        return NULL;
    }
    if (status == STK_OK)
        return task->step == BY_SKU || task->step == BY_BARCODE
                   ? pair(translate, task, listing, answer, params, bytes)
                   : show(translate, task, &event, params, bytes);
    if (!translate->match || event.by_channel || task->step == PAIRED)
        return unmatched(translate, task);
    if (task->step == LOOK && sku.size)
        return look_sku(translate, task, sku, BY_SKU, params, bytes);
    if (task->step != BY_BARCODE && barcode.size)
        return look_sku(translate, task, barcode, BY_BARCODE, params, bytes);
    return unmatched(translate, task);
}

/* ---- all of them ---- */

enum stk_status stk_translate_can(const struct stk_message *event, struct stk_error *err)
{
    struct stk_event_order order;
    struct stk_event_order_deed deed;
    struct stk_event_part part;
    switch (event->type) {
    case STK_EVENT_ORDER:
        stk_message_read(event, &order, sizeof order);
        return order.location.size ? stk_error_set(err, STK_UNKNOWN,
                                                   "order: location: orders that somebody else "
                                                   "ships cannot be taken yet")
                                   : STK_OK;
    case STK_EVENT_ORDER_CANCEL:
    case STK_EVENT_ORDER_SHIP:
    case STK_EVENT_ORDER_RETURN:
    case STK_EVENT_ORDER_REFUND:
        stk_message_read(event, &deed, sizeof deed);
        for (uint32_t i = 0; i < deed.parts.count; i++) {
            stk_message_item(event, deed.parts, i, &part, sizeof part);
            if (!part.line)
                return stk_error_set(err, STK_UNKNOWN,
                                     "deed: parts[%u].line: parts by line_id alone cannot be taken "
                                     "yet",
                                     i);
        }
        return STK_OK;
    default:
        return STK_OK;
    }
}

int stk_translate_is_single(const struct stk_message *event)
{
    return event->type != STK_EVENT_ORDER_AMEND && event->type != STK_EVENT_LISTING &&
           event->type != STK_EVENT_STOCK_COUNT;
}

int stk_translate_is_final(enum stk_status status)
{
    switch (status) {
    case STK_BUSY:
    case STK_FULL:
    case STK_NO_SPACE:
    case STK_NO_MEMORY:
    case STK_IO:
    case STK_TIMEOUT:
    case STK_STOPPING:
    case STK_AGAIN:
    case STK_INTERNAL:
    case STK_CORRUPT:
        return 0;
    default:
        return 1;
    }
}

const struct stk_verb *stk_translate_next(struct stk_translate *translate, struct stk_task *task,
                                          const struct stk_value *answer, enum stk_status status,
                                          struct stk_value *params, uint32_t *bytes)
{
    switch (task->event->type) {
    case STK_EVENT_ORDER_AMEND:
        if (task->step++ == 1) {
            finish(task, answer, status);
            return NULL;
        }
        if (answer)
            return next_amend(translate, task, answer, status, params, bytes);
        task->step = 0;
        return next_amend(translate, task, NULL, status, params, bytes);
    case STK_EVENT_LISTING:
        return next_listing(translate, task, answer, status, params, bytes);
    case STK_EVENT_STOCK_COUNT:
        return next_count(translate, task, answer, status, params, bytes);
    case STK_EVENT_LISTING_GONE:
        translate->gone++;
        return done(task, STK_OK);
    default:
        break;
    }
    if (answer) {
        finish(task, answer, status);
        return NULL;
    }
    switch (task->event->type) {
    case STK_EVENT_ORDER:
        return next_order(translate, task, params, bytes);
    case STK_EVENT_SNAPSHOT:
        return next_snapshot(translate, task, params, bytes);
    case STK_EVENT_OBSERVED:
        return next_observed(translate, task, params, bytes);
    case STK_EVENT_WRITE:
        return next_write(translate, task, params, bytes);
    default:
        return next_deed(translate, task, params, bytes);
    }
}
