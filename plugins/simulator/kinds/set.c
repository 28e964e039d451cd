/* A channel of feeds: absolute, within minutes, proven by a report. */
#include "plugins/simulator/bounds.h"

const char simulator_kind[] = "set";

SIMULATOR_MANIFEST("simulator-set", .apply_within_ms = SIMULATOR_SET_A,
                   .order_delay_ms = SIMULATOR_SET_L, .restock_delay_ms = 2 * SIMULATOR_SET_L,
                   .write_kinds = STK_PUSH_SET, .proof = STK_PROVEN_BY_REPORT,
                   .price_proof = STK_PROVEN_BY_REPORT, .restocks_on = STK_RESTOCKS_NEVER,
                   .adjust_clamps = 1);
