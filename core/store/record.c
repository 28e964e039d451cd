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

const char *stk_table_name(unsigned table)
{
    return table < STK_TABLE_COUNT ? forms[table].name : NULL;
}

unsigned stk_table_key_size(unsigned table)
{
    return table < STK_TABLE_COUNT ? forms[table].key_size : 0;
}

enum stk_status stk_record_open(struct stk_bytes record, stk_time_t batch_time_ms,
                                struct stk_record_view *view, struct stk_error *err)
{
    struct stk_reader in = stk_reader(record.data, record.size);
    uint8_t format = stk_get_u8(&in);
    if (!in.bad && format != STK_RECORD_FORMAT)
        return stk_error_set(err, STK_VERSION, "record: format %u is not known here", format);
    uint64_t verb = stk_get_varint(&in);
    int64_t delta_ms = stk_get_zigzag(&in);
    uint64_t who = stk_get_varint(&in);
    stk_time_t time_ms;
    if (in.bad || verb > UINT32_MAX || who > UINT32_MAX ||
        __builtin_add_overflow(batch_time_ms, delta_ms, &time_ms))
        return stk_error_set(err, STK_CORRUPT, "record: its head of %u bytes is damaged",
                             record.size);
    *view = (struct stk_record_view){(uint32_t)verb, time_ms, (uint32_t)who, in};
    return STK_OK;
}

int stk_record_next(struct stk_record_view *view, struct stk_row_view *row)
{
    struct stk_reader *in = &view->rows;
    if (in->bad || in->at == in->end)
        return 0;
    uint8_t table = stk_get_u8(in);
    uint8_t key_size = stk_get_u8(in);
    unsigned expected = stk_table_key_size(table);
    if (in->bad || expected == 0 || key_size != expected || !stk_reader_has(in, key_size))
        return stk_reader_fail(in);
    row->table = table;
    row->key = (struct stk_bytes){(const char *)in->at, key_size};
    in->at += key_size;
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

void stk_record_begin(struct stk_record *record, uint8_t *room, uint32_t verb,
                      int64_t time_delta_ms, uint32_t who)
{
    record->data = room;
    record->limit = room + STK_RECORD_MAX;
    uint8_t *at = room;
    *at++ = STK_RECORD_FORMAT;
    at = stk_put_varint(at, verb);
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
    *at++ = key_size;
    memcpy(at, key, key_size);
    return at + key_size;
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
