/* The table of options, and numbers with units. */
#include "core/app/option.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct stk_config config;

static void every_option_is_whole_and_its_default_in_range(void **state)
{
    (void)state;
    stk_config_defaults(&config);
    for (const struct stk_option *option = stk_options(); option->name; option++) {
        assert_true(option->help && *option->help);
        assert_ptr_equal(stk_option_find(option->section, option->name), option);
        if (option->section)
            assert_non_null(stk_section_find(option->section));
        if (option->type <= STK_OPTION_SPAN) {
            int64_t value = stk_option_get(&config, option);
            assert_true(option->width == 4 || option->width == 8);
            if (value < option->min || value > option->max)
                fail_msg("%s.%s: its default %lld is out of range", option->section, option->name,
                         (long long)value);
            if (option->width == 4)
                assert_true(option->max <= UINT32_MAX);
        }
    }
}

static void numbers_keep_their_neighbours(void **state)
{
    (void)state;
    for (const struct stk_option *option = stk_options(); option->name; option++) {
        if (option->type > STK_OPTION_FLAG)
            continue;
        memset(&config, 0x5a, sizeof config);
        stk_option_set(&config, option, 1);
        assert_int_equal(stk_option_get(&config, option), 1);
        const uint8_t *bytes = (const uint8_t *)&config;
        uint32_t width = option->type == STK_OPTION_FLAG ? 1 : option->width;
        assert_int_equal(bytes[option->offset - 1], 0x5a);
        assert_int_equal(bytes[option->offset + width], 0x5a);
    }
}

static int number(const char *section, const char *name, const char *text, int64_t *value)
{
    return stk_option_parse(stk_option_find(section, name), text, value);
}

static void units_are_understood(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_true(number("engine", "skus", "500", &value) && value == 500);
    assert_false(number("engine", "skus", "5k", &value));
    assert_false(number("engine", "skus", "-5", &value));
    assert_false(number("engine", "skus", "0x10", &value));
    assert_false(number("engine", "skus", "", &value));
    assert_false(number("engine", "skus", "1.5", &value));
    assert_false(number("engine", "skus", "99999999999999999999", &value));
    assert_true(number("journal", "segment_bytes", "64MiB", &value) && value == 64 << 20);
    assert_true(number("journal", "segment_bytes", "64 MiB", &value) && value == 64 << 20);
    assert_true(number("journal", "segment_bytes", "512", &value) && value == 512);
    assert_false(number("journal", "segment_bytes", "64MB", &value));
    assert_false(number("journal", "segment_bytes", "9999999999TiB", &value));
    assert_true(number("rpc", "timeout", "1500ms", &value) && value == 1500);
    assert_true(number("rpc", "timeout", "2min", &value) && value == 120000);
    assert_true(number("rpc", "timeout", "0", &value) && value == 0);
    assert_false(number("rpc", "timeout", "10", &value)); /* of what? */
    assert_false(number("rpc", "timeout", "10m", &value));
}

static void what_is_printed_parses_back(void **state)
{
    (void)state;
    static const int64_t values[] = {0,
                                     1,
                                     999,
                                     1000,
                                     1024,
                                     60000,
                                     90000,
                                     3600000,
                                     86400000,
                                     7 * INT64_C(86400000),
                                     INT64_C(1) << 30,
                                     INT64_C(1536) << 20,
                                     INT64_C(1) << 50};
    for (const struct stk_option *option = stk_options(); option->name; option++)
        for (size_t i = 0; option->type <= STK_OPTION_SPAN && i < sizeof values / sizeof *values;
             i++) {
            char text[64];
            int64_t back = -1;
            stk_option_format(option, values[i], text, sizeof text);
            if (!stk_option_parse(option, text, &back) || back != values[i])
                fail_msg("%s: %lld is printed as %s", option->name, (long long)values[i], text);
        }
}

static void the_nearest_name(void **state)
{
    (void)state;
    assert_string_equal(stk_option_nearest("rpc", "listn"), "listen");
    assert_string_equal(stk_option_nearest("rpc", "conections_max"), "connections_max");
    assert_string_equal(stk_option_nearest(NULL, "enigne"), "engine");
    assert_string_equal(stk_option_nearest(NULL, "token"), "tokens");
    assert_null(stk_option_nearest("rpc", "zzzzzz"));
    assert_null(stk_option_nearest(
        NULL, "a-word-that-is-much-longer-than-all-of-the-names-that-there-are"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_whole_and_its_default_in_range),
        cmocka_unit_test(numbers_keep_their_neighbours),
        cmocka_unit_test(units_are_understood),
        cmocka_unit_test(what_is_printed_parses_back),
        cmocka_unit_test(the_nearest_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
