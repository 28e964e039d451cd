/* File descriptors in the loop of the plugin-thread: sockets, eventfds. Stability: stable. */
#ifndef STOCKADE_FD_H
#define STOCKADE_FD_H

#include <stockade/plugin.h>

#define STK_EXT_FD "stk.fd/1" /* of both sides */

#define STK_FDS_MAX 256u /* watched at once, of one instance */

enum stk_fd_events {
    STK_FD_READ = 1,
    STK_FD_WRITE = 2,
    STK_FD_ERROR = 4, /* only told, never asked for */
};

struct stk_host_fd {
    /* Watch fd (the plugin's own, non-blocking) for events (enum stk_fd_events, or-ed). Level
     * triggered. STK_EXISTS: it is watched. STK_FULL: STK_FDS_MAX are. STK_INVALID: events, or not
     * an fd that can be watched. Local. [plugin-thread & active] */
    stk_status_t (*add)(const struct stk_host *host, int32_t fd, uint32_t events);
    /* STK_NOT_FOUND: it is not watched. Local. [plugin-thread & active] */
    stk_status_t (*change)(const struct stk_host *host, int32_t fd, uint32_t events);
    /* Before the plugin closes it. on_fd is not called for it after this has returned.
     * STK_NOT_FOUND: it is not watched. Local. [plugin-thread & active] */
    stk_status_t (*remove)(const struct stk_host *host, int32_t fd);
};

struct stk_plugin_fd {
    /* fd is ready for events. [plugin-thread & active] */
    void (*on_fd)(const struct stk_plugin *plugin, int32_t fd, uint32_t events);
};

#endif
