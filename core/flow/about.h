/* The order that a verb is about: found, looked at, its parts counted, and settled when the verb
 * has done its work. Engine thread. */
#ifndef STK_FLOW_ABOUT_H
#define STK_FLOW_ABOUT_H

#include "core/flow/apply.h"

struct stk_about {
    uint32_t slot;
    struct stk_order *order;
    struct stk_order_line *line;
    const struct stk_order_component *component;
};
struct stk_about stk_about_slot(struct stk_apply *apply, uint32_t slot);
/* As stk_apply_order: STK_NOT_FOUND refused, STK_AGAIN parks. */
enum stk_status stk_about_order(struct stk_apply *apply, struct stk_about *about);
/* STK_STATE: "what: the order is so". */
enum stk_status stk_about_refuse(struct stk_apply *apply, const struct stk_about *about,
                                 const char *what);

static inline uint32_t stk_line_unshipped(const struct stk_order_line *line)
{
    return line->quantity - line->shipped - line->cancelled;
}
static inline uint32_t stk_line_held(const struct stk_order_line *line)
{
    return stk_line_unshipped(line) - line->short_units - line->preorder;
}

/* The command's parts as units per line, in scratch->line_units, and those of them that are
 * unsellable in line_value; without parts: all that `most` says of each line. Refuses a line that
 * is not there and more units than there are. *sum = units in all. */
enum stk_status stk_about_parts(struct stk_apply *apply, const struct stk_about *about,
                                uint32_t (*most)(const struct stk_order_line *line),
                                const char *what, uint64_t *sum);
/* When it happened: as the command says, now at the latest. */
stk_time_t stk_about_occurred(const struct stk_apply *apply);
/* The end of every verb on an order: the state that follows from its lines, lists, row, answer.
 * After begin. */
void stk_about_settle(struct stk_apply *apply, struct stk_about *about);

#endif
