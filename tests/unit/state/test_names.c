#include "core/state/names.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct stk_bytes bytes(const char *text)
{
    return (struct stk_bytes){text, (uint32_t)strlen(text)};
}

static void a_word_keeps_its_number(void **state)
{
    struct stk_names *names;
    struct stk_bytes text;
    (void)state;
    assert_int_equal(stk_names_create(&names, NULL), STK_OK);
    assert_int_equal(stk_names_peek(names, STK_NAME_SOURCE), 1);
    stk_names_put(names, STK_NAME_SOURCE, 1, bytes("shop"));
    assert_int_equal(stk_names_peek(names, STK_NAME_SOURCE), 2);
    stk_names_put(names, STK_NAME_SOURCE, 1, bytes("shop")); /* again: nothing */
    stk_names_put(names, STK_NAME_SOURCE, 7, bytes("till")); /* recovery */
    assert_int_equal(stk_names_peek(names, STK_NAME_SOURCE), 8);
    assert_int_equal(stk_names_find(names, STK_NAME_SOURCE, bytes("shop")), 1);
    assert_int_equal(stk_names_find(names, STK_NAME_SOURCE, bytes("till")), 7);
    assert_int_equal(stk_names_find(names, STK_NAME_SOURCE, bytes("shot")), 0);
    assert_int_equal(stk_names_find(names, STK_NAME_SOURCE, bytes("")), 0);
    text = stk_names_text(names, STK_NAME_SOURCE, 7);
    assert_int_equal(text.size, 4);
    assert_memory_equal(text.data, "till", 4);
    assert_int_equal(stk_names_text(names, STK_NAME_SOURCE, 3).size, 0);
    assert_int_equal(stk_names_text(names, STK_NAME_SOURCE, 0).size, 0);
    assert_int_equal(stk_names_text(names, STK_NAME_SOURCE, UINT16_MAX).size, 0);
    stk_names_destroy(names);
    stk_names_destroy(NULL);
}

static void kinds_are_apart(void **state)
{
    struct stk_names *names;
    (void)state;
    assert_int_equal(stk_names_create(&names, NULL), STK_OK);
    stk_names_put(names, STK_NAME_SOURCE, 1, bytes("web"));
    stk_names_put(names, STK_NAME_CHANNEL, 2, bytes("web"));
    assert_int_equal(stk_names_find(names, STK_NAME_SOURCE, bytes("web")), 1);
    assert_int_equal(stk_names_find(names, STK_NAME_CHANNEL, bytes("web")), 2);
    assert_int_equal(stk_names_find(names, STK_NAME_USE, bytes("web")), 0);
    assert_int_equal(stk_names_peek(names, STK_NAME_USE), 1);
    stk_names_destroy(names);
}

static void every_number_can_be_given_and_then_it_is_full(void **state)
{
    struct stk_names *names;
    char text[32];
    (void)state;
    assert_int_equal(stk_names_create(&names, NULL), STK_OK);
    for (int kind = STK_NAME_SOURCE; kind < STK_NAME_KINDS; kind++) {
        uint16_t max = stk_names_max((enum stk_name_kind)kind), number;
        for (unsigned i = 1; i <= max; i++) {
            number = stk_names_peek(names, (enum stk_name_kind)kind);
            assert_int_equal(number, i);
            snprintf(text, sizeof text, "word %u", i);
            stk_names_put(names, (enum stk_name_kind)kind, number, bytes(text));
        }
        assert_int_equal(stk_names_peek(names, (enum stk_name_kind)kind), 0);
        for (unsigned i = 1; i <= max; i++) {
            snprintf(text, sizeof text, "word %u", i);
            assert_int_equal(stk_names_find(names, (enum stk_name_kind)kind, bytes(text)), i);
        }
    }
    assert_true(stk_names_max(STK_NAME_CHANNEL) < STK_CHANNELS_MAX);
    stk_names_destroy(names);
}

static void says_when_memory_is_refused(void **state)
{
    struct stk_names *names;
    struct stk_error err;
    (void)state;
    for (int n = 1; n <= 2; n++) {
        stk_alloc_fail_at(n, 1);
        assert_int_equal(stk_names_create(&names, &err), STK_NO_MEMORY);
        stk_alloc_fail_at(0, 0);
        assert_null(names);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_keeps_its_number),
        cmocka_unit_test(kinds_are_apart),
        cmocka_unit_test(every_number_can_be_given_and_then_it_is_full),
        cmocka_unit_test(says_when_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
