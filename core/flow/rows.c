/* Bytes of all rows but orders. Each value: u8 version, then fields. Always: what put writes, load
 * reads, and loading the same row again changes nothing. Values are checked as hostile: a damaged
 * one is STK_CORRUPT and names the row. */
#include "core/flow/rows.h"
#include "core/flow/command.h"
#include "core/flow/guarantee.h"
#include "core/flow/publish_row.h"
#include "core/flow/verb.h"
#include "core/state/earmark.h"
#include <stdio.h>

#define VERSION 1

/* ---- helpers ---- */

static uint8_t *open_row(struct stk_record *out, enum stk_table table, const void *key,
                         uint8_t key_size)
{
    uint8_t *value = stk_record_row_open(out, (uint8_t)table, key, key_size);
    *value = VERSION;
    return value;
}

static uint8_t *put_view(uint8_t *at, struct stk_bytes text)
{
    return stk_put_bytes(at, text.data, text.size);
}

static uint8_t *put_raw(uint8_t *at, const char *data, uint32_t size)
{
    if (size)
        memcpy(at, data, size);
    return at + size;
}

void stk_row_delete_u32(struct stk_record *out, enum stk_table table, uint32_t slot)
{
    uint8_t key[4];
    stk_put_be32(key, slot);
    stk_record_row_deleted(out, (uint8_t)table, key, sizeof key);
}

static uint8_t *open_u32(struct stk_record *out, enum stk_table table, uint32_t slot)
{
    uint8_t key[4];
    stk_put_be32(key, slot);
    return open_row(out, table, key, sizeof key);
}

static enum stk_status damaged(const char *what, struct stk_error *err)
{
    return stk_error_set(err, STK_CORRUPT, "%s: damaged row", what);
}

static enum stk_status done(const struct stk_reader *in, const char *what, struct stk_error *err)
{
    return in->bad || in->at != in->end ? damaged(what, err) : STK_OK;
}

static uint32_t get_u32(struct stk_reader *in)
{
    return (uint32_t)stk_get_max(in, UINT32_MAX);
}

static uint16_t get_u16(struct stk_reader *in)
{
    return (uint16_t)stk_get_max(in, UINT16_MAX);
}

/* The number of a word; 0 = none. */
static uint16_t get_name(struct stk_reader *in, enum stk_name_kind kind)
{
    return (uint16_t)stk_get_max(in, stk_names_max(kind));
}

/* An id or another short text that must be there. */
static struct stk_bytes get_id(struct stk_reader *in)
{
    struct stk_bytes id = stk_get_bytes(in);
    if (id.size == 0 || id.size > STK_ID_MAX)
        stk_reader_fail(in);
    return id;
}

/* ---- words ---- */

void stk_row_put_name(struct stk_record *out, enum stk_name_kind kind, uint16_t number,
                      struct stk_bytes text)
{
    uint8_t key[3] = {(uint8_t)kind};
    stk_put_be16(key + 1, number);
    uint8_t *value = open_row(out, STK_TABLE_NAME, key, sizeof key);
    stk_record_row_close(out, value, put_view(value + 1, text));
}

static enum stk_status load_name(struct stk_state *state, struct stk_reader *key,
                                 struct stk_reader *in, struct stk_error *err)
{
    uint8_t kind = stk_get_u8(key);
    uint16_t number = stk_get_be16(key);
    struct stk_bytes text = stk_get_bytes(in);
    if (kind == 0 || kind >= STK_NAME_KINDS || number == 0 || number > stk_names_max(kind) ||
        text.size == 0 || text.size > STK_ID_MAX || done(in, "name", err) != STK_OK)
        return damaged("name", err);
    uint16_t known = stk_names_find(state->names, kind, text);
    if (known != number && (known || stk_names_text(state->names, kind, number).size))
        return stk_error_set(err, STK_CORRUPT, "name: number %u of kind %u has two texts", number,
                             kind);
    stk_names_put(state->names, kind, number, text);
    return STK_OK;
}

/* ---- locations ---- */

void stk_row_put_location(struct stk_record *out, const struct stk_state *state,
                          stk_location_t location)
{
    const struct stk_location *at = &state->catalog.location[location];
    uint8_t key[2];
    stk_put_be16(key, location);
    uint8_t *value = open_row(out, STK_TABLE_LOCATION, key, sizeof key);
    uint8_t *to = value + 1;
    *to++ = at->kind;
    *to++ = (uint8_t)((at->ships ? 1 : 0) | (at->split ? 2 : 0));
    to = stk_put_zigzag(to, at->priority);
    to = stk_put_varint(to, at->country);
    to = stk_put_varint(to, at->authority);
    to = stk_put_varint(to, at->near_count);
    for (unsigned i = 0; i < at->near_count; i++)
        to = stk_put_varint(to, at->near[i]);
    for (unsigned i = 0; i < STK_CHANNELS_MAX / 64; i++)
        to = stk_put_varint(to, at->channels[i]);
    to = stk_put_bytes(to, at->id, at->id_size);
    to = stk_put_bytes(to, at->name, at->name_size);
    stk_record_row_close(out, value, to);
}

static void get_location(struct stk_reader *in, struct stk_location *to)
{
    to->kind = stk_get_u8(in);
    uint8_t flags = stk_get_u8(in);
    to->ships = flags & 1;
    to->split = flags >> 1 & 1;
    to->priority = (int32_t)stk_get_zigzag(in);
    to->country = get_u16(in);
    to->authority = get_name(in, STK_NAME_SOURCE);
    uint64_t near = stk_get_varint(in);
    if (near > sizeof to->near / sizeof to->near[0])
        near = (uint64_t)stk_reader_fail(in);
    to->near_count = (uint8_t)near;
    for (unsigned i = 0; i < near; i++)
        to->near[i] = get_u16(in);
    for (unsigned i = 0; i < STK_CHANNELS_MAX / 64; i++)
        to->channels[i] = stk_get_varint(in);
    struct stk_bytes id = stk_get_bytes(in), name = stk_get_bytes(in);
    if (id.size == 0 || id.size > STK_ID_MAX || name.size > STK_TEXT_MAX) {
        stk_reader_fail(in);
        return;
    }
    if (to->id_size == 0) { /* an id is constant once made: other threads read it */
        memcpy(to->id, id.data, id.size);
        to->id_size = (uint8_t)id.size;
    }
    if (name.size)
        memcpy(to->name, name.data, name.size);
    to->name_size = (uint16_t)name.size;
    to->used = 1;
}

static enum stk_status load_location(struct stk_state *state, struct stk_reader *key,
                                     struct stk_reader *in, struct stk_error *err)
{
    uint16_t number = stk_get_be16(key);
    if (number >= STK_LOCATIONS_MAX || number > state->catalog.locations)
        return damaged("location", err);
    get_location(in, &state->catalog.location[number]);
    enum stk_status status = done(in, "location", err);
    if (status == STK_OK && number == state->catalog.locations)
        state->catalog.locations = (uint16_t)(number + 1);
    return status;
}

/* ---- SKUs ---- */

void stk_row_put_sku(struct stk_record *out, const struct stk_state *state, stk_sku_t sku)
{
    uint8_t *value = open_u32(out, STK_TABLE_SKU, sku);
    uint8_t *at = put_view(value + 1, stk_catalog_sku_id(&state->catalog, sku));
    stk_record_row_close(out, value, put_view(at, stk_catalog_attributes(&state->catalog, sku)));
}

/* Aliases and barcodes of the attributes as the names of the SKU. */
static enum stk_status name_sku(struct stk_state *state, stk_sku_t sku, struct stk_bytes attributes,
                                struct stk_error *err)
{
    struct stk_bytes names[2 * STK_ATTR_LIST_MAX];
    struct stk_attributes read;
    uint32_t count = 0;
    enum stk_status status = stk_attributes_read(attributes, &read);
    if (status != STK_OK)
        return damaged("sku", err);
    for (uint32_t i = 0; i < read.alias_count; i++)
        names[count++] = read.aliases[i];
    for (uint32_t i = 0; i < read.barcode_count; i++)
        names[count++] = read.barcodes[i];
    for (uint32_t i = 0; i < count; i++)
        if (names[i].size == 0 || names[i].size > STK_ID_MAX)
            return damaged("sku", err);
    if (!count && !stk_catalog_sku_more(&state->catalog, sku)->first_alias)
        return STK_OK;
    status = stk_catalog_set_aliases(&state->catalog, sku, names, count, err);
    return status == STK_EXISTS && err ? err->status = STK_CORRUPT : status;
}

static enum stk_status load_sku(struct stk_state *state, struct stk_reader *key,
                                struct stk_reader *in, struct stk_error *err)
{
    stk_sku_t sku = stk_get_be32(key);
    struct stk_bytes id = stk_get_bytes(in), attributes = stk_get_bytes(in);
    enum stk_status status = done(in, "sku", err);
    if (status != STK_OK)
        return status;
    if (id.size == 0 || id.size > STK_ID_MAX)
        return damaged("sku", err);
    if (sku >= state->catalog.skus.capacity)
        return stk_error_set(err, STK_FULL, "capacity \"skus\" is smaller than what is stored");
    stk_sku_t there = stk_catalog_find_sku(&state->catalog, id);
    if (there != STK_NONE ? there != sku : stk_catalog_sku_lives(&state->catalog, sku))
        return stk_error_set(err, STK_CORRUPT,
                             "sku: \"%.*s\" and another one claim each other's place", (int)id.size,
                             id.data);
    if (there == STK_NONE)
        status = stk_catalog_add_sku(&state->catalog, id, &sku, err);
    if (status == STK_OK && (attributes.size || stk_catalog_attributes(&state->catalog, sku).size))
        status = stk_catalog_set_attributes(&state->catalog, sku, attributes, err);
    return status == STK_OK ? name_sku(state, sku, attributes, err) : status;
}

enum { ENGINE_NEXT_SKU = 1 }; /* items of the table */

void stk_row_put_next_sku(struct stk_record *out, const struct stk_state *state)
{
    uint8_t item = ENGINE_NEXT_SKU;
    uint8_t *value = open_row(out, STK_TABLE_ENGINE, &item, sizeof item);
    stk_record_row_close(out, value, stk_put_varint(value + 1, state->catalog.skus.top));
}

static enum stk_status load_engine(struct stk_state *state, struct stk_reader *key,
                                   struct stk_reader *in, struct stk_error *err)
{
    uint8_t item = stk_get_u8(key);
    if (item != ENGINE_NEXT_SKU)
        return stk_error_set(err, STK_VERSION, "engine: item %u is not known here", item);
    uint32_t next = get_u32(in);
    enum stk_status status = done(in, "engine", err);
    if (status == STK_OK)
        status = stk_catalog_skip_skus(&state->catalog, next, err);
    return status == STK_FULL
               ? stk_error_set(err, STK_FULL, "capacity \"skus\" is smaller than what is stored")
               : status;
}

/* ---- cells ---- */

/* Those that most cells have first: their mask is one byte. What is on hand follows from the
 * ledger: all that came and did not go. */
enum {
    CELL_HELD,
    CELL_RECEIVED,
    CELL_FOUND,
    CELL_SHIPPED,
    CELL_AS_OF,
    CELL_MOVES_SINCE,
    CELL_RETURNED,
    CELL_UNSELLABLE,
    CELL_EARMARKED,
    CELL_WRITTEN_OFF,
    CELL_TRANSFERRED_IN,
    CELL_TRANSFERRED_OUT,
    CELL_FIELDS,
};
_Static_assert(CELL_FIELDS == STK_CELL_FIELDS, "rows.h names as many");
#define CELL_IS_64                                                                                 \
    (1u << CELL_RECEIVED | 1u << CELL_SHIPPED | 1u << CELL_AS_OF | 1u << CELL_MOVES_SINCE)

static void cell_key(const struct stk_state *state, stk_cell_t cell, uint8_t key[6])
{
    const struct stk_cell *at = stk_catalog_cell(&state->catalog, cell);
    stk_put_be32(key, at->sku);
    stk_put_be16(key + 4, at->location);
}

/* A mask of the fields that are not zero, then those. */
void stk_row_put_cell(struct stk_record *out, const struct stk_state *state, stk_cell_t cell)
{
    const struct stk_cell *at = stk_catalog_cell(&state->catalog, cell);
    const struct stk_cell_more *more = stk_catalog_cell_more(&state->catalog, cell);
    struct stk_cell_numbers numbers = stk_cell_numbers(at);
    const uint64_t field[CELL_FIELDS] = {
        [CELL_HELD] = numbers.held,
        [CELL_RECEIVED] = at->received,
        [CELL_AS_OF] = (uint64_t)*stk_catalog_counted(&state->catalog, cell),
        [CELL_SHIPPED] = at->shipped,
        [CELL_UNSELLABLE] = numbers.unsellable,
        [CELL_RETURNED] = at->returned,
        [CELL_MOVES_SINCE] = (uint64_t)more->moves_since,
        [CELL_EARMARKED] = numbers.earmarked,
        [CELL_FOUND] = at->found,
        [CELL_WRITTEN_OFF] = at->written_off,
        [CELL_TRANSFERRED_IN] = more->transferred_in,
        [CELL_TRANSFERRED_OUT] = more->transferred_out,
    };
    uint8_t key[6];
    uint32_t mask = 0;
    cell_key(state, cell, key);
    uint8_t *value = open_row(out, STK_TABLE_CELL, key, sizeof key);
    for (unsigned i = 0; i < CELL_FIELDS; i++)
        mask |= (uint32_t)(field[i] != 0) << i;
    uint8_t *to = stk_put_varint(value + 1, mask);
    for (uint32_t left = mask; left; left &= left - 1)
        to = stk_put_varint(to, field[__builtin_ctz(left)]);
    stk_record_row_close(out, value, to);
}

void stk_row_delete_cell(struct stk_record *out, const struct stk_state *state, stk_cell_t cell)
{
    uint8_t key[6];
    cell_key(state, cell, key);
    stk_record_row_deleted(out, STK_TABLE_CELL, key, sizeof key);
}

void stk_row_get_cell(struct stk_reader *in, struct stk_cell_row *out)
{
    uint64_t *field = out->field;
    uint64_t mask = stk_get_varint(in);
    if (mask >> CELL_FIELDS)
        stk_reader_fail(in);
    for (unsigned i = 0; i < CELL_FIELDS; i++)
        field[i] = mask >> i & 1 ? stk_get_varint(in) : 0;
    for (unsigned i = 0; i < CELL_FIELDS; i++)
        if (field[i] > (CELL_IS_64 >> i & 1 ? INT64_MAX : UINT32_MAX))
            stk_reader_fail(in);
    uint64_t came = field[CELL_RECEIVED] + field[CELL_RETURNED] + field[CELL_FOUND] +
                    field[CELL_TRANSFERRED_IN];
    uint64_t went = field[CELL_UNSELLABLE] + field[CELL_SHIPPED] + field[CELL_WRITTEN_OFF] +
                    field[CELL_TRANSFERRED_OUT];
    if (went > came || came - went > STK_QUANTITY_MAX)
        stk_reader_fail(in);
    out->on_hand = (uint32_t)(came - went);
}

static void set_cell(struct stk_state *state, stk_cell_t cell, const struct stk_cell_row *row)
{
    const uint64_t *field = row->field;
    struct stk_cell *at = stk_catalog_cell(&state->catalog, cell);
    struct stk_cell_more *more = stk_catalog_cell_more(&state->catalog, cell);
    struct stk_cell_numbers numbers = {row->on_hand, (uint32_t)field[CELL_HELD],
                                       (uint32_t)field[CELL_UNSELLABLE],
                                       (uint32_t)field[CELL_EARMARKED]};
    stk_cell_write(at, numbers);
    at->received = field[CELL_RECEIVED];
    at->shipped = field[CELL_SHIPPED];
    at->returned = (uint32_t)field[CELL_RETURNED];
    at->found = (uint32_t)field[CELL_FOUND];
    at->written_off = (uint32_t)field[CELL_WRITTEN_OFF];
    stk_time_t *counted = stk_catalog_counted(&state->catalog, cell);
    if (*counted != (stk_time_t)field[CELL_AS_OF])
        *counted = (stk_time_t)field[CELL_AS_OF];
    if (field[CELL_MOVES_SINCE] | field[CELL_TRANSFERRED_IN] | field[CELL_TRANSFERRED_OUT] |
        (uint64_t)more->moves_since | more->transferred_in |
        more->transferred_out) { /* else it stays untouched memory */
        more->moves_since = (stk_time_t)field[CELL_MOVES_SINCE];
        more->transferred_in = (uint32_t)field[CELL_TRANSFERRED_IN];
        more->transferred_out = (uint32_t)field[CELL_TRANSFERRED_OUT];
    }
}

static enum stk_status load_cell(struct stk_state *state, struct stk_reader *key,
                                 struct stk_reader *in, struct stk_error *err)
{
    struct stk_cell_row row;
    stk_sku_t sku = stk_get_be32(key);
    stk_location_t location = stk_get_be16(key);
    stk_row_get_cell(in, &row);
    enum stk_status status = done(in, "cell", err);
    if (status != STK_OK)
        return status;
    if (!stk_catalog_sku_lives(&state->catalog, sku) || location >= state->catalog.locations)
        return damaged("cell", err);
    stk_cell_t cell = stk_catalog_find_cell(&state->catalog, sku, location);
    if (cell == STK_NONE)
        status = stk_catalog_add_cell(&state->catalog, sku, location, &cell, err);
    if (status != STK_OK)
        return status;
    set_cell(state, cell, &row);
    stk_assert(stk_cell_balanced(stk_catalog_cell(&state->catalog, cell),
                                 stk_catalog_cell_more(&state->catalog, cell)));
    return STK_OK;
}

/* ---- listings ---- */

void stk_row_put_listing(struct stk_record *out, const struct stk_state *state,
                         stk_listing_t listing)
{
    const struct stk_listing *from = stk_catalog_listing(&state->catalog, listing);
    uint8_t *value = open_u32(out, STK_TABLE_LISTING, listing);
    uint8_t *at = stk_put_varint(value + 1, from->channel);
    *at++ = from->active;
    at = put_view(at, stk_catalog_listing_id(&state->catalog, listing));
    at = stk_put_varint(at, from->component_count);
    for (uint32_t i = from->first_component; i != STK_NONE;) {
        const struct stk_component *component = stk_catalog_component(&state->catalog, i);
        at = stk_put_varint(at, component->sku);
        at = stk_put_varint(at, component->units);
        i = component->next_of_listing;
    }
    stk_record_row_close(out, value, at);
}

static enum stk_status load_listing(struct stk_state *state, struct stk_reader *key,
                                    struct stk_reader *in, struct stk_error *err)
{
    struct stk_component_spec spec[STK_COMPONENTS_MAX];
    stk_listing_t listing = stk_get_be32(key);
    stk_channel_t channel = get_name(in, STK_NAME_CHANNEL);
    uint8_t active = stk_get_u8(in);
    struct stk_bytes id = get_id(in);
    uint64_t count = stk_get_varint(in);
    if (in->bad || count == 0 || count > STK_COMPONENTS_MAX)
        return damaged("listing", err);
    for (uint64_t i = 0; i < count; i++) {
        spec[i].sku = get_u32(in);
        spec[i].units = get_u32(in);
        if (!stk_catalog_sku_lives(&state->catalog, spec[i].sku) || spec[i].units == 0)
            return damaged("listing", err);
    }
    enum stk_status status = done(in, "listing", err);
    if (status != STK_OK)
        return status;
    if (listing >= state->catalog.listings.capacity)
        return stk_error_set(err, STK_FULL, "capacity \"listings\" is smaller than what is stored");
    stk_listing_t there = stk_catalog_find_listing(&state->catalog, channel, id);
    if (there != STK_NONE ? there != listing : stk_catalog_listing_lives(&state->catalog, listing))
        return stk_error_set(err, STK_CORRUPT,
                             "listing: \"%.*s\" and another one claim each other's place",
                             (int)id.size, id.data);
    if (there != STK_NONE)
        stk_guarantee_count(state, listing, -1);
    status = stk_catalog_put_listing(&state->catalog, channel, id, spec, (uint32_t)count, active,
                                     &listing, err);
    if (there != STK_NONE)
        stk_guarantee_count(state, listing, 1);
    return status;
}

/* ---- keys ---- */

/* "seq" and its number, as an answer begins with them. */
static uint32_t put_seq_pair(uint8_t pair[16], stk_seq_t seq)
{
    struct stk_doc doc = stk_doc(pair, 16);
    stk_doc_text(&doc, "seq");
    stk_doc_uint(&doc, seq);
    return doc.size;
}

/* The answer, without its number when that is the row's: it begins so after every change. */
static uint8_t *put_doc(uint8_t *at, struct stk_bytes doc, stk_seq_t seq)
{
    uint8_t pair[16];
    uint32_t size = put_seq_pair(pair, seq);
    if (doc.size <= size || doc.size > STK_KEY_DOC_MAX || ((uint8_t)doc.data[0] & 0xf0) != 0x80 ||
        memcmp(doc.data + 1, pair, size) != 0)
        return put_raw(stk_put_varint(at, (uint64_t)doc.size << 1), doc.data, doc.size);
    at = stk_put_varint(at, (uint64_t)(doc.size - size) << 1 | 1);
    *at++ = (uint8_t)doc.data[0];
    return put_raw(at, doc.data + 1 + size, doc.size - 1 - size);
}

void stk_row_put_key(struct stk_record *out, const struct stk_key_entry *entry, unsigned space,
                     stk_time_t time_ms, struct stk_bytes source, struct stk_bytes id,
                     struct stk_bytes doc)
{
    uint8_t key[8];
    stk_assert(entry->class == 0 || space == 0);
    stk_put_be64(key, entry->seq);
    uint8_t *value = open_row(out, STK_TABLE_KEY, key, sizeof key);
    uint8_t *at = value + 1;
    *at++ = (uint8_t)(space << 1 | entry->class);
    if (!space)
        at = stk_put_hash(at, entry->key);
    at = stk_put_zigzag(at, time_ms);
    at = stk_put_hash(at, entry->body);
    if (entry->class) {
        at = stk_put_varint(at, entry->number);
    } else {
        at = stk_put_varint(at, entry->status);
        at = stk_put_varint(at, entry->verb);
        at = put_view(at, source);
        at = put_view(at, id);
        at = put_doc(at, doc, entry->seq);
    }
    stk_record_row_close(out, value, at);
}

static struct stk_bytes get_doc(struct stk_reader *in, stk_seq_t seq, uint8_t *room)
{
    uint64_t size = stk_get_varint(in);
    int is_short = size & 1;
    size >>= 1;
    if (!stk_reader_has(in, size))
        return (struct stk_bytes){0};
    struct stk_bytes doc = {(const char *)in->at, (uint32_t)size};
    in->at += size;
    if (!is_short || !room)
        return doc;
    if (size == 0 || size > STK_KEY_DOC_MAX) {
        stk_reader_fail(in);
        return (struct stk_bytes){0};
    }
    room[0] = (uint8_t)doc.data[0];
    uint32_t pair = put_seq_pair(room + 1, seq);
    memcpy(room + 1 + pair, doc.data + 1, size - 1);
    return (struct stk_bytes){(const char *)room, doc.size + pair};
}

enum stk_status stk_row_read_key(struct stk_bytes value, stk_seq_t seq, uint8_t *room,
                                 struct stk_key_answer *out, struct stk_error *err)
{
    struct stk_reader in = stk_reader(value.data, value.size);
    memset(out, 0, sizeof *out);
    if (stk_get_u8(&in) != VERSION)
        return stk_error_set(err, STK_VERSION, "key: a row format that is not known here");
    uint8_t kind = stk_get_u8(&in);
    unsigned space = kind >> 1;
    out->class = kind & 1;
    if (space > STK_KEY_OTHER || (space && out->class))
        return damaged("key", err);
    if (!space)
        out->key = stk_get_hash(&in);
    stk_get_zigzag(&in);
    out->body = stk_get_hash(&in);
    if (out->class) {
        out->number = stk_get_varint(&in);
    } else {
        out->status = get_u16(&in);
        out->verb = get_u16(&in);
        out->source = stk_get_bytes(&in);
        out->id = stk_get_bytes(&in);
        out->doc = get_doc(&in, seq, room);
        if (out->source.size > STK_ID_MAX || out->id.size > STK_ID_MAX)
            return damaged("key", err);
    }
    if (space)
        out->key = stk_command_key(space, out->source, out->id);
    return done(&in, "key", err);
}

static enum stk_status load_key(struct stk_state *state, struct stk_reader *key,
                                struct stk_bytes value, struct stk_error *err)
{
    struct stk_dedupe *dedupe = &state->dedupe;
    struct stk_key_answer answer;
    uint8_t room[STK_KEY_DOC_ROOM];
    stk_seq_t seq = stk_get_be64(key);
    enum stk_status status = stk_row_read_key(value, seq, room, &answer, err);
    if (status != STK_OK)
        return status;
    if (seq <= stk_dedupe_last(dedupe))
        return STK_OK; /* known: the effect is loaded again */
    if (!stk_dedupe_has_room(dedupe, answer.doc.size))
        return stk_error_set(err, STK_FULL, "capacity \"keys\" is smaller than what is stored");
    struct stk_key_entry entry = {
        .key = answer.key,
        .body = answer.body,
        .seq = seq,
        .doc = STK_NONE,
        .doc_size = answer.doc.size,
        .number = answer.number,
        .status = answer.status,
        .verb = answer.verb,
        .class = answer.class,
    };
    stk_dedupe_add(dedupe, &entry, answer.doc);
    return STK_OK;
}

/* ---- movements ---- */

static void movement_key(const struct stk_movement *movement, uint8_t key[10])
{
    stk_put_be64(key, movement->seq);
    stk_put_be16(key + 8, (uint16_t)movement->part);
}

void stk_row_put_movement(struct stk_record *out, const struct stk_state *state, uint32_t movement)
{
    const struct stk_movement *from = stk_pool_at(&state->book.movements, movement);
    const struct stk_cell *cell = stk_catalog_cell(&state->catalog, from->cell);
    uint8_t key[10];
    movement_key(from, key);
    uint8_t *value = open_row(out, STK_TABLE_MOVEMENT, key, sizeof key);
    uint8_t *at = stk_put_varint(value + 1, cell->sku);
    at = stk_put_varint(at, cell->location);
    at = stk_put_zigzag(at, from->occurred_ms);
    at = stk_put_zigzag(at, from->delta);
    at = stk_put_varint(at, from->source);
    if (from->source)
        at = stk_put_zigzag(at, from->placed_ms - from->occurred_ms);
    stk_record_row_close(out, value, at);
}

void stk_row_delete_movement(struct stk_record *out, const struct stk_state *state,
                             const struct stk_movement *movement)
{
    uint8_t key[10];
    (void)state;
    movement_key(movement, key);
    stk_record_row_deleted(out, STK_TABLE_MOVEMENT, key, sizeof key);
}

static enum stk_status load_movement(struct stk_state *state, struct stk_reader *key,
                                     struct stk_reader *in, struct stk_error *err)
{
    stk_seq_t seq = stk_get_be64(key);
    uint16_t part = stk_get_be16(key);
    stk_sku_t sku = get_u32(in);
    uint32_t location = get_u32(in);
    stk_time_t occurred_ms = stk_get_zigzag(in);
    int64_t delta = stk_get_zigzag(in);
    uint16_t source = get_name(in, STK_NAME_SOURCE);
    stk_time_t placed_ms = 0;
    if (source && __builtin_add_overflow(occurred_ms, stk_get_zigzag(in), &placed_ms))
        stk_reader_fail(in);
    if (delta < INT32_MIN || delta > INT32_MAX)
        stk_reader_fail(in);
    enum stk_status status = done(in, "movement", err);
    if (status != STK_OK)
        return status;
    if (!stk_catalog_sku_lives(&state->catalog, sku) || location >= state->catalog.locations)
        return damaged("movement", err);
    const struct stk_movement *last =
        state->book.movements.used ? stk_pool_at(&state->book.movements, state->book.last_movement)
                                   : NULL;
    if (last && (seq < last->seq || (seq == last->seq && part <= last->part)))
        return STK_OK; /* known: the effect is loaded again */
    stk_cell_t cell = stk_catalog_find_cell(&state->catalog, sku, (stk_location_t)location);
    if (cell == STK_NONE) /* its row comes later in the same record */
        status = stk_catalog_add_cell(&state->catalog, sku, (stk_location_t)location, &cell, err);
    if (status != STK_OK)
        return status;
    if (state->book.movements.used == state->book.movements.capacity)
        return stk_error_set(err, STK_FULL,
                             "capacity \"movements\" is smaller than what is stored");
    uint32_t slot = stk_book_add_movement(&state->book, &state->catalog, cell, occurred_ms, seq,
                                          (int32_t)delta);
    struct stk_movement *to = stk_pool_at(&state->book.movements, slot);
    to->part = part;
    to->source = source;
    to->placed_ms = placed_ms;
    return STK_OK;
}

/* Movements go in the order in which they came. */
static void unload_movement(struct stk_state *state, struct stk_reader *key)
{
    stk_seq_t seq = stk_get_be64(key);
    uint16_t part = stk_get_be16(key);
    if (!state->book.movements.used)
        return;
    const struct stk_movement *first =
        stk_pool_at(&state->book.movements, state->book.first_movement);
    if (first->seq == seq && first->part == part)
        stk_book_forget_movements(&state->book, &state->catalog, INT64_MAX, 1, NULL, NULL);
}

/* ---- incoming, earmarks, transfers ---- */

void stk_row_put_incoming(struct stk_record *out, const struct stk_state *state, uint32_t slot)
{
    const struct stk_incoming *from = stk_pool_at(&state->book.incoming, slot);
    uint8_t *value = open_u32(out, STK_TABLE_INCOMING, slot);
    uint8_t *at = put_view(value + 1, stk_book_text(&state->book, from->document));
    at = stk_put_varint(at, from->sku);
    at = stk_put_varint(at, from->location);
    at = stk_put_varint(at, from->quantity);
    at = stk_put_varint(at, from->preorder_limit);
    at = stk_put_zigzag(at, from->expected_ms);
    stk_record_row_close(out, value, stk_put_zigzag(at, from->ship_by_ms));
}

static enum stk_status load_incoming(struct stk_state *state, struct stk_reader *key,
                                     struct stk_reader *in, struct stk_error *err)
{
    uint32_t slot = stk_get_be32(key);
    struct stk_bytes document = stk_get_bytes(in);
    stk_sku_t sku = get_u32(in);
    uint32_t location = get_u32(in), quantity = get_u32(in), limit = get_u32(in);
    stk_time_t expected_ms = stk_get_zigzag(in), ship_by_ms = stk_get_zigzag(in);
    enum stk_status status = done(in, "incoming", err);
    if (status != STK_OK)
        return status;
    if (!stk_catalog_sku_lives(&state->catalog, sku) || location >= state->catalog.locations ||
        document.size == 0 || document.size > STK_ID_MAX)
        return damaged("incoming", err);
    uint32_t there = stk_book_find_incoming(&state->book, document, sku, (stk_location_t)location);
    if (there != STK_NONE ? there != slot : stk_book_incoming_lives(&state->book, slot))
        return damaged("incoming", err);
    if (there == STK_NONE)
        there = slot < state->book.incoming.capacity
                    ? stk_book_add_incoming(&state->book, &state->catalog, slot, document, sku,
                                            (stk_location_t)location, expected_ms)
                    : STK_NONE;
    if (there == STK_NONE)
        return stk_error_set(err, STK_FULL, "capacity \"incoming\" is smaller than what is stored");
    struct stk_incoming *to = stk_pool_at(&state->book.incoming, slot);
    to->quantity = quantity; /* preorders: the orders' holds bring them */
    to->preorder_limit = limit;
    stk_book_expect_incoming(&state->book, &state->catalog, slot, expected_ms);
    to->ship_by_ms = ship_by_ms;
    return STK_OK;
}

void stk_row_put_earmark(struct stk_record *out, const struct stk_state *state, uint32_t slot)
{
    const struct stk_earmark *from = stk_pool_at(&state->book.earmarks, slot);
    const struct stk_cell *cell = stk_catalog_cell(&state->catalog, from->cell);
    uint8_t *value = open_u32(out, STK_TABLE_EARMARK, slot);
    uint8_t *at = put_view(value + 1, stk_book_text(&state->book, from->id));
    at = stk_put_varint(at, cell->sku);
    at = stk_put_varint(at, cell->location);
    at = stk_put_varint(at, from->quantity);
    at = stk_put_varint(at, from->use);
    stk_record_row_close(out, value, stk_put_zigzag(at, from->until_ms));
}

static enum stk_status load_earmark(struct stk_state *state, struct stk_reader *key,
                                    struct stk_reader *in, struct stk_error *err)
{
    uint32_t slot = stk_get_be32(key);
    struct stk_bytes id = stk_get_bytes(in);
    stk_sku_t sku = get_u32(in);
    uint32_t location = get_u32(in), quantity = get_u32(in);
    uint16_t use = get_name(in, STK_NAME_USE);
    stk_time_t until_ms = stk_get_zigzag(in);
    enum stk_status status = done(in, "earmark", err);
    if (status != STK_OK)
        return status;
    if (!stk_catalog_sku_lives(&state->catalog, sku) || location >= state->catalog.locations ||
        id.size == 0 || id.size > STK_ID_MAX)
        return damaged("earmark", err);
    stk_cell_t cell = stk_catalog_find_cell(&state->catalog, sku, (stk_location_t)location);
    if (cell == STK_NONE)
        status = stk_catalog_add_cell(&state->catalog, sku, (stk_location_t)location, &cell, err);
    if (status != STK_OK)
        return status;
    uint32_t there = stk_book_find_earmark(&state->book, id);
    if (there != STK_NONE ? there != slot : stk_book_earmark_kept(&state->book, slot))
        return damaged("earmark", err);
    if (there == STK_NONE)
        there = slot < state->book.earmarks.capacity ? stk_book_add_earmark(&state->book, slot, id)
                                                     : STK_NONE;
    if (there == STK_NONE)
        return stk_error_set(err, STK_FULL, "capacity \"earmarks\" is smaller than what is stored");
    struct stk_earmark *to = stk_pool_at(&state->book.earmarks, slot);
    stk_earmark_place(&state->book, slot, cell, until_ms);
    to->quantity = quantity;
    to->use = use;
    return STK_OK;
}

static struct stk_transfer_line *transfer_lines(const struct stk_state *state,
                                                const struct stk_transfer *transfer)
{
    return (struct stk_transfer_line *)stk_heap_at(&state->book.text, transfer->lines);
}

void stk_row_put_transfer(struct stk_record *out, const struct stk_state *state, uint32_t slot)
{
    const struct stk_transfer *from = stk_pool_at(&state->book.transfers, slot);
    const struct stk_transfer_line *line = transfer_lines(state, from);
    uint8_t *value = open_u32(out, STK_TABLE_TRANSFER, slot);
    uint8_t *at = put_view(value + 1, stk_book_text(&state->book, from->id));
    at = stk_put_varint(at, from->from);
    at = stk_put_varint(at, from->to);
    at = stk_put_varint(at, from->line_count);
    for (uint16_t i = 0; i < from->line_count; i++) {
        at = stk_put_varint(at, line[i].sku);
        at = stk_put_varint(at, line[i].sent);
        at = stk_put_varint(at, line[i].arrived);
        at = stk_put_varint(at, line[i].lost);
    }
    stk_record_row_close(out, value, at);
}

/* What is under way counts at the SKUs: it follows the transfers that are there. */
static void count_transfer(struct stk_state *state, uint32_t slot, int sign)
{
    const struct stk_transfer *transfer = stk_pool_at(&state->book.transfers, slot);
    const struct stk_transfer_line *line = transfer_lines(state, transfer);
    for (uint16_t i = 0; i < transfer->line_count; i++)
        stk_catalog_sku_more(&state->catalog, line[i].sku)->in_transit +=
            (uint32_t)sign * (line[i].sent - line[i].arrived - line[i].lost);
}

static void unload_transfer(struct stk_state *state, uint32_t slot)
{
    count_transfer(state, slot, -1);
    stk_book_remove_transfer(&state->book, slot);
}

static enum stk_status load_transfer_lines(struct stk_state *state, struct stk_transfer *to,
                                           struct stk_reader *in, struct stk_error *err)
{
    struct stk_transfer_line *line = transfer_lines(state, to);
    for (uint16_t i = 0; i < to->line_count; i++) {
        line[i].sku = get_u32(in);
        line[i].sent = get_u32(in);
        line[i].arrived = get_u32(in);
        line[i].lost = get_u32(in);
        if (in->bad || !stk_catalog_sku_lives(&state->catalog, line[i].sku) ||
            (uint64_t)line[i].arrived + line[i].lost > line[i].sent) {
            return damaged("transfer", err);
        }
    }
    return done(in, "transfer", err);
}

static enum stk_status load_transfer(struct stk_state *state, struct stk_reader *key,
                                     struct stk_reader *in, struct stk_error *err)
{
    uint32_t slot = stk_get_be32(key);
    struct stk_bytes id = stk_get_bytes(in);
    uint32_t from = get_u32(in), to = get_u32(in), lines = get_u32(in);
    if (in->bad || id.size == 0 || id.size > STK_ID_MAX || from >= state->catalog.locations ||
        to >= state->catalog.locations || lines == 0 || lines > STK_TRANSFER_LINES_MAX)
        return damaged("transfer", err);
    uint32_t there = stk_book_find_transfer(&state->book, id);
    if (there != STK_NONE ? there != slot : stk_book_transfer_lives(&state->book, slot))
        return damaged("transfer", err);
    if (there != STK_NONE)
        unload_transfer(state, there);
    there = slot < state->book.transfers.capacity
                ? stk_book_add_transfer(&state->book, slot, id, (uint16_t)lines)
                : STK_NONE;
    if (there == STK_NONE)
        return stk_error_set(err, STK_FULL,
                             "capacity \"transfers\" is smaller than what is stored");
    struct stk_transfer *at = stk_pool_at(&state->book.transfers, slot);
    at->from = (stk_location_t)from;
    at->to = (stk_location_t)to;
    enum stk_status status = load_transfer_lines(state, at, in, err);
    if (status == STK_OK)
        count_transfer(state, slot, 1);
    else
        stk_book_remove_transfer(&state->book, slot);
    return status;
}

/* ---- snapshots ---- */

void stk_row_put_snapshot(struct stk_record *out, const struct stk_state *state, uint32_t slot)
{
    const struct stk_snapshot *from = stk_pool_at(&state->book.snapshots, slot);
    uint8_t *value = open_u32(out, STK_TABLE_SNAPSHOT, slot);
    uint8_t *at = put_view(value + 1, stk_book_text(&state->book, from->id));
    at = stk_put_varint(at, from->location);
    *at++ = from->state;
    *at++ = from->missing;
    *at++ = from->basis;
    at = stk_put_varint(at, from->source);
    at = stk_put_varint(at, from->total);
    at = stk_put_varint(at, from->next_row);
    at = stk_put_zigzag(at, from->as_of_ms);
    at = stk_put_varint(at, from->seq);
    at = stk_put_varint(at, from->refused);
    at = stk_put_varint(at, from->skus);
    at = stk_put_varint(at, from->moved);
    at = stk_put_varint(at, from->subtracted);
    for (unsigned i = 0; i < from->subtracted; i++) {
        at = stk_put_varint(at, from->subtracted_source[i]);
        at = stk_put_zigzag(at, from->subtracted_until[i]);
    }
    stk_record_row_close(out, value, at);
}

static void get_snapshot(struct stk_reader *in, struct stk_snapshot *to)
{
    to->location = get_u16(in);
    to->state = stk_get_u8(in);
    to->missing = stk_get_u8(in);
    to->basis = stk_get_u8(in);
    if (to->state < STK_SNAPSHOT_FILLING || to->state > STK_SNAPSHOT_JUDGING ||
        to->missing > STK_MISSING_ZERO || to->basis > STK_BASIS_AVAILABLE)
        stk_reader_fail(in);
    to->source = get_name(in, STK_NAME_SOURCE);
    to->total = get_u32(in);
    to->next_row = get_u32(in);
    to->as_of_ms = stk_get_zigzag(in);
    to->seq = stk_get_varint(in);
    to->refused = get_u32(in);
    to->skus = get_u32(in);
    to->moved = get_u32(in);
    uint64_t count = stk_get_varint(in);
    if (count > sizeof to->subtracted_source / sizeof to->subtracted_source[0])
        count = (uint64_t)stk_reader_fail(in);
    to->subtracted = (uint8_t)count;
    for (unsigned i = 0; i < count; i++) {
        to->subtracted_source[i] = get_name(in, STK_NAME_SOURCE);
        to->subtracted_until[i] = stk_get_zigzag(in);
    }
}

static enum stk_status load_snapshot(struct stk_state *state, struct stk_reader *key,
                                     struct stk_reader *in, struct stk_error *err)
{
    uint32_t slot = stk_get_be32(key);
    struct stk_bytes id = stk_get_bytes(in);
    struct stk_snapshot image = {0};
    get_snapshot(in, &image);
    enum stk_status status = done(in, "snapshot", err);
    if (status != STK_OK)
        return status;
    if (id.size == 0 || id.size > STK_ID_MAX || image.location >= state->catalog.locations)
        return damaged("snapshot", err);
    uint32_t there = stk_book_find_snapshot(&state->book, id);
    if (there != STK_NONE ? there != slot : stk_book_snapshot_lives(&state->book, slot))
        return damaged("snapshot", err);
    if (there == STK_NONE)
        there = slot < state->book.snapshots.capacity
                    ? stk_book_add_snapshot(&state->book, slot, id)
                    : STK_NONE;
    if (there == STK_NONE)
        return stk_error_set(err, STK_FULL, "more snapshots are stored than are kept");
    struct stk_snapshot *to = stk_pool_at(&state->book.snapshots, slot);
    image.id = to->id;
    image.rows = to->rows;
    image.first_row = to->first_row;
    image.last_row = to->last_row;
    *to = image;
    return STK_OK;
}

static void snapshot_row_key(uint32_t snapshot, stk_sku_t sku, uint8_t key[8])
{
    stk_put_be32(key, snapshot);
    stk_put_be32(key + 4, sku);
}

void stk_row_put_snapshot_row(struct stk_record *out, uint32_t snapshot, stk_sku_t sku,
                              uint32_t quantity)
{
    uint8_t key[8];
    snapshot_row_key(snapshot, sku, key);
    uint8_t *value = open_row(out, STK_TABLE_SNAPSHOT_ROW, key, sizeof key);
    stk_record_row_close(out, value, stk_put_varint(value + 1, quantity));
}

void stk_row_delete_snapshot_row(struct stk_record *out, uint32_t snapshot, stk_sku_t sku)
{
    uint8_t key[8];
    snapshot_row_key(snapshot, sku, key);
    stk_record_row_deleted(out, STK_TABLE_SNAPSHOT_ROW, key, sizeof key);
}

static enum stk_status load_snapshot_row(struct stk_state *state, struct stk_reader *key,
                                         struct stk_reader *in, struct stk_error *err)
{
    uint32_t slot = stk_get_be32(key);
    stk_sku_t sku = stk_get_be32(key);
    uint32_t quantity = get_u32(in);
    enum stk_status status = done(in, "snapshot row", err);
    if (status != STK_OK)
        return status;
    if (!stk_book_snapshot_lives(&state->book, slot) ||
        !stk_catalog_sku_lives(&state->catalog, sku))
        return damaged("snapshot row", err);
    if (stk_book_set_snapshot_row(&state->book, slot, sku, quantity) == STK_NONE)
        return stk_error_set(err, STK_FULL,
                             "capacity \"snapshot_rows\" is smaller than what is stored");
    return STK_OK;
}

/* ---- shortfalls, early cancellations ---- */

static void shortfall_key(uint64_t order_number, uint16_t line, uint8_t key[10])
{
    stk_put_be64(key, order_number);
    stk_put_be16(key + 8, line);
}

void stk_row_put_shortfall(struct stk_record *out, const struct stk_state *state, uint32_t slot)
{
    const struct stk_shortfall *from = stk_pool_at(&state->book.shortfalls, slot);
    uint8_t key[10];
    shortfall_key(from->order_number, from->line, key);
    uint8_t *value = open_row(out, STK_TABLE_SHORTFALL, key, sizeof key);
    uint8_t *at = stk_put_hash(value + 1, from->order_key);
    at = stk_put_zigzag(at, from->since_ms);
    *at++ = from->back_order;
    stk_record_row_close(out, value, stk_put_varint(at, from->units));
}

void stk_row_delete_shortfall(struct stk_record *out, uint64_t order_number, uint16_t line)
{
    uint8_t key[10];
    shortfall_key(order_number, line, key);
    stk_record_row_deleted(out, STK_TABLE_SHORTFALL, key, sizeof key);
}

static enum stk_status load_shortfall(struct stk_state *state, struct stk_reader *key,
                                      struct stk_reader *in, struct stk_error *err)
{
    uint64_t number = stk_get_be64(key);
    uint16_t line = stk_get_be16(key);
    struct stk_hash order_key = stk_get_hash(in);
    stk_time_t since_ms = stk_get_zigzag(in);
    uint8_t back_order = stk_get_u8(in);
    uint32_t units = get_u32(in);
    enum stk_status status = done(in, "shortfall", err);
    if (status != STK_OK)
        return status;
    if (number == 0 || units == 0)
        return damaged("shortfall", err);
    uint32_t slot = stk_book_find_shortfall(&state->book, number, line);
    if (slot == STK_NONE)
        slot = stk_book_add_shortfall(&state->book, number, line);
    if (slot == STK_NONE)
        return stk_error_set(err, STK_FULL,
                             "capacity \"shortfalls\" is smaller than what is stored");
    struct stk_shortfall *to = stk_pool_at(&state->book.shortfalls, slot);
    to->order_key = order_key;
    to->since_ms = since_ms;
    to->back_order = back_order;
    to->units = units;
    return STK_OK;
}

void stk_row_put_early(struct stk_record *out, const struct stk_state *state, uint32_t slot)
{
    const struct stk_early *from = stk_pool_at(&state->book.early, slot);
    uint8_t key[16];
    stk_put_hash(key, from->order_key);
    uint8_t *value = open_row(out, STK_TABLE_EARLY, key, sizeof key);
    stk_record_row_close(out, value, stk_put_zigzag(value + 1, from->since_ms));
}

void stk_row_delete_early(struct stk_record *out, struct stk_hash order_key)
{
    uint8_t key[16];
    stk_put_hash(key, order_key);
    stk_record_row_deleted(out, STK_TABLE_EARLY, key, sizeof key);
}

static enum stk_status load_early(struct stk_state *state, struct stk_reader *key,
                                  struct stk_reader *in, struct stk_error *err)
{
    struct stk_hash order_key = stk_get_hash(key);
    stk_time_t since_ms = stk_get_zigzag(in);
    enum stk_status status = done(in, "early", err);
    if (status != STK_OK)
        return status;
    uint32_t slot = stk_book_find_early(&state->book, order_key);
    if (slot == STK_NONE)
        slot = stk_book_add_early(&state->book, order_key, since_ms);
    if (slot == STK_NONE)
        return stk_error_set(err, STK_FULL, "capacity \"early\" is smaller than what is stored");
    ((struct stk_early *)stk_pool_at(&state->book.early, slot))->since_ms = since_ms;
    return STK_OK;
}

/* ---- any row ---- */

static void unload_listing(struct stk_state *state, stk_listing_t listing)
{
    struct stk_channels *channels = &state->channels;
    if (!stk_catalog_listing_lives(&state->catalog, listing))
        return;
    while (stk_published_first(channels, listing) != STK_NONE) {
        stk_guarantee_detach(state, stk_published_first(channels, listing));
        stk_published_remove(channels, stk_published_first(channels, listing));
    }
    stk_catalog_remove_listing(&state->catalog, listing);
}

/* Rows that are deleted while the engine lives. Cells and locations never are, but with their SKU.
 */
static enum stk_status unload(struct stk_state *state, enum stk_table table, struct stk_reader *key,
                              struct stk_error *err)
{
    struct stk_book *book = &state->book;
    uint32_t slot;
    switch (table) {
    case STK_TABLE_SKU:
        slot = stk_get_be32(key);
        if (!stk_catalog_sku_lives(&state->catalog, slot))
            return STK_OK;
        if (!stk_catalog_sku_may_go(&state->catalog, slot))
            return stk_error_set(err, STK_CORRUPT, "sku: %u is deleted and in use", slot);
        stk_catalog_remove_sku(&state->catalog, slot);
        return STK_OK;
    case STK_TABLE_LISTING:
        unload_listing(state, stk_get_be32(key));
        return STK_OK;
    case STK_TABLE_PUBLISHED:
        stk_row_unload_published(state, key);
        return STK_OK;
    case STK_TABLE_MOVEMENT:
        unload_movement(state, key);
        return STK_OK;
    case STK_TABLE_INCOMING:
        slot = stk_get_be32(key);
        if (!stk_book_incoming_lives(book, slot))
            return STK_OK;
        if (((const struct stk_incoming *)stk_pool_at(&book->incoming, slot))->preorders)
            return stk_error_set(err, STK_CORRUPT, "incoming: %u is deleted and orders wait for it",
                                 slot);
        stk_book_remove_incoming(book, &state->catalog, slot);
        return STK_OK;
    case STK_TABLE_EARMARK:
        slot = stk_get_be32(key);
        if (stk_book_earmark_lives(book, slot))
            stk_book_remove_earmark(book, slot);
        return STK_OK;
    case STK_TABLE_TRANSFER:
        slot = stk_get_be32(key);
        if (stk_book_transfer_lives(book, slot))
            unload_transfer(state, slot);
        return STK_OK;
    case STK_TABLE_SNAPSHOT:
        slot = stk_get_be32(key);
        if (stk_book_snapshot_lives(book, slot))
            stk_book_remove_snapshot(book, slot);
        return STK_OK;
    case STK_TABLE_SNAPSHOT_ROW:
        slot = stk_get_be32(key);
        if (stk_book_snapshot_lives(book, slot))
            stk_book_drop_snapshot_row(book, slot, stk_get_be32(key));
        return STK_OK;
    case STK_TABLE_SHORTFALL: {
        uint64_t number = stk_get_be64(key);
        slot = stk_book_find_shortfall(book, number, stk_get_be16(key));
        if (slot != STK_NONE)
            stk_book_remove_shortfall(book, slot);
        return STK_OK;
    }
    case STK_TABLE_EARLY:
        slot = stk_book_find_early(book, stk_get_hash(key));
        if (slot != STK_NONE)
            stk_book_remove_early(book, slot);
        return STK_OK;
    default:
        return STK_OK; /* ORDER: its ARCHIVE row says which; the others go with what they belong to
                        */
    }
}

static enum stk_status load(struct stk_state *state, enum stk_table table, struct stk_reader *key,
                            struct stk_bytes value, struct stk_error *err)
{
    struct stk_reader in = stk_reader(value.data + 1, value.size - 1);
    switch (table) {
    case STK_TABLE_NAME:
        return load_name(state, key, &in, err);
    case STK_TABLE_LOCATION:
        return load_location(state, key, &in, err);
    case STK_TABLE_SKU:
        return load_sku(state, key, &in, err);
    case STK_TABLE_CELL:
        return load_cell(state, key, &in, err);
    case STK_TABLE_LISTING:
        return load_listing(state, key, &in, err);
    case STK_TABLE_ORDER:
        return stk_row_load_order(state, stk_get_be64(key), value, NULL, err);
    case STK_TABLE_ARCHIVE:
        return stk_row_unload_order(state, value, err);
    case STK_TABLE_KEY:
        return load_key(state, key, value, err);
    case STK_TABLE_MOVEMENT:
        return load_movement(state, key, &in, err);
    case STK_TABLE_INCOMING:
        return load_incoming(state, key, &in, err);
    case STK_TABLE_EARMARK:
        return load_earmark(state, key, &in, err);
    case STK_TABLE_TRANSFER:
        return load_transfer(state, key, &in, err);
    case STK_TABLE_SNAPSHOT:
        return load_snapshot(state, key, &in, err);
    case STK_TABLE_SNAPSHOT_ROW:
        return load_snapshot_row(state, key, &in, err);
    case STK_TABLE_SHORTFALL:
        return load_shortfall(state, key, &in, err);
    case STK_TABLE_EARLY:
        return load_early(state, key, &in, err);
    case STK_TABLE_ENGINE:
        return load_engine(state, key, &in, err);
    case STK_TABLE_CHANNEL:
        return stk_row_load_channel(state, key, &in, err);
    case STK_TABLE_PUBLISHED:
        return stk_row_load_published(state, key, &in, err);
    case STK_TABLE_NOTE:
        return stk_row_load_note(state, key, &in, err);
    default:
        return stk_error_set(err, STK_VERSION, "table %u is not known here", (unsigned)table);
    }
}

enum stk_status stk_row_load(struct stk_state *state, enum stk_table table, struct stk_bytes key,
                             struct stk_bytes value, struct stk_error *err)
{
    struct stk_reader key_reader = stk_reader(key.data, key.size);
    const char *name = stk_table_name(table);
    enum stk_status status = STK_OK;
    if (!name)
        return stk_error_set(err, STK_VERSION, "table %u is not known here", (unsigned)table);
    if (!value.data) {
        status = unload(state, table, &key_reader, err);
    } else {
        if (value.size < 1)
            return damaged(name, err);
        if ((uint8_t)value.data[0] != VERSION)
            return stk_error_set(err, STK_VERSION, "%s: a row format that is not known here", name);
        status = load(state, table, &key_reader, value, err);
    }
    return key_reader.bad ? damaged(name, err) : status;
}
