/* What the feed does next. The life of an order is steered by its state in the ledger; one order
 * has one operation under way, but for twins, which go out together. */
#include "tests/crash/feed_make.h"
#include "tests/crash/daemon.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCES 8

/* ---- bytes --------------------------------------------------------------------------------- */

static int put_bytes(void *data, const char *bytes, size_t size)
{
    struct feed *feed = data;
    while (feed->bytes_used + size > feed->bytes_room) {
        feed->bytes_room = feed->bytes_room ? feed->bytes_room * 2 : 1 << 20;
        feed->bytes = realloc(feed->bytes, feed->bytes_room);
        if (!feed->bytes)
            abort();
    }
    memcpy(feed->bytes + feed->bytes_used, bytes, size);
    feed->bytes_used += (uint32_t)size;
    return 0;
}

struct making {
    struct feed *feed;
    msgpack_packer packer;
    uint32_t index;
};

static struct op *op_of(struct making *making)
{
    return &making->feed->ops[making->index];
}

/* Begin an operation: source and id are packed, `pairs` more follow. */
static struct making begin(struct feed *feed, unsigned verb, uint32_t order, unsigned pairs)
{
    struct making making = {.feed = feed, .index = feed->op_count};
    char id[16], source[8];
    if (feed->op_count == feed->op_room) {
        feed->op_room = feed->op_room ? feed->op_room * 2 : 4096;
        feed->ops = realloc(feed->ops, (size_t)feed->op_room * sizeof(*feed->ops));
        if (!feed->ops)
            abort();
    }
    uint32_t number = feed->op_base + feed->op_count++;
    feed->ops[making.index] = (struct op){.order = order,
                                          .number = number,
                                          .params = feed->bytes_used,
                                          .verb = (uint8_t)verb,
                                          .seq = 0};
    msgpack_packer_init(&making.packer, feed, put_bytes);
    msgpack_pack_map(&making.packer, pairs + 2);
    snprintf(source, sizeof(source), "shop%u", (order == NO_ORDER ? number : order) % SOURCES);
    if (verb == OP_PLACE || verb == OP_SELL)
        model_order_id(order, id);
    else
        snprintf(id, sizeof(id), "p%08x", number);
    wire_put_text(&making.packer, "source", source);
    wire_put_text(&making.packer, "id", id);
    return making;
}

static uint32_t end(struct making *making)
{
    struct op *op = op_of(making);
    op->params_size = making->feed->bytes_used - op->params;
    if (op->order != NO_ORDER) {
        making->feed->model.orders[op->order].under_way++;
        making->feed->model.orders[op->order].touched = making->feed->model.cycle;
    }
    return making->index;
}

static void put_sku(msgpack_packer *packer, unsigned sku)
{
    char id[16];
    world_sku_id(sku, id);
    wire_put_text(packer, "sku", id);
}

static void put_location(struct making *making, const char *key, unsigned location)
{
    wire_put_text(&making->packer, key, world_location[location % WORLD_LOCATIONS]);
}

/* ---- orders -------------------------------------------------------------------------------- */

static unsigned any_item(struct feed *feed)
{
    struct random *random = &feed->random;
    if (random_percent(random, feed->hot_percent))
        return (unsigned)random_below(random, WORLD_HOT);
    if (random_percent(random, 25))
        return WORLD_LISTING | (unsigned)random_below(random, WORLD_LISTINGS);
    return (unsigned)random_below(random, WORLD_SKUS);
}

/* Mostly few lines, now and then many. */
static unsigned any_lines(struct feed *feed)
{
    struct random *random = &feed->random;
    unsigned lines = 1;
    if (random_percent(random, 2))
        lines = 1 + (unsigned)random_below(random, feed->lines_max);
    else
        while (lines < 8 && random_percent(random, 50))
            lines++;
    return lines < feed->lines_max ? lines : feed->lines_max;
}

static void put_line(struct making *making, const struct model_line *line)
{
    char id[16];
    msgpack_packer *packer = &making->packer;
    msgpack_pack_map(packer, 3);
    if (line->item & WORLD_LISTING) {
        world_listing_id(line->item & ~WORLD_LISTING, id);
        wire_put_text(packer, "listing", id);
    } else {
        put_sku(packer, line->item);
    }
    wire_put_int(packer, "quantity", line->quantity);
    wire_put_int(packer, "unit_price", 100 + line->item % 900);
}

static uint32_t make_place(struct feed *feed)
{
    struct model_line line[ORDER_LINES] = {0};
    struct random *random = &feed->random;
    unsigned lines = any_lines(feed);
    unsigned till = random_percent(random, 5), fact = !till && random_percent(random, 12);
    int64_t ttl_ms = till || fact || random_percent(random, 15) ? 0 : 30000;
    if (ttl_ms && random_percent(random, 30))
        ttl_ms = 50 + (int64_t)random_below(random, 1500);
    for (unsigned i = 0; i < lines; i++) {
        line[i].item = (uint16_t)any_item(feed);
        line[i].quantity = 1 + (uint32_t)random_below(random, random_percent(random, 5) ? 40 : 3);
    }
    uint32_t order = model_add_order(&feed->model, lines, line, fact ? ORDER_FACT : 0);
    unsigned verb = till ? OP_SELL : OP_PLACE;
    struct making making = begin(feed, verb, order, 3u + (ttl_ms > 0) + fact);
    wire_put_text(&making.packer, "channel", "web");
    if (ttl_ms)
        wire_put_int(&making.packer, "ttl_ms", ttl_ms);
    if (fact)
        wire_put_true(&making.packer, "fact");
    wire_key(&making.packer, "split");
    if (order % 2)
        msgpack_pack_true(&making.packer);
    else
        msgpack_pack_false(&making.packer);
    wire_key(&making.packer, "lines");
    msgpack_pack_array(&making.packer, lines);
    for (unsigned i = 0; i < lines; i++)
        put_line(&making, &line[i]);
    return end(&making);
}

static struct making begin_of(struct feed *feed, unsigned verb, uint32_t order, unsigned pairs)
{
    char id[16];
    struct making making = begin(feed, verb, order, pairs + 1);
    model_order_id(order, id);
    wire_put_text(&making.packer, "order", id);
    return making;
}

static uint32_t make_plain(struct feed *feed, unsigned verb, uint32_t order)
{
    struct making making = begin_of(feed, verb, order, 0);
    return end(&making);
}

static uint32_t make_extend(struct feed *feed, uint32_t order)
{
    struct making making = begin_of(feed, OP_EXTEND, order, 1);
    wire_put_int(&making.packer, "ttl_ms", 200 + (int64_t)random_below(&feed->random, 3000));
    return end(&making);
}

static uint32_t make_refund(struct feed *feed, uint32_t order)
{
    struct making making = begin_of(feed, OP_REFUND, order, 1);
    wire_put_int(&making.packer, "amount", 1 + (int64_t)random_below(&feed->random, 20));
    return end(&making);
}

/* Units of a line that the verb could deal with. */
static uint32_t possible(unsigned verb, const struct model_line *line)
{
    switch (verb) {
    case OP_SHIP:
        return line->held;
    case OP_CANCEL:
        return line->held + line->missing;
    case OP_RETURN:
        return line->shipped - line->returned;
    default:
        return line->quantity > line->cancelled ? 1 : 0; /* amend */
    }
}

/* Up to OP_PARTS different lines of which there is something to deal with. */
static unsigned choose_parts(struct feed *feed, unsigned verb, uint32_t number,
                             struct op_part part[OP_PARTS])
{
    const struct model_order *order = &feed->model.orders[number];
    const struct model_line *line = feed->model.lines + order->first_line;
    struct random *random = &feed->random;
    unsigned parts = 0, from = (unsigned)random_below(random, order->lines);
    for (unsigned i = 0; i < order->lines && parts < OP_PARTS; i++) {
        unsigned at = (from + i) % order->lines;
        uint32_t most = possible(verb, &line[at]);
        if (!most || (parts && random_percent(random, 50)))
            continue;
        uint32_t units = 1 + (uint32_t)random_below(random, most);
        if (verb == OP_AMEND)
            units = line[at].shipped + 1 + (uint32_t)random_below(random, 4);
        part[parts++] = (struct op_part){
            (uint8_t)at, verb == OP_RETURN && random_percent(random, 30) ? PART_UNSOLD : 0,
            (uint16_t)units};
    }
    return parts;
}

static uint32_t make_parts(struct feed *feed, unsigned verb, uint32_t order)
{
    struct op_part part[OP_PARTS];
    unsigned parts = choose_parts(feed, verb, order, part);
    if (!parts)
        return UINT32_MAX;
    struct making making = begin_of(feed, verb, order, 1);
    wire_key(&making.packer, "lines");
    msgpack_pack_array(&making.packer, parts);
    for (unsigned i = 0; i < parts; i++) {
        msgpack_pack_map(&making.packer, 2u + (part[i].flags & PART_UNSOLD));
        wire_put_int(&making.packer, "line", part[i].line + 1);
        wire_put_int(&making.packer, "quantity", part[i].quantity);
        if (part[i].flags & PART_UNSOLD)
            wire_put_true(&making.packer, "unsellable");
        op_of(&making)->part[i] = part[i];
    }
    op_of(&making)->parts = (uint8_t)parts;
    return end(&making);
}

/* The next step of an order that was placed and is neither paid nor over. */
static uint32_t step_placed(struct feed *feed, uint32_t order)
{
    unsigned chance = (unsigned)random_below(&feed->random, 100);
    const struct model_order *at = &feed->model.orders[order];
    if (chance < 8 && at->expires_ms)
        return make_extend(feed, order);
    if (chance < 13)
        return make_plain(feed, OP_REVIEW, order);
    if (chance < 20)
        return make_plain(feed, OP_CANCEL, order);
    if (chance < 25)
        return make_parts(feed, OP_CANCEL, order);
    if (chance < 31 && !(at->flags & ORDER_FACT))
        return make_parts(feed, OP_AMEND, order);
    return make_plain(feed, OP_PAY, order);
}

static uint32_t step_paid(struct feed *feed, uint32_t order)
{
    unsigned chance = (unsigned)random_below(&feed->random, 100);
    const struct model_order *at = &feed->model.orders[order];
    if (chance < 20)
        return make_parts(feed, OP_SHIP, order);
    if (chance < 26)
        return make_parts(feed, OP_CANCEL, order);
    if (chance < 30)
        return make_plain(feed, OP_CANCEL, order);
    if (chance < 33 && !(at->flags & ORDER_FACT))
        return make_parts(feed, OP_AMEND, order);
    return make_plain(feed, OP_SHIP, order);
}

static uint32_t step_shipped(struct feed *feed, uint32_t order)
{
    unsigned chance = (unsigned)random_below(&feed->random, 100);
    if (chance < 8)
        return make_parts(feed, OP_RETURN, order);
    if (chance < 12)
        return make_plain(feed, OP_RETURN, order);
    if (chance < 16)
        return make_refund(feed, order);
    feed->model.orders[order].flags |= ORDER_ENDED;
    return UINT32_MAX;
}

static uint32_t make_step(struct feed *feed, uint32_t order)
{
    const struct model_order *at = &feed->model.orders[order];
    if (at->under_way || (at->flags & (ORDER_ENDED | ORDER_UNKNOWN)))
        return UINT32_MAX;
    switch (at->state) {
    case ORDER_PLACED:
        return step_placed(feed, order);
    case ORDER_REVIEW:
        return make_plain(feed, OP_RELEASE, order);
    case ORDER_PAID:
        return step_paid(feed, order);
    case ORDER_SHIPPED:
    case ORDER_RETURNED:
        return step_shipped(feed, order);
    default:
        return UINT32_MAX;
    }
}

/* A cancellation and a shipment of the whole order at once, on whatever connections. */
static uint32_t make_twin(struct feed *feed, uint32_t order)
{
    const struct model_order *at = &feed->model.orders[order];
    if (at->state != ORDER_PAID || at->under_way != 1 || (at->flags & ORDER_FACT))
        return UINT32_MAX;
    return make_plain(feed, random_percent(&feed->random, 50) ? OP_CANCEL : OP_SHIP, order);
}

/* ---- stock --------------------------------------------------------------------------------- */

uint32_t feed_make_receive(struct feed *feed, unsigned sku, uint32_t quantity)
{
    unsigned bad = random_percent(&feed->random, 3);
    struct making making = begin(feed, OP_RECEIVE, NO_ORDER, 3 + bad);
    op_of(&making)->sku = (uint16_t)sku;
    op_of(&making)->quantity = quantity;
    op_of(&making)->unsellable = (uint8_t)bad;
    put_sku(&making.packer, sku);
    put_location(&making, "location", (unsigned)random_below(&feed->random, 4));
    wire_put_int(&making.packer, "quantity", quantity);
    if (bad)
        wire_put_true(&making.packer, "unsellable");
    return end(&making);
}

static uint32_t make_adjust(struct feed *feed)
{
    static const char *const kinds[] = {"found", "lost", "damaged", "repaired", "scrapped"};
    struct random *random = &feed->random;
    unsigned sku = (unsigned)random_below(random, WORLD_SKUS / 4) * 4 + 3;
    struct making making = begin(feed, OP_ADJUST, NO_ORDER, 4);
    struct op *op = op_of(&making);
    op->kind = (uint8_t)random_below(random, 5);
    op->sku = (uint16_t)sku;
    op->quantity = 1 + (uint32_t)random_below(random, 3);
    put_sku(&making.packer, sku);
    put_location(&making, "location", (unsigned)random_below(random, 3));
    wire_put_text(&making.packer, "kind", kinds[op->kind]);
    wire_put_int(&making.packer, "quantity", op->quantity);
    return end(&making);
}

static uint32_t make_count(struct feed *feed)
{
    struct random *random = &feed->random;
    unsigned sku = (unsigned)random_below(random, WORLD_SKUS / 4) * 4 + 3;
    struct making making = begin(feed, OP_COUNT, NO_ORDER, 3);
    op_of(&making)->sku = (uint16_t)sku;
    put_sku(&making.packer, sku);
    put_location(&making, "location", (unsigned)random_below(random, 3));
    wire_put_int(&making.packer, "quantity", 50 + (int64_t)random_below(random, 200));
    return end(&making);
}

static uint32_t make_transfer(struct feed *feed, unsigned kind, uint32_t number, unsigned sku,
                              uint32_t quantity)
{
    static const char *const kinds[] = {"move", "send", "receive", "lose"};
    int leaves = kind == TRANSFER_MOVE || kind == TRANSFER_SEND;
    unsigned from = (unsigned)random_below(&feed->random, 3);
    char id[16];
    struct making making = begin(feed, OP_TRANSFER, NO_ORDER, leaves ? 5 : 2);
    struct op *op = op_of(&making);
    op->kind = (uint8_t)kind;
    op->sku = (uint16_t)sku;
    op->quantity = quantity;
    snprintf(id, sizeof(id), "t%08x", leaves ? op->number : number);
    wire_put_text(&making.packer, "transfer", id);
    wire_put_text(&making.packer, "action", kinds[kind]);
    if (leaves) {
        put_location(&making, "from", from);
        put_location(&making, "to", from + 1 + (unsigned)random_below(&feed->random, 2));
        wire_key(&making.packer, "lines");
        msgpack_pack_array(&making.packer, 1);
        msgpack_pack_map(&making.packer, 2);
        put_sku(&making.packer, sku);
        wire_put_int(&making.packer, "quantity", quantity);
    }
    return end(&making);
}

/* Sent transfers are received or lost by and by; both are done with what is known to be sent. */
static uint32_t make_any_transfer(struct feed *feed)
{
    struct random *random = &feed->random;
    unsigned sku = (unsigned)random_below(random, WORLD_SKUS);
    uint32_t quantity = 1 + (uint32_t)random_below(random, 3);
    if (feed->transfer_count && random_percent(random, 50)) {
        uint32_t at = (uint32_t)random_below(random, feed->transfer_count);
        struct feed_transfer sent = feed->transfers[at];
        feed->transfers[at] = feed->transfers[--feed->transfer_count];
        return make_transfer(feed, random_percent(random, 80) ? TRANSFER_RECEIVE : TRANSFER_LOSE,
                             sent.number, sent.sku, sent.quantity);
    }
    unsigned kind = random_percent(random, 50) && feed->transfer_count < FEED_TRANSFERS
                        ? TRANSFER_SEND
                        : TRANSFER_MOVE;
    return make_transfer(feed, kind, 0, sku, quantity);
}

static uint32_t make_stock(struct feed *feed)
{
    struct random *random = &feed->random;
    unsigned chance = (unsigned)random_below(random, 100);
    unsigned sku =
        (unsigned)random_below(random, random_percent(random, 40) ? WORLD_HOT : WORLD_SKUS);
    if (chance < 70)
        return feed_make_receive(feed, sku, 1 + (uint32_t)random_below(random, feed->receipt_max));
    if (chance < 82)
        return make_adjust(feed);
    if (chance < 88)
        return make_count(feed);
    return make_any_transfer(feed);
}

/* ---- choosing ------------------------------------------------------------------------------ */

void feed_later(struct feed *feed, uint32_t order, unsigned number, int64_t now_ms)
{
    struct feed_queue *queue = &feed->queue[number];
    if (queue->first + queue->count == queue->room) {
        memmove(queue->at, queue->at + queue->first, queue->count * sizeof(*queue->at));
        queue->first = 0;
        if (queue->count * 2 >= queue->room) {
            queue->room = queue->room ? queue->room * 2 : 1024;
            queue->at = realloc(queue->at, queue->room * sizeof(*queue->at));
            if (!queue->at)
                abort();
        }
    }
    queue->at[queue->first + queue->count++] = (struct feed_due){order, now_ms + queue->delay_ms};
}

static uint32_t due_order(struct feed *feed, int64_t now_ms)
{
    for (unsigned i = 0; i < FEED_QUEUES; i++) {
        struct feed_queue *queue = &feed->queue[i];
        if (queue->count && queue->at[queue->first].at_ms <= now_ms) {
            queue->count--;
            return queue->at[queue->first++].order;
        }
    }
    return NO_ORDER;
}

uint32_t feed_make(struct feed *feed, int64_t now_ms)
{
    if (random_percent(&feed->random, 10))
        return make_stock(feed);
    for (unsigned tries = 0; tries < 16; tries++) {
        uint32_t order = due_order(feed, now_ms);
        if (order == NO_ORDER)
            break;
        uint32_t made = make_step(feed, order);
        if (made == UINT32_MAX)
            continue;
        if (random_percent(&feed->random, 3))
            (void)make_twin(feed, order); /* stands behind it in ops and is sent next */
        return made;
    }
    return make_place(feed);
}

uint32_t feed_make_conflict(const struct feed *feed, const struct op *op, uint8_t *out,
                            uint32_t room)
{
    static const char field[] = "\xaboccurred_at\xcd\x30\x39";
    const uint8_t *params = feed_params(feed, op);
    if (op->verb != OP_PAY && op->verb != OP_SHIP && op->verb != OP_RECEIVE)
        return 0;
    if (op->params_size + sizeof(field) > room || (params[0] & 0xf0) != 0x80 || params[0] == 0x8f)
        return 0;
    memcpy(out, params, op->params_size);
    memcpy(out + op->params_size, field, sizeof(field) - 1);
    out[0]++;
    return op->params_size + (uint32_t)sizeof(field) - 1;
}
