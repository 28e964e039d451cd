/* What a write does to a counter, by kind; what a read-back sees of it. */
#include "tests/unit/simulator/small.h"

static void set_is_absolute(void **state)
{
    struct market_config config;
    struct market *market;
    struct market_result result;
    (void)state;
    small_config(&config, MARKET_SET);
    market = small_market(&config, 10);
    result = small_write(market, MARKET_QUANTITY, 3, 0);
    assert_int_equal(result.outcome, MARKET_APPLIED);
    assert_int_equal(result.before, 10);
    assert_int_equal(result.after, 3);
    assert_int_equal(result.token, 77);
    assert_int_equal(market_counter(market, 0, 0), 3);
    assert_int_equal(market_counter_book(market, 0, 0).written, -7);
    result = small_write(market, MARKET_QUANTITY, -1, 0);
    assert_int_equal(result.outcome, MARKET_REFUSED);
    assert_int_equal(result.reason, MARKET_BAD_VALUE);
    assert_int_equal(market_counter(market, 0, 0), 3);
    market_destroy(market);
}

static void adjust_is_relative(void **state)
{
    struct market_config config;
    struct market *market;
    struct market_result result;
    (void)state;
    small_config(&config, MARKET_ADJUST);
    market = small_market(&config, 10);
    assert_int_equal(small_write(market, MARKET_QUANTITY, 5, 0).after, 15);
    assert_int_equal(small_write(market, MARKET_QUANTITY, -3, 0).after, 12);
    result = small_write(market, MARKET_QUANTITY, -50, 0); /* stops at zero */
    assert_int_equal(result.before, 12);
    assert_int_equal(result.after, 0);
    assert_int_equal(market_counts(market, 0)->fault[MARKET_FAULT_CLAMPED], 1);
    market_destroy(market);

    config.channel[0].clamps = 0;
    market = small_market(&config, 10);
    result = small_write(market, MARKET_QUANTITY, -11, 0);
    assert_int_equal(result.outcome, MARKET_REFUSED);
    assert_int_equal(market_counter(market, 0, 0), 10);
    market_destroy(market);
}

static void cas_asks_first(void **state)
{
    struct market_config config;
    struct market *market;
    struct market_result result;
    (void)state;
    small_config(&config, MARKET_CAS);
    market = small_market(&config, 10);
    assert_int_equal(small_write(market, MARKET_QUANTITY, 4, 10).outcome, MARKET_APPLIED);
    result = small_write(market, MARKET_QUANTITY, 9, 10);
    assert_int_equal(result.outcome, MARKET_MISMATCH);
    assert_int_equal(result.before, 4);
    assert_int_equal(market_counter(market, 0, 0), 4);
    market_destroy(market);
}

static void a_price_and_a_switch(void **state)
{
    struct market_config config;
    struct market *market;
    (void)state;
    small_config(&config, MARKET_ADJUST);
    market = small_market(&config, 10);
    assert_int_equal(small_write(market, MARKET_PRICE, 777, 0).before, 500);
    assert_int_equal(market_price(market, 0, 0), 777);
    assert_int_equal(small_write(market, MARKET_PRICE, 0, 0).outcome, MARKET_REFUSED);
    assert_int_equal(small_write(market, MARKET_ACTIVE, 0, 0).outcome, MARKET_APPLIED);
    assert_int_equal(market_active(market, 0, 0), 0);
    assert_int_equal(market_counter(market, 0, 0), 10);
    market_destroy(market);
}

/* Two sets sent one after the other: whichever lands last is in force. With each delay drawn for
 * itself, the first one wins in some of many markets. */
static void writes_overtake(void **state)
{
    struct market_config config;
    int overtaken = 0;
    (void)state;
    small_config(&config, MARKET_SET);
    config.channel[0].proof = MARKET_PROOF_READ;
    config.channel[0].land_mean_ms = config.channel[0].land_max_ms / 2;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct market *market;
        config.seed = seed;
        market = small_market(&config, 10);
        for (int value = 1; value <= 2; value++) {
            const struct market_update update = {.value = value, .token = (uint64_t)value};
            market_push(market, 0, &update, 1);
            market_advance(market, market_now(market) + 1000);
        }
        market_advance(market, config.channel[0].land_max_ms + 1000);
        assert_int_equal(market_writes_open(market, 0), 0); /* all within A */
        assert_int_equal(market_counts(market, 0)->landed, 2);
        assert_int_equal(market_counter(market, 0, 0) == 1,
                         market_counts(market, 0)->fault[MARKET_FAULT_OVERTAKEN] == 1);
        overtaken += market_counter(market, 0, 0) == 1;
        market_destroy(market);
    }
    assert_in_range(overtaken, 30, 65);
}

static struct market_reading look(struct market *market)
{
    const uint32_t listing = 0;
    const struct market_answer *answer;
    assert_true(market_read_back(market, 0, &listing, 1) > 0);
    answer = small_answer(market, 0);
    assert_int_equal(answer->count, 1);
    return answer->readings[0];
}

static void a_fresh_read_back_is_the_truth(void **state)
{
    struct market_config config;
    struct market *market;
    (void)state;
    small_config(&config, MARKET_SET);
    market = small_market(&config, 10);
    assert_int_equal(look(market).quantity_token, 0);
    small_write(market, MARKET_QUANTITY, 6, 0);
    assert_int_equal(look(market).counter, 6);
    assert_int_equal(look(market).quantity_token, 77);
    market_edit(market, 0, 0, MARKET_QUANTITY, 2);
    assert_int_equal(look(market).counter, 2);
    assert_int_equal(look(market).quantity_token, 0); /* somebody else's */
    assert_int_equal(market_counter_book(market, 0, 0).edited, -4);
    market_destroy(market);
}

/* What changed R ago has been seen by every read-back; beyond the bounds by none that is younger.
 */
static void a_stale_read_back_is_within_r(void **state)
{
    struct market_config config;
    (void)state;
    small_config(&config, MARKET_SET);
    config.channel[0].faults.stale_read_ppm = 1000000;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct market *market;
        config.seed = seed;
        config.channel[0].faults.read_beyond_ppm = seed > 50 ? 1000000 : 0;
        market = small_market(&config, 10);
        market_advance(market, 1000);
        small_write(market, MARKET_QUANTITY, 6, 0);
        market_advance(market, 1000 + config.channel[0].read_age_max_ms);
        assert_int_equal(look(market).counter, seed > 50 ? 10 : 6);
        market_destroy(market);
    }
}

/* Changed half of R ago: about half of the read-backs have not seen it. */
static void a_read_back_may_be_stale(void **state)
{
    struct market_config config;
    int stale = 0;
    (void)state;
    small_config(&config, MARKET_SET);
    config.channel[0].faults.stale_read_ppm = 1000000;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct market *market;
        config.seed = seed;
        market = small_market(&config, 10);
        market_advance(market, 1000);
        small_write(market, MARKET_QUANTITY, 6, 0);
        market_advance(market, 1000 + config.channel[0].read_age_max_ms / 2);
        stale += look(market).counter == 10;
        market_destroy(market);
    }
    assert_in_range(stale, 70, 130);
}

static void listings_may_share_a_counter(void **state)
{
    struct market_config config;
    char why[200];
    struct market *market;
    struct market_listing listing = {
        .part = {{0, 1}}, .parts = 1, .pool = MARKET_OWN_POOL, .counter = 8, .price_minor = 500};
    (void)state;
    small_config(&config, MARKET_ADJUST);
    market = market_create(&config, why, sizeof(why));
    market_add_listing(market, 0, &listing);
    listing.pool = 0;
    market_add_listing(market, 0, &listing);
    market_open(market);
    small_write(market, MARKET_QUANTITY, -3, 0);
    assert_int_equal(market_counter(market, 0, 1), 5);
    assert_int_equal(market_unbalanced(market), 0);
    market_destroy(market);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_is_absolute),
        cmocka_unit_test(adjust_is_relative),
        cmocka_unit_test(cas_asks_first),
        cmocka_unit_test(a_price_and_a_switch),
        cmocka_unit_test(writes_overtake),
        cmocka_unit_test(a_fresh_read_back_is_the_truth),
        cmocka_unit_test(a_stale_read_back_is_within_r),
        cmocka_unit_test(a_read_back_may_be_stale),
        cmocka_unit_test(listings_may_share_a_counter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
