/* The checker: after a restart, is the truth still what was acknowledged?
 *
 *   1 every order that this cycle touched, and some others, is looked at before anything is sent:
 *     acknowledged effects are there, half ones are nowhere
 *   2 operations without an answer are sent again: each has exactly one outcome, the one that could
 *     be seen before
 *   3 sums of stock and held units per SKU, nothing oversold, conservation
 *   4 hot SKUs are stocked up, then acknowledged operations are sent again, refusals too: the same
 *     bytes come back
 *   5 sums again: the repeats did nothing
 *   6 the journal's checksums and chain */
#ifndef TESTS_CRASH_CHECK_H
#define TESTS_CRASH_CHECK_H

#include "tests/crash/daemon.h"
#include "tests/crash/feed.h"

struct check_counts {
    uint32_t looked;   /* orders */
    uint32_t unknown;  /* operations without an answer */
    uint32_t happened; /* of those, found done */
    uint32_t repeated; /* acknowledged ones sent again */
    int64_t took_ms;
};

/* whole: all orders and all elders. Faults are told to feed->model. 0; -1 when the daemon went
 * away. */
int check_run(struct feed *feed, const struct daemon *daemon, int whole,
              struct check_counts *counts);
/* Step 6 alone, in a child process; beside a running daemon or without one. 0, or told as a fault.
 */
int check_journal(struct model *model, const struct daemon *daemon);

#endif
