/* Documents to JSON and back: the same again. */
#include "tools/stockade/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_round_trip(void **state)
{
    const char *text = "{\"a\":[1,-2,9223372036854775807],\"b\":{\"c\":\"\u8d27\u53f7\",\"d\":null,"
                       "\"e\":true,\"f\":false},\"g\":[],\"h\":{}}";
    json_t *json = json_loads(text, 0, NULL);
    struct buffer room = {0};
    struct stk_doc doc;
    struct stk_error err = {0};
    struct stk_value values[64];
    struct stk_parse parse;
    (void)state;
    assert_int_equal(json_document(json, &room, &doc, &err), STK_OK);
    assert_int_equal(stk_doc_parse(doc.data, doc.size, 4096, 16, values, 64, &parse), STK_OK);
    json_t *again = json_of(parse.root);
    assert_true(json_equal(json, again));
    assert_int_equal(json_number(again, "missing", 7), 7);
    json_decref(json);
    json_decref(again);
    buffer_fini(&room);
}

static void test_what_json_lacks(void **state)
{
    uint8_t bytes[256];
    struct stk_doc doc = stk_doc(bytes, sizeof(bytes));
    struct stk_value values[16];
    struct stk_parse parse;
    (void)state;
    stk_doc_array(&doc, 3);
    stk_doc_bin(&doc, "\x00\xff", 2);
    stk_doc_uint(&doc, UINT64_MAX);
    stk_doc_str(&doc, (struct stk_bytes){"\xff", 1});
    assert_int_equal(stk_doc_parse(doc.data, doc.size, 4096, 16, values, 16, &parse), STK_OK);
    json_t *json = json_of(parse.root);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(text, "[\"00ff\",\"18446744073709551615\",\"ff\"]");
    free(text);
    json_decref(json);
}

static void test_refusals(void **state)
{
    json_t *json = json_loads("{\"price\":2.55}", 0, NULL);
    struct buffer room = {0};
    struct stk_doc doc;
    struct stk_error err = {0};
    (void)state;
    assert_int_equal(json_document(json, &room, &doc, &err), STK_INVALID);
    assert_non_null(strstr(err.text, "2.55"));
    json_decref(json);
    json = json_object();
    char *large = malloc(3 * 1024 * 1024);
    memset(large, 'x', 3 * 1024 * 1024);
    json_object_set_new(json, "x", json_stringn(large, 3 * 1024 * 1024));
    assert_int_equal(json_document(json, &room, &doc, &err), STK_OK); /* the client refuses it */
    free(large);
    json_decref(json);
    buffer_fini(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_what_json_lacks),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
