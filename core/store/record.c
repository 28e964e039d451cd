/* Records: rows written one after the other into room that the caller gave, and read back with
 * every size, version and key checked, because the bytes come from a disk or from a peer. */
#include "core/store/record.h"

struct table_form {
    const char *name;
    uint8_t key_size;
};

static const struct table_form forms[STK_TABLE_COUNT] = {
#define STK_TABLE_FORM(name, number, key_size, text, key) [number] = {text, key_size},
    STK_TABLE_LIST(STK_TABLE_FORM)
#undef STK_TABLE_FORM
};

/* The numbers of a key: bytes of the first and of the second (0: none); the first may be a
 * sequence. None at all: bytes as they are. */
struct key_form {
    uint8_t first;
    uint8_t second;
    uint8_t is_seq;
};

static const struct key_form key_forms[STK_TABLE_COUNT] = {
    [STK_TABLE_NAME] = {1, 2, 0},      [STK_TABLE_LOCATION] = {2, 0, 0},
    [STK_TABLE_SKU] = {4, 0, 0},       [STK_TABLE_CELL] = {4, 2, 0},
    [STK_TABLE_LISTING] = {4, 0, 0},   [STK_TABLE_ORDER] = {8, 0, 1},
    [STK_TABLE_ARCHIVE] = {8, 0, 1},   [STK_TABLE_KEY] = {8, 0, 1},
    [STK_TABLE_MOVEMENT] = {8, 2, 1},  [STK_TABLE_INCOMING] = {4, 0, 0},
    [STK_TABLE_EARMARK] = {4, 0, 0},   [STK_TABLE_TRANSFER] = {4, 0, 0},
    [STK_TABLE_SNAPSHOT] = {4, 0, 0},  [STK_TABLE_SNAPSHOT_ROW] = {4, 4, 0},
    [STK_TABLE_SHORTFALL] = {8, 2, 1}, [STK_TABLE_ENGINE] = {1, 0, 0},
    [STK_TABLE_CHANNEL] = {2, 0, 0},   [STK_TABLE_PUBLISHED] = {4, 1, 0},
};
_Static_assert(STK_VARINT_MAX + 3 <= STK_KEY_MAX, "a sequence and a u16 as varints are no longer");

const char *stk_table_name(unsigned table)
{
    return table < STK_TABLE_COUNT ? forms[table].name : NULL;
}

unsigned stk_table_key_size(unsigned table)
{
    return table < STK_TABLE_COUNT ? forms[table].key_size : 0;
}

/* ---- keys ---- */

/* A big-endian number of 1, 2, 4 or 8 bytes. */
static inline uint64_t load_number(const uint8_t *at, unsigned size)
{
    uint64_t eight;
    uint32_t four;
    uint16_t two;
    switch (size) {
    case 8:
        memcpy(&eight, at, sizeof eight);
        return __builtin_bswap64(eight);
    case 4:
        memcpy(&four, at, sizeof four);
        return __builtin_bswap32(four);
    case 2:
        memcpy(&two, at, sizeof two);
        return __builtin_bswap16(two);
    default:
        return *at;
    }
}

static inline void store_number(uint8_t *at, uint64_t number, unsigned size)
{
    switch (size) {
    case 8:
        stk_put_be64(at, number);
        return;
    case 4:
        stk_put_be32(at, (uint32_t)number);
        return;
    case 2:
        stk_put_be16(at, (uint16_t)number);
        return;
    default:
        *at = (uint8_t)number;
    }
}

static inline uint8_t *put_key(uint8_t *at, unsigned table, const uint8_t *key, unsigned key_size,
                               stk_seq_t seq)
{
    const struct key_form *form = &key_forms[table];
    if (form->first == 0) {
        memcpy(at, key, key_size);
        return at + key_size;
    }
    uint64_t first = load_number(key, form->first);
    at = stk_put_varint(at, form->is_seq ? seq - first : first);
    return form->second ? stk_put_varint(at, load_number(key + form->first, form->second)) : at;
}

/* A number that fits into so many bytes, as a varint, into its place in the key. */
static inline void get_number(struct stk_reader *in, uint8_t *to, unsigned size, int is_seq,
                              stk_seq_t seq)
{
    uint64_t number = stk_get_varint(in);
    if (size < 8 && number >> (8 * size))
        stk_reader_fail(in);
    store_number(to, is_seq ? seq - number : number, size);
}

static inline void get_key(struct stk_reader *in, unsigned table, uint8_t key[STK_KEY_MAX],
                           stk_seq_t seq)
{
    const struct key_form *form = &key_forms[table];
    if (form->first == 0) {
        unsigned size = forms[table].key_size;
        if (!stk_reader_has(in, size))
            return;
        memcpy(key, in->at, size);
        in->at += size;
        return;
    }
    get_number(in, key, form->first, form->is_seq, seq);
    if (form->second)
        get_number(in, key + form->first, form->second, 0, 0);
}

/* ---- reading ---- */

enum stk_status stk_record_open(struct stk_bytes record, stk_seq_t seq, stk_time_t batch_time_ms,
                                struct stk_record_view *view, struct stk_error *err)
{
    struct stk_reader in = stk_reader(record.data, record.size);
    uint64_t verb = stk_get_varint(&in);
    int64_t delta_ms = stk_get_zigzag(&in);
    uint64_t who = stk_get_varint(&in);
    stk_time_t time_ms;
    if (in.bad || verb > UINT32_MAX || who > UINT32_MAX ||
        __builtin_add_overflow(batch_time_ms, delta_ms, &time_ms))
        return stk_error_set(err, STK_CORRUPT, "record: its head of %u bytes is damaged",
                             record.size);
    *view = (struct stk_record_view){(uint32_t)verb, time_ms, (uint32_t)who, seq, in};
    return STK_OK;
}

int stk_record_next(struct stk_record_view *view, struct stk_row_view *row)
{
    struct stk_reader *in = &view->rows;
    if (in->bad || in->at == in->end)
        return 0;
    uint8_t table = stk_get_u8(in);
    if (table == 0 || table >= STK_TABLE_COUNT)
        return stk_reader_fail(in);
    row->table = table;
    row->key = (struct stk_bytes){(const char *)row->key_bytes, forms[table].key_size};
    get_key(in, table, row->key_bytes, view->seq);
    uint64_t size = stk_get_varint(in);
    row->value = (struct stk_bytes){0};
    if (in->bad)
        return 0;
    if (size == 0)
        return 1;
    /* a value holds one byte at least: the version of its format */
    if (size < 2 || size > STK_RECORD_MAX || !stk_reader_has(in, size - 1))
        return stk_reader_fail(in);
    row->value = (struct stk_bytes){(const char *)in->at, (uint32_t)size - 1};
    in->at += size - 1;
    return 1;
}

/* ---- writing ---- */

void stk_record_begin(struct stk_record *record, uint8_t *room, stk_seq_t seq, uint32_t verb,
                      int64_t time_delta_ms, uint32_t who)
{
    record->data = room;
    record->limit = room + STK_RECORD_MAX;
    record->seq = seq;
    uint8_t *at = stk_put_varint(room, verb);
    at = stk_put_zigzag(at, time_delta_ms);
    record->at = stk_put_varint(at, who);
}

static uint8_t *row_head(struct stk_record *record, uint8_t table, const void *key,
                         uint8_t key_size)
{
    stk_assert(key_size != 0 && key_size == stk_table_key_size(table));
    stk_assert(stk_record_room(record, STK_ROW_HEAD_MAX));
    uint8_t *at = record->at;
    *at++ = table;
    return put_key(at, table, key, key_size, record->seq);
}

uint8_t *stk_record_row_open(struct stk_record *record, uint8_t table, const void *key,
                             uint8_t key_size)
{
    return row_head(record, table, key, key_size) + 1;
}

void stk_record_row_close(struct stk_record *record, uint8_t *value_start, uint8_t *value_end)
{
    stk_assert(value_end > value_start && value_end + STK_ROW_MOVE_MAX <= record->limit);
    uint64_t size = (uint64_t)(value_end - value_start);
    if (size + 1 < 0x80) {
        value_start[-1] = (uint8_t)(size + 1);
        record->at = value_end;
        return;
    }
    uint8_t head[STK_VARINT_MAX];
    uint64_t head_size = (uint64_t)(stk_put_varint(head, size + 1) - head);
    memmove(value_start - 1 + head_size, value_start, size);
    memcpy(value_start - 1, head, head_size);
    record->at = value_start - 1 + head_size + size;
}

void stk_record_row_deleted(struct stk_record *record, uint8_t table, const void *key,
                            uint8_t key_size)
{
    uint8_t *at = row_head(record, table, key, key_size);
    *at++ = 0;
    record->at = at;
}
