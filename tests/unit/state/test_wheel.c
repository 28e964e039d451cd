#include "core/state/wheel.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct stk_orders orders;
static struct stk_wheel wheel;
static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 20) % below;
}

static void begin(uint32_t count, stk_time_t now_ms)
{
    assert_int_equal(stk_orders_init(&orders, count, 1, count * 128ull, NULL), STK_OK);
    assert_int_equal(stk_wheel_init(&wheel, now_ms, NULL), STK_OK);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot;
        struct stk_hash key = {i * UINT64_C(0x9e3779b97f4a7c15), i};
        assert_int_equal(stk_orders_add(&orders, key, 1, 0, (struct stk_bytes){0}, &slot, NULL),
                         STK_OK);
        assert_int_equal(slot, i);
        stk_orders_at(&orders, slot)->number = i + 1;
    }
}

static void end(void)
{
    stk_orders_fini(&orders);
    stk_wheel_fini(&wheel);
}

static void put(uint32_t slot, stk_time_t deadline_ms)
{
    stk_orders_at(&orders, slot)->expires_ms = deadline_ms;
    stk_wheel_add(&wheel, &orders, slot);
}

static uint32_t pop(void)
{
    uint32_t slot = stk_wheel_due(&wheel);
    if (slot != STK_NONE)
        stk_wheel_remove(&wheel, &orders, slot);
    return slot;
}

static void nothing_is_due_a_millisecond_early(void **state)
{
    stk_time_t now = 1700000000123,
               ahead[] = {1,      63,     64,      65535,    65536,      131071,
                          131072, 900000, 3600000, 86400000, 4294967296, 34359738368};
    (void)state;
    begin(1, now);
    assert_int_equal(stk_wheel_next_ms(&wheel), INT64_MAX);
    for (unsigned i = 0; i < sizeof ahead / sizeof *ahead; i++) {
        put(0, now + ahead[i]);
        stk_wheel_advance(&wheel, &orders, now + ahead[i] - 1);
        assert_int_equal(stk_wheel_due(&wheel), STK_NONE);
        assert_int_equal(stk_wheel_next_ms(&wheel), now + ahead[i]);
        now += ahead[i];
        stk_wheel_advance(&wheel, &orders, now);
        assert_int_equal(stk_wheel_next_ms(&wheel), now);
        assert_int_equal(pop(), 0);
        assert_int_equal(pop(), STK_NONE);
        assert_int_equal(wheel.waiting_count, 0);
    }
    end();
}

static void the_past_is_due_at_once(void **state)
{
    (void)state;
    begin(4, 1000000);
    put(0, 1000000);
    put(1, 999999);
    put(2, 1);
    assert_int_equal(pop(), 2); /* of a window that is over: first */
    assert_int_equal(pop(), 1);
    assert_int_equal(pop(), 0);
    stk_wheel_advance(&wheel, &orders, 999); /* time does not go back */
    assert_int_equal(wheel.now_ms, 1000000);
    end();
}

static void next_ms_leads_there_without_a_miss(void **state)
{
    stk_time_t now = 1700000000000, deadline = now + 40ll * 86400000 + 12345, next;
    unsigned steps = 0;
    (void)state;
    begin(1, now);
    put(0, deadline);
    while ((next = stk_wheel_next_ms(&wheel)) > wheel.now_ms) {
        assert_true(next <= deadline);
        stk_wheel_advance(&wheel, &orders, next);
        assert_true(++steps < 10);
    }
    assert_int_equal(wheel.now_ms, deadline);
    assert_int_equal(pop(), 0);
    end();
}

/* Orders of one tick, put in from far and near, while their list waits to be moved down too. */
static void one_tick_is_first_in_first_out(void **state)
{
    enum { COUNT = 4000 };
    stk_time_t now = 1700000000000, deadline = now + 300000;
    uint32_t in = 0, out = 0;
    (void)state;
    begin(COUNT, now);
    while (in < COUNT / 2)
        put(in++, deadline);
    for (; now < deadline; now += 75)
        if (stk_wheel_advance(&wheel, &orders, now), in < COUNT)
            put(in++, deadline);
    stk_wheel_advance(&wheel, &orders, deadline + 100000); /* left over, then late */
    while (in < COUNT)
        put(in++, deadline);
    for (uint32_t slot; (slot = pop()) != STK_NONE; out++)
        assert_int_equal(slot, out);
    assert_int_equal(out, COUNT);
    end();
}

/* --- against a sorted list --- */

enum { ORDERS = 3000 };
static struct {
    stk_time_t deadline_ms; /* 0 = not in */
    uint64_t turn;          /* of putting in */
} model[ORDERS];

static int before(uint32_t a, uint32_t b)
{
    if (model[a].deadline_ms != model[b].deadline_ms)
        return model[a].deadline_ms < model[b].deadline_ms;
    return model[a].turn < model[b].turn;
}

static uint32_t model_first(void)
{
    uint32_t first = STK_NONE;
    for (uint32_t i = 0; i < ORDERS; i++)
        if (model[i].deadline_ms && (first == STK_NONE || before(i, first)))
            first = i;
    return first;
}

static stk_time_t far_or_near(void)
{
    static const uint64_t span[] = {2, 100, 70000, 200000, 4000000, 6000000000, 30000000000};
    return (stk_time_t)draw(span[draw(sizeof span / sizeof *span)]);
}

static void compare(uint64_t the_seed, stk_time_t now)
{
    uint64_t turn = 0;
    memset(model, 0, sizeof model);
    seed = the_seed;
    begin(ORDERS, now);
    for (unsigned step = 0; step < 6000; step++) {
        uint32_t slot = (uint32_t)draw(ORDERS), first;
        if (model[slot].deadline_ms) {
            stk_wheel_remove(&wheel, &orders, slot);
            model[slot].deadline_ms = 0;
        } else {
            model[slot].deadline_ms = now + 1 + far_or_near();
            model[slot].turn = ++turn;
            put(slot, model[slot].deadline_ms);
        }
        if (draw(8))
            continue;
        now += draw(4) ? (stk_time_t)draw(100) : far_or_near();
        first = model_first();
        assert_true(stk_wheel_next_ms(&wheel) <=
                    (first == STK_NONE ? INT64_MAX : model[first].deadline_ms));
        stk_wheel_advance(&wheel, &orders, now);
        while (first != STK_NONE && model[first].deadline_ms <= now) {
            assert_int_equal(pop(), first);
            model[first].deadline_ms = 0;
            first = model_first();
        }
        assert_int_equal(stk_wheel_due(&wheel), STK_NONE);
    }
    end();
}

static void agrees_with_a_sorted_list(void **state)
{
    (void)state;
    for (uint64_t s = 1; s <= 6; s++)
        compare(s, 1700000000000 + (stk_time_t)(s * 12345));
    compare(7, (INT64_C(401) << 32) - 3000); /* just before a window of windows begins */
    compare(8, 0);
}

static void a_million_orders_and_a_long_gap(void **state)
{
    enum { COUNT = 1000000 };
    stk_time_t now = 1700000000000, last = 0;
    uint32_t slot, count = 0;
    (void)state;
    begin(COUNT, now);
    seed = 5;
    for (uint32_t i = 0; i < COUNT; i++)
        put(i, now + 1 + (stk_time_t)draw(100ll * 86400000));
    for (uint32_t i = 0; i < COUNT; i += 2)
        stk_wheel_remove(&wheel, &orders, i);
    assert_int_equal(wheel.waiting_count, COUNT / 2);
    stk_wheel_advance(&wheel, &orders, now + 365ll * 86400000);
    for (; (slot = pop()) != STK_NONE; count++) {
        assert_true(stk_orders_at(&orders, slot)->expires_ms >= last);
        assert_int_equal(slot % 2, 1);
        last = stk_orders_at(&orders, slot)->expires_ms;
    }
    assert_int_equal(count, COUNT / 2);
    end();
}

/* A hundred thousand orders of one window are moved down a few at a time. */
static void no_advance_moves_many_at_once(void **state)
{
    enum { COUNT = 100000 };
    stk_time_t now = 1700000000000, deadline = now + 200000;
    unsigned moved_at_crossing = 0;
    (void)state;
    begin(COUNT, now);
    for (uint32_t i = 0; i < COUNT; i++)
        put(i, deadline);
    for (; now <= deadline; now += 50) {
        uint32_t down = 0;
        stk_wheel_advance(&wheel, &orders, now);
        for (uint32_t i = 0; now % 1000 == 0 && i < COUNT; i += 10)
            down += stk_orders_at(&orders, i)->wheel_slot < STK_WHEEL_SLOTS;
        if (now >> 16 == deadline >> 16 && !moved_at_crossing++)
            for (uint32_t i = 0; i < COUNT; i++) /* nothing was left for the crossing */
                assert_true(stk_orders_at(&orders, i)->wheel_slot < STK_WHEEL_SLOTS);
    }
    assert_true(moved_at_crossing > 0);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(pop(), i);
    end();
}

/* --- the archive queue --- */

static void closed_orders_queue_up(void **state)
{
    (void)state;
    begin(4, 1000);
    assert_int_equal(stk_wheel_closed(&wheel), STK_NONE);
    for (uint32_t i = 0; i < 4; i++) {
        stk_orders_at(&orders, i)->changed_ms = 500 + i / 2;
        stk_wheel_close(&wheel, &orders, i);
    }
    assert_false(wheel.closed_unsorted);
    assert_int_equal(wheel.closed_count, 4);
    assert_int_equal(stk_wheel_closed(&wheel), 0);
    stk_wheel_remove(&wheel, &orders, 0);
    stk_wheel_remove(&wheel, &orders, 2);
    assert_int_equal(stk_wheel_closed(&wheel), 1);
    stk_wheel_remove(&wheel, &orders, 1);
    assert_int_equal(stk_wheel_closed(&wheel), 3);
    stk_wheel_remove(&wheel, &orders, 3);
    assert_int_equal(stk_wheel_closed(&wheel), STK_NONE);
    assert_int_equal(wheel.closed_count, 0);
    assert_int_equal(stk_wheel_next_ms(&wheel), INT64_MAX);
    end();
}

static void an_archived_order_goes_to_the_front(void **state)
{
    stk_time_t changed_ms[] = {500, 600, 100, 700, 50};
    uint32_t order[] = {4, 2, 0, 1, 3};
    (void)state;
    begin(5, 1000);
    for (uint32_t i = 0; i < 5; i++) {
        stk_orders_at(&orders, i)->changed_ms = changed_ms[i];
        stk_wheel_close(&wheel, &orders, i);
    }
    assert_false(wheel.closed_unsorted);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(stk_wheel_closed(&wheel), order[i]);
        stk_wheel_remove(&wheel, &orders, order[i]);
    }
    end();
}

/* Under load a thousand close within one millisecond, whatever their numbers: they stay as they
 * came. */
static void orders_of_one_millisecond_need_no_sort(void **state)
{
    enum { COUNT = 20000, EACH = 2000 };
    (void)state;
    begin(COUNT, 1000);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t slot = i / EACH * EACH + (EACH - 1 - i % EACH); /* numbers fall */
        stk_orders_at(&orders, slot)->changed_ms = i / EACH;
        stk_wheel_close(&wheel, &orders, slot);
        assert_false(wheel.closed_unsorted);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t slot = stk_wheel_closed(&wheel);
        assert_int_equal(slot, i / EACH * EACH + (EACH - 1 - i % EACH));
        stk_wheel_remove(&wheel, &orders, slot);
    }
    end();
}

static void after_recovery_the_queue_is_sorted(void **state)
{
    enum { COUNT = 100000 };
    stk_time_t last_ms = 0;
    uint64_t last_number = 0;
    uint32_t count = 0;
    (void)state;
    begin(COUNT, 1000000);
    seed = 9;
    for (uint32_t i = 0; i < COUNT; i++) {
        stk_orders_at(&orders, i)->changed_ms = (stk_time_t)draw(20000);
        stk_wheel_close(&wheel, &orders, i);
    }
    for (uint32_t i = 0; i < COUNT; i += 3)
        stk_wheel_remove(&wheel, &orders, i);
    stk_wheel_advance(&wheel, &orders, 1000000);
    for (uint32_t slot; (slot = stk_wheel_closed(&wheel)) != STK_NONE; count++) {
        const struct stk_order *order = stk_orders_at(&orders, slot);
        assert_true(order->changed_ms > last_ms ||
                    (order->changed_ms == last_ms && order->number > last_number));
        last_ms = order->changed_ms;
        last_number = order->number;
        stk_wheel_remove(&wheel, &orders, slot);
    }
    assert_int_equal(count, COUNT - (COUNT + 2) / 3);
    assert_int_equal(wheel.closed_count, 0);
    end();
}

static void refused_memory_is_said(void **state)
{
    struct stk_error err;
    (void)state;
    for (int n = 1; n <= 6; n++) {
        stk_alloc_fail_at(n, 1);
        assert_int_equal(stk_wheel_init(&wheel, 0, &err), STK_NO_MEMORY);
        stk_alloc_fail_at(0, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_due_a_millisecond_early),
        cmocka_unit_test(the_past_is_due_at_once),
        cmocka_unit_test(next_ms_leads_there_without_a_miss),
        cmocka_unit_test(one_tick_is_first_in_first_out),
        cmocka_unit_test(agrees_with_a_sorted_list),
        cmocka_unit_test(a_million_orders_and_a_long_gap),
        cmocka_unit_test(no_advance_moves_many_at_once),
        cmocka_unit_test(closed_orders_queue_up),
        cmocka_unit_test(an_archived_order_goes_to_the_front),
        cmocka_unit_test(orders_of_one_millisecond_need_no_sort),
        cmocka_unit_test(after_recovery_the_queue_is_sorted),
        cmocka_unit_test(refused_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
