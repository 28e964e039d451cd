/* tidy: checks what can be checked of the house rules and prints `file:line: rule: what`.
 *
 *   build/tidy [ROOT]
 *
 * ROOT (default: the current folder) is the top of the tree. Exit code 0: nothing found, 1: faults,
 * 2: the tree cannot be read. Exceptions are named, each with its reason, in
 * tools/tidy/exceptions.txt (`rule path: reason`); one that is no longer needed is a fault. */
#include "tools/tidy/tidy.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXCEPTIONS     "tools/tidy/exceptions.txt"
#define EXCEPTIONS_MAX 256

struct exception {
    char rule[64], path[256];
    int line, used;
};

static struct exception exceptions[EXCEPTIONS_MAX];
static int exception_count, faults;

static int is_excepted(const char *path, const char *rule)
{
    for (int i = 0; i < exception_count; i++) {
        if (!strcmp(exceptions[i].rule, rule) && !strcmp(exceptions[i].path, path)) {
            exceptions[i].used = 1;
            return 1;
        }
    }
    return 0;
}

void fault(const char *path, int line, const char *rule, const char *format, ...)
{
    va_list args;
    if (is_excepted(path, rule))
        return;
    faults++;
    printf("%s:%d: %s: ", path, line, rule);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void exceptions_read(const struct tree *tree)
{
    const struct source *list = tree_find(tree, EXCEPTIONS);
    for (int line = 1; list && line <= list->line_count; line++) {
        struct exception *new = &exceptions[exception_count];
        char copy[512], reason[8];
        size_t size;
        const char *at = source_line(list, line, &size);
        if (!size || *at == '#')
            continue;
        snprintf(copy, sizeof(copy), "%.*s", (int)size, at);
        if (exception_count == EXCEPTIONS_MAX ||
            sscanf(copy, "%63s %255[^: ]: %7s", new->rule, new->path, reason) != 3) {
            fault(EXCEPTIONS, line, "exceptions", "want `rule path: reason`, at most %d of them",
                  EXCEPTIONS_MAX);
            continue;
        }
        new->line = line;
        exception_count++;
    }
}

void exceptions_report(void)
{
    for (int i = 0; i < exception_count; i++) {
        if (!exceptions[i].used)
            fault(EXCEPTIONS, exceptions[i].line, "exceptions", "%s of %s needs no exception",
                  exceptions[i].path, exceptions[i].rule);
    }
}

int main(int argc, char **argv)
{
    struct tree tree;

    if (argc > 2) {
        fprintf(stderr, "usage: tidy [ROOT]\n");
        return 2;
    }
    if (argc > 1 && chdir(argv[1])) {
        fprintf(stderr, "tidy: cannot enter %s\n", argv[1]);
        return 2;
    }
    tree_read(&tree);
    exceptions_read(&tree);
    check_includes(&tree);
    check_text(&tree);
    check_calls(&tree);
    check_layout(&tree);
    check_symbols();
    check_format();
    exceptions_report();
    printf("tidy: %d files, %d faults\n", tree.count, faults);
    tree_free(&tree);
    return faults > 0;
}
