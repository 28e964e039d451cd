/* Who am I? For assertions of a plugin. Stability: stable. */
#ifndef STOCKADE_THREAD_H
#define STOCKADE_THREAD_H

#include <stockade/host.h>

#define STK_EXT_THREAD_CHECK "stk.thread-check/1"

struct stk_host_thread_check {
    /* STK_OK: the caller has this role now; STK_STATE: it has not. In a child process one thread
     * may have both. Local. [any-thread] */
    stk_status_t (*on_main_thread)(const struct stk_host *host);
    stk_status_t (*on_plugin_thread)(const struct stk_host *host);
};

#endif
