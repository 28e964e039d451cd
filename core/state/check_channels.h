/* Slow look at channels, what is published, and notes. For tests and the simulator. */
#ifndef STK_STATE_CHECK_CHANNELS_H
#define STK_STATE_CHECK_CHANNELS_H

#include "core/state/state.h"

enum stk_status stk_check_channels(const struct stk_state *state, struct stk_error *err);

#endif
