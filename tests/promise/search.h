/* Every state that a setup can reach, each once. */
#ifndef TESTS_PROMISE_SEARCH_H
#define TESTS_PROMISE_SEARCH_H

#include "tests/promise/model.h"

#define DEPTH_MAX 256

struct result {
    uint64_t states;
    enum outcome outcome; /* GOES_ON: nothing was found */
    unsigned length;      /* of the way to what was found */
    struct step way[DEPTH_MAX];
};

/* until: a clean setup ends at the first outcome that is not GOES_ON; one that is wrong on purpose
 * goes on past BREACH, TOO_SMALL and DRIFT, and ends at a SHORTFALL only. */
void search(const struct setup *setup, int wrong, struct result *result);

#endif
