/* A shop made of files, for tests: orders are lines of FOLDER/orders ("ID LISTING UNITS"), what is
 * pushed is appended to FOLDER/pushed ("GRANT LISTING VALUE"), listings are lines of
 * FOLDER/listings ("LISTING SKU UNITS"). A word in FOLDER/mode makes it misbehave at the next poll.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stockade/stockade.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

STK_MANIFEST(.name = "shop", .vendor = "tests", .version = "1.0.0",
             .kinds = STK_KIND_BIT(ORDERS_IN) | STK_KIND_BIT(LISTING_UPDATES) |
                      STK_KIND_BIT(DISCOVERY),
             .order_delay_ms = 1, .write_kinds = STK_PUSH_SET,
             .published = 1u << STK_PUBLISHED_QUANTITY, .push_quantity_max = 50,
             .read_back_max = 50);

struct shop {
    struct stk_plugin plugin;
    const struct stk_host *host;
    const struct stk_host_log *log;
    const struct stk_host_submit *submit;
    const struct stk_host_feed *feed;
    const struct stk_host_listing_updates *updates;
    const struct stk_host_discovery *discovery;
    const struct stk_host_config *config;
    const struct stk_host_clock *clock;
    uint64_t poll, look, page;        /* calls that are open */
    uint64_t ask, poll_ask, page_ask; /* numbers of asks: the last one, and whose they are */
    int64_t started_ms;
    uint32_t count, found;
    _Alignas(8) char room[256 * 1024];
};

static struct shop *of(const struct stk_plugin *plugin)
{
    return plugin->plugin_data;
}

static FILE *file_of(struct shop *shop, const char *name, const char *how)
{
    char path[600];
    struct stk_bytes folder;
    shop->config->text(shop->host, "folder", &folder);
    snprintf(path, sizeof path, "%.*s/%s", (int)folder.size, folder.data, name);
    return fopen(path, how);
}

/* ---- misbehaviour ---- */

static void lie(void)
{
    char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0);
    if (memory != MAP_FAILED)
        memset(memory, 0x5a, 4096); /* positions of the engine's ring */
    memory = mmap(NULL, 8u << 20, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0);
    if (memory != MAP_FAILED)
        memset(memory, 0x5a, 8u << 20);
    uint64_t one = 1;
    for (int fd = 4; fd <= 5; fd++)
        if (write(fd, &one, sizeof one) < 0)
            return;
}

static void flood(struct shop *shop)
{
    for (int i = 0; i < 1000000; i++)
        shop->log->say(shop->host, STK_SEVERITY_INFO, "flood", 5);
    for (int i = 0; i < 1000; i++) {
        struct stk_ask_submit ask = {.watermark_ms = 0};
        struct stk_composer out;
        stk_compose_init(&out, shop->room, sizeof shop->room);
        stk_compose_begin(&out, sizeof ask);
        ask.head.call = ++shop->ask;
        shop->submit->submit(shop->host,
                             (const void *)stk_compose_end(&out, &ask.head.message, STK_SPACE_ASK,
                                                           STK_ASK_SUBMIT, sizeof ask));
    }
}

static void misbehave(struct shop *shop)
{
    static volatile int forever = 1;
    char word[32] = "";
    FILE *file = file_of(shop, "mode", "r");
    if (!file)
        return;
    if (fscanf(file, "%31s", word) != 1)
        word[0] = 0;
    fclose(file);
    if (strcmp(word, "segv") == 0)
        raise(SIGSEGV);
    if (strcmp(word, "abort") == 0)
        abort();
    if (strcmp(word, "exit") == 0)
        _exit(3);
    if (strcmp(word, "hang") == 0)
        pause();
    while (strcmp(word, "spin") == 0 && forever)
        ;
    while (strcmp(word, "leak") == 0) {
        char *more = malloc(1 << 20);
        if (!more)
            abort();
        memset(more, 1, 1 << 20);
    }
    while (strcmp(word, "fds") == 0 && dup(0) >= 0)
        ;
    if (strcmp(word, "lie") == 0)
        lie();
    if (strcmp(word, "flood") == 0)
        flood(shop);
}

/* ---- orders ---- */

static void poll_over(struct shop *shop, stk_status_t status, int more)
{
    struct stk_done_poll done = {.started_ms = shop->started_ms, .more = (uint8_t)more};
    struct stk_composer out;
    stk_compose_init(&out, shop->room, sizeof shop->room);
    stk_compose_begin(&out, sizeof done);
    done.head.call = shop->poll;
    done.head.status = status;
    done.event_count = shop->count;
    shop->poll = 0;
    shop->feed->poll_done(shop->host,
                          (const void *)stk_compose_end(&out, &done.head.message, STK_SPACE_DONE,
                                                        STK_CALL_POLL, sizeof done));
}

static void compose_order(struct shop *shop, struct stk_composer *out, const char *id,
                          const char *listing, uint32_t units)
{
    struct stk_event_order order = {.placed_at_ms = 1600000000000};
    struct stk_event_line line = {.quantity = units, .unit_price_minor = STK_ABSENT};
    (void)shop;
    stk_compose_begin(out, sizeof order);
    order.id = stk_compose_string(out, id);
    line.listing = stk_compose_string(out, listing);
    order.lines = stk_compose_list(out, &line, sizeof line, 1);
    stk_compose_end(out, &order.message, STK_SPACE_EVENT, STK_EVENT_ORDER, sizeof order);
}

static stk_status_t poll_orders(const struct stk_plugin *plugin, const struct stk_call_poll *call)
{
    struct shop *shop = of(plugin);
    struct stk_ask_submit ask = {.head.call = ++shop->ask};
    struct stk_bytes cursor = stk_message_text(call, call->cursor);
    struct stk_composer out;
    char id[64], listing[64], text[32];
    unsigned units;
    misbehave(shop);
    FILE *file = file_of(shop, "orders", "r");
    shop->poll = call->head.call;
    shop->started_ms = shop->clock->now_ms(shop->host);
    shop->count = 0;
    snprintf(text, sizeof text, "%.*s", (int)cursor.size, cursor.data);
    if (file)
        fseek(file, atol(text), SEEK_SET);
    stk_compose_init(&out, shop->room, sizeof shop->room);
    stk_compose_begin(&out, sizeof ask);
    uint32_t mark = out.used;
    while (file && shop->count < 100 && fscanf(file, "%63s %63s %u ", id, listing, &units) == 3) {
        compose_order(shop, &out, id, listing, units);
        shop->count++;
    }
    snprintf(text, sizeof text, "%ld", file ? ftell(file) : 0);
    if (file)
        fclose(file);
    if (!shop->count) {
        poll_over(shop, STK_OK, 0);
        return STK_OK;
    }
    shop->poll_ask = ask.head.call;
    ask.events = stk_compose_nested(&out, mark, shop->count);
    struct stk_bytes key = stk_message_text(call, call->cursor_key);
    ask.cursor_key = stk_compose_text(&out, key.data, key.size);
    ask.cursor_value = stk_compose_string(&out, text);
    const struct stk_message *message =
        stk_compose_end(&out, &ask.head.message, STK_SPACE_ASK, STK_ASK_SUBMIT, sizeof ask);
    return message ? shop->submit->submit(shop->host, (const void *)message) : STK_TOO_LARGE;
}

/* ---- updates ---- */

static stk_status_t push(const struct stk_plugin *plugin, const struct stk_call_push *call)
{
    static struct stk_write_outcome results[64];
    struct shop *shop = of(plugin);
    struct stk_done_push done = {.head.call = call->head.call};
    struct stk_composer out;
    FILE *file = file_of(shop, "pushed", "a");
    if (!file)
        return STK_IO;
    for (uint32_t i = 0; i < call->updates.count; i++) {
        struct stk_update update;
        stk_message_item(call, call->updates, i, &update, sizeof update);
        struct stk_bytes listing = stk_message_text(call, update.key.listing);
        fprintf(file, "%llu %.*s %lld\n", (unsigned long long)update.grant, (int)listing.size,
                listing.data, (long long)update.value);
        results[i] = (struct stk_write_outcome){.grant = update.grant,
                                                .outcome = STK_OUTCOME_ACCEPTED,
                                                .sent_at_ms = shop->clock->now_ms(shop->host),
                                                .counter = STK_ABSENT};
    }
    fclose(file);
    stk_compose_init(&out, shop->room, sizeof shop->room);
    stk_compose_begin(&out, sizeof done);
    done.results = stk_compose_list(&out, results, sizeof *results, call->updates.count);
    return shop->updates->push_done(
        shop->host, (const void *)stk_compose_end(&out, &done.head.message, STK_SPACE_DONE,
                                                  STK_CALL_PUSH, sizeof done));
}

/* The last value that was pushed; -1: none. */
static long long shown(struct shop *shop, struct stk_bytes listing)
{
    FILE *file = file_of(shop, "pushed", "r");
    unsigned long long grant;
    long long value, last = -1;
    char name[65];
    while (file && fscanf(file, "%llu %64s %lld", &grant, name, &value) == 3)
        if (strlen(name) == listing.size && memcmp(name, listing.data, listing.size) == 0)
            last = value;
    if (file)
        fclose(file);
    return last;
}

static stk_status_t read_back(const struct stk_plugin *plugin,
                              const struct stk_call_read_back *call)
{
    struct shop *shop = of(plugin);
    struct stk_ask_submit ask = {.head.call = ++shop->ask};
    struct stk_composer out;
    uint32_t count = 0;
    stk_compose_init(&out, shop->room, sizeof shop->room);
    stk_compose_begin(&out, sizeof ask);
    uint32_t mark = out.used;
    for (uint32_t i = 0; i < call->keys.count; i++) {
        struct stk_published_key key;
        stk_message_item(call, call->keys, i, &key, sizeof key);
        struct stk_bytes listing = stk_message_text(call, key.listing);
        struct stk_event_observed seen = {.value = shown(shop, listing),
                                          .asked_at_ms = shop->clock->now_ms(shop->host),
                                          .age_max_ms = STK_ABSENT};
        if (seen.value < 0)
            continue;
        stk_compose_begin(&out, sizeof seen);
        seen.key.listing = stk_compose_text(&out, listing.data, listing.size);
        seen.key.field = key.field;
        stk_compose_end(&out, &seen.message, STK_SPACE_EVENT, STK_EVENT_OBSERVED, sizeof seen);
        count++;
    }
    ask.events = stk_compose_nested(&out, mark, count);
    shop->look = call->head.call;
    return shop->submit->submit(
        shop->host, (const void *)stk_compose_end(&out, &ask.head.message, STK_SPACE_ASK,
                                                  STK_ASK_SUBMIT, sizeof ask));
}

/* ---- discovery ---- */

static stk_status_t discover(const struct stk_plugin *plugin, const struct stk_call_discover *call)
{
    struct shop *shop = of(plugin);
    struct stk_ask_submit ask = {.head.call = ++shop->ask};
    struct stk_composer out;
    char listing[64], sku[64];
    unsigned units;
    FILE *file = file_of(shop, "listings", "r");
    stk_compose_init(&out, shop->room, sizeof shop->room);
    stk_compose_begin(&out, sizeof ask);
    uint32_t mark = out.used;
    shop->found = 0;
    while (file && fscanf(file, "%63s %63s %u", listing, sku, &units) == 3) {
        struct stk_event_listing event = {.price_minor = STK_ABSENT,
                                          .quantity = units,
                                          .asked_at_ms = 1600000000000,
                                          .active = 1};
        stk_compose_begin(&out, sizeof event);
        event.listing = stk_compose_string(&out, listing);
        event.sku = stk_compose_string(&out, sku);
        stk_compose_end(&out, &event.message, STK_SPACE_EVENT, STK_EVENT_LISTING, sizeof event);
        shop->found++;
    }
    if (file)
        fclose(file);
    ask.events = stk_compose_nested(&out, mark, shop->found);
    shop->page = call->head.call;
    shop->page_ask = ask.head.call;
    return shop->submit->submit(
        shop->host, (const void *)stk_compose_end(&out, &ask.head.message, STK_SPACE_ASK,
                                                  STK_ASK_SUBMIT, sizeof ask));
}

static void submit_done(const struct stk_plugin *plugin, const struct stk_reply_submit *reply)
{
    struct shop *shop = of(plugin);
    struct stk_composer out;
    if (reply->head.call == shop->poll_ask) {
        poll_over(shop, reply->head.status, shop->count == 100);
        return;
    }
    stk_compose_init(&out, shop->room, sizeof shop->room);
    if (reply->head.call == shop->page_ask) {
        struct stk_done_discover done = {.head.call = shop->page, .total = STK_ABSENT};
        done.head.status = reply->head.status;
        done.listing_count = shop->found;
        shop->page = 0;
        stk_compose_begin(&out, sizeof done);
        shop->discovery->discover_done(
            shop->host, (const void *)stk_compose_end(&out, &done.head.message, STK_SPACE_DONE,
                                                      STK_CALL_DISCOVER, sizeof done));
        return;
    }
    struct stk_done_read_back done = {.head.call = shop->look};
    done.head.status = reply->head.status;
    shop->look = 0;
    stk_compose_begin(&out, sizeof done);
    shop->updates->read_back_done(
        shop->host, (const void *)stk_compose_end(&out, &done.head.message, STK_SPACE_DONE,
                                                  STK_CALL_READ_BACK, sizeof done));
}

/* ---- life ---- */

static const struct stk_plugin_option options[] = {{.name = "folder",
                                                    .text = "where the shop is",
                                                    .min = 1,
                                                    .max = 500,
                                                    .kind = STK_OPTION_KIND_TEXT},
                                                   {.name = "depth",
                                                    .text = "for tests of ranges",
                                                    .fallback = "3",
                                                    .min = 1,
                                                    .max = 9,
                                                    .kind = STK_OPTION_KIND_INT}};
static const struct stk_plugin_options ext_options = {2, 0, options};
static const struct stk_plugin_feed ext_feed = {poll_orders};
static const struct stk_plugin_listing_updates ext_updates = {push, read_back};
static const struct stk_plugin_discovery ext_discovery = {discover};
static const struct stk_plugin_submit ext_submit = {submit_done};

static const void *get_extension(const struct stk_plugin *plugin, const char *id)
{
    (void)plugin;
    if (!strcmp(id, STK_EXT_OPTIONS))
        return &ext_options;
    if (!strcmp(id, STK_EXT_ORDERS_IN))
        return &ext_feed;
    if (!strcmp(id, STK_EXT_LISTING_UPDATES))
        return &ext_updates;
    if (!strcmp(id, STK_EXT_DISCOVERY))
        return &ext_discovery;
    return !strcmp(id, STK_EXT_SUBMIT) ? &ext_submit : NULL;
}

static stk_status_t init(const struct stk_plugin *plugin)
{
    struct shop *shop = of(plugin);
    const struct stk_host *host = shop->host;
    shop->log = host->get_extension(host, STK_EXT_LOG);
    shop->submit = host->get_extension(host, STK_EXT_SUBMIT);
    shop->feed = host->get_extension(host, STK_EXT_ORDERS_IN);
    shop->updates = host->get_extension(host, STK_EXT_LISTING_UPDATES);
    shop->discovery = host->get_extension(host, STK_EXT_DISCOVERY);
    shop->config = host->get_extension(host, STK_EXT_CONFIG);
    shop->clock = host->get_extension(host, STK_EXT_CLOCK);
    return shop->submit && shop->feed && shop->updates && shop->config ? STK_OK : STK_VERSION;
}

static stk_status_t activate(const struct stk_plugin *plugin)
{
    (void)plugin;
    return STK_OK;
}

static void deactivate(const struct stk_plugin *plugin)
{
    struct shop *shop = of(plugin);
    shop->poll = shop->look = shop->page = 0;
}

static void destroy(const struct stk_plugin *plugin)
{
    free(plugin->plugin_data);
}

static const struct stk_plugin *create(const struct stk_host *host)
{
    struct stk_abi_version abi = STK_ABI_INIT;
    struct shop *shop = calloc(1, sizeof *shop);
    if (!shop)
        return NULL;
    shop->host = host;
    shop->plugin = (struct stk_plugin){.abi = abi,
                                       .plugin_data = shop,
                                       .init = init,
                                       .destroy = destroy,
                                       .activate = activate,
                                       .deactivate = deactivate,
                                       .get_extension = get_extension};
    return &shop->plugin;
}

static const struct stk_plugin_factory factory = {create};

static stk_status_t entry_init(const char *path)
{
    (void)path;
    return STK_OK;
}
static void entry_deinit(void)
{
}
static const void *entry_factory(const char *id)
{
    return !strcmp(id, STK_FACTORY_PLUGINS) ? &factory : NULL;
}

STK_EXPORT const struct stk_plugin_entry stk_entry = {STK_ABI_INIT, 0, entry_init, entry_deinit,
                                                      entry_factory};
