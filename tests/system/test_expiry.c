/* R9: confirmations within 5 ms of the expiry, before and after it: EXPIRY_RACES (default 2,000) of
 * them, many under way. Each order has one outcome: the payment was acknowledged and it is paid, or
 * it was refused and it is expired; none is stuck, and the stock adds up. */
#include "tests/crash/place.h"
#include "tests/crash/scene.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH  2000
#define AROUND 5 /* ms */
#define MARGIN 3 /* ms that the engine's slewed clock may be off ours */
#define TTL_MS 400
#define SPREAD 600

struct race {
    uint32_t number;
    int64_t expires_ms; /* as answered, by the engine's clock */
    int64_t pay_ms;
    uint8_t paid, refused, expired, early;
};

struct races {
    struct scene *scene;
    struct race race[BATCH];
    struct race *order[BATCH]; /* by pay_ms */
    uint32_t first, wrong;
};

static void put_id(msgpack_packer *packer, const char *key, char letter, uint32_t number)
{
    char id[16];
    snprintf(id, sizeof(id), "%c%u", letter, number);
    wire_put_text(packer, key, id);
}

static const char *make_place(void *arg, uint32_t i, msgpack_packer *packer)
{
    struct races *races = arg;
    msgpack_pack_map(packer, 4);
    wire_put_text(packer, "source", "race");
    put_id(packer, "id", 'o', races->first + i);
    wire_put_int(packer, "ttl_ms", TTL_MS + (int64_t)random_below(&races->scene->random, SPREAD));
    wire_key(packer, "lines");
    msgpack_pack_array(packer, 1);
    msgpack_pack_map(packer, 2);
    wire_put_text(packer, "sku", "race");
    wire_put_int(packer, "quantity", 1);
    return "order.place";
}

static void got_place(void *arg, uint32_t i, const struct wire_answer *answer)
{
    struct races *races = arg;
    races->race[i] = (struct race){.number = races->first + i,
                                   .expires_ms = wire_get_int(answer->body, "expires_at", 0)};
    races->race[i].pay_ms = races->race[i].expires_ms - AROUND +
                            (int64_t)random_below(&races->scene->random, 2 * AROUND + 1);
    races->wrong += !answer->ok;
}

static int by_time(const void *a, const void *b)
{
    int64_t first = (*(struct race *const *)a)->pay_ms, second = (*(struct race *const *)b)->pay_ms;
    return first < second ? -1 : first > second;
}

static void send_pay(struct races *races, uint32_t i)
{
    msgpack_sbuffer params;
    msgpack_packer packer;
    msgpack_sbuffer_init(&params);
    msgpack_packer_init(&packer, &params, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, 3);
    wire_put_text(&packer, "source", "race");
    put_id(&packer, "id", 'p', races->order[i]->number);
    put_id(&packer, "order", 'o', races->order[i]->number);
    wire_send(&races->scene->wire, i, "order.pay", params.data, params.size);
    msgpack_sbuffer_destroy(&params);
}

static void take_answers(struct races *races, uint32_t *answered)
{
    struct wire_answer answer;
    while (wire_take(&races->scene->wire, &answer) > 0) {
        struct race *race = races->order[answer.msgid];
        race->paid = answer.ok != 0;
        race->refused = !answer.ok && !strcmp(answer.code, "STATE");
        races->wrong += !race->paid && !race->refused;
        (*answered)++;
    }
}

/* Each payment goes out in its own millisecond. */
static void pay_in_time(struct races *races)
{
    uint32_t sent = 0, answered = 0;
    int64_t until_ms = clock_ms() + 20000;
    while (answered < BATCH && clock_ms() < until_ms) {
        while (sent < BATCH && races->order[sent]->pay_ms <= clock_wall_ms())
            send_pay(races, sent++);
        (void)wire_flush(&races->scene->wire);
        struct pollfd one = {races->scene->wire.fd, POLLIN, 0};
        if (poll(&one, 1, 0) > 0 && wire_fill(&races->scene->wire))
            break;
        take_answers(races, &answered);
    }
    scene_check(races->scene, answered == BATCH, "%u of %u payments were answered", answered,
                BATCH);
}

static const char *make_get(void *arg, uint32_t i, msgpack_packer *packer)
{
    const struct races *races = arg;
    msgpack_pack_map(packer, 2);
    wire_put_text(packer, "source", "race");
    put_id(packer, "order", 'o', races->race[i].number);
    return "order.get";
}

static void got_state(void *arg, uint32_t i, const struct wire_answer *answer)
{
    struct races *races = arg;
    struct race *race = &races->race[i];
    int paid = wire_is_text(answer->body, "state", "paid");
    race->expired = wire_is_text(answer->body, "state", "expired");
    /* both by the engine's own clock */
    race->early = race->expired && wire_get_int(answer->body, "changed_at", 0) < race->expires_ms;
    if (paid == race->expired || paid != race->paid || (!paid && !race->refused))
        scene_check(races->scene, 0, "order %u: paid %d, refused %d, but it is %s", race->number,
                    race->paid, race->refused,
                    paid            ? "paid"
                    : race->expired ? "expired"
                                    : "neither");
}

int main(void)
{
    static struct scene scene;
    static struct races races;
    uint32_t total = (uint32_t)place_number("EXPIRY_RACES", 2000), paid = 0, expired = 0, early = 0;
    races.scene = &scene;
    scene_begin(&scene, "expiry", NULL);
    scene_stock(&scene, "race", 1000000000);
    for (; races.first < total; races.first += BATCH) {
        if (wire_many(&scene.wire, BATCH, 256, make_place, got_place, &races))
            break;
        for (uint32_t i = 0; i < BATCH; i++)
            races.order[i] = &races.race[i];
        qsort(races.order, BATCH, sizeof(races.order[0]), by_time);
        pay_in_time(&races);
        if (wire_many(&scene.wire, BATCH, 256, make_get, got_state, &races))
            break;
        for (uint32_t i = 0; i < BATCH; i++) {
            paid += races.race[i].paid;
            expired += races.race[i].expired;
            early += races.race[i].early;
        }
    }
    printf("%u races: %u paid, %u expired\n", races.first, paid, expired);
    scene_check(&scene, races.first >= total, "the connection is gone");
    scene_check(&scene, !races.wrong, "%u answers were neither done nor STATE", races.wrong);
    scene_check(&scene, paid + expired == races.first, "%u paid and %u expired of %u", paid,
                expired, races.first);
    scene_check(&scene, paid > total / 10 && expired > total / 10,
                "no race: nearly all went one way");
    scene_check(&scene, scene_sku(&scene, "race", "held") == (int64_t)paid, "%lld units are held",
                (long long)scene_int(&scene, "held"));
    scene_check(&scene, early == 0, "%u expired before their time", early);
    return scene_end(&scene);
}
