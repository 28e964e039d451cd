/* Gathers batches and appends them in commits of several megabytes. */
#include "core/store/spool.h"
#include "core/base/mem.h"
#include <stdio.h>

#define BUFFER_BYTES (2 * STK_BATCH_BYTES)
#define BATCHES_MAX  8192
#define MAP_BYTES    (1ull << 30)

enum stk_status stk_spool_init(struct stk_spool *spool, const char *folder,
                               const uint8_t id[STK_JOURNAL_ID_BYTES], struct stk_error *err)
{
    memset(spool, 0, sizeof(*spool));
    spool->folder = folder;
    memcpy(spool->id, id, sizeof(spool->id));
    spool->hasher = stk_chain_create();
    spool->batches = stk_alloc(BATCHES_MAX * sizeof(*spool->batches));
    spool->buffer = stk_mem_reserve(BUFFER_BYTES, 0, err);
    if (spool->hasher && spool->batches && spool->buffer)
        return STK_OK;
    stk_spool_fini(spool);
    return stk_error_set(err, STK_NO_MEMORY, "copying the journal: out of memory");
}

void stk_spool_fini(struct stk_spool *spool)
{
    stk_kv_close(spool->kv);
    stk_chain_destroy(spool->hasher);
    stk_free(spool->batches);
    if (spool->buffer)
        stk_mem_unreserve(spool->buffer, BUFFER_BYTES);
    spool->kv = NULL;
    spool->hasher = NULL;
    spool->batches = NULL;
    spool->buffer = NULL;
}

static enum stk_status write_out(struct stk_spool *spool, struct stk_error *err)
{
    if (spool->count == 0)
        return STK_OK;
    enum stk_status status = stk_segment_append(spool->kv, spool->head_waits ? &spool->head : NULL,
                                                spool->batches, spool->count, err);
    spool->head_waits = 0;
    spool->count = spool->used = 0;
    return status;
}

/* The file is whole: its reader table is of no use to anybody. */
static enum stk_status close_segment(struct stk_spool *spool, struct stk_error *err)
{
    struct stk_path path;
    char lock[STK_PATH_MAX + sizeof(STK_KV_LOCK_SUFFIX)];
    if (!spool->kv)
        return STK_OK;
    enum stk_status status = write_out(spool, err);
    stk_kv_close(spool->kv);
    spool->kv = NULL;
    if (status == STK_OK)
        status = stk_segment_path(&path, spool->folder, spool->head.first, err);
    if (status == STK_OK)
        status = stk_file_sync(path.text, err);
    if (status != STK_OK)
        return status;
    snprintf(lock, sizeof(lock), "%s" STK_KV_LOCK_SUFFIX, path.text);
    return stk_file_remove(lock, err);
}

static enum stk_status open_segment(struct stk_spool *spool, const struct stk_batch_view *batch,
                                    struct stk_error *err)
{
    struct stk_path path;
    spool->head = (struct stk_segment_head){.first = batch->first, .number = batch->number};
    memcpy(spool->head.id, spool->id, sizeof(spool->id));
    memcpy(spool->head.before, batch->previous, STK_CHAIN_BYTES);
    spool->head_waits = 1;
    enum stk_status status = stk_segment_path(&path, spool->folder, batch->first, err);
    if (status != STK_OK)
        return status;
    return stk_segment_open(&spool->kv, path.text, STK_SEGMENT_WRITE, MAP_BYTES, err);
}

static enum stk_status check_follows(const struct stk_spool *spool,
                                     const struct stk_batch_view *batch, struct stk_error *err)
{
    if (spool->first == 0)
        return STK_OK;
    if (batch->first != spool->last + 1)
        return stk_error_set(err, STK_CORRUPT, "sequence %llu follows %llu",
                             (unsigned long long)batch->first, (unsigned long long)spool->last);
    if (memcmp(batch->previous, spool->chain, STK_CHAIN_BYTES) != 0)
        return stk_error_set(err, STK_CORRUPT,
                             "sequence %llu: the chain is broken, it follows another batch",
                             (unsigned long long)batch->first);
    return STK_OK;
}

enum stk_status stk_spool_add(struct stk_spool *spool, const struct stk_batch_view *batch,
                              struct stk_error *err)
{
    enum stk_status status = check_follows(spool, batch, err);
    if (status != STK_OK)
        return status;
    if (spool->used + batch->whole.size > BUFFER_BYTES || spool->count == BATCHES_MAX)
        status = write_out(spool, err);
    /* what waits in the buffer takes room too, with pages of its own for each batch */
    if (status == STK_OK && spool->kv &&
        !stk_segment_fits(spool->kv, (uint64_t)spool->used + batch->whole.size +
                                         ((uint64_t)spool->count + 1) * 8192))
        status = close_segment(spool, err);
    if (status == STK_OK && !spool->kv)
        status = open_segment(spool, batch, err);
    if (status != STK_OK)
        return status;
    memcpy(spool->buffer + spool->used, batch->whole.data, batch->whole.size);
    spool->batches[spool->count++] =
        (struct stk_bytes){(char *)spool->buffer + spool->used, batch->whole.size};
    spool->used += batch->whole.size;
    if (spool->first == 0)
        spool->first = batch->first;
    spool->last = batch->first + batch->count - 1;
    spool->last_ms = batch->time_ms;
    spool->number = batch->number;
    stk_chain_next(spool->hasher, batch->previous, batch->whole.data, batch->whole.size,
                   spool->chain);
    return STK_OK;
}

enum stk_status stk_spool_end(struct stk_spool *spool, struct stk_error *err)
{
    enum stk_status status = close_segment(spool, err);
    return status == STK_OK ? stk_folder_sync(spool->folder, err) : status;
}
