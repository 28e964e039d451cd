/* One instance on its own loop. Words of the other side drive its life; calls are handed to the
 * plugin; what it answers and asks is checked here already, so that it hears at once what is wrong,
 * and again on the other side, which trusts nobody.
 *
 * Always: no call into the plugin happens within a call of the plugin, because everything comes
 * from the loop; a call is open from its delivery to its answer and no longer. */
#include "core/plug/host.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/plug/check.h"
#include "core/plug/loader.h"
#include "core/plug/local.h"
#include "core/plug/translate.h"
#include "core/plug/word.h"
#include <stdio.h>
#include <stockade/ext/discovery.h>
#include <stockade/ext/offers.h>
#include <stockade/ext/orders.h>
#include <stockade/ext/submit.h>
#include <stockade/message.h>
#include <string.h>

#define CALLS_MAX  64
#define SPARE      (2u * 1024 * 1024) /* of the ring, for answers: asks must leave it free */
#define SLOW_MS    100
#define METRICS_MS 1000

struct stk_hosting {
    struct stk_local local; /* first: host_data points here */
    struct stk_host host;
    struct stk_link *link;
    struct stk_plugin_file file;
    const struct stk_plugin *plugin;
    const struct stk_plugin_feed *orders;
    const struct stk_plugin_listing_updates *updates;
    const struct stk_plugin_discovery *discovery;
    const struct stk_plugin_submit *submit;
    const struct stk_plugin_kv *kv;
    struct stk_loop_timer *metrics_timer;
    uint32_t submits, kvs; /* asks under way */
    struct {
        uint64_t number; /* 0 = free */
        uint16_t type;
        int64_t deadline_ms;
    } call[CALLS_MAX];
    void (*on_end)(void *arg);
    void *arg;
};

static struct stk_hosting *of(const struct stk_host *host)
{
    return host->host_data;
}

static stk_time_t now_ms(void)
{
    struct stk_clock clock = stk_clock_real();
    return clock.now_ms(clock.self);
}

/* ---- words ---- */

static void say(struct stk_hosting *self, enum stk_word word, uint64_t number, int64_t value,
                enum stk_status status, const char *text)
{
    _Alignas(8) char room[1024];
    struct stk_word_said said = {.number = number, .value = value, .status = (stk_status_t)status};
    struct stk_composer out;
    stk_compose_init(&out, room, sizeof room);
    stk_compose_begin(&out, sizeof said);
    said.text =
        stk_compose_text(&out, text, text ? (uint32_t)strnlen(text, STK_EVENT_TEXT_MAX) : 0);
    const struct stk_message *message =
        stk_compose_end(&out, &said.message, STK_SPACE_HOST, (uint16_t)word, sizeof said);
    if (message && stk_link_send(self->link, message, 0) != STK_OK)
        stk_log_limited(STK_LOG_ERROR, 1000, "plugin host: no room for its own words channel=%s",
                        self->local.instance);
}

/* ---- answers and asks of the plugin ---- */

/* Is the plugin allowed to speak now, and is it a message of that kind? */
static stk_status_t hear(struct stk_hosting *self, const struct stk_message *message,
                         unsigned space, unsigned type, const char *function)
{
    struct stk_error err = {0};
    if (!stk_local_is_here(&self->local, function) || self->local.state != STK_HOSTING_ACTIVE)
        return STK_STATE;
    enum stk_status status = message->space == space && message->type == type
                                 ? stk_check_message(message, message->size, &err)
                                 : stk_error_set(&err, STK_MALFORMED, "message: of another type");
    if (status != STK_OK)
        stk_log_limited(STK_LOG_WARN, 1000, "plugin sent a bad message to %s: %s channel=%s",
                        function, err.text, self->local.instance);
    return (stk_status_t)status;
}

static stk_status_t done(const struct stk_host *host, const struct stk_done_head *head,
                         unsigned type, const char *function)
{
    struct stk_hosting *self = of(host);
    stk_status_t status = hear(self, &head->message, STK_SPACE_DONE, type, function);
    if (status != STK_OK)
        return status;
    for (uint32_t i = 0; i < CALLS_MAX; i++) {
        if (self->call[i].number != head->call || self->call[i].type != type)
            continue;
        status = (stk_status_t)stk_link_send(self->link, &head->message, 0);
        if (status != STK_OK)
            return status;
        self->call[i].number = 0;
        return now_ms() > self->call[i].deadline_ms ? STK_STALE : STK_OK;
    }
    return STK_NOT_FOUND;
}

static stk_status_t poll_done(const struct stk_host *host, const struct stk_done_poll *message)
{
    return done(host, &message->head, STK_CALL_POLL, "poll_done");
}

static stk_status_t push_done(const struct stk_host *host, const struct stk_done_push *message)
{
    return done(host, &message->head, STK_CALL_PUSH, "push_done");
}

static stk_status_t read_back_done(const struct stk_host *host,
                                   const struct stk_done_read_back *message)
{
    return done(host, &message->head, STK_CALL_READ_BACK, "read_back_done");
}

static stk_status_t discover_done(const struct stk_host *host,
                                  const struct stk_done_discover *message)
{
    return done(host, &message->head, STK_CALL_DISCOVER, "discover_done");
}

static stk_status_t ask(struct stk_hosting *self, const struct stk_ask_head *head, uint32_t *open,
                        uint32_t most)
{
    if (*open == most)
        return STK_BUSY;
    stk_status_t status = (stk_status_t)stk_link_send(self->link, &head->message, SPARE);
    if (status == STK_OK)
        ++*open;
    return status;
}

static stk_status_t submit(const struct stk_host *host, const struct stk_ask_submit *message)
{
    struct stk_hosting *self = of(host);
    stk_status_t status =
        hear(self, &message->head.message, STK_SPACE_ASK, STK_ASK_SUBMIT, "submit");
    return status == STK_OK ? ask(self, &message->head, &self->submits, STK_SUBMIT_OPEN_MAX)
                            : status;
}

static stk_status_t kv_get(const struct stk_host *host, const struct stk_ask_kv_get *message)
{
    struct stk_hosting *self = of(host);
    stk_status_t status =
        hear(self, &message->head.message, STK_SPACE_ASK, STK_ASK_KV_GET, "kv.get");
    return status == STK_OK ? ask(self, &message->head, &self->kvs, STK_KV_OPEN_MAX) : status;
}

static stk_status_t kv_put(const struct stk_host *host, const struct stk_ask_kv_put *message)
{
    struct stk_hosting *self = of(host);
    stk_status_t status =
        hear(self, &message->head.message, STK_SPACE_ASK, STK_ASK_KV_PUT, "kv.put");
    return status == STK_OK ? ask(self, &message->head, &self->kvs, STK_KV_OPEN_MAX) : status;
}

static const struct stk_host_feed ext_feed = {poll_done};
static const struct stk_host_listing_updates ext_updates = {push_done, read_back_done};
static const struct stk_host_discovery ext_discovery = {discover_done};
static const struct stk_host_submit ext_submit = {submit};
static const struct stk_host_kv ext_kv = {kv_get, kv_put};

static const void *get_extension(const struct stk_host *host, const char *id)
{
    const uint64_t kinds = of(host)->file.manifest.kinds;
    static const struct {
        const char *id;
        const void *extension;
        uint64_t kind; /* 0 = for all */
    } all[] = {{STK_EXT_SUBMIT, &ext_submit, 0},
               {STK_EXT_KV, &ext_kv, 0},
               {STK_EXT_ORDERS_IN, &ext_feed, STK_KIND_BIT(ORDERS_IN)},
               {STK_EXT_OFFERS_IN, &ext_feed, STK_KIND_BIT(OFFERS_IN)},
               {STK_EXT_LISTING_UPDATES, &ext_updates, STK_KIND_BIT(LISTING_UPDATES)},
               {STK_EXT_DISCOVERY, &ext_discovery, STK_KIND_BIT(DISCOVERY)}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].id, id) == 0)
            return !all[i].kind || all[i].kind & kinds ? all[i].extension : NULL;
    return stk_local_extension(id);
}

/* ---- calls and replies to the plugin ---- */

static stk_status_t call_plugin(struct stk_hosting *self, const struct stk_message *message)
{
    const struct stk_plugin *plugin = self->plugin;
    switch (message->type) {
    case STK_CALL_POLL:
        return self->orders ? self->orders->poll(plugin, (const void *)message) : STK_UNKNOWN;
    case STK_CALL_PUSH:
        return self->updates ? self->updates->push(plugin, (const void *)message) : STK_UNKNOWN;
    case STK_CALL_READ_BACK:
        return self->updates && self->updates->read_back
                   ? self->updates->read_back(plugin, (const void *)message)
                   : STK_UNKNOWN;
    case STK_CALL_DISCOVER:
        return self->discovery ? self->discovery->discover(plugin, (const void *)message)
                               : STK_UNKNOWN;
    default:
        return STK_UNKNOWN;
    }
}

static void on_call(struct stk_hosting *self, const struct stk_message *message)
{
    const struct stk_call_head *head = (const void *)message;
    stk_status_t status = self->local.state == STK_HOSTING_ACTIVE ? STK_BUSY : STK_STATE;
    uint32_t i = 0;
    while (i < CALLS_MAX && self->call[i].number)
        i++;
    if (self->local.state == STK_HOSTING_ACTIVE && i < CALLS_MAX) {
        self->call[i].number = head->call; /* it may be answered within the call */
        self->call[i].type = message->type;
        self->call[i].deadline_ms = head->deadline_ms;
        status = call_plugin(self, message);
        if (status != STK_OK && self->call[i].number == head->call)
            self->call[i].number = 0;
    }
    if (status != STK_OK)
        say(self, STK_WORD_REFUSED, head->call, 0,
            status > 0 && status < STK_STATUS_COUNT ? (enum stk_status)status : STK_INTERNAL, NULL);
}

static void on_reply(struct stk_hosting *self, const struct stk_message *message)
{
    if (self->local.state != STK_HOSTING_ACTIVE)
        return; /* it was deactivated meanwhile */
    if (message->type == STK_ASK_SUBMIT) {
        self->submits -= self->submits > 0;
        if (self->submit)
            self->submit->submit_done(self->plugin, (const void *)message);
        return;
    }
    self->kvs -= self->kvs > 0;
    if (message->type == STK_ASK_KV_GET && self->kv)
        self->kv->get_done(self->plugin, (const void *)message);
    if (message->type == STK_ASK_KV_PUT && self->kv)
        self->kv->put_done(self->plugin, (const void *)message);
}

/* ---- life ---- */

static uint32_t pairs_of(const void *message, struct stk_list list, struct stk_setting_given *given,
                         uint32_t *environment)
{
    struct stk_word_pair pair;
    uint32_t count = 0;
    for (; count < list.count && count < STK_OPTIONS_MAX; count++) {
        stk_message_item(message, list, count, &pair, sizeof pair);
        given[count].name = stk_message_text(message, pair.name);
        given[count].value = stk_message_text(message, pair.value);
        environment[count] = pair.is_environment;
    }
    return count;
}

static void take_secrets(struct stk_hosting *self, const struct stk_setting_given *given,
                         const uint32_t *environment, uint32_t count)
{
    for (uint32_t i = 0; i < count && i < STK_SECRETS_MAX; i++) {
        struct stk_local_secret *secret = &self->local.secret[i];
        snprintf(secret->name, sizeof secret->name, "%.*s", (int)given[i].name.size,
                 given[i].name.data);
        snprintf(secret->from, sizeof secret->from, "%.*s", (int)given[i].value.size,
                 given[i].value.data);
        secret->is_environment = (int)environment[i];
        self->local.secrets = i + 1;
    }
}

static void find_sides(struct stk_hosting *self)
{
    const struct stk_plugin *plugin = self->plugin;
    self->orders = plugin->get_extension(plugin, STK_EXT_ORDERS_IN);
    self->updates = plugin->get_extension(plugin, STK_EXT_LISTING_UPDATES);
    self->discovery = plugin->get_extension(plugin, STK_EXT_DISCOVERY);
    self->submit = plugin->get_extension(plugin, STK_EXT_SUBMIT);
    self->kv = plugin->get_extension(plugin, STK_EXT_KV);
    self->local.plugin_timer = plugin->get_extension(plugin, STK_EXT_TIMER);
    self->local.plugin_fd = plugin->get_extension(plugin, STK_EXT_FD);
}

static void on_setup(struct stk_hosting *self, const struct stk_message *message)
{
    struct stk_setting_given given[STK_OPTIONS_MAX];
    uint32_t environment[STK_OPTIONS_MAX], count;
    struct stk_word_setup setup;
    struct stk_error err = {0};
    if (self->local.state != STK_HOSTING_MADE)
        return;
    stk_message_read(message, &setup, sizeof setup);
    count = pairs_of(message, setup.options, given, environment);
    enum stk_status status = stk_settings_read(
        &self->local.settings, self->plugin->get_extension(self->plugin, STK_EXT_OPTIONS), given,
        count, &err);
    count = pairs_of(message, setup.secrets, given, environment);
    take_secrets(self, given, environment, count);
    if (status == STK_OK) {
        status = (enum stk_status)self->plugin->init(self->plugin);
        if (status != STK_OK)
            stk_error_set(&err, status, "its init says %s", stk_status_name((int)status));
    }
    if (status == STK_OK) {
        find_sides(self);
        self->local.state = STK_HOSTING_READY;
    }
    say(self, STK_WORD_READY, 0, 0, status, status == STK_OK ? NULL : err.text);
}

static void deactivate(struct stk_hosting *self)
{
    if (self->local.state != STK_HOSTING_ACTIVE)
        return;
    self->plugin->deactivate(self->plugin);
    self->local.state = STK_HOSTING_READY;
    stk_local_clear(&self->local);
    memset(self->call, 0, sizeof self->call);
    self->submits = self->kvs = 0;
}

static void on_activate(struct stk_hosting *self)
{
    if (self->local.state != STK_HOSTING_READY)
        return;
    self->local.state = STK_HOSTING_ACTIVE; /* timers, fds and asks are allowed inside */
    stk_status_t status = self->plugin->activate(self->plugin);
    if (status != STK_OK) {
        self->local.state = STK_HOSTING_READY;
        stk_local_clear(&self->local);
        self->submits = self->kvs = 0;
    }
    say(self, STK_WORD_ACTIVE, 0, 0,
        status >= 0 && status < STK_STATUS_COUNT ? (enum stk_status)status : STK_INTERNAL, NULL);
}

static void end(struct stk_hosting *self)
{
    deactivate(self);
    if (self->plugin)
        self->plugin->destroy(self->plugin);
    self->plugin = NULL;
    self->local.state = STK_HOSTING_GONE;
}

static void on_word(struct stk_hosting *self, const struct stk_message *message)
{
    const struct stk_word_said *said = (const void *)message;
    switch (message->type) {
    case STK_WORD_SETUP:
        on_setup(self, message);
        break;
    case STK_WORD_ACTIVATE:
        on_activate(self);
        break;
    case STK_WORD_DEACTIVATE:
        deactivate(self);
        say(self, STK_WORD_INACTIVE, 0, 0, STK_OK, NULL);
        break;
    case STK_WORD_PING:
        say(self, STK_WORD_PONG, said->number, 0, STK_OK, NULL);
        break;
    case STK_WORD_CLOSE:
        end(self);
        say(self, STK_WORD_CLOSED, 0, 0, STK_OK, NULL);
        self->on_end(self->arg);
        break;
    default:
        break;
    }
}

static void on_message(void *arg, const void *data, uint32_t size)
{
    struct stk_hosting *self = arg;
    const struct stk_message *message = data;
    struct stk_clock clock = stk_clock_real();
    int64_t began = clock.monotonic_ns(clock.self);
    (void)size;
    if (message->space == STK_SPACE_CALL)
        on_call(self, message);
    else if (message->space == STK_SPACE_REPLY)
        on_reply(self, message);
    else if (message->space == STK_SPACE_HOST)
        on_word(self, message);
    int64_t took_ms = (clock.monotonic_ns(clock.self) - began) / 1000000;
    if (took_ms > SLOW_MS)
        stk_log_limited(STK_LOG_WARN, 1000,
                        "plugin took too long channel=%s space=%u type=%u ms=%lld",
                        self->local.instance, message->space, message->type, (long long)took_ms);
}

static void on_broken(void *arg)
{
    struct stk_hosting *self = arg;
    self->on_end(self->arg);
}

static void tell_metrics(void *arg)
{
    struct stk_hosting *self = arg;
    for (uint32_t i = 0; i < self->local.metrics; i++) {
        struct stk_local_metric *metric = &self->local.metric[i];
        /* relaxed: a number for display; pairs with metrics_put */
        int64_t value = atomic_load_explicit(&metric->value, memory_order_relaxed);
        if (value == metric->told)
            continue;
        metric->told = value;
        say(self, STK_WORD_METRIC, i + 1, value, STK_OK, metric->name);
    }
}

/* ---- create and destroy ---- */

struct stk_hosting *stk_hosting_create(const struct stk_hosting_options *options,
                                       struct stk_error *err)
{
    struct stk_hosting *self = stk_alloc(sizeof *self);
    if (!self) {
        stk_error_set(err, STK_NO_MEMORY, "out of memory");
        return NULL;
    }
    self->local.instance = options->instance;
    self->local.loop = options->loop;
    self->local.main_thread = self->local.thread = pthread_self();
    self->link = options->link;
    self->on_end = options->on_end;
    self->arg = options->arg;
    self->host = (struct stk_host){.abi = STK_ABI_INIT,
                                   .host_data = self,
                                   .instance = options->instance,
                                   .name = options->name,
                                   .version = STK_VERSION_TEXT,
                                   .get_extension = get_extension};
    if (stk_loader_open(&self->file, options->path, err) != STK_OK ||
        stk_loader_make(&self->file, &self->host, &self->plugin, err) != STK_OK) {
        stk_hosting_destroy(self);
        return NULL;
    }
    self->local.plugin = self->plugin;
    return self;
}

enum stk_status stk_hosting_begin(struct stk_hosting *self, struct stk_error *err)
{
    self->local.thread = pthread_self();
    self->metrics_timer = stk_loop_timer_add(self->local.loop, tell_metrics, self);
    if (!self->metrics_timer ||
        stk_link_attach(self->link, self->local.loop, on_message, on_broken, self) != STK_OK)
        return stk_error_set(err, STK_NO_MEMORY, "out of memory");
    stk_loop_timer_arm(self->metrics_timer, METRICS_MS, 1);
    return STK_OK;
}

void stk_hosting_destroy(struct stk_hosting *self)
{
    if (!self)
        return;
    stk_link_detach(self->link);
    end(self);
    stk_local_clear(&self->local);
    if (self->metrics_timer)
        stk_loop_timer_remove(self->metrics_timer);
    stk_loader_close(&self->file);
    stk_free(self);
}
