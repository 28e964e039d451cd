/* The races that other systems lost, each as it happened there, on the real daemon over sockets:
 * the last unit by 100 clients, a kit whose components are shared within one order, cancel against
 * ship, expiry against pay, refund against sale, a million open holds on one SKU. */
#include "tests/crash/place.h"
#include "tests/crash/scene.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS 100

struct crowd { /* many clients, one request each, sent at one instant */
    struct scene *scene;
    struct wire wires[CLIENTS];
    struct wire_answer answers[CLIENTS];
    unsigned ok, refused; /* refused with `code` */
    const char *code;
};

static void crowd_open(struct crowd *crowd, struct scene *scene)
{
    crowd->scene = scene;
    for (unsigned i = 0; i < CLIENTS; i++)
        if (wire_open(&crowd->wires[i], scene->daemon.door)) {
            perror("connect");
            exit(1);
        }
}

static void crowd_close(struct crowd *crowd)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        wire_close(&crowd->wires[i]);
}

static void crowd_queue(struct crowd *crowd, unsigned client, const char *verb, const char *json)
{
    msgpack_sbuffer params;
    msgpack_packer packer;
    msgpack_sbuffer_init(&params);
    msgpack_packer_init(&packer, &params, msgpack_sbuffer_write);
    scene_pack(&packer, json);
    wire_send(&crowd->wires[client], client, verb, params.data, params.size);
    msgpack_sbuffer_destroy(&params);
}

/* All that is queued goes out, one answer each comes back. */
static void crowd_go(struct crowd *crowd, unsigned clients, const char *code)
{
    int64_t until_ms = clock_ms() + 20000;
    crowd->ok = crowd->refused = 0;
    for (unsigned i = 0; i < clients; i++)
        (void)wire_flush(&crowd->wires[i]);
    for (unsigned i = 0; i < clients; i++) {
        while (wire_take(&crowd->wires[i], &crowd->answers[i]) == 0 && clock_ms() < until_ms) {
            struct pollfd one = {crowd->wires[i].fd, POLLIN, 0};
            (void)poll(&one, 1, 1000);
            if (wire_fill(&crowd->wires[i]))
                break;
        }
        crowd->ok += crowd->answers[i].ok != 0;
        crowd->refused += !crowd->answers[i].ok && !strcmp(crowd->answers[i].code, code);
    }
}

/* The last unit, wanted by 100 clients at once: one gets it, 99 are told SHORT, in every round. */
static void last_unit(struct scene *scene, struct crowd *crowd)
{
    char json[256];
    for (unsigned round = 0; round < 20; round++) {
        char sku[16];
        snprintf(sku, sizeof(sku), "last%u", round);
        scene_stock(scene, sku, 1);
        for (unsigned i = 0; i < CLIENTS; i++) {
            snprintf(json, sizeof(json),
                     "{'source':'c%u','id':'%s-%u','lines':[{'sku':'%s','quantity':1}]}", i, sku, i,
                     sku);
            crowd_queue(crowd, i, "order.place", json);
        }
        crowd_go(crowd, CLIENTS, "SHORT");
        scene_check(scene, crowd->ok == 1 && crowd->refused == CLIENTS - 1,
                    "last unit: %u clients got it, %u were told SHORT", crowd->ok, crowd->refused);
        scene_check(scene,
                    scene_sku(scene, sku, "held") == 1 && scene_sku(scene, sku, "on_hand") == 1,
                    "last unit: the book is wrong");
    }
}

/* Two kits in one order share a component of which there is enough for one of them only. */
static void shared_component(struct scene *scene)
{
    scene_stock(scene, "cup", 3);
    scene_stock(scene, "red", 10);
    scene_stock(scene, "blue", 10);
    scene_must(scene, "listing.put",
               "{'source':'scene','channel':'web','listing':'kit-red','components':[{'sku':'cup','"
               "units':2},"
               "{'sku':'red'}]}");
    scene_must(scene, "listing.put",
               "{'source':'scene','channel':'web','listing':'kit-blue','components':[{'sku':'cup','"
               "units':2},"
               "{'sku':'blue'}]}");
    scene_call(scene, "order.place",
               "{'source':'web','id':'kits','channel':'web','lines':[{'listing':'kit-red',"
               "'quantity':1},{'listing':'kit-blue','quantity':1}]}");
    scene_check(scene, !strcmp(scene_code(scene), "SHORT"), "kits: %s for 4 cups of 3",
                scene_code(scene));
    scene_check(scene, scene_sku(scene, "cup", "held") == 0 && scene_sku(scene, "red", "held") == 0,
                "kits: the refused order holds something");
    scene_must(scene, "order.place",
               "{'source':'web','id':'kits2','channel':'web','lines':[{'listing':'kit-red',"
               "'quantity':1},{'sku':'cup','quantity':1}]}");
    scene_check(scene, scene_sku(scene, "cup", "held") == 3 && scene_sku(scene, "red", "held") == 1,
                "kits: kit and single together");
}

/* A cancellation and a shipment of one order at one instant: one wins whole. */
static void cancel_against_ship(struct scene *scene, struct crowd *crowd)
{
    unsigned rounds = 200, shipped = 0;
    char json[256];
    scene_stock(scene, "duel", 1000);
    for (unsigned round = 0; round < rounds; round++) {
        scene_must(scene, "order.place",
                   "{'source':'web','id':'duel%u','lines':[{'sku':'duel','quantity':3}]}", round);
        scene_must(scene, "order.pay", "{'source':'web','id':'dp%u','order':'duel%u'}", round,
                   round);
        for (unsigned i = 0; i < 2; i++) {
            snprintf(json, sizeof(json), "{'source':'web','id':'%c%u','order':'duel%u'}",
                     i ? 's' : 'c', round, round);
            crowd_queue(crowd, (round + i) % 2, i ? "order.ship" : "order.cancel", json);
        }
        crowd_go(crowd, 2, "STATE");
        scene_check(scene, crowd->ok == 1 && crowd->refused == 1,
                    "cancel against ship: %u done, %u refused", crowd->ok, crowd->refused);
        scene_call(scene, "order.get", "{'source':'web','order':'duel%u'}", round);
        shipped += wire_is_text(scene->answer.body, "state", "shipped");
    }
    scene_check(scene,
                scene_sku(scene, "duel", "shipped") == 3 * (int64_t)shipped &&
                    scene_sku(scene, "duel", "held") == 0 &&
                    scene_sku(scene, "duel", "on_hand") == 1000 - 3 * (int64_t)shipped,
                "cancel against ship: stock after %u shipments", shipped);
}

/* A refund beside the sale of the last units: the refund moves no stock, so it frees none. */
static void refund_against_sale(struct scene *scene, struct crowd *crowd)
{
    char json[256];
    for (unsigned round = 0; round < 50; round++) {
        char sku[16];
        snprintf(sku, sizeof(sku), "back%u", round);
        scene_stock(scene, sku, 2);
        scene_must(scene, "order.sell",
                   "{'source':'till','id':'sold-%s','lines':[{'sku':'%s','quantity':1,"
                   "'unit_price':500}]}",
                   sku, sku);
        snprintf(json, sizeof(json),
                 "{'source':'till','id':'refund-%s','order':'sold-%s','amount':500}", sku, sku);
        crowd_queue(crowd, 0, "order.refund", json);
        for (unsigned i = 1; i < 4; i++) {
            snprintf(json, sizeof(json),
                     "{'source':'till','id':'more-%s-%u','lines':[{'sku':'%s','quantity':1}]}", sku,
                     i, sku);
            crowd_queue(crowd, i, "order.sell", json);
        }
        crowd_go(crowd, 4, "SHORT");
        scene_check(scene, crowd->ok == 2 && crowd->refused == 2,
                    "refund against sale: %u done, %u short of 1 refund and 3 sales of 1 unit",
                    crowd->ok, crowd->refused);
        scene_check(scene,
                    scene_sku(scene, sku, "on_hand") == 0 && scene_sku(scene, sku, "shipped") == 2,
                    "refund against sale: the refund moved stock");
    }
}

/* Payments that come just when the time of the holds is over: each order is paid or expired, never
 * both, and what expired is there again. */
static void expiry_against_pay(struct scene *scene)
{
    unsigned rounds = 300, paid = 0, expired = 0;
    scene_stock(scene, "tick", 1000000);
    for (unsigned round = 0; round < rounds; round++) {
        unsigned ttl_ms = 5 + (unsigned)random_below(&scene->random, 10);
        scene_must(scene, "order.place",
                   "{'source':'web','id':'tick%u','ttl_ms':%u,'lines':[{'sku':'tick','quantity':1}]"
                   "}",
                   round, ttl_ms);
        int64_t until_ms =
            scene_int(scene, "expires_at") - (int64_t)random_below(&scene->random, 3);
        while (clock_wall_ms() < until_ms)
            ;
        int ok = scene_call(scene, "order.pay", "{'source':'web','id':'tp%u','order':'tick%u'}",
                            round, round);
        if (!ok)
            scene_check(scene, !strcmp(scene_code(scene), "STATE"), "expiry against pay: %s",
                        scene_code(scene));
        paid += ok != 0;
        scene_call(scene, "order.get", "{'source':'web','order':'tick%u'}", round);
        int is_expired = wire_is_text(scene->answer.body, "state", "expired");
        expired += is_expired != 0;
        scene_check(scene, ok != is_expired, "expiry against pay: paid %d, expired %d", ok,
                    is_expired);
    }
    scene_check(scene,
                scene_sku(scene, "tick", "held") == (int64_t)paid && paid + expired == rounds,
                "expiry against pay: %u paid, %u expired", paid, expired);
    printf("expiry against pay: %u paid, %u expired\n", paid, expired);
}

/* ---- a million open holds on one SKU ----------------------------------------------------------
 */

struct many {
    uint32_t first, failed;
    const char *verb;
};

static const char *make_many(void *arg, uint32_t i, msgpack_packer *packer)
{
    const struct many *many = arg;
    char id[32];
    snprintf(id, sizeof(id), "m%u", many->first + i);
    int place = !strcmp(many->verb, "order.place");
    msgpack_pack_map(packer, 3);
    wire_put_text(packer, "source", "web");
    if (!place) {
        wire_put_text(packer, "order", id);
        id[0] = 'c';
        wire_put_text(packer, "id", id);
        return many->verb;
    }
    wire_put_text(packer, "id", id);
    wire_key(packer, "lines");
    msgpack_pack_array(packer, 1);
    msgpack_pack_map(packer, 2);
    wire_put_text(packer, "sku", "million");
    wire_put_int(packer, "quantity", 1);
    return many->verb;
}

static void got_many(void *arg, uint32_t i, const struct wire_answer *answer)
{
    struct many *many = arg;
    (void)i;
    many->failed += !answer->ok;
}

static double run_many(struct scene *scene, const char *verb, uint32_t first, uint32_t count,
                       uint32_t *failed)
{
    struct many many = {first, 0, verb};
    int64_t began_ms = clock_ms();
    if (wire_many(&scene->wire, count, 512, make_many, got_many, &many))
        scene_check(scene, 0, "a million holds: the connection is gone");
    *failed = many.failed;
    return count * 1000.0 / (double)(clock_ms() - began_ms + 1);
}

/* The first holds and the last ones take the same time, and so does giving some of them back: no
 * walk over what is held already. */
static void million_holds(struct scene *scene)
{
    uint32_t total = (uint32_t)place_number("HOT_OPS", 1000000), failed;
    total = total > 1000000 ? 1000000 : total;
    scene_stock(scene, "million", total);
    double first = run_many(scene, "order.place", 0, total / 10, &failed);
    scene_check(scene, !failed, "a million holds: %u refused", failed);
    run_many(scene, "order.place", total / 10, total * 8 / 10, &failed);
    scene_check(scene, !failed, "a million holds: %u refused", failed);
    double last = run_many(scene, "order.place", total * 9 / 10, total / 10, &failed);
    scene_check(scene, !failed && scene_sku(scene, "million", "held") == total,
                "a million holds: %u refused, %lld held", failed,
                (long long)scene_sku(scene, "million", "held"));
    double given_back = run_many(scene, "order.cancel", total / 2, total / 10, &failed);
    scene_check(scene, !failed && scene_sku(scene, "million", "held") == total - total / 10,
                "a million holds: %u cancellations refused", failed);
    printf("%u holds on one SKU: the first at %.0f/s, the last at %.0f/s, cancelled at %.0f/s\n",
           total, first, last, given_back);
    /* ten times: a walk over a million would show as thousands, a busy machine as two or three */
    scene_check(scene, last > first / 10 && given_back > first / 10,
                "a million holds: slower with each");
}

int main(void)
{
    static struct scene scene;
    static struct crowd crowd;
    scene_begin(&scene, "races", NULL);
    crowd_open(&crowd, &scene);
    last_unit(&scene, &crowd);
    shared_component(&scene);
    cancel_against_ship(&scene, &crowd);
    refund_against_sale(&scene, &crowd);
    expiry_against_pay(&scene);
    crowd_close(&crowd);
    million_holds(&scene);
    return scene_end(&scene);
}
