/* Looking at stock from any thread: at the cell, without waiting for anybody. Several cells read so
 * are for display only; what leaves or is held is computed in the engine. */
#ifndef STK_FLOW_VIEW_H
#define STK_FLOW_VIEW_H

#include "core/base/limits.h"
#include <stockade/status.h>
#include <stockade/types.h>

struct stk_engine;

struct stk_cell_view {
    stk_location_t location;
    uint32_t on_hand, held, unsellable, earmarked;
};
struct stk_stock_view {
    stk_sku_t sku;
    uint32_t cells;
    uint32_t available; /* over the locations asked for */
    uint32_t exposed;
    struct stk_cell_view cell[STK_LOCATIONS_MAX];
};
/* By SKU id, alias or barcode: its slot, or STK_NONE. Any thread. */
stk_sku_t stk_engine_find_sku(const struct stk_engine *engine, struct stk_bytes name);
stk_location_t stk_engine_find_location(const struct stk_engine *engine, struct stk_bytes name);
/* channel: empty = over all shipping locations. location: UINT16_MAX = all. STK_NOT_FOUND. */
enum stk_status stk_engine_stock(const struct stk_engine *engine, stk_sku_t sku,
                                 struct stk_bytes channel, stk_location_t location,
                                 struct stk_stock_view *out);
/* available of one SKU over all shipping locations: the shortest way, for benches and doors. */
uint32_t stk_engine_available(const struct stk_engine *engine, stk_sku_t sku);
/* The same for many SKUs by id, alias or barcode, several times as fast as one by one: what their
 * look-ups wait for comes from memory together. STK_NONE: there is no such SKU. Any thread. */
void stk_engine_available_many(const struct stk_engine *engine, const struct stk_bytes *names,
                               uint32_t count, uint32_t *available);
/* The id of a location: constant once made. */
struct stk_bytes stk_engine_location_id(const struct stk_engine *engine, stk_location_t location);

#endif
