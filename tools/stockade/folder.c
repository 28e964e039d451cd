/* Words, paths, the child process, and rows as documents. Nothing here writes into a folder. */
#include "tools/stockade/folder.h"
#include "core/flow/describe.h"
#include "tools/stockade/buffer.h"
#include "tools/stockade/json.h"
#include "tools/stockade/show.h"
#include "tools/stockade/texts.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DOCUMENT_BYTES (8u * 1024 * 1024) /* of one row */
#define VALUES_MAX     (1u << 20)

static enum stk_status take_words(struct cli *cli, const char *allowed, struct folder_words *words,
                                  struct stk_error *err)
{
    static const char *const names[] = {"data", "table", "journal", "to", "from", "limit"};
    const char **places[] = {&words->data, &words->table, &words->journal,
                             &words->to,   &words->from,  &words->limit};
    memset(words, 0, sizeof(*words));
    for (int i = 0; i < cli->argc; i++) {
        const char *word = cli->argv[i];
        size_t size = strcspn(word, "=");
        int found = -1;
        if (strncmp(word, "--", 2)) {
            if (words->folder)
                return stk_error_set(err, STK_INVALID, T_FOLDER_WORD, word);
            words->folder = word;
            continue;
        }
        for (int n = 0; n < 6; n++)
            if (size - 2 == strlen(names[n]) && !strncmp(word + 2, names[n], size - 2) &&
                strstr(allowed, names[n]))
                found = n;
        if (found < 0)
            return stk_error_set(err, STK_INVALID, T_FOLDER_OPTION, word);
        if (word[size] != '=' && i + 1 == cli->argc)
            return stk_error_set(err, STK_INVALID, T_VALUE_NEEDED, word);
        *places[found] = word[size] == '=' ? word + size + 1 : cli->argv[++i];
    }
    return STK_OK;
}

enum stk_status folder_number(const char *name, const char *text, uint64_t otherwise,
                              uint64_t *number, struct stk_error *err)
{
    char *end;
    *number = otherwise;
    if (!text)
        return STK_OK;
    errno = 0;
    *number = strtoull(text, &end, 10);
    if (errno || *end || !*text || *text == '-')
        return stk_error_set(err, STK_INVALID, T_OPT_NUMBER, name, text);
    return STK_OK;
}

char *folder_path(const char *folder, const char *name, int itself)
{
    struct buffer path = {0};
    struct stat info;
    buffer_printf(&path, "%s/%s", folder, name);
    if (itself && stat(path.data, &info)) {
        buffer_clear(&path);
        buffer_text(&path, folder);
    }
    return path.data;
}

/* --- a child for what may crash --- */

static int in_child(const struct cli *cli, folder_fn run, const struct folder_words *words)
{
    struct stk_error err = {0};
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        stk_error_errno(&err, errno, "fork");
        return cli_fail(cli, EXIT_CONNECT, &err);
    }
    if (!child) {
        struct cli copy = *cli;
        int code = run(&copy, words);
        fflush(stdout);
        _exit(code);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    stk_error_set(&err, STK_CORRUPT, T_FOLDER_CRASH, WTERMSIG(status));
    return cli_fail(cli, EXIT_REFUSED, &err);
}

int folder_command(struct cli *cli, const char *allowed, const char *help, int needs_folder,
                   folder_fn run)
{
    struct folder_words words;
    struct stk_error err = {0};
    if (cli->help) {
        fputs(help, stdout);
        return EXIT_DONE;
    }
    if (take_words(cli, allowed, &words, &err) != STK_OK)
        return cli_fail(cli, EXIT_USAGE, &err);
    if (needs_folder && !words.folder) {
        stk_error_set(&err, STK_INVALID, "%s", help);
        return cli_fail(cli, EXIT_USAGE, &err);
    }
    if (!words.folder)
        words.folder = words.data ? words.data : FOLDER_DATA_DEFAULT;
    return in_child(cli, run, &words);
}

/* --- documents of rows --- */

void folder_describer_init(struct folder_describer *to)
{
    struct stk_error err;
    to->bytes = must_alloc(DOCUMENT_BYTES);
    to->values = must_alloc(VALUES_MAX * sizeof(*to->values));
    if (stk_names_create(&to->names, &err) != STK_OK)
        to->names = NULL;
}

void folder_describer_fini(struct folder_describer *to)
{
    stk_names_destroy(to->names);
    free(to->bytes);
    free(to->values);
}

/* A row of NAME makes later rows readable. */
static void learn(struct folder_describer *to, const json_t *row)
{
    const char *text = json_string_value(json_object_get(row, "text"));
    int64_t kind = json_number(row, "kind", 0), number = json_number(row, "number", 0);
    if (!to->names || !text || kind < 1 || kind >= STK_NAME_KINDS || number < 1 ||
        number > stk_names_max((enum stk_name_kind)kind))
        return;
    struct stk_bytes bytes = {text, (uint32_t)strlen(text)};
    if (bytes.size && bytes.size <= STK_ID_MAX &&
        !stk_names_text(to->names, (enum stk_name_kind)kind, (uint16_t)number).size &&
        !stk_names_find(to->names, (enum stk_name_kind)kind, bytes))
        stk_names_put(to->names, (enum stk_name_kind)kind, (uint16_t)number, bytes);
}

json_t *folder_describe(struct folder_describer *to, enum stk_table table, struct stk_bytes key,
                        struct stk_bytes value, struct stk_error *err)
{
    struct stk_doc doc = stk_doc(to->bytes, DOCUMENT_BYTES);
    struct stk_parse parse;
    if (stk_row_describe(to->names, table, key, value, &doc, err) != STK_OK)
        return NULL;
    if (doc.overflow || stk_doc_parse(doc.data, doc.size, DOCUMENT_BYTES, STK_DEPTH_MAX, to->values,
                                      VALUES_MAX, &parse) != STK_OK) {
        stk_error_set(err, STK_TOO_LARGE, T_FOLDER_ROW, stk_table_name(table));
        return NULL;
    }
    json_t *json = json_of(parse.root);
    if (table == STK_TABLE_NAME)
        learn(to, json);
    return json;
}

json_t *folder_journal_report(const struct stk_journal_report *report)
{
    char chain[2 * STK_CHAIN_BYTES + 1];
    for (int i = 0; i < STK_CHAIN_BYTES; i++)
        snprintf(chain + 2 * i, 3, "%02x", report->chain[i]);
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:i,s:I,s:I,s:s}", "first", (json_int_t)report->first,
                     "last", (json_int_t)report->last, "effects", (json_int_t)report->effects,
                     "batches", (json_int_t)report->batches, "bytes", (json_int_t)report->bytes,
                     "segments", (int)report->segments, "first_at", (json_int_t)report->first_ms,
                     "last_at", (json_int_t)report->last_ms, "chain", chain);
}

int folder_print(const struct cli *cli, json_t *json)
{
    if (cli->json)
        show_json(json, stdout);
    else
        show_result(json, stdout);
    json_decref(json);
    return EXIT_DONE;
}
