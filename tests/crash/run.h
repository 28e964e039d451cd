/* A run of cycles: feed, an end of the daemon, restart, check. What the crash programs share. One
 * thread. */
#ifndef TESTS_CRASH_RUN_H
#define TESTS_CRASH_RUN_H

#include "tests/crash/check.h"

/* How long a start may take is judged elsewhere (R28), on a machine of its own. */
#define RUN_START_MS 120000

struct run {
    struct feed feed;
    struct daemon daemon;
    unsigned cases, failed;
    uint32_t cycle;
    int64_t began_ms;
    /* of the cycle under way */
    uint64_t sent, faults;
    int64_t fed_ms;
};

/* A config in which a short feed comes by every corner: small segments that are cut, folds without
 * pause, orders that are archived after seconds, runs of keys, a map that grows. */
extern const char run_settings[];
/* Start on an empty folder and make the world. settings: the config; NULL: run_settings. 0; -1 told
 * on stdout. */
#define RUN_SCARCE 1u /* hardly any stock of what is mostly ordered: most orders are SHORT */
int run_begin(struct run *run, const char *name, const char *settings, unsigned flags);
/* A cycle begins: connect and feed for so long, or until the daemon is gone. 1: it is gone. */
int run_feed(struct run *run, int64_t lasts_ms);
/* The daemon has ended or is killed now; take what had left, start again without faults, check,
 * tell in one line. One case. Returns the number of faults. */
uint64_t run_check(struct run *run, const char *label);
/* An orderly stop, then everything is looked at. One case. */
uint64_t run_whole(struct run *run);
/* Sums and "N passed, N failed"; removes the folder. The exit code. */
int run_end(struct run *run);

#endif
