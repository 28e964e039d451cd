/* The real stockaded in a test: started on a folder of its own, looked at from outside, ended. The
 * program is $STK_BUILD/stockaded, or build/stockaded. What cannot fail aborts the test. */
#ifndef STK_TESTS_STOCKADED_H
#define STK_TESTS_STOCKADED_H

#include "tests/lib/folder.h"
#include <stdint.h>
#include <sys/types.h>

struct stockaded {
    struct test_folder folder;
    pid_t pid;
    char unix_address[600];
    char tcp_address[64];
};
/* config: YAML, added to a small journal and small capacities (unless it has these) and a TCP
 * address with any port (a section `rpc:` must be its last). Waits until it is ready. */
void stockaded_start(struct stockaded *self, const char *config);
/* Again on the same folder, after stockaded_end. */
void stockaded_again(struct stockaded *self);
/* Sends the signal (0: none) and waits: the exit code, or -signal. */
int stockaded_end(struct stockaded *self, int signal_number);
/* Ends it hard when it runs, removes the folder. */
void stockaded_remove(struct stockaded *self);

int stockaded_runs(struct stockaded *self);
int64_t stockaded_rss_bytes(const struct stockaded *self);
int stockaded_fds(const struct stockaded *self);
int64_t stockaded_cpu_ms(const struct stockaded *self);
/* What it wrote to stderr so far. Lent until the next call. */
const char *stockaded_words(const struct stockaded *self);

/* A number from the environment, as tests/tiers.txt sizes it. */
int64_t test_size(const char *name, int64_t fallback);
int64_t test_now_us(void);

#endif
