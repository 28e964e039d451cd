/* Radix sort by bytes from the lowest up, over those bytes alone in which the keys differ. What is
 * in order already, as rows with growing numbers are, costs one look. */
#include "core/store/sort.h"
#include <string.h>

static void pass(const struct stk_sort_item *from, struct stk_sort_item *to, uint32_t count,
                 unsigned shift)
{
    uint32_t starts[256] = {0}, at = 0;
    for (uint32_t i = 0; i < count; i++)
        starts[from[i].key >> shift & 0xff]++;
    for (unsigned byte = 0; byte < 256; byte++) {
        uint32_t size = starts[byte];
        starts[byte] = at;
        at += size;
    }
    for (uint32_t i = 0; i < count; i++)
        to[starts[from[i].key >> shift & 0xff]++] = from[i];
}

void stk_sort(struct stk_sort_item *items, struct stk_sort_item *spare, uint32_t count)
{
    uint64_t differ = 0;
    int ordered = 1;
    for (uint32_t i = 1; i < count; i++) {
        differ |= items[i].key ^ items[0].key;
        ordered &= items[i - 1].key <= items[i].key;
    }
    if (ordered)
        return;
    struct stk_sort_item *from = items, *to = spare;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        if ((differ >> shift & 0xff) == 0)
            continue;
        pass(from, to, count, shift);
        struct stk_sort_item *swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, count * sizeof(*items));
}
