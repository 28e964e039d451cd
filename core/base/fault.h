/* Named points at which a test may kill the process or make an operation fail. Off in production:
 * one predictable branch on a flag that is set once at start.
 *
 * STOCKADE_FAULT="name:count:action": at the count-th passage of that point (1 = the first), do
 * `kill` (SIGKILL to ourselves), `exit` (_exit with STK_FAULT_EXIT) or `error` (the point returns 1
 * and its caller acts as if the operation had failed). Each fires once; `always` is `error` at that
 * passage and at all after it. Several are separated by commas. */
#ifndef STK_BASE_FAULT_H
#define STK_BASE_FAULT_H

#include "core/base/err.h"
#include <stdatomic.h>

/* STK_FAULT(NAME, "name") Every point in the tree, so that the crash harness can enumerate them. */
#define STK_FAULT_LIST(STK_FAULT)                                                                  \
    STK_FAULT(ENGINE_AFTER_APPLY, "engine.after_apply")                                            \
    STK_FAULT(ENGINE_AFTER_APPEND, "engine.after_append")                                          \
    STK_FAULT(JOURNAL_BATCH_TAKEN, "journal.batch_taken")                                          \
    STK_FAULT(JOURNAL_BEFORE_COMMIT, "journal.before_commit")                                      \
    STK_FAULT(JOURNAL_IN_COMMIT, "journal.in_commit")                                              \
    STK_FAULT(JOURNAL_AFTER_COMMIT, "journal.after_commit")                                        \
    STK_FAULT(JOURNAL_BEFORE_DURABLE, "journal.before_durable")                                    \
    STK_FAULT(JOURNAL_AFTER_DURABLE, "journal.after_durable")                                      \
    STK_FAULT(JOURNAL_SEGMENT_MADE, "journal.segment_made")                                        \
    STK_FAULT(JOURNAL_SEGMENT_PART, "journal.segment_part")                                        \
    STK_FAULT(JOURNAL_SEGMENT_PREPARED, "journal.segment_prepared")                                \
    STK_FAULT(JOURNAL_SEGMENT_RENAMED, "journal.segment_renamed")                                  \
    STK_FAULT(JOURNAL_SEGMENT_SWITCHED, "journal.segment_switched")                                \
    STK_FAULT(JOURNAL_CUT, "journal.cut")                                                          \
    STK_FAULT(FOLD_BEFORE_COMMIT, "fold.before_commit")                                            \
    STK_FAULT(FOLD_IN_COMMIT, "fold.in_commit")                                                    \
    STK_FAULT(FOLD_AFTER_COMMIT, "fold.after_commit")                                              \
    STK_FAULT(FOLD_RUN_PART, "fold.run_part")                                                      \
    STK_FAULT(FOLD_RUN_BEFORE_REGISTER, "fold.run_before_register")                                \
    STK_FAULT(FOLD_RUN_REGISTERED, "fold.run_registered")                                          \
    STK_FAULT(FOLD_RUN_DROPPED, "fold.run_dropped")                                                \
    STK_FAULT(FOLD_MERGE_PART, "fold.merge_part")                                                  \
    STK_FAULT(FOLD_MERGED, "fold.merged")                                                          \
    STK_FAULT(BACKUP_STATE_COPIED, "backup.state_copied")                                          \
    STK_FAULT(BACKUP_JOURNAL_COPIED, "backup.journal_copied")                                      \
    STK_FAULT(BACKUP_BEFORE_RENAME, "backup.before_rename")                                        \
    STK_FAULT(RESTORE_BEFORE_RENAME, "restore.before_rename")                                      \
    /* not points but wrong behaviour, for the test of the tests: with the action `always` */      \
    STK_FAULT(PLANT_EARLY_ANSWER, "plant.early_answer")                                            \
    STK_FAULT(PLANT_REFUSAL_EARLY, "plant.refusal_early")                                          \
    STK_FAULT(PLANT_KEY_NEXT_COMMIT, "plant.key_next_commit")                                      \
    STK_FAULT(PLANT_SPLIT_ORDER, "plant.split_order")                                              \
    STK_FAULT(PLANT_PROMISE_NEWEST, "plant.promise_newest")                                        \
    STK_FAULT(PLANT_PROMISE_ANY_PROOF, "plant.promise_any_proof")                                  \
    STK_FAULT(PLANT_PROMISE_NO_WATERMARK, "plant.promise_no_watermark")                            \
    STK_FAULT(PLANT_PROMISE_DROP_REST, "plant.promise_drop_rest")                                  \
    STK_FAULT(PLANT_PROMISE_LOST, "plant.promise_lost")                                            \
    STK_FAULT(PLANT_PROMISE_OLD_READ, "plant.promise_old_read")                                    \
    STK_FAULT(PLANT_PROMISE_READ_EARLY, "plant.promise_read_early")                                \
    STK_FAULT(PLANT_PROMISE_COUNTED, "plant.promise_counted")                                      \
    STK_FAULT(PLANT_PROMISE_OUT_OF_TURN, "plant.promise_out_of_turn")                              \
    STK_FAULT(PLANT_ALLOT_ONE_SUM, "plant.allot_one_sum")                                          \
    STK_FAULT(PLANT_SHOP_IGNORES, "plant.shop_ignores")

enum stk_fault {
#define STK_FAULT_ENUM(name, text) STK_FAULT_##name,
    STK_FAULT_LIST(STK_FAULT_ENUM)
#undef STK_FAULT_ENUM
        STK_FAULT_COUNT
};

#define STK_FAULT_EXIT 86 /* exit code of the action `exit` */

/* Set before threads start, read by everyone: 1 when any point is armed. Atomic for tests, which
 * arm a point under running threads. */
extern _Atomic int stk_fault_armed;

/* Arm what spec says; NULL or "" disarms all. STK_INVALID names what is wrong with it. main, before
 * threads start; tests. */
enum stk_status stk_fault_init(const char *spec, struct stk_error *err);
/* "journal.cut"; NULL past the end. */
const char *stk_fault_name(unsigned point);
int stk_fault_hit(enum stk_fault point);

/* Pass a point. 0, or 1: act as if the operation failed. Thread-safe. */
static inline int stk_fault_point(enum stk_fault point)
{
    int armed = atomic_load_explicit(&stk_fault_armed, memory_order_relaxed);
    return __builtin_expect(armed, 0) ? stk_fault_hit(point) : 0;
}

#endif
