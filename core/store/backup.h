/* Hot backup and restore of a data folder (J and S). A backup is a folder:
 *   manifest   text: format, engine id, folded sequence F, last sequence L, times, chain hash at L,
 *              sizes and SHA-256 of each file
 *   state.mdb  hot copy of S (folded = F)
 *   journal/   J from F + 1 to L, as segments */
#ifndef STK_STORE_BACKUP_H
#define STK_STORE_BACKUP_H

#include "core/store/fold.h"

struct stk_backup_result {
    stk_seq_t folded, last;
    uint64_t bytes;
};
/* Pins J, copies S first, then J from F + 1. target must not exist; it is made whole under another
 * name and renamed at the end. Any thread but the journal's and the fold's. */
enum stk_status stk_backup_make(struct stk_journal *journal, struct stk_rows *rows,
                                const char *target, struct stk_backup_result *result,
                                struct stk_error *err);
/* Every file, checksum, chain and digest. */
enum stk_status stk_backup_verify(const char *backup, struct stk_backup_result *result,
                                  struct stk_error *err);
/* Make a data folder (must not exist or be empty) from a backup, optionally adding J from
 * `journal_folder` (a surviving journal that reaches further; NULL = none), up to and including
 * to_seq, or up to to_ms (0, 0 = all). The result starts as a normal data folder. */
enum stk_status stk_restore(const char *backup, const char *journal_folder, stk_seq_t to_seq,
                            stk_time_t to_ms, const char *data_folder,
                            struct stk_backup_result *result, struct stk_error *err);
/* Rebuild S from J alone when J reaches back to sequence 1. */
enum stk_status stk_state_rebuild(const char *data_folder, struct stk_error *err);

#endif
