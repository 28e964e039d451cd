#include "core/base/err.h"
#include "tests/lib/death.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void set_fills_and_returns(void **state)
{
    struct stk_error err;
    (void)state;
    assert_int_equal(stk_error_set(&err, STK_INVALID, "line %d: %s", 7, "no price"), STK_INVALID);
    assert_int_equal(err.status, STK_INVALID);
    assert_string_equal(err.text, "line 7: no price");
    assert_int_equal(stk_error_set(NULL, STK_SHORT, "nobody listens"), STK_SHORT);
}

static void text_is_one_line_and_fits(void **state)
{
    struct stk_error err;
    char big[2 * STK_ERROR_TEXT];
    (void)state;
    stk_error_set(&err, STK_INVALID, "sku %s",
                  "a\nb\tc\x7f"
                  "d");
    assert_string_equal(err.text, "sku a b c d");
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    stk_error_set(&err, STK_INVALID, "%s", big);
    assert_int_equal(strlen(err.text), STK_ERROR_TEXT - 1);
    stk_error_prefix(&err, "%s", big);
    assert_int_equal(strlen(err.text), STK_ERROR_TEXT - 1);
}

static void errno_decides_the_status(void **state)
{
    struct stk_error err;
    (void)state;
    assert_int_equal(stk_error_errno(&err, ENOENT, "open %s", "x.yaml"), STK_IO);
    assert_string_equal(err.text, "open x.yaml: No such file or directory");
    assert_int_equal(stk_error_errno(&err, ENOSPC, "write"), STK_NO_SPACE);
    assert_int_equal(stk_error_errno(&err, EDQUOT, "write"), STK_NO_SPACE);
    assert_int_equal(stk_error_errno(&err, ENOMEM, "map"), STK_NO_MEMORY);
    assert_int_equal(stk_error_errno(NULL, EIO, "sync"), STK_IO);
}

static void prefix_puts_words_in_front(void **state)
{
    struct stk_error err;
    (void)state;
    stk_error_set(&err, STK_CORRUPT, "bad checksum");
    assert_int_equal(stk_error_prefix(&err, "segment %d", 7), STK_CORRUPT);
    assert_int_equal(stk_error_prefix(&err, "journal"), STK_CORRUPT);
    assert_string_equal(err.text, "journal: segment 7: bad checksum");
}

static int ends[2];

static void assert_wrongly(void *arg)
{
    (void)arg;
    dup2(ends[1], STDERR_FILENO);
    stk_assert(1 + 1 == 3);
}

static void assertion_ends_the_process_and_says_where(void **state)
{
    char words[200] = "";
    (void)state;
    stk_assert(1 + 1 == 2);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(death_of(assert_wrongly, NULL), SIGABRT);
    assert_true(read(ends[0], words, sizeof words - 1) > 0);
    assert_non_null(strstr(words, "test_err.c:"));
    assert_non_null(strstr(words, ": 1 + 1 == 3\n"));
    close(ends[0]);
    close(ends[1]);
}

static void statuses_have_names(void **state)
{
    (void)state;
    assert_string_equal(stk_status_name(STK_OK), "OK");
    assert_string_equal(stk_status_name(STK_INTERNAL), "INTERNAL");
    assert_string_equal(stk_status_text(STK_SHORT), "not enough available stock");
    assert_string_equal(stk_status_name(STK_STATUS_COUNT), "?");
    assert_string_equal(stk_status_name(-1), "?");
    assert_string_equal(stk_status_text(-1), "unknown status");
    for (int i = 0; i < STK_STATUS_COUNT; i++) {
        assert_string_not_equal(stk_status_name(i), "?");
        for (int k = 0; k < i; k++)
            assert_string_not_equal(stk_status_name(i), stk_status_name(k));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_fills_and_returns),
        cmocka_unit_test(text_is_one_line_and_fits),
        cmocka_unit_test(errno_decides_the_status),
        cmocka_unit_test(prefix_puts_words_in_front),
        cmocka_unit_test(assertion_ends_the_process_and_says_where),
        cmocka_unit_test(statuses_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
