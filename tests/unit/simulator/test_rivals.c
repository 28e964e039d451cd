/* Rival bots and the reading of offers. */
#include "tests/unit/simulator/small.h"

static struct market *with_rivals(int64_t moves_per_day)
{
    struct market_config config;
    char why[200];
    struct market *market;
    small_config(&config, MARKET_SET);
    config.skus = 50;
    config.channel[0].rivals = 4;
    config.channel[0].moves_per_day = moves_per_day;
    market = market_create(&config, why, sizeof(why));
    assert_non_null(market);
    market_fill(market, 5, 0);
    market_open(market);
    return market;
}

/* Reads on from the cursor to the end; counts the listings by how often they came. */
static uint64_t read_all(struct market *market, uint64_t cursor, int *listings)
{
    int more = 1;
    memset(listings, 0, 50 * sizeof(*listings));
    while (more) {
        const struct market_answer *answer;
        assert_true(market_offers(market, 0, cursor, 23) > 0); /* four listings and a bit */
        answer = small_answer(market, 0);
        assert_int_equal(answer->count % 5, 0);
        assert_true(answer->count <= 20);
        for (uint32_t i = 0; i < answer->count; i++) {
            const struct market_offer *offer = &answer->offers[i];
            listings[offer->listing] += offer->rival == 0;
            assert_int_equal(offer->rival, i % 5);
            assert_int_equal(offer->listing, answer->offers[i / 5 * 5].listing);
        }
        cursor = answer->cursor;
        more = answer->more;
    }
    return cursor;
}

static void each_change_is_read_once(void **state)
{
    struct market *market = with_rivals(0);
    int listings[50];
    uint64_t cursor = read_all(market, 0, listings);
    (void)state;
    for (int i = 0; i < 50; i++)
        assert_int_equal(listings[i], 1);
    cursor = read_all(market, cursor, listings);
    for (int i = 0; i < 50; i++)
        assert_int_equal(listings[i], 0);
    market_edit(market, 0, 7, MARKET_PRICE, 999);
    market_edit(market, 0, 31, MARKET_PRICE, 999);
    market_edit(market, 0, 7, MARKET_PRICE, 998);
    cursor = read_all(market, cursor, listings);
    for (int i = 0; i < 50; i++)
        assert_int_equal(listings[i], i == 7 || i == 31);
    market_destroy(market);
}

/* Somebody holds the buy box, and it is who is cheapest with shipping. */
static void the_cheapest_holds_the_box(void **state)
{
    struct market *market = with_rivals(20000);
    const uint32_t listings[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 4711};
    int ours = 0, theirs = 0;
    (void)state;
    for (int hour = 1; hour <= 24; hour++) {
        const struct market_answer *answer;
        market_advance(market, hour * MARKET_HOUR_MS);
        assert_true(market_offers_of(market, 0, listings, 11) > 0);
        answer = small_answer(market, 0);
        assert_int_equal(answer->count, 50);
        for (int i = 0; i < 10; i++) {
            const struct market_offer *offers = answer->offers + 5 * i;
            int64_t lowest = INT64_MAX, boxes = 0, box = 0;
            for (int r = 0; r < 5; r++) {
                int64_t landed = offers[r].price_minor + offers[r].shipping_minor;
                lowest = landed < lowest ? landed : lowest;
                boxes += offers[r].buy_box;
                box += offers[r].buy_box ? landed : 0;
            }
            assert_int_equal(boxes, 1);
            assert_int_equal(box, lowest);
            ours += offers[0].buy_box;
            theirs += !offers[0].buy_box;
        }
    }
    assert_true(theirs > 50);
    assert_true(market_counts(market, 0)->rival_moves > 1000);
    market_destroy(market);
}

/* They answer a price of ours: who beats the lowest goes below it, and nobody below his cost. */
static void rivals_react(void **state)
{
    struct market *market = with_rivals(0);
    int undercut = 0;
    (void)state;
    for (uint32_t listing = 0; listing < 50; listing++) {
        int64_t price = market_price(market, 0, listing) * 9 / 10;
        const struct market_answer *answer;
        market_edit(market, 0, listing, MARKET_PRICE, price);
        market_advance(market, market_now(market) + MARKET_HOUR_MS);
        market_offers_of(market, 0, &listing, 1);
        answer = small_answer(market, 0);
        int64_t lowest = price, second = INT64_MAX;
        for (uint32_t i = 1; i < answer->count; i++) {
            int64_t landed = answer->offers[i].price_minor + answer->offers[i].shipping_minor;
            second = landed < lowest ? lowest : landed < second ? landed : second;
            lowest = landed < lowest ? landed : lowest;
            /* cost is 55 to 85 % of the first price, an upward loop ends at 20 times that */
            assert_true(answer->offers[i].price_minor >= price * 10 / 9 * 54 / 100);
            assert_true(answer->offers[i].price_minor <= price * 20);
        }
        undercut += second - lowest >= 1 && second - lowest <= 10;
    }
    assert_in_range(undercut, 10, 40);
    market_destroy(market);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_is_read_once),
        cmocka_unit_test(the_cheapest_holds_the_box),
        cmocka_unit_test(rivals_react),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
