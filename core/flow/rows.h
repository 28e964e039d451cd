/* Rows: from state to the bytes of a record and back. The only place that knows both.
 * put: after-image of one thing into an open record. load: one row into the state (recovery,
 * standby, restore); idempotent: loading the same or a later image again ends the same. */
#ifndef STK_FLOW_ROWS_H
#define STK_FLOW_ROWS_H

#include "core/base/doc.h"
#include "core/flow/attributes.h"
#include "core/flow/order_row.h"
#include "core/state/state.h"
#include "core/store/record.h"

void stk_row_put_name(struct stk_record *out, enum stk_name_kind kind, uint16_t number,
                      struct stk_bytes text);
void stk_row_put_location(struct stk_record *out, const struct stk_state *state,
                          stk_location_t location);
void stk_row_put_sku(struct stk_record *out, const struct stk_state *state, stk_sku_t sku);
/* A SKU was removed: its number, and those before, are not given again. */
void stk_row_put_next_sku(struct stk_record *out, const struct stk_state *state);
void stk_row_put_cell(struct stk_record *out, const struct stk_state *state, stk_cell_t cell);
void stk_row_put_listing(struct stk_record *out, const struct stk_state *state,
                         stk_listing_t listing);
/* space: of source and id, which make the key then; 0: the key itself is written. */
void stk_row_put_key(struct stk_record *out, const struct stk_key_entry *entry, unsigned space,
                     stk_time_t time_ms, struct stk_bytes source, struct stk_bytes id,
                     struct stk_bytes doc);
void stk_row_put_movement(struct stk_record *out, const struct stk_state *state, uint32_t movement);
void stk_row_delete_movement(struct stk_record *out, const struct stk_state *state,
                             const struct stk_movement *movement);
void stk_row_put_incoming(struct stk_record *out, const struct stk_state *state, uint32_t slot);
void stk_row_put_earmark(struct stk_record *out, const struct stk_state *state, uint32_t slot);
void stk_row_put_transfer(struct stk_record *out, const struct stk_state *state, uint32_t slot);
void stk_row_put_snapshot(struct stk_record *out, const struct stk_state *state, uint32_t slot);
/* A snapshot's row that is applied, or goes with it. */
void stk_row_delete_snapshot_row(struct stk_record *out, uint32_t snapshot, stk_sku_t sku);
void stk_row_delete_cell(struct stk_record *out, const struct stk_state *state, stk_cell_t cell);
void stk_row_put_snapshot_row(struct stk_record *out, uint32_t snapshot, stk_sku_t sku,
                              uint32_t quantity);
void stk_row_put_shortfall(struct stk_record *out, const struct stk_state *state, uint32_t slot);
void stk_row_put_early(struct stk_record *out, const struct stk_state *state, uint32_t slot);
void stk_row_delete_u32(struct stk_record *out, enum stk_table table, uint32_t slot);
void stk_row_delete_shortfall(struct stk_record *out, uint64_t order_number, uint16_t line);
void stk_row_delete_early(struct stk_record *out, struct stk_hash order_key);
/* One row. STK_VERSION, STK_CORRUPT, STK_FULL (capacity). seq: sequence of the record (KEY rows).
 */
enum stk_status stk_row_load(struct stk_state *state, enum stk_table table, struct stk_bytes key,
                             struct stk_bytes value, struct stk_error *err);
/* What a cell's row says, in its order, and what follows from it. Sticky, as readers are. */
#define STK_CELL_FIELDS 12
struct stk_cell_row {
    uint64_t field[STK_CELL_FIELDS];
    uint32_t on_hand;
};
void stk_row_get_cell(struct stk_reader *in, struct stk_cell_row *out);
/* The remembered answer in a KEY row's value: views into it. seq: the row's key. room: of
 * STK_KEY_DOC_ROOM bytes, where doc is put together when the row has it without its number; NULL:
 * doc is not wanted. */
#define STK_KEY_DOC_MAX  256
#define STK_KEY_DOC_ROOM (STK_KEY_DOC_MAX + 16)
struct stk_key_answer {
    struct stk_hash key, body;
    uint16_t status, verb;
    uint8_t class;
    uint64_t number;
    struct stk_bytes source, id, doc;
};
enum stk_status stk_row_read_key(struct stk_bytes value, stk_seq_t seq, uint8_t *room,
                                 struct stk_key_answer *out, struct stk_error *err);
#endif
