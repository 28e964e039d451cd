/* One record a command: each touched cell once. */
#include "tests/lib/engine_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CALL(status, ...) assert_int_equal(fixture_call(f, __VA_ARGS__), STK_##status)

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_init(f);
    fixture_start(f);
    CALL(OK, "location.put", "{'source':'t','location':'main','priority':10}");
    CALL(OK, "location.put", "{'source':'t','location':'east','priority':20}");
    CALL(OK, "sku.put", "{'source':'t','sku':'A'}");
    CALL(OK, "sku.put", "{'source':'t','sku':'B'}");
    CALL(OK, "stock.receive", "{'source':'t','id':'ra','sku':'A','location':'main','quantity':10}");
    CALL(OK, "stock.receive", "{'source':'t','id':'rb','sku':'B','location':'main','quantity':3}");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_fini(*state);
    free(*state);
    return 0;
}

struct row {
    uint8_t table;
    struct stk_bytes key, value;
};

/* Each row of the state, and each KEY and MOVEMENT row of the journal. */
static unsigned all_rows(struct fixture *f, uint8_t **room, struct row *rows, unsigned max)
{
    unsigned count = 0;
    *room = malloc(1 << 20);
    uint8_t *at = *room;
    for (uint32_t i = 0; i < f->log.kept_count; i++) {
        struct stk_batch_view batch;
        struct stk_bytes bytes;
        assert_int_equal(stk_batch_open(f->log.kept[i].data, f->log.kept[i].size, &batch, NULL),
                         STK_OK);
        while (stk_batch_next(&batch, &bytes)) {
            struct stk_record_view record;
            struct stk_row_view row;
            assert_int_equal(stk_record_open(bytes, stk_batch_seq(&batch), 0, &record, NULL),
                             STK_OK);
            while (stk_record_next(&record, &row) && count < max) {
                if (!row.value.data)
                    continue;
                memcpy(at, row.key.data, row.key.size);
                memcpy(at + row.key.size, row.value.data, row.value.size);
                rows[count].table = row.table;
                rows[count].key = (struct stk_bytes){(char *)at, row.key.size};
                rows[count++].value = (struct stk_bytes){(char *)at + row.key.size, row.value.size};
                at += row.key.size + row.value.size;
            }
        }
    }
    return count;
}

static void test_a_cell_has_one_row_however_often_it_is_touched(void **state)
{
    struct fixture *f = *state;
    uint8_t *room;
    struct row rows[512];
    unsigned cells = 0;
    CALL(OK, "sku.put", "{'source':'t','sku':'C'}");
    CALL(OK, "sku.put", "{'source':'t','sku':'D'}");
    CALL(OK, "sku.put", "{'source':'t','sku':'E'}");
    for (int i = 0; i < 3; i++)
        CALL(OK, "stock.receive",
             "{'source':'t','id':'x%d','sku':'%c','location':'main','quantity':50}", i, 'C' + i);
    uint32_t before = f->log.kept_count;
    CALL(OK, "order.place",
         "{'source':'w','id':'1','lines':[{'sku':'A','quantity':1},{'sku':'C','quantity':1},{'sku':"
         "'D','quantity':1},{'sku':'E','quantity':1},{'sku':'A','quantity':1},{'sku':'B','quantity'"
         ":1},{'sku':'E','quantity':1},{'sku':'B','quantity':1}]}");
    for (uint32_t i = 0; i < before; i++)
        free(f->log.kept[i].data);
    memmove(f->log.kept, f->log.kept + before,
            sizeof f->log.kept[0] * (f->log.kept_count - before));
    f->log.kept_count -= before;
    unsigned count = all_rows(f, &room, rows, 512);
    for (unsigned i = 0; i < count; i++)
        cells += rows[i].table == STK_TABLE_CELL;
    assert_int_equal(cells, 5);
    free(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_cell_has_one_row_however_often_it_is_touched, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
