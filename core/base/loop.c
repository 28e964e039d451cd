/* The one door to libevent in base: a loop per thread.
 *
 * Always true: everything but stop and wake is called by the thread that runs the loop (or before
 * it runs). An fd has one event for reading and one for writing, so that a change of interest is
 * one add or one delete. A timer that is not armed waits in libevent's heap for the far future, so
 * that arming one needs no memory. The wake fd is edge-triggered and never read: a write makes a
 * new edge, and its counter would need 2^64 writes to be full. */
#include "core/base/loop.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/thread.h"
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct stk_loop {
    struct event_base *base;
    void (*woken)(void *arg);
    void *woken_arg;
    struct event wake_event;
    int wake_fd;
    /* any thread */
    _Atomic uint32_t wake_pending;
    _Atomic uint32_t stopping;
};

struct stk_loop_fd {
    struct event read;
    struct event write;
    int interest;
    void (*ready)(void *arg, int events);
    void *arg;
};

struct stk_loop_timer {
    struct event event;
    void (*fire)(void *arg);
    void *arg;
    int64_t delay_ms;
    int repeat;
};

static void on_wake(evutil_socket_t fd, short what, void *self)
{
    struct stk_loop *loop = self;
    (void)fd, (void)what;
    /* Cleared before the work, so that a wake from now on comes again. acquire: pairs with wake,
     * what the waker wrote before is seen. */
    atomic_exchange_explicit(&loop->wake_pending, 0, memory_order_acq_rel);
    if (loop->woken)
        loop->woken(loop->woken_arg);
    /* acquire: pairs with the store in stk_loop_stop */
    if (atomic_load_explicit(&loop->stopping, memory_order_acquire))
        event_base_loopbreak(loop->base);
}

static void on_library_log(int severity, const char *words)
{
    enum stk_log_level level = severity == EVENT_LOG_ERR    ? STK_LOG_ERROR
                               : severity == EVENT_LOG_WARN ? STK_LOG_WARN
                                                            : STK_LOG_DEBUG;
    stk_log(level, "libevent: %s", words);
}

/* libevent's own settings are the process's: its memory comes from where it can be made to fail,
 * its words go to our log. */
static void library_setup(void)
{
    event_set_mem_functions(stk_alloc, stk_realloc, stk_free);
    event_set_log_callback(on_library_log);
}

/* 0 when the process has no room for the three fds of an event base (epoll, and a pair for
 * signals): libevent ends the process when it cannot get the pair. */
static int has_fds_for_base(int some_fd)
{
    int fds[3];
    unsigned count = 0;
    while (count < 3 && (fds[count] = fcntl(some_fd, F_DUPFD_CLOEXEC, 0)) >= 0)
        count++;
    int enough = count == 3;
    int reason = errno;
    while (count > 0)
        close(fds[--count]);
    errno = reason;
    return enough;
}

static struct event_base *base_create(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct event_base *base = NULL;
    pthread_once(&once, library_setup);
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    /* one thread only, and an environment that cannot change what we run on */
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

struct stk_loop *stk_loop_create(struct stk_error *err)
{
    struct stk_loop *loop = stk_alloc(sizeof *loop);
    if (!loop) {
        stk_error_set(err, STK_NO_MEMORY, "loop: out of memory");
        return NULL;
    }
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0) {
        stk_error_errno(err, errno, "loop: eventfd");
        goto fail;
    }
    if (!has_fds_for_base(loop->wake_fd)) {
        stk_error_errno(err, errno, "loop: no room for its fds");
        goto fail;
    }
    loop->base = base_create();
    if (!loop->base) {
        stk_error_set(err, STK_IO, "loop: cannot create an event base");
        goto fail;
    }
    if (event_assign(&loop->wake_event, loop->base, loop->wake_fd, EV_READ | EV_PERSIST | EV_ET,
                     on_wake, loop) != 0 ||
        event_add(&loop->wake_event, NULL) != 0) {
        stk_error_set(err, STK_IO, "loop: cannot watch its wake-up");
        goto fail;
    }
    return loop;
fail:
    stk_loop_destroy(loop);
    return NULL;
}

void stk_loop_run(struct stk_loop *loop)
{
    /* acquire: pairs with the store in stk_loop_stop */
    while (!atomic_load_explicit(&loop->stopping, memory_order_acquire))
        stk_assert(event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) >= 0);
    atomic_store_explicit(&loop->stopping, 0, memory_order_relaxed);
}

void stk_loop_stop(struct stk_loop *loop)
{
    /* release: pairs with the loads in run and on_wake */
    atomic_store_explicit(&loop->stopping, 1, memory_order_release);
    stk_loop_wake(loop);
}

void stk_loop_destroy(struct stk_loop *loop)
{
    if (!loop)
        return;
    if (loop->base)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    stk_free(loop);
}

/* --- fds --- */

static void on_read(evutil_socket_t fd, short what, void *self)
{
    struct stk_loop_fd *watch = self;
    (void)fd, (void)what;
    watch->ready(watch->arg, STK_LOOP_READ); /* may have removed watch */
}

static void on_write(evutil_socket_t fd, short what, void *self)
{
    struct stk_loop_fd *watch = self;
    (void)fd, (void)what;
    watch->ready(watch->arg, STK_LOOP_WRITE); /* may have removed watch */
}

struct stk_loop_fd *stk_loop_fd_add(struct stk_loop *loop, int fd, int interest,
                                    void (*ready)(void *arg, int events), void *arg)
{
    struct stk_loop_fd *watch = stk_alloc(sizeof *watch);
    if (!watch)
        return NULL;
    watch->ready = ready;
    watch->arg = arg;
    if (event_assign(&watch->read, loop->base, fd, EV_READ | EV_PERSIST, on_read, watch) != 0 ||
        event_assign(&watch->write, loop->base, fd, EV_WRITE | EV_PERSIST, on_write, watch) != 0 ||
        stk_loop_fd_interest(watch, interest) != STK_OK) {
        stk_loop_fd_remove(watch);
        return NULL;
    }
    return watch;
}

static int interest_change(struct event *event, int wanted, int present)
{
    if (wanted == present)
        return 0;
    return wanted ? event_add(event, NULL) : event_del(event);
}

enum stk_status stk_loop_fd_interest(struct stk_loop_fd *watch, int interest)
{
    static const int bits[] = {STK_LOOP_READ, STK_LOOP_WRITE};
    struct event *events[] = {&watch->read, &watch->write};
    for (int i = 0; i < 2; i++) {
        if (interest_change(events[i], interest & bits[i], watch->interest & bits[i]) != 0)
            return STK_NO_MEMORY;
        watch->interest = (watch->interest & ~bits[i]) | (interest & bits[i]);
    }
    return STK_OK;
}

void stk_loop_fd_remove(struct stk_loop_fd *watch)
{
    if (!watch)
        return;
    stk_loop_fd_interest(watch, 0);
    stk_free(watch);
}

/* --- timers --- */

#define FAR_FUTURE_MS (100ll * 365 * 24 * 3600 * 1000)

static int timer_set(struct stk_loop_timer *timer, int64_t delay_ms)
{
    struct timeval delay = {.tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};
    return event_add(&timer->event, &delay);
}

static void on_timer(evutil_socket_t fd, short what, void *self)
{
    struct stk_loop_timer *timer = self;
    (void)fd, (void)what;
    stk_assert(timer_set(timer, timer->repeat ? timer->delay_ms : FAR_FUTURE_MS) == 0);
    timer->fire(timer->arg); /* may have removed timer */
}

struct stk_loop_timer *stk_loop_timer_add(struct stk_loop *loop, void (*fire)(void *arg), void *arg)
{
    struct stk_loop_timer *timer = stk_alloc(sizeof *timer);
    if (!timer)
        return NULL;
    timer->fire = fire;
    timer->arg = arg;
    if (event_assign(&timer->event, loop->base, -1, 0, on_timer, timer) != 0 ||
        timer_set(timer, FAR_FUTURE_MS) != 0) {
        stk_free(timer);
        return NULL;
    }
    return timer;
}

void stk_loop_timer_arm(struct stk_loop_timer *timer, int64_t delay_ms, int repeat)
{
    timer->delay_ms = delay_ms < 0 ? 0 : delay_ms > FAR_FUTURE_MS ? FAR_FUTURE_MS : delay_ms;
    timer->repeat = repeat;
    stk_assert(timer_set(timer, timer->delay_ms) == 0);
}

void stk_loop_timer_disarm(struct stk_loop_timer *timer)
{
    /* libevent takes it back when it is due already and waits for its turn */
    stk_assert(timer_set(timer, FAR_FUTURE_MS) == 0);
}

void stk_loop_timer_remove(struct stk_loop_timer *timer)
{
    if (!timer)
        return;
    event_del(&timer->event);
    stk_free(timer);
}

/* --- from other threads --- */

void stk_loop_on_wake(struct stk_loop *loop, void (*woken)(void *arg), void *arg)
{
    loop->woken = woken;
    loop->woken_arg = arg;
}

void stk_loop_wake(struct stk_loop *loop)
{
    const uint64_t one = 1;
    /* An exchange and not a load: it orders what the caller wrote before. Pairs with on_wake. */
    if (atomic_exchange_explicit(&loop->wake_pending, 1, memory_order_acq_rel))
        return;
    while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}
