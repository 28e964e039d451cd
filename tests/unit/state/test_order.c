#include "core/state/order.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct stk_orders orders;
static struct stk_catalog catalog;

static struct stk_bytes bytes(const char *text)
{
    return (struct stk_bytes){text, (uint32_t)strlen(text)};
}

static struct stk_hash key_of(uint64_t n)
{
    return (struct stk_hash){n * UINT64_C(0x9e3779b97f4a7c15), n};
}

static int setup(void **state)
{
    struct stk_catalog_capacity capacity = {4, 8, 1, 1, 1, 64};
    (void)state;
    assert_int_equal(stk_orders_init(&orders, 4, 6, 2048, NULL), STK_OK);
    assert_int_equal(stk_catalog_init(&catalog, &capacity, NULL), STK_OK);
    for (int i = 0; i < 2; i++) {
        stk_sku_t sku = STK_NONE;
        stk_cell_t cell;
        assert_int_equal(stk_catalog_add_sku(&catalog, bytes(i ? "a" : "b"), &sku, NULL), STK_OK);
        assert_int_equal(stk_catalog_add_cell(&catalog, sku, 0, &cell, NULL), STK_OK);
        assert_int_equal(cell, i);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stk_orders_fini(&orders);
    stk_catalog_fini(&catalog);
    return 0;
}

static uint32_t add(uint64_t n, uint16_t lines, uint16_t components, const char *id)
{
    uint32_t slot = STK_NONE;
    assert_int_equal(stk_orders_add(&orders, key_of(n), lines, components, bytes(id), &slot, NULL),
                     STK_OK);
    stk_orders_at(&orders, slot)->number = n;
    return slot;
}

static int id_is(uint32_t slot, const char *id)
{
    struct stk_bytes is = stk_order_id(&orders, stk_orders_at(&orders, slot));
    return is.size == strlen(id) && memcmp(is.data, id, is.size) == 0;
}

static void an_order_is_found_by_its_key(void **state)
{
    uint32_t a = add(1, 1, 1, "1001"), b = add(2, 3, 4, "a-long-order-number");
    struct stk_hash other = key_of(1);
    (void)state;
    assert_int_equal(stk_orders_find(&orders, key_of(1)), a);
    assert_int_equal(stk_orders_find(&orders, key_of(2)), b);
    assert_int_equal(stk_orders_find(&orders, key_of(3)), STK_NONE);
    other.high++;
    assert_int_equal(stk_orders_find(&orders, other), STK_NONE);
    assert_true(id_is(a, "1001"));
    assert_true(id_is(b, "a-long-order-number"));
    assert_int_equal(stk_orders_next(&orders, 0), a);
    assert_int_equal(stk_orders_next(&orders, a + 1), b);
    assert_int_equal(stk_orders_next(&orders, b + 1), STK_NONE);
    stk_orders_remove(&orders, a);
    assert_int_equal(stk_orders_find(&orders, key_of(1)), STK_NONE);
    assert_int_equal(stk_orders_next(&orders, 0), b);
    assert_int_equal(orders.orders.used, 1);
}

static void a_new_order_is_blank(void **state)
{
    uint32_t slot = add(1, 1, 1, "x");
    (void)state;
    stk_order_lines(&orders, stk_orders_at(&orders, slot))->quantity = 7;
    stk_orders_at(&orders, slot)->flags = 3;
    stk_orders_remove(&orders, slot);
    assert_int_equal(add(2, 1, 1, "y"), slot); /* the same memory again */
    struct stk_order *order = stk_orders_at(&orders, slot);
    const uint8_t *body = (const uint8_t *)stk_order_lines(&orders, order);
    for (size_t i = 0; i < sizeof(struct stk_order_line) + sizeof(struct stk_order_component); i++)
        assert_int_equal(body[i], 0);
    assert_int_equal(order->flags, 0);
    assert_int_equal(order->first_hold, STK_NONE);
    assert_int_equal(order->wheel_slot, STK_NONE);
}

static void every_capacity_refuses_and_leaves_all_as_it_was(void **state)
{
    struct stk_error err;
    uint32_t slot = STK_NONE;
    uint64_t used;
    (void)state;
    for (uint64_t n = 1; n <= 4; n++)
        add(n, 1, 1, "id");
    used = orders.data.used_bytes;
    assert_int_equal(stk_orders_add(&orders, key_of(5), 1, 1, bytes("id"), &slot, &err), STK_FULL);
    assert_non_null(strstr(err.text, "orders (4)"));
    assert_int_equal(orders.data.used_bytes, used);
    assert_int_equal(stk_orders_find(&orders, key_of(5)), STK_NONE);
    stk_orders_remove(&orders, 3);
    assert_int_equal(stk_orders_add(&orders, key_of(5), 30, 30, bytes("id"), &slot, &err),
                     STK_FULL);
    assert_non_null(strstr(err.text, "order_bytes (2048)"));
    assert_int_equal(orders.orders.used, 3);
    assert_int_equal(stk_orders_resize(&orders, 0, 30, 30, &err), STK_FULL);
    assert_int_equal(stk_orders_at(&orders, 0)->lines, 1);
    for (int i = 0; i < 6; i++)
        assert_int_not_equal(stk_orders_add_hold(&orders, &catalog, 0, 0, 0, 0, 1), STK_NONE);
    assert_int_equal(stk_orders_add_hold(&orders, &catalog, 0, 0, 0, 0, 1), STK_NONE);
}

static void resizing_keeps_lines_components_and_id(void **state)
{
    uint32_t slot = add(1, 2, 3, "order-77");
    struct stk_order *order = stk_orders_at(&orders, slot);
    uint64_t used = orders.data.used_bytes;
    (void)state;
    for (int i = 0; i < 2; i++)
        stk_order_lines(&orders, order)[i].quantity = 10u + (unsigned)i;
    for (int i = 0; i < 3; i++)
        stk_order_components(&orders, order)[i].units = 20u + (unsigned)i;
    assert_int_equal(stk_orders_resize(&orders, slot, 5, 7, NULL), STK_OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(stk_order_lines(&orders, order)[i].quantity, i < 2 ? 10 + i : 0);
    for (int i = 0; i < 7; i++)
        assert_int_equal(stk_order_components(&orders, order)[i].units, i < 3 ? 20 + i : 0);
    assert_true(id_is(slot, "order-77"));
    assert_int_equal(stk_orders_resize(&orders, slot, 1, 2, NULL), STK_OK);
    assert_int_equal(stk_order_lines(&orders, order)[0].quantity, 10);
    assert_int_equal(stk_order_components(&orders, order)[1].units, 21);
    assert_true(id_is(slot, "order-77"));
    assert_int_equal(stk_orders_resize(&orders, slot, 2, 3, NULL), STK_OK);
    assert_int_equal(orders.data.used_bytes, used);
    stk_orders_remove(&orders, slot);
    assert_int_equal(orders.data.used_bytes, 0);
}

static unsigned chain_of_cell(stk_cell_t cell, uint32_t *out)
{
    unsigned count = 0;
    uint32_t before = STK_NONE;
    for (uint32_t h = stk_catalog_cell(&catalog, cell)->first_hold; h != STK_NONE;
         h = stk_orders_hold(&orders, h)->next_of_cell) {
        assert_int_equal(stk_orders_hold(&orders, h)->prev_of_cell, before);
        assert_int_equal(stk_orders_hold(&orders, h)->cell, cell);
        out[count++] = before = h;
    }
    return count;
}

static void holds_are_linked_to_order_and_cell(void **state)
{
    uint32_t a = add(1, 2, 2, "a"), b = add(2, 1, 1, "b"), hold[4], chain[8];
    (void)state;
    hold[0] = stk_orders_add_hold(&orders, &catalog, a, 0, 0, 0, 5);
    hold[1] = stk_orders_add_hold(&orders, &catalog, b, 0, 0, 0, 6);
    hold[2] = stk_orders_add_hold(&orders, &catalog, a, 1, 1, 0, 7);
    hold[3] = stk_orders_add_hold(&orders, &catalog, a, 1, 1, 1, 8);
    assert_int_equal(chain_of_cell(0, chain), 3); /* newest first */
    assert_int_equal(chain[0], hold[2]);
    assert_int_equal(chain[1], hold[1]);
    assert_int_equal(chain[2], hold[0]);
    assert_int_equal(chain_of_cell(1, chain), 1);
    assert_int_equal(stk_orders_hold(&orders, hold[2])->quantity, 7);
    assert_int_equal(stk_orders_hold(&orders, hold[2])->line, 1);
    assert_int_equal(stk_orders_hold(&orders, hold[2])->order, a);
    stk_orders_remove_hold(&orders, &catalog, hold[1]); /* from the middle of the cell's */
    assert_int_equal(chain_of_cell(0, chain), 2);
    assert_int_equal(stk_orders_at(&orders, b)->first_hold, STK_NONE);
    stk_orders_remove_hold(&orders, &catalog, hold[0]); /* the last of the order's */
    assert_int_equal(chain_of_cell(0, chain), 1);
    assert_int_equal(chain[0], hold[2]);
    assert_int_equal(stk_orders_at(&orders, a)->first_hold, hold[2]); /* in their order */
    assert_int_equal(stk_orders_hold(&orders, hold[2])->next_of_order, hold[3]);
    assert_int_equal(stk_orders_hold(&orders, hold[3])->next_of_order, STK_NONE);
    stk_orders_remove_holds(&orders, &catalog, a);
    assert_int_equal(chain_of_cell(0, chain), 0);
    assert_int_equal(chain_of_cell(1, chain), 0);
    assert_int_equal(orders.holds.used, 0);
    stk_orders_remove(&orders, a);
    stk_orders_remove(&orders, b);
}

/* Whatever is added and removed in between, an order's holds keep the order of their making. */
static void holds_of_an_order_stay_in_order(void **state)
{
    uint32_t slot[2] = {add(1, 1, 1, "a"), add(2, 1, 1, "b")}, next[2] = {1, 1}, count[2] = {0};
    unsigned seed = 5;
    (void)state;
    for (int step = 0; step < 5000; step++) {
        unsigned o = (unsigned)rand_r(&seed) % 2;
        uint32_t at = stk_orders_at(&orders, slot[o])->first_hold, last = 0, n = 0;
        if (rand_r(&seed) % 2 && orders.holds.used < 6) {
            uint32_t hold = rand_r(&seed) % 2
                                ? stk_orders_add_hold(&orders, &catalog, slot[o], 0, 0, o, 1)
                                : stk_orders_add_preorder(&orders, slot[o], 0, 0, o, 1);
            stk_orders_hold(&orders, hold)->quantity = next[o]++;
            count[o]++;
        } else if (count[o]) {
            for (uint32_t skip = (uint32_t)rand_r(&seed) % count[o]; skip; skip--)
                at = stk_orders_hold(&orders, at)->next_of_order;
            stk_orders_remove_hold(&orders, &catalog, at);
            count[o]--;
        }
        for (at = stk_orders_at(&orders, slot[o])->first_hold; at != STK_NONE; n++) {
            assert_int_equal(stk_orders_hold(&orders, at)->order, slot[o]);
            assert_true(stk_orders_hold(&orders, at)->quantity > last);
            last = stk_orders_hold(&orders, at)->quantity;
            at = stk_orders_hold(&orders, at)->next_of_order;
        }
        assert_int_equal(n, count[o]);
    }
}

/* A million holds on one cell: taken away from anywhere at the price of one. */
static void one_cell_may_have_a_million_holds(void **state)
{
    enum { COUNT = 1000000 };
    static uint32_t hold[COUNT];
    uint32_t slot;
    unsigned seed = 3;
    clock_t start;
    (void)state;
    stk_orders_fini(&orders);
    assert_int_equal(stk_orders_init(&orders, COUNT, COUNT, COUNT * 128ull, NULL), STK_OK);
    start = clock();
    for (uint32_t i = 0; i < COUNT; i++) {
        slot = add(i + 1, 1, 1, "0123456789abcdef");
        hold[i] = stk_orders_add_hold(&orders, &catalog, slot, 0, 0, 0, 1);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t j = i + (uint32_t)rand_r(&seed) % (COUNT - i), swap = hold[j];
        hold[j] = hold[i];
        hold[i] = swap;
        slot = stk_orders_hold(&orders, swap)->order;
        stk_orders_remove_holds(&orders, &catalog, slot);
        stk_orders_remove(&orders, slot);
    }
    assert_int_equal(orders.holds.used, 0);
    assert_int_equal(stk_catalog_cell(&catalog, 0)->first_hold, STK_NONE);
    /* it takes about half a second; with a walk along the cell it would take hours */
    assert_true((clock() - start) / CLOCKS_PER_SEC < 60);
}

static void refused_memory_is_said_and_nothing_leaks(void **state)
{
    struct stk_orders other;
    struct stk_error err;
    (void)state;
    for (int n = 1; n <= 4; n++) {
        stk_alloc_fail_at(n, 1);
        assert_int_equal(stk_orders_init(&other, 4, 4, 1024, &err), STK_NO_MEMORY);
        stk_alloc_fail_at(0, 0);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_order_is_found_by_its_key),
        TEST(a_new_order_is_blank),
        TEST(every_capacity_refuses_and_leaves_all_as_it_was),
        TEST(resizing_keeps_lines_components_and_id),
        TEST(holds_are_linked_to_order_and_cell),
        TEST(holds_of_an_order_stay_in_order),
        TEST(one_cell_may_have_a_million_holds),
        cmocka_unit_test(refused_memory_is_said_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
