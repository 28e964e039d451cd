/* Times and spans as people type them. */
#include "tools/stockade/when.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HOUR INT64_C(3600000)

static stk_time_t at(const char *text, int64_t offset_ms)
{
    stk_time_t time_ms = -1;
    struct stk_error err = {0};
    enum stk_status status = when_parse(text, strlen(text), offset_ms, &time_ms, &err);
    if (status != STK_OK)
        print_message("%s\n", err.text);
    assert_int_equal(status, STK_OK);
    return time_ms;
}

static void test_iso(void **state)
{
    (void)state;
    assert_int_equal(at("1970-01-01", 0), 0);
    assert_int_equal(at("2010-12-01T08:26", 0), 1291191960000);
    assert_int_equal(at("2010-12-01 08:26:00", 0), 1291191960000);
    assert_int_equal(at("2010/12/01 08:26:00Z", 8 * HOUR), 1291191960000);
    assert_int_equal(at("2010-12-01T08:26:00.250+08:00", 0), 1291191960250 - 8 * HOUR);
    assert_int_equal(at("2010-12-01T08:26:00-0330", 0), 1291191960000 + 7 * HOUR / 2);
    assert_int_equal(at("2010-12-01T08:26:00", 8 * HOUR), 1291191960000 - 8 * HOUR);
    assert_int_equal(at("2024-02-29", 0), 1709164800000);
    assert_int_equal(at("1291191960000", 8 * HOUR), 1291191960000);
    assert_int_equal(at("0", 0), 0);
}

static void test_no_times(void **state)
{
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "2024-13-01",
                                      "2024-02-30",
                                      "2023-02-29",
                                      "2024-05-01T25:00",
                                      "2024-05-01T12:60",
                                      "2024-05-01T12:30:15.",
                                      "2024-05-01T12:30+99:00",
                                      "2024-05-01x",
                                      "12/1/10 8:26",
                                      "20240501",
                                      "1714550400",
                                      "99999999999999999999"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        stk_time_t time_ms = -1;
        struct stk_error err = {0};
        if (when_parse(bad[i], strlen(bad[i]), 0, &time_ms, &err) != STK_INVALID)
            fail_msg("'%s' was taken for %lld", bad[i], (long long)time_ms);
        assert_non_null(strstr(err.text, "no time"));
    }
}

static void test_by_format(void **state)
{
    stk_time_t time_ms = -1;
    struct stk_error err = {0};
    (void)state;
    assert_int_equal(when_parse_as("12/1/10 8:26", 12, "%m/%d/%y %H:%M", 0, &time_ms, &err),
                     STK_OK);
    assert_int_equal(time_ms, 1291191960000);
    assert_int_equal(when_parse_as("1.12.2010", 9, "%d.%m.%Y", HOUR, &time_ms, &err), STK_OK);
    assert_int_equal(time_ms, 1291161600000 - HOUR);
    assert_int_equal(when_parse_as("31/2/10", 7, "%d/%m/%y", 0, &time_ms, &err), STK_INVALID);
    assert_int_equal(when_parse_as("12/1/10 8:26 pm", 15, "%m/%d/%y %H:%M", 0, &time_ms, &err),
                     STK_INVALID);
    assert_non_null(strstr(err.text, "'%m/%d/%y %H:%M'"));
}

static int64_t span(const char *text)
{
    int64_t ms = -1;
    struct stk_error err = {0};
    return when_span(text, strlen(text), &ms, &err) == STK_OK ? ms : -1;
}

static void test_spans(void **state)
{
    char room[WHEN_TEXT];
    (void)state;
    assert_int_equal(span("500ms"), 500);
    assert_int_equal(span("90s"), 90000);
    assert_int_equal(span("15m"), 900000);
    assert_int_equal(span("2h"), 2 * HOUR);
    assert_int_equal(span("7d"), 168 * HOUR);
    assert_int_equal(span("1h30m"), 3 * HOUR / 2);
    assert_int_equal(span("1500"), 1500);
    assert_int_equal(span(""), -1);
    assert_int_equal(span("15x"), -1);
    assert_int_equal(span("m"), -1);
    assert_int_equal(span("-5m"), -1);
    assert_int_equal(span("99999999999999d"), -1);
    when_format_span(36 * HOUR, room);
    assert_string_equal(room, "1d12h");
    when_format_span(250, room);
    assert_string_equal(room, "250ms");
}

static void test_format(void **state)
{
    char room[WHEN_TEXT];
    (void)state;
    when_format(1291191960000, room);
    assert_string_equal(room, "2010-12-01 08:26:00Z");
    when_format(1291191960007, room);
    assert_string_equal(room, "2010-12-01 08:26:00.007Z");
    when_format(-1, room);
    assert_string_equal(room, "1969-12-31 23:59:59.999Z");
    when_format(INT64_MAX, room);
}

static void test_offsets(void **state)
{
    int64_t ms = 0;
    struct stk_error err = {0};
    (void)state;
    assert_int_equal(when_offset("+08:00", &ms, &err), STK_OK);
    assert_int_equal(ms, 8 * HOUR);
    assert_int_equal(when_offset("-03", &ms, &err), STK_OK);
    assert_int_equal(ms, -3 * HOUR);
    assert_int_equal(when_offset("Europe/Berlin", &ms, &err), STK_INVALID);
    assert_int_equal(when_offset("", &ms, &err), STK_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_iso),       cmocka_unit_test(test_no_times),
        cmocka_unit_test(test_by_format), cmocka_unit_test(test_spans),
        cmocka_unit_test(test_format),    cmocka_unit_test(test_offsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
