/* R7: one hot SKU, 16 client threads, HOT_OPS operations (default 10^6): holds of one unit, and
 * their cancellations. The sums are exact: what is held is what was acknowledged, and never more
 * than there is. */
#include "tests/crash/place.h"
#include "tests/crash/scene.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 16
#define WINDOW  64
#define STOCK   5000 /* much less than is wanted */
#define SLICE   4096

struct client {
    pthread_t thread;
    const char *door;
    unsigned number;
    uint64_t ops;
    uint32_t order;        /* orders placed so far */
    uint8_t placed[SLICE]; /* of this slice: acknowledged */
    uint64_t done, refused, wrong, cancelled;
    int cancelling, gone;
};

static const char *make(void *arg, uint32_t i, msgpack_packer *packer)
{
    const struct client *client = arg;
    char id[32], source[16];
    snprintf(source, sizeof(source), "t%u", client->number);
    snprintf(id, sizeof(id), "o%u", client->order + i);
    msgpack_pack_map(packer, 3);
    wire_put_text(packer, "source", source);
    if (client->cancelling) {
        wire_put_text(packer, "order", id);
        id[0] = 'c';
        wire_put_text(packer, "id", id);
        return "order.cancel";
    }
    wire_put_text(packer, "id", id);
    wire_key(packer, "lines");
    msgpack_pack_array(packer, 1);
    msgpack_pack_map(packer, 2);
    wire_put_text(packer, "sku", "hot");
    wire_put_int(packer, "quantity", 1);
    return "order.place";
}

static void got(void *arg, uint32_t i, const struct wire_answer *answer)
{
    struct client *client = arg;
    if (!client->cancelling) {
        client->placed[i] = answer->ok != 0;
        client->done += answer->ok != 0;
        client->refused += !answer->ok && !strcmp(answer->code, "SHORT");
        client->wrong += !answer->ok && strcmp(answer->code, "SHORT") != 0;
        return;
    }
    /* an order that was refused is not there: its cancellation is kept for when it comes */
    client->cancelled += client->placed[i] && answer->ok;
    client->wrong += client->placed[i] && !answer->ok;
}

static void *run(void *arg)
{
    struct client *client = arg;
    struct wire wire;
    if (wire_open(&wire, client->door)) {
        client->gone = 1;
        return NULL;
    }
    for (uint64_t sent = 0; sent < client->ops && !client->gone;) {
        uint32_t count = client->ops - sent < SLICE ? (uint32_t)(client->ops - sent) : SLICE;
        /* the last slice keeps what it holds */
        int keep = sent + 2 * (uint64_t)count >= client->ops;
        client->cancelling = 0;
        client->gone |= wire_many(&wire, count, WINDOW, make, got, client);
        sent += count;
        if (keep || client->gone)
            break;
        client->cancelling = 1;
        client->gone |= wire_many(&wire, count, WINDOW, make, got, client);
        client->order += count;
        sent += count;
    }
    wire_close(&wire);
    return NULL;
}

int main(void)
{
    static struct scene scene;
    static struct client clients[THREADS];
    uint64_t ops = (uint64_t)place_number("HOT_OPS", 1000000), done = 0, cancelled = 0, wrong = 0;
    uint64_t refused = 0;
    unsigned gone = 0;
    scene_begin(&scene, "hot",
                "rpc:\n  listen: []\nengine:\n  closed_keep: 1s\n  early: 1000000\n");
    scene_stock(&scene, "hot", STOCK);
    int64_t began_ms = clock_ms();
    for (unsigned i = 0; i < THREADS; i++) {
        clients[i].door = scene.daemon.door;
        clients[i].number = i;
        clients[i].ops = ops / THREADS;
        pthread_create(&clients[i].thread, NULL, run, &clients[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(clients[i].thread, NULL);
        done += clients[i].done;
        cancelled += clients[i].cancelled;
        refused += clients[i].refused;
        wrong += clients[i].wrong;
        gone += (unsigned)clients[i].gone;
    }
    double seconds = (double)(clock_ms() - began_ms) / 1000;
    int64_t held = scene_sku(&scene, "hot", "held"), on_hand = scene_sku(&scene, "hot", "on_hand");
    printf("%llu operations in %.1f s (%.0f/s): %llu held, %llu refused, %llu cancelled\n",
           (unsigned long long)ops, seconds, (double)ops / seconds, (unsigned long long)done,
           (unsigned long long)refused, (unsigned long long)cancelled);
    scene_check(&scene, !gone, "%u clients lost their connection", gone);
    scene_check(&scene, !wrong, "%llu answers were neither done nor SHORT",
                (unsigned long long)wrong);
    scene_check(&scene, held == (int64_t)(done - cancelled),
                "%lld are held, %llu were acknowledged", (long long)held,
                (unsigned long long)(done - cancelled));
    scene_check(&scene, held <= STOCK && on_hand == STOCK, "oversold: %lld held of %lld",
                (long long)held, (long long)on_hand);
    scene_check(&scene, !scene_restart(&scene), "no restart");
    scene_check(&scene, scene_sku(&scene, "hot", "held") == held, "after kill -9: %lld held",
                (long long)scene_int(&scene, "held"));
    return scene_end(&scene);
}
