/* Starting, watching and ending the daemon under test. */
#include "tests/crash/daemon.h"
#include "tests/crash/place.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void daemon_init(struct daemon *daemon, char *folder, const char *settings)
{
    memset(daemon, 0, sizeof(*daemon));
    daemon->folder = folder;
    place_join(daemon->data, folder, "data");
    place_join(daemon->door, folder, "data/stockade.sock");
    place_join(daemon->config, folder, "stockade.yaml");
    place_join(daemon->printed, folder, "printed");
    FILE *file = fopen(daemon->config, "w");
    if (!file) {
        perror(daemon->config);
        exit(1);
    }
    fprintf(file, "%s", settings ? settings : "");
    fclose(file);
}

void daemon_fini(struct daemon *daemon)
{
    daemon_kill(daemon);
    for (unsigned i = 0; i < daemon->variable_count; i++)
        free(daemon->variables[i]);
    if (getenv("CRASH_KEEP"))
        printf("kept: %s\n", daemon->folder);
    else
        place_remove(daemon->folder);
    free(daemon->folder);
    daemon->folder = NULL;
}

void daemon_set(struct daemon *daemon, const char *name, const char *value)
{
    size_t size = strlen(name);
    for (unsigned i = 0; i < daemon->variable_count; i++)
        if (!strncmp(daemon->variables[i], name, size) && daemon->variables[i][size] == '=') {
            free(daemon->variables[i]);
            daemon->variables[i] = daemon->variables[--daemon->variable_count];
            break;
        }
    if (!value)
        return;
    if (daemon->variable_count == DAEMON_VARIABLES ||
        asprintf(&daemon->variables[daemon->variable_count], "%s=%s", name, value) < 0)
        abort();
    daemon->variable_count++;
}

static pid_t spawn(struct daemon *daemon, int out)
{
    char *program = place_built("stockaded");
    char *arguments[] = {program, "--config", daemon->config, "--data", daemon->data, NULL};
    posix_spawn_file_actions_t actions;
    char *variables[512];
    unsigned count = 0;
    pid_t pid;
    for (char **at = environ; *at && count < 512 - DAEMON_VARIABLES - 1; at++)
        if (strncmp(*at, "LD_PRELOAD=", 11) && strncmp(*at, "STOCKADE_FAULT=", 15))
            variables[count++] = *at;
    for (unsigned i = 0; i < daemon->variable_count; i++)
        variables[count++] = daemon->variables[i];
    variables[count] = NULL;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_addopen(&actions, 2, daemon->printed, O_CREAT | O_APPEND | O_WRONLY,
                                     0600);
    int result = posix_spawn(&pid, program, &actions, NULL, arguments, variables);
    posix_spawn_file_actions_destroy(&actions);
    if (result) {
        fprintf(stderr, "%s: %s\n", program, strerror(result));
        exit(1);
    }
    free(program);
    return pid;
}

static void keep_printed(const struct daemon *daemon, const char *text, size_t size)
{
    int fd = open(daemon->printed, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)!write(fd, text, size);
        close(fd);
    }
}

/* Reads stdout until the ready line. The pipe stays open in the daemon; its later lines are lost to
 * a full pipe never: it prints little after that. */
static int wait_ready(struct daemon *daemon, int in, int64_t until_ms)
{
    char text[8192];
    size_t size = 0;
    while (clock_ms() < until_ms && size < sizeof(text) - 1) {
        struct pollfd one = {in, POLLIN, 0};
        if (poll(&one, 1, 20) <= 0) {
            continue;
        }
        ssize_t got = read(in, text + size, sizeof(text) - 1 - size);
        if (got <= 0)
            return -1;
        keep_printed(daemon, text + size, (size_t)got);
        size += (size_t)got;
        text[size] = 0;
        if (strstr(text, "ready"))
            return 0;
    }
    return -1;
}

int64_t daemon_cpu_ms(const struct daemon *daemon)
{
    pid_t pid = daemon->pid;
    char path[64], text[1024];
    unsigned long long user = 0, system = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file)
        fclose(file);
    text[size] = 0;
    char *at = strrchr(text, ')'); /* the name may hold anything */
    if (at)
        (void)sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
                     &system);
    return (int64_t)((user + system) * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

int daemon_start(struct daemon *daemon, int timeout_ms, int *status)
{
    int ends[2], ended = 0;
    int64_t began = clock_ms();
    if (pipe2(ends, O_CLOEXEC)) {
        perror("pipe");
        exit(1);
    }
    mkdir(daemon->data, 0700);
    daemon->pid = spawn(daemon, ends[1]);
    close(ends[1]);
    int result = wait_ready(daemon, ends[0], began + timeout_ms);
    daemon->start_ms = clock_ms() - began;
    daemon->start_cpu_ms = daemon_cpu_ms(daemon);
    if (result) {
        if (!daemon_ended(daemon, 1000, &ended)) {
            daemon_kill(daemon);
            ended = -1;
        }
        if (status)
            *status = ended;
        close(ends[0]);
        return -1;
    }
    /* Keep the reading end open so that the daemon never writes into a closed pipe. */
    if (daemon->out)
        close(daemon->out);
    daemon->out = ends[0];
    return 0;
}

void daemon_kill(struct daemon *daemon)
{
    int status;
    if (daemon->pid <= 0)
        return;
    kill(daemon->pid, SIGKILL);
    waitpid(daemon->pid, &status, 0);
    daemon->pid = 0;
}

int daemon_ended(struct daemon *daemon, int timeout_ms, int *status)
{
    int64_t until_ms = clock_ms() + timeout_ms;
    if (daemon->pid <= 0)
        return 1;
    do {
        if (waitpid(daemon->pid, status, WNOHANG) == daemon->pid) {
            daemon->pid = 0;
            return 1;
        }
        poll(NULL, 0, 2);
    } while (clock_ms() < until_ms);
    return 0;
}

int daemon_stop(struct daemon *daemon, int timeout_ms)
{
    int status = 0;
    if (daemon->pid <= 0)
        return 0;
    kill(daemon->pid, SIGTERM);
    if (daemon_ended(daemon, timeout_ms, &status))
        return status;
    daemon_kill(daemon);
    return -1;
}

void daemon_show(const struct daemon *daemon)
{
    char text[4096 + 1];
    FILE *file = fopen(daemon->printed, "r");
    if (!file)
        return;
    if (fseek(file, -4096, SEEK_END))
        rewind(file);
    size_t size = fread(text, 1, 4096, file);
    text[size] = 0;
    fclose(file);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        printf("    | %s\n", line);
}
