/* Records of chosen rows into a log, for tests of the fold. */
#ifndef STK_TESTS_ROW_FEED_H
#define STK_TESTS_ROW_FEED_H

#include "core/store/journal.h"
#include "core/store/record.h"

struct row_feed {
    struct stk_log log;
    struct stk_batch *batch;
    struct stk_record record;
    stk_time_t now_ms;
    stk_seq_t next; /* sequence of the record that is open or comes next */
};
/* The log is empty, or ends at `last`. */
void row_feed_init(struct row_feed *feed, const struct stk_log *log, stk_seq_t last);
void row_feed_begin(struct row_feed *feed);
void row_feed_put(struct row_feed *feed, uint8_t table, const void *key, const void *value,
                  uint32_t size);
void row_feed_delete(struct row_feed *feed, uint8_t table, const void *key);
/* The value is `size` bytes that follow from number and salt; the key is the number, big-endian in
 * the last bytes of the table's key. */
void row_feed_put_number(struct row_feed *feed, uint8_t table, uint64_t number, uint32_t size,
                         uint8_t salt);
void row_feed_delete_number(struct row_feed *feed, uint8_t table, uint64_t number);
/* A KEY row under the record's own sequence. */
void row_feed_put_key(struct row_feed *feed, struct stk_hash key, uint8_t class_,
                      const void *payload, uint32_t size);
stk_seq_t row_feed_end(struct row_feed *feed);
/* Submit what was ended. */
void row_feed_submit(struct row_feed *feed);

/* What row_feed_put_number wrote. */
void row_feed_value(uint8_t *value, uint64_t number, uint32_t size, uint8_t salt);
void row_feed_key(uint8_t *key, uint8_t table, uint64_t number);

#endif
