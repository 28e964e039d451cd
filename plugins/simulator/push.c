/* Writes on their way: a push is taken item by item, each item lands at a time of its own, and a
 * batch remembers what became of each for the answer or the report. */
#include "plugins/simulator/inside.h"
#include <string.h>

/* When a write that is taken now lands. Every delay is drawn for itself, so that a later write may
 * land first; inside the bounds none is longer than A. */
static int64_t landing_delay(struct channel *channel, int slow)
{
    const struct market_channel *config = channel->config;
    int64_t delay, most = config->land_max_ms;

    if (chance_hits(&channel->faults, config->faults.land_beyond_ppm)) {
        market_saw(channel, MARKET_FAULT_LAND_BEYOND);
        return chance_between(&channel->faults, most + 1, 5 * most + 1);
    }
    if (slow || (config->proof != MARKET_PROOF_ANSWER &&
                 chance_hits(&channel->faults, config->faults.slow_ppm))) {
        market_saw(channel, MARKET_FAULT_SLOW);
        return chance_between(&channel->faults, most / 2, most);
    }
    delay = config->latency_min_ms / 2 + chance_mean(&channel->network, config->land_mean_ms);
    return delay < most ? delay : most;
}

static int day_is_full(struct market *market, struct channel *channel, struct listing *listing)
{
    int64_t day = market->now_ms / MARKET_DAY_MS;
    if (listing->day != day)
        listing->day_writes = 0;
    listing->day = day;
    if (channel->config->listing_day_max && listing->day_writes >= channel->config->listing_day_max)
        return 1;
    listing->day_writes++;
    return 0;
}

static enum market_kind kind_of(const struct channel *channel, const struct market_update *update)
{
    return update->how == MARKET_AS_ITS_KIND ? channel->config->kind
                                             : (enum market_kind)(update->how - MARKET_HOW_SET);
}

/* A value that this channel can make nothing of, by its field and the kind of the write. */
static int is_bad_value(const struct channel *channel, const struct market_update *update)
{
    enum market_kind kind = kind_of(channel, update);
    if (update->field > MARKET_ACTIVE || update->how > MARKET_HOW_CAS)
        return 1;
    if (update->field == MARKET_PRICE)
        return update->value <= 0;
    if (update->field == MARKET_ACTIVE)
        return 0;
    if (kind != channel->config->kind && !(channel->config->takes >> kind & 1))
        return 1;
    return update->value < 0 && kind != MARKET_ADJUST;
}

static enum market_reason refusal(struct market *market, struct channel *channel,
                                  const struct market_update *update)
{
    struct listing *listing;

    if (update->listing >= channel->listing_count)
        return MARKET_NO_LISTING;
    listing = &channel->listings[update->listing];
    if (is_bad_value(channel, update))
        return MARKET_BAD_VALUE;
    if (day_is_full(market, channel, listing)) {
        channel->counts.violations++;
        return MARKET_DAILY_CAP;
    }
    if (market->now_ms < listing->locked_until_ms &&
        (!listing->under_review || update->field == MARKET_PRICE)) {
        market_saw(channel, MARKET_FAULT_LOCKED);
        return listing->under_review ? MARKET_UNDER_REVIEW : MARKET_LOCKED;
    }
    if (chance_hits(&channel->faults, channel->config->faults.refuse_ppm)) {
        market_saw(channel, MARKET_FAULT_REFUSED);
        return MARKET_SYSTEM_ERROR;
    }
    return MARKET_NO_REASON;
}

static struct write *write_take(struct channel *channel, uint32_t *number)
{
    channel->writes_open++;
    if (channel->write_free == NONE) {
        *number = channel->write_fresh++;
    } else {
        *number = channel->write_free;
        channel->write_free = channel->writes[*number].next_free;
    }
    return &channel->writes[*number];
}

/* Returns when it lands; now when it never does. */
static int64_t push_item(struct market *market, struct channel *channel, uint32_t place,
                         const struct market_update *update, uint32_t item, int slow)
{
    const struct market_channel *config = channel->config;
    struct batch *batch = &channel->batches[place];
    struct market_result *result = &batch->results[item];
    enum market_reason reason = refusal(market, channel, update);
    struct write *write;
    uint32_t number;
    int64_t at_ms;

    *result = (struct market_result){
        update->listing, update->field, MARKET_ACCEPTED, reason, update->token, 0, 0};
    if (reason) {
        result->outcome = MARKET_REFUSED;
        return market->now_ms;
    }
    if (config->proof == MARKET_PROOF_READ &&
        chance_hits(&channel->faults, config->faults.drop_ppm)) {
        market_saw(channel, MARKET_FAULT_DROP);
        return market->now_ms;
    }
    write = write_take(channel, &number);
    *write = (struct write){.update = *update,
                            .sent_ms = market->now_ms,
                            .call = batch->call,
                            .batch = place,
                            .item = item,
                            .kind = kind_of(channel, update)};
    if (config->proof != MARKET_PROOF_READ) {
        write->refuse = chance_hits(&channel->faults, config->faults.late_refuse_ppm);
        write->lie = chance_hits(&channel->faults, config->faults.lie_ppm);
        channel->counts.fault[MARKET_FAULT_LATE_REFUSED] += (uint64_t)write->refuse;
        channel->counts.fault[MARKET_FAULT_LIE] += (uint64_t)write->lie;
    }
    at_ms = market->now_ms + landing_delay(channel, slow);
    market_plan(market, at_ms, WHAT_LAND, market_number(market, channel), number, 0);
    return at_ms;
}

static int64_t report_delay(struct channel *channel)
{
    const struct market_channel *config = channel->config;
    int64_t delay = chance_mean(&channel->network, config->report_late_max_ms / 10);

    if (chance_hits(&channel->faults, config->faults.late_report_ppm)) {
        market_saw(channel, MARKET_FAULT_LATE_REPORT);
        return config->report_late_max_ms;
    }
    return delay < config->report_late_max_ms ? delay : config->report_late_max_ms;
}

/* Every item is on its way; when the last of them has landed is the return. */
static int64_t push_all(struct market *market, struct channel *channel, struct call *call,
                        const struct market_update *updates, uint32_t count)
{
    uint32_t place = (uint32_t)(channel->batch_next++ % channel->config->batches_max);
    struct batch *batch = &channel->batches[place];
    int64_t last_ms = market->now_ms;
    /* An answer waits for its slowest item: such a call is slow as a whole, or none would be fast.
     */
    int slow = channel->config->proof == MARKET_PROOF_ANSWER &&
               chance_hits(&channel->faults, channel->config->faults.slow_ppm);

    batch->call = call->answer.call;
    batch->count = call->answer.count = count;
    for (uint32_t i = 0; i < count; i++) {
        int64_t at_ms = push_item(market, channel, place, &updates[i], i, slow);
        last_ms = at_ms > last_ms ? at_ms : last_ms;
    }
    batch->done_ms = last_ms + report_delay(channel);
    if (channel->config->proof == MARKET_PROOF_ANSWER)
        call->batch = place;
    else
        memcpy(call->room, batch->results, count * sizeof(*batch->results));
    return last_ms;
}

uint64_t market_push(struct market *market, uint32_t number, const struct market_update *updates,
                     uint32_t count)
{
    struct channel *channel = &market->channel[number];
    struct call *call = call_begin(market, channel, MARKET_PUSH);
    int64_t done_ms = market->now_ms;

    if (!call)
        return 0;
    channel->counts.writes += count;
    channel->counts.forbidden += channel->forbidden ? count : 0;
    call->answer.results = call->room;
    if (call->works && (count > channel->config->batch_max ||
                        count > channel->config->writes_max - channel->writes_open)) {
        call->answer.status =
            count > channel->config->batch_max ? MARKET_TOO_LARGE : MARKET_UNAVAILABLE;
        call->works = 0;
    }
    if (call->works)
        done_ms = push_all(market, channel, call, updates, count);
    if (channel->config->proof != MARKET_PROOF_ANSWER)
        done_ms = market->now_ms;
    return call_end(market, channel, call, done_ms);
}

uint64_t market_report(struct market *market, uint32_t number, uint64_t push_call)
{
    struct channel *channel = &market->channel[number];
    struct call *call = call_begin(market, channel, MARKET_REPORT);
    const struct batch *batch = NULL;
    struct market_result *results;

    if (!call)
        return 0;
    results = call->room;
    call->answer.results = results;
    for (uint32_t i = 0; call->works && push_call && i < channel->config->batches_max; i++) {
        if (channel->batches[i].call == push_call)
            batch = &channel->batches[i];
    }
    if (batch && channel->config->proof == MARKET_PROOF_REPORT) {
        call->answer.count = batch->count;
        call->answer.pending = market->now_ms < batch->done_ms;
        memcpy(results, batch->results, batch->count * sizeof(*results));
        for (uint32_t i = 0; call->answer.pending && i < batch->count; i++)
            results[i] = (struct market_result){results[i].listing,
                                                results[i].field,
                                                MARKET_PENDING,
                                                MARKET_NO_REASON,
                                                results[i].token,
                                                0,
                                                0};
    } else if (call->works && call->answer.status == MARKET_OK) {
        call->answer.status = MARKET_NOT_FOUND;
    }
    return call_end(market, channel, call, market->now_ms);
}
