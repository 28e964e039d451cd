/* What preload_fault.c does to a process, told through a shared file: the n-th storage call or
 * allocation fails, the disk is full, the wall clock steps. The test maps the same file and may
 * change it at any time. */
#ifndef TESTS_CRASH_CONTROL_H
#define TESTS_CRASH_CONTROL_H

#include <stdatomic.h>
#include <stdint.h>

enum control_kind {
    CONTROL_EIO = 1, /* fails with EIO; a sync does not sync */
    CONTROL_SHORT,   /* a write writes half of it; other calls: EIO */
    CONTROL_EINTR,   /* fails with EINTR once; not a sync: local file systems do not interrupt
                        them, LMDB does not expect it, and all threads block signals */
};

struct control {
    _Atomic uint64_t calls;   /* storage calls below the root so far */
    _Atomic uint64_t fail_at; /* the call with this number fails; 0: none */
    _Atomic uint32_t kind;
    _Atomic uint32_t fired;
    _Atomic uint64_t syncs_after;  /* syncs of that file after an EIO or a short write */
    _Atomic uint64_t writes_after; /* other calls on it after that */
    _Atomic int64_t failed_at_ns;  /* monotonic */
    _Atomic int64_t clock_offset_ms;
    _Atomic int64_t free_bytes; /* below 0: as it is; else so much may files grow in all */
    _Atomic uint32_t untold; /* and whoever asks how much is free is told of more, as by a quota */
    _Atomic uint64_t refused_growths;
    _Atomic uint64_t allocations;   /* by malloc and its like so far */
    _Atomic uint64_t alloc_fail_at; /* the one with this number fails; 0: none */
    _Atomic uint32_t alloc_fired;
    _Atomic int64_t in_use; /* blocks; what is left when the process ends in order */
    char what[128];         /* the call that failed, and its file */
};

#define CONTROL_ENV_FILE "STK_CONTROL"
#define CONTROL_ENV_ROOT "STK_CONTROL_ROOT" /* absolute; only files below count */

struct daemon;
/* Make the file in the daemon's folder, map it, and set the daemon's variables (LD_PRELOAD too). */
struct control *control_create(struct daemon *daemon);
/* All back to nothing happens; counts to 0. */
void control_reset(struct control *control);
void control_destroy(struct control *control);

#endif
