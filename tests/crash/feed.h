/* The feed: an order feed of the shape that shops have, over several connections, pipelined, at a
 * given rate: 10 % repeats, 30 % hot SKUs, 1 to 50 lines, kits that share components, holds that
 * expire, payments, shipments whole and in part, cancellations, returns, amendments, receipts,
 * counts, losses, transfers; now and then two operations on one order at once, and an id used again
 * for something else. All of it comes from one seed. One thread. */
#ifndef TESTS_CRASH_FEED_H
#define TESTS_CRASH_FEED_H

#include "tests/crash/model.h"
#include "tests/crash/wire.h"

#define FEED_WIRES     16
#define FEED_IN_FLIGHT 32768 /* more is never under way; a power of two */
#define FEED_QUEUES    4

/* An older operation, kept with its bytes, to be repeated much later. */
struct feed_elder {
    struct op op;
    uint8_t *params;
};
#define FEED_ELDERS 20000

struct feed_due {
    uint32_t order;
    int64_t at_ms;
};
struct feed_transfer {
    uint32_t number; /* of the operation that sent it */
    uint32_t quantity;
    uint16_t sku;
};
#define FEED_TRANSFERS 1024
struct feed_queue { /* orders in the order of their next step */
    int64_t delay_ms;
    struct feed_due *at;
    uint32_t first, count, room;
};

struct feed {
    struct model model;
    struct random random;
    struct wire wires[FEED_WIRES];
    unsigned wire_count;
    unsigned window; /* under way per connection */
    unsigned under_way[FEED_WIRES];
    uint64_t rate_per_s; /* 0: as fast as it goes */
    unsigned lines_max;
    unsigned hot_percent;   /* of lines are for hot SKUs; default 30 */
    uint32_t opening_hot;   /* units of each hot SKU at each location */
    uint32_t receipt_max;   /* units that come in at a time */
    uint32_t stock_up;      /* units of each hot SKU that the checker adds before it repeats */
    int may_be_turned_away; /* a word to nobody's message is no fault: a connection is refused */
    /* operations of this cycle */
    struct op *ops;
    uint32_t op_count, op_room, op_base; /* op_base: number of ops[0] */
    uint8_t *bytes;
    uint32_t bytes_used, bytes_room;
    uint32_t msgid;
    struct {
        uint32_t msgid;
        uint32_t op; /* index in ops; UINT32_MAX: a conflict on purpose, or free */
        uint8_t wire;
        uint8_t kind; /* enum flight in feed.c */
    } flight[FEED_IN_FLIGHT];
    struct feed_queue queue[FEED_QUEUES];
    struct feed_transfer *transfers; /* sent and not yet received */
    uint32_t transfer_count;
    struct feed_elder elders[FEED_ELDERS];
    uint32_t elder_count;
    uint64_t elder_seen;
    uint32_t acked;  /* first answers in this cycle */
    uint32_t *trace; /* when set: the op of each message, from number trace_from on */
    uint32_t trace_from, trace_room;
    /* counts over all cycles */
    uint64_t sent, answered, refused, repeats, conflicts, nothing;
};

void feed_init(struct feed *feed, uint64_t seed, unsigned wires);
void feed_fini(struct feed *feed);

/* Make locations, SKUs, listings and opening stock over one connection. 0, or -1. */
int feed_world(struct feed *feed, const char *door);
/* A new cycle: connect; the operations of the last cycle become elders by lot. 0, or -1. */
int feed_connect(struct feed *feed, const char *door);
/* Feed until the time (monotonic ms) or until the other side is gone. 1: it is gone. */
int feed_run(struct feed *feed, int64_t until_ms);
/* No more new ones: take the answers of all that is under way. 0; -1 when some never came. */
int feed_settle(struct feed *feed, int timeout_ms);
/* Take what had left before the other side was gone, and close. What is still open is unknown. */
void feed_drain(struct feed *feed);
void feed_disconnect(struct feed *feed);

/* Keep for each message whose it was: numbers begin at `from`; for one cycle. */
void feed_trace(struct feed *feed, uint32_t from);
/* The first answer to an operation: hash, ledger, and the order's next step. */
void feed_first_answer(struct feed *feed, struct op *op, const struct wire_answer *answer);
/* Bytes of an operation's parameters. */
const uint8_t *feed_params(const struct feed *feed, const struct op *op);

#endif
