/* A plugin's instance, as the host sees it. Stability: stable.
 *
 * The order of a life:
 *   create_plugin (entry.h)  [main-thread]  cheap: memory, no I/O
 *   get_extension            [main-thread]  kinds are compared, options declared and checked
 *   init                                    ask for extensions, read options; no I/O yet
 *   activate, deactivate                    as often as a person pauses and resumes
 *   destroy                                 always, also after a failed init
 *
 * A call into a plugin returns within 100 ms; what takes longer is done by fds, timers and replies.
 * The host watches: a call that takes longer is counted and shown, one that does not return is the
 * end of that child process. */
#ifndef STOCKADE_PLUGIN_H
#define STOCKADE_PLUGIN_H

#include <stockade/host.h>

struct stk_plugin {
    struct stk_abi_version abi; /* STK_ABI_INIT */
    uint32_t reserved;          /* zero */
    void *plugin_data;          /* the plugin's own */

    /* Get ready: ask the host for extensions, read options, make memory. STK_OK; else the host logs
     * why (say it with stk.log first) and calls destroy.
     * [plugin-thread & made] */
    stk_status_t (*init)(const struct stk_plugin *plugin);

    /* Give back everything, this struct included. Not called while active; calls into the host are
     * over. [plugin-thread & !active] */
    void (*destroy)(const struct stk_plugin *plugin);

    /* Begin: timers, fds and asks are allowed from here on (inside, too). Calls come after it has
     * returned STK_OK. Nothing is written to the channel unless a call says so. Any other status:
     * the host tries again with back-off; the plugin is as before.
     * [plugin-thread & ready & !active] */
    stk_status_t (*activate)(const struct stk_plugin *plugin);

    /* End. The host has stopped new calls and has waited, bounded (10 s), for those under way. What
     * is still open is answered now with STK_CANCELLED (a push whose bytes have left: as
     * STK_OUTCOME_UNKNOWN); what is not answered when this returns, the host counts so itself. All
     * fds are removed and closed, own threads have ended; the host forgets the timers. No reply to
     * an ask comes after it. [plugin-thread & active] */
    void (*deactivate)(const struct stk_plugin *plugin);

    /* A side of the plugin by its id, such as STK_EXT_ORDERS_IN. NULL: has none. The kinds must be
     * those of the manifest, no more and no fewer; the host looks right after create_plugin. Lent,
     * constant, until destroy returns. [main-thread & made], [plugin-thread] in each state */
    const void *(*get_extension)(const struct stk_plugin *plugin, const char *id);
};

#endif
