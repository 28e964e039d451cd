/* The world of model.h. Times: tick t is (START + t) seconds of our clock; everything within one
 * tick has the same millisecond, in the order in which it is chosen, so that ties are tried too. */
#include "tests/promise/model.h"
#include "core/base/err.h"
#include <stdio.h>
#include <string.h>

#define START 100

enum what {
    TICK,
    SALE,
    LAND,
    REFUSE,
    ANSWER,
    CLOSE,
    ORDER,
    WATERMARK,
    LOOK,
    READBACK,
    GRANT,
    SHOP,
    CANCEL,
    CANCEL_UNSEEN,
    NOTICE,
    FLUSH,
    CRASH
};

stk_time_t model_ms(unsigned tick)
{
    return (START + (stk_time_t)tick) * 1000;
}

static struct stk_bounds bounds_of(const struct setup *setup, unsigned c)
{
    return (struct stk_bounds){.write = setup->channel[c].write,
                               .proof = setup->channel[c].proof,
                               .restocks_on = setup->channel[c].restocks,
                               .apply_ms = setup->apply * INT64_C(1000),
                               .read_ms = setup->read * INT64_C(1000),
                               .order_ms = 1000,
                               .cancel_ms = 1000};
}

/* --- our side: what an engine would ask promise.c and allot.c --- */

static uint32_t room_of(const struct setup *setup, const struct ours *o, uint64_t mask)
{
    static struct stk_allot allot;
    stk_allot_init(&allot);
    for (stk_location_t l = 0; l < LOCATIONS; l++)
        stk_allot_stock(&allot, l, o->free[l]);
    for (unsigned c = 0; c < setup->channels; c++) {
        uint32_t units = stk_promise_units(&o->promise[c]);
        stk_allot_add(&allot, setup->channel[c].mask,
                      units == STK_PROMISE_UNKNOWN ? STK_ALLOT_UNKNOWN : units);
    }
    return (uint32_t)stk_allot_room(&allot, mask);
}

/* One unit for an order: a cell that keeps the invariant, else any. 0: a shortfall. */
static int hold_one(const struct setup *setup, struct ours *o, unsigned c)
{
    unsigned any = LOCATIONS;
    for (unsigned l = 0; l < LOCATIONS; l++) {
        if (!(setup->channel[c].mask >> l & 1) || !o->free[l])
            continue;
        if (any == LOCATIONS)
            any = l;
        if (room_of(setup, o, 1u << l)) {
            any = l;
            break;
        }
    }
    if (any == LOCATIONS)
        return 0;
    o->free[any]--;
    o->held[c]++;
    return 1;
}

static enum outcome order_seen(const struct setup *setup, struct world *w, unsigned c)
{
    struct stk_bounds bounds = bounds_of(setup, c);
    struct stk_promise *p = &w->ours.promise[c];
    int known = stk_promise_units(p) != STK_PROMISE_UNKNOWN;
    uint32_t over = stk_promise_order(p, &bounds, 1, model_ms(w->now));
    if (!hold_one(setup, &w->ours, c))
        return SHORTFALL;
    return over && known ? BREACH : GOES_ON;
}

static int is_free(const struct setup *setup, const struct ours *o, unsigned c)
{
    unsigned units = 0;
    for (unsigned l = 0; l < LOCATIONS; l++)
        units += setup->channel[c].mask >> l & 1 ? o->free[l] : 0;
    return units > 0;
}

/* An order is told. On a channel that restocks, one beyond the promise, or beyond what is free,
 * waits for a cancellation. */
static enum outcome order_told(const struct setup *setup, struct world *w, unsigned c)
{
    int covered = stk_promise_units(&w->ours.promise[c]) > 0 && is_free(setup, &w->ours, c);
    if (setup->channel[c].restocks && !covered && w->truth[c].notices) {
        w->truth[c].pending++;
        return GOES_ON;
    }
    return order_seen(setup, w, c);
}

static void flight_begin(struct world *w, const struct setup *setup, struct step step)
{
    struct stk_bounds bounds = bounds_of(setup, step.channel);
    struct stk_grant grant = {.kind = bounds.write, .value = step.value, .expect = step.expect};
    struct flight *f = w->flight;
    while (f->state != FLIGHT_NONE)
        f++;
    *f = (struct flight){.state = setup->durable ? FLIGHT_GRANTED : FLIGHT_FLYING,
                         .channel = step.channel,
                         .kind = bounds.write,
                         .closed = NEVER,
                         .value = step.value,
                         .expect = step.expect,
                         .twice = setup->wrong & WRONG_LANDS_TWICE ? 1 : 0};
    f->number =
        stk_promise_grant(&w->ours.promise[step.channel], &bounds, &grant, model_ms(w->now));
    w->writes--;
}

/* --- begin --- */

static void begin_channel(const struct setup *setup, struct world *w, unsigned c)
{
    struct stk_bounds bounds = bounds_of(setup, c);
    struct stk_promise *p = &w->ours.promise[c];
    uint32_t drift;
    w->truth[c].counter = setup->channel[c].counter;
    w->truth[c].unseen[0] = setup->channel[c].old;
    w->truth[c].since = NEVER;
    stk_promise_init(p, 0);
    if (setup->channel[c].unknown)
        return;
    stk_assert(stk_promise_readback(p, &bounds, setup->channel[c].counter, 50000, 50000, &drift) ==
               STK_OK);
    stk_promise_watermark(p, 50001);
}

void model_begin(const struct setup *setup, struct world *w)
{
    memset(w, 0, sizeof *w);
    for (unsigned l = 0; l < LOCATIONS; l++)
        w->ours.free[l] = setup->stock[l];
    for (unsigned c = 0; c < setup->channels; c++)
        begin_channel(setup, w, c);
    w->durable = w->ours;
    w->now = 1; /* what is old was sold in tick 0 */
    w->writes = setup->writes;
    w->sales = setup->sales;
    w->shop = setup->shop;
    w->reads = setup->reads;
    w->crashes = setup->crashes;
    w->cancels = setup->cancels;
}

/* --- which steps there are --- */

static unsigned watermark_of(const struct world *w, unsigned c)
{
    unsigned t = 0;
    while (t < w->now && !w->truth[c].unseen[t])
        t++;
    return t;
}

static unsigned steps_grant(const struct setup *setup, const struct world *w, unsigned c,
                            struct step *steps)
{
    struct stk_bounds bounds = bounds_of(setup, c);
    const struct stk_promise *p = &w->ours.promise[c];
    uint32_t room = room_of(setup, &w->ours, setup->channel[c].mask);
    unsigned count = 0, stock = setup->stock[0] + setup->stock[1];
    int least = bounds.write == STK_WRITE_ADJUST ? -(int)stock : 0;
    for (unsigned k = 0; k <= (bounds.write == STK_WRITE_CAS ? stock : 0); k++)
        for (int q = least; q <= (int)stock; q++) {
            struct stk_grant grant = {.kind = bounds.write, .value = q, .expect = k};
            uint32_t limit = stk_promise_limit(p, &bounds, k, room, model_ms(w->now));
            int ok =
                stk_promise_may_grant(p, &bounds, &grant, room, model_ms(w->now), NULL) == STK_OK;
            if (!ok) {
                stk_assert(q <= 0 || (uint32_t)q > limit || limit == 0 ||
                           bounds.write == STK_WRITE_CAS);
                continue;
            }
            stk_assert(q <= 0 || (uint32_t)q <= limit || (uint32_t)q <= k);
            if ((bounds.write == STK_WRITE_ADJUST && q == 0) ||
                (bounds.write == STK_WRITE_CAS && (uint32_t)q == k))
                continue; /* changes nothing */
            steps[count++] = (struct step){
                .what = GRANT, .channel = (uint8_t)c, .value = (int8_t)q, .expect = (uint8_t)k};
        }
    return count;
}

static unsigned steps_flight(const struct setup *setup, const struct world *w, unsigned i,
                             struct step *steps)
{
    const struct flight *f = &w->flight[i];
    unsigned count = 0;
    uint8_t proof = setup->channel[f->channel].proof;
    int answers = f->closed == NEVER || proof == STK_PROOF_FEED;
    if (f->state == FLIGHT_FLYING) {
        steps[count++] = (struct step){.what = LAND, .channel = f->channel, .at = (uint8_t)i};
        if (answers && proof != STK_PROOF_READBACK)
            steps[count++] = (struct step){.what = REFUSE, .channel = f->channel, .at = (uint8_t)i};
    }
    if ((f->state == FLIGHT_LANDED || f->state == FLIGHT_REFUSED) && answers &&
        proof != STK_PROOF_READBACK)
        steps[count++] = (struct step){.what = ANSWER, .channel = f->channel, .at = (uint8_t)i};
    if (f->state != FLIGHT_NONE && f->state != FLIGHT_GRANTED && f->closed == NEVER)
        steps[count++] = (struct step){.what = CLOSE, .channel = f->channel, .at = (uint8_t)i};
    return count;
}

static unsigned steps_readback(const struct setup *setup, const struct world *w, unsigned c,
                               struct step *steps)
{
    const struct truth *t = &w->truth[c];
    unsigned count = 0, latest = t->since + setup->read;
    if (w->reads && (t->since != w->now || t->cached != t->counter))
        steps[count++] = (struct step){.what = LOOK, .channel = (uint8_t)c};
    if (t->since == NEVER)
        return count;
    if (setup->wrong & WRONG_OLDER_READS)
        latest++;
    if (latest > w->now)
        latest = w->now;
    /* asked for when its value was taken, or as late as its age allows */
    steps[count++] = (struct step){.what = READBACK, .channel = (uint8_t)c, .at = t->since};
    if (latest != t->since)
        steps[count++] =
            (struct step){.what = READBACK, .channel = (uint8_t)c, .at = (uint8_t)latest};
    return count;
}

static unsigned steps_cancel(const struct world *w, unsigned c, struct step *steps)
{
    const struct truth *t = &w->truth[c];
    unsigned count = 0, told = 0;
    for (unsigned i = 0; i < t->notices; i++) {
        told += t->notice_of[i] == NEVER;
        if (t->notice_of[i] == NEVER)
            steps[count++] = (struct step){.what = NOTICE, .channel = (uint8_t)c, .at = (uint8_t)i};
    }
    if (!w->cancels || t->notices == NOTICES)
        return count;
    if (w->ours.held[c] > told)
        steps[count++] = (struct step){.what = CANCEL, .channel = (uint8_t)c};
    for (unsigned at = 0; at <= w->now; at++) {
        unsigned left = t->unseen[at];
        for (unsigned i = 0; i < t->notices; i++)
            left -= t->notice_of[i] == at;
        if (left)
            steps[count++] =
                (struct step){.what = CANCEL_UNSEEN, .channel = (uint8_t)c, .at = (uint8_t)at};
    }
    return count;
}

static unsigned steps_channel(const struct setup *setup, const struct world *w, unsigned c,
                              struct step *steps)
{
    const struct truth *t = &w->truth[c];
    unsigned count = 0;
    if (t->counter && w->sales)
        steps[count++] = (struct step){.what = SALE, .channel = (uint8_t)c};
    for (unsigned at = 0; at <= w->now; at++)
        if (t->unseen[at])
            steps[count++] = (struct step){.what = ORDER, .channel = (uint8_t)c, .at = (uint8_t)at};
    if (model_ms(watermark_of(w, c)) > w->ours.promise[c].watermark)
        steps[count++] = (struct step){.what = WATERMARK, .channel = (uint8_t)c};
    count += steps_readback(setup, w, c, steps + count);
    count += steps_cancel(w, c, steps + count);
    if (w->writes)
        count += steps_grant(setup, w, c, steps + count);
    return count;
}

unsigned model_steps(const struct setup *setup, const struct world *w, struct step *steps)
{
    unsigned count = 0;
    for (unsigned c = 0; c < setup->channels; c++)
        count += steps_channel(setup, w, c, steps + count);
    for (unsigned i = 0; i < FLIGHTS; i++)
        count += steps_flight(setup, w, i, steps + count);
    for (unsigned l = 0; l < LOCATIONS && w->shop; l++)
        if (w->ours.free[l] &&
            (setup->wrong & WRONG_SHOP_IGNORES || room_of(setup, &w->ours, 1u << l)))
            steps[count++] = (struct step){.what = SHOP, .at = (uint8_t)l};
    if (w->dirty)
        steps[count++] = (struct step){.what = FLUSH};
    if (w->crashes)
        steps[count++] = (struct step){.what = CRASH};
    if (w->now < setup->ticks)
        steps[count++] = (struct step){.what = TICK};
    stk_assert(count <= STEPS_MAX);
    return count;
}

/* --- the steps --- */

/* A write takes effect on the counter, or finds that it may not. */
static void take_land(struct world *w, struct flight *f)
{
    struct truth *t = &w->truth[f->channel];
    uint8_t before = t->counter;
    f->state = FLIGHT_LANDED;
    if (f->kind == STK_WRITE_CAS && t->counter != f->expect)
        f->state = FLIGHT_REFUSED;
    else if (f->kind != STK_WRITE_ADJUST)
        t->counter = (uint8_t)f->value;
    else if (f->value > 0)
        t->counter = (uint8_t)(t->counter + f->value);
    else /* it stops at zero */
        t->counter = t->counter > -f->value ? (uint8_t)(t->counter + f->value) : 0;
    f->fell = before > t->counter ? (uint8_t)(before - t->counter) : 0;
}

/* Nothing of it can happen any more. */
static void flight_end(const struct setup *setup, struct world *w, struct flight *f)
{
    int answers = f->closed == NEVER || setup->channel[f->channel].proof == STK_PROOF_FEED;
    int lands =
        f->state == FLIGHT_FLYING && (f->closed == NEVER || w->now <= f->closed + setup->apply);
    if (setup->channel[f->channel].proof == STK_PROOF_READBACK)
        answers = f->closed == NEVER;
    if (!lands && !(answers && f->state != FLIGHT_FLYING))
        *f = (struct flight){0};
}

static enum outcome take_answer(const struct setup *setup, struct world *w, struct flight *f)
{
    struct stk_promise *p = &w->ours.promise[f->channel];
    struct stk_bounds bounds = bounds_of(setup, f->channel);
    uint32_t over = 0;
    int restocks = bounds.restocks_on;
    if (f->state == FLIGHT_LANDED)
        stk_promise_applied(p, &bounds, f->number, model_ms(w->now), f->fell);
    else
        over = stk_promise_refused(p, f->number, model_ms(w->now));
    if (f->twice && f->state == FLIGHT_LANDED) {
        f->state = FLIGHT_FLYING; /* the wrong of it: once more */
        f->twice = 0;
        f->closed = w->now;
    } else {
        *f = (struct flight){0};
    }
    return over && !restocks ? BREACH : GOES_ON;
}

static enum outcome take_order(const struct setup *setup, struct world *w, struct step step)
{
    struct truth *t = &w->truth[step.channel];
    t->unseen[step.at]--;
    if (setup->durable)
        t->fresh[step.at]++;
    for (unsigned i = 0; i < t->notices; i++)
        if (t->notice_of[i] == step.at) {
            t->notice_of[i] = NEVER;
            break;
        }
    return order_told(setup, w, step.channel);
}

static enum outcome take_readback(const struct setup *setup, struct world *w, struct step step)
{
    struct truth *t = &w->truth[step.channel];
    struct stk_bounds bounds = bounds_of(setup, step.channel);
    uint32_t drift;
    enum stk_status status =
        stk_promise_readback(&w->ours.promise[step.channel], &bounds, t->cached, model_ms(step.at),
                             model_ms(w->now), &drift);
    t->since = NEVER;
    t->cached = 0;
    return status == STK_OK && drift && !setup->channel[step.channel].restocks ? DRIFT : GOES_ON;
}

/* A buyer cancels; the channel puts the unit back on sale by itself. */
static void take_cancel(struct world *w, struct step step, uint8_t of)
{
    struct truth *t = &w->truth[step.channel];
    t->counter++;
    t->notice_at[t->notices] = w->now;
    t->notice_of[t->notices++] = of;
    w->cancels--;
}

/* Our side hears of it: the hold is free, and orders that waited for it come in. */
static enum outcome take_notice(const struct setup *setup, struct world *w, struct step step)
{
    struct truth *t = &w->truth[step.channel];
    enum outcome outcome = GOES_ON;
    stk_promise_cancelled(&w->ours.promise[step.channel], 1, model_ms(t->notice_at[step.at]));
    w->ours.free[0]++;
    w->ours.held[step.channel]--;
    t->notices--;
    for (unsigned i = step.at; i < t->notices; i++) {
        t->notice_at[i] = t->notice_at[i + 1];
        t->notice_of[i] = t->notice_of[i + 1];
    }
    t->notice_at[t->notices] = t->notice_of[t->notices] = 0;
    while (t->pending && outcome == GOES_ON) {
        unsigned waiting = t->pending--;
        outcome = order_told(setup, w, step.channel);
        if (t->pending == waiting)
            break;
    }
    return outcome;
}

static void take_flush(struct world *w)
{
    w->durable = w->ours;
    w->dirty = 0;
    for (unsigned i = 0; i < FLIGHTS; i++)
        if (w->flight[i].state == FLIGHT_GRANTED)
            w->flight[i].state = FLIGHT_FLYING;
    for (unsigned c = 0; c < CHANNELS; c++)
        memset(w->truth[c].fresh, 0, TICKS);
}

/* Memory is lost; what was durable is read back from its bytes. Calls break off where they were. */
static void take_crash(const struct setup *setup, struct world *w)
{
    w->crashes--;
    if (setup->durable)
        w->ours = w->durable;
    w->dirty = 0;
    for (unsigned c = 0; c < setup->channels; c++) {
        uint8_t bytes[STK_PROMISE_BYTES_MAX];
        uint8_t *end = stk_promise_write(&w->ours.promise[c], bytes);
        stk_assert(stk_promise_read(&w->ours.promise[c], bytes, (size_t)(end - bytes)) == STK_OK);
        stk_promise_restart(&w->ours.promise[c], model_ms(w->now));
        for (unsigned at = 0; at < TICKS; at++) {
            w->truth[c].unseen[at] = (uint8_t)(w->truth[c].unseen[at] + w->truth[c].fresh[at]);
            w->truth[c].fresh[at] = 0;
        }
    }
    w->durable = w->ours;
    for (unsigned i = 0; i < FLIGHTS; i++) {
        struct flight *f = &w->flight[i];
        if (f->state == FLIGHT_GRANTED)
            *f = (struct flight){0};
        else if (f->state != FLIGHT_NONE && f->closed == NEVER)
            f->closed = w->now;
    }
}

/* unseen + sellable <= U + hidden, in every state. */
static int holds(const struct setup *setup, const struct world *w)
{
    for (unsigned c = 0; c < setup->channels; c++) {
        const struct truth *t = &w->truth[c];
        uint32_t units = stk_promise_units(&w->ours.promise[c]), sum = t->counter + t->pending;
        if (units == STK_PROMISE_UNKNOWN)
            continue;
        for (unsigned at = 0; at < TICKS; at++)
            sum += t->unseen[at];
        if (sum > units + t->notices)
            return 0;
    }
    return 1;
}

static enum outcome take(const struct setup *setup, struct world *w, struct step step)
{
    struct truth *t = &w->truth[step.channel];
    struct flight *f = &w->flight[step.at < FLIGHTS ? step.at : 0];
    switch (step.what) {
    case TICK:
        w->now++;
        return GOES_ON;
    case SALE:
        t->counter--;
        t->unseen[w->now]++;
        w->sales--;
        return GOES_ON;
    case LAND:
        take_land(w, f);
        return GOES_ON;
    case REFUSE:
        f->state = FLIGHT_REFUSED;
        return GOES_ON;
    case ANSWER:
        return take_answer(setup, w, f);
    case CLOSE:
        stk_promise_left(&w->ours.promise[step.channel], f->number, model_ms(w->now));
        f->closed = w->now;
        return GOES_ON;
    case ORDER:
        return take_order(setup, w, step);
    case WATERMARK:
        stk_promise_watermark(&w->ours.promise[step.channel],
                              model_ms(watermark_of(w, step.channel)));
        return GOES_ON;
    case LOOK:
        t->cached = t->counter;
        t->since = w->now;
        w->reads--;
        return GOES_ON;
    case READBACK:
        return take_readback(setup, w, step);
    case GRANT:
        flight_begin(w, setup, step);
        return GOES_ON;
    case SHOP:
        w->ours.free[step.at]--;
        w->shop--;
        return GOES_ON;
    case CANCEL:
        take_cancel(w, step, NEVER);
        return GOES_ON;
    case CANCEL_UNSEEN:
        take_cancel(w, step, step.at);
        return GOES_ON;
    case NOTICE:
        return take_notice(setup, w, step);
    case FLUSH:
        take_flush(w);
        return GOES_ON;
    default:
        take_crash(setup, w);
        return GOES_ON;
    }
}

enum outcome model_take(const struct setup *setup, struct world *w, struct step step)
{
    struct ours before = w->ours;
    enum outcome outcome = take(setup, w, step);
    for (unsigned i = 0; i < FLIGHTS; i++)
        if (w->flight[i].state != FLIGHT_NONE && w->flight[i].state != FLIGHT_GRANTED)
            flight_end(setup, w, &w->flight[i]);
    if (!setup->durable)
        w->durable = w->ours;
    else if (step.what != CRASH && step.what != FLUSH && memcmp(&before, &w->ours, sizeof before))
        w->dirty = 1;
    if (outcome == GOES_ON && !holds(setup, w))
        return TOO_SMALL;
    return outcome;
}

void model_describe(struct step step, char *text, unsigned size)
{
    static const char *const words[] = {[TICK] = "tick",
                                        [SALE] = "sale",
                                        [LAND] = "lands",
                                        [REFUSE] = "refused",
                                        [ANSWER] = "answer",
                                        [CLOSE] = "call over",
                                        [ORDER] = "order of",
                                        [WATERMARK] = "W",
                                        [LOOK] = "look",
                                        [READBACK] = "read-back",
                                        [GRANT] = "grant",
                                        [SHOP] = "shop takes",
                                        [CANCEL] = "cancel",
                                        [NOTICE] = "cancellation seen",
                                        [FLUSH] = "flush",
                                        [CRASH] = "crash",
                                        [CANCEL_UNSEEN] = "cancel unseen"};
    int used = snprintf(text, size, "%s", words[step.what]);
    if (step.what == GRANT)
        snprintf(text + used, size - (unsigned)used, " %c:%d->%d", 'a' + step.channel, step.expect,
                 step.value);
    else if (step.what == LAND || step.what == ANSWER || step.what == REFUSE || step.what == CLOSE)
        snprintf(text + used, size - (unsigned)used, " %c#%d", 'a' + step.channel, step.at + 1);
    else if (step.what == ORDER || step.what == READBACK || step.what == CANCEL_UNSEEN)
        snprintf(text + used, size - (unsigned)used, " %c@%d", 'a' + step.channel, step.at);
    else if (step.what == SHOP)
        snprintf(text + used, size - (unsigned)used, " at %d", step.at);
    else if (step.what != TICK && step.what != FLUSH && step.what != CRASH)
        snprintf(text + used, size - (unsigned)used, " %c", 'a' + step.channel);
}
