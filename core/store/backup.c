/* Backups: S by LMDB's hot copy, J by its batches as they are, a manifest over both. */
#include "core/store/backup.h"
#include "core/base/fault.h"
#include "core/base/mem.h"
#include "core/store/image.h"
#include "core/store/manifest.h"
#include "core/store/spool.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct backup {
    struct stk_journal *journal;
    struct stk_rows *rows;
    struct stk_path target, part, journal_part;
    struct stk_manifest manifest;
    struct stk_image_head head; /* of the copy */
    stk_seq_t last;             /* what was durable when S was copied */
    struct stk_spool *spool;
};

static enum stk_status injected(enum stk_fault point, struct stk_error *err)
{
    if (!stk_fault_point(point))
        return STK_OK;
    return stk_error_set(err, STK_IO, "fault injected at %s", stk_fault_name(point));
}

/* ---- S ---- */

/* What the copy says of itself. */
static enum stk_status read_head(const char *folder, struct stk_image_head *head,
                                 struct stk_error *err)
{
    struct stk_rows *rows;
    struct stk_rows_options options = {.folder = folder, .read_only = 1, .alone = 1};
    enum stk_status status = stk_rows_open(&rows, &options, err);
    if (status != STK_OK)
        return status;
    *head = rows->head;
    stk_rows_close(rows);
    return STK_OK;
}

static enum stk_status copy_state(struct backup *backup, struct stk_error *err)
{
    struct stk_path path;
    enum stk_status status = stk_path_join(&path, backup->part.text, STK_IMAGE_FILE, err);
    if (status != STK_OK)
        return status;
    int fd = open(path.text, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return stk_error_errno(err, errno, "making %s", path.text);
    status = stk_kv_copy(backup->rows->kv, fd, err);
    if (status == STK_OK && fsync(fd) != 0)
        status = stk_error_errno(err, errno, "syncing %s", path.text);
    close(fd);
    if (status == STK_OK)
        status = read_head(backup->part.text, &backup->head, err);
    return status == STK_OK ? injected(STK_FAULT_BACKUP_STATE_COPIED, err) : status;
}

/* ---- J ---- */

static enum stk_status copy_batch(void *arg, const struct stk_batch_view *batch,
                                  struct stk_error *err)
{
    struct backup *backup = arg;
    stk_seq_t end = batch->first + batch->count - 1;
    if (batch->first > backup->last)
        return STK_AGAIN;
    enum stk_status status = stk_spool_add(backup->spool, batch, err);
    if (status == STK_OK && end == backup->head.folded &&
        memcmp(backup->spool->chain, backup->head.chain, STK_CHAIN_BYTES) != 0)
        status = stk_error_set(err, STK_CORRUPT,
                               "at sequence %llu state and journal went different ways",
                               (unsigned long long)end);
    return status;
}

static enum stk_status copy_journal(struct backup *backup, struct stk_error *err)
{
    struct stk_spool spool;
    struct stk_log log = stk_journal_log(backup->journal);
    backup->last = log.durable(log.self);
    stk_seq_t from = backup->head.folded ? backup->head.folded : 1;
    enum stk_status status = stk_folder_make(backup->journal_part.text, err);
    if (status == STK_OK)
        status = stk_spool_init(&spool, backup->journal_part.text, log.id, err);
    if (status != STK_OK)
        return status;
    backup->spool = &spool;
    status = log.read(log.self, from, copy_batch, backup, err);
    if (status == STK_OK || status == STK_AGAIN)
        status = stk_spool_end(&spool, err);
    memcpy(backup->manifest.id, log.id, sizeof(log.id));
    backup->manifest.folded = backup->head.folded;
    backup->manifest.first = spool.first;
    backup->manifest.last = spool.last;
    backup->manifest.time_ms = spool.last_ms;
    memcpy(backup->manifest.chain, spool.chain, STK_CHAIN_BYTES);
    stk_spool_fini(&spool);
    return status == STK_OK ? injected(STK_FAULT_BACKUP_JOURNAL_COPIED, err) : status;
}

/* ---- manifest ---- */

static enum stk_status list_segments(struct backup *backup, struct stk_error *err)
{
    stk_seq_t *firsts = NULL;
    uint32_t count = 0;
    enum stk_status status = stk_segment_list(backup->journal_part.text, &firsts, &count, err);
    for (uint32_t i = 0; i < count && status == STK_OK; i++) {
        struct stk_path name;
        status = stk_segment_path(&name, STK_BACKUP_JOURNAL, firsts[i], err);
        if (status == STK_OK)
            status = stk_manifest_add(&backup->manifest, backup->part.text, name.text, err);
    }
    stk_free(firsts);
    return status;
}

static enum stk_status finish(struct backup *backup, struct stk_error *err)
{
    enum stk_status status =
        stk_manifest_add(&backup->manifest, backup->part.text, STK_IMAGE_FILE, err);
    if (status == STK_OK)
        status = list_segments(backup, err);
    if (status == STK_OK)
        status = stk_manifest_write(&backup->manifest, backup->part.text, err);
    if (status == STK_OK)
        status = stk_folder_sync(backup->part.text, err);
    if (status == STK_OK)
        status = injected(STK_FAULT_BACKUP_BEFORE_RENAME, err);
    return status == STK_OK ? stk_file_rename(backup->part.text, backup->target.text, err) : status;
}

/* ---- make ---- */

static enum stk_status set_paths(struct backup *backup, const char *target, struct stk_error *err)
{
    enum stk_status status = stk_path_set(&backup->target, target, err);
    if (status != STK_OK)
        return status;
    size_t size = strlen(backup->target.text);
    while (size > 1 && backup->target.text[size - 1] == '/')
        backup->target.text[--size] = 0;
    if (snprintf(backup->part.text, sizeof(backup->part.text), "%s.part", backup->target.text) >=
        (int)sizeof(backup->part.text))
        return stk_error_set(err, STK_TOO_LARGE, "the path is too long");
    if (stk_folder_empty(backup->target.text) >= 0 || access(backup->target.text, F_OK) == 0)
        return stk_error_set(err, STK_EXISTS, "%s: is there already", backup->target.text);
    return stk_path_join(&backup->journal_part, backup->part.text, STK_BACKUP_JOURNAL, err);
}

static enum stk_status make_parts(struct backup *backup, struct stk_error *err)
{
    enum stk_status status = stk_folder_remove(backup->part.text, err); /* of one that broke off */
    if (status == STK_OK)
        status = stk_folder_make(backup->part.text, err);
    if (status == STK_OK)
        status = copy_state(backup, err);
    if (status == STK_OK)
        status = copy_journal(backup, err);
    return status == STK_OK ? finish(backup, err) : status;
}

enum stk_status stk_backup_make(struct stk_journal *journal, struct stk_rows *rows,
                                const char *target, struct stk_backup_result *result,
                                struct stk_error *err)
{
    struct backup *backup = stk_alloc(sizeof(*backup));
    *result = (struct stk_backup_result){0};
    if (!backup)
        return stk_error_set(err, STK_NO_MEMORY, "backup: out of memory");
    backup->journal = journal;
    backup->rows = rows;
    enum stk_status status = set_paths(backup, target, err);
    if (status == STK_OK) {
        /* set before the copy begins: what the copy has folded is at or after this */
        stk_seq_t folded = stk_rows_folded(rows);
        stk_journal_pin(journal, STK_PIN_BACKUP, folded ? folded : 1);
        status = make_parts(backup, err);
        stk_journal_pin(journal, STK_PIN_BACKUP, 0);
        if (status != STK_OK)
            stk_folder_remove(backup->part.text, NULL);
    }
    if (status == STK_OK)
        *result = (struct stk_backup_result){backup->manifest.folded, backup->manifest.last,
                                             stk_manifest_bytes(&backup->manifest)};
    else
        stk_error_prefix(err, "backup");
    stk_manifest_fini(&backup->manifest);
    stk_free(backup);
    return status;
}

/* ---- verify ---- */

static enum stk_status check_state(const char *backup, const struct stk_manifest *manifest,
                                   struct stk_error *err)
{
    struct stk_rows *rows;
    struct stk_rows_options options = {.folder = backup, .read_only = 1, .alone = 1};
    enum stk_status status = stk_rows_open(&rows, &options, err);
    if (status != STK_OK)
        return status;
    if (rows->head.folded != manifest->folded)
        status = stk_error_set(
            err, STK_CORRUPT, "the state is folded to %llu, the manifest says %llu",
            (unsigned long long)rows->head.folded, (unsigned long long)manifest->folded);
    if (status == STK_OK)
        status = stk_rows_check(rows, err);
    stk_rows_close(rows);
    return status;
}

static enum stk_status check_journal(const char *backup, const struct stk_manifest *manifest,
                                     struct stk_error *err)
{
    struct stk_path folder;
    struct stk_journal_report report;
    enum stk_status status = stk_path_join(&folder, backup, STK_BACKUP_JOURNAL, err);
    if (status == STK_OK)
        status = stk_journal_verify(folder.text, &report, err);
    if (status != STK_OK)
        return status;
    if (report.first != manifest->first || report.last != manifest->last ||
        memcmp(report.chain, manifest->chain, STK_CHAIN_BYTES) != 0 ||
        (report.last && memcmp(report.id, manifest->id, sizeof(report.id)) != 0))
        return stk_error_set(
            err, STK_CORRUPT, "the journal holds %llu to %llu, the manifest says %llu to %llu",
            (unsigned long long)report.first, (unsigned long long)report.last,
            (unsigned long long)manifest->first, (unsigned long long)manifest->last);
    if (manifest->folded > manifest->last)
        return stk_error_set(err, STK_CORRUPT, "the journal ends before the state");
    return STK_OK;
}

enum stk_status stk_backup_verify(const char *backup, struct stk_backup_result *result,
                                  struct stk_error *err)
{
    struct stk_manifest manifest;
    *result = (struct stk_backup_result){0};
    enum stk_status status = stk_manifest_read(&manifest, backup, err);
    for (uint32_t i = 0; status == STK_OK && i < manifest.files_count; i++)
        status = stk_manifest_check_file(&manifest.files[i], backup, NULL, err);
    if (status == STK_OK)
        status = check_state(backup, &manifest, err);
    if (status == STK_OK)
        status = check_journal(backup, &manifest, err);
    if (status == STK_OK)
        *result = (struct stk_backup_result){manifest.folded, manifest.last,
                                             stk_manifest_bytes(&manifest)};
    else
        stk_error_prefix(err, "backup %s", backup);
    stk_manifest_fini(&manifest);
    return status;
}
