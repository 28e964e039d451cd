/* Times and spans: a small scanner for ISO 8601, strptime for whatever else a file holds. */
#include "tools/stockade/when.h"
#include "tools/stockade/texts.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

#define MS_DIGITS_MIN 12 /* 100000000000 is March 1973 */

struct scan {
    const char *at, *end;
};

static int scan_char(struct scan *in, const char *any)
{
    if (in->at == in->end || !*in->at || !strchr(any, *in->at))
        return 0;
    in->at++;
    return 1;
}

/* Exactly `digits` digits, or -1. */
static int scan_number(struct scan *in, int digits)
{
    int value = 0;
    if (in->end - in->at < digits)
        return -1;
    for (int i = 0; i < digits; i++) {
        if (in->at[i] < '0' || in->at[i] > '9')
            return -1;
        value = value * 10 + (in->at[i] - '0');
    }
    in->at += digits;
    return value;
}

/* Z, +08:00, +0800, +08; 0 when it is none of these. Nothing there: *offset_ms stays. */
static int scan_offset(struct scan *in, int64_t *offset_ms)
{
    if (in->at == in->end)
        return 1;
    if (scan_char(in, "Zz")) {
        *offset_ms = 0;
        return 1;
    }
    char sign = *in->at;
    if (!scan_char(in, "+-"))
        return 0;
    int hours = scan_number(in, 2), minutes = 0;
    if (scan_char(in, ":") || in->at != in->end)
        minutes = scan_number(in, 2);
    if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59)
        return 0;
    *offset_ms = (hours * HOUR_MS + minutes * MINUTE_MS) * (sign == '-' ? -1 : 1);
    return 1;
}

/* The calendar day must exist: timegm would make 1 March of 30 February. */
static int to_ms(struct tm *fields, int thousandths, int64_t offset_ms, stk_time_t *time_ms)
{
    struct tm copy = *fields;
    time_t seconds = timegm(&copy);
    if (copy.tm_mday != fields->tm_mday || copy.tm_mon != fields->tm_mon)
        return 0;
    *time_ms = (stk_time_t)seconds * SECOND_MS + thousandths - offset_ms;
    return 1;
}

static int scan_clock(struct scan *in, struct tm *fields, int *thousandths)
{
    fields->tm_hour = scan_number(in, 2);
    if (fields->tm_hour < 0 || fields->tm_hour > 23 || !scan_char(in, ":"))
        return 0;
    fields->tm_min = scan_number(in, 2);
    if (fields->tm_min < 0 || fields->tm_min > 59)
        return 0;
    if (!scan_char(in, ":"))
        return 1;
    fields->tm_sec = scan_number(in, 2);
    if (fields->tm_sec < 0 || fields->tm_sec > 59)
        return 0;
    if (!scan_char(in, ".,"))
        return 1;
    int scale = 100, digits = 0;
    for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++, scale /= 10, digits++)
        *thousandths += (*in->at - '0') * scale;
    return digits > 0;
}

static int parse_iso(struct scan in, int64_t offset_ms, stk_time_t *time_ms)
{
    struct tm fields = {0};
    int thousandths = 0;
    fields.tm_year = scan_number(&in, 4) - 1900;
    if (!scan_char(&in, "-/"))
        return 0;
    fields.tm_mon = scan_number(&in, 2) - 1;
    if (!scan_char(&in, "-/"))
        return 0;
    fields.tm_mday = scan_number(&in, 2);
    if (fields.tm_year < -300 || fields.tm_mon < 0 || fields.tm_mon > 11 || fields.tm_mday < 1)
        return 0;
    if (scan_char(&in, "Tt ")) {
        if (!scan_clock(&in, &fields, &thousandths))
            return 0;
        scan_char(&in, " ");
        if (!scan_offset(&in, &offset_ms))
            return 0;
    }
    return in.at == in.end && to_ms(&fields, thousandths, offset_ms, time_ms);
}

static int parse_number(struct scan in, int64_t *number)
{
    int64_t value = 0;
    int negative = scan_char(&in, "-");
    if (in.at == in.end)
        return 0;
    for (; in.at < in.end; in.at++) {
        if (*in.at < '0' || *in.at > '9' || __builtin_mul_overflow(value, (int64_t)10, &value) ||
            __builtin_add_overflow(value, (int64_t)(*in.at - '0'), &value))
            return 0;
    }
    *number = negative ? -value : value;
    return 1;
}

enum stk_status when_parse(const char *text, size_t size, int64_t offset_ms, stk_time_t *time_ms,
                           struct stk_error *err)
{
    struct scan in = {text, text + size};
    /* Shorter numbers are days or seconds of some other system: 20240501, 1714550400. */
    if ((size >= MS_DIGITS_MIN || (size == 1 && *text == '0')) && parse_number(in, time_ms))
        return STK_OK;
    if (parse_iso(in, offset_ms, time_ms))
        return STK_OK;
    return stk_error_set(err, STK_INVALID, T_TIME_BAD, (int)size, text);
}

enum stk_status when_parse_as(const char *text, size_t size, const char *format, int64_t offset_ms,
                              stk_time_t *time_ms, struct stk_error *err)
{
    char copy[128];
    struct tm fields = {.tm_mday = 1};
    if (size < sizeof(copy)) {
        memcpy(copy, text, size);
        copy[size] = '\0';
        const char *end = strptime(copy, format, &fields);
        if (end && !*end && strlen(copy) == size) {
            if (strstr(format, "%z"))
                offset_ms = fields.tm_gmtoff * SECOND_MS;
            if (strstr(format, "%s")) { /* strptime makes it local time */
                *time_ms = (stk_time_t)mktime(&fields) * SECOND_MS;
                return STK_OK;
            }
            if (to_ms(&fields, 0, offset_ms, time_ms))
                return STK_OK;
        }
    }
    return stk_error_set(err, STK_INVALID, T_TIME_FORMAT, (int)size, text, format);
}

enum stk_status when_offset(const char *text, int64_t *offset_ms, struct stk_error *err)
{
    struct scan in = {text, text + strlen(text)};
    if (in.at != in.end && scan_offset(&in, offset_ms) && in.at == in.end)
        return STK_OK;
    return stk_error_set(err, STK_INVALID, T_OFFSET_BAD, text);
}

/* The longer names first: "ms" is no "m". */
static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"ms", 1},      {"w", 7 * DAY_MS}, {"d", DAY_MS},
             {"h", HOUR_MS}, {"m", MINUTE_MS},  {"s", SECOND_MS}};
#define UNITS (sizeof(units) / sizeof(*units))

static const char *scan_unit(struct scan *in, int64_t *ms)
{
    for (size_t i = 0; i < UNITS; i++) {
        size_t size = strlen(units[i].name);
        if ((size_t)(in->end - in->at) >= size && !memcmp(in->at, units[i].name, size)) {
            in->at += size;
            *ms = units[i].ms;
            return units[i].name;
        }
    }
    return NULL;
}

enum stk_status when_span(const char *text, size_t size, int64_t *span_ms, struct stk_error *err)
{
    struct scan in = {text, text + size};
    int64_t total = 0, unit = 0, part;
    if (parse_number(in, span_ms) && *span_ms >= 0)
        return STK_OK;
    do {
        const char *start = in.at;
        while (in.at < in.end && *in.at >= '0' && *in.at <= '9')
            in.at++;
        if (!parse_number((struct scan){start, in.at}, &part) || !scan_unit(&in, &unit) ||
            __builtin_mul_overflow(part, unit, &part) ||
            __builtin_add_overflow(total, part, &total))
            return stk_error_set(err, STK_INVALID, T_SPAN_BAD, (int)size, text);
    } while (in.at < in.end);
    *span_ms = total;
    return STK_OK;
}

void when_format(stk_time_t time_ms, char *room)
{
    int64_t thousandths = ((time_ms % SECOND_MS) + SECOND_MS) % SECOND_MS;
    time_t seconds = (time_t)((time_ms - thousandths) / SECOND_MS);
    struct tm fields;
    if (!gmtime_r(&seconds, &fields)) {
        snprintf(room, WHEN_TEXT, "%" PRId64, time_ms);
        return;
    }
    size_t length = strftime(room, WHEN_TEXT, "%Y-%m-%d %H:%M:%S", &fields);
    if (thousandths)
        snprintf(room + length, WHEN_TEXT - length, ".%03dZ", (int)thousandths);
    else
        snprintf(room + length, WHEN_TEXT - length, "Z");
}

void when_format_span(int64_t span_ms, char *room)
{
    static const struct {
        const char *name;
        int64_t ms;
    } parts[] = {{"d", DAY_MS}, {"h", HOUR_MS}, {"m", MINUTE_MS}, {"s", SECOND_MS}, {"ms", 1}};
    size_t length = 0;
    if (span_ms <= 0) {
        snprintf(room, WHEN_TEXT, "%" PRId64 "ms", span_ms);
        return;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && length < WHEN_TEXT; i++) {
        int64_t count = span_ms / parts[i].ms;
        span_ms %= parts[i].ms;
        if (count)
            length += (size_t)snprintf(room + length, WHEN_TEXT - length, "%" PRId64 "%s", count,
                                       parts[i].name);
    }
}
