/* R2: the daemon ends itself at each of its named points, `CRASH_POINT_REPEAT` times each, under
 * the feed; then the same check as after any crash. The list of points is the daemon's own. A point
 * that cannot be reached by the feed is provoked: small segments and runs by the config, backups by
 * a call, restores by the command line. One that is not reached has failed. Commits also fail by
 * the action `error`: the daemon must end within a second, and all must be well after it. */
#include "core/base/fault.h"
#include "core/store/backup.h"
#include "tests/crash/control.h"
#include "tests/crash/place.h"
#include "tests/crash/run.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define POINTS_MAX 128
#define FEED_MS    12000
#define END_MS     1000

struct point {
    char name[64];
};

static unsigned list_points(struct point points[POINTS_MAX])
{
    char *program = place_built("stockaded"), *command, line[256];
    unsigned count = 0;
    if (asprintf(&command, "%s --list-faults", program) < 0)
        abort();
    FILE *pipe = popen(command, "r");
    while (pipe && fgets(line, sizeof(line), pipe) && count < POINTS_MAX)
        if (sscanf(line, "%63s", points[count].name) == 1)
            count++;
    if (pipe)
        pclose(pipe);
    free(command);
    free(program);
    return count;
}

/* Points that are passed often: somewhere in the stream. */
static unsigned passages(struct random *random, const char *name)
{
    unsigned most = 1;
    if (!strncmp(name, "engine.", 7))
        most = 20000;
    else if (!strncmp(name, "journal.", 8) && !strstr(name, "segment") && !strstr(name, "cut"))
        most = 300;
    else if (!strncmp(name, "fold.", 5) && !strstr(name, "run"))
        most = 3;
    return 1 + (unsigned)random_below(random, most);
}

/* Ask for a backup; the answer comes, or not, while the feed runs. */
static void ask_backup(struct run *run, struct wire *wire, unsigned number)
{
    msgpack_sbuffer params;
    msgpack_packer packer;
    char target[PLACE_PATH], name[32];
    snprintf(name, sizeof(name), "backup-%u", number);
    place_join(target, run->daemon.folder, name);
    msgpack_sbuffer_init(&params);
    msgpack_packer_init(&packer, &params, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, 1);
    wire_put_text(&packer, "target", target);
    if (!wire_open(wire, run->daemon.door)) {
        wire_send(wire, 1, "backup.start", params.data, params.size);
        (void)wire_flush(wire);
    }
    msgpack_sbuffer_destroy(&params);
}

static void restart_with(struct run *run, const char *name, const char *action)
{
    char fault[128];
    unsigned count = passages(&run->feed.random, name);
    snprintf(fault, sizeof(fault), "%s:%u:%s", name, count, action);
    daemon_kill(&run->daemon);
    daemon_set(&run->daemon, "STOCKADE_FAULT", fault);
}

/* 1: the daemon ended itself as it was told. */
static int reach(struct run *run, const char *name, const char *action, unsigned number)
{
    struct wire wire = {.fd = -1};
    int status = 0, kills = !strcmp(action, "kill");
    restart_with(run, name, action);
    if (daemon_start(&run->daemon, RUN_START_MS, &status) == 0) {
        if (!strncmp(name, "backup.", 7))
            ask_backup(run, &wire, number);
        uint64_t rate_per_s = run->feed.rate_per_s;
        if (strstr(name, "segment") || strstr(name, "cut"))
            run->feed.rate_per_s = 0; /* the sooner it is full */
        (void)run_feed(run, FEED_MS);
        run->feed.rate_per_s = rate_per_s;
        if (!daemon_ended(&run->daemon, END_MS, &status))
            status = 0;
        wire_close(&wire);
    } else {
        run->faults = run->feed.model.faults; /* it ended before it was ready: no feed */
        run->fed_ms = 0;
        run->sent = 0;
    }
    return kills ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
                 : WIFEXITED(status) && WEXITSTATUS(status) != 0;
}

static void try_point(struct run *run, const char *name, const char *action, unsigned number)
{
    char label[96];
    snprintf(label, sizeof(label), "%s %s", name, action);
    if (!reach(run, name, action, number))
        model_fault(&run->feed.model, "%s: the daemon did not end there", label);
    run_check(run, label);
}

/* A child that restores, and dies at the point if one is given: 0, 1 refused, -1 killed. */
static int restore(const char *backup, const char *target, const char *fault)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct stk_backup_result result;
        struct stk_error err = {0};
        if (fault && stk_fault_init(fault, &err) != STK_OK)
            _exit(2);
        enum stk_status done = stk_restore(backup, NULL, 0, 0, target, &result, &err);
        if (done != STK_OK)
            fprintf(stderr, "restore: %s\n", err.text);
        _exit(done != STK_OK);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 2;
    return WIFSIGNALED(status) ? -1 : WEXITSTATUS(status);
}

/* A restore that is killed before its end leaves nothing that starts; repeated, it succeeds. */
static void try_restore(struct run *run, const char *name)
{
    struct model *model = &run->feed.model;
    struct wire wire = {.fd = -1};
    struct wire_answer answer;
    char backup[PLACE_PATH], target[PLACE_PATH], fault[128];
    uint64_t faults = model->faults;
    run->cases++;
    ask_backup(run, &wire, 9999);
    while (wire.fd >= 0 && wire_take(&wire, &answer) == 0 && !wire_fill(&wire))
        usleep(1000);
    wire_close(&wire);
    place_join(backup, run->daemon.folder, "backup-9999");
    place_join(target, run->daemon.folder, "back");
    snprintf(fault, sizeof(fault), "%s:1:kill", name);
    if (restore(backup, target, fault) != -1)
        model_fault(model, "%s: the restore did not end there", name);
    if (!access(target, F_OK))
        model_fault(model, "%s: a half restored folder is there under its name", name);
    if (restore(backup, target, NULL))
        model_fault(model, "%s: the restore cannot be repeated", name);
    place_remove(backup);
    place_remove(target);
    run->failed += model->faults != faults;
    printf("%-40s %s\n", name, model->faults != faults ? "FAILED" : "killed, repeated");
}

static const char *make_sku_get(void *arg, uint32_t i, msgpack_packer *packer)
{
    char id[16];
    (void)arg;
    world_sku_id(i, id);
    msgpack_pack_map(packer, 1);
    wire_put_text(packer, "sku", id);
    return "sku.get";
}

static void got_sku(void *arg, uint32_t i, const struct wire_answer *answer)
{
    model_look_conserved(arg, i, answer->body);
}

/* Runs of keys are dropped when the window is over: the wall clock is days ahead at a start. What
 * was acknowledged stays, but its keys are forgotten, so this comes last. */
static void try_dropped(struct run *run, const char *name)
{
    struct model *model = &run->feed.model;
    struct control *control = control_create(&run->daemon);
    struct wire wire;
    uint64_t faults = model->faults;
    char fault[128];
    int status = 0;
    run->cases++;
    daemon_kill(&run->daemon);
    atomic_store(&control->clock_offset_ms, INT64_C(8) * 24 * 3600000);
    snprintf(fault, sizeof(fault), "%s:1:kill", name);
    daemon_set(&run->daemon, "STOCKADE_FAULT", fault);
    if (!daemon_start(&run->daemon, RUN_START_MS, &status) &&
        (!daemon_ended(&run->daemon, FEED_MS, &status) || !WIFSIGNALED(status)))
        model_fault(model, "%s: the daemon did not end there", name);
    daemon_kill(&run->daemon);
    daemon_set(&run->daemon, "STOCKADE_FAULT", NULL);
    if (daemon_start(&run->daemon, RUN_START_MS, NULL) || wire_open(&wire, run->daemon.door)) {
        model_fault(model, "%s: the daemon did not start again", name);
        daemon_show(&run->daemon);
    } else {
        if (wire_many(&wire, WORLD_SKUS, 128, make_sku_get, got_sku, model))
            model_fault(model, "%s: the daemon went away", name);
        wire_close(&wire);
        check_journal(model, &run->daemon);
    }
    run->failed += model->faults != faults;
    printf("%-40s %s\n", name, model->faults != faults ? "FAILED" : "dropped 8 days later");
    control_destroy(control);
}

static int fails_softly(const char *name)
{
    return strstr(name, "commit") != NULL;
}

int main(void)
{
    static struct run run;
    static struct point points[POINTS_MAX];
    static const char dropped[] = "fold.run_dropped";
    unsigned repeat = (unsigned)place_number("CRASH_POINT_REPEAT", 1), number = 0;
    unsigned count = list_points(points);
    printf("%u points\n", count);
    if (count < 20) {
        printf("fewer than 20 points: R2 asks for 20\n0 passed, 1 failed\n");
        return 1;
    }
    if (run_begin(&run, "points", NULL, 0))
        return run_end(&run);
    for (unsigned i = 0; i < count * repeat && run.daemon.pid; i++) {
        const char *name = points[i % count].name;
        if (!strncmp(name, "restore.", 8)) {
            try_restore(&run, name);
            continue;
        }
        if (!strcmp(name, dropped) || !strncmp(name, "plant.", 6))
            continue;
        try_point(&run, name, "kill", number++);
        if (run.daemon.pid && fails_softly(name))
            try_point(&run, name, "error", number++);
    }
    if (run.daemon.pid) {
        run_whole(&run);
        try_dropped(&run, dropped);
    }
    return run_end(&run);
}
