/* R10: the wall clock steps by an hour and by a day, forth and back, under the feed. No hold may
 * end more than a second before its time, none may be stuck: two batches of holds are placed around
 * each step and looked at more than a second before and within a second after their end, by a clock
 * that does not step. CLOCK_STEPS steps (default 3). Then a kill, a restart with the clock an hour
 * behind, the usual check, and holds from before the kill that must end all the same. */
#include "tests/crash/control.h"
#include "tests/crash/place.h"
#include "tests/crash/run.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HOLDS      200
#define TTL_MS     2500
#define HOUR_MS    INT64_C(3600000)
#define GRACE_MS   1000 /* recovery_grace of run_settings */
#define FEED_STEPS 8    /* after so many steps the feed begins a new cycle */

static unsigned looks; /* that proved that holds were there in their last second but one */

struct batch {
    unsigned number;
    int64_t first_ms, last_ms; /* monotonic: before the first was placed, after the last was */
    int64_t ttl_ms;
    unsigned placed, expired, wrong;
};

static void put_id(msgpack_packer *packer, const char *key, const struct batch *batch, uint32_t i)
{
    char id[32];
    snprintf(id, sizeof(id), "h%u-%u", batch->number, i);
    wire_put_text(packer, key, id);
}

static const char *make_hold(void *arg, uint32_t i, msgpack_packer *packer)
{
    const struct batch *batch = arg;
    msgpack_pack_map(packer, 4);
    wire_put_text(packer, "source", "clock");
    put_id(packer, "id", batch, i);
    wire_put_int(packer, "ttl_ms", batch->ttl_ms);
    wire_key(packer, "lines");
    msgpack_pack_array(packer, 1);
    msgpack_pack_map(packer, 2);
    wire_put_text(packer, "sku", "clock");
    wire_put_int(packer, "quantity", 1);
    return "order.place";
}

static const char *make_get(void *arg, uint32_t i, msgpack_packer *packer)
{
    msgpack_pack_map(packer, 2);
    wire_put_text(packer, "source", "clock");
    put_id(packer, "order", arg, i);
    return "order.get";
}

static void got(void *arg, uint32_t i, const struct wire_answer *answer)
{
    struct batch *batch = arg;
    (void)i;
    if (wire_is_text(answer->body, "state", "placed"))
        batch->placed++;
    else if (wire_is_text(answer->body, "state", "expired"))
        batch->expired++;
    else
        batch->wrong++;
}

static void hold(struct run *run, struct wire *wire, struct batch *batch, unsigned number,
                 int64_t ttl_ms)
{
    *batch = (struct batch){.number = number, .first_ms = clock_ms(), .ttl_ms = ttl_ms};
    if (wire_many(wire, HOLDS, 64, make_hold, got, batch) || batch->placed != HOLDS)
        model_fault(&run->feed.model, "of %d holds %u could be placed", HOLDS, batch->placed);
    batch->last_ms = clock_ms();
}

static void look(struct run *run, struct wire *wire, struct batch *batch)
{
    batch->placed = batch->expired = batch->wrong = 0;
    if (wire_many(wire, HOLDS, 64, make_get, got, batch))
        model_fault(&run->feed.model, "no connection");
}

static void look_before(struct run *run, struct wire *wire, struct batch *batch)
{
    look(run, wire, batch);
    if (batch->placed == HOLDS)
        looks++;
    else if (clock_ms() > batch->first_ms + batch->ttl_ms - 1000)
        printf("  looked too late to tell whether holds end early\n"); /* the machine stood still */
    else
        model_fault(&run->feed.model, "more than a second before their end %u of %d holds are over",
                    HOLDS - batch->placed, HOLDS);
}

static void look_after(struct run *run, struct wire *wire, struct batch *batch)
{
    look(run, wire, batch);
    if (batch->expired != HOLDS)
        model_fault(&run->feed.model, "a second after their end %u of %d holds are there",
                    HOLDS - batch->expired, HOLDS);
}

static void feed_until(struct run *run, int64_t until_ms)
{
    if (until_ms > clock_ms() && feed_run(&run->feed, until_ms))
        model_fault(&run->feed.model, "the daemon hung up");
}

/* One batch is placed before the step, one after it. */
static void step(struct run *run, struct control *control, struct wire *wire, unsigned number,
                 int64_t offset_ms)
{
    struct batch before, after;
    uint64_t faults = run->feed.model.faults;
    run->cases++;
    hold(run, wire, &before, 2 * number, TTL_MS);
    feed_until(run, clock_ms() + 200);
    atomic_store(&control->clock_offset_ms, offset_ms);
    feed_until(run, clock_ms() + 100);
    hold(run, wire, &after, 2 * number + 1, TTL_MS);
    feed_until(run, before.first_ms + TTL_MS - 1300);
    look_before(run, wire, &before);
    feed_until(run, after.first_ms + TTL_MS - 1300);
    look_before(run, wire, &after);
    feed_until(run, before.last_ms + TTL_MS + 900);
    look_after(run, wire, &before);
    feed_until(run, after.last_ms + TTL_MS + 900);
    look_after(run, wire, &after);
    run->failed += run->feed.model.faults != faults;
    printf("wall clock at %+lld h: %s\n", (long long)(offset_ms / HOUR_MS),
           run->feed.model.faults == faults ? "no hold ended early, none is stuck" : "FAILED");
    fflush(stdout);
}

static void connect_feed(struct run *run)
{
    if (feed_settle(&run->feed, 10000))
        model_fault(&run->feed.model, "answers never came");
    feed_disconnect(&run->feed);
    if (feed_connect(&run->feed, run->daemon.door))
        model_fault(&run->feed.model, "no connection for the feed");
}

/* Killed; the clock is an hour behind when it comes back. Holds end when they should, and those
 * whose time was over meanwhile as soon as the grace is. */
static void come_back(struct run *run, struct control *control, struct wire *wire, unsigned number)
{
    struct batch batch;
    hold(run, wire, &batch, number, TTL_MS);
    wire_close(wire);
    atomic_store(&control->clock_offset_ms, -HOUR_MS);
    run_check(run, "killed, the clock an hour behind");
    run->faults = run->feed.model.faults;
    run->cases++;
    int64_t ready_ms = clock_ms(), end_ms = batch.last_ms + TTL_MS;
    if (wire_open(wire, run->daemon.door))
        model_fault(&run->feed.model, "no connection");
    if (end_ms < ready_ms + GRACE_MS)
        end_ms = ready_ms + GRACE_MS;
    while (clock_ms() < end_ms + 900)
        (void)usleep(20000);
    look_after(run, wire, &batch);
    run->failed += run->feed.model.faults != run->faults;
    printf("holds of before the kill: %s\n",
           run->feed.model.faults == run->faults ? "none is stuck" : "FAILED");
}

static void stock(struct wire *wire)
{
    msgpack_sbuffer params;
    msgpack_packer packer;
    struct wire_answer answer;
    for (int i = 0; i < 2; i++) {
        msgpack_sbuffer_init(&params);
        msgpack_packer_init(&packer, &params, msgpack_sbuffer_write);
        msgpack_pack_map(&packer, i ? 5 : 2);
        wire_put_text(&packer, "source", "clock");
        wire_put_text(&packer, "sku", "clock");
        if (i) {
            wire_put_text(&packer, "id", "stock");
            wire_put_text(&packer, "location", world_location[0]);
            wire_put_int(&packer, "quantity", 1000000);
        }
        (void)wire_call(wire, i ? "stock.receive" : "sku.put", &params, &answer);
        msgpack_sbuffer_destroy(&params);
    }
}

int main(void)
{
    static const int64_t hours[] = {1, -24, 0, 24, -1, 23, 47, 0};
    static struct run run;
    struct wire wire;
    unsigned steps = (unsigned)place_number("CLOCK_STEPS", 3);
    if (run_begin(&run, "clock", NULL, 0))
        return run_end(&run);
    struct control *control = control_create(&run.daemon);
    daemon_kill(&run.daemon);
    if (daemon_start(&run.daemon, RUN_START_MS, NULL) || wire_open(&wire, run.daemon.door) ||
        feed_connect(&run.feed, run.daemon.door)) {
        run.cases = run.failed = 1;
        return run_end(&run);
    }
    stock(&wire);
    run.feed.rate_per_s = 4000;
    feed_until(&run, clock_ms() + GRACE_MS + 100);
    for (unsigned i = 0; i < steps; i++) {
        step(&run, control, &wire, i, hours[i % 8] * HOUR_MS);
        if (i % FEED_STEPS == FEED_STEPS - 1)
            connect_feed(&run);
    }
    if (looks < steps) /* of two each */
        model_fault(&run.feed.model, "only %u of %u looks came in time", looks, 2 * steps);
    run.failed += looks < steps;
    run.cases++;
    run.faults = run.feed.model.faults;
    run.fed_ms = 0;
    come_back(&run, control, &wire, 2 * steps);
    wire_close(&wire);
    atomic_store(&control->clock_offset_ms, 0);
    run_whole(&run);
    control_destroy(control);
    return run_end(&run);
}
