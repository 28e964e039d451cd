/* Words to fields. The currency is looked for first, since money needs its exponent. */
#include "tools/stockade/args.h"
#include "core/base/clock.h"
#include "tools/stockade/buffer.h"
#include "tools/stockade/money.h"
#include "tools/stockade/texts.h"
#include "tools/stockade/when.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_SOURCE "cli"

/* --- values --- */

static json_t *whole_number(const struct stk_field *field, const char *text, struct stk_error *err)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (!*text || isspace((unsigned char)*text) || *end) {
        stk_error_set(err, STK_INVALID, T_ARG_NUMBER, text);
        return NULL;
    }
    if (errno || (field->max > field->min && (value < field->min || value > field->max))) {
        stk_error_set(err, STK_INVALID, T_ARG_RANGE, text, field->min, field->max);
        return NULL;
    }
    return json_integer(value);
}

static json_t *money(const char *text, const char *currency, struct stk_error *err)
{
    int64_t minor;
    if (!currency && text[strspn(text, "+-0123456789")]) {
        stk_error_set(err, STK_INVALID, T_ARG_CURRENCY, text);
        return NULL;
    }
    int exponent = currency ? money_exponent(currency) : 0;
    if (money_parse(text, strlen(text), exponent, '.', &minor, err) != STK_OK)
        return NULL;
    return json_integer(minor);
}

static json_t *moment(const struct stk_field *field, const char *text, struct stk_error *err)
{
    int64_t ms;
    enum stk_status status;
    struct stk_clock clock = stk_clock_real();
    if (field->type == STK_FIELD_SPAN)
        status = when_span(text, strlen(text), &ms, err);
    else if (!strcmp(text, "now"))
        return json_integer(clock.now_ms(clock.self));
    else
        status = when_parse(text, strlen(text), 0, &ms, err);
    return status == STK_OK ? json_integer(ms) : NULL;
}

static json_t *truth(const char *text, struct stk_error *err)
{
    static const char *const yes[] = {"true", "yes", "1", "on"};
    static const char *const no[] = {"false", "no", "0", "off"};
    for (size_t i = 0; i < 4; i++) {
        if (!strcasecmp(text, yes[i]))
            return json_true();
        if (!strcasecmp(text, no[i]))
            return json_false();
    }
    stk_error_set(err, STK_INVALID, T_ARG_TRUTH, text);
    return NULL;
}

static json_t *one_of(const struct stk_field *field, const char *text, struct stk_error *err)
{
    struct buffer names = {0};
    char copy[64];
    size_t size = strlen(text);
    for (size_t i = 0; i < sizeof(copy) && i <= size; i++)
        copy[i] = text[i] == '-' ? '_' : text[i];
    for (int i = 0; field->names[i]; i++) {
        if (size < sizeof(copy) && !strcmp(field->names[i], copy)) {
            buffer_fini(&names);
            return json_string(copy);
        }
        buffer_printf(&names, "%s%s", i ? ", " : "", field->names[i]);
    }
    stk_error_set(err, STK_INVALID, T_ARG_ENUM, text, buffer_string(&names));
    buffer_fini(&names);
    return NULL;
}

static json_t *code(const char *text, size_t letters, struct stk_error *err)
{
    char copy[4] = "";
    size_t size = strlen(text);
    for (size_t i = 0; size == letters && i < letters; i++) {
        copy[i] = (char)toupper((unsigned char)text[i]);
        if (copy[i] < 'A' || copy[i] > 'Z')
            size = 0;
    }
    if (size == letters)
        return json_string(copy);
    stk_error_set(err, STK_INVALID, T_ARG_CODE, text, letters);
    return NULL;
}

static json_t *words(const struct stk_field *field, const char *text, struct stk_error *err)
{
    json_t *list = json_array();
    for (const char *end; *text; text = *end ? end + 1 : end) {
        end = text + strcspn(text, ",");
        char *word = must_copy(text, (size_t)(end - text));
        json_t *item = field->type == STK_FIELD_COUNTRIES ? code(word, 2, err) : json_string(word);
        free(word);
        if (!item) {
            if (err->status == STK_OK)
                stk_error_set(err, STK_INVALID, T_ARG_UTF8);
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, item);
    }
    return list;
}

json_t *args_value(const struct stk_field *field, const char *text, const char *currency,
                   struct stk_error *err)
{
    json_t *json;
    err->status = STK_OK;
    switch (field->type) {
    case STK_FIELD_INT:
    case STK_FIELD_QUANTITY:
        return whole_number(field, text, err);
    case STK_FIELD_MONEY:
        return money(text, currency, err);
    case STK_FIELD_TIME:
    case STK_FIELD_SPAN:
        return moment(field, text, err);
    case STK_FIELD_BOOL:
        return truth(text, err);
    case STK_FIELD_ENUM:
        return one_of(field, text, err);
    case STK_FIELD_CURRENCY:
        return code(text, 3, err);
    case STK_FIELD_COUNTRY:
        return code(text, 2, err);
    case STK_FIELD_STRS:
    case STK_FIELD_COUNTRIES:
        return words(field, text, err);
    default:
        json = json_string(text);
        if (!json)
            stk_error_set(err, STK_INVALID, T_ARG_UTF8);
        return json;
    }
}

/* --- lists --- */

/* Texts inside JSON mean what they mean on the command line; numbers are taken as they are. */
static enum stk_status read_item(const struct stk_field *list, json_t *item, const char *currency,
                                 struct stk_error *err)
{
    if (!json_is_object(item))
        return stk_error_set(err, STK_INVALID, T_ARG_ITEM, list->name);
    for (const struct stk_field *field = list->sub; field->name; field++) {
        const json_t *value = json_object_get(item, field->name);
        if (json_is_real(value))
            return stk_error_set(err, STK_INVALID, T_ARG_REAL, list->name, field->name);
        if (!json_is_string(value))
            continue;
        json_t *read = args_value(field, json_string_value(value), currency, err);
        if (!read)
            return stk_error_prefix(err, "--%s: %s", list->name, field->name);
        json_object_set_new(item, field->name, read);
    }
    return STK_OK;
}

const struct stk_field *args_field(const struct stk_field *fields, const char *name, size_t size)
{
    for (; fields->name; fields++) {
        size_t i = 0;
        while (i < size && fields->name[i] &&
               (name[i] == fields->name[i] || (name[i] == '-' && fields->name[i] == '_')))
            i++;
        if (i == size && !fields->name[i])
            return fields;
    }
    return NULL;
}

/* "sku=X,quantity=2": an item of a list. */
static json_t *read_pairs(const struct stk_field *list, const char *text, const char *currency,
                          struct stk_error *err)
{
    json_t *item = json_object();
    for (const char *end; *text; text = *end ? end + 1 : end) {
        size_t name_size = strcspn(text, "=,");
        end = text + strcspn(text, ",");
        const struct stk_field *field = args_field(list->sub, text, name_size);
        const char *value = text[name_size] == '=' ? text + name_size + 1 : "true";
        size_t value_size = text[name_size] == '=' ? (size_t)(end - value) : 4;
        if (!field) {
            stk_error_set(err, STK_INVALID, T_ARG_PART, list->name, (int)name_size, text);
        } else {
            char *copy = must_copy(value, value_size);
            json_t *read = args_value(field, copy, currency, err);
            free(copy);
            if (read) {
                json_object_set_new(item, field->name, read);
            } else {
                stk_error_prefix(err, "--%s: %s", list->name, field->name);
                field = NULL;
            }
        }
        if (!field) {
            json_decref(item);
            return NULL;
        }
    }
    return item;
}

static enum stk_status add_list(json_t *params, const struct stk_field *field, const char *text,
                                const char *currency, struct stk_error *err)
{
    json_t *list = json_object_get(params, field->name);
    json_error_t fault;
    size_t i;
    json_t *item, *more = NULL;
    if (!list) {
        list = json_array();
        json_object_set_new(params, field->name, list);
    }
    if (*text != '[' && *text != '{') {
        item = read_pairs(field, text, currency, err);
        return item ? (json_array_append_new(list, item), STK_OK) : err->status;
    }
    more = json_loads(text, JSON_REJECT_DUPLICATES, &fault);
    if (!more)
        return stk_error_set(err, STK_INVALID, T_ARG_JSON, field->name, fault.column, fault.text);
    if (json_is_object(more)) {
        item = more;
        more = json_pack("[o]", item);
    }
    json_array_foreach(more, i, item)
    {
        if (read_item(field, item, currency, err) != STK_OK) {
            json_decref(more);
            return err->status;
        }
    }
    json_array_extend(list, more);
    json_decref(more);
    return STK_OK;
}

/* --- options --- */

/* "ttl" is ttl_ms; "line" is an item of lines. */
static const struct stk_field *find_option(const struct stk_verb *verb, const char *name,
                                           size_t size)
{
    const struct stk_field *found = args_field(verb->fields, name, size);
    char longer[64];
    static const char *const tails[] = {"s", "_ms"};
    for (size_t i = 0; !found && i < 2 && size + 4 < sizeof(longer); i++) {
        memcpy(longer, name, size);
        memcpy(longer + size, tails[i], strlen(tails[i]) + 1);
        found = args_field(verb->fields, longer, strlen(longer));
        if (found && i == 0 && found->type != STK_FIELD_LIST && found->type != STK_FIELD_STRS)
            found = NULL;
    }
    return found;
}

static enum stk_status add_value(json_t *params, const struct stk_field *field, const char *text,
                                 const char *currency, struct stk_error *err)
{
    if (field->type == STK_FIELD_LIST)
        return add_list(params, field, text, currency, err);
    json_t *value = args_value(field, text, currency, err);
    json_t *old = json_object_get(params, field->name);
    if (!value)
        return stk_error_prefix(err, "--%s", field->name);
    if (old && json_is_array(old)) {
        json_array_extend(old, value);
        json_decref(value);
    } else if (old) {
        json_decref(value);
        return stk_error_set(err, STK_INVALID, T_ARG_TWICE, field->name);
    } else {
        json_object_set_new(params, field->name, value);
    }
    return STK_OK;
}

/* A word without a name is the first required field that is not there yet. */
static enum stk_status add_word(const struct stk_verb *verb, json_t *params, const char *text,
                                struct stk_error *err)
{
    for (const struct stk_field *field = verb->fields; field->name; field++)
        if (field->required && field->type == STK_FIELD_STR &&
            !json_object_get(params, field->name))
            return add_value(params, field, text, NULL, err);
    return stk_error_set(err, STK_INVALID, T_ARG_WORD, verb->name, text);
}

/* `--name=value` or `--name value`; *next: an argument was taken. NULL when there is none. */
static const char *value_of(const char *option, size_t name_size, char **argv, int left, int *next)
{
    *next = 0;
    if (option[name_size] == '=')
        return option + name_size + 1;
    *next = left > 0;
    return left > 0 ? argv[1] : NULL;
}

/* Flags stand alone. */
static const char *flag_of(const struct stk_verb *verb, const char *name, size_t size,
                           const struct stk_field **field)
{
    *field = find_option(verb, name, size);
    if (*field && (*field)->type == STK_FIELD_BOOL && !name[size])
        return "true";
    if (!*field && size > 3 && !strncmp(name, "no-", 3) && !name[size]) {
        *field = find_option(verb, name + 3, size - 3);
        if (*field && (*field)->type == STK_FIELD_BOOL)
            return "false";
        *field = NULL;
    }
    return NULL;
}

static int is_named(const char *name, size_t size, const char *want)
{
    return size == strlen(want) && !strncmp(name, want, size);
}

/* One argument. Returns how many more were taken, or -1 with err. */
static int take(const struct stk_verb *verb, char **argv, int left, const char *currency,
                struct args *out, struct stk_error *err)
{
    const struct stk_field *field;
    int next = 0;
    if (strncmp(argv[0], "--", 2) || !argv[0][2])
        return add_word(verb, out->params, argv[0], err) == STK_OK ? 0 : -1;
    const char *name = argv[0] + 2;
    size_t size = strcspn(name, "=");
    const char *value = flag_of(verb, name, size, &field);
    if (!value && !(value = value_of(name, size, argv, left, &next))) {
        stk_error_set(err, STK_INVALID, T_ARG_MISSING, (int)size, name);
        return -1;
    }
    int takes_source = verb->kind == STK_VERB_WRITE || verb->takes_source;
    if (!field && is_named(name, size, "source") && takes_source)
        out->source = value;
    else if (!field && is_named(name, size, "id") && verb->kind == STK_VERB_WRITE)
        out->id = value;
    else if (!field && !is_named(name, size, "currency")) /* read by find_currency */
        stk_error_set(err, STK_INVALID, T_ARG_UNKNOWN, verb->name, (int)size, name);
    else if (field)
        add_value(out->params, field, value, currency, err);
    return err->status == STK_OK ? next : -1;
}

/* --currency before anything else is read, for verbs that have no such field too. */
static enum stk_status find_currency(int argc, char **argv, char room[4], struct stk_error *err)
{
    static const struct stk_field field = {.name = "currency", .type = STK_FIELD_CURRENCY};
    for (int i = 0; i < argc; i++) {
        const char *value = NULL;
        if (!strncmp(argv[i], "--currency=", 11))
            value = argv[i] + 11;
        else if (!strcmp(argv[i], "--currency") && i + 1 < argc)
            value = argv[i + 1];
        if (!value)
            continue;
        json_t *json = args_value(&field, value, NULL, err);
        if (!json)
            return stk_error_prefix(err, "--currency");
        memcpy(room, json_string_value(json), 4);
        json_decref(json);
    }
    return STK_OK;
}

static enum stk_status check_required(const struct stk_verb *verb, const struct args *args,
                                      struct stk_error *err)
{
    for (const struct stk_field *field = verb->fields; field->name; field++)
        if (field->required && !json_object_get(args->params, field->name))
            return stk_error_set(err, STK_INVALID, T_ARG_REQUIRED, verb->name, field->name,
                                 field->help);
    if (verb->id_required && verb->key_space == STK_KEY_ORDER && !args->id)
        return stk_error_set(err, STK_INVALID, T_ARG_ORDER_ID, verb->name);
    return STK_OK;
}

enum stk_status args_parse(const struct stk_verb *verb, int argc, char **argv, struct args *out,
                           struct stk_error *err)
{
    char currency[4] = "";
    *out = (struct args){.params = json_object()};
    err->status = STK_OK;
    enum stk_status status = find_currency(argc, argv, currency, err);
    for (int i = 0; i < argc && status == STK_OK; i++) {
        int taken = take(verb, argv + i, argc - i - 1, *currency ? currency : NULL, out, err);
        if (taken < 0)
            status = err->status;
        else
            i += taken;
    }
    if (status == STK_OK)
        status = check_required(verb, out, err);
    if (!out->source && (verb->kind == STK_VERB_WRITE || verb->takes_source))
        out->source = DEFAULT_SOURCE;
    if (status != STK_OK)
        json_decref(out->params);
    return status;
}
