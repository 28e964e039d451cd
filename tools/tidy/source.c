/* Reads the tree: every file once, its lines, and a copy in which comments, strings and character
 * constants are blanked, so that rules about code do not stumble over words. One thread, and memory
 * is given back at the end only. */
#include "tools/tidy/tidy.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void die(const char *what, const char *path)
{
    fprintf(stderr, "tidy: %s: ", path);
    perror(what);
    exit(2);
}

static void *grow(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (!memory)
        die("realloc", "memory");
    return memory;
}

/* State of the blanking scanner. */
enum place { IN_CODE, IN_LINE_COMMENT, IN_COMMENT, IN_STRING, IN_CHARACTER };

/* One step at text[*at]: what is blank is overwritten in code. */
static enum place blank_step(const char *text, size_t size, char *code, size_t *at, enum place in)
{
    size_t i = *at;
    char next = i + 1 < size ? text[i + 1] : '\0';
    int skip_two = 0;

    if (in == IN_CODE) {
        if (text[i] == '/' && (next == '/' || next == '*')) {
            in = next == '/' ? IN_LINE_COMMENT : IN_COMMENT;
            skip_two = 1;
        } else if (text[i] == '"' || text[i] == '\'') {
            in = text[i] == '"' ? IN_STRING : IN_CHARACTER;
        } else {
            return in; /* stays as it is */
        }
    } else if (in == IN_LINE_COMMENT) {
        in = text[i] == '\n' ? IN_CODE : in;
    } else if (in == IN_COMMENT) {
        skip_two = text[i] == '*' && next == '/';
        in = skip_two ? IN_CODE : in;
    } else {
        char quote = in == IN_STRING ? '"' : '\'';
        skip_two = text[i] == '\\' && next != '\0';
        if (text[i] == quote || text[i] == '\n')
            in = IN_CODE;
    }
    if (text[i] != '\n')
        code[i] = ' ';
    if (skip_two) {
        *at = i + 1;
        if (text[i + 1] != '\n')
            code[i + 1] = ' ';
    }
    return in;
}

static void source_split(struct source *source)
{
    enum place in = IN_CODE;
    int lines = 0;

    source->code = grow(NULL, source->size + 1);
    memcpy(source->code, source->text, source->size + 1);
    if (source_is_c(source)) {
        for (size_t i = 0; i < source->size; i++)
            in = blank_step(source->text, source->size, source->code, &i, in);
    }
    for (size_t i = 0; i < source->size; i++)
        lines += source->text[i] == '\n' || i + 1 == source->size;
    source->line_count = lines;
    source->starts = grow(NULL, ((size_t)lines + 1) * sizeof(size_t));
    source->starts[0] = 0;
    for (size_t i = 0, line = 1; i < source->size; i++) {
        if (source->text[i] == '\n' || i + 1 == source->size)
            source->starts[line++] = i + 1;
    }
}

static void source_read(struct tree *tree, const char *path, const struct stat *info)
{
    struct source *source;
    FILE *file;

    tree->files = grow(tree->files, (size_t)(tree->count + 1) * sizeof(*tree->files));
    source = &tree->files[tree->count++];
    memset(source, 0, sizeof(*source));
    source->path = strcpy(grow(NULL, strlen(path) + 1), path);
    source->executable = (info->st_mode & S_IXUSR) != 0;
    source->text = grow(NULL, (size_t)info->st_size + 1);
    file = fopen(path, "rb");
    if (!file)
        die("open", path);
    source->size = fread(source->text, 1, (size_t)info->st_size, file);
    source->text[source->size] = '\0';
    fclose(file);
    source_split(source);
}

/* Folders of others, and what a build or a trial leaves. */
static int is_left_out(const char *folder, const char *name)
{
    if (!strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, ".git"))
        return 1;
    return !*folder && (!strcmp(name, "build") || !strcmp(name, "data") ||
                        !strcmp(name, "compile_commands.json"));
}

static void folder_read(struct tree *tree, const char *folder)
{
    struct dirent *entry;
    char path[4096];
    DIR *dir;

    dir = opendir(*folder ? folder : ".");
    if (!dir)
        die("opendir", folder);
    while ((entry = readdir(dir))) {
        struct stat info;
        if (is_left_out(folder, entry->d_name))
            continue;
        snprintf(path, sizeof(path), "%s%s%s", folder, *folder ? "/" : "", entry->d_name);
        if (lstat(path, &info))
            die("stat", path);
        if (S_ISDIR(info.st_mode))
            folder_read(tree, path);
        else if (S_ISREG(info.st_mode))
            source_read(tree, path, &info);
    }
    closedir(dir);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct source *)a)->path, ((const struct source *)b)->path);
}

void tree_read(struct tree *tree)
{
    *tree = (struct tree){NULL, 0};
    folder_read(tree, "");
    if (tree->count)
        qsort(tree->files, (size_t)tree->count, sizeof(*tree->files), by_path);
}

void tree_free(struct tree *tree)
{
    for (int i = 0; i < tree->count; i++) {
        free(tree->files[i].path);
        free(tree->files[i].text);
        free(tree->files[i].code);
        free(tree->files[i].starts);
    }
    free(tree->files);
}

const struct source *tree_find(const struct tree *tree, const char *path)
{
    struct source key = {.path = (char *)path};
    if (!tree->count)
        return NULL;
    return bsearch(&key, tree->files, (size_t)tree->count, sizeof(*tree->files), by_path);
}

static const char *line_of(const struct source *source, const char *base, int line, size_t *size)
{
    size_t start = source->starts[line - 1], end = source->starts[line];
    if (end > start && base[end - 1] == '\n')
        end--;
    *size = end - start;
    return base + start;
}

const char *source_line(const struct source *source, int line, size_t *size)
{
    return line_of(source, source->text, line, size);
}

const char *source_code_line(const struct source *source, int line, size_t *size)
{
    return line_of(source, source->code, line, size);
}

int source_is(const struct source *source, const char *suffix)
{
    size_t size = strlen(source->path), tail = strlen(suffix);
    return size >= tail && !strcmp(source->path + size - tail, suffix);
}

int source_in(const struct source *source, const char *folder)
{
    return !strncmp(source->path, folder, strlen(folder));
}

int source_is_c(const struct source *source)
{
    return source_is(source, ".c") || source_is(source, ".h");
}

void source_stem(const struct source *source, char *name, size_t size)
{
    const char *slash = strrchr(source->path, '/');
    char *dot;
    snprintf(name, size, "%s", slash ? slash + 1 : source->path);
    dot = strrchr(name, '.');
    if (dot && dot != name)
        *dot = '\0';
}

static int is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

int find_word(const char *line, size_t size, const char *word, size_t from)
{
    size_t length = strlen(word);
    for (size_t i = from; i + length <= size; i++) {
        if (memcmp(line + i, word, length) || (i && is_word(line[i - 1])))
            continue;
        if (i + length == size || !is_word(line[i + length]))
            return (int)i;
    }
    return -1;
}
