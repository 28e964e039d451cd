/* Buckets of a manifest as roots of one throttle. Always: a call is charged at all of its buckets
 * or at none. */
#include "core/plug/purse.h"
#include <stdio.h>
#include <string.h>

#define DAY_MS         INT64_C(86400000)
#define BACKOFF_MS     1000
#define BACKOFF_MAX_MS 300000
#define RESERVE        10 /* percent that only what is urgent may use */

static void configure(struct stk_bucket_config *to, const struct stk_manifest_bucket *from)
{
    struct stk_window_config *window = &to->window[0];
    memset(to, 0, sizeof *to);
    snprintf(to->name, sizeof to->name, "%.24s", from->name);
    to->parent = STK_BUCKET_NONE;
    to->reserve_percent = from->burst >= 20 ? RESERVE : 0;
    if (from->kind == STK_REFILL_STEADY) {
        to->rate = (struct stk_rate){
            .tokens = from->refill, .burst = from->burst, .period_ms = from->refill_ms};
        return;
    }
    window->limit = from->burst;
    window->kind = from->kind == STK_REFILL_DAY ? STK_WINDOW_FIXED : STK_WINDOW_SLIDING;
    window->period_ms = from->kind == STK_REFILL_DAY ? DAY_MS : from->refill_ms;
    window->phase_ms =
        from->kind == STK_REFILL_DAY ? -(int64_t)from->utc_offset_minutes * 60000 : 0;
}

enum stk_status stk_purse_init(struct stk_purse *self, const struct stk_plugin_manifest *manifest,
                               uint64_t seed, stk_time_t now_ms, struct stk_error *err)
{
    struct stk_throttle_config config;
    memset(&config, 0, sizeof config);
    memset(self, 0, sizeof *self);
    self->manifest = manifest;
    config.seed = seed;
    config.backoff_ms = BACKOFF_MS;
    config.backoff_max_ms = BACKOFF_MAX_MS;
    config.hold_max_ms = DAY_MS;
    for (uint32_t i = 0; i < STK_MANIFEST_BUCKETS_MAX; i++) {
        self->bucket[i] = UINT8_MAX;
        if (i >= manifest->bucket_count || manifest->buckets[i].scope == STK_BUCKET_LISTING)
            continue;
        self->bucket[i] = (uint8_t)config.bucket_count;
        configure(&config.bucket[config.bucket_count++], &manifest->buckets[i]);
    }
    return config.bucket_count ? stk_throttle_init(&self->throttle, &config, now_ms, err) : STK_OK;
}

static uint32_t cost_of(const struct stk_manifest_bucket *bucket, uint32_t items)
{
    uint64_t cost = bucket->cost_per_call + (uint64_t)bucket->cost_per_item * items;
    return cost > UINT32_MAX ? UINT32_MAX : (uint32_t)cost;
}

enum stk_status stk_purse_take(struct stk_purse *self, uint32_t operation, uint32_t items,
                               int urgent, stk_time_t now_ms, struct stk_purse_call *call)
{
    stk_time_t again_ms;
    call->count = 0;
    for (uint32_t i = 0; i < self->manifest->bucket_count; i++) {
        const struct stk_manifest_bucket *bucket = &self->manifest->buckets[i];
        uint32_t cost = cost_of(bucket, items);
        if (self->bucket[i] == UINT8_MAX || !(bucket->operations & operation) || !cost)
            continue;
        enum stk_status status = stk_throttle_take(&self->throttle, self->bucket[i], cost, urgent,
                                                   now_ms, &call->call[call->count], &again_ms);
        if (status != STK_OK) {
            stk_purse_give_back(self, call, now_ms);
            return status;
        }
        call->from[call->count++] = (uint8_t)i;
    }
    return STK_OK;
}

void stk_purse_give_back(struct stk_purse *self, struct stk_purse_call *call, stk_time_t now_ms)
{
    while (call->count)
        stk_throttle_give_back(&self->throttle, &call->call[--call->count], now_ms);
}

void stk_purse_done(struct stk_purse *self, struct stk_purse_call *call, uint32_t items,
                    enum stk_status status, uint32_t retry_after_ms, stk_time_t now_ms)
{
    for (uint32_t i = 0; i < call->count; i++) {
        uint32_t bucket = self->bucket[call->from[i]];
        stk_throttle_done(&self->throttle, &call->call[i],
                          cost_of(&self->manifest->buckets[call->from[i]], items), now_ms);
        if (status == STK_OK)
            stk_throttle_well(&self->throttle, &call->call[i], now_ms);
        else if (retry_after_ms)
            stk_throttle_retry_after(&self->throttle, bucket, now_ms + retry_after_ms, now_ms);
        else if (status == STK_BUSY || status == STK_TIMEOUT || status == STK_IO)
            stk_throttle_failed(&self->throttle, bucket, now_ms);
    }
    call->count = 0;
}

void stk_purse_learn(struct stk_purse *self, struct stk_bytes name, const struct stk_budget *budget,
                     stk_time_t now_ms)
{
    for (uint32_t i = 0; i < self->manifest->bucket_count; i++) {
        const struct stk_manifest_bucket *bucket = &self->manifest->buckets[i];
        struct stk_news news =
            STK_NEWS(bucket->kind == STK_REFILL_STEADY ? STK_PART_RATE : STK_PART_WINDOW);
        if (self->bucket[i] == UINT8_MAX || strnlen(bucket->name, 24) != name.size ||
            memcmp(bucket->name, name.data, name.size) != 0)
            continue;
        if (budget->limit != STK_ABSENT)
            news.limit = budget->limit;
        if (budget->remaining != STK_ABSENT)
            news.remaining = budget->remaining;
        if (budget->reset_ms)
            news.reset_ms = now_ms + budget->reset_ms;
        stk_throttle_learn(&self->throttle, self->bucket[i], &news, now_ms);
        if (budget->retry_after_ms)
            stk_throttle_retry_after(&self->throttle, self->bucket[i],
                                     now_ms + budget->retry_after_ms, now_ms);
    }
}
