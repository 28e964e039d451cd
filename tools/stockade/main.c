/* stockade: the command line. Options that mean the same everywhere are taken out of the words
 * first; the first words left name a command or a verb. */
#include "tools/stockade/cli.h"
#include "tools/stockade/table.h"
#include "tools/stockade/texts.h"
#include "tools/stockade/when.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stockade/version.h>

/* "NAME" or "NAME SECOND"; run gets what stands behind. */
struct command {
    const char *name;
    const char *second; /* or NULL */
    int (*run)(struct cli *cli);
    const char *help;
};
static const struct command commands[] = {
    {"import", NULL, cli_import, T_HELP_IMPORT},
    {"export", NULL, cli_export, T_HELP_EXPORT},
    {"check", NULL, cli_check, T_HELP_CHECK},
    {"inspect", NULL, cli_inspect, T_HELP_INSPECT},
    {"journal", "verify", cli_journal_verify, T_HELP_JOURNAL_VERIFY},
    {"journal", "read", cli_journal_read, T_HELP_JOURNAL_READ},
    {"backup", "verify", cli_backup_verify, T_HELP_BACKUP_VERIFY},
    {"restore", NULL, cli_restore, T_HELP_RESTORE},
    {"state", "rebuild", cli_state_rebuild, T_HELP_REBUILD},
    {NULL, NULL, NULL, NULL},
};

static void usage_row(struct table *table, const char *name, const char *second, const char *help)
{
    char words[64];
    snprintf(words, sizeof(words), "  %s%s%s", name, second ? " " : "", second ? second : "");
    table_row(table);
    table_cell(table, 0, words, 0);
    table_cell(table, 1, help, 0);
}

static int usage(void)
{
    struct table table;
    fputs(T_USAGE T_COMMANDS, stdout);
    table_init(&table);
    table_column(&table, "");
    table_column(&table, "help");
    for (const struct command *command = commands; command->name; command++)
        usage_row(&table, command->name, command->second, command->help);
    table_print(&table, stdout);
    table_fini(&table);
    fputs(T_VERBS, stdout);
    table_column(&table, "");
    table_column(&table, "help");
    for (unsigned i = 1; i < STK_VERB_COUNT; i++)
        usage_row(&table, stk_verb_by_number(i)->name, NULL, stk_verb_by_number(i)->help);
    table_print(&table, stdout);
    table_fini(&table);
    return EXIT_DONE;
}

/* The options that stand anywhere. 0, or -1 with err. */
static int take_globals(struct cli *cli, int argc, char **argv, struct stk_error *err)
{
    for (int i = 1; i < argc; i++) {
        char *word = argv[i], *value = NULL;
        const char *equals = strchr(word, '=');
        size_t size = equals ? (size_t)(equals - word) : strlen(word);
        int takes = (size == 8 && !strncmp(word, "--socket", 8)) ||
                    (size == 5 && !strncmp(word, "--tcp", 5)) ||
                    (size == 9 && !strncmp(word, "--timeout", 9));
        if (!strcmp(word, "--json"))
            cli->json = 1;
        else if (!strcmp(word, "--all"))
            cli->all = 1;
        else if (!strcmp(word, "--help") || !strcmp(word, "-h"))
            cli->help = 1;
        else if (!takes)
            cli->argv[cli->argc++] = word;
        if (!takes)
            continue;
        value = equals ? word + size + 1 : i + 1 < argc ? argv[++i] : NULL;
        if (!value)
            return stk_error_set(err, STK_INVALID, T_VALUE_NEEDED, word), -1;
        if (word[2] == 's')
            cli->options.socket = value;
        else if (word[3] == 'c')
            cli->options.tcp = value;
        else if (when_span(value, strlen(value), &cli->options.timeout_ms, err) != STK_OK)
            return stk_error_prefix(err, "--timeout"), -1;
    }
    return 0;
}

static const struct command *find_command(const struct cli *cli)
{
    for (const struct command *command = commands; command->name; command++)
        if (!strcmp(command->name, cli->argv[0]) &&
            (!command->second || (cli->argc > 1 && !strcmp(command->second, cli->argv[1]))))
            return command;
    return NULL;
}

/* "order.place" or "order" "place"; *words: how many it took. */
static const struct stk_verb *find_verb(const struct cli *cli, int *words)
{
    char name[64];
    const struct stk_verb *verb =
        stk_verb_by_name((struct stk_bytes){cli->argv[0], (uint32_t)strlen(cli->argv[0])});
    *words = 1;
    if (verb || cli->argc < 2)
        return verb;
    int size = snprintf(name, sizeof(name), "%s.%s", cli->argv[0], cli->argv[1]);
    *words = 2;
    return size > 0 && size < (int)sizeof(name)
               ? stk_verb_by_name((struct stk_bytes){name, (uint32_t)size})
               : NULL;
}

static int dispatch(struct cli *cli)
{
    struct stk_error err = {0};
    int words;
    if (!strcmp(cli->argv[0], "help") && cli->argc > 1) {
        cli->help = 1;
        cli->argc--;
        cli->argv++;
    }
    const struct command *command = find_command(cli);
    const struct stk_verb *verb = find_verb(cli, &words);
    if (command) {
        words = command->second ? 2 : 1;
        cli->argc -= words;
        cli->argv += words;
        return command->run(cli);
    }
    if (verb) {
        cli->argc -= words;
        cli->argv += words;
        return cli_verb(cli, verb);
    }
    stk_error_set(&err, STK_UNKNOWN, T_UNKNOWN, cli->argv[0]);
    return cli_fail(cli, EXIT_USAGE, &err);
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    struct stk_error err = {0};
    char **words = cli.argv = must_alloc((size_t)argc * sizeof(*argv));
    int code;
    if (take_globals(&cli, argc, argv, &err)) {
        code = cli_fail(&cli, EXIT_USAGE, &err);
    } else if (cli.argc && !strcmp(cli.argv[0], "--version")) {
        puts("stockade " STK_VERSION_TEXT);
        code = EXIT_DONE;
    } else if (!cli.argc) {
        code = usage();
        if (!cli.help)
            code = EXIT_USAGE;
    } else {
        code = dispatch(&cli);
    }
    free(words);
    if (fflush(stdout) || ferror(stdout))
        code = code ? code : EXIT_CONNECT;
    return code;
}
