/* Making the operations of the feed: what comes next, and its bytes. */
#ifndef TESTS_CRASH_FEED_MAKE_H
#define TESTS_CRASH_FEED_MAKE_H

#include "tests/crash/feed.h"

/* The next operation, newly made and packed: its index in feed->ops, or UINT32_MAX when there is
 * nothing to do. now_ms: monotonic. */
uint32_t feed_make(struct feed *feed, int64_t now_ms);
/* An order comes up again after the delay of that queue. */
void feed_later(struct feed *feed, uint32_t order, unsigned queue, int64_t now_ms);
/* A receipt of that SKU (for topping up). */
uint32_t feed_make_receive(struct feed *feed, unsigned sku, uint32_t quantity);
/* The parameters of a done operation with one field more: the same id for something else. Returns
 * their size in out, 0 when this one does not lend itself to it. */
uint32_t feed_make_conflict(const struct feed *feed, const struct op *op, uint8_t *out,
                            uint32_t room);

#endif
