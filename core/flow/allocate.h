/* Which cells an order's units come from. Decides only: fills the picks of the scratch. Engine
 * thread.
 *
 * Order of preference among the locations that may ship and sell to the channel: priority, then
 * nearness to the order's country, then number. One location that covers the whole order goes
 * before any split; a split only where order and location allow it (facts always). */
#ifndef STK_FLOW_ALLOCATE_H
#define STK_FLOW_ALLOCATE_H

#include "core/flow/apply.h"

struct stk_wants {
    stk_channel_t channel; /* 0 = none: any shipping location */
    struct stk_bytes channel_name;
    struct stk_bytes use; /* may take what is earmarked for this, or for the channel */
    stk_country_t country;
    int split;
    int fact;            /* may use locations that take no part in splits */
    int beyond;          /* may take what is promised to channels: a fact, when all else is gone */
    stk_location_t only; /* UINT16_MAX = any; else just this one */
    uint8_t *partial;    /* per line: 1 = take what there is; NULL = all lines whole */
};

/* The demands of the scratch, grouped by line (all of the lines' components together), become
 * picks. scratch->line_units[line] = units of the line that are covered. STK_SHORT: a line that
 * must be whole is not; then there are no picks and line_units says how much there would have been
 * of each line alone. units_of_line: wanted units per line. planned marks of the caller (amend) are
 * respected; marks made here are taken back by stk_allocate_end, which the caller calls in any
 * case. */
enum stk_status stk_allocate(struct stk_apply *apply, const struct stk_wants *wants,
                             const uint32_t *units_of_line, uint16_t lines);
void stk_allocate_end(struct stk_apply *apply);
/* Before stk_allocate: so many units of a cell are about to become free (negative: taken). */
void stk_allocate_plan(struct stk_apply *apply, stk_cell_t cell, int64_t units);
/* 1 when the location may ship for this channel. */
int stk_allocate_allowed(const struct stk_location *location, stk_channel_t channel);
/* Units of the cell that an order with these wants may take now. */
uint32_t stk_allocate_usable(struct stk_apply *apply, const struct stk_wants *wants,
                             stk_cell_t cell);

#endif
