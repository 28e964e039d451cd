/* The book: what counts as oversold, and what counts as a write that was not allowed. */
#include "tests/unit/simulator/small.h"

/* Two shops that ship from places of their own and one from both: who may sell what is Hall's
 * condition, not one sum. */
static struct market *three_shops(void)
{
    struct market_config config;
    small_config(&config, MARKET_SHOP);
    config.locations = 2;
    config.channel_count = 3;
    config.channel[0].orders_per_day = 100;
    config.channel[1] = config.channel[2] = config.channel[0];
    config.channel[0].ships_from = 1;
    config.channel[1].ships_from = 2;
    config.channel[2].ships_from = 3;
    for (int c = 0; c < 3; c++) {
        config.channel[c].units_max = config.channel[c].lines_max = 1;
        config.channel[c].cancel_ppm = config.channel[c].return_ppm = 0;
    }
    return small_market(&config, 0);
}

/* The next shopper of that shop gets what he wants; those of the others are sent away. */
static void sell_one(struct market *market, uint32_t channel)
{
    struct market_event event;
    for (;;) {
        market_advance(market, market_next(market));
        for (uint32_t c = 0; c < 3; c++) {
            while (market_want(market, c, &event)) {
                assert_int_equal(market_want_answer(market, c, event.order, c == channel), 1);
                if (c == channel)
                    return;
            }
        }
    }
}

static void oversold_is_judged_by_place(void **state)
{
    struct market *market = three_shops();
    (void)state;
    market_stock(market, 0, 0, 2);
    market_stock(market, 0, 1, 2);
    sell_one(market, 0);
    sell_one(market, 1);
    sell_one(market, 2);
    assert_int_equal(market_oversold(market).sales, 0);
    sell_one(market, 0); /* two of place 0, one of 1, and one of either: 4 of 4 */
    assert_int_equal(market_oversold(market).sales, 0);
    market_stock(market, 0, 1, 1);
    sell_one(market, 0); /* five in all, and there are five, but three of place 0 */
    assert_int_equal(market_oversold(market).sales, 1);
    assert_int_equal(market_oversold(market).units_most, 1);
    assert_int_equal(market_oversold(market).channel, 0);
    assert_int_equal(market_sku_book(market, 0).sold, 5);
    assert_int_equal(market_sku_book(market, 0).open_max, 5);
    assert_int_equal(market_unbalanced(market), 0);
    market_destroy(market);
}

static void a_cancel_gives_room_again(void **state)
{
    struct market_config config;
    struct market *market;
    (void)state;
    small_config(&config, MARKET_CAS);
    config.locations = 1;
    config.channel[0].orders_per_day = 2000;
    config.channel[0].cancel_ppm = 1000000;
    config.channel[0].cancel_mean_ms = 1000;
    config.channel[0].restock = MARKET_RESTOCK_CANCEL;
    market = small_market(&config, 3);
    market_stock(market, 0, 0, 3);
    market_advance(market, MARKET_DAY_MS);
    assert_true(market_sku_book(market, 0).sold > 100);
    assert_true(market_sku_book(market, 0).cancelled > 100);
    assert_true(market_sku_book(market, 0).open_max <= 3);
    assert_int_equal(market_oversold(market).sales, 0);
    assert_int_equal(market_unbalanced(market), 0);
    market_destroy(market);
}

/* A counter that promises more than there is: found at the sale, at the first one that is. */
static void more_on_sale_than_there_is(void **state)
{
    struct market_config config;
    struct market *market;
    (void)state;
    small_config(&config, MARKET_SET);
    config.locations = 1;
    config.channel[0].orders_per_day = 1000;
    config.channel[0].cancel_ppm = config.channel[0].return_ppm = 0;
    market = small_market(&config, 12);
    market_stock(market, 0, 0, 10);
    market_advance(market, MARKET_DAY_MS);
    assert_in_range(market_sku_book(market, 0).sold, 11, 12);
    assert_int_equal(market_oversold(market).units_most, market_sku_book(market, 0).sold - 10);
    market_destroy(market);
}

static void forbidden_writes_are_counted(void **state)
{
    struct market_config config;
    struct market *market;
    (void)state;
    small_config(&config, MARKET_SET);
    market = small_market(&config, 5);
    small_write(market, MARKET_QUANTITY, 4, 0);
    market_forbid(market, 0, 1);
    assert_int_equal(market_counts(market, 0)->forbidden, 0);
    small_write(market, MARKET_QUANTITY, 3, 0);
    assert_int_equal(market_counts(market, 0)->forbidden, 1);
    assert_int_equal(market_counter(market, 0, 0), 3); /* done all the same */
    market_forbid(market, 0, 0);
    small_write(market, MARKET_QUANTITY, 2, 0);
    assert_int_equal(market_counts(market, 0)->forbidden, 1);
    assert_int_equal(market_counts(market, 0)->writes, 3);
    market_destroy(market);
}

static void every_fault_has_a_name(void **state)
{
    (void)state;
    for (int f = 0; f < MARKET_FAULTS; f++)
        assert_string_not_equal(market_fault_name((enum market_fault)f), "?");
    assert_string_equal(market_fault_name(MARKET_FAULT_CONTESTED), "contested");
    assert_string_equal(market_fault_name(MARKET_FAULT_EDIT_RAISE), "counter raised");
    assert_string_equal(market_fault_name(MARKET_FAULTS), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oversold_is_judged_by_place),
        cmocka_unit_test(a_cancel_gives_room_again),
        cmocka_unit_test(more_on_sale_than_there_is),
        cmocka_unit_test(forbidden_writes_are_counted),
        cmocka_unit_test(every_fault_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
