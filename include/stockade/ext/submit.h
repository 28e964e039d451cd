/* Events in: what happened at the channel, and how far it was read, become durable as one command.
 * Stability: stable. */
#ifndef STOCKADE_SUBMIT_H
#define STOCKADE_SUBMIT_H

#include <stockade/plugin.h>

#define STK_EXT_SUBMIT "stk.submit/1" /* of both sides */

#define STK_SUBMIT_OPEN_MAX 8u /* under way at once; STK_BUSY beyond it */

struct stk_ask_submit {
    struct stk_ask_head head;   /* STK_ASK_SUBMIT */
    struct stk_messages events; /* STK_SPACE_EVENT; 0..STK_CALL_ITEMS_MAX, applied in this order */
    struct stk_text cursor_key; /* a key of ext/kv.h: the name of a feed for its poll, or one of
                                   the plugin's; absent = no cursor moves */
    struct stk_text cursor_value; /* what the next poll shall begin from; at most
                                     STK_CURSOR_SIZE_MAX bytes of anything; absent = forget it */
    int64_t watermark_ms;         /* every sale made at the channel before this has been submitted,
                                     with this message or earlier. 0 = nothing is said. It never
                                     goes back. Only of a plugin that declares it in its manifest:
                                     *guaranteed* mode rests on it; when in doubt, say nothing */
    uint64_t poll;                /* number of the poll that these events answer; 0 = none */
};

/* One per event, in their order. */
struct stk_event_answer {
    stk_status_t status; /* STK_OK; a repeat answers what the first one did. Refusals by content or
                            state (STK_CONFLICT, STK_STALE, STK_NOT_FOUND ...) are answers, durable
                            and shown to a person; sending it again does not help */
    uint32_t shortfall;  /* order: units that stock does not cover */
    stk_seq_t sequence;  /* of its effect; 0 = it changed nothing */
};
struct stk_reply_submit {
    struct stk_reply_head head; /* STK_OK: events and cursor are durable, answers says each.
                                   Otherwise nothing happened and no cursor moved: STK_BUSY,
                                   STK_FULL, STK_NO_SPACE (again later), STK_STOPPING, STK_UNKNOWN
                                   or STK_INVALID: event `bad_index` cannot be taken */
    struct stk_list answers;    /* struct stk_event_answer */
    uint32_t bad_index;
    uint32_t reserved;    /* zero */
    struct stk_text text; /* one line: what is wrong with that event */
};

struct stk_host_submit {
    /* Asynchronous: submit_done. Copied before it returns. STK_UNKNOWN, STK_MALFORMED, STK_INVALID
     * at once, where the message shows it by itself. [plugin-thread & active] */
    stk_status_t (*submit)(const struct stk_host *host, const struct stk_ask_submit *ask);
};

struct stk_plugin_submit {
    /* In the order of the submits. Now, and not before, the channel may be told that the events are
     * taken (a webhook answered, a queue's message deleted). The reply is lent for the call.
     * [plugin-thread & active] */
    void (*submit_done)(const struct stk_plugin *plugin, const struct stk_reply_submit *reply);
};

#endif
