/* Idempotency: the same answer, byte for byte, or a conflict. */
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

static void test_the_same_id_with_another_body_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    CALL(OK, "stock.receive", "{'source':'t','id':'k','sku':'A','location':'main','quantity':1}");
    CALL(OK, "stock.receive", "{'quantity':1,'location':'main','id':'k','source':'t','sku':'A'}");
    CALL(CONFLICT, "stock.receive",
         "{'source':'t','id':'k','sku':'A','location':'main','quantity':2}");
    CALL(CONFLICT, "stock.adjust",
         "{'source':'t','id':'k','sku':'A','location':'main','kind':'found','quantity':1}");
    CALL(OK, "stock.receive", "{'source':'u','id':'k','sku':'A','location':'main','quantity':2}");
    assert_int_equal(fixture_sku(f, "A", "on_hand"), 13);
    fixture_restart(f);
}

static void test_not_found_is_not_remembered(void **state)
{
    struct fixture *f = *state;
    CALL(NOT_FOUND, "order.place", "{'source':'w','id':'1','lines':[{'sku':'new','quantity':1}]}");
    CALL(OK, "sku.put", "{'source':'t','sku':'new'}");
    CALL(OK, "stock.receive", "{'source':'t','id':'n','sku':'new','location':'main','quantity':1}");
    CALL(OK, "order.place", "{'source':'w','id':'1','lines':[{'sku':'new','quantity':1}]}");
    fixture_restart(f);
}

static void test_repeat_is_byte_for_byte(void **state)
{
    struct fixture *f = *state;
    static const char place[] =
        "{'source':'w','id':'1','ttl_ms':60000,'lines':[{'sku':'A','quantity':1}]}";
    static const char refused[] = "{'source':'w','id':'2','lines':[{'sku':'A','quantity':100}]}";
    uint8_t first[512];
    assert_int_equal(fixture_call(f, "order.place", place), STK_OK);
    uint32_t size = f->doc_size;
    memcpy(first, f->doc, size);
    assert_int_equal(fixture_call(f, "order.pay", "{'source':'w','id':'p','order':'1'}"), STK_OK);
    fixture_restart(f);
    assert_int_equal(fixture_call(f, "order.place", place), STK_OK);
    assert_int_equal(f->doc_size, size);
    assert_memory_equal(f->doc, first, size);
    assert_int_equal(fixture_call(f, "order.place", refused), STK_SHORT);
    /* the refusal has a sequence of its own, by which a repeat is known as one */
    assert_int_equal(fixture_int(f, "seq"), stk_engine_state(f->engine)->seq);
    size = f->doc_size;
    memcpy(first, f->doc, size);
    assert_int_equal(
        fixture_call(f, "stock.receive",
                     "{'source':'t','id':'r9','sku':'A','location':'main','quantity':1000}"),
        STK_OK);
    fixture_restart(f);
    assert_int_equal(fixture_call(f, "order.place", refused), STK_SHORT);
    assert_int_equal(f->doc_size, size);
    assert_memory_equal(f->doc, first, size);
    assert_int_equal(fixture_call(f, "order.place",
                                  "{'source':'w','id':'1','lines':[{'sku':'A','quantity':2}]}"),
                     STK_CONFLICT);
    assert_int_equal(fixture_sku(f, "A", "held"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_same_id_with_another_body_is_a_conflict, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_not_found_is_not_remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_repeat_is_byte_for_byte, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
