/* Any bytes as what a client sends: split into messages, parsed, decoded into commands. No crash; a
 * message has the same end however it arrives; a command lies within its room with all it points
 * to, is the same when it is decoded again, and fits into no smaller room. */
#include "core/base/doc.h"
#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/flow/verb.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VALUES 65536

static void check_ref(const struct stk_command *command, const struct stk_ref *ref, size_t each)
{
    stk_assert(ref->size == 0 || (ref->offset >= STK_COMMAND_ARGS && ref->offset <= command->size &&
                                  (uint64_t)ref->size * each <= command->size - ref->offset));
}

static void check_fields(const struct stk_command *command, const struct stk_field *fields,
                         const uint8_t *args);

static void check_list(const struct stk_command *command, const struct stk_field *field,
                       const struct stk_ref *ref)
{
    check_ref(command, ref, field->sub_size);
    stk_assert(ref->size <= (uint64_t)field->max);
    for (uint32_t i = 0; i < ref->size; i++)
        check_fields(command, field->sub,
                     (const uint8_t *)command + ref->offset + (size_t)i * field->sub_size);
}

static void check_text(const struct stk_command *command, const struct stk_field *field,
                       const struct stk_ref *ref)
{
    check_ref(command, ref, 1);
    struct stk_bytes text = stk_command_bytes(command, *ref);
    stk_assert((int64_t)text.size <= field->max && stk_utf8_valid(text.data, text.size));
}

static void check_texts(const struct stk_command *command, const struct stk_ref *ref)
{
    check_ref(command, ref, sizeof(struct stk_ref));
    const struct stk_ref *items =
        (const struct stk_ref *)(const void *)((const uint8_t *)command + ref->offset);
    for (uint32_t i = 0; i < ref->size; i++)
        check_ref(command, &items[i], 1);
}

static void check_fields(const struct stk_command *command, const struct stk_field *fields,
                         const uint8_t *args)
{
    for (const struct stk_field *field = fields; field->name; field++) {
        const uint8_t *at = args + field->offset;
        int64_t number;
        uint32_t quantity;
        if (!(*(const uint64_t *)(const void *)args >> field->bit & 1))
            continue;
        switch (field->type) {
        case STK_FIELD_STR:
        case STK_FIELD_TEXT:
            check_text(command, field, (const struct stk_ref *)(const void *)at);
            break;
        case STK_FIELD_LIST:
            check_list(command, field, (const struct stk_ref *)(const void *)at);
            break;
        case STK_FIELD_STRS:
            check_texts(command, (const struct stk_ref *)(const void *)at);
            break;
        case STK_FIELD_INT:
        case STK_FIELD_MONEY:
        case STK_FIELD_TIME:
        case STK_FIELD_SPAN:
            memcpy(&number, at, sizeof(number));
            stk_assert(number >= field->min && number <= field->max);
            break;
        case STK_FIELD_QUANTITY:
            memcpy(&quantity, at, sizeof(quantity));
            stk_assert(quantity >= field->min && quantity <= field->max);
            break;
        default:
            break;
        }
    }
}

static void decode(const struct stk_verb *verb, const struct stk_value *params)
{
    static _Alignas(16) uint8_t room[STK_COMMAND_MAX], again[STK_COMMAND_MAX];
    struct stk_error err = {0};
    enum stk_status status = stk_command_decode(verb, params, room, sizeof(room), &err);
    if (status != STK_OK) {
        stk_assert(status == err.status && err.text[0] && strlen(err.text) < STK_ERROR_TEXT);
        return;
    }
    const struct stk_command *command = (const struct stk_command *)(const void *)room;
    uint32_t size = command->size;
    stk_assert(size >= STK_COMMAND_ARGS + verb->args_size && size <= sizeof(room));
    check_fields(command, verb->fields, stk_command_args(command));
    check_ref(command, &command->source, 1);
    check_ref(command, &command->id, 1);
    /* whatever lay there before */
    memset(again, 0xa5, size);
    stk_assert(stk_command_decode(verb, params, again, sizeof(again), &err) == STK_OK);
    stk_assert(!memcmp(room, again, size));
    stk_assert(stk_command_decode(verb, params, again, size - 8, &err) == STK_TOO_LARGE);
}

static void call(const struct stk_value *root)
{
    const struct stk_value *method, *params;
    if (root->type != STK_VALUE_ARRAY || root->size < 3)
        return;
    method = &root->as.items[root->size - 2];
    params = &root->as.items[root->size - 1];
    if (params->type == STK_VALUE_ARRAY && params->size == 1)
        params = &params->as.items[0];
    if (method->type != STK_VALUE_STR || params->type != STK_VALUE_MAP)
        return;
    const struct stk_verb *verb = stk_verb_by_name(stk_value_bytes(method));
    if (verb)
        decode(verb, params);
}

/* The end of the document found byte by byte is the end found at once. */
static void check_extent(const uint8_t *data, size_t size, enum stk_status whole, size_t consumed)
{
    size_t at = 0, step = size > 512 ? size / 64 : 1;
    uint64_t open = 0;
    enum stk_status status = STK_AGAIN;
    for (size_t end = step; status == STK_AGAIN; end += step) {
        end = end < size ? end : size;
        status = stk_doc_extent(data, end, STK_MESSAGE_MAX, &at, &open);
        if (end == size)
            break;
    }
    if (whole == STK_OK)
        stk_assert(status == STK_OK && at == consumed);
    if (whole == STK_AGAIN)
        stk_assert(status == STK_AGAIN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stk_value values[VALUES];
    struct stk_parse parse;
    while (size) {
        enum stk_status status =
            stk_doc_parse(data, size, STK_MESSAGE_MAX, STK_DEPTH_MAX, values, VALUES, &parse);
        check_extent(data, size, status, status == STK_OK ? parse.consumed : 0);
        if (status != STK_OK)
            return 0;
        stk_assert(parse.consumed && parse.consumed <= size);
        call(parse.root);
        data += parse.consumed;
        size -= parse.consumed;
    }
    return 0;
}
