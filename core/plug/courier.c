/* Pushes, polls, read-backs, discovery.
 *
 * A push: the engine is asked for a grant only when a call may leave now; its answer is seen when
 * the grant is durable; then the call leaves with exactly those values. Whatever happens to it,
 * each value gets one outcome, and when nobody knows it is "unknown", never "refused". A value that
 * was granted and did not leave is given back as "not sent".
 *
 * At most one call of each kind is under way. Always: a grant is in `granted` until its outcome is
 * in `outcome`, and there until the engine has answered for it. */
#include "core/plug/courier.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/flow/verb_channel.h"
#include "core/plug/intake.h"
#include "core/plug/purse.h"
#include <stdio.h>
#include <stdlib.h>
#include <stockade/ext/discovery.h>
#include <stockade/ext/listings.h>
#include <stockade/ext/orders.h>
#include <stockade/message.h>

#define PUSH_MS      60000  /* then its outcome is unknown */
#define LOOK_MS      120000 /* read-backs, pages of discovery */
#define POLL_MS      300000
#define URGENT_MS    100   /* the engine is asked so often for what cannot wait */
#define BACKOFF_MS   1000  /* after a failure, doubled ... */
#define BACKOFF_MAX  60000 /* ... up to this; half of it is drawn by lot */
#define ACCEPTED_MAX 4096  /* keys to be looked at; beyond it the sample finds them */
#define CURSOR_KEY   "orders-in"

enum work { PUSH, POLL, LOOK, DISCOVER, WORKS };
enum phase { IDLE, ASKED, READY, OPEN }; /* of the engine; there is its answer; of the plugin */

struct granted {
    uint64_t number;
    int64_t value, expected;
    uint8_t kind, write; /* write: STK_PUSH_*; 0 = it cannot be */
    char listing[STK_ID_MAX + 1];
};
struct outcome {
    uint64_t grant;
    uint32_t wait_ms;
    uint16_t outcome; /* enum stk_outcome */
};
struct seen {
    int64_t due_ms;
    uint8_t kind;
    char listing[STK_ID_MAX + 1];
};

struct call {
    enum phase phase;
    uint64_t number;
    int64_t deadline_ms, due_ms; /* due: not before */
    uint32_t failures;           /* in a row */
    struct stk_purse_call paid;
};

struct stk_courier {
    struct stk_desk *desk;
    struct stk_courier_options options;
    struct stk_purse purse;
    int active, draining;
    uint32_t generation; /* of the plugin's life: answers for an older one are dropped */
    struct call call[WORKS];
    /* push */
    int64_t flush_due_ms;
    int again;    /* a further push of one grant: it pays for itself */
    int flushing; /* the grant under way is of a normal flush */
    int knows_asked;
    int64_t flush_asked, discover_asked;
    struct granted granted[STK_GRANTS_MAX];
    uint32_t granted_count, in_push;            /* of them, the first ones, in the push under way */
    struct outcome outcome[2 * STK_GRANTS_MAX]; /* late answers may come beside a push */
    uint32_t outcomes, outcomes_sent;           /* sent: of the command under way */
    /* read-back */
    struct seen seen[ACCEPTED_MAX];
    uint32_t seen_first, seen_count;
    int64_t sample_due_ms;
    uint32_t look_limit; /* what is paid for */
    uint32_t looked;     /* keys of the read-back under way */
    char sample_cursor[STK_TEXT_MAX + 1];
    /* poll and discovery */
    int64_t poll_started_ms;
    char cursor[STK_CURSOR_SIZE_MAX];
    uint32_t cursor_size;
    int discovering;
    char page[STK_CURSOR_SIZE_MAX];
    uint32_t page_size;
    uint64_t random;
    char *room; /* of a message, aligned to 8 */
};

struct stk_courier *stk_courier_create(struct stk_desk *desk,
                                       const struct stk_courier_options *options,
                                       struct stk_error *err)
{
    struct stk_courier *self = stk_alloc(sizeof *self);
    if (self) {
        self->desk = desk;
        self->options = *options;
        self->random = (uint64_t)stk_desk_now(desk) | 1;
        self->room = stk_alloc(STK_MESSAGE_SIZE_MAX);
    }
    if (self && self->room)
        return self;
    stk_error_set(err, STK_NO_MEMORY, "out of memory");
    stk_courier_destroy(self);
    return NULL;
}

void stk_courier_destroy(struct stk_courier *self)
{
    if (!self)
        return;
    stk_free(self->room);
    stk_free(self);
}

/* ---- helpers ---- */

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static int64_t back_off(struct stk_courier *self, struct call *call)
{
    int64_t wait_ms = BACKOFF_MS;
    for (uint32_t i = 0; i < call->failures && wait_ms < BACKOFF_MAX; i++)
        wait_ms *= 2;
    wait_ms = wait_ms < BACKOFF_MAX ? wait_ms : BACKOFF_MAX;
    call->failures++;
    self->random = self->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return wait_ms / 2 + (int64_t)((self->random >> 33) % (uint64_t)(wait_ms / 2 + 1));
}

/* To the engine. 0: not now. */
static int command(struct stk_courier *self, unsigned verb, const struct stk_twig *map,
                   stk_clerk_answer *fn)
{
    struct stk_error err = {0};
    struct stk_value params = stk_value_of_twig(map, 1);
    stk_assert(!map->tree->overflow);
    enum stk_status status = stk_clerk_send(&self->desk->clerk, stk_verb_by_number(verb), &params,
                                            map->tree->bytes + 4 * map->tree->used + 512, fn, self,
                                            self->generation, &err);
    if (status != STK_OK && status != STK_BUSY)
        stk_log_limited(STK_LOG_ERROR, 1000, "channel=%s: %s", self->desk->instance, err.text);
    return status == STK_OK;
}

/* To the plugin: the message that is composed in room. 0: it has no room for it. */
static int give(struct stk_courier *self, enum work work, const struct stk_message *message)
{
    struct call *call = &self->call[work];
    if (!message || !self->desk->link || stk_link_send(self->desk->link, message, 0) != STK_OK)
        return 0;
    call->phase = OPEN;
    return 1;
}

static void head_of(struct stk_courier *self, enum work work, struct stk_call_head *head,
                    int64_t patience_ms)
{
    struct call *call = &self->call[work];
    call->number = ++self->desk->last_call;
    call->deadline_ms = stk_desk_now(self->desk) + patience_ms;
    head->call = call->number;
    head->deadline_ms = call->deadline_ms;
}

static uint32_t operation_of(const struct stk_courier *self, enum work work)
{
    static const uint32_t operations[WORKS] = {STK_OPERATION_QUANTITY, STK_OPERATION_ORDERS,
                                               STK_OPERATION_READ_BACK, STK_OPERATION_DISCOVER};
    return work == PUSH && !self->desk->manifest.push_quantity_max ? STK_OPERATION_PRICE
                                                                   : operations[work];
}

/* Pays for a call of that many items. 0: the budget does not allow it now. */
static int pay(struct stk_courier *self, enum work work, uint32_t items, int urgent)
{
    return stk_purse_take(&self->purse, operation_of(self, work), items, urgent,
                          stk_desk_now(self->desk), &self->call[work].paid) == STK_OK;
}

/* Nothing left: what was paid comes back, unless the call is open. */
static void rest(struct stk_courier *self, enum work work, int64_t wait_ms)
{
    stk_purse_give_back(&self->purse, &self->call[work].paid, stk_desk_now(self->desk));
    self->call[work].phase = IDLE;
    self->call[work].number = 0;
    self->call[work].due_ms = stk_desk_now(self->desk) + wait_ms;
}

static void failed(struct stk_courier *self, enum work work, uint32_t retry_after_ms)
{
    int64_t wait_ms = back_off(self, &self->call[work]);
    rest(self, work, wait_ms > retry_after_ms ? wait_ms : retry_after_ms);
}

static int64_t int_in(const struct stk_value *map, const char *key, int64_t otherwise)
{
    const struct stk_value *value = map ? stk_value_get(map, key) : NULL;
    return value && value->type == STK_VALUE_INT ? value->as.integer : otherwise;
}

static void text_in(const struct stk_value *map, const char *key, char *text, uint32_t size)
{
    const struct stk_value *value = map ? stk_value_get(map, key) : NULL;
    uint32_t length = value && value->type == STK_VALUE_STR ? least(value->size, size - 1) : 0;
    if (length)
        memcpy(text, value->as.text, length);
    text[length] = 0;
}

static uint8_t kind_in(const struct stk_value *map)
{
    char name[16];
    uint8_t kind = 0;
    text_in(map, "kind", name, sizeof name);
    while (kind < STK_PUBLISH_KINDS && strcmp(stk_publish_kind_name(kind), name) != 0)
        kind++;
    return kind;
}

static uint8_t write_in(const struct stk_value *map)
{
    char name[16];
    text_in(map, "write", name, sizeof name);
    if (strcmp(name, "set") == 0)
        return STK_PUSH_SET;
    if (strcmp(name, "adjust") == 0)
        return STK_PUSH_ADJUST;
    return strcmp(name, "cas") == 0 ? STK_PUSH_CAS : 0;
}

/* ---- outcomes ---- */

static const char *const outcome_names[] = {"?",       "not_sent", "accepted",  "applied",
                                            "refused", "retry",    "unknown",   "mismatch",
                                            "locked",  "review",   "no_listing"};

static void told(void *arg, uint64_t number, enum stk_status status, const struct stk_value *answer)
{
    struct stk_courier *self = arg;
    (void)number, (void)answer;
    if (stk_translate_is_final(status)) {
        self->outcomes -= self->outcomes_sent;
        memmove(self->outcome, self->outcome + self->outcomes_sent,
                self->outcomes * sizeof *self->outcome);
    }
    if (status != STK_OK) {
        stk_log_limited(STK_LOG_WARN, 1000, "outcomes: the engine says %s channel=%s",
                        stk_status_name((int)status), self->desk->instance);
    }
    self->outcomes_sent = 0;
}

static void tell(struct stk_courier *self)
{
    struct stk_value *values = self->desk->translate.values; /* free between two events */
    struct stk_tree tree = stk_tree(values, STK_TRANSLATE_VALUES);
    if (!self->outcomes || self->outcomes_sent)
        return;
    uint32_t count = least(self->outcomes, STK_GRANTS_MAX);
    struct stk_twig map = stk_twig_map(&tree, 3), items = stk_twig(&tree, count);
    stk_twig_text(&map, "source", self->desk->instance);
    stk_twig_text(&map, "channel", self->desk->instance);
    for (uint32_t i = 0; i < count; i++) {
        const struct outcome *at = &self->outcome[i];
        struct stk_twig item = stk_twig_map(&tree, 3);
        stk_twig_int(&item, "grant", (int64_t)at->grant);
        stk_twig_text(&item, "outcome", outcome_names[at->outcome]);
        if (at->wait_ms)
            stk_twig_int(&item, "wait_ms", at->wait_ms);
        stk_twig_add(&items, stk_value_of_twig(&item, 1));
    }
    stk_twig_list_at(&map, "items", &items);
    if (command(self, STK_VERB_CHANNEL_RESULT, &map, told))
        self->outcomes_sent = count;
}

static void remember_seen(struct stk_courier *self, const struct granted *granted, int64_t wait_ms)
{
    struct seen *seen;
    if (!self->desk->manifest.read_back_max || self->seen_count == ACCEPTED_MAX)
        return;
    seen = &self->seen[(self->seen_first + self->seen_count++) % ACCEPTED_MAX];
    seen->due_ms = stk_desk_now(self->desk) + wait_ms;
    seen->kind = granted->kind;
    memcpy(seen->listing, granted->listing, sizeof seen->listing);
}

static void settle(struct stk_courier *self, uint32_t index, uint16_t outcome, uint32_t wait_ms)
{
    struct stk_desk_counters *counters = &self->desk->counters;
    const struct granted *granted = &self->granted[index];
    self->outcome[self->outcomes++] =
        (struct outcome){.grant = granted->number, .wait_ms = wait_ms, .outcome = outcome};
    if (outcome == STK_OUTCOME_ACCEPTED || outcome == STK_OUTCOME_APPLIED) {
        stk_counter_add(&counters->accepted, 1);
        remember_seen(self, granted, self->desk->manifest.apply_within_ms);
    } else if (outcome == STK_OUTCOME_UNKNOWN) {
        stk_counter_add(&counters->unknown, 1);
        remember_seen(self, granted, self->desk->manifest.apply_within_ms);
    } else {
        stk_counter_add(&counters->not_accepted, 1);
    }
}

/* All of the push under way that have no outcome yet, then they are no longer granted. */
static void settle_push(struct stk_courier *self, const uint8_t *settled, uint16_t outcome,
                        uint32_t wait_ms)
{
    for (uint32_t i = 0; i < self->in_push; i++)
        if (!settled || !settled[i])
            settle(self, i, outcome, wait_ms);
    self->granted_count -= self->in_push;
    memmove(self->granted, self->granted + self->in_push,
            self->granted_count * sizeof *self->granted);
    self->in_push = 0;
    tell(self);
}

/* ---- pushes ---- */

static void take_asked(struct stk_courier *self, const struct stk_value *answer)
{
    int64_t flush = int_in(answer, "flush_asked", 0);
    int64_t discover = int_in(answer, "discover_asked", 0);
    if (self->knows_asked && flush != self->flush_asked)
        self->flush_due_ms = 0;
    if (self->knows_asked && discover != self->discover_asked && !self->discovering) {
        self->discovering = 1;
        self->page_size = 0;
        self->call[DISCOVER].due_ms = 0;
    }
    self->knows_asked = 1;
    self->flush_asked = flush;
    self->discover_asked = discover;
}

static void take_grants(struct stk_courier *self, const struct stk_value *items)
{
    for (uint32_t i = 0; i < items->size && self->granted_count < STK_GRANTS_MAX; i++) {
        const struct stk_value *item = &items->as.items[i];
        struct granted *granted = &self->granted[self->granted_count++];
        granted->number = (uint64_t)int_in(item, "grant", 0);
        granted->value = int_in(item, "value", 0);
        granted->expected = int_in(item, "expected", 0);
        granted->write = write_in(item);
        granted->kind = kind_in(item);
        text_in(item, "listing", granted->listing, sizeof granted->listing);
    }
}

/* Listings that the engine wants to be looked at before it can go on with them. */
static void take_looks(struct stk_courier *self, const struct stk_value *looks)
{
    struct granted wanted = {.kind = STK_PUBLISH_QUANTITY};
    for (uint32_t i = 0; i < looks->size; i++) {
        const struct stk_value *text = &looks->as.items[i];
        uint32_t size = text->type == STK_VALUE_STR ? least(text->size, STK_ID_MAX) : 0;
        if (!size)
            continue;
        memcpy(wanted.listing, text->as.text, size);
        wanted.listing[size] = 0;
        remember_seen(self, &wanted, 0);
    }
}

static void granted_by(void *arg, uint64_t number, enum stk_status status,
                       const struct stk_value *answer)
{
    struct stk_courier *self = arg;
    const struct stk_value *items = answer ? stk_value_get(answer, "items") : NULL;
    const struct stk_value *looks = answer ? stk_value_get(answer, "look") : NULL;
    if (status == STK_OK && items && items->type == STK_VALUE_ARRAY)
        take_grants(self, items);
    if (looks && looks->type == STK_VALUE_ARRAY)
        take_looks(self, looks);
    if (number != self->generation) { /* for a plugin that is gone: nothing of it has left */
        self->in_push = self->granted_count;
        settle_push(self, NULL, STK_OUTCOME_NOT_SENT, 0);
        return;
    }
    if (status != STK_OK) {
        failed(self, PUSH, 0);
        return;
    }
    take_asked(self, answer);
    if (self->granted_count)
        self->call[PUSH].phase = READY;
    else
        rest(self, PUSH, URGENT_MS);
    if (self->flushing && !self->granted_count)
        self->flush_due_ms = stk_desk_now(self->desk) + self->options.flush_ms;
}

static uint32_t batch_max(const struct stk_courier *self, int is_quantity)
{
    const struct stk_plugin_manifest *manifest = &self->desk->manifest;
    uint32_t most = is_quantity ? manifest->push_quantity_max : manifest->push_price_max;
    if (manifest->push_mixed)
        most = manifest->push_quantity_max > manifest->push_price_max ? manifest->push_quantity_max
                                                                      : manifest->push_price_max;
    return least(most, STK_GRANTS_MAX);
}

static void ask_grants(struct stk_courier *self)
{
    struct stk_value values[32];
    struct stk_tree tree = stk_tree(values, 32);
    struct stk_twig map = stk_twig_map(&tree, 4);
    int64_t now_ms = stk_desk_now(self->desk);
    uint32_t limit = batch_max(self, 1) ? batch_max(self, 1) : batch_max(self, 0);
    if (!limit || self->outcomes || now_ms < self->call[PUSH].due_ms)
        return;
    self->flushing = now_ms >= self->flush_due_ms;
    while (limit && !pay(self, PUSH, limit, !self->flushing))
        limit /= 2;
    if (!limit) {
        self->call[PUSH].due_ms = now_ms + URGENT_MS;
        return;
    }
    stk_twig_text(&map, "source", self->desk->instance);
    stk_twig_text(&map, "channel", self->desk->instance);
    stk_twig_int(&map, "limit", limit);
    if (!self->flushing)
        stk_twig_bool(&map, "urgent", 1);
    if (command(self, STK_VERB_CHANNEL_GRANT, &map, granted_by))
        self->call[PUSH].phase = ASKED;
    else
        rest(self, PUSH, URGENT_MS);
}

static int can_push(const struct stk_courier *self, const struct granted *granted)
{
    return granted->kind < STK_PUBLISH_KINDS && granted->write &&
           (self->desk->manifest.published >> (granted->kind + 1)) & 1 &&
           batch_max(self, granted->kind == STK_PUBLISH_QUANTITY);
}

/* The first ones that go together; what cannot go at all is settled first. */
static void choose_batch(struct stk_courier *self)
{
    uint32_t kept = 0, most;
    struct granted batch;
    for (uint32_t i = 0; i < self->granted_count; i++) {
        if (can_push(self, &self->granted[i])) {
            batch = self->granted[kept];
            self->granted[kept++] = self->granted[i];
            self->granted[i] = batch;
        }
    }
    for (uint32_t i = kept; i < self->granted_count; i++)
        settle(self, i, STK_OUTCOME_NOT_SENT, 3600000);
    self->granted_count = kept;
    int is_quantity = kept && self->granted[0].kind == STK_PUBLISH_QUANTITY;
    most = kept ? batch_max(self, is_quantity) : 0;
    self->in_push = 0;
    for (uint32_t i = 0; i < kept && self->in_push < most; i++) {
        if (!self->desk->manifest.push_mixed &&
            (self->granted[i].kind == STK_PUBLISH_QUANTITY) != is_quantity)
            continue;
        batch = self->granted[self->in_push];
        self->granted[self->in_push++] = self->granted[i];
        self->granted[i] = batch;
    }
}

static struct stk_update update_of(struct stk_composer *out, const struct granted *granted)
{
    struct stk_update update = {.grant = granted->number, .value = granted->value};
    update.key.listing = stk_compose_string(out, granted->listing);
    update.key.field = (uint16_t)(granted->kind + 1);
    update.write_kind = granted->write;
    if (granted->write == STK_PUSH_CAS)
        update.expected = granted->expected;
    return update;
}

static void push(struct stk_courier *self)
{
    static _Thread_local struct stk_update updates[STK_GRANTS_MAX];
    struct stk_call_push call = {0};
    struct stk_composer out;
    choose_batch(self);
    if (!self->in_push) {
        tell(self);
        rest(self, PUSH, 0);
        return;
    }
    if (self->again && !pay(self, PUSH, self->in_push, 0)) {
        self->in_push = self->granted_count;
        settle_push(self, NULL, STK_OUTCOME_NOT_SENT, 0);
        rest(self, PUSH, URGENT_MS);
        return;
    }
    self->again = 0;
    stk_compose_init(&out, self->room, STK_MESSAGE_SIZE_MAX);
    stk_compose_begin(&out, sizeof call);
    for (uint32_t i = 0; i < self->in_push; i++)
        updates[i] = update_of(&out, &self->granted[i]);
    head_of(self, PUSH, &call.head, PUSH_MS);
    call.send_before_ms = call.head.deadline_ms - PUSH_MS / 2;
    call.updates = stk_compose_list(&out, updates, sizeof *updates, self->in_push);
    const struct stk_message *message =
        stk_compose_end(&out, &call.head.message, STK_SPACE_CALL, STK_CALL_PUSH, sizeof call);
    if (!give(self, PUSH, message)) {
        self->in_push = self->granted_count;
        settle_push(self, NULL, STK_OUTCOME_NOT_SENT, 0);
        failed(self, PUSH, 0);
        return;
    }
    stk_counter_add(&self->desk->counters.pushes, 1);
    stk_counter_add(&self->desk->counters.sent, self->in_push);
}

/* The push is over: the next batch, or the next grant. */
static void push_over(struct stk_courier *self, int good, uint32_t retry_after_ms)
{
    if (!good && self->granted_count) { /* the others of this grant do not leave now */
        self->in_push = self->granted_count;
        settle_push(self, NULL, STK_OUTCOME_NOT_SENT, retry_after_ms);
    }
    if (!good) {
        failed(self, PUSH, retry_after_ms);
        return;
    }
    self->call[PUSH].failures = 0;
    rest(self, PUSH, retry_after_ms);
    self->again = self->granted_count != 0;
    if (self->granted_count)
        self->call[PUSH].phase = READY;
}

static uint32_t index_of(const struct stk_courier *self, uint64_t grant)
{
    for (uint32_t i = 0; i < self->in_push; i++)
        if (self->granted[i].number == grant)
            return i;
    return STK_NONE;
}

static void push_done(struct stk_courier *self, const struct stk_message *message)
{
    uint8_t settled[STK_GRANTS_MAX] = {0};
    struct stk_done_push done;
    stk_message_read(message, &done, sizeof done);
    for (uint32_t i = 0; i < done.results.count; i++) {
        struct stk_write_outcome outcome;
        stk_message_item(message, done.results, i, &outcome, sizeof outcome);
        uint32_t at = index_of(self, outcome.grant);
        if (at == STK_NONE || settled[at]) {
            stk_counter_add(&self->desk->counters.bad_messages, 1);
            stk_log_limited(STK_LOG_WARN, 1000,
                            "push_done of a grant that was not in the push channel=%s",
                            self->desk->instance);
            continue;
        }
        settled[at] = 1;
        settle(self, at, outcome.outcome, outcome.retry_after_ms);
    }
    int good = done.head.status == STK_OK;
    settle_push(self, settled, !good && done.not_sent ? STK_OUTCOME_NOT_SENT : STK_OUTCOME_UNKNOWN,
                done.head.retry_after_ms);
    push_over(self, good, done.head.retry_after_ms);
}

/* ---- polls ---- */

static void poll(struct stk_courier *self)
{
    struct stk_call_poll call = {.kind = STK_KIND_ORDERS_IN};
    struct stk_composer out;
    if (!pay(self, POLL, 1, 1))
        return;
    stk_compose_init(&out, self->room, STK_MESSAGE_SIZE_MAX);
    stk_compose_begin(&out, sizeof call);
    head_of(self, POLL, &call.head, POLL_MS);
    call.cursor_key = stk_compose_string(&out, CURSOR_KEY);
    call.cursor = stk_compose_text(&out, self->cursor, self->cursor_size);
    if (!self->cursor_size && self->options.since_ms)
        call.since_ms = stk_desk_now(self->desk) - self->options.since_ms;
    if (!give(
            self, POLL,
            stk_compose_end(&out, &call.head.message, STK_SPACE_CALL, STK_CALL_POLL, sizeof call)))
        failed(self, POLL, 0);
    else
        stk_counter_add(&self->desk->counters.polls, 1);
}

static void cursor_known(void *arg, uint64_t number, enum stk_status status,
                         const struct stk_value *answer)
{
    struct stk_courier *self = arg;
    const struct stk_value *value = answer ? stk_value_get(answer, "value") : NULL;
    int32_t size = 0;
    if (number != self->generation)
        return;
    if (status == STK_OK && value && value->type == STK_VALUE_STR)
        size = stk_intake_decode(stk_value_bytes(value), self->cursor, sizeof self->cursor);
    if ((status != STK_OK && status != STK_NOT_FOUND) || size < 0) {
        failed(self, POLL, 0);
        return;
    }
    self->cursor_size = (uint32_t)size;
    self->call[POLL].phase = READY;
}

static void ask_cursor(struct stk_courier *self)
{
    struct stk_value values[16];
    struct stk_tree tree = stk_tree(values, 16);
    struct stk_twig map = stk_twig_map(&tree, 2);
    if (!(self->desk->manifest.kinds & STK_KIND_BIT(ORDERS_IN)) ||
        stk_desk_now(self->desk) < self->call[POLL].due_ms)
        return;
    stk_twig_text(&map, "channel", self->desk->instance);
    stk_twig_text(&map, "key", CURSOR_KEY);
    if (command(self, STK_VERB_CHANNEL_NOTE_GET, &map, cursor_known))
        self->call[POLL].phase = ASKED;
}

static void marked(void *arg, uint64_t number, enum stk_status status,
                   const struct stk_value *answer)
{
    (void)arg, (void)number, (void)status, (void)answer; /* the next poll says it again */
}

/* A complete poll has seen every sale that was made before it began, less the channel's delay. */
static void move_watermark(struct stk_courier *self, int64_t started_ms)
{
    const struct stk_plugin_manifest *manifest = &self->desk->manifest;
    struct stk_value values[16];
    struct stk_tree tree = stk_tree(values, 16);
    struct stk_twig map = stk_twig_map(&tree, 5);
    int64_t now_ms = stk_desk_now(self->desk);
    if (manifest->declares_watermark || manifest->order_delay_ms <= 0 || !started_ms)
        return;
    started_ms = started_ms < now_ms ? started_ms : now_ms;
    if (started_ms <= manifest->order_delay_ms)
        return;
    stk_twig_text(&map, "source", self->desk->instance);
    stk_twig_text(&map, "channel", self->desk->instance);
    stk_twig_text(&map, "key", STK_NOTE_WATERMARK);
    stk_twig_text(&map, "value", "-");
    stk_twig_int(&map, "watermark", started_ms - manifest->order_delay_ms);
    command(self, STK_VERB_CHANNEL_NOTE, &map, marked);
}

static void poll_done(struct stk_courier *self, const struct stk_message *message)
{
    struct stk_done_poll done;
    stk_message_read(message, &done, sizeof done);
    if (done.head.status != STK_OK) {
        stk_counter_add(&self->desk->counters.polls_failed, 1);
        failed(self, POLL, done.head.retry_after_ms);
        return;
    }
    self->call[POLL].failures = 0;
    if (!done.more)
        move_watermark(self, done.started_ms);
    rest(self, POLL, done.more ? (int64_t)done.head.retry_after_ms : self->options.poll_ms);
}

/* ---- read-backs ---- */

static void look(struct stk_courier *self, const struct seen *keys, uint32_t count)
{
    static _Thread_local struct stk_published_key list[STK_GRANTS_MAX];
    struct stk_call_read_back call = {0};
    struct stk_composer out;
    stk_compose_init(&out, self->room, STK_MESSAGE_SIZE_MAX);
    stk_compose_begin(&out, sizeof call);
    memset(list, 0, sizeof list);
    for (uint32_t i = 0; i < count; i++) {
        list[i].listing = stk_compose_string(&out, keys[i].listing);
        list[i].field = (uint16_t)(keys[i].kind + 1);
    }
    self->looked = count;
    head_of(self, LOOK, &call.head, LOOK_MS);
    call.keys = stk_compose_list(&out, list, sizeof *list, count);
    if (!give(self, LOOK,
              stk_compose_end(&out, &call.head.message, STK_SPACE_CALL, STK_CALL_READ_BACK,
                              sizeof call)))
        failed(self, LOOK, 0);
    else
        stk_counter_add(&self->desk->counters.read_backs, 1);
}

static uint32_t look_max(const struct stk_courier *self)
{
    return least(self->desk->manifest.read_back_max, STK_GRANTS_MAX);
}

static void look_sample(struct stk_courier *self, const struct stk_value *rows)
{
    static _Thread_local struct seen keys[STK_GRANTS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < rows->size && count < self->look_limit; i++) {
        text_in(&rows->as.items[i], "listing", keys[count].listing, sizeof keys[count].listing);
        keys[count].kind = STK_PUBLISH_QUANTITY;
        count += keys[count].listing[0] != 0;
    }
    if (count)
        look(self, keys, count);
    else
        rest(self, LOOK, URGENT_MS);
}

static void sampled(void *arg, uint64_t number, enum stk_status status,
                    const struct stk_value *answer)
{
    struct stk_courier *self = arg;
    const struct stk_value *rows = answer ? stk_value_get(answer, "listings") : NULL;
    if (number != self->generation)
        return;
    self->call[LOOK].phase = IDLE;
    if (status != STK_OK || !rows || rows->type != STK_VALUE_ARRAY) {
        failed(self, LOOK, 0);
        return;
    }
    text_in(answer, "next", self->sample_cursor, sizeof self->sample_cursor);
    look_sample(self, rows);
}

static void ask_sample(struct stk_courier *self)
{
    struct stk_value values[16];
    struct stk_tree tree = stk_tree(values, 16);
    struct stk_twig map = stk_twig_map(&tree, 3);
    stk_twig_text(&map, "channel", self->desk->instance);
    stk_twig_text(&map, "cursor", self->sample_cursor);
    stk_twig_int(&map, "limit", least(self->look_limit, STK_PAGE_MAX));
    if (command(self, STK_VERB_LISTING_LIST, &map, sampled))
        self->call[LOOK].phase = ASKED;
    else
        rest(self, LOOK, URGENT_MS);
}

/* What was accepted first, then a sample of all. */
static void look_around(struct stk_courier *self)
{
    static _Thread_local struct seen keys[STK_GRANTS_MAX];
    int64_t now_ms = stk_desk_now(self->desk);
    uint32_t count = 0;
    if (!look_max(self) || now_ms < self->call[LOOK].due_ms)
        return;
    self->look_limit = look_max(self);
    while (self->look_limit && !pay(self, LOOK, self->look_limit, 0))
        self->look_limit /= 2;
    while (self->seen_count && count < self->look_limit &&
           self->seen[self->seen_first].due_ms <= now_ms) {
        keys[count++] = self->seen[self->seen_first];
        self->seen_first = (self->seen_first + 1) % ACCEPTED_MAX;
        self->seen_count--;
    }
    if (count) {
        look(self, keys, count);
    } else if (self->look_limit && now_ms >= self->sample_due_ms) {
        self->sample_due_ms = now_ms + self->options.read_back_ms;
        ask_sample(self);
    } else {
        rest(self, LOOK, URGENT_MS);
    }
}

/* ---- discovery ---- */

static void discover(struct stk_courier *self)
{
    struct stk_call_discover call = {0};
    struct stk_composer out;
    if (!self->discovering || !(self->desk->manifest.kinds & STK_KIND_BIT(DISCOVERY)) ||
        stk_desk_now(self->desk) < self->call[DISCOVER].due_ms || !pay(self, DISCOVER, 1, 0))
        return;
    stk_compose_init(&out, self->room, STK_MESSAGE_SIZE_MAX);
    stk_compose_begin(&out, sizeof call);
    head_of(self, DISCOVER, &call.head, LOOK_MS);
    call.cursor = stk_compose_text(&out, self->page, self->page_size);
    if (!give(self, DISCOVER,
              stk_compose_end(&out, &call.head.message, STK_SPACE_CALL, STK_CALL_DISCOVER,
                              sizeof call)))
        failed(self, DISCOVER, 0);
}

static void discover_done(struct stk_courier *self, const struct stk_message *message)
{
    struct stk_done_discover done;
    stk_message_read(message, &done, sizeof done);
    if (done.head.status != STK_OK) {
        failed(self, DISCOVER, done.head.retry_after_ms);
        return;
    }
    struct stk_bytes page = stk_message_text(message, done.cursor);
    self->call[DISCOVER].failures = 0;
    stk_counter_add(&self->desk->counters.discovered, done.listing_count);
    self->page_size = page.size;
    if (page.size)
        memcpy(self->page, page.data, page.size);
    self->discovering = page.size != 0;
    rest(self, DISCOVER, done.head.retry_after_ms);
}

static void look_done(struct stk_courier *self, const struct stk_message *message)
{
    const struct stk_done_head *head = (const void *)message;
    if (head->status != STK_OK) {
        failed(self, LOOK, head->retry_after_ms);
        return;
    }
    self->call[LOOK].failures = 0;
    rest(self, LOOK, head->retry_after_ms);
}

/* ---- what calls cost ---- */

static void paid_off(struct stk_courier *self, enum work work, enum stk_status status,
                     uint32_t retry_after_ms)
{
    struct call *call = &self->call[work];
    uint32_t items = work == PUSH ? self->in_push : work == LOOK ? self->looked : 1;
    if (self->purse.manifest && call->phase == OPEN)
        stk_purse_done(&self->purse, &call->paid, items, status, retry_after_ms,
                       stk_desk_now(self->desk));
}

static void learn(struct stk_courier *self, const struct stk_message *message, enum work work)
{
    struct stk_done_head head;
    struct stk_budget budget;
    stk_message_read(message, &head, sizeof head);
    paid_off(self, work, (enum stk_status)head.status, head.retry_after_ms);
    for (uint32_t i = 0; i < head.budgets.count; i++) {
        stk_message_item(message, head.budgets, i, &budget, sizeof budget);
        stk_purse_learn(&self->purse, stk_message_text(message, budget.bucket), &budget,
                        stk_desk_now(self->desk));
    }
}

/* ---- life ---- */

void stk_courier_begin(struct stk_courier *self)
{
    struct stk_error err = {0};
    self->active = 1;
    self->draining = 0;
    self->generation++;
    self->flush_due_ms = 0;
    self->sample_due_ms = 0;
    memset(self->call, 0, sizeof self->call);
    if (!self->purse.manifest && stk_purse_init(&self->purse, &self->desk->manifest, self->random,
                                                stk_desk_now(self->desk), &err) != STK_OK) {
        self->active = 0; /* no call rather than one too many */
        stk_log(STK_LOG_ERROR, "its budgets cannot be kept: %s channel=%s", err.text,
                self->desk->instance);
    }
}

int stk_courier_drain(struct stk_courier *self)
{
    int open = self->outcomes != 0;
    self->draining = 1;
    for (int i = 0; i < WORKS; i++)
        open |= self->call[i].phase == OPEN || (i == PUSH && self->call[i].phase == ASKED);
    if (self->call[PUSH].phase == READY) {
        self->in_push = self->granted_count;
        settle_push(self, NULL, STK_OUTCOME_NOT_SENT, 0);
        self->call[PUSH].phase = IDLE;
        open = 1;
    }
    return open;
}

void stk_courier_drop(struct stk_courier *self)
{
    self->active = 0;
    self->generation++;
    if (self->call[PUSH].phase == OPEN)
        settle_push(self, NULL, STK_OUTCOME_UNKNOWN, 0);
    if (self->call[PUSH].phase != ASKED) { /* else granted_by gives them back */
        self->in_push = self->granted_count;
        settle_push(self, NULL, STK_OUTCOME_NOT_SENT, 0);
    }
    for (int i = 0; i < WORKS; i++) {
        paid_off(self, (enum work)i, STK_TIMEOUT, 0);
        stk_purse_give_back(&self->purse, &self->call[i].paid, stk_desk_now(self->desk));
    }
    memset(self->call, 0, sizeof self->call);
}

static void over(struct stk_courier *self, enum work work)
{
    stk_log_limited(STK_LOG_WARN, 1000, "a call was not answered in time channel=%s kind=%d",
                    self->desk->instance, (int)work);
    paid_off(self, work, STK_TIMEOUT, 0);
    if (work == PUSH) {
        settle_push(self, NULL, STK_OUTCOME_UNKNOWN, 0);
        push_over(self, 0, 0);
    } else {
        failed(self, work, 0);
    }
}

void stk_courier_tick(struct stk_courier *self)
{
    int64_t now_ms = stk_desk_now(self->desk);
    tell(self);
    if (!self->active)
        return;
    for (int i = 0; i < WORKS; i++)
        if (self->call[i].phase == OPEN && now_ms > self->call[i].deadline_ms)
            over(self, (enum work)i);
    if (self->draining)
        return;
    if (self->call[PUSH].phase == IDLE)
        ask_grants(self);
    if (self->call[PUSH].phase == READY && !self->outcomes)
        push(self);
    if (self->call[POLL].phase == IDLE)
        ask_cursor(self);
    if (self->call[POLL].phase == READY)
        poll(self);
    if (self->call[LOOK].phase == IDLE)
        look_around(self);
    if (self->call[DISCOVER].phase == IDLE)
        discover(self);
}

/* An answer after the deadline: what it proves is taken, grant by grant. */
static void late(struct stk_courier *self, const struct stk_message *message)
{
    struct stk_done_push done;
    if (message->type != STK_CALL_PUSH)
        return;
    stk_message_read(message, &done, sizeof done);
    for (uint32_t i = 0; i < done.results.count && self->outcomes < STK_GRANTS_MAX / 2; i++) {
        struct stk_write_outcome outcome;
        stk_message_item(message, done.results, i, &outcome, sizeof outcome);
        if (outcome.outcome == STK_OUTCOME_APPLIED || outcome.outcome == STK_OUTCOME_ACCEPTED)
            self->outcome[self->outcomes++] =
                (struct outcome){.grant = outcome.grant, .outcome = outcome.outcome};
    }
}

void stk_courier_done(struct stk_courier *self, const struct stk_message *message)
{
    static void (*const takers[])(struct stk_courier * self, const struct stk_message *message) = {
        push_done, poll_done, look_done, discover_done};
    static const uint16_t types[] = {STK_CALL_PUSH, STK_CALL_POLL, STK_CALL_READ_BACK,
                                     STK_CALL_DISCOVER};
    const struct stk_done_head *head = (const void *)message;
    for (int i = 0; i < WORKS; i++)
        if (self->call[i].phase == OPEN && self->call[i].number == head->call &&
            types[i] == message->type) {
            learn(self, message, (enum work)i);
            takers[i](self, message);
            return;
        }
    late(self, message);
}

void stk_courier_refused(struct stk_courier *self, uint64_t call, enum stk_status status)
{
    for (int i = 0; i < WORKS; i++) {
        if (self->call[i].phase != OPEN || self->call[i].number != call)
            continue;
        if (i == PUSH)
            settle_push(self, NULL, STK_OUTCOME_NOT_SENT, 0);
        if (i == PUSH)
            push_over(self, 0, 0);
        else
            failed(self, (enum work)i, 0);
        if (status != STK_BUSY)
            stk_log_limited(STK_LOG_WARN, 1000,
                            "plugin refused a call channel=%s kind=%d status=%s",
                            self->desk->instance, i, stk_status_name((int)status));
    }
}
