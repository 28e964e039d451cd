/* A market of one channel with one listing (SKU 0) and no shoppers, by hand. */
#ifndef TESTS_UNIT_SIMULATOR_SMALL_H
#define TESTS_UNIT_SIMULATOR_SMALL_H

#include "plugins/simulator/book.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Calls and landings at once, proof by the answer, no quotas. */
static inline void small_config(struct market_config *config, enum market_kind kind)
{
    struct market_channel *channel = &config->channel[0];
    market_config_preset(config, 1, MARKET_CALM);
    config->channel_count = 1;
    config->skus = 4;
    market_channel_preset(channel, kind, MARKET_CALM);
    channel->proof = MARKET_PROOF_ANSWER;
    channel->latency_min_ms = channel->latency_max_ms = channel->land_mean_ms = 0;
    channel->orders_per_day = 0;
    channel->rivals = 0;
    channel->listing_day_max = 0;
    memset(channel->quota, 0, sizeof(channel->quota));
    channel->account = (struct market_quota){0};
}

static inline struct market *small_market(const struct market_config *config, int32_t counter)
{
    const struct market_listing listing = {.part = {{0, 1}},
                                           .parts = 1,
                                           .pool = MARKET_OWN_POOL,
                                           .counter = counter,
                                           .price_minor = 500};
    char why[200] = "";
    struct market *market = market_create(config, why, sizeof(why));
    assert_string_equal(why, "");
    assert_non_null(market);
    for (uint32_t c = 0; c < config->channel_count; c++)
        assert_int_equal(market_add_listing(market, c, &listing), 0);
    market_open(market);
    return market;
}

/* The next answer, with time going on as far as it takes. */
static inline const struct market_answer *small_answer(struct market *market, uint32_t channel)
{
    const struct market_answer *answer = market_answer(market, channel);
    while (!answer && market_next(market) != INT64_MAX) {
        market_advance(market, market_next(market));
        answer = market_answer(market, channel);
    }
    assert_non_null(answer);
    return answer;
}

static inline struct market_result small_write(struct market *market, enum market_field field,
                                               int64_t value, int64_t expect)
{
    const struct market_update update = {
        .field = field, .value = value, .expect = expect, .token = 77};
    const struct market_answer *answer;
    assert_true(market_push(market, 0, &update, 1) > 0);
    answer = small_answer(market, 0);
    assert_int_equal(answer->status, MARKET_OK);
    assert_int_equal(answer->count, 1);
    return answer->results[0];
}

#endif
