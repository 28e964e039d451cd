/* Log lines to stderr, one write each, so that lines of several threads do not mix.
 *
 * The level is the one hidden global of the program. Control characters in a line are blanked: a
 * message that quotes somebody's input cannot forge another line. Any thread may enter. */
#include "core/base/log.h"
#include "core/base/clock.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 2048

static _Atomic int level_now = STK_LOG_INFO;

void stk_log_level_set(enum stk_log_level level)
{
    atomic_store_explicit(&level_now, (int)level, memory_order_relaxed);
}

enum stk_log_level stk_log_level_get(void)
{
    return (enum stk_log_level)atomic_load_explicit(&level_now, memory_order_relaxed);
}

/* "2026-11-22T17:00:30.123Z INFO  ", the bytes of it. */
static int put_head(char *line, size_t capacity, enum stk_log_level level)
{
    static const char *const names[] = {"ERROR", "WARN ", "INFO ", "DEBUG"};
    struct stk_clock clock = stk_clock_real();
    stk_time_t now_ms = clock.now_ms(clock.self);
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm at;
    gmtime_r(&seconds, &at);
    return snprintf(line, capacity, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %s ", at.tm_year + 1900,
                    at.tm_mon + 1, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec,
                    (int)(now_ms % 1000), names[level]);
}

void stk_log(enum stk_log_level level, const char *format, ...)
{
    static const char cut[] = "...";
    char line[LINE_BYTES];
    va_list args;
    if (level > stk_log_level_get())
        return;
    size_t head = (size_t)put_head(line, sizeof line, level);
    size_t room = sizeof line - head - 1; /* one byte for the newline */
    va_start(args, format);
    int wanted = vsnprintf(line + head, room, format, args);
    va_end(args);
    size_t words = wanted < 0 ? 0 : (size_t)wanted;
    if (words >= room) {
        words = room - 1;
        for (size_t i = 0; i < sizeof cut - 1; i++)
            line[head + words - (sizeof cut - 1) + i] = cut[i];
    }
    for (size_t i = head; i < head + words; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = ' ';
    line[head + words] = '\n';
    /* nowhere to complain when stderr itself is gone */
    ssize_t written = write(STDERR_FILENO, line, head + words + 1);
    (void)written;
}

int stk_log_due(_Atomic long long *last_ms, long long interval_ms)
{
    struct stk_clock clock = stk_clock_real();
    /* plus one: zero says that this place never spoke */
    long long now_ms = (long long)(clock.monotonic_ns(clock.self) / 1000000) + 1;
    long long last = atomic_load_explicit(last_ms, memory_order_relaxed);
    if (last != 0 && now_ms - last < interval_ms)
        return 0;
    /* of several threads that come at once, one speaks */
    return atomic_compare_exchange_strong_explicit(last_ms, &last, now_ms, memory_order_relaxed,
                                                   memory_order_relaxed);
}
