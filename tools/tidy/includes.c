/* Who may include whom: floors, walls around foreign libraries, paths from the root, guards. */
#include "tools/tidy/tidy.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The floors of core. An include points to a lower number or stays on its own floor, so that what
 * shares a number are strangers. */
static const struct {
    const char *name;
    int height;
} floors[] = {
    {"base", 0}, {"state", 1}, {"rules", 1}, {"store", 1},
    {"flow", 2}, {"net", 3},   {"plug", 3},  {"app", 4},
};
#define FLOORS (int)(sizeof(floors) / sizeof(*floors))

/* Foreign libraries: in core, the header stands in these files only (at most two doors). */
static const struct {
    const char *header; /* how the include begins */
    const char *doors[2];
} walls[] = {
    {"lmdb.h", {"core/store/kv.c", NULL}},
    {"event2/", {"core/base/loop.c", "core/net/http.c"}},
    {"event.h", {NULL, NULL}},
    {"msgpack", {"core/base/doc.c", NULL}},
    {"openssl/", {"core/base/chain.c", NULL}},
    {"yaml.h", {"core/app/yaml.c", NULL}},
    {"xxhash.h", {"core/base/hash.c", NULL}},
    {"dlfcn.h", {"core/plug/loader.c", NULL}},
    {"jansson.h", {NULL, NULL}},
    {"jwt.h", {NULL, NULL}},
    {"curl/", {NULL, NULL}},
    {"hiredis", {NULL, NULL}},
    {"libpq-fe.h", {NULL, NULL}},
    {"cmocka.h", {NULL, NULL}},
};
#define WALLS (int)(sizeof(walls) / sizeof(*walls))

/* Headers of the C library and the kernel that core may use. Any other <header> is foreign. */
static const char *const system_headers[] = {
    "arpa/",       "assert.h",  "ctype.h",   "dirent.h", "elf.h",       "errno.h",  "fcntl.h",
    "inttypes.h",  "limits.h",  "linux/",    "math.h",   "net",         "poll.h",   "pthread.h",
    "sched.h",     "signal.h",  "spawn.h",   "stdalign", "stdarg.h",    "stdatom",  "stdbool.h",
    "stddef.h",    "stdint.h",  "stdio.h",   "stdlib.h", "stdnoreturn", "string.h", "strings.h",
    "sys/",        "termios.h", "time.h",    "unistd.h", "getopt.h",    "locale.h", "stockade/",
    "immintrin.h", "glob.h",    "fnmatch.h", "grp.h",    "pwd.h",       "wchar.h",  "execinfo.h",
    "semaphore.h",
};

/* The floor of "core/<floor>/...", or -1. */
static int floor_of(const char *path)
{
    if (strncmp(path, "core/", 5))
        return -1;
    for (int i = 0; i < FLOORS; i++) {
        size_t size = strlen(floors[i].name);
        if (!strncmp(path + 5, floors[i].name, size) && path[5 + size] == '/')
            return i;
    }
    return -1;
}

static void check_floors(const struct source *source, int line, const char *target)
{
    int from = floor_of(source->path), to = floor_of(target);

    if (!source_in(source, "core/"))
        return;
    if (strncmp(target, "core/", 5)) {
        fault(source->path, line, "floors", "core includes %s from outside core", target);
    } else if (to < 0) {
        fault(source->path, line, "floors", "%s stands on no floor", target);
    } else if (from >= 0 && floors[to].height > floors[from].height) {
        fault(source->path, line, "floors", "%s is below %s and includes %s", floors[from].name,
              floors[to].name, target);
    } else if (from >= 0 && from != to && floors[to].height == floors[from].height) {
        fault(source->path, line, "floors", "%s and %s are strangers, but %s is included",
              floors[from].name, floors[to].name, target);
    }
}

static int is_door(const struct source *source, int wall)
{
    for (int i = 0; i < 2; i++) {
        if (walls[wall].doors[i] && !strcmp(source->path, walls[wall].doors[i]))
            return 1;
    }
    return 0;
}

static void check_foreign(const struct source *source, int line, const char *target)
{
    for (int i = 0; i < WALLS; i++) {
        if (strncmp(target, walls[i].header, strlen(walls[i].header)))
            continue;
        if (!is_door(source, i))
            fault(source->path, line, "walls", "<%s> belongs %s%s", target,
                  walls[i].doors[0] ? "in one file only: " : "nowhere in core",
                  walls[i].doors[0] ? walls[i].doors[0] : "");
        return;
    }
    for (size_t i = 0; i < sizeof(system_headers) / sizeof(*system_headers); i++) {
        if (!strncmp(target, system_headers[i], strlen(system_headers[i])))
            return;
    }
    fault(source->path, line, "walls",
          "<%s> is neither the C library's nor given a door in tools/tidy/includes.c", target);
}

/* A plugin's <header> is the C library's or a public one; foreign libraries are wrapped once, in
 * plugins/common/. */
static void check_plugin_foreign(const struct source *source, int line, const char *target)
{
    if (source_in(source, "plugins/common/"))
        return;
    for (int i = 0; i < WALLS; i++) {
        if (!strncmp(target, walls[i].header, strlen(walls[i].header)))
            fault(source->path, line, "walls", "<%s>: a plugin has it from plugins/common/",
                  target);
    }
}

/* A plugin sees the public words, plugins/common and its own folder. */
static void check_plugin(const struct source *source, int line, const char *target)
{
    const char *slash = strchr(source->path + strlen("plugins/"), '/');
    size_t own = slash ? (size_t)(slash - source->path) + 1 : 0;
    if (strncmp(target, "plugins/common/", 15) && (!own || strncmp(target, source->path, own)))
        fault(source->path, line, "floors", "a plugin includes %s", target);
}

static void check_include(const struct tree *tree, const struct source *source, int line)
{
    char target[256], full[300], open;
    size_t size;
    const char *at = source_line(source, line, &size);
    char copy[512];

    snprintf(copy, sizeof(copy), "%.*s", (int)size, at);
    if (sscanf(copy, " # include %c%255[^>\"]", &open, target) != 2)
        return;
    if (open == '"') {
        if (!tree_find(tree, target))
            fault(source->path, line, "include-root", "\"%s\" is no path from the root", target);
        check_floors(source, line, target);
        if (source_in(source, "plugins/"))
            check_plugin(source, line, target);
        if (source_in(source, "include/"))
            fault(source->path, line, "include-root",
                  "public headers say <stockade/...>, not \"%s\"", target);
        return;
    }
    snprintf(full, sizeof(full), "include/%s", target);
    if (!strncmp(target, "stockade/", 9) && !tree_find(tree, full))
        fault(source->path, line, "include-root", "there is no %s", full);
    if (source_in(source, "core/") || source_in(source, "include/"))
        check_foreign(source, line, target);
    if (source_in(source, "plugins/"))
        check_plugin_foreign(source, line, target);
}

/* core/base/ring.h: STK_BASE_RING_H. include/stockade/types.h: STOCKADE_TYPES_H. Elsewhere: what
 * you like, then the file's name. */
static void check_guard(const struct source *source)
{
    char stem[128], want[300], guard[256] = "", second[256] = "";
    int core = source_in(source, "core/"), public = source_in(source, "include/stockade/");
    int floor = floor_of(source->path), found = 0;

    source_stem(source, stem, sizeof(stem));
    if (core)
        snprintf(want, sizeof(want), "STK_%s_%s_H", floor < 0 ? "?" : floors[floor].name, stem);
    else
        snprintf(want, sizeof(want), "%s%s_H", public ? "STOCKADE_" : "_", stem);
    for (char *c = want; *c; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    for (int line = 1; line < source->line_count && !found; line++) {
        size_t size, next_size;
        const char *at = source_code_line(source, line, &size);
        const char *next = source_code_line(source, line + 1, &next_size);
        char copy[512];
        snprintf(copy, sizeof(copy), "%.*s\n%.*s", (int)size, at, (int)next_size, next);
        found = sscanf(copy, "#ifndef %255s #define %255s", guard, second) == 2;
    }
    size_t size = strlen(guard), tail = strlen(want);
    int fits =
        core || public ? !strcmp(guard, want) : size >= tail && !strcmp(guard + size - tail, want);
    if (!found || strcmp(guard, second))
        fault(source->path, 1, "guard", "has no include guard (want %s)", want);
    else if (!fits)
        fault(source->path, 1, "guard", "guard is %s, want %s%s", guard,
              core || public ? "" : "...", want);
}

void check_includes(const struct tree *tree)
{
    for (int i = 0; i < tree->count; i++) {
        const struct source *source = &tree->files[i];
        if (!source_is_c(source))
            continue;
        for (int line = 1; line <= source->line_count; line++)
            check_include(tree, source, line);
        if (source_is(source, ".h"))
            check_guard(source);
        if (source_in(source, "core/") && floor_of(source->path) < 0)
            fault(source->path, 1, "floors", "stands on no floor");
    }
}
