/* Budgets of a manifest: each kind of bucket is never overdrawn, a call pays everywhere or nowhere,
 * and what the channel tells is believed. */
#include "core/plug/purse.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1700000000000)

static struct stk_purse purse;
static struct stk_plugin_manifest manifest;
static struct stk_purse_call call;
static struct stk_error err;

static struct stk_manifest_bucket *add(const char *name, uint32_t operations, uint8_t kind,
                                       uint32_t burst)
{
    struct stk_manifest_bucket *bucket = &manifest.buckets[manifest.bucket_count++];
    strncpy(bucket->name, name, sizeof bucket->name - 1);
    bucket->operations = operations;
    bucket->kind = kind;
    bucket->burst = burst;
    bucket->cost_per_call = 1;
    bucket->scope = STK_BUCKET_ENDPOINT;
    return bucket;
}

static int setup(void **state)
{
    (void)state;
    memset(&manifest, 0, sizeof manifest);
    return 0;
}

static void init(void)
{
    assert_int_equal(stk_purse_init(&purse, &manifest, 1, NOW, &err), STK_OK);
}

/* Calls that leave within a stretch, one tried each millisecond. */
static uint32_t leave(uint32_t operation, int64_t from_ms, int64_t to_ms)
{
    uint32_t count = 0;
    for (int64_t at = from_ms; at < to_ms; at++)
        if (stk_purse_take(&purse, operation, 1, 1, NOW + at, &call) == STK_OK) {
            stk_purse_done(&purse, &call, 1, STK_OK, 0, NOW + at);
            count++;
        }
    return count;
}

static void steady(void **state)
{
    struct stk_manifest_bucket *bucket = add("a", STK_OPERATION_QUANTITY, STK_REFILL_STEADY, 3);
    (void)state;
    bucket->refill = 1;
    bucket->refill_ms = 100;
    init();
    assert_int_equal(leave(STK_OPERATION_QUANTITY, 0, 1000), 3 + 9);
    assert_int_equal(leave(STK_OPERATION_ORDERS, 1000, 1010), 10); /* meets no bucket */
}

static void windows(void **state)
{
    (void)state;
    add("w", STK_OPERATION_ORDERS, STK_REFILL_WINDOW, 5)->refill_ms = 1000;
    add("d", STK_OPERATION_DISCOVER, STK_REFILL_DAY, 4);
    init();
    assert_int_equal(leave(STK_OPERATION_ORDERS, 0, 1000), 5);
    assert_int_equal(leave(STK_OPERATION_DISCOVER, 1000, 3000), 4);
}

static void everywhere_or_nowhere(void **state)
{
    (void)state;
    add("a", STK_OPERATION_QUANTITY | STK_OPERATION_ORDERS, STK_REFILL_WINDOW, 10)->refill_ms =
        60000;
    add("b", STK_OPERATION_QUANTITY, STK_REFILL_WINDOW, 2)->refill_ms = 60000;
    init();
    assert_int_equal(leave(STK_OPERATION_QUANTITY, 0, 100), 2);
    assert_int_equal(leave(STK_OPERATION_ORDERS, 100, 200), 8); /* refused ones took nothing */
}

static void items(void **state)
{
    struct stk_manifest_bucket *bucket = add("a", STK_OPERATION_QUANTITY, STK_REFILL_WINDOW, 10);
    (void)state;
    bucket->refill_ms = 60000;
    bucket->cost_per_call = 0;
    bucket->cost_per_item = 1;
    init();
    assert_int_equal(stk_purse_take(&purse, STK_OPERATION_QUANTITY, 11, 1, NOW, &call),
                     STK_TOO_LARGE);
    assert_int_equal(stk_purse_take(&purse, STK_OPERATION_QUANTITY, 8, 1, NOW, &call), STK_OK);
    stk_purse_give_back(&purse, &call, NOW);
    assert_int_equal(stk_purse_take(&purse, STK_OPERATION_QUANTITY, 8, 1, NOW, &call), STK_OK);
    assert_int_equal(stk_purse_take(&purse, STK_OPERATION_QUANTITY, 3, 1, NOW, &call), STK_AGAIN);
}

static void told(void **state)
{
    struct stk_budget budget = {.limit = 10, .remaining = 1, .reset_ms = 60000};
    (void)state;
    add("a", STK_OPERATION_QUANTITY, STK_REFILL_WINDOW, 10)->refill_ms = 60000;
    init();
    stk_purse_learn(&purse, (struct stk_bytes){"a", 1}, &budget, NOW);
    assert_int_equal(leave(STK_OPERATION_QUANTITY, 0, 100), 1);
    init();
    assert_int_equal(stk_purse_take(&purse, STK_OPERATION_QUANTITY, 1, 1, NOW, &call), STK_OK);
    stk_purse_done(&purse, &call, 1, STK_BUSY, 5000, NOW);
    assert_int_equal(leave(STK_OPERATION_QUANTITY, 0, 5000), 0);
    assert_true(leave(STK_OPERATION_QUANTITY, 5000, 5100) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(steady, setup), cmocka_unit_test_setup(windows, setup),
        cmocka_unit_test_setup(everywhere_or_nowhere, setup), cmocka_unit_test_setup(items, setup),
        cmocka_unit_test_setup(told, setup)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
