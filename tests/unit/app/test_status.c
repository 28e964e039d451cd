/* The answer of status: what is there, and when it warns. */
#include "core/app/status.h"
#include "tests/lib/engine_fixture.h"
#include "tests/lib/folder.h"
#include "tests/lib/rpc_client.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fixture f;
static struct stk_engine_options capacities;
static struct stk_status_sources sources;
static struct stk_value values[4096];
static uint8_t bytes[65536];
static struct test_folder folder;

static int set_up(void **state)
{
    struct stk_error err;
    struct stk_journal_options journal = {.segment_bytes = STK_SEGMENT_BYTES_MIN};
    (void)state;
    test_folder_make(&folder);
    journal.folder = folder.path;
    fixture_init(&f);
    fixture_start(&f);
    capacities = f.options;
    sources = (struct stk_status_sources){.engine = f.engine,
                                          .capacities = &capacities,
                                          .folder = folder.path,
                                          .clock = stk_clock_fake(&f.clock),
                                          .started_ms = f.clock.wall_ms - 5000};
    struct stk_rows_options rows = {.folder = folder.path, .map_bytes = 1 << 20};
    return stk_journal_open(&sources.journal, &journal, &err) == STK_OK &&
                   stk_rows_open(&sources.rows, &rows, &err) == STK_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    stk_rows_close(sources.rows);
    stk_journal_close(sources.journal);
    fixture_fini(&f);
    test_folder_remove(&folder);
    return 0;
}

static const struct stk_value *status(void)
{
    struct stk_doc doc = stk_doc(bytes, sizeof bytes);
    struct stk_parse parse;
    stk_status_write(&sources, &doc);
    assert_false(doc.overflow);
    assert_int_equal(
        stk_doc_parse(bytes, doc.size, sizeof bytes, STK_DEPTH_MAX, values, 4096, &parse), STK_OK);
    assert_int_equal(parse.consumed, doc.size);
    return parse.root;
}

static void everything_is_there(void **state)
{
    (void)state;
    fixture_call(&f, "sku.put", "{'source':'t','sku':'A'}");
    const struct stk_value *got = status();
    assert_int_equal(test_number(got, "uptime_ms"), 5000);
    assert_int_equal(test_number(got, "seq"), 1);
    assert_int_equal(test_number(stk_value_get(got, "journal"), "backlog"), 0);
    assert_true(test_number(stk_value_get(got, "disk"), "free_bytes") > 0);
    assert_int_equal(test_number(stk_value_get(got, "counts"), "effects"), 1);
    const struct stk_value *skus = stk_value_get(stk_value_get(got, "capacities"), "skus");
    assert_int_equal(test_number(skus, "used"), 1);
    assert_int_equal(test_number(skus, "capacity"), f.options.skus);
    assert_int_equal(stk_value_get(got, "warnings")->size, 0);
}

static void a_capacity_that_is_nearly_used_up_warns(void **state)
{
    (void)state;
    for (int i = 0; i < 9; i++)
        fixture_call(&f, "sku.put", "{'source':'t','sku':'S%d'}", i);
    capacities.skus = 11;
    assert_int_equal(stk_value_get(status(), "warnings")->size, 0); /* 81 % */
    capacities.skus = 10;
    const struct stk_value *warnings = stk_value_get(status(), "warnings");
    assert_int_equal(warnings->size, 1); /* 90 % */
    struct stk_bytes text = stk_value_bytes(&warnings->as.items[0]);
    assert_non_null(memmem(text.data, text.size, "\"skus\" is used to 90 %", 22));
    sources.folder = "/no/such/folder";
    assert_int_equal(stk_value_get(status(), "disk")->type, STK_VALUE_NIL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_is_there),
        TEST(a_capacity_that_is_nearly_used_up_warns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
