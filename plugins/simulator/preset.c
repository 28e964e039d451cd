/* Ready-made configs, and the check of one. Bounds and quotas are in the range of what real
 * channels of each kind document: a feed channel that takes minutes, a shop system that answers at
 * once with deltas, an inventory service with compare-and-set. */
#include "plugins/simulator/config.h"
#include <stdio.h>
#include <string.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   MARKET_HOUR_MS

/* Orders by hour in online_retail_2010_12.csv (629 orders of a week), over a floor of 12 for the
 * hours in which that wholesaler slept and a marketplace does not. */
static const uint32_t hours[24] = {12,  12, 12, 12,  12, 12, 12, 14, 28, 61, 79, 83,
                                   119, 75, 76, 117, 60, 37, 22, 14, 12, 12, 12, 12};

static const struct market_faults inside = {
    .slow_ppm = 30000,
    .drop_ppm = 20000,
    .refuse_ppm = 10000,
    .late_refuse_ppm = 10000,
    .late_report_ppm = 30000,
    .lost_call_ppm = 5000,
    .lost_answer_ppm = 10000,
    .unavailable_ppm = 10000,
    .throttle_ppm = 5000,
    .stale_read_ppm = 200000,
    .late_order_ppm = 50000,
    .duplicate_ppm = 50000,
    .reorder_ppm = 50000,
    .lost_hook_ppm = 50000,
    .partial_ppm = 50000,
    .contested_ppm = 5000,
    .outage_every_ms = 6 * HOUR,
    .outage_ms = 8 * MINUTE,
    .lock_every_ms = 30 * MINUTE,
    .lock_ms = 20 * MINUTE,
    .edit_every_ms = 20 * MINUTE,
};

static void break_bounds(struct market_faults *faults)
{
    faults->land_beyond_ppm = 20000;
    faults->land_twice_ppm = 20000;
    faults->lie_ppm = 20000;
    faults->order_beyond_ppm = 20000;
    faults->read_beyond_ppm = 50000;
    faults->restock_ppm = 300000;
    faults->raise_ppm = 300000;
}

static void quotas(struct market_channel *channel, int64_t burst, int64_t refill)
{
    for (int e = 0; e < MARKET_ENDPOINTS; e++)
        channel->quota[e] = (struct market_quota){burst, refill, 10 * SECOND};
    channel->account = (struct market_quota){4 * burst, 4 * refill, 10 * SECOND};
}

static void preset_sizes(struct market_channel *channel)
{
    channel->batch_max = 100;
    channel->page_max = 100;
    channel->calls_max = 8;
    channel->batches_max = 256;
    channel->writes_max = 16384;
    channel->listings_max = 1024;
    channel->orders_max = 4096;
    channel->events_max = 8192;
    channel->hooks_max = 1024;
    channel->rivals = 3;
    channel->moves_per_day = 5000;
    channel->reaction_ms = 5 * MINUTE;
    channel->orders_per_day = 1000;
    memcpy(channel->hour_weight, hours, sizeof(hours));
    channel->lines_max = 3;
    channel->units_max = 3;
    channel->cancel_ppm = 40000;
    channel->return_ppm = 10000;
    channel->cancel_mean_ms = 40 * MINUTE;
    channel->return_mean_ms = 8 * HOUR;
    channel->want_ttl_ms = 30 * SECOND;
}

/* What differs from kind to kind. */
static void preset_kind(struct market_channel *channel)
{
    switch (channel->kind) {
    case MARKET_SET: /* feeds: minutes, a report, no word about how late orders are */
        channel->proof = MARKET_PROOF_REPORT;
        channel->restock = MARKET_RESTOCK_NEVER;
        channel->land_max_ms = 15 * MINUTE;
        channel->land_mean_ms = 40 * SECOND;
        channel->order_late_max_ms = 5 * MINUTE;
        channel->listing_day_max = 250;
        quotas(channel, 20, 5);
        break;
    case MARKET_ADJUST: /* a shop system: at once, in its answer */
        channel->proof = MARKET_PROOF_ANSWER;
        channel->restock = MARKET_RESTOCK_CANCEL;
        channel->clamps = 1;
        channel->tells_watermark = 1;
        channel->land_max_ms = 45 * SECOND;
        channel->land_mean_ms = 300;
        channel->order_late_max_ms = 30 * SECOND;
        quotas(channel, 40, 20);
        break;
    case MARKET_CAS: /* an inventory service: compare-and-set, in its answer */
        channel->proof = MARKET_PROOF_ANSWER;
        channel->restock = MARKET_RESTOCK_NEVER;
        channel->land_max_ms = 60 * SECOND;
        channel->land_mean_ms = 2 * SECOND;
        channel->order_late_max_ms = 2 * MINUTE;
        quotas(channel, 30, 10);
        break;
    case MARKET_SHOP: /* our own: asks before it sells */
        channel->proof = MARKET_PROOF_ANSWER;
        channel->restock = MARKET_RESTOCK_NEVER;
        channel->land_max_ms = 5 * SECOND;
        channel->land_mean_ms = 50;
        channel->rivals = 0;
        channel->hooks_max = 0;
        quotas(channel, 1000, 1000);
        break;
    }
}

void market_channel_preset(struct market_channel *channel, enum market_kind kind,
                           enum market_programme programme)
{
    *channel = (struct market_channel){.kind = kind,
                                       .tells_quota = 1,
                                       .tells_retry = 1,
                                       .read_age_max_ms = 2 * MINUTE,
                                       .order_late_mean_ms = 3 * SECOND,
                                       .report_late_max_ms = 10 * MINUTE,
                                       .latency_min_ms = 30,
                                       .latency_max_ms = 400,
                                       .timeout_ms = 30 * SECOND};
    preset_sizes(channel);
    preset_kind(channel);
    channel->cancel_late_max_ms = 2 * channel->order_late_max_ms;
    if (programme != MARKET_CALM)
        channel->faults = inside;
    if (programme == MARKET_BROKEN)
        break_bounds(&channel->faults);
    if (kind == MARKET_SHOP)
        channel->faults = (struct market_faults){0};
}

void market_config_preset(struct market_config *config, uint64_t seed,
                          enum market_programme programme)
{
    *config = (struct market_config){.seed = seed,
                                     .skus = 100,
                                     .zipf_milli = 700,
                                     .locations = 2,
                                     .channel_count = 4,
                                     .currency = 'G' << 16 | 'B' << 8 | 'P'};
    for (uint32_t c = 0; c < 4; c++)
        market_channel_preset(&config->channel[c], (enum market_kind)c, programme);
}

/* ---- the check ---- */

static const char *channel_fault(const struct market_channel *channel)
{
    if ((unsigned)channel->kind > MARKET_SHOP)
        return "kind is none of set, adjust, cas, shop";
    if ((unsigned)channel->proof > MARKET_PROOF_READ)
        return "proof is none of answer, report, read";
    if (channel->application >= MARKET_APPLICATIONS_MAX)
        return "application is beyond MARKET_APPLICATIONS_MAX";
    if (!channel->batch_max || !channel->page_max || !channel->calls_max || !channel->writes_max ||
        !channel->listings_max || !channel->orders_max || !channel->events_max)
        return "batch_max, page_max, calls_max, writes_max, listings_max, orders_max and "
               "events_max are at least 1";
    if (channel->batches_max <= channel->calls_max)
        return "batches_max must be more than calls_max";
    if (channel->rivals > MARKET_RIVALS_MAX || channel->rivals + 1 > channel->page_max)
        return "rivals are beyond MARKET_RIVALS_MAX or do not fit in a page";
    if (channel->lines_max < 1 || channel->lines_max > MARKET_LINES_MAX || channel->units_max < 1)
        return "lines_max is 1 to MARKET_LINES_MAX, units_max at least 1";
    if (channel->latency_min_ms < 0 || channel->latency_max_ms < channel->latency_min_ms ||
        channel->timeout_ms < 1 || channel->land_max_ms < 0 || channel->order_late_max_ms < 0 ||
        channel->read_age_max_ms < 0 || channel->report_late_max_ms < 0)
        return "a time is negative, or timeout_ms is 0";
    if (channel->orders_per_day < 0 || channel->ship_mean_ms < 0 || channel->moves_per_day < 0)
        return "a rate is negative";
    for (int e = -1; e < MARKET_ENDPOINTS; e++) {
        const struct market_quota *quota = e < 0 ? &channel->account : &channel->quota[e];
        if (quota->burst && (quota->burst < 0 || quota->refill < 0 || quota->period_ms < 1))
            return "a quota needs burst and refill from 0 and period_ms from 1";
    }
    return NULL;
}

int market_config_check(const struct market_config *config, char *why, uint32_t why_size)
{
    if (config->channel_count < 1 || config->channel_count > MARKET_CHANNELS_MAX) {
        snprintf(why, why_size, "channel_count is %u, must be 1 to %d", config->channel_count,
                 MARKET_CHANNELS_MAX);
        return -1;
    }
    if (!config->skus || config->locations > MARKET_LOCATIONS_MAX || config->start_ms < 0) {
        snprintf(why, why_size, "skus is at least 1, locations at most %d, start_ms from 0",
                 MARKET_LOCATIONS_MAX);
        return -1;
    }
    for (uint32_t c = 0; c < config->channel_count; c++) {
        const char *fault = channel_fault(&config->channel[c]);
        if (fault) {
            snprintf(why, why_size, "channel %u: %s", c, fault);
            return -1;
        }
    }
    return 0;
}
