/* Cycles. A cycle is one case; its faults are told as they are found. */
#include "tests/crash/run.h"
#include "tests/crash/place.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIRES      8
#define RATE_PER_S 20000

const char run_settings[] = "rpc:\n"
                            "  listen: []\n"
                            "engine:\n"
                            "  closed_keep: 8s\n"
                            "  recovery_grace: 1s\n"
                            "journal:\n"
                            "  segment_bytes: 32MiB\n"
                            "  retain_bytes: 200MiB\n"
                            "  free_bytes_min: 64MiB\n"
                            "state:\n"
                            "  map_bytes: 16MiB\n"
                            "  fold_pause: 200ms\n"
                            "  run_keys: 20000\n"
                            "  run_age: 5s\n";

int run_begin(struct run *run, const char *name, const char *settings, unsigned flags)
{
    memset(run, 0, sizeof(*run));
    run->began_ms = clock_ms();
    daemon_init(&run->daemon, place_folder(name, 0, 0), settings ? settings : run_settings);
    feed_init(&run->feed, (uint64_t)place_number("CRASH_SEED", 1), WIRES);
    run->feed.rate_per_s = (uint64_t)place_number("CRASH_RATE", RATE_PER_S);
    if (flags & RUN_SCARCE) {
        run->feed.hot_percent = 95;
        run->feed.opening_hot = 10;
        run->feed.receipt_max = 1;
        run->feed.stock_up = 20;
    }
    if (!daemon_start(&run->daemon, RUN_START_MS, NULL) &&
        !feed_world(&run->feed, run->daemon.door) && !run->feed.model.faults)
        return 0;
    printf("the daemon does not start, or the world cannot be made\n");
    daemon_show(&run->daemon);
    run->cases = run->failed = 1;
    return -1;
}

int run_feed(struct run *run, int64_t lasts_ms)
{
    int64_t began_ms = clock_ms();
    uint64_t sent = run->feed.sent;
    run->feed.model.cycle = ++run->cycle;
    run->faults = run->feed.model.faults;
    if (feed_connect(&run->feed, run->daemon.door)) {
        run->fed_ms = 0;
        run->sent = 0;
        return 1;
    }
    int gone = feed_run(&run->feed, began_ms + lasts_ms);
    run->fed_ms = clock_ms() - began_ms;
    run->sent = run->feed.sent - sent;
    return gone;
}

static void tell(const struct run *run, const char *label, const struct check_counts *counts,
                 uint64_t faults)
{
    uint64_t per_s = run->fed_ms > 0 ? run->sent * 1000 / (uint64_t)run->fed_ms : 0;
    printf("%-40s fed %4lld ms, %6llu ops/s; ready in %4lld ms (%lld of processor); %4u unknown, "
           "%3u of them done; "
           "looked at %u, repeated %u in %lld ms: %llu faults\n",
           label, (long long)run->fed_ms, (unsigned long long)per_s,
           (long long)run->daemon.start_ms, (long long)run->daemon.start_cpu_ms, counts->unknown,
           counts->happened, counts->looked, counts->repeated, (long long)counts->took_ms,
           (unsigned long long)faults);
    fflush(stdout);
}

uint64_t run_check(struct run *run, const char *label)
{
    struct check_counts counts = {0};
    daemon_kill(&run->daemon);
    feed_drain(&run->feed);
    daemon_set(&run->daemon, "STOCKADE_FAULT", NULL);
    run->cases++;
    if (daemon_start(&run->daemon, RUN_START_MS, NULL)) {
        model_fault(&run->feed.model, "%s: the daemon did not start again", label);
        daemon_show(&run->daemon);
    } else if (check_run(&run->feed, &run->daemon, 0, &counts)) {
        model_fault(&run->feed.model, "%s: the daemon went away during the check", label);
        daemon_show(&run->daemon);
    }
    uint64_t faults = run->feed.model.faults - run->faults;
    run->failed += faults != 0;
    tell(run, label, &counts, faults);
    return faults;
}

uint64_t run_whole(struct run *run)
{
    struct check_counts counts = {0};
    run->cases++;
    if (run_feed(run, 1000) || feed_settle(&run->feed, 10000))
        model_fault(&run->feed.model, "the daemon did not answer all before the end");
    feed_disconnect(&run->feed);
    int status = daemon_stop(&run->daemon, 20000);
    if (status)
        model_fault(&run->feed.model, "the daemon did not stop in order (%d)", status);
    if (daemon_start(&run->daemon, RUN_START_MS, NULL) ||
        check_run(&run->feed, &run->daemon, 1, &counts)) {
        model_fault(&run->feed.model, "the daemon did not come back for the last look");
        daemon_show(&run->daemon);
    }
    daemon_stop(&run->daemon, 20000);
    check_journal(&run->feed.model, &run->daemon);
    uint64_t faults = run->feed.model.faults - run->faults;
    run->failed += faults != 0;
    tell(run, "whole", &counts, faults);
    return faults;
}

int run_end(struct run *run)
{
    const struct feed *feed = &run->feed;
    printf(
        "%u cycles in %lld s; %llu operations sent, %llu answered, %llu refused, %llu repeats "
        "with the same bytes, %llu conflicts refused, %llu not remembered, %llu orders expired\n",
        run->cases, (long long)(clock_ms() - run->began_ms) / 1000, (unsigned long long)feed->sent,
        (unsigned long long)feed->answered, (unsigned long long)feed->refused,
        (unsigned long long)feed->repeats, (unsigned long long)feed->conflicts,
        (unsigned long long)feed->nothing, (unsigned long long)feed->model.expired);
    if (feed->model.faults)
        printf("first fault: %s\n", feed->model.first_fault);
    printf("%u passed, %u failed\n", run->cases - run->failed, run->failed);
    daemon_fini(&run->daemon);
    feed_fini(&run->feed);
    return run->failed != 0;
}
