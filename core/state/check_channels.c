/* Every published thing belongs to a living listing of its channel, is in the list that it says,
 * and is counted. */
#include "core/state/check_channels.h"
#include <string.h>

static enum stk_status check_list(const struct stk_state *state, stk_channel_t number, unsigned n,
                                  struct stk_error *err)
{
    const struct stk_channels *channels = &state->channels;
    const struct stk_queue *list = &stk_channel_at(channels, number)->list[n];
    uint32_t count = 0, before = STK_NONE;
    for (uint32_t slot = list->first; slot != STK_NONE;) {
        const struct stk_publication *at = stk_published_at(channels, slot);
        if (at->list != n || at->channel != number || at->prev != before || count++ > list->count)
            return stk_error_set(err, STK_INTERNAL, "channel %u: list %u is torn at %u", number, n,
                                 slot);
        before = slot;
        slot = at->next;
    }
    if (count != list->count || list->last != before)
        return stk_error_set(err, STK_INTERNAL, "channel %u: list %u counts %u and has %u", number,
                             n, list->count, count);
    return STK_OK;
}

static enum stk_status check_listing(const struct stk_state *state, stk_listing_t listing,
                                     uint32_t in_state[][STK_PUBLISH_STATES], uint32_t *found,
                                     struct stk_error *err)
{
    const struct stk_channels *channels = &state->channels;
    unsigned kinds = 0;
    for (uint32_t slot = stk_published_first(channels, listing); slot != STK_NONE;) {
        const struct stk_publication *at = stk_published_at(channels, slot);
        if (at->listing != listing || !stk_catalog_listing_lives(&state->catalog, listing) ||
            stk_catalog_listing(&state->catalog, listing)->channel != at->channel ||
            at->kind >= STK_PUBLISH_KINDS || kinds >> at->kind & 1 ||
            !stk_channel_at(channels, at->channel)->used)
            return stk_error_set(err, STK_INTERNAL, "published %u: not of listing %u", slot,
                                 listing);
        kinds |= 1u << at->kind;
        in_state[at->channel][at->state]++;
        (*found)++;
        slot = at->next_of_listing;
    }
    return STK_OK;
}

static enum stk_status check_notes(const struct stk_state *state, struct stk_error *err)
{
    const struct stk_notes *notes = &state->notes;
    uint32_t found = 0;
    for (uint32_t slot = 0; slot < notes->pool.top; slot++) {
        const struct stk_note *note = stk_notes_at(notes, slot);
        if (note->key_size == 0)
            continue;
        found++;
        if (stk_notes_find(notes, note->channel, stk_notes_key(notes, slot)) != slot)
            return stk_error_set(err, STK_INTERNAL, "note %u is not found by its key", slot);
    }
    if (found != notes->pool.used || found != notes->index.count)
        return stk_error_set(err, STK_INTERNAL, "notes: %u are there, %u are counted", found,
                             notes->pool.used);
    return STK_OK;
}

enum stk_status stk_check_channels(const struct stk_state *state, struct stk_error *err)
{
    static _Thread_local uint32_t in_state[STK_CHANNELS_MAX][STK_PUBLISH_STATES];
    const struct stk_channels *channels = &state->channels;
    uint32_t found = 0;
    enum stk_status status = STK_OK;
    memset(in_state, 0, sizeof in_state);
    for (stk_listing_t i = 0; i < state->catalog.listings.top && status == STK_OK; i++)
        status = check_listing(state, i, in_state, &found, err);
    if (status == STK_OK && found != channels->published.used)
        return stk_error_set(err, STK_INTERNAL, "published: %u are there, %u are counted", found,
                             channels->published.used);
    for (unsigned i = 1; i < STK_CHANNELS_MAX && status == STK_OK; i++) {
        const struct stk_channel *channel = stk_channel_at(channels, (stk_channel_t)i);
        if (!channel->used)
            continue;
        if (memcmp(in_state[i], channel->in_state, sizeof channel->in_state) != 0)
            return stk_error_set(err, STK_INTERNAL, "channel %u: states are miscounted", i);
        for (unsigned n = 1; n < STK_LISTS && status == STK_OK; n++)
            status = check_list(state, (stk_channel_t)i, n, err);
    }
    return status == STK_OK ? check_notes(state, err) : status;
}
