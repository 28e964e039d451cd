/* Everything of one kind, in the order of its list: pages of ids, then what each of them is, many
 * calls in flight. One thread. */
#ifndef STK_STOCKADE_EACH_H
#define STK_STOCKADE_EACH_H

#include "tools/stockade/client.h"
#include <jansson.h>

struct each {
    const char *list;        /* "sku.list" */
    const json_t *params;    /* of the list verb, or NULL */
    const char *get;         /* "sku.get" */
    const char *const *keys; /* fields of a list's row that name the thing, NULL-terminated */
    const char *whole;       /* a list's row that has this field is all there is to know: no get */
    /* In order. row: of the list; thing: the answer of get. Other than STK_OK ends it. What was
     * removed between list and get is left out. */
    enum stk_status (*fn)(void *arg, const json_t *row, const json_t *thing, struct stk_error *err);
    void *arg;
};
/* STK_OK, what fn said, or what the engine or the connection said (err names the verb). */
enum stk_status each_thing(struct client *client, const struct each *each, struct stk_error *err);

#endif
