/* Documents as JSON and back. Thread-safe. */
#ifndef STK_STOCKADE_JSON_H
#define STK_STOCKADE_JSON_H

#include "core/base/doc.h"
#include "tools/stockade/buffer.h"
#include <jansson.h>

/* A new reference. Bytes become hex digits; numbers above 63 bits become text. */
json_t *json_of(const struct stk_value *value);
/* Appends the value to doc. STK_INVALID: a number with a fraction (nothing here takes one). */
enum stk_status json_write(const json_t *json, struct stk_doc *doc, struct stk_error *err);
/* As a finished document in room, which grows. */
enum stk_status json_document(const json_t *json, struct buffer *room, struct stk_doc *doc,
                              struct stk_error *err);
/* The number, or `otherwise` when it is absent or none. */
int64_t json_number(const json_t *map, const char *key, int64_t otherwise);

#endif
