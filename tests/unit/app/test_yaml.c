/* YAML: what is taken, where it stands, and what is refused with its place. */
#include "core/app/yaml.h"
#include "core/base/mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct stk_error err;

static struct stk_yaml *parsed(const char *text)
{
    struct stk_yaml *yaml = NULL;
    if (stk_yaml_parse(&yaml, "f", text, strlen(text), &err) != STK_OK)
        fail_msg("%s", err.text);
    return yaml;
}

static void maps_lists_and_scalars_with_their_places(void **state)
{
    (void)state;
    struct stk_yaml *yaml = parsed("a: 1\n"
                                   "list:\n"
                                   "  - x\n"
                                   "  - {k: \"v\", e: }\n"
                                   "empty: []\n");
    const struct stk_yaml_node *root = stk_yaml_root(yaml), *node;
    assert_int_equal(root->type, STK_YAML_MAP);
    assert_int_equal(root->count, 3);
    node = stk_yaml_get(root, "a");
    assert_string_equal(node->text, "1");
    assert_int_equal(node->quoted, 0);
    assert_int_equal(node->line, 1);
    assert_int_equal(node->column, 4);
    assert_int_equal(node->key_column, 1);
    node = stk_yaml_get(root, "list");
    assert_int_equal(node->type, STK_YAML_LIST);
    assert_int_equal(node->count, 2);
    assert_string_equal(node->first->text, "x");
    assert_null(node->first->key);
    assert_int_equal(node->first->next->line, 4);
    node = stk_yaml_get(node->first->next, "k");
    assert_string_equal(node->text, "v");
    assert_int_equal(node->quoted, 1);
    assert_string_equal(node->next->text, "");
    assert_int_equal(stk_yaml_get(root, "empty")->count, 0);
    assert_null(stk_yaml_get(root, "b"));
    assert_null(stk_yaml_get(node, "b"));
    stk_yaml_free(yaml);
    stk_yaml_free(NULL);
}

static void nothing_is_an_empty_map(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n\n", "# only words\n", "---\n", "--- \n# x\n...\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct stk_yaml *yaml = parsed(texts[i]);
        assert_int_equal(stk_yaml_root(yaml)->type, STK_YAML_MAP);
        assert_int_equal(stk_yaml_root(yaml)->count, 0);
        stk_yaml_free(yaml);
    }
}

static void refused_with_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"a: &x 1\n", "f:1:4: anchors and tags are not taken here"},
        {"a: &x {b: 1}\n", "f:1:4: anchors"},
        {"a: [&x 1, *x]\n", "f:1:5: anchors"},
        {"b: *x\n", "f:1:4: aliases are not taken here"},
        {"a: !!str 1\n", "f:1:4: anchors and tags"},
        {"a: 1\nb: 2\na: 3\n", "f:3:1: \"a\" is given twice, first in line 1"},
        {"{a: 1, a: 2}", "f:1:8: \"a\" is given twice"},
        {"[a]: 1\n", "f:1:1: a key must be a simple word"},
        {"{{}: 1}", "f:1:2: a key must be a simple word"},
        {"a: 1\n---\nb: 2\n", "f:2:1: a second document"},
        {"a: [1, 2\n", "f:2:1: "},
        {"a: \"x\n", "f:2:1: "},
        {"\ta: 1\n", "f:1:1: "},
        {"a: b: c\n", "f:1:5: "},
        {"a: \"\\0\"\n", "f:1:4: a zero byte in a text"},
        {"a: \x01\n", "f: byte 3: "},
        {"a: \xff\xfe\n", "f: byte 3: "},
        {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "f:1:17: nested too deeply"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct stk_yaml *yaml = NULL;
        enum stk_status status = stk_yaml_parse(&yaml, "f", bad[i].text, strlen(bad[i].text), &err);
        if (status != STK_INVALID || strncmp(err.text, bad[i].message, strlen(bad[i].message)) != 0)
            fail_msg("case %zu: %d \"%s\", wanted \"%s\"", i, status, err.text, bad[i].message);
        assert_null(yaml);
    }
}

static void bounded_in_size_and_entries(void **state)
{
    (void)state;
    struct stk_yaml *yaml = NULL;
    char *text = malloc(STK_YAML_BYTES_MAX + 1);
    memset(text, ' ', STK_YAML_BYTES_MAX + 1);
    assert_int_equal(stk_yaml_parse(&yaml, "f", text, STK_YAML_BYTES_MAX + 1, &err), STK_TOO_LARGE);
    for (int i = 0; i < STK_YAML_NODES_MAX + 10; i++)
        memcpy(text + 4 * i, "- 1\n", 4);
    assert_int_equal(stk_yaml_parse(&yaml, "f", text, 4 * (STK_YAML_NODES_MAX + 10), &err),
                     STK_INVALID);
    assert_non_null(strstr(err.text, "too many entries"));
    /* texts that grow in UTF-8: "\L" is three bytes */
    char *at = text + sprintf(text, "a: \"");
    for (int i = 0; i < 1000; i++)
        at += sprintf(at, "\\L");
    sprintf(at, "\"\n");
    yaml = parsed(text);
    assert_int_equal(strlen(stk_yaml_root(yaml)->first->text), 3000);
    stk_yaml_free(yaml);
    free(text);
}

static void files_and_their_faults(void **state)
{
    (void)state;
    struct stk_yaml *yaml = NULL;
    char path[] = "/tmp/stockade-test-yaml-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "x: 7\n", 5), 5);
    close(fd);
    assert_int_equal(stk_yaml_load(&yaml, path, &err), STK_OK);
    assert_string_equal(stk_yaml_get(stk_yaml_root(yaml), "x")->text, "7");
    assert_int_equal(stk_yaml_fault(yaml, stk_yaml_root(yaml)->first, 1, &err, "odd %d", 7),
                     STK_INVALID);
    assert_non_null(strstr(err.text, ":1:1: odd 7"));
    stk_yaml_free(yaml);
    unlink(path);
    assert_int_equal(stk_yaml_load(&yaml, path, &err), STK_IO);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(stk_yaml_load(&yaml, "/tmp", &err), STK_INVALID);
}

static void memory_that_is_short_is_said(void **state)
{
    (void)state;
    for (int nth = 1; nth <= 3; nth++) {
        struct stk_yaml *yaml = NULL;
        stk_alloc_fail_at(nth, 1);
        assert_int_equal(stk_yaml_parse(&yaml, "f", "a: 1", 4, &err), STK_NO_MEMORY);
        stk_alloc_fail_at(0, 0);
        assert_null(yaml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_lists_and_scalars_with_their_places),
        cmocka_unit_test(nothing_is_an_empty_map),
        cmocka_unit_test(refused_with_line_and_column),
        cmocka_unit_test(bounded_in_size_and_entries),
        cmocka_unit_test(files_and_their_faults),
        cmocka_unit_test(memory_that_is_short_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
