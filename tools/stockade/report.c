/* Counts by name, refused rows into a CSV beside the source, a bar for the eye. */
#include "tools/stockade/report.h"
#include "tools/stockade/table.h"
#include "tools/stockade/texts.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAR_WIDTH 30
#define DRAW_NS   INT64_C(100000000)

static int64_t now(const struct report *report)
{
    return report->clock.monotonic_ns(report->clock.self);
}

void report_init(struct report *report, const char *title, const char *rejects,
                 uint64_t total_bytes)
{
    memset(report, 0, sizeof(*report));
    report->title = title;
    report->rejects = rejects;
    report->total_bytes = total_bytes;
    report->header = "";
    report->bar = isatty(STDERR_FILENO);
    report->clock = stk_clock_real();
    report->begun_ns = now(report);
}

static struct report_count *find(struct report_count *counts, int max, const char *name)
{
    for (int i = 0; i < max; i++) {
        if (!counts[i].name)
            counts[i].name = name;
        if (!strcmp(counts[i].name, name))
            return &counts[i];
    }
    return &counts[max - 1];
}

/* Codes come from anywhere: their names are copied. */
static struct report_count *find_reason(struct report *report, const char *code)
{
    struct report_count *found = find(report->reasons, REPORT_REASONS, code);
    if (found->name == code)
        found->name = must_copy(code, strlen(code));
    return found;
}

void report_add(struct report *report, const char *name, uint64_t more)
{
    find(report->counts, REPORT_COUNTS, name)->value += more;
}

void report_refuse(struct report *report, uint64_t line, const char *code, const char *reason,
                   const char *raw)
{
    struct report_count *count = find_reason(report, code);
    struct buffer row = {0};
    report->refused++;
    if (!count->value++)
        buffer_printf(&report->samples[count - report->reasons], T_LINE_REASON, line, reason);
    if (!report->out && !report->failed) {
        report->out = fopen(report->rejects, "w");
        report->failed = !report->out;
        if (report->out)
            fprintf(report->out, "line,code,reason,%s\r\n", report->header);
    }
    if (!report->out)
        return;
    buffer_printf(&row, "%" PRIu64 ",%s", line, code);
    csv_text(&row, reason, 0);
    fprintf(report->out, "%s,%s\r\n", row.data, raw);
    buffer_fini(&row);
}

void report_note(struct report *report, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    buffer_clear(&report->note);
    buffer_vprintf(&report->note, format, list);
    va_end(list);
}

const char *report_number(uint64_t value, char *room)
{
    char digits[REPORT_NUMBER];
    int count = snprintf(digits, sizeof(digits), "%" PRIu64, value), at = 0;
    for (int i = 0; i < count; i++) {
        if (i && (count - i) % 3 == 0)
            room[at++] = ',';
        room[at++] = digits[i];
    }
    room[at] = '\0';
    return room;
}

void report_progress(struct report *report, uint64_t bytes)
{
    char rows[REPORT_NUMBER], rate[REPORT_NUMBER], refused[REPORT_NUMBER];
    int64_t at = report->bar ? now(report) : 0;
    if (!report->bar || at - report->drawn_ns < DRAW_NS)
        return;
    report->drawn_ns = at;
    double seconds = (double)(at - report->begun_ns) / 1e9;
    double share = report->total_bytes ? (double)bytes / (double)report->total_bytes : 0;
    int full = (int)(share * BAR_WIDTH);
    fprintf(stderr, "\r%s ", report->title);
    for (int i = 0; report->total_bytes && i < BAR_WIDTH; i++)
        fputs(i < full ? "\u2588" : "\u2591", stderr);
    if (report->total_bytes)
        fprintf(stderr, " %3d%%", (int)(share * 100));
    fprintf(stderr, T_PROGRESS, report_number(report->rows, rows),
            report_number((uint64_t)((double)report->rows / (seconds > 0 ? seconds : 1)), rate),
            report_number(report->refused, refused));
    fflush(stderr);
}

void report_finish(struct report *report)
{
    if (report->bar && report->drawn_ns)
        fputs("\r\033[K", stderr);
    if (report->out && (ferror(report->out) | fclose(report->out)))
        report->failed = 1;
    report->out = NULL;
    if (!report->refused && report->remove_old)
        unlink(report->rejects);
}

static void print_count(struct table *table, const char *indent, const char *name, uint64_t value,
                        const char *more)
{
    char number[REPORT_NUMBER];
    struct buffer text = {0};
    buffer_printf(&text, "%s%s", indent, name);
    table_row(table);
    table_cell(table, 0, text.data, 0);
    table_cell(table, 1, report_number(value, number), 1);
    table_cell(table, 2, more, 0);
    buffer_fini(&text);
}

void report_print(const struct report *report, FILE *to)
{
    struct table table;
    char rows[REPORT_NUMBER], rate[REPORT_NUMBER];
    double seconds = (double)(now(report) - report->begun_ns) / 1e9;
    fprintf(to, T_REPORT, report->title, report_number(report->rows, rows), seconds,
            report_number((uint64_t)((double)report->rows / (seconds > 0 ? seconds : 1)), rate));
    table_init(&table);
    table_column(&table, "");
    table_column(&table, "count");
    table_column(&table, "why");
    for (int i = 0; i < REPORT_COUNTS && report->counts[i].name; i++)
        print_count(&table, "  ", report->counts[i].name, report->counts[i].value, "");
    print_count(&table, "  ", T_REFUSED, report->refused, "");
    for (int i = 0; i < REPORT_REASONS && report->reasons[i].name; i++)
        print_count(&table, "    ", report->reasons[i].name, report->reasons[i].value,
                    buffer_string(&report->samples[i]));
    table_print(&table, to);
    table_fini(&table);
    if (report->failed)
        fprintf(to, T_REJECTS_FAILED, report->rejects);
    else if (report->refused && report->rejects)
        fprintf(to, T_REJECTS, report->rejects);
    if (report->note.size)
        fprintf(to, "  %s\n", report->note.data);
}

/* "orders placed" is a key of its own in JSON: orders_placed. */
static void set_count(json_t *map, const char *name, uint64_t value)
{
    char key[64];
    size_t i = 0;
    for (; name[i] && i + 1 < sizeof(key); i++)
        key[i] = name[i] == ' ' ? '_' : name[i];
    key[i] = '\0';
    json_object_set_new(map, key, json_integer((json_int_t)value));
}

json_t *report_json(const struct report *report)
{
    json_t *json = json_object(), *reasons = json_object();
    json_object_set_new(json, "file", json_string(report->title));
    set_count(json, "rows", report->rows);
    for (int i = 0; i < REPORT_COUNTS && report->counts[i].name; i++)
        set_count(json, report->counts[i].name, report->counts[i].value);
    set_count(json, T_REFUSED, report->refused);
    for (int i = 0; i < REPORT_REASONS && report->reasons[i].name; i++)
        json_object_set_new(reasons, report->reasons[i].name,
                            json_integer((json_int_t)report->reasons[i].value));
    json_object_set_new(json, "reasons", reasons);
    if (report->refused && report->rejects)
        json_object_set_new(json, "rejects", json_string(report->rejects));
    if (report->note.size)
        json_object_set_new(json, "note", json_string(report->note.data));
    json_object_set_new(json, "ms",
                        json_integer((json_int_t)((now(report) - report->begun_ns) / 1000000)));
    return json;
}

void report_fini(struct report *report)
{
    for (int i = 0; i < REPORT_REASONS; i++) {
        buffer_fini(&report->samples[i]);
        free((char *)(uintptr_t)report->reasons[i].name);
    }
    buffer_fini(&report->note);
    if (report->out)
        fclose(report->out);
    report->out = NULL;
}
