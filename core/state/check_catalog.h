/* A part of stk_state_check: SKUs with their cells, names and attributes; locations; listings with
 * their components. err names the first thing that does not agree. STK_CORRUPT; STK_NO_MEMORY when
 * there is none to add up in. */
#ifndef STK_STATE_CHECK_CATALOG_H
#define STK_STATE_CHECK_CATALOG_H

#include "core/state/state.h"

enum stk_status stk_check_catalog(const struct stk_state *state, struct stk_error *err);

#endif
