/* Bytes of channels, published things and notes. See core/README.md. Always: what put writes, load
 * reads, and loading it again changes nothing. */
#include "core/flow/publish_row.h"
#include "core/base/hash.h"
#include "core/flow/guarantee.h"
#include "core/flow/verb_channel.h"
#include "core/state/promise.h"

#define VERSION      1
#define SPAN_MOST_MS (INT64_C(1000) * 24 * 3600000)

static enum stk_status damaged(const char *what, struct stk_error *err)
{
    return stk_error_set(err, STK_CORRUPT, "%s: damaged row", what);
}

/* ---- channels ---- */

void stk_row_put_channel(struct stk_record *out, const struct stk_state *state,
                         stk_channel_t channel)
{
    const struct stk_channel *from = stk_channel_at(&state->channels, channel);
    uint8_t key[2];
    stk_put_be16(key, channel);
    uint8_t *value = stk_record_row_open(out, STK_TABLE_CHANNEL, key, sizeof key);
    uint8_t *at = value;
    *at++ = VERSION;
    *at++ = (uint8_t)(from->paused | from->handing_back << 1 | from->held << 2);
    *at++ = from->mode;
    *at++ = STK_PUBLISH_KINDS;
    for (unsigned i = 0; i < STK_PUBLISH_KINDS; i++)
        *at++ = from->step[i];
    *at++ = from->canary_percent;
    *at++ = from->share_percent;
    *at++ = from->breaker_percent;
    at = stk_put_varint(at, from->cap);
    at = stk_put_varint(at, from->buffer);
    at = stk_put_varint(at, from->last_units);
    at = stk_put_varint(at, from->lag_ms);
    at = stk_put_varint(at, from->risk_e6);
    at = stk_put_zigzag(at, from->watermark_ms);
    *at++ = from->write;
    *at++ = from->proof;
    *at++ = from->restocks;
    at = stk_put_zigzag(at, from->apply_ms);
    at = stk_put_zigzag(at, from->read_ms);
    at = stk_put_zigzag(at, from->order_ms);
    at = stk_put_zigzag(at, from->cancel_ms);
    at = stk_put_varint(at, from->flush_asked);
    at = stk_put_varint(at, from->discover_asked);
    at = stk_put_varint(at, from->resync_asked);
    stk_record_row_close(out, value, at);
}

static uint8_t get_percent(struct stk_reader *in)
{
    uint8_t percent = stk_get_u8(in);
    if (percent > 100)
        stk_reader_fail(in);
    return percent;
}

static uint32_t get_u32(struct stk_reader *in)
{
    return (uint32_t)stk_get_max(in, UINT32_MAX);
}

/* Bounds: what is declared, and widened; never so large that times overflow. */
static int64_t get_span(struct stk_reader *in)
{
    int64_t span = stk_get_zigzag(in);
    if (span < 0 || span > SPAN_MOST_MS)
        stk_reader_fail(in);
    return span;
}

static void read_channel(struct stk_channel *to, struct stk_reader *in)
{
    uint8_t flags = stk_get_u8(in);
    to->paused = flags & 1, to->handing_back = flags >> 1 & 1, to->held = flags >> 2 & 1;
    to->mode = stk_get_u8(in);
    uint8_t kinds = stk_get_u8(in);
    if (flags > 7 || to->mode >= STK_MODES || kinds != STK_PUBLISH_KINDS)
        stk_reader_fail(in);
    for (unsigned i = 0; i < STK_PUBLISH_KINDS; i++) {
        to->step[i] = stk_get_u8(in);
        if (to->step[i] >= STK_STEPS)
            stk_reader_fail(in);
    }
    to->canary_percent = get_percent(in);
    to->share_percent = get_percent(in);
    to->breaker_percent = get_percent(in);
    to->cap = get_u32(in);
    to->buffer = get_u32(in);
    to->last_units = get_u32(in);
    to->lag_ms = get_u32(in);
    to->risk_e6 = (uint32_t)stk_get_max(in, 1000000);
    to->watermark_ms = stk_get_zigzag(in);
    to->write = stk_get_u8(in);
    to->proof = stk_get_u8(in);
    to->restocks = stk_get_u8(in);
    if (to->write > STK_WRITE_CAS || to->proof > STK_PROOF_READBACK ||
        to->restocks > STK_RESTOCK_REFUND || (to->mode == STK_MODE_GUARANTEED && !to->write))
        stk_reader_fail(in);
    to->apply_ms = get_span(in);
    to->read_ms = get_span(in);
    to->order_ms = get_span(in);
    to->cancel_ms = get_span(in);
    to->flush_asked = get_u32(in);
    to->discover_asked = get_u32(in);
    to->resync_asked = get_u32(in);
}

enum stk_status stk_row_load_channel(struct stk_state *state, struct stk_reader *key,
                                     struct stk_reader *in, struct stk_error *err)
{
    stk_channel_t number = stk_get_be16(key);
    struct stk_channel read = {0};
    read_channel(&read, in);
    if (in->bad || in->at != in->end || number == 0 || number >= STK_CHANNELS_MAX ||
        stk_names_text(state->names, STK_NAME_CHANNEL, number).size == 0)
        return damaged("channel", err);
    struct stk_channel *to = stk_channel_at(&state->channels, number);
    if (!to->used)
        stk_channel_open(&state->channels, number);
    read.used = 1;
    read.listings = to->listings;
    memcpy(read.in_state, to->in_state, sizeof read.in_state);
    memcpy(read.list, to->list, sizeof read.list);
    *to = read;
    return STK_OK;
}

/* ---- published things ---- */

static void published_key(uint8_t key[5], stk_listing_t listing, uint8_t kind)
{
    stk_put_be32(key, listing);
    key[4] = kind;
}

/* As it is when all that the channel told of its orders is taken into it: so that it comes back the
 * same from disk. */
static uint8_t *put_promise(uint8_t *at, const struct stk_state *state,
                            const struct stk_publication *from)
{
    uint8_t bytes[STK_PROMISE_BYTES_MAX];
    if (!from->promise)
        return stk_put_varint(at, 0);
    struct stk_promise *p = stk_pool_at(&state->channels.promises, from->promise - 1);
    stk_promise_watermark(p, stk_channel_at(&state->channels, from->channel)->watermark_ms);
    return stk_put_bytes(at, bytes, (uint32_t)(stk_promise_write(p, bytes) - bytes));
}

void stk_row_put_published(struct stk_record *out, const struct stk_state *state, uint32_t slot)
{
    struct stk_publication *from = stk_published_at(&state->channels, slot);
    uint8_t key[5];
    published_key(key, from->listing, from->kind);
    uint8_t *value = stk_record_row_open(out, STK_TABLE_PUBLISHED, key, sizeof key);
    uint8_t *at = value;
    /* a wanted quantity follows from stock, a wanted price is a decision */
    uint8_t known = from->kind == STK_PUBLISH_QUANTITY ? (uint8_t)(from->known & ~STK_KNOWN_DESIRED)
                                                       : from->known;
    *at++ = VERSION;
    *at++ = from->state;
    *at++ = known;
    *at++ = from->repairs;
    at = stk_put_varint(at, from->attempts);
    if (known & STK_KNOWN_DESIRED)
        at = stk_put_zigzag(at, from->desired);
    if (known & STK_KNOWN_SENT) {
        at = stk_put_zigzag(at, from->sent);
        at = stk_put_zigzag(at, from->sent_ms);
        at = stk_put_varint(at, from->grant);
    }
    if (known & STK_KNOWN_ACCEPTED) {
        at = stk_put_zigzag(at, from->accepted);
        at = stk_put_zigzag(at, from->accepted_ms - from->sent_ms);
    }
    if (known & STK_KNOWN_OBSERVED) {
        at = stk_put_zigzag(at, from->observed);
        at = stk_put_zigzag(at, from->observed_ms);
    }
    at = stk_put_zigzag(at, from->until_ms);
    at = stk_put_zigzag(at, from->drift_ms);
    at = put_promise(at, state, from);
    stk_record_row_close(out, value, at);
    from->on_disk = 1;
}

void stk_row_delete_published(struct stk_record *out, const struct stk_state *state, uint32_t slot)
{
    const struct stk_publication *from = stk_published_at(&state->channels, slot);
    uint8_t key[5];
    published_key(key, from->listing, from->kind);
    stk_record_row_deleted(out, STK_TABLE_PUBLISHED, key, sizeof key);
}

static void read_published(struct stk_publication *to, struct stk_reader *in,
                           struct stk_bytes *promise)
{
    to->state = stk_get_u8(in);
    to->known = stk_get_u8(in);
    to->repairs = stk_get_u8(in);
    to->attempts = get_u32(in);
    if (to->state >= STK_PUBLISH_STATES || to->known > 15)
        stk_reader_fail(in);
    if (to->known & STK_KNOWN_DESIRED)
        to->desired = stk_get_zigzag(in);
    if (to->known & STK_KNOWN_SENT) {
        to->sent = stk_get_zigzag(in);
        to->sent_ms = stk_get_zigzag(in);
        to->grant = stk_get_varint(in);
    }
    if (to->known & STK_KNOWN_ACCEPTED) {
        to->accepted = stk_get_zigzag(in);
        to->accepted_ms = to->sent_ms + stk_get_zigzag(in);
    }
    if (to->known & STK_KNOWN_OBSERVED) {
        to->observed = stk_get_zigzag(in);
        to->observed_ms = stk_get_zigzag(in);
    }
    to->until_ms = stk_get_zigzag(in);
    to->drift_ms = stk_get_zigzag(in);
    *promise = stk_get_bytes(in);
}

static enum stk_status load_promise(struct stk_state *state, uint32_t slot,
                                    struct stk_bytes promise, struct stk_error *err)
{
    struct stk_publication *at = stk_published_at(&state->channels, slot);
    struct stk_promise read;
    if (!promise.size) {
        stk_guarantee_detach(state, slot);
        return STK_OK;
    }
    if (at->kind != STK_PUBLISH_QUANTITY ||
        stk_promise_read(&read, promise.data, promise.size) != STK_OK)
        return damaged("published", err);
    if (!at->promise && !stk_guarantee_attach(state, slot))
        return stk_error_set(err, STK_FULL, "capacity \"promises\" is smaller than what is stored");
    *(struct stk_promise *)stk_pool_at(&state->channels.promises, at->promise - 1) = read;
    at->restarted = 0;
    return STK_OK;
}

enum stk_status stk_row_load_published(struct stk_state *state, struct stk_reader *key,
                                       struct stk_reader *in, struct stk_error *err)
{
    struct stk_channels *channels = &state->channels;
    stk_listing_t listing = stk_get_be32(key);
    uint8_t kind = stk_get_u8(key);
    struct stk_publication read = {0};
    struct stk_bytes promise;
    read_published(&read, in, &promise);
    if (in->bad || in->at != in->end || kind >= STK_PUBLISH_KINDS ||
        !stk_catalog_listing_lives(&state->catalog, listing))
        return damaged("published", err);
    stk_channel_t channel = stk_catalog_listing(&state->catalog, listing)->channel;
    if (!stk_channel_at(channels, channel)->used)
        return stk_error_set(err, STK_CORRUPT, "published: listing %u is of no open channel",
                             listing);
    uint32_t slot = stk_published_find(channels, listing, kind);
    if (slot == STK_NONE)
        slot = stk_published_add(channels, listing, channel, kind);
    if (slot == STK_NONE)
        return stk_error_set(err, STK_FULL,
                             "capacity \"published\" is smaller than what is stored");
    stk_published_idle(channels, slot);
    stk_published_state(channels, slot, read.state);
    struct stk_publication *to = stk_published_at(channels, slot);
    read.next_of_listing = to->next_of_listing, read.listing = listing;
    read.next = read.prev = STK_NONE;
    read.channel = channel, read.kind = kind, read.on_disk = 1;
    read.promise = to->promise;
    *to = read;
    if (to->until_ms)
        stk_published_wait(channels, slot, to->until_ms);
    return load_promise(state, slot, promise, err);
}

void stk_row_unload_published(struct stk_state *state, struct stk_reader *key)
{
    stk_listing_t listing = stk_get_be32(key);
    uint8_t kind = stk_get_u8(key);
    if (key->bad || listing >= state->channels.listings || kind >= STK_PUBLISH_KINDS)
        return;
    uint32_t slot = stk_published_find(&state->channels, listing, kind);
    if (slot == STK_NONE)
        return;
    stk_guarantee_detach(state, slot);
    stk_published_remove(&state->channels, slot);
}

/* ---- notes ---- */

void stk_row_put_note(struct stk_record *out, const struct stk_state *state, uint32_t slot)
{
    const struct stk_note *note = stk_notes_at(&state->notes, slot);
    struct stk_bytes name = stk_notes_key(&state->notes, slot);
    struct stk_bytes text = stk_notes_value(&state->notes, slot);
    uint8_t key[16];
    stk_put_hash(key, stk_hash128(name.data, name.size, note->channel));
    uint8_t *value = stk_record_row_open(out, STK_TABLE_NOTE, key, sizeof key);
    uint8_t *at = value;
    *at++ = VERSION;
    at = stk_put_varint(at, note->channel);
    at = stk_put_bytes(at, name.data, name.size);
    at = stk_put_bytes(at, text.data, text.size);
    stk_record_row_close(out, value, at);
}

enum stk_status stk_row_load_note(struct stk_state *state, struct stk_reader *key,
                                  struct stk_reader *in, struct stk_error *err)
{
    struct stk_hash hash = stk_get_hash(key);
    stk_channel_t channel = (stk_channel_t)stk_get_max(in, STK_CHANNELS_MAX - 1);
    struct stk_bytes name = stk_get_bytes(in);
    struct stk_bytes text = stk_get_bytes(in);
    if (in->bad || in->at != in->end || channel == 0 || name.size == 0 || name.size > STK_ID_MAX ||
        text.size > STK_NOTE_MAX ||
        !stk_hash_equal(hash, stk_hash128(name.data, name.size, channel)))
        return damaged("note", err);
    if (stk_notes_put(&state->notes, channel, name, text) == STK_NONE)
        return stk_error_set(err, STK_FULL, "capacity \"notes\" is smaller than what is stored");
    return STK_OK;
}

/* ---- for people ---- */

void stk_row_describe_channel(struct stk_reader *key, struct stk_reader *in, struct stk_doc *doc)
{
    struct stk_channel read = {0};
    read_channel(&read, in);
    stk_doc_map(doc, 12);
    stk_doc_key_uint(doc, "channel", stk_get_be16(key));
    stk_doc_key_bool(doc, "paused", read.paused);
    stk_doc_key_bool(doc, "handing_back", read.handing_back);
    stk_doc_key_bool(doc, "held", read.held);
    stk_doc_key_text(doc, "mode", stk_mode_name(read.mode));
    stk_doc_text(doc, "steps");
    stk_doc_array(doc, STK_PUBLISH_KINDS);
    for (unsigned i = 0; i < STK_PUBLISH_KINDS; i++)
        stk_doc_text(doc, stk_step_name(read.step[i]));
    stk_doc_key_uint(doc, "cap", read.cap);
    stk_doc_key_uint(doc, "share", read.share_percent);
    stk_doc_key_uint(doc, "buffer", read.buffer);
    stk_doc_key_uint(doc, "last_units", read.last_units);
    stk_doc_key_uint(doc, "canary", read.canary_percent);
    stk_doc_key_int(doc, "watermark", read.watermark_ms);
}

void stk_row_describe_published(struct stk_reader *key, struct stk_reader *in, struct stk_doc *doc)
{
    struct stk_publication read = {0};
    struct stk_bytes promise;
    struct stk_promise promised;
    read_published(&read, in, &promise);
    uint32_t mark = stk_doc_map_open(doc), pairs = 3;
    stk_doc_key_uint(doc, "listing", stk_get_be32(key));
    stk_doc_key_text(doc, "kind", stk_publish_kind_name(stk_get_u8(key)));
    stk_doc_key_text(doc, "state", stk_publish_state_name(read.state));
    if (read.known & STK_KNOWN_DESIRED)
        stk_doc_key_int(doc, "desired", read.desired), pairs++;
    if (read.known & STK_KNOWN_SENT) {
        stk_doc_key_int(doc, "sent", read.sent), pairs++;
        stk_doc_key_int(doc, "sent_at", read.sent_ms), pairs++;
    }
    if (read.known & STK_KNOWN_ACCEPTED)
        stk_doc_key_int(doc, "accepted", read.accepted), pairs++;
    if (read.known & STK_KNOWN_OBSERVED)
        stk_doc_key_int(doc, "observed", read.observed), pairs++;
    if (promise.size && stk_promise_read(&promised, promise.data, promise.size) == STK_OK)
        stk_doc_key_uint(doc, "promised", stk_promise_units(&promised)), pairs++;
    stk_doc_map_close(doc, mark, pairs);
}

void stk_row_describe_note(struct stk_reader *in, struct stk_doc *doc)
{
    stk_doc_map(doc, 3);
    stk_doc_key_uint(doc, "channel", stk_get_varint(in));
    stk_doc_key_str(doc, "key", stk_get_bytes(in));
    stk_doc_key_str(doc, "value", stk_get_bytes(in));
}
