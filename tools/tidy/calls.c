/* Words that may not be used in core, or only in the one file whose business they are; and what a
 * plugin leaves to its host. */
#include "tools/tidy/tidy.h"
#include <string.h>

enum kind { CALL, WORD }; /* CALL: the word, then a parenthesis, and not a member */

static const struct {
    const char *rule;
    enum kind kind;
    const char *why;
    const char *words[16];
    const char *allowed[6]; /* files or folders, by how their path begins */
} bans[] = {
    {"banned-call",
     CALL,
     "has no bound or no error",
     {"strcpy", "strcat", "sprintf", "vsprintf", "gets", "strtok", "atoi", "atol", "atoll", "atof",
      "alloca", "scanf", "sscanf", "strncpy", "strncat"},
     {NULL}},
    {"memory",
     CALL,
     "belongs to core/base/mem.c",
     {"malloc", "calloc", "realloc", "free", "strdup", "strndup", "aligned_alloc", "posix_memalign",
      "asprintf", "vasprintf"},
     {"core/base/mem.c"}},
    {"clock",
     CALL,
     "belongs to core/base/clock.c",
     {"time", "gettimeofday", "clock_gettime", "clock", "ftime", "timespec_get"},
     {"core/base/clock.c", "core/base/thread.c", "core/base/log.c"}},
    {"stdout",
     CALL,
     "writes to standard output",
     {"printf", "vprintf", "puts", "putchar", "perror"},
     {"core/app/"}},
    {"stdout", WORD, "is standard output", {"stdout"}, {"core/app/"}},
    {"float",
     WORD,
     "is no exact number",
     {"double", "float"},
     {"core/base/doc.c", "core/base/doc.h"}},
    {"fork",
     CALL,
     "carries an environment across a fork",
     {"fork", "vfork", "system", "popen"},
     {NULL}},
    {"lmdb-mode",
     WORD,
     "loses what was acknowledged",
     {"MDB_NOSYNC", "MDB_NOMETASYNC", "MDB_WRITEMAP", "MDB_MAPASYNC"},
     {NULL}},
    {"atomics",
     CALL,
     "goes round <stdatomic.h>",
     {"__atomic_load_n", "__atomic_store_n", "__atomic_fetch_add", "__atomic_exchange_n",
      "__atomic_compare_exchange_n", "__sync_fetch_and_add", "__sync_synchronize"},
     {NULL}},
    {"dlopen",
     CALL,
     "belongs to core/plug/loader.c",
     {"dlopen", "dlsym", "dlmopen"},
     {"core/plug/loader.c"}},
    {"lock",
     CALL,
     "takes a lock",
     {"pthread_mutex_lock", "pthread_rwlock_rdlock", "pthread_rwlock_wrlock", "pthread_cond_wait",
      "pthread_spin_lock", "sem_wait", "flockfile"},
     {"core/base/", "core/store/", "core/app/", "core/plug/", "core/net/"}},
};
#define BANS (int)(sizeof(bans) / sizeof(*bans))

/* In plugins: what the host owns, or what stops its thread. */
static const struct {
    const char *rule;
    const char *why;
    const char *words[12];
} plugin_bans[] = {
    {"plugin-wait",
     "waits; a plugin returns and is called again (stk.timer, stk.fd)",
     {"sleep", "usleep", "nanosleep", "poll", "select", "epoll_wait", "pthread_cond_wait",
      "sched_yield"}},
    {"clock",
     "reads another clock than the host's (stk.clock)",
     {"time", "gettimeofday", "clock_gettime", "clock", "ftime", "timespec_get"}},
    {"stdout", "writes to standard output (stk.log)", {"printf", "vprintf", "puts", "putchar"}},
    {"fork", "makes a process", {"fork", "vfork", "system", "popen", "posix_spawn", "execve"}},
    {"dlopen", "belongs to core/plug/loader.c", {"dlopen", "dlsym", "dlmopen"}},
    {"banned-call",
     "has no bound or no error",
     {"strcpy", "strcat", "sprintf", "vsprintf", "gets", "strtok", "atoi", "atol", "atof", "alloca",
      "exit"}},
};
#define PLUGIN_BANS (int)(sizeof(plugin_bans) / sizeof(*plugin_bans))

/* Calls through a clock, members included. */
static const char *const clock_calls[] = {"now_ms(", "monotonic_ns("};

/* What must not stand in memory's floor: applying waits for nobody and asks nobody. */
static const char *const state_words[] = {"stk_log", "stk_log_limited", "stk_clock_real",
                                          "read",    "write",           "open",
                                          "fsync",   "fdatasync",       "mmap"};

static int is_allowed(const struct source *source, int ban)
{
    for (int i = 0; i < 6 && bans[ban].allowed[i]; i++) {
        if (source_in(source, bans[ban].allowed[i]))
            return 1;
    }
    return 0;
}

/* The word at `at` is called by its own name: a parenthesis follows, no . or -> before it. */
static int is_call(const char *line, size_t size, int at, const char *word)
{
    size_t after = (size_t)at + strlen(word);
    while (after < size && line[after] == ' ')
        after++;
    if (after >= size || line[after] != '(')
        return 0;
    return !(at >= 1 && line[at - 1] == '.') &&
           !(at >= 2 && line[at - 1] == '>' && line[at - 2] == '-');
}

static void check_words(const struct source *source, int line, int ban)
{
    size_t size;
    const char *at = source_code_line(source, line, &size);
    for (int i = 0; i < 16 && bans[ban].words[i]; i++) {
        const char *word = bans[ban].words[i];
        int found = find_word(at, size, word, 0);
        while (found >= 0) {
            if (bans[ban].kind == WORD || is_call(at, size, found, word)) {
                fault(source->path, line, bans[ban].rule, "%s %s", word, bans[ban].why);
                break;
            }
            found = find_word(at, size, word, (size_t)found + 1);
        }
    }
}

static void check_state(const struct source *source, int line)
{
    size_t size;
    const char *at = source_code_line(source, line, &size);
    for (size_t i = 0; i < sizeof(state_words) / sizeof(*state_words); i++) {
        int found = find_word(at, size, state_words[i], 0);
        if (found >= 0 && (is_call(at, size, found, state_words[i])))
            fault(source->path, line, "quiet-state", "%s in the floor that waits for nobody",
                  state_words[i]);
    }
    for (size_t i = 0; i < sizeof(clock_calls) / sizeof(*clock_calls); i++) {
        if (memmem(at, size, clock_calls[i], strlen(clock_calls[i])))
            fault(source->path, line, "quiet-state", "%s) reads a clock", clock_calls[i]);
    }
}

static void check_plugin_words(const struct source *source, int line, int ban)
{
    size_t size;
    const char *at = source_code_line(source, line, &size);
    for (int i = 0; i < 12 && plugin_bans[ban].words[i]; i++) {
        const char *word = plugin_bans[ban].words[i];
        int found = find_word(at, size, word, 0);
        while (found >= 0 && !is_call(at, size, found, word))
            found = find_word(at, size, word, (size_t)found + 1);
        if (found >= 0)
            fault(source->path, line, plugin_bans[ban].rule, "%s %s", word, plugin_bans[ban].why);
    }
}

static void check_plugin(const struct source *source)
{
    for (int line = 1; line <= source->line_count; line++) {
        for (int ban = 0; ban < PLUGIN_BANS; ban++)
            check_plugin_words(source, line, ban);
    }
}

void check_calls(const struct tree *tree)
{
    for (int i = 0; i < tree->count; i++) {
        const struct source *source = &tree->files[i];
        if (source_in(source, "plugins/") && source_is_c(source))
            check_plugin(source);
        if (!source_in(source, "core/") || !source_is_c(source))
            continue;
        for (int line = 1; line <= source->line_count; line++) {
            for (int ban = 0; ban < BANS; ban++) {
                if (!is_allowed(source, ban))
                    check_words(source, line, ban);
            }
            if (source_in(source, "core/state/") && source_is(source, ".c"))
                check_state(source, line);
        }
    }
}
