/* The wall between the two halves of the host: two bounded rings of flat messages in shared memory,
 * each with an eventfd. The other end may be another process and hostile: positions and sizes it
 * writes are believed only within bounds, and a message is copied before it is looked at.
 *
 * One thread for each end; both ends may stand in one thread. */
#ifndef STK_PLUG_LINK_H
#define STK_PLUG_LINK_H

#include "core/base/loop.h"
#include <stockade/event.h>

#define STK_LINK_BYTES (4u * 1024 * 1024) /* of each ring: a few of the largest messages */

struct stk_link;

/* The first end, and the memory. NULL: err says why. */
struct stk_link *stk_link_create(struct stk_error *err);
/* The other end, in this process. */
struct stk_link *stk_link_peer(const struct stk_link *link, struct stk_error *err);
/* What the other end needs in another process: memory, its wake-up, ours. They stay the link's. */
#define STK_LINK_FDS 3
void stk_link_fds(const struct stk_link *link, int fds[STK_LINK_FDS]);
/* The other end, there: fds as above, taken over also on failure. */
struct stk_link *stk_link_open(const int fds[STK_LINK_FDS], struct stk_error *err);
void stk_link_destroy(struct stk_link *link); /* NULL-safe */

/* on_message: a message is there, whole, in private memory, lent for the call; nothing else is
 * known of it. on_broken: the other end wrote what cannot be; nothing comes any more. The link must
 * not be destroyed within either. STK_NO_MEMORY. */
enum stk_status stk_link_attach(struct stk_link *link, struct stk_loop *loop,
                                void (*on_message)(void *arg, const void *message, uint32_t size),
                                void (*on_broken)(void *arg), void *arg);
void stk_link_detach(struct stk_link *link);

/* Copies message->size bytes. STK_BUSY: no room while `spare` bytes stay free; STK_TOO_LARGE;
 * STK_CORRUPT: the other end lies. */
enum stk_status stk_link_send(struct stk_link *link, const struct stk_message *message,
                              uint32_t spare);

#endif
