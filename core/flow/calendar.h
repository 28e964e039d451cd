/* The week of a channel: when it is slow, when it is closed. Windows recur weekly in a zone of
 * fixed offset; where they overlap the least percent holds. Pure: no clock, no allocation, any
 * thread. Stability: internal. */
#ifndef STK_FLOW_CALENDAR_H
#define STK_FLOW_CALENDAR_H

#include "core/base/err.h"
#include "core/base/limits.h"
#include <stockade/types.h>

#define STK_WEEK_MS (7 * INT64_C(86400000))

/* Days of `days`; a window that goes over midnight belongs to the day on which it begins. */
#define STK_MONDAY    0x01
#define STK_TUESDAY   0x02
#define STK_WEDNESDAY 0x04
#define STK_THURSDAY  0x08
#define STK_FRIDAY    0x10
#define STK_SATURDAY  0x20
#define STK_SUNDAY    0x40
#define STK_EVERY_DAY 0x7f

struct stk_calendar_window {
    uint8_t days;      /* on which it begins, local */
    uint8_t percent;   /* of the rates that is left: 0 closed, 1 to 99 slow */
    int16_t zone_min;  /* local less UTC, -840 to 840 */
    uint16_t from_min; /* of the local day, 0 to 1439 */
    uint16_t to_min;   /* 1 to 1440, itself not inside; at or below from_min: of the day after */
};

/* Zeroed: always open. */
struct stk_calendar {
    uint32_t count;
    struct stk_calendar_window window[STK_CALENDAR_WINDOWS_MAX];
};

/* A stretch of time with one percent: [from_ms, until_ms). */
struct stk_calendar_span {
    stk_time_t from_ms, until_ms; /* until_ms INT64_MAX: for ever */
    uint32_t percent;             /* 100 outside all windows */
};

/* STK_INVALID and a text that names the window and its fault. err may be NULL. */
enum stk_status stk_calendar_check(const struct stk_calendar *calendar, struct stk_error *err);
/* The span that begins at `at` (or is joined there) and ends where the percent may change. The
 * calendar has passed the check. */
struct stk_calendar_span stk_calendar_at(const struct stk_calendar *calendar, stk_time_t at_ms);
/* The first instant at or after `at` that is not closed; INT64_MAX when it never opens. */
stk_time_t stk_calendar_open(const struct stk_calendar *calendar, stk_time_t at_ms);

/* Time that runs at the calendar's percent: `flow` is the milliseconds passed, each counted as the
 * percent of its instant, so that what grows at a rate is found at once over any stretch. A closed
 * stretch counts in full: the channel's own buckets refill while it is closed. */
struct stk_pace {
    struct stk_calendar calendar;
    stk_time_t now_ms; /* the latest it was told */
    int64_t flow;
    struct stk_calendar_span span; /* that now_ms is in */
    int64_t week_flow;             /* of any 7 days */
};
void stk_pace_init(struct stk_pace *pace, const struct stk_calendar *calendar, stk_time_t now_ms);
/* Time goes on; an earlier now_ms is taken for the latest. */
void stk_pace_to(struct stk_pace *pace, stk_time_t now_ms);
/* The first millisecond at which `more` has flowed from now. */
stk_time_t stk_pace_when(const struct stk_pace *pace, int64_t more);

#endif
