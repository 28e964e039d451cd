#include "core/base/mem.h"
#include "core/base/thread.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct seen {
    int is_engine;
    int is_net;
    char name[16];
    sigset_t blocked;
};

static void look_around(void *arg)
{
    struct seen *seen = arg;
    seen->is_engine = stk_thread_is(STK_ROLE_ENGINE);
    seen->is_net = stk_thread_is(STK_ROLE_NET);
    pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
    pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
}

static void thread_has_role_name_and_no_signals(void **state)
{
    struct stk_thread thread;
    struct seen seen = {0};
    (void)state;
    assert_int_equal(stk_thread_start(&thread, STK_ROLE_ENGINE, "a-name-of-20-letters", look_around,
                                      &seen, NULL),
                     STK_OK);
    stk_thread_join(&thread);
    stk_thread_join(&thread);
    assert_true(seen.is_engine);
    assert_false(seen.is_net);
    assert_string_equal(seen.name, "a-name-of-20-le");
    assert_true(sigismember(&seen.blocked, SIGTERM));
    assert_true(sigismember(&seen.blocked, SIGINT));
    assert_false(sigismember(&seen.blocked, SIGSEGV));
    pthread_sigmask(SIG_SETMASK, NULL, &seen.blocked);
    assert_false(sigismember(&seen.blocked, SIGTERM));
}

static void start_reports_out_of_memory(void **state)
{
    struct stk_thread thread;
    struct stk_error err;
    (void)state;
    memset(&thread, 0xff, sizeof thread);
    stk_alloc_fail_at(1, 1);
    assert_int_equal(stk_thread_start(&thread, STK_ROLE_NET, "net", look_around, NULL, &err),
                     STK_NO_MEMORY);
    assert_non_null(strstr(err.text, "net"));
    stk_alloc_fail_at(0, 0);
    stk_thread_join(&thread);
}

static void a_thread_without_role_plays_all(void **state)
{
    (void)state;
    assert_true(stk_thread_is(STK_ROLE_ENGINE));
    stk_thread_set_role(STK_ROLE_MAIN);
    assert_false(stk_thread_is(STK_ROLE_ENGINE));
    assert_true(stk_thread_is(STK_ROLE_MAIN));
    stk_thread_set_role(STK_ROLE_NONE);
}

static int64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static void wake_before_wait_is_kept_once(void **state)
{
    struct stk_park park = {0};
    (void)state;
    stk_park_wake(&park);
    stk_park_wake(&park);
    stk_park_wait(&park, -1);
    int64_t before = now_ns();
    stk_park_wait(&park, 3000000);
    assert_true(now_ns() - before >= 3000000);
    stk_park_wait(&park, 0);
    stk_park_wake(&park);
    before = now_ns();
    stk_park_wait(&park, 5000000000);
    assert_true(now_ns() - before < 4000000000);
    stk_park_wake(&park);
    stk_park_wait(&park, INT64_MAX);
}

struct pair {
    struct stk_park ping, pong;
    int rounds;
    int ball; /* plain on purpose: parking orders it */
};

static void play(void *arg)
{
    struct pair *pair = arg;
    for (int i = 0; i < pair->rounds; i++) {
        stk_park_wait(&pair->ping, -1);
        pair->ball++;
        stk_park_wake(&pair->pong);
    }
}

static void no_wake_is_lost(void **state)
{
    struct pair pair = {.rounds = 20000};
    struct stk_thread thread;
    (void)state;
    assert_int_equal(stk_thread_start(&thread, STK_ROLE_NONE, "play", play, &pair, NULL), STK_OK);
    for (int i = 0; i < pair.rounds; i++) {
        pair.ball++;
        stk_park_wake(&pair.ping);
        stk_park_wait(&pair.pong, i % 2 ? -1 : 60000000000);
        assert_int_equal(pair.ball, 2 * i + 2);
    }
    stk_thread_join(&thread);
}

static void on_signal(int number)
{
    (void)number;
}

struct sleeper {
    struct stk_park park;
    _Atomic int asleep, awake;
};

static void *sleep_with_signals(void *arg)
{
    struct sleeper *sleeper = arg;
    atomic_store(&sleeper->asleep, 1);
    stk_park_wait(&sleeper->park, INT64_MAX); /* as good as for ever */
    atomic_store(&sleeper->awake, 1);
    return NULL;
}

static void a_signal_does_not_end_a_wait(void **state)
{
    struct sleeper sleeper = {0};
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t thread;
    (void)state;
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, sleep_with_signals, &sleeper), 0);
    while (!atomic_load(&sleeper.asleep))
        ;
    for (int i = 0; i < 20; i++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
        pthread_kill(thread, SIGUSR1);
    }
    nanosleep(&(struct timespec){0, 5000000}, NULL);
    assert_false(atomic_load(&sleeper.awake));
    stk_park_wake(&sleeper.park);
    pthread_join(thread, NULL);
    assert_true(atomic_load(&sleeper.awake));
}

/* Nearly a second: the nanoseconds of the deadline run over into its seconds. */
static void a_long_wait_is_long(void **state)
{
    struct stk_park park = {0};
    (void)state;
    int64_t before = now_ns();
    stk_park_wait(&park, 999000000);
    int64_t waited = now_ns() - before;
    assert_true(waited >= 999000000 && waited < 1900000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread_has_role_name_and_no_signals),
        cmocka_unit_test(start_reports_out_of_memory),
        cmocka_unit_test(a_thread_without_role_plays_all),
        cmocka_unit_test(wake_before_wait_is_kept_once),
        cmocka_unit_test(no_wake_is_lost),
        cmocka_unit_test(a_signal_does_not_end_a_wait),
        cmocka_unit_test(a_long_wait_is_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
