/* Small durable values of an instance: tokens, ids of feeds that are under way. Stability: stable.
 *
 * Cursors are key-values too, written together with their events (ext/submit.h). Keys are texts of
 * 1 to STK_EVENT_ID_MAX bytes, values 1 to STK_KV_VALUE_MAX bytes of anything. They live as long as
 * the channel does, restarts and reloads of a new build included. */
#ifndef STOCKADE_KV_H
#define STOCKADE_KV_H

#include <stockade/plugin.h>

#define STK_EXT_KV "stk.kv/1" /* of both sides */

#define STK_KV_VALUE_MAX (16u * 1024)
#define STK_KV_KEYS_MAX  1024u /* of one instance; STK_FULL beyond it */
#define STK_KV_OPEN_MAX  16u   /* asks under way at once; STK_BUSY beyond it */

struct stk_ask_kv_get {
    struct stk_ask_head head; /* STK_ASK_KV_GET */
    struct stk_text key;
};
struct stk_reply_kv_get {
    struct stk_reply_head head; /* STK_OK, STK_NOT_FOUND, STK_STOPPING */
    struct stk_text value;
};

struct stk_kv_entry {
    struct stk_text key;
    struct stk_text value; /* absent = forget it; forgetting what is not there is fine */
};
struct stk_ask_kv_put {
    struct stk_ask_head head; /* STK_ASK_KV_PUT */
    struct stk_list entries;  /* struct stk_kv_entry; all of them or none */
};
struct stk_reply_kv_put {
    struct stk_reply_head head; /* STK_OK: durable; STK_FULL, STK_NO_SPACE, STK_STOPPING */
};

struct stk_host_kv {
    /* Asynchronous: get_done, put_done. A get sees the puts before it.
     * [plugin-thread & active] */
    stk_status_t (*get)(const struct stk_host *host, const struct stk_ask_kv_get *ask);
    stk_status_t (*put)(const struct stk_host *host, const struct stk_ask_kv_put *ask);
};

struct stk_plugin_kv {
    /* The reply is lent for the call. [plugin-thread & active] */
    void (*get_done)(const struct stk_plugin *plugin, const struct stk_reply_kv_get *reply);
    void (*put_done)(const struct stk_plugin *plugin, const struct stk_reply_kv_put *reply);
};

#endif
