/* R29: 20,000 operations a second for SOAK_SECONDS (default 10), SOAK_RUNS times: does anything
 * grow that should not? Receipts, losses, finds, changes of SKUs, reads, and now and then a sale,
 * every one under a new id; ids and movements are kept for a minute, closed orders for seconds.
 * Once that has been over for a while memory (without pages of files) is level, as many files are
 * open as before, the files are at most twice what lives in them, and the 99th percentile of the
 * answers' time, counted from when each operation was due, drifts by no more than a fifth. */
#include "core/store/image.h"
#include "core/store/restore.h"
#include "core/store/rows.h"
#include "tests/crash/daemon.h"
#include "tests/crash/place.h"
#include "tests/crash/scene.h"
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RATE_PER_S 20000
#define WIRES      8
#define SKUS       500
#define SALE_EVERY 1000
#define IN_FLIGHT  65536
#define BUCKETS    400 /* of time: 5 % wide each, from 10 us on */
#define WINDOW_S   60  /* key_window, movement_window */
#define SAMPLE_MS  1000
#define SAMPLES    8192
#define TELL_EVERY 15
#define FDS_SPARE  8                  /* a segment more or less is open */
#define RSS_SPARE  (1024 * 1024)      /* what cannot be told from noise in minutes */
#define RSS_BUSY   (16 * 1024 * 1024) /* the same where others hold us up: what waits is more */
#define RSS_PER_H  (1024 * 1024)
#define P99_SPARE  1.0 /* ms */
#define OTHERS_MAX 50  /* percent of a processor; with more p99 is not judged */
#define OPENING    1000000
#define RETAIN     (512ull << 20)
#define SEGMENT    (64ull << 20)

static const char settings[] = "rpc:\n  listen: []\n"
                               "engine:\n  closed_keep: 5s\n  key_window: 60s\n"
                               "  movement_window: 60s\n"
                               "journal:\n  segment_bytes: 64MiB\n  retain_bytes: 512MiB\n"
                               "  free_bytes_min: 64MiB\n"
                               "state:\n  map_bytes: 64MiB\n  run_keys: 200000\n  run_age: 5s\n";

struct sample {
    double at_s;
    int64_t rss_bytes;
    int fds;
    double p99_ms;
};

static struct {
    struct scene scene;
    struct wire wires[WIRES];
    int64_t due_ns[IN_FLIGHT];
    uint64_t sent, answered, wrong;
    uint32_t bucket[BUCKETS], counted;
    struct sample sample[SAMPLES];
    unsigned samples;
    char first_wrong[192];
} soak;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- what is looked at ------------------------------------------------------------------- */

static void count_time(int64_t took_ns)
{
    double edge_ns = 10000;
    unsigned bucket = 0;
    for (; bucket < BUCKETS - 1 && took_ns > edge_ns; bucket++)
        edge_ns *= 1.05;
    soak.bucket[bucket]++;
    soak.counted++;
}

static double take_p99_ms(void)
{
    double edge_ns = 10000;
    uint64_t sum = 0;
    for (unsigned i = 0; i < BUCKETS; i++, edge_ns *= 1.05) {
        sum += soak.bucket[i];
        if (sum * 100 >= (uint64_t)soak.counted * 99)
            break;
    }
    memset(soak.bucket, 0, sizeof(soak.bucket));
    soak.counted = 0;
    return edge_ns / 1e6;
}

static int64_t rss_bytes(pid_t pid)
{
    char path[64], line[256];
    long long kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "RssAnon: %lld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib * 1024;
}

static int fds_of(pid_t pid)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count - 2;
}

static void tell(const struct sample *sample)
{
    scene_call(&soak.scene, "status", "{}");
    const msgpack_object *body = soak.scene.answer.body;
    printf("%4.0f s: memory %.1f MiB, %d files open, p99 %.2f ms, %llu refused, %lld not folded\n",
           sample->at_s, (double)sample->rss_bytes / 1048576, sample->fds, sample->p99_ms,
           (unsigned long long)soak.wrong,
           (long long)wire_get_int(wire_get(body, "journal"), "backlog", -1));
    fflush(stdout);
}

static void look(double at_s)
{
    if (soak.samples == SAMPLES)
        return;
    struct sample *sample = &soak.sample[soak.samples++];
    *sample = (struct sample){at_s, rss_bytes(soak.scene.daemon.pid), fds_of(soak.scene.daemon.pid),
                              take_p99_ms()};
    if (soak.samples % TELL_EVERY == 0)
        tell(sample);
}

/* ---- the load ---------------------------------------------------------------------------- */

static const char *make(uint64_t n, msgpack_packer *packer)
{
    static const char *const verbs[10] = {
        "stock.receive", "stock.receive", "stock.adjust",  "stock.adjust", "stock.adjust",
        "stock.adjust",  "stock.receive", "stock.receive", "sku.put",      "stock.get"};
    char id[24], sku[16];
    unsigned kind = n % SALE_EVERY == 0 ? 10 : (unsigned)(n % 10);
    snprintf(id, sizeof(id), "i%llu", (unsigned long long)n);
    snprintf(sku, sizeof(sku), "s%u", (unsigned)(n / 10 % SKUS));
    msgpack_pack_map(packer, kind == 9 ? 1 : kind == 8 ? 4 : kind == 10 ? 3 : kind / 2 % 3 ? 6 : 5);
    if (kind != 9) {
        wire_put_text(packer, "source", "soak");
        wire_put_text(packer, "id", id);
    }
    if (kind == 10) {
        wire_key(packer, "lines");
        msgpack_pack_array(packer, 1);
        msgpack_pack_map(packer, 2);
        wire_put_text(packer, "sku", sku);
        wire_put_int(packer, "quantity", 1);
        return "order.sell";
    }
    wire_put_text(packer, "sku", sku);
    if (kind == 8)
        wire_put_int(packer, "cost", (int64_t)(n % 100000));
    if (kind < 8) {
        wire_put_text(packer, "location", "main");
        wire_put_int(packer, "quantity", 1);
        if (kind / 2 % 3)
            wire_put_text(packer, "kind", kind % 2 ? "found" : "lost");
    }
    return verbs[kind];
}

static void send_due(uint64_t due, int64_t began_ns)
{
    msgpack_sbuffer params;
    msgpack_packer packer;
    msgpack_sbuffer_init(&params);
    msgpack_packer_init(&packer, &params, msgpack_sbuffer_write);
    for (unsigned i = 0; i < 512 && soak.sent < due; i++) {
        if (soak.sent - soak.answered >= IN_FLIGHT / 2)
            break;
        uint64_t n = soak.sent++;
        msgpack_sbuffer_clear(&params);
        const char *verb = make(n, &packer);
        soak.due_ns[n % IN_FLIGHT] = began_ns + (int64_t)(n * 1000000000.0 / RATE_PER_S);
        wire_send(&soak.wires[n % WIRES], (uint32_t)n, verb, params.data, params.size);
    }
    msgpack_sbuffer_destroy(&params);
}

static void got(const struct wire_answer *answer)
{
    soak.answered++;
    count_time(now_ns() - soak.due_ns[answer->msgid % IN_FLIGHT]);
    if (answer->ok)
        return;
    if (!soak.wrong++) {
        char message[100];
        wire_get_text(answer->body, "message", message, sizeof(message));
        snprintf(soak.first_wrong, sizeof(soak.first_wrong), "(message %u: %s %s)", answer->msgid,
                 answer->code, message);
    }
}

static int exchange(void)
{
    struct pollfd polls[WIRES];
    struct wire_answer answer;
    for (unsigned i = 0; i < WIRES; i++) {
        if (wire_flush(&soak.wires[i]))
            return -1;
        polls[i] = (struct pollfd){
            soak.wires[i].fd, (short)(POLLIN | (wire_unsent(&soak.wires[i]) ? POLLOUT : 0)), 0};
    }
    if (poll(polls, WIRES, 1) <= 0)
        return 0;
    for (unsigned i = 0; i < WIRES; i++) {
        int taken = 0;
        if ((polls[i].revents & (POLLIN | POLLHUP)) && wire_fill(&soak.wires[i]))
            return -1;
        while ((taken = wire_take(&soak.wires[i], &answer)) > 0)
            got(&answer);
        if (taken < 0)
            return -1;
    }
    return 0;
}

static int load(int64_t seconds)
{
    int64_t began_ns = now_ns(), looked_ms = clock_ms();
    uint64_t whole = (uint64_t)seconds * RATE_PER_S;
    while (soak.answered < whole) {
        uint64_t due = (uint64_t)((double)(now_ns() - began_ns) * RATE_PER_S / 1e9);
        send_due(due < whole ? due : whole, began_ns);
        if (exchange())
            return -1;
        if (clock_ms() - looked_ms >= SAMPLE_MS) {
            looked_ms += SAMPLE_MS;
            look((double)(now_ns() - began_ns) / 1e9);
        }
    }
    return 0;
}

/* Of all programs but the daemon and this one, since the machine began. */
static int64_t others_ms(void)
{
    unsigned long long user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0;
    struct timespec own;
    FILE *file = fopen("/proc/stat", "r");
    if (file) {
        (void)!fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle,
                      &wait, &irq, &soft);
        fclose(file);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    return (int64_t)((user + nice + system + irq + soft) * 1000 /
                     (unsigned long long)sysconf(_SC_CLK_TCK)) -
           daemon_cpu_ms(&soak.scene.daemon) - own.tv_sec * 1000 - own.tv_nsec / 1000000;
}

/* ---- what is judged ---------------------------------------------------------------------- */

/* Slope of memory over time by least squares, in bytes per second. */
static double slope(const struct sample *sample, unsigned count)
{
    double n = count, t = 0, y = 0, tt = 0, ty = 0;
    for (unsigned i = 0; i < count; i++) {
        t += sample[i].at_s;
        y += (double)sample[i].rss_bytes;
        tt += sample[i].at_s * sample[i].at_s;
        ty += sample[i].at_s * (double)sample[i].rss_bytes;
    }
    double spread = n * tt - t * t;
    return spread > 0 ? (n * ty - t * y) / spread : 0;
}

static int by_time(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* The middle one of the 99th percentiles of each second. */
static double p99_of(const struct sample *sample, unsigned count)
{
    static double sorted[SAMPLES];
    for (unsigned i = 0; i < count; i++)
        sorted[i] = sample[i].p99_ms;
    qsort(sorted, count, sizeof(sorted[0]), by_time);
    return count ? sorted[count / 2] : 0;
}

static void judge_p99(double first_ms, double last_ms, int64_t others_percent)
{
    if (others_percent > OTHERS_MAX)
        printf("p99 is not judged: others took %lld %% of a processor\n",
               (long long)others_percent);
    else
        scene_check(&soak.scene, last_ms <= first_ms * 1.2 + P99_SPARE,
                    "p99 goes from %.2f to %.2f ms", first_ms, last_ms);
}

/* Once what fills up is full and has been for a while: the last two fifths. A short run has not
 * come so far; there memory and time are told and judge nothing. */
static void judge(int64_t seconds, int64_t others_percent)
{
    int filled = seconds >= 4 * WINDOW_S;
    unsigned from = soak.samples * 3 / 5;
    const struct sample *sample = soak.sample + from;
    unsigned count = soak.samples - from;
    if (!scene_check(&soak.scene, count >= 2, "only %u looks", count))
        return;
    double per_h = slope(sample, count) * 3600, span_s = sample[count - 1].at_s - sample[0].at_s;
    double first = p99_of(sample, count / 2), last = p99_of(sample + count / 2, count - count / 2);
    int fds = sample[0].fds, most = 0;
    for (unsigned i = 0; i < count; i++)
        most = sample[i].fds > most ? sample[i].fds : most;
    printf("from %.0f to %.0f s: memory %.1f MiB, %+.2f MiB in an hour; %d files open, %d at most; "
           "p99 %.2f ms, then %.2f ms\n",
           sample[0].at_s, sample[count - 1].at_s, (double)sample[count - 1].rss_bytes / 1048576,
           per_h / 1048576, fds, most, first, last);
    scene_check(&soak.scene, most <= fds + FDS_SPARE, "%d files are open, then %d", fds, most);
    if (!filled)
        return;
    double spare = others_percent > OTHERS_MAX ? RSS_BUSY : RSS_SPARE;
    scene_check(&soak.scene, per_h <= RSS_PER_H || per_h * span_s / 3600 <= spare,
                "memory grows by %.2f MiB in an hour", per_h / 1048576);
    judge_p99(first, last, others_percent);
}

static enum stk_status add_row(void *arg, struct stk_bytes key, struct stk_bytes value,
                               struct stk_error *err)
{
    (void)err;
    *(uint64_t *)arg += key.size + value.size + 16; /* checksum, and what LMDB has beside a row */
    return STK_OK;
}

static enum stk_status add_key(void *arg, const struct stk_run *one, struct stk_hash key)
{
    (void)one, (void)key;
    *(uint64_t *)arg += 48; /* the key, its sequence, a remembered answer's least */
    return STK_OK;
}

/* Bytes of all rows of the state. */
static uint64_t live_bytes(const char *folder)
{
    struct stk_rows *rows;
    struct stk_error err = {0};
    struct stk_rows_options options = {.folder = folder, .read_only = 1, .alone = 1};
    uint64_t bytes = 0;
    if (!scene_check(&soak.scene, stk_rows_open(&rows, &options, &err) == STK_OK, "%s", err.text))
        return 0;
    for (unsigned table = 1; table < STK_TABLE_COUNT; table++)
        scene_check(&soak.scene, stk_rows_each(rows, table, add_row, &bytes, &err) == STK_OK, "%s",
                    err.text);
    scene_check(&soak.scene, stk_rows_each_run_key(rows, add_key, &bytes, &err) == STK_OK, "%s",
                err.text);
    stk_rows_close(rows);
    return bytes;
}

static void judge_files(void)
{
    char state[PLACE_PATH], journal[PLACE_PATH];
    place_join(state, soak.scene.daemon.data, STK_DATA_STATE);
    place_join(journal, soak.scene.daemon.data, STK_DATA_JOURNAL);
    uint64_t live = live_bytes(state), has = place_bytes(state), kept = place_bytes(journal);
    printf("state: %llu MiB for %llu MiB of rows; journal: %llu MiB, %llu MiB are to be kept\n",
           (unsigned long long)has >> 20, (unsigned long long)live >> 20,
           (unsigned long long)kept >> 20, RETAIN >> 20);
    scene_check(&soak.scene, has <= 2 * live + (64ull << 20), "the state's file is too large");
    scene_check(&soak.scene, kept <= RETAIN + 3 * SEGMENT, "the journal's files are too large");
}

static void open_world(void)
{
    scene_must(&soak.scene, "location.put", "{'source':'soak','location':'main'}");
    for (unsigned i = 0; i < SKUS; i++) {
        scene_must(&soak.scene, "sku.put", "{'source':'soak','sku':'s%u'}", i);
        scene_must(&soak.scene, "stock.receive",
                   "{'source':'soak','id':'o%u','sku':'s%u','location':'main','quantity':%u}", i, i,
                   OPENING);
    }
}

int main(void)
{
    int64_t seconds = place_number("SOAK_SECONDS", 10), runs = place_number("SOAK_RUNS", 1);
    unsigned passed = 0, failed = 0;
    for (int64_t i = 0; i < runs; i++) {
        memset(&soak, 0, sizeof(soak));
        scene_begin(&soak.scene, "soak", settings);
        open_world();
        for (unsigned w = 0; w < WIRES; w++)
            scene_check(&soak.scene, !wire_open(&soak.wires[w], soak.scene.daemon.door),
                        "no connection");
        int64_t began_ms = clock_ms(), others = others_ms();
        scene_check(&soak.scene, !load(seconds), "the daemon went away");
        double took_s = (double)(clock_ms() - began_ms) / 1000;
        printf("%llu operations in %.1f s, %llu of them refused %s\n",
               (unsigned long long)soak.answered, took_s, (unsigned long long)soak.wrong,
               soak.first_wrong);
        scene_check(&soak.scene, !soak.wrong, "%llu were refused", (unsigned long long)soak.wrong);
        scene_check(&soak.scene, took_s < (double)seconds * 1.1 + 2, "the rate was not reached");
        judge(seconds, (others_ms() - others) / 10 / seconds);
        for (unsigned w = 0; w < WIRES; w++)
            wire_close(&soak.wires[w]);
        wire_close(&soak.scene.wire);
        scene_check(&soak.scene, !daemon_stop(&soak.scene.daemon, 60000), "no stop in order");
        judge_files();
        passed += soak.scene.passed;
        failed += soak.scene.failed;
        scene_end(&soak.scene);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
