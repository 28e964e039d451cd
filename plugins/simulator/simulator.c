/* The market in a box as a plugin: one entry, one factory, and the life of an instance. A timer
 * moves the world on, takes the market's answers, and lets the jobs go a step further. What the
 * plugin declares stands in bounds.h and kinds/. */
#include "plugins/simulator/instance.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <stockade/entry.h>
#include <string.h>

struct market *instance_lock(struct instance *instance)
{
    return world_lock(instance->world, instance->clock->monotonic_ms(instance->host));
}

void instance_say(struct instance *instance, uint32_t severity, const char *format, ...)
{
    char line[STK_EVENT_TEXT_MAX];
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (instance->log && size > 0)
        instance->log->say(instance->host, severity, line,
                           (uint32_t)size < sizeof(line) ? (uint32_t)size : sizeof(line) - 1);
}

uint32_t instance_listing(const struct instance *instance, struct market *market,
                          struct stk_bytes name)
{
    char copy[24] = "", *end;
    unsigned long listing;

    if (name.size < 4 || name.size >= sizeof(copy))
        return STK_NONE;
    memcpy(copy, name.data, name.size);
    if (copy[0] != 'C' || copy[1] != (char)('0' + instance->channel) || copy[2] != '-')
        return STK_NONE;
    listing = strtoul(copy + 3, &end, 10);
    return *end || listing >= market_listings(market, instance->channel) ? STK_NONE
                                                                         : (uint32_t)listing;
}

/* ---- options ---- */

static const struct stk_plugin_option option_list[] = {
    {"world", "instances in one process that name the same world and seed sell one catalogue",
     "market", NULL, 1, 63, STK_OPTION_KIND_TEXT, 0},
    {"seed", "everything that happens comes from it", "1", NULL, 0, INT64_MAX, STK_OPTION_KIND_INT,
     0},
    {"kind", "which channel of the world: how its counters are written", simulator_kind,
     "set,adjust,cas,shop", 0, 0, STK_OPTION_KIND_CHOICE, 0},
    {"programme", "calm: no faults; inside: within what is declared; broken: beyond it", "inside",
     "calm,inside,broken", 0, 0, STK_OPTION_KIND_CHOICE, 0},
    {"speed", "milliseconds of the market in one of the clock's", "1", NULL, 1, 10000,
     STK_OPTION_KIND_INT, 0},
    {"skus", "SKU-00000 and up, a listing of each, one in twenty a kit", "3000", NULL, 1, 99999,
     STK_OPTION_KIND_INT, 0},
    {"counter", "units on sale of each listing before anybody writes", "0", NULL, 0, 1000000,
     STK_OPTION_KIND_INT, 0},
    {"orders_per_day", "shoppers of a day of the market", "20000", NULL, 0, 100000000,
     STK_OPTION_KIND_INT, 0},
    {"ship_minutes", "mean time until the channel says that an order was shipped; 0 = never", "60",
     NULL, 0, 100000, STK_OPTION_KIND_INT, 0},
    {"webhooks", "orders are hinted at between the polls", "true", NULL, 0, 0, STK_OPTION_KIND_BOOL,
     0},
};
static const struct stk_plugin_options options = {sizeof(option_list) / sizeof(*option_list), 0,
                                                  option_list};

static stk_status_t read_integer(struct instance *instance, const char *name, int64_t *value)
{
    return instance->config->integer(instance->host, name, value);
}

/* Which of the words it is. */
static int read_choice(struct instance *instance, const char *name, const char *const *words)
{
    struct stk_bytes text;
    if (instance->config->text(instance->host, name, &text) != STK_OK)
        return -1;
    for (int i = 0; words[i]; i++) {
        if (text.size == strlen(words[i]) && !memcmp(text.data, words[i], text.size))
            return i;
    }
    return -1;
}

static stk_status_t read_options(struct instance *instance)
{
    static const char *const kinds[] = {"set", "adjust", "cas", "shop", NULL};
    static const char *const programmes[] = {"calm", "inside", "broken", NULL};
    struct world_config *wanted = &instance->wanted;
    int kind = read_choice(instance, "kind", kinds);
    int programme = read_choice(instance, "programme", programmes);
    int64_t seed, skus, counter, ship_minutes;
    struct stk_bytes name;
    uint8_t hooks;

    if (kind < 0 || programme < 0 || read_integer(instance, "seed", &seed) ||
        read_integer(instance, "speed", &wanted->speed) || read_integer(instance, "skus", &skus) ||
        read_integer(instance, "counter", &counter) ||
        read_integer(instance, "orders_per_day", &wanted->orders_per_day) ||
        read_integer(instance, "ship_minutes", &ship_minutes) ||
        instance->config->boolean(instance->host, "webhooks", &hooks) ||
        instance->config->text(instance->host, "world", &name) || name.size >= sizeof(wanted->name))
        return STK_INVALID;
    memcpy(wanted->name, name.data, name.size);
    wanted->kind = (enum market_kind)kind;
    wanted->programme = (enum market_programme)programme;
    wanted->seed = (uint64_t)seed;
    wanted->skus = (uint32_t)skus;
    wanted->counter = (int32_t)counter;
    wanted->kit_every = 20;
    wanted->ship_mean_ms = ship_minutes * 60000;
    instance->hooks = hooks;
    return STK_OK;
}

/* ---- life ---- */

static stk_status_t init(const struct stk_plugin *plugin)
{
    struct instance *instance = instance_of(plugin);
    const struct stk_host *host = instance->host;

    instance->log = host->get_extension(host, STK_EXT_LOG);
    instance->clock = host->get_extension(host, STK_EXT_CLOCK);
    instance->config = host->get_extension(host, STK_EXT_CONFIG);
    instance->timer = host->get_extension(host, STK_EXT_TIMER);
    instance->submit = host->get_extension(host, STK_EXT_SUBMIT);
    instance->orders = host->get_extension(host, STK_EXT_ORDERS_IN);
    instance->offers = host->get_extension(host, STK_EXT_OFFERS_IN);
    instance->updates = host->get_extension(host, STK_EXT_LISTING_UPDATES);
    instance->discovery = host->get_extension(host, STK_EXT_DISCOVERY);
    if (!instance->clock || !instance->config || !instance->timer || !instance->submit ||
        !instance->orders || !instance->offers || !instance->updates || !instance->discovery) {
        instance_say(instance, STK_SEVERITY_ERROR, "the host lacks an extension");
        return STK_NOT_FOUND;
    }
    if (read_options(instance)) {
        instance_say(instance, STK_SEVERITY_ERROR, "an option cannot be read");
        return STK_INVALID;
    }
    instance->reports = calloc(REPORTS_MAX, sizeof(*instance->reports));
    for (int i = 0; i < JOBS; i++) {
        instance->job[i].kind = (enum job_kind)i;
        instance->job[i].room = malloc(JOB_ROOM);
        if (!instance->job[i].room)
            return STK_NO_MEMORY;
    }
    return instance->reports ? STK_OK : STK_NO_MEMORY;
}

static void destroy(const struct stk_plugin *plugin)
{
    struct instance *instance = instance_of(plugin);

    if (instance->world)
        world_leave(instance->world, &instance->wanted);
    for (int i = 0; i < JOBS; i++)
        free(instance->job[i].room);
    free(instance->reports);
    free(instance);
}

static stk_status_t activate(const struct stk_plugin *plugin)
{
    struct instance *instance = instance_of(plugin);
    char why[STK_EVENT_TEXT_MAX];

    if (!instance->world)
        instance->world =
            world_join(&instance->wanted, instance->clock->monotonic_ms(instance->host),
                       instance->clock->now_ms(instance->host), why, sizeof(why));
    if (!instance->world) {
        instance_say(instance, STK_SEVERITY_ERROR, "%s", why);
        return STK_STATE;
    }
    instance->channel = (uint32_t)instance->wanted.kind;
    instance->active = 1;
    return instance->timer->set(instance->host, 1, TICK_MS);
}

static void deactivate(const struct stk_plugin *plugin)
{
    struct instance *instance = instance_of(plugin);
    struct market *market;

    instance->active = 0;
    jobs_cancel(instance);
    pushes_cancel(instance);
    market = instance_lock(instance);
    market_disconnect(market, instance->channel);
    world_unlock(instance->world);
}

static void take_answers(struct instance *instance)
{
    for (;;) {
        struct market *market = instance_lock(instance);
        const struct market_answer *answer = market_answer(market, instance->channel);
        if (answer && answer->endpoint != MARKET_PUSH)
            jobs_answer(instance, market, answer);
        world_unlock(instance->world);
        if (!answer)
            return;
        if (answer->endpoint == MARKET_PUSH)
            pushes_answer(instance, answer);
    }
}

static void on_timer(const struct stk_plugin *plugin, uint32_t id)
{
    struct instance *instance = instance_of(plugin);

    if (!instance->active)
        return;
    instance->timer->set(instance->host, id, TICK_MS);
    take_answers(instance);
    pushes_turn(instance);
    jobs_turn(instance);
}
static const struct stk_plugin_timer timer = {on_timer};

static const void *get_extension(const struct stk_plugin *plugin, const char *id)
{
    static const struct {
        const char *id;
        const void *side;
    } sides[] = {
        {STK_EXT_OPTIONS, &options},
        {STK_EXT_TIMER, &timer},
        {STK_EXT_SUBMIT, &simulator_submit},
        {STK_EXT_ORDERS_IN, &simulator_orders},
        {STK_EXT_OFFERS_IN, &simulator_offers},
        {STK_EXT_LISTING_UPDATES, &simulator_updates},
        {STK_EXT_DISCOVERY, &simulator_discovery},
    };
    (void)plugin;
    for (size_t i = 0; i < sizeof(sides) / sizeof(*sides); i++) {
        if (!strcmp(id, sides[i].id))
            return sides[i].side;
    }
    return NULL;
}

/* ---- factory and entry ---- */

static const struct stk_plugin *create_plugin(const struct stk_host *host)
{
    struct instance *instance = calloc(1, sizeof(*instance));
    if (!instance)
        return NULL;
    instance->host = host;
    instance->plugin = (struct stk_plugin){.abi = STK_ABI_INIT,
                                           .plugin_data = instance,
                                           .init = init,
                                           .destroy = destroy,
                                           .activate = activate,
                                           .deactivate = deactivate,
                                           .get_extension = get_extension};
    return &instance->plugin;
}

static stk_status_t entry_init(const char *path)
{
    (void)path;
    return STK_OK;
}

static void entry_deinit(void)
{
}

static const void *get_factory(const char *id)
{
    static const struct stk_plugin_factory factory = {create_plugin};
    return strcmp(id, STK_FACTORY_PLUGINS) ? NULL : &factory;
}

STK_EXPORT const struct stk_plugin_entry stk_entry = {
    .abi = STK_ABI_INIT,
    .init = entry_init,
    .deinit = entry_deinit,
    .get_factory = get_factory,
};
