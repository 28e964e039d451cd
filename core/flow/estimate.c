/* A budget in virtual time. One instant after the other: what ended, what arrived, whether a flush
 * is due, other calls, then updates for as long as the throttle lets them; then time jumps to the
 * next instant at which any of that can differ. Always true: sent + waiting = arrived, less what
 * found its listing waiting already; now_ms never goes back. */
#include "core/flow/estimate.h"
#include <stddef.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)

static enum stk_status input_check(const struct stk_estimate_input *input,
                                   const struct stk_throttle *throttle, struct stk_error *err)
{
    uint64_t cost = input->call_cost + (uint64_t)input->batch * input->key_cost, most;
    if (input->leaf >= throttle->bucket_count || !input->batch || !cost || input->call_ms < 0 ||
        input->flush_ms < 0 || input->horizon_ms < STK_ESTIMATE_PARTS ||
        input->horizon_ms > STK_PERIOD_MS_MAX || input->call_ms > STK_PERIOD_MS_MAX ||
        input->flush_ms > STK_PERIOD_MS_MAX || input->other_count > STK_ESTIMATE_OTHERS_MAX)
        return stk_error_set(err, STK_INVALID, "estimate: an input is out of range");
    for (uint32_t i = 0; i < input->other_count; i++) {
        const struct stk_estimate_other *other = &input->other[i];
        if (other->leaf >= throttle->bucket_count || !other->cost || other->every_ms < 1 ||
            other->every_ms > STK_PERIOD_MS_MAX)
            return stk_error_set(err, STK_INVALID, "estimate: other calls are out of range");
        if (other->cost > stk_throttle_cost_max(throttle, other->leaf))
            return stk_error_set(err, STK_TOO_LARGE, "estimate: other calls never pass");
    }
    most = stk_throttle_cost_max(throttle, input->leaf);
    if (cost > most)
        return stk_error_set(err, STK_TOO_LARGE,
                             "estimate: a call of %u keys costs %llu, the budget has %llu",
                             input->batch, (unsigned long long)cost, (unsigned long long)most);
    return STK_OK;
}

/* Does nothing on the way up hold a call back? Then no budget can be counted. */
static int is_unlimited(const struct stk_throttle *throttle, const struct stk_estimate_input *input)
{
    for (uint32_t i = input->leaf; i != STK_BUCKET_NONE; i = throttle->bucket[i].config.parent) {
        const struct stk_bucket_config *config = &throttle->bucket[i].config;
        if (config->rate.tokens || (config->calls_max && input->call_ms))
            return 0;
        for (int w = 0; w < STK_BUCKET_WINDOWS_MAX; w++) {
            if (config->window[w].kind != STK_WINDOW_NONE)
                return 0;
        }
    }
    return 1;
}

static uint64_t keys_of_phase(const struct stk_estimate *estimate, int class)
{
    switch (estimate->phase) {
    case STK_ESTIMATE_SYNC:
        return class == STK_CLASS_REST ? estimate->input.listings : 0;
    case STK_ESTIMATE_DAY:
        return estimate->input.waiting[class];
    default: /* more than any budget */
        return class == STK_CLASS_REST ? UINT32_MAX : 0;
    }
}

static void phase_begin(struct stk_estimate *estimate, enum stk_estimate_phase phase)
{
    estimate->phase = phase;
    estimate->throttle = estimate->origin;
    estimate->now_ms = estimate->start_ms;
    estimate->end_ms =
        estimate->start_ms +
        (phase == STK_ESTIMATE_SYNC ? STK_PERIOD_MS_MAX : estimate->input.horizon_ms);
    estimate->due = 0;
    estimate->first = estimate->under_way = 0;
    estimate->flush_ms = estimate->start_ms;
    for (int i = 0; i < STK_CLASSES; i++) {
        estimate->arrived[i] = keys_of_phase(estimate, i);
        estimate->waiting[i] = (uint32_t)estimate->arrived[i];
        estimate->sent[i] = 0;
    }
    for (uint32_t i = 0; i < estimate->input.other_count; i++)
        estimate->other_ms[i] = estimate->start_ms + estimate->input.other[i].every_ms;
}

enum stk_status stk_estimate_init(struct stk_estimate *estimate,
                                  const struct stk_throttle *throttle,
                                  const struct stk_estimate_input *input, stk_time_t now_ms,
                                  struct stk_error *err)
{
    enum stk_status status = input_check(input, throttle, err);
    if (status != STK_OK)
        return status;
    memset(estimate, 0, offsetof(struct stk_estimate, origin));
    estimate->input = *input;
    estimate->origin = *throttle;
    stk_throttle_advance(&estimate->origin, now_ms);
    estimate->start_ms = estimate->origin.pace.now_ms;
    estimate->unlimited = is_unlimited(throttle, input);
    for (uint32_t i = 0; i < throttle->bucket_count; i++) {
        struct stk_bucket *bucket = &estimate->origin.bucket[i];
        estimate->tracks |= bucket->config.calls_max || bucket->fails;
        bucket->calls = bucket->calls_urgent = 0; /* those of now end soon */
        bucket->cost_under_way = 0;
    }
    phase_begin(estimate, STK_ESTIMATE_SYNC);
    return STK_OK;
}

/* --- what happens at an instant --- */

static int is_day(const struct stk_estimate *estimate)
{
    return estimate->phase == STK_ESTIMATE_DAY;
}

static uint64_t waiting_in_all(const struct stk_estimate *estimate)
{
    uint64_t sum = 0;
    for (int i = 0; i < STK_CLASSES; i++)
        sum += estimate->waiting[i];
    return sum;
}

static stk_time_t first_end_ms(const struct stk_estimate *estimate)
{
    return estimate->call[estimate->first].taken_ms + estimate->input.call_ms;
}

static void end_calls(struct stk_estimate *estimate)
{
    while (estimate->under_way && first_end_ms(estimate) <= estimate->now_ms) {
        const struct stk_throttle_call *call = &estimate->call[estimate->first];
        stk_throttle_done(&estimate->throttle, call, call->cost, estimate->now_ms);
        stk_throttle_well(&estimate->throttle, call, estimate->now_ms);
        estimate->first = (estimate->first + 1) % STK_ESTIMATE_CALLS_MAX;
        estimate->under_way--;
    }
}

static void arrive(struct stk_estimate *estimate)
{
    for (int i = 0; is_day(estimate) && i < STK_CLASSES; i++) {
        int64_t passed_ms = estimate->now_ms - estimate->start_ms;
        uint64_t arrived =
            estimate->input.waiting[i] +
            (uint64_t)((__int128)estimate->input.keys_per_hour[i] * passed_ms / HOUR_MS);
        uint64_t waiting = estimate->waiting[i] + (arrived - estimate->arrived[i]);
        uint32_t most = estimate->input.listings;
        if (most < estimate->waiting[i])
            most = estimate->waiting[i];
        estimate->arrived[i] = arrived;
        estimate->waiting[i] = waiting < most ? (uint32_t)waiting : most;
        if (estimate->waiting[i] > estimate->result.waiting_most[i])
            estimate->result.waiting_most[i] = estimate->waiting[i];
    }
}

/* When the key came that is sent next of a class. */
static stk_time_t came_ms(const struct stk_estimate *estimate, int class)
{
    uint64_t before = estimate->arrived[class] - estimate->waiting[class];
    uint32_t rate = estimate->input.keys_per_hour[class];
    if (before < estimate->input.waiting[class] || !rate)
        return estimate->start_ms;
    before -= estimate->input.waiting[class];
    return estimate->start_ms + (int64_t)(((__int128)(before + 1) * HOUR_MS + rate - 1) / rate);
}

static void note_wait(struct stk_estimate *estimate, int class)
{
    int64_t wait_ms = estimate->now_ms - came_ms(estimate, class);
    if (estimate->waiting[class] && wait_ms > estimate->result.wait_most_ms[class])
        estimate->result.wait_most_ms[class] = wait_ms;
}

static void flush(struct stk_estimate *estimate)
{
    if (estimate->input.flush_ms && is_day(estimate)) {
        if (estimate->now_ms < estimate->flush_ms)
            return;
        estimate->flush_ms +=
            (1 + (estimate->now_ms - estimate->flush_ms) / estimate->input.flush_ms) *
            estimate->input.flush_ms;
    }
    estimate->due = waiting_in_all(estimate);
}

static void call_left(struct stk_estimate *estimate, const struct stk_throttle_call *call)
{
    uint32_t at;
    if (!estimate->tracks) { /* its end makes no difference */
        stk_throttle_done(&estimate->throttle, call, call->cost, estimate->now_ms);
        return;
    }
    at = (estimate->first + estimate->under_way++) % STK_ESTIMATE_CALLS_MAX;
    estimate->call[at] = *call;
}

/* Other calls that are due; one that must wait is due again when the throttle says. */
static void others_leave(struct stk_estimate *estimate)
{
    for (uint32_t i = 0; i < estimate->input.other_count; i++) {
        const struct stk_estimate_other *other = &estimate->input.other[i];
        struct stk_throttle_call call;
        stk_time_t again_ms = estimate->now_ms + 1;
        if (estimate->other_ms[i] > estimate->now_ms)
            continue;
        if (estimate->under_way)
            again_ms = first_end_ms(estimate);
        if (estimate->under_way == STK_ESTIMATE_CALLS_MAX ||
            stk_throttle_take(&estimate->throttle, other->leaf, other->cost, other->urgent,
                              estimate->now_ms, &call, &again_ms) != STK_OK) {
            estimate->other_ms[i] = again_ms;
            continue;
        }
        call_left(estimate, &call);
        estimate->result.other_calls += is_day(estimate);
        estimate->other_ms[i] = estimate->now_ms + other->every_ms;
    }
}

/* Takes the keys of one call out of the classes, in their order. */
static void keys_leave(struct stk_estimate *estimate, uint32_t keys)
{
    for (int i = 0; i < STK_CLASSES && keys; i++) {
        uint32_t now = estimate->waiting[i] < keys ? estimate->waiting[i] : keys;
        if (is_day(estimate))
            note_wait(estimate, i);
        estimate->waiting[i] -= now;
        estimate->sent[i] += now;
        keys -= now;
        estimate->due -= estimate->due < now ? estimate->due : now;
    }
}

static void note_call(struct stk_estimate *estimate, uint32_t keys)
{
    struct stk_estimate_result *result = &estimate->result;
    int64_t part =
        (estimate->now_ms - estimate->start_ms) * STK_ESTIMATE_PARTS / estimate->input.horizon_ms;
    if (estimate->phase == STK_ESTIMATE_SYNC) {
        result->sync_calls++;
        result->sync_ms = estimate->now_ms - estimate->start_ms + estimate->input.call_ms;
    } else if (is_day(estimate)) {
        result->calls++;
        result->keys += keys;
        result->part_calls[part]++;
    } else {
        result->budget_calls++;
    }
}

/* One update, if there are keys and leave for it. STK_AGAIN: at *again_ms. STK_BUSY: when a call
 * ends. STK_STATE: no keys. */
static enum stk_status update_leaves(struct stk_estimate *estimate, stk_time_t *again_ms)
{
    const struct stk_estimate_input *input = &estimate->input;
    uint64_t waiting = waiting_in_all(estimate);
    int urgent = estimate->waiting[STK_CLASS_URGENT] > 0;
    uint32_t keys = waiting < input->batch ? (uint32_t)waiting : input->batch;
    struct stk_throttle_call call;
    enum stk_status status;
    if (!urgent && estimate->due < keys)
        keys = (uint32_t)estimate->due;
    if (!keys)
        return STK_STATE;
    if (estimate->under_way == STK_ESTIMATE_CALLS_MAX)
        return STK_BUSY;
    status = stk_throttle_take(&estimate->throttle, input->leaf,
                               input->call_cost + keys * input->key_cost, urgent, estimate->now_ms,
                               &call, again_ms);
    if (status != STK_OK)
        return status;
    call_left(estimate, &call);
    note_call(estimate, keys);
    keys_leave(estimate, keys);
    return STK_OK;
}

/* --- from instant to instant --- */

static stk_time_t sooner(stk_time_t a, stk_time_t b)
{
    return a < b ? a : b;
}

/* When the next urgent key arrives. */
static stk_time_t next_urgent_ms(const struct stk_estimate *estimate)
{
    uint32_t rate = estimate->input.keys_per_hour[STK_CLASS_URGENT];
    uint64_t next;
    if (!is_day(estimate) || !rate)
        return INT64_MAX;
    next = estimate->arrived[STK_CLASS_URGENT] - estimate->input.waiting[STK_CLASS_URGENT] + 1;
    return estimate->start_ms + (int64_t)(((__int128)next * HOUR_MS + rate - 1) / rate);
}

/* The next of any class, where nothing waits for a flush. */
static stk_time_t next_key_ms(const struct stk_estimate *estimate)
{
    stk_time_t at_ms = INT64_MAX;
    for (int i = 0; is_day(estimate) && i < STK_CLASSES; i++) {
        uint32_t rate = estimate->input.keys_per_hour[i];
        uint64_t next = estimate->arrived[i] - estimate->input.waiting[i] + 1;
        if (rate)
            at_ms = sooner(at_ms, estimate->start_ms +
                                      (int64_t)(((__int128)next * HOUR_MS + rate - 1) / rate));
    }
    return at_ms;
}

static stk_time_t part_end_ms(const struct stk_estimate *estimate, int64_t part)
{
    return estimate->start_ms + (part + 1) * estimate->input.horizon_ms / STK_ESTIMATE_PARTS;
}

static stk_time_t next_ms(const struct stk_estimate *estimate, stk_time_t update_ms)
{
    stk_time_t at_ms = sooner(estimate->end_ms, update_ms);
    if (estimate->under_way)
        at_ms = sooner(at_ms, first_end_ms(estimate));
    for (uint32_t i = 0; i < estimate->input.other_count; i++)
        at_ms = sooner(at_ms, estimate->other_ms[i]);
    if (is_day(estimate)) {
        int64_t part = (estimate->now_ms - estimate->start_ms) * STK_ESTIMATE_PARTS /
                       estimate->input.horizon_ms;
        while (part_end_ms(estimate, part) <= estimate->now_ms)
            part++;
        at_ms = sooner(at_ms, part_end_ms(estimate, part));
        at_ms = sooner(at_ms, next_urgent_ms(estimate));
        at_ms =
            sooner(at_ms, estimate->input.flush_ms ? estimate->flush_ms : next_key_ms(estimate));
    }
    return at_ms > estimate->now_ms ? at_ms : estimate->now_ms + 1;
}

/* The part that ends at this instant, if one does. */
static void note_part(struct stk_estimate *estimate)
{
    for (int64_t i = 0; is_day(estimate) && i < STK_ESTIMATE_PARTS; i++) {
        uint64_t waiting = waiting_in_all(estimate);
        if (part_end_ms(estimate, i) == estimate->now_ms)
            estimate->result.part_waiting[i] =
                waiting < UINT32_MAX ? (uint32_t)waiting : UINT32_MAX;
    }
}

static void day_ends(struct stk_estimate *estimate)
{
    struct stk_estimate_result *result = &estimate->result;
    uint64_t before = 0, per_flush = 0;
    for (int i = 0; i < STK_CLASSES; i++) {
        note_wait(estimate, i);
        result->waiting_end[i] = estimate->waiting[i];
        before += estimate->input.waiting[i];
        per_flush += (uint64_t)((__int128)estimate->input.keys_per_hour[i] *
                                    estimate->input.flush_ms / HOUR_MS +
                                1);
    }
    result->keeps_up = waiting_in_all(estimate) <= before + per_flush;
}

static void phase_ends(struct stk_estimate *estimate)
{
    struct stk_estimate_result *result = &estimate->result;
    if (estimate->phase == STK_ESTIMATE_SYNC) {
        if (waiting_in_all(estimate))
            result->sync_ms = INT64_MAX;
        phase_begin(estimate, STK_ESTIMATE_DAY);
    } else if (estimate->phase == STK_ESTIMATE_DAY) {
        day_ends(estimate);
        phase_begin(estimate, estimate->unlimited ? STK_ESTIMATE_DONE : STK_ESTIMATE_BUDGET);
    } else {
        if (result->budget_calls)
            result->used_percent =
                (uint32_t)((result->calls * 100 + result->budget_calls - 1) / result->budget_calls);
        estimate->phase = STK_ESTIMATE_DONE;
    }
}

enum stk_status stk_estimate_run(struct stk_estimate *estimate, uint64_t steps)
{
    while (estimate->phase != STK_ESTIMATE_DONE) {
        stk_time_t again_ms = INT64_MAX;
        enum stk_status status;
        if (!steps--)
            return STK_AGAIN;
        end_calls(estimate);
        arrive(estimate);
        if (estimate->now_ms >= estimate->end_ms ||
            (estimate->phase == STK_ESTIMATE_SYNC && !waiting_in_all(estimate))) {
            note_part(estimate);
            phase_ends(estimate);
            continue;
        }
        flush(estimate);
        others_leave(estimate);
        status = update_leaves(estimate, &again_ms);
        if (status == STK_OK)
            continue;
        note_part(estimate);
        estimate->now_ms = next_ms(estimate, status == STK_AGAIN ? again_ms : INT64_MAX);
    }
    return STK_OK;
}
