/* Attributes of a SKU: kept encoded in the state, read and written as a whole. Any thread. */
#ifndef STK_FLOW_ATTRIBUTES_H
#define STK_FLOW_ATTRIBUTES_H

#include "core/base/limits.h"
#include <stockade/status.h>
#include <stockade/types.h>

struct stk_attributes {
    struct stk_bytes title, tax_class;
    struct stk_bytes barcodes[STK_ATTR_LIST_MAX], aliases[STK_ATTR_LIST_MAX],
        tags[STK_ATTR_LIST_MAX];
    uint32_t barcode_count, alias_count, tag_count;
    int64_t cost, list_price, map_price; /* INT64_MIN = not given */
    stk_currency_t currency;
    uint32_t reorder_point, reorder_quantity, lead_time_days;
};
#define STK_ATTRIBUTES_MAX 16384 /* encoded */

/* Views into bytes. Empty bytes: all empty, money not given. STK_CORRUPT. */
enum stk_status stk_attributes_read(struct stk_bytes bytes, struct stk_attributes *out);
/* Returns the size, at most STK_ATTRIBUTES_MAX; 0 when there is nothing to keep. */
uint32_t stk_attributes_write(const struct stk_attributes *attributes, uint8_t *room);

#endif
