/* The child process of an instance: started, watched, ended. One thread: the channel's. */
#ifndef STK_PLUG_CHILD_H
#define STK_PLUG_CHILD_H

#include "core/base/loop.h"
#include <sys/types.h>

#define STK_CHILD_REFUSED 65 /* exit code of stockade-plugin-host: the file cannot be used */

struct stk_child {
    pid_t pid; /* 0 = there is none */
    int pid_fd;
    struct stk_loop_fd *watch;
    void (*on_end)(void *arg, int wait_status);
    void *arg;
};

struct stk_child_options {
    const char *program; /* stockade-plugin-host */
    const char *instance;
    const char *plugin;  /* path of the .so */
    uint64_t memory_max; /* bytes of address space */
    uint32_t files_max;
    const char *const
        *names;     /* variables that it may see, beside PATH, LANG and TZ; ended by NULL */
    const int *fds; /* STK_LINK_FDS of them */
};

/* on_end: it has ended by itself or was killed; from the loop, once. STK_IO: err says why. */
enum stk_status stk_child_start(struct stk_child *child, const struct stk_child_options *options,
                                struct stk_loop *loop, void (*on_end)(void *arg, int wait_status),
                                void *arg, struct stk_error *err);
/* SIGKILL; on_end follows. */
void stk_child_kill(struct stk_child *child);
/* SIGKILL and wait; no on_end. */
void stk_child_end(struct stk_child *child);

/* Where the program lies beside the one that runs: "FOLDER/name" into path. */
void stk_child_beside(const char *name, char *path, uint32_t size);

#endif
