#include "core/state/state.h"
#include "tests/lib/full_state.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct full_state full;
static struct stk_error err;

static struct stk_sku_more *more_of(stk_sku_t sku)
{
    return stk_catalog_sku_more(&full.state.catalog, sku);
}

static struct stk_cell *cell_at(stk_cell_t cell)
{
    return stk_catalog_cell(&full.state.catalog, cell);
}

static struct stk_hold *hold_at(uint32_t hold)
{
    return stk_orders_hold(&full.state.orders, hold);
}

static struct stk_order *order_at(unsigned i)
{
    return stk_orders_at(&full.state.orders, full.order[i]);
}

static struct stk_order_line *line_at(unsigned i, unsigned line)
{
    return stk_order_lines(&full.state.orders, order_at(i)) + line;
}

static void change(stk_cell_t cell, int32_t on_hand, int32_t held, int32_t earmarked)
{
    struct stk_cell_numbers n = stk_cell_numbers(cell_at(cell));
    n.on_hand += (uint32_t)on_hand;
    n.held += (uint32_t)held;
    n.earmarked += (uint32_t)earmarked;
    stk_cell_write(cell_at(cell), n);
}

static int setup(void **unused)
{
    (void)unused;
    full_state_init(&full);
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    full_state_fini(&full);
    return 0;
}

static void what_is_right_is_not_complained_about(void **unused)
{
    (void)unused;
    enum stk_status status = stk_state_check(&full.state, &err);
    if (status != STK_OK)
        print_error("%s\n", err.text);
    assert_int_equal(status, STK_OK);
    stk_wheel_advance(&full.state.wheel, &full.state.orders, order_at(0)->expires_ms - 30000);
    assert_int_equal(stk_state_check(&full.state, &err), STK_OK);
    stk_wheel_advance(&full.state.wheel, &full.state.orders, order_at(0)->expires_ms + 1000000);
    assert_int_equal(stk_state_check(&full.state, &err), STK_OK);
}

static void an_empty_state_is_right(void **unused)
{
    struct stk_state empty;
    (void)unused;
    assert_int_equal(stk_state_init(&empty, &full_state_capacity, &err), STK_OK);
    assert_int_equal(stk_state_check(&empty, &err), STK_OK);
    stk_state_fini(&empty);
}

/* --- each link broken on purpose --- */

static struct stk_movement *movement(unsigned i)
{
    return stk_pool_at(&full.state.book.movements, i);
}
static struct stk_incoming *document(void)
{
    return stk_pool_at(&full.state.book.incoming, full.incoming);
}
static struct stk_snapshot *set(void)
{
    return stk_pool_at(&full.state.book.snapshots, full.snapshot);
}
static struct stk_snapshot_row *row(unsigned i)
{
    return stk_pool_at(&full.state.book.snapshot_rows, i);
}
static struct stk_component *part(unsigned i)
{
    return stk_catalog_component(&full.state.catalog, i);
}
static struct stk_transfer_line *truck(void)
{
    return stk_heap_at(
        &full.state.book.text,
        ((struct stk_transfer *)stk_pool_at(&full.state.book.transfers, full.transfer))->lines);
}
static struct stk_shortfall *shortage(void)
{
    return stk_pool_at(&full.state.book.shortfalls, 0);
}
static struct stk_order_component *kit_part(void)
{
    return stk_order_components(&full.state.orders, order_at(0));
}

static struct stk_wheel_list *waiting_list(void)
{
    uint32_t place = order_at(0)->wheel_slot;
    return &full.state.wheel.level[place / STK_WHEEL_SLOTS].lists[place % STK_WHEEL_SLOTS];
}

/* BREAK(name, what is done, a word of the complaint) */
#define BREAKS(BREAK)                                                                              \
    BREAK(on_hand, change(0, 1, 0, 0), "cell 0: its ledger")                                       \
    BREAK(received, cell_at(1)->received++, "cell 1: its ledger")                                  \
    BREAK(transferred, stk_catalog_cell_more(&full.state.catalog, 2)->transferred_in++, "cell 2")  \
    BREAK(held, change(1, 0, 1, 0), "cell 1: held is 2, its holds are 1")                          \
    BREAK(cell_first_hold, cell_at(0)->first_hold = STK_NONE, "cell 0: held")                      \
    BREAK(hold_quantity, hold_at(0)->quantity++, "cell 0: held")                                   \
    BREAK(hold_cell, hold_at(0)->cell = 1, "not linked both ways")                                 \
    BREAK(hold_prev, hold_at(0)->prev_of_cell = STK_NONE, "not linked both ways")                  \
    BREAK(hold_loop, hold_at(0)->next_of_cell = cell_at(0)->first_hold, "hold")                    \
    BREAK(hold_far, hold_at(0)->next_of_cell = 12345, "no end")                                    \
    BREAK(hold_order, hold_at(1)->order = full.order[1], "of another order")                       \
    BREAK(hold_line, hold_at(0)->line = 9, "no component")                                         \
    BREAK(hold_component, hold_at(0)->component = 2, "no component")                               \
    BREAK(hold_next, hold_at(0)->next_of_order = STK_NONE, "order 0: line 0")                      \
    BREAK(order_first_hold, order_at(2)->first_hold = STK_NONE, "order 2: line 0")                 \
    BREAK(hold_shipped, hold_at(4)->shipped++, "holds say 4 shipped, should be 3")                 \
    BREAK(hold_of_nothing, hold_at(4)->shipped = 0, "of nothing")                                  \
    BREAK(hold_earmark, hold_at(0)->earmark = 5, "of an earmark that is not there")                \
    BREAK(hold_not_out, hold_at(0)->earmark = STK_NONE, "5 units are out, orders hold 1")          \
    BREAK(hold_document, hold_at(7)->incoming = 6, "a document that is not there")                 \
    BREAK(sku_id, full.state.catalog.ids[stk_catalog_sku(&full.state.catalog, 1)->id + 1] = 'x',   \
          "sku 1")                                                                                 \
    BREAK(sku_count, full.state.catalog.sku_count++, "SKUs")                                       \
    BREAK(sku_first_cell, stk_catalog_sku(&full.state.catalog, 2)->first_cell = 0,                 \
          "sku 2: cell 0")                                                                         \
    BREAK(sku_no_cell, stk_catalog_sku(&full.state.catalog, 2)->first_cell = STK_NONE,             \
          "cell 3: is not empty")                                                                  \
    BREAK(cell_location, cell_at(1)->location = 0, "sku 0: cell 1")                                \
    BREAK(cell_sku, cell_at(3)->sku = 0, "sku 2: cell 3")                                          \
    BREAK(alias_sku, ((struct stk_alias *)stk_pool_at(&full.state.catalog.aliases, 1))->sku = 1,   \
          "alias 1")                                                                               \
    BREAK(alias_lost, more_of(0)->first_alias = 0, "names that nothing has")                       \
    BREAK(attributes, stk_catalog_sku(&full.state.catalog, 0)->attributes = STK_NONE,              \
          "attributes")                                                                            \
    BREAK(part_sku, part(0)->sku = 2, "component 0")                                               \
    BREAK(part_prev, part(1)->prev_of_sku = STK_NONE, "not linked both ways")                      \
    BREAK(part_next, part(2)->next_of_sku = STK_NONE, "components")                                \
    BREAK(part_listing, part(1)->listing = 1, "listing 0")                                         \
    BREAK(part_count, stk_catalog_listing(&full.state.catalog, 0)->component_count = 1,            \
          "listing 0")                                                                             \
    BREAK(listing_id, stk_catalog_listing(&full.state.catalog, 0)->channel = 9,                    \
          "listing 0: its id")                                                                     \
    BREAK(listing_count, full.state.catalog.listing_count--, "listings live")                      \
    BREAK(location_id, full.state.catalog.location[2].id[3] = '1', "location 2")                   \
    BREAK(order_key, order_at(0)->key.low ^= UINT64_C(1) << 40, "order 0: its key")                \
    BREAK(order_number, order_at(3)->number = 0, "are in use")                                     \
    BREAK(line_parts, line_at(0, 1)->component_count = 9, "components that are not there")         \
    BREAK(line_quantity, line_at(0, 0)->quantity++, "holds are 5, should be 6")                    \
    BREAK(line_shipped, line_at(0, 0)->shipped++, "holds are 5, should be 4")                      \
    BREAK(line_too_much, line_at(0, 0)->cancelled = 6, "more is done")                             \
    BREAK(line_returned, line_at(1, 0)->returned = 5, "more is done")                              \
    BREAK(line_preorder, (line_at(3, 0)->preorder--, line_at(3, 0)->cancelled++),                  \
          "wait for incoming, should be 4")                                                        \
    BREAK(line_short, (line_at(2, 0)->short_units--, line_at(2, 0)->cancelled++), "do not agree")  \
    BREAK(component_sku, kit_part()->sku = 7, "of no SKU")                                         \
    BREAK(component_other, kit_part()[2].sku = 2, "a cell of another SKU")                         \
    BREAK(component_units, kit_part()[1].units = 3, "holds are 6, should be 9")                    \
    BREAK(order_bytes, full.state.orders.data.used_bytes += 16, "bytes")                           \
    BREAK(orders_used, full.state.orders.orders.used++, "are in use")                              \
    BREAK(holds_used, full.state.orders.holds.used++, "are in use")                                \
    BREAK(closed_flag, order_at(1)->flags = 0, "not closed and has nothing open")                  \
    BREAK(closed_open, order_at(2)->flags = STK_ORDER_CLOSED, "closed and has something open")     \
    BREAK(not_waiting, stk_wheel_remove(&full.state.wheel, &full.state.orders, full.order[0]),     \
          "waits in list")                                                                         \
    BREAK(not_archived, stk_wheel_remove(&full.state.wheel, &full.state.orders, full.order[1]),    \
          "waits in list")                                                                         \
    BREAK(firm_waits, order_at(0)->state = STK_ORDER_PAID, "waits in list")                        \
    BREAK(deadline, order_at(0)->expires_ms += 70000, "where its deadline is not")                 \
    BREAK(wheel_prev, order_at(0)->wheel_prev = 3, "not linked both ways in list")                 \
    BREAK(wheel_next, order_at(0)->wheel_next = full.order[0], "wheel")                            \
    BREAK(wheel_first, waiting_list()->first = 0, "marked and empty")                              \
    BREAK(wheel_last, full.state.wheel.closed.last = full.order[2] + 1, "ends elsewhere")          \
    BREAK(wheel_count, full.state.wheel.waiting_count++, "the counts say")                         \
    BREAK(closed_count, full.state.wheel.closed_count++, "the counts say")                         \
    BREAK(move_cell, movement(0)->cell = 1, "movement 0")                                          \
    BREAK(move_order, movement(2)->occurred_ms = INT64_MAX, "not in its place")                    \
    BREAK(move_prev, movement(1)->prev = STK_NONE, "not linked both ways")                         \
    BREAK(move_seq, movement(1)->part = 0, "movements: 1 is not in its place")                     \
    BREAK(move_last, full.state.book.last_movement = 0, "ends elsewhere")                          \
    BREAK(move_of_cell, stk_catalog_cell_more(&full.state.catalog, 0)->last_move = 2,              \
          "end elsewhere")                                                                         \
    BREAK(moves_used, full.state.book.movements.used++, "are in use")                              \
    BREAK(document_text,                                                                           \
          ((char *)stk_book_text(&full.state.book, document()->document).data)[0] = 'x',           \
          "incoming 0: its document")                                                              \
    BREAK(document_order, document()->expected_ms = INT64_MAX, "not in its place")                 \
    BREAK(document_list, more_of(1)->incoming = 0, "are listed")                                   \
    BREAK(document_ahead, document()->preorders++, "preorders is 6, its holds are 5")              \
    BREAK(document_queue,                                                                          \
          (document()->first_hold = document()->last_hold = STK_NONE, document()->preorders = 0),  \
          "are queued")                                                                            \
    BREAK(document_last, document()->last_hold = 3, "end elsewhere")                               \
    BREAK(document_hold, hold_at(7)->prev_of_cell = 1, "not linked both ways")                     \
    BREAK(earmarked, change(2, 0, 0, 3), "cell 2: earmarked is 3, its earmarks are 0")             \
    BREAK(earmark_less,                                                                            \
          ((struct stk_earmark *)stk_pool_at(&full.state.book.earmarks, 0))->quantity--,           \
          "earmarked is 8, its earmarks are 7")                                                    \
    BREAK(earmark_cell,                                                                            \
          ((struct stk_earmark *)stk_pool_at(&full.state.book.earmarks, 0))->cell = 99,            \
          "its cell is not there")                                                                 \
    BREAK(earmarks_used, full.state.book.earmarks.used++, "are in use")                            \
    BREAK(in_transit, more_of(0)->in_transit--, "in transit is 5")                                 \
    BREAK(truck_sent, truck()->sent++, "in transit is 6")                                          \
    BREAK(truck_lost, truck()->lost = 8, "more came than was sent")                                \
    BREAK(truck_sku, truck()->sku = 5, "transfer 0")                                               \
    BREAK(transfers_used, full.state.book.transfers.used++, "are in use")                          \
    BREAK(set_rows, set()->rows++, "it says 4")                                                    \
    BREAK(row_sku, row(1)->sku = 0, "row 1")                                                       \
    BREAK(row_prev, row(2)->prev = 0, "row 2")                                                     \
    BREAK(row_set, row(0)->snapshot = 1, "row 0")                                                  \
    BREAK(rows_used, full.state.book.snapshot_rows.used++, "are in use")                           \
    BREAK(shortfall, more_of(2)->shortfall--, "its shortfall is 19")                               \
    BREAK(shortfall_units, shortage()->units++, "do not agree")                                    \
    BREAK(shortfall_key, shortage()->order_key.low++, "do not agree")                              \
    BREAK(shortfall_line, shortage()->line = 1, "do not agree")                                    \
    BREAK(shortfall_more, stk_book_add_shortfall(&full.state.book, 1, 0), "do not agree")          \
    BREAK(short_lines, full.state.book.short_lines++, "lines are short")                           \
    BREAK(shortfall_stray, stk_book_add_shortfall(&full.state.book, 99, 0), "lines are short")     \
    BREAK(early_key,                                                                               \
          ((struct stk_early *)stk_pool_at(&full.state.book.early, 0))->order_key.low =            \
              UINT64_C(5) << 40,                                                                   \
          "early cancellation 0")                                                                  \
    BREAK(early_used, full.state.book.early.used++, "are in use")                                  \
    BREAK(book_text, full.state.book.text.used_bytes += 16, "texts have")                          \
    BREAK(key_entry,                                                                               \
          ((struct stk_key_entry *)stk_fifo_at(&full.state.dedupe.entries, 0))->key.low = 9,       \
          "sequence 1 is not found")                                                               \
    BREAK(key_seq, ((struct stk_key_entry *)stk_fifo_at(&full.state.dedupe.entries, 0))->seq = 2,  \
          "sequence 2 follows 2")                                                                  \
    BREAK(key_count, full.state.dedupe.count--, "in the index")                                    \
    BREAK(filter_count, full.state.dedupe.filter_count++, "the filter says 2")

#define BREAK_FUNCTION(name, what, word)                                                           \
    static void break_##name(void)                                                                 \
    {                                                                                              \
        (void)(what);                                                                              \
    }
BREAKS(BREAK_FUNCTION)

static const struct {
    const char *name;
    void (*break_it)(void);
    const char *word;
} breaks[] = {
#define BREAK_ENTRY(name, what, word) {#name, break_##name, word},
    BREAKS(BREAK_ENTRY)};

static void every_broken_link_is_reported(void **unused)
{
    unsigned missed = 0;
    for (unsigned i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        setup(unused);
        assert_int_equal(stk_state_check(&full.state, &err), STK_OK);
        breaks[i].break_it();
        err = (struct stk_error){0};
        enum stk_status status = stk_state_check(&full.state, &err);
        if (status != STK_CORRUPT || !strstr(err.text, breaks[i].word)) {
            print_error("%s: status %d, \"%s\", not \"%s\"\n", breaks[i].name, status, err.text,
                        breaks[i].word);
            missed++;
        }
        teardown(unused);
    }
    assert_int_equal(missed, 0);
}

static void refused_memory_is_said_and_nothing_leaks(void **unused)
{
    struct stk_state other;
    int64_t calls = stk_alloc_calls();
    (void)unused;
    assert_int_equal(stk_state_init(&other, &full_state_capacity, &err), STK_OK);
    calls = stk_alloc_calls() - calls;
    stk_state_fini(&other);
    assert_true(calls > 40);
    for (int64_t n = 1; n <= calls; n++) {
        stk_alloc_fail_at(n, 1);
        assert_int_equal(stk_state_init(&other, &full_state_capacity, &err), STK_NO_MEMORY);
        stk_alloc_fail_at(0, 0);
    }
    setup(unused);
    for (int n = 1; n <= 4; n++) {
        stk_alloc_fail_at(n, 1);
        assert_int_equal(stk_state_check(&full.state, &err), STK_NO_MEMORY);
        stk_alloc_fail_at(0, 0);
    }
    teardown(unused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_right_is_not_complained_about, setup, teardown),
        cmocka_unit_test(an_empty_state_is_right),
        cmocka_unit_test(every_broken_link_is_reported),
        cmocka_unit_test(refused_memory_is_said_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
