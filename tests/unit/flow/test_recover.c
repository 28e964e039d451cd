/* Recovery: gaps and damage are named, nothing is guessed. */
#include "core/base/codec.h"
#include "tests/lib/engine_fixture.h"
#include "tests/lib/row_feed.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CALL(status, ...) assert_int_equal(fixture_call(f, __VA_ARGS__), STK_##status)

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_init(f);
    fixture_start(f);
    CALL(OK, "location.put", "{'source':'t','location':'main','priority':10}");
    CALL(OK, "location.put", "{'source':'t','location':'east','priority':20}");
    CALL(OK, "sku.put", "{'source':'t','sku':'A'}");
    CALL(OK, "sku.put", "{'source':'t','sku':'B'}");
    CALL(OK, "stock.receive", "{'source':'t','id':'ra','sku':'A','location':'main','quantity':10}");
    CALL(OK, "stock.receive", "{'source':'t','id':'rb','sku':'B','location':'main','quantity':3}");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_fini(*state);
    free(*state);
    return 0;
}

static void test_a_gap_is_named(void **state)
{
    struct fixture *f = *state;
    struct stk_error err = {0};
    struct stk_engine *engine;
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':1}]}");
    assert_true(f->log.kept_count > 3);
    free(f->log.kept[2].data);
    memmove(&f->log.kept[2], &f->log.kept[3], (f->log.kept_count - 3) * sizeof f->log.kept[0]);
    f->log.kept_count--;
    assert_int_equal(stk_engine_create(&engine, &f->options, &err), STK_OK);
    assert_int_equal(stk_engine_load(engine, NULL, &err), STK_CORRUPT);
    assert_non_null(strstr(err.text, "missing"));
    stk_engine_destroy(engine);
}

static void test_damage_is_named(void **state)
{
    struct fixture *f = *state;
    struct stk_error err = {0};
    struct stk_engine *engine;
    f->log.kept[3].data[STK_BATCH_HEADER + 3] ^= 4;
    assert_int_equal(stk_engine_create(&engine, &f->options, &err), STK_OK);
    assert_int_equal(stk_engine_load(engine, NULL, &err), STK_CORRUPT);
    assert_true(err.text[0] != 0);
    stk_engine_destroy(engine);
}

static void test_a_capacity_that_shrank_is_named(void **state)
{
    struct fixture *f = *state;
    struct stk_error err = {0};
    struct stk_engine *engine;
    f->options.skus = 1;
    assert_int_equal(stk_engine_create(&engine, &f->options, &err), STK_OK);
    assert_int_equal(stk_engine_load(engine, NULL, &err), STK_FULL);
    assert_non_null(strstr(err.text, "sku"));
    stk_engine_destroy(engine);
}

/* One more record: the entry of a shortfall as given, or with units 0 none any more. */
static enum stk_status load_with_shortfall(struct fixture *f, uint64_t order, uint16_t line,
                                           struct stk_hash order_key, uint32_t units,
                                           struct stk_error *err)
{
    struct row_feed feed;
    struct stk_engine *engine;
    uint8_t key[10], value[64] = {1}, *at = stk_put_hash(value + 1, order_key);
    stk_put_be64(key, order);
    stk_put_be16(key + 8, line);
    at = stk_put_zigzag(at, 1);
    *at++ = 1; /* a back-order: what the next receipt would look for */
    at = stk_put_varint(at, units);
    row_feed_init(&feed, &f->options.log, stk_engine_state(f->engine)->seq);
    feed.now_ms = f->clock.wall_ms;
    row_feed_begin(&feed);
    if (units)
        row_feed_put(&feed, STK_TABLE_SHORTFALL, key, value, (uint32_t)(at - value));
    else
        row_feed_delete(&feed, STK_TABLE_SHORTFALL, key);
    row_feed_end(&feed);
    row_feed_submit(&feed);
    assert_int_equal(stk_engine_create(&engine, &f->options, err), STK_OK);
    enum stk_status status = stk_engine_load(engine, NULL, err);
    stk_engine_destroy(engine);
    return status;
}

static const struct stk_shortfall *sell_too_much(struct fixture *f)
{
    CALL(OK, "order.place",
         "{'source':'amz','id':'1','fact':true,'lines':[{'sku':'B','quantity':5}]}");
    fixture_restart(f);
    return stk_pool_at(&stk_engine_state(f->engine)->book.shortfalls, 0);
}

static void test_a_shortfall_without_its_order_is_named(void **state)
{
    struct fixture *f = *state;
    struct stk_error err = {0};
    struct stk_hash nobody = {1, 2};
    sell_too_much(f);
    assert_int_equal(load_with_shortfall(f, 77, 0, nobody, 3, &err), STK_CORRUPT);
    assert_non_null(strstr(err.text, "shortfall: order 77 has no line 1"));
}

static void test_a_shortfall_of_no_line_is_named(void **state)
{
    struct fixture *f = *state;
    struct stk_error err = {0};
    struct stk_shortfall entry = *sell_too_much(f);
    assert_int_equal(load_with_shortfall(f, entry.order_number, 1, entry.order_key, 3, &err),
                     STK_CORRUPT);
    assert_non_null(strstr(err.text, "has no line 2"));
}

static void test_a_shortfall_of_other_units_is_named(void **state)
{
    struct fixture *f = *state;
    struct stk_error err = {0};
    struct stk_shortfall entry = *sell_too_much(f);
    assert_int_equal(load_with_shortfall(f, entry.order_number, 0, entry.order_key, 3, &err),
                     STK_CORRUPT);
    assert_non_null(strstr(err.text, "is short of 2 units, its entry says 3"));
}

static void test_a_short_line_without_its_shortfall_is_named(void **state)
{
    struct fixture *f = *state;
    struct stk_error err = {0};
    struct stk_shortfall entry = *sell_too_much(f);
    assert_int_equal(load_with_shortfall(f, entry.order_number, 0, entry.order_key, 0, &err),
                     STK_CORRUPT);
    assert_non_null(strstr(err.text, "1 lines of orders are short, 0 entries are there"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_gap_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_capacity_that_shrank_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_shortfall_without_its_order_is_named, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_shortfall_of_no_line_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_shortfall_of_other_units_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_short_line_without_its_shortfall_is_named, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
