/* R3: power loss. The daemon runs under the recorder and the feed; then images are made of what the
 * disk may hold when the power went at some instant, in four modes, J and S cut at the same one.
 * The daemon is started on each: it must open, what was acknowledged before that instant must be
 * there and repeats give the same bytes, the chain must verify, stock must be conserved.
 *
 * POWER_IMAGES images (default 300) over POWER_SEEDS recordings. R4: one more recording in which
 * syncs do nothing must be found out within FAULT_IMAGES images. */
#include "core/store/walk.h"
#include "tests/crash/image.h"
#include "tests/crash/place.h"
#include "tests/crash/record.h"
#include "tests/crash/run.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MSGID_FIRST  (1u << 20)
#define FEED_MS      5000
#define RATE_PER_S   6000
#define JOBS         2
#define LAST_REPEATS 400
#define SOME_REPEATS 200
#define LAST_ORDERS  150
#define SOME_ORDERS  100
#define WINDOW       128
#define NEVER        UINT64_MAX

struct at { /* something that is true from this entry on */
    uint64_t entry;
    uint32_t what;
};

struct stream { /* what one socket sent, until a message is whole */
    uint8_t *data;
    size_t size, room;
};

struct power {
    struct run run;
    struct image *image;
    char *log;
    struct at *acks; /* operations by their first answer */
    uint32_t ack_count;
    uint64_t *acked_at; /* by operation */
    struct at *settled; /* orders whose operations have all been answered by then */
    uint32_t settled_count;
    struct stream streams[65536];
    uint64_t first_ack;
};

/* ---- what was acknowledged when ---------------------------------------------------------------
 */

static void note_answer(struct power *power, uint64_t entry, const msgpack_object *root)
{
    const struct feed *feed = &power->run.feed;
    if (root->type != MSGPACK_OBJECT_ARRAY || root->via.array.size != 4)
        return;
    uint64_t msgid = root->via.array.ptr[1].via.u64;
    if (msgid < MSGID_FIRST || msgid > feed->msgid)
        return;
    uint32_t op = feed->trace[msgid - MSGID_FIRST];
    if (op >= feed->op_count || power->acked_at[op] != NEVER)
        return;
    if (feed->ops[op].outcome != OP_DONE && feed->ops[op].outcome != OP_REFUSED)
        return; /* not one that is remembered, or it had left but did not arrive */
    power->acked_at[op] = entry;
    power->acks[power->ack_count++] = (struct at){entry, op};
}

static void note_sent(void *arg, uint64_t entry, uint32_t socket, const void *data, size_t size)
{
    struct power *power = arg;
    struct stream *stream = &power->streams[socket & 0xffff];
    msgpack_unpacked message;
    size_t end = 0;
    if (stream->size + size > stream->room) {
        stream->room = (stream->size + size) * 2;
        stream->data = realloc(stream->data, stream->room);
    }
    memcpy(stream->data + stream->size, data, size);
    stream->size += size;
    msgpack_unpacked_init(&message);
    while (end < stream->size && msgpack_unpack_next(&message, (char *)stream->data, stream->size,
                                                     &end) == MSGPACK_UNPACK_SUCCESS)
        note_answer(power, entry, &message.data);
    msgpack_unpacked_destroy(&message);
    memmove(stream->data, stream->data + end, stream->size - end);
    stream->size -= end;
}

static int by_entry(const void *a, const void *b)
{
    uint64_t first = ((const struct at *)a)->entry, second = ((const struct at *)b)->entry;
    return first < second ? -1 : first > second;
}

static void find_settled(struct power *power)
{
    const struct feed *feed = &power->run.feed;
    uint32_t orders = feed->model.order_count;
    power->settled = calloc(orders + 1, sizeof(*power->settled));
    for (uint32_t i = 0; i < orders; i++)
        power->settled[i] = (struct at){0, i};
    for (uint32_t i = 0; i < feed->op_count; i++) {
        const struct op *op = &feed->ops[i];
        if (op->order != NO_ORDER && power->settled[op->order].entry < power->acked_at[i])
            power->settled[op->order].entry = power->acked_at[i];
    }
    qsort(power->settled, orders, sizeof(*power->settled), by_entry);
    while (orders && power->settled[orders - 1].entry == NEVER)
        orders--;
    power->settled_count = orders;
}

static void read_acks(struct power *power)
{
    const struct feed *feed = &power->run.feed;
    power->acked_at = malloc((feed->op_count + 1) * sizeof(uint64_t));
    memset(power->acked_at, 0xff, (feed->op_count + 1) * sizeof(uint64_t));
    power->acks = calloc(feed->op_count + 1, sizeof(*power->acks));
    image_each_sent(power->image, note_sent, power);
    find_settled(power);
    power->first_ack = power->ack_count ? power->acks[0].entry : 0;
}

/* How many of them are true at that entry. */
static uint32_t before(const struct at *at, uint32_t count, uint64_t entry)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (at[middle].entry < entry)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- recording --------------------------------------------------------------------------------
 */

/* 0, or -1 told. */
static int record(struct power *power, const char *plant, uint64_t seed)
{
    struct daemon *daemon = &power->run.daemon;
    struct feed *feed = &power->run.feed;
    char log[PLACE_PATH];
    char *library = place_built("tests/crash/preload_record.so");
    daemon_init(daemon, place_folder("power", 1, UINT64_C(6) << 30), run_settings);
    feed_init(feed, seed, 8);
    feed->rate_per_s = (uint64_t)place_number("POWER_RATE", RATE_PER_S);
    power->log = strdup(place_join(log, daemon->folder, "log"));
    daemon_set(daemon, "LD_PRELOAD", library);
    daemon_set(daemon, RECORD_ENV_LOG, power->log);
    daemon_set(daemon, RECORD_ENV_ROOT, daemon->data);
    daemon_set(daemon, RECORD_ENV_PLANT, plant);
    free(library);
    if (daemon_start(daemon, RUN_START_MS, NULL) || feed_world(feed, daemon->door) ||
        feed_connect(feed, daemon->door)) {
        printf("the daemon does not start under the recorder\n");
        daemon_show(daemon);
        return -1;
    }
    feed_trace(feed, MSGID_FIRST);
    (void)feed_run(feed, clock_ms() + FEED_MS);
    daemon_kill(daemon);
    feed_drain(feed);
    daemon_set(daemon, "LD_PRELOAD", NULL);
    place_remove(daemon->data);
    power->image = image_open(power->log, daemon->data);
    if (!power->image)
        return -1;
    read_acks(power);
    printf("recording: %llu entries, %u operations acknowledged, %u orders settled\n",
           (unsigned long long)image_entries(power->image), power->ack_count, power->settled_count);
    return 0;
}

static void forget(struct power *power)
{
    image_close(power->image);
    for (unsigned i = 0; i < 65536; i++)
        free(power->streams[i].data);
    free(power->acks);
    free(power->acked_at);
    free(power->settled);
    free(power->log);
    feed_fini(&power->run.feed);
    daemon_fini(&power->run.daemon);
    memset(power, 0, sizeof(*power));
}

/* ---- one image, in a process of its own -------------------------------------------------------
 */

struct looking {
    struct power *power;
    uint32_t list[LAST_ORDERS + SOME_ORDERS + LAST_REPEATS + SOME_REPEATS];
    uint32_t count;
};

/* The last ones before the cut, and some others. */
static void choose(struct looking *looking, const struct at *at, uint32_t true_now, uint32_t last,
                   uint32_t some)
{
    struct random *random = &looking->power->run.feed.random;
    looking->count = 0;
    for (uint32_t i = true_now > last ? true_now - last : 0; i < true_now; i++)
        looking->list[looking->count++] = at[i].what;
    for (uint32_t i = 0; i < some && true_now > last; i++)
        looking->list[looking->count++] = at[random_below(random, true_now - last)].what;
}

static const char *make_order_get(void *arg, uint32_t i, msgpack_packer *packer)
{
    const struct looking *looking = arg;
    char id[16], source[8];
    model_order_id(looking->list[i], id);
    snprintf(source, sizeof(source), "shop%u", looking->list[i] % 8);
    msgpack_pack_map(packer, 2);
    wire_put_text(packer, "source", source);
    wire_put_text(packer, "order", id);
    return "order.get";
}

static void got_order(void *arg, uint32_t i, const struct wire_answer *answer)
{
    struct looking *looking = arg;
    int happened;
    model_look(&looking->power->run.feed.model, looking->list[i], NULL, answer->ok, answer->code,
               answer->body, &happened);
}

static const char *make_repeat(void *arg, uint32_t i, msgpack_packer *packer)
{
    const struct looking *looking = arg;
    const struct feed *feed = &looking->power->run.feed;
    const struct op *op = &feed->ops[looking->list[i]];
    packer->callback(packer->data, (const char *)feed_params(feed, op), op->params_size);
    return op_verb_name[op->verb];
}

static void got_repeat(void *arg, uint32_t i, const struct wire_answer *answer)
{
    struct looking *looking = arg;
    struct feed *feed = &looking->power->run.feed;
    const struct op *op = &feed->ops[looking->list[i]];
    if (op->hash != wire_hash(answer->bytes, answer->size))
        model_fault(&feed->model, "%s p%08x: was answered %s before the cut, now %s",
                    op_verb_name[op->verb], op->number, op->outcome == OP_DONE ? "OK" : "refused",
                    answer->ok ? "OK" : answer->code);
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
    struct looking *looking = arg;
    struct model *model = &looking->power->run.feed.model;
    if (!answer->ok)
        model_fault(model, "s%04u: %s", i, answer->code);
    else
        model_look_conserved(model, i, answer->body);
}

static void look(struct power *power, struct daemon *daemon, uint64_t cut)
{
    static struct looking looking;
    struct model *model = &power->run.feed.model;
    struct wire wire;
    looking.power = power;
    if (wire_open(&wire, daemon->door)) {
        model_fault(model, "no connection");
        return;
    }
    choose(&looking, power->settled, before(power->settled, power->settled_count, cut), LAST_ORDERS,
           SOME_ORDERS);
    int gone = wire_many(&wire, looking.count, WINDOW, make_order_get, got_order, &looking);
    if (!gone && cut > power->first_ack)
        gone = wire_many(&wire, WORLD_SKUS, WINDOW, make_sku_get, got_sku, &looking);
    choose(&looking, power->acks, before(power->acks, power->ack_count, cut), LAST_REPEATS,
           SOME_REPEATS);
    if (!gone)
        gone = wire_many(&wire, looking.count, WINDOW, make_repeat, got_repeat, &looking);
    if (gone)
        model_fault(model, "the daemon went away while it was looked at");
    check_journal(model, daemon);
    wire_close(&wire);
}

static int check_image(struct power *power, char *folder, uint64_t cut, const char *mode, int quiet)
{
    struct daemon daemon;
    struct model *model = &power->run.feed.model;
    if (quiet && !freopen("/dev/null", "w", stdout))
        return 1;
    model->faults = 0;
    daemon_init(&daemon, folder, run_settings);
    if (daemon_start(&daemon, RUN_START_MS, NULL))
        model_fault(model, "the daemon does not start on the image");
    else
        look(power, &daemon, cut);
    daemon_kill(&daemon);
    if (model->faults) {
        printf("  image cut at entry %llu (%s): %llu faults; %s\n", (unsigned long long)cut, mode,
               (unsigned long long)model->faults, model->first_fault);
        daemon_show(&daemon);
    }
    daemon_fini(&daemon);
    fflush(stdout);
    return model->faults != 0;
}

/* ---- many images ------------------------------------------------------------------------------
 */

/* An instant: anywhere, or at the edge of a sync or an answer; rising with i. */
static uint64_t instant(struct power *power, unsigned i, unsigned images)
{
    struct random *random = &power->run.feed.random;
    uint64_t entries = image_entries(power->image), span = entries / images + 1;
    uint64_t entry = entries * i / images + random_below(random, span);
    if (entry >= entries)
        entry = entries - 1;
    for (unsigned tries = 0; random_percent(random, 50) || tries; tries++) {
        if (tries > 200 || entry + 1 >= entries || image_is_edge(power->image, entry))
            break;
        entry++;
    }
    return entry;
}

static unsigned reap(unsigned running, unsigned most, unsigned *faulty)
{
    int status;
    while (running > most && wait(&status) > 0) {
        *faulty += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
        running--;
    }
    return running;
}

/* Stops at the first faulty one when `until_found`. Returns how many were faulty; *made of them. */
static unsigned try_images(struct power *power, unsigned images, int until_found, unsigned *made)
{
    unsigned faulty = 0, running = 0;
    uint64_t last = 0;
    for (*made = 0; *made < images && !(until_found && faulty); (*made)++) {
        enum image_mode mode = (enum image_mode)(*made % IMAGE_MODES);
        uint64_t cut = instant(power, *made, images);
        cut = cut < last ? last : cut;
        last = cut;
        image_advance(power->image, cut);
        char target[PLACE_PATH];
        char *folder = place_folder("image", 1, UINT64_C(1) << 30);
        if (image_make(power->image, mode, *made, place_join(target, folder, "data"))) {
            perror(target);
            exit(1);
        }
        running = reap(running, JOBS - 1, &faulty);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0)
            _exit(check_image(power, folder, cut, image_mode_names[mode], until_found));
        free(folder);
        running += child > 0;
    }
    reap(running, 0, &faulty);
    return faulty;
}

static int sound(struct power *power, uint64_t seed, unsigned images, unsigned *failed)
{
    unsigned made;
    int64_t began_ms = clock_ms();
    if (record(power, "", seed))
        return -1;
    unsigned faulty = try_images(power, images, 0, &made);
    printf("recording %llu: %u images, %u faulty, %lld s\n", (unsigned long long)seed, made, faulty,
           (long long)(clock_ms() - began_ms) / 1000);
    *failed += faulty;
    forget(power);
    return 0;
}

/* A planted fault is found, or the images find nothing. */
static int planted(struct power *power, const char *plant, unsigned images)
{
    unsigned made;
    if (record(power, plant, 1))
        return 0;
    unsigned faulty = try_images(power, images, 1, &made);
    printf("planted %s: %s after %u images\n", plant, faulty ? "found" : "NOT FOUND", made);
    forget(power);
    return faulty != 0;
}

int main(void)
{
    static struct power power;
    unsigned images = (unsigned)place_number("POWER_IMAGES", 300), failed = 0;
    unsigned seeds = (unsigned)place_number("POWER_SEEDS", 1), passed;
    for (unsigned seed = 1; seed <= seeds; seed++)
        if (sound(&power, seed, images / seeds, &failed)) {
            printf("0 passed, 1 failed\n");
            return 1;
        }
    passed = images / seeds * seeds - failed;
    if (planted(&power, "nosync", (unsigned)place_number("FAULT_IMAGES", 300)))
        passed++;
    else
        failed++;
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
