/* The log that preload_record.c writes and image.c reads: every storage call of one process below
 * one folder, and every byte it sent over a socket, in one global order.
 *
 * A log is a row of entries: the struct below, then `size` bytes of payload (none when
 * RECORD_ZEROS is set) and zeros up to a multiple of 8. A write is logged when it has returned, so
 * that a cut never has to guess how much of it the kernel saw; a write through O_DSYNC is logged
 * before, and again as DONE when it is durable; a sync is logged before and after, and the caller
 * goes on after that. Bytes for a client are sent and logged in one step, so what a client saw
 * stands behind what was durable. */
#ifndef TESTS_CRASH_RECORD_H
#define TESTS_CRASH_RECORD_H

#include <stdint.h>

enum record_kind {
    RECORD_OPEN = 1,   /* handle, payload path; flags below */
    RECORD_WRITE,      /* handle, offset, payload data */
    RECORD_WRITE_DONE, /* handle: its last O_DSYNC write is durable */
    RECORD_TRUNCATE,   /* handle, offset = new size */
    RECORD_ALLOCATE,   /* handle, offset, extra = length: file grows, no data */
    RECORD_SYNC,       /* handle: a sync begins */
    RECORD_SYNC_DONE,  /* handle: what was logged before its SYNC is durable */
    RECORD_RENAME,     /* payload old path, 0, new path */
    RECORD_UNLINK,     /* payload path */
    RECORD_MKDIR,      /* payload path */
    RECORD_RMDIR,      /* payload path */
    RECORD_SENT,       /* handle = number of the socket; payload bytes for a client */
    RECORD_HALTED,     /* payload: why this recording cannot be used */
};

#define RECORD_ZEROS   1u  /* WRITE: extra bytes, all zero, no payload */
#define RECORD_CREATED 2u  /* OPEN: the file was not there before */
#define RECORD_TRUNC   4u  /* OPEN: O_TRUNC */
#define RECORD_DURABLE 8u  /* WRITE: by O_SYNC or O_DSYNC */
#define RECORD_FOLDER  16u /* OPEN: it is a folder */

struct record_entry {
    uint32_t kind;
    uint32_t flags;
    uint32_t handle;
    uint32_t size; /* bytes of payload */
    uint64_t offset;
    uint64_t extra;
};

static inline uint64_t record_padded(uint64_t size)
{
    return (size + 7) & ~UINT64_C(7);
}

/* Environment of the recorded process. */
#define RECORD_ENV_LOG  "STK_RECORD_LOG"  /* the log, created */
#define RECORD_ENV_ROOT "STK_RECORD_ROOT" /* absolute path; only what lies below is recorded */
/* "nosync": syncs return 0 and do nothing: a planted fault. */
#define RECORD_ENV_PLANT "STK_RECORD_PLANT"

#endif
