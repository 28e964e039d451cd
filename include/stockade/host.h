/* The host, as a plugin sees it. Stability: stable.
 *
 * The host owns the clock, timers, file descriptors, retry and back-off, throttling, durable
 * key-values, secrets, logs and metrics; a plugin asks for each by its extension (ext/). It never
 * sleeps, never loops waiting, and keeps nothing durable of its own.
 *
 * THREADS are roles, not threads of the operating system:
 *   main-thread    loads files and makes instances: entry.h.
 *   plugin-thread  everything of one instance. Never two at once for one instance; several
 *                  instances run at the same time, so what they share in a file must be safe.
 *   any-thread     whichever; the function is safe beside itself and all others.
 * A plugin may have threads of its own; of the host they may call only what is tagged any-thread,
 * and they are gone when deactivate returns. They reach the plugin-thread by an eventfd (ext/fd.h).
 *
 * STATES of an instance: made (create_plugin), ready (init returned STK_OK), active (between
 * activate and deactivate), destroyed. A tag such as [plugin-thread & active] names both.
 *
 * TWO KINDS of host functions. A *local* one answers at once, out of memory of the plugin's own
 * process. An *asynchronous* one takes a flat message (event.h), copies it, returns a status at
 * once, and completes by a call into the plugin later, on the plugin-thread, never before it has
 * returned; the reply bears the `call` number of the ask. STK_OK means that a reply will come,
 * unless deactivate comes first; any other status that none will. STK_BUSY: too much is under way;
 * wait for a reply, or a timer. STK_STATE: not allowed in this state, or by this thread.
 * STK_INVALID and STK_MALFORMED: the message is not what event.h says; the log names the field.
 *
 * In debug builds the host checks roles and states, and names the culprit in the log. */
#ifndef STOCKADE_HOST_H
#define STOCKADE_HOST_H

#include <stockade/event.h>
#include <stockade/status.h>
#include <stockade/version.h>

struct stk_host {
    struct stk_abi_version abi; /* what the host was compiled against */
    uint32_t reserved;          /* zero */
    void *host_data;            /* the host's own */
    const char *instance;       /* name of the channel in the config; constant while it lives */
    const char *name;           /* "stockade", "stockade-plugin-host", "fake": never test for it */
    const char *version;        /* for a User-Agent */

    /* Ask for a side of the host by its id, such as STK_EXT_LOG. NULL: this host has none, or the
     * plugin's manifest does not name that kind. The struct is lent until destroy returns.
     * Local. [any-thread] */
    const void *(*get_extension)(const struct stk_host *host, const char *id);
};

#endif
