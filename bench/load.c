/* One worker per thread, each with an epoll set and its share of the connections; nothing is shared
 * while it runs. A turn of a connection is one read, a scan of all answers in it, one write of all
 * new requests. Requests are made in a buffer of the worker, so that it stays in the cache; what a
 * socket does not take is kept by the connection.
 *
 * Threads: bench_load_run: main. All else: the worker's own. */
#include "bench/load.h"
#include "bench/scratch.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES    (256u * 1024)
#define TAIL_BYTES    (64u * 1024) /* the longest answer */
#define OPEN_SLOTS    8192u        /* in flight on one connection of an open loop */
#define DRAIN_NS      20000000000  /* the wait for what is still in flight at the end */
#define OPEN_PAUSE_NS 50000        /* an open loop sleeps at most so long */

struct conn {
    int fd;
    int blocked; /* the socket took no more: EPOLLOUT is watched */
    uint32_t slots, outstanding;
    uint32_t sent, done;  /* ordered wires: slot is the count modulo slots (a power of two) */
    uint32_t *free_slots; /* else: a stack */
    int64_t *asked_ns;    /* per slot: sent, or due; 0 = not in flight */
    uint8_t *out;         /* what the socket did not take */
    uint32_t out_at, out_size;
    uint8_t *tail; /* the beginning of an answer */
    uint32_t tail_size;
};

struct worker {
    const struct bench_load *load;
    struct bench_wire wire;
    struct bench_picker picker;
    struct bench_result *result;
    struct conn *conns;
    uint32_t count, turn;
    int epoll;
    unsigned number, threads;
    uint64_t order; /* of the next request; steps by the number of threads */
    int64_t start_ns, count_from_ns, end_ns;
    uint64_t due; /* open loop: arrivals so far */
    uint8_t *in, *out;
    uint64_t outstanding;
    int broken;
    pthread_t handle;
    _Atomic int finished;
};

/* Keep the first thing that went wrong, for the report. */
static void remember(struct worker *worker, const char *what, const void *text, uint32_t size)
{
    if (worker->result->failure[0])
        return;
    int at = snprintf(worker->result->failure, sizeof(worker->result->failure), "%s", what);
    for (uint32_t i = 0; i < size && at < (int)sizeof(worker->result->failure) - 1; i++) {
        char c = ((const char *)text)[i];
        worker->result->failure[at++] = c >= ' ' && c < 127 ? c : '.';
    }
}

static void fail(struct worker *worker, const char *what, const void *text, uint32_t size)
{
    remember(worker, what, text, size);
    worker->broken = 1;
}

static uint32_t slot_take(struct worker *worker, struct conn *conn, int64_t asked_ns)
{
    uint32_t slot = worker->wire.ordered ? conn->sent++ & (conn->slots - 1)
                                         : conn->free_slots[conn->slots - ++conn->outstanding];
    if (worker->wire.ordered)
        conn->outstanding++;
    worker->outstanding++;
    conn->asked_ns[slot] = asked_ns;
    return slot;
}

/* When the request in that slot was asked; 0: there is none, the answer is not ours. */
static int64_t slot_give(struct worker *worker, struct conn *conn, uint32_t slot)
{
    if (worker->wire.ordered)
        slot = conn->done++ & (conn->slots - 1);
    if (slot >= conn->slots || !conn->asked_ns[slot])
        return 0;
    int64_t asked_ns = conn->asked_ns[slot];
    conn->asked_ns[slot] = 0;
    if (!worker->wire.ordered)
        conn->free_slots[conn->slots - conn->outstanding] = slot;
    conn->outstanding--;
    worker->outstanding--;
    return asked_ns;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static void watch_writes(struct worker *worker, struct conn *conn, int on)
{
    struct epoll_event event = {.events = EPOLLIN | (on ? EPOLLOUT : 0), .data.ptr = conn};
    conn->blocked = on;
    epoll_ctl(worker->epoll, EPOLL_CTL_MOD, conn->fd, &event);
}

/* Write; what is not taken is kept. data may be conn's own rest. */
static void push(struct worker *worker, struct conn *conn, const uint8_t *data, uint32_t size)
{
    ssize_t done = write(conn->fd, data, size);
    if (done < 0 && errno != EAGAIN && errno != EINTR) {
        fail(worker, "write: ", strerror(errno), (uint32_t)strlen(strerror(errno)));
        return;
    }
    uint32_t taken = done > 0 ? (uint32_t)done : 0;
    if (taken < size && data != conn->out + conn->out_at)
        memcpy(conn->out, data + taken, size - taken);
    conn->out_at = data == conn->out + conn->out_at ? conn->out_at + taken : 0;
    conn->out_size = size - taken;
    if ((conn->out_size != 0) != conn->blocked)
        watch_writes(worker, conn, conn->out_size != 0);
}

/* `count` new requests on one connection; asked_ns[i] (or the one instant) is when each began. */
static void ask(struct worker *worker, struct conn *conn, uint32_t count, int64_t asked_ns,
                double step_ns)
{
    struct bench_wire *wire = &worker->wire;
    uint8_t *at = worker->out;
    if (conn->out_size) { /* behind the rest; there is room for all slots */
        memmove(conn->out, conn->out + conn->out_at, conn->out_size);
        conn->out_at = 0;
        at = conn->out + conn->out_size;
    }
    for (uint32_t i = 0; i < count; i++, at += wire->size) {
        uint32_t slot = slot_take(worker, conn, asked_ns + (int64_t)(step_ns * i));
        wire->put(wire, at, slot, worker->order, bench_pick(&worker->picker));
        worker->order += worker->threads;
    }
    worker->result->asked += count;
    if (conn->out_size)
        push(worker, conn, conn->out, conn->out_size + count * wire->size);
    else
        push(worker, conn, worker->out, count * wire->size);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static void note(struct worker *worker, const struct bench_answer *answer, int64_t asked_ns,
                 int64_t now_ns)
{
    struct bench_result *result = worker->result;
    result->outcomes[answer->outcome]++;
    result->answered++;
    if (answer->outcome >= BENCH_OUTCOME_BUSY) {
        remember(worker, "answer: ", answer->text, answer->text_size); /* the run goes on */
        return;
    }
    int64_t counts_ns = worker->load->rate > 0 ? asked_ns : now_ns;
    if (counts_ns < worker->count_from_ns || counts_ns >= worker->end_ns)
        return;
    bench_hist_add(&result->hist, now_ns - asked_ns);
    result->counted += now_ns < worker->end_ns;
}

/* Everything that can be read now, scanned. Returns 0 when the connection is gone. */
static int take_answers(struct worker *worker, struct conn *conn, int64_t now_ns)
{
    uint32_t size = conn->tail_size;
    memcpy(worker->in, conn->tail, size);
    ssize_t got = read(conn->fd, worker->in + size, READ_BYTES - size);
    if (got <= 0) {
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return 1;
        fail(worker, got == 0 ? "the server closed the connection" : "read failed", "", 0);
        return 0;
    }
    size += (uint32_t)got;
    uint32_t at = 0;
    while (at < size) {
        struct bench_answer answer = {.text = "", .slot = UINT32_MAX};
        uint32_t used = worker->wire.scan(worker->in + at, size - at, &answer);
        if (used == 0)
            break;
        int64_t asked_ns = used == BENCH_SCAN_BAD ? 0 : slot_give(worker, conn, answer.slot);
        if (!asked_ns) {
            fail(worker,
                 used == BENCH_SCAN_BAD ? "not an answer: " : "answered twice: ", worker->in + at,
                 size - at);
            return 0;
        }
        note(worker, &answer, asked_ns, now_ns);
        at += used;
    }
    conn->tail_size = size - at;
    if (conn->tail_size > TAIL_BYTES) {
        fail(worker, "an answer is too long", "", 0);
        return 0;
    }
    memcpy(conn->tail, worker->in + at, conn->tail_size);
    return 1;
}

/* ---- the loops --------------------------------------------------------------------------------
 */

static void turn_conn(struct worker *worker, const struct epoll_event *event, int refill)
{
    struct conn *conn = event->data.ptr;
    int64_t now_ns = bench_now_ns();
    if (event->events & EPOLLOUT && conn->out_size)
        push(worker, conn, conn->out + conn->out_at, conn->out_size);
    if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !take_answers(worker, conn, now_ns))
        return;
    if (refill && now_ns < worker->end_ns && conn->outstanding < worker->load->options->inflight)
        ask(worker, conn, worker->load->options->inflight - conn->outstanding, bench_now_ns(), 0);
}

/* Open loop: all arrivals that are due by now, in runs on one connection after the other. */
static void ask_due(struct worker *worker, int64_t now_ns)
{
    double step_ns = 1e9 * worker->threads / worker->load->rate;
    int64_t until_ns = now_ns < worker->end_ns ? now_ns : worker->end_ns;
    if (until_ns <= worker->start_ns)
        return;
    uint64_t due = (uint64_t)((double)(until_ns - worker->start_ns) / step_ns);
    for (uint32_t full = 0; worker->due < due && full < worker->count;) {
        struct conn *conn = &worker->conns[worker->turn++ % worker->count];
        uint64_t run = due - worker->due;
        uint32_t room = conn->slots - conn->outstanding;
        run = run < worker->load->options->inflight ? run : worker->load->options->inflight;
        run = run < room ? run : room;
        full = run ? 0 : full + 1;
        if (run)
            ask(worker, conn, (uint32_t)run,
                worker->start_ns + (int64_t)(step_ns * (double)(worker->due + 1)), step_ns);
        worker->due += run;
    }
}

/* 1 when all is done: the time is over and nothing is owed. */
static int is_over(struct worker *worker, int64_t now_ns)
{
    if (bench_stopping() && worker->end_ns > now_ns)
        worker->end_ns = now_ns;
    if (now_ns < worker->end_ns || worker->broken)
        return worker->broken;
    if (worker->load->rate > 0) {
        double step_ns = 1e9 * worker->threads / worker->load->rate;
        if (worker->due < (uint64_t)((double)(worker->end_ns - worker->start_ns) / step_ns) &&
            now_ns < worker->end_ns + DRAIN_NS)
            return 0;
    }
    return worker->outstanding == 0 || now_ns >= worker->end_ns + DRAIN_NS;
}

static void work(struct worker *worker)
{
    struct epoll_event events[128];
    int open = worker->load->rate > 0;
    int64_t now_ns = worker->start_ns, ticked_ns = 0;
    for (uint32_t i = 0; !open && i < worker->count && !worker->broken; i++)
        ask(worker, &worker->conns[i], worker->load->options->inflight, bench_now_ns(), 0);
    while (!is_over(worker, now_ns = bench_now_ns())) {
        if (worker->wire.tick && now_ns - ticked_ns > 1000000) {
            worker->wire.tick(&worker->wire, bench_wall_ms());
            ticked_ns = now_ns;
        }
        if (open)
            ask_due(worker, now_ns);
        struct timespec pause = {0, open ? OPEN_PAUSE_NS : 50000000};
        int ready = epoll_pwait2(worker->epoll, events, 128, &pause, NULL);
        for (int i = 0; i < ready && !worker->broken; i++)
            turn_conn(worker, &events[i], !open);
    }
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    struct timespec cpu;
    pthread_setname_np(pthread_self(), "bench-client");
    prctl(PR_SET_TIMERSLACK, 1);
    work(worker);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    worker->result->client_cpu_us = (uint64_t)cpu.tv_sec * 1000000 + (uint64_t)cpu.tv_nsec / 1000;
    worker->result->next_order = worker->order;
    atomic_store_explicit(&worker->finished, 1, memory_order_release); /* pairs with run_all */
    return NULL;
}

/* ---- set-up -----------------------------------------------------------------------------------
 */

static int conn_init(struct worker *worker, struct conn *conn, int fd)
{
    uint32_t wanted = worker->load->rate > 0 ? OPEN_SLOTS : worker->load->options->inflight;
    *conn = (struct conn){.fd = fd, .slots = 1};
    while (conn->slots < wanted)
        conn->slots *= 2;
    conn->asked_ns = calloc(conn->slots, sizeof(*conn->asked_ns));
    conn->free_slots = malloc(conn->slots * sizeof(*conn->free_slots));
    conn->out = malloc((size_t)conn->slots * worker->wire.size);
    conn->tail = malloc(TAIL_BYTES);
    if (!conn->asked_ns || !conn->free_slots || !conn->out || !conn->tail)
        return 0;
    for (uint32_t i = 0; i < conn->slots; i++)
        conn->free_slots[i] = i;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static int worker_init(struct worker *worker, const struct bench_load *load, unsigned number)
{
    uint32_t threads = load->options->threads, conns = load->options->conns;
    *worker = (struct worker){.load = load,
                              .wire = *load->wire,
                              .picker = bench_picker(load->picks, load->options, number),
                              .result = calloc(1, sizeof(struct bench_result)),
                              .conns = calloc(conns, sizeof(struct conn)),
                              .epoll = epoll_create1(EPOLL_CLOEXEC),
                              .number = number,
                              .threads = threads,
                              .order = load->first_order + number,
                              .in = malloc(READ_BYTES + TAIL_BYTES)};
    uint32_t most = load->options->inflight > OPEN_SLOTS ? load->options->inflight : OPEN_SLOTS;
    worker->out = malloc((size_t)most * worker->wire.size);
    if (!worker->result || !worker->conns || !worker->in || !worker->out || worker->epoll < 0)
        return 0;
    for (uint32_t i = number; i < conns; i += threads)
        if (!conn_init(worker, &worker->conns[worker->count++], load->fds[i]))
            return 0;
    if (worker->wire.tick)
        worker->wire.tick(&worker->wire, bench_wall_ms());
    return 1;
}

static void worker_fini(struct worker *worker)
{
    for (uint32_t i = 0; worker->conns && i < worker->count; i++) {
        free(worker->conns[i].asked_ns);
        free(worker->conns[i].free_slots);
        free(worker->conns[i].out);
        free(worker->conns[i].tail);
    }
    if (worker->epoll > 0)
        close(worker->epoll);
    free(worker->conns);
    free(worker->in);
    free(worker->out);
    free(worker->result);
}

static void collect(struct bench_result *into, const struct worker *worker)
{
    const struct bench_result *from = worker->result;
    bench_hist_merge(&into->hist, &from->hist);
    for (int i = 0; i < BENCH_OUTCOMES; i++)
        into->outcomes[i] += from->outcomes[i];
    into->counted += from->counted;
    into->asked += from->asked;
    into->answered += from->answered;
    into->client_cpu_us += from->client_cpu_us;
    if (from->next_order > into->next_order)
        into->next_order = from->next_order;
    if (from->failure[0] && !into->failure[0])
        memcpy(into->failure, from->failure, sizeof(into->failure));
    double seconds = (double)(worker->end_ns - worker->count_from_ns) / 1e9;
    if (seconds > into->seconds) /* Ctrl-C cuts it short */
        into->seconds = seconds;
}

/* Start all, watch, join. Returns how many were broken. */
static unsigned run_all(const struct bench_load *load, struct worker *workers, unsigned threads)
{
    unsigned started = 0, broken = 0;
    int64_t start_ns = bench_now_ns();
    for (unsigned i = 0; i < threads; i++, started++) {
        workers[i].start_ns = start_ns;
        workers[i].count_from_ns = start_ns + (int64_t)(load->warmup * 1e9);
        workers[i].end_ns = workers[i].count_from_ns + (int64_t)(load->seconds * 1e9);
        if (pthread_create(&workers[i].handle, NULL, worker_main, &workers[i]))
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        while (!atomic_load_explicit(&workers[i].finished, memory_order_acquire)) {
            bench_sleep_ms(20);
            if (load->watch)
                load->watch(load->arg, (double)(bench_now_ns() - start_ns) / 1e9);
        }
        pthread_join(workers[i].handle, NULL);
        broken += workers[i].broken != 0;
    }
    return broken + (threads - started);
}

int bench_load_run(const struct bench_load *load, struct bench_result *result)
{
    unsigned threads = load->options->threads, broken = 0;
    struct worker *workers = calloc(threads, sizeof(*workers));
    memset(result, 0, sizeof(*result));
    for (unsigned i = 0; workers && i < threads; i++)
        broken += !worker_init(&workers[i], load, i);
    if (!workers || broken)
        snprintf(result->failure, sizeof(result->failure), "out of memory for the client");
    else
        broken = run_all(load, workers, threads);
    for (unsigned i = 0; workers && i < threads; i++) {
        if (workers[i].result)
            collect(result, &workers[i]);
        worker_fini(&workers[i]);
    }
    int ok = workers && !broken;
    free(workers);
    result->ops_per_s = result->seconds > 0 ? (double)result->counted / result->seconds : 0;
    if (ok && result->asked != result->answered) {
        snprintf(result->failure, sizeof(result->failure), "%llu requests were never answered",
                 (unsigned long long)(result->asked - result->answered));
        ok = 0;
    }
    return ok;
}
