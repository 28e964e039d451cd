/* Checking a backup in a child: this program is its own child, and the target's name says how it
 * behaves. */
#include "core/app/verify.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum stk_status stk_backup_verify(const char *backup, struct stk_backup_result *result,
                                  struct stk_error *err)
{
    if (strcmp(backup, "crashes") == 0)
        raise(SIGKILL);
    if (strcmp(backup, "says nothing") == 0)
        _exit(3);
    if (strcmp(backup, "blocked") == 0) { /* signals are as in a fresh program */
        sigset_t mask;
        sigprocmask(SIG_BLOCK, NULL, &mask);
        if (sigismember(&mask, SIGUSR1))
            return stk_error_set(err, STK_INTERNAL, "a signal is blocked");
    }
    if (strcmp(backup, "damaged") == 0)
        return stk_error_set(err, STK_CORRUPT, "segment 7: %s", "100 % wrong");
    *result = (struct stk_backup_result){.folded = 5, .last = UINT64_MAX, .bytes = 1234};
    return STK_OK;
}

static struct stk_backup_result result;
static struct stk_error err;

static void a_sound_one(void **state)
{
    (void)state;
    assert_int_equal(stk_verify_in_child("sound", &result, &err), STK_OK);
    assert_int_equal(result.folded, 5);
    assert_true(result.last == UINT64_MAX);
    assert_int_equal(result.bytes, 1234);
}

static void a_damaged_one_in_its_own_words(void **state)
{
    (void)state;
    assert_int_equal(stk_verify_in_child("damaged", &result, &err), STK_CORRUPT);
    assert_string_equal(err.text, "segment 7: 100 % wrong");
}

static void a_crash_is_damage_and_harms_nobody(void **state)
{
    (void)state;
    assert_int_equal(stk_verify_in_child("crashes", &result, &err), STK_CORRUPT);
    assert_string_equal(err.text, "crashes: reading it crashed (Killed): it is damaged");
}

static void silence_is_our_fault(void **state)
{
    (void)state;
    assert_int_equal(stk_verify_in_child("says nothing", &result, &err), STK_INTERNAL);
    assert_non_null(strstr(err.text, "ended with code 3 and no word"));
}

static void the_child_has_fresh_signals_and_leaves_no_fd(void **state)
{
    sigset_t one;
    (void)state;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    sigprocmask(SIG_BLOCK, &one, NULL);
    int before = dup(0);
    close(before);
    if (stk_verify_in_child("blocked", &result, &err) != STK_OK)
        fail_msg("%s", err.text);
    int after = dup(0);
    close(after);
    assert_int_equal(before, after);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_one),
        cmocka_unit_test(a_damaged_one_in_its_own_words),
        cmocka_unit_test(a_crash_is_damage_and_harms_nobody),
        cmocka_unit_test(silence_is_our_fault),
        cmocka_unit_test(the_child_has_fresh_signals_and_leaves_no_fd),
    };
    if (argc == 3 && strcmp(argv[1], "--verify-backup") == 0)
        return stk_verify_main(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
