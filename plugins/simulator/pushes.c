/* Writes out: a push of the host becomes a push at the market and is answered item by item; where
 * the proof comes in a report, the grants wait here for it. The market of a child process dies
 * with it, so nothing of this has to outlive a restart. */
#include "plugins/simulator/instance.h"
#include <string.h>

/* ---- answering ---- */

static struct stk_write_outcome plain_outcome(const struct instance *instance,
                                              const struct push *push, const struct pushed *item,
                                              uint16_t outcome)
{
    struct stk_write_outcome result = {
        .grant = item->grant, .outcome = outcome, .counter = STK_ABSENT};
    if (item->is_sent)
        result.sent_at_ms = world_wall_ms(instance->world, push->sent_ms);
    return result;
}

/* What a whole answer means for each of its items: STK_OUTCOME_*, or 0: see its results. */
static uint16_t outcome_of_all(const struct market_answer *answer)
{
    if (!answer || answer->status == MARKET_UNKNOWN)
        return STK_OUTCOME_UNKNOWN;
    if (answer->status == MARKET_OK)
        return 0;
    return answer->status == MARKET_TOO_LARGE ? STK_OUTCOME_REFUSED : STK_OUTCOME_RETRY;
}

/* answer NULL: the instance stops, and what has been sent may or may not land. */
static void push_done(struct instance *instance, struct push *push,
                      const struct market_answer *answer, stk_status_t status, int64_t now_ms)
{
    uint64_t room[4096];
    struct stk_write_outcome outcomes[SIMULATOR_BATCH];
    struct stk_done_push done = {.head = {.call = push->call, .status = status}};
    uint16_t all = outcome_of_all(answer);
    const struct stk_message *message;
    struct stk_composer out;
    uint32_t sent = 0;

    stk_compose_init(&out, room, sizeof(room));
    stk_compose_begin(&out, sizeof(done));
    for (uint32_t i = 0; i < push->count; i++) {
        const struct pushed *item = &push->item[i];
        if (!item->is_sent)
            outcomes[i] = plain_outcome(instance, push, item, item->outcome);
        else if (all)
            outcomes[i] = plain_outcome(instance, push, item, all);
        else
            outcomes[i] =
                outcome_of(&out, instance, item, &answer->results[sent], push->sent_ms, now_ms);
        if (all == STK_OUTCOME_RETRY && item->is_sent)
            outcomes[i].retry_after_ms =
                (uint32_t)world_span_ms(instance->world, answer->retry_after_ms);
        if (!item->is_quantity)
            outcomes[i].counter = STK_ABSENT;
        sent += item->is_sent;
    }
    done.results = stk_compose_list(&out, outcomes, sizeof(*outcomes), push->count);
    done.head.budgets = compose_budgets(&out, instance, answer);
    message =
        stk_compose_end(&out, &done.head.message, STK_SPACE_DONE, STK_CALL_PUSH, sizeof(done));
    push->call = 0;
    if (message)
        instance->updates->push_done(instance->host,
                                     (const struct stk_done_push *)(const void *)message);
}

/* ---- reports ---- */

struct report *report_find(struct instance *instance, uint64_t market_call)
{
    for (uint32_t i = 0; market_call && i < REPORTS_MAX; i++) {
        if (instance->reports[i].market_call == market_call)
            return &instance->reports[i];
    }
    return NULL;
}

/* Each is asked for a minute after its push, and again each minute; one at a time, and not more
 * often than the market's quota lets us. */
struct report *report_due(struct instance *instance, int64_t now_ms)
{
    struct report *first = NULL;
    int64_t speed = instance->wanted.speed;

    if (now_ms < instance->report_next_ms)
        return NULL;
    for (uint32_t i = 0; i < REPORTS_MAX; i++) {
        struct report *report = &instance->reports[i];
        if (report->market_call && report->ask_ms <= now_ms &&
            (!first || report->ask_ms < first->ask_ms))
            first = report;
    }
    if (!first)
        return NULL;
    first->ask_ms = now_ms + 60000;
    instance->report_next_ms = now_ms + REPORT_GAP_MS * speed;
    return first;
}

/* Keep the grants that are accepted, in the order of the results: for its report. */
static void report_keep(struct instance *instance, const struct push *push)
{
    struct report *place = &instance->reports[0];

    for (uint32_t i = 0; i < REPORTS_MAX; i++) {
        struct report *report = &instance->reports[i];
        if (!report->market_call || (place->market_call && report->sent_ms < place->sent_ms))
            place = report;
        if (!report->market_call)
            break;
    }
    if (place->market_call)
        instance_say(instance, STK_SEVERITY_WARNING, "more than %d reports wait: one is given up",
                     REPORTS_MAX);
    *place = (struct report){.market_call = push->market_call,
                             .sent_ms = push->sent_ms,
                             .ask_ms = push->sent_ms + 60000};
    for (uint32_t i = 0; i < push->count; i++) {
        if (push->item[i].is_sent)
            place->item[place->count++] = push->item[i];
    }
}

/* Some of it is to be proven by a report. */
static int is_accepted(const struct market_answer *answer)
{
    for (uint32_t i = 0; answer->status == MARKET_OK && i < answer->count; i++) {
        if (answer->results[i].outcome == MARKET_ACCEPTED)
            return 1;
    }
    return 0;
}

void pushes_answer(struct instance *instance, const struct market_answer *answer)
{
    struct market *market;
    int64_t now_ms;

    for (int i = 0; i < PUSHES_MAX; i++) {
        struct push *push = &instance->push[i];
        if (!push->call || push->market_call != answer->call)
            continue;
        market = instance_lock(instance);
        now_ms = market_now(market);
        world_unlock(instance->world);
        if (is_accepted(answer))
            report_keep(instance, push);
        push_done(instance, push, answer, STK_OK, now_ms);
        return;
    }
}

void pushes_cancel(struct instance *instance)
{
    for (int i = 0; i < PUSHES_MAX; i++) {
        if (instance->push[i].call)
            push_done(instance, &instance->push[i], NULL, STK_CANCELLED, 0);
    }
}

/* ---- sending ---- */

/* 0, or the outcome of what cannot be sent. */
static uint16_t update_of(const struct instance *instance, struct market *market,
                          const void *message, const struct stk_update *update,
                          struct market_update *out)
{
    uint32_t listing =
        instance_listing(instance, market, stk_message_text(message, update->key.listing));

    if (listing == STK_NONE)
        return STK_OUTCOME_NO_LISTING;
    *out = (struct market_update){.listing = listing,
                                  .value = update->value,
                                  .expect = update->expected,
                                  .token = update->grant};
    switch (update->key.field) {
    case STK_PUBLISHED_QUANTITY:
        out->field = MARKET_QUANTITY;
        out->how = update->write_kind == STK_PUSH_CAS      ? MARKET_HOW_CAS
                   : update->write_kind == STK_PUSH_ADJUST ? MARKET_HOW_ADJUST
                                                           : MARKET_HOW_SET;
        return 0;
    case STK_PUBLISHED_PRICE:
        out->field = MARKET_PRICE;
        return 0;
    case STK_PUBLISHED_ACTIVE:
        out->field = MARKET_ACTIVE;
        return 0;
    default:
        return STK_OUTCOME_REFUSED;
    }
}

static struct push *push_free(struct instance *instance)
{
    for (int i = 0; i < PUSHES_MAX; i++) {
        if (!instance->push[i].call)
            return &instance->push[i];
    }
    return NULL;
}

static void push_fill(const struct instance *instance, struct market *market,
                      const struct stk_call_push *message, const struct stk_call_push *call,
                      struct push *push, struct market_update *updates)
{
    for (uint32_t i = 0; i < call->updates.count; i++) {
        struct pushed *item = &push->item[push->count++];
        struct stk_update update;
        stk_message_item(message, call->updates, i, &update, sizeof(update));
        *item = (struct pushed){.grant = update.grant,
                                .is_quantity = update.key.field == STK_PUBLISHED_QUANTITY};
        item->outcome = update_of(instance, market, message, &update, &updates[push->sent_count]);
        item->is_sent = !item->outcome;
        push->sent_count += item->is_sent;
    }
}

static stk_status_t push(const struct stk_plugin *plugin, const struct stk_call_push *message)
{
    struct instance *instance = instance_of(plugin);
    struct market_update updates[SIMULATOR_BATCH];
    struct push *free_push = push_free(instance);
    struct stk_call_push call;
    struct market *market;

    stk_message_read(message, &call, sizeof(call));
    if (!call.updates.count || call.updates.count > SIMULATOR_BATCH)
        return STK_TOO_LARGE;
    if (!free_push || !instance->active)
        return STK_BUSY;
    *free_push = (struct push){.call = call.head.call};
    market = instance_lock(instance);
    push_fill(instance, market, message, &call, free_push, updates);
    free_push->sent_ms = market_now(market);
    if (free_push->sent_count)
        free_push->market_call =
            market_push(market, instance->channel, updates, free_push->sent_count);
    world_unlock(instance->world);
    if (!free_push->sent_count) { /* the timer answers: not before this call has returned */
        free_push->market_call = 0;
        return STK_OK;
    }
    if (!free_push->market_call) {
        free_push->call = 0;
        return STK_BUSY;
    }
    return STK_OK;
}

/* Those of which nothing could be sent. */
void pushes_turn(struct instance *instance)
{
    static const struct market_answer nothing = {.status = MARKET_OK, .limit = -1};
    for (int i = 0; i < PUSHES_MAX; i++) {
        if (instance->push[i].call && !instance->push[i].market_call)
            push_done(instance, &instance->push[i], &nothing, STK_OK, 0);
    }
}

const struct stk_plugin_listing_updates simulator_updates = {push, simulator_read_back};
