/* `channels:` in YAML: read, refused by line and cause, printed so that it reads back. */
#include "core/app/channels.h"
#include "core/app/config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct stk_config config;
static struct stk_error err;

static enum stk_status parse(const char *text)
{
    stk_config_free(&config);
    stk_config_defaults(&config);
    err.text[0] = 0;
    return stk_config_parse(&config, "f.yaml", text, strlen(text), &err);
}

static void reads(void **state)
{
    (void)state;
    assert_int_equal(parse("channels:\n"
                           "  - name: shop\n"
                           "    plugin: ./a.so\n"
                           "    flush_ms: 3 s\n"
                           "    options: {folder: \"/x\", depth: 7}\n"
                           "    secrets: {key: {environment: SHOP_KEY}, pin: {file: /run/pin}}\n"
                           "  - {name: two, plugin: sample, isolation: in_process, match: no}\n"),
                     STK_OK);
    assert_int_equal(config.channel_count, 2);
    const struct stk_instance_options *one = &config.channels[0], *two = &config.channels[1];
    assert_string_equal(one->plugin, "./a.so");
    assert_int_equal(one->courier.flush_ms, 3000);
    assert_int_equal(one->courier.poll_ms, 60000);
    assert_int_equal(one->match, 1);
    assert_int_equal(one->in_process, 0);
    assert_int_equal(one->options_count, 2);
    assert_string_equal(one->option[1].value, "7");
    assert_int_equal(one->secret[0].is_environment, 1);
    assert_int_equal(one->secret[1].is_environment, 0);
    assert_non_null(strstr(two->plugin, "/plugins/sample.so"));
    assert_int_equal(two->in_process, 1);
    assert_int_equal(two->match, 0);
}

static void refuses(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"channels: {a: b}\n", "f.yaml:1:11: channels: must be a list"},
        {"channels:\n  - name: a\n", "a channel without plugin"},
        {"channels:\n  - plugin: a\n", "a channel without name"},
        {"channels:\n  - {name: a, plugin: b}\n  - {name: a, plugin: b}\n",
         "f.yaml:3:5: two channels named \"a\""},
        {"channels:\n  - {name: a b, plugin: b}\n", "name: letters"},
        {"channels:\n  - {name: a, plugin: b, isolation: none}\n",
         "isolation: must be process or in_process"},
        {"channels:\n  - {name: a, plugin: b, flush_ms: 1 ms}\n", "flush_ms: must be 10 to"},
        {"channels:\n  - {name: a, plugin: b, flush: 1 ms}\n", "unknown \"flush\""},
        {"channels:\n  - {name: a, plugin: b, secrets: {k: word}}\n",
         "secrets.k: must be {file: PATH}"},
        {"channels:\n  - {name: a, plugin: b, options: [1]}\n", "options: must be a map"},
        {"chanels: []\n", "did you mean \"channels\""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(cases[i].text), STK_INVALID);
        if (!strstr(err.text, cases[i].words))
            fail_msg("%s: %s", cases[i].words, err.text);
        assert_int_equal(config.channel_count, 0);
    }
}

static void prints(void **state)
{
    char *first = NULL, *second = NULL;
    size_t size;
    (void)state;
    assert_int_equal(parse("channels:\n  - {name: a, plugin: ./b.so, flush_ms: 90 s, options: {q: "
                           "'a \"b\" c'}, secrets: {k: {file: /f}}}\n"),
                     STK_OK);
    FILE *out = open_memstream(&first, &size);
    stk_channels_print(config.channels, config.channel_count, out);
    fclose(out);
    assert_int_equal(parse(first), STK_OK);
    out = open_memstream(&second, &size);
    stk_channels_print(config.channels, config.channel_count, out);
    fclose(out);
    assert_string_equal(first, second);
    assert_non_null(strstr(first, "flush_ms: 90s"));
    free(first);
    free(second);
}

static void checks(void **state)
{
    (void)state;
    assert_int_equal(parse("channels: [{name: a, plugin: /nowhere/b.so}]\n"), STK_OK);
    assert_int_equal(stk_channels_check(config.channels, config.channel_count, &err), STK_IO);
    assert_non_null(strstr(err.text, "channel a: /nowhere/b.so"));
    stk_config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(refuses),
                                       cmocka_unit_test(prints), cmocka_unit_test(checks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
