/* Recovery: the rows of S, then the effects of J from the folded sequence on. The same function
 * serves a standby and a restore; it is idempotent. Main thread, before the engine starts. */
#ifndef STK_FLOW_RECOVER_H
#define STK_FLOW_RECOVER_H

#include "core/flow/rows.h"
#include "core/store/fold.h"

/* rows may be NULL (J from its beginning). STK_CORRUPT: S ahead of J, a gap, damage. */
enum stk_status stk_recover(struct stk_state *state, struct stk_rows *rows,
                            const struct stk_log *log, struct stk_error *err);

#endif
