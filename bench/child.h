/* Child processes: started in a process group of their own, ended by their ids, killed by the
 * kernel when this program dies. Main thread only. */
#ifndef STK_BENCH_CHILD_H
#define STK_BENCH_CHILD_H

#include <stdint.h>
#include <sys/types.h>

/* Start a program, its output and errors appended to `log`; as `user` when we are root (NULL: as we
 * are). 0: it printed why not. */
pid_t bench_child_start(const char *const argv[], const char *user, const char *log);
/* Start it and wait for its end. 1 when it returned 0, else prints why and the end of the log. */
int bench_child_run(const char *const argv[], const char *user, const char *log, int timeout_ms);
/* 1 while it runs. */
int bench_child_alive(pid_t pid);
/* Send a signal, wait for the end, kill when it takes too long. pid 0: nothing. */
void bench_child_stop(pid_t pid, int signal_number, int timeout_ms);
/* Ends every child that still runs. */
void bench_child_stop_all(void);
/* The last lines of a log, to stderr. */
void bench_child_show_log(const char *log);

/* Make a file or folder that user's own when we are root. */
int bench_child_give(const char *path, const char *user);
/* Looks for a program in $PATH, then in each match of the pattern "more" (may be NULL), the last
 * one first. 1: path in out[BENCH_PATH_MAX]. */
int bench_child_find(char *out, const char *name, const char *more);
/* First line that a program prints. 0: nothing. */
int bench_child_line(const char *const argv[], char *out, uint32_t out_size);

/* CPU time in us of a process and its direct children so far. */
uint64_t bench_child_cpu_us(pid_t pid);
/* CPU time in us that all processors together were busy since the machine started, whoever it was;
 * what a hypervisor took away counts as busy. */
uint64_t bench_child_busy_us(void);
/* CPU time in us of the threads of a process, summed by name. Returns how many names. */
struct bench_thread_cpu {
    char name[16];
    uint64_t cpu_us;
};
unsigned bench_child_threads(pid_t pid, struct bench_thread_cpu *out, unsigned max);
/* Memory that is its own (not pages of files that it maps), in bytes. */
uint64_t bench_child_memory(pid_t pid);

#endif
