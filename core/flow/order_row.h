/* Rows of orders (tables ORDER and ARCHIVE): the order, its lines, what they froze, and its holds.
 * The order's key is not in it: it follows from source and id. Engine thread, recovery; describe:
 * any thread. */
#ifndef STK_FLOW_ORDER_ROW_H
#define STK_FLOW_ORDER_ROW_H

#include "core/base/doc.h"
#include "core/state/state.h"
#include "core/store/record.h"

/* table: STK_TABLE_ORDER, or STK_TABLE_ARCHIVE (then the ORDER row is deleted in the same record).
 */
void stk_row_put_order(struct stk_record *out, const struct stk_state *state, uint32_t order,
                       enum stk_table table);
/* An upper bound of the bytes that stk_row_put_order may write for this order, with so many holds
 * more. */
uint32_t stk_row_order_max(const struct stk_state *state, uint32_t order, uint32_t more_holds);
/* The ARCHIVE or ORDER row of one order into memory, in place of what is there; *slot may be NULL.
 */
enum stk_status stk_row_load_order(struct stk_state *state, uint64_t number, struct stk_bytes value,
                                   uint32_t *slot, struct stk_error *err);
/* An ARCHIVE row came: the order has left memory. */
enum stk_status stk_row_unload_order(struct stk_state *state, struct stk_bytes value,
                                     struct stk_error *err);
/* The pairs of the row as a document (a map). names may be NULL. */
enum stk_status stk_row_describe_order(const struct stk_names *names, uint64_t number,
                                       struct stk_bytes value, struct stk_doc *doc,
                                       struct stk_error *err);

#endif
