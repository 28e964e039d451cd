/* The whole flow in one thread: random commands, repeats, disorder, time, and a crash at any flush.
 *
 * The journal is in memory and made durable when the dice say so; a crash loses what is not
 * durable, and a new engine is loaded from the rest. The model is told what was acknowledged, when
 * it was; commands whose answer was lost are sent again with the same key until they are answered.
 * Every answer must be what the model says, every repeat must be the same to the byte, and at each
 * look the books must agree.
 *
 * SIM_SEEDS seeds of SIM_STEPS commands each, from SIM_FIRST on; a failure prints its seed:
 * SIM_FIRST=seed SIM_SEEDS=1 build/tests/sim runs it again. */
#include "core/state/earmark.h"
#include "tests/lib/engine_fixture.h"
#include "tests/sim/model.h"
#include <stdio.h>
#include <stdlib.h>

#define REPEATS 64
#define WAITING 64

struct repeat { /* an acknowledged command, to be sent again some time */
    const char *verb;
    char json[512];
    enum stk_status status;
    uint8_t doc[1024];
    uint32_t size;
};

struct sim {
    struct fixture f;
    struct model m;
    uint64_t seed, dice;
    int orders; /* ids given so far */
    uint64_t next_key;
    struct repeat repeat[REPEATS];
    unsigned repeats;
    int waiting[WAITING]; /* orders that were cancelled and have not come */
    unsigned waiting_count;
    uint64_t commands, crashes, repeated, refused, early;
};

static uint64_t roll(struct sim *s, uint64_t sides)
{
    s->dice ^= s->dice << 13, s->dice ^= s->dice >> 7, s->dice ^= s->dice << 17;
    return s->dice % sides;
}

_Noreturn static void broken(struct sim *s, const char *what, const char *json)
{
    fprintf(stderr, "sim: seed %llu, command %llu: %s\n  %s\n", (unsigned long long)s->seed,
            (unsigned long long)s->commands, what, json);
    abort();
}

/* ---- the engine's side ---- */

static void crash(struct sim *s)
{
    struct stk_error err = {0};
    stk_engine_destroy(s->f.engine);
    memory_log_crash(&s->f.log);
    if (stk_engine_create(&s->f.engine, &s->f.options, &err) != STK_OK ||
        !(s->f.inbox = stk_engine_inbox_open(s->f.engine, NULL, NULL, &err)) ||
        stk_engine_load(s->f.engine, NULL, &err) != STK_OK)
        broken(s, err.text, "after a crash");
    s->crashes++;
}

/* Send until answered. The answer must wait for its flush; the power may go at any instant before.
 */
static enum stk_status ask(struct sim *s, const char *verb, const char *json)
{
    for (;;) {
        uint64_t ticket = fixture_send(&s->f, verb, json);
        stk_engine_turn(s->f.engine);
        for (int tries = 0; tries < 8; tries++) {
            if (roll(s, 400) == 0)
                break; /* the power goes */
            memory_log_flush(&s->f.log, (unsigned)roll(s, 3));
            stk_engine_turn(s->f.engine);
            uint64_t got = fixture_receive(&s->f);
            if (got == ticket)
                return s->f.status;
            if (got)
                broken(s, "an answer to something else", json);
        }
        crash(s);
    }
}

static void remember(struct sim *s, const char *verb, const char *json)
{
    struct repeat *r = &s->repeat[s->repeats++ % REPEATS];
    int kept = s->f.status == STK_OK || s->f.status == STK_SHORT || s->f.status == STK_STATE;
    if (s->f.doc_size > sizeof r->doc || !kept) {
        r->verb = NULL;
        return;
    }
    r->verb = verb;
    snprintf(r->json, sizeof r->json, "%s", json);
    r->status = s->f.status;
    r->size = s->f.doc_size;
    memcpy(r->doc, s->f.doc, r->size);
}

static void repeat_one(struct sim *s)
{
    unsigned have = s->repeats < REPEATS ? s->repeats : REPEATS;
    if (!have)
        return;
    const struct repeat *r = &s->repeat[roll(s, have)];
    if (!r->verb)
        return;
    if (ask(s, r->verb, r->json) != r->status || s->f.doc_size != r->size ||
        memcmp(s->f.doc, r->doc, r->size) != 0)
        broken(s, "a repeat was answered otherwise", r->json);
    s->repeated++;
}

/* ---- commands ---- */

static void expect(struct sim *s, int ok, enum stk_status status, const char *json)
{
    if (ok != (status == STK_OK))
        broken(s,
               ok ? "the engine refused what the model allows"
                  : "the engine allowed what the model refuses",
               json);
    s->refused += !ok;
}

static int make_lines(struct sim *s, struct model_line *line, char *json, size_t room)
{
    int lines = 1 + (int)roll(s, MODEL_LINES);
    size_t at = (size_t)snprintf(json, room, "[");
    for (int i = 0; i < lines; i++) {
        memset(&line[i], 0, sizeof line[i]);
        line[i].sku = (int)roll(s, roll(s, 4) ? MODEL_SKUS : 2);
        if (line[i].sku < 2 && roll(s, 2)) /* those with earmarks now and then */
            line[i].sku += MODEL_MARKED;
        line[i].kit = roll(s, 4) == 0;
        line[i].quantity = 1 + (int64_t)roll(s, roll(s, 10) ? 3 : 30);
        at += (size_t)snprintf(json + at, room - at, "%s{'%s':'%s%d','quantity':%d}", i ? "," : "",
                               line[i].kit ? "listing" : "sku", line[i].kit ? "K" : "S",
                               line[i].sku, (int)line[i].quantity);
    }
    snprintf(json + at, room - at, "]");
    return lines;
}

/* An order that was cancelled before it came, and has not come yet. */
static int take_waiting(struct sim *s)
{
    unsigned at = (unsigned)roll(s, s->waiting_count);
    int id = s->waiting[at];
    s->waiting[at] = s->waiting[--s->waiting_count];
    return id;
}

static void cancel_early(struct sim *s)
{
    char json[512];
    int id;
    if (s->orders == MODEL_ORDERS || s->waiting_count == WAITING)
        return;
    if (s->waiting_count && roll(s, 6) == 0) /* cancelled once more: a window of its own */
        id = s->waiting[roll(s, s->waiting_count)];
    else
        s->waiting[s->waiting_count++] = id = s->orders++;
    snprintf(json, sizeof json, "{'source':'w','id':'k%llu','order':'o%d'}",
             (unsigned long long)s->next_key++, id);
    expect(s, 1, ask(s, "order.cancel", json), json);
    if (!fixture_is(&s->f, "state", "cancelled"))
        broken(s, "the order's state is another one", json);
    model_cancel_early(&s->m, id);
    remember(s, "order.cancel", json);
}

static void place(struct sim *s)
{
    struct model_line line[MODEL_LINES];
    int64_t covered[MODEL_LINES];
    char lines_json[256], json[512], ttl[32] = "";
    int fact = roll(s, 5) == 0, vip = roll(s, 3) == 0,
        lines = make_lines(s, line, lines_json, sizeof lines_json);
    int64_t ttl_ms = roll(s, 2) ? 1 + (int64_t)roll(s, 20000) : 0;
    if (s->orders == MODEL_ORDERS)
        return;
    int id = s->waiting_count && roll(s, 3) == 0 ? take_waiting(s) : s->orders++;
    if (ttl_ms)
        snprintf(ttl, sizeof ttl, "'ttl_ms':%d,", (int)ttl_ms);
    snprintf(json, sizeof json,
             "{'source':'w','id':'o%d','channel':'shop',%s%s'fact':%s,'split':true,'lines':%s}", id,
             ttl, vip ? "'for':'vip'," : "", fact ? "true" : "false", lines_json);
    int all = model_covers(&s->m, line, lines, vip, covered);
    int early = s->m.early_ms[id] != 0;
    enum stk_status status = ask(s, "order.place", json);
    expect(s, !early && (all || fact), status, json);
    if (early && status != STK_CANCELLED) {
        broken(s, "an order came that was cancelled before", json);
    } else if (early) {
        s->early++;
    } else if (status == STK_OK) {
        int64_t expires_ms = ttl_ms ? fixture_int(&s->f, "expires_at") : 0;
        model_place(&s->m, id, line, lines, fact, vip, expires_ms);
    } else if (status != STK_SHORT) {
        broken(s, "refused otherwise than SHORT", json);
    }
    remember(s, "order.place", json);
}

static int some_order(struct sim *s)
{
    int from = s->orders > 40 && roll(s, 4) ? s->orders - 40 : 0;
    return from + (int)roll(s, (uint64_t)(s->orders - from));
}

static void life(struct sim *s)
{
    static const char *const verbs[] = {"order.pay",    "order.ship",   "order.cancel",
                                        "order.return", "order.review", "order.release",
                                        "order.extend"};
    char json[512], parts[96] = "";
    if (!s->orders)
        return;
    int id = some_order(s), which = (int)roll(s, 7), bad = (int)roll(s, 2);
    int line = which >= 1 && which <= 3 && roll(s, 2) ? 1 + (int)roll(s, MODEL_LINES) : 0;
    int64_t units = 1 + (int64_t)roll(s, 3), ttl_ms = 1 + (int64_t)roll(s, 10000);
    if (!s->m.order[id].state)
        return; /* it was refused: a cancellation would be an early one */
    if (line)
        snprintf(parts, sizeof parts, ",'lines':[{'line':%d,'quantity':%d%s}]", line, (int)units,
                 which == 3 ? bad ? ",'unsellable':true" : "" : "");
    else if (which == 6)
        snprintf(parts, sizeof parts, ",'ttl_ms':%d", (int)ttl_ms);
    snprintf(json, sizeof json, "{'source':'w','id':'k%llu','order':'o%d'%s}",
             (unsigned long long)s->next_key++, id, parts);
    enum stk_status status = ask(s, verbs[which], json);
    int ok = which == 0   ? model_pay(&s->m, id)
             : which == 1 ? model_ship(&s->m, id, line, units)
             : which == 2 ? model_cancel(&s->m, id, line, units)
             : which == 3 ? model_return(&s->m, id, line, units, line && bad)
             : which == 4 ? model_review(&s->m, id)
             : which == 5 ? model_release(&s->m, id)
                          : model_extend(&s->m, id, ttl_ms);
    expect(s, ok, status, json);
    if (ok && !fixture_is(&s->f, "state", model_state_name(s->m.order[id].state)))
        broken(s, "the order's state is another one", json);
    if (ok && (which == 5 || which == 6) && s->m.order[id].expires_ms)
        s->m.order[id].expires_ms = fixture_int(&s->f, "expires_at");
    remember(s, verbs[which], json);
}

static int some_location(struct sim *s, int sku)
{
    return sku >= MODEL_MARKED ? 0 : (int)roll(s, MODEL_LOCATIONS);
}

static void receive(struct sim *s)
{
    char json[512];
    int sku = (int)roll(s, MODEL_SKUS), quantity = 1 + (int)roll(s, 20);
    snprintf(json, sizeof json,
             "{'source':'w','id':'k%llu','sku':'S%d','location':'L%d','quantity':%d}",
             (unsigned long long)s->next_key++, sku, some_location(s, sku), quantity);
    expect(s, 1, ask(s, "stock.receive", json), json);
    s->m.on_hand[sku] += quantity;
    s->m.received[sku] += quantity;
    remember(s, "stock.receive", json);
}

/* Free units of a SKU at a location, as the engine says: the model knows no locations, and a loss
 * of held units would expose one location while another still sells. */
static int64_t free_at(struct sim *s, int sku, int location)
{
    char json[64], path[32], name[16];
    snprintf(json, sizeof json, "{'sku':'S%d'}", sku);
    snprintf(name, sizeof name, "L%d", location);
    ask(s, "sku.get", json);
    for (int i = 0; i < MODEL_LOCATIONS; i++) {
        snprintf(path, sizeof path, "cells.%d.location", i);
        if (!fixture_is(&s->f, path, name))
            continue;
        snprintf(path, sizeof path, "cells.%d.available", i);
        int64_t available = fixture_int(&s->f, path);
        snprintf(path, sizeof path, "cells.%d.earmarked", i);
        return available - fixture_int(&s->f, path);
    }
    return 0;
}

static void adjust(struct sim *s)
{
    char json[512];
    int sku = (int)roll(s, MODEL_SKUS), quantity = 1 + (int)roll(s, 3), lost = (int)roll(s, 2);
    int location = some_location(s, sku);
    if (lost && free_at(s, sku, location) < quantity)
        return;
    snprintf(json, sizeof json,
             "{'source':'w','id':'k%llu','sku':'S%d','location':'L%d','kind':'%s','quantity':%d}",
             (unsigned long long)s->next_key++, sku, location, lost ? "lost" : "found", quantity);
    enum stk_status status = ask(s, "stock.adjust", json);
    if (status != STK_OK && !(lost && status == STK_STATE))
        broken(s, "an adjustment was refused", json);
    if (status == STK_OK) {
        s->m.on_hand[sku] += lost ? -quantity : quantity;
        *(lost ? &s->m.written_off[sku] : &s->m.found[sku]) += quantity;
    }
    remember(s, "stock.adjust", json);
}

static const char *const use_names[] = {"vip", "shop", "other"};

static int mark_name(const struct sim *s, int sku, int use, char *name, size_t room)
{
    return snprintf(name, room, "E%d-%s-%d", sku, use_names[use], s->m.mark[sku][use].number);
}

static void earmark(struct sim *s)
{
    char json[512], name[32], until[48] = "";
    int sku = MODEL_MARKED + (int)roll(s, MODEL_SKUS - MODEL_MARKED);
    enum model_use use = (enum model_use)roll(s, MODEL_USES);
    int64_t units = (int64_t)roll(s, 7) + !s->m.mark[sku][use].lives;
    int64_t until_ms = roll(s, 2) ? s->m.now_ms + 1 + (int64_t)roll(s, 20000) : 0;
    mark_name(s, sku, (int)use, name, sizeof name);
    if (until_ms)
        snprintf(until, sizeof until, ",'until':%lld", (long long)until_ms);
    snprintf(json, sizeof json,
             "{'source':'w','id':'k%llu','earmark':'%s','sku':'S%d','location':'L0','quantity':%d,"
             "'for':'%s'%s}",
             (unsigned long long)s->next_key++, name, sku, (int)units, use_names[use], until);
    enum stk_status status = ask(s, "stock.earmark", json);
    expect(s, model_earmark(&s->m, sku, use, units, until_ms), status, json);
    if (status != STK_OK && status != STK_SHORT)
        broken(s, "an earmark was refused otherwise than SHORT", json);
    remember(s, "stock.earmark", json);
}

/* Earmarks end in the engine's own time: never too soon, and not long after; what is left of each
 * is what the model says. */
static void follow_earmarks(struct sim *s)
{
    const struct stk_book *book = &stk_engine_state(s->f.engine)->book;
    for (int sku = MODEL_MARKED; sku < MODEL_SKUS; sku++) {
        for (int use = 0; use < MODEL_USES; use++) {
            const struct model_mark *mark = &s->m.mark[sku][use];
            char name[32];
            int size = mark_name(s, sku, use, name, sizeof name);
            uint32_t slot = stk_book_find_earmark(book, (struct stk_bytes){name, (uint32_t)size});
            if (!mark->lives && slot != STK_NONE)
                broken(s, "an earmark is there that was ended", name);
            if (!mark->lives)
                continue;
            if (slot == STK_NONE) {
                if (!model_earmark_ended(&s->m, sku, (enum model_use)use))
                    broken(s, "an earmark ended before its time", name);
            } else if (mark->until_ms && mark->until_ms + MODEL_LATE_MS < s->m.now_ms) {
                broken(s, "an earmark did not end", name);
            } else if (stk_earmark_at(book, slot)->quantity != mark->left) {
                broken(s, "what is left of an earmark is not what the model says", name);
            }
        }
    }
}

static void wait_some(struct sim *s)
{
    int64_t ms = (int64_t)roll(s, roll(s, 5) ? 200 : 6000);
    s->f.clock.wall_ms += ms;
    s->f.clock.monotonic_ns += ms * 1000000;
}

/* Expiry has its own instant in the engine (not within 5 s of a recovery): once it is durable the
 * model follows what the engine did, and checks that no order ended early. */
static void follow_expiry(struct sim *s)
{
    const struct stk_state *state = stk_engine_state(s->f.engine);
    for (int i = 0; i < 3; i++) {
        stk_engine_turn(s->f.engine);
        memory_log_flush(&s->f.log, STK_BATCHES);
    }
    s->m.now_ms = (int64_t)stk_counter_get(&stk_engine_counters(s->f.engine)->time_ms);
    for (int id = 0; id < s->orders; id++) {
        char name[32];
        if (s->m.order[id].state != PLACED || !s->m.order[id].expires_ms)
            continue;
        int size = snprintf(name, sizeof name, "o%d", id);
        struct stk_hash key = stk_command_key(STK_KEY_ORDER, (struct stk_bytes){"w", 1},
                                              (struct stk_bytes){name, (uint32_t)size});
        uint32_t slot = stk_orders_find(&state->orders, key);
        if (slot == STK_NONE)
            broken(s, "an order is gone", name);
        if (!(stk_orders_at(&state->orders, slot)->flags & STK_ORDER_CLOSED))
            continue;
        if (s->m.order[id].expires_ms > s->m.now_ms)
            broken(s, "an order ended before its time", name);
        model_expire(&s->m, id);
    }
}

/* Early cancellations are forgotten in the engine's own time, too: never before theirs, and not
 * long after. */
static void follow_early(struct sim *s)
{
    const struct stk_state *state = stk_engine_state(s->f.engine);
    for (int id = 0; id < s->orders; id++) {
        char name[32];
        if (!s->m.early_ms[id])
            continue;
        int size = snprintf(name, sizeof name, "o%d", id);
        struct stk_hash key = stk_command_key(STK_KEY_ORDER, (struct stk_bytes){"w", 1},
                                              (struct stk_bytes){name, (uint32_t)size});
        if (!model_early(&s->m, id, stk_book_find_early(&state->book, key) == STK_NONE))
            broken(s, "an early cancellation was forgotten too soon, or not at all", name);
    }
}

static void compare(struct sim *s)
{
    struct stk_error err = {0};
    char id[16];
    if (stk_state_check(stk_engine_state(s->f.engine), &err) != STK_OK)
        broken(s, err.text, "stk_state_check");
    for (int sku = 0; sku < MODEL_SKUS; sku++) {
        snprintf(id, sizeof id, "{'sku':'S%d'}", sku);
        if (ask(s, "sku.get", id) != STK_OK)
            broken(s, "sku.get", id);
        struct fixture *f = &s->f;
        if (fixture_int(f, "on_hand") != s->m.on_hand[sku] ||
            fixture_int(f, "held") != model_held(&s->m, sku) ||
            fixture_int(f, "unsellable") != s->m.unsellable[sku] ||
            fixture_int(f, "received") != s->m.received[sku] ||
            fixture_int(f, "shipped") - fixture_int(f, "found") !=
                s->m.shipped[sku] - s->m.found[sku] ||
            fixture_int(f, "returned") != s->m.returned[sku] ||
            fixture_int(f, "written_off") != s->m.written_off[sku])
            broken(s, "stock is not what the model says", id);
    }
}

static void step(struct sim *s)
{
    uint64_t kind = roll(s, 100);
    s->commands++;
    follow_expiry(s);
    follow_early(s);
    follow_earmarks(s);
    if (kind < 3)
        cancel_early(s);
    else if (kind < 6)
        earmark(s);
    else if (kind < 35)
        place(s);
    else if (kind < 70)
        life(s);
    else if (kind < 78)
        receive(s);
    else if (kind < 80)
        adjust(s);
    else if (kind < 90)
        repeat_one(s);
    else
        wait_some(s);
    if (s->commands % 50 == 0) {
        follow_expiry(s);
        compare(s);
    }
}

static void set_up(struct sim *s)
{
    char json[256];
    fixture_init(&s->f);
    s->f.options.orders = MODEL_ORDERS * 2;
    s->f.options.early = MODEL_ORDERS;
    s->f.options.key_window_ms = MODEL_WINDOW_MS;
    s->f.log.manual = 1;
    fixture_start(&s->f);
    for (int l = 0; l < MODEL_LOCATIONS; l++) {
        snprintf(json, sizeof json, "{'source':'w','location':'L%d','priority':%d}", l, l);
        expect(s, 1, ask(s, "location.put", json), json);
    }
    for (int sku = 0; sku < MODEL_SKUS; sku++) {
        snprintf(json, sizeof json, "{'source':'w','sku':'S%d'}", sku);
        expect(s, 1, ask(s, "sku.put", json), json);
    }
    for (int sku = 0; sku < MODEL_SKUS; sku++) {
        snprintf(json, sizeof json,
                 "{'source':'w','channel':'shop','listing':'K%d','components':[{'sku':'S%d','units'"
                 ":2},{'sku':'S%d'}]}",
                 sku, sku, (sku + 1) % MODEL_SKUS);
        expect(s, 1, ask(s, "listing.put", json), json);
    }
}

static uint64_t from_env(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

int main(void)
{
    uint64_t seeds = from_env("SIM_SEEDS", 20), steps = from_env("SIM_STEPS", 2000);
    uint64_t first = from_env("SIM_FIRST", 1), commands = 0, crashes = 0, repeated = 0, refused = 0,
             early = 0;
    struct sim *s = malloc(sizeof *s);
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        memset(s, 0, sizeof *s);
        s->seed = seed;
        s->dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
        set_up(s);
        for (uint64_t i = 0; i < steps; i++)
            step(s);
        follow_expiry(s);
        compare(s);
        commands += s->commands, crashes += s->crashes, repeated += s->repeated,
            refused += s->refused, early += s->early;
        fixture_fini(&s->f);
    }
    free(s);
    printf("sim: seeds %llu to %llu, %llu commands, %llu crashes, %llu repeats, %llu refusals, "
           "%llu cancelled before they came\n",
           (unsigned long long)first, (unsigned long long)(first + seeds - 1),
           (unsigned long long)commands, (unsigned long long)crashes, (unsigned long long)repeated,
           (unsigned long long)refused, (unsigned long long)early);
    printf("%llu passed, 0 failed\n", (unsigned long long)seeds);
    return 0;
}
