/* Making data folders: from a backup and what is left of a journal, or S again from J alone. Cold,
 * without an engine; one thread. */
#ifndef STK_STORE_RESTORE_H
#define STK_STORE_RESTORE_H

#include "core/base/err.h"
#include <stockade/types.h>

/* What lies in a data folder. */
#define STK_DATA_JOURNAL "journal"
#define STK_DATA_STATE   "state"

struct stk_backup_result {
    stk_seq_t folded, last;
    uint64_t bytes;
};
/* Make a data folder (must not exist or be empty) from a backup, optionally adding J from
 * `journal_folder` (a surviving journal that reaches further; NULL = none), up to and including
 * to_seq, or up to to_ms (0, 0 = all). The result starts as a normal data folder; it is made whole
 * as data_folder.part and renamed at the end. STK_TOO_OLD: the backup's state is later than that;
 * STK_NOT_FOUND: nothing reaches to to_seq. */
enum stk_status stk_restore(const char *backup, const char *journal_folder, stk_seq_t to_seq,
                            stk_time_t to_ms, const char *data_folder,
                            struct stk_backup_result *result, struct stk_error *err);
/* Rebuild S from J alone when J reaches back to sequence 1. The new S takes the old one's place
 * when it is whole. STK_STATE: an engine runs on the folder. */
enum stk_status stk_state_rebuild(const char *data_folder, struct stk_error *err);

#endif
