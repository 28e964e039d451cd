/* Money as people type it: exact, or refused with a reason. */
#include "tools/stockade/money.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int64_t parse(const char *text, int exponent, char decimal)
{
    int64_t minor = -77;
    struct stk_error err = {0};
    enum stk_status status = money_parse(text, strlen(text), exponent, decimal, &minor, &err);
    if (status != STK_OK)
        print_message("%s\n", err.text);
    assert_int_equal(status, STK_OK);
    return minor;
}

static void refuse(const char *text, int exponent, char decimal, const char *why)
{
    int64_t minor = -77;
    struct stk_error err = {0};
    assert_int_equal(money_parse(text, strlen(text), exponent, decimal, &minor, &err), STK_INVALID);
    assert_non_null(strstr(err.text, why));
    assert_int_equal(minor, -77);
}

static void test_exponents(void **state)
{
    (void)state;
    assert_int_equal(money_exponent("GBP"), 2);
    assert_int_equal(money_exponent("JPY"), 0);
    assert_int_equal(money_exponent("KWD"), 3);
    assert_int_equal(money_exponent("CLF"), 4);
}

static void test_decimals_are_exact(void **state)
{
    (void)state;
    assert_int_equal(parse("2.55", 2, '.'), 255);
    assert_int_equal(parse("2.5", 2, '.'), 250);
    assert_int_equal(parse("2", 2, '.'), 200);
    assert_int_equal(parse(".5", 2, '.'), 50);
    assert_int_equal(parse("-0.01", 2, '.'), -1);
    assert_int_equal(parse("+3.000", 2, '.'), 300);
    assert_int_equal(parse("300", 0, '.'), 300);
    assert_int_equal(parse("300.00", 0, '.'), 300);
    assert_int_equal(parse("1.234", 3, '.'), 1234);
    assert_int_equal(parse("1.15", 2, '.'), 115); /* 114.99999 by floating point */
    assert_int_equal(parse("92233720368547758.07", 2, '.'), INT64_MAX);
    assert_int_equal(parse("-92233720368547758.08", 2, '.'), INT64_MIN);
}

static void test_groups_and_signs(void **state)
{
    (void)state;
    assert_int_equal(parse("1,234.50", 2, '.'), 123450);
    assert_int_equal(parse("1,234,567", 2, '.'), 123456700);
    assert_int_equal(parse("1.234,50", 2, ','), 123450);
    assert_int_equal(parse("\xc2\xa3"
                           "2.55",
                           2, '.'),
                     255);
    assert_int_equal(parse("$ 2.55 ", 2, '.'), 255);
    assert_int_equal(parse("2,55 \xe2\x82\xac", 2, ','), 255);
    assert_int_equal(parse("-\xc2\xa5"
                           "12",
                           0, '.'),
                     -12);
}

static void test_refusals(void **state)
{
    (void)state;
    refuse("", 2, '.', "no amount");
    refuse("-", 2, '.', "no amount");
    refuse("\xc2\xa3", 2, '.', "no amount");
    refuse("abc", 2, '.', "no amount");
    refuse("2.5.5", 2, '.', "no amount");
    refuse("2,55", 2, '.', "no amount"); /* a comma that parts no three digits */
    refuse("12,34.50", 2, '.', "no amount");
    refuse("1234,567", 2, '.', "no amount");
    refuse("1e3", 2, '.', "no amount");
    refuse("2.555", 2, '.', "more than 2 digits");
    refuse("2.5", 0, '.', "more than 0 digits");
    refuse("92233720368547758.08", 2, '.', "64 bits");
    refuse("99999999999999999999", 2, '.', "64 bits");
}

static void test_format(void **state)
{
    char room[MONEY_TEXT];
    (void)state;
    money_format(255, 2, room);
    assert_string_equal(room, "2.55");
    money_format(-5, 2, room);
    assert_string_equal(room, "-0.05");
    money_format(300, 0, room);
    assert_string_equal(room, "300");
    money_format(1234, 3, room);
    assert_string_equal(room, "1.234");
    money_format(INT64_MIN, 2, room);
    assert_string_equal(room, "-92233720368547758.08");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exponents),        cmocka_unit_test(test_decimals_are_exact),
        cmocka_unit_test(test_groups_and_signs), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
