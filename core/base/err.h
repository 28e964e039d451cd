/* Errors with context, and assertions that stay on in release builds. */
#ifndef STK_BASE_ERR_H
#define STK_BASE_ERR_H

#include <stockade/status.h>

#define STK_ERROR_TEXT 512

/* Given by the caller of a cold path. The text is one line: place, then cause. */
struct stk_error {
    enum stk_status status;
    char text[STK_ERROR_TEXT];
};

/* Fill err (which may be NULL) and return status, so that `return stk_error_set(...)` reads well.
 */
enum stk_status stk_error_set(struct stk_error *err, enum stk_status status, const char *format,
                              ...) __attribute__((format(printf, 3, 4)));
/* As above, with strerror(errno_value) appended; status is STK_IO, STK_NO_SPACE or STK_NO_MEMORY.
 */
enum stk_status stk_error_errno(struct stk_error *err, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Put words and ": " in front of what is there: ("segment %u", 7) makes "segment 7: ...". Returns
 * err->status. (A caller whose err may be NULL keeps the status it got and returns that.) */
enum stk_status stk_error_prefix(struct stk_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Our own fault: prints file, line and the broken condition to stderr, then aborts. */
_Noreturn void stk_assert_fail(const char *file, int line, const char *condition);
#define stk_assert(condition)                                                                      \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            stk_assert_fail(__FILE__, __LINE__, #condition);                                       \
    } while (0)

#endif
