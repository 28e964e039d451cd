/* Names of kinds, states and steps: each has one, and no two the same. */
#include "core/flow/verb_channel.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void all_differ(const char *(*name)(unsigned), unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_string_not_equal(name(i), "?");
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(name(i), name(j));
    }
    assert_string_equal(name(count), "?");
    assert_string_equal(name(UINT32_MAX), "?");
}

static void test_names(void **state)
{
    (void)state;
    all_differ(stk_publish_kind_name, STK_PUBLISH_KINDS);
    all_differ(stk_publish_state_name, STK_PUBLISH_STATES);
    all_differ(stk_step_name, STK_STEPS);
    all_differ(stk_mode_name, STK_MODES);
}

static void test_each_verb_has_its_fields(void **state)
{
    (void)state;
    for (unsigned i = STK_VERB_CHANNEL_PUT; i <= STK_VERB_CHANNEL_NOTE_GET; i++) {
        const struct stk_verb *verb = stk_verb_by_number(i);
        assert_non_null(verb);
        assert_memory_equal(verb->name, "channel.", 8);
        if (i != STK_VERB_CHANNEL_LIST)
            assert_string_equal(verb->fields[0].name, "channel");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_each_verb_has_its_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
