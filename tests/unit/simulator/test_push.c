/* Writes and their reports: proofs, kinds that a channel takes besides its own, silence. */
#include "tests/unit/simulator/small.h"

static void a_channel_takes_its_own_kind(void **state)
{
    struct market_config config;
    struct market *market;
    struct market_update update = {.value = -2, .how = MARKET_HOW_ADJUST};
    (void)state;
    small_config(&config, MARKET_SET);
    for (int takes = 0; takes < 2; takes++) {
        config.channel[0].takes = takes ? 1u << MARKET_ADJUST : 0;
        market = small_market(&config, 10);
        market_push(market, 0, &update, 1);
        assert_int_equal(small_answer(market, 0)->results[0].outcome,
                         takes ? MARKET_APPLIED : MARKET_REFUSED);
        assert_int_equal(market_counter(market, 0, 0), takes ? 8 : 10);
        market_destroy(market);
    }
    market = small_market(&config, 10);
    update = (struct market_update){.value = 1, .how = (enum market_how)9};
    market_push(market, 0, &update, 1);
    assert_int_equal(small_answer(market, 0)->results[0].reason, MARKET_BAD_VALUE);
    update = (struct market_update){.value = 1, .field = (enum market_field)9};
    market_push(market, 0, &update, 1);
    assert_int_equal(small_answer(market, 0)->results[0].reason, MARKET_BAD_VALUE);
    market_destroy(market);
}

static void a_report_comes_after_the_landing(void **state)
{
    struct market_config config;
    struct market *market;
    const struct market_answer *answer;
    const struct market_update update = {.value = 3, .token = 9};
    uint64_t push;
    int64_t landed_ms = 0;
    (void)state;
    small_config(&config, MARKET_SET);
    config.channel[0].proof = MARKET_PROOF_REPORT;
    config.channel[0].land_mean_ms = 60000;
    config.channel[0].faults.late_report_ppm = 1000000;
    market = small_market(&config, 10);
    push = market_push(market, 0, &update, 1);
    assert_int_equal(small_answer(market, 0)->results[0].outcome, MARKET_ACCEPTED);
    for (;;) {
        int pending;
        if (!landed_ms && market_counter(market, 0, 0) == 3)
            landed_ms = market_now(market);
        market_report(market, 0, push);
        market_advance(market, market_now(market));
        answer = market_answer(market, 0);
        assert_int_equal(answer->count, 1);
        assert_int_equal(answer->results[0].token, 9);
        pending = answer->pending;
        assert_int_equal(answer->results[0].outcome, pending ? MARKET_PENDING : MARKET_APPLIED);
        if (!pending)
            break;
        market_advance(market, market_now(market) + 1000);
    }
    assert_in_range(market_now(market) - landed_ms, config.channel[0].report_late_max_ms - 2000,
                    config.channel[0].report_late_max_ms + 2000);
    market_report(market, 0, push + 1000);
    assert_int_equal(small_answer(market, 0)->status, MARKET_NOT_FOUND);
    market_destroy(market);
}

/* Accepted and never done: only a channel whose answer proves nothing may do that. */
static void only_read_channels_drop_in_silence(void **state)
{
    struct market_config config;
    struct market *market;
    const struct market_update update = {.value = 3};
    (void)state;
    small_config(&config, MARKET_SET);
    config.channel[0].faults.drop_ppm = 1000000;
    market = small_market(&config, 10);
    assert_int_equal(small_write(market, MARKET_QUANTITY, 3, 0).outcome, MARKET_APPLIED);
    assert_int_equal(market_counter(market, 0, 0), 3);
    market_destroy(market);
    config.channel[0].proof = MARKET_PROOF_READ;
    market = small_market(&config, 10);
    market_push(market, 0, &update, 1);
    assert_int_equal(small_answer(market, 0)->results[0].outcome, MARKET_ACCEPTED);
    market_advance(market, MARKET_DAY_MS);
    assert_int_equal(market_counter(market, 0, 0), 10);
    assert_int_equal(market_counts(market, 0)->fault[MARKET_FAULT_DROP], 1);
    market_destroy(market);
}

static void a_proof_may_lie_outside_the_bounds(void **state)
{
    struct market_config config;
    struct market *market;
    (void)state;
    small_config(&config, MARKET_ADJUST);
    config.channel[0].faults.lie_ppm = 1000000;
    market = small_market(&config, 10);
    assert_int_equal(small_write(market, MARKET_QUANTITY, 5, 0).after, 15);
    assert_int_equal(market_counter(market, 0, 0), 10);
    market_destroy(market);
}

static void a_write_may_land_twice_outside_the_bounds(void **state)
{
    struct market_config config;
    struct market *market;
    (void)state;
    small_config(&config, MARKET_ADJUST);
    config.channel[0].faults.land_twice_ppm = 1000000;
    market = small_market(&config, 10);
    small_write(market, MARKET_QUANTITY, 5, 0);
    market_advance(market, MARKET_DAY_MS);
    assert_int_equal(market_counter(market, 0, 0), 20);
    assert_int_equal(market_counts(market, 0)->landed, 2);
    assert_int_equal(market_unbalanced(market), 0);
    market_destroy(market);
}

/* What is refused at the landing is refused for good, and the answer says so. */
static void a_late_refusal_is_a_refusal(void **state)
{
    struct market_config config;
    struct market *market;
    (void)state;
    small_config(&config, MARKET_CAS);
    config.channel[0].faults.late_refuse_ppm = 1000000;
    market = small_market(&config, 10);
    assert_int_equal(small_write(market, MARKET_QUANTITY, 5, 10).outcome, MARKET_REFUSED);
    market_advance(market, MARKET_DAY_MS);
    assert_int_equal(market_counter(market, 0, 0), 10);
    market_destroy(market);
}

static void no_room_for_more_writes_is_said(void **state)
{
    struct market_config config;
    struct market *market;
    const struct market_update update = {.value = 3};
    int unavailable = 0;
    (void)state;
    small_config(&config, MARKET_SET);
    config.channel[0].proof = MARKET_PROOF_READ;
    config.channel[0].land_mean_ms = config.channel[0].land_max_ms;
    config.channel[0].writes_max = 5;
    market = small_market(&config, 10);
    for (int i = 0; i < 7; i++) {
        market_push(market, 0, &update, 1);
        market_advance(market, market_now(market));
        unavailable += market_answer(market, 0)->status == MARKET_UNAVAILABLE;
    }
    assert_int_equal(unavailable, 2);
    assert_int_equal(market_writes_open(market, 0), 5);
    market_advance(market, MARKET_DAY_MS);
    assert_int_equal(market_writes_open(market, 0), 0);
    market_destroy(market);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_takes_its_own_kind),
        cmocka_unit_test(a_report_comes_after_the_landing),
        cmocka_unit_test(only_read_channels_drop_in_silence),
        cmocka_unit_test(a_proof_may_lie_outside_the_bounds),
        cmocka_unit_test(a_write_may_land_twice_outside_the_bounds),
        cmocka_unit_test(a_late_refusal_is_a_refusal),
        cmocka_unit_test(no_room_for_more_writes_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
