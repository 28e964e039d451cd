/* Trees of values and trees of JSON: the same shape, node by node. */
#include "tools/stockade/json.h"
#include "core/base/limits.h"
#include "tools/stockade/texts.h"
#include <inttypes.h>
#include <stdio.h>

static json_t *hex_of(const struct stk_value *value)
{
    struct buffer hex = {0};
    for (uint32_t i = 0; i < value->size; i++)
        buffer_printf(&hex, "%02x", (unsigned char)value->as.text[i]);
    json_t *json = json_stringn_nocheck(buffer_string(&hex), hex.size);
    buffer_fini(&hex);
    return json;
}

static json_t *map_of(const struct stk_value *value)
{
    json_t *map = json_object();
    for (uint32_t i = 0; i < value->size; i++) {
        const struct stk_value *key = &value->as.items[2 * i];
        if (key->type == STK_VALUE_STR)
            json_object_setn_new(map, key->as.text, key->size, json_of(key + 1));
    }
    return map;
}

json_t *json_of(const struct stk_value *value)
{
    char number[24];
    json_t *json;
    switch (value->type) {
    case STK_VALUE_BOOL:
        return json_boolean(value->as.boolean);
    case STK_VALUE_INT:
        return json_integer(value->as.integer);
    case STK_VALUE_UINT:
        snprintf(number, sizeof(number), "%" PRIu64, value->as.unsigned_integer);
        return json_string(number);
    case STK_VALUE_FLOAT:
        json = json_real(value->as.real);
        return json ? json : json_null(); /* JSON knows no NaN */
    case STK_VALUE_STR:
        json = json_stringn(value->as.text, value->size);
        return json ? json : hex_of(value); /* no UTF-8 */
    case STK_VALUE_BIN:
    case STK_VALUE_EXT:
        return hex_of(value);
    case STK_VALUE_ARRAY:
        json = json_array();
        for (uint32_t i = 0; i < value->size; i++)
            json_array_append_new(json, json_of(&value->as.items[i]));
        return json;
    case STK_VALUE_MAP:
        return map_of(value);
    default:
        return json_null();
    }
}

static enum stk_status write_children(const json_t *json, struct stk_doc *doc,
                                      struct stk_error *err)
{
    const char *key;
    json_t *child, *map = (json_t *)json;
    size_t i;
    enum stk_status status = STK_OK;
    if (json_is_array(json)) {
        stk_doc_array(doc, (uint32_t)json_array_size(json));
        json_array_foreach(json, i, child)
        {
            if (status == STK_OK)
                status = json_write(child, doc, err);
        }
        return status;
    }
    stk_doc_map(doc, (uint32_t)json_object_size(json));
    json_object_foreach(map, key, child)
    {
        if (status != STK_OK)
            break;
        stk_doc_text(doc, key);
        status = json_write(child, doc, err);
    }
    return status;
}

enum stk_status json_write(const json_t *json, struct stk_doc *doc, struct stk_error *err)
{
    switch (json_typeof(json)) {
    case JSON_NULL:
        stk_doc_nil(doc);
        return STK_OK;
    case JSON_TRUE:
    case JSON_FALSE:
        stk_doc_bool(doc, json_is_true(json));
        return STK_OK;
    case JSON_INTEGER:
        stk_doc_int(doc, json_integer_value(json));
        return STK_OK;
    case JSON_REAL:
        return stk_error_set(err, STK_INVALID, T_JSON_REAL, json_real_value(json));
    case JSON_STRING:
        stk_doc_str(
            doc, (struct stk_bytes){json_string_value(json), (uint32_t)json_string_length(json)});
        return STK_OK;
    default:
        return write_children(json, doc, err);
    }
}

enum stk_status json_document(const json_t *json, struct buffer *room, struct stk_doc *doc,
                              struct stk_error *err)
{
    for (size_t size = 4096;; size *= 4) {
        buffer_clear(room);
        buffer_reserve(room, size);
        *doc = stk_doc(room->data, (uint32_t)size);
        enum stk_status status = json_write(json, doc, err);
        if (status != STK_OK || !doc->overflow)
            return status;
        if (size > STK_MESSAGE_MAX)
            return stk_error_set(err, STK_TOO_LARGE, T_JSON_LARGE, STK_MESSAGE_MAX);
    }
}

int64_t json_number(const json_t *map, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(map, key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}
