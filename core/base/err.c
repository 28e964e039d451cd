/* Texts of errors, and the end of the process when we broke our own word.
 *
 * Always true: the text in an error is one line, ends with zero and fits; control characters that
 * came in with somebody's input are blanked, so that a message cannot forge a second log line.
 * Any thread may enter; nothing here is shared. */
#include "core/base/err.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void blank_controls(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = ' ';
}

enum stk_status stk_error_set(struct stk_error *err, enum stk_status status, const char *format,
                              ...)
{
    va_list args;
    if (!err)
        return status;
    err->status = status;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    blank_controls(err->text);
    return status;
}

static enum stk_status status_of_errno(int errno_value)
{
    switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
        return STK_NO_SPACE;
    case ENOMEM:
        return STK_NO_MEMORY;
    default:
        return STK_IO;
    }
}

enum stk_status stk_error_errno(struct stk_error *err, int errno_value, const char *format, ...)
{
    char words[STK_ERROR_TEXT];
    char reason[128];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    return stk_error_set(err, status_of_errno(errno_value), "%s: %s", words,
                         strerror_r(errno_value, reason, sizeof reason));
}

enum stk_status stk_error_prefix(struct stk_error *err, const char *format, ...)
{
    char words[STK_ERROR_TEXT];
    char before[STK_ERROR_TEXT];
    va_list args;
    if (!err)
        return STK_INTERNAL;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    memcpy(before, err->text, sizeof before);
    return stk_error_set(err, err->status, "%s: %s", words, before);
}

_Noreturn void stk_assert_fail(const char *file, int line, const char *condition)
{
    fprintf(stderr, "stockade: assertion failed: %s:%d: %s\n", file, line, condition);
    fflush(stderr);
    abort();
}
