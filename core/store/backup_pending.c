/* Stands in until backup.c is here, so that the rest links. Removed by the commit that brings it.
 */
#include "core/store/backup.h"

static enum stk_status later(struct stk_error *err)
{
    return stk_error_set(err, STK_STATE, "backups are not there yet");
}
enum stk_status stk_backup_make(struct stk_journal *journal, struct stk_rows *rows,
                                const char *target, struct stk_backup_result *result,
                                struct stk_error *err)
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
                            stk_time_t to_ms, const char *data_folder,
                            struct stk_backup_result *result, struct stk_error *err)
{
    (void)backup, (void)journal_folder, (void)to_seq, (void)to_ms, (void)data_folder, (void)result;
    return later(err);
}
enum stk_status stk_state_rebuild(const char *data_folder, struct stk_error *err)
{
    (void)data_folder;
    return later(err);
}
