/* Hot backup of a data folder (J and S), and its check. A backup is a folder:
 *   manifest   what is in it (manifest.h): id, folded sequence F, last sequence L, chain hash at L,
 *              sizes and SHA-256 of each file
 *   state.mdb  hot copy of S (folded = F)
 *   journal/   J from the batch that ends at F to L, as segments */
#ifndef STK_STORE_BACKUP_H
#define STK_STORE_BACKUP_H

#include "core/store/fold.h"
#include "core/store/restore.h"

#define STK_BACKUP_JOURNAL "journal"

/* Pins J, copies S first, then J up to what is durable by then. target must not exist, its parent
 * must; it is made whole as target.part and renamed at the end. One at a time; any thread but the
 * journal's and the fold's. */
enum stk_status stk_backup_make(struct stk_journal *journal, struct stk_rows *rows,
                                const char *target, struct stk_backup_result *result,
                                struct stk_error *err);
/* Every file against its hash, then checksums, chain and digests. Hashes come first, so that no
 * damaged page is ever followed. */
enum stk_status stk_backup_verify(const char *backup, struct stk_backup_result *result,
                                  struct stk_error *err);

#endif
