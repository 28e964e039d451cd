/* The configuration: read, refused with place and cause, printed and read back. */
#include "core/app/config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HASH "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"

static struct stk_config config;
static struct stk_error err;

static enum stk_status parse(const char *text)
{
    stk_config_defaults(&config);
    memset(&err, 0, sizeof err);
    return stk_config_parse(&config, "f", text, strlen(text), &err);
}

static void options_are_read(void **state)
{
    (void)state;
    if (parse("data: /srv/stock\n"
              "log: {level: debug}\n"
              "engine:\n"
              "  skus: 5000\n"
              "  key_window: 3d\n"
              "journal:\n"
              "  segment_bytes: 64MiB\n"
              "rpc:\n"
              "  listen: [\"127.0.0.1:1\", \"[::1]:2\"]\n"
              "  inflight_max: 10\n"
              "  timeout: 5s\n"
              "backup:\n"
              "tokens:\n"
              "  - {name: till, sha256: " HASH ", scopes: [orders, view]}\n") != STK_OK)
        fail_msg("%s", err.text);
    assert_string_equal(config.data, "/srv/stock");
    assert_int_equal(config.log_level, STK_LOG_DEBUG);
    assert_int_equal(config.engine.skus, 5000);
    assert_int_equal(config.engine.key_window_ms, 3 * 86400000);
    assert_int_equal(config.journal.segment_bytes, 64 << 20);
    assert_int_equal(config.rpc_listen_count, 2);
    assert_string_equal(config.rpc_listen[1], "[::1]:2");
    assert_int_equal(config.rpc.inflight_max, 10);
    assert_int_equal(config.rpc.timeout_ms, 5000);
    assert_int_equal(config.token_count, 1);
    assert_string_equal(config.tokens[0].name, "till");
    assert_int_equal(config.tokens[0].sha256[0], 0x2b);
    assert_int_equal(config.tokens[0].scopes,
                     STK_SCOPE_BIT(STK_SCOPE_ORDERS) | STK_SCOPE_BIT(STK_SCOPE_VIEW));
    assert_int_equal(stk_config_check(&config, &err), STK_OK);
}

static void faults_name_file_line_column_and_cause(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"engine:\n  skuss: 5\n", "f:2:3: unknown option \"engine.skuss\"; did you mean \"skus\"?"},
        {"enginee:\n  skus: 5\n", "f:1:1: unknown option \"enginee\"; did you mean \"engine\"?"},
        {"xyzzyx: 1\n", "f:1:1: unknown option \"xyzzyx\""},
        {"- 1\n", "f:1:1: must be a map of sections"},
        {"rpc: 7\n", "f:1:6: rpc: must be a map of options"},
        {"engine:\n  skus: many\n", "f:2:9: skus: must be a whole number"},
        {"engine:\n  skus: 1\n", "f:2:9: skus: must be 16 to 100000000, is 1"},
        {"engine:\n  skus: [1]\n", "f:2:9: skus: must be a whole number"},
        {"engine: {key_window: 7}", "f:1:22: key_window: must be a number of ms, s, min, h or d"},
        {"engine: {key_window: 1s}", "f:1:22: key_window: must be 1min to 400d, is 1s"},
        {"journal: {segment_bytes: 1GB}", "f:1:26: segment_bytes: must be a number of B, KiB"},
        {"log: {level: loud}", "f:1:14: level: must be error, warn, info or debug"},
        {"rpc: {plaintext: yes}", "f:1:18: plaintext: must be true or false"},
        {"rpc: {listen: \"x:1\"}", "f:1:15: listen: must be a list"},
        {"rpc: {listen: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}", "f:1:15: listen: no more than"},
        {"data: [1]", "f:1:7: data: must be a text"},
        {"data: \"a\\tb\"", "f:1:7: data: has a control character"},
        {"data: x\ndata: y\n", "f:2:1: \"data\" is given twice"},
        {"tokens: x", "f:1:9: tokens: must be a list"},
        {"tokens: [x]", "f:1:10: a token must be a map"},
        {"tokens: [{name: a, sha256: " HASH "}]", "f:1:10: a token without scopes"},
        {"tokens: [{name: a, sha256: abc, scopes: [view]}]", "f:1:28: sha256: must be 64 hex"},
        {"tokens: [{name: a, sha256: " HASH ", scopes: [all]}]", "f:1:103: scopes: must be of"},
        {"tokens: [{name: a, sha256: " HASH ", scopes: []}]", "f:1:102: scopes: must be a list"},
        {"tokens: [{name: a, token: b, sha256: " HASH ", scopes: [view]}]",
         "f:1:20: unknown \"token\"; a token has name, sha256, scopes"},
        {"tokens: [{name: \"\", sha256: " HASH ", scopes: [view]}]",
         "f:1:10: a token with an empty"},
        {"tokens:\n - {name: a, sha256: " HASH ", scopes: [view]}\n"
         " - {name: a, sha256: " HASH ", scopes: [view]}\n",
         "f:3:4: two tokens named \"a\""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parse(bad[i].text) != STK_INVALID ||
            strncmp(err.text, bad[i].message, strlen(bad[i].message)) != 0)
            fail_msg("case %zu: \"%s\", wanted \"%s\"", i, err.text, bad[i].message);
}

static void options_beside_each_other(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"data: \"\"", "data: must not be empty"},
        {"rpc: {unix: none, listen: []}", "rpc: neither unix nor listen"},
        {"rpc: {listen: [\"0.0.0.0:7460\"]}", "there are no tokens"},
        {"rpc: {listen: [\"0.0.0.0:7460\"], plaintext: true}", "there are no tokens"},
        {"rpc: {listen: [\"[::]:7460\"]}\ntokens: [{name: a, sha256: " HASH ", scopes: [view]}]",
         "there is no TLS yet"},
        {"rpc: {listen: [\"unix:/tmp/x\"]}", "a Unix socket is named by unix"},
        {"engine: {skus: 100, cells: 50}", "engine.cells (50) is smaller than engine.skus (100)"},
        {"engine: {orders: 100, holds: 50}", "engine.holds (50) is smaller"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (parse(bad[i].text) != STK_OK)
            fail_msg("case %zu: %s", i, err.text);
        if (stk_config_check(&config, &err) != STK_INVALID || !strstr(err.text, bad[i].message))
            fail_msg("case %zu: \"%s\", wanted \"%s\"", i, err.text, bad[i].message);
    }
    assert_int_equal(parse("rpc: {listen: [\"0.0.0.0:7460\"], plaintext: true}\n"
                           "tokens: [{name: a, sha256: " HASH ", scopes: [view]}]"),
                     STK_OK);
    assert_int_equal(stk_config_check(&config, &err), STK_OK);
}

static char *printed(size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    stk_config_print(&config, out);
    fclose(out);
    return text;
}

static void what_is_printed_reads_back_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "data: \"/a \\\"quoted\\\" back\\\\slash # path\"\n",
        "log: {level: error}\nengine: {skus: 77, cells: 78, key_window: 90min}\n"
        "journal: {segment_bytes: 100000KiB, retain: 0}\n"
        "rpc: {unix: none, listen: [\"[::1]:5\", \"127.0.0.1:6\"], timeout: 2500ms, plaintext: "
        "true}\n"
        "tokens: [{name: \"a \\\"b\\\"\", sha256: " HASH ", scopes: [view, operate]},"
        "{name: c, sha256: " HASH ", scopes: [stock, orders, catalog]}]\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct stk_config first;
        size_t size, size_again;
        char *text, *again;
        assert_int_equal(parse(texts[i]), STK_OK);
        first = config;
        text = printed(&size);
        stk_config_free(&config);
        stk_config_defaults(&config);
        config.engine.skus = 1; /* all of it comes from the text */
        config.rpc_listen_count = 0;
        if (stk_config_parse(&config, "p", text, size, &err) != STK_OK)
            fail_msg("%s in:\n%s", err.text, text);
        again = printed(&size_again);
        assert_string_equal(text, again);
        assert_string_equal(config.data, first.data);
        assert_int_equal(config.engine.skus, first.engine.skus);
        assert_int_equal(config.rpc_listen_count, first.rpc_listen_count);
        assert_memory_equal(config.tokens, first.tokens, sizeof first.tokens);
        stk_config_free(&config);
        free(text);
        free(again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read),
        cmocka_unit_test(faults_name_file_line_column_and_cause),
        cmocka_unit_test(options_beside_each_other),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
