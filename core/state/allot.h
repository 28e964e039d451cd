/* The invariant over pools: for every set C of pools, the sum of U over C <= the free units in the
 * union of the cells that those channels may ship from (DESIGN.md 5). One SKU at a time; a listing
 * of several SKUs is limited by each. Pure, bounded, no allocation: the caller lends the scratch.
 * Engine thread. Stability: inner, may change.
 *
 * Use: init; stock for each location with free units; add for each pool that draws on this SKU
 * (mask of the locations that its channel may ship from, U x units of the SKU per unit of the
 * listing); then the questions. Pools with the same mask are one group, so the usual case (all on
 * the same cells) is one addition. */
#ifndef STK_STATE_ALLOT_H
#define STK_STATE_ALLOT_H

#include "core/base/limits.h"
#include <stockade/status.h>
#include <stockade/types.h>

#define STK_ALLOT_GROUPS_MAX 64         /* different masks over one SKU */
#define STK_ALLOT_UNKNOWN    UINT64_MAX /* U of a pool before first contact is done */

struct stk_allot_group {
    uint64_t mask;  /* of locations */
    uint64_t units; /* promised */
    uint64_t unmet; /* of them, once routed */
};

/* About 34 KiB; only what is used is touched. */
struct stk_allot {
    uint64_t locations;               /* mask of those with free units */
    uint64_t free[STK_LOCATIONS_MAX]; /* valid where the mask says so */
    uint32_t count;                   /* of groups */
    uint32_t unknown;                 /* pools whose U is unknown */
    uint64_t unknown_mask;            /* their locations */
    uint32_t routed;                  /* the flow below is of what was added so far */
    uint32_t unused;
    uint64_t spare[STK_LOCATIONS_MAX]; /* free units that no promise uses in this routing */
    struct stk_allot_group group[STK_ALLOT_GROUPS_MAX + 1]; /* the last one is room's own */
    uint64_t flow[STK_ALLOT_GROUPS_MAX + 1][STK_LOCATIONS_MAX];
};

void stk_allot_init(struct stk_allot *a);
/* Free units of the SKU at one location: max(0, on_hand - held). Once per location; again replaces
 * it (a hold that was taken meanwhile). */
void stk_allot_stock(struct stk_allot *a, stk_location_t location, uint64_t units);
/* One pool's promise, in units of the SKU, or STK_ALLOT_UNKNOWN. STK_FULL: more than
 * STK_ALLOT_GROUPS_MAX masks; nothing may rise for this SKU then. */
enum stk_status stk_allot_add(struct stk_allot *a, uint64_t mask, uint64_t units);

/* How many units are promised beyond what is free, over the worst set of pools; 0: the invariant
 * holds. Pools that are unknown are not counted. */
uint64_t stk_allot_missing(struct stk_allot *a);
/* By how many units a pool with this mask may rise so that the invariant still holds; equally, how
 * many units may be taken from the cells of the mask (a hold of the own shop; one location: what
 * may be taken there). 0 while anything is missing, and for a mask that shares a location with an
 * unknown pool. */
uint64_t stk_allot_room(struct stk_allot *a, uint64_t mask);
/* Does a rise by `units` of a pool with this mask keep it? */
int stk_allot_keeps(struct stk_allot *a, uint64_t mask, uint64_t units);

#endif
