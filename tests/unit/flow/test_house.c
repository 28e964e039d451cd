/* What the engine does by itself: expiry, the archive. */
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

static void test_closed_orders_are_archived(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':1}]}");
    CALL(OK, "order.ship", "{'source':'w','id':'s','order':'1'}");
    fixture_wait(f, 2 * 24 * 3600 * 1000);
    assert_int_equal(stk_engine_state(f->engine)->orders.orders.used, 0);
    CALL(AGAIN, "order.pay", "{'source':'w','id':'p','order':'1'}");
    assert_int_equal(fixture_sku(f, "A", "shipped"), 1);
    fixture_restart(f);
}

/* What the engine parked comes back, by the hand of a reader. */
static enum stk_status bring(struct fixture *f, enum stk_attach attach)
{
    uint32_t size;
    struct stk_ring_spsc *parked = stk_engine_parked(f->engine);
    const struct stk_command *command = stk_ring_spsc_next(parked, &size);
    assert_non_null(command);
    struct stk_command *room = stk_inbox_reserve(f->inbox, command->size);
    memcpy(room, command, command->size);
    room->attach = (uint8_t)attach;
    stk_ring_spsc_release(parked);
    stk_inbox_commit(f->inbox, room);
    stk_inbox_publish(f->inbox);
    for (int turn = 0; turn < 4; turn++) {
        stk_engine_turn(f->engine);
        if (fixture_receive(f))
            return f->status;
    }
    return STK_AGAIN;
}

/* An order that is in the archive is never said not to be there because it cannot be read. */
static void test_an_archived_order_that_cannot_be_read(void **state)
{
    static const struct {
        enum stk_attach attach;
        enum stk_status status;
    } cases[] = {{STK_ATTACH_LATE, STK_BUSY}, {STK_ATTACH_FAILED, STK_IO}};
    struct fixture *f = *state;
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'A','quantity':1}]}");
    CALL(OK, "order.ship", "{'source':'w','id':'s','order':'1'}");
    fixture_wait(f, 2 * 24 * 3600 * 1000);
    for (int i = 0; i < 2; i++) {
        CALL(AGAIN, "order.get", "{'source':'w','order':'1'}");
        assert_int_equal(bring(f, cases[i].attach), cases[i].status);
        CALL(AGAIN, "order.pay", "{'source':'w','id':'p','order':'1'}");
        assert_int_equal(bring(f, cases[i].attach), cases[i].status);
    }
}

static void tell_run(struct fixture *f, uint32_t id, unsigned class, stk_seq_t last, int dropped)
{
    struct stk_run run = {.id = id, .class = (uint8_t) class, .first = 1, .last = last, .count = 1};
    stk_engine_run_changed(f->inbox, &run, dropped);
}

/* Runs that are made together end at the last key of their own class each, either one first. */
static void test_keys_of_both_classes_leave_memory(void **state)
{
    struct fixture *f = *state;
    struct stk_dedupe *keys = &stk_engine_state(f->engine)->dedupe;
    stk_seq_t order, other;
    uint32_t id = 1;
    for (int round = 0; round < 4; round++) {
        fixture_call(f, "order.sell",
                     "{'source':'w','id':'o%d','lines':[{'sku':'A','quantity':1}]}", round);
        assert_int_equal(f->status, STK_OK);
        fixture_wait(f, 2 * 24 * 3600 * 1000); /* its key is written when it is archived */
        order = stk_engine_state(f->engine)->seq;
        fixture_call(f, "stock.receive",
                     "{'source':'t','id':'n%d','sku':'A','location':'main','quantity':1}", round);
        assert_int_equal(f->status, STK_OK);
        other = stk_engine_state(f->engine)->seq;
        assert_true(order < other && keys->count > 1);
        tell_run(f, id++, round % 2, round % 2 ? order : other, 0);
        fixture_wait(f, 10);
        tell_run(f, id++, 1 - round % 2, round % 2 ? other : order, 0);
        if (round == 2) /* its keys are still in memory */
            tell_run(f, id - 1, 1, order, 1);
        fixture_wait(f, 10);
        assert_int_equal(keys->count, 0);
    }
    CALL(AGAIN, "order.get", "{'source':'w','order':'o1'}");
    CALL(AGAIN, "stock.receive",
         "{'source':'t','id':'n1','sku':'A','location':'main','quantity':1}");
}

static void test_expiry(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        fixture_call(f, "order.place",
                     "{'source':'w','id':'1','ttl_ms':1000,'lines':[{'sku':'A','quantity':4}]}"),
        STK_OK);
    fixture_wait(f, 999);
    assert_int_equal(fixture_sku(f, "A", "held"), 4);
    fixture_wait(f, 2);
    assert_int_equal(fixture_sku(f, "A", "held"), 0);
    assert_int_equal(fixture_call(f, "order.pay", "{'source':'w','id':'p','order':'1'}"),
                     STK_STATE);
    assert_true(fixture_is(f, "state", "expired"));
    fixture_restart(f);
}

/* The wall clock is set right between the making of an engine and its loading, which takes seconds
 * when there is much to load: nothing ends early by the wrong time. */
static void test_a_clock_set_back_while_loading_ends_nothing_early(void **state)
{
    struct fixture *f = *state;
    struct stk_error err = {0};
    CALL(OK, "order.place",
         "{'source':'w','id':'1','ttl_ms':1800000,'lines':[{'sku':'A','quantity':3}]}");
    stk_engine_destroy(f->engine);
    f->clock.wall_ms += 3600000;
    assert_int_equal(stk_engine_create(&f->engine, &f->options, &err), STK_OK);
    f->clock.wall_ms -= 3600000;
    f->inbox = stk_engine_inbox_open(f->engine, NULL, NULL, &err);
    assert_int_equal(stk_engine_load(f->engine, NULL, &err), STK_OK);
    fixture_wait(f, 1700000);
    assert_int_equal(fixture_sku(f, "A", "cells.0.held"), 3);
    fixture_wait(f, 200000);
    assert_int_equal(fixture_sku(f, "A", "cells.0.held"), 0);
}

/* Cancellations that came before their order wait for it as long as a key is known, and no longer:
 * the book of them never fills up for good. */
static void test_early_cancels_are_forgotten_after_the_key_window(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const int64_t hour_ms = 3600 * 1000;
    (void)state;
    fixture_init(f);
    f->options.early = 2500;
    f->options.key_window_ms = hour_ms;
    fixture_start(f);
    CALL(OK, "location.put", "{'source':'t','location':'main'}");
    CALL(OK, "sku.put", "{'source':'t','sku':'A'}");
    CALL(OK, "stock.receive", "{'source':'t','id':'r','sku':'A','location':'main','quantity':9}");
    for (int i = 0; i < 2500; i++)
        CALL(OK, "order.cancel", "{'source':'w','id':'c%d','order':'o%d'}", i, i);
    CALL(FULL, "order.cancel", "{'source':'w','id':'one more','order':'one more'}");
    fixture_wait(f, hour_ms - 2000);
    CALL(OK, "order.cancel", "{'source':'w','id':'again','order':'o7'}"); /* a window of its own */
    CALL(CANCELLED, "order.place", "{'source':'w','id':'o8','lines':[{'sku':'A','quantity':1}]}");
    fixture_restart(f);
    fixture_wait(f, 3500);
    fixture_wait(f, 1100);
    fixture_restart(f);
    assert_int_equal(stk_engine_state(f->engine)->book.early.used, 1);
    CALL(OK, "order.cancel", "{'source':'w','id':'one more','order':'one more'}");
    CALL(CANCELLED, "order.place", "{'source':'w','id':'o7','lines':[{'sku':'A','quantity':1}]}");
    CALL(CANCELLED, "order.place", /* as it was answered the first time */
         "{'source':'w','id':'o8','lines':[{'sku':'A','quantity':1}]}");
    CALL(OK, "order.place", "{'source':'w','id':'o9','lines':[{'sku':'A','quantity':1}]}");
    fixture_restart(f);
    fixture_fini(f);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_closed_orders_are_archived, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_archived_order_that_cannot_be_read, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_keys_of_both_classes_leave_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expiry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_clock_set_back_while_loading_ends_nothing_early,
                                        setup, teardown),
        cmocka_unit_test(test_early_cancels_are_forgotten_after_the_key_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
