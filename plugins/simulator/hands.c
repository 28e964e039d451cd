/* Other hands on the channel: outages, locks and reviews, staff and ERPs that edit. */
#include "plugins/simulator/inside.h"

static void hand_plan(struct market *market, struct channel *channel, enum what what,
                      int64_t mean_ms)
{
    if (mean_ms > 0)
        market_plan(market, market->now_ms + 1 + chance_mean(&channel->hands, mean_ms), what,
                    market_number(market, channel), 0, 0);
}

void hands_open(struct market *market, struct channel *channel)
{
    const struct market_faults *faults = &channel->config->faults;

    if (!channel->listing_count)
        return;
    hand_plan(market, channel, WHAT_OUTAGE, faults->outage_every_ms);
    hand_plan(market, channel, WHAT_LOCK, faults->lock_every_ms);
    hand_plan(market, channel, WHAT_EDIT, faults->edit_every_ms);
}

void hand_outage(struct market *market, struct channel *channel)
{
    const struct market_faults *faults = &channel->config->faults;
    int64_t until_ms = market->now_ms + chance_mean(&channel->hands, faults->outage_ms);

    hand_plan(market, channel, WHAT_OUTAGE, faults->outage_every_ms);
    if (until_ms > channel->outage_until_ms)
        channel->outage_until_ms = until_ms;
}

void hand_lock(struct market *market, struct channel *channel)
{
    const struct market_faults *faults = &channel->config->faults;
    struct listing *listing =
        &channel->listings[chance_below(&channel->hands, channel->listing_count)];

    hand_plan(market, channel, WHAT_LOCK, faults->lock_every_ms);
    listing->locked_until_ms = market->now_ms + chance_mean(&channel->hands, faults->lock_ms);
    listing->under_review = (int)chance_below(&channel->hands, 2);
}

static void edit_price(struct market *market, struct channel *channel, uint32_t place)
{
    int64_t price = channel->listings[place].price * chance_between(&channel->hands, 90, 110) / 100;
    market_saw(channel, MARKET_FAULT_EDIT_PRICE);
    price_set(market, channel, place, price < 1 ? 1 : price, 0);
}

void hand_edit(struct market *market, struct channel *channel)
{
    const struct market_faults *faults = &channel->config->faults;
    uint32_t place = (uint32_t)chance_below(&channel->hands, channel->listing_count);
    struct counter *counter = &channel->counters[channel->listings[place].pool];

    hand_plan(market, channel, WHAT_EDIT, faults->edit_every_ms);
    if (chance_hits(&channel->hands, faults->raise_ppm)) {
        market_saw(channel, MARKET_FAULT_EDIT_RAISE);
        counter_move(market, channel, place, chance_between(&channel->hands, 1, 10),
                     &counter->edited, 0);
    } else if (chance_below(&channel->hands, 2) && counter->now > 0) {
        market_saw(channel, MARKET_FAULT_EDIT_FALL);
        counter_move(market, channel, place, -chance_between(&channel->hands, 1, counter->now),
                     &counter->edited, 0);
    } else {
        edit_price(market, channel, place);
    }
}

/* Somebody who wants another price than we do puts his back. */
void hand_contests(struct market *market, struct channel *channel, uint32_t place)
{
    struct listing *listing = &channel->listings[place];
    listing->contest_waits = 0;
    if (listing->price == listing->floor_price)
        return;
    market_saw(channel, MARKET_FAULT_CONTESTED);
    price_set(market, channel, place, listing->floor_price, 0);
}

/* ---- by order of who tests ---- */

void market_forbid(struct market *market, uint32_t number, int forbidden)
{
    market->channel[number].forbidden = forbidden;
}

void market_outage(struct market *market, uint32_t number, int64_t length_ms)
{
    market->channel[number].outage_until_ms = market->now_ms + length_ms;
}

void market_edit(struct market *market, uint32_t number, uint32_t place, enum market_field field,
                 int64_t value)
{
    struct channel *channel = &market->channel[number];
    struct listing *listing = &channel->listings[place];
    struct counter *counter;

    if (place >= channel->listing_count || value < 0)
        return;
    counter = &channel->counters[listing->pool];
    if (field == MARKET_QUANTITY)
        counter_move(market, channel, place, value - counter->now, &counter->edited, 0);
    else if (field == MARKET_PRICE)
        price_set(market, channel, place, value, 0);
    else
        listing->active = value != 0;
}
