/* The call budget of one channel instance: a tree of buckets (application > account > endpoint). A
 * call names a leaf and a cost, and is allowed when the leaf and every bucket above it allow it.
 * Each bucket may have
 *   - a rate: tokens a period, with a burst; exact rational arithmetic, no rounding ever;
 *   - up to two windows: at most N tokens in each calendar window (a day that resets at a given
 *     hour), or in any stretch of a length (sliding);
 *   - a limit of calls under way;
 *   - a hold: Retry-After, or back-off after failures.
 * What a channel says in its headers is learned: it lowers at once, and never raises above what was
 * declared unless the bucket is told to. A share of each bucket may be kept for urgent calls.
 *
 * Pure: time is an argument, no clock, no allocation, no pointer inside, so that a copy of the
 * struct is a snapshot that can be run ahead. One thread at a time. Stability: internal. */
#ifndef STK_FLOW_THROTTLE_H
#define STK_FLOW_THROTTLE_H

#include "core/flow/bucket.h"

struct stk_throttle_config {
    uint64_t seed;          /* of the jitter of back-off */
    int64_t backoff_ms;     /* after the first failure; doubles with each further one ... */
    int64_t backoff_max_ms; /* ... up to this */
    int64_t hold_max_ms;    /* a Retry-After beyond is cut to it; at most STK_HOLD_MS_MAX */
    uint32_t bucket_count;
    struct stk_bucket_config bucket[STK_BUCKETS_MAX];
    struct stk_calendar calendar; /* slow: rates refill at that percent. closed: no calls */
};

struct stk_throttle {
    struct stk_pace pace;
    uint64_t random;
    int64_t backoff_ms, backoff_max_ms, hold_max_ms;
    uint32_t bucket_count;
    uint32_t slide_count;
    struct stk_bucket bucket[STK_BUCKETS_MAX];
    struct stk_slide slide[STK_SLIDES_MAX];
};

/* A call that was allowed; the caller keeps it until it is given back or done. */
struct stk_throttle_call {
    stk_time_t taken_ms;
    uint32_t cost;
    uint8_t leaf;
    uint8_t urgent;
};

/* Rates and windows start full and unused. STK_INVALID and a text that names the bucket and its
 * fault; err may be NULL. Nothing to destroy. */
enum stk_status stk_throttle_init(struct stk_throttle *throttle,
                                  const struct stk_throttle_config *config, stk_time_t now_ms,
                                  struct stk_error *err);
/* The bucket of that name; STK_NONE. */
uint32_t stk_throttle_find(const struct stk_throttle *throttle, const char *name);

/* May a call of this cost (1 and up) leave now? All buckets of the path, or none, are charged.
 *   STK_OK         it may; `call` is filled
 *   STK_AGAIN      not before *again_ms, exactly: were nothing else taken meanwhile, it would be
 *                  allowed then and not a millisecond earlier (later only by the coarseness of a
 *                  sliding window, 1/127 of it). INT64_MAX: the calendar never opens
 *   STK_BUSY       nothing but calls under way forbids it: ask again after the next done
 *   STK_TOO_LARGE  never: the cost is beyond a burst or a window (stk_throttle_cost_max)
 * urgent: a set-to-zero and whatever else a promise hangs on; it may use what is reserved. */
enum stk_status stk_throttle_take(struct stk_throttle *throttle, uint32_t leaf, uint32_t cost,
                                  int urgent, stk_time_t now_ms, struct stk_throttle_call *call,
                                  stk_time_t *again_ms);
/* The call was not made: nothing of it is counted. Give back at once: what has flowed into a rate
 * since is not believed to have been missed. */
void stk_throttle_give_back(struct stk_throttle *throttle, const struct stk_throttle_call *call,
                            stk_time_t now_ms);
/* The call is over, whatever came of it. actual_cost: what the channel says it cost (a calculated
 * query cost), else call->cost; the channel gives the difference back now, or it is a debt. */
void stk_throttle_done(struct stk_throttle *throttle, const struct stk_throttle_call *call,
                       uint32_t actual_cost, stk_time_t now_ms);
/* A call that was made at `at_ms` though nobody asked here: what left after the stored image was
 * written. In the order of time, after decode and before the first take. */
void stk_throttle_charge(struct stk_throttle *throttle, uint32_t leaf, uint32_t cost, int urgent,
                         stk_time_t at_ms);
/* The largest cost that a call of this leaf may have now; UINT32_MAX without limit. */
uint32_t stk_throttle_cost_max(const struct stk_throttle *throttle, uint32_t leaf);

/* Call it after `done` of the answered call: the calls still under way are taken to be uncounted
 * by the channel. What it says holds for STK_LEARNED_MS. STK_INVALID: nonsense, nothing changed. */
enum stk_status stk_throttle_learn(struct stk_throttle *throttle, uint32_t bucket,
                                   const struct stk_news *news, stk_time_t now_ms);
/* Retry-After: no call through this bucket before until_ms (cut to hold_max_ms from now). */
void stk_throttle_retry_after(struct stk_throttle *throttle, uint32_t bucket, stk_time_t until_ms,
                              stk_time_t now_ms);
/* A 429 without a time, a 5xx, a time-out: holds the bucket for backoff_ms doubled with each
 * failure in a row, of which half is drawn by lot. Failures of calls that were under way together
 * count once. After the hold one call at a time goes through until one is well. Returns the end of
 * the hold. */
stk_time_t stk_throttle_failed(struct stk_throttle *throttle, uint32_t bucket, stk_time_t now_ms);
/* An answer that is no failure came back: its path is well again. */
void stk_throttle_well(struct stk_throttle *throttle, const struct stk_throttle_call *call,
                       stk_time_t now_ms);
/* A person says: go on. Ends the hold and forgets failures and what was learned. */
void stk_throttle_resume(struct stk_throttle *throttle, uint32_t bucket, stk_time_t now_ms);

/* Brings every bucket to now_ms: levels and counts may then be read from the struct. */
void stk_throttle_advance(struct stk_throttle *throttle, stk_time_t now_ms);
/* After advance: whole tokens of the rate that are left (below zero: a debt); INT64_MAX: no rate.
 */
int64_t stk_throttle_tokens(const struct stk_throttle *throttle, uint32_t bucket);

#endif
