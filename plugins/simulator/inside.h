/* The inside of a market: what its files share. Stability: none, nobody outside includes it.
 *
 * All memory is one block, laid out at create (market.c); whatever is listed here as an array has
 * a fixed size from the config. Whatever will happen stands in one heap by time; each kind of
 * thing that waits has a pool, and the heap has room for all of them at once, so that adding to
 * it cannot fail. */
#ifndef SIMULATOR_INSIDE_H
#define SIMULATOR_INSIDE_H

#include "plugins/simulator/book.h"
#include "plugins/simulator/chance.h"
#include "plugins/simulator/market.h"

#define NONE    UINT32_MAX
#define HISTORY 8 /* moments that are kept for old read-backs */

enum what {
    WHAT_SHOPPER, /* the next one comes */
    WHAT_SHOWN,   /* order a, event b becomes visible */
    WHAT_SHIP,    /* order a leaves the building */
    WHAT_END,     /* order a is cancelled or returned */
    WHAT_LEAVES,  /* the shopper of want a leaves */
    WHAT_LAND,    /* write a takes effect */
    WHAT_ANSWER,  /* the answer of call slot a is there */
    WHAT_HOOK,    /* hook a arrives */
    WHAT_RIVAL,   /* some rival moves */
    WHAT_REACT,   /* the rivals of listing a look at our price */
    WHAT_OUTAGE,
    WHAT_LOCK,
    WHAT_EDIT,
    WHAT_CONTEST /* somebody puts the price of listing a back */
};
struct happening {
    int64_t at_ms;
    uint64_t number; /* of equal times, what was planned first comes first */
    uint16_t what, channel;
    uint32_t a, b;
};

struct moment {
    int64_t at_ms, value;
    uint64_t token; /* of the write that made it so; 0 = anything else */
};
struct history {
    struct moment moment[HISTORY];
    uint32_t count; /* ever; the newest is (count - 1) % HISTORY */
};

struct counter {
    int64_t now, initial, written, edited, restocked, sold;
    int64_t newest_sent_ms; /* of the landed writes */
    uint32_t writes;
    struct history history;
};
struct listing {
    struct market_part part[MARKET_PARTS_MAX];
    uint32_t parts, pool; /* pool: number of the counter */
    int active, contested, react_waits, contest_waits, under_review;
    int64_t price, floor_price; /* floor_price: what it was at the beginning */
    int64_t price_sent_ms;
    int64_t locked_until_ms;
    int64_t day;
    uint32_t day_writes;
    int64_t sold;                       /* units of the listing */
    uint64_t offer_at;                  /* number of the last change of its offers; 0 = none */
    uint32_t offer_before, offer_after; /* listings by offer_at */
    struct history prices;
};
struct write {
    struct market_update update;
    int64_t sent_ms;
    uint64_t call; /* the push */
    uint32_t batch, item;
    uint32_t next_free;
    enum market_kind kind; /* how its quantity is meant */
    int refuse, lie, again;
};
struct batch {
    uint64_t call; /* 0 = unused */
    uint32_t count;
    int64_t done_ms;               /* when the report is ready */
    struct market_result *results; /* [batch_max] */
};
struct order {
    uint64_t id;
    int64_t placed_ms, ship_ms, end_ms;
    uint32_t refs; /* happenings that name it */
    uint32_t next_free;
    enum market_event_kind end; /* PLACED = it has none */
    int shown, waits, restocked;
    uint32_t lines;
    struct market_line line[MARKET_LINES_MAX];
};
struct call {
    struct market_answer answer;
    int busy, dead;
    int works;      /* the channel does what it was asked, whether the caller hears of it or not */
    uint32_t batch; /* ANSWER: results are taken from it when the answer comes; else NONE */
    void *room;     /* for the items of the answer */
};
struct bucket {
    const struct market_quota *quota;
    int64_t level; /* tokens x period_ms */
    int64_t at_ms;
};
struct rival {
    int64_t price, shipping, cost, at_ms;
    uint32_t strategy;
};

struct channel {
    const struct market_channel *config;
    struct chance shoppers, network, faults, rivals_chance, hands;
    int64_t orders_per_day;
    int shoppers_come; /* the series is planned */
    struct bucket quota[MARKET_ENDPOINTS], account;
    int64_t retry_until_ms[MARKET_ENDPOINTS];
    int64_t outage_until_ms;
    int forbidden;

    struct listing *listings;
    struct counter *counters;
    uint64_t *popularity; /* running sums */
    struct rival *rivals; /* [listing][config->rivals] */
    uint32_t listing_count;

    struct write *writes;
    uint32_t write_free, write_fresh, writes_open; /* fresh: how many were ever used */
    struct batch *batches;
    uint64_t batch_next;

    struct order *orders;
    uint32_t order_free, order_fresh;
    int64_t shopper_us; /* when the next one comes, finer than a ms */
    uint32_t weight_sum, weight_max;

    struct market_event *events;
    uint64_t event_next;
    uint32_t *wants; /* orders that wait for an answer, oldest first */
    uint32_t want_first, want_count;

    struct market_event *hooks; /* on their way or arrived */
    uint32_t *hook_free, *hook_ready;
    uint32_t hook_free_count, hook_first, hook_count;

    uint32_t offer_first, offer_last; /* listings by offer_at */
    uint64_t change_next;

    struct call *calls;
    uint32_t *ready; /* ring of call slots */
    uint32_t ready_first, ready_count, lent;
    struct market_counts counts;
};

struct sku_book {
    struct market_sku_book totals;
    int64_t open[MARKET_CHANNELS_MAX];
};

struct market {
    struct market_config config;
    int64_t now_ms;
    uint64_t digest, call_next, order_next;
    struct bucket application[MARKET_APPLICATIONS_MAX];
    struct channel channel[MARKET_CHANNELS_MAX];
    uint32_t *rank; /* of each SKU, 0 = most wanted */
    struct sku_book *skus;
    int64_t *stock; /* [sku][location] */
    struct market_oversold oversold;
    struct happening *heap;
    uint32_t heap_count, heap_max;
    uint64_t happening_next, bytes;
};

/* market.c */
void market_plan(struct market *market, int64_t at_ms, enum what what, uint32_t channel, uint32_t a,
                 uint32_t b);
void market_note(struct market *market, uint64_t value);
uint32_t market_number(const struct market *market, const struct channel *channel);
static inline void market_saw(struct channel *channel, enum market_fault fault)
{
    channel->counts.fault[fault]++;
}

/* counter.c: counters and prices over time */
void history_add(struct history *history, int64_t at_ms, int64_t value, uint64_t token);
const struct moment *history_at(const struct history *history, int64_t at_ms);
void counter_move(struct market *market, struct channel *channel, uint32_t listing, int64_t by,
                  int64_t *account, uint64_t token);
void price_set(struct market *market, struct channel *channel, uint32_t listing, int64_t value,
               uint64_t token);
void landing(struct market *market, struct channel *channel, uint32_t write);

/* shoppers.c: who buys and who thinks better of it */
void shopper_first(struct market *market, struct channel *channel);
void shopper_comes(struct market *market, struct channel *channel);
void shopper_leaves(struct market *market, struct channel *channel, uint32_t order);
void order_ships(struct market *market, struct channel *channel, uint32_t order);
void order_ends(struct market *market, struct channel *channel, uint32_t order);
void order_let_go(struct channel *channel, uint32_t order);

/* events.c: what becomes visible when */
void event_plan(struct market *market, struct channel *channel, uint32_t order,
                enum market_event_kind kind);
void event_shown(struct market *market, struct channel *channel, uint32_t order,
                 enum market_event_kind kind);
void hook_arrives(struct market *market, struct channel *channel, uint32_t hook);

/* quota.c */
void bucket_fill(struct bucket *bucket, const struct market_quota *quota, int64_t now_ms);
int64_t bucket_wait(struct bucket *bucket, int64_t now_ms); /* ms until it has a token; 0 = now */
void bucket_take(struct bucket *bucket);
int64_t quota_check(struct market *market, struct channel *channel, enum market_endpoint endpoint);

/* calls.c: what each call has in common */
struct call *call_begin(struct market *market, struct channel *channel,
                        enum market_endpoint endpoint);
/* The channel is done with it at done_ms: the answer leaves then. */
uint64_t call_end(struct market *market, struct channel *channel, struct call *call,
                  int64_t done_ms);
void call_answered(struct market *market, struct channel *channel, uint32_t slot);

/* rivals.c */
void rivals_open(struct market *market, struct channel *channel);
void rival_moves(struct market *market, struct channel *channel);
void rivals_react(struct market *market, struct channel *channel, uint32_t listing);
void rivals_notice(struct market *market, struct channel *channel, uint32_t listing);
int rivals_we_hold_box(const struct channel *channel, uint32_t listing);

/* hands.c: outages, locks, other people's edits */
void hands_open(struct market *market, struct channel *channel);
void hand_outage(struct market *market, struct channel *channel);
void hand_lock(struct market *market, struct channel *channel);
void hand_edit(struct market *market, struct channel *channel);
void hand_contests(struct market *market, struct channel *channel, uint32_t listing);

/* book.c */
void book_sale(struct market *market, struct channel *channel, const struct order *order);
void book_end(struct market *market, struct channel *channel, const struct order *order);

#endif
