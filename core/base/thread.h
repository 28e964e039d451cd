/* Named threads with a role, and sleeping until told. Roles are asserted where they matter. */
#ifndef STK_BASE_THREAD_H
#define STK_BASE_THREAD_H

#include "core/base/err.h"
#include <pthread.h>
#include <stdint.h>

enum stk_role {
    STK_ROLE_NONE, /* a thread that nobody named: a test's */
    STK_ROLE_MAIN,
    STK_ROLE_ENGINE,
    STK_ROLE_JOURNAL,
    STK_ROLE_FOLD,
    STK_ROLE_READER,
    STK_ROLE_NET,
    STK_ROLE_PLUGIN,
};

struct stk_thread {
    pthread_t handle;
    int running;
};

/* Start fn(arg) in a thread named `name` (15 letters at most) with that role. All signals are
 * blocked in it but those of its own faults (SIGSEGV and its kin). */
enum stk_status stk_thread_start(struct stk_thread *thread, enum stk_role role, const char *name,
                                 void (*fn)(void *arg), void *arg, struct stk_error *err);
void stk_thread_join(struct stk_thread *thread);
/* Give the calling thread a role (main, the simulator). */
void stk_thread_set_role(enum stk_role role);
/* 1 when the calling thread has this role, or none at all (a test that plays every role). */
int stk_thread_is(enum stk_role role);

/* A parking place for one thread: wake() before wait() is not lost; several wakes are one.
 * Lock-free on the waker's side unless somebody waits (futex). */
struct stk_park {
    _Atomic uint32_t word;
};
void stk_park_wait(struct stk_park *park, int64_t timeout_ns); /* timeout < 0: none */
void stk_park_wake(struct stk_park *park);                     /* any thread */

#endif
