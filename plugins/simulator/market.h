/* A market in a box: channels with counters and prices, shoppers, rival bots, quotas, and all that
 * goes wrong between a seller and a marketplace. Stability: internal, may change.
 *
 * Deterministic: one seed and the same calls at the same times give the same bytes
 * (market_digest). Not thread-safe; no clock, no threads, and no memory taken after market_create.
 * Time is virtual and moves by market_advance alone.
 *
 * It is used like a remote service: a call goes out now and returns its number; what it does
 * happens when the channel gets round to it; the answer is fetched by market_answer once its time
 * has come. What the caller could not know from outside (when a write landed, why nothing came
 * back) is not in the answers, but in the book (plugins/simulator/book.h), for those who check. */
#ifndef SIMULATOR_MARKET_H
#define SIMULATOR_MARKET_H

#include "plugins/simulator/config.h"

struct market;

/* ---- create ---- */

/* NULL when the config is impossible or memory is short; why says it in one line. */
struct market *market_create(const struct market_config *config, char *why, uint32_t why_size);
void market_destroy(struct market *market);

#define MARKET_OWN_POOL UINT32_MAX

struct market_part {
    uint32_t sku;
    int32_t units;
};
struct market_listing {
    struct market_part part[MARKET_PARTS_MAX];
    uint32_t parts;
    uint32_t pool; /* a listing of the same channel whose counter it shares; MARKET_OWN_POOL */
    int32_t counter;
    int64_t price_minor;
};
/* Before market_open. Returns the listing's number on its channel, 0 and up, or -1: full, a part
 * that is no SKU, units below 1, a pool that is not there. */
int32_t market_add_listing(struct market *market, uint32_t channel,
                           const struct market_listing *listing);
/* The usual catalogue: each SKU once on each channel, one listing in `kit_every` (0 = none) a kit
 * of two of its SKU and one of the next; counters `counter`, prices between 2.00 and 200.00. */
void market_fill(struct market *market, int32_t counter, uint32_t kit_every);
/* Physical stock that the seller has (more of it): only the book uses it. */
void market_stock(struct market *market, uint32_t sku, uint32_t location, int64_t units);
/* The catalogue is complete, shoppers may come. */
void market_open(struct market *market);
/* From now on as many shoppers a day come there. */
void market_shoppers(struct market *market, uint32_t channel, int64_t orders_per_day);

/* ---- time ---- */

/* Everything up to and at now_ms happens. Time never goes back. */
void market_advance(struct market *market, int64_t now_ms);
int64_t market_now(const struct market *market);
/* When the next thing happens; INT64_MAX = never. */
int64_t market_next(const struct market *market);

/* ---- calls ---- */

enum market_field { MARKET_QUANTITY, MARKET_PRICE, MARKET_ACTIVE };
enum market_how { MARKET_AS_ITS_KIND, MARKET_HOW_SET, MARKET_HOW_ADJUST, MARKET_HOW_CAS };
struct market_update {
    uint32_t listing;
    enum market_field field;
    int64_t value;  /* quantity: absolute, or the difference on a channel that adjusts */
    int64_t expect; /* cas: the counter must be this */
    uint64_t token; /* the caller's name for this write: comes back in results and read-backs */
    enum market_how how; /* quantity; beyond the channel's own kind only what it takes */
};

/* Each returns the call's number, or 0 when calls_max are in flight (nothing was sent). A call
 * that is refused for its quota, too: the answer says so. Cursors begin at 0. */
uint64_t market_orders_poll(struct market *market, uint32_t channel, uint64_t cursor, uint32_t max);
uint64_t market_push(struct market *market, uint32_t channel, const struct market_update *updates,
                     uint32_t count);
uint64_t market_report(struct market *market, uint32_t channel, uint64_t push_call);
uint64_t market_read_back(struct market *market, uint32_t channel, const uint32_t *listings,
                          uint32_t count);
uint64_t market_discover(struct market *market, uint32_t channel, uint64_t cursor, uint32_t max);
/* What has changed since the cursor; or the offers of these listings, unknown ones left out. */
uint64_t market_offers(struct market *market, uint32_t channel, uint64_t cursor, uint32_t max);
uint64_t market_offers_of(struct market *market, uint32_t channel, const uint32_t *listings,
                          uint32_t count);

/* ---- answers ---- */

enum market_status {
    MARKET_OK,
    MARKET_THROTTLED,   /* 429: nothing done */
    MARKET_UNAVAILABLE, /* 503, closed, too much at once: nothing done */
    MARKET_UNKNOWN,     /* no answer came: done or not */
    MARKET_TOO_LARGE,   /* more items than batch_max: nothing done */
    MARKET_NOT_FOUND,   /* report: no such push, or forgotten */
    MARKET_GONE         /* poll: the cursor is older than what is kept; `cursor` is the oldest */
};
enum market_event_kind {
    MARKET_PLACED,
    MARKET_CANCELLED,
    MARKET_RETURNED,
    MARKET_SHIPPED,
    MARKET_WANTED /* shop: answer with market_want_answer */
};
struct market_line {
    uint32_t listing;
    int32_t quantity;
    int64_t price_minor; /* of one */
};
struct market_event {
    uint64_t order;           /* unique in the market, 1 and up */
    int64_t placed_ms, at_ms; /* the order's time; this event's own */
    enum market_event_kind kind;
    int restocked; /* cancelled, returned: the channel put the units on sale again */
    uint32_t lines;
    struct market_line line[MARKET_LINES_MAX];
};
enum market_outcome {
    MARKET_PENDING,  /* report: not done yet */
    MARKET_ACCEPTED, /* taken; whether it is done, the channel's proof tells */
    MARKET_APPLIED,  /* proven by the channel's word */
    MARKET_REFUSED,  /* surely not done and never will be */
    MARKET_MISMATCH  /* cas: the counter was another; never will be done */
};
enum market_reason {
    MARKET_NO_REASON,
    MARKET_NO_LISTING,
    MARKET_LOCKED,
    MARKET_UNDER_REVIEW,
    MARKET_DAILY_CAP,
    MARKET_BAD_VALUE, /* below zero, or adjust on a channel that sets */
    MARKET_SYSTEM_ERROR
};
struct market_result {
    uint32_t listing;
    enum market_field field;
    enum market_outcome outcome;
    enum market_reason reason;
    uint64_t token;
    int64_t before, after; /* of the counter or price, when applied or mismatched */
};
struct market_reading {
    uint32_t listing;
    int found, active;
    int32_t counter;
    int64_t price_minor;
    uint64_t quantity_token, price_token; /* of the write in force, 0 = somebody else's */
};
struct market_card { /* what discovery shows of a listing */
    uint32_t listing;
    int active;
    int32_t counter;
    uint32_t currency, parts;
    int64_t price_minor;
    char id[24], seller_sku[24], barcode[16], title[40]; /* seller_sku may be "" */
};
/* The card of a listing that is there: an order's line names what stands on it. */
void market_card(const struct market *market, uint32_t channel, uint32_t listing,
                 struct market_card *card);
struct market_offer {
    uint32_t listing;
    uint32_t rival; /* seller's number, 1 and up; 0 = we */
    int64_t price_minor, shipping_minor;
    int64_t at_ms; /* when it was last changed */
    int buy_box;
};
struct market_answer {
    uint64_t call;
    enum market_endpoint endpoint;
    enum market_status status;
    int64_t sent_ms;
    int64_t retry_after_ms;   /* 0 = not told */
    int64_t remaining, limit; /* of the endpoint's bucket; -1 = not told */
    uint64_t cursor;          /* where the next page begins */
    int more;                 /* there is a next page now */
    int pending;              /* report: not all is done */
    int64_t watermark_ms;     /* every sale before it has been shown; 0 = not told */
    uint32_t count;           /* of that one below that belongs to the endpoint: */
    const struct market_event *events;
    const struct market_result *results; /* of push and report, in the order of the updates */
    const struct market_reading *readings;
    const struct market_card *cards;
    const struct market_offer *offers; /* all of a listing's offers stand together */
};

/* The next answer whose time has come, or NULL. Lent until the next call of this function for the
 * same channel. */
const struct market_answer *market_answer(struct market *market, uint32_t channel);
/* The caller has died: answers on their way to it are lost, what was sent still happens. */
void market_disconnect(struct market *market, uint32_t channel);
/* A webhook that has come, late, twice, overtaking or not at all: 1 and *event, or 0. */
int market_hook(struct market *market, uint32_t channel, struct market_event *event);

/* A shop's shopper who waits: 1 and *event (MARKET_WANTED), or 0. Each is given once. */
int market_want(struct market *market, uint32_t channel, struct market_event *event);
/* All of it is sold to the shopper, or nothing. 0 when the shopper has left meanwhile (then nothing
 * is sold, whatever taken says), else 1. */
int market_want_answer(struct market *market, uint32_t channel, uint64_t order, int taken);

#endif
