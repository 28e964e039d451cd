/* R12: the n-th storage call below the data folder fails, n = 1..IO_FAULTS: with EIO, by writing
 * half, with EINTR. After EIO and a short write the daemon must end within a second without another
 * sync of that file, and all must be well after a restart; EINTR must not be seen. Every third n is
 * counted from the very start, the others from a random instant under the feed. */
#include "tests/crash/control.h"
#include "tests/crash/place.h"
#include "tests/crash/run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define FEED_MS 3000
#define END_MS  1000

static const char *const kind_name[] = {"", "EIO", "short write", "EINTR"};

/* The daemon must have ended by itself soon after the fault; only its exit code tells how. */
static void must_end(struct run *run, const struct control *control, const char *label)
{
    struct model *model = &run->feed.model;
    int status = 0;
    if (!daemon_ended(&run->daemon, END_MS, &status))
        model_fault(model, "%s: still there %d ms after the fault", label, END_MS);
    else if (!WIFEXITED(status) || WEXITSTATUS(status) == 0)
        model_fault(model, "%s: ended with status %x, an exit code that tells was due", label,
                    (unsigned)status);
    if (atomic_load(&control->syncs_after))
        model_fault(model, "%s: the file was synced again after it", label);
}

static void must_go_on(struct run *run, const char *label, int gone)
{
    int status = 0;
    if (gone || daemon_ended(&run->daemon, 0, &status))
        model_fault(&run->feed.model, "%s: ended with status %x", label, (unsigned)status);
}

/* 1: the fault came while it started. */
static int start_with(struct run *run, struct control *control, uint64_t number, int from_start)
{
    int status = 0;
    daemon_kill(&run->daemon);
    control_reset(control);
    if (from_start)
        atomic_store(&control->fail_at, number);
    if (!daemon_start(&run->daemon, RUN_START_MS, &status)) {
        if (!from_start)
            atomic_store(&control->fail_at, atomic_load(&control->calls) + number);
        return 0;
    }
    return 1;
}

static void one(struct run *run, struct control *control, uint64_t number, unsigned kind)
{
    char label[64];
    int from_start = number % 3 == 0;
    snprintf(label, sizeof(label), "%s at call %llu%s", kind_name[kind], (unsigned long long)number,
             from_start ? " from the start" : "");
    atomic_store(&control->kind, kind);
    int early = start_with(run, control, number, from_start);
    run->faults = run->feed.model.faults;
    run->fed_ms = 0;
    run->sent = 0;
    if (early && (!atomic_load(&control->fired) || kind == CONTROL_EINTR))
        model_fault(&run->feed.model, "%s: did not start, fault or not", label);
    if (!early) {
        int gone = run_feed(run, kind == CONTROL_EINTR ? 500 : FEED_MS);
        if (!atomic_load(&control->fired))
            printf("  %s: was not reached\n", label);
        else if (kind == CONTROL_EINTR)
            must_go_on(run, label, gone);
        else
            must_end(run, control, label);
    }
    if (run->feed.model.faults != run->faults)
        printf("  it was: %s\n", control->what);
    control_reset(control);
    run_check(run, label);
}

int main(void)
{
    static struct run run;
    uint64_t most = (uint64_t)place_number("IO_FAULTS", 30);
    if (run_begin(&run, "io", NULL, 0))
        return run_end(&run);
    run.feed.rate_per_s = 5000;
    struct control *control = control_create(&run.daemon);
    for (uint64_t n = 1; n <= most && run.daemon.pid; n++)
        one(&run, control, n, CONTROL_EIO + n % 3);
    daemon_set(&run.daemon, "LD_PRELOAD", NULL);
    if (run.daemon.pid)
        run_whole(&run);
    control_destroy(control);
    return run_end(&run);
}
