/* A plugin that does nothing, in pieces that a test plugin may replace before it includes this:
 * each PLUGIN_* macro has the right value unless the file has set a wrong one. */
#ifndef STK_TESTS_SKELETON_H
#define STK_TESTS_SKELETON_H

#include <stdlib.h>
#include <stockade/stockade.h>

#ifndef PLUGIN_MAJOR
#define PLUGIN_MAJOR STK_ABI_MAJOR
#endif
#ifndef PLUGIN_INIT_STATUS
#define PLUGIN_INIT_STATUS STK_OK
#endif
#ifndef PLUGIN_FACTORY
#define PLUGIN_FACTORY STK_FACTORY_PLUGINS
#endif
#ifndef PLUGIN_ENTRY
#define PLUGIN_ENTRY stk_entry
#endif
#ifndef PLUGIN_HAS
#define PLUGIN_HAS STK_EXT_ORDERS_IN
#endif
#ifndef PLUGIN_DEACTIVATE
#define PLUGIN_DEACTIVATE plugin_nothing
#endif

/* What was called, told to the test through the environment: it outlives the file. */
static void plugin_called(const char *what)
{
    const char *before = getenv("STK_TEST_CALLED");
    char text[256] = "";
    if (before)
        strncat(text, before, sizeof text - 1);
    strncat(text, what, sizeof text - strlen(text) - 1);
    setenv("STK_TEST_CALLED", text, 1);
}

static stk_status_t plugin_ok(const struct stk_plugin *plugin)
{
    (void)plugin;
    return STK_OK;
}
static inline void plugin_nothing(const struct stk_plugin *plugin)
{
    (void)plugin;
}
static void plugin_destroy(const struct stk_plugin *plugin)
{
    plugin_called("destroy ");
    free((void *)plugin);
}
static stk_status_t plugin_poll(const struct stk_plugin *plugin, const struct stk_call_poll *call)
{
    (void)plugin;
    (void)call;
    return STK_BUSY;
}
static const struct stk_plugin_feed plugin_feed = {plugin_poll};
static const void *plugin_get(const struct stk_plugin *plugin, const char *id)
{
    (void)plugin;
    return !strcmp(id, PLUGIN_HAS) ? &plugin_feed : NULL;
}
static const struct stk_plugin *plugin_create(const struct stk_host *host)
{
    struct stk_plugin *plugin = calloc(1, sizeof *plugin);
    struct stk_abi_version abi = STK_ABI_INIT;
    (void)host;
    plugin_called("create ");
    *plugin = (struct stk_plugin){.abi = abi,
                                  .init = plugin_ok,
                                  .destroy = plugin_destroy,
                                  .activate = plugin_ok,
                                  .deactivate = PLUGIN_DEACTIVATE,
                                  .get_extension = plugin_get};
    return plugin;
}
static const struct stk_plugin_factory plugin_factory = {plugin_create};

static stk_status_t entry_init(const char *path)
{
    (void)path;
    plugin_called("init ");
    return PLUGIN_INIT_STATUS;
}
static void entry_deinit(void)
{
    plugin_called("deinit ");
}
static const void *entry_factory(const char *id)
{
    return !strcmp(id, PLUGIN_FACTORY) ? &plugin_factory : NULL;
}

STK_EXPORT const struct stk_plugin_entry PLUGIN_ENTRY;
STK_EXPORT const struct stk_plugin_entry PLUGIN_ENTRY = {
    {PLUGIN_MAJOR, STK_ABI_MINOR, STK_ABI_REVISION}, 0, entry_init, entry_deinit, entry_factory};

#ifndef PLUGIN_NO_MANIFEST
#ifndef PLUGIN_MANIFEST_MAJOR
#define PLUGIN_MANIFEST_MAJOR STK_ABI_MAJOR
#endif
#ifndef PLUGIN_NOTE_EXTRA
#define PLUGIN_NOTE_EXTRA 0
#endif
__attribute__((used, section(STK_NOTE_SECTION),
               aligned(8))) static const struct stk_manifest_note plugin_note = {
    sizeof STK_NOTE_OWNER,
    sizeof(struct stk_plugin_manifest) + PLUGIN_NOTE_EXTRA,
    STK_NOTE_TYPE,
    STK_NOTE_OWNER,
    {sizeof(struct stk_plugin_manifest), PLUGIN_MANIFEST_MAJOR, STK_ABI_MINOR, 0, .name = "test",
     .vendor = "Stockade", .version = "1", .kinds = STK_KIND_BIT(ORDERS_IN),
     .order_delay_ms = 1000}};
#endif

#endif
