/* What the host asks of a plugin: pushes of granted values, polls, read-backs, discovery; when, how
 * much, and what became of it. One thread: the channel's. */
#ifndef STK_PLUG_COURIER_H
#define STK_PLUG_COURIER_H

#include "core/plug/desk.h"

struct stk_courier;

struct stk_courier_options {
    int64_t flush_ms;     /* between normal flushes; what is urgent does not wait for one */
    int64_t poll_ms;      /* between polls of orders */
    int64_t read_back_ms; /* between looks at a sample */
    int64_t since_ms;     /* first contact: orders of so long ago; 0 = all */
};

/* NULL: out of memory. desk outlives it. */
struct stk_courier *stk_courier_create(struct stk_desk *desk,
                                       const struct stk_courier_options *options,
                                       struct stk_error *err);
void stk_courier_destroy(struct stk_courier *courier); /* NULL-safe */

/* The plugin is active: polls at once. */
void stk_courier_begin(struct stk_courier *courier);
/* No new calls; 1 while some are under way. */
int stk_courier_drain(struct stk_courier *courier);
/* The plugin is gone or inactive: what is under way has an unknown outcome, and the engine hears
 * so.
 */
void stk_courier_drop(struct stk_courier *courier);
/* Whatever is due: after answers, and each 50 ms or so. */
void stk_courier_tick(struct stk_courier *courier);

/* A checked answer of the plugin. */
void stk_courier_done(struct stk_courier *courier, const struct stk_message *done);
/* The plugin did not take the call: nothing of it was done. */
void stk_courier_refused(struct stk_courier *courier, uint64_t call, enum stk_status status);

#endif
