/* What a restart must not forget of a call budget: levels, what was spent in each window, holds,
 * failures, what headers taught. Buckets are found by name, so a changed config keeps what still
 * fits. Calls under way are not kept: they ended with the process, and are counted as made.
 * Pure, no allocation. Stability: internal; the bytes are versioned. */
#ifndef STK_FLOW_THROTTLE_IMAGE_H
#define STK_FLOW_THROTTLE_IMAGE_H

#include "core/flow/throttle.h"

/* The budget as of now_ms. `to` holds STK_THROTTLE_IMAGE_MAX bytes; returns how many were used. */
uint32_t stk_throttle_encode(struct stk_throttle *throttle, stk_time_t now_ms, uint8_t *to);
/* Into a throttle that stk_throttle_init has just made. Its time is then that of the image, so that
 * calls made since can be charged at their times (stk_throttle_charge); with the next take it goes
 * on from there. gap_ms: for so long after the image calls may have left that nobody will charge;
 * the worst is taken for true, rates empty, windows spent by as much as the rates gave. 0: none.
 * STK_VERSION, STK_CORRUPT: the throttle is as it was. err may be NULL. */
enum stk_status stk_throttle_decode(struct stk_throttle *throttle, const void *image, uint32_t size,
                                    int64_t gap_ms, struct stk_error *err);

#endif
