/* Days of trade: the engine and three marketplaces that are written in three ways, an own shop, two
 * warehouses and kits, in one thread and virtual time, with everything that goes wrong in the
 * market and crashes of our own. What must be true is judged by the market's book, which knows what
 * was really sold.
 *
 *   TRADE_SEEDS   days, each with a seed of its own     TRADE_SEED   the first one
 *   TRADE_HOURS   of each day                           TRADE_MODE   guaranteed, shared, broken
 *   TRADE_PLANTS  days at most in which each simplification of the rules must end in a shortfall
 *
 * guaranteed: faults within the declared bounds: not one unit is short, ever. broken: beyond them:
 * breaches and shortfalls are counted, nothing crashes, all balances. shared: how often a unit is
 * sold twice in the other mode. */
#include "core/base/fault.h"
#include "tests/trade/connector.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANNELS 4
#define SKUS     40
#define START_MS INT64_C(1700006400000) /* midnight UTC */
#define TICK_MS  1000

enum mode { GUARANTEED, SHARED, BROKEN };

struct day {
    struct fixture f;
    struct market_config config;
    struct market *market;
    struct connector connector[CHANNELS];
    uint64_t random;
    enum mode mode;
    uint64_t on_sale, free; /* sums of samples: units on the counters, units that are there */
};
struct totals {
    uint64_t orders, own_orders, short_units, oversold, breaches, crashes, writes, on_sale, free;
    uint64_t turned_away, units, contested, drifted;
};

static const char *const names[CHANNELS] = {"set", "adjust", "cas", "shop"};
/* Who may ship from where: the set channel from the first warehouse, cas from the second. */
static const uint64_t ships_from[CHANNELS] = {1, 0, 2, 0};

static uint64_t next_random(struct day *day)
{
    uint64_t z = day->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t number(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : fallback;
}

#define OK(...)                                                                                    \
    do {                                                                                           \
        if (fixture_call(&day->f, __VA_ARGS__) != STK_OK) {                                        \
            fprintf(stderr, "%s was refused: %s\n", day->f.text,                                   \
                    fixture_get(&day->f, "message")->as.text);                                     \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* ---- the world ---- */

static void receive(struct day *day, uint32_t sku, unsigned location, uint32_t units,
                    const char *id)
{
    if (!units)
        return;
    OK("stock.receive", "{'source':'t','id':'%s-%u-%u','sku':'S%u','location':'w%u','quantity':%u}",
       id, sku, location, sku, location, units);
    market_stock(day->market, sku, location, units);
}

static void add_listings(struct day *day, uint32_t channel)
{
    for (uint32_t i = 0; i < SKUS; i++) {
        struct market_listing listing = {
            .part = {{i, 1}}, .parts = 1, .pool = MARKET_OWN_POOL, .price_minor = 1000 + i};
        int is_kit = i % 5 == 4;
        if (is_kit) {
            listing.part[0].units = 2;
            listing.part[1] = (struct market_part){i - 1, 1};
            listing.parts = 2;
        }
        market_add_listing(day->market, channel, &listing);
        if (is_kit)
            OK("listing.put",
               "{'source':'t','channel':'%s','listing':'L%u','components':[{'sku':'S%u','units':2}"
               ",{'sku':'S%u'}]}",
               names[channel], i, i, i - 1);
        else
            OK("listing.put",
               "{'source':'t','channel':'%s','listing':'L%u','components':[{'sku':'S%u'}]}",
               names[channel], i, i);
    }
}

static void open_channel(struct day *day, uint32_t channel)
{
    static const char *const proofs[] = {"answer", "report", "read_back"};
    static const char *const restocks[] = {"never", "cancel", "refund"};
    const struct market_channel *about = &day->config.channel[channel];
    OK("channel.put",
       "{'source':'t','channel':'%s','mode':'%s','write':'%s','proof':'%s','restocks':'%s',"
       "'apply_ms':%" PRId64 ",'read_ms':%" PRId64 ",'order_ms':%" PRId64 ",'cancel_ms':%" PRId64
       ",'breaker':0,'lag_ms':%" PRId64 "}",
       names[channel], day->mode == SHARED ? "shared" : "guaranteed", names[channel],
       proofs[about->proof], restocks[about->restock], about->land_max_ms, about->read_age_max_ms,
       about->order_late_max_ms, about->cancel_late_max_ms, about->land_max_ms);
    OK("channel.golive", "{'source':'t','channel':'%s','kind':'quantity','step':'full'}",
       names[channel]);
}

static void make_market(struct day *day, uint64_t seed)
{
    char why[256];
    market_config_preset(&day->config, seed, day->mode == BROKEN ? MARKET_BROKEN : MARKET_INSIDE);
    day->config.skus = SKUS;
    day->config.start_ms = START_MS;
    for (uint32_t c = 0; c < CHANNELS; c++) {
        day->config.channel[c].ships_from = ships_from[c];
        day->config.channel[c].listings_max = SKUS;
        day->config.channel[c].rivals = 0;
        day->config.channel[c].faults.raise_ppm *= day->mode == BROKEN;
    }
    day->market = market_create(&day->config, why, sizeof why);
    if (!day->market) {
        fprintf(stderr, "market: %s\n", why);
        abort();
    }
}

static void day_init(struct day *day, uint64_t seed, enum mode mode)
{
    memset(day, 0, sizeof *day);
    day->random = seed * 77;
    day->mode = mode;
    make_market(day, seed);
    fixture_init(&day->f);
    day->f.clock.wall_ms = START_MS;
    fixture_start(&day->f);
    OK("location.put", "{'source':'t','location':'w0','channels':['set','adjust','shop']}");
    OK("location.put", "{'source':'t','location':'w1','channels':['cas','adjust','shop']}");
    for (uint32_t i = 0; i < SKUS; i++) {
        OK("sku.put", "{'source':'t','sku':'S%u'}", i);
        receive(day, i, 0, (uint32_t)(next_random(day) % 60), "first");
        receive(day, i, 1, (uint32_t)(next_random(day) % 40), "first");
    }
    for (uint32_t c = 0; c < CHANNELS; c++)
        add_listings(day, c);
    for (uint32_t c = 0; c < CHANNELS; c++)
        if (day->config.channel[c].kind != MARKET_SHOP)
            open_channel(day, c);
    for (uint32_t c = 0; c < CHANNELS; c++)
        connector_init(&day->connector[c], &day->f, day->market, &day->config, c, names[c]);
    market_open(day->market);
}

static void day_fini(struct day *day)
{
    market_destroy(day->market);
    fixture_fini(&day->f);
}

/* ---- a day ---- */

static void sample(struct day *day)
{
    const struct stk_state *state = stk_engine_state(day->f.engine);
    for (stk_cell_t i = 0; i < state->catalog.cells.top; i++)
        day->free += stk_cell_available(stk_cell_numbers(stk_catalog_cell(&state->catalog, i)));
    for (uint32_t c = 0; c < CHANNELS; c++)
        for (uint32_t l = 0; l < SKUS && day->config.channel[c].kind != MARKET_SHOP; l++)
            if (l % 5 != 4)
                day->on_sale += (uint64_t)market_counter(day->market, c, l);
}

static uint64_t crash(struct day *day)
{
    fixture_restart(&day->f);
    for (uint32_t c = 0; c < CHANNELS; c++)
        connector_restart(&day->connector[c]);
    return 1;
}

/* A person works off what is short, once an hour: those buyers are told that it is gone. */
static void settle_shortfalls(struct day *day)
{
    struct fixture *f = &day->f;
    while (fixture_call(f, "shortfall.list", "{'limit':1}") == STK_OK &&
           fixture_get(f, "shortfalls.0")) {
        const struct stk_value *order = fixture_get(f, "shortfalls.0.order");
        const struct stk_value *source = fixture_get(f, "shortfalls.0.order_source");
        int64_t line = fixture_int(f, "shortfalls.0.line");
        char order_id[STK_ID_MAX + 1] = "", source_id[STK_ID_MAX + 1] = "";
        memcpy(order_id, order->as.text, order->size);
        memcpy(source_id, source->as.text, source->size);
        OK("shortfall.resolve",
           "{'source':'t','id':'%s-%" PRId64 "-%" PRIu64 "','order':'%s','order_source':'%s','line'"
           ":%" PRId64 ",'action':'cancel'}",
           order_id, line, next_random(day), order_id, source_id, line);
    }
}

static void trade(struct day *day, uint64_t hours, struct totals *totals)
{
    int64_t end_ms = START_MS + (int64_t)hours * MARKET_HOUR_MS;
    int64_t sample_ms = START_MS + MARKET_HOUR_MS, more_ms = START_MS + 9 * MARKET_HOUR_MS;
    for (int64_t now = START_MS + TICK_MS; now <= end_ms; now += TICK_MS) {
        market_advance(day->market, now);
        fixture_wait(&day->f, now - day->f.clock.wall_ms);
        for (uint32_t c = 0; c < CHANNELS; c++)
            connector_turn(&day->connector[c], now);
        if (next_random(day) % (8 * 3600) == 0)
            totals->crashes += crash(day);
        if (now == sample_ms) {
            sample(day);
            settle_shortfalls(day);
            sample_ms += MARKET_HOUR_MS;
        }
        for (uint32_t i = 0; now == more_ms && i < SKUS; i++)
            receive(day, i, i % 2, (uint32_t)(next_random(day) % 30), "more");
    }
}

static void add_up(struct day *day, struct totals *totals)
{
    struct market_oversold oversold = market_oversold(day->market);
    for (uint32_t c = 0; c < CHANNELS; c++) {
        const struct market_counts *counts = market_counts(day->market, c);
        totals->orders += day->connector[c].orders;
        totals->own_orders += day->connector[c].sold_own;
        totals->short_units += day->connector[c].short_units;
        totals->writes += counts->writes;
        totals->units += counts->units;
        totals->turned_away += counts->turned_away;
    }
    totals->drifted += stk_counter_get(&stk_engine_counters(day->f.engine)->drifted);
    for (unsigned i = 1; i < STK_CHANNELS_MAX; i++)
        totals->contested +=
            stk_channel_at(&stk_engine_state(day->f.engine)->channels, (stk_channel_t)i)
                ->in_state[STK_PUBLISH_CONTESTED];
    totals->oversold += oversold.sales;
    totals->breaches += stk_counter_get(&stk_engine_counters(day->f.engine)->breaches);
    totals->on_sale += day->on_sale;
    totals->free += day->free;
}

/* 1: all that must be true after this day is. */
static int day_is_sound(struct day *day, uint64_t seed)
{
    struct market_oversold oversold = market_oversold(day->market);
    uint64_t units = 0;
    fixture_check(&day->f);
    for (uint32_t c = 0; c < CHANNELS; c++)
        units += day->connector[c].short_units;
    if (market_unbalanced(day->market)) {
        printf("FAILED: seed %" PRIu64 ": the market's book does not balance\n", seed);
        return 0;
    }
    if (day->mode == GUARANTEED && (units || oversold.sales)) {
        printf("FAILED: seed %" PRIu64 ": %" PRIu64 " units short, %" PRIu64
               " sales beyond stock, the first at %" PRId64 " s, SKU %u, channel %s\n",
               seed, units, oversold.sales, (oversold.first_ms - START_MS) / 1000, oversold.sku,
               oversold.sales ? names[oversold.channel] : "-");
        return 0;
    }
    return 1;
}

/* Units short after one day; fixture, market and all are made for it. */
static uint64_t short_after(struct day *day, uint64_t seed, uint64_t hours)
{
    struct totals totals = {0};
    day_init(day, seed, GUARANTEED);
    trade(day, hours, &totals);
    add_up(day, &totals);
    day_fini(day);
    return totals.short_units + totals.oversold;
}

/* What days of trade find out; tests/promise finds all that promise.h could leave out. */
static const enum stk_fault plants[] = {
    STK_FAULT_PLANT_PROMISE_NEWEST, STK_FAULT_PLANT_PROMISE_NO_WATERMARK,
    STK_FAULT_PLANT_PROMISE_DROP_REST, STK_FAULT_PLANT_ALLOT_ONE_SUM, STK_FAULT_PLANT_SHOP_IGNORES};

/* Each of them is planted, and days go by until something is short. Returns how many were not found
 * out. */
static uint64_t plants_not_found(struct day *day, uint64_t days, uint64_t hours, uint64_t *found)
{
    uint64_t missed = 0;
    for (unsigned i = 0; i < sizeof plants / sizeof plants[0]; i++) {
        uint64_t seed = 1, units = 0;
        char spec[64];
        struct stk_error err = {0};
        snprintf(spec, sizeof spec, "%s:1:always", stk_fault_name(plants[i]));
        if (stk_fault_init(spec, &err) != STK_OK)
            abort();
        for (; seed <= days && !units; seed++)
            units = short_after(day, seed, hours);
        stk_fault_init(NULL, NULL);
        printf("%s: %s %" PRIu64 " days\n", stk_fault_name(plants[i]),
               units ? "found within" : "NOT found in", seed - 1);
        missed += !units;
        *found += units != 0;
    }
    return missed;
}

int main(void)
{
    static struct day day;
    const char *word = getenv("TRADE_MODE");
    enum mode mode = word && !strcmp(word, "shared")   ? SHARED
                     : word && !strcmp(word, "broken") ? BROKEN
                                                       : GUARANTEED;
    uint64_t first = number("TRADE_SEED", 1), seeds = number("TRADE_SEEDS", 20);
    uint64_t hours = number("TRADE_HOURS", 24), passed = 0;
    struct totals totals = {0};
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        day_init(&day, seed, mode);
        trade(&day, hours, &totals);
        passed += (uint64_t)day_is_sound(&day, seed);
        add_up(&day, &totals);
        day_fini(&day);
    }
    printf("%" PRIu64 " days: %" PRIu64 " orders of marketplaces, %" PRIu64 " of our shop, %" PRIu64
           " units, %" PRIu64 " lines turned away, %" PRIu64 " crashes, %" PRIu64 " writes\n",
           seeds, totals.orders, totals.own_orders, totals.units, totals.turned_away,
           totals.crashes, totals.writes);
    printf("%" PRIu64 " units short, %" PRIu64 " sales beyond stock, %" PRIu64 " breaches, %" PRIu64
           " drifted, %" PRIu64 " contested; on sale %" PRIu64 " %% of what was there\n",
           totals.short_units, totals.oversold, totals.breaches, totals.drifted, totals.contested,
           totals.free ? totals.on_sale * 100 / totals.free : 0);
    uint64_t failed = seeds - passed, days = number("TRADE_PLANTS", 0);
    if (days && mode == GUARANTEED)
        failed += plants_not_found(&day, days, hours, &passed);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed, failed);
    return failed ? 1 : 0;
}
