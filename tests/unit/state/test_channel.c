/* The lists of published things: classes, ageing, waiting, counts. */
#include "core/state/channel.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct stk_channels *made(uint32_t listings)
{
    static struct stk_channels channels;
    assert_int_equal(stk_channels_init(&channels, listings, listings, listings, NULL), STK_OK);
    stk_channel_open(&channels, 3);
    return &channels;
}

static void test_a_new_channel_only_observes(void **state)
{
    (void)state;
    struct stk_channels *c = made(4);
    const struct stk_channel *channel = stk_channel_at(c, 3);
    for (unsigned kind = 0; kind < STK_PUBLISH_KINDS; kind++)
        assert_int_equal(channel->step[kind], STK_STEP_OBSERVE);
    assert_int_equal(stk_channel_next(c, 3, 0), STK_NONE);
    assert_true(stk_channel_oldest_ms(c, 3) == INT64_MAX);
    stk_channels_fini(c);
}

static void test_things_of_a_listing(void **state)
{
    (void)state;
    struct stk_channels *c = made(4);
    uint32_t quantity = stk_published_add(c, 2, 3, STK_PUBLISH_QUANTITY);
    uint32_t price = stk_published_add(c, 2, 3, STK_PUBLISH_PRICE);
    uint32_t active = stk_published_add(c, 2, 3, STK_PUBLISH_ACTIVE);
    assert_int_equal(stk_published_find(c, 2, STK_PUBLISH_PRICE), price);
    assert_int_equal(stk_published_find(c, 1, STK_PUBLISH_PRICE), STK_NONE);
    assert_int_equal(stk_channel_at(c, 3)->listings, 1);
    assert_int_equal(stk_channel_at(c, 3)->in_state[STK_PUBLISH_NEVER], 3);
    stk_published_state(c, price, STK_PUBLISH_ON_WAY);
    stk_published_remove(c, price);
    assert_int_equal(stk_published_find(c, 2, STK_PUBLISH_PRICE), STK_NONE);
    assert_int_equal(stk_published_find(c, 2, STK_PUBLISH_QUANTITY), quantity);
    stk_published_remove(c, active);
    stk_published_remove(c, quantity);
    assert_int_equal(stk_published_first(c, 2), STK_NONE);
    assert_int_equal(stk_channel_at(c, 3)->listings, 0);
    assert_int_equal(stk_channel_at(c, 3)->in_state[STK_PUBLISH_ON_WAY], 0);
    stk_channels_fini(c);
}

static void test_full(void **state)
{
    (void)state;
    struct stk_channels *c = made(2);
    assert_int_not_equal(stk_published_add(c, 0, 3, 0), STK_NONE);
    assert_int_not_equal(stk_published_add(c, 1, 3, 0), STK_NONE);
    assert_int_equal(stk_published_add(c, 1, 3, 1), STK_NONE);
    stk_channels_fini(c);
}

static void test_the_best_class_first(void **state)
{
    (void)state;
    struct stk_channels *c = made(5);
    uint32_t slot[5];
    for (uint32_t i = 0; i < 5; i++) {
        slot[i] = stk_published_add(c, i, 3, 0);
        stk_published_queue(c, slot[i], 4 - i, 1000 + i);
    }
    assert_int_equal(stk_channel_queued(c, 3), 5);
    assert_true(stk_channel_oldest_ms(c, 3) == 1000);
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t next = stk_channel_next(c, 3, 2000);
        assert_int_equal(next, slot[4 - i]);
        stk_published_idle(c, next);
    }
    assert_int_equal(stk_channel_next(c, 3, 2000), STK_NONE);
    stk_channels_fini(c);
}

static void test_what_waits_long_rises(void **state)
{
    (void)state;
    struct stk_channels *c = made(3);
    uint32_t rest = stk_published_add(c, 0, 3, 0), price = stk_published_add(c, 1, 3, 0);
    uint32_t zero = stk_published_add(c, 2, 3, 0);
    stk_published_queue(c, rest, STK_CLASS_REST, 0);
    stk_published_queue(c, price, STK_CLASS_PRICE, STK_AGEING_MS);
    assert_int_equal(stk_channel_next(c, 3, STK_AGEING_MS), price);
    stk_published_idle(c, price);
    stk_published_queue(c, price, STK_CLASS_PRICE, 2 * STK_AGEING_MS);
    assert_int_equal(stk_channel_next(c, 3, 2 * STK_AGEING_MS), rest);
    stk_published_queue(c, zero, STK_CLASS_URGENT, 2 * STK_AGEING_MS);
    assert_int_equal(stk_channel_next(c, 3, 100 * STK_AGEING_MS), zero);
    stk_channels_fini(c);
}

static void test_queued_again(void **state)
{
    (void)state;
    struct stk_channels *c = made(2);
    uint32_t slot = stk_published_add(c, 0, 3, 0);
    stk_published_queue(c, slot, STK_CLASS_REST, 100);
    stk_published_queue(c, slot, STK_CLASS_REST, 200);
    assert_true(stk_published_at(c, slot)->queued_ms == 100);
    stk_published_queue(c, slot, STK_CLASS_URGENT, 300); /* it keeps its age */
    assert_true(stk_published_at(c, slot)->queued_ms == 100);
    assert_int_equal(stk_published_at(c, slot)->list, STK_CLASS_URGENT + 1);
    stk_published_queue(c, slot, STK_CLASS_REST, 400);
    assert_int_equal(stk_published_at(c, slot)->list, STK_CLASS_URGENT + 1);
    assert_int_equal(stk_channel_queued(c, 3), 1);
    stk_channels_fini(c);
}

static void test_waiting_comes_round(void **state)
{
    (void)state;
    struct stk_channels *c = made(100);
    for (uint32_t i = 0; i < 100; i++)
        stk_published_wait(c, stk_published_add(c, i, 3, 0), i == 70 ? 10 : 1000);
    uint32_t looks = 50;
    assert_int_equal(stk_channel_due(c, 3, 500, &looks), STK_NONE);
    assert_int_equal(looks, 0);
    looks = 50;
    uint32_t due = stk_channel_due(c, 3, 500, &looks);
    assert_int_equal(stk_published_at(c, due)->listing, 70);
    assert_true(looks > 0);
    assert_int_equal(stk_channel_at(c, 3)->list[STK_LIST_WAITING].count, 100);
    stk_channels_fini(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_channel_only_observes),
        cmocka_unit_test(test_things_of_a_listing),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_the_best_class_first),
        cmocka_unit_test(test_what_waits_long_rises),
        cmocka_unit_test(test_queued_again),
        cmocka_unit_test(test_waiting_comes_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
