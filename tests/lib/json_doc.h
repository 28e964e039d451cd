/* Test documents written as JSON text. Single quotes are read as double quotes. */
#ifndef STK_TESTS_JSON_DOC_H
#define STK_TESTS_JSON_DOC_H

#include "core/base/doc.h"

/* Append the JSON value to doc; aborts when it is no JSON. */
void test_doc_json(struct stk_doc *doc, const char *json);

/* A parsed document with its own memory. The value is valid until test_value_free. */
struct test_value {
    const struct stk_value *root;
    uint8_t *bytes;
    uint32_t size;
    struct stk_value *values;
};
struct test_value test_value_json(const char *json);
void test_value_free(struct test_value *value);

#endif
