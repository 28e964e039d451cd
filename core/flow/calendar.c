/* Weekly windows over days since 1970. A window is looked at as its occurrences: one on each local
 * day that its mask names, lasting at most 24 h, so that only today's and yesterday's can hold an
 * instant, and the next change lies within eight days. Always true: what is returned depends on the
 * instant modulo a week alone. */
#include "core/flow/calendar.h"
#include <stddef.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS    INT64_C(86400000)
#define DAY_MIN   1440
#define ZONE_MAX  840

static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

/* 1970-01-01 was a Thursday. */
static int is_on_day(const struct stk_calendar_window *window, int64_t day)
{
    int64_t weekday = day + 3 - floor_div(day + 3, 7) * 7;
    return window->days >> weekday & 1;
}

static int64_t length_ms(const struct stk_calendar_window *window)
{
    int to = window->to_min > window->from_min ? window->to_min : window->to_min + DAY_MIN;
    return (to - window->from_min) * MINUTE_MS;
}

enum stk_status stk_calendar_check(const struct stk_calendar *calendar, struct stk_error *err)
{
    if (calendar->count > STK_CALENDAR_WINDOWS_MAX)
        return stk_error_set(err, STK_INVALID, "calendar: %u windows, at most %d", calendar->count,
                             STK_CALENDAR_WINDOWS_MAX);
    for (uint32_t i = 0; i < calendar->count; i++) {
        const struct stk_calendar_window *window = &calendar->window[i];
        const char *fault = NULL;
        if (!window->days || window->days > STK_EVERY_DAY)
            fault = "days are none, or beyond Sunday";
        else if (window->percent >= 100)
            fault = "percent is 100 or more";
        else if (window->zone_min < -ZONE_MAX || window->zone_min > ZONE_MAX)
            fault = "zone is beyond 14 hours";
        else if (window->from_min >= DAY_MIN || !window->to_min || window->to_min > DAY_MIN)
            fault = "a minute is outside the day";
        if (fault)
            return stk_error_set(err, STK_INVALID, "calendar window %u: %s", i + 1, fault);
    }
    return STK_OK;
}

/* Lowers the span by one window: its percent if it holds `at`, its end to the next change. */
static void lower(struct stk_calendar_span *span, const struct stk_calendar_window *window)
{
    stk_time_t at = span->from_ms, zone_ms = window->zone_min * MINUTE_MS;
    int64_t today = floor_div(at + zone_ms, DAY_MS), length = length_ms(window);
    for (int64_t day = today - 1; day <= today + 7; day++) {
        stk_time_t from = day * DAY_MS + window->from_min * MINUTE_MS - zone_ms;
        if (!is_on_day(window, day))
            continue;
        if (from <= at && at < from + length && window->percent < span->percent)
            span->percent = window->percent;
        if (from > at && from < span->until_ms)
            span->until_ms = from;
        if (from <= at && at < from + length && from + length < span->until_ms)
            span->until_ms = from + length;
    }
}

struct stk_calendar_span stk_calendar_at(const struct stk_calendar *calendar, stk_time_t at_ms)
{
    struct stk_calendar_span span = {at_ms, INT64_MAX, 100};
    for (uint32_t i = 0; i < calendar->count; i++)
        lower(&span, &calendar->window[i]);
    return span;
}

stk_time_t stk_calendar_open(const struct stk_calendar *calendar, stk_time_t at_ms)
{
    struct stk_calendar_span span = stk_calendar_at(calendar, at_ms);
    while (span.percent == 0) {
        if (span.until_ms > at_ms + STK_WEEK_MS)
            return INT64_MAX;
        span = stk_calendar_at(calendar, span.until_ms);
    }
    return span.from_ms;
}

/* --- pace --- */

static uint32_t refill_percent(const struct stk_calendar_span *span)
{
    return span->percent ? span->percent : 100;
}

void stk_pace_init(struct stk_pace *pace, const struct stk_calendar *calendar, stk_time_t now_ms)
{
    stk_time_t week_end_ms = now_ms + STK_WEEK_MS;
    *pace = (struct stk_pace){.calendar = *calendar, .now_ms = now_ms};
    pace->span = stk_calendar_at(calendar, now_ms);
    for (stk_time_t at = now_ms; at < week_end_ms;) {
        struct stk_calendar_span span = stk_calendar_at(calendar, at);
        stk_time_t until = span.until_ms < week_end_ms ? span.until_ms : week_end_ms;
        pace->week_flow += (until - at) * refill_percent(&span);
        at = until;
    }
}

void stk_pace_to(struct stk_pace *pace, stk_time_t now_ms)
{
    struct stk_calendar_span *span = &pace->span;
    if (now_ms <= pace->now_ms)
        return;
    if (pace->calendar.count && now_ms - pace->now_ms > STK_WEEK_MS) {
        int64_t weeks = (now_ms - pace->now_ms) / STK_WEEK_MS;
        pace->flow += weeks * pace->week_flow;
        pace->now_ms += weeks * STK_WEEK_MS;
        *span = stk_calendar_at(&pace->calendar, pace->now_ms);
    }
    while (span->until_ms <= now_ms) {
        pace->flow += (span->until_ms - pace->now_ms) * refill_percent(span);
        pace->now_ms = span->until_ms;
        *span = stk_calendar_at(&pace->calendar, span->until_ms);
    }
    pace->flow += (now_ms - pace->now_ms) * refill_percent(span);
    pace->now_ms = now_ms;
}

stk_time_t stk_pace_when(const struct stk_pace *pace, int64_t more)
{
    struct stk_calendar_span span = pace->span;
    stk_time_t at = pace->now_ms;
    if (pace->calendar.count && more > pace->week_flow) {
        at += (more - 1) / pace->week_flow * STK_WEEK_MS;
        more = (more - 1) % pace->week_flow + 1;
        span = stk_calendar_at(&pace->calendar, at);
    }
    for (;;) {
        int64_t percent = refill_percent(&span);
        int64_t ms = more / percent + (more % percent != 0);
        if (ms <= span.until_ms - at)
            return at + ms;
        more -= (span.until_ms - at) * percent;
        at = span.until_ms;
        span = stk_calendar_at(&pace->calendar, at);
    }
}
