/* Tables and results as people see them. */
#include "tools/stockade/show.h"
#include "tools/stockade/table.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *json, int as_table, const char *want)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    json_t *value = json_loads(json, 0, NULL);
    assert_non_null(value);
    if (as_table)
        show_table(value, NULL, to);
    else
        show_result(value, to);
    fclose(to);
    assert_string_equal(text, want);
    free(text);
    json_decref(value);
}

static void test_tables(void **state)
{
    (void)state;
    expect("[{\"sku\":\"X\",\"quantity\":5},{\"sku\":\"LONGER\",\"quantity\":12,\"note\":\"n\"}]",
           1,
           "sku     quantity  note\n"
           "X              5  \n"
           "LONGER        12  n\n");
    /* Chinese letters are two columns wide; control characters cannot steer the terminal. */
    expect("[{\"title\":\"\u9676\u74f7\u676f\",\"n\":1},{\"title\":\"cup\\u001b[2J\",\"n\":2}]", 1,
           "title    n\n"
           "\u9676\u74f7\u676f   1\n"
           "cup [2J  2\n");
}

static void test_meaning(void **state)
{
    (void)state;
    expect("{\"order\":\"A\",\"currency\":\"GBP\",\"placed_at\":1291191960000,\"ttl_ms\":900000,"
           "\"fact\":true,\"tags\":[\"a\",\"b\"],\"lines\":[{\"sku\":\"X\",\"unit_price\":255}]}",
           0,
           "order:     A\n"
           "currency:  GBP\n"
           "placed_at: 2010-12-01 08:26:00Z\n"
           "ttl_ms:    15m\n"
           "fact:      yes\n"
           "tags:      a, b\n"
           "lines:\n"
           "sku  unit_price\n"
           "X          2.55\n");
    expect(
        "[{\"cost\":255},{\"cost\":300,\"currency\":\"JPY\"},{\"cost\":1234,\"currency\":\"KWD\"}]",
        1,
        " cost  currency\n"
        "  255  \n"
        "  300  JPY\n"
        "1.234  KWD\n");
}

static void test_maps_inside(void **state)
{
    (void)state;
    expect("{\"a\":1,\"for\":\"\",\"journal\":{\"first\":1,\"durable\":22},"
           "\"capacities\":{\"skus\":{\"used\":2,\"percent\":0},\"cells\":{\"used\":10,"
           "\"percent\":1}}}",
           0,
           "a:   1\n"
           "for: -\n"
           "journal:\n"
           "  first:   1\n"
           "  durable: 22\n"
           "capacities:\n"
           "name   used  percent\n"
           "skus      2        0\n"
           "cells    10        1\n");
}

static void test_columns_that_say_nothing(void **state)
{
    (void)state;
    expect("[{\"a\":1,\"b\":\"\",\"c\":[],\"d\":null,\"e\":0},{\"a\":2,\"f\":false}]", 1,
           "a  e  f\n"
           "1  0  \n"
           "2     no\n");
    expect(
        "[{\"a\":1,\"b\":0,\"c\":false,\"d\":[{\"x\":1}],\"e\":0,\"f\":5,\"g\":0,\"h\":0,\"i\":0,"
        "\"j\":0,\"k\":0}]",
        1,
        "a  f\n"
        "1  5\n");
}

static void test_rows(void **state)
{
    json_t *json = json_loads("{\"skus\":[{\"sku\":\"X\"}],\"next\":\"c\"}", 0, NULL);
    (void)state;
    assert_ptr_equal(show_rows(json), json_object_get(json, "skus"));
    json_decref(json);
    json = json_loads("{\"a\":[],\"b\":[]}", 0, NULL);
    assert_null(show_rows(json));
    json_decref(json);
}

static void test_cut(void **state)
{
    char text[] = "abcdefgh", wide[] = "\u8d27\u53f7\u8d27\u53f7", fits[] = "abc";
    (void)state;
    table_cut(text, 4);
    assert_string_equal(text, "abc\u2026");
    table_cut(wide, 5);
    assert_string_equal(wide, "\u8d27\u53f7\u2026");
    table_cut(fits, 3);
    assert_string_equal(fits, "abc");
    table_cut(fits, 1); /* the ellipsis takes three bytes: it fits exactly */
    assert_string_equal(fits, "\u2026");
    char tiny[] = "ab";
    table_cut(tiny, 1); /* it does not fit */
    assert_string_equal(tiny, "");
}

static void test_width(void **state)
{
    (void)state;
    assert_int_equal(table_width("abc"), 3);
    assert_int_equal(table_width("\u8d27\u53f7"), 4);
    assert_int_equal(table_width("e\u0301"), 1);
    assert_int_equal(table_width("\xff\xfe"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_columns_that_say_nothing),
        cmocka_unit_test(test_maps_inside),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
