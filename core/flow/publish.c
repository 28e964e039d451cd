/* What channels are told. Always: a value leaves only as part of a sent effect, taken at the
 * instant of its grant; what is on its way is known to be, also after a crash; a thing whose
 * channel has what it should have stands in no queue. */
#include "core/flow/publish.h"
#include "core/flow/allocate.h"
#include "core/flow/channel.h"
#include "core/flow/guarantee.h"
#include "core/flow/publish_row.h"
#include "core/flow/verb_channel.h"
#include "core/state/promise.h"

/* ---- what should be there ---- */

/* Units of the listing that its channel may sell, over the cells that it may sell from. */
static uint64_t available(struct stk_apply *apply, stk_listing_t listing)
{
    const struct stk_state *state = apply->state;
    const struct stk_catalog *catalog = &state->catalog;
    const struct stk_listing *at = stk_catalog_listing(catalog, listing);
    struct stk_wants wants = {
        .channel = at->channel,
        .channel_name = stk_names_text(state->names, STK_NAME_CHANNEL, at->channel),
        .only = UINT16_MAX,
        .beyond = 1, /* what is promised to channels is there */
    };
    uint64_t units = UINT64_MAX;
    for (uint32_t i = at->first_component; i != STK_NONE;) {
        const struct stk_component *component = stk_catalog_component(catalog, i);
        uint64_t sum = 0;
        if (stk_catalog_sku_more(catalog, component->sku)->shortfall)
            return 0; /* until it is settled */
        for (stk_cell_t cell = stk_catalog_sku(catalog, component->sku)->first_cell;
             cell != STK_NONE; cell = stk_catalog_cell(catalog, cell)->next) {
            const struct stk_location *location =
                &catalog->location[stk_catalog_cell(catalog, cell)->location];
            if (stk_allocate_allowed(location, at->channel))
                sum += stk_allocate_usable(apply, &wants, cell);
        }
        sum /= component->units;
        units = sum < units ? sum : units;
        i = component->next_of_listing;
    }
    return units;
}

/* What the policy lets the channel show. */
static int64_t quantity(struct stk_apply *apply, stk_listing_t listing)
{
    const struct stk_listing *at = stk_catalog_listing(&apply->state->catalog, listing);
    const struct stk_channel *channel = stk_channel_at(&apply->state->channels, at->channel);
    if (!at->active)
        return 0;
    uint64_t units = available(apply, listing);
    if (units <= channel->last_units)
        return 0; /* the last ones are sold elsewhere */
    units = units > channel->buffer ? units - channel->buffer : 0;
    units = units * channel->share_percent / 100;
    if (channel->cap && units > channel->cap)
        units = channel->cap;
    return units > STK_QUANTITY_MAX ? STK_QUANTITY_MAX : (int64_t)units;
}

int stk_publish_desired(struct stk_apply *apply, const struct stk_publication *at, int64_t *value)
{
    switch (at->kind) {
    case STK_PUBLISH_QUANTITY:
        /* in guaranteed mode as it was last found: it also depends on what is promised */
        *value = at->promise ? at->desired : quantity(apply, at->listing);
        return 1;
    case STK_PUBLISH_ACTIVE:
        *value = stk_catalog_listing(&apply->state->catalog, at->listing)->active;
        return 1;
    default:
        *value = at->desired;
        return (at->known & STK_KNOWN_DESIRED) != 0;
    }
}

int stk_publish_told(const struct stk_publication *at, int64_t *value)
{
    if (at->known & STK_KNOWN_SENT) {
        *value = at->sent;
        return 1;
    }
    *value = at->observed;
    return (at->known & STK_KNOWN_OBSERVED) != 0;
}

/* The same listings each time: by a hash of the id, not by its slot. */
static int in_canary(const struct stk_state *state, const struct stk_channel *channel,
                     stk_listing_t listing)
{
    struct stk_bytes id = stk_catalog_listing_id(&state->catalog, listing);
    if (channel->canary_percent >= 100)
        return 1;
    return stk_command_key(STK_KEY_OTHER, id, id).low % 100 < channel->canary_percent;
}

int stk_publish_allowed(struct stk_apply *apply, const struct stk_publication *at, int64_t value)
{
    const struct stk_channel *channel = stk_channel_at(&apply->state->channels, at->channel);
    int64_t told;
    if (channel->paused || channel->held || channel->handing_back ||
        !in_canary(apply->state, channel, at->listing))
        return 0;
    switch (channel->step[at->kind]) {
    case STK_STEP_FULL:
        return 1;
    case STK_STEP_LOWER:
        return stk_publish_told(at, &told) && value < told;
    case STK_STEP_ZERO_ONLY:
        return at->kind == STK_PUBLISH_QUANTITY && value == 0;
    default:
        return 0;
    }
}

/* ---- the outbox ---- */

static enum stk_publish_class class_of(const struct stk_publication *at, int64_t value, int knows,
                                       int64_t told)
{
    if (at->kind == STK_PUBLISH_QUANTITY && value == 0)
        return STK_CLASS_URGENT;
    if (at->state == STK_PUBLISH_DRIFTED)
        return STK_CLASS_CORRECTION;
    if (at->kind == STK_PUBLISH_QUANTITY)
        return knows && told > 0 ? STK_CLASS_REST : STK_CLASS_BACK;
    return STK_CLASS_PRICE;
}

/* Nothing is sent now but what is urgent: it waits for an answer, or for another try; or a person
 * decides. */
static int is_held_back(struct stk_apply *apply, uint32_t slot)
{
    struct stk_channels *channels = &apply->state->channels;
    const struct stk_publication *at = stk_published_at(channels, slot);
    if (at->state == STK_PUBLISH_CONTESTED) {
        stk_published_idle(channels, slot);
        return 1;
    }
    if (at->until_ms <= apply->now)
        return 0;
    if (at->list != STK_LIST_WAITING)
        stk_published_wait(channels, slot, at->until_ms);
    return 1;
}

/* A counter in guaranteed mode. */
static void look_at_promise(struct stk_apply *apply, uint32_t slot)
{
    struct stk_channels *channels = &apply->state->channels;
    struct stk_publication *at = stk_published_at(channels, slot);
    if (!at->promise && !stk_guarantee_attach(apply->state, slot))
        return; /* full: warned of at 90 %, raised by a restart */
    struct stk_next next = stk_guarantee_next(apply, slot, quantity(apply, at->listing));
    at->desired = next.target;
    int overtakes = next.send && next.urgent && at->state != STK_PUBLISH_CONTESTED;
    if (!overtakes && is_held_back(apply, slot))
        return;
    if (next.look)
        stk_published_look(channels, slot);
    else if (next.send && stk_publish_allowed(apply, at, next.counter))
        stk_published_queue(
            channels, slot,
            next.urgent ? STK_CLASS_URGENT : class_of(at, next.counter, 1, at->sent), apply->now);
    else
        stk_published_wait(channels, slot, next.again_ms);
}

/* 1: the channel's counter is written from what it is now, so that must be known. */
static int is_relative(const struct stk_state *state, const struct stk_publication *at)
{
    const struct stk_channel *channel = stk_channel_at(&state->channels, at->channel);
    return at->kind == STK_PUBLISH_QUANTITY && channel->write > STK_WRITE_SET;
}

/* Puts it where it belongs now. */
static void look_at(struct stk_apply *apply, uint32_t slot)
{
    struct stk_channels *channels = &apply->state->channels;
    struct stk_publication *at = stk_published_at(channels, slot);
    int64_t value, told;
    if (stk_guarantees(apply->state, at)) {
        look_at_promise(apply, slot);
        return;
    }
    stk_guarantee_detach(apply->state, slot);
    int wanted = stk_publish_desired(apply, at, &value);
    int knows = stk_publish_told(at, &told);
    if (at->kind == STK_PUBLISH_QUANTITY)
        at->desired = value;
    int urgent = wanted && at->kind == STK_PUBLISH_QUANTITY && value == 0;
    int overtakes = urgent && knows && told != 0 && at->state != STK_PUBLISH_CONTESTED;
    if (!overtakes && is_held_back(apply, slot))
        return;
    if (is_relative(apply->state, at) && (!knows || at->state == STK_PUBLISH_UNKNOWN) &&
        stk_publish_allowed(apply, at, value)) {
        stk_published_look(channels, slot);
        return;
    }
    int same = knows && value == told && at->state != STK_PUBLISH_DRIFTED &&
               at->state != STK_PUBLISH_UNKNOWN;
    if (!wanted || same || !stk_publish_allowed(apply, at, value)) {
        stk_published_idle(channels, slot);
        return;
    }
    stk_published_queue(channels, slot, class_of(at, value, knows, told), apply->now);
}

void stk_publish_listing(struct stk_apply *apply, stk_listing_t listing)
{
    struct stk_channels *channels = &apply->state->channels;
    stk_channel_t channel = stk_catalog_listing(&apply->state->catalog, listing)->channel;
    if (!stk_channel_at(channels, channel)->used)
        return;
    if (stk_published_find(channels, listing, STK_PUBLISH_QUANTITY) == STK_NONE &&
        stk_published_add(channels, listing, channel, STK_PUBLISH_QUANTITY) == STK_NONE)
        return; /* full: warned of at 90 %, raised by a restart */
    for (uint32_t slot = stk_published_first(channels, listing); slot != STK_NONE;
         slot = stk_published_at(channels, slot)->next_of_listing)
        look_at(apply, slot);
}

void stk_publish_sku(struct stk_apply *apply, stk_sku_t sku)
{
    const struct stk_catalog *catalog = &apply->state->catalog;
    for (uint32_t i = stk_catalog_sku(catalog, sku)->first_component; i != STK_NONE;) {
        const struct stk_component *component = stk_catalog_component(catalog, i);
        stk_publish_listing(apply, component->listing);
        i = component->next_of_sku;
    }
}

static int64_t less(int64_t value, uint32_t units)
{
    return value > units ? value - units : 0;
}

void stk_publish_sold(struct stk_apply *apply, stk_listing_t listing, uint32_t units,
                      stk_time_t sold_ms)
{
    struct stk_channels *channels = &apply->state->channels;
    uint32_t slot = stk_published_find(channels, listing, STK_PUBLISH_QUANTITY);
    if (slot == STK_NONE)
        return;
    struct stk_publication *at = stk_published_at(channels, slot);
    stk_time_t lag_ms = stk_channel_at(channels, at->channel)->lag_ms;
    /* sold before the last write landed: that has put the counter back up */
    int told = at->known & STK_KNOWN_ACCEPTED && at->state != STK_PUBLISH_ON_WAY &&
               at->sent == at->accepted && sold_ms >= at->accepted_ms + lag_ms;
    int seen = at->known & STK_KNOWN_OBSERVED && sold_ms >= at->observed_ms;
    if (told)
        at->sent = at->accepted = less(at->accepted, units);
    if (seen)
        at->observed = less(at->observed, units);
    if (at->promise)
        stk_guarantee_sold(apply, slot, units, sold_ms);
    if (told || seen || at->promise)
        stk_row_put_published(&apply->record, apply->state, slot);
}

void stk_publish_restocked(struct stk_apply *apply, stk_listing_t listing, uint32_t units)
{
    uint32_t slot = stk_published_find(&apply->state->channels, listing, STK_PUBLISH_QUANTITY);
    if (slot == STK_NONE || !stk_published_at(&apply->state->channels, slot)->promise)
        return;
    stk_guarantee_restocked(apply, slot, units);
    stk_row_put_published(&apply->record, apply->state, slot);
}

uint32_t stk_publish_promised(struct stk_apply *apply, stk_listing_t listing)
{
    uint32_t slot = stk_published_find(&apply->state->channels, listing, STK_PUBLISH_QUANTITY);
    return slot == STK_NONE
               ? 0
               : stk_guarantee_units(apply->state, stk_published_at(&apply->state->channels, slot));
}

void stk_publish_forget(struct stk_apply *apply, stk_listing_t listing)
{
    struct stk_channels *channels = &apply->state->channels;
    uint32_t slot;
    while ((slot = stk_published_first(channels, listing)) != STK_NONE) {
        if (stk_published_at(channels, slot)->on_disk)
            stk_row_delete_published(&apply->record, apply->state, slot);
        stk_guarantee_detach(apply->state, slot);
        stk_published_remove(channels, slot);
    }
}

void stk_publish_resync(struct stk_state *state, stk_channel_t channel)
{
    (void)channel; /* one sweep serves all */
    state->channels.sweep = 0;
}

uint32_t stk_publish_slice(struct stk_apply *apply, uint32_t max)
{
    struct stk_channels *channels = &apply->state->channels;
    uint32_t done = 0;
    while (channels->sweep != STK_NONE && done < max) {
        stk_listing_t listing = stk_catalog_next_listing(&apply->state->catalog, channels->sweep);
        channels->sweep = listing == STK_NONE ? STK_NONE : listing + 1;
        if (listing == STK_NONE)
            break;
        stk_publish_listing(apply, listing);
        done++;
    }
    return done;
}

/* ---- grants ---- */

static void trip(struct stk_apply *apply, struct stk_channel *channel)
{
    channel->held = 1;
    stk_counter_add(&apply->counters->breakers, 1);
}

/* The share of listings that go to zero, or change their price, within a window: 1 when this one
 * would be too many. */
static int breaks(struct stk_apply *apply, struct stk_channel *channel,
                  const struct stk_publication *at, int64_t value)
{
    int64_t told;
    int knows = stk_publish_told(at, &told);
    if (apply->now - channel->window_ms > STK_BREAKER_WINDOW_MS) {
        channel->window_ms = apply->now;
        channel->window_zeroed = channel->window_repriced = 0;
    }
    if (!channel->breaker_percent || !knows)
        return 0;
    uint64_t most = (uint64_t)channel->listings * channel->breaker_percent / 100;
    uint32_t *count =
        at->kind == STK_PUBLISH_QUANTITY ? &channel->window_zeroed : &channel->window_repriced;
    if (at->kind == STK_PUBLISH_QUANTITY && (value != 0 || told == 0))
        return 0;
    if (most < STK_BREAKER_LEAST)
        most = STK_BREAKER_LEAST;
    return ++*count > most;
}

static uint32_t number_of(uint64_t grant)
{
    return (uint32_t)grant & STK_GRANT_NUMBER_MAX;
}

static void begin(struct stk_apply *apply)
{
    if (!apply->open)
        stk_apply_begin(apply);
}

/* Those that have waited long enough are looked at again; a call that was not answered in its time
 * may have done its work or not. */
static void end_waits(struct stk_apply *apply, stk_channel_t number)
{
    struct stk_channels *channels = &apply->state->channels;
    uint32_t slot, looks = STK_GRANTS_MAX;
    while ((slot = stk_channel_due(channels, number, apply->now, &looks)) != STK_NONE) {
        stk_published_idle(channels, slot);
        if (stk_published_at(channels, slot)->state == STK_PUBLISH_ON_WAY) {
            begin(apply);
            stk_published_state(channels, slot, STK_PUBLISH_UNKNOWN);
            if (stk_published_at(channels, slot)->promise)
                stk_guarantee_left(apply, slot, number_of(stk_published_at(channels, slot)->grant));
            stk_row_put_published(&apply->record, apply->state, slot);
        }
        look_at(apply, slot);
    }
}

/* The next ones that may leave, at most `max`; they wait for their answer from now on. */
static uint32_t choose(struct stk_apply *apply, stk_channel_t number, uint32_t max, int urgent,
                       uint32_t *slots)
{
    struct stk_channels *channels = &apply->state->channels;
    struct stk_channel *channel = stk_channel_at(channels, number);
    uint32_t count = 0, slot;
    while (count < max && !channel->held &&
           (slot = stk_channel_next(channels, number, apply->now)) != STK_NONE) {
        struct stk_publication *at = stk_published_at(channels, slot);
        if (urgent && at->list != STK_CLASS_URGENT + 1)
            break; /* what is urgent comes first */
        look_at(apply, slot);
        if (at->list == STK_LIST_NONE || at->list == STK_LIST_WAITING)
            continue; /* it has become what it should be */
        if (breaks(apply, channel, at, at->desired)) {
            trip(apply, channel);
            break;
        }
        stk_published_wait(channels, slot, apply->now + STK_ANSWER_WAIT_MS);
        slots[count++] = slot;
    }
    return count;
}

static const char *const writes[] = {"?", "set", "adjust", "cas"};

/* In shared mode, and of all that is no quantity: the value that is wanted, in the channel's way.
 */
static struct stk_next plain_next(const struct stk_state *state, const struct stk_publication *at)
{
    struct stk_next next = {.write = STK_WRITE_SET, .value = at->desired, .counter = at->desired};
    if (!is_relative(state, at))
        return next;
    next.write = stk_channel_at(&state->channels, at->channel)->write;
    stk_publish_told(at, &next.expected);
    if (next.write == STK_WRITE_ADJUST)
        next.value -= next.expected;
    return next;
}

/* 0: what others were granted in the same call has taken its room. */
static int grant(struct stk_apply *apply, uint32_t slot)
{
    struct stk_channels *channels = &apply->state->channels;
    struct stk_publication *at = stk_published_at(channels, slot);
    struct stk_doc *doc = &apply->answer;
    struct stk_next next = plain_next(apply->state, at);
    uint32_t number = (uint32_t)apply->seq;
    if (stk_guarantees(apply->state, at)) {
        next = stk_guarantee_next(apply, slot, quantity(apply, at->listing));
        if (!next.send) {
            stk_published_wait(channels, slot, next.again_ms);
            return 0;
        }
        number = stk_guarantee_grant(apply, slot, &next);
    }
    stk_published_state(channels, slot, STK_PUBLISH_ON_WAY);
    at->sent = next.counter;
    at->sent_ms = apply->now;
    at->until_ms = apply->now + STK_ANSWER_WAIT_MS;
    at->grant = stk_grant_number(at->listing, at->kind, number);
    at->known |= STK_KNOWN_SENT;
    stk_row_put_published(&apply->record, apply->state, slot);
    stk_doc_map(doc, 7);
    stk_doc_key_uint(doc, "grant", at->grant);
    stk_doc_key_str(doc, "listing", stk_catalog_listing_id(&apply->state->catalog, at->listing));
    stk_doc_key_text(doc, "kind", stk_publish_kind_name(at->kind));
    stk_doc_key_text(doc, "write", writes[next.write]);
    stk_doc_key_int(doc, "value", next.value);
    stk_doc_key_int(doc, "expected", next.expected);
    stk_doc_key_int(doc, "queued_ms", apply->now - at->queued_ms);
    return 1;
}

/* Listings that a read-back is wanted of, each once a minute. */
static void say_looks(struct stk_apply *apply, stk_channel_t number, uint32_t max)
{
    struct stk_channels *channels = &apply->state->channels;
    uint32_t count = 0, slot;
    stk_apply_say_key(apply, "look");
    uint32_t mark = stk_doc_array_open(&apply->answer);
    while (count < max && (slot = stk_channel_look(channels, number, apply->now)) != STK_NONE) {
        stk_doc_str(&apply->answer,
                    stk_catalog_listing_id(&apply->state->catalog,
                                           stk_published_at(channels, slot)->listing));
        count++;
    }
    stk_doc_array_close(&apply->answer, mark, count);
}

enum stk_status stk_channel_grant(struct stk_apply *apply)
{
    const struct stk_args_channel_grant *args = apply->args;
    const struct stk_channels *channels = &apply->state->channels;
    uint32_t slots[STK_GRANTS_MAX];
    stk_channel_t number;
    enum stk_status status = stk_channel_find(apply, args->channel, &number);
    if (status != STK_OK)
        return status;
    const struct stk_channel *channel = stk_channel_at(channels, number);
    int held = channel->held;
    end_waits(apply, number);
    uint32_t count = choose(apply, number, args->limit, args->urgent, slots);
    if (count || channel->held != held)
        begin(apply);
    if (channel->held != held)
        stk_row_put_channel(&apply->record, apply->state, number);
    stk_apply_say_key(apply, "items");
    uint32_t granted = 0, mark = stk_doc_array_open(&apply->answer);
    for (uint32_t i = 0; i < count; i++)
        granted += (uint32_t)grant(apply, slots[i]);
    stk_doc_array_close(&apply->answer, mark, granted);
    stk_counter_add(&apply->counters->granted, granted);
    say_looks(apply, number, args->limit);
    stk_apply_say_uint(apply, "queued", stk_channel_queued(channels, number));
    stk_apply_say_uint(apply, "flush_asked", channel->flush_asked);
    stk_apply_say_uint(apply, "discover_asked", channel->discover_asked);
    stk_apply_say_uint(apply, "resync_asked", channel->resync_asked);
    stk_apply_say_bool(apply, "paused", channel->paused || channel->held);
    stk_apply_say_bool(apply, "handing_back", channel->handing_back);
    return STK_OK;
}

/* ---- results ---- */

/* The one that this grant is about. */
static uint32_t find_granted(struct stk_apply *apply, stk_channel_t channel, uint64_t grant)
{
    const struct stk_channels *channels = &apply->state->channels;
    stk_listing_t listing = stk_grant_listing(grant);
    if (!stk_catalog_listing_lives(&apply->state->catalog, listing) ||
        stk_grant_kind(grant) >= STK_PUBLISH_KINDS)
        return STK_NONE;
    uint32_t slot = stk_published_find(channels, listing, stk_grant_kind(grant));
    return slot != STK_NONE && stk_published_at(channels, slot)->channel == channel ? slot
                                                                                    : STK_NONE;
}

/* The arithmetic hears of each, also of those that a newer one has overtaken. */
static void promise_result(struct stk_apply *apply, uint32_t slot, uint32_t number,
                           unsigned outcome)
{
    switch (outcome) {
    case STK_RESULT_APPLIED:
        stk_guarantee_proven(apply, slot, number);
        break;
    case STK_RESULT_ACCEPTED:
    case STK_RESULT_UNKNOWN:
    case STK_RESULT_REVIEW:
        stk_guarantee_left(apply, slot, number);
        break;
    default:
        stk_guarantee_refused(apply, slot, number);
    }
}

static stk_time_t retry_ms(uint32_t attempts)
{
    stk_time_t wait_ms = STK_RETRY_FIRST_MS;
    for (uint32_t i = 1; i < attempts && wait_ms < STK_RETRY_LAST_MS; i++)
        wait_ms *= 2;
    return wait_ms < STK_RETRY_LAST_MS ? wait_ms : STK_RETRY_LAST_MS;
}

/* The value did not get there: what it has is what it had. */
static void take_back(struct stk_publication *at)
{
    at->sent = at->accepted;
    if (!(at->known & STK_KNOWN_ACCEPTED))
        at->known &= (uint8_t)~STK_KNOWN_SENT;
}

static void accepted(struct stk_apply *apply, uint32_t slot, int proven)
{
    struct stk_publication *at = stk_published_at(&apply->state->channels, slot);
    at->known |= STK_KNOWN_ACCEPTED;
    at->accepted = at->sent;
    at->accepted_ms = apply->now;
    at->attempts = 0;
    at->until_ms = 0;
    if (proven) {
        at->known |= STK_KNOWN_OBSERVED;
        at->observed = at->sent;
        at->observed_ms = apply->now;
    }
    stk_published_state(&apply->state->channels, slot,
                        proven ? STK_PUBLISH_OBSERVED : STK_PUBLISH_ACCEPTED);
    stk_published_idle(&apply->state->channels, slot);
}

static void not_accepted(struct stk_apply *apply, uint32_t slot, enum stk_publish_state state,
                         stk_time_t wait_ms)
{
    struct stk_publication *at = stk_published_at(&apply->state->channels, slot);
    at->attempts++;
    if (state != STK_PUBLISH_UNKNOWN && state != STK_PUBLISH_IN_REVIEW)
        take_back(at);
    at->until_ms = apply->now + (wait_ms ? wait_ms : retry_ms(at->attempts));
    stk_published_state(&apply->state->channels, slot, state);
    stk_published_wait(&apply->state->channels, slot, at->until_ms);
}

static void result(struct stk_apply *apply, uint32_t slot, const struct stk_args_result_item *item)
{
    switch (item->outcome) {
    case STK_RESULT_ACCEPTED:
    case STK_RESULT_APPLIED:
        accepted(apply, slot, item->outcome == STK_RESULT_APPLIED);
        break;
    case STK_RESULT_LOCKED:
        not_accepted(apply, slot, STK_PUBLISH_LOCKED, STK_LOCKED_WAIT_MS);
        break;
    case STK_RESULT_REVIEW:
        not_accepted(apply, slot, STK_PUBLISH_IN_REVIEW, STK_LOCKED_WAIT_MS);
        break;
    case STK_RESULT_UNKNOWN:
        not_accepted(apply, slot, STK_PUBLISH_UNKNOWN, item->wait_ms);
        break;
    case STK_RESULT_MISMATCH: /* what it is instead is seen by looking */
        take_back(stk_published_at(&apply->state->channels, slot));
        not_accepted(apply, slot, STK_PUBLISH_UNKNOWN, 1);
        break;
    case STK_RESULT_NOT_SENT:
        not_accepted(apply, slot, STK_PUBLISH_REFUSED, item->wait_ms ? item->wait_ms : 1);
        break;
    default:
        not_accepted(apply, slot, STK_PUBLISH_REFUSED, item->wait_ms);
    }
    stk_row_put_published(&apply->record, apply->state, slot);
    look_at(apply, slot);
}

enum stk_status stk_channel_result(struct stk_apply *apply)
{
    const struct stk_args_channel_result *args = apply->args;
    const struct stk_args_result_item *item = stk_command_list(apply->command, args->items);
    uint32_t stale = 0;
    stk_channel_t number;
    enum stk_status status = stk_channel_find(apply, args->channel, &number);
    if (status != STK_OK)
        return status;
    stk_apply_begin(apply);
    for (uint32_t i = 0; i < args->items.size; i++) {
        uint32_t slot = find_granted(apply, number, (uint64_t)item[i].grant);
        struct stk_publication *at =
            slot == STK_NONE ? NULL : stk_published_at(&apply->state->channels, slot);
        if (at && at->promise)
            promise_result(apply, slot, number_of((uint64_t)item[i].grant), item[i].outcome);
        if (at && at->grant == (uint64_t)item[i].grant)
            result(apply, slot, &item[i]);
        else if (at && at->promise)
            stk_row_put_published(&apply->record, apply->state, slot);
        if (!at || at->grant != (uint64_t)item[i].grant)
            stale++; /* a newer grant has taken its place, or the listing is deleted */
    }
    stk_apply_say_uint(apply, "stale", stale);
    return STK_OK;
}

/* ---- what was seen there ---- */

/* 1 when the value that was read is not what it should be, and that is no matter of time. */
static int has_drifted(const struct stk_channel *channel, const struct stk_publication *at,
                       stk_time_t asked_ms)
{
    if (!(at->known & STK_KNOWN_ACCEPTED) || at->state == STK_PUBLISH_ON_WAY ||
        asked_ms < at->accepted_ms + (stk_time_t)channel->lag_ms)
        return 0;
    if (at->observed == at->accepted)
        return 0;
    if (at->kind != STK_PUBLISH_QUANTITY || at->observed > at->accepted)
        return 1;
    /* fewer are there: sold, as long as not all sales of before have been heard of */
    return channel->watermark_ms >= asked_ms && at->observed != at->desired;
}

static void drifted(struct stk_apply *apply, uint32_t slot)
{
    struct stk_channels *channels = &apply->state->channels;
    struct stk_publication *at = stk_published_at(channels, slot);
    if (at->state == STK_PUBLISH_CONTESTED)
        return;
    if (apply->now - at->drift_ms > STK_REPAIRS_MS)
        at->drift_ms = apply->now, at->repairs = 0;
    if (at->repairs < UINT8_MAX)
        at->repairs++;
    stk_counter_add(&apply->counters->drifted, 1);
    if (at->repairs > STK_REPAIRS_MAX) {
        stk_published_state(channels, slot, STK_PUBLISH_CONTESTED);
        stk_published_idle(channels, slot);
        return;
    }
    stk_published_state(channels, slot, STK_PUBLISH_DRIFTED);
}

/* What was read is what it has; a counter in guaranteed mode is told from there on. */
static void has_it(struct stk_channels *channels, uint32_t slot, int counted)
{
    struct stk_publication *at = stk_published_at(channels, slot);
    stk_published_state(channels, slot, STK_PUBLISH_OBSERVED);
    if (!counted)
        return;
    at->sent = at->accepted = at->observed;
    at->accepted_ms = at->observed_ms;
    at->known |= STK_KNOWN_SENT | STK_KNOWN_ACCEPTED;
    at->until_ms = 0;
}

static int observe(struct stk_apply *apply, stk_channel_t number, uint32_t slot, int64_t value,
                   stk_time_t asked_ms)
{
    struct stk_channels *channels = &apply->state->channels;
    const struct stk_channel *channel = stk_channel_at(channels, number);
    struct stk_publication *at = stk_published_at(channels, slot);
    if (at->known & STK_KNOWN_OBSERVED && asked_ms < at->observed_ms)
        return 0; /* a newer one is known */
    at->known |= STK_KNOWN_OBSERVED;
    at->observed = value;
    at->observed_ms = asked_ms;
    int counted = 0;
    if (!at->promise && at->state == STK_PUBLISH_UNKNOWN)
        counted = asked_ms >= at->sent_ms + (stk_time_t)channel->lag_ms;
    uint32_t beyond = at->promise ? stk_guarantee_read(apply, slot, value, asked_ms, &counted) : 0;
    if (at->promise ? beyond > 0 : has_drifted(channel, at, asked_ms))
        drifted(apply, slot);
    else if (counted || (at->state == STK_PUBLISH_ACCEPTED && at->observed == at->accepted))
        has_it(channels, slot, counted);
    stk_row_put_published(&apply->record, apply->state, slot);
    look_at(apply, slot);
    return 1;
}

enum stk_status stk_channel_observe(struct stk_apply *apply)
{
    const struct stk_args_channel_observe *args = apply->args;
    const struct stk_args_observed_item *item = stk_command_list(apply->command, args->items);
    struct stk_channels *channels = &apply->state->channels;
    uint32_t unknown = 0, older = 0;
    stk_channel_t number;
    enum stk_status status = stk_channel_find(apply, args->channel, &number);
    if (status != STK_OK)
        return status;
    stk_time_t asked_ms = STK_GIVEN(args, CHANNEL_OBSERVE_ASKED_AT) ? args->asked_at : apply->now;
    if (asked_ms > apply->now)
        asked_ms = apply->now;
    stk_apply_begin(apply);
    for (uint32_t i = 0; i < args->items.size; i++) {
        stk_listing_t listing = stk_catalog_find_listing(&apply->state->catalog, number,
                                                         stk_apply_text(apply, item[i].listing));
        uint32_t slot =
            listing == STK_NONE ? STK_NONE : stk_published_find(channels, listing, item[i].kind);
        if (listing != STK_NONE && slot == STK_NONE)
            slot = stk_published_add(channels, listing, number, item[i].kind);
        if (slot == STK_NONE)
            unknown++;
        else
            older += !observe(apply, number, slot, item[i].value, asked_ms);
    }
    stk_apply_say_uint(apply, "unknown", unknown);
    stk_apply_say_uint(apply, "older", older);
    return STK_OK;
}
