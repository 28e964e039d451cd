/* Secrets, from files or the environment as the instance's YAML says below `secrets:`. Stability:
 * stable. */
#ifndef STOCKADE_SECRET_H
#define STOCKADE_SECRET_H

#include <stockade/host.h>

#define STK_EXT_SECRET "stk.secret/1"

struct stk_host_secret {
    /* The secret of that name. STK_NOT_FOUND: the config names none. The bytes are lent until the
     * next call of get or until deactivate; ask again rather than keep a copy, it may have been
     * rotated. Never log it, never put it into a message or a key-value.
     * Local. [plugin-thread & ready or active] */
    stk_status_t (*get)(const struct stk_host *host, const char *name, struct stk_bytes *value);
};

#endif
