/* The seller's own shop: fast, differences, proven by the answer. */
#include "plugins/simulator/bounds.h"

const char simulator_kind[] = "shop";

SIMULATOR_MANIFEST("simulator-shop", .apply_within_ms = SIMULATOR_SHOP_A,
                   .order_delay_ms = SIMULATOR_SHOP_L, .restock_delay_ms = 2 * SIMULATOR_SHOP_L,
                   .write_kinds = STK_PUSH_ADJUST, .proof = STK_PROVEN_BY_ANSWER,
                   .price_proof = STK_PROVEN_BY_ANSWER, .restocks_on = STK_RESTOCKS_CANCEL,
                   .adjust_clamps = 1);
