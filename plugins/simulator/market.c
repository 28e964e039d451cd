/* The frame: one block of memory, one heap of what is going to happen, and the loop that lets it
 * happen. Every other file is told when its time has come (happen, below) and plans what follows
 * with market_plan. Nothing here or there takes memory after market_create. */
#include "plugins/simulator/market.h"
#include "plugins/simulator/inside.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

/* Run twice: without a base it measures, with one it hands out. */
struct layout {
    char *base;
    uint64_t used;
};

static void *layout_take(struct layout *layout, uint64_t count, uint64_t size)
{
    uint64_t at = (layout->used + 63) & ~UINT64_C(63);
    layout->used = at + count * size;
    return layout->base ? layout->base + at : NULL;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The largest answer that a call of this channel may get. */
static uint64_t room_bytes(const struct market_channel *config)
{
    uint64_t page = larger(larger(sizeof(struct market_event), sizeof(struct market_card)),
                           sizeof(struct market_offer));
    uint64_t item = larger(sizeof(struct market_result), sizeof(struct market_reading));
    return larger(config->page_max * page, config->batch_max * item);
}

static void layout_channel(struct layout *layout, struct channel *channel)
{
    const struct market_channel *config = channel->config;
    uint32_t listings = config->listings_max;

    channel->listings = layout_take(layout, listings, sizeof(struct listing));
    channel->counters = layout_take(layout, listings, sizeof(struct counter));
    channel->popularity = layout_take(layout, listings, sizeof(uint64_t));
    channel->rivals =
        layout_take(layout, listings * (uint64_t)config->rivals, sizeof(struct rival));
    channel->writes = layout_take(layout, config->writes_max, sizeof(struct write));
    channel->batches = layout_take(layout, config->batches_max, sizeof(struct batch));
    channel->orders = layout_take(layout, config->orders_max, sizeof(struct order));
    channel->wants = layout_take(layout, config->orders_max, sizeof(uint32_t));
    channel->events = layout_take(layout, config->events_max, sizeof(struct market_event));
    channel->hooks = layout_take(layout, config->hooks_max, sizeof(struct market_event));
    channel->hook_free = layout_take(layout, config->hooks_max, sizeof(uint32_t));
    channel->hook_ready = layout_take(layout, config->hooks_max, sizeof(uint32_t));
    channel->calls = layout_take(layout, config->calls_max, sizeof(struct call));
    channel->ready = layout_take(layout, config->calls_max, sizeof(uint32_t));
    for (uint32_t i = 0; i < config->batches_max; i++) {
        void *results = layout_take(layout, config->batch_max, sizeof(struct market_result));
        if (layout->base)
            channel->batches[i].results = results;
    }
    for (uint32_t i = 0; i < config->calls_max; i++) {
        void *room = layout_take(layout, 1, room_bytes(config));
        if (layout->base)
            channel->calls[i].room = room;
    }
}

/* Everything behind the market itself, which stands first. */
static void layout_all(struct layout *layout, struct market *market)
{
    const struct market_config *config = &market->config;

    market->heap = layout_take(layout, market->heap_max, sizeof(struct happening));
    market->rank = layout_take(layout, config->skus, sizeof(uint32_t));
    market->skus = layout_take(layout, config->skus, sizeof(struct sku_book));
    market->stock =
        layout_take(layout, (uint64_t)config->skus * config->locations, sizeof(int64_t));
    for (uint32_t c = 0; c < config->channel_count; c++)
        layout_channel(layout, &market->channel[c]);
}

/* One of each series, and of each pool as many as it has: see the pools in inside.h. */
static uint32_t heap_needs(const struct market_config *config)
{
    uint32_t sum = 0;
    for (uint32_t c = 0; c < config->channel_count; c++) {
        const struct market_channel *channel = &config->channel[c];
        sum += 8 + channel->writes_max + channel->calls_max + 3 * channel->orders_max +
               channel->hooks_max + 2 * channel->listings_max;
    }
    return sum;
}

static void channel_init(struct market *market, uint32_t number)
{
    struct channel *channel = &market->channel[number];
    const struct market_channel *config = channel->config;
    uint64_t seed = market->config.seed;

    channel->shoppers = chance_seed(seed, number * 8 + 1);
    channel->network = chance_seed(seed, number * 8 + 2);
    channel->faults = chance_seed(seed, number * 8 + 3);
    channel->rivals_chance = chance_seed(seed, number * 8 + 4);
    channel->hands = chance_seed(seed, number * 8 + 5);
    for (int e = 0; e < MARKET_ENDPOINTS; e++)
        bucket_fill(&channel->quota[e], &config->quota[e], market->now_ms);
    bucket_fill(&channel->account, &config->account, market->now_ms);
    channel->write_free = channel->order_free = NONE;
    for (uint32_t i = 0; i < config->hooks_max; i++)
        channel->hook_free[i] = i;
    channel->hook_free_count = config->hooks_max;
    channel->lent = channel->offer_first = channel->offer_last = NONE;
}

/* Which SKU is how popular: a shuffle of its own, the same on all channels. */
static void rank_skus(struct market *market)
{
    struct chance chance = chance_seed(market->config.seed, 1000);
    for (uint32_t i = 0; i < market->config.skus; i++)
        market->rank[i] = i;
    for (uint32_t i = market->config.skus; i > 1; i--) {
        uint32_t other = (uint32_t)chance_below(&chance, i), kept = market->rank[i - 1];
        market->rank[i - 1] = market->rank[other];
        market->rank[other] = kept;
    }
}

struct market *market_create(const struct market_config *config, char *why, uint32_t why_size)
{
    struct market shape = {.config = *config}, *market;
    struct layout layout = {NULL, sizeof(struct market)};

    if (market_config_check(config, why, why_size))
        return NULL;
    for (uint32_t c = 0; c < config->channel_count; c++)
        shape.channel[c].config = &shape.config.channel[c];
    shape.heap_max = heap_needs(config);
    layout_all(&layout, &shape);
    market = calloc(1, layout.used);
    if (!market) {
        snprintf(why, why_size, "no memory for %llu bytes", (unsigned long long)layout.used);
        return NULL;
    }
    market->config = *config;
    market->heap_max = shape.heap_max;
    market->bytes = layout.used;
    market->now_ms = config->start_ms;
    market->call_next = market->order_next = market->happening_next = 1;
    for (uint32_t c = 0; c < config->channel_count; c++)
        market->channel[c].config = &market->config.channel[c];
    layout = (struct layout){(char *)market, sizeof(struct market)};
    layout_all(&layout, market);
    for (uint32_t a = 0; a < MARKET_APPLICATIONS_MAX; a++)
        bucket_fill(&market->application[a], &market->config.application[a], market->now_ms);
    for (uint32_t c = 0; c < config->channel_count; c++)
        channel_init(market, c);
    rank_skus(market);
    return market;
}

void market_destroy(struct market *market)
{
    free(market);
}

/* ---- catalogue ---- */

static int listing_is_sound(const struct market *market, const struct channel *channel,
                            const struct market_listing *listing)
{
    if (channel->listing_count >= channel->config->listings_max || listing->parts < 1 ||
        listing->parts > MARKET_PARTS_MAX || listing->counter < 0 ||
        (listing->pool != MARKET_OWN_POOL && listing->pool >= channel->listing_count))
        return 0;
    for (uint32_t i = 0; i < listing->parts; i++) {
        if (listing->part[i].sku >= market->config.skus || listing->part[i].units < 1)
            return 0;
    }
    return 1;
}

int32_t market_add_listing(struct market *market, uint32_t number,
                           const struct market_listing *given)
{
    struct channel *channel;
    struct listing *listing;
    uint32_t place;

    if (number >= market->config.channel_count)
        return -1;
    channel = &market->channel[number];
    if (!listing_is_sound(market, channel, given))
        return -1;
    place = channel->listing_count;
    listing = &channel->listings[place];
    memcpy(listing->part, given->part, sizeof(listing->part));
    listing->parts = given->parts;
    listing->active = 1;
    listing->price = listing->floor_price = given->price_minor;
    listing->contested = chance_hits(&channel->hands, channel->config->faults.contested_ppm);
    history_add(&listing->prices, market->now_ms, given->price_minor, 0);
    listing->pool = given->pool == MARKET_OWN_POOL ? place : channel->listings[given->pool].pool;
    if (listing->pool == place) {
        struct counter *counter = &channel->counters[place];
        counter->now = counter->initial = given->counter;
        history_add(&counter->history, market->now_ms, given->counter, 0);
    }
    channel->listing_count++;
    return (int32_t)place;
}

void market_fill(struct market *market, int32_t counter, uint32_t kit_every)
{
    struct chance chance = chance_seed(market->config.seed, 1001);
    uint32_t skus = market->config.skus;

    for (uint32_t sku = 0; sku < skus; sku++) {
        int64_t price = 200 + (int64_t)chance_below(&chance, 19801);
        for (uint32_t c = 0; c < market->config.channel_count; c++) {
            struct market_listing listing = {
                .part = {{sku, 1}}, .parts = 1, .pool = MARKET_OWN_POOL, .counter = counter};
            if (kit_every && sku % kit_every == kit_every - 1 && sku + 1 < skus) {
                listing.part[0].units = 2;
                listing.part[1] = (struct market_part){sku + 1, 1};
                listing.parts = 2;
                listing.counter = counter / 2;
            }
            listing.price_minor = price;
            market_add_listing(market, c, &listing);
        }
    }
}

void market_stock(struct market *market, uint32_t sku, uint32_t location, int64_t units)
{
    if (sku < market->config.skus && location < market->config.locations)
        market->stock[(uint64_t)sku * market->config.locations + location] += units;
}

void market_open(struct market *market)
{
    for (uint32_t c = 0; c < market->config.channel_count; c++) {
        struct channel *channel = &market->channel[c];
        uint64_t sum = 0;
        for (uint32_t i = 0; i < channel->listing_count; i++) {
            uint32_t rank = market->rank[channel->listings[i].part[0].sku];
            sum += chance_zipf_weight(rank, market->config.zipf_milli);
            channel->popularity[i] = sum;
        }
        rivals_open(market, channel);
        hands_open(market, channel);
        shopper_first(market, channel);
    }
}

/* ---- what is going to happen ---- */

static int is_before(const struct happening *a, const struct happening *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

void market_plan(struct market *market, int64_t at_ms, enum what what, uint32_t channel, uint32_t a,
                 uint32_t b)
{
    struct happening happening = {
        at_ms, market->happening_next++, (uint16_t)what, (uint16_t)channel, a, b};
    uint32_t at = market->heap_count++;

    if (at >= market->heap_max)
        abort(); /* heap_needs has forgotten somebody */
    while (at > 0 && is_before(&happening, &market->heap[(at - 1) / 2])) {
        market->heap[at] = market->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    market->heap[at] = happening;
}

static struct happening heap_pop(struct market *market)
{
    struct happening first = market->heap[0], last = market->heap[--market->heap_count];
    uint32_t at = 0, count = market->heap_count;

    for (uint32_t child = 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && is_before(&market->heap[child + 1], &market->heap[child]))
            child++;
        if (!is_before(&market->heap[child], &last))
            break;
        market->heap[at] = market->heap[child];
        at = child;
    }
    market->heap[at] = last;
    return first;
}

static void happen(struct market *market, const struct happening *it)
{
    struct channel *channel = &market->channel[it->channel];
    switch ((enum what)it->what) {
    case WHAT_SHOPPER:
        shopper_comes(market, channel);
        break;
    case WHAT_SHOWN:
        event_shown(market, channel, it->a, (enum market_event_kind)it->b);
        break;
    case WHAT_SHIP:
        order_ships(market, channel, it->a);
        break;
    case WHAT_END:
        order_ends(market, channel, it->a);
        break;
    case WHAT_LEAVES:
        shopper_leaves(market, channel, it->a);
        break;
    case WHAT_LAND:
        landing(market, channel, it->a);
        break;
    case WHAT_ANSWER:
        call_answered(market, channel, it->a);
        break;
    case WHAT_HOOK:
        hook_arrives(market, channel, it->a);
        break;
    case WHAT_RIVAL:
        rival_moves(market, channel);
        break;
    case WHAT_REACT:
        rivals_react(market, channel, it->a);
        break;
    case WHAT_OUTAGE:
        hand_outage(market, channel);
        break;
    case WHAT_LOCK:
        hand_lock(market, channel);
        break;
    case WHAT_EDIT:
        hand_edit(market, channel);
        break;
    case WHAT_CONTEST:
        hand_contests(market, channel, it->a);
        break;
    }
}

void market_advance(struct market *market, int64_t now_ms)
{
    while (market->heap_count && market->heap[0].at_ms <= now_ms) {
        struct happening it = heap_pop(market);
        if (it.at_ms > market->now_ms)
            market->now_ms = it.at_ms;
        market_note(market, (uint64_t)it.at_ms);
        market_note(market, (uint64_t)it.what << 48 | (uint64_t)it.channel << 32 | it.a);
        happen(market, &it);
    }
    if (now_ms > market->now_ms)
        market->now_ms = now_ms;
}

int64_t market_now(const struct market *market)
{
    return market->now_ms;
}

int64_t market_next(const struct market *market)
{
    return market->heap_count ? market->heap[0].at_ms : INT64_MAX;
}

void market_note(struct market *market, uint64_t value)
{
    uint64_t mixed = (market->digest ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    market->digest = mixed ^ (mixed >> 32);
}

uint32_t market_number(const struct market *market, const struct channel *channel)
{
    return (uint32_t)(channel - market->channel);
}
