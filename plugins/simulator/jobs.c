/* Jobs: what is asked of the market, becomes events, and is submitted. A poll is one page: the host
 * has paid for one call, and asks for the next page when it can pay again. */
#include "plugins/simulator/instance.h"
#include <stdio.h>

/* ---- the end of a job ---- */

static struct stk_done_head done_head(struct stk_composer *out, const struct instance *instance,
                                      const struct job *job, stk_status_t status,
                                      const struct market_answer *answer)
{
    struct stk_done_head head = {.call = job->call, .status = status};
    if (answer) {
        head.budgets = compose_budgets(out, instance, answer);
        head.retry_after_ms = (uint32_t)world_span_ms(instance->world, answer->retry_after_ms);
    }
    return head;
}

static void poll_done(struct stk_composer *out, struct instance *instance, struct job *job,
                      stk_status_t status, const struct market_answer *answer)
{
    const struct stk_host_feed *feed =
        job->kind == JOB_ORDERS ? instance->orders : instance->offers;
    struct stk_done_poll done = {.started_ms = world_wall_ms(instance->world, job->started_ms),
                                 .event_count = job->count,
                                 .more = status == STK_OK && job->more};
    const struct stk_message *message;

    stk_compose_begin(out, sizeof(done));
    done.head = done_head(out, instance, job, status, answer);
    message = stk_compose_end(out, &done.head.message, STK_SPACE_DONE, STK_CALL_POLL, sizeof(done));
    if (message)
        feed->poll_done(instance->host, (const struct stk_done_poll *)(const void *)message);
}

static void discover_done(struct stk_composer *out, struct instance *instance, struct job *job,
                          stk_status_t status, const struct market_answer *answer)
{
    struct stk_done_discover done = {.total = STK_ABSENT, .listing_count = job->count};
    const struct stk_message *message;
    char cursor[24];

    stk_compose_begin(out, sizeof(done));
    done.head = done_head(out, instance, job, status, answer);
    if (status == STK_OK && job->more) {
        snprintf(cursor, sizeof(cursor), "%llu", (unsigned long long)job->cursor);
        done.cursor = stk_compose_string(out, cursor);
    }
    message =
        stk_compose_end(out, &done.head.message, STK_SPACE_DONE, STK_CALL_DISCOVER, sizeof(done));
    if (message)
        instance->discovery->discover_done(instance->host,
                                           (const struct stk_done_discover *)(const void *)message);
}

static void read_done(struct stk_composer *out, struct instance *instance, struct job *job,
                      stk_status_t status, const struct market_answer *answer)
{
    struct stk_done_read_back done = {.observed_count = status == STK_OK ? job->count : 0};
    const struct stk_message *message;

    stk_compose_begin(out, sizeof(done));
    done.head = done_head(out, instance, job, status, answer);
    message =
        stk_compose_end(out, &done.head.message, STK_SPACE_DONE, STK_CALL_READ_BACK, sizeof(done));
    if (message)
        instance->updates->read_back_done(instance->host,
                                          (const struct stk_done_read_back *)(const void *)message);
}

/* The job is over; who asked for it is told. answer may be NULL. */
void jobs_done(struct instance *instance, struct job *job, stk_status_t status,
               const struct market_answer *answer)
{
    struct stk_composer out;
    uint64_t room[256];

    stk_compose_init(&out, room, sizeof(room));
    job->state = JOB_IDLE;
    switch (job->kind) {
    case JOB_ORDERS:
    case JOB_OFFERS:
        poll_done(&out, instance, job, status, answer);
        break;
    case JOB_DISCOVER:
        discover_done(&out, instance, job, status, answer);
        break;
    case JOB_READ:
        read_done(&out, instance, job, status, answer);
        break;
    case JOB_REPORT: /* nobody has asked */
    case JOB_HOOKS:
    case JOBS:
        break;
    }
    job->call = 0;
}

void jobs_cancel(struct instance *instance)
{
    for (int i = 0; i < JOBS; i++) {
        struct job *job = &instance->job[i];
        if (job->state != JOB_IDLE)
            jobs_done(instance, job, STK_CANCELLED, NULL);
    }
}

/* ---- from the market's answer to a submit ---- */

static uint32_t put_orders(struct stk_composer *out, struct instance *instance,
                           struct market *market, const struct market_answer *answer)
{
    for (uint32_t i = 0; i < answer->count; i++)
        compose_order_event(out, instance, market, &answer->events[i], market_now(market));
    return answer->count;
}

static uint32_t put_offers(struct stk_composer *out, struct instance *instance,
                           struct market *market, const struct market_answer *answer)
{
    uint32_t listings = 0, first = 0;
    for (uint32_t i = 1; i <= answer->count; i++) {
        if (i < answer->count && answer->offers[i].listing == answer->offers[first].listing)
            continue;
        compose_offers(out, instance, market, &answer->offers[first], i - first, answer->sent_ms);
        first = i;
        listings++;
    }
    return listings;
}

/* One observation for each key that was asked for: several keys may be of one listing. */
static uint32_t put_readings(struct stk_composer *out, struct instance *instance,
                             struct market *market, const struct market_answer *answer)
{
    for (uint32_t i = 0; i < answer->count; i++)
        compose_reading(out, instance, market, &answer->readings[i], &instance->keys[i],
                        answer->sent_ms);
    return answer->count;
}

static uint32_t put_report(struct stk_composer *out, struct instance *instance,
                           struct market *market, const struct market_answer *answer)
{
    struct report *report = report_find(instance, instance->job[JOB_REPORT].market_call);
    uint32_t count = 0;

    for (uint32_t i = 0; report && i < answer->count && i < report->count; i++) {
        struct stk_event_write write = {0};
        stk_compose_begin(out, sizeof(write));
        write.outcome = outcome_of(out, instance, &report->item[i], &answer->results[i],
                                   report->sent_ms, market_now(market));
        stk_compose_end(out, &write.message, STK_SPACE_EVENT, STK_EVENT_WRITE, sizeof(write));
        count++;
    }
    return count;
}

static uint32_t put_events(struct stk_composer *out, struct instance *instance, struct job *job,
                           struct market *market, const struct market_answer *answer)
{
    switch (job->kind) {
    case JOB_ORDERS:
        return put_orders(out, instance, market, answer);
    case JOB_OFFERS:
        return put_offers(out, instance, market, answer);
    case JOB_DISCOVER:
        for (uint32_t i = 0; i < answer->count; i++)
            compose_listing(out, instance, &answer->cards[i], answer->sent_ms);
        return answer->count;
    case JOB_READ:
        return put_readings(out, instance, market, answer);
    case JOB_REPORT:
        return put_report(out, instance, market, answer);
    case JOB_HOOKS:
    case JOBS:
        break;
    }
    return 0;
}

/* What a last page proves: all that had shown when it was asked for has been submitted. */
static int64_t watermark(struct instance *instance, const struct job *job)
{
    static const int64_t late_ms[] = {
        [MARKET_SET] = SIMULATOR_SET_L,
        [MARKET_ADJUST] = SIMULATOR_ADJUST_L,
        [MARKET_CAS] = SIMULATOR_CAS_L,
        [MARKET_SHOP] = SIMULATOR_SHOP_L,
    };
    int64_t at_ms =
        world_wall_ms(instance->world, job->started_ms - late_ms[instance->wanted.kind]);
    if (job->more || instance->blind || at_ms <= instance->watermark_ms)
        return 0;
    return at_ms;
}

/* Wrap what was put since `mark` as a submit. */
static void wrap(struct instance *instance, struct job *job, struct stk_composer *out,
                 uint32_t mark, uint32_t count)
{
    struct stk_ask_submit ask = {.head = {.call = ++instance->ask_next}, .poll = job->call};
    char cursor[48];

    ask.events = stk_compose_nested(out, mark, count);
    if (job->kind == JOB_ORDERS || job->kind == JOB_OFFERS) {
        snprintf(cursor, sizeof(cursor), "%llX-%llu",
                 (unsigned long long)world_birth(instance->world), (unsigned long long)job->cursor);
        ask.cursor_key = stk_compose_string(out, job->cursor_key);
        ask.cursor_value = stk_compose_string(out, cursor);
    } else {
        ask.poll = 0;
    }
    if (job->kind == JOB_ORDERS)
        ask.watermark_ms = watermark(instance, job);
    job->ask = (const struct stk_ask_submit *)(const void *)stk_compose_end(
        out, &ask.head.message, STK_SPACE_ASK, STK_ASK_SUBMIT, sizeof(ask));
    job->state = JOB_COMPOSED;
    if (ask.watermark_ms)
        instance->watermark_ms = ask.watermark_ms;
    if (!job->ask) {
        instance_say(instance, STK_SEVERITY_ERROR, "%u events did not fit into a message", count);
        jobs_done(instance, job, STK_INTERNAL, NULL);
    }
}

static void compose(struct instance *instance, struct job *job, struct market *market,
                    const struct market_answer *answer)
{
    struct stk_composer out;
    uint32_t mark, count;

    stk_compose_init(&out, job->room, JOB_ROOM);
    stk_compose_begin(&out, sizeof(struct stk_ask_submit));
    mark = out.used;
    count = put_events(&out, instance, job, market, answer);
    job->count += count;
    wrap(instance, job, &out, mark, count);
}

static void report_answer(struct instance *instance, struct job *job, struct market *market,
                          const struct market_answer *answer)
{
    struct report *report = report_find(instance, job->market_call);

    job->state = JOB_IDLE;
    if (answer->status == MARKET_NOT_FOUND && report)
        report->market_call = 0; /* forgotten by the channel: the host counts on its bounds */
    if (answer->status != MARKET_OK || answer->pending || !report)
        return;
    compose(instance, job, market, answer);
    report->market_call = 0;
}

void jobs_answer(struct instance *instance, struct market *market,
                 const struct market_answer *answer)
{
    static const enum job_kind kinds[MARKET_ENDPOINTS] = {[MARKET_ORDERS] = JOB_ORDERS,
                                                          [MARKET_REPORT] = JOB_REPORT,
                                                          [MARKET_READ] = JOB_READ,
                                                          [MARKET_DISCOVER] = JOB_DISCOVER,
                                                          [MARKET_OFFERS] = JOB_OFFERS};
    struct job *job = &instance->job[kinds[answer->endpoint]];

    if (job->state != JOB_ASKED)
        return;
    if (job->kind == JOB_REPORT) {
        report_answer(instance, job, market, answer);
        return;
    }
    if (answer->status == MARKET_GONE) {
        instance_say(instance, STK_SEVERITY_ERROR,
                     "orders before %llu are no longer to be had: polled too late",
                     (unsigned long long)answer->cursor);
        job->cursor = answer->cursor;
        job->state = JOB_WANTED;
        instance->blind = 1;
        return;
    }
    if (answer->status != MARKET_OK) {
        jobs_done(instance, job, status_of(answer), answer);
        return;
    }
    job->cursor = answer->cursor;
    job->more = answer->more && !(job->kind == JOB_OFFERS && job->listing_count);
    compose(instance, job, market, answer);
}

/* ---- webhooks: hints, submitted beside the polls ---- */

static void hooks_turn(struct instance *instance, struct market *market)
{
    struct job *job = &instance->job[JOB_HOOKS];
    struct market_event event;
    struct stk_composer out;
    uint32_t mark, count = 0;

    if (job->state != JOB_IDLE)
        return;
    stk_compose_init(&out, job->room, JOB_ROOM);
    stk_compose_begin(&out, sizeof(struct stk_ask_submit));
    mark = out.used;
    while (count < SIMULATOR_PAGE && market_hook(market, instance->channel, &event)) {
        if (!instance->hooks)
            continue;
        compose_order_event(&out, instance, market, &event, market_now(market));
        count++;
    }
    if (count)
        wrap(instance, job, &out, mark, count);
}

/* ---- a turn ---- */

static void ask_market(struct instance *instance, struct job *job, struct market *market)
{
    uint64_t call = 0;

    switch (job->kind) {
    case JOB_ORDERS:
        call = market_orders_poll(market, instance->channel, job->cursor, 0);
        break;
    case JOB_OFFERS:
        call = job->listing_count
                   ? market_offers_of(market, instance->channel, job->listings, job->listing_count)
                   : market_offers(market, instance->channel, job->cursor, 0);
        break;
    case JOB_DISCOVER:
        call = market_discover(market, instance->channel, job->cursor, 0);
        break;
    case JOB_READ:
        call = market_read_back(market, instance->channel, job->listings, job->listing_count);
        break;
    case JOB_REPORT:
    case JOB_HOOKS:
    case JOBS:
        break;
    }
    if (!call)
        return; /* too many under way: the next turn */
    job->started_ms = market_now(market);
    job->market_call = call;
    job->state = JOB_ASKED;
}

static void report_turn(struct instance *instance, struct market *market)
{
    struct job *job = &instance->job[JOB_REPORT];
    struct report *report;

    if (job->state != JOB_IDLE)
        return;
    report = report_due(instance, market_now(market));
    if (report && market_report(market, instance->channel, report->market_call)) {
        job->market_call = report->market_call;
        job->state = JOB_ASKED;
    }
}

static void submit(struct instance *instance, struct job *job)
{
    stk_status_t status = instance->submit->submit(instance->host, job->ask);

    if (status == STK_OK) {
        job->state = JOB_SUBMITTED;
    } else if (status != STK_BUSY) {
        if (status != STK_UNKNOWN) /* this host does not take such events: no fault of anybody's */
            instance_say(instance, STK_SEVERITY_ERROR, "submit: %s", stk_status_text(status));
        jobs_done(instance, job, status, NULL);
    }
}

void jobs_turn(struct instance *instance)
{
    struct market *market = instance_lock(instance);

    for (int i = 0; i < JOBS; i++) {
        if (instance->job[i].state == JOB_WANTED)
            ask_market(instance, &instance->job[i], market);
    }
    report_turn(instance, market);
    hooks_turn(instance, market);
    world_unlock(instance->world);
    for (int i = 0; i < JOBS; i++) {
        if (instance->job[i].state == JOB_COMPOSED)
            submit(instance, &instance->job[i]);
    }
}

/* ---- the host: durable, or not ---- */

static void submit_done(const struct stk_plugin *plugin, const struct stk_reply_submit *reply)
{
    struct instance *instance = instance_of(plugin);
    struct job *job = NULL;

    for (int i = 0; i < JOBS; i++) {
        if (instance->job[i].state == JOB_SUBMITTED &&
            instance->job[i].ask->head.call == reply->head.call)
            job = &instance->job[i];
    }
    if (!job)
        return;
    switch (reply->head.status) {
    case STK_OK:
        jobs_done(instance, job, STK_OK, NULL);
        break;
    case STK_BUSY:
    case STK_FULL:
    case STK_NO_SPACE:
        job->state = JOB_COMPOSED; /* the same again, with the next turn */
        break;
    default:
        instance_say(instance, STK_SEVERITY_ERROR, "event %u of a submit: %s", reply->bad_index,
                     stk_status_text(reply->head.status));
        jobs_done(instance, job, reply->head.status, NULL);
        break;
    }
}
const struct stk_plugin_submit simulator_submit = {submit_done};
