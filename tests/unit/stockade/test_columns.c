/* Columns by map, by own name, by known names in English and Chinese. */
#include "tools/stockade/columns.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const fields[] = {"order", "sku", "quantity", "unit_price", "placed_at", NULL};

static enum stk_status init(struct columns *columns, const char *const *names,
                            const char *const *maps, struct stk_error *err)
{
    static struct csv_row row;
    uint32_t count = 0;
    row.count = 0;
    for (; names[row.count]; row.count++)
        row.fields[row.count] =
            (struct stk_bytes){names[row.count], (uint32_t)strlen(names[row.count])};
    while (maps[count])
        count++;
    return columns_init(columns, fields, &row, maps, count, err);
}
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect(const char *const *names, const char *const *maps, const int want[5])
{
    struct columns columns;
    struct stk_error err = {0};
    assert_int_equal(init(&columns, names, maps, &err), STK_OK);
    for (int i = 0; i < 5; i++)
        if (columns.column[i] != want[i])
            fail_msg("%s is column %d, want %d", fields[i], columns.column[i], want[i]);
    columns_fini(&columns);
}

static void test_names(void **state)
{
    const char *const none[] = {NULL};
    (void)state;
    expect(WORDS("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice"),
           none, (int[]){0, 1, 3, 5, 4});
    expect(WORDS("订单编号", "商品编码", "数量", "单价", "下单时间"), none, (int[]){0, 1, 2, 3, 4});
    expect(WORDS(" Order ", "unit price", "QTY"), none, (int[]){0, -1, 2, 1, -1});
    /* a field's own name wins over a known one, whichever comes first */
    expect(WORDS("Item", "SKU", "item code"), none, (int[]){-1, 1, -1, -1, -1});
}

static void test_maps(void **state)
{
    struct columns columns;
    struct stk_error err = {0};
    (void)state;
    expect(WORDS("a", "b", "sku"), WORDS("a=order,b=quantity"), (int[]){0, 2, 1, -1, -1});
    expect(WORDS("a", "b", "sku"), WORDS("#1=order", "sku=-", "#2=sku"), (int[]){0, 1, -1, -1, -1});
    expect(WORDS("a=b", "c"), WORDS("a=b=order"), (int[]){0, -1, -1, -1, -1});
    assert_int_equal(init(&columns, WORDS("a"), WORDS("#2=order"), &err), STK_INVALID);
    columns_fini(&columns);
    assert_int_equal(init(&columns, WORDS("a"), WORDS("order"), &err), STK_INVALID);
    columns_fini(&columns);
}

static void test_cells(void **state)
{
    struct columns columns;
    struct stk_error err = {0};
    struct csv_row row = {.count = 1, .fields = {{" x ", 3}}};
    (void)state;
    assert_int_equal(init(&columns, WORDS("order", "sku"), (const char *const[]){NULL}, &err),
                     STK_OK);
    struct stk_bytes cell = columns_cell(&columns, &row, columns_field(&columns, "order"));
    assert_int_equal(cell.size, 1);
    assert_memory_equal(cell.data, "x", 1);
    assert_int_equal(columns_cell(&columns, &row, columns_field(&columns, "sku")).size, 0);
    assert_int_equal(columns_cell(&columns, &row, columns_field(&columns, "colour")).size, 0);
    columns_fini(&columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_maps),
        cmocka_unit_test(test_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
