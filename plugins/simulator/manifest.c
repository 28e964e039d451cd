/* Any channel of a world, by its option `kind`: what holds for the loosest of them. */
#include "plugins/simulator/bounds.h"

const char simulator_kind[] = "cas";

SIMULATOR_MANIFEST("simulator", .apply_within_ms = SIMULATOR_SET_A,
                   .order_delay_ms = SIMULATOR_SET_L, .restock_delay_ms = 2 * SIMULATOR_SET_L,
                   .write_kinds = STK_PUSH_SET | STK_PUSH_ADJUST | STK_PUSH_CAS,
                   .proof = STK_PROVEN_BY_REPORT, .price_proof = STK_PROVEN_BY_REPORT,
                   .restocks_on = STK_RESTOCKS_CANCEL, .adjust_clamps = 1);
