/* The budget of one instance, as its manifest declares it: a call pays at each bucket whose
 * operations it is one of. Buckets of scope LISTING are not kept here. Pure: time is an argument.
 * One thread. */
#ifndef STK_PLUG_PURSE_H
#define STK_PLUG_PURSE_H

#include "core/flow/throttle.h"
#include <stockade/event.h>
#include <stockade/manifest.h>

struct stk_purse {
    struct stk_throttle throttle;
    const struct stk_plugin_manifest *manifest;
    uint8_t bucket[STK_MANIFEST_BUCKETS_MAX]; /* in the throttle; UINT8_MAX = not kept */
};
struct stk_purse_call {
    struct stk_throttle_call call[STK_MANIFEST_BUCKETS_MAX];
    uint8_t from[STK_MANIFEST_BUCKETS_MAX]; /* bucket of the manifest */
    uint8_t count;
};

/* manifest outlives it. STK_INVALID: a bucket that cannot be, err names it. */
enum stk_status stk_purse_init(struct stk_purse *purse, const struct stk_plugin_manifest *manifest,
                               uint64_t seed, stk_time_t now_ms, struct stk_error *err);
/* May a call of this operation (enum stk_operation) with so many items leave now? STK_OK: all its
 * buckets are charged; STK_AGAIN, STK_BUSY: not now; STK_TOO_LARGE: never, with fewer items
 * perhaps. Otherwise nothing is charged. */
enum stk_status stk_purse_take(struct stk_purse *purse, uint32_t operation, uint32_t items,
                               int urgent, stk_time_t now_ms, struct stk_purse_call *call);
/* It did not leave. */
void stk_purse_give_back(struct stk_purse *purse, struct stk_purse_call *call, stk_time_t now_ms);
/* It left with so many items, and its answer came; a second time does nothing. */
void stk_purse_done(struct stk_purse *purse, struct stk_purse_call *call, uint32_t items,
                    enum stk_status status, uint32_t retry_after_ms, stk_time_t now_ms);
/* What its answer's headers told. */
void stk_purse_learn(struct stk_purse *purse, struct stk_bytes name,
                     const struct stk_budget *budget, stk_time_t now_ms);

#endif
