/* Weekly windows against a plain reading of them minute by minute. */
#include "core/flow/calendar.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
/* Monday 2026-11-23 00:00 UTC. */
#define MONDAY INT64_C(1795392000000)

static void test_always_open(void **state)
{
    struct stk_calendar calendar = {0};
    struct stk_calendar_span span = stk_calendar_at(&calendar, MONDAY);
    (void)state;
    assert_int_equal(span.percent, 100);
    assert_true(span.until_ms == INT64_MAX);
    assert_int_equal(stk_calendar_open(&calendar, MONDAY), MONDAY);
}

static void test_boundaries_are_exact(void **state)
{
    struct stk_calendar calendar = {1, {{STK_MONDAY, 50, 0, 9 * 60, 17 * 60}}};
    struct stk_calendar_span span;
    (void)state;
    span = stk_calendar_at(&calendar, MONDAY + 9 * HOUR - 1);
    assert_int_equal(span.percent, 100);
    assert_int_equal(span.until_ms, MONDAY + 9 * HOUR);
    span = stk_calendar_at(&calendar, MONDAY + 9 * HOUR);
    assert_int_equal(span.percent, 50);
    assert_int_equal(span.until_ms, MONDAY + 17 * HOUR);
    span = stk_calendar_at(&calendar, MONDAY + 17 * HOUR - 1);
    assert_int_equal(span.percent, 50);
    span = stk_calendar_at(&calendar, MONDAY + 17 * HOUR);
    assert_int_equal(span.percent, 100);
    assert_int_equal(span.until_ms, MONDAY + 7 * DAY + 9 * HOUR); /* a week later */
}

static void test_over_midnight_belongs_to_the_day_of_its_beginning(void **state)
{
    struct stk_calendar calendar = {1, {{STK_SUNDAY, 0, 0, 22 * 60, 6 * 60}}};
    (void)state;
    assert_int_equal(stk_calendar_at(&calendar, MONDAY - 2 * HOUR - 1).percent, 100);
    assert_int_equal(stk_calendar_at(&calendar, MONDAY - 2 * HOUR).percent, 0);
    assert_int_equal(stk_calendar_at(&calendar, MONDAY).percent, 0);
    assert_int_equal(stk_calendar_open(&calendar, MONDAY), MONDAY + 6 * HOUR);
    assert_int_equal(stk_calendar_at(&calendar, MONDAY + 6 * HOUR).percent, 100);
    assert_int_equal(stk_calendar_at(&calendar, MONDAY + 23 * HOUR).percent, 100);
}

static void test_zones_move_the_day(void **state)
{
    /* Monday 00:00 to 01:00 in +08:00 is Sunday 16:00 to 17:00 UTC; in -05:30 Monday 05:30. */
    struct stk_calendar east = {1, {{STK_MONDAY, 10, 480, 0, 60}}};
    struct stk_calendar west = {1, {{STK_MONDAY, 10, -330, 0, 60}}};
    (void)state;
    assert_int_equal(stk_calendar_at(&east, MONDAY - 8 * HOUR - 1).percent, 100);
    assert_int_equal(stk_calendar_at(&east, MONDAY - 8 * HOUR).percent, 10);
    assert_int_equal(stk_calendar_at(&east, MONDAY - 7 * HOUR).percent, 100);
    assert_int_equal(stk_calendar_at(&west, MONDAY + 5 * HOUR + 30 * MINUTE - 1).percent, 100);
    assert_int_equal(stk_calendar_at(&west, MONDAY + 5 * HOUR + 30 * MINUTE).percent, 10);
}

static void test_whole_days_and_never_open(void **state)
{
    struct stk_calendar calendar = {1, {{STK_SATURDAY | STK_SUNDAY, 0, 0, 0, 1440}}};
    (void)state;
    assert_int_equal(stk_calendar_open(&calendar, MONDAY - 2 * DAY), MONDAY);
    assert_int_equal(stk_calendar_open(&calendar, MONDAY - 2 * DAY - 1), MONDAY - 2 * DAY - 1);
    calendar.window[0].days = STK_EVERY_DAY;
    assert_true(stk_calendar_open(&calendar, MONDAY) == INT64_MAX);
    /* 22:00 to 22:00: a day that begins at 22:00 */
    calendar.window[0] = (struct stk_calendar_window){STK_MONDAY, 0, 0, 22 * 60, 22 * 60};
    assert_int_equal(stk_calendar_open(&calendar, MONDAY + 23 * HOUR), MONDAY + 46 * HOUR);
}

/* What the words say, read minute by minute, with no arithmetic of spans. */
static unsigned plain_percent(const struct stk_calendar *calendar, stk_time_t at)
{
    unsigned percent = 100;
    for (uint32_t i = 0; i < calendar->count; i++) {
        const struct stk_calendar_window *window = &calendar->window[i];
        /* minutes since Monday 00:00 local, of some week far ahead so that it is positive */
        int64_t minute = (at - MONDAY) / MINUTE + window->zone_min + 52 * 10080;
        int64_t day = minute / 1440 % 7, of_day = minute % 1440, before = (day + 6) % 7;
        int inside;
        if (window->to_min > window->from_min)
            inside =
                window->days >> day & 1 && of_day >= window->from_min && of_day < window->to_min;
        else
            inside = (window->days >> day & 1 && of_day >= window->from_min) ||
                     (window->days >> before & 1 && of_day < window->to_min);
        if (inside && window->percent < percent)
            percent = window->percent;
    }
    return percent;
}

static void test_random_weeks_minute_by_minute(void **state)
{
    unsigned seed = 7;
    (void)state;
    for (int round = 0; round < 60; round++) {
        struct stk_calendar calendar = {.count = 1 + (uint32_t)rand_r(&seed) % 5};
        struct stk_calendar_span span = {0};
        for (uint32_t i = 0; i < calendar.count; i++)
            calendar.window[i] = (struct stk_calendar_window){
                .days = (uint8_t)(1 + rand_r(&seed) % 127),
                .percent = (uint8_t)(rand_r(&seed) % 4 * 30),
                .zone_min = (int16_t)(rand_r(&seed) % 1681 - 840),
                .from_min = (uint16_t)(rand_r(&seed) % 1440),
                .to_min = (uint16_t)(1 + rand_r(&seed) % 1440),
            };
        assert_int_equal(stk_calendar_check(&calendar, NULL), STK_OK);
        for (stk_time_t at = MONDAY; at < MONDAY + 7 * DAY; at += MINUTE) {
            if (at >= span.until_ms) {
                assert_true(span.until_ms == 0 || span.until_ms == at); /* not late */
                span = stk_calendar_at(&calendar, at);
            }
            assert_int_equal(span.percent, plain_percent(&calendar, at));
            assert_int_equal(stk_calendar_at(&calendar, at + 30000).percent, span.percent);
        }
    }
}

/* The integral over weeks at once, against minute by minute; and back. */
static void test_pace_over_weeks(void **state)
{
    unsigned seed = 5;
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct stk_calendar calendar = {.count = (uint32_t)rand_r(&seed) % 4};
        struct stk_pace pace, copy;
        int64_t flow = 0;
        stk_time_t start = MONDAY + rand_r(&seed) % 10080 * MINUTE, until;
        for (uint32_t i = 0; i < calendar.count; i++)
            calendar.window[i] = (struct stk_calendar_window){
                (uint8_t)(1 + rand_r(&seed) % 127), (uint8_t)(rand_r(&seed) % 4 * 30), 60,
                (uint16_t)(rand_r(&seed) % 1440), (uint16_t)(1 + rand_r(&seed) % 1440)};
        stk_pace_init(&pace, &calendar, start);
        copy = pace;
        until = start + rand_r(&seed) % 40000 * MINUTE;
        for (stk_time_t at = start; at < until; at += MINUTE) {
            unsigned percent = plain_percent(&calendar, at);
            flow += MINUTE * (percent ? percent : 100);
        }
        stk_pace_to(&pace, until);
        assert_int_equal(pace.flow, flow);
        assert_int_equal(pace.now_ms, until);
        stk_pace_to(&pace, start); /* time does not go back */
        assert_int_equal(pace.now_ms, until);
        assert_int_equal(stk_pace_when(&copy, flow), until);
        if (flow)
            assert_int_equal(stk_pace_when(&copy, flow - 1), until);
        assert_true(stk_pace_when(&copy, flow + 1) == until + 1);
        while (copy.now_ms < until) /* in steps it is the same */
            stk_pace_to(&copy, copy.now_ms + 1 + rand_r(&seed) % (int)(3 * DAY) < until
                                   ? copy.now_ms + 1 + rand_r(&seed) % (int)(3 * DAY)
                                   : until);
        assert_int_equal(stk_pace_when(&copy, 0), copy.now_ms);
    }
}

static void test_faults_are_named(void **state)
{
    static const struct stk_calendar_window bad[] = {
        {0, 0, 0, 0, 60},    {0x80, 0, 0, 0, 60}, {1, 100, 0, 0, 60}, {1, 0, 841, 0, 60},
        {1, 0, -841, 0, 60}, {1, 0, 0, 1440, 60}, {1, 0, 0, 0, 0},    {1, 0, 0, 0, 1441},
    };
    struct stk_calendar calendar = {.count = STK_CALENDAR_WINDOWS_MAX + 1};
    struct stk_error err;
    (void)state;
    assert_int_equal(stk_calendar_check(&calendar, &err), STK_INVALID);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        calendar = (struct stk_calendar){2, {{1, 0, 0, 0, 60}, bad[i]}};
        assert_int_equal(stk_calendar_check(&calendar, &err), STK_INVALID);
        assert_non_null(strstr(err.text, "calendar window 2: "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_always_open),
        cmocka_unit_test(test_boundaries_are_exact),
        cmocka_unit_test(test_over_midnight_belongs_to_the_day_of_its_beginning),
        cmocka_unit_test(test_zones_move_the_day),
        cmocka_unit_test(test_whole_days_and_never_open),
        cmocka_unit_test(test_random_weeks_minute_by_minute),
        cmocka_unit_test(test_pace_over_weeks),
        cmocka_unit_test(test_faults_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
