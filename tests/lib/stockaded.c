/* The real stockaded in a test. */
#include "tests/lib/stockaded.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READY_TRIES 3000 /* of 10 ms */

static const char small_engine[] =
    "engine: {skus: 20000, cells: 20000, listings: 1000, components: 1000,\n"
    "  orders: 200000, holds: 200000, keys: 200000, keys_on_disk: 1000000}\n";
static const char small_journal[] = "journal: {segment_bytes: 32MiB, free_bytes_min: 0}\n";

static void give_up(const char *what)
{
    fprintf(stderr, "stockaded: %s: %s\n", what, strerror(errno));
    abort();
}

static void path_of(const struct stockaded *self, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", self->folder.path, name);
}

static void read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, text, size - 1);
    text[got > 0 ? got : 0] = 0;
    if (fd >= 0)
        close(fd);
}

static void run_child(const struct stockaded *self)
{
    const char *build = getenv("STK_BUILD");
    char program[600], config[600], data[600], out[600], words[600];
    snprintf(program, sizeof program, "%s/stockaded", build ? build : "build");
    path_of(self, "config.yaml", config, sizeof config);
    path_of(self, "data", data, sizeof data);
    path_of(self, "out", out, sizeof out);
    path_of(self, "words", words, sizeof words);
    if (!freopen("/dev/null", "r", stdin) || !freopen(out, "w", stdout) ||
        !freopen(words, "a", stderr))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that dies leaves none behind */
    execl(program, "stockaded", "--config", config, "--data", data, (char *)NULL);
    _exit(127);
}

static void read_addresses(struct stockaded *self, const char *ready)
{
    if (sscanf(ready, "ready %599s %63s", self->unix_address, self->tcp_address) != 2)
        give_up(ready);
}

void stockaded_again(struct stockaded *self)
{
    char out[600], text[2048];
    struct timespec pause = {.tv_nsec = 10000000};
    path_of(self, "out", out, sizeof out);
    unlink(out);
    fflush(NULL);
    self->pid = fork();
    if (self->pid < 0)
        give_up("fork");
    if (self->pid == 0)
        run_child(self);
    for (int i = 0; i < READY_TRIES; i++) {
        read_file(out, text, sizeof text);
        if (strncmp(text, "ready", 5) == 0 && strchr(text, '\n')) {
            read_addresses(self, text);
            return;
        }
        if (!stockaded_runs(self))
            break;
        nanosleep(&pause, NULL);
    }
    fprintf(stderr, "stockaded does not start: %s\n", stockaded_words(self));
    abort();
}

void stockaded_start(struct stockaded *self, const char *config)
{
    char path[600];
    FILE *file;
    memset(self, 0, sizeof *self);
    test_folder_make(&self->folder);
    path_of(self, "config.yaml", path, sizeof path);
    file = fopen(path, "w");
    if (!file)
        give_up(path);
    fprintf(file, "%s%slog: {level: error}\n%s", strstr(config, "engine:") ? "" : small_engine,
            strstr(config, "journal:") ? "" : small_journal, config);
    if (!strstr(config, "listen"))
        fprintf(file, "%s",
                strstr(config, "rpc:") ? "  listen: [\"127.0.0.1:0\"]\n"
                                       : "rpc: {listen: [\"127.0.0.1:0\"]}\n");
    fclose(file);
    stockaded_again(self);
}

int stockaded_runs(struct stockaded *self)
{
    return self->pid > 0 && waitpid(self->pid, NULL, WNOHANG) == 0;
}

int stockaded_end(struct stockaded *self, int signal_number)
{
    int how;
    if (signal_number)
        kill(self->pid, signal_number);
    while (waitpid(self->pid, &how, 0) < 0)
        if (errno != EINTR)
            give_up("waitpid");
    self->pid = 0;
    return WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
}

void stockaded_remove(struct stockaded *self)
{
    if (self->pid > 0)
        stockaded_end(self, SIGKILL);
    test_folder_remove(&self->folder);
}

int64_t stockaded_rss_bytes(const struct stockaded *self)
{
    char path[64], text[256];
    long long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)self->pid);
    read_file(path, text, sizeof text);
    if (sscanf(text, "%*s %lld", &pages) != 1)
        give_up(path);
    return pages * sysconf(_SC_PAGESIZE);
}

int stockaded_fds(const struct stockaded *self)
{
    char path[64];
    int count = 0;
    DIR *folder;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)self->pid);
    folder = opendir(path);
    if (!folder)
        give_up(path);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 2;
}

int64_t stockaded_cpu_ms(const struct stockaded *self)
{
    clockid_t clock;
    struct timespec time;
    if (clock_getcpuclockid(self->pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
        give_up("its clock");
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

const char *stockaded_words(const struct stockaded *self)
{
    static char text[16384];
    char path[600];
    path_of(self, "words", path, sizeof path);
    read_file(path, text, sizeof text);
    return text;
}

int64_t test_size(const char *name, int64_t fallback)
{
    const char *text = getenv(name);
    return text && *text ? strtoll(text, NULL, 10) : fallback;
}

int64_t test_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
