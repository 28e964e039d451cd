/* A plugin's file: its manifest is read, versions are compared, then it is loaded; the only place
 * that knows the dynamic linker. A file that is refused leaves nothing behind. */
#ifndef STK_PLUG_LOADER_H
#define STK_PLUG_LOADER_H

#include "core/base/err.h"
#include <limits.h>
#include <stockade/entry.h>
#include <stockade/manifest.h>

struct stk_plugin_file {
    void *handle; /* NULL = not open */
    const struct stk_plugin_entry *entry;
    const struct stk_plugin_factory *factory;
    struct stk_plugin_manifest manifest;
    char path[PATH_MAX]; /* absolute */
    uint64_t device;     /* which file that was: a new build of the same path is another one */
    uint64_t inode;
};

/* Open `path` into file (the caller's memory): manifest, versions, dlopen, entry, init, factory. On
 * refusal err has one line "path: cause", file is closed, the file is unloaded, and none of its
 * functions has been called but init where the refusal came later (then deinit was called, unless
 * init itself refused). Statuses of stk_elf_note_read, and STK_INVALID: it cannot be linked, or has
 * no entry or a damaged one; STK_VERSION; what its init returned. [main] */
enum stk_status stk_loader_open(struct stk_plugin_file *file, const char *path,
                                struct stk_error *err);
/* deinit and unload; all its instances are destroyed. NULL-safe, and on a closed one. [main] */
void stk_loader_close(struct stk_plugin_file *file);

/* A new instance, not yet init: its struct is checked, and that it has the extensions of its
 * manifest's kinds and no other kind. The caller calls destroy when done. err as above. [main] */
enum stk_status stk_loader_make(struct stk_plugin_file *file, const struct stk_host *host,
                                const struct stk_plugin **plugin, struct stk_error *err);

/* 1 when the path holds another file by now (a new build to reload), 0 when it is this one or there
 * is none. [any] */
int stk_loader_replaced(const struct stk_plugin_file *file);

#endif
