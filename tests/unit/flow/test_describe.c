/* Rows as documents; damage is named. */
#include "core/flow/describe.h"
#include "core/flow/rows.h"
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

/* One of everything that has a row. */
static void make_rich(struct fixture *f)
{
    CALL(OK, "sku.put",
         "{'source':'t','sku':'C','title':'Mug','barcodes':['4006381333931'],'aliases':['C-old'],'"
         "cost':250,'currency':'EUR','tags':['red']}");
    CALL(OK, "listing.put",
         "{'source':'t','channel':'shop','listing':'K','components':[{'sku':'A','units':2},{'sku':'"
         "B'}]}");
    CALL(OK, "order.place",
         "{'source':'w','id':'1','channel':'shop','country':'DE','currency':'EUR','ttl_ms':60000,'"
         "lines':[{'listing':'K','quantity':1,'unit_price':100,'tax':19},{'sku':'A','quantity':2}]"
         "}");
    CALL(OK, "order.place",
         "{'source':'w','id':'2','fact':true,'lines':[{'sku':'B','quantity':9}]}");
    CALL(OK, "order.ship", "{'source':'w','id':'s','order':'1','lines':[{'line':1,'quantity':1}]}");
    CALL(OK, "incoming.put",
         "{'source':'t','id':'i','document':'PO','sku':'C','location':'main','quantity':9,'"
         "preorder_limit':5}");
    CALL(OK, "order.place",
         "{'source':'w','id':'3','lines':[{'sku':'C','quantity':2,'preorder':true}]}");
    CALL(OK, "stock.earmark",
         "{'source':'t','id':'e','earmark':'E','sku':'A','location':'main','quantity':2,'for':'vip'"
         "}");
    CALL(OK, "stock.transfer",
         "{'source':'t','id':'x','transfer':'T','action':'send','from':'main','to':'east','lines':["
         "{'sku':'A','quantity':1}]}");
    CALL(OK, "stock.snapshot",
         "{'source':'t','id':'n','snapshot':'N','location':'main','total':9,'rows':[{'sku':'C','"
         "quantity':9}]}");
    CALL(OK, "order.cancel", "{'source':'w','id':'c','order':'77'}");
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

static void test_every_row_has_words(void **state)
{
    struct fixture *f = *state;
    uint8_t *room, text[8192];
    struct row rows[256];
    make_rich(f);
    unsigned count = all_rows(f, &room, rows, 256);
    for (unsigned i = 0; i < count; i++) {
        struct stk_doc doc = stk_doc(text, sizeof text);
        struct stk_error err = {0};
        assert_int_equal(
            stk_row_describe(NULL, rows[i].table, rows[i].key, rows[i].value, &doc, &err), STK_OK);
        struct stk_value values[512];
        struct stk_parse parse;
        assert_int_equal(
            stk_doc_parse(text, doc.size, sizeof text, STK_DEPTH_MAX, values, 512, &parse), STK_OK);
        assert_int_equal(parse.consumed, doc.size);
        assert_int_equal(parse.root->type, STK_VALUE_MAP);
    }
    free(room);
}

static void test_cut_rows_are_damaged(void **state)
{
    struct fixture *f = *state;
    uint8_t *room, text[8192];
    struct row rows[256];
    make_rich(f);
    unsigned count = all_rows(f, &room, rows, 256);
    for (unsigned i = 0; i < count; i++)
        for (uint32_t cut = 0; cut < 2 && cut < rows[i].value.size; cut++) {
            struct stk_doc doc = stk_doc(text, sizeof text);
            struct stk_bytes part = {rows[i].value.data, cut};
            assert_int_not_equal(
                stk_row_describe(NULL, rows[i].table, rows[i].key, part, &doc, NULL), STK_OK);
        }
    free(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_row_has_words, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_rows_are_damaged, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
