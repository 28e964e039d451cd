/* R1: kill -9 at random instants under the feed, restart, check. CRASH_CYCLES kills (default 10);
 * the last case looks at everything that was ever done, after an orderly stop. */
#include "tests/crash/place.h"
#include "tests/crash/run.h"
#include <stdio.h>

#define FEED_MIN_MS  400
#define FEED_SPAN_MS 4000

int main(void)
{
    static struct run run;
    unsigned cycles = (unsigned)place_number("CRASH_CYCLES", 10);
    char label[32];
    if (run_begin(&run, "crash", NULL, 0))
        return run_end(&run);
    for (unsigned i = 1; i <= cycles; i++) {
        struct random *random = &run.feed.random;
        if (run_feed(&run, FEED_MIN_MS + (int64_t)random_below(random, FEED_SPAN_MS)))
            model_fault(&run.feed.model, "the daemon hung up before it was killed");
        snprintf(label, sizeof(label), "kill %u", i);
        run_check(&run, label);
        if (!run.daemon.pid || run.feed.model.faults > 1000)
            return run_end(&run);
    }
    run_whole(&run);
    return run_end(&run);
}
