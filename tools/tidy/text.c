/* How a file reads: widths, tabs, left-over words, banner, conditional code, length of functions,
 * the partner of each atomic order. */
#include "tools/tidy/tidy.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS_MAX  100
#define FUNCTION_MAX 70
/* A comment names the partner of an atomic order so far above it at most, within the function. */
#define PARTNER_LINES_MAX 30

/* Written in halves, so that this file is clean itself. */
#define HALVES(a, b) a b
/* Marks of work left undone, and paths of somebody's machine. */
static const char *const left_over[] = {HALVES("TO", "DO"), HALVES("FIX", "ME"), HALVES("XX", "X")};
static const char *const machine[] = {HALVES("/wo", "rk/"), HALVES("/ro", "ot/"),
                                      HALVES("/ho", "me/")};

/* Columns of UTF-8 text: continuation bytes take none. */
static int columns_of(const char *line, size_t size)
{
    int columns = 0;
    for (size_t i = 0; i < size; i++)
        columns += ((unsigned char)line[i] & 0xc0) != 0x80;
    return columns;
}

static int find_text(const char *line, size_t size, const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i + length <= size; i++) {
        if (!memcmp(line + i, text, length))
            return 1;
    }
    return 0;
}

static void check_line(const struct source *source, int line)
{
    size_t size;
    const char *at = source_line(source, line, &size);

    if (columns_of(at, size) > COLUMNS_MAX && !source_is(source, ".md"))
        fault(source->path, line, "columns", "%d columns, at most %d", columns_of(at, size),
              COLUMNS_MAX);
    if (memchr(at, '\t', size) && !source_is(source, "Makefile"))
        fault(source->path, line, "tabs", "a tab");
    if (size && (at[size - 1] == ' ' || at[size - 1] == '\r'))
        fault(source->path, line, "line-end", "white space at the end of the line");
    for (size_t i = 0; i < sizeof(left_over) / sizeof(*left_over); i++) {
        if (find_word(at, size, left_over[i], 0) >= 0)
            fault(source->path, line, "left-over", "%s", left_over[i]);
    }
    for (size_t i = 0; i < sizeof(machine) / sizeof(*machine); i++) {
        if (find_text(at, size, machine[i]))
            fault(source->path, line, "machine-path", "a path of one machine: %s", machine[i]);
    }
}

/* #if and its kin in a .c: what differs between builds belongs in a header. */
static void check_conditional(const struct source *source, int line)
{
    size_t size;
    const char *at = source_code_line(source, line, &size);
    char copy[64], word[16];
    snprintf(copy, sizeof(copy), "%.*s", (int)size, at);
    if (sscanf(copy, " # %15[a-z]", word) == 1 &&
        (!strncmp(word, "if", 2) || !strncmp(word, "el", 2)))
        fault(source->path, line, "conditional", "#%s in a .c file", word);
}

/* The line where the signature begins whose body opens on line `open`. */
static int signature_start(const struct source *source, int open)
{
    int line = open;
    while (line > 1) {
        size_t size;
        const char *at = source_code_line(source, line - 1, &size);
        if (!size || *at == '#' || *at == '}' || at[size - 1] == ';' || isspace((unsigned char)*at))
            if (!size || !isspace((unsigned char)*at) || at[size - 1] == ';')
                break;
        line--;
    }
    /* A comment above is blank in code. */
    while (line < open) {
        size_t size;
        const char *at = source_code_line(source, line, &size);
        size_t blanks = 0;
        while (blanks < size && isspace((unsigned char)at[blanks]))
            blanks++;
        if (blanks < size)
            break;
        line++;
    }
    return line;
}

/* A function's body stands between a { and a } in the first column. */
static void check_functions(const struct source *source)
{
    int open = 0;
    for (int line = 1; line <= source->line_count; line++) {
        size_t size;
        const char *at = source_code_line(source, line, &size);
        if (size == 1 && *at == '{') {
            open = line;
        } else if (size >= 1 && *at == '}' && open) {
            int start = signature_start(source, open);
            if (line - start + 1 > FUNCTION_MAX)
                fault(source->path, start, "function", "%d lines, at most %d", line - start + 1,
                      FUNCTION_MAX);
            open = 0;
        }
    }
}

/* Each acquire or release in core says with what it pairs, beside it or above in its function. */
static void check_atomic_orders(const struct source *source)
{
    static const char *const orders[] = {"memory_order_acquire", "memory_order_release",
                                         "memory_order_acq_rel", "memory_order_seq_cst"};
    for (int line = 1; line <= source->line_count; line++) {
        size_t size;
        const char *at = source_code_line(source, line, &size);
        int found = 0, named = 0;
        for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++)
            found |= find_word(at, size, orders[i], 0) >= 0;
        for (int above = 0; found && above <= PARTNER_LINES_MAX && above < line; above++) {
            at = source_line(source, line - above, &size);
            if (size && (*at == '{' || *at == '}'))
                break;
            named |= find_text(at, size, "airs with");
        }
        if (found && !named)
            fault(source->path, line, "atomic-partner",
                  "no comment says with what this order pairs (\"pairs with ...\")");
    }
}

static int is_script(const struct source *source)
{
    return source->size > 2 && !memcmp(source->text, "#!", 2);
}

void check_text(const struct tree *tree)
{
    for (int i = 0; i < tree->count; i++) {
        const struct source *source = &tree->files[i];
        int c = source_is_c(source);
        if (!c && !is_script(source) && !source_is(source, "Makefile") &&
            !source_is(source, ".md") && !source_is(source, ".yaml") && !source_is(source, ".txt"))
            continue;
        for (int line = 1; line <= source->line_count; line++) {
            check_line(source, line);
            if (source_is(source, ".c"))
                check_conditional(source, line);
        }
        if (!c)
            continue;
        check_functions(source);
        if (source_in(source, "core/"))
            check_atomic_orders(source);
        if (!(source_in(source, "tests/") && source_is(source, ".c")) &&
            (source->size < 2 || memcmp(source->text, "/*", 2)))
            fault(source->path, 1, "banner", "does not begin with what it is and does");
    }
}
