/* Checking a backup in a child process: a damaged page of LMDB can crash who reads it, and a
 * process that only checks may crash. Any thread of the daemon. */
#ifndef STK_APP_VERIFY_H
#define STK_APP_VERIFY_H

#include "core/store/backup.h"

/* Runs this same program with --verify-backup. A child that crashes is STK_CORRUPT. */
enum stk_status stk_verify_in_child(const char *target, struct stk_backup_result *result,
                                    struct stk_error *err);
/* The child's main: one line on stdout for the parent, and the exit code. */
int stk_verify_main(const char *target);

#endif
