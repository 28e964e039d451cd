/* Attributes of a SKU to bytes and back. */
#include "core/flow/attributes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_all_of_them_come_back(void **state)
{
    (void)state;
    struct stk_attributes in = {.cost = -5,
                                .list_price = 900,
                                .map_price = INT64_MIN,
                                .currency = 1,
                                .reorder_point = 3,
                                .lead_time_days = 7};
    struct stk_attributes out;
    uint8_t room[STK_ATTRIBUTES_MAX];
    in.title = (struct stk_bytes){"Mug", 3};
    in.tags[0] = (struct stk_bytes){"red", 3};
    in.tag_count = 1;
    uint32_t size = stk_attributes_write(&in, room);
    assert_int_equal(stk_attributes_read((struct stk_bytes){(char *)room, size}, &out), STK_OK);
    assert_int_equal(out.cost, -5);
    assert_int_equal(out.list_price, 900);
    assert_true(out.map_price == INT64_MIN);
    assert_int_equal(out.lead_time_days, 7);
    assert_memory_equal(out.tags[0].data, "red", 3);
    for (uint32_t cut = 1; cut < size; cut++)
        assert_int_equal(stk_attributes_read((struct stk_bytes){(char *)room, cut}, &out),
                         STK_CORRUPT);
}

static void test_nothing_is_no_bytes(void **state)
{
    (void)state;
    struct stk_attributes in = {.cost = INT64_MIN, .list_price = INT64_MIN, .map_price = INT64_MIN};
    struct stk_attributes out;
    uint8_t room[STK_ATTRIBUTES_MAX];
    assert_int_equal(stk_attributes_write(&in, room), 0);
    assert_int_equal(stk_attributes_read((struct stk_bytes){0}, &out), STK_OK);
    assert_true(out.cost == INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_them_come_back),
        cmocka_unit_test(test_nothing_is_no_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
