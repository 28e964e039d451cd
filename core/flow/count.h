/* Counts: what is booked when somebody says how many units there are. Engine thread. */
#ifndef STK_FLOW_COUNT_H
#define STK_FLOW_COUNT_H

#include "core/flow/apply.h"

#define STK_SUBTRACTED_MAX 16

/* Orders of a source, placed up to then, are off the reported number already. */
struct stk_subtracted {
    uint16_t source;
    stk_time_t until_ms;
};
struct stk_count_spec {
    stk_time_t as_of_ms;
    uint8_t basis;
    uint32_t subtracted_count;
    struct stk_subtracted subtracted[STK_SUBTRACTED_MAX];
};

enum stk_status stk_stock_count(struct stk_apply *apply);

/* For counts of many cells (snapshot.h). The first two refuse by themselves. */
enum stk_status stk_count_spec(struct stk_apply *apply, struct stk_ref subtracted, int64_t as_of,
                               uint8_t basis, struct stk_count_spec *spec);
enum stk_status stk_count_authority(struct stk_apply *apply, stk_location_t location);
/* One SKU. What cannot be counted (a later count is there, too old) stays as it is. After begin. */
void stk_count_apply(struct stk_apply *apply, const struct stk_count_spec *spec,
                     stk_location_t location, stk_sku_t sku, uint32_t quantity);

#endif
