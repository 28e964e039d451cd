/* Discovery: which listings are there. Stability: stable. */
#ifndef STOCKADE_DISCOVERY_H
#define STOCKADE_DISCOVERY_H

#include <stockade/plugin.h>

#define STK_EXT_DISCOVERY "stk.discovery/1" /* of both sides */

struct stk_call_discover {
    struct stk_call_head head; /* STK_CALL_DISCOVER */
    struct stk_text cursor;    /* as the answer before gave it; absent = from the beginning */
};
struct stk_done_discover {
    struct stk_done_head head; /* STK_OK: an STK_EVENT_LISTING is durable for each of this page */
    struct stk_text cursor;    /* of the next page, at most STK_CURSOR_SIZE_MAX bytes; absent = that
                                  was the last one: what was not found is gone */
    int64_t total;             /* listings there are; STK_ABSENT = not told */
    uint32_t listing_count;    /* of this page */
    uint32_t reserved;         /* zero */
};

struct stk_plugin_discovery {
    /* Read one page of the shop's listings, variants one by one, submit them, answer with
     * discover_done. Lent for the call. [plugin-thread & active] */
    stk_status_t (*discover)(const struct stk_plugin *plugin, const struct stk_call_discover *call);
};

struct stk_host_discovery {
    /* The answer; copied. STK_NOT_FOUND: no such call is open; STK_STALE: after the deadline.
     * [plugin-thread & active] */
    stk_status_t (*discover_done)(const struct stk_host *host,
                                  const struct stk_done_discover *done);
};

#endif
