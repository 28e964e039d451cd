/* Counters and prices over time, and what a write does when it lands. A history keeps the last
 * moments, so that a read-back may be as old as the channel's caches allow. */
#include "plugins/simulator/inside.h"
#include <stddef.h>

void history_add(struct history *history, int64_t at_ms, int64_t value, uint64_t token)
{
    history->moment[history->count++ % HISTORY] = (struct moment){at_ms, value, token};
}

/* What was true at that time, or the oldest that is still known. */
const struct moment *history_at(const struct history *history, int64_t at_ms)
{
    uint32_t kept = history->count < HISTORY ? history->count : HISTORY;
    const struct moment *found = NULL;
    for (uint32_t back = 1; back <= kept; back++) {
        found = &history->moment[(history->count - back) % HISTORY];
        if (found->at_ms <= at_ms)
            break;
    }
    return found;
}

/* `account` is the counter's own sum that the difference is booked on. */
void counter_move(struct market *market, struct channel *channel, uint32_t listing, int64_t by,
                  int64_t *account, uint64_t token)
{
    struct counter *counter = &channel->counters[channel->listings[listing].pool];
    counter->now += by;
    *account += by;
    history_add(&counter->history, market->now_ms, counter->now, token);
    market_note(market, (uint64_t)counter->now << 32 | listing);
}

void price_set(struct market *market, struct channel *channel, uint32_t listing, int64_t value,
               uint64_t token)
{
    struct listing *it = &channel->listings[listing];
    it->price = value;
    history_add(&it->prices, market->now_ms, value, token);
    market_note(market, (uint64_t)value << 32 | listing);
    rivals_notice(market, channel, listing);
}

/* What the counter becomes, or -1: refused, with the outcome set. */
static int64_t landing_value(struct channel *channel, const struct write *write, int64_t now,
                             struct market_result *result)
{
    const struct market_update *update = &write->update;
    int64_t value = update->value;

    if (write->kind == MARKET_ADJUST)
        value += now;
    if (value < 0 && channel->config->clamps) {
        market_saw(channel, MARKET_FAULT_CLAMPED);
        value = 0;
    }
    if (value < 0 || value > INT32_MAX) {
        result->outcome = MARKET_REFUSED;
        result->reason = MARKET_BAD_VALUE;
        return -1;
    }
    if (write->kind == MARKET_CAS && update->expect != now) {
        market_saw(channel, MARKET_FAULT_MISMATCH);
        result->outcome = MARKET_MISMATCH;
        result->before = result->after = now;
        return -1;
    }
    return value;
}

static void overtakes(struct channel *channel, int64_t *newest_sent_ms, const struct write *write)
{
    if (write->sent_ms < *newest_sent_ms)
        market_saw(channel, MARKET_FAULT_OVERTAKEN);
    else
        *newest_sent_ms = write->sent_ms;
}

static void landing_quantity(struct market *market, struct channel *channel,
                             const struct write *write, struct market_result *result)
{
    struct listing *listing = &channel->listings[write->update.listing];
    struct counter *counter = &channel->counters[listing->pool];
    int64_t value = landing_value(channel, write, counter->now, result);

    if (value < 0)
        return;
    result->outcome = MARKET_APPLIED;
    result->before = counter->now;
    result->after = value;
    if (write->lie)
        return;
    overtakes(channel, &counter->newest_sent_ms, write);
    counter_move(market, channel, write->update.listing, value - counter->now, &counter->written,
                 write->update.token);
    counter->writes++;
    channel->counts.landed++;
}

static void landing_other(struct market *market, struct channel *channel, const struct write *write,
                          struct market_result *result)
{
    struct listing *listing = &channel->listings[write->update.listing];
    int price = write->update.field == MARKET_PRICE;

    result->outcome = MARKET_APPLIED;
    result->before = price ? listing->price : listing->active;
    result->after = write->update.value;
    if (write->lie)
        return;
    channel->counts.landed++;
    if (!price) {
        listing->active = write->update.value != 0;
        return;
    }
    overtakes(channel, &listing->price_sent_ms, write);
    price_set(market, channel, write->update.listing, write->update.value, write->update.token);
    if (listing->contested && !listing->contest_waits) {
        listing->contest_waits = 1;
        market_plan(market, market->now_ms + chance_mean(&channel->hands, 20 * 60000), WHAT_CONTEST,
                    market_number(market, channel), write->update.listing, 0);
    }
}

void landing(struct market *market, struct channel *channel, uint32_t number)
{
    struct write *write = &channel->writes[number];
    struct batch *batch = &channel->batches[write->batch];
    struct market_result ignored = {0};
    struct market_result *result =
        batch->call == write->call && channel->config->proof != MARKET_PROOF_READ && !write->again
            ? &batch->results[write->item]
            : &ignored;

    if (write->refuse) {
        result->outcome = MARKET_REFUSED;
        result->reason = MARKET_SYSTEM_ERROR;
    } else if (write->update.field == MARKET_QUANTITY) {
        landing_quantity(market, channel, write, result);
    } else {
        landing_other(market, channel, write, result);
    }
    if (write->refuse != 1 && write->again == 0 &&
        chance_hits(&channel->faults, channel->config->faults.land_twice_ppm)) {
        market_saw(channel, MARKET_FAULT_LAND_TWICE);
        write->again = 1;
        market_plan(market,
                    market->now_ms + 1 +
                        chance_mean(&channel->faults, channel->config->land_max_ms / 2),
                    WHAT_LAND, market_number(market, channel), number, 0);
        return;
    }
    write->next_free = channel->write_free;
    channel->write_free = number;
    channel->writes_open--;
}
