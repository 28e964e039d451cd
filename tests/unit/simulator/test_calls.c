/* Calls that come to nothing, in each of the ways in which they can. */
#include "tests/unit/simulator/small.h"

static void a_lost_call_is_not_done_a_lost_answer_is(void **state)
{
    struct market_config config;
    (void)state;
    for (int lost_answer = 0; lost_answer < 2; lost_answer++) {
        struct market *market;
        const struct market_update update = {.value = 1};
        const struct market_answer *answer;
        small_config(&config, MARKET_SET);
        if (lost_answer)
            config.channel[0].faults.lost_answer_ppm = 1000000;
        else
            config.channel[0].faults.lost_call_ppm = 1000000;
        market = small_market(&config, 5);
        market_push(market, 0, &update, 1);
        answer = small_answer(market, 0);
        assert_int_equal(answer->status, MARKET_UNKNOWN);
        assert_int_equal(answer->count, 0);
        assert_int_equal(market_now(market), config.channel[0].timeout_ms);
        assert_int_equal(market_counter(market, 0, 0), lost_answer ? 1 : 5);
        market_destroy(market);
    }
}

/* An answer that would come after the caller's patience: unknown, and the write lands later. */
static void a_slow_answer_is_unknown(void **state)
{
    struct market_config config;
    struct market *market;
    const struct market_update update = {.value = 1, .expect = 5};
    (void)state;
    small_config(&config, MARKET_CAS);
    config.channel[0].faults.slow_ppm = 1000000;
    config.channel[0].land_max_ms = 100 * 1000;
    market = small_market(&config, 5);
    market_push(market, 0, &update, 1);
    assert_int_equal(small_answer(market, 0)->status, MARKET_UNKNOWN);
    assert_int_equal(market_counter(market, 0, 0), 5);
    market_advance(market, 100 * 1000);
    assert_int_equal(market_counter(market, 0, 0), 1);
    market_destroy(market);
}

static void an_outage_takes_no_calls_but_sells_on(void **state)
{
    struct market_config config;
    struct market *market;
    int unavailable = 0, unknown = 0;
    (void)state;
    small_config(&config, MARKET_SET);
    config.channel[0].orders_per_day = 100000;
    market = small_market(&config, 1000000);
    market_outage(market, 0, MARKET_HOUR_MS);
    for (int i = 0; i < 40; i++) {
        enum market_status status;
        market_orders_poll(market, 0, 0, 0);
        status = small_answer(market, 0)->status;
        unavailable += status == MARKET_UNAVAILABLE;
        unknown += status == MARKET_UNKNOWN;
    }
    assert_int_equal(unavailable + unknown, 40);
    assert_true(unavailable > 5 && unknown > 5);
    assert_true(market_counts(market, 0)->orders > 100);
    market_advance(market, MARKET_HOUR_MS);
    market_orders_poll(market, 0, 0, 0);
    assert_int_equal(small_answer(market, 0)->status, MARKET_OK);
    market_destroy(market);
}

static void no_writes_while_closed(void **state)
{
    struct market_config config;
    struct market *market;
    const struct market_update update = {.value = 1};
    const int64_t hours[] = {21, 22, 23, 25, 26};
    const enum market_status want[] = {MARKET_OK, MARKET_UNAVAILABLE, MARKET_UNAVAILABLE,
                                       MARKET_UNAVAILABLE, MARKET_OK};
    (void)state;
    small_config(&config, MARKET_SET);
    config.channel[0].closed_from_ms = 22 * MARKET_HOUR_MS;
    config.channel[0].closed_to_ms = 2 * MARKET_HOUR_MS;
    market = small_market(&config, 5);
    for (int i = 0; i < 5; i++) {
        market_advance(market, hours[i] * MARKET_HOUR_MS);
        market_push(market, 0, &update, 1);
        assert_int_equal(small_answer(market, 0)->status, want[i]);
        market_orders_poll(market, 0, 0, 0);
        assert_int_equal(small_answer(market, 0)->status, MARKET_OK);
    }
    market_destroy(market);
}

static void too_much_is_refused_whole(void **state)
{
    struct market_config config;
    struct market *market;
    struct market_update updates[3] = {{.value = 1}, {.value = 2}, {.listing = 9, .value = 3}};
    const struct market_answer *answer;
    (void)state;
    small_config(&config, MARKET_SET);
    config.channel[0].batch_max = 2;
    config.channel[0].calls_max = 2;
    market = small_market(&config, 5);
    market_push(market, 0, updates, 3);
    assert_int_equal(small_answer(market, 0)->status, MARKET_TOO_LARGE);
    assert_int_equal(market_counter(market, 0, 0), 5);
    market_push(market, 0, updates + 1, 2);
    answer = small_answer(market, 0);
    assert_int_equal(answer->results[1].outcome, MARKET_REFUSED);
    assert_int_equal(answer->results[1].reason, MARKET_NO_LISTING);
    assert_int_equal(market_counter(market, 0, 0), 2);
    assert_true(market_orders_poll(market, 0, 0, 0) > 0);
    assert_int_equal(market_orders_poll(market, 0, 0, 0), 0); /* one is lent, one on its way */
    market_destroy(market);
}

/* kill -9 of the seller: no answer comes, the writes do. */
static void who_disconnects_hears_nothing(void **state)
{
    struct market_config config;
    struct market *market;
    const struct market_update update = {.value = 1};
    (void)state;
    small_config(&config, MARKET_SET);
    config.channel[0].latency_min_ms = config.channel[0].latency_max_ms = 200;
    market = small_market(&config, 5);
    market_push(market, 0, &update, 1);
    market_advance(market, 50);
    market_disconnect(market, 0);
    market_advance(market, 10000);
    assert_null(market_answer(market, 0));
    assert_int_equal(market_counter(market, 0, 0), 1);
    for (int i = 0; i < 20; i++) { /* the slots are free again */
        market_orders_poll(market, 0, 0, 0);
        assert_int_equal(small_answer(market, 0)->status, MARKET_OK);
    }
    market_destroy(market);
}

static void discovery_goes_page_by_page(void **state)
{
    struct market_config config;
    char why[200];
    struct market *market;
    uint64_t cursor = 0;
    uint32_t seen = 0, without_sku = 0, kits = 0;
    int more = 1;
    (void)state;
    small_config(&config, MARKET_SET);
    config.skus = 230;
    market = market_create(&config, why, sizeof(why));
    market_fill(market, 20, 10);
    market_open(market);
    while (more) {
        const struct market_answer *answer;
        market_discover(market, 0, cursor, 0);
        answer = small_answer(market, 0);
        for (uint32_t i = 0; i < answer->count; i++) {
            assert_int_equal(answer->cards[i].listing, seen++);
            without_sku += !answer->cards[i].seller_sku[0];
            kits += answer->cards[i].parts == 2;
            assert_int_equal(strlen(answer->cards[i].barcode), 13);
        }
        cursor = answer->cursor;
        more = answer->more;
    }
    assert_int_equal(seen, 230);
    assert_int_equal(without_sku, 4);
    assert_int_equal(kits, 22); /* the last SKU has none after it */
    market_destroy(market);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_call_is_not_done_a_lost_answer_is),
        cmocka_unit_test(a_slow_answer_is_unknown),
        cmocka_unit_test(an_outage_takes_no_calls_but_sells_on),
        cmocka_unit_test(no_writes_while_closed),
        cmocka_unit_test(too_much_is_refused_whole),
        cmocka_unit_test(who_disconnects_hears_nothing),
        cmocka_unit_test(discovery_goes_page_by_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
