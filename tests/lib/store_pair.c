/* A data folder for tests. */
#include "tests/lib/store_pair.h"
#include "core/base/hash.h"
#include "core/store/restore.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static void must(enum stk_status status, const char *what, const struct stk_error *err)
{
    if (status == STK_OK)
        return;
    fprintf(stderr, "store pair: %s: %s\n", what, err->text);
    abort();
}

void store_pair_open(struct store_pair *pair, const char *data)
{
    struct stk_error err = {0};
    memset(pair, 0, sizeof(*pair));
    snprintf(pair->data, sizeof(pair->data), "%s", data);
    snprintf(pair->journal_folder, sizeof(pair->journal_folder), "%.590s/" STK_DATA_JOURNAL, data);
    snprintf(pair->state_folder, sizeof(pair->state_folder), "%.590s/" STK_DATA_STATE, data);
    must(stk_folder_make(data, &err), "folder", &err);
    struct stk_journal_options journal = {.folder = pair->journal_folder,
                                          .segment_bytes = STK_SEGMENT_BYTES_MIN};
    struct stk_rows_options rows = {.folder = pair->state_folder};
    must(stk_journal_open(&pair->journal, &journal, &err), "journal", &err);
    must(stk_journal_start(pair->journal, &err), "journal", &err);
    must(stk_rows_open(&pair->rows, &rows, &err), "rows", &err);
    must(stk_rows_follow(pair->rows, pair->journal, &err), "follow", &err);
    pair->log = stk_journal_log(pair->journal);
    struct stk_fold_options fold = {.log = pair->log, .rows = pair->rows, .run_keys = 500};
    must(stk_fold_create(&pair->fold, &fold, &err), "fold", &err);
    stk_seq_t last = pair->log.durable(pair->log.self);
    row_feed_init(&pair->feed, &pair->log, last);
    pair->feed.now_ms += (stk_time_t)last * 100; /* as if it had gone on: ten records a second */
}

void store_pair_close(struct store_pair *pair)
{
    stk_fold_destroy(pair->fold);
    stk_journal_stop(pair->journal);
    stk_rows_close(pair->rows);
    stk_journal_close(pair->journal);
}

void store_pair_feed(struct store_pair *pair, int batches)
{
    struct row_feed *feed = &pair->feed;
    for (int b = 0; b < batches; b++) {
        feed->now_ms += 1000;
        for (int i = 0; i < 10; i++) {
            row_feed_begin(feed);
            row_feed_put_number(feed, STK_TABLE_ORDER, feed->next, 100, 1);
            row_feed_put_number(feed, STK_TABLE_CELL, feed->next % 100, 30, (uint8_t)feed->next);
            if (feed->next % 3 == 0)
                row_feed_put_key(feed, (struct stk_hash){feed->next * 7777, feed->next}, 0,
                                 &feed->next, sizeof(feed->next));
            row_feed_end(feed);
        }
        row_feed_submit(feed);
    }
    while (!pair->log.idle(pair->log.self))
        sched_yield();
}

void store_pair_fold(struct store_pair *pair)
{
    struct stk_error err = {0};
    uint64_t folded = 1;
    while (folded)
        must(stk_fold_step(pair->fold, &folded, &err), "fold", &err);
}

static enum stk_status add_row(void *arg, struct stk_bytes key, struct stk_bytes value,
                               struct stk_error *err)
{
    uint64_t *hash = arg;
    (void)err;
    *hash = stk_hash64(key.data, key.size, *hash);
    *hash = stk_hash64(value.data, value.size, *hash);
    return STK_OK;
}

/* Keys lie in KEY or in runs, depending on when was folded: a sum over both does not see it. */
static enum stk_status add_run_key(void *arg, const struct stk_run *run, struct stk_hash key)
{
    uint64_t *sum = arg;
    (void)run;
    *sum += stk_hash64(&key, sizeof(key), 1);
    return STK_OK;
}

static enum stk_status add_key_row(void *arg, struct stk_bytes key, struct stk_bytes value,
                                   struct stk_error *err)
{
    struct stk_reader in = stk_reader(value.data + 1, value.size - 1);
    (void)key, (void)err;
    return add_run_key(arg, NULL, stk_get_hash(&in));
}

uint64_t store_pair_hash(struct store_pair *pair)
{
    struct stk_error err = {0};
    uint64_t hash = 1, keys = 0;
    store_pair_fold(pair);
    must(stk_rows_check(pair->rows, &err), "check", &err);
    for (unsigned table = 1; table < STK_TABLE_COUNT; table++)
        if (table != STK_TABLE_KEY)
            must(stk_rows_each(pair->rows, table, add_row, &hash, &err), "each", &err);
    must(stk_rows_each_run_key(pair->rows, add_run_key, &keys, &err), "runs", &err);
    must(stk_rows_each(pair->rows, STK_TABLE_KEY, add_key_row, &keys, &err), "keys", &err);
    return hash + keys;
}
