/* Faults that are planted on purpose, so that the crash harness can show that it finds such ones
 * (reliability.md, R4). Nothing here happens unless STOCKADE_FAULT asks for it by name, with the
 * action `always`. Engine thread. */
#ifndef STK_FLOW_PLANT_H
#define STK_FLOW_PLANT_H

#include "core/base/fault.h"
#include "core/flow/apply.h"

/* plant.key_next_commit: 1 when the row of this key was kept back; it goes into the first record of
 * a later batch. */
int stk_plant_key(struct stk_apply *apply, const struct stk_key_entry *entry, stk_time_t now_ms,
                  struct stk_bytes doc);
/* plant.split_order: the cells that a placing has touched are exchanged for those that the placing
 * before it had. */
void stk_plant_cells(struct stk_apply *apply);

#endif
