/* Rings in shared memory. Records: 8 bytes of size, then the message, both multiples of 8, wrapped
 * at the end of the ring byte by byte.
 *
 * Always true: own positions are private; what is read from shared memory is one position or one
 * size, read once and compared with what can be; a reader copies before it judges, so that nothing
 * changes under its eyes. */
#include "core/plug/link.h"
#include "core/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define TURN_MESSAGES 256 /* taken before others of the loop have their turn */
#define HEAD_BYTES    8
#define MASK          (STK_LINK_BYTES - 1)
_Static_assert((STK_LINK_BYTES & MASK) == 0, "a power of two");
_Static_assert(STK_LINK_BYTES >= 3 * STK_MESSAGE_SIZE_MAX, "room for some of the largest");

struct ring {
    _Alignas(64) _Atomic uint64_t tail;   /* the writer's */
    _Alignas(64) _Atomic uint64_t head;   /* the reader's */
    _Alignas(64) _Atomic uint32_t asleep; /* the reader says that it waits for a wake-up */
    _Alignas(64) uint8_t data[STK_LINK_BYTES];
};
struct shared {
    struct ring ring[2]; /* [0] is written by the first end */
};

struct stk_link {
    struct shared *shared;
    struct ring *out, *in;
    uint64_t tail, head; /* private: of out, of in */
    int memory_fd;
    int in_fd, out_fd; /* eventfds */
    int broken;
    struct stk_loop_fd *watch;
    void (*on_message)(void *arg, const void *message, uint32_t size);
    void (*on_broken)(void *arg);
    void *arg;
    uint64_t *room; /* one message, private */
};

static struct stk_link *make(int memory_fd, int in_fd, int out_fd, int first, struct stk_error *err)
{
    struct stk_link *link = stk_alloc(sizeof *link);
    if (!link) {
        stk_error_set(err, STK_NO_MEMORY, "link: out of memory");
        close(memory_fd), close(in_fd), close(out_fd);
        return NULL;
    }
    link->memory_fd = memory_fd;
    link->in_fd = in_fd;
    link->out_fd = out_fd;
    link->room = stk_alloc(STK_MESSAGE_SIZE_MAX);
    void *memory =
        mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
    if (memory == MAP_FAILED || !link->room) {
        stk_error_set(err, STK_NO_MEMORY, "link: out of memory");
        stk_link_destroy(link);
        return NULL;
    }
    link->shared = memory;
    link->out = &link->shared->ring[!first];
    link->in = &link->shared->ring[first];
    return link;
}

struct stk_link *stk_link_create(struct stk_error *err)
{
    int memory = memfd_create("stockade-plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int in = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), out = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    /* sealed: the other end cannot take the memory away under our eyes */
    if (memory < 0 || in < 0 || out < 0 || ftruncate(memory, sizeof(struct shared)) != 0 ||
        fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        stk_error_errno(err, errno, "link: cannot make shared memory");
        close(memory), close(in), close(out);
        return NULL;
    }
    return make(memory, in, out, 1, err);
}

void stk_link_fds(const struct stk_link *link, int fds[STK_LINK_FDS])
{
    fds[0] = link->memory_fd;
    fds[1] = link->out_fd;
    fds[2] = link->in_fd;
}

struct stk_link *stk_link_open(const int fds[STK_LINK_FDS], struct stk_error *err)
{
    struct stk_link *link = make(fds[0], fds[1], fds[2], 0, err);
    return link;
}

struct stk_link *stk_link_peer(const struct stk_link *link, struct stk_error *err)
{
    int fds[STK_LINK_FDS], copies[STK_LINK_FDS];
    stk_link_fds(link, fds);
    for (int i = 0; i < STK_LINK_FDS; i++) {
        copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
        if (copies[i] >= 0)
            continue;
        stk_error_errno(err, errno, "link: no more files");
        while (i-- > 0)
            close(copies[i]);
        return NULL;
    }
    return stk_link_open(copies, err);
}

void stk_link_destroy(struct stk_link *link)
{
    if (!link)
        return;
    stk_link_detach(link);
    if (link->shared)
        munmap(link->shared, sizeof(struct shared));
    close(link->memory_fd);
    close(link->in_fd);
    close(link->out_fd);
    stk_free(link->room);
    stk_free(link);
}

/* ---- bytes ---- */

static void copy_in(struct ring *ring, uint64_t position, const void *from, uint32_t size)
{
    uint32_t at = (uint32_t)(position & MASK);
    uint32_t first = size < STK_LINK_BYTES - at ? size : STK_LINK_BYTES - at;
    memcpy(ring->data + at, from, first);
    memcpy(ring->data, (const uint8_t *)from + first, size - first);
}

static void copy_out(const struct ring *ring, uint64_t position, void *to, uint32_t size)
{
    uint32_t at = (uint32_t)(position & MASK);
    uint32_t first = size < STK_LINK_BYTES - at ? size : STK_LINK_BYTES - at;
    memcpy(to, ring->data + at, first);
    memcpy((uint8_t *)to + first, ring->data, size - first);
}

static void wake(int fd)
{
    uint64_t one = 1;
    ssize_t done = write(fd, &one, sizeof one); /* full: it is awake anyway */
    (void)done;
}

/* ---- sending ---- */

enum stk_status stk_link_send(struct stk_link *link, const struct stk_message *message,
                              uint32_t spare)
{
    struct ring *ring = link->out;
    uint64_t size = message->size;
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire); /* pairs with take */
    if (message->size > STK_MESSAGE_SIZE_MAX || message->size % 8)
        return STK_TOO_LARGE;
    if (link->broken || head > link->tail || link->tail - head > STK_LINK_BYTES)
        return STK_CORRUPT;
    if (link->tail - head + HEAD_BYTES + message->size + spare > STK_LINK_BYTES)
        return STK_BUSY;
    copy_in(ring, link->tail, &size, HEAD_BYTES);
    copy_in(ring, link->tail + HEAD_BYTES, message, message->size);
    link->tail += HEAD_BYTES + message->size;
    /* seq_cst: pairs with the store of asleep in rest; one of both sees the other's */
    atomic_store_explicit(&ring->tail, link->tail, memory_order_seq_cst);
    if (atomic_exchange_explicit(&ring->asleep, 0, memory_order_seq_cst))
        wake(link->out_fd);
    return STK_OK;
}

/* ---- receiving ---- */

/* The size of the next message, now in room; 0: there is none; UINT32_MAX: it cannot be. */
static uint32_t take(struct stk_link *link)
{
    struct ring *ring = link->in;
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_seq_cst); /* pairs with send */
    uint64_t there = tail - link->head, size;
    if (there == 0)
        return 0;
    if (there > STK_LINK_BYTES || there < HEAD_BYTES)
        return UINT32_MAX;
    copy_out(ring, link->head, &size, HEAD_BYTES);
    if (size < sizeof(struct stk_message) || size > STK_MESSAGE_SIZE_MAX || size % 8 ||
        size > there - HEAD_BYTES)
        return UINT32_MAX;
    copy_out(ring, link->head + HEAD_BYTES, link->room, (uint32_t)size);
    link->head += HEAD_BYTES + size;
    /* release: pairs with the load of head in send */
    atomic_store_explicit(&ring->head, link->head, memory_order_release);
    return (uint32_t)size;
}

/* Nothing is there: say so, and look once more. */
static void rest(struct stk_link *link)
{
    /* seq_cst: pairs with the store of tail in send */
    atomic_store_explicit(&link->in->asleep, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&link->in->tail, memory_order_seq_cst) != link->head)
        wake(link->in_fd);
}

static void ready(void *arg, int events)
{
    struct stk_link *link = arg;
    uint64_t count;
    ssize_t done = read(link->in_fd, &count, sizeof count);
    (void)done, (void)events;
    for (int i = 0; i < TURN_MESSAGES && link->watch; i++) {
        uint32_t size = take(link);
        if (size == 0) {
            rest(link);
            return;
        }
        if (size == UINT32_MAX) {
            link->broken = 1;
            stk_link_detach(link);
            link->on_broken(link->arg);
            return;
        }
        link->on_message(link->arg, link->room, size);
    }
    wake(link->in_fd);
}

enum stk_status stk_link_attach(struct stk_link *link, struct stk_loop *loop,
                                void (*on_message)(void *arg, const void *message, uint32_t size),
                                void (*on_broken)(void *arg), void *arg)
{
    link->on_message = on_message;
    link->on_broken = on_broken;
    link->arg = arg;
    link->watch = stk_loop_fd_add(loop, link->in_fd, STK_LOOP_READ, ready, link);
    if (!link->watch)
        return STK_NO_MEMORY;
    wake(link->in_fd);
    return STK_OK;
}

void stk_link_detach(struct stk_link *link)
{
    if (link->watch)
        stk_loop_fd_remove(link->watch);
    link->watch = NULL;
}
