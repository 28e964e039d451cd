/* Imports against an engine that remembers ids and takes what it is told. */
#include "tests/lib/fake_rpc.h"
#include "tools/stockade/import.h"
#include "tools/stockade/json.h"
#include "tools/stockade/map.h"
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

/* --- the engine --- */

struct engine {
    struct map keys; /* "verb source id" to the sequence of its first answer */
    int64_t seq;
    unsigned busy; /* every busy-th request is turned away */
    unsigned requests;
    json_t *calls;         /* [verb, params] of each new one */
    const char *short_sku; /* of which there is 1 */
    int holds;             /* the breaker */
};

static json_t *call_of(const struct engine *engine, size_t index, const char **verb)
{
    json_t *call = json_array_get(engine->calls, index);
    *verb = json_string_value(json_array_get(call, 0));
    return json_array_get(call, 1);
}

static int is_short(const struct engine *engine, json_t *params, struct stk_doc *out)
{
    json_t *lines = json_object_get(params, "lines"), *line;
    size_t i;
    json_array_foreach(lines, i, line)
    {
        const char *sku = json_string_value(json_object_get(line, "sku"));
        if (!sku || !engine->short_sku || strcmp(sku, engine->short_sku))
            continue;
        stk_doc_map(out, 3);
        stk_doc_key_text(out, "code", "SHORT");
        stk_doc_key_text(out, "message", "short");
        stk_doc_text(out, "lines");
        stk_doc_array(out, 1);
        stk_doc_map(out, 3);
        stk_doc_key_int(out, "line", (int64_t)i + 1);
        stk_doc_key_int(out, "wanted", json_number(line, "quantity", 0));
        stk_doc_key_int(out, "available", 1);
        stk_doc_nil(out);
        return 1;
    }
    return 0;
}

static enum fake_deed serve(void *arg, struct stk_bytes verb, const struct stk_value *value,
                            struct stk_doc *out)
{
    struct engine *engine = arg;
    char key[256];
    int is_new;
    if (engine->busy && ++engine->requests % engine->busy == 0) {
        fake_rpc_refuse(out, "BUSY", "later");
        return FAKE_ANSWER;
    }
    if (verb.size == 6 && !memcmp(verb.data, "status", 6)) {
        stk_doc_nil(out);
        stk_doc_map(out, 1);
        stk_doc_key_int(out, "seq", engine->seq);
        return FAKE_ANSWER;
    }
    if (verb.size == 9 && !memcmp(verb.data, "stock.get", 9)) {
        struct stk_bytes sku = stk_value_bytes(stk_value_get(value, "sku"));
        if (sku.size == 4 && !memcmp(sku.data, "NONE", 4)) {
            fake_rpc_refuse(out, "NOT_FOUND", "no");
            return FAKE_ANSWER;
        }
        stk_doc_nil(out);
        stk_doc_map(out, 0);
        return FAKE_ANSWER;
    }
    json_t *params = json_of(value);
    if (is_short(engine, params, out)) {
        json_decref(params);
        return FAKE_ANSWER;
    }
    int size = snprintf(key, sizeof(key), "%.*s %s %s", (int)verb.size, verb.data,
                        json_string_value(json_object_get(params, "source")),
                        json_string_value(json_object_get(params, "id")));
    uint64_t *seq = map_at(&engine->keys, key, (size_t)size, &is_new);
    if (is_new) {
        *seq = (uint64_t)++engine->seq;
        json_array_append_new(engine->calls,
                              json_pack("[s%,O]", verb.data, (size_t)verb.size, params));
    }
    json_decref(params);
    stk_doc_nil(out);
    stk_doc_map(out, 2);
    stk_doc_key_int(out, "seq", (int64_t)*seq);
    stk_doc_key_text(out, "state", engine->holds ? "held" : "placed");
    return FAKE_ANSWER;
}

/* --- a run --- */

struct fixture {
    struct engine engine;
    struct fake_rpc *fake;
    char folder[64], file[96], rejects[128], out[96];
};

static int set_up(void **state)
{
    struct fixture *at = calloc(1, sizeof(*at));
    snprintf(at->folder, sizeof(at->folder), "/tmp/import-XXXXXX");
    assert_non_null(mkdtemp(at->folder));
    snprintf(at->file, sizeof(at->file), "%s/in.csv", at->folder);
    snprintf(at->rejects, sizeof(at->rejects), "%s.rejects.csv", at->file);
    snprintf(at->out, sizeof(at->out), "%s/out", at->folder);
    at->engine.calls = json_array();
    at->fake = fake_rpc_start(serve, &at->engine, 0);
    *state = at;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *at = *state;
    fake_rpc_stop(at->fake);
    map_fini(&at->engine.keys);
    json_decref(at->engine.calls);
    unlink(at->file);
    unlink(at->rejects);
    unlink(at->out);
    rmdir(at->folder);
    free(at);
    return 0;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static const char *read_text(const char *path)
{
    static char text[16384];
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* Runs `import WORDS`, --json, output into a file; *report gets what it said. */
static int run(struct fixture *at, const char *const *words, json_t **report)
{
    struct cli cli = {.json = 1};
    char *argv[32];
    cli.options.socket = fake_rpc_path(at->fake);
    cli.options.timeout_ms = 10000;
    cli.argv = argv;
    for (; words[cli.argc]; cli.argc++)
        argv[cli.argc] = (char *)(uintptr_t)words[cli.argc];
    fflush(stdout);
    int kept = dup(STDOUT_FILENO), to = open(at->out, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    dup2(to, STDOUT_FILENO);
    int code = cli_import(&cli);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(to);
    *report = json_loads(read_text(at->out), 0, NULL);
    assert_non_null(*report);
    return code;
}
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect(const json_t *report, const char *name, int64_t want)
{
    int64_t got = json_number(report, name, 0);
    if (got != want)
        fail_msg("%s: %lld, want %lld", name, (long long)got, (long long)want);
}

#define ORDERS                                                                                     \
    "InvoiceNo,StockCode,Quantity,UnitPrice,CustomerID,Country,InvoiceDate\n"                      \
    "1,A,6,2.55,c1,United Kingdom,12/1/10 8:26\n"                                                  \
    "1,B,1,1.00,c1,United Kingdom,12/1/10 8:26\n"                                                  \
    "2,A,2,2.55,c2,EIRE,12/1/10 8:27\n"                                                            \
    "1,A,3,2.50,c1,United Kingdom,12/1/10 8:26\n"                                                  \
    "3,POST,1,18,c2,Germany,12/1/10 8:28\n"                                                        \
    "C4,A,-7,2.55,c1,United Kingdom,12/2/10 9:00\n"
#define HOW                                                                                        \
    "--currency", "GBP", "--date-format", "%m/%d/%y %H:%M", "--cancel-prefix", "C", "--skip-sku",  \
        "^POST$"

/* Scattered rows of an order, one SKU twice in it, a cancellation over two of its lines. */
static void test_orders(void **state)
{
    struct fixture *at = *state;
    json_t *report;
    const char *verb;
    write_file(at->file, ORDERS);
    assert_int_equal(run(at, WORDS("orders", at->file, HOW), &report), EXIT_DONE);
    expect(report, "rows", 6);
    expect(report, "orders_placed", 2);
    expect(report, "lines_in_them", 4);
    expect(report, "rows_skipped_by_SKU", 1);
    expect(report, "units_cancelled", 7);
    expect(report, "rows_refused", 0);
    expect(report, "there_already", 0);
    json_decref(report);
    assert_int_equal(json_array_size(at->engine.calls), 4);
    json_t *first = call_of(&at->engine, 0, &verb);
    json_t *want = json_loads(
        "{\"source\":\"import\",\"id\":\"1\",\"country\":\"GB\",\"currency\":\"GBP\","
        "\"placed_at\":1291191960000,\"lines\":[{\"sku\":\"A\",\"quantity\":6,\"unit_price\":255},"
        "{\"sku\":\"B\",\"quantity\":1,\"unit_price\":100},"
        "{\"sku\":\"A\",\"quantity\":3,\"unit_price\":250}]}",
        0, NULL);
    assert_string_equal(verb, "order.place");
    assert_true(json_equal(first, want));
    json_decref(want);
    json_t *back = call_of(&at->engine, 2, &verb); /* the newest line first: 3, then 4 of the 6 */
    assert_string_equal(verb, "order.cancel");
    json_t *line = json_array_get(json_object_get(back, "lines"), 0);
    assert_int_equal(json_number(line, "line", 0), 3);
    assert_int_equal(json_number(line, "quantity", 0), 3);
    line = json_array_get(json_object_get(call_of(&at->engine, 3, &verb), "lines"), 0);
    assert_int_equal(json_number(line, "line", 0), 1);
    assert_int_equal(json_number(line, "quantity", 0), 4);
    assert_null(read_text(at->rejects));
}

/* What was given back once is not given back again. */
static void test_cancelled_twice(void **state)
{
    struct fixture *at = *state;
    json_t *report;
    write_file(at->file, "order,sku,quantity,customer\n1,A,9,c\nC2,A,-7,c\nC3,A,-3,c\n");
    assert_int_equal(run(at, WORDS("orders", at->file, "--cancel-prefix=C"), &report), EXIT_PARTLY);
    expect(report, "units_cancelled", 9);
    expect(json_object_get(report, "reasons"), "UNMATCHED", 1);
    json_decref(report);
    assert_non_null(strstr(read_text(at->rejects), "for 1 of 3 units"));
}

static void test_second_run_changes_nothing(void **state)
{
    struct fixture *at = *state;
    json_t *report;
    at->engine.busy = 3; /* and BUSY is no matter */
    write_file(at->file, ORDERS);
    assert_int_equal(run(at, WORDS("orders", at->file, HOW, "--stage", "shipped"), &report),
                     EXIT_DONE);
    expect(report, "orders_shipped", 2);
    expect(report, "units_returned", 7);
    json_decref(report);
    size_t calls = json_array_size(at->engine.calls);
    assert_int_equal(run(at, WORDS("orders", at->file, HOW, "--stage", "shipped"), &report),
                     EXIT_DONE);
    expect(report, "there_already", 4);
    json_decref(report);
    assert_int_equal(json_array_size(at->engine.calls), calls);
}

static void test_paid(void **state)
{
    struct fixture *at = *state;
    json_t *report;
    write_file(at->file, "order,sku,quantity\n1,A,1\n2,A,1\n");
    assert_int_equal(run(at, WORDS("orders", at->file, "--stage=paid"), &report), EXIT_DONE);
    expect(report, "orders_placed", 2);
    expect(report, "orders_paid", 2);
    json_decref(report);
    assert_int_equal(json_array_size(at->engine.calls), 4);
}

static void test_rejects(void **state)
{
    struct fixture *at = *state;
    json_t *report;
    at->engine.short_sku = "SHORT";
    write_file(at->file, "order,sku,quantity,price,currency,customer\n"
                         "1,A,1,2.55,GBP,c\n"
                         "1,\"B,\"\"x\"\"\",zwei,2.55,GBP,c\n"
                         "2,A,1,2.555,GBP,c\n"
                         ",A,1,1,GBP,c\n"
                         "3,A,-1,1,GBP,c\n"
                         "4,,1,1,GBP,c\n"
                         "5,SHORT,9,1,GBP,c\n"
                         "5,A,1,1,GBP,c\n"
                         "C6,A,-1,1,GBP,nobody\n"
                         "C7,A,-1,1,GBP,\n"
                         "8,A,1,300,JPY,c\n"
                         "9,A,1,300.5,JPY,c\n");
    assert_int_equal(run(at, WORDS("orders", at->file, "--cancel-prefix=C"), &report), EXIT_PARTLY);
    expect(report, "rows", 12);
    expect(report, "orders_placed", 1);
    expect(report, "orders_short", 1);
    expect(report, "rows_refused", 11);
    json_decref(report);
    assert_string_equal(
        read_text(at->rejects),
        "line,code,reason,order,sku,quantity,price,currency,customer\r\n"
        "5,ORDER_ID,no order id,,A,1,1,GBP,c\r\n"
        "7,SKU,no SKU,4,,1,1,GBP,c\r\n"
        "2,ORDER,another row of this order was refused,1,A,1,2.55,GBP,c\r\n"
        "3,QUANTITY,'zwei' is no number of units,1,\"B,\"\"x\"\"\",zwei,2.55,GBP,c\r\n"
        "4,INVALID,unit_price: '2.555' has more than 2 digits behind the point,2,A,1,2.555,GBP,c"
        "\r\n"
        "6,NEGATIVE,negative quantity in an order that is no cancellation,3,A,-1,1,GBP,c\r\n"
        "8,SHORT,\"9 wanted, 1 available\",5,SHORT,9,1,GBP,c\r\n"
        "9,SHORT_ORDER,another line of this order is short,5,A,1,1,GBP,c\r\n"
        "10,UNMATCHED,customer nobody has no earlier order of A for 1 of 1 units,C6,A,-1,1,GBP,"
        "nobody\r\n"
        "11,UNMATCHED,a cancellation without a customer: no order to give back,C7,A,-1,1,GBP,\r\n"
        "13,INVALID,unit_price: '300.5' has more than 0 digits behind the point,9,A,1,300.5,JPY,c"
        "\r\n");
}

static void test_far_apart_rows(void **state)
{
    struct fixture *at = *state;
    json_t *report;
    write_file(at->file, "order,sku,quantity\n1,A,1\n2,A,1\n3,A,1\n1,B,1\n");
    assert_int_equal(run(at, WORDS("orders", at->file, "--group-rows=1"), &report), EXIT_PARTLY);
    expect(report, "orders_placed", 3);
    expect(json_object_get(report, "reasons"), "SCATTERED", 1);
    json_decref(report);
    assert_int_equal(run(at, WORDS("orders", at->file, "--group-rows=3", "--source=b"), &report),
                     EXIT_DONE);
    expect(report, "lines_in_them", 4);
    json_decref(report);
    assert_null(read_text(at->rejects)); /* the old one is gone */
}

static void test_dry_run(void **state)
{
    struct fixture *at = *state;
    json_t *report;
    write_file(at->file, ORDERS);
    assert_int_equal(run(at, WORDS("orders", at->file, HOW, "--dry-run"), &report), EXIT_DONE);
    expect(report, "orders_to_place", 2);
    assert_int_equal(json_array_size(json_object_get(report, "first")), 4);
    json_decref(report);
    assert_int_equal(at->engine.seq, 0);
    assert_int_equal(fake_rpc_connections(at->fake), 0);
}

/* Fields come from the first row that has them; GB18030 and Chinese names. */
static void test_skus(void **state)
{
    struct fixture *at = *state;
    json_t *report;
    const char *verb;
    FILE *file = fopen(at->file, "w");
    /* 货号,名称,成本 / a,,1.5 / a,杯,2 / a,杯,2 / b,盘, */
    fputs("\xbb\xf5\xba\xc5,\xc3\xfb\xb3\xc6,\xb3\xc9\xb1\xbe\na,,1.5\na,\xb1\xad,2\na,\xb1\xad,2\n"
          "b,\xc5\xcc,\n",
          file);
    fclose(file);
    assert_int_equal(
        run(at, WORDS("skus", at->file, "--currency", "cny", "--sku-case", "upper"), &report),
        EXIT_DONE);
    expect(report, "SKUs_put", 2);
    expect(report, "SKUs_completed_by_a_later_row", 1);
    expect(report, "rows_of_a_SKU_that_was_there", 1);
    json_decref(report);
    json_t *params = call_of(&at->engine, 0, &verb);
    assert_string_equal(verb, "sku.put");
    assert_string_equal(json_string_value(json_object_get(params, "sku")), "A");
    assert_int_equal(json_number(params, "cost", 0), 150);
    assert_string_equal(json_string_value(json_object_get(params, "currency")), "CNY");
    params = call_of(&at->engine, 1, &verb);
    assert_string_equal(json_string_value(json_object_get(params, "title")), "\u676f");
    assert_int_equal(
        run(at, WORDS("skus", at->file, "--currency", "cny", "--sku-case", "upper"), &report),
        EXIT_DONE);
    expect(report, "there_already", 3);
    json_decref(report);
}

static void test_bad_bytes(void **state)
{
    struct fixture *at = *state;
    json_t *report;
    write_file(at->file, "sku,title\na,caf\xc3\xa9\nb,\xff\xfe\nc,\xe6\n");
    assert_int_equal(run(at, WORDS("skus", at->file, "--encoding=UTF-8"), &report), EXIT_PARTLY);
    expect(report, "SKUs_put", 1);
    expect(json_object_get(report, "reasons"), "ENCODING", 2);
    json_decref(report);
    assert_non_null(strstr(read_text(at->rejects), "3,ENCODING,column 2 is not UTF-8,b,??"));
}

/* The same delivery twice in a file is two; the same file twice is one. */
static void test_stock_received(void **state)
{
    struct fixture *at = *state;
    json_t *report;
    write_file(at->file, "sku;qty\nA;5\nA;5\nB;0\nC;-1\nD;x\n");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run(at, WORDS("stock", at->file, "--as=receive", "--location=L"), &report),
                         EXIT_PARTLY);
        expect(report, "received", 2);
        expect(report, "there_already", i ? 2 : 0);
        expect(report, "nothing_to_receive", 1);
        expect(report, "rows_refused", 2);
        json_decref(report);
    }
    assert_int_equal(json_array_size(at->engine.calls), 2);
    assert_int_equal(run(at,
                         WORDS("stock", at->file, "--as=receive", "--location=L", "--batch=second"),
                         &report),
                     EXIT_PARTLY);
    expect(report, "there_already", 0);
    json_decref(report);
}

static void test_stock_summed(void **state)
{
    struct fixture *at = *state;
    json_t *report;
    const char *verb;
    write_file(at->file, "sku,quantity\nA,5\nB,1\nA,6\nA,-3\n");
    assert_int_equal(run(at,
                         WORDS("stock", at->file, "--as=receive", "--location=L", "--sum",
                               "--percent=70", "--only-positive"),
                         &report),
                     EXIT_DONE);
    json_decref(report);
    assert_int_equal(json_array_size(at->engine.calls), 2);
    assert_int_equal(json_number(call_of(&at->engine, 0, &verb), "quantity", 0), 8); /* 7.7 */
    assert_int_equal(json_number(call_of(&at->engine, 1, &verb), "quantity", 0), 1);
}

static void test_snapshot(void **state)
{
    struct fixture *at = *state;
    json_t *report;
    const char *verb;
    FILE *file = fopen(at->file, "w");
    fputs("sku,quantity\n", file);
    for (int i = 0; i < 2500; i++)
        fprintf(file, "S%d,%d\n", i, i % 7);
    fputs("S1,9\nNONE,3\n", file);
    fclose(file);
    at->engine.holds = 1;
    assert_int_equal(run(at,
                         WORDS("stock", at->file, "--as=snapshot", "--location=L", "--missing=zero",
                               "--as-of=2024-05-01"),
                         &report),
                     EXIT_PARTLY);
    expect(report, "snapshot_rows", 2500);
    expect(json_object_get(report, "reasons"), "DUPLICATE", 1);
    expect(json_object_get(report, "reasons"), "NOT_FOUND", 1);
    json_t *params = call_of(&at->engine, 0, &verb);
    const char *set = json_string_value(json_object_get(params, "snapshot"));
    const char *note = json_string_value(json_object_get(report, "note"));
    assert_non_null(note);
    assert_non_null(strstr(note, "--action approve"));
    assert_non_null(strstr(note, set));
    json_decref(report);
    assert_int_equal(json_array_size(at->engine.calls), 3);
    params = call_of(&at->engine, 2, &verb);
    assert_int_equal(json_number(params, "total", 0), 2500);
    assert_int_equal(json_array_size(json_object_get(params, "rows")), 500);
    assert_int_equal(json_number(params, "as_of", 0), 1714521600000);
}

static void test_usage(void **state)
{
    struct fixture *at = *state;
    static const struct {
        const char *words[6];
        const char *why;
    } cases[] = {
        {{"orders"}, "needs a file"},
        {{"orders", "-", "-"}, "one file at a time"},
        {{"orders", "FILE", "--colour"}, "no option --colour"},
        {{"orders", "FILE", "--location=L"}, "no option --location"},
        {{"orders", "FILE", "--stage=lost"}, "none of placed, paid, shipped"},
        {{"orders", "FILE", "--group-rows=0"}, "no number above 0"},
        {{"orders", "FILE", "--skip-sku=["}, "no regular expression"},
        {{"orders", "FILE"}, "unit_price needs a currency"},
        {{"orders", "FILE", "--map=Foo=sku"}, "no column 'Foo'"},
        {{"orders", "FILE", "--map=InvoiceNo=colour"}, "no field 'colour'"},
        {{"orders", "FILE", "--map=InvoiceNo=-"}, "no column for order"},
        {{"orders", "FILE", "--map=InvoiceNo=order,StockCode=order"}, "two columns for order"},
        {{"stock", "FILE"}, "--location ID"},
        {{"orders", "FILE", "--utc-offset=here"}, "offset from UTC"},
        {{"orders", "FILE", "--encoding=KLINGON"}, "KLINGON"},
        {{"orders", "FILE", "--separator=ab"}, "no single character"},
    };
    write_file(at->file, ORDERS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *words[7] = {NULL};
        json_t *report;
        for (int w = 0; w < 6 && cases[i].words[w]; w++)
            words[w] = strcmp(cases[i].words[w], "FILE") ? cases[i].words[w] : at->file;
        assert_int_equal(run(at, words, &report), EXIT_USAGE);
        const char *said =
            json_string_value(json_object_get(json_object_get(report, "error"), "message"));
        if (!said || !strstr(said, cases[i].why))
            fail_msg("case %zu: %s", i, said ? said : "nothing");
        json_decref(report);
    }
    assert_int_equal(at->engine.seq, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_orders),          TEST(test_second_run_changes_nothing),
        TEST(test_cancelled_twice), TEST(test_paid),
        TEST(test_rejects),         TEST(test_far_apart_rows),
        TEST(test_dry_run),         TEST(test_skus),
        TEST(test_bad_bytes),       TEST(test_stock_received),
        TEST(test_stock_summed),    TEST(test_snapshot),
        TEST(test_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
