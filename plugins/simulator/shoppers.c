/* Shoppers: they come by the hour of day, look for what is popular, and buy at the counter at once
 * if it allows; some think better of it later. A shop has no counter: its shopper waits for a yes.
 *
 * An order lives in a pool while something is still to happen to it (refs); whoever plans a
 * happening with it counts one, whoever it happens to lets one go. */
#include "plugins/simulator/inside.h"

/* 1, 2 or 3 units as 5055 : 2232 : 1036, the lines of online_retail_2010_12.csv. */
#define UNITS_ONE 607
#define UNITS_TWO 875

static void shopper_plan(struct market *market, struct channel *channel)
{
    int64_t mean_us;

    channel->shoppers_come = channel->orders_per_day && channel->listing_count;
    if (!channel->shoppers_come)
        return;
    mean_us = MARKET_HOUR_MS * 1000 / channel->orders_per_day;
    /* The rate of the busiest hour; quieter ones send shoppers away in shopper_comes. */
    mean_us = mean_us * channel->weight_sum / channel->weight_max;
    channel->shopper_us += chance_mean(&channel->shoppers, mean_us);
    market_plan(market, channel->shopper_us / 1000, WHAT_SHOPPER, market_number(market, channel), 0,
                0);
}

void shopper_first(struct market *market, struct channel *channel)
{
    const struct market_channel *config = channel->config;

    for (int hour = 0; hour < 24; hour++) {
        channel->weight_sum += config->hour_weight[hour];
        if (config->hour_weight[hour] > channel->weight_max)
            channel->weight_max = config->hour_weight[hour];
    }
    if (!channel->weight_max) {
        channel->weight_sum = 24;
        channel->weight_max = 1;
    }
    market_shoppers(market, market_number(market, channel), config->orders_per_day);
}

void market_shoppers(struct market *market, uint32_t number, int64_t orders_per_day)
{
    struct channel *channel = &market->channel[number];

    channel->orders_per_day = orders_per_day > 0 ? orders_per_day : 0;
    if (channel->shoppers_come)
        return; /* from the next one on */
    channel->shopper_us = market->now_ms * 1000;
    shopper_plan(market, channel);
}

static int comes_at_this_hour(struct market *market, struct channel *channel)
{
    uint32_t weight = channel->config->hour_weight[market->now_ms / MARKET_HOUR_MS % 24];
    if (channel->weight_sum == 24 && channel->weight_max == 1)
        weight = 1;
    return chance_below(&channel->shoppers, channel->weight_max) < weight;
}

static uint32_t pick_listing(struct channel *channel)
{
    uint32_t low = 0, high = channel->listing_count - 1;
    uint64_t at = chance_below(&channel->shoppers, channel->popularity[high]);

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (channel->popularity[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static int32_t pick_units(struct channel *channel)
{
    uint64_t draw = chance_below(&channel->shoppers, 1000);
    int32_t units = draw < UNITS_ONE ? 1 : draw < UNITS_TWO ? 2 : 3;
    int32_t most = (int32_t)channel->config->units_max;
    return units < most ? units : most;
}

/* A line of the order, if the counter allows it: taken off at once. */
static void add_line(struct market *market, struct channel *channel, struct order *order)
{
    uint32_t place = pick_listing(channel);
    struct listing *listing = &channel->listings[place];
    struct counter *counter = &channel->counters[listing->pool];
    int32_t units = pick_units(channel);
    int shop = channel->config->kind == MARKET_SHOP;

    /* Who does not hold the buy box sells to one in three of its shoppers. */
    if (channel->config->rivals && !rivals_we_hold_box(channel, place) &&
        chance_below(&channel->shoppers, 3))
        return;
    if (!listing->active || (!shop && counter->now < units)) {
        channel->counts.turned_away++;
        return;
    }
    for (uint32_t i = 0; i < order->lines; i++) {
        if (order->line[i].listing == place)
            return;
    }
    if (!shop)
        counter_move(market, channel, place, -units, &counter->sold, 0);
    order->line[order->lines++] = (struct market_line){place, units, listing->price};
}

/* It is a sale now: it will show, and may come to nothing. */
static void order_placed(struct market *market, struct channel *channel, uint32_t number)
{
    const struct market_channel *config = channel->config;
    struct order *order = &channel->orders[number];

    channel->counts.orders++;
    for (uint32_t i = 0; i < order->lines; i++) {
        channel->counts.units += (uint64_t)order->line[i].quantity;
        channel->listings[order->line[i].listing].sold += order->line[i].quantity;
        market_note(market, order->id << 20 | order->line[i].listing);
    }
    book_sale(market, channel, order);
    event_plan(market, channel, number, MARKET_PLACED);
    order->end = MARKET_PLACED;
    if (chance_hits(&channel->shoppers, config->cancel_ppm)) {
        order->end = MARKET_CANCELLED;
        order->end_ms =
            market->now_ms + 1 + chance_mean(&channel->shoppers, config->cancel_mean_ms);
    } else if (chance_hits(&channel->shoppers, config->return_ppm)) {
        order->end = MARKET_RETURNED;
        order->end_ms =
            market->now_ms + 1 + chance_mean(&channel->shoppers, config->return_mean_ms);
    }
    if (order->end != MARKET_CANCELLED && config->ship_mean_ms) {
        order->refs++;
        order->ship_ms = market->now_ms + 1 + chance_mean(&channel->shoppers, config->ship_mean_ms);
        market_plan(market, order->ship_ms, WHAT_SHIP, market_number(market, channel), number, 0);
        if (order->end == MARKET_RETURNED)
            order->end_ms += order->ship_ms - order->placed_ms;
    }
    if (order->end != MARKET_PLACED) {
        order->refs++;
        market_plan(market, order->end_ms, WHAT_END, market_number(market, channel), number, 0);
    }
}

void shopper_comes(struct market *market, struct channel *channel)
{
    const struct market_channel *config = channel->config;
    uint32_t number = channel->order_free == NONE ? channel->order_fresh : channel->order_free;
    struct order *order;

    shopper_plan(market, channel);
    if (!comes_at_this_hour(market, channel))
        return;
    channel->counts.shoppers++;
    if (number >= config->orders_max) {
        channel->counts.turned_away++;
        return;
    }
    order = &channel->orders[number];
    uint32_t next_free = order->next_free;
    *order = (struct order){.placed_ms = market->now_ms, .next_free = next_free};
    uint32_t lines = 1 + (uint32_t)chance_below(&channel->shoppers, config->lines_max);
    for (uint32_t i = 0; i < lines; i++)
        add_line(market, channel, order);
    if (!order->lines)
        return;
    order->id = market->order_next++;
    if (number == channel->order_fresh)
        channel->order_fresh++;
    else
        channel->order_free = next_free;
    if (config->kind != MARKET_SHOP) {
        order_placed(market, channel, number);
        return;
    }
    order->refs = 2; /* the queue of wants, and the shopper's patience */
    order->waits = 1;
    channel->wants[(channel->want_first + channel->want_count++) % config->orders_max] = number;
    market_plan(market, market->now_ms + config->want_ttl_ms, WHAT_LEAVES,
                market_number(market, channel), number, 0);
}

void order_let_go(struct channel *channel, uint32_t number)
{
    struct order *order = &channel->orders[number];
    if (--order->refs)
        return;
    order->next_free = channel->order_free;
    channel->order_free = number;
}

void order_ships(struct market *market, struct channel *channel, uint32_t number)
{
    event_plan(market, channel, number, MARKET_SHIPPED);
    order_let_go(channel, number);
}

void order_ends(struct market *market, struct channel *channel, uint32_t number)
{
    const struct market_channel *config = channel->config;
    struct order *order = &channel->orders[number];
    int cancel = order->end == MARKET_CANCELLED;
    int restocks =
        cancel ? config->restock != MARKET_RESTOCK_NEVER : config->restock == MARKET_RESTOCK_REFUND;

    channel->counts.cancelled += cancel;
    channel->counts.returned += !cancel;
    if (!restocks && chance_hits(&channel->faults, config->faults.restock_ppm)) {
        market_saw(channel, MARKET_FAULT_RESTOCK_UNTOLD);
        restocks = 1;
    } else if (restocks) {
        market_saw(channel, MARKET_FAULT_RESTOCK);
    }
    for (uint32_t i = 0; restocks && config->kind != MARKET_SHOP && i < order->lines; i++) {
        uint32_t place = order->line[i].listing;
        struct counter *counter = &channel->counters[channel->listings[place].pool];
        counter_move(market, channel, place, order->line[i].quantity, &counter->restocked, 0);
    }
    order->restocked = restocks && config->kind != MARKET_SHOP;
    book_end(market, channel, order);
    event_plan(market, channel, number, order->end);
    order_let_go(channel, number);
}

/* ---- a shop's shopper ---- */

int market_want(struct market *market, uint32_t number, struct market_event *event)
{
    struct channel *channel = &market->channel[number];
    uint32_t max = channel->config->orders_max;

    while (channel->want_count) {
        uint32_t place = channel->wants[channel->want_first];
        struct order *order = &channel->orders[place];
        int waits = order->waits;
        channel->want_first = (channel->want_first + 1) % max;
        channel->want_count--;
        *event = (struct market_event){.order = order->id,
                                       .placed_ms = order->placed_ms,
                                       .at_ms = order->placed_ms,
                                       .kind = MARKET_WANTED,
                                       .lines = order->lines};
        for (uint32_t i = 0; i < order->lines; i++)
            event->line[i] = order->line[i];
        order_let_go(channel, place);
        if (waits)
            return 1;
    }
    return 0;
}

int market_want_answer(struct market *market, uint32_t number, uint64_t id, int taken)
{
    struct channel *channel = &market->channel[number];

    for (uint32_t i = 0; i < channel->order_fresh; i++) {
        struct order *order = &channel->orders[i];
        if (order->id != id || !order->waits)
            continue;
        order->waits = 0;
        if (taken)
            order_placed(market, channel, i);
        else
            channel->counts.turned_away++;
        return 1;
    }
    return 0;
}

void shopper_leaves(struct market *market, struct channel *channel, uint32_t number)
{
    struct order *order = &channel->orders[number];

    (void)market;
    if (order->waits)
        channel->counts.turned_away++;
    order->waits = 0;
    order_let_go(channel, number);
}
