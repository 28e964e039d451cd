/* Rows: what put writes, load reads; damage is named and never followed. */
#include "core/flow/describe.h"
#include "core/flow/publish_row.h"
#include "core/flow/rows.h"
#include "core/flow/verb.h"
#include "core/state/earmark.h"
#include "tests/lib/engine_fixture.h"
#include "tests/lib/full_state.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Every row of a state, in the order in which recovery reads the tables. */
static struct full_state full;
static uint8_t room[STK_RECORD_MAX];
static struct stk_row_view rows[200];
#define SEQ 1000 /* of records made here */
static unsigned row_count;
static struct stk_error err;

static void put_books(struct stk_record *out, const struct stk_state *state)
{
    const struct stk_book *book = &state->book;
    for (uint32_t i = book->first_movement; i != STK_NONE;
         i = ((struct stk_movement *)stk_pool_at(&book->movements, i))->next_all)
        stk_row_put_movement(out, state, i);
    for (uint32_t i = 0; i < book->incoming.top; i++)
        if (stk_book_incoming_lives(book, i))
            stk_row_put_incoming(out, state, i);
    for (uint32_t i = 0; i < book->earmarks.top; i++)
        if (stk_book_earmark_lives(book, i))
            stk_row_put_earmark(out, state, i);
    for (uint32_t i = 0; i < book->transfers.top; i++)
        if (stk_book_transfer_lives(book, i))
            stk_row_put_transfer(out, state, i);
    for (uint32_t i = 0; i < book->snapshots.top; i++) {
        const struct stk_snapshot *snapshot = stk_pool_at(&book->snapshots, i);
        if (!stk_book_snapshot_lives(book, i))
            continue;
        stk_row_put_snapshot(out, state, i);
        for (uint32_t at = snapshot->first_row; at != STK_NONE;) {
            const struct stk_snapshot_row *row = stk_pool_at(&book->snapshot_rows, at);
            stk_row_put_snapshot_row(out, i, row->sku, row->quantity);
            at = row->next;
        }
    }
}

static void put_keyed(struct stk_record *out, const struct stk_state *state)
{
    const struct stk_book *book = &state->book;
    for (uint32_t i = stk_orders_next(&state->orders, 0); i != STK_NONE;
         i = stk_orders_next(&state->orders, i + 1))
        stk_row_put_order(out, state, i, STK_TABLE_ORDER);
    for (uint32_t i = 0; i < book->shortfalls.top; i++)
        if (((struct stk_shortfall *)stk_pool_at(&book->shortfalls, i))->order_number)
            stk_row_put_shortfall(out, state, i);
    for (uint64_t n = 1; n <= 3; n++) {
        const struct stk_key_entry *entry =
            stk_dedupe_find(&state->dedupe, (struct stk_hash){n << 40, n});
        if (entry)
            stk_row_put_key(out, entry, 0, 1700000000000 + (stk_time_t)n,
                            (struct stk_bytes){"shop", 4}, (struct stk_bytes){"id", 2},
                            stk_dedupe_doc(&state->dedupe, entry));
    }
    for (uint32_t i = 0; i < book->early.top; i++)
        if (((struct stk_early *)stk_pool_at(&book->early, i))->used)
            stk_row_put_early(out, state, i);
    for (uint16_t i = 1; i < STK_CHANNELS_MAX; i++)
        if (stk_channel_at(&state->channels, i)->used)
            stk_row_put_channel(out, state, i);
    for (uint32_t i = 0; i < state->channels.published.top; i++)
        if (stk_published_at(&state->channels, i)->on_disk)
            stk_row_put_published(out, state, i);
    for (uint32_t i = 0; i < state->notes.pool.top; i++)
        stk_row_put_note(out, state, i);
}

static void put_all(struct stk_record *out, const struct stk_state *state)
{
    for (unsigned kind = 1; kind < STK_NAME_KINDS; kind++)
        for (uint16_t n = 1; n < stk_names_peek(state->names, kind); n++)
            stk_row_put_name(out, kind, n, stk_names_text(state->names, kind, n));
    for (uint16_t i = 0; i < state->catalog.locations; i++)
        stk_row_put_location(out, state, i);
    for (stk_sku_t sku = stk_catalog_next_sku(&state->catalog, 0); sku != STK_NONE;
         sku = stk_catalog_next_sku(&state->catalog, sku + 1)) {
        stk_row_put_sku(out, state, sku);
        for (stk_cell_t i = stk_catalog_sku(&state->catalog, sku)->first_cell; i != STK_NONE;
             i = stk_catalog_cell(&state->catalog, i)->next)
            stk_row_put_cell(out, state, i);
    }
    for (stk_listing_t i = stk_catalog_next_listing(&state->catalog, 0); i != STK_NONE;
         i = stk_catalog_next_listing(&state->catalog, i + 1))
        stk_row_put_listing(out, state, i);
    put_books(out, state);
    put_keyed(out, state);
}

static unsigned read_rows(const struct stk_record *out, struct stk_row_view *to)
{
    struct stk_record_view view;
    struct stk_bytes bytes = {(const char *)out->data, stk_record_size(out)};
    unsigned count = 0;
    assert_int_equal(stk_record_open(bytes, SEQ, 0, &view, NULL), STK_OK);
    while (stk_record_next(&view, &to[count]))
        assert_true(++count < sizeof rows / sizeof *rows);
    assert_false(view.rows.bad);
    return count;
}

static int setup(void **unused)
{
    struct stk_record out;
    (void)unused;
    full_state_init(&full);
    stk_record_begin(&out, room, SEQ, 0, 0, 0);
    put_all(&out, &full.state);
    row_count = read_rows(&out, rows);
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    full_state_fini(&full);
    return 0;
}

static void load_all(struct stk_state *state)
{
    for (unsigned i = 0; i < row_count; i++) {
        enum stk_status status =
            stk_row_load(state, rows[i].table, rows[i].key, rows[i].value, &err);
        if (status != STK_OK)
            print_error("row %u of table %s: %s\n", i, stk_table_name(rows[i].table), err.text);
        assert_int_equal(status, STK_OK);
    }
}

static void assert_right(const struct stk_state *state)
{
    enum stk_status status = stk_state_check(state, &err);
    if (status != STK_OK)
        print_error("%s\n", err.text);
    assert_int_equal(status, STK_OK);
}

static void assert_same(const struct stk_state *state)
{
    static uint8_t again[STK_RECORD_MAX];
    struct stk_record out;
    stk_wheel_advance((struct stk_wheel *)&state->wheel, (struct stk_orders *)&state->orders,
                      full.state.wheel.now_ms);
    assert_right(state);
    stk_record_begin(&out, again, SEQ, 0, 0, 0);
    put_all(&out, state);
    struct stk_row_view *got = calloc(sizeof rows / sizeof *rows, sizeof *got);
    assert_int_equal(read_rows(&out, got), row_count);
    for (unsigned i = 0; i < row_count; i++) {
        assert_int_equal(got[i].table, rows[i].table);
        assert_int_equal(got[i].value.size, rows[i].value.size);
        assert_memory_equal(got[i].key.data, rows[i].key.data, rows[i].key.size);
        assert_memory_equal(got[i].value.data, rows[i].value.data, rows[i].value.size);
    }
    free(got);
}

/* Field by field, so that nothing is left out of put and load alike. Links and places in memory may
 * differ. */
static void assert_same_order(const struct stk_state *a, const struct stk_state *b, uint32_t slot)
{
    struct stk_order x = *stk_orders_at(&a->orders, slot), y;
    uint32_t other = stk_orders_find(&b->orders, x.key), h, o;
    assert_int_not_equal(other, STK_NONE);
    y = *stk_orders_at(&b->orders, other);
    assert_memory_equal(stk_order_lines(&a->orders, &x), stk_order_lines(&b->orders, &y),
                        x.lines * sizeof(struct stk_order_line) +
                            x.components * sizeof(struct stk_order_component) + x.id_size);
    for (h = x.first_hold, o = y.first_hold; h != STK_NONE;) {
        const struct stk_hold *one = stk_orders_hold(&a->orders, h);
        const struct stk_hold *two = stk_orders_hold(&b->orders, o);
        const struct stk_cell *at = stk_catalog_cell(&a->catalog, one->cell);
        assert_int_equal(stk_catalog_find_cell(&b->catalog, at->sku, at->location), two->cell);
        assert_true(one->quantity == two->quantity && one->shipped == two->shipped &&
                    one->incoming == two->incoming && one->line == two->line &&
                    one->component == two->component);
        h = one->next_of_order, o = two->next_of_order;
    }
    assert_int_equal(o, STK_NONE);
    x.first_hold = y.first_hold = x.data = y.data = 0;
    x.wheel_next = y.wheel_next = x.wheel_prev = y.wheel_prev = 0;
    assert_memory_equal(&x, &y, sizeof x);
}

static void assert_same_cell(const struct stk_state *a, const struct stk_state *b, stk_cell_t cell)
{
    struct stk_cell x = *stk_catalog_cell(&a->catalog, cell), y;
    stk_cell_t other = stk_catalog_find_cell(&b->catalog, x.sku, x.location);
    const struct stk_cell_more *m = stk_catalog_cell_more(&a->catalog, cell), *n;
    assert_int_not_equal(other, STK_NONE);
    y = *stk_catalog_cell(&b->catalog, other);
    n = stk_catalog_cell_more(&b->catalog, other);
    assert_memory_equal((uint8_t *)&x + offsetof(struct stk_cell, on_hand),
                        (uint8_t *)&y + offsetof(struct stk_cell, on_hand),
                        offsetof(struct stk_cell, first_hold) - offsetof(struct stk_cell, on_hand));
    assert_true(*stk_catalog_counted(&a->catalog, cell) ==
                *stk_catalog_counted(&b->catalog, other));
    assert_true(m->moves_since == n->moves_since && m->transferred_in == n->transferred_in &&
                m->transferred_out == n->transferred_out);
}

/* A SKU's number is not given again, also when S has nothing of it any more. */
static void a_new_sku_has_a_new_number(void **unused)
{
    static uint8_t bytes[256];
    struct stk_record out;
    struct stk_row_view some[2];
    stk_sku_t slot = STK_NONE;
    struct stk_state other;
    (void)unused;
    assert_int_equal(stk_state_init(&other, &full_state_capacity, NULL), STK_OK);
    stk_record_begin(&out, bytes, 9, 0, 0, 0);
    stk_row_put_next_sku(&out, &full.state);
    assert_int_equal(read_rows(&out, some), 1);
    assert_int_equal(stk_row_load(&other, STK_TABLE_ENGINE, some[0].key, some[0].value, &err),
                     STK_OK);
    assert_int_equal(stk_catalog_add_sku(&other.catalog, (struct stk_bytes){"new", 3}, &slot, &err),
                     STK_OK);
    assert_int_equal(slot, full.state.catalog.skus.top);
    assert_int_equal(stk_catalog_next_sku(&other.catalog, 0), slot);
    uint8_t far[] = {1, 0xff, 0xff, 0xff, 0x7f}, item = 1, unknown = 9;
    struct stk_bytes value = {(const char *)far, sizeof far};
    assert_int_equal(
        stk_row_load(&other, STK_TABLE_ENGINE, (struct stk_bytes){(char *)&item, 1}, value, &err),
        STK_FULL);
    assert_int_equal(stk_row_load(&other, STK_TABLE_ENGINE, (struct stk_bytes){(char *)&unknown, 1},
                                  value, &err),
                     STK_VERSION);
    stk_state_fini(&other);
}

static void assert_same_books(const struct stk_book *a, const struct stk_book *b)
{
    uint32_t m = a->first_movement, n = b->first_movement;
    while (m != STK_NONE) {
        struct stk_movement x = *(struct stk_movement *)stk_pool_at(&a->movements, m);
        struct stk_movement y = *(struct stk_movement *)stk_pool_at(&b->movements, n);
        m = x.next_all, n = y.next_all;
        assert_memory_equal(&x, &y, offsetof(struct stk_movement, next));
    }
    assert_int_equal(n, STK_NONE);
    for (uint32_t i = 0; i < 2; i++) {
        const struct stk_incoming *x = stk_pool_at(&a->incoming, i),
                                  *y = stk_pool_at(&b->incoming, i);
        assert_true(x->quantity == y->quantity && x->preorders == y->preorders &&
                    x->preorder_limit == y->preorder_limit && x->expected_ms == y->expected_ms &&
                    x->ship_by_ms == y->ship_by_ms);
    }
    const struct stk_earmark *e = stk_pool_at(&a->earmarks, 0), *f = stk_pool_at(&b->earmarks, 0);
    assert_true(e->cell == f->cell && e->quantity == f->quantity && e->use == f->use &&
                e->until_ms == f->until_ms && e->out == f->out && e->out == 4);
    assert_int_equal(a->earmarks.used, b->earmarks.used);
    assert_true(stk_book_earmark_kept(b, full.gone_earmark));
    assert_false(stk_book_earmark_lives(b, full.gone_earmark));
    struct stk_snapshot s = *(struct stk_snapshot *)stk_pool_at(&a->snapshots, 0);
    struct stk_snapshot t = *(struct stk_snapshot *)stk_pool_at(&b->snapshots, 0);
    s.id = t.id = s.first_row = t.first_row = s.last_row = t.last_row = 0;
    assert_memory_equal(&s, &t, sizeof s);
    const struct stk_shortfall *v = stk_pool_at(&a->shortfalls, 0),
                               *w = stk_pool_at(&b->shortfalls, 0);
    assert_true(v->units == w->units && v->line == w->line && v->back_order == w->back_order &&
                v->order_number == w->order_number && v->since_ms == w->since_ms);
    const struct stk_early *x = stk_pool_at(&a->early, 0), *y = stk_pool_at(&b->early, 0);
    assert_true(x->since_ms == y->since_ms);
}

static void assert_same_things(const struct stk_state *a, const struct stk_state *b)
{
    for (uint32_t i = 0; i < 4; i++)
        assert_same_order(a, b, full.order[i]);
    for (stk_cell_t i = 0; i < 4; i++)
        assert_same_cell(a, b, i);
    assert_same_books(&a->book, &b->book);
    assert_memory_equal(a->catalog.location, b->catalog.location, sizeof a->catalog.location);
    for (stk_listing_t i = 0; i < 2; i++)
        assert_int_equal(stk_catalog_listing(&a->catalog, i)->active,
                         stk_catalog_listing(&b->catalog, i)->active);
    for (uint64_t n = 1; n <= 3; n++) {
        struct stk_key_entry x = *stk_dedupe_find(&a->dedupe, (struct stk_hash){n << 40, n});
        struct stk_key_entry y = *stk_dedupe_find(&b->dedupe, (struct stk_hash){n << 40, n});
        assert_memory_equal(&x, &y, sizeof x);
    }
}

static void every_row_comes_back_as_it_was(void **unused)
{
    struct stk_state other;
    unsigned tables = 0, seen = 0;
    (void)unused;
    assert_int_equal(stk_state_init(&other, &full_state_capacity, NULL), STK_OK);
    load_all(&other);
    assert_same(&other);
    assert_same_things(&full.state, &other);
    for (unsigned i = 0; i < row_count; i++)
        seen |= 1u << rows[i].table;
    for (unsigned table = 1; table < STK_TABLE_COUNT; table++)
        tables |= table == STK_TABLE_ENGINE || table == STK_TABLE_ARCHIVE ? 0 : 1u << table;
    assert_int_equal(seen, tables); /* none is left out here */
    /* what is not in rows of its own */
    assert_int_equal(other.wheel.closed_count, 1);
    assert_int_equal(other.wheel.waiting_count, 1);
    assert_int_equal(stk_catalog_find_sku(&other.catalog, (struct stk_bytes){"4001", 4}), 0);
    assert_int_equal(stk_catalog_sku_more(&other.catalog, 2)->shortfall, 20);
    assert_int_equal(stk_catalog_sku_more(&other.catalog, 0)->in_transit, 6);
    stk_state_fini(&other);
}

static void loading_twice_changes_nothing(void **unused)
{
    struct stk_state other;
    (void)unused;
    assert_int_equal(stk_state_init(&other, &full_state_capacity, NULL), STK_OK);
    for (int i = 0; i < 3; i++) {
        load_all(&other);
        assert_same(&other);
    }
    stk_state_fini(&other);
    load_all(&full.state); /* over what the engine itself has made */
    assert_same(&full.state);
}

/* --- a journal over the state that it made --- */

#define CALL(status, ...) assert_int_equal(fixture_call(f, __VA_ARGS__), STK_##status)

/* One of everything that has a row. */
static void make_rich(struct fixture *f)
{
    CALL(OK, "location.put", "{'source':'t','location':'main','priority':10}");
    CALL(OK, "location.put", "{'source':'t','location':'east','priority':20}");
    CALL(OK, "sku.put", "{'source':'t','sku':'A'}");
    CALL(OK, "sku.put", "{'source':'t','sku':'B'}");
    CALL(OK, "stock.receive", "{'source':'t','id':'ra','sku':'A','location':'main','quantity':10}");
    CALL(OK, "stock.receive", "{'source':'t','id':'rb','sku':'B','location':'main','quantity':3}");

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

static void load_batch(struct fixture *f, uint32_t i)
{
    struct stk_batch_view batch;
    struct stk_bytes bytes;
    assert_int_equal(stk_batch_open(f->log.kept[i].data, f->log.kept[i].size, &batch, NULL),
                     STK_OK);
    while (stk_batch_next(&batch, &bytes)) {
        struct stk_record_view record;
        struct stk_row_view row;
        assert_int_equal(stk_record_open(bytes, stk_batch_seq(&batch), 0, &record, NULL), STK_OK);
        while (stk_record_next(&record, &row))
            if (row.value.data)
                assert_int_equal(
                    stk_row_load(stk_engine_state(f->engine), row.table, row.key, row.value, &err),
                    STK_OK);
    }
}

/* Earlier images of things that have gone on since, and then all the later ones. */
static void loading_the_journal_again_changes_nothing(void **unused)
{
    struct fixture *f = calloc(1, sizeof *f);
    uint32_t before_size, after_size;
    (void)unused;
    fixture_init(f);
    fixture_start(f);
    make_rich(f);
    uint8_t *before = fixture_dump(stk_engine_state(f->engine), &before_size);
    for (uint32_t i = 0; i < f->log.kept_count; i++)
        load_batch(f, i);
    uint8_t *after = fixture_dump(stk_engine_state(f->engine), &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    free(before);
    free(after);
    fixture_fini(f);
    free(f);
}

/* --- later images --- */

static void a_later_image_of_an_order_takes_its_place(void **unused)
{
    struct stk_state other;
    struct stk_record out;
    static uint8_t later[65536];
    struct stk_state *state = &full.state;
    struct stk_order *order = stk_orders_at(&state->orders, full.order[0]);
    (void)unused;
    assert_int_equal(stk_state_init(&other, &full_state_capacity, NULL), STK_OK);
    load_all(&other);
    /* the order is paid and its first line cancelled */
    stk_record_begin(&out, later, SEQ, 0, 0, 0);
    stk_wheel_remove(&state->wheel, &state->orders, full.order[0]);
    order->state = STK_ORDER_PAID, order->flags |= STK_ORDER_PAID_FLAG, order->expires_ms = 0;
    order->changed_ms += 77;
    stk_order_lines(&state->orders, order)->cancelled = 5;
    for (int i = 0; i < 2; i++) {
        struct stk_hold *hold = stk_orders_hold(&state->orders, order->first_hold);
        struct stk_cell_numbers n = stk_cell_numbers(stk_catalog_cell(&state->catalog, hold->cell));
        n.held -= hold->quantity;
        stk_cell_write(stk_catalog_cell(&state->catalog, hold->cell), n);
        stk_row_put_cell(&out, state, hold->cell);
        stk_earmark_leave(&state->book, &state->orders, order->first_hold,
                          stk_orders_hold(&state->orders, order->first_hold)->quantity);
        stk_orders_remove_hold(&state->orders, &state->catalog, order->first_hold);
    }
    stk_row_put_order(&out, state, full.order[0], STK_TABLE_ORDER);
    assert_right(state);
    struct stk_row_view some[8];
    unsigned count = read_rows(&out, some);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(stk_row_load(&other, some[i].table, some[i].key, some[i].value, &err),
                         STK_OK);
    stk_record_begin(&out, room, SEQ, 0, 0, 0);
    put_all(&out, state);
    row_count = read_rows(&out, rows);
    assert_same(&other);
    assert_int_equal(other.wheel.waiting_count, 0);
    stk_state_fini(&other);
}

static void an_archived_order_leaves_and_comes_back(void **unused)
{
    struct stk_state *state = &full.state;
    struct stk_record out;
    static uint8_t bytes[65536];
    struct stk_row_view some[4];
    uint32_t slot, orders = state->orders.orders.used;
    struct stk_hash key = stk_orders_at(&state->orders, full.order[1])->key;
    (void)unused;
    stk_record_begin(&out, bytes, SEQ, 0, 0, 0);
    stk_row_put_order(&out, state, full.order[1], STK_TABLE_ARCHIVE);
    assert_int_equal(read_rows(&out, some), 2); /* and the ORDER row is deleted */
    for (int i = 0; i < 2; i++)
        assert_int_equal(stk_row_load(state, some[i].table, some[i].key, some[i].value, &err),
                         STK_OK);
    assert_int_equal(state->orders.orders.used, orders - 1);
    assert_right(state);
    unsigned archived = some[0].table == STK_TABLE_ARCHIVE ? 0 : 1;
    assert_int_equal(some[archived].table, STK_TABLE_ARCHIVE);
    assert_null(some[1 - archived].value.data);
    assert_int_equal(stk_row_load_order(state, 2, some[archived].value, &slot, &err), STK_OK);
    assert_int_equal(stk_orders_find(&state->orders, key), slot);
    assert_same(state);
}

static void delete_u32(enum stk_table table, uint32_t slot)
{
    uint8_t key[4] = {(uint8_t)(slot >> 24), (uint8_t)(slot >> 16), (uint8_t)(slot >> 8),
                      (uint8_t)slot};
    for (int twice = 0; twice < 2; twice++)
        assert_int_equal(stk_row_load(&full.state, table, (struct stk_bytes){(char *)key, 4},
                                      (struct stk_bytes){0}, &err),
                         STK_OK);
}

static void deleted_rows_take_things_away(void **unused)
{
    struct stk_state *state = &full.state;
    struct stk_record out;
    static uint8_t bytes[65536];
    struct stk_row_view some[8];
    (void)unused;
    delete_u32(STK_TABLE_EARMARK, full.earmark);
    delete_u32(STK_TABLE_TRANSFER, full.transfer);
    delete_u32(STK_TABLE_SNAPSHOT, full.snapshot);
    delete_u32(STK_TABLE_LISTING, 0);
    delete_u32(STK_TABLE_LISTING, 1);
    delete_u32(STK_TABLE_INCOMING, 1);
    assert_int_equal(state->book.transfers.used + state->book.snapshots.used +
                         state->book.snapshot_rows.used,
                     0);
    assert_int_equal(state->book.earmarks.used, 2); /* as long as units are out */
    assert_int_equal(state->book.earmark_ids.count, 0);
    assert_int_equal(state->catalog.listing_count, 0);
    assert_int_equal(stk_catalog_sku_more(&state->catalog, 0)->in_transit, 0);
    stk_record_begin(&out, bytes, SEQ, 0, 0, 0);
    stk_row_delete_early(&out, (struct stk_hash){77, 78});
    while (state->book.first_movement != STK_NONE) {
        stk_record_begin(&out, bytes, SEQ, 0, 0, 0);
        stk_row_delete_movement(&out, state,
                                stk_pool_at(&state->book.movements, state->book.first_movement));
        assert_int_equal(read_rows(&out, some), 1);
        uint32_t before = state->book.movements.used;
        stk_row_load(state, some[0].table, some[0].key, some[0].value, &err);
        assert_int_equal(state->book.movements.used, before - 1);
    }
    stk_record_begin(&out, bytes, SEQ, 0, 0, 0);
    stk_row_delete_early(&out, (struct stk_hash){77, 78});
    stk_row_delete_shortfall(&out, 3, 0);
    assert_int_equal(read_rows(&out, some), 2);
    for (int i = 0; i < 4; i++)
        assert_int_equal(
            stk_row_load(state, some[i % 2].table, some[i % 2].key, some[i % 2].value, &err),
            STK_OK);
    assert_int_equal(state->book.early.used + state->book.shortfalls.used, 0);
}

static void what_is_in_use_is_not_deleted(void **unused)
{
    uint8_t key[4] = {0};
    (void)unused;
    for (uint8_t sku = 0; sku < 3; sku++) {
        key[3] = sku;
        assert_int_equal(stk_row_load(&full.state, STK_TABLE_SKU,
                                      (struct stk_bytes){(char *)key, 4}, (struct stk_bytes){0},
                                      &err),
                         STK_CORRUPT);
        assert_non_null(strstr(err.text, "in use"));
    }
    key[3] = (uint8_t)full.incoming;
    assert_int_equal(stk_row_load(&full.state, STK_TABLE_INCOMING,
                                  (struct stk_bytes){(char *)key, 4}, (struct stk_bytes){0}, &err),
                     STK_CORRUPT);
    assert_same(&full.state);
}

/* --- damage --- */

static void another_version_is_refused_by_name(void **unused)
{
    char value[4096];
    (void)unused;
    for (unsigned i = 0; i < row_count; i++) {
        memcpy(value, rows[i].value.data, rows[i].value.size);
        value[0]++;
        assert_int_equal(stk_row_load(&full.state, rows[i].table, rows[i].key,
                                      (struct stk_bytes){value, rows[i].value.size}, &err),
                         STK_VERSION);
        assert_non_null(strstr(err.text, "not known here"));
    }
    assert_int_equal(
        stk_row_load(&full.state, (enum stk_table)99, rows[0].key, rows[0].value, &err),
        STK_VERSION);
    assert_same(&full.state);
}

static void a_row_cut_short_is_damage(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < row_count; i++)
        for (uint32_t size = 0; size < rows[i].value.size; size++) {
            struct stk_state other;
            assert_int_equal(stk_state_init(&other, &full_state_capacity, NULL), STK_OK);
            for (unsigned before = 0; before < i; before++)
                stk_row_load(&other, rows[before].table, rows[before].key, rows[before].value,
                             &err);
            char *exact = malloc(size + 1); /* so that ASan sees a byte too many */
            memcpy(exact, rows[i].value.data, size);
            enum stk_status status =
                stk_row_load(&other, rows[i].table, rows[i].key,
                             (struct stk_bytes){size ? exact : "", size}, &err);
            if (status != STK_CORRUPT)
                print_error("table %s, %u of %u bytes: %d\n", stk_table_name(rows[i].table), size,
                            rows[i].value.size, status);
            assert_int_equal(status, STK_CORRUPT);
            free(exact);
            stk_state_fini(&other);
        }
}

/* Any bit of key or value: refused or taken, never a crash, and the state can still be looked at.
 */
static void a_flipped_bit_never_crashes(void **unused)
{
    unsigned taken = 0, refused = 0;
    (void)unused;
    for (unsigned i = 0; i < row_count; i++) {
        uint32_t key_bits = rows[i].key.size * 8, bits = key_bits + rows[i].value.size * 8;
        for (uint32_t bit = 0; bit < bits; bit++) {
            struct stk_state other;
            char key[32], value[4096];
            memcpy(key, rows[i].key.data, rows[i].key.size);
            memcpy(value, rows[i].value.data, rows[i].value.size);
            char *at = bit < key_bits ? &key[bit / 8] : &value[(bit - key_bits) / 8];
            *at = (char)(*at ^ 1 << bit % 8);
            assert_int_equal(stk_state_init(&other, &full_state_capacity, NULL), STK_OK);
            for (unsigned r = 0; r < row_count; r++) {
                struct stk_row_view row = rows[r];
                if (r == i) {
                    row.key.data = key;
                    row.value.data = value;
                }
                if (stk_row_load(&other, row.table, row.key, row.value, &err) != STK_OK) {
                    assert_true(err.status == STK_CORRUPT || err.status == STK_VERSION ||
                                err.status == STK_FULL);
                    assert_int_not_equal(err.text[0], 0);
                    break;
                }
            }
            if (stk_state_check(&other, &err) == STK_OK)
                taken++;
            else
                refused++;
            stk_state_fini(&other);
        }
    }
    print_message("%u flips: the state agrees with itself after %u\n", taken + refused, taken);
    assert_true(taken > 0 && refused > 0);
}

/* --- sizes, documents --- */

static void rows_are_small(void **unused)
{
    struct stk_state *state = &full.state;
    struct stk_hash key = {1, 2};
    struct stk_record out;
    static uint8_t bytes[4096];
    uint32_t slot, empty, order_size, cell_size;
    (void)unused;
    assert_int_equal(stk_orders_add(&state->orders, key, 1, 1,
                                    (struct stk_bytes){"0123456789abcdef", 16}, &slot, NULL),
                     STK_OK);
    struct stk_order *order = stk_orders_at(&state->orders, slot);
    order->number = UINT64_C(1) << 40;
    order->source = 1, order->state = STK_ORDER_PLACED,
    order->body = (struct stk_hash){~0ull, ~0ull};
    order->placed_ms = order->changed_ms = 1700000000000;
    order->expires_ms = order->first_expires_ms = order->placed_ms + 900000;
    struct stk_order_line *line = stk_order_lines(&state->orders, order);
    line->sku = 0, line->listing = STK_NONE, line->quantity = 1, line->component_count = 1;
    *stk_order_components(&state->orders, order) = (struct stk_order_component){0, 1};
    stk_orders_add_hold(&state->orders, &state->catalog, slot, 0, 0, 0, 1);
    stk_record_begin(&out, bytes, SEQ, STK_VERB_ORDER_PLACE, 1, 0);
    empty = stk_record_size(&out);
    stk_row_put_order(&out, state, slot, STK_TABLE_ORDER);
    order_size = stk_record_size(&out) - empty;
    stk_row_put_cell(&out, state, 0);
    cell_size = stk_record_size(&out) - empty - order_size;
    print_message("record %u bytes: head %u, order %u, cell %u\n", stk_record_size(&out), empty,
                  order_size, cell_size);
    assert_true(order_size <= 75);
    assert_true(cell_size <= 25);
    assert_true(stk_record_size(&out) <= 120);
    assert_true(order_size <= stk_row_order_max(state, slot, 0));
}

static void every_row_can_be_described(void **unused)
{
    static uint8_t bytes[65536];
    static struct stk_value values[4096];
    (void)unused;
    for (unsigned i = 0; i < row_count; i++)
        for (int named = 0; named < 2; named++) {
            struct stk_doc doc = stk_doc(bytes, sizeof bytes);
            struct stk_parse parse;
            assert_int_equal(stk_row_describe(named ? full.state.names : NULL, rows[i].table,
                                              rows[i].key, rows[i].value, &doc, &err),
                             STK_OK);
            assert_false(doc.overflow);
            assert_int_equal(
                stk_doc_parse(bytes, doc.size, doc.size, STK_DEPTH_MAX, values, 4096, &parse),
                STK_OK);
            assert_int_equal(parse.consumed, doc.size);
            assert_int_equal(parse.root->type, STK_VALUE_MAP);
            assert_true(parse.root->size > 0);
        }
}

/* An answer of `size` bytes that begins as answers to changes do: a map whose first pair is the
 * number of the effect. */
static struct stk_bytes answer_of(stk_seq_t seq, uint32_t size, uint8_t *to)
{
    struct stk_doc doc = stk_doc(to, 1024);
    stk_doc_map(&doc, 2);
    stk_doc_key_uint(&doc, "seq", seq);
    for (uint32_t i = doc.size; i < size; i++)
        to[i] = (uint8_t)i;
    return (struct stk_bytes){(char *)to, size};
}

static void one_key(unsigned space, struct stk_bytes doc, uint32_t saved)
{
    static uint8_t bytes[4096], value[4096];
    const struct stk_bytes source = {"shop", 4}, id = {"c-1", 3};
    struct stk_record out;
    struct stk_row_view some[2];
    struct stk_key_answer answer;
    uint8_t together[STK_KEY_DOC_ROOM];
    struct stk_key_entry entry = {.key = {5, 6}, .body = {7, 8}, .seq = SEQ, .verb = 15};
    stk_record_begin(&out, bytes, SEQ, 0, 0, 0);
    stk_row_put_key(&out, &entry, space, 1700000000000, source, id, doc);
    assert_int_equal(read_rows(&out, some), 1);
    memcpy(value, some[0].value.data, some[0].value.size);
    struct stk_bytes row = {(char *)value, some[0].value.size};
    assert_int_equal(stk_row_read_key(row, SEQ, together, &answer, &err), STK_OK);
    struct stk_hash key = space ? stk_command_key(space, source, id) : entry.key;
    assert_true(stk_hash_equal(answer.key, key));
    assert_int_equal(answer.doc.size, doc.size);
    assert_memory_equal(answer.doc.data, doc.data, doc.size);
    uint32_t fixed = 1 + 1 + (space ? 0 : 16) + 6 + 16 + 1 + 1 + 5 + 4;
    assert_int_equal(row.size, fixed + (doc.size - saved < 64 ? 1 : 2) + doc.size - saved);
    value[1] = 3 << 1; /* no such space */
    assert_int_equal(stk_row_read_key(row, SEQ, together, &answer, &err), STK_CORRUPT);
    value[1] = (uint8_t)(space << 1 | 1); /* orders that left memory have no source and no id */
    if (space)
        assert_int_equal(stk_row_read_key(row, SEQ, together, &answer, &err), STK_CORRUPT);
}

/* Key and number of the effect are left out where they follow from the rest. */
static void keys_and_answers_come_back(void **unused)
{
    uint8_t bytes[1024];
    (void)unused;
    for (unsigned space = 0; space <= STK_KEY_OTHER; space++) {
        one_key(space, answer_of(SEQ, 40, bytes), 4 + 3);
        one_key(space, answer_of(SEQ, STK_KEY_DOC_MAX, bytes), 4 + 3);
        one_key(space, answer_of(SEQ, STK_KEY_DOC_MAX + 1, bytes), 0);
        one_key(space, answer_of(SEQ - 1, 40, bytes), 0); /* another's */
        one_key(space, (struct stk_bytes){"\x81\xa4what\x01", 7}, 0);
        one_key(space, (struct stk_bytes){"\x80", 1}, 0);
    }
}

static void attributes_come_back_as_they_were(void **unused)
{
    static uint8_t bytes[STK_ATTRIBUTES_MAX];
    struct stk_attributes in = {.title = {"T", 1},
                                .tax_class = {"full", 4},
                                .cost = -5,
                                .list_price = INT64_MAX,
                                .map_price = 0,
                                .currency = 0x455552,
                                .reorder_quantity = 7,
                                .lead_time_days = UINT32_MAX},
                          out;
    uint32_t size;
    (void)unused;
    for (uint32_t i = 0; i < STK_ATTR_LIST_MAX; i++)
        in.tags[in.tag_count++] = (struct stk_bytes){"tag-of-some-length", i % 19};
    size = stk_attributes_write(&in, bytes);
    assert_int_equal(stk_attributes_read((struct stk_bytes){(char *)bytes, size}, &out), STK_OK);
    assert_int_equal(out.tag_count, STK_ATTR_LIST_MAX);
    assert_int_equal(out.tags[18].size, 18);
    assert_int_equal(out.tax_class.size, 4);
    assert_true(out.cost == -5 && out.list_price == INT64_MAX && out.map_price == 0);
    assert_int_equal(out.reorder_point, 0);
    assert_int_equal(out.reorder_quantity, 7);
    assert_int_equal(out.lead_time_days, UINT32_MAX);
    for (uint32_t cut = 1; cut < size; cut++)
        assert_int_equal(stk_attributes_read((struct stk_bytes){(char *)bytes, cut}, &out),
                         STK_CORRUPT);
    assert_int_equal(stk_attributes_read((struct stk_bytes){0}, &out), STK_OK);
    assert_true(out.cost == INT64_MIN && out.tag_count == 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_row_comes_back_as_it_was),
        TEST(loading_twice_changes_nothing),
        cmocka_unit_test(loading_the_journal_again_changes_nothing),
        TEST(a_later_image_of_an_order_takes_its_place),
        TEST(an_archived_order_leaves_and_comes_back),
        TEST(a_new_sku_has_a_new_number),
        TEST(deleted_rows_take_things_away),
        TEST(what_is_in_use_is_not_deleted),
        TEST(another_version_is_refused_by_name),
        TEST(a_row_cut_short_is_damage),
        TEST(a_flipped_bit_never_crashes),
        TEST(rows_are_small),
        TEST(every_row_can_be_described),
        TEST(keys_and_answers_come_back),
        cmocka_unit_test(attributes_come_back_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
