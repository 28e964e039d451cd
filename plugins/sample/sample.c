/* A whole small channel in one file: a shop that lives in memory. Every now and then somebody buys
 * one unit of something; the host polls the orders, tells the shop new quantities and prices, and
 * looks whether they are there. plugins/README.md walks through it; read from the bottom up to
 * retrace the host's calls.
 *
 * Always true: a call of the host is answered once, at once or when the submit that it needs is
 * durable; until then it stands in `open`. The shop forgets when the process ends; its orders are
 * numbered within one opening, and the cursor names the opening, so nothing is taken for another.
 * Everything runs on the plugin-thread. */
#include <stdio.h>
#include <stdlib.h>
#include <stockade/stockade.h>

#define LISTINGS_MAX  100
#define ORDERS_MAX    1024 /* that the shop remembers */
#define PAGE          50   /* orders or listings in one submit */
#define OPEN_MAX      8    /* calls that wait for a submit */
#define TIMER_SHOPPER 1

/* What the plugin is and promises, read by the host without loading the file. */
STK_MANIFEST(.name = "sample", .vendor = "Stockade", .version = "1.0.0",
             .kinds = STK_KIND_BIT(ORDERS_IN) | STK_KIND_BIT(LISTING_UPDATES) |
                      STK_KIND_BIT(DISCOVERY),
             .apply_within_ms = 1, .read_back_age_ms = 1, .order_delay_ms = 1,
             .write_kinds = STK_PUSH_SET, .proof = STK_PROVEN_BY_ANSWER,
             .price_proof = STK_PROVEN_BY_ANSWER,
             .published = (1u << STK_PUBLISHED_QUANTITY) | (1u << STK_PUBLISHED_PRICE),
             .push_quantity_max = PAGE, .push_price_max = PAGE, .push_mixed = 1,
             .read_back_max = PAGE, .bucket_count = 1,
             .buckets = {{.name = "calls",
                          .operations = STK_OPERATION_QUANTITY | STK_OPERATION_PRICE |
                                        STK_OPERATION_READ_BACK | STK_OPERATION_DISCOVER |
                                        STK_OPERATION_ORDERS,
                          .burst = 100,
                          .refill = 50,
                          .refill_ms = 1000,
                          .cost_per_call = 1,
                          .scope = STK_BUCKET_ENDPOINT,
                          .kind = STK_REFILL_STEADY}});

/* ---- the shop: what would be a web service ----------------------------------------------------
 */

struct good {
    char listing[24];
    char sku[24];
    int64_t price_minor;
    int64_t quantity;
};

struct sale {
    int64_t at_ms;
    int64_t price_minor;
    uint32_t good;
};

struct shop {
    int64_t opened_ms;
    uint64_t sold; /* orders so far; order number n is sales[n % ORDERS_MAX], from 0 */
    uint32_t good_count;
    struct good goods[LISTINGS_MAX];
    struct sale sales[ORDERS_MAX];
};

static void shop_open(struct shop *shop, uint32_t good_count, int64_t now_ms)
{
    memset(shop, 0, sizeof *shop);
    shop->opened_ms = now_ms;
    shop->good_count = good_count;
    for (uint32_t i = 0; i < good_count; i++) {
        snprintf(shop->goods[i].listing, sizeof shop->goods[i].listing, "sample-%u", i + 1);
        snprintf(shop->goods[i].sku, sizeof shop->goods[i].sku, "SKU-%u", i + 1);
        shop->goods[i].price_minor = 1000 + 100 * i;
    }
}

/* A shopper takes the next thing that is there, if anything is. */
static void shop_sell(struct shop *shop, int64_t now_ms)
{
    for (uint32_t i = 0; i < shop->good_count; i++) {
        uint32_t at = (uint32_t)((shop->sold + i) % shop->good_count);
        struct good *good = &shop->goods[at];
        if (good->quantity == 0)
            continue;
        good->quantity--;
        shop->sales[shop->sold % ORDERS_MAX] =
            (struct sale){.at_ms = now_ms, .price_minor = good->price_minor, .good = at};
        shop->sold++;
        return;
    }
}

static struct good *shop_find(struct shop *shop, struct stk_bytes listing)
{
    for (uint32_t i = 0; i < shop->good_count; i++) {
        struct good *good = &shop->goods[i];
        if (strlen(good->listing) == listing.size &&
            memcmp(good->listing, listing.data, listing.size) == 0)
            return good;
    }
    return NULL;
}

/* ---- the instance -----------------------------------------------------------------------------
 */

enum what { WHAT_NOTHING, WHAT_POLL, WHAT_READ_BACK, WHAT_DISCOVER };

/* A call that is answered when its submit is. */
struct open {
    enum what what;
    uint64_t call; /* number of the call, and of its submit */
    int64_t started_ms;
    uint32_t count;
    int more;
};

struct sample {
    struct stk_plugin plugin;
    const struct stk_host *host;
    const struct stk_host_log *log;
    const struct stk_host_clock *clock;
    const struct stk_host_config *config;
    const struct stk_host_timer *timer;
    const struct stk_host_submit *submit;
    const struct stk_host_feed *orders;
    const struct stk_host_listing_updates *updates;
    const struct stk_host_discovery *discovery;
    int64_t order_every_ms;
    stk_currency_t currency;
    struct open open[OPEN_MAX];
    struct shop shop;
    _Alignas(8) char room[64 * 1024]; /* where messages are written */
};

static struct sample *sample_of(const struct stk_plugin *plugin)
{
    return plugin->plugin_data;
}

static void say(struct sample *sample, uint32_t severity, const char *line)
{
    sample->log->say(sample->host, severity, line, (uint32_t)strlen(line));
}

static struct open *open_find(struct sample *sample, uint64_t call)
{
    for (int i = 0; i < OPEN_MAX; i++) {
        if (sample->open[i].what != WHAT_NOTHING && sample->open[i].call == call)
            return &sample->open[i];
    }
    return NULL;
}

static struct open *open_take(struct sample *sample, enum what what, uint64_t call)
{
    for (int i = 0; i < OPEN_MAX; i++) {
        if (sample->open[i].what == WHAT_NOTHING) {
            sample->open[i] = (struct open){
                .what = what, .call = call, .started_ms = sample->clock->now_ms(sample->host)};
            return &sample->open[i];
        }
    }
    return NULL;
}

/* Begin an answer of the host's: composer and the head that all answers have. */
static void answer_begin(struct sample *sample, struct stk_composer *out,
                         struct stk_done_head *head, uint32_t size, uint64_t call,
                         stk_status_t status)
{
    stk_compose_init(out, sample->room, sizeof sample->room);
    stk_compose_begin(out, size);
    head->call = call;
    head->status = status;
}

/* Answer the call that was open: its events are durable, or it failed as a whole. */
static void answer(struct sample *sample, struct open *open, stk_status_t status)
{
    struct stk_composer out;
    struct stk_done_poll poll = {0};
    struct stk_done_read_back seen = {0};
    struct stk_done_discover found = {0};
    enum what what = open->what;
    const void *done;

    open->what = WHAT_NOTHING;
    if (what == WHAT_POLL) {
        answer_begin(sample, &out, &poll.head, sizeof poll, open->call, status);
        poll.started_ms = open->started_ms;
        poll.event_count = open->count;
        poll.more = (uint8_t)open->more;
        done =
            stk_compose_end(&out, &poll.head.message, STK_SPACE_DONE, STK_CALL_POLL, sizeof poll);
        sample->orders->poll_done(sample->host, done);
    } else if (what == WHAT_READ_BACK) {
        answer_begin(sample, &out, &seen.head, sizeof seen, open->call, status);
        seen.observed_count = open->count;
        done = stk_compose_end(&out, &seen.head.message, STK_SPACE_DONE, STK_CALL_READ_BACK,
                               sizeof seen);
        sample->updates->read_back_done(sample->host, done);
    } else if (what == WHAT_DISCOVER) {
        answer_begin(sample, &out, &found.head, sizeof found, open->call, status);
        found.listing_count = open->count;
        found.total = sample->shop.good_count;
        if (open->more) {
            char next[16];
            snprintf(next, sizeof next, "%d", open->more);
            found.cursor = stk_compose_string(&out, next);
        }
        done = stk_compose_end(&out, &found.head.message, STK_SPACE_DONE, STK_CALL_DISCOVER,
                               sizeof found);
        sample->discovery->discover_done(sample->host, done);
    }
}

/* Close the submit that was composed and send it; a submit that is refused ends its call. */
static void submit(struct sample *sample, struct stk_composer *out, struct stk_ask_submit *ask,
                   struct open *open)
{
    const void *message;
    stk_status_t status = STK_TOO_LARGE;
    ask->head.call = open->call;
    message = stk_compose_end(out, &ask->head.message, STK_SPACE_ASK, STK_ASK_SUBMIT, sizeof *ask);
    if (message)
        status = sample->submit->submit(sample->host, message);
    if (status != STK_OK)
        answer(sample, open, status);
}

/* ---- orders in --------------------------------------------------------------------------------
 */

static void compose_order(struct sample *sample, struct stk_composer *out, uint64_t number)
{
    const struct sale *sale = &sample->shop.sales[number % ORDERS_MAX];
    struct stk_event_order order = {0};
    struct stk_event_line line = {0};
    char id[64];

    snprintf(id, sizeof id, "S%lld-%llu", (long long)sample->shop.opened_ms,
             (unsigned long long)number + 1);
    stk_compose_begin(out, sizeof order);
    order.id = stk_compose_string(out, id);
    line.listing = stk_compose_string(out, sample->shop.goods[sale->good].listing);
    line.quantity = 1;
    line.unit_price_minor = sale->price_minor;
    order.lines = stk_compose_list(out, &line, sizeof line, 1);
    order.placed_at_ms = sale->at_ms;
    order.seen_at_ms = sample->clock->now_ms(sample->host);
    order.currency = sample->currency;
    stk_compose_end(out, &order.message, STK_SPACE_EVENT, STK_EVENT_ORDER, sizeof order);
}

/* The cursor is "opening/number of the next order". Another opening, or none: from its first. */
static uint64_t next_order(const struct shop *shop, struct stk_bytes cursor)
{
    char text[64] = "";
    long long opened = 0;
    unsigned long long number = 0;
    uint64_t oldest = shop->sold > ORDERS_MAX ? shop->sold - ORDERS_MAX : 0;
    if (cursor.size && cursor.size < sizeof text)
        memcpy(text, cursor.data, cursor.size);
    if (sscanf(text, "%lld/%llu", &opened, &number) != 2 || opened != shop->opened_ms ||
        number > shop->sold)
        number = 0;
    return number > oldest ? number : oldest;
}

static stk_status_t sample_poll(const struct stk_plugin *plugin, const struct stk_call_poll *call)
{
    struct sample *sample = sample_of(plugin);
    struct stk_call_poll poll;
    struct stk_composer out;
    struct stk_ask_submit ask = {0};
    struct stk_bytes key;
    struct open *open;
    uint64_t first, last;
    char cursor[64];

    stk_message_read(call, &poll, sizeof poll);
    open = open_take(sample, WHAT_POLL, poll.head.call);
    if (!open)
        return STK_BUSY;
    key = stk_message_text(call, poll.cursor_key);
    first = next_order(&sample->shop, stk_message_text(call, poll.cursor));
    last = sample->shop.sold - first > PAGE ? first + PAGE : sample->shop.sold;
    open->count = (uint32_t)(last - first);
    open->more = last < sample->shop.sold;
    if (first == last) { /* nothing new: nothing to submit */
        answer(sample, open, STK_OK);
        return STK_OK;
    }
    stk_compose_init(&out, sample->room, sizeof sample->room);
    stk_compose_begin(&out, sizeof ask);
    snprintf(cursor, sizeof cursor, "%lld/%llu", (long long)sample->shop.opened_ms,
             (unsigned long long)last);
    ask.cursor_key = stk_compose_text(&out, key.data, key.size);
    ask.cursor_value = stk_compose_string(&out, cursor);
    uint32_t mark = out.used;
    for (uint64_t number = first; number < last; number++)
        compose_order(sample, &out, number);
    ask.events = stk_compose_nested(&out, mark, open->count);
    ask.poll = poll.head.call;
    submit(sample, &out, &ask, open);
    return STK_OK;
}

/* ---- listing updates out ----------------------------------------------------------------------
 */

/* A real channel would be asked here, and answer later. This one obeys at once. */
static void obey(struct sample *sample, const struct stk_call_push *call,
                 const struct stk_update *update, struct stk_write_outcome *outcome)
{
    struct good *good = shop_find(&sample->shop, stk_message_text(call, update->key.listing));
    outcome->grant = update->grant;
    outcome->counter = STK_ABSENT;
    outcome->sent_at_ms = sample->clock->now_ms(sample->host);
    if (!good) {
        outcome->outcome = STK_OUTCOME_NO_LISTING;
        return;
    }
    if (update->key.field == STK_PUBLISHED_QUANTITY) {
        good->quantity = update->value;
        outcome->counter = good->quantity;
    } else {
        good->price_minor = update->value;
    }
    outcome->applied_at_ms = outcome->sent_at_ms;
    outcome->outcome = STK_OUTCOME_APPLIED;
}

static stk_status_t sample_push(const struct stk_plugin *plugin, const struct stk_call_push *call)
{
    struct sample *sample = sample_of(plugin);
    struct stk_write_outcome outcomes[PAGE] = {{0}};
    struct stk_composer out;
    struct stk_call_push push;
    struct stk_done_push done = {0};

    stk_message_read(call, &push, sizeof push);
    if (push.updates.count > PAGE)
        return STK_TOO_LARGE;
    for (uint32_t i = 0; i < push.updates.count; i++) {
        struct stk_update update;
        stk_message_item(call, push.updates, i, &update, sizeof update);
        obey(sample, call, &update, &outcomes[i]);
    }
    answer_begin(sample, &out, &done.head, sizeof done, push.head.call, STK_OK);
    done.results = stk_compose_list(&out, outcomes, sizeof *outcomes, push.updates.count);
    return sample->updates->push_done(
        sample->host, (const void *)stk_compose_end(&out, &done.head.message, STK_SPACE_DONE,
                                                    STK_CALL_PUSH, sizeof done));
}

static void compose_gone(struct sample *sample, struct stk_composer *out, struct stk_bytes listing)
{
    struct stk_event_listing gone = {0};
    stk_compose_begin(out, sizeof gone);
    gone.listing = stk_compose_text(out, listing.data, listing.size);
    gone.price_minor = STK_ABSENT;
    gone.quantity = STK_ABSENT;
    gone.asked_at_ms = sample->clock->now_ms(sample->host);
    stk_compose_end(out, &gone.message, STK_SPACE_EVENT, STK_EVENT_LISTING_GONE, sizeof gone);
}

/* What the shop shows for one key, as an event; a listing that is not there any more is gone. */
static void compose_observed(struct sample *sample, struct stk_composer *out,
                             struct stk_bytes listing, const struct stk_published_key *key)
{
    const struct good *good = shop_find(&sample->shop, listing);
    struct stk_event_observed seen = {0};

    if (!good) {
        compose_gone(sample, out, listing);
        return;
    }
    stk_compose_begin(out, sizeof seen);
    seen.key.listing = stk_compose_text(out, listing.data, listing.size);
    seen.key.field = key->field;
    seen.value = key->field == STK_PUBLISHED_QUANTITY ? good->quantity : good->price_minor;
    seen.currency = key->field == STK_PUBLISHED_QUANTITY ? 0 : sample->currency;
    seen.asked_at_ms = sample->clock->now_ms(sample->host);
    stk_compose_end(out, &seen.message, STK_SPACE_EVENT, STK_EVENT_OBSERVED, sizeof seen);
}

static stk_status_t sample_read_back(const struct stk_plugin *plugin,
                                     const struct stk_call_read_back *call)
{
    struct sample *sample = sample_of(plugin);
    struct stk_call_read_back look;
    struct stk_composer out;
    struct stk_ask_submit ask = {0};
    struct open *open;

    stk_message_read(call, &look, sizeof look);
    open = open_take(sample, WHAT_READ_BACK, look.head.call);
    if (!open)
        return STK_BUSY;
    open->count = look.keys.count;
    stk_compose_init(&out, sample->room, sizeof sample->room);
    stk_compose_begin(&out, sizeof ask);
    uint32_t mark = out.used;
    for (uint32_t i = 0; i < look.keys.count; i++) {
        struct stk_published_key key;
        stk_message_item(call, look.keys, i, &key, sizeof key);
        compose_observed(sample, &out, stk_message_text(call, key.listing), &key);
    }
    ask.events = stk_compose_nested(&out, mark, look.keys.count);
    submit(sample, &out, &ask, open);
    return STK_OK;
}

/* ---- discovery --------------------------------------------------------------------------------
 */

static void compose_listing(struct sample *sample, struct stk_composer *out,
                            const struct good *good)
{
    struct stk_event_listing found = {0};
    stk_compose_begin(out, sizeof found);
    found.listing = stk_compose_string(out, good->listing);
    found.sku = stk_compose_string(out, good->sku);
    found.title = stk_compose_string(out, "A thing to try things with");
    found.price_minor = good->price_minor;
    found.quantity = good->quantity;
    found.asked_at_ms = sample->clock->now_ms(sample->host);
    found.currency = sample->currency;
    found.active = 1;
    stk_compose_end(out, &found.message, STK_SPACE_EVENT, STK_EVENT_LISTING, sizeof found);
}

static stk_status_t sample_discover(const struct stk_plugin *plugin,
                                    const struct stk_call_discover *call)
{
    struct sample *sample = sample_of(plugin);
    struct stk_call_discover discover;
    struct stk_composer out;
    struct stk_ask_submit ask = {0};
    struct stk_bytes cursor;
    struct open *open;
    char text[16] = "";
    uint32_t first, last;

    stk_message_read(call, &discover, sizeof discover);
    cursor = stk_message_text(call, discover.cursor);
    if (cursor.size >= sizeof text)
        return STK_INVALID;
    memcpy(text, cursor.data, cursor.size);
    first = (uint32_t)strtoul(text, NULL, 10);
    if (first > sample->shop.good_count)
        return STK_INVALID;
    open = open_take(sample, WHAT_DISCOVER, discover.head.call);
    if (!open)
        return STK_BUSY;
    last = sample->shop.good_count - first > PAGE ? first + PAGE : sample->shop.good_count;
    open->count = last - first;
    open->more = last < sample->shop.good_count ? (int)last : 0;
    stk_compose_init(&out, sample->room, sizeof sample->room);
    stk_compose_begin(&out, sizeof ask);
    uint32_t mark = out.used;
    for (uint32_t i = first; i < last; i++)
        compose_listing(sample, &out, &sample->shop.goods[i]);
    ask.events = stk_compose_nested(&out, mark, open->count);
    submit(sample, &out, &ask, open);
    return STK_OK;
}

/* ---- what the host tells ----------------------------------------------------------------------
 */

/* The events of a call are durable, or not: now the call is answered. */
static void sample_submit_done(const struct stk_plugin *plugin,
                               const struct stk_reply_submit *reply)
{
    struct sample *sample = sample_of(plugin);
    struct stk_reply_submit done;
    struct open *open;

    stk_message_read(reply, &done, sizeof done);
    open = open_find(sample, done.head.call);
    if (!open)
        return;
    if (done.head.status != STK_OK)
        say(sample, STK_SEVERITY_WARNING, "a page was not taken; it will be read again");
    answer(sample, open, done.head.status);
}

static void sample_on_timer(const struct stk_plugin *plugin, uint32_t id)
{
    struct sample *sample = sample_of(plugin);
    if (id != TIMER_SHOPPER)
        return;
    shop_sell(&sample->shop, sample->clock->now_ms(sample->host));
    sample->timer->set(sample->host, TIMER_SHOPPER, (uint64_t)sample->order_every_ms);
}

/* ---- the life of an instance ------------------------------------------------------------------
 */

static const struct stk_plugin_option options[] = {
    {.name = "listings",
     .text = "things that the shop sells",
     .fallback = "5",
     .min = 1,
     .max = LISTINGS_MAX,
     .kind = STK_OPTION_KIND_INT},
    {.name = "order_every_ms",
     .text = "a shopper comes this often",
     .fallback = "1000",
     .min = 10,
     .max = 3600000,
     .kind = STK_OPTION_KIND_INT},
    {.name = "currency",
     .text = "three letters, of all prices",
     .fallback = "EUR",
     .min = 3,
     .max = 3,
     .kind = STK_OPTION_KIND_TEXT},
};

static stk_status_t sample_init(const struct stk_plugin *plugin)
{
    struct sample *sample = sample_of(plugin);
    const struct stk_host *host = sample->host;
    struct stk_bytes currency;
    int64_t listings;

    sample->log = host->get_extension(host, STK_EXT_LOG);
    sample->clock = host->get_extension(host, STK_EXT_CLOCK);
    sample->config = host->get_extension(host, STK_EXT_CONFIG);
    sample->timer = host->get_extension(host, STK_EXT_TIMER);
    sample->submit = host->get_extension(host, STK_EXT_SUBMIT);
    sample->orders = host->get_extension(host, STK_EXT_ORDERS_IN);
    sample->updates = host->get_extension(host, STK_EXT_LISTING_UPDATES);
    sample->discovery = host->get_extension(host, STK_EXT_DISCOVERY);
    if (!sample->log || !sample->clock || !sample->config || !sample->timer || !sample->submit ||
        !sample->orders || !sample->updates || !sample->discovery)
        return STK_NOT_FOUND;
    if (sample->config->integer(host, "listings", &listings) != STK_OK ||
        sample->config->integer(host, "order_every_ms", &sample->order_every_ms) != STK_OK ||
        sample->config->text(host, "currency", &currency) != STK_OK)
        return STK_INVALID;
    sample->currency = STK_CURRENCY(currency.data[0], currency.data[1], currency.data[2]);
    shop_open(&sample->shop, (uint32_t)listings, sample->clock->now_ms(host));
    return STK_OK;
}

static void sample_destroy(const struct stk_plugin *plugin)
{
    free(sample_of(plugin));
}

static stk_status_t sample_activate(const struct stk_plugin *plugin)
{
    struct sample *sample = sample_of(plugin);
    say(sample, STK_SEVERITY_INFO, "the shop is open");
    return sample->timer->set(sample->host, TIMER_SHOPPER, (uint64_t)sample->order_every_ms);
}

/* Nothing stays unanswered. The shop sleeps while nobody is there to see its orders. */
static void sample_deactivate(const struct stk_plugin *plugin)
{
    struct sample *sample = sample_of(plugin);
    for (int i = 0; i < OPEN_MAX; i++) {
        if (sample->open[i].what != WHAT_NOTHING)
            answer(sample, &sample->open[i], STK_CANCELLED);
    }
    sample->timer->cancel(sample->host, TIMER_SHOPPER);
}

/* ---- what the plugin has, and the one symbol --------------------------------------------------
 */

static const void *sample_get_extension(const struct stk_plugin *plugin, const char *id)
{
    static const struct stk_plugin_options declared = {.count = sizeof options / sizeof *options,
                                                       .options = options};
    static const struct stk_plugin_timer timer = {sample_on_timer};
    static const struct stk_plugin_submit submits = {sample_submit_done};
    static const struct stk_plugin_feed orders = {sample_poll};
    static const struct stk_plugin_listing_updates updates = {sample_push, sample_read_back};
    static const struct stk_plugin_discovery discovery = {sample_discover};
    static const struct {
        const char *id;
        const void *side;
    } sides[] = {
        {STK_EXT_OPTIONS, &declared},        {STK_EXT_TIMER, &timer},
        {STK_EXT_SUBMIT, &submits},          {STK_EXT_ORDERS_IN, &orders},
        {STK_EXT_LISTING_UPDATES, &updates}, {STK_EXT_DISCOVERY, &discovery},
    };
    (void)plugin;
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        if (strcmp(sides[i].id, id) == 0)
            return sides[i].side;
    }
    return NULL;
}

static const struct stk_plugin *sample_create(const struct stk_host *host)
{
    struct sample *sample = calloc(1, sizeof *sample);
    if (!sample)
        return NULL;
    sample->host = host;
    sample->plugin = (struct stk_plugin){.abi = STK_ABI_INIT,
                                         .plugin_data = sample,
                                         .init = sample_init,
                                         .destroy = sample_destroy,
                                         .activate = sample_activate,
                                         .deactivate = sample_deactivate,
                                         .get_extension = sample_get_extension};
    return &sample->plugin;
}

static const struct stk_plugin_factory factory = {sample_create};

static stk_status_t entry_init(const char *path)
{
    (void)path;
    return STK_OK;
}

static void entry_deinit(void)
{
}

static const void *entry_get_factory(const char *id)
{
    return strcmp(id, STK_FACTORY_PLUGINS) == 0 ? &factory : NULL;
}

STK_EXPORT const struct stk_plugin_entry stk_entry = {.abi = STK_ABI_INIT,
                                                      .init = entry_init,
                                                      .deinit = entry_deinit,
                                                      .get_factory = entry_get_factory};
