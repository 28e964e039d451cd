/* The CSV reader on clean and dirty rows, fed in pieces of every size. */
#include "tools/stockade/csv.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct text {
    const char *data;
    size_t size, at, piece;
};

static long read_text(void *arg, char *room, size_t size, struct stk_error *err)
{
    struct text *text = arg;
    size_t left = text->size - text->at;
    (void)err;
    if (left > text->piece)
        left = text->piece;
    if (left > size)
        left = size;
    memcpy(room, text->data + text->at, left);
    text->at += left;
    return (long)left;
}

/* Rows as "line:[a][b]" and "!line:CODE", one after the other. */
static void dump(const char *data, size_t size, size_t piece, char separator, struct buffer *out)
{
    struct text text = {data, size, 0, piece};
    struct csv csv;
    struct csv_row row;
    enum stk_status status;
    struct stk_error err = {0};
    csv_init(&csv, read_text, &text, separator);
    buffer_clear(out);
    int more;
    while ((more = csv_next(&csv, &row, &status, &err)) == 1) {
        if (status != STK_OK)
            buffer_printf(out, "!%s ", stk_status_name(status));
        buffer_printf(out, "%lu:", (unsigned long)row.line);
        for (uint32_t i = 0; i < row.count; i++)
            buffer_printf(out, "[%.*s]", (int)row.fields[i].size, row.fields[i].data);
        buffer_byte(out, '\n');
    }
    assert_int_equal(more, 0);
    csv_fini(&csv);
}

/* However the bytes arrive, the rows are these. */
static void expect(const char *data, char separator, const char *want)
{
    struct buffer out = {0};
    for (size_t piece = 1; piece <= strlen(data) + 1; piece++) {
        dump(data, strlen(data), piece, separator, &out);
        assert_string_equal(buffer_string(&out), want);
    }
    buffer_fini(&out);
}

static void test_plain(void **state)
{
    (void)state;
    expect("a,b,c\n1,2,3\n", 0, "1:[a][b][c]\n2:[1][2][3]\n");
    expect("a,b\r\n1,2", 0, "1:[a][b]\n2:[1][2]\n");
    expect("a,b\r1,2\r", 0, "1:[a][b]\n2:[1][2]\n");
    expect("a,,\n,,b\n", 0, "1:[a][][]\n2:[][][b]\n");
    expect("", 0, "");
    expect("one", 0, "1:[one]\n");
}

static void test_quotes(void **state)
{
    (void)state;
    expect("\"a,b\",\"c\"\"d\"\n\"\",x\n", 0, "1:[a,b][c\"d]\n2:[][x]\n");
    expect("\"two\nlines\",x\r\nnext,y\n", 0, "1:[two\nlines][x]\n3:[next][y]\n");
    expect("\"two\r\nlines\"\nz\n", 0, "1:[two\r\nlines]\n3:[z]\n");
    expect("5\" nail,x\n", 0, "1:[5\" nail][x]\n"); /* a quote inside is itself */
    expect("\"a\"b,c\n", 0, "1:[ab][c]\n");         /* text behind the quotes belongs to it */
}

static void test_blank_lines_keep_numbers(void **state)
{
    (void)state;
    expect("a,b\n\n\r\n  \n,,\n1,2\n", 0, "1:[a][b]\n6:[1][2]\n");
}

static void test_separators(void **state)
{
    (void)state;
    expect("a;b, c;d\n1;2;3\n", 0, "1:[a][b, c][d]\n2:[1][2][3]\n");
    expect("a\tb\n1,5\t2\n", 0, "1:[a][b]\n2:[1,5][2]\n");
    expect("\"x;y;z\",b\n", 0, "1:[x;y;z][b]\n");
    expect("a|b;c\n", '|', "1:[a][b;c]\n");
}

static void test_separator_line(void **state)
{
    struct buffer out = {0};
    const char *data = "sep=|\na|b;c\n";
    (void)state;
    dump(data, strlen(data), 4096, 0, &out);
    assert_string_equal(buffer_string(&out), "2:[a][b;c]\n");
    buffer_fini(&out);
}

static void test_unclosed_quote_spoils_its_line_only(void **state)
{
    (void)state;
    expect("a,b\n\"oops,1\nc,d\n\"e\",f\n", ',',
           "1:[a][b]\n2:[oops,1\nc,d\ne\"][f]\n"); /* closed by the next quote: RFC 4180 */
    expect("a,b\n\"oops,1\nc,d\n", ',', "1:[a][b]\n!MALFORMED 2:[\"oops,1]\n3:[c][d]\n");
}

static void test_bounds(void **state)
{
    struct buffer data = {0}, out = {0};
    (void)state;
    buffer_text(&data, "a,b\n\"");
    for (int i = 0; i < CSV_ROW_MAX / 16 + 2; i++)
        buffer_text(&data, "0123456789abcde\n");
    buffer_text(&data, "\",x\n");
    dump(data.data, data.size, 5000, ',', &out);
    assert_non_null(strstr(out.data, "!TOO_LARGE 2:[\"0123456789abcde]\n3:[0123456789abcde]\n"));
    buffer_clear(&data);
    for (int i = 0; i < CSV_FIELDS_MAX - 1; i++)
        buffer_text(&data, "1,");
    buffer_text(&data, "1\n");
    dump(data.data, data.size, 64, ',', &out);
    assert_null(strchr(out.data, '!'));
    buffer_clear(&data);
    for (int i = 0; i < CSV_FIELDS_MAX; i++)
        buffer_text(&data, "1,");
    buffer_text(&data, "1\nx,y\n");
    dump(data.data, data.size, 64, ',', &out);
    assert_memory_equal(out.data, "!TOO_LARGE 1:", 13);
    assert_non_null(strstr(out.data, "\n2:[x][y]\n"));
    buffer_fini(&data);
    buffer_fini(&out);
}

/* Whatever is written is read back the same. */
static void test_round_trip(void **state)
{
    static const char *const fields[] = {"plain", "a,b",  "say \"hi\"", "two\nlines", " led ",
                                         "",      "5;6",  "tab\there",  "\r",         "\"",
                                         "a\r\n", "\"\"", "end"};
    const uint32_t count = sizeof(fields) / sizeof(*fields);
    struct buffer data = {0};
    struct csv csv;
    struct csv_row row;
    enum stk_status status;
    struct stk_error err = {0};
    (void)state;
    for (uint32_t i = 0; i < count; i++)
        csv_text(&data, fields[i], i == 0);
    csv_end(&data);
    for (size_t piece = 1; piece <= data.size; piece++) {
        struct text text = {data.data, data.size, 0, piece};
        csv_init(&csv, read_text, &text, ',');
        assert_int_equal(csv_next(&csv, &row, &status, &err), 1);
        assert_int_equal(row.count, count);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(row.fields[i].size, strlen(fields[i]));
            assert_memory_equal(row.fields[i].data, fields[i], row.fields[i].size);
        }
        assert_int_equal(csv_next(&csv, &row, &status, &err), 0);
        csv_fini(&csv);
    }
    buffer_fini(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_blank_lines_keep_numbers),
        cmocka_unit_test(test_separators),
        cmocka_unit_test(test_separator_line),
        cmocka_unit_test(test_unclosed_quote_spoils_its_line_only),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
