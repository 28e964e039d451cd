/* Any bytes as a document. No crash and no read beyond the bytes; what parses lies within the
 * caller's memory and within the message, no deeper and no larger than was allowed; both readers
 * see the same end, however the bytes arrive; and a tree that is written again is the same tree. */
#include "core/base/doc.h"
#include "core/base/limits.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VALUES 512

struct seen {
    const uint8_t *data;
    size_t size;
    const struct stk_value *values;
    uint32_t used; /* slots that the tree refers to */
    unsigned depth;
};

static void check_value(struct seen *seen, const struct stk_value *value, unsigned depth)
{
    const uint8_t *text = (const uint8_t *)value->as.text;
    uint32_t items = value->size << (value->type == STK_VALUE_MAP);
    seen->used++;
    if (depth > seen->depth)
        seen->depth = depth;
    switch (value->type) {
    case STK_VALUE_STR:
    case STK_VALUE_BIN:
    case STK_VALUE_EXT:
        stk_assert(text >= seen->data && text + value->size <= seen->data + seen->size);
        break;
    case STK_VALUE_ARRAY:
    case STK_VALUE_MAP:
        stk_assert(value->as.items > seen->values || items == 0);
        stk_assert(value->as.items + items <= seen->values + VALUES);
        for (uint32_t i = 0; i < items; i++)
            check_value(seen, &value->as.items[i], depth + 1);
        break;
    case STK_VALUE_BOOL:
        stk_assert(value->as.boolean == 0 || value->as.boolean == 1);
        break;
    case STK_VALUE_UINT:
        stk_assert(value->as.unsigned_integer > INT64_MAX);
        break;
    default:
        stk_assert(value->type <= STK_VALUE_MAP);
    }
}

/* 0 when it holds what we never write: floats and extensions. */
static int write_value(struct stk_doc *doc, const struct stk_value *value)
{
    uint32_t items = value->size << (value->type == STK_VALUE_MAP);
    switch (value->type) {
    case STK_VALUE_NIL:
        return stk_doc_nil(doc), 1;
    case STK_VALUE_BOOL:
        return stk_doc_bool(doc, value->as.boolean), 1;
    case STK_VALUE_INT:
        return stk_doc_int(doc, value->as.integer), 1;
    case STK_VALUE_UINT:
        return stk_doc_uint(doc, value->as.unsigned_integer), 1;
    case STK_VALUE_STR:
        return stk_doc_str(doc, stk_value_bytes(value)), 1;
    case STK_VALUE_BIN:
        return stk_doc_bin(doc, value->as.text, value->size), 1;
    case STK_VALUE_ARRAY:
        stk_doc_array(doc, value->size);
        break;
    case STK_VALUE_MAP:
        stk_doc_map(doc, value->size);
        break;
    default:
        return 0;
    }
    for (uint32_t i = 0; i < items; i++)
        if (!write_value(doc, &value->as.items[i]))
            return 0;
    return 1;
}

static void check_same(const struct stk_value *a, const struct stk_value *b)
{
    uint32_t items = a->size << (a->type == STK_VALUE_MAP);
    stk_assert(a->type == b->type);
    if (a->type == STK_VALUE_BOOL) {
        stk_assert(a->as.boolean == b->as.boolean);
    } else if (a->type == STK_VALUE_INT || a->type == STK_VALUE_UINT) {
        stk_assert(a->as.integer == b->as.integer);
    } else if (a->type >= STK_VALUE_STR) {
        stk_assert(a->size == b->size);
        if (a->type >= STK_VALUE_ARRAY)
            for (uint32_t i = 0; i < items; i++)
                check_same(&a->as.items[i], &b->as.items[i]);
        else
            stk_assert(memcmp(a->as.text, b->as.text, a->size) == 0);
    }
}

static void check_written_again(const struct stk_value *root, size_t size)
{
    /* what we write is never longer than what was read: the shortest forms */
    uint8_t *bytes = malloc(size);
    struct stk_value *values = malloc(VALUES * sizeof *values);
    struct stk_doc doc = stk_doc(bytes, (uint32_t)size);
    struct stk_parse out;
    if (write_value(&doc, root)) {
        stk_assert(!doc.overflow);
        stk_assert(stk_doc_parse(bytes, doc.size, size, STK_DEPTH_MAX, values, VALUES, &out) ==
                   STK_OK);
        stk_assert(out.consumed == doc.size);
        check_same(root, out.root);
    }
    free(values);
    free(bytes);
}

/* The end as the pieces arrive, cut where the bytes themselves say. */
static void check_extent(const uint8_t *data, size_t size, size_t size_max, size_t consumed)
{
    size_t at = 0, come = 0;
    uint64_t open = 0;
    enum stk_status status = STK_AGAIN;
    while (status == STK_AGAIN && come < size) {
        come += 1 + data[come] % 13;
        if (come > size)
            come = size;
        status = stk_doc_extent(data, come, size_max, &at, &open);
    }
    if (consumed)
        stk_assert(status == STK_OK && at == consumed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stk_value values[VALUES];
    struct stk_parse out = {0};
    if (size < 2)
        return 0;
    /* limits out of the first two bytes, often generous */
    unsigned depth_max = data[0] % (STK_DEPTH_MAX + 1);
    uint32_t values_max = data[1] < 128 ? VALUES : (uint32_t)(data[1] - 128);
    size_t size_max = data[1] % 16 ? 1 << 20 : size / 2;
    data += 2, size -= 2;
    enum stk_status status =
        stk_doc_parse(data, size, size_max, depth_max, values, values_max, &out);
    if (status == STK_OK) {
        struct seen seen = {data, out.consumed, values, 0, 0};
        stk_assert(out.root == values && out.consumed <= size && out.consumed <= size_max);
        check_value(&seen, out.root, 1);
        stk_assert(seen.used <= values_max);
        stk_assert(seen.depth <= depth_max + 1); /* scalars lie one below their container */
        check_written_again(out.root, out.consumed);
    }
    check_extent(data, size, size_max, out.consumed);
    return 0;
}
