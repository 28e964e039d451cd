/* Rows for tests. */
#include "tests/lib/row_feed.h"
#include <sched.h>

void row_feed_init(struct row_feed *feed, const struct stk_log *log, stk_seq_t last)
{
    *feed = (struct row_feed){.log = *log, .now_ms = 1000000, .next = last + 1};
}

void row_feed_begin(struct row_feed *feed)
{
    while (!feed->batch) {
        feed->batch = feed->log.take(feed->log.self);
        if (!feed->batch)
            sched_yield();
        else
            stk_batch_reset(feed->batch, feed->next);
    }
    int64_t delta = feed->batch->count ? feed->now_ms - feed->batch->time_ms : 0;
    stk_record_begin(&feed->record, stk_batch_record_open(feed->batch), feed->next, 1, delta, 0);
}

void row_feed_put(struct row_feed *feed, uint8_t table, const void *key, const void *value,
                  uint32_t size)
{
    uint8_t *at =
        stk_record_row_open(&feed->record, table, key, (uint8_t)stk_table_key_size(table));
    memcpy(at, value, size);
    stk_record_row_close(&feed->record, at, at + size);
}

void row_feed_delete(struct row_feed *feed, uint8_t table, const void *key)
{
    stk_record_row_deleted(&feed->record, table, key, (uint8_t)stk_table_key_size(table));
}

void row_feed_value(uint8_t *value, uint64_t number, uint32_t size, uint8_t salt)
{
    for (uint32_t i = 0; i < size; i++)
        value[i] = (uint8_t)(number * 131 + salt * 31 + i);
    value[0] = 1;
}

void row_feed_key(uint8_t *key, uint8_t table, uint64_t number)
{
    uint8_t bytes[8];
    unsigned size = stk_table_key_size(table), part = size < 8 ? size : 8;
    stk_put_be64(bytes, number);
    memset(key, 0, size);
    memcpy(key + size - part, bytes + 8 - part, part);
}

void row_feed_put_number(struct row_feed *feed, uint8_t table, uint64_t number, uint32_t size,
                         uint8_t salt)
{
    uint8_t key[STK_KEY_MAX];
    row_feed_key(key, table, number);
    uint8_t *at =
        stk_record_row_open(&feed->record, table, key, (uint8_t)stk_table_key_size(table));
    row_feed_value(at, number, size, salt);
    stk_record_row_close(&feed->record, at, at + size);
}

void row_feed_delete_number(struct row_feed *feed, uint8_t table, uint64_t number)
{
    uint8_t key[STK_KEY_MAX];
    row_feed_key(key, table, number);
    row_feed_delete(feed, table, key);
}

void row_feed_put_key(struct row_feed *feed, struct stk_hash key, uint8_t class_,
                      const void *payload, uint32_t size)
{
    uint8_t seq[8];
    stk_put_be64(seq, feed->next);
    uint8_t *start = stk_record_row_open(&feed->record, STK_TABLE_KEY, seq, sizeof(seq));
    uint8_t *at = start;
    *at++ = 1;
    *at++ = class_;
    at = stk_put_hash(at, key);
    at = stk_put_zigzag(at, feed->now_ms);
    memcpy(at, payload, size);
    stk_record_row_close(&feed->record, start, at + size);
}

stk_seq_t row_feed_end(struct row_feed *feed)
{
    stk_batch_record_close(feed->batch, stk_record_size(&feed->record), feed->now_ms);
    return feed->next++;
}

void row_feed_submit(struct row_feed *feed)
{
    if (feed->batch)
        feed->log.submit(feed->log.self, feed->batch);
    feed->batch = NULL;
}
