/* R8: repeats are answered with the same bytes. DUPLICATES operations (default 20,000) of every
 * kind of outcome, each sent again: at once, while the first is under way, from another connection,
 * after kill -9, after it left memory for the disk, and at the end of the window (by a wall clock
 * that is ahead at a restart). */
#include "tests/crash/control.h"
#include "tests/crash/place.h"
#include "tests/crash/scene.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW    256
#define ORDERS    3      /* operations per order: place, pay, ship or a refusal */
#define WINDOW_MS 600000 /* key_window */

struct duplicates {
    struct scene *scene;
    uint32_t first;
    uint64_t *hash; /* of the first answer; 0: none yet */
    uint32_t different, answered, refused;
    int twice; /* every request is sent twice in a row */
};

/* Each third order is for more than there is; its pay finds no order, which is not remembered and
 * left out. Requests of one connection are taken in their order. */
static const char *make(void *arg, uint32_t message, msgpack_packer *packer)
{
    const struct duplicates *all = arg;
    uint32_t i = all->first + (all->twice ? message / 2 : message);
    uint32_t order = i / ORDERS, step = i % ORDERS;
    char id[32], key[32];
    snprintf(id, sizeof(id), "o%u", order);
    snprintf(key, sizeof(key), "k%u", i);
    msgpack_pack_map(packer, 3);
    wire_put_text(packer, "source", "dup");
    if (step) {
        wire_put_text(packer, "order", id);
        wire_put_text(packer, "id", key);
        return step == 1 ? "order.pay" : order % 2 ? "order.ship" : "order.cancel";
    }
    wire_put_text(packer, "id", id);
    wire_key(packer, "lines");
    msgpack_pack_array(packer, 1);
    msgpack_pack_map(packer, 2);
    wire_put_text(packer, "sku", "dup");
    wire_put_int(packer, "quantity", order % 3 == 2 ? 2000000000 : 1);
    return "order.place";
}

static void got(void *arg, uint32_t message, const struct wire_answer *answer)
{
    struct duplicates *all = arg;
    uint32_t i = all->first + (all->twice ? message / 2 : message);
    if (!answer->ok && (!strcmp(answer->code, "NOT_FOUND") || !strcmp(answer->code, "UNKNOWN")))
        return;
    uint64_t hash = wire_hash(answer->bytes, answer->size);
    all->answered++;
    all->refused += !answer->ok;
    if (!all->hash[i])
        all->hash[i] = hash;
    else
        all->different += all->hash[i] != hash;
}

static void pass(struct duplicates *all, uint32_t count, const char *when, int twice)
{
    struct scene *scene = all->scene;
    all->different = all->answered = all->refused = 0;
    all->twice = twice;
    int gone = wire_many(&scene->wire, count * (twice ? 2 : 1), WINDOW, make, got, all);
    scene_check(scene, !gone, "%s: the connection is gone", when);
    scene_check(scene, !all->different && all->answered, "%s: %u of %u answers are different", when,
                all->different, all->answered);
    printf("%-32s %8u answers (%u refusals), %u different\n", when, all->answered, all->refused,
           all->different);
}

int main(void)
{
    static struct scene scene;
    uint32_t count = (uint32_t)place_number("DUPLICATES", 20000);
    struct duplicates all = {&scene, 0, calloc(count, sizeof(uint64_t)), 0, 0, 0, 0};
    scene_begin(&scene, "duplicates",
                "rpc:\n  listen: []\nengine:\n  closed_keep: 1s\n  key_window: 600s\nstate:\n"
                "  run_keys: 5000\n  run_age: 2s\n");
    scene_stock(&scene, "dup", 1000000000);
    pass(&all, count, "first, each twice at once", 1);
    pass(&all, count, "again", 0);
    scene_check(&scene, !scene_restart(&scene), "no restart");
    pass(&all, count, "after kill -9", 0);
    int64_t until_ms = clock_ms() + 6000; /* the keys go to the disk */
    while (clock_ms() < until_ms)
        scene_call(&scene, "status", "{}");
    pass(&all, count, "from the disk", 0);
    scene_check(&scene, !scene_restart(&scene), "no restart");
    pass(&all, count, "from the disk, after kill -9", 0);
    struct control *control = control_create(&scene.daemon);
    atomic_store(&control->clock_offset_ms, WINDOW_MS - 60000);
    scene_check(&scene, !scene_restart(&scene), "no restart with the clock ahead");
    pass(&all, count, "at the end of the window", 0);
    control_destroy(control);
    free(all.hash);
    return scene_end(&scene);
}
