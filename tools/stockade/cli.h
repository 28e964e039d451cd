/* What every command of `stockade` gets, and the commands. */
#ifndef STK_STOCKADE_CLI_H
#define STK_STOCKADE_CLI_H

#include "core/flow/verb.h"
#include "tools/stockade/client.h"
#include <jansson.h>

/* Options that stand anywhere on the command line; the rest is in argv. */
struct cli {
    struct client_options options;
    int json;
    int all;
    int help;
    int argc;
    char **argv;
};

/* All return an exit code. */
int cli_verb(struct cli *cli, const struct stk_verb *verb);
int cli_verb_help(const struct stk_verb *verb);
int cli_import(struct cli *cli);
int cli_export(struct cli *cli);
int cli_check(struct cli *cli);
int cli_journal_verify(struct cli *cli);
int cli_journal_read(struct cli *cli);
int cli_inspect(struct cli *cli);
int cli_backup_verify(struct cli *cli);
int cli_restore(struct cli *cli);
int cli_state_rebuild(struct cli *cli);

/* Prints "stockade: ..." to stderr, or with --json {"error": ...} to stdout. Returns `code`. */
int cli_fail(const struct cli *cli, int code, const struct stk_error *err);
/* EXIT_CONNECT for what nobody answered, else EXIT_REFUSED; prints the reply as above. */
int cli_refused(const struct cli *cli, const char *verb, const struct client_reply *reply);
/* A call with JSON parameters; its result (a new reference), or NULL with reply filled in. */
json_t *cli_call(struct client *client, const char *verb, const json_t *params, int repeatable,
                 struct client_reply *reply);

#endif
