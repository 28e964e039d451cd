#include "core/base/fault.h"
#include "core/state/promise.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct stk_bounds bounds = {.write = STK_WRITE_SET,
                                   .proof = STK_PROOF_ANSWER,
                                   .apply_ms = 1000,
                                   .read_ms = 100,
                                   .order_ms = 5000};
static struct stk_promise p;
static uint32_t drift;

static struct stk_grant set(int32_t value)
{
    return (struct stk_grant){.kind = STK_WRITE_SET, .value = value};
}

static struct stk_grant adjust(int32_t value)
{
    return (struct stk_grant){.kind = STK_WRITE_ADJUST, .value = value};
}

static struct stk_grant cas(uint32_t expect, int32_t value)
{
    return (struct stk_grant){.kind = STK_WRITE_CAS, .value = value, .expect = expect};
}

static uint32_t grant(struct stk_grant what, stk_time_t now)
{
    assert_int_equal(stk_promise_may_grant(&p, &bounds, &what, 1000, now, NULL), STK_OK);
    return stk_promise_grant(&p, &bounds, &what, now);
}

static int may(struct stk_grant what, uint32_t room, stk_time_t now)
{
    return stk_promise_may_grant(&p, &bounds, &what, room, now, NULL);
}

/* A pool with a known counter at time 10,000, its window long closed. */
static void known(uint8_t kind, uint32_t counter)
{
    bounds.write = kind;
    stk_promise_init(&p, 0);
    assert_int_equal(stk_promise_readback(&p, &bounds, counter, 9000, 9000, &drift), STK_OK);
    stk_promise_watermark(&p, 10000);
    assert_int_equal(stk_promise_units(&p), counter);
}

static void first_contact_waits_for_a_read_back_and_for_w(void **state)
{
    (void)state;
    bounds.write = STK_WRITE_SET;
    stk_promise_init(&p, 5000);
    assert_int_equal(stk_promise_units(&p), STK_PROMISE_UNKNOWN);
    assert_int_equal(may(set(1), 1000, 6000), STK_STATE);
    assert_int_equal(stk_promise_limit(&p, &bounds, 0, 1000, 6000), 0);
    assert_int_equal(may(set(0), 0, 6000), STK_OK);
    assert_int_equal(stk_promise_order(&p, &bounds, 3, 6000), 0);
    /* a write of before may still land until 6000 */
    assert_int_equal(stk_promise_readable_at(&p, &bounds), 6101);
    assert_int_equal(stk_promise_readback(&p, &bounds, 7, 6100, 6150, &drift), STK_STALE);
    assert_int_equal(stk_promise_readback(&p, &bounds, 7, 6101, 6150, &drift), STK_OK);
    assert_int_equal(drift, 0);
    assert_int_equal(stk_promise_units(&p), STK_PROMISE_UNKNOWN);
    assert_int_equal(stk_promise_newest(&p), 7);
    /* sold before the read-back: not of these 7 */
    assert_int_equal(stk_promise_order(&p, &bounds, 2, 6200), 0);
    assert_int_equal(stk_promise_waits_for(&p), 6150);
    assert_int_equal(stk_promise_watermark(&p, 6150), 0);
    assert_int_equal(stk_promise_watermark(&p, 6151), 1);
    assert_int_equal(stk_promise_units(&p), 7);
    assert_int_equal(stk_promise_waits_for(&p), INT64_MAX);
}

static void a_proven_zero_is_first_contact_too(void **state)
{
    uint32_t number;
    (void)state;
    bounds.write = STK_WRITE_SET;
    stk_promise_init(&p, 0);
    number = grant(set(0), 10000);
    stk_promise_applied(&p, &bounds, number, 10020, 0);
    stk_promise_watermark(&p, 10020);
    assert_int_equal(stk_promise_units(&p), STK_PROMISE_UNKNOWN);
    stk_promise_watermark(&p, 10021);
    assert_int_equal(stk_promise_units(&p), 0);
}

static void orders_come_off_the_oldest_and_beyond_u_is_a_breach(void **state)
{
    (void)state;
    known(STK_WRITE_SET, 3);
    grant(set(2), 10000);
    assert_int_equal(stk_promise_units(&p), 5);
    assert_int_equal(stk_promise_order(&p, &bounds, 4, 10010), 0);
    assert_int_equal(stk_promise_newest(&p), 1);
    assert_int_equal(stk_promise_order(&p, &bounds, 4, 10020), 3);
    assert_int_equal(stk_promise_units(&p), 0);
    stk_promise_left(&p, 1, 10030);
    /* no rise until W is later, even when every window is closed */
    assert_int_equal(may(set(1), 1000, 20000), STK_STATE);
    assert_int_equal(stk_promise_limit(&p, &bounds, 0, 1000, 20000), 0);
    assert_int_equal(may(set(0), 0, 20000), STK_OK);
    assert_int_equal(stk_promise_waits_for(&p), 10020);
    assert_int_equal(stk_promise_watermark(&p, 10020), 0);
    assert_int_equal(stk_promise_watermark(&p, 10021), 1);
    assert_int_equal(may(set(1), 1000, 20000), STK_OK);
    assert_int_equal(stk_promise_widened(1000, 999), 1000);
    assert_int_equal(stk_promise_widened(1000, 2000), 3000);
}

static void an_older_counter_retires_by_a_write_after_its_window(void **state)
{
    uint32_t first, second, third;
    (void)state;
    known(STK_WRITE_SET, 3);
    first = grant(set(2), 10000);
    stk_promise_applied(&p, &bounds, first, 10050, 0);
    assert_int_equal(stk_promise_units(&p), 5);
    stk_promise_watermark(&p, 10050);
    assert_int_equal(stk_promise_units(&p), 5);
    stk_promise_watermark(&p, 10051);
    assert_int_equal(stk_promise_units(&p), 2);
    /* one whose end is unknown, and one on top of it while its window is open */
    second = grant(set(1), 10100);
    stk_promise_left(&p, second, 10200);
    third = grant(set(0), 11200);
    stk_promise_applied(&p, &bounds, third, 11250, 0);
    stk_promise_watermark(&p, 20000);
    /* the first counter is gone for good, the second may have landed late */
    assert_int_equal(stk_promise_units(&p), 1);
    assert_int_equal(stk_promise_again_at(&p, &bounds), 11251);
    third = grant(set(0), 11251);
    stk_promise_applied(&p, &bounds, third, 20000, 0);
    assert_int_equal(stk_promise_units(&p), 1);
    stk_promise_watermark(&p, 20001);
    assert_int_equal(stk_promise_units(&p), 0);
    assert_int_equal(stk_promise_again_at(&p, &bounds), INT64_MAX);
}

static void a_call_that_is_not_over_has_an_open_window_until_a_restart(void **state)
{
    uint32_t number;
    (void)state;
    known(STK_WRITE_SET, 3);
    number = grant(set(1), 10000);
    assert_int_equal(stk_promise_again_at(&p, &bounds), INT64_MAX);
    assert_int_equal(stk_promise_readable_at(&p, &bounds), INT64_MAX);
    assert_int_equal(may(set(4), 1000, 99999999), STK_STATE);
    assert_int_equal(may(set(3), 1000, 99999999), STK_STATE);
    assert_int_equal(may(set(1), 1000, 99999999), STK_OK);
    assert_int_equal(stk_promise_limit(&p, &bounds, 0, 1000, 99999999), 1);
    stk_promise_restart(&p, 30000);
    assert_int_equal(stk_promise_again_at(&p, &bounds), 31001);
    assert_int_equal(stk_promise_readback(&p, &bounds, 1, 31100, 31100, &drift), STK_STALE);
    assert_int_equal(stk_promise_readback(&p, &bounds, 1, 31101, 31101, &drift), STK_OK);
    assert_int_equal(may(set(4), 1000, 31001), STK_OK);
    stk_promise_watermark(&p, 31102);
    assert_int_equal(stk_promise_units(&p), 1);
    stk_promise_applied(&p, &bounds, number, 40000, 0); /* long settled */
    assert_int_equal(stk_promise_refused(&p, number, 40000), 0);
    assert_int_equal(stk_promise_units(&p), 1);
}

static void adjust_and_cas_count_a_rise_at_once_and_a_fall_when_proven(void **state)
{
    uint32_t number;
    (void)state;
    known(STK_WRITE_ADJUST, 3);
    number = grant(adjust(2), 10000);
    assert_int_equal(stk_promise_units(&p), 5);
    stk_promise_applied(&p, &bounds, number, 10010, 0);
    number = grant(adjust(-4), 10020);
    assert_int_equal(stk_promise_units(&p), 5);
    stk_promise_applied(&p, &bounds, number, 10030, 3);
    assert_int_equal(stk_promise_units(&p), 2);
    number = grant(adjust(7), 10040);
    assert_int_equal(stk_promise_refused(&p, number, 10050), 0);
    assert_int_equal(stk_promise_units(&p), 2);
    known(STK_WRITE_CAS, 3);
    number = grant(cas(2, 5), 10000);
    assert_int_equal(stk_promise_units(&p), 6);
    assert_int_equal(may(cas(2, 1), 1000, 10010), STK_STATE);
    stk_promise_applied(&p, &bounds, number, 10020, 0);
    assert_int_equal(stk_promise_newest(&p), 5);
    stk_promise_watermark(&p, 10021);
    assert_int_equal(stk_promise_units(&p), 5);
    number = grant(cas(5, 1), 10030);
    assert_int_equal(stk_promise_units(&p), 5);
    stk_promise_applied(&p, &bounds, number, 10040, 0);
    assert_int_equal(stk_promise_units(&p), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_contact_waits_for_a_read_back_and_for_w),
        cmocka_unit_test(a_proven_zero_is_first_contact_too),
        cmocka_unit_test(orders_come_off_the_oldest_and_beyond_u_is_a_breach),
        cmocka_unit_test(an_older_counter_retires_by_a_write_after_its_window),
        cmocka_unit_test(a_call_that_is_not_over_has_an_open_window_until_a_restart),
        cmocka_unit_test(adjust_and_cas_count_a_rise_at_once_and_a_fall_when_proven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
