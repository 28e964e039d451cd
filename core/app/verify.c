/* A check in a child process.
 *
 * The child says one line: "STATUS folded last bytes text". What it does not come to say, its end
 * says. Any thread; no memory is shared, no environment of LMDB crosses over (it is an exec). */
#include "core/app/verify.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_BYTES (STK_ERROR_TEXT + 128)

int stk_verify_main(const char *target)
{
    struct stk_backup_result result = {0};
    struct stk_error err = {0};
    enum stk_status status = stk_backup_verify(target, &result, &err);
    printf("%d %llu %llu %llu %s\n", (int)status, (unsigned long long)result.folded,
           (unsigned long long)result.last, (unsigned long long)result.bytes,
           status == STK_OK ? "sound" : err.text);
    return status == STK_OK ? 0 : 1;
}

/* posix_spawn with stdout into the pipe, and signals as a fresh program has them. */
static int spawn(const char *target, const int pipe_fds[2], pid_t *child)
{
    char *arguments[] = {"stockaded", "--verify-backup", (char *)(uintptr_t)target, NULL};
    char *environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int code;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    code = posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
    if (code == 0)
        code = posix_spawnattr_setsigmask(&attributes, &none);
    if (code == 0)
        code = posix_spawnattr_setsigdefault(&attributes, &all);
    if (code == 0)
        code =
            posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (code == 0)
        code = posix_spawn(child, "/proc/self/exe", &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

static void read_line(int fd, char *line, size_t room)
{
    size_t size = 0;
    while (size < room - 1) {
        ssize_t got = read(fd, line + size, room - 1 - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    line[size] = 0;
    line[strcspn(line, "\n")] = 0;
}

/* The next number of the line; 0 when there is none. */
static int take_number(const char **at, uint64_t *number)
{
    char *end;
    if (**at < '0' || **at > '9')
        return 0;
    *number = strtoull(*at, &end, 10);
    if (*end != ' ')
        return 0;
    *at = end + 1;
    return 1;
}

static enum stk_status judge(const char *target, const char *line, int how,
                             struct stk_backup_result *result, struct stk_error *err)
{
    uint64_t status;
    if (WIFSIGNALED(how))
        return stk_error_set(err, STK_CORRUPT, "%s: reading it crashed (%s): it is damaged", target,
                             strsignal(WTERMSIG(how)));
    if (!take_number(&line, &status) || !take_number(&line, &result->folded) ||
        !take_number(&line, &result->last) || !take_number(&line, &result->bytes) ||
        status >= STK_STATUS_COUNT)
        return stk_error_set(err, STK_INTERNAL, "%s: the check ended with code %d and no word",
                             target, WEXITSTATUS(how));
    return status == STK_OK ? STK_OK : stk_error_set(err, (enum stk_status)status, "%s", line);
}

enum stk_status stk_verify_in_child(const char *target, struct stk_backup_result *result,
                                    struct stk_error *err)
{
    char line[LINE_MAX_BYTES];
    int pipe_fds[2], how, code;
    pid_t child;
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return stk_error_errno(err, errno, "%s: no pipe for the check", target);
    code = spawn(target, pipe_fds, &child);
    close(pipe_fds[1]);
    if (code != 0) {
        close(pipe_fds[0]);
        return stk_error_errno(err, code, "%s: the check cannot be started", target);
    }
    read_line(pipe_fds[0], line, sizeof line);
    close(pipe_fds[0]);
    while (waitpid(child, &how, 0) < 0)
        if (errno != EINTR)
            return stk_error_errno(err, errno, "%s: the check", target);
    return judge(target, line, how, result, err);
}
