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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread_has_role_name_and_no_signals),
        cmocka_unit_test(start_reports_out_of_memory),
        cmocka_unit_test(a_thread_without_role_plays_all),
        cmocka_unit_test(wake_before_wait_is_kept_once),
        cmocka_unit_test(no_wake_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
