/* Test documents: JSON text by jansson, written with the writer and read with the parser of doc.h.
 */
#include "tests/lib/json_doc.h"
#include "core/base/limits.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_value(struct stk_doc *doc, json_t *json)
{
    const char *key;
    json_t *item;
    size_t index;
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        stk_doc_map(doc, (uint32_t)json_object_size(json));
        json_object_foreach(json, key, item)
        {
            stk_doc_text(doc, key);
            write_value(doc, item);
        }
        break;
    case JSON_ARRAY:
        stk_doc_array(doc, (uint32_t)json_array_size(json));
        json_array_foreach(json, index, item) write_value(doc, item);
        break;
    case JSON_STRING:
        stk_doc_str(
            doc, (struct stk_bytes){json_string_value(json), (uint32_t)json_string_length(json)});
        break;
    case JSON_INTEGER:
        stk_doc_int(doc, json_integer_value(json));
        break;
    case JSON_REAL: /* not in any request; a float to be refused */
        stk_doc_raw(doc, "\xcb\x3f\xf8\0\0\0\0\0\0", 9);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        stk_doc_bool(doc, json_is_true(json));
        break;
    case JSON_NULL:
        stk_doc_nil(doc);
    }
}

void test_doc_json(struct stk_doc *doc, const char *text)
{
    char *quoted = strdup(text);
    json_error_t error;
    json_t *json;
    for (char *at = quoted; *at; at++)
        if (*at == '\'')
            *at = '"';
    json = json_loads(quoted, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!json) {
        fprintf(stderr, "test_doc_json: %s in: %s\n", error.text, quoted);
        abort();
    }
    write_value(doc, json);
    json_decref(json);
    free(quoted);
}

struct test_value test_value_json(const char *json)
{
    uint32_t capacity = (uint32_t)strlen(json) * 2 + 64;
    struct test_value value = {.bytes = malloc(capacity)};
    struct stk_doc doc = stk_doc(value.bytes, capacity);
    struct stk_parse parse;
    test_doc_json(&doc, json);
    value.size = doc.size;
    value.values = calloc(doc.size + 1, sizeof *value.values);
    if (doc.overflow || stk_doc_parse(doc.data, doc.size, STK_MESSAGE_MAX, STK_DEPTH_MAX,
                                      value.values, doc.size + 1, &parse) != STK_OK) {
        fprintf(stderr, "test_value_json: cannot be parsed back: %s\n", json);
        abort();
    }
    value.root = parse.root;
    return value;
}

void test_value_free(struct test_value *value)
{
    free(value->bytes);
    free(value->values);
}
