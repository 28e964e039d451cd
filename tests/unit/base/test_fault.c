/* Fault points: arming from a string, firing at the right passage, refusing nonsense. */
#include "core/base/fault.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_off_by_default(void **state)
{
    (void)state;
    assert_int_equal(stk_fault_init(NULL, NULL), STK_OK);
    assert_int_equal(stk_fault_armed, 0);
    assert_int_equal(stk_fault_point(STK_FAULT_JOURNAL_CUT), 0);
}

static void test_error_fires_once_at_the_count(void **state)
{
    (void)state;
    assert_int_equal(stk_fault_init("journal.cut:3:error,fold.in_commit:1:error", NULL), STK_OK);
    assert_int_equal(stk_fault_point(STK_FAULT_JOURNAL_CUT), 0);
    assert_int_equal(stk_fault_point(STK_FAULT_JOURNAL_CUT), 0);
    assert_int_equal(stk_fault_point(STK_FAULT_FOLD_IN_COMMIT), 1);
    assert_int_equal(stk_fault_point(STK_FAULT_JOURNAL_CUT), 1);
    assert_int_equal(stk_fault_point(STK_FAULT_JOURNAL_CUT), 0);
    assert_int_equal(stk_fault_point(STK_FAULT_FOLD_BEFORE_COMMIT), 0);
    assert_int_equal(stk_fault_init("journal.cut:2:always", NULL), STK_OK);
    assert_int_equal(stk_fault_point(STK_FAULT_JOURNAL_CUT), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(stk_fault_point(STK_FAULT_JOURNAL_CUT), 1);
    assert_int_equal(stk_fault_init("", NULL), STK_OK);
    assert_int_equal(stk_fault_armed, 0);
}

static int status_of(const char *spec)
{
    pid_t child = fork();
    if (child == 0) {
        stk_fault_init(spec, NULL);
        stk_fault_point(STK_FAULT_JOURNAL_CUT);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

static void test_kill_and_exit(void **state)
{
    (void)state;
    int killed = status_of("journal.cut:1:kill");
    assert_true(WIFSIGNALED(killed) && WTERMSIG(killed) == SIGKILL);
    int left = status_of("journal.cut:1:exit");
    assert_true(WIFEXITED(left) && WEXITSTATUS(left) == STK_FAULT_EXIT);
    assert_int_equal(status_of("journal.cut:2:kill"), 0);
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "journal.cut",          "journal.cut:1",         "journal.cut::kill",
        "journal.cut:0:kill",   "journal.cut:1x:kill",   "journal.cut:-1:kill",
        "nowhere:1:kill",       "journal.cut:1:explode", ":1:kill",
        "journal.cut:1:kill,,", "journal.cutx:1:kill"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct stk_error err = {0};
        assert_int_equal(stk_fault_init(bad[i], &err), STK_INVALID);
        assert_non_null(strstr(err.text, "fault \""));
    }
    stk_fault_init(NULL, NULL);
}

static void test_names_are_many_and_apart(void **state)
{
    (void)state;
    unsigned count = 0;
    while (stk_fault_name(count)) {
        for (unsigned other = 0; other < count; other++)
            assert_string_not_equal(stk_fault_name(other), stk_fault_name(count));
        count++;
    }
    assert_int_equal(count, STK_FAULT_COUNT);
    assert_true(count >= 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off_by_default),
        cmocka_unit_test(test_error_fires_once_at_the_count),
        cmocka_unit_test(test_kill_and_exit),
        cmocka_unit_test(test_nonsense_is_refused),
        cmocka_unit_test(test_names_are_many_and_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
