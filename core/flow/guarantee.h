/* Guaranteed mode: what a channel may be told so that no unit is sold twice, whatever is late, lost
 * or down (state/promise.h, state/allot.h). Engine thread.
 *
 * Always: for every set of pools the sum of their promises is at most the free units of the cells
 * that they may ship from, but for what a count, a loss or a breach took away; then nothing rises.
 */
#ifndef STK_FLOW_GUARANTEE_H
#define STK_FLOW_GUARANTEE_H

#include "core/flow/apply.h"

/* 1: this thing is a counter of a channel in guaranteed mode. */
int stk_guarantees(const struct stk_state *state, const struct stk_publication *at);
/* It gets its promise, of first contact; or the promise is given up with it. attach: 0 when the
 * capacity is used up. */
int stk_guarantee_attach(struct stk_state *state, uint32_t slot);
void stk_guarantee_detach(struct stk_state *state, uint32_t slot);
/* Around a change of the listing's components: -1 before, +1 after. */
void stk_guarantee_count(struct stk_state *state, stk_listing_t listing, int by);

/* Units of the SKU that may be taken from the cells of these locations, or promised from them. */
uint64_t stk_guarantee_room(struct stk_apply *apply, stk_sku_t sku, uint64_t locations);

/* What should be sent next. */
struct stk_next {
    uint8_t send, urgent;
    uint8_t look;        /* a read-back is wanted */
    uint8_t write;       /* enum stk_write_kind of promise.h */
    int64_t value;       /* as it goes to the channel: the counter, or the difference */
    int64_t target;      /* what the counter should be */
    int64_t counter;     /* that the write leads to, as far as we know */
    int64_t expected;    /* cas */
    stk_time_t again_ms; /* look again then */
};
/* most: what the channel's policy would let it show of all that is there. */
struct stk_next stk_guarantee_next(struct stk_apply *apply, uint32_t slot, int64_t most);

/* Counted from now on; the number of its write. The grants that were counted lately end so. */
uint32_t stk_guarantee_grant(struct stk_apply *apply, uint32_t slot, const struct stk_next *next);
void stk_guarantee_proven(struct stk_apply *apply, uint32_t slot, uint32_t number);
void stk_guarantee_left(struct stk_apply *apply, uint32_t slot, uint32_t number);
void stk_guarantee_refused(struct stk_apply *apply, uint32_t slot, uint32_t number);
/* A counter that was read; by how many units it is beyond what can be. *counted 0: it is too old to
 * say anything. */
uint32_t stk_guarantee_read(struct stk_apply *apply, uint32_t slot, int64_t value,
                            stk_time_t asked_ms, int *counted);
/* Sold there; put back on sale by the channel itself. */
void stk_guarantee_sold(struct stk_apply *apply, uint32_t slot, uint32_t units, stk_time_t sold_ms);
void stk_guarantee_restocked(struct stk_apply *apply, uint32_t slot, uint32_t units);

/* U; UINT32_MAX until first contact is done. */
uint32_t stk_guarantee_units(const struct stk_state *state, const struct stk_publication *at);

#endif
