/* The fake host. One thread; nothing is answered inside an ask, as the headers promise. Messages of
 * the plugin are copied at once, so that one that keeps writing into them is found by ASan or by
 * the test's own eyes. */
#include "tests/lib/fake_host.h"
#include "core/plug/check.h"
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CALLING 1000 /* the first number of a call: not those that plugins like to choose */

static struct fake_host *fake_of(const struct stk_host *host)
{
    return host->host_data;
}

__attribute__((format(printf, 2, 3))) static void fault(struct fake_host *fake, const char *format,
                                                        ...)
{
    va_list args;
    if (fake->fault_count == 16)
        return;
    va_start(args, format);
    vsnprintf(fake->faults[fake->fault_count++], sizeof *fake->faults, format, args);
    va_end(args);
}

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static struct stk_message *copy_of(const struct stk_message *message)
{
    void *copy = must(aligned_alloc(8, message->size));
    return memcpy(copy, message, message->size);
}

/* ---- names -------------------------------------------------------------------------------- */

static struct fake_name *find_name(struct fake_name *names, const char *key, size_t size)
{
    for (int i = 0; i < FAKE_NAMES_MAX; i++) {
        if (names[i].value && strlen(names[i].key) == size && !memcmp(names[i].key, key, size))
            return &names[i];
    }
    return NULL;
}

static void drop_name(struct fake_name *name)
{
    if (name)
        free(name->value);
    if (name)
        memset(name, 0, sizeof *name);
}

/* 0 when there is no room. */
static int put_name(struct fake_name *names, const char *key, size_t key_size, const char *value,
                    uint32_t size)
{
    drop_name(find_name(names, key, key_size));
    for (int i = 0; i < FAKE_NAMES_MAX; i++) {
        if (names[i].value || key_size >= sizeof names[i].key)
            continue;
        memcpy(names[i].key, key, key_size);
        names[i].key[key_size] = '\0';
        names[i].value = must(calloc(1, (size_t)size + 1));
        memcpy(names[i].value, value, size);
        names[i].size = size;
        return 1;
    }
    return 0;
}

static stk_status_t get_name(struct fake_name *names, const char *key, struct stk_bytes *value)
{
    struct fake_name *name = find_name(names, key, strlen(key));
    if (!name)
        return STK_NOT_FOUND;
    value->data = name->value;
    value->size = name->size;
    return STK_OK;
}

/* ---- local extensions --------------------------------------------------------------------- */

/* Is the caller on the plugin-thread, and the instance active (where it must be)? */
static int allowed(struct fake_host *fake, int must_be_active, const char *what)
{
    int here = pthread_equal(pthread_self(), fake->thread);
    if (!here)
        fault(fake, "%s: not on the plugin-thread", what);
    if (must_be_active && !fake->active)
        fault(fake, "%s: not active", what);
    return here && (!must_be_active || fake->active);
}

static void log_say(const struct stk_host *host, uint32_t severity, const char *line, uint32_t size)
{
    struct fake_host *fake = fake_of(host);
    if (severity > STK_SEVERITY_ERROR || size > STK_EVENT_TEXT_MAX || memchr(line, '\n', size))
        fault(fake, "log: severity %u, %u bytes", severity, size);
    snprintf(fake->lines[fake->line_count++ % FAKE_LINES_MAX], sizeof *fake->lines, "%.*s",
             (int)size, line);
}

static stk_time_t clock_now(const struct stk_host *host)
{
    return fake_of(host)->now_ms;
}

static stk_time_t clock_monotonic(const struct stk_host *host)
{
    return fake_of(host)->monotonic_ms;
}

static stk_status_t timer_cancel(const struct stk_host *host, uint32_t id)
{
    struct fake_host *fake = fake_of(host);
    if (!allowed(fake, 1, "timer.cancel"))
        return STK_STATE;
    for (uint32_t i = 0; i < fake->timer_count; i++) {
        if (fake->timers[i].id == id) {
            fake->timers[i] = fake->timers[--fake->timer_count];
            return STK_OK;
        }
    }
    return STK_NOT_FOUND;
}

static stk_status_t timer_set(const struct stk_host *host, uint32_t id, uint64_t in_ms)
{
    struct fake_host *fake = fake_of(host);
    if (!allowed(fake, 1, "timer.set"))
        return STK_STATE;
    timer_cancel(host, id);
    if (fake->timer_count == STK_TIMERS_MAX)
        return STK_FULL;
    fake->timers[fake->timer_count++] =
        (struct fake_timer){id, fake->monotonic_ms + (int64_t)in_ms};
    return STK_OK;
}

static struct fake_fd *find_fd(struct fake_host *fake, int32_t fd)
{
    for (uint32_t i = 0; i < fake->fd_count; i++) {
        if (fake->fds[i].fd == fd)
            return &fake->fds[i];
    }
    return NULL;
}

static stk_status_t fd_add(const struct stk_host *host, int32_t fd, uint32_t events)
{
    struct fake_host *fake = fake_of(host);
    if (!allowed(fake, 1, "fd.add"))
        return STK_STATE;
    if (fd < 0 || !events || (events & ~(uint32_t)(STK_FD_READ | STK_FD_WRITE)))
        return STK_INVALID;
    if (find_fd(fake, fd))
        return STK_EXISTS;
    if (fake->fd_count == STK_FDS_MAX)
        return STK_FULL;
    fake->fds[fake->fd_count++] = (struct fake_fd){fd, events};
    return STK_OK;
}

static stk_status_t fd_change(const struct stk_host *host, int32_t fd, uint32_t events)
{
    struct fake_host *fake = fake_of(host);
    struct fake_fd *watched = find_fd(fake, fd);
    if (!allowed(fake, 1, "fd.change"))
        return STK_STATE;
    if (!watched)
        return STK_NOT_FOUND;
    watched->events = events;
    return STK_OK;
}

static stk_status_t fd_remove(const struct stk_host *host, int32_t fd)
{
    struct fake_host *fake = fake_of(host);
    struct fake_fd *watched = find_fd(fake, fd);
    if (!allowed(fake, 1, "fd.remove"))
        return STK_STATE;
    if (!watched)
        return STK_NOT_FOUND;
    *watched = fake->fds[--fake->fd_count];
    return STK_OK;
}

static stk_status_t config_text(const struct stk_host *host, const char *name,
                                struct stk_bytes *value)
{
    return get_name(fake_of(host)->options, name, value);
}

static stk_status_t config_integer(const struct stk_host *host, const char *name, int64_t *value)
{
    struct stk_bytes text;
    char *end;
    if (get_name(fake_of(host)->options, name, &text) != STK_OK)
        return STK_NOT_FOUND;
    *value = strtoll(text.data, &end, 10);
    return *end || !text.size ? STK_INVALID : STK_OK;
}

static stk_status_t config_boolean(const struct stk_host *host, const char *name, uint8_t *value)
{
    struct stk_bytes text;
    if (get_name(fake_of(host)->options, name, &text) != STK_OK)
        return STK_NOT_FOUND;
    *value = !strcmp(text.data, "true");
    return *value || !strcmp(text.data, "false") ? STK_OK : STK_INVALID;
}

static stk_status_t secret_get(const struct stk_host *host, const char *name,
                               struct stk_bytes *value)
{
    return get_name(fake_of(host)->secrets, name, value);
}

static stk_status_t metrics_declare(const struct stk_host *host, uint32_t kind, const char *name,
                                    const char *help, uint32_t *id)
{
    struct fake_host *fake = fake_of(host);
    (void)help;
    for (*id = 0; *id < fake->metric_count; ++*id) {
        if (!strcmp(fake->metrics[*id].name, name))
            return fake->metrics[*id].kind == kind ? STK_OK : STK_EXISTS;
    }
    if (fake->metric_count == STK_METRICS_MAX)
        return STK_FULL;
    fake->metrics[*id].kind = kind;
    snprintf(fake->metrics[*id].name, sizeof fake->metrics[*id].name, "%s", name);
    fake->metric_count++;
    return STK_OK;
}

static void metrics_put(const struct stk_host *host, uint32_t id, int64_t value)
{
    struct fake_host *fake = fake_of(host);
    if (id >= fake->metric_count) {
        fault(fake, "metrics.put: unknown id %u", id);
        return;
    }
    if (fake->metrics[id].kind == STK_METRIC_COUNTER)
        fake->metrics[id].value += value;
    else if (fake->metrics[id].kind == STK_METRIC_GAUGE)
        fake->metrics[id].value = value;
    else
        fake->metrics[id].value++;
}

static stk_status_t on_this_thread(const struct stk_host *host)
{
    return pthread_equal(pthread_self(), fake_of(host)->thread) ? STK_OK : STK_STATE;
}

/* ---- asks: copied now, replied to by fake_host_step ----------------------------------------- */

/* As the host's own judge sees it. */
static int is_right(struct fake_host *fake, const struct stk_message *message)
{
    struct stk_error err = {0};
    if (stk_check_message(message, message->size, &err) == STK_OK)
        return 1;
    fault(fake, "%s", err.text);
    return 0;
}

static stk_status_t take_ask(struct fake_host *fake, const struct stk_message *ask, uint16_t type,
                             uint32_t open_max)
{
    uint32_t same = 0;
    if (!allowed(fake, 1, "ask"))
        return STK_STATE;
    if (!ask || ask->space != STK_SPACE_ASK || ask->type != type)
        fault(fake, "ask %u: another type, or none", type);
    if (!ask || !is_right(fake, ask))
        return STK_MALFORMED;
    for (uint32_t i = 0; i < fake->ask_count; i++)
        same += fake->asks[i]->type == type;
    if (same == open_max)
        return STK_BUSY;
    if (!((const struct stk_ask_head *)ask)->call)
        fault(fake, "ask %u: its call number is 0", type);
    fake->asks[fake->ask_count++] = copy_of(ask);
    return STK_OK;
}

static stk_status_t submit_submit(const struct stk_host *host, const struct stk_ask_submit *ask)
{
    struct fake_host *fake = fake_of(host);
    if (fake->refuse_submit != STK_OK)
        return fake->refuse_submit;
    return take_ask(fake, (const void *)ask, STK_ASK_SUBMIT, STK_SUBMIT_OPEN_MAX);
}

static stk_status_t kv_get(const struct stk_host *host, const struct stk_ask_kv_get *ask)
{
    return take_ask(fake_of(host), (const void *)ask, STK_ASK_KV_GET, STK_KV_OPEN_MAX / 2);
}

static stk_status_t kv_put(const struct stk_host *host, const struct stk_ask_kv_put *ask)
{
    return take_ask(fake_of(host), (const void *)ask, STK_ASK_KV_PUT, STK_KV_OPEN_MAX / 2);
}

/* ---- answers ------------------------------------------------------------------------------ */

static stk_status_t take_done(const struct stk_host *host, const struct stk_message *done,
                              uint16_t type)
{
    struct fake_host *fake = fake_of(host);
    const struct stk_done_head *head = (const void *)done;

    if (!allowed(fake, 1, "answer"))
        return STK_STATE;
    if (!done || done->space != STK_SPACE_DONE || done->type != type)
        fault(fake, "answer %u: another type, or none", type);
    if (!done || !is_right(fake, done))
        return STK_MALFORMED;
    for (uint32_t i = 0; i < fake->call_count; i++) {
        struct fake_call *call = &fake->calls[i];
        if (call->call != head->call || call->type != type)
            continue;
        if (!call->open) {
            fault(fake, "call %u is answered twice", (unsigned)head->call);
            return STK_NOT_FOUND;
        }
        call->open = 0;
        call->done = copy_of(done);
        return STK_OK;
    }
    fault(fake, "an answer to call %u, which there is not", (unsigned)head->call);
    return STK_NOT_FOUND;
}

#define DONE(name, struct_name, type)                                                              \
    static stk_status_t name(const struct stk_host *host, const struct struct_name *done)          \
    {                                                                                              \
        return take_done(host, (const void *)done, type);                                          \
    }
DONE(poll_done, stk_done_poll, STK_CALL_POLL)
DONE(push_done, stk_done_push, STK_CALL_PUSH)
DONE(read_back_done, stk_done_read_back, STK_CALL_READ_BACK)
DONE(discover_done, stk_done_discover, STK_CALL_DISCOVER)
DONE(webhook_done, stk_done_webhook, STK_CALL_WEBHOOK)
DONE(deliver_done, stk_done_deliver, STK_CALL_DELIVER)
DONE(consent_done, stk_done_consent, STK_CALL_CONSENT)
DONE(code_done, stk_done_code, STK_CALL_CODE)
DONE(fulfil_done, stk_done_fulfil, STK_CALL_FULFIL)
DONE(carrier_done, stk_done_carrier, STK_CALL_CARRIER)

static stk_status_t authorize_expires(const struct stk_host *host,
                                      const struct stk_ask_expires *ask)
{
    struct fake_host *fake = fake_of(host);
    struct stk_ask_expires expires;
    if (!allowed(fake, 1, "authorize.expires"))
        return STK_STATE;
    stk_message_read(ask, &expires, sizeof expires);
    fake->person_at_ms = expires.person_at_ms;
    return STK_OK;
}

/* ---- the host ----------------------------------------------------------------------------- */

static const void *get_extension(const struct stk_host *host, const char *id)
{
    static const struct stk_host_log log = {log_say};
    static const struct stk_host_clock clock = {clock_now, clock_monotonic};
    static const struct stk_host_timer timer = {timer_set, timer_cancel};
    static const struct stk_host_fd fd = {fd_add, fd_change, fd_remove};
    static const struct stk_host_config config = {config_text, config_integer, config_boolean};
    static const struct stk_host_secret secret = {secret_get};
    static const struct stk_host_metrics metrics = {metrics_declare, metrics_put};
    static const struct stk_host_thread_check thread = {on_this_thread, on_this_thread};
    static const struct stk_host_kv kv = {kv_get, kv_put};
    static const struct stk_host_submit submits = {submit_submit};
    static const struct stk_host_feed feed = {poll_done};
    static const struct stk_host_listing_updates updates = {push_done, read_back_done};
    static const struct stk_host_discovery discovery = {discover_done};
    static const struct stk_host_webhook webhook = {webhook_done};
    static const struct stk_host_events_out sink = {deliver_done};
    static const struct stk_host_authorize authorize = {consent_done, code_done, authorize_expires};
    static const struct stk_host_fulfilment fulfilment = {fulfil_done};
    static const struct stk_host_carrier carrier = {carrier_done};
    static const struct {
        const char *id;
        const void *side;
    } sides[] = {
        {STK_EXT_LOG, &log},
        {STK_EXT_CLOCK, &clock},
        {STK_EXT_TIMER, &timer},
        {STK_EXT_FD, &fd},
        {STK_EXT_CONFIG, &config},
        {STK_EXT_SECRET, &secret},
        {STK_EXT_METRICS, &metrics},
        {STK_EXT_THREAD_CHECK, &thread},
        {STK_EXT_KV, &kv},
        {STK_EXT_SUBMIT, &submits},
        {STK_EXT_ORDERS_IN, &feed},
        {STK_EXT_OFFERS_IN, &feed},
        {"stk.stock-in/1", &feed},
        {"stk.supplier-cost-in/1", &feed},
        {"stk.payments-in/1", &feed},
        {"stk.returns-in/1", &feed},
        {"stk.settlement-in/1", &feed},
        {"stk.rates-in/1", &feed},
        {STK_EXT_LISTING_UPDATES, &updates},
        {STK_EXT_DISCOVERY, &discovery},
        {STK_EXT_WEBHOOK_IN, &webhook},
        {STK_EXT_EVENTS_OUT, &sink},
        {STK_EXT_AUTHORIZE, &authorize},
        {STK_EXT_FULFILMENT_OUT, &fulfilment},
        {STK_EXT_CARRIER, &carrier},
    };
    const char *without = fake_of(host)->without;
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        if (!strcmp(sides[i].id, id) && (!without || strcmp(without, id) != 0))
            return sides[i].side;
    }
    return NULL;
}

struct fake_host *fake_host_create(int64_t now_ms)
{
    struct fake_host *fake = must(aligned_alloc(64, (sizeof *fake + 63) & ~(size_t)63));
    memset(fake, 0, sizeof *fake);
    fake->host = (struct stk_host){.abi = STK_ABI_INIT,
                                   .host_data = fake,
                                   .instance = "fake-1",
                                   .name = "fake",
                                   .version = STK_VERSION_TEXT,
                                   .get_extension = get_extension};
    fake->now_ms = now_ms;
    fake->monotonic_ms = 1000;
    fake->thread = pthread_self();
    return fake;
}

void fake_host_destroy(struct fake_host *fake)
{
    if (!fake)
        return;
    for (int i = 0; i < FAKE_NAMES_MAX; i++) {
        drop_name(&fake->options[i]);
        drop_name(&fake->secrets[i]);
        drop_name(&fake->kv[i]);
    }
    for (uint32_t i = 0; i < fake->call_count; i++)
        free(fake->calls[i].done);
    for (uint32_t i = 0; i < fake->event_count; i++)
        free(fake->events[i]);
    for (uint32_t i = 0; i < fake->ask_count; i++)
        free(fake->asks[i]);
    free(fake);
}

void fake_host_option(struct fake_host *fake, const char *name, const char *value)
{
    put_name(fake->options, name, strlen(name), value, (uint32_t)strlen(value));
}

void fake_host_secret(struct fake_host *fake, const char *name, const char *value)
{
    put_name(fake->secrets, name, strlen(name), value, (uint32_t)strlen(value));
}

static int is_declared(const struct stk_plugin_options *options, const char *name)
{
    for (uint32_t i = 0; options && i < options->count; i++) {
        if (!strcmp(options->options[i].name, name))
            return 1;
    }
    return 0;
}

/* Each option that the test gave is declared, each value in range; the rest gets its fallback. */
static stk_status_t check_options(struct fake_host *fake, const struct stk_plugin_options *options)
{
    for (int i = 0; i < FAKE_NAMES_MAX; i++) {
        if (fake->options[i].value && !is_declared(options, fake->options[i].key))
            return STK_INVALID;
    }
    for (uint32_t i = 0; options && i < options->count; i++) {
        const struct stk_plugin_option *option = &options->options[i];
        struct stk_bytes value;
        int64_t number;
        if (!find_name(fake->options, option->name, strlen(option->name)) && option->fallback)
            fake_host_option(fake, option->name, option->fallback);
        if (get_name(fake->options, option->name, &value) != STK_OK)
            return STK_INVALID; /* it is required */
        number = value.size;
        if (option->kind == STK_OPTION_KIND_INT &&
            config_integer(&fake->host, option->name, &number) != STK_OK)
            return STK_INVALID;
        if (option->kind <= STK_OPTION_KIND_INT && (number < option->min || number > option->max))
            return STK_INVALID;
    }
    return STK_OK;
}

stk_status_t fake_host_resume(struct fake_host *fake)
{
    stk_status_t status;
    fake->active = 1; /* timers and fds are allowed inside activate */
    status = fake->plugin->activate(fake->plugin);
    fake->active = status == STK_OK;
    return status;
}

stk_status_t fake_host_start(struct fake_host *fake, const struct stk_plugin_factory *factory)
{
    stk_status_t status;
    fake->plugin = factory->create_plugin(&fake->host);
    if (!fake->plugin)
        return STK_NO_MEMORY;
    status = check_options(fake, fake->plugin->get_extension(fake->plugin, STK_EXT_OPTIONS));
    if (status == STK_OK)
        status = fake->plugin->init(fake->plugin);
    if (status == STK_OK)
        status = fake_host_resume(fake);
    return status;
}

void fake_host_pause(struct fake_host *fake)
{
    fake->plugin->deactivate(fake->plugin);
    fake->active = 0;
    fake->timer_count = 0;
    for (uint32_t i = 0; i < fake->call_count; i++) {
        if (fake->calls[i].open)
            fault(fake, "call %u was not answered", (unsigned)fake->calls[i].call);
        fake->calls[i].open = 0;
    }
    if (fake->fd_count)
        fault(fake, "%u fds were not removed", fake->fd_count);
    fake->fd_count = 0;
    /* no reply comes after it */
    for (uint32_t i = 0; i < fake->ask_count; i++)
        free(fake->asks[i]);
    fake->ask_count = 0;
}

void fake_host_stop(struct fake_host *fake)
{
    if (fake->active)
        fake_host_pause(fake);
    if (fake->plugin)
        fake->plugin->destroy(fake->plugin);
    fake->plugin = NULL;
}

/* ---- calls -------------------------------------------------------------------------------- */

/* A call of that type begins; what the plugin returns decides whether it is open. */
static struct fake_call *begin_call(struct fake_host *fake, uint16_t type,
                                    struct stk_call_head *head)
{
    struct fake_call *call = &fake->calls[fake->call_count];
    if (fake->call_count == FAKE_CALLS_MAX)
        abort();
    call->call = CALLING + fake->call_count++;
    call->type = type;
    call->open = 1;
    head->call = call->call;
    head->deadline_ms = fake->now_ms + 30000;
    return call;
}

static stk_status_t end_call(struct fake_call *call, stk_status_t status, uint64_t *number)
{
    if (status != STK_OK)
        call->open = 0;
    if (number)
        *number = call->call;
    return status;
}

static const char *id_of_kind(unsigned kind)
{
    static const char *const ids[] = {
        [STK_KIND_ORDERS_IN] = STK_EXT_ORDERS_IN,
        [STK_KIND_OFFERS_IN] = STK_EXT_OFFERS_IN,
        [STK_KIND_STOCK_IN] = "stk.stock-in/1",
        [STK_KIND_SUPPLIER_COST_IN] = "stk.supplier-cost-in/1",
        [STK_KIND_PAYMENTS_IN] = "stk.payments-in/1",
        [STK_KIND_RETURNS_IN] = "stk.returns-in/1",
        [STK_KIND_SETTLEMENT_IN] = "stk.settlement-in/1",
        [STK_KIND_RATES_IN] = "stk.rates-in/1",
    };
    return kind < sizeof ids / sizeof *ids && ids[kind] ? ids[kind] : "";
}

static const void *side_of(struct fake_host *fake, const char *id)
{
    const void *side = fake->plugin->get_extension(fake->plugin, id);
    if (!side)
        fault(fake, "the plugin has no %s", id);
    return side;
}

stk_status_t fake_host_poll(struct fake_host *fake, unsigned kind, uint64_t *number)
{
    const char *id = id_of_kind(kind);
    const struct stk_plugin_feed *feed = side_of(fake, id);
    const struct fake_name *cursor = fake_host_kv(fake, id);
    struct stk_call_poll poll = {0};
    struct stk_composer out;
    struct fake_call *call;
    if (!feed)
        return STK_NOT_FOUND;
    call = begin_call(fake, STK_CALL_POLL, &poll.head);
    stk_compose_init(&out, fake->room, sizeof fake->room);
    stk_compose_begin(&out, sizeof poll);
    poll.cursor_key = stk_compose_string(&out, id);
    if (cursor)
        poll.cursor = stk_compose_text(&out, cursor->value, cursor->size);
    poll.kind = (uint16_t)kind;
    stk_compose_end(&out, &poll.head.message, STK_SPACE_CALL, STK_CALL_POLL, sizeof poll);
    return end_call(call, feed->poll(fake->plugin, (const void *)fake->room), number);
}

static struct stk_published_key key_of(struct stk_composer *out, const struct fake_update *update)
{
    struct stk_published_key key = {.field = update->field};
    key.listing = stk_compose_string(out, update->listing);
    key.pool = stk_compose_string(out, update->pool);
    return key;
}

stk_status_t fake_host_push(struct fake_host *fake, const struct fake_update *updates,
                            uint32_t count, uint64_t *number)
{
    const struct stk_plugin_listing_updates *side = side_of(fake, STK_EXT_LISTING_UPDATES);
    struct stk_update *items = must(calloc(count + 1, sizeof *items));
    struct stk_call_push push = {0};
    struct stk_composer out;
    struct fake_call *call = begin_call(fake, STK_CALL_PUSH, &push.head);
    stk_compose_init(&out, fake->room, sizeof fake->room);
    stk_compose_begin(&out, sizeof push);
    for (uint32_t i = 0; i < count; i++) {
        items[i].grant = updates[i].grant;
        items[i].key = key_of(&out, &updates[i]);
        items[i].value = updates[i].value;
        items[i].expected = updates[i].expected;
        items[i].currency = updates[i].currency;
        items[i].write_kind = updates[i].write_kind;
    }
    push.updates = stk_compose_list(&out, items, sizeof *items, count);
    push.send_before_ms = fake->now_ms + 10000;
    stk_compose_end(&out, &push.head.message, STK_SPACE_CALL, STK_CALL_PUSH, sizeof push);
    free(items);
    return end_call(call, side ? side->push(fake->plugin, (const void *)fake->room) : STK_NOT_FOUND,
                    number);
}

stk_status_t fake_host_read_back(struct fake_host *fake, const struct fake_update *keys,
                                 uint32_t count, uint64_t *number)
{
    const struct stk_plugin_listing_updates *side = side_of(fake, STK_EXT_LISTING_UPDATES);
    struct stk_published_key *items = must(calloc(count + 1, sizeof *items));
    struct stk_call_read_back look = {0};
    struct stk_composer out;
    struct fake_call *call = begin_call(fake, STK_CALL_READ_BACK, &look.head);
    stk_compose_init(&out, fake->room, sizeof fake->room);
    stk_compose_begin(&out, sizeof look);
    for (uint32_t i = 0; i < count; i++)
        items[i] = key_of(&out, &keys[i]);
    look.keys = stk_compose_list(&out, items, sizeof *items, count);
    stk_compose_end(&out, &look.head.message, STK_SPACE_CALL, STK_CALL_READ_BACK, sizeof look);
    free(items);
    return end_call(call,
                    side && side->read_back
                        ? side->read_back(fake->plugin, (const void *)fake->room)
                        : STK_NOT_FOUND,
                    number);
}

stk_status_t fake_host_discover(struct fake_host *fake, const char *cursor, uint64_t *number)
{
    const struct stk_plugin_discovery *side = side_of(fake, STK_EXT_DISCOVERY);
    struct stk_call_discover discover = {0};
    struct stk_composer out;
    struct fake_call *call = begin_call(fake, STK_CALL_DISCOVER, &discover.head);
    stk_compose_init(&out, fake->room, sizeof fake->room);
    stk_compose_begin(&out, sizeof discover);
    discover.cursor = stk_compose_string(&out, cursor);
    stk_compose_end(&out, &discover.head.message, STK_SPACE_CALL, STK_CALL_DISCOVER,
                    sizeof discover);
    return end_call(call,
                    side ? side->discover(fake->plugin, (const void *)fake->room) : STK_NOT_FOUND,
                    number);
}

stk_status_t fake_host_webhook(struct fake_host *fake, const char *method, const char *query,
                               const char *const *headers, struct stk_bytes body, uint64_t *number)
{
    const struct stk_plugin_webhook *side = side_of(fake, STK_EXT_WEBHOOK_IN);
    struct stk_webhook_header items[STK_WEBHOOK_HEADERS_MAX];
    struct stk_call_webhook hook = {0};
    struct stk_composer out;
    uint32_t count = 0;
    struct fake_call *call = begin_call(fake, STK_CALL_WEBHOOK, &hook.head);
    stk_compose_init(&out, fake->room, sizeof fake->room);
    stk_compose_begin(&out, sizeof hook);
    hook.method = stk_compose_string(&out, method);
    hook.query = stk_compose_string(&out, query);
    hook.url = stk_compose_string(&out, "https://hooks.example/hooks/fake-1");
    for (; headers && headers[2 * count] && count < STK_WEBHOOK_HEADERS_MAX; count++) {
        items[count].name = stk_compose_string(&out, headers[2 * count]);
        items[count].value = stk_compose_string(&out, headers[2 * count + 1]);
    }
    hook.headers = stk_compose_list(&out, items, sizeof *items, count);
    hook.body = stk_compose_text(&out, body.data, body.size);
    hook.received_at_ms = fake->now_ms;
    stk_compose_end(&out, &hook.head.message, STK_SPACE_CALL, STK_CALL_WEBHOOK, sizeof hook);
    return end_call(
        call, side ? side->receive(fake->plugin, (const void *)fake->room) : STK_NOT_FOUND, number);
}

stk_status_t fake_host_deliver(struct fake_host *fake, const void *events, uint32_t size,
                               uint32_t count, stk_seq_t first, stk_seq_t last, uint64_t *number)
{
    const struct stk_plugin_events_out *side = side_of(fake, STK_EXT_EVENTS_OUT);
    struct stk_call_deliver deliver = {.first = first, .last = last};
    struct stk_composer out;
    uint32_t mark;
    struct fake_call *call = begin_call(fake, STK_CALL_DELIVER, &deliver.head);
    stk_compose_init(&out, fake->room, sizeof fake->room);
    stk_compose_begin(&out, sizeof deliver);
    mark = out.used;
    stk_compose_text(&out, events, size); /* they follow each other, as nested messages do */
    deliver.events = stk_compose_nested(&out, mark, count);
    stk_compose_end(&out, &deliver.head.message, STK_SPACE_CALL, STK_CALL_DELIVER, sizeof deliver);
    return end_call(
        call, side ? side->deliver(fake->plugin, (const void *)fake->room) : STK_NOT_FOUND, number);
}

const void *fake_host_answer(const struct fake_host *fake, uint64_t call)
{
    for (uint32_t i = 0; i < fake->call_count; i++) {
        if (fake->calls[i].call == call)
            return fake->calls[i].done;
    }
    return NULL;
}

/* ---- replies ------------------------------------------------------------------------------ */

static stk_status_t keep_events(struct fake_host *fake, const void *ask, struct stk_messages list)
{
    const struct stk_message *event = stk_message_first(ask, list);
    for (; event; event = stk_message_next(ask, list, event)) {
        if (fake->event_count == FAKE_EVENTS_MAX)
            return STK_FULL;
        fake->events[fake->event_count++] = copy_of(event);
    }
    return STK_OK;
}

static void reply_submit(struct fake_host *fake, const struct stk_message *message)
{
    const struct stk_plugin_submit *side = side_of(fake, STK_EXT_SUBMIT);
    struct stk_ask_submit ask;
    struct stk_reply_submit reply = {0};
    struct stk_event_answer *answers;
    struct stk_bytes key, value;
    struct stk_composer out;
    uint32_t before = fake->event_count;

    stk_message_read(message, &ask, sizeof ask);
    reply.head.call = ask.head.call;
    reply.head.status = fake->fail_submit;
    if (reply.head.status == STK_OK)
        reply.head.status = keep_events(fake, message, ask.events);
    key = stk_message_text(message, ask.cursor_key);
    value = stk_message_text(message, ask.cursor_value);
    if (reply.head.status == STK_OK && key.size)
        put_name(fake->kv, key.data, key.size, value.data, value.size);
    if (reply.head.status == STK_OK && ask.watermark_ms > fake->watermark_ms)
        fake->watermark_ms = ask.watermark_ms;
    fake->submit_count += reply.head.status == STK_OK;
    answers = must(calloc(ask.events.count + 1, sizeof *answers));
    for (uint32_t i = 0; i < ask.events.count; i++)
        answers[i].sequence = before + i + 1;
    stk_compose_init(&out, fake->room, sizeof fake->room);
    stk_compose_begin(&out, sizeof reply);
    if (reply.head.status == STK_OK)
        reply.answers = stk_compose_list(&out, answers, sizeof *answers, ask.events.count);
    stk_compose_end(&out, &reply.head.message, STK_SPACE_REPLY, STK_ASK_SUBMIT, sizeof reply);
    free(answers);
    if (side)
        side->submit_done(fake->plugin, (const void *)fake->room);
}

static void reply_kv_get(struct fake_host *fake, const struct stk_message *message)
{
    const struct stk_plugin_kv *side = side_of(fake, STK_EXT_KV);
    struct stk_ask_kv_get ask;
    struct stk_reply_kv_get reply = {0};
    struct stk_composer out;
    struct stk_bytes key;
    struct fake_name *found;
    stk_message_read(message, &ask, sizeof ask);
    key = stk_message_text(message, ask.key);
    found = find_name(fake->kv, key.data, key.size);
    reply.head.call = ask.head.call;
    reply.head.status = found ? STK_OK : STK_NOT_FOUND;
    stk_compose_init(&out, fake->room, sizeof fake->room);
    stk_compose_begin(&out, sizeof reply);
    if (found)
        reply.value = stk_compose_text(&out, found->value, found->size);
    stk_compose_end(&out, &reply.head.message, STK_SPACE_REPLY, STK_ASK_KV_GET, sizeof reply);
    if (side)
        side->get_done(fake->plugin, (const void *)fake->room);
}

static void reply_kv_put(struct fake_host *fake, const struct stk_message *message)
{
    const struct stk_plugin_kv *side = side_of(fake, STK_EXT_KV);
    struct stk_ask_kv_put ask;
    struct stk_reply_kv_put reply = {0};
    struct stk_composer out;
    stk_message_read(message, &ask, sizeof ask);
    for (uint32_t i = 0; i < ask.entries.count; i++) {
        struct stk_kv_entry entry;
        struct stk_bytes key, value;
        stk_message_item(message, ask.entries, i, &entry, sizeof entry);
        key = stk_message_text(message, entry.key);
        value = stk_message_text(message, entry.value);
        if (!value.size)
            drop_name(find_name(fake->kv, key.data, key.size));
        else if (!put_name(fake->kv, key.data, key.size, value.data, value.size))
            reply.head.status = STK_FULL;
    }
    reply.head.call = ask.head.call;
    stk_compose_init(&out, fake->room, sizeof fake->room);
    stk_compose_begin(&out, sizeof reply);
    stk_compose_end(&out, &reply.head.message, STK_SPACE_REPLY, STK_ASK_KV_PUT, sizeof reply);
    if (side)
        side->put_done(fake->plugin, (const void *)fake->room);
}

int fake_host_step(struct fake_host *fake)
{
    struct stk_message *ask;
    if (!fake->ask_count || !fake->active)
        return 0;
    ask = fake->asks[0];
    memmove(fake->asks, fake->asks + 1, --fake->ask_count * sizeof *fake->asks);
    if (ask->type == STK_ASK_SUBMIT)
        reply_submit(fake, ask);
    else if (ask->type == STK_ASK_KV_GET)
        reply_kv_get(fake, ask);
    else
        reply_kv_put(fake, ask);
    free(ask);
    return 1;
}

/* Tell the plugin which of its fds are ready; 1 when one was. */
static int turn_fds(struct fake_host *fake, int wait_ms)
{
    const struct stk_plugin_fd *side;
    struct pollfd ready[STK_FDS_MAX];
    uint32_t count = fake->fd_count;
    if (!count)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        ready[i] = (struct pollfd){.fd = fake->fds[i].fd};
        ready[i].events = (short)((fake->fds[i].events & STK_FD_READ ? POLLIN : 0) |
                                  (fake->fds[i].events & STK_FD_WRITE ? POLLOUT : 0));
    }
    side = side_of(fake, STK_EXT_FD);
    if (poll(ready, count, wait_ms) <= 0 || !side)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t events = (ready[i].revents & POLLIN ? STK_FD_READ : 0u) |
                          (ready[i].revents & POLLOUT ? STK_FD_WRITE : 0u) |
                          (ready[i].revents & (POLLERR | POLLHUP) ? STK_FD_ERROR : 0u);
        if (events && find_fd(fake, ready[i].fd))
            side->on_fd(fake->plugin, ready[i].fd, events);
    }
    return 1;
}

void fake_host_settle(struct fake_host *fake, int wait_ms)
{
    while (fake_host_step(fake) || turn_fds(fake, wait_ms))
        ;
}

void fake_host_advance(struct fake_host *fake, int64_t ms)
{
    int64_t until = fake->monotonic_ms + ms;
    fake_host_settle(fake, 0);
    for (;;) {
        const struct stk_plugin_timer *side;
        struct fake_timer next = {0, INT64_MAX};
        uint32_t at = 0;
        for (uint32_t i = 0; i < fake->timer_count; i++) {
            if (fake->timers[i].at_ms < next.at_ms)
                next = fake->timers[at = i];
        }
        if (next.at_ms > until)
            break;
        fake->timers[at] = fake->timers[--fake->timer_count];
        fake->now_ms += next.at_ms - fake->monotonic_ms;
        fake->monotonic_ms = next.at_ms;
        side = side_of(fake, STK_EXT_TIMER);
        if (side)
            side->on_timer(fake->plugin, next.id);
        fake_host_settle(fake, 0);
    }
    fake->now_ms += until - fake->monotonic_ms;
    fake->monotonic_ms = until;
}

const struct fake_name *fake_host_kv(const struct fake_host *fake, const char *key)
{
    for (int i = 0; i < FAKE_NAMES_MAX; i++) {
        if (fake->kv[i].value && !strcmp(fake->kv[i].key, key))
            return &fake->kv[i];
    }
    return NULL;
}

uint32_t fake_host_count(const struct fake_host *fake, uint16_t type)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < fake->event_count; i++)
        count += fake->events[i]->type == type;
    return count;
}

const void *fake_host_event(const struct fake_host *fake, uint16_t type, uint32_t n)
{
    for (uint32_t i = 0; i < fake->event_count; i++) {
        if (fake->events[i]->type == type && n-- == 0)
            return fake->events[i];
    }
    return NULL;
}
