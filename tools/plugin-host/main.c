/* stockade-plugin-host: one plugin in a process of its own, so that whatever it does it does to
 * itself. Started by the engine alone, with the link at fds 3 to 5.
 *
 * Arguments: instance, plugin, bytes of memory, open files. The limits are set before the file is
 * opened. It ends when the engine says so, when the link is broken, or with the engine. */
#include "core/base/log.h"
#include "core/plug/child.h"
#include "core/plug/host.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define EXIT_USAGE 64

static struct stk_loop *loop;

static void end(void *arg)
{
    (void)arg;
    stk_loop_stop(loop);
}

static void limit(int what, const char *most)
{
    struct rlimit both = {strtoull(most, NULL, 10), strtoull(most, NULL, 10)};
    if (both.rlim_cur)
        setrlimit(what, &both);
}

int main(int count, char **arguments)
{
    static const int fds[STK_LINK_FDS] = {3, 4, 5};
    struct stk_error err = {0};
    struct rlimit none = {0, 0};
    if (count != 5) {
        fprintf(stderr, "stockade-plugin-host: is started by stockaded\n");
        return EXIT_USAGE;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &none);
    limit(RLIMIT_AS, arguments[3]);
    limit(RLIMIT_NOFILE, arguments[4]);
    struct stk_link *link = stk_link_open(fds, &err);
    loop = link ? stk_loop_create(&err) : NULL;
    struct stk_hosting_options options = {.instance = arguments[1],
                                          .path = arguments[2],
                                          .name = "stockade-plugin-host",
                                          .loop = loop,
                                          .link = link,
                                          .on_end = end};
    struct stk_hosting *hosting = loop ? stk_hosting_create(&options, &err) : NULL;
    if (!hosting || stk_hosting_begin(hosting, &err) != STK_OK) {
        stk_log(STK_LOG_ERROR, "plugin cannot be used: %s channel=%s", err.text, arguments[1]);
        return STK_CHILD_REFUSED;
    }
    stk_loop_run(loop);
    stk_hosting_destroy(hosting);
    stk_link_destroy(link);
    stk_loop_destroy(loop);
    return 0;
}
