/* One event base per thread (libevent): fds, timers, and a way in from other threads. */
#ifndef STK_BASE_LOOP_H
#define STK_BASE_LOOP_H

#include "core/base/err.h"
#include <stdint.h>

struct stk_loop;
struct stk_loop_fd;
struct stk_loop_timer;

#define STK_LOOP_READ  1
#define STK_LOOP_WRITE 2

struct stk_loop *stk_loop_create(struct stk_error *err);
/* Runs until stk_loop_stop, and not at all when that came before. The calling thread owns the loop
 * from here on. */
void stk_loop_run(struct stk_loop *loop);
void stk_loop_stop(struct stk_loop *loop); /* any thread */
void stk_loop_destroy(struct stk_loop *loop);

/* Watch fd for STK_LOOP_READ/WRITE, level-triggered, until removed. Loop thread only. The fd stays
 * the caller's. Changing the interest is cheap. A watch may be removed from within its own call.
 * When fd is ready for both, there is one call for each. NULL: out of memory. */
struct stk_loop_fd *stk_loop_fd_add(struct stk_loop *loop, int fd, int interest,
                                    void (*ready)(void *arg, int events), void *arg);
enum stk_status stk_loop_fd_interest(struct stk_loop_fd *fd, int interest);
void stk_loop_fd_remove(struct stk_loop_fd *fd);

/* A timer; once armed it fires once, or repeatedly when repeat, to a few ms. Arming needs no
 * memory. It may be removed from within its own call. Loop thread only. NULL: out of memory. */
struct stk_loop_timer *stk_loop_timer_add(struct stk_loop *loop, void (*fire)(void *arg),
                                          void *arg);
void stk_loop_timer_arm(struct stk_loop_timer *timer, int64_t delay_ms, int repeat);
void stk_loop_timer_disarm(struct stk_loop_timer *timer);
void stk_loop_timer_remove(struct stk_loop_timer *timer);

/* Set once before run: called on the loop's thread soon after one or more stk_loop_wake calls. */
void stk_loop_on_wake(struct stk_loop *loop, void (*woken)(void *arg), void *arg);
/* Any thread; cheap when a wake is pending already (eventfd, one write per sleep). */
void stk_loop_wake(struct stk_loop *loop);

#endif
