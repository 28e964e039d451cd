/* The shelf of segments: an array in order of sequence under one lock. */
#include "core/store/shelf.h"
#include "core/base/fault.h"
#include "core/base/mem.h"
#include <pthread.h>

struct stk_shelf {
    struct stk_path folder;
    pthread_mutex_t lock;
    struct stk_shelf_segment **segments;
    uint32_t count, capacity;
    int unwritten; /* the last segment holds nothing yet, not even its head */
};

/* ---- open ---- */

static enum stk_status push(struct stk_shelf *shelf, struct stk_shelf_segment **out,
                            struct stk_error *err)
{
    if (shelf->count == shelf->capacity) {
        uint32_t capacity = shelf->capacity ? shelf->capacity * 2 : 32;
        void *more = stk_realloc(shelf->segments, capacity * sizeof(*shelf->segments));
        if (!more)
            return stk_error_set(err, STK_NO_MEMORY, "segments: out of memory");
        shelf->segments = more;
        shelf->capacity = capacity;
    }
    *out = stk_alloc(sizeof(**out));
    if (!*out)
        return stk_error_set(err, STK_NO_MEMORY, "segments: out of memory");
    shelf->segments[shelf->count++] = *out;
    return STK_OK;
}

/* Head and last batch of a segment that is being looked at. */
static enum stk_status look(struct stk_kv *kv, struct stk_shelf_segment *segment,
                            struct stk_segment_head *head, struct stk_batch_view *last,
                            struct stk_chunk *chunk, struct stk_error *err)
{
    enum stk_status status = stk_segment_head(kv, head, err);
    if (status == STK_OK && head->first != segment->first)
        return stk_error_set(err, STK_CORRUPT, "its head says it begins at %llu",
                             (unsigned long long)head->first);
    if (status == STK_OK)
        status = stk_segment_last(kv, chunk, err);
    uint64_t committed = 0;
    if (status == STK_OK)
        status = stk_segment_committed(kv, head, &committed, err);
    last->number = head->number - 1;
    if (status == STK_OK && chunk->size)
        status = stk_chunk_next(chunk, last, err);
    if (status == STK_OK && committed && committed != last->number)
        status = stk_error_set(err, STK_CORRUPT, "ends with batch %llu, %llu was committed",
                               (unsigned long long)last->number, (unsigned long long)committed);
    return status;
}

/* Take one segment in; `end` is what those before it left. */
static enum stk_status join(struct stk_shelf_end *end, const struct stk_segment_head *head,
                            struct stk_shelf_segment *segment, const struct stk_batch_view *last,
                            int any, struct stk_chain *chain, struct stk_error *err)
{
    if (end->first == 0) {
        memcpy(end->id, head->id, sizeof(end->id));
        end->first = head->first;
    } else if (memcmp(end->id, head->id, sizeof(end->id)) != 0) {
        return stk_error_set(err, STK_CORRUPT, "belongs to another journal");
    } else if (head->first != end->last + 1) {
        return stk_error_set(err, STK_CORRUPT, "begins at %llu, the one before ends at %llu",
                             (unsigned long long)head->first, (unsigned long long)end->last);
    }
    if (any) {
        segment->last = last->first + last->count - 1;
        segment->last_ms = last->time_ms;
        stk_chain_next(chain, last->previous, last->whole.data, last->whole.size, end->chain);
    } else {
        segment->last = head->first - 1;
        memcpy(end->chain, head->before, STK_CHAIN_BYTES);
    }
    end->last = segment->last;
    end->number = last->number;
    return STK_OK;
}

static enum stk_status open_one(struct stk_shelf *shelf, stk_seq_t first, int is_last,
                                struct stk_chain *chain, struct stk_shelf_end *end,
                                struct stk_error *err)
{
    struct stk_shelf_segment *segment;
    struct stk_segment_head head;
    struct stk_batch_view last = {0};
    struct stk_chunk chunk = {0};
    struct stk_path path;
    struct stk_kv *kv = NULL;
    enum stk_status status = push(shelf, &segment, err);
    if (status != STK_OK)
        return status;
    segment->first = first;
    status = stk_segment_path(&path, shelf->folder.text, first, err);
    if (status == STK_OK)
        status = stk_file_size(path.text, &segment->file_bytes, err);
    if (status == STK_OK)
        status = stk_segment_open(&kv, path.text, STK_SEGMENT_WRITE, 0, err);
    if (status == STK_OK)
        status = look(kv, segment, &head, &last, &chunk, err);
    if (status == STK_OK)
        status = join(end, &head, segment, &last, chunk.size != 0, chain, err);
    stk_kv_close(kv);
    stk_chunk_fini(&chunk);
    if (status == STK_NOT_FOUND && is_last) {
        /* numbered, but the power went before its first commit: it may serve again */
        stk_free(shelf->segments[--shelf->count]);
        return stk_segment_put_back(shelf->folder.text, first, err);
    }
    if (status != STK_OK)
        stk_error_prefix(err, "segment %llu", (unsigned long long)first);
    return status == STK_NOT_FOUND ? STK_CORRUPT : status;
}

enum stk_status stk_shelf_open(struct stk_shelf **out, const char *folder,
                               struct stk_shelf_end *end, struct stk_error *err)
{
    stk_seq_t *firsts = NULL;
    uint32_t count = 0;
    struct stk_shelf *shelf = stk_alloc(sizeof(*shelf));
    struct stk_chain *chain = stk_chain_create();
    enum stk_status status = STK_OK;
    *out = NULL;
    *end = (struct stk_shelf_end){0};
    if (shelf)
        pthread_mutex_init(&shelf->lock, NULL);
    if (!shelf || !chain)
        status = stk_error_set(err, STK_NO_MEMORY, "segments: out of memory");
    if (status == STK_OK)
        status = stk_path_set(&shelf->folder, folder, err);
    if (status == STK_OK)
        status = stk_segment_list(folder, &firsts, &count, err);
    for (uint32_t i = 0; i < count && status == STK_OK; i++)
        status = open_one(shelf, firsts[i], i + 1 == count, chain, end, err);
    stk_free(firsts);
    stk_chain_destroy(chain);
    if (status != STK_OK) {
        stk_shelf_close(shelf);
        return status;
    }
    *out = shelf;
    return STK_OK;
}

static void drop(struct stk_shelf_segment *segment)
{
    stk_kv_close(segment->kv);
    stk_free(segment);
}

void stk_shelf_close(struct stk_shelf *shelf)
{
    if (!shelf)
        return;
    for (uint32_t i = 0; i < shelf->count; i++) {
        stk_assert(shelf->segments[i]->users == 0);
        drop(shelf->segments[i]);
    }
    pthread_mutex_destroy(&shelf->lock);
    stk_free(shelf->segments);
    stk_free(shelf);
}

/* ---- lend and give back ---- */

static enum stk_status lend(struct stk_shelf *shelf, struct stk_shelf_segment *segment,
                            struct stk_error *err)
{
    struct stk_path path;
    enum stk_status status = STK_OK;
    if (!segment->kv) {
        status = stk_segment_path(&path, shelf->folder.text, segment->first, err);
        if (status == STK_OK)
            status = stk_segment_open(&segment->kv, path.text, STK_SEGMENT_WRITE, 0, err);
    }
    if (status == STK_OK)
        segment->users++;
    return status;
}

enum stk_status stk_shelf_lend(struct stk_shelf *shelf, stk_seq_t seq,
                               struct stk_shelf_segment **out, struct stk_error *err)
{
    enum stk_status status = STK_OK;
    *out = NULL;
    pthread_mutex_lock(&shelf->lock);
    uint32_t i = shelf->count;
    while (i > 0 && shelf->segments[i - 1]->first > seq)
        i--;
    if (i > 0 && !shelf->segments[i - 1]->leaving) {
        status = lend(shelf, shelf->segments[i - 1], err);
        if (status == STK_OK)
            *out = shelf->segments[i - 1];
    } else if (shelf->count > 0) {
        status =
            stk_error_set(err, STK_TOO_OLD, "the journal begins at sequence %llu, not at %llu",
                          (unsigned long long)shelf->segments[0]->first, (unsigned long long)seq);
    }
    pthread_mutex_unlock(&shelf->lock);
    return status;
}

void stk_shelf_give_back(struct stk_shelf *shelf, struct stk_shelf_segment *segment)
{
    if (!segment)
        return;
    pthread_mutex_lock(&shelf->lock);
    stk_assert(segment->users > 0);
    if (--segment->users == 0) {
        if (segment->cut) {
            drop(segment);
        } else {
            stk_kv_close(segment->kv);
            segment->kv = NULL;
        }
    }
    pthread_mutex_unlock(&shelf->lock);
}

stk_seq_t stk_shelf_after(struct stk_shelf *shelf, const struct stk_shelf_segment *segment)
{
    stk_seq_t after = 0;
    pthread_mutex_lock(&shelf->lock);
    uint32_t i = shelf->count;
    while (i > 0 && shelf->segments[i - 1]->first > segment->first)
        after = shelf->segments[--i]->first;
    pthread_mutex_unlock(&shelf->lock);
    return after;
}

/* ---- extend and cut ---- */

enum stk_status stk_shelf_extend(struct stk_shelf *shelf, stk_seq_t first, stk_time_t last_ms,
                                 struct stk_shelf_segment **out, struct stk_error *err)
{
    struct stk_path path;
    struct stk_shelf_segment *segment;
    *out = NULL;
    pthread_mutex_lock(&shelf->lock);
    enum stk_status status = stk_segment_take(shelf->folder.text, first, err);
    if (status == STK_OK && stk_fault_point(STK_FAULT_JOURNAL_SEGMENT_RENAMED))
        status = stk_error_set(err, STK_IO, "fault injected");
    if (status == STK_OK)
        status = stk_segment_path(&path, shelf->folder.text, first, err);
    if (status == STK_OK)
        status = push(shelf, &segment, err);
    if (status == STK_OK) {
        segment->first = first;
        segment->last = first - 1;
        shelf->unwritten = 1;
        status = stk_file_size(path.text, &segment->file_bytes, err);
    }
    if (status == STK_OK)
        status = lend(shelf, segment, err);
    if (status == STK_OK && shelf->count > 1) {
        shelf->segments[shelf->count - 2]->last = first - 1;
        shelf->segments[shelf->count - 2]->last_ms = last_ms;
    }
    if (status == STK_OK)
        *out = segment;
    pthread_mutex_unlock(&shelf->lock);
    if (status != STK_OK)
        stk_error_prefix(err, "segment %llu", (unsigned long long)first);
    return status;
}

void stk_shelf_written(struct stk_shelf *shelf)
{
    pthread_mutex_lock(&shelf->lock);
    shelf->unwritten = 0;
    pthread_mutex_unlock(&shelf->lock);
}

static uint64_t bytes_locked(const struct stk_shelf *shelf)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < shelf->count; i++)
        bytes += shelf->segments[i]->file_bytes;
    return bytes;
}

/* The first segment, or NULL when it must stay. */
static struct stk_shelf_segment *first_to_cut(struct stk_shelf *shelf, stk_seq_t pin,
                                              uint64_t keep_bytes, stk_time_t keep_since)
{
    /* what tells where the journal ends must be left, or a crash now would begin it anew */
    uint32_t written = shelf->count - (uint32_t)shelf->unwritten;
    struct stk_shelf_segment *first = written > 1 ? shelf->segments[0] : NULL;
    if (!first || first->last + 1 >= pin)
        return NULL; /* recovery begins at the last effect that is folded */
    int too_many = keep_bytes != 0 && bytes_locked(shelf) > keep_bytes;
    return too_many || first->last_ms < keep_since ? first : NULL;
}

static void take_off(struct stk_shelf *shelf, struct stk_shelf_segment *first)
{
    stk_assert(shelf->segments[0] == first);
    shelf->count--;
    memmove(shelf->segments, shelf->segments + 1, shelf->count * sizeof(*shelf->segments));
    first->cut = 1;
    if (first->users == 0)
        drop(first);
}

int stk_shelf_cut(struct stk_shelf *shelf, stk_seq_t pin, uint64_t keep_bytes,
                  stk_time_t keep_since, struct stk_error *err)
{
    pthread_mutex_lock(&shelf->lock);
    struct stk_shelf_segment *first = first_to_cut(shelf, pin, keep_bytes, keep_since);
    if (first)
        first->leaving = 1;
    pthread_mutex_unlock(&shelf->lock);
    if (!first)
        return 0;
    /* outside the lock: to free a large file takes a while. A file that cannot be removed stays on
     * the shelf, or the next start would find a gap behind it. */
    enum stk_status status = stk_segment_remove(shelf->folder.text, first->first, err);
    if (status == STK_OK && stk_fault_point(STK_FAULT_JOURNAL_CUT))
        status = stk_error_set(err, STK_IO, "fault injected");
    pthread_mutex_lock(&shelf->lock);
    if (status == STK_OK)
        take_off(shelf, first);
    else
        first->leaving = 0;
    pthread_mutex_unlock(&shelf->lock);
    return status == STK_OK;
}

stk_seq_t stk_shelf_first(struct stk_shelf *shelf)
{
    pthread_mutex_lock(&shelf->lock);
    stk_seq_t first = shelf->count ? shelf->segments[0]->first : 0;
    pthread_mutex_unlock(&shelf->lock);
    return first;
}

uint32_t stk_shelf_count(struct stk_shelf *shelf)
{
    pthread_mutex_lock(&shelf->lock);
    uint32_t count = shelf->count;
    pthread_mutex_unlock(&shelf->lock);
    return count;
}

uint64_t stk_shelf_bytes(struct stk_shelf *shelf)
{
    pthread_mutex_lock(&shelf->lock);
    uint64_t bytes = bytes_locked(shelf);
    pthread_mutex_unlock(&shelf->lock);
    return bytes;
}
