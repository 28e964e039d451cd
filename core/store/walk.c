/* Walking a journal's folder: segment by segment, each opened for as long as it is read. The engine
 * may append to the last one and cut the first ones meanwhile. No state; one thread per call. */
#include "core/store/walk.h"
#include "core/base/mem.h"
#include "core/store/record.h"

struct walk {
    const char *folder;
    stk_seq_t *firsts;
    uint32_t count;
    struct stk_chunk chunk;
    int alone; /* a backup: nobody writes there */
};

static enum stk_status walk_open(struct walk *walk, const char *folder, struct stk_error *err)
{
    struct stk_path mark;
    uint64_t bytes;
    *walk = (struct walk){.folder = folder};
    enum stk_status status = stk_path_join(&mark, folder, "LOCK", err);
    /* every journal that an engine ever opened has this file; a backup's has not */
    walk->alone = status == STK_OK && stk_file_size(mark.text, &bytes, NULL) != STK_OK;
    return status == STK_OK ? stk_segment_list(folder, &walk->firsts, &walk->count, err) : status;
}

static void walk_close(struct walk *walk)
{
    stk_free(walk->firsts);
    stk_chunk_fini(&walk->chunk);
}

static enum stk_status open_segment(const struct walk *walk, uint32_t i, struct stk_kv **kv,
                                    struct stk_error *err)
{
    struct stk_path path;
    enum stk_status status = stk_segment_path(&path, walk->folder, walk->firsts[i], err);
    if (status != STK_OK)
        return status;
    return stk_segment_open(kv, path.text, walk->alone ? STK_SEGMENT_ALONE : STK_SEGMENT_READ, 0,
                            err);
}

/* ---- verify ---- */

struct verification {
    struct stk_journal_report *report;
    struct stk_chain *chain;
};

static enum stk_status check_records(struct stk_batch_view *view, struct stk_error *err)
{
    struct stk_bytes bytes;
    struct stk_record_view record;
    struct stk_row_view row;
    for (uint32_t i = 0; stk_batch_next(view, &bytes); i++) {
        enum stk_status status =
            stk_record_open(bytes, stk_batch_seq(view), view->time_ms, &record, err);
        while (status == STK_OK && stk_record_next(&record, &row))
            ;
        if (status == STK_OK && record.rows.bad)
            status = stk_error_set(err, STK_CORRUPT, "record: its rows are damaged");
        if (status != STK_OK) {
            stk_error_prefix(err, "effect %llu", (unsigned long long)(view->first + i));
            return status;
        }
    }
    return view->records.bad ? stk_error_set(err, STK_CORRUPT, "batch: its records do not add up")
                             : STK_OK;
}

static enum stk_status verify_batch(struct verification *verification, struct stk_batch_view *view,
                                    struct stk_error *err)
{
    struct stk_journal_report *report = verification->report;
    if (view->first != report->last + 1)
        return stk_error_set(err, STK_CORRUPT, "sequences %llu to %llu are missing",
                             (unsigned long long)report->last + 1,
                             (unsigned long long)view->first - 1);
    if (memcmp(view->previous, report->chain, STK_CHAIN_BYTES) != 0)
        return stk_error_set(err, STK_CORRUPT,
                             "sequence %llu: the chain is broken, it follows another batch",
                             (unsigned long long)view->first);
    if (view->number != report->number + 1)
        return stk_error_set(err, STK_CORRUPT, "sequence %llu: batch %llu follows batch %llu",
                             (unsigned long long)view->first, (unsigned long long)view->number,
                             (unsigned long long)report->number);
    struct stk_batch_view records = *view;
    enum stk_status status = check_records(&records, err);
    if (status != STK_OK) {
        stk_error_prefix(err, "sequence %llu", (unsigned long long)view->first);
        return status;
    }
    stk_chain_next(verification->chain, view->previous, view->whole.data, view->whole.size,
                   report->chain);
    if (report->batches++ == 0)
        report->first_ms = view->time_ms;
    report->number = view->number;
    report->last = view->first + view->count - 1;
    report->last_ms = view->time_ms;
    report->effects += view->count;
    report->bytes += view->whole.size;
    return STK_OK;
}

/* The head fits to its name and to what came before. */
static enum stk_status verify_head(struct verification *verification, struct stk_kv *kv,
                                   stk_seq_t first, struct stk_segment_head *out,
                                   struct stk_error *err)
{
    static const uint8_t zeros[STK_CHAIN_BYTES];
    struct stk_journal_report *report = verification->report;
    struct stk_segment_head head;
    enum stk_status status = stk_segment_head(kv, &head, err);
    if (status != STK_OK)
        return status;
    *out = head;
    if (head.first != first)
        return stk_error_set(err, STK_CORRUPT, "its head says it begins at %llu",
                             (unsigned long long)head.first);
    if (report->first == 0) {
        if (first == 1 && memcmp(head.before, zeros, sizeof(zeros)) != 0)
            return stk_error_set(err, STK_CORRUPT, "the first batch of all follows another one");
        memcpy(report->id, head.id, sizeof(report->id));
        memcpy(report->before, head.before, STK_CHAIN_BYTES);
        memcpy(report->chain, head.before, STK_CHAIN_BYTES);
        report->first = first;
        report->last = first - 1;
        report->number = head.number - 1;
        return STK_OK;
    }
    if (memcmp(report->id, head.id, sizeof(report->id)) != 0)
        return stk_error_set(err, STK_CORRUPT, "belongs to another journal");
    if (head.first != report->last + 1)
        return stk_error_set(err, STK_CORRUPT, "sequences %llu to %llu are missing",
                             (unsigned long long)report->last + 1,
                             (unsigned long long)head.first - 1);
    if (memcmp(head.before, report->chain, STK_CHAIN_BYTES) != 0)
        return stk_error_set(err, STK_CORRUPT, "the chain is broken before it");
    return STK_OK;
}

/* Every batch from the report's end on. */
static enum stk_status verify_batches(struct walk *walk, struct verification *verification,
                                      struct stk_kv *kv, struct stk_error *err)
{
    struct stk_batch_view view;
    enum stk_status status = STK_OK;
    do {
        status = stk_segment_read(kv, verification->report->last + 1, &walk->chunk, err);
        while (status == STK_OK && (status = stk_chunk_next(&walk->chunk, &view, err)) == STK_OK)
            status = verify_batch(verification, &view, err);
        if (status == STK_AGAIN)
            status = STK_OK;
    } while (status == STK_OK && walk->chunk.size);
    return status;
}

static enum stk_status verify_segment(struct walk *walk, uint32_t i,
                                      struct verification *verification, struct stk_error *err)
{
    struct stk_kv *kv;
    struct stk_segment_head head;
    uint64_t before = 0, after = 0, found;
    enum stk_status status = open_segment(walk, i, &kv, err);
    if (status != STK_OK)
        return status;
    status = verify_head(verification, kv, walk->firsts[i], &head, err);
    if (status == STK_OK)
        status = stk_segment_committed(kv, &head, &before, err);
    if (status == STK_OK)
        status = verify_batches(walk, verification, kv, err);
    if (status == STK_OK)
        status = stk_segment_committed(kv, &head, &after, err);
    found = verification->report->number;
    /* an engine may have added some meanwhile */
    if (status == STK_OK && (found < before || (after && found > after)))
        status = stk_error_set(err, STK_CORRUPT, "ends with batch %llu, %llu was committed",
                               (unsigned long long)found, (unsigned long long)before);
    stk_kv_close(kv);
    return status;
}

static enum stk_status verify_all(struct walk *walk, struct verification *verification,
                                  struct stk_error *err)
{
    struct stk_journal_report *report = verification->report;
    for (uint32_t i = 0; i < walk->count; i++) {
        enum stk_status status = verify_segment(walk, i, verification, err);
        int is_last = i + 1 == walk->count;
        if (status == STK_NOT_FOUND && (report->first == 0 || is_last))
            continue; /* cut meanwhile; or taken into use this moment */
        if (status != STK_OK) {
            stk_error_prefix(err, "segment %llu", (unsigned long long)walk->firsts[i]);
            return status == STK_NOT_FOUND ? STK_CORRUPT : status;
        }
        report->segments++;
    }
    return STK_OK;
}

enum stk_status stk_journal_verify(const char *folder, struct stk_journal_report *report,
                                   struct stk_error *err)
{
    struct walk walk;
    *report = (struct stk_journal_report){0};
    struct verification verification = {report, stk_chain_create()};
    if (!verification.chain)
        return stk_error_set(err, STK_NO_MEMORY, "journal: out of memory");
    enum stk_status status = walk_open(&walk, folder, err);
    if (status == STK_OK)
        status = verify_all(&walk, &verification, err);
    if (status != STK_OK)
        stk_error_prefix(err, "journal");
    walk_close(&walk);
    stk_chain_destroy(verification.chain);
    return status;
}

/* ---- read ---- */

static enum stk_status read_segment(struct walk *walk, uint32_t i, stk_seq_t *from, stk_batch_fn fn,
                                    void *arg, struct stk_error *err)
{
    struct stk_kv *kv;
    struct stk_batch_view view;
    enum stk_status status = open_segment(walk, i, &kv, err);
    if (status != STK_OK)
        return status;
    status = stk_segment_read(kv, *from, &walk->chunk, err);
    while (status == STK_OK && walk->chunk.size) {
        status = stk_chunk_next(&walk->chunk, &view, err);
        if (status == STK_AGAIN) {
            status = stk_segment_read(kv, *from, &walk->chunk, err);
            continue;
        }
        if (status == STK_OK && view.first > *from)
            status = stk_error_set(err, STK_CORRUPT, "sequences %llu to %llu are missing",
                                   (unsigned long long)*from, (unsigned long long)view.first - 1);
        if (status == STK_OK)
            status = fn(arg, &view, err);
        if (status == STK_OK)
            *from = view.first + view.count;
    }
    stk_kv_close(kv);
    return status;
}

enum stk_status stk_journal_read_folder(const char *folder, stk_seq_t from, stk_batch_fn fn,
                                        void *arg, struct stk_error *err)
{
    struct walk walk;
    enum stk_status status = walk_open(&walk, folder, err);
    uint32_t i = 0;
    while (i + 1 < walk.count && walk.firsts[i + 1] <= from)
        i++;
    if (status == STK_OK && walk.count && walk.firsts[i] > from)
        status = stk_error_set(err, STK_TOO_OLD, "it begins at sequence %llu, not at %llu",
                               (unsigned long long)walk.firsts[i], (unsigned long long)from);
    for (; i < walk.count && status == STK_OK; i++) {
        status = read_segment(&walk, i, &from, fn, arg, err);
        if (status == STK_OK && i + 1 < walk.count && walk.firsts[i + 1] != from)
            status =
                stk_error_set(err, STK_CORRUPT, "sequences %llu to %llu are missing",
                              (unsigned long long)from, (unsigned long long)walk.firsts[i + 1] - 1);
    }
    if (status != STK_OK)
        stk_error_prefix(err, "journal");
    walk_close(&walk);
    return status;
}

/* ---- look ---- */

static enum stk_status look_at_end(struct walk *walk, uint32_t i, struct stk_journal_report *report,
                                   struct stk_error *err)
{
    struct stk_kv *kv;
    struct stk_segment_head head;
    struct stk_batch_view view;
    enum stk_status status = open_segment(walk, i, &kv, err);
    if (status != STK_OK)
        return status;
    status = stk_segment_head(kv, &head, err);
    if (status == STK_OK)
        status = stk_segment_last(kv, &walk->chunk, err);
    if (status == STK_OK && walk->chunk.size)
        status = stk_chunk_next(&walk->chunk, &view, err);
    if (status == STK_OK) {
        memcpy(report->id, head.id, sizeof(report->id));
        report->last = walk->chunk.size ? view.first + view.count - 1 : head.first - 1;
        report->last_ms = walk->chunk.size ? view.time_ms : 0;
    }
    stk_kv_close(kv);
    return status;
}

enum stk_status stk_journal_look(const char *folder, struct stk_journal_report *report,
                                 struct stk_error *err)
{
    struct walk walk;
    *report = (struct stk_journal_report){0};
    enum stk_status status = walk_open(&walk, folder, err);
    uint32_t i = walk.count;
    if (status == STK_OK && i) {
        report->segments = i;
        report->first = walk.firsts[0];
        do
            status = look_at_end(&walk, --i, report, err);
        while (status == STK_NOT_FOUND && i > 0); /* the last one may be taken into use right now */
    }
    if (status == STK_NOT_FOUND && walk.count) {
        *report = (struct stk_journal_report){0};
        status = STK_OK;
    }
    if (status != STK_OK)
        stk_error_prefix(err, "journal");
    walk_close(&walk);
    return status;
}
