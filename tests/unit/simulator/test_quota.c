/* The buckets, and that the market counts every call above one, to the call. */
#include "plugins/simulator/book.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct market *make(void (*change)(struct market_config *config))
{
    struct market_config config;
    char why[200];
    struct market *market;

    market_config_preset(&config, 1, MARKET_CALM);
    config.channel_count = 2;
    for (int c = 0; c < 2; c++) {
        struct market_channel *channel = &config.channel[c];
        channel->orders_per_day = 0;
        channel->rivals = 0;
        memset(channel->quota, 0, sizeof(channel->quota));
        channel->account = (struct market_quota){0};
        channel->listing_day_max = 0;
    }
    change(&config);
    market = market_create(&config, why, sizeof(why));
    assert_non_null(market);
    market_fill(market, 10, 0);
    market_open(market);
    return market;
}

/* One call each ms for `ms`; returns how many were let through. */
static int hammer(struct market *market, uint32_t channel, enum market_endpoint endpoint, int ms)
{
    int64_t start = market_now(market);
    int served = 0;
    for (int at = 0; at < ms; at++) {
        const struct market_answer *answer;
        market_advance(market, start + at);
        if (endpoint == MARKET_ORDERS)
            market_orders_poll(market, channel, 0, 1);
        else
            market_discover(market, channel, 0, 1);
        while ((answer = market_answer(market, channel)))
            served += answer->status == MARKET_OK;
    }
    market_advance(market, start + ms + 1000000);
    for (const struct market_answer *answer; (answer = market_answer(market, channel));)
        served += answer->status == MARKET_OK;
    return served;
}

static void no_latency(struct market_config *config)
{
    for (int c = 0; c < 2; c++)
        config->channel[c].latency_min_ms = config->channel[c].latency_max_ms = 0;
}

static void one_endpoint(struct market_config *config)
{
    no_latency(config);
    config->channel[0].quota[MARKET_ORDERS] = (struct market_quota){20, 7, 1000};
}

static void a_bucket_is_exact(void **state)
{
    struct market *market = make(one_endpoint);
    const struct market_counts *counts = market_counts(market, 0);
    (void)state;
    /* at 0..9999 ms: 20 at once and the k-th more at ceil(k * 1000 / 7) ms */
    assert_int_equal(hammer(market, 0, MARKET_ORDERS, 10000), 20 + 69);
    assert_int_equal(counts->calls[MARKET_ORDERS], 10000);
    assert_int_equal(counts->violations, 10000 - 89);
    assert_int_equal(hammer(market, 0, MARKET_DISCOVER, 100), 100);
    assert_int_equal(counts->violations, 10000 - 89);
    market_destroy(market);
}

/* Who calls at the very instant at which a token is there never violates. */
static void pacing_is_never_a_violation(void **state)
{
    struct market *market = make(one_endpoint);
    (void)state;
    for (int call = 0; call < 500; call++) {
        market_advance(market, call < 20 ? 0 : (INT64_C(1000) * (call - 19) + 6) / 7);
        assert_true(market_orders_poll(market, 0, 0, 1) > 0);
        market_advance(market, market_now(market));
        assert_non_null(market_answer(market, 0));
    }
    assert_int_equal(market_counts(market, 0)->violations, 0);
    market_advance(market, market_now(market) + 142);
    market_orders_poll(market, 0, 0, 1);
    assert_int_equal(market_counts(market, 0)->violations, 1);
    market_destroy(market);
}

static void one_a_second(struct market_config *config)
{
    no_latency(config);
    config->channel[0].quota[MARKET_ORDERS] = (struct market_quota){1, 1, 1000};
}

static void a_millisecond_too_early_is_too_early(void **state)
{
    struct market *market = make(one_a_second);
    const int64_t at_ms[] = {0, 999, 1000, 1999, 2000, 3500, 4499, 4500};
    const uint64_t violations[] = {0, 1, 1, 2, 2, 2, 3, 3};
    (void)state;
    for (int i = 0; i < 8; i++) { /* a full bucket holds no more: 3500 is not on a beat */
        market_advance(market, at_ms[i]);
        market_orders_poll(market, 0, 0, 1);
        assert_int_equal(market_counts(market, 0)->violations, violations[i]);
        market_advance(market, at_ms[i]);
        market_answer(market, 0);
    }
    market_destroy(market);
}

static void nested(struct market_config *config)
{
    no_latency(config);
    config->channel[0].quota[MARKET_ORDERS] = (struct market_quota){100, 1, 1000};
    config->channel[0].account = (struct market_quota){50, 1, 1000};
    config->application[0] = (struct market_quota){70, 1, 3600000};
}

static void buckets_are_nested(void **state)
{
    struct market *market = make(nested);
    (void)state;
    assert_int_equal(hammer(market, 0, MARKET_ORDERS, 200), 50); /* the account's */
    assert_int_equal(market_counts(market, 0)->violations, 150);
    market_destroy(market);

    market = make(nested);
    assert_int_equal(hammer(market, 0, MARKET_ORDERS, 40), 40);
    assert_int_equal(hammer(market, 1, MARKET_ORDERS, 40), 30); /* both share the application */
    assert_int_equal(market_counts(market, 1)->violations, 10);
    market_destroy(market);
}

static void retry(struct market_config *config)
{
    no_latency(config);
    config->channel[0].quota[MARKET_ORDERS] = (struct market_quota){1, 1, 4200};
}

static void answers_tell_what_is_left(void **state)
{
    struct market *market = make(retry);
    const struct market_answer *answer;
    (void)state;
    market_orders_poll(market, 0, 0, 1);
    market_orders_poll(market, 0, 0, 1);
    market_advance(market, 0);
    answer = market_answer(market, 0);
    assert_int_equal(answer->status, MARKET_OK);
    assert_int_equal(answer->limit, 1);
    assert_int_equal(answer->remaining, 0);
    answer = market_answer(market, 0);
    assert_int_equal(answer->status, MARKET_THROTTLED);
    assert_int_equal(answer->retry_after_ms, 5000); /* 4200 ms in whole seconds */
    market_advance(market, 4999);
    market_orders_poll(market, 0, 0, 1);
    assert_int_equal(market_counts(market, 0)->hasty, 1);
    market_advance(market, 10000);
    market_orders_poll(market, 0, 0, 1);
    assert_int_equal(market_counts(market, 0)->hasty, 1);
    assert_int_equal(market_counts(market, 0)->violations, 1);
    market_destroy(market);
}

static void listing_cap(struct market_config *config)
{
    no_latency(config);
    config->channel[0].listing_day_max = 3;
}

static void a_listing_has_a_daily_cap(void **state)
{
    struct market *market = make(listing_cap);
    const struct market_update updates[] = {{.listing = 5, .value = 1}, {.listing = 6, .value = 1}};
    (void)state;
    for (int i = 0; i < 5; i++) {
        const struct market_answer *answer;
        market_push(market, 0, updates, i < 4 ? 1 : 2);
        market_advance(market, market_now(market));
        answer = market_answer(market, 0);
        assert_int_equal(answer->results[0].outcome, i < 3 ? MARKET_ACCEPTED : MARKET_REFUSED);
        assert_int_equal(answer->results[0].reason, i < 3 ? MARKET_NO_REASON : MARKET_DAILY_CAP);
        if (i == 4)
            assert_int_equal(answer->results[1].outcome, MARKET_ACCEPTED);
    }
    assert_int_equal(market_counts(market, 0)->violations, 2);
    market_advance(market, MARKET_DAY_MS);
    market_push(market, 0, updates, 1);
    assert_int_equal(market_counts(market, 0)->violations, 2);
    market_destroy(market);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_is_exact),
        cmocka_unit_test(pacing_is_never_a_violation),
        cmocka_unit_test(a_millisecond_too_early_is_too_early),
        cmocka_unit_test(buckets_are_nested),
        cmocka_unit_test(answers_tell_what_is_left),
        cmocka_unit_test(a_listing_has_a_daily_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
