/* Webhooks in: the host listens at /hooks/<channel>, the plugin checks and reads. Stability:
 * stable. */
#ifndef STOCKADE_WEBHOOK_H
#define STOCKADE_WEBHOOK_H

#include <stockade/plugin.h>

#define STK_EXT_WEBHOOK_IN "stk.webhook-in/1" /* of both sides */

#define STK_WEBHOOK_BODY_MAX    (512u * 1024)
#define STK_WEBHOOK_HEADERS_MAX 100u

struct stk_webhook_header {
    struct stk_text name;  /* in lower case */
    struct stk_text value; /* bytes as they came, at most 8 KiB */
};
struct stk_call_webhook {
    struct stk_call_head head; /* STK_CALL_WEBHOOK; deadline_ms: when the sender's patience ends */
    struct stk_text method;    /* "POST" */
    struct stk_text path;      /* what follows /hooks/<channel>, "" or "/..." */
    struct stk_text query;     /* what follows ?, as it came */
    struct stk_text url;       /* the public address as the config gives it, for signatures */
    struct stk_list headers;   /* struct stk_webhook_header */
    struct stk_text body;      /* raw bytes, as they came: signatures are over these */
    int64_t received_at_ms;
};
struct stk_done_webhook {
    struct stk_done_head head;    /* STK_OK; otherwise the host answers 503 and the sender comes
                                     again */
    struct stk_text content_type; /* of the body */
    struct stk_text body;         /* most senders want none; a challenge wants one */
    uint32_t http_status;         /* 100..599 */
    uint32_t reserved;            /* zero */
};

struct stk_plugin_webhook {
    /* Check the signature over the raw body first, in constant time, before anything is parsed.
     * Then submit, and answer with webhook_done when submit_done has said that it is durable: a 2xx
     * before that loses what it was about. A bad signature is a 401 or what the sender expects.
     * STK_BUSY: the host answers 503. Lent for the call. [plugin-thread & active] */
    stk_status_t (*receive)(const struct stk_plugin *plugin, const struct stk_call_webhook *call);
};

struct stk_host_webhook {
    /* The answer; copied. STK_NOT_FOUND: no such call is open; STK_STALE: the sender has gone.
     * [plugin-thread & active] */
    stk_status_t (*webhook_done)(const struct stk_host *host, const struct stk_done_webhook *done);
};

#endif
