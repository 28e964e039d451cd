/* Restoring: the backup's S as it is, and its J, then J from what survived, as far as is wanted. A
 * batch that reaches beyond the end is written again with the records up to it. The new journal
 * carries the old id: what it shares with the old one is the same, and the chain tells where they
 * part. */
#include "core/store/restore.h"
#include "core/base/fault.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/store/backup.h"
#include "core/store/image.h"
#include "core/store/manifest.h"
#include "core/store/spool.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct restore {
    const char *backup, *survivor;
    stk_seq_t to_seq;
    stk_time_t to_ms;
    struct stk_path data, part, journal, state;
    struct stk_manifest manifest;
    struct stk_spool spool;
    struct stk_batch batch; /* for one that is cut */
    int reached;            /* the end that is wanted */
};

/* ---- the end ---- */

/* How many records of the batch belong to what is wanted. */
static enum stk_status count_wanted(const struct restore *restore,
                                    const struct stk_batch_view *given, uint32_t *wanted,
                                    struct stk_error *err)
{
    struct stk_batch_view view = *given;
    struct stk_bytes bytes;
    struct stk_record_view record;
    *wanted = given->count;
    if (restore->to_seq && restore->to_seq < given->first + given->count)
        *wanted = (uint32_t)(restore->to_seq + 1 - given->first);
    if (!restore->to_ms)
        return STK_OK;
    for (uint32_t i = 0; i < *wanted && stk_batch_next(&view, &bytes); i++) {
        enum stk_status status =
            stk_record_open(bytes, stk_batch_seq(&view), view.time_ms, &record, err);
        if (status != STK_OK)
            return status;
        if (record.time_ms > restore->to_ms)
            *wanted = i;
    }
    return STK_OK;
}

/* The first records of a batch as a batch of its own. */
static enum stk_status add_part(struct restore *restore, const struct stk_batch_view *given,
                                uint32_t wanted, struct stk_error *err)
{
    struct stk_batch_view view = *given;
    struct stk_bytes bytes;
    struct stk_batch *batch = &restore->batch;
    enum stk_status status = batch->data ? STK_OK : stk_batch_init(batch, err);
    if (status != STK_OK)
        return status;
    stk_batch_reset(batch, given->first);
    batch->number = given->number;
    while (wanted-- > 0 && stk_batch_next(&view, &bytes)) {
        memcpy(stk_batch_record_open(batch), bytes.data, bytes.size);
        stk_batch_record_close(batch, bytes.size, given->time_ms);
    }
    if (view.records.bad)
        return stk_error_set(err, STK_CORRUPT, "sequence %llu: its records do not add up",
                             (unsigned long long)given->first);
    stk_batch_close(batch, given->previous);
    status = stk_batch_open(batch->data, batch->size, &view, err);
    return status == STK_OK ? stk_spool_add(&restore->spool, &view, err) : status;
}

static enum stk_status take_batch(void *arg, const struct stk_batch_view *batch,
                                  struct stk_error *err)
{
    struct restore *restore = arg;
    uint32_t wanted;
    /* a survivor's batch that begins in what the backup had, but ends later: not of this history */
    enum stk_status status = count_wanted(restore, batch, &wanted, err);
    if (status != STK_OK)
        return status;
    if (wanted == batch->count)
        status = stk_spool_add(&restore->spool, batch, err);
    else if (wanted > 0)
        status = add_part(restore, batch, wanted, err);
    restore->reached =
        wanted < batch->count || (restore->to_seq && restore->spool.last == restore->to_seq);
    return status == STK_OK && restore->reached ? STK_AGAIN : status;
}

/* ---- J ---- */

static enum stk_status take_journal(struct restore *restore, const char *folder, stk_seq_t from,
                                    struct stk_error *err)
{
    if (restore->reached)
        return STK_OK;
    enum stk_status status = stk_journal_read_folder(folder, from, take_batch, restore, err);
    return status == STK_AGAIN && restore->reached ? STK_OK : status;
}

static enum stk_status take_survivor(struct restore *restore, struct stk_error *err)
{
    struct stk_journal_report report;
    if (!restore->survivor || restore->reached)
        return STK_OK;
    enum stk_status status = stk_journal_look(restore->survivor, &report, err);
    stk_seq_t from = restore->spool.last + 1;
    if (status != STK_OK || report.last < from)
        return status;
    if (restore->spool.last && memcmp(report.id, restore->spool.id, sizeof(report.id)) != 0)
        return stk_error_set(err, STK_CORRUPT, "%s: is not the journal of this backup",
                             restore->survivor);
    return take_journal(restore, restore->survivor, from, err);
}

static enum stk_status restore_journal(struct restore *restore, struct stk_error *err)
{
    struct stk_path folder;
    enum stk_status status = stk_folder_make(restore->journal.text, err);
    if (status == STK_OK)
        status = stk_path_join(&folder, restore->backup, STK_BACKUP_JOURNAL, err);
    if (status == STK_OK)
        status = stk_spool_init(&restore->spool, restore->journal.text, restore->manifest.id, err);
    if (status != STK_OK)
        return status;
    if (restore->manifest.first)
        status = take_journal(restore, folder.text, restore->manifest.first, err);
    if (status == STK_OK)
        status = take_survivor(restore, err);
    if (status == STK_OK)
        status = stk_spool_end(&restore->spool, err);
    if (status == STK_OK && restore->to_seq > restore->spool.last)
        status = stk_error_set(
            err, STK_NOT_FOUND, "the journal ends at sequence %llu, %llu was asked for",
            (unsigned long long)restore->spool.last, (unsigned long long)restore->to_seq);
    return status;
}

/* ---- S ---- */

static enum stk_status too_late(struct stk_error *err, const struct stk_image_head *head)
{
    return stk_error_set(err, STK_TOO_OLD,
                         "the backup's state holds effects up to %llu already: an older backup is "
                         "needed to go back further",
                         (unsigned long long)head->folded);
}

static enum stk_status restore_state(struct restore *restore, struct stk_error *err)
{
    struct stk_rows *rows;
    struct stk_rows_options options = {.folder = restore->state.text, .read_only = 1, .alone = 1};
    enum stk_status status = stk_rows_open(&rows, &options, err);
    if (status != STK_OK)
        return status;
    const struct stk_image_head *head = &rows->head;
    if (head->folded != restore->manifest.folded)
        status = stk_error_set(err, STK_CORRUPT, "the state is not the manifest's");
    else if ((restore->to_seq && restore->to_seq < head->folded) ||
             (restore->to_ms && head->folded && restore->to_ms < head->time_ms))
        status = too_late(err, head);
    else
        status = stk_rows_check(rows, err);
    stk_rows_close(rows);
    return status;
}

/* ---- the whole ---- */

/* Files of the backup, checked while they are copied; those of the journal are checked only, since
 * its batches are written again. */
static enum stk_status take_files(struct restore *restore, struct stk_error *err)
{
    struct stk_path state;
    enum stk_status status = stk_path_join(&state, restore->state.text, STK_IMAGE_FILE, err);
    for (uint32_t i = 0; i < restore->manifest.files_count && status == STK_OK; i++) {
        const struct stk_manifest_file *file = &restore->manifest.files[i];
        int is_state = strcmp(file->name, STK_IMAGE_FILE) == 0;
        status = stk_manifest_check_file(file, restore->backup, is_state ? state.text : NULL, err);
    }
    return status;
}

static enum stk_status set_paths(struct restore *restore, const char *data_folder,
                                 struct stk_error *err)
{
    enum stk_status status = stk_path_set(&restore->data, data_folder, err);
    if (status != STK_OK)
        return status;
    size_t size = strlen(restore->data.text);
    while (size > 1 && restore->data.text[size - 1] == '/')
        restore->data.text[--size] = 0;
    if (snprintf(restore->part.text, sizeof(restore->part.text), "%s.part", restore->data.text) >=
        (int)sizeof(restore->part.text))
        return stk_error_set(err, STK_TOO_LARGE, "the path is too long");
    if (stk_folder_empty(restore->data.text) == 0)
        return stk_error_set(err, STK_EXISTS, "%s: is not empty", restore->data.text);
    status = stk_path_join(&restore->journal, restore->part.text, STK_DATA_JOURNAL, err);
    if (status == STK_OK)
        status = stk_path_join(&restore->state, restore->part.text, STK_DATA_STATE, err);
    return status;
}

static enum stk_status restore_parts(struct restore *restore, struct stk_error *err)
{
    enum stk_status status = stk_folder_remove(restore->part.text, err);
    if (status == STK_OK)
        status = stk_folder_make(restore->part.text, err);
    if (status == STK_OK)
        status = stk_folder_make(restore->state.text, err);
    if (status == STK_OK)
        status = take_files(restore, err);
    if (status == STK_OK)
        status = restore_state(restore, err);
    if (status == STK_OK)
        status = stk_folder_sync(restore->state.text, err);
    if (status == STK_OK)
        status = restore_journal(restore, err);
    if (status == STK_OK)
        status = stk_folder_sync(restore->part.text, err);
    if (status == STK_OK && stk_fault_point(STK_FAULT_RESTORE_BEFORE_RENAME))
        status = stk_error_set(err, STK_IO, "fault injected at restore.before_rename");
    if (status == STK_OK && stk_folder_empty(restore->data.text) == 1)
        status = stk_folder_remove(restore->data.text, err);
    return status == STK_OK ? stk_file_rename(restore->part.text, restore->data.text, err) : status;
}

enum stk_status stk_restore(const char *backup, const char *journal_folder, stk_seq_t to_seq,
                            stk_time_t to_ms, const char *data_folder,
                            struct stk_backup_result *result, struct stk_error *err)
{
    struct restore *restore = stk_alloc(sizeof(*restore));
    *result = (struct stk_backup_result){0};
    if (!restore)
        return stk_error_set(err, STK_NO_MEMORY, "restore: out of memory");
    restore->backup = backup;
    restore->survivor = journal_folder;
    restore->to_seq = to_seq;
    restore->to_ms = to_ms;
    enum stk_status status = set_paths(restore, data_folder, err);
    if (status == STK_OK)
        status = stk_manifest_read(&restore->manifest, backup, err);
    if (status == STK_OK) {
        status = restore_parts(restore, err);
        if (status != STK_OK)
            stk_folder_remove(restore->part.text, NULL);
    }
    if (status == STK_OK)
        *result = (struct stk_backup_result){restore->manifest.folded, restore->spool.last,
                                             stk_manifest_bytes(&restore->manifest)};
    else
        stk_error_prefix(err, "restore");
    stk_spool_fini(&restore->spool);
    stk_batch_fini(&restore->batch);
    stk_manifest_fini(&restore->manifest);
    stk_free(restore);
    return status;
}

/* ---- S from J alone ---- */

/* A journal's folder as a log that can only be read. */
struct folder_log {
    const char *folder;
    stk_seq_t last;
};

static stk_seq_t folder_durable(void *self)
{
    const struct folder_log *log = self;
    return log->last;
}

static enum stk_status folder_read(void *self, stk_seq_t from, stk_batch_fn fn, void *arg,
                                   struct stk_error *err)
{
    const struct folder_log *log = self;
    return stk_journal_read_folder(log->folder, from, fn, arg, err);
}

static enum stk_status fold_all(struct folder_log *folder, const struct stk_journal_report *report,
                                const char *state, struct stk_error *err)
{
    struct stk_rows *rows;
    struct stk_fold *fold = NULL;
    struct stk_rows_options rows_options = {.folder = state};
    struct stk_fold_options options = {
        .log = {.durable = folder_durable, .read = folder_read, .self = folder}};
    uint64_t folded = 1;
    memcpy(options.log.id, report->id, sizeof(report->id));
    enum stk_status status = stk_rows_open(&rows, &rows_options, err);
    if (status != STK_OK)
        return status;
    options.rows = rows;
    status = stk_fold_create(&fold, &options, err);
    while (status == STK_OK && folded)
        status = stk_fold_step(fold, &folded, err);
    if (status == STK_OK && stk_rows_folded(rows) != report->last)
        status = stk_error_set(err, STK_CORRUPT, "the journal could be read to %llu only",
                               (unsigned long long)stk_rows_folded(rows));
    if (status == STK_OK)
        status = stk_rows_check(rows, err);
    stk_fold_destroy(fold);
    stk_rows_close(rows);
    return status;
}

/* The new file over the old one; its reader table and the old one's are of no use any more. */
static enum stk_status put_in_place(const char *part, const char *state, struct stk_error *err)
{
    struct stk_path from, to, lock;
    enum stk_status status = stk_path_join(&from, part, STK_IMAGE_FILE, err);
    if (status == STK_OK)
        status = stk_path_join(&to, state, STK_IMAGE_FILE, err);
    if (status == STK_OK)
        status = stk_path_join(&lock, state, STK_IMAGE_FILE STK_KV_LOCK_SUFFIX, err);
    if (status == STK_OK)
        status = stk_file_sync(from.text, err);
    if (status == STK_OK)
        status = stk_folder_make(state, err);
    if (status == STK_OK)
        status = stk_file_remove(lock.text, err);
    if (status == STK_OK)
        status = stk_file_rename(from.text, to.text, err);
    return status == STK_OK ? stk_folder_remove(part, err) : status;
}

static enum stk_status rebuild(const char *journal, const char *part, const char *state,
                               struct stk_error *err)
{
    struct stk_journal_report report;
    enum stk_status status = stk_journal_look(journal, &report, err);
    if (status == STK_OK && report.first != 1 && report.last != 0)
        status = stk_error_set(err, STK_TOO_OLD,
                               "the journal begins at sequence %llu: a backup is needed for what "
                               "came before",
                               (unsigned long long)report.first);
    if (status == STK_OK)
        status = stk_folder_remove(part, err);
    struct folder_log folder = {journal, report.last};
    if (status == STK_OK)
        status = fold_all(&folder, &report, part, err);
    return status == STK_OK ? put_in_place(part, state, err) : status;
}

enum stk_status stk_state_rebuild(const char *data_folder, struct stk_error *err)
{
    struct stk_path journal, part, state;
    int lock = -1;
    enum stk_status status = stk_path_join(&journal, data_folder, STK_DATA_JOURNAL, err);
    if (status == STK_OK)
        status = stk_path_join(&part, data_folder, "state.part", err);
    if (status == STK_OK)
        status = stk_path_join(&state, data_folder, STK_DATA_STATE, err);
    if (status == STK_OK)
        status = stk_folder_lock(journal.text, &lock, err);
    if (status == STK_OK)
        status = rebuild(journal.text, part.text, state.text, err);
    if (lock >= 0)
        close(lock);
    if (status != STK_OK)
        stk_error_prefix(err, "rebuild");
    return status;
}
