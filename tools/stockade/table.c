/* Cells are copied, widths are counted at the end. Control characters show as spaces, so that data
 * cannot steer the terminal. */
#include "tools/stockade/table.h"
#include "core/base/err.h"
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2

void table_init(struct table *table)
{
    memset(table, 0, sizeof(*table));
    memset(table->numeric, 1, sizeof(table->numeric));
}

unsigned table_column(struct table *table, const char *name)
{
    stk_assert(!table->rows);
    for (unsigned i = 0; i < table->columns; i++)
        if (!strcmp(table->names[i], name))
            return i;
    if (table->columns == TABLE_COLUMNS_MAX)
        return TABLE_COLUMNS_MAX - 1;
    table->names[table->columns] = must_copy(name, strlen(name));
    return table->columns++;
}

void table_row(struct table *table)
{
    size_t size = (size_t)table->columns * sizeof(*table->cells);
    table->cells = must_resize(table->cells, (table->rows + 1) * size);
    memset(table->cells + (size_t)table->rows * table->columns, 0, size);
    table->rows++;
}

void table_cell(struct table *table, unsigned column, const char *text, int is_number)
{
    char **cell = &table->cells[(size_t)(table->rows - 1) * table->columns + column];
    stk_assert(table->rows && column < table->columns);
    free(*cell);
    *cell = must_copy(text, strlen(text));
    for (char *c = *cell; *c; c++)
        if (iscntrl((unsigned char)*c))
            *c = ' ';
    if (*text && !is_number)
        table->numeric[column] = 0;
}

void table_fini(struct table *table)
{
    for (size_t i = 0; i < (size_t)table->rows * table->columns; i++)
        free(table->cells[i]);
    for (unsigned i = 0; i < table->columns; i++)
        free(table->names[i]);
    free(table->cells);
    table_init(table);
}

/* One character of UTF-8; bytes that are none count as one each. */
static const char *next_character(const char *text, uint32_t *letter)
{
    unsigned char first = (unsigned char)*text++;
    int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    *letter = more ? first & (0x3fu >> more) : first;
    for (; more && ((unsigned char)*text & 0xc0) == 0x80; more--)
        *letter = *letter << 6 | ((unsigned char)*text++ & 0x3f);
    return text;
}

/* East Asian wide and full-width blocks; marks that combine take none. */
static unsigned letter_width(uint32_t letter)
{
    static const uint32_t wide[][2] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                                       {0xf900, 0xfaff}, {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                                       {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};
    if (letter >= 0x300 && letter <= 0x36f)
        return 0;
    for (size_t i = 0; i < sizeof(wide) / sizeof(*wide); i++)
        if (letter >= wide[i][0] && letter <= wide[i][1])
            return 2;
    return 1;
}

unsigned table_width(const char *text)
{
    unsigned width = 0;
    uint32_t letter;
    while (*text) {
        text = next_character(text, &letter);
        width += letter_width(letter);
    }
    return width;
}

void table_cut(char *text, unsigned width)
{
    static const char ellipsis[] = "\u2026";
    const char *at = text, *end = text;
    unsigned own = 0;
    uint32_t letter;
    while (*at) {
        at = next_character(at, &letter);
        own += letter_width(letter);
        if (own < width)
            end = at;
    }
    if (own > width && (size_t)(at - end) >= sizeof(ellipsis) - 1)
        memcpy(text + (end - text), ellipsis, sizeof(ellipsis));
    else if (own > width)
        text[end - text] = '\0';
}

static void put(FILE *to, const char *text, unsigned width, int right, int last)
{
    unsigned own = table_width(text), pad = width > own ? width - own : 0;
    if (right)
        fprintf(to, "%*s%s", (int)pad, "", text);
    else
        fprintf(to, "%s%*s", text, last ? 0 : (int)pad, "");
    if (!last)
        fprintf(to, "%*s", GAP, "");
}

void table_print(const struct table *table, FILE *to)
{
    unsigned widths[TABLE_COLUMNS_MAX];
    for (unsigned c = 0; c < table->columns; c++) {
        widths[c] = table_width(table->names[c]);
        for (unsigned r = 0; r < table->rows; r++) {
            const char *cell = table->cells[(size_t)r * table->columns + c];
            if (cell && table_width(cell) > widths[c])
                widths[c] = table_width(cell);
        }
    }
    for (unsigned c = 0; c < table->columns && *table->names[0]; c++)
        put(to, table->names[c], widths[c], table->numeric[c], c + 1 == table->columns);
    if (table->columns && *table->names[0])
        fputc('\n', to);
    for (unsigned r = 0; r < table->rows; r++) {
        for (unsigned c = 0; c < table->columns; c++) {
            const char *cell = table->cells[(size_t)r * table->columns + c];
            put(to, cell ? cell : "", widths[c], table->numeric[c], c + 1 == table->columns);
        }
        fputc('\n', to);
    }
}
