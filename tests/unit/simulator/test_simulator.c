/* The plugin around the market, under a fake host: a clock that is moved by hand, submits that are
 * durable a turn later. */
#include "core/plug/check.h"
#include "core/plug/loader.h"
#include "plugins/simulator/instance.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stockade/entry.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SKUS       200
#define OPEN_MAX   8
#define GRANTS_MAX 100000
#define ORDERS_MAX 100000

/* ---- the host ---- */

struct fake_option {
    const char *name, *value;
};
struct fake {
    struct stk_host host; /* first */
    const struct fake_option *options;
    const struct stk_plugin *plugin;
    int64_t timer_ms; /* when it fires; 0 = not set */
    uint64_t submit[OPEN_MAX];
    uint32_t submits, submits_total;
    stk_status_t next_submit, next_reply; /* once */
    uint64_t call;
    /* what came */
    uint64_t orders, cancels, ships, returns, listings, offers, observed, gone, writes, polls;
    uint64_t errors;
    uint64_t done[10]; /* by enum stk_call */
    stk_status_t last_status;
    int64_t watermark_ms, late;
    char cursor[64], discover_cursor[64];
    int poll_open, read_open, discover_open, offers_open;
    uint8_t outcome[GRANTS_MAX], reported[GRANTS_MAX];
    uint8_t seen[ORDERS_MAX]; /* by the number in an order's id */
    uint64_t repeats;
    int refused; /* the last submit did not become durable */
    uint64_t outcomes[16];
    char log[512];
    uint64_t first_units; /* ordered */
};
static int64_t clock_ms;

static struct fake *fake_of(const struct stk_host *host)
{
    return (struct fake *)host->host_data;
}

static stk_time_t now_ms(const struct stk_host *host)
{
    (void)host;
    return 1700000000000 + clock_ms;
}
static stk_time_t monotonic_ms(const struct stk_host *host)
{
    (void)host;
    return clock_ms;
}
static const struct stk_host_clock fake_clock = {now_ms, monotonic_ms};

static const char *option(const struct stk_host *host, const char *name)
{
    const struct fake *fake = fake_of(host);
    const struct stk_plugin_options *declared =
        fake->plugin->get_extension(fake->plugin, STK_EXT_OPTIONS);
    for (const struct fake_option *o = fake->options; o && o->name; o++) {
        if (!strcmp(o->name, name))
            return o->value;
    }
    for (uint32_t i = 0; i < declared->count; i++) {
        if (!strcmp(declared->options[i].name, name))
            return declared->options[i].fallback;
    }
    return NULL;
}
static stk_status_t config_text(const struct stk_host *host, const char *name,
                                struct stk_bytes *value)
{
    const char *text = option(host, name);
    if (!text)
        return STK_NOT_FOUND;
    *value = (struct stk_bytes){text, (uint32_t)strlen(text)};
    return STK_OK;
}
static stk_status_t config_integer(const struct stk_host *host, const char *name, int64_t *value)
{
    const char *text = option(host, name);
    *value = text ? strtoll(text, NULL, 10) : 0;
    return text ? STK_OK : STK_NOT_FOUND;
}
static stk_status_t config_boolean(const struct stk_host *host, const char *name, uint8_t *value)
{
    const char *text = option(host, name);
    *value = text && !strcmp(text, "true");
    return text ? STK_OK : STK_NOT_FOUND;
}
static const struct stk_host_config fake_config = {config_text, config_integer, config_boolean};

static void say(const struct stk_host *host, uint32_t severity, const char *line, uint32_t size)
{
    struct fake *fake = fake_of(host);
    fake->errors += severity == STK_SEVERITY_ERROR;
    snprintf(fake->log, sizeof(fake->log), "%.*s", (int)size, line);
}
static const struct stk_host_log fake_log = {say};

static stk_status_t timer_set(const struct stk_host *host, uint32_t id, uint64_t in_ms)
{
    assert_int_equal(id, 1);
    fake_of(host)->timer_ms = clock_ms + (int64_t)in_ms;
    return STK_OK;
}
static stk_status_t timer_cancel(const struct stk_host *host, uint32_t id)
{
    (void)id;
    fake_of(host)->timer_ms = 0;
    return STK_OK;
}
static const struct stk_host_timer fake_timer = {timer_set, timer_cancel};

/* ---- what is submitted ---- */

static void take_order(struct fake *fake, const struct stk_message *message)
{
    struct stk_event_order order;
    struct stk_bytes id;
    long number;
    stk_message_read(message, &order, sizeof(order));
    id = stk_message_text(message, order.id);
    number = strtol((const char *)memchr(id.data, '-', id.size) + 1, NULL, 10);
    assert_true(number > 0 && number < ORDERS_MAX);
    assert_true(order.id.size > 0 && order.id.size <= STK_EVENT_ID_MAX);
    assert_true(order.lines.count >= 1 && order.currency == ('G' << 16 | 'B' << 8 | 'P'));
    assert_true(order.placed_at_ms <= now_ms(NULL) && order.placed_at_ms >= 1700000000000);
    fake->repeats += fake->seen[number];
    fake->late += !fake->seen[number] && order.placed_at_ms < fake->watermark_ms;
    for (uint32_t i = 0; i < order.lines.count; i++) {
        struct stk_event_line line;
        struct stk_bytes listing;
        stk_message_item(message, order.lines, i, &line, sizeof(line));
        listing = stk_message_text(message, line.listing);
        assert_true(listing.size == 9 && listing.data[0] == 'C');
        assert_true(line.quantity >= 1 && line.quantity <= 3 && line.unit_price_minor > 0);
        fake->first_units += line.quantity;
    }
    fake->orders += !fake->seen[number];
    fake->seen[number] = 1;
}

static void take_deed(struct fake *fake, const struct stk_message *message)
{
    struct stk_event_order_deed deed;
    stk_message_read(message, &deed, sizeof(deed));
    assert_true(deed.order.size > 0 && deed.id.size > deed.order.size && deed.parts.count >= 1);
    assert_true(deed.occurred_at_ms <= now_ms(NULL));
    fake->cancels += message->type == STK_EVENT_ORDER_CANCEL;
    fake->ships += message->type == STK_EVENT_ORDER_SHIP;
    fake->returns += message->type == STK_EVENT_ORDER_RETURN;
}

static void take_write(struct fake *fake, const struct stk_message *message)
{
    struct stk_event_write write;
    stk_message_read(message, &write, sizeof(write));
    assert_true(write.outcome.grant > 0 && write.outcome.grant < GRANTS_MAX);
    assert_int_equal(fake->reported[write.outcome.grant]++, 0); /* reported once */
    assert_true(fake->outcome[write.outcome.grant] == STK_OUTCOME_ACCEPTED ||
                fake->outcome[write.outcome.grant] == write.outcome.outcome);
    assert_true(write.outcome.outcome != STK_OUTCOME_ACCEPTED);
    fake->writes++;
}

static void take_event(struct fake *fake, const struct stk_message *message)
{
    assert_int_equal(message->space, STK_SPACE_EVENT);
    assert_int_equal(message->size % 8, 0);
    switch (message->type) {
    case STK_EVENT_ORDER:
        take_order(fake, message);
        break;
    case STK_EVENT_ORDER_CANCEL:
    case STK_EVENT_ORDER_SHIP:
    case STK_EVENT_ORDER_RETURN:
        take_deed(fake, message);
        break;
    case STK_EVENT_WRITE:
        take_write(fake, message);
        break;
    case STK_EVENT_LISTING:
        fake->listings++;
        break;
    case STK_EVENT_LISTING_GONE:
        fake->gone++;
        break;
    case STK_EVENT_OFFERS:
        fake->offers++;
        break;
    case STK_EVENT_OBSERVED:
        fake->observed++;
        break;
    default:
        fail_msg("event of type %d", message->type);
    }
}

static stk_status_t submit(const struct stk_host *host, const struct stk_ask_submit *message)
{
    struct fake *fake = fake_of(host);
    struct stk_ask_submit ask;
    struct stk_error err = {0};
    uint32_t count = 0, bad = 0;
    stk_status_t status = fake->next_submit;

    fake->next_submit = STK_OK;
    if (status)
        return status;
    status = stk_check_submit(message, message->head.message.size, &bad, &err);
    if (status && !strstr(err.text, "type 10 ")) /* offers: the host has no taker for them yet */
        fail_msg("event %u of a submit: %s", bad, err.text);
    stk_message_read(message, &ask, sizeof(ask));
    assert_int_equal(ask.head.message.space, STK_SPACE_ASK);
    assert_int_equal(ask.head.message.type, STK_ASK_SUBMIT);
    assert_true(ask.head.message.size <= STK_MESSAGE_SIZE_MAX);
    assert_true(fake->submits < OPEN_MAX);
    fake->submit[fake->submits++] = ask.head.call;
    fake->submits_total++;
    fake->refused = fake->next_reply != STK_OK;
    if (fake->refused) /* nothing of it happens */
        return STK_OK;
    for (const struct stk_message *at = stk_message_first(message, ask.events); at;
         at = stk_message_next(message, ask.events, at)) {
        take_event(fake, at);
        count++;
    }
    assert_int_equal(count, ask.events.count);
    if (ask.cursor_key.size) {
        struct stk_bytes key = stk_message_text(message, ask.cursor_key);
        struct stk_bytes value = stk_message_text(message, ask.cursor_value);
        if (key.size == 6 && !memcmp(key.data, "orders", 6))
            snprintf(fake->cursor, sizeof(fake->cursor), "%.*s", (int)value.size, value.data);
    }
    if (ask.watermark_ms) {
        assert_true(ask.watermark_ms > fake->watermark_ms);
        fake->watermark_ms = ask.watermark_ms;
    }
    return STK_OK;
}
static const struct stk_host_submit fake_submit = {submit};

/* ---- what is answered ---- */

/* An answer as the host would judge it. */
static void check(const struct stk_done_head *head)
{
    struct stk_error err = {0};
    if (stk_check_message(head, head->message.size, &err))
        fail_msg("%s", err.text);
}

static stk_status_t poll_done(const struct stk_host *host, const struct stk_done_poll *done)
{
    struct fake *fake = fake_of(host);
    check(&done->head);
    assert_int_equal(done->head.message.type, STK_CALL_POLL);
    fake->done[STK_CALL_POLL]++;
    fake->last_status = done->head.status;
    fake->polls += done->head.status == STK_OK;
    assert_false(done->head.status == STK_OK && fake->refused); /* done is durable */
    if ((uint64_t)fake->poll_open == done->head.call)
        fake->poll_open = 0;
    else if ((uint64_t)fake->offers_open == done->head.call)
        fake->offers_open = 0;
    else
        fail_msg("a poll that nobody asked for");
    return STK_OK;
}
static const struct stk_host_feed fake_feed = {poll_done};

static stk_status_t push_done(const struct stk_host *host, const struct stk_done_push *done)
{
    struct fake *fake = fake_of(host);
    check(&done->head);
    fake->done[STK_CALL_PUSH]++;
    assert_true(done->results.count > 0);
    for (uint32_t i = 0; i < done->results.count; i++) {
        struct stk_write_outcome outcome;
        stk_message_item(done, done->results, i, &outcome, sizeof(outcome));
        assert_int_equal(fake->outcome[outcome.grant], 0); /* each grant once */
        fake->outcome[outcome.grant] = (uint8_t)outcome.outcome;
        fake->outcomes[outcome.outcome]++;
        if (outcome.outcome == STK_OUTCOME_APPLIED)
            assert_true(outcome.applied_at_ms >= outcome.sent_at_ms && outcome.sent_at_ms > 0);
    }
    return STK_OK;
}
static stk_status_t read_done(const struct stk_host *host, const struct stk_done_read_back *done)
{
    struct fake *fake = fake_of(host);
    check(&done->head);
    fake->done[STK_CALL_READ_BACK]++;
    assert_int_equal(fake->read_open, done->head.call);
    fake->read_open = 0;
    return STK_OK;
}
static const struct stk_host_listing_updates fake_updates = {push_done, read_done};

static stk_status_t discover_done(const struct stk_host *host, const struct stk_done_discover *done)
{
    struct fake *fake = fake_of(host);
    struct stk_bytes cursor = stk_message_text(done, done->cursor);
    check(&done->head);
    fake->done[STK_CALL_DISCOVER]++;
    assert_int_equal(fake->discover_open, done->head.call);
    fake->discover_open = 0;
    if (done->head.status == STK_OK)
        snprintf(fake->discover_cursor, sizeof(fake->discover_cursor), "%.*s",
                 cursor.size ? (int)cursor.size : 3, cursor.size ? cursor.data : "end");
    return STK_OK;
}
static const struct stk_host_discovery fake_discovery = {discover_done};

static const void *get_extension(const struct stk_host *host, const char *id)
{
    (void)host;
    return !strcmp(id, STK_EXT_CLOCK)             ? (const void *)&fake_clock
           : !strcmp(id, STK_EXT_CONFIG)          ? (const void *)&fake_config
           : !strcmp(id, STK_EXT_LOG)             ? (const void *)&fake_log
           : !strcmp(id, STK_EXT_TIMER)           ? (const void *)&fake_timer
           : !strcmp(id, STK_EXT_SUBMIT)          ? (const void *)&fake_submit
           : !strcmp(id, STK_EXT_ORDERS_IN)       ? (const void *)&fake_feed
           : !strcmp(id, STK_EXT_OFFERS_IN)       ? (const void *)&fake_feed
           : !strcmp(id, STK_EXT_LISTING_UPDATES) ? (const void *)&fake_updates
           : !strcmp(id, STK_EXT_DISCOVERY)       ? (const void *)&fake_discovery
                                                  : NULL;
}

static struct fake *fake_start(const struct fake_option *options)
{
    const struct stk_plugin_factory *factory = stk_entry.get_factory(STK_FACTORY_PLUGINS);
    struct fake *fake = calloc(1, sizeof(*fake));
    struct stk_abi_version abi = STK_ABI_INIT;
    assert_non_null(fake);
    fake->host = (struct stk_host){abi, 0, fake, "test", "fake", "0", get_extension};
    fake->options = options;
    fake->plugin = factory->create_plugin(&fake->host);
    assert_non_null(fake->plugin);
    assert_int_equal(fake->plugin->init(fake->plugin), STK_OK);
    return fake;
}

static void fake_end(struct fake *fake)
{
    fake->plugin->destroy(fake->plugin);
    free(fake);
}

/* Timers up to now, then the replies of submits. */
static void turn(struct fake *fake)
{
    const struct stk_plugin_timer *timer = fake->plugin->get_extension(fake->plugin, STK_EXT_TIMER);
    const struct stk_plugin_submit *submitted =
        fake->plugin->get_extension(fake->plugin, STK_EXT_SUBMIT);
    if (fake->timer_ms && fake->timer_ms <= clock_ms) {
        fake->timer_ms = 0;
        timer->on_timer(fake->plugin, 1);
    }
    while (fake->submits) {
        struct stk_reply_submit reply = {
            .head = {.call = fake->submit[0], .status = fake->next_reply}};
        fake->next_reply = STK_OK;
        memmove(fake->submit, fake->submit + 1, --fake->submits * sizeof(*fake->submit));
        submitted->submit_done(fake->plugin, &reply);
    }
}

/* ---- what the host asks ---- */

static stk_status_t ask_poll(struct fake *fake, const char *id, const char *key, const char *cursor)
{
    const struct stk_plugin_feed *feed = fake->plugin->get_extension(fake->plugin, id);
    struct stk_call_poll call = {.head = {.call = ++fake->call}};
    struct stk_composer out;
    uint64_t room[64];
    stk_compose_init(&out, room, sizeof(room));
    stk_compose_begin(&out, sizeof(call));
    call.cursor_key = stk_compose_string(&out, key);
    call.cursor = stk_compose_string(&out, cursor);
    return feed->poll(fake->plugin,
                      (const struct stk_call_poll *)(const void *)stk_compose_end(
                          &out, &call.head.message, STK_SPACE_CALL, STK_CALL_POLL, sizeof(call)));
}

static stk_status_t ask_push(struct fake *fake, char channel, uint8_t write_kind, uint32_t first,
                             uint32_t count, int64_t value)
{
    const struct stk_plugin_listing_updates *updates =
        fake->plugin->get_extension(fake->plugin, STK_EXT_LISTING_UPDATES);
    struct stk_call_push call = {.head = {.call = ++fake->call}};
    struct stk_update list[SIMULATOR_BATCH] = {0};
    static uint64_t room[4096], grant;
    struct stk_composer out;
    if (!count)
        grant = 0;
    stk_compose_init(&out, room, sizeof(room));
    stk_compose_begin(&out, sizeof(call));
    for (uint32_t i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof(name), "C%c-%06u", channel, first + i);
        list[i] = (struct stk_update){.grant = ++grant, .value = value, .write_kind = write_kind};
        list[i].key.listing = stk_compose_string(&out, name);
        list[i].key.field = i % 10 == 9 ? STK_PUBLISHED_PRICE : STK_PUBLISHED_QUANTITY;
        if (i % 10 == 9)
            list[i].value = 1000 + i;
    }
    call.updates = stk_compose_list(&out, list, sizeof(*list), count);
    return updates->push(
        fake->plugin, (const struct stk_call_push *)(const void *)stk_compose_end(
                          &out, &call.head.message, STK_SPACE_CALL, STK_CALL_PUSH, sizeof(call)));
}

static stk_status_t ask_read(struct fake *fake, char channel, uint32_t first, uint32_t count)
{
    const struct stk_plugin_listing_updates *updates =
        fake->plugin->get_extension(fake->plugin, STK_EXT_LISTING_UPDATES);
    struct stk_call_read_back call = {.head = {.call = ++fake->call}};
    struct stk_published_key keys[SIMULATOR_BATCH] = {0};
    static uint64_t room[4096];
    struct stk_composer out;
    stk_compose_init(&out, room, sizeof(room));
    stk_compose_begin(&out, sizeof(call));
    for (uint32_t i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof(name), "C%c-%06u", channel, first + i);
        keys[i].listing = stk_compose_string(&out, name);
        keys[i].field = (uint16_t)(i % 2 ? STK_PUBLISHED_PRICE : STK_PUBLISHED_QUANTITY);
    }
    call.keys = stk_compose_list(&out, keys, sizeof(*keys), count);
    return updates->read_back(
        fake->plugin,
        (const struct stk_call_read_back *)(const void *)stk_compose_end(
            &out, &call.head.message, STK_SPACE_CALL, STK_CALL_READ_BACK, sizeof(call)));
}

static stk_status_t ask_discover(struct fake *fake)
{
    const struct stk_plugin_discovery *discovery =
        fake->plugin->get_extension(fake->plugin, STK_EXT_DISCOVERY);
    struct stk_call_discover call = {.head = {.call = ++fake->call}};
    struct stk_composer out;
    uint64_t room[64];
    stk_compose_init(&out, room, sizeof(room));
    stk_compose_begin(&out, sizeof(call));
    call.cursor = stk_compose_string(&out, fake->discover_cursor);
    return discovery->discover(
        fake->plugin,
        (const struct stk_call_discover *)(const void *)stk_compose_end(
            &out, &call.head.message, STK_SPACE_CALL, STK_CALL_DISCOVER, sizeof(call)));
}

/* A host at work for `seconds`: polls each 2 s, pushes each 5 s, looks, discovers. */
static void work(struct fake *fake, char channel, uint8_t write_kind, int seconds)
{
    int64_t end_ms = clock_ms + seconds * 1000;
    for (int64_t step = 0; clock_ms < end_ms; step++) {
        clock_ms += TICK_MS;
        turn(fake);
        if (step % 100 == 0 && !fake->poll_open &&
            ask_poll(fake, STK_EXT_ORDERS_IN, "orders", fake->cursor) == STK_OK)
            fake->poll_open = (int)fake->call;
        if (step % 250 == 50) /* the last listings are none */
            ask_push(fake, channel, write_kind, (uint32_t)(step / 250 * 50 % SKUS), 51, 5);
        if (step % 250 == 100 && !fake->read_open &&
            ask_read(fake, channel, (uint32_t)(step / 250 * 50 % SKUS), 60) == STK_OK)
            fake->read_open = (int)fake->call;
        if (step % 100 == 70 && !fake->discover_open && strcmp(fake->discover_cursor, "end") &&
            ask_discover(fake) == STK_OK)
            fake->discover_open = (int)fake->call;
        if (step % 100 == 20 && !fake->offers_open &&
            ask_poll(fake, STK_EXT_OFFERS_IN, "offers", NULL) == STK_OK)
            fake->offers_open = (int)fake->call;
    }
}

/* ---- tests ---- */

#define COMMON                                                                                     \
    {"skus", "200"}, {"orders_per_day", "200000"}, {"ship_minutes", "1"},                          \
    {                                                                                              \
        "counter", "20"                                                                            \
    }

static void a_channel_at_work(void **state)
{
    static const struct {
        const char *kind;
        char channel;
        uint8_t write_kind;
    } kinds[] = {{"set", '0', STK_PUSH_SET},
                 {"adjust", '1', STK_PUSH_ADJUST},
                 {"cas", '2', STK_PUSH_CAS},
                 {"shop", '3', STK_PUSH_ADJUST}};
    (void)state;
    for (int k = 0; k < 4; k++) {
        const struct fake_option options[] = {COMMON, {"kind", kinds[k].kind}, {NULL, NULL}};
        struct fake *fake = fake_start(options);
        struct instance *instance = instance_of(fake->plugin);
        struct market *market;
        struct market_counts counts;
        uint32_t unbalanced;
        ask_push(fake, '9', 0, 0, 0, 0); /* grants begin at 1 */
        assert_int_equal(fake->plugin->activate(fake->plugin), STK_OK);
        work(fake, kinds[k].channel, kinds[k].write_kind, 1800);
        assert_int_equal(fake->errors, 0);
        assert_int_equal(fake->late, 0);
        assert_true(fake->polls > 500 && fake->orders > 500 && fake->ships > 100);
        assert_true(fake->cancels > 3);
        assert_true(fake->watermark_ms > now_ms(NULL) - SIMULATOR_SET_L - 60000);
        assert_true(fake->listings >= SKUS && !strcmp(fake->discover_cursor, "end"));
        assert_true(fake->offers > 100 || k == 3);
        assert_true(fake->observed > 1000 && fake->gone > 100);
        assert_true(fake->done[STK_CALL_PUSH] > 280);
        assert_true(fake->outcomes[STK_OUTCOME_NO_LISTING] > 50);
        assert_true(fake->outcomes[k == 0 ? STK_OUTCOME_ACCEPTED : STK_OUTCOME_APPLIED] > 1000);
        assert_int_equal(fake->writes > 1000, k == 0);
        market = instance_lock(instance);
        counts = *market_counts(market, (uint32_t)k);
        unbalanced = market_unbalanced(market);
        world_unlock(instance->world);
        assert_int_equal(counts.violations, 0);
        assert_int_equal(unbalanced, 0);
        assert_true(counts.landed > 1000);
        assert_true(counts.orders >= fake->orders && counts.orders <= fake->orders + 200);
        fake->plugin->deactivate(fake->plugin);
        assert_true(!fake->poll_open && !fake->read_open && !fake->discover_open);
        fake_end(fake);
    }
}

/* The same day ten times as fast: the bounds hold on the host's clock. */
static void a_faster_world(void **state)
{
    const struct fake_option options[] = {
        COMMON, {"kind", "adjust"}, {"speed", "10"}, {NULL, NULL}};
    struct fake *fake = fake_start(options);
    struct instance *instance = instance_of(fake->plugin);
    struct market *market;
    uint64_t violations;
    int64_t market_ms;
    (void)state;
    ask_push(fake, '9', 0, 0, 0, 0);
    assert_int_equal(fake->plugin->activate(fake->plugin), STK_OK);
    work(fake, '1', STK_PUSH_ADJUST, 600);
    market = instance_lock(instance);
    market_ms = market_now(market) - 1700000000000;
    violations = market_counts(market, 1)->violations;
    world_unlock(instance->world);
    assert_int_equal(violations, 0);
    assert_true(market_ms >= 5990000);
    assert_int_equal(fake->late, 0);
    assert_true(fake->orders > 2000);
    assert_true(fake->watermark_ms > now_ms(NULL) - SIMULATOR_ADJUST_L / 10 - 5000);
    fake->plugin->deactivate(fake->plugin);
    fake_end(fake);
}

static void instances_share_a_world(void **state)
{
    const struct fake_option set[] = {COMMON, {"kind", "set"}, {NULL, NULL}};
    const struct fake_option shop[] = {COMMON, {"kind", "shop"}, {NULL, NULL}};
    const struct fake_option other_seed[] = {COMMON, {"kind", "set"}, {"seed", "2"}, {NULL, NULL}};
    const struct fake_option other_skus[] = {{"skus", "100"}, {"kind", "cas"}, {NULL, NULL}};
    struct fake *one = fake_start(set), *two = fake_start(shop), *three = fake_start(other_seed);
    struct fake *twin = fake_start(set), *odd = fake_start(other_skus);
    (void)state;
    assert_int_equal(one->plugin->activate(one->plugin), STK_OK);
    assert_int_equal(two->plugin->activate(two->plugin), STK_OK);
    assert_int_equal(three->plugin->activate(three->plugin), STK_OK);
    assert_ptr_equal(instance_of(one->plugin)->world, instance_of(two->plugin)->world);
    assert_ptr_not_equal(instance_of(one->plugin)->world, instance_of(three->plugin)->world);
    assert_int_equal(twin->plugin->activate(twin->plugin), STK_STATE);
    assert_non_null(strstr(twin->log, "its channel of that kind already"));
    assert_int_equal(odd->plugin->activate(odd->plugin), STK_STATE);
    assert_string_equal(odd->log, "world market: another instance has set another skus");
    work(one, '0', STK_PUSH_SET, 60);
    fake_end(one); /* the world lives on for the other, and has room for a new one */
    assert_int_equal(twin->plugin->activate(twin->plugin), STK_OK);
    assert_ptr_equal(instance_of(twin->plugin)->world, instance_of(two->plugin)->world);
    fake_end(twin);
    fake_end(two);
    fake_end(three);
    fake_end(odd);
}

/* A host that is busy, or full: the same submit again, nothing lost and nothing twice. */
static void a_busy_host(void **state)
{
    const struct fake_option options[] = {
        COMMON, {"kind", "cas"}, {"programme", "calm"}, {"webhooks", "false"}, {NULL, NULL}};
    struct fake *fake = fake_start(options);
    struct market *market;
    uint64_t orders;
    (void)state;
    assert_int_equal(fake->plugin->activate(fake->plugin), STK_OK);
    for (int round = 0; round < 300; round++) {
        if (round % 3 == 0)
            fake->next_submit = STK_BUSY;
        if (round % 5 == 0)
            fake->next_reply = STK_NO_SPACE;
        assert_int_equal(ask_poll(fake, STK_EXT_ORDERS_IN, "orders", fake->cursor), STK_OK);
        fake->poll_open = (int)fake->call;
        assert_int_equal(ask_poll(fake, STK_EXT_ORDERS_IN, "orders", fake->cursor), STK_BUSY);
        for (int i = 0; i < 100 && fake->poll_open; i++) {
            clock_ms += TICK_MS;
            turn(fake);
        }
        assert_int_equal(fake->poll_open, 0);
        assert_int_equal(fake->last_status, STK_OK);
        clock_ms += 1000;
    }
    market = instance_lock(instance_of(fake->plugin));
    orders = market_counts(market, 2)->orders;
    world_unlock(instance_of(fake->plugin)->world);
    /* each order once, but those not shown yet */
    assert_int_equal(fake->repeats, 0);
    assert_true(fake->orders > 80 && fake->orders <= orders && fake->orders + 30 > orders);
    assert_int_equal(fake->errors, 0);
    fake->next_submit = STK_MALFORMED;
    ask_poll(fake, STK_EXT_ORDERS_IN, "orders", fake->cursor);
    fake->poll_open = (int)fake->call;
    for (int i = 0; i < 100 && fake->poll_open; i++) {
        clock_ms += TICK_MS;
        turn(fake);
    }
    assert_int_equal(fake->last_status, STK_MALFORMED);
    assert_int_equal(fake->errors, 1);
    fake_end(fake);
}

static void what_is_open_at_the_end_is_answered(void **state)
{
    const struct fake_option options[] = {COMMON, {"kind", "cas"}, {NULL, NULL}};
    struct fake *fake = fake_start(options);
    (void)state;
    ask_push(fake, '9', 0, 0, 0, 0);
    assert_int_equal(ask_push(fake, '2', STK_PUSH_CAS, 0, 5, 3), STK_BUSY); /* not active */
    assert_int_equal(ask_poll(fake, STK_EXT_ORDERS_IN, "orders", NULL), STK_BUSY);
    assert_int_equal(fake->plugin->activate(fake->plugin), STK_OK);
    assert_int_equal(ask_push(fake, '2', STK_PUSH_CAS, 0, 5, 3), STK_OK);
    assert_int_equal(ask_poll(fake, STK_EXT_ORDERS_IN, "orders", NULL), STK_OK);
    fake->poll_open = (int)fake->call;
    assert_int_equal(fake->done[STK_CALL_PUSH], 0);
    fake->plugin->deactivate(fake->plugin);
    assert_int_equal(fake->done[STK_CALL_PUSH], 1);
    assert_int_equal(fake->outcomes[STK_OUTCOME_UNKNOWN], 5);
    assert_int_equal(fake->last_status, STK_CANCELLED);
    assert_int_equal(fake->plugin->activate(fake->plugin), STK_OK);
    assert_int_equal(ask_push(fake, '2', STK_PUSH_CAS, 900, 5, 3), STK_OK); /* no listings */
    assert_int_equal(fake->done[STK_CALL_PUSH], 1); /* not before the call has returned */
    clock_ms += TICK_MS;
    turn(fake);
    assert_int_equal(fake->outcomes[STK_OUTCOME_NO_LISTING], 5);
    fake_end(fake);
}

/* The files beside this program: each loads, and says of itself what it is. */
static void each_kind_has_a_file(void **state)
{
    static const struct {
        const char *name;
        uint32_t writes, proof;
        int64_t a_ms;
    } files[] = {{"simulator", STK_PUSH_SET | STK_PUSH_ADJUST | STK_PUSH_CAS, STK_PROVEN_BY_REPORT,
                  SIMULATOR_SET_A},
                 {"simulator-set", STK_PUSH_SET, STK_PROVEN_BY_REPORT, SIMULATOR_SET_A},
                 {"simulator-adjust", STK_PUSH_ADJUST, STK_PROVEN_BY_ANSWER, SIMULATOR_ADJUST_A},
                 {"simulator-cas", STK_PUSH_CAS, STK_PROVEN_BY_ANSWER, SIMULATOR_CAS_A},
                 {"simulator-shop", STK_PUSH_ADJUST, STK_PROVEN_BY_ANSWER, SIMULATOR_SHOP_A}};
    static const char *const kinds[] = {"cas", "set", "adjust", "cas", "shop"};
    char folder[PATH_MAX] = "", path[PATH_MAX + 64];
    (void)state;
    assert_true(readlink("/proc/self/exe", folder, sizeof(folder) - 1) > 0);
    *strstr(folder, "/tests/unit/") = '\0';
    for (int i = 0; i < 5; i++) {
        static struct stk_plugin_file file;
        struct stk_error err = {0};
        struct stk_abi_version abi = STK_ABI_INIT;
        struct stk_host host = {abi, 0, NULL, "test", "fake", "0", get_extension};
        const struct stk_plugin *plugin;
        const struct stk_plugin_options *options;
        snprintf(path, sizeof(path), "%s/plugins/%s.so", folder, files[i].name);
        if (stk_loader_open(&file, path, &err))
            fail_msg("%s", err.text);
        assert_string_equal(file.manifest.name, files[i].name);
        assert_int_equal(file.manifest.write_kinds, files[i].writes);
        assert_int_equal(file.manifest.proof, files[i].proof);
        assert_int_equal(file.manifest.apply_within_ms, files[i].a_ms);
        if (stk_loader_make(&file, &host, &plugin, &err))
            fail_msg("%s", err.text);
        options = plugin->get_extension(plugin, STK_EXT_OPTIONS);
        assert_string_equal(options->options[2].fallback, kinds[i]);
        plugin->destroy(plugin);
        stk_loader_close(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_a_file),
        cmocka_unit_test(a_channel_at_work),
        cmocka_unit_test(a_faster_world),
        cmocka_unit_test(instances_share_a_world),
        cmocka_unit_test(a_busy_host),
        cmocka_unit_test(what_is_open_at_the_end_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
