/* Where files stand and what they are called: pairs of .c and .h, a unit test for each file of
 * core, names, the tour of folders in README.md; what leaves the library; clang-format. */
#include "tools/tidy/tidy.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define LIBRARY "build/libstockade.a"

static void check_pair(const struct tree *tree, const struct source *source)
{
    char stem[128], path[512];
    const char *floor = source->path + strlen("core/");
    const char *slash = strchr(floor, '/');

    if (!strcmp(source->path, "core/app/main.c") || !slash)
        return;
    snprintf(path, sizeof(path), "%.*s.h", (int)strlen(source->path) - 2, source->path);
    if (!tree_find(tree, path))
        fault(source->path, 1, "pair", "there is no %s", path);
    source_stem(source, stem, sizeof(stem));
    snprintf(path, sizeof(path), "tests/unit/%.*s/test_%s.c", (int)(slash - floor), floor, stem);
    if (!tree_find(tree, path))
        fault(source->path, 1, "unit-test", "there is no %s", path);
}

/* A test of a file that is gone is dead. */
static void check_mirror(const struct tree *tree, const struct source *source)
{
    char stem[128], path[512];
    const char *floor = source->path + strlen("tests/unit/");
    const char *slash = strchr(floor, '/');
    static const char *const places[] = {"core", "tools", "plugins"};

    source_stem(source, stem, sizeof(stem));
    if (!slash || strncmp(stem, "test_", 5))
        return;
    for (int i = 0; i < 3; i++) {
        for (int header = 0; header < 2; header++) {
            snprintf(path, sizeof(path), "%s/%.*s/%s.%c", places[i], (int)(slash - floor), floor,
                     stem + 5, header ? 'h' : 'c');
            if (tree_find(tree, path))
                return;
        }
    }
    fault(source->path, 1, "unit-test", "mirrors no file: core/%.*s/%s.c", (int)(slash - floor),
          floor, stem + 5);
}

static void check_name(const struct source *source)
{
    static const char *const empty_words[] = {"util",   "utils",   "common", "misc",
                                              "helper", "helpers", "stuff"};
    char stem[128];
    source_stem(source, stem, sizeof(stem));
    for (size_t i = 0; i < sizeof(empty_words) / sizeof(*empty_words); i++) {
        if (!strcmp(stem, empty_words[i]))
            fault(source->path, 1, "name", "\"%s\" says nothing about what is inside", stem);
    }
    for (const char *c = stem; *c; c++) {
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '_') {
            fault(source->path, 1, "name", "lower case letters, digits and _ only");
            return;
        }
    }
}

/* A header that nobody includes is dead, once its own .c is there. */
static void check_header(const struct tree *tree, const struct source *source)
{
    char own[512], include[512];
    snprintf(own, sizeof(own), "%.*s.c", (int)strlen(source->path) - 2, source->path);
    snprintf(include, sizeof(include), "#include \"%s\"", source->path);
    if (!tree_find(tree, own))
        return;
    for (int i = 0; i < tree->count; i++) {
        if (source_is_c(&tree->files[i]) && strstr(tree->files[i].text, include))
            return;
    }
    fault(source->path, 1, "dead", "nobody includes this header");
}

/* Is folder "tests/unit/" named: by README.md in full, or as `unit/` there (when it also names its
 * parent), or as `unit/` by the README.md of its parent? */
static int is_named(const struct tree *tree, const struct source *readme, const char *folder)
{
    const char *slash = strchr(folder, '/');
    const struct source *deeper;
    char parent[512], below[600];

    if (strstr(readme->text, folder))
        return 1;
    if (!slash[1])
        return 0;
    snprintf(below, sizeof(below), "`%s", slash + 1);
    snprintf(parent, sizeof(parent), "%.*sREADME.md", (int)(slash - folder) + 1, folder);
    deeper = tree_find(tree, parent);
    if (deeper && strstr(deeper->text, below))
        return 1;
    parent[slash - folder + 1] = '\0';
    return strstr(readme->text, parent) && strstr(readme->text, below);
}

/* README.md names every folder down to the second level, as `core/base/`, alone or with the page of
 * the folder above it. */
static void check_tour(const struct tree *tree)
{
    const struct source *readme = tree_find(tree, "README.md");
    char seen[512] = "";

    if (!readme) {
        fault("README.md", 1, "tour", "there is no README.md");
        return;
    }
    for (int i = 0; i < tree->count; i++) {
        char folder[512];
        const char *path = tree->files[i].path, *slash = strchr(path, '/');
        if (!slash || *path == '.')
            continue;
        if (strchr(slash + 1, '/'))
            slash = strchr(slash + 1, '/');
        snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path) + 1, path);
        if (!strcmp(folder, seen))
            continue;
        snprintf(seen, sizeof(seen), "%s", folder);
        if (!is_named(tree, readme, folder))
            fault("README.md", 1, "tour", "the tour does not name %s", folder);
    }
}

void check_layout(const struct tree *tree)
{
    for (int i = 0; i < tree->count; i++) {
        const struct source *source = &tree->files[i];
        if (!source_is_c(source))
            continue;
        check_name(source);
        if (source_in(source, "core/") && source_is(source, ".c"))
            check_pair(tree, source);
        if (source_in(source, "core/") && source_is(source, ".h"))
            check_header(tree, source);
        if (source_in(source, "tests/unit/"))
            check_mirror(tree, source);
    }
    check_tour(tree);
}

/* What the core's library shows to a linker begins with stk_. */
void check_symbols(void)
{
    char line[1024], member[256] = LIBRARY;
    FILE *names;

    names = popen("nm -g --defined-only " LIBRARY " 2>&1", "r");
    if (!names) {
        fault(LIBRARY, 1, "exported", "cannot run nm");
        return;
    }
    while (fgets(line, sizeof(line), names)) {
        char type, name[512];
        if (sscanf(line, "%255[^:\n]:", member) == 1 && strstr(member, ".o") && strchr(line, ':'))
            continue;
        if (sscanf(line, "%*s %c %511s", &type, name) == 2 && strncmp(name, "stk_", 4) &&
            strncmp(name, "__", 2))
            fault(LIBRARY, 1, "exported", "%s: %s does not begin with stk_", member, name);
    }
    if (WEXITSTATUS(pclose(names)))
        fault(LIBRARY, 1, "exported", "nm cannot read it; run make first");
}

void check_format(void)
{
    char line[4096], last[512] = "";
    FILE *pipe;

    if (system("command -v clang-format > /dev/null")) {
        printf("SKIP: clang-format is not installed\n");
        return;
    }
    pipe = popen("find core include plugins tools tests bench -name '*.[ch]' 2> /dev/null |"
                 " sort | xargs -r clang-format --dry-run --Werror 2>&1",
                 "r");
    while (pipe && fgets(line, sizeof(line), pipe)) {
        char path[512];
        int number;
        if (sscanf(line, "%511[^:]:%d:%*d: error: %*s", path, &number) != 2 || !strcmp(path, last))
            continue;
        fault(path, number, "format", "clang-format would change this file (make format)");
        snprintf(last, sizeof(last), "%s", path);
    }
    if (pipe)
        pclose(pipe);
}
