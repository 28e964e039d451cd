/* The shared way of a row: bytes, encoding, CSV, columns, the kind's own handling, a call, its
 * answer. What is refused on the way lands in the rejects file with its reason; what ends the
 * import says how far it came. */
#include "tools/stockade/import.h"
#include "core/base/hash.h"
#include "tools/stockade/args.h"
#include "tools/stockade/json.h"
#include "tools/stockade/money.h"
#include "tools/stockade/show.h"
#include "tools/stockade/texts.h"
#include "tools/stockade/when.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEED_ID 0x6964

/* --- cells --- */

struct stk_bytes import_cell(const struct import *import, const struct csv_row *row,
                             const char *field)
{
    return columns_cell(&import->columns, row, columns_field(&import->columns, field));
}

static json_t *money_value(const struct import *import, struct stk_bytes cell, const char *currency,
                           struct stk_error *err)
{
    int64_t minor;
    if (!currency) {
        stk_error_set(err, STK_INVALID, T_IMPORT_CURRENCY, (int)cell.size, cell.data);
        return NULL;
    }
    if (money_parse(cell.data, cell.size, money_exponent(currency), import->options.decimal[0],
                    &minor, err) != STK_OK)
        return NULL;
    return json_integer(minor);
}

static json_t *time_value(const struct import *import, struct stk_bytes cell, struct stk_error *err)
{
    stk_time_t ms;
    enum stk_status status = import->options.date_format
                                 ? when_parse_as(cell.data, cell.size, import->options.date_format,
                                                 import->offset_ms, &ms, err)
                                 : when_parse(cell.data, cell.size, import->offset_ms, &ms, err);
    if (status != STK_OK && !import->options.date_format)
        stk_error_set(err, STK_INVALID, T_IMPORT_DATE, (int)cell.size, cell.data);
    return status == STK_OK ? json_integer(ms) : NULL;
}

json_t *import_value(const struct import *import, const struct csv_row *row,
                     const struct stk_field *field, const char *currency, struct stk_error *err)
{
    struct stk_bytes cell = import_cell(import, row, field->name);
    json_t *json;
    err->status = STK_OK;
    if (!cell.size)
        return NULL;
    if (field->type == STK_FIELD_MONEY) {
        json = money_value(import, cell, currency, err);
    } else if (field->type == STK_FIELD_TIME) {
        json = time_value(import, cell, err);
    } else {
        char *copy = must_copy(cell.data, cell.size);
        json = args_value(field, copy, currency, err);
        free(copy);
    }
    if (!json)
        stk_error_prefix(err, "%s", field->name);
    return json;
}

const char *import_currency(const struct import *import, const struct csv_row *row,
                            struct stk_error *err)
{
    static char room[4];
    struct stk_bytes cell = import_cell(import, row, "currency");
    if (!cell.size)
        return import->exponent_of[0] ? import->exponent_of : NULL;
    for (uint32_t i = 0; i < 3 && i < cell.size; i++)
        room[i] = (char)toupper((unsigned char)cell.data[i]);
    if (cell.size == 3 && isupper((unsigned char)room[0]) && isupper((unsigned char)room[1]) &&
        isupper((unsigned char)room[2]))
        return room;
    stk_error_set(err, STK_INVALID, T_IMPORT_CODE, (int)cell.size, cell.data);
    return NULL;
}

int import_sku(const struct import *import, const struct csv_row *row, char *room,
               struct stk_error *err)
{
    struct stk_bytes cell = import_cell(import, row, "sku");
    const char *change = import->options.sku_case;
    if (!cell.size || cell.size > STK_ID_MAX) {
        stk_error_set(err, STK_INVALID, cell.size ? T_IMPORT_SKU_LONG : T_IMPORT_SKU_EMPTY,
                      STK_ID_MAX);
        return 0;
    }
    for (uint32_t i = 0; i < cell.size; i++) {
        unsigned char c = (unsigned char)cell.data[i];
        room[i] = (char)(c >= 0x80 || !change ? c : *change == 'u' ? toupper(c) : tolower(c));
    }
    room[cell.size] = '\0';
    return 1;
}

int import_skips(const struct import *import, const char *sku)
{
    return import->options.skip_sku && !regexec(&import->skip, sku, 0, NULL, 0);
}

int import_quantity(struct stk_bytes text, int64_t *quantity, struct stk_error *err)
{
    if (text.size && money_parse(text.data, text.size, 0, '.', quantity, NULL) == STK_OK &&
        *quantity >= -(int64_t)STK_QUANTITY_MAX && *quantity <= STK_QUANTITY_MAX)
        return 1;
    stk_error_set(err, STK_INVALID, T_IMPORT_QUANTITY, (int)text.size, text.data);
    return 0;
}

/* --- rows that are refused or shown --- */

char *import_raw(const struct csv_row *row)
{
    struct buffer raw = {0};
    for (uint32_t i = 0; i < row->count; i++)
        csv_field(&raw, row->fields[i], i == 0);
    char *copy = must_copy(buffer_string(&raw), raw.size);
    buffer_fini(&raw);
    return copy;
}

/* Bytes that are no UTF-8 become question marks: the rejects file is UTF-8. */
static void mend(char *text)
{
    size_t left = strlen(text), length;
    while (left) {
        for (length = 1; length <= 4 && length <= left && !stk_utf8_valid(text, length); length++)
            continue;
        if (length > 4 || length > left) {
            *text = '?';
            length = 1;
        }
        text += length;
        left -= length;
    }
}

void import_refuse(struct import *import, const struct csv_row *row, const char *code,
                   const struct stk_error *err)
{
    char *raw = import_raw(row);
    mend(raw);
    report_refuse(&import->report, row->line, code, err->text, raw);
    free(raw);
}

void import_show(struct import *import, json_t *row)
{
    if (!import->client && json_array_size(import->shown) < IMPORT_SHOWN)
        json_array_append(import->shown, row);
    json_decref(row);
}

/* --- calls --- */

void import_id(const json_t *params, const char *salt, char room[IMPORT_ID_TEXT])
{
    struct buffer bytes = {0};
    struct stk_doc doc;
    struct stk_error err;
    json_document(params, &bytes, &doc, &err);
    bytes.size = doc.size;
    buffer_text(&bytes, salt);
    struct stk_hash hash = stk_hash128(bytes.data, bytes.size, SEED_ID);
    snprintf(room, IMPORT_ID_TEXT, "import-%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
    buffer_fini(&bytes);
}

enum stk_status import_send(struct import *import, const char *verb, json_t *params, const char *id,
                            client_fn fn, void *arg, struct stk_error *err)
{
    static struct buffer room; /* kept from call to call */
    struct stk_doc doc;
    json_object_set_new(params, "source", json_string(import->options.source));
    json_object_set_new(params, "id", json_string(id));
    enum stk_status status = json_document(params, &room, &doc, err);
    if (status == STK_OK && import->client)
        status = client_send(import->client, verb, &doc, 1, fn, arg, err);
    return status;
}

int import_is_repeat(const struct import *import, const struct client_reply *reply)
{
    const struct stk_value *map = reply->result ? reply->result : reply->error;
    const struct stk_value *seq = map ? stk_value_get(map, "seq") : NULL;
    return seq && seq->type == STK_VALUE_INT && seq->as.integer <= import->first_seq;
}

/* The last sequence before this run, wherever the status says it. */
static int64_t last_seq(const json_t *status)
{
    static const char *const names[] = {"seq", "sequence", "last", "durable", "applied"};
    const char *key;
    json_t *child, *map = (json_t *)status;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (json_is_integer(json_object_get(status, names[i])))
            return json_number(status, names[i], 0);
    json_object_foreach(map, key, child)
    {
        int64_t inside = json_is_object(child) ? last_seq(child) : -1;
        if (inside >= 0)
            return inside;
    }
    return -1;
}

static enum stk_status connect_engine(struct import *import, struct stk_error *err)
{
    struct client_reply reply;
    json_t *none = json_object();
    import->cli->options.window = IMPORT_WINDOW;
    if (client_open(&import->client, &import->cli->options, err) != STK_OK)
        return err->status;
    json_t *status = cli_call(import->client, "status", none, 1, &reply);
    import->first_seq = status ? last_seq(status) : -1;
    json_decref(none);
    json_decref(status);
    if (!status)
        return stk_error_set(err, reply.status, "status: %s", reply.message);
    return STK_OK;
}

/* --- the file --- */

static enum stk_status open_file(struct import *import, char **rejects, struct stk_error *err)
{
    struct stat info = {0};
    struct stk_clock clock = stk_clock_real();
    int is_stdin = !strcmp(import->path, "-");
    int fd = is_stdin ? STDIN_FILENO : open(import->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info)) {
        stk_error_errno(err, errno, T_OPEN, import->path);
        return err->status = STK_IO;
    }
    if (S_ISDIR(info.st_mode))
        return stk_error_set(err, STK_IO, T_IS_FOLDER, import->path);
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    import->file_ms = S_ISREG(info.st_mode)
                          ? info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000
                          : clock.now_ms(clock.self);
    struct buffer path = {0};
    buffer_printf(&path, "%s.rejects.csv", is_stdin ? "stdin" : import->path);
    *rejects = path.data;
    report_init(&import->report, is_stdin ? "stdin" : import->path,
                import->options.rejects ? import->options.rejects : *rejects,
                S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0);
    import->report.remove_old = !import->options.rejects;
    return charset_init(&import->charset, fd, import->options.encoding, err);
}

static enum stk_status read_header(struct import *import, struct csv_row *row,
                                   struct stk_error *err)
{
    enum stk_status status;
    char name[COLUMNS_NAME];
    csv_init(&import->csv, charset_read, &import->charset,
             import->options.separator ? import->options.separator[0] : 0);
    int more = csv_next(&import->csv, row, &status, err);
    if (more < 0)
        return err->status;
    if (!more)
        return stk_error_set(err, STK_INVALID, T_IMPORT_EMPTY, import->path);
    if (status != STK_OK)
        return status;
    for (uint32_t i = 0; i < row->count; i++)
        if (!stk_utf8_valid(row->fields[i].data, row->fields[i].size))
            return stk_error_set(err, STK_INVALID, T_IMPORT_HEADER_BYTES, import->path);
    if (columns_init(&import->columns, import->kind->fields, row, import->options.maps,
                     import->options.map_count, err) != STK_OK)
        return err->status;
    import->report.header = buffer_string(&import->columns.header);
    for (const char *at = import->kind->required; *at; at += *at == ' ') {
        size_t size = strcspn(at, " ");
        snprintf(name, sizeof(name), "%.*s", (int)size, at);
        at += size;
        if (!columns_has(&import->columns, name))
            return stk_error_set(err, STK_INVALID, T_IMPORT_COLUMN, name, import->report.header,
                                 name);
    }
    return STK_OK;
}

/* 0: the row is refused. */
static int is_clean(struct import *import, const struct csv_row *row, enum stk_status status,
                    struct stk_error *err)
{
    if (status != STK_OK) {
        import_refuse(import, row, stk_status_name(status), err);
        return 0;
    }
    for (uint32_t i = 0; i < row->count; i++) {
        if (stk_utf8_valid(row->fields[i].data, row->fields[i].size))
            continue;
        const char *encoding = import->charset.encoding ? import->charset.encoding : "ASCII";
        stk_error_set(err, STK_MALFORMED, T_IMPORT_BYTES, i + 1, encoding);
        import_refuse(import, row, "ENCODING", err);
        return 0;
    }
    return 1;
}

static enum stk_status read_rows(struct import *import, struct csv_row *row, struct stk_error *err)
{
    enum stk_status status;
    int more;
    while ((more = csv_next(&import->csv, row, &status, err)) == 1) {
        import->report.rows++;
        report_progress(&import->report, import->charset.bytes);
        if (!is_clean(import, row, status, err))
            continue;
        if (import->kind->row(import, row, err) != STK_OK)
            return err->status;
    }
    return more < 0 ? err->status : STK_OK;
}

/* --- the command --- */

static void say_mapping(const struct import *import)
{
    const struct columns *columns = &import->columns;
    char separator[4] = {import->csv.separator, '\0'};
    printf(T_DRY_RUN, import->path, import->charset.encoding ? import->charset.encoding : "ASCII",
           import->csv.separator == '\t' ? "tab" : separator);
    for (int i = 0; columns->fields[i]; i++)
        if (columns->column[i] >= 0)
            printf("  %s = %s\n", columns->names[columns->column[i]], columns->fields[i]);
}

static void print_end(struct import *import)
{
    if (import->cli->json) {
        json_t *json = report_json(&import->report);
        if (!import->client)
            json_object_set(json, "first", import->shown);
        show_json(json, stdout);
        json_decref(json);
        return;
    }
    if (!import->client) {
        say_mapping(import);
        show_table(import->shown, NULL, stdout);
        fputs(T_DRY_RUN_END, stdout);
    }
    report_print(&import->report, stdout);
}

static enum stk_status run(struct import *import, struct stk_error *err)
{
    struct csv_row *row = must_alloc(sizeof(*row));
    enum stk_status status = read_header(import, row, err);
    int is_usage = status != STK_OK && status != STK_IO;
    if (status == STK_OK && !import->options.dry_run)
        status = connect_engine(import, err);
    if (status == STK_OK)
        status = import->kind->begin(import, err);
    if (status == STK_OK)
        status = read_rows(import, row, err);
    if (status == STK_OK)
        status = import->kind->end(import, err);
    if (status == STK_OK && import->client)
        status = client_drain(import->client, err);
    free(row);
    return is_usage ? STK_INVALID : status;
}

static void close_import(struct import *import)
{
    client_close(import->client);
    import->kind->fini(import);
    if (import->options.skip_sku)
        regfree(&import->skip);
    columns_fini(&import->columns);
    csv_fini(&import->csv);
    if (import->charset.fd > STDIN_FILENO)
        close(import->charset.fd);
    charset_fini(&import->charset);
    report_fini(&import->report);
    json_decref(import->shown);
}

static int import_file(struct cli *cli, const struct import_kind *kind)
{
    struct import *import = must_alloc(sizeof(*import));
    struct stk_error err = {0};
    char *rejects = NULL;
    import->cli = cli;
    import->kind = kind;
    import->shown = json_array();
    if (import_take_words(import, &err) != STK_OK || open_file(import, &rejects, &err) != STK_OK) {
        int code = cli_fail(cli, err.status == STK_IO ? EXIT_CONNECT : EXIT_USAGE, &err);
        close_import(import);
        free(rejects);
        free(import);
        return code;
    }
    enum stk_status status = run(import, &err);
    int code = import->report.refused ? EXIT_PARTLY : EXIT_DONE;
    report_finish(&import->report);
    if (status == STK_INVALID)
        code = EXIT_USAGE;
    else if (status != STK_OK)
        code = EXIT_CONNECT;
    if (status == STK_OK || import->report.rows)
        print_end(import);
    if (status != STK_OK) {
        if (import->report.rows && !cli->json)
            fputs(T_IMPORT_BROKEN, stderr);
        cli_fail(cli, code, &err);
    }
    close_import(import);
    free(rejects);
    free(import);
    return code;
}

int cli_import(struct cli *cli)
{
    static const struct import_kind *const kinds[] = {&import_skus, &import_stock, &import_orders};
    struct stk_error err = {0};
    for (size_t i = 0; cli->argc && i < 3; i++) {
        if (strcmp(cli->argv[0], kinds[i]->name))
            continue;
        if (cli->help)
            return import_help(kinds[i]);
        cli->argc--;
        cli->argv++;
        return import_file(cli, kinds[i]);
    }
    if (cli->help) {
        fputs(T_IMPORT_KINDS "\n", stdout);
        return EXIT_DONE;
    }
    stk_error_set(&err, STK_INVALID, "%s", T_IMPORT_KINDS);
    return cli_fail(cli, EXIT_USAGE, &err);
}
