/* Sending and receiving. A message has a number of its own; the table of flights tells whose answer
 * comes back, so that repeats of one operation can be under way at the same time on any connection.
 *
 * Always: op->copies counts the flights of an operation; the first answer is booked in the ledger,
 * each later one must have the same bytes. */
#include "tests/crash/feed.h"
#include "tests/crash/daemon.h"
#include "tests/crash/feed_make.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_OP          UINT32_MAX
#define WINDOW         64
#define BURST          256 /* sent between two looks for answers */
#define REPEAT_PERCENT 10
#define OPENING_STOCK  400
#define OPENING_HOT    3000

enum flight { FLIGHT_FREE, FLIGHT_OP, FLIGHT_CONFLICT };

void feed_init(struct feed *feed, uint64_t seed, unsigned wires)
{
    static const int64_t delays_ms[FEED_QUEUES] = {0, 30, 400, 2500};
    memset(feed, 0, sizeof(*feed));
    model_init(&feed->model);
    feed->random = random_seed(seed);
    feed->wire_count = wires;
    feed->window = WINDOW;
    feed->rate_per_s = 20000;
    feed->lines_max = ORDER_LINES;
    feed->hot_percent = 30;
    feed->opening_hot = OPENING_HOT;
    feed->receipt_max = 40;
    feed->stock_up = 2000;
    feed->transfers = calloc(FEED_TRANSFERS, sizeof(*feed->transfers));
    for (unsigned i = 0; i < FEED_QUEUES; i++)
        feed->queue[i].delay_ms = delays_ms[i];
    for (unsigned i = 0; i < FEED_WIRES; i++)
        feed->wires[i].fd = -1;
}

void feed_fini(struct feed *feed)
{
    feed_disconnect(feed);
    model_fini(&feed->model);
    for (uint32_t i = 0; i < feed->elder_count; i++)
        free(feed->elders[i].params);
    for (unsigned i = 0; i < FEED_QUEUES; i++)
        free(feed->queue[i].at);
    free(feed->transfers);
    free(feed->trace);
    free(feed->ops);
    free(feed->bytes);
}

const uint8_t *feed_params(const struct feed *feed, const struct op *op)
{
    return feed->bytes + op->params;
}

/* ---- the world ------------------------------------------------------------------------------ */

#define STOCKED (WORLD_SKUS * WORLD_LOCATIONS)
#define ALL     (WORLD_LOCATIONS + WORLD_SKUS + WORLD_LISTINGS + STOCKED)

static const char *make_listing(unsigned listing, msgpack_packer *packer)
{
    struct world_part part[WORLD_PARTS];
    char id[16];
    unsigned parts = world_parts(listing | WORLD_LISTING, part);
    msgpack_pack_map(packer, 4);
    wire_put_text(packer, "source", "world");
    wire_put_text(packer, "channel", "web");
    world_listing_id(listing, id);
    wire_put_text(packer, "listing", id);
    wire_key(packer, "components");
    msgpack_pack_array(packer, parts);
    for (unsigned i = 0; i < parts; i++) {
        msgpack_pack_map(packer, 2);
        world_sku_id(part[i].sku, id);
        wire_put_text(packer, "sku", id);
        wire_put_int(packer, "units", part[i].units);
    }
    return "listing.put";
}

static uint32_t opening(const struct feed *feed, unsigned sku, unsigned location)
{
    return sku < WORLD_HOT ? feed->opening_hot : location == 0 ? OPENING_STOCK : OPENING_STOCK / 4;
}

static const char *make_opening(const struct feed *feed, unsigned number, msgpack_packer *packer)
{
    char id[16], key[16];
    unsigned sku = number / WORLD_LOCATIONS, location = number % WORLD_LOCATIONS;
    snprintf(key, sizeof(key), "w%u", number);
    msgpack_pack_map(packer, 5);
    wire_put_text(packer, "source", "world");
    wire_put_text(packer, "id", key);
    world_sku_id(sku, id);
    wire_put_text(packer, "sku", id);
    wire_put_text(packer, "location", world_location[location]);
    wire_put_int(packer, "quantity", opening(feed, sku, location));
    return "stock.receive";
}

static const char *make_world(void *arg, uint32_t i, msgpack_packer *packer)
{
    char id[16];
    if (i < WORLD_LOCATIONS) {
        msgpack_pack_map(packer, 3);
        wire_put_text(packer, "source", "world");
        wire_put_text(packer, "location", world_location[i]);
        wire_put_int(packer, "priority", 10 + i * 10);
        return "location.put";
    }
    i -= WORLD_LOCATIONS;
    if (i < WORLD_SKUS) {
        msgpack_pack_map(packer, 3);
        wire_put_text(packer, "source", "world");
        world_sku_id(i, id);
        wire_put_text(packer, "sku", id);
        wire_put_text(packer, "title", "a thing that is sold");
        return "sku.put";
    }
    i -= WORLD_SKUS;
    if (i < WORLD_LISTINGS)
        return make_listing(i, packer);
    return make_opening(arg, i - WORLD_LISTINGS, packer);
}

static void got_world(void *arg, uint32_t i, const struct wire_answer *answer)
{
    struct feed *feed = arg;
    char message[256];
    if (!answer->ok) {
        wire_get_text(answer->body, "message", message, sizeof(message));
        model_fault(&feed->model, "world %u: %s %s", i, answer->code, message);
    }
    uint32_t first = WORLD_LOCATIONS + WORLD_SKUS + WORLD_LISTINGS;
    if (i < first)
        return;
    unsigned sku = (i - first) / WORLD_LOCATIONS, location = (i - first) % WORLD_LOCATIONS;
    feed->model.stock[sku].received += opening(feed, sku, location);
    feed->model.stock[sku].on_hand += opening(feed, sku, location);
}

int feed_world(struct feed *feed, const char *door)
{
    struct wire wire;
    if (wire_open(&wire, door))
        return -1;
    int result = wire_many(&wire, ALL, 128, make_world, got_world, feed);
    wire_close(&wire);
    return result;
}

/* ---- cycles --------------------------------------------------------------------------------- */

/* Some of the operations of the last cycle are kept for ever, by lot. */
static void keep_elders(struct feed *feed)
{
    for (uint32_t i = 0; i < feed->op_count; i++) {
        const struct op *op = &feed->ops[i];
        if (op->outcome != OP_DONE && op->outcome != OP_REFUSED)
            continue;
        feed->elder_seen++;
        uint64_t at = feed->elder_count < FEED_ELDERS
                          ? feed->elder_count
                          : random_below(&feed->random, feed->elder_seen);
        if (at >= FEED_ELDERS)
            continue;
        if (feed->elder_count < FEED_ELDERS)
            feed->elder_count++;
        else
            free(feed->elders[at].params);
        feed->elders[at].op = *op;
        feed->elders[at].params = malloc(op->params_size);
        memcpy(feed->elders[at].params, feed_params(feed, op), op->params_size);
    }
    feed->op_base += feed->op_count;
    feed->op_count = 0;
    feed->bytes_used = 0;
}

int feed_connect(struct feed *feed, const char *door)
{
    keep_elders(feed);
    feed->acked = 0;
    memset(feed->flight, 0, sizeof(feed->flight));
    for (unsigned i = 0; i < feed->wire_count; i++) {
        feed->under_way[i] = 0;
        if (wire_open(&feed->wires[i], door))
            return -1;
    }
    return 0;
}

void feed_disconnect(struct feed *feed)
{
    for (unsigned i = 0; i < FEED_WIRES; i++)
        wire_close(&feed->wires[i]);
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void next_step(struct feed *feed, const struct op *op)
{
    unsigned chance = (unsigned)random_below(&feed->random, 100);
    if (op->order == NO_ORDER) {
        if (op->verb == OP_TRANSFER && op->kind == TRANSFER_SEND && op->outcome == OP_DONE &&
            feed->transfer_count < FEED_TRANSFERS)
            feed->transfers[feed->transfer_count++] =
                (struct feed_transfer){op->number, op->quantity, op->sku};
        return;
    }
    const struct model_order *order = &feed->model.orders[op->order];
    if (order->under_way || order->state == ORDER_NONE)
        return;
    if (order->state == ORDER_PLACED && order->expires_ms && chance < 12)
        return; /* forgotten by the buyer: it expires */
    feed_later(feed, op->order,
               chance < 50   ? 0
               : chance < 80 ? 1
               : chance < 95 ? 2
                             : 3,
               clock_ms());
}

void feed_first_answer(struct feed *feed, struct op *op, const struct wire_answer *answer)
{
    op->hash = wire_hash(answer->bytes, answer->size);
    op->acked = feed->acked++;
    model_answer(&feed->model, op, answer->ok, answer->code, answer->body);
    feed->answered++;
    feed->refused += op->outcome == OP_REFUSED;
    if (op->outcome == OP_NOTHING)
        feed->nothing++;
    next_step(feed, op);
}

static void got_op(struct feed *feed, struct op *op, const struct wire_answer *answer)
{
    op->copies--;
    if (!answer->ok && !model_is_remembered(answer->code) && (op->outcome != OP_OPEN || op->copies))
        return; /* not remembered: each copy has its own fate */
    if (op->outcome == OP_OPEN) {
        feed_first_answer(feed, op, answer);
        return;
    }
    feed->repeats++;
    if (op->hash != wire_hash(answer->bytes, answer->size))
        model_fault(&feed->model, "%s p%08x: a repeat was answered otherwise (%s)",
                    op_verb_name[op->verb], op->number, answer->ok ? "OK" : answer->code);
}

static void got(struct feed *feed, const struct wire_answer *answer)
{
    uint32_t at = answer->msgid & (FEED_IN_FLIGHT - 1);
    if (!answer->msgid && !answer->ok && feed->may_be_turned_away)
        return;
    if (feed->flight[at].kind == FLIGHT_FREE || feed->flight[at].msgid != answer->msgid) {
        model_fault(&feed->model, "an answer to nothing that is under way: %u", answer->msgid);
        return;
    }
    feed->under_way[feed->flight[at].wire]--;
    if (feed->flight[at].kind == FLIGHT_CONFLICT) {
        feed->conflicts++;
        if (answer->ok || strcmp(answer->code, "CONFLICT"))
            model_fault(&feed->model, "an id used for something else is answered %s",
                        answer->ok ? "OK" : answer->code);
    } else {
        got_op(feed, &feed->ops[feed->flight[at].op], answer);
    }
    feed->flight[at].kind = FLIGHT_FREE;
}

/* Take answers of one connection. -1: what came is none, and the connection is of no use. */
static int take(struct feed *feed, struct wire *wire)
{
    struct wire_answer answer;
    int taken;
    while ((taken = wire_take(wire, &answer)) > 0)
        got(feed, &answer);
    if (taken < 0)
        model_fault(&feed->model, "what came back is no answer");
    return taken;
}

/* ---- sending -------------------------------------------------------------------------------- */

static unsigned total_under_way(const struct feed *feed)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < feed->wire_count; i++)
        sum += feed->under_way[i];
    return sum;
}

/* The connection with the fewest under way of two by lot; -1 when both are full. */
static int choose_wire(struct feed *feed)
{
    unsigned a = (unsigned)random_below(&feed->random, feed->wire_count);
    unsigned b = (unsigned)random_below(&feed->random, feed->wire_count);
    unsigned at = feed->under_way[a] <= feed->under_way[b] ? a : b;
    return feed->under_way[at] < feed->window ? (int)at : -1;
}

void feed_trace(struct feed *feed, uint32_t from)
{
    feed->trace_from = from;
    feed->msgid = from - 1;
    feed->trace_room = 1 << 16;
    feed->trace = malloc(feed->trace_room * sizeof(*feed->trace));
}

static void note_trace(struct feed *feed, uint32_t op)
{
    if (!feed->trace)
        return;
    uint32_t at = feed->msgid - feed->trace_from;
    while (at >= feed->trace_room) {
        feed->trace_room *= 2;
        feed->trace = realloc(feed->trace, feed->trace_room * sizeof(*feed->trace));
        if (!feed->trace)
            abort();
    }
    feed->trace[at] = op;
}

static void send_bytes(struct feed *feed, unsigned verb, const uint8_t *params, uint32_t size,
                       uint32_t op, unsigned kind)
{
    int wire = choose_wire(feed);
    uint32_t at;
    if (wire < 0)
        wire = (int)random_below(&feed->random, feed->wire_count);
    do
        at = ++feed->msgid & (FEED_IN_FLIGHT - 1);
    while (feed->flight[at].kind != FLIGHT_FREE);
    feed->flight[at].msgid = feed->msgid;
    feed->flight[at].op = op;
    feed->flight[at].wire = (uint8_t)wire;
    feed->flight[at].kind = (uint8_t)kind;
    feed->under_way[wire]++;
    feed->sent++;
    note_trace(feed, op);
    wire_send(&feed->wires[wire], feed->msgid, op_verb_name[verb], params, size);
}

static void send_op(struct feed *feed, uint32_t index)
{
    struct op *op = &feed->ops[index];
    op->copies++;
    send_bytes(feed, op->verb, feed_params(feed, op), op->params_size, index, FLIGHT_OP);
}

static void send_again(struct feed *feed)
{
    uint32_t recent = feed->op_count < 8192 ? feed->op_count : 8192;
    uint32_t index = feed->op_count - 1 - (uint32_t)random_below(&feed->random, recent);
    const struct op *op = &feed->ops[index];
    uint8_t changed[4096];
    if (op->outcome == OP_DONE && random_percent(&feed->random, 4)) {
        uint32_t size = feed_make_conflict(feed, op, changed, sizeof(changed));
        if (size)
            send_bytes(feed, op->verb, changed, size, NO_OP, FLIGHT_CONFLICT);
    } else if (op->outcome != OP_NOTHING && op->copies < 4) {
        send_op(feed, index);
    }
}

static void send_some(struct feed *feed, uint64_t most, int64_t now_ms)
{
    for (uint64_t i = 0; i < most && choose_wire(feed) >= 0; i++) {
        uint32_t before = feed->op_count;
        if (before && random_percent(&feed->random, REPEAT_PERCENT)) {
            send_again(feed);
            continue;
        }
        feed_make(feed, now_ms);
        for (; before < feed->op_count; before++)
            send_op(feed, before);
    }
}

/* Flush and read all; returns 1 when any connection is gone. */
static int exchange(struct feed *feed, int wait_ms)
{
    struct pollfd polls[FEED_WIRES];
    int gone = 0;
    for (unsigned i = 0; i < feed->wire_count; i++) {
        gone |= wire_flush(&feed->wires[i]) != 0;
        polls[i] = (struct pollfd){
            feed->wires[i].fd, (short)(POLLIN | (wire_unsent(&feed->wires[i]) ? POLLOUT : 0)), 0};
    }
    if (poll(polls, feed->wire_count, wait_ms) <= 0)
        return gone;
    for (unsigned i = 0; i < feed->wire_count; i++) {
        if (!(polls[i].revents & (POLLIN | POLLHUP | POLLERR)))
            continue;
        gone |= wire_fill(&feed->wires[i]) != 0;
        gone |= take(feed, &feed->wires[i]) < 0;
    }
    return gone;
}

int feed_run(struct feed *feed, int64_t until_ms)
{
    int64_t began_ms = clock_ms(), now_ms;
    uint64_t sent_before = feed->sent;
    while ((now_ms = clock_ms()) < until_ms) {
        uint64_t quota = BURST;
        if (feed->rate_per_s) {
            uint64_t due = (uint64_t)(now_ms - began_ms) * feed->rate_per_s / 1000;
            uint64_t sent = feed->sent - sent_before;
            quota = due > sent ? due - sent : 0;
        }
        send_some(feed, quota < BURST ? quota : BURST, now_ms);
        if (exchange(feed, 1))
            return 1;
    }
    return 0;
}

int feed_settle(struct feed *feed, int timeout_ms)
{
    int64_t until_ms = clock_ms() + timeout_ms;
    while (total_under_way(feed)) {
        if (clock_ms() > until_ms || exchange(feed, 10))
            return -1;
    }
    return 0;
}

void feed_drain(struct feed *feed)
{
    for (unsigned i = 0; i < feed->wire_count; i++) {
        if (feed->wires[i].fd < 0)
            continue;
        (void)wire_fill(&feed->wires[i]);
        while (wire_fill(&feed->wires[i]) == 0)
            poll(NULL, 0, 1); /* the other side is dead: its end comes */
        (void)take(feed, &feed->wires[i]);
    }
    for (uint32_t i = 0; i < feed->op_count; i++)
        feed->ops[i].copies = 0;
    feed_disconnect(feed);
}
