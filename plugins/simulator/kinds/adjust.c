/* A shop system: differences, at once, proven by the answer; cancels go back on sale. */
#include "plugins/simulator/bounds.h"

const char simulator_kind[] = "adjust";

SIMULATOR_MANIFEST("simulator-adjust", .apply_within_ms = SIMULATOR_ADJUST_A,
                   .order_delay_ms = SIMULATOR_ADJUST_L, .restock_delay_ms = 2 * SIMULATOR_ADJUST_L,
                   .write_kinds = STK_PUSH_ADJUST, .proof = STK_PROVEN_BY_ANSWER,
                   .price_proof = STK_PROVEN_BY_ANSWER, .restocks_on = STK_RESTOCKS_CANCEL,
                   .adjust_clamps = 1);
