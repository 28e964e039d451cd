/* What the host asks for: polls, discovery, read-backs. Each begins a job; jobs.c does the rest. */
#include "plugins/simulator/instance.h"
#include <stdlib.h>
#include <string.h>

/* A free job, or NULL. */
static struct job *job_begin(struct instance *instance, enum job_kind kind, uint64_t call)
{
    struct job *job = &instance->job[kind];
    if (job->state != JOB_IDLE || !instance->active)
        return NULL;
    job->state = JOB_WANTED;
    job->call = call;
    job->cursor = 0;
    job->count = job->listing_count = 0;
    job->more = 0;
    return job;
}

/* "BIRTH-NUMBER"; of another life of the world: from the beginning. */
static uint64_t cursor_of(const struct instance *instance, struct stk_bytes text)
{
    char copy[48] = "", *end = NULL;
    if (text.size < sizeof(copy))
        memcpy(copy, text.data, text.size);
    if (strtoull(copy, &end, 16) != world_birth(instance->world) || *end != '-')
        return 0;
    return strtoull(end + 1, NULL, 10);
}

static stk_status_t poll_begin(const struct stk_plugin *plugin, const struct stk_call_poll *message,
                               enum job_kind kind)
{
    struct instance *instance = instance_of(plugin);
    struct stk_call_poll call;
    struct stk_bytes key;
    struct job *job;

    stk_message_read(message, &call, sizeof(call));
    key = stk_message_text(message, call.cursor_key);
    job = key.size > STK_EVENT_ID_MAX ? NULL : job_begin(instance, kind, call.head.call);
    if (!job)
        return STK_BUSY;
    memcpy(job->cursor_key, key.data, key.size);
    job->cursor_key[key.size] = '\0';
    if (!call.since_ms)
        job->cursor = cursor_of(instance, stk_message_text(message, call.cursor));
    if (kind == JOB_OFFERS) {
        struct market *market = instance_lock(instance);
        uint32_t most = SIMULATOR_PAGE / (MARKET_RIVALS_MAX + 1);
        for (uint32_t i = 0; i < call.listings.count && job->listing_count < most; i++) {
            struct stk_listing_name name;
            stk_message_item(message, call.listings, i, &name, sizeof(name));
            uint32_t listing =
                instance_listing(instance, market, stk_message_text(message, name.listing));
            if (listing != STK_NONE)
                job->listings[job->listing_count++] = listing;
        }
        world_unlock(instance->world);
    }
    jobs_turn(instance);
    return STK_OK;
}

static stk_status_t orders_poll(const struct stk_plugin *plugin, const struct stk_call_poll *call)
{
    return poll_begin(plugin, call, JOB_ORDERS);
}
static stk_status_t offers_poll(const struct stk_plugin *plugin, const struct stk_call_poll *call)
{
    return poll_begin(plugin, call, JOB_OFFERS);
}
const struct stk_plugin_feed simulator_orders = {orders_poll};
const struct stk_plugin_feed simulator_offers = {offers_poll};

static stk_status_t discover(const struct stk_plugin *plugin,
                             const struct stk_call_discover *message)
{
    struct instance *instance = instance_of(plugin);
    struct stk_call_discover call;
    struct stk_bytes text;
    char cursor[24] = "";
    struct job *job;

    stk_message_read(message, &call, sizeof(call));
    job = job_begin(instance, JOB_DISCOVER, call.head.call);
    if (!job)
        return STK_BUSY;
    text = stk_message_text(message, call.cursor);
    if (text.size < sizeof(cursor))
        memcpy(cursor, text.data, text.size);
    job->cursor = strtoull(cursor, NULL, 10);
    jobs_turn(instance);
    return STK_OK;
}
const struct stk_plugin_discovery simulator_discovery = {discover};

stk_status_t simulator_read_back(const struct stk_plugin *plugin,
                                 const struct stk_call_read_back *message)
{
    struct instance *instance = instance_of(plugin);
    struct stk_call_read_back call;
    struct market *market;
    struct job *job;

    stk_message_read(message, &call, sizeof(call));
    if (!call.keys.count || call.keys.count > SIMULATOR_BATCH)
        return STK_TOO_LARGE;
    job = job_begin(instance, JOB_READ, call.head.call);
    if (!job)
        return STK_BUSY;
    market = instance_lock(instance);
    for (uint32_t i = 0; i < call.keys.count; i++) {
        struct stk_published_key key;
        struct stk_bytes name;
        struct wanted_key *wanted = &instance->keys[i];
        stk_message_item(message, call.keys, i, &key, sizeof(key));
        name = stk_message_text(message, key.listing);
        *wanted = (struct wanted_key){.field = key.field};
        if (name.size < sizeof(wanted->name))
            memcpy(wanted->name, name.data, name.size);
        job->listings[i] = instance_listing(instance, market, name);
    }
    job->listing_count = call.keys.count;
    world_unlock(instance->world);
    jobs_turn(instance);
    return STK_OK;
}
