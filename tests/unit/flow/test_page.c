/* Cursors: only what a page gave. */
#include "core/flow/page.h"
#include "tests/lib/engine_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define CALL(status, ...) assert_int_equal(fixture_call(f, __VA_ARGS__), STK_##status)

static void test_pages(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    (void)state;
    fixture_init(f);
    fixture_start(f);
    for (int i = 0; i < 5; i++)
        CALL(OK, "sku.put", "{'source':'t','sku':'S%d'}", i);
    CALL(OK, "sku.list", "{'limit':2}");
    assert_true(fixture_is(f, "skus.1.sku", "S1"));
    assert_null(fixture_get(f, "skus.2"));
    assert_true(fixture_is(f, "next", "2"));
    CALL(OK, "sku.list", "{'limit':2,'cursor':'2'}");
    assert_true(fixture_is(f, "skus.0.sku", "S2"));
    CALL(OK, "sku.list", "{'limit':2,'cursor':'4'}");
    assert_true(fixture_is(f, "skus.0.sku", "S4"));
    assert_null(fixture_get(f, "next"));
    CALL(OK, "sku.list", "{'cursor':'4294967295'}");
    assert_null(fixture_get(f, "skus.0"));
    CALL(INVALID, "sku.list", "{'cursor':'4294967296'}");
    CALL(INVALID, "sku.list", "{'cursor':'99999999999999999999999'}");
    CALL(INVALID, "sku.list", "{'cursor':'-1'}");
    CALL(INVALID, "sku.list", "{'cursor':'x'}");
    fixture_fini(f);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
