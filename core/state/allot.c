/* The set invariant as a flow.
 *
 * Promises are routed to the free units that may serve them: group g sends flow[g][l] units to each
 * location l of its mask, never more than l has. By Hall's theorem (max-flow = min-cut) all units
 * of all groups can be routed if and only if for every set C of groups the units of C are at most
 * the free units in the union of their masks, which is the invariant; and what cannot be routed is
 * the largest excess of any C. How far one more demand can be routed in what is left, rerouting
 * others where that helps, is by the same theorem exactly how far it may rise.
 *
 * A route is found by a breadth-first search over locations: from a location that is used up, the
 * units of a group that lie there may move to any other location of that group. Augmenting along
 * shortest routes ends after at most groups x edges steps whatever the numbers are; in practice
 * after a few. With one group, or none, it is one addition.
 *
 * Engine thread. Always: spare[l] + the sum of flow[.][l] = free[l]; the sum of flow[g][.] + unmet
 * = units. */
#include "core/state/allot.h"
#include "core/base/err.h"
#include "core/base/fault.h"
#include <string.h>

#define BIT(location) (UINT64_C(1) << (location))
#define NOBODY        (STK_ALLOT_GROUPS_MAX + 1) /* reached from the demand itself */

void stk_allot_init(struct stk_allot *a)
{
    a->locations = a->unknown_mask = 0;
    a->count = a->unknown = a->routed = 0;
}

void stk_allot_stock(struct stk_allot *a, stk_location_t location, uint64_t units)
{
    stk_assert(location < STK_LOCATIONS_MAX);
    a->locations |= BIT(location);
    a->free[location] = units;
    a->routed = 0;
}

enum stk_status stk_allot_add(struct stk_allot *a, uint64_t mask, uint64_t units)
{
    uint32_t i = 0;
    if (stk_fault_point(STK_FAULT_PLANT_ALLOT_ONE_SUM))
        mask = ~UINT64_C(0);
    if (units == STK_ALLOT_UNKNOWN) {
        a->unknown++;
        a->unknown_mask |= mask;
        return STK_OK;
    }
    if (units == 0)
        return STK_OK;
    while (i < a->count && a->group[i].mask != mask)
        i++;
    if (i == STK_ALLOT_GROUPS_MAX)
        return STK_FULL;
    if (i == a->count)
        a->group[a->count++] = (struct stk_allot_group){.mask = mask};
    a->group[i].units += units;
    a->routed = 0;
    return STK_OK;
}

/* --- the flow --- */

/* From which group and location each location was reached. */
struct route {
    uint8_t by[STK_LOCATIONS_MAX]; /* the group whose units would move here; NOBODY: the demand's */
    uint8_t from[STK_LOCATIONS_MAX];
    uint8_t queue[STK_LOCATIONS_MAX];
    unsigned first, last;
    uint64_t seen;
};

static void route_reach(struct route *r, uint64_t mask, unsigned by, unsigned from)
{
    uint64_t fresh = mask & ~r->seen;
    r->seen |= fresh;
    for (; fresh; fresh &= fresh - 1) {
        unsigned location = (unsigned)__builtin_ctzll(fresh);
        r->by[location] = (uint8_t)by;
        r->from[location] = (uint8_t)from;
        r->queue[r->last++] = (uint8_t)location;
    }
}

/* The nearest location with spare units that a demand on mask can use; STK_LOCATIONS_MAX: none. */
static unsigned route_find(const struct stk_allot *a, struct route *r, uint64_t mask,
                           uint32_t groups)
{
    r->first = r->last = 0;
    r->seen = ~a->locations;
    route_reach(r, mask, NOBODY, 0);
    while (r->first < r->last) {
        unsigned location = r->queue[r->first++];
        if (a->spare[location])
            return location;
        for (uint32_t g = 0; g < groups; g++)
            if (a->flow[g][location])
                route_reach(r, a->group[g].mask, g, location);
    }
    return STK_LOCATIONS_MAX;
}

/* Send up to `most` units of group g along the route that ends at `end`; how many. */
static uint64_t route_send(struct stk_allot *a, const struct route *r, uint32_t g, unsigned end,
                           uint64_t most)
{
    uint64_t units = most < a->spare[end] ? most : a->spare[end];
    unsigned at = end;
    for (; r->by[at] != NOBODY; at = r->from[at])
        if (a->flow[r->by[at]][r->from[at]] < units)
            units = a->flow[r->by[at]][r->from[at]];
    a->spare[end] -= units;
    for (at = end; r->by[at] != NOBODY; at = r->from[at]) {
        a->flow[r->by[at]][at] += units;
        a->flow[r->by[at]][r->from[at]] -= units;
    }
    a->flow[g][at] += units;
    return units;
}

/* As many of a group's unmet units as can be. */
static void route_group(struct stk_allot *a, uint32_t g, uint32_t groups)
{
    struct route r;
    struct stk_allot_group *group = &a->group[g];
    while (group->unmet) {
        unsigned end = route_find(a, &r, group->mask, groups);
        if (end == STK_LOCATIONS_MAX)
            return;
        group->unmet -= route_send(a, &r, g, end, group->unmet);
    }
}

static void route_all(struct stk_allot *a)
{
    if (a->routed)
        return;
    for (uint64_t left = a->locations; left; left &= left - 1) {
        unsigned location = (unsigned)__builtin_ctzll(left);
        a->spare[location] = a->free[location];
        for (uint32_t g = 0; g <= a->count; g++)
            a->flow[g][location] = 0;
    }
    for (uint32_t g = 0; g < a->count; g++)
        a->group[g].unmet = a->group[g].units;
    for (uint32_t g = 0; g < a->count; g++)
        route_group(a, g, a->count);
    a->routed = 1;
}

/* --- the questions --- */

static uint64_t free_in(const struct stk_allot *a, uint64_t mask)
{
    uint64_t units = 0;
    for (uint64_t left = a->locations & mask; left; left &= left - 1)
        units += a->free[__builtin_ctzll(left)];
    return units;
}

uint64_t stk_allot_missing(struct stk_allot *a)
{
    uint64_t units = 0;
    if (a->count == 1) {
        uint64_t free = free_in(a, a->group[0].mask);
        return a->group[0].units > free ? a->group[0].units - free : 0;
    }
    route_all(a);
    for (uint32_t g = 0; g < a->count; g++)
        units += a->group[g].unmet;
    return units;
}

uint64_t stk_allot_room(struct stk_allot *a, uint64_t mask)
{
    uint64_t room;
    if (stk_fault_point(STK_FAULT_PLANT_ALLOT_ONE_SUM))
        mask = ~UINT64_C(0);
    if ((mask & a->unknown_mask) || stk_allot_missing(a))
        return 0;
    if (a->count == 0 || (a->count == 1 && a->group[0].mask == mask))
        return free_in(a, mask) - (a->count ? a->group[0].units : 0);
    route_all(a);
    a->group[a->count] = (struct stk_allot_group){.mask = mask, .unmet = UINT64_MAX};
    route_group(a, a->count, a->count + 1);
    room = UINT64_MAX - a->group[a->count].unmet;
    a->routed = 0; /* the others have moved, and the demand is still there */
    return room;
}

int stk_allot_keeps(struct stk_allot *a, uint64_t mask, uint64_t units)
{
    return units == 0 || stk_allot_room(a, mask) >= units;
}
