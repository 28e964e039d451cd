/* The engine process: everything started in order and stopped in the opposite one. Main thread. */
#ifndef STK_APP_DAEMON_H
#define STK_APP_DAEMON_H

#include "core/app/config.h"

struct stk_daemon;
/* Opens and loads the data folder, starts the threads and the doors. On failure nothing is left
 * behind. */
enum stk_status stk_daemon_start(struct stk_daemon **out, const struct stk_config *config,
                                 struct stk_error *err);
/* The n-th address at which it can be reached; NULL past the last. */
const char *stk_daemon_address(const struct stk_daemon *daemon, unsigned index);
stk_seq_t stk_daemon_sequence(const struct stk_daemon *daemon);
/* No further requests; what is in flight is answered; all is flushed and folded; then everything
 * ends. */
void stk_daemon_stop(struct stk_daemon *daemon); /* NULL-safe */

#endif
