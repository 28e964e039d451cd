/* Lists of published things. Always: each is in at most one list, the one that `list` names, of its
 * own channel; counts agree; a queue is in the order of queueing but for what came from a lower
 * class, which goes to the end with the age it has. */
#include "core/state/channel.h"
#include "core/state/promise.h"
#include <string.h>

enum stk_status stk_channels_init(struct stk_channels *channels, uint32_t listings,
                                  uint32_t published, uint32_t promises, struct stk_error *err)
{
    memset(channels, 0, sizeof *channels);
    channels->listings = listings;
    channels->sweep = STK_NONE;
    channels->channel = stk_mem_reserve(STK_CHANNELS_MAX * sizeof *channels->channel, 0, err);
    channels->first_of_listing =
        stk_mem_reserve((uint64_t)listings * sizeof *channels->first_of_listing, 0, err);
    enum stk_status status = STK_NO_MEMORY;
    if (channels->channel && channels->first_of_listing)
        status =
            stk_pool_init(&channels->published, sizeof(struct stk_publication), published, err);
    if (status == STK_OK)
        status = stk_pool_init(&channels->promises, sizeof(struct stk_promise), promises, err);
    if (status != STK_OK)
        stk_channels_fini(channels);
    return status;
}

void stk_channels_fini(struct stk_channels *channels)
{
    stk_pool_fini(&channels->promises);
    stk_pool_fini(&channels->published);
    if (channels->first_of_listing)
        stk_mem_unreserve(channels->first_of_listing,
                          (uint64_t)channels->listings * sizeof *channels->first_of_listing);
    if (channels->channel)
        stk_mem_unreserve(channels->channel, STK_CHANNELS_MAX * sizeof *channels->channel);
    memset(channels, 0, sizeof *channels);
}

void stk_channel_open(struct stk_channels *channels, stk_channel_t number)
{
    struct stk_channel *channel = stk_channel_at(channels, number);
    stk_assert(number && number < STK_CHANNELS_MAX && !channel->used);
    *channel = (struct stk_channel){
        .used = 1, .canary_percent = 100, .share_percent = 100, .breaker_percent = 30};
    for (unsigned i = 0; i < STK_LISTS; i++)
        channel->list[i] = (struct stk_queue){STK_NONE, STK_NONE, 0};
}

/* ---- published things ---- */

uint32_t stk_published_first(const struct stk_channels *channels, stk_listing_t listing)
{
    stk_assert(listing < channels->listings);
    return channels->first_of_listing[listing] - 1; /* 0: none, which is STK_NONE */
}

uint32_t stk_published_find(const struct stk_channels *channels, stk_listing_t listing,
                            enum stk_publish_kind kind)
{
    uint32_t slot = stk_published_first(channels, listing);
    while (slot != STK_NONE && stk_published_at(channels, slot)->kind != kind)
        slot = stk_published_at(channels, slot)->next_of_listing;
    return slot;
}

uint32_t stk_published_add(struct stk_channels *channels, stk_listing_t listing,
                           stk_channel_t channel, enum stk_publish_kind kind)
{
    stk_assert(stk_channel_at(channels, channel)->used && listing < channels->listings);
    uint32_t slot = stk_pool_take(&channels->published);
    if (slot == STK_NONE)
        return STK_NONE;
    *stk_published_at(channels, slot) = (struct stk_publication){
        .listing = listing,
        .next_of_listing = channels->first_of_listing[listing] - 1,
        .next = STK_NONE,
        .prev = STK_NONE,
        .channel = channel,
        .kind = (uint8_t)kind,
    };
    channels->first_of_listing[listing] = slot + 1;
    stk_channel_at(channels, channel)->in_state[STK_PUBLISH_NEVER]++;
    if (kind == STK_PUBLISH_QUANTITY)
        stk_channel_at(channels, channel)->listings++;
    return slot;
}

void stk_published_remove(struct stk_channels *channels, uint32_t slot)
{
    struct stk_publication *at = stk_published_at(channels, slot);
    struct stk_channel *channel = stk_channel_at(channels, at->channel);
    stk_assert(!at->promise);
    stk_published_idle(channels, slot);
    if (channels->first_of_listing[at->listing] == slot + 1) {
        channels->first_of_listing[at->listing] = at->next_of_listing + 1;
    } else {
        uint32_t before = channels->first_of_listing[at->listing] - 1;
        while (stk_published_at(channels, before)->next_of_listing != slot)
            before = stk_published_at(channels, before)->next_of_listing;
        stk_published_at(channels, before)->next_of_listing = at->next_of_listing;
    }
    stk_assert(channel->in_state[at->state]);
    channel->in_state[at->state]--;
    channel->listings -= at->kind == STK_PUBLISH_QUANTITY;
    at->listing = STK_NONE;
    at->on_disk = 0;
    stk_pool_give(&channels->published, slot);
}

void stk_published_state(struct stk_channels *channels, uint32_t slot, enum stk_publish_state state)
{
    struct stk_publication *at = stk_published_at(channels, slot);
    struct stk_channel *channel = stk_channel_at(channels, at->channel);
    stk_assert(state < STK_PUBLISH_STATES && channel->in_state[at->state]);
    channel->in_state[at->state]--;
    channel->in_state[state]++;
    at->state = (uint8_t)state;
}

/* ---- lists ---- */

static void join(struct stk_channels *channels, uint32_t slot, unsigned number)
{
    struct stk_publication *at = stk_published_at(channels, slot);
    struct stk_queue *list = &stk_channel_at(channels, at->channel)->list[number];
    stk_assert(at->list == STK_LIST_NONE);
    at->list = (uint8_t)number;
    at->next = STK_NONE;
    at->prev = list->last;
    if (list->last == STK_NONE)
        list->first = slot;
    else
        stk_published_at(channels, list->last)->next = slot;
    list->last = slot;
    list->count++;
}

void stk_published_idle(struct stk_channels *channels, uint32_t slot)
{
    struct stk_publication *at = stk_published_at(channels, slot);
    if (at->list == STK_LIST_NONE)
        return;
    struct stk_queue *list = &stk_channel_at(channels, at->channel)->list[at->list];
    if (at->prev == STK_NONE)
        list->first = at->next;
    else
        stk_published_at(channels, at->prev)->next = at->next;
    if (at->next == STK_NONE)
        list->last = at->prev;
    else
        stk_published_at(channels, at->next)->prev = at->prev;
    stk_assert(list->count);
    list->count--;
    at->list = STK_LIST_NONE;
    at->next = at->prev = STK_NONE;
}

void stk_published_queue(struct stk_channels *channels, uint32_t slot, enum stk_publish_class class,
                         stk_time_t now_ms)
{
    struct stk_publication *at = stk_published_at(channels, slot);
    int queued = at->list != STK_LIST_NONE && at->list <= STK_CLASSES;
    if (queued && at->list <= class + 1)
        return;
    if (!queued)
        at->queued_ms = now_ms;
    stk_published_idle(channels, slot);
    join(channels, slot, class + 1);
}

void stk_published_wait(struct stk_channels *channels, uint32_t slot, stk_time_t until_ms)
{
    stk_published_idle(channels, slot);
    stk_published_at(channels, slot)->due_ms = until_ms;
    join(channels, slot, STK_LIST_WAITING);
}

uint32_t stk_channel_next(const struct stk_channels *channels, stk_channel_t number,
                          stk_time_t now_ms)
{
    const struct stk_channel *channel = stk_channel_at(channels, number);
    uint32_t best = STK_NONE;
    int64_t best_rank = INT64_MAX;
    for (unsigned class = 0; class < STK_CLASSES; class ++) {
        uint32_t first = channel->list[class + 1].first;
        if (first == STK_NONE)
            continue;
        int64_t aged = (now_ms - stk_published_at(channels, first)->queued_ms) / STK_AGEING_MS;
        /* what is urgent is overtaken by nothing */
        int64_t rank = class == STK_CLASS_URGENT ? INT64_MIN : (int64_t) class - aged;
        if (rank < best_rank)
            best = first, best_rank = rank;
    }
    return best;
}

uint32_t stk_channel_due(struct stk_channels *channels, stk_channel_t number, stk_time_t now_ms,
                         uint32_t *looks)
{
    struct stk_queue *list = &stk_channel_at(channels, number)->list[STK_LIST_WAITING];
    for (; *looks && list->first != STK_NONE; (*looks)--) {
        uint32_t slot = list->first;
        if (stk_published_at(channels, slot)->due_ms <= now_ms)
            return slot;
        stk_published_wait(channels, slot, stk_published_at(channels, slot)->due_ms);
    }
    return STK_NONE;
}

void stk_published_look(struct stk_channels *channels, uint32_t slot)
{
    struct stk_publication *at = stk_published_at(channels, slot);
    if (at->list == STK_LIST_LOOKING)
        return;
    stk_published_idle(channels, slot);
    at->due_ms = 0;
    join(channels, slot, STK_LIST_LOOKING);
}

uint32_t stk_channel_look(struct stk_channels *channels, stk_channel_t number, stk_time_t now_ms)
{
    const struct stk_queue *list = &stk_channel_at(channels, number)->list[STK_LIST_LOOKING];
    uint32_t slot = list->first;
    if (slot == STK_NONE || stk_published_at(channels, slot)->due_ms > now_ms)
        return STK_NONE;
    stk_published_idle(channels, slot);
    stk_published_at(channels, slot)->due_ms = now_ms + STK_LOOK_MS;
    join(channels, slot, STK_LIST_LOOKING);
    return slot;
}

uint32_t stk_channel_queued(const struct stk_channels *channels, stk_channel_t number)
{
    uint32_t count = 0;
    for (unsigned class = 0; class < STK_CLASSES; class ++)
        count += stk_channel_at(channels, number)->list[class + 1].count;
    return count;
}

stk_time_t stk_channel_oldest_ms(const struct stk_channels *channels, stk_channel_t number)
{
    stk_time_t oldest = INT64_MAX;
    for (unsigned class = 0; class < STK_CLASSES; class ++) {
        uint32_t first = stk_channel_at(channels, number)->list[class + 1].first;
        if (first != STK_NONE && stk_published_at(channels, first)->queued_ms < oldest)
            oldest = stk_published_at(channels, first)->queued_ms;
    }
    return oldest;
}
