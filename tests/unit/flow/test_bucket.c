/* One bucket: what is refused at start, conversions between rates, what jitter costs. Sums over all
 * calls stand in test_throttle.c. */
#include "core/flow/bucket.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DAY    INT64_C(86400000)
#define MONDAY INT64_C(1795392000000)

static struct stk_bucket bucket;
static struct stk_slide slides[2];
static struct stk_pace pace;

static void start(const struct stk_bucket_config *config)
{
    static const struct stk_calendar open;
    uint32_t slide_count = 0;
    memset(slides, 0, sizeof slides);
    stk_pace_init(&pace, &open, MONDAY);
    stk_bucket_init(&bucket, config, &slide_count, &pace);
    stk_bucket_to(&bucket, slides, &pace);
}

static void to(stk_time_t now)
{
    stk_pace_to(&pace, now);
    stk_bucket_to(&bucket, slides, &pace);
}

static void expect_fault(struct stk_bucket_config config, const char *text)
{
    const char *fault = stk_bucket_fault(&config);
    if (!fault || !strstr(fault, text))
        fail_msg("\"%s\" does not say \"%s\"", fault ? fault : "fine", text);
}

static void test_faults(void **state)
{
    struct stk_bucket_config good = {
        .name = "b",
        .rate = {1, 1, 1},
        .window = {{STK_WINDOW_FIXED, 1, 1000, 0}, {STK_WINDOW_SLIDING, 1, STK_PERIOD_MS_MAX, 0}}};
    struct stk_bucket_config bad = good;
    (void)state;
    assert_null(stk_bucket_fault(&good));
    memset(bad.name, 'x', sizeof bad.name);
    expect_fault(bad, "name");
    bad = good, bad.name[0] = 0, expect_fault(bad, "name");
    bad = good, bad.reserve_percent = 91, expect_fault(bad, "90 percent");
    bad = good, bad.jitter_ms = -1, expect_fault(bad, "jitter");
    bad = good, bad.jitter_ms = 60001, expect_fault(bad, "jitter");
    bad = good, bad.jitter_ms = 501, expect_fault(bad, "half a window");
    bad = good, bad.rate.tokens = STK_TOKENS_MAX + 1, expect_fault(bad, "tokens or burst");
    bad = good, bad.rate.burst = 0, expect_fault(bad, "tokens or burst");
    bad = good, bad.rate.burst = STK_TOKENS_MAX + 1, expect_fault(bad, "tokens or burst");
    bad = good, bad.rate.period_ms = 0, expect_fault(bad, "period of the rate");
    bad = good, bad.rate.period_ms = STK_PERIOD_MS_MAX + 1, expect_fault(bad, "period of the rate");
    bad = good, bad.rate = (struct stk_rate){1, STK_TOKENS_MAX, STK_PERIOD_MS_MAX};
    expect_fault(bad, "burst times period");
    bad = good, bad.window[0].kind = 3, expect_fault(bad, "unknown kind");
    bad = good, bad.window[1].limit = 0, expect_fault(bad, "tokens of a window");
    bad = good, bad.window[1].limit = STK_TOKENS_MAX + 1, expect_fault(bad, "tokens of a window");
    bad = good, bad.window[1].period_ms = 0, expect_fault(bad, "length of a window");
    bad = good, bad.window[1].period_ms++, expect_fault(bad, "length of a window");
    bad = good, bad.window[0].phase_ms = STK_PERIOD_MS_MAX, expect_fault(bad, "phase");
}

static void expect_rate(const char *text, uint32_t tokens, int64_t period_ms)
{
    struct stk_rate rate = {0, 7, 0};
    struct stk_bytes bytes = {text, (uint32_t)strlen(text)};
    assert_int_equal(stk_rate_parse(bytes, &rate), tokens ? STK_OK : STK_INVALID);
    assert_int_equal(rate.tokens, tokens);
    assert_int_equal(rate.period_ms, period_ms);
    assert_int_equal(rate.burst, 7);
}

static void test_rates_as_headers_write_them(void **state)
{
    static const char *const bad[] = {"",   "0",   "0.0",   ".5",         "5.",        "-1", "1e3",
                                      " 1", "1,5", "1.2.3", "1000000001", "0.0000001", "nan"};
    (void)state;
    expect_rate("5", 5, 1000);
    expect_rate("5.0", 5, 1000);
    expect_rate("2000.00", 2000, 1000);
    expect_rate("0.0056", 56, 10000000);
    expect_rate("0.5", 5, 10000);
    expect_rate("0.000001", 1, 1000000000);
    expect_rate("1000000000", 1000000000, 1000);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_rate(bad[i], 0, 0);
}

static void test_another_rate_keeps_the_tokens(void **state)
{
    struct stk_bucket_config config = {.name = "b", .rate = {3, 100, 1000}};
    (void)state;
    start(&config);
    stk_bucket_spend(&bucket, slides, 100, 0, MONDAY);
    to(MONDAY + 12345); /* 37.035 tokens */
    assert_int_equal(stk_bucket_tokens(&bucket), 37);
    stk_bucket_set_rate(&bucket, (struct stk_rate){1, 50, 7});
    assert_int_equal(stk_bucket_tokens(&bucket), 37);
    assert_int_equal(bucket.level, 25924); /* 37.035 x 700, rounded down */
    stk_bucket_set_rate(&bucket, (struct stk_rate){1, 20, 60000});
    assert_int_equal(stk_bucket_tokens(&bucket), 20);
    stk_bucket_spend(&bucket, slides, 25, 0, MONDAY + 12345);
    assert_int_equal(stk_bucket_tokens(&bucket), -5);
    stk_bucket_set_rate(&bucket, (struct stk_rate){2, 20, 1000});
    assert_int_equal(stk_bucket_tokens(&bucket), -5);
    to(MONDAY + 12345 + 2500);
    assert_int_equal(bucket.level, 0);
    bucket.level = -1; /* a debt is rounded down, too */
    stk_bucket_set_rate(&bucket, (struct stk_rate){1, 20, 7});
    assert_int_equal(bucket.level, -1);
}

/* Calls that arrive up to jitter_ms closer together than they left still fit the channel's bucket,
 * whose level is followed here: it refills from each arrival on. */
static void test_jitter_protects_the_channels_own_bucket(void **state)
{
    struct stk_bucket_config config = {.name = "b", .jitter_ms = 200, .rate = {10, 5, 1000}};
    stk_time_t now = MONDAY, arrived = 0;
    int64_t theirs = 5000; /* in thousandths; 10 a ms are ten thousandths of a token */
    int calls = 0;
    (void)state;
    start(&config);
    for (int i = 0; i < 10000; i++) {
        stk_time_t at = stk_bucket_ready(&bucket, slides, &pace, 1, 0), here;
        to(at > now ? at : now);
        now = pace.now_ms;
        stk_bucket_spend(&bucket, slides, 1, 0, now);
        here = now + (i % 7 ? 0 : 200); /* every seventh is late, so the next comes right behind */
        here = here > arrived ? here : arrived;
        theirs += (here - arrived) * 10;
        theirs = (theirs > 5000 ? 5000 : theirs) - 1000;
        assert_true(theirs >= 0);
        arrived = here;
        calls++;
    }
    assert_true(now - MONDAY <= 10000 * 100); /* and the rate is used in full */
    config.jitter_ms = 3000; /* more than the burst lasts: one at a time, 3 s and a token apart */
    start(&config);
    stk_bucket_spend(&bucket, slides, 1, 0, MONDAY);
    assert_int_equal(stk_bucket_ready(&bucket, slides, &pace, 1, 0), MONDAY + 3000 - 400 + 100);
}

static void test_counts_near_a_reset_count_on_both_sides(void **state)
{
    struct stk_bucket_config config = {
        .name = "b", .jitter_ms = 500, .window = {{STK_WINDOW_FIXED, 10, DAY, 0}}};
    stk_time_t end = MONDAY + DAY;
    (void)state;
    start(&config);
    to(end - 501);
    stk_bucket_spend(&bucket, slides, 4, 0, end - 501);
    to(end - 500);
    stk_bucket_spend(&bucket, slides, 5, 1, end - 500);
    assert_int_equal(bucket.window[0].after, 5);
    to(end);
    assert_int_equal(bucket.window[0].used, 5);
    assert_int_equal(bucket.window[0].used_urgent, 5);
    assert_int_equal(stk_bucket_ready(&bucket, slides, &pace, 1, 0), end);
    assert_int_equal(stk_bucket_ready(&bucket, slides, &pace, 2, 0), end + 500);
    stk_bucket_unspend(&bucket, slides, &pace, 5, 1, end - 500); /* it counted on both */
    assert_int_equal(bucket.window[0].used, 0);
    assert_int_equal(bucket.window[0].used_urgent, 0);
    assert_int_equal(bucket.window[0].before, 4);
}

static void test_many_entries_of_a_slide_are_merged_not_lost(void **state)
{
    struct stk_bucket_config config = {
        .name = "b", .jitter_ms = 60000, .window = {{STK_WINDOW_SLIDING, 1000, 200, 0}}};
    (void)state;
    start(&config);
    for (int i = 0; i < 600; i++) { /* one a ms: more than there are entries */
        to(MONDAY + i);
        stk_bucket_spend(&bucket, slides, 1, 0, MONDAY + i);
    }
    assert_int_equal(bucket.window[0].used, 600);
    to(MONDAY + 60200 + 599 - 1);
    assert_true(bucket.window[0].used >= 1);
    to(MONDAY + 60200 + 599);
    assert_int_equal(bucket.window[0].used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_rates_as_headers_write_them),
        cmocka_unit_test(test_another_rate_keeps_the_tokens),
        cmocka_unit_test(test_jitter_protects_the_channels_own_bucket),
        cmocka_unit_test(test_counts_near_a_reset_count_on_both_sides),
        cmocka_unit_test(test_many_entries_of_a_slide_are_merged_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
