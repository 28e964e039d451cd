/* Rings under threads. Every record's size and bytes follow from its number, so the consumer knows
 * what must come next. Three games, each on rings from tiny to large:
 *   stream  one producer as fast as it can, with reservations larger than what is committed,
 *           publishing now and then; the consumer sleeps whenever it finds nothing
 *   echo    one record there and back, both sides asleep in between: each round needs two wake-ups
 *   fan-in  four producers, one consumer that sleeps on all four rings at once, as the engine does
 * A wake-up that is lost shows as a sleep that runs into its timeout with a record in the ring.
 * TORTURE_SECONDS (or the first argument): how long in all. */
#include "core/base/ring.h"
#include "core/base/thread.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOST_NS   (5ll * 1000000000)
#define PRODUCERS 4

struct game;

struct lane {
    struct stk_ring_spsc ring;
    struct game *game;
    struct stk_park *park; /* the consumer's */
    uint64_t sent;
    uint64_t received;
    uint64_t slept; /* by the consumer */
    uint64_t full;  /* times the producer found no room */
    uint64_t seed;
};

struct game {
    struct lane lanes[PRODUCERS];
    struct stk_park park, back_park;
    unsigned count; /* lanes in use */
    _Atomic int stop;
};

static int64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccd;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53;
    return x ^ x >> 33;
}

/* A random number of the calling side's own. */
static uint64_t roll(uint64_t *state)
{
    return mix(*state += 0x9e3779b97f4a7c15);
}

static _Noreturn void fail(const char *what, uint64_t number)
{
    fprintf(stderr, "torture_ring: %s at record %llu\n", what, (unsigned long long)number);
    exit(1);
}

/* Mostly short, now and then as long as the ring allows. The last record has size 1. */
static uint32_t size_of(const struct lane *lane, uint64_t number)
{
    uint32_t largest = lane->ring.size / 2 - 8;
    uint64_t bits = mix(number);
    uint32_t size = 8 + (uint32_t)(bits % (bits >> 32 & 31 ? 200 : largest));
    return size < largest ? size : largest;
}

static void fill(uint8_t *room, uint32_t size, uint64_t number)
{
    for (uint32_t at = 0; at + 8 <= size; at += 8)
        memcpy(room + at, &number, 8), number += 0x0101010101010101;
    memset(room + size / 8 * 8, (int)(size & 0xff), size % 8);
}

static int is_filled(const uint8_t *record, uint32_t size, uint64_t number)
{
    for (uint32_t at = 0; at + 8 <= size; at += 8, number += 0x0101010101010101)
        if (memcmp(record + at, &number, 8) != 0)
            return 0;
    for (uint32_t at = size / 8 * 8; at < size; at++)
        if (record[at] != (uint8_t)(size & 0xff))
            return 0;
    return 1;
}

static void publish(struct lane *lane)
{
    if (stk_ring_spsc_publish(&lane->ring))
        stk_park_wake(lane->park);
}

static uint8_t *reserve(struct lane *lane, uint32_t size)
{
    uint8_t *room;
    while (!(room = stk_ring_spsc_reserve(&lane->ring, size))) {
        publish(lane);
        lane->full++;
        sched_yield();
    }
    return room;
}

static void send(struct lane *lane)
{
    uint32_t size = size_of(lane, lane->sent);
    uint32_t largest = lane->ring.size / 2 - 8;
    uint32_t more = (uint32_t)(roll(&lane->seed) % 64);
    uint8_t *room = reserve(lane, size + more < largest ? size + more : largest);
    fill(room, size, lane->sent++);
    stk_ring_spsc_commit(&lane->ring, size);
}

static void send_end(struct lane *lane)
{
    *reserve(lane, 1) = 0;
    stk_ring_spsc_commit(&lane->ring, 1);
    publish(lane);
}

/* Takes what is there; 1 when it was the end. */
static int receive(struct lane *lane, unsigned at_most)
{
    uint32_t size;
    const uint8_t *record;
    while (at_most-- > 0 && (record = stk_ring_spsc_next(&lane->ring, &size))) {
        if (size == 1)
            return 1;
        if (record + size > lane->ring.data + lane->ring.size)
            fail("over the end", lane->received);
        if (size != size_of(lane, lane->received))
            fail("wrong size", lane->received);
        if (!is_filled(record, size, lane->received))
            fail("wrong bytes", lane->received);
        lane->received++;
    }
    stk_ring_spsc_release(&lane->ring);
    if (stk_ring_spsc_used(&lane->ring) > lane->ring.size)
        fail("more in use than there is", lane->received);
    return 0;
}

/* Sleep on all lanes at once, unless one has something. */
static void sleep_on(struct game *game, unsigned first, unsigned end, struct stk_park *park)
{
    unsigned ready = 0;
    for (unsigned i = first; i < end; i++)
        ready += !stk_ring_spsc_prepare_sleep(&game->lanes[i].ring);
    if (!ready) {
        int64_t before = now_ns();
        stk_park_wait(park, LOST_NS);
        game->lanes[first].slept++;
        for (unsigned i = first; i < end; i++)
            if (now_ns() - before >= LOST_NS && stk_ring_spsc_used(&game->lanes[i].ring) > 0)
                fail("a wake-up was lost", game->lanes[i].received);
    }
    for (unsigned i = first; i < end; i++)
        stk_ring_spsc_cancel_sleep(&game->lanes[i].ring);
}

static void produce(void *arg)
{
    struct lane *lane = arg;
    while (!atomic_load_explicit(&lane->game->stop, memory_order_relaxed)) {
        uint64_t dice = roll(&lane->seed);
        for (unsigned i = 0; i < 1 + dice % 17; i++)
            send(lane);
        publish(lane);
        if (dice % 64 == 0)
            sched_yield();
    }
    send_end(lane);
}

static void consume(struct game *game)
{
    unsigned ended = 0;
    uint64_t seed = 99;
    int over[PRODUCERS] = {0};
    while (ended < game->count) {
        for (unsigned i = 0; i < game->count; i++) {
            over[i] |= receive(&game->lanes[i], 1 + (unsigned)(roll(&seed) % 40));
            stk_ring_spsc_release(&game->lanes[i].ring);
        }
        ended = 0;
        for (unsigned i = 0; i < game->count; i++)
            ended += (unsigned)over[i];
        if (ended < game->count)
            sleep_on(game, 0, game->count, &game->park);
    }
    for (unsigned i = 0; i < game->count; i++)
        if (game->lanes[i].sent != game->lanes[i].received)
            fail("records are missing after", game->lanes[i].received);
}

/* Sends back whatever comes on lane 0 over lane 1. */
static void echo_back(void *arg)
{
    struct game *game = arg;
    struct lane *there = &game->lanes[0], *back = &game->lanes[1];
    for (;;) {
        uint64_t before = there->received;
        if (receive(there, 1))
            break;
        if (there->received == before) {
            sleep_on(game, 0, 1, &game->park);
            continue;
        }
        send(back);
        publish(back);
    }
    send_end(back);
}

static void play_echo(struct game *game)
{
    struct lane *there = &game->lanes[0], *back = &game->lanes[1];
    uint64_t seed = 5;
    while (!atomic_load_explicit(&game->stop, memory_order_relaxed)) {
        uint64_t before = back->received;
        send(there);
        publish(there);
        /* linger a random while, so that the other side is met at any point of going to sleep */
        for (volatile unsigned i = (unsigned)(roll(&seed) % 400); i > 0; i--)
            ;
        while (back->received == before) {
            receive(back, 1);
            if (back->received == before)
                sleep_on(game, 1, 2, &game->back_park);
        }
    }
    send_end(there);
    while (!receive(back, 1))
        sleep_on(game, 1, 2, &game->back_park);
    if (there->sent != there->received || there->sent != back->received)
        fail("an echo is missing after", back->received);
}

struct alarm {
    struct game *game;
    int64_t after_ns;
};

static void ring_the_bell(void *arg)
{
    struct alarm *alarm = arg;
    struct timespec span = {alarm->after_ns / 1000000000, alarm->after_ns % 1000000000};
    nanosleep(&span, NULL);
    atomic_store_explicit(&alarm->game->stop, 1, memory_order_relaxed);
}

static void start(struct stk_thread *thread, const char *name, void (*fn)(void *), void *arg)
{
    struct stk_error err;
    if (stk_thread_start(thread, STK_ROLE_NONE, name, fn, arg, &err) != STK_OK)
        fail(err.text, 0);
}

static void play(const char *name, unsigned lanes, uint32_t ring_bytes, int64_t for_ns)
{
    static struct game game;
    struct stk_thread bell, others[PRODUCERS];
    struct alarm alarm = {&game, for_ns};
    uint64_t records = 0, slept = 0, full = 0;
    int echo = strcmp(name, "echo") == 0;
    memset(&game, 0, sizeof game);
    game.count = lanes;
    for (unsigned i = 0; i < lanes; i++) {
        if (stk_ring_spsc_init(&game.lanes[i].ring, ring_bytes, NULL) != STK_OK)
            fail("no ring", 0);
        game.lanes[i].park = echo && i == 1 ? &game.back_park : &game.park;
        game.lanes[i].game = &game;
        game.lanes[i].seed = i + 1;
    }
    start(&bell, "bell", ring_the_bell, &alarm);
    if (echo) {
        start(&others[0], "echo", echo_back, &game);
        play_echo(&game);
        stk_thread_join(&others[0]);
    } else {
        for (unsigned i = 0; i < lanes; i++)
            start(&others[i], "produce", produce, &game.lanes[i]);
        consume(&game);
        for (unsigned i = 0; i < lanes; i++)
            stk_thread_join(&others[i]);
    }
    stk_thread_join(&bell);
    for (unsigned i = 0; i < lanes; i++) {
        records += game.lanes[i].received;
        slept += game.lanes[i].slept;
        full += game.lanes[i].full;
        stk_ring_spsc_fini(&game.lanes[i].ring);
    }
    printf("%-7s %u x %8u bytes: %10llu records, %9llu sleeps, %9llu times full\n", name, lanes,
           ring_bytes, (unsigned long long)records, (unsigned long long)slept,
           (unsigned long long)full);
    if (records == 0)
        fail("nothing was played", 0);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        unsigned lanes;
        uint32_t ring_bytes;
    } games[] = {
        {"stream", 1, 256},
        {"stream", 1, 4096},
        {"stream", 1, 1 << 16},
        {"stream", 1, 1 << 23},
        {"echo", 2, 256},
        {"echo", 2, 1 << 16},
        {"fan-in", PRODUCERS, 1024},
        {"fan-in", PRODUCERS, 1 << 20},
    };
    const char *given = argc > 1 ? argv[1] : getenv("TORTURE_SECONDS");
    double seconds = given ? atof(given) : 1;
    unsigned count = sizeof games / sizeof *games;
    if (!(seconds > 0 && seconds < 1e6)) {
        fprintf(stderr, "torture_ring: \"%s\" is no number of seconds\n", given);
        return 2;
    }
    for (unsigned i = 0; i < count; i++)
        play(games[i].name, games[i].lanes, games[i].ring_bytes, (int64_t)(seconds * 1e9 / count));
    return 0;
}
