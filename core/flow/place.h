/* Placing an order: order.place and order.sell, and the answer that every repeat of it gets.
 * Engine. */
#ifndef STK_FLOW_PLACE_H
#define STK_FLOW_PLACE_H

#include "core/flow/apply.h"

enum stk_status stk_order_place(struct stk_apply *apply);
/* The pairs of a placing's answer after "seq", from what the order keeps for ever. */
void stk_order_say_placed(struct stk_apply *apply, const struct stk_order *order);

/* Freeze what a line takes: its demands for `quantity` units are appended to the scratch.
 * components: index in the order of the line's first one; *component_count gets how many. Refuses
 * by itself. */
enum stk_status stk_order_demand(struct stk_apply *apply, stk_channel_t channel,
                                 const struct stk_args_line *line, uint16_t index,
                                 uint16_t first_component, uint16_t *component_count);
/* Fill the fields of a line of the order from the arguments (money, words), not its quantities.
 * demand: the line's first one, which is of its SKU when it was ordered by SKU. */
void stk_order_fill_line(struct stk_apply *apply, struct stk_order_line *line,
                         stk_channel_t channel, const struct stk_args_line *args, uint32_t demand);
/* Refuses (STK_FULL, STK_TOO_LARGE) when there is no room for the holds that booking the picks
 * takes, and so many more. */
enum stk_status stk_order_holds_refused(struct stk_apply *apply, struct stk_bytes use,
                                        struct stk_bytes channel, uint32_t more);
/* Book the picks in the scratch as holds of this order: cells' held, earmarks, rows of earmarks. */
void stk_order_book_picks(struct stk_apply *apply, uint32_t slot);
/* A shortfall of `units` more (or, negative, fewer) of a line: book entry, SKU counters, its row.
 */
void stk_order_short(struct stk_apply *apply, uint32_t slot, uint16_t line, int64_t units);
/* Put the order in the list that its state and deadline ask for: expiry, archive, or none. */
void stk_order_file(struct stk_apply *apply, uint32_t slot);

#endif
