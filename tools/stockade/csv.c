/* The reader parses a row out of a window of input; when the row does not end inside, the window
 * grows (at most to CSV_ROW_MAX) and the row is parsed again, so that the parser keeps no state
 * between reads. A spoiled row is left at the end of its first line. */
#include "tools/stockade/csv.h"
#include "tools/stockade/texts.h"
#include <string.h>

#define READ_BYTES (64 * 1024)

void csv_init(struct csv *csv, csv_read_fn read, void *arg, char separator)
{
    memset(csv, 0, sizeof(*csv));
    csv->read = read;
    csv->arg = arg;
    csv->separator = separator;
    csv->line = 1;
    buffer_reserve(&csv->input, READ_BYTES);
}

void csv_fini(struct csv *csv)
{
    buffer_fini(&csv->input);
    buffer_fini(&csv->decoded);
}

/* --- one row out of bytes --- */

struct parse {
    const char *at, *end;
    int at_end;     /* nothing comes after end */
    char separator; /* between fields */
    struct buffer *decoded;
    uint64_t lines; /* newlines passed */
};

enum outcome { ROW_DONE, ROW_MORE, ROW_UNCLOSED, ROW_WIDE };

static int is_newline(char c)
{
    return c == '\n' || c == '\r';
}

/* Past CR, LF or CRLF. 0: it needs more bytes to tell. */
static int skip_newline(struct parse *in)
{
    if (*in->at == '\r') {
        if (in->at + 1 == in->end && !in->at_end)
            return 0;
        if (in->at + 1 < in->end && in->at[1] == '\n')
            in->at++;
    }
    in->at++;
    in->lines++;
    return 1;
}

static void skip_plain(struct parse *in)
{
    while (in->at < in->end && *in->at != in->separator && !is_newline(*in->at))
        in->at++;
}

/* A field that began with a quote; at stands behind it. Its text goes to decoded. */
static enum outcome parse_quoted(struct parse *in)
{
    for (;;) {
        const char *quote = memchr(in->at, '"', (size_t)(in->end - in->at));
        if (!quote)
            return in->at_end ? ROW_UNCLOSED : ROW_MORE;
        if (quote + 1 == in->end && !in->at_end)
            return ROW_MORE;
        for (const char *c = in->at; c < quote; c++)
            in->lines += *c == '\n' || (*c == '\r' && c[1] != '\n');
        buffer_add(in->decoded, in->at, (size_t)(quote - in->at));
        in->at = quote + 1;
        if (in->at == in->end || *in->at != '"')
            break;
        buffer_byte(in->decoded, '"');
        in->at++;
    }
    const char *tail = in->at;
    skip_plain(in);
    buffer_add(in->decoded, tail, (size_t)(in->at - tail));
    return ROW_DONE;
}

/* The field at `at`. Plain fields point into the input; decoded ones hold their offset until the
 * row is whole, for decoded may still move. */
static enum outcome parse_field(struct parse *in, struct stk_bytes *field, int *is_decoded)
{
    *is_decoded = in->at < in->end && *in->at == '"';
    if (!*is_decoded) {
        const char *start = in->at;
        skip_plain(in);
        *field = (struct stk_bytes){start, (uint32_t)(in->at - start)};
        return ROW_DONE;
    }
    size_t offset = in->decoded->size;
    in->at++;
    enum outcome outcome = parse_quoted(in);
    *field = (struct stk_bytes){(const char *)offset, (uint32_t)(in->decoded->size - offset)};
    return outcome;
}

static enum outcome parse_row(struct parse *in, struct csv_row *row)
{
    uint8_t decoded[CSV_FIELDS_MAX];
    enum outcome outcome = ROW_DONE;
    int marked;

    row->count = 0;
    buffer_clear(in->decoded);
    for (;;) {
        if (row->count == CSV_FIELDS_MAX)
            return ROW_WIDE;
        outcome = parse_field(in, &row->fields[row->count], &marked);
        if (outcome != ROW_DONE)
            return outcome;
        decoded[row->count++] = (uint8_t)marked;
        if (in->at == in->end && !in->at_end)
            return ROW_MORE;
        if (in->at == in->end || is_newline(*in->at))
            break;
        in->at++; /* the separator */
    }
    if (in->at < in->end && !skip_newline(in))
        return ROW_MORE;
    for (uint32_t i = 0; i < row->count; i++)
        if (decoded[i])
            row->fields[i].data = buffer_string(in->decoded) + (size_t)row->fields[i].data;
    return ROW_DONE;
}

/* --- the stream --- */

/* Reads more behind what is there. -1: the source failed. */
static int fill(struct csv *csv, struct stk_error *err)
{
    if (csv->at) {
        csv->input.size -= csv->at;
        memmove(csv->input.data, csv->input.data + csv->at, csv->input.size);
        csv->at = 0;
    }
    size_t want = csv->input.size > READ_BYTES ? csv->input.size : READ_BYTES;
    size_t least = csv->input.size + 1 + csv->input.size / 2;
    buffer_reserve(&csv->input, want);
    /* Half as much again at least: a long row that arrives in crumbs is parsed a few times only. */
    while (csv->input.size < least && !csv->at_end) {
        long got = csv->read(csv->arg, csv->input.data + csv->input.size, want, err);
        if (got < 0)
            return -1;
        csv->input.size += (size_t)got;
        want -= (size_t)got;
        csv->at_end = got == 0;
    }
    csv->input.data[csv->input.size] = '\0';
    return 0;
}

/* The separator that the first line has most of, outside quotes. "sep=;" says it itself. */
static int recognise(struct csv *csv, struct stk_error *err)
{
    static const char candidates[] = ",;\t";
    size_t found[3] = {0}, best = 0;
    int quoted = 0;

    while (!csv->at_end && csv->input.size < READ_BYTES)
        if (fill(csv, err))
            return -1;
    const char *text = csv->input.data;
    if (csv->input.size >= 6 && !memcmp(text, "sep=", 4) && text[4] && !is_newline(text[4]) &&
        text[4] != '"' && is_newline(text[5])) {
        csv->separator = text[4];
        csv->at = 5;
        return 0;
    }
    for (size_t i = 0; i < csv->input.size && (quoted || !is_newline(text[i])); i++) {
        const char *candidate = text[i] ? strchr(candidates, text[i]) : NULL;
        quoted ^= text[i] == '"';
        if (candidate && !quoted)
            found[candidate - candidates]++;
    }
    for (size_t c = 1; c < 3; c++)
        if (found[c] > found[best])
            best = c;
    csv->separator = candidates[best];
    return 0;
}

static const char *line_end(const struct csv *csv)
{
    const char *at = csv->input.data + csv->at, *end = csv->input.data + csv->input.size;
    while (at < end && !is_newline(*at))
        at++;
    return at < end ? at : NULL;
}

/* Past the end of the line that was spoiled, however long it is. */
static int skip_line(struct csv *csv, struct stk_error *err)
{
    const char *end;
    for (;;) {
        const char *last = csv->input.data + csv->input.size - 1;
        end = line_end(csv);
        if (end && (*end == '\n' || end < last || csv->at_end))
            break;
        csv->at = end ? (size_t)(end - csv->input.data) : csv->input.size;
        if (csv->at_end)
            break;
        if (fill(csv, err))
            return -1;
    }
    if (end) {
        csv->at = (size_t)(end - csv->input.data) + 1;
        if (*end == '\r' && csv->at < csv->input.size && csv->input.data[csv->at] == '\n')
            csv->at++;
    }
    csv->line++;
    csv->spoiled = 0;
    return 0;
}

/* The line on which the row at `at` begins is its only field; the next call goes on behind it. */
static int spoil(struct csv *csv, struct csv_row *row, struct stk_error *err)
{
    while (!line_end(csv) && !csv->at_end && csv->input.size - csv->at <= CSV_ROW_MAX)
        if (fill(csv, err))
            return -1;
    const char *start = csv->input.data + csv->at, *end = line_end(csv);
    if (!end)
        end = csv->input.data + csv->input.size;
    row->count = 1;
    row->fields[0] = (struct stk_bytes){start, (uint32_t)(end - start)};
    csv->at += (size_t)(end - start);
    csv->spoiled = 1;
    return 0;
}

static enum stk_status fault_of(enum outcome outcome, const struct csv_row *row,
                                struct stk_error *err)
{
    if (outcome == ROW_UNCLOSED)
        return stk_error_set(err, STK_MALFORMED, T_CSV_UNCLOSED, row->line);
    if (outcome == ROW_WIDE)
        return stk_error_set(err, STK_TOO_LARGE, T_CSV_WIDE, row->line, CSV_FIELDS_MAX);
    return stk_error_set(err, STK_TOO_LARGE, T_CSV_LONG, row->line, CSV_ROW_MAX);
}

static int is_blank(const struct csv_row *row)
{
    for (uint32_t i = 0; i < row->count; i++)
        for (uint32_t c = 0; c < row->fields[i].size; c++)
            if (row->fields[i].data[c] != ' ')
                return 0;
    return 1;
}

int csv_next(struct csv *csv, struct csv_row *row, enum stk_status *status, struct stk_error *err)
{
    *status = STK_OK;
    if (csv->spoiled && skip_line(csv, err))
        return -1;
    if (!csv->separator && recognise(csv, err))
        return -1;
    for (;;) {
        size_t left = csv->input.size - csv->at;
        if (!left && csv->at_end)
            return 0;
        const char *start = csv->input.data + csv->at;
        struct parse in = {start, start + left, csv->at_end, csv->separator, &csv->decoded, 0};
        row->line = csv->line;
        enum outcome outcome = left ? parse_row(&in, row) : ROW_MORE;
        if (outcome == ROW_MORE && left <= CSV_ROW_MAX) {
            if (fill(csv, err))
                return -1;
            continue;
        }
        if (outcome != ROW_DONE || in.at - start > CSV_ROW_MAX) {
            if (spoil(csv, row, err))
                return -1;
            *status = fault_of(outcome, row, err);
            return 1;
        }
        csv->at += (size_t)(in.at - start);
        csv->line += in.lines;
        if (!is_blank(row))
            return 1;
    }
}

/* --- writing --- */

void csv_field(struct buffer *out, struct stk_bytes field, int first)
{
    int quotes = field.size && (field.data[0] == ' ' || field.data[field.size - 1] == ' ');
    for (uint32_t i = 0; i < field.size && !quotes; i++)
        quotes = strchr(",;\t\"\r\n", field.data[i]) != NULL; /* a zero byte too */
    if (!first)
        buffer_byte(out, ',');
    if (!quotes) {
        buffer_add(out, field.data, field.size);
        return;
    }
    buffer_byte(out, '"');
    for (uint32_t i = 0; i < field.size; i++) {
        if (field.data[i] == '"')
            buffer_byte(out, '"');
        buffer_byte(out, field.data[i]);
    }
    buffer_byte(out, '"');
}

void csv_text(struct buffer *out, const char *field, int first)
{
    csv_field(out, (struct stk_bytes){field, (uint32_t)strlen(field)}, first);
}

void csv_end(struct buffer *out)
{
    buffer_text(out, "\r\n");
}
