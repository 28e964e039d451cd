/* Options of a plugin: each kind, each bound, each refusal by name. */
#include "core/plug/settings.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct stk_settings settings;
static struct stk_error err;
static const struct stk_plugin_option options[] = {
    {.name = "url", .min = 1, .max = 20, .kind = STK_OPTION_KIND_TEXT},
    {.name = "poll_ms", .fallback = "500", .min = 10, .max = 1000, .kind = STK_OPTION_KIND_INT},
    {.name = "dry", .fallback = "false", .kind = STK_OPTION_KIND_BOOL},
    {.name = "way", .fallback = "read", .choices = "read,write", .kind = STK_OPTION_KIND_CHOICE}};
static const struct stk_plugin_options declared = {4, 0, options};

static enum stk_status read_two(const char *name, const char *value)
{
    struct stk_setting_given given[] = {
        {{"url", 3}, {"http://x", 8}},
        {{name, (uint32_t)strlen(name)}, {value, (uint32_t)strlen(value)}}};
    return stk_settings_read(&settings, &declared, given, *name ? 2 : 1, &err);
}

static void values(void **state)
{
    (void)state;
    assert_int_equal(read_two("", ""), STK_OK);
    assert_int_equal(stk_settings_find(&settings, "poll_ms")->number, 500);
    const struct stk_setting *url = stk_settings_find(&settings, "url");
    assert_string_equal(settings.text + url->offset, "http://x");
    assert_null(stk_settings_find(&settings, "other"));
    assert_int_equal(read_two("dry", "true"), STK_OK);
    assert_int_equal(stk_settings_find(&settings, "dry")->number, 1);
    assert_int_equal(read_two("way", "write"), STK_OK);
}

static void refusals(void **state)
{
    static const struct {
        const char *name, *value, *words;
    } cases[] = {{"poll_ms", "9", "options.poll_ms: must be 10 to 1000, is 9"},
                 {"poll_ms", "x", "options.poll_ms: must be a whole number"},
                 {"poll_ms", "99999999999999999999", "whole number"},
                 {"dry", "yes", "options.dry: must be true or false"},
                 {"way", "writ", "options.way: must be one of read,write"},
                 {"way", "read,write", "options.way: must be one of"},
                 {"weg", "read", "options.weg: the plugin has no such option"},
                 {"way", "a\xff", "UTF-8"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_two(cases[i].name, cases[i].value), STK_INVALID);
        assert_non_null(strstr(err.text, cases[i].words));
    }
    assert_int_equal(stk_settings_read(&settings, &declared, NULL, 0, &err), STK_INVALID);
    assert_string_equal(err.text, "options.url: is missing");
    struct stk_setting_given given = {{"url", 3}, {"http://x/longer-than-twenty", 27}};
    assert_int_equal(stk_settings_read(&settings, &declared, &given, 1, &err), STK_INVALID);
    assert_int_equal(stk_settings_read(&settings, NULL, &given, 1, &err), STK_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
