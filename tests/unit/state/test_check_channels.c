/* The check finds what does not agree. */
#include "core/state/check_channels.h"
#include "tests/lib/full_state.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
    struct full_state *full = calloc(1, sizeof *full);
    full_state_init(full);
    *state = full;
    return 0;
}

static int teardown(void **state)
{
    full_state_fini(*state);
    free(*state);
    return 0;
}

static struct stk_publication *published(struct full_state *full)
{
    return stk_published_at(&full->state.channels,
                            stk_published_find(&full->state.channels, 0, STK_PUBLISH_QUANTITY));
}

static void finds(struct full_state *full, const char *what)
{
    struct stk_error err = {0};
    assert_int_not_equal(stk_check_channels(&full->state, &err), STK_OK);
    assert_non_null(strstr(err.text, what));
}

static void test_sound(void **state)
{
    struct full_state *full = *state;
    assert_int_equal(stk_check_channels(&full->state, NULL), STK_OK);
}

static void test_a_wrong_state_count(void **state)
{
    struct full_state *full = *state;
    published(full)->state = STK_PUBLISH_REFUSED;
    finds(full, "miscounted");
    published(full)->state = STK_PUBLISH_ACCEPTED;
}

static void test_a_torn_list(void **state)
{
    struct full_state *full = *state;
    struct stk_channels *channels = &full->state.channels;
    uint32_t slot = stk_published_find(channels, 0, STK_PUBLISH_QUANTITY);
    stk_published_queue(channels, slot, STK_CLASS_REST, 1);
    assert_int_equal(stk_check_channels(&full->state, NULL), STK_OK);
    published(full)->list = STK_CLASS_PRICE + 1;
    finds(full, "torn");
    published(full)->list = STK_CLASS_REST + 1;
    stk_channel_at(channels, published(full)->channel)->list[STK_CLASS_REST + 1].count = 2;
    finds(full, "counts 2 and has 1");
    stk_channel_at(channels, published(full)->channel)->list[STK_CLASS_REST + 1].count = 1;
}

static void test_another_listing(void **state)
{
    struct full_state *full = *state;
    published(full)->listing = 1;
    finds(full, "not of listing");
    published(full)->listing = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_wrong_state_count, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_torn_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_listing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
