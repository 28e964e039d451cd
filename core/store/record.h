/* Bytes of every record and row, versioned. Show me the tables.
 *
 * A record is what one command did (its format is the batch's):
 *   varint  verb number (STK_VERB_*; 0 = the engine's own doing: expiry, archive, clock)
 *   zigzag  time, ms after the batch's time
 *   varint  who (number of a principal in NAMES, 0 = the engine)
 *   rows    until the end, each: u8 table, key, varint value size + 1 (0 = row deleted), value
 *
 * Rows are after-images: applying a record twice, or a later one first and then again in order,
 * ends the same. Keys are big-endian, so cursor order is number order; within a record each number
 * of a key is a varint, and one that is a sequence is written as how far it lies before the
 * record's own. The first byte of every value is the version of its row format; an unknown one is
 * refused at recovery. */
#ifndef STK_STORE_RECORD_H
#define STK_STORE_RECORD_H

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/limits.h"

#define STK_KEY_MAX      16 /* the longest key of a table: EARLY; none is longer in a record */
#define STK_ROW_MOVE_MAX 3  /* closing a row may move its value by so many bytes */
/* What a row costs besides its value, at most: ask stk_record_room for value + this. */
#define STK_ROW_HEAD_MAX (1 + STK_KEY_MAX + 1 + STK_ROW_MOVE_MAX)

/* STK_TABLE(NAME, number, bytes of a key, "name in S", key) Numbers are on disk and never change.
 */
#define STK_TABLE_LIST(STK_TABLE)                                                                  \
    STK_TABLE(NAME, 1, 3, "name", "u8 kind, u16 number")                                           \
    STK_TABLE(LOCATION, 2, 2, "location", "u16 location")                                          \
    STK_TABLE(SKU, 3, 4, "sku", "u32 sku")                                                         \
    STK_TABLE(CELL, 4, 6, "cell", "u32 sku, u16 location")                                         \
    STK_TABLE(LISTING, 5, 4, "listing", "u32 listing")                                             \
    STK_TABLE(ORDER, 6, 8, "order", "u64 order number")                                            \
    STK_TABLE(ARCHIVE, 7, 8, "archive", "u64 order number")                                        \
    STK_TABLE(KEY, 8, 8, "key", "u64 sequence")                                                    \
    STK_TABLE(MOVEMENT, 9, 10, "movement", "u64 sequence, u16 part")                               \
    STK_TABLE(INCOMING, 10, 4, "incoming", "u32 incoming")                                         \
    STK_TABLE(EARMARK, 11, 4, "earmark", "u32 earmark")                                            \
    STK_TABLE(TRANSFER, 12, 4, "transfer", "u32 transfer")                                         \
    STK_TABLE(SNAPSHOT, 13, 4, "snapshot", "u32 snapshot")                                         \
    STK_TABLE(SNAPSHOT_ROW, 14, 8, "snapshot_row", "u32 snapshot, u32 sku")                        \
    STK_TABLE(SHORTFALL, 15, 10, "shortfall", "u64 order number, u16 line")                        \
    STK_TABLE(ENGINE, 16, 1, "engine", "u8 item")                                                  \
    STK_TABLE(EARLY, 17, 16, "early", "16 bytes order key")                                        \
    STK_TABLE(CHANNEL, 18, 2, "channel", "u16 channel")                                            \
    STK_TABLE(PUBLISHED, 19, 5, "published", "u32 listing, u8 kind")                               \
    STK_TABLE(NOTE, 20, 16, "note", "16 bytes hash of channel and key")

enum stk_table {
#define STK_TABLE_ENUM(name, number, key_size, text, key) STK_TABLE_##name = number,
    STK_TABLE_LIST(STK_TABLE_ENUM)
#undef STK_TABLE_ENUM
        STK_TABLE_COUNT
};
const char *stk_table_name(unsigned table); /* NULL when unknown */
/* Every key of a table has this size; 0 when unknown. */
unsigned stk_table_key_size(unsigned table);

/* Read a record back. seq: its own. */
struct stk_record_view {
    uint32_t verb;
    stk_time_t time_ms;
    uint32_t who;
    stk_seq_t seq;
    struct stk_reader rows;
};
enum stk_status stk_record_open(struct stk_bytes record, stk_seq_t seq, stk_time_t batch_time_ms,
                                struct stk_record_view *view, struct stk_error *err);
/* Not to be copied: key is a view of key_bytes. */
struct stk_row_view {
    uint8_t table;
    struct stk_bytes key;
    struct stk_bytes value; /* data NULL = deleted */
    uint8_t key_bytes[STK_KEY_MAX];
};
/* 1 a row, 0 the end or damage (then view->rows.bad). */
int stk_record_next(struct stk_record_view *view, struct stk_row_view *row);

/* Write a record into room of STK_RECORD_MAX bytes. seq: the one that it will have. */
struct stk_record {
    uint8_t *data;
    uint8_t *at;
    uint8_t *limit;
    stk_seq_t seq;
};
void stk_record_begin(struct stk_record *record, uint8_t *room, stk_seq_t seq, uint32_t verb,
                      int64_t time_delta_ms, uint32_t who);
static inline uint32_t stk_record_size(const struct stk_record *record)
{
    return (uint32_t)(record->at - record->data);
}
/* One row: open writes table and key and returns where the value goes; close fixes the size (one
 * byte is kept for it; a longer value is moved by up to STK_ROW_MOVE_MAX). The caller has checked
 * the room. A value is never empty: its first byte is the version of its format. */
uint8_t *stk_record_row_open(struct stk_record *record, uint8_t table, const void *key,
                             uint8_t key_size);
void stk_record_row_close(struct stk_record *record, uint8_t *value_start, uint8_t *value_end);
void stk_record_row_deleted(struct stk_record *record, uint8_t table, const void *key,
                            uint8_t key_size);
static inline int stk_record_room(const struct stk_record *record, uint32_t bytes)
{
    return (uint64_t)(record->limit - record->at) >= bytes;
}

#endif
