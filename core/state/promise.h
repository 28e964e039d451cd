/* The promise of a pool: how many units one counter at a channel may have sold unseen or can still
 * sell, at most (DESIGN.md 5, *guaranteed* mode). Pure arithmetic: no disk, no clock, no
 * allocation; time is an argument. Engine thread. Stability: inner, may change.
 *
 * U = stk_promise_units: (sold there and not yet seen here) + (still sellable there) <= U.
 *
 * A pool has at most 8 generations, the oldest first. The last one stands for the counter as it was
 * written last, or will be once the writes on their way have landed; older ones stand for units
 * sold from earlier counters and not seen yet. The invariant over pools is allot.h's.
 *
 * A write in the words of this file: `grant` gives it a number; its call ends by `applied`,
 * `refused` or `left` (no further byte of it will leave; what became of it is unknown), the first
 * two may also come after `left`. Whatever comes twice, or for a number that is settled, changes
 * nothing. A resend is a new grant. Every `at` and `now` is a time of our own clock. */
#ifndef STK_STATE_PROMISE_H
#define STK_STATE_PROMISE_H

#include <stddef.h>
#include <stockade/status.h>
#include <stockade/types.h>

#define STK_PROMISE_GENERATIONS 8
#define STK_PROMISE_UNKNOWN     UINT32_MAX /* U before first contact is done */
#define STK_PROMISE_BYTES_MAX   320        /* of stk_promise_write */

enum stk_write_kind {
    STK_WRITE_SET = 1, /* absolute */
    STK_WRITE_ADJUST,  /* relative */
    STK_WRITE_CAS,     /* absolute, if the counter has an expected value */
};
enum stk_proof_kind {
    STK_PROOF_ANSWER = 1, /* the synchronous answer */
    STK_PROOF_FEED,       /* the result of a feed, later */
    STK_PROOF_READBACK,   /* nothing but a read-back: `applied` is never called */
};
enum stk_restock_kind { STK_RESTOCK_NEVER = 0, STK_RESTOCK_CANCEL, STK_RESTOCK_REFUND };

/* What a channel declares. Measured values only widen them. */
struct stk_bounds {
    uint8_t write;       /* enum stk_write_kind */
    uint8_t proof;       /* enum stk_proof_kind */
    uint8_t restocks_on; /* enum stk_restock_kind */
    uint8_t unused[5];
    int64_t apply_ms;  /* A: a write takes effect within this after its last byte left, or never */
    int64_t read_ms;   /* R: the greatest age of a read-back */
    int64_t order_ms;  /* L: how late an order may show */
    int64_t cancel_ms; /* Lc: how late a cancellation that restocks may show */
};

/* What `grant` was asked for. */
struct stk_grant {
    uint8_t kind; /* enum stk_write_kind, that of the channel */
    uint8_t unused[3];
    int32_t value;   /* set, cas: the new counter, >= 0; adjust: the difference */
    uint32_t expect; /* cas: the counter that is expected */
};

enum stk_generation_state {
    STK_GENERATION_OPEN = 1, /* granted; bytes of it may still leave */
    STK_GENERATION_LEFT,     /* the call is over, what became of it is unknown; at_ms: when */
    STK_GENERATION_LANDED,   /* it is in force, or was; at_ms: its window closed */
    STK_GENERATION_RETIRING, /* overwritten for good; at_ms: it goes when W is later than this */
};
struct stk_generation {
    stk_time_t at_ms;
    uint32_t cap;    /* units; STK_PROMISE_UNKNOWN in the first one until first contact is done */
    uint32_t given;  /* what the grant added, to be taken back if it is refused; not for merged */
    uint32_t number; /* of its write; 0 = none, or merged */
    uint16_t cover;  /* low half of the first write granted after its window had closed; 0 = none */
    uint8_t state;   /* enum stk_generation_state */
    uint8_t kind;    /* 0: a counter by itself; else the write is part of the counter below it */
};

/* One pool. 8-byte aligned, no pointers: a slot, and an after-image. Zero is no promise: init. */
struct stk_promise {
    stk_time_t watermark;  /* W as far as this pool was told */
    stk_time_t breach_ms;  /* of the last breach; no rise until W is later; 0 = none */
    stk_time_t read_ms;    /* what the last counted read-back speaks of at the earliest; 0 = none */
    stk_time_t restock_ms; /* the latest restock by the channel that was added; 0 = none */
    uint32_t seen_s[2];    /* seconds since 1970; units of orders seen since then, two spans */
    uint32_t seen_units[2];
    uint32_t last_number; /* of a write */
    uint32_t expect;      /* of the last cas */
    uint8_t count;        /* of generations, 1 to 8 */
    uint8_t unused[7];
    struct stk_generation generation[STK_PROMISE_GENERATIONS];
};
_Static_assert(sizeof(struct stk_promise) == 256, "four cache lines, a million of them");

/* --- rule 0: first contact, or a switch to guaranteed --- */

/* U is unknown until a read-back, or an absolute write that is proven, and until W has passed that.
 * left_ms: when the last byte of an earlier write of ours may have left (0: there was none). While
 * a pool is unknown, nothing may rise in the cells that it may ship from. */
void stk_promise_init(struct stk_promise *p, stk_time_t left_ms);
/* After a start of ours, or when the channel's process was ended and nothing of it can leave any
 * more: windows of writes that were on their way count from now_ms. */
void stk_promise_restart(struct stk_promise *p, stk_time_t now_ms);

/* --- rules 2 to 5: a grant --- */

/* May this be granted now, when U may rise by `room` (stk_allot_room, in units of this pool)?
 * *units (may be NULL) is the U it leads to. set(0), adjust(-d) and a cas that lowers always fit.
 *   STK_SHORT  U would rise by more than room
 *   STK_STATE  not now: a rise while an unproven set is within its window, after a breach, or of a
 *              counter that is unknown; a cas while another one is on its way
 *   STK_INVALID  a value below 0, or of another kind than the channel's */
enum stk_status stk_promise_may_grant(const struct stk_promise *p, const struct stk_bounds *bounds,
                                      const struct stk_grant *grant, uint32_t room,
                                      stk_time_t now_ms, uint32_t *units);
/* The largest value that may_grant would allow: set: the counter; adjust: the rise; cas: the new
 * counter for `expect`. 0 (for cas at most `expect`) when nothing may rise. */
uint32_t stk_promise_limit(const struct stk_promise *p, const struct stk_bounds *bounds,
                           uint32_t expect, uint32_t room, stk_time_t now_ms);
/* Count it (may_grant said STK_OK). Its number, which all that follows is told. The call may leave
 * when this is durable. */
uint32_t stk_promise_grant(struct stk_promise *p, const struct stk_bounds *bounds,
                           const struct stk_grant *grant, stk_time_t now_ms);

/* --- what became of it --- */

/* The call is over without a word: time-out, connection lost, accepted but not proven yet. The last
 * byte left at at_ms or before. */
void stk_promise_left(struct stk_promise *p, uint32_t number, stk_time_t at_ms);
/* Proven applied; we learned it at at_ms. fell: for adjust(-d) by how much the counter really fell
 * (d, or less where the channel stops at zero; 0 if that is not known); else 0. */
void stk_promise_applied(struct stk_promise *p, const struct stk_bounds *bounds, uint32_t number,
                         stk_time_t at_ms, uint32_t fell);
/* Rule 6, and the mismatch of a cas: refused explicitly, it has not taken effect and will not. The
 * return is the breach: units that were taken off it although nothing else covers them (on a
 * channel that restocks, it may also be a cancellation that was not seen yet). */
uint32_t stk_promise_refused(struct stk_promise *p, uint32_t number, stk_time_t at_ms);

/* --- what else is seen --- */

/* Rule 1: units of an order. An order whose cancellation came first is told too, and then the
 * cancellation. The return is the breach: units beyond U (0: none), which take free units first. A
 * channel that restocks by itself waits with an order beyond U, or beyond what is free, up to Lc
 * before it calls this. */
uint32_t stk_promise_order(struct stk_promise *p, const struct stk_bounds *bounds, uint32_t units,
                           stk_time_t now_ms);
/* Rule 7: a read-back that was asked for at asked_ms and came at got_ms: the counter at some
 * instant from asked_ms - R to got_ms. STK_STALE and nothing changes when a window was not closed
 * before asked_ms - R, or something newer is known. *drift: units by which it is beyond what can
 * be: a foreign writer; it is counted. */
enum stk_status stk_promise_readback(struct stk_promise *p, const struct stk_bounds *bounds,
                                     uint32_t value, stk_time_t asked_ms, stk_time_t got_ms,
                                     uint32_t *drift);
/* Rule 8: the channel has put units of a cancelled order back on sale, not after at_ms (when that
 * is not known: now). */
void stk_promise_cancelled(struct stk_promise *p, uint32_t units, stk_time_t at_ms);
/* W has moved: every sale before it has been told by stk_promise_order. An earlier one is ignored.
 * Returns 1 when something changed: U fell, first contact is done, a breach is over. */
int stk_promise_watermark(struct stk_promise *p, stk_time_t watermark);

/* --- look --- */

/* U; STK_PROMISE_UNKNOWN until first contact is done. */
uint32_t stk_promise_units(const struct stk_promise *p);
/* Units of the counter as it was written last. */
uint32_t stk_promise_newest(const struct stk_promise *p);
/* What W must be later than before stk_promise_watermark changes anything; INT64_MAX: nothing
 * waits. */
stk_time_t stk_promise_waits_for(const struct stk_promise *p);
/* A `set` channel: when the same value should be granted again, because older counters can only
 * then retire; INT64_MAX: no need, or a call is not over yet. */
stk_time_t stk_promise_again_at(const struct stk_promise *p, const struct stk_bounds *bounds);
/* A read-back asked for before this would not count; INT64_MAX while a call is not over. */
stk_time_t stk_promise_readable_at(const struct stk_promise *p, const struct stk_bounds *bounds);
/* 1 when what holds always holds: for asserts and for what was read from disk. */
int stk_promise_sound(const struct stk_promise *p);
/* A bound after something later than it was seen: that x 1.5, never less than before. */
int64_t stk_promise_widened(int64_t bound_ms, int64_t seen_ms);

/* --- bytes of the after-image, versioned --- */

/* At most STK_PROMISE_BYTES_MAX; returns the end. */
uint8_t *stk_promise_write(const struct stk_promise *p, uint8_t *at);
/* STK_VERSION, STK_CORRUPT; *p is then undefined. All of size must be used. */
enum stk_status stk_promise_read(struct stk_promise *p, const void *data, size_t size);

#endif
