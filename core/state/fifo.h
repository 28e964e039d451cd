/* Memory for things that leave in the order in which they came, in segments of one size: no holes
 * whatever their sizes are, and as much memory is touched as was ever in use at once, not a whole
 * ring. One thread. */
#ifndef STK_STATE_FIFO_H
#define STK_STATE_FIFO_H

#include "core/base/mem.h"
#include <stockade/types.h>

#define STK_FIFO_UNIT 16 /* bytes; positions count in these */

struct stk_fifo {
    uint8_t *base;
    uint32_t *next; /* by segment: the one that was begun after it, or the next free one */
    uint32_t *live; /* by segment: things in it */
    uint64_t segment_bytes;
    uint32_t segments;
    uint32_t free_head, top; /* free ones; [0, top) were ever used */
    uint32_t last;           /* that is being filled; STK_NONE */
    uint64_t last_bytes;     /* of it */
};
enum stk_status stk_fifo_init(struct stk_fifo *fifo, uint64_t segment_bytes, uint32_t segments,
                              struct stk_error *err);
void stk_fifo_fini(struct stk_fifo *fifo); /* also on a zeroed one */
/* 1 when take would find room for `size` bytes; it then also does for anything smaller. */
int stk_fifo_has_room(const struct stk_fifo *fifo, uint32_t size);
/* Position of `size` bytes (1 up to a segment), not zeroed; STK_NONE when there is no room. */
uint32_t stk_fifo_take(struct stk_fifo *fifo, uint32_t size);
void stk_fifo_give(struct stk_fifo *fifo, uint32_t position);
/* The position behind `size` bytes at `position`, where what was taken next lies if all sizes
 * divide a segment; before position is given back. */
uint32_t stk_fifo_after(const struct stk_fifo *fifo, uint32_t position, uint32_t size);
static inline void *stk_fifo_at(const struct stk_fifo *fifo, uint32_t position)
{
    return fifo->base + (uint64_t)position * STK_FIFO_UNIT;
}

#endif
