/* A small world for the arithmetic of *guaranteed* mode: one SKU, one or two channels with a
 * counter each, one or two locations, an own shop, and our side, which is the real promise.c and
 * allot.c.
 *
 * The channels' truth is written here from what promise.md says a channel does, and knows nothing
 * of promises: a counter, units sold from it, writes on their way to it, what its cache shows. Our
 * side sees of it only orders, watermarks, answers and read-backs. All steps that are possible in a
 * state are listed by model_steps; which one comes next is the searcher's choice. */
#ifndef TESTS_PROMISE_MODEL_H
#define TESTS_PROMISE_MODEL_H

#include "core/state/allot.h"
#include "core/state/promise.h"

#define CHANNELS  2
#define LOCATIONS 2
#define FLIGHTS   4
#define NOTICES   2
#define TICKS     10 /* one tick is a second of our clock */
#define STEPS_MAX 96 /* that are possible in one state */
#define NEVER     255

/* How our side or the channels go wrong on purpose, beside the planted points of promise.c. */
enum wrong {
    WRONG_NOTHING = 0,
    WRONG_LANDS_TWICE = 1,  /* a write may land a second time */
    WRONG_SHOP_IGNORES = 2, /* the own shop takes what is free, promised or not */
    WRONG_OLDER_READS = 4,  /* read-backs may be one tick older than R */
};

struct setup_channel {
    uint8_t write, proof, mask, counter;
    uint8_t unknown; /* first contact: our side does not know the counter */
    uint8_t old;     /* units sold before, whose orders are still to come */
    uint8_t restocks;
};

struct setup {
    const char *name;
    uint8_t size; /* 1 in every run, 2 in the nightly one, 3 before a release */
    uint8_t stock[LOCATIONS];
    uint8_t channels;
    struct setup_channel channel[CHANNELS];
    uint8_t apply, read; /* A and R, ticks */
    uint8_t writes, sales, shop, reads, crashes, cancels, ticks;
    uint8_t durable; /* 1: what is not flushed yet is lost in a crash */
    uint8_t wrong;
    const char *plant; /* a point of core/base/fault.h, or NULL */
};

enum flight_state { FLIGHT_NONE, FLIGHT_GRANTED, FLIGHT_FLYING, FLIGHT_LANDED, FLIGHT_REFUSED };
struct flight {
    uint32_t number;
    uint8_t state, channel, kind;
    uint8_t closed; /* the tick in which its call was over; NEVER */
    int8_t value;
    uint8_t expect, fell;
    uint8_t twice;
};

struct truth {
    uint8_t counter;
    uint8_t pending;       /* orders that wait here for a cancellation */
    uint8_t cached, since; /* a read-back that was taken: value, tick (NEVER: none) */
    uint8_t unseen[TICKS]; /* units sold in that tick whose orders were not told */
    uint8_t fresh[TICKS];  /* told, and not durable yet */
    /* cancellations that restocked and were not told: tick; tick in which the order was sold when
     * that was not told either, else NEVER */
    uint8_t notices, notice_at[NOTICES], notice_of[NOTICES];
};

struct ours {
    struct stk_promise promise[CHANNELS];
    uint8_t free[LOCATIONS];
    uint8_t held[CHANNELS]; /* orders that may be cancelled; one location then */
    uint8_t unused[4];
};

struct world {
    struct ours ours, durable;
    struct flight flight[FLIGHTS];
    struct truth truth[CHANNELS];
    uint8_t now, writes, sales, shop, reads, crashes, cancels;
    uint8_t dirty; /* ours is ahead of durable */
    uint8_t unused[6];
};

_Static_assert(sizeof(struct world) == 1160, "no padding: states are compared by their bytes");

struct step {
    uint8_t what, channel, at;
    int8_t value;
    uint8_t expect;
};

/* What a step led to. */
enum outcome { GOES_ON, SHORTFALL, TOO_SMALL, BREACH, DRIFT };

void model_begin(const struct setup *setup, struct world *w);
unsigned model_steps(const struct setup *setup, const struct world *w, struct step *steps);
enum outcome model_take(const struct setup *setup, struct world *w, struct step step);
/* Our clock in a tick. */
stk_time_t model_ms(unsigned tick);
/* In words, for a trace. */
void model_describe(struct step step, char *text, unsigned size);

#endif
