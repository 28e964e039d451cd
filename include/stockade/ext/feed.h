/* Feeds: what the host asks a plugin to fetch again and again. Stability: stable.
 *
 * Each kind of feed is an extension with an id of its own and these two structs: orders.h,
 * offers.h, and most of draft/. The host decides when (schedule, budget, a person's resync); the
 * plugin fetches from the cursor on, submits events and the next cursor, page after page, and
 * answers when the last submit is done. Nothing is asked twice at once of one kind. */
#ifndef STOCKADE_FEED_H
#define STOCKADE_FEED_H

#include <stockade/manifest.h>
#include <stockade/plugin.h>

struct stk_call_poll {
    struct stk_call_head head;  /* STK_CALL_POLL */
    struct stk_text cursor_key; /* under which the next cursor is to be submitted */
    struct stk_text cursor;     /* as it was submitted last; absent = from the beginning, or from
                                   since_ms on */
    int64_t since_ms;           /* first contact, or a resync that a person asked for: fetch from
                                   this time on whatever the cursor says; 0 = by the cursor */
    struct stk_list listings;   /* struct stk_listing_name: only these (offers); none = all */
    uint16_t kind;              /* enum stk_kind */
    uint16_t reserved[3];       /* zero */
};
struct stk_listing_name {
    struct stk_text listing; /* the channel's id */
    struct stk_text sku;     /* the seller's SKU there, if known */
};

struct stk_done_poll {
    struct stk_done_head head; /* STK_OK: read to the end as it was at started_ms, without error,
                                  and all of it is submitted durably */
    int64_t started_ms;        /* when the first page was asked for. Orders: a complete poll moves
                                  the watermark to started_ms - order_delay_ms, unless the plugin
                                  declares it itself */
    uint32_t event_count;
    uint8_t more;        /* 1: stopped in the middle (page limit, budget); poll again soon */
    uint8_t reserved[3]; /* zero */
};

struct stk_plugin_feed {
    /* Fetch. Answered by poll_done. STK_BUSY: not now. Lent for the call.
     * [plugin-thread & active] */
    stk_status_t (*poll)(const struct stk_plugin *plugin, const struct stk_call_poll *call);
};

struct stk_host_feed {
    /* The answer to a poll; copied. STK_NOT_FOUND: no such call is open, STK_STALE: it came after
     * the deadline. [plugin-thread & active] */
    stk_status_t (*poll_done)(const struct stk_host *host, const struct stk_done_poll *done);
};

#endif
