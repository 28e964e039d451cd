/* Channels as outlets: how far each may be written to, its quantity policy, and for each listing
 * and field what the channel was told and what it was seen to have. Engine thread only.
 *
 * A published thing (listing, kind) is in no list, in one of the channel's queues (to be sent when
 * budget allows), or waiting (on its way, or held back until a time). Queues keep keys, never
 * values: the value is taken when it is granted. */
#ifndef STK_STATE_CHANNEL_H
#define STK_STATE_CHANNEL_H

#include "core/base/limits.h"
#include "core/base/mem.h"
#include <stockade/types.h>

/* What is published of a listing: enum stk_published of <stockade/event.h> less one. Numbers are on
 * disk. */
enum stk_publish_kind {
    STK_PUBLISH_QUANTITY,
    STK_PUBLISH_PRICE,
    STK_PUBLISH_SALE_PRICE,
    STK_PUBLISH_LIST_PRICE,
    STK_PUBLISH_GROUP_PRICE,
    STK_PUBLISH_TIER_PRICE,
    STK_PUBLISH_ACTIVE,
    STK_PUBLISH_KINDS
};

/* How far the engine may go on a channel, per kind. Numbers are on disk. */
enum stk_step {
    STK_STEP_OBSERVE,   /* nothing is written */
    STK_STEP_ZERO_ONLY, /* quantities may go to zero */
    STK_STEP_LOWER,     /* values may fall */
    STK_STEP_FULL,
    STK_STEPS
};

enum stk_quantity_mode { STK_MODE_SHARED, STK_MODE_GUARANTEED, STK_MODES };

/* A call is spent by value: the first class first; what waits long rises (STK_AGEING_MS). */
enum stk_publish_class {
    STK_CLASS_URGENT,     /* to zero, or above what is promised */
    STK_CLASS_CORRECTION, /* a repair, a guard's correction */
    STK_CLASS_BACK,       /* back in stock */
    STK_CLASS_PRICE,
    STK_CLASS_REST,
    STK_CLASSES
};

enum stk_publish_state {
    STK_PUBLISH_NEVER, /* nothing was sent yet */
    STK_PUBLISH_ON_WAY,
    STK_PUBLISH_ACCEPTED, /* the channel said yes */
    STK_PUBLISH_OBSERVED, /* and it was seen there */
    STK_PUBLISH_REFUSED,
    STK_PUBLISH_UNKNOWN,   /* sent, no answer: it may be there or not */
    STK_PUBLISH_DRIFTED,   /* seen with another value, and that lasted; being repaired */
    STK_PUBLISH_CONTESTED, /* somebody else writes it: repairs have stopped, a person decides */
    STK_PUBLISH_LOCKED,    /* by the channel */
    STK_PUBLISH_IN_REVIEW, /* by the channel */
    STK_PUBLISH_STATES
};

/* Bits of `known`. */
#define STK_KNOWN_DESIRED  1u
#define STK_KNOWN_SENT     2u
#define STK_KNOWN_ACCEPTED 4u
#define STK_KNOWN_OBSERVED 8u

#define STK_LIST_NONE    0
#define STK_LIST_WAITING (STK_CLASSES + 1) /* 1 .. STK_CLASSES: the queue of class n - 1 */
#define STK_LIST_LOOKING (STK_CLASSES + 2) /* nothing is sent before it was read back */
#define STK_LISTS        (STK_CLASSES + 3)

struct stk_publication {
    uint32_t next_of_listing; /* STK_NONE */
    stk_listing_t listing;    /* STK_NONE = free */
    uint32_t next, prev;      /* of its list; STK_NONE */
    uint32_t attempts;        /* grants in a row that came to nothing */
    stk_channel_t channel;
    uint8_t kind, list, state, known, repairs, on_disk;
    int64_t desired;      /* prices: what is wanted; quantities: as it was last computed */
    int64_t sent;         /* quantities in units, prices in minor units, active 0 or 1 */
    int64_t accepted;     /* what the channel took */
    int64_t observed;     /* what was read there */
    uint64_t grant;       /* number of the last one; see stk_grant_number */
    stk_time_t queued_ms; /* in a queue since */
    stk_time_t due_ms;    /* waits until, or was looked at then */
    stk_time_t until_ms;  /* durable: an answer is waited for, or nothing is tried, until then */
    stk_time_t sent_ms, accepted_ms, observed_ms;
    stk_time_t drift_ms; /* first of the repairs that are counted */
    uint32_t promise;    /* slot in promises + 1; 0 = none */
    uint8_t restarted;   /* windows of before the start were closed */
    uint8_t unused[3];
};
_Static_assert(sizeof(struct stk_publication) == 136, "one or two of them a listing");

#define STK_GRANT_NUMBER_MAX 0x1fffffffu
/* The number of a grant says by itself what it is about, also after a restart. */
static inline uint64_t stk_grant_number(stk_listing_t listing, unsigned kind, uint32_t number)
{
    return (uint64_t)listing << 32 | (uint64_t)kind << 29 | (number & STK_GRANT_NUMBER_MAX);
}
static inline stk_listing_t stk_grant_listing(uint64_t grant)
{
    return (stk_listing_t)(grant >> 32);
}
static inline unsigned stk_grant_kind(uint64_t grant)
{
    return (unsigned)(grant >> 29) & 7;
}
_Static_assert(STK_PUBLISH_KINDS <= 8, "three bits");

struct stk_queue {
    uint32_t first, last, count; /* STK_NONE */
};

struct stk_channel {
    /* in its row */
    uint8_t used, paused, handing_back, mode, held; /* held: by the breaker */
    uint8_t step[STK_PUBLISH_KINDS];
    uint8_t canary_percent; /* of the listings, by a hash of their ids; 100 = all */
    uint8_t share_percent;  /* of what is available; 100 = all */
    uint8_t breaker_percent;
    uint32_t cap, buffer, last_units; /* 0 = none */
    uint32_t lag_ms;                  /* a value is seen there so long after it was taken */
    uint32_t risk_e6;                 /* wanted oversell risk of a last unit, in 1e-6 */
    stk_time_t watermark_ms;          /* every sale before has been submitted */
    uint8_t write, proof, restocks;   /* numbers of promise.h; 0 = not declared */
    int64_t apply_ms, read_ms, order_ms, cancel_ms;     /* A, R, L, Lc; widened by what was seen */
    uint32_t flush_asked, discover_asked, resync_asked; /* counts: the channel's thread compares */
    /* not in its row */
    uint32_t listings; /* published quantities */
    uint32_t in_state[STK_PUBLISH_STATES];
    stk_time_t window_ms; /* the breaker's window began */
    uint32_t window_zeroed, window_repriced;
    struct stk_queue list[STK_LISTS]; /* [0] is not used */
};

struct stk_channels {
    struct stk_channel *channel; /* STK_CHANNELS_MAX of them */
    struct stk_pool published;
    struct stk_pool promises;   /* struct stk_promise, of counters in guaranteed mode */
    uint32_t *first_of_listing; /* by listing: slot + 1; 0 = none */
    uint32_t listings;          /* capacity */
    uint32_t sweep; /* listing that a sweep over all goes on with; STK_NONE = there is none */
};

enum stk_status stk_channels_init(struct stk_channels *channels, uint32_t listings,
                                  uint32_t published, uint32_t promises, struct stk_error *err);
void stk_channels_fini(struct stk_channels *channels); /* also a zeroed one */

static inline struct stk_channel *stk_channel_at(const struct stk_channels *channels,
                                                 stk_channel_t number)
{
    return &channels->channel[number];
}
static inline struct stk_publication *stk_published_at(const struct stk_channels *channels,
                                                       uint32_t slot)
{
    return (struct stk_publication *)stk_pool_at(&channels->published, slot);
}
/* Set up an unused channel: observes, shared, no limits. */
void stk_channel_open(struct stk_channels *channels, stk_channel_t number);

/* Slot or STK_NONE. */
uint32_t stk_published_find(const struct stk_channels *channels, stk_listing_t listing,
                            enum stk_publish_kind kind);
uint32_t stk_published_first(const struct stk_channels *channels, stk_listing_t listing);
/* The caller has looked that there is none. STK_NONE when full. */
uint32_t stk_published_add(struct stk_channels *channels, stk_listing_t listing,
                           stk_channel_t channel, enum stk_publish_kind kind);
void stk_published_remove(struct stk_channels *channels, uint32_t slot);
void stk_published_state(struct stk_channels *channels, uint32_t slot,
                         enum stk_publish_state state);

/* Into the queue of this class; one that is there in a better class, or has waited longer, stays.
 */
void stk_published_queue(struct stk_channels *channels, uint32_t slot, enum stk_publish_class class,
                         stk_time_t now_ms);
void stk_published_wait(struct stk_channels *channels, uint32_t slot, stk_time_t until_ms);
/* A read-back is wanted before anything is sent. */
void stk_published_look(struct stk_channels *channels, uint32_t slot);
void stk_published_idle(struct stk_channels *channels, uint32_t slot);
/* The one that is to be sent next, or STK_NONE: the best class, a class better for each
 * STK_AGEING_MS that it has been in a queue. It stays there. */
uint32_t stk_channel_next(const struct stk_channels *channels, stk_channel_t number,
                          stk_time_t now_ms);
/* One that has waited long enough, or STK_NONE; at most `*looks` of the waiting are looked at (it
 * counts down), the next call goes on where this one ended. */
uint32_t stk_channel_due(struct stk_channels *channels, stk_channel_t number, stk_time_t now_ms,
                         uint32_t *looks);
/* The next one that is to be read back, not again within STK_LOOK_MS; or STK_NONE. */
uint32_t stk_channel_look(struct stk_channels *channels, stk_channel_t number, stk_time_t now_ms);
uint32_t stk_channel_queued(const struct stk_channels *channels, stk_channel_t number);
/* When the longest queued one was queued; INT64_MAX: none. */
stk_time_t stk_channel_oldest_ms(const struct stk_channels *channels, stk_channel_t number);

#endif
