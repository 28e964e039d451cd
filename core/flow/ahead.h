/* Looking ahead: the memory that the next commands of an inbox will touch is brought into the cache
 * before they are applied, all together, so that the engine waits for it once and not for each.
 * Nothing is changed and nothing is decided here. Engine thread only. */
#ifndef STK_FLOW_AHEAD_H
#define STK_FLOW_AHEAD_H

#include "core/base/ring.h"
#include "core/state/state.h"

/* Commands that one look covers: enough to overlap the waiting, few enough for the first cache. */
#define STK_AHEAD 16

void stk_ahead(const struct stk_state *state, const struct stk_ring_spsc *commands);

#endif
