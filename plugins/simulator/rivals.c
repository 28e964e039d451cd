/* Rival bots with known strategies, and the offers that can be read: ours and theirs. The listings
 * of a channel stand in a list by the last change of their offers, so that a reader with a cursor
 * gets each changed listing once, with what holds now. */
#include "plugins/simulator/inside.h"

enum strategy { BEAT_LOWEST, MATCH_LOWEST, COST_PLUS, UPWARD_LOOP, STRATEGIES };

static struct rival *rivals_of(const struct channel *channel, uint32_t listing)
{
    return &channel->rivals[(uint64_t)listing * channel->config->rivals];
}

/* To the end of the list. */
static void offers_changed(struct channel *channel, uint32_t place)
{
    struct listing *listing = &channel->listings[place];

    if (listing->offer_at) {
        if (listing->offer_before != NONE)
            channel->listings[listing->offer_before].offer_after = listing->offer_after;
        else
            channel->offer_first = listing->offer_after;
        if (listing->offer_after != NONE)
            channel->listings[listing->offer_after].offer_before = listing->offer_before;
        else
            channel->offer_last = listing->offer_before;
    }
    listing->offer_at = ++channel->change_next;
    listing->offer_before = channel->offer_last;
    listing->offer_after = NONE;
    if (channel->offer_last != NONE)
        channel->listings[channel->offer_last].offer_after = place;
    else
        channel->offer_first = place;
    channel->offer_last = place;
}

static void rival_plan(struct market *market, struct channel *channel)
{
    int64_t mean_ms = MARKET_DAY_MS / channel->config->moves_per_day;
    market_plan(market, market->now_ms + 1 + chance_mean(&channel->rivals_chance, mean_ms),
                WHAT_RIVAL, market_number(market, channel), 0, 0);
}

void rivals_open(struct market *market, struct channel *channel)
{
    static const int64_t shipping[] = {0, 0, 299, 499};
    struct chance *chance = &channel->rivals_chance;

    if (!channel->config->rivals || !channel->listing_count)
        return;
    for (uint32_t i = 0; i < channel->listing_count; i++) {
        struct rival *rivals = rivals_of(channel, i);
        for (uint32_t r = 0; r < channel->config->rivals; r++) {
            int64_t cost = channel->listings[i].price * chance_between(chance, 55, 85) / 100 + 1;
            rivals[r] = (struct rival){.cost = cost,
                                       .price = cost * chance_between(chance, 105, 150) / 100 + 1,
                                       .shipping = shipping[chance_below(chance, 4)],
                                       .strategy = (uint32_t)chance_below(chance, STRATEGIES),
                                       .at_ms = market->now_ms};
        }
        offers_changed(channel, i);
    }
    if (channel->config->moves_per_day)
        rival_plan(market, channel);
}

/* The lowest or highest landed price of all but rival `self`; ours is among them. */
static int64_t others_landed(const struct channel *channel, uint32_t place, uint32_t self,
                             int highest)
{
    const struct rival *rivals = rivals_of(channel, place);
    int64_t found = channel->listings[place].price;

    for (uint32_t r = 0; r < channel->config->rivals; r++) {
        int64_t landed = rivals[r].price + rivals[r].shipping;
        if (r != self && (highest ? landed > found : landed < found))
            found = landed;
    }
    return found;
}

/* Returns whether the price moved. */
static int rival_decides(struct market *market, struct channel *channel, uint32_t place,
                         uint32_t number)
{
    struct rival *rival = &rivals_of(channel, place)[number];
    int64_t price = rival->price;

    switch ((enum strategy)rival->strategy) {
    case BEAT_LOWEST:
        price = others_landed(channel, place, number, 0) - rival->shipping -
                chance_between(&channel->rivals_chance, 1, 10);
        break;
    case MATCH_LOWEST:
        price = others_landed(channel, place, number, 0) - rival->shipping;
        break;
    case COST_PLUS:
        price = rival->cost * chance_between(&channel->rivals_chance, 115, 130) / 100;
        break;
    case UPWARD_LOOP: /* 1.27 times the highest, up to where somebody notices */
        price = others_landed(channel, place, number, 1) * 127 / 100 - rival->shipping;
        if (price > 20 * rival->cost)
            price = rival->cost * 130 / 100;
        break;
    case STRATEGIES:
        break;
    }
    if (price < rival->cost)
        price = rival->cost;
    if (price == rival->price)
        return 0;
    rival->price = price;
    rival->at_ms = market->now_ms;
    channel->counts.rival_moves++;
    market_note(market, (uint64_t)price << 24 | number);
    return 1;
}

void rival_moves(struct market *market, struct channel *channel)
{
    uint32_t place = (uint32_t)chance_below(&channel->rivals_chance, channel->listing_count);
    uint32_t number = (uint32_t)chance_below(&channel->rivals_chance, channel->config->rivals);

    rival_plan(market, channel);
    if (rival_decides(market, channel, place, number))
        offers_changed(channel, place);
}

void rivals_react(struct market *market, struct channel *channel, uint32_t place)
{
    int moved = 0;
    channel->listings[place].react_waits = 0;
    for (uint32_t r = 0; r < channel->config->rivals; r++)
        moved |= rival_decides(market, channel, place, r);
    if (moved)
        offers_changed(channel, place);
}

/* Our price is another now. */
void rivals_notice(struct market *market, struct channel *channel, uint32_t place)
{
    struct listing *listing = &channel->listings[place];

    if (!channel->config->rivals)
        return;
    offers_changed(channel, place);
    if (listing->react_waits)
        return;
    listing->react_waits = 1;
    market_plan(market,
                market->now_ms + 1 +
                    chance_mean(&channel->rivals_chance, channel->config->reaction_ms),
                WHAT_REACT, market_number(market, channel), place, 0);
}

int rivals_we_hold_box(const struct channel *channel, uint32_t place)
{
    return others_landed(channel, place, NONE, 0) == channel->listings[place].price;
}

/* ---- reading them ---- */

static uint32_t offers_fill(const struct channel *channel, uint32_t place,
                            struct market_offer *offers)
{
    const struct listing *listing = &channel->listings[place];
    const struct rival *rivals = rivals_of(channel, place);
    const struct moment *ours = history_at(&listing->prices, INT64_MAX);
    int64_t lowest = others_landed(channel, place, NONE, 0);
    uint32_t count = 0;
    int box = 0;

    offers[count] = (struct market_offer){place, 0, listing->price, 0, ours->at_ms, 0};
    box = offers[count++].buy_box = listing->price == lowest;
    for (uint32_t r = 0; r < channel->config->rivals; r++) {
        int wins = !box && rivals[r].price + rivals[r].shipping == lowest;
        box |= wins;
        offers[count++] = (struct market_offer){
            place, r + 1, rivals[r].price, rivals[r].shipping, rivals[r].at_ms, wins};
    }
    return count;
}

uint64_t market_offers(struct market *market, uint32_t number, uint64_t cursor, uint32_t max)
{
    struct channel *channel = &market->channel[number];
    struct call *call = call_begin(market, channel, MARKET_OFFERS);
    uint32_t each = channel->config->rivals + 1, place = channel->offer_last;
    struct market_offer *offers;

    if (!call)
        return 0;
    offers = call->room;
    call->answer.offers = offers;
    if (max > channel->config->page_max || max < each)
        max = channel->config->page_max;
    if (place != NONE && channel->listings[place].offer_at <= cursor)
        place = NONE;
    while (place != NONE && channel->listings[place].offer_before != NONE &&
           channel->listings[channel->listings[place].offer_before].offer_at > cursor)
        place = channel->listings[place].offer_before;
    call->answer.cursor = cursor;
    while (call->works && place != NONE && call->answer.count + each <= max) {
        call->answer.count += offers_fill(channel, place, offers + call->answer.count);
        call->answer.cursor = channel->listings[place].offer_at;
        place = channel->listings[place].offer_after;
    }
    call->answer.more = place != NONE;
    return call_end(market, channel, call, market->now_ms);
}

uint64_t market_offers_of(struct market *market, uint32_t number, const uint32_t *listings,
                          uint32_t count)
{
    struct channel *channel = &market->channel[number];
    struct call *call = call_begin(market, channel, MARKET_OFFERS);
    uint32_t each = channel->config->rivals + 1;
    struct market_offer *offers;

    if (!call)
        return 0;
    offers = call->room;
    call->answer.offers = offers;
    if (call->works && count > channel->config->page_max / each) {
        call->answer.status = MARKET_TOO_LARGE;
        call->works = 0;
    }
    for (uint32_t i = 0; call->works && i < count; i++) {
        if (listings[i] < channel->listing_count)
            call->answer.count += offers_fill(channel, listings[i], offers + call->answer.count);
    }
    return call_end(market, channel, call, market->now_ms);
}
