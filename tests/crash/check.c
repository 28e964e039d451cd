/* The checker. It speaks to the daemon over one connection, many requests under way. Nothing
 * expires while it looks (the time of grace after a recovery), or if something does, it looks
 * again. */
#include "tests/crash/check.h"
#include "core/store/walk.h"
#include "tests/crash/feed_make.h"
#include "tests/crash/place.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WINDOW  256
#define TOUCHED 8000  /* orders of this cycle that are looked at: the last ones */
#define OTHERS  1000  /* orders that were not touched */
#define WHOLE   60000 /* orders of the last look */
#define RECENT  3000  /* acknowledged last, repeated */
#define SOME    1000  /* others of this cycle, and elders */
#define SOURCES 8
#define NO_OP   UINT32_MAX

struct checking {
    struct feed *feed;
    struct model *model;
    struct wire wire;
    struct check_counts *counts;
    uint32_t *unknown; /* operations without an answer: indices in feed->ops */
    uint8_t *happened; /* of the same index: 1 its effect was seen, 2 it was not, 0 cannot tell */
    uint32_t unknown_count;
    uint32_t *unknown_of; /* by order: index in `unknown`, or NO_OP */
    uint32_t *list;       /* what this step is about */
    uint32_t list_count;
    int by_cell; /* 1 stock.get, read at the cells; 0 sku.get, from the engine */
    struct model_seen seen[2][WORLD_SKUS];
};

/* ---- 1 looking at orders ---------------------------------------------------------------- */

static const char *make_order_get(void *arg, uint32_t i, msgpack_packer *packer)
{
    const struct checking *checking = arg;
    uint32_t order = checking->list[i];
    char id[16], source[8];
    model_order_id(order, id);
    snprintf(source, sizeof(source), "shop%u", order % SOURCES);
    msgpack_pack_map(packer, 2);
    wire_put_text(packer, "source", source);
    wire_put_text(packer, "order", id);
    return "order.get";
}

static void got_order(void *arg, uint32_t i, const struct wire_answer *answer)
{
    struct checking *checking = arg;
    uint32_t order = checking->list[i];
    uint32_t at = checking->unknown_of ? checking->unknown_of[order] : NO_OP;
    const struct op *op = at == NO_OP ? NULL : &checking->feed->ops[checking->unknown[at]];
    int happened;
    checking->counts->looked++;
    model_look(checking->model, order, op, answer->ok, answer->code, answer->body, &happened);
    if (op)
        checking->happened[at] = happened ? 1 : 2;
}

static int look_at_list(struct checking *checking)
{
    return wire_many(&checking->wire, checking->list_count, WINDOW, make_order_get, got_order,
                     checking);
}

/* Operations without an answer, and which of them is the only one of its order. */
static void find_unknown(struct checking *checking)
{
    const struct feed *feed = checking->feed;
    size_t orders = checking->model->order_count;
    checking->unknown = malloc((feed->op_count + 1) * sizeof(uint32_t));
    checking->unknown_of = malloc((orders + 1) * sizeof(uint32_t));
    memset(checking->unknown_of, 0xff, (orders + 1) * sizeof(uint32_t));
    for (uint32_t i = 0; i < feed->op_count; i++) {
        if (feed->ops[i].outcome != OP_OPEN)
            continue;
        if (feed->ops[i].order != NO_ORDER)
            checking->unknown_of[feed->ops[i].order] = checking->unknown_count;
        checking->unknown[checking->unknown_count++] = i;
    }
    checking->happened = calloc(checking->unknown_count + 1, 1);
    checking->counts->unknown = checking->unknown_count;
}

static void list_orders(struct checking *checking, int whole)
{
    const struct model *model = checking->model;
    checking->list = realloc(checking->list, (model->order_count + 1) * sizeof(uint32_t));
    uint32_t touched = 0;
    checking->list_count = 0;
    for (uint32_t i = model->order_count; i-- > 0;) {
        const struct model_order *order = &model->orders[i];
        if (order->under_way > 1 || (order->flags & ORDER_KEPT))
            continue; /* twins: looked at when they have an outcome */
        if (order->under_way || (order->flags & ORDER_UNKNOWN) ||
            (order->touched == model->cycle && touched++ < TOUCHED) ||
            random_below(&checking->feed->random, model->order_count) < (whole ? WHOLE : OTHERS))
            checking->list[checking->list_count++] = i;
    }
}

/* ---- 2 operations without an answer ----------------------------------------------------- */

static const char *make_unknown(void *arg, uint32_t i, msgpack_packer *packer)
{
    const struct checking *checking = arg;
    const struct op *op = &checking->feed->ops[checking->unknown[i]];
    packer->callback(packer->data, (const char *)feed_params(checking->feed, op), op->params_size);
    return op_verb_name[op->verb];
}

static void got_unknown(void *arg, uint32_t i, const struct wire_answer *answer)
{
    struct checking *checking = arg;
    struct op *op = &checking->feed->ops[checking->unknown[i]];
    if (op->outcome != OP_OPEN) { /* the second time: the same again */
        if (op->outcome != OP_NOTHING && op->hash != wire_hash(answer->bytes, answer->size))
            model_fault(checking->model, "%s p%08x: unknown, then answered, then otherwise (%s)",
                        op_verb_name[op->verb], op->number, answer->ok ? "OK" : answer->code);
        return;
    }
    checking->counts->happened += checking->happened[i] == 1;
    if (checking->happened[i] == 1 && !answer->ok)
        model_fault(checking->model, "%s p%08x: its effect was there, the repeat says %s",
                    op_verb_name[op->verb], op->number, answer->code);
    feed_first_answer(checking->feed, op, answer);
}

static int settle_unknown(struct checking *checking)
{
    if (wire_many(&checking->wire, checking->unknown_count, WINDOW, make_unknown, got_unknown,
                  checking) ||
        wire_many(&checking->wire, checking->unknown_count, WINDOW, make_unknown, got_unknown,
                  checking))
        return -1;
    checking->list_count = 0;
    for (uint32_t i = 0; i < checking->unknown_count; i++) {
        uint32_t order = checking->feed->ops[checking->unknown[i]].order;
        if (order != NO_ORDER)
            checking->list[checking->list_count++] = order;
    }
    free(checking->unknown_of);
    checking->unknown_of = NULL;
    return look_at_list(checking);
}

/* ---- 3 stock ---------------------------------------------------------------------------- */

static const char *make_stock_get(void *arg, uint32_t i, msgpack_packer *packer)
{
    char id[16];
    world_sku_id(i, id);
    msgpack_pack_map(packer, 1);
    wire_put_text(packer, "sku", id);
    return ((const struct checking *)arg)->by_cell ? "stock.get" : "sku.get";
}

static void got_stock(void *arg, uint32_t i, const struct wire_answer *answer)
{
    struct checking *checking = arg;
    model_see(answer->body, &checking->seen[checking->by_cell][i]);
}

/* Orders whose time may just have been over. */
static int look_at_expiring(struct checking *checking)
{
    const struct model *model = checking->model;
    checking->list = realloc(checking->list, (model->order_count + 1) * sizeof(uint32_t));
    checking->list_count = 0;
    for (uint32_t i = 0; i < model->order_count; i++)
        if (model->orders[i].state == ORDER_PLACED && model->orders[i].expires_ms &&
            model->orders[i].expires_ms < clock_wall_ms() + 100)
            checking->list[checking->list_count++] = i;
    return look_at_list(checking);
}

/* Seen from both sides, the cells and the engine; the cells last, so that what a count found is
 * known by then. */
static int check_stock(struct checking *checking)
{
    int64_t held_before[WORLD_SKUS];
    if (look_at_expiring(checking))
        return -1;
    for (unsigned sku = 0; sku < WORLD_SKUS; sku++)
        held_before[sku] = checking->model->stock[sku].held;
    for (checking->by_cell = 0; checking->by_cell < 2; checking->by_cell++)
        if (wire_many(&checking->wire, WORLD_SKUS, WINDOW, make_stock_get, got_stock, checking))
            return -1;
    if (look_at_expiring(checking))
        return -1;
    for (unsigned by_cell = 0; by_cell < 2; by_cell++)
        for (unsigned sku = 0; sku < WORLD_SKUS; sku++)
            model_compare(checking->model, sku, &checking->seen[by_cell][sku], held_before[sku]);
    return 0;
}

/* ---- 4 repeats -------------------------------------------------------------------------- */

static int stock_up(struct checking *checking)
{
    struct feed *feed = checking->feed;
    for (unsigned sku = 0; sku < WORLD_HOT; sku++) {
        struct wire_answer answer;
        uint32_t index = feed_make_receive(feed, sku, feed->stock_up);
        struct op *op = &feed->ops[index];
        msgpack_sbuffer params = {op->params_size, (char *)(uintptr_t)feed_params(feed, op),
                                  op->params_size};
        if (wire_call(&checking->wire, op_verb_name[op->verb], &params, &answer))
            return -1;
        feed_first_answer(feed, op, &answer);
    }
    return 0;
}

static const char *make_repeat(void *arg, uint32_t i, msgpack_packer *packer)
{
    const struct checking *checking = arg;
    const struct op *op = &checking->feed->ops[checking->list[i]];
    packer->callback(packer->data, (const char *)feed_params(checking->feed, op), op->params_size);
    return op_verb_name[op->verb];
}

static void same_bytes(struct checking *checking, const struct op *op,
                       const struct wire_answer *answer)
{
    checking->counts->repeated++;
    if (op->hash == wire_hash(answer->bytes, answer->size))
        return;
    model_fault(checking->model, "%s p%08x: was answered %s, the repeat after the restart says %s",
                op_verb_name[op->verb], op->number, op->outcome == OP_DONE ? "OK" : "a refusal",
                answer->ok ? "OK" : answer->code);
}

static void got_repeat(void *arg, uint32_t i, const struct wire_answer *answer)
{
    struct checking *checking = arg;
    same_bytes(checking, &checking->feed->ops[checking->list[i]], answer);
}

static void list_repeats(struct checking *checking)
{
    struct feed *feed = checking->feed;
    checking->list = realloc(checking->list, (feed->op_count + 1) * sizeof(uint32_t));
    checking->list_count = 0;
    for (uint32_t i = 0; i < feed->op_count; i++) {
        const struct op *op = &feed->ops[i];
        if (op->outcome != OP_DONE && op->outcome != OP_REFUSED)
            continue;
        if (op->acked + RECENT > feed->acked || random_below(&feed->random, feed->op_count) < SOME)
            checking->list[checking->list_count++] = i;
    }
}

static const char *make_elder(void *arg, uint32_t i, msgpack_packer *packer)
{
    const struct checking *checking = arg;
    const struct feed_elder *elder = &checking->feed->elders[checking->list[i]];
    packer->callback(packer->data, (const char *)elder->params, elder->op.params_size);
    return op_verb_name[elder->op.verb];
}

static void got_elder(void *arg, uint32_t i, const struct wire_answer *answer)
{
    struct checking *checking = arg;
    same_bytes(checking, &checking->feed->elders[checking->list[i]].op, answer);
}

static int repeat_acknowledged(struct checking *checking, int whole)
{
    struct feed *feed = checking->feed;
    list_repeats(checking);
    if (wire_many(&checking->wire, checking->list_count, WINDOW, make_repeat, got_repeat, checking))
        return -1;
    checking->list = realloc(checking->list, (feed->elder_count + 1) * sizeof(uint32_t));
    checking->list_count = 0;
    for (uint32_t i = 0; i < feed->elder_count; i++)
        if (whole || random_below(&feed->random, feed->elder_count) < SOME)
            checking->list[checking->list_count++] = i;
    return wire_many(&checking->wire, checking->list_count, WINDOW, make_elder, got_elder,
                     checking);
}

/* ---- 6 the journal ---------------------------------------------------------------------- */

int check_journal(struct model *model, const struct daemon *daemon)
{
    char folder[PLACE_PATH];
    int status;
    place_join(folder, daemon->data, "journal");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct stk_journal_report report;
        struct stk_error err = {0};
        int bad = stk_journal_verify(folder, &report, &err) != STK_OK;
        if (bad)
            printf("  journal: %s\n", err.text);
        fflush(NULL);
        _exit(bad);
    }
    if (waitpid(child, &status, 0) == child && !status)
        return 0;
    model_fault(model, "the journal does not verify (%d)", status);
    return -1;
}

/* ---- all of it -------------------------------------------------------------------------- */

static int steps(struct checking *checking, const struct daemon *daemon, int whole)
{
    find_unknown(checking);
    list_orders(checking, whole);
    if (look_at_list(checking) || settle_unknown(checking) || check_stock(checking) ||
        stock_up(checking) || repeat_acknowledged(checking, whole) || check_stock(checking))
        return -1;
    check_journal(checking->model, daemon);
    return 0;
}

int check_run(struct feed *feed, const struct daemon *daemon, int whole,
              struct check_counts *counts)
{
    static struct checking checking;
    int64_t began_ms = clock_ms();
    memset(counts, 0, sizeof(*counts));
    memset(&checking, 0, sizeof(checking));
    checking.feed = feed;
    checking.model = &feed->model;
    checking.counts = counts;
    if (wire_open(&checking.wire, daemon->door))
        return -1;
    int result = steps(&checking, daemon, whole);
    wire_close(&checking.wire);
    free(checking.unknown);
    free(checking.unknown_of);
    free(checking.happened);
    free(checking.list);
    counts->took_ms = clock_ms() - began_ms;
    return result;
}
