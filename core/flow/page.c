/* Pages. Always: a page ends before its answer does; slots do not move, so that a page neither
 * skips nor repeats what was there all the time. */
#include "core/flow/page.h"

enum stk_status stk_page_open_at(struct stk_apply *apply, struct stk_ref ref, uint32_t limit,
                                 const char *name, struct stk_page *page)
{
    struct stk_bytes cursor = stk_apply_text(apply, ref);
    uint64_t from = 0;
    for (uint32_t i = 0; i < cursor.size; i++) {
        if (cursor.data[i] < '0' || cursor.data[i] > '9' || from > UINT32_MAX)
            return stk_apply_refuse(apply, STK_INVALID, "cursor: not one that a page before gave");
        from = from * 10 + (unsigned)(cursor.data[i] - '0');
    }
    if (from > UINT32_MAX)
        return stk_apply_refuse(apply, STK_INVALID, "cursor: not one that a page before gave");
    *page = (struct stk_page){.from = (uint32_t)from, .limit = limit ? limit : STK_PAGE_DEFAULT};
    stk_apply_say_key(apply, name);
    page->mark = stk_doc_array_open(&apply->answer);
    return STK_OK;
}

enum stk_status stk_page_open(struct stk_apply *apply, const char *name, struct stk_page *page)
{
    const struct stk_args_page *args = apply->args;
    return stk_page_open_at(apply, args->cursor, args->limit, name, page);
}

int stk_page_has_room(const struct stk_apply *apply, const struct stk_page *page)
{
    return page->count < page->limit &&
           apply->answer.capacity - apply->answer.size > 2 * STK_PAGE_ITEM_MAX;
}

/* next: slot to go on from, STK_NONE = that was all. */
enum stk_status stk_page_close(struct stk_apply *apply, const struct stk_page *page, uint32_t next)
{
    char text[16];
    unsigned at = sizeof text;
    stk_doc_array_close(&apply->answer, page->mark, page->count);
    if (next == STK_NONE)
        return STK_OK;
    text[--at] = 0;
    do
        text[--at] = (char)('0' + next % 10);
    while (next /= 10);
    stk_apply_say_text(apply, "next", text + at);
    return STK_OK;
}

enum stk_status stk_page_none(struct stk_apply *apply)
{
    apply->pairs = 0;
    return STK_OK;
}
