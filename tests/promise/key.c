/* Left out is only what cannot matter any more:
 *   numbers of writes    only which write on its way belongs to which generation, and which of them
 *                        cover it, is asked;
 *   the watermark        retirements to come lie at now or later, so what was told so far has done
 *                        its work (a plant that retires in the past sees it);
 *   closed windows       of before the oldest instant that a read-back may still speak of.
 * PROMISE_EXACT=1 compares worlds by all their bytes instead; the verdicts must be the same. */
#include "tests/promise/key.h"
#include "core/base/err.h"
#include <string.h>

struct key {
    uint8_t *at;
    const struct setup *setup;
    const struct world *w;
    unsigned flights;
    struct flight flight[FLIGHTS]; /* by number within a channel */
};

static void put(struct key *k, unsigned value)
{
    stk_assert(value < 256);
    *k->at++ = (uint8_t)value;
}

static void put_time(struct key *k, stk_time_t at_ms)
{
    memcpy(k->at, &at_ms, sizeof at_ms);
    k->at += sizeof at_ms;
}

static void key_flights(struct key *k)
{
    for (unsigned i = 0; i < FLIGHTS; i++) {
        struct flight f = k->w->flight[i];
        unsigned at = k->flights;
        if (f.state == FLIGHT_NONE)
            continue;
        for (; at > 0 &&
               (k->flight[at - 1].channel > f.channel ||
                (k->flight[at - 1].channel == f.channel && k->flight[at - 1].number > f.number));
             at--)
            k->flight[at] = k->flight[at - 1];
        k->flight[at] = f;
        k->flights++;
    }
    put(k, k->flights);
    for (unsigned i = 0; i < k->flights; i++) {
        struct flight f = k->flight[i];
        f.number = 0;
        memcpy(k->at, &f, sizeof f);
        k->at += sizeof f;
    }
}

/* 1 + the flight of a generation; 0: none that can still be heard of. */
static unsigned link_of(const struct key *k, unsigned c, const struct stk_generation *g)
{
    for (unsigned i = 0; g->number && i < k->flights; i++)
        if (k->flight[i].channel == c && k->flight[i].number == g->number)
            return i + 1;
    return 0;
}

/* How many writes on their way cover it; 255: not even the next one. */
static unsigned cover_of(const struct key *k, unsigned c, const struct stk_generation *g,
                         stk_time_t closes_ms, stk_time_t now_ms)
{
    unsigned count = 0;
    if (!g->cover)
        return closes_ms < now_ms ? 0 : 255;
    for (unsigned i = 0; i < k->flights; i++)
        count +=
            k->flight[i].channel == c && (int16_t)(uint16_t)(k->flight[i].number - g->cover) >= 0;
    return count;
}

static void key_generations(struct key *k, unsigned c, const struct stk_promise *p)
{
    const struct truth *t = &k->w->truth[c];
    stk_time_t now_ms = model_ms(k->w->now);
    stk_time_t oldest_ms = model_ms(t->since < k->w->now ? t->since : k->w->now) -
                           (k->setup->read + 1) * INT64_C(1000);
    for (unsigned i = 0; i < p->count; i++) {
        const struct stk_generation *g = &p->generation[i];
        unsigned link = link_of(k, c, g), cover = 0;
        stk_time_t closes_ms = g->at_ms;
        if (g->state == STK_GENERATION_LEFT)
            closes_ms += k->setup->apply * INT64_C(1000);
        if (g->state == STK_GENERATION_OPEN)
            closes_ms = INT64_MAX;
        else if (g->state != STK_GENERATION_RETIRING && closes_ms < oldest_ms)
            closes_ms = 0;
        if (g->state != STK_GENERATION_RETIRING)
            cover = cover_of(k, c, g, closes_ms, now_ms);
        put(k, g->state | g->kind << 4);
        put(k, g->cap == STK_PROMISE_UNKNOWN ? 255 : g->cap);
        put(k, link ? g->given : 0);
        put(k, link);
        put(k, cover);
        put_time(k, closes_ms);
    }
    put(k, 255);
}

static void key_promise(struct key *k, unsigned c, const struct stk_promise *p)
{
    key_generations(k, c, p);
    if (p->breach_ms || k->setup->plant)
        put_time(k, p->watermark);
    if (k->setup->channel[c].write == STK_WRITE_CAS)
        put(k, p->expect);
    if (k->setup->reads) {
        put_time(k, p->read_ms);
        put_time(k, p->restock_ms);
        memcpy(k->at, p->seen_s, sizeof p->seen_s + sizeof p->seen_units);
        k->at += sizeof p->seen_s + sizeof p->seen_units;
    }
    put_time(k, p->breach_ms);
}

static void key_ours(struct key *k, const struct ours *o)
{
    for (unsigned l = 0; l < LOCATIONS; l++)
        put(k, o->free[l]);
    for (unsigned c = 0; c < k->setup->channels; c++) {
        key_promise(k, c, &o->promise[c]);
        if (k->setup->cancels)
            put(k, o->held[c]);
    }
}

unsigned key_of(const struct setup *setup, const struct world *w, uint8_t key[KEY_MAX])
{
    struct key k = {.at = key, .setup = setup, .w = w};
    memcpy(k.at, &w->now, sizeof *w - offsetof(struct world, now));
    k.at += sizeof *w - offsetof(struct world, now);
    memcpy(k.at, w->truth, setup->channels * sizeof *w->truth);
    k.at += setup->channels * sizeof *w->truth;
    key_flights(&k);
    key_ours(&k, &w->ours);
    if (setup->durable)
        key_ours(&k, &w->durable);
    stk_assert(k.at <= key + KEY_MAX);
    return (unsigned)(k.at - key);
}
