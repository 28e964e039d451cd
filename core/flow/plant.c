/* What a planted fault keeps back. Always: empty and untouched unless the fault is armed; one
 * engine per process then. */
#include "core/flow/plant.h"

#define KEYS_MAX  4096
#define CELLS_MAX 256

static struct {
    struct stk_key_entry key[KEYS_MAX];
    stk_time_t time_ms[KEYS_MAX];
    uint32_t keys;
    stk_cell_t cell[CELLS_MAX];
    uint32_t cells;
} kept;

int stk_plant_key(struct stk_apply *apply, const struct stk_key_entry *entry, stk_time_t now_ms,
                  struct stk_bytes doc)
{
    const struct stk_bytes none = {NULL, 0};
    if (!stk_fault_point(STK_FAULT_PLANT_KEY_NEXT_COMMIT))
        return 0;
    if (apply->batch->count == 0) {
        for (uint32_t i = 0; i < kept.keys; i++) {
            const struct stk_key_entry *before =
                stk_dedupe_find(&apply->state->dedupe, kept.key[i].key);
            if (before)
                stk_row_put_key(&apply->record, &kept.key[i], 0, kept.time_ms[i], none, none,
                                stk_dedupe_doc(&apply->state->dedupe, before));
        }
        kept.keys = 0;
    }
    if (kept.keys == KEYS_MAX || doc.size > STK_TEXT_MAX)
        return 0;
    kept.key[kept.keys] = *entry;
    kept.time_ms[kept.keys++] = now_ms;
    return 1;
}

void stk_plant_cells(struct stk_apply *apply)
{
    struct stk_scratch *scratch = apply->scratch;
    stk_cell_t before[CELLS_MAX];
    uint32_t count = kept.cells;
    if (!apply->command || apply->command->verb != STK_VERB_ORDER_PLACE ||
        scratch->touched_count > CELLS_MAX || !stk_fault_point(STK_FAULT_PLANT_SPLIT_ORDER))
        return;
    memcpy(before, kept.cell, count * sizeof before[0]);
    memcpy(kept.cell, scratch->touched, scratch->touched_count * sizeof kept.cell[0]);
    kept.cells = scratch->touched_count;
    memcpy(scratch->touched, before, count * sizeof before[0]);
    scratch->touched_count = count;
}
