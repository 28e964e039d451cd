#include "core/state/cell.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void numbers_are_read_as_they_were_written(void **state)
{
    alignas(64) struct stk_cell cell = {0};
    struct stk_cell_numbers in = {7, 3, 2, 1}, out;
    (void)state;
    stk_cell_write(&cell, in);
    out = stk_cell_read(&cell);
    assert_memory_equal(&in, &out, sizeof in);
    out = stk_cell_numbers(&cell);
    assert_memory_equal(&in, &out, sizeof in);
    assert_int_equal(cell.lock.version, 2); /* even: nobody is inside */
}

static void available_and_exposed_never_go_below_zero(void **state)
{
    (void)state;
    assert_int_equal(stk_cell_available((struct stk_cell_numbers){5, 3, 9, 0}), 2);
    assert_int_equal(stk_cell_exposed((struct stk_cell_numbers){5, 3, 9, 0}), 0);
    assert_int_equal(stk_cell_available((struct stk_cell_numbers){3, 5, 9, 0}), 0);
    assert_int_equal(stk_cell_exposed((struct stk_cell_numbers){3, 5, 9, 0}), 2);
    assert_int_equal(stk_cell_available((struct stk_cell_numbers){0, 0, 0, 0}), 0);
}

static void every_entry_of_the_ledger_counts(void **state)
{
    struct stk_cell cell = {0};
    struct stk_cell_more more = {0};
    (void)state;
    assert_true(stk_cell_balanced(&cell, NULL));
    cell.received = 100, cell.returned = 4, cell.found = 2;
    cell.shipped = 30, cell.written_off = 6;
    stk_cell_write(&cell, (struct stk_cell_numbers){60, 20, 10, 0});
    assert_true(stk_cell_balanced(&cell, NULL));
    assert_true(stk_cell_balanced(&cell, &more));
    more.transferred_out = 1;
    assert_false(stk_cell_balanced(&cell, &more));
    more.transferred_in = 1;
    assert_true(stk_cell_balanced(&cell, &more));
    cell.received++;
    assert_false(stk_cell_balanced(&cell, NULL));
    cell.shipped++;
    assert_true(stk_cell_balanced(&cell, NULL));
    cell.returned++;
    assert_false(stk_cell_balanced(&cell, NULL));
    cell.written_off++;
    assert_true(stk_cell_balanced(&cell, NULL));
    cell.found++;
    assert_false(stk_cell_balanced(&cell, NULL));
    stk_cell_write(&cell, (struct stk_cell_numbers){61, 20, 10, 0});
    assert_true(stk_cell_balanced(&cell, NULL));
    stk_cell_write(&cell, (struct stk_cell_numbers){61, 20, 11, 0});
    assert_false(stk_cell_balanced(&cell, NULL));
    stk_cell_write(&cell, (struct stk_cell_numbers){61, 90, 10, 0}); /* held does not count */
    assert_true(stk_cell_balanced(&cell, NULL));
}

static void the_ledger_outgrows_32_bits(void **state)
{
    struct stk_cell cell = {0};
    (void)state;
    cell.received = 1ull << 40;
    cell.shipped = (1ull << 40) - 5;
    stk_cell_write(&cell, (struct stk_cell_numbers){5, 0, 0, 0});
    assert_true(stk_cell_balanced(&cell, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_as_they_were_written),
        cmocka_unit_test(available_and_exposed_never_go_below_zero),
        cmocka_unit_test(every_entry_of_the_ledger_counts),
        cmocka_unit_test(the_ledger_outgrows_32_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
