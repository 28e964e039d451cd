/* An inventory service: compare and set, proven by the answer. */
#include "plugins/simulator/bounds.h"

const char simulator_kind[] = "cas";

SIMULATOR_MANIFEST("simulator-cas", .apply_within_ms = SIMULATOR_CAS_A,
                   .order_delay_ms = SIMULATOR_CAS_L, .restock_delay_ms = 2 * SIMULATOR_CAS_L,
                   .write_kinds = STK_PUSH_CAS, .proof = STK_PROVEN_BY_ANSWER,
                   .price_proof = STK_PROVEN_BY_ANSWER, .restocks_on = STK_RESTOCKS_NEVER,
                   .adjust_clamps = 1);
