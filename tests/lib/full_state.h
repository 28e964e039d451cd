/* A small state with one of everything, linked as the engine links it, for tests of the state and
 * of its rows.
 *
 * SKUs a (cells 0 and 1), b (cell 2), c (cell 3); listings: a kit of 2 a and 1 b, and a alone;
 * orders: 0 waits for its expiry (5 a, 3 kits), 1 is closed (4 a shipped, 1 of them back), 2 is a
 * fact that is short of c, 3 is paid and has a pre-order of b; movements of cell 0; two incoming
 * documents for b; an earmark at cell 3; a transfer of a; a snapshot with three rows; a shortfall;
 * an early cancellation; three keys in memory and one on disk; the channel of the first listing,
 * what it was told of it, and a note. */
#ifndef STK_TESTS_FULL_STATE_H
#define STK_TESTS_FULL_STATE_H

#include "core/state/state.h"

extern const struct stk_state_capacity full_state_capacity;

struct full_state {
    struct stk_state state;
    uint32_t order[4];
    uint32_t incoming, transfer, snapshot, earmark, gone_earmark, shortfall;
};
void full_state_init(struct full_state *full);
void full_state_fini(struct full_state *full);

#endif
