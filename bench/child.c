/* Children are kept in a small table until they are reaped. Each dies with us: PR_SET_PDEATHSIG is
 * set between fork and exec, after the change of user (which clears it). */
#include "bench/child.h"
#include "bench/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN_MAX 16
static pid_t children[CHILDREN_MAX];

static void forget(pid_t pid)
{
    for (int i = 0; i < CHILDREN_MAX; i++)
        if (children[i] == pid)
            children[i] = 0;
}

static int remember(pid_t pid)
{
    for (int i = 0; i < CHILDREN_MAX; i++) {
        if (!children[i]) {
            children[i] = pid;
            return 1;
        }
    }
    return 0;
}

/* In the child, after fork. Never returns. */
static void become(const char *const argv[], const struct passwd *user, const char *log)
{
    setpgid(0, 0);
    int fd = open(log, O_CREAT | O_WRONLY | O_APPEND, 0644);
    int null = open("/dev/null", O_RDONLY);
    if (fd < 0 || null < 0)
        _exit(126);
    dup2(null, 0);
    dup2(fd, 1);
    dup2(fd, 2);
    if (user && (setgroups(0, NULL) || setgid(user->pw_gid) || setuid(user->pw_uid)))
        _exit(126);
    if (user && chdir("/"))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    dprintf(2, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

pid_t bench_child_start(const char *const argv[], const char *user, const char *log)
{
    struct passwd *entry = NULL;
    if (user && geteuid() == 0) {
        entry = getpwnam(user);
        if (!entry) {
            fprintf(stderr, "stockade-bench: there is no user %s\n", user);
            return 0;
        }
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        fprintf(stderr, "stockade-bench: fork: %s\n", strerror(errno));
        return 0;
    }
    if (pid == 0)
        become(argv, entry, log);
    if (!remember(pid)) {
        bench_child_stop(pid, SIGKILL, 1000);
        fprintf(stderr, "stockade-bench: too many child processes\n");
        return 0;
    }
    return pid;
}

int bench_child_alive(pid_t pid)
{
    if (waitpid(pid, NULL, WNOHANG) == 0)
        return 1;
    forget(pid);
    return 0;
}

void bench_child_stop(pid_t pid, int signal_number, int timeout_ms)
{
    if (pid <= 0)
        return;
    kill(pid, signal_number);
    for (int waited = 0; waited < timeout_ms; waited += 5) {
        if (!bench_child_alive(pid))
            return;
        bench_sleep_ms(5);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    forget(pid);
}

void bench_child_stop_all(void)
{
    for (int i = 0; i < CHILDREN_MAX; i++)
        bench_child_stop(children[i], SIGKILL, 1000);
}

void bench_child_show_log(const char *log)
{
    char text[2048];
    int fd = open(log, O_RDONLY);
    if (fd < 0)
        return;
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = size > (off_t)sizeof(text) ? size - (off_t)sizeof(text) : 0;
    ssize_t got = pread(fd, text, sizeof(text), from);
    close(fd);
    if (got > 0)
        fprintf(stderr, "end of %s:\n%.*s\n", log, (int)got, text);
}

int bench_child_run(const char *const argv[], const char *user, const char *log, int timeout_ms)
{
    pid_t pid = bench_child_start(argv, user, log);
    if (!pid)
        return 0;
    int status = 0;
    for (int waited = 0; waited < timeout_ms && !bench_stopping(); waited += 5) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            forget(pid);
            if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 1;
            fprintf(stderr, "stockade-bench: %s failed\n", argv[0]);
            bench_child_show_log(log);
            return 0;
        }
        bench_sleep_ms(5);
    }
    bench_child_stop(pid, SIGTERM, 1000);
    fprintf(stderr, "stockade-bench: %s took too long\n", argv[0]);
    return 0;
}

int bench_child_give(const char *path, const char *user)
{
    if (geteuid() != 0)
        return 1;
    struct passwd *entry = getpwnam(user);
    if (entry && chown(path, entry->pw_uid, entry->pw_gid) == 0)
        return 1;
    fprintf(stderr, "stockade-bench: %s: cannot be given to user %s\n", path, user);
    return 0;
}

int bench_child_find(char *out, const char *name, const char *more)
{
    const char *path = getenv("PATH");
    char copy[4096];
    snprintf(copy, sizeof(copy), "%s", path ? path : "/usr/bin:/bin");
    char *rest = NULL;
    for (char *folder = strtok_r(copy, ":", &rest); folder; folder = strtok_r(NULL, ":", &rest))
        if (snprintf(out, BENCH_PATH_MAX, "%s/%s", folder, name) < BENCH_PATH_MAX &&
            access(out, X_OK) == 0)
            return 1;
    glob_t found;
    int ok = 0;
    if (more && glob(more, 0, NULL, &found) == 0) {
        for (size_t i = found.gl_pathc; i > 0 && !ok; i--)
            ok = snprintf(out, BENCH_PATH_MAX, "%s/%s", found.gl_pathv[i - 1], name) <
                     BENCH_PATH_MAX &&
                 access(out, X_OK) == 0;
        globfree(&found);
    }
    return ok;
}

int bench_child_line(const char *const argv[], char *out, uint32_t out_size)
{
    int ends[2];
    out[0] = 0;
    if (pipe2(ends, O_CLOEXEC))
        return 0;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(ends[1], 1);
        dup2(null, 2);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(ends[1]);
    ssize_t got = pid > 0 ? read(ends[0], out, out_size - 1) : 0;
    close(ends[0]);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    out[got > 0 ? got : 0] = 0;
    out[strcspn(out, "\n")] = 0;
    return out[0] != 0;
}

/* utime + stime in us from a stat file of /proc; *parent gets the parent's id. */
static uint64_t stat_cpu_us(const char *path, long *parent, char *name)
{
    char text[1024];
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    size_t got = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[got] = 0;
    char *open_bracket = strchr(text, '('), *close_bracket = strrchr(text, ')');
    unsigned long user = 0, system_ticks = 0;
    if (!open_bracket || !close_bracket ||
        sscanf(close_bracket + 1, " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", parent,
               &user, &system_ticks) != 3)
        return 0;
    if (name)
        snprintf(name, 16, "%.*s", (int)(close_bracket - open_bracket - 1), open_bracket + 1);
    return (uint64_t)(user + system_ticks) * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
}

uint64_t bench_child_cpu_us(pid_t pid)
{
    char path[300];
    long parent = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    uint64_t sum = stat_cpu_us(path, &parent, NULL);
    DIR *proc = opendir("/proc");
    for (struct dirent *entry = proc ? readdir(proc) : NULL; entry; entry = readdir(proc)) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
        uint64_t used = stat_cpu_us(path, &parent, NULL);
        if (parent == (long)pid)
            sum += used;
    }
    if (proc)
        closedir(proc);
    return sum;
}

uint64_t bench_child_busy_us(void)
{
    unsigned long user = 0, nice_ticks = 0, kernel = 0, interrupts = 0, soft = 0, stolen = 0;
    FILE *file = fopen("/proc/stat", "r");
    int got = file ? fscanf(file, "cpu %lu %lu %lu %*u %*u %lu %lu %lu", &user, &nice_ticks,
                            &kernel, &interrupts, &soft, &stolen)
                   : 0;
    if (file)
        fclose(file);
    if (got < 5)
        return 0;
    return (uint64_t)(user + nice_ticks + kernel + interrupts + soft + stolen) * 1000000u /
           (uint64_t)sysconf(_SC_CLK_TCK);
}

unsigned bench_child_threads(pid_t pid, struct bench_thread_cpu *out, unsigned max)
{
    char path[300];
    unsigned count = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    for (struct dirent *entry = tasks ? readdir(tasks) : NULL; entry; entry = readdir(tasks)) {
        long parent;
        char name[16] = "";
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", (int)pid, entry->d_name);
        uint64_t used = stat_cpu_us(path, &parent, name);
        unsigned at = 0;
        while (at < count && strcmp(out[at].name, name) != 0)
            at++;
        if (at == count) {
            if (count == max)
                continue;
            memcpy(out[count].name, name, sizeof(name));
            out[count++].cpu_us = 0;
        }
        out[at].cpu_us += used;
    }
    if (tasks)
        closedir(tasks);
    return count;
}

uint64_t bench_child_memory(pid_t pid)
{
    char path[64], line[200];
    unsigned long kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "RssAnon: %lu kB", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return (uint64_t)kib * 1024;
}
