/* A shop's owner consents: `channel authorize`. Stability: stable.
 *
 * The host asks for the address where the owner consents, prints it, waits for the browser at
 * /hooks/<channel>/authorize or for a pasted address, and hands over what came. The plugin changes
 * the code for tokens, puts them into ext/kv.h, and says when they end. */
#ifndef STOCKADE_AUTHORIZE_H
#define STOCKADE_AUTHORIZE_H

#include <stockade/plugin.h>

#define STK_EXT_AUTHORIZE "stk.authorize/1" /* of both sides */

struct stk_call_consent {
    struct stk_call_head head;    /* STK_CALL_CONSENT */
    struct stk_text redirect_url; /* where the browser comes back to, as the config gives it */
    struct stk_text state; /* a random word of the host's, to be part of the address; the host
                              compares it when the browser comes back */
};
struct stk_done_consent {
    struct stk_done_head head;
    struct stk_text url; /* where the owner consents, at most 4 KiB */
};
struct stk_call_code {
    struct stk_call_head head; /* STK_CALL_CODE */
    struct stk_text query;     /* what came back after the ?, as it came: "code=...&state=..." */
    struct stk_text redirect_url;
};
struct stk_done_code {
    struct stk_done_head head; /* STK_OK: the tokens are durable */
    struct stk_text account;   /* whose shop it is, for people */
};

/* Until when the channel works without a person. No reply. */
struct stk_ask_expires {
    struct stk_ask_head head; /* STK_ASK_EXPIRES; call 0 */
    int64_t person_at_ms;     /* then a person must consent again; 0 = never. The host alarms 14, 7
                                 and 1 days before, and at once when it has passed */
    struct stk_text text;     /* what to do, one line for people */
};

struct stk_plugin_authorize {
    /* Answered by consent_done. Lent for the call. [plugin-thread & active] */
    stk_status_t (*consent)(const struct stk_plugin *plugin, const struct stk_call_consent *call);
    /* Answered by code_done. Lent for the call; the query is a secret. [plugin-thread & active] */
    stk_status_t (*code)(const struct stk_plugin *plugin, const struct stk_call_code *call);
};

struct stk_host_authorize {
    /* The answers; copied. STK_NOT_FOUND: no such call is open; STK_STALE: after the deadline.
     * [plugin-thread & active] */
    stk_status_t (*consent_done)(const struct stk_host *host, const struct stk_done_consent *done);
    stk_status_t (*code_done)(const struct stk_host *host, const struct stk_done_code *done);
    /* Say it after activate and whenever it changes. Copied. [plugin-thread & active] */
    stk_status_t (*expires)(const struct stk_host *host, const struct stk_ask_expires *ask);
};

#endif
