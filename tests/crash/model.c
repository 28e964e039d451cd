/* The ledger: effects of acknowledged operations on orders and stock, by the words of DESIGN.md. */
#include "tests/crash/model.h"
#include "tests/crash/daemon.h"
#include "tests/crash/wire.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const world_location[WORLD_LOCATIONS] = {"main", "shop", "depot"};
const char *const op_verb_name[OP_VERBS] = {
    "order.place",   "order.sell",    "order.pay",    "order.ship",   "order.cancel",
    "order.return",  "order.refund",  "order.amend",  "order.extend", "order.review",
    "order.release", "stock.receive", "stock.adjust", "stock.count",  "stock.transfer"};
const char *const order_state_name[ORDER_STATES] = {"none",    "placed",    "review",  "paid",
                                                    "shipped", "cancelled", "expired", "returned"};

#define SEQ_BITS_FIRST (UINT64_C(1) << 20)
#define EARLY_MS       1000 /* a hold may not end more than this before its time */

/* ---- the world ------------------------------------------------------------------------------ */

void world_sku_id(unsigned sku, char out[16])
{
    snprintf(out, 16, "s%04u", sku);
}

void world_listing_id(unsigned listing, char out[16])
{
    snprintf(out, 16, "k%04u", listing);
}

/* Half the listings are kits of three SKUs, of which each tenth kit shares the first; the others
 * are multiples of one. */
unsigned world_parts(unsigned item, struct world_part parts[WORLD_PARTS])
{
    if (!(item & WORLD_LISTING)) {
        parts[0] = (struct world_part){(uint16_t)item, 1};
        return 1;
    }
    unsigned listing = item & ~WORLD_LISTING;
    if (listing % 2) {
        parts[0] = (struct world_part){(uint16_t)(40 + listing * 3), (uint16_t)(2 + listing % 5)};
        return 1;
    }
    parts[0] = (struct world_part){(uint16_t)(30 + listing / 2 % 10), 1};
    parts[1] = (struct world_part){(uint16_t)(40 + listing), (uint16_t)(1 + listing % 3)};
    parts[2] = (struct world_part){(uint16_t)(300 + listing), 2};
    return 3;
}

int world_is_counted(unsigned sku)
{
    return sku % 4 == 3;
}

/* ---- life ----------------------------------------------------------------------------------- */

static void *grown(void *memory, uint32_t count, uint32_t *room, size_t each)
{
    if (count < *room)
        return memory;
    *room = *room ? *room * 2 : 1024;
    memory = realloc(memory, (size_t)*room * each);
    if (!memory)
        abort();
    return memory;
}

void model_init(struct model *model)
{
    memset(model, 0, sizeof(*model));
    model->seq_bits = SEQ_BITS_FIRST;
    model->seqs = calloc(model->seq_bits / 8, 1);
}

void model_fini(struct model *model)
{
    free(model->orders);
    free(model->lines);
    free(model->kept);
    free(model->seqs);
}

void model_fault(struct model *model, const char *format, ...)
{
    char text[256];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    if (model->faults++ == 0)
        memcpy(model->first_fault, text, sizeof(text));
    if (model->faults <= 20 && !model->quiet)
        printf("  FAULT: %s\n", text);
}

void model_order_id(uint32_t order, char out[16])
{
    snprintf(out, 16, "o%08x", order);
}

uint32_t model_add_order(struct model *model, unsigned lines, const struct model_line *line,
                         unsigned flags)
{
    model->orders =
        grown(model->orders, model->order_count, &model->order_room, sizeof(*model->orders));
    while (model->line_count + lines >= model->line_room)
        model->lines =
            grown(model->lines, model->line_room, &model->line_room, sizeof(*model->lines));
    memcpy(model->lines + model->line_count, line, lines * sizeof(*line));
    model->orders[model->order_count] = (struct model_order){.first_line = model->line_count,
                                                             .lines = (uint8_t)lines,
                                                             .flags = (uint8_t)flags,
                                                             .touched = model->cycle};
    model->line_count += lines;
    return model->order_count++;
}

/* Each effect has its own sequence: one that is given twice was lost in between. */
static void note_seq(struct model *model, const struct op *op)
{
    if (!op->seq) {
        model_fault(model, "%s is done but names no seq", op_verb_name[op->verb]);
        return;
    }
    while (op->seq >= model->seq_bits) {
        model->seqs = realloc(model->seqs, model->seq_bits / 4);
        if (!model->seqs)
            abort();
        memset(model->seqs + model->seq_bits / 8, 0, model->seq_bits / 8);
        model->seq_bits *= 2;
    }
    if (model->seqs[op->seq / 8] >> (op->seq % 8) & 1)
        model_fault(model, "seq %llu was given to two effects (%s)", (unsigned long long)op->seq,
                    op_verb_name[op->verb]);
    model->seqs[op->seq / 8] |= (uint8_t)(1 << (op->seq % 8));
    if (op->seq > model->seq_last)
        model->seq_last = op->seq;
}

/* ---- effects on orders ---------------------------------------------------------------------- */

static struct model_line *lines_of(struct model *model, const struct model_order *order)
{
    return model->lines + order->first_line;
}

/* A line changes from *line to *after; stock follows. bad: how many of the returned units cannot be
 * sold. */
static void line_becomes(struct model *model, struct model_line *line,
                         const struct model_line *after, uint32_t bad)
{
    struct world_part part[WORLD_PARTS];
    unsigned parts = world_parts(line->item, part);
    for (unsigned i = 0; i < parts; i++) {
        struct model_stock *stock = &model->stock[part[i].sku];
        int64_t units = part[i].units;
        int64_t shipped = units * ((int64_t)after->shipped - line->shipped);
        int64_t returned = units * ((int64_t)after->returned - line->returned);
        stock->held += units * ((int64_t)after->held - line->held);
        stock->shipped += shipped;
        stock->returned += returned;
        stock->on_hand += returned - units * bad - shipped;
        stock->unsellable += units * bad;
    }
    *line = *after;
}

static uint32_t open_units(const struct model_line *line)
{
    return line->held + line->missing;
}

static void ship_line(struct model_line *line, uint32_t units)
{
    line->held -= units;
    line->shipped += units;
}

/* What nobody covers is cancelled first. */
static void give_back(struct model_line *line, uint32_t units)
{
    uint32_t missing = units < line->missing ? units : line->missing;
    line->missing -= missing;
    line->held -= units - missing;
}

/* One line after `units` of it were dealt with. *bad: of those, not to be sold again. */
static struct model_line line_after(const struct op *op, const struct model_line *line,
                                    uint32_t units)
{
    struct model_line after = *line;
    switch (op->verb) {
    case OP_SHIP:
        ship_line(&after, units);
        break;
    case OP_CANCEL:
        give_back(&after, units);
        after.cancelled += units;
        break;
    case OP_RETURN:
        after.returned += units;
        break;
    case OP_AMEND: /* units: the new quantity, less what was cancelled */
        if (units >= line->quantity - line->cancelled)
            after.held += units - (line->quantity - line->cancelled);
        else
            give_back(&after, line->quantity - line->cancelled - units);
        after.quantity = units + line->cancelled;
        break;
    default:
        break;
    }
    return after;
}

static uint32_t all_of(const struct op *op, const struct model_line *line)
{
    switch (op->verb) {
    case OP_SHIP:
        return line->held;
    case OP_CANCEL:
        return open_units(line);
    case OP_RETURN:
        return line->shipped - line->returned;
    default:
        return 0;
    }
}

static int moves_units(const struct op *op)
{
    return op->verb == OP_SHIP || op->verb == OP_CANCEL || op->verb == OP_RETURN ||
           op->verb == OP_AMEND;
}

/* The state that an order has after an operation, from its lines. */
static unsigned state_of(const struct model_order *order, const struct model_line *line,
                         unsigned otherwise)
{
    uint64_t open = 0, shipped = 0, returned = 0;
    for (unsigned i = 0; i < order->lines; i++) {
        open += open_units(&line[i]);
        shipped += line[i].shipped;
        returned += line[i].returned;
    }
    if (open == 0 && shipped)
        return returned == shipped ? ORDER_RETURNED : ORDER_SHIPPED;
    if (open == 0 && otherwise != ORDER_EXPIRED)
        return ORDER_CANCELLED;
    return otherwise;
}

static unsigned state_asked(const struct model_order *order, const struct op *op)
{
    switch (op->verb) {
    case OP_PAY:
        return order->state == ORDER_PLACED ? ORDER_PAID : order->state;
    case OP_REVIEW:
        return ORDER_REVIEW;
    case OP_RELEASE:
        return order->flags & ORDER_WAS_PAID ? ORDER_PAID : ORDER_PLACED;
    default:
        return order->state;
    }
}

static void place_lines(const struct model_order *order, struct model_line *line,
                        const struct op *op)
{
    for (unsigned i = 0; i < order->lines; i++) {
        line[i].held = order->flags & ORDER_UNKNOWN ? 0 : line[i].quantity;
        line[i].missing = order->flags & ORDER_UNKNOWN ? line[i].quantity : 0;
        if (op->verb == OP_SELL)
            ship_line(&line[i], line[i].held);
    }
}

/* What an operation makes of an order. bad[i]: units returned by it that cannot be sold again. */
static void effect(struct model_order *order, struct model_line *line, const struct op *op,
                   uint32_t bad[ORDER_LINES])
{
    unsigned asked = state_asked(order, op);
    memset(bad, 0, ORDER_LINES * sizeof(bad[0]));
    if (op->verb == OP_PLACE || op->verb == OP_SELL) {
        place_lines(order, line, op);
        order->state = op->verb == OP_SELL ? ORDER_SHIPPED : ORDER_PLACED;
        order->flags |= op->verb == OP_SELL ? ORDER_TILL | ORDER_WAS_PAID : 0;
        return;
    }
    for (unsigned i = 0; i < order->lines && !op->parts && moves_units(op); i++)
        line[i] = line_after(op, &line[i], all_of(op, &line[i]));
    for (unsigned i = 0; i < op->parts; i++) {
        const struct op_part *part = &op->part[i];
        line[part->line] = line_after(op, &line[part->line], part->quantity);
        bad[part->line] += part->flags & PART_UNSOLD ? part->quantity : 0;
    }
    order->state = (uint8_t)state_of(order, line, asked);
    order->flags |= op->verb == OP_PAY ? ORDER_WAS_PAID : 0;
}

/* What the end of its time makes of it. */
static void effect_of_time(struct model_order *order, struct model_line *line)
{
    for (unsigned i = 0; i < order->lines; i++) {
        line[i].cancelled += open_units(&line[i]);
        line[i].held = line[i].missing = 0;
    }
    order->state = (uint8_t)state_of(order, line, ORDER_EXPIRED);
}

static void apply_order(struct model *model, const struct kept *kept)
{
    const struct op *op = &kept->op;
    struct model_order *order = &model->orders[op->order];
    struct model_line *line = lines_of(model, order), after[ORDER_LINES];
    uint32_t bad[ORDER_LINES];
    memcpy(after, line, order->lines * sizeof(*line));
    effect(order, after, op, bad);
    for (unsigned i = 0; i < order->lines; i++)
        line_becomes(model, &line[i], &after[i], bad[i]);
    if (op->verb == OP_PAY || op->verb == OP_REVIEW)
        order->expires_ms = 0;
    if (op->verb == OP_EXTEND || op->verb == OP_RELEASE || op->verb == OP_PLACE)
        order->expires_ms = kept->expires_ms;
    order->touched = model->cycle;
    if (order->state != kept->state)
        model_fault(model, "order o%08x: %s answered state %s, must be %s", op->order,
                    op_verb_name[op->verb], order_state_name[kept->state],
                    order_state_name[order->state]);
}

static void expire(struct model *model, uint32_t number, const char *by)
{
    struct model_order *order = &model->orders[number];
    struct model_line *line = lines_of(model, order), after[ORDER_LINES];
    if (!order->expires_ms || order->state != ORDER_PLACED) {
        model_fault(model, "order o%08x: expired (%s), but it is firm and %s", number, by,
                    order_state_name[order->state]);
        return;
    }
    if (clock_wall_ms() < order->expires_ms - EARLY_MS)
        model_fault(model, "order o%08x: expired %lld ms early", number,
                    (long long)(order->expires_ms - clock_wall_ms()));
    memcpy(after, line, order->lines * sizeof(*line));
    effect_of_time(order, after);
    for (unsigned i = 0; i < order->lines; i++)
        line_becomes(model, &line[i], &after[i], 0);
    order->touched = model->cycle;
    model->expired++;
}

/* All operations on the order have an outcome: their effects, in the order of their sequences. */
static void apply_kept(struct model *model, uint32_t order)
{
    model->orders[order].flags &= (uint8_t)~ORDER_KEPT;
    for (;;) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < model->kept_count; i++)
            if (model->kept[i].op.order == order &&
                (best == UINT32_MAX || model->kept[i].op.seq < model->kept[best].op.seq))
                best = i;
        if (best == UINT32_MAX)
            return;
        struct kept kept = model->kept[best];
        model->kept[best] = model->kept[--model->kept_count];
        if (kept.state == ORDER_EXPIRED && model->orders[order].state != ORDER_EXPIRED)
            expire(model, order, op_verb_name[kept.op.verb]); /* cancelled when it was over */
        apply_order(model, &kept);
    }
}

static unsigned state_named(const msgpack_object *body)
{
    for (unsigned i = 1; i < ORDER_STATES; i++)
        if (wire_is_text(body, "state", order_state_name[i]))
            return i;
    return ORDER_NONE;
}

/* Refusals that nothing explains are faults: an order that was acknowledged is not found. */
static void refused(struct model *model, const struct op *op, const char *code,
                    const msgpack_object *body)
{
    struct model_order *order = op->order == NO_ORDER ? NULL : &model->orders[op->order];
    if (!strcmp(code, "CONFLICT"))
        model_fault(model, "%s of p%08x: CONFLICT, but its body was never another",
                    op_verb_name[op->verb], op->number);
    if (!order || op->verb == OP_PLACE || op->verb == OP_SELL)
        return;
    if (!strcmp(code, "NOT_FOUND") && order->state != ORDER_NONE)
        model_fault(model, "order o%08x: was acknowledged, %s does not find it", op->order,
                    op_verb_name[op->verb]);
    if (!strcmp(code, "STATE") && state_named(body) == ORDER_EXPIRED &&
        order->state != ORDER_EXPIRED)
        expire(model, op->order, op_verb_name[op->verb]);
}

/* ---- effects on stock ----------------------------------------------------------------------- */

static void apply_adjust(struct model_stock *stock, unsigned kind, int64_t quantity)
{
    switch (kind) {
    case ADJUST_FOUND:
        stock->found += quantity;
        stock->on_hand += quantity;
        break;
    case ADJUST_LOST:
        stock->written_off += quantity;
        stock->on_hand -= quantity;
        break;
    case ADJUST_DAMAGED:
        stock->on_hand -= quantity;
        stock->unsellable += quantity;
        break;
    case ADJUST_REPAIRED:
        stock->on_hand += quantity;
        stock->unsellable -= quantity;
        break;
    default:
        stock->written_off += quantity;
        stock->unsellable -= quantity;
    }
}

static void apply_transfer(struct model_stock *stock, unsigned kind, int64_t quantity)
{
    if (kind == TRANSFER_SEND) {
        stock->on_hand -= quantity;
        stock->transit += quantity;
    } else if (kind == TRANSFER_RECEIVE) {
        stock->on_hand += quantity;
        stock->transit -= quantity;
    } else if (kind == TRANSFER_LOSE) {
        stock->written_off += quantity;
        stock->transit -= quantity;
    }
}

static void apply_stock(struct model *model, const struct op *op, const msgpack_object *body)
{
    struct model_stock *stock = &model->stock[op->sku];
    int64_t difference;
    switch (op->verb) {
    case OP_RECEIVE:
        stock->received += op->quantity;
        *(op->unsellable ? &stock->unsellable : &stock->on_hand) += op->quantity;
        break;
    case OP_ADJUST:
        apply_adjust(stock, op->kind, op->quantity);
        break;
    case OP_COUNT:
        difference = wire_get_int(body, "difference", INT64_MIN);
        if (difference == INT64_MIN)
            model_fault(model, "stock.count names no difference");
        else
            apply_adjust(stock, difference < 0 ? ADJUST_LOST : ADJUST_FOUND,
                         difference < 0 ? -difference : difference);
        break;
    default:
        apply_transfer(stock, op->kind, op->quantity);
    }
}

/* ---- answers -------------------------------------------------------------------------------- */

int model_is_remembered(const char *code)
{
    static const char *const codes[] = {"SHORT",    "STATE",     "STALE",   "TOO_OLD",
                                        "MISMATCH", "CANCELLED", "BREAKER", "EXISTS"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (!strcmp(code, codes[i]))
            return 1;
    return 0;
}

static void keep(struct model *model, const struct op *op, const msgpack_object *body)
{
    model->kept = grown(model->kept, model->kept_count, &model->kept_room, sizeof(*model->kept));
    model->kept[model->kept_count++] =
        (struct kept){*op, wire_get_int(body, "expires_at", 0), (uint8_t)state_named(body)};
    model->orders[op->order].flags |= ORDER_KEPT;
}

static void answered_order(struct model *model, struct op *op, int ok, const char *code,
                           const msgpack_object *body)
{
    struct model_order *order = &model->orders[op->order];
    order->under_way--;
    if (ok) {
        if (op->verb == OP_PLACE && (order->flags & ORDER_FACT)) {
            order->shortfall = (uint32_t)wire_get_int(body, "shortfall", 0);
            if (order->shortfall)
                order->flags |= ORDER_UNKNOWN;
        }
        keep(model, op, body);
    }
    if (!order->under_way)
        apply_kept(model, op->order);
    if (!ok)
        refused(model, op, code, body);
}

void model_answer(struct model *model, struct op *op, int ok, const char *code,
                  const msgpack_object *body)
{
    op->outcome = ok ? OP_DONE : model_is_remembered(code) ? OP_REFUSED : OP_NOTHING;
    if (ok) {
        op->seq = (uint64_t)wire_get_int(body, "seq", 0);
        note_seq(model, op);
    }
    if (op->order != NO_ORDER)
        answered_order(model, op, ok, code, body);
    else if (ok)
        apply_stock(model, op, body);
}

/* ---- looking -------------------------------------------------------------------------------- */

static int line_is(const struct model_line *line, const msgpack_object *seen)
{
    return wire_get_int(seen, "quantity", -1) == line->quantity &&
           wire_get_int(seen, "held", -1) == line->held &&
           wire_get_int(seen, "shipped", -1) == line->shipped &&
           wire_get_int(seen, "cancelled", -1) == line->cancelled &&
           wire_get_int(seen, "returned", -1) == line->returned &&
           wire_get_int(seen, "shortfall", -1) == line->missing;
}

/* The holds that an order lists are those that its lines need, SKU by SKU of each line. */
static int holds_are(const struct model_order *order, const struct model_line *line,
                     const msgpack_object *body)
{
    const msgpack_object *holds = wire_get(body, "holds");
    int64_t held[ORDER_LINES] = {0}, need[ORDER_LINES] = {0};
    if (!holds || holds->type != MSGPACK_OBJECT_ARRAY)
        return 0;
    for (uint32_t i = 0; i < holds->via.array.size; i++) {
        const msgpack_object *hold = &holds->via.array.ptr[i];
        int64_t at = wire_get_int(hold, "line", 0) - 1;
        if (at < 0 || at >= order->lines)
            return 0;
        held[at] += wire_get_int(hold, "quantity", -1);
    }
    for (unsigned i = 0; i < order->lines; i++) {
        struct world_part part[WORLD_PARTS];
        unsigned parts = world_parts(line[i].item, part);
        for (unsigned p = 0; p < parts; p++)
            need[i] += (int64_t)part[p].units * line[i].held;
        if (need[i] != held[i])
            return 0;
    }
    return 1;
}

static int order_is(const struct model_order *order, const struct model_line *line,
                    const msgpack_object *body)
{
    const msgpack_object *lines = wire_get(body, "lines");
    if (!lines || lines->type != MSGPACK_OBJECT_ARRAY || lines->via.array.size != order->lines ||
        state_named(body) != order->state)
        return 0;
    for (unsigned i = 0; i < order->lines; i++)
        if (!line_is(&line[i], &lines->via.array.ptr[i]))
            return 0;
    return holds_are(order, line, body);
}

/* The lines of a fact, seen for the first time: what is short must be what was answered. */
static int learn(struct model *model, uint32_t number, const msgpack_object *body)
{
    struct model_order *order = &model->orders[number];
    struct model_line *line = lines_of(model, order);
    const msgpack_object *lines = wire_get(body, "lines");
    uint64_t missing = 0;
    if (!lines || lines->type != MSGPACK_OBJECT_ARRAY || lines->via.array.size != order->lines)
        return 0;
    for (unsigned i = 0; i < order->lines; i++) {
        int64_t units = wire_get_int(&lines->via.array.ptr[i], "shortfall", -1);
        struct model_line after = line[i];
        if (units < 0 || units > after.quantity)
            return 0;
        after.missing = (uint32_t)units;
        after.held = after.quantity - after.missing;
        missing += after.missing;
        line_becomes(model, &line[i], &after, 0);
    }
    order->flags &= (uint8_t)~ORDER_UNKNOWN;
    return missing == order->shortfall && order_is(order, line, body);
}

static void tell_order(const struct model *model, uint32_t number, const msgpack_object *body)
{
    const struct model_order *order = &model->orders[number];
    printf("    must be: %s", order_state_name[order->state]);
    for (unsigned i = 0; i < order->lines && i < 6; i++) {
        const struct model_line *line = &model->lines[order->first_line + i];
        printf(" [%u: %u held %u shipped %u cancelled %u returned %u short %u]", i + 1,
               line->quantity, line->held, line->shipped, line->cancelled, line->returned,
               line->missing);
    }
    printf("\n    is: ");
    msgpack_object_print(stdout, *body);
    printf("\n");
}

/* Does the order look as after op (NULL: as it is known)? 2: and then its time was over. */
static int looks_after(const struct model *model, const struct model_order *known,
                       const struct op *op, const msgpack_object *body)
{
    struct model_order order = *known;
    struct model_line line[ORDER_LINES];
    uint32_t bad[ORDER_LINES];
    memcpy(line, model->lines + known->first_line, known->lines * sizeof(*line));
    if (op)
        effect(&order, line, op, bad);
    if (order_is(&order, line, body))
        return op || order.state != ORDER_PLACED ||
               wire_get_int(body, "expires_at", -1) == order.expires_ms;
    if (order.state != ORDER_PLACED || (!op && !order.expires_ms))
        return 0;
    effect_of_time(&order, line);
    return order_is(&order, line, body) ? 2 : 0;
}

/* The placing of a fact has no answer yet: whatever it covers is right if it adds up. */
static int looks_like_fact(const struct model_order *order, const msgpack_object *body)
{
    const msgpack_object *lines = wire_get(body, "lines");
    if (!lines || lines->type != MSGPACK_OBJECT_ARRAY || lines->via.array.size != order->lines ||
        state_named(body) != ORDER_PLACED)
        return 0;
    for (unsigned i = 0; i < order->lines; i++) {
        const msgpack_object *line = &lines->via.array.ptr[i];
        if (wire_get_int(line, "held", -1) + wire_get_int(line, "shortfall", -1) !=
            wire_get_int(line, "quantity", -2))
            return 0;
    }
    return 1;
}

int model_look(struct model *model, uint32_t number, const struct op *op, int ok, const char *code,
               const msgpack_object *body, int *happened)
{
    struct model_order *order = &model->orders[number];
    int there = order->state != ORDER_NONE, looks;
    *happened = 0;
    if (!ok) {
        if (!there && !strcmp(code, "NOT_FOUND"))
            return 1;
        model_fault(model, "order o%08x: acknowledged, but order.get says %s", number, code);
        return 0;
    }
    if (there && (order->flags & ORDER_UNKNOWN))
        looks = learn(model, number, body);
    else
        looks = there ? looks_after(model, order, NULL, body) : 0;
    if (looks == 2 && op)
        return 1; /* with or without op before the end of its time: its answer will tell */
    if (looks == 2)
        expire(model, number, "order.get");
    if (!looks && op) {
        looks = looks_after(model, order, op, body);
        if (!looks && op->verb == OP_PLACE && (order->flags & ORDER_FACT))
            looks = looks_like_fact(order, body);
        *happened = looks != 0;
    }
    if (!looks) {
        model_fault(model, "order o%08x is not as it was acknowledged%s%s", number,
                    op ? ", nor as after " : "", op ? op_verb_name[op->verb] : "");
        if (model->faults <= 20 && !model->quiet)
            tell_order(model, number, body);
    }
    return looks != 0;
}

static int differs(struct model *model, unsigned sku, const char *what, int64_t is, int64_t must)
{
    if (is == must)
        return 0;
    model_fault(model, "s%04u: %s is %lld, must be %lld", sku, what, (long long)is,
                (long long)must);
    return 1;
}

void model_see(const msgpack_object *body, struct model_seen *seen)
{
    const msgpack_object *cells = wire_get(body, "cells");
    struct model_stock *stock = &seen->stock;
    memset(seen, 0, sizeof(*seen));
    seen->exposed = INT64_MIN;
    seen->ok = cells && cells->type == MSGPACK_OBJECT_ARRAY;
    for (uint32_t i = 0; seen->ok && i < cells->via.array.size; i++) {
        const msgpack_object *cell = &cells->via.array.ptr[i];
        int64_t on_hand = wire_get_int(cell, "on_hand", -1), held = wire_get_int(cell, "held", -1);
        stock->on_hand += on_hand;
        stock->held += held;
        stock->unsellable += wire_get_int(cell, "unsellable", -1);
        if (held - on_hand > seen->exposed)
            seen->exposed = held - on_hand;
    }
    seen->ledger = wire_get(body, "received") != NULL;
    stock->received = wire_get_int(body, "received", -1);
    stock->found = wire_get_int(body, "found", -1);
    stock->returned = wire_get_int(body, "returned", -1);
    stock->shipped = wire_get_int(body, "shipped", -1);
    stock->written_off = wire_get_int(body, "written_off", -1);
    stock->transit = wire_get_int(body, "in_transit", -1);
}

/* Shipped although the book had less, after a count or a loss: what left was found. Only the engine
 * knows which cell it was; both sides grow alike. */
static void adopt_found(struct model_stock *stock, const struct model_stock *seen)
{
    int64_t more = seen->found - stock->found;
    if (more > 0 && seen->on_hand - stock->on_hand == more) {
        stock->found += more;
        stock->on_hand += more;
    }
}

static int is_conserved(struct model *model, unsigned sku, const struct model_seen *seen)
{
    const struct model_stock *stock = &seen->stock;
    if (seen->exposed > 0 && !world_is_counted(sku)) {
        model_fault(model, "s%04u: oversold: %lld more are held than there are", sku,
                    (long long)seen->exposed);
        return 0;
    }
    return !seen->ledger || !differs(model, sku, "received + returned + found",
                                     stock->received + stock->returned + stock->found,
                                     stock->on_hand + stock->unsellable + stock->transit +
                                         stock->shipped + stock->written_off);
}

void model_compare(struct model *model, unsigned sku, const struct model_seen *seen,
                   int64_t held_before)
{
    struct model_stock *stock = &model->stock[sku];
    const struct model_stock *is = &seen->stock;
    if (!seen->ok) {
        model_fault(model, "s%04u: no answer with cells", sku);
        return;
    }
    if (seen->ledger && world_is_counted(sku))
        adopt_found(stock, is);
    is_conserved(model, sku, seen);
    differs(model, sku, "on_hand", is->on_hand, stock->on_hand);
    differs(model, sku, "unsellable", is->unsellable, stock->unsellable);
    if (is->held < stock->held || is->held > held_before)
        model_fault(model, "s%04u: held is %lld, must be %lld to %lld", sku, (long long)is->held,
                    (long long)stock->held, (long long)held_before);
    if (!seen->ledger)
        return;
    differs(model, sku, "received", is->received, stock->received);
    differs(model, sku, "found", is->found, stock->found);
    differs(model, sku, "returned", is->returned, stock->returned);
    differs(model, sku, "shipped", is->shipped, stock->shipped);
    differs(model, sku, "written_off", is->written_off, stock->written_off);
    differs(model, sku, "in_transit", is->transit, stock->transit);
}

int model_look_conserved(struct model *model, unsigned sku, const msgpack_object *body)
{
    struct model_seen seen;
    model_see(body, &seen);
    return is_conserved(model, sku, &seen);
}
