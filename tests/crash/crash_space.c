/* R11: the disk is full under the feed, SPACE_CYCLES times (default 1). In turns the daemon is told
 * so when it asks, or no file may grow although it is told of space, as by a quota or because
 * another program took it meanwhile. Then: writes are refused with NO_SPACE, from the first refusal
 * on not one effect is added, reads are answered, the daemon does not end; and writes are taken
 * again when there is space, or after a stop and a start. The map of the state begins with 1 MiB
 * and is full all the time. Each cycle ends with the usual check. */
#include "tests/crash/control.h"
#include "tests/crash/place.h"
#include "tests/crash/run.h"
#include "tests/crash/scene.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TOLD_MS   2500  /* from the disk being full to the first refusal: it looks once a second */
#define UNTOLD_MS 60000 /* until the space that was made ahead of need is used up */
#define FULL_MS   1500
#define RESUME_MS 5000
#define READ_MS   1000
#define SLICE_MS  20

static const char settings[] = "rpc:\n  listen: []\n"
                               "engine:\n  closed_keep: 1s\n  recovery_grace: 1s\n"
                               "journal:\n  segment_bytes: 32MiB\n  retain_bytes: 200MiB\n"
                               "  free_bytes_min: 64MiB\n"
                               "state:\n  map_bytes: 1MiB\n  fold_pause: 200ms\n"
                               "  run_keys: 20000\n  run_age: 5s\n";

static struct run run;
static struct control *control;
static struct wire wire = {.fd = -1};

static int ask(const char *verb, const char *json, struct wire_answer *answer)
{
    msgpack_sbuffer params;
    msgpack_packer packer;
    if (wire.fd < 0 && wire_open(&wire, run.daemon.door))
        return -1;
    msgpack_sbuffer_init(&params);
    msgpack_packer_init(&packer, &params, msgpack_sbuffer_write);
    scene_pack(&packer, json);
    int result = wire_call(&wire, verb, &params, answer);
    msgpack_sbuffer_destroy(&params);
    return result;
}

/* The last sequence, durable or on its way. */
static int64_t last_seq(void)
{
    struct wire_answer answer;
    if (ask("status", "{}", &answer) || !answer.ok)
        return -1;
    return wire_get_int(wire_get(answer.body, "journal"), "durable", -1);
}

/* 1: refused for want of space. */
static int write_is_refused(unsigned number)
{
    struct wire_answer answer;
    char json[128];
    snprintf(json, sizeof(json), "{'source':'space','id':'x%u','sku':'n%u'}", number, number);
    if (ask("sku.put", json, &answer))
        model_fault(&run.feed.model, "a write is not answered");
    else if (answer.ok)
        return 0;
    else if (strcmp(answer.code, "NO_SPACE"))
        model_fault(&run.feed.model, "a write is refused with %s", answer.code);
    return 1;
}

static void reads_are_answered(void)
{
    static const char *const reads[][2] = {
        {"sku.get", "{'sku':'s0001'}"},
        {"stock.get", "{'sku':'s0001'}"},
        {"sku.list", "{'limit':100}"},
        {"order.list", "{'limit':100}"},
        {"order.list", "{'archived':true,'limit':10}"},
        {"order.get", "{'source':'space','order':'archived'}"},
        {"journal.read", "{'from':2,'limit':10}"},
        {"shortfall.list", "{}"},
        {"status", "{}"},
    };
    struct wire_answer answer;
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        int64_t asked_ms = clock_ms();
        if (ask(reads[i][0], reads[i][1], &answer))
            model_fault(&run.feed.model, "%s is not answered while the disk is full", reads[i][0]);
        else if (!answer.ok && strcmp(answer.code, "TOO_OLD"))
            model_fault(&run.feed.model, "%s is answered %s while the disk is full", reads[i][0],
                        answer.code);
        else if (clock_ms() - asked_ms > READ_MS)
            model_fault(&run.feed.model, "%s took %lld ms while the disk is full", reads[i][0],
                        (long long)(clock_ms() - asked_ms));
    }
}

static int feed_for(int64_t lasts_ms)
{
    int gone = feed_run(&run.feed, clock_ms() + lasts_ms);
    if (gone)
        model_fault(&run.feed.model, "the daemon hung up");
    return gone;
}

/* Feed until the first NO_SPACE: 0, and in how many ms. */
static int until_refused(unsigned number, int64_t limit_ms, int64_t *took_ms)
{
    int64_t began_ms = clock_ms();
    for (unsigned i = 0; clock_ms() - began_ms < limit_ms; i++) {
        if (feed_for(SLICE_MS))
            return -1;
        *took_ms = clock_ms() - began_ms;
        if (write_is_refused(number * 100000 + i))
            return 0;
    }
    model_fault(&run.feed.model, "no write was refused within %lld ms", (long long)limit_ms);
    return -1;
}

/* Not one effect more while the feed goes on. */
static void stays_full(unsigned number)
{
    int64_t until_ms = clock_ms() + FULL_MS, seq;
    if (feed_settle(&run.feed, 10000))
        model_fault(&run.feed.model, "answers never came");
    seq = last_seq();
    uint64_t done = run.feed.answered - run.feed.nothing;
    while (clock_ms() < until_ms) {
        if (feed_for(SLICE_MS))
            return;
        reads_are_answered();
        if (!write_is_refused(number * 100000 + 99999))
            model_fault(&run.feed.model, "a write is taken while the disk is full");
    }
    if (feed_settle(&run.feed, 10000))
        model_fault(&run.feed.model, "answers never came");
    if (last_seq() != seq)
        model_fault(&run.feed.model, "%lld effects while the disk was full",
                    (long long)(last_seq() - seq));
    if (run.feed.answered - run.feed.nothing != done)
        model_fault(&run.feed.model, "%llu operations acknowledged while the disk was full",
                    (unsigned long long)(run.feed.answered - run.feed.nothing - done));
}

static int64_t resumes(unsigned number)
{
    int64_t began_ms = clock_ms();
    while (write_is_refused(number * 100000 + 99998) && clock_ms() - began_ms < RESUME_MS)
        usleep(SLICE_MS * 1000);
    if (clock_ms() - began_ms >= RESUME_MS)
        model_fault(&run.feed.model, "writes are refused %d ms after there is space", RESUME_MS);
    return clock_ms() - began_ms;
}

/* Stopped while the disk is full, and started while it still is. */
static void restart_full(void)
{
    int status;
    wire_close(&wire);
    feed_disconnect(&run.feed);
    status = daemon_stop(&run.daemon, 20000);
    if (status)
        model_fault(&run.feed.model, "does not stop in order while the disk is full (%x)",
                    (unsigned)status);
    if (daemon_start(&run.daemon, RUN_START_MS, &status)) {
        model_fault(&run.feed.model, "does not start while the disk is full (%x)",
                    (unsigned)status);
        daemon_show(&run.daemon);
        return;
    }
    reads_are_answered();
}

static void cycle(unsigned number)
{
    int untold = number % 2, stop = number / 2 % 2;
    int64_t refused_ms = 0, resumed_ms = 0;
    char label[64];
    run.feed.model.cycle = ++run.cycle;
    run.faults = run.feed.model.faults;
    run.sent = 0;
    run.fed_ms = 0;
    if (feed_connect(&run.feed, run.daemon.door)) {
        model_fault(&run.feed.model, "no connection");
        return;
    }
    feed_for(300);
    atomic_store(&control->untold, (uint32_t)untold);
    atomic_store(&control->free_bytes, 0);
    if (!until_refused(number, untold ? UNTOLD_MS : TOLD_MS, &refused_ms)) {
        stays_full(number);
        if (stop && !untold)
            restart_full();
        else if (stop)
            daemon_kill(&run.daemon);
        atomic_store(&control->free_bytes, -1);
        if (run.daemon.pid) {
            resumed_ms = resumes(number);
            if (!stop)
                feed_for(500);
        }
    }
    printf("%s: the first refusal after %lld ms, %llu growths refused, writes taken again after "
           "%lld ms\n",
           untold ? "no file may grow" : "told that the disk is full", (long long)refused_ms,
           (unsigned long long)atomic_load(&control->refused_growths), (long long)resumed_ms);
    wire_close(&wire);
    control_reset(control);
    snprintf(label, sizeof(label), "cycle %u", number + 1);
    run_check(&run, label);
}

static void prepare(void)
{
    struct wire_answer answer;
    if (ask("order.sell",
            "{'source':'space','id':'archived','lines':[{'sku':'alone','quantity':1}]}", &answer) ||
        !answer.ok)
        model_fault(&run.feed.model, "an order cannot be placed");
    wire_close(&wire);
    sleep(3); /* until it is in the archive */
}

int main(void)
{
    unsigned cycles = (unsigned)place_number("SPACE_CYCLES", 1);
    char state[PLACE_PATH];
    struct wire_answer answer;
    if (run_begin(&run, "space", settings, 0))
        return run_end(&run);
    control = control_create(&run.daemon);
    daemon_kill(&run.daemon);
    if (daemon_start(&run.daemon, RUN_START_MS, NULL)) {
        run.cases = run.failed = 1;
        return run_end(&run);
    }
    (void)ask("sku.put", "{'source':'space','sku':'alone'}", &answer);
    (void)ask("stock.receive",
              "{'source':'space','id':'open','sku':'alone','location':'main','quantity':9}",
              &answer);
    prepare();
    for (unsigned i = 0; i < cycles && run.daemon.pid; i++)
        cycle(cycles == 1 ? 1 : i);
    run_whole(&run);
    run.cases++;
    place_join(state, run.daemon.data, "state/state.mdb");
    printf("the state has %llu KiB, its map began with 1024\n",
           (unsigned long long)place_bytes_of(state) / 1024);
    if (place_bytes_of(state) < 2 << 20) {
        printf("  FAULT: its map was never full\n");
        run.failed++;
    }
    control_destroy(control);
    return run_end(&run);
}
