/* Log lines. Stability: stable. */
#ifndef STOCKADE_LOG_H
#define STOCKADE_LOG_H

#include <stockade/host.h>

#define STK_EXT_LOG "stk.log/1"

enum stk_severity {
    STK_SEVERITY_DEBUG = 0,
    STK_SEVERITY_INFO = 1,
    STK_SEVERITY_WARNING = 2,
    STK_SEVERITY_ERROR = 3, /* a person should look */
};

struct stk_host_log {
    /* One line of UTF-8, without newline, cut at STK_EVENT_TEXT_MAX bytes; lent for the call. The
     * host adds time and instance, blanks control characters, drops lines beyond 100 a second and
     * says how many. Never a secret, a token or a buyer's data. An unknown severity is an error.
     * Local. [any-thread] */
    void (*say)(const struct stk_host *host, uint32_t severity, const char *line, uint32_t size);
};

#endif
