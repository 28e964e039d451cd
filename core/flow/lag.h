/* How long something takes, as a histogram in milliseconds: exact below 16 ms, then 8 steps to each
 * doubling, so that a percentile is at most an eighth too high, never too low. Halving makes it
 * forget. Zeroed: empty. Pure, one thread at a time, copied as it is. Stability: internal; the
 * stored bytes are versioned. */
#ifndef STK_FLOW_LAG_H
#define STK_FLOW_LAG_H

#include <stockade/status.h>
#include <stockade/types.h>

#define STK_LAG_EXACT     16
#define STK_LAG_STEPS     8
#define STK_LAG_SLOTS     (STK_LAG_EXACT + 28 * STK_LAG_STEPS) /* to 2^32 ms, 49 days */
#define STK_LAG_IMAGE_MAX 1984

struct stk_lag {
    uint64_t count;
    int64_t max_ms; /* the longest, exact until it is halved away */
    uint32_t slot[STK_LAG_SLOTS];
};

/* One more. Below zero (two clocks) counts as zero, beyond the last slot in that one. */
void stk_lag_add(struct stk_lag *lag, int64_t ms);
/* The least value that share / 10,000 of all are not above: 5000, 9000, 9900 are p50, p90, p99;
 * 10,000 the maximum. The upper end of its step, at most max_ms; -1 when empty. */
int64_t stk_lag_at(const struct stk_lag *lag, uint32_t share);
/* All of `from` as well. */
void stk_lag_merge(struct stk_lag *lag, const struct stk_lag *from);
/* Every count halved, rounded down: what happened once is forgotten. For a timer: with one call a
 * day the last day weighs as much as all before it. */
void stk_lag_halve(struct stk_lag *lag);
/* `to` holds STK_LAG_IMAGE_MAX bytes; returns how many were used. */
uint32_t stk_lag_encode(const struct stk_lag *lag, uint8_t *to);
/* STK_VERSION, STK_CORRUPT: *lag is as it was. */
enum stk_status stk_lag_decode(struct stk_lag *lag, const void *image, uint32_t size);

#endif
