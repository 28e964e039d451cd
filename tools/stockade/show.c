/* What a value means is known by the name of its field, the same in every verb. */
#include "tools/stockade/show.h"
#include "tools/stockade/buffer.h"
#include "tools/stockade/money.h"
#include "tools/stockade/table.h"
#include "tools/stockade/when.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CELL_MAX 60 /* columns of a cell in a table of rows */
#define WIDE     10 /* columns: a table beyond leaves out what says little */

static const char *const times[] = {"as_of", "until", "ship_by", "time", "since", NULL};
static const char *const moneys[] = {"cost", "list_price", "map_price", "unit_price", "discount",
                                     "tax",  "amount",     "refunded",  "total",      NULL};

static int is_in(const char *const *list, const char *name)
{
    for (; *list; list++)
        if (!strcmp(*list, name))
            return 1;
    return 0;
}

static int ends_with(const char *name, const char *tail)
{
    size_t size = strlen(name), tail_size = strlen(tail);
    return size > tail_size && !strcmp(name + size - tail_size, tail);
}

static void add_number(struct buffer *out, const char *name, int64_t value, const json_t *around)
{
    char room[WHEN_TEXT > MONEY_TEXT ? WHEN_TEXT : MONEY_TEXT];
    const char *currency = json_string_value(json_object_get(around, "currency"));
    if ((is_in(times, name) || ends_with(name, "_at")) && value > 0)
        when_format(value, room);
    else if (ends_with(name, "_ms") && value > 0 && value < INT64_C(100000000000))
        when_format_span(value, room);
    else if (is_in(moneys, name) && currency && *currency)
        money_format(value, money_exponent(currency), room);
    else
        snprintf(room, sizeof(room), "%" PRId64, value);
    buffer_text(out, room);
}

static void add_value(struct buffer *out, const char *name, const json_t *value,
                      const json_t *around, int *is_number);

/* Lists and maps inside a cell: "a, b" and "k=v k=v". */
static void add_nested(struct buffer *out, const char *name, const json_t *value,
                       const json_t *around)
{
    json_t *child, *map = (json_t *)value;
    const char *key;
    size_t i;
    int ignored;
    if (json_is_array(value)) {
        json_array_foreach(value, i, child)
        {
            if (i)
                buffer_text(out, json_is_object(child) ? "; " : ", ");
            add_value(out, name, child, around, &ignored);
        }
        return;
    }
    i = 0;
    json_object_foreach(map, key, child)
    {
        buffer_printf(out, "%s%s=", i++ ? " " : "", key);
        add_value(out, key, child, value, &ignored);
    }
}

static void add_value(struct buffer *out, const char *name, const json_t *value,
                      const json_t *around, int *is_number)
{
    *is_number = 0;
    switch (json_typeof(value)) {
    case JSON_INTEGER:
        *is_number = 1;
        add_number(out, name, json_integer_value(value), around);
        break;
    case JSON_REAL:
        *is_number = 1;
        buffer_printf(out, "%g", json_real_value(value));
        break;
    case JSON_STRING:
        buffer_text(out, json_string_value(value));
        break;
    case JSON_TRUE:
        buffer_text(out, "yes");
        break;
    case JSON_FALSE:
        buffer_text(out, "no");
        break;
    case JSON_NULL:
        buffer_text(out, "-");
        break;
    default:
        add_nested(out, name, value, around);
    }
}

const char *show_cell(const char *name, const json_t *value, const json_t *around, int *is_number)
{
    static struct buffer cell;
    buffer_clear(&cell);
    *is_number = 0;
    if (value)
        add_value(&cell, name, value, around, is_number);
    return buffer_string(&cell);
}

static int is_rows(const json_t *value)
{
    return json_is_array(value) && json_array_size(value) &&
           json_is_object(json_array_get(value, 0));
}

json_t *show_rows(const json_t *result)
{
    const char *key;
    json_t *value, *found = NULL, *map = (json_t *)result;
    json_object_foreach(map, key, value)
    {
        if (!json_is_array(value))
            continue;
        if (found)
            return NULL;
        found = value;
    }
    return found;
}

static int is_empty(const json_t *value)
{
    return !value || json_is_null(value) || (json_is_array(value) && !json_array_size(value)) ||
           (json_is_string(value) && !json_string_length(value));
}

static int is_zero(const json_t *value)
{
    return json_is_false(value) || (json_is_integer(value) && !json_integer_value(value));
}

/* A column that says nothing: empty in every row, or in a wide table 0 in every row or a list of
 * things. */
static int says_nothing(const json_t *rows, const char *name, int is_wide)
{
    json_t *row, *value;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        value = json_object_get(row, name);
        if (!is_empty(value) && !(is_wide && (is_rows(value) || is_zero(value))))
            return 0;
    }
    return 1;
}

/* The keys of all rows, in the order of their first coming: an object of nulls. */
static json_t *keys_of(const json_t *rows)
{
    json_t *keys = json_object(), *row, *value;
    const char *key;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        json_object_foreach(row, key, value)
        {
            if (!json_object_get(keys, key))
                json_object_set_new(keys, key, json_null());
        }
    }
    return keys;
}

void show_table(const json_t *rows, const json_t *parent, FILE *to)
{
    struct table table;
    json_t *row, *value, *keys = keys_of(rows);
    const char *key;
    size_t i;
    int is_number, is_wide = json_object_size(keys) > WIDE;
    table_init(&table);
    json_object_foreach(keys, key, value)
    {
        if (!says_nothing(rows, key, is_wide))
            table_column(&table, key);
    }
    json_array_foreach(rows, i, row)
    {
        const json_t *around = json_object_get(row, "currency") || !parent ? row : parent;
        table_row(&table);
        for (unsigned c = 0; c < table.columns; c++) {
            value = json_object_get(row, table.names[c]);
            const char *cell = show_cell(table.names[c], value, around, &is_number);
            char *text = must_copy(cell, strlen(cell));
            table_cut(text, CELL_MAX);
            table_cell(&table, c, text, is_number);
            free(text);
        }
    }
    table_print(&table, to);
    table_fini(&table);
    json_decref(keys);
}

/* A map of maps is a table: its keys are the first column. */
static json_t *rows_of(const json_t *value)
{
    json_t *child, *map = (json_t *)(uintptr_t)value, *rows = json_array();
    const char *key;
    json_object_foreach(map, key, child)
    {
        json_t *row = json_pack("{s:s}", "name", key);
        if (!json_is_object(child)) {
            json_decref(row);
            json_decref(rows);
            return NULL;
        }
        json_object_update_missing(row, child);
        json_array_append_new(rows, row);
    }
    if (json_array_size(rows))
        return rows;
    json_decref(rows);
    return NULL;
}

static void show_pairs(const json_t *result, const char *indent, FILE *to)
{
    json_t *value, *map = (json_t *)(uintptr_t)result;
    const char *key;
    unsigned width = 0;
    int is_number;
    json_object_foreach(map, key, value)
    {
        if (!is_rows(value) && !json_is_object(value) && table_width(key) > width)
            width = table_width(key);
    }
    json_object_foreach(map, key, value)
    {
        if (is_rows(value) || json_is_object(value))
            continue;
        const char *text = show_cell(key, value, result, &is_number);
        fprintf(to, "%s%s:%*s %s\n", indent, key, (int)(width - table_width(key)), "",
                *text ? text : "-");
    }
}

void show_result(const json_t *result, FILE *to)
{
    json_t *value, *map = (json_t *)(uintptr_t)result;
    const char *key;
    int is_number;
    if (!json_is_object(result)) {
        fprintf(to, "%s\n", show_cell("", result, NULL, &is_number));
        return;
    }
    show_pairs(result, "", to);
    json_object_foreach(map, key, value)
    {
        json_t *rows = json_is_object(value) ? rows_of(value) : NULL;
        if (is_rows(value) || json_is_object(value))
            fprintf(to, "%s:\n", key);
        if (is_rows(value))
            show_table(value, result, to);
        else if (rows)
            show_table(rows, result, to);
        else if (json_is_object(value))
            show_pairs(value, "  ", to);
        json_decref(rows);
    }
}

void show_json(const json_t *value, FILE *to)
{
    json_dumpf(value, to, JSON_COMPACT | JSON_ENCODE_ANY);
    fputc('\n', to);
}
