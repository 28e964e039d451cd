/* The promise of a pool.
 *
 * What must be true, at every instant, for the pool of one counter:
 *
 *     (1)  unseen + sellable <= U + hidden
 *
 * unseen: units sold there whose orders were not told to stk_promise_order; sellable: what the
 * counter there shows; hidden: units of cancelled orders that the channel has put back on sale, and
 * whose cancellation we have not seen; the hold of each such order still stands on our side, so the
 * invariant of allot.h covers them. U is the sum of the caps.
 *
 * The counters that were ever in force follow each other in the order in which our writes landed.
 * A write lands once, within its window, which closes A after its last byte left (or earlier: when
 * it is proven). Number the generations as they stand here, i = 0 the oldest. (1) alone would not
 * survive that a cap is dropped; what the code keeps is stronger, for every i:
 *
 *     (2)  what was sold unseen from, and is sellable on, counters of generations >= i
 *            <= sum of caps of generations >= i, + hidden there
 *
 * Why each rule keeps (2):
 *   grant of set(q)   adds a counter from which at most q can be sold, once: it lands once.
 *   order             is taken from the oldest caps first. Let P be the caps below i, p the orders
 *                     seen of counters below i, s those of i and above: p <= P, so at most
 *                     max(0, p + s - P) <= s units were taken from i and above.
 *   retirement        a write proven at T whose call began after the window of g had closed landed
 *                     on top of g, and g cannot land again: all sales from g were made before T, so
 *                     when every sale up to T has been told, g has nothing unseen and nothing
 *                     sellable. A g whose window was open may have landed on top of the write and
 * be the counter in force now; no waiting changes that, only a later write does. "W later than T",
 * not "W >= T": a sale in the millisecond of T is not before T. adjust(+d)        adds at most d to
 * whichever counter is in force. adjust(-d) has taken `fell` from it when it is proven, and nothing
 * before that. cas(k -> q)       when it lands the counter was k, so of U at most U - k is unseen
 * and the rest becomes q: U + (q - k), counted at the grant if that is a rise, at the proof if it
 * is a fall. The part U - k was sold before T. refused           as if the write had never been:
 * its cap goes, and orders that were taken from it are taken from the others. read-back v       the
 * counter at some instant x, from t - R to its arrival. Every window closed before t - R, so from x
 * on nothing but sales and restocks changed it: v covers all after x. What was sold before x is in
 * the rest, which goes when W is later than the arrival. (Not t - R: the value may be fresher than
 * R allows, and then a sale between t - R and x is in the rest and not in v.) Orders seen since t -
 * R make U smaller than v without any fault; only v beyond that is drift. cancelled         moves n
 * from hidden to the newest cap. Always: a read-back that has counted the restocked units in v has,
 * by min(v, U), not made room for them. An older v does not know them, so it may not speak of an
 * instant before the restock. merging           two caps become one with the later times: (2) holds
 * for fewer i. first contact     is a generation whose cap is unknown. Orders come off it without
 * end; it goes like any other. */
#include "core/state/promise.h"
#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/fault.h"

#define VERSION       1
#define CAP_MAX       (STK_PROMISE_UNKNOWN - 1)
#define NUMBERS_APART 30000 /* of live writes: halves of 16 bits stay comparable */
#define SEEN_SPAN_S   60    /* and twice R: how far back units of orders are known at least */

/* KIND_CAS_RESTOCKED: a cas; units were put back on sale since its grant. */
enum { KIND_COUNTER = 0, KIND_RISE, KIND_FALL, KIND_CAS, KIND_CAS_RESTOCKED, KIND_COUNT };

/* --- one generation --- */

/* When the last instant has passed at which it can land. */
static stk_time_t closes_at(const struct stk_generation *g, const struct stk_bounds *bounds)
{
    switch (g->state) {
    case STK_GENERATION_OPEN:
        return INT64_MAX;
    case STK_GENERATION_LEFT:
        return g->at_ms + bounds->apply_ms;
    case STK_GENERATION_LANDED:
        return g->at_ms;
    default: /* overwritten; the counter above it answers for the windows */
        return INT64_MIN;
    }
}

static int is_unproven(const struct stk_generation *g)
{
    return g->state == STK_GENERATION_OPEN || g->state == STK_GENERATION_LEFT;
}

static int is_cas(const struct stk_generation *g)
{
    return g->kind == KIND_CAS || g->kind == KIND_CAS_RESTOCKED;
}

static uint32_t cap_sum(uint32_t a, uint32_t b)
{
    if (a == STK_PROMISE_UNKNOWN || b == STK_PROMISE_UNKNOWN)
        return STK_PROMISE_UNKNOWN;
    return a > CAP_MAX - b ? CAP_MAX : a + b;
}

static int is_not_before(uint32_t number, uint16_t cover)
{
    return (int16_t)(uint16_t)(number - cover) >= 0;
}

static stk_time_t later(stk_time_t a, stk_time_t b)
{
    return a > b ? a : b;
}

/* The sum of both, the later times, the less certain state. */
static struct stk_generation merged(const struct stk_generation *a, const struct stk_generation *b)
{
    const struct stk_generation *low = a->state <= b->state ? a : b, *high = low == a ? b : a;
    struct stk_generation sum = {.cap = cap_sum(a->cap, b->cap),
                                 .at_ms = later(a->at_ms, b->at_ms),
                                 .state = low->state,
                                 .kind = a->kind};
    if (sum.state == STK_GENERATION_OPEN) /* no number, no end of its call: a restart closes it */
        sum.at_ms = 0;
    else if (high->state == STK_GENERATION_RETIRING)
        sum.cover = low->cover;
    else if (a->cover && b->cover)
        sum.cover = is_not_before(a->cover, b->cover) ? a->cover : b->cover;
    return sum;
}

/* --- the list --- */

static void remove_at(struct stk_promise *p, unsigned index)
{
    p->count--;
    for (unsigned i = index; i < p->count; i++)
        p->generation[i] = p->generation[i + 1];
    p->generation[p->count] = (struct stk_generation){0};
}

static void merge_into(struct stk_promise *p, unsigned index)
{
    p->generation[index] = merged(&p->generation[index], &p->generation[index + 1]);
    remove_at(p, index + 1);
}

static struct stk_generation *push(struct stk_promise *p, struct stk_generation g)
{
    if (p->count == STK_PROMISE_GENERATIONS)
        merge_into(p, 0);
    p->generation[p->count] = g;
    return &p->generation[p->count++];
}

/* Parts of a counter that are proven become one with it. */
static void join_landed(struct stk_promise *p)
{
    for (unsigned i = p->count - 1u; i > 0; i--)
        if (p->generation[i].kind != KIND_COUNTER &&
            p->generation[i].state == STK_GENERATION_LANDED &&
            p->generation[i - 1].state == STK_GENERATION_LANDED)
            merge_into(p, i - 1);
}

/* Retired caps that W has passed, in turn: not one that an older one stands before. */
static int drop_retired(struct stk_promise *p)
{
    int in_turn = !stk_fault_point(STK_FAULT_PLANT_PROMISE_OUT_OF_TURN), changed = 0;
    for (unsigned i = 0; i < p->count;) {
        const struct stk_generation *g = &p->generation[i];
        if (g->state == STK_GENERATION_RETIRING &&
            (p->watermark > g->at_ms || stk_fault_point(STK_FAULT_PLANT_PROMISE_NO_WATERMARK))) {
            remove_at(p, i);
            changed = 1;
        } else if (in_turn) {
            break;
        } else {
            i++;
        }
    }
    stk_assert(p->count > 0);
    return changed;
}

static struct stk_generation *find(struct stk_promise *p, uint32_t number)
{
    for (unsigned i = 0; number && i < p->count; i++)
        if (p->generation[i].number == number)
            return &p->generation[i];
    return NULL;
}

/* Units off the caps, the oldest first; what is left over. */
static uint32_t take_oldest(struct stk_promise *p, uint32_t units)
{
    for (unsigned i = 0; i < p->count && units; i++) {
        struct stk_generation *g = &p->generation[i];
        uint32_t take = g->cap < units ? g->cap : units;
        if (g->cap == STK_PROMISE_UNKNOWN)
            return 0;
        g->cap -= take;
        units -= take;
    }
    return units;
}

static void take_newest(struct stk_promise *p, uint32_t units)
{
    for (unsigned i = p->count; i-- > 0 && units;) {
        struct stk_generation *g = &p->generation[i];
        uint32_t take = g->cap < units ? g->cap : units;
        if (g->cap == STK_PROMISE_UNKNOWN)
            return;
        g->cap -= take;
        units -= take;
    }
}

/* --- look --- */

uint32_t stk_promise_units(const struct stk_promise *p)
{
    uint32_t units = 0;
    if (stk_fault_point(STK_FAULT_PLANT_PROMISE_NEWEST))
        return stk_promise_newest(p);
    for (unsigned i = 0; i < p->count; i++)
        units = cap_sum(units, p->generation[i].cap);
    return units;
}

uint32_t stk_promise_newest(const struct stk_promise *p)
{
    uint32_t units = 0;
    unsigned i = p->count;
    stk_assert(i > 0);
    do
        units = cap_sum(units, p->generation[--i].cap);
    while (i > 0 && p->generation[i].kind != KIND_COUNTER);
    return units;
}

static int is_after_breach(const struct stk_promise *p)
{
    return p->breach_ms && p->watermark <= p->breach_ms;
}

stk_time_t stk_promise_waits_for(const struct stk_promise *p)
{
    const struct stk_generation *oldest = &p->generation[0];
    stk_time_t first = is_after_breach(p) ? p->breach_ms : INT64_MAX;
    if (oldest->state == STK_GENERATION_RETIRING && oldest->at_ms < first)
        first = oldest->at_ms;
    return first;
}

/* The last window of all; INT64_MAX while a call is not over. */
static stk_time_t last_close(const struct stk_promise *p, const struct stk_bounds *bounds)
{
    stk_time_t last = INT64_MIN;
    for (unsigned i = 0; i < p->count; i++)
        last = later(last, closes_at(&p->generation[i], bounds));
    return last;
}

stk_time_t stk_promise_again_at(const struct stk_promise *p, const struct stk_bounds *bounds)
{
    stk_time_t last = last_close(p, bounds);
    int waiting = 0;
    for (unsigned i = 0; i + 1 < p->count; i++)
        waiting |= p->generation[i].state != STK_GENERATION_RETIRING;
    if (!waiting || last == INT64_MAX || bounds->write != STK_WRITE_SET ||
        bounds->proof == STK_PROOF_READBACK)
        return INT64_MAX;
    return last + 1;
}

stk_time_t stk_promise_readable_at(const struct stk_promise *p, const struct stk_bounds *bounds)
{
    stk_time_t last = last_close(p, bounds);
    if (last == INT64_MAX)
        return INT64_MAX;
    return later(later(last, p->restock_ms) + 1, p->read_ms) + bounds->read_ms;
}

int stk_promise_sound(const struct stk_promise *p)
{
    uint64_t sum = 0;
    if (p->count < 1 || p->count > STK_PROMISE_GENERATIONS)
        return 0;
    for (unsigned i = 0; i < p->count; i++) {
        const struct stk_generation *g = &p->generation[i];
        if (g->state < STK_GENERATION_OPEN || g->state > STK_GENERATION_RETIRING ||
            g->kind >= KIND_COUNT || (g->cap == STK_PROMISE_UNKNOWN && i > 0) ||
            (g->state == STK_GENERATION_LANDED && g->number))
            return 0;
        sum += g->cap == STK_PROMISE_UNKNOWN ? 0 : g->cap;
    }
    return sum <= CAP_MAX && p->generation[p->count - 1].state != STK_GENERATION_RETIRING;
}

int64_t stk_promise_widened(int64_t bound_ms, int64_t seen_ms)
{
    stk_assert(seen_ms <= INT64_MAX / 3);
    return seen_ms > bound_ms ? seen_ms + seen_ms / 2 : bound_ms;
}

/* --- rule 0, restart --- */

void stk_promise_init(struct stk_promise *p, stk_time_t left_ms)
{
    *p = (struct stk_promise){.count = 1};
    p->generation[0] = (struct stk_generation){
        .at_ms = left_ms, .cap = STK_PROMISE_UNKNOWN, .state = STK_GENERATION_LEFT};
}

void stk_promise_restart(struct stk_promise *p, stk_time_t now_ms)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->generation[i].state == STK_GENERATION_OPEN) {
            p->generation[i].state = STK_GENERATION_LEFT;
            p->generation[i].at_ms = now_ms;
        }
    stk_assert(stk_promise_sound(p));
}

/* --- rules 2 to 5 --- */

/* What the grant adds to U at once. */
static uint32_t grant_rise(const struct stk_grant *grant)
{
    uint32_t value = grant->value > 0 ? (uint32_t)grant->value : 0;
    if (grant->kind != STK_WRITE_CAS)
        return value;
    return value > grant->expect ? value - grant->expect : 0;
}

static int has_open_window(const struct stk_promise *p, const struct stk_bounds *bounds,
                           stk_time_t now_ms)
{
    for (unsigned i = 0; i < p->count; i++)
        if (is_unproven(&p->generation[i]) && closes_at(&p->generation[i], bounds) >= now_ms)
            return 1;
    return 0;
}

/* No rise at all, whatever the room. */
static int is_held_down(const struct stk_promise *p, const struct stk_bounds *bounds,
                        stk_time_t now_ms)
{
    if (is_after_breach(p))
        return 1;
    return bounds->write == STK_WRITE_SET && has_open_window(p, bounds, now_ms);
}

enum stk_status stk_promise_may_grant(const struct stk_promise *p, const struct stk_bounds *bounds,
                                      const struct stk_grant *grant, uint32_t room,
                                      stk_time_t now_ms, uint32_t *units)
{
    uint32_t promised = stk_promise_units(p), rise = grant_rise(grant), above = rise;
    if (grant->kind != bounds->write || grant->expect > STK_QUANTITY_MAX ||
        (grant->value < 0 && grant->kind != STK_WRITE_ADJUST))
        return STK_INVALID;
    if (units)
        *units = cap_sum(promised, rise);
    if (grant->kind == STK_WRITE_CAS && has_open_window(p, bounds, now_ms))
        return STK_STATE;
    if (grant->kind == STK_WRITE_CAS && grant->expect > promised)
        return STK_MISMATCH;
    if (rise == 0)
        return STK_OK;
    if (promised == STK_PROMISE_UNKNOWN)
        return STK_STATE;
    if (grant->kind == STK_WRITE_SET) {
        uint32_t newest = stk_promise_newest(p);
        above = rise > newest ? rise - newest : 0;
    }
    if (above && is_held_down(p, bounds, now_ms))
        return STK_STATE;
    return rise > room || promised > STK_QUANTITY_MAX - rise ? STK_SHORT : STK_OK;
}

uint32_t stk_promise_limit(const struct stk_promise *p, const struct stk_bounds *bounds,
                           uint32_t expect, uint32_t room, stk_time_t now_ms)
{
    uint32_t promised = stk_promise_units(p), limit = room, base = 0, newest;
    if (bounds->write == STK_WRITE_CAS) {
        if (expect > promised || expect > STK_QUANTITY_MAX || has_open_window(p, bounds, now_ms))
            return 0;
        base = expect;
    }
    if (promised >= STK_QUANTITY_MAX) /* unknown too */
        return base;
    if (limit > STK_QUANTITY_MAX - promised)
        limit = STK_QUANTITY_MAX - promised;
    if (!is_held_down(p, bounds, now_ms))
        return base + limit;
    newest = stk_promise_newest(p);
    return bounds->write != STK_WRITE_SET ? base : limit < newest ? limit : newest;
}

/* Windows that have closed are covered by this write; numbers stay comparable. */
static void grant_cover(struct stk_promise *p, const struct stk_bounds *bounds, stk_time_t now_ms)
{
    uint16_t cover = (uint16_t)p->last_number;
    for (unsigned i = 0; i < p->count; i++) {
        struct stk_generation *g = &p->generation[i];
        if (g->number && p->last_number - g->number > NUMBERS_APART)
            g->number = 0;
        if (g->cover && (uint16_t)(cover - g->cover) > NUMBERS_APART)
            g->cover = 0;
        if (!g->cover && g->state != STK_GENERATION_RETIRING && closes_at(g, bounds) < now_ms)
            g->cover = cover;
    }
}

uint32_t stk_promise_grant(struct stk_promise *p, const struct stk_bounds *bounds,
                           const struct stk_grant *grant, stk_time_t now_ms)
{
    struct stk_generation g = {.state = STK_GENERATION_OPEN, .cap = grant_rise(grant)};
    stk_assert(grant->kind == bounds->write);
    g.given = g.cap;
    do
        p->last_number++;
    while ((uint16_t)p->last_number == 0);
    g.number = p->last_number;
    if (grant->kind == STK_WRITE_SET) {
        grant_cover(p, bounds, now_ms);
    } else if (grant->kind == STK_WRITE_CAS) {
        for (unsigned i = 0; i < p->count; i++) /* an earlier one whose end was never known */
            if (is_cas(&p->generation[i]))
                p->generation[i].number = 0;
        p->expect = grant->expect;
        g.kind = KIND_CAS;
        g.given = (uint32_t)grant->value;
    } else if (grant->value < 0) {
        g.kind = KIND_FALL;
        g.given = (uint32_t) - (int64_t)grant->value;
    } else {
        g.kind = KIND_RISE;
    }
    push(p, g);
    stk_assert(stk_promise_sound(p));
    return g.number;
}

/* --- what became of it --- */

void stk_promise_left(struct stk_promise *p, uint32_t number, stk_time_t at_ms)
{
    struct stk_generation *g = find(p, number);
    if (!g || g->state != STK_GENERATION_OPEN)
        return;
    g->state = STK_GENERATION_LEFT;
    g->at_ms = at_ms;
}

/* The counter had `value` at some instant up to over_ms, all windows were closed: what was sold
 * before is the rest, which goes when W is later than over_ms. Caps that go earlier than that stay
 * as they are. */
static void recount(struct stk_promise *p, uint32_t value, stk_time_t closed_ms, stk_time_t over_ms)
{
    struct stk_generation newest = {
        .at_ms = closed_ms, .cap = value, .state = STK_GENERATION_LANDED};
    struct stk_generation rest = {.at_ms = over_ms, .state = STK_GENERATION_RETIRING};
    unsigned kept = 0;
    while (p->generation[kept].state == STK_GENERATION_RETIRING &&
           p->generation[kept].at_ms <= over_ms)
        kept++;
    stk_assert(kept < p->count);
    for (unsigned i = kept; i < p->count; i++)
        rest.cap = cap_sum(rest.cap, p->generation[i].cap);
    for (unsigned i = kept; i < p->count; i++)
        p->generation[i] = (struct stk_generation){0};
    p->count = (uint8_t)kept;
    if (rest.cap < value)
        take_newest(p, value - rest.cap);
    if (rest.cap != STK_PROMISE_UNKNOWN)
        rest.cap = rest.cap < value ? 0 : rest.cap - value;
    if (stk_fault_point(STK_FAULT_PLANT_PROMISE_DROP_REST))
        rest.cap = 0;
    if (rest.cap) {
        while (p->count > STK_PROMISE_GENERATIONS - 2)
            merge_into(p, 0);
        push(p, rest);
    }
    push(p, newest);
    drop_retired(p);
    stk_assert(stk_promise_sound(p));
}

static void applied_set(struct stk_promise *p, struct stk_generation *g, stk_time_t at_ms,
                        stk_time_t closed_ms, uint32_t number)
{
    for (struct stk_generation *older = p->generation; older < g; older++) {
        int covered = older->cover && is_not_before(number, older->cover);
        if (older->state == STK_GENERATION_RETIRING)
            continue;
        if (covered || stk_fault_point(STK_FAULT_PLANT_PROMISE_ANY_PROOF)) {
            older->at_ms = older->state == STK_GENERATION_OPEN ? at_ms : later(at_ms, older->at_ms);
            older->state = STK_GENERATION_RETIRING;
        }
    }
    g->state = STK_GENERATION_LANDED;
    g->at_ms = closed_ms;
}

/* U = q + (U - k), of which U - k was sold before. Units that were restocked meanwhile may have
 * come on top of q, so then the parts are not told apart. */
static void applied_cas(struct stk_promise *p, const struct stk_bounds *bounds,
                        struct stk_generation *g, stk_time_t at_ms)
{
    stk_time_t closed_ms = last_close(p, bounds);
    uint32_t value = g->given, units;
    if (p->expect > value)
        take_newest(p, p->expect - value);
    if (g->kind == KIND_CAS_RESTOCKED || closed_ms > at_ms) {
        join_landed(p);
        return;
    }
    units = stk_promise_units(p);
    recount(p, value < units ? value : units, closed_ms, at_ms);
}

void stk_promise_applied(struct stk_promise *p, const struct stk_bounds *bounds, uint32_t number,
                         stk_time_t at_ms, uint32_t fell)
{
    struct stk_generation *g = find(p, number);
    stk_time_t closed_ms = at_ms;
    if (!g || !is_unproven(g))
        return;
    if (closes_at(g, bounds) < at_ms)
        closed_ms = closes_at(g, bounds);
    g->number = 0;
    if (g->kind == KIND_COUNTER) {
        applied_set(p, g, at_ms, closed_ms, number);
        drop_retired(p);
    } else if (is_cas(g)) {
        g->state = STK_GENERATION_LANDED;
        g->at_ms = closed_ms;
        applied_cas(p, bounds, g, at_ms);
    } else {
        uint32_t given = g->kind == KIND_FALL ? g->given : 0;
        g->state = STK_GENERATION_LANDED;
        g->at_ms = closed_ms;
        take_newest(p, fell < given ? fell : given);
        join_landed(p);
    }
    stk_assert(stk_promise_sound(p));
}

/* Orders beyond what covers them. */
static uint32_t breach(struct stk_promise *p, uint32_t units, stk_time_t now_ms)
{
    if (units)
        p->breach_ms = now_ms;
    return units;
}

uint32_t stk_promise_refused(struct stk_promise *p, uint32_t number, stk_time_t at_ms)
{
    struct stk_generation *g = find(p, number);
    uint32_t cap, given, over = 0;
    if (!g)
        return 0;
    stk_assert(p->count > 1);
    cap = g->cap;
    given = g->kind == KIND_FALL ? 0 : g->given;
    if (is_cas(g))
        given = given > p->expect ? given - p->expect : 0;
    remove_at(p, (unsigned)(g - p->generation));
    if (cap > given) { /* restocked meanwhile */
        struct stk_generation *newest = &p->generation[p->count - 1];
        newest->cap = cap_sum(newest->cap, cap - given);
    } else {
        over = breach(p, take_oldest(p, given - cap), at_ms);
    }
    stk_assert(stk_promise_sound(p));
    return over;
}

/* --- what else is seen --- */

/* The newer span begins again when it is long enough. */
static void seen_roll(struct stk_promise *p, const struct stk_bounds *bounds, stk_time_t now_ms)
{
    int64_t next_s = now_ms / 1000 + 1; /* later than anything that was seen before */
    if (next_s - p->seen_s[1] <= SEEN_SPAN_S + 2 * bounds->read_ms / 1000)
        return;
    p->seen_s[0] = p->seen_s[1];
    p->seen_units[0] = p->seen_units[1];
    p->seen_s[1] = next_s < UINT32_MAX ? (uint32_t)next_s : UINT32_MAX;
    p->seen_units[1] = 0;
}

static void seen_add(struct stk_promise *p, const struct stk_bounds *bounds, uint32_t units,
                     stk_time_t now_ms)
{
    seen_roll(p, bounds, now_ms);
    for (unsigned i = 0; i < 2; i++)
        if (p->seen_s[i] * INT64_C(1000) <= now_ms)
            p->seen_units[i] = cap_sum(p->seen_units[i], units);
}

/* At least what was seen since then; all there may be when it is too long ago to know. */
static uint32_t seen_since(const struct stk_promise *p, stk_time_t since_ms)
{
    for (unsigned i = 2; i-- > 0;)
        if (p->seen_s[i] * INT64_C(1000) <= since_ms)
            return p->seen_units[i];
    return UINT32_MAX;
}

uint32_t stk_promise_order(struct stk_promise *p, const struct stk_bounds *bounds, uint32_t units,
                           stk_time_t now_ms)
{
    seen_add(p, bounds, units, now_ms);
    return breach(p, take_oldest(p, units), now_ms);
}

/* The mutation: the newest write looks lost, so its cap is given back. */
static void readback_lost(struct stk_promise *p, uint32_t value)
{
    struct stk_generation *g = &p->generation[p->count - 1];
    if (is_unproven(g) && g->number && p->count > 1 && value != g->given)
        stk_promise_refused(p, g->number, 0);
}

enum stk_status stk_promise_readback(struct stk_promise *p, const struct stk_bounds *bounds,
                                     uint32_t value, stk_time_t asked_ms, stk_time_t got_ms,
                                     uint32_t *drift)
{
    stk_time_t since_ms = asked_ms - bounds->read_ms, closed_ms;
    stk_time_t over_ms = got_ms;
    uint32_t units;
    *drift = 0;
    if (stk_fault_point(STK_FAULT_PLANT_PROMISE_OLD_READ))
        since_ms = asked_ms;
    if (stk_fault_point(STK_FAULT_PLANT_PROMISE_READ_EARLY))
        over_ms = since_ms;
    if (stk_fault_point(STK_FAULT_PLANT_PROMISE_LOST))
        readback_lost(p, value);
    closed_ms = last_close(p, bounds);
    if (closed_ms >= since_ms || since_ms < p->read_ms ||
        (p->restock_ms && p->restock_ms >= since_ms))
        return STK_STALE;
    units = stk_promise_units(p);
    p->read_ms = since_ms;
    seen_roll(p, bounds, got_ms);
    if (value > CAP_MAX)
        value = CAP_MAX;
    if (units != STK_PROMISE_UNKNOWN && value > units) {
        if (value - units > seen_since(p, since_ms))
            *drift = value - units;
        else
            value = units;
    }
    recount(p, value, closed_ms, over_ms);
    return STK_OK;
}

void stk_promise_cancelled(struct stk_promise *p, uint32_t units, stk_time_t at_ms)
{
    struct stk_generation *newest = &p->generation[p->count - 1];
    if (stk_fault_point(STK_FAULT_PLANT_PROMISE_COUNTED) && at_ms < p->read_ms)
        return;
    p->restock_ms = later(p->restock_ms, at_ms);
    newest->cap = cap_sum(newest->cap, units);
    if (newest->kind == KIND_CAS)
        newest->kind = KIND_CAS_RESTOCKED;
}

int stk_promise_watermark(struct stk_promise *p, stk_time_t watermark)
{
    int held = is_after_breach(p);
    if (watermark <= p->watermark)
        return 0;
    p->watermark = watermark;
    return drop_retired(p) | (held && !is_after_breach(p));
}

/* --- bytes --- */

static uint8_t *put_generation(uint8_t *at, const struct stk_generation *g, uint32_t last_number)
{
    *at++ = (uint8_t)(g->state | g->kind << 4);
    at = stk_put_varint(at, (uint32_t)(g->cap + 1)); /* unknown is 0 */
    at = stk_put_varint(at, g->given);
    at = stk_put_varint(at, g->number ? (uint64_t)(last_number - g->number) + 1 : 0);
    at = stk_put_varint(at, g->cover);
    return stk_put_zigzag(at, g->at_ms);
}

uint8_t *stk_promise_write(const struct stk_promise *p, uint8_t *at)
{
    stk_assert(stk_promise_sound(p));
    *at++ = VERSION;
    at = stk_put_zigzag(at, p->watermark);
    at = stk_put_zigzag(at, p->breach_ms);
    at = stk_put_zigzag(at, p->read_ms);
    at = stk_put_zigzag(at, p->restock_ms);
    for (unsigned i = 0; i < 2; i++) {
        at = stk_put_varint(at, p->seen_s[i]);
        at = stk_put_varint(at, p->seen_units[i]);
    }
    at = stk_put_varint(at, p->last_number);
    at = stk_put_varint(at, p->expect);
    *at++ = p->count;
    for (unsigned i = 0; i < p->count; i++)
        at = put_generation(at, &p->generation[i], p->last_number);
    return at;
}

static void get_generation(struct stk_reader *in, struct stk_generation *g, uint32_t last_number)
{
    uint8_t head = stk_get_u8(in);
    uint32_t age;
    g->state = head & 15;
    g->kind = head >> 4;
    g->cap = (uint32_t)stk_get_max(in, UINT32_MAX) - 1;
    g->given = (uint32_t)stk_get_max(in, UINT32_MAX);
    age = (uint32_t)stk_get_max(in, UINT32_MAX);
    g->number = age ? last_number - age + 1 : 0;
    g->cover = (uint16_t)stk_get_max(in, UINT16_MAX);
    g->at_ms = stk_get_zigzag(in);
}

enum stk_status stk_promise_read(struct stk_promise *p, const void *data, size_t size)
{
    struct stk_reader in = stk_reader(data, size);
    *p = (struct stk_promise){0};
    if (stk_get_u8(&in) != VERSION)
        return in.bad ? STK_CORRUPT : STK_VERSION;
    p->watermark = stk_get_zigzag(&in);
    p->breach_ms = stk_get_zigzag(&in);
    p->read_ms = stk_get_zigzag(&in);
    p->restock_ms = stk_get_zigzag(&in);
    for (unsigned i = 0; i < 2; i++) {
        p->seen_s[i] = (uint32_t)stk_get_max(&in, UINT32_MAX);
        p->seen_units[i] = (uint32_t)stk_get_max(&in, UINT32_MAX);
    }
    p->last_number = (uint32_t)stk_get_max(&in, UINT32_MAX);
    p->expect = (uint32_t)stk_get_max(&in, UINT32_MAX);
    p->count = stk_get_u8(&in);
    if (p->count < 1 || p->count > STK_PROMISE_GENERATIONS)
        return STK_CORRUPT;
    for (unsigned i = 0; i < p->count; i++)
        get_generation(&in, &p->generation[i], p->last_number);
    return in.bad || in.at != in.end || !stk_promise_sound(p) ? STK_CORRUPT : STK_OK;
}
