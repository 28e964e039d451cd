/* The path of each: an order's event is a fact, told under the order's own id, so repeats change
 * nothing; the cursor follows when all events of the page are answered; a value leaves only under a
 * grant, and each grant's end is told once it is known. */
#include "tests/trade/connector.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS   60000
#define GRANT_MS  20000
#define READ_MS   120000
#define REPORT_MS 30000

static void die(const struct connector *c, const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", c->name, what, c->f->text);
    abort();
}

void connector_init(struct connector *c, struct fixture *f, struct market *market,
                    const struct market_config *config, uint32_t channel, const char *name)
{
    *c = (struct connector){.f = f,
                            .market = market,
                            .about = &config->channel[channel],
                            .channel = channel,
                            .name = name};
}

void connector_restart(struct connector *c)
{
    memset(c->open, 0, sizeof c->open);
    c->poll_call = 0;
    c->poll_started_ms = 0;
    c->cursor = 0;
    market_disconnect(c->market, c->channel);
    if (c->about->kind == MARKET_SHOP)
        return;
    if (fixture_call(c->f, "channel.note_get", "{'channel':'%s','key':'orders'}", c->name) ==
        STK_OK)
        c->cursor = strtoull(fixture_get(c->f, "value")->as.text, NULL, 10);
}

/* ---- orders ---- */

static void place(struct connector *c, const struct market_event *event, int fact)
{
    char lines[512] = "";
    size_t at = 0;
    for (uint32_t i = 0; i < event->lines; i++)
        at += (size_t)snprintf(lines + at, sizeof lines - at, "%s{'listing':'L%u','quantity':%d}",
                               i ? "," : "", event->line[i].listing, event->line[i].quantity);
    fixture_call(c->f, "order.place",
                 "{'source':'%s','id':'O%" PRIu64 "','channel':'%s','fact':%s,'split':true,"
                 "'placed_at':%" PRId64 ",'lines':[%s]}",
                 c->name, event->order, c->name, fact ? "true" : "false", event->placed_ms, lines);
}

static void told_placed(struct connector *c, const struct market_event *event)
{
    place(c, event, 1);
    if (c->f->status == STK_OK) {
        c->orders++;
        c->short_units += (uint64_t)fixture_int(c->f, "shortfall");
    } else if (c->f->status == STK_CANCELLED) {
        c->refused_orders++;
    } else {
        die(c, "an order was refused");
    }
}

static void deed(struct connector *c, const char *verb, char letter, const struct market_event *e)
{
    fixture_call(c->f, verb, "{'source':'%s','id':'%c%" PRIu64 "','order':'O%" PRIu64 "'}", c->name,
                 letter, e->order, e->order);
}

static void told(struct connector *c, const struct market_event *event)
{
    switch (event->kind) {
    case MARKET_PLACED:
        if (c->about->kind != MARKET_SHOP)
            told_placed(c, event);
        break;
    case MARKET_CANCELLED:
        deed(c, "order.cancel", 'C', event);
        if (c->f->status != STK_OK && c->f->status != STK_STATE)
            die(c, "a cancellation was refused");
        break;
    case MARKET_RETURNED:
        deed(c, "order.ship", 'S', event);
        deed(c, "order.return", 'R', event);
        break;
    case MARKET_SHIPPED:
        deed(c, "order.ship", 'S', event);
        break;
    default:
        die(c, "an event of a kind that does not come here");
    }
}

static void keep_cursor(struct connector *c, int64_t watermark_ms)
{
    if (c->about->kind == MARKET_SHOP)
        return;
    if (fixture_call(c->f, "channel.note",
                     "{'source':'%s','channel':'%s','key':'orders','value':'%" PRIu64
                     "','watermark':%" PRId64 "}",
                     c->name, c->name, c->cursor, watermark_ms > 0 ? watermark_ms : 0) != STK_OK)
        die(c, "the cursor was refused");
}

static void polled(struct connector *c, const struct market_answer *answer, int64_t now_ms)
{
    int64_t watermark_ms = 0;
    if (answer->call != c->poll_call)
        return;
    c->poll_call = 0;
    c->poll_ms = now_ms + POLL_MS / 6;
    if (answer->status == MARKET_GONE)
        die(c, "events were forgotten before they were fetched");
    if (answer->status != MARKET_OK) {
        c->poll_started_ms = 0; /* not complete: the next one begins anew */
        return;
    }
    for (uint32_t i = 0; i < answer->count; i++)
        told(c, &answer->events[i]);
    c->cursor = answer->cursor;
    c->poll_ms = answer->more ? now_ms : now_ms + POLL_MS;
    if (c->about->tells_watermark)
        watermark_ms = answer->watermark_ms;
    else if (!answer->more)
        watermark_ms = c->poll_started_ms - c->about->order_late_max_ms;
    if (!answer->more)
        c->poll_started_ms = 0;
    keep_cursor(c, watermark_ms);
}

/* A shopper of our own shop asks. */
static void wanted(struct connector *c)
{
    struct market_event event;
    while (market_want(c->market, c->channel, &event)) {
        c->wanted++;
        place(c, &event, 0);
        int taken = c->f->status == STK_OK;
        if (!taken && c->f->status != STK_SHORT)
            die(c, "our own shop was refused");
        if (!market_want_answer(c->market, c->channel, event.order, taken) && taken)
            deed(c, "order.cancel", 'C', &event);
        else
            c->sold_own += (uint64_t)taken;
    }
}

/* ---- grants ---- */

static struct open_call *free_call(struct connector *c)
{
    for (unsigned i = 0; i < CALLS_MAX; i++)
        if (!c->open[i].call)
            return &c->open[i];
    return NULL;
}

static struct open_call *find_call(struct connector *c, uint64_t call)
{
    for (unsigned i = 0; i < CALLS_MAX; i++)
        if (c->open[i].call == call)
            return &c->open[i];
    return NULL;
}

static void all_end(struct connector *c, const struct open_call *open, const char *word)
{
    char items[ITEMS_MAX * 80];
    size_t at = 0;
    for (uint32_t i = 0; i < open->count; i++)
        at += (size_t)snprintf(items + at, sizeof items - at,
                               "%s{'grant':%" PRIu64 ",'outcome':'%s'}", i ? "," : "",
                               open->grant[i], word);
    if (fixture_call(c->f, "channel.result", "{'source':'%s','channel':'%s','items':[%s]}", c->name,
                     c->name, items) != STK_OK)
        die(c, "results were refused");
}

static int64_t item_int(struct connector *c, uint32_t index, const char *name)
{
    char path[32];
    snprintf(path, sizeof path, "items.%u.%s", index, name);
    return fixture_int(c->f, path);
}

static enum market_how how_of(struct connector *c, uint32_t index)
{
    char path[32];
    snprintf(path, sizeof path, "items.%u.write", index);
    if (fixture_is(c->f, path, "adjust"))
        return MARKET_HOW_ADJUST;
    return fixture_is(c->f, path, "cas") ? MARKET_HOW_CAS : MARKET_HOW_SET;
}

/* The listing that a path of the answer names. */
static uint32_t listing_at(struct connector *c, const char *path)
{
    return (uint32_t)strtoul(fixture_get(c->f, path)->as.text + 1, NULL, 10);
}

static void read_back(struct connector *c, const uint32_t *listings, uint32_t count)
{
    if (count)
        (void)market_read_back(c->market, c->channel, listings, count); /* lost: another comes */
}

static void push(struct connector *c, struct open_call *open)
{
    struct market_update update[ITEMS_MAX];
    uint32_t look[ITEMS_MAX], looks = 0;
    char path[32];
    open->count = 0;
    for (; open->count < ITEMS_MAX; open->count++) {
        snprintf(path, sizeof path, "items.%u.listing", open->count);
        if (!fixture_get(c->f, path))
            break;
        open->grant[open->count] = (uint64_t)item_int(c, open->count, "grant");
        update[open->count] = (struct market_update){
            .listing = listing_at(c, path),
            .field = MARKET_QUANTITY,
            .value = item_int(c, open->count, "value"),
            .expect = item_int(c, open->count, "expected"),
            .token = open->grant[open->count],
            .how = how_of(c, open->count),
        };
    }
    for (; looks < ITEMS_MAX; looks++) {
        snprintf(path, sizeof path, "look.%u", looks);
        if (!fixture_get(c->f, path))
            break;
        look[looks] = listing_at(c, path);
    }
    read_back(c, look, looks);
    if (!open->count)
        return;
    open->call = market_push(c->market, c->channel, update, open->count);
    open->report_ms = 0;
    if (!open->call)
        all_end(c, open, "not_sent");
}

static void ask_for_grants(struct connector *c)
{
    struct open_call *open = free_call(c);
    uint32_t max = c->about->batch_max < ITEMS_MAX ? c->about->batch_max : ITEMS_MAX;
    if (!open)
        return;
    if (fixture_call(c->f, "channel.grant", "{'source':'%s','channel':'%s','limit':%u}", c->name,
                     c->name, max) != STK_OK)
        die(c, "no grants");
    push(c, open);
}

/* ---- answers ---- */

static const char *word_of(const struct market_result *result)
{
    switch (result->outcome) {
    case MARKET_ACCEPTED:
        return "accepted";
    case MARKET_APPLIED:
        return "applied";
    case MARKET_MISMATCH:
        return "mismatch";
    case MARKET_REFUSED:
        return result->reason == MARKET_LOCKED ? "locked" : "refused";
    default:
        return NULL;
    }
}

static void results(struct connector *c, const struct market_answer *answer)
{
    for (uint32_t i = 0; i < answer->count; i++) {
        const char *word = word_of(&answer->results[i]);
        if (word && fixture_call(c->f, "channel.result",
                                 "{'source':'%s','channel':'%s','items':[{'grant':%" PRIu64
                                 ",'outcome':'%s'}]}",
                                 c->name, c->name, answer->results[i].token, word) != STK_OK)
            die(c, "a result was refused");
    }
}

static void pushed(struct connector *c, const struct market_answer *answer, int64_t now_ms)
{
    struct open_call *open = find_call(c, answer->call);
    if (!open)
        return;
    if (answer->status == MARKET_OK) {
        results(c, answer);
        if (c->about->proof == MARKET_PROOF_REPORT)
            open->report_ms = now_ms + REPORT_MS;
        else
            open->call = 0;
        return;
    }
    all_end(c, open, answer->status == MARKET_UNKNOWN ? "unknown" : "retry");
    open->call = 0;
}

static void reported(struct connector *c, const struct market_answer *answer, int64_t now_ms)
{
    /* a report's own call has another number; which push it is about is in the tokens */
    if (answer->status != MARKET_OK || !answer->count)
        return;
    results(c, answer);
    for (unsigned i = 0; i < CALLS_MAX; i++)
        if (c->open[i].call && c->open[i].grant[0] == answer->results[0].token) {
            c->open[i].report_ms = now_ms + REPORT_MS;
            if (!answer->pending)
                c->open[i].call = 0;
        }
}

static void was_read(struct connector *c, const struct market_answer *answer)
{
    char items[ITEMS_MAX * 64];
    size_t at = 0;
    if (answer->status != MARKET_OK)
        return;
    for (uint32_t i = 0; i < answer->count && i < ITEMS_MAX; i++)
        if (answer->readings[i].found)
            at += (size_t)snprintf(items + at, sizeof items - at, "%s{'listing':'L%u','value':%d}",
                                   at ? "," : "", answer->readings[i].listing,
                                   answer->readings[i].counter);
    if (at && fixture_call(c->f, "channel.observe",
                           "{'source':'%s','channel':'%s','asked_at':%" PRId64 ",'items':[%s]}",
                           c->name, c->name, answer->sent_ms, items) != STK_OK)
        die(c, "read-backs were refused");
}

static void take_answers(struct connector *c, int64_t now_ms)
{
    const struct market_answer *answer;
    while ((answer = market_answer(c->market, c->channel)) != NULL) {
        switch (answer->endpoint) {
        case MARKET_ORDERS:
            polled(c, answer, now_ms);
            break;
        case MARKET_PUSH:
            pushed(c, answer, now_ms);
            break;
        case MARKET_REPORT:
            reported(c, answer, now_ms);
            break;
        case MARKET_READ:
            was_read(c, answer);
            break;
        default:
            break;
        }
    }
}

/* ---- what is due ---- */

static void ask_for_reports(struct connector *c, int64_t now_ms)
{
    for (unsigned i = 0; i < CALLS_MAX; i++) {
        struct open_call *open = &c->open[i];
        if (!open->call || !open->report_ms || open->report_ms > now_ms)
            continue;
        (void)market_report(c->market, c->channel, open->call); /* lost: asked again */
        open->report_ms = now_ms + 2 * REPORT_MS;
    }
}

static void read_some(struct connector *c)
{
    uint32_t listings[20], count = 0, all = market_listings(c->market, c->channel);
    for (; count < 20 && count < all; count++)
        listings[count] = (c->read_next + count) % all;
    c->read_next += count;
    read_back(c, listings, count);
}

void connector_turn(struct connector *c, int64_t now_ms)
{
    struct market_event event;
    take_answers(c, now_ms);
    while (market_hook(c->market, c->channel, &event))
        told(c, &event);
    if (c->about->kind == MARKET_SHOP)
        wanted(c);
    if (c->poll_ms <= now_ms && !c->poll_call) {
        if (!c->poll_started_ms)
            c->poll_started_ms = now_ms;
        c->poll_call = market_orders_poll(c->market, c->channel, c->cursor, c->about->page_max);
        c->poll_ms = now_ms + POLL_MS;
    }
    if (c->about->kind == MARKET_SHOP)
        return;
    ask_for_reports(c, now_ms);
    if (c->grant_ms <= now_ms) {
        c->grant_ms = now_ms + GRANT_MS;
        ask_for_grants(c);
    }
    if (c->read_ms <= now_ms) {
        c->read_ms = now_ms + READ_MS;
        read_some(c);
    }
}
