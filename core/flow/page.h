/* Pages of lists: a cursor is the number of the slot to go on from. Engine thread. */
#ifndef STK_FLOW_PAGE_H
#define STK_FLOW_PAGE_H

#include "core/flow/apply.h"

#define STK_PAGE_ITEM_MAX 24576 /* the most bytes of one item in a list, attributes included */

struct stk_page {
    uint32_t from;  /* slot to begin with */
    uint32_t limit; /* items at most */
    uint32_t count; /* items said; the caller's */
    uint32_t mark;
};

/* Opens the array `name` of the answer of a verb that takes struct stk_args_page. STK_INVALID,
 * refused: a cursor that no page gave. */
enum stk_status stk_page_open(struct stk_apply *apply, const char *name, struct stk_page *page);
/* The same where the arguments are others. */
enum stk_status stk_page_open_at(struct stk_apply *apply, struct stk_ref cursor, uint32_t limit,
                                 const char *name, struct stk_page *page);
int stk_page_has_room(const struct stk_apply *apply, const struct stk_page *page);
/* next: slot to go on from, STK_NONE = that was all. */
enum stk_status stk_page_close(struct stk_apply *apply, const struct stk_page *page, uint32_t next);
/* An answer that is one document and no list, written in place of the pairs. */
enum stk_status stk_page_none(struct stk_apply *apply);

#endif
