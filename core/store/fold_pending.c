/* Stands in until fold.c and backup.c are here, so that the rest can be linked and tried on the journal alone.
 * Removed by the commit that brings them. */
#include "core/store/backup.h"

enum stk_status stk_rows_open(struct stk_rows **out, const struct stk_rows_options *options,
                              struct stk_error *err)
{
    (void)options;
    (void)err;
    *out = NULL;
    return STK_OK;
}
void stk_rows_close(struct stk_rows *rows)
{
    (void)rows;
}
stk_seq_t stk_rows_folded(struct stk_rows *rows)
{
    (void)rows;
    return 0;
}
enum stk_status stk_rows_each(struct stk_rows *rows, enum stk_table table, stk_row_fn fn, void *arg,
                              struct stk_error *err)
{
    (void)rows, (void)table, (void)fn, (void)arg, (void)err;
    return STK_OK;
}
enum stk_status stk_rows_get(struct stk_rows *rows, enum stk_table table, struct stk_bytes key,
                             void *value, uint32_t *value_size, struct stk_error *err)
{
    (void)rows, (void)table, (void)key, (void)value, (void)value_size, (void)err;
    return STK_NOT_FOUND;
}
enum stk_status stk_rows_range(struct stk_rows *rows, enum stk_table table, struct stk_bytes from,
                               uint32_t max, stk_row_fn fn, void *arg, struct stk_error *err)
{
    (void)rows, (void)table, (void)from, (void)max, (void)fn, (void)arg, (void)err;
    return STK_OK;
}
enum stk_status stk_rows_check(struct stk_rows *rows, struct stk_error *err)
{
    (void)rows, (void)err;
    return STK_OK;
}
enum stk_status stk_rows_each_run_key(struct stk_rows *rows, stk_run_fn fn, void *arg,
                                      struct stk_error *err)
{
    (void)rows, (void)fn, (void)arg, (void)err;
    return STK_OK;
}
enum stk_status stk_rows_find_key(struct stk_rows *rows, struct stk_hash key, void *payload,
                                  uint32_t *payload_size, struct stk_error *err)
{
    (void)rows, (void)key, (void)payload, (void)payload_size, (void)err;
    return STK_NOT_FOUND;
}
enum stk_status stk_fold_create(struct stk_fold **out, const struct stk_fold_options *options,
                                struct stk_error *err)
{
    (void)options, (void)err;
    *out = NULL;
    return STK_OK;
}
enum stk_status stk_fold_start(struct stk_fold *fold, struct stk_error *err)
{
    (void)fold, (void)err;
    return STK_OK;
}
enum stk_status stk_fold_step(struct stk_fold *fold, uint64_t *folded, struct stk_error *err)
{
    (void)fold, (void)err;
    *folded = 0;
    return STK_OK;
}
void stk_fold_wake(struct stk_fold *fold)
{
    (void)fold;
}
void stk_fold_stop(struct stk_fold *fold, int finish)
{
    (void)fold, (void)finish;
}
void stk_fold_destroy(struct stk_fold *fold)
{
    (void)fold;
}
static enum stk_status later(struct stk_error *err)
{
    return stk_error_set(err, STK_STATE, "backups are not there yet");
}
enum stk_status stk_backup_make(struct stk_journal *journal, struct stk_rows *rows, const char *target,
                                struct stk_backup_result *result, struct stk_error *err)
{
    (void)journal, (void)rows, (void)target, (void)result;
    return later(err);
}
enum stk_status stk_backup_verify(const char *backup, struct stk_backup_result *result,
                                  struct stk_error *err)
{
    (void)backup, (void)result;
    return later(err);
}
enum stk_status stk_restore(const char *backup, const char *journal_folder, stk_seq_t to_seq,
                            stk_time_t to_ms, const char *data_folder, struct stk_backup_result *result,
                            struct stk_error *err)
{
    (void)backup, (void)journal_folder, (void)to_seq, (void)to_ms, (void)data_folder, (void)result;
    return later(err);
}
enum stk_status stk_state_rebuild(const char *data_folder, struct stk_error *err)
{
    (void)data_folder;
    return later(err);
}
