/* The temporary folder and the wish to stop. Whatever way the program ends, the folder is removed.
 * Main thread only, but for bench_stopping, bench_now_ns and bench_sleep_ms. */
#ifndef STK_BENCH_SCRATCH_H
#define STK_BENCH_SCRATCH_H

#include <stdint.h>

#define BENCH_PATH_MAX 512

/* Makes <parent>/stockade-bench-XXXXXX and takes SIGINT and SIGTERM. 0: it printed why not. */
int bench_scratch_open(const char *parent, int keep);
const char *bench_scratch_path(void);
/* <scratch>/<name> into out[BENCH_PATH_MAX]; returns out. */
char *bench_scratch_file(char *out, const char *name);
/* Makes <scratch>/<name>, path into out. 0: it printed why not. */
int bench_scratch_folder(char *out, const char *name);
/* Removes a folder or file below the scratch and all in it, unless all is to be kept. */
void bench_scratch_remove(const char *path);
void bench_scratch_close(void);
/* "ext4", "tmpfs", ...: where the scratch lies. */
const char *bench_scratch_disk(void);
/* Median of `count` appends of 4 KiB with fdatasync there, in us; 0 when it cannot be measured. */
double bench_scratch_sync_us(unsigned count);

/* 1 after Ctrl-C or SIGTERM: finish soon. Any thread. */
int bench_stopping(void);
/* The exit code after such a signal, else `code`. */
int bench_exit_code(int code);

void bench_sleep_ms(int ms);
int64_t bench_now_ns(void); /* monotonic */
int64_t bench_wall_ms(void);
int64_t bench_cpu_ns(void); /* of the calling thread */

#endif
