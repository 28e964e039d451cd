/* What every call has in common: a slot, the quotas, the ways in which a call may come to nothing,
 * and the time its answer takes. Also the calls that only read: read-back and discovery. */
#include "plugins/simulator/inside.h"
#include <stdio.h>
#include <string.h>

static struct call *slot_take(struct channel *channel)
{
    for (uint32_t i = 0; i < channel->config->calls_max; i++) {
        struct call *call = &channel->calls[i];
        if (!call->busy) {
            void *room = call->room;
            *call = (struct call){.busy = 1, .batch = NONE, .room = room};
            call->answer.remaining = call->answer.limit = -1;
            return call;
        }
    }
    return NULL;
}

/* The channel is down: half of the callers hear that, the others hear nothing. */
static void fail_call(struct channel *channel, struct call *call, enum market_fault fault,
                      int silent)
{
    market_saw(channel, fault);
    call->works = 0;
    call->answer.status = silent ? MARKET_UNKNOWN : MARKET_UNAVAILABLE;
}

static int is_closed(const struct market *market, const struct market_channel *config)
{
    int64_t of_day = market->now_ms % MARKET_DAY_MS;
    if (config->closed_from_ms <= config->closed_to_ms)
        return of_day >= config->closed_from_ms && of_day < config->closed_to_ms;
    return of_day >= config->closed_from_ms || of_day < config->closed_to_ms;
}

static int throttled(struct market *market, struct channel *channel, struct call *call)
{
    int64_t wait = quota_check(market, channel, call->answer.endpoint);
    if (wait) {
        channel->counts.violations++;
    } else if (chance_hits(&channel->faults, channel->config->faults.throttle_ppm)) {
        market_saw(channel, MARKET_FAULT_THROTTLED);
        wait = chance_between(&channel->faults, 1, 5000);
    } else {
        return 0;
    }
    call->answer.status = MARKET_THROTTLED;
    if (channel->config->tells_retry)
        call->answer.retry_after_ms = (wait + 999) / 1000 * 1000; /* whole seconds, as in HTTP */
    return 1;
}

static void call_fate(struct market *market, struct channel *channel, struct call *call)
{
    const struct market_faults *faults = &channel->config->faults;

    if (market->now_ms < channel->outage_until_ms) {
        fail_call(channel, call, MARKET_FAULT_OUTAGE, chance_hits(&channel->faults, 500000));
    } else if (chance_hits(&channel->faults, faults->unavailable_ppm)) {
        fail_call(channel, call, MARKET_FAULT_UNAVAILABLE, 0);
    } else if (chance_hits(&channel->faults, faults->lost_call_ppm)) {
        fail_call(channel, call, MARKET_FAULT_LOST_CALL, 1);
    } else if (call->answer.endpoint == MARKET_PUSH && is_closed(market, channel->config)) {
        call->works = 0;
        call->answer.status = MARKET_UNAVAILABLE;
    } else if (chance_hits(&channel->faults, faults->lost_answer_ppm)) {
        market_saw(channel, MARKET_FAULT_LOST_ANSWER);
        call->answer.status = MARKET_UNKNOWN;
    }
}

struct call *call_begin(struct market *market, struct channel *channel,
                        enum market_endpoint endpoint)
{
    struct call *call = slot_take(channel);
    const struct bucket *bucket = &channel->quota[endpoint];

    if (!call)
        return NULL;
    call->answer.call = market->call_next++;
    call->answer.endpoint = endpoint;
    call->answer.sent_ms = market->now_ms;
    channel->counts.calls[endpoint]++;
    if (market->now_ms < channel->retry_until_ms[endpoint])
        channel->counts.hasty++;
    call->works = !throttled(market, channel, call);
    if (channel->config->tells_quota && bucket->quota->burst) {
        call->answer.limit = bucket->quota->burst;
        call->answer.remaining = bucket->level / bucket->quota->period_ms;
    }
    if (call->works)
        call_fate(market, channel, call);
    return call;
}

uint64_t call_end(struct market *market, struct channel *channel, struct call *call,
                  int64_t done_ms)
{
    const struct market_channel *config = channel->config;
    struct market_answer *answer = &call->answer;
    int64_t latency =
        chance_between(&channel->network, config->latency_min_ms, config->latency_max_ms);
    int64_t ready_ms = (call->works ? done_ms : market->now_ms) + latency;

    if (answer->status != MARKET_UNKNOWN && ready_ms > answer->sent_ms + config->timeout_ms) {
        market_saw(channel, MARKET_FAULT_TIMEOUT);
        answer->status = MARKET_UNKNOWN;
    }
    if (answer->status == MARKET_UNKNOWN)
        ready_ms = answer->sent_ms + config->timeout_ms;
    if (answer->status != MARKET_OK) { /* nobody learns what was in it */
        answer->count = 0;
        answer->cursor = answer->status == MARKET_GONE ? answer->cursor : 0;
        answer->watermark_ms = 0;
        answer->more = answer->pending = 0;
    }
    if (answer->status == MARKET_UNKNOWN)
        answer->remaining = answer->limit = -1;
    market_note(market, answer->call << 8 | (uint64_t)answer->status);
    market_plan(market, ready_ms, WHAT_ANSWER, market_number(market, channel),
                (uint32_t)(call - channel->calls), 0);
    return answer->call;
}

void call_answered(struct market *market, struct channel *channel, uint32_t slot)
{
    struct call *call = &channel->calls[slot];
    struct market_answer *answer = &call->answer;

    if (call->dead) {
        call->busy = 0;
        return;
    }
    if (call->batch != NONE && answer->status == MARKET_OK) {
        const struct batch *batch = &channel->batches[call->batch];
        if (batch->call == answer->call)
            memcpy(call->room, batch->results, answer->count * sizeof(*batch->results));
    }
    market_note(market, (uint64_t)answer->count << 32 | answer->cursor);
    channel->ready[(channel->ready_first + channel->ready_count++) % channel->config->calls_max] =
        slot;
}

const struct market_answer *market_answer(struct market *market, uint32_t number)
{
    struct channel *channel = &market->channel[number];
    struct market_answer *answer;

    if (channel->lent != NONE)
        channel->calls[channel->lent].busy = 0;
    channel->lent = NONE;
    if (!channel->ready_count)
        return NULL;
    channel->lent = channel->ready[channel->ready_first];
    channel->ready_first = (channel->ready_first + 1) % channel->config->calls_max;
    channel->ready_count--;
    answer = &channel->calls[channel->lent].answer;
    if (answer->retry_after_ms)
        channel->retry_until_ms[answer->endpoint] = market->now_ms + answer->retry_after_ms;
    return answer;
}

void market_disconnect(struct market *market, uint32_t number)
{
    struct channel *channel = &market->channel[number];

    while (market_answer(market, number))
        ;
    for (uint32_t i = 0; i < channel->config->calls_max; i++)
        channel->calls[i].dead = channel->calls[i].busy;
}

/* ---- read-back and discovery ---- */

/* As old as chance and R will have it. */
static int64_t reading_time(struct market *market, struct channel *channel)
{
    const struct market_channel *config = channel->config;
    if (chance_hits(&channel->faults, config->faults.read_beyond_ppm)) {
        market_saw(channel, MARKET_FAULT_READ_BEYOND);
        return market->now_ms - chance_between(&channel->faults, config->read_age_max_ms + 1,
                                               5 * config->read_age_max_ms);
    }
    if (config->read_age_max_ms && chance_hits(&channel->faults, config->faults.stale_read_ppm)) {
        market_saw(channel, MARKET_FAULT_STALE_READ);
        return market->now_ms - chance_between(&channel->faults, 1, config->read_age_max_ms);
    }
    return market->now_ms;
}

uint64_t market_read_back(struct market *market, uint32_t number, const uint32_t *listings,
                          uint32_t count)
{
    struct channel *channel = &market->channel[number];
    struct call *call = call_begin(market, channel, MARKET_READ);
    struct market_reading *readings;

    if (!call)
        return 0;
    readings = call->room;
    call->answer.readings = readings;
    if (call->works && count > channel->config->batch_max) {
        call->answer.status = MARKET_TOO_LARGE;
        call->works = 0;
    }
    for (uint32_t i = 0; call->works && i < count; i++) {
        struct market_reading reading = {.listing = listings[i]};
        if (listings[i] < channel->listing_count) {
            const struct listing *listing = &channel->listings[listings[i]];
            int64_t at_ms = reading_time(market, channel);
            const struct moment *counter =
                history_at(&channel->counters[listing->pool].history, at_ms);
            const struct moment *price = history_at(&listing->prices, at_ms);
            reading = (struct market_reading){
                listings[i],    1,           listing->active, (int32_t)counter->value, price->value,
                counter->token, price->token};
        }
        readings[call->answer.count++] = reading;
    }
    return call_end(market, channel, call, market->now_ms);
}

void market_card(const struct market *market, uint32_t number, uint32_t place,
                 struct market_card *card)
{
    const struct channel *channel = &market->channel[number];
    const struct listing *listing = &channel->listings[place];
    uint32_t sku = listing->part[0].sku;

    *card = (struct market_card){.listing = place,
                                 .active = listing->active,
                                 .counter = (int32_t)channel->counters[listing->pool].now,
                                 .currency = market->config.currency,
                                 .parts = listing->parts,
                                 .price_minor = listing->price};
    snprintf(card->id, sizeof(card->id), "C%u-%06u", number, place);
    snprintf(card->title, sizeof(card->title), "%s %05u", listing->parts > 1 ? "Kit" : "Thing",
             sku);
    /* One in 50 has no seller SKU: it must be matched by its barcode, or by a person. */
    if (place % 50 != 49)
        snprintf(card->seller_sku, sizeof(card->seller_sku), "%s-%05u",
                 listing->parts > 1 ? "KIT" : "SKU", sku);
    snprintf(card->barcode, sizeof(card->barcode), "%s%011u", listing->parts > 1 ? "21" : "20",
             sku);
}

uint64_t market_discover(struct market *market, uint32_t number, uint64_t cursor, uint32_t max)
{
    struct channel *channel = &market->channel[number];
    struct call *call = call_begin(market, channel, MARKET_DISCOVER);
    struct market_card *cards;

    if (!call)
        return 0;
    cards = call->room;
    call->answer.cards = cards;
    if (max > channel->config->page_max || !max)
        max = channel->config->page_max;
    for (; call->works && cursor < channel->listing_count && call->answer.count < max; cursor++)
        market_card(market, number, (uint32_t)cursor, &cards[call->answer.count++]);
    call->answer.cursor = cursor;
    call->answer.more = cursor < channel->listing_count;
    return call_end(market, channel, call, market->now_ms);
}
