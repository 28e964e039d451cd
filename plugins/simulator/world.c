/* The worlds of this process: a short list under one mutex; each world has its own mutex for its
 * market. A world lives as long as somebody has joined it. */
#include "plugins/simulator/world.h"
#include "plugins/simulator/bounds.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world {
    struct world *next;
    struct world_config config; /* of who came first */
    struct market *market;
    pthread_mutex_t mutex;
    int64_t monotonic_ms, start_ms; /* host and market began together at these */
    uint32_t joined;                /* bit per kind */
};

static struct world *worlds;
static pthread_mutex_t worlds_mutex = PTHREAD_MUTEX_INITIALIZER;

static void stretch(struct market_quota *quota, int64_t speed)
{
    *quota = (struct market_quota){SIMULATOR_BURST, 1, SIMULATOR_REFILL_MS * speed};
}

static void channel_config(struct market_channel *channel, const struct world_config *config)
{
    for (int e = 0; e < MARKET_ENDPOINTS; e++)
        stretch(&channel->quota[e], config->speed);
    channel->account = (struct market_quota){0};
    channel->listing_day_max = SIMULATOR_LISTING_A_DAY;
    channel->listings_max = config->skus;
    channel->batch_max = SIMULATOR_BATCH;
    channel->page_max = SIMULATOR_PAGE;
    channel->orders_max = 1u << 17;
    channel->events_max = 1u << 16;
    channel->ship_mean_ms = config->ship_mean_ms;
    channel->orders_per_day = 0;
    /* The seller sees the market's time through a clock that runs slower. */
    channel->timeout_ms *= config->speed;
    channel->latency_min_ms *= config->speed;
    channel->latency_max_ms *= config->speed;
}

/* A shop of the seller's own that keeps a counter as well: the ABI has no asking before a sale. */
static void shop_config(struct market_channel *channel)
{
    channel->kind = MARKET_ADJUST;
    channel->clamps = 1;
    channel->latency_min_ms = 5;
    channel->latency_max_ms = 50;
    channel->order_late_mean_ms = 200;
    channel->order_late_max_ms = SIMULATOR_SHOP_L;
    channel->cancel_late_max_ms = SIMULATOR_SHOP_L;
    channel->restock = MARKET_RESTOCK_CANCEL;
}

static struct market *market_make(const struct world_config *config, int64_t start_ms, char *why,
                                  uint32_t why_size)
{
    struct market_config made;
    struct market *market;

    market_config_preset(&made, config->seed, config->programme);
    made.start_ms = start_ms;
    made.skus = config->skus;
    made.locations = 0;
    made.channel[MARKET_SET].land_max_ms = SIMULATOR_SET_A;
    made.channel[MARKET_SET].order_late_max_ms = SIMULATOR_SET_L;
    made.channel[MARKET_ADJUST].land_max_ms = SIMULATOR_ADJUST_A;
    made.channel[MARKET_ADJUST].order_late_max_ms = SIMULATOR_ADJUST_L;
    made.channel[MARKET_CAS].land_max_ms = SIMULATOR_CAS_A;
    made.channel[MARKET_CAS].order_late_max_ms = SIMULATOR_CAS_L;
    made.channel[MARKET_SHOP].land_max_ms = SIMULATOR_SHOP_A;
    shop_config(&made.channel[MARKET_SHOP]);
    for (int c = 0; c < 4; c++) {
        made.channel[c].read_age_max_ms = SIMULATOR_R;
        made.channel[c].takes = 1u << MARKET_SET | 1u << MARKET_ADJUST | 1u << MARKET_CAS;
        channel_config(&made.channel[c], config);
    }
    market = market_create(&made, why, why_size);
    if (!market)
        return NULL;
    market_fill(market, config->counter, config->kit_every);
    market_open(market);
    return market;
}

static struct world *world_make(const struct world_config *config, int64_t monotonic_ms,
                                int64_t wall_ms, char *why, uint32_t why_size)
{
    struct world *world = calloc(1, sizeof(*world));

    if (!world || pthread_mutex_init(&world->mutex, NULL)) {
        snprintf(why, why_size, "no memory for a world");
        free(world);
        return NULL;
    }
    world->config = *config;
    world->monotonic_ms = monotonic_ms;
    world->start_ms = wall_ms;
    world->market = market_make(config, wall_ms, why, why_size);
    if (!world->market) {
        pthread_mutex_destroy(&world->mutex);
        free(world);
        return NULL;
    }
    world->next = worlds;
    worlds = world;
    return world;
}

/* May this one join, as far as what it wants is what there is? */
static int fits(const struct world *world, const struct world_config *config, char *why,
                uint32_t why_size)
{
    const struct world_config *first = &world->config;
    const char *other = first->programme != config->programme ? "programme"
                        : first->speed != config->speed       ? "speed"
                        : first->skus != config->skus         ? "skus"
                                                              : NULL;
    if (other) {
        snprintf(why, why_size, "world %s: another instance has set another %s", config->name,
                 other);
        return 0;
    }
    if (world->joined >> config->kind & 1) {
        snprintf(why, why_size,
                 "world %s: another instance is its channel of that kind already; give this one "
                 "another kind, world or seed",
                 config->name);
        return 0;
    }
    return 1;
}

struct world *world_join(const struct world_config *config, int64_t monotonic_ms, int64_t wall_ms,
                         char *why, uint32_t why_size)
{
    struct world *world;

    pthread_mutex_lock(&worlds_mutex);
    for (world = worlds; world; world = world->next) {
        if (!strcmp(world->config.name, config->name) && world->config.seed == config->seed)
            break;
    }
    if (!world)
        world = world_make(config, monotonic_ms, wall_ms, why, why_size);
    if (world && !fits(world, config, why, why_size))
        world = NULL;
    if (world) {
        struct market *market = world_lock(world, monotonic_ms);
        world->joined |= 1u << config->kind;
        market_shoppers(market, config->kind, config->orders_per_day);
        world_unlock(world);
    }
    pthread_mutex_unlock(&worlds_mutex);
    return world;
}

void world_leave(struct world *world, const struct world_config *config)
{
    struct world **at = &worlds;

    pthread_mutex_lock(&worlds_mutex);
    pthread_mutex_lock(&world->mutex);
    world->joined &= ~(1u << config->kind);
    market_shoppers(world->market, config->kind, 0);
    market_disconnect(world->market, config->kind);
    pthread_mutex_unlock(&world->mutex);
    if (!world->joined) {
        while (*at != world)
            at = &(*at)->next;
        *at = world->next;
        market_destroy(world->market);
        pthread_mutex_destroy(&world->mutex);
        free(world);
    }
    pthread_mutex_unlock(&worlds_mutex);
}

struct market *world_lock(struct world *world, int64_t monotonic_ms)
{
    pthread_mutex_lock(&world->mutex);
    market_advance(world->market,
                   world->start_ms + (monotonic_ms - world->monotonic_ms) * world->config.speed);
    return world->market;
}

void world_unlock(struct world *world)
{
    pthread_mutex_unlock(&world->mutex);
}

int64_t world_wall_ms(const struct world *world, int64_t market_ms)
{
    int64_t since_ms = market_ms - world->start_ms, speed = world->config.speed;
    int64_t floor_ms = since_ms / speed - (since_ms % speed < 0);
    return world->start_ms + floor_ms;
}

int64_t world_span_ms(const struct world *world, int64_t market_span_ms)
{
    return (market_span_ms + world->config.speed - 1) / world->config.speed;
}

uint64_t world_birth(const struct world *world)
{
    return (uint64_t)world->start_ms;
}
