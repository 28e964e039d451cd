/* Notes: found by channel and key, changed in place, bounded. */
#include "core/state/note.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct stk_bytes text(const char *t)
{
    return (struct stk_bytes){t, (uint32_t)strlen(t)};
}

static void is(const struct stk_notes *notes, uint32_t slot, const char *want)
{
    struct stk_bytes value = stk_notes_value(notes, slot);
    assert_int_equal(value.size, strlen(want));
    assert_memory_equal(value.data, want, value.size);
}

static void test_put_and_find(void **state)
{
    (void)state;
    struct stk_notes notes;
    assert_int_equal(stk_notes_init(&notes, 8, 4096, NULL), STK_OK);
    assert_int_equal(stk_notes_find(&notes, 1, text("cursor")), STK_NONE);
    uint32_t one = stk_notes_put(&notes, 1, text("cursor"), text("a"));
    uint32_t two = stk_notes_put(&notes, 2, text("cursor"), text("b"));
    assert_true(one != STK_NONE && two != STK_NONE && one != two);
    assert_int_equal(stk_notes_put(&notes, 1, text("cursor"), text("a longer value than before")),
                     one);
    is(&notes, stk_notes_find(&notes, 1, text("cursor")), "a longer value than before");
    is(&notes, stk_notes_find(&notes, 2, text("cursor")), "b");
    assert_int_equal(stk_notes_put(&notes, 1, text("cursor"), text("")), one);
    is(&notes, one, "");
    stk_notes_fini(&notes);
}

static void test_full_changes_nothing(void **state)
{
    (void)state;
    struct stk_notes notes;
    char key[16];
    assert_int_equal(stk_notes_init(&notes, 2, 64, NULL), STK_OK);
    assert_int_not_equal(stk_notes_put(&notes, 1, text("k0"), text("v")), STK_NONE);
    assert_int_not_equal(stk_notes_put(&notes, 1, text("k1"), text("v")), STK_NONE);
    assert_int_equal(stk_notes_put(&notes, 1, text("k2"), text("v")), STK_NONE);
    static char large[200];
    memset(large, 'x', sizeof large);
    struct stk_bytes too_large = {large, sizeof large};
    assert_int_equal(stk_notes_put(&notes, 1, text("k0"), too_large), STK_NONE);
    for (int i = 0; i < 2; i++) {
        snprintf(key, sizeof key, "k%d", i);
        is(&notes, stk_notes_find(&notes, 1, text(key)), "v");
    }
    stk_notes_fini(&notes);
}

static void test_bytes_are_used_again(void **state)
{
    (void)state;
    struct stk_notes notes;
    char value[32];
    assert_int_equal(stk_notes_init(&notes, 2, 256, NULL), STK_OK);
    for (int i = 0; i < 10000; i++) {
        snprintf(value, sizeof value, "page %d", i);
        assert_int_not_equal(stk_notes_put(&notes, 1, text("cursor"), text(value)), STK_NONE);
    }
    is(&notes, stk_notes_find(&notes, 1, text("cursor")), "page 9999");
    stk_notes_fini(&notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_and_find),
        cmocka_unit_test(test_full_changes_nothing),
        cmocka_unit_test(test_bytes_are_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
