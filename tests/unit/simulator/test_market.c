/* A whole day on five channels, with a naive seller who knows what everybody knows from outside:
 * what the market says happened must be what an observer can add up, every fault must come, the
 * same seed must give the same bytes, and nothing may be taken from the heap on the way. */
#include "plugins/simulator/book.h"
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SKUS     60
#define CHANNELS 5
#define STEP_MS  2000
#define SEEN_MAX 60000

struct seller {
    struct market *market;
    uint64_t random, token;
    uint64_t cursor[CHANNELS], offers[CHANNELS], push[CHANNELS];
    int64_t sold[CHANNELS][SKUS], watermark[CHANNELS];
    uint64_t events, hooks, cards, wants, answers[7], outcomes[5], readings, offer_rows;
    uint8_t *kinds; /* [order id] bits of the kinds seen in polls */
    uint64_t late_after_watermark;
};

static uint64_t draw(struct seller *seller, uint64_t limit)
{
    seller->random = seller->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (seller->random >> 33) % limit;
}

static void take_events(struct seller *seller, uint32_t channel, const struct market_answer *answer)
{
    for (uint32_t i = 0; i < answer->count; i++) {
        const struct market_event *event = &answer->events[i];
        assert_true(event->order > 0 && event->order < SEEN_MAX);
        if (seller->kinds[event->order] & 1 << event->kind)
            continue;
        seller->kinds[event->order] |= (uint8_t)(1 << event->kind);
        seller->events++;
        if (event->kind != MARKET_PLACED)
            continue;
        seller->late_after_watermark += event->placed_ms < seller->watermark[channel];
        for (uint32_t l = 0; l < event->lines; l++)
            seller->sold[channel][event->line[l].listing] += event->line[l].quantity;
    }
    seller->cursor[channel] = answer->cursor;
    if (answer->watermark_ms)
        seller->watermark[channel] = answer->watermark_ms;
}

static void take_answers(struct seller *seller, uint32_t channel)
{
    const struct market_answer *answer;
    while ((answer = market_answer(seller->market, channel))) {
        seller->answers[answer->status]++;
        if (answer->status != MARKET_OK)
            continue;
        if (answer->endpoint == MARKET_ORDERS)
            take_events(seller, channel, answer);
        if (answer->endpoint == MARKET_PUSH)
            seller->push[channel] = answer->call;
        for (uint32_t i = 0;
             (answer->endpoint == MARKET_PUSH || answer->endpoint == MARKET_REPORT) &&
             i < answer->count;
             i++)
            seller->outcomes[answer->results[i].outcome]++;
        seller->readings += answer->endpoint == MARKET_READ ? answer->count : 0;
        seller->cards += answer->endpoint == MARKET_DISCOVER ? answer->count : 0;
        if (answer->endpoint == MARKET_OFFERS) {
            seller->offer_rows += answer->count;
            seller->offers[channel] = answer->cursor;
        }
    }
}

static void push_some(struct seller *seller, const struct market_config *config, uint32_t channel)
{
    struct market_update updates[20];
    enum market_kind kind = config->channel[channel].kind;
    for (int i = 0; i < 20; i++) {
        uint32_t listing = (uint32_t)draw(seller, SKUS);
        int32_t now = market_counter(seller->market, channel, listing);
        updates[i] = (struct market_update){.listing = listing, .token = ++seller->token};
        if (draw(seller, 4) == 0) {
            updates[i].field = MARKET_PRICE;
            updates[i].value = 100 + (int64_t)draw(seller, 20000);
        } else if (kind == MARKET_ADJUST) {
            updates[i].value = (int64_t)draw(seller, 21) - 8;
        } else {
            updates[i].value = (int64_t)draw(seller, 20);
            updates[i].expect = now + (draw(seller, 4) == 0);
        }
    }
    market_push(seller->market, channel, updates, 20);
}

static void sell(struct seller *seller, const struct market_config *config, uint32_t channel,
                 int64_t step)
{
    struct market *market = seller->market;
    struct market_event event;
    uint32_t listings[3] = {(uint32_t)draw(seller, SKUS), (uint32_t)draw(seller, SKUS), 100000};

    take_answers(seller, channel);
    while (market_hook(market, channel, &event))
        seller->hooks++;
    while (market_want(market, channel, &event)) {
        seller->wants++;
        if (market_want_answer(market, channel, event.order, (int)draw(seller, 2)) &&
            seller->random % 3 == 0)
            assert_int_equal(market_want_answer(market, channel, event.order, 1), 0);
    }
    if (step % 8 == channel)
        market_orders_poll(market, channel, seller->cursor[channel], 0);
    if (step % 30 == channel)
        push_some(seller, config, channel);
    if (step % 30 == channel + 6)
        market_report(market, channel, seller->push[channel]);
    if (step % 30 == channel + 12)
        market_read_back(market, channel, listings, 3);
    if (step % 30 == channel + 18)
        market_offers(market, channel, seller->offers[channel], 0);
    if (step % 600 == channel)
        market_discover(market, channel, 0, 0);
}

static void day_config(struct market_config *config, uint64_t seed, enum market_programme programme)
{
    market_config_preset(config, seed, programme);
    config->skus = SKUS;
    config->channel_count = CHANNELS;
    /* the fifth: a feed whose writes only a read-back shows */
    market_channel_preset(&config->channel[4], MARKET_SET, programme);
    config->channel[4].proof = MARKET_PROOF_READ;
    for (int c = 0; c < CHANNELS; c++) {
        config->channel[c].orders_per_day = 3000;
        /* many think better of it soon: a cancel that shows before its order is no rare event */
        config->channel[c].cancel_ppm = 100000;
        config->channel[c].cancel_mean_ms = 60000;
        if (config->channel[c].faults.contested_ppm)
            config->channel[c].faults.contested_ppm = 50000; /* of 60 listings */
        for (int hour = 20; hour < 24; hour++)
            config->channel[c].hour_weight[hour] = 0; /* all shows before the day ends */
    }
}

static void run_day(struct seller *seller, uint64_t seed, enum market_programme programme)
{
    struct market_config config;
    char why[200] = "";
    uint8_t *kinds = seller->kinds;

    day_config(&config, seed, programme);
    memset(kinds, 0, SEEN_MAX);
    *seller = (struct seller){.random = seed, .kinds = kinds};
    seller->market = market_create(&config, why, sizeof(why));
    assert_string_equal(why, "");
    assert_non_null(seller->market);
    market_fill(seller->market, 20, 10);
    market_open(seller->market);
    for (int64_t step = 0; step * STEP_MS < 23 * MARKET_HOUR_MS; step++) {
        market_advance(seller->market, step * STEP_MS);
        for (uint32_t c = 0; c < CHANNELS; c++)
            sell(seller, &config, c, step);
    }
    /* the last pages */
    for (int round = 0; round < 20; round++) {
        for (uint32_t c = 0; c < CHANNELS; c++)
            market_orders_poll(seller->market, c, seller->cursor[c], 0);
        market_advance(seller->market, market_now(seller->market) + 60000);
        for (uint32_t c = 0; c < CHANNELS; c++)
            take_answers(seller, c);
    }
}

static uint8_t kinds[SEEN_MAX];

static void same_seed_same_bytes(void **state)
{
    struct seller one = {.kinds = kinds}, two = {.kinds = kinds};
    uint64_t digest;
    (void)state;
    run_day(&one, 11, MARKET_BROKEN);
    digest = market_digest(one.market);
    market_destroy(one.market);
    run_day(&two, 11, MARKET_BROKEN);
    assert_int_equal(market_digest(two.market), digest);
    market_destroy(two.market);
    one.market = two.market = NULL;
    assert_memory_equal(&one, &two, sizeof(one));
    run_day(&one, 12, MARKET_BROKEN);
    assert_int_not_equal(market_digest(one.market), digest);
    market_destroy(one.market);
}

/* What an observer adds up from the polls is what the book says was sold. */
static void check_against_observer(const struct seller *seller)
{
    for (uint32_t c = 0; c < CHANNELS; c++) {
        for (uint32_t listing = 0; c != MARKET_SHOP && listing < SKUS; listing++) {
            struct market_counter_book book = market_counter_book(seller->market, c, listing);
            assert_int_equal(seller->sold[c][listing], book.sold);
            assert_int_equal(book.now, market_counter(seller->market, c, listing));
            assert_true(book.now >= 0);
        }
    }
}

static void a_day_inside_the_bounds(void **state)
{
    struct seller seller = {.kinds = kinds};
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        uint64_t faults[MARKET_FAULTS] = {0};
        run_day(&seller, seed, MARKET_INSIDE);
        assert_int_equal(market_unbalanced(seller.market), 0);
        check_against_observer(&seller);
        for (uint32_t c = 0; c < CHANNELS; c++) {
            for (int f = 0; f < MARKET_FAULTS; f++)
                faults[f] += market_counts(seller.market, c)->fault[f];
            assert_true(market_counts(seller.market, c)->orders > 500);
        }
        for (int f = 0; f < MARKET_FAULTS; f++) {
            if ((f < MARKET_FAULT_INSIDE_COUNT) != (faults[f] > 0))
                fail_msg("seed %d: %s: %d", (int)seed, market_fault_name((enum market_fault)f),
                         (int)faults[f]);
        }
        assert_int_equal(seller.late_after_watermark, 0);
        assert_true(seller.hooks > 1000 && seller.wants > 1000 && seller.readings > 1000);
        assert_true(seller.cards > SKUS * CHANNELS && seller.offer_rows > 1000);
        assert_true(seller.outcomes[MARKET_APPLIED] > 1000);
        assert_true(seller.outcomes[MARKET_PENDING] > 100);
        assert_true(seller.outcomes[MARKET_MISMATCH] > 100);
        market_destroy(seller.market);
    }
}

static void a_day_of_broken_bounds(void **state)
{
    struct seller seller = {.kinds = kinds};
    uint64_t faults[MARKET_FAULTS] = {0};
    (void)state;
    run_day(&seller, 5, MARKET_BROKEN);
    assert_int_equal(market_unbalanced(seller.market), 0);
    check_against_observer(&seller);
    for (uint32_t c = 0; c < CHANNELS; c++) {
        for (int f = 0; f < MARKET_FAULTS; f++)
            faults[f] += market_counts(seller.market, c)->fault[f];
    }
    for (int f = 0; f < MARKET_FAULTS; f++) {
        if (!faults[f])
            fail_msg("%s never came", market_fault_name((enum market_fault)f));
    }
    assert_true(seller.late_after_watermark > 0);
    market_destroy(seller.market);
}

static void a_calm_day_has_no_faults(void **state)
{
    struct seller seller = {.kinds = kinds};
    (void)state;
    run_day(&seller, 6, MARKET_CALM);
    check_against_observer(&seller);
    for (uint32_t c = 0; c < CHANNELS; c++) {
        const struct market_counts *counts = market_counts(seller.market, c);
        for (int f = 0; f < MARKET_FAULTS; f++) {
            if (f != MARKET_FAULT_OVERTAKEN && f != MARKET_FAULT_CLAMPED &&
                f != MARKET_FAULT_MISMATCH && f != MARKET_FAULT_RESTOCK &&
                f != MARKET_FAULT_TIMEOUT && f != MARKET_FAULT_CANCEL_FIRST &&
                f != MARKET_FAULT_HOOK_LOST && counts->fault[f])
                fail_msg("%s: %d", market_fault_name((enum market_fault)f), (int)counts->fault[f]);
        }
    }
    market_destroy(seller.market);
}

/* Heap in use before and after a day: the market's block was taken at create. */
static void nothing_is_taken_after_create(void **state)
{
    struct market_config config;
    struct seller seller = {.kinds = kinds, .random = 1};
    char why[200];
    struct mallinfo2 before, after;
    (void)state;
    day_config(&config, 9, MARKET_BROKEN);
    memset(kinds, 0, sizeof(kinds));
    seller.market = market_create(&config, why, sizeof(why));
    assert_non_null(seller.market);
    before = mallinfo2();
    market_fill(seller.market, 20, 10);
    market_open(seller.market);
    for (int64_t step = 0; step * STEP_MS < MARKET_DAY_MS / 4; step++) {
        market_advance(seller.market, step * STEP_MS);
        for (uint32_t c = 0; c < CHANNELS; c++)
            sell(&seller, &config, c, step);
    }
    after = mallinfo2();
    assert_int_equal(after.uordblks, before.uordblks);
    assert_int_equal(after.hblkhd, before.hblkhd);
    assert_int_equal(after.arena, before.arena);
    market_destroy(seller.market);
}

/* The busiest hour of the data has some ten times the orders of the quietest. */
static void shoppers_come_by_the_hour(void **state)
{
    struct market_config config;
    char why[200];
    struct market *market;
    uint64_t before = 0, hours[24];
    (void)state;
    market_config_preset(&config, 3, MARKET_CALM);
    config.channel_count = 1;
    config.channel[0].orders_per_day = 24000;
    market = market_create(&config, why, sizeof(why));
    market_fill(market, 1000000, 0);
    market_open(market);
    for (int hour = 0; hour < 24; hour++) {
        market_advance(market, (hour + 1) * MARKET_HOUR_MS - 1);
        hours[hour] = market_counts(market, 0)->shoppers - before;
        before += hours[hour];
    }
    assert_in_range(before, 23400, 24600);
    assert_in_range(hours[12], 8 * hours[3], 12 * hours[3]);
    assert_true(hours[15] > 4 * hours[19]);
    market_destroy(market);
}

/* Popular SKUs are popular on every channel, and in Zipf's way. */
static void some_are_wanted_more(void **state)
{
    struct market_config config;
    char why[200];
    struct market *market;
    int64_t most[2] = {0}, total = 0;
    uint32_t top[2] = {0};
    (void)state;
    market_config_preset(&config, 4, MARKET_CALM);
    config.channel_count = 2;
    config.zipf_milli = 1000;
    config.skus = 100;
    config.channel[0].orders_per_day = config.channel[1].orders_per_day = 20000;
    config.channel[0].rivals = config.channel[1].rivals = 0;
    market = market_create(&config, why, sizeof(why));
    market_fill(market, 1000000, 0);
    market_open(market);
    market_advance(market, MARKET_DAY_MS);
    for (uint32_t c = 0; c < 2; c++) {
        for (uint32_t listing = 0; listing < 100; listing++) {
            int64_t sold = market_counter_book(market, c, listing).sold;
            total += sold;
            if (sold > most[c])
                top[c] = listing;
            most[c] = sold > most[c] ? sold : most[c];
        }
    }
    assert_int_equal(top[0], top[1]);
    /* 1 / H(100) = 19.3 % */
    assert_in_range((most[0] + most[1]) * 1000 / total, 180, 206);
    market_destroy(market);
}

static void bad_configs_are_refused(void **state)
{
    struct market_config config;
    char why[200];
    (void)state;
    market_config_preset(&config, 1, MARKET_CALM);
    config.channel_count = MARKET_CHANNELS_MAX + 1;
    assert_null(market_create(&config, why, sizeof(why)));
    assert_string_equal(why, "channel_count is 9, must be 1 to 8");
    market_config_preset(&config, 1, MARKET_CALM);
    config.channel[2].batches_max = config.channel[2].calls_max;
    assert_null(market_create(&config, why, sizeof(why)));
    assert_string_equal(why, "channel 2: batches_max must be more than calls_max");
    market_config_preset(&config, 1, MARKET_CALM);
    config.channel[1].latency_max_ms = config.channel[1].latency_min_ms - 1;
    assert_null(market_create(&config, why, sizeof(why)));
    market_config_preset(&config, 1, MARKET_CALM);
    config.channel[0].account.period_ms = 0;
    assert_null(market_create(&config, why, sizeof(why)));
    market_destroy(NULL);
}

static void bad_listings_are_refused(void **state)
{
    struct market_config config;
    struct market_listing listing = {
        .part = {{0, 1}}, .parts = 1, .pool = MARKET_OWN_POOL, .counter = 1, .price_minor = 1};
    char why[200];
    struct market *market;
    (void)state;
    market_config_preset(&config, 1, MARKET_CALM);
    config.channel[0].listings_max = 2;
    market = market_create(&config, why, sizeof(why));
    listing.part[0].sku = config.skus;
    assert_int_equal(market_add_listing(market, 0, &listing), -1);
    listing.part[0] = (struct market_part){0, 0};
    assert_int_equal(market_add_listing(market, 0, &listing), -1);
    listing.part[0].units = 1;
    listing.pool = 0;
    assert_int_equal(market_add_listing(market, 0, &listing), -1);
    listing.pool = MARKET_OWN_POOL;
    assert_int_equal(market_add_listing(market, 9, &listing), -1);
    assert_int_equal(market_add_listing(market, 0, &listing), 0);
    assert_int_equal(market_add_listing(market, 0, &listing), 1);
    assert_int_equal(market_add_listing(market, 0, &listing), -1);
    market_destroy(market);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_bytes),
        cmocka_unit_test(a_day_inside_the_bounds),
        cmocka_unit_test(a_day_of_broken_bounds),
        cmocka_unit_test(a_calm_day_has_no_faults),
        cmocka_unit_test(nothing_is_taken_after_create),
        cmocka_unit_test(shoppers_come_by_the_hour),
        cmocka_unit_test(some_are_wanted_more),
        cmocka_unit_test(bad_configs_are_refused),
        cmocka_unit_test(bad_listings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
