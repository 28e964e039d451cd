/* export and check against an engine of five SKUs, two to a page, answers out of order. */
#include "tests/lib/fake_rpc.h"
#include "tools/stockade/cli.h"
#include "tools/stockade/texts.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SKUS 5

struct engine {
    int lost;     /* units that nobody accounts for */
    int gone;     /* this SKU was removed between list and get */
    int refusing; /* sku.get is refused */
};

static void page(const struct stk_value *params, struct stk_doc *out)
{
    const struct stk_value *cursor = stk_value_get(params, "cursor");
    int first = cursor ? cursor->as.text[0] - '0' : 0, count = first + 2 < SKUS ? 2 : SKUS - first;
    char name[2] = {(char)('0' + first + 2), '\0'}, sku[2] = "";
    stk_doc_map(out, first + 2 < SKUS ? 2 : 1);
    stk_doc_text(out, "skus");
    stk_doc_array(out, (uint32_t)count);
    for (int i = 0; i < count; i++) {
        sku[0] = (char)('A' + first + i);
        stk_doc_map(out, 1);
        stk_doc_key_text(out, "sku", sku);
    }
    if (first + 2 < SKUS)
        stk_doc_key_text(out, "next", name);
}

static void sku(const struct engine *engine, struct stk_bytes name, struct stk_doc *out)
{
    int number = name.data[0] - 'A';
    stk_doc_map(out, 13);
    stk_doc_key_str(out, "sku", name);
    stk_doc_key_text(out, "title", "cup, \"blue\"");
    stk_doc_text(out, "tags");
    stk_doc_array(out, 2);
    stk_doc_text(out, "x");
    stk_doc_text(out, "y");
    stk_doc_key_int(out, "cost", 255);
    stk_doc_key_text(out, "currency", "GBP");
    stk_doc_key_int(out, "received", 10 * number);
    stk_doc_key_int(out, "returned", 2);
    stk_doc_key_int(out, "found", 0);
    stk_doc_key_int(out, "on_hand", 3 * number);
    stk_doc_key_int(out, "unsellable", 1);
    stk_doc_key_int(out, "in_transit", 0);
    stk_doc_key_int(out, "shipped", 7 * number + 1 - (number == 3 ? engine->lost : 0));
    stk_doc_key_int(out, "written_off", 0);
}

static void cells(struct stk_bytes name, struct stk_doc *out)
{
    stk_doc_map(out, 2);
    stk_doc_key_str(out, "sku", name);
    stk_doc_text(out, "cells");
    stk_doc_array(out, 2);
    for (int i = 0; i < 2; i++) {
        stk_doc_map(out, 2);
        stk_doc_key_text(out, "location", i ? "south" : "north");
        stk_doc_key_int(out, "on_hand", name.data[0] + i);
    }
}

static enum fake_deed serve(void *arg, struct stk_bytes verb, const struct stk_value *params,
                            struct stk_doc *out)
{
    const struct engine *engine = arg;
    const struct stk_value *name = stk_value_get(params, "sku");
    if (name && (engine->refusing || engine->gone == name->as.text[0])) {
        fake_rpc_refuse(out, engine->refusing ? "DENIED" : "NOT_FOUND", "no");
        return FAKE_ANSWER;
    }
    stk_doc_nil(out);
    if (verb.size == 8 && !memcmp(verb.data, "sku.list", 8))
        page(params, out);
    else if (verb.size == 7 && !memcmp(verb.data, "sku.get", 7))
        sku(engine, stk_value_bytes(name), out);
    else
        cells(stk_value_bytes(name), out);
    /* The first of each two comes last. */
    return name && name->as.text[0] % 2 && name->as.text[0] != 'E' ? FAKE_LATER : FAKE_ANSWER;
}

static int run(struct engine *engine, int (*command)(struct cli *), const char *word, int json,
               char *text, size_t size)
{
    struct cli cli = {.json = json};
    char *argv[1] = {(char *)(uintptr_t)word};
    FILE *out = tmpfile();
    struct fake_rpc *fake = fake_rpc_start(serve, engine, 0);
    cli.options.socket = fake_rpc_path(fake);
    cli.options.timeout_ms = 5000;
    cli.argv = argv;
    cli.argc = word ? 1 : 0;
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    dup2(fileno(out), STDOUT_FILENO);
    int code = command(&cli);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    fseek(out, 0, SEEK_SET);
    text[fread(text, 1, size - 1, out)] = '\0';
    fclose(out);
    fake_rpc_stop(fake);
    return code;
}

static void test_export_skus(void **state)
{
    struct engine engine = {0};
    char text[4096];
    (void)state;
    assert_int_equal(run(&engine, cli_export, "skus", 0, text, sizeof(text)), EXIT_DONE);
    assert_string_equal(
        text, "sku,title,barcodes,aliases,cost,currency,list_price,map_price,tax_class,tags,"
              "reorder_point,reorder_quantity,lead_time_days\r\n"
              "A,\"cup, \"\"blue\"\"\",,,2.55,GBP,,,,\"x,y\",,,\r\n"
              "B,\"cup, \"\"blue\"\"\",,,2.55,GBP,,,,\"x,y\",,,\r\n"
              "C,\"cup, \"\"blue\"\"\",,,2.55,GBP,,,,\"x,y\",,,\r\n"
              "D,\"cup, \"\"blue\"\"\",,,2.55,GBP,,,,\"x,y\",,,\r\n"
              "E,\"cup, \"\"blue\"\"\",,,2.55,GBP,,,,\"x,y\",,,\r\n");
}

static void test_export_stock(void **state)
{
    struct engine engine = {.gone = 'B'};
    char text[4096];
    (void)state;
    assert_int_equal(run(&engine, cli_export, "stock", 0, text, sizeof(text)), EXIT_DONE);
    const char *want = "sku,location,quantity,held,unsellable,earmarked\r\n"
                       "A,north,65,,,\r\nA,south,66,,,\r\nC,north,67,,,\r\n";
    assert_memory_equal(text, want, strlen(want));
}

static void test_refusals(void **state)
{
    struct engine engine = {.refusing = 1};
    char text[4096];
    (void)state;
    assert_int_equal(run(&engine, cli_export, "skus", 1, text, sizeof(text)), EXIT_REFUSED);
    assert_non_null(strstr(text, "DENIED"));
    assert_int_equal(run(&engine, cli_export, "colours", 1, text, sizeof(text)), EXIT_USAGE);
    assert_int_equal(run(&engine, cli_check, NULL, 1, text, sizeof(text)), EXIT_REFUSED);
}

static void test_check(void **state)
{
    struct engine engine = {0};
    char text[4096];
    (void)state;
    assert_int_equal(run(&engine, cli_check, NULL, 1, text, sizeof(text)), EXIT_DONE);
    assert_non_null(strstr(text, "\"skus\":5"));
    assert_non_null(strstr(text, "\"received\":100"));
    assert_non_null(strstr(text, "\"balanced\":true"));
    engine.lost = 2;
    assert_int_equal(run(&engine, cli_check, NULL, 1, text, sizeof(text)), EXIT_REFUSED);
    assert_non_null(strstr(text, "\"wrong\":1"));
    assert_non_null(strstr(text, "\"sku\":\"D\""));
    assert_non_null(strstr(text, "\"difference\":2"));
    assert_int_equal(run(&engine, cli_check, NULL, 0, text, sizeof(text)), EXIT_REFUSED);
    assert_non_null(strstr(text, "NOT balanced: 1 of 5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_export_skus),
        cmocka_unit_test(test_export_stock),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
