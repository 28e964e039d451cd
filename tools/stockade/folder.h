/* What the commands on a data folder share: their words, a child process for what may crash, rows
 * as documents. One thread. */
#ifndef STK_STOCKADE_FOLDER_H
#define STK_STOCKADE_FOLDER_H

#include "core/state/names.h"
#include "core/store/journal.h"
#include "core/store/record.h"
#include "tools/stockade/cli.h"

#define FOLDER_DATA_DEFAULT  "data"
#define FOLDER_LIMIT_DEFAULT 10

/* The words of one of these commands. */
struct folder_words {
    const char *folder; /* the first word, or --data */
    const char *data, *table, *journal, *to, *from, *limit;
};

/* STK_INVALID with --name in err. text NULL: `otherwise`. */
enum stk_status folder_number(const char *name, const char *text, uint64_t otherwise,
                              uint64_t *number, struct stk_error *err);
/* folder/name if that is there, else the folder itself when `itself`. The caller frees it. */
char *folder_path(const char *folder, const char *name, int itself);
/* A result, as pairs or as JSON; takes the reference. EXIT_DONE. */
int folder_print(const struct cli *cli, json_t *json);

typedef int (*folder_fn)(struct cli *cli, const struct folder_words *words);
/* The whole of a command: help, words, then `run` in a child process: LMDB may abort or crash on
 * damaged pages, and the parent still says so in one line. allowed: names of options. needs_folder:
 * no default. Returns an exit code. */
int folder_command(struct cli *cli, const char *allowed, const char *help, int needs_folder,
                   folder_fn run);

/* Room for describing, and the words behind numbers as far as they were seen. */
struct folder_describer {
    struct stk_names *names;
    uint8_t *bytes;
    struct stk_value *values;
};

void folder_describer_init(struct folder_describer *to);
void folder_describer_fini(struct folder_describer *to);
/* A row as JSON: a new reference; NULL with err. Rows of NAME teach it words. */
json_t *folder_describe(struct folder_describer *to, enum stk_table table, struct stk_bytes key,
                        struct stk_bytes value, struct stk_error *err);
json_t *folder_journal_report(const struct stk_journal_report *report);

#endif
