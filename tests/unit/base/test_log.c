#include "core/base/log.h"
#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char seen[16384];

/* What stderr got since the last call. */
static int log_pipe[2];
static int stderr_kept;

static void catch_stderr(void)
{
    stderr_kept = dup(STDERR_FILENO);
    assert_int_equal(pipe2(log_pipe, O_NONBLOCK), 0);
    dup2(log_pipe[1], STDERR_FILENO);
}

static const char *caught(void)
{
    ssize_t size = read(log_pipe[0], seen, sizeof seen - 1);
    seen[size < 0 ? 0 : size] = 0;
    return seen;
}

static int caught_matches(const char *pattern)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    int found = regexec(&regex, caught(), 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

static void release_stderr(void)
{
    dup2(stderr_kept, STDERR_FILENO);
    close(stderr_kept);
    close(log_pipe[0]);
    close(log_pipe[1]);
}

static int setup(void **state)
{
    (void)state;
    catch_stderr();
    stk_log_level_set(STK_LOG_INFO);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    release_stderr();
    return 0;
}

static void a_line_has_time_level_and_words(void **state)
{
    (void)state;
    stk_log(STK_LOG_INFO, "listening port=%d", 7411);
    assert_true(caught_matches("^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\."
                               "[0-9]{3}Z INFO  listening port=7411\n$"));
    stk_log(STK_LOG_ERROR, "bad");
    assert_true(caught_matches("Z ERROR bad\n$"));
}

static void time_is_utc_now(void **state)
{
    struct tm at;
    (void)state;
    time_t before = time(NULL);
    stk_log(STK_LOG_WARN, "x");
    memset(&at, 0, sizeof at);
    assert_non_null(strptime(caught(), "%Y-%m-%dT%H:%M:%S", &at));
    time_t said = timegm(&at);
    assert_true(said >= before - 1 && said <= time(NULL) + 1);
}

static void level_decides(void **state)
{
    (void)state;
    stk_log(STK_LOG_DEBUG, "unheard");
    assert_string_equal(caught(), "");
    stk_log_level_set(STK_LOG_DEBUG);
    assert_int_equal(stk_log_level_get(), STK_LOG_DEBUG);
    stk_log(STK_LOG_DEBUG, "heard");
    assert_true(caught_matches("DEBUG heard\n$"));
    stk_log_level_set(STK_LOG_ERROR);
    stk_log(STK_LOG_WARN, "unheard");
    assert_string_equal(caught(), "");
}

static void input_cannot_forge_a_line(void **state)
{
    (void)state;
    stk_log(STK_LOG_INFO, "sku=%s", "a\n2026-01-01T00:00:00.000Z ERROR forged");
    assert_true(caught_matches("sku=a 2026"));
    assert_ptr_equal(strchr(seen, '\n'), seen + strlen(seen) - 1);
}

static void a_long_line_is_cut_and_says_so(void **state)
{
    char big[5000];
    (void)state;
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    stk_log(STK_LOG_INFO, "%s", big);
    size_t size = strlen(caught());
    assert_int_equal(size, 2047);
    assert_string_equal(seen + size - 6, "xx...\n");
    /* the longest line that is not cut, and one letter more */
    size_t head = (size_t)(strchr(seen, 'x') - seen);
    stk_log(STK_LOG_INFO, "%.*s", (int)(2046 - head), big);
    assert_int_equal(strlen(caught()), 2047);
    assert_string_equal(seen + size - 6, "xxxxx\n");
    stk_log(STK_LOG_INFO, "%.*s", (int)(2047 - head), big);
    assert_int_equal(strlen(caught()), 2047);
    assert_string_equal(seen + size - 6, "xx...\n");
}

static void a_flood_is_limited(void **state)
{
    int lines = 0;
    (void)state;
    for (int i = 0; i < 100; i++)
        stk_log_limited(STK_LOG_INFO, 60000, "again i=%d", i);
    assert_true(caught_matches("again i=0\n$"));
    for (const char *at = seen; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 1);
    _Atomic long long last = 0;
    assert_int_equal(stk_log_due(&last, 5), 1);
    assert_int_equal(stk_log_due(&last, 60000), 0);
    nanosleep(&(struct timespec){0, 7000000}, NULL);
    assert_int_equal(stk_log_due(&last, 5), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_has_time_level_and_words, setup, teardown),
        cmocka_unit_test_setup_teardown(time_is_utc_now, setup, teardown),
        cmocka_unit_test_setup_teardown(level_decides, setup, teardown),
        cmocka_unit_test_setup_teardown(input_cannot_forge_a_line, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_line_is_cut_and_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flood_is_limited, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
