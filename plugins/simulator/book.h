/* The truth about a market, for those who check: what was sold, what went wrong, who called too
 * often. Kept by the market itself, shares nothing with the engine. Stability: internal.
 *
 * Rules of the book, true at any time:
 *   a counter   = initial + written + edited + restocked - sold
 *   a SKU sold  = the sum of quantity x units over the listings' sales, all channels
 * Oversold is judged at each sale: for every set C of channels, what C has sold and not got back
 * must be covered by what lies where any of C may ship from (market_stock). */
#ifndef SIMULATOR_BOOK_H
#define SIMULATOR_BOOK_H

#include "plugins/simulator/market.h"

enum market_fault {
    MARKET_FAULT_SLOW,
    MARKET_FAULT_OVERTAKEN, /* a write landed on top of one that was sent after it */
    MARKET_FAULT_DROP,
    MARKET_FAULT_REFUSED,
    MARKET_FAULT_LATE_REFUSED,
    MARKET_FAULT_LATE_REPORT,
    MARKET_FAULT_LOST_CALL,
    MARKET_FAULT_LOST_ANSWER,
    MARKET_FAULT_TIMEOUT, /* the answer would have come too late */
    MARKET_FAULT_UNAVAILABLE,
    MARKET_FAULT_THROTTLED, /* 429 for its own sake */
    MARKET_FAULT_OUTAGE,    /* a call went into one */
    MARKET_FAULT_STALE_READ,
    MARKET_FAULT_LATE_ORDER,
    MARKET_FAULT_LATE_CANCEL,
    MARKET_FAULT_CANCEL_FIRST, /* a cancel showed before its order */
    MARKET_FAULT_DUPLICATE,
    MARKET_FAULT_REORDERED,
    MARKET_FAULT_PARTIAL,
    MARKET_FAULT_HOOK_DUPLICATE,
    MARKET_FAULT_HOOK_LOST,
    MARKET_FAULT_RESTOCK,
    MARKET_FAULT_CLAMPED,
    MARKET_FAULT_MISMATCH,
    MARKET_FAULT_LOCKED,
    MARKET_FAULT_EDIT_PRICE,
    MARKET_FAULT_EDIT_FALL,
    MARKET_FAULT_CONTESTED,
    MARKET_FAULT_INSIDE_COUNT, /* those below leave the bounds */
    MARKET_FAULT_LAND_BEYOND = MARKET_FAULT_INSIDE_COUNT,
    MARKET_FAULT_LAND_TWICE,
    MARKET_FAULT_LIE,
    MARKET_FAULT_ORDER_BEYOND,
    MARKET_FAULT_READ_BEYOND,
    MARKET_FAULT_RESTOCK_UNTOLD,
    MARKET_FAULT_EDIT_RAISE,
    MARKET_FAULTS
};
const char *market_fault_name(enum market_fault fault);

struct market_counts {
    uint64_t calls[MARKET_ENDPOINTS];
    uint64_t writes;              /* items of pushes */
    uint64_t violations;          /* calls above a bucket, items above a listing's daily cap */
    uint64_t hasty;               /* calls before a Retry-After that was told had passed */
    uint64_t forbidden;           /* items pushed while writes were forbidden */
    uint64_t landed;              /* writes that took effect */
    uint64_t shoppers;            /* who came */
    uint64_t orders;              /* that were placed */
    uint64_t units;               /* sold with them */
    uint64_t turned_away;         /* lines that the counter (or the shop) did not allow */
    uint64_t cancelled, returned; /* orders */
    uint64_t rival_moves;
    uint64_t fault[MARKET_FAULTS];
};
struct market_counter_book {
    int64_t initial, written, edited, restocked, sold, now;
    uint32_t writes; /* that landed */
};
struct market_sku_book {
    int64_t sold, cancelled, returned; /* units */
    int64_t open_max;                  /* the most of sold - cancelled - returned */
};
struct market_oversold {
    uint64_t sales;     /* after which more was sold than there is */
    int64_t units_most; /* by how many */
    uint32_t sku, channel;
    int64_t first_ms; /* of the first one */
};

const struct market_counts *market_counts(const struct market *market, uint32_t channel);
/* The counter of that listing (shared ones count all their listings). */
struct market_counter_book market_counter_book(const struct market *market, uint32_t channel,
                                               uint32_t listing);
struct market_sku_book market_sku_book(const struct market *market, uint32_t sku);
struct market_oversold market_oversold(const struct market *market);
/* Counters and SKUs that break a rule of the book; 0 is sound. */
uint32_t market_unbalanced(const struct market *market);
/* One number for all that has happened. */
uint64_t market_digest(const struct market *market);

/* What is true on the channel now. */
int32_t market_counter(const struct market *market, uint32_t channel, uint32_t listing);
int64_t market_price(const struct market *market, uint32_t channel, uint32_t listing);
int market_active(const struct market *market, uint32_t channel, uint32_t listing);
uint32_t market_listings(const struct market *market, uint32_t channel);
/* Writes that were sent and may still land. */
uint32_t market_writes_open(const struct market *market, uint32_t channel);
/* How much was made at market_create, and that it is all there ever is. */
uint64_t market_bytes(const struct market *market);

/* From now on the seller must not write here (observe, handback), or may again: what is written
 * all the same is done, and counted as forbidden. */
void market_forbid(struct market *market, uint32_t channel, int forbidden);
/* An outage that begins now; and somebody else's hand on a counter or price. */
void market_outage(struct market *market, uint32_t channel, int64_t length_ms);
void market_edit(struct market *market, uint32_t channel, uint32_t listing, enum market_field field,
                 int64_t value);

#endif
