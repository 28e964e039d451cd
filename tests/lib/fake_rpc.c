/* One thread, poll over the listener and its connections, blocking writes. */
#include "tests/lib/fake_rpc.h"
#include "core/base/limits.h"
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS 32
#define VALUES      65536

struct connection {
    int fd; /* -1: none */
    char *in;
    size_t size;
    char *later; /* an answer held back */
    size_t later_size;
};

struct fake_rpc {
    fake_rpc_fn fn;
    void *arg;
    size_t piece;
    int listener, stop[2];
    char folder[64], path[80];
    pthread_t thread;
    struct connection connections[CONNECTIONS];
    atomic_uint accepted;
    struct stk_value *values;
};

void fake_rpc_refuse(struct stk_doc *out, const char *code, const char *message)
{
    stk_doc_map(out, 2);
    stk_doc_key_text(out, "code", code);
    stk_doc_key_text(out, "message", message);
    stk_doc_nil(out);
}

static void put(struct fake_rpc *fake, int fd, const char *data, size_t size)
{
    while (size) {
        size_t piece = fake->piece && fake->piece < size ? fake->piece : size;
        ssize_t done = send(fd, data, piece, MSG_NOSIGNAL);
        if (done <= 0)
            return; /* the client is gone */
        data += done;
        size -= (size_t)done;
    }
}

static void drop(struct connection *connection)
{
    close(connection->fd);
    free(connection->in);
    free(connection->later);
    *connection = (struct connection){.fd = -1};
}

/* 0: the connection is closed. */
static int serve(struct fake_rpc *fake, struct connection *connection, const struct stk_value *root)
{
    static __thread uint8_t room[STK_ANSWER_MAX];
    const struct stk_value *part = root->as.items;
    struct stk_doc out = stk_doc(room, sizeof(room));
    stk_assert(root->type == STK_VALUE_ARRAY && root->size == 4 && part[0].as.integer == 0);
    stk_assert(part[3].type == STK_VALUE_ARRAY && part[3].size == 1);
    stk_doc_array(&out, 4);
    stk_doc_int(&out, 1);
    stk_doc_uint(&out, (uint64_t)part[1].as.integer);
    enum fake_deed deed = fake->fn(fake->arg, stk_value_bytes(&part[2]), part[3].as.items, &out);
    stk_assert(!out.overflow);
    if (deed == FAKE_CLOSE) {
        drop(connection);
        return 0;
    }
    if (deed == FAKE_LATER) {
        stk_assert(!connection->later);
        connection->later = malloc(out.size);
        stk_assert(connection->later != NULL);
        memcpy(connection->later, out.data, out.size);
        connection->later_size = out.size;
    }
    if (deed != FAKE_ANSWER)
        return 1;
    put(fake, connection->fd, (const char *)out.data, out.size);
    if (connection->later) {
        put(fake, connection->fd, connection->later, connection->later_size);
        free(connection->later);
        connection->later = NULL;
    }
    return 1;
}

static void receive(struct fake_rpc *fake, struct connection *connection)
{
    struct stk_parse parse;
    size_t at = 0;
    connection->in = realloc(connection->in, connection->size + 65536);
    stk_assert(connection->in != NULL);
    ssize_t got = recv(connection->fd, connection->in + connection->size, 65536, 0);
    if (got <= 0) {
        drop(connection);
        return;
    }
    connection->size += (size_t)got;
    while (at < connection->size &&
           stk_doc_parse(connection->in + at, connection->size - at, STK_MESSAGE_MAX, STK_DEPTH_MAX,
                         fake->values, VALUES, &parse) == STK_OK) {
        at += parse.consumed;
        if (!serve(fake, connection, parse.root))
            return;
    }
    connection->size -= at;
    memmove(connection->in, connection->in + at, connection->size);
}

static void take(struct fake_rpc *fake)
{
    int fd = accept(fake->listener, NULL, NULL), i = 0;
    stk_assert(fd >= 0);
    while (i < CONNECTIONS && fake->connections[i].fd >= 0)
        i++;
    stk_assert(i < CONNECTIONS);
    fake->connections[i].fd = fd;
    atomic_fetch_add(&fake->accepted, 1);
}

static void *run(void *arg)
{
    struct fake_rpc *fake = arg;
    for (;;) {
        struct pollfd fds[CONNECTIONS + 2] = {{.fd = fake->stop[0], .events = POLLIN},
                                              {.fd = fake->listener, .events = POLLIN}};
        for (int i = 0; i < CONNECTIONS; i++)
            fds[i + 2] = (struct pollfd){.fd = fake->connections[i].fd, .events = POLLIN};
        if (poll(fds, CONNECTIONS + 2, -1) < 0)
            continue;
        if (fds[0].revents)
            return NULL;
        for (int i = 0; i < CONNECTIONS; i++)
            if (fds[i + 2].revents)
                receive(fake, &fake->connections[i]);
        if (fds[1].revents)
            take(fake);
    }
}

struct fake_rpc *fake_rpc_start(fake_rpc_fn fn, void *arg, size_t piece)
{
    struct fake_rpc *fake = calloc(1, sizeof(*fake));
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    stk_assert(fake != NULL);
    fake->fn = fn;
    fake->arg = arg;
    fake->piece = piece;
    fake->values = calloc(VALUES, sizeof(*fake->values));
    for (int i = 0; i < CONNECTIONS; i++)
        fake->connections[i].fd = -1;
    snprintf(fake->folder, sizeof(fake->folder), "/tmp/fake-rpc-XXXXXX");
    stk_assert(fake->values != NULL && mkdtemp(fake->folder) != NULL);
    snprintf(fake->path, sizeof(fake->path), "%s/socket", fake->folder);
    memcpy(address.sun_path, fake->path, strlen(fake->path));
    fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    stk_assert(!bind(fake->listener, (struct sockaddr *)&address, sizeof(address)));
    stk_assert(!listen(fake->listener, 16) && !pipe(fake->stop));
    stk_assert(!pthread_create(&fake->thread, NULL, run, fake));
    return fake;
}

const char *fake_rpc_path(const struct fake_rpc *fake)
{
    return fake->path;
}

unsigned fake_rpc_connections(const struct fake_rpc *fake)
{
    return atomic_load(&fake->accepted);
}

void fake_rpc_stop(struct fake_rpc *fake)
{
    stk_assert(write(fake->stop[1], "x", 1) == 1);
    pthread_join(fake->thread, NULL);
    for (int i = 0; i < CONNECTIONS; i++)
        if (fake->connections[i].fd >= 0)
            drop(&fake->connections[i]);
    close(fake->listener);
    close(fake->stop[0]);
    close(fake->stop[1]);
    unlink(fake->path);
    rmdir(fake->folder);
    free(fake->values);
    free(fake);
}
