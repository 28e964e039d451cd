/* Effects for tests. */
#include "tests/lib/feed.h"
#include "core/base/hash.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void pause_or_abort(int *tries, const char *what)
{
    struct timespec ms = {0, 1000000};
    if (++*tries > 20000) {
        fprintf(stderr, "feed: %s did not come\n", what);
        abort();
    }
    nanosleep(&ms, NULL);
}

static void fill_record(struct stk_batch *batch, uint32_t bytes, stk_time_t time_ms)
{
    struct stk_record record;
    uint8_t key[8], item = 1;
    stk_seq_t seq = batch->first + batch->count;
    uint8_t *room = stk_batch_record_open(batch);
    stk_record_begin(&record, room, seq, 1, time_ms - (batch->count ? batch->time_ms : time_ms), 0);
    stk_put_be64(key, seq);
    uint8_t *at = stk_record_row_open(&record, STK_TABLE_ORDER, key, sizeof(key));
    for (uint32_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(seq * 31 + i);
    at[0] = 1;
    stk_record_row_close(&record, at, at + (bytes ? bytes : 1));
    at = stk_record_row_open(&record, STK_TABLE_ENGINE, &item, 1);
    *at = 1;
    stk_record_row_close(&record, at, stk_put_be64(at + 1, seq));
    stk_batch_record_close(batch, stk_record_size(&record), time_ms);
}

void test_feed_batch(const struct stk_log *log, uint32_t records, uint32_t bytes,
                     stk_time_t time_ms)
{
    struct stk_batch *batch;
    int tries = 0;
    while (!(batch = log->take(log->self)))
        pause_or_abort(&tries, "an empty batch");
    for (uint32_t i = 0; i < records; i++)
        fill_record(batch, bytes, time_ms);
    log->submit(log->self, batch);
}

stk_seq_t test_feed_wait(const struct stk_log *log)
{
    int tries = 0;
    while (!log->idle(log->self))
        pause_or_abort(&tries, "a flush");
    return log->durable(log->self);
}

enum stk_status test_reading_add(void *arg, const struct stk_batch_view *view,
                                 struct stk_error *err)
{
    struct test_reading *reading = arg;
    struct stk_batch_view records = *view;
    struct stk_bytes record;
    if (reading->batches && view->first != reading->last + 1)
        return stk_error_set(err, STK_CORRUPT, "reading: %llu follows %llu",
                             (unsigned long long)view->first, (unsigned long long)reading->last);
    if (reading->batches++ == 0)
        reading->first = view->first;
    reading->last = view->first + view->count - 1;
    while (stk_batch_next(&records, &record))
        reading->effects++;
    if (records.records.bad)
        return stk_error_set(err, STK_CORRUPT, "reading: records are damaged");
    reading->hash = stk_hash64(view->whole.data, view->whole.size, reading->hash);
    return reading->stop_after && reading->last >= reading->stop_after ? STK_AGAIN : STK_OK;
}
