/* posix_spawn with nothing inherited but three fds, stderr and a few variables; a pidfd tells when
 * it has ended. What the child may use is limited by itself before it loads the plugin
 * (tools/plugin-host), and it dies with the thread that started it. */
#include "core/plug/child.h"
#include "core/plug/link.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_FD  3  /* where the child finds the link */
#define HIGH_FD   64 /* copies stand out of the way of those */
#define NAMES_MAX 64
#define ENTRY_MAX 4096

void stk_child_beside(const char *name, char *path, uint32_t size)
{
    char own[1024];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    own[length > 0 ? length : 0] = 0;
    char *slash = strrchr(own, '/');
    if (slash)
        *slash = 0;
    snprintf(path, size, "%s/%s", slash ? own : ".", name);
}

static void ended(void *arg, int events)
{
    struct stk_child *child = arg;
    int status = 0;
    (void)events;
    if (waitpid(child->pid, &status, WNOHANG) != child->pid)
        return;
    stk_loop_fd_remove(child->watch);
    close(child->pid_fd);
    child->watch = NULL;
    child->pid = 0;
    child->on_end(child->arg, status);
}

/* "NAME=value" of each variable that is there, in room. */
static void environment(const char *const *names, char **entries, char *room, size_t room_size)
{
    static const char *const always[] = {"PATH", "LANG", "TZ", NULL};
    size_t used = 0, count = 0;
    for (int round = 0; round < 2; round++)
        for (const char *const *name = round ? names : always; name && *name; name++) {
            const char *value = getenv(*name);
            if (!value || count == NAMES_MAX ||
                strlen(*name) + strlen(value) + 2 > room_size - used)
                continue;
            entries[count++] = room + used;
            used += (size_t)snprintf(room + used, room_size - used, "%s=%s", *name, value) + 1;
        }
    entries[count] = NULL;
}

static int prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
                   const int *fds, int *copies)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int bad = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0) ||
              posix_spawn_file_actions_adddup2(actions, 2, 1);
    for (int i = 0; i < STK_LINK_FDS; i++) {
        copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, HIGH_FD);
        bad |= copies[i] < 0 ||
               posix_spawn_file_actions_adddup2(actions, copies[i], FIRST_FD + i) != 0;
    }
    return bad || posix_spawnattr_setsigmask(attributes, &none) ||
           posix_spawnattr_setsigdefault(attributes, &all) ||
           posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn(struct stk_child *child, const struct stk_child_options *options)
{
    static _Thread_local char room[64 * 1024];
    char *entries[NAMES_MAX + 1], memory[32], files[32];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int copies[STK_LINK_FDS] = {-1, -1, -1}, fault = ENOMEM;
    snprintf(memory, sizeof memory, "%llu", (unsigned long long)options->memory_max);
    snprintf(files, sizeof files, "%u", options->files_max);
    const char *arguments[] = {
        options->program, options->instance, options->plugin, memory, files, NULL};
    environment(options->names, entries, room, sizeof room);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    if (!prepare(&actions, &attributes, options->fds, copies))
        fault = posix_spawn(&child->pid, options->program, &actions, &attributes,
                            (char *const *)arguments, entries);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    for (int i = 0; i < STK_LINK_FDS; i++)
        if (copies[i] >= 0)
            close(copies[i]);
    return fault;
}

enum stk_status stk_child_start(struct stk_child *child, const struct stk_child_options *options,
                                struct stk_loop *loop, void (*on_end)(void *arg, int wait_status),
                                void *arg, struct stk_error *err)
{
    memset(child, 0, sizeof *child);
    child->on_end = on_end;
    child->arg = arg;
    int fault = spawn(child, options);
    if (fault) {
        child->pid = 0;
        return stk_error_errno(err, fault, "%s: cannot be started", options->program);
    }
    child->pid_fd = pidfd_open(child->pid, 0);
    if (child->pid_fd >= 0)
        child->watch = stk_loop_fd_add(loop, child->pid_fd, STK_LOOP_READ, ended, child);
    if (child->watch)
        return STK_OK;
    fault = errno;
    stk_child_end(child);
    return stk_error_errno(err, fault, "%s: cannot be watched", options->program);
}

void stk_child_kill(struct stk_child *child)
{
    if (child->pid)
        kill(child->pid, SIGKILL);
}

void stk_child_end(struct stk_child *child)
{
    if (!child->pid)
        return;
    kill(child->pid, SIGKILL);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (child->watch)
        stk_loop_fd_remove(child->watch);
    if (child->pid_fd >= 0)
        close(child->pid_fd);
    child->watch = NULL;
    child->pid = 0;
}
