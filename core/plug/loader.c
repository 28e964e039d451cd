/* Loading a plugin's file, stage by stage, and back when a stage refuses.
 *
 * Always true: nothing of the file runs before its manifest fits; each stage that refuses undoes
 * what the stages before did, in reverse order, so that the next one starts from nothing. (What the
 * dynamic linker runs by itself, constructors, runs when the file is loaded: nobody can ask a file
 * for its entry without that.) The manifest is read from the very file that is loaded: when the
 * path was given to another file meanwhile, that is refused. Main thread only. */
#include "core/plug/loader.h"
#include "core/plug/elf_note.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The manifest, and which file it was. */
static enum stk_status open_manifest(struct stk_plugin_file *file, struct stk_error *err)
{
    enum stk_status status;
    struct stat stat;
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return stk_error_errno(err, errno, "cannot be opened");
    status = stk_elf_note_read_fd(fd, &file->manifest, err);
    if (status == STK_OK && fstat(fd, &stat))
        status = stk_error_errno(err, errno, "cannot be looked at");
    if (status == STK_OK) {
        file->device = stat.st_dev;
        file->inode = stat.st_ino;
    }
    close(fd);
    return status;
}

static enum stk_status open_linked(struct stk_plugin_file *file, struct stk_error *err)
{
    const char *why;
    dlerror();
    file->handle = dlopen(file->path, RTLD_NOW | RTLD_LOCAL);
    if (!file->handle) {
        size_t size = strlen(file->path);
        why = dlerror();
        if (why && strncmp(why, file->path, size) == 0 && strncmp(why + size, ": ", 2) == 0)
            why += size + 2; /* the line names the path already */
        return stk_error_set(err, STK_INVALID, "cannot be linked: %s",
                             why ? why : "no reason told");
    }
    if (stk_loader_replaced(file))
        return stk_error_set(err, STK_STATE, "was replaced while it was loaded; load it again");
    file->entry = dlsym(file->handle, STK_ENTRY_SYMBOL);
    if (!file->entry)
        return stk_error_set(err, STK_INVALID, "exports no symbol %s", STK_ENTRY_SYMBOL);
    return STK_OK;
}

static enum stk_status check_entry(const struct stk_plugin_file *file, struct stk_error *err)
{
    const struct stk_plugin_entry *entry = file->entry;
    if (!STK_ABI_FITS(entry->abi.major))
        return stk_error_set(err, STK_VERSION,
                             "its entry is of plugin ABI %u.%u, this host has %u.%u",
                             entry->abi.major, entry->abi.minor, STK_ABI_MAJOR, STK_ABI_MINOR);
    if (entry->abi.major != file->manifest.abi_major ||
        entry->abi.minor != file->manifest.abi_minor)
        return stk_error_set(err, STK_INVALID, "its entry says ABI %u.%u and its manifest %u.%u",
                             entry->abi.major, entry->abi.minor, file->manifest.abi_major,
                             file->manifest.abi_minor);
    if (entry->reserved)
        return stk_error_set(err, STK_INVALID, "%s.reserved is not zero", STK_ENTRY_SYMBOL);
    if (!entry->init || !entry->deinit || !entry->get_factory)
        return stk_error_set(err, STK_INVALID, "%s lacks a function", STK_ENTRY_SYMBOL);
    return STK_OK;
}

/* init, then the factory; deinit when there is none. */
static enum stk_status open_factory(struct stk_plugin_file *file, struct stk_error *err)
{
    int32_t status = file->entry->init(file->path);
    if (status < 0 || status >= STK_STATUS_COUNT)
        return stk_error_set(err, STK_INVALID, "its init returned %d, which is no status", status);
    if (status != STK_OK)
        return stk_error_set(err, (enum stk_status)status, "its init refused: %s: %s",
                             stk_status_name(status), stk_status_text(status));
    file->factory = file->entry->get_factory(STK_FACTORY_PLUGINS);
    if (file->factory && file->factory->create_plugin)
        return STK_OK;
    file->entry->deinit();
    return stk_error_set(err, STK_INVALID, "has no factory %s", STK_FACTORY_PLUGINS);
}

enum stk_status stk_loader_open(struct stk_plugin_file *file, const char *path,
                                struct stk_error *err)
{
    enum stk_status status;

    memset(file, 0, sizeof *file);
    /* absolute: a name without a slash would be searched for in the system's folders */
    if (!realpath(path, file->path)) {
        status = stk_error_errno(err, errno, "%s", path);
        memset(file, 0, sizeof *file);
        return status;
    }
    status = open_manifest(file, err);
    if (status == STK_OK)
        status = open_linked(file, err);
    if (status == STK_OK)
        status = check_entry(file, err);
    if (status == STK_OK)
        status = open_factory(file, err);
    if (status == STK_OK)
        return STK_OK;
    stk_error_prefix(err, "%s", path);
    if (file->handle)
        dlclose(file->handle);
    memset(file, 0, sizeof *file);
    return status;
}

void stk_loader_close(struct stk_plugin_file *file)
{
    if (!file || !file->handle)
        return;
    file->entry->deinit();
    dlclose(file->handle);
    memset(file, 0, sizeof *file);
}

/* The kinds it has are those that it declares. */
static enum stk_status check_kinds(const struct stk_plugin_file *file,
                                   const struct stk_plugin *plugin, struct stk_error *err)
{
    for (unsigned kind = 0; kind < STK_KIND_COUNT; kind++) {
        int declared = (file->manifest.kinds >> kind) & 1;
        int there = plugin->get_extension(plugin, stk_kind_id(kind)) != NULL;
        if (declared != there)
            return stk_error_set(err, STK_INVALID, "its manifest %s %s, and the plugin %s",
                                 declared ? "declares" : "does not declare", stk_kind_id(kind),
                                 there ? "has it" : "has it not");
    }
    return STK_OK;
}

enum stk_status stk_loader_make(struct stk_plugin_file *file, const struct stk_host *host,
                                const struct stk_plugin **plugin, struct stk_error *err)
{
    const struct stk_plugin *made = file->factory->create_plugin(host);
    enum stk_status status = STK_OK;

    *plugin = NULL;
    if (!made)
        return stk_error_set(err, STK_NO_MEMORY, "%s: made no instance", file->path);
    if (!made->init || !made->destroy || !made->activate || !made->deactivate ||
        !made->get_extension || made->reserved)
        status = stk_error_set(err, STK_INVALID, "its instance lacks a function");
    else if (!STK_ABI_FITS(made->abi.major))
        status = stk_error_set(err, STK_VERSION, "its instance is of plugin ABI %u.%u",
                               made->abi.major, made->abi.minor);
    else
        status = check_kinds(file, made, err);
    if (status == STK_OK) {
        *plugin = made;
        return STK_OK;
    }
    stk_error_prefix(err, "%s", file->path);
    if (made->destroy)
        made->destroy(made);
    return status;
}

int stk_loader_replaced(const struct stk_plugin_file *file)
{
    struct stat now;
    if (stat(file->path, &now))
        return 0;
    return now.st_dev != file->device || now.st_ino != file->inode;
}
