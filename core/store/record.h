/* Bytes of every record and row, versioned. Show me the tables.
 *
 * A record is what one command did:
 *   u8      format (STK_RECORD_FORMAT)
 *   varint  verb number (STK_VERB_*; 0 = the engine's own doing: expiry, archive, clock)
 *   zigzag  time, ms after the batch's time
 *   varint  who (number of a principal in NAMES, 0 = the engine)
 *   rows    until the end, each: u8 table, u8 key size, key, varint value size + 1 (0 = row
 * deleted), value Rows are after-images: applying a record twice, or a later one first and then
 * again in order, ends the same. Keys are big-endian, so cursor order is number order. The first
 * byte of every value is the version of its row format; an unknown one is refused at recovery. */
#ifndef STK_STORE_RECORD_H
#define STK_STORE_RECORD_H

#include "core/base/codec.h"
#include "core/base/err.h"
#include "core/base/limits.h"

#define STK_RECORD_FORMAT 1

/* STK_TABLE(NAME, number, "name in S", key) Numbers are on disk and never change. */
#define STK_TABLE_LIST(STK_TABLE)                                                                  \
    STK_TABLE(NAME, 1, "name", "u8 kind, u16 number")                                              \
    STK_TABLE(LOCATION, 2, "location", "u16 location")                                             \
    STK_TABLE(SKU, 3, "sku", "u32 sku")                                                            \
    STK_TABLE(CELL, 4, "cell", "u32 sku, u16 location")                                            \
    STK_TABLE(LISTING, 5, "listing", "u32 listing")                                                \
    STK_TABLE(ORDER, 6, "order", "u64 order number")                                               \
    STK_TABLE(ARCHIVE, 7, "archive", "u64 order number")                                           \
    STK_TABLE(KEY, 8, "key", "u64 sequence")                                                       \
    STK_TABLE(MOVEMENT, 9, "movement", "u32 sku, u16 location, u64 time, u64 sequence")            \
    STK_TABLE(INCOMING, 10, "incoming", "u32 incoming")                                            \
    STK_TABLE(EARMARK, 11, "earmark", "u32 earmark")                                               \
    STK_TABLE(TRANSFER, 12, "transfer", "u32 transfer")                                            \
    STK_TABLE(SNAPSHOT, 13, "snapshot", "u32 snapshot")                                            \
    STK_TABLE(SNAPSHOT_ROW, 14, "snapshot_row", "u32 snapshot, u32 sku")                           \
    STK_TABLE(SHORTFALL, 15, "shortfall", "u64 order number, u16 line")                            \
    STK_TABLE(ENGINE, 16, "engine", "u8 item")                                                     \
    STK_TABLE(EARLY, 17, "early", "16 bytes order key")

enum stk_table {
#define STK_TABLE_ENUM(name, number, text, key) STK_TABLE_##name = number,
    STK_TABLE_LIST(STK_TABLE_ENUM)
#undef STK_TABLE_ENUM
        STK_TABLE_COUNT
};
const char *stk_table_name(unsigned table); /* NULL when unknown */

/* Read a record back. */
struct stk_record_view {
    uint32_t verb;
    stk_time_t time_ms;
    uint32_t who;
    struct stk_reader rows;
};
enum stk_status stk_record_open(struct stk_bytes record, stk_time_t batch_time_ms,
                                struct stk_record_view *view, struct stk_error *err);
struct stk_row_view {
    uint8_t table;
    struct stk_bytes key;
    struct stk_bytes value; /* data NULL = deleted */
};
/* 1 a row, 0 the end or damage (then view->rows.bad). */
int stk_record_next(struct stk_record_view *view, struct stk_row_view *row);

/* Write a record into room of STK_RECORD_MAX bytes. */
struct stk_record {
    uint8_t *data;
    uint8_t *at;
    uint8_t *limit;
};
void stk_record_begin(struct stk_record *record, uint8_t *room, uint32_t verb,
                      int64_t time_delta_ms, uint32_t who);
static inline uint32_t stk_record_size(const struct stk_record *record)
{
    return (uint32_t)(record->at - record->data);
}
/* One row: open writes table and key and returns where the value goes; close fixes the size (one
 * byte is kept for it; a value above 126 bytes is moved by one or two). The caller has checked the
 * room. */
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
