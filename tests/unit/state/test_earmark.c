/* The lists of earmarks: of one cell each, the one that ends first before the others. */
#include "core/state/earmark.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MARKS 500
#define CELLS 7

static int setup(void **state)
{
    struct stk_book_capacity capacity = {.movements = 1,
                                         .incoming = 1,
                                         .earmarks = MARKS,
                                         .transfers = 1,
                                         .snapshots = 1,
                                         .snapshot_rows = 1,
                                         .shortfalls = 1,
                                         .early = 1,
                                         .text_bytes = 1 << 20};
    struct stk_book *book = calloc(1, sizeof *book);
    assert_int_equal(stk_book_init(book, &capacity, NULL), STK_OK);
    *state = book;
    return 0;
}

static int teardown(void **state)
{
    stk_book_fini(*state);
    free(*state);
    return 0;
}

static uint32_t add(struct stk_book *book, uint32_t number)
{
    char id[16];
    int size = snprintf(id, sizeof id, "e%u", number);
    return stk_book_add_earmark(book, STK_NONE, (struct stk_bytes){id, (uint32_t)size});
}

static void assert_list(const struct stk_book *book, stk_cell_t cell, const uint32_t *slots,
                        unsigned count)
{
    uint32_t at = stk_earmark_first(book, cell), before = STK_NONE;
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(at, slots[i]);
        assert_int_equal(stk_earmark_at(book, at)->prev_of_cell, before);
        before = at;
        at = stk_earmark_at(book, at)->next_of_cell;
    }
    assert_int_equal(at, STK_NONE);
}

static void what_ends_first_is_first(void **state)
{
    struct stk_book *book = *state;
    uint32_t a = add(book, 1), b = add(book, 2), c = add(book, 3), d = add(book, 4);
    assert_int_equal(stk_earmark_first(book, 5), STK_NONE);
    stk_earmark_place(book, a, 5, 0);
    stk_earmark_place(book, d, 5, 200);
    stk_earmark_place(book, c, 5, 100);
    stk_earmark_place(book, b, 5, 200);
    assert_list(book, 5, (uint32_t[]){c, b, d, a}, 4);
    stk_earmark_place(book, a, 5, 50);
    assert_list(book, 5, (uint32_t[]){a, c, b, d}, 4);
    stk_earmark_place(book, a, 5, 0);
    stk_earmark_place(book, c, 6, 100);
    assert_list(book, 5, (uint32_t[]){b, d, a}, 3);
    assert_list(book, 6, (uint32_t[]){c}, 1);
    stk_book_remove_earmark(book, d);
    stk_book_remove_earmark(book, c);
    assert_list(book, 5, (uint32_t[]){b, a}, 2);
    assert_list(book, 6, NULL, 0);
    stk_book_remove_earmark(book, b);
    stk_book_remove_earmark(book, a);
    assert_list(book, 5, NULL, 0);
    assert_int_equal(book->earmark_cells.count, 0);
}

/* Against the plainest thing: all of them, looked through. */
static void at_random(void **state)
{
    struct stk_book *book = *state;
    uint32_t live = 0;
    srand(1);
    for (int step = 0; step < 20000; step++) {
        uint32_t slot = (uint32_t)rand() % MARKS;
        stk_cell_t cell = (stk_cell_t)(rand() % CELLS);
        if (!stk_book_earmark_lives(book, slot)) {
            slot = add(book, (uint32_t)step);
            live++;
        } else if (rand() % 3 == 0) {
            stk_book_remove_earmark(book, slot);
            live--;
            continue;
        }
        stk_earmark_place(book, slot, cell, rand() % 4 ? rand() % 50 : 0);
        if (step % 100)
            continue;
        uint32_t listed = 0;
        for (cell = 0; cell < CELLS; cell++) {
            stk_time_t end = 0;
            for (uint32_t at = stk_earmark_first(book, cell); at != STK_NONE; listed++) {
                const struct stk_earmark *mark = stk_earmark_at(book, at);
                assert_true(stk_book_earmark_lives(book, at));
                assert_int_equal(mark->cell, cell);
                assert_true((mark->until_ms ? mark->until_ms : INT64_MAX) >= end);
                end = mark->until_ms ? mark->until_ms : INT64_MAX;
                at = mark->next_of_cell;
            }
        }
        assert_int_equal(listed, live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_ends_first_is_first, setup, teardown),
        cmocka_unit_test_setup_teardown(at_random, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
