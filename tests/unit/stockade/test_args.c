/* Command lines to parameters, by the real verb table. */
#include "tools/stockade/args.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARGC 32

static enum stk_status parse(const char *name, const char *const *words, struct args *out,
                             struct stk_error *err)
{
    const struct stk_verb *verb =
        stk_verb_by_name((struct stk_bytes){name, (uint32_t)strlen(name)});
    char *argv[ARGC];
    int argc = 0;
    assert_non_null(verb);
    for (; words[argc]; argc++)
        argv[argc] = (char *)words[argc];
    return args_parse(verb, argc, argv, out, err);
}

static void expect(const char *name, const char *const *words, const char *source, const char *id,
                   const char *want)
{
    struct args args;
    struct stk_error err = {0};
    json_t *json = json_loads(want, 0, NULL);
    assert_non_null(json);
    if (parse(name, words, &args, &err) != STK_OK)
        fail_msg("%s: %s", name, err.text);
    char *got = json_dumps(args.params, JSON_COMPACT);
    if (!json_equal(json, args.params))
        fail_msg("%s: got %s", name, got);
    free(got);
    if (source)
        assert_string_equal(args.source, source);
    else
        assert_null(args.source);
    if (id)
        assert_string_equal(args.id, id);
    else
        assert_null(args.id);
    json_decref(args.params);
    json_decref(json);
}

static void refuse(const char *name, const char *const *words, const char *why)
{
    struct args args;
    struct stk_error err = {0};
    assert_int_equal(parse(name, words, &args, &err), STK_INVALID);
    if (!strstr(err.text, why))
        fail_msg("%s: said %s", name, err.text);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_orders(void **state)
{
    (void)state;
    expect("order.place",
           WORDS("--source", "web", "--id=A1", "--lines", "[{\"sku\":\"X\",\"quantity\":1}]",
                 "--ttl", "15m", "--no-fact"),
           "web", "A1",
           "{\"lines\":[{\"sku\":\"X\",\"quantity\":1}],\"ttl_ms\":900000,\"fact\":false}");
    expect("order.place",
           WORDS("--line", "sku=X,quantity=2,unit-price=2.55", "--line",
                 "sku=Y,quantity=1,preorder", "--currency", "gbp", "--id", "A2", "--placed-at",
                 "2010-12-01T08:26Z", "--fact", "--country=de", "--for", "b2b"),
           "cli", "A2",
           "{\"currency\":\"GBP\",\"country\":\"DE\",\"for\":\"b2b\",\"fact\":true,"
           "\"placed_at\":1291191960000,\"lines\":[{\"sku\":\"X\",\"quantity\":2,"
           "\"unit_price\":255},{\"sku\":\"Y\",\"quantity\":1,\"preorder\":true}]}");
    expect("order.place",
           WORDS("--id", "A3", "--currency", "JPY", "--lines",
                 "[{\"sku\":\"X\",\"quantity\":\"3\",\"unit_price\":\"300\",\"tax\":27}]"),
           "cli", "A3",
           "{\"currency\":\"JPY\",\"lines\":[{\"sku\":\"X\",\"quantity\":3,\"unit_price\":300,"
           "\"tax\":27}]}");
    expect("order.get", WORDS("A1"), "cli", NULL, "{\"order\":\"A1\"}");
    expect("order.list", WORDS("--state", "placed"), NULL, NULL, "{\"state\":\"placed\"}");
    expect("order.ship", WORDS("A1", "--id", "s1"), "cli", "s1", "{\"order\":\"A1\"}");
    expect("order.refund", WORDS("A1", "--amount", "1.234", "--currency", "KWD", "--id", "r"),
           "cli", "r", "{\"order\":\"A1\",\"amount\":1234}");
    expect("order.refund", WORDS("A1", "--amount", "1234"), "cli", NULL,
           "{\"order\":\"A1\",\"amount\":1234}");
}

static void test_others(void **state)
{
    (void)state;
    expect("sku.get", WORDS("X1"), NULL, NULL, "{\"sku\":\"X1\"}");
    expect("sku.put",
           WORDS("X1", "--tags", "a,b", "--tag", "c", "--cost=2.5", "--currency", "GBP", "--title",
                 "Tasse, blau"),
           "cli", NULL,
           "{\"sku\":\"X1\",\"tags\":[\"a\",\"b\",\"c\"],\"cost\":250,\"currency\":\"GBP\","
           "\"title\":\"Tasse, blau\"}");
    expect("stock.adjust",
           WORDS("--sku", "X", "--location=L", "--kind", "found", "--quantity", "3"), "cli", NULL,
           "{\"sku\":\"X\",\"location\":\"L\",\"kind\":\"found\",\"quantity\":3}");
    expect("location.put", WORDS("L", "--near", "gb,ie", "--priority", "5", "--ships=no"), "cli",
           NULL, "{\"location\":\"L\",\"near\":[\"GB\",\"IE\"],\"priority\":5,\"ships\":false}");
    expect("shortfall.resolve", WORDS("--order", "A1", "--line", "2", "--action", "back-order"),
           "cli", NULL, "{\"order\":\"A1\",\"line\":2,\"action\":\"back_order\"}");
    expect("status", (const char *const[]){NULL}, NULL, NULL, "{}");
}

static void test_refusals(void **state)
{
    (void)state;
    refuse("order.place", WORDS("--id", "A"), "--lines");
    refuse("order.place", WORDS("--line", "sku=X,quantity=1"), "--id");
    refuse("order.place", WORDS("--id", "A", "--line", "sku=X,quantity=1,unit_price=2.55"),
           "--currency");
    refuse("order.place", WORDS("--id", "A", "--line", "sku=X,colour=red"), "colour");
    refuse("order.place", WORDS("--id", "A", "--line", "sku=X,quantity=1.5"), "no whole number");
    refuse("order.place", WORDS("--id", "A", "--line", "sku=X,quantity=0"), "between 1 and");
    refuse("order.place", WORDS("--id", "A", "--lines", "[{\"sku\":"), "column");
    refuse("order.place", WORDS("--id", "A", "--lines", "[1]"), "JSON object");
    refuse("order.place",
           WORDS("--id", "A", "--lines", "[{\"sku\":\"X\",\"quantity\":1,\"unit_price\":2.55}]"),
           "no bare fraction");
    refuse("order.place", WORDS("--colour", "red"), "no option --colour");
    refuse("order.place", WORDS("--id"), "lacks its value");
    refuse("order.place", WORDS("--currency", "POUND"), "code of 3 letters");
    refuse("order.place", WORDS("--id", "A", "--country", "G1", "--line", "sku=X,quantity=1"),
           "code of 2 letters");
    refuse("order.place", WORDS("--id", "A", "--ttl", "soon", "--line", "sku=X,quantity=1"),
           "span");
    refuse("order.place", WORDS("--id", "A", "--placed-at", "soon", "--line", "sku=X,quantity=1"),
           "no time");
    refuse("order.place", WORDS("--id", "A", "--country", "GB", "--country", "DE"), "twice");
    refuse("stock.adjust", WORDS("--kind", "lent"), "none of found, lost");
    refuse("sku.get", WORDS("X", "Y"), "does not take 'Y'");
    refuse("sku.get", WORDS("X", "--source", "web"), "no option --source");
    refuse("location.put", WORDS("L", "--ships=perhaps"), "neither true nor false");
    refuse("sku.put", WORDS("\xff\xfe"), "UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
