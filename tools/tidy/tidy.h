/* The house check: what the rule files share. Everything is read once and kept until the end. */
#ifndef STK_TIDY_TIDY_H
#define STK_TIDY_TIDY_H

#include <stddef.h>

struct source {
    char *path;     /* from the root: core/base/ring.c */
    char *text;     /* as it stands */
    char *code;     /* same length: comments, strings and character constants are blanked */
    size_t size;    /* of both */
    int line_count; /* lines are numbered from 1 */
    size_t *starts; /* [line_count + 1] offset of each line's first byte; the last one is size */
    int executable;
};

struct tree {
    struct source *files; /* sorted by path */
    int count;
};

/* Read every file below the current folder but .git, build and data. Exits with a message when it
 * cannot. */
void tree_read(struct tree *tree);
void tree_free(struct tree *tree);
/* NULL when there is none. */
const struct source *tree_find(const struct tree *tree, const char *path);

/* Line `line` (1..line_count) of text or code, without its newline: its length in *size. */
const char *source_line(const struct source *source, int line, size_t *size);
const char *source_code_line(const struct source *source, int line, size_t *size);
int source_is(const struct source *source, const char *suffix); /* ".c" */
int source_in(const struct source *source, const char *folder); /* "core/" */
int source_is_c(const struct source *source);                   /* .c or .h */
/* The file's name without folder and suffix, into name. */
void source_stem(const struct source *source, char *name, size_t size);
/* Where `word` stands in the line as a whole word, or -1. */
int find_word(const char *line, size_t size, const char *word, size_t from);

/* Print `path:line: rule: what`, unless tools/tidy/exceptions.txt names this rule and path. */
void fault(const char *path, int line, const char *rule, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Read the exceptions; report those that no fault needed, after all rules have run. */
void exceptions_read(const struct tree *tree);
void exceptions_report(void);

/* The rules, one function per page of them. */
void check_includes(const struct tree *tree);
void check_text(const struct tree *tree);
void check_calls(const struct tree *tree);
void check_layout(const struct tree *tree);
void check_symbols(void);
void check_format(void);

#endif
