/* What a market is made of: channels, their bounds, their faults. Stability: internal, may change.
 *
 * Everything is a plain number, so that a whole market is its config and one seed. Chances are
 * _ppm (parts per million), times virtual milliseconds. */
#ifndef SIMULATOR_CONFIG_H
#define SIMULATOR_CONFIG_H

#include <stdint.h>

#define MARKET_CHANNELS_MAX     8
#define MARKET_LOCATIONS_MAX    64
#define MARKET_APPLICATIONS_MAX 4
#define MARKET_PARTS_MAX        4 /* SKUs in a kit */
#define MARKET_LINES_MAX        4 /* lines of an order */
#define MARKET_RIVALS_MAX       8
#define MARKET_HOUR_MS          INT64_C(3600000)
#define MARKET_DAY_MS           INT64_C(86400000)

/* How a channel's counter is written. A shop has no counter: it asks before it sells. */
enum market_kind { MARKET_SET, MARKET_ADJUST, MARKET_CAS, MARKET_SHOP };
/* What proves that a write took effect: the call's own answer, a report asked for later, or only a
 * read-back (the answer says accepted, whatever becomes of it). */
enum market_proof { MARKET_PROOF_ANSWER, MARKET_PROOF_REPORT, MARKET_PROOF_READ };
/* When the channel puts units back on sale by itself. */
enum market_restock { MARKET_RESTOCK_NEVER, MARKET_RESTOCK_CANCEL, MARKET_RESTOCK_REFUND };
/* INSIDE: every fault stays within what the channel declares. BROKEN: it does not. CALM: none. */
enum market_programme { MARKET_CALM, MARKET_INSIDE, MARKET_BROKEN };

enum market_endpoint {
    MARKET_ORDERS,
    MARKET_PUSH,
    MARKET_REPORT,
    MARKET_READ,
    MARKET_DISCOVER,
    MARKET_OFFERS,
    MARKET_ENDPOINTS
};

/* A token bucket: full at the start with `burst`, `refill` tokens more every `period_ms`, evenly.
 * A call costs one. burst 0 = no bucket. */
struct market_quota {
    int64_t burst, refill, period_ms;
};

/* How often what goes wrong. The second group leaves the declared bounds. */
struct market_faults {
    uint32_t slow_ppm;        /* a write lands between A/2 and A instead of soon */
    uint32_t drop_ppm;        /* accepted, never done (proof READ only) */
    uint32_t refuse_ppm;      /* an item is refused in the answer */
    uint32_t late_refuse_ppm; /* an item is refused when it should land (ANSWER, REPORT) */
    uint32_t late_report_ppm; /* a report comes report_late_max_ms after the last landing */
    uint32_t lost_call_ppm;   /* nothing done, the caller waits in vain */
    uint32_t lost_answer_ppm; /* done, the caller waits in vain */
    uint32_t unavailable_ppm; /* 503: surely nothing done */
    uint32_t throttle_ppm;    /* 429 although every bucket has tokens */
    uint32_t stale_read_ppm;  /* a read-back as old as R allows, else it is fresh */
    uint32_t late_order_ppm;  /* an order shows as late as L allows, a cancel as late as Lc */
    uint32_t duplicate_ppm;   /* a page begins before its cursor; a webhook comes again */
    uint32_t reorder_ppm;     /* neighbours in a page change places; webhooks overtake */
    uint32_t lost_hook_ppm;   /* a webhook never comes */
    uint32_t partial_ppm;     /* a page is shorter than it could be */
    uint32_t contested_ppm;   /* of all listings: somebody puts our price back each time */
    int64_t outage_every_ms, outage_ms; /* means; 0 = no outages */
    int64_t lock_every_ms, lock_ms;     /* a listing is locked or under review */
    int64_t edit_every_ms;              /* staff changes a price or takes units off a counter */

    uint32_t land_beyond_ppm;  /* a write lands up to 5 A after it was sent */
    uint32_t land_twice_ppm;   /* a write lands once more, later */
    uint32_t lie_ppm;          /* the proof says applied, nothing was done */
    uint32_t order_beyond_ppm; /* an order shows up to 5 L late, a cancel 5 Lc */
    uint32_t read_beyond_ppm;  /* a read-back up to 5 R old */
    uint32_t restock_ppm;      /* a cancel restocks although the channel says it never does */
    uint32_t raise_ppm;        /* of the edits: somebody raises a counter */
};

struct market_channel {
    enum market_kind kind;
    enum market_proof proof;
    enum market_restock restock;
    int clamps;           /* adjust below zero stops at zero; otherwise the item is refused */
    int tells_watermark;  /* complete pages carry one */
    int tells_quota;      /* answers carry remaining and limit */
    int tells_retry;      /* 429 carries Retry-After */
    uint64_t ships_from;  /* bit per location, for the book's check; 0 = from everywhere */
    uint32_t application; /* whose application bucket it draws on */

    int64_t land_max_ms;                    /* A */
    int64_t land_mean_ms;                   /* usually, on top of the latency */
    int64_t read_age_max_ms;                /* R */
    int64_t order_late_max_ms;              /* L */
    int64_t order_late_mean_ms;             /* usually */
    int64_t cancel_late_max_ms;             /* Lc */
    int64_t report_late_max_ms;             /* after the last landing */
    int64_t latency_min_ms, latency_max_ms; /* one call, there and back */
    int64_t timeout_ms;                     /* then the caller gives up: outcome unknown */
    int64_t closed_from_ms, closed_to_ms;   /* of the day: no writes taken; equal = always open */

    struct market_quota quota[MARKET_ENDPOINTS]; /* one per endpoint */
    struct market_quota account;                 /* over all endpoints */
    uint32_t listing_day_max;                    /* writes per listing and UTC day; 0 = any */
    uint32_t takes; /* bit (1 << enum market_kind) per further kind of write that it takes */
    uint32_t batch_max, page_max; /* items in one push or read, in one page */
    uint32_t calls_max;           /* calls in flight */
    uint32_t batches_max;         /* pushes whose results are kept */
    uint32_t writes_max;          /* writes not landed */
    uint32_t listings_max;
    uint32_t orders_max; /* orders that something is still to happen to */
    uint32_t events_max; /* events kept for polls */
    uint32_t hooks_max;  /* webhooks waiting to be fetched; 0 = the channel has none */

    int64_t orders_per_day;
    uint32_t hour_weight[24]; /* UTC hours; all zero = the same at every hour */
    uint32_t lines_max, units_max;
    uint32_t cancel_ppm, return_ppm;
    int64_t cancel_mean_ms, return_mean_ms;
    int64_t
        ship_mean_ms; /* what is not cancelled is shipped, says the channel; 0 = it says nothing */
    int64_t want_ttl_ms; /* shop: how long a shopper waits for an answer */

    uint32_t rivals;       /* on each listing */
    int64_t moves_per_day; /* of all rivals, beside their reactions */
    int64_t reaction_ms;   /* a rival answers our price after about this */
    struct market_faults faults;
};

struct market_config {
    uint64_t seed;
    int64_t start_ms; /* virtual time at the beginning; hours of day count from it */
    uint32_t skus;
    uint32_t zipf_milli; /* exponent of the popularity of SKUs, 700 = 0.7 */
    uint32_t locations;  /* 0 = stock is not told, the book checks no oversell */
    uint32_t channel_count;
    uint32_t currency; /* three letters, as stk_currency_t */
    struct market_quota application[MARKET_APPLICATIONS_MAX];
    struct market_channel channel[MARKET_CHANNELS_MAX];
};

/* A sound config of three marketplaces (set, adjust, cas) and a shop: channel_count 4, change what
 * you like. */
void market_config_preset(struct market_config *config, uint64_t seed,
                          enum market_programme programme);
/* One channel of a kind, as real ones of that kind are. */
void market_channel_preset(struct market_channel *channel, enum market_kind kind,
                           enum market_programme programme);
/* Where a config is impossible: writes one line into why and returns -1; else 0. */
int market_config_check(const struct market_config *config, char *why, uint32_t why_size);

#endif
