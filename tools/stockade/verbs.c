/* One verb: words to parameters, one call or a page after the other, the answer as a table or JSON.
 */
#include "core/base/hash.h"
#include "tools/stockade/args.h"
#include "tools/stockade/cli.h"
#include "tools/stockade/json.h"
#include "tools/stockade/show.h"
#include "tools/stockade/table.h"
#include "tools/stockade/texts.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void print_error(const char *code, const char *message, json_t *more)
{
    json_t *error = more ? more : json_object();
    json_object_set_new(error, "code", json_string(code));
    json_object_set_new(error, "message", json_string(message));
    json_t *whole = json_pack("{s:o}", "error", error);
    show_json(whole, stdout);
    json_decref(whole);
}

int cli_fail(const struct cli *cli, int code, const struct stk_error *err)
{
    if (cli->json)
        print_error(stk_status_name(err->status), err->text, NULL);
    else
        fprintf(stderr, T_SAYS, err->text);
    return code;
}

int cli_refused(const struct cli *cli, const char *verb, const struct client_reply *reply)
{
    json_t *more = reply->error ? json_of(reply->error) : NULL;
    const char *code = stk_status_name(reply->status);
    if (!json_is_object(more)) {
        json_decref(more);
        more = NULL;
    }
    if (cli->json) {
        print_error(code, reply->message, more);
        return reply->unanswered ? EXIT_CONNECT : EXIT_REFUSED;
    }
    if (reply->unanswered)
        fprintf(stderr, T_VERB_FAILED, verb, reply->message);
    else
        fprintf(stderr, T_VERB_SAYS, verb, code, reply->message);
    if (more) {
        json_object_del(more, "code");
        json_object_del(more, "message");
        if (json_object_size(more))
            show_result(more, stderr);
        json_decref(more);
    }
    return reply->unanswered ? EXIT_CONNECT : EXIT_REFUSED;
}

json_t *cli_call(struct client *client, const char *verb, const json_t *params, int repeatable,
                 struct client_reply *reply)
{
    struct buffer room = {0};
    struct stk_doc doc;
    struct stk_error err = {0};
    json_t *result = NULL;
    memset(reply, 0, sizeof(*reply));
    reply->status = json_document(params, &room, &doc, &err);
    if (reply->status != STK_OK) {
        static struct stk_error kept;
        kept = err;
        reply->message = kept.text;
    } else if (client_call(client, verb, &doc, repeatable, reply, &err) == STK_OK) {
        result = json_of(reply->result);
    }
    buffer_fini(&room);
    return result;
}

/* A write without an id gets one, so that it may be sent again after a lost connection. */
static void make_id(char room[33])
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        memset(bytes, 0, sizeof(bytes));
    for (int i = 0; i < 16; i++)
        snprintf(room + 2 * i, 3, "%02x", bytes[i]);
}

/* Rows of a page. Tables of several pages are printed when all are there, so that they align. */
static void take_page(const struct cli *cli, const json_t *rows, json_t *kept)
{
    json_t *row;
    size_t i;
    if (!cli->json) {
        json_array_extend(kept, (json_t *)rows);
        return;
    }
    json_array_foreach(rows, i, row)
    {
        show_json(row, stdout);
    }
}

static void print_rows(const struct cli *cli, const json_t *rows, const json_t *next)
{
    if (cli->json && json_is_string(next)) {
        json_t *more = json_pack("{s:O}", "next", next);
        show_json(more, stdout);
        json_decref(more);
    }
    if (cli->json)
        return;
    if (json_array_size(rows))
        show_table(rows, NULL, stdout);
    else
        puts(T_NO_ROWS);
    fflush(stdout);
    if (json_is_string(next))
        fprintf(stderr, T_MORE, json_string_value(next));
}

static int is_list(const struct stk_verb *verb)
{
    for (const struct stk_field *field = verb->fields; field->name; field++)
        if (!strcmp(field->name, "cursor"))
            return 1;
    return 0;
}

static int run(const struct cli *cli, struct client *client, const struct stk_verb *verb,
               json_t *params, int repeatable)
{
    struct client_reply reply;
    json_t *kept = json_array(), *result = NULL, *rows;
    for (;;) {
        json_decref(result);
        result = cli_call(client, verb->name, params, repeatable, &reply);
        if (!result) {
            json_decref(kept);
            return cli_refused(cli, verb->name, &reply);
        }
        rows = is_list(verb) ? show_rows(result) : NULL;
        if (rows)
            take_page(cli, rows, kept);
        json_t *next = json_object_get(result, "next");
        if (!rows || !cli->all || !json_is_string(next))
            break;
        json_object_set(params, "cursor", next);
    }
    if (rows)
        print_rows(cli, kept, json_object_get(result, "next"));
    else if (cli->json)
        show_json(result, stdout);
    else
        show_result(result, stdout);
    json_decref(result);
    json_decref(kept);
    return EXIT_DONE;
}

int cli_verb(struct cli *cli, const struct stk_verb *verb)
{
    struct args args;
    struct client *client;
    struct stk_error err = {0};
    char id[33];
    if (cli->help)
        return cli_verb_help(verb);
    if (args_parse(verb, cli->argc, cli->argv, &args, &err) != STK_OK)
        return cli_fail(cli, EXIT_USAGE, &err);
    if (verb->kind == STK_VERB_WRITE && !args.id) {
        make_id(id);
        args.id = id;
    }
    if (args.source)
        json_object_set_new(args.params, "source", json_string(args.source));
    if (args.id)
        json_object_set_new(args.params, "id", json_string(args.id));
    int code = EXIT_CONNECT;
    if (client_open(&client, &cli->options, &err) == STK_OK) {
        /* backup.start is no write, but twice is once too often. */
        code = run(cli, client, verb, args.params, verb->kind != STK_VERB_READER || is_list(verb));
        client_close(client);
    } else {
        cli_fail(cli, EXIT_CONNECT, &err);
    }
    json_decref(args.params);
    return code;
}

/* --- help --- */

static const char *type_name(const struct stk_field *field)
{
    static const char *const names[] = {
        [STK_FIELD_STR] = "TEXT",        [STK_FIELD_INT] = "NUMBER",
        [STK_FIELD_QUANTITY] = "NUMBER", [STK_FIELD_MONEY] = "MONEY",
        [STK_FIELD_TIME] = "TIME",       [STK_FIELD_SPAN] = "SPAN",
        [STK_FIELD_BOOL] = "",           [STK_FIELD_ENUM] = "",
        [STK_FIELD_CURRENCY] = "GBP",    [STK_FIELD_COUNTRY] = "GB",
        [STK_FIELD_LIST] = "LIST",       [STK_FIELD_STRS] = "A,B",
        [STK_FIELD_TEXT] = "TEXT",       [STK_FIELD_COUNTRIES] = "GB,IE",
    };
    return field->type < sizeof(names) / sizeof(*names) && names[field->type] ? names[field->type]
                                                                              : "TEXT";
}

static void help_row(struct table *table, const char *name, const char *type, const char *help,
                     int required)
{
    table_row(table);
    table_cell(table, 0, name, 0);
    table_cell(table, 1, type, 0);
    table_cell(table, 2, required ? T_REQUIRED : "", 0);
    table_cell(table, 3, help, 0);
}

static void help_field(struct table *table, const struct stk_field *field, const char *before)
{
    struct buffer name = {0}, type = {0};
    buffer_printf(&name, "%s%s", before, field->name);
    for (char *c = name.data; *c; c++)
        *c = *c == '_' && *before == '-' ? '-' : *c;
    if (field->type == STK_FIELD_ENUM)
        for (int i = 0; field->names[i]; i++)
            buffer_printf(&type, "%s%s", i ? "|" : "", field->names[i]);
    else
        buffer_text(&type, type_name(field));
    help_row(table, name.data, buffer_string(&type), field->help ? field->help : "",
             field->required);
    for (const struct stk_field *sub = field->sub; sub && sub->name; sub++)
        help_field(table, sub, "      ");
    buffer_fini(&name);
    buffer_fini(&type);
}

int cli_verb_help(const struct stk_verb *verb)
{
    struct table table;
    printf("stockade %s: %s\n\n", verb->name, verb->help);
    table_init(&table);
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = {T_HELP_COLUMNS};
        table_column(&table, names[i]);
    }
    if (verb->kind == STK_VERB_WRITE || verb->takes_source)
        help_row(&table, "--source", "TEXT", T_SOURCE_HELP, 0);
    if (verb->kind == STK_VERB_WRITE)
        help_row(&table, "--id", "TEXT", T_ID_HELP,
                 verb->id_required && verb->key_space == STK_KEY_ORDER);
    for (const struct stk_field *field = verb->fields; field->name; field++)
        help_field(&table, field, "--");
    if (table.rows)
        table_print(&table, stdout);
    table_fini(&table);
    printf(T_ANSWER, verb->result ? verb->result : "");
    if (verb->kind == STK_VERB_WRITE)
        fputs(T_VERB_OPTIONS, stdout);
    return EXIT_DONE;
}
