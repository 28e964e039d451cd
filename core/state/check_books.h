/* A part of stk_state_check: movements, incoming, earmarks, transfers, snapshots, shortfalls, early
 * cancellations. err names the first thing that does not agree. STK_CORRUPT; STK_NO_MEMORY
 * when there is none to add up in. */
#ifndef STK_STATE_CHECK_BOOKS_H
#define STK_STATE_CHECK_BOOKS_H

#include "core/state/state.h"

enum stk_status stk_check_books(const struct stk_state *state, struct stk_error *err);

#endif
