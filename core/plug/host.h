/* The side of the plugin: one instance, its life, the host's functions that it may call, and the
 * calls that it gets. It talks to the side of the engine (channel.h) by a link alone, so that it
 * stands in the engine's process or in a child without knowing which.
 *
 * Threads: create on the main thread; all else, destroy included, on the thread of the loop. */
#ifndef STK_PLUG_HOST_H
#define STK_PLUG_HOST_H

#include "core/plug/link.h"

struct stk_hosting;

struct stk_hosting_options {
    const char *instance; /* the channel's name */
    const char *path;     /* of the plugin's file */
    const char *name;     /* what struct stk_host says it is */
    struct stk_loop *loop;
    struct stk_link *link;     /* its end; stays the caller's, and outlives it */
    void (*on_end)(void *arg); /* CLOSED was said, or the link is broken: end the loop */
    void *arg;
};

/* Opens the file and makes the instance; nothing runs yet. NULL: err says why. */
struct stk_hosting *stk_hosting_create(const struct stk_hosting_options *options,
                                       struct stk_error *err);
/* Begins to listen to the link. */
enum stk_status stk_hosting_begin(struct stk_hosting *hosting, struct stk_error *err);
/* Deactivates and destroys the instance, closes the file. NULL-safe. */
void stk_hosting_destroy(struct stk_hosting *hosting);

#endif
