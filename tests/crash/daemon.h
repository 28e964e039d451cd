/* The daemon under test: one process, its data folder, its config, its end. One thread. */
#ifndef TESTS_CRASH_DAEMON_H
#define TESTS_CRASH_DAEMON_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#define DAEMON_VARIABLES 16

struct daemon {
    char *folder;                      /* of this test: data, config, what it printed */
    char data[PATH_MAX];               /* --data */
    char door[PATH_MAX];               /* the Unix socket */
    char config[PATH_MAX];             /* --config */
    char printed[PATH_MAX];            /* its stdout and stderr of all runs */
    pid_t pid;                         /* 0: not running */
    int out;                           /* reading end of its stdout, 0: none */
    int64_t start_ms;                  /* that the last start took until ready */
    int64_t start_cpu_ms;              /* of processor time */
    char *variables[DAEMON_VARIABLES]; /* "NAME=value" for the next start */
    unsigned variable_count;
};

/* folder: made by place_folder, taken over. settings: lines of YAML for the config beside what
 * every test needs; NULL: none. */
void daemon_init(struct daemon *daemon, char *folder, const char *settings);
/* Kill it if need be, remove the folder; with CRASH_KEEP set it stays. */
void daemon_fini(struct daemon *daemon);

/* For the next start and all after it; value NULL takes it away. */
void daemon_set(struct daemon *daemon, const char *name, const char *value);
/* Start and wait for the ready line. 0; -1 when it ended or was not ready in time (daemon->pid is
 * then 0, and *status, if given, what waitpid said). */
int daemon_start(struct daemon *daemon, int timeout_ms, int *status);
void daemon_kill(struct daemon *daemon); /* SIGKILL, and wait */
/* SIGTERM, and wait: what waitpid said, or -1 when it did not end in time and was killed. */
int daemon_stop(struct daemon *daemon, int timeout_ms);
/* Wait for its own end: 1 and *status, or 0 when it still runs. */
int daemon_ended(struct daemon *daemon, int timeout_ms, int *status);
/* Processor time that it took since it started. */
int64_t daemon_cpu_ms(const struct daemon *daemon);
/* The last lines that it printed go to our stdout, indented. */
void daemon_show(const struct daemon *daemon);

int64_t clock_ms(void);      /* monotonic */
int64_t clock_wall_ms(void); /* since 1970 */

#endif
