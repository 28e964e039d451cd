/* What a channel's budget will do: how long a full sync takes and how many calls it needs, and what
 * the next 24 hours bring against the budget. Found by running a copy of the throttle, with all
 * that was spent and learned so far, in virtual time: no formula, no chance; the same input gives
 * the same numbers.
 *
 * What is assumed: keys of a class arrive evenly; each arrival is another listing, until as many
 * wait as there are; classes go strictly in their order; urgent keys at once, taking others along
 * in their batch, the rest with the flush; a call takes call_ms.
 *
 * Pure, no allocation. Run it away from the engine thread, in slices. Stability: internal. */
#ifndef STK_FLOW_ESTIMATE_H
#define STK_FLOW_ESTIMATE_H

#include "core/flow/throttle.h"
#include "core/state/channel.h"

/* Calls that come by themselves, such as looking for orders. */
struct stk_estimate_other {
    uint32_t leaf, cost;
    int64_t every_ms;
    int urgent;
};
struct stk_estimate_input {
    uint32_t leaf;                 /* the bucket of updates */
    uint32_t batch;                /* keys that one call takes */
    uint32_t call_cost, key_cost;  /* a call of n keys costs call_cost + n * key_cost */
    int64_t call_ms;               /* from sending to answer */
    int64_t flush_ms;              /* 0: nothing waits for a flush */
    int64_t horizon_ms;            /* of the forecast; 24 h, at most STK_PERIOD_MS_MAX */
    uint32_t listings;             /* of the channel: the full sync */
    uint32_t waiting[STK_CLASSES]; /* keys now */
    uint32_t keys_per_hour[STK_CLASSES];
    uint32_t other_count;
    struct stk_estimate_other other[STK_ESTIMATE_OTHERS_MAX];
};

#define STK_ESTIMATE_PARTS 24 /* the horizon is shown in so many parts: hours of a day */

struct stk_estimate_result {
    uint64_t sync_calls;
    int64_t sync_ms;      /* to the answer of the last; INT64_MAX: not within STK_PERIOD_MS_MAX */
    uint64_t calls, keys; /* of the forecast */
    uint64_t other_calls;
    uint64_t budget_calls; /* of updates that would pass if there were always more; 0: unlimited */
    uint32_t used_percent; /* calls of budget_calls, rounded up */
    int keeps_up;          /* no more waits at the end than at the beginning and for one flush */
    uint32_t waiting_end[STK_CLASSES];
    uint32_t waiting_most[STK_CLASSES];
    int64_t wait_most_ms[STK_CLASSES]; /* of a key, until it was sent or to the end */
    uint32_t part_calls[STK_ESTIMATE_PARTS];
    uint32_t part_waiting[STK_ESTIMATE_PARTS]; /* at the end of each */
};

enum stk_estimate_phase {
    STK_ESTIMATE_SYNC,
    STK_ESTIMATE_DAY,
    STK_ESTIMATE_BUDGET,
    STK_ESTIMATE_DONE
};

/* 90 KB: a throttle as it is, and one that runs. */
struct stk_estimate {
    struct stk_estimate_input input;
    struct stk_estimate_result result;
    enum stk_estimate_phase phase;
    int tracks;    /* calls under way are followed to their ends */
    int unlimited; /* nothing holds an update back */
    stk_time_t start_ms, now_ms, end_ms;
    uint64_t arrived[STK_CLASSES], sent[STK_CLASSES]; /* since start, those waiting then included */
    uint32_t waiting[STK_CLASSES];
    uint64_t due;        /* keys that the running flush still sends */
    stk_time_t flush_ms; /* the next flush */
    stk_time_t other_ms[STK_ESTIMATE_OTHERS_MAX];
    uint32_t first, under_way; /* a ring of calls, by their ends */
    struct stk_throttle_call call[STK_ESTIMATE_CALLS_MAX];
    struct stk_throttle origin, throttle;
};

/* From the throttle as it is at now_ms (copied). STK_INVALID, STK_TOO_LARGE (a full batch costs
 * more than the bucket ever has) with a text; err may be NULL. */
enum stk_status stk_estimate_init(struct stk_estimate *estimate,
                                  const struct stk_throttle *throttle,
                                  const struct stk_estimate_input *input, stk_time_t now_ms,
                                  struct stk_error *err);
/* At most `steps` further steps (a call or a wait each). STK_AGAIN: not through; STK_OK: the result
 * is complete. */
enum stk_status stk_estimate_run(struct stk_estimate *estimate, uint64_t steps);

#endif
