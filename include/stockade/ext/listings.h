/* Listing updates out, and looking at what the channel shows. Stability: stable.
 *
 * Each update is a *grant*: the engine's leave to send one value, durable before the call. It is
 * sent with exactly that value, once, or not at all; a resend is a new grant by the host. Nothing
 * below the plugin (HTTP library, proxy) may repeat it by itself. */
#ifndef STOCKADE_LISTINGS_H
#define STOCKADE_LISTINGS_H

#include <stockade/manifest.h>
#include <stockade/plugin.h>

#define STK_EXT_LISTING_UPDATES "stk.listing-updates/1" /* of both sides */

struct stk_update {
    uint64_t grant;
    struct stk_published_key key;
    int64_t value;           /* SET, CAS: units; ADJUST: the difference; prices: minor units;
                                ACTIVE: 0 or 1 */
    int64_t expected;        /* CAS: what the counter must be; else 0 */
    int64_t valid_from_ms;   /* sale price; 0 = at once */
    int64_t valid_to_ms;     /* sale price; 0 = without end */
    stk_currency_t currency; /* prices; else 0 */
    uint8_t write_kind;      /* enum stk_push_kind; prices and ACTIVE: SET */
    uint8_t reserved[3];     /* zero */
};
struct stk_call_push {
    struct stk_call_head head; /* STK_CALL_PUSH */
    struct stk_list updates;   /* struct stk_update, 1 to the manifest's push_*_max; in the order of
                                  their value: zeros first. At most one per key */
    int64_t send_before_ms;    /* what has not begun to leave by this wall time must not leave:
                                  STK_OUTCOME_NOT_SENT */
};
struct stk_done_push {
    struct stk_done_head head; /* STK_OK: results tell. Otherwise results may be there for some;
                                  the rest counts as STK_OUTCOME_UNKNOWN, unless not_sent is 1 */
    struct stk_list results;   /* struct stk_write_outcome, in any order, each grant at most once;
                                  with STK_OK every grant of the push */
    uint8_t not_sent;          /* 1: of those without a result no byte has left */
    uint8_t reserved[7];       /* zero */
};

struct stk_call_read_back {
    struct stk_call_head head; /* STK_CALL_READ_BACK */
    struct stk_list keys;      /* struct stk_published_key, 1 to the manifest's read_back_max */
};
struct stk_done_read_back {
    struct stk_done_head head; /* STK_OK: an STK_EVENT_OBSERVED is durable for each key that the
                                  channel knows, STK_EVENT_LISTING_GONE for the others */
    uint32_t observed_count;
    uint32_t reserved; /* zero */
};

struct stk_plugin_listing_updates {
    /* Send. Answered by push_done. STK_BUSY: not now, nothing was sent; any other status but STK_OK
     * too means that nothing has left. The message is lent for the call.
     * Channels that take a feed and report later answer STK_OUTCOME_ACCEPTED, keep the feed's id
     * with the grants in ext/kv.h, and submit an STK_EVENT_WRITE per grant when the report is
     * there, also after a restart. [plugin-thread & active] */
    stk_status_t (*push)(const struct stk_plugin *plugin, const struct stk_call_push *call);

    /* Look: ask the channel, not a cache, submit what it shows, then answer with read_back_done.
     * NULL when the manifest's read_back_max is 0. [plugin-thread & active] */
    stk_status_t (*read_back)(const struct stk_plugin *plugin,
                              const struct stk_call_read_back *call);
};

struct stk_host_listing_updates {
    /* The answer to a push; copied. STK_NOT_FOUND: no such call is open. STK_STALE: it came after
     * the deadline; results that prove something are still taken as STK_EVENT_WRITE.
     * STK_INVALID: a grant that was not in it. [plugin-thread & active] */
    stk_status_t (*push_done)(const struct stk_host *host, const struct stk_done_push *done);
    /* The answer to a read-back, as above. [plugin-thread & active] */
    stk_status_t (*read_back_done)(const struct stk_host *host,
                                   const struct stk_done_read_back *done);
};

#endif
