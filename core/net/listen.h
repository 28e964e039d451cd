/* Listening sockets: Unix and TCP, and what to do when no fd is left.
 *
 * Threads: all of it on the loop's thread, or before it runs. Stability: internal. */
#ifndef STK_NET_LISTEN_H
#define STK_NET_LISTEN_H

#include "core/base/loop.h"

#define STK_ADDRESS_MAX 160 /* "unix:" and the longest path, or a host and a port */

enum stk_peer {
    STK_PEER_OWNER,    /* Unix socket, the engine's own user or root */
    STK_PEER_OTHER,    /* Unix socket, another user */
    STK_PEER_LOOPBACK, /* TCP from this machine */
    STK_PEER_FAR,
};

struct stk_listener;
/* address: "unix:/path" or "host:port", "[::1]:port"; port 0 takes any. The Unix socket has mode
 * 0600; a dead one of an earlier run is replaced, a live one is an error. The fd given to
 * accepted() is non-blocking and belongs to it. While no fd is to be had, accepting pauses for 100
 * ms. */
enum stk_status stk_listen_open(struct stk_listener **out, struct stk_loop *loop,
                                const char *address,
                                void (*accepted)(void *arg, int fd, enum stk_peer peer), void *arg,
                                struct stk_error *err);
/* As it can be connected to, with the port it got. */
const char *stk_listen_address(const struct stk_listener *listener);
void stk_listen_close(struct stk_listener *listener); /* NULL-safe; removes the Unix socket */

/* 1 when every address that this text means can be reached from this machine only. 0 also when it
 * means none: stk_listen_open will say why. */
int stk_address_is_local(const char *address);

#endif
