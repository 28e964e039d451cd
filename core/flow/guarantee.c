/* Guaranteed mode. The arithmetic is promise.h's, the invariant over pools is allot.h's; here they
 * meet the cells, and it is decided what a counter is told next.
 *
 * Policy: what is available is shared evenly by the guaranteed counters of a SKU; what does not
 * divide goes to the first of them, so that the last units stand on one channel only. A channel
 * that is written by `set` gets half of its part at a time: a refresh needs room for the old
 * counter and the new one at once, until the old one is known to be out of force. */
#include "core/flow/guarantee.h"
#include "core/flow/allocate.h"
#include "core/flow/publish.h"
#include "core/flow/publish_row.h"
#include "core/state/promise.h"

#define LOOK_AGAIN_LEAST_MS 1000
#define LOOK_AGAIN_MOST_MS  60000
#define FAR                 2  /* times the fair part: that is given back when there is no room */
#define STUCK_WINDOWS       10 /* so many windows without room for a refresh: the counter falls */

int stk_guarantees(const struct stk_state *state, const struct stk_publication *at)
{
    return at->kind == STK_PUBLISH_QUANTITY &&
           stk_channel_at(&state->channels, at->channel)->mode == STK_MODE_GUARANTEED;
}

static struct stk_bounds bounds_of(const struct stk_channel *channel)
{
    return (struct stk_bounds){
        .write = channel->write,
        .proof = channel->proof,
        .restocks_on = channel->restocks,
        .apply_ms = channel->apply_ms,
        .read_ms = channel->read_ms,
        .order_ms = channel->order_ms,
        .cancel_ms = channel->cancel_ms,
    };
}

/* The promise, up to date with what the channel has told of its orders. */
static struct stk_promise *promise_of(const struct stk_state *state,
                                      const struct stk_publication *at)
{
    struct stk_promise *p = stk_pool_at(&state->channels.promises, at->promise - 1);
    stk_promise_watermark(p, stk_channel_at(&state->channels, at->channel)->watermark_ms);
    return p;
}

uint32_t stk_guarantee_units(const struct stk_state *state, const struct stk_publication *at)
{
    return at->promise ? stk_promise_units(promise_of(state, at)) : 0;
}

/* ---- having one ---- */

void stk_guarantee_count(struct stk_state *state, stk_listing_t listing, int by)
{
    const struct stk_catalog *catalog = &state->catalog;
    uint32_t slot = stk_published_find(&state->channels, listing, STK_PUBLISH_QUANTITY);
    if (slot == STK_NONE || !stk_published_at(&state->channels, slot)->promise)
        return;
    for (uint32_t i = stk_catalog_listing(catalog, listing)->first_component; i != STK_NONE;) {
        const struct stk_component *component = stk_catalog_component(catalog, i);
        struct stk_sku_more *more = stk_catalog_sku_more(catalog, component->sku);
        stk_assert(by > 0 || more->pools);
        more->pools += (uint32_t)by;
        i = component->next_of_listing;
    }
}

int stk_guarantee_attach(struct stk_state *state, uint32_t slot)
{
    struct stk_channels *channels = &state->channels;
    struct stk_publication *at = stk_published_at(channels, slot);
    stk_assert(!at->promise && at->kind == STK_PUBLISH_QUANTITY);
    uint32_t promise = stk_pool_take(&channels->promises);
    if (promise == STK_NONE)
        return 0;
    stk_promise_init(stk_pool_at(&channels->promises, promise),
                     at->known & STK_KNOWN_SENT ? at->sent_ms : 0);
    at->promise = promise + 1;
    at->restarted = 1;
    stk_guarantee_count(state, at->listing, 1);
    return 1;
}

void stk_guarantee_detach(struct stk_state *state, uint32_t slot)
{
    struct stk_publication *at = stk_published_at(&state->channels, slot);
    if (!at->promise)
        return;
    stk_guarantee_count(state, at->listing, -1);
    stk_pool_give(&state->channels.promises, at->promise - 1);
    at->promise = 0;
}

/* ---- the invariant ---- */

static uint64_t locations_of(const struct stk_state *state, stk_channel_t channel)
{
    uint64_t mask = 0;
    for (stk_location_t i = 0; i < state->catalog.locations; i++)
        if (stk_allocate_allowed(&state->catalog.location[i], channel))
            mask |= UINT64_C(1) << i;
    return mask;
}

static void add_cells(struct stk_apply *apply, stk_sku_t sku, struct stk_allot *allot)
{
    const struct stk_catalog *catalog = &apply->state->catalog;
    for (stk_cell_t i = stk_catalog_sku(catalog, sku)->first_cell; i != STK_NONE;) {
        const struct stk_cell *cell = stk_catalog_cell(catalog, i);
        struct stk_cell_numbers n = stk_cell_numbers(cell);
        int64_t units = (int64_t)n.on_hand - n.held - n.earmarked;
        if (apply->scratch->planned_count)
            units -= apply->scratch->marks[i].planned;
        if (units > 0)
            stk_allot_stock(allot, cell->location, (uint64_t)units);
        i = cell->next;
    }
}

/* What an order that is being placed has sold of the listing: it is no longer to be sold. */
static uint32_t sold_now(const struct stk_apply *apply, stk_listing_t listing)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < apply->scratch->solds; i++)
        if (apply->scratch->sold[i].listing == listing)
            sum += apply->scratch->sold[i].units;
    return sum;
}

/* 0: more different sets of locations than can be looked at; nothing may rise. */
static int add_pools(struct stk_apply *apply, stk_sku_t sku, struct stk_allot *allot)
{
    const struct stk_state *state = apply->state;
    const struct stk_catalog *catalog = &state->catalog;
    for (uint32_t i = stk_catalog_sku(catalog, sku)->first_component; i != STK_NONE;) {
        const struct stk_component *component = stk_catalog_component(catalog, i);
        uint32_t slot =
            stk_published_find(&state->channels, component->listing, STK_PUBLISH_QUANTITY);
        i = component->next_of_sku;
        if (slot == STK_NONE || !stk_published_at(&state->channels, slot)->promise)
            continue;
        const struct stk_publication *at = stk_published_at(&state->channels, slot);
        uint32_t units = stk_promise_units(promise_of(state, at));
        uint32_t sold = sold_now(apply, component->listing);
        uint64_t promised = STK_ALLOT_UNKNOWN;
        if (units != STK_PROMISE_UNKNOWN)
            promised = (uint64_t)(units > sold ? units - sold : 0) * component->units;
        if (stk_allot_add(allot, locations_of(state, at->channel), promised) != STK_OK)
            return 0;
    }
    return 1;
}

static int make_allot(struct stk_apply *apply, stk_sku_t sku)
{
    struct stk_allot *allot = &apply->scratch->allot;
    stk_allot_init(allot);
    add_cells(apply, sku, allot);
    return add_pools(apply, sku, allot);
}

uint64_t stk_guarantee_room(struct stk_apply *apply, stk_sku_t sku, uint64_t locations)
{
    return make_allot(apply, sku) ? stk_allot_room(&apply->scratch->allot, locations) : 0;
}

/* Units of the listing that may be promised beside all promises; *missing: some are already too
 * many. */
static uint32_t room_of(struct stk_apply *apply, const struct stk_publication *at, int *missing)
{
    const struct stk_catalog *catalog = &apply->state->catalog;
    uint64_t locations = locations_of(apply->state, at->channel), room = STK_QUANTITY_MAX;
    *missing = 0;
    for (uint32_t i = stk_catalog_listing(catalog, at->listing)->first_component; i != STK_NONE;) {
        const struct stk_component *component = stk_catalog_component(catalog, i);
        uint64_t here = 0;
        if (make_allot(apply, component->sku)) {
            *missing |= stk_allot_missing(&apply->scratch->allot) > 0;
            here = stk_allot_room(&apply->scratch->allot, locations) / component->units;
        }
        room = here < room ? here : room;
        i = component->next_of_listing;
    }
    return (uint32_t)room;
}

/* ---- what next ---- */

/* The even part of `most` units of the listing; *pools: counters that share, at least 1. */
static int64_t fair_part(struct stk_apply *apply, const struct stk_publication *at, int64_t most,
                         uint32_t *pools)
{
    const struct stk_state *state = apply->state;
    const struct stk_catalog *catalog = &state->catalog;
    int64_t fair = most;
    *pools = 1;
    for (uint32_t i = stk_catalog_listing(catalog, at->listing)->first_component; i != STK_NONE;) {
        const struct stk_component *component = stk_catalog_component(catalog, i);
        uint32_t here = stk_catalog_sku_more(catalog, component->sku)->pools, before = 0;
        for (uint32_t j = stk_catalog_sku(catalog, component->sku)->first_component;
             j != STK_NONE && here > 1;) {
            const struct stk_component *other = stk_catalog_component(catalog, j);
            uint32_t slot =
                stk_published_find(&state->channels, other->listing, STK_PUBLISH_QUANTITY);
            before += slot != STK_NONE && stk_published_at(&state->channels, slot)->promise &&
                      other->listing < at->listing;
            j = other->next_of_sku;
        }
        int64_t part = here ? most / here + (before < most % here) : most;
        fair = part < fair ? part : fair;
        *pools = here > *pools ? here : *pools;
        i = component->next_of_listing;
    }
    return fair;
}

/* What the counter should be, `newest` being what it is. */
static int64_t target_of(struct stk_apply *apply, const struct stk_publication *at, int64_t most,
                         int64_t newest, uint32_t room)
{
    uint32_t pools;
    int64_t fair = fair_part(apply, at, most, &pools), target = fair;
    int64_t spare = room / (pools + 1);
    if (stk_channel_at(&apply->state->channels, at->channel)->write == STK_WRITE_SET) {
        fair = (fair + 1) / 2;
        target = fair;
        spare /= 2;
    }
    if (newest + spare > target)
        target = newest + spare;
    if (room == 0 && newest > FAR * fair)
        target = fair; /* others have too little */
    return target < most ? target : most;
}

/* Not worth a call. */
static int is_near(int64_t newest, int64_t target)
{
    int64_t apart = newest > target ? newest - target : target - newest;
    return newest > 0 && target > 0 && apart * 4 < target;
}

static void next_set(struct stk_next *next, const struct stk_promise *p,
                     const struct stk_bounds *bounds, int64_t desired, uint32_t room,
                     stk_time_t now)
{
    int64_t newest = stk_promise_newest(p);
    int64_t limit = stk_promise_limit(p, bounds, 0, room, now);
    int64_t most = desired < limit ? desired : limit;
    stk_time_t again_ms = stk_promise_again_at(p, bounds);
    next->value = newest;
    if (next->urgent && newest > most)
        next->value = most;
    else if (desired < newest && limit >= desired && !is_near(newest, desired))
        next->value = desired;
    else if (most > newest && newest <= desired / 2)
        next->value = most; /* thin slices: not for each unit that was sold */
    else if (again_ms <= now && limit >= newest)
        next->send = 1; /* the same again, so that older counters are out of force */
    else if (again_ms != INT64_MAX && again_ms + STUCK_WINDOWS * bounds->apply_ms <= now)
        next->value = limit < newest ? limit : newest;
    next->send |= next->value != newest;
    next->counter = next->value;
    next->again_ms = again_ms;
}

static void next_cas(struct stk_next *next, const struct stk_promise *p,
                     const struct stk_bounds *bounds, const struct stk_publication *at,
                     int64_t desired, uint32_t room, stk_time_t now)
{
    int64_t there;
    if (!stk_publish_told(at, &there)) {
        next->look = 1;
        return;
    }
    int64_t limit = stk_promise_limit(p, bounds, (uint32_t)there, room, now);
    next->expected = there;
    next->value = desired <= there || desired < limit ? desired : limit;
    if (next->value > there && limit <= there)
        next->value = there;
    next->send = next->value != there && (next->urgent || !is_near(there, next->value));
    next->counter = next->value;
}

static void next_adjust(struct stk_next *next, const struct stk_promise *p,
                        const struct stk_bounds *bounds, int64_t desired, uint32_t room,
                        stk_time_t now)
{
    int64_t newest = stk_promise_newest(p);
    int64_t limit = stk_promise_limit(p, bounds, 0, room, now);
    next->value = desired - newest;
    if (next->value > limit)
        next->value = limit;
    next->counter = newest + next->value;
    next->send = next->value != 0 && (next->urgent || !is_near(newest, next->counter));
}

static stk_time_t look_again(const struct stk_bounds *bounds, stk_time_t again_ms, stk_time_t now)
{
    stk_time_t wait_ms = bounds->apply_ms / 4;
    if (wait_ms < LOOK_AGAIN_LEAST_MS)
        wait_ms = LOOK_AGAIN_LEAST_MS;
    if (wait_ms > LOOK_AGAIN_MOST_MS)
        wait_ms = LOOK_AGAIN_MOST_MS;
    return again_ms > now && again_ms < now + wait_ms ? again_ms : now + wait_ms;
}

struct stk_next stk_guarantee_next(struct stk_apply *apply, uint32_t slot, int64_t most)
{
    struct stk_publication *at = stk_published_at(&apply->state->channels, slot);
    const struct stk_channel *channel = stk_channel_at(&apply->state->channels, at->channel);
    struct stk_bounds bounds = bounds_of(channel);
    struct stk_promise *p = promise_of(apply->state, at);
    struct stk_next next = {.write = channel->write, .again_ms = INT64_MAX};
    int missing;
    if (!at->restarted)
        stk_promise_restart(p, apply->now);
    at->restarted = 1;
    if (stk_promise_units(p) == STK_PROMISE_UNKNOWN) {
        next.look = 1;
        return next;
    }
    uint32_t room = room_of(apply, at, &missing);
    int64_t desired = target_of(apply, at, most, stk_promise_newest(p), missing ? 0 : room);
    next.target = desired;
    next.urgent = most == 0 || missing;
    if (missing)
        room = 0;
    if (bounds.write == STK_WRITE_SET)
        next_set(&next, p, &bounds, desired, room, apply->now);
    else if (bounds.write == STK_WRITE_CAS)
        next_cas(&next, p, &bounds, at, desired, room, apply->now);
    else
        next_adjust(&next, p, &bounds, desired, room, apply->now);
    struct stk_grant grant = {
        .kind = bounds.write, .value = (int32_t)next.value, .expect = (uint32_t)next.expected};
    if (next.send && stk_promise_may_grant(p, &bounds, &grant, room, apply->now, NULL) != STK_OK)
        next.send = 0;
    /* a call without an answer: what it did is seen by looking, where it cannot be written over */
    next.look = at->state == STK_PUBLISH_UNKNOWN && bounds.write != STK_WRITE_SET && !next.urgent;
    next.again_ms = look_again(&bounds, next.again_ms, apply->now);
    return next;
}

/* ---- what becomes of it ---- */

uint32_t stk_guarantee_grant(struct stk_apply *apply, uint32_t slot, const struct stk_next *next)
{
    const struct stk_publication *at = stk_published_at(&apply->state->channels, slot);
    struct stk_bounds bounds = bounds_of(stk_channel_at(&apply->state->channels, at->channel));
    struct stk_grant grant = {
        .kind = bounds.write, .value = (int32_t)next->value, .expect = (uint32_t)next->expected};
    stk_assert(next->send);
    return stk_promise_grant(promise_of(apply->state, at), &bounds, &grant, apply->now);
}

void stk_guarantee_proven(struct stk_apply *apply, uint32_t slot, uint32_t number)
{
    const struct stk_publication *at = stk_published_at(&apply->state->channels, slot);
    struct stk_bounds bounds = bounds_of(stk_channel_at(&apply->state->channels, at->channel));
    stk_promise_applied(promise_of(apply->state, at), &bounds, number, apply->now, 0);
}

void stk_guarantee_left(struct stk_apply *apply, uint32_t slot, uint32_t number)
{
    const struct stk_publication *at = stk_published_at(&apply->state->channels, slot);
    stk_promise_left(promise_of(apply->state, at), number, apply->now);
}

static void breached(struct stk_apply *apply, uint32_t units)
{
    if (units)
        stk_counter_add(&apply->counters->breaches, 1);
}

void stk_guarantee_refused(struct stk_apply *apply, uint32_t slot, uint32_t number)
{
    const struct stk_publication *at = stk_published_at(&apply->state->channels, slot);
    breached(apply, stk_promise_refused(promise_of(apply->state, at), number, apply->now));
}

uint32_t stk_guarantee_read(struct stk_apply *apply, uint32_t slot, int64_t value,
                            stk_time_t asked_ms, int *counted)
{
    const struct stk_publication *at = stk_published_at(&apply->state->channels, slot);
    struct stk_bounds bounds = bounds_of(stk_channel_at(&apply->state->channels, at->channel));
    uint32_t drift = 0;
    *counted = 0;
    if (value < 0 || value > STK_QUANTITY_MAX)
        return 0;
    *counted = stk_promise_readback(promise_of(apply->state, at), &bounds, (uint32_t)value,
                                    asked_ms, apply->now, &drift) == STK_OK;
    return drift;
}

void stk_guarantee_sold(struct stk_apply *apply, uint32_t slot, uint32_t units, stk_time_t sold_ms)
{
    const struct stk_publication *at = stk_published_at(&apply->state->channels, slot);
    struct stk_channel *channel = stk_channel_at(&apply->state->channels, at->channel);
    struct stk_bounds bounds = bounds_of(channel);
    uint32_t beyond = stk_promise_order(promise_of(apply->state, at), &bounds, units, apply->now);
    int64_t late_ms = apply->now - sold_ms;
    breached(apply, beyond);
    if (!beyond || late_ms <= channel->order_ms)
        return;
    channel->order_ms = stk_promise_widened(channel->order_ms, late_ms);
    stk_row_put_channel(&apply->record, apply->state, at->channel);
}

void stk_guarantee_restocked(struct stk_apply *apply, uint32_t slot, uint32_t units)
{
    const struct stk_publication *at = stk_published_at(&apply->state->channels, slot);
    if (stk_channel_at(&apply->state->channels, at->channel)->restocks != STK_RESTOCK_NEVER)
        stk_promise_cancelled(promise_of(apply->state, at), units, apply->now);
}
