/* A stub that answers every order with the same short "yes" as fast as it can, in a thread of this
 * process. It knows that all requests have one size. What a run against it costs the client's
 * thread per message is the client's own ceiling. */
#include "bench/scratch.h"
#include "bench/system.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES (256u * 1024)

/* An answer of the shape that order.place has: [1, slot, nil, {"order": ..., "state": "placed"}] */
static const uint8_t answer[] = "\x94\x01\xce\0\0\0\0\xc0\x83\xa5order\xb0ORD-000000000000"
                                "\xa5state\xa6placed\xa8sequence\xcf\0\0\0\0\0\0\0";
#define ANSWER_SIZE sizeof(answer)

struct stub_conn {
    int fd;
    uint32_t rest; /* bytes of a request whose end is not there yet */
    uint8_t tail[BENCH_WIRE_SIZE];
};

struct stub {
    pthread_t thread;
    int epoll;
    _Atomic int ended;
    atomic_ullong served;
    uint32_t request_size, slot_at;
    uint8_t in[BUFFER_BYTES + BENCH_WIRE_SIZE];
    uint8_t out[BUFFER_BYTES * 2];
};

static int write_all(int fd, const uint8_t *data, size_t size)
{
    while (size) {
        ssize_t done = write(fd, data, size);
        if (done < 0 && errno != EAGAIN && errno != EINTR)
            return 0;
        data += done > 0 ? done : 0;
        size -= done > 0 ? (size_t)done : 0;
    }
    return 1;
}

static void serve(struct stub *stub, struct stub_conn *conn)
{
    memcpy(stub->in, conn->tail, conn->rest);
    ssize_t got = read(conn->fd, stub->in + conn->rest, BUFFER_BYTES / 2);
    if (got <= 0)
        return;
    uint32_t size = conn->rest + (uint32_t)got, at = 0, out = 0;
    for (; size - at >= stub->request_size; at += stub->request_size, out += ANSWER_SIZE) {
        memcpy(stub->out + out, answer, ANSWER_SIZE);
        memcpy(stub->out + out + 3, stub->in + at + stub->slot_at, 4);
        stub->served++;
    }
    conn->rest = size - at;
    memcpy(conn->tail, stub->in + at, conn->rest);
    if (!write_all(conn->fd, stub->out, out))
        close(conn->fd);
}

static void *stub_main(void *arg)
{
    struct stub *stub = arg;
    struct epoll_event events[64];
    while (!atomic_load(&stub->ended)) {
        int ready = epoll_wait(stub->epoll, events, 64, 50);
        for (int i = 0; i < ready; i++)
            serve(stub, events[i].data.ptr);
    }
    return NULL;
}

static enum bench_presence start(struct bench_system *system)
{
    struct stub *stub = calloc(1, sizeof(*stub));
    system->state = stub;
    if (!stub)
        return BENCH_BROKEN;
    bench_wire_rpc(&system->wire, system->options->ttl_ms);
    stub->request_size = system->wire.size;
    stub->slot_at = system->wire.slot_at;
    stub->epoll = epoll_create1(EPOLL_CLOEXEC);
    snprintf(system->settings, sizeof(system->settings), "answers without doing anything");
    snprintf(system->version, sizeof(system->version), "-");
    if (pthread_create(&stub->thread, NULL, stub_main, stub) == 0)
        return BENCH_READY;
    free(stub);
    system->state = NULL;
    return BENCH_BROKEN;
}

static int load(struct bench_system *system)
{
    (void)system;
    return 1;
}

/* The stub's end of the pair lives as long as the process: there are few. */
static int dial(struct bench_system *system)
{
    struct stub *stub = system->state;
    int pair[2];
    struct stub_conn *conn = calloc(1, sizeof(*conn));
    if (!conn || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair)) {
        free(conn);
        return -1;
    }
    conn->fd = pair[1];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    epoll_ctl(stub->epoll, EPOLL_CTL_ADD, conn->fd, &event);
    return pair[0];
}

static int check(struct bench_system *system, uint64_t held, char *why, uint32_t why_size)
{
    struct stub *stub = system->state;
    uint64_t served = atomic_load(&stub->served);
    snprintf(why, why_size, "%llu answers", (unsigned long long)served);
    return served == held;
}

static void stop(struct bench_system *system)
{
    struct stub *stub = system->state;
    if (!stub)
        return;
    atomic_store(&stub->ended, 1);
    pthread_join(stub->thread, NULL);
    close(stub->epoll);
    free(stub);
    system->state = NULL;
}

void bench_system_stub(struct bench_system *system, const struct bench_options *options)
{
    *system = (struct bench_system){.name = "stub",
                                    .start = start,
                                    .load = load,
                                    .dial = dial,
                                    .check = check,
                                    .stop = stop,
                                    .options = options};
}
