/* The list that polls read: watermarks, cursors, pages; and the life of an order in it. */
#include "tests/unit/simulator/small.h"

static void busy(struct market_config *config)
{
    small_config(config, MARKET_ADJUST);
    config->channel[0].orders_per_day = 5000;
    config->channel[0].cancel_ppm = config->channel[0].return_ppm = 0;
    config->channel[0].units_max = config->channel[0].lines_max = 1;
    memset(config->channel[0].hour_weight, 0, sizeof(config->channel[0].hour_weight));
}

static const struct market_answer *poll(struct market *market, uint64_t cursor)
{
    assert_true(market_orders_poll(market, 0, cursor, 0) > 0);
    market_advance(market, market_now(market));
    const struct market_answer *answer = market_answer(market, 0);
    assert_non_null(answer);
    return answer;
}

/* An order is never seen for the first time after the watermark has passed its time, unless the
 * channel breaks its bound. */
static void the_watermark_holds(void **state)
{
    struct market_config config;
    (void)state;
    for (int broken = 0; broken < 2; broken++) {
        struct market *market;
        uint64_t cursor = 0, late = 0, seen = 0;
        int64_t watermark_ms = 0;
        busy(&config);
        config.channel[0].faults.late_order_ppm = 500000;
        config.channel[0].faults.order_beyond_ppm = broken ? 20000 : 0;
        market = small_market(&config, 1000000);
        for (int64_t at_ms = 0; at_ms < MARKET_DAY_MS; at_ms += 7000) {
            const struct market_answer *answer;
            market_advance(market, at_ms);
            answer = poll(market, cursor);
            for (uint32_t i = 0; i < answer->count; i++)
                late += answer->events[i].placed_ms < watermark_ms;
            seen += answer->count;
            cursor = answer->cursor;
            if (answer->watermark_ms) {
                assert_true(answer->watermark_ms >= watermark_ms);
                watermark_ms = answer->watermark_ms;
            }
        }
        assert_in_range(seen, 4700, 5300);
        if (broken)
            assert_in_range(late, 40, 160);
        else
            assert_int_equal(late, 0);
        assert_true(watermark_ms > MARKET_DAY_MS - 60000);
        market_destroy(market);
    }
}

static void a_page_has_an_end_and_no_watermark_before_it(void **state)
{
    struct market_config config;
    struct market *market;
    uint64_t cursor = 0, seen = 0, pages = 0;
    int more = 1;
    (void)state;
    busy(&config);
    config.channel[0].page_max = 40;
    market = small_market(&config, 1000000);
    market_advance(market, MARKET_HOUR_MS);
    while (more) {
        const struct market_answer *answer = poll(market, cursor);
        assert_int_equal(answer->more != 0, answer->watermark_ms == 0);
        assert_true(answer->count <= 40);
        more = answer->more;
        seen += answer->count;
        cursor = answer->cursor;
        pages++;
    }
    assert_true(pages > 3);
    assert_true(seen + 20 > market_counts(market, 0)->orders);
    assert_int_equal(poll(market, cursor)->count, 0);
    assert_int_equal(poll(market, cursor + 1000)->cursor, cursor);
    market_destroy(market);
}

static void an_old_cursor_is_gone(void **state)
{
    struct market_config config;
    struct market *market;
    const struct market_answer *answer;
    uint64_t oldest;
    (void)state;
    busy(&config);
    config.channel[0].events_max = 100;
    market = small_market(&config, 1000000);
    market_advance(market, MARKET_HOUR_MS);
    answer = poll(market, 0);
    assert_int_equal(answer->status, MARKET_GONE);
    assert_true(answer->cursor > 50);
    oldest = answer->cursor;
    answer = poll(market, oldest);
    assert_int_equal(answer->status, MARKET_OK);
    assert_int_equal(answer->cursor, oldest + 100);
    market_destroy(market);
}

/* Placed, then shipped, then perhaps returned; or cancelled and never shipped. */
static void an_order_has_a_life(void **state)
{
    struct market_config config;
    struct market *market;
    static uint8_t seen[6000];
    static int64_t shipped_ms[6000];
    uint64_t cursor = 0, kinds[5] = {0};
    (void)state;
    memset(seen, 0, sizeof(seen));
    busy(&config);
    config.channel[0].cancel_ppm = 200000;
    config.channel[0].return_ppm = 200000;
    config.channel[0].return_mean_ms = MARKET_HOUR_MS;
    config.channel[0].ship_mean_ms = MARKET_HOUR_MS;
    config.channel[0].order_late_mean_ms = 0;
    market = small_market(&config, 1000000);
    for (int64_t at_ms = 0; at_ms < MARKET_DAY_MS; at_ms += 60000) {
        const struct market_answer *answer;
        market_advance(market, at_ms);
        answer = poll(market, cursor);
        cursor = answer->cursor;
        for (uint32_t i = 0; i < answer->count; i++) {
            const struct market_event *event = &answer->events[i];
            assert_true(event->order < 6000 && event->kind < 5);
            kinds[event->kind]++;
            seen[event->order] |= (uint8_t)(1 << event->kind);
            assert_true(seen[event->order] & 1 << MARKET_PLACED);
            if (event->kind == MARKET_SHIPPED)
                shipped_ms[event->order] = event->at_ms;
            if (event->kind == MARKET_RETURNED)
                assert_true(event->at_ms > shipped_ms[event->order] &&
                            shipped_ms[event->order] > event->placed_ms);
            assert_int_equal(seen[event->order] & 1 << MARKET_CANCELLED &&
                                 seen[event->order] & 1 << MARKET_SHIPPED,
                             0);
        }
    }
    assert_true(kinds[MARKET_CANCELLED] > 800 && kinds[MARKET_RETURNED] > 500);
    assert_true(kinds[MARKET_SHIPPED] > 3000);
    assert_int_equal(kinds[MARKET_WANTED], 0);
    market_destroy(market);
}

static void shoppers_come_and_go_as_told(void **state)
{
    struct market_config config;
    struct market *market;
    uint64_t before;
    (void)state;
    busy(&config);
    config.channel[0].orders_per_day = 0;
    market = small_market(&config, 1000000);
    market_advance(market, MARKET_HOUR_MS);
    assert_int_equal(market_counts(market, 0)->shoppers, 0);
    market_shoppers(market, 0, 24000);
    market_advance(market, 2 * MARKET_HOUR_MS);
    assert_in_range(market_counts(market, 0)->shoppers, 900, 1100);
    market_shoppers(market, 0, 0);
    market_advance(market, 2 * MARKET_HOUR_MS + 60000);
    before = market_counts(market, 0)->shoppers;
    market_advance(market, 3 * MARKET_HOUR_MS);
    assert_int_equal(market_counts(market, 0)->shoppers, before);
    market_shoppers(market, 0, 48000);
    market_advance(market, 4 * MARKET_HOUR_MS);
    assert_in_range(market_counts(market, 0)->shoppers - before, 1850, 2150);
    market_destroy(market);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_watermark_holds),
        cmocka_unit_test(a_page_has_an_end_and_no_watermark_before_it),
        cmocka_unit_test(an_old_cursor_is_gone),
        cmocka_unit_test(an_order_has_a_life),
        cmocka_unit_test(shoppers_come_and_go_as_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
