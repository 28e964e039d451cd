/* Segments that fill up one after the other and are free again when all that was in them has gone.
 *
 * Always true: a segment is being filled (last), or has live things, or is on the free list, or
 * lies above top, untouched. The free list gives the one that was freed last. */
#include "core/state/fifo.h"

enum stk_status stk_fifo_init(struct stk_fifo *fifo, uint64_t segment_bytes, uint32_t segments,
                              struct stk_error *err)
{
    *fifo = (struct stk_fifo){0};
    stk_assert(segments > 0 && segment_bytes > 0 && segment_bytes % STK_FIFO_UNIT == 0);
    if (segment_bytes / STK_FIFO_UNIT > (STK_NONE - 1u) / segments)
        return stk_error_set(err, STK_INVALID, "%u segments of %llu bytes are too many", segments,
                             (unsigned long long)segment_bytes);
    fifo->segment_bytes = segment_bytes;
    fifo->segments = segments;
    fifo->free_head = fifo->last = STK_NONE;
    fifo->base =
        stk_mem_reserve(segment_bytes * segments, segment_bytes * segments >= 8u << 20, err);
    fifo->next = fifo->base ? stk_mem_reserve(segments * 4ull, 0, err) : NULL;
    fifo->live = fifo->next ? stk_mem_reserve(segments * 4ull, 0, err) : NULL;
    if (fifo->live)
        return STK_OK;
    stk_fifo_fini(fifo);
    return err ? err->status : STK_NO_MEMORY;
}

void stk_fifo_fini(struct stk_fifo *fifo)
{
    stk_mem_unreserve(fifo->base, fifo->segment_bytes * fifo->segments);
    stk_mem_unreserve(fifo->next, fifo->segments * 4ull);
    stk_mem_unreserve(fifo->live, fifo->segments * 4ull);
    *fifo = (struct stk_fifo){0};
}

static uint32_t rounded(uint32_t size)
{
    return (size + STK_FIFO_UNIT - 1) / STK_FIFO_UNIT * STK_FIFO_UNIT;
}

static int fits_last(const struct stk_fifo *fifo, uint32_t size)
{
    return fifo->last != STK_NONE && fifo->segment_bytes - fifo->last_bytes >= rounded(size);
}

int stk_fifo_has_room(const struct stk_fifo *fifo, uint32_t size)
{
    if (size > fifo->segment_bytes)
        return 0;
    return fits_last(fifo, size) || fifo->free_head != STK_NONE || fifo->top < fifo->segments;
}

static void begin_segment(struct stk_fifo *fifo)
{
    uint32_t segment = fifo->free_head;
    if (segment != STK_NONE)
        fifo->free_head = fifo->next[segment];
    else
        segment = fifo->top++;
    fifo->next[segment] = STK_NONE;
    fifo->live[segment] = 0;
    if (fifo->last != STK_NONE)
        fifo->next[fifo->last] = segment;
    fifo->last = segment;
    fifo->last_bytes = 0;
}

uint32_t stk_fifo_take(struct stk_fifo *fifo, uint32_t size)
{
    uint64_t at;
    stk_assert(size > 0);
    if (!stk_fifo_has_room(fifo, size))
        return STK_NONE;
    if (!fits_last(fifo, size))
        begin_segment(fifo);
    at = fifo->last * fifo->segment_bytes + fifo->last_bytes;
    fifo->last_bytes += rounded(size);
    fifo->live[fifo->last]++;
    return (uint32_t)(at / STK_FIFO_UNIT);
}

void stk_fifo_give(struct stk_fifo *fifo, uint32_t position)
{
    uint32_t segment = (uint32_t)((uint64_t)position * STK_FIFO_UNIT / fifo->segment_bytes);
    stk_assert(segment < fifo->top && fifo->live[segment] > 0);
    if (--fifo->live[segment] > 0)
        return;
    if (segment == fifo->last) { /* all is gone: it is filled again from its start */
        fifo->last_bytes = 0;
        return;
    }
    fifo->next[segment] = fifo->free_head;
    fifo->free_head = segment;
}

uint32_t stk_fifo_after(const struct stk_fifo *fifo, uint32_t position, uint32_t size)
{
    uint64_t at = (uint64_t)position * STK_FIFO_UNIT;
    uint32_t segment = (uint32_t)(at / fifo->segment_bytes);
    at += rounded(size);
    if (at < (segment + 1) * fifo->segment_bytes)
        return (uint32_t)(at / STK_FIFO_UNIT);
    return fifo->next[segment] == STK_NONE
               ? STK_NONE
               : (uint32_t)(fifo->next[segment] * fifo->segment_bytes / STK_FIFO_UNIT);
}
