#include "core/state/book.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct stk_book book;
static struct stk_catalog catalog;
static struct stk_orders orders;

static struct stk_bytes bytes(const char *text)
{
    return (struct stk_bytes){text, (uint32_t)strlen(text)};
}

static int setup(void **state)
{
    struct stk_catalog_capacity skus = {4, 8, 1, 1, 1, 64};
    struct stk_book_capacity capacity = {.movements = 6,
                                         .incoming = 5,
                                         .earmarks = 4,
                                         .transfers = 4,
                                         .snapshots = 3,
                                         .snapshot_rows = 6,
                                         .shortfalls = 3,
                                         .early = 3,
                                         .text_bytes = 1024};
    (void)state;
    assert_int_equal(stk_catalog_init(&catalog, &skus, NULL), STK_OK);
    assert_int_equal(stk_book_init(&book, &capacity, NULL), STK_OK);
    assert_int_equal(stk_orders_init(&orders, 4, 8, 4096, NULL), STK_OK);
    for (int i = 0; i < 2; i++) {
        stk_sku_t sku = STK_NONE;
        stk_cell_t cell;
        assert_int_equal(stk_catalog_add_sku(&catalog, bytes(i ? "a" : "b"), &sku, NULL), STK_OK);
        assert_int_equal(stk_catalog_add_cell(&catalog, sku, 0, &cell, NULL), STK_OK);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stk_book_fini(&book);
    stk_catalog_fini(&catalog);
    stk_orders_fini(&orders);
    return 0;
}

/* --- movements --- */

static uint32_t move(stk_cell_t cell, stk_time_t occurred_ms, stk_seq_t seq, int32_t delta)
{
    return stk_book_add_movement(&book, &catalog, cell, occurred_ms, seq, delta);
}

static int64_t since(stk_cell_t cell, stk_time_t as_of)
{
    int known;
    int64_t sum = stk_book_moved_since(&book, &catalog, cell, as_of, &known);
    return known ? sum : INT64_MIN;
}

static void movements_are_summed_by_their_time(void **state)
{
    (void)state;
    assert_int_equal(since(0, 0), 0);
    move(0, 100, 1, 10);
    move(0, 300, 2, -3);
    move(0, 200, 3, -4); /* late news */
    move(1, 250, 4, 1000);
    move(0, 200, 5, -1);
    assert_int_equal(since(0, 50), 2);
    assert_int_equal(since(0, 100), -8); /* what occurred after it */
    assert_int_equal(since(0, 199), -8);
    assert_int_equal(since(0, 200), -3);
    assert_int_equal(since(0, 300), 0);
    assert_int_equal(since(1, 0), 1000);
    uint32_t at = stk_catalog_cell_more(&catalog, 0)->first_move - 1;
    stk_seq_t order[] = {1, 3, 5, 2};
    for (int i = 0; i < 4; i++) {
        struct stk_movement *movement = stk_pool_at(&book.movements, at);
        assert_int_equal(movement->seq, order[i]);
        at = movement->next;
    }
    assert_int_equal(at, STK_NONE);
}

static void parts_of_one_effect_are_counted(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(
            ((struct stk_movement *)stk_pool_at(&book.movements, move(i % 2, 5, 7, 1)))->part, i);
    assert_int_equal(((struct stk_movement *)stk_pool_at(&book.movements, move(0, 5, 8, 1)))->part,
                     0);
}

static void units_shipped_for_a_source_are_told_apart(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        uint32_t at = move(0, 100 + i, i + 1, i == 4 ? 7 : -(int32_t)(1 << i));
        struct stk_movement *movement = stk_pool_at(&book.movements, at);
        movement->source = i == 1 ? 8 : 9;
        movement->placed_ms = 10 * i;
    }
    assert_int_equal(stk_book_shipped_since(&book, &catalog, 0, 0, 9, 1000), 1 + 4 + 8);
    assert_int_equal(stk_book_shipped_since(&book, &catalog, 0, 100, 9, 1000), 4 + 8);
    assert_int_equal(stk_book_shipped_since(&book, &catalog, 0, 0, 9, 20), 1 + 4);
    assert_int_equal(stk_book_shipped_since(&book, &catalog, 0, 0, 8, 1000), 2);
    assert_int_equal(stk_book_shipped_since(&book, &catalog, 0, 0, 0, 1000), 0);
    assert_int_equal(stk_book_shipped_since(&book, &catalog, 1, 0, 9, 1000), 0);
}

static void heard(void *arg, const struct stk_movement *movement)
{
    *(uint64_t *)arg = *(uint64_t *)arg * 10 + movement->seq;
}

static void forgetting_takes_the_oldest_and_says_what_is_not_known(void **state)
{
    uint64_t gone = 0;
    (void)state;
    move(0, 300, 1, 1);
    move(1, 100, 2, 2);
    move(0, 200, 3, 4);
    move(0, 400, 4, 8);
    move(0, 500, 5, 16);
    move(1, 600, 6, 32);
    assert_int_equal(move(0, 700, 7, 1), STK_NONE); /* full */
    assert_int_equal(stk_book_forget_movements(&book, &catalog, 300, 10, heard, &gone), 0);
    assert_int_equal(stk_book_forget_movements(&book, &catalog, 301, 1, heard, &gone), 1);
    assert_int_equal(since(0, 299), INT64_MIN);
    assert_int_equal(since(0, 300), 24); /* seq 3 is kept, but occurred before */
    assert_int_equal(since(1, 0), 34);
    assert_int_equal(stk_book_forget_movements(&book, &catalog, 500, 10, heard, &gone), 3);
    assert_int_equal(gone, 1234);
    assert_int_equal(since(0, 400), 16);
    assert_int_equal(since(0, 399), INT64_MIN);
    assert_int_equal(since(1, 100), 32);
    assert_int_equal(stk_book_forget_movements(&book, &catalog, INT64_MAX, 10, NULL, NULL), 2);
    assert_int_equal(book.movements.used, 0);
    assert_int_equal(book.first_movement, STK_NONE);
    assert_int_equal(stk_catalog_cell_more(&catalog, 0)->first_move, 0);
    assert_int_equal(stk_catalog_cell_more(&catalog, 0)->last_move, 0);
    move(0, 900, 8, 5);
    assert_int_equal(since(0, 800), 5);
}

/* --- incoming --- */

static uint32_t expect(uint32_t slot, const char *document, stk_sku_t sku, stk_time_t at)
{
    return stk_book_add_incoming(&book, &catalog, slot, bytes(document), sku, 3, at);
}

static void incoming_comes_by_its_date(void **state)
{
    uint32_t a = expect(STK_NONE, "po-1", 0, 500), b = expect(STK_NONE, "po-2", 0, 300);
    uint32_t c = expect(STK_NONE, "po-1", 1, 100), d = expect(STK_NONE, "po-3", 0, 500);
    uint32_t order[] = {b, a, d};
    uint32_t at = stk_book_first_incoming(&book, &catalog, 0);
    (void)state;
    for (int i = 0; i < 3;
         i++, at = ((struct stk_incoming *)stk_pool_at(&book.incoming, at))->next_of_sku)
        assert_int_equal(at, order[i]);
    assert_int_equal(at, STK_NONE);
    assert_int_equal(stk_book_find_incoming(&book, bytes("po-1"), 0, 3), a);
    assert_int_equal(stk_book_find_incoming(&book, bytes("po-1"), 1, 3), c);
    assert_int_equal(stk_book_find_incoming(&book, bytes("po-1"), 0, 4), STK_NONE);
    stk_book_expect_incoming(&book, &catalog, b, 600);
    assert_int_equal(stk_book_first_incoming(&book, &catalog, 0), a);
    stk_book_expect_incoming(&book, &catalog, d, 1);
    assert_int_equal(stk_book_first_incoming(&book, &catalog, 0), d);
    stk_book_remove_incoming(&book, &catalog, a); /* from the middle */
    assert_int_equal(stk_book_find_incoming(&book, bytes("po-1"), 0, 3), STK_NONE);
    stk_book_remove_incoming(&book, &catalog, d);
    assert_int_equal(stk_book_first_incoming(&book, &catalog, 0), b);
    stk_book_remove_incoming(&book, &catalog, b);
    assert_int_equal(stk_book_first_incoming(&book, &catalog, 0), STK_NONE);
    assert_true(stk_book_incoming_lives(&book, c));
    assert_false(stk_book_incoming_lives(&book, a));
    assert_false(stk_book_incoming_lives(&book, 99));
    stk_book_remove_incoming(&book, &catalog, c);
    assert_int_equal(book.text.used_bytes, 0);
}

static void preorders_queue_at_their_document(void **state)
{
    uint32_t a = expect(STK_NONE, "po", 0, 1), b = expect(STK_NONE, "po", 1, 1), slot, hold[3];
    struct stk_incoming *incoming = stk_pool_at(&book.incoming, a);
    (void)state;
    assert_int_equal(
        stk_orders_add(&orders, (struct stk_hash){1, 2}, 1, 1, bytes("o"), &slot, NULL), STK_OK);
    for (uint32_t i = 0; i < 3; i++) {
        hold[i] = stk_orders_add_preorder(&orders, slot, 0, 0, 0, i + 1);
        stk_book_join_incoming(&book, &orders, a, hold[i]);
        assert_int_equal(stk_orders_hold(&orders, hold[i])->incoming, a);
    }
    assert_int_equal(incoming->preorders, 6);
    assert_int_equal(incoming->first_hold, hold[0]);
    assert_int_equal(incoming->last_hold, hold[2]);
    stk_book_leave_incoming(&book, &orders, hold[1]);
    assert_int_equal(stk_orders_hold(&orders, hold[0])->next_of_cell, hold[2]);
    assert_int_equal(stk_orders_hold(&orders, hold[2])->prev_of_cell, hold[0]);
    assert_int_equal(incoming->preorders, 4);
    stk_book_preorder_less(&book, &orders, hold[2], 2);
    assert_int_equal(incoming->preorders, 2);
    assert_int_equal(stk_orders_hold(&orders, hold[2])->quantity, 1);
    stk_book_join_incoming(&book, &orders, b, hold[1]);
    stk_book_leave_incoming(&book, &orders, hold[0]);
    stk_book_leave_incoming(&book, &orders, hold[2]);
    stk_book_leave_incoming(&book, &orders, hold[1]);
    assert_int_equal(incoming->first_hold, STK_NONE);
    assert_int_equal(incoming->last_hold, STK_NONE);
    stk_orders_remove_holds(&orders, &catalog, slot); /* in no cell's list: none is touched */
    assert_int_equal(stk_catalog_cell(&catalog, 0)->first_hold, STK_NONE);
    stk_book_remove_incoming(&book, &catalog, a);
    stk_book_remove_incoming(&book, &catalog, b);
}

/* --- slots by number, as recovery needs them --- */

static void slots_are_taken_by_number_in_any_order(void **state)
{
    struct stk_earmark *mark;
    (void)state;
    assert_int_equal(stk_book_add_earmark(&book, 2, bytes("c")), 2);
    assert_false(stk_book_earmark_lives(&book, 0)); /* below the top, never taken */
    assert_false(stk_book_earmark_lives(&book, 1));
    assert_int_equal(stk_book_add_earmark(&book, 0, bytes("a")), 0);
    stk_book_remove_earmark(&book, 2); /* the journal goes on */
    assert_int_equal(stk_book_add_earmark(&book, 2, bytes("c2")), 2);
    stk_book_remove_earmark(&book, 2);
    assert_int_equal(stk_book_add_earmark(&book, 2, bytes("c3")), 2);
    stk_book_remove_earmark(&book, 0);
    assert_int_equal(book.earmarks.used, 1);
    /* any slot will do again: the lowest free one, the top last */
    assert_int_equal(stk_book_add_earmark(&book, STK_NONE, bytes("x")), 0);
    assert_int_equal(stk_book_add_earmark(&book, STK_NONE, bytes("y")), 1);
    assert_int_equal(stk_book_add_earmark(&book, STK_NONE, bytes("z")), 3);
    assert_int_equal(stk_book_add_earmark(&book, STK_NONE, bytes("full")), STK_NONE);
    assert_int_equal(stk_book_find_earmark(&book, bytes("c3")), 2);
    assert_int_equal(stk_book_find_earmark(&book, bytes("c2")), STK_NONE);
    assert_int_equal(stk_book_find_earmark(&book, bytes("y")), 1);
    stk_book_remove_earmark(&book, 1);
    assert_int_equal(stk_book_add_earmark(&book, STK_NONE, bytes("w")), 1);
    mark = stk_pool_at(&book.earmarks, 1);
    assert_int_equal(mark->quantity, 0);
    assert_int_equal(mark->cell, STK_NONE);
    assert_memory_equal(stk_book_text(&book, mark->id).data, "w", 1);
}

static void transfers_have_lines_of_their_own(void **state)
{
    uint32_t slot = stk_book_add_transfer(&book, STK_NONE, bytes("t-1"), 3);
    struct stk_transfer *transfer = stk_pool_at(&book.transfers, slot);
    struct stk_transfer_line *line = stk_heap_at(&book.text, transfer->lines);
    uint64_t used;
    (void)state;
    assert_int_equal(transfer->line_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(line[i].sent | line[i].arrived | line[i].lost, 0);
        line[i].sent = 9;
    }
    assert_int_equal(stk_book_find_transfer(&book, bytes("t-1")), slot);
    used = book.text.used_bytes;
    assert_int_equal(stk_book_add_transfer(&book, STK_NONE, bytes("t-2"), 1000), STK_NONE);
    assert_int_equal(book.text.used_bytes, used);
    stk_book_remove_transfer(&book, slot);
    assert_int_equal(book.text.used_bytes, 0);
    assert_false(stk_book_transfer_lives(&book, slot));
}

static void snapshot_rows_are_found_and_dropped_from_anywhere(void **state)
{
    uint32_t a = stk_book_add_snapshot(&book, STK_NONE, bytes("s-a"));
    uint32_t b = stk_book_add_snapshot(&book, STK_NONE, bytes("s-b"));
    struct stk_snapshot *snapshot = stk_pool_at(&book.snapshots, a);
    uint32_t row[4];
    (void)state;
    for (stk_sku_t sku = 0; sku < 4; sku++)
        row[sku] = stk_book_set_snapshot_row(&book, a, sku, 10 + sku);
    assert_int_equal(stk_book_set_snapshot_row(&book, b, 1, 77), 4);
    assert_int_equal(snapshot->rows, 4);
    assert_int_equal(stk_book_set_snapshot_row(&book, a, 2, 99), row[2]); /* changed, not new */
    assert_int_equal(snapshot->rows, 4);
    assert_int_equal(
        ((struct stk_snapshot_row *)stk_pool_at(&book.snapshot_rows, row[2]))->quantity, 99);
    assert_int_equal(stk_book_set_snapshot_row(&book, b, 2, 1), 5);
    assert_int_equal(stk_book_set_snapshot_row(&book, b, 3, 1), STK_NONE); /* full */
    stk_book_drop_snapshot_row(&book, a, 1);
    stk_book_drop_snapshot_row(&book, a, 1); /* none: fine */
    assert_int_equal(stk_book_find_snapshot_row(&book, a, 1), STK_NONE);
    assert_int_equal(stk_book_find_snapshot_row(&book, b, 1), 4);
    assert_int_equal(snapshot->first_row, row[0]);
    stk_book_drop_snapshot_row(&book, a, 0);
    assert_int_equal(snapshot->first_row, row[2]);
    stk_book_drop_snapshot_row(&book, a, 3);
    assert_int_equal(snapshot->last_row, row[2]);
    assert_int_equal(snapshot->rows, 1);
    stk_book_remove_snapshot(&book, b);
    assert_int_equal(book.snapshot_rows.used, 1);
    assert_int_equal(stk_book_find_snapshot(&book, bytes("s-b")), STK_NONE);
    stk_book_remove_snapshot(&book, a);
    assert_int_equal(book.snapshot_rows.used, 0);
    assert_int_equal(book.text.used_bytes, 0);
}

static void shortfalls_and_early_cancellations_are_found(void **state)
{
    struct stk_hash a = {1, 2}, b = {1, 3};
    uint32_t slot;
    (void)state;
    slot = stk_book_add_shortfall(&book, 7, 0);
    assert_int_equal(stk_book_add_shortfall(&book, 7, 1), slot + 1);
    assert_int_equal(stk_book_find_shortfall(&book, 7, 0), slot);
    assert_int_equal(stk_book_find_shortfall(&book, 8, 0), STK_NONE);
    stk_book_add_shortfall(&book, 9, 0);
    assert_int_equal(stk_book_add_shortfall(&book, 9, 1), STK_NONE);
    stk_book_remove_shortfall(&book, slot);
    assert_int_equal(stk_book_find_shortfall(&book, 7, 0), STK_NONE);
    assert_int_equal(stk_book_find_shortfall(&book, 7, 1), slot + 1);
    assert_int_equal(((struct stk_shortfall *)stk_pool_at(&book.shortfalls, slot))->order_number,
                     0);
    assert_int_equal(stk_book_add_shortfall(&book, 9, 1), slot);

    slot = stk_book_add_early(&book, a, 100);
    assert_int_equal(stk_book_find_early(&book, b), STK_NONE);
    assert_int_equal(stk_book_add_early(&book, b, 100), slot + 1);
    assert_int_equal(stk_book_find_early(&book, b), slot + 1);
    stk_book_remove_early(&book, slot);
    assert_int_equal(stk_book_find_early(&book, a), STK_NONE);
    assert_int_equal(stk_book_find_early(&book, b), slot + 1);
    assert_int_equal(((struct stk_early *)stk_pool_at(&book.early, slot))->used, 0);
    stk_book_add_early(&book, a, 1);
    stk_book_add_early(&book, (struct stk_hash){9, 9}, 1);
    assert_int_equal(stk_book_add_early(&book, (struct stk_hash){8, 8}, 1), STK_NONE);
}

static void count_gone(void *arg, struct stk_hash order_key)
{
    *(uint64_t *)arg += order_key.high;
}

static void early_cancellations_are_forgotten_by_age(void **state)
{
    uint64_t sum = 0;
    (void)state;
    assert_int_equal(stk_book_forget_early(&book, 1000, 10, NULL, NULL), 0);
    stk_book_add_early(&book, (struct stk_hash){1, 100}, 300);
    stk_book_add_early(&book, (struct stk_hash){2, 10}, 100);
    stk_book_add_early(&book, (struct stk_hash){3, 1}, 200);
    assert_int_equal(stk_book_forget_early(&book, 100, 10, count_gone, &sum), 0);
    assert_int_equal(stk_book_forget_early(&book, 201, 1, count_gone, &sum), 1);
    assert_int_equal(sum, 10);
    assert_int_equal(stk_book_forget_early(&book, 201, 1, count_gone, &sum), 1);
    assert_int_equal(sum, 11);
    assert_int_equal(stk_book_forget_early(&book, 201, 1, count_gone, &sum), 0);
    assert_int_not_equal(stk_book_find_early(&book, (struct stk_hash){1, 100}), STK_NONE);
    stk_book_add_early(&book, (struct stk_hash){4, 1000}, 50);
    assert_int_equal(stk_book_forget_early(&book, INT64_MAX, 10, count_gone, &sum), 2);
    assert_int_equal(sum, 1111);
    assert_int_equal(book.early.used, 0);
}

static void full_texts_change_nothing(void **state)
{
    char id[STK_ID_MAX];
    uint32_t taken = 0;
    (void)state;
    memset(id, 'x', sizeof id);
    for (uint32_t i = 0; i < 3; i++) { /* 1024 bytes of text, of which 900 are lines */
        id[0] = (char)('0' + i);
        if (i == 0)
            assert_int_equal(stk_book_add_transfer(&book, STK_NONE, bytes("t"), 56), 0);
        taken +=
            stk_book_add_earmark(&book, STK_NONE, (struct stk_bytes){id, sizeof id}) != STK_NONE;
    }
    assert_int_equal(taken, 1);
    assert_int_equal(book.earmarks.used, 1);
    assert_int_equal(stk_book_find_earmark(&book, (struct stk_bytes){id, sizeof id}), STK_NONE);
}

static void refused_memory_is_said_and_nothing_leaks(void **state)
{
    struct stk_book_capacity capacity = {4, 4, 4, 4, 4, 4, 4, 4, 256};
    struct stk_book other;
    struct stk_error err;
    (void)state;
    for (int n = 1; n <= 16; n++) {
        stk_alloc_fail_at(n, 1);
        assert_int_equal(stk_book_init(&other, &capacity, &err), STK_NO_MEMORY);
        stk_alloc_fail_at(0, 0);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(movements_are_summed_by_their_time),
        TEST(parts_of_one_effect_are_counted),
        TEST(units_shipped_for_a_source_are_told_apart),
        TEST(forgetting_takes_the_oldest_and_says_what_is_not_known),
        TEST(incoming_comes_by_its_date),
        TEST(preorders_queue_at_their_document),
        TEST(slots_are_taken_by_number_in_any_order),
        TEST(transfers_have_lines_of_their_own),
        TEST(snapshot_rows_are_found_and_dropped_from_anywhere),
        TEST(shortfalls_and_early_cancellations_are_found),
        TEST(early_cancellations_are_forgotten_by_age),
        TEST(full_texts_change_nothing),
        cmocka_unit_test(refused_memory_is_said_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
