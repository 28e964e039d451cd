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

/* --- options --- */

static const struct option {
    const char *name;
    enum { TEXT, FLAG, NUMBER, MAP } type;
    size_t offset;
    const char *kinds; /* s skus, t stock, o orders */
    const char *value, *help;
} options[] = {
#define AT(member) offsetof(struct import_options, member)
    {"map", MAP, 0, "sto", "COLUMN=FIELD,...", T_OPT_MAP},
    {"source", TEXT, AT(source), "sto", "TEXT", T_OPT_SOURCE},
    {"location", TEXT, AT(location), "t", "ID", T_OPT_LOCATION},
    {"currency", TEXT, AT(currency), "so", "GBP", T_OPT_CURRENCY},
    {"country", TEXT, AT(country), "o", "GB", T_OPT_COUNTRY},
    {"channel", TEXT, AT(channel), "o", "NAME", T_OPT_CHANNEL},
    {"dry-run", FLAG, AT(dry_run), "sto", "", T_OPT_DRY_RUN},
    {"rejects", TEXT, AT(rejects), "sto", "FILE", T_OPT_REJECTS},
    {"skip-sku", TEXT, AT(skip_sku), "sto", "REGEX", T_OPT_SKIP_SKU},
    {"sku-case", TEXT, AT(sku_case), "sto", "upper|lower", T_OPT_SKU_CASE},
    {"fact", FLAG, AT(fact), "o", "", T_OPT_FACT},
    {"split", FLAG, AT(split), "o", "", T_OPT_SPLIT},
    {"stage", TEXT, AT(stage), "o", "placed|paid|shipped", T_OPT_STAGE},
    {"cancel-prefix", TEXT, AT(cancel_prefix), "o", "TEXT", T_OPT_CANCEL},
    {"group-rows", NUMBER, AT(group_rows), "o", "N", T_OPT_GROUP},
    {"as", TEXT, AT(as), "t", "count|receive|snapshot", T_OPT_AS},
    {"as-of", TEXT, AT(as_of), "t", "TIME", T_OPT_AS_OF},
    {"missing", TEXT, AT(missing), "t", "keep|zero", T_OPT_MISSING},
    {"sum", FLAG, AT(sum), "t", "", T_OPT_SUM},
    {"percent", NUMBER, AT(percent), "t", "N", T_OPT_PERCENT},
    {"only-positive", FLAG, AT(only_positive), "t", "", T_OPT_POSITIVE},
    {"batch", TEXT, AT(batch), "st", "TEXT", T_OPT_BATCH},
    {"date-format", TEXT, AT(date_format), "to", "FORMAT", T_OPT_DATE_FORMAT},
    {"utc-offset", TEXT, AT(utc_offset), "to", "+08:00", T_OPT_UTC_OFFSET},
    {"decimal", TEXT, AT(decimal), "so", ".|,", T_OPT_DECIMAL},
    {"separator", TEXT, AT(separator), "sto", ",|;|tab", T_OPT_SEPARATOR},
    {"encoding", TEXT, AT(encoding), "sto", "NAME", T_OPT_ENCODING},
#undef AT
};
#define OPTIONS (sizeof(options) / sizeof(*options))

static char kind_letter(const struct import_kind *kind)
{
    return kind == &import_skus ? 's' : kind == &import_stock ? 't' : 'o';
}

static int help(const struct import_kind *kind)
{
    printf(T_IMPORT_HELP, kind->name, kind->name);
    fputs(T_IMPORT_FIELDS, stdout);
    for (int i = 0; kind->fields[i]; i++)
        printf("%s%s", i ? ", " : "", kind->fields[i]);
    fputs("\n\n", stdout);
    for (size_t i = 0; i < OPTIONS; i++)
        if (strchr(options[i].kinds, kind_letter(kind)))
            printf("  --%-15s %-24s %s\n", options[i].name, options[i].value, options[i].help);
    return EXIT_DONE;
}

static enum stk_status set_option(struct import *import, const struct option *option,
                                  const char *value, struct stk_error *err)
{
    char *at = (char *)&import->options + option->offset, *end;
    switch (option->type) {
    case FLAG:
        *(int *)(void *)at = 1;
        return STK_OK;
    case NUMBER:
        errno = 0;
        *(int64_t *)(void *)at = strtoll(value, &end, 10);
        if (errno || *end || !*value || *(int64_t *)(void *)at < 1)
            return stk_error_set(err, STK_INVALID, T_OPT_NUMBER, option->name, value);
        return STK_OK;
    case MAP:
        if (import->options.map_count == IMPORT_MAPS_MAX)
            return stk_error_set(err, STK_INVALID, T_OPT_MAPS, IMPORT_MAPS_MAX);
        import->options.maps[import->options.map_count++] = value;
        return STK_OK;
    default:
        *(const char **)(void *)at = value;
        return STK_OK;
    }
}

static enum stk_status take_option(struct import *import, const char *word, char **next, int *used,
                                   struct stk_error *err)
{
    size_t size = strcspn(word + 2, "=");
    const struct option *found = NULL;
    for (size_t i = 0; i < OPTIONS && !found; i++)
        if (strlen(options[i].name) == size && !strncmp(options[i].name, word + 2, size) &&
            strchr(options[i].kinds, kind_letter(import->kind)))
            found = &options[i];
    if (!found)
        return stk_error_set(err, STK_INVALID, T_OPT_UNKNOWN, import->kind->name, word);
    const char *value = word[2 + size] ? word + 3 + size : NULL;
    if (!value && found->type != FLAG) {
        if (!*next)
            return stk_error_set(err, STK_INVALID, T_VALUE_NEEDED, word);
        value = *next;
        *used = 1;
    }
    return set_option(import, found, value, err);
}

static enum stk_status one_of(const char *name, const char **value, const char *const *allowed,
                              struct stk_error *err)
{
    struct buffer list = {0};
    if (!*value)
        *value = allowed[0];
    for (int i = 0; allowed[i]; i++) {
        if (!strcmp(allowed[i], *value)) {
            buffer_fini(&list);
            return STK_OK;
        }
        buffer_printf(&list, "%s%s", i ? ", " : "", allowed[i]);
    }
    stk_error_set(err, STK_INVALID, T_OPT_ENUM, name, *value, buffer_string(&list));
    buffer_fini(&list);
    return STK_INVALID;
}

static enum stk_status check_separator(struct import_options *chosen, struct stk_error *err)
{
    static const char *const names[] = {"tab", "comma", "semicolon"};
    static const char *const signs[] = {"\t", ",", ";"};
    for (int i = 0; chosen->separator && i < 3; i++)
        if (!strcmp(chosen->separator, names[i]))
            chosen->separator = signs[i];
    if (chosen->separator &&
        (strlen(chosen->separator) != 1 || strchr("\"\r\n", *chosen->separator)))
        return stk_error_set(err, STK_INVALID, T_OPT_SEPARATOR_BAD, chosen->separator);
    return STK_OK;
}

static enum stk_status check_options(struct import *import, struct stk_error *err)
{
    static const char *const cases[] = {"upper", "lower", NULL};
    static const char *const stages[] = {"placed", "paid", "shipped", NULL};
    static const char *const kinds[] = {"count", "receive", "snapshot", NULL};
    static const char *const rules[] = {"keep", "zero", NULL};
    static const char *const decimals[] = {".", ",", NULL};
    struct import_options *chosen = &import->options;
    if (!import->path)
        return stk_error_set(err, STK_INVALID, T_IMPORT_NO_FILE, import->kind->name);
    if ((chosen->sku_case && one_of("sku-case", &chosen->sku_case, cases, err) != STK_OK) ||
        one_of("stage", &chosen->stage, stages, err) != STK_OK ||
        one_of("as", &chosen->as, kinds, err) != STK_OK ||
        one_of("missing", &chosen->missing, rules, err) != STK_OK ||
        one_of("decimal", &chosen->decimal, decimals, err) != STK_OK ||
        check_separator(chosen, err) != STK_OK)
        return STK_INVALID;
    if (chosen->utc_offset && when_offset(chosen->utc_offset, &import->offset_ms, err) != STK_OK)
        return stk_error_prefix(err, "--utc-offset");
    if (chosen->currency) {
        if (strlen(chosen->currency) != 3)
            return stk_error_set(err, STK_INVALID, T_IMPORT_CODE, 10, chosen->currency);
        for (int i = 0; i < 3; i++)
            import->exponent_of[i] = (char)toupper((unsigned char)chosen->currency[i]);
    }
    if (chosen->skip_sku && regcomp(&import->skip, chosen->skip_sku, REG_EXTENDED | REG_NOSUB)) {
        const char *bad = chosen->skip_sku;
        chosen->skip_sku = NULL; /* nothing to free */
        return stk_error_set(err, STK_INVALID, T_OPT_REGEX, bad);
    }
    if (!chosen->source)
        chosen->source = "import";
    return STK_OK;
}

static enum stk_status take_words(struct import *import, struct stk_error *err)
{
    struct cli *cli = import->cli;
    for (int i = 0; i < cli->argc; i++) {
        char *none = NULL, **next = i + 1 < cli->argc ? &cli->argv[i + 1] : &none;
        int used = 0;
        if (!strncmp(cli->argv[i], "--", 2)) {
            if (take_option(import, cli->argv[i], next, &used, err) != STK_OK)
                return err->status;
        } else if (import->path) {
            return stk_error_set(err, STK_INVALID, T_IMPORT_TWO_FILES, cli->argv[i]);
        } else {
            import->path = cli->argv[i];
        }
        i += used;
    }
    return check_options(import, err);
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
    if (take_words(import, &err) != STK_OK || open_file(import, &rejects, &err) != STK_OK) {
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
            return help(kinds[i]);
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
