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

static void what_is_refused_comes_back(void **state)
{
    uint32_t first, second;
    (void)state;
    known(STK_WRITE_SET, 0);
    first = grant(set(3), 10000);
    stk_promise_left(&p, first, 10010);
    second = grant(set(2), 10020);
    /* two units of the first counter, as far as we know, are sold; it never was */
    assert_int_equal(stk_promise_order(&p, &bounds, 2, 10030), 0);
    assert_int_equal(stk_promise_units(&p), 3);
    assert_int_equal(stk_promise_refused(&p, first, 10040), 0);
    assert_int_equal(stk_promise_units(&p), 0);
    assert_int_equal(stk_promise_refused(&p, first, 10040), 0); /* told twice */
    /* the other one neither: then nothing covers them */
    assert_int_equal(stk_promise_refused(&p, second, 10050), 2);
    assert_int_equal(stk_promise_units(&p), 0);
    assert_int_equal(stk_promise_waits_for(&p), 10050);
}

static void a_restock_outlives_the_refusal_of_the_write_it_was_added_to(void **state)
{
    uint32_t number;
    (void)state;
    known(STK_WRITE_SET, 1);
    assert_int_equal(stk_promise_order(&p, &bounds, 1, 10000), 0);
    number = grant(set(2), 10000);
    stk_promise_cancelled(&p, 1, 10010);
    assert_int_equal(stk_promise_units(&p), 3);
    assert_int_equal(stk_promise_refused(&p, number, 10020), 0);
    assert_int_equal(stk_promise_units(&p), 1);
}

static void caps_retire_in_turn(void **state)
{
    uint32_t first, second, third;
    (void)state;
    known(STK_WRITE_SET, 0);
    first = grant(set(1), 10000);
    second = grant(set(1), 10000);
    stk_promise_left(&p, first, 10500);
    assert_int_equal(stk_promise_order(&p, &bounds, 1, 10600), 0);
    stk_promise_applied(&p, &bounds, second, 10600, 0);
    third = grant(set(0), 11000); /* the second is over, the first is not */
    stk_promise_applied(&p, &bounds, third, 11100, 0);
    stk_promise_watermark(&p, 20000);
    assert_int_equal(stk_promise_units(&p), 1);
    third = grant(set(0), 20000);
    stk_promise_applied(&p, &bounds, third, 20010, 0);
    stk_promise_watermark(&p, 20011);
    assert_int_equal(stk_promise_units(&p), 0);
    assert_int_equal(p.count, 1);
}

/* The younger counter's cap stands for the older one, so it goes no earlier than that. */
static void a_read_back_keeps_the_turn(void **state)
{
    uint32_t first, second, third;
    (void)state;
    known(STK_WRITE_SET, 0);
    first = grant(set(1), 10000);
    second = grant(set(1), 10000);
    stk_promise_left(&p, first, 10500);
    assert_int_equal(stk_promise_order(&p, &bounds, 1, 10600), 0);
    stk_promise_applied(&p, &bounds, second, 10600, 0);
    third = grant(set(0), 11000);
    stk_promise_applied(&p, &bounds, third, 11100, 0);
    assert_int_equal(stk_promise_readback(&p, &bounds, 0, 13000, 13000, &drift), STK_OK);
    stk_promise_watermark(&p, 13000);
    assert_int_equal(stk_promise_units(&p), 1);
    stk_promise_watermark(&p, 13001);
    assert_int_equal(stk_promise_units(&p), 0);
}

static void a_read_back_wins_slack_back_once_w_has_passed_it(void **state)
{
    (void)state;
    known(STK_WRITE_SET, 5);
    assert_int_equal(stk_promise_readback(&p, &bounds, 3, 11000, 11050, &drift), STK_OK);
    assert_int_equal(stk_promise_units(&p), 5);
    assert_int_equal(stk_promise_newest(&p), 3);
    /* the value may be of any instant up to its arrival: W at t - R does not do */
    stk_promise_watermark(&p, 11050);
    assert_int_equal(stk_promise_units(&p), 5);
    assert_int_equal(stk_promise_order(&p, &bounds, 1, 11060), 0);
    stk_promise_watermark(&p, 11051);
    assert_int_equal(stk_promise_units(&p), 3);
    /* an older one, and one of before a restock, say nothing */
    assert_int_equal(stk_promise_readback(&p, &bounds, 0, 10999, 11100, &drift), STK_STALE);
    stk_promise_cancelled(&p, 1, 12000);
    assert_int_equal(stk_promise_readback(&p, &bounds, 0, 12100, 12100, &drift), STK_STALE);
    assert_int_equal(stk_promise_readable_at(&p, &bounds), 12101);
    assert_int_equal(stk_promise_readback(&p, &bounds, 0, 12101, 12101, &drift), STK_OK);
}

static void beyond_u_is_drift_but_for_orders_seen_meanwhile(void **state)
{
    (void)state;
    known(STK_WRITE_SET, 5);
    assert_int_equal(stk_promise_order(&p, &bounds, 2, 20000), 0);
    /* as of before that order: no drift, and no more than U */
    assert_int_equal(stk_promise_readback(&p, &bounds, 5, 20050, 20100, &drift), STK_OK);
    assert_int_equal(drift, 0);
    assert_int_equal(stk_promise_units(&p), 3);
    assert_int_equal(stk_promise_readback(&p, &bounds, 6, 20050, 20100, &drift), STK_OK);
    assert_int_equal(drift, 3);
    assert_int_equal(stk_promise_units(&p), 6);
    /* long after the orders: anything above is drift */
    assert_int_equal(stk_promise_order(&p, &bounds, 2, 21000), 0);
    assert_int_equal(stk_promise_order(&p, &bounds, 1, 200000), 0);
    assert_int_equal(stk_promise_order(&p, &bounds, 1, 400000), 0);
    assert_int_equal(stk_promise_readback(&p, &bounds, 3, 400050, 400060, &drift), STK_OK);
    assert_int_equal(drift, 0);
    assert_int_equal(stk_promise_units(&p), 2);
    assert_int_equal(stk_promise_readback(&p, &bounds, 3, 402000, 402000, &drift), STK_OK);
    assert_int_equal(drift, 1);
    assert_int_equal(stk_promise_units(&p), 3);
}

static void limits_are_what_may_be_granted(void **state)
{
    (void)state;
    known(STK_WRITE_SET, 3);
    assert_int_equal(stk_promise_limit(&p, &bounds, 0, 4, 10000), 4);
    assert_int_equal(may(set(4), 4, 10000), STK_OK);
    assert_int_equal(may(set(5), 4, 10000), STK_SHORT);
    assert_int_equal(may(set(-1), 4, 10000), STK_INVALID);
    assert_int_equal(may(adjust(1), 4, 10000), STK_INVALID);
    assert_int_equal(may(set(STK_QUANTITY_MAX), UINT32_MAX, 10000), STK_SHORT);
    assert_int_equal(stk_promise_limit(&p, &bounds, 0, UINT32_MAX, 10000), STK_QUANTITY_MAX - 3);
    known(STK_WRITE_ADJUST, 3);
    assert_int_equal(stk_promise_limit(&p, &bounds, 0, 4, 10000), 4);
    assert_int_equal(may(adjust(4), 4, 10000), STK_OK);
    assert_int_equal(may(adjust(5), 4, 10000), STK_SHORT);
    assert_int_equal(may(adjust(INT32_MIN), 0, 10000), STK_OK);
    known(STK_WRITE_CAS, 3);
    assert_int_equal(stk_promise_limit(&p, &bounds, 2, 4, 10000), 6);
    assert_int_equal(may(cas(2, 6), 4, 10000), STK_OK);
    assert_int_equal(may(cas(2, 7), 4, 10000), STK_SHORT);
    assert_int_equal(may(cas(4, 1), 4, 10000), STK_MISMATCH);
    assert_int_equal(stk_promise_limit(&p, &bounds, 4, 4, 10000), 0);
    grant(cas(2, 6), 10000);
    assert_int_equal(stk_promise_limit(&p, &bounds, 2, 4, 10000), 0);
}

static void at_eight_the_two_oldest_merge(void **state)
{
    uint32_t number[12];
    (void)state;
    known(STK_WRITE_SET, 20);
    for (int i = 0; i < 12; i++) {
        number[i] = grant(set(12 - i), 10000 + i);
        stk_promise_left(&p, number[i], 10000 + i);
    }
    assert_int_equal(p.count, STK_PROMISE_GENERATIONS);
    assert_int_equal(stk_promise_units(&p), 20 + 78);
    /* of merged ones nothing is known any more; the others still answer */
    assert_int_equal(stk_promise_refused(&p, number[0], 10100), 0);
    assert_int_equal(stk_promise_units(&p), 98);
    assert_int_equal(stk_promise_refused(&p, number[11], 10100), 0);
    assert_int_equal(stk_promise_units(&p), 97);
    /* one write after all windows, proven: all of them go */
    number[0] = grant(set(1), 12000);
    stk_promise_applied(&p, &bounds, number[0], 12010, 0);
    stk_promise_watermark(&p, 12011);
    assert_int_equal(stk_promise_units(&p), 1);
    assert_int_equal(p.count, 1);
}

static void merged_ones_are_covered_by_what_covers_both(void **state)
{
    uint32_t second = 0, last;
    (void)state;
    known(STK_WRITE_SET, 20);
    for (int i = 0; i < 7; i++) {
        uint32_t number = grant(set(1), 10000 + i);
        stk_promise_left(&p, number, 10000 + i);
        second = i == 1 ? number : second;
    }
    assert_int_equal(p.count, STK_PROMISE_GENERATIONS);
    last = grant(set(1), 11001); /* after the first one's window, and not the second one's */
    assert_int_equal(stk_promise_units(&p), 28);
    stk_promise_applied(&p, &bounds, second, 11100, 0);
    stk_promise_watermark(&p, 12000);
    assert_int_equal(stk_promise_units(&p), 28);
    stk_promise_applied(&p, &bounds, last, 12100, 0);
    stk_promise_watermark(&p, 12101);
    assert_int_equal(stk_promise_units(&p), 7);
}

static void numbers_that_lie_far_apart_are_not_compared(void **state)
{
    uint32_t first, last = 0;
    (void)state;
    known(STK_WRITE_SET, 3);
    first = grant(set(1), 10000);
    stk_promise_left(&p, first, 10000);
    for (int i = 0; i < 40000; i++) {
        last = grant(set(0), 10001 + i);
        stk_promise_refused(&p, last, 10001 + i);
    }
    stk_promise_applied(&p, &bounds, first, 60000, 0); /* too late to be told from a newer one */
    stk_promise_watermark(&p, 70000);
    assert_int_equal(stk_promise_units(&p), 4);
    last = grant(set(0), 80000);
    stk_promise_applied(&p, &bounds, last, 80000, 0);
    stk_promise_watermark(&p, 80001);
    assert_int_equal(stk_promise_units(&p), 0);
}

static void bytes_come_back_and_damage_is_found(void **state)
{
    uint8_t bytes[STK_PROMISE_BYTES_MAX], *end;
    struct stk_promise copy;
    (void)state;
    known(STK_WRITE_CAS, 3);
    grant(cas(3, 9), 10000);
    end = stk_promise_write(&p, bytes);
    assert_int_equal(stk_promise_read(&copy, bytes, (size_t)(end - bytes)), STK_OK);
    assert_memory_equal(&copy, &p, sizeof p);
    for (size_t size = 0; size < (size_t)(end - bytes); size++)
        assert_int_equal(stk_promise_read(&copy, bytes, size), STK_CORRUPT);
    assert_int_equal(stk_promise_read(&copy, bytes, (size_t)(end - bytes) + 1), STK_CORRUPT);
    bytes[0] = 9;
    assert_int_equal(stk_promise_read(&copy, bytes, (size_t)(end - bytes)), STK_VERSION);
    /* the largest there is */
    memset(&p, 0xff, sizeof p);
    p.count = STK_PROMISE_GENERATIONS;
    for (unsigned i = 0; i < p.count; i++) {
        p.generation[i].state = STK_GENERATION_LEFT;
        p.generation[i].kind = 0;
        p.generation[i].cap = 1u << 28;
        p.generation[i].at_ms = INT64_MIN;
        p.generation[i].number = 1;
    }
    p.watermark = p.breach_ms = p.read_ms = p.restock_ms = INT64_MIN;
    end = stk_promise_write(&p, bytes);
    assert_true(end - bytes > 200 && end - bytes <= STK_PROMISE_BYTES_MAX);
    assert_int_equal(stk_promise_read(&copy, bytes, (size_t)(end - bytes)), STK_OK);
}

/* ---- long walks against a truth of their own, where lists fill and merge ---- */

#define FLYING 10
#define UNSEEN 40
#define HIDDEN 6
#define PAST   4096

enum { WALK_NONE, WALK_FLYING, WALK_LANDED, WALK_REFUSED };
static struct walk {
    uint64_t seed;
    stk_time_t now;
    uint32_t counter;
    struct {
        uint32_t number, fell, expect;
        int32_t value;
        int state;
        stk_time_t closed; /* 0: the call is not over */
    } flight[FLYING];
    stk_time_t unseen[UNSEEN], hidden[HIDDEN];
    unsigned unseens, hiddens, seen, past;
    struct {
        stk_time_t at;
        uint32_t counter;
    } was[PAST]; /* what the counter became, and when */
    unsigned merged, retired, read;
} w;

static uint32_t roll(uint32_t sides)
{
    w.seed = w.seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(w.seed >> 33) % sides;
}

static void counter_is(uint32_t counter)
{
    w.counter = counter;
    w.was[w.past % PAST].at = w.now;
    w.was[w.past++ % PAST].counter = counter;
}

static void walk_grant(void)
{
    unsigned i = 0, before = p.count;
    uint32_t room = roll(5), expect = w.counter + (roll(4) ? 0 : roll(3)), limit;
    struct stk_grant g = {.kind = bounds.write};
    while (i < FLYING && w.flight[i].state)
        i++;
    if (i == FLYING)
        return;
    limit = stk_promise_limit(&p, &bounds, expect, room, w.now);
    g.value = (int32_t)roll(limit + 1);
    if (bounds.write == STK_WRITE_ADJUST && roll(2))
        g.value = -(int32_t)roll(4);
    g.expect = bounds.write == STK_WRITE_CAS ? expect : 0;
    if (stk_promise_may_grant(&p, &bounds, &g, room, w.now, NULL) != STK_OK)
        return;
    w.flight[i].number = stk_promise_grant(&p, &bounds, &g, w.now);
    w.flight[i].value = g.value;
    w.flight[i].expect = g.expect;
    w.flight[i].state = WALK_FLYING;
    w.flight[i].closed = 0;
    w.merged += before == STK_PROMISE_GENERATIONS;
}

static void walk_land(unsigned i)
{
    int64_t value = w.flight[i].value;
    uint32_t before = w.counter;
    w.flight[i].state = WALK_LANDED;
    if (bounds.write == STK_WRITE_CAS && w.flight[i].expect != w.counter) {
        w.flight[i].state = WALK_REFUSED;
        return;
    }
    if (bounds.write == STK_WRITE_ADJUST)
        value = w.counter + value > 0 ? w.counter + value : 0;
    counter_is((uint32_t)value);
    w.flight[i].fell = before > w.counter ? before - w.counter : 0;
}

static void walk_flight(void)
{
    unsigned i = roll(FLYING);
    if (!w.flight[i].state)
        return;
    if (w.flight[i].closed && w.now > w.flight[i].closed + bounds.apply_ms &&
        (w.flight[i].state == WALK_FLYING || roll(4) == 0)) {
        w.flight[i].state = WALK_NONE;
    } else if (!w.flight[i].closed && roll(3) == 0) {
        w.flight[i].closed = w.now;
        stk_promise_left(&p, w.flight[i].number, w.now);
    } else if (w.flight[i].state == WALK_FLYING) {
        if (roll(3))
            walk_land(i);
        else if (roll(4) == 0)
            w.flight[i].state = WALK_REFUSED;
    } else {
        if (w.flight[i].state == WALK_LANDED)
            stk_promise_applied(&p, &bounds, w.flight[i].number, w.now, w.flight[i].fell);
        else
            assert_true(stk_promise_refused(&p, w.flight[i].number, w.now) <= w.hiddens);
        w.flight[i].state = WALK_NONE;
    }
}

static void walk_order(void)
{
    unsigned i;
    if (!w.unseens || (w.hiddens && stk_promise_units(&p) == 0))
        return; /* the order waits for a cancellation */
    i = roll(w.unseens);
    w.unseen[i] = w.unseen[--w.unseens];
    assert_int_equal(stk_promise_order(&p, &bounds, 1, w.now), 0);
    w.seen++;
}

static void walk_watermark(void)
{
    stk_time_t first = w.now;
    for (unsigned i = 0; i < w.unseens; i++)
        first = w.unseen[i] < first ? w.unseen[i] : first;
    w.retired += (unsigned)stk_promise_watermark(&p, first);
}

static void walk_read(void)
{
    stk_time_t asked = w.now - roll(200), of = asked - bounds.read_ms;
    unsigned at = w.past - 1;
    of += roll((uint32_t)(w.now - of + 1));
    while (w.was[at % PAST].at > of)
        at--;
    w.read +=
        stk_promise_readback(&p, &bounds, w.was[at % PAST].counter, asked, w.now, &drift) == STK_OK;
    if (!bounds.restocks_on)
        assert_int_equal(drift, 0);
}

static void walk_cancel(void)
{
    if (w.seen && w.hiddens < HIDDEN && roll(2)) {
        w.seen--;
        w.hidden[w.hiddens++] = w.now;
        counter_is(w.counter + 1);
    } else if (w.hiddens) {
        unsigned i = roll(w.hiddens);
        stk_promise_cancelled(&p, 1, w.hidden[i]);
        w.hidden[i] = w.hidden[--w.hiddens];
    }
}

static void walk_restart(void)
{
    uint8_t bytes[STK_PROMISE_BYTES_MAX];
    uint8_t *end = stk_promise_write(&p, bytes);
    assert_int_equal(stk_promise_read(&p, bytes, (size_t)(end - bytes)), STK_OK);
    stk_promise_restart(&p, w.now);
    for (unsigned i = 0; i < FLYING; i++)
        if (w.flight[i].state && !w.flight[i].closed)
            w.flight[i].closed = w.now;
}

static void walk_step(void)
{
    switch (roll(16)) {
    case 0:
    case 1:
        w.now += roll(400);
        return;
    case 2:
    case 3:
        walk_grant();
        return;
    case 4:
    case 5:
    case 6:
        if (!w.counter || w.unseens == UNSEEN)
            return;
        counter_is(w.counter - 1);
        w.unseen[w.unseens++] = w.now;
        return;
    case 7:
    case 8:
        walk_order();
        return;
    case 9:
        walk_watermark();
        return;
    case 10:
        walk_read();
        return;
    case 11:
        if (bounds.restocks_on)
            walk_cancel();
        return;
    case 12:
        if (roll(20) == 0)
            walk_restart();
        return;
    default:
        walk_flight();
    }
}

static void walk(uint8_t kind, uint8_t restocks, uint64_t seed, unsigned steps)
{
    uint32_t merged = w.merged, retired = w.retired, read = w.read;
    memset(&w, 0, sizeof w);
    w.merged = merged, w.retired = retired, w.read = read;
    w.seed = seed * UINT64_C(0x9e3779b97f4a7c15);
    known(kind, 3);
    bounds.restocks_on = restocks;
    w.now = 20000;
    counter_is(3);
    w.was[0].at = 0;
    for (unsigned i = 0; i < steps; i++) {
        uint32_t units;
        walk_step();
        units = stk_promise_units(&p);
        if (w.counter + w.unseens > units + w.hiddens)
            fail_msg("kind %u, seed %u, step %u: %u there and %u unseen, U %u, hidden %u", kind,
                     (unsigned)seed, i, w.counter, w.unseens, units, w.hiddens);
        assert_true(stk_promise_sound(&p));
    }
    bounds.restocks_on = 0;
}

static void long_walks_keep_u_above_the_truth(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    for (uint64_t seed = 1; seed <= 200; seed++)
        for (uint8_t kind = STK_WRITE_SET; kind <= STK_WRITE_CAS; kind++) {
            walk(kind, STK_RESTOCK_NEVER, seed, 3000);
            walk(kind, STK_RESTOCK_CANCEL, seed, 3000);
        }
    assert_true(w.merged > 1000 && w.retired > 1000 && w.read > 1000);
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
        cmocka_unit_test(what_is_refused_comes_back),
        cmocka_unit_test(a_restock_outlives_the_refusal_of_the_write_it_was_added_to),
        cmocka_unit_test(caps_retire_in_turn),
        cmocka_unit_test(a_read_back_keeps_the_turn),
        cmocka_unit_test(a_read_back_wins_slack_back_once_w_has_passed_it),
        cmocka_unit_test(beyond_u_is_drift_but_for_orders_seen_meanwhile),
        cmocka_unit_test(limits_are_what_may_be_granted),
        cmocka_unit_test(at_eight_the_two_oldest_merge),
        cmocka_unit_test(merged_ones_are_covered_by_what_covers_both),
        cmocka_unit_test(numbers_that_lie_far_apart_are_not_compared),
        cmocka_unit_test(bytes_come_back_and_damage_is_found),
        cmocka_unit_test(long_walks_keep_u_above_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
