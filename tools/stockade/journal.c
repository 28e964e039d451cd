/* journal verify and journal read: the journal of a data folder without an engine. */
#include "core/flow/verb.h"
#include "tools/stockade/args.h"
#include "tools/stockade/buffer.h"
#include "tools/stockade/folder.h"
#include "tools/stockade/json.h"
#include "tools/stockade/show.h"
#include "tools/stockade/texts.h"
#include "tools/stockade/when.h"
#include <stdlib.h>
#include <string.h>

/* --- journal verify --- */

static int run_journal_verify(struct cli *cli, const struct folder_words *words)
{
    struct stk_journal_report report = {0};
    struct stk_error err = {0};
    char *path = folder_path(words->folder, "journal", 1);
    enum stk_status status = stk_journal_verify(path, &report, &err);
    free(path);
    if (status != STK_OK) {
        if (report.batches && !cli->json)
            folder_print(cli, folder_journal_report(&report));
        return cli_fail(cli, EXIT_REFUSED, &err);
    }
    return folder_print(cli, folder_journal_report(&report));
}

int cli_journal_verify(struct cli *cli)
{
    return folder_command(cli, "data", T_JOURNAL_VERIFY_HELP, 0, run_journal_verify);
}

/* --- journal read --- */

struct reading {
    const struct cli *cli;
    struct folder_describer describer;
    stk_seq_t from;
    uint64_t left;
};

static void print_effect(const struct reading *reading, json_t *effect)
{
    char when[WHEN_TEXT];
    json_t *row;
    size_t i;
    int is_number;
    if (reading->cli->json) {
        show_json(effect, stdout);
        return;
    }
    when_format(json_number(effect, "time", 0), when);
    printf("%" PRId64 "  %s  %s\n", json_number(effect, "seq", 0), when,
           json_string_value(json_object_get(effect, "verb")));
    json_array_foreach(json_object_get(effect, "rows"), i, row)
    {
        json_t *value = json_object_get(row, "value");
        if (json_is_object(value))
            json_object_del(value, "answer"); /* bytes: --json has them */
        printf("    %-12s %s\n", json_string_value(json_object_get(row, "table")),
               json_is_null(value) ? T_DELETED : show_cell("", value, value, &is_number));
    }
}

static enum stk_status effect_rows(struct reading *reading, struct stk_record_view *view,
                                   json_t *rows, struct stk_error *err)
{
    struct stk_row_view row;
    while (stk_record_next(view, &row)) {
        const char *table = stk_table_name(row.table);
        json_t *value = json_null();
        if (row.value.data &&
            !(value = folder_describe(&reading->describer, (enum stk_table)row.table, row.key,
                                      row.value, err)))
            return err->status;
        json_array_append_new(rows,
                              json_pack("{s:s,s:o}", "table", table ? table : "?", "value", value));
    }
    return view->rows.bad ? stk_error_set(err, STK_CORRUPT, T_FOLDER_RECORD) : STK_OK;
}

static enum stk_status on_batch(void *arg, const struct stk_batch_view *batch,
                                struct stk_error *err)
{
    struct reading *reading = arg;
    struct stk_batch_view view = *batch;
    struct stk_bytes record;
    enum stk_status status = STK_OK;
    for (stk_seq_t seq = batch->first; reading->left && stk_batch_next(&view, &record); seq++) {
        struct stk_record_view effect;
        if (seq < reading->from)
            continue;
        status = stk_record_open(record, seq, batch->time_ms, &effect, err);
        if (status != STK_OK)
            return stk_error_prefix(err, T_FOLDER_SEQ, seq);
        const struct stk_verb *verb = stk_verb_by_number(effect.verb);
        json_t *json = json_pack("{s:I,s:I,s:s,s:i,s:[]}", "seq", (json_int_t)seq, "time",
                                 (json_int_t)effect.time_ms, "verb", verb ? verb->name : "engine",
                                 "who", (int)effect.who, "rows");
        status = effect_rows(reading, &effect, json_object_get(json, "rows"), err);
        if (status == STK_OK)
            print_effect(reading, json);
        json_decref(json);
        if (status != STK_OK)
            return stk_error_prefix(err, T_FOLDER_SEQ, seq);
        reading->left--;
    }
    return reading->left ? STK_OK : STK_AGAIN; /* enough: STK_AGAIN ends it */
}

static int run_journal_read(struct cli *cli, const struct folder_words *words)
{
    struct reading reading = {.cli = cli};
    struct stk_error err = {0};
    uint64_t from;
    if (folder_number("from", words->from, 1, &from, &err) != STK_OK ||
        folder_number("limit", words->limit, cli->all ? UINT64_MAX : FOLDER_LIMIT_DEFAULT,
                      &reading.left, &err) != STK_OK)
        return cli_fail(cli, EXIT_USAGE, &err);
    reading.from = from ? from : 1;
    folder_describer_init(&reading.describer);
    char *path = folder_path(words->folder, "journal", 1);
    enum stk_status status = stk_journal_read_folder(path, reading.from, on_batch, &reading, &err);
    free(path);
    folder_describer_fini(&reading.describer);
    if (status != STK_OK && status != STK_AGAIN)
        return cli_fail(cli, EXIT_REFUSED, &err);
    return EXIT_DONE;
}

/* Pages of effects from the engine, as those from the disk look. `from` and `limit` are the verb's
 * own; --all goes on to the end. */
static int ask_engine(struct cli *cli)
{
    struct reading reading = {.cli = cli};
    struct args args;
    struct client *client;
    struct client_reply reply;
    struct stk_error err = {0};
    json_t *result = NULL, *effect;
    size_t i;
    if (args_parse(stk_verb_by_number(STK_VERB_JOURNAL_READ), cli->argc, cli->argv, &args, &err) !=
        STK_OK)
        return cli_fail(cli, EXIT_USAGE, &err);
    if (client_open(&client, &cli->options, &err) != STK_OK) {
        json_decref(args.params);
        return cli_fail(cli, EXIT_CONNECT, &err);
    }
    int code = EXIT_DONE, more = 1;
    while (more && code == EXIT_DONE) {
        json_decref(result);
        result = cli_call(client, "journal.read", args.params, 1, &reply);
        if (!result)
            code = cli_refused(cli, "journal.read", &reply);
        json_array_foreach(json_object_get(result, "effects"), i, effect)
        {
            print_effect(&reading, effect);
        }
        json_t *next = json_object_get(result, "next");
        more = cli->all && json_is_integer(next) && i;
        if (more)
            json_object_set(args.params, "from", next);
    }
    json_decref(result);
    json_decref(args.params);
    client_close(client);
    return code;
}

/* With --data, or a folder first: from the disk. Without: the verb, from the engine. */
int cli_journal_read(struct cli *cli)
{
    int on_disk = cli->help || (cli->argc && strncmp(cli->argv[0], "--", 2));
    for (int i = 0; i < cli->argc && !on_disk; i++)
        on_disk = !strncmp(cli->argv[i], "--data", 6);
    if (on_disk)
        return folder_command(cli, "data from limit", T_JOURNAL_READ_HELP, 0, run_journal_read);
    return ask_engine(cli);
}
