/* Channels as outlets. Always: a new one only observes; what changes how far it may be written to
 * is an effect with who did it. */
#include "core/flow/channel.h"
#include "core/flow/guarantee.h"
#include "core/flow/page.h"
#include "core/flow/publish.h"
#include "core/flow/publish_row.h"
#include "core/flow/verb_channel.h"

enum stk_status stk_channel_find(struct stk_apply *apply, struct stk_ref ref, stk_channel_t *number)
{
    struct stk_bytes name = stk_apply_text(apply, ref);
    *number = stk_names_find(apply->state->names, STK_NAME_CHANNEL, name);
    if (*number && stk_channel_at(&apply->state->channels, *number)->used)
        return STK_OK;
    return stk_apply_refuse(apply, STK_NOT_FOUND, "channel: no channel \"%.*s\" is open",
                            (int)name.size, name.data);
}

/* ---- settings ---- */

static void set_policy(struct stk_channel *channel, const struct stk_args_channel_put *args)
{
    if (STK_GIVEN(args, CHANNEL_PUT_MODE))
        channel->mode = args->mode;
    if (STK_GIVEN(args, CHANNEL_PUT_CAP))
        channel->cap = args->cap;
    if (STK_GIVEN(args, CHANNEL_PUT_SHARE))
        channel->share_percent = (uint8_t)args->share;
    if (STK_GIVEN(args, CHANNEL_PUT_BUFFER))
        channel->buffer = args->buffer;
    if (STK_GIVEN(args, CHANNEL_PUT_LAST_UNITS))
        channel->last_units = args->last_units;
    if (STK_GIVEN(args, CHANNEL_PUT_BREAKER))
        channel->breaker_percent = (uint8_t)args->breaker;
    if (STK_GIVEN(args, CHANNEL_PUT_LAG_MS))
        channel->lag_ms = (uint32_t)args->lag_ms;
}

static void set_bounds(struct stk_channel *channel, const struct stk_args_channel_put *args)
{
    if (STK_GIVEN(args, CHANNEL_PUT_WRITE))
        channel->write = (uint8_t)(args->write + 1);
    if (STK_GIVEN(args, CHANNEL_PUT_PROOF))
        channel->proof = (uint8_t)(args->proof + 1);
    if (STK_GIVEN(args, CHANNEL_PUT_RESTOCKS))
        channel->restocks = args->restocks;
    if (STK_GIVEN(args, CHANNEL_PUT_APPLY_MS))
        channel->apply_ms = args->apply_ms;
    if (STK_GIVEN(args, CHANNEL_PUT_READ_MS))
        channel->read_ms = args->read_ms;
    if (STK_GIVEN(args, CHANNEL_PUT_ORDER_MS))
        channel->order_ms = args->order_ms;
    if (STK_GIVEN(args, CHANNEL_PUT_CANCEL_MS))
        channel->cancel_ms = args->cancel_ms;
}

/* 1 unless it would be in guaranteed mode without what that rests on. */
static int has_bounds(const struct stk_apply *apply, const struct stk_args_channel_put *args,
                      struct stk_bytes name)
{
    stk_channel_t number = stk_names_find(apply->state->names, STK_NAME_CHANNEL, name);
    struct stk_channel channel = *stk_channel_at(&apply->state->channels, number);
    set_policy(&channel, args);
    set_bounds(&channel, args);
    return channel.mode != STK_MODE_GUARANTEED ||
           (channel.write && channel.proof && channel.apply_ms > 0);
}

enum stk_status stk_channel_put(struct stk_apply *apply)
{
    const struct stk_args_channel_put *args = apply->args;
    struct stk_channels *channels = &apply->state->channels;
    struct stk_bytes name = stk_apply_text(apply, args->channel);
    if (!stk_apply_name_fits(apply, STK_NAME_CHANNEL, name))
        return stk_apply_refuse(apply, STK_FULL, "channel: no more than %d channels",
                                STK_CHANNELS_MAX - 1);
    if (!has_bounds(apply, args, name))
        return stk_apply_refuse(apply, STK_INVALID,
                                "mode: guaranteed mode rests on write, proof and apply_ms: the "
                                "channel has not declared them");
    stk_apply_begin(apply);
    stk_channel_t number = stk_apply_name(apply, STK_NAME_CHANNEL, name);
    struct stk_channel *channel = stk_channel_at(channels, number);
    int fresh = !channel->used;
    if (fresh)
        stk_channel_open(channels, number);
    set_policy(channel, args);
    set_bounds(channel, args);
    stk_row_put_channel(&apply->record, apply->state, number);
    stk_publish_resync(apply->state, number);
    stk_apply_say_bool(apply, "created", fresh);
    return STK_OK;
}

/* Most verbs: find it, begin, change a thing, write its row. */
static enum stk_status change(struct stk_apply *apply, struct stk_channel **channel,
                              stk_channel_t *number)
{
    const struct stk_args_channel *args = apply->args;
    enum stk_status status = stk_channel_find(apply, args->channel, number);
    if (status != STK_OK)
        return status;
    stk_apply_begin(apply);
    *channel = stk_channel_at(&apply->state->channels, *number);
    return STK_OK;
}

static enum stk_status changed(struct stk_apply *apply, stk_channel_t number)
{
    stk_row_put_channel(&apply->record, apply->state, number);
    return STK_OK;
}

enum stk_status stk_channel_pause(struct stk_apply *apply)
{
    struct stk_channel *channel;
    stk_channel_t number;
    enum stk_status status = change(apply, &channel, &number);
    if (status != STK_OK)
        return status;
    channel->paused = 1;
    return changed(apply, number);
}

enum stk_status stk_channel_resume(struct stk_apply *apply)
{
    struct stk_channel *channel;
    stk_channel_t number;
    enum stk_status status = change(apply, &channel, &number);
    if (status != STK_OK)
        return status;
    channel->paused = channel->held = channel->handing_back = 0;
    channel->window_ms = apply->now;
    channel->window_zeroed = channel->window_repriced = 0;
    stk_publish_resync(apply->state, number);
    return changed(apply, number);
}

enum stk_status stk_channel_golive(struct stk_apply *apply)
{
    const struct stk_args_channel_golive *args = apply->args;
    stk_channel_t number;
    enum stk_status status = stk_channel_find(apply, args->channel, &number);
    if (status != STK_OK)
        return status;
    struct stk_channel *channel = stk_channel_at(&apply->state->channels, number);
    if (channel->handing_back)
        return stk_apply_refuse(apply, STK_STATE,
                                "channel: it is being handed back; resume it first");
    stk_apply_begin(apply);
    for (unsigned kind = 0; kind < STK_PUBLISH_KINDS; kind++)
        if (args->kind == 0 || args->kind == kind + 1)
            channel->step[kind] = args->step;
    channel->canary_percent = (uint8_t)args->canary;
    stk_publish_resync(apply->state, number);
    return changed(apply, number);
}

enum stk_status stk_channel_handback(struct stk_apply *apply)
{
    struct stk_channel *channel;
    stk_channel_t number;
    enum stk_status status = change(apply, &channel, &number);
    if (status != STK_OK)
        return status;
    channel->handing_back = 1;
    memset(channel->step, STK_STEP_OBSERVE, sizeof channel->step);
    stk_publish_resync(apply->state, number);
    stk_apply_say_uint(apply, "on_way", channel->in_state[STK_PUBLISH_ON_WAY]);
    return changed(apply, number);
}

enum stk_status stk_channel_flush(struct stk_apply *apply)
{
    struct stk_channel *channel;
    stk_channel_t number;
    enum stk_status status = change(apply, &channel, &number);
    if (status != STK_OK)
        return status;
    channel->flush_asked++;
    stk_apply_say_uint(apply, "queued", stk_channel_queued(&apply->state->channels, number));
    return changed(apply, number);
}

enum stk_status stk_channel_resync(struct stk_apply *apply)
{
    struct stk_channel *channel;
    stk_channel_t number;
    enum stk_status status = change(apply, &channel, &number);
    if (status != STK_OK)
        return status;
    channel->resync_asked++;
    stk_publish_resync(apply->state, number);
    stk_apply_say_uint(apply, "listings", channel->listings);
    return changed(apply, number);
}

enum stk_status stk_channel_discover(struct stk_apply *apply)
{
    struct stk_channel *channel;
    stk_channel_t number;
    enum stk_status status = change(apply, &channel, &number);
    if (status != STK_OK)
        return status;
    channel->discover_asked++;
    return changed(apply, number);
}

/* ---- notes ---- */

enum stk_status stk_channel_note(struct stk_apply *apply)
{
    const struct stk_args_channel_note *args = apply->args;
    struct stk_notes *notes = &apply->state->notes;
    struct stk_bytes key = stk_apply_text(apply, args->key);
    struct stk_bytes value = stk_apply_text(apply, args->value);
    stk_channel_t number;
    enum stk_status status = stk_channel_find(apply, args->channel, &number);
    if (status != STK_OK)
        return status;
    struct stk_channel *channel = stk_channel_at(&apply->state->channels, number);
    uint32_t slot = stk_notes_put(notes, number, key, value);
    if (slot == STK_NONE)
        return stk_apply_refuse(apply, STK_FULL, "capacity \"notes\" or \"note_bytes\" is used up");
    stk_apply_begin(apply);
    stk_row_put_note(&apply->record, apply->state, slot);
    if (STK_GIVEN(args, CHANNEL_NOTE_WATERMARK) && args->watermark > channel->watermark_ms) {
        channel->watermark_ms = args->watermark; /* it never goes back */
        stk_row_put_channel(&apply->record, apply->state, number);
        if (channel->mode == STK_MODE_GUARANTEED)
            stk_publish_resync(apply->state, number); /* promises have retired: there is room */
    }
    return STK_OK;
}

enum stk_status stk_channel_note_get(struct stk_apply *apply)
{
    const struct stk_args_channel_note *args = apply->args;
    struct stk_bytes key = stk_apply_text(apply, args->key);
    stk_channel_t number;
    enum stk_status status = stk_channel_find(apply, args->channel, &number);
    if (status != STK_OK)
        return status;
    uint32_t slot = stk_notes_find(&apply->state->notes, number, key);
    if (slot == STK_NONE)
        return stk_apply_refuse(apply, STK_NOT_FOUND, "key: no note \"%.*s\"", (int)key.size,
                                key.data);
    stk_apply_say_bytes(apply, "value", stk_notes_value(&apply->state->notes, slot));
    return STK_OK;
}

/* ---- looking ---- */

static void say_steps(struct stk_doc *doc, const struct stk_channel *channel)
{
    stk_doc_text(doc, "steps");
    stk_doc_map(doc, STK_PUBLISH_KINDS);
    for (unsigned kind = 0; kind < STK_PUBLISH_KINDS; kind++)
        stk_doc_key_text(doc, stk_publish_kind_name(kind), stk_step_name(channel->step[kind]));
}

static const char *word_of(const struct stk_channel *channel)
{
    if (channel->held)
        return "held";
    if (channel->handing_back)
        return channel->in_state[STK_PUBLISH_ON_WAY] ? "handing_back" : "handed_back";
    return channel->paused ? "paused" : "open";
}

static void say_channel(struct stk_apply *apply, stk_channel_t number)
{
    const struct stk_state *state = apply->state;
    const struct stk_channel *channel = stk_channel_at(&state->channels, number);
    struct stk_doc *doc = &apply->answer;
    stk_time_t oldest_ms = stk_channel_oldest_ms(&state->channels, number);
    stk_doc_map(doc, 17);
    stk_doc_key_str(doc, "channel", stk_names_text(state->names, STK_NAME_CHANNEL, number));
    stk_doc_key_text(doc, "state", word_of(channel));
    stk_doc_key_text(doc, "mode", stk_mode_name(channel->mode));
    stk_doc_key_uint(doc, "cap", channel->cap);
    stk_doc_key_uint(doc, "share", channel->share_percent);
    stk_doc_key_uint(doc, "buffer", channel->buffer);
    stk_doc_key_uint(doc, "last_units", channel->last_units);
    stk_doc_key_uint(doc, "breaker", channel->breaker_percent);
    stk_doc_key_uint(doc, "lag_ms", channel->lag_ms);
    stk_doc_key_uint(doc, "canary", channel->canary_percent);
    say_steps(doc, channel);
    stk_doc_key_uint(doc, "listings", channel->listings);
    stk_doc_key_uint(doc, "queued", stk_channel_queued(&state->channels, number));
    stk_doc_key_int(doc, "oldest_unsent_ms", oldest_ms < apply->now ? apply->now - oldest_ms : 0);
    stk_doc_key_int(doc, "watermark_at", channel->watermark_ms);
    stk_doc_key_uint(doc, "resync_asked", channel->resync_asked);
    stk_doc_text(doc, "states");
    stk_doc_map(doc, STK_PUBLISH_STATES);
    for (unsigned i = 0; i < STK_PUBLISH_STATES; i++)
        stk_doc_key_uint(doc, stk_publish_state_name(i), channel->in_state[i]);
}

enum stk_status stk_channel_status(struct stk_apply *apply)
{
    const struct stk_args_channel *args = apply->args;
    stk_channel_t number;
    enum stk_status status = stk_channel_find(apply, args->channel, &number);
    if (status != STK_OK)
        return status;
    say_channel(apply, number);
    return stk_page_none(apply);
}

enum stk_status stk_channel_list(struct stk_apply *apply)
{
    struct stk_page page;
    enum stk_status status = stk_page_open(apply, "channels", &page);
    if (status != STK_OK)
        return status;
    uint32_t number = page.from;
    for (; number < STK_CHANNELS_MAX && stk_page_has_room(apply, &page); number++)
        if (stk_channel_at(&apply->state->channels, (stk_channel_t)number)->used) {
            say_channel(apply, (stk_channel_t)number);
            page.count++;
        }
    return stk_page_close(apply, &page, number < STK_CHANNELS_MAX ? number : STK_NONE);
}

static void say_published(struct stk_apply *apply, const struct stk_publication *at)
{
    struct stk_doc *doc = &apply->answer;
    int64_t desired;
    int wanted = stk_publish_desired(apply, at, &desired);
    int promised = at->promise != 0;
    uint32_t pairs = 2 + (wanted != 0) + (promised != 0) + 2 * ((at->known & STK_KNOWN_SENT) != 0) +
                     2 * ((at->known & STK_KNOWN_ACCEPTED) != 0) +
                     2 * ((at->known & STK_KNOWN_OBSERVED) != 0);
    stk_doc_map(doc, pairs);
    stk_doc_key_text(doc, "kind", stk_publish_kind_name(at->kind));
    stk_doc_key_text(doc, "state", stk_publish_state_name(at->state));
    if (promised)
        stk_doc_key_uint(doc, "promised", stk_guarantee_units(apply->state, at));
    if (wanted)
        stk_doc_key_int(doc, "desired", desired);
    if (at->known & STK_KNOWN_SENT) {
        stk_doc_key_int(doc, "sent", at->sent);
        stk_doc_key_int(doc, "sent_at", at->sent_ms);
    }
    if (at->known & STK_KNOWN_ACCEPTED) {
        stk_doc_key_int(doc, "accepted", at->accepted);
        stk_doc_key_int(doc, "accepted_at", at->accepted_ms);
    }
    if (at->known & STK_KNOWN_OBSERVED) {
        stk_doc_key_int(doc, "observed", at->observed);
        stk_doc_key_int(doc, "observed_at", at->observed_ms);
    }
}

void stk_channel_say_published(struct stk_apply *apply, stk_listing_t listing)
{
    const struct stk_channels *channels = &apply->state->channels;
    uint32_t count = 0, mark = stk_doc_array_open(&apply->answer);
    for (uint32_t slot = stk_published_first(channels, listing); slot != STK_NONE;
         slot = stk_published_at(channels, slot)->next_of_listing) {
        say_published(apply, stk_published_at(channels, slot));
        count++;
    }
    stk_doc_array_close(&apply->answer, mark, count);
}

/* What the channel has, or was told, is not what it should have. */
static int differs(struct stk_apply *apply, const struct stk_publication *at)
{
    int64_t desired, there = at->observed;
    if (!stk_publish_desired(apply, at, &desired))
        return 0;
    int known = (at->known & STK_KNOWN_OBSERVED) || stk_publish_told(at, &there);
    return !known || there != desired;
}

enum stk_status stk_channel_diff(struct stk_apply *apply)
{
    const struct stk_args_channel *args = apply->args;
    const struct stk_channels *channels = &apply->state->channels;
    const struct stk_catalog *catalog = &apply->state->catalog;
    struct stk_page page;
    stk_channel_t number;
    uint32_t looked = 0;
    enum stk_status status = stk_channel_find(apply, args->channel, &number);
    if (status == STK_OK)
        status = stk_page_open_at(apply, args->cursor, args->limit, "differences", &page);
    if (status != STK_OK)
        return status;
    stk_listing_t at = stk_catalog_next_listing(catalog, page.from);
    for (; at != STK_NONE && stk_page_has_room(apply, &page) && looked < 100000; looked++) {
        uint32_t slot = stk_catalog_listing(catalog, at)->channel == number
                            ? stk_published_first(channels, at)
                            : STK_NONE;
        for (; slot != STK_NONE; slot = stk_published_at(channels, slot)->next_of_listing) {
            if (!differs(apply, stk_published_at(channels, slot)))
                continue;
            stk_doc_map(&apply->answer, 2);
            stk_doc_key_str(&apply->answer, "listing", stk_catalog_listing_id(catalog, at));
            stk_doc_text(&apply->answer, "published");
            say_published(apply, stk_published_at(channels, slot));
            page.count++;
        }
        at = stk_catalog_next_listing(catalog, at + 1);
    }
    return stk_page_close(apply, &page, at);
}
