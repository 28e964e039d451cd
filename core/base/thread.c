/* Threads with a role, and the place where one of them sleeps.
 *
 * A thread's role is set before its function runs and never changes by itself. The faults of the
 * thread itself (SIGSEGV and its kin) are left unblocked, so that sanitizers and core dumps see
 * them; every other signal goes to the main thread. */
#include "core/base/thread.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Thread_local enum stk_role own_role = STK_ROLE_NONE;

struct start {
    enum stk_role role;
    char name[16];
    void (*fn)(void *arg);
    void *arg;
};

static void *run(void *arg)
{
    struct start start = *(struct start *)arg;
    stk_free(arg);
    own_role = start.role;
    pthread_setname_np(pthread_self(), start.name);
    start.fn(start.arg);
    return NULL;
}

static void all_but_faults(sigset_t *set)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigfillset(set);
    for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(set, faults[i]);
}

enum stk_status stk_thread_start(struct stk_thread *thread, enum stk_role role, const char *name,
                                 void (*fn)(void *arg), void *arg, struct stk_error *err)
{
    sigset_t blocked, before;
    struct start *start = stk_alloc(sizeof *start);
    thread->running = 0;
    if (!start)
        return stk_error_set(err, STK_NO_MEMORY, "thread %s: out of memory", name);
    *start = (struct start){.role = role, .fn = fn, .arg = arg};
    snprintf(start->name, sizeof start->name, "%.15s", name);
    all_but_faults(&blocked);
    pthread_sigmask(SIG_BLOCK, &blocked, &before); /* inherited by the new thread */
    int fault = pthread_create(&thread->handle, NULL, run, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (fault) {
        stk_free(start);
        return stk_error_errno(err, fault, "thread %s: cannot start", name);
    }
    thread->running = 1;
    return STK_OK;
}

void stk_thread_join(struct stk_thread *thread)
{
    if (!thread->running)
        return;
    stk_assert(pthread_join(thread->handle, NULL) == 0);
    thread->running = 0;
}

void stk_thread_set_role(enum stk_role role)
{
    own_role = role;
}

int stk_thread_is(enum stk_role role)
{
    return own_role == role || own_role == STK_ROLE_NONE;
}

/* --- parking --- */

enum { EMPTY, TOKEN, WAITING };

/* On the monotonic clock, which is the futex's too. */
static struct timespec deadline_after(int64_t timeout_ns)
{
    struct stk_clock clock = stk_clock_real();
    int64_t now_ns = clock.monotonic_ns(clock.self);
    int64_t at_ns = timeout_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + timeout_ns;
    return (struct timespec){.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000};
}

void stk_park_wait(struct stk_park *park, int64_t timeout_ns)
{
    struct timespec deadline;
    uint32_t word = EMPTY;
    int timed_out = 0;
    /* acquire: pairs with wake; what the waker wrote before is seen */
    if (atomic_exchange_explicit(&park->word, EMPTY, memory_order_acquire) == TOKEN ||
        timeout_ns == 0)
        return;
    if (timeout_ns > 0)
        deadline = deadline_after(timeout_ns);
    while (!timed_out) {
        word = EMPTY;
        if (atomic_compare_exchange_strong_explicit(&park->word, &word, WAITING,
                                                    memory_order_acquire, memory_order_acquire)) {
            long rc =
                syscall(SYS_futex, &park->word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, WAITING,
                        timeout_ns > 0 ? &deadline : NULL, NULL, FUTEX_BITSET_MATCH_ANY);
            timed_out = rc < 0 && errno == ETIMEDOUT;
        }
        if (atomic_exchange_explicit(&park->word, EMPTY, memory_order_acquire) == TOKEN)
            return;
    }
}

void stk_park_wake(struct stk_park *park)
{
    /* release: pairs with the exchanges in wait */
    if (atomic_exchange_explicit(&park->word, TOKEN, memory_order_acq_rel) == WAITING)
        syscall(SYS_futex, &park->word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}
