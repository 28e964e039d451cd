/* Planted faults do the wrong that they are named after, and nothing when nobody asks for them. */
#include "core/base/fault.h"
#include "tests/lib/engine_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_init(f);
    fixture_start(f);
    assert_int_equal(fixture_call(f, "location.put", "{'source':'t','location':'main'}"), STK_OK);
    assert_int_equal(fixture_call(f, "sku.put", "{'source':'t','sku':'A'}"), STK_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    stk_fault_init(NULL, NULL);
    fixture_fini(*state);
    free(*state);
    return 0;
}

struct rows {
    unsigned keys, cells, orders;
};

static enum stk_status count_rows(void *arg, const struct stk_batch_view *batch,
                                  struct stk_error *err)
{
    struct rows *rows = arg;
    struct stk_batch_view view = *batch;
    struct stk_bytes bytes;
    struct stk_record_view record;
    struct stk_row_view row;
    while (stk_batch_next(&view, &bytes)) {
        assert_int_equal(stk_record_open(bytes, stk_batch_seq(&view), view.time_ms, &record, err),
                         STK_OK);
        while (stk_record_next(&record, &row)) {
            rows->keys += row.table == STK_TABLE_KEY;
            rows->cells += row.table == STK_TABLE_CELL;
            rows->orders += row.table == STK_TABLE_ORDER;
        }
    }
    return STK_OK;
}

/* Rows in the journal so far. */
static struct rows rows_of(struct fixture *f)
{
    struct rows rows = {0, 0, 0};
    const struct stk_log *log = &f->options.log;
    assert_int_equal(log->read(log->self, 1, count_rows, &rows, NULL), STK_OK);
    return rows;
}

static enum stk_status receive(struct fixture *f, const char *id)
{
    return fixture_call(f, "stock.receive",
                        "{'source':'t','id':'%s','sku':'A','location':'main','quantity':10}", id);
}

static enum stk_status place(struct fixture *f, const char *id)
{
    return fixture_call(f, "order.place",
                        "{'source':'w','id':'%s','lines':[{'sku':'A','quantity':1}]}", id);
}

static void nothing_unless_asked(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(receive(f, "r1"), STK_OK);
    assert_int_equal(place(f, "o1"), STK_OK);
    struct rows rows = rows_of(f);
    assert_int_equal(rows.keys, 1);
    assert_int_equal(rows.cells, 2);
    assert_int_equal(rows.orders, 1);
    fixture_check(f);
}

static void a_key_is_committed_later(void **state)
{
    struct fixture *f = *state;
    stk_fault_init("plant.key_next_commit:1:always", NULL);
    assert_int_equal(receive(f, "r1"), STK_OK);
    assert_int_equal(rows_of(f).keys, 0);
    assert_int_equal(receive(f, "r2"), STK_OK);
    assert_int_equal(rows_of(f).keys, 1);
    assert_int_equal(receive(f, "r1"), STK_OK); /* in memory it is known all the time */
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 20);
}

static void an_order_is_split(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(receive(f, "r1"), STK_OK);
    assert_int_equal(rows_of(f).cells, 1);
    stk_fault_init("plant.split_order:1:always", NULL);
    assert_int_equal(place(f, "o1"), STK_OK);
    assert_int_equal(rows_of(f).orders, 1);
    assert_int_equal(rows_of(f).cells, 1); /* the order without its cell */
    assert_int_equal(place(f, "o2"), STK_OK);
    assert_int_equal(rows_of(f).cells, 2); /* that of the order before */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_unless_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_is_committed_later, setup, teardown),
        cmocka_unit_test_setup_teardown(an_order_is_split, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
