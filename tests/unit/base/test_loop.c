#include "core/base/log.h"
#include "core/base/loop.h"
#include "core/base/mem.h"
#include "core/base/thread.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct rig {
    struct stk_loop *loop;
    struct stk_loop_fd *fd;
    struct stk_loop_timer *timer, *other;
    int ends[2];
    int reads, writes, fired, wakes;
    int stop_after;
    _Atomic int go_on;
    int64_t calls;
};

static int64_t now_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static struct rig rig_open(void)
{
    struct rig rig = {.loop = stk_loop_create(NULL), .stop_after = 1};
    assert_non_null(rig.loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, rig.ends), 0);
    return rig;
}

static void rig_close(struct rig *rig)
{
    stk_loop_fd_remove(rig->fd);
    stk_loop_timer_remove(rig->timer);
    stk_loop_timer_remove(rig->other);
    stk_loop_destroy(rig->loop);
    close(rig->ends[0]);
    close(rig->ends[1]);
}

static void read_or_write(void *arg, int events)
{
    struct rig *rig = arg;
    char byte;
    if (events & STK_LOOP_READ) {
        rig->reads++;
        if (read(rig->ends[0], &byte, 1) == 1 && byte == 'w')
            assert_int_equal(stk_loop_fd_interest(rig->fd, STK_LOOP_READ | STK_LOOP_WRITE), 0);
        if (byte == 'q')
            stk_loop_stop(rig->loop);
    }
    if (events & STK_LOOP_WRITE) {
        rig->writes++;
        assert_int_equal(stk_loop_fd_interest(rig->fd, STK_LOOP_READ), 0);
    }
}

static void fds_are_watched_for_what_is_asked(void **state)
{
    struct rig rig = rig_open();
    (void)state;
    rig.fd = stk_loop_fd_add(rig.loop, rig.ends[0], STK_LOOP_READ, read_or_write, &rig);
    assert_non_null(rig.fd);
    assert_int_equal(write(rig.ends[1], "awawq", 5), 5);
    stk_loop_run(rig.loop);
    assert_int_equal(rig.reads, 5);
    assert_int_equal(rig.writes, 2);
    /* no interest, no call */
    assert_int_equal(stk_loop_fd_interest(rig.fd, 0), 0);
    assert_int_equal(write(rig.ends[1], "q", 1), 1);
    stk_loop_stop(rig.loop);
    stk_loop_run(rig.loop);
    assert_int_equal(rig.reads, 5);
    assert_int_equal(stk_loop_fd_interest(rig.fd, STK_LOOP_READ), 0);
    stk_loop_run(rig.loop);
    assert_int_equal(rig.reads, 6);
    rig_close(&rig);
}

static void remove_self(void *arg, int events)
{
    struct rig *rig = arg;
    (void)events;
    rig->reads++;
    stk_loop_fd_remove(rig->fd);
    rig->fd = NULL;
    stk_loop_stop(rig->loop);
}

static void an_fd_may_remove_itself_when_called(void **state)
{
    struct rig rig = rig_open();
    (void)state;
    /* ready for both at once: the second event must not come any more */
    rig.fd =
        stk_loop_fd_add(rig.loop, rig.ends[0], STK_LOOP_READ | STK_LOOP_WRITE, remove_self, &rig);
    assert_int_equal(write(rig.ends[1], "a", 1), 1);
    stk_loop_run(rig.loop);
    assert_int_equal(rig.reads, 1);
    stk_loop_stop(rig.loop);
    stk_loop_run(rig.loop);
    assert_int_equal(rig.reads, 1);
    rig_close(&rig);
}

static void count_fire(void *arg)
{
    struct rig *rig = arg;
    if (++rig->fired == rig->stop_after)
        stk_loop_stop(rig->loop);
}

static void timers_fire_when_due(void **state)
{
    struct rig rig = rig_open();
    (void)state;
    rig.timer = stk_loop_timer_add(rig.loop, count_fire, &rig);
    rig.other = stk_loop_timer_add(rig.loop, count_fire, &rig);
    int64_t before = now_ms();
    stk_loop_timer_arm(rig.timer, 20, 0);
    stk_loop_run(rig.loop);
    assert_int_equal(rig.fired, 1);
    assert_true(now_ms() - before >= 20 - 5); /* libevent's clock is 4 ms coarse */
    /* once is once: the other one ends the loop much later */
    rig.fired = 0, rig.stop_after = 4;
    before = now_ms();
    stk_loop_timer_arm(rig.other, 10, 1);
    stk_loop_run(rig.loop);
    assert_int_equal(rig.fired, 4);
    assert_true(now_ms() - before >= 40 - 5);
    rig_close(&rig);
}

static void disarm_the_other(void *arg)
{
    struct rig *rig = arg;
    rig->fired++;
    stk_loop_timer_disarm(rig->timer);
    stk_loop_timer_disarm(rig->other);
    stk_loop_stop(rig->loop);
}

static void a_disarmed_timer_is_silent_until_armed(void **state)
{
    struct rig rig = rig_open();
    (void)state;
    rig.timer = stk_loop_timer_add(rig.loop, disarm_the_other, &rig);
    rig.other = stk_loop_timer_add(rig.loop, disarm_the_other, &rig);
    /* both are due in the same turn: the first one to fire takes the other one back */
    stk_loop_timer_arm(rig.timer, -5, 1);
    stk_loop_timer_arm(rig.other, 0, 1);
    nanosleep(&(struct timespec){0, 10000000}, NULL);
    stk_loop_run(rig.loop);
    assert_int_equal(rig.fired, 1);
    stk_loop_timer_arm(rig.timer, 1, 0);
    stk_loop_run(rig.loop);
    assert_int_equal(rig.fired, 2);
    stk_loop_timer_arm(rig.timer, INT64_MAX, 0);
    rig_close(&rig);
}

static void timer_removes_itself(void *arg)
{
    struct rig *rig = arg;
    rig->fired++;
    stk_loop_timer_remove(rig->timer);
    rig->timer = NULL;
    stk_loop_stop(rig->loop);
}

static void a_timer_may_remove_itself(void **state)
{
    struct rig rig = rig_open();
    (void)state;
    rig.timer = stk_loop_timer_add(rig.loop, timer_removes_itself, &rig);
    stk_loop_timer_arm(rig.timer, 0, 1);
    stk_loop_run(rig.loop);
    assert_int_equal(rig.fired, 1);
    rig_close(&rig);
}

static void stop_before_run_is_kept(void **state)
{
    struct rig rig = rig_open();
    (void)state;
    stk_loop_stop(rig.loop);
    stk_loop_run(rig.loop);
    rig_close(&rig);
}

static void count_wake(void *arg)
{
    struct rig *rig = arg;
    rig->wakes++;
    atomic_store(&rig->go_on, 1);
    if (rig->wakes == rig->stop_after)
        stk_loop_stop(rig->loop);
}

static void wake_often(void *arg)
{
    struct rig *rig = arg;
    for (int i = 0; i < rig->stop_after; i++) {
        atomic_store(&rig->go_on, 0);
        stk_loop_wake(rig->loop);
        while (!atomic_load(&rig->go_on))
            sched_yield();
    }
}

/* Each wake is waited for: one that is lost hangs the test. */
static void every_wake_arrives(void **state)
{
    struct rig rig = rig_open();
    struct stk_thread thread;
    (void)state;
    rig.stop_after = 5000;
    stk_loop_on_wake(rig.loop, count_wake, &rig);
    assert_int_equal(stk_thread_start(&thread, STK_ROLE_NONE, "waker", wake_often, &rig, NULL), 0);
    stk_loop_run(rig.loop);
    stk_thread_join(&thread);
    assert_int_equal(rig.wakes, 5000);
    rig_close(&rig);
}

static void many_wakes_are_one(void **state)
{
    struct rig rig = rig_open();
    (void)state;
    stk_loop_on_wake(rig.loop, count_wake, &rig);
    for (int i = 0; i < 1000; i++)
        stk_loop_wake(rig.loop);
    stk_loop_run(rig.loop);
    assert_int_equal(rig.wakes, 1);
    rig_close(&rig);
}

enum { MANY = 10000 };

struct many {
    struct stk_loop *loop;
    struct stk_loop_fd *watch[MANY];
    int fds[MANY];
    int seen;
    int64_t calls;
};

static void drain_one(void *arg, int events)
{
    struct many *many = arg;
    (void)events;
    many->seen++;
    if (many->seen == MANY) {
        /* by now every buffer of the library is as large as it gets */
        many->calls = stk_alloc_calls();
    }
    if (many->seen == 3 * MANY)
        stk_loop_stop(many->loop);
}

/* Ten thousand dup'ed ends of one pipe, all ready at once, over and over. */
static void ten_thousand_fds_and_no_allocation(void **state)
{
    struct rlimit limit;
    struct many *many = stk_alloc(sizeof *many);
    int ends[2];
    (void)state;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < MANY + 100)
        skip();
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(pipe(ends), 0);
    many->loop = stk_loop_create(NULL);
    for (int i = 0; i < MANY; i++) {
        many->fds[i] = dup(ends[0]);
        assert_true(many->fds[i] >= 0);
        many->watch[i] = stk_loop_fd_add(many->loop, many->fds[i], STK_LOOP_READ, drain_one, many);
        assert_non_null(many->watch[i]);
    }
    assert_int_equal(write(ends[1], "x", 1), 1);
    stk_loop_run(many->loop);
    assert_int_equal(stk_alloc_calls(), many->calls);
    for (int i = 0; i < MANY; i++) {
        stk_loop_fd_remove(many->watch[i]);
        close(many->fds[i]);
    }
    stk_loop_destroy(many->loop);
    close(ends[0]);
    close(ends[1]);
    stk_free(many);
}

/* Goal R13: whichever allocation fails, libevent's own included, nothing crashes or leaks. */
static void out_of_memory_is_reported(void **state)
{
    int complete = 0;
    (void)state;
    stk_log_level_set(STK_LOG_ERROR);
    for (int nth = 1; nth <= 100; nth++) {
        struct rig rig = {.stop_after = 1};
        struct stk_error err = {0};
        assert_int_equal(pipe(rig.ends), 0);
        stk_alloc_fail_at(nth, 1);
        rig.loop = stk_loop_create(&err);
        if (!rig.loop)
            assert_int_not_equal(err.status, STK_OK);
        if (rig.loop) {
            rig.fd = stk_loop_fd_add(rig.loop, rig.ends[0], STK_LOOP_READ, read_or_write, &rig);
            rig.timer = stk_loop_timer_add(rig.loop, count_fire, &rig);
        }
        if (rig.timer) {
            stk_loop_timer_arm(rig.timer, 0, 0);
            stk_loop_run(rig.loop);
            assert_int_equal(rig.fired, 1);
            complete += rig.fd != NULL;
        }
        stk_alloc_fail_at(0, 0);
        rig_close(&rig);
    }
    stk_log_level_set(STK_LOG_INFO);
    assert_true(complete > 50 && complete < 95); /* libevent alone asks more than five times */
}

static void never(void *arg)
{
    (void)arg;
    fail();
}

static void a_removed_timer_is_gone(void **state)
{
    struct rig rig = rig_open();
    (void)state;
    struct stk_loop_timer *gone = stk_loop_timer_add(rig.loop, never, NULL);
    rig.timer = stk_loop_timer_add(rig.loop, count_fire, &rig);
    stk_loop_timer_arm(gone, 1, 1);
    stk_loop_timer_arm(rig.timer, 20, 0);
    stk_loop_timer_remove(gone);
    stk_loop_run(rig.loop);
    assert_int_equal(rig.fired, 1);
    rig_close(&rig);
}

static int next_fd(void)
{
    int fd = dup(STDERR_FILENO);
    close(fd);
    return fd;
}

/* With 0, 1, ... fds left: refused with a reason, nothing left open. */
static void out_of_fds_is_reported(void **state)
{
    struct rlimit limit, tight;
    struct stk_loop *loop = NULL;
    int refused = 0;
    (void)state;
    getrlimit(RLIMIT_NOFILE, &limit);
    int first = next_fd();
    for (rlim_t room = 0; !loop && room < 10; room++) {
        struct stk_error err = {0};
        tight = limit;
        tight.rlim_cur = (rlim_t)first + room;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
        loop = stk_loop_create(&err);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        if (loop)
            break;
        refused++;
        assert_int_equal(err.status, STK_IO);
        assert_int_equal(next_fd(), first);
    }
    assert_non_null(loop);
    assert_int_equal(refused, 4); /* its own for waking, three of libevent's */
    stk_loop_destroy(loop);
    stk_loop_destroy(NULL);
    assert_int_equal(next_fd(), first);
}

static void the_library_speaks_through_our_log(void **state)
{
    char words[1000] = "";
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    int kept = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    stk_alloc_fail_at(3, 1); /* the loop's own, the config's, the base's */
    struct stk_loop *loop = stk_loop_create(NULL);
    stk_alloc_fail_at(0, 0);
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_null(loop);
    assert_true(read(ends[0], words, sizeof words - 1) > 0);
    assert_non_null(strstr(words, "WARN  libevent: "));
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fds_are_watched_for_what_is_asked),
        cmocka_unit_test(an_fd_may_remove_itself_when_called),
        cmocka_unit_test(timers_fire_when_due),
        cmocka_unit_test(a_disarmed_timer_is_silent_until_armed),
        cmocka_unit_test(a_timer_may_remove_itself),
        cmocka_unit_test(stop_before_run_is_kept),
        cmocka_unit_test(every_wake_arrives),
        cmocka_unit_test(many_wakes_are_one),
        cmocka_unit_test(ten_thousand_fds_and_no_allocation),
        cmocka_unit_test(out_of_memory_is_reported),
        cmocka_unit_test(a_removed_timer_is_gone),
        cmocka_unit_test(out_of_fds_is_reported),
        cmocka_unit_test(the_library_speaks_through_our_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
