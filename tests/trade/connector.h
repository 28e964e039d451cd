/* What stands between a channel of the market and the engine, in one thread and virtual time: polls
 * orders, asks for grants, pushes, fetches reports, reads back. As simply as possible: it has no
 * budget of its own, and no memory but its cursor in the engine, so it may die at any instant. */
#ifndef STK_TESTS_TRADE_CONNECTOR_H
#define STK_TESTS_TRADE_CONNECTOR_H

#include "plugins/simulator/book.h"
#include "tests/lib/engine_fixture.h"

#define CALLS_MAX 16
#define ITEMS_MAX 100

struct open_call {
    uint64_t call; /* 0 = free */
    uint32_t count;
    uint64_t grant[ITEMS_MAX];
    int64_t report_ms; /* when to ask for its report; 0 = not yet */
};

struct connector {
    struct fixture *f;
    struct market *market;
    const struct market_channel *about;
    uint32_t channel;
    const char *name;
    uint64_t cursor;
    int64_t poll_ms, grant_ms, read_ms; /* when to do it next */
    int64_t poll_started_ms;            /* first page of the poll under way; 0 = none */
    uint64_t poll_call;
    uint32_t read_next; /* listing that the next sample of read-backs begins with */
    struct open_call open[CALLS_MAX];
    /* what was seen */
    uint64_t orders, short_units, refused_orders, wanted, sold_own;
};

void connector_init(struct connector *c, struct fixture *f, struct market *market,
                    const struct market_config *config, uint32_t channel, const char *name);
/* The engine or this process died: calls under way are forgotten, the cursor is read again. */
void connector_restart(struct connector *c);
/* All that is due at this instant. */
void connector_turn(struct connector *c, int64_t now_ms);

#endif
