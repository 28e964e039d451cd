/* The one symbol that a plugin's file exports, and the factory behind it. Stability: stable.
 *
 * In the order of calls: the manifest is read without loading the file (manifest.h), versions are
 * compared, the file is loaded, `stk_entry` is found and its version compared, init, get_factory,
 * create_plugin for each instance; deinit when the last one is destroyed. A file that is refused is
 * unloaded again, and none of its functions has been called. */
#ifndef STOCKADE_ENTRY_H
#define STOCKADE_ENTRY_H

#include <stockade/plugin.h>

#ifdef __cplusplus
#define STK_EXTERN_C extern "C"
#else
#define STK_EXTERN_C extern
#endif
/* Everything else in the file is compiled with -fvisibility=hidden. */
#define STK_EXPORT __attribute__((visibility("default")))

struct stk_plugin_entry {
    struct stk_abi_version abi; /* STK_ABI_INIT */
    uint32_t reserved;          /* zero */

    /* `path` of the file, for its messages; lent until init returns. STK_OK, or it is not used, and
     * deinit is not called. Fast, no I/O, no threads. [main-thread] */
    stk_status_t (*init)(const char *path);

    /* Give back what init took. All instances are destroyed. [main-thread] */
    void (*deinit)(void);

    /* STK_FACTORY_PLUGINS: a struct stk_plugin_factory. NULL for any other id. Lent until deinit.
     * [main-thread] */
    const void *(*get_factory)(const char *id);
};

#define STK_FACTORY_PLUGINS "stk.plugin-factory/1"

struct stk_plugin_factory {
    /* An instance of the plugin that this file holds, not yet init; NULL when memory is short. The
     * caller owns it until its destroy. `host` outlives it. [main-thread] */
    const struct stk_plugin *(*create_plugin)(const struct stk_host *host);
};

/* A plugin defines it once:
 *     STK_EXTERN_C STK_EXPORT const struct stk_plugin_entry stk_entry = {...};
 * or without STK_EXTERN_C, since this line has said it. */
STK_EXTERN_C STK_EXPORT const struct stk_plugin_entry stk_entry;

#define STK_ENTRY_SYMBOL "stk_entry"

#endif
