/* Log lines on the cold path: time, level, words, key=value. To stderr unless told otherwise. */
#ifndef STK_BASE_LOG_H
#define STK_BASE_LOG_H

enum stk_log_level { STK_LOG_ERROR, STK_LOG_WARN, STK_LOG_INFO, STK_LOG_DEBUG };

void stk_log_level_set(enum stk_log_level level); /* any thread */
enum stk_log_level stk_log_level_get(void);
/* One line. The message is plain words; pairs go as "key=%d" in the format. Thread-safe; never from
 * the engine's apply. */
void stk_log(enum stk_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Same kind of line at most once per interval_ms for this place; for what could flood. */
#define stk_log_limited(level, interval_ms, ...)                                                   \
    do {                                                                                           \
        static _Atomic long long stk_log_last_;                                                    \
        if (stk_log_due(&stk_log_last_, interval_ms))                                              \
            stk_log(level, __VA_ARGS__);                                                           \
    } while (0)
int stk_log_due(_Atomic long long *last_ms, long long interval_ms);

#endif
