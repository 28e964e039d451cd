#include "tests/lib/memory_log.h"
#include <assert.h>
#include <stdlib.h>

void memory_log_init(struct memory_log *log)
{
    memset(log, 0, sizeof *log);
    for (unsigned i = 0; i < STK_BATCHES; i++)
        assert(stk_batch_init(&log->batch[i], NULL) == STK_OK);
    log->chain = stk_chain_create();
}

void memory_log_fini(struct memory_log *log)
{
    for (unsigned i = 0; i < STK_BATCHES; i++)
        stk_batch_fini(&log->batch[i]);
    for (uint32_t i = 0; i < log->kept_count; i++)
        free(log->kept[i].data);
    free(log->kept);
    stk_chain_destroy(log->chain);
}

static struct stk_batch *take(void *self)
{
    struct memory_log *log = self;
    for (unsigned i = 0; i < STK_BATCHES; i++) {
        if (log->busy[i])
            continue;
        log->busy[i] = 1;
        return &log->batch[i];
    }
    return NULL;
}

static void keep(struct memory_log *log, struct stk_batch *batch)
{
    uint8_t own[STK_CHAIN_BYTES];
    stk_batch_seal(batch, log->chain, log->previous, own);
    memcpy(log->previous, own, sizeof own);
    if (log->kept_count == log->kept_room) {
        log->kept_room = log->kept_room ? log->kept_room * 2 : 64;
        log->kept = realloc(log->kept, log->kept_room * sizeof *log->kept);
    }
    log->kept[log->kept_count].data = malloc(batch->size);
    memcpy(log->kept[log->kept_count].data, batch->data, batch->size);
    log->kept[log->kept_count++].size = batch->size;
    assert(batch->first == log->durable + 1);
    log->durable += batch->count;
}

unsigned memory_log_flush(struct memory_log *log, unsigned max)
{
    unsigned done = 0;
    for (; done < max && done < log->waiting_count; done++) {
        keep(log, &log->batch[log->waiting[done]]);
        log->busy[log->waiting[done]] = 0;
    }
    log->waiting_count -= done;
    memmove(log->waiting, log->waiting + done, log->waiting_count * sizeof log->waiting[0]);
    return done;
}

static void submit(void *self, struct stk_batch *batch)
{
    struct memory_log *log = self;
    unsigned at = (unsigned)(batch - log->batch);
    assert(log->busy[at] == 1);
    log->busy[at] = 2;
    log->waiting[log->waiting_count++] = at;
    if (!log->manual)
        memory_log_flush(log, STK_BATCHES);
}

static int idle(void *self)
{
    return ((struct memory_log *)self)->waiting_count == 0;
}

static stk_seq_t durable(void *self)
{
    return ((struct memory_log *)self)->durable;
}

static enum stk_status read_from(void *self, stk_seq_t from, stk_batch_fn fn, void *arg,
                                 struct stk_error *err)
{
    struct memory_log *log = self;
    for (uint32_t i = 0; i < log->kept_count; i++) {
        struct stk_batch_view view;
        enum stk_status status = stk_batch_open(log->kept[i].data, log->kept[i].size, &view, err);
        if (status == STK_OK && view.first + view.count > from)
            status = fn(arg, &view, err);
        if (status != STK_OK)
            return status;
    }
    return STK_OK;
}

struct stk_log memory_log_face(struct memory_log *log)
{
    return (struct stk_log){.take = take,
                            .submit = submit,
                            .idle = idle,
                            .durable = durable,
                            .read = read_from,
                            .self = log};
}

void memory_log_crash(struct memory_log *log)
{
    memset(log->busy, 0, sizeof log->busy);
    log->waiting_count = 0;
}
