/* One bucket of a call budget: a rate of tokens with a burst, windows (calendar or sliding), a
 * limit of calls under way, a hold. Exact: rates are rationals, nothing is ever rounded up. The
 * tree of buckets, and what a call is, stand in throttle.h; nobody else calls the functions here.
 *
 * Pure: no clock, no allocation, no pointer inside. One thread at a time. Stability: internal. */
#ifndef STK_FLOW_BUCKET_H
#define STK_FLOW_BUCKET_H

#include "core/flow/calendar.h"

#define STK_BUCKET_NONE UINT8_MAX /* the parent of a root */

/* flags of a bucket */
#define STK_BUCKET_CALLS 0x01 /* each call costs 1 here, whatever its cost */
#define STK_BUCKET_RAISE                                                                           \
    0x02                      /* headers may raise limits, levels and counts, not only lower them  \
                               */
#define STK_BUCKET_PHASE 0x04 /* headers may bring the reset of a fixed window forward */

/* `tokens` each `period_ms`, at most `burst` saved up. tokens 0: no rate. */
struct stk_rate {
    uint32_t tokens;
    uint32_t burst;
    int64_t period_ms;
};

enum stk_window_kind { STK_WINDOW_NONE, STK_WINDOW_FIXED, STK_WINDOW_SLIDING };

struct stk_window_config {
    uint8_t kind;
    uint32_t limit; /* tokens in each window, or in any stretch of period_ms */
    int64_t period_ms;
    int64_t
        phase_ms; /* fixed: one begins at phase_ms after 1970; midnight of +08:00 is -28800000 */
};

struct stk_bucket_config {
    char name[STK_BUCKET_NAME_MAX]; /* unique, ended by zero; by it a stored image finds its bucket
                                     */
    uint8_t parent;                 /* a smaller index, or STK_BUCKET_NONE */
    uint8_t flags;
    uint8_t reserve_percent; /* of burst, windows and calls under way, kept for urgent; 0 to 90 */
    uint32_t calls_max;      /* under way at a time; 0: no limit */
    int64_t jitter_ms;       /* two calls may come closer together than they were sent, by this */
    struct stk_rate rate;
    struct stk_window_config window[STK_BUCKET_WINDOWS_MAX];
};

/* State of a window. */
struct stk_window {
    uint32_t limit;             /* in force */
    uint32_t used, used_urgent; /* in this window; foreign calls included, once we heard of them */
    uint32_t before, after,
        after_urgent;            /* fixed, near a reset: what may count in its neighbours too */
    stk_time_t begin_ms, end_ms; /* fixed */
    uint32_t slide;              /* sliding: which of the slides */
};
/* The log of a sliding window, coarse where it must be: an entry leaves when its last call does. */
struct stk_slide {
    uint32_t first, count;
    stk_time_t newest_from_ms; /* the first call of the newest entry */
    struct {
        stk_time_t last_ms;
        uint32_t used, urgent;
    } entry[STK_SLIDE_ENTRIES];
};
struct stk_bucket {
    struct stk_bucket_config config;
    struct stk_rate rate;  /* in force */
    int64_t level;         /* in 1 / (100 * period_ms) tokens; below zero is a debt */
    int64_t level_at;      /* the pace's `flow` at which that was so */
    stk_time_t hold_ms;    /* no call before; 0: none */
    stk_time_t learned_ms; /* until then rate and limits are the channel's; 0: as declared */
    int64_t cost_under_way;
    uint32_t calls, calls_urgent; /* under way */
    uint32_t fails;               /* in a row */
    struct stk_window window[STK_BUCKET_WINDOWS_MAX];
};

/* What a channel's answer says about one bucket. Negative numbers, and reset_ms 0: not said. */
#define STK_PART_RATE   0
#define STK_PART_WINDOW 1 /* the first window; + 1: the second */
struct stk_news {
    int part;
    int64_t limit;       /* the burst, or the tokens of the window */
    int64_t remaining;   /* tokens left, ours and those of others on the same account */
    int64_t rate_tokens; /* rate: tokens each rate_period_ms */
    int64_t rate_period_ms;
    stk_time_t reset_ms; /* window: when `remaining` is `limit` again */
};
#define STK_NEWS(part_) ((struct stk_news){part_, -1, -1, -1, -1, 0})

/* What is wrong with it, for people; NULL: nothing. */
const char *stk_bucket_fault(const struct stk_bucket_config *config);
/* Full and unused at the pace's now. Sliding windows take their slides from `slide_count` on. */
void stk_bucket_init(struct stk_bucket *bucket, const struct stk_bucket_config *config,
                     uint32_t *slide_count, const struct stk_pace *pace);
/* Brings it to the pace's now: refilled, windows rolled on, what is too old to be believed
 * forgotten. The functions below want that. */
void stk_bucket_to(struct stk_bucket *bucket, struct stk_slide *slides,
                   const struct stk_pace *pace);
/* As declared. */
void stk_bucket_forget(struct stk_bucket *bucket);
/* Largest cost that can ever pass. */
uint32_t stk_bucket_cost_max(const struct stk_bucket *bucket);
/* What a call of this cost costs here. */
uint32_t stk_bucket_cost(const struct stk_bucket *bucket, uint32_t cost);
/* When there is room for cost, calls under way apart; cost is at most stk_bucket_cost_max. */
stk_time_t stk_bucket_ready(const struct stk_bucket *bucket, const struct stk_slide *slides,
                            const struct stk_pace *pace, uint32_t cost, int urgent);
/* May one more call be under way? */
int stk_bucket_is_free(const struct stk_bucket *bucket, int urgent);
/* Charges it, room or not. */
void stk_bucket_spend(struct stk_bucket *bucket, struct stk_slide *slides, uint32_t cost,
                      int urgent, stk_time_t at_ms);
/* What was charged at at_ms was never spent: never more comes back than if it had not been. */
void stk_bucket_unspend(struct stk_bucket *bucket, struct stk_slide *slides,
                        const struct stk_pace *pace, uint32_t cost, int urgent, stk_time_t at_ms);
/* The channel gives back now, in full, what it had charged at at_ms. */
void stk_bucket_refund(struct stk_bucket *bucket, struct stk_slide *slides,
                       const struct stk_pace *pace, uint32_t cost, int urgent, stk_time_t at_ms);
enum stk_status stk_bucket_learn(struct stk_bucket *bucket, struct stk_slide *slides,
                                 const struct stk_pace *pace, const struct stk_news *news);
/* An entry of a stored sliding window, oldest first. */
void stk_bucket_restore_slide(struct stk_bucket *bucket, struct stk_slide *slides, int which,
                              uint32_t used, uint32_t urgent, stk_time_t last_ms);
/* Another rate from now on (for a stored image): what is saved up is worth as many tokens. */
void stk_bucket_set_rate(struct stk_bucket *bucket, struct stk_rate rate);
/* Whole tokens of the rate that are left, below zero a debt; INT64_MAX: no rate. */
int64_t stk_bucket_tokens(const struct stk_bucket *bucket);

/* "0.0056" a second: 56 tokens each 10,000 s. Decimal, at most 6 digits after the point;
 * STK_INVALID for anything else and for 0. Sets tokens and period_ms only. */
enum stk_status stk_rate_parse(struct stk_bytes text, struct stk_rate *rate);

#endif
