/* inspect, backup verify, restore, state rebuild: the state of a data folder and its backups,
 * without an engine. */
#include "core/store/backup.h"
#include "tools/stockade/buffer.h"
#include "tools/stockade/folder.h"
#include "tools/stockade/json.h"
#include "tools/stockade/show.h"
#include "tools/stockade/texts.h"
#include "tools/stockade/when.h"
#include <stdlib.h>
#include <string.h>

#define STATE_FOLDER "state"

/* --- inspect --- */

struct table_sum {
    uint64_t rows, bytes;
};
static enum stk_status add_row(void *arg, struct stk_bytes key, struct stk_bytes value,
                               struct stk_error *err)
{
    struct table_sum *sum = arg;
    (void)err;
    sum->rows++;
    sum->bytes += key.size + value.size;
    return STK_OK;
}

struct rows_shown {
    struct folder_describer describer;
    enum stk_table table;
    uint64_t left;
    json_t *rows;
};
static enum stk_status show_row(void *arg, struct stk_bytes key, struct stk_bytes value,
                                struct stk_error *err)
{
    struct rows_shown *shown = arg;
    json_t *json = folder_describe(&shown->describer, shown->table, key, value, err);
    if (!json)
        return err->status;
    if (shown->rows)
        json_array_append(shown->rows, json);
    json_decref(json);
    if (shown->rows && !--shown->left)
        return STK_AGAIN;
    return STK_OK;
}

static enum stk_status open_rows(const char *folder, struct stk_rows **rows, struct stk_error *err)
{
    char *path = folder_path(folder, STATE_FOLDER, 0);
    struct stk_rows_options options = {.folder = path, .read_only = 1};
    enum stk_status status = stk_rows_open(rows, &options, err);
    free(path);
    return status;
}

/* The number of a table by its name; 0 with err when there is none. */
static unsigned table_by_name(const char *name, struct stk_error *err)
{
    struct buffer names = {0};
    for (unsigned table = 1; table < STK_TABLE_COUNT; table++) {
        if (!strcmp(stk_table_name(table), name)) {
            buffer_fini(&names);
            return table;
        }
        buffer_printf(&names, "%s%s", table > 1 ? ", " : "", stk_table_name(table));
    }
    stk_error_set(err, STK_INVALID, T_OPT_ENUM, "table", name, buffer_string(&names));
    buffer_fini(&names);
    return 0;
}

/* The words first, so that numbers of sources and channels can be shown as what they mean. */
static enum stk_status read_table(struct stk_rows *rows, struct rows_shown *shown, unsigned table,
                                  struct stk_error *err)
{
    shown->table = STK_TABLE_NAME;
    enum stk_status status = stk_rows_each(rows, STK_TABLE_NAME, show_row, shown, err);
    shown->table = (enum stk_table)table;
    shown->rows = json_array();
    if (status == STK_OK && shown->left)
        status = stk_rows_range(rows, shown->table, (struct stk_bytes){"", 0},
                                shown->left > UINT32_MAX ? UINT32_MAX : (uint32_t)shown->left,
                                show_row, shown, err);
    return status == STK_AGAIN ? STK_OK : status;
}

static int inspect_table(struct cli *cli, const struct folder_words *words)
{
    struct rows_shown shown = {.rows = NULL};
    struct stk_rows *rows = NULL;
    struct stk_error err = {0};
    unsigned table = table_by_name(words->table, &err);
    json_t *row;
    size_t i;
    if (!table || folder_number("limit", words->limit, cli->all ? UINT32_MAX : FOLDER_LIMIT_DEFAULT,
                                &shown.left, &err) != STK_OK)
        return cli_fail(cli, EXIT_USAGE, &err);
    if (open_rows(words->folder, &rows, &err) != STK_OK)
        return cli_fail(cli, EXIT_REFUSED, &err);
    folder_describer_init(&shown.describer);
    enum stk_status status = read_table(rows, &shown, table, &err);
    if (!cli->json && json_array_size(shown.rows))
        show_table(shown.rows, NULL, stdout);
    else if (!cli->json)
        puts(T_NO_ROWS);
    json_array_foreach(shown.rows, i, row)
    {
        if (cli->json)
            show_json(row, stdout);
    }
    json_decref(shown.rows);
    folder_describer_fini(&shown.describer);
    stk_rows_close(rows);
    return status == STK_OK ? EXIT_DONE : cli_fail(cli, EXIT_REFUSED, &err);
}

/* Each table is read whole and held against its digest. */
static json_t *state_report(struct stk_rows *rows, int *sound)
{
    json_t *tables = json_array();
    for (unsigned table = 1; table < STK_TABLE_COUNT; table++) {
        struct table_sum sum = {0};
        struct stk_error err = {0};
        enum stk_status status = stk_rows_each(rows, (enum stk_table)table, add_row, &sum, &err);
        json_array_append_new(tables,
                              json_pack("{s:s,s:I,s:I,s:s}", "table", stk_table_name(table), "rows",
                                        (json_int_t)sum.rows, "bytes", (json_int_t)sum.bytes,
                                        "digest", status == STK_OK ? "agrees" : err.text));
        *sound &= status == STK_OK;
    }
    return tables;
}

static int run_inspect(struct cli *cli, const struct folder_words *words)
{
    struct stk_journal_report report = {0};
    struct stk_rows *rows = NULL;
    struct stk_error err = {0}, state_err = {0};
    int sound = 1;
    if (words->table)
        return inspect_table(cli, words);
    char *path = folder_path(words->folder, "journal", 0);
    enum stk_status journal = stk_journal_verify(path, &report, &err);
    free(path);
    json_t *json = json_object();
    json_object_set_new(json, "folder", json_string(words->folder));
    json_t *part = folder_journal_report(&report);
    json_object_set_new(part, "state", json_string(journal == STK_OK ? "sound" : err.text));
    json_object_set_new(json, "journal", part);
    sound &= journal == STK_OK;
    if (open_rows(words->folder, &rows, &state_err) == STK_OK) {
        json_object_set_new(json, "folded", json_integer((json_int_t)stk_rows_folded(rows)));
        json_object_set_new(json, "tables", state_report(rows, &sound));
        stk_rows_close(rows);
    } else {
        json_object_set_new(json, "rows", json_string(state_err.text));
        sound = 0;
    }
    if (cli->json) {
        show_json(json, stdout);
    } else {
        puts(T_INSPECT_JOURNAL);
        show_result(part, stdout);
        json_object_del(json, "journal");
        puts(T_INSPECT_STATE);
        show_result(json, stdout);
    }
    json_decref(json);
    return sound ? EXIT_DONE : EXIT_REFUSED;
}

int cli_inspect(struct cli *cli)
{
    return folder_command(cli, "data table limit", T_INSPECT_HELP, 0, run_inspect);
}

/* --- backups --- */

static int print_backup(struct cli *cli, const char *name, const char *folder,
                        const struct stk_backup_result *result)
{
    return folder_print(cli, json_pack("{s:s,s:I,s:I,s:I}", name, folder, "folded",
                                       (json_int_t)result->folded, "last", (json_int_t)result->last,
                                       "bytes", (json_int_t)result->bytes));
}

static int run_backup_verify(struct cli *cli, const struct folder_words *words)
{
    struct stk_backup_result result = {0};
    struct stk_error err = {0};
    if (stk_backup_verify(words->folder, &result, &err) != STK_OK)
        return cli_fail(cli, EXIT_REFUSED, &err);
    return print_backup(cli, "backup", words->folder, &result);
}

int cli_backup_verify(struct cli *cli)
{
    return folder_command(cli, "", T_BACKUP_VERIFY_HELP, 1, run_backup_verify);
}

static int run_restore(struct cli *cli, const struct folder_words *words)
{
    struct stk_backup_result result = {0};
    struct stk_error err = {0};
    uint64_t seq = 0;
    stk_time_t ms = 0;
    const char *data = words->data ? words->data : FOLDER_DATA_DEFAULT;
    /* A number of up to 11 digits is a sequence, all else a time. */
    if (words->to && strspn(words->to, "0123456789") == strlen(words->to) &&
        strlen(words->to) < 12) {
        if (folder_number("to", words->to, 0, &seq, &err) != STK_OK)
            return cli_fail(cli, EXIT_USAGE, &err);
    } else if (words->to && when_parse(words->to, strlen(words->to), 0, &ms, &err) != STK_OK) {
        stk_error_prefix(&err, "--to");
        return cli_fail(cli, EXIT_USAGE, &err);
    }
    char *journal = words->journal ? folder_path(words->journal, "journal", 1) : NULL;
    enum stk_status status = stk_restore(words->folder, journal, seq, ms, data, &result, &err);
    free(journal);
    if (status != STK_OK)
        return cli_fail(cli, EXIT_REFUSED, &err);
    return print_backup(cli, "data", data, &result);
}

int cli_restore(struct cli *cli)
{
    return folder_command(cli, "data to journal", T_RESTORE_HELP, 1, run_restore);
}

static int run_rebuild(struct cli *cli, const struct folder_words *words)
{
    struct stk_error err = {0};
    if (stk_state_rebuild(words->folder, &err) != STK_OK)
        return cli_fail(cli, EXIT_REFUSED, &err);
    return folder_print(cli, json_pack("{s:s}", "rebuilt", words->folder));
}

int cli_state_rebuild(struct cli *cli)
{
    return folder_command(cli, "data", T_REBUILD_HELP, 0, run_rebuild);
}
