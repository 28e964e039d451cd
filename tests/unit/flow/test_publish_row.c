/* Rows of channels, published things and notes: there and back, hostile ones refused. */
#include "core/flow/publish_row.h"
#include "core/flow/rows.h"
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

static uint8_t room[STK_RECORD_MAX];

static void only_row(struct stk_record *record, struct stk_row_view *row)
{
    struct stk_record_view view;
    struct stk_bytes bytes = {(const char *)room, stk_record_size(record)};
    assert_int_equal(stk_record_open(bytes, 1, 0, &view, NULL), STK_OK);
    assert_int_equal(stk_record_next(&view, row), 1);
}

static stk_channel_t channel_of(const struct full_state *full)
{
    return stk_catalog_listing(&full->state.catalog, 0)->channel;
}

static void test_published_comes_back(void **state)
{
    struct full_state *full = *state;
    struct stk_channels *channels = &full->state.channels;
    uint32_t slot = stk_published_find(channels, 0, STK_PUBLISH_QUANTITY);
    struct stk_publication before = *stk_published_at(channels, slot);
    struct stk_record record;
    stk_record_begin(&record, room, 1, 0, 0, 0);
    stk_row_put_published(&record, &full->state, slot);
    struct stk_row_view row;
    only_row(&record, &row);
    stk_published_remove(channels, slot);
    assert_int_equal(stk_row_load(&full->state, row.table, row.key, row.value, NULL), STK_OK);
    struct stk_publication after =
        *stk_published_at(channels, stk_published_find(channels, 0, STK_PUBLISH_QUANTITY));
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(stk_row_load(&full->state, row.table, row.key, row.value, NULL), STK_OK);
    assert_int_equal(stk_state_check(&full->state, NULL), STK_OK);
    struct stk_bytes gone = {0};
    assert_int_equal(stk_row_load(&full->state, row.table, row.key, gone, NULL), STK_OK);
    assert_int_equal(stk_published_find(channels, 0, STK_PUBLISH_QUANTITY), STK_NONE);
}

static void test_every_cut_is_refused(void **state)
{
    struct full_state *full = *state;
    struct stk_record record;
    for (int which = 0; which < 3; which++) {
        stk_record_begin(&record, room, 1, 0, 0, 0);
        if (which == 0)
            stk_row_put_published(&record, &full->state, 0);
        else if (which == 1)
            stk_row_put_channel(&record, &full->state, channel_of(full));
        else
            stk_row_put_note(&record, &full->state, 0);
        struct stk_row_view row;
        only_row(&record, &row);
        for (uint32_t size = 1; size < row.value.size; size++) {
            struct stk_bytes cut = {row.value.data, size};
            assert_int_equal(stk_row_load(&full->state, row.table, row.key, cut, NULL),
                             STK_CORRUPT);
        }
        assert_int_equal(stk_row_load(&full->state, row.table, row.key, row.value, NULL), STK_OK);
    }
    assert_int_equal(stk_state_check(&full->state, NULL), STK_OK);
}

static void test_channel_keeps_its_lists(void **state)
{
    struct full_state *full = *state;
    struct stk_channels *channels = &full->state.channels;
    stk_channel_t number = channel_of(full);
    struct stk_record record;
    stk_published_queue(channels, stk_published_find(channels, 0, STK_PUBLISH_QUANTITY),
                        STK_CLASS_REST, 5);
    stk_record_begin(&record, room, 1, 0, 0, 0);
    stk_row_put_channel(&record, &full->state, number);
    struct stk_row_view row;
    only_row(&record, &row);
    stk_channel_at(channels, number)->cap = 1;
    assert_int_equal(stk_row_load(&full->state, row.table, row.key, row.value, NULL), STK_OK);
    assert_int_equal(stk_channel_at(channels, number)->cap, 50);
    assert_int_equal(stk_channel_queued(channels, number), 1);
    assert_int_equal(stk_state_check(&full->state, NULL), STK_OK);
}

static void test_a_note_of_another_key(void **state)
{
    struct full_state *full = *state;
    struct stk_record record;
    stk_record_begin(&record, room, 1, 0, 0, 0);
    stk_row_put_note(&record, &full->state, 0);
    struct stk_row_view row;
    only_row(&record, &row);
    ((char *)(uintptr_t)row.key.data)[3] ^= 1;
    assert_int_equal(stk_row_load(&full->state, row.table, row.key, row.value, NULL), STK_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_published_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_cut_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_channel_keeps_its_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_note_of_another_key, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
