/* R4: the harness finds what it is for. The daemon is told to do wrong on purpose (plant.* of
 * --list-faults): to answer before the commit, to refuse before the cause is durable, to commit the
 * idempotency key later than its effect, to split an order over two records. Each must be found
 * within FAULT_KILLS kills (default 20). Syncs that do nothing are crash_power's. */
#include "tests/crash/place.h"
#include "tests/crash/run.h"
#include <stdio.h>

#define FEED_MIN_MS  100
#define FEED_SPAN_MS 300

/* The kill that found it; 0: none did; -1: it could not be tried. */
static int found_after(struct run *run, const char *plant, unsigned kills)
{
    char label[64], fault[128];
    run->feed.model.quiet = 1;
    for (unsigned i = 1; i <= kills; i++) {
        struct random *random = &run->feed.random;
        /* every other kill falls between two commits, where such faults live */
        int size = snprintf(fault, sizeof(fault), "%s:1:always", plant);
        if (i % 2 == 0)
            snprintf(fault + size, sizeof(fault) - (size_t)size, ",journal.in_commit:%u:kill",
                     20 + (unsigned)random_below(random, 100));
        daemon_kill(&run->daemon);
        daemon_set(&run->daemon, "STOCKADE_FAULT", fault);
        if (daemon_start(&run->daemon, RUN_START_MS, NULL))
            return -1;
        (void)run_feed(run, FEED_MIN_MS + (int64_t)random_below(random, FEED_SPAN_MS));
        snprintf(label, sizeof(label), "%s, kill %u", plant, i);
        if (run_check(run, label))
            return (int)i;
    }
    return 0;
}

int main(void)
{
    static const struct {
        const char *name;
        unsigned flags;
    } plants[] = {{"plant.early_answer", 0},
                  {"plant.refusal_early", RUN_SCARCE},
                  {"plant.key_next_commit", 0},
                  {"plant.split_order", 0}};
    static struct run run;
    unsigned kills = (unsigned)place_number("FAULT_KILLS", 20), passed = 0, failed = 0;
    for (size_t i = 0; i < sizeof(plants) / sizeof(plants[0]); i++) {
        int found = run_begin(&run, "plants", NULL, plants[i].flags)
                        ? -1
                        : found_after(&run, plants[i].name, kills);
        if (found > 0)
            printf("%s: found by kill %d: %s\n", plants[i].name, found, run.feed.model.first_fault);
        else
            printf("%s: NOT FOUND\n", plants[i].name);
        passed += found > 0;
        failed += found <= 0;
        daemon_fini(&run.daemon);
        feed_fini(&run.feed);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
