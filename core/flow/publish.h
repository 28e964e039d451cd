/* Publishing: what each channel should be told, the grants by which it leaves, and what came back.
 * Engine thread only.
 *
 * The outbox keeps keys. A grant takes the newest value at one instant and is an effect; the call
 * leaves when that is durable, with exactly that value. */
#ifndef STK_FLOW_PUBLISH_H
#define STK_FLOW_PUBLISH_H

#include "core/flow/apply.h"

/* Stock of this SKU, or what it is sold by, has changed: its listings are looked at again. */
void stk_publish_sku(struct stk_apply *apply, stk_sku_t sku);
/* The same for one listing; made known to the outbox when its channel is one. */
void stk_publish_listing(struct stk_apply *apply, stk_listing_t listing);
/* The listing goes: its rows too. After begin. */
void stk_publish_forget(struct stk_apply *apply, stk_listing_t listing);

/* The channel sold so many of the listing at that time: its own counter has gone down by them.
 * After begin. */
void stk_publish_sold(struct stk_apply *apply, stk_listing_t listing, uint32_t units,
                      stk_time_t sold_ms);

/* The channel has put so many of the listing on sale again by itself. After begin. */
void stk_publish_restocked(struct stk_apply *apply, stk_listing_t listing, uint32_t units);
/* Units of the listing that its channel may still sell, in guaranteed mode; 0 in shared mode. */
uint32_t stk_publish_promised(struct stk_apply *apply, stk_listing_t listing);

/* What the channel should be told now of this thing. 0: nothing is known (a price nobody set). */
int stk_publish_desired(struct stk_apply *apply, const struct stk_publication *at, int64_t *value);
/* What the channel has been told last, or is known to have. 0: nothing. */
int stk_publish_told(const struct stk_publication *at, int64_t *value);
/* 1 when the ladder lets this value follow the one that it has. */
int stk_publish_allowed(struct stk_apply *apply, const struct stk_publication *at, int64_t value);

/* The engine's own: looks at so many listings that are due, or stand in a sweep. No effect. */
uint32_t stk_publish_slice(struct stk_apply *apply, uint32_t max);
/* After recovery and after a change of settings: every listing of the channel is looked at. */
void stk_publish_resync(struct stk_state *state, stk_channel_t channel);

/* Verbs of the channel's own thread. */
enum stk_status stk_channel_grant(struct stk_apply *apply);
enum stk_status stk_channel_result(struct stk_apply *apply);
enum stk_status stk_channel_observe(struct stk_apply *apply);

#endif
